-- Queries as analysts write them, over the tables at the end of this file. An empty line separates them.

SELECT status, COUNT(*) AS n, SUM(amount) AS total FROM orders GROUP BY status ORDER BY status

SELECT status, COUNT(*) AS n FROM orders GROUP BY 1 HAVING n > 1 ORDER BY n DESC, 1

SELECT DISTINCT country FROM customers ORDER BY country

SELECT c.name, COUNT(o.id) AS orders, IFNULL(SUM(o.amount), 0) AS total FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id GROUP BY c.name ORDER BY total DESC, c.name

SELECT c.name, o.amount FROM customers c JOIN orders o ON c.id = o.customer_id AND o.amount > 10 ORDER BY o.id

SELECT id, amount, SUM(amount) OVER (PARTITION BY customer_id ORDER BY placed_at) AS running FROM orders ORDER BY id

SELECT * EXCEPT (placed_at) FROM orders WHERE amount BETWEEN 10 AND 100 ORDER BY id

SELECT * REPLACE (amount * 2 AS amount) FROM orders ORDER BY id LIMIT 2

SELECT id FROM orders ORDER BY amount DESC NULLS LAST, id LIMIT 3 OFFSET 1

SELECT DATE_TRUNC(DATE(placed_at, 'Asia/Seoul'), MONTH) AS month, SUM(amount) AS total FROM orders GROUP BY month ORDER BY month

SELECT FORMAT_TIMESTAMP('%Y-%m', placed_at, 'Asia/Seoul') AS m, COUNT(DISTINCT customer_id) AS buyers FROM orders GROUP BY m ORDER BY m

SELECT id, ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY placed_at DESC) AS rank FROM orders QUALIFY rank = 1 ORDER BY id

SELECT customer_id, ARRAY_AGG(status ORDER BY id) AS statuses FROM orders GROUP BY customer_id ORDER BY customer_id

SELECT customer_id, STRING_AGG(DISTINCT status, ', ' ORDER BY status) AS statuses FROM orders GROUP BY customer_id ORDER BY customer_id

SELECT id, tag FROM orders, UNNEST(tags) AS tag ORDER BY id, tag

SELECT id, tag, pos FROM orders CROSS JOIN UNNEST(tags) AS tag WITH OFFSET AS pos ORDER BY id, pos

SELECT id, tag FROM orders LEFT JOIN UNNEST(tags) AS tag ORDER BY id, tag

SELECT id, (SELECT COUNT(*) FROM UNNEST(tags) t WHERE t LIKE 'g%') AS n FROM orders ORDER BY id

SELECT id, ARRAY(SELECT UPPER(t) FROM UNNEST(tags) t ORDER BY t) AS upper FROM orders ORDER BY id

SELECT id, ARRAY_LENGTH(tags) AS n, ARRAY_TO_STRING(tags, '|') AS text FROM orders ORDER BY id

SELECT (SELECT value FROM UNNEST(params) WHERE key = 'page') AS page, COUNT(*) AS n FROM events GROUP BY page ORDER BY page

SELECT p.key, p.value FROM events, UNNEST(params) AS p ORDER BY 1, 2

SELECT JSON_VALUE(detail, '$.device.os') AS os, COUNT(*) AS n FROM events GROUP BY os ORDER BY os

SELECT CAST(JSON_VALUE(detail, '$.price') AS NUMERIC) AS price FROM events ORDER BY price

SELECT COUNTIF(amount > 20) AS high, COUNTIF(amount IS NULL) AS missing, COUNT(amount) AS known, COUNT(*) AS n FROM orders

SELECT AVG(amount) AS a, MIN(amount) AS lo, MAX(amount) AS hi FROM orders

SELECT TO_JSON_STRING(status) AS whole_row, status.status AS column FROM (SELECT status, id FROM orders) AS status ORDER BY status.id

SELECT status FROM (SELECT status, id FROM orders) AS o ORDER BY id

SELECT TO_JSON_STRING(status) AS s FROM (SELECT id, status FROM orders) AS a JOIN (SELECT id, name FROM customers) AS status USING (id) ORDER BY id

