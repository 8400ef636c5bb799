//! What is measured, and what follows from it. Numbers that nobody measured are constants with
//! their reason; docs/costs.md lists them.

use crate::config::Config;

/// Days of an average month: AWS counts 730 hours.
pub const DAYS_A_MONTH: f64 = 730.0 / 24.0;

/// MiB of a file of an export that is not told otherwise: RDS usually writes 1 to 10 MB
/// (AWS documentation, "Exporting DB snapshot data to Amazon S3").
const FILE_MIB: f64 = 5.0;
/// Bytes of a table in BigQuery, which counts 8 a number and 2 more than its length a text, by
/// bytes of the same table in compressed Parquet. `table_gib` tells better.
const TABLE_BY_PARQUET: f64 = 3.0;
/// Days that exports stay in S3, and that files stay in Cloud Storage: Terraform's defaults.
const RETENTION_DAYS: f64 = 7.0;
/// What one start of `transfer` carries a second, in MiB.
const CARRIED_MIB_S: f64 = 50.0;
/// Writes of a file: RDS writes it, the ledger records it.
const PUTS_A_FILE: f64 = 2.0;
/// Reads of a file: two of its footer, its bytes in a few ranges, its record.
const GETS_A_FILE: f64 = 6.0;
/// Uses of the key by a file: one to encrypt, one for each read of it.
const KEY_USES_A_FILE: f64 = 6.0;
/// Listings and writes of a start that finds little to do.
const PUTS_A_START: f64 = 3.0;
/// Reads of such a start.
const GETS_A_START: f64 = 20.0;
/// Logs of a start, in KiB: its own lines and Lambda's three.
const LOG_KIB_A_START: f64 = 3.0;
/// Alarms, and metrics made from logs, that `terraform/modules/aws` makes.
const ALARMS: f64 = 13.0;
/// See above.
const METRICS: f64 = 3.0;
/// Mails of a month in which something is the matter every other day.
const MAILS: f64 = 30.0;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Workload {
    /// Size of the database's storage, in GiB: what RDS charges an export by.
    pub database_gib: f64,
    /// Parquet of one day's export, in GiB.
    pub parquet_gib_per_day: f64,
    /// Share of the database's blocks that change in a day, in percent.
    pub change_percent_per_day: f64,
    /// Files of one day's export; none: of 5 MiB each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_per_day: Option<f64>,
    /// What BigQuery stores, in GiB; none: three times the Parquet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_gib: Option<f64>,
}

impl Workload {
    /// A database that changes by a twentieth a day.
    pub const CHANGE_PERCENT_PER_DAY: f64 = 5.0;
}

/// What a month of a workload uses, in the units of the prices.
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
    pub(super) secret_reads_10k: f64,
    pub(super) mails_1k: f64,
    pub(super) landing_gib: f64,
    pub(super) landing_writes_1k: f64,
    pub(super) table_gib: f64,
}

/// Starts a day of each function, by `infra/schedules`: the snapshot every 20 minutes; the
/// export every 10, transfer and load every 5, each until the end of the deadline's hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DailyInvocations {
    /// Of `snapshot`.
    pub snapshot: f64,
    /// Of `export`.
    pub export: f64,
    /// Of `transfer`.
    pub transfer: f64,
    /// Of `load`.
    pub load: f64,
}

impl DailyInvocations {
    /// Those of a configuration.
    pub fn from_config(config: &Config) -> Self {
        let schedule = &config.schedule;
        let hours = |from: u8| f64::from(schedule.deadline_hour.saturating_sub(from)) + 1.0;
        let carrying = 12.0 * hours(schedule.transfer_from_hour);
        Self {
            snapshot: 72.0,
            export: 6.0 * hours(schedule.export_hour),
            transfer: carrying,
            load: carrying,
        }
    }

    /// All of them.
    pub fn total(&self) -> f64 {
        self.snapshot + self.export + self.transfer + self.load
    }
}

/// GiB that the kept snapshots hold. The first one holds the whole database; each further one
/// the blocks that changed since the one before (AWS documentation, "Working with backups").
/// So the oldest that is kept decides: all that changed since is held, at most once per day,
/// since a block that changes on two days may be held twice.
fn snapshots_gib(config: &Config, workload: &Workload) -> f64 {
    let kept = &config.snapshots;
    let days = (f64::from(kept.hourly) / 24.0)
        .max(f64::from(kept.daily))
        .max(f64::from(kept.weekly) * 7.0);
    let a_day = (workload.change_percent_per_day / 100.0).min(1.0);
    workload.database_gib * (1.0 + a_day * days)
}

pub(super) fn monthly_usage(config: &Config, workload: &Workload) -> MonthlyUsage {
    let starts = DailyInvocations::from_config(config);
    let parquet = workload.parquet_gib_per_day;
    let files = workload.files_per_day.unwrap_or(parquet * 1024.0 / FILE_MIB).ceil();
    let month = |a_day: f64| a_day * DAYS_A_MONTH;
    let carrying_s = parquet * 1024.0 / CARRIED_MIB_S;
    // Memory as Terraform's defaults give it; seconds of a start that finds little to do, and
    // three for one of the load, which waits for BigQuery's answers.
    let lambda_gib_s = starts.snapshot * 0.125
        + starts.export * 0.125
        + (starts.transfer + carrying_s) * 1.0
        + starts.load * 3.0 * 0.25;
    let secrets = if config.transfer.token_key.is_some() { 1.0 } else { 0.0 };
    MonthlyUsage {
        snapshots_gib: snapshots_gib(config, workload),
        // Free up to the size of the database's own storage.
        snapshots_free_gib: workload.database_gib,
        exported_gib: month(workload.database_gib),
        s3_gib: parquet * RETENTION_DAYS,
        puts_1k: month(files * PUTS_A_FILE + starts.total() * PUTS_A_START) / 1e3,
        gets_1k: month(files * GETS_A_FILE + starts.total() * GETS_A_START) / 1e3,
        egress_gib: month(parquet),
        lambda_gib_s: month(lambda_gib_s),
        starts_1m: month(starts.total()) / 1e6,
        key_uses_10k: month(files * KEY_USES_A_FILE) / 1e4,
        logs_gib: month(starts.total() * LOG_KIB_A_START) / 1_048_576.0,
        alarms: ALARMS,
        metrics: METRICS,
        secrets,
        // A process reads it once, and Lambda starts new ones a few times a day.
        secret_reads_10k: secrets * month(starts.transfer) / 1e4,
        mails_1k: MAILS / 1e3,
        landing_gib: parquet * RETENTION_DAYS,
        landing_writes_1k: month(files) / 1e3,
        table_gib: workload.table_gib.unwrap_or(parquet * TABLE_BY_PARQUET),
    }
}
