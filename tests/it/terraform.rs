//! The modules of `terraform/` and the documents of `infra/policies`, tested with Terraform
//! itself, see `tests/terraform/`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::python;

/// The limit for all scripts together; they take about three minutes, mostly waiting inside the
/// provider.
const PATIENCE: Duration = Duration::from_secs(900);

/// The folder of the built programs: `target/debug`, next to `target/terraform`.
fn built() -> PathBuf {
    let program = std::env::current_exe().expect("this program's path");
    program.ancestors().nth(2).expect("target/debug").to_owned()
}

/// The variables that `scripts/terraform-for-tests.sh` found. `LANDBRIDGE_SKIP_TERRAFORM=1` skips
/// these tests with a visible line; without it, a missing installation is a failure.
fn tools() -> Option<Vec<(String, String)>> {
    let place = built().parent().expect("target").join("terraform/env");
    if std::env::var("LANDBRIDGE_SKIP_TERRAFORM").is_ok_and(|it| it == "1") {
        python::loudly(
            "\n  NOT RUN: the tests of terraform/ and infra/policies, because LANDBRIDGE_SKIP_TERRAFORM=1\n",
        );
        return None;
    }
    let text = std::fs::read_to_string(&place).unwrap_or_else(|_| {
        panic!(
            "{} does not exist: run scripts/terraform-for-tests.sh, which lists what to install",
            place.display()
        )
    });
    let lines = text.lines().filter_map(|line| line.split_once('='));
    Some(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Runs scripts in one pytest session: later scripts use what earlier ones deployed.
async fn pytest(files: &[&str]) {
    let file = files.join(", ");
    let Some(python) = python::python(&format!("Terraform: {file}")) else { return };
    let Some(variables) = tools() else { return };
    let mut command = python::command(&python);
    command.args(["-m", "pytest", "--color=no"]).args(files);
    command.current_dir(python::package().join("terraform")).envs(variables);
    let functions = built();
    command.env("LANDBRIDGE_FUNCTIONS", &functions);
    command.env("LANDBRIDGE_CLI", functions.join(Path::new("landbridge")));
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("the scripts end before the limit").expect("pytest starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    assert!(
        output.status.success() && last.contains(" passed") && !last.contains("skipped"),
        "{file} failed ({}):\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    python::loudly(&format!("Terraform: {file}: {last}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_aws_module_is_applied_and_each_role_can_do_its_work_and_no_more() {
    pytest(&["test_aws.py", "test_operator.py", "test_published.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_google_module_plans_the_expected_resources() {
    pytest(&["test_google.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_examples_and_readmes_agree() {
    pytest(&["test_documents.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deployment_page_leads_to_a_published_day() {
    pytest(&["test_rehearsal.py"]).await;
}
