//! Functions of JSON, as a type and as text.
//!
//! Semantics: GoogleSQL reference, "JSON functions".

use serde_json::Value as Json;

use super::json_convert::{json_text, sorted, to_json, to_json_text};
use super::json_path::{Path, Style};
use super::json_text::Document;
use super::{Function, Result, SqlError, boolean, lenient, mismatch, strict, text};
use crate::bigquery::query::googlesql::casts::float_text;
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("JSON_VALUE", SCALAR, |_, args| scalar(args, Style::Standard)),
    strict("JSON_EXTRACT_SCALAR", SCALAR, |_, args| scalar(args, Style::Legacy)),
    strict("JSON_QUERY", QUERY, |_, args| query(args, Style::Standard)),
    strict("JSON_EXTRACT", QUERY, |_, args| query(args, Style::Legacy)),
    strict("JSON_QUERY_ARRAY", ARRAY, |_, args| elements(args, Style::Standard)),
    strict("JSON_EXTRACT_ARRAY", ARRAY, |_, args| elements(args, Style::Legacy)),
    strict("JSON_VALUE_ARRAY", SCALARS, |_, args| scalars(args, Style::Standard)),
    strict("JSON_EXTRACT_STRING_ARRAY", SCALARS, |_, args| scalars(args, Style::Legacy)),
    strict("PARSE_JSON", "STRING, STRING? -> JSON", |_, args| {
        let exact = is_exact(args, true)?;
        let json = Document::parse(text(args, 0)?).and_then(|it| it.to_json(exact));
        let help = "a text is not JSON, or has a number that a FLOAT64 cannot keep";
        json.map(Value::json).ok_or_else(|| SqlError::failed(help))
    }),
    lenient("TO_JSON", "T, BOOL? -> JSON", |context, args| {
        let stringify = args.len() > 1 && !args[1].is_null() && boolean(args, 1)?;
        to_json(&args[0], &context.types[0], stringify).map(|it| Value::json(sorted(it)))
    }),
    lenient("TO_JSON_STRING", "T, BOOL? -> STRING", |context, args| {
        let pretty = match args.get(1) {
            None => false,
            Some(Value::Null) => return Ok(Value::Null),
            Some(_) => boolean(args, 1)?,
        };
        to_json_text(&args[0], &context.types[0], pretty).map(Value::text)
    }),
    strict("JSON_TYPE", "JSON -> STRING", |_, args| {
        Ok(Value::text(match json(args)? {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        }))
    }),
    strict("BOOL", "JSON -> BOOL", |_, args| to_bool(json(args)?)),
    strict("BOOL_ARRAY", "JSON -> ARRAY<BOOL>", |_, args| all(args, to_bool)),
    strict("LAX_BOOL_ARRAY", "JSON -> ARRAY<BOOL>", |_, args| Ok(lax_all(args, lax_bool))),
    strict("INT64", "JSON -> INT64", |_, args| to_int(json(args)?)),
    strict("INT64_ARRAY", "JSON -> ARRAY<INT64>", |_, args| all(args, to_int)),
    strict("LAX_INT64_ARRAY", "JSON -> ARRAY<INT64>", |_, args| Ok(lax_all(args, lax_int))),
    strict("FLOAT64", "JSON, STRING? -> FLOAT64", |_, args| float64(args)),
    strict("DOUBLE", "JSON, STRING? -> FLOAT64", |_, args| float64(args)),
    strict("FLOAT64_ARRAY", "JSON, STRING? -> ARRAY<FLOAT64>", |_, args| {
        let exact = is_exact(args, false)?;
        all(args, |it| to_float(it, exact))
    }),
    strict("LAX_FLOAT64_ARRAY", "JSON -> ARRAY<FLOAT64>", |_, args| Ok(lax_all(args, lax_float))),
    strict("STRING_ARRAY", "JSON -> ARRAY<STRING>", |_, args| all(args, to_string)),
    strict("LAX_STRING_ARRAY", "JSON -> ARRAY<STRING>", |_, args| Ok(lax_all(args, lax_string))),
    strict("LAX_BOOL", "JSON -> BOOL", |_, args| Ok(lax_bool(json(args)?))),
    strict("LAX_INT64", "JSON -> INT64", |_, args| Ok(lax_int(json(args)?))),
    strict("LAX_FLOAT64", "JSON -> FLOAT64", |_, args| Ok(lax_float(json(args)?))),
    strict("LAX_DOUBLE", "JSON -> FLOAT64", |_, args| Ok(lax_float(json(args)?))),
    strict("LAX_STRING", "JSON -> STRING", |_, args| Ok(lax_string(json(args)?))),
    // `json.name` and `json[index]`.
    strict("$json_field", "JSON, STRING -> JSON", |_, args| {
        Ok(json(args)?.get(text(args, 1)?).map_or(Value::Null, |it| Value::json(it.clone())))
    }),
    strict("$json_element", "JSON, INT64 -> JSON", |_, args| {
        let at = usize::try_from(super::int(args, 1)?).ok();
        let found = at.and_then(|at| json(args).ok()?.get(at));
        Ok(found.map_or(Value::Null, |it| Value::json(it.clone())))
    }),
];

