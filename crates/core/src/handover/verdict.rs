//! The advice: it says first when Landbridge is not the one to take.

use serde::Serialize;

use super::{Freshness, Need, WayCost};

/// A way that saves less than this share of Landbridge's month is not worth a move.
const WORTH_PERCENT: f64 = 20.0;
/// Neither is one that saves less than this, in US dollars a month.
const WORTH_USD: f64 = 25.0;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// Landbridge does not do what is needed.
    Other,
    /// Another way costs clearly less, by its upper estimate too.
    Cheaper,
    /// Another way may cost clearly less: its lower estimate does, or items without a price are missing.
    PerhapsCheaper,
    /// Landbridge.
    Landbridge,
}

/// The advice and its reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// What to do.
    pub advice: Advice,
    /// The way that the advice names.
    pub way: String,
    /// Two or three sentences.
    pub text: String,
}

/// The advice for these ways, the first of which is Landbridge. `export` is the cost of one export.
pub(super) fn of(ways: &[WayCost], need: Need, export: f64) -> Verdict {
    let Some((ours, others)) = ways.split_first() else {
        return Verdict { advice: Advice::Landbridge, way: String::new(), text: String::new() };
    };
    let fitting = || others.iter().filter(|it| it.unfit.is_empty());
    let priced = |it: &&WayCost| it.complete;
    let by_high = |a: &&WayCost, b: &&WayCost| a.month.high.total_cmp(&b.month.high);
    let by_low = |a: &&WayCost, b: &&WayCost| a.month.low.total_cmp(&b.month.low);
    if !ours.unfit.is_empty() {
        return other(
            fitting().min_by(|a, b| b.complete.cmp(&a.complete).then(by_high(a, b))),
            need,
        );
    }
    let month = ours.month.low;
    let clearly =
        |usd: f64| usd <= month * (1.0 - WORTH_PERCENT / 100.0) && usd <= month - WORTH_USD;
    let surely = fitting().filter(priced).filter(|it| clearly(it.month.high)).min_by(by_high);
    if let Some(way) = surely {
        let text = format!(
            "{} costs less: {} instead of {month:.2} USD a month.{} Take it if you can do without what it lacks.",
            way.name,
            range(way),
            besides(way)
        );
        return Verdict { advice: Advice::Cheaper, way: way.id.clone(), text };
    }
    if let Some(way) = fitting().filter(|it| clearly(it.month.low)).min_by(by_low) {
        let text = format!(
            "{} may cost less: {} instead of {month:.2} USD a month.{} Measure it with a few tables before you decide.",
            way.name,
            range(way),
            besides(way)
        );
        return Verdict { advice: Advice::PerhapsCheaper, way: way.id.clone(), text };
    }
    let text = format!(
        "Landbridge fits: {month:.2} USD a month, of which RDS takes {export:.2} a day for the export alone. No other way \
         saves {WORTH_PERCENT:.0} % and {WORTH_USD:.0} USD a month."
    );
    Verdict { advice: Advice::Landbridge, way: ours.id.clone(), text }
}

/// Landbridge is too slow.
fn other(way: Option<&WayCost>, need: Need) -> Verdict {
    let age = match need.every {
        Freshness::Minutes => "minutes",
        Freshness::Hour | Freshness::Day => "an hour",
    };
    let Some(way) = way else {
        let text = format!(
            "Not Landbridge: its rows are up to a day old, and you need rows that are {age} old. No way of this list takes your \
             tables: split them over several streams of Datastream."
        );
        return Verdict { advice: Advice::Other, way: String::new(), text };
    };
    let text = format!(
        "Not Landbridge: its rows are up to a day old, and you need rows that are {age} old. Take {}: {} USD a month.{}",
        way.name,
        range(way),
        besides(way)
    );
    Verdict { advice: Advice::Other, way: way.id.clone(), text }
}

fn range(way: &WayCost) -> String {
    let (low, high) = (way.month.low, way.month.high);
    if high - low < 0.01 { format!("{low:.2}") } else { format!("{low:.2} to {high:.2}") }
}

fn besides(way: &WayCost) -> String {
    if way.not_included.is_empty() {
        String::new()
    } else {
        format!(" Not included: {}.", way.not_included.join("; "))
    }
}
