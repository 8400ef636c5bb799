//! Cells as BigQuery's REST API writes them: `{"f": [{"v": "…"}]}`, almost all as text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Field as ArrowField, Fields, Float64Type,
    Int64Type, Schema, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::bigquery::schema::{Field, Kind, Mode, UTC};
use crate::error::GoogleError;

/// What the caller asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Format {
    /// TIMESTAMP as whole microseconds instead of seconds with a fraction.
    pub(crate) int64_timestamps: bool,
}

impl Format {
    /// From the `formatOptions` of a query request.
    pub(crate) fn of_json(body: &Value) -> Self {
        let wanted = body.pointer("/formatOptions/useInt64Timestamp").and_then(Value::as_bool);
        Self { int64_timestamps: wanted == Some(true) }
    }
}

/// One row.
pub(crate) fn row(fields: &[Field], batch: &RecordBatch, at: usize, format: Format) -> Value {
    let cells: Vec<Value> = (fields.iter().zip(batch.columns()))
        .map(|(field, column)| json!({"v": cell(field, column, at, format)}))
        .collect();
    json!({"f": cells})
}

/// One value as a person reads it; `None` for NULL.
pub(crate) fn text(field: &Field, column: &ArrayRef, at: usize) -> Option<String> {
    if field.mode != Mode::Repeated && field.kind == Kind::Timestamp && column.is_valid(at) {
        let micros = column.as_primitive::<TimestampMicrosecondType>().value(at);
        return Some(format!("{} UTC", datetime(micros, ' ')));
    }
    match cell(field, column, at, Format::default()) {
        Value::Null => None,
        Value::String(text) => Some(text),
        nested => Some(nested.to_string()),
    }
}

fn cell(field: &Field, column: &ArrayRef, at: usize, format: Format) -> Value {
    if field.mode == Mode::Repeated {
        // BigQuery knows no NULL list: it is shown as an empty one.
        if column.is_null(at) {
            return json!([]);
        }
        let values = column.as_list::<i32>().value(at);
        let one = Field { mode: Mode::Nullable, ..field.clone() };
        return (0..values.len()).map(|at| json!({"v": cell(&one, &values, at, format)})).collect();
    }
    if column.is_null(at) {
        return Value::Null;
    }
    match field.kind {
        Kind::String | Kind::Json | Kind::Geography => json!(column.as_string::<i32>().value(at)),
        Kind::Bytes => json!(STANDARD.encode(column.as_binary::<i32>().value(at))),
        Kind::Integer => json!(column.as_primitive::<Int64Type>().value(at).to_string()),
        Kind::Float => json!(float(column.as_primitive::<Float64Type>().value(at))),
        Kind::Boolean => json!(column.as_boolean().value(at).to_string()),
        Kind::Date => json!(date(column.as_primitive::<Date32Type>().value(at))),
        Kind::Time => json!(time(column.as_primitive::<Time64MicrosecondType>().value(at))),
        Kind::Datetime => {
            json!(datetime(column.as_primitive::<TimestampMicrosecondType>().value(at), 'T'))
        }
        Kind::Timestamp => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(at);
            json!(if format.int64_timestamps { micros.to_string() } else { seconds(micros) })
        }
        Kind::Numeric => {
            let column = column.as_primitive::<Decimal128Type>();
            json!(trimmed(column.value_as_string(at)))
        }
        Kind::Bignumeric => {
            let column = column.as_primitive::<Decimal256Type>();
            json!(trimmed(column.value_as_string(at)))
        }
        Kind::Record => {
            let members = column.as_struct().columns();
            let cells: Vec<Value> = (field.fields.iter().zip(members))
                .map(|(field, member)| json!({"v": cell(field, member, at, format)}))
                .collect();
            json!({"f": cells})
        }
    }
}

fn float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    format!("{value:?}")
}

/// Decimal text without the zeros that only the scale demands.
fn trimmed(text: String) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn date(days: i32) -> String {
    let day = jiff::Span::new().try_days(days);
    let day = day.and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span));
    day.map_or_else(|_| "9999-12-31".to_owned(), |day| day.to_string())
}

const DAY: i64 = 86_400_000_000;

fn time(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { clock } else { format!("{clock}.{fraction:06}") }
}

