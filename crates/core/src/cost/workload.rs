//! Measured quantities, and the monthly usage that follows from them. Quantities that are
//! assumed are documented constants; docs/costs.md lists them.

use super::squeeze::{COMPRESSED_GIB_S, TRANSFER_MEMORY_GIB};
use crate::config::{Config, Recompression};

/// Days of an average month: AWS counts 730 hours.
pub const DAYS_A_MONTH: f64 = 730.0 / 24.0;

/// Assumed size of an exported file, in MiB: RDS usually writes 1 to 10 MB
/// (AWS documentation, "Exporting DB snapshot data to Amazon S3").
const FILE_MIB: f64 = 5.0;
/// Ratio of a table's logical bytes in BigQuery (8 bytes per number, length + 2 bytes per text)
/// to its bytes in compressed Parquet. A measured `table_gib` is more precise.
const TABLE_BY_PARQUET: f64 = 3.0;
/// How often a day of the GA4 export is copied: Google writes a day's table, and changes it for up to three
/// days (Google Analytics Help, "BigQuery Export schema"). An upper bound: a change may copy less.
const GA4_COPIES_PER_DAY: f64 = 4.0;
/// Days of the GA4 export that the copy has: a year of it.
const GA4_DAYS_STORED: f64 = 365.0;
/// Days for which exports are kept in S3: the default of `export_retention_days` (`terraform/modules/aws`).
pub const EXPORT_DAYS: f64 = 7.0;
/// Days for which files are kept in Cloud Storage: the default of `landing_retention_days` (`terraform/modules/gcp`).
pub const LANDING_DAYS: f64 = 3.0;
/// What leaves AWS of the exported bytes if columns are compressed again: measured on TPC-H from GZIP 6
/// (`benches/squeeze.py`, docs/costs.md), rounded up.
const SENT_SHARE: f64 = 0.87;
/// Decompressed content of exported files, relative to their bytes: 2.3 for TPC-H, rounded up.
const CONTENT_BY_PARQUET: f64 = 3.0;
/// Throughput of one start of `transfer`, in MiB per second.
const TRANSFER_MIB_S: f64 = 50.0;
/// S3 writes per file: the file by RDS, and its ledger record.
const PUTS_PER_FILE: f64 = 2.0;
/// S3 reads per file: two for its footer, a few ranges of its bytes, and its record.
const GETS_PER_FILE: f64 = 6.0;
/// Uses of the KMS key per start of `export` and `transfer`: with a bucket key, S3 asks KMS at least once per
/// requester and for a limited time that AWS does not say, not once per request (Amazon S3 User Guide, "Reducing
/// the cost of SSE-KMS with Amazon S3 Bucket Keys"). An upper bound for starts that come every five minutes.
const KEY_USES_PER_START: f64 = 1.0;
/// Uses of the KMS key while RDS writes a day's export: one a minute for an hour, an upper bound likewise.
const KEY_USES_OF_RDS_PER_DAY: f64 = 60.0;
/// S3 listings and writes per start of `snapshot`, `export`, `transfer` and `load`. This and the next numbers are
/// upper bounds of what `tests/it/bill.rs` counts.
const PUTS_PER_START: f64 = 2.0;
/// S3 reads per such start.
const GETS_PER_START: f64 = 5.0;
/// S3 writes per table and day: plan, intent, claim, receipt, verdicts, index.
const PUTS_PER_TABLE: f64 = 7.0;
/// S3 reads per table and day.
const GETS_PER_TABLE: f64 = 27.0;
/// Tables, if neither receipts nor an option says how many.
pub const TABLES: f64 = 20.0;
/// S3 reads per start of `protect`: the record of the newest contract; in a new process also the ledger's
/// format and the two configuration files.
const GETS_PER_PROTECTION_PASS: f64 = 4.0;
/// S3 writes of `protect` in a day: once an hour that the functions run, once a day that it looked at every table.
const PUTS_OF_PROTECT_PER_DAY: f64 = 26.0;
/// S3 reads per start of `views`: two records, and three listings, which cost as much as writes.
const GETS_PER_VIEWS: f64 = 3.0;
const LISTS_PER_VIEWS: f64 = 3.0;
/// Logs per start, in KiB: its own lines and three of Lambda.
const LOG_KIB_PER_START: f64 = 3.0;
/// S3 reads per start of `notify`: its record, `running.json` and four days.
const GETS_PER_NOTIFY: f64 = 6.0;
/// Its listings: alerts of three days, notices, requests and closures.
const LISTS_PER_NOTIFY: f64 = 6.0;
/// Alarms that exist only with `notify`.
const ALARMS_OF_NOTIFY: usize = 3;
/// Alarms that exist only with `transfer.fan_out`.
const ALARMS_OF_FAN_OUT: f64 = 1.0;
/// Requests in a month with which Lambda polls an empty queue: five receives at a time, each waits for 20 seconds (AWS
/// Lambda Developer Guide, "Using Lambda with Amazon SQS").
const POLLS_OF_QUEUE: f64 = 5.0 * 3.0 * 60.0 * 24.0 * 30.4;
/// Metrics from the log of `notify`.
const METRICS_OF_NOTIFY: usize = 2;
/// Alarms that `terraform/modules/aws` creates, without the alarms of `notify`.
const ALARMS: usize = 7;
/// Metrics derived from logs that `terraform/modules/aws` creates.
const METRICS: usize = 4;
/// Alert mails per month, assuming a problem every other day.
const MAILS: f64 = 30.0;

