//! Which tables need not be transferred, because their export has the same content as that of the day whose rows
//! BigQuery has. The files of both days are read from S3 and compared, block by block, up to the first difference; with
//! `transfer.unchanged: checksums`, S3 is asked for their checksums, and a file is read only if it has none.
//! Nothing of the content is recorded. With `proof`, a table whose files differ may still have the same rows:
//! [`figures`] compares the figures of its columns and rows.

mod figures;

use std::sync::Arc;

use futures::StreamExt;
use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::config::{KeptColumns, UnchangedTables};
use landbridge_core::delta::{DeltaColumns, full_day};
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_core::plan::{SourceColumn, TablePlan};
use landbridge_core::rewrite::Action;
use landbridge_core::unchanged::{Earlier, TableMark};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, DeltaRecord, EqualBy, UnchangedRecord};
use landbridge_parquet::RangeReader;
use tokio::sync::Mutex;

use super::OpenTable;
use super::budget::Budget;
use super::planning::at_once;
use super::proof::Shared;
use super::s3_object::S3Object;
use super::slots::Slots;
use crate::unchanged::{Decisions, carry, is_on, made_by};
use crate::{Context, Tick};

/// What is read of each of two files at once, in bytes. Two of them fit the place of one object in transfer.
const BLOCK: u64 = 4 << 20;
/// Pairs of files of a table whose checksums are asked for at once.
const CHECKSUMS_AT_ONCE: usize = 16;
/// Why a table is carried whose comparison did not end: it would not end in the next tick either.
const TOO_LARGE: &str = "the comparison with the earlier day did not end within the tick";

/// What became of a table.
enum Found {
    /// It keeps its rows.
    Unchanged,
    /// The rows that changed are transferred.
    Delta,
    /// It is transferred.
    Carried,
    /// The tick has no time to compare it.
    NotCompared,
}

/// Decides which of the open tables need not be transferred, and records it. Returns the others, and how many could
/// not be compared for lack of time.
///
/// Idempotent: a decision is recorded once and stays. A table that cannot be compared, for whatever reason, is
/// transferred.
///
/// # Errors
/// Any ledger error.
pub(super) async fn leave_out(
    context: &Context,
    (ledger, shared): (&DayLedger, &Shared),
    decisions: &mut Decisions,
    open: Vec<OpenTable>,
    (budget, tick): (&Budget, Tick),
) -> Result<(Vec<OpenTable>, usize)> {
    if !is_on(context) {
        return Ok((open, 0));
    }
    let slots = &Slots::new(&context.config.transfer, context.config.proof.is_some());
    let turn = Mutex::new(());
    let comparison = &Comparison { context, ledger, shared, budget, tick, slots, turn };
    let seen = &*decisions;
    let mut results = futures::stream::iter(open)
        .map(|table| async move {
            let record = table.plan.record_name();
            let is_open = table.done.is_empty() && !seen.is_carried(&record);
            let found = match is_open {
                _ if seen.is_delta(&record) => Ok(Found::Delta),
                true => Box::pin(comparison.compare(&table.plan)).await,
                false => Ok(Found::Carried),
            };
            (table, found)
        })
        .buffered(at_once(context));
    let (mut left, mut unchanged, mut not_compared) = (Vec::new(), Vec::new(), 0);
    let mut deltas = Vec::new();
    while let Some((table, found)) = results.next().await {
        match found? {
            Found::Unchanged => unchanged.push(table.plan.record_name()),
            Found::Delta => {
                deltas.push(table.plan.record_name());
                left.push(table);
            }
            Found::Carried => left.push(table),
            Found::NotCompared => not_compared += 1,
        }
    }
    drop(results);
    tracing::info!(day = %shared.day, unchanged = unchanged.len(), deltas = deltas.len(), not_compared, "tables compared with their earlier days");
    unchanged.into_iter().for_each(|record| decisions.add_unchanged(record));
    deltas.into_iter().for_each(|record| decisions.add_delta(record));
    Ok((left, not_compared))
}

/// What the comparisons of a tick have in common.
pub(super) struct Comparison<'a> {
    pub(super) context: &'a Context,
    pub(super) ledger: &'a DayLedger,
    pub(super) shared: &'a Shared,
    budget: &'a Budget,
    pub(super) tick: Tick,
    slots: &'a Slots,
    /// Held while changed rows of a table are found: one table at a time, which bounds the memory.
    pub(super) turn: Mutex<()>,
}

/// The day whose rows a table has.
pub(super) struct Before {
    pub(super) earlier: UnchangedRecord,
    /// The files to compare; `None` if their number or lengths differ.
    pairs: Option<Vec<(ObjectMeta, ObjectMeta)>>,
    /// The ledger and the plan of the day that was loaded.
    pub(super) ledger: DayLedger,
    pub(super) loaded: TablePlan,
    /// The plan of the newest day with that content.
    pub(super) newest: TablePlan,
    /// Whether the table has as many rows as the export.
    same_rows: bool,
    /// The table as its last job left it.
    pub(super) mark: TableMark,
    pub(super) full_on: Day,
}

