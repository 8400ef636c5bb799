//! Errors of snapshots, exports and restores.

/// Why a database could not be captured, exported or restored. No message contains the value of a
/// cell or a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The snapshot has no such table.
    #[error("the snapshot has no table {schema}.{table}")]
    UnknownTable {
        /// The requested schema.
        schema: String,
        /// The requested table.
        table: String,
    },
    /// A column is declared with a type that the engine does not have.
    #[error("{declared} is not a type of {engine}; write it as the engine's catalogue does")]
    UnknownType {
        /// The type as declared.
        declared: String,
        /// The engine.
        engine: &'static str,
    },
    /// A cell is not a valid value of its column's type, or a row has too few or too many cells.
    #[error("row {row} of column {column} is not a valid {expected}")]
    Value {
        /// The column's name.
        column: String,
        /// The row's number, from 0.
        row: usize,
        /// The expected type.
        expected: String,
    },
    /// A part of `ExportOnly` has a name that RDS does not support in a partial export.
    #[error(
        "ExportOnly names {name}; a partial export supports names of A-Z, a-z, 0-9, $ and _ only"
    )]
    UnsupportedExportOnly {
        /// The part.
        name: String,
    },
    /// A part of `ExportOnly` matches nothing in the snapshot.
    #[error(
        "ExportOnly names {name}, which is not in the snapshot; use the form database, \
         database.schema or database.schema.table"
    )]
    UnknownExportOnly {
        /// The part that matches nothing.
        name: String,
    },
    /// The source database cannot be read.
    #[error(transparent)]
    Source(#[from] landbridge_source::SourceError),
    /// The source database sent data that its protocol does not allow.
    #[error("cannot decode {what}: the data is not in the documented format")]
    Protocol {
        /// What was being decoded.
        what: &'static str,
    },
    /// The test server refused a part of the snapshot.
    #[error("cannot {action} the restored server: {reason}")]
    Restore {
        /// What was attempted, for example `fill the table shop.orders of`.
        action: String,
        /// The server's message where it cannot quote a cell, else its error code.
        reason: String,
    },
    /// The test server for a restore did not start.
    #[error("cannot start a server for the snapshot: {0}")]
    TestServer(#[from] crate::test_server::TestServerError),
    /// A file of the snapshot or an object of the export could not be written or read.
    #[error("cannot {action} {path}")]
    Io {
        /// What was attempted, for example `open`.
        action: &'static str,
        /// The file's path or the object's key.
        path: String,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// Parquet could not be encoded or decoded.
    #[error("cannot encode or decode Parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Arrow arrays do not match their schema.
    #[error("the columns of a batch do not match its schema")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A worker thread panicked or was cancelled.
    #[error("a worker thread stopped early")]
    Worker(#[from] tokio::task::JoinError),
}
