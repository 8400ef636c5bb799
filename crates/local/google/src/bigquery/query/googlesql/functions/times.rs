//! Functions of TIME, DATETIME and TIMESTAMP.
//!
//! Semantics: GoogleSQL reference, "Time functions", "Datetime functions" and "Timestamp functions".

use super::{Context, Function, Result, SqlError, int, mismatch, strict, text};
use crate::bigquery::query::googlesql::calendar::{
    add_to_day, add_to_micros, check_micros, date_from_parts, datetime_micros, fixed_part,
    micros_diff, start_of_day, timestamp_from_civil, timestamp_in_zone, truncate_in_zone,
    truncate_micros, wrong_part, zone,
};
use crate::bigquery::query::googlesql::casts::{parse_timestamp, timestamp_text};
use crate::bigquery::query::googlesql::interval::DAY_MICROS;
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("CURRENT_TIMESTAMP", "-> TIMESTAMP", |context, _| {
        Ok(Value::Timestamp(context.now.as_microsecond()))
    }),
    strict("CURRENT_DATETIME", "STRING? -> DATETIME", |context, args| {
        Ok(Value::Datetime(timestamp_in_zone(context.now.as_microsecond(), &zone(args, 0)?)))
    }),
    strict("CURRENT_TIME", "STRING? -> TIME", |context, args| {
        let local = timestamp_in_zone(context.now.as_microsecond(), &zone(args, 0)?);
        Ok(Value::Time(local.rem_euclid(DAY_MICROS)))
    }),
    strict(
        "TIME",
        "INT64, INT64, INT64 -> TIME | TIME -> TIME | DATETIME -> TIME | TIMESTAMP, STRING? -> TIME",
        new_time,
    ),
    strict(
        "DATETIME",
        "INT64, INT64, INT64, INT64, INT64, INT64 -> DATETIME | DATE, TIME -> DATETIME | \
         DATETIME -> DATETIME | DATE -> DATETIME | TIMESTAMP, STRING? -> DATETIME | \
         STRING -> DATETIME",
        new_datetime,
    ),
    strict(
        "TIMESTAMP",
        "STRING, STRING? -> TIMESTAMP | DATE, STRING? -> TIMESTAMP | \
         DATETIME, STRING? -> TIMESTAMP | TIMESTAMP -> TIMESTAMP",
        new_timestamp,
    ),
    strict(
        "STRING",
        "TIMESTAMP, STRING? -> STRING | DATE -> STRING | DATETIME -> STRING | TIME -> STRING | JSON -> STRING",
        |context, args| match &args[0] {
            Value::Timestamp(it) => timestamp_text(*it, &zone(args, 1)?).map(Value::text),
            Value::Json(_) => super::json::string_of(args),
            other => super::super::casts::cast(other, &context.types[0], context.result, None),
        },
    ),
    strict("TIME_ADD", "TIME, INT64, PART -> TIME", |_, args| add(args, int(args, 1)?)),
    strict("TIME_SUB", "TIME, INT64, PART -> TIME", |_, args| subtract(args)),
    strict("TIME_DIFF", "TIME, TIME, PART -> INT64", |_, args| diff(args)),
    strict("TIME_TRUNC", "TIME, PART -> TIME", |_, args| truncate(args)),
    strict(
        "DATETIME_ADD",
        "DATETIME, INT64, PART -> DATETIME | TIMESTAMP, INT64, PART -> TIMESTAMP",
        |_, args| add(args, int(args, 1)?),
    ),
    strict(
        "DATETIME_SUB",
        "DATETIME, INT64, PART -> DATETIME | TIMESTAMP, INT64, PART -> TIMESTAMP",
        |_, args| subtract(args),
    ),
    strict(
        "DATETIME_DIFF",
        "DATETIME, DATETIME, PART -> INT64 | TIMESTAMP, TIMESTAMP, PART -> INT64",
        |_, args| diff(args),
    ),
    strict(
        "DATETIME_TRUNC",
        "DATETIME, PART -> DATETIME | TIMESTAMP, PART, STRING? -> TIMESTAMP",
        |_, args| truncate(args),
    ),
    strict(
        "TIMESTAMP_ADD",
        "TIMESTAMP, INT64, PART -> TIMESTAMP | DATETIME, INT64, PART -> DATETIME",
        |_, args| add(args, int(args, 1)?),
    ),
    strict(
        "TIMESTAMP_SUB",
        "TIMESTAMP, INT64, PART -> TIMESTAMP | DATETIME, INT64, PART -> DATETIME",
        |_, args| subtract(args),
    ),
    strict(
        "TIMESTAMP_DIFF",
        "TIMESTAMP, TIMESTAMP, PART -> INT64 | DATETIME, DATETIME, PART -> INT64",
        |_, args| diff(args),
    ),
    strict(
        "TIMESTAMP_TRUNC",
        "TIMESTAMP, PART, STRING? -> TIMESTAMP | DATETIME, PART -> DATETIME",
        |_, args| truncate(args),
    ),
    strict("UNIX_SECONDS", "TIMESTAMP -> INT64", |_, args| unix(args, 1_000_000)),
    strict("UNIX_MILLIS", "TIMESTAMP -> INT64", |_, args| unix(args, 1000)),
    strict("UNIX_MICROS", "TIMESTAMP -> INT64", |_, args| unix(args, 1)),
    strict("TIMESTAMP_SECONDS", "INT64 -> TIMESTAMP", |_, args| from_unix(args, 1_000_000)),
    strict("TIMESTAMP_MILLIS", "INT64 -> TIMESTAMP", |_, args| from_unix(args, 1000)),
    strict("TIMESTAMP_MICROS", "INT64 -> TIMESTAMP", |_, args| from_unix(args, 1)),
];

