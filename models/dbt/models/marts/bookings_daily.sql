-- Bookings per local day, partner's country, status and currency.
SELECT
  bookings.booking_date,
  partners.country AS partner_country,
  bookings.status,
  bookings.currency,
  COUNT(*) AS bookings,
  SUM(bookings.nights) AS nights,
  SUM(bookings.amount) AS amount,
  SUM(bookings.amount_krw) AS amount_krw
FROM {{ ref('stg_bookings') }} AS bookings
LEFT JOIN {{ ref('stg_partners') }} AS partners ON partners.partner_id = bookings.partner_id
GROUP BY booking_date, partner_country, status, currency