/// How many alarms and metrics from logs `terraform/modules/aws` creates. `notify` says whether the configuration has
/// `alerts`. A test compares with `infra/alarms.json`.
pub fn alarms_and_metrics(notify: bool) -> (usize, usize) {
    let more = usize::from(notify);
    (ALARMS + more * ALARMS_OF_NOTIFY, METRICS + more * METRICS_OF_NOTIFY)
}

/// The measured quantities of a source.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Workload {
    /// Size of the database's storage, in GiB; RDS charges exports by it.
    pub database_gib: f64,
    /// Parquet of one day's export, in GiB.
    pub parquet_gib_per_day: f64,
    /// Share of the database's blocks that change in a day, in percent.
    pub change_percent_per_day: f64,
    /// What one day transfers to Google Cloud, in GiB, if it is not all of the Parquet: columns are dropped, and tables
    /// are not transferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transferred_gib_per_day: Option<f64>,
    /// Number of tables; `None` assumes [`TABLES`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<f64>,
    /// Number of files of one day's export; `None` assumes files of 5 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_per_day: Option<f64>,
    /// Size of the BigQuery tables, in GiB; `None` assumes three times the Parquet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_gib: Option<f64>,
    /// Bytes of one day's table of the GA4 export in BigQuery, in GiB. Used only if the export lies in
    /// another location than the warehouse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ga4_gib_per_day: Option<f64>,
    /// Size of one day of all tables with a history in BigQuery, in GiB (`tables.<table>.history`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_gib: Option<f64>,
}

impl Workload {
    /// The default: five percent of the database changes per day.
    pub const CHANGE_PERCENT_PER_DAY: f64 = 5.0;
}

/// A partition that was not changed for so many days costs half (Google's documentation, "Optimize storage in
/// BigQuery": long-term storage; each partition counts by itself).
const LONG_TERM_DAYS: f64 = 90.0;

/// S3 requests of one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DailyRequests {
    /// Writes and listings, which have one price. RDS's writes of the exported files are among them.
    pub writes: f64,
    /// Reads.
    pub reads: f64,
}

impl DailyRequests {
    /// The requests of a day in which a configuration transfers `files` files of `tables` tables.
    pub fn from_config(config: &Config, files: f64, tables: f64) -> Self {
        let starts = DailyInvocations::from_config(config);
        Self {
            writes: files * PUTS_PER_FILE
                + tables * PUTS_PER_TABLE
                + starts.of_the_day() * PUTS_PER_START
                + PUTS_OF_PROTECT_PER_DAY
                + starts.views * LISTS_PER_VIEWS
                + starts.notify * LISTS_PER_NOTIFY,
            reads: files * GETS_PER_FILE
                + tables * GETS_PER_TABLE
                + starts.of_the_day() * GETS_PER_START
                + starts.protect * GETS_PER_PROTECTION_PASS
                + starts.views * GETS_PER_VIEWS
                + starts.notify * GETS_PER_NOTIFY,
        }
    }
}

