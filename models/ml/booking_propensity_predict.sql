-- Predicts for today: the same features, with all clicks and bookings so far.
SELECT predicted.user_key, probability.prob AS booking_probability
FROM ML.PREDICT(
  MODEL `shop-analytics`.`shop_models`.`booking_propensity`,
  (
    SELECT
      users.user_key,
      users.tier,
      CAST(users.commission_rate AS FLOAT64) AS commission_rate,
      users.links,
      DATE_DIFF(CURRENT_DATE('Asia/Seoul'), DATE(users.created_at), DAY) AS age_days,
      (
        SELECT COUNT(*)
        FROM `shop-analytics`.`shop_models`.`stg_clicks` AS clicks
        INNER JOIN `shop-analytics`.`shop_models`.`stg_links` AS links ON links.link_id = clicks.link_id
        WHERE links.creator_id = users.user_key
      ) AS clicks_before,
      journey.bookings AS bookings_before
    FROM `shop-analytics`.`shop_models`.`users` AS users
    INNER JOIN `shop-analytics`.`shop_models`.`user_journey` AS journey ON journey.user_key = users.user_key
  )
) AS predicted
CROSS JOIN UNNEST(predicted.predicted_is_booked_probs) AS probability
WHERE probability.label
ORDER BY booking_probability DESC
LIMIT 100
