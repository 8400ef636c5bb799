use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::i256;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;

fn file(columns: Vec<(&str, ArrayRef)>, rows_per_group: usize) -> Bytes {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .expect("a batch");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows_per_group));
    let mut out = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut out, batch.schema(), Some(properties.build())).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a file");
    out.into()
}

/// The cells of one column, joined; `-` is NULL.
fn texts(array: ArrayRef) -> String {
    let cells = Cells::open(file(vec![("c", array)], 2), "f").expect("a file");
    let mut found = Vec::new();
    let mut each = |row: &[Cell<'_>]| {
        found.push(row[0].map_or("-".to_owned(), |it| String::from_utf8_lossy(it).into_owned()));
        ControlFlow::Continue(())
    };
    cells.read(&[0], &mut each).expect("rows");
    found.join(" ")
}

#[test]
fn every_type_is_written_as_servers_write_it() {
    let decimals = Decimal128Array::from(vec![Some(-5), None, Some(1250), Some(0)]);
    let decimals = decimals.with_precision_and_scale(20, 2).expect("decimals");
    let short = Decimal128Array::from(vec![-99_999_i128, 100]);
    let short = short.with_precision_and_scale(5, 2).expect("decimals");
    let long = i256::from_string(&"9".repeat(38)).expect("a number");
    let long = Decimal256Array::from(vec![Some(long), Some(long.wrapping_neg())]);
    let long = long.with_precision_and_scale(50, 0).expect("decimals");
    let nines = format!("{0} -{0}", "9".repeat(38));
    let cases: Vec<(ArrayRef, &str)> = vec![
        (Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])), "t - f"),
        (Arc::new(Int16Array::from(vec![Some(-7), None, Some(0)])), "-7 - 0"),
        (Arc::new(Int32Array::from(vec![i32::MIN, 12])), "-2147483648 12"),
        (Arc::new(Int64Array::from(vec![Some(i64::MIN), None])), "-9223372036854775808 -"),
        (Arc::new(UInt32Array::from(vec![u32::MAX])), "4294967295"),
        (Arc::new(UInt64Array::from(vec![u64::MAX])), "18446744073709551615"),
        (Arc::new(Float32Array::from(vec![0.1, -2.0])), "1.0000000149011612e-1 -2e0"),
        (Arc::new(Float64Array::from(vec![1.5, f64::NAN, f64::NEG_INFINITY])), "1.5e0 NaN -inf"),
        (Arc::new(StringArray::from(vec![Some("김"), None, Some("")])), "김 - "),
        (Arc::new(BinaryArray::from(vec![Some(&b"raw"[..]), None])), "raw -"),
        (Arc::new(Date32Array::from(vec![0, -1, 2_932_896])), "1970-01-01 1969-12-31 9999-12-31"),
        (Arc::new(Date32Array::from(vec![2_932_897, i32::MIN])), "2932897 -2147483648"),
        (Arc::new(Time64MicrosecondArray::from(vec![34_200_500_000])), "09:30:00.500000"),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None, Some(-1)])),
            "1970-01-01 00:00:00.000001 - 1969-12-31 23:59:59.999999",
        ),
        (Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX])), "9223372036854775807"),
        (
            Arc::new(TimestampMillisecondArray::from(vec![1_700_000_000_123])),
            "2023-11-14 22:13:20.123000",
        ),
        (Arc::new(TimestampNanosecondArray::from(vec![1_000, 1])), "1970-01-01 00:00:00.000001 1"),
        (Arc::new(decimals), "-0.05 - 12.50 0.00"),
        (Arc::new(short), "-999.99 1.00"),
        (Arc::new(long), &nines),
    ];
    for (array, expected) in cases {
        let name = format!("{:?}", array.data_type());
        assert_eq!(texts(array), expected, "{name}");
    }
}

/// Rows of several columns stay together over batches and row groups.
#[test]
fn cells_of_a_row_are_given_together() {
    let numbers: Vec<Option<i64>> = (0..5000).map(|n| (n % 7 != 0).then_some(n)).collect();
    let words: Vec<Option<String>> =
        (0..5000).map(|n| (n % 3 != 0).then(|| format!("w{n}"))).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Int64Array::from(numbers))),
        ("unread", Arc::new(StringArray::from(vec!["x"; 5000]))),
        ("w", Arc::new(StringArray::from(words))),
    ];
    let cells = Cells::open(file(columns, 1500), "f").expect("a file");
    assert_eq!((cells.rows(), cells.find("w"), cells.find("absent")), (5000, Some(2), None));
    let mut row = 0;
    let mut each = |found: &[Cell<'_>]| {
        let text = |at: usize| found[at].map(|it| String::from_utf8_lossy(it).into_owned());
        assert_eq!(text(0), (row % 3 != 0).then(|| format!("w{row}")), "{row}");
        assert_eq!(text(1), (row % 7 != 0).then(|| row.to_string()), "{row}");
        row += 1;
        ControlFlow::Continue(())
    };
    cells.read(&[2, 0], &mut each).expect("rows");
    assert_eq!(row, 5000);
    // Until the caller has enough.
    let mut some = 0;
    let mut few = |_: &[Cell<'_>]| {
        some += 1;
        if some == 1700 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    cells.read(&[2], &mut few).expect("rows");
    assert_eq!(some, 1700);
    assert!(cells.find_all(["w", "absent"].into_iter()).is_err());
    // Without columns, the rows are given.
    let mut rows = 0;
    cells
        .read(&[], &mut |_| {
            rows += 1;
            ControlFlow::Continue(())
        })
        .expect("rows");
    assert_eq!(rows, 5000);
}

#[test]
fn an_error_contains_no_cell() {
    let words: ArrayRef = Arc::new(StringArray::from(vec!["secret of a person"; 50]));
    let whole = file(vec![("w", words)], 100).to_vec();
    for at in 4..60 {
        let mut broken = whole.clone();
        broken[at] ^= 0xff;
        let Ok(cells) = Cells::open(Bytes::from(broken), "f") else { continue };
        if let Err(error) = cells.read(&[0], &mut |_| ControlFlow::Continue(())) {
            assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }
    assert!(Cells::open(Bytes::from_static(b"no file"), "f").is_err());
}
