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
    /// A table of this name exists, so none is made.
    #[error(
        "`{table}` exists in the database at {place}, and no existing table is changed; give the new table \
         another name, or drop `{table}` if it is yours"
    )]
    TableExists {
        /// The table's name.
        table: String,
        /// Host, port and database, without credentials.
        place: String,
    },
    /// Another session fills a table of this name.
    #[error(
        "another command is writing `{table}` into the database at {place}; wait until it ends, or give the \
         new table another name"
    )]
    TableBusy {
        /// The table's name.
        table: String,
        /// Host, port and database, without credentials.
        place: String,
    },
    /// The new table does not have the rows that were sent.
    #[error(
        "`{table}` in the database at {place} would have {found} rows instead of {expected}, so it is not \
         made; check for triggers or rules there that change rows, then repeat the command"
    )]
    RowsDiffer {
        /// The table's name.
        table: String,
        /// Host, port and database, without credentials.
        place: String,
        /// Rows that the table has.
        found: u64,
        /// Rows that were sent.
        expected: u64,
    },
    /// The connection ended while the new table was completed, and whether it was completed could not be read.
    #[error(
        "the connection to the database at {place} ended while `{table}` was completed, and whether it is there is \
         not known; look for it: it has all rows if it is there, otherwise repeat the command"
    )]
    EndUnknown {
        /// The table's name.
        table: String,
        /// Host, port and database, without credentials.
        place: String,
    },
    /// The server refused the request, could not be reached or sent an unexpected answer.
    #[error("cannot {action} the database at {place}: {reason}; {}", next_step(.action, .code.as_deref()))]
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

/// The action of [`crate::fill`].
pub(crate) const FILL: &str = "write a new table into";

/// The operator's next step for a server's error code (PostgreSQL documentation, "PostgreSQL
/// Error Codes"; MySQL documentation, "Server Error Message Reference").
fn next_step(action: &str, code: Option<&str>) -> &'static str {
    match code {
        _ if action == FILL => match code {
            Some("3F000") => "create the schema there, then repeat the command",
            Some("42501" | "1044" | "1142" | "1227") => "use a user that may create tables there",
            Some("42P01" | "42703" | "1054" | "1146") => {
                "the live table is not there as it is in the source; take the types from the export"
            }
            _ => "no new table is left there; check the server, then repeat the command",
        },
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
        Some("42501") => {
            "use a user that may read its tables with all their rows: their owner, a superuser or a role \
             with BYPASSRLS"
        }
        Some("1044" | "1142") => "use a user that may read its tables",
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
            (Some("42501"), "a user that may read its tables with all their rows"),
            (Some("1142"), "a user that may read its tables"),
            (Some("22P02"), "check that the server is running"),
            (None, "check that the server is running"),
        ] {
            assert!(next_step("read", code).contains(expected), "{code:?}");
        }
        for (code, expected) in [
            (Some("3F000"), "create the schema"),
            (Some("1142"), "may create tables"),
            (Some("1054"), "types from the export"),
            (Some("22P02"), "no new table is left"),
            (None, "no new table is left"),
        ] {
            assert!(next_step(FILL, code).contains(expected), "{code:?}");
        }
    }
}
