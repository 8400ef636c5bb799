//! DATE_BUCKET, DATETIME_BUCKET and TIMESTAMP_BUCKET.
//!
//! Semantics: GoogleSQL reference, "Time series functions": the start of the bucket that contains a
//! time. Buckets have one width and lie on both sides of an origin.

use super::{Context, Function, Result, SqlError, mismatch, strict};
use crate::bigquery::query::googlesql::calendar::{
    add_months, check_micros, date_from_days, day_diff,
};
use crate::bigquery::query::googlesql::interval::{DAY_MICROS, Interval};
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("DATE_BUCKET", "DATE, INTERVAL, DATE? -> DATE", bucket),
    strict(
        "DATETIME_BUCKET",
        "DATETIME, INTERVAL, DATETIME? -> DATETIME | DATE, INTERVAL, DATE? -> DATE",
        bucket,
    ),
    strict(
        "TIMESTAMP_BUCKET",
        "TIMESTAMP, INTERVAL, TIMESTAMP? -> TIMESTAMP | DATE, INTERVAL, DATE? -> DATE",
        bucket,
    ),
];

/// 1950-01-01, the origin of a call without one, in days since 1970-01-01.
const ORIGIN: i64 = -7305;

fn micros(value: &Value) -> Result<i64> {
    match value {
        Value::Date(it) => Ok(i64::from(*it) * DAY_MICROS),
        Value::Datetime(it) | Value::Timestamp(it) => Ok(*it),
        _ => Err(mismatch()),
    }
}

fn bucket(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let Value::Interval(width) = &args[1] else { return Err(mismatch()) };
    let at = micros(&args[0])?;
    let origin = args.get(2).map_or(Ok(ORIGIN * DAY_MICROS), micros)?;
    check_width(width, &args[0])?;
    let start = if width.months > 0 {
        start_of_months(at, origin, width.months)?
    } else {
        let length = i128::from(width.days) * i128::from(DAY_MICROS) + i128::from(width.micros);
        let (at, origin) = (i128::from(at), i128::from(origin));
        let start = origin + (at - origin).div_euclid(length) * length;
        i64::try_from(start).map_err(|_| SqlError::overflow("DATETIME"))?
    };
    match &args[0] {
        Value::Date(_) => date_from_days(Some(start.div_euclid(DAY_MICROS))).map(Value::Date),
        Value::Datetime(_) => check_micros(Some(start), "DATETIME").map(Value::Datetime),
        _ => check_micros(Some(start), "TIMESTAMP").map(Value::Timestamp),
    }
}

/// A width is positive and has one kind of part: months, days or a time.
fn check_width(width: &Interval, of: &Value) -> Result<()> {
    let kinds = [width.months != 0, width.days != 0, width.micros != 0];
    let negative = width.months < 0 || width.days < 0 || width.micros < 0;
    let one_kind = kinds.iter().filter(|it| **it).count() == 1;
    let fits = match of {
        Value::Date(_) => width.micros == 0,
        Value::Timestamp(_) => width.months == 0,
        _ => true,
    };
    if negative || !one_kind || !fits {
        return Err(SqlError::failed(
            "the width of a bucket must be positive and have one kind of date part that its type has",
        ));
    }
    Ok(())
}

/// The origin moved by a multiple of months, the last one that is not after `at`.
fn start_of_months(at: i64, origin: i64, width: i64) -> Result<i64> {
    let day = |micros: i64| {
        i32::try_from(micros.div_euclid(DAY_MICROS)).map_err(|_| SqlError::overflow("DATE"))
    };
    let (day_of_origin, time) = (day(origin)?, origin.rem_euclid(DAY_MICROS));
    let months = day_diff(day(at)?, day_of_origin, "MONTH")?;
    let moved = |buckets: i64| -> Result<i64> {
        let months = buckets.checked_mul(width).ok_or_else(|| SqlError::overflow("DATE"))?;
        Ok(i64::from(add_months(day_of_origin, months)?) * DAY_MICROS + time)
    };
    let buckets = months.div_euclid(width);
    let start = moved(buckets)?;
    if start <= at { Ok(start) } else { moved(buckets - 1) }
}
