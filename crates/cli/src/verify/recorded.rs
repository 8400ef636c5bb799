//! The figures of a table from the ledger, or why there are none.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::config::{CLASS_NONE, Config, Mask};
use landbridge_core::contract::Contract;
use landbridge_core::plan::{ItemSource, TablePlan};
use landbridge_core::proof::ColumnProof;
use landbridge_core::proof::rows::{RowColumn, RowPlan, RowProof, RowSet};
use landbridge_core::proof::verdict::shows_something;
use landbridge_core::protection::{ColumnRows, MAX_TIME_TRAVEL_HOURS, TableRows};
use landbridge_core::types::ColumnType;
use landbridge_ledger::Ledger;
use landbridge_ledger::records::{
    self, CLAIMS, Claim, ItemRecord, proof_context, row_proof_context,
};
use landbridge_parquet::rewrite::ProofKey;

use crate::failure::{Failure, Result};

/// Records that are read at the same time: they are small, and latency dominates.
const AT_ONCE: usize = 16;

/// What the command reads from.
pub(super) struct Place<'a> {
    pub(super) config: &'a Config,
    pub(super) contract: &'a Contract,
    pub(super) ledger: &'a Ledger,
    /// The keys that may have sealed the figures, the newest first.
    pub(super) keys: &'a [ProofKey],
    pub(super) now: Timestamp,
    /// Whether tables are also compared with the source, so that one without figures is read too.
    pub(super) with_source: bool,
}

/// A table of the warehouse.
pub(super) enum Recorded {
    Figures(RecordedTable),
    /// It cannot be compared, for this reason.
    Nothing {
        name: String,
        source_table: String,
        reason: String,
    },
}

/// A table, and what is recorded of its rows.
pub(super) struct RecordedTable {
    /// Its name in BigQuery.
    pub(super) name: String,
    pub(super) source_table: String,
    pub(super) day: Day,
    /// The load job that wrote its rows.
    job: String,
    /// The claim's sequence.
    sequence: u32,
    pub(super) rows: u64,
    /// Where the data of its objects came from.
    pub(super) from: Vec<ItemSource>,
    pub(super) columns: Vec<RecordedColumn>,
    /// How the columns take part in the fingerprints of rows.
    pub(super) row_plan: RowPlan,
    pub(super) row_proofs: BTreeMap<RowSet, RowProof>,
}

/// A column, and what is recorded of its values.
pub(super) struct RecordedColumn {
    /// Its name in BigQuery.
    pub(super) name: String,
    /// Its name in the source.
    pub(super) source: String,
    /// How it landed.
    pub(super) landed: ColumnRows,
    /// Its place in the fingerprints of rows, and how it takes part.
    pub(super) place: (usize, RowColumn),
    pub(super) ty: ColumnType,
    pub(super) class: String,
    /// The mask of its class; `None` for the class `none`.
    pub(super) mask: Option<Mask>,
    pub(super) proof: Option<ColumnProof>,
}

