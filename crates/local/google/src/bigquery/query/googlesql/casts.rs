//! CAST between types, and the texts of dates and times.
//!
//! Semantics: GoogleSQL reference, "Conversion functions" and "Data types" (canonical formats).

use jiff::tz::TimeZone;
use num_bigint::BigInt;

use super::calendar::{
    LAST_DAY, civil, parse_zone, shown_in_zone, timestamp_from_civil, timestamp_in_zone,
};
use super::error::{Result, SqlError};
use super::interval::{DAY_MICROS, Interval};
use super::numeric::{
    BIG_SCALE, NUMERIC_SCALE, bignumeric_from_big, divide_rounded, format_units, numeric_from_big,
    parse_units, power_of_ten, to_big, units_from_float, units_to_float,
};
use super::types::Type;
use super::value::Value;

/// Whether there is a cast between two types.
pub(crate) fn can_cast(from: &Type, to: &Type) -> bool {
    use Type::{
        Array, BigNumeric, Bool, Bytes, Date, Datetime, Float64, Int64, Interval, Json, Numeric,
        String, Struct, Time, Timestamp,
    };
    match (from, to) {
        (from, to) if from == to => true,
        (Array(from), Array(to)) => from.coercion(to).is_some() || can_cast(from, to),
        (Struct(from), Struct(to)) => {
            from.len() == to.len()
                && from.iter().zip(to.iter()).all(|((_, from), (_, to))| can_cast(from, to))
        }
        (Int64, Bool) | (Bool, Int64) => true,
        (from, to) if from.is_numeric() && to.is_numeric() => true,
        (Bool | Int64 | Float64 | Numeric | BigNumeric, String) => true,
        (String, Bool | Int64 | Float64 | Numeric | BigNumeric) => true,
        (String, Bytes | Date | Time | Datetime | Timestamp | Interval) => true,
        (Bytes | Date | Time | Datetime | Timestamp | Interval, String) => true,
        (Date, Datetime | Timestamp) => true,
        (Datetime | Timestamp, Date | Time | Datetime | Timestamp) => true,
        (Json, Json) => true,
        _ => false,
    }
}

fn wrong_text(of: &Type) -> SqlError {
    SqlError::failed(format!("a text could not be converted to {of}"))
}

/// Converts a value. `zone` is the time zone between texts and instants, UTC by default.
pub(crate) fn cast(value: &Value, from: &Type, to: &Type, zone: Option<&Value>) -> Result<Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let zone = match zone {
        Some(Value::Text(name)) => parse_zone(name)?,
        Some(Value::Null) => return Ok(Value::Null),
        _ => TimeZone::UTC,
    };
    convert(value, from, to, &zone)
}

fn convert(value: &Value, from: &Type, to: &Type, zone: &TimeZone) -> Result<Value> {
    match (value, to) {
        (Value::Array(items), Type::Array(to)) => {
            let from = from.element().unwrap_or(to);
            let items = items
                .iter()
                .map(|it| if it.is_null() { Ok(Value::Null) } else { convert(it, from, to, zone) });
            Ok(Value::array(items.collect::<Result<_>>()?))
        }
        (Value::Struct(items), Type::Struct(to)) => {
            let fields = items.iter().zip(from.fields()).zip(to.iter());
            let items = fields.map(|((it, (_, from)), (_, to))| {
                if it.is_null() { Ok(Value::Null) } else { convert(it, from, to, zone) }
            });
            Ok(Value::Struct(items.collect::<Result<Vec<_>>>()?.into()))
        }
        (Value::Text(text), to) => from_text(text, to, zone),
        (_, Type::String) => to_text(value, zone).map(Value::text),
        (Value::Bool(it), Type::Int64) => Ok(Value::Int(i64::from(*it))),
        (Value::Int(it), Type::Bool) => Ok(Value::Bool(*it != 0)),
        (Value::Int(_) | Value::Float(_) | Value::Numeric(_) | Value::BigNumeric(_), to) => {
            convert_number(value, to)
        }
        (Value::Date(day), Type::Datetime) => Ok(Value::Datetime(i64::from(*day) * DAY_MICROS)),
        (Value::Date(_) | Value::Datetime(_) | Value::Timestamp(_), to) => {
            convert_time(value, to, zone)
        }
        (value, _) => Ok(value.clone()),
    }
}

