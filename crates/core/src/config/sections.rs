//! The sections of the file, with their defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::yaml::format;

/// The database that is carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Short name from which every snapshot, export, job and ledger path is
    /// derived. Changing it starts a new history.
    #[schemars(schema_with = "format::source_name")]
    pub name: String,
    /// Whether the id names a DB instance or an Aurora cluster.
    pub kind: SourceKind,
    /// DB instance identifier or DB cluster identifier in RDS.
    #[schemars(schema_with = "format::rds_id")]
    pub id: String,
    /// AWS region of the database, of the export bucket and of the KMS key.
    #[schemars(schema_with = "format::aws_region")]
    pub region: String,
}

/// Whether a source is a DB instance or an Aurora cluster. Their snapshots are
/// made and listed by different calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// An RDS DB instance.
    Instance,
    /// An Aurora (or Multi-AZ) DB cluster.
    Cluster,
}

impl SourceKind {
    /// As written in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::Instance => "instance",
            SourceKind::Cluster => "cluster",
        }
    }
}

/// What happens at which hour. All hours are of the wall clock in `zone`, so a
/// day is a day there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    /// IANA time zone, for example `Asia/Seoul`.
    #[schemars(schema_with = "format::time_zone")]
    pub zone: String,
    /// Hour whose snapshot is exported.
    #[serde(default = "ScheduleConfig::default_export_hour")]
    #[schemars(range(min = 0, max = 23))]
    pub export_hour: u8,
    /// Hour from which the transfer and the load look for something to do.
    #[serde(default = "ScheduleConfig::default_transfer_from_hour")]
    #[schemars(range(min = 0, max = 23))]
    pub transfer_from_hour: u8,
    /// Hour by which the day should be published; later is worth an alert.
    #[serde(default = "ScheduleConfig::default_deadline_hour")]
    #[schemars(range(min = 0, max = 23))]
    pub deadline_hour: u8,
}

impl ScheduleConfig {
    /// 01:00: the day that just ended is complete, and few people are awake.
    pub const EXPORT_HOUR: u8 = 1;
    /// 02:00: an export rarely takes under half an hour, whatever its size.
    pub const TRANSFER_FROM_HOUR: u8 = 2;
    /// 04:00: analysts' own scheduled queries usually start after it.
    pub const DEADLINE_HOUR: u8 = 4;

    fn default_export_hour() -> u8 {
        Self::EXPORT_HOUR
    }
    fn default_transfer_from_hour() -> u8 {
        Self::TRANSFER_FROM_HOUR
    }
    fn default_deadline_hour() -> u8 {
        Self::DEADLINE_HOUR
    }

    /// The zone's rules, from the time zone database that is compiled in.
    ///
    /// # Errors
    /// When the name is not in the database; not after validation.
    pub fn time_zone(&self) -> Result<jiff::tz::TimeZone, jiff::Error> {
        jiff::tz::TimeZone::get(&self.zone)
    }
}

/// How many of our snapshots are kept, by age. One snapshot may hold more than
/// one rank; snapshots made by people are never counted as ours nor deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotsConfig {
    /// Newest hourly snapshots kept.
    #[schemars(range(min = 1, max = 1000))]
    pub hourly: u32,
    /// Days of which one snapshot is kept.
    #[schemars(range(min = 1, max = 1000))]
    pub daily: u32,
    /// Weeks of which one snapshot is kept.
    #[schemars(range(min = 1, max = 1000))]
    pub weekly: u32,
    /// The account's quota of manual snapshots in the region, people's own
    /// ones included.
    #[schemars(range(min = 1, max = 10000))]
    pub quota: u32,
    /// How much of the quota is always left to people.
    #[schemars(range(min = 0, max = 10000))]
    pub reserve: u32,
}

impl SnapshotsConfig {
    /// Two days of hours.
    pub const HOURLY: u32 = 48;
    /// Two weeks of days.
    pub const DAILY: u32 = 14;
    /// Four weeks of weeks.
    pub const WEEKLY: u32 = 4;
    /// Manual snapshots per region that an account may hold unless AWS raised
    /// it (AWS documentation, "Quotas and constraints for Amazon RDS").
    pub const QUOTA: u32 = 100;
    /// Enough for a person to take a few snapshots before a migration.
    pub const RESERVE: u32 = 10;
}

impl Default for SnapshotsConfig {
    fn default() -> Self {
        Self {
            hourly: Self::HOURLY,
            daily: Self::DAILY,
            weekly: Self::WEEKLY,
            quota: Self::QUOTA,
            reserve: Self::RESERVE,
        }
    }
}

/// Where RDS writes a day's Parquet files, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportConfig {
    /// S3 bucket in the source's region; the ledger lies in it as well.
    #[schemars(schema_with = "format::s3_bucket")]
    pub bucket: String,
    /// Prefix of everything exported, without slashes at its ends.
    #[serde(default = "ExportConfig::default_prefix")]
    #[schemars(schema_with = "format::object_prefix")]
    pub prefix: String,
    /// ARN of the IAM role that `export.rds.amazonaws.com` assumes to write.
    #[schemars(schema_with = "format::iam_role")]
    pub role_arn: String,
    /// ARN of the customer-managed KMS key that encrypts the export.
    #[schemars(schema_with = "format::kms_key")]
    pub kms_key: String,
    /// Databases, schemas or tables to export, as `database`,
    /// `database.schema` or `database.schema.table`; empty means everything.
    #[serde(default)]
    #[schemars(schema_with = "format::export_targets")]
    pub only: Vec<String>,
}

