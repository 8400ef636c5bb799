//! The result of a comparison, as text and JSON.

use std::fmt::Write;

use landbridge_core::calendar::Day;
use landbridge_core::proof::source::{Against, Gap, SourceVerdict};
use landbridge_core::proof::sql;
use landbridge_core::proof::verdict::{Reason, RowVerdict, Verdict, compare, compare_rows};
use serde::Serialize;

use super::difference::{Named, NamedRow};
use super::observed::{Prepared, Seen};
use super::source::SourceReport;
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
    /// What the tables are compared with too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) against: Option<Against>,
    /// The first difference, for people.
    pub(super) first_difference: Option<String>,
    /// The first difference from the source, and the day of the table, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_source_difference: Option<(String, Option<Day>)>,
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
    /// Rows of the source; only of a comparison with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_rows: Option<u64>,
    /// Why the table is not compared with the source, or why rows that differ have no names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    source_notes: Vec<String>,
    /// The first rows in which source and BigQuery differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differing_rows: Vec<NamedRow>,
    /// Whether more rows than these may differ.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more_rows: bool,
    /// What `source` means here.
    #[serde(skip)]
    against: Against,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// At least one column is proven, and nothing differs.
    Equal,
    Differs,
    /// It was compared, and no column could be proven.
    NotProvable,
    NotCompared,
}

impl State {
    /// The state of a table that was compared. The number of rows alone proves no value; a table without
    /// rows has none to prove.
    fn of(rows: u64, differs: bool, columns: &[ColumnReport]) -> Self {
        let is_proven = columns.iter().any(ColumnReport::is_proven);
        match differs {
            true => Self::Differs,
            false if is_proven || rows == 0 => Self::Equal,
            false => Self::NotProvable,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Differs => "differs",
            Self::NotProvable => "not provable",
            Self::NotCompared => "not compared",
        }
    }
}

#[derive(Debug, Serialize)]
struct ColumnReport {
    column: String,
    class: String,
    verdict: Verdict,
    /// What the source says; only of a comparison with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceVerdict>,
}

impl ColumnReport {
    /// Whether its values in BigQuery are proven: by the figures of the transfer, or without them by the
    /// source.
    fn is_proven(&self) -> bool {
        let is_unrecorded = self.verdict == Verdict::NotProvable(Reason::NotRecorded);
        self.verdict.is_proven() || is_unrecorded && self.source == Some(SourceVerdict::Equal)
    }

