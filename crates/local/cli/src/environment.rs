//! Starts a local cloud for a command: configuration and contract, source database, functions,
//! first day.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::{self, Config, Databases, FUNCTION_NOTIFY, FUNCTION_VIEWS};
use landbridge_core::contract::{self, ColumnOrder, Contract};
use landbridge_core::receipt::Receipt;
use landbridge_local::{LocalCloud, LocalCloudOptions, LocalError, Ports, QueryLimits, RunSummary};
use landbridge_local_database::{SampleDatabase, SourceDatabase, external_database};
use landbridge_source::{Database, SampleLimits, proposal};

use landbridge_cli_support::args::{DatabaseArgs, number_between};
use landbridge_cli_support::files::{self, EXAMPLE_CONFIG, EXAMPLES};
use landbridge_cli_support::receipts;

use crate::bigquery::Warehouse;
use crate::copies::{write_config_with_alerts, write_config_with_instance};
use crate::data_dir::{
    SCHEDULE_FILES, SCHEDULES_DIR, remove_previous_run, repository_dir_or_copy, write_file,
};
use crate::databases;
use crate::failure::{Failure, Result};
use crate::ga4;
use crate::progress::Progress;

/// How many rows of each table of a source are read to propose a contract.
const SAMPLED_ROWS: u32 = 1000;

/// All functions. The program of each is `landbridge-<name>`.
const FUNCTIONS: [&str; 7] =
    ["snapshot", "export", "transfer", "load", "protect", FUNCTION_VIEWS, FUNCTION_NOTIFY];

/// The virtual time between two checks whether the day of a real database is finished. It contains
/// several ticks of transfer and load.
const RECEIPT_CHECK_INTERVAL: SignedDuration = SignedDuration::from_mins(30);

/// Copies of the demo's files, used when the command runs outside the repository.
const EXAMPLE_FILES: [(&str, &str); 2] = [
    ("landbridge.yaml", EXAMPLE_CONFIG),
    ("contract.yaml", include_str!("../../../../examples/demo/contract.yaml")),
];

/// The options of a local cloud.
#[derive(Clone, Debug, Args)]
pub(crate) struct EnvironmentArgs {
    /// A PostgreSQL, MySQL or MariaDB database to use instead of the sample database:
    /// postgres://user:password@host/db or mysql://user:password@host/db. With several databases in the
    /// configuration, NAME=URL for each
    #[arg(long, value_name = "URL")]
    pub(crate) source: Vec<String>,
    /// The name of the emulated DB instance [default: `source.id` of the configuration]
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// The configuration [default: examples/demo/landbridge.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The contract [default: contract.yaml next to the configuration; with --source, a proposed one]
    #[arg(long, value_name = "FILE")]
    pub(crate) contract: Option<PathBuf>,
    /// The size of the sample database; 1.0 means about 300,000 rows
    #[arg(long, default_value_t = 1.0, value_parser = parse_scale)]
    pub(crate) scale: f64,
    /// Memory of rows at which a query in the local BigQuery ends with an error, in MiB; BigQuery has no such limit
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) query_memory_mib: u32,
    /// Rows of tables, joins and UNNEST at which a query in the local BigQuery ends with an error
    #[arg(long, value_name = "N", default_value_t = 200_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) query_rows: u64,
    /// The first simulated day
    #[arg(long, value_name = "DATE", default_value = "2026-11-21")]
    pub(crate) start: Date,
}

fn parse_scale(text: &str) -> Result<f64, String> {
    number_between(text, 0.001, 100.0)
}

/// Which file the functions read as contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContractSource {
    /// The user's own file.
    File,
    /// A copy in the data directory, so that other contracts can be deployed without changing the
    /// user's file: [`LocalEnvironment::deploy_contract`].
    Copy,
}

