//! Bad input and refusals. Each ends in one clear message that names the problem, the
//! object and the remedy; the day can continue, yesterday's data stays readable, and
//! no cell value is printed.

use std::sync::Arc;

use landbridge_core::receipt::{NoteCode, ReceiptState};
use landbridge_local::InvocationOutcome;
use landbridge_local::Principal::PiiReader;
use landbridge_local_database::ExportQuirks;

use crate::support::{SMALL_CONTRACT, TestEnv, TestEnvBuilder, small_database};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";
const PEOPLE: &str = "SELECT id, name, email FROM shop.people ORDER BY id";

/// A local cloud whose first day is published.
async fn start_with_published_day() -> TestEnv {
    let mut builder = TestEnvBuilder::small();
    builder.retries = Some(0);
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    assert!(
        env.receipts(FIRST).await.values().all(|receipt| receipt.state == ReceiptState::Published)
    );
    env
}

/// The error message of a failed tick; asserts that it contains each of `parts`.
fn error_message(failed: &[(String, InvocationOutcome)], function: &str, parts: &[&str]) -> String {
    let of = failed.iter().find(|(name, _)| name == function);
    let Some((_, InvocationOutcome::Error { message, .. })) = of else {
        panic!("{function} did not fail: {failed:#?}")
    };
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert!(!message.contains('\n'), "not one line: {message}");
    message.clone()
}

