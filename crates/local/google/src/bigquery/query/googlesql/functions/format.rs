//! FORMAT, and values as SQL literals (`%T`).
//!
//! Semantics: GoogleSQL reference, "FORMAT" (`%[flags][width][.precision]specifier`).

use std::iter::Peekable;
use std::str::Chars;

use jiff::tz::TimeZone;
use num_bigint::BigInt;

use super::json_convert::{json_text, to_json_text};
use super::{Context, Function, Result, SqlError, lenient, mismatch};
use crate::bigquery::query::googlesql::casts::{
    datetime_text, float_text, timestamp_text, to_text,
};
use crate::bigquery::query::googlesql::numeric::{
    BIG_SCALE, NUMERIC_SCALE, Rounding, format_units, round_units, to_big,
};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[lenient("FORMAT", "special -> STRING", format)];

/// What stands between `%` and the specifier.
#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    zero: bool,
    group: bool,
    width: usize,
    precision: Option<usize>,
}

impl Spec {
    fn read_flags(chars: &mut Peekable<Chars<'_>>) -> Self {
        let mut spec = Self::default();
        while let Some(flag) = chars.next_if(|it| "-+ #0'".contains(*it)) {
            match flag {
                '-' => spec.left = true,
                '+' => spec.plus = true,
                ' ' => spec.blank = true,
                '#' => spec.alternate = true,
                '0' => spec.zero = true,
                _ => spec.group = true,
            }
        }
        spec
    }
}

fn wrong() -> SqlError {
    SqlError::failed("a FORMAT string does not fit its arguments")
}

fn format(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let Some(Value::Text(pattern)) = args.first() else { return Ok(Value::Null) };
    let mut out = String::new();
    let mut next = 1;
    let mut chars = pattern.chars().peekable();
    let mut missing = false;
    while let Some(char) = chars.next() {
        if char != '%' {
            out.push(char);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let mut spec = Spec::read_flags(&mut chars);
        let mut number = |chars: &mut Peekable<Chars<'_>>, next: &mut usize| {
            if chars.next_if_eq(&'*').is_some() {
                *next += 1;
                return match args.get(*next - 1) {
                    Some(Value::Int(it)) => {
                        i32::try_from(*it).map(|it| Some(i64::from(it))).map_err(|_| wrong())
                    }
                    Some(Value::Null) => {
                        missing = true;
                        Ok(Some(0))
                    }
                    _ => Err(wrong()),
                };
            }
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            Ok(digits.parse().ok())
        };
        if let Some(width) = number(&mut chars, &mut next)? {
            spec.left |= width < 0;
            spec.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
            if spec.width > 1 << 20 {
                return Err(SqlError::failed("a width of FORMAT is too large"));
            }
        }
        if chars.next_if_eq(&'.').is_some() {
            let precision = number(&mut chars, &mut next)?.unwrap_or(0);
            spec.precision = usize::try_from(precision).ok().map(|it| it.min(1 << 20));
        }
        let specifier = chars.next().ok_or_else(wrong)?;
        let value = args.get(next).ok_or_else(wrong)?;
        let of = context.types.get(next).ok_or_else(wrong)?;
        next += 1;
        if !takes(specifier, of) {
            return Err(wrong());
        }
        if value.is_null() && !matches!(specifier, 't' | 'T') {
            // A NULL makes the whole text NULL.
            missing = true;
            continue;
        }
        out.push_str(&one(&spec, specifier, value, of)?);
    }
    if next != args.len() {
        return Err(wrong());
    }
    Ok(if missing { Value::Null } else { Value::text(out) })
}

/// Whether a specifier is for values of a type.
fn takes(specifier: char, of: &Type) -> bool {
    match specifier {
        'd' | 'i' | 'x' | 'X' | 'o' => *of == Type::Int64,
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
            matches!(of, Type::Float64 | Type::Numeric | Type::BigNumeric)
        }
        's' => matches!(of, Type::String | Type::Bytes),
        'p' | 'P' => *of == Type::Json,
        't' | 'T' => true,
        _ => false,
    }
}

