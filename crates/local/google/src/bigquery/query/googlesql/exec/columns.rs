//! Rows from and to Arrow columns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, Date32Array, Decimal128Array,
    Decimal256Array, Float64Array, Int64Array, ListArray, RecordBatch, RecordBatchOptions,
    StringBuilder, StructArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float64Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType,
};

use super::{Flow, Run, Sink, TableData};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::functions::{json_text, parse_json_cell};
use crate::bigquery::query::googlesql::interval::Interval;
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::{Row, Value};
use crate::bigquery::schema::{Field, FieldMode, FieldType, UTC, arrow_schema};

/// The rows of a table. Columns that the query does not read are NULL.
pub(super) fn scan(table: &TableData, width: usize, cx: &Run<'_>, sink: Sink<'_>) -> Result<Flow> {
    for batch in &table.batches {
        for at in 0..batch.num_rows() {
            cx.usage.count_row()?;
            let mut row = vec![Value::Null; width];
            for ((column, of), array) in table.columns.iter().zip(&table.types).zip(batch.columns())
            {
                row[*column] = cell(array, of, at);
            }
            if sink(row)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
    Ok(Flow::Continue)
}

fn cell(array: &ArrayRef, of: &Type, at: usize) -> Value {
    if let Type::Array(element) = of {
        // BigQuery has no NULL array in a table.
        if array.is_null(at) {
            return Value::array(Vec::new());
        }
        let items = array.as_list::<i32>().value(at);
        return Value::array((0..items.len()).map(|at| cell(&items, element, at)).collect());
    }
    if array.is_null(at) {
        return Value::Null;
    }
    match of {
        Type::Bool => Value::Bool(array.as_boolean().value(at)),
        Type::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(at)),
        Type::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(at)),
        Type::Numeric => Value::Numeric(array.as_primitive::<Decimal128Type>().value(at)),
        Type::BigNumeric => Value::big(array.as_primitive::<Decimal256Type>().value(at)),
        Type::Interval => {
            let text = array.as_string::<i32>().value(at);
            let interval = Interval::parse(text, "YEAR", "SECOND");
            interval.map_or(Value::Null, |it| Value::Interval(Box::new(it)))
        }
        Type::String | Type::Geography => Value::text(array.as_string::<i32>().value(at)),
        Type::Json => Value::json(parse_json_cell(array.as_string::<i32>().value(at))),
        Type::Bytes => Value::bytes(array.as_binary::<i32>().value(at)),
        Type::Date => Value::Date(array.as_primitive::<Date32Type>().value(at)),
        Type::Time => Value::Time(array.as_primitive::<Time64MicrosecondType>().value(at)),
        Type::Datetime => {
            Value::Datetime(array.as_primitive::<TimestampMicrosecondType>().value(at))
        }
        Type::Timestamp => {
            Value::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(at))
        }
        Type::Struct(fields) => {
            let members = array.as_struct().columns().iter().zip(fields.iter());
            let members = members.map(|(array, (_, of))| cell(array, of, at));
            Value::Struct(members.collect::<Vec<_>>().into())
        }
        Type::Array(_) => Value::Null,
    }
}

