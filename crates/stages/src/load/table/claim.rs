//! The claim of a table: which rows it has, and which load may replace them.
//!
//! The claim is written before anything that it describes happens, with `If-Match`. So at most one
//! load job per table can run at a time, and whoever reads the claim knows every set of rows that
//! the table can contain. Before another load takes a claim over, the job of the earlier one has
//! ended, or its id is retired: an insertion that is still on its way cannot start it any more.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::ids::{JobId, hash};
use landbridge_core::plan::table::ResolvedTable;
use landbridge_core::protection::{FormerRows, KeptRows, NotJudged, TableRows};
use landbridge_core::types::{BigQueryType, ColumnType};
use landbridge_gcp::bigquery::{Retired, TableInfo};
use landbridge_ledger::records::{self, Claim, ItemRecord};
use landbridge_ledger::{Recorded, SourceName, Written};

use super::TableLoad;
use crate::deployment;

/// The outcome of claiming a table.
pub(super) enum ClaimOutcome {
    /// This load may replace the table's rows, or has replaced them.
    Won(Box<Held>),
    /// Another tick or job is at work; the next tick tries again.
    Retry,
    /// The table already has the data of this newer day.
    Superseded(Day),
    /// The table does not have the rows into which changes are merged. Nothing is claimed.
    OtherRows(&'static str),
}

/// A claim that this load holds, in the version that was read.
pub(super) struct Held {
    pub(super) claim: Claim,
    etag: String,
    /// The partition, of a history table.
    partition: Option<Day>,
}

impl Held {
    /// The job whose rows are in the table and proven; `None` if the load is not finished.
    pub(super) fn finished_job(&self) -> Option<String> {
        if self.claim.loading.is_some() {
            return None;
        }
        self.newest_rows().map(|rows| rows.job.clone())
    }

    /// The rows that the table, or the partition, has, or that a job may be writing.
    pub(super) fn newest_rows(&self) -> Option<Cow<'_, TableRows>> {
        self.claim.newest_rows(self.partition)
    }
}

