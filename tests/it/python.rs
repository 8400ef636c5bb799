//! The Python environments of the tests: third-party clients and servers, which
//! `scripts/python-for-tests.sh` installs in `target/python`, and dbt in `target/models`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The Python of the tests. If it is missing, prints a visible line and returns `None`; with
/// `LANDBRIDGE_REQUIRE_PYTHON=1`, which `make test` sets after installing it, panics instead.
pub(crate) fn installed_python(test: &str) -> Option<PathBuf> {
    installed(test, "python", "LANDBRIDGE_REQUIRE_PYTHON")
}

/// The Python with dbt, which `scripts/models-for-tests.sh` installs in `target/models`. If it is
/// missing, the same, with `LANDBRIDGE_REQUIRE_MODELS`.
pub(crate) fn installed_dbt(test: &str) -> Option<PathBuf> {
    installed(test, "models", "LANDBRIDGE_REQUIRE_MODELS")
}

fn installed(test: &str, folder: &str, variable: &str) -> Option<PathBuf> {
    let found = find_python(folder);
    if found.is_none() {
        let line = "=".repeat(80);
        print_visibly(&format!(
            "\n{line}\n  NOT RUN: {test}\n  target/{folder} does not exist: run \
             scripts/{folder}-for-tests.sh (it needs python3)\n{line}\n"
        ));
        let required = std::env::var(variable).is_ok_and(|it| it == "1");
        assert!(!required, "{variable}=1, and Python for {test} is missing");
    }
    found
}

/// Prints a line that the test harness does not capture, so that it is visible for a passing test,
/// too.
pub(crate) fn print_visibly(text: &str) {
    // A closed standard error must not fail the test.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Searches upwards from this program, `…/target/debug/deps/it-0123`, because the target folder can
/// be anywhere.
fn find_python(place: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().expect("this program's path");
    let folders = program.ancestors().skip(1);
    // The stamp is written last: without it, the installation is incomplete.
    folders
        .map(|folder| folder.join(place))
        .find(|python| python.join("stamp").is_file())
        .map(|python| python.join("bin/python"))
}

/// pytest in a folder of this package, for `files` or for all tests of the folder.
pub(crate) fn pytest(python: &Path, folder: &str, files: &[&str]) -> tokio::process::Command {
    let mut command = command(python);
    command
        .args(["-m", "pytest", "--color=no"])
        .args(files)
        .current_dir(package_dir().join(folder));
    command
}

/// Runs pytest and returns its output. Panics unless it ends within `limit`, every test passes and none
/// is skipped.
pub(crate) async fn assert_pytest_passes(
    test: &str,
    mut command: tokio::process::Command,
    limit: Duration,
) -> String {
    let output = tokio::time::timeout(limit, command.output()).await;
    let output = output.expect("the scripts end before the limit").expect("pytest starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let last = stdout.lines().last().unwrap_or_default();
    assert!(
        output.status.success() && last.contains(" passed") && !last.contains("skipped"),
        "{test} failed ({}):\n{stdout}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    print_visibly(&format!("{test}: {last}"));
    stdout.into_owned()
}

/// The folder of this package.
pub(crate) fn package_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A command without the machine's own AWS and Google settings and proxies.
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
