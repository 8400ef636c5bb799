-- One row per user: the way from the first visit to links, bookings and payouts.
--
-- A session without a login belongs to a user if its visitor never was another one: one person can
-- have several visitors (devices, domains), and one visitor several people (a shared computer).
WITH visitors AS (
  SELECT visitor_key, MIN(user_key) AS only_user
  FROM {{ ref('ga4_events') }}
  WHERE user_key IS NOT NULL
  GROUP BY visitor_key
  HAVING COUNT(DISTINCT user_key) = 1
),

sessions AS (
  SELECT
    sessions.*,
    COALESCE(sessions.user_key, visitors.only_user) AS known_user,
    sessions.user_key IS NULL AS is_anonymous
  FROM {{ ref('ga4_sessions') }} AS sessions
  LEFT JOIN visitors ON visitors.visitor_key = sessions.visitor_key
),

web AS (
  SELECT
    known_user AS user_key,
    COUNT(*) AS sessions,
    COUNTIF(is_anonymous) AS anonymous_sessions,
    COUNT(DISTINCT visitor_key) AS visitors,
    MIN(started_at) AS first_session_at,
    MAX(started_at) AS last_session_at,
    SUM(page_views) AS page_views,
    SUM(engagement_seconds) AS engagement_seconds,
    ARRAY_AGG(source ORDER BY started_at LIMIT 1)[SAFE_OFFSET(0)] AS first_source,
    ARRAY_AGG(medium ORDER BY started_at LIMIT 1)[SAFE_OFFSET(0)] AS first_medium
  FROM sessions
  WHERE known_user IS NOT NULL
  GROUP BY user_key
),

bookings AS (
  SELECT
    links.creator_id AS user_key,
    COUNT(*) AS bookings,
    SUM(bookings.amount_krw) AS booked_krw,
    MIN(bookings.booked_at) AS first_booking_at
  FROM {{ ref('stg_bookings') }} AS bookings
  INNER JOIN {{ ref('stg_links') }} AS links ON links.link_id = bookings.link_id
  GROUP BY user_key
),

payouts AS (
  SELECT
    creator_id AS user_key,
    COUNTIF(is_paid) AS payouts,
    COUNTIF(NOT is_paid) AS open_payouts,
    MAX(paid_date) AS last_paid_date
  FROM {{ ref('stg_payouts') }}
  GROUP BY user_key
)

SELECT
  users.user_key,
  users.tier,
  users.created_at,
  COALESCE(web.sessions, 0) AS sessions,
  COALESCE(web.anonymous_sessions, 0) AS anonymous_sessions,
  COALESCE(web.visitors, 0) AS visitors,
  web.first_session_at,
  web.last_session_at,
  COALESCE(web.page_views, 0) AS page_views,
  web.engagement_seconds,
  web.first_source,
  web.first_medium,
  users.links,
  users.first_link_at,
  COALESCE(bookings.bookings, 0) AS bookings,
  bookings.booked_krw,
  bookings.first_booking_at,
  COALESCE(payouts.payouts, 0) AS payouts,
  COALESCE(payouts.open_payouts, 0) AS open_payouts,
  payouts.last_paid_date
FROM {{ ref('users') }} AS users
LEFT JOIN web ON web.user_key = users.user_key
LEFT JOIN bookings ON bookings.user_key = users.user_key
LEFT JOIN payouts ON payouts.user_key = users.user_key
