//! The figures of a table from BigQuery.

use std::collections::BTreeMap;

use landbridge_core::config::WarehouseConfig;
use landbridge_core::proof::rows::RowSet;
use landbridge_core::proof::sql::{self, ProofColumn};
use landbridge_core::proof::verdict::Observed;
use landbridge_core::{Error, ErrorKind};
use landbridge_gcp::BigQuery;
use landbridge_gcp::bigquery::Row;

use super::recorded::{RecordedColumn, RecordedTable};
use crate::failure::{Failure, Result};

/// A table whose query BigQuery has checked.
pub(super) struct Prepared {
    pub(super) recorded: RecordedTable,
    /// For each column its number in the query; `None` if it is not in the query.
    numbers: Vec<Option<usize>>,
    /// The fingerprints of rows that the query computes.
    sets: Vec<RowSet>,
    query: String,
    /// The bytes that BigQuery will process.
    pub(super) bytes: u64,
}

/// What BigQuery has.
pub(super) struct Seen {
    pub(super) rows: u64,
    /// For each column of the table; `None` if the caller may not query it.
    pub(super) columns: Vec<Option<Observed>>,
    /// The fingerprints of rows.
    pub(super) row_sets: BTreeMap<RowSet, Observed>,
}

/// Makes the query of a table, without the columns that the caller may not read. Dry runs cost nothing.
///
/// # Errors
/// [`ErrorKind::Denied`] if the caller may not query the table; any other BigQuery error.
pub(super) async fn prepare(
    bigquery: &BigQuery,
    warehouse: &WarehouseConfig,
    recorded: RecordedTable,
) -> Result<Prepared, Error> {
    let make = |allowed: &[bool]| {
        let columns: Vec<&RecordedColumn> =
            recorded.columns.iter().zip(allowed).filter(|(_, is)| **is).map(|(it, _)| it).collect();
        let sets = row_sets(&recorded, allowed);
        query(warehouse, &recorded, &columns, &sets)
    };
    let mut allowed: Vec<bool> =
        recorded.columns.iter().map(|column| sql::has_text(column.ty)).collect();
    let mut query = make(&allowed);
    let mut bytes = bigquery.query_bytes(&recorded.name, &query).await;
    if bytes.as_ref().is_err_and(|error| error.kind() == ErrorKind::Denied) {
        // BigQuery refuses the whole query because of one column, so each column with a tag is tried alone.
        for (at, column) in recorded.columns.iter().enumerate() {
            if allowed[at] && column.mask.is_some() {
                let alone = self::query(warehouse, &recorded, &[column], &[]);
                allowed[at] = may_read(bigquery.query_bytes(&recorded.name, &alone).await)?;
            }
        }
        query = make(&allowed);
        bytes = bigquery.query_bytes(&recorded.name, &query).await;
    }
    let bytes = bytes?;
    let mut next = 0;
    let numbers = allowed.iter().map(|allowed| {
        let number = next;
        next += usize::from(*allowed);
        allowed.then_some(number)
    });
    let numbers = numbers.collect();
    let sets = row_sets(&recorded, &allowed);
    Ok(Prepared { recorded, numbers, sets, query, bytes })
}

/// Why one table cannot be queried, while others may; `None` if the error is about more than this table.
pub(super) fn why_unreadable(error: &Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::Denied => Some("you may not query it; ask for a role on its dataset"),
        ErrorKind::NotFound => {
            Some("it does not exist in BigQuery; load it again with `landbridge redo`")
        }
        _ => None,
    }
}

/// The fingerprints of rows that are recorded and of whose columns the caller may query each.
fn row_sets(recorded: &RecordedTable, allowed: &[bool]) -> Vec<RowSet> {
    let may_query = |set: RowSet| {
        let mut columns = recorded.columns.iter().zip(allowed);
        columns.all(|(column, allowed)| *allowed || !set.has(column.place.1))
    };
    let sets = recorded.row_proofs.keys().copied();
    sets.filter(|set| may_query(*set)).collect()
}

