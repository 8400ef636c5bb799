{{
  config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    partitions=ga4_written_days(),
    partition_by={'field': 'session_date', 'data_type': 'date'},
    cluster_by=['session_key'],
    on_schema_change='fail'
  )
}}
-- One row per session, on the day of its first event. Events without a session (a visitor who gave
-- no consent) are only in ga4_events.
--
-- The day before the first written one is read as well: a session that began there is not a new one.
WITH sessions AS (
  SELECT
    session_key,
    ANY_VALUE(visitor_key) AS visitor_key,
    MIN(event_date) AS session_date,
    MIN(event_at) AS started_at,
    MAX(event_at) AS ended_at,
    MAX(session_number) AS session_number,
    -- A person can log out and another log in: the last one counts, the number says so.
    ARRAY_AGG(user_key IGNORE NULLS ORDER BY event_at DESC LIMIT 1)[SAFE_OFFSET(0)] AS user_key,
    COUNT(DISTINCT user_key) AS users,
    COUNT(*) AS events,
    COUNTIF(event_name = 'page_view') AS page_views,
    COUNTIF(event_name = 'link_click') AS link_clicks,
    COUNT(DISTINCT booking_id) AS bookings,
    SUM(engagement_msec) / 1000 AS engagement_seconds,
    ARRAY_AGG(page_path IGNORE NULLS ORDER BY event_at LIMIT 1)[SAFE_OFFSET(0)] AS landing_page,
    ARRAY_AGG(source IGNORE NULLS ORDER BY event_at LIMIT 1)[SAFE_OFFSET(0)] AS source,
    ARRAY_AGG(medium IGNORE NULLS ORDER BY event_at LIMIT 1)[SAFE_OFFSET(0)] AS medium,
    ARRAY_AGG(campaign IGNORE NULLS ORDER BY event_at LIMIT 1)[SAFE_OFFSET(0)] AS campaign,
    ARRAY_AGG(device_category IGNORE NULLS ORDER BY event_at LIMIT 1)[SAFE_OFFSET(0)]
      AS device_category,
    ARRAY_AGG(country IGNORE NULLS ORDER BY event_at LIMIT 1)[SAFE_OFFSET(0)] AS country
  FROM {{ ref('ga4_events') }}
  WHERE session_key IS NOT NULL
    AND event_date >= DATE_SUB({{ ga4_first_written_day() }}, INTERVAL 1 DAY)
  GROUP BY session_key
)

SELECT
  session_date,
  session_key,
  visitor_key,
  user_key,
  users,
  session_number,
  started_at,
  ended_at,
  events,
  page_views,
  link_clicks,
  bookings,
  engagement_seconds,
  landing_page,
  COALESCE(source, '(direct)') AS source,
  COALESCE(medium, '(none)') AS medium,
  campaign,
  device_category,
  country
FROM sessions
WHERE session_date >= {{ ga4_first_written_day() }}
