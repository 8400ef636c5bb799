//! Query results in the REST API's form `{"f": [{"v": "…"}]}`, in which almost all values are text.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::googlesql;
use crate::bigquery::schema::{Field, FieldMode, FieldType};

/// The format options of a query request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CellFormat {
    /// Whether a TIMESTAMP is an integer of microseconds instead of seconds with a fraction.
    pub(crate) int64_timestamps: bool,
}

impl CellFormat {
    /// Parses the `formatOptions` of a query request.
    pub(crate) fn from_request(body: &Value) -> Self {
        let wanted = body.pointer("/formatOptions/useInt64Timestamp").and_then(Value::as_bool);
        Self { int64_timestamps: wanted == Some(true) }
    }
}

/// A row as JSON.
pub(crate) fn row_json(
    fields: &[Field],
    batch: &RecordBatch,
    at: usize,
    format: CellFormat,
) -> Value {
    let cells: Vec<Value> = (fields.iter().zip(batch.columns()))
        .map(|(field, column)| json!({"v": cell_json(field, column, at, format)}))
        .collect();
    json!({"f": cells})
}

/// A value as human-readable text; `None` for NULL.
pub(crate) fn cell_text(field: &Field, column: &ArrayRef, at: usize) -> Option<String> {
    if field.mode != FieldMode::Repeated
        && field.field_type == FieldType::Timestamp
        && column.is_valid(at)
    {
        let micros = column.as_primitive::<TimestampMicrosecondType>().value(at);
        return Some(format!("{} UTC", format_datetime(micros, ' ')));
    }
    match cell_json(field, column, at, CellFormat::default()) {
        Value::Null => None,
        Value::String(text) => Some(text),
        nested => Some(nested.to_string()),
    }
}

fn cell_json(field: &Field, column: &ArrayRef, at: usize, format: CellFormat) -> Value {
    if field.mode == FieldMode::Repeated {
        // BigQuery has no NULL list; it shows an empty one.
        if column.is_null(at) {
            return json!([]);
        }
        let values = column.as_list::<i32>().value(at);
        let element = Field { mode: FieldMode::Nullable, ..field.clone() };
        return (0..values.len())
            .map(|at| json!({"v": cell_json(&element, &values, at, format)}))
            .collect();
    }
    if column.is_null(at) {
        return Value::Null;
    }
    match field.field_type {
        FieldType::String | FieldType::Json | FieldType::Geography | FieldType::Interval => {
            json!(column.as_string::<i32>().value(at))
        }
        FieldType::Bytes => json!(STANDARD.encode(column.as_binary::<i32>().value(at))),
        FieldType::Integer => json!(column.as_primitive::<Int64Type>().value(at).to_string()),
        FieldType::Float => json!(format_float(column.as_primitive::<Float64Type>().value(at))),
        FieldType::Boolean => json!(column.as_boolean().value(at).to_string()),
        FieldType::Date => json!(format_date(column.as_primitive::<Date32Type>().value(at))),
        FieldType::Time => {
            json!(format_time(column.as_primitive::<Time64MicrosecondType>().value(at)))
        }
        FieldType::Datetime => {
            json!(format_datetime(column.as_primitive::<TimestampMicrosecondType>().value(at), 'T'))
        }
        FieldType::Timestamp => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(at);
            json!(if format.int64_timestamps { micros.to_string() } else { format_seconds(micros) })
        }
        FieldType::Numeric => {
            let column = column.as_primitive::<Decimal128Type>();
            json!(trim_decimal(column.value_as_string(at)))
        }
        FieldType::Bignumeric => {
            // Arrow's text has 76 digits at most; the greatest BIGNUMERIC has 77.
            let column = column.as_primitive::<Decimal256Type>();
            json!(googlesql::bignumeric_text(column.value(at)))
        }
        FieldType::Record => {
            let members = column.as_struct().columns();
            let cells: Vec<Value> = (field.fields.iter().zip(members))
                .map(|(field, member)| json!({"v": cell_json(field, member, at, format)}))
                .collect();
            json!({"f": cells})
        }
    }
}

fn format_float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    format!("{value:?}")
}

/// Decimal text without trailing zeros.
fn trim_decimal(text: String) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn format_date(days: i32) -> String {
    let day = jiff::Span::new().try_days(days);
    let day = day.and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span));
    day.map_or_else(|_| "9999-12-31".to_owned(), |day| day.to_string())
}

const DAY_MICROS: i64 = 86_400_000_000;

fn format_time(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { clock } else { format!("{clock}.{fraction:06}") }
}

pub(crate) fn format_datetime(micros: i64, separator: char) -> String {
    let day = i32::try_from(micros.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX);
    format!("{}{separator}{}", format_date(day), format_time(micros.rem_euclid(DAY_MICROS)))
}

fn format_seconds(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_formatted() {
        for (micros, want) in [
            (0, "1970-01-01T00:00:00"),
            (-1, "1969-12-31T23:59:59.999999"),
            (1_782_864_000_500_000, "2026-07-01T00:00:00.500000"),
        ] {
            assert_eq!(format_datetime(micros, 'T'), want);
        }
        assert_eq!(format_seconds(-1_500_000), "-1.500000");
        assert_eq!(format_seconds(1_782_864_000_000_000), "1782864000.000000");
    }

    #[test]
    fn numbers_are_formatted() {
        for (given, want) in [("1.500000000", "1.5"), ("10", "10"), ("-3.000", "-3"), ("0.00", "0")]
        {
            assert_eq!(trim_decimal(given.to_owned()), want);
        }
        assert_eq!(
            (format_float(1.0), format_float(f64::NEG_INFINITY)),
            ("1.0".into(), "-Infinity".into())
        );
    }
}
