//! Converts cells given as text into Arrow arrays of the types that an export writes.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use jiff::SignedDuration;
use jiff::civil::DateTime;

use crate::error::DatabaseError;
use crate::snapshot::Column;
use crate::types::ParquetType;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The array of one column. Each cell is text as the engine prints it, or `None` for NULL.
///
/// - Binary cells are the bytes of the text, or the bytes that `\x0aff` spells in hexadecimal.
/// - A timestamp has the form `2026-03-01 09:30:00[.ffffff]`. The zero timestamp of MySQL
///   (`0000-00-00 00:00:00`) becomes NULL: what the real export writes for it is not confirmed.
///
/// # Errors
/// [`DatabaseError::Value`] with column and row of the first invalid cell.
pub fn array<'a>(
    column: &Column,
    cells: impl Iterator<Item = Option<&'a str>>,
) -> Result<ArrayRef, DatabaseError> {
    let parquet_type = column.source_type.parquet_type();
    let cells = Cells { column, parquet_type, cells };
    Ok(match parquet_type {
        ParquetType::Boolean => Arc::new(BooleanArray::from(cells.parse(boolean)?)),
        ParquetType::Int16 => Arc::new(Int16Array::from(cells.parse(|text| text.parse().ok())?)),
        ParquetType::Int32 => Arc::new(Int32Array::from(cells.parse(|text| text.parse().ok())?)),
        ParquetType::Int64 => Arc::new(Int64Array::from(cells.parse(|text| text.parse().ok())?)),
        ParquetType::Float => Arc::new(Float32Array::from(cells.parse(|text| text.parse().ok())?)),
        ParquetType::Double => Arc::new(Float64Array::from(cells.parse(|text| text.parse().ok())?)),
        ParquetType::Decimal { precision, scale } => Arc::new(
            Decimal128Array::from(cells.parse(|text| decimal(text, precision, scale))?)
                .with_precision_and_scale(precision, scale)?,
        ),
        ParquetType::Text => Arc::new(cells.cells.collect::<StringArray>()),
        ParquetType::Bytes => Arc::new(BinaryArray::from_iter(cells.parse(bytes)?)),
        ParquetType::TimestampMicros => {
            let values = cells.parse(|text| {
                if is_zero_date(text) { Some(None) } else { micros(text).map(Some) }
            })?;
            let values: Vec<Option<i64>> = values.into_iter().map(Option::flatten).collect();
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        }
    })
}

struct Cells<'c, I> {
    column: &'c Column,
    parquet_type: ParquetType,
    cells: I,
}

impl<'a, I: Iterator<Item = Option<&'a str>>> Cells<'_, I> {
    fn parse<T>(self, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<Option<T>>, DatabaseError> {
        let value = |(row, cell): (usize, Option<&str>)| match cell {
            None => Ok(None),
            Some(text) => parse(text).map(Some).ok_or_else(|| DatabaseError::Value {
                column: self.column.name.clone(),
                row,
                expected: format!(
                    "{} ({})",
                    self.column.original_type,
                    self.parquet_type.manifest_type()
                ),
            }),
        };
        self.cells.enumerate().map(value).collect()
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "t" | "true" | "1" => Some(true),
        "f" | "false" | "0" => Some(false),
        _ => None,
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let Some(hex) = text.strip_prefix("\\x") else { return Some(text.as_bytes().to_vec()) };
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| digit.to_digit(16).map(|value| value as u8))
        .collect::<Option<_>>()?;
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// `-12.5` at scale 2 → `-1250`. Digits beyond the scale and exponents are refused.
pub(crate) fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = usize::try_from(scale).ok()?;
    if fraction.len() > scale || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value: i128 = 0;
    for digit in whole
        .chars()
        .chain(fraction.chars())
        .chain(std::iter::repeat_n('0', scale - fraction.len()))
    {
        value = value.checked_mul(10)?.checked_add(i128::from(digit.to_digit(10)?))?;
    }
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if negative { -value } else { value })
}

/// Whether this is a MySQL date whose year, month or day is zero.
pub(crate) fn is_zero_date(text: &str) -> bool {
    text.starts_with("0000-") || text.get(5..7) == Some("00") || text.get(8..10) == Some("00")
}

/// Microseconds since 1970 of a time between the years 1 and 9999.
pub(crate) fn micros(text: &str) -> Option<i64> {
    let civil: DateTime = text.trim().parse().ok()?;
    i64::try_from(civil.duration_since(EPOCH).as_micros()).ok()
}

/// The time this many microseconds after 1970-01-01.
pub(crate) fn time(micros: i64) -> Option<DateTime> {
    EPOCH.checked_add(SignedDuration::from_micros(micros)).ok()
}
