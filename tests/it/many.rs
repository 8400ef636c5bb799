//! Several databases in one `landbridge.yaml` and one deployment: `examples/two-databases`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_local::Principal::{Analyst, PiiReader};
use landbridge_local::{InvocationOutcome, LocalCloud, LocalCloudOptions, RunEvent};
use landbridge_local_database::{
    Engine, MemoryDatabase, MemoryTable, MySqlDatabase, PostgresDatabase, SourceDatabase,
};
use mysql_async::prelude::Queryable;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{landbridge, output_text};
use crate::support::{at, root};
use crate::{mariadb, postgres};

/// Ten minutes before the first export hour in Seoul.
const START: &str = "2026-11-20T15:50:00Z";
/// Forty minutes after the transfer of the second database begins.
const END: &str = "2026-11-20T18:40:00Z";
const DAY: &str = "2026-11-21";

struct Two {
    cloud: LocalCloud,
    dir: TempDir,
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    std::fs::write(path, text).expect("a file");
}

/// A local cloud with the files of the example and these databases.
async fn start(sources: BTreeMap<String, Arc<dyn SourceDatabase>>) -> Two {
    let dir = TempDir::new().expect("a directory");
    let example = root().join("examples/two-databases");
    for name in ["landbridge.yaml", "contracts/shop.yaml", "contracts/billing.yaml"] {
        let text = std::fs::read_to_string(example.join(name)).expect("an example file");
        write(&dir.path().join(name), &text);
    }
    let any = sources.values().next().expect("a database").clone();
    let config = dir.path().join("landbridge.yaml");
    let mut options = LocalCloudOptions::new(dir.path().join("cloud"), config, any, at(START));
    options.sources = sources;
    options.schedules_dir = root().join("infra/schedules");
    Two { cloud: LocalCloud::start(options).await.expect("a local cloud"), dir }
}

fn people() -> MemoryDatabase {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let people = MemoryTable::new("public", "people")
        .column("id", "bigint not null")
        .column("name", "character varying(80)")
        .column("email", "character varying(120)")
        .row([Some("1"), Some("Ada Example"), Some("ada@example.org")])
        .row([Some("2"), Some("김민준"), Some("minjun@example.com")]);
    database.set_table(people).expect("a table");
    database
}

fn invoices() -> MemoryDatabase {
    let database = MemoryDatabase::new(Engine::mysql("8.0.39"), "billing");
    let invoices = MemoryTable::new("billing", "invoices")
        .column("id", "bigint not null")
        .column("recipient", "varchar(120)")
        .column("amount", "int")
        .row([Some("7"), Some("ada@example.org"), Some("1200")]);
    database.set_table(invoices).expect("a table");
    database
}

/// Both databases in memory.
fn in_memory() -> BTreeMap<String, Arc<dyn SourceDatabase>> {
    let all: [(&str, Arc<dyn SourceDatabase>); 2] =
        [("shop", Arc::new(people())), ("billing", Arc::new(invoices()))];
    all.map(|(name, database)| (name.to_owned(), database)).into()
}

impl Two {
    async fn receipts(&self, source: &str) -> BTreeMap<String, Receipt> {
        let aws = self.cloud.aws();
        let mut receipts = BTreeMap::new();
        let prefix = format!("ledger/{source}/{DAY}/receipts/");
        for object in aws.list_objects("company-exports", &prefix).await {
            let bytes = aws.read_object("company-exports", &object.key).await.expect("an object");
            let receipt: Receipt =
                serde_json::from_slice(&bytes.expect("an object")).expect("a receipt");
            receipts.insert(receipt.source_table.clone(), receipt);
        }
        receipts
    }

    async fn rows(&self, who: landbridge_local::Principal, sql: &str) -> Vec<Vec<String>> {
        let rows = self.cloud.google().query_as(who.email(), sql).await.expect("rows");
        let text = |cell: Option<String>| cell.unwrap_or_else(|| "NULL".to_owned());
        rows.rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect()
    }

    async fn tick(&self, function: &str, time: &str) -> InvocationOutcome {
        self.cloud.clock().advance_to(at(time));
        self.cloud.tick(function, at(time)).await.expect("a function that starts")
    }

    /// The ticks of a night that have something to do, for one database.
    async fn night(&self, database: &str, ticks: [(&str, &str); 5]) -> Vec<InvocationOutcome> {
        let mut outcomes = Vec::new();
        for (function, time) in ticks {
            let time = format!("2026-11-20T{time}:00Z");
            outcomes.push(self.tick(&format!("{database}-{function}"), &time).await);
        }
        outcomes
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.cloud.client_env();
        let now = self.cloud.clock().now();
        variables.insert("LANDBRIDGE_CLOCK".into(), format!("{now} {} 1", jiff::Timestamp::now()));
        variables
    }
}

