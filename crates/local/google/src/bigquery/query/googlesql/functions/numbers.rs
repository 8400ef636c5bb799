//! Arithmetic of INT64, FLOAT64, NUMERIC, BIGNUMERIC, dates and intervals; bitwise operators.
//!
//! Semantics: GoogleSQL reference, "Arithmetic operators" and "Bitwise operators".

use num_bigint::BigInt;

use super::{Context, Function, Result, SqlError, mismatch, strict};
use crate::bigquery::query::googlesql::calendar::{
    add_interval, date_from_days, subtract_instants,
};
use crate::bigquery::query::googlesql::interval::Interval;
use crate::bigquery::query::googlesql::numeric::{
    BIG_SCALE, NUMERIC_SCALE, bignumeric_from_big, check_numeric, divide_rounded, numeric_from_big,
    parse_units, power_of_ten, to_big,
};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("PARSE_NUMERIC", "STRING -> NUMERIC", |_, args| {
        let units = parse_decimal(super::text(args, 0)?, NUMERIC_SCALE)?;
        Ok(Value::Numeric(numeric_from_big(&units)?))
    }),
    strict("PARSE_BIGNUMERIC", "STRING -> BIGNUMERIC", |_, args| {
        let units = parse_decimal(super::text(args, 0)?, BIG_SCALE)?;
        Ok(Value::big(bignumeric_from_big(&units)?))
    }),
    strict(
        "$add",
        "INT64, INT64 -> INT64 | FLOAT64, FLOAT64 -> FLOAT64 | NUMERIC, NUMERIC -> NUMERIC | \
         BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC | DATE, INT64 -> DATE | INT64, DATE -> DATE | \
         DATETIME, INTERVAL -> DATETIME | INTERVAL, DATETIME -> DATETIME | \
         TIMESTAMP, INTERVAL -> TIMESTAMP | INTERVAL, TIMESTAMP -> TIMESTAMP | \
         INTERVAL, INTERVAL -> INTERVAL",
        |_, args| add(args),
    ),
    strict(
        "$subtract",
        "INT64, INT64 -> INT64 | FLOAT64, FLOAT64 -> FLOAT64 | NUMERIC, NUMERIC -> NUMERIC | \
         BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC | DATE, INT64 -> DATE | DATE, DATE -> INTERVAL | \
         DATETIME, DATETIME -> INTERVAL | TIMESTAMP, TIMESTAMP -> INTERVAL | \
         TIME, TIME -> INTERVAL | \
         DATETIME, INTERVAL -> DATETIME | TIMESTAMP, INTERVAL -> TIMESTAMP | \
         INTERVAL, INTERVAL -> INTERVAL",
        |_, args| subtract(args),
    ),
    strict(
        "$multiply",
        "INT64, INT64 -> INT64 | FLOAT64, FLOAT64 -> FLOAT64 | NUMERIC, NUMERIC -> NUMERIC | \
         BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC | INTERVAL, INT64 -> INTERVAL | \
         INT64, INTERVAL -> INTERVAL",
        |_, args| multiply(args),
    ),
    strict(
        "$divide",
        "FLOAT64, FLOAT64 -> FLOAT64 | NUMERIC, NUMERIC -> NUMERIC | \
         BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC | INTERVAL, INT64 -> INTERVAL",
        |_, args| divide(args),
    ),
    strict(
        "SAFE_ADD",
        "INT64, INT64 -> INT64 | FLOAT64, FLOAT64 -> FLOAT64 | NUMERIC, NUMERIC -> NUMERIC | \
         BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC",
        |_, args| safe(add(args)),
    ),
    strict(
        "SAFE_SUBTRACT",
        "INT64, INT64 -> INT64 | FLOAT64, FLOAT64 -> FLOAT64 | NUMERIC, NUMERIC -> NUMERIC | \
         BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC",
        |_, args| safe(subtract(args)),
    ),
    strict(
        "SAFE_MULTIPLY",
        "INT64, INT64 -> INT64 | FLOAT64, FLOAT64 -> FLOAT64 | NUMERIC, NUMERIC -> NUMERIC | \
         BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC",
        |_, args| safe(multiply(args)),
    ),
    strict(
        "SAFE_DIVIDE",
        "FLOAT64, FLOAT64 -> FLOAT64 | NUMERIC, NUMERIC -> NUMERIC | \
         BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC",
        |_, args| safe(divide(args)),
    ),
    strict("SAFE_NEGATE", NEGATE, |_, args| safe(negate(args))),
    strict("$minus", NEGATE_OR_INTERVAL, |_, args| negate(args)),
    strict("$plus", NEGATE, |_, args| Ok(args[0].clone())),
    strict("IEEE_DIVIDE", "FLOAT64, FLOAT64 -> FLOAT64", |_, args| {
        Ok(Value::Float(super::float(args, 0)? / super::float(args, 1)?))
    }),
    strict(
        "DIV",
        "INT64, INT64 -> INT64 | NUMERIC, NUMERIC -> NUMERIC | \
         BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC",
        integer_divide,
    ),
    strict(
        "MOD",
        "INT64, INT64 -> INT64 | NUMERIC, NUMERIC -> NUMERIC | \
         BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC",
        modulo,
    ),
    strict("$bit_and", BITS, |_, args| bits(args, |a, b| a & b, |a, b| a & b)),
    strict("$bit_or", BITS, |_, args| bits(args, |a, b| a | b, |a, b| a | b)),
    strict("$bit_xor", BITS, |_, args| bits(args, |a, b| a ^ b, |a, b| a ^ b)),
    strict("$bit_not", "INT64 -> INT64 | BYTES -> BYTES", |_, args| match &args[0] {
        Value::Int(it) => Ok(Value::Int(!it)),
        Value::Bytes(it) => Ok(Value::bytes(it.iter().map(|it| !it).collect::<Vec<_>>())),
        _ => Err(mismatch()),
    }),
    strict("$shift_left", SHIFTS, |_, args| shift(args, true)),
    strict("$shift_right", SHIFTS, |_, args| shift(args, false)),
    strict("BIT_COUNT", "INT64 -> INT64 | BYTES -> INT64", |_, args| match &args[0] {
        Value::Int(it) => Ok(Value::Int(i64::from(it.count_ones()))),
        Value::Bytes(it) => Ok(Value::Int(it.iter().map(|it| i64::from(it.count_ones())).sum())),
        _ => Err(mismatch()),
    }),
];

