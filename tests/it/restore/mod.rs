//! The commands of the on-call engineer, run as programs against the local cloud.
//!
//! | module | contents |
//! |---|---|
//! | here | a local cloud, the command, and time that passes while the command waits |
//! | `settings` | every setting is restored, and an omitted one is detected |
//! | `rows` | a restored database is a real one, equal row by row |
//! | `faults` | refusals and interruptions: a clear message, the command can continue, the source is unchanged |
//! | `swap` | exchanging names, and undoing it |
//! | `terminal` | what the command asks in a terminal, and what is checked after the answer |
//! | `clusters` | Aurora and Multi-AZ clusters: members, settings, the writer, swaps |
//! | `copies` | what `status` says of restored databases; two operators; isolated copies |
//! | `drill` | receipts, drills, status, pins |
//! | `mariadb` | rows and drills of MariaDB |
//! | `runbook` | every command of the runbook |

mod clusters;
mod copies;
mod drill;
mod faults;
mod mariadb;
mod rows;
mod runbook;
mod settings;
mod swap;
pub(crate) mod terminal;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jiff::SignedDuration;
use landbridge_core::config::SourceKind;
use landbridge_local_aws::{DatabaseKind, DatabaseSettings};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::sdk::Account;
use crate::support::{TestEnv, TestEnvBuilder, at};

/// The instance of the example configuration.
const SOURCE: &str = "shop-prod";
/// Midday in Seoul, when the tests of this module begin.
const NOON: &str = "2026-11-21T03:00:00Z";
/// Virtual time that passes while a command waits: this much, this often.
const STEP: SignedDuration = SignedDuration::from_mins(2);
const EVERY: Duration = Duration::from_millis(100);

/// The result of a command.
struct CommandOutput {
    code: i32,
    out: String,
    err: String,
}

impl CommandOutput {
    /// Its output, which must be JSON, after a success.
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// Asserts a failure with one message that contains each of `parts`.
    fn assert_fails(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        let last = self.err.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: "), "{}", self.err);
        for part in parts {
            assert!(last.contains(part), "`{part}` is not in: {last}");
        }
    }
}

/// The command with the environment of the local cloud, as a person starts it.
fn command(env: &TestEnv, args: &[&str]) -> Command {
    let mut command = Command::from(crate::command::command(&env.cloud.client_env()));
    command.args(args);
    command.env("LANDBRIDGE_CONFIG", config(env));
    command.env("LANDBRIDGE_CLOCK", format!("{} {} 1", env.cloud.clock().now(), now()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn now() -> String {
    jiff::Timestamp::try_from(std::time::SystemTime::now()).expect("a time").to_string()
}

fn config(env: &TestEnv) -> PathBuf {
    env.dir.path().join("landbridge.yaml")
}

/// Restores the snapshot of a day's receipts, and returns where the database answers.
pub(crate) async fn restored(env: &TestEnv, day: &str) -> Value {
    let restore = ["restore", "--from-receipt", day, "--as", "shop-restored"];
    let output = run(env, &[&restore[..], &["--yes", "--output", "json"]].concat()).await.json();
    output["outcome"].clone()
}

/// Runs the command to its end while virtual time passes.
async fn run(env: &TestEnv, args: &[&str]) -> CommandOutput {
    finish_command(env, command(env, args)).await
}

async fn finish_command(env: &TestEnv, mut command: Command) -> CommandOutput {
    let child = command.spawn().expect("the command; `cargo build --workspace` makes it");
    let output = while_time_passes(env, child.wait_with_output()).await.expect("an end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    CommandOutput {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Moves the virtual clock until a future completes.
async fn while_time_passes<T>(env: &TestEnv, what: impl Future<Output = T>) -> T {
    let clock = env.cloud.clock().clone();
    let passing = tokio::spawn(async move {
        loop {
            tokio::time::sleep(EVERY).await;
            clock.advance_to(clock.now() + STEP);
        }
    });
    let outcome = tokio::time::timeout(Duration::from_secs(180), what).await;
    passing.abort();
    outcome.expect("it ends within three minutes")
}

/// Starts the command and sends it a signal when `seen` returns true.
async fn signal_when(env: &TestEnv, args: &[&str], signal: &str, seen: impl Fn() -> bool) -> Child {
    let mut child: Child = command(env, args).spawn().expect("the command");
    let pid = child.id().expect("a process").to_string();
    let begun = std::time::Instant::now();
    while !seen() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{args:?} does not come that far");
        assert!(child.try_wait().expect("a process").is_none(), "{args:?} ended early");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let killed = Command::new("kill").args([signal, &pid]).status().await.expect("kill");
    assert!(killed.success());
    child
}

/// Starts a drill without rows, and kills it when its database exists, as a machine does that fails: the database stays.
async fn kill_drill(env: &TestEnv) {
    let aws = env.cloud.aws();
    let exists = || aws.describe_database(DatabaseKind::Instance, "shop-prod-drill").is_some();
    let drill = ["drill", "--without-rows", "--yes"];
    let mut child = signal_when(env, &drill, "-KILL", exists).await;
    child.wait().await.expect("an end");
    assert!(exists());
}

/// Starts the command and interrupts it, as Ctrl-C does, when `seen` returns true. Returns what it wrote
/// to standard error.
async fn interrupt_when(env: &TestEnv, args: &[&str], seen: impl Fn() -> bool) -> String {
    let child = signal_when(env, args, "-INT", seen).await;
    let output = child.wait_with_output().await.expect("an end");
    assert_eq!(output.status.code(), Some(130), "an interruption has its own exit code");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A local cloud at noon, with one snapshot of ours.
async fn start_env() -> TestEnv {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    let env = builder.build().await;
    snapshot(&env, NOON).await;
    env
}

/// Runs the snapshot function for an hour and waits until the snapshot is `available`.
async fn snapshot(env: &TestEnv, time: &str) -> String {
    let outcome = env.tick("snapshot", time).await;
    assert!(outcome.is_response(), "{outcome:?}");
    let clock = env.cloud.clock();
    clock.advance_to(clock.now() + SignedDuration::from_mins(10));
    let hour = at(time).strftime("%Y%m%dt%H%Mz").to_string();
    format!("landbridge-shop-{hour}")
}

/// A client of the local RDS without retries.
fn sdk(env: &TestEnv) -> aws_sdk_rds::Client {
    let variables = env.cloud.client_env();
    let (rds, s3) = (&variables["AWS_ENDPOINT_URL_RDS"], &variables["AWS_ENDPOINT_URL_S3"]);
    let (key, secret) = (&variables["AWS_ACCESS_KEY_ID"], &variables["AWS_SECRET_ACCESS_KEY"]);
    Account { rds, s3, secrets: s3, sqs: s3, key, secret }.rds()
}

/// Our client of the local RDS.
fn rds_client(env: &TestEnv, kind: SourceKind) -> landbridge_aws::Rds {
    landbridge_aws::Rds::new(sdk(env), kind)
}

fn settings_of(env: &TestEnv, kind: DatabaseKind, id: &str) -> DatabaseSettings {
    let (settings, status) = env.cloud.aws().describe_database(kind, id).expect(id);
    assert_eq!(status, "available", "{id}");
    settings
}

/// The settings, status and tags of the source: no fault may change any of them.
fn source_state(env: &TestEnv) -> (DatabaseSettings, String, BTreeMap<String, String>) {
    let aws = env.cloud.aws();
    let (settings, status) = aws.describe_database(DatabaseKind::Instance, SOURCE).expect(SOURCE);
    (settings, status, aws.database_tags(DatabaseKind::Instance, SOURCE).expect(SOURCE))
}
