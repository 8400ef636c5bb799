//! `landbridge console` on the local cloud, in a browser that others wrote, driven by Playwright and checked by axe-core
//! (`tests/console/`).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::command::{command, landbridge};
use crate::incidents::with_a_held_table;
use crate::python;
use crate::support::{TestEnv, TestEnvBuilder};

/// The limit for all scripts; they take about a minute.
const TIME_LIMIT: Duration = Duration::from_secs(300);
/// A value of the small database, which only the PII reader may see.
const PLAIN: &str = "ada@example.org";

/// A running console. It is killed with the test.
struct Console {
    address: String,
    _child: Child,
}

impl Console {
    async fn start(env: &TestEnv) -> Self {
        let data_dir = env.dir.path().join("data");
        std::fs::create_dir_all(&data_dir).expect("a directory");
        let variables = env.operator_variables();
        let warehouse = &env.cloud.config().warehouse;
        let cloud = json!({ "pid": std::process::id(), "warehouse": {
            "endpoint": variables["LANDBRIDGE_BIGQUERY_ENDPOINT"], "project": warehouse.project,
            "dataset": warehouse.dataset, "location": warehouse.location
        } });
        std::fs::write(data_dir.join("local.json"), cloud.to_string()).expect("a file");
        let mut child = Command::from(command(&variables))
            .args(["console", "--port", "0", "--refresh", "1", "--output", "json", "--data-dir"])
            .arg(&data_dir)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the command starts");
        let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
        let mut text = String::new();
        while !text.ends_with('}') {
            let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
            text += &line.expect("the console starts").expect("text").expect("an address");
        }
        let value: Value = serde_json::from_str(&text).expect("JSON");
        Self { address: value["address"].as_str().expect("an address").to_owned(), _child: child }
    }

    /// pytest with these options.
    fn pytest(&self, python: &Path, options: &[&str]) -> Command {
        let mut command = python::pytest(python, "console", &["test_console.py"]);
        command
            .args(options)
            .env("CONSOLE_ADDRESS", &self.address)
            .env("CONSOLE_QUERY", "SELECT id, email, name FROM people ORDER BY id")
            .env("CONSOLE_PLAIN", PLAIN);
        command
    }
}

/// The Python of the tests, if Chromium is installed as well.
fn installed(test: &str) -> Option<std::path::PathBuf> {
    let python = python::installed_python(test)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has = |name: &str| std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    if ["chromium", "chromium-browser", "google-chrome"].into_iter().any(has) {
        return Some(python);
    }
    let line = "=".repeat(80);
    python::print_visibly(&format!(
        "\n{line}\n  NOT RUN: {test}\n  Chromium is not installed: run scripts/chromium-for-tests.sh\n{line}\n"
    ));
    let required = std::env::var("LANDBRIDGE_REQUIRE_CHROMIUM").is_ok_and(|it| it == "1");
    assert!(!required, "LANDBRIDGE_REQUIRE_CHROMIUM=1, and Chromium for {test} is missing");
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_walks_every_page_in_light_and_dark_narrow_and_korean() {
    let Some(python) = installed("the console in a browser") else { return };
    let env = TestEnvBuilder::small().build().await;
    env.run_day(0).await;
    let console = Console::start(&env).await;
    let command = console.pytest(&python, &["-k", "not watched and not held"]);
    python::assert_pytest_passes("the console in a browser", command, TIME_LIMIT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_table_is_found_in_a_browser_with_its_cause_and_its_command() {
    let Some(python) = installed("an incident in a browser") else { return };
    let bot = "alerts:\n  slack: { token: landbridge/shop/slack-token, channel: C0123456789 }\n";
    let (env, _receiver) = with_a_held_table(bot).await;
    assert!(env.tick("notify", "2026-11-21T17:17:00Z").await.is_response());
    let console = Console::start(&env).await;
    let mut command = console.pytest(&python, &["-k", "held"]);
    command.env("CONSOLE_INCIDENT", "2").env("CONSOLE_HELD", "public.orders_01");
    python::assert_pytest_passes("an incident in a browser", command, TIME_LIMIT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_day_is_watched_without_loading_the_page_again() {
    let Some(python) = installed("a day watched in a browser") else { return };
    let env = TestEnvBuilder::small().build().await;
    env.run_until("2026-11-20T15:50:00Z").await;
    let console = Console::start(&env).await;
    let mut command = console.pytest(&python, &["-k", "watched", "-s"]);
    command.env("CONSOLE_LIVE", "1").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("pytest starts");
    let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    let mut output = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        output += &format!("{line}\n");
        if line.contains("watching") {
            break;
        }
    }
    for (function, time) in [
        ("snapshot", "16:00"),
        ("export", "16:10"),
        ("export", "16:40"),
        ("transfer", "17:01"),
        ("load", "17:06"),
        ("load", "17:11"),
    ] {
        let outcome = env.tick(function, &format!("2026-11-20T{time}:00Z")).await;
        assert!(outcome.is_response(), "{function}: {outcome:?}");
        // Longer than the console's pause between two readings.
        tokio::time::sleep(Duration::from_millis(2500)).await;
    }
    while let Ok(Some(line)) = lines.next_line().await {
        output += &format!("{line}\n");
    }
    let status =
        tokio::time::timeout(TIME_LIMIT, child.wait()).await.expect("it ends").expect("a status");
    assert!(status.success() && output.contains("1 passed"), "{output}");
}

/// The files of a bucket: written by the command, with no value of a cell and no secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_contain_no_cell_and_no_secret() {
    let env = TestEnvBuilder::small().build().await;
    env.run_day(0).await;
    let out = env.dir.path().join("out");
    let variables = env.operator_variables();
    let output = landbridge(&variables, &["console", "--static", &out.display().to_string()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let mut all = BTreeMap::new();
    let mut folders = vec![out.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    _ = all.insert(path.clone(), std::fs::read_to_string(&path).expect("text"))
                }
            }
        }
    }
    let text: String = all.values().map(String::as_str).collect();
    env.assert_no_cell_logged(&text);
    for (name, value) in &variables {
        let is_secret = ["SECRET", "TOKEN", "KEY"].iter().any(|it| name.contains(it));
        assert!(
            !is_secret || value.len() < 8 || !text.contains(value.as_str()),
            "{name} is in a page"
        );
    }
    let page = &all[&out.join("ko/tables/public.people.html")];
    assert!(page.contains("email") && page.contains("누가 무엇을 보는가"), "{page}");
}
