//! Tables that are missing: they were loaded on an earlier day, or the contract names them, and
//! today's export does not contain them. They were dropped, renamed or are no longer exported. What
//! is in BigQuery stays, and a receipt and a notice say so.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::ids::short_hash;
use landbridge_core::plan::{DayPlan, Problem};
use landbridge_core::receipt::{Note, NoteCode, Receipt, ReceiptState};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, CLAIMS};

use super::Receipts;
use super::planned::PlannedNames;
use super::slots::at_once;
use crate::{Context, Tick, alert};

/// The names of the receipts begin with this.
pub(super) const PREFIX: &str = "gone-";

fn receipt_name(table: &str) -> String {
    format!("{PREFIX}{}", short_hash(table))
}

/// A BigQuery table that no table of the plan is loaded into.
#[derive(Clone, Debug, PartialEq, Eq)]
struct GoneTable {
    table: String,
    source_table: String,
    /// The day of its rows.
    rows_of: Day,
}

/// A table without rows of this day, and why.
struct Missing {
    name: String,
    table: String,
    source_table: String,
    problem: Problem,
    note: Note,
}

/// Writes a receipt for each of them, and reports those that are missing for the first time with one notice.
/// `receipts` are those that exist. Returns whether one was written. Idempotent.
///
/// # Errors
/// Any error of the ledger or BigQuery.
pub(super) async fn write_gone(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    receipts: &Receipts,
    tick: Tick,
) -> Result<bool> {
    let gone = find(context, ledger, plan).await?;
    let never_loaded = never_loaded(context, ledger, plan, &gone, receipts).await?;
    let missing = gone.iter().map(|gone| gone.missing(context, plan)).chain(never_loaded);
    let new: Vec<Missing> = missing.filter(|it| !receipts.contains_key(&it.name)).collect();
    let has_new = !new.is_empty();
    let notice = |it: &Missing| {
        let key = if it.table.is_empty() { &it.source_table } else { &it.table };
        (it.problem.clone(), key.clone())
    };
    let notices: Vec<_> = new.iter().map(notice).collect();
    let action = format!(
        "see `landbridge receipt {}`: the note of each table says how to keep, hide or delete its rows",
        plan.day
    );
    // Before the receipts: a tick that ends in between reports them again rather than never.
    alert::notice_of_many(&ledger.source(), &notices, &action, plan.day).await?;
    futures::stream::iter(new)
        .map(|missing| write_missing(ledger, plan, missing, tick))
        .buffered(at_once(context))
        .try_for_each(async |()| Ok(()))
        .await?;
    Ok(has_new)
}

/// Writes the receipt of a missing table.
async fn write_missing(
    ledger: &DayLedger,
    plan: &DayPlan,
    missing: Missing,
    tick: Tick,
) -> Result<()> {
    let Missing { name, table, source_table, note, .. } = missing;
    let mut receipt = Receipt::new(plan, &source_table, ReceiptState::Missing, tick.now);
    receipt.table = table;
    receipt.notes.push(note);
    ledger.create(&records::receipt(&name), &receipt).await?;
    Ok(())
}

impl GoneTable {
    fn missing(&self, context: &Context, plan: &DayPlan) -> Missing {
        let moved = plan.tables.iter().find(|entry| entry.source_table == self.source_table);
        let why = match moved {
            None => {
                format!("its table `{}` of the source is not in today's export", self.source_table)
            }
            Some(entry) => format!("`{}` is now loaded into `{}`", self.source_table, entry.table),
        };
        let warehouse = &context.config.warehouse;
        let action = format!(
            "to keep the rows, do nothing; to hide them, remove the table from contract.yaml and deploy it; to delete them, run `bq rm --table {}:{}.{}`",
            warehouse.project, warehouse.dataset, self.table
        );
        let text =
            format!("table `{}` keeps its rows of {}: {why}; {action}", self.table, self.rows_of);
        Missing {
            name: receipt_name(&self.table),
            table: self.table.clone(),
            source_table: self.source_table.clone(),
            problem: Problem::notice(
                "a table in BigQuery is not loaded any more",
                format!("{} ({why})", self.table),
                &action,
            ),
            note: Note::new(NoteCode::TableGone, text),
        }
    }
}

