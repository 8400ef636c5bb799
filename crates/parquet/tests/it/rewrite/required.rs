//! REQUIRED columns become OPTIONAL: the load job of a table whose columns are NULLABLE refuses
//! others.

use std::process::Command;

use arrow::array::{BooleanArray, FixedSizeBinaryArray};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, RowSelection, RowSelector};
use parquet::basic::{Compression as Codec, GzipLevel, Repetition, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::properties::WriterVersion;
use serde_json::Value;

use super::kept::metadata;
use super::readers::{python, read, script};
use super::*;

fn relaxing() -> RewritePlan {
    RewritePlan { relax_required: true, ..plan([]) }
}

/// A file whose columns are all REQUIRED.
fn required_file(columns: &[(&str, ArrayRef)], properties: WriterProperties) -> Bytes {
    let columns = columns.iter().map(|(name, array)| (*name, array.clone(), false));
    file_of(columns, properties)
}

fn mixed(rows: i64) -> Vec<(&'static str, ArrayRef)> {
    let names: Vec<String> = (0..rows).map(|n| format!("name {n}")).collect();
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size(
        (0..rows).map(|n| Some(n.to_be_bytes())),
        8,
    );
    vec![
        ("id", numbers(0..rows)),
        ("name", Arc::new(StringArray::from(names))),
        ("open", Arc::new(BooleanArray::from_iter((0..rows).map(|n| Some(n % 3 == 0))))),
        ("fixed", Arc::new(fixed.expect("8 bytes each"))),
    ]
}

/// The repetition of every top-level column.
fn repetitions(file: &Bytes) -> Vec<(String, Repetition)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("a Parquet file");
    let fields = reader.parquet_schema().root_schema().get_fields();
    let of = |field: &parquet::schema::types::TypePtr| {
        (field.name().to_owned(), field.get_basic_info().repetition())
    };
    fields.iter().map(of).collect()
}

#[test]
fn required_columns_become_optional_with_the_same_values() {
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for codec in [Codec::UNCOMPRESSED, Codec::SNAPPY, Codec::GZIP(GzipLevel::default())] {
            let properties = WriterProperties::builder()
                .set_writer_version(version)
                .set_compression(codec)
                .set_max_row_group_row_count(Some(700))
                .set_data_page_row_count_limit(100)
                .set_write_batch_size(50)
                .build();
            let source = required_file(&mixed(2000), properties);
            let (out, report) = rewritten(&source, relaxing());
            let all = repetitions(&out);
            assert!(all.iter().all(|(_, it)| *it == Repetition::OPTIONAL), "{all:?}");
            for name in ["id", "name", "open", "fixed"] {
                assert_eq!(shown(&rows(&out), name), shown(&rows(&source), name), "{name}");
            }
            assert_eq!((report.rows, report.row_groups), (2000, 3));
            assert!(report.columns.iter().all(|column| column.nulls == Some(0)), "{report:?}");
            assert_eq!(rewritten(&source, relaxing()).0, out, "the same bytes each time");
            let again = rewritten(&out, relaxing()).0;
            assert_eq!(again, out, "nothing is left to relax");
        }
    }
}

#[test]
fn only_a_plan_that_asks_for_it_relaxes_columns() {
    let source = required_file(&mixed(100), WriterProperties::default());
    assert_eq!(rewritten(&source, plan([])).0, source);
    let dropped = plan([("fixed", Action::Drop)]);
    assert!(
        repetitions(&rewritten(&source, dropped).0)
            .iter()
            .all(|(_, it)| { *it == Repetition::REQUIRED })
    );
}

#[test]
fn an_annotated_required_column_becomes_optional() {
    let bytes = arrow::array::BinaryArray::from_iter_values([b"GOLD", b"IRON"]);
    let source = required_file(&[("grade", Arc::new(bytes))], WriterProperties::default());
    let annotate = Action::Annotate(landbridge_core::rewrite::AnnotateAs::String);
    let columns = [("grade".to_owned(), annotate)].into();
    let (out, _) = rewritten(&source, RewritePlan { columns, ..relaxing() });
    assert_eq!(repetitions(&out), [("grade".to_owned(), Repetition::OPTIONAL)]);
    assert_eq!(shown(&rows(&out), "grade"), ["GOLD", "IRON"]);
}

