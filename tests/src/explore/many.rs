//! Many histories: drawn from consecutive seeds and run by several workers.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::history::{History, Options, Outcome, run};
use super::{generate, shrink};

/// What is explored.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// How many histories.
    pub histories: u64,
    /// The seed of the first; the others follow.
    pub seed: u64,
    /// Threads.
    pub workers: usize,
    /// No history begins after this time.
    pub limit: Option<Duration>,
    pub options: Options,
    /// Whether a history that violates is shortened.
    pub shrink: bool,
    /// Whether a violation ends the exploration.
    pub stop_at_violation: bool,
}

/// The sums over all histories.
#[derive(Debug, Default)]
pub struct Totals {
    pub histories: AtomicU64,
    pub events: AtomicU64,
    pub calls: AtomicU64,
    pub checks: AtomicU64,
    pub versions: AtomicU64,
    pub open: AtomicU64,
    pub found: AtomicU64,
    pub unchanged: AtomicU64,
    /// Days of which workers had objects.
    pub handed: AtomicU64,
    /// Days that history tables keep.
    pub kept: AtomicU64,
    /// Tables whose changes left AWS alone.
    pub merged: AtomicU64,
    pub violations: AtomicU64,
}

/// A history that violated.
#[derive(Clone, Debug)]
pub struct Failure {
    pub seed: u64,
    pub history: History,
    pub outcome: Outcome,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "violation with seed {}:", self.seed)?;
        for violation in &self.outcome.violations {
            writeln!(f, "  - {violation}")?;
        }
        write!(f, "{}", self.history)
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sum = |number: &AtomicU64| number.load(Ordering::Relaxed);
        write!(
            f,
            "{} histories, {} events, {} calls, {} checks by the oracle, {} versions of rows, \
             {} columns open to everyone, {} found to look personal, {} tables unchanged, {} days with workers, {} days kept, {} tables merged, {} histories with violations",
            sum(&self.histories),
            sum(&self.events),
            sum(&self.calls),
            sum(&self.checks),
            sum(&self.versions),
            sum(&self.open),
            sum(&self.found),
            sum(&self.unchanged),
            sum(&self.handed),
            sum(&self.kept),
            sum(&self.merged),
            sum(&self.violations),
        )
    }
}

impl Exploration {
    /// Runs all histories. `report` is called for the first history of each kind of violation,
    /// `progress` several times a second.
    pub fn run(
        &self,
        totals: &Totals,
        report: &(dyn Fn(&Failure) + Sync),
        progress: &dyn Fn(&Totals),
    ) {
        let run = Run {
            exploration: self,
            started: Instant::now(),
            totals,
            next: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            kinds: Mutex::default(),
        };
        std::thread::scope(|scope| {
            let work = || run.work(report);
            let workers: Vec<_> = (0..self.workers.max(1)).map(|_| scope.spawn(work)).collect();
            while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                std::thread::sleep(Duration::from_millis(50));
                progress(totals);
            }
        });
    }
}

struct Run<'a> {
    exploration: &'a Exploration,
    started: Instant,
    totals: &'a Totals,
    next: AtomicU64,
    stopped: AtomicBool,
    kinds: Mutex<BTreeSet<String>>,
}

impl Run<'_> {
    fn work(&self, report: &(dyn Fn(&Failure) + Sync)) {
        let exploration = self.exploration;
        loop {
            let is_late = exploration.limit.is_some_and(|limit| self.started.elapsed() >= limit);
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= exploration.histories || is_late || self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let seed = exploration.seed + number;
            let history = generate::history(seed);
            let outcome = run(&history, &exploration.options);
            self.count(&outcome);
            for line in &outcome.trace {
                println!("{line}");
            }
            if !outcome.violations.is_empty() {
                self.stopped.fetch_or(exploration.stop_at_violation, Ordering::Relaxed);
                self.report(Failure { seed, history, outcome }, report);
            }
        }
    }

    fn count(&self, outcome: &Outcome) {
        let add = |total: &AtomicU64, number| total.fetch_add(number, Ordering::Relaxed);
        add(&self.totals.histories, 1);
        add(&self.totals.events, outcome.events);
        add(&self.totals.calls, outcome.calls);
        add(&self.totals.checks, outcome.checks);
        add(&self.totals.versions, outcome.versions);
        add(&self.totals.open, outcome.open);
        add(&self.totals.found, outcome.found);
        add(&self.totals.kept, outcome.kept);
        add(&self.totals.merged, outcome.merged);
        add(&self.totals.unchanged, outcome.unchanged);
        add(&self.totals.handed, outcome.handed);
        add(&self.totals.violations, u64::from(!outcome.violations.is_empty()));
    }

    fn report(&self, failure: Failure, report: &(dyn Fn(&Failure) + Sync)) {
        let Some(first) = failure.outcome.violations.first() else { return };
        let is_new = {
            let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            kinds.insert(first.kind())
        };
        if !is_new {
            return;
        }
        let mut failure = failure.clone();
        if self.exploration.shrink {
            let options = &self.exploration.options;
            (failure.history, failure.outcome) =
                shrink::shrink(&failure.history, options, first.place);
        }
        report(&failure);
    }
}
