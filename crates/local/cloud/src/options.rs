//! What a local cloud is made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use landbridge_local_database::SourceDatabase;

/// Ports on loopback; 0 is any free one.
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

/// Settings of [`LocalCloud::start`](crate::LocalCloud::start). Names of buckets,
/// datasets, roles and classes are not here: they come from `landbridge.yaml`, as in
/// the real clouds.
#[derive(Clone)]
pub struct LocalCloudOptions {
    /// Where all state lies: objects, images, logs. Made when missing.
    pub data_dir: PathBuf,
    /// What the virtual clock shows at first.
    pub start: Timestamp,
    /// `landbridge.yaml`.
    pub config_path: PathBuf,
    /// `contract.yaml`. The functions read it; the local cloud does not.
    pub contract_path: PathBuf,
    /// Where the programs `landbridge-snapshot`, `landbridge-export`, … lie. Looked at
    /// when a function is first invoked.
    pub functions_dir: PathBuf,
    /// `infra/schedules`.
    pub schedules_dir: PathBuf,
    /// Where to listen.
    pub ports: Ports,
    /// The database behind the DB instance (or cluster) that the configuration names.
    pub source: Arc<dyn SourceDatabase>,
    /// Virtual minutes that a snapshot takes.
    pub snapshot_minutes: i64,
    /// Virtual minutes that an export takes.
    pub export_minutes: i64,
    /// How long an invocation may take, of real time.
    pub timeout: Duration,
    /// More attempts of a failed tick; none leaves it to the schedules.
    pub retries: Option<u32>,
    /// What the secret `transfer.token_key` holds. None: a random key, made once and kept in
    /// the data directory, so that tokens stay what they are when the cloud is started again.
    pub token_key: Option<String>,
    /// How long a federated token of the local Google counts, of real time.
    pub token_lifetime: Duration,
    /// `http://HOST:PORT` of another emulation of AWS that the local Google asks who signed a
    /// federated request, in place of the local AWS: for roles that were made over there.
    pub aws_sts: Option<String>,
    /// More variables for the functions, over those of the local cloud.
    pub variables: BTreeMap<String, String>,
}

impl LocalCloudOptions {
    /// Options with everything else at its default: the contract beside the
    /// configuration, programs beside the running one, schedules in
    /// `infra/schedules` of the current directory, any free ports.
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
            functions_dir: beside_this_program(),
            schedules_dir: Path::new("infra/schedules").to_owned(),
            ports: Ports::default(),
            source,
            snapshot_minutes: 4,
            export_minutes: 22,
            // Lambda's own limit is 900 s; locally a tick that takes minutes hangs.
            timeout: Duration::from_secs(300),
            retries: None,
            token_key: None,
            token_lifetime: Duration::from_secs(3_600),
            aws_sts: None,
            variables: BTreeMap::new(),
        }
    }
}

/// The directory of the running program; of a test's, the one where Cargo puts programs.
fn beside_this_program() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let dir = program.parent().unwrap_or(Path::new("."));
    match dir.file_name() {
        Some(name) if name == "deps" => dir.parent().unwrap_or(dir).to_owned(),
        _ => dir.to_owned(),
    }
}
