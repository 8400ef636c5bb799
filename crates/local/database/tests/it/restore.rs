//! A MariaDB server restored from a snapshot equals the server at the time of the capture.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use jiff::Timestamp;
use landbridge_local_database::{
    DatabaseSnapshot, MySqlDatabase, SourceDatabase, StartedServer, TestMariaDb,
};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Value};

use crate::mariadb::{DATABASE, shop};
use crate::support::cells;

/// Objects other than tables, and values that an export does not show.
const MORE: &str = r#"
    CREATE TABLE `zero dates` (
        id int PRIMARY KEY, dt datetime(3) NOT NULL, ts timestamp NOT NULL, between_them int,
        da date NOT NULL DEFAULT '0000-00-00', dt2 datetime);
    INSERT INTO `zero dates` VALUES
        (1, '0000-00-00 00:00:00', '0000-00-00 00:00:00', 1, '0000-00-00', NULL),
        (2, '2024-00-10 09:30:00.125', '2026-03-01 09:30:00', 2, '2024-02-00', '0000-00-00 00:00:00'),
        (3, '9999-12-31 23:59:59.999', '1970-01-01 09:00:01', NULL, '1000-01-01', '0001-01-01 00:00:00');
    CREATE TABLE texts (
        id int PRIMARY KEY, euc varchar(20) CHARACTER SET euckr, sj char(9) CHARACTER SET sjis,
        wide text CHARACTER SET utf16, old char(9) CHARACTER SET latin1, raw varbinary(600),
        word enum('가', 'b', '') CHARACTER SET euckr, broken enum('x'));
    INSERT INTO texts VALUES (1, '제주', '表十', '😀', 'ÿ', '\\\'\"\0\Z\n\r', '가', 'nothing of the kind'),
        (2, '', '', '', '', REPEAT('\'', 600), '', 'x'),
        (3, '\\', '\\\'', '\\', '\\', x'e3278122ff5c', 'b', '');
    SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
    CREATE TABLE counted (id int AUTO_INCREMENT PRIMARY KEY, of_counter bigint DEFAULT NEXT VALUE FOR counter);
    INSERT INTO counted VALUES (0, 7), (41, DEFAULT);
    SET SESSION sql_mode = '';
    CREATE TABLE parents (id int PRIMARY KEY, name varchar(9) UNIQUE, CHECK (name <> 'nobody'));
    CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents (id),
        twice int AS (id * 2) STORED, KEY (parent));
    INSERT INTO parents VALUES (1, 'one'); INSERT INTO children (id, parent) VALUES (10, 1);
    SET SESSION foreign_key_checks = 0, check_constraint_checks = 0;
    INSERT INTO children (id, parent) VALUES (11, 99); INSERT INTO parents VALUES (2, 'nobody');
    SET SESSION foreign_key_checks = 1, check_constraint_checks = 1;
    CREATE TABLE log (what varchar(40));
    CREATE TABLE dropped (id int);
    CREATE VIEW z_base AS SELECT id FROM parents;
    CREATE VIEW a_top AS SELECT COUNT(*) AS n FROM z_base;
    CREATE VIEW a_broken AS SELECT * FROM dropped; DROP TABLE dropped;
    CREATE TRIGGER log_name BEFORE INSERT ON parents FOR EACH ROW INSERT INTO log VALUES (NEW.name);
    CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2;
    CREATE PROCEDURE ask() SELECT twice(21);
    CREATE EVENT never ON SCHEDULE AT '2035-01-01 00:00:00' DO DELETE FROM log;
    CREATE USER reader@'%' IDENTIFIED BY 'hunter2'; GRANT SELECT ON shop.parents TO reader@'%'"#;

/// A server with the content of the snapshot.
async fn started(snapshot: &Arc<dyn DatabaseSnapshot>) -> (StartedServer, String) {
    let anywhere = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let started = Arc::clone(snapshot).start_server(anywhere).await.unwrap().expect("a server");
    let (host, port) = started.database.address().unwrap();
    (started, format!("mysql://root@{host}:{port}/shop"))
}

async fn client(url: &str) -> Conn {
    let opts = Opts::from_url(url).unwrap();
    let mut conn = Conn::new(OptsBuilder::from_opts(opts).prefer_socket(false)).await.unwrap();
    conn.query_drop("SET NAMES utf8mb4; SET time_zone = '+00:00'").await.unwrap();
    conn
}

