//! A database that changes over time, and its state at one instant.

use std::any::Any;
use std::net::SocketAddrV4;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use futures::future::BoxFuture;
use jiff::Timestamp;
use landbridge_source::{Engine, EngineFamily};

use crate::error::DatabaseError;
use crate::types::SourceType;

/// The user and database of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The database. A MySQL connection may have none.
    pub database: Option<String>,
}

/// A database that changes over time. Every capture is consistent: it shows one instant.
pub trait SourceDatabase: Send + Sync {
    /// The engine and its version.
    fn engine(&self) -> Engine;

    /// Captures the database's state at `at`.
    ///
    /// `dir` must exist and be used by this capture only. The snapshot keeps its files there; the
    /// caller removes them when the snapshot is no longer used. A database that cannot compute an
    /// earlier state captures the present, see
    /// [`supports_any_instant`](Self::supports_any_instant). Each call makes another snapshot.
    ///
    /// # Errors
    /// When the database cannot be reached or read, or `dir` cannot be written. The files in
    /// `dir` are incomplete then.
    fn capture<'a>(
        &'a self,
        at: Timestamp,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>>;

    /// Host and port for clients, when the database is on a server.
    fn address(&self) -> Option<(String, u16)> {
        None
    }

    /// User and database of the captures, when the database is on a server.
    fn login(&self) -> Option<Login> {
        None
    }

    /// Whether a capture shows the requested instant rather than the present.
    fn supports_any_instant(&self) -> bool {
        false
    }
}

/// A server that was started with the content of a snapshot.
pub struct StartedServer {
    /// The database on the server, with the address for clients.
    pub database: Arc<dyn SourceDatabase>,
    /// Stops the server when dropped.
    pub process: Arc<dyn Any + Send + Sync>,
}

/// A stream of a table's rows, in an order that is the same on every read.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch, DatabaseError>> + Send>;

/// The state of a database at one instant. It never changes.
pub trait DatabaseSnapshot: Send + Sync {
    /// The engine and version of the captured database.
    fn engine(&self) -> &Engine;

    /// The database's name.
    fn database(&self) -> &str;

    /// All tables, including those that an export skips.
    fn tables(&self) -> &[Table];

    /// A table's rows as batches of bounded size with the schema [`Table::arrow_schema`]. For a
    /// partitioned table these are the rows of its partitions.
    ///
    /// # Errors
    /// When the snapshot has no such table or its file cannot be opened.
    fn read(&self, table: &Table) -> Result<Batches, DatabaseError>;

    /// Starts a real server with the content of this snapshot, at `address` or, when that port is
    /// taken, at another port. `None` when there is no server for this kind of snapshot or its
    /// programs are not installed.
    ///
    /// # Errors
    /// When the server does not start or refuses a part of the snapshot.
    fn start_server(
        self: Arc<Self>,
        address: SocketAddrV4,
    ) -> BoxFuture<'static, Result<Option<StartedServer>, DatabaseError>> {
        let _ = address;
        Box::pin(async { Ok(None) })
    }
}

/// A table, as its database's catalogue describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The schema; for MySQL and MariaDB the database.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Number of rows, where it is known without reading them.
    pub rows: Option<u64>,
    /// The table that this one is a partition of: its name, or `schema.name` when it is in
    /// another schema.
    pub partition_of: Option<String>,
    /// Why an export skips the table, unless because of a name: it is unlogged or temporary, or
    /// the master user may not read it.
    pub skip_reason: Option<String>,
}

impl Table {
    /// A table that is not a partition and is not skipped.
    pub fn new(schema: &str, name: &str, columns: Vec<Column>) -> Table {
        Table {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns,
            rows: None,
            partition_of: None,
            skip_reason: None,
        }
    }

    /// The schema of the table's batches: one nullable field for each column, of the type that an
    /// export writes.
    pub fn arrow_schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|column| {
            // Spark, which writes the real exports, marks every field optional, also those of
            // NOT NULL columns.
            Field::new(&column.name, column.source_type.parquet_type().arrow(), true)
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

/// A column as `information_schema.columns` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in the source database.
    pub source_type: SourceType,
    /// The type as the catalogue prints it: `character varying`, `ARRAY`,
    /// `USER-DEFINED`, `bigint unsigned`.
    pub original_type: String,
    /// Maximum length of a text in characters.
    pub char_max_length: Option<u32>,
    /// Digits of a number: decimal or binary, as the catalogue counts them.
    pub num_precision: Option<u32>,
    /// Digits after the decimal point.
    pub num_scale: Option<u32>,
    /// Digits of the fraction of a second.
    pub datetime_precision: Option<u32>,
    /// Whether the column accepts NULL.
    pub nullable: bool,
}

impl Column {
    /// A nullable column declared as in `CREATE TABLE`, for example
    /// `numeric(12,2)` or `bigint unsigned`.
    ///
    /// # Errors
    /// [`DatabaseError::UnknownType`] when MySQL has no such type. PostgreSQL's
    /// types are open: an unknown name is taken for a user-defined type.
    pub fn declared(
        family: EngineFamily,
        name: &str,
        declared: &str,
    ) -> Result<Column, DatabaseError> {
        let source_type = SourceType::parse(family, declared)?;
        let (num_precision, num_scale) = source_type.numeric_precision();
        Ok(Column {
            name: name.to_owned(),
            original_type: source_type.original_type(),
            char_max_length: source_type.char_max_length(),
            num_precision,
            num_scale,
            datetime_precision: source_type.datetime_precision(),
            source_type,
            nullable: true,
        })
    }

    /// The same column, NOT NULL.
    #[must_use]
    pub fn not_null(mut self) -> Column {
        self.nullable = false;
        self
    }
}
