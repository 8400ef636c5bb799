//! Reads and validates Parquet footers from ranged reads.

use bytes::Bytes;
use landbridge_core::types::{Annotation, ParquetColumn, Physical};
use landbridge_core::{Error, ErrorKind, Result};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader};
use parquet::schema::types::Type;

use crate::raw_footer::RawFooter;
use crate::thrift;

/// Bytes that the first read fetches from the end of the file: most footers fit, so one request is
/// enough.
const FIRST_READ: u64 = 64 * 1024;
/// The length of the footer length and the magic bytes, at the end of the file.
const TAIL_BYTES: u64 = 8;
/// The largest footer that is accepted. A larger one means millions of columns or a forged length.
const MAX_FOOTER_BYTES: u64 = 256 * 1024 * 1024;

/// A source of ranged reads, for example an S3 object or bytes in memory.
pub trait RangeReader: Sync {
    /// Reads exactly `length` bytes from `start`.
    ///
    /// # Errors
    /// Any error of the source. Fewer than `length` bytes are an error too.
    fn read(&self, start: u64, length: u64) -> impl Future<Output = Result<Bytes>> + Send;
}

impl RangeReader for Bytes {
    async fn read(&self, start: u64, length: u64) -> Result<Bytes> {
        let range = usize::try_from(start).ok().zip(usize::try_from(start + length).ok());
        range
            .filter(|(_, end)| *end <= self.len())
            .map(|(start, end)| self.slice(start..end))
            .ok_or_else(|| {
                Error::new(ErrorKind::Corrupt, "a read goes beyond the end of the data", "")
            })
    }
}

/// A validated footer.
#[derive(Clone, Debug)]
pub struct Footer {
    /// Its content.
    pub metadata: ParquetMetaData,
    /// The offset of the footer in the file. Data, page indexes and bloom filters are before it.
    pub start: u64,
    pub(crate) raw: RawFooter,
}

impl Footer {
    /// Reads the footer of a file of `length` bytes. `name` is the file's, for error messages.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the file is truncated, encrypted, or not a Parquet file; any error
    /// of `source`.
    pub async fn read<R: RangeReader>(source: &R, length: u64, name: &str) -> Result<Self> {
        let corrupt = |what| Error::new(ErrorKind::Corrupt, what, name);
        if length < TAIL_BYTES + 4 {
            return Err(corrupt("a Parquet file is cut short"));
        }
        let first = FIRST_READ.min(length);
        let mut tail = source.read(length - first, first).await?;
        let end = tail.len();
        match &tail[end - 4..] {
            b"PAR1" => {}
            b"PARE" => return Err(corrupt("a Parquet file is encrypted")),
            _ => {
                return Err(corrupt("a Parquet file is cut short, or the file has another format"));
            }
        }
        let mut size = [0; 4];
        size.copy_from_slice(&tail[end - 8..end - 4]);
        let size = u64::from(u32::from_le_bytes(size));
        if size > MAX_FOOTER_BYTES || size + TAIL_BYTES + 4 > length {
            return Err(corrupt("the footer of a Parquet file has an impossible length"));
        }
        let start = length - TAIL_BYTES - size;
        if size + TAIL_BYTES > first {
            tail = source.read(start, size + TAIL_BYTES).await?;
        }
        let from = tail.len()
            - usize::try_from(size + TAIL_BYTES)
                .map_err(|_| corrupt("the footer of a Parquet file is too large"))?;
        let bytes = &tail[from..tail.len() - 8];
        let raw = RawFooter::read(bytes);
        if raw.as_ref().is_ok_and(|raw| raw.encrypted) {
            return Err(corrupt("a Parquet file is encrypted"));
        }
        let unreadable = || corrupt("the footer of a Parquet file cannot be read");
        let metadata = decode(bytes).map_err(|error| unreadable().caused_by(error))?;
        let raw = raw.map_err(|_| unreadable().caused_by("its Thrift structure is invalid"))?;
        let footer = Self { metadata, start, raw };
        footer.check(name)?;
        Ok(footer)
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata.file_metadata().num_rows()).unwrap_or(0)
    }

    /// The top-level columns, in order.
    pub fn columns(&self) -> Vec<ParquetColumn> {
        let root = self.metadata.file_metadata().schema();
        root.get_fields().iter().map(|field| column(field)).collect()
    }

    /// Checks that the row groups add up to the rows, and lie within the file.
    fn check(&self, name: &str) -> Result<()> {
        let groups = self.metadata.row_groups();
        let sum = groups.iter().try_fold(0_i64, |sum, group| {
            (group.num_rows() >= 0).then(|| sum.checked_add(group.num_rows()))?
        });
        if sum != Some(self.metadata.file_metadata().num_rows()) {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the row groups of a Parquet file do not add up to its rows",
                name,
            ));
        }
        // Chunks without rows have no pages, and some writers give them no offset: Arrow C++ writes 0.
        let with_rows = groups.iter().filter(|group| group.num_rows() > 0);
        for chunk in with_rows.flat_map(|group| group.columns()) {
            let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
            let end =
                start.checked_add(chunk.compressed_size()).and_then(|end| u64::try_from(end).ok());
            if start < 4 || chunk.compressed_size() < 0 || end.is_none_or(|end| end > self.start) {
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    "a column of a Parquet file is outside of its data",
                    name,
                ));
            }
        }
        Ok(())
    }
}

