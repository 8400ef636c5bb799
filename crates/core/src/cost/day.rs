//! One day's charges, from what its receipts and the ledger counted.

use serde::Serialize;

use super::prices::AwsPrices;
use crate::calendar::Day;

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;

/// What was counted of a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayUsage {
    /// The day.
    pub day: Day,
    /// Tables with a receipt.
    pub tables: usize,
    /// Files carried.
    pub files: u64,
    /// Their bytes in S3, as exported.
    pub exported_bytes: u64,
    /// Their bytes in Cloud Storage, as carried; none where the ledger does not tell any more.
    pub transferred_bytes: Option<u64>,
    /// Rows loaded.
    pub rows: u64,
    /// Running time of the load jobs, in milliseconds.
    pub load_ms: u64,
}

/// What a day's export and transfer cost, before free allowances. The rest of the month does
/// not depend on a day: see [`estimate`](super::estimate()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayCost {
    /// What was counted.
    #[serde(flatten)]
    pub usage: DayUsage,
    /// The export, where the database's size is known.
    pub export_usd: Option<f64>,
    /// The transfer to GooglePrices Cloud.
    pub egress_usd: f64,
}

impl DayUsage {
    /// Its charges; `database_gib` is the size of the database's storage.
    pub fn cost(self, aws: &AwsPrices, database_gib: Option<f64>) -> DayCost {
        let crossed = gib(self.transferred_bytes.unwrap_or(self.exported_bytes));
        DayCost {
            export_usd: database_gib.map(|gib| gib * aws.export_gib.usd),
            egress_usd: crossed * aws.egress_gib.usd,
            usage: self,
        }
    }
}

/// GiB of bytes.
pub fn gib(bytes: u64) -> f64 {
    #[allow(clippy::cast_precision_loss)] // money with two digits
    let bytes = bytes as f64;
    bytes / GIB
}