/// Asserts that the previous rows are readable, and that later ticks publish the day once the fault
/// is removed.
async fn assert_day_continues(env: &TestEnv, before: &[Vec<String>]) {
    assert_eq!(
        env.query(PiiReader, PEOPLE).await.unwrap(),
        before,
        "yesterday's data stays readable"
    );
    // Ticks of the same day, started by hand, do all remaining work.
    for hour in ["20:10:00Z", "20:50:00Z", "21:30:00Z"] {
        for stage in ["export", "transfer", "load"] {
            let outcome = env.tick(stage, &format!("2026-11-21T{hour}")).await;
            assert!(outcome.is_response(), "{stage}: {outcome:?}");
        }
    }
    let receipts = env.receipts(SECOND).await;
    assert_eq!(receipts.len(), 3);
    assert!(
        receipts.values().all(|receipt| receipt.state == ReceiptState::Published),
        "{receipts:#?}"
    );
    env.assert_no_cell_logged("");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket() {
    let env = start_with_published_day().await;
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    env.cloud.aws().remove_bucket("shop-exports").await;
    let failed = env.run_day(1).await;
    error_message(
        &failed,
        "transfer",
        &[
            "NoSuchBucket",
            "s3://shop-exports/",
            "create the named resource or correct its name in landbridge.yaml",
        ],
    );
    assert_eq!(env.query(PiiReader, PEOPLE).await.unwrap(), before);
    env.assert_no_cell_logged("");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_refuses() {
    let env = start_with_published_day().await;
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    env.cloud.aws().deny_bucket("shop-exports", "the bucket policy says no");
    let failed = env.run_day(1).await;
    error_message(
        &failed,
        "export",
        &["AccessDenied", "s3://shop-exports/", "grant the named permission"],
    );
    env.cloud.aws().allow_bucket("shop-exports");
    assert_day_continues(&env, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rds_refuses() {
    let env = start_with_published_day().await;
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    env.cloud
        .aws()
        .deny_action("StartExportTask", "not authorized to perform: rds:StartExportTask");
    let failed = env.run_day(1).await;
    let message = error_message(
        &failed,
        "export",
        &[
            "the export task cannot be started",
            "landbridge-shop-20261122-a1",
            "rds:StartExportTask",
            "grant",
        ],
    );
    assert!(message.contains("shop-rds-export"), "the role is named: {message}");
    // Reported once, although each tick failed.
    let alerts = env
        .alerts("export")
        .into_iter()
        .filter(|alert| alert.to_string().contains("cannot be started"));
    assert_eq!(alerts.count(), 1);
    assert!(
        env.alerts("load")
            .iter()
            .any(|alert| alert.to_string().contains("not published by its deadline"))
    );
    env.cloud.aws().allow_action("StartExportTask");
    assert_day_continues(&env, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud_storage_refuses() {
    let env = start_with_published_day().await;
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    env.cloud.google().set_bucket_denied("shop-landing", true);
    let failed = env.run_day(1).await;
    error_message(
        &failed,
        "transfer",
        &[
            "HTTP 403",
            "gs://shop-landing/landbridge/shop/2026-11-22/",
            "grant the named permission",
        ],
    );
    env.cloud.google().set_bucket_denied("shop-landing", false);
    assert_day_continues(&env, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bigquery_refuses() {
    let env = start_with_published_day().await;
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    env.cloud.google().set_dataset_denied("shop", true);
    let failed = env.run_day(1).await;
    error_message(
        &failed,
        "load",
        &["403 accessDenied", "shop-analytics.shop", "grant the named permission"],
    );
    env.cloud.google().set_dataset_denied("shop", false);
    assert_day_continues(&env, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_manifest() {
    let env = start_with_published_day().await;
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    env.cloud
        .aws()
        .set_export_quirks(ExportQuirks { truncated_manifest: true, ..ExportQuirks::default() });
    let failed = env.run_day(1).await;
    error_message(
        &failed,
        "export",
        &[
            "a manifest of the export is cut short",
            "exports/landbridge-shop-20261122-a1/export_tables_info_",
            "inspect the named object",
        ],
    );
    // Repaired by hand with the first day's manifest, which has the same content.
    let aws = env.cloud.aws();
    let intact = aws
        .list_objects("shop-exports", "exports/landbridge-shop-20261121-a1/export_tables_info_")
        .await;
    let truncated = aws
        .list_objects("shop-exports", "exports/landbridge-shop-20261122-a1/export_tables_info_")
        .await;
    let bytes = aws.read_object("shop-exports", &intact[0].key).await.unwrap().unwrap();
    aws.put_object("shop-exports", &truncated[0].key, bytes).await.unwrap();
    assert_day_continues(&env, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_parquet_file() {
    let env = start_with_published_day().await;
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    let quirks = ExportQuirks {
        truncated_file: Some("public.people".to_owned()),
        ..ExportQuirks::default()
    };
    env.cloud.aws().set_export_quirks(quirks);
    assert!(env.run_day(1).await.is_empty(), "one broken table fails no tick");
    let receipts = env.receipts(SECOND).await;
    let people = &receipts["public.people"];
    assert_eq!(people.state, ReceiptState::Held);
    let problem = people.problem.clone().unwrap().to_string();
    assert!(
        problem.contains("Parquet file is cut short")
            && problem.contains("s3://shop-exports/exports/landbridge-shop-20261122-a1/"),
        "{problem}"
    );
    // The other tables are published.
    assert_eq!(receipts["public.orders"].state, ReceiptState::Published);
    assert!(env.alerts("load").iter().any(|alert| alert.to_string().contains("cut short")));
    // The file is repaired, and the day continues.
    let aws = env.cloud.aws();
    let intact = parquet_of(&env, "20261121").await;
    let truncated = parquet_of(&env, "20261122").await;
    let bytes = aws.read_object("shop-exports", &intact).await.unwrap().unwrap();
    aws.put_object("shop-exports", &truncated, bytes).await.unwrap();
    assert_day_continues(&env, &before).await;
}

async fn parquet_of(env: &TestEnv, day: &str) -> String {
    let below = format!("exports/landbridge-shop-{day}-a1/shop/public.people/");
    let objects = env.cloud.aws().list_objects("shop-exports", &below).await;
    objects
        .into_iter()
        .map(|object| object.key)
        .find(|key| key.ends_with(".parquet"))
        .expect("a file")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_schema_differs_from_its_siblings() {
    let env = start_with_published_day().await;
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    let quirks = ExportQuirks {
        mismatched_file: Some("public.people".to_owned()),
        ..ExportQuirks::default()
    };
    env.cloud.aws().set_export_quirks(quirks);
    assert!(env.run_day(1).await.is_empty());
    let receipts = env.receipts(SECOND).await;
    let problem = receipts["public.people"].problem.clone().unwrap().to_string();
    assert!(
        problem.contains("another schema than the other files")
            && problem.contains(".parquet differs from"),
        "{problem}"
    );
    assert_eq!(receipts["public.orders"].state, ReceiptState::Published);
    let mismatched = env
        .cloud
        .aws()
        .list_objects("shop-exports", "exports/landbridge-shop-20261122-a1/shop/public.people/")
        .await;
    let mismatched = mismatched
        .iter()
        .filter(|object| object.key.ends_with(".parquet"))
        .map(|object| &object.key)
        .max()
        .unwrap();
    env.cloud.aws().delete_object("shop-exports", mismatched).await;
    assert_day_continues(&env, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_names_an_unknown_column() {
    let env = start_with_published_day().await;
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    let wrong = SMALL_CONTRACT.replace("      email: {", "      e_mail: {");
    env.deploy_contract(&wrong);
    assert!(env.run_day(1).await.is_empty());
    let receipts = env.receipts(SECOND).await;
    let problem = receipts["public.people"].problem.clone().unwrap().to_string();
    assert_eq!(
        problem,
        "the contract contains a column that neither the source nor BigQuery has: contract.yaml, shop.people.e_mail — \
         correct the named setting and deploy the file; the day then continues; the table keeps its rows of 2026-11-21"
    );
    assert_eq!(receipts["public.orders"].state, ReceiptState::Published);
    // The deployed contract does not name the column that is there, so it is masked for everyone.
    let masked = env.query(PiiReader, PEOPLE).await.unwrap();
    assert!(masked.iter().all(|row| row[2] == "NULL"), "{masked:?}");
    env.deploy_contract(SMALL_CONTRACT);
    env.tick("protect", "2026-11-21T20:05:00Z").await;
    assert_day_continues(&env, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_zone_identifier_and_region_are_reported_together() {
    let env = start_with_published_day().await;
    let config = TestEnvBuilder::small().config;
    let wrong = config
        .replace("zone: Asia/Seoul", "zone: Asia/Soul")
        .replace("id: shop-prod", "id: shop--prod")
        .replace("region: ap-northeast-2", "region: ap_northeast_2");
    std::fs::write(env.dir.path().join("landbridge.yaml"), &wrong).unwrap();
    env.cloud.kill_all();
    let InvocationOutcome::Error { kind, message } =
        env.tick("snapshot", "2026-11-21T16:00:00Z").await
    else {
        panic!("the tick should fail");
    };
    assert_eq!(kind, "Config");
    for part in [
        "landbridge.yaml:",
        "Asia/Seoul",
        "shop--prod",
        "ap_northeast_2",
        "correct the named setting and deploy the file",
    ] {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    std::fs::write(env.dir.path().join("landbridge.yaml"), &config).unwrap();
    env.cloud.kill_all();
    assert!(env.tick("snapshot", "2026-11-21T16:00:00Z").await.is_response());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_export_is_retried_under_a_new_id() {
    let mut builder = TestEnvBuilder::small();
    builder.retries = Some(0);
    let env = builder.build().await;
    env.cloud.aws().fail_next_export("the service stumbled");
    assert!(env.run_day(0).await.is_empty());
    let exports: Vec<String> =
        env.cloud.aws().exports().into_iter().map(|export| export.id).collect();
    assert_eq!(exports, ["landbridge-shop-20261121-a1", "landbridge-shop-20261121-a2"]);
    let receipts = env.receipts(FIRST).await;
    assert!(
        receipts
            .values()
            .all(|receipt| receipt.state == ReceiptState::Published
                && receipt.export.ends_with("-a2"))
    );
    let alerts = env.alerts("export");
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    assert!(alerts[0].to_string().contains("the service stumbled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_skipped_by_the_export_is_reported() {
    let mut builder = TestEnvBuilder::small();
    let database = small_database();
    let odd = landbridge_local_database::MemoryTable::new("public", "odd")
        .column("id", "bigint")
        .column("unit price", "bigint");
    database.set_table(odd.row([Some("1"), Some("2")])).unwrap();
    builder.source = std::sync::Arc::new(database);
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipts = env.receipts(FIRST).await;
    assert_eq!(receipts["public.odd"].state, ReceiptState::Skipped);
    assert!(receipts["public.odd"].problem.is_some());
    assert_eq!(
        receipts.values().filter(|receipt| receipt.state == ReceiptState::Published).count(),
        3
    );
    let alerts = env.alerts("load");
    assert!(alerts.iter().any(|alert| alert.to_string().contains("public.odd")), "{alerts:#?}");
    let skipped = env
        .query(
            PiiReader,
            "SELECT source_table, problem FROM landbridge_ops.receipts WHERE state = 'skipped'",
        )
        .await
        .unwrap();
    assert_eq!(skipped.len(), 1);
    assert_eq!(skipped[0][0], "public.odd");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_dropped_keeps_its_rows_and_is_reported_once() {
    let database = Arc::new(small_database());
    let env = TestEnvBuilder { source: database.clone(), ..TestEnvBuilder::small() }.build().await;
    assert!(env.run_day(0).await.is_empty());
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    assert!(!env.receipts(FIRST).await.values().any(|it| it.state == ReceiptState::Missing));

    assert!(database.remove_table("public", "people"));
    for (n, day) in [(1, SECOND), (2, "2026-11-23")] {
        assert!(env.run_day(n).await.is_empty());
        let receipt = env.receipts(day).await.remove("public.people").expect("a receipt");
        assert_eq!((receipt.state, receipt.table.as_str()), (ReceiptState::Missing, "people"));
        let note = receipt.notes.first().expect("a note");
        assert_eq!(note.code, NoteCode::TableGone);
        assert!(note.to_string().contains("keeps its rows of 2026-11-21"), "{note}");
        let day_record = env.ledger(&format!("{day}/day.json")).await;
        let day_record: serde_json::Value = serde_json::from_slice(&day_record[0].1).unwrap();
        assert_eq!(day_record["published"], true, "it stops nothing: {day_record}");
        assert_eq!(day_record["gaps"][0], "public.people");
    }
    assert_eq!(env.query(PiiReader, PEOPLE).await.unwrap(), before);
    let alerts = env.alerts("load");
    let of_table = alerts.iter().filter(|alert| alert.to_string().contains("public.people"));
    assert_eq!(of_table.count(), 1, "{alerts:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn load_jobs_that_fail() {
    let env = start_with_published_day().await;
    let before = env.query(PiiReader, PEOPLE).await.unwrap();
    // A temporary failure is retried under a new id in the same tick.
    env.cloud.google().fail_next_job("backendError", "try again");
    assert!(env.run_day(1).await.is_empty());
    let jobs: Vec<String> =
        env.receipts(SECOND).await.into_values().filter_map(|receipt| receipt.job).collect();
    assert_eq!(jobs.iter().filter(|job| job.ends_with("a2")).count(), 1, "{jobs:?}");
    assert_eq!(env.query(PiiReader, PEOPLE).await.unwrap(), before);

    // BigQuery's message about invalid data may quote the data, so it is not passed on.
    env.cloud.google().fail_next_job("invalid", "could not parse 'minjun@example.com'");
    assert!(env.run_day(2).await.is_empty());
    let receipts = env.receipts("2026-11-23").await;
    assert!(
        receipts.values().all(|receipt| receipt.state == ReceiptState::Published),
        "the next tick's attempt got through"
    );
    env.assert_no_cell_logged(&format!("{receipts:?}"));
    let alerts = env.alerts("load");
    assert!(
        alerts.iter().any(|alert| alert.to_string().contains("a load job was refused")),
        "{alerts:#?}"
    );
}
