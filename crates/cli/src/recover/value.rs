//! How the cells of a column are written: by the reader of exports ([`Cells`](landbridge_parquet::cells::Cells)).

use jiff::civil::{Date, DateTime, Time};
use landbridge_core::types::{Annotation, ParquetColumn, Physical};

/// What the text of a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `t` or `f`.
    Bool,
    /// Digits with a sign, and a point if it is a decimal.
    Digits,
    /// A number with an exponent; `NaN`, `inf`.
    Float,
    /// `2026-11-21 05:00:00.125000`; other digits if no calendar has the time.
    Time,
    /// Text, which is UTF-8 unless the file is wrong.
    Text,
    /// Bytes.
    Bytes,
}

impl Form {
    /// The form of a column's cells.
    pub(super) fn of(column: &ParquetColumn) -> Self {
        match (column.physical, column.annotation) {
            (Physical::Boolean, _) => Self::Bool,
            (Physical::Float | Physical::Double, _) => Self::Float,
            (Physical::Int32 | Physical::Int64, annotation) => match annotation {
                Annotation::Date | Annotation::TimeMicros => Self::Time,
                Annotation::TimestampMillis
                | Annotation::TimestampMicros
                | Annotation::TimestampNanos
                | Annotation::LocalTimestampMillis
                | Annotation::LocalTimestampMicros
                | Annotation::LocalTimestampNanos => Self::Time,
                _ => Self::Digits,
            },
            (_, Annotation::Decimal { .. }) => Self::Digits,
            (_, Annotation::String | Annotation::Enum | Annotation::Json) => Self::Text,
            _ => Self::Bytes,
        }
    }
}

/// The text of a cell of this form; `None` if it is none, for example a time that no calendar has.
pub(super) fn text(form: Form, cell: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(cell).ok()?;
    match form {
        // A number of microseconds has neither.
        Form::Time if !text.contains([':', '-']) || text.starts_with('-') => None,
        _ => Some(text),
    }
}

const DAY_MICROS: i64 = 86_400_000_000;
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

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
    fn a_time_is_a_text_only_if_a_calendar_has_it() {
        assert!(text(Form::Time, b"1969-12-31 23:59:59.999999").is_some());
        for number in ["253402300800000000", "-99999999999999999"] {
            assert_eq!(text(Form::Time, number.as_bytes()), None, "{number}");
        }
        assert_eq!(text(Form::Text, &[0xff]), None);
    }

    #[test]
    fn microseconds_of_all_years_of_a_calendar() {
        for (time, micros) in [
            ("1970-01-01T00:00:00", 0),
            ("1969-12-31T23:59:59.999999", -1),
            ("9999-12-31T23:59:59.999999", 253_402_300_799_999_999),
        ] {
            assert_eq!(micros_of(time.parse().unwrap()), Some(micros), "{time}");
        }
    }
}
