//! What a day of many tables and many bytes takes and costs, on a virtual clock.
//!
//! `make simulate` runs it; `make simulate SIMULATE="--tables 1000 --files 2000"` runs a smaller sample.

#![recursion_limit = "256"]

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use futures::FutureExt;
use landbridge_core::config::UnchangedTables;
use landbridge_tests::simulate::clock;
use landbridge_tests::simulate::report::{self, Scenario};
use landbridge_tests::simulate::world::{Settings, Shape};

const OPTIONS: &str = "options: --tables N (20), --files N (2000): simulated; --all-tables N (10000), --all-files N (1000000), --gib N (9313), \
    --changed-percent N (1), --workers N (32), --minutes N (2880), --only NAME (10tb-before, 10tb-bytes, 10tb-after, 3gb-before, 3gb-after), --output text|json";

struct Options {
    tables: usize,
    files: usize,
    all_tables: usize,
    all_files: usize,
    gib: f64,
    changed_percent: f64,
    workers: u16,
    minutes: u64,
    only: Option<String>,
    json: bool,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        tables: 20,
        files: 2_000,
        all_tables: 10_000,
        all_files: 1_000_000,
        // 10 TB.
        gib: 9_313.0,
        changed_percent: 1.0,
        workers: 32,
        minutes: 2_880,
        only: None,
        json: false,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        // Cargo passes it to every benchmark.
        if name == "--bench" {
            continue;
        }
        let value = given.next().ok_or_else(|| format!("{name} needs a value; {OPTIONS}"))?;
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| format!("{name} needs a number, and `{value}` is none"))
        };
        let share = || {
            value
                .parse::<f64>()
                .map_err(|_| format!("{name} needs a number, and `{value}` is none"))
        };
        match name.as_str() {
            "--tables" => options.tables = number()? as usize,
            "--files" => options.files = number()? as usize,
            "--all-tables" => options.all_tables = number()? as usize,
            "--all-files" => options.all_files = number()? as usize,
            "--gib" => options.gib = share()?,
            "--changed-percent" => options.changed_percent = share()?,
            "--workers" => options.workers = u16::try_from(number()?).unwrap_or(1_000),
            "--minutes" => options.minutes = number()?.into(),
            "--only" => options.only = Some(value),
            "--output" => options.json = value == "json",
            other => return Err(format!("unknown option {other}; {OPTIONS}")),
        }
    }
    if options.tables == 0 || options.files < options.tables {
        return Err("--files must be at least --tables: each table has a file".to_owned());
    }
    Ok(options)
}

fn scenarios(options: &Options) -> Vec<Scenario> {
    let Options { tables, files, .. } = *options;
    let changed = ((tables as f64 * options.changed_percent / 100.0).round() as usize).max(1);
    let changed_files =
        ((files as f64 * options.changed_percent / 100.0).round() as usize).max(changed);
    let large = Shape { tables, files, changed, changed_files };
    let large_settings =
        Settings { concurrency: 64, load_mb: 1_769, load_concurrency: 64, ..Settings::DEFAULT };
    let after = Settings {
        unchanged: UnchangedTables::Checksums,
        full_every: 365,
        recompress: true,
        workers: Some(options.workers),
        ..large_settings
    };
    let by_bytes = Settings { unchanged: UnchangedTables::Skip, ..after };
    let small = Shape { tables: 20, files: 600, changed: 1, changed_files: 6 };
    let small_after =
        Settings { unchanged: UnchangedTables::Checksums, recompress: true, ..Settings::DEFAULT };
    let all = (options.all_tables.max(tables), options.all_files.max(files));
    [
        ("10tb-before", large, all, options.gib, large_settings),
        ("10tb-bytes", large, all, options.gib, by_bytes),
        ("10tb-after", large, all, options.gib, after),
        ("3gb-before", small, (20, 600), 3.0, Settings::DEFAULT),
        ("3gb-after", small, (20, 600), 3.0, small_after),
    ]
    .into_iter()
    .filter(|it| options.only.as_deref().is_none_or(|only| only == it.0))
    .map(|(name, shape, (tables, files), gib, settings)| Scenario {
        name: name.to_owned(),
        shape,
        tables,
        files,
        gib,
        settings,
        limit_minutes: options.minutes,
    })
    .collect()
}

fn simulate(options: &Options) -> Result<String, String> {
    let runtime = clock::runtime().map_err(|error| error.to_string())?;
    let mut outcomes = Vec::new();
    for scenario in scenarios(options) {
        if std::io::stderr().is_terminal() {
            eprintln!("{} …", scenario.name);
        }
        let outcome = runtime.block_on(report::outcome(&scenario).boxed_local());
        outcomes.push(outcome.map_err(|error| error.to_string())?);
    }
    match options.json {
        true => report::json(&outcomes).map_err(|error| error.to_string()),
        false => Ok(report::text(&outcomes)),
    }
}

/// Runs this program again, with the virtual clock.
fn with_clock() -> Result<ExitCode, String> {
    let mut command = clock::command(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("simulate"))?;
    let status = command.args(std::env::args_os().skip(1)).status();
    let status = status.map_err(|error| error.to_string())?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn main() -> ExitCode {
    let done = options().and_then(|options| match clock::is_virtual() {
        true => simulate(&options).map(|report| {
            println!("{report}");
            ExitCode::SUCCESS
        }),
        false => with_clock(),
    });
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}
