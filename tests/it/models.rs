//! The analysts' models in `models/`, tested by the Python programs in `tests/models`.

use std::time::Duration;

use crate::python;

/// They take 30 s on an idle machine.
const TIME_LIMIT: Duration = Duration::from_secs(300);

#[tokio::test]
async fn the_models_run_in_googles_engine_and_copy_no_personal_data() {
    let test = "the models, with dbt and Google's GoogleSQL engine";
    let Some(python) = python::installed_dbt(test) else { return };
    let command = python::pytest(&python, "models", &["test_models.py"]);
    python::assert_pytest_passes(test, command, TIME_LIMIT).await;
}
