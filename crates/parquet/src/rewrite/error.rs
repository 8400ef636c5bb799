//! The internal error of a rewrite, and its conversion into an [`Error`].

use std::io;

use landbridge_core::{Error, ErrorKind};
use parquet::errors::ParquetError;

/// An error in one file. It never contains the value of a cell.
#[derive(Debug, thiserror::Error)]
pub(super) enum RewriteError {
    /// The content of a page or of its column contradicts the format or the footer.
    #[error("{0}")]
    Malformed(&'static str),
    /// A page is larger than the page limit.
    #[error("a page is larger than the limit")]
    PageTooLarge,
    /// A column has a compression codec that is not supported.
    #[error("a column has an unsupported compression codec")]
    Codec,
    /// A column has an encoding that is not supported.
    #[error("a column has an unsupported encoding")]
    Encoding,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The `parquet` crate returned an error.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
}

impl RewriteError {
    /// The [`Error`] for callers. `location` names file and column.
    pub(super) fn into_error(self, location: impl FnOnce() -> String) -> Error {
        match self {
            Self::Malformed(what) => {
                Error::new(ErrorKind::Corrupt, "a page of a Parquet file is malformed", location())
                    .caused_by(what)
            }
            Self::PageTooLarge => Error::new(
                ErrorKind::Rejected,
                "a page of a Parquet file is larger than the page limit",
                location(),
            ),
            Self::Codec => Error::new(
                ErrorKind::Rejected,
                "a column of a Parquet file has an unsupported compression codec",
                location(),
            ),
            Self::Encoding => Error::new(
                ErrorKind::Rejected,
                "a column of a Parquet file has an unsupported encoding",
                location(),
            ),
            Self::Io(error) => match error.downcast::<Error>() {
                Ok(error) => error,
                Err(error) => Error::new(
                    ErrorKind::Transient,
                    "a Parquet file cannot be read or written",
                    location(),
                )
                .caused_by(error),
            },
            Self::Parquet(ParquetError::External(error)) => match error.downcast::<Error>() {
                Ok(error) => *error,
                Err(error) => match error.downcast::<io::Error>() {
                    Ok(error) => Self::Io(*error).into_error(location),
                    Err(error) => Error::new(
                        ErrorKind::Rejected,
                        "a Parquet file cannot be rewritten",
                        location(),
                    )
                    .caused_by(error),
                },
            },
            Self::Parquet(error) => {
                Error::new(ErrorKind::Rejected, "a Parquet file cannot be rewritten", location())
                    .caused_by(error)
            }
        }
    }
}
