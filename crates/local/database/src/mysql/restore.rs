//! Starts a server with the content of a snapshot of MySQL or MariaDB. The server is MariaDB for
//! both.

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::sync::Arc;

use futures::future::BoxFuture;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder};

use super::MySqlDatabase;
use super::catalogue::TableQuery;
use super::definition::{Account, Definition, Program, as_mariadb};
use super::literal::{InsertColumn, inserts};
use crate::error::DatabaseError;
use crate::prefetch::Prefetch;
use crate::snapshot::{Batches, DatabaseSnapshot, StartedServer, Table};
use crate::stored::StoredSnapshot;
use crate::test_server::TestMariaDb;
use landbridge_source::Engine;
use landbridge_source::catalogue::quote_name;
use landbridge_source::mysql::{MAX_ROW_BYTES, reason};

/// Settings of a session that accepts everything as the source stored it: rows in any order, zero
/// dates and invalid dates, zeros in `AUTO_INCREMENT` columns. Data directories that a table names
/// are ignored.
const SESSION: &str = "SET NAMES utf8mb4; SET SESSION time_zone = '+00:00', \
     foreign_key_checks = 0, unique_checks = 0, check_constraint_checks = 0, \
     innodb_strict_mode = 0";
const SQL_MODE: &str = "NO_DIR_IN_CREATE,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES";

/// Rows, and the definition that is needed to restore them into a server.
pub(super) struct MySqlSnapshot {
    pub(super) rows: StoredSnapshot,
    pub(super) definition: Definition,
    /// Table → index of a timestamp column → index of the column with the text of its zero dates.
    pub(super) zero_dates: HashMap<String, HashMap<usize, usize>>,
    /// The user of the source's URL.
    pub(super) user: String,
}

impl MySqlSnapshot {
    /// The value of `zero_dates` for these tables.
    pub(super) fn zero_date_columns(
        queries: &[TableQuery],
    ) -> HashMap<String, HashMap<usize, usize>> {
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
                // MariaDB does not support everything that MySQL does.
                Err(error) if matches!(self.engine(), Engine::MySql { .. }) => {
                    tracing::warn!(%error, "MariaDB refuses a definition of MySQL: this snapshot cannot be restored into a server");
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
            for table in self.tables().iter().filter(|table| table.skip_reason.is_none()) {
                self.fill(&mut conn, table).await?;
            }
            self.create_programs(&mut conn).await?;
            _ = conn.disconnect().await;
            let source = Arc::new(MySqlDatabase::connect(&server.url_of(self.database())).await?);
            Ok(Some(StartedServer { database: source, process: Arc::new(server) }))
        })
    }
}

impl MySqlSnapshot {
    /// Creates the database, its sequences and its empty tables.
    async fn create(&self, conn: &mut Conn) -> Result<(), DatabaseError> {
        let definition = &self.definition;
        let fitting = |sql: &str| match self.engine() {
            Engine::MySql { .. } => as_mariadb(sql),
            _ => sql.to_owned(),
        };
        let database = fitting(&definition.database);
        run(conn, "create the database of", &database).await?;
        let schema = quote_name('`', self.database());
        run(conn, "use the database of", &format!("USE {schema}")).await?;
        for it in &definition.sequences {
            let action = format!("create the sequence {} of", it.name);
            run(conn, &action, &it.sql).await?;
            let set = format!("DO SETVAL({}, {}, 0)", quote_name('`', &it.name), it.next);
            run(conn, &action, &set).await?;
        }
        for table in self.tables() {
            if let Some(sql) = definition.tables.get(&table.name) {
                run(conn, &format!("create the table {} of", table.name), &fitting(sql)).await?;
            }
        }
        Ok(())
    }

    /// Inserts a table's rows. An unexpected warning is an error: it means that the server changed
    /// a cell.
    async fn fill(self: &Arc<Self>, conn: &mut Conn, table: &Table) -> Result<(), DatabaseError> {
        let zero_dates = self.zero_dates.get(&table.name);
        let key = |column: &str| (table.name.clone(), column.to_owned());
        let is_generated = |column: &str| self.definition.generated.contains(&key(column));
        let kept = table.columns.iter().enumerate().filter(|(_, it)| !is_generated(&it.name));
        let (names, columns): (Vec<String>, Vec<InsertColumn>) = kept
            .map(|(at, column)| {
                let inserted = InsertColumn {
                    index: at,
                    zero_dates: zero_dates.and_then(|columns| columns.get(&at).copied()),
                    is_text: column.original_type == "char",
                    is_enum: column.original_type == "enum",
                };
                (quote_name('`', &column.name), inserted)
            })
            .unzip();
        let head =
            format!("INSERT INTO {} ({}) VALUES ", quote_name('`', &table.name), names.join(","));
        let action = format!("fill the table {} of", table.name);
        let (snapshot, table) = (Arc::clone(self), table.clone());
        let mut batches = Prefetch::start(
            move || snapshot.rows.read_all(&table),
            move |batch| inserts(&head, &columns, batch),
        );
        while let Some(inserts) = batches.next().await? {
            for insert in inserts {
                conn.query_drop(insert.sql).await.map_err(|error| failed(&action, &error))?;
                if usize::from(conn.get_warnings()) > insert.expected_warnings {
                    let reason = "the server changed the value of a cell".to_owned();
                    return Err(DatabaseError::Restore { action, reason });
                }
            }
        }
        Ok(())
    }