/// Reads the tables that were asked for, or all of the source.
///
/// # Errors
/// `Usage` if a table is unknown; any ledger error.
pub(super) async fn read(
    place: &Place<'_>,
    day: Option<Day>,
    wanted: &[String],
) -> Result<Vec<Recorded>> {
    let source = place.ledger.source();
    let names: Vec<String> = source.names(CLAIMS).await?.into_keys().collect();
    let source = &source;
    let claims: Vec<(String, Option<Claim>)> = futures::stream::iter(names)
        .map(|name| async move {
            let claim = source.value(&records::claim(&name)).await?;
            Ok::<_, landbridge_core::Error>((name, claim))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let source_table = |claim: &Option<Claim>| {
        let rows =
            claim.as_ref().and_then(|claim| claim.loaded.as_ref().or(claim.loading.as_ref()));
        rows.map(|rows| rows.source_table.clone()).unwrap_or_default()
    };
    let is_wanted = |asked: &String, (name, claim): &(String, Option<Claim>)| {
        asked == name || *asked == source_table(claim)
    };
    if let Some(unknown) = wanted.iter().find(|asked| !claims.iter().any(|it| is_wanted(asked, it)))
    {
        let known: Vec<&str> = claims.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::Usage(format!(
            "no table `{unknown}` has been loaded. There are: {}",
            known.join(", ")
        )));
    }
    if claims.is_empty() {
        return Err(Failure::Failed(format!(
            "no table of `{}` has been loaded, so there is nothing to compare; see `landbridge status`",
            place.config.source.name
        )));
    }
    let mut tables = Vec::new();
    for table in claims {
        if !wanted.is_empty() && !wanted.iter().any(|asked| is_wanted(asked, &table)) {
            continue;
        }
        let source_table = source_table(&table.1);
        let (name, claim) = table;
        tables.push(match read_table(place, day, &name, claim).await? {
            Ok(table) => Recorded::Figures(table),
            Err(reason) => Recorded::Nothing { name, source_table, reason },
        });
    }
    Ok(tables)
}

/// Whether other rows are in the table now, or may be.
pub(super) async fn has_changed(place: &Place<'_>, table: &RecordedTable) -> Result<bool> {
    let claim = place.ledger.source().value(&records::claim(&table.name)).await?;
    Ok(!claim.is_some_and(|claim| {
        let rows = claim.loaded.as_ref();
        claim.loading.is_none()
            && claim.sequence == table.sequence
            && rows.is_some_and(|rows| rows.job == table.job)
    }))
}

/// The figures of a table; otherwise the reason why it cannot be compared.
async fn read_table(
    place: &Place<'_>,
    wanted: Option<Day>,
    name: &str,
    claim: Option<Claim>,
) -> Result<Result<RecordedTable, String>> {
    let (claim, rows) = match loaded(claim.as_ref()) {
        Ok(found) => found,
        Err(reason) => return Ok(Err(reason.to_owned())),
    };
    let (Some(day), Some(columns)) = (rows.day, &rows.columns) else {
        return Ok(Err("nothing is recorded of its rows".to_owned()));
    };
    let other = wanted.filter(|wanted| *wanted != day);
    if let Some(wanted) = other
        && !is_unchanged(place, wanted, name, day).await?
    {
        return Ok(Err(format!(
            "it has the rows of {day}, not of {wanted}: it was loaded again since, or not on that day"
        )));
    }
    let ledger = place.ledger.day(day);
    let plan = ledger.value(&records::table_plan(name)).await?;
    let plan = plan.filter(|plan| plan.source_table == rows.source_table && plan.redo == rows.redo);
    let Some(plan) = plan else {
        return Ok(Err(format!("the day {day} is being done again, or its records are gone")));
    };
    let items = items(place, day, &plan).await?;
    let Some(items) = items else {
        return Ok(Err(format!("a record of an object of {day} is missing")));
    };
    let needs_figures = rows_of(&items) > 0 && !place.with_source;
    if needs_figures && items.iter().all(|(_, item)| item.proof.is_empty()) {
        return Ok(Err(format!(
            "no figures were recorded on {day}: all its columns are copied and `proof.kept` did not ask for their figures on that day, `proof` was not set, or the proof key could not be read"
        )));
    }
    let (columns, row_plan) = recorded_columns(place, (name, claim), columns, |source| {
        place.open(day, &plan, &items, source)
    });
    if needs_figures && columns.iter().all(|it| it.proof.is_none()) {
        return Ok(Err(format!(
            "the figures of {day} were sealed with another proof key than the current one and the one before it"
        )));
    }
    Ok(Ok(RecordedTable {
        name: name.to_owned(),
        source_table: rows.source_table.clone(),
        day,
        job: rows.job.clone(),
        sequence: claim.sequence,
        rows: rows_of(&items),
        from: plan.items.iter().map(|item| item.from.clone()).collect(),
        columns,
        row_proofs: place.open_rows(day, &plan, &items),
        row_plan,
    }))
}

/// The claim of a table that is loaded, and what it says of the rows; otherwise why there are none to compare.
fn loaded(claim: Option<&Claim>) -> Result<(&Claim, &TableRows), &'static str> {
    let claim = claim.ok_or("it has not been loaded")?;
    if claim.loading.is_some() {
        return Err("it is being loaded; run the command again when the day is published");
    }
    let rows = claim.loaded.as_ref().ok_or("it has not been loaded")?;
    Ok((claim, rows))
}

/// The columns of a table with their classes and figures, and how they take part in the fingerprints of rows.
fn recorded_columns(
    place: &Place<'_>,
    (name, claim): (&str, &Claim),
    columns: &BTreeMap<String, ColumnRows>,
    proof_of: impl Fn(&str) -> Option<ColumnProof>,
) -> (Vec<RecordedColumn>, RowPlan) {
    let classes = place.classes(name, claim, columns.iter().map(|(key, it)| it.name(key)));
    let class_of = |name: &str| classes.get(name).map_or("", String::as_str);
    let row_plan =
        RowPlan::new(columns.iter().map(|(source, it)| {
            (source.clone(), row_column(place.mask(class_of(it.name(source)))))
        }));
    let column = |(source, it): (&String, &ColumnRows)| {
        let landed = it.name(source).to_owned();
        let class = class_of(&landed).to_owned();
        RecordedColumn {
            place: row_plan.place(source).unwrap_or((0, RowColumn::Hidden)),
            ty: ColumnType { ty: it.ty, repeated: it.repeated },
            mask: place.mask(&class),
            class,
            proof: proof_of(source),
            name: landed,
            source: source.clone(),
            landed: it.clone(),
        }
    };
    (columns.iter().map(column).collect(), row_plan)
}

