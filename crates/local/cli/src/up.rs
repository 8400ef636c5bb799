//! `landbridge local up`: a local cloud that keeps running until it is stopped.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use landbridge_cli_support as support;
use landbridge_cli_support::args::{Output, OutputArgs, number_between};
use landbridge_cli_support::clock::{self, Clock};
use landbridge_cli_support::paint::Paint;
use landbridge_cli_support::render::{self, counted};
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_local::{Ports, Principal, RunEvent};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::bigquery::Warehouse;
use crate::data_dir;
use crate::environment::{self, ContractSource, EnvironmentArgs, GoogleSide, LocalEnvironment};
use crate::failure::{Failure, Result};
use crate::progress::{Progress, failure_reason};

/// The default data directory, relative to the current directory.
pub(crate) const DEFAULT_DATA_DIR: &str = ".landbridge";
/// The file with the environment variables of clients, as `export` lines.
const ENV_FILE: &str = "local.env";
/// The file with a [`RunningCloud`], for `landbridge query`.
const CLOUD_FILE: &str = "local.json";
/// The token of the analyst for `bq` and gcloud.
const TOKEN_FILE: &str = "analyst.token";
/// How often virtual time advances, in real time. A tick starts at most this much late; the
/// precision of schedules is one minute.
const CLOCK_STEP: Duration = Duration::from_millis(500);

/// Keep a local cloud running for any AWS or Google client, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge local up
  landbridge local up --days 3
  landbridge local up --source postgres://me@localhost/shop --as shop
  landbridge local up --config examples/two-databases/landbridge.yaml \\
    --source shop=postgres://me@localhost/shop --source billing=mysql://me@localhost/billing
  landbridge local up --speed 60 --ports 9001,9002,9003,9004
  landbridge local up --latency 15

In another terminal:
  . .landbridge/local.env
  landbridge console
  landbridge query --as analyst 'SELECT name, email FROM creators LIMIT 3'
  aws s3 ls s3://shop-exports/")]
pub(crate) struct UpArgs {
    /// Days to simulate before clients can connect; virtual time then continues from there
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=60))]
    pub(crate) days: u16,
    /// Virtual seconds per real second
    #[arg(long, default_value_t = 1.0, value_parser = parse_speed)]
    pub(crate) speed: f64,
    /// Milliseconds by which every response of the servers is delayed, as by a network
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub(crate) latency: u64,
    #[command(flatten)]
    pub(crate) environment: EnvironmentArgs,
    /// Four to six ports on 127.0.0.1; 0 selects a free port
    #[arg(
        long,
        value_name = "RDS,S3,GCS,BIGQUERY[,SECRETS[,STS]]",
        default_value = "0,0,0,0",
        value_parser = parse_ports
    )]
    pub(crate) ports: Ports,
    /// Another AWS emulator, such as moto, that verifies the signature of federated requests
    /// instead of the built-in one: http://127.0.0.1:5000
    #[arg(long, value_name = "URL")]
    pub(crate) aws_sts: Option<String>,
    /// Begin with an empty Google project in which two APIs are enabled: an administrator, whose token is
    /// LANDBRIDGE_TOKEN_ADMINISTRATOR, creates the rest by calls, as Terraform does. Only with --days 0
    #[arg(long)]
    pub(crate) empty_google: bool,
    /// The directory for local.env, local.json and all data
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// A running local cloud, as `local.json` describes it to other commands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RunningCloud {
    /// The process id.
    pub(crate) pid: u32,
    /// The warehouse.
    pub(crate) warehouse: Warehouse,
}

impl RunningCloud {
    /// Reads `local.json` in the data directory of a running `landbridge local up`.
    ///
    /// # Errors
    /// [`Failure::Failed`] if the file does not exist or cannot be parsed.
    pub(crate) fn read(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join(CLOUD_FILE);
        let text = std::fs::read_to_string(&path).map_err(|_| {
            Failure::Failed(format!(
                "{} does not exist; start a local cloud in another terminal, in this directory, \
                 with `landbridge local up`",
                path.display()
            ))
        })?;
        serde_json::from_str(&text).map_err(|_| {
            Failure::Failed(format!(
                "{} is not a file that this version of `landbridge local up` writes; restart \
                 `landbridge local up`",
                path.display()
            ))
        })
    }

    /// Whether a server listens at the address of the warehouse.
    fn is_reachable(&self) -> bool {
        let address = self.warehouse.endpoint.strip_prefix("http://");
        let address = address.and_then(|rest| rest.split('/').next());
        let address: Option<SocketAddr> = address.and_then(|address| address.parse().ok());
        address.is_some_and(|address| {
            TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
        })
    }
}

