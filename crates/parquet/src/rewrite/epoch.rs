//! Columns that count the time since 1970, in any unit.

use landbridge_core::rewrite::Misfit;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as PhysicalType};
use parquet::schema::types::Type;

/// The unit in which a column counts the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Millis,
    Micros,
    /// Also INT96, which is read as one number of nanoseconds.
    Nanos,
}

impl Unit {
    /// The unit of a column; `None` if it does not count time.
    pub(super) fn of(field: &Type) -> Option<Self> {
        let info = field.get_basic_info();
        match field.get_physical_type() {
            PhysicalType::INT96 => return Some(Self::Nanos),
            PhysicalType::INT64 => {}
            _ => return None,
        }
        match (info.logical_type_ref(), info.converted_type()) {
            (Some(LogicalType::Timestamp(it)), _) => Some(match it.unit {
                TimeUnit::MILLIS => Self::Millis,
                TimeUnit::MICROS => Self::Micros,
                TimeUnit::NANOS => Self::Nanos,
            }),
            (None, ConvertedType::TIMESTAMP_MILLIS) => Some(Self::Millis),
            (None, ConvertedType::TIMESTAMP_MICROS) => Some(Self::Micros),
            _ => None,
        }
    }

    /// The microseconds of a number of this unit, given by its digits. A fraction of a microsecond
    /// that is not 0 does not fit, as in text.
    pub(super) fn micros(self, digits: &[u8]) -> Result<i64, Misfit> {
        let count = std::str::from_utf8(digits).ok().and_then(|it| it.parse::<i128>().ok());
        let count = count.ok_or(Misfit::Malformed)?;
        let micros = match self {
            Self::Millis => count * 1000,
            Self::Micros => count,
            Self::Nanos if count % 1000 != 0 => return Err(Misfit::TooManyFractionDigits),
            Self::Nanos => count / 1000,
        };
        let far = if count < 0 { Misfit::YearBefore1 } else { Misfit::YearBeyond9999 };
        i64::try_from(micros).map_err(|_| far)
    }
}
