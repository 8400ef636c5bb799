//! Nothing leaves silently: what was there yesterday and is not today holds its table or is reported,
//! and what the contract hides does not leave AWS under another name.

use std::sync::Arc;

use landbridge_core::receipt::{NoteCode, Receipt, ReceiptState};
use landbridge_local::InvocationOutcome;
use landbridge_local::Principal::{Analyst, PiiReader};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};

use crate::support::{SMALL_CONTRACT, TestEnv, TestEnvBuilder, small_database};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";
const CONTRACT: &str = r#"version: 1
tables:
  "public.users":
    columns:
      id: { source: bigint, type: INT64, class: none }
      rrn: { source: text, type: STRING, class: none, transform: drop }
  "public.orders":
    columns:
      id: { source: bigint, type: INT64, class: none }
"#;
const RRN: &str = "900101-1234567";

/// A table `users` with one row and a second column of this name.
fn users(second: &str) -> MemoryTable {
    let users = MemoryTable::new("public", "users").column("id", "bigint").column(second, "text");
    users.row([Some("1"), Some(RRN)])
}

async fn start(contract: &str) -> (TestEnv, MemoryDatabase) {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let orders = MemoryTable::new("public", "orders").column("id", "bigint").row([Some("7")]);
    for table in [users("rrn"), orders] {
        database.set_table(table).expect("a table");
    }
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database.clone());
    builder.contract = contract.to_owned();
    (builder.build().await, database)
}

fn is_in_landing(env: &TestEnv, text: &str) -> bool {
    let found = |bytes: &bytes::Bytes| bytes.windows(text.len()).any(|it| it == text.as_bytes());
    env.landing_objects().values().any(found)
}

async fn succeeds(env: &TestEnv, function: &str, time: &str) {
    let outcome = env.tick(function, time).await;
    assert!(matches!(outcome, InvocationOutcome::Response(_)), "{function}: {outcome:?}");
}

fn problem(receipt: &Receipt) -> String {
    receipt.problem.as_ref().map(ToString::to_string).unwrap_or_default()
}

async fn day_record(env: &TestEnv, day: &str) -> serde_json::Value {
    let record = env.ledger(&format!("{day}/day.json")).await;
    serde_json::from_slice(&record[0].1).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_column_that_is_renamed_holds_its_table_and_stays_in_aws() {
    let (env, database) = start(CONTRACT).await;
    assert!(env.run_day(0).await.is_empty());
    database.set_table(users("resident_no")).expect("a table");
    assert!(env.run_day(1).await.is_empty(), "one table fails no tick");
    let receipts = env.receipts(SECOND).await;
    assert_eq!(receipts["public.users"].state, ReceiptState::Held);
    let why = problem(&receipts["public.users"]);
    assert!(why.contains("the export lacks a column that contract.yaml drops"), "{why}");
    assert!(why.contains("public.users: `rrn` (drop); new columns"), "{why}");
    assert_eq!(receipts["public.orders"].state, ReceiptState::Published);
    assert!(!is_in_landing(&env, RRN), "the value left AWS under another name");
    assert_eq!(env.query(Analyst, "SELECT id FROM shop.users").await.unwrap(), [["1"]]);

    // The entry is renamed as well, and the same day continues.
    env.deploy_contract(&CONTRACT.replace("rrn:", "resident_no:"));
    succeeds(&env, "transfer", "2026-11-21T20:30:00Z").await;
    succeeds(&env, "load", "2026-11-21T20:31:00Z").await;
    let receipt = env.receipts(SECOND).await.remove("public.users").expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Published, "{}", problem(&receipt));
    assert_eq!(receipt.dropped_columns, ["resident_no"]);
    assert!(!is_in_landing(&env, RRN));
}

