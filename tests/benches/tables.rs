//! A day of many small tables behind a network: calls, seconds and memory of every tick.
//!
//! `make bench-tables TABLES=10000` runs it. The source has tables of one row. Snapshot and export run without
//! latency; then every response of the local cloud is delayed. After the load, the protection pass runs over all
//! tables, with the same contract and with one that changes each of them. Each tick runs in a new process of
//! the function, so its peak memory is that of this tick, with reading both configuration files.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use landbridge_local::{InvocationOutcome, LocalCloud, LocalCloudOptions};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const OPTIONS: &str =
    "options: --tables N (1000), --latency MS (15), --timeout SECONDS (285), --ticks N (8)";
/// Ten minutes before the export hour in Seoul.
const START: &str = "2026-11-20T15:50:00Z";
/// The first tick of transfer and load.
const TRANSFER_FROM: &str = "2026-11-20T17:00:00Z";
/// The servers whose calls are counted; the others together are the last column.
const SERVERS: [&str; 3] = ["s3", "storage", "bigquery"];

struct Options {
    tables: usize,
    latency: Duration,
    /// When an invocation is ended: Terraform's default is 285 s.
    timeout: Duration,
    /// Ticks of a stage at most.
    ticks: usize,
}

fn options() -> Result<Options> {
    let mut options = Options {
        tables: 1_000,
        latency: Duration::from_millis(15),
        timeout: Duration::from_secs(285),
        ticks: 8,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        // Cargo passes it to every benchmark.
        if name == "--bench" {
            continue;
        }
        let value = given.next().ok_or_else(|| format!("{name} needs a value; {OPTIONS}"))?;
        let number: u64 = value.parse().map_err(|_| format!("`{value}` is no number"))?;
        match name.as_str() {
            "--tables" => options.tables = usize::try_from(number)?,
            "--latency" => options.latency = Duration::from_millis(number),
            "--timeout" => options.timeout = Duration::from_secs(number),
            "--ticks" => options.ticks = usize::try_from(number)?,
            other => return Err(format!("unknown option {other}; {OPTIONS}").into()),
        }
    }
    Ok(options)
}

fn database(tables: usize) -> Result<MemoryDatabase> {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    for number in 0..tables {
        let table = MemoryTable::new("public", &name(number))
            .column("id", "bigint not null")
            .column("email", "character varying(120)")
            .column("placed_at", "timestamp with time zone")
            .row([Some("1"), Some("ada@example.org"), Some("2026-11-20 08:15:00+09")]);
        database.set_table(table)?;
    }
    Ok(database)
}

fn name(number: usize) -> String {
    format!("t{number:05}")
}

/// The contract of all tables; `class` is that of the column `email`.
fn contract(tables: usize, class: &str) -> String {
    let table = |number| {
        format!(
            "  \"public.{}\":\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n      \
             email: {{ source: character varying, type: STRING, class: {class} }}\n      \
             placed_at: {{ source: timestamp with time zone, type: TIMESTAMP, class: none }}\n",
            name(number)
        )
    };
    format!("version: 1\ntables:\n{}", (0..tables).map(table).collect::<String>())
}

/// The local cloud, and what is measured of its ticks.
struct Bench {
    cloud: LocalCloud,
    now: Timestamp,
}