/// The tables of the contract that no day loaded and that are neither in the plan nor skipped.
async fn never_loaded(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    gone: &[GoneTable],
    receipts: &Receipts,
) -> Result<Vec<Missing>> {
    let planned = PlannedNames::of(plan);
    let gone: BTreeSet<&str> = gone.iter().map(|gone| gone.source_table.as_str()).collect();
    let is_known = |name: &str| {
        [&planned.sources, &planned.skipped, &gone].iter().any(|names| names.contains(name))
    };
    // A day that is held is finished again by every tick: the claims are read once.
    let is_new = |name: &&String| !receipts.contains_key(&receipt_name(name));
    let unknown = context.contract.tables.keys().filter(|name| !is_known(name));
    let open: Vec<&String> = unknown.filter(is_new).collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    // A table whose rows a person deleted in BigQuery has a claim.
    let tables = ledger.source().names(CLAIMS).await?.into_keys().collect();
    let loaded = loaded_rows(context, ledger, tables).await?;
    let loaded: BTreeSet<String> = loaded.into_iter().map(|(_, rows)| rows.source_table).collect();
    let missing = |source_table: &String| {
        let text = format!(
            "contract.yaml names `{source_table}`, which is not in today's export and was never loaded"
        );
        Missing {
            name: receipt_name(source_table),
            table: String::new(),
            source_table: source_table.clone(),
            problem: Problem::notice(
                "a table of contract.yaml is not in the export",
                source_table,
                "nothing if the table comes later; otherwise correct its name in contract.yaml, or remove it there",
            ),
            note: Note::new(NoteCode::TableNotInExport, text),
        }
    };
    Ok(open.into_iter().filter(|name| !loaded.contains(*name)).map(missing).collect())
}

/// The tables of the source in BigQuery that the plan does not load, by their claims. A table whose
/// claim says nothing of a day is not reported: Landbridge did not load it.
async fn find(context: &Context, ledger: &DayLedger, plan: &DayPlan) -> Result<Vec<GoneTable>> {
    let dataset = &context.config.warehouse.dataset;
    let planned = PlannedNames::of(plan);
    let mut tables = context.gcp.bigquery.tables_of(dataset, &plan.source).await?;
    tables.retain(|table| !planned.tables.contains(table.as_str()));
    let loaded = loaded_rows(context, ledger, tables).await?;
    let gone = loaded.into_iter().filter_map(|(table, rows)| {
        let rows_of = rows.day.filter(|day| *day < plan.day)?;
        let LoadedRows { source_table, .. } = rows;
        // The receipt of a skipped table says why it is not loaded.
        let is_skipped = planned.skipped.contains(source_table.as_str());
        (!is_skipped).then_some(GoneTable { table, source_table, rows_of })
    });
    Ok(gone.collect())
}

/// What the rows of a table are.
struct LoadedRows {
    source_table: String,
    day: Option<Day>,
}

/// The rows of these tables, by their claims; without those that have none.
async fn loaded_rows(
    context: &Context,
    ledger: &DayLedger,
    tables: Vec<String>,
) -> Result<Vec<(String, LoadedRows)>> {
    let claims = &ledger.source();
    futures::stream::iter(tables)
        .map(|table| async move {
            let claim = claims.value(&records::claim(&table)).await?;
            let rows = claim.and_then(|claim| claim.loaded);
            let rows =
                rows.map(|it| LoadedRows { day: it.newest_day(), source_table: it.source_table });
            Ok(rows.map(|rows| (table, rows)))
        })
        .buffered(at_once(context))
        .try_filter_map(async |rows| Ok(rows))
        .try_collect()
        .await
}
