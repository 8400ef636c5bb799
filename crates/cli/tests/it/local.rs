//! `landbridge demo`, `local` and `query` start `landbridge-local`.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use expect_test::expect;

/// Runs a copy of the command in a directory of its own, with an empty PATH. `local` is a shell
/// script that replaces `landbridge-local`; `None` means that the program does not exist.
fn run(local: Option<&str>, args: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let program = dir.path().join("landbridge");
    std::fs::copy(env!("CARGO_BIN_EXE_landbridge"), &program).expect("the program is copied");
    if let Some(script) = local {
        let path = dir.path().join("landbridge-local");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("the script is written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("the script becomes executable");
    }
    let output =
        Command::new(&program).args(args).env("PATH", "").output().expect("the command starts");
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes).replace(&*dir.path().to_string_lossy(), "DIR")
    };
    let code = output.status.code().map_or("none".to_owned(), |code| code.to_string());
    format!("exit code {code}\n{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_local_program_gets_all_arguments_and_its_exit_code_is_returned() {
    let script = "printf '<%s>' \"$@\"; echo; exit 3";
    let cases: [&[&str]; 4] = [
        &["query", "--as", "analyst", "SELECT 1"],
        &["local", "up", "--", "--speed", "2"],
        &["demo", "--help"],
        &["local"],
    ];
    let all: String = cases.iter().map(|args| run(Some(script), args)).collect();
    expect![[r#"
        exit code 3
        <query><--as><analyst><SELECT 1>
        exit code 3
        <local><up><--><--speed><2>
        exit code 3
        <demo><--help>
        exit code 3
        <local>
    "#]]
    .assert_eq(&all);
}

#[test]
fn a_missing_local_program_fails_with_the_build_command() {
    expect![[r#"
        exit code 1
        error: DIR/landbridge-local does not exist, and landbridge-local is not on the PATH; build it with `cargo build -p landbridge-local-cli`
    "#]]
    .assert_eq(&run(None, &["demo"]));
}
