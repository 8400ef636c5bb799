-- Payouts per day and currency for the next 14 days, by the TimesFM model that is part of BigQuery: nothing to train.
-- Input: shop_models.payouts_daily, no column of which has a class.
SELECT
  currency,
  DATE(forecast_timestamp) AS day,
  forecast_value AS amount,
  prediction_interval_lower_bound AS least,
  prediction_interval_upper_bound AS most
FROM AI.FORECAST(
  (
    SELECT currency, TIMESTAMP(paid_date) AS paid_at, CAST(amount AS FLOAT64) AS amount
    FROM `shop-analytics`.`shop_models`.`payouts_daily`
  ),
  data_col => 'amount',
  timestamp_col => 'paid_at',
  id_cols => ['currency'],
  horizon => 14,
  confidence_level => 0.9
)
ORDER BY currency, day
