//! Functions of ARRAY.
//!
//! Semantics: GoogleSQL reference, "Array functions".

use super::{
    Context, Function, Result, SqlError, array, int, int_or, lenient, mismatch, strict, text,
};
use crate::bigquery::query::googlesql::calendar::{
    add_to_day, check_micros, fixed_part, wrong_part,
};
use crate::bigquery::query::googlesql::interval::DAY_MICROS;
use crate::bigquery::query::googlesql::value::Value;

/// BigQuery's limit for generated arrays.
const MAX_ELEMENTS: usize = 1_048_576;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("ARRAY_LENGTH", "ARRAY<T> -> INT64", |_, args| {
        Ok(Value::Int(i64::try_from(array(args, 0)?.len()).unwrap_or(i64::MAX)))
    }),
    strict("ARRAY_CONCAT", "ARRAY<T>... -> ARRAY<T>", |_, args| {
        let mut joined = Vec::new();
        for at in 0..args.len() {
            joined.extend_from_slice(array(args, at)?);
        }
        Ok(Value::array(joined))
    }),
    strict("ARRAY_REVERSE", "ARRAY<T> -> ARRAY<T>", |_, args| {
        Ok(Value::array(array(args, 0)?.iter().rev().cloned().collect()))
    }),
    strict("ARRAY_FIRST", "ARRAY<T> -> T", |_, args| {
        array(args, 0)?
            .first()
            .cloned()
            .ok_or_else(|| SqlError::failed("ARRAY_FIRST of an empty array"))
    }),
    strict("ARRAY_LAST", "ARRAY<T> -> T", |_, args| {
        array(args, 0)?
            .last()
            .cloned()
            .ok_or_else(|| SqlError::failed("ARRAY_LAST of an empty array"))
    }),
    strict("ARRAY_SLICE", "ARRAY<T>, INT64, INT64 -> ARRAY<T>", slice),
    strict("ARRAY_IS_DISTINCT", "ARRAY<T> -> BOOL", |_, args| {
        let items = array(args, 0)?;
        let mut seen = std::collections::HashSet::new();
        let distinct = items
            .iter()
            .all(|it| seen.insert(crate::bigquery::query::googlesql::value::Key(vec![it.clone()])));
        Ok(Value::Bool(distinct))
    }),
    strict("ARRAY_INCLUDES", "ARRAY<T>, T -> BOOL", |_, args| {
        Ok(Value::Bool(array(args, 0)?.iter().any(|it| it.sql_eq(&args[1]) == Some(true))))
    }),
    strict(
        "GENERATE_ARRAY",
        "INT64, INT64, INT64? -> ARRAY<INT64> | NUMERIC, NUMERIC, NUMERIC? -> ARRAY<NUMERIC> | \
         BIGNUMERIC, BIGNUMERIC, BIGNUMERIC? -> ARRAY<BIGNUMERIC> | \
         FLOAT64, FLOAT64, FLOAT64? -> ARRAY<FLOAT64>",
        generate,
    ),
    strict("GENERATE_DATE_ARRAY", "DATE, DATE, INT64?, PART? -> ARRAY<DATE>", generate_dates),
    strict(
        "GENERATE_TIMESTAMP_ARRAY",
        "TIMESTAMP, TIMESTAMP, INT64, PART -> ARRAY<TIMESTAMP>",
        generate_timestamps,
    ),
    // array[OFFSET(i)] and its like: the array, the index, the kind.
    lenient("$element", "ARRAY<T>, INT64, PART -> T", element),
];

fn element(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    if args[0].is_null() || args[1].is_null() {
        return Ok(Value::Null);
    }
    let items = array(args, 0)?;
    let kind = text(args, 2)?;
    let first = i64::from(kind.ends_with("ORDINAL"));
    let at = int(args, 1)?.checked_sub(first).and_then(|it| usize::try_from(it).ok());
    match at.and_then(|at| items.get(at)) {
        Some(item) => Ok(item.clone()),
        None if kind.starts_with("SAFE_") => Ok(Value::Null),
        None => Err(SqlError::failed("an array index is out of bounds")),
    }
}

