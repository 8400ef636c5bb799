//! How the stored values of a leaf column become canonical texts.

use landbridge_core::proof::{sql, text};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::schema::types::ColumnDescriptor;

/// The largest decimal that is stored in fixed bytes, for BIGNUMERIC.
const MAX_DECIMAL_BYTES: usize = 32;
pub(super) const MICROS_OF_MILLI: i64 = 1000;

/// What the stored bytes of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// Text or bytes.
    Bytes,
    Boolean,
    Int32,
    Unsigned32,
    Int64,
    /// Milliseconds, which land as microseconds.
    Millis,
    Float,
    Double,
    Decimal32 {
        scale: u8,
    },
    Decimal64 {
        scale: u8,
    },
    DecimalBytes {
        scale: u8,
    },
}

/// What the values mean, as far as masks differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Text,
    Bytes,
    Date,
    Instant,
    Time,
    Other,
}

/// A leaf column of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Leaf {
    pub(super) stored: Stored,
    pub(super) meaning: Meaning,
    /// The bytes of a value in PLAIN; `None` if each has a length prefix.
    pub(super) width: Option<usize>,
    /// Whether the column is an array.
    pub(super) list: bool,
    /// The digits after the point of the exact sum of its numbers, if it has one.
    pub(super) total: Option<u8>,
}

impl Leaf {
    /// `None` if the values have no canonical text.
    pub(super) fn of(column: &ColumnDescriptor) -> Option<Self> {
        let list = match (column.max_rep_level(), column.max_def_level()) {
            (0, 0 | 1) => false,
            (1, 1) => true,
            _ => return None,
        };
        let logical = column.logical_type_ref();
        let converted = column.converted_type();
        let is_decimal =
            matches!(logical, Some(LogicalType::Decimal(_))) || converted == ConvertedType::DECIMAL;
        // -1 for types that are no decimals.
        let scale = u8::try_from(column.type_scale()).unwrap_or(0);
        let (stored, meaning) = match column.physical_type() {
            Type::BOOLEAN => (Stored::Boolean, Meaning::Other),
            Type::FLOAT => (Stored::Float, Meaning::Other),
            Type::DOUBLE => (Stored::Double, Meaning::Other),
            Type::INT32 if is_decimal => (Stored::Decimal32 { scale }, Meaning::Other),
            Type::INT64 if is_decimal => (Stored::Decimal64 { scale }, Meaning::Other),
            Type::INT32 => int32(logical, converted)?,
            Type::INT64 => int64(logical, converted)?,
            Type::FIXED_LEN_BYTE_ARRAY if is_decimal => {
                let length = usize::try_from(column.type_length()).ok()?;
                (1..=MAX_DECIMAL_BYTES).contains(&length).then_some(())?;
                (Stored::DecimalBytes { scale }, Meaning::Other)
            }
            Type::BYTE_ARRAY if !is_decimal => (Stored::Bytes, bytes_or_text(logical, converted)),
            Type::FIXED_LEN_BYTE_ARRAY => (Stored::Bytes, Meaning::Bytes),
            // A BYTE_ARRAY decimal, whose number can have several forms, and INT96.
            Type::BYTE_ARRAY | Type::INT96 => return None,
        };
        let width = match column.physical_type() {
            Type::BOOLEAN => Some(1),
            Type::INT32 | Type::FLOAT => Some(4),
            Type::INT64 | Type::DOUBLE => Some(8),
            Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(column.type_length()).ok(),
            _ => None,
        };
        let total = total(stored, meaning, column).filter(|_| !list);
        Some(Self { stored, meaning, width, list, total })
    }

    /// Appends the canonical text of a value.
    #[inline]
    pub(super) fn text(&self, raw: &[u8], out: &mut Vec<u8>) {
        match self.stored {
            Stored::Bytes => out.extend_from_slice(raw),
            Stored::Boolean => {
                out.extend_from_slice(text::boolean(raw.first().is_some_and(|it| *it != 0)));
            }
            Stored::Float => {
                text::double(f32::from_le_bytes(fixed(raw)).into(), out);
            }
            Stored::Double => text::double(f64::from_le_bytes(fixed(raw)), out),
            Stored::Decimal32 { scale }
            | Stored::Decimal64 { scale }
            | Stored::DecimalBytes { scale }
                if raw.len() <= 16 =>
            {
                text::short_decimal(self.units(raw), scale.into(), out);
            }
            Stored::Decimal32 { scale }
            | Stored::Decimal64 { scale }
            | Stored::DecimalBytes { scale } => text::decimal(raw, scale.into(), out),
            Stored::Int32 | Stored::Unsigned32 | Stored::Int64 | Stored::Millis => {
                text::integer(self.integer(raw), out);
            }
        }
    }

