-- The column `ip` has a class, so it is not here.
SELECT
  id AS click_id,
  link_id,
  clicked_at,
  DATE(clicked_at) AS click_date,
  device,
  country
FROM {{ source('shop', 'clicks') }}
