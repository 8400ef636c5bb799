-- The account is a token: it has class `none`, but a token in another table outlives a change of
-- the contract. Join on creator_id.
SELECT
  id AS payout_id,
  creator_id,
  month,
  amount,
  currency,
  paid_at,
  DATE(paid_at, '{{ var("landbridge_zone") }}') AS paid_date,
  paid_at IS NOT NULL AS is_paid
FROM {{ source('shop', 'payouts') }}