const NEGATE: &str = "INT64 -> INT64 | FLOAT64 -> FLOAT64 | NUMERIC -> NUMERIC | \
                      BIGNUMERIC -> BIGNUMERIC";
const NEGATE_OR_INTERVAL: &str = "INT64 -> INT64 | FLOAT64 -> FLOAT64 | NUMERIC -> NUMERIC | \
                                  BIGNUMERIC -> BIGNUMERIC | INTERVAL -> INTERVAL";
const BITS: &str = "INT64, INT64 -> INT64 | BYTES, BYTES -> BYTES";
const SHIFTS: &str = "INT64, INT64 -> INT64 | BYTES, INT64 -> BYTES";

/// Reads a decimal number more freely than CAST: blanks around the sign, the sign before or after the
/// number, commas within the whole digits (GoogleSQL reference, "PARSE_NUMERIC").
fn parse_decimal(text: &str, scale: u32) -> Result<BigInt> {
    let wrong = || SqlError::failed("a text is not a decimal number");
    let text = text.trim_matches(|it: char| it.is_ascii_whitespace());
    let is_sign = |it: char| matches!(it, '+' | '-');
    let (sign, digits) = match (text.strip_prefix(is_sign), text.strip_suffix(is_sign)) {
        (Some(rest), _) => (&text[..1], rest),
        (None, Some(rest)) => (&text[text.len() - 1..], rest),
        (None, None) => ("", text),
    };
    let digits = digits.trim_matches(|it: char| it.is_ascii_whitespace());
    let end = digits.find(['.', 'e', 'E']).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    if digits.starts_with(is_sign) || digits.starts_with(|it: char| it.is_ascii_whitespace()) {
        return Err(wrong());
    }
    let plain = format!("{sign}{}{rest}", whole.replace(',', ""));
    parse_units(&plain, scale).ok_or_else(wrong)
}

/// NULL instead of an error.
fn safe(result: Result<Value>) -> Result<Value> {
    match result {
        Err(SqlError::Failed(_)) => Ok(Value::Null),
        other => other,
    }
}