fn new_time(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match &args[0] {
        Value::Time(it) => Ok(Value::Time(*it)),
        Value::Datetime(it) => Ok(Value::Time(it.rem_euclid(DAY_MICROS))),
        Value::Timestamp(it) => {
            Ok(Value::Time(timestamp_in_zone(*it, &zone(args, 1)?).rem_euclid(DAY_MICROS)))
        }
        _ => {
            let time = clock(int(args, 0)?, int(args, 1)?, int(args, 2)?)?;
            Ok(Value::Time(time.rem_euclid(DAY_MICROS)))
        }
    }
}

fn clock(hour: i64, minute: i64, second: i64) -> Result<i64> {
    // A leap second is the start of the next minute.
    let within = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    if !within {
        return Err(SqlError::failed("the parts of a time are outside their ranges"));
    }
    Ok(((hour * 60 + minute) * 60 + second) * 1_000_000)
}

fn new_datetime(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    Ok(Value::Datetime(match (&args[0], args.get(1)) {
        (Value::Datetime(it), _) => *it,
        (Value::Date(day), Some(Value::Time(time))) => datetime_micros(*day, *time),
        (Value::Date(day), _) => datetime_micros(*day, 0),
        (Value::Timestamp(it), _) => {
            check_micros(Some(timestamp_in_zone(*it, &zone(args, 1)?)), "DATETIME")?
        }
        (Value::Text(text), _) => crate::bigquery::query::googlesql::casts::parse_datetime(text)
            .ok_or_else(|| SqlError::failed("a text is not a DATETIME"))?,
        _ => {
            let day = date_from_parts(int(args, 0)?, int(args, 1)?, int(args, 2)?)?;
            let time = clock(int(args, 3)?, int(args, 4)?, int(args, 5)?)?;
            check_micros(Some(datetime_micros(day, time)), "DATETIME")?
        }
    }))
}

fn new_timestamp(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let zone = zone(args, 1)?;
    Ok(Value::Timestamp(match &args[0] {
        Value::Timestamp(it) => *it,
        Value::Date(day) => start_of_day(*day, &zone)?,
        Value::Datetime(it) => timestamp_from_civil(*it, &zone)?,
        Value::Text(it) => parse_timestamp(it, &zone, args.len() > 1)?,
        _ => return Err(mismatch()),
    }))
}

