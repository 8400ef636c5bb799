//! Dollars of a day by item, from `core`'s prices, without free allowances.

use landbridge_core::cost::prices::Price;
use landbridge_core::cost::{AwsPrices, GooglePrices, Prices};
use serde::Serialize;

use super::day::DayRun;
use super::network::Operation;

const REGION: &str = "ap-northeast-2";
const LOCATION: &str = "asia-northeast3";
/// Days of a month in the price lists: 730 hours.
const DAYS_A_MONTH: f64 = 730.0 / 24.0;
/// Days for which exports stay in S3, and files in Cloud Storage (defaults of the Terraform modules).
const EXPORT_DAYS: f64 = 7.0;
const LANDING_DAYS: f64 = 3.0;
const MIB_PER_GIB: f64 = 1024.0;
const BYTES_PER_GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// What a day used, in the units of the price list.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Quantities {
    /// GiB that left AWS.
    pub egress_gib: f64,
    /// Memory of functions times seconds.
    pub lambda_gib_s: f64,
    /// Starts of functions.
    pub starts: f64,
    /// S3: writes and listings of Landbridge.
    pub s3_writes: f64,
    /// S3: reads.
    pub s3_reads: f64,
    /// Cloud Storage: writes and listings.
    pub storage_writes: f64,
    /// Cloud Storage: reads, which the price list does not have.
    pub storage_reads: f64,
    /// BigQuery: requests, which are free.
    pub bigquery: f64,
    /// SQS: requests.
    pub queue: f64,
    /// Secrets Manager: reads.
    pub secrets: f64,
    /// Seconds of the function `transfer`.
    pub transfer_s: f64,
    /// Seconds of the function `load`.
    pub load_s: f64,
    /// Seconds of all workers.
    pub workers_s: f64,
}

impl Quantities {
    /// What a simulated day used.
    pub fn of(run: &DayRun) -> Self {
        let count = |operation| run.traffic.of(operation).all() as f64;
        let seconds = |function| run.functions.get(function).map_or(0.0, |it| it.seconds);
        let worker_starts = run.functions.get("transfer-item").map_or(0.0, |it| it.starts as f64);
        Self {
            egress_gib: run.traffic.sent_bytes / BYTES_PER_GIB,
            lambda_gib_s: run
                .functions
                .values()
                .map(|it| it.seconds * f64::from(it.memory_mb) / MIB_PER_GIB)
                .sum(),
            starts: run.functions.values().map(|it| it.starts as f64).sum(),
            s3_writes: count(Operation::S3Write),
            s3_reads: count(Operation::S3Read),
            storage_writes: count(Operation::StorageWrite),
            storage_reads: count(Operation::StorageRead),
            bigquery: count(Operation::Bigquery),
            // Lambda receives and deletes a batch by a request each.
            queue: count(Operation::Queue) + 2.0 * worker_starts,
            secrets: count(Operation::Secret),
            transfer_s: seconds("transfer"),
            load_s: seconds("load"),
            workers_s: seconds("transfer-item"),
        }
    }

    /// What a day of `all` used, computed from three simulated days. The second has fewer files than the first, the third
    /// fewer tables than the second. Bytes are taken as proportional to the tables, and every other quantity as linear in
    /// tables and in files.
    pub fn extrapolated(days: [(&Self, Size); 3], all: Size) -> Self {
        let [(first, size), (less_files, second), (less_tables, third)] = days;
        let line = |of: fn(&Self) -> f64| {
            let per_file = (of(first) - of(less_files)) / (size.files - second.files);
            let per_table = (of(less_files) - of(less_tables)) / (second.tables - third.tables);
            let more = per_file * (all.files - size.files) + per_table * (all.tables - size.tables);
            // Per table, a day with half of the tables has also half of the files: none is counted twice.
            let files_of_tables = per_file * (second.files - third.files)
                / (second.tables - third.tables)
                * (all.tables - size.tables);
            (of(first) + more - files_of_tables).max(0.0)
        };
        Self {
            egress_gib: first.egress_gib * all.tables / size.tables,
            lambda_gib_s: line(|it| it.lambda_gib_s),
            starts: line(|it| it.starts),
            s3_writes: line(|it| it.s3_writes),
            s3_reads: line(|it| it.s3_reads),
            storage_writes: line(|it| it.storage_writes),
            storage_reads: line(|it| it.storage_reads),
            bigquery: line(|it| it.bigquery),
            queue: line(|it| it.queue),
            secrets: line(|it| it.secrets),
            transfer_s: line(|it| it.transfer_s),
            load_s: line(|it| it.load_s),
            workers_s: line(|it| it.workers_s),
        }
    }
}

/// The size of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Tables.
    pub tables: f64,
    /// Files.
    pub files: f64,
}

/// An item of a bill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// What it is.
    pub what: &'static str,
    /// How much of it.
    pub quantity: f64,
    /// The unit.
    pub unit: &'static str,
    /// US dollars.
    pub usd: f64,
}

fn item(what: &'static str, unit: &'static str, quantity: f64, per: f64, price: Price) -> Item {
    Item { what, quantity, unit, usd: quantity / per * price.usd }
}

/// The bill of a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bill {
    /// Egress, compute and requests.
    pub items: Vec<Item>,
    /// Their sum, in US dollars.
    pub total: f64,
    /// What the export costs beside that, whatever Landbridge does with it.
    pub export: Vec<Item>,
    /// What is stored.
    pub storage: Vec<Item>,
}

/// The bill of a day with these quantities, of an export of `gib` GiB in `files` files.
///
/// # Errors
/// Never in a build whose tests passed: the price list is part of the program.
pub fn bill(used: &Quantities, gib: f64, files: f64) -> landbridge_core::Result<Bill> {
    let prices = Prices::shipped()?;
    let (aws, google): (&AwsPrices, &GooglePrices) =
        (prices.aws(REGION)?, prices.google(LOCATION)?);
    let items = vec![
        item("bytes out of AWS", "GiB", used.egress_gib, 1.0, aws.egress_gib),
        item("Lambda: memory and time", "GiB-s", used.lambda_gib_s, 1.0, aws.lambda_gib_s),
        item("Lambda: starts", "starts", used.starts, 1e6, aws.lambda_1m),
        item("S3: writes and listings", "requests", used.s3_writes, 1e3, aws.s3_put_1k),
        item("S3: reads", "requests", used.s3_reads, 1e3, aws.s3_get_1k),
        item(
            "Cloud Storage: writes",
            "requests",
            used.storage_writes,
            1e3,
            google.storage_write_1k,
        ),
        item("SQS", "requests", used.queue, 1e6, aws.queue_1m),
        item("Secrets Manager", "reads", used.secrets, 1e4, aws.secret_10k),
        // With a bucket key, at most one use of the key per start and role.
        item("KMS", "uses", used.starts, 1e4, aws.kms_10k),
    ];
    Ok(Bill {
        total: items.iter().map(|it| it.usd).sum(),
        items,
        export: vec![
            item("RDS: export of the snapshot", "GiB", gib, 1.0, aws.export_gib),
            item("S3: RDS's writes of the files", "requests", files, 1e3, aws.s3_put_1k),
        ],
        storage: vec![
            item("S3: exports of 7 days", "GiB", gib * EXPORT_DAYS, DAYS_A_MONTH, aws.s3_gib_month),
            item(
                "Cloud Storage: files of 3 days",
                "GiB",
                used.egress_gib * LANDING_DAYS,
                DAYS_A_MONTH,
                google.storage_gib_month,
            ),
        ],
    })
}
