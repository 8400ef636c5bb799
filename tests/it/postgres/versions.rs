//! Versions of PostgreSQL that the machine's own packages do not have, from
//! `scripts/postgres-versions-for-tests.sh`: every type crosses from each.

use std::path::{Path, PathBuf};

use landbridge_local_database::TestPostgres;
use tempfile::TempDir;

use crate::python::loudly;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_crosses_from_postgresql_14() {
    every_type_crosses(14).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_crosses_from_postgresql_16() {
    every_type_crosses(16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_crosses_from_postgresql_17() {
    every_type_crosses(17).await;
}

async fn every_type_crosses(version: u32) {
    let Some(programs) = place(version) else { return };
    let copy = copied(&programs);
    let folder = copy.path().join("native/bin");
    let server = tokio::task::spawn_blocking(move || TestPostgres::start_from(&folder));
    let server = server.await.expect("a start").unwrap_or_else(|error| panic!("{error}"));
    let client = super::shop(&server).await;
    let told = client.query_one("SHOW server_version", &[]).await.expect("a version");
    let told: String = told.get(0);
    assert!(told.starts_with(&format!("{version}.")), "{told}");
    super::types_cross(&server, &client).await;
}

/// The programs of this version. `None`, after a loud line, when they are not there; where they
/// must be (`LANDBRIDGE_REQUIRE_POSTGRES=1`), that is a failure.
fn place(version: u32) -> Option<PathBuf> {
    // Upwards from this program, because the target folder can be anywhere.
    let program = std::env::current_exe().expect("this program's path");
    let mut places =
        program.ancestors().skip(1).map(|up| up.join("postgres").join(version.to_string()));
    // The stamp is written last: without it, the folder is half made.
    let found = places.find(|place| place.join("stamp").is_file());
    if found.is_none() {
        loudly(&format!(
            "NOT RUN: PostgreSQL {version} is not in target/postgres; \
             scripts/postgres-versions-for-tests.sh puts it there"
        ));
        let required = std::env::var("LANDBRIDGE_REQUIRE_POSTGRES").is_ok_and(|it| it == "1");
        assert!(!required, "LANDBRIDGE_REQUIRE_POSTGRES=1, and there is no PostgreSQL {version}");
    }
    found
}

/// A copy that every user can read: when root tests, the server runs as somebody else, who may
/// not look into the target folder.
fn copied(programs: &Path) -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let copy = TempDir::with_prefix("landbridge-postgres-").expect("a temporary directory");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(copy.path(), open).expect("permissions");
    let mut command = std::process::Command::new("cp");
    command.arg("-R").arg(programs.join("native")).arg(copy.path());
    assert!(command.status().expect("cp").success());
    copy
}
