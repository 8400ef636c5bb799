-- One row per table and published day: its rows, and the means of the last 14 and 30 published days.
-- source: Name of the source in landbridge.yaml
-- source_table: `schema.table` in the source
-- table_name: Table in BigQuery
-- day: Day of the data
-- row_count: Rows of the table
-- row_change: Change against the published day before; NULL for the first
-- mean_14: Mean of the 14 published days up to this one; of fewer, if there are fewer
-- mean_30: Mean of the 30 published days up to this one; of fewer, if there are fewer
-- days_30: The number of days in mean_30
WITH published AS (
  SELECT source, source_table, table_name, day, rows_table
  FROM `{ops}.receipts`
  WHERE state = 'published'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source, source_table, day ORDER BY recorded_at DESC) = 1
)
SELECT
  source,
  source_table,
  table_name,
  day,
  rows_table AS row_count,
  rows_table - LAG(rows_table) OVER (PARTITION BY source, source_table ORDER BY day) AS row_change,
  ROUND(AVG(rows_table) OVER (
    PARTITION BY source, source_table ORDER BY day ROWS BETWEEN 13 PRECEDING AND CURRENT ROW
  ), 1) AS mean_14,
  ROUND(AVG(rows_table) OVER (
    PARTITION BY source, source_table ORDER BY day ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
  ), 1) AS mean_30,
  COUNT(*) OVER (
    PARTITION BY source, source_table ORDER BY day ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
  ) AS days_30
FROM published
