//! Reads the rows of a file as text: numbers in digits, dates and times in ISO form, in UTC, as a database server writes
//! them.
//!
//! It is the reader of `landbridge verify --against export` and `landbridge recover`. It decodes with the `parquet` crate and shares no code with
//! [`rewrite`](crate::rewrite), so a value that is rewritten wrongly differs from what is read here.

use std::io::Write as _;
use std::ops::ControlFlow;

use jiff::civil::{Date, date};
use landbridge_core::{Error, ErrorKind, Result};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

/// A cell as text, of columns without text its bytes; `None` for NULL.
pub type Cell<'a> = Option<&'a [u8]>;

/// Rows that are in memory at a time.
const BATCH: usize = 1024;
const DAY_MICROS: i64 = 86_400_000_000;

/// A file whose rows are read.
pub struct Cells<R: ChunkReader> {
    reader: SerializedFileReader<R>,
    name: String,
}

/// How values become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Digits; bytes as they are.
    Plain,
    Unsigned,
    Date,
    /// A time of day.
    Time(Unit),
    /// A date with a time.
    Instant(Unit),
    Decimal {
        /// Digits after the point.
        scale: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Millis,
    Micros,
    Nanos,
}

/// The cells of one column for a batch of rows.
#[derive(Default)]
struct Batch {
    text: Vec<u8>,
    /// For each row where its cell ends in `text`; `None` for NULL.
    ends: Vec<Option<usize>>,
}

