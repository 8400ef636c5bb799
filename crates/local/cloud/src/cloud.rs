//! [`LocalCloud`]: starts all parts of the local cloud, connects them and gives access to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use landbridge_core::config::{Config, Databases, FUNCTION_WORKER, SourceKind};
use landbridge_local_aws::{AwsOptions, LocalAws, new_signing_key};
use landbridge_local_google::{GoogleOptions, LocalGoogle};
use landbridge_local_wire::{CallMonitor, Clock};
use serde_json::{Value, json};

use crate::caller_lookup;
use crate::databases::Deployed;
use crate::error::LocalError;
use crate::event_source::{Drained, EventSource};
use crate::options::LocalCloudOptions;
use crate::principals::{self, Principal};
use crate::resources;
use crate::roles;
use crate::runtime::{FunctionSpec, Functions, InvocationOutcome, LogLine};
use crate::scheduler::Scheduler;
use crate::servers::Servers;
use crate::tick_runner::{RunEvent, RunSummary, TickRunner, with_current_time};
use crate::token_key;

/// The access key of the user of the local AWS account, for people. Valid in local clouds only.
pub const ACCESS_KEY: &str = "LOCALLANDBRIDGE00001";
/// The secret key of that user.
pub const SECRET_KEY: &str = "local-secret-of-no-value-elsewhere";

/// The memory size that is reported to the functions, in MiB: the default of Terraform.
const FUNCTION_MEMORY_MIB: u32 = 512;

/// The APIs of an empty project: those that every new project has (Service Usage's documentation, "Enabled
/// services", as far as the module uses them and earlier projects had them), and the one that docs/deploy.md enables by hand.
const FIRST_SERVICES: [&str; 6] = [
    "bigquery.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
];

/// A cloud on loopback. Dropping it stops the servers and kills the functions.
pub struct LocalCloud {
    deployed: Deployed,
    clock: Clock,
    calls: CallMonitor,
    aws: LocalAws,
    google: LocalGoogle,
    functions: Functions,
    runner: TickRunner,
    servers: Servers,
    policy_tags: BTreeMap<String, String>,
    /// The variables that all functions share.
    variables: BTreeMap<String, String>,
    /// The credential variables of each function.
    credentials: BTreeMap<String, BTreeMap<String, String>>,
}