fn one(spec: &Spec, specifier: char, value: &Value, of: &Type) -> Result<String> {
    let text = match (specifier, value) {
        ('d' | 'i', Value::Int(it)) => {
            let digits = group_digits(spec, it.unsigned_abs().to_string());
            return Ok(pad_number(
                spec,
                *it < 0,
                "",
                zeros(spec, digits),
                spec.precision.is_some(),
            ));
        }
        ('x' | 'X' | 'o', Value::Int(it)) => {
            let digits = it.unsigned_abs();
            let (digits, prefix) = match specifier {
                'x' => (format!("{digits:x}"), "0x"),
                'X' => (format!("{digits:X}"), "0X"),
                _ => (format!("{digits:o}"), "0"),
            };
            let prefix = if spec.alternate { prefix } else { "" };
            // The reference: `FORMAT("%'x", 12345678)` is bc:614e, `FORMAT("%'o", 55555)` is 15,4403.
            let mark = if specifier == 'o' { ',' } else { ':' };
            let digits = grouped(spec, digits, 4, mark);
            return Ok(pad_number(
                spec,
                *it < 0,
                prefix,
                zeros(spec, digits),
                spec.precision.is_some(),
            ));
        }
        ('f' | 'F' | 'e' | 'E' | 'g' | 'G', Value::Float(it)) => {
            return Ok(float(spec, specifier, *it));
        }
        ('f' | 'F', Value::Numeric(it)) => {
            return Ok(decimal(spec, &BigInt::from(*it), NUMERIC_SCALE));
        }
        ('f' | 'F', Value::BigNumeric(it)) => return Ok(decimal(spec, &to_big(**it), BIG_SCALE)),
        ('e' | 'E' | 'g' | 'G', Value::Numeric(it)) => {
            return Ok(decimal_scientific(spec, specifier, &BigInt::from(*it), NUMERIC_SCALE));
        }
        ('e' | 'E' | 'g' | 'G', Value::BigNumeric(it)) => {
            return Ok(decimal_scientific(spec, specifier, &to_big(**it), BIG_SCALE));
        }
        ('s', Value::Text(it)) => it.to_string(),
        ('s', Value::Bytes(it)) => String::from_utf8(it.to_vec()).map_err(|_| wrong())?,
        ('p', Value::Json(it)) => json_text(it),
        ('t', value) => plain_text(value, of)?,
        ('T', value) => literal_text(value, of)?,
        ('P', value @ Value::Json(_)) => to_json_text(value, of, true)?,
        _ => return Err(wrong()),
    };
    let text = match spec.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text,
    };
    Ok(pad(spec, text))
}

fn pad(spec: &Spec, text: String) -> String {
    let missing = spec.width.saturating_sub(text.chars().count());
    let blanks = " ".repeat(missing);
    if spec.left { text + &blanks } else { blanks + &text }
}

fn zeros(spec: &Spec, digits: String) -> String {
    let width = spec.precision.unwrap_or(0);
    format!("{digits:0>width$}")
}

fn group_digits(spec: &Spec, digits: String) -> String {
    grouped(spec, digits, 3, ',')
}

