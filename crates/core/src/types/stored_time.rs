//! How Parquet stores a date with a time as a number.

use super::{Annotation, ParquetColumn, Physical};

/// What a column counts the time since 1970 in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// INT64 milliseconds.
    Millis,
    /// INT64 microseconds, as in BigQuery.
    Micros,
    /// INT64 nanoseconds.
    Nanos,
    /// INT96: a Julian day, and nanoseconds of the day.
    Int96,
}

/// A column of dates with a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredTime {
    /// The unit of the numbers.
    pub unit: TimeUnit,
    /// `isAdjustedToUTC=false`: the times of a clock without a zone. INT96 has no such mark. Spark, Hive
    /// and Impala write instants in it, so it counts as an instant unless the source type says
    /// otherwise.
    pub is_local: bool,
}

impl StoredTime {
    /// Whether a load job creates a TIMESTAMP from the column as it is: instants in milliseconds,
    /// microseconds and INT96 (Google's documentation, "Parquet conversions"). Nanoseconds are not in
    /// that table; users found them loaded as integers. Of local times, it does not speak.
    pub fn loads_as_timestamp(self) -> bool {
        !self.is_local && self.unit != TimeUnit::Nanos
    }
}

/// How a column stores a date with a time; `None` for any other column, and for times as text.
pub fn stored_time(column: &ParquetColumn) -> Option<StoredTime> {
    let (unit, is_local) = match (column.physical, column.annotation) {
        (Physical::Int96, _) => (TimeUnit::Int96, false),
        (Physical::Int64, Annotation::TimestampMillis) => (TimeUnit::Millis, false),
        (Physical::Int64, Annotation::TimestampMicros) => (TimeUnit::Micros, false),
        (Physical::Int64, Annotation::TimestampNanos) => (TimeUnit::Nanos, false),
        (Physical::Int64, Annotation::LocalTimestampMillis) => (TimeUnit::Millis, true),
        (Physical::Int64, Annotation::LocalTimestampMicros) => (TimeUnit::Micros, true),
        (Physical::Int64, Annotation::LocalTimestampNanos) => (TimeUnit::Nanos, true),
        _ => return None,
    };
    Some(StoredTime { unit, is_local })
}
