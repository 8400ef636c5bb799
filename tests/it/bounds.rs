//! The smallest and largest value of a column are cell values: they are written down only for
//! columns whose contract says `bounds: true`.

use std::collections::BTreeSet;
use std::sync::Arc;

use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_local::Principal::Analyst;
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};

use crate::support::{TestEnv, TestEnvBuilder};

const FIRST: &str = "2026-11-21";

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
        assert_eq!(env.ledger(&format!("{FIRST}/items/people/")).await.len(), 1);
        env.deploy_contract(&contract(loaded));
        assert!(env.tick("load", "2026-11-20T17:05:00Z").await.is_response());
        assert_eq!(listed_on(&env).await, (None, None), "{transferred}, then {loaded}");
    }
}
