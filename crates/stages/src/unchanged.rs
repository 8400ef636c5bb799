//! Which tables of a day keep the rows of an earlier day (`transfer.unchanged: skip`). The transfer decides it by the
//! content of the export (`transfer/unchanged`), the load checks the table and publishes it
//! (`load/table/unchanged.rs`), or has it carried after all. `core::unchanged` has the rules.

use std::collections::BTreeSet;

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::ids::short_hash;
use landbridge_core::plan::TablePlan;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::DayLedger;
use landbridge_ledger::records::{
    self, CARRIED, CarriedRecord, DELTAS, UNCHANGED, UnchangedRecord,
};
use landbridge_parquet::rewrite::VERSION;

use crate::Context;
use crate::plan::contract_fingerprint;

/// Which columns are judged while they are carried: 2 since text of every class is. A table whose rows were judged by
/// another rule is carried once more.
const JUDGED: u8 = 2;

/// The decisions of a day, by the names of the tables' plans in the names of records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decisions {
    unchanged: BTreeSet<String>,
    deltas: BTreeSet<String>,
    carried: BTreeSet<String>,
}

impl Decisions {
    /// Reads the decisions. Without `transfer.unchanged: skip` there are none, also if an earlier deployment made
    /// some: every table is carried then.
    ///
    /// # Errors
    /// Any ledger error.
    pub(crate) async fn read(context: &Context, ledger: &DayLedger) -> Result<Self> {
        if !is_on(context) {
            return Ok(Self::default());
        }
        // In this order: a decision to carry counts, also if it is made meanwhile. Changes that were transferred alone count
        // also if no table has `delta` any more: their objects were only measured.
        let unchanged = ledger.names(UNCHANGED).await?.into_keys().collect();
        let deltas = ledger.names(DELTAS).await?.into_keys().collect();
        let carried = ledger.names(CARRIED).await?.into_keys().collect();
        Ok(Self { unchanged, deltas, carried })
    }

    /// Whether only the rows of the table that changed are transferred.
    pub(crate) fn is_delta(&self, record: &str) -> bool {
        self.deltas.contains(record) && !self.carried.contains(record)
    }

    /// Whether the rows of the table that changed were transferred alone, and all rows are transferred after all: the plan of the
    /// table then has, or gets, another revision.
    pub(crate) fn is_given_up(&self, record: &str) -> bool {
        self.deltas.contains(record) && self.carried.contains(record)
    }

    /// Whether the table keeps its rows.
    pub(crate) fn is_unchanged(&self, record: &str) -> bool {
        self.unchanged.contains(record) && !self.carried.contains(record)
    }

    /// Whether it is decided that the table is carried.
    pub(crate) fn is_carried(&self, record: &str) -> bool {
        self.carried.contains(record)
    }

    /// Adds a decision that was just recorded.
    pub(crate) fn add_unchanged(&mut self, record: String) {
        self.unchanged.insert(record);
    }

    /// Adds a decision that was just recorded.
    pub(crate) fn add_delta(&mut self, record: String) {
        self.deltas.insert(record);
    }
}

/// Whether tables may keep their rows.
pub(crate) fn is_on(context: &Context) -> bool {
    context.config.transfer.unchanged.skips()
}

/// Digest of what decides the content of an object of this table beside the export, of what is counted while it is
/// made, and of what the contract says of it: see `TableRows::made_by`. What need not be the same is in it as well,
/// for example who reads a class: a table that is carried once too often is right.
pub(crate) fn made_by(context: &Context, source_table: &str) -> String {
    let config = &context.config;
    let all = (
        (VERSION, JUDGED),
        contract_fingerprint(context, source_table),
        context.contract.tables.get(source_table),
        (&config.pii, &config.warehouse, &config.audits, &config.proof),
        (&config.source.zone, &config.transfer.token_key),
    );
    short_hash(&serde_json::to_string(&all).expect("structs of names and numbers are JSON"))
}

/// Where the rows of an unchanged table come from.
pub(crate) struct Origin {
    /// What the transfer recorded.
    pub(crate) record: UnchangedRecord,
    /// The ledger of the day that was loaded.
    pub(crate) ledger: DayLedger,
    /// That day's plan of the table, with whose name the records of its objects are found.
    pub(crate) plan: TablePlan,
}

impl Origin {
    /// The day that was loaded.
    pub(crate) fn day(&self) -> Day {
        self.record.since
    }
}

/// Where the rows of a table come from, if it is unchanged; `None` if it is not, or not any more.
///
/// # Errors
/// [`ErrorKind::Transient`] if the plan of that day is another one now, after it was recorded that the table is
/// carried; any ledger error.
pub(crate) async fn origin(
    context: &Context,
    ledger: &DayLedger,
    table: &TablePlan,
    now: Timestamp,
) -> Result<Option<Origin>> {
    if !is_on(context) {
        return Ok(None);
    }
    let Some(record) = ledger.value(&records::unchanged(table)).await? else { return Ok(None) };
    if ledger.value(&records::carried(table)).await?.is_some() {
        return Ok(None);
    }
    let earlier = context.ledger(record.since);
    let plan = earlier.value(&records::table_plan(&table.table)).await?;
    match plan.filter(|plan| plan.record_name() == record.record) {
        Some(plan) => Ok(Some(Origin { record, ledger: earlier, plan })),
        None => {
            const WHY: &str = "the day whose rows a table keeps was planned again";
            carry(ledger, table, WHY, now).await?;
            Err(Error::new(ErrorKind::Transient, WHY, format!("{}, {}", table.table, record.since)))
        }
    }
}

/// Records that a table is carried, whatever was decided before. Idempotent: the first record counts.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn carry(
    ledger: &DayLedger,
    table: &TablePlan,
    why: &str,
    at: Timestamp,
) -> Result<()> {
    let record = CarriedRecord { why: why.to_owned(), at };
    ledger.create(&records::carried(table), &record).await?;
    Ok(())
}
