//! A real MariaDB server, read through its own text protocol.

use expect_test::expect;
use jiff::Timestamp;
use landbridge_local_image::{ExportQuirks, Image, MySql, Source, ThrowAwayMariaDb};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use crate::support::{cells, run, table};

async fn client(server: &ThrowAwayMariaDb) -> Conn {
    let opts = Opts::from_url(&server.url_of("mysql")).unwrap();
    let opts = mysql_async::OptsBuilder::from_opts(opts).prefer_socket(false);
    Conn::new(opts).await.unwrap()
}

/// A server whose database `shop` was made with this SQL.
async fn shop(sql: &str) -> (ThrowAwayMariaDb, Conn) {
    let server = tokio::task::spawn_blocking(ThrowAwayMariaDb::start).await.unwrap();
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let mut client = client(&server).await;
    let sql = format!("SET NAMES utf8mb4; CREATE DATABASE shop; USE shop; {sql}");
    client.query_drop(sql).await.unwrap();
    (server, client)
}

const DATABASE: &str = r#"
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
    CREATE SEQUENCE numbers;
    CREATE VIEW a_view AS SELECT 1 AS one;
"#;

#[tokio::test]
async fn a_database_is_captured_whole() {
    let (server, _client) = shop(DATABASE).await;
    let source = MySql::connect(&server.url_of("shop")).await.unwrap();
    assert_eq!((source.engine().name(), source.database()), ("mariadb", "shop"));
    assert!(source.engine().version().starts_with("1"), "{:?}", source.engine());
    let dir = tempfile::tempdir().unwrap();
    let image = source.capture(Timestamp::UNIX_EPOCH, dir.path()).await.unwrap();
    // The catalogue alone says the same of the tables, but for their rows.
    let mut listed = source.tables().await.unwrap();
    for (listed, table) in listed.iter_mut().zip(image.tables()) {
        listed.rows = table.rows;
    }
    assert_eq!(listed, image.tables());
    // The image stays as it is, whatever happens to its database.
    drop(server);

    let tables =
        image.tables().iter().map(|it| format!("{}.{} {:?}\n", it.schema, it.name, it.rows));
    expect![[r#""#]].assert_eq(&tables.collect::<String>());

    let every_type = table(image.as_ref(), "every_type");
    let mut rows = cells(image.as_ref(), every_type);
    rows.sort_by_key(|row| row[0].as_deref().unwrap().parse::<i64>().unwrap());
    assert!(rows[1][1..].iter().all(Option::is_none));
    let mut text = String::new();
    for (index, column) in every_type.columns.iter().enumerate() {
        let cell =
            |row: &Vec<Option<String>>| format!(" {:?}", row[index].as_deref().unwrap_or("NULL"));
        let sizes = (column.char_max_length, column.num_precision, column.datetime_precision);
        let first = cell(&rows[0]);
        let others: String =
            rows[2..].iter().filter(|row| row[index].is_some()).map(cell).collect();
        text.push_str(&format!(
            "{} {} {sizes:?}:{first}{others}\n",
            column.name, column.original_type
        ));
    }
    expect![[r#""#]].assert_eq(&text);

    let exported = run(image.as_ref(), ExportQuirks::default()).await;
    assert_eq!(exported.rows("exports/day-1/shop/shop.visits/").num_rows(), 40);
    assert!(
        exported.objects.keys().any(|key| key.starts_with("exports/day-1/shop/shop.odd__table/"))
    );
    let skipped = exported.outcome.warnings.join("\n");
    assert!(skipped.contains("refused") && exported.outcome.warnings.len() == 1, "{skipped}");
}

const FILL: &str =
    "CREATE TABLE a (id int) ENGINE = InnoDB; CREATE TABLE b (id int) ENGINE = InnoDB;
    CREATE TABLE big AS SELECT seq AS id, repeat('가', 20) AS text FROM seq_1_to_50000;";

/// While a client keeps adding to two tables in one transaction, every capture sees both
/// tables at one instant, whether several sessions read or, for want of a right, one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_is_one_instant() {
    let (server, mut admin) = shop(FILL).await;
    let rights = "CREATE USER reader@'127.0.0.1'; GRANT SELECT ON shop.* TO reader@'127.0.0.1'";
    admin.query_drop(rights).await.unwrap();
    let mut writer = client(&server).await;
    writer.query_drop("USE shop").await.unwrap();
    let writing = tokio::spawn(async move {
        loop {
            let both = "BEGIN; INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); COMMIT";
            writer.query_drop(both).await.unwrap();
        }
    });
    let mut last = 0;
    for user in ["root", "reader"].repeat(5) {
        let url = server.url_of("shop").replace("root@", &format!("{user}@"));
        let source = MySql::connect(&url).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let image = source.capture(Timestamp::UNIX_EPOCH, dir.path()).await.unwrap();
        let rows: Vec<u64> = image.tables().iter().filter_map(|table| table.rows).collect();
        assert_eq!((rows[0], rows[2]), (rows[1], 50_000), "{user}");
        assert!(rows[0] >= last);
        last = rows[0];
        let big = table(image.as_ref(), "big");
        let sizes = image.read(big).unwrap().map(|batch| batch.unwrap().num_rows());
        assert!(sizes.max().unwrap() <= 8_192, "a batch is bounded");
    }
    writing.abort();
    assert!(last > 0, "the client did write meanwhile");
}

/// What the user may not read is skipped and said, not read in part.
#[tokio::test]
async fn unreadable_tables_are_skipped() {
    let (server, _client) = shop(
        "CREATE TABLE open (id int); CREATE TABLE closed (id int); CREATE TABLE half (id int, secret int);
         CREATE USER reader@'127.0.0.1'; GRANT SELECT ON shop.open TO reader@'127.0.0.1';
         GRANT INSERT ON shop.closed TO reader@'127.0.0.1';
         GRANT SELECT (id), INSERT ON shop.half TO reader@'127.0.0.1'",
    )
    .await;
    let url = server.url_of("shop").replace("root@", "reader@");
    let dir = tempfile::tempdir().unwrap();
    let source = MySql::connect(&url).await.unwrap();
    let image = source.capture(Timestamp::UNIX_EPOCH, dir.path()).await.unwrap();
    let skipped = |name: &str| table(image.as_ref(), name).skipped.clone();
    assert_eq!(skipped("open"), None);
    assert_eq!(skipped("closed").as_deref(), Some("the master user may not read it"));
    assert_eq!(skipped("half").as_deref(), Some("the master user may not read it"));
}

#[tokio::test]
async fn errors_hold_no_password() {
    let (server, mut client) = shop("CREATE USER me IDENTIFIED BY 'right'").await;
    client.query_drop("GRANT ALL ON shop.* TO me").await.unwrap();
    let url = server.url_of("shop");
    let port = url.rsplit_once(':').unwrap().1.split('/').next().unwrap().to_owned();
    let ours = |rest: &str| format!("mysql://me:{rest}").replace("PORT", &port);
    assert!(MySql::connect(&ours("right@127.0.0.1:PORT/shop")).await.is_ok());
    let mut told = String::new();
    for rest in [
        "hunter2@[::1:PORT/shop",
        "hunter2@127.0.0.1:PORT",
        "hunter2@127.0.0.1:1/shop",
        "hunter2@127.0.0.1:PORT/shop",
        "right@127.0.0.1:PORT/none",
    ] {
        let error = MySql::connect(&ours(rest)).await.err().unwrap();
        let text = format!("{error}\n");
        assert!(!format!("{text}{error:?}").contains("hunter2"), "{text}");
        told.push_str(&text.replace(&port, "PORT"));
    }
    expect![[r#""#]].assert_eq(&told);
}