/// A batch with the rows of a result.
///
/// # Errors
/// An array of the result contains NULL, which BigQuery refuses as well.
pub(crate) fn to_batch(fields: &[Field], rows: &[Row]) -> Result<RecordBatch> {
    let internal = |_| SqlError::failed("the result could not be encoded");
    let columns = fields.iter().enumerate().map(|(at, field)| {
        let values: Vec<&Value> = rows.iter().map(|row| &row[at]).collect();
        to_array(field, &values)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(arrow_schema(fields), columns, &options).map_err(internal)
}

fn to_array(field: &Field, values: &[&Value]) -> Result<ArrayRef> {
    if field.mode != FieldMode::Repeated {
        return to_values(field, values);
    }
    let mut items: Vec<&Value> = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::Array(array) => {
                if array.iter().any(Value::is_null) {
                    return Err(SqlError::failed(format!(
                        "Array cannot have a null element; error in writing field {}",
                        field.name
                    )));
                }
                items.extend(array.iter());
                lengths.push(array.len());
            }
            _ => lengths.push(0),
        }
    }
    let element = Field { mode: FieldMode::Nullable, ..field.clone() };
    let arrow_field = field.arrow_field();
    let DataType::List(item) = arrow_field.data_type() else {
        return Err(SqlError::failed("the result could not be encoded"));
    };
    let list = ListArray::try_new(
        item.clone(),
        OffsetBuffer::from_lengths(lengths),
        to_values(&element, &items)?,
        None,
    );
    Ok(Arc::new(list.map_err(|_| SqlError::failed("the result could not be encoded"))?))
}

macro_rules! primitive {
    ($array:ident, $values:expr, $variant:ident) => {{
        let values = $values.iter().map(|it| match it {
            Value::$variant(it) => Some(*it),
            _ => None,
        });
        values.collect::<$array>()
    }};
}

fn to_values(field: &Field, values: &[&Value]) -> Result<ArrayRef> {
    let internal = || SqlError::failed("the result could not be encoded");
    Ok(match field.field_type {
        FieldType::Boolean => Arc::new(primitive!(BooleanArray, values, Bool)),
        FieldType::Integer => Arc::new(primitive!(Int64Array, values, Int)),
        FieldType::Float => Arc::new(primitive!(Float64Array, values, Float)),
        FieldType::Date => Arc::new(primitive!(Date32Array, values, Date)),
        FieldType::Time => Arc::new(primitive!(Time64MicrosecondArray, values, Time)),
        FieldType::Datetime => Arc::new(primitive!(TimestampMicrosecondArray, values, Datetime)),
        FieldType::Timestamp => {
            Arc::new(primitive!(TimestampMicrosecondArray, values, Timestamp).with_timezone(UTC))
        }
        FieldType::Numeric => {
            let array = primitive!(Decimal128Array, values, Numeric);
            Arc::new(array.with_precision_and_scale(38, 9).map_err(|_| internal())?)
        }
        FieldType::Bignumeric => {
            let values = values.iter().map(|it| match it {
                Value::BigNumeric(it) => Some(**it),
                _ => None,
            });
            let array: Decimal256Array = values.collect();
            Arc::new(array.with_precision_and_scale(76, 38).map_err(|_| internal())?)
        }
        FieldType::Bytes => {
            let mut builder = BinaryBuilder::new();
            for value in values {
                match value {
                    Value::Bytes(it) => builder.append_value(it),
                    _ => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        FieldType::String | FieldType::Json | FieldType::Geography | FieldType::Interval => {
            let mut builder = StringBuilder::new();
            for value in values {
                match value {
                    Value::Text(it) => builder.append_value(it),
                    Value::Json(it) => builder.append_value(json_text(it)),
                    Value::Interval(it) => builder.append_value(it.to_string()),
                    _ => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        FieldType::Record => {
            let null = Value::Null;
            let members = field.fields.iter().enumerate().map(|(at, member)| {
                let of_member = values.iter().map(|it| match it {
                    Value::Struct(items) => &items[at],
                    _ => &null,
                });
                to_array(member, &of_member.collect::<Vec<_>>())
            });
            let members = members.collect::<Result<Vec<_>>>()?;
            let DataType::Struct(fields) = field.arrow_field().data_type().clone() else {
                return Err(internal());
            };
            // BigQuery's arrays need the element itself, so a NULL struct stays NULL.
            let nulls: NullBuffer = values.iter().map(|it| !it.is_null()).collect();
            let array =
                StructArray::try_new_with_length(fields, members, Some(nulls), values.len());
            Arc::new(array.map_err(|_| internal())?)
        }
    })
}
