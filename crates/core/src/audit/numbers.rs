//! Sums and bounds of numbers, dates and times. The rules know the values of sealed figures; the verdicts do not
//! say them.

use super::{Audited, Check, Hidden, MIN_DAYS, TableFigures, Verdict, spread};
use crate::proof::Total;
use crate::rewrite::Bound;

/// Columns with fewer values are never a finding: their mean depends on single values.
const MIN_VALUES: u64 = 50;
/// A mean that changed by a smaller factor is never a finding, as a logarithm: the factor 3.
const MIN_FACTOR: f64 = 1.0986;
/// A mean is a finding if its change is so many times as large as usual.
const TIMES_USUAL: f64 = 8.0;
/// Bounds are a finding if both are larger, or both are smaller, by more than this factor.
const BOUND_FACTOR: f64 = 5.0;
/// Dates are a finding if they are outside of all earlier ones by more than 50 years.
const MICROS_OF_50_YEARS: i128 = 50 * 366 * 86_400_000_000;

/// The numbers, dates and times of each column against the earlier days.
pub(super) fn numbers(it: &Audited<'_>) -> Vec<Verdict> {
    if it.history.len() < MIN_DAYS {
        return vec![Verdict::waits(Check::Numbers, it.history.len())];
    }
    let key = it.key().map(|(key, _)| key);
    let mut verdicts = Vec::new();
    let mut seen = 0_usize;
    for (column, today) in &it.today.columns {
        let Some(hidden) = &today.hidden else { continue };
        let earlier: Vec<(&TableFigures, &Hidden)> =
            it.history.iter().filter_map(|day| Some((day, day.hidden(column)?))).collect();
        // The mean of a key grows with it; a reset is found by its range.
        if earlier.len() < MIN_DAYS || key == Some(column) {
            continue;
        }
        seen += 1;
        let values = it.today.values(column).unwrap_or(0);
        let found = (values >= MIN_VALUES).then(|| {
            mean(column, it.today, hidden, &earlier)
                .or_else(|| fraction(hidden, &earlier))
                .or_else(|| both_bounds(hidden, &earlier))
        });
        let found = found.flatten().or_else(|| far_dates(hidden, &earlier));
        verdicts.extend(found.map(|text| Verdict::found(Check::Numbers, text).of(column)));
    }
    match (verdicts.is_empty(), seen, it.unsealed) {
        (true, 0, Some(why)) => vec![Verdict::unsealed(Check::Numbers, why)],
        (true, 0, None) => Vec::new(),
        (true, ..) => vec![Verdict::passed(Check::Numbers)],
        (false, ..) => verdicts,
    }
}

/// The mean of the values, where the sum is known.
fn mean(
    column: &str,
    today: &TableFigures,
    hidden: &Hidden,
    earlier: &[(&TableFigures, &Hidden)],
) -> Option<&'static str> {
    let of = |day: &TableFigures, hidden: &Hidden| {
        let Total { units, scale } = hidden.total?;
        let values = day.values(column).filter(|values| *values > 0)?;
        Some(units as f64 / 10_f64.powi(scale.into()) / values as f64)
    };
    let now = of(today, hidden)?;
    let means: Vec<f64> = earlier.iter().filter_map(|(day, hidden)| of(day, hidden)).collect();
    if means.len() < MIN_DAYS {
        return None;
    }
    if means.iter().all(|it| it * now < 0.0) {
        return Some("the mean of its values has another sign than on every earlier day");
    }
    if !means.iter().all(|it| it * now > 0.0) {
        return None;
    }
    let logs: Vec<f64> = means.iter().map(|it| it.abs().ln()).collect();
    let (low, high) = bounds_of(&logs);
    let now = now.abs().ln();
    let distance = (low - now).max(now - high);
    let usual = TIMES_USUAL * spread(&logs);
    (distance > MIN_FACTOR.max(usual)).then_some(if now > high {
        "the mean of its values is far above earlier days"
    } else {
        "the mean of its values is far below earlier days"
    })
}

