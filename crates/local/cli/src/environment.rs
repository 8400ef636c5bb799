//! What a local cloud is started on: files, a database, the functions, a first day.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::{self, Config};
use landbridge_core::contract::{self, Contract};
use landbridge_core::receipt::Receipt;
use landbridge_local::{LocalCloud, LocalCloudOptions, LocalError, Ports, RunSummary};
use landbridge_local_database::{SampleDatabase, SourceDatabase, external_database};
use landbridge_source::{Database, proposal};

use landbridge_cli_support::args::number_between;
use landbridge_cli_support::files::{self, EXAMPLE_CONFIG, EXAMPLES};
use landbridge_cli_support::receipts;

use crate::bigquery::Warehouse;
use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// The functions, as their programs are called after `landbridge-`.
const FUNCTIONS: [&str; 4] = ["snapshot", "export", "transfer", "load"];

/// How much virtual time of a real database's day passes between two looks at whether it is
/// done: several ticks of transfer and load.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(30);

/// The demo's files, for when the command runs outside its repository.
const EXAMPLE_FILES: [(&str, &str); 2] = [
    ("landbridge.yaml", EXAMPLE_CONFIG),
    ("contract.yaml", include_str!("../../../../examples/demo/contract.yaml")),
];

/// The schedules, likewise.
const SCHEDULE_FILES: [(&str, &str); 4] = [
    ("snapshot.json", include_str!("../../../../infra/schedules/snapshot.json")),
    ("export.json", include_str!("../../../../infra/schedules/export.json")),
    ("transfer.json", include_str!("../../../../infra/schedules/transfer.json")),
    ("load.json", include_str!("../../../../infra/schedules/load.json")),
];
const SCHEDULES: &str = "infra/schedules";

/// What a data directory holds that belongs to one run and is worthless after it.
const LEFTOVERS: [&str; 4] = ["aws", "google", "logs", "task"];

/// What a local cloud runs on.
#[derive(Clone, Debug, Args)]
pub(crate) struct EnvironmentArgs {
    /// A real PostgreSQL, MySQL or MariaDB database in place of the invented one:
    /// postgres://user:password@host/db or mysql://user:password@host/db
    #[arg(long, value_name = "URL")]
    pub(crate) source: Option<String>,
    /// The DB instance that the database plays [default: `source.id` of the configuration]
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// The configuration [default: examples/demo/landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The contract [default: contract.yaml beside the configuration; with --source a proposed one]
    #[arg(long, value_name = "FILE")]
    pub(crate) contract: Option<PathBuf>,
    /// How large the invented database is; 1.0 has about 300,000 rows
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    pub(crate) scale: f64,
    /// The first day of virtual time
    #[arg(long, value_name = "DATE", default_value = "2026-11-21")]
    pub(crate) start: Date,
}

fn scale(text: &str) -> Result<f64, String> {
    number_between(text, 0.001, 100.0)
}

/// A local cloud and what is known of it.
pub(crate) struct LocalEnvironment {
    /// The cloud.
    pub(crate) cloud: LocalCloud,
    /// The contract that its functions read.
    pub(crate) contract: Contract,
    /// Where that contract is.
    pub(crate) contract_path: PathBuf,
    /// Whether the contract was proposed just now.
    pub(crate) proposed: bool,
    /// What cannot land, when the contract was proposed.
    pub(crate) left_out: Vec<String>,
    /// Whose database it is, when it is a real one.
    pub(crate) engine: Option<&'static str>,
    /// What a day is.
    pub(crate) calendar: Calendar,
    /// The first day.
    pub(crate) first_day: Day,
}

