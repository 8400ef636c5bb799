//! The smallest and largest value of a column are cell values: they are written down only for
//! columns whose contract says `bounds: true`.

use std::collections::BTreeSet;
use std::sync::Arc;

use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_local::Principal::Analyst;
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};

use serde_json::{Value, json};

use crate::command::{landbridge, output_text};
use crate::support::{TestEnv, TestEnvBuilder};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";

/// Texts by which the bounds of a column are recognised, in every form in which they could be
/// written: as people read them, and as the ledger stores them (days or microseconds since 1970,
/// digits of a decimal without its point).
const BOUNDS: [(&str, &[&str]); 5] = [
    // 1907-03-04 and 1911-05-06
    ("birth_date", &["1907-03-04", "1911-05-06", "-22949", "-21425"]),
    ("phone", &["821046290713", "821098765431"]),
    ("income", &["7391846.25", "9182736.5"]),
    ("height", &["1470258369", "1593574862"]),
    ("listed_on", &["1921-07-08", "1925-09-10", "-17709", "-16184"]),
];

/// A table with two rows: the bounds of each column are its two values.
fn people() -> MemoryTable {
    MemoryTable::new("public", "people")
        .column("id", "bigint")
        .column("birth_date", "date")
        .column("phone", "bigint")
        .column("income", "double precision")
        .column("height", "integer")
        .column("listed_on", "date")
        .row([
            Some("1"),
            Some("1907-03-04"),
            Some("821046290713"),
            Some("7391846.25"),
            Some("1470258369"),
            Some("1921-07-08"),
        ])
        .row([
            Some("2"),
            Some("1911-05-06"),
            Some("821098765431"),
            Some("9182736.5"),
            Some("1593574862"),
            Some("1925-09-10"),
        ])
}

/// The contract does not name `income`: it is `unclassified`. `listed_on` is as given.
fn contract(listed_on: &str) -> String {
    format!(
        r#"version: 1
tables:
  "public.people":
    columns:
      id: {{ source: bigint, type: INT64, class: none }}
      birth_date: {{ source: date, type: DATE, class: birth }}
      phone: {{ source: bigint, type: INT64, class: number }}
      height: {{ source: integer, type: INT64, class: none }}
      listed_on: {{ source: date, type: DATE, {listed_on} }}
"#
    )
}

async fn start(listed_on: &str) -> TestEnv {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    database.set_table(people()).expect("a table");
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database);
    builder.contract = contract(listed_on);
    // A class whose mask fits numbers.
    let number = "  classes:\n    number: { mask: ALWAYS_NULL }\n";
    builder.config = builder.config.replace("  classes:\n", number);
    builder.build().await
}

/// The columns whose bounds are anywhere in the ledger, in `landbridge_ops`, in the objects from
/// which it is loaded, or in the log.
async fn columns_with_written_bounds(env: &TestEnv) -> BTreeSet<&'static str> {
    let mut written = env.log_output();
    for (_, bytes) in env.ledger("").await {
        written += &String::from_utf8_lossy(&bytes);
    }
    for (name, bytes) in env.landing_objects() {
        if !name.ends_with(".parquet") {
            written += &String::from_utf8_lossy(&bytes);
        }
    }
    let sql = "SELECT columns, notes, problem FROM landbridge_ops.receipts";
    let rows = env.query(Analyst, sql).await.expect("receipts");
    assert!(!rows.is_empty());
    written += &rows.concat().concat();
    let has = |(_, texts): &&(&str, &[&str])| texts.iter().any(|text| written.contains(text));
    BOUNDS.iter().filter(has).map(|(column, _)| *column).collect()
}

/// The smallest and the largest `listed_on` of the receipt, whose table must be published.
async fn listed_on(env: &TestEnv) -> (Option<String>, Option<String>) {
    let receipt: Receipt = env.receipts(FIRST).await.remove("public.people").expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Published, "{:?}", receipt.problem);
    let column = receipt.columns.into_iter().find(|column| column.name == "listed_on");
    let column = column.expect("the column");
    (column.min, column.max)
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_are_written_down_only_for_columns_that_opt_in() {
    let env = start("class: none, bounds: true").await;
    assert!(env.run_day(0).await.is_empty());
    let both = (Some("1921-07-08".to_owned()), Some("1925-09-10".to_owned()));
    assert_eq!(listed_on(&env).await, both);
    assert_eq!(columns_with_written_bounds(&env).await, BTreeSet::from(["listed_on"]));
}

/// The bounds were recorded by the transfer; the contract that the load applies classifies the
/// column, or no longer allows its bounds. The other way round, nothing was recorded.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_has_bounds_only_if_transfer_and_load_may_show_them() {
    for (transferred, loaded) in [
        ("class: none, bounds: true", "class: birth"),
        ("class: none, bounds: true", "class: none"),
        ("class: none", "class: none, bounds: true"),
    ] {
        let env = start(transferred).await;
        assert!(env.run_until("2026-11-20T16:50:00Z").await.is_empty());
        assert!(env.tick("export", "2026-11-20T16:50:00Z").await.is_response());
        assert!(env.tick("transfer", "2026-11-20T17:00:00Z").await.is_response());
        assert_eq!(env.ledger(&format!("{FIRST}/items/people@")).await.len(), 1);
        env.deploy_contract(&contract(loaded));
        assert!(env.tick("load", "2026-11-20T17:05:00Z").await.is_response());
        assert_eq!(listed_on(&env).await, (None, None), "{transferred}, then {loaded}");
    }
}

