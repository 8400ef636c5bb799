//! One object on its way from S3 to Cloud Storage.
//!
//! The bytes of the source go through the rewriting engine, which copies what nothing happens
//! to, into an upload; both sides' CRC32C must be equal.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use google_cloud_storage::streaming_source::StreamingSource;
use landbridge_aws::S3;
use landbridge_core::plan::columns::{counting, rewriting};
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::plan::{ItemSource, TablePlan, TransferItem};
use landbridge_core::rewrite::{Action, RewritePlan};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::storage::{StoredObject, Upload};
use landbridge_parquet::rewrite::stream::{self, RewriteStream, StreamSettings};
use landbridge_parquet::rewrite::{RewriteReport, Rewriter};
use landbridge_parquet::{RangeReader, empty};

use super::key::DayKey;
use crate::records::{self, ItemRecord, ScanRecord};
use crate::{Context, Ledger};

/// What one object under way holds of its source and of its output: two windows of 4 MiB and
/// four messages of half a MiB.
const SETTINGS: StreamSettings =
    StreamSettings { window_bytes: 4 << 20, chunk_bytes: 512 << 10, queued_chunks: 4 };

/// An object of S3 that is read in ranges.
#[derive(Clone, Debug)]
pub struct S3Object {
    /// The client.
    pub s3: S3,
    /// The bucket.
    pub bucket: String,
    /// The version that was listed.
    pub object: ObjectMeta,
}

impl RangeReader for S3Object {
    async fn read(&self, start: u64, length: u64) -> Result<Bytes> {
        self.s3.range(&self.bucket, &self.object, start, length).await
    }
}

/// Carries one item and records it. Idempotent: an object that is there already
/// is compared, byte for byte by its checksum, and recorded.
///
/// `text` are the columns that stay text because a value of the table does not fit.
///
/// # Errors
/// [`ErrorKind::Conflict`] when the object is there with other bytes; those of the engine and of
/// both clouds.
pub async fn carry(
    context: &Context,
    ledger: &Ledger,
    table: &TablePlan,
    item: &TransferItem,
    text: &BTreeSet<String>,
    key: &DayKey,
) -> Result<()> {
    let bucket = &context.config.transfer.bucket;
    let plan = rewriting(&table.columns, text);
    let rewriter = rewriter(context, ledger, plan, key).await?;
    let (source, outcome) = open(context, table, item, rewriter.clone())?;
    let stored = match context.gcp.storage.create(bucket, &item.object, source).await {
        Ok(Upload::New(stored)) => {
            check(bucket, item, stored, outcome.sum())?;
            stored
        }
        Ok(Upload::AlreadyExists) => {
            let (stored, of) = meet(context, table, item, rewriter).await?;
            return record(ledger, table, item, stored, &of).await;
        }
        // The upload only knows that its source broke off; the engine knows why.
        Err(error) => return Err(outcome.error().unwrap_or(error)),
    };
    record(ledger, table, item, stored, &outcome).await
}

/// Counts what does not fit in the columns of an item that may stay text, and records it.
/// Idempotent: nothing is written but the record, which is the same each time.
///
/// # Errors
/// Those of the engine and of S3.
pub async fn scan(
    context: &Context,
    ledger: &Ledger,
    table: &TablePlan,
    item: &TransferItem,
) -> Result<()> {
    let rewriter = Rewriter::new(counting(&table.columns))?;
    let (mut source, outcome) = open(context, table, item, rewriter)?;
    while let Some(chunk) = source.next().await {
        if chunk.is_err() {
            return Err(outcome.error().unwrap_or_else(|| broken(item)));
        }
    }
    let report = outcome.report(item)?;
    let misfits = report.columns.iter().filter(|column| !column.misfits.is_empty());
    let record =
        ScanRecord { rows: report.rows, misfits: misfits.map(|it| it.name.clone()).collect() };
    ledger.create(&records::scan(table, item.number), &record).await?;
    Ok(())
}

async fn record(
    ledger: &Ledger,
    table: &TablePlan,
    item: &TransferItem,
    stored: StoredObject,
    outcome: &Outcome,
) -> Result<()> {
    let report = outcome.report(item)?;
    let record = ItemRecord {
        object: item.object.clone(),
        generation: stored.generation,
        bytes: stored.bytes,
        crc32c: stored.crc32c.ok_or_else(|| {
            Error::new(
                ErrorKind::Rejected,
                "Cloud Storage tells no checksum of an object",
                &item.object,
            )
        })?,
        rows: item.rows,
        columns: report.columns.iter().map(|it| (it.name.clone(), it.stats())).collect(),
    };
    ledger.create(&records::item(table, item.number), &record).await?;
    Ok(())
}

