//! The number of rows.

use super::{Audited, Check, MIN_DAYS, TableFigures, Verdict, deviation, median};

/// Smaller changes of rows are never a finding.
const MIN_ROWS: f64 = 100.0;
/// A table that had at least as many rows on every day and has none now is always a finding.
const NEVER_EMPTY: u64 = 10;
/// Smaller changes than by a quarter are never a finding, as the logarithm of the factor.
const MIN_CHANGE: f64 = 0.223;
/// A change is a finding if it is so many times as large as usual, where many changes are known.
const TIMES_USUAL: f64 = 4.0;
/// Of `n` known changes, the largest that will come is estimated with this correction: `1 + FEW / n`.
const FEW: f64 = 6.0;
/// Pairs of a day and the day a week before that are needed to compare weekdays.
const MIN_WEEKLY: usize = 4;

/// The number of rows against the same weekdays, and against the day before.
pub(super) fn rows(it: &Audited<'_>) -> Vec<Verdict> {
    if it.history.len() < MIN_DAYS {
        return vec![Verdict::waits(Check::Rows, it.history.len())];
    }
    let today = it.today.rows;
    if today == 0 && it.history.iter().all(|day| day.rows >= NEVER_EMPTY) {
        let last = it.history.last().map_or(0, |day| day.rows);
        return vec![Verdict::found(Check::Rows, format!("no row, {last} on the day before"))];
    }
    let levels: Vec<f64> = it.history.iter().map(level).collect();
    let Some(expected) = nearest_expectation(it, &levels) else {
        return vec![Verdict::passed(Check::Rows)];
    };
    let usual = expected.exp() - 1.0;
    if (today as f64 - usual).abs() < MIN_ROWS {
        return vec![Verdict::passed(Check::Rows)];
    }
    let text = format!("{today} rows, about {usual:.0} were expected from the 14 days before");
    vec![Verdict::found(Check::Rows, text)]
}

/// Rows as a logarithm: tables grow and shrink by factors.
fn level(day: &TableFigures) -> f64 {
    (day.rows as f64 + 1.0).ln()
}

/// The expectation that is nearest to today's rows, if today is outside of all of them:
///
/// - the rows of each day that is whole weeks ago, with the usual change of a week;
/// - the rows of the day before, with each change from a day to the next that occurred on the same weekday, or
///   on any day while the weekday occurred only once.
fn nearest_expectation(it: &Audited<'_>, levels: &[f64]) -> Option<f64> {
    let today = level(it.today);
    let days_ago = |at: usize| {
        let age = it.history[at].day.date().until(it.today.day.date());
        age.map_or(0, |span| span.get_days())
    };
    let at_age = |age: i32| (0..levels.len()).find(|at| days_ago(*at) == age).map(|at| levels[at]);
    let pairs = |gap: i32| -> Vec<(i32, f64)> {
        let pair = |at: usize| {
            let age = days_ago(at);
            Some((age, levels[at] - at_age(age + gap)?))
        };
        (0..levels.len()).filter_map(pair).collect()
    };
    let weekly = pairs(7);
    let daily = pairs(1);
    let changes = |pairs: &[(i32, f64)]| pairs.iter().map(|it| it.1).collect::<Vec<f64>>();
    let week = median(changes(&weekly));
    // With a week or less, a weekday occurred once: the deviation is that of all days.
    let known = if weekly.len() >= MIN_WEEKLY { changes(&weekly) } else { levels.to_vec() };
    let times = TIMES_USUAL * (1.0 + FEW / known.len() as f64);
    let band = MIN_CHANGE.max(times * deviation(&known));
    let mut expectations: Vec<f64> = [7, 14]
        .into_iter()
        .filter_map(|age| Some(at_age(age)? + week * f64::from(age / 7)))
        .collect();
    let last = at_age(1);
    let same_weekday = |age: i32| weekly.len() < MIN_WEEKLY || age % 7 == 0;
    let of_day = daily.iter().filter(|(age, _)| same_weekday(*age));
    expectations.extend(of_day.filter_map(|(_, change)| Some(last? + change)));
    if weekly.len() < MIN_WEEKLY {
        expectations.extend(levels);
    }
    // Days without records, for example after a pause: every known level counts.
    if expectations.is_empty() {
        expectations.extend(levels);
    }
    let nearest =
        expectations.into_iter().min_by(|a, b| (a - today).abs().total_cmp(&(b - today).abs()))?;
    ((nearest - today).abs() > band).then_some(nearest)
}

/// A table that changed from each day to the next, and has the content of the day before now.
pub(super) fn unchanged(it: &Audited<'_>) -> Vec<Verdict> {
    if it.history.len() < MIN_DAYS {
        return vec![Verdict::waits(Check::Unchanged, it.history.len())];
    }
    let contents: Option<Vec<&str>> = it.history.iter().map(|day| day.content.as_deref()).collect();
    let Some((contents, today)) = contents.zip(it.today.content.as_deref()) else {
        let verdict = match it.unsealed {
            Some(why) => Verdict::unsealed(Check::Unchanged, why),
            None => Verdict::not_visible(Check::Unchanged, "the content of a day is not known"),
        };
        return vec![verdict];
    };
    let is_busy = contents.windows(2).all(|pair| pair[0] != pair[1]);
    let is_same = contents.last() == Some(&today);
    if is_busy && is_same && it.today.rows > 0 {
        let text = format!(
            "the content of the day before, although it changed on each of {} earlier days",
            contents.len() - 1
        );
        return vec![Verdict::found(Check::Unchanged, text)];
    }
    vec![Verdict::passed(Check::Unchanged)]
}
