-- One row per table: the day of its rows, how its newest day ended, and what is wrong.
-- source: Name of the source in landbridge.yaml
-- source_table: `schema.table` in the source
-- table_name: Table in BigQuery; NULL if it has none
-- last_published_day: The day of the rows that the table has; NULL if it was never published
-- published_at: When that day was published
-- status: State of the newest day: `published`, `held`, `missing` or `skipped`
-- status_day: The newest day that has a receipt of the table
-- row_count: Rows of the last published day
-- usual_row_count: Median of up to 14 published days before it
-- change_percent: Change of row_count against usual_row_count; NULL without earlier days
-- reason: Why the newest day is not published
-- open_incidents: Incidents of the table that are open, without notices, as of the newest tick of the load
-- incident_causes: Their causes
WITH receipts AS (
  SELECT source, source_table, table_name, day, state, rows_table, problem, notes, recorded_at
  FROM `{ops}.receipts`
  WHERE state != 'superseded'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source, source_table, day ORDER BY recorded_at DESC) = 1
),
newest AS (
  SELECT
    source, source_table, table_name, day AS status_day, state AS status, problem,
    IF(state = 'published', NULL, COALESCE(problem, JSON_VALUE(notes, '$[0].text'))) AS reason
  FROM receipts
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source, source_table ORDER BY day DESC) = 1
),
published AS (
  SELECT
    source, source_table, table_name, day, rows_table, recorded_at,
    ROW_NUMBER() OVER (PARTITION BY source, source_table ORDER BY day DESC) AS nth
  FROM receipts
  WHERE state = 'published'
),
usual AS (
  SELECT DISTINCT
    source, source_table,
    PERCENTILE_CONT(rows_table, 0.5) OVER (PARTITION BY source, source_table) AS usual_row_count
  FROM published
  WHERE nth BETWEEN 2 AND 15
),
incidents AS (
  SELECT source, incident, state, is_notice, cause, open_tables
  FROM `{ops}.incidents`
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source, incident ORDER BY recorded_at DESC, changes DESC) = 1
),
open_incidents AS (
  SELECT
    newest.source, newest.source_table,
    COUNT(*) AS open_incidents,
    STRING_AGG(incidents.cause, '; ' ORDER BY incidents.incident) AS incident_causes
  FROM newest
  LEFT JOIN published
    ON published.source = newest.source AND published.source_table = newest.source_table AND published.nth = 1
  JOIN incidents
    ON incidents.source = newest.source
  WHERE incidents.state = 'open' AND NOT incidents.is_notice
    AND (newest.source_table IN UNNEST(incidents.open_tables) OR published.table_name IN UNNEST(incidents.open_tables))
  GROUP BY newest.source, newest.source_table
)
SELECT
  newest.source,
  newest.source_table,
  COALESCE(published.table_name, NULLIF(newest.table_name, '')) AS table_name,
  published.day AS last_published_day,
  published.recorded_at AS published_at,
  newest.status,
  newest.status_day,
  published.rows_table AS row_count,
  usual.usual_row_count,
  ROUND(SAFE_DIVIDE(100 * (published.rows_table - usual.usual_row_count), usual.usual_row_count), 1) AS change_percent,
  newest.reason,
  COALESCE(open_incidents.open_incidents, 0) AS open_incidents,
  open_incidents.incident_causes
FROM newest
LEFT JOIN published
  ON published.source = newest.source AND published.source_table = newest.source_table AND published.nth = 1
LEFT JOIN usual
  ON usual.source = newest.source AND usual.source_table = newest.source_table
LEFT JOIN open_incidents
  ON open_incidents.source = newest.source AND open_incidents.source_table = newest.source_table
WHERE newest.status != 'skipped' OR published.day IS NOT NULL OR newest.problem IS NOT NULL
