//! Parquet files as BigQuery reads them: the type of a column follows from its physical
//! type and annotation alone, and nothing is coerced towards the table's type.
//!
//! From Google's documentation, "Parquet conversions".

use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, StructArray,
    new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field as ArrowField, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::schema::types::Type;

use super::load::FileOptions;
use super::schema::{Field, Kind, Mode, arrow_schema, find};
use crate::error::GoogleError;

/// Rows decoded at once.
const BATCH_ROWS: usize = 65_536;

/// The columns that BigQuery would give a table made from this file.
pub(super) fn derive(
    file: File,
    uri: &str,
    options: FileOptions,
) -> Result<Vec<Field>, GoogleError> {
    columns(&builder(file, uri)?, uri, options)
}

/// The file's rows in the table's columns. A column that the file lacks is NULL; one that the
/// table lacks, or of another type than the table's, is refused.
pub(super) fn read(
    file: File,
    uri: &str,
    options: FileOptions,
    fields: &[Field],
) -> Result<Vec<RecordBatch>, GoogleError> {
    let builder = builder(file, uri)?;
    let found = columns(&builder, uri, options)?;
    let physical: Vec<_> = {
        let root = builder.parquet_schema().root_schema();
        root.get_fields().iter().map(|it| physical_name(it)).collect()
    };
    for (column, physical) in found.iter().zip(&physical) {
        match find(fields, &column.name) {
            Some(field) => check(column, field, physical, uri)?,
            None if options.ignore_unknown => {}
            None => {
                return Err(reading(
                    uri,
                    &format!(
                        "Provided schema has no field {}: the file's column is unknown to the table",
                        column.name
                    ),
                ));
            }
        }
    }
    let schema = arrow_schema(fields);
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|_| broken(uri))?;
    let mut batches = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|_| broken(uri))?;
        let converted = fields
            .iter()
            .zip(schema.fields())
            .map(|(field, arrow)| {
                let at = found.iter().position(|it| it.name.eq_ignore_ascii_case(&field.name));
                match at {
                    Some(at) => convert(batch.column(at), &found[at], arrow)
                        .ok_or_else(|| out_of_range(uri, field)),
                    None if field.mode == Mode::Required => Err(reading(
                        uri,
                        &format!("Required field {} is missing from the file", field.name),
                    )),
                    None => Ok(new_null_array(arrow.data_type(), batch.num_rows())),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(schema.clone(), converted, &options);
        batches.push(batch.map_err(|_| broken(uri))?);
    }
    Ok(batches)
}

type Builder = ParquetRecordBatchReaderBuilder<File>;

/// Opens a file by its Parquet schema alone: hints that a writer left for Arrow do not count.
fn builder(file: File, uri: &str) -> Result<Builder, GoogleError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    Builder::try_new_with_options(file, options).map_err(|_| broken(uri))
}

fn columns(builder: &Builder, uri: &str, options: FileOptions) -> Result<Vec<Field>, GoogleError> {
    let root = builder.parquet_schema().root_schema();
    (root.get_fields().iter().zip(builder.schema().fields()))
        .map(|(parquet, arrow)| column(parquet, arrow, uri, options))
        .collect()
}

