//! Answers of the real Google Cloud that differ from the simple case: another status, another form,
//! a stricter check. The local cloud gives them as users have reported them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use landbridge_core::ErrorKind;
use landbridge_core::receipt::{NoteCode, Receipt, ReceiptState};
use landbridge_local::Principal::PiiReader;
use landbridge_local_wire::{CallFault, CallFaultKind};
use parquet::arrow::ArrowWriter;

use crate::federation::{configuration, federation, gcp_clients, keys};
use crate::support::{TestEnv, TestEnvBuilder};

const DAY: &str = "2026-11-21";
const NEXT_DAY: &str = "2026-11-22";
const PEOPLE: &str = "SELECT id, name, email FROM shop.people ORDER BY id";

async fn start() -> TestEnv {
    let mut builder = TestEnvBuilder::small();
    builder.retries = Some(0);
    builder.build().await
}

/// Runs the first day until before the transfer: the export is complete.
async fn run_export(env: &TestEnv) {
    assert!(env.run_until("2026-11-20T16:58:00Z").await.is_empty());
}

async fn receipt_of_people(env: &TestEnv, day: &str) -> Receipt {
    env.receipts(day).await.remove("public.people").expect("a receipt")
}

/// The keys of the objects in the export bucket below a prefix whose name contains `part`.
pub(crate) async fn object_keys(env: &TestEnv, below: &str, part: &str) -> Vec<String> {
    let objects = env.cloud.aws().list_objects("shop-exports", below).await;
    objects.into_iter().map(|it| it.key).filter(|key| key.contains(part)).collect()
}

pub(crate) async fn delete(env: &TestEnv, keys: &[String]) {
    assert!(!keys.is_empty());
    for key in keys {
        assert!(env.cloud.aws().delete_object("shop-exports", key).await, "{key}");
    }
}

/// Removes the records of the transferred items of `people`, as if the tick had ended before it
/// wrote them.
async fn forget_items(env: &TestEnv) {
    let items = object_keys(env, &format!("ledger/shop/{DAY}/items/"), "people").await;
    delete(env, &items).await;
}

/// A load job refuses a REQUIRED column where the table's is NULLABLE (java-bigquery #13), so the
/// transfer makes the columns OPTIONAL.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_with_required_columns_is_published() {
    let env = start().await;
    run_export(&env).await;
    let below = "exports/landbridge-shop-20261121-a1/shop/public.people/";
    let files = object_keys(&env, below, ".parquet").await;
    let [file] = files.as_slice() else { panic!("not one file: {files:?}") };
    let text = |values: [&str; 3]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef, false),
        ("name", text(["가", "나", "다"]), false),
        ("email", text(["a@example.com", "b@example.com", "c@example.com"]), false),
        ("secret", text(["x", "y", "z"]), false),
    ]);
    let batch = batch.expect("columns");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    env.cloud.aws().put_object("shop-exports", file, bytes.into()).await.expect("put");

    assert!(env.run_day(0).await.is_empty());
    let receipt = receipt_of_people(&env, DAY).await;
    assert_eq!((receipt.state, receipt.rows_table), (ReceiptState::Published, Some(3)));
    let rows = env.query(PiiReader, PEOPLE).await.expect("rows");
    assert_eq!(rows[2], ["3", "다", "c@example.com"]);
}

/// Cloud Storage may answer 403 instead of 412 to a role that may create objects, but not delete
/// them. An object with the expected content is then recorded.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_exists_is_recorded_by_a_role_that_may_not_replace_it() {
    let env = start().await;
    run_export(&env).await;
    assert!(env.tick("transfer", "2026-11-20T17:05:00Z").await.is_response());
    let before = env.landing_objects();
    forget_items(&env).await;
    let outcome = env.tick("transfer", "2026-11-20T17:10:00Z").await;
    assert!(outcome.is_response(), "{outcome:?}");
    assert_eq!(env.landing_objects(), before);
    assert!(env.run_day(0).await.is_empty());
    assert_eq!(receipt_of_people(&env, DAY).await.state, ReceiptState::Published);
}