impl LocalEnvironment {
    /// Starts the cloud of a command's options, its clock at the first day's midnight or,
    /// with a real database, at its export hour: every hour's snapshot copies such a
    /// database whole, and nobody waits for 24 of them.
    /// `aws_sts` is the AWS that the token service asks, when it is not the local one.
    pub(crate) async fn start(
        args: &EnvironmentArgs,
        data_dir: &Path,
        ports: Ports,
        aws_sts: Option<String>,
    ) -> Result<Self> {
        functions_are_there()?;
        clear(data_dir)?;
        let mut config_path = match &args.config {
            Some(path) => path.clone(),
            None => here_or_written(EXAMPLES, &EXAMPLE_FILES, data_dir)?.join("landbridge.yaml"),
        };
        let schedules_dir = here_or_written(SCHEDULES, &SCHEDULE_FILES, data_dir)?;
        let mut config = files::config(&config_path)?;
        let beside = config_path.with_file_name(contract::FILE_NAME);
        if let Some(id) = &args.instance {
            config_path = renamed(&config, id, data_dir)?;
            config = files::config(&config_path)?;
        }
        let calendar = Calendar::new(&config.schedule.zone, config.schedule.export_hour)?;
        let first_day = Day::new(args.start);

        let contract_path = args.contract.clone().unwrap_or(beside);
        let mut world = Parts {
            contract_path,
            proposed: false,
            left_out: Vec::new(),
            engine: None,
            source: Arc::new(SampleDatabase::new(args.start, args.scale)),
            start: midnight(&calendar, first_day)?,
        };
        if let Some(url) = &args.source {
            let database = Database::connect(url, None).await?;
            if args.contract.is_none() {
                let nothing = Contract::propose(&[], &config);
                let proposal = proposal::propose(&database, nothing, &config).await?;
                world.contract_path = data_dir.join(contract::FILE_NAME);
                write(&world.contract_path, &proposal.contract.render())?;
                world.proposed = true;
                world.left_out = proposal.left_out;
            }
            world.engine = Some(database.engine().display_name());
            world.source = external_database(database);
            world.start = calendar.export_hour(first_day).start();
        }
        let contract = files::contract(&world.contract_path, &config)?;

        let mut options = LocalCloudOptions::new(data_dir, &config_path, world.source, world.start);
        options.contract_path.clone_from(&world.contract_path);
        options.schedules_dir = schedules_dir;
        options.ports = ports;
        options.aws_sts = aws_sts;
        let cloud = LocalCloud::start(options).await.map_err(failure)?;
        Ok(Self {
            cloud,
            contract,
            contract_path: world.contract_path,
            proposed: world.proposed,
            left_out: world.left_out,
            engine: world.engine,
            calendar,
            first_day,
        })
    }

    /// Whether the database is a real one.
    pub(crate) fn real(&self) -> bool {
        self.engine.is_some()
    }

    /// The configuration.
    pub(crate) fn config(&self) -> &Config {
        self.cloud.config()
    }

    /// The day so many days after the first, which is 0.
    pub(crate) fn day(&self, number: u16) -> Result<Day> {
        let date = self.first_day.date().checked_add(jiff::Span::new().days(number));
        date.map(Day::new).map_err(|error| Failure::Usage(format!("--start: {error}")))
    }

    /// Lets a day pass, until just before the next one begins. A real database is copied
    /// whole by every hour's snapshot, so its day begins at the export hour and ends when
    /// all is done.
    pub(crate) async fn pass(&self, day: Day, progress: &mut Progress) -> Result<RunSummary> {
        let second = SignedDuration::from_secs(1);
        let end = self.calendar.end_of(day);
        let end = end.checked_sub(second).unwrap_or(end);
        if !self.real() {
            return Ok(self
                .cloud
                .run_until(end, &mut |event| progress.see(event))
                .await
                .map_err(failure)?);
        }
        let first = self.calendar.export_hour(day).start();
        self.cloud.skip_until(first.checked_sub(second).unwrap_or(first));
        let mut all = RunSummary::default();
        let mut until = first;
        let mut settled = 0;
        loop {
            until = until.checked_add(LOOK_EVERY).map_or(end, |later| later.min(end));
            let part = self
                .cloud
                .run_until(until, &mut |event| progress.see(event))
                .await
                .map_err(failure)?;
            all.ticks += part.ticks;
            all.invocations += part.invocations;
            all.given_up.extend(part.given_up);
            // Done is when another while of ticks brought nothing more.
            let now_settled = self.receipts(day).await?.len();
            if until == end || (now_settled > 0 && now_settled == settled) {
                return Ok(all);
            }
            settled = now_settled;
        }
    }

