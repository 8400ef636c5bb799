//! The explorer: draws histories and runs them until one shows a readable value that the contract
//! hides.
//!
//! `make explore EXPLORE="--seed 7 --histories 1"` runs one history again. Exit code 1: violations.

use std::cell::Cell;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use landbridge_tests::explore::history::Options;
use landbridge_tests::explore::many::{Exploration, Totals};
use landbridge_tests::explore::oracle::Place;

const OPTIONS: &str = "options: --histories N (20000), --seed N (1), --workers N (one per processor), \
    --seconds N, --places table,landing,ledger,receipts,rows,pass (all), --trace, --fan-out, --keep-days, --merge-changes, --no-shrink, --keep-going";

fn exploration() -> Result<Exploration, String> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut exploration = Exploration {
        histories: 20_000,
        seed: 1,
        workers,
        limit: None,
        options: Options::default(),
        shrink: true,
        stop_at_violation: true,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let mut value = || given.next().ok_or(format!("{name} needs a value"));
        let number =
            |text: String| text.parse::<u32>().map_err(|_| format!("`{text}` is no number"));
        match name.as_str() {
            "--histories" => exploration.histories = number(value()?)?.into(),
            "--seed" => exploration.seed = number(value()?)?.into(),
            "--workers" => exploration.workers = number(value()?)? as usize,
            "--seconds" => {
                exploration.limit = Some(Duration::from_secs(number(value()?)?.into()));
            }
            "--places" => {
                let names = value()?;
                exploration
                    .options
                    .places
                    .retain(|place| names.split(',').any(|it| it == place.name()));
            }
            "--keep-days" => exploration.options.keeps_days = true,
            "--merge-changes" => exploration.options.merges_changes = true,
            "--fan-out" => exploration.options.fans_out = true,
            "--trace" => exploration.options.trace = true,
            "--no-shrink" => exploration.shrink = false,
            "--keep-going" => exploration.stop_at_violation = false,
            // Cargo passes it to every benchmark.
            "--bench" => {}
            other => return Err(format!("unknown option {other}")),
        }
    }
    if exploration.options.places.is_empty() {
        let names: Vec<&str> = Place::ALL.iter().map(|place| place.name()).collect();
        return Err(format!("--places takes some of {}", names.join(",")));
    }
    Ok(exploration)
}

fn main() -> ExitCode {
    let exploration = match exploration() {
        Ok(exploration) => exploration,
        Err(error) => {
            eprintln!("{error}\n{OPTIONS}");
            return ExitCode::from(2);
        }
    };
    let started = Instant::now();
    let shown = Cell::new(Instant::now());
    let totals = Totals::default();
    exploration.run(&totals, &|failure| println!("{failure}"), &|totals| {
        if std::io::stderr().is_terminal() && shown.get().elapsed() > Duration::from_secs(2) {
            shown.set(Instant::now());
            let done = totals.histories.load(Ordering::Relaxed);
            let rate = done as f64 / started.elapsed().as_secs_f64();
            eprint!("\r{done} of {} histories, {rate:.1} per second ", exploration.histories);
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let rate = totals.histories.load(Ordering::Relaxed) as f64 / seconds;
    println!("{totals}, {seconds:.1} s, {rate:.1} histories per second");
    match totals.violations.load(Ordering::Relaxed) {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
