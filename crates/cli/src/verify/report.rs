//! The result of a comparison, as text and JSON.

use std::fmt::Write;

use landbridge_core::calendar::Day;
use landbridge_core::proof::sql;
use landbridge_core::proof::verdict::{Reason, RowVerdict, Verdict, compare, compare_rows};
use serde::Serialize;

use super::observed::{Prepared, Seen};
use crate::render::{self, bytes, counted, grouped, left, right};

const TIB: f64 = (1_u64 << 40) as f64;
/// The least that BigQuery charges for a table of a query (Google's documentation, "BigQuery pricing").
const LEAST_BYTES: u64 = 10 << 20;

const CELLS_EXCHANGED: &str = "the rows differ: each column has its values, but not in the rows in which they were transferred";

/// The result.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The bytes that BigQuery charges, by its dry runs.
    bytes: u64,
    /// Their price on demand.
    usd: f64,
    price_per_tib: f64,
    /// Whether the queries were run.
    compared: bool,
    /// The first difference, for people.
    pub(super) first_difference: Option<String>,
    tables: Vec<TableReport>,
}

/// The result of one table.
#[derive(Debug, Serialize)]
pub(super) struct TableReport {
    table: String,
    source_table: String,
    /// The day of its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<Day>,
    state: State,
    /// Why it was not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Rows that were transferred, and that the table has.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<(u64, u64)>,
    /// Whether the cells of each row are together as they were transferred. Absent if a column differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    row_verdict: Option<RowVerdict>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<ColumnReport>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Equal,
    Differs,
    NotCompared,
}

#[derive(Debug, Serialize)]
struct ColumnReport {
    column: String,
    class: String,
    verdict: Verdict,
}

impl TableReport {
    pub(super) fn not_compared(table: &str, source_table: &str, reason: &str) -> Self {
        Self {
            table: table.to_owned(),
            source_table: source_table.to_owned(),
            day: None,
            state: State::NotCompared,
            reason: Some(reason.to_owned()),
            rows: None,
            row_verdict: None,
            columns: Vec::new(),
        }
    }

    pub(super) fn compared(table: &Prepared, seen: &Seen) -> Self {
        let recorded = &table.recorded;
        let columns: Vec<ColumnReport> = recorded
            .columns
            .iter()
            .zip(&seen.columns)
            .map(|(column, seen_column)| ColumnReport {
                column: column.name.clone(),
                class: column.class.clone(),
                verdict: match sql::has_text(column.ty) {
                    true => compare(
                        column.proof.as_ref(),
                        seen_column.as_ref(),
                        column.mask,
                        column.ty,
                        seen.rows,
                    ),
                    false => Verdict::NotProvable(Reason::Type),
                },
            })
            .collect();
        let differs =
            recorded.rows != seen.rows || columns.iter().any(|it| it.verdict.is_different());
        let row_verdict = (!differs).then(|| {
            let places = recorded.columns.iter().map(|column| column.place.1);
            let verdicts: Vec<_> = places.zip(columns.iter().map(|it| it.verdict)).collect();
            compare_rows(&recorded.row_plan, &verdicts, &recorded.row_proofs, &seen.row_sets)
        });
        let differs = differs || row_verdict == Some(RowVerdict::Differs);
        Self {
            table: recorded.name.clone(),
            source_table: recorded.source_table.clone(),
            day: Some(recorded.day),
            state: if differs { State::Differs } else { State::Equal },
            reason: None,
            rows: Some((recorded.rows, seen.rows)),
            row_verdict,
            columns,
        }
    }

    /// What differs first: the rows, then the columns in order.
    fn first_difference(&self) -> Option<String> {
        if let Some((recorded, found)) = self.rows.filter(|(recorded, found)| recorded != found) {
            let differing = self.columns.iter().find(|column| column.verdict.is_different());
            let column = differing.map(|it| format!("; first column `{}`", it.column));
            return Some(format!(
                "table `{}` has {} rows, and {} were transferred{}",
                self.table,
                grouped(found),
                grouped(recorded),
                column.unwrap_or_default()
            ));
        }
        if self.row_verdict == Some(RowVerdict::Differs) {
            return Some(format!("table `{}`: {CELLS_EXCHANGED}", self.table));
        }
        let column = self.columns.iter().find(|column| column.verdict.is_different())?;
        Some(format!("table `{}`, column `{}` {}", self.table, column.column, column.verdict))
    }

