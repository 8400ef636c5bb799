//! Times without a zone: the type that they get, and the type that they keep.

use std::sync::Arc;

use landbridge_core::receipt::ReceiptState;
use landbridge_local_database::{Engine, ExportQuirks, MemoryDatabase, MemoryTable, TimestampForm};

use crate::support::{TestEnv, TestEnvBuilder};

const NO_CONTRACT: &str = "version: 1\ntables: {}\n";

fn visits(name: &str) -> MemoryTable {
    MemoryTable::new("shop", name)
        .column("id", "bigint")
        .column("wall", "datetime(6)")
        .column("instant", "timestamp")
        .row([Some("1"), Some("2026-03-01 09:30:00.5"), Some("2026-03-01 00:30:00")])
}

/// The types of `wall` and `instant` in BigQuery.
fn types(env: &TestEnv, table: &str) -> [String; 2] {
    let resource = env.cloud.google().table_resource("shop", table).expect("a table");
    let fields = resource["schema"]["fields"].as_array().expect("fields").clone();
    ["wall", "instant"].map(|name| {
        let field = fields.iter().find(|field| field["name"] == name).expect("a column");
        field["type"].as_str().expect("a type").to_owned()
    })
}

/// The rows as JSON.
fn stored(env: &TestEnv, table: &str) -> String {
    let batches = env.cloud.google().table_batches("shop", table).expect("rows");
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    batches.iter().for_each(|batch| writer.write(batch).expect("JSON"));
    String::from_utf8(writer.into_inner()).expect("text").trim().to_owned()
}

async fn assert_published(env: &TestEnv, day: &str, count: usize) {
    let receipts = env.receipts(day).await;
    assert_eq!(receipts.len(), count, "{day}: {:?}", receipts.keys());
    for (table, receipt) in receipts {
        assert_eq!(receipt.state, ReceiptState::Published, "{table}: {:?}", receipt.problem);
    }
}

/// BigQuery cannot change the type of a column. Neither a new configuration nor a first entry of the
/// contract may hold a table that landed under the old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_keeps_the_type_with_which_it_landed() {
    let database = MemoryDatabase::new(Engine::mysql("8.0.39"), "shop");
    database.set_table(visits("early")).expect("a table");
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database.clone());
    builder.contract = NO_CONTRACT.to_owned();
    let datetime = builder.config.clone();
    builder.config = datetime.replace("  dataset:", "  naive_times: timestamp\n  dataset:");
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    assert_published(&env, "2026-11-21", 1).await;
    assert_eq!(types(&env, "early"), ["TIMESTAMP", "TIMESTAMP"]);

    database.set_table(visits("late")).expect("a table");
    env.deploy_config(&datetime);
    assert!(env.run_day(1).await.is_empty());
    assert_published(&env, "2026-11-22", 2).await;
    assert_eq!(types(&env, "early"), ["TIMESTAMP", "TIMESTAMP"]);
    assert_eq!(types(&env, "late"), ["DATETIME", "TIMESTAMP"]);

    // With a zone, the column that is DATETIME stays so, and the other becomes the true instant.
    env.deploy_config(&datetime.replace("  region:", "  zone: Asia/Seoul\n  region:"));
    assert!(env.run_day(2).await.is_empty());
    assert_published(&env, "2026-11-23", 2).await;
    assert_eq!(
        stored(&env, "early"),
        r#"{"id":1,"wall":"2026-03-01T00:30:00.500Z","instant":"2026-03-01T00:30:00Z"}"#
    );
    assert_eq!(
        stored(&env, "late"),
        r#"{"id":1,"wall":"2026-03-01T09:30:00.500","instant":"2026-03-01T00:30:00Z"}"#
    );
}

/// Neither the unit of the numbers nor the mark of UTC changes what MySQL's types mean, and a table whose
/// export changes its form lands on the next day as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_lands_with_the_same_type_and_value_in_every_form_of_the_files() {
    let database = MemoryDatabase::new(Engine::mysql("8.0.39"), "shop");
    database.set_table(visits("visits")).expect("a table");
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database.clone());
    builder.contract = NO_CONTRACT.to_owned();
    let env = builder.build().await;
    let forms = [
        TimestampForm::LocalMillis,
        TimestampForm::LocalNanos,
        TimestampForm::Millis,
        TimestampForm::LocalMicros,
    ];
    for (index, timestamps) in forms.into_iter().enumerate() {
        env.cloud.aws().set_export_quirks(ExportQuirks { timestamps, ..ExportQuirks::default() });
        assert!(env.run_day(index as i64).await.is_empty(), "{timestamps:?}");
        assert_published(&env, &format!("2026-11-2{}", index + 1), 1).await;
        assert_eq!(types(&env, "visits"), ["DATETIME", "TIMESTAMP"], "{timestamps:?}");
        assert_eq!(
            stored(&env, "visits"),
            r#"{"id":1,"wall":"2026-03-01T09:30:00.500","instant":"2026-03-01T00:30:00Z"}"#,
            "{timestamps:?}"
        );
    }
}
