//! Commands that need a running local cloud, or the functions, when there is none.

use std::path::Path;

use expect_test::expect;

use crate::landbridge;

/// A port on which nothing listens: bound and released.
fn deaf_port() -> u16 {
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
        err | error: there is no .landbridge/local.json; start a local cloud in another terminal, from this directory, with `landbridge local up`
    "#]].assert_eq(&run.all());
}

#[test]
fn a_query_when_the_local_cloud_is_gone() {
    let dir = empty();
    let warehouse = serde_json::json!({
        "endpoint": format!("http://127.0.0.1:{}/bigquery/v2", deaf_port()),
        "project": "shop-analytics", "dataset": "shop", "location": "asia-northeast3",
    });
    let state = serde_json::json!({"pid": 1, "warehouse": warehouse}).to_string();
    std::fs::write(dir.path().join("local.json"), state).expect("the directory can be written");
    let run = landbridge(dir.path(), &["query", "--as", "analyst", "--data-dir", ".", "SELECT 1"]);
    expect![[r#"
        exit code 1
        err | error: the warehouse does not answer (no connection); see that `landbridge local up` still runs
    "#]].assert_eq(&run.all());
}

#[test]
fn a_demo_without_the_functions_says_how_to_build_them() {
    // A copy of the program in a directory where no functions are.
    let dir = empty();
    let program = dir.path().join("landbridge-local");
    std::fs::copy(env!("CARGO_BIN_EXE_landbridge-local"), &program).expect("the program is copied");
    let output = std::process::Command::new(&program)
        .arg("demo")
        .current_dir(dir.path())
        .output()
        .expect("the command starts");
    let told =
        String::from_utf8_lossy(&output.stderr).replace(&*dir.path().to_string_lossy(), "DIR");
    assert_eq!(output.status.code(), Some(1));
    expect![[r#"
        error: landbridge-snapshot, landbridge-export, landbridge-transfer, landbridge-load not in DIR; build what is missing with `cargo build -p landbridge-snapshot -p landbridge-export -p landbridge-transfer -p landbridge-load`
    "#]].assert_eq(&told);
    assert!(!dir.path().join(Path::new(".landbridge")).exists());
}
