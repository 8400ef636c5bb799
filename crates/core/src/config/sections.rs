//! The sections of `landbridge.yaml`, with their default values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FanOutConfig;
use crate::calendar::{Calendar, Day, Hour};
use crate::names::ColumnNames;
use crate::types::{Engine, NaiveTimes};
use crate::yaml::format;

/// The source database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Short name from which the names of snapshots, exports, jobs and ledger
    /// objects are derived. Changing it starts a new history.
    #[schemars(schema_with = "format::source_name")]
    pub name: String,
    /// Whether `id` is a DB instance or an Aurora cluster.
    pub kind: SourceKind,
    /// DB instance identifier or DB cluster identifier in RDS.
    #[schemars(schema_with = "format::rds_id")]
    pub id: String,
    /// AWS region of the database, of the export bucket and of the KMS key.
    #[schemars(schema_with = "format::aws_region")]
    pub region: String,
    /// IANA time zone of the times without a zone in the database (MySQL DATETIME, PostgreSQL
    /// `timestamp`), for example `Asia/Seoul`. With it, they are loaded as TIMESTAMP of the instant that
    /// the local time means. Without it, they are loaded as `warehouse.naive_times` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::time_zone")]
    pub zone: Option<String>,
}

/// Whether a source is a DB instance or an Aurora cluster. RDS has separate API
/// calls for their snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// An RDS DB instance.
    Instance,
    /// An Aurora (or Multi-AZ) DB cluster.
    Cluster,
}

impl SourceKind {
    /// The value in `landbridge.yaml`.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::Instance => "instance",
            SourceKind::Cluster => "cluster",
        }
    }
}

/// The hours at which the stages run, as wall-clock hours in `zone`. A day is a
/// calendar day in that zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    /// IANA time zone, for example `Asia/Seoul`.
    #[schemars(schema_with = "format::time_zone")]
    pub zone: String,
    /// The hour whose snapshot is exported.
    #[serde(default = "ScheduleConfig::default_export_hour")]
    #[schemars(range(min = 0, max = 23))]
    pub export_hour: u8,
    /// The hour from which the transfer and load stages run.
    #[serde(default = "ScheduleConfig::default_transfer_from_hour")]
    #[schemars(range(min = 0, max = 23))]
    pub transfer_from_hour: u8,
    /// The hour by which the day should be published. A later day raises an alert.
    #[serde(default = "ScheduleConfig::default_deadline_hour")]
    #[schemars(range(min = 0, max = 23))]
    pub deadline_hour: u8,
}

impl ScheduleConfig {
    /// 01:00: the previous day is complete, and the load on the source is usually low.
    pub const EXPORT_HOUR: u8 = 1;
    /// 02:00: an export of any size rarely finishes within half an hour.
    pub const TRANSFER_FROM_HOUR: u8 = 2;
    /// 04:00: scheduled queries of analysts usually start later.
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

    /// The hour by which a day should be published. If a clock change skips it, the next one.
    pub fn deadline(&self, calendar: &Calendar, day: Day) -> Hour {
        calendar.hour_at(day, i8::try_from(self.deadline_hour).unwrap_or(23))
    }

    /// The time zone, from the database compiled into the program.
    ///
    /// # Errors
    /// When the name is not in the database; impossible after validation.
    pub fn time_zone(&self) -> Result<jiff::tz::TimeZone, jiff::Error> {
        jiff::tz::TimeZone::get(&self.zone)
    }
}