/// A finite result of finite operands.
fn finite(result: f64, operands: [f64; 2]) -> Result<Value> {
    let overflown = !result.is_finite() && operands.iter().all(|it| it.is_finite());
    if overflown { Err(SqlError::overflow("FLOAT64")) } else { Ok(Value::Float(result)) }
}

fn checked(result: Option<i64>) -> Result<Value> {
    result.map(Value::Int).ok_or_else(|| SqlError::overflow("INT64"))
}

fn numeric(result: Option<i128>) -> Result<Value> {
    let units = result.ok_or_else(|| SqlError::overflow("NUMERIC"))?;
    check_numeric(units).map(Value::Numeric)
}

/// Applies an operation to the units of two decimal numbers.
fn decimal(args: &[Value], op: impl Fn(&BigInt, &BigInt, u32) -> Result<BigInt>) -> Result<Value> {
    match args {
        [Value::Numeric(a), Value::Numeric(b)] => {
            let units = op(&BigInt::from(*a), &BigInt::from(*b), NUMERIC_SCALE)?;
            Ok(Value::Numeric(numeric_from_big(&units)?))
        }
        [Value::BigNumeric(a), Value::BigNumeric(b)] => {
            let units = op(&to_big(**a), &to_big(**b), BIG_SCALE)?;
            Ok(Value::big(bignumeric_from_big(&units)?))
        }
        _ => Err(mismatch()),
    }
}

pub(crate) fn add(args: &[Value]) -> Result<Value> {
    match args {
        [Value::Int(a), Value::Int(b)] => checked(a.checked_add(*b)),
        [Value::Float(a), Value::Float(b)] => finite(a + b, [*a, *b]),
        [Value::Numeric(a), Value::Numeric(b)] => numeric(a.checked_add(*b)),
        [Value::Date(day), Value::Int(days)] | [Value::Int(days), Value::Date(day)] => {
            date_from_days(i64::from(*day).checked_add(*days)).map(Value::Date)
        }
        [Value::Interval(a), Value::Interval(b)] => Ok(interval(a.plus(b)?)),
        [Value::Interval(a), time] | [time, Value::Interval(a)] => add_interval(time, a),
        _ => decimal(args, |a, b, _| Ok(a + b)),
    }
}

fn subtract(args: &[Value]) -> Result<Value> {
    match args {
        [Value::Int(a), Value::Int(b)] => checked(a.checked_sub(*b)),
        [Value::Float(a), Value::Float(b)] => finite(a - b, [*a, *b]),
        [Value::Numeric(a), Value::Numeric(b)] => numeric(a.checked_sub(*b)),
        [Value::Date(day), Value::Int(days)] => {
            date_from_days(i64::from(*day).checked_sub(*days)).map(Value::Date)
        }
        [Value::Interval(a), Value::Interval(b)] => Ok(interval(a.plus(&b.times(-1)?)?)),
        [time, Value::Interval(a)] => add_interval(time, &a.times(-1)?),
        [Value::Date(_), Value::Date(_)]
        | [Value::Time(_), Value::Time(_)]
        | [Value::Datetime(_), Value::Datetime(_)]
        | [Value::Timestamp(_), Value::Timestamp(_)] => subtract_instants(&args[0], &args[1]),
        _ => decimal(args, |a, b, _| Ok(a - b)),
    }
}

fn interval(value: Interval) -> Value {
    Value::Interval(Box::new(value))
}

fn multiply(args: &[Value]) -> Result<Value> {
    match args {
        [Value::Int(a), Value::Int(b)] => checked(a.checked_mul(*b)),
        [Value::Float(a), Value::Float(b)] => finite(a * b, [*a, *b]),
        [Value::Interval(a), Value::Int(b)] | [Value::Int(b), Value::Interval(a)] => {
            Ok(interval(a.times(*b)?))
        }
        _ => decimal(args, |a, b, scale| Ok(divide_rounded(&(a * b), &power_of_ten(scale)))),
    }
}

fn divide(args: &[Value]) -> Result<Value> {
    match args {
        [Value::Float(_), Value::Float(b)] if *b == 0.0 => Err(division_by_zero()),
        [Value::Float(a), Value::Float(b)] => finite(a / b, [*a, *b]),
        [Value::Interval(a), Value::Int(b)] => Ok(interval(a.divided_by(*b)?)),
        _ => decimal(args, |a, b, scale| {
            if *b == BigInt::ZERO {
                return Err(division_by_zero());
            }
            Ok(divide_rounded(&(a * power_of_ten(scale)), b))
        }),
    }
}

