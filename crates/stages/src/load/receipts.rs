//! Receipts as rows of the warehouse: `landbridge_ops.receipts`, for analysts to ask.
//!
//! Receipts go up in batches, each recorded before it is sent and appended by a
//! load job whose id is the batch's: a batch that is sent twice is added once.

use std::collections::BTreeSet;

use landbridge_core::diff::TableColumn;
use landbridge_core::ids::JobId;
use landbridge_core::plan::DayPlan;
use landbridge_core::receipt::Receipt;
use landbridge_core::types::BigQueryType::{self, Date, Int64, String as Text, Timestamp};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::{JobState, LoadJob, LoadMode};
use serde_json::{Value, json};

use super::settle::Receipts;
use super::table::finish;
use crate::ledger::Written;
use crate::records::{Batch, below};
use crate::{Context, Ledger, Tick};

/// The table's name.
pub const TABLE: &str = "receipts";
/// What the table's source label says: it belongs to all sources of the project.
const OPS_LABEL: &str = "landbridge";
/// Batches per day at most: each is a change of state that somebody brought about.
const MAX_BATCHES: usize = 100;

/// The columns of the table, in order, with what they mean.
const COLUMNS: [(&str, BigQueryType, &str); 23] = [
    ("source", Text, "Name of the source in landbridge.yaml"),
    ("day", Date, "Day of the data, in the schedule's zone"),
    ("source_table", Text, "schema.table in the source"),
    ("table_name", Text, "Table in BigQuery; empty when the table is skipped"),
    ("state", Text, "published, held, skipped or superseded"),
    ("snapshot", Text, "RDS snapshot that the rows come from"),
    ("snapshot_at", Timestamp, "When the snapshot was taken"),
    ("export", Text, "RDS export task"),
    ("files", Int64, "Objects carried"),
    ("bytes", Int64, "Bytes of Parquet"),
    ("rows_footer", Int64, "Rows by the Parquet footers"),
    ("rows_planned", Int64, "Rows planned"),
    ("rows_loaded", Int64, "Rows that the load job reports"),
    ("rows_table", Int64, "Rows of the table when it was read back"),
    ("job", Text, "Load job"),
    ("columns", Text, "Columns with source type, type and class, as JSON"),
    ("warnings", Text, "What should be known, one per line"),
    ("problem", Text, "Why it is held or skipped, and what to do"),
    ("export_started_at", Timestamp, "When the export task started"),
    ("export_ended_at", Timestamp, "When it ended"),
    ("planned_at", Timestamp, "Tick that planned the day's transfer"),
    ("recorded_at", Timestamp, "Tick that wrote this receipt"),
    ("load_ms", Int64, "Running time of the load job in milliseconds"),
];

/// Appends the receipts that are not in the warehouse yet.
///
/// # Errors
/// Those of the ledger, Cloud Storage and BigQuery.
pub async fn publish(
    context: &Context,
    ledger: &Ledger,
    plan: &DayPlan,
    receipts: &Receipts,
    tick: Tick,
) -> Result<()> {
    let mut sent = BTreeSet::new();
    for number in 1..=MAX_BATCHES {
        let batch = match ledger.get::<Batch>(&format!("batches/{number:03}.json")).await? {
            Some(batch) => batch.value,
            None => {
                let fresh = |receipt: &&Receipt| !sent.contains(&mark(receipt));
                let fresh: Vec<&Receipt> = receipts.values().filter(fresh).collect();
                if fresh.is_empty() {
                    return Ok(());
                }
                let batch = Batch {
                    number,
                    receipts: fresh.iter().map(|receipt| mark(receipt)).collect(),
                    lines: lines(&fresh),
                };
                if ledger.create(&format!("batches/{number:03}.json"), &batch).await?
                    == Written::Overtaken
                {
                    return Err(Error::new(
                        ErrorKind::Transient,
                        "another tick is writing the receipts",
                        plan.day.to_string(),
                    ));
                }
                batch
            }
        };
        append(context, ledger, plan, &batch, tick).await?;
        sent.extend(batch.receipts);
    }
    Err(Error::new(
        ErrorKind::Held,
        "a day has more changes of receipts than it can have",
        plan.day.to_string(),
    ))
}

/// What makes a receipt a new one: its state, and why.
fn mark(receipt: &Receipt) -> String {
    let why = receipt.problem.as_ref().map(ToString::to_string).unwrap_or_default();
    let state = receipt.state.name();
    format!(
        "{}@{state}{}",
        receipt.source_table,
        if why.is_empty() {
            String::new()
        } else {
            format!("-{}", landbridge_core::ids::short_hash(&why))
        }
    )
}