/// `local.env`, `local.json` and the analyst's token in a data directory, which are removed on drop.
struct ConnectionFiles<'a>(&'a Path);

impl Drop for ConnectionFiles<'_> {
    fn drop(&mut self) {
        for file in [ENV_FILE, CLOUD_FILE, TOKEN_FILE] {
            // The program is ending. A file that cannot be removed, or no longer exists, is ignored.
            let _ = std::fs::remove_file(self.0.join(file));
        }
    }
}

/// Runs the command until Ctrl-C or SIGTERM, both of which end it successfully. The signal drops the
/// running future: its servers stop, its functions are killed and its connection files are removed.
pub(crate) async fn run(args: UpArgs) -> Result {
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))?;
    tokio::select! {
        result = start(args) => result,
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

/// Starts the local cloud, simulates the first days and then follows real time. Returns only on an
/// error.
async fn start(args: UpArgs) -> Result {
    if let Ok(cloud) = RunningCloud::read(&args.data_dir)
        && cloud.is_reachable()
    {
        return Err(Failure::Failed(format!(
            "a local cloud is already running in {} as process {}; use it, stop it, or choose \
             another --data-dir",
            args.data_dir.display(),
            cloud.pid
        )));
    }
    if args.empty_google && args.days > 0 {
        return Err(Failure::Usage(
            "--empty-google needs --days 0: no day can pass before the project has datasets and rights".to_owned(),
        ));
    }
    let environment = LocalEnvironment::start(
        &args.environment,
        &args.data_dir.join("local"),
        args.ports,
        GoogleSide { aws_sts: args.aws_sts.clone(), empty: args.empty_google },
        ContractSource::File,
    )
    .await?;
    environment.cloud.calls().set_latency(Duration::from_millis(args.latency));
    simulate_days(&environment, args.days).await?;

    let cloud = RunningCloud { pid: std::process::id(), warehouse: environment.warehouse() };
    let mut variables = environment.cloud.client_env();
    let clock = Clock::variable(environment.cloud.clock().now(), args.speed);
    variables.insert(clock::VARIABLE.to_owned(), clock);
    // `bq` and gcloud refuse to run without an account or such a file.
    let token_file = std::path::absolute(args.data_dir.join(TOKEN_FILE))
        .map_err(|error| Failure::Failed(format!("cannot name the token file: {error}")))?;
    variables
        .insert("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE".to_owned(), token_file.display().to_string());
    let _connection_files = write_connection_files(&args.data_dir, &cloud, &variables)?;
    match args.output.format {
        Output::Json => render::json(&variables)?,
        Output::Text => {
            let receipts = match args.days.checked_sub(1) {
                Some(last) => environment.receipts(environment.day(last)?).await?,
                None => Vec::new(),
            };
            render::print(&startup_message(&args, &environment, &variables, &receipts))?;
        }
    }
    if args.empty_google {
        return keep_running(&environment, args.speed).await;
    }
    follow_real_time(&environment, args.days, args.speed).await
}

/// Lets time pass without ticks: the functions have no rights in a project that began empty, and the person who creates
/// them starts the functions.
async fn keep_running(environment: &LocalEnvironment, speed: f64) -> Result {
    let (real_start, virtual_start) = (Instant::now(), environment.cloud.clock().now());
    loop {
        tokio::time::sleep(CLOCK_STEP).await;
        let elapsed = real_start.elapsed().mul_f64(speed);
        environment.cloud.skip_until(add_duration(virtual_start, elapsed));
    }
}

/// Simulates the first days. Failed ticks are written to standard error.
async fn simulate_days(environment: &LocalEnvironment, days: u16) -> Result {
    let mut progress = Progress::new(days);
    for number in 0..days {
        let day = environment.day(number)?;
        progress.start_day(day, environment.calendar.zone());
        environment.simulate_day(day, &mut progress).await?;
        for failed_tick in progress.end_day() {
            eprintln!("{} {day} {failed_tick}", Paint::stderr().yellow("tick failed"));
        }
    }
    Ok(())
}

fn write_connection_files<'a>(
    data_dir: &'a Path,
    cloud: &RunningCloud,
    variables: &BTreeMap<String, String>,
) -> Result<ConnectionFiles<'a>> {
    let json = serde_json::to_string_pretty(cloud)
        .map_err(|error| Failure::Failed(format!("cannot write {CLOUD_FILE} as JSON: {error}")))?;
    // Created first, so that a failed write removes the file before it.
    let files = ConnectionFiles(data_dir);
    data_dir::write_file(&data_dir.join(TOKEN_FILE), Principal::Analyst.token())?;
    data_dir::write_file(&data_dir.join(ENV_FILE), &shell_exports(variables))?;
    data_dir::write_file(&data_dir.join(CLOUD_FILE), &json)?;
    Ok(files)
}