    /// Creates accounts and programs. A refusal is only logged: such a program did not work in the
    /// source either, or needs a feature that only MySQL has.
    async fn create_programs(&self, conn: &mut Conn) -> Result<(), DatabaseError> {
        // The user of the source's URL may log in from any host.
        let name = format!("{}@`%`", quote_name('`', &self.user));
        let all = format!("GRANT ALL PRIVILEGES ON *.* TO {name} WITH GRANT OPTION");
        let first = Account { name, grants: vec![all] };
        for account in std::iter::once(&first).chain(&self.definition.accounts) {
            run_if_accepted(
                conn,
                &account.name,
                &format!("CREATE USER IF NOT EXISTS {}", account.name),
            )
            .await?;
            for grant in &account.grants {
                run_if_accepted(conn, &account.name, grant).await?;
            }
        }
        // A view or routine may need another one: retry the refused ones until none succeeds.
        let mut remaining: Vec<&Program> = self.definition.programs.iter().collect();
        loop {
            let before = remaining.len();
            let mut refused = Vec::new();
            for program in remaining {
                if let Some(reason) = create_program(conn, program).await? {
                    refused.push((program, reason));
                }
            }
            if refused.len() == before {
                for (Program { kind, name, .. }, reason) in refused {
                    tracing::warn!(kind, name, reason, "not restored");
                }
                return Ok(());
            }
            remaining = refused.into_iter().map(|(program, _)| program).collect();
        }
    }
}

/// Creates a program. `Some` is the reason of the server's refusal.
async fn create_program(
    conn: &mut Conn,
    program: &Program,
) -> Result<Option<String>, DatabaseError> {
    let mode = program.sql_mode.as_deref().unwrap_or_default();
    let set = format!("SET SESSION sql_mode = '{}'", mode.replace('\'', "''"));
    for sql in [set.as_str(), &program.sql] {
        match conn.query_drop(sql).await {
            Ok(()) => {}
            Err(error @ Error::Server(_)) => return Ok(Some(reason(&error))),
            Err(error) => return Err(failed("create a program of", &error)),
        }
    }
    Ok(None)
}

async fn run_if_accepted(conn: &mut Conn, account: &str, sql: &str) -> Result<(), DatabaseError> {
    match conn.query_drop(sql).await {
        Ok(()) => Ok(()),
        Err(error @ Error::Server(_)) => {
            let reason = reason(&error);
            tracing::debug!(account, reason, "the server refuses an account or one of its rights");
            Ok(())
        }
        Err(error) => Err(failed("create an account of", &error)),
    }
}

async fn run(conn: &mut Conn, action: &str, sql: &str) -> Result<(), DatabaseError> {
    conn.query_drop(sql).await.map_err(|error| failed(action, &error))
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

fn failed(action: &str, error: &Error) -> DatabaseError {
    DatabaseError::Restore { action: action.to_owned(), reason: reason(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `SHOW CREATE TABLE` of MySQL 8.0 writes it (MySQL documentation, "SHOW CREATE TABLE").
    const MYSQL_TABLE: &str = "CREATE TABLE `people` (
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
    async fn mariadb_accepts_rewritten_definitions_of_mysql() {
        let server = tokio::task::spawn_blocking(TestMariaDb::start).await.unwrap();
        let server = server.unwrap_or_else(|error| panic!("{error}"));
        let mut conn = connect(&server.url_of("mysql")).await.unwrap();
        let database = "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 \
             COLLATE utf8mb4_0900_ai_ci */ /*!80016 DEFAULT ENCRYPTION='N' */";
        run(&mut conn, "test", &as_mariadb(database)).await.unwrap();
        run(&mut conn, "test", "USE shop").await.unwrap();
        // Neither server supports partitions together with a geometry or such a UNIQUE key.
        let spatial = MYSQL_TABLE.split("/*!50100").next().unwrap();
        run(&mut conn, "test", &as_mariadb(spatial)).await.unwrap();
        let partitioned =
            MYSQL_TABLE.lines().filter(|line| !line.contains("`place`")).collect::<String>();
        let partitioned =
            partitioned.replace("`people`", "`partitioned`").replace("UNIQUE KEY", "KEY");
        run(&mut conn, "test", &as_mariadb(&partitioned)).await.unwrap();
        let columns = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'shop'";
        assert_eq!(conn.query_first(columns).await.unwrap(), Some(13));
    }
}
