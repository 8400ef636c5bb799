//! Reads Parquet files as BigQuery does: a column's physical type and annotation alone determine
//! its type, and values are not coerced to the table's type.
//!
//! Follows Google's documentation, "Parquet conversions".

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

use super::options::ParquetOptions;
use crate::bigquery::schema::{
    Field, FieldMode, FieldType, arrow_schema, find_field, is_same_name,
};
use crate::error::GoogleError;
use crate::turned::is_turned;

/// The number of rows in a decoded batch.
const BATCH_ROWS: usize = 65_536;

/// The fields of a table that BigQuery creates from this file.
pub(super) fn infer_fields(
    file: File,
    uri: &str,
    options: ParquetOptions,
) -> Result<Vec<Field>, GoogleError> {
    file_fields(&open_reader(file, uri)?, uri, options)
}

/// Reads the rows of a file into the table's fields. A column that the file lacks is NULL.
///
/// # Errors
/// Fails for a column that the table lacks or whose type differs from the table's.
pub(super) fn read(
    file: File,
    uri: &str,
    options: ParquetOptions,
    fields: &[Field],
) -> Result<Vec<RecordBatch>, GoogleError> {
    let builder = open_reader(file, uri)?;
    let columns = file_fields(&builder, uri, options)?;
    let physical: Vec<_> = {
        let root = builder.parquet_schema().root_schema();
        root.get_fields().iter().map(|it| physical_type_name(it)).collect()
    };
    for (column, physical) in columns.iter().zip(&physical) {
        match find_field(fields, &column.name) {
            Some(field) => check_field(column, field, physical, uri)?,
            None if options.ignore_unknown || is_turned("load-unknown-column-refused") => {}
            None => {
                return Err(read_error(
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
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|_| damaged_file(uri))?;
    let mut batches = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|_| damaged_file(uri))?;
        let converted = fields
            .iter()
            .zip(schema.fields())
            .map(|(field, arrow)| {
                let at = columns.iter().position(|it| is_same_name(&it.name, &field.name));
                match at {
                    Some(at) => convert_column(batch.column(at), &columns[at], arrow)
                        .ok_or_else(|| out_of_range_error(uri, field)),
                    None if field.mode == FieldMode::Required => Err(read_error(
                        uri,
                        &format!("Required field {} is missing from the file", field.name),
                    )),
                    None if is_turned("load-missing-column-null") => {
                        Err(read_error(uri, "A column of the table is missing from the file"))
                    }
                    None => Ok(new_null_array(arrow.data_type(), batch.num_rows())),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(schema.clone(), converted, &options);
        batches.push(batch.map_err(|_| damaged_file(uri))?);
    }
    Ok(batches)
}

/// The names of the columns of a file, in their order.
pub(super) fn column_names(file: File, uri: &str) -> Result<Vec<String>, GoogleError> {
    let reader = open_reader(file, uri)?;
    let fields = reader.parquet_schema().root_schema().get_fields();
    Ok(fields.iter().map(|it| it.name().to_owned()).collect())
}

type ReaderBuilder = ParquetRecordBatchReaderBuilder<File>;

/// Opens a file by its Parquet schema and ignores the Arrow schema that a writer may have added.
fn open_reader(file: File, uri: &str) -> Result<ReaderBuilder, GoogleError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    ReaderBuilder::try_new_with_options(file, options).map_err(|_| damaged_file(uri))
}

fn file_fields(
    builder: &ReaderBuilder,
    uri: &str,
    options: ParquetOptions,
) -> Result<Vec<Field>, GoogleError> {
    let root = builder.parquet_schema().root_schema();
    (root.get_fields().iter().zip(builder.schema().fields()))
        .map(|(parquet, arrow)| field_of(parquet, arrow, uri, options))
        .collect()
}

/// The BigQuery field of a column in the file.
fn field_of(
    parquet: &Type,
    arrow: &ArrowField,
    uri: &str,
    options: ParquetOptions,
) -> Result<Field, GoogleError> {
    let name = &options.names.column(arrow.name())?;
    let mode = if arrow.is_nullable() { FieldMode::Nullable } else { FieldMode::Required };
    let unsupported = |what: &str| Err(read_error(uri, &format!("Parquet column '{name}' {what}")));
    let field_type = match arrow.data_type() {
        DataType::Boolean => FieldType::Boolean,
        data_type if data_type.is_integer() => FieldType::Integer,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => FieldType::Float,
        DataType::Date32 => FieldType::Date,
        DataType::Time64(_) if is_turned("load-time") => return unsupported("is a TIME"),
        DataType::Time32(_) | DataType::Time64(TimeUnit::Microsecond) => FieldType::Time,
        DataType::Timestamp(TimeUnit::Nanosecond, _) | DataType::Time64(_)
            if parquet.is_primitive() && parquet.get_physical_type() != Physical::INT96 =>
        {
            return unsupported("has nanosecond precision, which is not supported");
        }
        // With isAdjustedToUTC=false (googleapis/python-bigquery #895, #985, #1061). INT96 is an instant,
        // and for milliseconds no source names another type than TIMESTAMP.
        DataType::Timestamp(TimeUnit::Microsecond, None) if !is_turned("load-datetime") => {
            FieldType::Datetime
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) if is_turned("load-timestamp-units") => {
            return unsupported("has millisecond precision");
        }
        DataType::Timestamp(..) => FieldType::Timestamp,
        DataType::Utf8 if is_string(parquet) => FieldType::String,
        DataType::Binary if is_turned_to_text(parquet) => FieldType::String,
        DataType::Utf8
        | DataType::Binary
        | DataType::FixedSizeBinary(_)
        | DataType::Interval(_) => FieldType::Bytes,
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            if parquet.is_primitive() && parquet.get_physical_type() == Physical::BYTE_ARRAY {
                return unsupported("is a DECIMAL on BYTE_ARRAY, which is not supported");
            }
            match decimal_type(*precision, *scale, options) {
                Some(field_type) => field_type,
                None => {
                    return unsupported(&format!(
                        "is DECIMAL({precision},{scale}), which none of the job's decimal target \
                         types can hold"
                    ));
                }
            }
        }
        DataType::Struct(members) => {
            let fields = (members.iter().zip(parquet.get_fields()))
                .map(|(arrow, parquet)| field_of(parquet, arrow, uri, options))
                .collect::<Result<_, _>>()?;
            return Ok(Field { fields, ..Field::new(name, FieldType::Record, mode) });
        }
        DataType::List(item) => return list_field(parquet, arrow, item, uri, options),
        _ => return unsupported("has a type that is not supported"),
    };
    Ok(Field::new(name, field_type, mode))
}

/// The field of a LIST. By default it has the nesting of the file, `column.list.element`; with
/// `enableListInference` it is a REPEATED field.
fn list_field(
    parquet: &Type,
    arrow: &ArrowField,
    item: &ArrowField,
    uri: &str,
    options: ParquetOptions,
) -> Result<Field, GoogleError> {
    let name = arrow.name();
    if parquet.is_primitive() {
        if is_turned("load-bare-repeated-leaf") {
            return Err(read_error(uri, "A repeated column has no group around it"));
        }
        // A repeated leaf without a group around it is REPEATED with any option.
        let element_field = field_of(parquet, item, uri, options)?;
        return Ok(Field { name: name.clone(), mode: FieldMode::Repeated, ..element_field });
    }
    let repeated = parquet.get_fields().first();
    let element =
        repeated.and_then(|it| if it.is_primitive() { None } else { it.get_fields().first() });
    let (Some(repeated), Some(element)) = (repeated, element) else {
        return Err(read_error(
            uri,
            &format!("Parquet column '{name}' is a list of an unknown form"),
        ));
    };
    let element_field = field_of(element, item, uri, options)?;
    if options.list_inference {
        return Ok(Field { name: name.clone(), mode: FieldMode::Repeated, ..element_field });
    }
    let inner = Field {
        fields: vec![element_field],
        ..Field::new(repeated.name(), FieldType::Record, FieldMode::Repeated)
    };
    let mode = if arrow.is_nullable() { FieldMode::Nullable } else { FieldMode::Required };
    Ok(Field { fields: vec![inner], ..Field::new(name, FieldType::Record, mode) })
}

/// Whether a column is text: only with the STRING annotation. JSON and ENUM columns are BYTES.
fn is_string(parquet: &Type) -> bool {
    let info = parquet.get_basic_info();
    match info.logical_type_ref() {
        Some(logical) => *logical == LogicalType::String,
        None => info.converted_type() == ConvertedType::UTF8,
    }
}

/// Whether bytes load as text, because a claim about them is turned around.
fn is_turned_to_text(parquet: &Type) -> bool {
    let info = parquet.get_basic_info();
    let (logical, converted) = (info.logical_type_ref(), info.converted_type());
    let is_enum = logical == Some(&LogicalType::Enum) || converted == ConvertedType::ENUM;
    let is_bare = logical.is_none() && converted == ConvertedType::NONE;
    is_enum && is_turned("load-enum-is-bytes") || is_bare && is_turned("load-no-coercion")
}

/// The first of NUMERIC, BIGNUMERIC and STRING that the job allows and that can represent all
/// values of the precision and scale.
fn decimal_type(precision: u8, scale: i8, options: ParquetOptions) -> Option<FieldType> {
    let scale = i16::from(scale);
    let integer = i16::from(precision) - scale;
    if options.numeric && scale <= 9 && integer <= 29 {
        Some(FieldType::Numeric)
    } else if options.bignumeric
        && !(scale == 10 && is_turned("load-decimal-38-10"))
        && scale <= 38
        && integer <= 38
    {
        Some(FieldType::Bignumeric)
    } else {
        options.string.then_some(FieldType::String)
    }
}

/// Checks that a column's type matches the table's, and that a REQUIRED column is not loaded into a
/// NULLABLE one.
fn check_field(
    source_field: &Field,
    table_field: &Field,
    physical: &str,
    uri: &str,
) -> Result<(), GoogleError> {
    let repeated = |it: &Field| it.mode == FieldMode::Repeated;
    // NUMERIC can be loaded into BIGNUMERIC. No other type is widened.
    let is_same_type = source_field.field_type == table_field.field_type
        || (source_field.field_type == FieldType::Numeric
            && table_field.field_type == FieldType::Bignumeric);
    if !is_same_type || repeated(source_field) != repeated(table_field) {
        return Err(read_error(
            uri,
            &format!(
                "Parquet column '{}' has type {physical} which does not match the target cpp_type \
                 {} of field {} ({})",
                source_field.name,
                cpp_type(table_field.field_type),
                table_field.name,
                table_field.field_type.name(),
            ),
        ));
    }
    // Reported in java-bigquery #13 and python-bigquery #10, with this message.
    if source_field.mode == FieldMode::Required
        && table_field.mode == FieldMode::Nullable
        && !is_turned("load-required-refused")
    {
        let file = uri.rsplit('/').next().unwrap_or_default();
        return Err(GoogleError::invalid(format!(
            "Error while reading data, error message: Provided schema is not compatible with the \
             file '{file}'. Field '{}' is specified as NULLABLE in provided schema which does not \
             match REQUIRED as specified in the file.",
            table_field.name
        )));
    }
    for member in &source_field.fields {
        match find_field(&table_field.fields, &member.name) {
            Some(field) => check_field(member, field, physical, uri)?,
            None => {
                return Err(read_error(
                    uri,
                    &format!("Provided schema has no field {}.{}", table_field.name, member.name),
                ));
            }
        }
    }
    Ok(())
}

/// The name of a column's type in an error.
fn physical_type_name(parquet: &Type) -> String {
    if parquet.is_primitive() {
        parquet.get_physical_type().to_string()
    } else {
        "GROUP".to_owned()
    }
}

/// The in-memory type of a field as BigQuery's errors name it.
fn cpp_type(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Integer | FieldType::Timestamp | FieldType::Time | FieldType::Datetime => {
            "INT64"
        }
        FieldType::Date => "INT32",
        FieldType::Float => "DOUBLE",
        FieldType::Boolean => "BOOL",
        FieldType::Record => "MESSAGE",
        FieldType::String | FieldType::Json | FieldType::Geography | FieldType::Interval => {
            "STRING"
        }
        FieldType::Bytes | FieldType::Numeric | FieldType::Bignumeric => "BYTES",
    }
}

/// Converts a column to the table's type; `None` if a value is out of range.
fn convert_column(column: &ArrayRef, source_field: &Field, to: &ArrowField) -> Option<ArrayRef> {
    match (to.data_type(), column.data_type()) {
        (DataType::List(item), DataType::List(_)) => {
            let list = column.as_list::<i32>();
            let element_field = Field { mode: FieldMode::Nullable, ..source_field.clone() };
            let values = convert_column(list.values(), &element_field, item)?;
            Some(Arc::new(ListArray::new(
                item.clone(),
                list.offsets().clone(),
                values,
                list.nulls().cloned(),
            )))
        }
        (DataType::Struct(members), DataType::Struct(_)) => {
            let record = column.as_struct();
            let members_of = source_field.fields.iter().zip(record.columns());
            let all = members
                .iter()
                .map(|member| {
                    let part = members_of
                        .clone()
                        .find(|(it, _)| it.name.eq_ignore_ascii_case(member.name()));
                    match part {
                        Some((field, part)) => convert_column(part, field, member),
                        None => Some(new_null_array(member.data_type(), column.len())),
                    }
                })
                .collect::<Option<Vec<_>>>()?;
            Some(Arc::new(StructArray::new(members.clone(), all, record.nulls().cloned())))
        }
        // Keeps the nesting of a LIST in the file: column, list, element.
        (DataType::Struct(outer), DataType::List(_)) => {
            nest_list(column.as_list::<i32>(), source_field, outer)
        }
        (to, _) => {
            let exact = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(column, to, &exact).ok()
        }
    }
}

fn nest_list(
    list: &ListArray,
    source_field: &Field,
    outer: &arrow::datatypes::Fields,
) -> Option<ArrayRef> {
    let repeated = outer.first()?;
    let DataType::List(item) = repeated.data_type() else { return None };
    let DataType::Struct(inner) = item.data_type() else { return None };
    let element = inner.first()?;
    let values =
        convert_column(list.values(), source_field.fields.first()?.fields.first()?, element)?;
    let elements = StructArray::new(inner.clone(), vec![values], None);
    let offsets: OffsetBuffer<i32> = list.offsets().clone();
    let lists = ListArray::new(item.clone(), offsets, Arc::new(elements), None);
    Some(Arc::new(StructArray::new(outer.clone(), vec![Arc::new(lists)], list.nulls().cloned())))
}

fn read_error(uri: &str, what: &str) -> GoogleError {
    GoogleError::invalid(format!("Error while reading data, error message: {what}. File: {uri}"))
}

fn damaged_file(uri: &str) -> GoogleError {
    read_error(uri, "Input file is not in Parquet format or is damaged")
}

fn out_of_range_error(uri: &str, field: &Field) -> GoogleError {
    read_error(
        uri,
        &format!(
            "Parquet column '{}' holds a value outside the range of {}",
            field.name,
            field.field_type.name()
        ),
    )
}
