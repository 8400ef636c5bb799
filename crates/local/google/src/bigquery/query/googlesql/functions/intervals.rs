//! Functions of INTERVAL.
//!
//! Semantics: GoogleSQL reference, "Interval functions".

use super::{Function, Result, SqlError, int_or, mismatch, strict, text};
use crate::bigquery::query::googlesql::interval::Interval;
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    // INTERVAL value part.
    strict("$interval", "INT64, PART -> INTERVAL", |_, args| {
        Ok(wrap(Interval::of_part(super::int(args, 0)?, text(args, 1)?)?))
    }),
    // INTERVAL text part TO part.
    strict("$interval_text", "STRING, PART, PART -> INTERVAL", |_, args| {
        let parsed = Interval::parse(text(args, 0)?, text(args, 1)?, text(args, 2)?);
        parsed.map(wrap).ok_or_else(|| SqlError::failed("a text is not an INTERVAL"))
    }),
    // The arguments are put in this order by the analyser, whatever their names.
    strict(
        "MAKE_INTERVAL",
        "INT64?, INT64?, INT64?, INT64?, INT64?, INT64? -> INTERVAL",
        |_, args| make_interval(args),
    ),
    strict("JUSTIFY_DAYS", "INTERVAL -> INTERVAL", |_, args| justify(args, Interval::justify_days)),
    strict("JUSTIFY_HOURS", "INTERVAL -> INTERVAL", |_, args| {
        justify(args, Interval::justify_hours)
    }),
    strict("JUSTIFY_INTERVAL", "INTERVAL -> INTERVAL", |_, args| justify(args, Interval::justify)),
];

fn wrap(interval: Interval) -> Value {
    Value::Interval(Box::new(interval))
}

fn justify(args: &[Value], how: fn(&Interval) -> Result<Interval>) -> Result<Value> {
    match &args[0] {
        Value::Interval(it) => Ok(wrap(how(it)?)),
        _ => Err(mismatch()),
    }
}

/// MAKE_INTERVAL, whose arguments have names: years, months, days, hours, minutes, seconds.
fn make_interval(args: &[Value]) -> Result<Value> {
    let part = |at: usize| int_or(args, at, 0);
    let overflow = || SqlError::overflow("INTERVAL");
    let months = part(0)?.checked_mul(12).and_then(|it| it.checked_add(part(1).ok()?));
    let seconds = part(3)?
        .checked_mul(3600)
        .and_then(|it| it.checked_add(part(4).ok()?.checked_mul(60)?))
        .and_then(|it| it.checked_add(part(5).ok()?));
    let micros = seconds.and_then(|it| it.checked_mul(1_000_000)).ok_or_else(overflow)?;
    Ok(wrap(Interval::new(months.ok_or_else(overflow)?, part(2)?, micros)?))
}