#[test]
fn a_file_without_rows_and_a_part_of_a_file_are_relaxed() {
    let properties = || WriterProperties::builder().set_max_row_group_row_count(Some(30)).build();
    let (none, _) = rewritten(&required_file(&mixed(0), properties()), relaxing());
    assert_eq!((rows(&none).num_rows(), repetitions(&none)[0].1), (0, Repetition::OPTIONAL));
    let source = required_file(&mixed(100), properties());
    let mut out = Vec::new();
    rewriter(relaxing()).rewrite(&source, "test", &mut out, Some(&[1, 3])).expect("rewritten");
    let ids = shown(&rows(&out.into()), "id");
    assert_eq!(ids, (30..60).chain(90..100).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn pages_of_every_codec_become_optional_without_being_decompressed() {
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for codec in [
            Codec::UNCOMPRESSED,
            Codec::SNAPPY,
            Codec::GZIP(GzipLevel::default()),
            Codec::ZSTD(ZstdLevel::default()),
            Codec::LZ4_RAW,
        ] {
            let properties = WriterProperties::builder()
                .set_writer_version(version)
                .set_compression(codec)
                .set_data_page_row_count_limit(100)
                .set_write_batch_size(50)
                .build();
            let source = required_file(&mixed(2000), properties);
            let (out, report) = rewritten(&source, relaxing());
            let at = format!("{version:?}, {codec:?}");
            assert_eq!((report.bytes_inflated, report.bytes_decoded), (0, 0), "{at}");
            assert!(report.bytes_copied > source.len() as u64 / 2, "{at}: {report:?}");
            for name in ["id", "name", "open", "fixed"] {
                assert_eq!(shown(&rows(&out), name), shown(&rows(&source), name), "{at}, {name}");
            }
            let codecs = |file: &Bytes| -> Vec<_> {
                let columns = metadata(file).row_group(0).columns().to_vec();
                columns.iter().map(|chunk| chunk.compression_codec()).collect()
            };
            assert_eq!(codecs(&out), codecs(&source), "{at}");
        }
    }
}

#[test]
fn page_indexes_bloom_filters_and_statistics_of_relaxed_columns_stay_valid() {
    let properties = WriterProperties::builder()
        .set_compression(Codec::GZIP(GzipLevel::default()))
        .set_max_row_group_row_count(Some(700))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(50)
        .set_bloom_filter_enabled(true)
        .build();
    let source = required_file(&mixed(2000), properties);
    let (out, _) = rewritten(&source, relaxing());
    let (old, new) = (metadata(&source), metadata(&out));
    let pages = new.offset_index().expect("offset indexes");
    assert_eq!(new.column_index(), old.column_index(), "the bounds of pages");
    for (group, pages) in new.row_groups().iter().zip(pages) {
        for (chunk, index) in group.columns().iter().zip(pages) {
            let locations = index.page_locations();
            assert_eq!(locations[0].offset, chunk.data_page_offset());
            let last = locations.last().expect("pages");
            let (start, length) = chunk.byte_range();
            let end = last.offset + i64::from(last.compressed_page_size);
            assert_eq!(end as u64, start + length);
        }
    }
    for (group, old) in new.row_groups().iter().zip(old.row_groups()) {
        for (chunk, old) in group.columns().iter().zip(old.columns()) {
            assert_eq!(chunk.statistics(), old.statistics());
            assert_eq!(chunk.page_encoding_stats(), old.page_encoding_stats());
            let filter = Sbbf::read_from_column_chunk(chunk, &out).expect("a filter");
            assert!(filter.is_some());
        }
    }
    // Finds its rows by the offset index alone.
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(out, options)
        .expect("a Parquet file")
        .with_row_selection(RowSelection::from(vec![
            RowSelector::skip(1350),
            RowSelector::select(2),
        ]))
        .build()
        .expect("a reader");
    let found: Vec<_> = reader.map(|batch| shown(&batch.expect("rows"), "name")).collect();
    assert_eq!(found.concat(), ["name 1350", "name 1351"]);
}

/// DuckDB and pyarrow read from the output what they read from files of pyarrow, for both versions of
/// data pages.
#[test]
fn duckdb_and_pyarrow_read_relaxed_columns() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(&python)
        .arg(script("write_required.py"))
        .arg(folder.path())
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names: Vec<String> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(names.len(), 14);
    let mut expected: Option<Value> = None;
    for name in names {
        let source: Bytes = std::fs::read(folder.path().join(&name)).expect("a file").into();
        let (out, report) = rewritten(&source, relaxing());
        for (column, repetition) in repetitions(&out) {
            // A nested column stays as it is: planning refuses it.
            let expected =
                if column == "tags" { Repetition::REQUIRED } else { Repetition::OPTIONAL };
            assert_eq!(repetition, expected, "{name}, {column}");
        }
        let nulls = report.columns.iter().find(|it| it.name == "maybe").and_then(|it| it.nulls);
        assert_eq!(nulls, Some(600), "{name}");
        // All files have the same values.
        let expected = expected.get_or_insert_with(|| read(&python, &source));
        let found = read(&python, &out);
        for reader in ["duckdb", "pyarrow"] {
            assert_eq!(found[reader], expected[reader], "{name}, {reader}");
        }
    }
}