/// Adds `count` of the part in the third argument.
pub(super) fn add(args: &[Value], count: i64) -> Result<Value> {
    let part = text(args, 2)?;
    match &args[0] {
        Value::Date(it) => add_to_day(*it, count, part).map(Value::Date),
        Value::Time(it) => {
            let length = fixed_part(part).ok_or_else(|| wrong_part(part))?;
            // The time wraps around midnight.
            let moved = i128::from(*it) + i128::from(count) * i128::from(length);
            let day = i128::from(DAY_MICROS);
            Ok(Value::Time(i64::try_from(moved.rem_euclid(day)).unwrap_or(0)))
        }
        Value::Datetime(it) => add_to_micros(*it, count, part).map(Value::Datetime),
        Value::Timestamp(it) => {
            let length = match part {
                "DAY" => DAY_MICROS,
                part => fixed_part(part).ok_or_else(|| wrong_part(part))?,
            };
            let sum = count.checked_mul(length).and_then(|by| it.checked_add(by));
            check_micros(sum, "TIMESTAMP").map(Value::Timestamp)
        }
        _ => Err(mismatch()),
    }
}

pub(super) fn subtract(args: &[Value]) -> Result<Value> {
    let count = int(args, 1)?;
    if let (Value::Time(_), i64::MIN) = (&args[0], count) {
        // The least INT64 has no positive counterpart, but a time wraps around midnight.
        let once = add(args, i64::MAX)?;
        return add(&[once, args[1].clone(), args[2].clone()], 1);
    }
    let count = count.checked_neg().ok_or_else(|| SqlError::overflow("INT64"))?;
    add(args, count)
}

/// The number of boundaries of a part between two values.
pub(super) fn diff(args: &[Value]) -> Result<Value> {
    let part = text(args, 2)?;
    let number = match (&args[0], &args[1]) {
        (Value::Time(a), Value::Time(b)) => {
            let length = fixed_part(part).ok_or_else(|| wrong_part(part))?;
            a.div_euclid(length) - b.div_euclid(length)
        }
        (Value::Datetime(a), Value::Datetime(b)) => micros_diff(*a, *b, part)?,
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            // Whole parts between two instants, not boundaries.
            let length = match part {
                "DAY" => DAY_MICROS,
                part => fixed_part(part).ok_or_else(|| wrong_part(part))?,
            };
            (a - b) / length
        }
        _ => return Err(mismatch()),
    };
    Ok(Value::Int(number))
}

pub(super) fn truncate(args: &[Value]) -> Result<Value> {
    let part = text(args, 1)?;
    match &args[0] {
        Value::Time(it) => {
            fixed_part(part).ok_or_else(|| wrong_part(part))?;
            truncate_micros(*it, part).map(Value::Time)
        }
        Value::Datetime(it) => truncate_micros(*it, part).map(Value::Datetime),
        Value::Timestamp(it) => truncate_in_zone(*it, part, &zone(args, 2)?).map(Value::Timestamp),
        _ => Err(mismatch()),
    }
}

fn unix(args: &[Value], unit: i64) -> Result<Value> {
    match &args[0] {
        Value::Timestamp(it) => Ok(Value::Int(it.div_euclid(unit))),
        _ => Err(mismatch()),
    }
}

fn from_unix(args: &[Value], unit: i64) -> Result<Value> {
    check_micros(int(args, 0)?.checked_mul(unit), "TIMESTAMP").map(Value::Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bigquery::query::googlesql::calendar::day_of;

    #[test]
    fn a_time_before_1970_belongs_to_the_day_before() {
        assert_eq!(day_of(-1), -1);
        assert_eq!(clock(23, 59, 59).expect("a time"), DAY_MICROS - 1_000_000);
        assert!(clock(24, 0, 0).is_err());
    }
}