/// How often Landbridge takes a snapshot, which snapshot is exported, and how many are kept,
/// by age. One snapshot can count as hourly, daily and weekly. Snapshots that Landbridge did
/// not create are never deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotsConfig {
    /// Hours from one snapshot to the next: 1, 2, 3, 4, 6, 8, 12 or 24, counted from
    /// `schedule.export_hour`. 0: no snapshots; only with `use: automated`. A Single-AZ instance
    /// stops reading and writing for seconds to minutes at each snapshot.
    #[schemars(range(min = 0, max = 24))]
    pub every_hours: u8,
    /// Which snapshot is exported: `own`, Landbridge's snapshot of the export hour, or `automated`,
    /// the newest automated snapshot of RDS.
    #[serde(rename = "use")]
    pub use_for_export: ExportedSnapshot,
    /// Number of newest snapshots to keep (hourly ones, unless `every_hours` says otherwise).
    #[schemars(range(min = 1, max = 1000))]
    pub hourly: u32,
    /// Number of days for which one snapshot is kept.
    #[schemars(range(min = 1, max = 1000))]
    pub daily: u32,
    /// Number of weeks for which one snapshot is kept.
    #[schemars(range(min = 1, max = 1000))]
    pub weekly: u32,
    /// The account's quota of manual snapshots in the region, including snapshots
    /// that Landbridge did not create. What RDS reports takes precedence.
    #[schemars(range(min = 1, max = 10000))]
    pub quota: u32,
    /// How many snapshots of the quota stay free for other uses.
    #[schemars(range(min = 0, max = 10000))]
    pub reserve: u32,
}

/// Which snapshot of the source is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportedSnapshot {
    /// Landbridge's own snapshot of the export hour.
    #[default]
    Own,
    /// The newest automated snapshot that RDS took in its backup window.
    Automated,
}

impl SnapshotsConfig {
    /// A snapshot every hour.
    pub const EVERY_HOURS: u8 = 1;
    /// Two days of hourly snapshots.
    pub const HOURLY: u32 = 48;
    /// Two weeks of daily snapshots.
    pub const DAILY: u32 = 14;
    /// Four weekly snapshots.
    pub const WEEKLY: u32 = 4;
    /// The default quota of manual snapshots per account and region (AWS
    /// documentation, "Quotas and constraints for Amazon RDS").
    pub const QUOTA: u32 = 100;
    /// Enough to take a few manual snapshots before a migration.
    pub const RESERVE: u32 = 10;
}

impl Default for SnapshotsConfig {
    fn default() -> Self {
        Self {
            every_hours: Self::EVERY_HOURS,
            use_for_export: ExportedSnapshot::Own,
            hourly: Self::HOURLY,
            daily: Self::DAILY,
            weekly: Self::WEEKLY,
            quota: Self::QUOTA,
            reserve: Self::RESERVE,
        }
    }
}

/// The S3 location, IAM role and KMS key of the daily export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportConfig {
    /// S3 bucket in the source's region. The ledger is stored in the same bucket.
    #[schemars(schema_with = "format::s3_bucket")]
    pub bucket: String,
    /// Key prefix of the exports, without leading or trailing slash.
    #[serde(default = "ExportConfig::default_prefix")]
    #[schemars(schema_with = "format::object_prefix")]
    pub prefix: String,
    /// ARN of the IAM role that `export.rds.amazonaws.com` assumes to write.
    #[schemars(schema_with = "format::iam_role")]
    pub role_arn: String,
    /// ARN of the customer-managed KMS key that encrypts the export.
    #[schemars(schema_with = "format::kms_key")]
    pub kms_key: String,
    /// Databases, schemas or tables to export, as `database`, `database.schema` or
    /// `database.schema.table`. An empty list exports everything.
    #[serde(default)]
    #[schemars(schema_with = "format::export_targets")]
    pub only: Vec<String>,
}

impl ExportConfig {
    /// Whether the export contains a table, by `only`. A name of a database alone contains all tables
    /// of PostgreSQL, whose database the names of tables do not say.
    pub fn contains(&self, engine: Engine, schema: &str, table: &str) -> bool {
        let is_in = |entry: &String| {
            let parts: Vec<&str> = entry.split('.').collect();
            match (engine, parts.as_slice()) {
                (Engine::Postgres, [_]) => true,
                (Engine::Postgres, [_, of]) | (Engine::Mysql, [of]) => *of == schema,
                (Engine::Postgres, [_, of, name]) | (Engine::Mysql, [of, name]) => {
                    *of == schema && *name == table
                }
                _ => false,
            }
        };
        self.only.is_empty() || self.only.iter().any(is_in)
    }