/// What one column of the file is in BigQuery.
fn column(
    parquet: &Type,
    arrow: &ArrowField,
    uri: &str,
    options: FileOptions,
) -> Result<Field, GoogleError> {
    let name = arrow.name();
    let mode = if arrow.is_nullable() { Mode::Nullable } else { Mode::Required };
    let refuse = |what: &str| Err(reading(uri, &format!("Parquet column '{name}' {what}")));
    let kind = match arrow.data_type() {
        DataType::Boolean => Kind::Boolean,
        data_type if data_type.is_integer() => Kind::Integer,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Float,
        DataType::Date32 => Kind::Date,
        DataType::Time32(_) | DataType::Time64(TimeUnit::Microsecond) => Kind::Time,
        DataType::Timestamp(TimeUnit::Nanosecond, _) | DataType::Time64(_)
            if parquet.is_primitive() && parquet.get_physical_type() != Physical::INT96 =>
        {
            return refuse("has nanosecond precision, which is not supported");
        }
        DataType::Timestamp(..) => Kind::Timestamp,
        DataType::Utf8 if is_string(parquet) => Kind::String,
        DataType::Utf8
        | DataType::Binary
        | DataType::FixedSizeBinary(_)
        | DataType::Interval(_) => Kind::Bytes,
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            if parquet.is_primitive() && parquet.get_physical_type() == Physical::BYTE_ARRAY {
                return refuse("is a DECIMAL on BYTE_ARRAY, which is not supported");
            }
            match decimal(*precision, *scale, options) {
                Some(kind) => kind,
                None => {
                    return refuse(&format!(
                        "is DECIMAL({precision},{scale}), which none of the job's decimal target \
                         types can hold"
                    ));
                }
            }
        }
        DataType::Struct(members) => {
            let fields = (members.iter().zip(parquet.get_fields()))
                .map(|(arrow, parquet)| column(parquet, arrow, uri, options))
                .collect::<Result<_, _>>()?;
            return Ok(Field { fields, ..Field::new(name, Kind::Record, mode) });
        }
        DataType::List(item) => return list(parquet, arrow, item, uri, options),
        _ => return refuse("has a type that is not supported"),
    };
    Ok(Field::new(name, kind, mode))
}

/// A LIST: by default the nesting that the file has, `column.list.element`; a repeated column
/// only with `enableListInference`.
fn list(
    parquet: &Type,
    arrow: &ArrowField,
    item: &ArrowField,
    uri: &str,
    options: FileOptions,
) -> Result<Field, GoogleError> {
    let name = arrow.name();
    if parquet.is_primitive() {
        // A bare repeated leaf, with no group around it: REPEATED, whatever the options say.
        let one = column(parquet, item, uri, options)?;
        return Ok(Field { name: name.clone(), mode: Mode::Repeated, ..one });
    }
    let repeated = parquet.get_fields().first();
    let element =
        repeated.and_then(|it| if it.is_primitive() { None } else { it.get_fields().first() });
    let (Some(repeated), Some(element)) = (repeated, element) else {
        return Err(reading(uri, &format!("Parquet column '{name}' is a list of an unknown form")));
    };
    let one = column(element, item, uri, options)?;
    if options.list_inference {
        return Ok(Field { name: name.clone(), mode: Mode::Repeated, ..one });
    }
    let inner =
        Field { fields: vec![one], ..Field::new(repeated.name(), Kind::Record, Mode::Repeated) };
    let mode = if arrow.is_nullable() { Mode::Nullable } else { Mode::Required };
    Ok(Field { fields: vec![inner], ..Field::new(name, Kind::Record, mode) })
}

/// Only the STRING annotation makes text; JSON and ENUM leave the bytes bytes.
fn is_string(parquet: &Type) -> bool {
    let info = parquet.get_basic_info();
    match info.logical_type_ref() {
        Some(logical) => *logical == LogicalType::String,
        None => info.converted_type() == ConvertedType::UTF8,
    }
}

/// The first of NUMERIC, BIGNUMERIC and STRING that the job allows and that holds every value.
fn decimal(precision: u8, scale: i8, options: FileOptions) -> Option<Kind> {
    let scale = i16::from(scale);
    let integer = i16::from(precision) - scale;
    if options.numeric && scale <= 9 && integer <= 29 {
        Some(Kind::Numeric)
    } else if options.bignumeric && scale <= 38 && integer <= 38 {
        Some(Kind::Bignumeric)
    } else {
        options.string.then_some(Kind::String)
    }
}