/// Google's APIs may answer with the number of a project where its id was sent.
#[tokio::test(flavor = "multi_thread")]
async fn policy_tags_with_the_number_of_their_project_are_the_same_tags() {
    let env = start().await;
    env.cloud.google().answer_with_project_number();
    for (n, day) in [DAY, NEXT_DAY].into_iter().enumerate() {
        assert!(env.run_day(n as i64).await.is_empty());
        for (table, receipt) in env.receipts(day).await {
            assert_eq!(receipt.state, ReceiptState::Published, "{table}: {receipt:#?}");
            assert!(receipt.columns.iter().all(|column| column.tag_read_back), "{receipt:#?}");
            let restored = |code| matches!(code, NoteCode::PolicyTagRestored);
            assert!(!receipt.notes.iter().any(|note| restored(note.code)), "{receipt:#?}");
            if day == NEXT_DAY {
                let changed = |code| matches!(code, NoteCode::SchemaChanged);
                assert!(!receipt.notes.iter().any(|note| changed(note.code)), "{receipt:#?}");
            }
        }
    }
    let alerts = env.alerts("protect");
    assert!(!alerts.iter().any(|alert| alert.to_string().contains("policy tags differed")));
}

/// The load jobs of `people` so far.
fn jobs_of_people(env: &TestEnv) -> usize {
    env.cloud.google().job_ids().iter().filter(|id| id.contains("-people-")).count()
}

/// The next three jobs fail: one of each table.
fn fail_jobs(env: &TestEnv, reason: &str, message: &str) {
    (0..3).for_each(|_| env.cloud.google().fail_next_job(reason, message));
}

/// A job that was refused holds its table, and later ticks try again: the cause may have been removed.
/// Column, type and mode of a known message are shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_job_that_is_refused_is_tried_again_after_growing_pauses() {
    let env = start().await;
    run_export(&env).await;
    assert!(env.tick("transfer", "2026-11-20T17:05:00Z").await.is_response());
    let message = "Provided Schema does not match Table shop-analytics:shop.people. Field email \
                   has changed type from STRING to BYTES";
    let ticks =
        [("17:05", 1), ("17:10", 2), ("17:15", 3), ("17:20", 3), ("17:25", 3), ("17:30", 4)];
    for (time, jobs) in ticks {
        if jobs_of_people(&env) < jobs {
            fail_jobs(&env, "invalid", message);
        }
        let outcome = env.tick("load", &format!("2026-11-20T{time}:00Z")).await;
        assert!(outcome.is_response(), "{outcome:?}");
        assert_eq!(jobs_of_people(&env), jobs, "{time}");
        let receipt = receipt_of_people(&env, DAY).await;
        assert_eq!(receipt.state, ReceiptState::Held);
        let problem = receipt.problem.expect("a problem").to_string();
        let shown = "invalid: column email has changed its type from STRING to BYTES";
        assert!(problem.contains(shown), "{problem}");
        if jobs == 3 {
            assert!(problem.contains("the next attempt is at 2026-11-20T17:30:00Z"), "{problem}");
        }
    }
    // A deployment is a repair: its load begins at once.
    env.deploy_contract(&format!("# corrected\n{}", crate::support::SMALL_CONTRACT));
    assert!(env.tick("load", "2026-11-20T17:35:00Z").await.is_response());
    let receipt = receipt_of_people(&env, DAY).await;
    assert_eq!(receipt.state, ReceiptState::Published);
    assert!(receipt.job.expect("a job").ends_with("a5"));
}

/// What is wrong with an account, a bucket or a quota concerns every table: each tick tries again at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_whole_account_uses_no_attempts_up() {
    let env = start().await;
    run_export(&env).await;
    assert!(env.tick("transfer", "2026-11-20T17:05:00Z").await.is_response());
    let reasons = ["accessDenied", "notFound", "quotaExceeded", "accessDenied", "accessDenied"];
    for (n, reason) in reasons.into_iter().enumerate() {
        fail_jobs(&env, reason, "not now");
        let time = format!("2026-11-20T17:{:02}:00Z", 10 + 5 * n);
        let outcome = env.tick("load", &time).await;
        assert!(!outcome.is_response(), "{reason}: {outcome:?}");
        assert_eq!(jobs_of_people(&env), n + 1, "{reason}");
    }
    assert!(env.ledger(&format!("{DAY}/attempts/")).await.is_empty());
    assert!(env.tick("load", "2026-11-20T17:35:00Z").await.is_response());
    assert_eq!(receipt_of_people(&env, DAY).await.state, ReceiptState::Published);
}