/// The usage of one month, in the units of the price list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MonthlyUsage {
    pub(super) snapshots_gib: f64,
    pub(super) snapshots_free_gib: f64,
    pub(super) exported_gib: f64,
    pub(super) s3_gib: f64,
    pub(super) puts_1k: f64,
    pub(super) gets_1k: f64,
    pub(super) egress_gib: f64,
    pub(super) lambda_gib_s: f64,
    pub(super) starts_1m: f64,
    pub(super) key_uses_10k: f64,
    pub(super) logs_gib: f64,
    pub(super) alarms: f64,
    pub(super) metrics: f64,
    pub(super) secrets: f64,
    /// Keys of KMS: that of exports, and that of `proof.sign`.
    pub(super) kms_keys: f64,
    pub(super) secret_reads_10k: f64,
    pub(super) mails_1k: f64,
    /// Requests of SQS: failed ticks, and polls of the queue of workers.
    pub(super) queue_requests_1m: f64,
    pub(super) landing_gib: f64,
    pub(super) landing_writes_1k: f64,
    pub(super) table_gib: f64,
    pub(super) ga4_copied_gib: f64,
    pub(super) ga4_stored_gib: f64,
    /// Partitions of histories that are younger than [`LONG_TERM_DAYS`], and the others.
    pub(super) history_gib: f64,
    pub(super) history_long_term_gib: f64,
}

/// Daily invocations of each function, according to `infra/schedules`: the snapshot every 20 minutes
/// the protection pass every 5 and the views every 10, round the clock; the export every 10, transfer and load every 5,
/// until the end of the deadline hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DailyInvocations {
    /// Invocations of `snapshot`.
    pub snapshot: f64,
    /// Invocations of `export`.
    pub export: f64,
    /// Invocations of `transfer`.
    pub transfer: f64,
    /// Invocations of `load`.
    pub load: f64,
    /// Invocations of `protect`.
    pub protect: f64,
    /// Invocations of `views`; 0 if the configuration has no views.
    pub views: f64,
    /// Invocations of `notify`; 0 if the configuration has no alerts.
    pub notify: f64,
}

impl DailyInvocations {
    /// The invocations for a configuration.
    pub fn from_config(config: &Config) -> Self {
        let schedule = &config.schedule;
        let hours = |from: u8| f64::from(schedule.deadline_hour.saturating_sub(from)) + 1.0;
        let every_5_minutes = 12.0 * hours(schedule.transfer_from_hour);
        Self {
            snapshot: 72.0,
            export: 6.0 * hours(schedule.export_hour),
            transfer: every_5_minutes,
            load: every_5_minutes,
            protect: 12.0 * 24.0,
            views: if config.warehouse.views.is_some() { 6.0 * 24.0 } else { 0.0 },
            notify: if config.alerts.is_some() { 12.0 * 24.0 } else { 0.0 },
        }
    }

    /// The invocations of all functions.
    pub fn total(&self) -> f64 {
        self.of_the_day() + self.protect + self.views + self.notify
    }

    /// The invocations of the functions that work on a day; they read and write the day's records.
    fn of_the_day(&self) -> f64 {
        self.snapshot + self.export + self.transfer + self.load
    }
}

/// Size of all kept snapshots, in GiB. The first one contains the whole database, and each later
/// one the blocks that changed since the previous one (AWS documentation, "Working with
/// backups"). So the age of the oldest snapshot determines the size: everything that changed
/// since then is stored, counted once per day, because a block that changes on two days may be
/// stored twice.
fn snapshots_gib(config: &Config, workload: &Workload) -> f64 {
    let kept = &config.snapshots;
    let days = (f64::from(kept.hourly) * f64::from(kept.every_hours) / 24.0)
        .max(f64::from(kept.daily))
        .max(f64::from(kept.weekly) * 7.0);
    let daily_change = (workload.change_percent_per_day / 100.0).min(1.0);
    workload.database_gib * (1.0 + daily_change * days)
}

/// Secrets with a key: that of tokens, and that of the proof.
fn secret_keys(config: &Config) -> usize {
    usize::from(config.transfer.token_key.is_some()) + usize::from(config.proof.is_some())
}

