//! The estimated monthly cost, item by item.

use serde::Serialize;

use super::prices::{AwsPrices, GooglePrices, Price, Prices};
use super::workload::{self, MonthlyUsage, Workload};
use crate::Result;
use crate::config::Config;

/// One billed item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostItem {
    /// A short, stable identifier for programs.
    pub id: &'static str,
    /// Description of the item.
    pub what: &'static str,
    /// Units per month.
    pub quantity: f64,
    /// The unit.
    pub unit: &'static str,
    /// US dollars per unit.
    pub price: f64,
    /// Free units per month.
    pub free: f64,
    /// US dollars per month if the account's free allowances are unused.
    pub month: f64,
    /// US dollars per month if other workloads have used up the free allowances.
    pub month_without_allowances: f64,
    /// Whether the price is unconfirmed.
    pub uncertain: bool,
    /// What the cost depends on, as the rest of a sentence that starts with "it".
    pub lever: &'static str,
}

/// The estimated cost of one month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The month or day of the prices.
    pub prices_as_of: String,
    /// The AWS region.
    pub region: String,
    /// The Google Cloud location.
    pub location: String,
    /// The workload of the estimate.
    pub workload: Workload,
    /// The billed items, the most expensive first.
    pub items: Vec<CostItem>,
    /// US dollars per month if the account's free allowances are unused.
    pub month: f64,
    /// US dollars per month if other workloads have used up the free allowances.
    pub month_without_allowances: f64,
    /// The copy of the GA4 export, if it lies in another location than the warehouse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ga4_copy: Option<Ga4Copy>,
}

/// The copy of a GA4 export that lies in another location than the warehouse.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ga4Copy {
    /// The location of the export.
    pub from: String,
    /// US dollars per GiB that is copied.
    pub usd_per_gib: f64,
    /// Whether the items contain its cost, because its size is known.
    pub included: bool,
}

impl Estimate {
    /// The most expensive item and its share of the month in percent, with or without the
    /// account's free `allowances`.
    pub fn largest_item(&self, allowances: bool) -> Option<(&CostItem, f64)> {
        let of =
            |item: &CostItem| if allowances { item.month } else { item.month_without_allowances };
        let total: f64 = self.items.iter().map(of).sum();
        let largest = self.items.iter().max_by(|a, b| of(a).total_cmp(&of(b)))?;
        (total > 0.0).then(|| (largest, of(largest) / total * 100.0))
    }
}

/// Estimates the monthly cost of a configuration and a workload. `region` may differ from the
/// source's region, to compare prices.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) if there are no prices for the region or location.
pub fn estimate(
    prices: &Prices,
    config: &Config,
    region: &str,
    workload: &Workload,
) -> Result<Estimate> {
    let aws = prices.aws(region)?;
    let location = &config.warehouse.location;
    let google = prices.google(location)?;
    let usage = workload::monthly_usage(config, workload);
    let mut items = data_items(&usage, aws);
    items.extend(operation_items(&usage, aws));
    items.extend(google_items(&usage, google));
    let ga4_copy = config.warehouse.ga4_elsewhere().map(|from| Ga4Copy {
        from: from.to_owned(),
        usd_per_gib: google.replication_gib.usd,
        included: workload.ga4_gib_per_day.is_some(),
    });
    if ga4_copy.as_ref().is_some_and(|copy| copy.included) {
        items.extend(ga4_items(&usage, google));
    }
    if config.histories().next().is_some() && workload.history_gib.is_some() {
        items.extend(history_items(&usage, google));
    }
    items.sort_by(|a, b| {
        b.month_without_allowances.total_cmp(&a.month_without_allowances).then(a.id.cmp(b.id))
    });
    Ok(Estimate {
        prices_as_of: prices.as_of.clone(),
        region: region.to_owned(),
        location: location.clone(),
        workload: *workload,
        month: items.iter().map(|item| item.month).sum(),
        month_without_allowances: items.iter().map(|item| item.month_without_allowances).sum(),
        items,
        ga4_copy,
    })
}

/// Snapshots, exports, their encryption and storage, and the transfer out of AWS.
fn data_items(usage: &MonthlyUsage, aws: &AwsPrices) -> Vec<CostItem> {
    // The free amount depends on the size of the database; it is not an allowance of the account
    // that other workloads could use up.
    let snapshots = CostItem {
        quantity: usage.snapshots_gib,
        free: usage.snapshots_free_gib,
        ..item(
            ("snapshots", "RDS storage of snapshots", "GiB-month"),
            (usage.snapshots_gib - usage.snapshots_free_gib).max(0.0),
            aws.backup_gib_month,
            "grows with the changes in the database and with the age of the oldest snapshot",
        )
    };
    vec![
        snapshots,
        item(
            ("export", "RDS export of the day's snapshot", "GiB"),
            usage.exported_gib,
            aws.export_gib,
            "grows with the size of the database's storage; exporting fewer tables does not lower it",
        ),
        item(
            ("egress", "transfer from AWS to Google Cloud", "GiB"),
            usage.egress_gib,
            aws.egress_gib,
            "grows with the Parquet of a day; dropped columns and tables lower it",
        ),
        item(
            ("kms-key", "KMS, key", "key-month"),
            usage.kms_keys,
            aws.kms_key_month,
            "is nothing if export.kms_key and proof.sign name existing keys; each of the first two yearly rotations of a key adds 1.00",
        ),
        item(
            ("kms-uses", "KMS, requests", "10,000 requests"),
            usage.key_uses_10k,
            aws.kms_10k,
            "grows with the hours between export and deadline",
        ),
        item(
            ("s3-storage", "S3 storage of exports, 7 days", "GiB-month"),
            usage.s3_gib,
            aws.s3_gib_month,
            "grows with the Parquet of a day and with export_retention_days",
        ),
        item(
            ("s3-writes", "S3 writes and listings", "1,000 requests"),
            usage.puts_1k,
            aws.s3_put_1k,
            "grows with the number of files, of tables and of starts",
        ),
        item(
            ("s3-reads", "S3 reads", "1,000 requests"),
            usage.gets_1k,
            aws.s3_get_1k,
            "grows with the number of files, of tables and of starts",
        ),
    ]
}

