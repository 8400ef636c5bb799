SELECT
  id AS coupon_id,
  partner_id,
  code,
  percent,
  valid_until
FROM {{ source('shop', 'coupons') }}
