WITH customers AS (
  SELECT * FROM UNNEST(ARRAY<STRUCT<id INT64, name STRING, email STRING, country STRING>>[
    (1, 'kim', 'kim@example.com', 'KR'), (2, 'lee', 'lee@example.kr', 'KR'),
    (3, 'SMITH', 'smith@example.com', 'US'), (4, 'park', NULL, NULL)])
), orders AS (
  SELECT * FROM UNNEST(ARRAY<STRUCT<id INT64, customer_id INT64, status STRING, amount NUMERIC, placed_at TIMESTAMP, tags ARRAY<STRING>>>[
    (1, 1, 'paid', NUMERIC '19.90', '2024-05-01 01:00:00+00', ['gift', 'new']),
    (2, 1, 'open', NUMERIC '5.05', '2024-05-01 16:30:00+00', ARRAY<STRING>[]),
    (3, 2, 'paid', 100, '2024-05-02 23:59:59+00', ['green']),
    (4, 3, 'refunded', NUMERIC '33.333333333', '2024-04-30 15:00:00+00', ['gift']),
    (5, NULL, 'open', NULL, '2024-06-30 15:00:00.5+00', ARRAY<STRING>[])])
), events AS (
  SELECT * FROM UNNEST(ARRAY<STRUCT<seen_at TIMESTAMP, params ARRAY<STRUCT<key STRING, value STRING>>, detail STRING>>[
    ('2024-05-01 00:00:00+00', [('page', 'home'), ('lang', 'ko')], '{"device": {"os": "ios"}, "price": 1.50}'),
    ('2024-05-01 00:01:00+00', [('page', 'cart')], '{"device": {"os": "android"}, "price": "20"}'),
    ('2024-05-01 00:02:00+00', ARRAY<STRUCT<key STRING, value STRING>>[], '{"device": null}')])
), ga AS (
  SELECT '20240501' AS event_date, 1714521600000000 AS event_timestamp, 'session_start' AS event_name, 'p1' AS user_pseudo_id, CAST(NULL AS STRING) AS user_id,
    ARRAY<STRUCT<key STRING, value STRUCT<string_value STRING, int_value INT64>>>[('ga_session_id', (NULL, 11)), ('page_location', ('https://x.kr/a?utm_source=n', NULL))] AS event_params,
    STRUCT('mobile' AS category, STRUCT('Chrome' AS browser) AS web_info) AS device, STRUCT('KR' AS country) AS geo,
    ARRAY<STRUCT<item_id STRING, price NUMERIC, quantity INT64>>[] AS items
  UNION ALL
  SELECT '20240501', 1714521660000000, 'page_view', 'p1', '1',
    ARRAY<STRUCT<key STRING, value STRUCT<string_value STRING, int_value INT64>>>[('ga_session_id', (NULL, 11)), ('page_location', ('https://x.kr/b', NULL))],
    STRUCT('mobile' AS category, STRUCT('Chrome' AS browser) AS web_info), STRUCT('KR' AS country),
    ARRAY<STRUCT<item_id STRING, price NUMERIC, quantity INT64>>[]
  UNION ALL
  SELECT '20240501', 1714525260000000, 'page_view', 'p1', '1',
    ARRAY<STRUCT<key STRING, value STRUCT<string_value STRING, int_value INT64>>>[('ga_session_id', (NULL, 12))],
    STRUCT('desktop' AS category, STRUCT('Safari' AS browser) AS web_info), STRUCT('KR' AS country),
    ARRAY<STRUCT<item_id STRING, price NUMERIC, quantity INT64>>[]
  UNION ALL
  SELECT '20240502', 1714608000000000, 'add_to_cart', 'p2', NULL,
    ARRAY<STRUCT<key STRING, value STRUCT<string_value STRING, int_value INT64>>>[('ga_session_id', (NULL, 21)), ('value', (NULL, 30))],
    STRUCT('desktop' AS category, STRUCT('Edge' AS browser) AS web_info), STRUCT('US' AS country),
    ARRAY<STRUCT<item_id STRING, price NUMERIC, quantity INT64>>[('i1', NUMERIC '9.5', 2), ('i2', NUMERIC '3', 1)]
  UNION ALL
  SELECT '20240502', 1714608060000000, 'purchase', 'p2', '3',
    ARRAY<STRUCT<key STRING, value STRUCT<string_value STRING, int_value INT64>>>[('ga_session_id', (NULL, 21)), ('value', (NULL, 22))],
    STRUCT('desktop' AS category, STRUCT('Edge' AS browser) AS web_info), STRUCT('US' AS country),
    ARRAY<STRUCT<item_id STRING, price NUMERIC, quantity INT64>>[('i1', NUMERIC '9.5', 2)]
  UNION ALL
  SELECT '20240509', 1715212800000000, 'page_view', 'p1', NULL,
    ARRAY<STRUCT<key STRING, value STRUCT<string_value STRING, int_value INT64>>>[('ga_session_id', (NULL, 13))],
    STRUCT('mobile' AS category, STRUCT('Chrome' AS browser) AS web_info), STRUCT(CAST(NULL AS STRING) AS country),
    ARRAY<STRUCT<item_id STRING, price NUMERIC, quantity INT64>>[]
  UNION ALL
  SELECT '20240510', 1715299200000000, 'purchase', 'p1', '1',
    ARRAY<STRUCT<key STRING, value STRUCT<string_value STRING, int_value INT64>>>[('ga_session_id', (NULL, 13)), ('value', (NULL, 5))],
    STRUCT('mobile' AS category, STRUCT('Chrome' AS browser) AS web_info), STRUCT('KR' AS country),
    ARRAY<STRUCT<item_id STRING, price NUMERIC, quantity INT64>>[('i2', NUMERIC '3', 1)]
)