impl ExportConfig {
    /// A folder that says what it holds.
    pub const PREFIX: &str = "exports";

    fn default_prefix() -> String {
        Self::PREFIX.to_owned()
    }
}

/// Where progress and receipts are recorded: in the export bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerConfig {
    /// Prefix of the ledger, without slashes at its ends.
    #[schemars(schema_with = "format::object_prefix")]
    pub prefix: String,
}

impl LedgerConfig {
    /// Apart from the exports, so that a life-cycle rule can expire those.
    pub const PREFIX: &str = "ledger";
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self { prefix: Self::PREFIX.to_owned() }
    }
}

/// How files cross to Google Cloud Storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferConfig {
    /// Google Cloud Storage bucket, in the warehouse's location.
    #[schemars(schema_with = "format::gcs_bucket")]
    pub bucket: String,
    /// Prefix of everything staged, without slashes at its ends.
    #[serde(default = "TransferConfig::default_prefix")]
    #[schemars(schema_with = "format::object_prefix")]
    pub prefix: String,
    /// Objects carried at the same time by one run of the function.
    #[serde(default = "TransferConfig::default_concurrency")]
    #[schemars(range(min = 1, max = 64))]
    pub concurrency: u16,
    /// Memory that the objects under way may hold together, in MiB.
    #[serde(default = "TransferConfig::default_memory_mib")]
    #[schemars(range(min = 32, max = 9216))]
    pub memory_mib: u32,
    /// Name or ARN of the secret in Secrets Manager, in the source's region,
    /// that holds the key of tokens; needed when the contract tokenises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::secret")]
    pub token_key: Option<String>,
    /// Files larger than this, in MiB, are cut at their row groups into parts of
    /// half of it, each carried on its own.
    #[serde(default = "TransferConfig::default_cut_above_mib")]
    #[schemars(range(min = 32, max = 1048576))]
    pub cut_above_mib: u32,
}

impl TransferConfig {
    /// A folder of our own in a bucket that others may share.
    pub const PREFIX: &str = "landbridge";
    /// Enough to hide the latency of two clouds from each other.
    pub const CONCURRENCY: u16 = 4;
    /// Fits a Lambda function of 256 MB with room for the program itself.
    pub const MEMORY_MIB: u32 = 128;
    /// A part of half of it takes seconds, so that a tick of some minutes gets many done and
    /// a crash loses little.
    pub const CUT_ABOVE_MIB: u32 = 1024;

    fn default_prefix() -> String {
        Self::PREFIX.to_owned()
    }
    fn default_concurrency() -> u16 {
        Self::CONCURRENCY
    }
    fn default_memory_mib() -> u32 {
        Self::MEMORY_MIB
    }
    fn default_cut_above_mib() -> u32 {
        Self::CUT_ABOVE_MIB
    }
}

/// The BigQuery side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarehouseConfig {
    /// Google Cloud project id (not its number, not its display name).
    #[schemars(schema_with = "format::gcp_project")]
    pub project: String,
    /// Location of the datasets, the taxonomy and the staging bucket, for
    /// example `asia-northeast3`.
    #[schemars(schema_with = "format::bigquery_location")]
    pub location: String,
    /// Dataset that receives the source's tables.
    #[schemars(schema_with = "format::bigquery_dataset")]
    pub dataset: String,
    /// Dataset of Landbridge's own tables, the receipts among them.
    #[serde(default = "WarehouseConfig::default_ops_dataset")]
    #[schemars(schema_with = "format::bigquery_dataset")]
    pub ops_dataset: String,
}

impl WarehouseConfig {
    /// Apart from the data, so that its readers need no right on those.
    pub const OPS_DATASET: &str = "landbridge_ops";

    fn default_ops_dataset() -> String {
        Self::OPS_DATASET.to_owned()
    }
}

/// Limits beyond which a day is not quietly accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChecksConfig {
    /// How much of its rows a table may lose from one day to the next, in
    /// percent. A larger loss is warned of in the receipt and alerted.
    #[schemars(range(min = 0, max = 100))]
    pub max_shrink_percent: u8,
    /// How many of a column's values may fail to be read as its type, in percent of those that
    /// are not NULL. Each is NULL and counted in the receipt; beyond this the table is held.
    #[schemars(schema_with = "percent")]
    pub max_misfit_percent: f64,
}

/// No type is named, since the reader of YAML takes fractions where none is.
fn percent(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "minimum": 0, "maximum": 100 })
}

impl ChecksConfig {
    /// Half of a table gone overnight is rarely meant.
    pub const MAX_SHRINK_PERCENT: u8 = 50;
    /// One value in a thousand.
    pub const MAX_MISFIT_PERCENT: f64 = crate::rewrite::MAX_MISFIT_SHARE * 100.0;
}

impl Default for ChecksConfig {
    fn default() -> Self {
        Self {
            max_shrink_percent: Self::MAX_SHRINK_PERCENT,
            max_misfit_percent: Self::MAX_MISFIT_PERCENT,
        }
    }
}

/// How loading into BigQuery is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoadConfig {
    /// Load jobs tried per table and day before the table's day is given up;
    /// failed ones count against BigQuery's 1,500 a day.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: u32,
}

impl LoadConfig {
    /// Outlasts a passing fault, and ends a lasting one within the hour.
    pub const MAX_ATTEMPTS: u32 = 4;
}

impl Default for LoadConfig {
    fn default() -> Self {
        Self { max_attempts: Self::MAX_ATTEMPTS }
    }
}