    /// The default `export.prefix`.
    pub const PREFIX: &str = "exports";

    fn default_prefix() -> String {
        Self::PREFIX.to_owned()
    }
}

/// The ledger: progress and receipts, stored in the export bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerConfig {
    /// Key prefix of the ledger, without leading or trailing slash.
    #[schemars(schema_with = "format::object_prefix")]
    pub prefix: String,
}

impl LedgerConfig {
    /// The default `ledger.prefix`; separate from the exports so that a lifecycle
    /// rule can expire the exports only.
    pub const PREFIX: &str = "ledger";
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self { prefix: Self::PREFIX.to_owned() }
    }
}

/// The transfer of exported files to Google Cloud Storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferConfig {
    /// The landing bucket: a Cloud Storage bucket in the warehouse's location.
    #[schemars(schema_with = "format::gcs_bucket")]
    pub bucket: String,
    /// Object name prefix of the transferred files, without leading or trailing slash.
    #[serde(default = "TransferConfig::default_prefix")]
    #[schemars(schema_with = "format::object_prefix")]
    pub prefix: String,
    /// Maximum number of objects that one tick transfers concurrently.
    #[serde(default = "TransferConfig::default_concurrency")]
    #[schemars(range(min = 1, max = 64))]
    pub concurrency: u16,
    /// Memory budget of all concurrent object transfers, in MiB.
    #[serde(default = "TransferConfig::default_memory_mib")]
    #[schemars(range(min = 32, max = 9216))]
    pub memory_mib: u32,
    /// Name or ARN of the Secrets Manager secret, in the source's region, that
    /// contains the token key. Required when the contract tokenises a column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::secret")]
    pub token_key: Option<String>,
    /// The legal basis of the transfer, if source and warehouse lie in different
    /// countries. `landbridge check` stops without it. The text is for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::legal_basis")]
    pub cross_border: Option<String>,
    /// Files larger than this, in MiB, are split at row groups into parts of half
    /// this size, which are transferred separately.
    #[serde(default = "TransferConfig::default_cut_above_mib")]
    #[schemars(range(min = 32, max = 1048576))]
    pub cut_above_mib: u32,
    /// What happens to a table whose export has the same content as on the day whose rows it has:
    /// `carry`, it is transferred and loaded as on every day, or `skip`, it keeps its rows and its
    /// receipt says since when they are unchanged. To compare, the files of both days are read in S3. `checksums` is
    /// `skip`, but S3 is asked for the checksums of both files instead, where it has them.
    #[serde(default, skip_serializing_if = "UnchangedTables::is_carry")]
    pub unchanged: UnchangedTables,
    /// With `unchanged: skip` or `checksums`, a table is transferred and loaded on one day of so many in any case, and at the
    /// latest after so many. Which day that is follows from the name of the table, so that not all are due together.
    #[serde(
        default = "TransferConfig::default_full_every",
        skip_serializing_if = "TransferConfig::is_default_full_every"
    )]
    #[schemars(range(min = 1, max = 365))]
    pub full_every: u16,
    /// Whether columns that are only copied are compressed again on the way: `off`, never, or `auto`, where a sample
    /// shows that the bytes which do not leave AWS are worth more than the processor time. Values, rows and their
    /// proof are the same.
    #[serde(default, skip_serializing_if = "Recompression::is_off")]
    pub recompress: Recompression,
    /// Hands the objects of a large day to worker functions. Without this section, the transfer carries
    /// all of them itself, and Terraform creates no queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan_out: Option<FanOutConfig>,
}

/// Whether copied columns are compressed again before they leave AWS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recompression {
    /// Where it pays.
    Auto,
    /// Never.
    #[default]
    Off,
}

impl Recompression {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// What happens to a table whose export has the same content as the rows that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnchangedTables {
    /// It is transferred and loaded.
    #[default]
    Carry,
    /// It keeps its rows, and nothing is transferred or loaded.
    Skip,
    /// As `skip`, by the checksums that S3 has of the files: none of them is read.
    Checksums,
}

impl UnchangedTables {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_carry(&self) -> bool {
        *self == Self::Carry
    }

