//! Columns of dates with a time, in every form that Parquet has for them: what they land as, from the
//! footer through the plan to the values of the output.

use arrow::array::{
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use landbridge_core::contract::ColumnContract;
use landbridge_core::plan::SourceColumn;
use landbridge_core::plan::columns::plan_column;
use landbridge_core::rewrite::Misfit;
use landbridge_core::types::{Annotation, BigQueryType, TimeRules};
use parquet::basic::{ConvertedType, Repetition, Type as PhysicalType};
use parquet::data_type::{DataType, Int64Type, Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::renamed::footer;
use super::*;

/// 2026-03-29 02:30:00.5, which Paris skips in this year.
const MILLIS: i64 = 1_774_751_400_500;
const NANOS_PER_DAY: i64 = 86_400_000_000_000;

/// A file with one column `at`: the time above and NULL.
fn stored(form: &str) -> Bytes {
    let array: ArrayRef = match form {
        "micros" => Arc::new(TimestampMicrosecondArray::from(vec![Some(MILLIS * 1000), None])),
        "millis" => Arc::new(TimestampMillisecondArray::from(vec![Some(MILLIS), None])),
        "nanos" => Arc::new(TimestampNanosecondArray::from(vec![Some(MILLIS * 1_000_000), None])),
        "micros in UTC" => {
            let array = TimestampMicrosecondArray::from(vec![Some(MILLIS * 1000), None]);
            Arc::new(array.with_timezone("UTC"))
        }
        "millis in UTC" => {
            let array = TimestampMillisecondArray::from(vec![Some(MILLIS), None]);
            Arc::new(array.with_timezone("UTC"))
        }
        "nanos in UTC" => {
            let array = TimestampNanosecondArray::from(vec![Some(MILLIS * 1_000_000), None]);
            Arc::new(array.with_timezone("UTC"))
        }
        "INT96" => return int96(&[Some(MILLIS * 1_000_000), None]),
        _ => unreachable!("{form}"),
    };
    file(&[("at", array)], WriterProperties::default())
}

/// A file with one column `at` of INT96: nanoseconds of the day, and the Julian day.
fn int96(nanos: &[Option<i64>]) -> Bytes {
    let days = |nanos: i64| {
        let (day, rest) = (nanos.div_euclid(NANOS_PER_DAY), nanos.rem_euclid(NANOS_PER_DAY));
        let mut value = Int96::new();
        value.set_data(rest as u32, (rest >> 32) as u32, (day + 2_440_588) as u32);
        value
    };
    int96_of(&nanos.iter().map(|nanos| nanos.map(days)).collect::<Vec<_>>())
}

fn int96_of(values: &[Option<Int96>]) -> Bytes {
    let column = Type::primitive_type_builder("at", PhysicalType::INT96)
        .with_repetition(Repetition::OPTIONAL)
        .build();
    written_by::<Int96Type>(column.expect("a column"), values)
}

/// A file with one OPTIONAL column, for types that Arrow's writer does not write.
fn written_by<T: DataType>(column: Type, values: &[Option<T::T>]) -> Bytes {
    let root = Type::group_type_builder("schema").with_fields(vec![Arc::new(column)]).build();
    let mut out = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut out, Arc::new(root.expect("a schema")), Arc::default())
            .expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    let mut chunk = group.next_column().expect("a column").expect("one column");
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = values.iter().flatten().cloned().collect();
    let typed = chunk.typed::<T>();
    typed.write_batch(&present, Some(&levels), None).expect("written");
    chunk.close().expect("closed");
    group.close().expect("closed");
    writer.close().expect("closed");
    out.into()
}

/// What becomes of the file's column: its BigQuery type, its annotation in the output and its first
/// value.
fn landed(file: &Bytes, source: &str, ty: Option<BigQueryType>, zone: Option<&str>) -> String {
    let parquet = footer(file).columns().remove(0);
    let named = ty.map(|ty| ColumnContract::new(source, ty, "none"));
    let rules = TimeRules { zone: zone.map(str::to_owned), ..TimeRules::default() };
    let planned = match plan_column(&SourceColumn::new(parquet, source), named.as_ref(), &rules) {
        Ok(planned) => planned,
        Err(why) => return format!("refused: {why}"),
    };
    let (out, report) = rewritten(file, plan([("at", planned.action)]));
    assert_eq!(report.columns[0].nulls, Some(1));
    let annotation = footer(&out).columns()[0].annotation;
    let ty = planned.column_type.expect("a column");
    let value = shown(&rows(&out), "at").remove(0);
    let value = if annotation == Annotation::None { format!("{value}, INT96") } else { value };
    format!("{ty} {annotation:?} {value}")
}

/// The rule of the units: what is not in microseconds is converted, except where BigQuery's table of
/// Parquet conversions has the form itself.
#[test]
fn a_time_without_a_zone_is_a_datetime_in_every_unit() {
    let datetime = "DATETIME LocalTimestampMicros 2026-03-29T02:30:00.500";
    let instant = "TIMESTAMP TimestampMicros 2026-03-29T02:30:00.500Z";
    let paris = "TIMESTAMP TimestampMicros 2026-03-29T01:30:00.500Z";
    let millis = "TIMESTAMP TimestampMillis 2026-03-29T02:30:00.500Z";
    let int96 = "TIMESTAMP None 2026-03-29T02:30:00.500, INT96";
    for (form, source, by_default, as_timestamp, as_datetime, in_paris) in [
        // Without a source type, the file decides.
        ("micros", "", datetime, instant, datetime, paris),
        ("millis", "", datetime, instant, datetime, paris),
        ("nanos", "", datetime, instant, datetime, paris),
        ("micros in UTC", "", instant, instant, instant, instant),
        ("millis in UTC", "", millis, millis, millis, millis),
        ("nanos in UTC", "", instant, instant, instant, instant),
        // INT96 cannot say whether it is local: Spark, Hive and Impala write instants.
        ("INT96", "", int96, int96, int96, int96),
        // With one, the source decides: exports of RDS mark MySQL's DATETIME as UTC.
        ("micros", "datetime", datetime, instant, datetime, paris),
        ("millis", "datetime", datetime, instant, datetime, paris),
        ("nanos", "datetime(6)", datetime, instant, datetime, paris),
        ("micros in UTC", "datetime", datetime, instant, datetime, paris),
        ("millis in UTC", "datetime", datetime, millis, datetime, paris),
        ("nanos in UTC", "datetime", datetime, instant, datetime, paris),
        ("INT96", "datetime", datetime, int96, datetime, paris),
        ("millis", "timestamp without time zone", datetime, instant, datetime, paris),
        ("INT96", "timestamp(6) without time zone", datetime, int96, datetime, paris),
        ("micros", "timestamp", instant, instant, instant, instant),
        ("millis", "timestamp", instant, instant, instant, instant),
        ("nanos", "timestamp", instant, instant, instant, instant),
        ("INT96", "timestamp", int96, int96, int96, int96),
        ("millis", "timestamp with time zone", instant, instant, instant, instant),
    ] {
        let file = stored(form);
        use BigQueryType::{DateTime, Timestamp};
        let results = [
            landed(&file, source, None, None),
            landed(&file, source, Some(Timestamp), None),
            landed(&file, source, Some(DateTime), None),
            landed(&file, source, None, Some("Europe/Paris")),
        ];
        let expected = [by_default, as_timestamp, as_datetime, in_paris];
        assert_eq!(results, expected, "{form} of `{source}`: default, TIMESTAMP, DATETIME, Paris");
    }
}

/// The units have other limits than BigQuery's years and microseconds.
#[test]
fn a_time_that_microseconds_cannot_hold_is_a_misfit() {
    let millis = |values: &[i64]| -> Bytes {
        let array = TimestampMillisecondArray::from(values.to_vec());
        file(&[("at", Arc::new(array))], WriterProperties::default())
    };
    let first = -62_135_596_800_000;
    let last = 253_402_300_799_999;
    let nanos =
        TimestampNanosecondArray::from(vec![1_500, -1_500, -1_000, i64::MIN, i64::MAX - 807]);
    let far = |day: i32| {
        let mut value = Int96::new();
        value.set_data(0, 0, day as u32);
        Some(value)
    };
    let cases = [
        (
            millis(&[first, first - 1, last, last + 1, i64::MIN, i64::MIN + 1, i64::MAX]),
            vec!["0001-01-01T00:00:00", "∅", "9999-12-31T23:59:59.999", "∅", "∅", "∅", "∅"],
            vec![(Misfit::YearBefore1, 3), (Misfit::YearBeyond9999, 2)],
        ),
        (
            file(&[("at", Arc::new(nanos))], WriterProperties::default()),
            vec!["∅", "∅", "1969-12-31T23:59:59.999999", "∅", "2262-04-11T23:47:16.854775"],
            vec![(Misfit::TooManyFractionDigits, 3)],
        ),
        (
            int96(&[Some(-1), Some(-1_000), Some(0)]),
            vec!["∅", "1969-12-31T23:59:59.999999", "1970-01-01T00:00:00"],
            vec![(Misfit::TooManyFractionDigits, 1)],
        ),
        (
            int96_of(&[far(1_721_426), far(1_721_425), far(5_373_484), far(5_373_485), far(-1)]),
            vec!["0001-01-01T00:00:00", "∅", "9999-12-31T00:00:00", "∅", "∅"],
            vec![(Misfit::YearBefore1, 2), (Misfit::YearBeyond9999, 1)],
        ),
    ];
    for (source, expected, misfits) in cases {
        let (out, report) = rewritten(&source, plan([("at", retype(TargetType::Datetime))]));
        assert_eq!(shown(&rows(&out), "at"), expected);
        let counted: Vec<_> =
            report.columns[0].misfits.iter().map(|(why, count)| (*why, *count)).collect();
        assert_eq!(counted, misfits);
    }
}

#[test]
fn changes_of_the_clock_are_counted_in_every_unit() {
    for form in ["millis", "nanos", "INT96"] {
        let to = TargetType::TimestampIn("Europe/Paris".to_owned());
        let (_, report) = rewritten(&stored(form), plan([("at", retype(to))]));
        assert_eq!((report.columns[0].skipped_times, report.columns[0].values), (1, Some(1)));
    }
}

/// Writers before parquet-format 2.6 have converted types only, which mean UTC.
#[test]
fn a_converted_type_has_its_unit() {
    for (converted, number) in [
        (ConvertedType::TIMESTAMP_MILLIS, MILLIS),
        (ConvertedType::TIMESTAMP_MICROS, MILLIS * 1000),
    ] {
        let column = Type::primitive_type_builder("at", PhysicalType::INT64)
            .with_repetition(Repetition::OPTIONAL)
            .with_converted_type(converted);
        let file =
            written_by::<Int64Type>(column.build().expect("a column"), &[Some(number), None]);
        let paris = landed(&file, "datetime", None, Some("Europe/Paris"));
        assert_eq!(paris, "TIMESTAMP TimestampMicros 2026-03-29T01:30:00.500Z", "{converted}");
        let datetime = landed(&file, "datetime", None, None);
        assert_eq!(
            datetime, "DATETIME LocalTimestampMicros 2026-03-29T02:30:00.500",
            "{converted}"
        );
    }
}

/// A number that counts no time is not taken for one, and a time becomes nothing but a time.
#[test]
fn only_columns_of_times_become_times() {
    let refused = |source: &Bytes, name: &str, to: TargetType| {
        let mut out = Vec::new();
        let result = rewriter(plan([(name, retype(to))])).rewrite(source, "test", &mut out, None);
        let error = result.expect_err("refused");
        assert_eq!(error.kind(), landbridge_core::ErrorKind::Held);
        assert!(error.to_string().contains(name), "{error}");
    };
    let numbers = file(&[("n", numbers(0..3))], WriterProperties::default());
    for to in [TargetType::Datetime, TargetType::Timestamp] {
        refused(&numbers, "n", to.clone());
        refused(&stored("millis"), "at", TargetType::List(Box::new(to)));
    }
    for form in ["millis", "INT96"] {
        refused(&stored(form), "at", TargetType::Date);
        refused(&stored(form), "at", TargetType::Int64);
    }
}
