//! Removes what a violation does not need, so that a person can read the history.

use super::history::{Event, History, Options, Outcome, run};
use super::oracle::Place;

/// A short history that violates at the same place as `history`, run with `options`, with its outcome.
pub fn shrink(history: &History, options: &Options, place: Place) -> (History, Outcome) {
    let options = Options { places: vec![place], trace: false, ..options.clone() };
    let fails = |candidate: &History| {
        let outcome = run(candidate, &options);
        (!outcome.violations.is_empty()).then_some(outcome)
    };
    let mut best = history.clone();
    let mut outcome = run(&best, &options);
    loop {
        let before = best.clone();
        // Halves first, then smaller parts, then single events.
        let mut size = (best.events.len() / 2).max(1);
        loop {
            let mut from = 0;
            while from < best.events.len() {
                let mut candidate = best.clone();
                let to = (from + size).min(candidate.events.len());
                candidate.events.drain(from..to);
                match fails(&candidate) {
                    Some(found) => (best, outcome) = (candidate, found),
                    None => from += size,
                }
            }
            if size == 1 {
                break;
            }
            size /= 2;
        }
        for candidate in simpler(&best) {
            if let Some(found) = fails(&candidate) {
                (best, outcome) = (candidate, found);
                break;
            }
        }
        if best == before {
            return (best, outcome);
        }
    }
}

/// The history with one table, column or edit less.
fn simpler(history: &History) -> Vec<History> {
    let mut candidates = Vec::new();
    for table in history.source.tables.keys() {
        let mut candidate = history.clone();
        candidate.source.tables.remove(table);
        candidate.terms.tables.remove(table);
        candidates.push(candidate);
    }
    for (table, columns) in &history.source.tables {
        for column in columns.keys().filter(|_| columns.len() > 1) {
            let mut candidate = history.clone();
            candidate.source.tables.entry(table.clone()).or_default().remove(column);
            if let Some(terms) = candidate.terms.tables.get_mut(table)
                && terms.columns.len() > 1
            {
                terms.columns.remove(column);
            }
            candidates.push(candidate);
        }
    }
    for (at, event) in history.events.iter().enumerate() {
        if let Event::Deploy(edits) = event {
            for edit in 0..edits.len() {
                let mut candidate = history.clone();
                if let Some(Event::Deploy(edits)) = candidate.events.get_mut(at)
                    && edits.len() > 1
                {
                    edits.remove(edit);
                    candidates.push(candidate);
                }
            }
        }
    }
    candidates
}