/// Reads a footer's bytes. fastparquet gives an empty list no element type, which other readers accept
/// and the `parquet` crate does not.
pub(crate) fn decode(thrift: &[u8]) -> Result<ParquetMetaData, ParquetError> {
    // The statistics of encodings are kept as they are, for copied columns.
    let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
    let read =
        |bytes: &[u8]| ParquetMetaDataReader::decode_metadata_with_options(bytes, Some(&options));
    read(thrift).or_else(|error| match thrift::with_typed_empty_lists(thrift) {
        Some(repaired) => read(&repaired),
        None => Err(error),
    })
}

pub(crate) fn column(field: &Type) -> ParquetColumn {
    let name = field.name().to_owned();
    if !field.is_primitive() || field.get_basic_info().repetition() == Repetition::REPEATED {
        return ParquetColumn { name, physical: Physical::Nested, annotation: Annotation::None };
    }
    let physical = match field.get_physical_type() {
        PhysicalType::BOOLEAN => Physical::Boolean,
        PhysicalType::INT32 => Physical::Int32,
        PhysicalType::INT64 => Physical::Int64,
        PhysicalType::INT96 => Physical::Int96,
        PhysicalType::FLOAT => Physical::Float,
        PhysicalType::DOUBLE => Physical::Double,
        PhysicalType::BYTE_ARRAY => Physical::ByteArray,
        PhysicalType::FIXED_LEN_BYTE_ARRAY => match field {
            Type::PrimitiveType { type_length, .. } => Physical::Fixed(*type_length),
            Type::GroupType { .. } => Physical::Nested,
        },
    };
    ParquetColumn { name, physical, annotation: annotation(field) }
}

fn annotation(field: &Type) -> Annotation {
    let info = field.get_basic_info();
    let decimal = || {
        let positive = |value: i32| u32::try_from(value).unwrap_or(0);
        Annotation::Decimal {
            precision: positive(field.get_precision()),
            scale: positive(field.get_scale()),
        }
    };
    let int = |bits, signed| Annotation::Int { bits, signed };
    if let Some(logical) = info.logical_type_ref() {
        return match logical {
            LogicalType::String => Annotation::String,
            LogicalType::Enum => Annotation::Enum,
            LogicalType::Json => Annotation::Json,
            LogicalType::Decimal(_) => decimal(),
            LogicalType::Date => Annotation::Date,
            LogicalType::Integer(it) => int(u8::try_from(it.bit_width).unwrap_or(64), it.is_signed),
            LogicalType::Time(it) if it.unit == TimeUnit::MICROS => Annotation::TimeMicros,
            LogicalType::Timestamp(it) => match (it.unit, it.is_adjusted_to_u_t_c) {
                (TimeUnit::MILLIS, true) => Annotation::TimestampMillis,
                (TimeUnit::MICROS, true) => Annotation::TimestampMicros,
                (TimeUnit::NANOS, true) => Annotation::TimestampNanos,
                (TimeUnit::MILLIS, false) => Annotation::LocalTimestampMillis,
                (TimeUnit::MICROS, false) => Annotation::LocalTimestampMicros,
                (TimeUnit::NANOS, false) => Annotation::LocalTimestampNanos,
            },
            _ => Annotation::Other,
        };
    }
    match info.converted_type() {
        ConvertedType::NONE => Annotation::None,
        ConvertedType::UTF8 => Annotation::String,
        ConvertedType::ENUM => Annotation::Enum,
        ConvertedType::JSON => Annotation::Json,
        ConvertedType::DECIMAL => decimal(),
        ConvertedType::DATE => Annotation::Date,
        ConvertedType::TIME_MICROS => Annotation::TimeMicros,
        ConvertedType::TIMESTAMP_MICROS => Annotation::TimestampMicros,
        ConvertedType::TIMESTAMP_MILLIS => Annotation::TimestampMillis,
        ConvertedType::INT_8 => int(8, true),
        ConvertedType::INT_16 => int(16, true),
        ConvertedType::INT_32 => int(32, true),
        ConvertedType::INT_64 => int(64, true),
        ConvertedType::UINT_8 => int(8, false),
        ConvertedType::UINT_16 => int(16, false),
        ConvertedType::UINT_32 => int(32, false),
        ConvertedType::UINT_64 => int(64, false),
        _ => Annotation::Other,
    }
}
