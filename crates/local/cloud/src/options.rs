//! Options of a local cloud.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use landbridge_local_database::SourceDatabase;
use landbridge_local_google::QueryLimits;

/// The ports of the servers on loopback; 0 is any free port.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// RDS.
    pub rds: u16,
    /// S3.
    pub s3: u16,
    /// Cloud Storage.
    pub storage: u16,
    /// BigQuery.
    pub bigquery: u16,
    /// Secrets Manager.
    pub secrets: u16,
    /// Google's Security Token Service.
    pub sts: u16,
}

/// Options of [`LocalCloud::start`](crate::LocalCloud::start). The names of buckets, datasets,
/// roles and classes come from `landbridge.yaml`, as in the real clouds.
#[derive(Clone)]
pub struct LocalCloudOptions {
    /// The directory of all state: objects, snapshots, logs. Created if missing.
    pub data_dir: PathBuf,
    /// The initial time of the virtual clock.
    pub start: Timestamp,
    /// The path of `landbridge.yaml`.
    pub config_path: PathBuf,
    /// The path of `contract.yaml`. Only the functions read it.
    pub contract_path: PathBuf,
    /// The directory of the programs `landbridge-snapshot`, `landbridge-export`, … They are needed
    /// when a function is invoked for the first time.
    pub functions_dir: PathBuf,
    /// The directory of the schedules, `infra/schedules`.
    pub schedules_dir: PathBuf,
    /// The ports of the servers.
    pub ports: Ports,
    /// The database behind the DB instance (or cluster) that the configuration names.
    pub source: Arc<dyn SourceDatabase>,
    /// The databases behind the instances of a configuration with several, by their names there. One that is not
    /// here is `source`.
    pub sources: BTreeMap<String, Arc<dyn SourceDatabase>>,
    /// The duration of a snapshot in virtual minutes.
    pub snapshot_minutes: i64,
    /// The duration of an export in virtual minutes.
    pub export_minutes: i64,
    /// The duration of RDS's own automated backups in virtual minutes, during which the source is
    /// `backing-up`. `None`: there are no automated backups.
    pub backup_minutes: Option<i64>,
    /// Whether the source is `backing-up` during every snapshot, as a Single-AZ instance is.
    pub backing_up: bool,
    /// The timeout of an invocation, in real time.
    pub timeout: Duration,
    /// The number of retries of a failed tick; `None`: as the schedules define.
    pub retries: Option<u32>,
    /// The value of the secret `transfer.token_key`. `None`: a random key, which is stored in the
    /// data directory so that tokens stay the same after a restart.
    pub token_key: Option<String>,
    /// The lifetime of a federated token of the local Google, in real time.
    pub token_lifetime: Duration,
    /// The memory and rows at which a query of the local BigQuery ends with an error.
    pub query_limits: QueryLimits,
    /// `http://HOST:PORT` of another emulation of AWS, to which the local Google forwards signed
    /// requests instead of the local AWS. For roles that exist in that emulation.
    pub aws_sts: Option<String>,
    /// Whether the Google project begins empty: no bucket, dataset, tag, role or binding, and two enabled APIs.
    /// An administrator creates them by calls, as Terraform does.
    pub empty_google: bool,
    /// Additional variables of the functions. They override those of the local cloud.
    pub variables: BTreeMap<String, String>,
}

impl LocalCloudOptions {
    /// Default options: the contract in the directory of the configuration, the programs in the
    /// directory of the running program, the schedules in `infra/schedules` of the current
    /// directory, any free ports.
    pub fn new(
        data_dir: impl Into<PathBuf>,
        config_path: impl Into<PathBuf>,
        source: Arc<dyn SourceDatabase>,
        start: Timestamp,
    ) -> Self {
        let config_path = config_path.into();
        Self {
            data_dir: data_dir.into(),
            start,
            contract_path: config_path.with_file_name("contract.yaml"),
            config_path,
            functions_dir: directory_of_programs(),
            schedules_dir: Path::new("infra/schedules").to_owned(),
            ports: Ports::default(),
            source,
            sources: BTreeMap::new(),
            snapshot_minutes: 4,
            export_minutes: 22,
            backup_minutes: None,
            backing_up: false,
            // Lambda's limit is 900 s. Locally, a tick that takes minutes does not end at all.
            timeout: Duration::from_secs(300),
            retries: None,
            token_key: None,
            token_lifetime: Duration::from_secs(3_600),
            query_limits: QueryLimits::default(),
            aws_sts: None,
            empty_google: false,
            variables: BTreeMap::new(),
        }
    }
}

/// The directory of the running program. For a test binary in `deps/`, its parent, where Cargo
/// puts programs.
fn directory_of_programs() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let dir = program.parent().unwrap_or(Path::new("."));
    match dir.file_name() {
        Some(name) if name == "deps" => dir.parent().unwrap_or(dir).to_owned(),
        _ => dir.to_owned(),
    }
}
