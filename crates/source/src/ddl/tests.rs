//! Files of SQL against real servers: what is read from a file is what the server's catalogue says.

use landbridge_local_database::{TestMariaDb, TestPostgres};
use mysql_async::prelude::Queryable;

use super::*;
use crate::database::Database;

/// All types of PostgreSQL that an application uses, and each statement that changes a table.
const POSTGRES: &str = include_str!("tests/postgres.sql");
const MYSQL: &str = include_str!("tests/mysql.sql");

/// A column in a line, as far as a contract depends on it.
fn line(table: &str, column: &Column) -> String {
    let digits =
        match column.data_type.starts_with("numeric") || column.data_type.starts_with("decimal") {
            true => format!(" {:?} {:?}", column.numeric_precision, column.numeric_scale),
            false => String::new(),
        };
    let array = match column.is_array() {
        true => format!(
            " {} {}",
            column.declaration.split('(').next().unwrap_or(""),
            column.array_dimensions
        ),
        false => String::new(),
    };
    let bit =
        if column.data_type == "bit" { format!(" {}", column.declaration) } else { String::new() };
    let domain = if column.is_domain { " domain" } else { "" };
    let enumeration = if column.is_enum { " enum" } else { "" };
    format!("{table}.{} {}{digits}{array}{bit}{domain}{enumeration}", column.name, column.data_type)
}

