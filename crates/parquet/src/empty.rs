//! Writes a Parquet file without rows, for a table whose export contains only `_SUCCESS`.

use std::sync::Arc;

use bytes::Bytes;
use landbridge_core::types::{Annotation, ParquetColumn, Physical};
use landbridge_core::{Error, ErrorKind, Result};
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

/// A file with these columns and no rows. The same columns always give the same bytes. `name` is the
/// table's, for error messages.
///
/// # Errors
/// [`ErrorKind::Rejected`] if Parquet does not support the type of a column.
pub fn empty_file(columns: &[ParquetColumn], name: &str) -> Result<Bytes> {
    let failed = |error| {
        Error::new(ErrorKind::Rejected, "a Parquet file without rows cannot be written", name)
            .caused_by(error)
    };
    let fields = columns
        .iter()
        .map(|column| field(column).map(Arc::new))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let root = Type::group_type_builder("schema").with_fields(fields).build().map_err(failed)?;
    let properties =
        Arc::new(WriterProperties::builder().set_created_by("landbridge".to_owned()).build());
    let mut bytes = Vec::new();
    SerializedFileWriter::new(&mut bytes, Arc::new(root), properties)
        .and_then(|writer| writer.close())
        .map_err(failed)?;
    Ok(bytes.into())
}

fn field(column: &ParquetColumn) -> Result<Type, parquet::errors::ParquetError> {
    let (physical, length) = match column.physical {
        Physical::Boolean => (PhysicalType::BOOLEAN, 0),
        Physical::Int32 => (PhysicalType::INT32, 0),
        Physical::Int64 => (PhysicalType::INT64, 0),
        Physical::Int96 => (PhysicalType::INT96, 0),
        Physical::Float => (PhysicalType::FLOAT, 0),
        Physical::Double => (PhysicalType::DOUBLE, 0),
        Physical::ByteArray | Physical::Nested => (PhysicalType::BYTE_ARRAY, 0),
        Physical::Fixed(length) => (PhysicalType::FIXED_LEN_BYTE_ARRAY, length),
    };
    let signed = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let mut builder = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_length(length);
    let logical = match column.annotation {
        Annotation::None | Annotation::Other => None,
        Annotation::String => Some(LogicalType::String),
        Annotation::Enum => Some(LogicalType::Enum),
        Annotation::Json => Some(LogicalType::Json),
        Annotation::Date => Some(LogicalType::Date),
        Annotation::Int { bits, signed } => {
            Some(LogicalType::integer(i8::try_from(bits).unwrap_or(64), signed))
        }
        Annotation::Decimal { precision, scale } => {
            builder = builder.with_precision(signed(precision)).with_scale(signed(scale));
            Some(LogicalType::decimal(signed(scale), signed(precision)))
        }
        Annotation::TimeMicros => Some(LogicalType::time(true, TimeUnit::MICROS)),
        Annotation::TimestampMicros => Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
        Annotation::LocalTimestampMicros => Some(LogicalType::timestamp(false, TimeUnit::MICROS)),
        Annotation::TimestampMillis => Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
        Annotation::LocalTimestampMillis => Some(LogicalType::timestamp(false, TimeUnit::MILLIS)),
        Annotation::TimestampNanos => Some(LogicalType::timestamp(true, TimeUnit::NANOS)),
        Annotation::LocalTimestampNanos => Some(LogicalType::timestamp(false, TimeUnit::NANOS)),
    };
    builder.with_logical_type(logical).build()
}
