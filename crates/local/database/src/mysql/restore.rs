//! An image of MySQL or MariaDB that can be a server again: MariaDB, for both.

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::sync::Arc;

use futures::future::BoxFuture;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder};

use super::MySqlDatabase;
use super::catalogue::TableQuery;
use super::definition::{Account, Definition, Program, as_mariadb};
use super::literal::{Inserted, inserts};
use crate::error::DatabaseError;
use crate::prefetch::Prefetch;
use crate::snapshot::{Batches, DatabaseSnapshot, StartedServer, Table};
use crate::stored::Stored;
use crate::test_server::TestMariaDb;
use landbridge_source::Engine;
use landbridge_source::catalogue::quote_name;
use landbridge_source::mysql::{MAX_ROW_BYTES, reason};

/// A session that takes everything as the source had it: rows in any order, zero dates and
/// dates that no calendar has, zeros in columns that count by themselves, files where this
/// server has its own.
const SESSION: &str = "SET NAMES utf8mb4; SET SESSION time_zone = '+00:00', \
     foreign_key_checks = 0, unique_checks = 0, check_constraint_checks = 0, \
     innodb_strict_mode = 0";
const SQL_MODE: &str = "NO_DIR_IN_CREATE,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES";

/// Rows, and what is needed to have them in a server again.
pub(super) struct MySqlSnapshot {
    pub(super) rows: Stored,
    pub(super) definition: Definition,
    /// For each table's times, by their place: where the words stand that Arrow has no value
    /// for.
    pub(super) asides: HashMap<String, HashMap<usize, usize>>,
    /// Whom the source's address names.
    pub(super) user: String,
}

impl MySqlSnapshot {
    /// Where the asides of the tables are.
    pub(super) fn asides(queries: &[TableQuery]) -> HashMap<String, HashMap<usize, usize>> {
        let places = |query: &TableQuery| {
            let first = query.table.columns.len();
            query.timestamps.iter().enumerate().map(|(at, of)| (*of, first + at)).collect()
        };
        queries.iter().map(|query| (query.name().to_owned(), places(query))).collect()
    }
}

impl DatabaseSnapshot for MySqlSnapshot {
    fn engine(&self) -> &Engine {
        self.rows.engine()
    }

    fn database(&self) -> &str {
        self.rows.database()
    }

    fn tables(&self) -> &[Table] {
        self.rows.tables()
    }

    fn read(&self, table: &Table) -> Result<Batches, DatabaseError> {
        self.rows.read(table)
    }

    fn start_server(
        self: Arc<Self>,
        address: SocketAddrV4,
    ) -> BoxFuture<'static, Result<Option<StartedServer>, DatabaseError>> {
        Box::pin(async move {
            let server =
                tokio::task::spawn_blocking(move || TestMariaDb::start_at(address)).await??;
            let mut conn = connect(&server.url_of("mysql"))
                .await
                .map_err(|error| failed("connecting to", &error))?;
            match self.create(&mut conn).await {
                Ok(()) => {}
                // MariaDB has not all that MySQL has.
                Err(error) if matches!(self.engine(), Engine::MySql { .. }) => {
                    tracing::warn!(%error, "MariaDB does not take what MySQL had: a restore of this image has no server");
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
            for table in self.tables().iter().filter(|table| table.skip_reason.is_none()) {
                self.fill(&mut conn, table).await?;
            }
            self.finish(&mut conn).await?;
            _ = conn.disconnect().await;
            let source = Arc::new(MySqlDatabase::connect(&server.url_of(self.database())).await?);
            Ok(Some(StartedServer { database: source, process: Arc::new(server) }))
        })
    }
}

impl MySqlSnapshot {
    /// Makes the database, its sequences and its empty tables.
    async fn create(&self, conn: &mut Conn) -> Result<(), DatabaseError> {
        let definition = &self.definition;
        let fitting = |sql: &str| match self.engine() {
            Engine::MySql { .. } => as_mariadb(sql),
            _ => sql.to_owned(),
        };
        let database = fitting(&definition.database);
        run(conn, "making the database of", &database).await?;
        let schema = quote_name('`', self.database());
        run(conn, "using the database of", &format!("USE {schema}")).await?;
        for it in &definition.sequences {
            let doing = format!("making the sequence {} of", it.name);
            run(conn, &doing, &it.sql).await?;
            let set = format!("DO SETVAL({}, {}, 0)", quote_name('`', &it.name), it.next);
            run(conn, &doing, &set).await?;
        }
        for table in self.tables() {
            if let Some(sql) = definition.tables.get(&table.name) {
                run(conn, &format!("making the table {} of", table.name), &fitting(sql)).await?;
            }
        }
        Ok(())
    }

