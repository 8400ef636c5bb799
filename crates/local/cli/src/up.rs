//! `landbridge local up`: a local cloud that stays.

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
use landbridge_local::{Ports, RunEvent};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::bigquery::Warehouse;
use crate::environment::{self, EnvironmentArgs, LocalEnvironment};
use crate::failure::{Failure, Result};
use crate::progress::{Progress, problem};

/// Where a local cloud keeps its data unless told otherwise.
pub(crate) const DIR: &str = ".landbridge";
/// The variables, for a shell to read.
const ENV_FILE: &str = "local.env";
/// What `landbridge query` reads.
const STATE_FILE: &str = "local.json";
/// How often virtual time is moved on. Schedules know minutes; this only bounds how late
/// a tick is.
const STEP: Duration = Duration::from_millis(500);

/// Keep a local cloud running, for any client of AWS or Google, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge local up
  landbridge local up --days 3
  landbridge local up --source postgres://me@localhost/shop --as shop
  landbridge local up --speed 60 --ports 9001,9002,9003,9004

In another terminal:
  . .landbridge/local.env
  landbridge query --as analyst 'SELECT name, email FROM creators LIMIT 3'
  aws s3 ls s3://shop-exports/")]
pub(crate) struct UpArgs {
    /// Days that pass before it is yours; then virtual time goes on from there
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=60))]
    pub(crate) days: u16,
    /// Virtual seconds per second
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    #[command(flatten)]
    pub(crate) environment: EnvironmentArgs,
    /// Four to six ports on 127.0.0.1, 0 for any
    #[arg(
        long,
        value_name = "RDS,S3,GCS,BIGQUERY[,SECRETS[,STS]]",
        default_value = "0,0,0,0",
        value_parser = ports
    )]
    pub(crate) ports: Ports,
    /// Another emulation of AWS, such as moto, that Google's side asks who signed a federated
    /// request, in place of the one that comes with this: http://127.0.0.1:5000
    #[arg(long, value_name = "URL")]
    pub(crate) aws_sts: Option<String>,
    /// Where local.env, local.json and all data lie
    #[arg(long, value_name = "DIR", default_value = DIR)]
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// A running local cloud, as other commands find it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// Its process.
    pub(crate) pid: u32,
    /// How its warehouse is asked.
    pub(crate) warehouse: Warehouse,
}

impl State {
    /// Reads what a running `landbridge local up` left.
    pub(crate) fn read(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join(STATE_FILE);
        let text = std::fs::read_to_string(&path).map_err(|_| {
            Failure::Failed(format!(
                "there is no {}; start a local cloud in another terminal, from this directory, \
                 with `landbridge local up`",
                path.display()
            ))
        })?;
        serde_json::from_str(&text).map_err(|_| {
            Failure::Failed(format!(
                "{} is not what `landbridge local up` writes; start it anew",
                path.display()
            ))
        })
    }

    /// Whether something listens where it says.
    fn answers(&self) -> bool {
        let address = self.warehouse.endpoint.strip_prefix("http://");
        let address = address.and_then(|rest| rest.split('/').next());
        let address: Option<SocketAddr> = address.and_then(|address| address.parse().ok());
        address.is_some_and(|address| {
            TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
        })
    }
}

/// The files that announce a running cloud; they go when it goes.
struct Announced<'a>(&'a Path);

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        for file in [ENV_FILE, STATE_FILE] {
            // One that somebody removed already is no trouble, and nobody is left to tell.
            let _ = std::fs::remove_file(self.0.join(file));
        }
    }
}

