//! Errors of the command and their exit codes.

use std::process::ExitCode;

use landbridge_core::ErrorKind;

use crate::paint::Paint;

/// The result of a command.
pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// Why a command did not end well. Every message says what to do next, where
/// anything can be done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The thing asked for failed. Exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Wrong usage, or a file that is not as it should be. Exit code 2, as clap's own.
    #[error("{0}")]
    Usage(String),
    /// As [`Self::Usage`], with the whole story already told.
    #[error("")]
    Reported,
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
            Self::Usage(_) | Self::Reported => 2,
            Self::Refused(_) => 3,
            Self::Partly(_) => 4,
            Self::Interrupted => 130,
        }
    }

    /// Tells it on standard error.
    pub fn report(&self) -> ExitCode {
        if !matches!(self, Self::Reported) {
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

impl From<landbridge_source::SourceError> for Failure {
    fn from(error: landbridge_source::SourceError) -> Self {
        if error.is_usage() {
            Self::Usage(error.to_string())
        } else {
            Self::Failed(error.to_string())
        }
    }
}

impl From<landbridge_source::proposal::ProposalError> for Failure {
    fn from(error: landbridge_source::proposal::ProposalError) -> Self {
        use landbridge_source::proposal::ProposalError;
        match error {
            ProposalError::Source(error) => error.into(),
            error => Self::Failed(error.to_string()),
        }
    }
}
