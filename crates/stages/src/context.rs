//! The context of a tick: configuration, contract, clients and time.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use jiff::{SignedDuration, Timestamp};
use landbridge_aws::Aws;
use landbridge_core::calendar::{Calendar, Day, Hour};
use landbridge_core::config::{self, Config, Database, Databases};
use landbridge_core::contract::{self, Contract};
use landbridge_core::diff::{PolicyTags, parse_policy_tags};
use landbridge_core::plan::table::MAX_LOAD_URIS;
use landbridge_core::redo::Redo;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::Gcp;
use landbridge_parquet::rewrite::TokenKey;

use landbridge_ledger::{DayLedger, Ledger};

use crate::deployment::Deployment;

/// How far the clocks of two machines may differ.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// The context of a process: built once at cold start, shared by all its ticks.
#[derive(Clone)]
pub struct Context {
    /// `landbridge.yaml`.
    pub config: Config,
    /// The other databases of the deployment, whose exports share the account's limit.
    pub siblings: Vec<Config>,
    /// `contract.yaml`.
    pub contract: Contract,
    /// The days and hours in the schedule's time zone.
    pub calendar: Calendar,
    /// Policy tags by class.
    pub tags: PolicyTags,
    /// Which deployment the contract belongs to.
    pub deployment: Deployment,
    /// The AWS clients.
    pub aws: Aws,
    /// The Google clients.
    pub gcp: Gcp,
    /// The ledger of the source.
    pub ledger: Ledger,
    /// The requests to do the day again on which the tick works; empty outside such a day.
    pub redo: Redo,
    /// The objects that a load job can name, [`MAX_LOAD_URIS`]. Only a test sets less: a table of ten thousand
    /// objects takes minutes.
    pub max_load_uris: usize,
}

/// The files that a stage needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// `landbridge.yaml` alone: [`Context::contract`] names no table, and there are no policy tags. A
    /// fault in `contract.yaml` must not stop snapshots, from which people restore.
    Configuration,
    /// Both files.
    Both,
}

/// One run of a stage.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// The scheduled time, not the clock's: a late tick works on the day for which it was due.
    pub now: Timestamp,
    /// The time at which the tick runs. A snapshot is named after the hour in which it is taken, however late the tick is;
    /// how long workers and messages wait is measured by it.
    pub clock: Timestamp,
    /// When the process began with it.
    pub started: Instant,
    /// When the process must be finished.
    pub until: Instant,
}

impl Tick {
    /// A tick that runs on time and may take `budget`.
    pub fn new(now: Timestamp, budget: Duration) -> Self {
        let started = Instant::now();
        Self { now, clock: now, started, until: started + budget }
    }

    /// A tick that was due at `now`, runs at `clock` and may take `budget`. A clock that is a little
    /// slow counts as on time, because the scheduler starts no tick before it is due.
    pub fn at(now: Timestamp, clock: Timestamp, budget: Duration) -> Self {
        let is_slow = clock < now && now.duration_since(clock) < CLOCK_MARGIN;
        Self { clock: if is_slow { now } else { clock }, ..Self::new(now, budget) }
    }

    /// Whether there is still time to begin another of many tables, if none is begun in the last part of
    /// the tick, of which `needed` is the length: at most a quarter of a short tick, so that every tick gets on.
    pub(crate) fn has_for_more(&self, needed: Duration) -> bool {
        let whole = self.until.saturating_duration_since(self.started);
        self.has(needed.min(whole / 4))
    }

    /// Whether there is still time to start work that takes `needed`.
    pub fn has(&self, needed: Duration) -> bool {
        Instant::now() + needed < self.until
    }
}