impl ContractSource {
    /// The copy of the contract that the functions read; `None` if they read the file itself.
    fn deployed(self, file: &Path, data_dir: &Path) -> Result<Option<PathBuf>> {
        if self == Self::File {
            return Ok(None);
        }
        let copy = data_dir.join("deployed").join(contract::FILE_NAME);
        write_file(&copy, &files::read(file, "--contract")?)?;
        Ok(Some(copy))
    }
}

/// How the Google side of a local cloud starts.
#[derive(Clone, Debug, Default)]
pub(crate) struct GoogleSide {
    /// The URL of another AWS emulator that verifies federated requests for the token service; `None` is the
    /// built-in one.
    pub(crate) aws_sts: Option<String>,
    /// Whether the project begins empty.
    pub(crate) empty: bool,
}

/// A running local cloud with its contract and calendar.
pub(crate) struct LocalEnvironment {
    /// The local cloud.
    pub(crate) cloud: LocalCloud,
    /// The contract that the functions read.
    pub(crate) contract: Contract,
    /// The path of the contract.
    pub(crate) contract_path: PathBuf,
    /// The copy of the contract that the functions read, see [`ContractSource::Copy`].
    deployed_contract: Option<PathBuf>,
    /// The text of the contract that this command proposed, if it did.
    pub(crate) proposed: Option<String>,
    /// The tables and columns that the proposed contract leaves out, each with the reason.
    pub(crate) left_out: Vec<String>,
    /// The engine's name if the source is a real database; `None` for the sample database.
    pub(crate) engine: Option<&'static str>,
    /// The sample database; `None` with a real one.
    sample: Option<SampleDatabase>,
    /// The calendar of the configuration: time zone and hours.
    pub(crate) calendar: Calendar,
    /// The first simulated day.
    pub(crate) first_day: Day,
}

impl LocalEnvironment {
    /// Starts a local cloud with a command's options.
    ///
    /// The clock starts at midnight of the first day. With a real database it starts at the export
    /// hour: each hourly snapshot copies the complete database, and 24 copies would take too long.
    /// # Errors
    /// [`Failure::Usage`] for an invalid option or file; [`Failure::Failed`] if a function's program
    /// is missing, the database cannot be read or a server cannot start.
    pub(crate) async fn start(
        args: &EnvironmentArgs,
        data_dir: &Path,
        ports: Ports,
        google: GoogleSide,
        contract_source: ContractSource,
    ) -> Result<Self> {
        check_functions_exist()?;
        remove_previous_run(data_dir)?;
        if let Some(databases) = many_databases(args)? {
            let (databases, source) = (&databases, contract_source);
            return Self::start_many(args, databases, data_dir, ports, google, source).await;
        }
        let mut config_path = match &args.config {
            Some(path) => path.clone(),
            None => {
                repository_dir_or_copy(EXAMPLES, &EXAMPLE_FILES, data_dir)?.join("landbridge.yaml")
            }
        };
        let mut schedules_dir = repository_dir_or_copy(SCHEDULES_DIR, &SCHEDULE_FILES, data_dir)?;
        let one = DatabaseArgs::default();
        let mut config = files::config(&config_path, &one)?;
        let default_contract_path = config_path.with_file_name(contract::FILE_NAME);
        if let Some(id) = &args.instance {
            config_path = write_config_with_instance(&config, id, data_dir)?;
            config = files::config(&config_path, &one)?;
        }
        let calendar = Calendar::new(&config.schedule.zone, config.schedule.export_hour)?;
        let first_day = Day::new(args.start);
        let sample = SampleDatabase::new(args.start, args.scale);
        let contract_path = args.contract.clone().unwrap_or(default_contract_path);
        let mut setup = SourceSetup {
            contract_path,
            proposed: None,
            left_out: Vec::new(),
            engine: None,
            source: Arc::new(sample.clone()),
            start: midnight(&calendar, first_day)?,
        };
        if let Some(url) = only_source(args)? {
            setup.connect(url, args, &config, data_dir).await?;
            setup.start = calendar.export_hour(first_day).start();
        }
        let is_story = contract_source == ContractSource::Copy && setup.engine.is_none();
        if is_story && config.alerts.is_none() {
            (config_path, schedules_dir) = write_config_with_alerts(&config, data_dir)?;
            config = files::config(&config_path, &one)?;
        }
        let contract = files::contract(&setup.contract_path, &config)?;

        let mut options = LocalCloudOptions::new(data_dir, &config_path, setup.source, setup.start);
        let deployed_contract = contract_source.deployed(&setup.contract_path, data_dir)?;
        options.contract_path = deployed_contract.as_ref().unwrap_or(&setup.contract_path).clone();
        options.schedules_dir = schedules_dir;
        set_options(&mut options, args, ports, google);
        let cloud = LocalCloud::start(options).await.map_err(local_cloud_failure)?;
        Ok(Self {
            cloud,
            contract,
            contract_path: setup.contract_path,
            deployed_contract,
            proposed: setup.proposed,
            left_out: setup.left_out,
            engine: setup.engine,
            sample: setup.engine.is_none().then_some(sample),
            calendar,
            first_day,
        })
    }