    /// Whether an unchanged table keeps its rows.
    pub fn skips(self) -> bool {
        self != Self::Carry
    }
}

impl TransferConfig {
    /// The default `transfer.prefix`; the bucket may be shared.
    pub const PREFIX: &str = "landbridge";
    /// Enough to overlap the latencies of S3 and Cloud Storage.
    pub const CONCURRENCY: u16 = 4;
    /// Fits a Lambda function of 256 MB, with room for the program itself.
    pub const MEMORY_MIB: u32 = 128;
    /// A part of half this size takes seconds to transfer, so one tick completes many parts
    /// and a crash repeats little work.
    pub const CUT_ABOVE_MIB: u32 = 1024;
    /// A week: what no comparison sees is corrected within it, and a full day a week costs little.
    pub const FULL_EVERY: u16 = 7;

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
    fn default_full_every() -> u16 {
        Self::FULL_EVERY
    }
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_default_full_every(days: &u16) -> bool {
        *days == Self::FULL_EVERY
    }
}

/// The BigQuery project, location and datasets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarehouseConfig {
    /// Google Cloud project ID (not the project number or display name).
    #[schemars(schema_with = "format::gcp_project")]
    pub project: String,
    /// Location of the datasets, the taxonomy and the landing bucket, for example
    /// `asia-northeast3`.
    #[schemars(schema_with = "format::bigquery_location")]
    pub location: String,
    /// Dataset of the source's tables.
    #[schemars(schema_with = "format::bigquery_dataset")]
    pub dataset: String,
    /// Dataset of Landbridge's own tables, such as the receipts.
    #[serde(default = "WarehouseConfig::default_ops_dataset")]
    #[schemars(schema_with = "format::bigquery_dataset")]
    pub ops_dataset: String,
    /// Which column names are loaded as they are: `flexible`, all names that BigQuery's flexible
    /// column names allow, or `plain`, only ASCII letters, digits and `_`. Other names are replaced
    /// by readable ones.
    #[serde(default, skip_serializing_if = "ColumnNames::is_flexible")]
    pub column_names: ColumnNames,
    /// What a time without a zone becomes if no zone is set for it: `datetime` (DATETIME, the same
    /// time as in the source) or `timestamp` (TIMESTAMP, as if the time was in UTC).
    #[serde(default)]
    pub naive_times: NaiveTimes,
    /// Friendly views of the tables, in a dataset of their own: JSON parsed, times also in a time
    /// zone, columns described. Without this section there are none, and the function `views` is not
    /// deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views: Option<ViewsConfig>,
    /// The dataset of tables that analysts' models make, and who reads it. BigQuery does not carry
    /// policy tags into such tables, so `landbridge models check` compares these readers with those
    /// of every class that a model uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<ModelsConfig>,
    /// The export of a Google Analytics 4 property, and the key with which models join it. Landbridge
    /// does not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ga4: Option<Ga4Config>,
}

/// The BigQuery export of a Google Analytics 4 property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ga4Config {
    /// Number of the property. Google writes its export to the dataset `analytics_<property>`.
    #[schemars(range(min = 1))]
    pub property: u64,
    /// Project of the export. Without it, `warehouse.project`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::gcp_project")]
    pub project: Option<String>,
    /// Location that was chosen when the property was linked. Without it, `warehouse.location`. One
    /// query cannot read two locations, so elsewhere the export must be copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::bigquery_location")]
    pub location: Option<String>,
    /// Source table whose key the site sends as `user_id`, as `schema.table`.
    pub user_table: String,
    /// The key's column in the source. It must have class `none` and no transform: a mask or a token
    /// equals no `user_id`.
    pub user_key: String,
}

impl Ga4Config {
    /// The dataset of the export. (Google Analytics, "\[GA4\] BigQuery Export schema": "a single dataset
    /// named `analytics_<property_id>`")
    pub fn dataset(&self) -> String {
        format!("analytics_{}", self.property)
    }
}