    /// Inserts a table's rows. Every warning counts: it is a cell that the server took
    /// otherwise than it was given.
    async fn fill(self: &Arc<Self>, conn: &mut Conn, table: &Table) -> Result<(), DatabaseError> {
        let asides = self.asides.get(&table.name);
        let key = |column: &str| (table.name.clone(), column.to_owned());
        let computed = |column: &str| self.definition.generated.contains(&key(column));
        let kept = table.columns.iter().enumerate().filter(|(_, it)| !computed(&it.name));
        let (names, columns): (Vec<String>, Vec<Inserted>) = kept
            .map(|(at, column)| {
                let inserted = Inserted {
                    at,
                    aside: asides.and_then(|asides| asides.get(&at).copied()),
                    is_text: column.original_type == "char",
                    is_enum: column.original_type == "enum",
                };
                (quote_name('`', &column.name), inserted)
            })
            .unzip();
        let head =
            format!("INSERT INTO {} ({}) VALUES ", quote_name('`', &table.name), names.join(","));
        let doing = format!("filling the table {} of", table.name);
        let (image, table) = (Arc::clone(self), table.clone());
        let mut made = Prefetch::of(
            move || image.rows.read_all(&table),
            move |batch| inserts(&head, &columns, batch),
        );
        while let Some(inserts) = made.next().await? {
            for insert in inserts {
                conn.query_drop(insert.sql).await.map_err(|error| failed(&doing, &error))?;
                if usize::from(conn.get_warnings()) > insert.blanks {
                    let reason = "the server takes a cell otherwise than it was".to_owned();
                    return Err(DatabaseError::Restored { doing, reason });
                }
            }
        }
        Ok(())
    }

