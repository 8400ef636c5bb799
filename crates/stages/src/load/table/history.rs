//! Keeping the rows of one day as a partition of a history table.
//!
//! The same objects that the table was loaded from are loaded again, into the partition of the day, by a job
//! that replaces this partition alone. Claim, tags, job and proof have the order of [`super`]: the claim of a
//! history table has the rows of every kept day, so the tags that are set before the job protect the new rows
//! and the rows of all other partitions.
//!
//! A column of a history table means the same on every day. If the rows of a day have another transform, token
//! key, type or source column under a name than the rows of a kept day, the history continues in another table
//! (`orders_history_2`), and the earlier one keeps its days until they expire. A column of the same table could
//! not have another name: a load job takes the names of the Parquet files, and only a query, which reads the
//! rows, could rename one.

use landbridge_core::calendar::Day;
use landbridge_core::diff::LiveColumn;
use landbridge_core::forget::Forgotten;
use landbridge_core::ids::{JobId, short_hash};
use landbridge_core::incident::what;
use landbridge_core::names::{MOST_HISTORY_TABLES, history_table, is_same};
use landbridge_core::plan::Problem;
use landbridge_core::plan::table::ResolvedTable;
use landbridge_core::protection::TableRows;
use landbridge_core::receipt::{Note, NoteCode};
use landbridge_core::types::BigQueryType;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::{Patched, TableInfo};
use landbridge_ledger::records::{self, Claim, FORGOTTEN, ItemRecord};

use super::TableLoad;
use super::claim::{ClaimOutcome, Held};
use crate::{Context, alert, deployment, protect, time_travel};

/// How often a table is read again because someone else changed it in between.
const MAX_READS: usize = 5;

/// The rows of a day, as the load of their table found them.
pub(in crate::load) struct DayRows {
    pub(in crate::load) resolved: ResolvedTable,
    pub(in crate::load) items: Vec<ItemRecord>,
    pub(in crate::load) rows: TableRows,
}

/// A partition that has its rows.
pub(in crate::load) struct DayKept {
    pub(in crate::load) rows: u64,
    pub(in crate::load) job: JobId,
    pub(in crate::load) notes: Vec<Note>,
}

/// A history table for the rows of a day, and what is to be said of the choice.
pub(in crate::load) struct Chosen {
    pub(in crate::load) table: String,
    pub(in crate::load) notes: Vec<Note>,
}

/// The newest history table in which the rows can stand beside those that are kept; a new one if there is none.
///
/// # Errors
/// [`ErrorKind::Held`] if there are too many; any ledger or BigQuery error.
pub(in crate::load) async fn choose(
    context: &Context,
    of: &str,
    rows: &TableRows,
) -> Result<Chosen> {
    let dataset = &context.config.warehouse.dataset;
    let ledger = context.ledger.source();
    let mut tables = Vec::new();
    for number in 1..=MOST_HISTORY_TABLES {
        let name = history_table(of, number);
        let Some(claim) = ledger.value(&records::history_claim(&name)).await? else {
            break;
        };
        tables.push((name, claim));
    }
    let mut why = None;
    for (table, claim) in tables.iter().rev() {
        let live = context.gcp.bigquery.table(dataset, table).await?;
        match difference(rows, claim, live.as_ref()) {
            None => {
                let notes = of_earlier_rows(&tables, table, rows).into_iter().collect();
                return Ok(Chosen { table: table.clone(), notes });
            }
            Some(found) => drop(why.get_or_insert((table, found))),
        }
    }
    let number = u32::try_from(tables.len()).unwrap_or(MOST_HISTORY_TABLES) + 1;
    if number > MOST_HISTORY_TABLES {
        return Err(Error::new(
            ErrorKind::Held,
            "the history of a table has too many tables",
            format!("{dataset}.{of}"),
        ));
    }
    let note = why.map(|(table, (column, why))| {
        let next = history_table(of, number);
        let text = format!(
            "the history continues in `{next}`: column `{column}` differs from the days in `{table}`: {why}"
        );
        Note::new(NoteCode::HistoryContinues, text)
    });
    let table = history_table(of, number);
    let notes = note.into_iter().chain(of_earlier_rows(&tables, &table, rows)).collect();
    Ok(Chosen { table, notes })
}

