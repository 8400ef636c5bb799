//! `landbridge demo`, `local`, `query` and `models run`: starts `landbridge-local`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::failure::Failure;

/// The program of the local cloud's commands.
const PROGRAM: &str = "landbridge-local";
/// The command that builds it.
const BUILD: &str = "cargo build -p landbridge-local-cli";

/// The arguments of a command of `landbridge-local`. That program parses them.
#[derive(Debug, Args)]
pub(crate) struct LocalArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<OsString>,
}

/// Replaces this process with `landbridge-local` and the same arguments: that program receives the
/// signals, and the caller receives its exit code. Its `argv[0]` is the name under which the caller
/// started `landbridge`, for usage lines and hints. Returns only if the program cannot be started.
pub(crate) fn start() -> Failure {
    let mut arguments = std::env::args_os();
    let called_as = arguments.next().unwrap_or_else(|| "landbridge".into());
    let Some(program) = find() else {
        return Failure::Failed(format!(
            "{} does not exist, and {PROGRAM} is not on the PATH; build it with `{BUILD}`",
            next_to_this_program().display()
        ));
    };
    let error = Command::new(&program).arg0(called_as).args(arguments).exec();
    Failure::Failed(format!(
        "cannot start {}: {error}; build it again with `{BUILD}`",
        program.display()
    ))
}

/// `landbridge-local` as a child, for the console's queries; `None` if it is not installed.
pub(crate) fn program() -> Option<tokio::process::Command> {
    find().map(tokio::process::Command::new)
}

/// The program in the directory of this one, otherwise the first one on the PATH.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join(PROGRAM));
    [next_to_this_program()].into_iter().chain(on_path).find(|program| program.is_file())
}

fn next_to_this_program() -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name(PROGRAM)
}
