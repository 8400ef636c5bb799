//! `landbridge doctor` against moto's IAM, KMS and EventBridge Scheduler, see `tests/moto/`.

use std::time::Duration;

use super::server::Moto;
use crate::python;

/// The limit for all cases together; they take less than a minute.
const TIME_LIMIT: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_reads_roles_keys_and_schedules() {
    let test = "the doctor and moto";
    let Some(moto) = Moto::start(test).await else { return };
    let Some(python) = python::installed_python(test) else { return };
    let program = std::env::current_exe().expect("this program's path");
    let programs = program.ancestors().nth(2).expect("where Cargo puts programs");
    let mut command = python::pytest(&python, "moto", &["test_doctor.py"]);
    command.env("LANDBRIDGE_MOTO", moto.url());
    command.env("LANDBRIDGE_CLI", programs.join("landbridge"));
    python::assert_pytest_passes(test, command, TIME_LIMIT).await;
}
