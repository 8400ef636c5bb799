//! Upgrades: today's functions continue what an earlier version left in the clouds.
//!
//! | test on | what the earlier version left |
//! |---|---|
//! | a recording in `tests/releases` | two published days, written by the functions of that version |
//! | programs | whatever their ticks wrote before today's programs replaced them: `LANDBRIDGE_UPGRADE_FROM` names the folder with the programs of an earlier version (`make upgrade-test`), otherwise they are today's |
//!
//! `scripts/record-release.sh` makes a recording.

mod recording;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use landbridge_core::receipt::ReceiptState;
use landbridge_local::Principal::{Analyst, Loader, PiiReader, Stranger};
use serde_json::Value;
use tempfile::TempDir;

use self::recording::Recording;
use crate::command::{landbridge, output_text};
use crate::crash::OPEN;
use crate::support::{TestEnv, TestEnvBuilder, root, small_database};

/// The functions of an earlier version may be fewer.
const FUNCTIONS: [&str; 7] =
    ["snapshot", "export", "transfer", "load", "protect", "views", "notify"];
const DAYS: [&str; 3] = ["2026-11-21", "2026-11-22", "2026-11-23"];
/// When the earlier version and today's were deployed. Both are in the past of any machine's clock.
const DEPLOYED: [&str; 2] = ["2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"];
/// Figures for `landbridge verify`.
const PROOF: &str = "\nproof:\n  key: landbridge/shop/proof-key\n  kept: always\n";
/// The proof key of every cloud in this module.
const PROOF_KEY: &str = "landbridge-proof-key-v1:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";
/// What readers ask. `_freshness` names times, so only its states are compared.
const QUESTIONS: [&str; 5] = [
    "SELECT id, name, email FROM shop.people ORDER BY id",
    "SELECT id, person_id, paid, weight, placed_at, card FROM shop.orders ORDER BY id",
    "SELECT id, note FROM shop.nothing",
    "SELECT id, name, email FROM shop_views.people ORDER BY id",
    "SELECT table_name, row_count, state FROM shop_views._freshness ORDER BY 1",
];

/// The files that the recorded version was deployed with, with the variables of a deployment.
fn deployed(config: String, contract: String, number: usize) -> TestEnvBuilder {
    let mut builder = TestEnvBuilder::demo(Arc::new(small_database()));
    (builder.config, builder.contract) = (config, contract);
    let at = DEPLOYED[number].to_owned();
    builder.variables.insert("LANDBRIDGE_DEPLOYED_AT".to_owned(), at);
    builder
}

/// A cloud with the functions of an earlier version, in a folder in which they can be exchanged.
struct Exchangeable {
    env: TestEnv,
    programs: TempDir,
}

impl Exchangeable {
    async fn start() -> Self {
        let programs = TempDir::new().expect("a directory");
        link(programs.path(), &earlier_programs());
        let small = TestEnvBuilder::small().with_views();
        let mut builder = deployed(small.config + PROOF, small.contract, 0);
        builder.functions_dir = Some(programs.path().to_owned());
        let env = builder.build().await;
        env.cloud.aws().put_secret("landbridge/shop/proof-key", PROOF_KEY);
        Self { env, programs }
    }

    /// Deploys other functions with the same two files.
    fn deploy(&self, programs: &Path) {
        link(self.programs.path(), programs);
        self.env.cloud.kill_all();
    }
}

/// Makes `dir` contain links to the functions in `programs`, and no other function.
fn link(dir: &Path, programs: &Path) {
    for name in FUNCTIONS {
        let (link, program) =
            (format!("landbridge-{name}"), programs.join(format!("landbridge-{name}")));
        let link = dir.join(link);
        let _ = std::fs::remove_file(&link);
        if program.exists() {
            std::os::unix::fs::symlink(program, link).expect("a link");
        }
    }
}

fn todays_programs() -> PathBuf {
    let program = std::env::current_exe().expect("this program's path");
    program.ancestors().nth(2).expect("where Cargo puts programs").to_owned()
}

/// The functions of the earlier version: `LANDBRIDGE_UPGRADE_FROM`, otherwise today's.
fn earlier_programs() -> PathBuf {
    match std::env::var_os("LANDBRIDGE_UPGRADE_FROM") {
        Some(dir) => {
            let dir = PathBuf::from(dir);
            assert!(dir.join("landbridge-load").exists(), "{} has no functions", dir.display());
            dir
        }
        None => todays_programs(),
    }
}

