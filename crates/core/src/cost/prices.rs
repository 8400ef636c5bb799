//! Unit prices, from a dated price list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// The price list that is part of the program.
const SHIPPED: &str = include_str!("prices.json");

/// The key of the prices that apply to every location that is not listed.
const ANY_LOCATION: &str = "*";

/// A unit price with the monthly free allowance of an account.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// US dollars per unit. The field name contains the unit.
    pub usd: f64,
    /// Free units per month, shared by all workloads of the account.
    #[serde(default)]
    pub free: f64,
    /// Whether the price was unconfirmed when the list was written.
    #[serde(default)]
    pub uncertain: bool,
}

/// Prices of an AWS region. GiB is what AWS's price lists call GB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsPrices {
    /// Storage of snapshots beyond the size of the databases themselves.
    pub backup_gib_month: Price,
    /// Export of a snapshot, per GiB of the snapshot, even if only a part of it is exported.
    pub export_gib: Price,
    /// S3 Standard.
    pub s3_gib_month: Price,
    /// A thousand writes and listings.
    pub s3_put_1k: Price,
    /// A thousand reads.
    pub s3_get_1k: Price,
    /// Data transfer from AWS to the internet, which includes Google Cloud.
    pub egress_gib: Price,
    /// Memory of a function per second, arm64.
    pub lambda_gib_s: Price,
    /// A million function invocations.
    pub lambda_1m: Price,
    /// A million invocations by a schedule.
    pub scheduler_1m: Price,
    /// A customer-managed key.
    pub kms_key_month: Price,
    /// Ten thousand uses of a key.
    pub kms_10k: Price,
    /// Ingested logs.
    pub logs_gib: Price,
    /// An alarm.
    pub alarm_month: Price,
    /// A metric derived from logs.
    pub metric_month: Price,
    /// A secret.
    pub secret_month: Price,
    /// Ten thousand reads of secrets.
    pub secret_10k: Price,
    /// A thousand mails.
    pub mail_1k: Price,
    /// A million requests to a queue.
    pub queue_1m: Price,
}

/// Prices of a Google Cloud location. BigQuery load jobs are free.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GooglePrices {
    /// Cloud Storage Standard.
    pub storage_gib_month: Price,
    /// A thousand writes to Cloud Storage.
    pub storage_write_1k: Price,
    /// BigQuery's active logical storage.
    pub bigquery_gib_month: Price,
    /// BigQuery's data replication of a dataset to this location from another continent, which costs
    /// more than from the same one.
    #[serde(default = "GooglePrices::replication")]
    pub replication_gib: Price,
}

impl GooglePrices {
    /// Google's price of traffic between North America and Asia, for a list without the field. It is not
    /// confirmed that BigQuery's replication costs the same.
    fn replication() -> Price {
        Price { usd: 0.08, free: 0.0, uncertain: true }
    }
}

/// A price list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day or month of the prices, such as `2026-11`.
    pub as_of: String,
    /// The currency: USD.
    pub currency: String,
    /// The source of the prices.
    pub source: String,
    /// By AWS region.
    pub aws: BTreeMap<String, AwsPrices>,
    /// By location; `*` applies to every other location.
    pub google: BTreeMap<String, GooglePrices>,
}

impl Prices {
    /// The price list that is part of the program.
    ///
    /// # Errors
    /// Never in a build whose tests passed.
    pub fn shipped() -> Result<Self> {
        Self::parse("the prices that come with landbridge", SHIPPED)
    }

    /// Parses a price list. `file` is the name shown in errors.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it does not have the format of the built-in list.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let prices: Self = serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorKind::Config, "the price list is not valid", file)
                .caused_by(error.to_string())
        })?;
        if prices.currency != "USD" {
            return Err(Error::new(
                ErrorKind::Config,
                "the prices of the list are not in USD",
                file,
            ));
        }
        Ok(prices)
    }

    /// The prices of a region.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the list does not contain the region; names the known regions.
    pub fn aws(&self, region: &str) -> Result<&AwsPrices> {
        self.aws.get(region).ok_or_else(|| {
            let known: Vec<&str> = self.aws.keys().map(String::as_str).collect();
            Error::new(
                ErrorKind::Config,
                "the price list does not contain the region",
                format!("{region}; it contains {}", known.join(", ")),
            )
        })
    }

    /// The prices of a location; if the list does not contain it, those for all other locations.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the list contains neither.
    pub fn google(&self, location: &str) -> Result<&GooglePrices> {
        self.google
            .get(&location.to_ascii_lowercase())
            .or_else(|| self.google.get(ANY_LOCATION))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Config,
                    "the price list does not contain the location",
                    location,
                )
            })
    }
}
