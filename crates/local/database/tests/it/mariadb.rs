//! Captures of a real MariaDB server.

use expect_test::expect;
use jiff::Timestamp;
use landbridge_local_database::{ExportQuirks, MySqlDatabase, SourceDatabase, TestMariaDb};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use crate::support::{cells, run, table};

async fn client(server: &TestMariaDb) -> Conn {
    let opts = Opts::from_url(&server.url_of("mysql")).unwrap();
    let opts = mysql_async::OptsBuilder::from_opts(opts).prefer_socket(false);
    Conn::new(opts).await.unwrap()
}

/// A server with a database `shop` that this SQL creates.
pub(crate) async fn shop(sql: &str) -> (TestMariaDb, Conn) {
    let server = tokio::task::spawn_blocking(TestMariaDb::start).await.unwrap();
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let mut client = client(&server).await;
    let sql = format!("SET NAMES utf8mb4; CREATE DATABASE shop; USE shop; {sql}");
    client.query_drop(sql).await.unwrap();
    (server, client)
}

/// The tests of the workspace transfer the same database to BigQuery.
pub(crate) const DATABASE: &str = include_str!("../../../../../tests/it/mariadb/every_type.sql");

#[tokio::test]
async fn each_server_has_its_own_directory_for_temporary_files() {
    let (server, mut client) = shop("").await;
    let used: String = client.query_first("SELECT @@tmpdir").await.unwrap().unwrap();
    let data: String = client.query_first("SELECT @@datadir").await.unwrap().unwrap();
    // The directory of the data is this server's own.
    let own = std::path::Path::new(&data).parent().unwrap();
    assert_eq!(std::path::Path::new(&used).parent(), Some(own), "{used} {data}");
    drop(server);
}