/// The folder of the newest recording.
fn newest_recording() -> PathBuf {
    let folder = root().join("tests/releases");
    let name = std::fs::read_to_string(folder.join("newest")).expect("the name of a recording");
    folder.join(name.trim())
}

/// Runs a night, in which no tick fails.
async fn night(env: &TestEnv, day: i64) {
    let failed = env.run_day(day).await;
    assert!(failed.is_empty(), "night {day}: {failed:#?}\n{}", env.log_output());
}

/// What each reader sees: `reader: question` → rows, or the refusal.
async fn seen(env: &TestEnv) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    for who in [Analyst, PiiReader, Stranger, Loader] {
        for sql in QUESTIONS {
            let answer = match env.query(who, sql).await {
                Ok(rows) => rows.iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n"),
                Err(refusal) => format!("refused: {refusal}"),
            };
            seen.insert(format!("{}: {sql}", who.name()), answer);
        }
    }
    seen
}

/// Asserts that readers see the same as before, and that masked and plain readers differ.
async fn assert_same_masks(env: &TestEnv, before: &BTreeMap<String, String>) {
    let now = seen(env).await;
    assert_kept(before, &now);
    let of = |who: &str| &now[&format!("{who}: {}", QUESTIONS[0])];
    assert!(of("pii-reader").contains("minjun@example.com"), "{}", of("pii-reader"));
    assert!(!of("analyst").contains("minjun"), "{}", of("analyst"));
    assert!(of("stranger").starts_with("refused"), "{}", of("stranger"));
    assert_eq!(env.exposed_columns(&OPEN), [""; 0]);
}

/// What readers and other programs rely on in every table: type and tag of each column, whether it is described, and
/// labels. `landbridge_load` and `landbridge_contract` count loads and deployments.
fn tables(env: &TestEnv) -> BTreeMap<String, String> {
    let google = env.cloud.google();
    let mut found = BTreeMap::new();
    for table in google.table_ids("shop") {
        let resource = google.table_resource("shop", &table).expect("a table");
        for field in resource["schema"]["fields"].as_array().into_iter().flatten() {
            let tag = field["policyTags"].to_string();
            if field["description"].is_string() {
                found.insert(format!("{table}.{} is described", field["name"]), String::new());
            }
            let column = format!("{} {} {tag}", field["type"], field["mode"]);
            found.insert(format!("{table}.{}", field["name"]), column);
        }
        for (name, value) in resource["labels"].as_object().into_iter().flatten() {
            if !["landbridge_load", "landbridge_contract"].contains(&name.as_str()) {
                found.insert(format!("label {name} of {table}"), value.to_string());
            }
        }
    }
    found
}

/// Asserts that everything of before is there and unchanged. A version may add to it.
fn assert_kept<T: PartialEq + std::fmt::Debug>(
    before: &BTreeMap<String, T>,
    now: &BTreeMap<String, T>,
) {
    assert!(!before.is_empty());
    for (name, value) in before {
        assert_eq!(now.get(name), Some(value), "{name}");
    }
}

/// The rows of `landbridge_ops.receipts`: day, table, how many, how many states.
async fn receipt_rows(env: &TestEnv) -> Vec<Vec<String>> {
    let sql = "SELECT CAST(day AS STRING), source_table, COUNT(*), MAX(state) FROM landbridge_ops.receipts \
               GROUP BY 1, 2 ORDER BY 1, 2";
    env.query(Analyst, sql).await.expect("the receipts")
}

fn expected_receipt_rows(days: &[&str]) -> Vec<Vec<String>> {
    let tables = ["public.nothing", "public.orders", "public.people"];
    let rows = days.iter().flat_map(|day| tables.map(|table| [day, table, "1", "published"]));
    rows.map(|row| row.map(str::to_owned).to_vec()).collect()
}

/// Runs `landbridge` as the operator, at the time of the cloud.
fn run(env: &TestEnv, args: &[&str]) -> Output {
    let mut variables = env.operator_variables();
    variables.insert("LANDBRIDGE_GCP_TOKEN".into(), PiiReader.token().to_owned());
    landbridge(&variables, args)
}

fn succeeds(env: &TestEnv, args: &[&str]) -> String {
    let output = run(env, args);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {text}");
    String::from_utf8(output.stdout).expect("text")
}