    /// Starts a local cloud for a configuration with several databases, which run side by side.
    async fn start_many(
        args: &EnvironmentArgs,
        databases: &Databases,
        data_dir: &Path,
        ports: Ports,
        google: GoogleSide,
        contract_source: ContractSource,
    ) -> Result<Self> {
        let config_path = args.config.clone().unwrap_or_else(|| config::FILE_NAME.into());
        if contract_source == ContractSource::Copy
            || args.instance.is_some()
            || args.contract.is_some()
        {
            return Err(Failure::Usage(format!(
                "{} has several databases: run `landbridge local up` without --as and --contract; `landbridge demo` shows one database",
                config_path.display()
            )));
        }
        databases::check_contracts(&config_path, databases)?;
        let sources = databases::connect(&args.source, databases).await?;
        let (Some(first), first_day) = (databases.all().first(), Day::new(args.start)) else {
            return Err(Failure::Usage(format!("{} has no database", config_path.display())));
        };
        let schedule = &first.config.schedule;
        let calendar = Calendar::new(&schedule.zone, schedule.export_hour)?;
        let configs: Vec<&Config> = databases.all().iter().map(|it| &it.config).collect();
        let is_real = !sources.is_empty();
        let start = match databases::first_export(&configs, first_day)? {
            Some(first) if is_real => first,
            _ => midnight(&calendar, first_day)?,
        };
        let sample = SampleDatabase::new(args.start, args.scale);
        let mut options = LocalCloudOptions::new(data_dir, &config_path, Arc::new(sample), start);
        options.sources = sources;
        options.schedules_dir = repository_dir_or_copy(SCHEDULES_DIR, &SCHEDULE_FILES, data_dir)?;
        set_options(&mut options, args, ports, google);
        let contract_path = files::contract_of(first, &config_path, false);
        let contract = files::contract(&contract_path, &first.config)?;
        let cloud = LocalCloud::start(options).await.map_err(local_cloud_failure)?;
        Ok(Self {
            cloud,
            contract,
            contract_path,
            deployed_contract: None,
            proposed: None,
            left_out: Vec::new(),
            engine: is_real.then_some("several databases"),
            sample: None,
            calendar,
            first_day,
        })
    }

    /// The configurations of all databases.
    fn configs(&self) -> Vec<&Config> {
        self.cloud.databases().all().iter().map(|it| &it.config).collect()
    }

    /// Whether the source is a real database, given with `--source`.
    pub(crate) fn uses_real_database(&self) -> bool {
        self.engine.is_some()
    }

    /// The configuration.
    pub(crate) fn config(&self) -> &Config {
        self.cloud.config()
    }

