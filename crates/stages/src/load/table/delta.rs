//! A table of which only the rows that changed were transferred: they are merged into the rows that it has, by one
//! statement with an id of its own, which runs once and changes all rows or none.
//!
//! The statement supposes rows, so everything that makes these rows another set has the whole table transferred instead: another
//! claim, another mark of the table, other objects, other rights. What the statement reports is compared with what was planned, and the rows
//! of the table with the export. If they differ, all rows are transferred and replaced at the next ticks.

use landbridge_core::Result;
use landbridge_core::delta::{DeltaColumns, is_cheaper};
use landbridge_core::diff::{SchemaChange, diff_table};
use landbridge_core::ids::{JobId, hash};
use landbridge_core::names::is_same;
use landbridge_core::plan::Problem;
use landbridge_core::protection::TableRows;
use landbridge_core::receipt::{DeltaReceipt, Note, NoteCode, Receipt};
use landbridge_core::unchanged::TableMark;
use landbridge_gcp::bigquery::{Inserted, JobState, MergeJob, Merged, MergedRows, TableInfo};
use landbridge_ledger::records::{Claim, DeltaRecord, ItemRecord};

use super::audits::{self, TableAudits};
use super::claim::{ClaimOutcome, Held, is_put_back, made_by};
use super::rows::{LoadedRows, wait_for_job};
use super::{Prepared, TableLoad};
use crate::load::stats;
use crate::plan::read_items;
use crate::transfer::text_columns;
use crate::{alert, delta, deployment};

/// Why all rows are transferred if BigQuery does not begin the statement.
const REFUSED: &str = "BigQuery refuses to merge its changes";
/// A statement whose effect is not what was planned.
const OTHER_CHANGES: &str = "a merge changed other rows of a table than planned";

/// What the statement needs.
#[derive(Clone, Debug)]
pub(in crate::load) struct Merge {
    record: DeltaRecord,
    columns: DeltaColumns,
    /// The bytes of all rows, had they been transferred.
    full_bytes: u64,
}

impl Merge {
    /// The table whose rows the changes are changes of.
    pub(super) fn mark(&self) -> TableMark {
        self.record.mark
    }
}

