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
mod without_a_cloud;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The result of a run: exit code, standard output, standard error.
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the command in `dir`, without the variables of the caller's shell that would
/// change its behaviour.
fn landbridge(dir: &Path, args: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_landbridge"))
        .args(args)
        .current_dir(dir)
        .env_remove("LANDBRIDGE_CONFIG")
        .env_remove("LANDBRIDGE_CONTRACT")
        .env_remove("LANDBRIDGE_LOG")
        .env_remove("COLUMNS")
        .output()
        .expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("the command writes UTF-8");
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The root of the repository, which contains the demo's files.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Run {
    /// The complete result as one text, for `expect!`.
    fn all(&self) -> String {
        let code = self.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let mut all = format!("exit code {code}\n");
        for (name, text) in [("out", &self.out), ("err", &self.err)] {
            for line in text.lines() {
                all.push_str(format!("{name} | {line}").trim_end());
                all.push('\n');
            }
        }
        all
    }
}
