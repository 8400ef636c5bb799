-- Every type that the documentation of snapshot exports lists for MySQL and MariaDB, with usual
-- values, NULL, and values that often break programs; and MariaDB's own types.
CREATE TABLE every_type (
    id bigint AUTO_INCREMENT PRIMARY KEY, t tinyint, yes bool, tu tinyint unsigned, s smallint,
    su smallint unsigned, m mediumint, mu mediumint unsigned, i int, iz int(6) unsigned zerofill,
    bu bigint unsigned, y year, d9 decimal(9,2), d18 decimal(18,4), d20 numeric(20,0),
    d38 decimal(38,10), d65 decimal(65,30), du decimal(12,2) unsigned, f float, f2 float(7,3),
    dbl double, c char(20), cl char(4) CHARACTER SET latin1, v varchar(80), tt tinytext, txt text,
    mt mediumtext, lt longtext, e enum('new','[a](b)','it''s, unsigned'), st set('a','b'), j json,
    bits bit(12), b2 binary(4), vb varbinary(8), tb tinyblob, bl blob, mb mediumblob, lb longblob,
    g geometry, p point, ls linestring, da date, ti time(3), dt datetime(6), ts timestamp NULL,
    u uuid, i4 inet4, i6 inet6, gen int AS (i + 0) VIRTUAL, hidden int INVISIBLE
) DEFAULT CHARACTER SET utf8mb4;
SET time_zone = '+09:00';
INSERT INTO every_type (id, t, yes, tu, s, su, m, mu, i, iz, bu, y, d9, d18, d20, d38, d65, du, f, f2, dbl,
    c, cl, v, tt, txt, mt, lt, e, st, j, bits, b2, vb, tb, bl, mb, lb, g, p, ls, da, ti, dt, ts, u, i4, i6, hidden)
VALUES (
    1, -128, 3, 0, -32768, 0, -8388608, 0, -2147483648, 42, 0, 1901, -1.5, -1.5, 0, -0.0000000001,
    1, 0, 0.1, 1.5, 1.7976931348623157e308, ' 서울  ', 'é', '제주 바다 😀', 'a', 'line\nbreak\0nul', 'quote "', '긴 글',
    '[a](b)', 'a,b', '{"a":  1}', b'111111111111', x'00ff', '', '\\x01', x'0102', x'03', x'5c7830', ST_GeomFromText('POINT(1 2)', 4326),
    POINT(1, 2), ST_GeomFromText('LINESTRING(0 0,1 1)'), '2026-03-01', '-838:59:59.999', '2026-03-01 09:30:00.123456',
    '2026-03-01 09:30:00', '00000000-0000-4000-8000-000000000000', '192.0.2.1', '2001:db8::1', 7
);
INSERT INTO every_type (id) VALUES (2);
INSERT INTO every_type (id, t, tu, su, mu, i, iz, bu, y, d9, d18, d20, d38, d65, f, dbl, c, v, e, st, bits, b2, da, ti, dt, ts)
VALUES (9223372036854775807, 127, 255, 65535, 16777215, 2147483647, 4294967295, 18446744073709551615, 0, 9999999.99,
    99999999999999.9999, 99999999999999999999, 9999999999999999999999999999.9999999999,
    -99999999999999999999999999999999999.999999999999999999999999999999, 16777216, -1e-300, '', '', 'it''s, unsigned', '',
    0, 'abcd', '0000-00-00', '838:59:59', '0000-00-00 00:00:00', '2038-01-19 12:14:07');
INSERT INTO every_type (id, da, dt) VALUES (4, '2024-00-10', '9999-12-31 23:59:59.999999'),
    (5, '9999-12-31', '1000-01-01 00:00:00');

CREATE TABLE visits (id bigint, day date) PARTITION BY RANGE (YEAR(day))
    (PARTITION old VALUES LESS THAN (2026), PARTITION new VALUES LESS THAN MAXVALUE);
INSERT INTO visits SELECT seq, DATE_ADD('2025-12-01', INTERVAL seq DAY) FROM seq_1_to_40;
CREATE TABLE `odd ``table` (`theColumn` int, `order` text, `back``tick` int, `열` int);
INSERT INTO `odd ``table` VALUES (1, '2', 3, 4);
CREATE TABLE refused (`the column` int);
CREATE TABLE nothing (id int);
CREATE TABLE loose (id int) ENGINE = MyISAM; INSERT INTO loose VALUES (1);
CREATE TABLE history (id int) WITH SYSTEM VERSIONING; INSERT INTO history VALUES (1), (2); DELETE FROM history WHERE id = 1;
CREATE SEQUENCE counter;
CREATE VIEW a_view AS SELECT 1 AS one;

-- Numbers and times of all sizes.
CREATE TABLE numbers (id int PRIMARY KEY, d decimal(12,2), d38 decimal(38,10), d65 decimal(65,30), f float, g double,
    dt datetime(6), ts timestamp(3) NULL, da date, ti time(6));
INSERT INTO numbers SELECT seq, (seq * 104729 % 1000000007) / 100, seq * 15485863 / (seq % 97 + 1),
    -seq * 1000000007 / 998244353, SQRT(seq), SIN(seq) * POW(10, seq % 600 - 300),
    '1000-01-01' + INTERVAL seq * 1613 DAY + INTERVAL seq * 1000907 MICROSECOND,
    '1970-01-02' + INTERVAL seq * 7919.123 SECOND, '1000-01-01' + INTERVAL seq * 1613 DAY, SEC_TO_TIME(seq * 17.3217 - 9000)
    FROM (SELECT CAST(seq AS SIGNED) AS seq FROM seq_1_to_2000) AS signed_numbers;

CREATE TABLE clocks (id int, wall datetime, seoul datetime, instant timestamp NULL);
INSERT INTO clocks VALUES (1, '2026-03-01 09:30:00', '2026-03-01 09:30:00', '2026-03-01 09:30:00'),
    (2, '9999-12-31 23:59:59', '9999-12-31 23:59:59', NULL);
