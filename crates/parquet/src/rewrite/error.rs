//! What can go wrong inside, and what it is to the outside.

use std::io;

use landbridge_core::{Error, ErrorKind};
use parquet::errors::ParquetError;

/// RewriteError with one file. It never holds a value of a cell.
#[derive(Debug, thiserror::Error)]
pub(super) enum RewriteError {
    /// A page is not as it should be.
    #[error("{0}")]
    Page(&'static str),
    /// A page needs more memory than it may have.
    #[error("a page is larger than the limit")]
    PageTooLarge,
    /// A column is compressed by a codec that is not built in.
    #[error("a column has a codec that cannot be read")]
    Codec,
    /// A column has an encoding that cannot be read.
    #[error("a column has an encoding that cannot be read")]
    Encoding,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The library refused.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
}

impl RewriteError {
    /// The error; `place` names file and column.
    pub(super) fn at(self, place: impl FnOnce() -> String) -> Error {
        match self {
            Self::Page(what) => {
                Error::new(ErrorKind::Corrupt, "a page of a Parquet file is broken", place())
                    .caused_by(what)
            }
            Self::PageTooLarge => Error::new(
                ErrorKind::Rejected,
                "a page of a Parquet file is larger than the memory it may have",
                place(),
            ),
            Self::Codec => Error::new(
                ErrorKind::Rejected,
                "a column of a Parquet file has a codec that cannot be read",
                place(),
            ),
            Self::Encoding => Error::new(
                ErrorKind::Rejected,
                "a column of a Parquet file has an encoding that cannot be read",
                place(),
            ),
            Self::Io(error) => match error.downcast::<Error>() {
                Ok(error) => error,
                Err(error) => Error::new(
                    ErrorKind::Transient,
                    "a Parquet file cannot be read or written",
                    place(),
                )
                .caused_by(error),
            },
            Self::Parquet(ParquetError::External(error)) => match error.downcast::<Error>() {
                Ok(error) => *error,
                Err(error) => match error.downcast::<io::Error>() {
                    Ok(error) => Self::Io(*error).at(place),
                    Err(error) => Error::new(
                        ErrorKind::Rejected,
                        "a Parquet file cannot be rewritten",
                        place(),
                    )
                    .caused_by(error),
                },
            },
            Self::Parquet(error) => {
                Error::new(ErrorKind::Rejected, "a Parquet file cannot be rewritten", place())
                    .caused_by(error)
            }
        }
    }
}