fn grouped(spec: &Spec, digits: String, size: usize, mark: char) -> String {
    if !spec.group {
        return digits;
    }
    let length = digits.len();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (length - at).is_multiple_of(size) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

fn pad_number(spec: &Spec, negative: bool, prefix: &str, digits: String, no_zeros: bool) -> String {
    let sign = match negative {
        true => "-",
        false if spec.plus => "+",
        false if spec.blank => " ",
        false => "",
    };
    let length = sign.len() + prefix.len() + digits.len();
    if spec.zero && !spec.left && !no_zeros && length < spec.width {
        let fill = "0".repeat(spec.width - length);
        return format!("{sign}{prefix}{fill}{digits}");
    }
    pad(spec, format!("{sign}{prefix}{digits}"))
}

fn float(spec: &Spec, specifier: char, value: f64) -> String {
    let upper = specifier.is_ascii_uppercase();
    if !value.is_finite() {
        let name = if value.is_nan() { "nan" } else { "inf" };
        let name = if upper { name.to_uppercase() } else { name.to_owned() };
        return pad_number(spec, value < 0.0, "", name, true);
    }
    let precision = spec.precision.unwrap_or(6);
    let digits = match specifier.to_ascii_lowercase() {
        'f' => fixed(spec, value.abs(), precision),
        'e' => scientific(value.abs(), precision),
        _ => general(spec, value.abs(), precision.max(1)),
    };
    let digits = if upper { digits.to_uppercase() } else { digits };
    // The sign of a zero is not shown.
    let negative = value.is_sign_negative() && value != 0.0;
    pad_number(spec, negative, "", digits, false)
}

fn fixed(spec: &Spec, value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let dot = if fraction.is_empty() && !spec.alternate { "" } else { "." };
    format!("{}{dot}{fraction}", group_digits(spec, whole.to_owned()))
}

fn scientific(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// `%g`: the shorter of both forms, without trailing zeros.
fn general(spec: &Spec, value: f64, precision: usize) -> String {
    let probe = format!("{value:.*e}", precision - 1);
    let exponent: i32 = probe.split_once('e').and_then(|(_, it)| it.parse().ok()).unwrap_or(0);
    let most = i32::try_from(precision).unwrap_or(i32::MAX);
    let trim = |text: String| {
        if spec.alternate || !text.contains('.') {
            return text;
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if exponent < -4 || exponent >= most {
        let text = scientific(value, precision - 1);
        let (mantissa, rest) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{rest}", trim(mantissa.to_owned()));
    }
    let digits = usize::try_from(most - 1 - exponent).unwrap_or(0);
    trim(fixed(spec, value, digits))
}

fn decimal(spec: &Spec, units: &BigInt, scale: u32) -> String {
    let precision = spec.precision.unwrap_or(6);
    let places = i64::try_from(precision).unwrap_or(i64::MAX);
    let text = format_units(&round_units(units, scale, places, Rounding::HalfAway), scale);
    // A number that is rounded to zero keeps its sign.
    let negative = units.sign() == num_bigint::Sign::Minus;
    let text = text.trim_start_matches('-');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let dot = if precision == 0 && !spec.alternate { "" } else { "." };
    let whole = group_digits(spec, whole.to_owned());
    pad_number(spec, negative, "", format!("{whole}{dot}{fraction:0<precision$}"), false)
}

/// `%e` and `%g` of a decimal, from its own digits.
fn decimal_scientific(spec: &Spec, specifier: char, units: &BigInt, scale: u32) -> String {
    let precision = spec.precision.unwrap_or(6);
    let is_general = specifier.eq_ignore_ascii_case(&'g');
    let wanted = if is_general { precision.max(1) } else { precision + 1 };
    let digits = units.magnitude().to_string();
    let places = i64::try_from(digits.len()).unwrap_or(0);
    let kept = i64::try_from(wanted).unwrap_or(i64::MAX);
    // Rounding can add a digit: 9.99 becomes 10.
    let rounded =
        round_units(units, scale, i64::from(scale) - (places - kept).max(0), Rounding::HalfAway);
    let digits = rounded.magnitude().to_string();
    let zero = rounded.sign() == num_bigint::Sign::NoSign;
    let exponent = if zero { 0 } else { digits.len() as i64 - 1 - i64::from(scale) };
    let digits: String = digits.chars().chain(std::iter::repeat('0')).take(wanted).collect();
    let negative = rounded.sign() == num_bigint::Sign::Minus;
    let trim = |text: String| match is_general && !spec.alternate && text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    };
    let text = if is_general && (-4..kept).contains(&exponent) {
        let text = format_units(&rounded, scale);
        let text = text.trim_start_matches('-').to_owned();
        match spec.alternate {
            true if !text.contains('.') => text + ".",
            _ => text,
        }
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() && !spec.alternate { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(format!("{first}{dot}{rest}")), exponent.abs())
    };
    let text = if specifier.is_ascii_uppercase() { text.to_uppercase() } else { text };
    pad_number(spec, negative, "", text, false)
}

/// `%t`.
fn plain_text(value: &Value, of: &Type) -> Result<String> {
    Ok(match value {
        Value::Null => "NULL".to_owned(),
        Value::Float(it) => float_with_point(*it),
        Value::Bytes(it) => escape_bytes(it),
        Value::Json(it) => json_text(it),
        Value::Array(_) | Value::Struct(_) => nested_text(value, of, plain_text)?,
        Value::Datetime(it) => datetime_text(*it, ' ')?,
        other => to_text(other, &TimeZone::UTC)?,
    })
}

fn float_with_point(value: f64) -> String {
    if value == 0.0 {
        return if value.is_sign_negative() { "-0.0" } else { "0.0" }.to_owned();
    }
    let text = float_text(value);
    if text.bytes().all(|it| it.is_ascii_digit() || it == b'-') {
        format!("{text}.0")
    } else {
        text
    }
}

fn nested_text(
    value: &Value,
    of: &Type,
    text: fn(&Value, &Type) -> Result<String>,
) -> Result<String> {
    match (value, of) {
        (Value::Array(items), Type::Array(element)) => {
            let items: Vec<_> = items.iter().map(|it| text(it, element)).collect::<Result<_>>()?;
            Ok(format!("[{}]", items.join(", ")))
        }
        (Value::Struct(items), Type::Struct(fields)) => {
            let items = items.iter().zip(fields.iter());
            let items: Vec<_> = items.map(|(it, (_, of))| text(it, of)).collect::<Result<_>>()?;
            Ok(format!("({})", items.join(", ")))
        }
        _ => Err(mismatch()),
    }
}

/// `%T`: a SQL literal.
fn literal_text(value: &Value, of: &Type) -> Result<String> {
    Ok(match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(it) => quoted(it),
        Value::Bytes(it) => {
            let body = escape_bytes(it);
            let quote = if it.contains(&b'"') && !it.contains(&b'\'') { '\'' } else { '"' };
            format!(
                "b{quote}{}{quote}",
                if quote == '"' { body.replace('"', "\\\"") } else { body }
            )
        }
        Value::Float(it) if it.is_finite() => float_with_point(*it),
        Value::Float(it) => format!("CAST(\"{}\" AS FLOAT64)", float_text(*it)),
        Value::Numeric(_) => format!("NUMERIC \"{}\"", to_text(value, &TimeZone::UTC)?),
        Value::BigNumeric(_) => format!("BIGNUMERIC \"{}\"", to_text(value, &TimeZone::UTC)?),
        Value::Date(_) => format!("DATE \"{}\"", to_text(value, &TimeZone::UTC)?),
        Value::Time(_) => format!("TIME \"{}\"", to_text(value, &TimeZone::UTC)?),
        Value::Datetime(it) => format!("DATETIME \"{}\"", datetime_text(*it, ' ')?),
        Value::Timestamp(it) => format!("TIMESTAMP \"{}\"", timestamp_text(*it, &TimeZone::UTC)?),
        Value::Interval(it) => format!("INTERVAL \"{it}\" YEAR TO SECOND"),
        Value::Json(it) => format!("JSON {}", quoted(&json_text(it))),
        Value::Array(_) | Value::Struct(_) => nested_text(value, of, literal_text)?,
        Value::Bool(_) | Value::Int(_) => to_text(value, &TimeZone::UTC)?,
    })
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    let mut out = String::from(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            it if it == quote => {
                out.push('\\');
                out.push(it);
            }
            it if u32::from(it) < 32 || u32::from(it) == 127 => {
                out.push_str(&format!("\\x{:02x}", u32::from(it)));
            }
            it => out.push(it),
        }
    }
    out.push(quote);
    out
}

fn escape_bytes(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            32..=126 => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out
}

/// How [`number_text`] writes a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Digits behind the decimal point.
    pub(super) precision: usize,
    /// `1.20e+01` instead of `12.00`.
    pub(super) scientific: bool,
}

/// A number with all digits of a shape: `FORMAT('%.2f', …)`.
pub(super) fn number_text(value: &Value, of: &Type, shape: Shape) -> Result<String> {
    let spec = Spec { alternate: true, precision: Some(shape.precision), ..Spec::default() };
    let specifier = if shape.scientific { 'e' } else { 'f' };
    let units;
    let value = match value {
        // NUMERIC has all digits of an INT64.
        Value::Int(it) => {
            units = Value::Numeric(i128::from(*it) * 1_000_000_000);
            &units
        }
        other => other,
    };
    one(&spec, specifier, value, of)
}