    /// The day's receipts, from the ledger in the local S3.
    pub(crate) async fn receipts(&self, day: Day) -> Result<Vec<Receipt>> {
        let config = self.config();
        let (aws, bucket) = (self.cloud.aws(), &config.export.bucket);
        let mut receipts = Vec::new();
        for object in aws.list_objects(bucket, &receipts::prefix(config, day)).await {
            let place = format!("s3://{bucket}/{}", object.key);
            let bytes = aws
                .read_object(bucket, &object.key)
                .await
                .map_err(|error| Failure::Failed(format!("cannot read {place}: {error}")))?;
            if let Some(bytes) = bytes {
                receipts.push(receipts::parse(&bytes, &place)?);
            }
        }
        Ok(receipts::sorted(receipts))
    }

    /// How its warehouse is asked.
    pub(crate) fn warehouse(&self) -> Warehouse {
        let config = self.config();
        let endpoint = self.cloud.function_env().get("LANDBRIDGE_BIGQUERY_ENDPOINT");
        Warehouse {
            endpoint: endpoint.cloned().unwrap_or_default(),
            project: config.warehouse.project.clone(),
            dataset: config.warehouse.dataset.clone(),
            location: config.warehouse.location.clone(),
        }
    }
}

/// What is decided before the cloud is started.
struct Parts {
    contract_path: PathBuf,
    proposed: bool,
    left_out: Vec<String>,
    engine: Option<&'static str>,
    source: Arc<dyn SourceDatabase>,
    start: Timestamp,
}

fn midnight(calendar: &Calendar, day: Day) -> Result<Timestamp> {
    let before = day.date().yesterday().map(Day::new);
    before
        .map(|before| calendar.end_of(before))
        .map_err(|error| Failure::Usage(format!("--start: {error}")))
}

/// Whether the four programs lie beside this one; told before anything is waited for.
fn functions_are_there() -> Result {
    let program = std::env::current_exe().unwrap_or_default();
    let dir = program.parent().unwrap_or(Path::new("."));
    let missing: Vec<String> = FUNCTIONS
        .iter()
        .map(|name| format!("landbridge-{name}"))
        .filter(|name| !dir.join(name).is_file())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<String> = missing.iter().map(|name| format!("-p {name}")).collect();
    Err(Failure::Failed(format!(
        "{} not in {}; build what is missing with `cargo build {}`",
        missing.join(", "),
        dir.display(),
        packages.join(" ")
    )))
}

/// The directory `name` of the repository when this is run there, else a copy of its files.
fn here_or_written(name: &str, files: &[(&str, &str)], data_dir: &Path) -> Result<PathBuf> {
    let here = PathBuf::from(name);
    if files.iter().all(|(file, _)| here.join(file).is_file()) {
        return Ok(here);
    }
    let dir = data_dir.join("files").join(name);
    for (file, text) in files {
        write(&dir.join(file), text)?;
    }
    Ok(dir)
}

/// Removes what an earlier run left. Only names that a local cloud makes itself.
fn clear(data_dir: &Path) -> Result {
    for name in LEFTOVERS {
        let dir = data_dir.join(name);
        match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unusable(&dir, &error));
            }
            _ => {}
        }
    }
    std::fs::create_dir_all(data_dir).map_err(|error| unusable(data_dir, &error))
}

/// The configuration with another DB instance, as a file of its own for the functions. JSON,
/// which is YAML as well.
fn renamed(config: &Config, id: &str, data_dir: &Path) -> Result<PathBuf> {
    let mut config = config.clone();
    id.clone_into(&mut config.source.id);
    let json = serde_json::to_string_pretty(&config)
        .map_err(|error| Failure::Failed(format!("cannot be written as JSON: {error}")))?;
    let path = data_dir.join(config::FILE_NAME);
    write(&path, &json)?;
    Ok(path)
}

/// Writes a file, its directory first.
pub(crate) fn write(path: &Path, text: &str) -> Result {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot use {}: {error}; choose another --data-dir", path.display()))
}

/// An error of the local cloud, with the next step.
pub(crate) fn failure(error: LocalError) -> Failure {
    match &error {
        LocalError::Config(_) | LocalError::Schedule { .. } => Failure::Usage(error.to_string()),
        LocalError::Serve { port, .. } if *port != 0 => {
            Failure::Failed(format!("{error}; choose other ports with --ports, or 0 for any"))
        }
        LocalError::Start { .. } => Failure::Failed(format!(
            "{error}; build the four functions into the directory of this program"
        )),
        _ => Failure::Failed(error.to_string()),
    }
}