    /// The value of a whole number, a date or a time. 0 for other types.
    #[inline]
    pub(super) fn integer(&self, raw: &[u8]) -> i64 {
        match self.stored {
            Stored::Int32 => i32::from_le_bytes(fixed(raw)).into(),
            Stored::Unsigned32 => u32::from_le_bytes(fixed(raw)).into(),
            Stored::Int64 => i64::from_le_bytes(fixed(raw)),
            Stored::Millis => i64::from_le_bytes(fixed(raw)).saturating_mul(MICROS_OF_MILLI),
            _ => 0,
        }
    }

    /// The number in units of its last digit, for the exact sum.
    #[inline]
    pub(super) fn units(&self, raw: &[u8]) -> i128 {
        match self.stored {
            Stored::Decimal32 { .. } => i32::from_le_bytes(fixed(raw)).into(),
            Stored::Decimal64 { .. } => i64::from_le_bytes(fixed(raw)).into(),
            Stored::DecimalBytes { .. } => wide(raw),
            _ => self.integer(raw).into(),
        }
    }
}

/// The digits after the point, for numbers whose sum fits.
fn total(stored: Stored, meaning: Meaning, column: &ColumnDescriptor) -> Option<u8> {
    match stored {
        Stored::Int32 | Stored::Unsigned32 | Stored::Int64 if meaning == Meaning::Other => Some(0),
        Stored::Decimal32 { scale }
        | Stored::Decimal64 { scale }
        | Stored::DecimalBytes { scale } => {
            let precision = u32::try_from(column.type_precision()).ok()?;
            // The units of a wider number do not fit 128 bits.
            let fits = precision <= 38 && sql::sum_fits(precision.checked_sub(scale.into())?);
            fits.then_some(scale)
        }
        _ => None,
    }
}

fn int32(logical: Option<&LogicalType>, converted: ConvertedType) -> Option<(Stored, Meaning)> {
    match (logical, converted) {
        (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => {
            Some((Stored::Int32, Meaning::Date))
        }
        (Some(LogicalType::Integer(it)), _) if !it.is_signed => {
            Some((Stored::Unsigned32, Meaning::Other))
        }
        (Some(LogicalType::Integer(_)), _)
        | (
            None,
            ConvertedType::NONE
            | ConvertedType::INT_8
            | ConvertedType::INT_16
            | ConvertedType::INT_32,
        ) => Some((Stored::Int32, Meaning::Other)),
        (None, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32) => {
            Some((Stored::Unsigned32, Meaning::Other))
        }
        _ => None,
    }
}

fn int64(logical: Option<&LogicalType>, converted: ConvertedType) -> Option<(Stored, Meaning)> {
    match (logical, converted) {
        (Some(LogicalType::Timestamp(it)), _) => match it.unit {
            TimeUnit::MICROS => Some((Stored::Int64, Meaning::Instant)),
            TimeUnit::MILLIS => Some((Stored::Millis, Meaning::Instant)),
            TimeUnit::NANOS => None,
        },
        (None, ConvertedType::TIMESTAMP_MICROS) => Some((Stored::Int64, Meaning::Instant)),
        (None, ConvertedType::TIMESTAMP_MILLIS) => Some((Stored::Millis, Meaning::Instant)),
        (Some(LogicalType::Time(it)), _) => {
            (it.unit == TimeUnit::MICROS).then_some((Stored::Int64, Meaning::Time))
        }
        (None, ConvertedType::TIME_MICROS) => Some((Stored::Int64, Meaning::Time)),
        (Some(LogicalType::Integer(it)), _) => {
            it.is_signed.then_some((Stored::Int64, Meaning::Other))
        }
        (None, ConvertedType::NONE | ConvertedType::INT_64) => {
            Some((Stored::Int64, Meaning::Other))
        }
        _ => None,
    }
}

fn bytes_or_text(logical: Option<&LogicalType>, converted: ConvertedType) -> Meaning {
    match (logical, converted) {
        (Some(LogicalType::String | LogicalType::Json), _)
        | (None, ConvertedType::UTF8 | ConvertedType::JSON) => Meaning::Text,
        _ => Meaning::Bytes,
    }
}

/// The bytes of a number. Callers pass values of the leaf's width.
#[inline]
fn fixed<const N: usize>(raw: &[u8]) -> [u8; N] {
    raw.first_chunk().copied().unwrap_or([0; N])
}

/// A big-endian two's complement number, cut to 128 bits.
#[inline]
fn wide(raw: &[u8]) -> i128 {
    let negative = raw.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut word = [if negative { 0xff } else { 0 }; 16];
    let length = raw.len().min(16);
    word[16 - length..].copy_from_slice(&raw[raw.len() - length..]);
    i128::from_be_bytes(word)
}

/// The next value in PLAIN.
#[inline]
pub(super) fn next_value<'a>(plain: &mut &'a [u8], width: Option<usize>) -> Option<&'a [u8]> {
    let width = match width {
        Some(width) => width,
        None => {
            let (length, rest) = plain.split_first_chunk::<4>()?;
            *plain = rest;
            u32::from_le_bytes(*length) as usize
        }
    };
    let (value, rest) = plain.split_at_checked(width)?;
    *plain = rest;
    Some(value)
}
