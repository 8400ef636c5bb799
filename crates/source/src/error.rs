//! Errors of connecting to a database, reading its catalogue and counting rows.

/// The result of a call to a source database.
pub type Result<T, E = SourceError> = std::result::Result<T, E>;

/// Why a source database could not be read.
///
/// Every message names the cause and the operator's next step. No message contains a password or
/// the value of a cell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The URL cannot be parsed or names another kind of database. The message leaves the URL
    /// out, because it may contain a password.
    #[error(
        "cannot read the database URL; write it as postgres://user:password@host:port/database \
         or mysql://user:password@host:port/database"
    )]
    Url,
    /// The file of CA certificates cannot be used.
    #[error(
        "cannot use the CA certificates in {path}: {reason}; pass a PEM file such as AWS's \
         global-bundle.pem"
    )]
    Certificates {
        /// The file's path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server refused the request, could not be reached or sent an unexpected answer.
    #[error("cannot {action} the database at {place}: {reason}; {}", next_step(.code.as_deref()))]
    Refused {
        /// What was attempted, for example `connect to`.
        action: &'static str,
        /// Host, port and database, without credentials.
        place: String,
        /// The server's message where it cannot quote a cell, else its error code.
        reason: String,
        /// The server's error code: an SQLSTATE of PostgreSQL or a number of MySQL. `None` when
        /// no server answered.
        code: Option<String>,
    },
}

impl SourceError {
    /// Whether the operator has to correct an argument, rather than the database.
    pub fn is_usage(&self) -> bool {
        matches!(self, SourceError::Url | SourceError::Certificates { .. })
    }
}

/// The operator's next step for a server's error code (PostgreSQL documentation, "PostgreSQL
/// Error Codes"; MySQL documentation, "Server Error Message Reference").
fn next_step(code: Option<&str>) -> &'static str {
    match code {
        Some("3D000") => {
            "use the name of an existing database: postgres://user:password@host:port/database"
        }
        Some("1049") => {
            "use the name of an existing database: mysql://user:password@host:port/database"
        }
        Some("28000" | "28P01") => {
            "use a user that may log in, with its password: \
             postgres://user:password@host:port/database"
        }
        Some("1045") => {
            "use a user that may log in, with its password: \
             mysql://user:password@host:port/database"
        }
        Some("42501" | "1044" | "1142") => "use a user that may read its tables",
        _ => "check that the server is running and that the user may read its tables",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_code_has_a_next_step() {
        for (code, expected) in [
            (Some("3D000"), "existing database: postgres://"),
            (Some("1049"), "existing database: mysql://"),
            (Some("28000"), "a user that may log in"),
            (Some("28P01"), "with its password"),
            (Some("1045"), "with its password"),
            (Some("42501"), "a user that may read its tables"),
            (Some("22P02"), "check that the server is running"),
            (None, "check that the server is running"),
        ] {
            assert!(next_step(code).contains(expected), "{code:?}: {}", next_step(code));
        }
    }
}
