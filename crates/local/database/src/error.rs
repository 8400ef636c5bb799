//! What can go wrong while a database is read or exported.

/// A failure of reading or exporting an image. No variant carries the content
/// of a cell, nor a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The image holds no table of this name.
    #[error("the image holds no table {schema}.{table}")]
    UnknownTable {
        /// The schema that was asked for.
        schema: String,
        /// The table that was asked for.
        table: String,
    },
    /// A column was declared with a type that the engine does not have.
    #[error("{declared} is not a type of {engine}; spell it as the engine's catalogue does")]
    UnknownType {
        /// The type as it was declared.
        declared: String,
        /// The engine that should have it.
        engine: &'static str,
    },
    /// A cell's text is not of its column's type, or a row has too few or too
    /// many cells. The text itself is withheld.
    #[error("row {row} of column {column} is not a valid {expected}")]
    Value {
        /// The column's name.
        column: String,
        /// The row's number, from 0.
        row: usize,
        /// What the column holds.
        expected: String,
    },
    /// A part of `ExportOnly` names nothing of the database.
    #[error(
        "ExportOnly names {name}, which the snapshot does not hold; \
         give database, database.schema or database.schema.table"
    )]
    UnknownExportOnly {
        /// The part that names nothing.
        name: String,
    },
    /// The source database cannot be read.
    #[error(transparent)]
    Source(#[from] landbridge_source::SourceError),
    /// The source database sent what its protocol does not allow.
    #[error("{what} cannot be read: its bytes are not in the documented form")]
    Broken {
        /// What was being read.
        what: &'static str,
    },
    /// A server that was started from the image did not take all of it.
    #[error("{doing} the restored server failed: {reason}")]
    Restored {
        /// What was being done, with the table's name.
        doing: String,
        /// The server's code and, where it cannot quote a cell, its words.
        reason: String,
    },
    /// No server could be started from the image.
    #[error("cannot start a server from the image: {0}")]
    ThrowAway(#[from] crate::test_server::TestServerError),
    /// A file of the image, or an object of the export, could not be written or read.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file's path or the object's key.
        path: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Parquet could not be encoded or decoded.
    #[error("cannot encode or decode Parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Arrow arrays did not fit together.
    #[error("columns of a batch do not fit together")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A worker thread ended early.
    #[error("a worker thread of the export ended early")]
    Worker(#[from] tokio::task::JoinError),
}
