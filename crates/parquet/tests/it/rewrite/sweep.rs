//! A sample of `make sweep-parquet`: files of pyarrow and DuckDB, rewritten by six plans each, read the
//! same for both as before.

use std::process::Command;

use super::readers::{python, script};

#[test]
fn files_of_pyarrow_and_duckdb_read_the_same_after_six_plans() {
    let Some(python) = python() else { return };
    // Cargo builds the examples with the tests.
    let test = std::env::current_exe().expect("this program's path");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("the build directory");
    let output = Command::new(python)
        .arg(script("sweep.py"))
        .arg("--sample")
        .arg(folder.join("examples/by_plan"))
        .output()
        .expect("Python runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    let all = stdout.lines().find(|line| line.starts_with("all ")).expect("the totals");
    let counts: Vec<_> = all.split_whitespace().collect();
    assert_eq!(counts, ["all", "9", "54", "54"], "files, plans, agreed");
}
