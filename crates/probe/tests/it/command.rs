//! The program `landbridge`, against a local cloud in this process.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use landbridge_probe::google;
use serde_json::Value;

use crate::cloud::{BUCKET, Cloud, LOCATION, MASKED, PLAIN, PROJECT};

/// The program with the options of a cloud, without the machine's own environment.
fn landbridge(cloud: &Cloud, args: &[&str]) -> Command {
    let mut command = program(args);
    command.args(["--project", PROJECT, "--location", LOCATION, "--bucket", BUCKET]);
    command.envs(cloud.variables());
    command
}

/// The program, with an empty environment.
pub(crate) fn program(args: &[&str]) -> Command {
    let program = std::env::current_exe().expect("this program's path");
    let programs = program.parent().and_then(Path::parent).expect("where Cargo puts programs");
    let mut command = Command::new(programs.join("landbridge"));
    command.args(args).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) async fn output(mut command: Command) -> Output {
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.expect("the thread runs").expect("the command starts; build the programs first")
}

pub(crate) fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

const PERSONAS: [&str; 4] = ["--masked-reader", MASKED, "--plain-reader", PLAIN];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_plans_asks_probes_and_names_the_claim_that_does_not_hold() {
    let cloud = Cloud::start().await;
    let plan = output(landbridge(&cloud, &["probe", "google", "--plan"])).await;
    assert!(plan.status.success(), "{}", text(&plan));
    let claims = google::claims().len();
    let head = format!("landbridge probe google: {claims} claims");
    assert!(text(&plan).contains(&head), "{}", text(&plan));
    let asks = output(landbridge(&cloud, &["probe", "google"])).await;
    assert_eq!(asks.status.code(), Some(2), "{}", text(&asks));
    assert!(text(&asks).contains("add --yes"), "{}", text(&asks));
    assert!(cloud.is_clean().await, "nothing is created before the answer");

    let options = ["probe", "google", "--yes", "--patience", "0", "--output", "json"];
    let federation = cloud.federation_args();
    let federation: Vec<&str> = federation.iter().map(String::as_str).collect();
    let good = output(landbridge(&cloud, &[&options[..], &PERSONAS, &federation].concat())).await;
    assert_eq!(good.status.code(), Some(0), "{}", text(&good));
    let report: Value = serde_json::from_slice(&good.stdout).expect("JSON");
    assert_eq!((&report["holds"], &report["does_not_hold"]), (&claims.into(), &0.into()));

    assert!(cloud.google.turn(Some("load-zero-rows")));
    let options = ["probe", "google", "--yes", "--patience", "0"];
    let bad = output(landbridge(&cloud, &options)).await;
    assert_eq!(bad.status.code(), Some(1), "{}", text(&bad));
    assert!(text(&bad).contains("1 claim does not hold: load-zero-rows"), "{}", text(&bad));
    assert!(text(&bad).contains("needs --masked-reader"), "{}", text(&bad));
    let report = String::from_utf8_lossy(&bad.stdout).into_owned();
    for name in [PROJECT, BUCKET, LOCATION, "landbridge_probe_"] {
        assert!(!report.contains(name), "{name}: {report}");
    }
    assert!(text(&bad).contains("needs --federation"), "{}", text(&bad));
    assert!(cloud.is_clean().await);

    // A file in another form: its content is not shown.
    let swapped = ["--federation", federation[1], "--admitted", federation[1]];
    let wrong = output(landbridge(&cloud, &[&options[..], &swapped].concat())).await;
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong));
    assert!(text(&wrong).contains("aws configure export-credentials"), "{}", text(&wrong));
    let swapped = ["--federation", federation[3]];
    let wrong = output(landbridge(&cloud, &[&options[..], &swapped].concat())).await;
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong));
    assert!(!text(&wrong).contains("secret/of"), "{}", text(&wrong));
}

/// Starts the command and waits until it has created something.
async fn started(cloud: &Cloud) -> std::process::Child {
    let options = ["probe", "google", "--yes", "--patience", "0"];
    let child = landbridge(cloud, &[&options[..], &PERSONAS].concat()).spawn();
    let mut child = child.expect("the command starts");
    while cloud.monitor.count() < 60 {
        assert!(child.try_wait().expect("a state").is_none(), "the command ended");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child
}

fn signal(child: &std::process::Child, signal: &str) {
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(killed.expect("kill starts").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_command_leaves_nothing_and_a_killed_one_what_clean_finds() {
    let cloud = Cloud::start().await;
    cloud.monitor.clear_fault();
    let child = started(&cloud).await;
    signal(&child, "-INT");
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output()).await;
    let ended = ended.expect("the thread runs").expect("the command ends");
    assert_eq!(ended.status.code(), Some(130), "{}", text(&ended));
    assert!(text(&ended).contains("the run was interrupted"), "{}", text(&ended));
    assert!(cloud.is_clean().await);

    cloud.monitor.clear_fault();
    let mut child = started(&cloud).await;
    signal(&child, "-KILL");
    child.wait().expect("the command ends");
    assert!(!cloud.is_clean().await, "a killed command cleans nothing");
    let refused = output(landbridge(&cloud, &["probe", "clean"])).await;
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(!cloud.is_clean().await, "nothing is deleted before the answer");
    let cleaned = output(landbridge(&cloud, &["probe", "clean", "--yes"])).await;
    assert!(cleaned.status.success(), "{}", text(&cleaned));
    assert!(cloud.is_clean().await);
    let again = output(landbridge(&cloud, &["probe", "clean", "--yes"])).await;
    assert!(text(&again).contains("nothing to delete"), "{}", text(&again));
    assert!(cloud.has_dataset("shop").await, "other datasets stay");
}