/// `export NAME='value'` lines for a shell.
fn shell_exports(variables: &BTreeMap<String, String>) -> String {
    let line = |(name, value): (&String, &String)| {
        format!("export {name}='{}'\n", value.replace('\'', "'\\''"))
    };
    variables.iter().map(line).collect()
}

/// A command that queries this cloud, from this directory.
fn example_command(program: &str, data_dir: &Path, sql: &str) -> String {
    let place = match data_dir == Path::new(DEFAULT_DATA_DIR) {
        true => String::new(),
        false => format!(" --data-dir '{}'", data_dir.display()),
    };
    format!("{program} query{place} --as analyst '{sql}'")
}

/// The text output: the variables, and how to use them.
fn startup_message(
    args: &UpArgs,
    environment: &LocalEnvironment,
    variables: &BTreeMap<String, String>,
    receipts: &[Receipt],
) -> String {
    let paint = Paint::stdout();
    let program = support::program();
    let env_file = args.data_dir.join(ENV_FILE);
    let env_file = env_file.display();
    let zone = environment.calendar.zone().clone();
    let example = example_table(receipts)
        .map_or_else(|| "SELECT 1".to_owned(), |table| format!("SELECT * FROM {table} LIMIT 3"));
    format!(
        "{}\n{}\nThese variables are also in {env_file}. In another terminal:\n  . {env_file}\n  {}\n\n{}The contract is {}.\nVirtual time is {} and advances {} s per real \
         second. Press Ctrl-C to stop.\n",
        shell_exports(variables),
        paint.bold("The local cloud is running."),
        example_command(&program, &args.data_dir, &example),
        tables_text(receipts),
        environment.contract_path.display(),
        environment.cloud.clock().now().to_zoned(zone).strftime("%F %H:%M %Z"),
        args.speed,
    )
}

/// The first published table that has rows, or the first published one, as a query names it.
fn example_table(receipts: &[Receipt]) -> Option<String> {
    let published = || receipts.iter().filter(|it| it.state == ReceiptState::Published);
    let with_rows = published().find(|it| it.rows_table.is_some_and(|rows| rows > 0));
    let table = &with_rows.or_else(|| published().next())?.table;
    let is_word = table.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && table.starts_with(|c: char| !c.is_ascii_digit());
    Some(if is_word { table.clone() } else { format!("`{table}`") })
}

/// How many tables of the last simulated day are published, and which are not, with the reason. Empty
/// without receipts.
fn tables_text(receipts: &[Receipt]) -> String {
    const MOST: usize = 20;
    let is_published = |it: &&Receipt| it.state == ReceiptState::Published;
    let Some(first) = receipts.first() else { return String::new() };
    let published = receipts.iter().filter(is_published).count();
    let mut text = format!("{}: {} published\n", first.day, counted(published, "table"));
    let others: Vec<&Receipt> = receipts.iter().filter(|it| !is_published(it)).collect();
    for receipt in others.iter().take(MOST) {
        let reason = match (&receipt.problem, receipt.notes.first()) {
            (Some(problem), _) => format!("{}: {}", problem.what, problem.context),
            (None, Some(note)) => note.to_string(),
            (None, None) => String::new(),
        };
        let (state, name) = (receipt.state.name(), &receipt.source_table);
        text += &format!("  {state} {}: {}\n", render::printable(name), render::printable(&reason));
    }
    if others.len() > MOST {
        text += &format!(
            "  and {} more: {} receipt {}\n",
            others.len() - MOST,
            support::program(),
            first.day
        );
    }
    text.push('\n');
    text
}

/// Advances virtual time with real time, `speed` virtual seconds per second, and writes the GA4 export of
/// each day that ends after the `days` that were simulated. Failed ticks are written to standard error.
/// Returns only on an error.
async fn follow_real_time(environment: &LocalEnvironment, days: u16, speed: f64) -> Result {
    let mut next_day = days;
    let real_start = Instant::now();
    let virtual_start = environment.cloud.clock().now();
    let paint = Paint::stderr();
    let zone = environment.calendar.zone().clone();
    loop {
        tokio::time::sleep(CLOCK_STEP).await;
        let until = add_duration(virtual_start, real_start.elapsed().mul_f64(speed));
        let summary = environment
            .cloud
            .run_until(until, &mut |event| {
                if let RunEvent::Finished { tick, outcome, .. } = event
                    && let Some(reason) = failure_reason(outcome)
                {
                    let at = tick.scheduled_time.to_zoned(zone.clone()).strftime("%F %H:%M");
                    eprintln!("{} {at} {}: {reason}", paint.yellow("tick failed"), tick.function);
                }
            })
            .await
            .map_err(environment::local_cloud_failure)?;
        while environment.has_ended(environment.day(next_day)?) {
            environment.export_ga4(environment.day(next_day)?).await?;
            next_day += 1;
        }
        if !summary.given_up.is_empty() {
            eprintln!(
                "{} failed after all retries; later ticks still run",
                counted(summary.given_up.len(), "tick")
            );
        }
    }
}

