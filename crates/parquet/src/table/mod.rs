//! Writes a file from rows of text, as [`cells`](crate::cells) and database servers give them: the file of
//! `landbridge recover`.
//!
//! A value that a column cannot hold exactly is refused, never rounded and never made NULL.

mod text;

use std::io::Write;
use std::sync::Arc;

use landbridge_core::{Error, ErrorKind, Result};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::cells::Cell;

/// A row group ends after so many rows, or bytes of cells. This bounds the memory.
const GROUP_ROWS: usize = 100_000;
const GROUP_BYTES: usize = 32 << 20;
/// The most digits of a DECIMAL that is written: readers have no more.
const MAX_DIGITS: u32 = 38;
/// The bytes of a DECIMAL of 38 digits, in two's complement.
const DECIMAL_BYTES: usize = 16;

/// What a column of the file holds. Each one accepts NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellType {
    /// `t`, `f`, `true`, `false`, `1`, `0`.
    Bool,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A number of 32 bits with a binary exponent.
    Float,
    /// A number of 64 bits with a binary exponent.
    Double,
    /// A number with so many digits, and so many of them after the point.
    Decimal {
        /// All digits, from 1 to 38.
        precision: u32,
        /// Digits after the point, at most `precision`.
        scale: u32,
    },
    /// A day of the years 1 to 9999.
    Date,
    /// A time of day in microseconds.
    Time,
    /// A date with a time in microseconds, in UTC if `utc`, else without a zone.
    Timestamp {
        /// Whether it is a point in time.
        utc: bool,
    },
    /// Text.
    Text,
    /// Text that is JSON.
    Json,
    /// 16 bytes, written as text with hyphens.
    Uuid,
    /// Bytes.
    Bytes,
}

/// A column of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub ty: CellType,
}

/// Why a row is not written.
#[derive(Debug)]
pub enum RowError {
    /// The column with this number cannot hold the value exactly.
    Misfit(usize),
    /// The file cannot be written.
    File(Error),
}

/// The values of a column that are not yet in the file.
enum Values {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

struct Column {
    ty: CellType,
    values: Values,
    /// 1 for a value, 0 for NULL.
    levels: Vec<i16>,
}

/// A file that is being written. Without [`finish`](Self::finish) it is no Parquet file.
pub struct TableWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a file with these columns. A table without rows is a valid file.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if Parquet has no such column, or `out` cannot be written.
    pub fn new(out: W, columns: &[TableColumn]) -> Result<Self> {
        let fields = columns.iter().map(|column| field(column).map(Arc::new));
        let fields = fields.collect::<Result<_, _>>().map_err(|error| failed(&error))?;
        let root = Type::group_type_builder("schema").with_fields(fields).build();
        let root = root.map_err(|error| failed(&error))?;
        let properties = WriterProperties::builder()
            .set_created_by("landbridge".to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let writer = SerializedFileWriter::new(out, Arc::new(root), Arc::new(properties));
        let columns = columns.iter().map(|column| Column {
            ty: column.ty,
            values: Values::of(column.ty),
            levels: Vec::new(),
        });
        Ok(Self {
            writer: writer.map_err(|error| failed(&error))?,
            columns: columns.collect(),
            rows: 0,
            bytes: 0,
        })
    }

    /// Adds a row. A cell that is missing is NULL.
    ///
    /// # Errors
    /// [`RowError`]; the file is of no use then. It never contains a cell.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), RowError> {
        for (at, column) in self.columns.iter_mut().enumerate() {
            let cell = cells.get(at).copied().flatten();
            self.bytes += cell.map_or(0, <[u8]>::len);
            match cell {
                None => column.levels.push(0),
                Some(cell) => {
                    column.values.push(column.ty, cell).ok_or(RowError::Misfit(at))?;
                    column.levels.push(1);
                }
            }
        }
        self.rows += 1;
        if self.rows < GROUP_ROWS && self.bytes < GROUP_BYTES {
            return Ok(());
        }
        self.flush().map_err(RowError::File)
    }

    /// Writes the last rows and the footer, and gives back the output.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if it cannot be written.
    pub fn finish(mut self) -> Result<W> {
        self.flush()?;
        self.writer.into_inner().map_err(|error| failed(&error))
    }

    fn flush(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.write_group().map_err(|error| failed(&error))?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column()? else { break };
            column.values.write(writer.untyped(), &column.levels)?;
            writer.close()?;
            column.levels.clear();
        }
        group.close()?;
        Ok(())
    }
}

/// The crate's own messages can contain values, so only the kind of the error is kept.
fn failed(error: &ParquetError) -> Error {
    let why = match error {
        ParquetError::External(cause) => match cause.downcast_ref::<std::io::Error>() {
            Some(io) => io.kind().to_string(),
            None => "the output cannot be written".to_owned(),
        },
        _ => "the output cannot be written".to_owned(),
    };
    Error::new(ErrorKind::Rejected, "a Parquet file cannot be written", why)
}

