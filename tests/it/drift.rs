//! Schema changes, unusual exports, every type, clusters.

use std::sync::Arc;

use landbridge_core::receipt::{NoteCode, ReceiptState};
use landbridge_local::Principal::{Analyst, PiiReader};
use landbridge_local_database::{ExportQuirks, MemoryDatabase, MemoryTable};

use crate::support::{Recipe, SMALL_CONTRACT, small_database};

const SECOND: &str = "2026-11-22";

#[tokio::test(flavor = "multi_thread")]
async fn a_column_removed_at_the_source_becomes_null_and_is_reported() {
    let database = small_database();
    let mut recipe = Recipe::small();
    recipe.source = Arc::new(database.clone());
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    let people = MemoryTable::new("public", "people")
        .column("id", "bigint")
        .column("email", "character varying(120)");
    database.set_table(people.row([Some("9"), Some("nine@example.com")])).unwrap();
    assert!(world.night(1).await.is_empty());
    let receipt = world.receipts(SECOND).await.remove("public.people").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published);
    assert!(
        receipt.notes.iter().any(|note| {
            note.code == NoteCode::ColumnNotInExport && note.column.as_deref() == Some("name")
        }),
        "{:?}",
        receipt.notes
    );
    let rows =
        world.query(PiiReader, "SELECT id, name, email, secret FROM shop.people").await.unwrap();
    assert_eq!(rows, [["9", "NULL", "nine@example.com", "NULL"]]);
    // `secret`, which neither the source nor the contract names any more, keeps its tag.
    assert!(world.exposed(&crate::crash::OPEN).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_change_is_held_and_the_other_tables_continue() {
    let database = small_database();
    let mut recipe = Recipe::small();
    recipe.source = Arc::new(database.clone());
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    let people = "SELECT COUNT(*) FROM shop.people";
    assert_eq!(world.query(Analyst, people).await.unwrap(), [["3"]]);
    let changed = MemoryTable::new("public", "people")
        .column("id", "character varying(36)")
        .column("email", "text");
    database.set_table(changed.row([Some("nine"), Some("nine@example.com")])).unwrap();
    assert!(world.night(1).await.is_empty());
    let receipts = world.receipts(SECOND).await;
    assert_eq!(receipts["public.people"].state, ReceiptState::Held);
    let problem = receipts["public.people"].problem.clone().unwrap().to_string();
    assert!(problem.starts_with("a column changed its type, so the table keeps yesterday's data: people.id was INT64 and would become STRING"), "{problem}");
    assert_eq!(receipts["public.orders"].state, ReceiptState::Published);
    assert_eq!(world.query(Analyst, people).await.unwrap(), [["3"]], "yesterday's rows");
    let alerts = world
        .alerts("load")
        .into_iter()
        .filter(|alert| alert.to_string().contains("changed its type"));
    assert_eq!(alerts.count(), 1, "reported once, although every tick of the day held the table");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_our_label_is_not_touched() {
    let world = Recipe::small().build().await;
    // Created by hand before the first load, so it has no label.
    let token = landbridge_local::Principal::Loader.token();
    let url = format!(
        "{}/projects/shop-analytics/datasets/shop/tables",
        world.cloud.function_env()["LANDBRIDGE_BIGQUERY_ENDPOINT"]
    );
    let body = serde_json::json!({
        "tableReference": { "projectId": "shop-analytics", "datasetId": "shop", "tableId": "orders" },
        "schema": { "fields": [{ "name": "by_hand", "type": "STRING" }] },
    });
    let made =
        reqwest::Client::new().post(url).bearer_auth(token).json(&body).send().await.unwrap();
    assert!(made.status().is_success(), "{}", made.status());
    assert!(world.night(0).await.is_empty());
    let receipts = world.receipts("2026-11-21").await;
    assert_eq!(receipts["public.orders"].state, ReceiptState::Held);
    assert!(
        receipts["public.orders"]
            .problem
            .clone()
            .unwrap()
            .what
            .contains("was not created by Landbridge")
    );
    let table = world.cloud.google().table_resource("shop", "orders").unwrap();
    assert_eq!(table["schema"]["fields"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_the_contract_does_not_name_is_fully_masked() {
    let mut recipe = Recipe::small();
    recipe.contract = SMALL_CONTRACT.replace("public.orders", "public.else_where");
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    let receipt = world.receipts("2026-11-21").await.remove("public.orders").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published);
    assert!(
        receipt.columns.iter().all(|column| column.class == "unclassified" && column.tag_read_back)
    );
    let rows =
        world.query(PiiReader, "SELECT COUNT(id), COUNT(paid) FROM shop.orders").await.unwrap();
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
    let mut recipe = Recipe::small();
    recipe.contract.push_str(
        r#"  "public.events":
    columns:
      id: { source: bigint, type: INT64, class: none }
      kind: { source: text, type: STRING, class: none }
"#,
    );
    recipe.source = Arc::new(database);
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    let receipts = world.receipts("2026-11-21").await;
    assert_eq!(
        (receipts["public.events"].state, receipts["public.events"].rows_table),
        (ReceiptState::Published, Some(30))
    );
    for child in ["public.events_2025", "public.events_2026"] {
        assert_eq!(receipts[child].state, ReceiptState::Skipped, "{child}");
        assert_eq!(receipts[child].notes[0].code, NoteCode::Partition);
    }
    assert!(
        !world.cloud.google().table_ids("shop").iter().any(|table| table.starts_with("events_"))
    );
    let told = world.alerts("load").iter().any(|alert| alert.to_string().contains("events"));
    assert!(!told, "partitions are as they should be");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_of_an_empty_table_load_no_rows() {
    use landbridge_local_database::EmptyTableForm;
    for form in [EmptyTableForm::ZeroRowFile, EmptyTableForm::SuccessMarkerOnly] {
        let database = small_database();
        let mut recipe = Recipe::small();
        recipe.source = Arc::new(database.clone());
        let world = recipe.build().await;
        world
            .cloud
            .aws()
            .set_export_quirks(ExportQuirks { empty: form, ..ExportQuirks::default() });
        assert!(world.night(0).await.is_empty());
        let orders = MemoryTable::new("public", "orders")
            .column("id", "bigint")
            .column("person_id", "bigint");
        database
            .set_table(orders.column("paid", "boolean").column("weight", "double precision"))
            .unwrap();
        assert!(world.night(1).await.is_empty());
        for (target, receipt) in world.receipts(SECOND).await {
            assert_eq!(
                receipt.state,
                ReceiptState::Published,
                "{form:?} {target}: {:?}",
                receipt.problem
            );
        }
        assert_eq!(
            world.query(Analyst, "SELECT COUNT(*) FROM shop.orders").await.unwrap(),
            [["0"]],
            "{form:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_transferred_like_an_instance() {
    let mut recipe = Recipe::small();
    recipe.config = recipe.config.replace("kind: instance", "kind: cluster");
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    assert!(world.cloud.aws().snapshots().iter().all(|it| it.arn.contains(":cluster-snapshot:")));
    let receipts = world.receipts("2026-11-21").await;
    assert_eq!(
        receipts.values().filter(|receipt| receipt.state == ReceiptState::Published).count(),
        3
    );
}

/// Every row of the MySQL type table is loaded as expected; docs/types.md lists the column types.
#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_mysql() {
    for three_part_targets in [false, true] {
        let mut recipe = Recipe::small();
        recipe.source = Arc::new(MemoryDatabase::mysql_every_type().unwrap());
        recipe.contract = "version: 1\ntables: {}\n".to_owned();
        let world = recipe.build().await;
        world
            .cloud
            .aws()
            .set_export_quirks(ExportQuirks { three_part_targets, ..ExportQuirks::default() });
        assert!(world.night(0).await.is_empty());
        let receipts = world.receipts("2026-11-21").await;
        let receipt = receipts
            .values()
            .find(|receipt| receipt.source_table.ends_with("every_type"))
            .expect("the table");
        assert_eq!(receipt.state, ReceiptState::Published, "{:?}", receipt.problem);
        let ty = |name: &str| {
            receipt.columns.iter().find(|column| column.name == name).map(|column| column.ty.name())
        };
        for (column, expected) in [
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
            ("c_datetime", "TIMESTAMP"),
            ("c_timestamp", "TIMESTAMP"),
        ] {
            assert_eq!(ty(column), Some(expected), "{column}");
        }
        let rows = world.cloud.google().table_batches("shop", "every_type").expect("rows");
        let column = |name: &str| {
            let cells = rows.iter().flat_map(|batch| {
                let column = batch.column_by_name(name).expect(name).clone();
                let text =
                    arrow::util::display::ArrayFormatter::try_new(&column, &Default::default())
                        .expect(name);
                (0..batch.num_rows()).map(|row| text.value(row).to_string()).collect::<Vec<_>>()
            });
            cells.collect::<Vec<_>>()
        };
        assert!(
            column("c_bigint_u").iter().any(|cell| cell.starts_with("18446744073709551615")),
            "{:?}",
            column("c_bigint_u")
        );
        assert!(column("c_char").contains(&"서울".to_owned()), "{:?}", column("c_char"));
        assert!(column("c_tinyint_u").contains(&"255".to_owned()));
        assert!(
            column("c_datetime").iter().any(|cell| cell.starts_with("2026-03-01T09:30:00.123456")),
            "{:?}",
            column("c_datetime")
        );
        assert!(column("c_decimal_65").contains(&"-0.000000000000000000000000000001".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_postgresql() {
    let mut recipe = Recipe::small();
    recipe.source = Arc::new(MemoryDatabase::postgres_every_type().unwrap());
    recipe.contract = "version: 1\ntables: {}\n".to_owned();
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    let receipts = world.receipts("2026-11-21").await;
    let receipt = receipts
        .values()
        .find(|receipt| receipt.source_table.ends_with("every_type"))
        .expect("the table");
    assert_eq!(receipt.state, ReceiptState::Published, "{:?}", receipt.problem);
    let ty = |name: &str| {
        receipt.columns.iter().find(|column| column.name == name).map(|column| column.ty.name())
    };
    for (column, expected) in [
        ("id", "INT64"),
        ("c_smallint", "INT64"),
        ("c_real", "FLOAT64"),
        ("c_boolean", "BOOL"),
        ("c_bytea", "BYTES"),
        ("c_numeric", "STRING"),
        ("c_timestamptz", "STRING"),
        ("c_array", "STRING"),
        ("c_char", "STRING"),
    ] {
        assert_eq!(ty(column), Some(expected), "{column}");
    }
}
