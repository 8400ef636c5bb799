-- A day of the export that ga4_events does not have: more days without a run than
-- ga4_changing_days. Run `dbt run --select ga4_events+ --vars '{ga4_changing_days: 10}'`.
WITH exported AS (
  SELECT DISTINCT PARSE_DATE('%Y%m%d', _TABLE_SUFFIX) AS event_date
  FROM {{ source('ga4', 'events') }}
  WHERE REGEXP_CONTAINS(_TABLE_SUFFIX, r'^[0-9]{8}$')
    AND _TABLE_SUFFIX >= FORMAT_DATE('%Y%m%d', DATE '{{ var("ga4_first_day") }}')
),

written AS (
  SELECT DISTINCT event_date
  FROM {{ ref('ga4_events') }}
)

SELECT exported.event_date
FROM exported
LEFT JOIN written ON written.event_date = exported.event_date
WHERE written.event_date IS NULL