fn convert_time(value: &Value, to: &Type, zone: &TimeZone) -> Result<Value> {
    let local = match value {
        Value::Date(day) => i64::from(*day) * DAY_MICROS,
        Value::Datetime(micros) => *micros,
        Value::Timestamp(micros) if *to == Type::Timestamp => return Ok(Value::Timestamp(*micros)),
        Value::Timestamp(micros) => timestamp_in_zone(*micros, zone),
        _ => return Ok(value.clone()),
    };
    Ok(match to {
        Type::Date => Value::Date(i32::try_from(local.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX)),
        Type::Time => Value::Time(local.rem_euclid(DAY_MICROS)),
        Type::Datetime => Value::Datetime(local),
        _ => Value::Timestamp(timestamp_from_civil(local, zone)?),
    })
}

fn convert_number(value: &Value, to: &Type) -> Result<Value> {
    match (value, to) {
        (Value::Int(it), Type::Int64) => Ok(Value::Int(*it)),
        (Value::Int(it), Type::Float64) => Ok(Value::Float(*it as f64)),
        (Value::Float(it), Type::Float64) => Ok(Value::Float(*it)),
        (Value::Float(it), Type::Int64) => {
            let rounded = it.round();
            // 2^63 is the first float outside the range.
            if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded) {
                return Ok(Value::Int(rounded as i64));
            }
            Err(SqlError::overflow("INT64"))
        }
        _ => {
            let (units, scale) = decimal_units(value, to)?;
            from_units(&units, scale, to)
        }
    }
}

/// A number as units of a scale.
fn decimal_units(value: &Value, to: &Type) -> Result<(BigInt, u32)> {
    let scale = if *to == Type::BigNumeric { BIG_SCALE } else { NUMERIC_SCALE };
    Ok(match value {
        Value::Int(it) => (BigInt::from(*it), 0),
        Value::Numeric(it) => (BigInt::from(*it), NUMERIC_SCALE),
        Value::BigNumeric(it) => (to_big(**it), BIG_SCALE),
        Value::Float(it) => {
            let units = units_from_float(*it, scale);
            (
                units
                    .ok_or_else(|| SqlError::failed("NaN and infinities are no decimal numbers"))?,
                scale,
            )
        }
        _ => return Err(SqlError::failed("a number was expected")),
    })
}

fn from_units(units: &BigInt, scale: u32, to: &Type) -> Result<Value> {
    let rescaled = |target: u32| {
        if target >= scale {
            units * power_of_ten(target - scale)
        } else {
            divide_rounded(units, &power_of_ten(scale - target))
        }
    };
    match to {
        Type::Int64 => {
            let whole = i64::try_from(rescaled(0)).map_err(|_| SqlError::overflow("INT64"))?;
            Ok(Value::Int(whole))
        }
        Type::Float64 => Ok(Value::Float(units_to_float(units, scale))),
        Type::Numeric => Ok(Value::Numeric(numeric_from_big(&rescaled(NUMERIC_SCALE))?)),
        _ => Ok(Value::big(bignumeric_from_big(&rescaled(BIG_SCALE))?)),
    }
}

fn from_text(text: &str, to: &Type, zone: &TimeZone) -> Result<Value> {
    let wrong = || wrong_text(to);
    let trimmed = text.trim_matches(|it: char| it.is_ascii_whitespace());
    Ok(match to {
        Type::String => Value::text(text),
        Type::Bytes => Value::bytes(text.as_bytes()),
        Type::Bool if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        Type::Bool if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        Type::Int64 => Value::Int(parse_int(trimmed).ok_or_else(wrong)?),
        Type::Float64 => Value::Float(parse_float(trimmed).ok_or_else(wrong)?),
        Type::Numeric => {
            let units = parse_units(text, NUMERIC_SCALE).ok_or_else(wrong)?;
            Value::Numeric(numeric_from_big(&units).map_err(|_| wrong())?)
        }
        Type::BigNumeric => {
            let units = parse_units(text, BIG_SCALE).ok_or_else(wrong)?;
            Value::big(bignumeric_from_big(&units).map_err(|_| wrong())?)
        }
        Type::Date => {
            let micros = parse_datetime(text).ok_or_else(wrong)?;
            if text.contains(['T', 't', ':']) {
                return Err(wrong());
            }
            Value::Date(i32::try_from(micros.div_euclid(DAY_MICROS)).map_err(|_| wrong())?)
        }
        Type::Time => Value::Time(parse_time(text).ok_or_else(wrong)?),
        Type::Datetime => Value::Datetime(parse_datetime(text).ok_or_else(wrong)?),
        Type::Timestamp => Value::Timestamp(parse_timestamp(text, zone, false)?),
        Type::Interval => {
            let parsed = match text.starts_with('P') {
                true => Interval::parse_iso(text),
                false => Interval::parse_any(text),
            };
            Value::Interval(Box::new(parsed.ok_or_else(wrong)?))
        }
        _ => return Err(wrong()),
    })
}

fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let value = match hexadecimal {
        Some(digits) if digits.bytes().all(|it| it.is_ascii_hexdigit()) => {
            i128::from_str_radix(digits, 16).ok()?
        }
        Some(_) => return None,
        None if digits.bytes().all(|it| it.is_ascii_digit()) => digits.parse::<i128>().ok()?,
        None => return None,
    };
    i64::try_from(if negative { -value } else { value }).ok()
}

fn parse_float(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    match lower.trim_start_matches(['+', '-']) {
        "inf" | "infinity" => {
            return Some(if lower.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    let unsigned = lower.trim_start_matches(['+', '-']);
    if let Some(digits) = unsigned.strip_prefix("0x") {
        let value = u64::from_str_radix(digits, 16).ok()? as f64;
        return Some(if lower.starts_with('-') { -value } else { value });
    }
    let plain = lower.bytes().all(|it| it.is_ascii_digit() || b"+-.e".contains(&it));
    // A number beyond the range is an infinity, as C reads it.
    lower.parse::<f64>().ok().filter(|_| plain)
}

/// `H:M:S[.F]`.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    let (micros, rest) = read_clock(text)?;
    rest.is_empty().then_some(without_leap_fraction(text, micros).rem_euclid(DAY_MICROS))
}

fn read_number(text: &str, most: usize) -> Option<(i64, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    Some((number.parse().ok()?, rest))
}

fn read_clock(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = read_number(text, 2)?;
    let (minute, rest) = read_number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = read_number(rest.strip_prefix(':')?, 2)?;
    // A leap second is the start of the next minute.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let whole = ((hour * 60 + minute) * 60 + second) * 1_000_000;
    let Some(fraction) = rest.strip_prefix('.') else { return Some((whole, rest)) };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 6 {
        return None;
    }
    let padded = format!("{:0<6}", &fraction[..digits]);
    Some((whole + padded.parse::<i64>().ok()?, &fraction[digits..]))
}

/// A date, or a date and a time, and the rest of the text.
fn read_datetime(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = read_number(text, 4)?;
    let (month, rest) = read_number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = read_number(rest.strip_prefix('-')?, 2)?;
    let year = i16::try_from(year).ok().filter(|it| *it >= 1)?;
    let date =
        jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let days = date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days();
    let micros = i64::from(days) * DAY_MICROS;
    let clock = rest
        .strip_prefix(['T', 't', ' '])
        .filter(|it| it.starts_with(|it: char| it.is_ascii_digit()));
    match clock {
        Some(clock) => read_clock(clock).map(|(time, rest)| (micros + time, rest)),
        None => Some((micros, rest)),
    }
}

pub(crate) fn parse_datetime(text: &str) -> Option<i64> {
    let (micros, rest) = read_datetime(text)?;
    rest.is_empty().then_some(without_leap_fraction(text, micros))
}

/// A leap second of a time without a zone has no fraction.
fn without_leap_fraction(text: &str, micros: i64) -> i64 {
    if text.contains(":60.") { micros - micros.rem_euclid(1_000_000) } else { micros }
}

/// An instant. A zone in the text replaces `zone`, or is an error if the caller named one.
pub(crate) fn parse_timestamp(text: &str, zone: &TimeZone, only_zone: bool) -> Result<i64> {
    let wrong = || wrong_text(&Type::Timestamp);
    let (local, rest) = read_datetime(text).ok_or_else(wrong)?;
    if rest.is_empty() {
        return timestamp_from_civil(local, zone).map_err(|_| wrong());
    }
    // A zone follows a time, not a date alone.
    let has_time = text[..text.len() - rest.len()].contains(':');
    if only_zone || !has_time {
        return Err(wrong());
    }
    let zone = match rest {
        "Z" | "z" => TimeZone::UTC,
        _ if rest.starts_with(['+', '-']) => parse_zone(rest).map_err(|_| wrong())?,
        _ => {
            let name = rest
                .strip_prefix(' ')
                .filter(|it| !it.starts_with(['+', '-']) && !it.eq_ignore_ascii_case("z"));
            let name = name.ok_or_else(wrong)?;
            // `UTC+9` is an offset.
            let offset = name.strip_prefix("UTC").filter(|it| it.starts_with(['+', '-']));
            parse_zone(offset.unwrap_or(name)).map_err(|_| wrong())?
        }
    };
    timestamp_from_civil(local, &zone).map_err(|_| wrong())
}

/// The text of a value of a simple type.
pub(crate) fn to_text(value: &Value, zone: &TimeZone) -> Result<String> {
    Ok(match value {
        Value::Bool(it) => it.to_string(),
        Value::Int(it) => it.to_string(),
        Value::Float(it) => float_text(*it),
        Value::Numeric(it) => format_units(&BigInt::from(*it), NUMERIC_SCALE),
        Value::BigNumeric(it) => format_units(&to_big(**it), BIG_SCALE),
        Value::Text(it) => it.to_string(),
        Value::Bytes(it) => String::from_utf8(it.to_vec())
            .map_err(|_| SqlError::failed("BYTES are no valid UTF-8"))?,
        Value::Date(it) => date_text(*it)?,
        Value::Time(it) => time_text(*it),
        Value::Datetime(it) => datetime_text(*it, ' ')?,
        Value::Timestamp(it) => timestamp_text(*it, zone)?,
        Value::Interval(it) => it.to_string(),
        Value::Json(_) | Value::Array(_) | Value::Struct(_) | Value::Null => {
            return Err(SqlError::failed("a value has no text"));
        }
    })
}

/// C's `%.15g`, or `%.17g` where 15 digits do not read back as the same number: `1`, `0.1`, `1e+20`.
pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if value == 0.0 {
        // The sign of a zero is not shown.
        return "0".to_owned();
    }
    let short = significant(value, 15);
    if short.parse() == Ok(value) { short } else { significant(value, 17) }
}

/// C's `%g` with a number of digits.
fn significant(value: f64, precision: i32) -> String {
    // `1.2345e-7`: the digits and the exponent.
    let scientific = format!("{value:.*e}", usize::try_from(precision - 1).unwrap_or(0));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= precision {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trim(mantissa), exponent.abs());
    }
    let places = usize::try_from(precision - 1 - exponent).unwrap_or(0);
    trim(&format!("{value:.places$}"))
}