const SHOP_NIGHT: [(&str, &str); 5] = [
    ("snapshot", "16:00"),
    ("export", "16:10"),
    ("export", "16:40"),
    ("transfer", "17:05"),
    ("load", "17:10"),
];
const BILLING_NIGHT: [(&str, &str); 5] = [
    ("snapshot", "17:20"),
    ("export", "17:25"),
    ("export", "17:55"),
    ("transfer", "18:05"),
    ("load", "18:10"),
];

/// PostgreSQL and MariaDB with one file: each has its hours, its dataset and its contract, and both are published.
#[tokio::test(flavor = "multi_thread")]
async fn two_databases_run_a_day_side_by_side() {
    let (postgres, client) = postgres::start_server().await;
    client
        .batch_execute(
            "CREATE TABLE people (id bigint PRIMARY KEY, name varchar(80), email varchar(120));
             INSERT INTO people VALUES (1, 'Ada Example', 'ada@example.org'), (2, '김민준', 'minjun@example.com')",
        )
        .await
        .expect("a table");
    let (mariadb, mut client) = mariadb::start_server().await;
    client
        .query_drop(
            "CREATE DATABASE billing; USE billing;
             CREATE TABLE invoices (id bigint PRIMARY KEY, recipient varchar(120), amount int);
             INSERT INTO invoices VALUES (7, 'ada@example.org', 1200)",
        )
        .await
        .expect("a table");
    let shop = PostgresDatabase::connect(&postgres.url_of("shop")).await.expect("a source");
    let billing = MySqlDatabase::connect(&mariadb.url_of("billing")).await.expect("a source");
    let sources: [(&str, Arc<dyn SourceDatabase>); 2] =
        [("shop", Arc::new(shop)), ("billing", Arc::new(billing))];
    let two = start(sources.map(|(name, it)| (name.to_owned(), it)).into()).await;
    let summary = two.cloud.run_until(at(END), &mut |_: &RunEvent| {}).await.expect("a run");
    assert!(summary.given_up.is_empty(), "{:?}", summary.given_up);

    for (source, table) in [("shop", "public.people"), ("billing", "billing.invoices")] {
        let receipts = two.receipts(source).await;
        let receipt = receipts.get(table).unwrap_or_else(|| panic!("{source}: {receipts:?}"));
        assert_eq!(receipt.state, ReceiptState::Published, "{receipt:?}");
    }
    assert_eq!(two.cloud.google().table_ids("shop"), ["people"]);
    assert_eq!(two.cloud.google().table_ids("billing"), ["invoices"]);
    let sql = "SELECT id, recipient, amount FROM billing.invoices";
    assert_eq!(two.rows(Analyst, sql).await, [["7", "XXXXX@example.org", "1200"]]);
    assert_eq!(two.rows(PiiReader, sql).await, [["7", "ada@example.org", "1200"]]);
    let sql = "SELECT p.id FROM shop.people p JOIN billing.invoices i ON p.email = i.recipient";
    assert_eq!(two.rows(PiiReader, sql).await, [["1"]]);
    // Every record says of which source it is, also where both write one table.
    let sql = "SELECT source, COUNT(*) FROM landbridge_ops.receipts GROUP BY 1 ORDER BY 1";
    assert_eq!(two.rows(Analyst, sql).await, [["billing", "1"], ["shop", "1"]]);
}

/// A fault of one database stops no other, and each function works for its own database only.
#[tokio::test(flavor = "multi_thread")]
async fn the_failure_of_one_database_is_its_own() {
    let two = start(in_memory()).await;
    write(&two.dir.path().join("contracts/billing.yaml"), "version: 1\ntables: nothing\n");
    // A function whose event names another database does nothing.
    let event = json!({ "scheduled_time": "2026-11-20T16:00:00Z", "database": "billing" });
    let outcome = two.cloud.invoke("shop-snapshot", &event).await.expect("it starts");
    assert!(!outcome.is_response(), "{outcome:?}");
    assert!(format!("{outcome:?}").contains("another database"), "{outcome:?}");

    for outcome in two.night("shop", SHOP_NIGHT).await {
        assert!(outcome.is_response(), "{outcome:?}");
    }
    let billing = two.night("billing", BILLING_NIGHT).await;
    // A fault in a contract stops no snapshot.
    let good: Vec<bool> = billing.iter().map(InvocationOutcome::is_response).collect();
    assert_eq!(good, [true, true, true, false, false], "{billing:?}");
    assert_eq!(two.receipts("shop").await["public.people"].state, ReceiptState::Published);
    assert!(two.receipts("billing").await.is_empty());
    assert!(two.cloud.google().table_ids("billing").is_empty());
}

