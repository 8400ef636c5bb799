//! Functions whose equivalent in the engine covers only a part of BigQuery's types: the engine's
//! `date_trunc` computes in nanoseconds, which end in 2262, and its `length` does not take bytes.
//!
//! Semantics: GoogleSQL reference, "Timestamp functions" and "String functions".

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, TimestampMicrosecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::SessionContext;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::{SignedDuration, ToSpan};

/// The name under which the truncation of timestamps is registered.
pub(super) const TRUNCATE: &str = "__truncate_micros";

/// Registers the functions of this module.
pub(super) fn register(context: &SessionContext) {
    context.register_udf(ScalarUDF::from(Truncate(Signature::any(2, Volatility::Immutable))));
    context.register_udf(ScalarUDF::from(Length(Signature::any(1, Volatility::Immutable))));
}

/// `TIMESTAMP_TRUNC` and `DATETIME_TRUNC`: the value and the part. A TIMESTAMP is truncated in UTC.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Truncate(Signature);

impl ScalarUDFImpl for Truncate {
    fn name(&self) -> &str {
        TRUNCATE
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.first() {
            Some(DataType::Timestamp(_, zone)) => {
                Ok(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
            }
            _ => plan_err!("only a TIMESTAMP or DATETIME can be truncated"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let to = args.return_type().clone();
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [values, parts] = arrays.as_slice() else { return exec_err!("two arguments") };
        let values = cast(values, &to)?;
        let values = values.as_primitive::<TimestampMicrosecondType>();
        let parts = cast(parts, &DataType::Utf8)?;
        let parts = parts.as_string::<i32>();
        let truncated = values.iter().zip(parts.iter()).map(|(value, part)| match (value, part) {
            (Some(value), Some(part)) => truncate(value, part).map(Some),
            _ => Ok(None),
        });
        let truncated: TimestampMicrosecondArray = truncated.collect::<Result<Vec<_>>>()?.into();
        let DataType::Timestamp(_, zone) = to else { return exec_err!("not a timestamp") };
        Ok(ColumnarValue::Array(Arc::new(truncated.with_timezone_opt(zone))))
    }
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// The parts of fixed length, in microseconds.
const FIXED_PARTS: [(&str, i64); 6] = [
    ("MICROSECOND", 1),
    ("MILLISECOND", 1_000),
    ("SECOND", 1_000_000),
    ("MINUTE", 60_000_000),
    ("HOUR", 3_600_000_000),
    ("DAY", 86_400_000_000),
];

/// The start of the part that contains the time, in microseconds since 1970.
fn truncate(micros: i64, part: &str) -> Result<i64> {
    let part = part.to_ascii_uppercase();
    if let Some((_, length)) = FIXED_PARTS.iter().find(|(name, _)| *name == part) {
        return Ok(micros.div_euclid(*length) * length);
    }
    let Ok(time) = EPOCH.checked_add(SignedDuration::from_micros(micros)) else {
        return exec_err!("a time is outside the years 1 to 9999");
    };
    let day = time.date();
    let start = match part.as_str() {
        "WEEK" | "WEEK(SUNDAY)" => week(day, Weekday::Sunday),
        "ISOWEEK" | "WEEK(MONDAY)" => week(day, Weekday::Monday),
        "MONTH" => Some(day.first_of_month()),
        "QUARTER" => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).ok(),
        "YEAR" => Some(day.first_of_year()),
        _ => {
            return plan_err!(
                "The local warehouse does not truncate times to {part}; BigQuery may"
            );
        }
    };
    let Some(start) = start else { return exec_err!("the start is before the year 1") };
    let Ok(days) = start.since(EPOCH.date()) else { return exec_err!("out of range") };
    Ok(i64::from(days.get_days()) * 86_400_000_000)
}

/// The last `start` at or before the day.
fn week(day: Date, start: Weekday) -> Option<Date> {
    let days = day.weekday().since(start);
    day.checked_sub(days.days()).ok()
}

/// `LENGTH`: characters of a STRING, bytes of a BYTES.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Length(Signature);

impl ScalarUDFImpl for Length {
    fn name(&self) -> &str {
        "length"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments.first() {
            Some(it) if it.is_string() || it.is_binary() || it.is_null() => Ok(DataType::Int64),
            _ => plan_err!("LENGTH takes a STRING or BYTES"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [values] = arrays.as_slice() else { return exec_err!("one argument") };
        Ok(ColumnarValue::Array(Arc::new(lengths(values)?)))
    }
}

fn lengths(values: &ArrayRef) -> Result<Int64Array> {
    let length = |it: usize| i64::try_from(it).unwrap_or(i64::MAX);
    if values.data_type().is_binary() {
        let values = cast(values, &DataType::LargeBinary)?;
        let values = values.as_binary::<i64>();
        return Ok(values.iter().map(|it| it.map(|it| length(it.len()))).collect());
    }
    let values = cast(values, &DataType::LargeUtf8)?;
    let values = values.as_string::<i64>();
    Ok(values.iter().map(|it| it.map(|it| length(it.chars().count()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_truncated_over_bigquerys_whole_range() {
        let micros = |text: &str| {
            let time: DateTime = text.parse().expect("a time");
            time.duration_since(EPOCH).as_micros() as i64
        };
        for (time, part, start) in [
            ("9999-12-31T23:59:59.999999", "DAY", "9999-12-31T00:00:00"),
            ("9999-12-31T23:59:59.999999", "YEAR", "9999-01-01T00:00:00"),
            ("0001-01-01T00:00:00.000001", "SECOND", "0001-01-01T00:00:00"),
            ("1600-02-29T12:30:45.5", "QUARTER", "1600-01-01T00:00:00"),
            ("1969-12-31T23:59:59.5", "hour", "1969-12-31T23:00:00"),
            // 2026-11-27 is a Friday.
            ("2026-11-27T08:00:00", "WEEK", "2026-11-22T00:00:00"),
            ("2026-11-27T08:00:00", "ISOWEEK", "2026-11-23T00:00:00"),
            ("2026-11-22T00:00:00", "WEEK", "2026-11-22T00:00:00"),
            ("2026-11-27T08:00:00", "MONTH", "2026-11-01T00:00:00"),
        ] {
            assert_eq!(truncate(micros(time), part).expect(part), micros(start), "{time} {part}");
        }
        assert!(truncate(0, "DECADE").is_err());
    }
}