    /// Brings back accounts and programs. What the server refuses of them was of no use in
    /// the source either, or is of MySQL alone: it is logged.
    async fn finish(&self, conn: &mut Conn) -> Result<(), DatabaseError> {
        // The one who is known to log in may do so from wherever the server is reached.
        let name = format!("{}@`%`", quote_name('`', &self.user));
        let all = format!("GRANT ALL PRIVILEGES ON *.* TO {name} WITH GRANT OPTION");
        let first = Account { name, grants: vec![all] };
        for account in std::iter::once(&first).chain(&self.definition.accounts) {
            attempt(conn, &account.name, &format!("CREATE USER IF NOT EXISTS {}", account.name))
                .await?;
            for grant in &account.grants {
                attempt(conn, &account.name, grant).await?;
            }
        }
        // A view or routine may need another one: those that fail are tried again, as long as
        // one more succeeds.
        let mut left: Vec<&Program> = self.definition.programs.iter().collect();
        loop {
            let before = left.len();
            let mut refused = Vec::new();
            for program in left {
                if let Some(reason) = program_refused(conn, program).await? {
                    refused.push((program, reason));
                }
            }
            if refused.len() == before {
                for (Program { kind, name, .. }, reason) in refused {
                    tracing::warn!(kind, name, reason, "not restored");
                }
                return Ok(());
            }
            left = refused.into_iter().map(|(program, _)| program).collect();
        }
    }
}

/// Makes a program; the server's reason when it refuses.
async fn program_refused(
    conn: &mut Conn,
    program: &Program,
) -> Result<Option<String>, DatabaseError> {
    let mode = program.sql_mode.as_deref().unwrap_or_default();
    let set = format!("SET SESSION sql_mode = '{}'", mode.replace('\'', "''"));
    for sql in [set.as_str(), &program.sql] {
        match conn.query_drop(sql).await {
            Ok(()) => {}
            Err(error @ Error::Server(_)) => return Ok(Some(reason(&error))),
            Err(error) => return Err(failed("making a program of", &error)),
        }
    }
    Ok(None)
}

async fn attempt(conn: &mut Conn, account: &str, sql: &str) -> Result<(), DatabaseError> {
    match conn.query_drop(sql).await {
        Ok(()) => Ok(()),
        Err(error @ Error::Server(_)) => {
            let reason = reason(&error);
            tracing::debug!(account, reason, "an account's right was not restored");
            Ok(())
        }
        Err(error) => Err(failed("making an account of", &error)),
    }
}

async fn run(conn: &mut Conn, doing: &str, sql: &str) -> Result<(), DatabaseError> {
    conn.query_drop(sql).await.map_err(|error| failed(doing, &error))
}

async fn connect(url: &str) -> Result<Conn, Error> {
    let opts = OptsBuilder::from_opts(Opts::from_url(url)?)
        .prefer_socket(false)
        .max_allowed_packet(Some(MAX_ROW_BYTES));
    let mut conn = Conn::new(opts).await?;
    conn.query_drop(SESSION).await?;
    conn.query_drop(format!("SET SESSION sql_mode = '{SQL_MODE}'")).await?;
    Ok(conn)
}

fn failed(doing: &str, error: &Error) -> DatabaseError {
    DatabaseError::Restored { doing: doing.to_owned(), reason: reason(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `SHOW CREATE TABLE` of MySQL 8.0 writes it (MySQL documentation, "SHOW CREATE TABLE").
    const OF_MYSQL: &str = "CREATE TABLE `people` (
        `id` bigint unsigned NOT NULL AUTO_INCREMENT,
        `name` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs DEFAULT NULL,
        `about` json DEFAULT (json_object()),
        `secret` int DEFAULT NULL /*!80023 INVISIBLE */,
        `place` point NOT NULL /*!80003 SRID 4326 */,
        `twice` bigint GENERATED ALWAYS AS ((`id` * 2)) VIRTUAL,
        `seen` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
        PRIMARY KEY (`id`),
        UNIQUE KEY `name` (`name`),
        SPATIAL KEY `place` (`place`),
        CONSTRAINT `people_chk_1` CHECK ((`secret` > 0))
        ) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
        /*!50100 PARTITION BY HASH (`id`) PARTITIONS 2 */";

    #[tokio::test]
    async fn mariadb_takes_definitions_of_mysql() {
        let server = tokio::task::spawn_blocking(TestMariaDb::start).await.unwrap();
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let mut conn = connect(&server.url_of("mysql")).await.unwrap();
        let database = "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 \
             COLLATE utf8mb4_0900_ai_ci */ /*!80016 DEFAULT ENCRYPTION='N' */";
        run(&mut conn, "trying", &as_mariadb(database)).await.unwrap();
        run(&mut conn, "trying", "USE shop").await.unwrap();
        // In neither do a geometry and partitions go together, nor those and a UNIQUE key.
        let spatial = OF_MYSQL.split("/*!50100").next().unwrap();
        run(&mut conn, "trying", &as_mariadb(spatial)).await.unwrap();
        let parted = OF_MYSQL.lines().filter(|line| !line.contains("`place`")).collect::<String>();
        let parted = parted.replace("`people`", "`parted`").replace("UNIQUE KEY", "KEY");
        run(&mut conn, "trying", &as_mariadb(&parted)).await.unwrap();
        let columns = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'shop'";
        assert_eq!(conn.query_first(columns).await.unwrap(), Some(13));
    }
}