/// Whether the receipt of a day says that the table keeps the rows of `since`: then the figures of `since` are its own.
async fn is_unchanged(place: &Place<'_>, day: Day, name: &str, since: Day) -> Result<bool> {
    let receipt = place.ledger.day(day).value(&records::receipt(name)).await?;
    Ok(receipt.is_some_and(|receipt| receipt.unchanged_since == Some(since)))
}

/// How a column whose class has this mask takes part in the fingerprints of rows. The transfer decides it
/// alike, by the contract.
fn row_column(mask: Option<Mask>) -> RowColumn {
    match mask {
        None => RowColumn::Open,
        Some(mask) if shows_something(mask) => RowColumn::Masked(mask),
        Some(_) => RowColumn::Hidden,
    }
}

fn rows_of(items: &[(usize, ItemRecord)]) -> u64 {
    items.iter().map(|(_, item)| item.rows).sum()
}

/// The records of a table's objects, by number; `None` if one is missing.
async fn items(
    place: &Place<'_>,
    day: Day,
    plan: &TablePlan,
) -> Result<Option<Vec<(usize, ItemRecord)>>> {
    let ledger = &place.ledger.day(day);
    let items: Vec<(usize, Option<ItemRecord>)> = futures::stream::iter(&plan.items)
        .map(|item| async move {
            let record = ledger.value(&records::item(plan, item.number)).await?;
            Ok::<_, landbridge_core::Error>((item.number, record))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(items.into_iter().map(|(number, item)| Some((number, item?))).collect())
}

impl Place<'_> {
    /// The class of each column now, by the same rule as the tags.
    fn classes<'c>(
        &self,
        table: &str,
        claim: &Claim,
        columns: impl Iterator<Item = &'c str>,
    ) -> BTreeMap<String, String> {
        let readable = claim.readable(self.now, MAX_TIME_TRAVEL_HOURS);
        let class = |column: &str| readable.class_now(table, column, self.contract).class;
        columns.map(|column| (column.to_owned(), class(column))).collect()
    }

    /// The mask of a class. A class that the configuration does not have shows nothing.
    fn mask(&self, class: &str) -> Option<Mask> {
        if class == CLASS_NONE {
            return None;
        }
        Some(self.config.class(class).map_or(Mask::AlwaysNull, |class| class.mask))
    }

    /// The fingerprints of the rows of all objects. A set that one object does not have is unknown.
    fn open_rows(
        &self,
        day: Day,
        plan: &TablePlan,
        items: &[(usize, ItemRecord)],
    ) -> BTreeMap<RowSet, RowProof> {
        let of = |set: RowSet| {
            let proofs = items.iter().map(|(number, item)| {
                let context = row_proof_context(day, plan, *number, set.name());
                let context = context.each_ref().map(String::as_str);
                let sealed = item.row_proofs.get(set.name())?;
                self.keys.iter().find_map(|key| key.open_rows(&context, sealed))
            });
            let proofs: Vec<RowProof> = proofs.collect::<Option<_>>()?;
            let (first, rest) = proofs.split_first()?;
            let all = rest.iter().try_fold(*first, |all, more| all.merged(more))?;
            Some((set, all))
        };
        RowSet::ALL.into_iter().filter_map(of).collect()
    }

    /// The figures of a column over all objects; `None` if one object has none.
    fn open(
        &self,
        day: Day,
        plan: &TablePlan,
        items: &[(usize, ItemRecord)],
        column: &str,
    ) -> Option<ColumnProof> {
        let mut all: Option<ColumnProof> = None;
        for (number, item) in items {
            let context = proof_context(day, plan, *number, column);
            let context = context.each_ref().map(String::as_str);
            let sealed = item.proof.get(column)?;
            let proof = self.keys.iter().find_map(|key| key.open(&context, sealed))?;
            match &mut all {
                Some(all) => all.merge(&proof),
                None => all = Some(proof),
            }
        }
        all
    }
}