async fn append(
    context: &Context,
    ledger: &Ledger,
    plan: &DayPlan,
    batch: &Batch,
    tick: Tick,
) -> Result<()> {
    let done = format!("batches/{:03}-done.json", batch.number);
    if ledger.get::<Value>(&done).await?.is_some() {
        return Ok(());
    }
    let dataset = &context.config.warehouse.ops_dataset;
    let bucket = &context.config.transfer.bucket;
    let name = format!("{}/{}/receipts/{:03}.json", plan.source, plan.day, batch.number);
    let object = below(&context.config.transfer.prefix, &name);
    context.gcp.storage.put(bucket, &object, batch.lines.clone().into()).await?;
    let columns = columns();
    if context.gcp.bigquery.table(dataset, TABLE).await?.is_none() {
        let about = "One row per table and day: what came, what landed, what proves it";
        // Another tick may have created it since.
        let _ = context
            .gcp
            .bigquery
            .create_table(dataset, TABLE, &columns, OPS_LABEL, Some(about))
            .await?;
    }
    for attempt in 1..=context.config.load.max_attempts {
        let id = JobId::for_receipts(&plan.source, plan.day, batch.number, attempt)?;
        let job = LoadJob {
            id: &id,
            dataset,
            table: TABLE,
            uris: vec![format!("gs://{bucket}/{object}")],
            columns: &columns,
            mode: LoadMode::AppendJson,
        };
        // A job with this id may exist: `finish` reads its result either way.
        let _ = context.gcp.bigquery.insert_load_job(&job).await?;
        match finish(context, &id, tick).await? {
            Some(JobState::Done { rows, .. }) if rows == batch.receipts.len() as u64 => {
                ledger.create(&done, &json!({ "job": id })).await?;
                return Ok(());
            }
            Some(JobState::Done { rows, .. }) => {
                let place = format!(
                    "{dataset}.{TABLE}, job {id}: {} sent, {rows} added",
                    batch.receipts.len()
                );
                return Err(Error::new(ErrorKind::Corrupt, "receipts do not add up", place));
            }
            Some(JobState::Failed { kind, .. }) if kind.is_transient() => {}
            Some(JobState::Failed { reason, kind, .. }) => {
                return Err(Error::new(
                    kind,
                    "the receipts cannot be loaded",
                    format!("{dataset}.{TABLE}, job {id}: {reason}"),
                ));
            }
            Some(JobState::Running) | None => {
                return Err(Error::new(
                    ErrorKind::Transient,
                    "the receipts are still being loaded",
                    id.as_str(),
                ));
            }
        }
    }
    Err(Error::new(
        ErrorKind::Transient,
        "the receipts cannot be loaded",
        format!("{dataset}.{TABLE}"),
    ))
}

fn columns() -> Vec<TableColumn> {
    COLUMNS
        .iter()
        .map(|(name, ty, description)| TableColumn {
            name: (*name).to_owned(),
            ty: *ty,
            repeated: false,
            policy_tag: None,
            description: Some((*description).to_owned()),
        })
        .collect()
}

fn lines(receipts: &[&Receipt]) -> String {
    receipts.iter().map(|receipt| format!("{}\n", line(receipt))).collect()
}

fn line(receipt: &Receipt) -> Value {
    json!({
        "source": receipt.source,
        "day": receipt.day,
        "source_table": receipt.source_table,
        "table_name": receipt.table,
        "state": receipt.state,
        "snapshot": receipt.snapshot,
        "snapshot_at": receipt.snapshot_at,
        "export": receipt.export,
        "files": receipt.files,
        "bytes": receipt.bytes,
        "rows_footer": receipt.rows_footer,
        "rows_planned": receipt.rows_planned,
        "rows_loaded": receipt.rows_loaded,
        "rows_table": receipt.rows_table,
        "job": receipt.job,
        "columns": serde_json::to_string(&receipt.columns).unwrap_or_default(),
        "warnings": receipt.warnings.join("\n"),
        "problem": receipt.problem.as_ref().map(ToString::to_string),
        "export_started_at": receipt.export_started_at,
        "export_ended_at": receipt.export_ended_at,
        "planned_at": receipt.planned_at,
        "recorded_at": receipt.recorded_at,
        "load_ms": receipt.load_ms,
    })
}