fn datetime(micros: i64, between: char) -> String {
    let day = i32::try_from(micros.div_euclid(DAY)).unwrap_or(i32::MAX);
    format!("{}{between}{}", date(day), time(micros.rem_euclid(DAY)))
}

fn seconds(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The columns of a query's result, from the engine's types to BigQuery's.
pub(super) fn result_fields(schema: &Schema) -> Result<Vec<Field>, GoogleError> {
    schema.fields().iter().map(|field| result_field(field.name(), field.data_type())).collect()
}

fn result_field(name: &str, data_type: &DataType) -> Result<Field, GoogleError> {
    let kind = match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::String,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Kind::Bytes,
        DataType::FixedSizeBinary(_) => Kind::Bytes,
        // An untyped NULL is an INT64 in BigQuery.
        DataType::Null => Kind::Integer,
        data_type if data_type.is_integer() => Kind::Integer,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Float,
        DataType::Boolean => Kind::Boolean,
        DataType::Date32 | DataType::Date64 => Kind::Date,
        DataType::Time32(_) | DataType::Time64(_) => Kind::Time,
        DataType::Timestamp(_, Some(_)) => Kind::Timestamp,
        DataType::Timestamp(_, None) => Kind::Datetime,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => {
            Kind::Numeric
        }
        DataType::Decimal256(..) => Kind::Bignumeric,
        DataType::Dictionary(_, value) => return result_field(name, value),
        DataType::List(item) | DataType::LargeList(item) => {
            let one = result_field(name, item.data_type())?;
            return Ok(Field { mode: Mode::Repeated, ..one });
        }
        DataType::Struct(members) => {
            let fields = members
                .iter()
                .map(|member| result_field(member.name(), member.data_type()))
                .collect::<Result<_, _>>()?;
            return Ok(Field { fields, ..Field::new(name, Kind::Record, Mode::Nullable) });
        }
        _ => {
            return Err(GoogleError::invalid_query(format!(
                "Column {name} of the result has a type that this server cannot return."
            )));
        }
    };
    Ok(Field::new(name, kind, Mode::Nullable))
}

/// A batch of the engine in the types that [`row`] reads.
pub(super) fn normalised(
    fields: &[Field],
    batch: &RecordBatch,
) -> Result<RecordBatch, GoogleError> {
    let wrong =
        |_| GoogleError::invalid_query("A value of the result is outside its type's range.");
    let columns = (fields.iter().zip(batch.columns()))
        .map(|(field, column)| {
            let to = field.arrow();
            let column = match column.data_type() {
                // A list's or a decimal's inner types are cast with it.
                DataType::Timestamp(unit, zone) if *unit != TimeUnit::Microsecond => {
                    cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?
                }
                _ => column.clone(),
            };
            // Only the zone's name differs: the instants are the same.
            match (column.data_type(), to.data_type()) {
                (DataType::Timestamp(_, Some(zone)), _) if zone.as_ref() != UTC => Ok(Arc::new(
                    column.as_primitive::<TimestampMicrosecondType>().clone().with_timezone(UTC),
                )
                    as ArrayRef),
                (from, to) if from == to => Ok(column),
                (_, to) => cast(&column, to),
            }
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong)?;
    let schema: Fields = fields.iter().map(|it| -> ArrowField { it.arrow() }).collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(schema)), columns, &options)
        .map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_times() {
        for (micros, want) in [
            (0, "1970-01-01T00:00:00"),
            (-1, "1969-12-31T23:59:59.999999"),
            (1_782_864_000_500_000, "2026-07-01T00:00:00.500000"),
        ] {
            assert_eq!(datetime(micros, 'T'), want);
        }
        assert_eq!(seconds(-1_500_000), "-1.500000");
        assert_eq!(seconds(1_782_864_000_000_000), "1782864000.000000");
    }

    #[test]
    fn texts_of_numbers() {
        for (given, want) in [("1.500000000", "1.5"), ("10", "10"), ("-3.000", "-3"), ("0.00", "0")]
        {
            assert_eq!(trimmed(given.to_owned()), want);
        }
        assert_eq!((float(1.0), float(f64::NEG_INFINITY)), ("1.0".into(), "-Infinity".into()));
    }
}
