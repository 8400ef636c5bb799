//! `landbridge doctor` against moto's IAM, KMS and EventBridge Scheduler, see `tests/moto/`.

use std::time::Duration;

use super::server::Moto;
use crate::python;

/// The limit for all cases together; they take less than a minute.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_reads_roles_keys_and_schedules() {
    let test = "the doctor and moto";
    let Some(moto) = Moto::start(test).await else { return };
    let Some(python) = python::python(test) else { return };
    let program = std::env::current_exe().expect("this program's path");
    let programs = program.ancestors().nth(2).expect("where Cargo puts programs");
    let mut command = python::command(&python);
    command.args(["-m", "pytest", "--color=no", "test_doctor.py"]);
    command.current_dir(python::package().join("moto"));
    command.env("LANDBRIDGE_MOTO", moto.url());
    command.env("LANDBRIDGE_CLI", programs.join("landbridge"));
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("the cases end in time").expect("pytest starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    assert!(
        output.status.success() && last.contains(" passed") && !last.contains("skipped"),
        "failed ({}):\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    python::loudly(&format!("{test}: {last}"));
}
