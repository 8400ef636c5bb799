//! Every target type, with one row per rule.

use landbridge_core::rewrite::{Decimal, JsonElement, Misfit, TargetType};
use parquet::basic::{LogicalType, Type};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;

/// The result for a text: a value as Arrow displays it, or the reason for NULL.
type Case<'a> = (&'a str, Result<&'a str, Misfit>);

fn check(to: TargetType, cases: &[Case<'_>]) {
    let list = to.element().is_some();
    let mut values: Vec<_> = cases.iter().map(|(text, _)| Some(*text)).collect();
    values.push(None);
    let source = file(
        &[("x", texts(&values)), ("n", numbers(0..values.len() as i64))],
        WriterProperties::default(),
    );
    let (out, report) = rewritten(&source, plan([("x", retype(to.clone()))]));
    let null = if list { "[]" } else { "∅" };
    let expected: Vec<_> =
        cases.iter().map(|(_, value)| value.unwrap_or(null)).chain([null]).collect();
    let batch = rows(&out);
    assert_eq!(shown(&batch, "x"), expected, "{to:?}");
    assert_eq!(shown(&batch, "n"), shown(&rows(&source), "n"), "the other column");
    let column = &report.columns[0];
    for misfit in Misfit::ALL {
        let count = cases.iter().filter(|(_, value)| *value == Err(misfit)).count() as u64;
        assert_eq!(column.misfits.get(&misfit).copied().unwrap_or(0), count, "{to:?}: {misfit}");
    }
    let misfits: u64 = column.misfits.values().sum();
    assert_eq!(column.nulls, Some(if list { 0 } else { misfits + 1 }));
    assert_eq!(column.values, Some(cases.len() as u64));
}

#[test]
fn date() {
    check(
        TargetType::Date,
        &[
            ("2026-11-22", Ok("2026-11-22")),
            ("0001-01-01", Ok("0001-01-01")),
            ("9999-12-31", Ok("9999-12-31")),
            ("infinity", Err(Misfit::Infinite)),
            ("0000-00-00", Err(Misfit::ZeroDate)),
            ("2024-00-10", Err(Misfit::ZeroDate)),
            ("2023-02-29", Err(Misfit::NoSuchDate)),
            ("0044-03-15 BC", Err(Misfit::YearBefore1)),
            ("10000-01-01", Err(Misfit::YearBeyond9999)),
            ("soon", Err(Misfit::Malformed)),
            ("", Err(Misfit::Malformed)),
        ],
    );
}

#[test]
fn timestamp() {
    check(
        TargetType::Timestamp,
        &[
            ("2026-11-22 10:20:30", Ok("2026-11-22T10:20:30Z")),
            ("2026-11-22 10:20:30.123456+00", Ok("2026-11-22T10:20:30.123456Z")),
            ("2026-11-22 00:00:00+09", Ok("2026-11-21T15:00:00Z")),
            ("2026-11-22 10:20:30.5+05:30", Ok("2026-11-22T04:50:30.500Z")),
            ("-infinity", Err(Misfit::Infinite)),
            ("0044-03-15 00:00:00 BC", Err(Misfit::YearBefore1)),
            ("294276-12-31 23:59:59", Err(Misfit::YearBeyond9999)),
            ("2026-11-22", Err(Misfit::Malformed)),
        ],
    );
}

#[test]
fn datetime() {
    check(
        TargetType::Datetime,
        &[
            ("2026-11-22 10:20:30", Ok("2026-11-22T10:20:30")),
            ("9999-12-31 23:59:59.999999", Ok("9999-12-31T23:59:59.999999")),
            ("2026-11-22 10:20:30+00", Err(Misfit::TimeWithZone)),
            ("infinity", Err(Misfit::Infinite)),
            ("2026-11-22", Err(Misfit::Malformed)),
        ],
    );
}

#[test]
fn timestamp_in() {
    check(
        TargetType::TimestampIn("Europe/Paris".to_owned()),
        &[
            ("2026-11-22 10:20:30", Ok("2026-11-22T09:20:30Z")),
            ("2026-07-22 10:20:30.5", Ok("2026-07-22T08:20:30.500Z")),
            ("2026-11-22 10:20:30+09", Ok("2026-11-22T01:20:30Z")),
            ("2026-03-29 02:30:00", Ok("2026-03-29T01:30:00Z")),
            ("0001-01-01 00:00:00", Err(Misfit::YearBefore1)),
            ("infinity", Err(Misfit::Infinite)),
        ],
    );
    check(
        TargetType::List(Box::new(TargetType::TimestampIn("Asia/Seoul".to_owned()))),
        &[
            (
                r#"{"2026-11-22 09:00:00","2026-11-22 09:00:00+00"}"#,
                Ok("[2026-11-22T00:00:00Z, 2026-11-22T09:00:00Z]"),
            ),
            ("{}", Ok("[]")),
        ],
    );
}

/// MySQL's DATETIME: with and without a dictionary, in UTC and without a zone by the annotation.
#[test]
fn microseconds_are_local_times_and_changes_of_the_clock_are_counted() {
    // 09:00, twice the skipped 02:30 and three times the repeated 02:30 of Paris in 2026.
    let (nine, skipped, repeated) =
        (1_782_896_400_000_000, 1_774_751_400_000_000, 1_792_895_400_000_000);
    let mut values: Vec<Option<i64>> = [None, Some(nine)].into();
    values.extend([Some(skipped); 2]);
    values.extend([Some(repeated); 3]);
    let values: Vec<_> = values.iter().cycle().take(values.len() * 50).copied().collect();
    let array = arrow::array::TimestampMicrosecondArray::from(values);
    let arrays: [ArrayRef; 2] =
        [Arc::new(array.clone().with_timezone("UTC")), Arc::new(array.clone())];
    for (array, dictionary) in arrays.iter().flat_map(|it| [(it, true), (it, false)]) {
        let properties = WriterProperties::builder().set_dictionary_enabled(dictionary).build();
        let source = file(&[("at", array.clone())], properties);
        let to = TargetType::TimestampIn("Europe/Paris".to_owned());
        let (out, report) = rewritten(&source, plan([("at", retype(to))]));
        let shown = shown(&rows(&out), "at");
        let first = [
            "∅",
            "2026-07-01T07:00:00Z",
            "2026-03-29T01:30:00Z",
            "2026-03-29T01:30:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T00:30:00Z",
        ];
        assert_eq!(shown[..7], first, "dictionary: {dictionary}");
        let column = &report.columns[0];
        assert_eq!((column.skipped_times, column.repeated_times), (100, 150));
        assert_eq!((column.nulls, column.values), (Some(50), Some(300)));
    }
}

#[test]
fn time() {
    check(
        TargetType::Time,
        &[
            ("00:00:00", Ok("00:00:00")),
            ("23:59:59.999999", Ok("23:59:59.999999")),
            ("24:00:00", Err(Misfit::BeyondOneDay)),
            ("838:59:59", Err(Misfit::BeyondOneDay)),
            ("-01:00:00", Err(Misfit::Negative)),
            ("12:00:00+09", Err(Misfit::TimeWithZone)),
            ("12h", Err(Misfit::Malformed)),
        ],
    );
}

#[test]
fn decimals_of_every_width() {
    for (precision, physical) in [(12, Type::INT64), (30, Type::FIXED_LEN_BYTE_ARRAY)] {
        check(
            TargetType::Numeric(Decimal { precision, scale: 2 }),
            &[
                ("0", Ok("0.00")),
                ("-1234567.8", Ok("-1234567.80")),
                ("9999999999.99", Ok("9999999999.99")),
                ("0.001", Err(Misfit::TooManyFractionDigits)),
                ("99999999999999999999999999999", Err(Misfit::OutOfRange)),
                ("NaN", Err(Misfit::NotANumber)),
                ("Infinity", Err(Misfit::Infinite)),
                ("$5.00", Err(Misfit::Malformed)),
            ],
        );
        let source = file(&[("x", texts(&[Some("1")]))], WriterProperties::default());
        let to = TargetType::Numeric(Decimal { precision, scale: 2 });
        let (out, _) = rewritten(&source, plan([("x", retype(to))]));
        let reader = SerializedFileReader::new(out).expect("a file");
        let column = reader.metadata().file_metadata().schema_descr().column(0);
        assert_eq!(column.physical_type(), physical);
        assert_eq!(column.logical_type_ref(), Some(&LogicalType::decimal(2, precision.into())));
    }
    check(
        TargetType::Bignumeric(Decimal { precision: 76, scale: 38 }),
        &[
            (
                "-0.00000000000000000000000000000000000001",
                Ok("-0.00000000000000000000000000000000000001"),
            ),
            (
                "99999999999999999999999999999999999999.99999999999999999999999999999999999999",
                Ok("99999999999999999999999999999999999999.99999999999999999999999999999999999999"),
            ),
            ("100000000000000000000000000000000000000", Err(Misfit::OutOfRange)),
            ("0.000000000000000000000000000000000000001", Err(Misfit::TooManyFractionDigits)),
        ],
    );
}

#[test]
fn numbers_and_booleans() {
    check(
        TargetType::Int64,
        &[
            ("-9223372036854775808", Ok("-9223372036854775808")),
            ("9223372036854775808", Err(Misfit::OutOfRange)),
            ("1.5", Err(Misfit::Malformed)),
        ],
    );
    check(
        TargetType::Float64,
        &[
            ("1.5e3", Ok("1500.0")),
            ("NaN", Ok("NaN")),
            ("-Infinity", Ok("-inf")),
            ("1e999", Err(Misfit::OutOfRange)),
            ("one", Err(Misfit::Malformed)),
        ],
    );
    check(
        TargetType::Bool,
        &[("t", Ok("true")), ("f", Ok("false")), ("maybe", Err(Misfit::Malformed))],
    );
    check(
        TargetType::Bytes,
        &[
            ("0101", Ok("05")),
            ("1111111100000001", Ok("ff01")),
            ("", Ok("")),
            ("2", Err(Misfit::Malformed)),
        ],
    );
}

#[test]
fn lists() {
    let list = |of| TargetType::List(Box::new(of));
    check(
        list(TargetType::Int64),
        &[
            ("{}", Ok("[]")),
            ("{1,-2,3}", Ok("[1, -2, 3]")),
            ("[0:1]={7,8}", Ok("[7, 8]")),
            ("{NULL}", Err(Misfit::NullElement)),
            ("{{1}}", Err(Misfit::NestedArray)),
            ("{1.5}", Err(Misfit::Malformed)),
            ("1", Err(Misfit::Malformed)),
        ],
    );
    check(
        list(TargetType::Text),
        &[(r#"{a,"b c","d\"e",""}"#, Ok(r#"[a, b c, d"e, ]"#)), (r#"{"NULL"}"#, Ok("[NULL]"))],
    );
    check(
        list(TargetType::Date),
        &[("{2026-11-22}", Ok("[2026-11-22]")), ("{2026-11-22,infinity}", Err(Misfit::Infinite))],
    );
    check(
        list(TargetType::Numeric(Decimal { precision: 5, scale: 1 })),
        &[("{1.5,2}", Ok("[1.5, 2.0]")), ("{1.25}", Err(Misfit::TooManyFractionDigits))],
    );
    check(list(TargetType::Bool), &[("{t,f}", Ok("[true, false]"))]);
}

#[test]
fn nulls_of_arrays_are_left_out_and_counted() {
    let without_nulls = TargetType::ListWithoutNulls(Box::new(TargetType::Int64));
    check(
        without_nulls.clone(),
        &[
            ("{1,NULL,-2,null}", Ok("[1, -2]")),
            ("{NULL}", Ok("[]")),
            ("{NULL,x}", Err(Misfit::Malformed)),
            ("{{NULL}}", Err(Misfit::NestedArray)),
        ],
    );
    let source = file(
        &[("x", texts(&[Some("{1,NULL,-2,null}"), Some("{NULL,x}"), None]))],
        WriterProperties::default(),
    );
    let (_, report) = rewritten(&source, plan([("x", retype(without_nulls))]));
    // The NULL of an array that does not fit is not counted: nothing of it is in the output.
    assert_eq!(report.columns[0].dropped_nulls, 2);
    assert_eq!(report.columns[0].stats().dropped_nulls, 2);
}

#[test]
fn arrays_as_json() {
    check(
        TargetType::ArrayJson(JsonElement::Number),
        &[
            ("{}", Ok("[]")),
            ("{1,NULL}", Ok("[1,null]")),
            ("[0:0][0:1]={{1,2}}", Ok("[[1,2]]")),
            ("{1", Err(Misfit::Malformed)),
        ],
    );
    check(
        TargetType::ArrayJson(JsonElement::Text),
        &[(r#"{{a,"b \"c"},{NULL,""}}"#, Ok(r#"[["a","b \"c"],[null,""]]"#))],
    );
}

/// A list is a bare repeated leaf, which BigQuery reads as REPEATED without an option.
#[test]
fn a_list_is_a_repeated_leaf() {
    let source = file(&[("x", texts(&[Some("{1}")]))], WriterProperties::default());
    let (out, _) =
        rewritten(&source, plan([("x", retype(TargetType::List(Box::new(TargetType::Int64))))]));
    let reader = SerializedFileReader::new(out).expect("a file");
    let column = reader.metadata().file_metadata().schema_descr().column(0);
    assert_eq!((column.max_def_level(), column.max_rep_level()), (1, 1));
    assert_eq!(column.path().string(), "x");
}

#[test]
fn the_report_has_bounds_except_for_text() {
    let dates = [Some("2026-01-02"), None, Some("2025-03-04"), Some("infinity")];
    let amounts = [Some("1.5"), Some("-20"), None, None];
    let names = [Some("Ada"), Some("Zoe"), None, None];
    let source = file(
        &[
            ("day", texts(&dates)),
            ("amount", texts(&amounts)),
            ("name", texts(&names)),
            ("n", numbers(3..7)),
        ],
        WriterProperties::default(),
    );
    let numeric = TargetType::Numeric(Decimal { precision: 10, scale: 2 });
    let (_, report) =
        rewritten(&source, plan([("day", retype(TargetType::Date)), ("amount", retype(numeric))]));
    let bounds: Vec<_> = report
        .columns
        .iter()
        .map(|it| {
            (
                it.name.as_str(),
                it.nulls,
                it.min.map(|it| it.to_string()),
                it.max.map(|it| it.to_string()),
            )
        })
        .collect();
    let both = |min: &str, max: &str| (Some(min.to_owned()), Some(max.to_owned()));
    let expected = [
        ("day", 2, both("2025-03-04", "2026-01-02")),
        ("amount", 2, both("-20.00", "1.50")),
        ("name", 2, (None, None)),
        ("n", 0, both("3", "6")),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(name, nulls, (min, max))| (name, Some(nulls), min, max))
        .collect();
    assert_eq!(bounds, expected);
}