/// Friendly views of the tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewsConfig {
    /// Dataset of the views. Only the function `views` writes it.
    #[schemars(schema_with = "format::bigquery_dataset")]
    pub dataset: String,
    /// IANA time zone of the local times in the views, for example `Asia/Seoul`. Without it, the
    /// zone of the schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::time_zone")]
    pub zone: Option<String>,
}

/// The dataset of analysts' models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsConfig {
    /// Dataset of the tables that models make.
    #[schemars(schema_with = "format::bigquery_dataset")]
    pub dataset: String,
    /// IAM members who may query the dataset. They see every value that a model writes, so each of
    /// them must be in `masked_readers` or `readers` of every class that a model uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "format::iam_members")]
    pub readers: Vec<String>,
    /// Other datasets that models may read, for example GA4's export. Their columns have no class
    /// here, so list only datasets whose content every reader of the models may see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "format::bigquery_datasets")]
    pub reads: Vec<String>,
}

impl WarehouseConfig {
    /// The location of the GA4 export, if it is another one than the warehouse's: no query reads both.
    pub fn ga4_elsewhere(&self) -> Option<&str> {
        let location = self.ga4.as_ref()?.location.as_deref()?;
        (!location.eq_ignore_ascii_case(&self.location)).then_some(location)
    }

    /// The default `warehouse.ops_dataset`; separate from the data so that readers of the
    /// receipts need no access to the data.
    pub const OPS_DATASET: &str = "landbridge_ops";

    fn default_ops_dataset() -> String {
        Self::OPS_DATASET.to_owned()
    }
}

/// Limits that raise an alert or hold a table when exceeded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChecksConfig {
    /// Share of rows that a table may lose from one day to the next, in percent. A
    /// larger loss is noted in the receipt and raises an alert.
    #[schemars(range(min = 0, max = 100))]
    pub max_shrink_percent: u8,
    /// Share of misfits (values that cannot be read as the column's type) per column, in percent
    /// of its non-NULL values. Misfits become NULL and are counted in the receipt; above this
    /// limit the table is held.
    #[schemars(schema_with = "percent")]
    pub max_misfit_percent: f64,
    /// Whether each folder of an export that contains files must contain `_SUCCESS` as well, if any
    /// folder of the export does. Otherwise files may be missing, and the table is held.
    pub require_success_markers: bool,
}

/// Has no `type`, because the YAML parser accepts fractions only for values without one.
fn percent(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "minimum": 0, "maximum": 100 })
}

impl ChecksConfig {
    /// Losing half of a table overnight is rarely intended.
    pub const MAX_SHRINK_PERCENT: u8 = 50;
    /// One value in a thousand.
    pub const MAX_MISFIT_PERCENT: f64 = crate::rewrite::MAX_MISFIT_SHARE * 100.0;
}

impl Default for ChecksConfig {
    fn default() -> Self {
        Self {
            max_shrink_percent: Self::MAX_SHRINK_PERCENT,
            max_misfit_percent: Self::MAX_MISFIT_PERCENT,
            require_success_markers: true,
        }
    }
}

/// Load jobs and their retries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoadConfig {
    /// Maximum number of load jobs per table and tick if they fail for a temporary
    /// reason; after the last one the table is held, and the next tick tries again.
    /// A job that fails for any other reason holds the table at once. Failed jobs
    /// count against BigQuery's quota of 1,500 load jobs per table and day.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: u32,
    /// Tables that one tick loads at once. A load job runs in BigQuery and needs no
    /// memory in the function.
    #[schemars(range(min = 1, max = 64))]
    pub concurrency: u16,
}

impl LoadConfig {
    /// Enough for a temporary failure. With a tick every five minutes for a day, at most 1,152 jobs.
    pub const MAX_ATTEMPTS: u32 = 4;
    /// A table makes about 20 API calls and polls its job. BigQuery allows 100 calls per second of
    /// each method (BigQuery quotas, "API requests").
    pub const CONCURRENCY: u16 = 16;
}

impl Default for LoadConfig {
    fn default() -> Self {
        Self { max_attempts: Self::MAX_ATTEMPTS, concurrency: Self::CONCURRENCY }
    }
}
