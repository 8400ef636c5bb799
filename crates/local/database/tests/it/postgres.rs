//! Captures of a real PostgreSQL server.

use expect_test::expect;
use jiff::Timestamp;
use landbridge_local_database::{
    DatabaseSnapshot, ExportQuirks, PostgresDatabase, SourceDatabase, TestPostgres,
};
use tokio_postgres::NoTls;

use crate::support::{cells, run, table};

async fn client(server: &TestPostgres) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn server() -> TestPostgres {
    tokio::task::spawn_blocking(TestPostgres::start).await.unwrap().unwrap()
}

const DATABASE: &str = r#"
    CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE TYPE address AS (street text, number int);
    CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
    CREATE DOMAIN padded AS char(4);
    CREATE TABLE every_type (
        id bigserial PRIMARY KEY, i4 integer, i2 smallint, f4 real, f8 double precision, b boolean, raw bytea,
        n numeric(12,2), n_open numeric, n_odd numeric(5,-2), cash money, d date, t time, ttz time(3) with time zone,
        span interval day to second(3), ts timestamp, tstz timestamptz(3), u uuid, j json, jb jsonb, x xml,
        ints integer[], texts varchar(9)[], moods mood[], bits bit(4), net cidr, host inet, mac macaddr,
        range int4range, home address, dom positive, feel mood, c char(5), v varchar(80), txt text, nm name,
        p point, lsn pg_lsn, one "char", pad padded, blank address
    );
    SET TimeZone = 'Asia/Seoul';
    INSERT INTO every_type VALUES (
        1, -2147483648, -32768, 0.1, 0.1, true, '\x00ff', 12.5, 0.1000, 12345, 1234.56, '2026-03-01', '09:30', '09:30+09',
        '1 day 02:03:04.5', '2026-03-01 09:30:00.5', '2026-03-01 09:30:00.5', '00000000-0000-4000-8000-000000000000',
        '{"a":  1}', '{"a":  1}', '<a/>', '{1,NULL}', '{"a b",가}', '{glad}', '0101', '192.0.2.0/24', '192.0.2.1',
        '00:00:5e:00:53:01', '[1,5)', '("1 Road",2)', 7, 'sad', 'ab', '김서연', E'tab\there\nline \\ "quote"', 'n',
        '(1,2)', '16/B374D848', 'q', 'ab', ROW(NULL, NULL)
    );
    INSERT INTO every_type (id) VALUES (2);
    INSERT INTO every_type (id, f8, n_open, d, ts, tstz) VALUES
        (3, 'NaN', 'NaN', '0044-03-15 BC', 'infinity', '-infinity');

    CREATE TABLE visits (id bigint, day date) PARTITION BY RANGE (day);
    CREATE TABLE visits_jan PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE visits_feb PARTITION OF visits FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
    INSERT INTO visits SELECT n, date '2026-01-01' + (n % 40)::int FROM generate_series(1, 40) n;

    CREATE TABLE base (id int);
    CREATE TABLE derived (extra int) INHERITS (base);
    INSERT INTO base VALUES (1); INSERT INTO derived VALUES (2, 3);

    CREATE SCHEMA "odd schema";
    CREATE TABLE "odd schema"."odd ""table" ("theColumn" int, "order" text); CREATE TABLE refused ("the column" int);
    CREATE UNLOGGED TABLE cache (id int);
    CREATE TABLE no_columns ();
    CREATE TABLE nothing (id int);
    CREATE VIEW a_view AS SELECT 1 AS one;
"#;

