//! Tables that were loaded on an earlier day and are not in today's export: dropped, renamed or no
//! longer exported. Their rows stay in BigQuery, and a receipt and a notice say so.

use std::collections::BTreeSet;

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::ids::short_hash;
use landbridge_core::plan::{DayPlan, Problem};
use landbridge_core::receipt::{Note, NoteCode, Receipt, ReceiptState};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, RECEIPTS};

use crate::{Context, Tick, alert};

/// The names of the receipts begin with this.
pub(super) const PREFIX: &str = "gone-";

/// A BigQuery table that no table of the plan is loaded into.
#[derive(Clone, Debug, PartialEq, Eq)]
struct GoneTable {
    table: String,
    source_table: String,
    /// The day of its rows.
    rows_of: Day,
}

/// Writes a receipt for each of them, and reports each with a notice when it first applies. Idempotent.
///
/// # Errors
/// Any error of the ledger or BigQuery.
pub(super) async fn write_gone(
    context: &Context,
    ledger: &DayLedger,
    plan: &DayPlan,
    tick: Tick,
) -> Result<()> {
    let gone = find(context, ledger, plan).await?;
    if gone.is_empty() {
        return Ok(());
    }
    let existing = ledger.names(RECEIPTS).await?;
    for gone in gone {
        let name = format!("{PREFIX}{}", short_hash(&gone.table));
        if existing.contains_key(&name) {
            continue;
        }
        let moved = plan.tables.iter().find(|entry| entry.source_table == gone.source_table);
        let why = match moved {
            None => {
                format!("its table `{}` of the source is not in today's export", gone.source_table)
            }
            Some(entry) => format!("`{}` is now loaded into `{}`", gone.source_table, entry.table),
        };
        let text = format!("table `{}` keeps its rows of {}: {why}", gone.table, gone.rows_of);
        let problem = Problem::notice(
            "a table in BigQuery is not loaded any more",
            format!("{} ({why})", gone.table),
            "nothing if this is on purpose: the table keeps its last rows until a person deletes it in BigQuery",
        );
        alert::notice(&ledger.source(), &problem, &gone.table, plan.day).await?;
        let mut receipt = Receipt::new(plan, &gone.source_table, ReceiptState::Skipped, tick.now);
        receipt.table.clone_from(&gone.table);
        receipt.notes.push(Note::new(NoteCode::TableGone, text));
        ledger.create(&records::receipt(&name), &receipt).await?;
    }
    Ok(())
}

/// The tables of the source in BigQuery that the plan does not load, by their claims. A table whose
/// claim says nothing of a day is not reported: Landbridge did not load it.
async fn find(context: &Context, ledger: &DayLedger, plan: &DayPlan) -> Result<Vec<GoneTable>> {
    let dataset = &context.config.warehouse.dataset;
    let planned: BTreeSet<&str> = plan.tables.iter().map(|entry| entry.table.as_str()).collect();
    let skipped: BTreeSet<&str> =
        plan.skipped.iter().map(|skipped| skipped.source_table.as_str()).collect();
    let mut gone = Vec::new();
    for table in context.gcp.bigquery.tables_of(dataset, &plan.source).await? {
        if planned.contains(table.as_str()) {
            continue;
        }
        let claim = ledger.source().value(&records::claim(&table)).await?;
        let Some(rows) = claim.and_then(|claim| claim.loaded) else { continue };
        let Some(rows_of) = rows.day.filter(|day| *day < plan.day) else { continue };
        // The receipt of a skipped table says why it is not loaded.
        if !skipped.contains(rows.source_table.as_str()) {
            gone.push(GoneTable { table, source_table: rows.source_table, rows_of });
        }
    }
    Ok(gone)
}