/// Asserts that today's command reads what the days' ticks recorded.
fn assert_commands_read(env: &TestEnv, days: &[&str]) {
    let listed: Value =
        serde_json::from_str(&succeeds(env, &["days", "--output", "json"])).expect("JSON");
    for day in days {
        assert!(listed.to_string().contains(day), "{day}: {listed}");
        let receipt = succeeds(env, &["receipt", day]);
        for table in ["people", "orders", "nothing"] {
            assert!(receipt.contains(table), "{day}: {receipt}");
        }
    }
    let status = succeeds(env, &["status"]);
    assert!(days.iter().all(|day| status.contains(&day[5..])), "{status}");
    let newest = days.last().expect("a day");
    succeeds(env, &["verify", "--day", newest, "--yes"]);
}

/// The records of these days.
async fn day_records(env: &TestEnv, days: &[&str]) -> BTreeMap<String, bytes::Bytes> {
    let mut records = BTreeMap::new();
    for day in days {
        records.extend(env.ledger(&format!("{day}/")).await);
    }
    records
}

/// The objects in the landing bucket with their generations: a rewritten object has another one.
fn landed(env: &TestEnv) -> BTreeSet<(String, i64)> {
    let objects = env.cloud.google().list_objects("shop-landing", "");
    objects.into_iter().map(|it| (it.name, it.generation)).collect()
}

