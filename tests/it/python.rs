//! The Python with clients and servers that others wrote, made by
//! `scripts/python-for-tests.sh` in `target/python`.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The Python of the tests. `None`, after a loud line, when it isn't there; where it must
/// be (`LANDBRIDGE_REQUIRE_PYTHON=1`, set by `make test` after making it), that is a failure.
pub(crate) fn python(test: &str) -> Option<PathBuf> {
    let found = place();
    if found.is_none() {
        let line = "=".repeat(80);
        loudly(&format!(
            "\n{line}\n  NOT RUN: {test}\n  target/python is not there: run \
             scripts/python-for-tests.sh (it needs python3)\n{line}\n"
        ));
        let required = std::env::var("LANDBRIDGE_REQUIRE_PYTHON").is_ok_and(|it| it == "1");
        assert!(!required, "LANDBRIDGE_REQUIRE_PYTHON=1, and there is no Python for {test}");
    }
    found
}

/// Says something past the test harness, which keeps to itself what a passing test prints.
pub(crate) fn loudly(text: &str) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Upwards from this program, `…/target/debug/deps/it-0123`, because the target folder can be anywhere.
fn place() -> Option<PathBuf> {
    let program = std::env::current_exe().expect("this program's path");
    let folders = program.ancestors().skip(1);
    // The stamp is written last: without it, the folder is half made.
    folders
        .map(|folder| folder.join("python"))
        .find(|python| python.join("stamp").is_file())
        .map(|python| python.join("bin/python"))
}

/// The folder of this package.
pub(crate) fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A command that is shielded from the machine's own AWS and Google settings and proxies.
pub(crate) fn command(python: &Path) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(python);
    for (name, _) in std::env::vars_os() {
        let upper = name.to_string_lossy().to_ascii_uppercase();
        let foreign =
            ["AWS_", "GOOGLE_", "CLOUDSDK_", "BOTO", "MOTO_", "PYTHON", "PYTEST_", "LANDBRIDGE_"];
        if foreign.iter().any(|prefix| upper.starts_with(prefix)) || upper.ends_with("_PROXY") {
            command.env_remove(&name);
        }
    }
    command
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true);
    command
}
