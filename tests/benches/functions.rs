//! The Lambda binaries: their size, and the time from exec to the first poll for work.
//!
//! Run by `make bench`, which builds the release binaries first. Each start is a cold start in the
//! environment that the local cloud gives its functions: the process reads both configuration
//! files, builds the clients of both clouds and asks the Runtime API for work. For comparison,
//! in the same rounds: `/bin/true` from exec to exit, the least that a process costs on this
//! machine; and, if the tests' Python is installed, a Python process that imports and builds
//! the same four clients, as a function in Python would.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use landbridge_local::{LocalCloud, LocalCloudOptions};
use landbridge_local_database::{Engine, MemoryDatabase};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// The functions.
const FUNCTIONS: [&str; 6] = ["snapshot", "export", "transfer", "load", "protect", "views"];
/// Starts of each, unless `--starts` sets another number.
const STARTS: usize = 40;
/// The largest permitted binary, in bytes.
const MOST_BYTES: u64 = 12_000_000;
/// The longest permitted median start.
const LONGEST: Duration = Duration::from_millis(50);
/// Half past midnight in Seoul: only `snapshot` has anything to do.
const START_TIME: &str = "2026-11-20T15:30:00Z";
/// A Python program that does what our functions do before their first poll, and prints when it is
/// ready.
const PYTHON: &str = "
import boto3
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage
aws = dict(region_name='ap-northeast-2', aws_access_key_id='none', aws_secret_access_key='none')
boto3.client('rds', **aws), boto3.client('s3', **aws)
google = dict(project='none', credentials=AnonymousCredentials())
bigquery.Client(**google), storage.Client(**google)
print('ready', flush=True)
";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let starts = starts()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let target = target(root);
    let release = target.join("release");
    println!("{:<10} {:>12} {:>10}", "function", "bytes", "of aim");
    let mut heavy = false;
    for function in FUNCTIONS {
        let program = release.join(format!("landbridge-{function}"));
        let bytes = program
            .metadata()
            .map_err(|error| format!("{}: {error}; run `make bench`", program.display()))?
            .len();
        heavy |= bytes > MOST_BYTES;
        println!("{function:<10} {bytes:>12} {:>9}%", bytes * 100 / MOST_BYTES);
    }

    let dir = tempfile::tempdir()?;
    let at: Timestamp = START_TIME.parse()?;
    let source = Arc::new(MemoryDatabase::new(Engine::postgres("16.4"), "shop"));
    let config = root.join("examples/demo/landbridge.yaml");
    let mut options = LocalCloudOptions::new(dir.path(), config, source, at);
    options.functions_dir = release;
    options.schedules_dir = root.join("infra/schedules");
    let cloud = LocalCloud::start(options).await?;
    let python = target.join("python/bin/python");
    let python = python.exists().then_some(python);

    // One start of each that isn't counted: it loads the programs from the disk.
    let mut floor = Vec::new();
    let mut peer = Vec::new();
    for round in 0..=starts {
        let mut others = vec![(&mut floor, until_exit(Path::new("/bin/true"))?)];
        if let Some(python) = &python {
            others.push((&mut peer, until_ready(python)?));
        }
        for (times, took) in others {
            if round > 0 {
                times.push(took);
            }
        }
        for function in FUNCTIONS {
            cloud.kill_all();
            let outcome = cloud.tick(function, at).await?;
            if !outcome.is_response() {
                return Err(format!("{function} failed: {outcome:?}").into());
            }
        }
    }
    let all = cloud.functions().cold_starts();
    println!("\nfrom exec to first poll, {starts} starts each, milliseconds");
    println!("{:<32} {:>8} {:>8} {:>8}", "", "median", "p95", "longest");
    let mut slow = false;
    for function in FUNCTIONS {
        let of = all.iter().filter(|start| start.function == function);
        let times: Vec<Duration> = of.skip(1).map(|start| start.to_first_poll).collect();
        if times.len() != starts {
            return Err(format!("{function}: {} cold starts of {starts}", times.len()).into());
        }
        slow |= line(function, times) > LONGEST;
    }
    line("/bin/true, exec to exit", floor);
    if peer.is_empty() {
        println!("python3: the tests' Python is not installed (scripts/python-for-tests.sh)");
    } else {
        line("python3, same four clients", peer);
    }
    println!(
        "\naims: under {MOST_BYTES} bytes {}; median under {} ms {}",
        met(heavy),
        LONGEST.as_millis(),
        met(slow)
    );
    Ok(())
}

fn met(missed: bool) -> &'static str {
    if missed { "MISSED" } else { "met" }
}

/// `--starts N`; Cargo adds `--bench`.
fn starts() -> Result<usize> {
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--starts" {
            let number = arguments.next().ok_or("--starts needs a number")?.parse()?;
            return if number < 20 {
                Err("at least 20 starts, or a p95 says nothing".into())
            } else {
                Ok(number)
            };
        }
    }
    Ok(STARTS)
}

/// Cargo's target folder; this program is in its `<profile>/deps`.
fn target(root: &Path) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.ancestors().nth(3).map_or_else(|| root.join("target"), Path::to_owned)
}

fn until_exit(program: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let status = Command::new(program).status()?;
    let took = begun.elapsed();
    if status.success() { Ok(took) } else { Err(format!("{}: {status}", program.display()).into()) }
}

fn until_ready(python: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let mut child = Command::new(python)
        .args(["-c", PYTHON])
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?;
    let mut said = String::new();
    if let Some(stdout) = child.stdout.take() {
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut said)?;
    }
    let took = begun.elapsed();
    child.wait()?;
    if said == "ready\n" { Ok(took) } else { Err("the Python peer did not start".into()) }
}

/// Prints one line and returns the median.
fn line(name: &str, mut times: Vec<Duration>) -> Duration {
    times.sort();
    // The value that this percentage of the starts did not exceed.
    let at = |percent: usize| {
        times
            .get((times.len() * percent).div_ceil(100).saturating_sub(1))
            .copied()
            .unwrap_or_default()
    };
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("{name:<32} {:>8.1} {:>8.1} {:>8.1}", ms(at(50)), ms(at(95)), ms(at(100)));
    at(50)
}
