//! The modules of `terraform/` and the documents of `infra/policies`, tested with Terraform
//! itself, see `tests/terraform/`.

use std::path::PathBuf;
use std::time::Duration;

use crate::python;

/// The limit for all scripts together; they take about five minutes, mostly waiting inside the
/// provider.
const TIME_LIMIT: Duration = Duration::from_secs(900);

/// The folder of the built programs: `target/debug`, next to `target/terraform`.
fn build_dir() -> PathBuf {
    let program = std::env::current_exe().expect("this program's path");
    program.ancestors().nth(2).expect("target/debug").to_owned()
}

/// The variables that `scripts/terraform-for-tests.sh` found. `LANDBRIDGE_SKIP_TERRAFORM=1` skips
/// these tests with a visible line; without it, a missing installation is a failure.
fn terraform_variables() -> Option<Vec<(String, String)>> {
    let file_of_variables = build_dir().parent().expect("target").join("terraform/env");
    if std::env::var("LANDBRIDGE_SKIP_TERRAFORM").is_ok_and(|it| it == "1") {
        python::print_visibly(
            "\n  NOT RUN: the tests of terraform/ and infra/policies, because LANDBRIDGE_SKIP_TERRAFORM=1\n",
        );
        return None;
    }
    let text = std::fs::read_to_string(&file_of_variables).unwrap_or_else(|_| {
        panic!(
            "{} does not exist: run scripts/terraform-for-tests.sh, which lists what to install",
            file_of_variables.display()
        )
    });
    let lines = text.lines().filter_map(|line| line.split_once('='));
    Some(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Runs scripts in one pytest session: later scripts use what earlier ones deployed.
async fn pytest(files: &[&str]) {
    let test = format!("Terraform: {}", files.join(", "));
    let Some(python) = python::installed_python(&test) else { return };
    let Some(variables) = terraform_variables() else { return };
    let programs = build_dir();
    let mut command = python::pytest(&python, "terraform", files);
    command.envs(variables);
    command.env("LANDBRIDGE_CLI", programs.join("landbridge"));
    command.env("LANDBRIDGE_FUNCTIONS", programs);
    python::assert_pytest_passes(&test, command, TIME_LIMIT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_aws_module_is_applied_and_each_role_can_do_its_work_and_no_more() {
    pytest(&["test_aws.py", "test_local_aws.py", "test_operator.py", "test_published.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_google_module_plans_the_expected_resources() {
    pytest(&["test_google.py", "test_google_apply.py", "test_dataform.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_grant_of_the_google_module_is_needed_and_the_local_project_has_the_same() {
    pytest(&["test_grants.py", "test_one_truth.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_examples_and_readmes_agree() {
    pytest(&["test_documents.py", "test_policies.py", "test_many.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deployment_page_leads_to_a_published_day() {
    pytest(&["test_rehearsal.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_keeps_what_holds_data_and_a_release_is_verified() {
    pytest(&["test_upgrade.py", "test_release.py"]).await;
}
