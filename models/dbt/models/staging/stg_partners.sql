SELECT
  id AS partner_id,
  name AS partner_name,
  country,
  site,
  tags,
  SAFE.PARSE_JSON(terms) AS terms,
  created_at
FROM {{ source('shop', 'partners') }}