fn lines(tables: impl Iterator<Item = Table>) -> Vec<String> {
    let mut all: Vec<String> = tables
        .flat_map(|table| {
            let key = format!("{}.{}", table.schema, table.name);
            let partition = table.partition_of.clone().map(|it| {
                let name = it.split('.').next_back().unwrap_or_default().to_owned();
                format!("{key} is a partition of {name}")
            });
            let skipped = table.skip_reason.clone().map(|it| format!("{key}: {it}"));
            let columns: Vec<String> = table.columns.iter().map(|it| line(&key, it)).collect();
            columns.into_iter().chain(partition).chain(skipped)
        })
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_file_for_postgresql_makes_the_tables_that_the_server_makes() {
    let server = tokio::task::spawn_blocking(TestPostgres::start).await.unwrap();
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let url = server.url();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(POSTGRES).await.unwrap();
    let database = Database::connect(&url, None).await.unwrap();
    let expected = lines(database.tables().await.unwrap().into_iter());
    let mut schema = Schema::empty(EngineFamily::Postgres, "public");
    schema.read("a.sql", POSTGRES);
    assert_eq!(schema.unread, []);
    let found = lines(schema.tables().map(DdlTable::table));
    // Composite arrays have a name of their own in the catalogue.
    let plain = |all: Vec<String>| -> Vec<String> {
        all.into_iter().map(|it| it.replace("user_defined[]", "mood[]")).collect()
    };
    assert_eq!(plain(found), plain(expected));
}

/// What pg_dump 15 wrote of these tables: their definitions in another form, owners, comments, keys.
#[test]
fn a_dump_of_pg_dump_has_the_same_tables() {
    let tables = |text: &str| {
        let mut schema = Schema::empty(EngineFamily::Postgres, "public");
        schema.read("a.sql", text);
        assert_eq!(schema.unread, []);
        // A dump does not have the dimensions of arrays.
        let all = lines(schema.tables().map(DdlTable::table)).into_iter();
        all.map(|it| it.trim_end_matches([' ', '0', '1', '2']).to_owned()).collect::<Vec<_>>()
    };
    let dump = include_str!("tests/pg_dump.sql");
    assert_eq!(tables(dump), tables(POSTGRES));
    assert_eq!(engine_of_dump(dump), Some(EngineFamily::Postgres));
    assert_eq!(engine_of_dump(MYSQL), Some(EngineFamily::MySql));
    assert_eq!(engine_of_dump("CREATE TABLE t (a int);"), None);
    let header = "-- MySQL dump 10.13  Distrib 8.0.36\n--\n-- Host: localhost    Database: shop\n";
    assert_eq!(engine_of_dump(header), Some(EngineFamily::MySql));
    assert_eq!(database_of_dump(header), Some("shop"));
    let sandbox = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19";
    assert_eq!(engine_of_dump(sandbox), Some(EngineFamily::MySql));
}

#[tokio::test]
async fn a_file_for_mariadb_makes_the_tables_that_the_server_makes() {
    let server = tokio::task::spawn_blocking(TestMariaDb::start).await.unwrap();
    let server = server.unwrap_or_else(|error| panic!("{error}"));
    let root = crate::mysql::MySqlServer::connect(&server.url_of("mysql"), None).await.unwrap();
    let mut conn = root.open_session().await.unwrap();
    conn.query_drop("CREATE DATABASE shop").await.unwrap();
    conn.query_drop("USE shop").await.unwrap();
    for statement in split::statements(MYSQL, EngineFamily::MySql) {
        conn.query_drop(&statement.text)
            .await
            .unwrap_or_else(|error| panic!("{error}: {}", statement.text));
    }
    let database = Database::connect(&server.url_of("shop"), None).await.unwrap();
    let expected = lines(database.tables().await.unwrap().into_iter());
    let mut schema = Schema::empty(EngineFamily::MySql, "shop");
    schema.read("a.sql", MYSQL);
    assert_eq!(schema.unread, []);
    assert_eq!(lines(schema.tables().map(DdlTable::table)), expected);
}

/// What may change a table and is not read is named, with its line and without its values.
#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let text = "CREATE TABLE t (id bigint);\n\
                DO $$ BEGIN EXECUTE 'ALTER TABLE t ADD secret text'; END $$;\n\
                CREATE TABLE u AS SELECT 'secret' AS a;\n\
                CREATE TABLE v (id bigint,\n  a nonsense);\n\
                ALTER TABLE w ADD COLUMN a text;\n\
                ALTER TABLE t DROP COLUMN b;\n\
                CALL secret('x');\n\
                ROLLBACK;\nINSERT INTO t VALUES (1, 'secret');\n\
                ALTER TYPE mood RENAME TO moods;\n\
                SELECT 'secret' INTO x;\n\
                CREATE INDEX i ON t (id);\n\
                CREATE TABLE 'secret";
    let mut schema = Schema::empty(EngineFamily::Postgres, "public");
    schema.read("m/1.sql", text);
    let shown: Vec<String> = schema
        .unread
        .iter()
        .map(|it| format!("{}:{} {}", it.place.file, it.place.line, it.what))
        .collect();
    expect_test::expect![[r#"
        m/1.sql:2 `DO`: it may change a table, and what it does is not known
        m/1.sql:3 `CREATE TABLE U`: it creates a table from something else than columns
        m/1.sql:4 `CREATE TABLE V`: column `a`: its type `nonsense` is not known; add the file that creates it
        m/1.sql:6 `ALTER TABLE W`: no file, contract or database before it has the table `public.w`
        m/1.sql:7 `ALTER TABLE T`: the table `public.t` has no column `b`
        m/1.sql:8 `CALL`: it may change a table, and what it does is not known
        m/1.sql:9 `ROLLBACK`: it may change a table, and what it does is not known
        m/1.sql:11 `ALTER TYPE MOOD`: it moves a type or a schema, and its columns are not known
        m/1.sql:12 `SELECT`: it creates a table from a query, whose types are not known
        m/1.sql:14 `CREATE TABLE`: it is not SQL of this engine"#]].assert_eq(&shown.join("\n"));
    assert!(!shown.join("").contains("secret"));
}

/// What psql reads from another file is not known, and its other commands change no table.
#[test]
fn an_included_file_is_listed() {
    let mut schema = Schema::empty(EngineFamily::Postgres, "public");
    let text = "\\restrict abc\n\\set x 1\n\\ir tables/members.sql\nCREATE TABLE t (id bigint);\n\\unrestrict abc\n";
    schema.read("m/1.sql", text);
    let found: Vec<(u64, &str)> =
        schema.unread.iter().map(|it| (it.place.line, it.what.as_str())).collect();
    assert!(
        matches!(found.as_slice(), [(3, what)] if what.starts_with("`\\ir tables/members.sql`")),
        "{found:?}"
    );
    assert_eq!(schema.tables().count(), 1);
}
