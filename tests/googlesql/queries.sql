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
