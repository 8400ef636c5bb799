//! The explorer: handwritten histories, each of which showed what a former version left readable,
//! and a sample of drawn ones. `make explore` runs many more.

mod histories;
mod oracle;

use std::sync::Mutex;

use landbridge_tests::explore::history::Options;
use landbridge_tests::explore::many::{Exploration, Totals};

/// Histories of the sample: about 45 seconds on two processors.
const HISTORIES: u64 = 100;

#[test]
fn in_a_hundred_histories_nobody_reads_what_the_contract_hides() {
    let exploration = Exploration {
        histories: HISTORIES,
        seed: 1,
        workers: 2,
        limit: None,
        options: Options::default(),
        shrink: true,
        stop_at_violation: true,
    };
    let totals = Totals::default();
    let failures: Mutex<Vec<String>> = Mutex::default();
    let report = |failure: &_| failures.lock().unwrap().push(format!("{failure}"));
    exploration.run(&totals, &report, &|_| {});
    println!("{totals}");
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.concat());
    // Otherwise the histories prove nothing.
    assert!(totals.versions.into_inner() > 2 * HISTORIES, "too few tables are loaded");
    assert!(totals.open.into_inner() > HISTORIES, "too few columns are readable at all");
}
