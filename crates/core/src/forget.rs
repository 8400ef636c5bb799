//! A person forgotten (`landbridge forget`): what was removed, and what remains until when.
//!
//! The record has no value of the key: a keyed hash finds it again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::restore::RestorePoint;

/// How long BigQuery keeps deleted rows after the time-travel window, where only Google's support reaches them
/// (BigQuery documentation, "Fail-safe").
pub const FAIL_SAFE_DAYS: i64 = 7;

/// How long BigQuery keeps its history of jobs, with the text of queries (BigQuery documentation, "JOBS view").
pub const JOBS_DAYS: i64 = 180;

/// The rows of one key of one table, forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// Its number, from 1.
    pub number: u32,
    /// The table in the source.
    pub source_table: String,
    /// The column that was compared; its class is `none`.
    pub column: String,
    /// HMAC-SHA-256 of table, column and value with the proof key, in hexadecimal digits; `None` without `proof`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_hash: Option<String>,
    /// Why, as the operator wrote it.
    pub reason: String,
    /// When the command was confirmed.
    pub begun_at: Timestamp,
    /// The newest export, which has no such row. Exports and snapshots from before may have it.
    pub absent_on: Day,
    /// When the snapshot of that export was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_at: Option<Timestamp>,
    /// Files of exports that had such rows, and are deleted with all of their versions.
    #[serde(default)]
    pub files: BTreeSet<String>,
    /// Objects of the table in Cloud Storage that were deleted, with older versions.
    #[serde(default)]
    pub landed: u64,
    /// Records of days before from which the sealed figures of the table were removed.
    #[serde(default)]
    pub figures: u64,
    /// Rows deleted from the BigQuery table, if there were some.
    #[serde(default)]
    pub warehouse_rows: u64,
    /// What remains.
    #[serde(default)]
    pub remains: Vec<Remains>,
    /// When all of it was done; `None` while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

impl Forgotten {
    /// Whether files of the table from this day may have the rows, so that none of them may be loaded.
    pub fn reaches(&self, source_table: &str, day: Day) -> bool {
        self.source_table == source_table && day < self.absent_on
    }
}

/// A copy that may still have the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// What it is.
    pub what: String,
    /// Until when, in words.
    pub until: String,
}

impl Remains {
    fn new(what: impl Into<String>, until: impl Into<String>) -> Self {
        Self { what: what.into(), until: until.into() }
    }
}

/// What is known of the copies that the command does not reach.
#[derive(Clone, Debug)]
pub struct Copies<'a> {
    /// The snapshots of the source.
    pub points: &'a [RestorePoint],
    /// When the snapshot was taken that has no such row.
    pub absent_at: Option<Timestamp>,
    /// How many days back automated backups reach; `None` if that is not known.
    pub backup_days: Option<i64>,
    /// The time-travel window of the dataset, in hours, if rows were deleted there or replaced before.
    pub time_travel_hours: Option<u32>,
    /// Until when objects stay in Cloud Storage; `None` if they were deleted.
    pub landing: Option<&'a str>,
    /// Whether rows of the table are deleted in BigQuery by their keys, which are in objects of the newest day.
    pub has_deltas: bool,
    /// Whether partitions of the table have files of their own in exports, with the same rows.
    pub has_partitions: bool,
    /// Whether queries with the key in their text ran in BigQuery.
    pub has_queries: bool,
    /// Whether receipts have the smallest and largest value of a column of the table (`bounds: true` in contract.yaml).
    pub has_bounds: bool,
    /// The time.
    pub now: Timestamp,
}

/// What remains, and until when.
pub fn remains(copies: &Copies<'_>) -> Vec<Remains> {
    let mut all = snapshots(copies);
    let days =
        copies.backup_days.map_or("the retention of".to_owned(), |days| format!("{days} days of"));
    all.push(Remains::new(
        "automated backups of RDS",
        format!("{days} automated backups have passed"),
    ));
    all.extend(in_bigquery(copies));
    all.extend(copies.landing.map(|until| Remains::new("objects in Cloud Storage", until)));
    if copies.has_deltas {
        all.push(Remains::new(
            "the key alone in Cloud Storage, if the newest day deleted the row by it (`delta` in landbridge.yaml)",
            "the bucket deletes it `landing_retention_days` of Terraform's module gcp after its transfer, 3 by default",
        ));
    }
    if copies.has_partitions {
        all.push(Remains::new(
            "files of the table's partitions in older exports, which have its rows once more",
            "the bucket deletes them `export_retention_days` of Terraform's module aws after their export, 7 by default",
        ));
    }
    if copies.has_bounds {
        all.push(Remains::new(
            "the smallest and largest value of columns with `bounds: true`, in receipts",
            "`landbridge ledger remove-bounds` removes them",
        ));
    }
    all.push(Remains::new(
        "sealed bounds and sums of the table's newest 14 days in the ledger (`trends/`), which say nothing without the token key",
        "14 more days are published",
    ));
    all.push(Remains::new(
        "copies that people made: files of `landbridge recover`, tables of analysts, results of queries",
        "unknown: Landbridge does not see them",
    ));
    all
}

