-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)
/*!40101 SET NAMES utf8mb4 */;
SET FOREIGN_KEY_CHECKS = 0;
DROP TABLE IF EXISTS `everything`;
CREATE TABLE `everything` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `a1` tinyint(1) NOT NULL DEFAULT 0, `a2` tinyint(3) unsigned, a3 smallint, a4 mediumint(8) unsigned, a5 int(11), a6 INTEGER UNSIGNED,
  a7 bigint, a8 bool, a9 int unsigned zerofill,
  f1 float, f2 double, f3 double precision, f4 real, f5 float unsigned,
  n1 decimal(12,2) NOT NULL, n2 decimal, n3 numeric(9), n4 decimal(10,0) unsigned, n5 dec(4,1),
  b1 bit, b2 bit(8), b3 binary(16), b4 varbinary(40), b5 blob, b6 tinyblob, b7 mediumblob, b8 longblob,
  t1 char(3) CHARACTER SET ascii, t2 varchar(40) COLLATE utf8mb4_unicode_ci DEFAULT NULL COMMENT 'it''s, (a) comment;', t3 text, t4 tinytext, t5 mediumtext, t6 longtext,
  d1 date, d2 time, d3 time(3), d4 datetime, d5 datetime(6), d6 timestamp NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(), d7 year(4),
  e1 enum('a','b''c','d,e'), e2 set('x','y'),
  g1 point, g2 geometry,
  `키` varchar(10), `이름` text, `key` int, `unsigned_price` int,
  `full` varchar(90) GENERATED ALWAYS AS (concat(`t2`,' ')) STORED,
  PRIMARY KEY (`id`),
  UNIQUE KEY `u` (`a1`,`a2`),
  KEY `k` (`t2`(10)),
  CONSTRAINT `c` CHECK (`a5` > 0)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COMMENT='a; table as select';
CREATE TABLE parts (id int, day date) ENGINE=InnoDB
/*!50100 PARTITION BY RANGE (year(day)) (PARTITION p0 VALUES LESS THAN (2027) ENGINE = InnoDB, PARTITION p1 VALUES LESS THAN MAXVALUE) */;
LOCK TABLES `parts` WRITE;
INSERT INTO `parts` VALUES (1,'2026-01-01'),(2,'2026-02-01');
UNLOCK TABLES;
CREATE TABLE changing (id int, a varchar(10), b text, c text, d int);
ALTER TABLE changing ADD COLUMN e varchar(20) AFTER a, ADD f int FIRST, ADD INDEX (a), DROP COLUMN b, ENGINE=InnoDB;
ALTER TABLE `changing` MODIFY COLUMN a mediumtext, CHANGE c c2 decimal(8,3) NOT NULL DEFAULT 0, RENAME COLUMN d TO d2;
ALTER TABLE changing ADD (g int unsigned, h date);
CREATE TABLE like_it LIKE changing;
CREATE TABLE old_name (id int);
RENAME TABLE old_name TO newer_name;
ALTER TABLE newer_name RENAME TO new_name;
CREATE TABLE gone (id int);
DROP TABLE gone;
CREATE VIEW seen AS SELECT id FROM changing;