/// The sum, or `start` if the sum is out of range.
fn add_duration(start: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::ZERO);
    start.checked_add(duration).unwrap_or(start)
}

fn parse_speed(text: &str) -> Result<f64, String> {
    number_between(text, 0.001, 3_600.0)
}

fn parse_ports(text: &str) -> Result<Ports, String> {
    let all: Option<Vec<u16>> = text.split(',').map(|port| port.trim().parse().ok()).collect();
    match all.as_deref() {
        Some([rds, s3, storage, bigquery, more @ ..]) if more.len() <= 2 => Ok(Ports {
            rds: *rds,
            s3: *s3,
            storage: *storage,
            bigquery: *bigquery,
            secrets: more.first().copied().unwrap_or_default(),
            sts: more.get(1).copied().unwrap_or_default(),
        }),
        _ => Err("must be four to six port numbers separated by commas, for example \
                 9001,9002,9003,9004"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_names_another_data_directory() {
        let command = |dir: &str| example_command("landbridge", Path::new(dir), "SELECT 1");
        assert_eq!(command(DEFAULT_DATA_DIR), "landbridge query --as analyst 'SELECT 1'");
        let other = "landbridge query --data-dir '/tmp/a b' --as analyst 'SELECT 1'";
        assert_eq!(command("/tmp/a b"), other);
    }

    #[test]
    fn values_are_quoted_for_the_shell() {
        let variables = [("A", "1"), ("B", "it's {\"x\": 1}")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        expect_test::expect![[r#"
            export A='1'
            export B='it'\''s {"x": 1}'
        "#]]
        .assert_eq(&shell_exports(&variables.into()));
    }

    #[test]
    fn the_example_is_a_published_table_and_the_others_are_named_with_their_reason() {
        let receipt = |table: &str, state: &str, rows: Option<u64>, problem: Option<&str>| {
            let problem = problem.map(|what| {
                serde_json::json!({"kind": "Held", "what": what, "context": "it", "action": "act"})
            });
            let value = serde_json::json!({
                "source": "shop", "day": "2026-11-21", "source_table": format!("public.{table}"), "table": table,
                "state": state, "rows_table": rows, "problem": problem,
                "notes": [{"code": "partition", "text": "its rows are in another table"}],
                "snapshot": "s", "export": "e", "files": 0, "bytes": 0, "rows_footer": 0, "rows_planned": 0,
                "columns": [], "planned_at": "2026-11-20T17:00:00Z", "recorded_at": "2026-11-20T17:00:00Z",
            });
            serde_json::from_value::<Receipt>(value).unwrap()
        };
        let receipts = [
            receipt("broken", "held", None, Some("a file cannot be read")),
            receipt("empty", "published", Some(0), None),
            receipt("part_1", "skipped", None, None),
            receipt("주문", "published", Some(2), None),
        ];
        assert_eq!(example_table(&receipts).as_deref(), Some("`주문`"));
        assert_eq!(example_table(&receipts[..3]).as_deref(), Some("empty"));
        assert_eq!(example_table(&receipts[..1]), None);
        expect_test::expect![[r#"
            2026-11-21: 2 tables published
              held public.broken: a file cannot be read: it
              skipped public.part_1: its rows are in another table

        "#]]
        .assert_eq(&tables_text(&receipts));
        assert_eq!(tables_text(&[]), "");
        let many = vec![receipts[0].clone(); 25];
        assert!(tables_text(&many).contains("  and 5 more: "));
    }

    #[test]
    fn four_to_six_ports_are_accepted() {
        let four = parse_ports("9001, 9002,9003,0").unwrap();
        assert_eq!((four.rds, four.s3, four.storage, four.bigquery), (9001, 9002, 9003, 0));
        assert_eq!((four.secrets, four.sts), (0, 0));
        let six = parse_ports("1,2,3,4,9005,9006").unwrap();
        assert_eq!((six.secrets, six.sts), (9005, 9006));
        for wrong in ["", "9001", "1,2,3,70000", "1,2,3,4,5,6,7"] {
            assert!(parse_ports(wrong).is_err(), "{wrong}");
        }
    }
}
