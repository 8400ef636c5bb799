//! The transfer of one object from S3 to Cloud Storage.
//!
//! The bytes of the source stream through the rewriting engine, which copies unchanged columns as
//! bytes, into an upload. The CRC32C of both sides must be equal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use google_cloud_storage::streaming_source::StreamingSource;
use landbridge_core::config::Recompression;
use landbridge_core::contract::TableContract;
use landbridge_core::cost;
use landbridge_core::plan::columns::{misfit_scan_plan, rewrite_plan};
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::plan::{ItemSource, SourceColumn, TablePlan, TransferItem};
use landbridge_core::rewrite::{Action, ColumnStats, Recompress, RewritePlan};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::storage::{StoredObject, Upload};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, ItemRecord, Recompressed, ScanRecord};
use landbridge_parquet::empty;
use landbridge_parquet::rewrite::judge::Verdicts;
use landbridge_parquet::rewrite::stream::{self, RewriteStream, StreamSettings};
use landbridge_parquet::rewrite::{RewriteReport, Rewriter};

use super::judge;
use super::proof::{Shared, TableFigures};
use super::s3_object::S3Object;
use super::token_key::DayTokenKey;
use crate::Context;
use crate::unchanged::made_by;

/// Buffers per object in transfer: two windows of 4 MiB of the source and four messages of half
/// a MiB of the output.
const SETTINGS: StreamSettings =
    StreamSettings { window_bytes: 4 << 20, chunk_bytes: 512 << 10, queued_chunks: 4 };

/// How the transfer of an item ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ItemOutcome {
    /// The object has the expected content, and is recorded.
    Recorded,
    /// The object has other content; it stays as it is. The text names it, and both checksums.
    OtherContent(String),
}

/// Transfers one item and records it. Idempotent: an object that exists is compared by length and
/// checksum, and recorded.
///
/// `text` are the columns that stay text because a value of the table does not fit. With `proof`, the record
/// has the figures of the columns that proof and audits need, sealed. It always has the verdicts about columns of
/// text whose values look personal or cannot be judged.
///
/// # Errors
/// Any error of the rewriting engine, S3 or Cloud Storage.
pub(super) async fn transfer_item(
    context: &Context,
    ledger: &DayLedger,
    (table, item, text): (&TablePlan, &TransferItem, &BTreeSet<String>),
    shared: &Shared,
    proof: Option<TableFigures>,
) -> Result<ItemOutcome> {
    let bucket = &context.config.transfer.bucket;
    let Verdicts { personal, not_judged } =
        judge::verdicts(context, (table, item), shared.day).await?;
    let rewriter =
        item_rewriter(context, ledger, (table, item, text), shared, proof.as_ref()).await?;
    let (stored, result) = match send(context, table, item, rewriter.clone()).await {
        // A copy needs to understand less of a file than compressing it again. The same file fails in the same way on
        // every day, so its object is the same too.
        Err(error) if can_be_copied(&error) && rewriter.plan().recompress.is_some() => {
            tracing::warn!(kind = error.kind().name(), %error, "an object is sent as it is compressed in S3");
            send(context, table, item, rewriter.without_recompression()).await?
        }
        sent => sent?,
    };
    if let Some(difference) = difference(bucket, item, stored, result.sum()) {
        return Ok(ItemOutcome::OtherContent(difference));
    }
    let record = record(context, (table, item), stored, &result, proof)?;
    ledger
        .create(&records::item(table, item.number), &ItemRecord { personal, not_judged, ..record })
        .await?;
    Ok(ItemOutcome::Recorded)
}

/// The rewriter of an item, with the figures that its record needs.
async fn item_rewriter(
    context: &Context,
    ledger: &DayLedger,
    (table, item, text): (&TablePlan, &TransferItem, &BTreeSet<String>),
    shared: &Shared,
    proof: Option<&TableFigures>,
) -> Result<Rewriter> {
    let mut plan = rewrite_plan(&table.columns, text);
    plan.recompress = recompress(context);
    let rewriter = rewriter(context, ledger, plan, &shared.tokens).await?;
    let Some(figures) = proof else { return Ok(rewriter) };
    Ok(match figures.plan_of(context, table, item.number).await {
        Some(plan) => rewriter.with_proof(plan),
        None => rewriter,
    })
}

