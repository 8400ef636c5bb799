//! [`LocalCloud`]: everything started, wired together, and handed out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use landbridge_core::config::{self, Config, SourceKind};
use landbridge_core::schedule;
use landbridge_local_aws::{AwsOptions, LocalAws};
use landbridge_local_google::{GoogleOptions, LocalGoogle};
use landbridge_local_wire::{CallMonitor, Clock, Server, Service, serve};
use serde_json::{Value, json};

use crate::ask_aws;
use crate::error::LocalError;
use crate::key;
use crate::options::LocalCloudOptions;
use crate::principals::{self, Principal};
use crate::roles;
use crate::run::{RunEvent, RunSummary, TickRunner};
use crate::runtime::{FunctionSpec, Functions, InvocationOutcome, LogLine};
use crate::scheduler::Scheduler;

/// The access key of a user of the local AWS account, for people. Good for nothing beyond a local cloud.
pub const ACCESS_KEY: &str = "LOCALLANDBRIDGE00001";
/// Its secret.
pub const SECRET_KEY: &str = "local-secret-of-no-value-elsewhere";

/// What the functions are told to have, in MiB: Terraform's default.
const FUNCTION_MEMORY_MIB: u32 = 512;

/// A cloud on loopback. Dropping it stops the servers and kills the functions.
pub struct LocalCloud {
    config: Config,
    clock: Clock,
    calls: CallMonitor,
    aws: LocalAws,
    google: LocalGoogle,
    functions: Functions,
    runner: TickRunner,
    servers: Servers,
    policy_tags: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    /// By function.
    credentials: BTreeMap<String, BTreeMap<String, String>>,
}

struct Servers {
    rds: Server,
    s3: Server,
    secrets: Server,
    storage: Server,
    bigquery: Server,
    sts: Server,
}

impl LocalCloud {
    /// Starts the servers, makes what Terraform would have made (buckets, role, key,
    /// datasets, policy tags, principals) and the functions. No process is started and
    /// no time passes yet.
    ///
    /// # Errors
    /// A configuration that is not valid, with all its faults; a schedule that is wrong;
    /// a directory or port that cannot be used.
    pub async fn start(options: LocalCloudOptions) -> Result<Self, LocalError> {
        let data_dir = make_dir(&options.data_dir)?;
        let config_path = existing(&options.config_path)?;
        let contract_path = existing(&options.contract_path)?;
        let config = read_config(&config_path)?;
        let clock = Clock::new(options.start);
        let calls = CallMonitor::default();

        let aws = start_aws(&options, &config, make_dir(&data_dir.join("aws"))?, &clock).await?;
        if let Some(secret) = &config.transfer.token_key {
            let text = match &options.token_key {
                Some(text) => text.clone(),
                None => key::kept(&data_dir.join(key::FILE))?,
            };
            aws.put_secret(secret, &text);
        }
        let google = start_google(&options, &config, make_dir(&data_dir.join("google"))?, &clock)?;
        let policy_tags = principals::set_up(&google, &config)?;
        let ports = options.ports;
        let servers = Servers {
            rds: listen("rds", ports.rds, aws.rds_service(), &calls).await?,
            s3: listen("s3", ports.s3, aws.s3_service(), &calls).await?,
            secrets: listen("secrets", ports.secrets, aws.secrets_service(), &calls).await?,
            storage: listen("storage", ports.storage, google.storage_service(), &calls).await?,
            bigquery: listen("bigquery", ports.bigquery, google.bigquery_service(), &calls).await?,
            sts: listen("sts", ports.sts, google.sts_service(), &calls).await?,
        };
        // Some clients leave the port out of `Host`, which the sessions of resumable uploads are named by.
        google.set_storage_url(&servers.storage.url());

        let account = account_of(&config.export.role_arn);
        let ask = match &options.aws_sts {
            Some(url) => ask_aws::elsewhere(url)?,
            None => ask_aws::local(&aws),
        };
        let provider = roles::federate(&google, ask, &config, account);
        let mut variables = function_variables(&config, &servers, &policy_tags)?;
        let token_url = format!("{}/v1/token", servers.sts.url());
        variables.insert(
            "LANDBRIDGE_GCP_CREDENTIALS".into(),
            roles::external_account(&provider, &token_url),
        );
        variables.insert("LANDBRIDGE_CONFIG".into(), config_path.display().to_string());
        variables.insert("LANDBRIDGE_CONTRACT".into(), contract_path.display().to_string());
        variables.extend(options.variables);

        let scheduler = Scheduler::load(&options.schedules_dir, &schedule::variables(&config))?;
        let functions =
            Functions::new(data_dir.join("logs"), make_dir(&data_dir.join("task"))?, clock.clone());
        // Made absolute: the processes run in another directory. A missing one is told when
        // a function is invoked, since a cloud without functions has its uses too.
        let functions_dir = std::path::absolute(&options.functions_dir)
            .map_err(LocalError::io("find", &options.functions_dir))?;
        let mut credentials = BTreeMap::new();
        for name in scheduler.functions() {
            let identity = roles::identity(&config, account, name);
            let own = roles::variables(&identity);
            aws.add_identity(identity);
            credentials.insert(name.to_owned(), own.clone());
            functions.define(FunctionSpec {
                name: name.to_owned(),
                program: functions_dir.join(format!("landbridge-{name}")),
                args: Vec::new(),
                variables: variables.clone().into_iter().chain(own).collect(),
                memory_mib: FUNCTION_MEMORY_MIB,
                timeout: options.timeout,
                arn: format!(
                    "arn:aws:lambda:{}:{account}:function:landbridge-{}-{name}",
                    config.source.region, config.source.name,
                ),
            });
        }
        calls.on_kill(functions.kill_hook());
        let runner = TickRunner::new(scheduler, functions.clone(), clock.clone(), options.retries);
        Ok(Self {
            config,
            clock,
            calls,
            aws,
            google,
            functions,
            runner,
            servers,
            policy_tags,
            variables,
            credentials,
        })
    }

