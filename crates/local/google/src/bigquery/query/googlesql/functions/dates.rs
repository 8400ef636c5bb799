//! Functions of DATE.
//!
//! Semantics: GoogleSQL reference, "Date functions".

use super::{Context, Function, Result, int, mismatch, strict, text};
use crate::bigquery::query::googlesql::calendar::{
    add_to_day, check_micros, date_from_days, date_from_parts, day_diff, day_of, days_left_of_week,
    extract_day, extract_time, timestamp_in_zone, truncate_day, wrong_part, zone,
};
use crate::bigquery::query::googlesql::interval::DAY_MICROS;
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("CURRENT_DATE", "STRING? -> DATE", |context, args| {
        let local = timestamp_in_zone(context.now.as_microsecond(), &zone(args, 0)?);
        Ok(Value::Date(day_of(local)))
    }),
    strict(
        "DATE",
        "INT64, INT64, INT64 -> DATE | DATE -> DATE | DATETIME -> DATE | TIMESTAMP, STRING? -> DATE",
        new_date,
    ),
    strict(
        "DATE_ADD",
        "DATE, INT64, PART -> DATE | DATETIME, INT64, PART -> DATETIME | TIMESTAMP, INT64, PART -> TIMESTAMP",
        |_, args| super::times::add(args, int(args, 1)?),
    ),
    strict(
        "DATE_SUB",
        "DATE, INT64, PART -> DATE | DATETIME, INT64, PART -> DATETIME | TIMESTAMP, INT64, PART -> TIMESTAMP",
        |_, args| super::times::subtract(args),
    ),
    strict(
        "DATE_DIFF",
        "DATE, DATE, PART -> INT64 | DATETIME, DATETIME, PART -> INT64 | TIMESTAMP, TIMESTAMP, PART -> INT64",
        |_, args| match (&args[0], &args[1]) {
            (Value::Date(a), Value::Date(b)) => day_diff(*a, *b, text(args, 2)?).map(Value::Int),
            _ => super::times::diff(args),
        },
    ),
    strict(
        "DATE_TRUNC",
        "DATE, PART -> DATE | DATETIME, PART -> DATETIME | TIMESTAMP, PART, STRING? -> TIMESTAMP",
        |_, args| match &args[0] {
            Value::Date(it) => truncate_day(*it, text(args, 1)?).map(Value::Date),
            _ => super::times::truncate(args),
        },
    ),
    strict("DATE_FROM_UNIX_DATE", "INT64 -> DATE", |_, args| {
        date_from_days(Some(int(args, 0)?)).map(Value::Date)
    }),
    strict("UNIX_DATE", "DATE -> INT64", |_, args| match &args[0] {
        Value::Date(it) => Ok(Value::Int(i64::from(*it))),
        _ => Err(mismatch()),
    }),
    strict("LAST_DAY", "DATE, PART? -> DATE | DATETIME, PART? -> DATE", last_day),
    // EXTRACT(part FROM value [AT TIME ZONE zone]).
    strict(
        "$extract",
        "DATE, PART -> INT64 | DATETIME, PART -> INT64 | TIMESTAMP, PART, STRING? -> INT64 | \
         TIME, PART -> INT64 | INTERVAL, PART -> INT64",
        extract,
    ),
    strict("$extract_date", "DATETIME -> DATE | TIMESTAMP, STRING? -> DATE", |_, args| {
        Ok(Value::Date(day_of(local(args)?)))
    }),
    strict("$extract_time", "DATETIME -> TIME | TIMESTAMP, STRING? -> TIME", |_, args| {
        Ok(Value::Time(
            match &args[0] {
                Value::Timestamp(it) => timestamp_in_zone(*it, &zone(args, 1)?),
                _ => local(args)?,
            }
            .rem_euclid(DAY_MICROS),
        ))
    }),
    strict("$extract_datetime", "TIMESTAMP, STRING? -> DATETIME", |_, args| {
        Ok(Value::Datetime(local(args)?))
    }),
];

/// A DATETIME, or a TIMESTAMP in the zone of the second argument. Near the ends of the calendar, the
/// local time of an instant can be outside it.
fn local(args: &[Value]) -> Result<i64> {
    match &args[0] {
        Value::Datetime(it) => Ok(*it),
        Value::Timestamp(it) => {
            let local = timestamp_in_zone(*it, &zone(args, 1)?);
            check_micros(Some(local), "DATETIME")
        }
        _ => Err(mismatch()),
    }
}

fn new_date(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match &args[0] {
        Value::Date(it) => Ok(Value::Date(*it)),
        Value::Int(_) => {
            date_from_parts(int(args, 0)?, int(args, 1)?, int(args, 2)?).map(Value::Date)
        }
        _ => Ok(Value::Date(day_of(local(args)?))),
    }
}

fn last_day(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let day = match &args[0] {
        Value::Date(it) => *it,
        Value::Datetime(it) => day_of(*it),
        _ => return Err(mismatch()),
    };
    let part = if args.len() > 1 { text(args, 1)? } else { "MONTH" };
    // The first week of all may begin before the calendar.
    if let Some(left) = days_left_of_week(day, part)? {
        return date_from_days(Some(i64::from(day) + left)).map(Value::Date);
    }
    let start = truncate_day(day, part)?;
    let next = match part {
        "YEAR" | "QUARTER" | "MONTH" => add_to_day(start, 1, part),
        "ISOYEAR" => {
            // A week after the last start is in the next ISO year.
            return truncate_day(add_to_day(start, 371, "DAY")?, "ISOYEAR")
                .map(|it| Value::Date(it - 1));
        }
        _ => return Err(wrong_part(part)),
    };
    match next {
        Ok(next) => Ok(Value::Date(next - 1)),
        // The part ends with the last day of all.
        Err(_) => Ok(Value::Date(2_932_896)),
    }
}

fn extract(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let part = text(args, 1)?;
    let value = match &args[0] {
        Value::Date(it) => return extract_day(*it, part).map(Value::Int),
        Value::Time(it) => return extract_time(*it, part).map(Value::Int),
        Value::Interval(it) => return it.extract(part).map(Value::Int),
        Value::Datetime(it) => *it,
        Value::Timestamp(it) => timestamp_in_zone(*it, &zone(args, 2)?),
        _ => return Err(mismatch()),
    };
    match extract_time(value, part) {
        Ok(found) => Ok(Value::Int(found)),
        Err(_) => extract_day(day_of(value), part).map(Value::Int),
    }
}