fn slice(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let items = array(args, 0)?;
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let from_start = |at: i64| if at < 0 { at.saturating_add(length) } else { at };
    let (start, end) =
        (from_start(int(args, 1)?).max(0), from_start(int(args, 2)?).min(length - 1));
    if start > end {
        return Ok(Value::array(Vec::new()));
    }
    let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0) + 1;
    Ok(Value::array(items[range].to_vec()))
}

fn too_many() -> SqlError {
    SqlError::failed("a generated array has too many elements")
}

fn zero_step() -> SqlError {
    SqlError::failed("the step of a generated array is zero")
}

fn generate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (start, end) = (&args[0], &args[1]);
    let mut items = Vec::new();
    if let (Value::Float(start), Value::Float(end)) = (start, end) {
        let step = if args.len() > 2 { super::float(args, 2)? } else { 1.0 };
        let finite = step.is_finite() && start.is_finite() && end.is_finite();
        if step == 0.0 || !finite {
            return Err(zero_step());
        }
        for at in 0.. {
            let next = start + at as f64 * step;
            if if step > 0.0 { next > *end } else { next < *end } {
                break;
            }
            items.push(Value::Float(next));
            if items.len() > MAX_ELEMENTS {
                return Err(too_many());
            }
        }
        return Ok(Value::array(items));
    }
    let step = args.get(2).cloned().unwrap_or(match start {
        Value::Int(_) => Value::Int(1),
        Value::Numeric(_) => Value::Numeric(1_000_000_000),
        _ => {
            let one = super::super::numeric::power_of_ten(38);
            Value::big(super::super::numeric::bignumeric_from_big(&one)?)
        }
    });
    let zero = super::numbers::zero(&match start {
        Value::Int(_) => super::Type::Int64,
        Value::Numeric(_) => super::Type::Numeric,
        _ => super::Type::BigNumeric,
    });
    let direction = step.order(&zero);
    if direction.is_eq() {
        return Err(zero_step());
    }
    let mut next = start.clone();
    while next.order(end) != direction {
        items.push(next.clone());
        if items.len() > MAX_ELEMENTS {
            return Err(too_many());
        }
        match super::numbers::add(&[next, step.clone()]) {
            Ok(sum) => next = sum,
            // Beyond the type's range is beyond the end.
            Err(_) => break,
        }
    }
    Ok(Value::array(items))
}

fn generate_dates(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (Value::Date(start), Value::Date(end)) = (&args[0], &args[1]) else {
        return Err(mismatch());
    };
    let step = int_or(args, 2, 1)?;
    let part = if args.len() > 3 { text(args, 3)? } else { "DAY" };
    if step == 0 {
        return Err(zero_step());
    }
    let mut items = Vec::new();
    let mut next = *start;
    // Each day is counted from the one before it: after 29 February follows 29 March.
    while if step > 0 { next <= *end } else { next >= *end } {
        items.push(Value::Date(next));
        if items.len() > MAX_ELEMENTS {
            return Err(too_many());
        }
        match add_to_day(next, step, part) {
            Ok(day) => next = day,
            Err(SqlError::Failed(_)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(Value::array(items))
}

fn generate_timestamps(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (Value::Timestamp(start), Value::Timestamp(end)) = (&args[0], &args[1]) else {
        return Err(mismatch());
    };
    let length = match text(args, 3)? {
        "DAY" => DAY_MICROS,
        part => fixed_part(part).ok_or_else(|| wrong_part(part))?,
    };
    // A step beyond the range ends after the first element.
    let step = int(args, 2)?.saturating_mul(length);
    if step == 0 {
        return Err(zero_step());
    }
    let mut items = Vec::new();
    let mut next = *start;
    while if step > 0 { next <= *end } else { next >= *end } {
        items.push(Value::Timestamp(next));
        if items.len() > MAX_ELEMENTS {
            return Err(too_many());
        }
        match check_micros(next.checked_add(step), "TIMESTAMP") {
            Ok(sum) => next = sum,
            Err(_) => break,
        }
    }
    Ok(Value::array(items))
}