/// KMS keys that Terraform creates: those that `landbridge.yaml` names by an alias. Another key exists without
/// Landbridge, and is paid for in any case.
fn created_kms_keys(config: &Config) -> usize {
    let sign = config.proof.as_ref().and_then(|it| it.sign.as_deref());
    let named = [Some(config.export.kms_key.as_str()), sign];
    named.into_iter().flatten().filter(|key| key.contains(":alias/")).count()
}

pub(super) fn monthly_usage(config: &Config, workload: &Workload) -> MonthlyUsage {
    let starts = DailyInvocations::from_config(config);
    let parquet = workload.parquet_gib_per_day;
    let files = workload.files_per_day.unwrap_or(parquet * 1024.0 / FILE_MIB).ceil();
    let month = |per_day: f64| per_day * DAYS_A_MONTH;
    let recompresses = config.transfer.recompress == Recompression::Auto;
    let sent = parquet * if recompresses { SENT_SHARE } else { 1.0 };
    let transferred = workload.transferred_gib_per_day.unwrap_or(sent);
    // What does not leave AWS is not compressed again either.
    let compress_s = match recompresses {
        true => transferred / SENT_SHARE * CONTENT_BY_PARQUET / COMPRESSED_GIB_S,
        false => 0.0,
    };
    let transfer_s = parquet * 1024.0 / TRANSFER_MIB_S + compress_s;
    // Memory in GiB from the defaults of Terraform; a start with little to do takes one second,
    // or three in the load stage, which waits for BigQuery.
    let lambda_gib_s = starts.snapshot * 0.125
        + starts.export * 0.125
        + (starts.transfer + transfer_s) * TRANSFER_MEMORY_GIB
        + starts.load * 3.0 * 0.25
        + (starts.protect + starts.views + starts.notify) * 0.125;
    let requests = DailyRequests::from_config(config, files, workload.tables.unwrap_or(TABLES));
    let key_uses = (starts.export + starts.transfer) * KEY_USES_PER_START + KEY_USES_OF_RDS_PER_DAY;
    let ga4 = config.warehouse.ga4_elsewhere().and(workload.ga4_gib_per_day).unwrap_or(0.0);
    // Each partition is a whole copy. With different numbers of days, the largest: an upper bound.
    let days = config.histories().map(|(_, it)| it.days).max().map_or(0.0, f64::from);
    let history = workload.history_gib.unwrap_or(0.0);
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let (alarms, metrics) = alarms_and_metrics(config.alerts.is_some());
    let workers = count(usize::from(config.transfer.fan_out.is_some()));
    let keys = count(secret_keys(config));
    let alert_secrets = config.alerts.as_ref().map_or(0, |alerts| alerts.secrets().len());
    MonthlyUsage {
        snapshots_gib: snapshots_gib(config, workload),
        // Snapshots are free up to the size of the database's storage.
        snapshots_free_gib: workload.database_gib,
        exported_gib: month(workload.database_gib),
        s3_gib: parquet * EXPORT_DAYS,
        puts_1k: month(requests.writes) / 1e3,
        gets_1k: month(requests.reads) / 1e3,
        egress_gib: month(transferred),
        lambda_gib_s: month(lambda_gib_s),
        starts_1m: month(starts.total()) / 1e6,
        key_uses_10k: month(key_uses) / 1e4,
        logs_gib: month(starts.total() * LOG_KIB_PER_START) / 1_048_576.0,
        alarms: count(alarms) + workers * ALARMS_OF_FAN_OUT,
        metrics: count(metrics),
        secrets: keys + count(alert_secrets),
        kms_keys: count(created_kms_keys(config)),
        // Upper bound: each process reads the secret once, and Lambda starts few new processes a day.
        secret_reads_10k: keys * month(starts.transfer) / 1e4,
        mails_1k: MAILS / 1e3,
        queue_requests_1m: (MAILS + workers * POLLS_OF_QUEUE) / 1e6,
        landing_gib: transferred * LANDING_DAYS,
        landing_writes_1k: month(files) / 1e3,
        table_gib: workload.table_gib.unwrap_or(parquet * TABLE_BY_PARQUET),
        ga4_copied_gib: month(ga4 * GA4_COPIES_PER_DAY),
        ga4_stored_gib: ga4 * GA4_DAYS_STORED,
        history_gib: history * days.min(LONG_TERM_DAYS),
        history_long_term_gib: history * (days - LONG_TERM_DAYS).max(0.0),
    }
}