const SCALAR: &str = "STRING, STRING? -> STRING | JSON, STRING? -> STRING";
const QUERY: &str = "STRING, STRING? -> STRING | JSON, STRING? -> JSON";
const ARRAY: &str = "STRING, STRING? -> ARRAY<STRING> | JSON, STRING? -> ARRAY<JSON>";
const SCALARS: &str = "STRING, STRING? -> ARRAY<STRING> | JSON, STRING? -> ARRAY<STRING>";

pub(super) fn json(args: &[Value]) -> Result<&Json> {
    match &args[0] {
        Value::Json(it) => Ok(it),
        _ => Err(mismatch()),
    }
}

fn wrong_kind(of: &str) -> SqlError {
    SqlError::failed(format!("a JSON value is not of the kind that {of} needs"))
}

/// The STRING of a JSON string.
pub(super) fn string_of(args: &[Value]) -> Result<Value> {
    to_string(json(args)?)
}

fn to_string(json: &Json) -> Result<Value> {
    match json {
        Json::String(it) => Ok(Value::text(it)),
        _ => Err(wrong_kind("STRING")),
    }
}

fn to_bool(json: &Json) -> Result<Value> {
    match json {
        Json::Bool(it) => Ok(Value::Bool(*it)),
        _ => Err(wrong_kind("BOOL")),
    }
}

fn to_int(json: &Json) -> Result<Value> {
    let Json::Number(number) = json else { return Err(wrong_kind("INT64")) };
    let whole = number.as_f64().filter(|it| it.fract() == 0.0 && it.abs() < 9.3e18);
    let whole =
        number.as_i64().or_else(|| if number.is_u64() { None } else { whole.map(|it| it as i64) });
    whole.map(Value::Int).ok_or_else(|| wrong_kind("INT64"))
}

/// Each element of a JSON array.
fn all(args: &[Value], of: impl Fn(&Json) -> Result<Value>) -> Result<Value> {
    match json(args)? {
        Json::Array(items) => Ok(Value::array(items.iter().map(of).collect::<Result<_>>()?)),
        _ => Err(wrong_kind("an ARRAY")),
    }
}

/// Each element of a JSON array; NULL for another kind.
fn lax_all(args: &[Value], of: fn(&Json) -> Value) -> Value {
    match json(args) {
        Ok(Json::Array(items)) => Value::array(items.iter().map(of).collect()),
        _ => Value::Null,
    }
}

/// Unlike JSON_VALUE, a float is written as CAST does: `2`, not `2.0`.
fn lax_string(json: &Json) -> Value {
    match json {
        Json::Number(it) if it.is_f64() => {
            it.as_f64().map_or(Value::Null, |it| Value::text(float_text(it)))
        }
        other => scalar_text(other),
    }
}

fn lax_bool(json: &Json) -> Value {
    match json {
        Json::Bool(it) => Value::Bool(*it),
        Json::String(it) if it.eq_ignore_ascii_case("true") => Value::Bool(true),
        Json::String(it) if it.eq_ignore_ascii_case("false") => Value::Bool(false),
        Json::Number(it) => Value::Bool(it.as_f64() != Some(0.0)),
        _ => Value::Null,
    }
}

/// The mode in the second argument: whether a number may not lose digits.
fn is_exact(args: &[Value], default: bool) -> Result<bool> {
    match args.get(1).map(|_| text(args, 1)).transpose()? {
        None => Ok(default),
        Some("exact") => Ok(true),
        Some("round") => Ok(false),
        Some(_) => Err(SqlError::failed("wide_number_mode must be 'exact' or 'round'")),
    }
}

fn float64(args: &[Value]) -> Result<Value> {
    let exact = is_exact(args, false)?;
    to_float(json(args)?, exact)
}

fn to_float(json: &Json, exact: bool) -> Result<Value> {
    let Json::Number(number) = json else { return Err(wrong_kind("FLOAT64")) };
    // A whole number must be the same after a round trip.
    let kept = |float: &f64| !exact || number.as_i128().is_none_or(|whole| *float as i128 == whole);
    let float = number.as_f64().filter(kept);
    float.map(Value::Float).ok_or_else(|| wrong_kind("FLOAT64"))
}

