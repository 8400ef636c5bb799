//! Mathematical functions.
//!
//! Semantics: GoogleSQL reference, "Mathematical functions".

use num_bigint::{BigInt, Sign};

use super::{Context, Function, Result, SqlError, float, int_or, mismatch, strict};
use crate::bigquery::query::googlesql::numeric::{
    BIG_SCALE, NUMERIC_SCALE, Rounding, bignumeric_from_big, numeric_from_big, power_of_ten,
    round_units, to_big, units_from_float, units_to_float,
};
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("ABS", NUMBER, |_, args| match &args[0] {
        Value::Int(it) => {
            it.checked_abs().map(Value::Int).ok_or_else(|| SqlError::overflow("INT64"))
        }
        Value::Float(it) => Ok(Value::Float(it.abs())),
        _ => decimal(args, |it, _| Ok(BigInt::from(it.magnitude().clone()))),
    }),
    strict("SIGN", NUMBER, |_, args| match &args[0] {
        Value::Int(it) => Ok(Value::Int(it.signum())),
        Value::Float(it) => Ok(Value::Float(if *it == 0.0 {
            0.0
        } else if it.is_nan() {
            *it
        } else {
            it.signum()
        })),
        _ => decimal(args, |it, scale| {
            Ok(match it.sign() {
                Sign::Minus => -power_of_ten(scale),
                Sign::NoSign => BigInt::ZERO,
                Sign::Plus => power_of_ten(scale),
            })
        }),
    }),
    strict("IS_NAN", "FLOAT64 -> BOOL", |_, args| Ok(Value::Bool(float(args, 0)?.is_nan()))),
    strict("IS_INF", "FLOAT64 -> BOOL", |_, args| Ok(Value::Bool(float(args, 0)?.is_infinite()))),
    strict("ROUND", ROUND, |_, args| round(args, Rounding::HalfAway)),
    strict("TRUNC", TRUNC, |_, args| round(args, Rounding::Truncate)),
    strict("CEIL", WHOLE, |_, args| round(args, Rounding::Ceiling)),
    strict("CEILING", WHOLE, |_, args| round(args, Rounding::Ceiling)),
    strict("FLOOR", WHOLE, |_, args| round(args, Rounding::Floor)),
    strict("SQRT", FLOAT, |_, args| {
        domain(float(args, 0)? < 0.0)?;
        Ok(Value::Float(float(args, 0)?.sqrt()))
    }),
    strict("CBRT", FLOAT, |_, args| Ok(Value::Float(float(args, 0)?.cbrt()))),
    strict("EXP", FLOAT, |_, args| finite(float(args, 0)?.exp(), args)),
    strict("LN", FLOAT, |_, args| logarithm(float(args, 0)?, f64::ln)),
    strict("LOG10", FLOAT, |_, args| logarithm(float(args, 0)?, f64::log10)),
    strict("LOG", "FLOAT64, FLOAT64? -> FLOAT64", log),
    strict("POW", "FLOAT64, FLOAT64 -> FLOAT64", power),
    strict("POWER", "FLOAT64, FLOAT64 -> FLOAT64", power),
    strict("SIN", FLOAT, |_, args| trigonometric(args, f64::sin)),
    strict("COS", FLOAT, |_, args| trigonometric(args, f64::cos)),
    strict("TAN", FLOAT, |_, args| trigonometric(args, f64::tan)),
    strict("ASIN", FLOAT, |_, args| {
        within(float(args, 0)?, |it| it.abs() <= 1.0)?;
        Ok(Value::Float(float(args, 0)?.asin()))
    }),
    strict("ACOS", FLOAT, |_, args| {
        within(float(args, 0)?, |it| it.abs() <= 1.0)?;
        Ok(Value::Float(float(args, 0)?.acos()))
    }),
    strict("ATAN", FLOAT, |_, args| Ok(Value::Float(float(args, 0)?.atan()))),
    strict("ATAN2", "FLOAT64, FLOAT64 -> FLOAT64", |_, args| {
        Ok(Value::Float(float(args, 0)?.atan2(float(args, 1)?)))
    }),
    strict("SINH", FLOAT, |_, args| finite(float(args, 0)?.sinh(), args)),
    strict("COSH", FLOAT, |_, args| finite(float(args, 0)?.cosh(), args)),
    strict("TANH", FLOAT, |_, args| Ok(Value::Float(float(args, 0)?.tanh()))),
    strict("COT", FLOAT, |_, args| reciprocal(args, f64::tan)),
    strict("CSC", FLOAT, |_, args| reciprocal(args, f64::sin)),
    strict("SEC", FLOAT, |_, args| reciprocal(args, f64::cos)),
    strict("COTH", FLOAT, |_, args| reciprocal(args, f64::tanh)),
    strict("CSCH", FLOAT, |_, args| reciprocal(args, f64::sinh)),
    strict("SECH", FLOAT, |_, args| reciprocal(args, f64::cosh)),
    strict("COSINE_DISTANCE", VECTORS, |_, args| cosine_distance(args)),
    strict("EUCLIDEAN_DISTANCE", VECTORS, |_, args| {
        let pairs = coordinates(args)?;
        Ok(Value::Float(pairs.iter().map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()))
    }),
    strict("ASINH", FLOAT, |_, args| Ok(Value::Float(area_sine(float(args, 0)?)))),
    strict("ACOSH", FLOAT, |_, args| {
        let value = float(args, 0)?;
        within(value, |it| it >= 1.0)?;
        Ok(Value::Float(if value > HUGE && value.is_finite() {
            area_sine(value)
        } else {
            value.acosh()
        }))
    }),
    strict("ATANH", FLOAT, |_, args| {
        within(float(args, 0)?, |it| it.abs() < 1.0)?;
        Ok(Value::Float(float(args, 0)?.atanh()))
    }),
    strict("RANGE_BUCKET", "T, ARRAY<T> -> INT64", range_bucket),
    strict("RAND", "-> FLOAT64", |_, _| {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|_| SqlError::failed("no random numbers"))?;
        // 53 random bits are a float in [0, 1).
        Ok(Value::Float((u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64))
    }),
    strict("GENERATE_UUID", "-> STRING", |_, _| {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| SqlError::failed("no random numbers"))?;
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Ok(Value::text(parts.join("-")))
    }),
];

