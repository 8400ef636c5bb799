//! The index of a day saves reads, and never changes what a tick knows of the receipts.

use landbridge_core::plan::{DayPlan, Problem};
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_ledger::{DayLedger, ReceiptSummaries, records};

use crate::{Cloud, day};

const INDEX_KEY: &str = "ledger/shop/2026-11-21/index.json";

fn receipt(table: &str, state: ReceiptState, problem: Option<&str>) -> Receipt {
    let plan: DayPlan = serde_json::from_value(serde_json::json!({
        "source": "shop", "day": day(), "snapshot": "s", "export": "e",
        "planned_at": "2026-11-20T17:00:00Z", "tables": [], "skipped": [], "warnings": [],
    }))
    .unwrap();
    let at = "2026-11-20T17:10:00Z".parse().unwrap();
    let mut receipt = Receipt::new(&plan, &format!("public.{table}"), state, at);
    receipt.table = table.to_owned();
    receipt.rows_table = Some(3);
    receipt.problem = problem.map(|context| Problem::notice("it is held", context, "nothing"));
    receipt
}

async fn write(ledger: &DayLedger, receipt: &Receipt) {
    let name = records::receipt(&receipt.table);
    match ledger.get(&name).await.unwrap() {
        Some(found) => ledger.replace(&name, &found.etag, receipt).await.unwrap(),
        None => ledger.create(&name, receipt).await.unwrap(),
    };
}

/// The summaries, and the number of calls.
async fn summaries(cloud: &Cloud, ledger: &DayLedger) -> (ReceiptSummaries, usize) {
    let before = cloud.calls.count();
    let summaries = ledger.receipt_summaries(4).await.unwrap();
    (summaries, cloud.calls.count() - before)
}

fn states(summaries: &ReceiptSummaries) -> Vec<(&str, ReceiptState)> {
    summaries.iter().map(|(name, it)| (name.as_str(), it.state)).collect()
}

#[tokio::test]
async fn only_receipts_that_are_new_or_changed_are_read() {
    let cloud = Cloud::new().await;
    let ledger = cloud.ledger().day(day());
    for table in ["a", "b", "c"] {
        write(&ledger, &receipt(table, ReceiptState::Held, Some("no rows"))).await;
    }
    // A list, the index that is missing, three receipts, the new index.
    let (first, calls) = summaries(&cloud, &ledger).await;
    assert_eq!((first.len(), calls), (3, 6));
    // A list and the index.
    let (second, calls) = summaries(&cloud, &ledger).await;
    assert_eq!((&second, calls), (&first, 2));
    write(&ledger, &receipt("b", ReceiptState::Published, None)).await;
    // And one receipt, and the next index.
    let (third, calls) = summaries(&cloud, &ledger).await;
    assert_eq!(calls, 4);
    assert_eq!(
        states(&third),
        [("a", ReceiptState::Held), ("b", ReceiptState::Published), ("c", ReceiptState::Held)]
    );
    assert!(third["a"].has_problem && !third["b"].has_problem);
    assert!(third["b"].is_final() && !third["a"].is_final());
    assert_ne!(third["b"].fingerprint, first["b"].fingerprint);
}

#[tokio::test]
async fn an_index_that_is_missing_old_or_unreadable_changes_no_answer() {
    let cloud = Cloud::new().await;
    let ledger = cloud.ledger().day(day());
    write(&ledger, &receipt("a", ReceiptState::Held, None)).await;
    summaries(&cloud, &ledger).await;
    let bucket = &cloud.config.export.bucket;
    let old = cloud.text(INDEX_KEY).await.unwrap();
    // A crash between a receipt and the index: the index of before.
    write(&ledger, &receipt("a", ReceiptState::Published, None)).await;
    write(&ledger, &receipt("b", ReceiptState::Published, None)).await;
    let expected = [("a", ReceiptState::Published), ("b", ReceiptState::Published)];
    assert_eq!(states(&summaries(&cloud, &ledger).await.0), expected);
    for index in
        [Some(old.as_str()), Some("not an index"), Some("{\"receipts\": {\"a\": 1}}"), None]
    {
        cloud.aws.delete_object(bucket, INDEX_KEY).await;
        if let Some(index) = index {
            let text = index.to_owned();
            let _ = cloud.s3.create(bucket, INDEX_KEY, text.into()).await.unwrap();
        }
        assert_eq!(states(&summaries(&cloud, &ledger).await.0), expected, "{index:?}");
    }
}

#[tokio::test]
async fn a_receipt_that_a_person_deletes_is_gone_from_the_answer() {
    let cloud = Cloud::new().await;
    let ledger = cloud.ledger().day(day());
    for table in ["a", "b"] {
        write(&ledger, &receipt(table, ReceiptState::Published, None)).await;
    }
    summaries(&cloud, &ledger).await;
    let bucket = &cloud.config.export.bucket;
    cloud.aws.delete_object(bucket, "ledger/shop/2026-11-21/receipts/a.json").await;
    assert_eq!(states(&summaries(&cloud, &ledger).await.0), [("b", ReceiptState::Published)]);
    let index = cloud.text(INDEX_KEY).await.unwrap();
    assert!(!index.contains("public.a"), "{index}");
}

#[tokio::test]
async fn two_ticks_that_write_the_index_at_once_both_know_all_receipts() {
    let cloud = Cloud::new().await;
    let (one, other) = (cloud.ledger().day(day()), cloud.ledger().day(day()));
    for number in 0..20 {
        write(&one, &receipt(&format!("t{number:02}"), ReceiptState::Published, None)).await;
    }
    for round in 0..4 {
        write(&one, &receipt(&format!("of-one-{round}"), ReceiptState::Published, None)).await;
        let (first, second) = tokio::join!(one.receipt_summaries(4), other.receipt_summaries(4));
        assert_eq!(first.unwrap().len(), 21 + round);
        assert_eq!(second.unwrap().len(), 21 + round);
        // Whichever was overtaken, the next tick reads nothing again that is in the index.
        let (all, calls) = summaries(&cloud, &one).await;
        assert_eq!((all.len(), calls), (21 + round, 2));
    }
}
