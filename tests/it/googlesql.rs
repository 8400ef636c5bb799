//! The local warehouse's GoogleSQL beside Google's own engine, by the Python program in
//! `tests/googlesql`. `COMPARE_SEEDS` draws more expressions (`make compare-sql`).

use std::time::Duration;

use landbridge_local_google::{GoogleOptions, Grants, LocalGoogle};
use landbridge_local_wire::{CallMonitor, Clock, serve};

use crate::python;

/// One seed takes about 20 s on an idle machine.
const TIME_LIMIT: Duration = Duration::from_secs(300);
const PROJECT: &str = "compared";
const TOKEN: &str = "analyst";

#[tokio::test(flavor = "multi_thread")]
async fn the_local_warehouse_never_differs_from_googles_engine() {
    let test = "the local warehouse's SQL, beside Google's GoogleSQL engine";
    let Some(python) = python::installed_dbt(test) else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let options = GoogleOptions {
        data_dir: dir.path().to_owned(),
        project: PROJECT.to_owned(),
        ..GoogleOptions::default()
    };
    let clock = Clock::new("2026-01-01T16:00:00Z".parse().expect("a time"));
    let google = LocalGoogle::new(options, clock).expect("a project");
    google.add_principal(TOKEN, "analyst@example.com", Grants::owner());
    let server = serve("bigquery", 0, google.bigquery_service(), CallMonitor::default()).await;
    let server = server.expect("a free port");
    let mut command = python::pytest(&python, "googlesql", &["-rP"]);
    command
        .env("BIGQUERY_EMULATOR_HOST", server.url())
        .env("LOCAL_PROJECT", PROJECT)
        .env("LOCAL_TOKEN", TOKEN);
    let seeds: u32 = match std::env::var("COMPARE_SEEDS") {
        Ok(seeds) => seeds.parse().expect("COMPARE_SEEDS is a number"),
        Err(_) => 1,
    };
    command.env("COMPARE_SEEDS", seeds.to_string());
    let output = python::assert_pytest_passes(test, command, TIME_LIMIT * seeds).await;
    // Agree, refuse and differ for each function, if more than the ordinary test is wanted.
    let wanted = |line: &&str| seeds > 1 || line.contains(" expressions: ");
    output.lines().filter(wanted).for_each(python::print_visibly);
}