impl Bench {
    async fn start(dir: &Path, options: &Options) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
        let config = std::fs::read_to_string(root.join("examples/demo/landbridge.yaml"))?;
        let path = dir.join("landbridge.yaml");
        std::fs::write(&path, config.replacen("  views: { dataset: shop_views }\n", "", 1))?;
        std::fs::write(dir.join("contract.yaml"), contract(options.tables, "email"))?;
        let source = Arc::new(database(options.tables)?);
        let now: Timestamp = START.parse()?;
        let mut local = LocalCloudOptions::new(dir.join("cloud"), path, source, now);
        local.schedules_dir = root.join("infra/schedules");
        local.timeout = options.timeout;
        Ok(Self { cloud: LocalCloud::start(local).await?, now })
    }

    fn advance_to(&mut self, now: Timestamp) {
        self.now = now;
        self.cloud.clock().advance_to(now);
    }

    /// Takes the day's snapshot and exports it.
    async fn export(&mut self) -> Result<()> {
        self.advance_to("2026-11-20T16:00:00Z".parse()?);
        self.cloud.tick("snapshot", self.now).await?;
        for _ in 0..6 {
            self.advance_to(self.now + SignedDuration::from_mins(10));
            let outcome = self.cloud.tick("export", self.now).await?;
            if progress(&outcome) == "done" {
                return Ok(());
            }
        }
        Err("the export does not end".into())
    }

    /// Runs one tick in a new process and prints a line about it. Returns its progress.
    async fn tick(&mut self, function: &str, about: &str) -> Result<String> {
        self.cloud.kill_all();
        self.cloud.calls().start_recording();
        let started = Instant::now();
        let outcome = self.cloud.tick(function, self.now).await?;
        let seconds = started.elapsed().as_secs_f64();
        let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
        for call in self.cloud.calls().recorded_calls() {
            let server = SERVERS.into_iter().find(|name| *name == call.server);
            *calls.entry(server.unwrap_or("others")).or_default() += 1;
        }
        let logs = self.cloud.logs(function)?;
        let memory = logs.iter().rev().find_map(|line| line.peak_memory_mib());
        let count = |server: &str| calls.get(server).copied().unwrap_or(0);
        println!(
            "| {function}, {about} | {} | {} | {} | {} | {seconds:.1} | {} | {} |",
            count("s3"),
            count("storage"),
            count("bigquery"),
            count("others"),
            memory.map_or_else(|| "–".to_owned(), |mib| mib.to_string()),
            message(&outcome),
        );
        self.advance_to(self.now + SignedDuration::from_mins(5));
        Ok(progress(&outcome).to_owned())
    }

    /// Runs ticks of the protection pass until it is done, and one that finds nothing to do.
    async fn pass(&mut self, ticks: usize, about: &str) -> Result<()> {
        for number in 1..=ticks {
            if self.tick("protect", &format!("{about}, tick {number}")).await? == "done" {
                break;
            }
        }
        self.tick("protect", "idle").await.map(|_| ())
    }

    /// Runs ticks of a stage until it is done, or at most `ticks`. Returns whether it is done.
    async fn until_done(&mut self, function: &str, ticks: usize) -> Result<bool> {
        for number in 1..=ticks {
            if self.tick(function, &format!("tick {number}")).await? == "done" {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn progress(outcome: &InvocationOutcome) -> &str {
    match outcome {
        InvocationOutcome::Response(value) => value["progress"].as_str().unwrap_or_default(),
        _ => "",
    }
}

fn message(outcome: &InvocationOutcome) -> String {
    match outcome {
        InvocationOutcome::Response(value) => {
            value["message"].as_str().unwrap_or_default().to_owned()
        }
        InvocationOutcome::Error { kind, message } => format!("{kind}: {message}"),
        InvocationOutcome::TimedOut => "ended by its timeout".to_owned(),
        InvocationOutcome::Crashed => "crashed".to_owned(),
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let options = options()?;
    let dir = tempfile::tempdir()?;
    let mut bench = Bench::start(dir.path(), &options).await?;
    let started = Instant::now();
    bench.export().await?;
    println!(
        "{} tables, exported in {:.1} s; now {} ms per call\n",
        options.tables,
        started.elapsed().as_secs_f64(),
        options.latency.as_millis()
    );
    bench.cloud.calls().set_latency(options.latency);
    bench.advance_to(TRANSFER_FROM.parse()?);
    println!(
        "| tick | calls to S3 | to Cloud Storage | to BigQuery | others | seconds | peak MiB | outcome |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---|");
    if !bench.until_done("transfer", options.ticks).await? {
        println!("\nthe transfer is not done after {} ticks", options.ticks);
        return Ok(());
    }
    let is_loaded = bench.until_done("load", options.ticks).await?;
    for function in ["transfer", "load"].into_iter().filter(|_| is_loaded) {
        bench.tick(function, "idle, first").await?;
        bench.tick(function, "idle").await?;
    }
    // The load has set the tags of this contract: the pass only looks.
    bench.pass(options.ticks, "same contract").await?;
    // Another class for a column of every table, so every table is changed.
    std::fs::write(dir.path().join("contract.yaml"), contract(options.tables, "name"))?;
    bench.pass(options.ticks, "new contract").await
}
