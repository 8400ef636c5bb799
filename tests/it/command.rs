//! The programs of this workspace as processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::root;

/// The directory in which Cargo puts programs: `cargo build --workspace --bins` makes them.
pub(crate) fn programs() -> PathBuf {
    let program = std::env::current_exe().expect("this program's path");
    program.parent().and_then(Path::parent).expect("where Cargo puts programs").to_owned()
}

/// `landbridge` in the repository, without the machine's own environment.
pub(crate) fn command(variables: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(programs().join("landbridge"));
    command.current_dir(root()).env_clear();
    command.env("AWS_EC2_METADATA_DISABLED", "true").envs(variables);
    command
}

/// Runs it to its end.
pub(crate) fn landbridge(variables: &BTreeMap<String, String>, args: &[&str]) -> Output {
    command(variables).args(args).output().expect("the command starts")
}

/// What it has written.
pub(crate) fn output_text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}
