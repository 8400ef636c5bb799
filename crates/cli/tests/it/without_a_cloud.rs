//! Commands whose database or cloud is unreachable: they end with an error that leaks no secret.

use std::process::Command;

use crate::{landbridge, repository};

/// A local port without a listener: bound and released.
fn unused_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn a_source_never_shows_its_password() {
    let config = "examples/demo/landbridge.yaml";
    let unreachable = format!("postgres://me:secret@127.0.0.1:{}/shop", unused_port());
    for (source, code) in [
        ("oracle://me:secret@localhost/shop", 2),
        ("postgres://me:secret@localhost:no-port/shop", 2),
        ("mysql://me:secret@localhost:no-port/shop", 2),
        ("mysql://me:secret@localhost", 2),
        (unreachable.as_str(), 1),
    ] {
        let args = ["contract", "propose", "--source", source, "--config", config];
        let run = landbridge(&repository(), &args);
        assert_eq!(run.code, Some(code), "{}", run.err);
        assert_eq!(run.out, "");
        assert!(run.err.starts_with("error: "), "{}", run.err);
        assert!(!run.err.contains("secret"), "{}", run.err);
    }
}

/// A profile of IAM Identity Center has no key: the command cannot read the cache of `aws sso login`, and names the command
/// that can.
#[test]
fn a_profile_with_sso_is_answered_with_a_command_that_works() {
    let dir = tempfile::tempdir().expect("a folder");
    let profiles = dir.path().join("config");
    let text = "[profile work]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n\
        sso_account_id = 111122223333\nsso_role_name = Operator\nregion = us-east-1\n";
    std::fs::write(&profiles, text).expect("the profile");
    let mut command = Command::new(env!("CARGO_BIN_EXE_landbridge"));
    command.args(["days", "--config", "examples/demo/landbridge.yaml"]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    let output = command
        .current_dir(repository())
        .env("AWS_CONFIG_FILE", &profiles)
        .env("AWS_SHARED_CREDENTIALS_FILE", dir.path().join("none"))
        .env("AWS_PROFILE", "work")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("the command starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    let command = "eval \"$(aws configure export-credentials --format env)\"";
    assert!(error.contains(command), "{error}");
}
