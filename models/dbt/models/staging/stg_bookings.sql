-- The traveller's name and address have classes, so they are not here.
SELECT
  id AS booking_id,
  link_id,
  partner_id,
  status,
  amount,
  currency,
  exchange_rate,
  -- NUMERIC, so that sums do not depend on the order of the rows.
  ROUND(amount * CAST(exchange_rate AS NUMERIC)) AS amount_krw,
  check_in,
  nights,
  booked_at,
  DATE(booked_at, '{{ var("landbridge_zone") }}') AS booking_date
FROM {{ source('shop', 'bookings') }}