pub(crate) fn date_text(days: i32) -> Result<String> {
    let at = civil(i64::from(days) * DAY_MICROS)?;
    Ok(format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day()))
}

/// Milliseconds are written with three digits, microseconds with six.
pub(crate) fn time_text(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match micros % 1_000_000 {
        0 => clock,
        it if it % 1000 == 0 => format!("{clock}.{:03}", it / 1000),
        it => format!("{clock}.{it:06}"),
    }
}

pub(crate) fn datetime_text(micros: i64, separator: char) -> Result<String> {
    let day = i32::try_from(micros.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX);
    let time = time_text(micros.rem_euclid(DAY_MICROS));
    Ok(format!("{}{separator}{time}", date_text(day)?))
}

/// `2026-01-01 09:00:00+09`.
pub(crate) fn timestamp_text(micros: i64, zone: &TimeZone) -> Result<String> {
    let local = shown_in_zone(micros, zone);
    let offset = (local - micros) / 60_000_000;
    let sign = if offset < 0 { '-' } else { '+' };
    let offset = offset.abs();
    let minutes = if offset % 60 == 0 { String::new() } else { format!(":{:02}", offset % 60) };
    // The local time can be on the day after the last one.
    let text = match local >= (LAST_DAY + 1) * DAY_MICROS {
        true => format!("10000-01-01 {}", time_text(local.rem_euclid(DAY_MICROS))),
        false => datetime_text(local, ' ')?,
    };
    Ok(format!("{text}{sign}{:02}{minutes}", offset / 60))
}