impl<R: ChunkReader + 'static> Cells<R> {
    /// Reads the footer. `name` is the file's, for error messages.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if it is no Parquet file.
    pub fn open(file: R, name: &str) -> Result<Self> {
        let reader =
            SerializedFileReader::new(file).map_err(|error| failed(name, "the footer", &error))?;
        Ok(Self { reader, name: name.to_owned() })
    }

    /// Rows by the footer.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.reader.metadata().file_metadata().num_rows()).unwrap_or_default()
    }

    /// The number of a column that is not nested.
    pub fn find(&self, column: &str) -> Option<usize> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let is_it = |it: &ColumnDescriptor| {
            it.path().parts() == [column] && it.max_rep_level() == 0 && it.max_def_level() <= 1
        };
        schema.columns().iter().position(|it| is_it(it))
    }

    /// The numbers of these columns.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the file lacks one.
    pub fn find_all<'a>(&self, columns: impl Iterator<Item = &'a str>) -> Result<Vec<usize>> {
        let lacks = |column: &str| {
            let what = "a file of the export lacks a column";
            Error::new(ErrorKind::Corrupt, what, format!("{}, {column}", self.name))
        };
        columns.map(|column| self.find(column).ok_or_else(|| lacks(column))).collect()
    }

    /// Gives the cells of some columns, by their numbers, of each row in order, until `each` breaks. A thousand rows are in memory at a time,
    /// and a page per column.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if a column cannot be decoded. No error contains a cell.
    pub fn read(
        &self,
        columns: &[usize],
        each: &mut dyn FnMut(&[Cell<'_>]) -> ControlFlow<()>,
    ) -> Result<()> {
        for number in 0..self.reader.num_row_groups() {
            let group = self
                .reader
                .get_row_group(number)
                .map_err(|error| failed(&self.name, "a row group", &error))?;
            let rows = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
            let mut readers = Vec::new();
            for &at in columns {
                let descriptor = group.metadata().schema_descr().column(at);
                let reader = group
                    .get_column_reader(at)
                    .map_err(|error| failed(&self.name, descriptor.name(), &error))?;
                readers.push((reader, form(&descriptor), descriptor));
            }
            let mut read = 0;
            while read < rows {
                let wanted = BATCH.min(rows - read);
                let batches = readers
                    .iter_mut()
                    .map(|(reader, form, descriptor)| {
                        batch(reader, *form, descriptor.max_def_level(), wanted)
                            .map_err(|error| failed(&self.name, descriptor.name(), &error))
                    })
                    .collect::<Result<Vec<_>>>()?;
                if give(&batches, wanted, each).is_break() {
                    return Ok(());
                }
                read += wanted;
            }
        }
        Ok(())
    }
}

/// What the `parquet` crate says can contain bytes of a value, so only its kind is named.
fn failed(file: &str, part: &str, error: &ParquetError) -> Error {
    let kind = match error {
        ParquetError::EOF(_) => "it ends too early",
        ParquetError::NYI(_) => "its encoding or codec is not known",
        _ => "it is not valid",
    };
    Error::new(
        ErrorKind::Corrupt,
        "a Parquet file cannot be read",
        format!("{file}, {part}: {kind}"),
    )
}

/// Gives the rows of a batch.
fn give(
    batches: &[Batch],
    rows: usize,
    each: &mut dyn FnMut(&[Cell<'_>]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut starts = vec![0; batches.len()];
    let mut cells: Vec<Cell<'_>> = Vec::with_capacity(batches.len());
    for row in 0..rows {
        cells.clear();
        for (batch, start) in batches.iter().zip(&mut starts) {
            cells.push(batch.ends[row].map(|end| &batch.text[std::mem::replace(start, end)..end]));
        }
        each(&cells)?;
    }
    ControlFlow::Continue(())
}

fn form(column: &ColumnDescriptor) -> Form {
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::MILLIS => Unit::Millis,
        TimeUnit::MICROS => Unit::Micros,
        TimeUnit::NANOS => Unit::Nanos,
    };
    match column.logical_type_ref() {
        Some(LogicalType::Date) => return Form::Date,
        Some(LogicalType::Time(it)) => return Form::Time(unit(&it.unit)),
        Some(LogicalType::Timestamp(it)) => return Form::Instant(unit(&it.unit)),
        Some(LogicalType::Integer(it)) if !it.is_signed => return Form::Unsigned,
        _ => {}
    }
    match column.converted_type() {
        ConvertedType::DATE => Form::Date,
        ConvertedType::TIME_MILLIS => Form::Time(Unit::Millis),
        ConvertedType::TIME_MICROS => Form::Time(Unit::Micros),
        ConvertedType::TIMESTAMP_MILLIS => Form::Instant(Unit::Millis),
        ConvertedType::TIMESTAMP_MICROS => Form::Instant(Unit::Micros),
        ConvertedType::UINT_8
        | ConvertedType::UINT_16
        | ConvertedType::UINT_32
        | ConvertedType::UINT_64 => Form::Unsigned,
        ConvertedType::DECIMAL => {
            Form::Decimal { scale: usize::try_from(column.type_scale()).unwrap_or_default() }
        }
        _ => Form::Plain,
    }
}

/// Reads a batch of `rows` rows of a column.
fn batch(
    reader: &mut ColumnReader,
    form: Form,
    levels: i16,
    rows: usize,
) -> Result<Batch, ParquetError> {
    match reader {
        ColumnReader::BoolColumnReader(it) => fill(it, levels, rows, |value, out| {
            out.push(if *value { b't' } else { b'f' });
        }),
        ColumnReader::Int32ColumnReader(it) => fill(it, levels, rows, |value, out| {
            let value = match form {
                Form::Unsigned => i64::from(value.cast_unsigned()),
                _ => i64::from(*value),
            };
            whole(value, form, out);
        }),
        ColumnReader::Int64ColumnReader(it) => fill(it, levels, rows, |value, out| match form {
            Form::Unsigned => digits(value.cast_unsigned(), out),
            _ => whole(*value, form, out),
        }),
        ColumnReader::Int96ColumnReader(_) => Err(ParquetError::NYI("times of 96 bits".to_owned())),
        // A number of 32 bits is the nearest to the text of the same number in 64 bits.
        ColumnReader::FloatColumnReader(it) => fill(it, levels, rows, |value, out| {
            digits(format_args!("{:e}", f64::from(*value)), out)
        }),
        ColumnReader::DoubleColumnReader(it) => {
            fill(it, levels, rows, |value, out| digits(format_args!("{value:e}"), out))
        }
        ColumnReader::ByteArrayColumnReader(it) => {
            fill(it, levels, rows, |value, out| bytes(value.data(), form, out))
        }
        ColumnReader::FixedLenByteArrayColumnReader(it) => {
            fill(it, levels, rows, |value, out| bytes(value.data(), form, out))
        }
    }
}

fn fill<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    max_level: i16,
    rows: usize,
    write: impl Fn(&T::T, &mut Vec<u8>),
) -> Result<Batch, ParquetError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (records, ..) =
            reader.read_records(rows - read, Some(&mut levels), None, &mut values)?;
        if records == 0 {
            return Err(ParquetError::EOF("fewer rows than the footer says".to_owned()));
        }
        read += records;
    }
    let mut values = values.iter();
    let mut batch = Batch::default();
    for row in 0..rows {
        let is_null = max_level > 0 && levels.get(row).is_none_or(|level| *level < max_level);
        let value = if is_null { None } else { values.next() };
        batch.ends.push(value.map(|value| {
            write(value, &mut batch.text);
            batch.text.len()
        }));
    }
    Ok(batch)
}

