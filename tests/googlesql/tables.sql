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
)