#[tokio::test(flavor = "multi_thread")]
async fn others_decides_what_an_unnamed_column_and_an_unnamed_table_do() {
    let unnamed = CONTRACT
        .replace("      rrn: { source: text, type: STRING, class: none, transform: drop }\n", "");
    let no_orders = unnamed.split("  \"public.orders\"").next().expect("a part").to_owned();
    let with =
        |rule: &str| no_orders.replace("version: 1\n", &format!("version: 1\nothers: {rule}\n"));

    let (env, database) = start(&with("drop")).await;
    // A name that says nothing: a column whose name says resident number stays in AWS anyway.
    database.set_table(users("etc1")).expect("a table");
    assert!(env.run_day(0).await.is_empty());
    let receipts = env.receipts(FIRST).await;
    let users = &receipts["public.users"];
    assert_eq!(
        (users.state, users.dropped_columns.as_slice()),
        (ReceiptState::Published, &["etc1".to_owned()][..])
    );
    assert!(
        users.notes.iter().any(|note| note.code == NoteCode::ColumnStaysInAws),
        "{:?}",
        users.notes
    );
    let orders = &receipts["public.orders"];
    assert_eq!(
        (orders.state, orders.notes[0].code),
        (ReceiptState::Skipped, NoteCode::TableStaysInAws)
    );
    assert!(!is_in_landing(&env, RRN));
    // What the contract leaves in AWS is no gap.
    let record = day_record(&env, FIRST).await;
    assert_eq!(
        (record["published"].as_bool(), record["gaps"].as_array().map(Vec::len)),
        (Some(true), Some(0))
    );

    env.deploy_contract(&with("hold"));
    assert!(env.run_day(1).await.is_empty());
    let receipts = env.receipts(SECOND).await;
    for (table, part) in
        [("public.users", "public.users: `etc1`"), ("public.orders", "public.orders")]
    {
        assert_eq!(receipts[table].state, ReceiptState::Held, "{table}");
        assert!(problem(&receipts[table]).contains(part), "{}", problem(&receipts[table]));
    }
    assert!(!is_in_landing(&env, RRN));

    env.deploy_contract(&with("unclassified"));
    succeeds(&env, "transfer", "2026-11-21T20:30:00Z").await;
    succeeds(&env, "load", "2026-11-21T20:31:00Z").await;
    let rows = env.query(PiiReader, "SELECT id, etc1 FROM shop.users").await.unwrap();
    assert_eq!(rows, [["1", "NULL"]], "loaded, and masked for everyone");
}