    /// The configuration it was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The virtual clock of all servers.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The record of calls that the servers got over HTTP, and the place to put
    /// faults. Access by [`aws`](Self::aws) and [`google`](Self::google) doesn't count.
    pub fn calls(&self) -> &CallMonitor {
        &self.calls
    }

    /// RDS, S3 and Secrets Manager, from inside.
    pub fn aws(&self) -> &LocalAws {
        &self.aws
    }

    /// Cloud Storage and BigQuery, from inside.
    pub fn google(&self) -> &LocalGoogle {
        &self.google
    }

    /// The functions.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// The policy tag of each class: name → resource name.
    pub fn policy_tags(&self) -> &BTreeMap<String, String> {
        &self.policy_tags
    }

    /// The variables that all functions have, Lambda's own and the credentials apart.
    pub fn function_env(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// The variables with the AWS credentials of a function's role; empty for a function that
    /// is not there. With these and [`function_env`](Self::function_env), the same clients work
    /// from anywhere on the machine.
    pub fn role_env(&self, function: &str) -> BTreeMap<String, String> {
        self.credentials.get(function).cloned().unwrap_or_default()
    }

    /// The variables with which clients of AWS and Google talk to this cloud, as
    /// `landbridge local up` prints them.
    pub fn client_env(&self) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        let storage = self.servers.storage.url();
        let bigquery = self.servers.bigquery.url();
        let project = &self.config.warehouse.project;
        let more = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            // People are not federated: whoever started this cloud is its loader too.
            ("LANDBRIDGE_GCP_TOKEN", Principal::Loader.token().to_owned()),
            // Names that clients of others read: boto3's older region variable, Google's
            // Python libraries, gcloud.
            ("AWS_DEFAULT_REGION", self.config.source.region.clone()),
            ("STORAGE_EMULATOR_HOST", storage.clone()),
            ("BIGQUERY_EMULATOR_HOST", bigquery.clone()),
            ("GOOGLE_CLOUD_PROJECT", project.clone()),
            ("CLOUDSDK_CORE_PROJECT", project.clone()),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", format!("{storage}/")),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY", format!("{bigquery}/bigquery/v2/")),
            ("LANDBRIDGE_TOKEN_ANALYST", Principal::Analyst.token().to_owned()),
            ("LANDBRIDGE_TOKEN_PII_READER", Principal::PiiReader.token().to_owned()),
            ("LANDBRIDGE_TOKEN_STRANGER", Principal::Stranger.token().to_owned()),
        ];
        variables.extend(more.map(|(name, value)| (name.to_owned(), value)));
        variables
    }

    /// Invokes a function with an event, at the clock's present, and waits.
    ///
    /// # Errors
    /// See [`Functions::invoke`].
    pub async fn invoke(
        &self,
        function: &str,
        payload: &Value,
    ) -> Result<InvocationOutcome, LocalError> {
        self.functions.invoke(function, payload).await
    }

    /// Invokes a function as its schedule does at `scheduled_time`. The clock stays.
    ///
    /// # Errors
    /// See [`Functions::invoke`].
    pub async fn tick(
        &self,
        function: &str,
        scheduled_time: Timestamp,
    ) -> Result<InvocationOutcome, LocalError> {
        let payload = json!({ "scheduled_time": scheduled_time.to_string() });
        self.functions.invoke(function, &payload).await
    }

    /// Lets time pass, see [`TickRunner::run_until`].
    ///
    /// # Errors
    /// See [`TickRunner::run_until`].
    pub async fn run_until(
        &self,
        until: Timestamp,
        observer: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> Result<RunSummary, LocalError> {
        self.runner.run_until(until, observer).await
    }

    /// Lets time pass with the scheduler off, see [`TickRunner::skip_until`].
    pub fn skip_until(&self, until: Timestamp) {
        self.runner.skip_until(until);
    }

    /// The schedules.
    pub fn scheduler(&self) -> &Scheduler {
        self.runner.scheduler()
    }

    /// Kills every process of the functions, see [`Functions::kill_all`].
    pub fn kill_all(&self) -> usize {
        self.functions.kill_all()
    }

    /// What a function wrote, see [`Functions::logs`].
    ///
    /// # Errors
    /// When the log file cannot be read.
    pub fn logs(&self, function: &str) -> std::io::Result<Vec<LogLine>> {
        self.functions.logs(function)
    }
}

