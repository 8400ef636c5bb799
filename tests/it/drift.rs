//! Schema changes, unusual exports, every type, clusters.

use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use landbridge_core::receipt::{NoteCode, ReceiptState};
use landbridge_local::Principal::{Analyst, PiiReader};
use landbridge_local_database::{ExportQuirks, MemoryDatabase, MemoryTable};

use crate::support::{SMALL_CONTRACT, TestEnv, TestEnvBuilder, small_database};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";

/// A local cloud with this database and the small contract.
async fn env_with(database: MemoryDatabase) -> TestEnv {
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database);
    builder.build().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_removed_at_the_source_becomes_null_and_is_reported() {
    let database = small_database();
    let env = env_with(database.clone()).await;
    assert!(env.run_day(0).await.is_empty());
    let people = MemoryTable::new("public", "people")
        .column("id", "bigint")
        .column("email", "character varying(120)");
    database.set_table(people.row([Some("9"), Some("nine@example.com")])).unwrap();
    assert!(env.run_day(1).await.is_empty());
    let receipt = env.receipts(SECOND).await.remove("public.people").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published);
    assert!(
        receipt.notes.iter().any(|note| {
            note.code == NoteCode::ColumnNotInExport && note.column.as_deref() == Some("name")
        }),
        "{:?}",
        receipt.notes
    );
    let rows =
        env.query(PiiReader, "SELECT id, name, email, secret FROM shop.people").await.unwrap();
    assert_eq!(rows, [["9", "NULL", "nine@example.com", "NULL"]]);
    // `secret`, which neither the source nor the contract names any more, keeps its tag.
    assert!(env.exposed_columns(&crate::crash::OPEN).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_change_is_held_and_the_other_tables_continue() {
    let database = small_database();
    let env = env_with(database.clone()).await;
    assert!(env.run_day(0).await.is_empty());
    let people = "SELECT COUNT(*) FROM shop.people";
    assert_eq!(env.query(Analyst, people).await.unwrap(), [["3"]]);
    let changed = MemoryTable::new("public", "people")
        .column("id", "character varying(36)")
        .column("email", "text");
    database.set_table(changed.row([Some("nine"), Some("nine@example.com")])).unwrap();
    assert!(env.run_day(1).await.is_empty());
    let receipts = env.receipts(SECOND).await;
    assert_eq!(receipts["public.people"].state, ReceiptState::Held);
    let problem = receipts["public.people"].problem.clone().unwrap().to_string();
    assert!(problem.starts_with("the export has another type of a column than contract.yaml, so the table is not loaded: people.id: contract.yaml says INT64 of the source type `bigint`, and the export's `character varying` lands as STRING"), "{problem}");
    assert!(problem.ends_with("; the table keeps its rows of 2026-11-21"), "{problem}");
    assert_eq!(receipts["public.orders"].state, ReceiptState::Published);
    assert_eq!(env.query(Analyst, people).await.unwrap(), [["3"]], "yesterday's rows");
    let alerts = env
        .alerts("load")
        .into_iter()
        .filter(|alert| alert.to_string().contains("another type of a column"));
    assert_eq!(alerts.count(), 1, "reported once, although every tick of the day held the table");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_our_label_is_not_touched() {
    let env = TestEnvBuilder::small().build().await;
    // Created by hand before the first load, so it has no label.
    let token = landbridge_local::Principal::Loader.token();
    let url = format!(
        "{}/projects/shop-analytics/datasets/shop/tables",
        env.cloud.function_env()["LANDBRIDGE_BIGQUERY_ENDPOINT"]
    );
    let body = serde_json::json!({
        "tableReference": { "projectId": "shop-analytics", "datasetId": "shop", "tableId": "orders" },
        "schema": { "fields": [{ "name": "by_hand", "type": "STRING" }] },
    });
    let response =
        reqwest::Client::new().post(url).bearer_auth(token).json(&body).send().await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    assert!(env.run_day(0).await.is_empty());
    let receipts = env.receipts(FIRST).await;
    assert_eq!(receipts["public.orders"].state, ReceiptState::Held);
    assert!(
        receipts["public.orders"]
            .problem
            .clone()
            .unwrap()
            .what
            .contains("was not created by Landbridge")
    );
    let table = env.cloud.google().table_resource("shop", "orders").unwrap();
    assert_eq!(table["schema"]["fields"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_the_contract_does_not_name_is_fully_masked() {
    let mut builder = TestEnvBuilder::small();
    builder.contract = SMALL_CONTRACT.replace("public.orders", "public.else_where");
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts(FIRST).await.remove("public.orders").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published);
    assert!(
        receipt.columns.iter().all(|column| column.class == "unclassified" && column.tag_read_back)
    );
    let rows =
        env.query(PiiReader, "SELECT COUNT(id), COUNT(paid) FROM shop.orders").await.unwrap();
    assert_eq!(rows, [["0", "0"]], "NULL for everyone");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_never_loaded_twice() {
    let database = small_database();
    let row = |n: i64| vec![Some(n.to_string()), Some("x".to_owned())];
    let table =
        |name: &str| MemoryTable::new("public", name).column("id", "bigint").column("kind", "text");
    database.set_table(table("events").rows((0..30).map(row))).unwrap();
    database.set_table(table("events_2025").rows((0..10).map(row)).partition_of("events")).unwrap();
    database
        .set_table(table("events_2026").rows((10..30).map(row)).partition_of("events"))
        .unwrap();
    let mut builder = TestEnvBuilder::small();
    builder.contract.push_str(
        r#"  "public.events":
    columns:
      id: { source: bigint, type: INT64, class: none }
      kind: { source: text, type: STRING, class: none }
"#,
    );
    builder.source = Arc::new(database);
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipts = env.receipts(FIRST).await;
    assert_eq!(
        (receipts["public.events"].state, receipts["public.events"].rows_table),
        (ReceiptState::Published, Some(30))
    );
    for child in ["public.events_2025", "public.events_2026"] {
        assert_eq!(receipts[child].state, ReceiptState::Skipped, "{child}");
        assert_eq!(receipts[child].notes[0].code, NoteCode::Partition);
    }
    assert!(!env.cloud.google().table_ids("shop").iter().any(|table| table.starts_with("events_")));
    let alerted = env.alerts("load").iter().any(|alert| alert.to_string().contains("events"));
    assert!(!alerted, "a partition raises no alert");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_of_an_empty_table_load_no_rows() {
    use landbridge_local_database::EmptyTableForm;
    for form in [EmptyTableForm::ZeroRowFile, EmptyTableForm::SuccessMarkerOnly] {
        let database = small_database();
        let env = env_with(database.clone()).await;
        env.cloud.aws().set_export_quirks(ExportQuirks { empty: form, ..ExportQuirks::default() });
        assert!(env.run_day(0).await.is_empty());
        let orders = MemoryTable::new("public", "orders")
            .column("id", "bigint")
            .column("person_id", "bigint");
        database
            .set_table(
                orders
                    .column("paid", "boolean")
                    .column("weight", "double precision")
                    // The contract tokenises the one and drops the other.
                    .column("card", "character varying(30)")
                    .column("internal", "text"),
            )
            .unwrap();
        assert!(env.run_day(1).await.is_empty());
        for (target, receipt) in env.receipts(SECOND).await {
            assert_eq!(
                receipt.state,
                ReceiptState::Published,
                "{form:?} {target}: {:?}",
                receipt.problem
            );
        }
        assert_eq!(
            env.query(Analyst, "SELECT COUNT(*) FROM shop.orders").await.unwrap(),
            [["0"]],
            "{form:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_transferred_like_an_instance() {
    let mut builder = TestEnvBuilder::small();
    builder.config = builder.config.replace("kind: instance", "kind: cluster");
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    assert!(env.cloud.aws().snapshots().iter().all(|it| it.arn.contains(":cluster-snapshot:")));
    let receipts = env.receipts(FIRST).await;
    assert_eq!(
        receipts.values().filter(|receipt| receipt.state == ReceiptState::Published).count(),
        3
    );
}

/// A local cloud with this database and an empty contract: the export decides each column's type.
async fn env_without_contract(database: MemoryDatabase) -> TestEnv {
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database);
    builder.contract = "version: 1\ntables: {}\n".to_owned();
    builder.build().await
}

/// Runs the first day and asserts that `every_type` is published with these column types.
async fn assert_types(env: &TestEnv, expected: &[(&str, &str)]) {
    assert!(env.run_day(0).await.is_empty());
    let receipts = env.receipts(FIRST).await;
    let receipt = receipts.values().find(|it| it.source_table.ends_with("every_type"));
    let receipt = receipt.expect("the table");
    assert_eq!(receipt.state, ReceiptState::Published, "{:?}", receipt.problem);
    for (name, ty) in expected {
        let column = receipt.columns.iter().find(|column| column.name == *name);
        assert_eq!(column.map(|column| column.ty.name()), Some(*ty), "{name}");
    }
}

/// The cells of a column of `shop.every_type` in the warehouse, as text.
fn cells(env: &TestEnv, name: &str) -> Vec<String> {
    let batches = env.cloud.google().table_batches("shop", "every_type").expect("rows");
    let cells = batches.iter().flat_map(|batch| {
        let column = batch.column_by_name(name).expect(name);
        let text = ArrayFormatter::try_new(column, &FormatOptions::default()).expect(name);
        (0..batch.num_rows()).map(|row| text.value(row).to_string()).collect::<Vec<_>>()
    });
    cells.collect()
}

/// Every row of the MySQL type table is loaded as expected; docs/types.md lists the column types.
#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_mysql() {
    for three_part_targets in [false, true] {
        let env = env_without_contract(MemoryDatabase::mysql_every_type().unwrap()).await;
        let quirks = ExportQuirks { three_part_targets, ..ExportQuirks::default() };
        env.cloud.aws().set_export_quirks(quirks);
        let types = [
            ("c_tinyint_u", "INT64"),
            ("c_bool", "INT64"),
            ("c_int_u", "INT64"),
            ("c_bigint_u", "NUMERIC"),
            ("c_decimal_9", "NUMERIC"),
            ("c_decimal_38", "BIGNUMERIC"),
            ("c_decimal_65", "STRING"),
            ("c_double", "FLOAT64"),
            ("c_char", "STRING"),
            ("c_varchar", "STRING"),
            ("c_enum", "STRING"),
            ("c_json", "STRING"),
            ("c_bit", "BYTES"),
            ("c_blob", "BYTES"),
            ("c_point", "BYTES"),
            ("c_date", "STRING"),
            ("c_datetime", "DATETIME"),
            ("c_timestamp", "TIMESTAMP"),
        ];
        assert_types(&env, &types).await;
        for (name, start) in
            [("c_bigint_u", "18446744073709551615"), ("c_datetime", "2026-03-01T09:30:00.123456")]
        {
            let cells = cells(&env, name);
            assert!(cells.iter().any(|cell| cell.starts_with(start)), "{name}: {cells:?}");
        }
        for (name, cell) in [
            ("c_char", "서울"),
            ("c_tinyint_u", "255"),
            ("c_decimal_65", "-0.000000000000000000000000000001"),
        ] {
            let cells = cells(&env, name);
            assert!(cells.iter().any(|it| it == cell), "{name}: {cells:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_postgresql() {
    let env = env_without_contract(MemoryDatabase::postgres_every_type().unwrap()).await;
    let types = [
        ("id", "INT64"),
        ("c_smallint", "INT64"),
        ("c_real", "FLOAT64"),
        ("c_boolean", "BOOL"),
        ("c_bytea", "BYTES"),
        ("c_numeric", "STRING"),
        ("c_timestamptz", "STRING"),
        ("c_array", "STRING"),
        ("c_char", "STRING"),
    ];
    assert_types(&env, &types).await;
}
