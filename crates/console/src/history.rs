//! How each table's day ended, in memory: a state and a number of rows per table and day, nothing of the receipts. A year
//! of 10,000 tables needs 35 MB, and no page waits for the ledger to draw a grid.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::receipt::ReceiptState;
use landbridge_ledger::ReceiptSummaries;
use landbridge_ledger::read::days::{DayLine, is_shown};
use landbridge_ledger::read::receipts::current_summaries;

use crate::names::slug;

/// How a table's day ended, as the grid shows it. The order is how urgent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// No receipt.
    None,
    /// Published.
    Published,
    /// A newer day was already loaded.
    Superseded,
    /// RDS did not export it.
    Skipped,
    /// It is not in the export.
    Missing,
    /// It waits for a person.
    Held,
}

impl Mark {
    /// All marks, the most urgent first.
    pub const ALL: [Self; 6] =
        [Self::Held, Self::Missing, Self::Skipped, Self::Superseded, Self::Published, Self::None];

    /// The mark of a receipt.
    pub const fn of(state: ReceiptState) -> Self {
        match state {
            ReceiptState::Published => Self::Published,
            ReceiptState::Held => Self::Held,
            ReceiptState::Skipped => Self::Skipped,
            ReceiptState::Missing => Self::Missing,
            ReceiptState::Superseded => Self::Superseded,
        }
    }

    /// Its name, in classes and keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Published => "published",
            Self::Superseded => "superseded",
            Self::Skipped => "skipped",
            Self::Missing => "missing",
            Self::Held => "held",
        }
    }

    /// The letter in the grid, so that colour is not the only difference.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::None => "·",
            Self::Published => "✓",
            Self::Superseded => "↷",
            Self::Skipped => "S",
            Self::Missing => "M",
            Self::Held => "H",
        }
    }

    /// Whether a person should look.
    pub const fn is_problem(self) -> bool {
        matches!(self, Self::Held | Self::Missing | Self::Skipped)
    }
}

/// Rows that are not known.
const UNKNOWN: u64 = u64::MAX;

/// The tables that ever had a receipt. Numbers are never used again.
#[derive(Clone, Debug, Default)]
struct Tables {
    names: Vec<Table>,
    numbers: BTreeMap<String, usize>,
    slugs: HashMap<String, usize>,
}

/// A table.
#[derive(Clone, Debug)]
struct Table {
    /// Its name in the source.
    source: String,
    /// The name of its receipts.
    record: String,
}

/// One day of all tables.
#[derive(Clone, Debug)]
pub struct DayMarks {
    /// How the day ended.
    pub line: DayLine,
    marks: Vec<Mark>,
    rows: Vec<u64>,
    /// Receipts with another name than usual, by the number of the table.
    records: HashMap<usize, String>,
}

/// What is known of all days. Clones are cheap.
#[derive(Clone, Debug, Default)]
pub struct History {
    tables: Arc<Tables>,
    days: BTreeMap<Day, Arc<DayMarks>>,
    /// When the newest day was read.
    pub read_at: Option<Timestamp>,
}

impl History {
    /// Sets a day.
    pub fn set(&mut self, line: DayLine, receipts: ReceiptSummaries) {
        let mut day =
            DayMarks { line, marks: Vec::new(), rows: Vec::new(), records: HashMap::new() };
        for (record, receipt) in current_summaries(receipts) {
            if !is_shown(&receipt) {
                continue;
            }
            let number = self.number(&receipt.source_table, &record);
            if day.marks.len() <= number {
                day.marks.resize(number + 1, Mark::None);
                day.rows.resize(number + 1, UNKNOWN);
            }
            day.marks[number] = Mark::of(receipt.state);
            day.rows[number] = receipt.rows_table.unwrap_or(UNKNOWN);
            if self.tables.names[number].record != record {
                day.records.insert(number, record);
            }
        }
        day.marks.shrink_to_fit();
        day.rows.shrink_to_fit();
        self.days.insert(day.line.day, Arc::new(day));
    }

    fn number(&mut self, source: &str, record: &str) -> usize {
        if let Some(number) = self.tables.numbers.get(source) {
            return *number;
        }
        let tables = Arc::make_mut(&mut self.tables);
        let number = tables.names.len();
        tables.names.push(Table { source: source.to_owned(), record: record.to_owned() });
        tables.numbers.insert(source.to_owned(), number);
        tables.slugs.insert(slug(source), number);
        number
    }

    /// Forgets all but the newest `count` days.
    pub fn keep(&mut self, count: usize) {
        while self.days.len() > count {
            self.days.pop_first();
        }
    }

    /// The days, the newest first.
    pub fn days(&self) -> impl DoubleEndedIterator<Item = &DayMarks> {
        self.days.values().rev().map(AsRef::as_ref)
    }

    /// One day.
    pub fn day(&self, day: Day) -> Option<&DayMarks> {
        self.days.get(&day).map(AsRef::as_ref)
    }

    /// The name in the source of the table with this slug.
    pub fn table_of_slug(&self, slug: &str) -> Option<&str> {
        let number = self.tables.slugs.get(slug)?;
        Some(&self.tables.names[*number].source)
    }

