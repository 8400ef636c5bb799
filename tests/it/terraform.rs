//! What deploys: the modules of `terraform/` and the documents of `infra/policies`, by
//! Terraform itself, see `tests/terraform/`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::python;

/// All scripts together; they take some three minutes, most of it the provider's own waiting.
const PATIENCE: Duration = Duration::from_secs(900);

/// Where this program was built: `target/debug` beside `target/terraform`.
fn built() -> PathBuf {
    let program = std::env::current_exe().expect("this program's path");
    program.ancestors().nth(2).expect("target/debug").to_owned()
}

/// The variables that `scripts/terraform-for-tests.sh` found. `None`, after a loud line, where
/// somebody chose to leave these tests out; that it was forgotten is a failure.
fn tools() -> Option<Vec<(String, String)>> {
    let place = built().parent().expect("target").join("terraform/env");
    if std::env::var("LANDBRIDGE_SKIP_TERRAFORM").is_ok_and(|it| it == "1") {
        python::loudly(
            "\n  NOT RUN: nothing of terraform/ and infra/policies, by LANDBRIDGE_SKIP_TERRAFORM=1\n",
        );
        return None;
    }
    let text = std::fs::read_to_string(&place).unwrap_or_else(|_| {
        panic!(
            "{} is not there: run scripts/terraform-for-tests.sh, which says what to install",
            place.display()
        )
    });
    let lines = text.lines().filter_map(|line| line.split_once('='));
    Some(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Runs scripts in one go: what one has deployed, the next goes on with.
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
    let output = output.expect("the scripts end in time").expect("pytest starts");
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
async fn the_aws_module_is_applied_and_each_role_does_its_work_and_no_more() {
    pytest(&["test_aws.py", "test_operator.py", "test_published.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_google_module_plans_what_it_should() {
    pytest(&["test_google.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_examples_and_readmes_hold_together() {
    pytest(&["test_documents.py"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_on_deploying_is_walked_to_the_first_published_day() {
    pytest(&["test_rehearsal.py"]).await;
}
