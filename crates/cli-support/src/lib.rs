//! Code shared by the operator's command `landbridge` and the local cloud's command
//! `landbridge-local`.
//!
//! | module | responsibility |
//! |---|---|
//! | [`args`] | options that several subcommands share |
//! | [`failure`] | errors of a command and their exit codes |
//! | [`files`] | finding and reading `landbridge.yaml` and `contract.yaml` |
//! | [`compiled`] | compiled models of dbt, of Dataform, and files of SQL |
//! | [`assertions`] | the tests that compiled models declare |
//! | [`clock`] | the current time: the machine's, or a local cloud's |
//! | [`render`], [`paint`] | text, tables, JSON and colour |
//! | [`receipts`] | parses the receipts of a day and shows them as text |

pub mod args;
pub mod assertions;
pub mod clock;
pub mod compiled;
pub mod failure;
pub mod files;
pub mod paint;
pub mod receipts;
pub mod render;

/// The exit codes of both commands, for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    success
  1    the command failed
  2    invalid usage, or an invalid file
  3    refused: a permission is missing
  4    partial success: a restored database does not respond, or a setting or record was not changed
  130  interrupted";

/// The name under which the caller started the command, for commands in messages.
pub fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "landbridge".to_owned())
}

/// Writes logs of libraries to standard error: level `warn` and above, or the filter in
/// `LANDBRIDGE_LOG`.
pub fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("LANDBRIDGE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(paint::Paint::stderr().is_on())
        .init();
}