fn lax_int(json: &Json) -> Value {
    let rounded = |it: f64| {
        let it = it.round();
        let within = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&it);
        if within { Value::Int(it as i64) } else { Value::Null }
    };
    match json {
        Json::Bool(it) => Value::Int(i64::from(*it)),
        Json::Number(it) => match it.as_i64() {
            Some(it) => Value::Int(it),
            None => it.as_f64().map_or(Value::Null, rounded),
        },
        Json::String(it) => match it.trim().parse::<i64>() {
            Ok(it) => Value::Int(it),
            Err(_) => it.trim().parse::<f64>().map_or(Value::Null, rounded),
        },
        _ => Value::Null,
    }
}

fn lax_float(json: &Json) -> Value {
    match json {
        Json::Number(it) => it.as_f64().map_or(Value::Null, Value::Float),
        Json::String(it) => it.trim().parse().map_or(Value::Null, Value::Float),
        _ => Value::Null,
    }
}

/// A part of the first argument: of the type JSON or of a JSON text.
enum Found {
    Json(Json),
    Text(Document),
}

/// The part of a document that the path in the second argument names. A text that is no JSON has
/// none.
fn find(args: &[Value], style: Style) -> Result<Option<Found>> {
    let path = match args.len() {
        1 => Path::parse("$", style),
        _ => Path::parse(text(args, 1)?, style),
    };
    let path = path.ok_or_else(|| SqlError::failed("a JSONPath is invalid"))?;
    match &args[0] {
        Value::Json(it) => Ok(path.find(it).cloned().map(Found::Json)),
        Value::Text(it) => {
            let document = Document::parse(it);
            Ok(document.and_then(|it| path.find_in(&it).cloned()).map(Found::Text))
        }
        _ => Err(mismatch()),
    }
}

fn scalar_text(json: &Json) -> Value {
    match json {
        Json::String(it) => Value::text(it),
        Json::Bool(_) | Json::Number(_) => Value::text(json_text(json)),
        _ => Value::Null,
    }
}

fn document_text(document: &Document) -> Value {
    match document {
        Document::Text(it) => Value::text(it),
        Document::Bool(_) | Document::Number(_) => Value::text(document.text(false)),
        _ => Value::Null,
    }
}

fn scalar(args: &[Value], style: Style) -> Result<Value> {
    Ok(match find(args, style)? {
        Some(Found::Json(it)) => scalar_text(&it),
        Some(Found::Text(it)) => document_text(&it),
        None => Value::Null,
    })
}

fn query(args: &[Value], style: Style) -> Result<Value> {
    Ok(match find(args, style)? {
        // In a text, a JSON null is NULL.
        Some(Found::Text(Document::Null)) | None => Value::Null,
        Some(Found::Json(it)) => Value::json(it),
        Some(Found::Text(it)) => Value::text(it.text(false)),
    })
}

fn elements(args: &[Value], style: Style) -> Result<Value> {
    Ok(match find(args, style)? {
        Some(Found::Json(Json::Array(items))) => {
            Value::array(items.into_iter().map(Value::json).collect())
        }
        Some(Found::Text(Document::Array(items))) => {
            Value::array(items.iter().map(|it| Value::text(it.text(false))).collect())
        }
        _ => Value::Null,
    })
}

fn scalars(args: &[Value], style: Style) -> Result<Value> {
    Ok(match find(args, style)? {
        Some(Found::Json(Json::Array(items)))
            if !items.iter().any(|it| matches!(it, Json::Array(_) | Json::Object(_))) =>
        {
            Value::array(items.iter().map(scalar_text).collect())
        }
        Some(Found::Text(Document::Array(items)))
            if !items.iter().any(|it| matches!(it, Document::Array(_) | Document::Object(_))) =>
        {
            Value::array(items.iter().map(document_text).collect())
        }
        _ => Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_scalars_only_where_they_are() {
        let args = [Value::text(r#"{"a": {"b": [1, "x", null]}}"#), Value::text("$.a.b[1]")];
        assert_eq!(scalar(&args, Style::Standard).expect("found"), Value::text("x"));
        let args = [args[0].clone(), Value::text("$.a")];
        assert_eq!(scalar(&args, Style::Standard).expect("an object"), Value::Null);
        let args = [Value::text("no json"), Value::text("$.a")];
        assert_eq!(scalar(&args, Style::Standard).expect("no JSON"), Value::Null);
    }
}
