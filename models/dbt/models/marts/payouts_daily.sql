-- Payouts per local day on which they were paid, and currency. Open payouts have no day.
SELECT
  paid_date,
  currency,
  COUNT(*) AS payouts,
  COUNT(DISTINCT creator_id) AS creators,
  SUM(amount) AS amount
FROM {{ ref('stg_payouts') }}
WHERE is_paid
GROUP BY paid_date, currency
