//! A real MySQL or MariaDB database as a source.
//!
//! A capture reads everything as of one instant, in transactions begun by `START TRANSACTION
//! WITH CONSISTENT SNAPSHOT`. The server gives no two sessions the same instant by itself: so
//! that several can read, they begin while `FLUSH TABLES WITH READ LOCK` holds all changes
//! off, some milliseconds. A user without that right (`RELOAD`), or a server too busy to
//! grant the lock soon, is read by one session. Tables of engines without transactions
//! (MyISAM, Aria, MEMORY) are not held by any of it.
//!
//! Rows come in the text protocol, cells as the server prints them, and are not gathered but
//! for a batch a session.
//!
//! | module | what it holds |
//! |---|---|
//! | here | the connection, and the sessions of a capture |
//! | [`catalogue`] | what there is to read |
//! | [`rows`] | rows from the server into a file |
//! | [`definition`] | what a database is beside its rows |
//! | [`start_server`], [`literal`] | an image back into a server |

mod catalogue;
mod definition;
mod literal;
mod restore;
mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder};
use tokio::sync::Mutex;

use crate::error::DatabaseError;
use crate::jobs::{self, Job};
use crate::snapshot::{DatabaseSnapshot, Engine, Login, SourceDatabase, Table};
use crate::stored::Stored;
use catalogue::Found;
use definition::Definition;
use restore::MySqlSnapshot;

/// How every session of a capture is set: times in UTC, texts in UTF-8, CHAR without its
/// padding (the default), and a server that waits for a slow disk.
const SESSION: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00', sql_mode = '', net_write_timeout = 3600, \
     lock_wait_timeout = 5",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
];

/// Switches off the server's limit of a statement's time: MariaDB's variable and MySQL's.
const NO_TIME_LIMIT: [&str; 2] =
    ["SET SESSION max_statement_time = 0", "SET SESSION max_execution_time = 0"];

/// Begins a transaction whose instant is now.
const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

/// Sessions of a capture: each is a thread of the server beside one of ours.
const SESSIONS: usize = 3;

/// Bytes of a row, at most: what the protocol itself allows (MySQL documentation,
/// `max_allowed_packet`).
const LONGEST_ROW: usize = 1 << 30;

/// `ER_TABLEACCESS_DENIED_ERROR` and `ER_COLUMNACCESS_DENIED_ERROR`.
const MAY_NOT_READ: [u16; 2] = [1142, 1143];

/// A MySQL or MariaDB database, reached without TLS: it is meant for servers on this machine
/// or behind a tunnel.
pub struct MySqlDatabase {
    opts: Opts,
    engine: Engine,
    database: String,
    place: String,
}

