{{
  config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    partitions=ga4_written_days(),
    partition_by={'field': 'event_date', 'data_type': 'date'},
    cluster_by=['event_name', 'session_key'],
    on_schema_change='fail'
  )
}}
-- One row per event of the GA4 export, without what identifies a person: user_id becomes the key of
-- a known user or NULL, the cookie's id a hash, the address of a page its path. Google's place and
-- device columns are left out, except country and category.
--
-- Google changes the export of a day for up to three days. Each run writes these days again, and
-- reads one day more on either side, because an event can be in the table of another day.
WITH exported AS (
  SELECT
    PARSE_DATE('%Y%m%d', event_date) AS event_date,
    event_timestamp,
    event_name,
    event_params,
    user_id,
    user_pseudo_id,
    device.category AS device_category,
    geo.country AS country,
    collected_traffic_source,
    session_traffic_source_last_click AS session_source,
    ecommerce.transaction_id,
    STARTS_WITH(_TABLE_SUFFIX, 'intraday_') AS is_intraday,
    RIGHT(_TABLE_SUFFIX, 8) AS table_day
  FROM {{ source('ga4', 'events') }}
  WHERE REGEXP_CONTAINS(_TABLE_SUFFIX, r'^(intraday_)?[0-9]{8}$')
    AND RIGHT(_TABLE_SUFFIX, 8) >= FORMAT_DATE(
      '%Y%m%d', DATE_SUB({{ ga4_first_written_day() }}, INTERVAL 1 DAY)
    )
    AND RIGHT(_TABLE_SUFFIX, 8) <= FORMAT_DATE(
      '%Y%m%d', DATE_ADD({{ ga4_today() }}, INTERVAL 1 DAY)
    )
),

-- Google deletes the intraday table when the day's table is complete. Between the two moments both
-- exist, with the same events.
daily_tables AS (
  SELECT DISTINCT table_day
  FROM exported
  WHERE NOT is_intraday
),

events AS (
  SELECT
    exported.*,
    {{ ga4_param('ga_session_id') }} AS session_id,
    {{ ga4_param('page_location') }} AS page_location,
    SAFE_CAST({{ ga4_param('ga_session_number') }} AS INT64) AS session_number,
    SAFE_CAST({{ ga4_param('engagement_time_msec') }} AS INT64) AS engagement_msec,
    SAFE_CAST({{ ga4_param('link_id') }} AS INT64) AS link_id
  FROM exported
  LEFT JOIN daily_tables ON daily_tables.table_day = exported.table_day
  WHERE exported.event_date >= {{ ga4_first_written_day() }}
    AND exported.event_date <= DATE_ADD({{ ga4_today() }}, INTERVAL 1 DAY)
    AND (NOT exported.is_intraday OR daily_tables.table_day IS NULL)
),

paths AS (
  SELECT
    *,
    REGEXP_EXTRACT(page_location, r'^[a-z]+://[^/?#]+([^?#]*)') AS path
  FROM events
)

SELECT
  paths.event_date,
  TIMESTAMP_MICROS(paths.event_timestamp) AS event_at,
  paths.event_name,
  TO_HEX(SHA256(paths.user_pseudo_id)) AS visitor_key,
  TO_HEX(SHA256(CONCAT(paths.user_pseudo_id, '/', paths.session_id))) AS session_key,
  paths.session_number,
  users.{{ plain_key(var('user_table'), var('user_key')) }} AS user_key,
  paths.link_id,
  SAFE_CAST(paths.transaction_id AS INT64) AS booking_id,
  -- A path with an address is a mistake of the site; the address is not copied.
  IF(REGEXP_CONTAINS(paths.path, r'@|%40'), NULL, paths.path) AS page_path,
  paths.engagement_msec,
  -- The session's own source, which Google exports since July 2024: all campaigns, last click.
  IF(
    paths.session_source.google_ads_campaign.customer_id IS NOT NULL,
    'google',
    COALESCE(
      paths.session_source.manual_campaign.source,
      paths.collected_traffic_source.manual_source
    )
  ) AS source,
  IF(
    paths.session_source.google_ads_campaign.customer_id IS NOT NULL,
    'cpc',
    COALESCE(
      paths.session_source.manual_campaign.medium,
      paths.collected_traffic_source.manual_medium
    )
  ) AS medium,
  COALESCE(
    paths.session_source.google_ads_campaign.campaign_name,
    paths.session_source.manual_campaign.campaign_name,
    paths.collected_traffic_source.manual_campaign_name
  ) AS campaign,
  paths.device_category,
  paths.country,
  paths.is_intraday
FROM paths
LEFT JOIN {{ source('shop', var('user_table')) }} AS users
  ON users.{{ plain_key(var('user_table'), var('user_key')) }} = SAFE_CAST(paths.user_id AS INT64)