/// Records what the transfer of an item would have recorded, without sending anything: everything that is
/// checked of the table is checked of all of its rows. Idempotent: only the record is written.
///
/// # Errors
/// Any error of the rewriting engine or S3.
pub(super) async fn measure_item(
    context: &Context,
    ledger: &DayLedger,
    (table, item, text): (&TablePlan, &TransferItem, &BTreeSet<String>),
    shared: &Shared,
    proof: Option<TableFigures>,
) -> Result<()> {
    let Verdicts { personal, not_judged } =
        judge::verdicts(context, (table, item), shared.day).await?;
    let rewriter =
        item_rewriter(context, ledger, (table, item, text), shared, proof.as_ref()).await?;
    let result = match read_through(context, table, item, rewriter.clone()).await {
        Err(error) if can_be_copied(&error) && rewriter.plan().recompress.is_some() => {
            read_through(context, table, item, rewriter.without_recompression()).await?
        }
        read => read?,
    };
    let (bytes, sum) = result.sum();
    let stored = StoredObject { generation: 0, bytes, crc32c: Some(sum) };
    let record = record(context, (table, item), stored, &result, proof)?;
    let record = ItemRecord { personal, not_judged, measured: true, ..record };
    ledger.create(&records::item(table, item.number), &record).await?;
    Ok(())
}

/// Uploads a file that is in memory, rewritten. Idempotent: an object that exists is compared with it. The inner error is an
/// object with other content, which stays as it is.
///
/// # Errors
/// Any error of the rewriting engine or Cloud Storage.
pub(super) async fn send_file(
    context: &Context,
    (file, item): (Bytes, &TransferItem),
    rewriter: Rewriter,
) -> Result<Result<StoredObject, String>> {
    let bucket = &context.config.transfer.bucket;
    let open = || {
        let (length, rewriter) = (file.len() as u64, rewriter.clone());
        let stream = stream::rewrite(rewriter, file.clone(), length, &item.object, None, SETTINGS);
        let result = RewriteResult::default();
        (RewriteSource { stream: Some(stream), result: result.clone() }, result)
    };
    let (source, mut result) = open();
    let stored = match context.gcp.storage.create(bucket, &item.object, source).await {
        Ok(Upload::New(stored)) => stored,
        Ok(Upload::AlreadyExists) => {
            let mut source;
            (source, result) = open();
            read_to_end(&mut source, &result, item).await?;
            existing(context, item).await?
        }
        Err(error) => return Err(result.error().unwrap_or(error)),
    };
    result.report(item)?;
    Ok(match difference(bucket, item, stored, result.sum()) {
        Some(difference) => Err(difference),
        None => Ok(stored),
    })
}

/// Uploads the rewritten bytes of an item. Idempotent: an object that exists is compared with them.
async fn send(
    context: &Context,
    table: &TablePlan,
    item: &TransferItem,
    rewriter: Rewriter,
) -> Result<(StoredObject, RewriteResult)> {
    let bucket = &context.config.transfer.bucket;
    let (source, result) = open_source(context, table, item, rewriter.clone())?;
    match context.gcp.storage.create(bucket, &item.object, source).await {
        Ok(Upload::New(stored)) => Ok((stored, result)),
        Ok(Upload::AlreadyExists) => read_existing(context, table, item, rewriter).await,
        // The upload only knows that its source failed; the engine knows why.
        Err(error) => Err(result.error().unwrap_or(error)),
    }
}

/// Whether copied columns are compressed again, and how much that must save.
fn recompress(context: &Context) -> Option<Recompress> {
    let is_on = context.config.transfer.recompress == Recompression::Auto;
    is_on.then(|| Recompress { min_saving: cost::min_saving(&context.config.source.region) })
}

/// Whether an error can be one of compressing a column again.
fn can_be_copied(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Rejected)
}

/// Counts the values of an item that do not fit, in the columns that may stay text, and records
/// the result. Idempotent: only the record is written, and it is the same each time.
///
/// # Errors
/// Any error of the rewriting engine or S3.
pub(super) async fn scan_item(
    context: &Context,
    ledger: &DayLedger,
    table: &TablePlan,
    item: &TransferItem,
) -> Result<()> {
    let rewriter = Rewriter::new(misfit_scan_plan(&table.columns))?;
    let result = read_through(context, table, item, rewriter).await?;
    let report = result.report(item)?;
    let misfits = report.columns.iter().filter(|column| !column.misfits.is_empty());
    let record =
        ScanRecord { rows: report.rows, misfits: misfits.map(|it| it.name.clone()).collect() };
    ledger.create(&records::scan(table, item.number), &record).await?;
    Ok(())
}