impl Context {
    /// Reads the files that the stage needs and builds the clients, for the database of this name. `None`: the one
    /// that `LANDBRIDGE_DATABASE` names, or the only one of the configuration.
    ///
    /// A function that has `LANDBRIDGE_DATABASE` works for no other database.
    ///
    /// `LANDBRIDGE_CONFIG` and `LANDBRIDGE_CONTRACT` name the two files, by path or as
    /// `s3://bucket/key` (default: next to the function's code). `LANDBRIDGE_POLICY_TAGS` is a
    /// JSON object of policy tags by class, which Terraform sets; `landbridge.yaml` may set them
    /// as well. `LANDBRIDGE_DEPLOYED_AT` (RFC 3339) says when all this was deployed, which orders
    /// deployments; Terraform sets it. Without it, the modification time of the newer file counts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with every error in the files, or if it is not clear which database is meant; any S3
    /// error.
    pub async fn from_env(files: Files, database: Option<&str>) -> Result<Self> {
        let place = place("LANDBRIDGE_CONFIG", config::FILE_NAME);
        let (config_text, config_time) = read(&place).await?;
        let databases = config::parse_databases(config::FILE_NAME, &config_text)
            .map_err(|faults| faulty("landbridge.yaml cannot be used", &faults))?;
        let Database { config, contract: contract_file, name } = meant(&databases, database)?;
        let others = databases.all().iter().filter(|it| it.name != name);
        let siblings = others.map(|it| it.config.clone()).collect();
        let (contract, contract_time, tags) = match files {
            Files::Configuration => (Contract::of_no_table(), None, PolicyTags::new()),
            Files::Both => {
                let place = match contract_file {
                    Some(path) => beside(&place, &path),
                    None => self::place("LANDBRIDGE_CONTRACT", contract::FILE_NAME),
                };
                let (contract, time) = read_contract(&place, &config).await?;
                (contract, time, policy_tags(&config)?)
            }
        };
        let number = deployment_number(config_time.max(contract_time))?;
        let mut deployment = Deployment::new(number, &config, &contract, &tags);
        // Only a time that Terraform set can be compared with this machine's clock: local files may
        // belong to a cloud with a clock of its own.
        deployment.is_in_future =
            std::env::var_os("LANDBRIDGE_DEPLOYED_AT").is_some() && number > latest_number();
        let calendar = Calendar::new(&config.schedule.zone, config.schedule.export_hour)?;
        let aws = Aws::from_env(&config.source.region, config.source.kind).await;
        let gcp = Gcp::from_env(&config.warehouse.project, &config.warehouse.location).await?;
        let ledger = Ledger::new(aws.s3.clone(), &config);
        let redo = Redo::default();
        let max_load_uris = MAX_LOAD_URIS;
        Ok(Self {
            config,
            siblings,
            contract,
            calendar,
            tags,
            deployment,
            aws,
            gcp,
            ledger,
            redo,
            max_load_uris,
        })
    }

    /// The token key that Secrets Manager has now. A transfer uses
    /// [`DayTokenKey`](crate::transfer::token_key::DayTokenKey), which does not change within a day.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the configuration names no secret, or the secret does not
    /// contain a token key; any Secrets Manager error.
    pub(crate) async fn token_key(&self) -> Result<TokenKey> {
        let id = self.config.transfer.token_key.as_deref().ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "a column is tokenised, but the configuration names no secret with the token key",
                "set transfer.token_key in landbridge.yaml to the name of a secret",
            )
        })?;
        let secret = self.aws.secrets.get(id).await?;
        TokenKey::parse(secret.bytes(), &format!("secret {id}"))
    }

    /// The hour by which the day should be published.
    pub(crate) fn deadline(&self, day: Day) -> Hour {
        self.config.schedule.deadline(&self.calendar, day)
    }

    /// The ledger of a day.
    pub(crate) fn ledger(&self, day: Day) -> DayLedger {
        self.ledger.day(day)
    }
}

fn faulty(what: &'static str, faults: &landbridge_core::yaml::Diagnostics) -> Error {
    Error::new(ErrorKind::Config, what, faults.to_string())
}

/// The variable with the name of the only database for which a function works.
pub(crate) const DATABASE_VARIABLE: &str = "LANDBRIDGE_DATABASE";

/// The database for which a tick is: the one that its event names, else the one of the function, else the only one.
fn meant(databases: &Databases, named: Option<&str>) -> Result<Database> {
    let own = std::env::var(DATABASE_VARIABLE).ok().filter(|name| !name.is_empty());
    meant_by(databases, named, own.as_deref())
}

fn meant_by(databases: &Databases, named: Option<&str>, own: Option<&str>) -> Result<Database> {
    let one = |name: Option<&str>| {
        databases.one(name).cloned().map_err(|why| {
            Error::new(
                ErrorKind::Config,
                "it is not clear which database the function works for",
                format!(
                    "{why}; the event of a schedule names one, for example {{\"database\": \"{}\"}}",
                    databases.names().first().map_or("shop", String::as_str)
                ),
            )
        })
    };
    let meant = one(named.or(own))?;
    match own {
        Some(own) if one(Some(own))?.name != meant.name => Err(Error::new(
            ErrorKind::Config,
            "the event is of another database than the function",
            format!(
                "the event names `{}`, and {DATABASE_VARIABLE} of the function is `{own}`; a schedule starts the functions of its own database",
                meant.name
            ),
        )),
        _ => Ok(meant),
    }
}

async fn read_contract(place: &str, config: &Config) -> Result<(Contract, Option<SystemTime>)> {
    let (text, time) = read(place).await?;
    let contract = contract::parse(contract::FILE_NAME, &text, config)
        .map_err(|faults| faulty("contract.yaml cannot be used", &faults))?;
    Ok((contract, time))
}

/// The path or the address in S3 that the environment variable names, else `name` next to the code.
fn place(variable: &str, name: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        let root = std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from).unwrap_or_default();
        root.join(name).display().to_string()
    })
}

/// The place of a file whose path is relative to the directory of the file at `place`.
fn beside(place: &str, path: &str) -> String {
    match place.rsplit_once('/') {
        Some((directory, _)) => format!("{directory}/{path}"),
        None => path.to_owned(),
    }
}