    /// All tables by name.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.numbers.keys().map(String::as_str)
    }

    /// How many tables there are.
    pub fn table_count(&self) -> usize {
        self.tables.names.len()
    }

    /// The mark of a table on a day, and its rows.
    pub fn cell(&self, day: &DayMarks, table: &str) -> (Mark, Option<u64>) {
        let Some(number) = self.tables.numbers.get(table) else { return (Mark::None, None) };
        let rows = day.rows.get(*number).copied().filter(|it| *it != UNKNOWN);
        (day.marks.get(*number).copied().unwrap_or(Mark::None), rows)
    }

    /// The name of the record of a receipt, if the table has one on this day.
    pub fn record(&self, day: Day, table: &str) -> Option<String> {
        let number = *self.tables.numbers.get(table)?;
        let marks = self.day(day)?;
        if marks.marks.get(number).copied().unwrap_or(Mark::None) == Mark::None {
            return None;
        }
        let usual = || self.tables.names[number].record.clone();
        Some(marks.records.get(&number).cloned().unwrap_or_else(usual))
    }

    /// The newest day on which a table has a receipt, and its mark.
    pub fn newest(&self, table: &str) -> Option<(Day, Mark)> {
        self.days().map(|day| (day.line.day, self.cell(day, table).0)).find(|it| it.1 != Mark::None)
    }

    /// The tables of the newest `count` days, the most urgent first, then by name; only those whose name contains `part`.
    pub fn by_urgency(&self, count: usize, part: &str) -> Vec<(&str, Mark)> {
        let part = part.to_lowercase();
        let days: Vec<&DayMarks> = self.days().take(count).collect();
        let mut tables: Vec<(&str, Mark)> = Vec::new();
        for (name, number) in &self.tables.numbers {
            if !part.is_empty() && !name.to_lowercase().contains(&part) {
                continue;
            }
            let marks = days.iter().filter_map(|day| day.marks.get(*number).copied());
            let mark = marks.max().unwrap_or(Mark::None);
            if mark != Mark::None {
                tables.push((name, mark));
            }
        }
        // Sorting is stable: by name within a mark. A table that is published or superseded needs no look.
        tables.sort_by_key(|(_, mark)| {
            std::cmp::Reverse(if mark.is_problem() { *mark } else { Mark::None })
        });
        tables
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use landbridge_ledger::ReceiptSummary;

    use super::*;

    pub(crate) fn line(day: &str, state: &'static str) -> DayLine {
        DayLine {
            day: day.parse().expect("a day"),
            state,
            tables: 2,
            rows: 30,
            held: Vec::new(),
            gaps: Vec::new(),
            finished_at: Some("2026-11-20T17:16:00Z".parse().expect("a time")),
            of_tables: BTreeMap::new(),
        }
    }

    pub(crate) fn receipt(table: &str, state: ReceiptState, rows: Option<u64>) -> ReceiptSummary {
        ReceiptSummary {
            source_table: table.to_owned(),
            table: table.trim_start_matches("public.").to_owned(),
            state,
            redo: 0,
            rows_table: rows,
            has_problem: state != ReceiptState::Published,
            fingerprint: String::new(),
        }
    }

    #[test]
    fn problems_come_first_and_records_keep_their_names() {
        let mut history = History::default();
        let of = |tables: &[(&str, &str, ReceiptState)]| -> ReceiptSummaries {
            let one = |(record, table, state): &(&str, &str, ReceiptState)| {
                ((*record).to_owned(), receipt(table, *state, Some(7)))
            };
            tables.iter().map(one).collect()
        };
        use ReceiptState::{Held, Missing, Published};
        history.set(
            line("2026-11-21", "published"),
            of(&[("a", "public.a", Published), ("b", "public.b", Published)]),
        );
        history.set(
            line("2026-11-22", "held"),
            of(&[
                ("a", "public.a", Published),
                ("b", "public.b", Held),
                ("c", "public.c", Published),
                ("gone@a", "public.d", Missing),
            ]),
        );
        let names: Vec<&str> = history.by_urgency(14, "").iter().map(|it| it.0).collect();
        assert_eq!(names, ["public.b", "public.d", "public.a", "public.c"]);
        let only = history.by_urgency(14, "C.B");
        assert_eq!(only, [("public.b", Mark::Held)]);
        let [newest, oldest]: [&DayMarks; 2] =
            history.days().collect::<Vec<_>>().try_into().expect("two");
        assert_eq!(history.cell(oldest, "public.b"), (Mark::Published, Some(7)));
        assert_eq!(history.cell(newest, "public.b"), (Mark::Held, Some(7)));
        assert_eq!(history.cell(oldest, "public.c"), (Mark::None, None));
        let day = newest.line.day;
        assert_eq!(history.record(day, "public.d").as_deref(), Some("gone@a"));
        assert_eq!(history.record(oldest.line.day, "public.d"), None);
        assert_eq!(history.newest("public.c"), Some((day, Mark::Published)));
        history.keep(1);
        assert_eq!(history.days().count(), 1);
    }
}