/// Writing into memory cannot fail.
fn digits(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    let _ = write!(out, "{value}");
}

/// The text of a whole number. A date or time that no calendar has is written as this number, which is no date.
fn whole(value: i64, form: Form, out: &mut Vec<u8>) {
    let found = match form {
        Form::Plain | Form::Unsigned => None,
        Form::Date => calendar_day(value).map(|day| digits(day, out)),
        Form::Time(unit) => micros(value, unit)
            .filter(|micros| (0..DAY_MICROS).contains(micros))
            .map(|micros| clock(micros, out)),
        Form::Instant(unit) => micros(value, unit).and_then(|micros| {
            let day = calendar_day(micros.div_euclid(DAY_MICROS))?;
            digits(format_args!("{day} "), out);
            clock(micros.rem_euclid(DAY_MICROS), out);
            Some(())
        }),
        Form::Decimal { scale } => {
            decimal(&value.to_be_bytes(), scale, out);
            Some(())
        }
    };
    if found.is_none() {
        digits(value, out);
    }
}

fn calendar_day(days: i64) -> Option<Date> {
    let days = jiff::Span::new().try_days(days).ok()?;
    date(1970, 1, 1).checked_add(days).ok().filter(|day| day.year() > 0)
}

/// `None` if it is no whole number of microseconds, or too many.
fn micros(value: i64, unit: Unit) -> Option<i64> {
    match unit {
        Unit::Millis => value.checked_mul(1000),
        Unit::Micros => Some(value),
        Unit::Nanos => (value % 1000 == 0).then_some(value / 1000),
    }
}

fn clock(micros: i64, out: &mut Vec<u8>) {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    digits(format_args!("{hours:02}:{minutes:02}:{seconds:02}.{fraction:06}"), out);
}

fn bytes(value: &[u8], form: Form, out: &mut Vec<u8>) {
    match form {
        Form::Decimal { scale } => decimal(value, scale, out),
        _ => out.extend_from_slice(value),
    }
}

/// The text of a decimal from its two's complement, the highest byte first (Parquet format, "DECIMAL").
fn decimal(value: &[u8], scale: usize, out: &mut Vec<u8>) {
    let is_negative = value.first().is_some_and(|byte| *byte >= 0x80);
    let mut rest: Vec<u8> =
        value.iter().map(|byte| if is_negative { !*byte } else { *byte }).collect();
    if is_negative {
        for byte in rest.iter_mut().rev() {
            let (sum, carries) = byte.overflowing_add(1);
            *byte = sum;
            if !carries {
                break;
            }
        }
    }
    // Division by ten, digit by digit from the last one.
    let (mut text, mut count) = (Vec::new(), 0);
    while count <= scale || rest.iter().any(|byte| *byte > 0) {
        let mut remainder = 0_u16;
        for byte in &mut rest {
            let part = remainder * 256 + u16::from(*byte);
            *byte = (part / 10) as u8;
            remainder = part % 10;
        }
        text.push(b'0' + remainder as u8);
        count += 1;
        if count == scale {
            text.push(b'.');
        }
    }
    if is_negative {
        out.push(b'-');
    }
    out.extend(text.iter().rev());
}

#[cfg(test)]
mod tests;
