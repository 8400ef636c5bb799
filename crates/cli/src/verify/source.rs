//! `--against`: the figures of a table from the rows of the source database or of the export, and the rows that differ.

use landbridge_core::config::{CLASS_NONE, WarehouseConfig};
use landbridge_core::proof::farm::fingerprint;
use landbridge_core::proof::keyed::{Keyed, KeyedColumn};
use landbridge_core::proof::source::{Gap, SourceForm, SourceVerdict, compare_source};
use landbridge_core::proof::verdict::Observed;
use landbridge_core::proof::{Figures, sql};
use landbridge_gcp::BigQuery;
use landbridge_source::scan::Cell;

use super::difference::Named;
use super::observed::{Prepared, Seen};
use super::recorded::{RecordedColumn, RecordedTable};
use super::row_reader::{Read, RowReader};
use super::rows::{Other, TableRows};
use super::search::Search;
use crate::failure::Result;

/// What a comparison with the source says of a table.
pub(super) struct SourceReport {
    /// Rows of the source.
    pub(super) rows: Option<u64>,
    /// For each column of the table.
    pub(super) columns: Vec<SourceVerdict>,
    /// The rows in which source and BigQuery differ.
    pub(super) named: Named,
    /// Why the table is not compared with the source.
    pub(super) reason: Option<String>,
}

/// Compares a table. An error of the other side concerns this table alone, and is its reason. `most` is the number of rows
/// that are named at most.
///
/// # Errors
/// Any BigQuery error.
pub(super) async fn compare_table(
    other: &Other,
    most: usize,
    bigquery: &BigQuery,
    warehouse: &WarehouseConfig,
    prepared: &Prepared,
    seen: &Seen,
) -> Result<SourceReport> {
    let recorded = &prepared.recorded;
    let mut table = match other.open(recorded).await {
        Ok(table) => table,
        Err(reason) => return Ok(SourceReport::nothing(recorded, reason)),
    };
    let reads: Vec<Result<Read, Gap>> =
        recorded.columns.iter().map(|column| read(&table, column)).collect();
    let (rows, figures) = match figures(&mut table, &reads).await {
        Ok(found) => found,
        Err(reason) => return Ok(SourceReport::nothing(recorded, reason)),
    };
    let all = recorded.columns.iter().zip(&seen.columns).zip(&figures);
    let verdict = |((column, seen), figures): (
        (&RecordedColumn, &Option<Observed>),
        &Result<Figures, Gap>,
    )| {
        let figures = figures.as_ref().map_err(|gap| *gap);
        let is_open = column.class == CLASS_NONE;
        compare_source(figures, column.proof.as_ref(), seen.as_ref(), is_open)
    };
    let columns = all.map(verdict).collect();
    // Figures of columns do not see cells that two rows exchanged, so rows are compared in any case.
    let named = match rows.max(seen.rows) {
        0 => Named::Nothing,
        rows => match keyed(&mut table, (prepared, seen), &reads, warehouse).await {
            Ok((keyed, reader)) => {
                let search = Search { bigquery, keyed: &keyed, most };
                search.run(&mut table, reader, rows).await?
            }
            Err(named) => named,
        },
    };
    Ok(SourceReport { rows: Some(rows), columns, named, reason: None })
}

/// How a column is read.
fn read(table: &TableRows<'_>, column: &RecordedColumn) -> Result<Read, Gap> {
    let (position, data_type) = table.find(column).ok_or(Gap::NotInSource)?;
    if !sql::has_text(column.ty) {
        return Err(Gap::Type);
    }
    SourceForm::of(table.engine(), &data_type, &column.landed).map(|form| Read { position, form })
}

/// What rows are compared by, if the table has a key that everyone may see.
async fn keyed(
    table: &mut TableRows<'_>,
    (prepared, seen): (&Prepared, &Seen),
    reads: &[Result<Read, Gap>],
    warehouse: &WarehouseConfig,
) -> Result<(Keyed, RowReader), Named> {
    let columns = &prepared.recorded.columns;
    let key = table.key(&prepared.recorded).await?;
    let place = |name: &String| columns.iter().position(|column| column.source == *name);
    let key: Option<Vec<usize>> = key.iter().map(place).collect();
    let key = key.ok_or(Named::NotPossible("a column of its key is not in BigQuery"))?;
    if key.iter().any(|at| columns[*at].class != CLASS_NONE) {
        let reason = "its key has a class, and values with a class are not shown";
        return Err(Named::NotPossible(reason));
    }
    if key.iter().any(|at| reads[*at].is_err()) {
        return Err(Named::NotPossible("a column of its key cannot be compared"));
    }
    let is_open = |at: &usize| {
        columns[*at].class == CLASS_NONE && reads[*at].is_ok() && seen.columns[*at].is_some()
    };
    let open: Vec<usize> = (0..columns.len()).filter(is_open).collect();
    let column = |at: &usize| KeyedColumn { name: columns[*at].name.clone(), ty: columns[*at].ty };
    let of = |places: &[usize]| places.iter().map(column).collect();
    let name = &prepared.recorded.name;
    let name = format!("{}.{}.{name}", warehouse.project, warehouse.dataset);
    Ok((Keyed::new(&name, of(&key), of(&open)), RowReader::new(reads, &key, &open)))
}

impl SourceReport {
    fn nothing(recorded: &RecordedTable, reason: String) -> Self {
        let verdict = SourceVerdict::NotProvable(Gap::NotInSource);
        let columns = vec![verdict; recorded.columns.len()];
        Self { rows: None, columns, named: Named::Nothing, reason: Some(reason) }
    }
}

/// The rows of the other side, and the figures of each column that is read.
async fn figures(
    table: &mut TableRows<'_>,
    reads: &[Result<Read, Gap>],
) -> Result<(u64, Vec<Result<Figures, Gap>>), String> {
    let read: Vec<Read> = reads.iter().filter_map(|it| it.as_ref().ok().copied()).collect();
    let positions: Vec<usize> = read.iter().map(|it| it.position).collect();
    let mut figures = vec![Figures::none(None); read.len()];
    let (mut rows, mut text) = (0, Vec::new());
    let mut each = |cells: &[Cell<'_>]| {
        rows += 1;
        for ((cell, read), figures) in cells.iter().zip(&read).zip(&mut figures) {
            if cell.and_then(|raw| read.form.canonical(raw, &mut text)).is_some() {
                figures.add(fingerprint(&text));
            }
        }
    };
    table.each(&positions, &mut each).await?;
    let mut figures = figures.into_iter();
    let of = |read: &Result<Read, Gap>| match read {
        Ok(_) => figures.next().ok_or(Gap::Type),
        Err(gap) => Err(*gap),
    };
    let figures = reads.iter().map(of).collect();
    Ok((rows, figures))
}