    fn differs_in_source(&self) -> bool {
        matches!(self.source, Some(SourceVerdict::Differs(_)))
    }
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
            source_rows: None,
            source_notes: Vec::new(),
            differing_rows: Vec::new(),
            more_rows: false,
            against: Against::Source,
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
                source: None,
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
            state: State::of(recorded.rows, differs, &columns),
            reason: None,
            rows: Some((recorded.rows, seen.rows)),
            row_verdict,
            columns,
            ..Self::not_compared(&recorded.name, &recorded.source_table, "")
        }
    }

    /// Adds what the source says.
    #[must_use]
    pub(super) fn with_source(mut self, source: SourceReport, against: Against) -> Self {
        self.against = against;
        for (column, verdict) in self.columns.iter_mut().zip(source.columns) {
            column.source = Some(verdict);
        }
        self.source_rows = source.rows;
        self.source_notes.extend(source.reason);
        match source.named {
            Named::Nothing => {}
            Named::Rows(rows, more) => (self.differing_rows, self.more_rows) = (rows, more),
            Named::NotPossible(reason) => {
                self.source_notes
                    .push(format!("rows are not compared by a key and cannot be named: {reason}"));
            }
            Named::Failed(error) => self.source_notes.push(error),
        }
        let transferred = self.rows.map_or(0, |(transferred, _)| transferred);
        let differs = self.state == State::Differs || self.differs_from_source();
        self.state = State::of(transferred, differs, &self.columns);
        self
    }

    /// Whether source and transfer, or source and BigQuery, differ.
    fn differs_from_source(&self) -> bool {
        let rows = self.source_rows.zip(self.rows);
        rows.is_some_and(|(source, (transferred, _))| source != transferred)
            || self.columns.iter().any(ColumnReport::differs_in_source)
            || !self.differing_rows.is_empty()
    }

    /// What differs from the source first: the number of rows, then the columns in order, then the rows.
    fn first_source_difference(&self) -> Option<String> {
        if !self.differs_from_source() {
            return None;
        }
        let column = self.columns.iter().find(|column| column.differs_in_source());
        let named = column.map(|it| format!("; first column `{}`", it.column)).unwrap_or_default();
        if let Some((source, (transferred, _))) = self.source_rows.zip(self.rows)
            && source != transferred
        {
            return Some(format!(
                "table `{}`: the {} has {} rows, and {} were transferred{named}",
                self.table,
                self.against,
                grouped(source),
                grouped(transferred)
            ));
        }
        Some(match (column, column.and_then(|it| it.source), self.differing_rows.first()) {
            (Some(column), Some(verdict), _) => {
                let verdict = verdict.text(self.against);
                format!("table `{}`, column `{}`: {verdict}", self.table, column.column)
            }
            (_, _, Some(row)) => format!("table `{}`: {}", self.table, row.text(self.against)),
            _ => format!("table `{}`", self.table),
        })
    }

    /// Whether it is not compared with the source although that was asked for.
    fn lacks_source(&self) -> bool {
        self.columns.iter().any(|it| it.source.is_some()) && self.source_rows.is_none()
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

    /// What the source says, in lines.
    fn write_source(&self, text: &mut String) {
        for note in &self.source_notes {
            let _ = writeln!(text, "{}: {note}", self.table);
        }
        for column in self.columns.iter().filter(|it| it.differs_in_source()) {
            if let Some(verdict) = column.source {
                let verdict = verdict.text(self.against);
                let _ = writeln!(text, "{}.{}: {verdict}", self.table, column.column);
            }
        }
        for row in &self.differing_rows {
            let _ = writeln!(text, "{}: {}", self.table, row.text(self.against));
        }
        if self.more_rows {
            let _ = writeln!(text, "{}: more rows may differ; see --rows", self.table);
        }
        for gap in Gap::ALL.into_iter().filter(|_| !self.lacks_source()) {
            let verdict = SourceVerdict::NotProvable(gap);
            let of = self.columns.iter().filter(|column| column.source == Some(verdict));
            let names: Vec<&str> = of.map(|column| column.column.as_str()).collect();
            if !names.is_empty() {
                let verdict = verdict.text(self.against);
                let _ = writeln!(text, "{}: {verdict}: {}", self.table, names.join(", "));
            }
        }
        if self.source_rows.is_some() && !self.differs_from_source() {
            let equal = self.columns.iter().filter(|it| it.source == Some(SourceVerdict::Equal));
            let (equal, all) = (equal.count(), counted(self.columns.len(), "column"));
            let _ = writeln!(
                text,
                "{}: the {} has the same values in {equal} of {all}",
                self.table, self.against
            );
        }
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
        against: Option<Against>,
    ) -> Self {
        let charged = tables.iter().filter(|table| table.bytes > 0);
        let bytes: u64 = charged.map(|table| table.bytes.max(LEAST_BYTES)).sum();
        Self {
            bytes,
            usd: bytes as f64 / TIB * price_per_tib,
            price_per_tib,
            compared: false,
            against,
            first_difference: None,
            first_source_difference: None,
            tables: not_compared,
        }
    }

    /// The same with the tables that were compared.
    pub(super) fn with(mut self, compared: Vec<TableReport>) -> Self {
        self.compared = true;
        self.tables.extend(compared);
        self.tables.sort_by(|a, b| a.table.cmp(&b.table));
        self.first_difference = self.tables.iter().find_map(TableReport::first_difference);
        self.first_source_difference = self
            .tables
            .iter()
            .find_map(|table| Some((table.first_source_difference()?, table.day)));
        self
    }

    /// Tables of which nothing is proven: not compared, and compared without a column that could be proven.
    pub(super) fn not_proven(&self) -> usize {
        let is = |state| matches!(state, State::NotCompared | State::NotProvable);
        self.tables.iter().filter(|table| is(table.state) || table.lacks_source()).count()
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
                table.state.text().to_owned(),
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
            table.write_source(&mut text);
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
        text.push_str(&self.summary());
        text
    }

    /// The last line: every table in exactly one of its numbers.
    fn summary(&self) -> String {
        let count = |state| self.tables.iter().filter(|table| table.state == state).count();
        let all = counted(self.tables.len(), "table");
        let mut text = format!("{} of {all} equal", count(State::Equal));
        for state in [State::Differs, State::NotProvable, State::NotCompared] {
            match (count(state), state) {
                (0, _) => {}
                (1, State::Differs) => text.push_str(", 1 differs"),
                (many, State::Differs) => {
                    let _ = write!(text, ", {many} differ");
                }
                (many, state) => {
                    let _ = write!(text, ", {many} {}", state.text());
                }
            }
        }
        let equal = self.tables.iter().filter(|table| table.state == State::Equal);
        let unproven: usize = equal
            .map(|table| table.count(|verdict| matches!(verdict, Verdict::NotProvable(_))))
            .sum();
        if unproven > 0 {
            let columns = counted(unproven, "column");
            let _ = write!(text, "; {columns} of the equal tables not provable");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use landbridge_core::proof::verdict::Difference;

    use super::*;

    const PLAIN: Verdict = Verdict::Plain;
    const MASKED: Verdict = Verdict::ThroughMask;
    const HIDDEN: Verdict = Verdict::NotProvable(Reason::Hidden);
    const DENIED: Verdict = Verdict::NotProvable(Reason::Denied);
    const UNKNOWN: Verdict = Verdict::NotProvable(Reason::NotRecorded);
    const OTHER: Verdict = Verdict::Differs(Difference::Values);

    fn columns(verdicts: &[Verdict]) -> Vec<ColumnReport> {
        let column = |(at, verdict): (usize, &Verdict)| ColumnReport {
            column: format!("c{at}"),
            class: String::new(),
            verdict: *verdict,
            source: None,
        };
        verdicts.iter().enumerate().map(column).collect()
    }

    fn table(name: &str, rows: (u64, u64), verdicts: &[Verdict]) -> TableReport {
        let columns = columns(verdicts);
        let differs = rows.0 != rows.1 || verdicts.iter().any(|it| it.is_different());
        TableReport {
            state: State::of(rows.0, differs, &columns),
            reason: None,
            rows: Some(rows),
            columns,
            ..TableReport::not_compared(name, name, "")
        }
    }

    /// What proves nothing is not called equal.
    #[test]
    fn the_state_of_every_mixture_of_verdicts() {
        for (verdicts, state) in [
            (&[PLAIN][..], State::Equal),
            (&[MASKED], State::Equal),
            (&[PLAIN, HIDDEN, UNKNOWN], State::Equal),
            (&[MASKED, DENIED], State::Equal),
            (&[HIDDEN], State::NotProvable),
            (&[HIDDEN, DENIED, UNKNOWN, Verdict::NotProvable(Reason::Type)], State::NotProvable),
            (&[], State::NotProvable),
            (&[OTHER], State::Differs),
            (&[HIDDEN, OTHER], State::Differs),
            (&[PLAIN, OTHER], State::Differs),
        ] {
            assert_eq!(table("t", (3, 3), verdicts).state, state, "{verdicts:?}");
        }
        assert_eq!(table("t", (3, 2), &[HIDDEN]).state, State::Differs, "another number of rows");
        assert_eq!(table("t", (0, 0), &[HIDDEN]).state, State::Equal, "no row, no value");
    }

    #[test]
    fn the_summary_counts_every_table_once() {
        let report =
            |tables: Vec<TableReport>| Report::planned(&[], Vec::new(), 6.25, None).with(tables);
        let equal = || table("a", (3, 3), &[PLAIN, HIDDEN]);
        let hidden = || table("b", (3, 3), &[HIDDEN]);
        let other = || table("c", (3, 3), &[OTHER]);
        let absent = || TableReport::not_compared("d", "d", "it has not been loaded");
        for (tables, summary, not_proven) in [
            (vec![table("a", (1, 1), &[PLAIN])], "1 of 1 table equal", 0),
            (vec![equal()], "1 of 1 table equal; 1 column of the equal tables not provable", 0),
            (vec![hidden()], "0 of 1 table equal, 1 not provable", 1),
            (vec![absent()], "0 of 1 table equal, 1 not compared", 1),
            (vec![other(), other()], "0 of 2 tables equal, 2 differ", 0),
            (
                vec![equal(), hidden(), other(), absent()],
                "1 of 4 tables equal, 1 differs, 1 not provable, 1 not compared; 1 column of the equal tables not provable",
                2,
            ),
        ] {
            let report = report(tables);
            assert_eq!(report.summary(), summary);
            assert_eq!(report.not_proven(), not_proven, "{summary}");
        }
    }
}
