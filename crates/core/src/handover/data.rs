//! What `ways.json` says: prices and properties of other ways, each with its source.

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// The file that is part of the program.
const SHIPPED: &str = include_str!("ways.json");

/// A unit price that may fall as the usage of a month grows.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TieredPrice {
    /// By rising `from`.
    tiers: Vec<Tier>,
    /// Where the price is from.
    pub source: String,
    /// Whether it was unconfirmed when the file was written.
    #[serde(default)]
    pub uncertain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    /// Units a month from which the price applies to further units.
    from: f64,
    usd: f64,
}

impl TieredPrice {
    /// US dollars for `quantity` units in a month: every unit has the price of its own tier.
    pub fn cost(&self, quantity: f64) -> f64 {
        let until = self.tiers.iter().skip(1).map(|tier| tier.from).chain([f64::INFINITY]);
        self.tiers
            .iter()
            .zip(until)
            .map(|(tier, until)| (quantity.min(until) - tier.from).max(0.0) * tier.usd)
            .sum()
    }
}

/// The prices of other ways.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayPrices {
    /// A GiB of changes that Datastream processes.
    pub datastream_cdc_gib: TieredPrice,
    /// A GiB of existing rows that Datastream reads once.
    pub datastream_backfill_gib: TieredPrice,
    /// An hour of a replication instance of AWS DMS.
    pub dms_hour: TieredPrice,
}

/// How many bytes Datastream processes for one byte of data.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// At least.
    pub low: f64,
    /// At most, for most uses.
    pub high: f64,
    /// Where this is from.
    pub source: String,
}

/// How old the newest rows may be. The order is from the freshest to the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// Minutes.
    Minutes,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

/// What a way lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lack {
    /// One phrase.
    pub what: String,
    /// Where this is from; empty if no source says it.
    pub source: String,
    /// Whether it is not confirmed.
    #[serde(default)]
    pub uncertain: bool,
}

/// A way from RDS to BigQuery.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// A short, stable identifier for programs.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How fresh rows can be.
    pub freshest: Freshness,
    /// The most tables that it takes.
    #[serde(default)]
    pub max_tables: Option<f64>,
    /// Whether the items with a known price are most of its cost.
    pub complete: bool,
    /// What costs more and is not in the items.
    pub not_included: Vec<String>,
    /// What it lacks.
    pub lacks: Vec<Lack>,
}

/// All ways, and the prices that `prices.json` does not have.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ways {
    /// The month of the prices.
    pub as_of: String,
    currency: String,
    /// The prices.
    pub prices: WayPrices,
    /// Bytes that Datastream processes for a changed byte.
    pub processed_per_changed_byte: Factor,
    /// The ways; Landbridge is the first one.
    pub ways: Vec<Way>,
}

impl Ways {
    /// The file that is part of the program.
    ///
    /// # Errors
    /// Never in a build whose tests passed.
    pub fn shipped() -> Result<Self> {
        let problem = |cause: String| {
            Error::new(ErrorKind::Config, "the list of other ways is not valid", "ways.json")
                .caused_by(cause)
        };
        let ways: Self =
            serde_json::from_str(SHIPPED).map_err(|error| problem(error.to_string()))?;
        if ways.currency == "USD" { Ok(ways) } else { Err(problem("not in USD".to_owned())) }
    }
}