impl MySqlDatabase {
    /// Connects once to see that the database is there, whose it is and which version.
    /// `url` is `mysql://user:password@host:port/database`.
    ///
    /// # Errors
    /// [`DatabaseError::Url`] or [`DatabaseError::Database`]; neither holds the password.
    pub async fn connect(url: &str) -> Result<MySqlDatabase, DatabaseError> {
        let opts = Opts::from_url(url).map_err(|_| DatabaseError::Url)?;
        let Some(database) = opts.db_name().map(str::to_owned) else {
            return Err(DatabaseError::Url);
        };
        let place = format!("{}:{}/{database}", opts.ip_or_hostname(), opts.tcp_port());
        let opts = OptsBuilder::from_opts(opts)
            // The URL says where; the server's own socket is not asked for.
            .prefer_socket(false)
            .max_allowed_packet(Some(LONGEST_ROW))
            .into();
        let mut source = MySqlDatabase { opts, engine: Engine::mysql(""), database, place };
        let mut conn = source.open().await?;
        let version: Option<String> = conn
            .query_first("SELECT VERSION()")
            .await
            .map_err(|error| source.error("asking the version of", &error))?;
        source.engine = engine(&version.unwrap_or_default());
        source.end(conn).await;
        Ok(source)
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The tables as the catalogue has them now, without a look at any row.
    ///
    /// # Errors
    /// [`DatabaseError::Database`] with the server's reason.
    pub async fn tables(&self) -> Result<Vec<Table>, DatabaseError> {
        let mut conn = self.session().await?;
        let found = self.listed(&mut conn).await?;
        self.end(conn).await;
        Ok(found.into_iter().map(|found| found.table).collect())
    }

    async fn open(&self) -> Result<Conn, DatabaseError> {
        Conn::new(self.opts.clone()).await.map_err(|error| self.error("connecting to", &error))
    }

    /// A connection with the settings of a capture.
    async fn session(&self) -> Result<Conn, DatabaseError> {
        let mut conn = self.open().await?;
        for sql in SESSION {
            self.run(&mut conn, "setting up a session of", sql).await?;
        }
        for sql in NO_TIME_LIMIT {
            // Each server knows one of the two variables.
            _ = conn.query_drop(sql).await;
        }
        Ok(conn)
    }

    async fn run(
        &self,
        conn: &mut Conn,
        doing: &'static str,
        sql: &str,
    ) -> Result<(), DatabaseError> {
        conn.query_drop(sql).await.map_err(|error| self.error(doing, &error))
    }

    async fn listed(&self, conn: &mut Conn) -> Result<Vec<Found>, DatabaseError> {
        let found = catalogue::tables(conn, &self.database).await;
        found.map_err(|error| self.error("listing the tables of", &error))?
    }

    /// Says good-bye, so that the server does not count a client that vanished.
    async fn end(&self, conn: Conn) {
        _ = conn.disconnect().await;
    }

    fn error(&self, doing: &'static str, error: &Error) -> DatabaseError {
        failed(doing, &self.place, error)
    }

    /// Sessions whose transactions all see the same instant.
    async fn sessions(&self) -> Result<Vec<Conn>, DatabaseError> {
        let mut sessions = Vec::with_capacity(SESSIONS);
        while sessions.len() < SESSIONS {
            match self.session().await {
                Ok(session) => sessions.push(session),
                Err(error) if sessions.is_empty() => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, sessions = sessions.len(), "fewer sessions read");
                    break;
                }
            }
        }
        let mut lock = self.session().await.ok();
        if let Some(holder) = &mut lock
            && let Err(error) = holder.query_drop("FLUSH TABLES WITH READ LOCK").await
        {
            let reason = reason(&error);
            tracing::debug!(reason, "no lock for several sessions: one reads");
            lock = None;
        }
        if lock.is_none() {
            sessions.truncate(1);
        }
        let mut begun = Ok(());
        for session in &mut sessions {
            if begun.is_ok() {
                begun = self.run(session, "opening a transaction of", BEGIN).await;
            }
        }
        // Whatever happened: nobody's changes wait for longer than this.
        if let Some(mut holder) = lock {
            let unlocked = self.run(&mut holder, "unlocking the tables of", "UNLOCK TABLES").await;
            self.end(holder).await;
            unlocked?;
        }
        begun?;
        Ok(sessions)
    }

    async fn capture_all(&self, dir: &Path) -> Result<MySqlSnapshot, DatabaseError> {
        let mut sessions = self.sessions().await?;
        let mut found = self.listed(&mut sessions[0]).await?;
        self.skip_unreadable(&mut sessions[0], &mut found).await?;
        let definition = Definition::read(&mut sessions[0], &self.database, &found)
            .await
            .map_err(|error| self.error("reading the definition of", &error))?;
        let loose: Vec<&str> =
            found.iter().filter(|it| !it.transactional).map(Found::name).collect();
        if !loose.is_empty() {
            let tables = loose.join(", ");
            tracing::warn!(tables, "tables without transactions are read as they are by now");
        }
        let wanted =
            found.iter().enumerate().filter(|(_, found)| found.table.skip_reason.is_none());
        let job = |(table, found): (usize, &Found)| Job { table, size: found.bytes, what: () };
        let jobs: Vec<Job<()>> = wanted.map(job).collect();
        let found = Arc::new(found);
        let place: Arc<str> = self.place.as_str().into();
        let sessions = sessions.into_iter().map(Mutex::new).collect();
        let copied = jobs::run(sessions, jobs, dir, {
            let found = Arc::clone(&found);
            move |session: Arc<Mutex<Conn>>, table: usize, (), path: PathBuf| {
                let (found, place) = (Arc::clone(&found), Arc::clone(&place));
                Box::pin(async move {
                    let mut conn = session.lock().await;
                    rows::to_file(&mut conn, &found[table], &path).await.map_err(|error| {
                        error.into_image(|error| failed("reading a table of", &place, &error))
                    })
                })
            }
        })
        .await?;
        let tables = found.iter().map(|found| found.table.clone()).collect();
        let rows = Stored::of(self.engine.clone(), self.database.clone(), tables, copied);
        let user = self.opts.user().unwrap_or_default().to_owned();
        Ok(MySqlSnapshot { rows, definition, asides: MySqlSnapshot::asides(&found), user })
    }

    /// Marks the tables that the user sees in the catalogue and may not read.
    async fn skip_unreadable(
        &self,
        conn: &mut Conn,
        found: &mut [Found],
    ) -> Result<(), DatabaseError> {
        for found in found.iter_mut().filter(|found| found.table.skip_reason.is_none()) {
            match conn.query_drop(format!("{} LIMIT 0", found.select)).await {
                Ok(()) => {}
                Err(Error::Server(error)) if MAY_NOT_READ.contains(&error.code) => {
                    found.table.skip_reason = Some("the master user may not read it".to_owned());
                }
                Err(error) => return Err(self.error("looking at a table of", &error)),
            }
        }
        Ok(())
    }
}

