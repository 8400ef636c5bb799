//! A cell of an export.

use jiff::Span;
use jiff::civil::{Date, DateTime, Time};
use parquet::data_type::Decimal;
use parquet::record::Field;

/// A cell, as the export has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// NULL.
    Null,
    /// A Boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number of 64 bits.
    Double(f64),
    /// A number of 32 bits.
    Single(f32),
    /// A decimal.
    Decimal(&'a Decimal),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Microseconds since 1970-01-01, in UTC or without a zone.
    Micros(i64),
    /// A form that no export of RDS has.
    Unknown,
}

impl<'a> Cell<'a> {
    /// The cell of a field. `unit` is how many of its whole numbers are a second, if they are times.
    pub(super) fn of(field: &'a Field, unit: Option<i64>) -> Self {
        match field {
            // The reader knows only the older annotation of times.
            Field::Long(value) if unit.is_some() => Self::time(*value, unit.unwrap_or(1)),
            Field::Null => Self::Null,
            Field::Bool(value) => Self::Bool(*value),
            Field::Byte(value) => Self::Int(i64::from(*value)),
            Field::Short(value) => Self::Int(i64::from(*value)),
            Field::Int(value) => Self::Int(i64::from(*value)),
            Field::Long(value) => Self::Int(*value),
            Field::UByte(value) => Self::Int(i64::from(*value)),
            Field::UShort(value) => Self::Int(i64::from(*value)),
            Field::UInt(value) => Self::Int(i64::from(*value)),
            Field::Double(value) => Self::Double(*value),
            Field::Float(value) => Self::Single(*value),
            Field::Decimal(value) => Self::Decimal(value),
            Field::Str(value) => Self::Text(value),
            Field::Bytes(value) => Self::Bytes(value.data()),
            Field::TimestampMillis(value) => Self::time(*value, 1_000),
            Field::TimestampMicros(value) => Self::Micros(*value),
            _ => Self::Unknown,
        }
    }

    /// A time. Nanoseconds that are no whole microseconds have no exact form in any of the databases.
    fn time(value: i64, unit: i64) -> Self {
        let micros = i128::from(value) * 1_000_000;
        let unit = i128::from(unit);
        match i64::try_from(micros / unit) {
            Ok(exact) if micros % unit == 0 => Self::Micros(exact),
            _ => Self::Unknown,
        }
    }
}

/// The digits of a decimal: `-12.50`. `None` if it has more than 38 digits, which no export has.
pub(super) fn decimal_text(decimal: &Decimal) -> Option<String> {
    let bytes = decimal.data();
    if bytes.is_empty() || bytes.len() > 16 {
        return None;
    }
    // Two's complement, the highest byte first.
    let mut all = [if bytes[0] & 0x80 == 0 { 0 } else { 0xff }; 16];
    all[16 - bytes.len()..].copy_from_slice(bytes);
    let number = i128::from_be_bytes(all);
    let scale = usize::try_from(decimal.scale()).ok()?;
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if number < 0 { "-" } else { "" };
    Some(match fraction {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    })
}

const DAY_MICROS: i64 = 86_400_000_000;
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// `2026-11-21 05:00:00.125000`. `None` outside the years -9999 to 9999.
pub(super) fn time_text(micros: i64) -> Option<String> {
    let days = micros.div_euclid(DAY_MICROS);
    let date = EPOCH.checked_add(Span::new().try_days(days).ok()?).ok()?;
    let of_day = micros.rem_euclid(DAY_MICROS);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(format!("{date} {hour:02}:{minute:02}:{second:02}.{fraction:06}"))
}

/// The microseconds since 1970-01-01 of a date with a time, without an offset.
pub(super) fn micros_of(time: DateTime) -> Option<i64> {
    let days = i64::from(EPOCH.until(time.date()).ok()?.get_days());
    let of_day = Time::midnight().until(time.time()).ok()?.total(jiff::Unit::Microsecond).ok()?;
    #[allow(clippy::cast_possible_truncation)] // below 86,400,000,000
    Some(days * DAY_MICROS + of_day.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_their_scale_and_sign() {
        let text = |bytes: &[u8], scale| {
            decimal_text(&Decimal::from_bytes(bytes.to_vec().into(), 20, scale))
        };
        assert_eq!(text(&[0x04, 0xe2], 2).as_deref(), Some("12.50"));
        assert_eq!(text(&[0xff], 2).as_deref(), Some("-0.01"));
        assert_eq!(
            text(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], 0).as_deref(),
            Some("-2")
        );
        assert_eq!(
            text(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 0).as_deref(),
            Some("18446744073709551615")
        );
        assert_eq!(text(&[0; 17], 0), None);
        assert_eq!(decimal_text(&Decimal::from_i32(-5, 9, 3)).as_deref(), Some("-0.005"));
        assert_eq!(
            decimal_text(&Decimal::from_i64(i64::MIN, 18, 0)).as_deref(),
            Some("-9223372036854775808")
        );
    }

    #[test]
    fn times_before_1970_have_their_fraction() {
        assert_eq!(time_text(-1).as_deref(), Some("1969-12-31 23:59:59.999999"));
        assert_eq!(time_text(0).as_deref(), Some("1970-01-01 00:00:00.000000"));
        assert_eq!(
            time_text(253_402_300_799_999_999).as_deref(),
            Some("9999-12-31 23:59:59.999999")
        );
        for text in
            ["0001-01-01T00:00:00", "1969-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"]
        {
            let micros = micros_of(text.parse().unwrap()).unwrap();
            assert!(time_text(micros).unwrap().starts_with(&text.replace('T', " ")), "{text}");
        }
    }
}
