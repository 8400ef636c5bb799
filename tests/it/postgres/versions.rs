//! PostgreSQL versions that the machine's packages do not include, from
//! `scripts/postgres-versions-for-tests.sh`: every type is transferred from each.

use std::path::{Path, PathBuf};

use landbridge_local_database::TestPostgres;
use tempfile::TempDir;

use crate::python::print_visibly;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_is_transferred_from_postgresql_14() {
    every_type_is_transferred(14).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_is_transferred_from_postgresql_16() {
    every_type_is_transferred(16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_is_transferred_from_postgresql_17() {
    every_type_is_transferred(17).await;
}

async fn every_type_is_transferred(version: u32) {
    let Some(programs) = installed_postgres(version) else { return };
    let copy = readable_copy(&programs);
    let folder = copy.path().join("native/bin");
    let server = tokio::task::spawn_blocking(move || TestPostgres::start_from(&folder));
    let server = server.await.expect("a start").unwrap_or_else(|error| panic!("{error}"));
    let client = super::create_shop(&server).await;
    let version_text = client.query_one("SHOW server_version", &[]).await.expect("a version");
    let version_text: String = version_text.get(0);
    assert!(version_text.starts_with(&format!("{version}.")), "{version_text}");
    // A copy runs with the machine's own programs, which cannot restore a newer server's dump.
    super::check_every_type(&server, &client, false).await;
}

/// The programs of this version. If they are missing, prints a visible line and returns `None`;
/// with `LANDBRIDGE_REQUIRE_POSTGRES=1`, panics instead.
fn installed_postgres(version: u32) -> Option<PathBuf> {
    // Searches upwards from this program, because the target folder can be anywhere.
    let program = std::env::current_exe().expect("this program's path");
    let mut places =
        program.ancestors().skip(1).map(|up| up.join("postgres").join(version.to_string()));
    // The stamp is written last: without it, the installation is incomplete.
    let found = places.find(|place| place.join("stamp").is_file());
    if found.is_none() {
        print_visibly(&format!(
            "NOT RUN: PostgreSQL {version} is not in target/postgres: run \
             scripts/postgres-versions-for-tests.sh"
        ));
        let required = std::env::var("LANDBRIDGE_REQUIRE_POSTGRES").is_ok_and(|it| it == "1");
        assert!(!required, "LANDBRIDGE_REQUIRE_POSTGRES=1, PostgreSQL {version} is missing");
    }
    found
}

/// A copy that every user can read: if the tests run as root, the server runs as another user,
/// who may not read the target folder.
fn readable_copy(programs: &Path) -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let copy = TempDir::with_prefix("landbridge-postgres-").expect("a temporary directory");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(copy.path(), open).expect("permissions");
    let mut command = std::process::Command::new("cp");
    command.arg("-R").arg(programs.join("native")).arg(copy.path());
    assert!(command.status().expect("cp").success());
    copy
}