impl LocalCloud {
    /// Starts the servers, creates what Terraform creates in the real clouds (buckets, role, KMS
    /// key, datasets, policy tags, principals) and defines the functions. Starts no function
    /// process; no virtual time passes.
    ///
    /// # Errors
    /// The configuration (with all its errors) or a schedule is not valid, or a directory or port
    /// cannot be used.
    pub async fn start(options: LocalCloudOptions) -> Result<Self, LocalError> {
        let data_dir = create_dir(&options.data_dir)?;
        let config_path = absolute_path(&options.config_path)?;
        let deployed = Deployed::read(&config_path)?;
        // With several databases, each contract is where the configuration says.
        let contract_path = match deployed.databases.is_many() {
            true => None,
            false => Some(absolute_path(&options.contract_path)?),
        };
        let config = &deployed.shared;
        let clock = Clock::new(options.start);
        let calls = CallMonitor::default();

        let aws = create_aws(&options, &deployed, &data_dir, &clock).await?;
        let google = create_google(&options, &deployed, &data_dir, &clock)?;
        let policy_tags = match options.empty_google {
            true => {
                principals::create_people(&google, config);
                BTreeMap::new()
            }
            false => principals::create_principals(&google, &deployed)?,
        };
        let servers = Servers::start(options.ports, &aws, &google, &calls).await?;
        // Some clients omit the port in `Host`, so the URLs of upload sessions need it from here.
        google.set_storage_url(&servers.storage.url());

        let mut variables = servers.function_variables(config, &policy_tags)?;
        let google_credentials =
            federate(&options, &deployed, &aws, &google, &servers, &policy_tags)?;
        variables.insert("LANDBRIDGE_GCP_CREDENTIALS".into(), google_credentials);
        variables.insert("LANDBRIDGE_CONFIG".into(), config_path.display().to_string());
        if let Some(contract_path) = contract_path {
            variables.insert("LANDBRIDGE_CONTRACT".into(), contract_path.display().to_string());
        }
        variables.extend(options.variables.clone());

        let scheduler = Scheduler::of_all(&options.schedules_dir, &deployed)?;
        write_schedules(&scheduler, &deployed, &data_dir)?;
        let work_dir = create_dir(&data_dir.join("task"))?;
        let functions = Functions::new(data_dir.join("logs"), work_dir, clock.clone());
        let credentials = define_functions(&options, &deployed, &aws, &functions, &variables)?;
        calls.on_kill(functions.kill_hook());
        let items = deployed.configs().into_iter().filter_map(|config| {
            let worker = deployed.function_name(config, FUNCTION_WORKER);
            EventSource::create(config, worker, &aws, &functions, &clock)
        });
        let runner = TickRunner::new(scheduler, functions.clone(), clock.clone(), options.retries)
            .with_event_sources(items.collect());
        Ok(Self {
            deployed,
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

    /// The configuration; of the first database if there are several.
    pub fn config(&self) -> &Config {
        self.deployed.databases.all().first().map_or(&self.deployed.shared, |it| &it.config)
    }

    /// All databases of the configuration.
    pub fn databases(&self) -> &Databases {
        &self.deployed.databases
    }

    /// The virtual clock of all servers.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Counts and records the HTTP calls to all servers, and injects faults into them. Access
    /// through [`aws`](Self::aws) and [`google`](Self::google) does not count.
    pub fn calls(&self) -> &CallMonitor {
        &self.calls
    }

    /// RDS, S3 and Secrets Manager, without HTTP.
    pub fn aws(&self) -> &LocalAws {
        &self.aws
    }

    /// Cloud Storage and BigQuery, without HTTP.
    pub fn google(&self) -> &LocalGoogle {
        &self.google
    }

    /// The functions.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// The policy tags: the name of the class → the resource name of the tag.
    pub fn policy_tags(&self) -> &BTreeMap<String, String> {
        &self.policy_tags
    }

    /// The environment variables that all functions share, without those of Lambda and the
    /// credentials.
    pub fn function_env(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// The environment variables with the AWS credentials of a function's role; empty if the
    /// function does not exist. Together with [`function_env`](Self::function_env), they let any
    /// process on this machine act as the function.
    pub fn role_env(&self, function: &str) -> BTreeMap<String, String> {
        self.credentials.get(function).cloned().unwrap_or_default()
    }

    /// The environment variables with which AWS and Google clients use this cloud, as
    /// `landbridge local up` prints them.
    pub fn client_env(&self) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        let storage = self.servers.storage.url();
        let bigquery = self.servers.bigquery.url();
        let project = &self.config().warehouse.project;
        let client_variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            // Federation is for functions; the person who started this cloud acts as the loader.
            ("LANDBRIDGE_GCP_TOKEN", Principal::Loader.token().to_owned()),
            // For boto3 (older region variable), Google's Python libraries and gcloud.
            ("AWS_DEFAULT_REGION", self.config().source.region.clone()),
            ("STORAGE_EMULATOR_HOST", storage.clone()),
            ("BIGQUERY_EMULATOR_HOST", bigquery.clone()),
            ("GOOGLE_CLOUD_PROJECT", project.clone()),
            ("CLOUDSDK_CORE_PROJECT", project.clone()),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", format!("{storage}/")),
            // `bq` takes it as the root, to which it adds `bigquery/v2/`.
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY", format!("{bigquery}/")),
            ("LANDBRIDGE_TOKEN_ANALYST", Principal::Analyst.token().to_owned()),
            ("LANDBRIDGE_TOKEN_PII_READER", Principal::PiiReader.token().to_owned()),
            ("LANDBRIDGE_TOKEN_STRANGER", Principal::Stranger.token().to_owned()),
            ("LANDBRIDGE_TOKEN_REVIEWER", Principal::Reviewer.token().to_owned()),
            ("LANDBRIDGE_TOKEN_MODELS", Principal::Models.token().to_owned()),
            ("LANDBRIDGE_TOKEN_ADMINISTRATOR", principals::ADMINISTRATOR_TOKEN.to_owned()),
        ];
        variables.extend(client_variables.map(|(name, value)| (name.to_owned(), value)));
        variables
    }

    /// Invokes a function with an event at the current virtual time and waits for the outcome.
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

    /// Invokes a function with the event of its schedule at `scheduled_time`. The clock does not
    /// change.
    ///
    /// # Errors
    /// See [`Functions::invoke`].
    pub async fn tick(
        &self,
        function: &str,
        scheduled_time: Timestamp,
    ) -> Result<InvocationOutcome, LocalError> {
        let payload = json!({ "scheduled_time": scheduled_time.to_string() });
        let event = with_current_time(&payload, self.clock.now());
        self.functions.invoke(function, &event).await
    }

    /// Advances time and invokes the ticks that are due, see [`TickRunner::run_until`].
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

    /// The mapping of the queue of objects to the worker function, of the first database that has one; `None` without
    /// `transfer.fan_out`. Its messages are
    /// processed after each tick of [`run_until`](Self::run_until).
    pub fn event_source(&self) -> Option<&EventSource> {
        self.runner.event_source()
    }

    /// Lets the workers process the messages of the queue, see [`EventSource::drain`]. Without `transfer.fan_out`,
    /// nothing happens.
    ///
    /// # Errors
    /// See [`EventSource::drain`].
    pub async fn drain_queue(&self) -> Result<Drained, LocalError> {
        self.runner.drain().await
    }

    /// Advances time without ticks, see [`TickRunner::skip_until`].
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

    /// The log of a function, see [`Functions::logs`].
    ///
    /// # Errors
    /// The I/O error of reading the log file.
    pub fn logs(&self, function: &str) -> std::io::Result<Vec<LogLine>> {
        self.functions.logs(function)
    }
}

async fn create_aws(
    options: &LocalCloudOptions,
    deployed: &Deployed,
    data_dir: &Path,
    clock: &Clock,
) -> Result<LocalAws, LocalError> {
    let config = &deployed.shared;
    let aws_dir = create_dir(&data_dir.join("aws"))?;
    let aws_options = AwsOptions {
        data_dir: aws_dir.clone(),
        region: config.source.region.clone(),
        account: account_of(&config.export.role_arn).to_owned(),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        snapshot_quota: usize::try_from(config.snapshots.quota).unwrap_or(usize::MAX),
        snapshot_minutes: options.snapshot_minutes,
        export_minutes: options.export_minutes,
        backup_minutes: options.backup_minutes,
        backing_up: options.backing_up,
        ..AwsOptions::default()
    };
    let aws = LocalAws::new(aws_options, clock.clone())
        .await
        .map_err(LocalError::io("create a directory in", aws_dir))?;
    for database in deployed.databases.all() {
        let source = options.sources.get(&database.name).unwrap_or(&options.source).clone();
        let id = &database.config.source.id;
        match database.config.source.kind {
            SourceKind::Instance => aws.add_instance(id, source),
            SourceKind::Cluster => aws.add_cluster(id, source),
        }
    }
    aws.create_bucket(&config.export.bucket).await;
    aws.add_role(&config.export.role_arn);
    aws.add_kms_key(&config.export.kms_key);
    if let Some(secret) = &config.transfer.token_key {
        let key = match &options.token_key {
            Some(key) => key.clone(),
            None => token_key::read_or_create(data_dir, "token-key")?,
        };
        aws.put_secret(secret, &key);
    }
    if let Some(proof) = &config.proof {
        aws.put_secret(&proof.key, &token_key::read_or_create(data_dir, "proof-key")?);
        if let Some(key) = &proof.sign {
            add_signing_key(&aws, key, data_dir)?;
        }
    }
    Ok(aws)
}

/// Adds the key that signs days. It is kept in the data directory, so that signatures of an earlier start are verified.
fn add_signing_key(aws: &LocalAws, arn: &str, data_dir: &Path) -> Result<(), LocalError> {
    let path = data_dir.join("signing-key.der");
    let set_up = |message: &str| LocalError::SetUp { cloud: "aws", message: message.to_owned() };
    if !path.exists() {
        let key = new_signing_key().ok_or_else(|| set_up("no signing key could be made"))?;
        std::fs::write(&path, key).map_err(LocalError::io("write", path.clone()))?;
    }
    let key = std::fs::read(&path).map_err(LocalError::io("read", path.clone()))?;
    match aws.add_signing_key(arn, &key) {
        true => Ok(()),
        false => Err(set_up("signing-key.der is not a P-256 key; delete it")),
    }
}

fn create_google(
    options: &LocalCloudOptions,
    deployed: &Deployed,
    data_dir: &Path,
    clock: &Clock,
) -> Result<LocalGoogle, LocalError> {
    let config = &deployed.shared;
    let google_dir = create_dir(&data_dir.join("google"))?;
    let google_options = GoogleOptions {
        token_lifetime: options.token_lifetime,
        query_limits: options.query_limits,
        data_dir: google_dir.clone(),
        project: config.warehouse.project.clone(),
        location: config.warehouse.location.clone(),
        ..GoogleOptions::default()
    };
    let google = LocalGoogle::new(google_options, clock.clone())
        .map_err(LocalError::io("create a directory in", google_dir))?;
    if options.empty_google {
        google.begin_empty(&FIRST_SERVICES);
        return Ok(google);
    }
    google.create_bucket(&config.transfer.bucket);
    google.create_dataset(&config.warehouse.ops_dataset);
    for config in deployed.configs() {
        google.create_dataset(&config.warehouse.dataset);
        if let Some(views) = &config.warehouse.views {
            google.create_dataset(&views.dataset);
        }
        if let Some(models) = &config.warehouse.models {
            google.create_dataset(&models.dataset);
        }
        resources::set_properties(&google, config)?;
        if let Some(ga4) = &config.warehouse.ga4 {
            google.create_dataset(&ga4.dataset());
        }
    }
    resources::set_shared_properties(&google, config)?;
    Ok(google)
}

/// Sets up the federation of the functions' roles. Returns the credential configuration.
fn federate(
    options: &LocalCloudOptions,
    deployed: &Deployed,
    aws: &LocalAws,
    google: &LocalGoogle,
    servers: &Servers,
    tags: &BTreeMap<String, String>,
) -> Result<String, LocalError> {
    let lookup = match &options.aws_sts {
        Some(url) => caller_lookup::other_aws(url)?,
        None => caller_lookup::local_aws(aws),
    };
    let account = account_of(&deployed.shared.export.role_arn);
    if options.empty_google {
        // The creator of a provider names it; this one does not exist.
        google.forward_to_aws(lookup);
        let token_url = format!("{}/v1/token", servers.sts.url());
        return Ok(roles::external_account_json(&roles::provider(deployed, account), &token_url));
    }
    let provider = roles::federate(google, lookup, deployed, account, tags)?;
    Ok(roles::external_account_json(&provider, &format!("{}/v1/token", servers.sts.url())))
}

/// Defines the functions of all databases. Returns the variables of each role, by the name of the function.
fn define_functions(
    options: &LocalCloudOptions,
    deployed: &Deployed,
    aws: &LocalAws,
    functions: &Functions,
    variables: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, LocalError> {
    let mut credentials = BTreeMap::new();
    for database in deployed.databases.all() {
        let mut variables = variables.clone();
        if deployed.databases.is_many() {
            variables.insert("LANDBRIDGE_DATABASE".into(), database.name.clone());
        }
        for function in database.config.all_functions() {
            let name = deployed.function_name(&database.config, function);
            let names = (name.as_str(), function);
            let role_variables =
                define_function(options, &database.config, aws, functions, &variables, names)?;
            credentials.insert(name, role_variables);
        }
    }
    Ok(credentials)
}

/// Defines a function with a role of its own. Returns the variables with the role's credentials.
fn define_function(
    options: &LocalCloudOptions,
    config: &Config,
    aws: &LocalAws,
    functions: &Functions,
    variables: &BTreeMap<String, String>,
    (name, function): (&str, &str),
) -> Result<BTreeMap<String, String>, LocalError> {
    let account = account_of(&config.export.role_arn);
    let role_session = roles::role_session(config, account, (name, function));
    let role_variables = roles::credential_variables(&role_session);
    aws.add_identity(role_session);
    // Absolute, because the processes run in another directory. The programs need not exist yet:
    // a cloud is useful without functions, and a missing one is reported when it is invoked.
    let programs = std::path::absolute(&options.functions_dir)
        .map_err(LocalError::io("find", &options.functions_dir))?;
    functions.define(FunctionSpec {
        name: name.to_owned(),
        program: programs.join(format!("landbridge-{function}")),
        args: Vec::new(),
        variables: variables.clone().into_iter().chain(role_variables.clone()).collect(),
        memory_mib: FUNCTION_MEMORY_MIB,
        timeout: options.timeout,
        arn: function_arn(config, function),
    });
    Ok(role_variables)
}

/// The ARN of a function, with the name that Terraform gives it.
fn function_arn(config: &Config, name: &str) -> String {
    let (region, source) = (&config.source.region, &config.source.name);
    let account = account_of(&config.export.role_arn);
    format!("arn:aws:lambda:{region}:{account}:function:landbridge-{source}-{name}")
}

/// Writes `schedules.json` into the data directory: which function starts when, as `GetSchedule` shows it.
fn write_schedules(
    scheduler: &Scheduler,
    deployed: &Deployed,
    data_dir: &Path,
) -> Result<(), LocalError> {
    let path = data_dir.join("schedules.json");
    let all = deployed.configs().into_iter().flat_map(|config| {
        let name =
            |function| (deployed.function_name(config, function), function_arn(config, function));
        config.functions().into_iter().map(name)
    });
    let arns: BTreeMap<String, String> = all.collect();
    let schedules = scheduler.described(|name| arns.get(name).cloned().unwrap_or_default());
    std::fs::write(&path, format!("{schedules:#}\n")).map_err(LocalError::io("write", path))
}

/// The account in an ARN: the fifth field.
fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn create_dir(path: &Path) -> Result<PathBuf, LocalError> {
    std::fs::create_dir_all(path).map_err(LocalError::io("create", path))?;
    absolute_path(path)
}

/// The absolute path of an existing file or directory, for processes in another directory.
fn absolute_path(path: &Path) -> Result<PathBuf, LocalError> {
    path.canonicalize().map_err(LocalError::io("find", path))
}
