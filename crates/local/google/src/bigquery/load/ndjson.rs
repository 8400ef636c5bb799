//! Newline-delimited JSON as BigQuery reads it. No value is ever quoted in an error.

use arrow::array::RecordBatch;
use arrow::json::ReaderBuilder;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::bigquery::schema::{Field, FieldMode, FieldType, arrow_schema, find_field};
use crate::error::GoogleError;

/// The rows of one file in the table's columns.
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
        let refuse = |what: String| {
            GoogleError::invalid(format!(
                "Error while reading data, error message: JSON parsing error in row starting at \
                 position {at}: {what} File: {uri}"
            ))
        };
        let value: Value = serde_json::from_slice(line)
            .map_err(|_| refuse("Parser terminated before end of string.".to_owned()))?;
        let Value::Object(row) = value else {
            return Err(refuse("Start of object expected.".to_owned()));
        };
        rows.push(members(row, fields, ignore_unknown).map_err(refuse)?);
    }
    let bad = |_| {
        GoogleError::invalid(format!(
            "Error while reading data, error message: JSON processing encountered a value that does \
             not fit its column. File: {uri}"
        ))
    };
    let mut decoder = ReaderBuilder::new(arrow_schema(fields))
        .with_batch_size(rows.len().max(1))
        .with_coerce_primitive(true)
        .build_decoder()
        .map_err(bad)?;
    decoder.serialize(&rows).map_err(bad)?;
    Ok(decoder.flush().map_err(bad)?.into_iter().collect())
}

/// A row's members under the table's own spelling, each in the form that the decoder reads.
fn members(row: Map<String, Value>, fields: &[Field], ignore: bool) -> Result<Value, String> {
    let mut result = Map::new();
    for (key, value) in row {
        match find_field(fields, &key) {
            Some(field) => {
                result.insert(field.name.clone(), member(value, field, ignore)?);
            }
            None if ignore => {}
            None => return Err(format!("No such field: {key}.")),
        }
    }
    for field in fields {
        let empty = result.get(&field.name).is_none_or(Value::is_null);
        if empty && field.mode == FieldMode::Required {
            return Err(format!("Missing required field: {}.", field.name));
        }
    }
    Ok(Value::Object(result))
}

fn member(value: Value, field: &Field, ignore: bool) -> Result<Value, String> {
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
        let one = Field { mode: FieldMode::Nullable, ..field.clone() };
        return values.into_iter().map(|it| member(it, &one, ignore)).collect();
    }
    let wrong = || {
        format!("Could not convert value to {}. Field: {}.", field.field_type.name(), field.name)
    };
    Ok(match (field.field_type, value) {
        (_, Value::Null) => Value::Null,
        (FieldType::Record, Value::Object(row)) => members(row, &field.fields, ignore)?,
        (FieldType::Json, value) => json!(value.to_string()),
        (FieldType::Bytes, Value::String(text)) => {
            let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
            // The decoder reads bytes in hexadecimal.
            json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        // A number is seconds since 1970.
        (FieldType::Timestamp, Value::Number(number)) => {
            let seconds = number.as_f64().ok_or_else(wrong)?;
            json!((seconds * 1e6).round() as i64)
        }
        (FieldType::Timestamp, Value::String(text)) => json!(instant(&text)),
        (FieldType::Boolean, Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => json!(true),
            "false" | "f" | "no" | "n" | "0" => json!(false),
            _ => return Err(wrong()),
        },
        (FieldType::Integer, Value::String(text)) => {
            json!(text.trim().parse::<i64>().map_err(|_| wrong())?)
        }
        (FieldType::Integer, Value::Number(number)) => {
            let whole = number.as_i64().or_else(|| {
                let float = number.as_f64().filter(|it| it.fract() == 0.0 && it.abs() < 9e15)?;
                Some(float as i64)
            });
            json!(whole.ok_or_else(wrong)?)
        }
        (FieldType::Record, _) | (_, Value::Array(_) | Value::Object(_)) => return Err(wrong()),
        (_, value) => value,
    })
}

/// BigQuery's ` UTC` at the end of an instant in the form that the decoder reads.
fn instant(text: &str) -> String {
    match text.strip_suffix("UTC") {
        Some(rest) => format!("{}Z", rest.trim_end()),
        None => text.to_owned(),
    }
}