/// The text of the file at a place, and when it was modified; `None` for an object in S3.
async fn read(place: &str) -> Result<(String, Option<SystemTime>)> {
    if let Some((bucket, key)) = object(place) {
        return Ok((read_object(bucket, key).await?, None));
    }
    let path = PathBuf::from(place);
    let read = || {
        let text = std::fs::read_to_string(&path)?;
        Ok((text, std::fs::metadata(&path)?.modified().ok()))
    };
    read().map_err(|error: std::io::Error| unreadable(path.display().to_string()).caused_by(error))
}

/// The number of a deployment at this moment, with a margin for clocks that differ.
fn latest_number() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from((since + CLOCK_MARGIN.unsigned_abs()).as_millis()).unwrap_or(i64::MAX)
}

/// The number of the deployment: the time in `LANDBRIDGE_DEPLOYED_AT`, else that of the files.
fn deployment_number(files: Option<SystemTime>) -> Result<i64> {
    let wrong = |value: String| {
        Error::new(
            ErrorKind::Config,
            "LANDBRIDGE_DEPLOYED_AT must be the time of the deployment",
            format!("{value}; for example 2026-11-20T16:00:00Z; Terraform sets it"),
        )
    };
    if let Ok(text) = std::env::var("LANDBRIDGE_DEPLOYED_AT") {
        let time: Timestamp = text.parse().map_err(|_| wrong(format!("it is `{text}`")))?;
        return Ok(time.as_millisecond());
    }
    let time = files.ok_or_else(|| wrong("it is not set, and the files are in S3".to_owned()))?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Splits `s3://bucket/key` into bucket and key.
fn object(place: &str) -> Option<(&str, &str)> {
    place.strip_prefix("s3://")?.split_once('/')
}

/// Terraform puts the files into S3, so it needs no packaging tool and one package serves every
/// source.
async fn read_object(bucket: &str, key: &str) -> Result<String> {
    // Lambda sets its region; the source's region is in the file that is read here.
    let region = std::env::var("AWS_REGION").map_err(|_| {
        Error::new(
            ErrorKind::Config,
            "AWS_REGION must be set to read the configuration from S3",
            format!("s3://{bucket}/{key}"),
        )
    })?;
    let s3 = Aws::from_env(&region, config::SourceKind::Instance).await.s3;
    let (bytes, _) = s3
        .get(bucket, key)
        .await?
        .ok_or_else(|| unreadable(format!("s3://{bucket}/{key} does not exist")))?;
    String::from_utf8(bytes.into())
        .map_err(|_| unreadable(format!("s3://{bucket}/{key} is not UTF-8")))
}

fn unreadable(place: String) -> Error {
    Error::new(ErrorKind::Config, "a configuration file cannot be read", place)
}

fn policy_tags(config: &Config) -> Result<PolicyTags> {
    let mut tags: PolicyTags = match std::env::var("LANDBRIDGE_POLICY_TAGS") {
        Ok(json) => parse_policy_tags(&json).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "LANDBRIDGE_POLICY_TAGS must be a JSON object of policy tags by class",
                r#"for example {"email": "projects/p/locations/l/taxonomies/1/policyTags/2"}"#,
            )
        })?,
        Err(_) => PolicyTags::new(),
    };
    for (name, class) in config.pii.all() {
        if let Some(tag) = class.policy_tag {
            tags.entry(name).or_insert(tag);
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = include_str!("../../../examples/two-databases/landbridge.yaml");

    #[test]
    fn a_tick_is_for_the_database_that_its_event_names() {
        let databases = config::parse_databases(config::FILE_NAME, TWO).expect("a valid file");
        let of = |named, own| meant_by(&databases, named, own).map(|it| it.config.source.id);
        assert_eq!(of(Some("billing"), None).expect("one"), "billing-prod");
        assert_eq!(of(None, Some("billing")).expect("one"), "billing-prod");
        assert_eq!(of(Some("billing"), Some("billing")).expect("one"), "billing-prod");
        let error = of(None, None).expect_err("no database is named");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("shop, billing"), "{error}");
        assert!(of(Some("other"), None).is_err());
        // A function of one database does nothing for another, whatever an event says.
        let error = of(Some("shop"), Some("billing")).expect_err("another database");
        assert!(error.to_string().contains("names `shop`"), "{error}");
        // A deployment with one database needs no name, and refuses another.
        let demo = include_str!("../../../examples/demo/landbridge.yaml");
        let one = config::parse_databases(config::FILE_NAME, demo).expect("a valid file");
        assert!(meant_by(&one, None, None).is_ok() && meant_by(&one, Some("shop"), None).is_ok());
        assert!(meant_by(&one, Some("billing"), None).is_err());
    }

    #[test]
    fn a_contract_is_beside_its_configuration() {
        let path = "contracts/shop.yaml";
        for (place, expected) in [
            (
                "s3://bucket/landbridge-config/company/0a1b/landbridge.yaml",
                "s3://bucket/landbridge-config/company/0a1b/contracts/shop.yaml",
            ),
            ("/task/landbridge.yaml", "/task/contracts/shop.yaml"),
            ("landbridge.yaml", path),
        ] {
            assert_eq!(beside(place, path), expected);
        }
    }
}
