//! The contract outside of the pipeline: in pull requests of the application, and in other formats.

use std::time::Duration;

use crate::command::programs;
use crate::python;

const TIME_LIMIT: Duration = Duration::from_secs(120);

async fn passes(test: &str, file: &str) {
    let Some(python) = python::installed_dbt(test) else { return };
    let mut command = python::pytest(&python, "contracts", &[file]);
    command.env("LANDBRIDGE_CLI", programs().join("landbridge"));
    python::assert_pytest_passes(test, command, TIME_LIMIT).await;
}

#[tokio::test]
async fn the_open_data_contract_standard_says_the_same_as_the_contract() {
    passes("the Open Data Contract Standard", "test_odcs.py").await;
}

#[tokio::test]
async fn a_diff_says_who_will_see_what() {
    passes("contract diff", "test_diff.py").await;
}

#[tokio::test]
async fn the_action_annotates_a_pull_request_in_a_repository_of_an_application() {
    passes("the GitHub Action of contract check", "test_action.py").await;
}
