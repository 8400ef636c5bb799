//! The command as a caller sees it: help, output, exit codes.

mod cost;
mod files;
mod handover;
mod help;
mod layers;
mod local;
mod models;
mod parquet;
mod proposal;
mod published;
mod reference;
mod retype;
mod run;
mod without_a_cloud;

use std::path::{Path, PathBuf};
use std::process::Command;

use run::Run;

/// Runs the command in `dir`.
fn landbridge(dir: &Path, args: &[&str]) -> Run {
    run::run(&mut Command::new(env!("CARGO_BIN_EXE_landbridge")), dir, args)
}

/// The root of the repository, which contains the demo's files.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
