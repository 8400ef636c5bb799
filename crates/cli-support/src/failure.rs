//! Errors of a command and their exit codes.

use std::process::ExitCode;

use landbridge_core::ErrorKind;

use crate::paint::Paint;

/// The result of a command.
pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// Why a command failed. A message names the cause and, if there is one, the next step.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command failed. Exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Invalid usage, or an invalid file. Exit code 2, which clap also uses.
    #[error("{0}")]
    Usage(String),
    /// As [`Self::Usage`], after the command itself has written the errors.
    #[error("")]
    Reported,
    /// A permission is missing. Exit code 3.
    #[error("{0}")]
    Refused(String),
    /// The command succeeded in part; the message names what is missing. Exit code 4.
    #[error("{0}")]
    Partly(String),
    /// Ctrl-C. Exit code 130: 128 plus the number of SIGINT, as shells report it.
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

    /// Writes the message to standard error and returns the exit code.
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