async fn start_aws(
    options: &LocalCloudOptions,
    config: &Config,
    data_dir: PathBuf,
    clock: &Clock,
) -> Result<LocalAws, LocalError> {
    let aws = AwsOptions {
        data_dir: data_dir.clone(),
        region: config.source.region.clone(),
        account: account_of(&config.export.role_arn).to_owned(),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        snapshot_quota: usize::try_from(config.snapshots.quota).unwrap_or(usize::MAX),
        snapshot_minutes: options.snapshot_minutes,
        export_minutes: options.export_minutes,
        ..AwsOptions::default()
    };
    let aws = LocalAws::new(aws, clock.clone()).await.map_err(LocalError::io("use", data_dir))?;
    match config.source.kind {
        SourceKind::Instance => aws.add_instance(&config.source.id, options.source.clone()),
        SourceKind::Cluster => aws.add_cluster(&config.source.id, options.source.clone()),
    }
    aws.create_bucket(&config.export.bucket).await;
    aws.add_role(&config.export.role_arn);
    aws.add_kms_key(&config.export.kms_key);
    Ok(aws)
}

fn start_google(
    options: &LocalCloudOptions,
    config: &Config,
    data_dir: PathBuf,
    clock: &Clock,
) -> Result<LocalGoogle, LocalError> {
    let options = GoogleOptions {
        token_lifetime: options.token_lifetime,
        data_dir: data_dir.clone(),
        project: config.warehouse.project.clone(),
        location: config.warehouse.location.clone(),
        ..GoogleOptions::default()
    };
    let google =
        LocalGoogle::new(options, clock.clone()).map_err(LocalError::io("use", data_dir))?;
    google.create_bucket(&config.transfer.bucket);
    google.create_dataset(&config.warehouse.dataset);
    google.create_dataset(&config.warehouse.ops_dataset);
    Ok(google)
}

async fn listen(
    server: &'static str,
    port: u16,
    service: Arc<dyn Service>,
    calls: &CallMonitor,
) -> Result<Server, LocalError> {
    serve(server, port, service, calls.clone()).await.map_err(|source| LocalError::Serve {
        server,
        port,
        source,
    })
}

fn function_variables(
    config: &Config,
    servers: &Servers,
    policy_tags: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, LocalError> {
    let tags = serde_json::to_string(policy_tags)
        .map_err(|error| LocalError::Config(error.to_string()))?;
    let pairs = [
        ("AWS_REGION", config.source.region.clone()),
        ("AWS_ENDPOINT_URL_RDS", servers.rds.url()),
        ("AWS_ENDPOINT_URL_S3", servers.s3.url()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", servers.secrets.url()),
        ("LANDBRIDGE_GCS_ENDPOINT", servers.storage.url()),
        ("LANDBRIDGE_BIGQUERY_ENDPOINT", format!("{}/bigquery/v2", servers.bigquery.url())),
        ("LANDBRIDGE_DATACATALOG_ENDPOINT", format!("{}/v1", servers.bigquery.url())),
        ("LANDBRIDGE_POLICY_TAGS", tags),
    ];
    Ok(pairs.map(|(name, value)| (name.to_owned(), value)).into())
}

fn read_config(path: &Path) -> Result<Config, LocalError> {
    let text = std::fs::read_to_string(path).map_err(LocalError::io("read", path))?;
    config::parse(&path.display().to_string(), &text)
        .map_err(|faults| LocalError::Config(faults.to_string()))
}

/// The account of an ARN: its fifth field.
fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn make_dir(path: &Path) -> Result<PathBuf, LocalError> {
    std::fs::create_dir_all(path).map_err(LocalError::io("create", path))?;
    existing(path)
}

/// The path as a process in another directory can use it.
fn existing(path: &Path) -> Result<PathBuf, LocalError> {
    path.canonicalize().map_err(LocalError::io("find", path))
}