async fn snapshot_of(
    source: &dyn SourceDatabase,
) -> (Arc<dyn DatabaseSnapshot>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (source.capture(Timestamp::UNIX_EPOCH, dir.path()).await.unwrap(), dir)
}

/// A table's name, its definition, and its rows.
type TableContent = (String, String, Vec<Vec<Option<String>>>);

/// The definition of each table, and its rows as the server prints them. Independent of the code that
/// takes a snapshot.
async fn table_contents(url: &str) -> Vec<TableContent> {
    let mut conn = client(url).await;
    let tables = "SELECT table_name FROM information_schema.tables
         WHERE table_schema = 'shop' AND table_type <> 'VIEW' ORDER BY 1";
    let tables: Vec<String> = conn.query(tables).await.unwrap();
    let mut contents = Vec::new();
    for table in tables {
        let name = format!("`{}`", table.replace('`', "``"));
        let definition: (String, String) =
            conn.query_first(format!("SHOW CREATE TABLE {name}")).await.unwrap().unwrap();
        // `*` leaves out invisible columns.
        let columns = "SELECT column_name, data_type FROM information_schema.columns
             WHERE table_schema = 'shop' AND table_name = ? ORDER BY ordinal_position";
        let columns: Vec<(String, String)> = conn.exec(columns, (&table,)).await.unwrap();
        let select = columns.iter().map(|(column, kind)| {
            let column = format!("`{}`", column.replace('`', "``"));
            match kind.as_str() {
                // All digits: the server prints only six of a FLOAT.
                "float" => format!("{column} + 0e0"),
                "decimal" | "double" | "date" | "time" | "datetime" | "timestamp" => column,
                // The stored bytes.
                _ => format!("HEX({column})"),
            }
        });
        let select: Vec<String> = select.collect();
        let rows: Vec<mysql_async::Row> =
            conn.query(format!("SELECT {} FROM {name}", select.join(", "))).await.unwrap();
        let cell = |value: &Value| match value {
            Value::NULL => None,
            Value::Bytes(bytes) => Some(String::from_utf8(bytes.clone()).unwrap()),
            other => panic!("the text protocol does not have {other:?}"),
        };
        let mut rows: Vec<Vec<Option<String>>> = rows
            .iter()
            .map(|row| (0..row.len()).map(|at| cell(row.as_ref(at).unwrap())).collect())
            .collect();
        rows.sort();
        contents.push((table, definition.1, rows));
    }
    contents
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_is_restored() {
    let (server, mut source) = shop(&format!("{DATABASE} {MORE}")).await;
    let then = table_contents(&server.url_of("shop")).await;
    let mysql = MySqlDatabase::connect(&server.url_of("shop")).await.unwrap();
    let (snapshot, _dir) = snapshot_of(&mysql).await;
    source
        .query_drop(
            "UPDATE shop.every_type SET v = 'gone'; DROP TABLE shop.numbers; DELETE FROM shop.texts;
             ALTER TABLE shop.visits ADD COLUMN new int; CREATE TABLE shop.newer (id int)",
        )
        .await
        .unwrap();
    let (started, url) = started(&snapshot).await;

    let now = table_contents(&url).await;
    let names = |tables: &[TableContent]| tables.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&now), names(&then));
    let (mut rows, mut cells_seen) = (0, 0);
    for ((table, definition, had), (_, made, has)) in then.iter().zip(&now) {
        assert_eq!(made, definition, "{table}");
        assert_eq!(has.len(), had.len(), "{table}");
        for (has, had) in has.iter().zip(had) {
            assert_eq!(has, had, "a row of {table}");
            cells_seen += had.len();
        }
        rows += had.len();
    }
    println!("{rows} rows, {cells_seen} cells of {} tables are as they were", then.len());
    assert!(rows > 2000 && then.len() > 14);

    // A snapshot of the restored server equals the first snapshot.
    let (again, _dir) = snapshot_of(started.database.as_ref()).await;
    assert_eq!(again.tables(), snapshot.tables());
    for table in snapshot.tables() {
        let sorted = |snapshot: &dyn DatabaseSnapshot| {
            let mut cells = cells(snapshot, table);
            cells.sort();
            cells
        };
        assert!(sorted(again.as_ref()) == sorted(snapshot.as_ref()), "{}", table.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_other_than_tables_are_restored() {
    let (server, mut source) = shop(&format!("{DATABASE} {MORE}")).await;
    let mysql = MySqlDatabase::connect(&server.url_of("shop")).await.unwrap();
    let (snapshot, _dir) = snapshot_of(&mysql).await;
    source.query_drop("DROP DATABASE shop").await.unwrap();
    let (started, url) = started(&snapshot).await;
    let mut conn = client(&url).await;
    let mut ask = async |sql: &str| -> String {
        match conn.query_first::<Option<String>, _>(sql).await {
            Ok(answer) => answer.flatten().unwrap_or("nothing".to_owned()),
            Err(mysql_async::Error::Server(error)) => format!("refused with {}", error.code),
            Err(error) => panic!("{error}"),
        }
    };
    for (question, answer) in [
        // Counters continue.
        ("INSERT INTO counted () VALUES () RETURNING id", "42"),
        ("SELECT MAX(of_counter) FROM counted WHERE id = 41", "1"),
        ("SELECT of_counter > 1 FROM counted WHERE id = 42", "1"),
        // Constraints are enforced, although existing rows that violate them are restored unchanged.
        ("SELECT COUNT(*) FROM children WHERE parent = 99 AND twice = 22", "1"),
        ("INSERT INTO children (id, parent) VALUES (12, 98)", "refused with 1452"),
        ("INSERT INTO parents VALUES (3, 'nobody')", "refused with 4025"),
        ("INSERT INTO parents VALUES (3, 'one')", "refused with 1062"),
        // Views, a trigger, routines. The trigger did not fire for the restored rows.
        ("SELECT n FROM a_top", "2"),
        ("SELECT COUNT(*) FROM log", "0"),
        ("INSERT INTO parents VALUES (4, 'four')", "nothing"),
        ("SELECT what FROM log", "four"),
        ("SELECT twice(4)", "8"),
        ("CALL ask()", "42"),
        ("SELECT COUNT(*) FROM information_schema.events WHERE event_name = 'never'", "1"),
        ("SELECT * FROM a_broken", "refused with 1146"),
    ] {
        assert_eq!(ask(question).await, answer, "{question}");
    }
    // Accounts have their rights but no password.
    let mut reader = client(&url.replace("root@", "reader@")).await;
    let parents: Option<u64> = reader.query_first("SELECT COUNT(*) FROM parents").await.unwrap();
    assert_eq!(parents, Some(3));
    let refused = reader.query_drop("SELECT * FROM children").await.unwrap_err();
    assert!(matches!(refused, mysql_async::Error::Server(it) if it.code == 1142));
    drop((conn, reader));

    let port = started.database.address().unwrap().1;
    drop(started);
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err(), "it is stopped");
}

/// When a table cannot be restored, the restore fails and the error names the file.
#[tokio::test]
async fn a_failed_restore_names_the_cause() {
    let (server, _source) = shop("CREATE TABLE `a table` (id int)").await;
    let mysql = MySqlDatabase::connect(&server.url_of("shop")).await.unwrap();
    let (snapshot, dir) = snapshot_of(&mysql).await;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let anywhere = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let error = snapshot.start_server(anywhere).await.err().unwrap().to_string();
    assert!(error.starts_with("cannot open "), "{error}");
}

/// A server starts at the requested address, or at another port when that one is taken.
#[tokio::test]
async fn a_server_starts_at_the_requested_address() {
    let start = |address| async move {
        let server = tokio::task::spawn_blocking(move || TestMariaDb::start_at(address)).await;
        server.unwrap().unwrap_or_else(|error| panic!("{error}"))
    };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = SocketAddrV4::new(Ipv4Addr::new(127, 0, 7, 9), port);
    let first = start(address).await;
    assert_eq!(first.url_of("a b"), format!("mysql://root@127.0.7.9:{port}/a%20b"));
    let second = start(address).await;
    assert!(second.url_of("mysql").starts_with("mysql://root@127.0.7.9:"));
    client(&second.url_of("mysql")).await;
    assert_ne!(first.url_of("mysql"), second.url_of("mysql"));
}
