//! How converted columns are stored: dictionaries, pages, statistics.

use landbridge_core::rewrite::{Decimal, Misfit};
use parquet::basic::Encoding;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader};

use super::*;

/// More rows than one page has.
const ROWS: usize = 300_000;

fn chunk(file: &Bytes, column: usize) -> ColumnChunkMetaData {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(file).expect("a footer");
    metadata.row_group(0).column(column).clone()
}

/// `with` is repeated; the source stores it with a dictionary.
fn repeating(with: &[Option<&str>]) -> Bytes {
    let values: Vec<_> = with.iter().copied().cycle().take(ROWS).collect();
    file(&[("it", texts(&values))], WriterProperties::default())
}

#[test]
fn repeated_values_get_a_dictionary() {
    let source =
        repeating(&[Some("2024-03-01"), None, Some("infinity"), Some("0001-01-01"), Some("x")]);
    let (out, report) = rewritten(&source, plan([("it", retype(TargetType::Date))]));
    let chunk = chunk(&out, 0);
    assert!(chunk.dictionary_page_offset().is_some());
    assert!(chunk.encodings().any(|it| it == Encoding::RLE_DICTIONARY));
    assert!(chunk.compressed_size() < 4096, "{} bytes", chunk.compressed_size());
    let shown = shown(&rows(&out), "it");
    assert_eq!(&shown[ROWS - 5..], ["2024-03-01", "∅", "∅", "0001-01-01", "∅"]);
    assert_eq!(shown.iter().filter(|it| *it == "∅").count(), ROWS / 5 * 3);
    let column = &report.columns[0];
    assert_eq!(column.nulls, Some(ROWS as u64 / 5 * 3));
    assert_eq!(column.misfits[&Misfit::Infinite], ROWS as u64 / 5);
    assert_eq!(column.misfits[&Misfit::Malformed], ROWS as u64 / 5);
    let bounds = (column.min.map(|it| it.to_string()), column.max.map(|it| it.to_string()));
    assert_eq!(bounds, (Some("0001-01-01".to_owned()), Some("2024-03-01".to_owned())));
}

/// Booleans, which never get a dictionary; and a dictionary in which no value fits.
#[test]
fn repeated_values_without_a_dictionary() {
    for (values, expected) in [
        ([Some("t"), None, Some("f")], ["true", "∅", "false"]),
        ([Some("x"), None, None], ["∅"; 3]),
    ] {
        let (out, _) = rewritten(&repeating(&values), plan([("it", retype(TargetType::Bool))]));
        assert!(chunk(&out, 0).dictionary_page_offset().is_none());
        let shown = shown(&rows(&out), "it");
        assert!(shown.chunks(3).all(|row| row == expected), "{values:?}");
    }
    let (out, _) = rewritten(&repeating(&[Some("x")]), plan([("it", retype(TargetType::Int64))]));
    assert!(chunk(&out, 0).dictionary_page_offset().is_none());
    assert_eq!(rows(&out).column(0).null_count(), ROWS);
}

#[test]
fn repeated_tokens_are_computed_once() {
    let source = repeating(&[Some("a"), None, Some("b"), Some("")]);
    let action = Action::Tokenise { domain: "d".to_owned() };
    let (out, report) = rewritten(&source, plan([("it", action)]));
    let token = |value: &str| key().token("d", value.as_bytes());
    let shown = shown(&rows(&out), "it");
    assert_eq!(shown[..4], [token("a"), "∅".to_owned(), token("b"), token("")]);
    assert_eq!(shown[..4], shown[ROWS - 4..]);
    // Text has no bounds, but a number of NULLs.
    assert!(report.columns[0].min.is_none());
    let chunk = chunk(&out, 0);
    let statistics = chunk.statistics().expect("statistics");
    assert!(statistics.min_bytes_opt().is_none() && statistics.max_bytes_opt().is_none());
    assert_eq!(statistics.null_count_opt(), Some(ROWS as u64 / 4));
}

#[test]
fn statistics_match_the_values() {
    let numeric = |precision, scale| TargetType::Numeric(Decimal { precision, scale });
    let long = |units: i128| Some(units.to_be_bytes().to_vec());
    let eight = |units: i64| Some(units.to_le_bytes().to_vec());
    for (target, values, min, max) in [
        (TargetType::Int64, ["3", "-7", "x"], eight(-7), eight(3)),
        (numeric(12, 2), ["1.5", "-0.01", "NaN"], eight(-1), eight(150)),
        (numeric(38, 9), ["1.5", "-0.000000001", "2"], long(-1), long(2_000_000_000)),
        (
            TargetType::Float64,
            ["NaN", "-1.5", "0"],
            Some((-1.5_f64).to_le_bytes().to_vec()),
            Some(0.0_f64.to_le_bytes().to_vec()),
        ),
        (TargetType::Bool, ["t", "x", "t"], Some(vec![1]), Some(vec![1])),
        (TargetType::Int64, ["x", "y", "z"], None, None),
    ] {
        for dictionary in [true, false] {
            let values: Vec<_> = values.iter().cycle().take(300).map(|it| Some(*it)).collect();
            let properties = WriterProperties::builder().set_dictionary_enabled(dictionary).build();
            let source = file(&[("it", texts(&values))], properties);
            let (out, _) = rewritten(&source, plan([("it", retype(target.clone()))]));
            let chunk = chunk(&out, 0);
            let statistics = chunk.statistics().expect("statistics");
            let bytes = |it: Option<&[u8]>| it.map(<[u8]>::to_vec);
            assert_eq!(bytes(statistics.min_bytes_opt()), min, "{target:?}");
            assert_eq!(bytes(statistics.max_bytes_opt()), max, "{target:?}");
        }
    }
}

/// A page ends at the end of a row, however many elements the row has; a misfit leaves no element.
#[test]
fn lists_over_many_pages() {
    let long = format!("{{{}}}", vec!["123456789"; 50_000].join(","));
    let broken = format!("{}x}}", &long[..long.len() - 1]);
    let values: Vec<_> = [Some(long.as_str()), None, Some("{}"), Some(&broken)]
        .into_iter()
        .cycle()
        .take(40)
        .collect();
    let source = file(&[("it", texts(&values))], WriterProperties::default());
    let list = TargetType::List(Box::new(TargetType::Int64));
    let (out, report) = rewritten(&source, plan([("it", retype(list))]));
    assert_eq!(report.columns[0].misfits[&Misfit::Malformed], 10);
    let batch = rows(&out);
    let lists = batch.column(0).as_any().downcast_ref::<arrow::array::ListArray>();
    let lists = lists.expect("a list");
    let lengths: Vec<_> = (0..4).map(|row| lists.value_length(row)).collect();
    assert_eq!(lengths, [50_000, 0, 0, 0]);
    assert_eq!(lists.values().len(), 500_000);
}
