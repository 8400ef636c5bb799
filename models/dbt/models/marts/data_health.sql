-- The newest receipt of each table: what an analyst may trust today.
SELECT
  source,
  source_table,
  table_name,
  state,
  day AS data_day,
  snapshot_at,
  rows_table,
  rows_footer,
  rows_table = rows_footer AS is_complete,
  recorded_at
FROM {{ source('landbridge_ops', 'receipts') }}
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY source, source_table ORDER BY day DESC, recorded_at DESC
) = 1
