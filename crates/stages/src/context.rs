//! What every tick is given.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use landbridge_aws::Aws;
use landbridge_core::calendar::{Calendar, Day};
use landbridge_core::config::{self, Config};
use landbridge_core::contract::{self, Contract};
use landbridge_core::diff::PolicyTags;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::Gcp;
use landbridge_parquet::rewrite::TokenKey;

use crate::Ledger;

/// Built once at cold start, shared by all ticks of a process.
#[derive(Clone)]
pub struct Context {
    /// `landbridge.yaml`.
    pub config: Config,
    /// `contract.yaml`.
    pub contract: Contract,
    /// The days and hours of the schedule's zone.
    pub calendar: Calendar,
    /// Policy tags by class.
    pub tags: PolicyTags,
    /// The AWS clients.
    pub aws: Aws,
    /// The Google clients.
    pub gcp: Gcp,
}

/// One start of a stage.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// The schedule's own time, not the clock's.
    pub now: Timestamp,
    /// When the process must be done.
    pub until: Instant,
}

impl Tick {
    /// A tick that may take `budget`.
    pub fn new(now: Timestamp, budget: Duration) -> Self {
        Self { now, until: Instant::now() + budget }
    }

    /// Whether there is still time to begin something that takes `needed`.
    pub fn has(&self, needed: Duration) -> bool {
        Instant::now() + needed < self.until
    }
}

impl Context {
    /// Reads the two files and builds the clients. `LANDBRIDGE_CONFIG` and
    /// `LANDBRIDGE_CONTRACT` name the files, by path or as `s3://bucket/key`
    /// (default: beside the function's code), `LANDBRIDGE_POLICY_TAGS` the tags
    /// by class as JSON, which Terraform knows and `landbridge.yaml` need not.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with every fault of the files; those of S3.
    pub async fn from_env() -> Result<Self> {
        let config_text = read("LANDBRIDGE_CONFIG", config::FILE_NAME).await?;
        let contract_text = read("LANDBRIDGE_CONTRACT", contract::FILE_NAME).await?;
        let faulty = |what, faults: landbridge_core::yaml::Faults| {
            Error::new(ErrorKind::Config, what, faults.to_string())
        };
        let config = config::load(config::FILE_NAME, &config_text)
            .map_err(|faults| faulty("landbridge.yaml cannot be used", faults))?;
        let contract = contract::load(contract::FILE_NAME, &contract_text, &config)
            .map_err(|faults| faulty("contract.yaml cannot be used", faults))?;
        let tags = policy_tags(&config)?;
        let calendar = Calendar::new(&config.schedule.zone, config.schedule.export_hour)?;
        let aws = Aws::from_env(&config.source.region, config.source.kind).await;
        let gcp = Gcp::from_env(&config.warehouse.project, &config.warehouse.location).await?;
        Ok(Self { config, contract, calendar, tags, aws, gcp })
    }

    /// The key of tokens, as Secrets Manager has it now. [`DayKey`](crate::transfer::key::DayKey)
    /// is for whoever carries.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when none is named or the secret holds none; those of Secrets Manager.
    pub async fn token_key(&self) -> Result<TokenKey> {
        let id = self.config.transfer.token_key.as_deref().ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "a column is tokenised and no secret is named for the key",
                "landbridge.yaml, transfer.token_key",
            )
        })?;
        let secret = self.aws.secrets.get(id).await?;
        TokenKey::parse(secret.bytes(), &format!("secret {id}"))
    }

    /// The ledger of a day.
    pub fn ledger(&self, day: Day) -> Ledger {
        Ledger::new(self, day)
    }
}

/// The text of a file of the configuration: the one that `variable` names, else `name` beside the code.
async fn read(variable: &str, name: &str) -> Result<String> {
    let place = std::env::var(variable).ok();
    if let Some((bucket, key)) = place.as_deref().and_then(object) {
        return read_object(bucket, key).await;
    }
    let path = place.map_or_else(
        || std::env::var_os("LAMBDA_TASK_ROOT").map(PathBuf::from).unwrap_or_default().join(name),
        PathBuf::from,
    );
    std::fs::read_to_string(&path)
        .map_err(|error| unreadable(path.display().to_string()).caused_by(error))
}

/// `s3://bucket/key`, taken apart.
fn object(place: &str) -> Option<(&str, &str)> {
    place.strip_prefix("s3://")?.split_once('/')
}

/// Terraform lays the files into S3: it needs no packing tool, and one package serves every source.
async fn read_object(bucket: &str, key: &str) -> Result<String> {
    // Lambda says its region; the configuration that names the source's is what is read here.
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
        .ok_or_else(|| unreadable(format!("s3://{bucket}/{key}, which is not there")))?;
    String::from_utf8(bytes.into())
        .map_err(|_| unreadable(format!("s3://{bucket}/{key}, which is not UTF-8")))
}

fn unreadable(place: String) -> Error {
    Error::new(ErrorKind::Config, "a file of the configuration cannot be read", place)
}

fn policy_tags(config: &Config) -> Result<PolicyTags> {
    let mut tags: PolicyTags = match std::env::var("LANDBRIDGE_POLICY_TAGS") {
        Ok(json) => serde_json::from_str(&json).map_err(|_| {
            Error::new(
                ErrorKind::Config,
                "the policy tags are not a JSON object of class to tag",
                "LANDBRIDGE_POLICY_TAGS",
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
