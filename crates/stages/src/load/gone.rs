//! Tables that are missing: they were loaded on an earlier day, or the contract names them, and
//! today's export does not contain them. They were dropped, renamed or are no longer exported. What
//! is in BigQuery stays, and a receipt and a notice say so.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::ids::short_hash;
use landbridge_core::plan::{DayPlan, Problem};
use landbridge_core::receipt::{Note, NoteCode, Receipt, ReceiptState};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{self, CLAIMS, RECEIPTS};

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
    let existing = ledger.names(RECEIPTS).await?;
    let gone = find(context, ledger, plan).await?;
    let never_loaded = never_loaded(context, ledger, plan, &gone, &existing).await?;
    let missing = gone.iter().map(|gone| gone.missing(context, plan));
    let missing: Vec<Missing> = missing.chain(never_loaded).collect();
    for Missing { name, table, source_table, problem, note } in missing {
        if existing.contains_key(&name) {
            continue;
        }
        let key = if table.is_empty() { &source_table } else { &table };
        alert::notice(&ledger.source(), &problem, key, plan.day).await?;
        let mut receipt = Receipt::new(plan, &source_table, ReceiptState::Missing, tick.now);
        receipt.table = table;
        receipt.notes.push(note);
        ledger.create(&records::receipt(&name), &receipt).await?;
    }
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
        let text = format!("table `{}` keeps its rows of {}: {why}", self.table, self.rows_of);
        let warehouse = &context.config.warehouse;
        let action = format!(
            "to keep the rows, do nothing; to hide them, remove the table from contract.yaml and deploy it; to delete them, run `bq rm --table {}:{}.{}`",
            warehouse.project, warehouse.dataset, self.table
        );
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
    existing: &BTreeMap<String, Vec<String>>,
) -> Result<Vec<Missing>> {
    let planned = plan.tables.iter().map(|entry| &entry.source_table);
    let skipped = plan.skipped.iter().map(|skipped| &skipped.source_table);
    let gone = gone.iter().map(|gone| &gone.source_table);
    let known: BTreeSet<&String> = planned.chain(skipped).chain(gone).collect();
    // A day that is held is finished again by every tick: the claims are read once.
    let is_new = |name: &&String| !existing.contains_key(&receipt_name(name));
    let unknown = context.contract.tables.keys().filter(|name| !known.contains(name));
    let open: Vec<&String> = unknown.filter(is_new).collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    // A table whose rows a person deleted in BigQuery has a claim.
    let mut loaded = BTreeSet::new();
    for table in ledger.source().names(CLAIMS).await?.into_keys() {
        let claim = ledger.source().value(&records::claim(&table)).await?;
        loaded.extend(claim.and_then(|claim| claim.loaded).map(|rows| rows.source_table));
    }
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