    fn count(&self, is: impl Fn(Verdict) -> bool) -> usize {
        self.columns.iter().filter(|column| is(column.verdict)).count()
    }
}

impl Report {
    /// The plan, before any query.
    pub(super) fn planned(
        tables: &[Prepared],
        not_compared: Vec<TableReport>,
        price_per_tib: f64,
    ) -> Self {
        let charged = tables.iter().filter(|table| table.bytes > 0);
        let bytes: u64 = charged.map(|table| table.bytes.max(LEAST_BYTES)).sum();
        Self {
            bytes,
            usd: bytes as f64 / TIB * price_per_tib,
            price_per_tib,
            compared: false,
            first_difference: None,
            tables: not_compared,
        }
    }

    /// The same with the tables that were compared.
    pub(super) fn with(mut self, compared: Vec<TableReport>) -> Self {
        self.compared = true;
        self.tables.extend(compared);
        self.tables.sort_by(|a, b| a.table.cmp(&b.table));
        self.first_difference = self.tables.iter().find_map(TableReport::first_difference);
        self
    }

    pub(super) fn not_compared(&self) -> usize {
        self.tables.iter().filter(|table| table.state == State::NotCompared).count()
    }

    pub(super) fn plan_text(&self) -> String {
        format!(
            "BigQuery will process {}, for at most ${:.2} on demand (at ${} per TiB; set --price-per-tib to the price of your location).",
            bytes(self.bytes),
            (self.usd * 100.0).ceil() / 100.0,
            self.price_per_tib
        )
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let columns = [
            left("table"),
            left("day"),
            left("result"),
            right("rows"),
            left("cells of rows"),
            right("equal"),
            right("through the mask"),
            right("not provable"),
            right("different"),
        ];
        let row = |table: &TableReport| {
            let count = |is: fn(Verdict) -> bool| table.count(is).to_string();
            vec![
                table.table.clone(),
                table.day.map(|day| day.to_string()).unwrap_or_default(),
                match table.state {
                    State::Equal => "equal",
                    State::Differs => "differs",
                    State::NotCompared => "not compared",
                }
                .to_owned(),
                table.rows.map(|(_, found)| grouped(found)).unwrap_or_default(),
                table.row_verdict.map(|it| it.text().to_owned()).unwrap_or_default(),
                count(|verdict| verdict == Verdict::Plain),
                count(|verdict| verdict == Verdict::ThroughMask),
                count(|verdict| matches!(verdict, Verdict::NotProvable(_))),
                count(Verdict::is_different),
            ]
        };
        text.push_str(&render::table(&columns, self.tables.iter().map(row).collect(), 0));
        for table in &self.tables {
            if let Some(reason) = &table.reason {
                let _ = writeln!(text, "{}: not compared: {reason}", table.table);
            }
            for column in table.columns.iter().filter(|it| it.verdict.is_different()) {
                let _ = writeln!(text, "{}.{}: {}", table.table, column.column, column.verdict);
            }
            if table.row_verdict == Some(RowVerdict::Differs) {
                let _ = writeln!(text, "{}: {CELLS_EXCHANGED}", table.table);
            }
            // One line per reason: a table can have hundreds of columns.
            for reason in Reason::ALL {
                let verdict = Verdict::NotProvable(reason);
                let of = table.columns.iter().filter(|column| column.verdict == verdict);
                let names: Vec<&str> = of.map(|column| column.column.as_str()).collect();
                if !names.is_empty() {
                    let _ = writeln!(text, "{}: {verdict}: {}", table.table, names.join(", "));
                }
            }
        }
        let equal = self.tables.iter().filter(|table| table.state == State::Equal).count();
        let _ = write!(text, "{} of {} equal", equal, counted(self.tables.len(), "table"));
        text
    }
}
