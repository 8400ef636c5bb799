//! The cost of one day, from the quantities in its receipts and the ledger.

use serde::Serialize;

use super::prices::AwsPrices;
use crate::calendar::Day;

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;

/// The measured usage of a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayUsage {
    /// The day.
    pub day: Day,
    /// Tables with a receipt.
    pub tables: usize,
    /// Number of transferred files.
    pub files: u64,
    /// Bytes of the exported files in S3.
    pub exported_bytes: u64,
    /// Bytes of the transferred files in Cloud Storage; `None` if the ledger no longer has them.
    pub transferred_bytes: Option<u64>,
    /// Number of loaded rows.
    pub rows: u64,
    /// Run time of the load jobs, in milliseconds.
    pub load_ms: u64,
}

/// The cost of a day's export and transfer, before free allowances. The other items do not
/// depend on a single day; see [`estimate`](super::estimate()).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayCost {
    /// The measured usage.
    #[serde(flatten)]
    pub usage: DayUsage,
    /// Cost of the export in US dollars, if the size of the database is known.
    pub export_usd: Option<f64>,
    /// Cost of the transfer to Google Cloud, in US dollars.
    pub egress_usd: f64,
}

impl DayUsage {
    /// The cost of this usage; `database_gib` is the size of the database's storage in GiB.
    pub fn cost(self, aws: &AwsPrices, database_gib: Option<f64>) -> DayCost {
        let transferred = gib(self.transferred_bytes.unwrap_or(self.exported_bytes));
        DayCost {
            export_usd: database_gib.map(|gib| gib * aws.export_gib.usd),
            egress_usd: transferred * aws.egress_gib.usd,
            usage: self,
        }
    }
}

/// Converts bytes to GiB.
pub fn gib(bytes: u64) -> f64 {
    #[allow(clippy::cast_precision_loss)] // money with two digits
    let bytes = bytes as f64;
    bytes / GIB
}