/// The record of a transferred object, without verdicts about its columns.
fn record(
    context: &Context,
    (table, item): (&TablePlan, &TransferItem),
    stored: StoredObject,
    result: &RewriteResult,
    proof: Option<TableFigures>,
) -> Result<ItemRecord> {
    let report = result.report(item)?;
    let sealed = |of: &dyn Fn(&TableFigures) -> BTreeMap<String, String>| {
        proof.as_ref().map(of).unwrap_or_default()
    };
    Ok(ItemRecord {
        object: item.object.clone(),
        generation: stored.generation,
        bytes: stored.bytes,
        crc32c: stored.crc32c.ok_or_else(|| {
            Error::new(
                ErrorKind::Rejected,
                "Cloud Storage reports no checksum of an object",
                &item.object,
            )
        })?,
        rows: item.rows,
        made_by: made_by(context, &table.source_table),
        recompressed: Recompressed::of(report.recompressed_from, report.recompressed_to),
        columns: recorded_stats(&report, table, context.contract.tables.get(&table.source_table)),
        proof: sealed(&|it| it.sealed(table, item.number, &report)),
        row_proofs: sealed(&|it| it.sealed_rows(table, item.number, &report)),
        audit: sealed(&|it| it.audit(table, item.number, &report)),
        unsealed: proof.as_ref().is_some_and(|it| it.unsealed),
        measured: false,
        personal: BTreeMap::new(),
        not_judged: BTreeSet::new(),
    })
}

/// The statistics of a rewrite as they may be written down: the bounds of a column are two of its
/// values, so they stay only where the contract allows them.
fn recorded_stats(
    report: &RewriteReport,
    table: &TablePlan,
    contract: Option<&TableContract>,
) -> BTreeMap<String, ColumnStats> {
    let columns = report.columns.iter().map(|column| {
        let stats = column.stats();
        let planned = table.columns.iter().find(|it| it.parquet.name == column.name);
        let key = planned.map_or(column.name.as_str(), SourceColumn::key);
        let allowed = TableContract::allows_bounds(contract, key);
        (column.name.clone(), if allowed { stats } else { stats.without_bounds() })
    });
    columns.collect()
}

/// Reads the metadata of an object that exists, and the expected content: the object is from a tick that
/// crashed, or one that runs at the same time.
async fn read_existing(
    context: &Context,
    table: &TablePlan,
    item: &TransferItem,
    rewriter: Rewriter,
) -> Result<(StoredObject, RewriteResult)> {
    let stored = existing(context, item).await?;
    // The expected content is only known by reading the source again.
    let result = read_through(context, table, item, rewriter).await?;
    Ok((stored, result))
}

/// The metadata of an item's object that exists.
async fn existing(context: &Context, item: &TransferItem) -> Result<StoredObject> {
    let bucket = &context.config.transfer.bucket;
    context.gcp.storage.metadata(bucket, &item.object).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Transient,
            "an object existed and was deleted",
            format!("gs://{bucket}/{}", item.object),
        )
    })
}

/// Rewrites an item to its end without storing the output.
pub(super) async fn read_through(
    context: &Context,
    table: &TablePlan,
    item: &TransferItem,
    rewriter: Rewriter,
) -> Result<RewriteResult> {
    let (mut source, result) = open_source(context, table, item, rewriter)?;
    read_to_end(&mut source, &result, item).await?;
    Ok(result)
}

async fn read_to_end(
    source: &mut RewriteSource,
    result: &RewriteResult,
    item: &TransferItem,
) -> Result<()> {
    while let Some(chunk) = source.next().await {
        if chunk.is_err() {
            return Err(result.error().unwrap_or_else(|| incomplete(item)));
        }
    }
    Ok(())
}

fn incomplete(item: &TransferItem) -> Error {
    Error::new(ErrorKind::Transient, "an object was received incompletely", item.object.clone())
}

