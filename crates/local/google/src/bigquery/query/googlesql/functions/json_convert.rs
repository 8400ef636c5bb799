//! JSON from values, and JSON as text.
//!
//! Semantics: GoogleSQL reference, "JSON encodings".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use num_bigint::BigInt;
use serde_json::{Map, Number, Value as Json};

use super::json_text::{Document, quoted};
use super::{Result, SqlError};
use crate::bigquery::query::googlesql::casts::{date_text, datetime_text, float_text, to_text};
use crate::bigquery::query::googlesql::numeric::{BIG_SCALE, NUMERIC_SCALE, format_units, to_big};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

/// The largest integer that every JSON reader keeps exactly.
const SAFE_INTEGER: i64 = 1 << 53;

/// The type JSON has its names in order.
pub(super) fn sorted(json: Json) -> Json {
    match json {
        Json::Object(fields) => {
            let mut fields: Vec<_> =
                fields.into_iter().map(|(name, it)| (name, sorted(it))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(fields.into_iter().collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// Compact text of a document.
pub(crate) fn json_text(json: &Json) -> String {
    let mut out = String::new();
    write(json, &mut out);
    out
}

fn write(json: &Json, out: &mut String) {
    match json {
        Json::Number(number) => out.push_str(&number_text(number)),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Json::Object(fields) => {
            out.push('{');
            for (at, (name, item)) in fields.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(&quoted(name));
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        Json::String(text) => out.push_str(&quoted(text)),
        other => out.push_str(&other.to_string()),
    }
}

fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() => number_of(value),
        _ => number.to_string(),
    }
}

/// A float of a JSON value: the shortest digits, with an exponent below 10⁻⁴ and from 10¹⁵ on.
fn number_of(value: f64) -> String {
    let scientific = format!("{value:e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, it)| it.parse().ok()).unwrap_or(0);
    if value == 0.0 || (-4..15).contains(&exponent) {
        return format!("{value:?}");
    }
    let mantissa = scientific.split('e').next().unwrap_or_default();
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// The JSON of a value. Numbers that a FLOAT64 does not keep become texts if `stringify`.
pub(super) fn to_json(value: &Value, of: &Type, stringify: bool) -> Result<Json> {
    Ok(match (value, of) {
        (Value::Null, _) => Json::Null,
        (Value::Bool(it), _) => Json::Bool(*it),
        (Value::Int(it), _) if stringify && !(-SAFE_INTEGER..=SAFE_INTEGER).contains(it) => {
            Json::from(it.to_string())
        }
        (Value::Int(it), _) => Json::from(*it),
        // A zero has no sign.
        (Value::Float(it), _) => match Number::from_f64(*it + 0.0) {
            Some(number) => Json::Number(number),
            None if it.is_nan() => Json::from("NaN"),
            None => Json::from(if *it > 0.0 { "Infinity" } else { "-Infinity" }),
        },
        (Value::Numeric(it), _) => decimal_json(&BigInt::from(*it), NUMERIC_SCALE, stringify),
        (Value::BigNumeric(it), _) => decimal_json(&to_big(**it), BIG_SCALE, stringify),
        (Value::Bytes(it), _) => Json::from(STANDARD.encode(it)),
        (Value::Date(it), _) => Json::from(date_text(*it)?),
        (Value::Datetime(it), _) => Json::from(datetime_text(*it, 'T')?),
        (Value::Timestamp(it), _) => Json::from(format!("{}Z", datetime_text(*it, 'T')?)),
        (Value::Json(it), _) => it.as_ref().clone(),
        (Value::Interval(it), _) => Json::from(iso_interval(it)),
        (Value::Array(items), of) => {
            let element = of.element().unwrap_or(&Type::String);
            Json::Array(
                items.iter().map(|it| to_json(it, element, stringify)).collect::<Result<_>>()?,
            )
        }
        (Value::Struct(items), of) => {
            let fields = items.iter().zip(of.fields());
            let fields =
                fields.map(|(it, (name, of))| Ok((name.clone(), to_json(it, of, stringify)?)));
            Json::Object(fields.collect::<Result<Map<_, _>>>()?)
        }
        (Value::Text(_) | Value::Time(_), _) => Json::from(to_text(value, &TimeZone::UTC)?),
    })
}

/// A decimal as a number: the nearest FLOAT64, or a text if that loses digits and `stringify`.
fn decimal_json(units: &BigInt, scale: u32, stringify: bool) -> Json {
    let text = format_units(units, scale);
    let whole = text.parse::<i64>().ok();
    let float: f64 = text.parse().unwrap_or(f64::NAN);
    let kept = match whole {
        Some(whole) => (-SAFE_INTEGER..=SAFE_INTEGER).contains(&whole),
        None => format!("{float}") == text,
    };
    if stringify && !kept {
        return Json::from(text);
    }
    match (whole, text.parse::<u64>()) {
        (Some(whole), _) => Json::from(whole),
        // JSON has the numbers of UINT64 as well.
        (None, Ok(whole)) => Json::from(whole),
        _ => Number::from_f64(float).map_or(Json::Null, Json::Number),
    }
}

/// A whole number up to 2⁵³ is a number, everything else a text (GoogleSQL reference, "JSON encodings").
fn decimal_text(units: &BigInt, scale: u32) -> Document {
    let text = format_units(units, scale);
    match text.parse::<i64>() {
        Ok(whole) if (-SAFE_INTEGER..=SAFE_INTEGER).contains(&whole) => Document::Number(text),
        _ => Document::Text(text),
    }
}

fn iso_interval(interval: &super::super::interval::Interval) -> String {
    let (months, micros) = (interval.months, interval.micros);
    let mut out = String::from("P");
    for (count, unit) in [(months / 12, 'Y'), (months % 12, 'M'), (interval.days, 'D')] {
        if count != 0 {
            out.push_str(&format!("{count}{unit}"));
        }
    }
    let seconds = micros / 1_000_000;
    let fraction = micros % 1_000_000;
    if micros != 0 {
        out.push('T');
    }
    for (count, unit) in [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M')] {
        if count != 0 {
            out.push_str(&format!("{count}{unit}"));
        }
    }
    if seconds % 60 != 0 || fraction != 0 {
        let sign = if micros < 0 { "-" } else { "" };
        let digits = format!("{:06}", fraction.abs());
        let digits = digits.trim_end_matches('0');
        let dot = if digits.is_empty() { "" } else { "." };
        out.push_str(&format!("{sign}{}{dot}{digits}S", (seconds % 60).abs()));
    }
    if out == "P" { "P0Y".to_owned() } else { out }
}

/// TO_JSON_STRING: like TO_JSON, but integers beyond 2⁵³ are texts, floats are written as CAST does,
/// and names keep their order.
pub(super) fn to_json_text(value: &Value, of: &Type, pretty: bool) -> Result<String> {
    Ok(encode(value, of)?.text(pretty))
}

fn encode(value: &Value, of: &Type) -> Result<Document> {
    Ok(match (value, of) {
        (Value::Null, _) => Document::Null,
        (Value::Bool(it), _) => Document::Bool(*it),
        (Value::Int(it), _) if !(-SAFE_INTEGER..=SAFE_INTEGER).contains(it) => {
            Document::Text(it.to_string())
        }
        (Value::Int(it), _) => Document::Number(it.to_string()),
        (Value::Float(it), _) if it.is_finite() => Document::Number(float_text(*it)),
        (Value::Numeric(it), _) => decimal_text(&BigInt::from(*it), NUMERIC_SCALE),
        (Value::BigNumeric(it), _) => decimal_text(&to_big(**it), BIG_SCALE),
        (Value::Array(items), of) => {
            let element = of.element().ok_or_else(|| SqlError::failed("an array has no type"))?;
            Document::Array(items.iter().map(|it| encode(it, element)).collect::<Result<_>>()?)
        }
        (Value::Struct(items), of) => {
            let fields = items.iter().zip(of.fields());
            let fields = fields.map(|(it, (name, of))| Ok((name.clone(), encode(it, of)?)));
            Document::Object(fields.collect::<Result<_>>()?)
        }
        _ => {
            let text = json_text(&to_json(value, of, false)?);
            Document::parse(&text).ok_or_else(|| SqlError::failed("a value has no JSON"))?
        }
    })
}

/// The JSON in a table's cell. A mask may have replaced it by a text that is no JSON; the text is
/// then a JSON string.
pub(crate) fn parse_json_cell(text: &str) -> Json {
    let json = Document::parse(text).and_then(|it| it.to_json(false));
    json.unwrap_or_else(|| Json::from(text))
}