    /// Deploys another contract, as `terraform apply` does: the next process of a function reads it,
    /// and those that run are replaced.
    ///
    /// # Errors
    /// [`Failure::Failed`] if the functions read the user's own file, or the copy cannot be written.
    pub(crate) fn deploy_contract(&self, contract: &Contract) -> Result {
        let Some(copy) = &self.deployed_contract else {
            let path = self.contract_path.display();
            return Err(Failure::Failed(format!(
                "the functions read {path}, which is not changed"
            )));
        };
        write_file(copy, &contract.render())?;
        self.cloud.kill_all();
        Ok(())
    }

    /// Runs the scheduler until a time, ticks of that minute included.
    pub(crate) async fn run_until(
        &self,
        until: Timestamp,
        progress: &mut Progress,
    ) -> Result<RunSummary> {
        self.cloud
            .run_until(until, &mut |event| progress.handle_event(event))
            .await
            .map_err(local_cloud_failure)
    }

    /// The day at an offset: 0 is the first simulated day.
    pub(crate) fn day(&self, number: u16) -> Result<Day> {
        let date = self.first_day.date().checked_add(jiff::Span::new().days(number));
        date.map(Day::new).map_err(|error| Failure::Usage(format!("--start: {error}")))
    }

    /// Simulates a day, until one second before the next day. With the sample database, the day's GA4
    /// export is written as well.
    ///
    /// With a real database, the simulation starts at the export hour, because each hourly snapshot
    /// copies the complete database, and ends when no more receipts appear.
    pub(crate) async fn simulate_day(
        &self,
        day: Day,
        progress: &mut Progress,
    ) -> Result<RunSummary> {
        let second = SignedDuration::from_secs(1);
        let end = self.calendar.end_of(day);
        let end = end.checked_sub(second).unwrap_or(end);
        if !self.uses_real_database() {
            let summary = self.run_until(end, progress).await?;
            self.export_ga4(day).await?;
            return Ok(summary);
        }
        let configs = self.configs();
        let first = databases::first_export(&configs, day)?
            .unwrap_or_else(|| self.calendar.export_hour(day).start());
        // Of one database, the first receipts say that its day is in work.
        let earliest_end = match configs.as_slice() {
            [_] => None,
            _ => databases::latest_deadline(&configs, day)?,
        };
        self.cloud.skip_until(first.checked_sub(second).unwrap_or(first));
        let mut total = RunSummary::default();
        let mut until = first;
        let mut receipts_before = 0;
        loop {
            until = until.checked_add(RECEIPT_CHECK_INTERVAL).map_or(end, |later| later.min(end));
            let part = self.run_until(until, progress).await?;
            total.ticks += part.ticks;
            total.invocations += part.invocations;
            total.given_up.extend(part.given_up);
            // The day is finished when an interval of ticks has added no receipt.
            let receipts = self.receipts(day).await?.len();
            let may_end = earliest_end.is_none_or(|it| until >= it);
            if until == end || (may_end && receipts > 0 && receipts == receipts_before) {
                return Ok(total);
            }
            receipts_before = receipts;
        }
    }

    /// Whether the virtual time is after a day.
    pub(crate) fn has_ended(&self, day: Day) -> bool {
        self.cloud.clock().now() >= self.calendar.end_of(day)
    }

    /// Writes the GA4 export of a day as it is at the day's end, with the sample database; otherwise
    /// does nothing.
    ///
    /// # Errors
    /// The warehouse does not accept it.
    pub(crate) async fn export_ga4(&self, day: Day) -> Result {
        let Some(sample) = &self.sample else { return Ok(()) };
        let end = self.calendar.end_of(day);
        let last_second = end.checked_sub(SignedDuration::from_secs(1)).unwrap_or(end);
        let day = sample.day(last_second);
        ga4::export(&self.config().warehouse, self.warehouse(), sample, day).await
    }