impl TableLoad<'_> {
    /// Merges the changes of a table whose objects are all measured. `None`: not finished, or the whole table is
    /// transferred; the next tick continues.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(in crate::load) async fn run_delta(&self) -> Result<Option<Receipt>> {
        let Self { context, ledger, table, .. } = *self;
        if let Some(problem) = &table.problem {
            return self.hold(problem.clone()).await.map(Some);
        }
        let Some(record) = delta::of(ledger, table).await? else { return Ok(None) };
        let dataset = &context.config.warehouse.dataset;
        // Before the claim: a load writes its number into the claim before it labels the table.
        let live = context.gcp.bigquery.table(dataset, &table.table).await?;
        let text = text_columns::decided(ledger, table).await?;
        let items = read_items(ledger, table).await?;
        let (resolved, stats) = self.checked(live.as_ref(), &text, &items)?;
        let columns = match delta::columns(context, table, &resolved) {
            Some(Ok(columns)) => columns,
            Some(Err(why)) => return self.give_up(why).await,
            None => return self.give_up("deltas of it are not wanted any more").await,
        };
        let key = context.config.delta_of(&table.source_table).map(|wanted| &wanted.key);
        if key != Some(&record.key) {
            return self.give_up("its key was another one when it was compared").await;
        }
        // The rows that stay in the table are not those that a newer release or contract makes of the same files.
        if record.made_by.is_empty() || made_by(&items) != record.made_by {
            return self
                .give_up("the contract, a setting or the version of Landbridge changed meanwhile")
                .await;
        }
        let audits = match audits::read(self).await? {
            TableAudits::Waits => return Ok(None),
            TableAudits::Blocked(problem) => return self.hold(problem).await.map(Some),
            TableAudits::Publishes(audits) => audits,
        };
        let full_bytes = items.iter().map(|item| item.bytes).sum();
        let merge = Merge { record, columns, full_bytes };
        if self.has_other_objects(&merge).await? {
            return self.give_up("an object of its changes is not the one that was sent").await;
        }
        let change = diff_table(
            &self.name(),
            &context.config.source.name,
            &resolved.columns,
            live.as_ref().map(|state| &state.live),
            &context.tags,
        )?;
        let key = self.token_key().await?;
        let mut rows = self.rows_to_load(&resolved, &text, key.as_deref(), &items);
        rows.full_on = Some(merge.record.full_on);
        rows.digest = digest_of(&rows, &merge.record);
        if self.waits(&rows.digest).await? {
            return Ok(None);
        }
        if let Some(why) = self.is_dearer(&merge, &rows, live.as_ref()).await? {
            return self.give_up(why).await;
        }
        let intent = self.record_intent(live.as_ref(), &change, key.as_deref()).await?;
        let proven = stats::proven_columns(&items);
        let bytes_sent = merge.record.bytes();
        let prepared = Prepared { resolved, stats, proven, bytes_sent, intent, key, audits };
        let load = TableLoad { delta: Some(&merge), ..*self };
        match load.claim(rows, live.as_ref()).await? {
            ClaimOutcome::Won(held) => Box::pin(load.load(prepared, *held)).await,
            ClaimOutcome::Retry => Ok(None),
            ClaimOutcome::OtherRows(why) => self.give_up(why).await,
            ClaimOutcome::Superseded(by) => self.supersede(by).await.map(Some),
        }
    }

    /// Has all rows of the table transferred.
    async fn give_up(&self, why: &str) -> Result<Option<Receipt>> {
        delta::give_up(self.ledger, self.table, why, self.tick.now).await?;
        Ok(None)
    }

    /// Has all rows of the table transferred if its records describe objects that do not exist, although no changes of it are
    /// transferred alone: an earlier deployment decided that, or two ticks did not agree.
    pub(super) async fn is_only_measured(&self, items: &[ItemRecord]) -> Result<bool> {
        let is_measured = items.iter().any(|item| item.measured);
        if is_measured {
            self.give_up("its objects were only measured").await?;
        }
        Ok(is_measured)
    }

    /// Whether an object of the changes is not the one that was sent, or is gone.
    async fn has_other_objects(&self, merge: &Merge) -> Result<bool> {
        let bucket = &self.context.config.transfer.bucket;
        for sent in merge.record.objects() {
            let found = self.context.gcp.storage.metadata(bucket, &sent.object).await?;
            let is_sent = found.is_some_and(|it| {
                (it.generation, it.bytes, it.crc32c)
                    == (sent.generation, sent.bytes, Some(sent.crc32c))
            });
            if !is_sent {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Why all rows are transferred instead, by what BigQuery says of the statement before it runs. A claim for
    /// these rows is beyond that question.
    async fn is_dearer(
        &self,
        merge: &Merge,
        rows: &TableRows,
        live: Option<&TableInfo>,
    ) -> Result<Option<&'static str>> {
        let claim = self.ledger.source().value(&self.claim_name()).await?;
        let newest = claim.as_ref().and_then(|claim| claim.newest_rows(None));
        if newest.is_some_and(|it| it.digest == rows.digest) {
            return Ok(None);
        }
        if let Some(why) = self.other_rows(&merge.record, claim.as_ref(), live) {
            return Ok(Some(why));
        }
        let id = self.job_id(rows, (merge.record.sequence + 1, 1))?;
        let bytes = match self.context.gcp.bigquery.merge_bytes(&self.merge_job(merge, &id)).await {
            Ok(bytes) => bytes,
            Err(error) if !error.kind().is_transient() => {
                tracing::warn!(table = self.name(), kind = error.kind().name(), %error, "a merge is refused");
                return Ok(Some(REFUSED));
            }
            Err(error) => return Err(error),
        };
        let region = &self.context.config.source.region;
        let cheaper = is_cheaper(region, bytes, merge.record.bytes(), merge.full_bytes);
        Ok((!cheaper).then_some("merging its changes would cost more than transferring all of it"))
    }

    /// Why the table does not have the rows that the changes are changes of; `None` if it has.
    fn other_rows(
        &self,
        record: &DeltaRecord,
        claim: Option<&Claim>,
        live: Option<&TableInfo>,
    ) -> Option<&'static str> {
        let (Some(claim), Some(live)) = (claim, live) else {
            return Some("the table, or its claim, does not exist");
        };
        let Some(rows) = &claim.loaded else { return Some("the rows of the table are not known") };
        let is_compared = claim.loading.is_none()
            && claim.sequence == record.sequence
            && (rows.day, rows.job.as_str()) == (Some(record.since), record.job.as_str());
        if !is_compared {
            return Some("other rows were loaded after the comparison");
        }
        if is_put_back(claim, Some(live))
            || claim.mark != Some(record.mark)
            || live.mark != Some(record.mark)
        {
            return Some("something other than Landbridge's job has written or changed the table");
        }
        if live.live.source_label.as_ref() != Some(&self.context.config.source.name) {
            return Some("the table has no label of this source");
        }
        (record.rows_before(self.table.rows) != Some(live.rows))
            .then_some("the table has another number of rows")
    }

    /// As [`Self::other_rows`], for the claim that is about to be replaced.
    pub(super) fn not_mergeable(
        &self,
        merge: &Merge,
        claim: Option<&Claim>,
        live: Option<&TableInfo>,
    ) -> Option<&'static str> {
        self.other_rows(&merge.record, claim, live)
    }

    /// Merges the changes; `None` when this tick has not enough time, another tick has taken over, or all rows
    /// are transferred instead.
    pub(super) async fn merge_rows(
        &self,
        merge: &Merge,
        held: &Held,
        change: &SchemaChange,
    ) -> Result<Option<LoadedRows>> {
        let bigquery = &self.context.gcp.bigquery;
        if let Some(job) = held.finished_job() {
            let job = JobId::new(job)?;
            let merged = bigquery.merged(&job).await?;
            let (duration_ms, ended_at) =
                merged.map_or((None, None), |it| (it.duration_ms, it.ended_at));
            let rows = merge.record.new + merge.record.changed;
            return Ok(Some(LoadedRows { job, rows, duration_ms, ended_at }));
        }
        let Some(loading) = held.claim.loading.clone() else { return Ok(None) };
        let id = self.job_id(&loading, (held.claim.sequence, 1))?;
        let merged = self.run_merge(merge, held, (&id, change)).await;
        // Another load that took the table over has retired the job, whose end then says nothing of this table.
        if !self.still_held(held).await? { Ok(None) } else { merged }
    }

    /// Runs the statement once, and reads its end.
    async fn run_merge(
        &self,
        merge: &Merge,
        held: &Held,
        (id, change): (&JobId, &SchemaChange),
    ) -> Result<Option<LoadedRows>> {
        let bigquery = &self.context.gcp.bigquery;
        if bigquery.job(id).await?.is_none() {
            if let Some(why) = self.is_not_as_it_was(merge, held, change).await? {
                return self.leave(why).await;
            }
            if !deployment::is_newest(self.context, &self.ledger.source()).await? {
                return Ok(None);
            }
            match bigquery.insert_merge(&self.merge_job(merge, id)).await {
                Ok(Inserted::Other) => return self.leave("the id of its job is used").await,
                Ok(_) => {}
                Err(error) if error.kind().is_transient() => return Err(error),
                Err(error) => {
                    tracing::warn!(table = self.name(), kind = error.kind().name(), %error, "a merge is refused");
                    return self.leave(REFUSED).await;
                }
            }
        }
        let waited = self.slot.release_during(wait_for_job(self.context, id, self.tick)).await;
        match waited? {
            None | Some(JobState::Running) => Ok(None),
            Some(JobState::Failed { reason, message, .. }) => {
                let why = message.map_or(reason.clone(), |message| format!("{reason}: {message}"));
                tracing::warn!(job = id.as_str(), why, "a merge failed");
                self.leave(&format!("the merge of its changes failed: {reason}")).await
            }
            Some(JobState::Done { .. }) => self.merged_rows(merge, held, id.clone()).await,
        }
    }

    /// What a job that is done changed, if it is what was planned and the table now has the rows of the export. Otherwise
    /// all rows are transferred and replaced.
    async fn merged_rows(
        &self,
        merge: &Merge,
        held: &Held,
        id: JobId,
    ) -> Result<Option<LoadedRows>> {
        let record = &merge.record;
        let planned =
            MergedRows { inserted: record.new, updated: record.changed, deleted: record.deleted };
        let merged = self.context.gcp.bigquery.merged(&id).await?;
        let Some(Merged { rows, ended_at, duration_ms }) = merged else { return Ok(None) };
        let found = self.read_back().await?.rows;
        // A table with only the columns of its key has nothing to change.
        if rows == Some(planned) && found == self.table.rows {
            let rows = record.new + record.changed;
            return Ok(Some(LoadedRows { job: id, rows, duration_ms, ended_at }));
        }
        // The rows are of another load.
        if !self.still_held(held).await? {
            return Ok(None);
        }
        let problem = Problem::notice(
            OTHER_CHANGES,
            format!(
                "{}, job {id}: {planned:?} planned, {rows:?} changed, {} rows of {} in the table",
                self.name(),
                found,
                self.table.rows
            ),
            "nothing: the next ticks transfer all rows of the table and replace them. If it happens again, remove `delta` of the table from landbridge.yaml",
        );
        alert::raise(self.ledger, &problem, &self.subject(), self.tick.now).await?;
        self.leave(OTHER_CHANGES).await
    }

    /// As [`Self::give_up`], after the claim.
    async fn leave(&self, why: &str) -> Result<Option<LoadedRows>> {
        self.give_up(why).await?;
        Ok(None)
    }

    /// Why the statement must not run: the table is not the one that it was before tags and labels were set, or its key
    /// has a tag.
    async fn is_not_as_it_was(
        &self,
        merge: &Merge,
        held: &Held,
        change: &SchemaChange,
    ) -> Result<Option<&'static str>> {
        let tagged = |name: &String| {
            let mut columns = change.columns().iter();
            columns.any(|it| is_same(&it.name, name) && it.policy_tag.is_some())
        };
        if merge.columns.key.iter().any(tagged) {
            return Ok(Some("a column of its key has a tag now"));
        }
        let now = self.read_back().await?;
        let is_same = now.mark.is_some() && now.mark == held.claim.mark;
        Ok((!is_same).then_some("the table was written while its changes were merged"))
    }

    fn merge_job<'a>(&'a self, merge: &'a Merge, id: &'a JobId) -> MergeJob<'a> {
        let bucket = &self.context.config.transfer.bucket;
        let uris = |objects: &[landbridge_ledger::records::DeltaObject]| {
            objects.iter().map(|it| format!("gs://{bucket}/{}", it.object)).collect()
        };
        MergeJob {
            id,
            dataset: &self.context.config.warehouse.dataset,
            table: &self.table.table,
            key: &merge.columns.key,
            columns: &merge.columns.all,
            changes: uris(&merge.record.changes),
            deletions: uris(&merge.record.deletions),
        }
    }
}

/// The digest of rows that come from changes: also of which rows they are changes of.
fn digest_of(rows: &TableRows, record: &DeltaRecord) -> String {
    let objects: Vec<_> = record.objects().map(|it| (&it.object, it.generation)).collect();
    let all = (&rows.digest, &record.job, record.sequence, objects);
    hash(&serde_json::to_string(&all).expect("names and numbers are JSON"))
}

/// Says in the receipt which rows were transferred.
pub(super) fn describe(receipt: &mut Receipt, merge: &Merge) {
    let Merge { record, full_bytes, .. } = merge;
    let DeltaRecord { since, new, changed, deleted, .. } = record;
    let bytes = record.bytes();
    receipt.files = record.objects().count() as u64;
    receipt.delta = Some(DeltaReceipt {
        since: *since,
        new: *new,
        changed: *changed,
        deleted: *deleted,
        bytes,
        full_bytes: *full_bytes,
    });
    let text = format!(
        "delta since {since}: {new} new, {changed} changed and {deleted} deleted rows were merged into the table; {bytes} bytes left AWS instead of {full_bytes}"
    );
    receipt.notes.push(Note::new(NoteCode::Delta, text));
}
