-- Creators without personal data: only columns of class `none`, and not the account's token.
SELECT
  id AS creator_id,
  tier,
  commission_rate,
  active AS is_active,
  created_at,
  updated_at
FROM {{ source('shop', 'creators') }}
