//! Errors of the local SQL engine. No message contains a cell value.

use crate::error::GoogleError;

/// Why a query has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SqlError {
    /// The statement is wrong: BigQuery refuses it as well.
    Invalid(String),
    /// The statement may be right, but this engine does not know a part of it.
    Unknown(String),
    /// The statement is right; its execution failed.
    Failed(String),
    /// The statement is right, and needs more memory or rows than this engine allows. No SAFE function hides it.
    OverLimit(String),
}

pub(crate) type Result<T> = std::result::Result<T, SqlError>;

impl SqlError {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// `what` is a noun, such as "the function SOUNDEX".
    pub(crate) fn unknown(what: impl std::fmt::Display) -> Self {
        Self::Unknown(format!("The local warehouse does not know {what}; BigQuery may."))
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// `what` is a number with its noun, such as "2048 MiB of rows".
    pub(crate) fn over_limit(what: impl std::fmt::Display) -> Self {
        Self::OverLimit(format!(
            "Resources exceeded: the local warehouse stops at {what}; BigQuery does not. `landbridge local up \
             --query-memory-mib` and `--query-rows` change the limits."
        ))
    }

    /// A result outside the range of its type.
    pub(crate) fn overflow(of: &str) -> Self {
        Self::Failed(format!("{of} overflow: the result is outside the type's range."))
    }
}

/// A function got what its signature does not name.
pub(crate) fn mismatch() -> SqlError {
    SqlError::failed("a function got an argument of another type")
}

impl From<SqlError> for GoogleError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Invalid(message) | SqlError::Unknown(message) => Self::invalid_query(message),
            SqlError::Failed(message) => Self::invalid_query(format!("Query failed: {message}")),
            SqlError::OverLimit(message) => Self::new(400, "resourcesExceeded", &message),
        }
    }
}
