//! The month, item by item.

use serde::Serialize;

use super::prices::{Price, Prices};
use super::workload::{self, Workload};
use crate::Result;
use crate::config::Config;

/// One thing that is charged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostItem {
    /// A short name that stays, for programs.
    pub id: &'static str,
    /// What it is.
    pub what: &'static str,
    /// How many units a month.
    pub quantity: f64,
    /// The unit.
    pub unit: &'static str,
    /// US dollars per unit.
    pub price: f64,
    /// Units of it that are free.
    pub free: f64,
    /// US dollars a month, when nobody else uses the account's free allowances.
    pub month: f64,
    /// US dollars a month, when others have used them up.
    pub month_without_allowances: f64,
    /// Whether the price is not confirmed.
    pub uncertain: bool,
    /// What makes it more or less, as the end of a sentence that begins with "it".
    pub lever: &'static str,
}

/// A month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Of when the prices are.
    pub prices_as_of: String,
    /// The AWS region.
    pub region: String,
    /// The GooglePrices Cloud location.
    pub location: String,
    /// What was measured.
    pub workload: Workload,
    /// What is charged, the dearest first.
    pub items: Vec<CostItem>,
    /// US dollars a month, when nobody else uses the account's free allowances.
    pub month: f64,
    /// US dollars a month, when others have used them up.
    pub month_without_allowances: f64,
}

impl Estimate {
    /// The dearest item, with its share of the month in percent, by whether the account's free
    /// allowances are there.
    pub fn largest_item(&self, allowances: bool) -> Option<(&CostItem, f64)> {
        let of =
            |item: &CostItem| if allowances { item.month } else { item.month_without_allowances };
        let total: f64 = self.items.iter().map(of).sum();
        let dearest = self.items.iter().max_by(|a, b| of(a).total_cmp(&of(b)))?;
        (total > 0.0).then(|| (dearest, of(dearest) / total * 100.0))
    }
}

/// Estimates the month of a configuration and a workload. `region` other than the source's
/// asks what it would be there.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) when there are no prices of the region or location.
pub fn estimate(
    prices: &Prices,
    config: &Config,
    region: &str,
    workload: &Workload,
) -> Result<Estimate> {
    let aws = prices.aws(region)?;
    let location = &config.warehouse.location;
    let google = prices.google(location)?;
    let used = workload::monthly_usage(config, workload);
    // What a database's size leaves free is its own, and no allowance that others could use up.
    let snapshots = CostItem {
        quantity: used.snapshots_gib,
        free: used.snapshots_free_gib,
        ..item(
            ("snapshots", "RDS storage of snapshots", "GiB-month"),
            (used.snapshots_gib - used.snapshots_free_gib).max(0.0),
            aws.backup_gib_month,
            "grows with what changes in the database and with the oldest snapshot that is kept",
        )
    };
    let mut items = vec![
        snapshots,
        item(
            ("export", "RDS export of the day's snapshot", "GiB"),
            used.exported_gib,
            aws.export_gib,
            "grows with the size of the database's storage; exporting fewer tables does not lower it",
        ),
        item(
            ("egress", "transfer from AWS to GooglePrices Cloud", "GiB"),
            used.egress_gib,
            aws.egress_gib,
            "grows with the Parquet of a day; columns and tables that stay behind lower it",
        ),
        item(
            ("kms-key", "KMS, the key", "key-month"),
            1.0,
            aws.kms_key_month,
            "is the same for every workload",
        ),
        item(
            ("kms-uses", "KMS, uses of the key", "10,000 uses"),
            used.key_uses_10k,
            aws.kms_10k,
            "grows with the number of files",
        ),
        item(
            ("s3-storage", "S3 storage of exports, 7 days", "GiB-month"),
            used.s3_gib,
            aws.s3_gib_month,
            "grows with the Parquet of a day and with export_retention_days",
        ),
        item(
            ("s3-writes", "S3 writes and listings", "1,000 requests"),
            used.puts_1k,
            aws.s3_put_1k,
            "grows with the number of files and of starts",
        ),
        item(
            ("s3-reads", "S3 reads", "1,000 requests"),
            used.gets_1k,
            aws.s3_get_1k,
            "grows with the number of files and of starts",
        ),
        item(
            ("lambda-time", "Lambda memory and time", "GiB-second"),
            used.lambda_gib_s,
            aws.lambda_gib_s,
            "grows with the Parquet of a day",
        ),
        item(
            ("lambda-starts", "Lambda starts", "million starts"),
            used.starts_1m,
            aws.lambda_1m,
            "grows with the hours between export and deadline",
        ),
        item(
            ("scheduler", "EventBridge Scheduler", "million starts"),
            used.starts_1m,
            aws.scheduler_1m,
            "grows with the hours between export and deadline",
        ),
        item(
            ("logs", "CloudWatch Logs", "GiB"),
            used.logs_gib,
            aws.logs_gib,
            "grows with the number of starts",
        ),
        item(
            ("alarms", "CloudWatch alarms", "alarm-month"),
            used.alarms,
            aws.alarm_month,
            "is the same for every workload",
        ),
        item(
            ("metrics", "CloudWatch metrics from logs", "metric-month"),
            used.metrics,
            aws.metric_month,
            "is the same for every workload",
        ),
        item(
            ("secret", "Secrets Manager, the key of tokens", "secret-month"),
            used.secrets,
            aws.secret_month,
            "is there when transfer.token_key is",
        ),
        item(
            ("secret-reads", "Secrets Manager, reads", "10,000 reads"),
            used.secret_reads_10k,
            aws.secret_10k,
            "is there when transfer.token_key is",
        ),
        item(
            ("alert-mails", "SNS mails of alarms", "1,000 mails"),
            used.mails_1k,
            aws.mail_1k,
            "grows with alarms and with who is told",
        ),
        item(
            ("failures-queue", "SQS queue of failures", "million requests"),
            used.mails_1k / 1e3,
            aws.queue_1m,
            "grows with ticks that fail for good",
        ),
        item(
            ("landing-storage", "Cloud Storage of carried files, 7 days", "GiB-month"),
            used.landing_gib,
            google.storage_gib_month,
            "grows with the Parquet of a day and with landing_retention_days",
        ),
        item(
            ("landing-writes", "Cloud Storage writes", "1,000 writes"),
            used.landing_writes_1k,
            google.storage_write_1k,
            "grows with the number of files",
        ),
        item(
            ("tables", "BigQuery storage (loads are free)", "GiB-month"),
            used.table_gib,
            google.bigquery_gib_month,
            "grows with the tables",
        ),
    ];
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
    })
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