/// Decimals that have no digit after the point any more.
fn fraction(hidden: &Hidden, earlier: &[(&TableFigures, &Hidden)]) -> Option<&'static str> {
    let has_fraction = |units: i128, scale: u8| {
        (scale > 0).then(|| 10_i128.checked_pow(scale.into())).flatten().map(|one| units % one != 0)
    };
    let bound = |bound: Option<Bound>| match bound? {
        Bound::Decimal(units, scale) => has_fraction(units, scale),
        _ => None,
    };
    // The smallest and the largest value, and the sum if it is known: all whole, or all not. The sum of wide
    // decimals is not known.
    let all = |hidden: &Hidden, wanted: bool| {
        let sum = hidden.total.and_then(|it| has_fraction(it.units, it.scale));
        let bounds = [bound(hidden.min), bound(hidden.max)];
        sum != Some(!wanted) && bounds.iter().all(|it| *it == Some(wanted))
    };
    let is_cut = all(hidden, false) && earlier.iter().all(|(_, hidden)| all(hidden, true));
    is_cut.then_some("its smallest and its largest value have no digit after the point, unlike on every earlier day")
}

/// The smallest and the largest number, if both moved by a factor in the same direction.
fn both_bounds(hidden: &Hidden, earlier: &[(&TableFigures, &Hidden)]) -> Option<&'static str> {
    let number = |bound: Option<Bound>| match bound? {
        Bound::Integer(it) => Some(it as f64),
        Bound::Double(it) => Some(it),
        Bound::Decimal(it, scale) => Some(it as f64 / 10_f64.powi(scale.into())),
        _ => None,
    };
    let (min, max) = (number(hidden.min)?, number(hidden.max)?);
    let all: Option<Vec<(f64, f64)>> =
        earlier.iter().map(|(_, it)| Some((number(it.min)?, number(it.max)?))).collect();
    let all = all?;
    let (_, highest_min) = bounds_of(&all.iter().map(|it| it.0).collect::<Vec<f64>>());
    let (lowest_min, _) = bounds_of(&all.iter().map(|it| it.0).collect::<Vec<f64>>());
    let (lowest_max, highest_max) = bounds_of(&all.iter().map(|it| it.1).collect::<Vec<f64>>());
    if lowest_min <= 0.0 {
        return None;
    }
    let above = min > highest_min * BOUND_FACTOR && max > highest_max * BOUND_FACTOR;
    let below = min * BOUND_FACTOR < lowest_min && max * BOUND_FACTOR < lowest_max;
    (above || below).then_some(if above {
        "smallest and largest value are both far above earlier days"
    } else {
        "smallest and largest value are both far below earlier days"
    })
}

/// Dates and times far outside of earlier days.
fn far_dates(hidden: &Hidden, earlier: &[(&TableFigures, &Hidden)]) -> Option<&'static str> {
    let micros = |bound: Option<Bound>| match bound? {
        Bound::Date(days) => Some(i128::from(days) * 86_400_000_000),
        Bound::Timestamp(it) | Bound::Datetime(it) => Some(i128::from(it)),
        _ => None,
    };
    let (min, max) = (micros(hidden.min)?, micros(hidden.max)?);
    let all: Option<Vec<(i128, i128)>> =
        earlier.iter().map(|(_, it)| Some((micros(it.min)?, micros(it.max)?))).collect();
    let all = all?;
    let first = all.iter().map(|it| it.0).min()?;
    let (lowest, highest) = (all.iter().map(|it| it.1).min()?, all.iter().map(|it| it.1).max()?);
    if min + MICROS_OF_50_YEARS < first {
        return Some("the first date is more than 50 years before every earlier day");
    }
    if max > highest + MICROS_OF_50_YEARS {
        return Some("the last date is more than 50 years after every earlier day");
    }
    (max + MICROS_OF_50_YEARS < lowest)
        .then_some("the last date is more than 50 years before every earlier day")
}

fn bounds_of(numbers: &[f64]) -> (f64, f64) {
    let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low, high)
}