/// A note if another history table has rows of the same day: those from before the day was done again.
fn of_earlier_rows(tables: &[(String, Claim)], chosen: &str, rows: &TableRows) -> Option<Note> {
    let day = rows.day?;
    let others = tables.iter().filter(|(table, _)| table != chosen);
    let (table, _) = others.into_iter().find(|(_, claim)| claim.kept.of_day(day).is_some())?;
    let text = format!("`{table}` also has rows of {day}, from before the day was done again");
    Some(Note::new(NoteCode::HistoryContinues, text))
}

/// The first column of the rows that cannot stand in the history table, and why.
fn difference(
    rows: &TableRows,
    claim: &Claim,
    live: Option<&TableInfo>,
) -> Option<(String, &'static str)> {
    // The rows of the same day are replaced.
    let day = rows.day?;
    let loading = claim.loading.iter().filter(|loading| loading.day != Some(day));
    let mut kept = claim.kept.of_other_days(day).chain(loading);
    if let Some(found) = kept.find_map(|kept| rows.differs_from_kept(kept)) {
        return Some(found);
    }
    // The type of a column stays when the days that brought it have expired.
    let live: &[LiveColumn] = live.map_or(&[], |live| &live.live.columns);
    rows.columns.iter().flatten().find_map(|(source, rows)| {
        let name = rows.name(source);
        let live = live.iter().find(|live| is_same(&live.name, name))?;
        let is_equal = live.ty.parse::<BigQueryType>().ok() == Some(rows.ty)
            && (live.mode == "REPEATED") == rows.repeated;
        (!is_equal).then(|| (name.to_owned(), "its type is another one"))
    })
}

