-- Every type that the documentation of snapshot exports lists for PostgreSQL, with usual
-- values, NULL, and values that often break programs.
CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('glad', 'sad, "very"');
CREATE TYPE address AS (street text, number int);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN padded AS char(4);
SET TimeZone = 'Asia/Seoul';

CREATE TABLE every_type (
    c_bigserial bigserial PRIMARY KEY, c_serial serial, c_smallserial smallserial,
    c_bigint bigint, c_integer integer, c_smallint smallint, c_real real, c_double double precision,
    c_boolean boolean, c_bytea bytea, c_numeric numeric(12,2), c_decimal decimal, c_odd numeric(5,-2),
    c_money money, c_date date, c_time time, c_timetz time(3) with time zone, c_interval interval,
    c_timestamp timestamp, c_timestamptz timestamptz(3), c_uuid uuid, c_json json, c_jsonb jsonb,
    c_xml xml, c_ints integer[], c_texts text[], c_moods mood[], c_bit bit(4), c_varbit bit varying(8),
    c_cidr cidr, c_inet inet, c_macaddr macaddr, c_macaddr8 macaddr8, c_int4range int4range,
    c_numrange numrange, c_tstzrange tstzrange, c_daterange daterange, c_multirange int4multirange,
    c_composite address, c_domain positive, c_padded padded, c_enum mood, c_char char(5),
    c_varchar varchar(80), c_text text, c_name name, c_point point, c_line line, c_lseg lseg, c_box box,
    c_path path, c_polygon polygon, c_circle circle, c_pg_lsn pg_lsn, c_hstore hstore,
    c_one "char", c_tsvector tsvector, c_generated text GENERATED ALWAYS AS (c_bigint::text) STORED
);
INSERT INTO every_type VALUES (
    1, 1, 1, -9223372036854775808, -2147483648, -32768, 0.1, 0.1, true, '\x00ff5c', 12.5, 0.1000, 12345,
    1234.56, '2026-03-01', '09:30', '09:30+09', '1 year 2 mons 3 days 04:05:06.5', '2026-03-01 09:30:00.5',
    '2026-03-01 09:30:00.123', '00000000-0000-4000-8000-000000000000', '{"a":  1, "a": "é"}', '{"b": 1, "a": [null]}',
    '<a>가</a>', '{1,NULL,-3}', ARRAY['a b', 'c"d', 'e\f', 'NULL', NULL, '', '가,{}'], '{glad,"sad, \"very\""}',
    '0101', '1', '192.0.2.0/24', '192.0.2.1', '00:00:5e:00:53:01', '00:00:5e:ff:fe:00:53:01', '[1,5)', '[1.5,)',
    '[2026-03-01 00:00+09,infinity)', '(,)', '{[1,3),[7,9)}', ROW('1 "Road", Seoul', 2), 7, 'ab', 'sad, "very"',
    'ab', '김서연', E'tab\there\nline \\ "quote" 😀', 'pg_class', '(1,2)', '{1,-1,0}', '[(0,0),(1,1)]', '(1,1),(0,0)',
    '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),1>', '16/B374D848', 'a=>1, "b c"=>NULL', 'q',
    'a fat cat'::tsvector
);
INSERT INTO every_type (c_bigserial) VALUES (2);
INSERT INTO every_type VALUES (
    9223372036854775807, 2147483647, 32767, 9223372036854775807, 2147483647, 32767, 'NaN', '-Infinity', false, '',
    'NaN', 'Infinity', -12350, -0.01, '0044-03-15 BC', '24:00:00', '23:59:59.999+05:30', '-1 day +00:00:01',
    'infinity', '-infinity', 'ffffffff-ffff-4fff-bfff-ffffffffffff', 'null', '"text"', '<b/>', '{}', '{{a,b},{c,d}}', '{}',
    '1111', '', '2001:db8::/32', '2001:db8::1/64', '00:00:5e:00:53:ff', '00:00:5e:00:53:ff:00:01', 'empty', 'empty',
    'empty', '[infinity,infinity]', '{}', ROW(NULL, NULL), 1, '    ', 'glad', '가나다라마', '', '', 'a', '(-0.5,1e+300)',
    '{0,1,2}', '[(1,1),(1,1)]', '(0,0),(0,0)', '((0,0))', '((0,0))', '<(1,1),0>', '0/0', '', '\377', ''
);