#[tokio::test]
async fn a_capture_has_all_tables_and_rows() {
    let (server, _client) = shop(DATABASE).await;
    let source = MySqlDatabase::connect(&server.url_of("shop")).await.unwrap();
    assert_eq!(source.engine().name(), "mariadb");
    assert!(source.engine().version().starts_with("1"), "{:?}", source.engine());
    let dir = tempfile::tempdir().unwrap();
    let snapshot = source.capture(Timestamp::UNIX_EPOCH, dir.path()).await.unwrap();
    assert_eq!(snapshot.database(), "shop");
    // The snapshot does not depend on the server.
    drop(server);

    let tables =
        snapshot.tables().iter().map(|it| format!("{}.{} {:?}\n", it.schema, it.name, it.rows));
    expect![[r#"
        shop.clocks Some(2)
        shop.every_type Some(5)
        shop.history Some(1)
        shop.loose Some(1)
        shop.nothing Some(0)
        shop.numbers Some(2000)
        shop.odd `table Some(1)
        shop.refused Some(0)
        shop.visits Some(40)
    "#]]
    .assert_eq(&tables.collect::<String>());

    let every_type = table(snapshot.as_ref(), "every_type");
    let mut rows = cells(snapshot.as_ref(), every_type);
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
    expect![[r#"
        id bigint (None, Some(19), None): "1" "4" "5" "9223372036854775807"
        t tinyint (None, Some(3), None): "-128" "127"
        yes tinyint (None, Some(3), None): "3"
        tu tinyint unsigned (None, Some(3), None): "0" "255"
        s smallint (None, Some(5), None): "-32768"
        su smallint unsigned (None, Some(5), None): "0" "65535"
        m mediumint (None, Some(7), None): "-8388608"
        mu mediumint unsigned (None, Some(8), None): "0" "16777215"
        i int (None, Some(10), None): "-2147483648" "2147483647"
        iz int unsigned (None, Some(10), None): "42" "4294967295"
        bu bigint unsigned (None, Some(20), None): "0" "18446744073709551615"
        y year (None, None, None): "1901" "0"
        d9 decimal (None, Some(9), None): "-1.50" "9999999.99"
        d18 decimal (None, Some(18), None): "-1.5000" "99999999999999.9999"
        d20 decimal (None, Some(20), None): "0" "99999999999999999999"
        d38 decimal (None, Some(38), None): "-0.0000000001" "9999999999999999999999999999.9999999999"
        d65 decimal (None, Some(65), None): "1.000000000000000000000000000000" "-99999999999999999999999999999999999.999999999999999999999999999999"
        du decimal unsigned (None, Some(12), None): "0.00"
        f float (None, Some(12), None): "0.10000000149011612" "16777216.0"
        f2 float (None, Some(7), None): "1.5"
        dbl double (None, Some(22), None): "1.7976931348623157e308" "-1e-300"
        c char (Some(20), None, None): "20ec849cec9ab8" ""
        cl char (Some(4), None, None): "c3a9"
        v varchar (Some(80), None, None): "제주 바다 😀" ""
        tt tinytext (Some(255), None, None): "a"
        txt text (Some(65535), None, None): "line\nbreak\0nul"
        mt mediumtext (Some(16777215), None, None): "quote \""
        lt longtext (Some(4294967295), None, None): "긴 글"
        e enum (Some(14), None, None): "[a](b)" "it's, unsigned"
        st set (Some(3), None, None): "a,b" ""
        j longtext (Some(4294967295), None, None): "{\"a\":  1}"
        bits bit (None, Some(12), None): "0fff" "0000"
        b2 binary (Some(4), None, None): "00ff0000" "61626364"
        vb varbinary (Some(8), None, None): ""
        tb tinyblob (Some(255), None, None): "5c783031"
        bl blob (Some(65535), None, None): "0102"
        mb mediumblob (Some(16777215), None, None): "03"
        lb longblob (Some(4294967295), None, None): "5c7830"
        g geometry (None, None, None): "e61000000101000000000000000000f03f0000000000000040"
        p point (None, None, None): "000000000101000000000000000000f03f0000000000000040"
        ls linestring (None, None, None): "0000000001020000000200000000000000000000000000000000000000000000000000f03f000000000000f03f"
        da date (None, None, None): "2026-03-01" "2024-00-10" "9999-12-31" "0000-00-00"
        ti time (None, None, Some(3)): "-838:59:59.999" "838:59:59.000"
        dt datetime (None, None, Some(6)): "2026-03-01T09:30:00.123456" "9999-12-31T23:59:59.999999" "1000-01-01T00:00:00"
        ts timestamp (None, None, Some(0)): "2026-03-01T00:30:00" "2038-01-19T03:14:07"
        u uuid (None, None, None): "00000000-0000-4000-8000-000000000000"
        i4 inet4 (None, None, None): "192.0.2.1"
        i6 inet6 (None, None, None): "2001:db8::1"
        gen int (None, Some(10), None): "-2147483648" "2147483647"
        hidden int (None, Some(10), None): "7"
    "#]].assert_eq(&text);

    let exported = run(snapshot.as_ref(), ExportQuirks::default()).await;
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

/// While a client inserts into two tables in one transaction, every capture shows both tables at one
/// instant, also when a missing right allows only one session.
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
        let source = MySqlDatabase::connect(&url).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let snapshot = source.capture(Timestamp::UNIX_EPOCH, dir.path()).await.unwrap();
        let rows: Vec<u64> = snapshot.tables().iter().filter_map(|table| table.rows).collect();
        assert_eq!((rows[0], rows[2]), (rows[1], 50_000), "{user}");
        assert!(rows[0] >= last);
        last = rows[0];
        let big = table(snapshot.as_ref(), "big");
        let sizes = snapshot.read(big).unwrap().map(|batch| batch.unwrap().num_rows());
        assert!(sizes.max().unwrap() <= 8_192, "a batch is bounded");
    }
    writing.abort();
    assert!(last > 0, "the client wrote during the captures");
}

/// A table that the user may not read is skipped with a reason, not read in part.
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
    let source = MySqlDatabase::connect(&url).await.unwrap();
    let snapshot = source.capture(Timestamp::UNIX_EPOCH, dir.path()).await.unwrap();
    let skipped = |name: &str| table(snapshot.as_ref(), name).skip_reason.clone();
    assert_eq!(skipped("open"), None);
    assert_eq!(skipped("closed").as_deref(), Some("the master user may not read it"));
    assert_eq!(skipped("half").as_deref(), Some("the master user may not read it"));
}
