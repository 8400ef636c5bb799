//! The analysts' models in `models/` and the queries of docs/analysts.md, tested by the Python
//! programs in `tests/models`.

use std::path::Path;
use std::time::Duration;

use crate::python;

/// They take about 60 s on an idle machine, half of it in dbt.
const TIME_LIMIT: Duration = Duration::from_secs(400);

#[tokio::test]
async fn the_models_run_in_googles_engine_and_copy_no_personal_data() {
    let test = "the models, with dbt and Google's GoogleSQL engine";
    let Some(python) = python::installed_dbt(test) else { return };
    let mut files = vec![
        "test_models.py",
        "test_laundering.py",
        "test_analysts.py",
        "test_machine_learning.py",
        "test_dataform.py",
    ];
    let node = python.with_file_name("../node/stamp");
    if !node.is_file() {
        files.pop();
        python::print_visibly(
            "\n  NOT RUN: the Dataform repository, because npm is missing: run scripts/models-for-tests.sh\n",
        );
    }
    // One session: all files use the same compiled project.
    let mut command = python::pytest(&python, "models", &files);
    let program = std::env::current_exe().expect("this program's path");
    let programs = program.parent().and_then(Path::parent).expect("where Cargo puts programs");
    command.env("LANDBRIDGE_CLI", programs.join("landbridge"));
    python::assert_pytest_passes(test, command, TIME_LIMIT).await;
}