SELECT (SELECT TO_JSON_STRING(status) FROM UNNEST([1]) AS n) AS s FROM (SELECT status, id FROM orders) AS status ORDER BY status.id

SELECT ROUND(AVG(amount), 2) AS a, ROUND(STDDEV(amount), 3) AS s, ROUND(VAR_POP(amount), 3) AS v FROM orders

SELECT SAFE_DIVIDE(SUM(IF(status = 'paid', amount, 0)), SUM(amount)) AS share FROM orders

SELECT CASE WHEN amount < 20 THEN 'small' WHEN amount < 50 THEN 'medium' ELSE 'large' END AS size, COUNT(*) AS n FROM orders GROUP BY size ORDER BY size

SELECT status, country, COUNT(*) AS n FROM orders JOIN customers ON customers.id = customer_id GROUP BY ROLLUP(status, country) ORDER BY status, country

SELECT status, country, COUNT(*) AS n FROM orders JOIN customers ON customers.id = customer_id GROUP BY GROUPING SETS ((status), (country), ()) ORDER BY status, country

SELECT status, country, GROUPING(status) AS g, COUNT(*) AS n FROM orders JOIN customers ON customers.id = customer_id GROUP BY CUBE(status, country) ORDER BY 1, 2, 3

SELECT * FROM (SELECT status, customer_id, amount FROM orders) PIVOT (SUM(amount) FOR status IN ('paid', 'open')) ORDER BY customer_id

SELECT * FROM (SELECT status, amount FROM orders) PIVOT (SUM(amount) AS total, COUNT(*) AS n FOR status IN ('paid' AS p, 'open' AS o))

SELECT * FROM (SELECT 1 AS id, 10 AS q1, 20 AS q2) UNPIVOT (sales FOR quarter IN (q1, q2)) ORDER BY quarter

SELECT id FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE country = 'KR') ORDER BY id

SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.status = 'paid') ORDER BY name

SELECT name FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) ORDER BY name

SELECT name FROM customers WHERE id NOT IN (SELECT customer_id FROM orders WHERE customer_id IS NOT NULL) ORDER BY name

SELECT country FROM customers UNION DISTINCT SELECT status FROM orders ORDER BY 1

SELECT country FROM customers UNION ALL SELECT 'KR' ORDER BY 1

SELECT customer_id FROM orders INTERSECT DISTINCT SELECT id FROM customers ORDER BY 1

SELECT id FROM customers EXCEPT DISTINCT SELECT customer_id FROM orders ORDER BY 1

WITH paid AS (SELECT * FROM orders WHERE status = 'paid'), per AS (SELECT customer_id, SUM(amount) AS s FROM paid GROUP BY 1) SELECT name, s FROM per JOIN customers ON id = customer_id ORDER BY s DESC

WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT x FROM n ORDER BY x

SELECT d, COUNT(o.id) AS n FROM UNNEST(GENERATE_DATE_ARRAY('2024-05-01', '2024-05-04')) AS d LEFT JOIN orders o ON DATE(o.placed_at) = d GROUP BY d ORDER BY d

SELECT id, LAG(amount) OVER (ORDER BY placed_at) AS before, LEAD(amount, 1, 0) OVER (ORDER BY placed_at) AS after FROM orders ORDER BY placed_at

SELECT id, RANK() OVER (ORDER BY status) AS r, DENSE_RANK() OVER (ORDER BY status) AS d, PERCENT_RANK() OVER (ORDER BY status) AS p, CUME_DIST() OVER (ORDER BY status) AS c FROM orders ORDER BY id

SELECT id, NTILE(3) OVER (ORDER BY id) AS t FROM orders ORDER BY id

SELECT id, FIRST_VALUE(amount) OVER w AS f, LAST_VALUE(amount) OVER w AS l FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) ORDER BY id

SELECT id, AVG(amount) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS moving FROM orders ORDER BY id