/// Personal Information Protection Act, Article 24-2: no legal basis, no processing.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_column_with_resident_numbers_leaves_aws_only_with_a_legal_basis() {
    const DROPPED: &str = "rrn: { source: text, type: STRING, class: none, transform: drop }";
    let (env, database) = start(&CONTRACT.replace(DROPPED, "")).await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts(FIRST).await.remove("public.users").expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Published, "{}", problem(&receipt));
    assert_eq!(receipt.dropped_columns, ["rrn"]);
    let note = receipt.notes.iter().find(|note| note.code == NoteCode::ColumnStaysInAws);
    let note = note.map(ToString::to_string).unwrap_or_default();
    assert!(note.contains("contains resident registration numbers"), "{note}");
    assert!(!is_in_landing(&env, RRN), "the number left AWS although no contract allows it");
    assert_eq!(env.query(Analyst, "SELECT * FROM shop.users").await.unwrap(), [["1"]]);

    // With a basis it leaves, and the column says why it may.
    let with_basis =
        "rrn: { source: text, type: STRING, class: unclassified, legal_basis: 소득세법 제145조 }";
    env.deploy_contract(&CONTRACT.replace(DROPPED, with_basis));
    database.set_table(users("rrn")).expect("a table");
    assert!(env.run_day(1).await.is_empty());
    let receipt = env.receipts(SECOND).await.remove("public.users").expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Published, "{}", problem(&receipt));
    let described = "SELECT description FROM shop.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS \
                     WHERE table_name = 'users' AND column_name = 'rrn'";
    let description = env.query(PiiReader, described).await.unwrap();
    let described = "Legal basis: 소득세법 제145조\n[Landbridge] Class unclassified: NULL for everyone for now; \
                     the receipt of the table says why.";
    assert_eq!(description, [[described]]);
    assert_eq!(
        env.query(PiiReader, "SELECT id, rrn FROM shop.users").await.unwrap(),
        [["1", "NULL"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_without_tables_is_no_published_day() {
    let (env, database) = start(CONTRACT).await;
    assert!(env.run_day(0).await.is_empty());
    for table in ["users", "orders"] {
        assert!(database.remove_table("public", table));
    }
    assert!(env.run_day(1).await.is_empty());
    assert_eq!(day_record(&env, SECOND).await["published"], false);
    let alerts: Vec<String> = env.alerts("load").iter().map(ToString::to_string).collect();
    let said = |text: &str| alerts.iter().filter(|alert| alert.contains(text)).count();
    assert_eq!(said("the export contains no table that can be loaded"), 1, "{alerts:#?}");
    assert_eq!(said("is not loaded any more"), 0, "one cause, one alert: {alerts:#?}");
    assert_eq!(env.query(Analyst, "SELECT id FROM shop.orders").await.unwrap(), [["7"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_the_contract_that_no_export_has_is_reported_once_and_is_a_gap() {
    let contract = CONTRACT.replace("public.orders", "public.oders");
    let (env, _database) = start(&contract).await;
    for (n, day) in [(0, FIRST), (1, SECOND)] {
        assert!(env.run_day(n).await.is_empty());
        let receipt = env.receipts(day).await.remove("public.oders").expect("a receipt");
        assert_eq!(receipt.state, ReceiptState::Missing);
        assert_eq!(receipt.notes[0].code, NoteCode::TableNotInExport);
        let record = day_record(&env, day).await;
        assert_eq!(
            (&record["published"], &record["gaps"][0]),
            (&true.into(), &"public.oders".into())
        );
    }
    let alerts = env.alerts("load");
    let of_table = alerts.iter().filter(|alert| alert.to_string().contains("public.oders"));
    assert_eq!(of_table.count(), 1, "{alerts:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_leave_together_are_reported_in_one_notice_with_the_choices_in_each_receipt() {
    let (env, database) = start(CONTRACT).await;
    let table = |name: &str| MemoryTable::new("public", name).column("id", "bigint");
    for name in ["visits", "carts"] {
        database.set_table(table(name).row([Some("1")])).expect("a table");
    }
    assert!(env.run_day(0).await.is_empty());
    for name in ["visits", "carts", "orders"] {
        assert!(database.remove_table("public", name));
    }
    assert!(env.run_day(1).await.is_empty());
    assert!(database.remove_table("public", "users"));
    database.set_table(table("other").row([Some("1")])).expect("a table");
    assert!(env.run_day(2).await.is_empty());
    let alerts = env.alerts("load").into_iter();
    let gone: Vec<serde_json::Value> =
        alerts.filter(|it| it.to_string().contains("is not loaded any more")).collect();
    assert_eq!(gone.len(), 2, "one per day on which something left: {gone:#?}");
    let (three, one) = (&gone[0]["fields"], &gone[1]["fields"]);
    let context = three["context"].as_str().unwrap_or_default();
    assert!(context.starts_with("3 tables: carts (its table `public.carts`"), "{context}");
    assert!(context.contains("orders") && context.contains("visits"), "{context}");
    assert!(three["action"].as_str().unwrap_or_default().contains("landbridge receipt 2026-11-22"));
    assert!(one["context"].as_str().unwrap_or_default().starts_with("users ("), "{one}");
    assert!(one["action"].as_str().unwrap_or_default().contains("bq rm --table"), "{one}");
    for (table, name) in [("public.carts", "shop.carts"), ("public.orders", "shop.orders")] {
        let note = env.receipts(SECOND).await[table].notes[0].to_string();
        for part in ["do nothing", "remove the table from contract.yaml", "bq rm --table", name] {
            assert!(note.contains(part), "`{part}` is not in: {note}");
        }
    }
}

/// The keys of the export of the first day below the table `people`.
async fn objects_of_people(env: &TestEnv) -> Vec<String> {
    let folder = "exports/landbridge-shop-20261121-a1/shop/public.people/";
    let listed = env.cloud.aws().list_objects("shop-exports", folder).await;
    listed.into_iter().map(|object| object.key).collect()
}

/// A day whose export is complete and that nothing has planned yet.
async fn exported() -> TestEnv {
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(small_database());
    let env = builder.build().await;
    // 01:55 in Seoul: the first tick of the transfer is at 02:00.
    assert!(env.run_until("2026-11-20T16:55:00Z").await.is_empty());
    env
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_its_marker_holds_its_table() {
    let env = exported().await;
    let marker = objects_of_people(&env).await.into_iter().find(|key| key.ends_with("_SUCCESS"));
    let marker = marker.expect("a marker");
    env.cloud.aws().delete_object("shop-exports", &marker).await;
    assert!(env.run_day(0).await.is_empty());
    let receipts = env.receipts(FIRST).await;
    assert_eq!(receipts["public.people"].state, ReceiptState::Held);
    let why = problem(&receipts["public.people"]);
    assert!(why.contains("files and no `_SUCCESS`") && why.contains("public.people/"), "{why}");
    assert_eq!(receipts["public.orders"].state, ReceiptState::Published);
    // A belief that is wrong is a setting, not a lost day.
    let config = std::fs::read_to_string(env.dir.path().join("landbridge.yaml")).expect("a file");
    let config = config.replace("checks:\n", "checks:\n  require_success_markers: false\n");
    env.deploy_config(&config);
    succeeds(&env, "transfer", "2026-11-20T20:30:00Z").await;
    succeeds(&env, "load", "2026-11-20T20:31:00Z").await;
    assert_eq!(env.receipts(FIRST).await["public.people"].state, ReceiptState::Published);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_disappears_after_the_first_plan_holds_its_table() {
    let env = exported().await;
    succeeds(&env, "transfer", "2026-11-20T17:00:00Z").await;
    let file = objects_of_people(&env).await.into_iter().find(|key| key.ends_with(".parquet"));
    let file = file.expect("a file");
    env.cloud.aws().delete_object("shop-exports", &file).await;
    // The contract asks for another transfer, so the table is planned again.
    let edited = SMALL_CONTRACT.replace(
        "email: { source: character varying, type: STRING, class: email }",
        "email: { source: character varying, type: STRING, class: none, transform: drop }",
    );
    env.deploy_contract(&edited);
    assert!(env.run_day(0).await.is_empty());
    let receipts = env.receipts(FIRST).await;
    assert_eq!(receipts["public.people"].state, ReceiptState::Held);
    let why = problem(&receipts["public.people"]);
    assert!(why.contains("not those that the first plan of the day found"), "{why}");
    assert_eq!(receipts["public.orders"].state, ReceiptState::Published);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_contract_stops_no_snapshot_and_a_corrected_file_needs_no_restart() {
    let (env, _database) = start(CONTRACT).await;
    env.deploy_contract("version: 1\ntables: nothing\n");
    for function in ["snapshot", "export"] {
        succeeds(&env, function, "2026-11-20T16:00:00Z").await;
    }
    let outcome = env.tick("load", "2026-11-20T16:01:00Z").await;
    let InvocationOutcome::Error { message, .. } = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("contract.yaml cannot be used"), "{message}");
    // The same process reads the file again.
    std::fs::write(env.dir.path().join("contract.yaml"), CONTRACT).expect("a file");
    succeeds(&env, "load", "2026-11-20T16:02:00Z").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_export_whose_objects_are_gone_is_made_again() {
    let env = exported().await;
    let aws = env.cloud.aws();
    let keys = |folder: &'static str| async move {
        let listed = aws.list_objects("shop-exports", folder).await;
        listed.into_iter().map(|object| object.key).collect::<Vec<_>>()
    };
    // Both the export and the day's records are gone.
    for key in keys("exports/landbridge-shop-20261121-a1/").await {
        aws.delete_object("shop-exports", &key).await;
    }
    // The record of the manifests remained, as after a tick that ended before it recorded the export.
    for key in keys("ledger/shop/2026-11-21/").await {
        if !key.ends_with("/manifest.json") {
            aws.delete_object("shop-exports", &key).await;
        }
    }
    // Too soon after the end of the task: the manifests might still come.
    let outcome = env.tick("export", "2026-11-20T17:00:00Z").await;
    let InvocationOutcome::Error { message, .. } = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("has no manifest of its tables"), "{message}");
    succeeds(&env, "export", "2026-11-20T18:00:00Z").await;
    assert!(env.run_day(0).await.iter().all(|(function, _)| function == "export"));
    for (table, receipt) in env.receipts(FIRST).await {
        assert_eq!(receipt.state, ReceiptState::Published, "{table}");
        assert!(receipt.export.ends_with("-a2"), "{}", receipt.export);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_files_cannot_be_read_stops_no_other_and_keeps_the_day_open() {
    let env = exported().await;
    let folder = "exports/landbridge-shop-20261121-a1/shop/public.people/";
    env.cloud.aws().deny_objects("shop-exports", folder, "no key for these");
    let failed = env.run_day(0).await;
    assert!(failed.iter().all(|(function, _)| function == "transfer"), "{failed:#?}");
    let InvocationOutcome::Error { message, .. } = &failed[0].1 else { panic!("{failed:#?}") };
    assert!(message.contains("AccessDenied") && message.contains("public.people"), "{message}");
    let receipts = env.receipts(FIRST).await;
    assert_eq!(receipts["public.orders"].state, ReceiptState::Published);
    assert!(!receipts.contains_key("public.people"), "neither held nor forgotten");
    assert!(env.ledger(&format!("{FIRST}/day.json")).await.is_empty(), "the day is open");
    env.cloud.aws().allow_bucket("shop-exports");
    succeeds(&env, "transfer", "2026-11-20T20:30:00Z").await;
    succeeds(&env, "load", "2026-11-20T20:31:00Z").await;
    assert_eq!(env.receipts(FIRST).await["public.people"].state, ReceiptState::Published);
    assert_eq!(day_record(&env, FIRST).await["published"], true);
}
