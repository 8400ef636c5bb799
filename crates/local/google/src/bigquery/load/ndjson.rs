//! Reads newline-delimited JSON files as BigQuery does. Errors never contain a value.

use arrow::array::RecordBatch;
use arrow::json::ReaderBuilder;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::bigquery::schema::{Field, FieldMode, FieldType, arrow_schema, find_field};
use crate::error::GoogleError;

/// Reads the rows of a file into the table's fields.
pub(super) fn read(
    bytes: &[u8],
    uri: &str,
    ignore_unknown: bool,
    fields: &[Field],
) -> Result<Vec<RecordBatch>, GoogleError> {
    let mut rows = Vec::new();
    let mut position = 0;
    for line in bytes.split(|byte| *byte == b'\n') {
        let at = position;
        position += line.len() + 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let place = format!("position {at}");
        let parse_error = |what: &str| row_error(&place, what, uri);
        let value: Value = serde_json::from_slice(line)
            .map_err(|_| parse_error("Parser terminated before end of string."))?;
        let Value::Object(row) = value else {
            return Err(parse_error("Start of object expected."));
        };
        rows.push((place, row));
    }
    convert_rows(rows, uri, ignore_unknown, fields)
}

fn row_error(place: &str, what: &str, uri: &str) -> GoogleError {
    GoogleError::invalid(format!(
        "Error while reading data, error message: JSON parsing error in row starting at {place}: {what} \
         File: {uri}"
    ))
}

/// Converts rows with their places in a file into the table's fields.
pub(super) fn convert_rows(
    rows: Vec<(String, Map<String, Value>)>,
    uri: &str,
    ignore_unknown: bool,
    fields: &[Field],
) -> Result<Vec<RecordBatch>, GoogleError> {
    let rows: Vec<Value> = (rows.into_iter())
        .map(|(place, row)| {
            convert_members(row, fields, ignore_unknown)
                .map_err(|what| row_error(&place, &what, uri))
        })
        .collect::<Result<_, _>>()?;
    let decode_error = |_| {
        GoogleError::invalid(format!(
            "Error while reading data, error message: JSON processing encountered a value that does \
             not fit its column. File: {uri}"
        ))
    };
    let mut decoder = ReaderBuilder::new(arrow_schema(fields))
        .with_batch_size(rows.len().max(1))
        .with_coerce_primitive(true)
        .build_decoder()
        .map_err(decode_error)?;
    decoder.serialize(&rows).map_err(decode_error)?;
    Ok(decoder.flush().map_err(decode_error)?.into_iter().collect())
}

/// Converts the members of a row or RECORD to the form that the Arrow decoder reads, with the field
/// names as the table spells them.
fn convert_members(
    row: Map<String, Value>,
    fields: &[Field],
    ignore_unknown: bool,
) -> Result<Value, String> {
    let mut result = Map::new();
    for (key, value) in row {
        match find_field(fields, &key) {
            Some(field) => {
                result.insert(field.name.clone(), convert_value(value, field, ignore_unknown)?);
            }
            None if ignore_unknown => {}
            None => return Err(format!("No such field: {key}.")),
        }
    }
    for field in fields.iter().filter(|field| field.mode == FieldMode::Required) {
        match result.get(&field.name) {
            None => return Err(format!("Missing required field: {}.", field.name)),
            Some(Value::Null) => return Err(null_refused(field)),
            Some(_) => {}
        }
    }
    Ok(Value::Object(result))
}

/// An array has no NULLs: BigQuery refuses the whole file (mozilla/jsonschema-transpiler #91). The message
/// is that of a NULL in a REQUIRED field, which dlt-hub/dlt expects of BigQuery
/// (`tests/load/bigquery/test_bigquery_client.py`).
fn null_refused(field: &Field) -> String {
    format!("Only optional fields can be set to NULL. Field: {}; Value: NULL", field.name)
}

fn convert_value(value: Value, field: &Field, ignore_unknown: bool) -> Result<Value, String> {
    if field.mode == FieldMode::Repeated {
        let Value::Array(values) = value else {
            return match value {
                Value::Null => Ok(json!([])),
                _ => Err(format!(
                    "Array specified for non-repeated field or the reverse: {}.",
                    field.name
                )),
            };
        };
        // Of type JSON, NULL is a value.
        if field.field_type != FieldType::Json && values.iter().any(Value::is_null) {
            return Err(null_refused(field));
        }
        let element_field = Field { mode: FieldMode::Nullable, ..field.clone() };
        return values
            .into_iter()
            .map(|it| convert_value(it, &element_field, ignore_unknown))
            .collect();
    }
    let conversion_error = || {
        format!("Could not convert value to {}. Field: {}.", field.field_type.name(), field.name)
    };
    Ok(match (field.field_type, value) {
        (_, Value::Null) => Value::Null,
        (FieldType::Record, Value::Object(row)) => {
            convert_members(row, &field.fields, ignore_unknown)?
        }
        (FieldType::Json, value) => json!(value.to_string()),
        (FieldType::Bytes, Value::String(text)) => {
            let bytes = STANDARD.decode(text).map_err(|_| conversion_error())?;
            // The Arrow decoder reads bytes as hexadecimal text.
            json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        // A number means seconds since 1970-01-01.
        (FieldType::Timestamp, Value::Number(number)) => {
            let seconds = number.as_f64().ok_or_else(conversion_error)?;
            json!((seconds * 1e6).round() as i64)
        }
        (FieldType::Timestamp, Value::String(text)) => json!(normalize_timestamp(&text)),
        (FieldType::Boolean, Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => json!(true),
            "false" | "f" | "no" | "n" | "0" => json!(false),
            _ => return Err(conversion_error()),
        },
        (FieldType::Integer, Value::String(text)) => {
            json!(text.trim().parse::<i64>().map_err(|_| conversion_error())?)
        }
        (FieldType::Integer, Value::Number(number)) => {
            let integer = number.as_i64().or_else(|| {
                let float = number.as_f64().filter(|it| it.fract() == 0.0 && it.abs() < 9e15)?;
                Some(float as i64)
            });
            json!(integer.ok_or_else(conversion_error)?)
        }
        (FieldType::Record, _) | (_, Value::Array(_) | Value::Object(_)) => {
            return Err(conversion_error());
        }
        (_, value) => value,
    })
}

/// Replaces the suffix ` UTC`, which BigQuery accepts, by the `Z` that the Arrow decoder reads.
fn normalize_timestamp(text: &str) -> String {
    match text.strip_suffix("UTC") {
        Some(rest) => format!("{}Z", rest.trim_end()),
        None => text.to_owned(),
    }
}
