//! Errors of the command and their exit codes.

use std::process::ExitCode;

use landbridge_core::ErrorKind;

use crate::render::Paint;

/// The result of a command.
pub(crate) type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// Why a command did not end well. Every message says what to do next, where
/// anything can be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The thing asked for failed. Exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Wrong usage, or a file that is not as it should be. Exit code 2, as clap's own.
    #[error("{0}")]
    Usage(String),
    /// As [`Self::Usage`], with the whole story already told.
    #[error("")]
    Told,
    /// Somebody lacks a right. Exit code 3.
    #[error("{0}")]
    Refused(String),
    /// Done, but not whole: what differs is told. Exit code 4.
    #[error("{0}")]
    Partly(String),
    /// Stopped from outside. Exit code 130, as shells count it.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// The exit code.
    fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) | Self::Told => 2,
            Self::Refused(_) => 3,
            Self::Partly(_) => 4,
            Self::Interrupted => 130,
        }
    }

    /// Tells it on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        if !matches!(self, Self::Told) {
            eprintln!("{} {self}", Paint::stderr().red("error:"));
        }
        ExitCode::from(self.code())
    }
}

impl From<landbridge_core::Error> for Failure {
    fn from(error: landbridge_core::Error) -> Self {
        let sentence = error.sentence();
        match error.kind() {
            ErrorKind::Denied => Self::Refused(sentence),
            ErrorKind::Config => Self::Usage(sentence),
            _ => Self::Failed(sentence),
        }
    }
}

impl From<landbridge_local::LocalError> for Failure {
    fn from(error: landbridge_local::LocalError) -> Self {
        use landbridge_local::LocalError;
        match &error {
            LocalError::Config(_) | LocalError::Schedule { .. } => Self::Usage(error.to_string()),
            LocalError::Serve { port, .. } if *port != 0 => {
                Self::Failed(format!("{error}; choose other ones with --ports, or 0 for any"))
            }
            LocalError::Start { .. } => Self::Failed(format!(
                "{error}; build the four functions into the directory of this program"
            )),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<landbridge_local_database::DatabaseError> for Failure {
    fn from(error: landbridge_local_database::DatabaseError) -> Self {
        use landbridge_local_database::DatabaseError;
        match &error {
            DatabaseError::Url => Self::Usage(error.to_string()),
            DatabaseError::Database { reason, .. } => {
                Self::Failed(format!("{error}; {}", what_to_do(reason)))
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// What to do when a database refuses. The reason ends with the server's code in parentheses
/// (PostgreSQL documentation, "PostgreSQL Error Codes"; MySQL documentation, "Server Error
/// Message Reference"), unless no server answered.
fn what_to_do(reason: &str) -> &'static str {
    let code = reason.strip_suffix(')').and_then(|reason| reason.rsplit_once('('));
    match code.map(|(_, code)| code) {
        Some("3D000") => "name one that is there: postgres://user:password@host:port/database",
        Some("1049") => "name one that is there: mysql://user:password@host:port/database",
        Some("28000" | "28P01") => {
            "name a user that may log in there, with its password: \
             postgres://user:password@host:port/database"
        }
        Some("1045") => {
            "name a user that may log in there, with its password: \
             mysql://user:password@host:port/database"
        }
        Some("42501" | "1044" | "1142") => "name a user that may read its tables",
        _ => "see that it runs, and that this user may read its tables",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_a_database_says_what_to_do() {
        for (reason, hint) in [
            ("database \"shop\" does not exist (3D000)", "name one that is there"),
            ("role \"me\" does not exist (28000)", "name a user that may log in"),
            ("password authentication failed for user \"me\" (28P01)", "with its password"),
            ("permission denied for schema public (42501)", "that may read its tables"),
            ("Unknown database 'shop' (1049)", "mysql://user:password@host:port/database"),
            (
                "Access denied for user 'me'@'host' (using password: YES) (1045)",
                "with its password",
            ),
            ("error connecting to server: Connection refused (os error 111)", "see that it runs"),
            ("the server answered with code 22P02", "see that it runs"),
        ] {
            assert!(what_to_do(reason).contains(hint), "{reason}: {}", what_to_do(reason));
        }
    }
}