/// How an object differs from what was sent, if it does.
fn difference(
    bucket: &str,
    item: &TransferItem,
    stored: StoredObject,
    (bytes, sum): (u64, u32),
) -> Option<String> {
    if stored.bytes == bytes && stored.crc32c == Some(sum) {
        return None;
    }
    let found = stored.crc32c.map_or_else(|| "unknown".to_owned(), |sum| format!("{sum:08x}"));
    Some(format!(
        "gs://{bucket}/{}: expected {bytes} bytes with CRC32C {sum:08x}, found {} bytes with CRC32C {found}",
        item.object, stored.bytes
    ))
}

/// The rewriter of a plan, with the day's token key if the plan makes tokens.
pub(super) async fn rewriter(
    context: &Context,
    ledger: &DayLedger,
    plan: RewritePlan,
    key: &DayTokenKey,
) -> Result<Rewriter> {
    let tokens = plan.columns.values().any(|action| matches!(action, Action::Tokenise { .. }));
    let rewriter = Rewriter::new(plan)?;
    Ok(if tokens { rewriter.with_key(key.get(context, ledger).await?) } else { rewriter })
}

/// Opens the stream of an item's rewritten bytes.
fn open_source(
    context: &Context,
    table: &TablePlan,
    item: &TransferItem,
    rewriter: Rewriter,
) -> Result<(RewriteSource, RewriteResult)> {
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
    let result = RewriteResult::default();
    Ok((RewriteSource { stream: Some(stream), result: result.clone() }, result))
}

/// The result of a rewrite, shared between the stream and the code that checks it.
#[derive(Clone, Default)]
pub(super) struct RewriteResult(Arc<Mutex<Streamed>>);

/// What was streamed so far.
#[derive(Default)]
struct Streamed {
    bytes: u64,
    crc32c: u32,
    /// How the engine ended; `None` while it runs.
    end: Option<Result<RewriteReport>>,
}

impl RewriteResult {
    fn with<T>(&self, act: impl FnOnce(&mut Streamed) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The length and the CRC32C of the output.
    fn sum(&self) -> (u64, u32) {
        self.with(|streamed| (streamed.bytes, streamed.crc32c))
    }

    /// The engine's error, once.
    fn error(&self) -> Option<Error> {
        self.with(|streamed| match streamed.end.take() {
            Some(Err(error)) => Some(error),
            other => {
                streamed.end = other;
                None
            }
        })
    }

    /// The engine's report, if it has as many rows as were planned.
    pub(super) fn report(&self, item: &TransferItem) -> Result<RewriteReport> {
        let report = self.with(|streamed| match &streamed.end {
            Some(Ok(report)) => Some(report.clone()),
            _ => None,
        });
        let report = report.ok_or_else(|| incomplete(item))?;
        if report.rows != item.rows {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "a file has a different number of rows than its plan",
                format!("{}: {} planned, {} found", item.object, item.rows, report.rows),
            ));
        }
        Ok(report)
    }
}

/// The engine's output as the source of an upload.
struct RewriteSource {
    stream: Option<RewriteStream>,
    result: RewriteResult,
}

/// The rewrite failed; [`RewriteResult::error`] returns the cause.
#[derive(Debug)]
struct RewriteFailed;

impl std::fmt::Display for RewriteFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the rewrite failed")
    }
}

impl std::error::Error for RewriteFailed {}

impl StreamingSource for RewriteSource {
    type Error = RewriteFailed;

    async fn next(&mut self) -> Option<Result<Bytes, RewriteFailed>> {
        if let Some(stream) = &mut self.stream
            && let Some(chunk) = stream.bytes.recv().await
        {
            self.result.with(|streamed| {
                streamed.bytes += chunk.len() as u64;
                streamed.crc32c = crc32c::crc32c_append(streamed.crc32c, &chunk);
            });
            return Some(Ok(chunk));
        }
        // The end of the bytes does not mean success, and half a file must not complete the
        // upload, so the engine's result is read first. After a failure, every call fails.
        if let Some(stream) = self.stream.take() {
            let end = stream.report().await;
            self.result.with(|streamed| streamed.end = Some(end));
        }
        let succeeded = self.result.with(|streamed| matches!(streamed.end, Some(Ok(_))));
        if succeeded { None } else { Some(Err(RewriteFailed)) }
    }
}