fn may_read(bytes: Result<u64, Error>) -> Result<bool, Error> {
    match bytes {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Denied => Ok(false),
        Err(error) => Err(error),
    }
}

fn query(
    warehouse: &WarehouseConfig,
    table: &RecordedTable,
    columns: &[&RecordedColumn],
    sets: &[RowSet],
) -> String {
    let columns: Vec<ProofColumn<'_>> = columns
        .iter()
        .map(|column| ProofColumn {
            name: &column.name,
            ty: column.ty,
            total: column.proof.is_some_and(|proof| proof.plain.total.is_some()),
            place: column.place,
        })
        .collect();
    let (project, dataset) = (&warehouse.project, &warehouse.dataset);
    sql::query(project, dataset, &table.name, &columns, sets, table.row_plan.len())
}

/// Runs the query.
///
/// # Errors
/// Any BigQuery error.
pub(super) async fn read(bigquery: &BigQuery, table: &Prepared) -> Result<Seen> {
    let row = bigquery.query_row(&table.recorded.name, &table.query, &request()).await?;
    let number = |name: &str| row.get(name)?.as_deref()?.parse::<u64>().ok();
    let rows = number("row_count").ok_or_else(|| unknown_form(table))?;
    let column = |number: &Option<usize>| match number {
        None => Ok(None),
        Some(number) => observed(&row, *number).map(Some).ok_or_else(|| unknown_form(table)),
    };
    let columns = table.numbers.iter().map(column).collect::<Result<_>>()?;
    let of_rows = |set: &RowSet| {
        let cell = |name: &str| row.get(&format!("{name}_{}", set.name()));
        let (sum, xor) = (parsed(cell("sum")?)?, parsed(cell("xor")?)?);
        Some((*set, Observed { count: rows, sum, xor, total: None }))
    };
    let row_sets = table.sets.iter().map(|set| of_rows(set).ok_or_else(|| unknown_form(table)));
    Ok(Seen { rows, columns, row_sets: row_sets.collect::<Result<_>>()? })
}

/// The name of a request. Another run within minutes must read the table again, so it is named after the time.
pub(super) fn request() -> String {
    format!("landbridge-{}", jiff::Timestamp::now().as_nanosecond())
}

fn unknown_form(table: &Prepared) -> Failure {
    Failure::Failed(format!(
        "BigQuery's answer to the query of `{}` has an unknown form",
        table.recorded.name
    ))
}

/// The figures of the n-th column of a query.
fn observed(row: &Row, number: usize) -> Option<Observed> {
    let cell = |name: &str| row.get(&format!("{name}_{number}"));
    Some(Observed {
        count: cell("count")?.as_deref()?.parse().ok()?,
        sum: parsed(cell("sum")?)?,
        xor: parsed(cell("xor")?)?,
        total: cell("total").cloned().flatten(),
    })
}

/// A number or NULL; `None` if it is something else.
fn parsed<T: std::str::FromStr>(cell: &Option<String>) -> Option<Option<T>> {
    match cell {
        None => Some(None),
        Some(text) => text.parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_row() {
        let row: Row = [
            ("count_0", Some("2")),
            ("sum_0", Some("-12")),
            ("xor_0", Some("-9223372036854775808")),
            ("total_0", Some("1.5")),
            ("count_1", Some("0")),
            ("sum_1", None),
            ("xor_1", None),
            ("count_2", Some("1")),
            ("sum_2", Some("1.5")),
            ("xor_2", Some("1")),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.map(str::to_owned)))
        .collect();
        let first = observed(&row, 0).expect("figures");
        assert_eq!((first.count, first.sum, first.xor), (2, Some(-12), Some(i64::MIN)));
        assert_eq!(first.total.as_deref(), Some("1.5"));
        assert_eq!(observed(&row, 1), Some(Observed::default()));
        assert_eq!(observed(&row, 2), None, "a sum of hashes is a whole number");
        assert_eq!(observed(&row, 3), None);
    }
}
