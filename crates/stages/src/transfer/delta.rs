//! The rows of a table that changed since the day whose rows BigQuery has: they are found by comparing both exports in S3, and sent
//! as objects of their own. Nothing of them is stored in AWS: hashes of rows are sorted in temporary files without a name, under
//! a secret that ends with the comparison.
//!
//! Everything happens within one tick; the record comes last. The same rows always give the same objects, so a tick that
//! comes after a crash finds those that are there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use landbridge_core::delta::{DeltaColumns, is_cheaper};
use landbridge_core::ids::folder_of_delta;
use landbridge_core::plan::columns::rewrite_plan;
use landbridge_core::plan::table::resolve_table;
use landbridge_core::plan::{ItemSource, SourceColumn, TablePlan, TransferItem};
use landbridge_core::rewrite::Action;
use landbridge_core::types::TimeRules;
use landbridge_core::unchanged::files;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{DeltaObject, DeltaRecord, EqualBy};
use landbridge_parquet::changes::pick::{Picked, pick};
use landbridge_parquet::changes::windows::Windows;
use landbridge_parquet::changes::{self, Changes, Compared, RowAt, SourceFile};
use tokio::sync::mpsc;

use super::item;
use super::s3_object::S3Object;
use super::unchanged::{Before, Comparison, Outcome};
use crate::plan::read_items;
use crate::{delta, unchanged};

/// Rows that may differ, at most: their places take 8 bytes each.
const MOST_ROWS: usize = 2_000_000;
/// Rows of each day that are sorted in memory at once, 40 bytes each.
const SORTED_IN_MEMORY: usize = 200_000;
/// A file of changed rows ends after so many bytes. It is in memory while it is sent.
const FILE_BYTES: usize = 16 << 20;

/// Why all rows are sent although few changed.
const DEARER: &str = "merging its changes would cost more than transferring all of it";

/// The files of an export, as they are read side by side.
type Files = Vec<SourceFile<Windows<S3Object>>>;