#[tokio::test]
async fn a_capture_has_all_tables_and_rows() {
    let server = server().await;
    client(&server).await.batch_execute(DATABASE).await.unwrap();
    let source = PostgresDatabase::connect(&server.url()).await.unwrap();
    assert_eq!(source.engine().name(), "postgres");
    assert!(source.engine().version().parse::<f64>().unwrap() >= 10.0);

    let dir = tempfile::tempdir().unwrap();
    let snapshot = source.capture(Timestamp::UNIX_EPOCH, dir.path()).await.unwrap();
    // The snapshot does not depend on the server.
    drop(server);

    let mut text = String::new();
    for table in snapshot.tables() {
        let (rows, parent) = (table.rows, table.partition_of.as_deref().unwrap_or("-"));
        let skipped = table.skip_reason.as_deref().unwrap_or("-");
        text.push_str(&format!(
            "{}.{} {rows:?}, partition of {parent}, skipped: {skipped}\n",
            table.schema, table.name
        ));
    }
    expect![[r#"
        odd schema.odd "table Some(0), partition of -, skipped: -
        public.base Some(1), partition of -, skipped: -
        public.cache None, partition of -, skipped: it is unlogged
        public.derived Some(1), partition of -, skipped: -
        public.every_type Some(3), partition of -, skipped: -
        public.no_columns None, partition of -, skipped: it has no columns
        public.nothing Some(0), partition of -, skipped: -
        public.refused Some(0), partition of -, skipped: -
        public.visits Some(40), partition of -, skipped: -
        public.visits_feb Some(9), partition of visits, skipped: -
        public.visits_jan Some(31), partition of visits, skipped: -
    "#]]
    .assert_eq(&text);

    let every_type = table(snapshot.as_ref(), "every_type");
    let rows = cells(snapshot.as_ref(), every_type);
    assert!(rows[1][1..].iter().all(Option::is_none));
    let mut text = String::new();
    for (index, column) in every_type.columns.iter().enumerate() {
        let cell = |row: usize| rows[row][index].as_deref().unwrap_or("NULL").to_owned();
        let sizes = (column.char_max_length, column.num_precision, column.datetime_precision);
        let third =
            if rows[2][index].is_some() { format!(" {:?}", cell(2)) } else { String::new() };
        text.push_str(&format!(
            "{} {} {sizes:?}: {:?}{third}\n",
            column.name,
            column.original_type,
            cell(0)
        ));
    }
    expect![[r#"
        id bigint (None, Some(64), None): "1" "3"
        i4 integer (None, Some(32), None): "-2147483648"
        i2 smallint (None, Some(16), None): "-32768"
        f4 real (None, Some(24), None): "0.1"
        f8 double precision (None, Some(53), None): "0.1" "NaN"
        b boolean (None, None, None): "true"
        raw bytea (None, None, None): "00ff"
        n numeric (None, Some(12), None): "12.50"
        n_open numeric (None, None, None): "0.1000" "NaN"
        n_odd numeric (None, None, None): "12300"
        cash money (None, None, None): "$1,234.56"
        d date (None, None, Some(0)): "2026-03-01" "0044-03-15 BC"
        t time without time zone (None, None, Some(6)): "09:30:00"
        ttz time with time zone (None, None, Some(3)): "09:30:00+09"
        span interval (None, None, None): "1 day 02:03:04.5"
        ts timestamp without time zone (None, None, Some(6)): "2026-03-01 09:30:00.5" "infinity"
        tstz timestamp with time zone (None, None, Some(3)): "2026-03-01 00:30:00.5+00" "-infinity"
        u uuid (None, None, None): "00000000-0000-4000-8000-000000000000"
        j json (None, None, None): "{\"a\":  1}"
        jb jsonb (None, None, None): "{\"a\": 1}"
        x xml (None, None, None): "<a/>"
        ints ARRAY (None, None, None): "{1,NULL}"
        texts ARRAY (None, None, None): "{\"a b\",가}"
        moods ARRAY (None, None, None): "{glad}"
        bits bit (None, None, None): "0101"
        net cidr (None, None, None): "192.0.2.0/24"
        host inet (None, None, None): "192.0.2.1"
        mac macaddr (None, None, None): "00:00:5e:00:53:01"
        range int4range (None, None, None): "[1,5)"
        home USER-DEFINED (None, None, None): "(\"1 Road\",2)"
        dom integer (None, Some(32), None): "7"
        feel USER-DEFINED (None, None, None): "sad"
        c character (Some(5), None, None): "ab   "
        v character varying (Some(80), None, None): "김서연"
        txt text (None, None, None): "tab\there\nline \\ \"quote\""
        nm name (None, None, None): "n"
        p point (None, None, None): "(1,2)"
        lsn pg_lsn (None, None, None): "16/B374D848"
        one "char" (None, None, None): "q"
        pad character (Some(4), None, None): "ab  "
        blank USER-DEFINED (None, None, None): "(,)"
    "#]]
    .assert_eq(&text);

    let exported = run(snapshot.as_ref(), ExportQuirks::default()).await;
    assert_eq!(exported.rows("exports/day-1/postgres/public.visits/").num_rows(), 40);
    let rows =
        |name: &str| exported.outcome.tables.iter().find(|table| table.name == name).unwrap().rows;
    assert_eq!(rows("visits_jan") + rows("visits_feb"), 40);
    assert_eq!((rows("base"), rows("derived")), (1, 1));
    assert!(
        exported
            .objects
            .keys()
            .any(|key| key.starts_with("exports/day-1/postgres/odd_schema.odd__table/"))
    );
}

/// While a client inserts into two tables in one transaction, every capture shows both tables at one
/// instant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_is_one_instant() {
    let server = server().await;
    let writer = client(&server).await;
    writer.batch_execute("CREATE TABLE a (id int); CREATE TABLE b (id int)").await.unwrap();
    let writing = tokio::spawn(async move {
        loop {
            writer
                .batch_execute("BEGIN; INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); COMMIT")
                .await
                .unwrap();
        }
    });
    let source = PostgresDatabase::connect(&server.url()).await.unwrap();
    let mut last = 0;
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let snapshot = source.capture(Timestamp::UNIX_EPOCH, dir.path()).await.unwrap();
        let rows: Vec<u64> = snapshot.tables().iter().filter_map(|table| table.rows).collect();
        assert_eq!(rows[0], rows[1]);
        assert!(rows[0] >= last);
        last = rows[0];
    }
    writing.abort();
    assert!(last > 0, "the client wrote during the captures");
}

/// More rows than a batch and a row group contain.
#[tokio::test]
async fn a_big_table_is_streamed() {
    let server = server().await;
    let fill = "CREATE TABLE big AS SELECT n AS id, repeat('가', 20) || n AS text FROM generate_series(1, 100000) n";
    client(&server).await.batch_execute(fill).await.unwrap();
    let source = PostgresDatabase::connect(&server.url()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let snapshot = source.capture(Timestamp::UNIX_EPOCH, dir.path()).await.unwrap();
    let big = table(snapshot.as_ref(), "big");
    assert_eq!(big.rows, Some(100_000));
    let sizes: Vec<usize> =
        snapshot.read(big).unwrap().map(|batch| batch.unwrap().num_rows()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 100_000);
    assert!(sizes.iter().all(|rows| *rows <= 8_192));
}

/// A table that the user may not read is skipped with a reason, not read in part.
#[tokio::test]
async fn unreadable_tables_are_skipped() {
    let server = server().await;
    let setup =
        "CREATE ROLE reader LOGIN; CREATE TABLE open (id int); GRANT SELECT ON open TO reader;
                 CREATE TABLE closed (id int);
                 CREATE TABLE guarded (id int); GRANT SELECT ON guarded TO reader;
                 ALTER TABLE guarded ENABLE ROW LEVEL SECURITY";
    client(&server).await.batch_execute(setup).await.unwrap();
    let url = server.url().replace("landbridge@", "reader@");
    let dir = tempfile::tempdir().unwrap();
    let snapshot: std::sync::Arc<dyn DatabaseSnapshot> = PostgresDatabase::connect(&url)
        .await
        .unwrap()
        .capture(Timestamp::UNIX_EPOCH, dir.path())
        .await
        .unwrap();
    let skipped = |name: &str| table(snapshot.as_ref(), name).skip_reason.clone();
    assert_eq!(skipped("open"), None);
    assert_eq!(skipped("closed").as_deref(), Some("the master user may not read it"));
    assert_eq!(skipped("guarded").as_deref(), Some("the master user may not read it"));
}

#[tokio::test]
async fn a_dropped_server_is_stopped() {
    let server = server().await;
    let url = server.url();
    client(&server).await;
    drop(server);
    let error = PostgresDatabase::connect(&url).await.err().unwrap().to_string();
    assert!(error.contains("cannot connect to the database at 127.0.0.1"), "{error}");
}
