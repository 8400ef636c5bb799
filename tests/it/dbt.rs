//! `dbt build` on the local cloud, against the business and the GA4 export that `landbridge local up` makes:
//! the tests are tests/models/test_local_cloud.py.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use crate::command::programs;
use crate::python;

/// A day of the small sample takes some 15 s in a debug build on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(240);
/// dbt starts seven times: some 40 s on an idle machine.
const TIME_LIMIT: Duration = Duration::from_secs(600);

/// `landbridge-local local up` as a process. It is killed on drop.
struct LocalUp {
    _process: Child,
    variables: BTreeMap<String, String>,
}

impl LocalUp {
    /// Starts it with one day of a small sample, and waits until clients can connect.
    async fn start(data_dir: &Path) -> LocalUp {
        let mut process = Command::new(programs().join("landbridge-local"))
            .args(["local", "up", "--scale", "0.02", "--data-dir"])
            .arg(data_dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("landbridge-local starts: cargo build --workspace --bins");
        let started = Instant::now();
        let file = data_dir.join("local.env");
        // local.json is written after local.env.
        while !data_dir.join("local.json").is_file() {
            let ended = process.try_wait().expect("a process");
            assert!(ended.is_none(), "`local up` ended: {ended:?}");
            assert!(started.elapsed() < START_LIMIT, "`local up` does not start");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let text = std::fs::read_to_string(file).expect("local.env");
        LocalUp { _process: process, variables: variables(&text) }
    }
}

/// The variables of `export NAME='value'` lines.
fn variables(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect()
}

#[tokio::test]
async fn dbt_builds_the_models_on_the_local_cloud_with_the_numbers_of_its_ga4_export() {
    let test = "the models, with dbt on the local cloud";
    let Some(python) = python::installed_dbt(test) else { return };
    let dir = tempfile::TempDir::new().expect("a directory");
    let cloud = LocalUp::start(dir.path()).await;
    let mut command = python::pytest(&python, "models", &["test_local_cloud.py"]);
    for name in ["BIGQUERY_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"] {
        command.env(name, &cloud.variables[name]);
    }
    command.env("LANDBRIDGE_CLI", programs().join("landbridge"));
    command.env("LANDBRIDGE_DATA_DIR", dir.path());
    python::assert_pytest_passes(test, command, TIME_LIMIT).await;
}