/// The object is there already: from a tick that died, or one that runs beside this.
async fn meet(
    context: &Context,
    table: &TablePlan,
    item: &TransferItem,
    rewriter: Rewriter,
) -> Result<(StoredObject, Outcome)> {
    let bucket = &context.config.transfer.bucket;
    let stored = context.gcp.storage.metadata(bucket, &item.object).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Transient,
            "an object came and went",
            format!("gs://{bucket}/{}", item.object),
        )
    })?;
    // What it should be is only known by reading the source once more.
    let (mut source, outcome) = open(context, table, item, rewriter)?;
    while let Some(chunk) = source.next().await {
        if chunk.is_err() {
            return Err(outcome.error().unwrap_or_else(|| broken(item)));
        }
    }
    check(bucket, item, stored, outcome.sum())?;
    Ok((stored, outcome))
}

fn broken(item: &TransferItem) -> Error {
    Error::new(ErrorKind::Transient, "an object's bytes did not arrive whole", item.object.clone())
}

fn check(
    bucket: &str,
    item: &TransferItem,
    stored: StoredObject,
    (bytes, sum): (u64, u32),
) -> Result<()> {
    if stored.bytes == bytes && stored.crc32c == Some(sum) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Conflict,
        "an object in Cloud Storage holds other bytes than its source; delete it, and it is carried again",
        format!("gs://{bucket}/{}: {} bytes there, {bytes} here", item.object, stored.bytes),
    ))
}

/// What rewrites by this plan, with the day's key where tokens are made.
async fn rewriter(
    context: &Context,
    ledger: &Ledger,
    plan: RewritePlan,
    key: &DayKey,
) -> Result<Rewriter> {
    let tokens = plan.columns.values().any(|action| matches!(action, Action::Tokenise { .. }));
    let rewriter = Rewriter::new(plan)?;
    Ok(if tokens { rewriter.with_key(key.get(context, ledger).await?) } else { rewriter })
}

/// Opens an item's bytes, as they shall arrive.
fn open(
    context: &Context,
    table: &TablePlan,
    item: &TransferItem,
    rewriter: Rewriter,
) -> Result<(Source, Outcome)> {
    let groups = item.row_groups.clone().map(Vec::from_iter);
    let stream = match &item.from {
        ItemSource::NoRows { columns } => {
            let file = empty::empty_file(columns, &table.table)?;
            let length = file.len() as u64;
            stream::rewrite(rewriter, file, length, &item.object, groups, SETTINGS)
        }
        ItemSource::Object { key, etag, bytes } => {
            let bucket = &context.config.export.bucket;
            let from = S3Object {
                s3: context.aws.s3.clone(),
                bucket: bucket.clone(),
                object: ObjectMeta { key: key.clone(), etag: etag.clone(), bytes: *bytes },
            };
            let name = format!("s3://{bucket}/{key}");
            stream::rewrite(rewriter, from, *bytes, &name, groups, SETTINGS)
        }
    };
    let outcome = Outcome::default();
    Ok((Source { stream: Some(stream), outcome: outcome.clone() }, outcome))
}

/// What went through, shared with whoever checks it.
#[derive(Clone, Default)]
struct Outcome(Arc<Mutex<Passed>>);

#[derive(Default)]
struct Passed {
    bytes: u64,
    crc32c: u32,
    /// How the engine ended; `None` while it runs.
    end: Option<Result<RewriteReport>>,
}

impl Outcome {
    fn with<T>(&self, act: impl FnOnce(&mut Passed) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The length and CRC32C of the bytes.
    fn sum(&self) -> (u64, u32) {
        self.with(|passed| (passed.bytes, passed.crc32c))
    }

    /// The engine's error, once.
    fn error(&self) -> Option<Error> {
        self.with(|passed| match passed.end.take() {
            Some(Err(error)) => Some(error),
            other => {
                passed.end = other;
                None
            }
        })
    }

    /// The engine's report, of as many rows as were planned.
    fn report(&self, item: &TransferItem) -> Result<RewriteReport> {
        let report = self.with(|passed| match &passed.end {
            Some(Ok(report)) => Some(report.clone()),
            _ => None,
        });
        let report = report.ok_or_else(|| broken(item))?;
        if report.rows != item.rows {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "a file has other rows than its plan",
                format!("{}: {} planned, {} there", item.object, item.rows, report.rows),
            ));
        }
        Ok(report)
    }
}

/// The engine's output as an upload takes it.
struct Source {
    stream: Option<RewriteStream>,
    outcome: Outcome,
}

/// The source broke off.
#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the source broke off")
    }
}

impl std::error::Error for Broken {}

impl StreamingSource for Source {
    type Error = Broken;

    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        if let Some(stream) = &mut self.stream
            && let Some(chunk) = stream.bytes.recv().await
        {
            self.outcome.with(|passed| {
                passed.bytes += chunk.len() as u64;
                passed.crc32c = crc32c::crc32c_append(passed.crc32c, &chunk);
            });
            return Some(Ok(chunk));
        }
        // The end of the bytes says nothing of success: an upload must not be completed by half
        // a file, so the engine is asked first. Who asks again after a failure gets it again.
        if let Some(stream) = self.stream.take() {
            let end = stream.report().await;
            self.outcome.with(|passed| passed.end = Some(end));
        }
        let well = self.outcome.with(|passed| matches!(passed.end, Some(Ok(_))));
        if well { None } else { Some(Err(Broken)) }
    }
}