/// Writes bounds into the records of the first day, as earlier versions of Landbridge did: of every
/// column in items, and of columns of class `none` in receipts and batches.
async fn write_old_bounds(env: &TestEnv) {
    let item = json!({
        "birth_date": [{"date": -22_949}, {"date": -21_425}],
        "phone": [{"integer": 821_046_290_713_i64}, {"integer": 821_098_765_431_i64}],
        "income": [{"double": "7391846.25"}, {"double": "9182736.5"}],
        "height": [{"integer": 1_470_258_369}, {"integer": 1_593_574_862}],
    });
    let add_to_receipt = |columns: &mut Value| {
        for column in columns.as_array_mut().expect("columns") {
            if column["name"] == "height" {
                column["min"] = json!("1470258369");
                column["max"] = json!("1593574862");
            }
        }
    };
    for (key, bytes) in env.ledger(&format!("{FIRST}/")).await {
        let mut record: Value = serde_json::from_slice(&bytes).expect("JSON");
        if key.contains("/items/") {
            for (column, bounds) in item.as_object().expect("columns") {
                record["columns"][column] =
                    json!({"nulls": 0, "bounded": true, "min": bounds[0], "max": bounds[1]});
            }
        } else if key.contains("/receipts/") {
            add_to_receipt(&mut record["columns"]);
        } else if key.ends_with("/batches/001.json") {
            let mut row: Value =
                serde_json::from_str(record["lines"].as_str().expect("lines")).expect("one row");
            let columns = row["columns"].as_str().expect("columns");
            let mut columns: Value = serde_json::from_str(columns).expect("JSON");
            add_to_receipt(&mut columns);
            row["columns"] = columns.to_string().into();
            record["lines"] = format!("{row}\n").into();
        } else {
            continue;
        }
        let bytes = serde_json::to_vec_pretty(&record).expect("JSON");
        let bucket = &env.cloud.config().export.bucket;
        env.cloud.aws().put_object(bucket, &key, bytes.into()).await.expect("a record");
    }
}

/// Runs `landbridge ledger remove-bounds` and returns its result.
fn remove_bounds(env: &TestEnv, more: &[&str]) -> Value {
    let config = env.dir.path().join("landbridge.yaml");
    let config = config.to_str().expect("a path");
    let command = ["ledger", "remove-bounds", "--output", "json", "--config", config];
    let output = landbridge(&env.cloud.client_env(), &[&command, more].concat());
    assert!(output.status.success(), "{}", output_text(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_of_earlier_versions_are_removed_from_the_ledger() {
    let env = start("class: none, bounds: true").await;
    assert!(env.run_day(0).await.is_empty());
    write_old_bounds(&env).await;
    let all = BTreeSet::from(["birth_date", "phone", "income", "height", "listed_on"]);
    assert_eq!(columns_with_written_bounds(&env).await, all);

    // Without --yes, it only counts.
    let ledger = env.ledger("").await;
    let counted = remove_bounds(&env, &[]);
    assert_eq!(env.ledger("").await, ledger);
    let columns = json!([
        "people.birth_date",
        "people.height",
        "people.income",
        "people.phone",
        "public.people.height",
    ]);
    assert_eq!(
        (&counted["changed"], &counted["records"]),
        (
            &json!(false),
            &json!({"read": 3, "with_bounds": 3, "rewritten": 0, "columns": columns, "unreadable": []})
        )
    );

    let removed = remove_bounds(&env, &["--yes"]);
    assert_eq!(removed["records"]["rewritten"], 3);
    // The local S3 keeps no older versions; `moto::bounds` removes some.
    assert_eq!(removed["older_versions"]["read"], 0);
    assert_eq!(columns_with_written_bounds(&env).await, BTreeSet::from(["listed_on"]));
    let sql = removed["sql"].as_str().expect("a statement");
    assert!(sql.starts_with("UPDATE `shop-analytics.landbridge_ops.receipts`"), "{sql}");
    assert!(sql.contains("IN ('public.people.listed_on'), item, JSON_REMOVE("), "{sql}");
    assert_eq!(
        removed["gcloud"],
        "gcloud storage rm 'gs://shop-landing/landbridge/shop/*/receipts/*.json'"
    );
    // Again: nothing is left to do, and the records are still those that the functions read.
    assert_eq!(remove_bounds(&env, &["--yes"])["records"]["with_bounds"], 0);
    assert!(env.run_day(1).await.is_empty());
    let receipt = env.receipts(SECOND).await.remove("public.people").expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Published, "{:?}", receipt.problem);

    // A contract that no longer allows the bounds of a column: the same command.
    env.deploy_contract(&contract("class: birth"));
    let removed = remove_bounds(&env, &["--yes"]);
    assert_eq!(removed["records"]["rewritten"], 6, "{removed}");
    assert!(!removed["sql"].as_str().expect("a statement").contains("listed_on"));
    for (key, bytes) in env.ledger("").await {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for (column, texts) in BOUNDS {
            assert!(!texts.iter().any(|it| text.contains(it)), "{column}: {key}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_to_remove_bounds_names_the_rights() {
    let env = start("class: none").await;
    assert!(env.run_day(0).await.is_empty());
    env.cloud.aws().deny_bucket("shop-exports", "the bucket policy says no");
    let config = env.dir.path().join("landbridge.yaml");
    let command = ["ledger", "remove-bounds", "--config", config.to_str().expect("a path")];
    let output = landbridge(&env.cloud.client_env(), &command);
    assert_eq!(output.status.code(), Some(3));
    let text = output_text(&output);
    assert!(text.contains("s3:DeleteObjectVersion on shop-exports/ledger/shop/*"), "{text}");
}