const NUMBER: &str =
    "INT64 -> INT64 | NUMERIC -> NUMERIC | BIGNUMERIC -> BIGNUMERIC | FLOAT64 -> FLOAT64";
const FLOAT: &str = "FLOAT64 -> FLOAT64";
const ROUND: &str = "FLOAT64, INT64? -> FLOAT64 | NUMERIC, INT64? -> NUMERIC | BIGNUMERIC, INT64? -> BIGNUMERIC | \
                     NUMERIC, INT64, STRING -> NUMERIC | BIGNUMERIC, INT64, STRING -> BIGNUMERIC";
const TRUNC: &str =
    "FLOAT64, INT64? -> FLOAT64 | NUMERIC, INT64? -> NUMERIC | BIGNUMERIC, INT64? -> BIGNUMERIC";
const WHOLE: &str = "FLOAT64 -> FLOAT64 | NUMERIC -> NUMERIC | BIGNUMERIC -> BIGNUMERIC";

fn domain(outside: bool) -> Result<()> {
    if outside {
        return Err(SqlError::failed(
            "the argument of a mathematical function is outside its domain",
        ));
    }
    Ok(())
}

/// A finite argument must be within the domain; the function of an infinite one is NaN outside it.
fn within(value: f64, domain_of: impl Fn(f64) -> bool) -> Result<()> {
    domain(value.is_finite() && !domain_of(value))
}

fn logarithm(value: f64, function: fn(f64) -> f64) -> Result<Value> {
    within(value, |it| it > 0.0)?;
    Ok(Value::Float(function(value)))
}

/// Beyond this number, the square of a float may be infinite.
const HUGE: f64 = 1e150;

/// The area hyperbolic sine, also of numbers whose square is infinite.
fn area_sine(value: f64) -> f64 {
    if value.is_finite() && value.abs() > HUGE {
        return (value.abs().ln() + std::f64::consts::LN_2).copysign(value);
    }
    value.asinh()
}

fn finite(result: f64, args: &[Value]) -> Result<Value> {
    let operands = args.iter().all(|it| matches!(it, Value::Float(it) if it.is_finite()));
    if operands && !result.is_finite() {
        return Err(SqlError::overflow("FLOAT64"));
    }
    Ok(Value::Float(result))
}

fn trigonometric(args: &[Value], function: fn(f64) -> f64) -> Result<Value> {
    Ok(Value::Float(function(float(args, 0)?)))
}

/// One divided by a function; where the function is zero, the result is an error.
fn reciprocal(args: &[Value], function: fn(f64) -> f64) -> Result<Value> {
    let value = function(float(args, 0)?);
    if value == 0.0 {
        return Err(SqlError::failed("division by zero"));
    }
    finite(1.0 / value, args)
}

const VECTORS: &str = "ARRAY<FLOAT64>, ARRAY<FLOAT64> -> FLOAT64";

/// The coordinates of two vectors in pairs.
fn coordinates(args: &[Value]) -> Result<Vec<(f64, f64)>> {
    let (a, b) = (super::array(args, 0)?, super::array(args, 1)?);
    if a.len() != b.len() {
        return Err(SqlError::failed("two vectors need the same number of coordinates"));
    }
    let pair = |(a, b): (&Value, &Value)| match (a, b) {
        (Value::Float(a), Value::Float(b)) => Ok((*a, *b)),
        _ => Err(SqlError::failed("a coordinate of a vector is NULL")),
    };
    a.iter().zip(b).map(pair).collect()
}