impl TableLoad<'_> {
    /// What the table's rows are after this load. The digest is that of everything that determines
    /// their content.
    pub(super) fn rows_to_load(
        &self,
        resolved: &ResolvedTable,
        text_columns: &BTreeSet<String>,
        key: Option<&str>,
        items: &[ItemRecord],
    ) -> TableRows {
        let column_type = |source: &str| {
            let column = resolved.columns.iter().find(|column| column.source_column == source)?;
            Some(ColumnType { ty: column.ty, repeated: column.repeated })
        };
        let mut rows = TableRows::of_plan(self.table, self.day.day, column_type, |name| {
            text_columns.contains(name)
        });
        rows.token_key = key.map(str::to_owned);
        let content = |item: &ItemRecord| (item.object.clone(), item.bytes, item.crc32c, item.rows);
        let contents: Vec<_> = items.iter().map(content).collect();
        let all = (&rows, self.table.revision, contents);
        rows.digest = hash(&serde_json::to_string(&all).expect("names and numbers are JSON"));
        // Not part of the digest, like what follows: it says of the same content how it came about.
        rows.made_by = made_by(items);
        // What the same content looks like, of whatever class it is: the next contract may say `none`.
        for (name, columns) in rows.columns.iter_mut().flatten() {
            // Of what became numbers, the numbers that fit are the values.
            if !matches!(columns.ty, BigQueryType::String | BigQueryType::Json) {
                continue;
            }
            columns.looks_like = items.iter().find_map(|item| item.personal.get(name).cloned());
            let unread = items.iter().any(|item| item.not_judged.contains(name));
            columns.not_judged = (unread && columns.looks_like.is_none())
                .then_some(NotJudged { since: self.day.day, never_before: true });
        }
        rows
    }

    /// Claims the table for `rows`. A late tick of an older day must not replace newer rows, nor
    /// may one that has an older contract.
    pub(super) async fn claim(
        &self,
        rows: TableRows,
        live: Option<&TableInfo>,
    ) -> Result<ClaimOutcome> {
        let name = self.claim_name();
        let claims = self.ledger.source();
        let current = claims.get(&name).await?;
        if let Some(current) = &current {
            if current.value.day > self.day.day && self.history.is_none() {
                return Ok(ClaimOutcome::Superseded(current.value.day));
            }
            if self.ended_meanwhile(&current.value, live).await? {
                return Ok(ClaimOutcome::Retry);
            }
            if self.is_for(&current.value, &rows) && !is_put_back(&current.value, live) {
                return Ok(ClaimOutcome::Won(Box::new(self.held(current.clone()))));
            }
            if self.is_outdated(&current.value) {
                return Ok(ClaimOutcome::Retry);
            }
        }
        if let Some(merge) = self.delta
            && let Some(why) = self.not_mergeable(merge, current.as_ref().map(|it| &it.value), live)
        {
            return Ok(ClaimOutcome::OtherRows(why));
        }
        // A tick with an older contract must not retire the job of a newer one.
        let running = current.as_ref().is_some_and(|current| current.value.loading.is_some());
        if running && !deployment::is_newest(self.context, &claims).await? {
            return Ok(ClaimOutcome::Retry);
        }
        let Some(next) = self.next_claim(current.as_ref().map(|it| &it.value), rows, live).await?
        else {
            return Ok(ClaimOutcome::Retry);
        };
        // The number is read after the claim was read and before it is replaced: if a newer
        // contract's tick claims the table in between, this replacement is refused.
        if !deployment::is_newest(self.context, &claims).await? {
            return Ok(ClaimOutcome::Retry);
        }
        let written = match current {
            Some(current) => claims.replace(&name, &current.etag, &next).await?,
            None => claims.create(&name, &next).await?,
        };
        match (written, claims.get(&name).await?) {
            (Written::Yes, Some(found)) if found.value == next => {
                Ok(ClaimOutcome::Won(Box::new(self.held(found))))
            }
            _ => Ok(ClaimOutcome::Retry),
        }
    }

    /// Whether another load ended between the looks at the table and at its claim, so that `live` is not the table that the claim
    /// describes. It has labelled the table before it ended its claim; a copy that was put back keeps its number.
    async fn ended_meanwhile(&self, claim: &Claim, live: Option<&TableInfo>) -> Result<bool> {
        let Some(live) = live.filter(|live| live.stamp.load < claim.sequence) else {
            return Ok(false);
        };
        if claim.describes(live.stamp.load, live.rows) {
            return Ok(false);
        }
        let dataset = &self.context.config.warehouse.dataset;
        let now = self.context.gcp.bigquery.table(dataset, &self.table.table).await?;
        Ok(now.is_none_or(|now| now.stamp.load != live.stamp.load))
    }

    /// Whether the claim is that of this load: running, or finished.
    fn is_for(&self, claim: &Claim, rows: &TableRows) -> bool {
        let newest = claim.newest_rows(self.partition_day());
        newest.is_some_and(|it| it.digest == rows.digest && it.day == Some(self.day.day))
    }

    /// Whether the claim is for rows of the same day that a newer request asked for: this tick began
    /// before the request.
    fn is_outdated(&self, claim: &Claim) -> bool {
        let kept = claim.kept.of_day(self.day.day);
        let rows = claim.loading.iter().chain(&claim.loaded).chain(&kept);
        let mut of_day = rows.filter(|rows| rows.day == Some(self.day.day));
        of_day.any(|rows| rows.redo > self.table.redo)
    }

    /// The claim for `rows`, once no other load can replace the table's rows any more; `None` while
    /// one is running.
    async fn next_claim(
        &self,
        current: Option<&Claim>,
        rows: TableRows,
        live: Option<&TableInfo>,
    ) -> Result<Option<Claim>> {
        let mut next = current.cloned().unwrap_or_else(|| Claim {
            day: self.day.day,
            sequence: 0,
            loaded: None,
            loading: None,
            // The table exists without a claim: what time travel reaches is unknown.
            former: live.map_or_else(Vec::new, |_| vec![self.unknown_rows()]),
            mark: None,
            history_of: self.history.map(|it| it.of.clone()),
            kept: KeptRows::default(),
        });
        let is_put_back = is_put_back(&next, live);
        // From now on, the table may be written. Changes are merged into the rows that have the mark, and no others.
        next.mark = self.delta.map(|merge| merge.mark());
        if let Some(other) = next.loading.take() {
            match self.context.gcp.bigquery.retire_job(&JobId::new(other.job.clone())?).await? {
                Retired::Running => return Ok(None),
                Retired::NeverRan => {}
                Retired::Wrote { ended_at } => next.replace_rows(other, self.no_earlier(ended_at)),
            }
        }
        if is_put_back {
            // What was loaded since is unknown, and what the claim says is not in the table any more.
            next.former.insert(0, self.unknown_rows());
            next.loaded = None;
            next.kept = KeptRows::default();
        }
        let is_recorded = next.loaded.is_some() || !next.kept.is_empty();
        if !is_recorded && live.is_some_and(|live| live.rows > 0) {
            next.loaded = Some(TableRows::unknown());
        }
        if let Some(live) = live {
            let expiration = live.day_partitions.and_then(|it| it.expiration);
            next.retire_expired(expiration, self.tick.now, self.no_earlier(modified_at(live)));
        }
        let mut rows = rows;
        let elsewhere = self.rows_under_another_name(&next).await?;
        let former = next.former.iter().map(|it| &it.rows);
        let earlier = next.loaded.iter().chain(next.kept.descriptions()).chain(former);
        rows.keep_verdicts(earlier.chain(&elsewhere), &self.context.contract);
        next.day = next.day.max(self.day.day);
        // A claim that was deleted or put back counts on from the number that the table has.
        next.sequence = next.sequence.max(live.map_or(0, |live| live.stamp.load)) + 1;
        let job = self.job_id(&rows, (next.sequence, 1))?.to_string();
        next.loading = Some(TableRows { job, ..rows });
        Ok(Some(next))
    }

    /// What is known of the rows of the same table of the source under other names in BigQuery, the newest first; nothing
    /// if the claim has rows of it: then they are the newer ones.
    async fn rows_under_another_name(&self, claim: &Claim) -> Result<Vec<TableRows>> {
        if let Some(history) = self.history {
            // The verdicts on the values of the table itself.
            let claim = self.ledger.source().value(&records::claim(&history.of)).await?;
            let former = claim.iter().flat_map(|it| it.former.iter().map(|it| it.rows.clone()));
            let current = claim.iter().flat_map(|it| it.loaded.iter().chain(&it.loading).cloned());
            return Ok(current.chain(former).collect());
        }
        let source_table = &self.table.source_table;
        let is_of_source = |rows: &TableRows| rows.source_table == *source_table;
        let former = |claim: &Claim| {
            claim.former.iter().map(|former| former.rows.clone()).collect::<Vec<_>>()
        };
        if claim.loaded.iter().chain(&former(claim)).any(is_of_source) {
            return Ok(Vec::new());
        }
        let earlier = self.names.of(self.context, self.day.day, source_table).await?;
        let default = self.table.default_table().to_owned();
        let mut tables: BTreeSet<&String> = earlier.iter().chain([&default]).collect();
        tables.remove(&self.table.table);
        let mut found = Vec::new();
        for table in tables {
            let Some(claim) = self.ledger.source().value(&records::claim(table)).await? else {
                continue;
            };
            found.extend(former(&claim));
            found.extend(claim.loaded.into_iter().chain(claim.loading));
        }
        found.retain(is_of_source);
        found.sort_by_key(|rows| std::cmp::Reverse(rows.newest_day()));
        Ok(found)
    }

    fn unknown_rows(&self) -> FormerRows {
        FormerRows { replaced_at: self.tick.now, rows: TableRows::unknown() }
    }

    /// The scheduled time of the tick, or a later time that BigQuery reports.
    fn no_earlier(&self, at: Option<Timestamp>) -> Timestamp {
        at.map_or(self.tick.now, |at| at.max(self.tick.now))
    }

    pub(super) fn job_id(&self, rows: &TableRows, number: (u32, u32)) -> Result<JobId> {
        let (day, table) = (self.day.day, &self.table.table);
        JobId::for_load(&self.day.source, day, table, &rows.digest, number)
    }

    /// Records the job that is inserted next. `false`: another tick changed the claim.
    pub(super) async fn claim_job(&self, held: &mut Held, job: &JobId) -> Result<bool> {
        let Some(loading) = &held.claim.loading else { return Ok(false) };
        if loading.job == job.as_str() {
            return Ok(true);
        }
        let mut next = held.claim.clone();
        next.loading = Some(TableRows { job: job.to_string(), ..loading.clone() });
        self.replace_claim(held, next).await
    }

    /// Records that the rows of this load are in the table and proven. `false`: another tick
    /// changed the claim.
    pub(super) async fn finish_claim(
        &self,
        held: &mut Held,
        ended_at: Option<Timestamp>,
    ) -> Result<bool> {
        let mut next = held.claim.clone();
        let Some(loading) = next.loading.take() else { return Ok(true) };
        next.replace_rows(loading, self.no_earlier(ended_at));
        self.replace_claim(held, next).await
    }

    /// Gives the claim up before its rows are proven. `false`: its job is running, or another tick changed the claim.
    ///
    /// The number of a claim whose table was not labelled with it is taken back, so that claim and table have the same.
    pub(super) async fn release(&self, held: &mut Held) -> Result<bool> {
        let mut next = held.claim.clone();
        let Some(loading) = next.loading.take() else { return Ok(true) };
        match self.context.gcp.bigquery.retire_job(&JobId::new(loading.job.clone())?).await? {
            Retired::Running => return Ok(false),
            Retired::NeverRan => {}
            Retired::Wrote { ended_at } => next.replace_rows(loading, self.no_earlier(ended_at)),
        }
        // Read now: another tick with the same claim can have labelled the table meanwhile.
        let dataset = &self.context.config.warehouse.dataset;
        let live = self.context.gcp.bigquery.table(dataset, &self.table.table).await?;
        if live.is_none_or(|live| live.stamp.load < next.sequence) {
            next.sequence = next.sequence.saturating_sub(1);
        }
        self.replace_claim(held, next).await
    }

    /// Before changes are merged: if nothing has written the table between the recorded mark and `live`, the mark of the table
    /// after this load's own patch is recorded. Otherwise the recorded one stays, and the changes are not merged. `false`:
    /// another tick changed the claim.
    pub(super) async fn follow_mark(
        &self,
        held: &mut Held,
        live: &TableInfo,
        patched: &TableInfo,
    ) -> Result<bool> {
        let is_before_merge = self.delta.is_some() && held.claim.loading.is_some();
        if !is_before_merge || held.claim.mark.is_none() || held.claim.mark != live.mark {
            return Ok(true);
        }
        let next = Claim { mark: patched.mark, ..held.claim.clone() };
        self.replace_claim(held, next).await
    }

    /// Records the table as this load has left it, so that a later day sees whether something else has written it.
    /// Only if the load job was the last to write it before `state` was read: whatever is later is unknown.
    /// Another tick's claim stays as it is.
    pub(super) async fn mark_table(
        &self,
        held: &mut Held,
        ended_at: Option<Timestamp>,
        (state, now): (&TableInfo, Option<&TableInfo>),
    ) -> Result<()> {
        let by_job = state
            .mark
            .zip(ended_at)
            .is_some_and(|(mark, ended_at)| mark.modified_ms <= ended_at.as_millisecond());
        let mark = now.and_then(|now| now.mark).filter(|_| by_job);
        if mark.is_some() && mark != held.claim.mark {
            let next = Claim { mark, ..held.claim.clone() };
            self.replace_claim(held, next).await?;
        }
        Ok(())
    }

    /// The claim, held for a table that keeps its rows: see `unchanged`.
    pub(super) fn hold_as_is(&self, found: Recorded<Claim>) -> Held {
        self.held(found)
    }

    fn held(&self, found: Recorded<Claim>) -> Held {
        Held { claim: found.value, etag: found.etag, partition: self.partition_day() }
    }

    /// The partition that is loaded, of a history table.
    pub(super) fn partition_day(&self) -> Option<Day> {
        self.history.map(|_| self.day.day)
    }

    /// The record of the claim.
    pub(super) fn claim_name(&self) -> SourceName<Claim> {
        match self.history {
            None => records::claim(&self.table.table),
            Some(_) => records::history_claim(&self.table.table),
        }
    }

    pub(super) async fn replace_claim(&self, held: &mut Held, next: Claim) -> Result<bool> {
        let name = self.claim_name();
        let claims = self.ledger.source();
        if claims.replace(&name, &held.etag, &next).await? == Written::Overtaken {
            return Ok(false);
        }
        match claims.get(&name).await? {
            Some(found) if found.value == next => {
                *held = self.held(found);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether the recorded claim is still this one.
    pub(super) async fn still_held(&self, held: &Held) -> Result<bool> {
        let found = self.ledger.source().get(&self.claim_name()).await?;
        Ok(found.is_some_and(|found| found.etag == held.etag))
    }
}

/// Whether the claim, or the table, is an earlier version that was put back; `live` was read before the claim.
pub(super) fn is_put_back(claim: &Claim, live: Option<&TableInfo>) -> bool {
    live.is_some_and(|live| !claim.describes(live.stamp.load, live.rows))
}

/// When the table was last changed: a late tick finds what a later one has changed, its expiration for example.
fn modified_at(live: &TableInfo) -> Option<Timestamp> {
    Timestamp::from_millisecond(live.mark?.modified_ms).ok()
}

/// What all objects were made by; empty if it is not the same for all, or not known of one.
pub(super) fn made_by(items: &[ItemRecord]) -> String {
    let first = items.first().map_or("", |item| item.made_by.as_str());
    let is_same = items.iter().all(|item| item.made_by == first);
    if is_same { first.to_owned() } else { String::new() }
}