/// The object of a table is another one after its transfer: the table is held before a job loads it. An object
/// that is replaced between this comparison and the job is found by the number of rows, after they have replaced
/// the former ones. Here, the record says that the other object is the right one.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_add_up_are_reported_as_those_that_the_table_has() {
    let env = start().await;
    run_export(&env).await;
    assert!(env.tick("transfer", "2026-11-20T17:05:00Z").await.is_response());
    let objects = env.landing_objects();
    let people = objects.keys().find(|name| name.contains("/people/")).expect("an object");
    // Another file of the table, with one row less.
    let text = || Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef;
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef, true),
        ("name", text(), true),
        ("email", text(), true),
        ("secret", text(), true),
    ]);
    let batch = batch.expect("columns");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let google = env.cloud.google();
    google.delete_object("shop-landing", people);
    google.put_object("shop-landing", people, &bytes).expect("an object");
    assert!(env.tick("load", "2026-11-20T17:10:00Z").await.is_response());
    let receipt = receipt_of_people(&env, DAY).await;
    assert_eq!(receipt.state, ReceiptState::Held);
    let problem = receipt.problem.expect("a problem").to_string();
    assert!(problem.contains("is not the one that was transferred"), "{problem}");
    assert!(problem.contains("was replaced"), "{problem}");

    let items = env.ledger(&format!("{DAY}/items/people")).await;
    let (key, record) = items.first().expect("a record");
    let mut record: serde_json::Value = serde_json::from_slice(record).expect("JSON");
    let stored = google.list_objects("shop-landing", people);
    record["generation"] = stored.first().expect("the object").generation.into();
    record["bytes"] = bytes.len().into();
    record["crc32c"] = crc32c::crc32c(&bytes).into();
    let record = serde_json::to_vec(&record).expect("JSON").into();
    env.cloud.aws().put_object("shop-exports", key, record).await.expect("a record");
    assert!(env.tick("load", "2026-11-20T17:15:00Z").await.is_response());
    let receipt = receipt_of_people(&env, DAY).await;
    assert_eq!(receipt.state, ReceiptState::Held);
    let problem = receipt.problem.expect("a problem").to_string();
    for part in [
        "3 planned, 2 loaded by job landbridge-shop-20261121-people-",
        "2 in the table. The job has replaced the former rows",
        "`landbridge redo 2026-11-21 --table public.people`",
    ] {
        assert!(problem.contains(part), "`{part}` is not in: {problem}");
    }
    assert!(!problem.contains("keeps"), "{problem}");
}

/// An exported object that was deleted after it was listed concerns its table only.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_object_of_the_export_holds_its_table() {
    let env = start().await;
    run_export(&env).await;
    assert!(env.tick("transfer", "2026-11-20T17:05:00Z").await.is_response());
    forget_items(&env).await;
    let below = "exports/landbridge-shop-20261121-a1/shop/public.people/";
    let files = object_keys(&env, below, ".parquet").await;
    delete(&env, &files).await;
    let outcome = env.tick("transfer", "2026-11-20T17:10:00Z").await;
    assert!(outcome.is_response(), "{outcome:?}");
    assert!(env.run_day(0).await.is_empty());
    let receipts = env.receipts(DAY).await;
    let problem = receipts["public.people"].problem.clone().expect("a problem").to_string();
    assert!(problem.contains("an object was deleted after it was listed"), "{problem}");
    assert_eq!(receipts["public.orders"].state, ReceiptState::Published);
}

/// The same call would get the same answer again, so it is not repeated, and holds its table. A 5xx
/// whose body is not JSON passes.
#[tokio::test(flavor = "multi_thread")]
async fn a_complete_answer_that_cannot_be_read_is_not_repeated() {
    let env = start().await;
    let load = federation(&configuration(&env.cloud), keys(&env.cloud, "load"));
    let bigquery = gcp_clients(&env, load).await.bigquery;
    assert_eq!(bigquery.table("shop", "orders").await.expect("a role with its token"), None);
    let reject = |status| {
        let kind = CallFaultKind::Reject(status);
        env.cloud.calls().inject_fault(CallFault { call_number: 1, kind });
    };
    reject(200);
    let error = bigquery.table("shop", "orders").await.expect_err("an answer without JSON");
    assert_eq!((error.kind(), error.kind().holds_table()), (ErrorKind::Rejected, true));
    assert!(error.to_string().contains("shop.orders (HTTP 200, but not JSON)"), "{error}");
    reject(502);
    assert_eq!(bigquery.table("shop", "orders").await.expect("repeated"), None);
}
