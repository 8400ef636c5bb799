//! Commands that need a running local cloud or the function programs, when these are missing.

use std::path::Path;

use expect_test::expect;

use crate::landbridge;

/// A port on which no server listens: it was bound and released.
fn unused_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn empty() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

#[test]
fn a_query_without_a_local_cloud() {
    let dir = empty();
    let run = landbridge(dir.path(), &["query", "--as", "analyst", "SELECT 1"]);
    expect![[r#"
        exit code 1
        err | error: .landbridge/local.json does not exist; start a local cloud in another terminal, in this directory, with `landbridge local up`
    "#]].assert_eq(&run.all());
}

#[test]
fn a_query_after_the_local_cloud_stopped() {
    let dir = empty();
    let warehouse = serde_json::json!({
        "endpoint": format!("http://127.0.0.1:{}/bigquery/v2", unused_port()),
        "project": "shop-analytics", "dataset": "shop", "location": "asia-northeast3",
    });
    let cloud = serde_json::json!({"pid": 1, "warehouse": warehouse}).to_string();
    std::fs::write(dir.path().join("local.json"), cloud).expect("the directory can be written");
    let run = landbridge(dir.path(), &["query", "--as", "analyst", "--data-dir", ".", "SELECT 1"]);
    expect![[r#"
        exit code 1
        err | error: the warehouse does not respond (no connection); check that `landbridge local up` is still running
    "#]].assert_eq(&run.all());
}

#[test]
fn a_demo_without_function_programs_fails_with_the_build_command() {
    // A copy of the program in a directory without function programs.
    let dir = empty();
    let program = dir.path().join("landbridge-local");
    std::fs::copy(env!("CARGO_BIN_EXE_landbridge-local"), &program).expect("the program is copied");
    let output = std::process::Command::new(&program)
        .arg("demo")
        .current_dir(dir.path())
        .output()
        .expect("the command starts");
    let message =
        String::from_utf8_lossy(&output.stderr).replace(&*dir.path().to_string_lossy(), "DIR");
    assert_eq!(output.status.code(), Some(1));
    expect![[r#"
        error: missing in DIR: landbridge-snapshot, landbridge-export, landbridge-transfer, landbridge-load, landbridge-protect, landbridge-views, landbridge-notify; build with `cargo build -p landbridge-snapshot -p landbridge-export -p landbridge-transfer -p landbridge-load -p landbridge-protect -p landbridge-views -p landbridge-notify`
    "#]].assert_eq(&message);
    assert!(!dir.path().join(Path::new(".landbridge")).exists());
}