/// Functions, schedules, logs, alarms and secrets.
fn operation_items(usage: &MonthlyUsage, aws: &AwsPrices) -> Vec<CostItem> {
    vec![
        item(
            ("lambda-time", "Lambda memory and time", "GiB-second"),
            usage.lambda_gib_s,
            aws.lambda_gib_s,
            "grows with the Parquet of a day",
        ),
        item(
            ("lambda-starts", "Lambda starts", "million starts"),
            usage.starts_1m,
            aws.lambda_1m,
            "grows with the hours between export and deadline",
        ),
        item(
            ("scheduler", "EventBridge Scheduler", "million starts"),
            usage.starts_1m,
            aws.scheduler_1m,
            "grows with the hours between export and deadline",
        ),
        item(
            ("logs", "CloudWatch Logs", "GiB"),
            usage.logs_gib,
            aws.logs_gib,
            "grows with the number of starts",
        ),
        item(
            ("alarms", "CloudWatch alarms", "alarm-month"),
            usage.alarms,
            aws.alarm_month,
            "is the same for every workload; alerts adds three",
        ),
        item(
            ("metrics", "CloudWatch metrics from logs", "metric-month"),
            usage.metrics,
            aws.metric_month,
            "is the same for every workload",
        ),
        item(
            ("secret", "Secrets Manager, secrets", "secret-month"),
            usage.secrets,
            aws.secret_month,
            "is charged only if transfer.token_key or proof is set",
        ),
        item(
            ("secret-reads", "Secrets Manager, reads", "10,000 reads"),
            usage.secret_reads_10k,
            aws.secret_10k,
            "is charged only if transfer.token_key or proof is set",
        ),
        item(
            ("alert-mails", "SNS mails of alarms", "1,000 mails"),
            usage.mails_1k,
            aws.mail_1k,
            "grows with the number of alarms and of recipients",
        ),
        item(
            ("failures-queue", "SQS queues", "million requests"),
            usage.queue_requests_1m,
            aws.queue_1m,
            "grows with the number of ticks that fail after all retries; with transfer.fan_out, also with polls of the queue of workers",
        ),
    ]
}

/// Cloud Storage and BigQuery.
fn google_items(usage: &MonthlyUsage, google: &GooglePrices) -> Vec<CostItem> {
    vec![
        item(
            ("landing-storage", "Cloud Storage of Parquet files, 3 days", "GiB-month"),
            usage.landing_gib,
            google.storage_gib_month,
            "grows with the Parquet of a day and with landing_retention_days",
        ),
        item(
            ("landing-writes", "Cloud Storage writes", "1,000 writes"),
            usage.landing_writes_1k,
            google.storage_write_1k,
            "grows with the number of files",
        ),
        item(
            ("tables", "BigQuery storage (loads are free)", "GiB-month"),
            usage.table_gib,
            google.bigquery_gib_month,
            "grows with the tables",
        ),
    ]
}

/// The copy of the GA4 export. The free storage is counted once, by the tables.
fn ga4_items(usage: &MonthlyUsage, google: &GooglePrices) -> Vec<CostItem> {
    vec![
        item(
            ("ga4-copy", "BigQuery copy of the GA4 export", "GiB"),
            usage.ga4_copied_gib,
            google.replication_gib,
            "grows with the events of a day; an export in the warehouse's location needs no copy",
        ),
        item(
            ("ga4-storage", "BigQuery storage of that copy, a year", "GiB-month"),
            usage.ga4_stored_gib,
            Price { free: 0.0, ..google.bigquery_gib_month },
            "grows with the days that are kept; an expiration of the tables lowers it",
        ),
    ]
}

/// The histories of tables. The free storage is counted once, by the tables.
fn history_items(usage: &MonthlyUsage, google: &GooglePrices) -> Vec<CostItem> {
    let active = Price { free: 0.0, ..google.bigquery_gib_month };
    vec![
        item(
            ("history", "BigQuery storage of past days, up to 90 days", "GiB-month"),
            usage.history_gib,
            active,
            "grows with the size of the tables and the days that are kept",
        ),
        item(
            ("history-long-term", "BigQuery storage of past days, older ones", "GiB-month"),
            usage.history_long_term_gib,
            Price { usd: active.usd / 2.0, ..active },
            "grows with the size of the tables and the days that are kept",
        ),
    ]
}

fn item(
    (id, what, unit): (&'static str, &'static str, &'static str),
    quantity: f64,
    price: Price,
    lever: &'static str,
) -> CostItem {
    CostItem {
        id,
        what,
        quantity,
        unit,
        price: price.usd,
        free: price.free,
        month: (quantity - price.free).max(0.0) * price.usd,
        month_without_allowances: quantity * price.usd,
        uncertain: price.uncertain,
        lever,
    }
}