SELECT id, COUNT(*) OVER (ORDER BY UNIX_DATE(DATE(placed_at)) RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS near FROM orders ORDER BY id

SELECT DISTINCT PERCENTILE_CONT(amount, 0.5) OVER () AS median FROM orders

SELECT id, SUM(amount) OVER () AS total, amount / SUM(amount) OVER () AS share FROM orders ORDER BY id

SELECT customer_id, ANY_VALUE(status HAVING MAX placed_at) AS latest FROM orders GROUP BY customer_id ORDER BY customer_id

SELECT customer_id, ARRAY_AGG(STRUCT(id, amount) ORDER BY amount DESC LIMIT 1)[OFFSET(0)].id AS best FROM orders GROUP BY customer_id ORDER BY customer_id

SELECT customer_id, LOGICAL_AND(amount > 5) AS l, BIT_OR(id) AS b FROM orders GROUP BY customer_id ORDER BY customer_id

SELECT TO_JSON_STRING(o) AS j FROM orders o ORDER BY id LIMIT 1

SELECT a.*, b.name FROM orders a, customers b WHERE a.customer_id = b.id ORDER BY a.id

SELECT * FROM orders FULL JOIN (SELECT id AS customer_id, name FROM customers) USING (customer_id) ORDER BY customer_id, id

SELECT o.id, c.name FROM orders o RIGHT JOIN customers c ON o.customer_id = c.id ORDER BY c.id, o.id

SELECT a.id, b.id AS other FROM orders a JOIN orders b ON a.customer_id = b.customer_id AND a.id < b.id ORDER BY 1, 2

SELECT EXTRACT(HOUR FROM placed_at AT TIME ZONE 'Asia/Seoul') AS hour, EXTRACT(DAYOFWEEK FROM placed_at) AS day, COUNT(*) AS n FROM orders GROUP BY 1, 2 ORDER BY 1, 2

SELECT TIMESTAMP_DIFF(MAX(placed_at), MIN(placed_at), HOUR) AS hours FROM orders

SELECT CONCAT(UPPER(SUBSTR(name, 1, 1)), LOWER(SUBSTR(name, 2))) AS n, LENGTH(name) AS l, REGEXP_EXTRACT(email, r'@(.+)$') AS host FROM customers ORDER BY id

SELECT SPLIT(email, '@')[SAFE_OFFSET(1)] AS host, COUNT(*) AS n FROM customers GROUP BY host ORDER BY host

SELECT COALESCE(country, 'unknown') AS country, COUNT(*) AS n FROM customers GROUP BY country ORDER BY country

SELECT country, COUNT(*) AS n FROM customers GROUP BY ALL ORDER BY country

SELECT CAST(amount AS STRING) AS a, CAST(amount AS INT64) AS b, CAST(amount AS FLOAT64) AS c FROM orders ORDER BY id

SELECT price * 1.1 AS p, price / 3 AS t, -price AS n, price + 1 AS o FROM (SELECT NUMERIC '10.5' AS price)

SELECT id, IF(amount > 20, 'high', NULL) AS level, NULLIF(status, 'open') AS s FROM orders ORDER BY id

SELECT id IS NULL AS n, amount > NUMERIC '20' AS big, status = 'paid' AND amount > 10 AS x FROM orders ORDER BY id

SELECT x, x IN UNNEST([1, 2]) AS inside FROM UNNEST([1, 2, 3, NULL]) AS x ORDER BY x

SELECT x, COUNT(*) AS n FROM UNNEST([1.5, NULL, 1.5, CAST('nan' AS FLOAT64), CAST('nan' AS FLOAT64)]) AS x GROUP BY x ORDER BY x

SELECT s.a, SUM(s.b) AS t FROM UNNEST([STRUCT('x' AS a, 1 AS b), ('y', 2), ('x', 3)]) AS s GROUP BY s.a ORDER BY 1

SELECT t.a, t.b FROM (SELECT [1, 2] AS a, STRUCT('p' AS q) AS b) AS t

SELECT COUNT(*) FROM orders WHERE FALSE

SELECT SUM(amount), MAX(status), ARRAY_AGG(id) FROM orders WHERE FALSE

SELECT id FROM orders WHERE status LIKE 'p%' OR status LIKE '%n' ORDER BY id

SELECT MAX(id) - MIN(id) AS spread, SUM(id) / COUNT(*) AS mean FROM orders

SELECT ARRAY_CONCAT_AGG(tags ORDER BY id) AS all_tags FROM orders

SELECT ARRAY(SELECT DISTINCT t FROM UNNEST(['b', 'a', 'b']) AS t ORDER BY t) AS u

SELECT (SELECT AS STRUCT COUNT(*) AS n, SUM(x) AS s FROM UNNEST([1, 2, 3]) AS x).s AS s

SELECT id, (SELECT name FROM customers c WHERE c.id = o.customer_id) AS name FROM orders o ORDER BY id

SELECT CORR(x, y) AS c, COVAR_SAMP(x, y) AS v FROM UNNEST([STRUCT(1.0 AS x, 2.0 AS y), (2.0, 4.5), (3.0, 5.0)])

SELECT k, v FROM UNNEST([STRUCT('a' AS k, 1 AS v)]) UNION ALL SELECT 'b', 2.5 ORDER BY k

FROM orders |> WHERE amount > 10 |> AGGREGATE COUNT(*) AS n, SUM(amount) AS total GROUP BY status |> ORDER BY status

FROM customers AS c |> JOIN orders AS o ON o.customer_id = c.id |> SELECT c.name, o.amount, o.id |> ORDER BY id DESC |> LIMIT 2

FROM orders |> EXTEND amount * 2 AS twice |> DROP tags, placed_at |> SET status = UPPER(status) |> ORDER BY id

FROM orders |> SELECT customer_id |> DISTINCT |> WHERE customer_id IS NOT NULL |> ORDER BY customer_id

FROM orders |> WHERE status = 'paid' |> LEFT JOIN customers ON customers.id = orders.customer_id |> SELECT orders.id, name |> ORDER BY id

FROM customers |> SELECT country |> UNION DISTINCT (SELECT 'JP') |> ORDER BY country

SELECT 'a' AS k, 1 AS v FULL OUTER UNION ALL BY NAME SELECT 2 AS v, TRUE AS w ORDER BY v

SELECT id, status FROM orders INNER UNION ALL CORRESPONDING SELECT status, id FROM orders ORDER BY id, status

SELECT * FROM (SELECT status, amount, EXTRACT(YEAR FROM placed_at) AS y FROM orders) PIVOT(COUNT(*) AS n, SUM(amount) AS total FOR y IN (2024, 2025)) ORDER BY status

SELECT * FROM (SELECT status, amount, EXTRACT(YEAR FROM placed_at) AS y FROM orders) PIVOT(SUM(amount) FOR y IN (2024, -1)) ORDER BY status

SELECT id, UNION_OF.n, FROM orders, (SELECT COUNT(*) AS n FROM customers) AS UNION_OF ORDER BY id

SELECT name, FROM customers UNION ALL SELECT 'none' ORDER BY 1

FROM orders |> RENAME amount AS price |> WHERE price > 10 |> AGGREGATE COUNT(*) AS n, SUM(price) AS total GROUP BY status |> ORDER BY status

SELECT FORMAT_DATE('%Y-%m', DATE_BUCKET(DATE(placed_at), INTERVAL 3 MONTH)) AS quarter, COUNT(*) AS n FROM orders GROUP BY quarter ORDER BY quarter

SELECT CAST(placed_at AS STRING FORMAT 'YYYY-MM-DD HH24:MI TZH' AT TIME ZONE 'Asia/Seoul') AS local FROM orders ORDER BY id

SELECT (SELECT value.int_value FROM UNNEST(event_params) WHERE key = 'ga_session_id') AS session, COUNT(*) AS n, MIN(TIMESTAMP_MICROS(event_timestamp)) AS began FROM ga GROUP BY session ORDER BY session

WITH s AS (SELECT user_pseudo_id, event_timestamp, event_timestamp - LAG(event_timestamp) OVER (PARTITION BY user_pseudo_id ORDER BY event_timestamp) > 1800000000 AS fresh FROM ga) SELECT user_pseudo_id, event_timestamp, COUNTIF(IFNULL(fresh, TRUE)) OVER (PARTITION BY user_pseudo_id ORDER BY event_timestamp) AS session FROM s ORDER BY 1, 2

WITH f AS (SELECT user_pseudo_id, MIN(IF(event_name = 'page_view', event_timestamp, NULL)) AS viewed, MIN(IF(event_name = 'purchase', event_timestamp, NULL)) AS bought FROM ga GROUP BY 1) SELECT COUNT(*) AS users, COUNT(viewed) AS viewed, COUNTIF(bought > viewed) AS converted, SAFE_DIVIDE(COUNTIF(bought > viewed), COUNT(viewed)) AS rate FROM f

WITH first AS (SELECT user_pseudo_id, DATE_TRUNC(MIN(PARSE_DATE('%Y%m%d', event_date)), WEEK(MONDAY)) AS cohort FROM ga GROUP BY 1) SELECT cohort, DATE_DIFF(DATE_TRUNC(PARSE_DATE('%Y%m%d', event_date), WEEK(MONDAY)), cohort, WEEK(MONDAY)) AS week, COUNT(DISTINCT user_pseudo_id) AS users FROM ga JOIN first USING (user_pseudo_id) GROUP BY cohort, week ORDER BY cohort, week

SELECT day, COUNT(g.event_name) AS events FROM UNNEST(GENERATE_DATE_ARRAY('2024-05-01', '2024-05-10')) AS day LEFT JOIN ga AS g ON PARSE_DATE('%Y%m%d', g.event_date) = day GROUP BY day ORDER BY day

SELECT user_pseudo_id, ARRAY_AGG(user_id IGNORE NULLS ORDER BY event_timestamp LIMIT 1)[SAFE_OFFSET(0)] AS user FROM ga GROUP BY 1 ORDER BY 1

SELECT device.category, device.web_info.browser, COUNT(DISTINCT user_pseudo_id) AS users FROM ga GROUP BY ROLLUP(device.category, device.web_info.browser) ORDER BY 1, 2

SELECT geo.country, device.category, GROUPING(geo.country) AS g, COUNT(*) AS n FROM ga GROUP BY GROUPING SETS (geo.country, (geo.country, device.category), ()) ORDER BY g, 1, 2

SELECT event_name, country, n FROM (SELECT event_name, geo.country AS country, COUNT(*) AS n FROM ga GROUP BY CUBE(event_name, country)) ORDER BY 1, 2

SELECT item.item_id, SUM(item.price * item.quantity) AS revenue, COUNT(DISTINCT user_pseudo_id) AS buyers FROM ga, UNNEST(items) AS item WHERE event_name = 'purchase' GROUP BY item.item_id ORDER BY revenue DESC

SELECT g.user_pseudo_id, i.item_id, i.quantity FROM ga AS g, g.items AS i ORDER BY event_timestamp, i.item_id

SELECT REGEXP_EXTRACT(p.value.string_value, r'utm_source=([^&]+)') AS source, NET.HOST(p.value.string_value) AS host FROM ga CROSS JOIN UNNEST(event_params) AS p WHERE p.key = 'page_location' ORDER BY event_timestamp

SELECT event_name, PERCENTILE_CONT(event_timestamp, 0.5) OVER (PARTITION BY event_name) AS middle FROM ga QUALIFY ROW_NUMBER() OVER (PARTITION BY event_name ORDER BY event_timestamp) = 1 ORDER BY 1

SELECT * FROM (SELECT user_pseudo_id, event_name FROM ga) PIVOT(COUNT(*) FOR event_name IN ('page_view' AS views, 'purchase' AS purchases)) ORDER BY 1

SELECT * FROM (SELECT id, CAST(amount AS FLOAT64) AS net, CAST(amount * 2 AS FLOAT64) AS gross FROM orders) UNPIVOT(value FOR kind IN (net, gross AS 'with tax')) ORDER BY id, kind

SELECT user_pseudo_id, event_timestamp, SUM(1) OVER w AS near, FIRST_VALUE(event_name) OVER w AS first FROM ga WINDOW w AS (PARTITION BY user_pseudo_id ORDER BY event_timestamp RANGE BETWEEN 3600000000 PRECEDING AND CURRENT ROW) ORDER BY 1, 2

SELECT event_date, COUNT(*) AS n, AVG(COUNT(*)) OVER (ORDER BY event_date ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS moving, SUM(COUNT(*)) OVER (ORDER BY event_date) AS running, RANK() OVER (ORDER BY COUNT(*) DESC) AS place FROM ga GROUP BY event_date ORDER BY event_date

WITH RECURSIVE days AS (SELECT DATE '2024-05-01' AS day UNION ALL SELECT DATE_ADD(day, INTERVAL 1 DAY) FROM days WHERE day < '2024-05-04') SELECT day, EXTRACT(DAYOFWEEK FROM day) AS weekday, FORMAT_DATE('%a', day) AS name FROM days ORDER BY day

SELECT c.name, (SELECT MAX(o.amount) FROM orders o WHERE o.customer_id = c.id) AS most, EXISTS(SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.status = 'open') AS has_open FROM customers c ORDER BY c.id

SELECT name FROM customers c WHERE c.id NOT IN (SELECT customer_id FROM orders WHERE customer_id IS NOT NULL) OR name LIKE ANY ('k%', '%TH') ORDER BY name

SELECT STRING_AGG(DISTINCT event_name, ' > ' ORDER BY event_name) AS path, COUNT(*) AS n FROM ga GROUP BY user_pseudo_id ORDER BY path

SELECT STRUCT(status, amount) IN (STRUCT('paid', NUMERIC '100'), STRUCT('open', NUMERIC '5.05')) AS found, STRUCT(id, status) = (1, 'paid') AS same FROM orders ORDER BY id

SELECT o.*, c.country FROM orders AS o LEFT JOIN customers AS c ON c.id = o.customer_id WHERE o.placed_at >= TIMESTAMP('2024-05-01', 'Asia/Seoul') AND o.placed_at < TIMESTAMP_ADD(TIMESTAMP('2024-05-02', 'Asia/Seoul'), INTERVAL 1 DAY) ORDER BY o.id

SELECT NTILE(2) OVER (ORDER BY amount) AS half, LEAD(amount, 1, 0) OVER (ORDER BY amount) AS next, ROUND(PERCENT_RANK() OVER (ORDER BY amount), 3) AS share, CUME_DIST() OVER (ORDER BY amount) AS cume, amount FROM orders ORDER BY amount, id

SELECT TO_JSON_STRING(STRUCT(id, tags, placed_at)) AS json, JSON_VALUE(TO_JSON(STRUCT(id, tags)), '$.tags[0]') AS tag, TO_JSON(tags) AS tags FROM orders ORDER BY id

SELECT JSON_VALUE(detail, '$.device.os') AS os, SAFE_CAST(JSON_VALUE(detail, '$.price') AS FLOAT64) AS price, JSON_QUERY(detail, '$.device') AS device, LAX_STRING(PARSE_JSON(detail).price) AS lax FROM events ORDER BY seen_at

SELECT FORMAT('%s: %d (%.1f%%) %t %T', status, COUNT(*), 100 * COUNT(*) / SUM(COUNT(*)) OVER (), MAX(DATE(placed_at)), ANY_VALUE(status)) AS text FROM orders GROUP BY status ORDER BY status

SELECT status, MAX_BY_ID.id FROM (SELECT status, ARRAY_AGG(STRUCT(id, amount) ORDER BY amount DESC, id LIMIT 1)[OFFSET(0)] AS MAX_BY_ID FROM orders GROUP BY status) ORDER BY status

SELECT * EXCEPT (email, country) REPLACE (UPPER(name) AS name) FROM customers EXCEPT DISTINCT SELECT 1, 'KIM' ORDER BY 1

SELECT DATE_TRUNC(d, QUARTER) AS q, LAST_DAY(d, MONTH) AS last, EXTRACT(ISOWEEK FROM d) AS w, DATE_DIFF(DATE '2024-12-31', d, ISOYEAR) AS y, FORMAT_DATE('%G-W%V', d) AS iso FROM (SELECT DATE(placed_at, 'Asia/Seoul') AS d FROM orders) ORDER BY 2, 3

SELECT DATETIME(placed_at, 'Asia/Seoul') AS local, DATETIME_DIFF(DATETIME '2024-07-01', DATETIME(placed_at), HOUR) AS hours, TIMESTAMP_DIFF(CAST('2024-07-01' AS TIMESTAMP), placed_at, DAY) AS days, FORMAT_TIMESTAMP('%FT%T%Ez', placed_at, 'Asia/Seoul') AS iso FROM orders ORDER BY placed_at

SELECT id, (SELECT STRING_AGG(UPPER(t), '|' ORDER BY o DESC) FROM UNNEST(tags) AS t WITH OFFSET AS o) AS tags, 'gift' IN UNNEST(tags) AS gift, ARRAY_LENGTH(ARRAY_CONCAT(tags, ['x'])) AS n FROM orders ORDER BY id

SELECT IF(GROUPING(status) = 1, 'all', status) AS label, SUM(amount) AS total FROM orders GROUP BY ROLLUP(status) HAVING SUM(amount) > 10 ORDER BY total DESC, label

SELECT a.id, b.id AS other FROM orders a JOIN orders b ON a.id < b.id AND TIMESTAMP_DIFF(b.placed_at, a.placed_at, HOUR) BETWEEN 0 AND 24 ORDER BY 1, 2

SELECT customer_id, COUNT(*) AS n FROM orders GROUP BY ALL HAVING n > 1 OR customer_id IS NULL ORDER BY 1

SELECT id, CASE status WHEN 'paid' THEN 1 WHEN 'open' THEN 0 END AS flag, COALESCE(NULLIF(status, 'open'), 'other') AS s, IFNULL(amount, 0) + 1 AS plus, GREATEST(amount, 10) AS most, DIV(id, 2) AS half, MOD(id, 2) AS odd FROM orders ORDER BY id

FROM ga |> WHERE event_name IN ('purchase', 'page_view') |> EXTEND DATE(TIMESTAMP_MICROS(event_timestamp)) AS day |> AGGREGATE COUNT(*) AS n, COUNT(DISTINCT user_pseudo_id) AS users GROUP BY day, event_name |> ORDER BY day, event_name

SELECT COUNT(DISTINCT IF(user_id IS NULL, NULL, user_pseudo_id)) AS known, APPROX.n FROM ga, (SELECT COUNT(*) AS n FROM customers) AS APPROX GROUP BY APPROX.n

SELECT SUM(amount) FILTERED, AVG(amount) AS mean FROM (SELECT DISTINCT amount FROM orders WHERE status <> 'refunded')

SELECT id, amount, amount - FIRST_VALUE(amount IGNORE NULLS) OVER (PARTITION BY customer_id ORDER BY placed_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS since_first, NTH_VALUE(amount, 2) OVER (PARTITION BY customer_id ORDER BY placed_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS second FROM orders ORDER BY id

SELECT id FROM orders WHERE customer_id NOT IN (SELECT customer_id FROM orders WHERE status = 'open') ORDER BY id

SELECT id, customer_id IN (SELECT id FROM customers) AS known, customer_id NOT IN (SELECT id FROM customers WHERE FALSE) AS none FROM orders ORDER BY id

SELECT id, customer_id IN (SELECT IF(id = 2, NULL, id) FROM customers) AS known FROM orders ORDER BY id

SELECT id FROM orders WHERE amount > (SELECT AVG(amount) FROM orders) ORDER BY id

SELECT id, amount - (SELECT MIN(amount) FROM orders AS o WHERE o.customer_id = orders.customer_id) AS above FROM orders ORDER BY id

SELECT c.name, o.id FROM customers c, orders o WHERE c.id = o.customer_id AND o.amount > 10 ORDER BY o.id

SELECT c.name, o.id, p.id AS other FROM customers c, orders o, orders p WHERE c.id = o.customer_id AND o.customer_id = p.customer_id AND o.id < p.id ORDER BY o.id, p.id

SELECT c.name, o.id, p.id AS other FROM customers c, orders o, orders p WHERE c.id = o.customer_id AND c.id = p.customer_id AND o.status != p.status ORDER BY o.id, p.id

SELECT c.name, o.id FROM customers c, orders o WHERE c.id = o.customer_id OR c.country IS NULL ORDER BY c.name, o.id

SELECT c.name, o.id FROM customers c LEFT JOIN orders o ON TRUE WHERE c.id = o.customer_id ORDER BY o.id

SELECT a.id, b.id AS next FROM orders a, orders b WHERE a.id + 1 = b.id ORDER BY a.id

SELECT c.name, (SELECT COUNT(*) FROM orders o, UNNEST(o.tags) AS t WHERE o.customer_id = c.id AND t = 'gift') AS gifts FROM customers c ORDER BY c.id

SELECT c.name, ARRAY(SELECT o.id FROM orders o WHERE o.customer_id = c.id ORDER BY o.amount DESC LIMIT 1) AS top FROM customers c ORDER BY c.id

SELECT c.name FROM customers c WHERE c.country IN (SELECT d.country FROM customers d WHERE d.id != c.id) ORDER BY c.name

SELECT c.name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND EXISTS (SELECT 1 FROM orders p WHERE p.customer_id = c.id AND p.id != o.id)) ORDER BY c.name

SELECT c.name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id GROUP BY o.status HAVING COUNT(*) = 1 AND SUM(o.amount) > 19) ORDER BY c.name

SELECT c.name, (SELECT STRING_AGG(o.status ORDER BY o.id) FROM orders o WHERE o.customer_id = c.id AND o.amount IS NOT NULL) AS statuses FROM customers c ORDER BY c.id

SELECT c.name, (SELECT SUM(o.amount) OVER () FROM orders o WHERE o.customer_id = c.id LIMIT 1) AS total FROM customers c ORDER BY c.id

WITH big AS (SELECT * FROM orders WHERE amount > 10) SELECT c.name, EXISTS (SELECT 1 FROM big WHERE big.customer_id = c.id) AS big, (SELECT COUNT(*) FROM big) AS all_big FROM customers c ORDER BY c.id

SELECT id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE UPPER(c.country) = UPPER(IF(o.id > 3, 'us', 'kr')) AND c.id = o.customer_id) ORDER BY id

SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON c.id = o.customer_id AND c.id IN (SELECT MAX(customer_id) FROM orders) ORDER BY o.id

SELECT status, COUNT(*) AS n FROM orders GROUP BY status HAVING COUNT(*) >= (SELECT COUNT(*) FROM orders WHERE status = 'paid') ORDER BY status

SELECT id FROM orders WHERE TRUE QUALIFY SUM(amount) OVER (PARTITION BY customer_id) > (SELECT MAX(amount) - 1 FROM orders) ORDER BY id

SELECT id FROM orders o WHERE (SELECT COUNT(*) FROM orders p WHERE p.amount < o.amount) = 1 ORDER BY id

SELECT id FROM orders o WHERE o.amount = (SELECT MAX(p.amount) FROM orders p WHERE p.customer_id = o.customer_id AND p.status = o.status) ORDER BY id

SELECT n FROM UNNEST([1.0, 0.0, CAST('nan' AS FLOAT64), NULL]) AS n WHERE EXISTS (SELECT 1 FROM UNNEST([1, 0, NULL]) AS m WHERE m = n) ORDER BY n

SELECT (SELECT AS STRUCT o.id, o.status FROM orders o WHERE o.customer_id = c.id ORDER BY o.id LIMIT 1).status AS first FROM customers c ORDER BY c.id

SELECT EXISTS (SELECT 1 FROM orders o WHERE o.id = n AND o.customer_id = (SELECT c.id FROM customers c WHERE c.name = 'kim')) AS found FROM UNNEST([1, 2, 3]) AS n ORDER BY n

SELECT a.name, b.name AS same FROM (SELECT * FROM customers) a CROSS JOIN (SELECT * FROM customers) b WHERE a.country = b.country AND a.id < b.id ORDER BY a.id, b.id

SELECT o.id FROM orders o WHERE o.id IN (SELECT p.id + 1 FROM orders p WHERE p.customer_id = o.customer_id) ORDER BY o.id
