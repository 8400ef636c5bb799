-- Trains: will a creator's links be booked within two weeks? Features end two weeks before the newest
-- booking, and the label is what happened in these two weeks.
-- Input: keys, counts and tiers; no column has a class.
CREATE OR REPLACE MODEL `shop-analytics`.`shop_models`.`booking_propensity`
OPTIONS (
  model_type = 'LOGISTIC_REG',
  input_label_cols = ['is_booked'],
  auto_class_weights = TRUE
) AS
WITH cut AS (
  SELECT DATE_SUB(MAX(booking_date), INTERVAL 14 DAY) AS day
  FROM `shop-analytics`.`shop_models`.`stg_bookings`
),

booked AS (
  SELECT
    links.creator_id,
    COUNTIF(bookings.booking_date <= cut.day) AS bookings_before,
    COUNTIF(bookings.booking_date > cut.day) AS bookings_after
  FROM `shop-analytics`.`shop_models`.`stg_bookings` AS bookings
  INNER JOIN `shop-analytics`.`shop_models`.`stg_links` AS links ON links.link_id = bookings.link_id
  CROSS JOIN cut
  GROUP BY creator_id
),

clicked AS (
  SELECT links.creator_id, COUNT(*) AS clicks_before
  FROM `shop-analytics`.`shop_models`.`stg_clicks` AS clicks
  INNER JOIN `shop-analytics`.`shop_models`.`stg_links` AS links ON links.link_id = clicks.link_id
  CROSS JOIN cut
  WHERE clicks.click_date <= cut.day
  GROUP BY creator_id
)

SELECT
  users.tier,
  CAST(users.commission_rate AS FLOAT64) AS commission_rate,
  users.links,
  DATE_DIFF(cut.day, DATE(users.created_at), DAY) AS age_days,
  COALESCE(clicked.clicks_before, 0) AS clicks_before,
  COALESCE(booked.bookings_before, 0) AS bookings_before,
  COALESCE(booked.bookings_after, 0) > 0 AS is_booked
FROM `shop-analytics`.`shop_models`.`users` AS users
CROSS JOIN cut
LEFT JOIN booked ON booked.creator_id = users.user_key
LEFT JOIN clicked ON clicked.creator_id = users.user_key
WHERE DATE(users.created_at) <= cut.day