    /// The receipts of a day of all databases, from the ledger in the local S3, sorted by table.
    pub(crate) async fn receipts(&self, day: Day) -> Result<Vec<Receipt>> {
        let aws = self.cloud.aws();
        let mut receipts = Vec::new();
        for config in self.configs() {
            let bucket = &config.export.bucket;
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
        }
        Ok(receipts::sorted(receipts))
    }

    /// The address and defaults of the local BigQuery.
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

/// The options that do not depend on the number of databases.
fn set_options(
    options: &mut LocalCloudOptions,
    args: &EnvironmentArgs,
    ports: Ports,
    google: GoogleSide,
) {
    options.ports = ports;
    options.aws_sts = google.aws_sts;
    options.empty_google = google.empty;
    options.query_limits =
        QueryLimits { memory_bytes: (args.query_memory_mib as usize) << 20, rows: args.query_rows };
}

/// The source database and its contract, chosen before the cloud starts.
struct SourceSetup {
    contract_path: PathBuf,
    proposed: Option<String>,
    left_out: Vec<String>,
    engine: Option<&'static str>,
    source: Arc<dyn SourceDatabase>,
    start: Timestamp,
}

impl SourceSetup {
    /// Takes a real database as the source. Without a contract of the command, one is proposed and written.
    async fn connect(
        &mut self,
        url: &str,
        args: &EnvironmentArgs,
        config: &Config,
        data_dir: &Path,
    ) -> Result {
        let database = Database::connect(url, None).await?;
        if args.contract.is_none() {
            let empty = Contract::propose(&[], config);
            let limits = Some(SampleLimits::rows(SAMPLED_ROWS));
            let proposal = proposal::propose(&database, empty, config, limits).await?;
            self.contract_path = data_dir.join(contract::FILE_NAME);
            let text = proposal.render(ColumnOrder::new());
            write_file(&self.contract_path, &text)?;
            self.proposed = Some(text);
            self.left_out = proposal.left_out;
        }
        self.engine = Some(database.engine().display_name());
        self.source = external_database(database);
        Ok(())
    }
}

/// The start of a day in the zone of the calendar.
fn midnight(calendar: &Calendar, day: Day) -> Result<Timestamp> {
    let before = day.date().yesterday().map(Day::new);
    before
        .map(|before| calendar.end_of(before))
        .map_err(|error| Failure::Usage(format!("--start: {error}")))
}

/// Checks that the five function programs are in the directory of this program.
fn check_functions_exist() -> Result {
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
        "missing in {}: {}; build with `cargo build {}`",
        dir.display(),
        missing.join(", "),
        packages.join(" ")
    )))
}

/// The databases of the configuration, if it has several.
fn many_databases(args: &EnvironmentArgs) -> Result<Option<Databases>> {
    let Some(path) = args.config.as_deref().filter(|it| it.is_file()) else { return Ok(None) };
    let databases = files::databases(path)?;
    Ok(databases.is_many().then_some(databases))
}

/// The URL of the source, if one is given.
fn only_source(args: &EnvironmentArgs) -> Result<Option<&String>> {
    match args.source.as_slice() {
        [_, _, ..] => Err(Failure::Usage(
            "the configuration has one database, so --source can be given once".to_owned(),
        )),
        given => Ok(given.first()),
    }
}

/// The failure for an error of the local cloud, with the next step.
pub(crate) fn local_cloud_failure(error: LocalError) -> Failure {
    match &error {
        LocalError::Config(_) | LocalError::Schedule { .. } => Failure::Usage(error.to_string()),
        LocalError::Serve { port, .. } if *port != 0 => Failure::Failed(format!(
            "{error}; choose other ports with --ports, or 0 for a free port"
        )),
        LocalError::Start { .. } => Failure::Failed(format!(
            "{error}; build the functions in the directory of this program: cargo build --workspace \
             --bins"
        )),
        _ => Failure::Failed(error.to_string()),
    }
}