/// Ends the threads of a comparison when its tick has no more time.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Comparison<'_> {
    /// The columns of a delta of this table, if its changes may be transferred alone.
    pub(super) fn delta_columns(&self, table: &TablePlan) -> Option<DeltaColumns> {
        let context = self.context;
        context.config.delta_of(&table.source_table)?;
        let contract = context.contract.tables.get(&table.source_table);
        let others = context.contract.others_of(&table.source_table);
        let (names, times) =
            (context.config.warehouse.column_names, TimeRules::of(&context.config, contract));
        // The load says why a table cannot be resolved.
        let resolved =
            resolve_table(table, contract, others, &BTreeSet::new(), names, &times).ok()?;
        match delta::columns(context, table, &resolved)? {
            Ok(columns) => Some(columns),
            Err(why) => {
                tracing::warn!(table = table.table, why, "all rows of a table are transferred");
                None
            }
        }
    }

    /// Finds the rows that differ, and sends them.
    pub(super) async fn changed_rows(&self, table: &TablePlan, before: &Before) -> Result<Outcome> {
        let _turn = self.turn.lock().await;
        let differs = |why: &str| Ok(Outcome::Differs(why.to_owned()));
        let sent = read_items(&before.ledger, &before.loaded).await?;
        let full: u64 = sent.iter().map(|item| item.bytes).sum();
        let region = &self.context.config.source.region;
        if !is_cheaper(region, before.mark.bytes, 0, full) {
            return differs(DEARER);
        }
        let changes = match self.compare_rows(table, before).await? {
            Compared::Found(changes) => changes,
            Compared::Refused(why) => return differs(why),
        };
        let rows = before.mark.rows.checked_add(changes.new);
        if rows.and_then(|rows| rows.checked_sub(changes.deleted)) != Some(table.rows) {
            return differs("the numbers of its rows do not add up");
        }
        if changes == Changes::default() {
            return Ok(Outcome::Equal(EqualBy::Rows));
        }
        if (changes.carried.len() as u64).saturating_mul(2) > table.rows {
            return differs("more than half of its rows changed");
        }
        let record = match self.send_changes(table, before, changes).await? {
            Ok(record) => record,
            Err(why) => return Ok(Outcome::Differs(why)),
        };
        if !is_cheaper(region, before.mark.bytes, record.bytes(), full) {
            return differs(DEARER);
        }
        Ok(Outcome::Delta(Box::new(record)))
    }

    /// The files of a day.
    fn files(&self, plan: &TablePlan) -> Files {
        let bucket = &self.context.config.export.bucket;
        let file = |object: landbridge_core::plan::objects::ObjectMeta| {
            let (name, bytes) = (format!("s3://{bucket}/{}", object.key), object.bytes);
            let source =
                S3Object { s3: self.context.aws.s3.clone(), bucket: bucket.clone(), object };
            SourceFile { reader: Windows::new(source, bytes, plan.columns.len()), name }
        };
        files(plan).into_iter().map(file).collect()
    }

    async fn compare_rows(&self, table: &TablePlan, before: &Before) -> Result<Compared> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| {
            Error::new(ErrorKind::Transient, "the system gives no random bytes", "")
        })?;
        let stop = Arc::new(AtomicBool::new(false));
        let (_stop_on_drop, stop) = (StopOnDrop(stop.clone()), stop);
        let (earlier, today) = (self.files(&before.newest), self.files(table));
        let key = self.key(table);
        let ignored: BTreeSet<String> = left_behind(table).collect();
        let compared = tokio::task::spawn_blocking(move || {
            let comparison = changes::Comparison {
                key: &key,
                ignored: &ignored,
                secret,
                most: MOST_ROWS,
                in_memory: SORTED_IN_MEMORY,
                stop: &stop,
            };
            changes::compare(earlier, today, &comparison)
        });
        compared.await.unwrap_or_else(|_| Err(ended()))
    }

    /// The key, by the names of its columns in the source.
    fn key(&self, table: &TablePlan) -> Vec<String> {
        let wanted = self.context.config.delta_of(&table.source_table);
        wanted.map_or_else(Vec::new, |wanted| wanted.key.clone())
    }

    /// Sends the rows that differ. The inner error is why that is not possible.
    async fn send_changes(
        &self,
        table: &TablePlan,
        before: &Before,
        found: Changes,
    ) -> Result<Result<DeltaRecord, String>> {
        let Changes { new, changed, deleted, carried, gone } = found;
        let earlier = &before.earlier;
        // Objects of another comparison have other names, and no load job of the whole table reads them.
        let Some(folder) = table.items.first().and_then(|it| it.object.rsplit_once('/')) else {
            return Ok(Err("it has no objects".to_owned()));
        };
        let folder = folder_of_delta(folder.0, earlier.sequence);
        let today = (self.files(table), carried, None);
        let part = (folder.as_str(), "changes");
        let changes = match self.send_rows(&table.columns, today, part).await? {
            Ok(sent) => sent,
            Err(why) => return Ok(Err(why)),
        };
        let key = self.key(table);
        let is_key = |column: &&SourceColumn| key.contains(&column.parquet.name);
        let columns: Vec<SourceColumn> = table.columns.iter().filter(is_key).cloned().collect();
        let gone = (self.files(&before.newest), gone, Some(key));
        let deletions = self.send_rows(&columns, gone, (folder.as_str(), "deletions")).await?;
        Ok(deletions.map(|deletions| DeltaRecord {
            since: earlier.since,
            compared_with: earlier.compared_with,
            full_on: before.full_on,
            job: earlier.job.clone(),
            sequence: earlier.sequence,
            mark: before.mark,
            key: self.key(table),
            made_by: unchanged::made_by(self.context, &table.source_table),
            new,
            changed,
            deleted,
            changes,
            deletions,
            compared_at: self.tick.now,
        }))
    }

    /// Sends some rows of some files, with what is done to their columns.
    async fn send_rows(
        &self,
        columns: &[SourceColumn],
        (files, rows, only): (Files, Vec<RowAt>, Option<Vec<String>>),
        (folder, kind): (&str, &str),
    ) -> Result<Result<Vec<DeltaObject>, String>> {
        let rewrite = rewrite_plan(columns, &BTreeSet::new());
        let tokens = &self.shared.tokens;
        let rewriter = item::rewriter(self.context, self.ledger, rewrite, tokens).await?;
        // One file waits while another is sent.
        let (sender, mut picked) = mpsc::channel::<(Bytes, u64)>(1);
        let picking = tokio::task::spawn_blocking(move || {
            let wanted = Picked { rows: &rows, columns: only.as_deref(), file_bytes: FILE_BYTES };
            pick(files, wanted, &mut |bytes, rows| {
                sender.blocking_send((bytes, rows)).map_err(|_| ended())
            })
        });
        let mut sent = Vec::new();
        while let Some((file, rows)) = picked.recv().await {
            let object = format!("{folder}/{kind}-{:05}.parquet", sent.len());
            let from = ItemSource::NoRows { columns: Vec::new() };
            let item = TransferItem { number: 0, from, object, rows, row_groups: None };
            let stored =
                match item::send_file(self.context, (file, &item), rewriter.clone()).await? {
                    Ok(stored) => stored,
                    Err(_) => return Ok(Err(OTHER_CONTENT.to_owned())),
                };
            let Some(crc32c) = stored.crc32c else { return Ok(Err(OTHER_CONTENT.to_owned())) };
            let (generation, bytes) = (stored.generation, stored.bytes);
            sent.push(DeltaObject { object: item.object, generation, bytes, crc32c, rows });
        }
        picking.await.unwrap_or_else(|_| Err(ended()))?;
        Ok(Ok(sent))
    }
}

/// An object that an earlier tick wrote, or another program.
const OTHER_CONTENT: &str = "an object of its changes exists with other content";

/// The columns that stay in AWS: their values do not matter.
fn left_behind(table: &TablePlan) -> impl Iterator<Item = String> {
    let stays =
        table.columns.iter().filter(|it| matches!(it.action, Action::Drop | Action::SetNull));
    stays.map(|it| it.parquet.name.clone())
}

fn ended() -> Error {
    Error::new(ErrorKind::Transient, "a comparison was stopped", "")
}