fn field(column: &TableColumn) -> Result<Type, ParquetError> {
    let signed = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let (physical, logical) = match column.ty {
        CellType::Bool => (Physical::BOOLEAN, None),
        CellType::Int32 => (Physical::INT32, None),
        CellType::Int64 => (Physical::INT64, None),
        CellType::Float => (Physical::FLOAT, None),
        CellType::Double => (Physical::DOUBLE, None),
        CellType::Decimal { precision, scale } => (
            Physical::FIXED_LEN_BYTE_ARRAY,
            Some(LogicalType::decimal(signed(scale), signed(precision))),
        ),
        CellType::Date => (Physical::INT32, Some(LogicalType::Date)),
        CellType::Time => (Physical::INT64, Some(LogicalType::time(false, TimeUnit::MICROS))),
        CellType::Timestamp { utc } => {
            (Physical::INT64, Some(LogicalType::timestamp(utc, TimeUnit::MICROS)))
        }
        CellType::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        CellType::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
        CellType::Uuid => (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid)),
        CellType::Bytes => (Physical::BYTE_ARRAY, None),
    };
    let mut builder = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    if let CellType::Decimal { precision, scale } = column.ty {
        builder = builder.with_precision(signed(precision)).with_scale(signed(scale));
    }
    if physical == Physical::FIXED_LEN_BYTE_ARRAY {
        builder = builder.with_length(signed(u32::try_from(DECIMAL_BYTES).unwrap_or(u32::MAX)));
    }
    builder.build()
}

impl CellType {
    /// A DECIMAL, or text if it would need more digits than readers have.
    pub fn decimal(precision: u32, scale: u32) -> Self {
        match (1..=MAX_DIGITS).contains(&precision) && scale <= precision {
            true => Self::Decimal { precision, scale },
            false => Self::Text,
        }
    }
}

impl Values {
    fn of(ty: CellType) -> Self {
        match ty {
            CellType::Bool => Self::Bool(Vec::new()),
            CellType::Int32 | CellType::Date => Self::Int32(Vec::new()),
            CellType::Int64 | CellType::Time | CellType::Timestamp { .. } => {
                Self::Int64(Vec::new())
            }
            CellType::Float => Self::Float(Vec::new()),
            CellType::Double => Self::Double(Vec::new()),
            CellType::Text | CellType::Json | CellType::Bytes => Self::Bytes(Vec::new()),
            CellType::Decimal { .. } | CellType::Uuid => Self::Fixed(Vec::new()),
        }
    }

    /// Adds a value; `None` if the column cannot hold it.
    fn push(&mut self, ty: CellType, cell: &[u8]) -> Option<()> {
        let text = || std::str::from_utf8(cell).ok();
        match self {
            Self::Bool(values) => values.push(text::boolean(text()?)?),
            Self::Int32(values) => values.push(match ty {
                CellType::Date => text::date(text()?)?,
                _ => text()?.parse().ok()?,
            }),
            Self::Int64(values) => values.push(match ty {
                CellType::Time => text::time(text()?)?,
                CellType::Timestamp { utc } => text::timestamp(text()?, utc)?,
                _ => text()?.parse().ok()?,
            }),
            Self::Float(values) => values.push(text()?.parse().ok()?),
            Self::Double(values) => values.push(text()?.parse().ok()?),
            Self::Bytes(values) => {
                if ty != CellType::Bytes {
                    text()?;
                }
                values.push(ByteArray::from(cell.to_vec()));
            }
            Self::Fixed(values) => {
                let bytes = match ty {
                    CellType::Decimal { precision, scale } => {
                        text::decimal(text()?, precision, scale)?.to_be_bytes()
                    }
                    _ => text::uuid(text()?)?,
                };
                values.push(FixedLenByteArray::from(ByteArray::from(bytes.to_vec())));
            }
        }
        Some(())
    }

    /// Writes the values as a column chunk, and forgets them.
    fn write(&mut self, writer: &mut ColumnWriter<'_>, levels: &[i16]) -> Result<(), ParquetError> {
        macro_rules! write {
            ($($kind:ident => $column:ident),*) => {
                match (self, writer) {
                    $((Self::$kind(values), ColumnWriter::$column(it)) => {
                        it.write_batch(values, Some(levels), None)?;
                        values.clear();
                    })*
                    _ => return Err(ParquetError::General("another type".to_owned())),
                }
            };
        }
        write!(
            Bool => BoolColumnWriter,
            Int32 => Int32ColumnWriter,
            Int64 => Int64ColumnWriter,
            Float => FloatColumnWriter,
            Double => DoubleColumnWriter,
            Bytes => ByteArrayColumnWriter,
            Fixed => FixedLenByteArrayColumnWriter
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests;