fn division_by_zero() -> SqlError {
    SqlError::failed("division by zero")
}

fn negate(args: &[Value]) -> Result<Value> {
    match &args[0] {
        Value::Int(it) => checked(it.checked_neg()),
        Value::Float(it) => Ok(Value::Float(-it)),
        Value::Numeric(it) => Ok(Value::Numeric(-it)),
        Value::BigNumeric(it) => Ok(Value::big(bignumeric_from_big(&-to_big(**it))?)),
        Value::Interval(it) => Ok(interval(it.times(-1)?)),
        _ => Err(mismatch()),
    }
}

fn integer_divide(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Int(_), Value::Int(0)] => Err(division_by_zero()),
        [Value::Int(a), Value::Int(b)] => checked(a.checked_div(*b)),
        _ => {
            let _ = context;
            decimal(args, |a, b, scale| {
                if *b == BigInt::ZERO {
                    return Err(division_by_zero());
                }
                Ok(a / b * power_of_ten(scale))
            })
        }
    }
}

fn modulo(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match args {
        [Value::Int(_), Value::Int(0)] => Err(division_by_zero()),
        [Value::Int(a), Value::Int(b)] => Ok(Value::Int(a.wrapping_rem(*b))),
        _ => decimal(
            args,
            |a, b, _| {
                if *b == BigInt::ZERO { Err(division_by_zero()) } else { Ok(a % b) }
            },
        ),
    }
}

fn bits(args: &[Value], ints: fn(i64, i64) -> i64, bytes: fn(u8, u8) -> u8) -> Result<Value> {
    match args {
        [Value::Int(a), Value::Int(b)] => Ok(Value::Int(ints(*a, *b))),
        [Value::Bytes(a), Value::Bytes(b)] => {
            if a.len() != b.len() {
                return Err(SqlError::failed("bitwise operators need BYTES of one length"));
            }
            Ok(Value::bytes(a.iter().zip(b.iter()).map(|(a, b)| bytes(*a, *b)).collect::<Vec<_>>()))
        }
        _ => Err(mismatch()),
    }
}

fn shift(args: &[Value], left: bool) -> Result<Value> {
    let by = super::int(args, 1)?;
    let by = u64::try_from(by).map_err(|_| SqlError::failed("a shift by a negative number"))?;
    match &args[0] {
        Value::Int(_) if by >= 64 => Ok(Value::Int(0)),
        Value::Int(it) if left => Ok(Value::Int(it << by)),
        // The sign bit is not repeated.
        Value::Int(it) => Ok(Value::Int(((*it as u64) >> by) as i64)),
        Value::Bytes(it) => {
            let length = it.len();
            let (whole, rest) = (usize::try_from(by / 8).unwrap_or(usize::MAX), (by % 8) as u32);
            let byte = |at: Option<usize>| at.and_then(|at| it.get(at)).copied().unwrap_or(0);
            let shifted = (0..length).map(|at| {
                let (near, far) = if left {
                    let near = at.checked_add(whole);
                    (near, near.and_then(|it| it.checked_add(1)))
                } else {
                    let near = at.checked_sub(whole);
                    (near, near.and_then(|it| it.checked_sub(1)))
                };
                let (near, far) = (u32::from(byte(near)), u32::from(byte(far)));
                let value = match left {
                    true => near << rest | far << rest >> 8,
                    false => near >> rest | (far << 8) >> rest,
                };
                (value & 0xff) as u8
            });
            Ok(Value::bytes(shifted.collect::<Vec<_>>()))
        }
        _ => Err(mismatch()),
    }
}

/// The sum of the values of one type for SUM; the type says what an empty sum starts from.
pub(crate) fn zero(of: &Type) -> Value {
    match of {
        Type::Float64 => Value::Float(0.0),
        Type::Numeric => Value::Numeric(0),
        Type::BigNumeric => Value::big(arrow::datatypes::i256::ZERO),
        Type::Interval => interval(Interval::default()),
        _ => Value::Int(0),
    }
}
