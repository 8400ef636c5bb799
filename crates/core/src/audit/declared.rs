//! What is declared of a table: its newest row, its references, its sets of values. These checks need no earlier
//! day.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Audited, Check, Hidden, Verdict};
use crate::rewrite::Bound;

/// Clocks differ: a row may be so much newer than the snapshot.
const AHEAD_HOURS: i64 = 1;

/// The newest value of the declared column against the time of the snapshot.
pub(super) fn freshness(it: &Audited<'_>) -> Option<Verdict> {
    let fresh = it.declared?.fresh.as_ref()?;
    let verdict = |verdict: Verdict| Some(verdict.of(&fresh.column));
    let Some(snapshot) = it.snapshot_at else {
        return verdict(Verdict::not_visible(
            Check::Freshness,
            "RDS reports no time of the snapshot",
        ));
    };
    let zone = fresh.zone.as_ref().and_then(|zone| TimeZone::get(zone).ok());
    let zone = zone.as_ref().unwrap_or(it.zone);
    let newest = it.today.hidden(&fresh.column).and_then(|hidden| hidden.max);
    let Some(newest) = newest.and_then(|bound| instant(bound, zone)) else {
        return verdict(it.without_figures(Check::Freshness, &fresh.column));
    };
    let age = snapshot.duration_since(newest);
    if age > jiff::SignedDuration::from_hours(fresh.max_age_hours.into()) {
        let text = format!("no row of the {} hours before the snapshot", fresh.max_age_hours);
        return verdict(Verdict::found(Check::Freshness, text));
    }
    if age < -jiff::SignedDuration::from_hours(AHEAD_HOURS) {
        let text = "a row is more than an hour newer than the snapshot";
        return verdict(Verdict::found(Check::Freshness, text));
    }
    verdict(Verdict::passed(Check::Freshness))
}

/// The end of the time that a bound means.
fn instant(bound: Bound, zone: &TimeZone) -> Option<Timestamp> {
    let local = |micros: i64| {
        let clock = Timestamp::from_microsecond(micros).ok()?.to_zoned(TimeZone::UTC).datetime();
        Some(clock.to_zoned(zone.clone()).ok()?.timestamp())
    };
    match bound {
        Bound::Timestamp(micros) => Timestamp::from_microsecond(micros).ok(),
        Bound::Datetime(micros) => local(micros),
        // A date means all of its day: it is no older than its end, and no newer than its beginning.
        Bound::Date(days) => local(i64::from(days).checked_mul(86_400_000_000)?),
        _ => None,
    }
}

/// Whether a column has values outside of the bounds of the column that it refers to.
pub(super) fn references(it: &Audited<'_>) -> Vec<Verdict> {
    let declared = it.declared.iter().flat_map(|declared| &declared.references);
    let verdict = |(column, parent): (&String, &String)| {
        let check = Check::References;
        let verdict = match (it.today.hidden(column), it.parents.get(parent)) {
            (None, _) => it.without_figures(check, column),
            (_, None) => Verdict::not_visible(check, format!("no table of the day has `{parent}`")),
            (_, Some(None)) => {
                Verdict::not_known(check, format!("the figures of `{parent}` are not known yet"))
            }
            (Some(child), Some(Some(parent_figures))) => {
                match is_outside(child, parent_figures.hidden.as_ref()) {
                    None => Verdict::not_visible(
                        check,
                        format!("the files have no bounds of `{parent}`"),
                    ),
                    Some(true) => Verdict::found(
                        check,
                        format!("values are outside of `{parent}`, so their rows do not exist"),
                    ),
                    Some(false) => Verdict::passed(check),
                }
            }
        };
        verdict.of(column)
    };
    declared.map(verdict).collect()
}

/// `None` if the bounds are not known or not comparable.
fn is_outside(child: &Hidden, parent: Option<&Hidden>) -> Option<bool> {
    // A parent without any value has no bounds; a child with values then refers to nothing.
    let parent = parent?;
    let whole = |bound: Option<Bound>| match bound? {
        Bound::Integer(it) => Some(it),
        _ => None,
    };
    let (min, max) = (whole(child.min)?, whole(child.max)?);
    let (first, last) = (whole(parent.min)?, whole(parent.max)?);
    Some(min < first || max > last)
}

/// Whether a column has values outside of its declared set.
pub(super) fn values(it: &Audited<'_>) -> Vec<Verdict> {
    let declared = it.declared.iter().flat_map(|declared| declared.values.keys());
    let verdict = |column: &String| {
        let figures = it.today.columns.get(column);
        let verdict = match (figures, figures.and_then(|it| it.unlisted)) {
            (None, _) => Verdict::not_visible(Check::Values, "the table has no such column"),
            (Some(_), None) => Verdict::not_visible(
                Check::Values,
                "its values could not be read: it is no text, or its encoding is not known",
            ),
            (_, Some(0)) => Verdict::passed(Check::Values),
            (_, Some(count)) => Verdict::found(
                Check::Values,
                format!("{count} values are not among the declared ones"),
            ),
        };
        verdict.of(column)
    };
    declared.map(verdict).collect()
}