-- Numbers of all sizes: a digit on the wire is four decimal digits, wherever the point is.
CREATE TABLE numbers (id int PRIMARY KEY, n numeric, n12 numeric(12,2), n38 numeric(38,10), f float8, r real);
INSERT INTO numbers
    SELECT n, (CASE n % 3 WHEN 0 THEN -1 ELSE 1 END) * (n * 7919)::numeric * 10::numeric ^ (n % 61 - 30),
           (n * 104729 % 1000000007) / 100.0, (n * 15485863)::numeric / (n % 97 + 1), sin(n) * 10 ^ (n % 600 - 300), sqrt(n)
    FROM generate_series(1, 4000::bigint) n;
INSERT INTO numbers (id, n) SELECT 5000 + row_number() OVER (), n::numeric FROM unnest(ARRAY['0', '0.0', '0.0000', '-0.5',
    '10000', '9999.9999', '0.00001', '0.000000001', '100000000', '12345678901234567890123456789012345.678901234567890123456789012345',
    repeat('9', 65), '-' || repeat('9', 35) || '.' || repeat('9', 30), '1e-60', '1e131071', 'NaN', 'Infinity', '-Infinity']) AS n;

-- Dates of all eras, with and without fractions of a second.
CREATE TABLE moments (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz, t time);
INSERT INTO moments
    SELECT n, date '4713-01-01 BC' + n * 971, timestamp '4713-01-01 BC' + n * interval '971 days 7:13:11.000907',
           timestamptz '4713-01-02 00:00+00 BC' + n * interval '971 days 3:07:59.12', time '00:00' + n * interval '17.3217 s'
    FROM generate_series(0, 4900) n;
INSERT INTO moments VALUES (9001, '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '24:00'),
    (9002, '4714-11-24 BC', '4714-11-24 00:00:00 BC', '4714-11-24 00:00:00+00 BC', '00:00:00.000001'),
    (9003, 'infinity', 'infinity', 'infinity', NULL), (9004, '-infinity', '-infinity', '-infinity', NULL),
    (9005, '0001-01-01', '0001-01-01', '0001-01-01 00:00+00', '12:00'),
    (9006, '0001-12-31 BC', '0001-12-31 23:59:59.5 BC', '0001-12-31 23:59:59.5+00 BC', '12:00:00.1'),
    (9007, '10000-01-01', '10000-01-01', '10000-01-01 00:00+00', '12:00'),
    (9008, '2000-01-01', '1999-12-31 23:59:59.999999', '2000-01-01 00:00:00.1+00', '12:00');

CREATE TABLE visits (id bigint, day date) PARTITION BY RANGE (day);
CREATE TABLE visits_jan PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE visits_feb PARTITION OF visits FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO visits SELECT n, date '2026-01-01' + (n % 40)::int FROM generate_series(1, 400) n;
CREATE TABLE nothing (id int, note text);
CREATE SCHEMA "odd schema";
CREATE TABLE "odd schema"."odd ""table" ("theColumn" int, "order" text);
INSERT INTO "odd schema"."odd ""table" VALUES (1, 'first');
CREATE TABLE refused ("the column" int);
CREATE UNLOGGED TABLE cache (id int);

-- Times without a zone; the second is skipped in Paris, the third is shown twice there.
CREATE TABLE clocks (id int, wall timestamp, seoul timestamp, paris timestamp, instant timestamptz);
INSERT INTO clocks VALUES (1, '2026-03-01 09:30:00.5', '2026-03-01 09:30:00.5', '2026-03-01 09:30:00.5', '2026-03-01 09:30:00.5+09'),
    (2, '2026-03-29 02:30:00', '2026-03-29 02:30:00', '2026-03-29 02:30:00', NULL),
    (3, '9999-12-31 23:59:59', '9999-12-31 23:59:59', '2026-10-25 02:30:00', NULL);
