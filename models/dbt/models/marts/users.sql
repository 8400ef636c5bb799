-- Creators as keys and facts: nothing here identifies a person without the source's table.
WITH links AS (
  SELECT creator_id, COUNT(*) AS links, MIN(created_at) AS first_link_at
  FROM {{ ref('stg_links') }}
  GROUP BY creator_id
)

SELECT
  creators.creator_id AS user_key,
  creators.tier,
  creators.commission_rate,
  creators.is_active,
  creators.created_at,
  COALESCE(links.links, 0) AS links,
  links.first_link_at
FROM {{ ref('stg_creators') }} AS creators
LEFT JOIN links ON links.creator_id = creators.creator_id
