//! 10,000 tables and a year of days.

use landbridge_console::history::History;
use landbridge_core::receipt::ReceiptState;
use landbridge_ledger::read::days::DayLine;
use landbridge_ledger::{ReceiptSummaries, ReceiptSummary};

use crate::world::day;

pub(crate) const TABLES: usize = 10_000;
pub(crate) const DAYS: usize = 365;

/// The name of a table.
pub(crate) fn table(number: usize) -> String {
    format!("tenant_{:02}.table_{number:05}", number % 37)
}

/// A year in which every seventh day has a held table and a missing one.
pub(crate) fn year() -> History {
    let receipt = |number: usize, at: usize| {
        let state = match (at % 7, number) {
            (3, 7) => ReceiptState::Held,
            (3, 8) => ReceiptState::Missing,
            _ => ReceiptState::Published,
        };
        ReceiptSummary {
            source_table: table(number),
            table: format!("table_{number:05}"),
            state,
            redo: 0,
            rows_table: Some((number * 1000 + at * 7) as u64),
            has_problem: state != ReceiptState::Published,
            fingerprint: String::new(),
        }
    };
    let mut history = History::default();
    let first = day("2025-11-23").date();
    for at in 0..DAYS {
        let date = first.checked_add(jiff::Span::new().days(i64::try_from(at).unwrap())).unwrap();
        let receipts: ReceiptSummaries =
            (0..TABLES).map(|number| (format!("table_{number:05}"), receipt(number, at))).collect();
        let is_held = at % 7 == 3;
        let line = DayLine {
            day: landbridge_core::calendar::Day::new(date),
            state: if is_held { "held" } else { "published" },
            tables: TABLES - usize::from(is_held) * 2,
            rows: 50_000_000_000,
            held: Vec::new(),
            gaps: Vec::new(),
            finished_at: Some("2026-11-20T17:16:00Z".parse().unwrap()),
            of_tables: Default::default(),
        };
        history.set(line, receipts);
    }
    history
}

/// The memory of this process, in bytes; `None` where there is no /proc.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    text.split(' ').nth(1)?.parse::<usize>().ok().map(|pages| pages * 4096)
}

/// A year of 10,000 tables needs a bounded part of memory, and keeps the newest days alone.
#[test]
fn a_year_of_ten_thousand_tables_needs_little_memory() {
    use landbridge_console::history::Mark;
    let before = resident();
    let mut history = year();
    let needed = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
    // 33 MB of states and rows, 3 MB of names, and what the allocator keeps of the generated receipts.
    assert!(needed.is_none_or(|it| it < 80_000_000), "{needed:?}");
    assert_eq!((history.table_count(), history.days().count()), (TABLES, DAYS));
    assert_eq!(
        history.by_urgency(14, "")[..2],
        [(table(7).as_str(), Mark::Held), (table(8).as_str(), Mark::Missing)]
    );
    history.keep(30);
    assert_eq!(history.days().count(), 30);
}
