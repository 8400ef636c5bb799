//! Errors of the local cloud.

use std::io;
use std::path::PathBuf;

/// An error of the local cloud itself, or of its options and files. The failure of a function is
/// not an error but an [`InvocationOutcome`](crate::InvocationOutcome).
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file or directory could not be used.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// `read`, `create` …
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A server could not be started.
    #[error("cannot serve {server} on 127.0.0.1:{port}: {source}")]
    Serve {
        /// The name of the server.
        server: &'static str,
        /// The requested port; 0 is any free port.
        port: u16,
        /// The cause.
        source: io::Error,
    },
    /// A file of `infra/schedules` is not valid.
    #[error("{}: {message}", file.display())]
    Schedule {
        /// The file.
        file: PathBuf,
        /// What is not valid.
        message: String,
    },
    /// A function is not defined.
    #[error("there is no function named `{0}`")]
    UnknownFunction(String),
    /// A function's program could not be started.
    #[error("cannot start function `{function}` from {} (has it been built?): {source}", program.display())]
    Start {
        /// The name of the function.
        function: String,
        /// Its program.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The configuration is not valid; one error per line.
    #[error("{0}")]
    Config(String),
    /// An emulated cloud could not be set up.
    #[error("cannot set up the local {cloud}: {message}")]
    SetUp {
        /// `aws` or `google`.
        cloud: &'static str,
        /// The cause.
        message: String,
    },
}

impl LocalError {
    /// For `map_err` around file operations.
    pub(crate) fn io(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { operation, path, source }
    }
}
