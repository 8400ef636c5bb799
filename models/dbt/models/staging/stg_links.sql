SELECT
  id AS link_id,
  creator_id,
  partner_id,
  code,
  title,
  created_at
FROM {{ source('shop', 'links') }}