/// Refuses a column of another type than the table's.
fn check(found: &Field, wanted: &Field, physical: &str, uri: &str) -> Result<(), GoogleError> {
    let repeated = |it: &Field| it.mode == Mode::Repeated;
    // A NUMERIC fits a BIGNUMERIC column; nothing else is widened.
    let same = found.kind == wanted.kind
        || (found.kind == Kind::Numeric && wanted.kind == Kind::Bignumeric);
    if !same || repeated(found) != repeated(wanted) {
        return Err(reading(
            uri,
            &format!(
                "Parquet column '{}' has type {physical} which does not match the target cpp_type \
                 {} of field {} ({})",
                found.name,
                cpp_type(wanted.kind),
                wanted.name,
                wanted.kind.name(),
            ),
        ));
    }
    for member in &found.fields {
        match find(&wanted.fields, &member.name) {
            Some(field) => check(member, field, physical, uri)?,
            None => {
                return Err(reading(
                    uri,
                    &format!("Provided schema has no field {}.{}", wanted.name, member.name),
                ));
            }
        }
    }
    Ok(())
}

/// How a column's type is named in a refusal.
fn physical_name(parquet: &Type) -> String {
    if parquet.is_primitive() {
        parquet.get_physical_type().to_string()
    } else {
        "GROUP".to_owned()
    }
}

/// The in-memory type in which BigQuery wants a column, as its messages name it.
fn cpp_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer | Kind::Timestamp | Kind::Time | Kind::Datetime => "INT64",
        Kind::Date => "INT32",
        Kind::Float => "DOUBLE",
        Kind::Boolean => "BOOL",
        Kind::Record => "MESSAGE",
        Kind::String | Kind::Json | Kind::Geography => "STRING",
        Kind::Bytes | Kind::Numeric | Kind::Bignumeric => "BYTES",
    }
}

/// The column as the table keeps it; `None` if a value does not fit.
fn convert(column: &ArrayRef, found: &Field, to: &ArrowField) -> Option<ArrayRef> {
    match (to.data_type(), column.data_type()) {
        (DataType::List(item), DataType::List(_)) => {
            let list = column.as_list::<i32>();
            let one = Field { mode: Mode::Nullable, ..found.clone() };
            let values = convert(list.values(), &one, item)?;
            Some(Arc::new(ListArray::new(
                item.clone(),
                list.offsets().clone(),
                values,
                list.nulls().cloned(),
            )))
        }
        (DataType::Struct(members), DataType::Struct(_)) => {
            let parts = column.as_struct();
            let members_of = found.fields.iter().zip(parts.columns());
            let all = members
                .iter()
                .map(|member| {
                    let part = members_of
                        .clone()
                        .find(|(it, _)| it.name.eq_ignore_ascii_case(member.name()));
                    match part {
                        Some((field, part)) => convert(part, field, member),
                        None => Some(new_null_array(member.data_type(), column.len())),
                    }
                })
                .collect::<Option<Vec<_>>>()?;
            Some(Arc::new(StructArray::new(members.clone(), all, parts.nulls().cloned())))
        }
        // The nesting of a LIST as it stands in the file: column, list, element.
        (DataType::Struct(outer), DataType::List(_)) => nest(column.as_list::<i32>(), found, outer),
        (to, _) => {
            let exact = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(column, to, &exact).ok()
        }
    }
}

fn nest(list: &ListArray, found: &Field, outer: &arrow::datatypes::Fields) -> Option<ArrayRef> {
    let repeated = outer.first()?;
    let DataType::List(item) = repeated.data_type() else { return None };
    let DataType::Struct(inner) = item.data_type() else { return None };
    let element = inner.first()?;
    let values = convert(list.values(), found.fields.first()?.fields.first()?, element)?;
    let elements = StructArray::new(inner.clone(), vec![values], None);
    let offsets: OffsetBuffer<i32> = list.offsets().clone();
    let lists = ListArray::new(item.clone(), offsets, Arc::new(elements), None);
    Some(Arc::new(StructArray::new(outer.clone(), vec![Arc::new(lists)], list.nulls().cloned())))
}

fn reading(uri: &str, what: &str) -> GoogleError {
    GoogleError::invalid(format!("Error while reading data, error message: {what}. File: {uri}"))
}

fn broken(uri: &str) -> GoogleError {
    reading(uri, "Input file is not in Parquet format or is damaged")
}

fn out_of_range(uri: &str, field: &Field) -> GoogleError {
    reading(
        uri,
        &format!(
            "Parquet column '{}' holds a value outside the range of {}",
            field.name,
            field.kind.name()
        ),
    )
}