impl TableLoad<'_> {
    /// Makes the rows of the day the rows of its partition, and proves them. `None`: not finished, the next tick
    /// continues. Idempotent: rows that are kept already are proven again.
    ///
    /// # Errors
    /// Any error; it concerns this partition alone.
    pub(in crate::load) async fn keep_day(&self, day: &DayRows) -> Result<Option<DayKept>> {
        let dataset = &self.context.config.warehouse.dataset;
        let live = self.context.gcp.bigquery.table(dataset, &self.table.table).await?;
        if live.as_ref().is_some_and(|live| live.day_partitions.is_none()) {
            return Err(Error::new(
                ErrorKind::Held,
                "the name of a history table is used by another table",
                self.name(),
            ));
        }
        if let Some(Problem { context, .. }) = self.changed_object(&day.items).await? {
            return Err(Error::new(
                ErrorKind::Conflict,
                "an object in Cloud Storage is not the one that was transferred, so the day is not kept",
                context,
            ));
        }
        if self.waits(&day.rows.digest).await? {
            return Ok(None);
        }
        let mut held = match self.claim(day.rows.clone(), live.as_ref()).await? {
            ClaimOutcome::Won(held) => *held,
            ClaimOutcome::Retry | ClaimOutcome::Superseded(_) | ClaimOutcome::OtherRows(_) => {
                return Ok(None);
            }
        };
        // `landbridge forget` writes its record before it looks for claims, so one of the two sees the other.
        let forgotten: Vec<Forgotten> = self.ledger.source().read_all(FORGOTTEN).await?;
        if forgotten.iter().any(|it| it.reaches(&self.table.source_table, self.day.day)) {
            self.release(&mut held).await?;
            return Ok(None);
        }
        if live.is_none() {
            self.report_deleted(&held).await?;
        }
        let mut resolved = day.resolved.clone();
        // A column that the export lacks need not exist here: it is NULL on this day.
        let exists = |name: &str| {
            let live = live.iter().flat_map(|live| &live.live.columns);
            live.into_iter().any(|live| is_same(&live.name, name))
        };
        resolved.columns.retain(|column| column.in_source || exists(&column.name));
        let contract = self.context.contract.tables.get(&self.table.source_table);
        let (table, hours) = (&self.table.table, self.window_hours);
        let window_hours = match live {
            Some(_) => {
                time_travel::window_hours(self.context, table, contract, hours, self.tick).await?
            }
            None => hours,
        };
        Self { window_hours, ..*self }.replace_partition(&resolved, held).await
    }

    /// Says that a person deleted the table with the days that it kept. It is created again.
    async fn report_deleted(&self, held: &Held) -> Result<()> {
        let days = held.claim.kept.days();
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
        let problem = Problem::notice(
            what::HISTORY_DELETED,
            format!("{}: {} days from {first} to {last}", self.name(), days.len()),
            "if it was not intended: find out who deleted it, and undelete it within the time travel window of the dataset; `landbridge backfill --again` fills days whose exports exist",
        );
        alert::notice(&self.ledger.source(), &problem, &problem.context, self.day.day).await
    }

    async fn replace_partition(
        &self,
        resolved: &ResolvedTable,
        mut held: Held,
    ) -> Result<Option<DayKept>> {
        let Some(before) = self.prepare_schema(resolved, &mut held).await? else { return Ok(None) };
        if !self.keep_partitions(&held).await? {
            return Ok(None);
        }
        let Some(loaded) = self.load_rows(&mut held, &before).await? else { return Ok(None) };
        let Some(mut proof) = self.prove(&before, &held, &loaded).await? else { return Ok(None) };
        if !self.still_held(&held).await? || !self.finish_claim(&mut held, loaded.ended_at).await? {
            return Ok(None);
        }
        // Only now may a column have the class of the new rows.
        let now = self.classes_now(resolved, &held);
        if !self.has_tags_of(&now, before.columns())? {
            let Some(after) = self.prepare_schema(resolved, &mut held).await? else {
                return Ok(None);
            };
            let table = &self.table.table;
            let opened = protect::opened(self.context, table, before.columns(), after.columns());
            protect::report_opened(self.context, &opened, self.day.day).await?;
            proof.state = self.read_back().await?;
        }
        self.describe_rows(&held, &proof.state).await?;
        let (rows, job) = (loaded.rows, loaded.job);
        tracing::info!(table = self.name(), day = %self.day.day, rows, %job, "day kept");
        Ok(Some(DayKept { rows, job, notes: proof.notes }))
    }

    /// Sets how many days the history table keeps, if it is another number than in landbridge.yaml. `false`: a
    /// newer contract is deployed, or a newer load has taken the table over.
    async fn keep_partitions(&self, held: &Held) -> Result<bool> {
        let Some(days) = self.history.map(|it| it.days) else { return Ok(true) };
        let wanted = Some(jiff::SignedDuration::from_hours(24 * i64::from(days)));
        let (dataset, table) = (&self.context.config.warehouse.dataset, &self.table.table);
        for _ in 0..MAX_READS {
            let live = self.read_back().await?;
            if self.is_overtaken(&live, held) {
                return Ok(false);
            }
            if live.day_partitions.is_some_and(|it| it.expiration == wanted) {
                return Ok(true);
            }
            if !deployment::is_newest(self.context, &self.ledger.source()).await? {
                return Ok(false);
            }
            let bigquery = &self.context.gcp.bigquery;
            if bigquery.keep_partitions(dataset, table, &live, days).await? == Patched::Yes {
                tracing::info!(table = self.name(), days, "the days that a history keeps are set");
            }
        }
        Err(Error::new(
            ErrorKind::Transient,
            "a history table does not keep the number of days that is set, or is changed all the time",
            self.name(),
        ))
    }

    /// The rows of the partition of the day, by the metadata of the table after this job.
    pub(super) async fn partition_rows(&self, job: &JobId) -> Result<u64> {
        let request = short_hash(&format!("{job} {} {:?}", self.tick.now, self.tick.started));
        let (dataset, table) = (&self.context.config.warehouse.dataset, &self.table.table);
        let day: Day = self.day.day;
        self.context.gcp.bigquery.partition_rows(dataset, table, day, &request).await
    }

    /// The rows of the day that this load describes, for a history table.
    ///
    /// # Errors
    /// What holds a table: see [`Self::run`].
    pub(in crate::load) fn day_rows(
        &self,
        text: &std::collections::BTreeSet<String>,
        items: Vec<ItemRecord>,
        key: Option<&str>,
    ) -> Result<DayRows> {
        let (resolved, _) = self.checked(None, text, &items)?;
        let mut rows = self.rows_to_load(&resolved, text, key, &items);
        rows.record_classes(&self.context.contract);
        Ok(DayRows { resolved, items, rows })
    }
}
