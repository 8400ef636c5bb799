//! Why the local cloud cannot do what it was asked.

use std::io;
use std::path::PathBuf;

/// A fault of the local cloud itself, or of what it was given. What goes wrong
/// *inside* a function is not one of these: that is an
/// [`InvocationOutcome`](crate::InvocationOutcome).
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file or directory could not be used.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was being done: `read`, `create` …
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A server could not be started.
    #[error("cannot serve {server} on 127.0.0.1:{port}: {source}")]
    Serve {
        /// Which server.
        server: &'static str,
        /// The port asked for; 0 is any.
        port: u16,
        /// Why it failed.
        source: io::Error,
    },
    /// A file of `infra/schedules` is wrong.
    #[error("{}: {message}", file.display())]
    Schedule {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A function that nobody defined.
    #[error("there is no function named `{0}`")]
    UnknownFunction(String),
    /// A function's program could not be started.
    #[error("cannot start function `{function}` from {} (has it been built?): {source}", program.display())]
    Start {
        /// Which function.
        function: String,
        /// Its program.
        program: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The configuration cannot be used, one fault a line.
    #[error("{0}")]
    Config(String),
    /// One of the emulated clouds refused its initial state.
    #[error("the local {cloud} cannot be set up: {message}")]
    SetUp {
        /// `aws` or `google`.
        cloud: &'static str,
        /// What it said.
        message: String,
    },
}

impl LocalError {
    /// For `map_err` around file operations.
    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
