//! Keys: a column of unique whole numbers. Only its bounds are known, so what they prove is certain and what they
//! cannot prove is said.

use super::{Audited, Check, MIN_DAYS, TableFigures, Verdict};

/// Fewer keys are never a finding.
const MIN_KEYS: i128 = 100;
/// The share of rows that may disappear inside the range of the key.
const MAX_LOSS: f64 = 0.05;
/// A loss is a finding if it is so many times as large as the largest of the earlier days, and more.
const TIMES_USUAL: f64 = 3.0;
/// The largest key may fall by this share of the range.
const MAX_FALL: i128 = 10;

/// Whether the key is NULL, or cannot be unique: more values than numbers from the smallest to the largest.
pub(super) fn keys(it: &Audited<'_>) -> Vec<Verdict> {
    let Some((key, is_declared)) = it.key() else { return Vec::new() };
    let nulls = |day: &TableFigures| day.columns.get(key).and_then(|it| it.nulls);
    // A habit of the column `id` is no fault.
    let is_habit = |had: &dyn Fn(&TableFigures) -> bool| {
        !is_declared && (it.history.len() < MIN_DAYS || it.history.iter().any(had))
    };
    if nulls(it.today).is_some_and(|nulls| nulls > 0)
        && !is_habit(&|day| nulls(day).is_none_or(|nulls| nulls > 0))
    {
        let text = format!("{} NULLs in the key", nulls(it.today).unwrap_or_default());
        return vec![Verdict::found(Check::Keys, text).of(key)];
    }
    match repeats(it.today, key) {
        None => vec![it.without_figures(Check::Keys, key).of(key)],
        Some(true) if !is_habit(&|day| repeats(day, key) != Some(false)) => {
            let text = "values of the key are there more than once: there are more rows than whole numbers from the smallest to the largest key";
            vec![Verdict::found(Check::Keys, text).of(key)]
        }
        Some(true) => vec![Verdict::passed(Check::Keys).of(key)],
        Some(false) if is_dense(it.today, key) => vec![Verdict::passed(Check::Keys).of(key)],
        Some(false) => {
            let text =
                "the key has gaps, so the bounds do not show repeated values that fit into them";
            vec![Verdict::not_visible(Check::Keys, text).of(key)]
        }
    }
}

/// Whether values are certainly repeated; `None` if the bounds are not known.
fn repeats(day: &TableFigures, key: &str) -> Option<bool> {
    let (min, max) = day.range(key)?;
    let numbers = i128::from(max) - i128::from(min) + 1;
    Some(i128::from(day.values(key)?) > numbers)
}

/// Whether every number of the range is a key, if none is repeated.
fn is_dense(day: &TableFigures, key: &str) -> bool {
    let range = day.range(key).map(|(min, max)| i128::from(max) - i128::from(min) + 1);
    range.zip(day.values(key)).is_some_and(|(range, values)| range == i128::from(values))
}

/// Whether the largest key fell, and whether rows disappeared although the range of the key did not.
pub(super) fn key_range(it: &Audited<'_>) -> Vec<Verdict> {
    let Some((key, _)) = it.key() else { return Vec::new() };
    if it.history.len() < MIN_DAYS {
        return vec![Verdict::waits(Check::KeyRange, it.history.len()).of(key)];
    }
    let Some(today) = it.today.range(key) else {
        return vec![it.without_figures(Check::KeyRange, key).of(key)];
    };
    let earlier: Vec<(&TableFigures, (i64, i64))> =
        it.history.iter().filter_map(|day| Some((day, day.range(key)?))).collect();
    let Some((last, last_range)) = earlier.last().filter(|_| earlier.len() >= MIN_DAYS) else {
        return vec![Verdict::waits(Check::KeyRange, earlier.len()).of(key)];
    };
    let fall = i128::from(last_range.1) - i128::from(today.1);
    let width = i128::from(last_range.1) - i128::from(last_range.0);
    let is_lowest = earlier.iter().all(|(_, range)| range.1 > today.1);
    if is_lowest && fall >= MIN_KEYS && fall * MAX_FALL > width {
        let text = "the largest key is lower than on every earlier day: the numbering began again, or the newest rows are missing";
        return vec![Verdict::found(Check::KeyRange, text).of(key)];
    }
    let losses = earlier.windows(2).map(|pair| lost_share(pair[0].0, pair[1].0));
    let usual = losses.fold(0.0, f64::max);
    let lost = i128::from(last.rows) - i128::from(it.today.rows);
    let share = loss((last, *last_range), (it.today, today)).unwrap_or(0.0);
    if lost >= MIN_KEYS && share > MAX_LOSS + TIMES_USUAL * usual {
        let text = format!(
            "{lost} rows less than the day before, and the smallest and the largest key are still there: rows are missing in between"
        );
        return vec![Verdict::found(Check::KeyRange, text).of(key)];
    }
    vec![Verdict::passed(Check::KeyRange).of(key)]
}

/// The share of rows that disappeared from one day to the next; `None` if the range of the key shrank with them.
fn loss(from: (&TableFigures, (i64, i64)), to: (&TableFigures, (i64, i64))) -> Option<f64> {
    let is_covered = to.1.0 <= from.1.0 && to.1.1 >= from.1.1;
    is_covered.then(|| lost_share(from.0, to.0))
}

/// The share of rows that disappeared from one day to the next.
fn lost_share(from: &TableFigures, to: &TableFigures) -> f64 {
    from.rows.saturating_sub(to.rows) as f64 / from.rows.max(1) as f64
}