impl SourceDatabase for MySqlDatabase {
    fn engine(&self) -> Engine {
        self.engine.clone()
    }

    fn address(&self) -> Option<(String, u16)> {
        Some((self.opts.ip_or_hostname().to_owned(), self.opts.tcp_port()))
    }

    fn login(&self) -> Option<Login> {
        let user = self.opts.user()?.to_owned();
        Some(Login { user, database: self.opts.db_name().map(str::to_owned) })
    }

    /// Captures the present, whatever `at` says.
    fn capture<'a>(
        &'a self,
        _at: Timestamp,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>> {
        Box::pin(async move {
            let image = self.capture_all(dir).await?;
            tracing::debug!(
                database = image.database(),
                tables = image.tables().len(),
                "source database captured"
            );
            Ok(Arc::new(image) as Arc<dyn DatabaseSnapshot>)
        })
    }
}

/// `10.11.6-MariaDB-0+deb12u1`, which older servers write after `5.5.5-`, or `8.0.36`.
fn engine(version: &str) -> Engine {
    let own = version.strip_prefix("5.5.5-").unwrap_or(version);
    let number = own.split(['-', '+']).next().unwrap_or(own);
    if own.to_ascii_lowercase().contains("mariadb") {
        Engine::mariadb(number)
    } else {
        Engine::mysql(number)
    }
}

fn failed(doing: &'static str, place: &str, error: &Error) -> DatabaseError {
    DatabaseError::Database { doing, place: place.to_owned(), reason: reason(error) }
}

/// The reason of a failure. The server's words are repeated only for errors that speak of
/// connections, rights and names (MySQL documentation, "Server Error Message Reference");
/// others may quote a cell and are given as their code alone.
fn reason(error: &Error) -> String {
    const QUOTABLE: [u16; 12] =
        [1040, 1044, 1045, 1049, 1130, 1142, 1143, 1146, 1203, 1205, 1226, 1227];
    match error {
        Error::Server(server) if QUOTABLE.contains(&server.code) => {
            format!("{} ({})", server.message, server.code)
        }
        Error::Server(server) => format!("the server answered with code {}", server.code),
        Error::Io(error) => error.to_string(),
        // Some of the client's own errors hold rows.
        _ => "the client and the server did not understand each other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_server_it_is() {
        for (version, name, number) in [
            ("10.11.19-MariaDB-0+deb12u1", "mariadb", "10.11.19"),
            ("5.5.5-10.6.18-MariaDB-log", "mariadb", "10.6.18"),
            ("8.0.36", "mysql", "8.0.36"),
            ("8.4.2-log", "mysql", "8.4.2"),
        ] {
            let engine = engine(version);
            assert_eq!((engine.name(), engine.version()), (name, number));
        }
    }
}