/// A cloud that contains the newest recording, with today's functions.
async fn restored() -> (TestEnv, Recording) {
    let recording = Recording::read(&newest_recording());
    let builder = deployed(recording.config.clone(), recording.contract.clone(), 1);
    let env = builder.build().await;
    env.cloud.aws().put_secret("landbridge/shop/proof-key", PROOF_KEY);
    recording.restore(&env).await;
    (env, recording)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_of_a_recorded_release_are_read_and_the_next_one_is_carried_once() {
    let (env, recording) = restored().await;
    let before = (day_records(&env, &DAYS[..2]).await, landed(&env), tables(&env));
    assert_same_masks(&env, &recording.seen).await;
    assert_commands_read(&env, &DAYS[..2]);

    night(&env, 2).await;
    assert_same_masks(&env, &recording.seen).await;
    assert_kept(&before.2, &tables(&env));
    let receipts = env.receipts(DAYS[2]).await;
    let states: Vec<_> = receipts.values().map(|it| (it.state, it.rows_table)).collect();
    assert_eq!(states, [0, 50, 3].map(|rows| (ReceiptState::Published, Some(rows))));
    assert_eq!(receipt_rows(&env).await, expected_receipt_rows(&DAYS));
    assert_commands_read(&env, &DAYS);
    // The earlier days are what the earlier version wrote, and nothing of them was carried again.
    assert_kept(&before.0, &day_records(&env, &DAYS[..2]).await);
    let now = landed(&env);
    assert!(before.1.is_subset(&now), "an object of an earlier day was written again");
    assert!(now.difference(&before.1).all(|(name, _)| name.contains(DAYS[2])), "{now:?}");
    let exports = env.cloud.aws().exports();
    assert_eq!(exports.len(), 3, "{exports:?}");
    for function in FUNCTIONS {
        assert_eq!(env.alerts(function), [""; 0], "{function}");
    }
    env.assert_no_cell_logged("");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_a_recorded_release_is_done_again() {
    let (env, recording) = restored().await;
    let first = landed(&env);
    succeeds(&env, &["redo", DAYS[1], "--yes"]);
    let mut now = env.cloud.clock().now();
    for function in ["transfer", "transfer", "load", "load", "views"] {
        now += jiff::SignedDuration::from_mins(5);
        let outcome = env.tick(function, &now.to_string()).await;
        assert!(outcome.is_response(), "{function}: {outcome:?}");
        assert_eq!(env.exposed_columns(&OPEN), [""; 0], "{function}");
    }
    let receipts = env.receipts(DAYS[1]).await;
    for (table, receipt) in &receipts {
        assert_eq!((receipt.state, receipt.redo), (ReceiptState::Published, 1), "{table}");
    }
    assert_same_masks(&env, &recording.seen).await;
    assert!(first.is_subset(&landed(&env)), "an object of the first load was written again");
    assert_commands_read(&env, &DAYS[..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_deployed_while_a_day_is_on_its_way() {
    // When today's functions replace the earlier ones: the export runs; objects have landed and no table is
    // loaded.
    for (until, last) in
        [("2026-11-21T16:10:00Z", None), ("2026-11-21T16:59:00Z", Some("transfer"))]
    {
        let cloud = Exchangeable::start().await;
        let env = &cloud.env;
        night(env, 0).await;
        let before = (seen(env).await, tables(env), day_records(env, &DAYS[..1]).await);
        let failed = env.run_until(until).await;
        assert!(failed.is_empty(), "{until}: {failed:?}");
        if let Some(function) = last {
            let outcome = env.tick(function, "2026-11-21T17:00:00Z").await;
            assert!(outcome.is_response(), "{outcome:?}");
            assert!(landed(env).iter().any(|(name, _)| name.contains(DAYS[1])), "{until}");
            assert!(env.receipts(DAYS[1]).await.is_empty(), "{until}: a table is loaded");
        }
        let half = landed(env);
        cloud.deploy(&todays_programs());
        night(env, 1).await;
        assert_same_masks(env, &before.0).await;
        assert_kept(&before.1, &tables(env));
        assert_eq!(receipt_rows(env).await, expected_receipt_rows(&DAYS[..2]), "{until}");
        assert_kept(&before.2, &day_records(env, &DAYS[..1]).await);
        assert!(half.is_subset(&landed(env)), "{until}: an object was carried twice");
        assert_eq!(env.cloud.aws().exports().len(), 2, "{until}");
        assert_commands_read(env, &DAYS[..2]);
        // Back to the earlier version: as long as both know the same format of the ledger, it goes on.
        if earlier_programs() != todays_programs() {
            cloud.deploy(&earlier_programs());
            night(env, 2).await;
            assert_same_masks(env, &before.0).await;
            assert_eq!(receipt_rows(env).await, expected_receipt_rows(&DAYS), "{until}");
        }
    }
}

/// With `RECORD_RELEASE=NAME`, writes the recording `tests/releases/NAME`, and makes it the newest.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_restores_what_was_recorded() {
    let cloud = Exchangeable::start().await;
    let days = if std::env::var_os("RECORD_RELEASE").is_some() { 2 } else { 1 };
    for day in 0..days {
        night(&cloud.env, day).await;
    }
    let recording = Recording::take(&cloud.env, seen(&cloud.env).await).await;
    let folder = TempDir::new().expect("a directory");
    let folder = match std::env::var("RECORD_RELEASE") {
        Ok(name) => {
            let releases = root().join("tests/releases");
            std::fs::create_dir_all(releases.join(&name)).expect("a directory");
            std::fs::write(releases.join("newest"), format!("{name}\n")).expect("a file");
            releases.join(name)
        }
        Err(_) => folder.path().to_owned(),
    };
    std::fs::create_dir_all(&folder).expect("a directory");
    recording.write(&folder);
    let read = Recording::read(&folder);
    let copy = deployed(read.config.clone(), read.contract.clone(), 1).build().await;
    read.restore(&copy).await;
    let (was, is) = (content(&cloud.env).await, content(&copy).await);
    for (part, text) in &was {
        assert_eq!(is.get(part), Some(text), "{part}");
    }
    assert_eq!(was.len(), is.len());
}

/// What a cloud contains, each part as text.
async fn content(env: &TestEnv) -> BTreeMap<String, String> {
    let aws = env.cloud.aws();
    let mut content = tables(env);
    content.extend(seen(env).await);
    content.extend(env.ledger("").await.into_iter().map(|(key, it)| (key, format!("{it:?}"))));
    content.extend(env.landing_objects().into_iter().map(|(name, it)| (name, format!("{it:?}"))));
    let snapshots = aws.snapshots();
    content.extend(snapshots.into_iter().map(|it| {
        // The snapshots of the last minutes are not finished, and a restored one always is.
        (it.id, format!("{} {:?} {} {:?}", it.arn, it.snapshot_type, it.created, it.tags))
    }));
    let exports = aws.exports();
    content.extend(exports.into_iter().map(|it| (it.id.clone(), format!("{it:?}"))));
    content.insert("receipts".to_owned(), format!("{:?}", receipt_rows(env).await));
    content.insert("now".to_owned(), env.cloud.clock().now().to_string());
    content
}