fn cosine_distance(args: &[Value]) -> Result<Value> {
    let pairs = coordinates(args)?;
    let sum = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
    let (a, b) = (sum(|(a, _)| a * a).sqrt(), sum(|(_, b)| b * b).sqrt());
    if a == 0.0 || b == 0.0 {
        return Err(SqlError::failed("a vector of COSINE_DISTANCE has no direction"));
    }
    Ok(Value::Float(1.0 - sum(|(a, b)| a * b) / (a * b)))
}

fn decimal(args: &[Value], op: impl Fn(&BigInt, u32) -> Result<BigInt>) -> Result<Value> {
    match &args[0] {
        Value::Numeric(it) => {
            Ok(Value::Numeric(numeric_from_big(&op(&BigInt::from(*it), NUMERIC_SCALE)?)?))
        }
        Value::BigNumeric(it) => {
            Ok(Value::big(bignumeric_from_big(&op(&to_big(**it), BIG_SCALE)?)?))
        }
        _ => Err(mismatch()),
    }
}

fn round(args: &[Value], mode: Rounding) -> Result<Value> {
    let places = int_or(args, 1, 0)?;
    if let Value::Float(value) = &args[0] {
        return round_float(*value, places, mode).map(Value::Float);
    }
    if args.len() > 2 {
        match super::text(args, 2)? {
            "ROUND_HALF_AWAY_FROM_ZERO" => {}
            "ROUND_HALF_EVEN" => {
                return decimal(args, |units, scale| {
                    Ok(round_units(units, scale, places, Rounding::HalfEven))
                });
            }
            _ => return Err(SqlError::failed("the rounding mode is invalid")),
        }
    }
    decimal(args, |units, scale| Ok(round_units(units, scale, places, mode)))
}

/// A float rounded to decimal places.
fn round_float(value: f64, places: i64, mode: Rounding) -> Result<f64> {
    let whole = |it: f64| match mode {
        Rounding::HalfAway => it.round(),
        Rounding::HalfEven => it.round_ties_even(),
        Rounding::Truncate => it.trunc(),
        Rounding::Floor => it.floor(),
        Rounding::Ceiling => it.ceil(),
    };
    if places == 0 || !value.is_finite() {
        return Ok(whole(value));
    }
    // Exactly: 2.675 is a little less than its text, and becomes 2.67.
    let places = places.clamp(-400, 1100);
    let scale = 1100;
    let Some(units) = units_from_float(value, scale) else { return Ok(value) };
    let rounded = round_units(&units, scale, places, mode);
    let result = units_to_float(&rounded, scale);
    if result.is_finite() { Ok(result.copysign(value)) } else { Err(SqlError::overflow("FLOAT64")) }
}

fn log(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let value = float(args, 0)?;
    if args.len() == 1 {
        return logarithm(value, f64::ln);
    }
    let base = float(args, 1)?;
    if value.is_nan()
        || base.is_nan()
        || value == f64::NEG_INFINITY
        || base.is_infinite() && base > 0.0 && value.is_infinite()
    {
        return Ok(Value::Float(f64::NAN));
    }
    if value == f64::INFINITY && base > 0.0 {
        return Ok(Value::Float(if base < 1.0 { f64::NEG_INFINITY } else { f64::INFINITY }));
    }
    if value == f64::INFINITY && base == 0.0 {
        return Ok(Value::Float(f64::NAN));
    }
    domain(value <= 0.0 || base <= 0.0 || base == 1.0)?;
    if base == f64::INFINITY {
        return Ok(Value::Float(0.0));
    }
    let exact = if base == 10.0 {
        value.log10()
    } else if base == 2.0 {
        value.log2()
    } else {
        value.ln() / base.ln()
    };
    Ok(Value::Float(exact))
}

fn power(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (base, exponent) = (float(args, 0)?, float(args, 1)?);
    domain(base < 0.0 && base.is_finite() && exponent.is_finite() && exponent.fract() != 0.0)?;
    if base == 0.0 && exponent < 0.0 {
        return Err(SqlError::failed("division by zero"));
    }
    finite(base.powf(exponent), args)
}

fn range_bucket(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let bounds = super::array(args, 1)?;
    if matches!(&args[0], Value::Float(it) if it.is_nan()) {
        return Ok(Value::Null);
    }
    if bounds.iter().any(Value::is_null) {
        return Err(SqlError::failed("the array of RANGE_BUCKET contains NULL"));
    }
    if bounds.windows(2).any(|it| it[0].order(&it[1]).is_gt()) {
        return Err(SqlError::failed("the array of RANGE_BUCKET is not in order"));
    }
    let below = bounds.iter().take_while(|it| it.order(&args[0]).is_le()).count();
    Ok(Value::Int(i64::try_from(below).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_rounded_half_away_from_zero() {
        for (value, places, want) in [(2.5, 0, 3.0), (-2.5, 0, -3.0), (123.456, -1, 120.0)] {
            assert_eq!(round_float(value, places, Rounding::HalfAway).expect("finite"), want);
        }
    }
}
