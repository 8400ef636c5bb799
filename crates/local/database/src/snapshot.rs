//! A database that lives on, and its state at one instant.

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

/// As whom a server is asked, and in which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The database; of MySQL there need not be one.
    pub database: Option<String>,
}

/// A database that lives on. Every capture is consistent in itself.
pub trait SourceDatabase: Send + Sync {
    /// What kind of database it is.
    fn engine(&self) -> Engine;

    /// The database's state at `at`, as a snapshot keeps it.
    ///
    /// `dir` exists, is the caller's and is used by this capture alone; what the
    /// image needs on disk goes there and must stay as long as the image is
    /// used. A source that can compute any instant looks at `at`; one that only
    /// has a present captures the present. Calling it again makes another image.
    ///
    /// # Errors
    /// When the database cannot be reached or read, or `dir` not written. What
    /// was written to `dir` until then is worthless.
    fn capture<'a>(
        &'a self,
        at: Timestamp,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>>;

    /// Host and port where clients reach it, when it is a server.
    fn address(&self) -> Option<(String, u16)> {
        None
    }

    /// As whom it is read, when it is a server.
    fn login(&self) -> Option<Login> {
        None
    }

    /// Whether a capture shows the instant that it is asked for, and not just the present.
    fn supports_any_instant(&self) -> bool {
        false
    }
}

/// A server that was started from an image.
pub struct StartedServer {
    /// The database on it; its address is where clients reach it.
    pub database: Arc<dyn SourceDatabase>,
    /// The server ends when this is dropped.
    pub process: Arc<dyn Any + Send + Sync>,
}

/// A stream of a table's rows, in an order that is the same on every read.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch, DatabaseError>> + Send>;

/// One database at one instant: it never changes.
pub trait DatabaseSnapshot: Send + Sync {
    /// What kind of database it was taken from.
    fn engine(&self) -> &Engine;

    /// The database's name.
    fn database(&self) -> &str;

    /// All its tables, those that an export skips among them.
    fn tables(&self) -> &[Table];

    /// A table's rows as batches of bounded size, whose schema is
    /// [`Table::arrow_schema`]. A partitioned table gives its partitions' rows.
    ///
    /// # Errors
    /// When the image holds no such table, or its file cannot be opened.
    fn read(&self, table: &Table) -> Result<Batches, DatabaseError>;

    /// Starts a real server that holds what this image holds, at `address` where that can
    /// be had. `None`: images of this kind, or on this machine, have no server.
    ///
    /// # Errors
    /// When the server does not start or does not take the image.
    fn start_server(
        self: Arc<Self>,
        address: SocketAddrV4,
    ) -> BoxFuture<'static, Result<Option<StartedServer>, DatabaseError>> {
        let _ = address;
        Box::pin(async { Ok(None) })
    }
}

/// A table as its database's catalogue describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The schema; of MySQL and MariaDB the database.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// How many rows it has, where that is known without reading them.
    pub rows: Option<u64>,
    /// The table that this one is a partition of: its name, or `schema.name`
    /// when it lives in another schema.
    pub partition_of: Option<String>,
    /// Why an export would skip it, where the names alone do not tell: an
    /// unlogged or temporary table, or one that the master user may not read.
    pub skip_reason: Option<String>,
}

impl Table {
    /// A table without rows, partitions or reasons to skip it.
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

    /// The schema of its batches: one nullable field a column, typed as the
    /// export writes it.
    pub fn arrow_schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|column| {
            // The export's writer (Spark) marks every field optional, even of a
            // column that is NOT NULL.
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
    /// Its type in the source.
    pub source_type: SourceType,
    /// The type as the catalogue prints it: `character varying`, `ARRAY`,
    /// `USER-DEFINED`, `bigint unsigned`.
    pub original_type: String,
    /// Length limit in characters of a text.
    pub char_max_length: Option<u32>,
    /// Digits of a number, in the catalogue's own counting.
    pub num_precision: Option<u32>,
    /// Digits after the point.
    pub num_scale: Option<u32>,
    /// Digits of a second's fraction.
    pub datetime_precision: Option<u32>,
    /// Whether it may hold NULL.
    pub nullable: bool,
}

impl Column {
    /// A nullable column declared as in `CREATE TABLE`, for example
    /// `numeric(12,2)` or `bigint unsigned`.
    ///
    /// # Errors
    /// [`DatabaseError::UnknownType`] when MySQL has no such type. PostgreSQL's
    /// types are open: an unknown one is taken for a type of the user's own.
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
