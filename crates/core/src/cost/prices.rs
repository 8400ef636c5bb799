//! Unit prices, from a file that says of which day they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// The prices that come with Landbridge.
const SHIPPED: &str = include_str!("prices.json");

/// The location whose prices stand for those of every location that is not named.
const ANY_LOCATION: &str = "*";

/// A unit price, and how much of it an account gets free every month.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// US dollars per unit. The unit is in the field's name.
    pub usd: f64,
    /// Units a month that cost nothing, shared by everything in the account.
    #[serde(default)]
    pub free: f64,
    /// Whether the price was not confirmed when the file was made.
    #[serde(default)]
    pub uncertain: bool,
}

/// Prices of an AWS region. GiB is what AWS's price lists call GB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsPrices {
    /// Storage of snapshots beyond the size of the databases themselves.
    pub backup_gib_month: Price,
    /// Export of a snapshot, per GiB of the snapshot, whatever part of it is exported.
    pub export_gib: Price,
    /// S3 Standard.
    pub s3_gib_month: Price,
    /// A thousand writes and listings.
    pub s3_put_1k: Price,
    /// A thousand reads.
    pub s3_get_1k: Price,
    /// What leaves AWS for the internet, GooglePrices Cloud being that.
    pub egress_gib: Price,
    /// A function's memory for a second, arm64.
    pub lambda_gib_s: Price,
    /// A million starts.
    pub lambda_1m: Price,
    /// A million starts by a schedule.
    pub scheduler_1m: Price,
    /// A customer-managed key.
    pub kms_key_month: Price,
    /// Ten thousand uses of a key.
    pub kms_10k: Price,
    /// Logs taken in.
    pub logs_gib: Price,
    /// An alarm.
    pub alarm_month: Price,
    /// A metric made from logs.
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

/// Prices of a GooglePrices Cloud location. Load jobs of BigQuery are free.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GooglePrices {
    /// Cloud Storage Standard.
    pub storage_gib_month: Price,
    /// A thousand writes to Cloud Storage.
    pub storage_write_1k: Price,
    /// BigQuery's active logical storage.
    pub bigquery_gib_month: Price,
}

/// All prices of a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day or month, such as `2026-11`.
    pub as_of: String,
    /// The currency: USD.
    pub currency: String,
    /// Where they are from.
    pub source: String,
    /// By region.
    pub aws: BTreeMap<String, AwsPrices>,
    /// By location; `*` is every other one.
    pub google: BTreeMap<String, GooglePrices>,
}

impl Prices {
    /// The prices that come with Landbridge.
    ///
    /// # Errors
    /// None in a build whose tests passed.
    pub fn shipped() -> Result<Self> {
        Self::parse("the prices that come with landbridge", SHIPPED)
    }

    /// Reads a file of prices. `file` is only used to name it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it is not of the form of the one that comes with Landbridge.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let prices: Self = serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorKind::Config, "a file of prices cannot be used", file)
                .caused_by(error.to_string())
        })?;
        if prices.currency != "USD" {
            return Err(Error::new(ErrorKind::Config, "prices are not in USD", file));
        }
        Ok(prices)
    }

    /// The prices of a region.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the file lacks it, naming those that it has.
    pub fn aws(&self, region: &str) -> Result<&AwsPrices> {
        self.aws.get(region).ok_or_else(|| {
            let known: Vec<&str> = self.aws.keys().map(String::as_str).collect();
            Error::new(
                ErrorKind::Config,
                "there are no prices of a region",
                format!("{region}; there are those of {}", known.join(", ")),
            )
        })
    }

    /// The prices of a location; of one that is not named, those that stand for all others.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the file has neither.
    pub fn google(&self, location: &str) -> Result<&GooglePrices> {
        self.google
            .get(&location.to_ascii_lowercase())
            .or_else(|| self.google.get(ANY_LOCATION))
            .ok_or_else(|| {
                Error::new(ErrorKind::Config, "there are no prices of a location", location)
            })
    }
}
