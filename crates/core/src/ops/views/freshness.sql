-- One row per table that was published: the day of its rows, when they came, and how late they are.
-- source: Name of the source in landbridge.yaml
-- source_table: `schema.table` in the source
-- table_name: Table in BigQuery
-- as_of_day: The day of the rows that the table has
-- snapshot_at: The instant of the database that the rows show
-- published_at: When they were published
-- due_at: The deadline of as_of_day; NULL for days before Landbridge recorded it
-- published_hours_late: Hours from the deadline until the day was first published; 0 if in time
-- hours_late: Hours since newer rows were due; 0 while they are not
WITH published AS (
  SELECT source, source_table, table_name, day, snapshot_at, recorded_at
  FROM `{ops}.receipts`
  WHERE state = 'published'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source, source_table ORDER BY day DESC, recorded_at DESC) = 1
),
deadlines AS (
  SELECT
    source, source_table, day,
    MAX(due_at) AS due_at,
    MIN(IF(state = 'published', recorded_at, NULL)) AS first_published_at
  FROM `{ops}.audits`
  WHERE check_name = 'deadline'
  GROUP BY source, source_table, day
)
SELECT
  published.source,
  published.source_table,
  published.table_name,
  published.day AS as_of_day,
  published.snapshot_at,
  published.recorded_at AS published_at,
  deadlines.due_at,
  GREATEST(0, TIMESTAMP_DIFF(deadlines.first_published_at, deadlines.due_at, HOUR)) AS published_hours_late,
  GREATEST(
    0,
    TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), TIMESTAMP_ADD(deadlines.due_at, INTERVAL 24 HOUR), HOUR)
  ) AS hours_late
FROM published
LEFT JOIN deadlines
  ON deadlines.source = published.source
  AND deadlines.source_table = published.source_table
  AND deadlines.day = published.day
