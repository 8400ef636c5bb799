//! When another way from RDS to BigQuery is better than Landbridge: the cost of a month of each, what each lacks, and
//! an advice that says first if Landbridge is not the one to take.
//!
//! | module | contents |
//! |---|---|
//! | here | the comparison |
//! | [`cost`] | the items of each way |
//! | [`data`] | `ways.json`: prices and properties, each with its source |
//! | [`verdict`] | the advice |

mod cost;
pub mod data;
mod verdict;

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::Result;
use crate::config::Config;
use crate::cost::{Estimate, Prices, Workload, estimate};

pub use cost::WayItem;
pub use data::{Freshness, Lack, Ways};
pub use verdict::{Advice, Verdict};

/// What the rows in BigQuery are needed for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    /// How old the newest rows may be.
    pub every: Freshness,
}

/// An amount that is known to lie between two bounds, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

impl Range {
    fn of(usd: f64) -> Self {
        Self { low: usd, high: usd }
    }
}

impl std::iter::Sum for Range {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::of(0.0), |a, b| Self { low: a.low + b.low, high: a.high + b.high })
    }
}

/// One way: what it costs and what it lacks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WayCost {
    /// A short, stable identifier for programs.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How fresh its rows can be.
    pub freshest: Freshness,
    /// US dollars a month, if the account's free allowances are unused.
    pub month: Range,
    /// US dollars once, for the first copy.
    pub once: Range,
    /// What is charged.
    pub items: Vec<WayItem>,
    /// What costs more and is not in the items.
    pub not_included: Vec<String>,
    /// Whether the items with a known price are most of its cost.
    pub complete: bool,
    /// What it lacks.
    pub lacks: Vec<Lack>,
    /// Why it does not do what is needed; empty if it does.
    pub unfit: Vec<String>,
}

/// All ways for one workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Handover {
    /// The advice.
    pub verdict: Verdict,
    /// The month of the prices of other ways.
    pub prices_as_of: String,
    /// The AWS region.
    pub region: String,
    /// The workload.
    pub workload: Workload,
    /// How old the newest rows may be.
    pub every: Freshness,
    /// US dollars that RDS charges every day for the export alone.
    pub export_usd_per_day: f64,
    /// Below how many percent of changed bytes a day Datastream costs less: surely below `low`, surely not above
    /// `high`. `None` if it costs less or more at any change.
    pub datastream_is_cheaper_below_percent: Option<Range>,
    /// The ways; Landbridge is the first one.
    pub ways: Vec<WayCost>,
}

/// Compares all ways. Pure: the same inputs give the same result.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) if there are no prices for the region or location.
pub fn compare(
    prices: &Prices,
    ways: &Ways,
    config: &Config,
    region: &str,
    workload: &Workload,
    need: Need,
) -> Result<Handover> {
    let base = Base { prices, ways, config, region };
    let estimate = base.estimate(workload)?;
    let all: Vec<WayCost> =
        ways.ways.iter().map(|way| cost::of(&base, way, &estimate, need)).collect::<Result<_>>()?;
    let export = prices.aws(region)?.export_gib.usd * workload.database_gib;
    let cheaper_below = break_even(&base, workload)?;
    Ok(Handover {
        verdict: verdict::of(&all, need, export),
        prices_as_of: ways.as_of.clone(),
        region: region.to_owned(),
        workload: *workload,
        every: need.every,
        export_usd_per_day: export,
        datastream_is_cheaper_below_percent: cheaper_below,
        ways: all,
    })
}

/// What all ways are computed from.
struct Base<'a> {
    prices: &'a Prices,
    ways: &'a Ways,
    config: &'a Config,
    region: &'a str,
}

impl Base<'_> {
    fn estimate(&self, workload: &Workload) -> Result<Estimate> {
        estimate(self.prices, self.config, self.region, workload)
    }
}

/// The change at which Datastream costs as much as Landbridge, by its upper and its lower estimate.
fn break_even(base: &Base<'_>, workload: &Workload) -> Result<Option<Range>> {
    let at = |percent: f64, high: bool| -> Result<bool> {
        let workload = Workload { change_percent_per_day: percent, ..*workload };
        let estimate = base.estimate(&workload)?;
        let month: Range = cost::datastream(base, &estimate)?.iter().map(|it| it.month).sum();
        Ok(if high { month.high } else { month.low } < estimate.month)
    };
    let mut found = [0.0; 2];
    for (found, high) in found.iter_mut().zip([true, false]) {
        let (mut cheaper, mut dearer) = (0.0, 100.0);
        if !at(cheaper, high)? || at(dearer, high)? {
            return Ok(None);
        }
        // Forty halvings of a hundred percent are far more exact than the prices.
        for _ in 0..40 {
            let middle = f64::midpoint(cheaper, dearer);
            if at(middle, high)? { cheaper = middle } else { dearer = middle }
        }
        *found = cheaper;
    }
    let [low, high] = found;
    Ok(Some(Range { low, high }))
}
