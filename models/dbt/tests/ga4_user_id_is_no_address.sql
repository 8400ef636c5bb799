-- GA4 forbids personal data in user_id, and an address there is in every export. The models never
-- copy it; this test stops the run until the site sends the user's key. It prints no address.
SELECT
  PARSE_DATE('%Y%m%d', event_date) AS event_date,
  event_name,
  COUNT(*) AS events
FROM {{ source('ga4', 'events') }}
WHERE REGEXP_CONTAINS(_TABLE_SUFFIX, r'^(intraday_)?[0-9]{8}$')
  AND RIGHT(_TABLE_SUFFIX, 8) >= FORMAT_DATE(
    '%Y%m%d', DATE_SUB({{ ga4_today() }}, INTERVAL {{ var('ga4_changing_days') }} DAY)
  )
  AND REGEXP_CONTAINS(user_id, r'@|%40')
GROUP BY event_date, event_name
