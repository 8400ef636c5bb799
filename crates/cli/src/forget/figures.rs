//! The sealed figures of older days: keyed hashes and sums of columns and rows, in which the forgotten rows are counted.
//!
//! They have no value, but with the key a person could test whether they cover a certain row. So the figures of the table are
//! removed from the records of all days before the newest export, with the older versions of these records. The days stay: rows,
//! NULLs and notes are kept, and `landbridge verify` of such a day can no longer compare columns.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use landbridge_aws::s3::{ConditionalWrite, ObjectVersion};
use landbridge_core::calendar::Day;
use landbridge_core::plan::TablePlan;
use landbridge_ledger::records::{AUDITS, AuditRecord, ITEMS, ItemRecord, PLAN, below};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Command, with_rights};
use crate::failure::{Failure, Result};

/// Days, or records, at once: they are small, and the network's latency dominates.
const AT_ONCE: usize = 16;
/// How often a record is read again because another process replaced it in between.
const MAX_READS: usize = 4;

/// The keys of records that have sealed figures of the table and are of a day before `newest_day`, or have older versions.
/// Changes nothing.
///
/// # Errors
/// `Refused` if the caller may not list versions; any ledger error.
pub(super) async fn older(
    command: &Command,
    newest: &TablePlan,
    newest_day: Day,
) -> Result<BTreeSet<String>> {
    let root = format!("{}/", root(command));
    let folders = command.aws.s3.folders(&command.config.export.bucket, &root).await;
    let folders = folders.map_err(with_rights)?;
    let days = folders.iter().filter_map(|it| it.parse::<Day>().ok()).filter(|it| *it < newest_day);
    let of_days = futures::stream::iter(days).map(|day| of_day(command, newest, day));
    let found: Vec<Vec<String>> = of_days.buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// The same of one day. A day without a plan has no such records.
async fn of_day(command: &Command, newest: &TablePlan, day: Day) -> Result<Vec<String>> {
    let Some(plan) = command.ledger.day(day).value(&PLAN).await? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    // The table can have had another name in BigQuery. Records of replaced plans have it too.
    let entries = plan.tables.iter().filter(|it| it.source_table == newest.source_table);
    let names: BTreeSet<&str> = entries.map(|it| it.table.as_str()).collect();
    let root = root(command);
    for folder in [ITEMS, AUDITS] {
        for name in &names {
            let prefix = format!("{root}/{day}/{folder}/{name}@");
            let versions = versions(command, &prefix).await?;
            let older = versions.iter().filter(|it| !it.is_latest).map(|it| &it.key);
            let older: BTreeSet<&String> = older.collect();
            let current = versions.iter().filter(|it| it.is_latest && !it.is_delete_marker);
            for key in current.map(|it| &it.key) {
                if older.contains(key) || has_figures(command, key).await? {
                    found.push(key.clone());
                }
            }
        }
    }
    Ok(found)
}

async fn has_figures(command: &Command, key: &str) -> Result<bool> {
    let bucket = &command.config.export.bucket;
    let read = command.aws.s3.get(bucket, key).await.map_err(with_rights)?;
    read.map_or(Ok(false), |(bytes, _)| Ok(without(key, &bytes)?.is_some()))
}

/// Removes the figures from one record, and its older versions for good. Idempotent.
///
/// # Errors
/// `Failed` if other processes replace it all the time; `Refused` if the caller may not write it.
pub(super) async fn remove(command: &Command, key: &str) -> Result {
    let (s3, bucket) = (&command.aws.s3, command.config.export.bucket.as_str());
    let mut is_clean = false;
    for _ in 0..MAX_READS {
        let Some((bytes, etag)) = s3.get(bucket, key).await.map_err(with_rights)? else {
            return Ok(());
        };
        let Some(bytes) = without(key, &bytes)? else {
            is_clean = true;
            break;
        };
        // If the answer of a write is lost, the next turn finds no figures.
        match s3.replace(bucket, key, &etag, Bytes::from(bytes)).await.map_err(with_rights)? {
            ConditionalWrite::Written { .. } => is_clean = true,
            _ => continue,
        }
        break;
    }
    if !is_clean {
        return Err(Failure::Failed(format!(
            "s3://{bucket}/{key} was written at the same time; run the command again"
        )));
    }
    for version in versions(command, key).await?.iter().filter(|it| it.key == key && !it.is_latest)
    {
        s3.delete_version(bucket, key, &version.id).await.map_err(with_rights)?;
    }
    Ok(())
}

async fn versions(command: &Command, prefix: &str) -> Result<Vec<ObjectVersion>> {
    let bucket = &command.config.export.bucket;
    command.aws.s3.versions(bucket, prefix).await.map_err(with_rights)
}

/// The folder of the source's ledger.
fn root(command: &Command) -> String {
    below(&command.config.ledger.prefix, &command.config.source.name)
}

/// The record without sealed figures; `None` if it has none.
fn without(key: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let edited = match key.contains(&format!("/{AUDITS}/")) {
        true => {
            edited(bytes, |it: &mut AuditRecord| !std::mem::take(&mut it.figures.sealed).is_empty())
        }
        false => edited(bytes, |it: &mut ItemRecord| {
            // All are emptied before any is asked: `any` over the fields themselves would stop at the first.
            let taken = [&mut it.proof, &mut it.row_proofs, &mut it.audit].map(std::mem::take);
            taken.iter().any(|it| !it.is_empty())
        }),
    };
    edited.map_err(|_| Failure::Failed(format!("{key} in the ledger cannot be read as a record")))
}

/// The record after an edit that says whether it changed something.
fn edited<T: DeserializeOwned + Serialize>(
    bytes: &[u8],
    edit: impl FnOnce(&mut T) -> bool,
) -> Result<Option<Vec<u8>>, serde_json::Error> {
    let mut value = serde_json::from_slice(bytes)?;
    match edit(&mut value) {
        true => serde_json::to_vec_pretty(&value).map(Some),
        false => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_record_keeps_everything_but_its_sealed_figures() {
        let item = |more: Value| {
            let mut item = json!({
                "object": "o", "generation": 1, "bytes": 2, "crc32c": 3, "rows": 4, "made_by": "m",
                "columns": {"id": {"nulls": 1, "bounded": false}},
            });
            item.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
            serde_json::to_vec(&item).expect("JSON")
        };
        let key = "ledger/shop/2026-11-21/items/people@d1/00000.json";
        for name in ["proof", "row_proofs", "audit"] {
            let after = without(key, &item(json!({name: {"id": "sealed"}}))).expect("a record");
            let after: Value = serde_json::from_slice(&after.expect("a change")).expect("JSON");
            let plain: Value = serde_json::from_slice(&item(json!({}))).expect("JSON");
            assert_eq!(after, plain, "{name}");
        }
        assert!(without(key, &item(json!({}))).expect("a record").is_none());
        assert!(without(key, b"{}").is_err());
    }
}
