//! The simulation of large days (`make simulate`), on small samples.

use std::path::Path;

use futures::FutureExt;
use landbridge_core::config::UnchangedTables;
use landbridge_tests::simulate::report::{Outcome, Scenario, json, outcome};
use landbridge_tests::simulate::world::{Settings, Shape};
use landbridge_tests::simulate::{clock, model};
use serde_json::Value;

/// What the line with the result of the process with the virtual clock begins with.
const RESULT: &str = "simulated: ";
const MIB: f64 = 1024.0 * 1024.0;
const GIB: f64 = 1024.0 * MIB;

fn scenario(name: &str, shape: Shape, gib: f64, settings: Settings) -> Scenario {
    let Shape { tables, files, .. } = shape;
    Scenario { name: name.to_owned(), shape, tables, files, gib, settings, limit_minutes: 60 }
}

const CARRY: Settings = Settings { concurrency: 4, ..Settings::DEFAULT };
const SKIP: Settings = Settings {
    unchanged: UnchangedTables::Skip,
    recompress: true,
    workers: Some(3),
    full_every: 30,
    ..CARRY
};
const SHAPE: Shape = Shape { tables: 12, files: 24, changed: 2, changed_files: 4 };
/// Files of which a tick transfers many.
const MANY: Shape = Shape { files: 120, changed_files: 20, ..SHAPE };
const DOUBLE: Shape = Shape { tables: 24, files: 48, changed: 4, changed_files: 8 };

/// Runs a test again in a process with the virtual clock, and returns the JSON that it printed; in that process,
/// simulates and prints.
fn simulated(test: &str, scenarios: &[Scenario]) -> Option<Value> {
    if clock::is_virtual() {
        let runtime = clock::runtime().expect("a runtime");
        let outcomes: Vec<Outcome> = scenarios
            .iter()
            .map(|it| runtime.block_on(outcome(it).boxed_local()).expect("prices"))
            .collect();
        let text = json(&outcomes).expect("JSON").replace('\n', " ");
        println!("\n{RESULT}{text}");
        return None;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("simulate").join(test);
    let mut command = clock::command(&directory).expect("a virtual clock");
    let name = format!("simulate::{test}");
    let output = command
        .args([&name, "--exact", "--nocapture", "--test-threads=1"])
        // All functions of a day are futures of one thread.
        .env("RUST_MIN_STACK", (64 << 20).to_string())
        .output()
        .expect("a process");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let line = stdout.lines().find_map(|line| line.strip_prefix(RESULT));
    let line = line.unwrap_or_else(|| panic!("no result: {stdout}\n{stderr}"));
    Some(serde_json::from_str::<Value>(line).expect("JSON")["outcomes"].clone())
}

fn number(of: &Value) -> f64 {
    of.as_f64().unwrap_or_else(|| panic!("{of} is no number"))
}

fn calls(run: &Value) -> f64 {
    let functions = run["traffic"]["calls"].as_object().expect("functions");
    let operations = functions.values().flat_map(|it| it.as_object().expect("calls").values());
    operations.map(|it| number(&it["made"])).sum()
}

#[test]
fn a_day_takes_as_long_as_its_bytes_and_calls_say_and_no_tick_longer_than_a_function_may() {
    let test =
        "a_day_takes_as_long_as_its_bytes_and_calls_say_and_no_tick_longer_than_a_function_may";
    let gib = 30.0;
    let started = std::time::Instant::now();
    let Some(outcomes) = simulated(test, &[scenario("all", MANY, gib, CARRY)]) else { return };
    let run = &outcomes[0]["run"];
    // 30 GiB take 614 seconds of one function: three ticks, and the load after them.
    let needed = gib * 1024.0 / model::RATE.value;
    let seconds = number(&run["functions"]["transfer"]["seconds"]);
    assert!((needed..needed * 1.5).contains(&seconds), "{needed} {seconds}");
    let published = number(&run["published"]);
    assert!((15.0..30.0).contains(&published), "{published}");
    // The virtual minutes are no real ones.
    assert!(started.elapsed().as_secs_f64() < published * 60.0 / 5.0, "{:?}", started.elapsed());
    for tick in run["ticks"].as_array().expect("ticks") {
        assert!(number(&tick["seconds"]) <= model::TIMEOUT_SECONDS as f64, "{tick}");
        let minute = number(&tick["minute"]) % model::SCHEDULE_MINUTES as f64;
        assert!(minute < 0.01, "{tick}");
    }
    // What the end of a tick cuts off is sent again: hardly anything, because a tick starts only what it can end.
    let (files, sent) = (&run["traffic"]["sent_files"], &run["traffic"]["sent_bytes"]);
    assert!((120.0..130.0).contains(&number(files)), "{files}");
    assert!((number(sent) / GIB - gib * number(files) / 120.0).abs() < 0.001, "{sent}");
    assert_eq!(number(&run["traffic"]["compared_bytes"]), 0.0);
    assert_eq!(number(&run["outcomes"]["unchanged"]), 0.0);
}

#[test]
fn cost_follows_change_and_calls_follow_tables() {
    let test = "cost_follows_change_and_calls_follow_tables";
    let days = [
        scenario("all", SHAPE, 3.0, CARRY),
        scenario("changed", SHAPE, 3.0, SKIP),
        // All of it can be compared within one tick.
        scenario("double", DOUBLE, 6.0, SKIP),
    ];
    let Some(outcomes) = simulated(test, &days) else { return };
    let [all, changed, double] = [0, 1, 2].map(|it| &outcomes[it]);
    for outcome in [all, changed, double] {
        assert!(number(&outcome["run"]["published"]) < 30.0, "{}", outcome["run"]);
    }
    let run = &changed["run"];
    assert_eq!(number(&run["outcomes"]["unchanged"]), 10.0);
    // Only changed tables leave, compressed again, by the workers.
    assert_eq!(number(&run["traffic"]["sent_files"]), 4.0);
    let sent = number(&run["traffic"]["sent_bytes"]) / GIB;
    assert!((sent - 0.5 * model::SENT.value).abs() < 0.001, "{sent}");
    assert!(run["functions"]["transfer-item"]["starts"].as_u64().is_some_and(|it| it > 0));
    assert!(number(&changed["bill"]["total"]) < number(&all["bill"]["total"]) / 3.0);
    // Twice as many tables: no more calls per table, also where a tick reads what earlier ones wrote.
    let (one, two) = (calls(run), calls(&double["run"]));
    assert!(two < one * 2.1, "{one} {two}");
    // Egress of the bill is price times bytes.
    let egress = &changed["bill"]["items"][0];
    assert!((number(&egress["usd"]) - sent * 0.126).abs() < 1e-6, "{egress}");
}
