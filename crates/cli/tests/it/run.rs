//! A run of a command. The tests of `landbridge-local` use this file too.

use std::path::Path;
use std::process::Command;

/// The result of a run: exit code, standard output, standard error.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command in `dir`, without the variables of the caller's shell that would
/// change its behaviour.
pub(crate) fn run(command: &mut Command, dir: &Path, args: &[&str]) -> Run {
    let output = command
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

impl Run {
    /// The complete result as one text, for `expect!`.
    pub(crate) fn all(&self) -> String {
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
