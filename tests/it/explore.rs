//! The explorer: handwritten histories, each of which showed what a former version left readable,
//! and a sample of drawn ones. `make explore` runs many more.

mod histories;
mod oracle;

use std::sync::Mutex;

use landbridge_core::{config, contract};
use landbridge_tests::explore::canary::SourceType::Naive;
use landbridge_tests::explore::generate;
use landbridge_tests::explore::history::{Event, History, Options};
use landbridge_tests::explore::many::{Exploration, Totals};
use landbridge_tests::explore::terms::{ColumnTerms, TableTerms, Time};

/// Histories of the sample: about 45 seconds on two processors.
const HISTORIES: u64 = 100;

/// A contract that is not valid is not deployed, so edits that never fit would prove nothing.
#[test]
fn histories_deploy_other_names_zones_and_instants() {
    let mut counts = [0; 4];
    for seed in 1..=HISTORIES {
        let History { mut terms, events, .. } = generate::history(seed);
        for event in events {
            let Event::Deploy(edits) = event else { continue };
            let mut next = terms.clone();
            edits.iter().for_each(|edit| next.apply(edit));
            let config = config::parse(config::FILE_NAME, &next.config()).unwrap();
            if contract::parse(contract::FILE_NAME, &next.yaml(), &config).is_err() {
                continue;
            }
            terms = next;
            let columns = || terms.tables.values().flat_map(|table| &table.columns);
            let named = |(own, it): (&String, &ColumnTerms)| it.name.is_some_and(|it| it != own);
            let zone = |it: &TableTerms| it.zone.is_some();
            let has = [
                columns().any(named),
                terms.tables.values().any(zone),
                columns().any(|(_, it)| it.source == Naive && it.time != Time::WallClock),
                terms.naive_timestamps,
            ];
            counts.iter_mut().zip(has).for_each(|(count, has)| *count += u32::from(has));
        }
    }
    println!("contracts with a name, a zone, an instant, naive_times: {counts:?}");
    assert!(counts.iter().all(|count| *count >= 5), "{counts:?}");
}

/// Runs drawn histories, and asserts that no reader sees what the contract hides.
fn explore(totals: &Totals, histories: u64, seed: u64, options: Options) {
    let failures: Mutex<Vec<String>> = Mutex::default();
    let report = |failure: &_| failures.lock().unwrap().push(format!("{failure}"));
    let exploration = Exploration {
        histories,
        seed,
        workers: 2,
        limit: None,
        options,
        shrink: true,
        stop_at_violation: true,
    };
    exploration.run(totals, &report, &|_| {});
    println!("{totals}");
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.concat());
}

#[test]
fn in_a_hundred_histories_nobody_reads_what_the_contract_hides() {
    let totals = Totals::default();
    // Half of them with a BigQuery that removes the policy tags that a patch leaves out.
    for (seed, clears_omitted_tags) in [(1, false), (1 + HISTORIES / 2, true)] {
        let options = Options { clears_omitted_tags, ..Options::default() };
        explore(&totals, HISTORIES / 2, seed, options);
    }
    // Otherwise the histories prove nothing.
    assert!(totals.versions.into_inner() > 2 * HISTORIES, "too few tables are loaded");
    assert!(totals.open.into_inner() > HISTORIES, "too few columns are readable at all");
    assert!(totals.found.into_inner() > HISTORIES / 5, "too few values look personal");
}

/// The same with tables that keep their rows: the source is the same on every other day.
#[test]
fn in_histories_with_unchanged_tables_nobody_reads_what_the_contract_hides() {
    let totals = Totals::default();
    let options = Options { skips_unchanged: true, ..Options::default() };
    explore(&totals, HISTORIES / 2, 1, options);
    assert!(totals.unchanged.into_inner() > 0, "no table is found unchanged");
}

/// The same with workers that carry all objects: each tick of the transfer hands them over, and workers are paused and
/// killed as it was.
#[test]
fn in_histories_with_workers_no_reader_sees_what_the_contract_hides() {
    let totals = Totals::default();
    let histories = HISTORIES / 5;
    explore(&totals, histories, 1, Options { fans_out: true, ..Options::default() });
    // Otherwise the histories prove nothing.
    assert!(totals.handed.into_inner() > histories, "too few days are handed to workers");
    assert!(totals.versions.into_inner() > histories, "too few tables are loaded");
}

/// The same with a history of every table: two days are kept, and each day is loaded into both.
#[test]
fn in_histories_with_kept_days_no_reader_sees_what_the_contract_hides() {
    let totals = Totals::default();
    let failures: Mutex<Vec<String>> = Mutex::default();
    let report = |failure: &_| failures.lock().unwrap().push(format!("{failure}"));
    let histories = HISTORIES / 5;
    let exploration = Exploration {
        histories,
        seed: 1,
        workers: 2,
        limit: None,
        options: Options { keeps_days: true, ..Options::default() },
        shrink: true,
        stop_at_violation: true,
    };
    exploration.run(&totals, &report, &|_| {});
    println!("{totals}");
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.concat());
    // Otherwise the histories prove nothing.
    assert!(totals.kept.into_inner() > histories, "too few days are kept");
    assert!(totals.versions.into_inner() > 4 * histories, "too few tables are loaded");
}

/// The same with tables of which only changed rows leave AWS: they are merged into rows of other days.
#[test]
fn in_histories_with_changes_no_reader_sees_what_the_contract_hides() {
    let totals = Totals::default();
    let histories = HISTORIES * 3 / 20;
    explore(&totals, histories, 1, Options { merges_changes: true, ..Options::default() });
    // Otherwise the histories prove nothing.
    assert!(totals.merged.into_inner() > histories / 10, "too few changes are merged");
    assert!(totals.versions.into_inner() > histories, "too few tables are loaded");
}
