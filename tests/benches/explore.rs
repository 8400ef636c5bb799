//! The explorer: draws histories and runs them until one shows a readable value that the contract
//! hides.
//!
//! `make explore EXPLORE="--seed 7 --histories 1"` runs one history again. Exit code 1: violations.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use landbridge_tests::explore::history::Options;
use landbridge_tests::explore::oracle::Place;
use landbridge_tests::explore::{generate, run, shrink};

/// How many different violations are shown.
const SHOWN: usize = 12;

struct Arguments {
    histories: u64,
    seed: u64,
    workers: usize,
    seconds: Option<u64>,
    places: Vec<Place>,
    trace: bool,
    shrink: bool,
    keep_going: bool,
}

fn arguments() -> Result<Arguments, String> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut arguments = Arguments {
        histories: 20_000,
        seed: 1,
        workers,
        seconds: None,
        places: Place::ALL.to_vec(),
        trace: false,
        shrink: true,
        keep_going: false,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut value = || given.next().ok_or(format!("{name} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("`{text}` is no number"));
        match name.as_str() {
            "--histories" => arguments.histories = number(value()?)?,
            "--seed" => arguments.seed = number(value()?)?,
            "--workers" => arguments.workers = number(value()?)? as usize,
            "--seconds" => arguments.seconds = Some(number(value()?)?),
            "--places" => {
                let names = value()?;
                arguments.places = Place::ALL
                    .into_iter()
                    .filter(|place| names.split(',').any(|it| it == place.name()))
                    .collect();
            }
            "--trace" => arguments.trace = true,
            "--no-shrink" => arguments.shrink = false,
            "--keep-going" => arguments.keep_going = true,
            // Cargo passes it to every benchmark.
            "--bench" => {}
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(arguments)
}

/// The sums over all histories.
#[derive(Default)]
struct Totals {
    histories: AtomicU64,
    events: AtomicU64,
    calls: AtomicU64,
    checks: AtomicU64,
    violations: AtomicU64,
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!(
                "{error}\noptions: --histories N --seed N --workers N --seconds N \
                 --places table,landing,ledger,receipts,rows --trace --no-shrink --keep-going"
            );
            return ExitCode::from(2);
        }
    };
    let started = Instant::now();
    let totals = Totals::default();
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let seen: Mutex<BTreeMap<String, u64>> = Mutex::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.workers.max(1))
            .map(|_| scope.spawn(|| work(&arguments, started, &totals, &next, &stop, &seen)))
            .collect();
        show_progress(&arguments, started, &totals, || workers.iter().all(|it| it.is_finished()));
    });
    let seconds = started.elapsed().as_secs_f64();
    let sum = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let histories = sum(&totals.histories);
    println!(
        "{histories} histories (seeds {} to {}), {} events, {} calls, {} checks by the oracle, \
         {} histories with violations, {seconds:.1} s, {:.1} histories per second",
        arguments.seed,
        arguments.seed + histories.saturating_sub(1),
        sum(&totals.events),
        sum(&totals.calls),
        sum(&totals.checks),
        sum(&totals.violations),
        histories as f64 / seconds
    );
    if sum(&totals.violations) > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn show_progress(
    arguments: &Arguments,
    started: Instant,
    totals: &Totals,
    finished: impl Fn() -> bool,
) {
    let mut last = Instant::now();
    while !finished() {
        std::thread::sleep(Duration::from_millis(20));
        if std::io::stderr().is_terminal() && last.elapsed() > Duration::from_secs(2) {
            last = Instant::now();
            let done = totals.histories.load(Ordering::Relaxed);
            let rate = done as f64 / started.elapsed().as_secs_f64();
            eprint!("\r{done} of {} histories, {rate:.1} per second ", arguments.histories);
        }
    }
}

fn work(
    arguments: &Arguments,
    started: Instant,
    totals: &Totals,
    next: &AtomicU64,
    stop: &AtomicBool,
    seen: &Mutex<BTreeMap<String, u64>>,
) {
    let options = Options { places: arguments.places.clone(), trace: arguments.trace };
    loop {
        let is_late = arguments.seconds.is_some_and(|it| started.elapsed().as_secs() >= it);
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= arguments.histories || is_late || stop.load(Ordering::Relaxed) {
            return;
        }
        let seed = arguments.seed + number;
        let history = generate::history(seed);
        let outcome = run(&history, &options);
        let add = |total: &AtomicU64, number| total.fetch_add(number, Ordering::Relaxed);
        add(&totals.histories, 1);
        add(&totals.events, outcome.events);
        add(&totals.calls, outcome.calls);
        add(&totals.checks, outcome.checks);
        for line in &outcome.trace {
            println!("{line}");
        }
        let Some(first) = outcome.violations.first() else { continue };
        add(&totals.violations, 1);
        let is_new = {
            let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let count = seen.entry(first.signature()).or_default();
            *count += 1;
            *count == 1 && seen.len() <= SHOWN
        };
        if !arguments.keep_going {
            stop.store(true, Ordering::Relaxed);
        }
        if is_new {
            let (history, outcome) = match arguments.shrink {
                true => shrink::shrink(&history, first.place),
                false => (history, outcome),
            };
            let violations: Vec<String> =
                outcome.violations.iter().map(|it| format!("  - {it}\n")).collect();
            println!("violation with seed {seed}:\n{}{history}", violations.concat());
        }
    }
}