/// Commands that look show all databases, or the one that is named; commands that act need a name.
#[tokio::test(flavor = "multi_thread")]
async fn commands_show_all_databases_or_act_on_one() {
    let two = start(in_memory()).await;
    for (database, night) in [("shop", SHOP_NIGHT), ("billing", BILLING_NIGHT)] {
        for outcome in two.night(database, night).await {
            assert!(outcome.is_response(), "{outcome:?}");
        }
    }
    let mut variables = two.variables();
    let run = |variables: &BTreeMap<String, String>, args: &[&str]| {
        let output = landbridge(variables, args);
        (output.status.code(), output_text(&output))
    };
    for command in [&["days"] as &[&str], &["status"], &["incident"], &["check"]] {
        let (code, text) = run(&variables, command);
        assert_eq!(code, Some(0), "{command:?}: {text}");
        let both = text.contains("shop") && text.contains("billing");
        assert!(both, "{command:?}: {text}");
    }
    let (code, text) = run(&variables, &["days", "--days", "1", "--output", "json"]);
    assert_eq!(code, Some(0), "{text}");
    let days: Value = serde_json::from_str(&text).expect("one document");
    assert_eq!(days["shop"][0]["state"], "published", "{text}");
    assert_eq!(days["billing"][0]["state"], "published", "{text}");

    let (code, text) = run(&variables, &["receipt", DAY]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("several databases, and none is named: shop, billing"), "{text}");
    let (code, text) = run(&variables, &["redo", DAY, "--database", "biling", "--yes"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("did you mean `billing`?"), "{text}");
    let (code, text) = run(&variables, &["receipt", DAY, "--database", "billing"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("invoices") && !text.contains("people"), "{text}");
    variables.insert("LANDBRIDGE_DATABASE".into(), "shop".into());
    let (code, text) = run(&variables, &["receipt", DAY]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("people") && !text.contains("invoices"), "{text}");

    // What one database cannot say stops no other.
    variables.remove("LANDBRIDGE_DATABASE");
    write(&two.dir.path().join("contracts/billing.yaml"), "version: 1\ntables: nothing\n");
    let (code, text) = run(&variables, &["check"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("contracts/billing.yaml:2:9"), "{text}");
    assert!(!text.contains("contracts/shop.yaml:"), "{text}");
    let (code, text) = run(&variables, &["check", "--database", "shop"]);
    assert_eq!(code, Some(0), "{text}");
}

/// Seven databases and the five exports that RDS runs at once: the two that find no place wait, and the one that has
/// waited longest is next, whichever tick comes first.
#[tokio::test(flavor = "multi_thread")]
async fn exports_wait_their_turn_in_order() {
    const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
    let example = root().join("examples/two-databases/landbridge.yaml");
    let text = std::fs::read_to_string(example).expect("the example");
    let (shared, _) = text.split_once("databases:\n").expect("its databases");
    let mut config = shared.replace("quota: 200", "quota: 500") + "databases:\n";
    let mut sources: BTreeMap<String, Arc<dyn SourceDatabase>> = BTreeMap::new();
    for name in NAMES {
        config += &format!(
            "  {name}:\n    source: {{ id: {name}-prod }}\n    warehouse: {{ dataset: data_{name} }}\n"
        );
        sources.insert(name.to_owned(), Arc::new(people()));
    }
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("landbridge.yaml");
    write(&path, &config);
    let any = sources["a"].clone();
    let mut options = LocalCloudOptions::new(dir.path().join("cloud"), path, any, at(START));
    options.sources = sources;
    options.schedules_dir = root().join("infra/schedules");
    let two = Two { cloud: LocalCloud::start(options).await.expect("a local cloud"), dir };
    let export = async |name: &str, time: &str| {
        let time = format!("2026-11-20T{time}:00Z");
        let outcome = two.tick(&format!("{name}-export"), &time).await;
        assert!(outcome.is_response(), "{outcome:?}");
        format!("{outcome:?}")
    };
    for name in NAMES {
        let outcome = two.tick(&format!("{name}-snapshot"), "2026-11-20T16:00:00Z").await;
        assert!(outcome.is_response(), "{outcome:?}");
    }
    // An export takes 22 minutes here.
    assert!(export("a", "16:05").await.contains("started"));
    for name in ["b", "c", "d", "e"] {
        let outcome = export(name, "16:15").await;
        assert!(outcome.contains("started"), "{name}: {outcome}");
    }
    // The one that has waited longest asks RDS, which refuses; the other one does not even ask.
    let outcome = export("f", "16:16").await;
    assert!(outcome.contains("cannot be exported now"), "{outcome}");
    let outcome = export("g", "16:17").await;
    assert!(outcome.contains("waits for its turn") && outcome.contains("longer: f"), "{outcome}");
    // One place is free, and the tick of `g` comes first.
    let outcome = export("g", "16:28").await;
    assert!(outcome.contains("longer: f"), "{outcome}");
    let aws = two.cloud.aws();
    let key = format!("ledger/g/{DAY}/export.json");
    let record = aws.read_object("company-exports", &key).await.expect("an object");
    let record: Value = serde_json::from_slice(&record.expect("a record")).expect("JSON");
    assert_eq!(record["waits_for"], json!(["f"]), "{record}");
    assert!(record["refused_since"].is_string(), "{record}");
    let outcome = export("f", "16:29").await;
    assert!(outcome.contains("started"), "{outcome}");
    let outcome = export("g", "16:40").await;
    assert!(outcome.contains("started"), "{outcome}");
}