/// Runs the command until somebody stops it. Whatever it was doing is dropped then: the
/// servers stop, the functions are killed, and its files go.
pub(crate) async fn run(args: UpArgs) -> Result {
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))?;
    tokio::select! {
        outcome = start(args) => outcome,
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn start(args: UpArgs) -> Result {
    if let Ok(state) = State::read(&args.data_dir)
        && state.answers()
    {
        return Err(Failure::Failed(format!(
            "a local cloud of this directory runs already, as process {}; use it, or choose \
             another --data-dir",
            state.pid
        )));
    }
    let world = LocalEnvironment::start(
        &args.environment,
        &args.data_dir.join("local"),
        args.ports,
        args.aws_sts.clone(),
    )
    .await?;
    pass(&world, args.days).await?;

    let state = State { pid: std::process::id(), warehouse: world.warehouse() };
    let mut variables = world.cloud.client_env();
    let time = Clock::variable(world.cloud.clock().now(), args.speed);
    variables.insert(clock::VARIABLE.to_owned(), time);
    let _announced = announce(&args.data_dir, &state, &variables)?;
    match args.output.format {
        Output::Json => render::json(&variables)?,
        Output::Text => render::print(&welcome(&args, &world, &variables))?,
    }
    stay(&world, args.speed).await
}

/// Lets the first days pass.
async fn pass(world: &LocalEnvironment, days: u16) -> Result {
    let mut progress = Progress::new(days);
    for number in 0..days {
        let day = world.day(number)?;
        progress.day(day, world.calendar.zone());
        world.pass(day, &mut progress).await?;
        for trouble in progress.day_over() {
            eprintln!("{} {day} {trouble}", Paint::stderr().yellow("tick failed"));
        }
    }
    Ok(())
}

fn announce<'a>(
    data_dir: &'a Path,
    state: &State,
    variables: &BTreeMap<String, String>,
) -> Result<Announced<'a>> {
    let json = serde_json::to_string_pretty(state)
        .map_err(|error| Failure::Failed(format!("cannot be written as JSON: {error}")))?;
    let announced = Announced(data_dir);
    environment::write(&data_dir.join(ENV_FILE), &exports(variables))?;
    environment::write(&data_dir.join(STATE_FILE), &json)?;
    Ok(announced)
}

/// `export NAME='value'` lines for a shell.
fn exports(variables: &BTreeMap<String, String>) -> String {
    let line = |(name, value): (&String, &String)| {
        format!("export {name}='{}'\n", value.replace('\'', "'\\''"))
    };
    variables.iter().map(line).collect()
}

fn welcome(
    args: &UpArgs,
    world: &LocalEnvironment,
    variables: &BTreeMap<String, String>,
) -> String {
    let paint = Paint::stdout();
    let program = support::program();
    let env_file = args.data_dir.join(ENV_FILE);
    let table = world
        .contract
        .tables
        .keys()
        .next()
        .map_or("…", |name| name.split_once('.').map_or(name.as_str(), |(_, table)| table));
    format!(
        "{}\n{}\nThey are in {} as well. In another terminal:\n  . {}\n  {program} query --as \
         analyst 'SELECT * FROM {table} LIMIT 3'\n\nThe clock shows {} and goes on from there, \
         {} virtual seconds a second. Ctrl-C stops.\n",
        exports(variables),
        paint.bold("The local cloud is up."),
        env_file.display(),
        env_file.display(),
        world.cloud.clock().now().to_zoned(world.calendar.zone().clone()).strftime("%F %H:%M %Z"),
        args.speed,
    )
}

/// Moves virtual time on with real time.
async fn stay(world: &LocalEnvironment, speed: f64) -> Result {
    let begun = Instant::now();
    let from = world.cloud.clock().now();
    let paint = Paint::stderr();
    let zone = world.calendar.zone().clone();
    loop {
        tokio::time::sleep(STEP).await;
        let until = later(from, begun.elapsed().mul_f64(speed));
        let summary = world
            .cloud
            .run_until(until, &mut |event| {
                if let RunEvent::Finished { tick, outcome, .. } = event
                    && let Some(why) = problem(outcome)
                {
                    let at = tick.scheduled_time.to_zoned(zone.clone()).strftime("%F %H:%M");
                    eprintln!("{} {at} {}: {why}", paint.yellow("tick failed"), tick.function);
                }
            })
            .await
            .map_err(environment::failure)?;
        if !summary.given_up.is_empty() {
            eprintln!("{} given up; later ticks go on", counted(summary.given_up.len(), "tick"));
        }
    }
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::ZERO);
    from.checked_add(by).unwrap_or(from)
}

fn speed(text: &str) -> Result<f64, String> {
    number_between(text, 0.001, 3_600.0)
}

fn ports(text: &str) -> Result<Ports, String> {
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
        _ => {
            Err("four to six numbers with commas between them, such as 9001,9002,9003,9004"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_survive_a_shell() {
        let variables = [("A", "1"), ("B", "it's {\"x\": 1}")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        expect_test::expect![[r#"
            export A='1'
            export B='it'\''s {"x": 1}'
        "#]]
        .assert_eq(&exports(&variables.into()));
    }

    #[test]
    fn four_to_six_ports_or_a_reason() {
        let four = ports("9001, 9002,9003,0").unwrap();
        assert_eq!((four.rds, four.s3, four.storage, four.bigquery), (9001, 9002, 9003, 0));
        assert_eq!((four.secrets, four.sts), (0, 0));
        let six = ports("1,2,3,4,9005,9006").unwrap();
        assert_eq!((six.secrets, six.sts), (9005, 9006));
        for wrong in ["", "9001", "1,2,3,70000", "1,2,3,4,5,6,7"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