/// What a comparison found.
pub(super) enum Outcome {
    Equal(EqualBy),
    Delta(Box<DeltaRecord>),
    /// Why the table is carried.
    Differs(String),
}

impl Comparison<'_> {
    /// Compares one table, and records the result if a file was read.
    async fn compare(&self, table: &Arc<TablePlan>) -> Result<Found> {
        let Some(before) = self.before(table).await? else { return Ok(Found::Carried) };
        let may_be_equal = before.same_rows && (before.pairs.is_some() || self.has_figures());
        let columns = self.delta_columns(table);
        if !may_be_equal && columns.is_none() {
            return Ok(Found::Carried);
        }
        // The files of both days, and today's once more for figures; both once more for changed rows.
        let times = if self.by_checksums() { 0 } else { 2 }
            + u64::from(self.has_figures())
            + if columns.is_some() { 2 } else { 0 };
        let bytes = before.earlier.bytes.saturating_mul(times);
        let _slot = self.slots.take(bytes).await;
        if self.budget.start(bytes).is_none() {
            return Ok(Found::NotCompared);
        }
        let compared = self.compared(table, &before, columns.as_ref());
        let compared = tokio::time::timeout_at(self.budget.until().into(), compared).await;
        self.budget.end(bytes, matches!(compared, Ok(Ok(Outcome::Equal(_) | Outcome::Delta(_)))));
        let why = match compared {
            Ok(Ok(Outcome::Delta(record))) => {
                self.ledger.create(&records::delta(table), &record).await?;
                // Another tick may have decided otherwise meanwhile, and sends the objects.
                let is_carried = self.ledger.value(&records::carried(table)).await?.is_some();
                return Ok(if is_carried { Found::Carried } else { Found::Delta });
            }
            Ok(Ok(Outcome::Equal(by))) => {
                let record = UnchangedRecord { by, ..before.earlier };
                let name = records::unchanged(table);
                let recorded = self.ledger.create_or_get(&name, &record).await?;
                tracing::debug!(table = table.table, since = %recorded.value.since, "unchanged");
                return Ok(Found::Unchanged);
            }
            Ok(Ok(Outcome::Differs(why))) => why,
            // The transfer meets an error of today's files itself.
            Ok(Err(error)) => {
                tracing::warn!(%error, table = table.table, "a table cannot be compared with its earlier day");
                format!("it cannot be compared: {}", error.what())
            }
            Err(_) => TOO_LARGE.to_owned(),
        };
        carry(self.ledger, table, &why, self.tick.now).await?;
        Ok(Found::Carried)
    }

    /// By what today's export equals the earlier one, or which rows differ.
    async fn compared(
        &self,
        table: &TablePlan,
        before: &Before,
        columns: Option<&DeltaColumns>,
    ) -> Result<Outcome> {
        if let Some(pairs) = before.pairs.as_ref().filter(|_| before.same_rows)
            && let Some(by) = self.equal_content(pairs).await?
        {
            return Ok(Outcome::Equal(by));
        }
        if columns.is_some() {
            return Box::pin(self.changed_rows(table, before)).await;
        }
        if self.has_figures() && Box::pin(self.have_equal_figures(table, before)).await? {
            return Ok(Outcome::Equal(EqualBy::Figures));
        }
        Ok(Outcome::Differs("the content of its export changed".to_owned()))
    }

    /// By what the files of each pair have the same content, if they have.
    async fn equal_content(&self, pairs: &[(ObjectMeta, ObjectMeta)]) -> Result<Option<EqualBy>> {
        if self.by_checksums()
            && let Some(are_equal) = self.have_equal_checksums(pairs).await?
        {
            return Ok(are_equal.then_some(EqualBy::Checksums));
        }
        // S3 does not have all checksums, or is not asked.
        Ok(self.are_equal(pairs).await?.then_some(EqualBy::Bytes))
    }

    /// Whether S3 is asked for checksums before files are read.
    fn by_checksums(&self) -> bool {
        self.context.config.transfer.unchanged == UnchangedTables::Checksums
    }

    /// Whether the files of each pair have the same checksum; `None` if S3 does not have one of them and all others are
    /// the same.
    async fn have_equal_checksums(
        &self,
        pairs: &[(ObjectMeta, ObjectMeta)],
    ) -> Result<Option<bool>> {
        let (s3, bucket) = (&self.context.aws.s3, &self.context.config.export.bucket);
        let mut answers = futures::stream::iter(pairs)
            .map(|(today, before)| async move {
                futures::try_join!(s3.checksum(bucket, today), s3.checksum(bucket, before))
            })
            .buffer_unordered(CHECKSUMS_AT_ONCE);
        let mut are_known = true;
        while let Some(answer) = answers.next().await {
            match answer? {
                (Some(today), Some(before)) if today == before => {}
                (Some(_), Some(_)) => return Ok(Some(false)),
                _ => are_known = false,
            }
        }
        Ok(are_known.then_some(true))
    }

    /// Whether days have figures of all columns.
    fn has_figures(&self) -> bool {
        let proof = self.context.config.proof.as_ref();
        proof.is_some_and(|proof| proof.kept != KeptColumns::Never)
    }

    /// The day whose rows the table has, if the table may keep them; `None` if it must be carried.
    async fn before(&self, table: &TablePlan) -> Result<Option<Before>> {
        let Self { context, shared, .. } = *self;
        let claim = context.ledger.source().value(&records::claim(&table.table)).await?;
        let Some(claim) = claim.filter(|it| it.loading.is_none()) else { return Ok(None) };
        let Some(mark) = claim.mark else { return Ok(None) };
        let Some(rows) = &claim.loaded else { return Ok(None) };
        let (Some(since), Some(newest_day)) = (rows.day, rows.newest_day()) else {
            return Ok(None);
        };
        let plan = async |day| context.ledger(day).value(&records::table_plan(&table.table)).await;
        let Some(loaded) = plan(since).await? else { return Ok(None) };
        let newest =
            if newest_day == since { Some(loaded.clone()) } else { plan(newest_day).await? };
        let Some(newest) = newest else { return Ok(None) };
        let token_key = match self.token_key(table).await {
            Ok(key) => key,
            // The transfer says why.
            Err(_) => return Ok(None),
        };
        let earlier = Earlier {
            day: shared.day,
            plan: table,
            rows,
            loaded: &loaded,
            newest: &newest,
            made_by: &made_by(context, &table.source_table),
            token_key: token_key.as_deref(),
            full_every: context.config.transfer.full_every,
        };
        let same_rows = !earlier.has_other_rows();
        let why = match context.config.delta_of(&table.source_table) {
            Some(_) => earlier.differs_beside_rows(),
            None => earlier.differs(),
        };
        if let Some(why) = why {
            tracing::debug!(table = table.table, why, "carried without a comparison");
            return Ok(None);
        }
        let pairs = earlier.pairs();
        let full_on = full_day(rows).unwrap_or(since);
        if newest_day != since && !self.was_compared(newest_day, &newest, &rows.job).await? {
            return Ok(None);
        }
        let earlier = UnchangedRecord {
            since,
            record: loaded.record_name(),
            job: rows.job.clone(),
            sequence: claim.sequence,
            compared_with: newest_day,
            by: EqualBy::Bytes,
            bytes: table.bytes,
            compared_at: self.tick.now,
        };
        let ledger = context.ledger(since);
        Ok(Some(Before { earlier, pairs, ledger, loaded, newest, same_rows, mark, full_on }))
    }

    /// Whether the plan of a day that was unchanged itself is the one that was compared.
    async fn was_compared(&self, day: Day, plan: &TablePlan, job: &str) -> Result<bool> {
        let ledger = self.context.ledger(day);
        let record = ledger.value(&records::unchanged(plan)).await?;
        let is_carried = ledger.value(&records::carried(plan)).await?.is_some();
        Ok(!is_carried && record.is_some_and(|record| record.job == job))
    }

    /// The id of today's token key, if the table has tokens.
    async fn token_key(&self, table: &TablePlan) -> Result<Option<String>> {
        let tokens = |column: &SourceColumn| matches!(column.action, Action::Tokenise { .. });
        if !table.columns.iter().any(tokens) {
            return Ok(None);
        }
        Ok(Some(self.shared.tokens.get(self.context, self.ledger).await?.id()))
    }

    async fn are_equal(&self, pairs: &[(ObjectMeta, ObjectMeta)]) -> Result<bool> {
        let reader = |object: &ObjectMeta| S3Object {
            s3: self.context.aws.s3.clone(),
            bucket: self.context.config.export.bucket.clone(),
            object: object.clone(),
        };
        for (today, before) in pairs {
            if !same_content(&reader(today), &reader(before), today.bytes).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether two files of this length have the same bytes. Reads no further than the block that differs.
async fn same_content<R: RangeReader>(one: &R, other: &R, length: u64) -> Result<bool> {
    let mut at = 0;
    while at < length {
        let next = BLOCK.min(length - at);
        let (one, other) = futures::try_join!(one.read(at, next), other.read(at, next))?;
        if one != other {
            return Ok(false);
        }
        at += next;
    }
    Ok(true)
}
