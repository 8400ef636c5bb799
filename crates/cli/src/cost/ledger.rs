//! Reads the usage of past days from the ledger.

use landbridge_aws::S3;
use landbridge_core::calendar::Day;
use landbridge_core::config::Config;
use landbridge_core::cost::DayUsage;
use landbridge_core::receipt::Receipt;
use landbridge_ledger::records::{ITEMS, ItemRecord, RECEIPTS};
use landbridge_ledger::{DayLedger, Ledger};

use crate::failure::{Failure, Result};

/// The usage of each of these days that has receipts.
///
/// # Errors
/// `Failed` if no day has receipts; any ledger error.
pub(super) async fn usage_of_days(s3: &S3, config: &Config, days: &[Day]) -> Result<Vec<DayUsage>> {
    let ledger = Ledger::for_operator(s3.clone(), config);
    let mut usage = Vec::new();
    for day in days {
        let ledger = ledger.day(*day);
        let receipts: Vec<Receipt> = ledger.read_all(RECEIPTS).await?;
        if receipts.is_empty() {
            continue;
        }
        usage.push(DayUsage {
            day: *day,
            tables: receipts.len(),
            files: receipts.iter().map(|it| it.files).sum(),
            exported_bytes: receipts.iter().map(|it| it.bytes).sum(),
            transferred_bytes: transferred_bytes(&ledger, &receipts).await?,
            rows: receipts.iter().filter_map(|it| it.rows_loaded).sum(),
            load_ms: receipts.iter().filter_map(|it| it.load_ms).sum(),
        });
    }
    match (usage.is_empty(), days) {
        (false, _) => Ok(usage),
        (true, [only]) => Err(no_receipts(config, &only.to_string())),
        (true, days) => {
            let ends =
                [days.first(), days.last()].map(|day| day.map(Day::to_string).unwrap_or_default());
            Err(no_receipts(config, &ends.join(" to ")))
        }
    }
}

fn no_receipts(config: &Config, days: &str) -> Failure {
    Failure::Failed(format!(
        "there are no receipts of {days} in s3://{}/{}/{}; choose other days, or give --parquet-gib-per-day",
        config.export.bucket, config.ledger.prefix, config.source.name
    ))
}

/// The bytes that a day transferred to Cloud Storage; `None` if the ledger has no item records of it.
async fn transferred_bytes(ledger: &DayLedger, receipts: &[Receipt]) -> Result<Option<u64>> {
    let records: Vec<ItemRecord> = ledger.read_all(ITEMS).await?;
    // Unchanged tables have none, because nothing of them was transferred.
    let is_known = !records.is_empty() || receipts.iter().any(|it| it.unchanged_since.is_some());
    // Of a table whose changes were transferred alone, the objects were only measured.
    let sent = records.iter().filter(|record| !record.measured).map(|record| record.bytes);
    let changes = receipts.iter().filter_map(|it| Some(it.delta.as_ref()?.bytes));
    Ok(is_known.then(|| sent.chain(changes).sum()))
}