/// Snapshots from before: pinned ones by name, the others together.
fn snapshots(copies: &Copies<'_>) -> Vec<Remains> {
    let mut all = Vec::new();
    let older = copies.points.iter().filter(|it| match (it.taken_at, copies.absent_at) {
        (Some(taken), Some(absent)) => taken < absent,
        _ => true,
    });
    let (mut kept, mut last) = (0_usize, None);
    for point in older {
        match &point.pinned {
            Some(_) => all.push(Remains::new(
                format!("RDS snapshot {}", point.snapshot),
                "for ever: it is pinned; `landbridge unpin` lets retention delete it",
            )),
            None => {
                kept += 1;
                last = last.max(point.taken_at);
            }
        }
    }
    if kept > 0 {
        let newest = last.map_or(String::new(), |at| format!(", the newest of {at}"));
        all.push(Remains::new(
            format!("{kept} RDS snapshots that are not pinned{newest}"),
            "retention deletes the snapshots that Landbridge made (`snapshots` in landbridge.yaml); a person deletes the others",
        ));
    }
    all
}

/// Deleted rows, and the text of the queries.
fn in_bigquery(copies: &Copies<'_>) -> Vec<Remains> {
    let after = |hours: i64| (copies.now + jiff::SignedDuration::from_hours(hours)).to_string();
    let mut all = Vec::new();
    if let Some(hours) = copies.time_travel_hours {
        all.push(Remains::new(
            format!("BigQuery time travel ({hours} hours) and fail-safe ({FAIL_SAFE_DAYS} days)"),
            after(i64::from(hours) + FAIL_SAFE_DAYS * 24),
        ));
    }
    if copies.has_queries {
        all.push(Remains::new(
            "the key in the text of the queries that counted and deleted the rows, in BigQuery's history of jobs",
            after(JOBS_DAYS * 24),
        ));
    }
    all
}

/// The records of a table, or of all tables, of a state that is older than what was proven to be without the rows.
pub fn concerning<'a>(
    records: &'a [Forgotten],
    table: Option<&str>,
    is_older: impl Fn(&Forgotten) -> bool,
) -> Vec<&'a Forgotten> {
    let is_of = |it: &Forgotten| table.is_none_or(|table| it.source_table == table);
    records.iter().filter(|it| is_of(it) && is_older(it)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restore::points::CreatedBy;

    fn point(name: &str, at: &str, pinned: bool) -> RestorePoint {
        RestorePoint {
            snapshot: name.to_owned(),
            arn: String::new(),
            taken_at: Some(at.parse().unwrap()),
            status: "available".to_owned(),
            created_by: CreatedBy::Landbridge,
            pinned: pinned.then(|| "a reason".to_owned()),
            storage_gib: None,
            bytes: None,
            engine: "postgres".to_owned(),
            engine_version: "16.3".to_owned(),
            settings: None,
            resource_id: None,
        }
    }

    #[test]
    fn what_remains_is_named_with_its_end() {
        let points = [
            point("one", "2026-11-20T16:00:00Z", false),
            point("two", "2026-11-20T17:00:00Z", true),
            point("new", "2026-11-21T16:00:00Z", false),
        ];
        let copies = Copies {
            points: &points,
            absent_at: Some("2026-11-21T16:00:00Z".parse().unwrap()),
            backup_days: Some(7),
            time_travel_hours: Some(48),
            landing: Some("3 days after their transfer"),
            has_deltas: true,
            has_partitions: true,
            has_queries: true,
            has_bounds: true,
            now: "2026-11-22T00:00:00Z".parse().unwrap(),
        };
        let text: String =
            remains(&copies).iter().map(|it| format!("{}: {}\n", it.what, it.until)).collect();
        for part in [
            "RDS snapshot two: for ever",
            "1 RDS snapshots that are not pinned, the newest of 2026-11-20T16:00:00Z",
            "7 days of automated backups",
            "fail-safe (7 days): 2026-12-01T00:00:00Z",
            "Cloud Storage: 3 days",
            "the key alone in Cloud Storage",
            "partitions in older exports",
            "history of jobs: 2027-05-21T00:00:00Z",
            "`bounds: true`, in receipts: `landbridge ledger remove-bounds`",
        ] {
            assert!(text.contains(part), "`{part}` is not in: {text}");
        }
        assert!(!text.contains("snapshot new"), "{text}");
    }

    #[test]
    fn only_older_days_of_the_table_are_concerned() {
        let record = Forgotten {
            number: 1,
            source_table: "public.orders".to_owned(),
            column: "id".to_owned(),
            key_hash: None,
            reason: "ticket".to_owned(),
            begun_at: Timestamp::UNIX_EPOCH,
            absent_on: "2026-11-22".parse().unwrap(),
            absent_at: None,
            files: BTreeSet::new(),
            landed: 0,
            figures: 0,
            warehouse_rows: 0,
            remains: Vec::new(),
            finished_at: None,
        };
        let records = [record];
        let found = |table, day: &str| {
            let day: Day = day.parse().unwrap();
            concerning(&records, table, |it| day < it.absent_on).len()
        };
        assert_eq!(found(Some("public.orders"), "2026-11-21"), 1);
        assert_eq!(found(None, "2026-11-21"), 1);
        assert_eq!(found(Some("public.orders"), "2026-11-22"), 0);
        assert_eq!(found(Some("public.members"), "2026-11-21"), 0);
    }
}
