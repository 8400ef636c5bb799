//! The local cloud's commands as a caller sees them: help, output, exit codes.

mod help;
#[path = "../../../../cli/tests/it/run.rs"]
mod run;
mod sample;
mod source;
mod without_a_cloud;

use std::path::{Path, PathBuf};
use std::process::Command;

use run::Run;

/// Runs the command in `dir` as `landbridge` starts it.
fn landbridge(dir: &Path, args: &[&str]) -> Run {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(env!("CARGO_BIN_EXE_landbridge-local"));
    run::run(command.arg0("landbridge"), dir, args)
}

/// The root of the repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}
