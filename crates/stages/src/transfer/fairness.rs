//! One table's problem stays its own: the order in which the objects of all tables are started, and what
//! the failures of one table mean for the others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Work;

/// Objects are started in steps of this size, smaller ones first: an object that needs a whole tick
/// does not keep others waiting.
const SIZE_STEP: u64 = 64 * 1024 * 1024;
/// After this many failed objects of a table, a tick starts no more of them.
const MAX_OF_TABLE: usize = 3;
/// After failures of this many tables without a transferred object in between, a tick starts no more
/// objects: the cause is no single table.
const MAX_TABLES: usize = 5;

/// The work in the order in which it is started: smaller objects first, and the tables in turns, so that
/// a table of many objects does not keep the others waiting.
pub(super) fn in_turns(work: Vec<Work>) -> Vec<Work> {
    let mut turns: HashMap<(u64, String), usize> = HashMap::new();
    let with_key = |work: Work| {
        let step = work.bytes / SIZE_STEP;
        let turn = turns.entry((step, work.table.table.clone())).or_default();
        *turn += 1;
        ((step, *turn), work)
    };
    let mut work: Vec<_> = work.into_iter().map(with_key).collect();
    work.sort_by_key(|(key, _)| *key);
    work.into_iter().map(|(_, work)| work).collect()
}

/// The failures of a tick that hold no table. Each table has a budget of its own.
#[derive(Default)]
pub(super) struct Failures {
    of_table: Mutex<BTreeMap<String, usize>>,
    /// The tables with a failure since the last object that was transferred.
    since_success: Mutex<BTreeSet<String>>,
}

impl Failures {
    /// An object of the table failed.
    pub(super) fn add(&self, table: &str) {
        *lock(&self.of_table).entry(table.to_owned()).or_default() += 1;
        lock(&self.since_success).insert(table.to_owned());
    }

    /// An object was transferred.
    pub(super) fn succeeded(&self) {
        lock(&self.since_success).clear();
    }

    /// Whether an object of the table may be started.
    pub(super) fn allow(&self, table: &str) -> bool {
        lock(&self.of_table).get(table).is_none_or(|failures| *failures < MAX_OF_TABLE)
            && lock(&self.since_success).len() < MAX_TABLES
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use landbridge_core::plan::{ItemSource, TablePlan, TransferItem};

    use super::*;

    fn work(table: &str, number: usize, bytes: u64) -> Work {
        let plan: TablePlan = serde_json::from_value(serde_json::json!({
            "source_table": table, "table": table, "columns": [], "rows": 0, "bytes": 0,
            "notes": [], "items": [],
        }))
        .unwrap();
        let from = ItemSource::NoRows { columns: Vec::new() };
        let item = TransferItem { number, from, object: String::new(), rows: 0, row_groups: None };
        Work { bytes, table: Arc::new(plan), item, text: None, measure: false }
    }

    #[test]
    fn small_objects_come_first_and_the_tables_in_turns() {
        let large = 65 * 1024 * 1024;
        let all = vec![
            work("a", 0, large),
            work("a", 1, 1),
            work("a", 2, 1),
            work("a", 3, 1),
            work("b", 0, 1),
            work("c", 0, 1),
            work("c", 1, large),
        ];
        let names = |work: &Work| format!("{}{}", work.table.table, work.item.number);
        let order: Vec<String> = in_turns(all).iter().map(names).collect();
        assert_eq!(order, ["a1", "b0", "c0", "a2", "a3", "a0", "c1"]);
    }

    #[test]
    fn a_table_that_fails_keeps_no_other_from_starting() {
        let failures = Failures::default();
        for _ in 0..MAX_OF_TABLE {
            assert!(failures.allow("a"));
            failures.add("a");
        }
        assert!(!failures.allow("a") && failures.allow("b"));
        for table in ["b", "c", "d"] {
            failures.add(table);
        }
        assert!(failures.allow("e"));
        failures.succeeded();
        for table in ["e", "f", "g", "h"] {
            failures.add(table);
            assert!(failures.allow("i"));
        }
        failures.add("i");
        assert!(!failures.allow("j"), "five tables failed in a row");
    }
}
