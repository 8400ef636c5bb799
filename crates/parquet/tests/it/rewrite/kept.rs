//! Columns that are copied, dropped, annotated, set to NULL, and tokenised.

use std::collections::BTreeSet;

use arrow::array::{BinaryArray, Int32Array, ListArray, StringArray, UInt32Array};
use arrow::datatypes::Int64Type;
use landbridge_core::ErrorKind;
use landbridge_core::rewrite::{AnnotateAs, OtherColumns};
use landbridge_parquet::rewrite::TOKEN_LENGTH;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;

pub(super) fn metadata(file: &Bytes) -> ParquetMetaData {
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    reader.try_parse(file).expect("a footer with its indexes");
    reader.finish().expect("a footer")
}

/// A file with several types, pages and row groups, with page indexes and bloom filters.
pub(super) fn rich() -> Bytes {
    let rows = 5000;
    let words: Vec<_> = (0..rows).map(|it| format!("word {}", it * 7919 % 1000)).collect();
    let words: Vec<_> =
        words.iter().enumerate().map(|(at, it)| (at % 9 != 0).then_some(it.as_str())).collect();
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
        (0..rows).map(|it| Some((0..it % 4).map(Some).collect::<Vec<_>>())),
    );
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(2000))
        .set_data_page_row_count_limit(300)
        .set_write_batch_size(100)
        .set_compression(Compression::GZIP(GzipLevel::default()))
        .set_bloom_filter_enabled(true)
        .build();
    file(
        &[
            ("id", numbers(0..rows)),
            ("word", texts(&words)),
            ("list", Arc::new(lists)),
            ("last", numbers(0..rows)),
        ],
        properties,
    )
}

#[test]
fn a_plan_that_changes_nothing_keeps_everything() {
    let source = rich();
    let (out, report) = rewritten(&source, RewritePlan::default());
    assert_eq!(rows(&out), rows(&source));
    assert_eq!(report.bytes_decoded, 0);
    assert_eq!((report.rows, report.row_groups), (5000, 3));
    let (old, new) = (metadata(&source), metadata(&out));
    assert_eq!(new.file_metadata().key_value_metadata(), old.file_metadata().key_value_metadata());
    assert_eq!(new.column_index(), old.column_index());
    let pages = |metadata: &ParquetMetaData| {
        let groups = metadata.offset_index().expect("an offset index");
        groups.iter().flatten().map(|it| it.page_locations().len()).collect::<Vec<_>>()
    };
    assert_eq!(pages(&new), pages(&old));
    for (old, new) in old.row_groups().iter().zip(new.row_groups()) {
        for (old, new) in old.columns().iter().zip(new.columns()) {
            assert_eq!(new.statistics(), old.statistics());
            assert_eq!(new.compressed_size(), old.compressed_size());
            assert_eq!(new.page_encoding_stats(), old.page_encoding_stats());
            assert_eq!(new.bloom_filter_length(), old.bloom_filter_length());
        }
    }
}

/// parquet.thrift, `SizeStatistics`: planners of joins and memory read them (apache/parquet-java #2877).
#[test]
fn size_statistics_of_copied_columns_stay() {
    let source = rich();
    let (out, _) = rewritten(&source, plan([("id", Action::Drop)]));
    let (old, new) = (metadata(&source), metadata(&out));
    let mut compared = [0; 3];
    for (group, (before, after)) in old.row_groups().iter().zip(new.row_groups()).enumerate() {
        for (old, new) in before.columns().iter().skip(1).zip(after.columns()) {
            assert_eq!(new.column_path(), old.column_path());
            let bytes = old.unencoded_byte_array_data_bytes();
            assert_eq!(new.unencoded_byte_array_data_bytes(), bytes);
            assert_eq!(new.definition_level_histogram(), old.definition_level_histogram());
            assert_eq!(new.repetition_level_histogram(), old.repetition_level_histogram());
            compared[0] += usize::from(bytes.is_some());
            compared[1] += usize::from(old.definition_level_histogram().is_some());
            compared[2] += usize::from(old.repetition_level_histogram().is_some());
        }
        let pages = |metadata: &ParquetMetaData, at: usize| {
            let index = metadata.offset_index().expect("an offset index");
            index[group][at].unencoded_byte_array_data_bytes().cloned()
        };
        let word = pages(&old, 1).expect("the bytes of each page of texts");
        assert!(word.len() > 1 && word.iter().all(|it| *it > 0));
        assert_eq!(pages(&new, 0), Some(word));
    }
    // Three row groups: the texts have bytes, texts and lists have levels, and lists are repeated.
    assert!(compared[0] >= 3 && compared[1] >= 6 && compared[2] >= 3, "{compared:?}");
}

#[test]
fn page_indexes_and_bloom_filters_stay_valid() {
    let (out, _) = rewritten(&rich(), plan([("id", Action::Drop)]));
    let new = metadata(&out);
    let offsets = new.offset_index().expect("an offset index");
    for (group, offsets) in new.row_groups().iter().zip(offsets) {
        for (chunk, offsets) in group.columns().iter().zip(offsets) {
            let first = offsets.page_locations().first().expect("a page").offset;
            assert_eq!(first, chunk.data_page_offset());
            let filter =
                parquet::bloom_filter::Sbbf::read_from_column_chunk(chunk, &out).expect("a filter");
            let filter = filter.expect("there is one");
            if chunk.column_path().string() == "word" {
                assert!(filter.check(&"word 7"));
                assert!(!filter.check(&"no word of it"));
            }
        }
    }
    // A reader that skips pages by the page index finds the same rows.
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(
        out,
        parquet::arrow::arrow_reader::ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Required),
    )
    .expect("a reader");
    use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
    let selection = RowSelection::from(vec![RowSelector::skip(4321), RowSelector::select(2)]);
    let batch = builder
        .with_row_selection(selection)
        .build()
        .expect("a reader")
        .next()
        .expect("rows")
        .expect("rows");
    assert_eq!(shown(&batch, "last"), ["4321", "4322"]);
}

#[test]
fn nothing_of_a_dropped_column_is_in_the_output() {
    let secret: Vec<_> = (0..100).map(|it| format!("SECRET{it}")).collect();
    let secret: Vec<_> = secret.iter().map(|it| Some(it.as_str())).collect();
    let properties = WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).build();
    let source = file(
        &[("a", numbers(0..100)), ("hidden_column", texts(&secret)), ("b", numbers(100..200))],
        properties,
    );
    let holds = |file: &Bytes, text: &str| file.windows(text.len()).any(|it| it == text.as_bytes());
    assert!(holds(&source, "SECRET5") && holds(&source, "hidden_column"));
    let (out, report) = rewritten(&source, plan([("hidden_column", Action::Drop)]));
    assert!(!holds(&out, "SECRET") && !holds(&out, "hidden_column"));
    assert_eq!(report.columns.len(), 2);
    assert_eq!(rows(&out).num_columns(), 2);
    assert_eq!(shown(&rows(&out), "b"), shown(&rows(&source), "b"));

    let others = RewritePlan { others: OtherColumns::Drop, ..plan([("b", Action::Keep)]) };
    let (out, _) = rewritten(&source, others);
    assert_eq!(rows(&out).num_columns(), 1);
}

#[test]
fn annotations_change_only_the_footer() {
    let code = BinaryArray::from_opt_vec(vec![Some(b"AB"), None, Some(b"CD")]);
    let source = file(
        &[
            ("code", Arc::new(code)),
            ("at", numbers([0, 1_000_000, 2_000_000])),
            ("day", Arc::new(Int32Array::from(vec![0, 1, 2]))),
        ],
        WriterProperties::default(),
    );
    let actions =
        [("code", AnnotateAs::String), ("at", AnnotateAs::Timestamp), ("day", AnnotateAs::Date)];
    let actions = actions.map(|(name, what)| (name, Action::Annotate(what)));
    let (out, report) = rewritten(&source, plan(actions));
    assert_eq!(report.bytes_decoded, 0);
    let batch = rows(&out);
    assert_eq!(shown(&batch, "code"), ["AB", "∅", "CD"]);
    assert_eq!(shown(&batch, "at")[1], "1970-01-01T00:00:01Z");
    assert_eq!(shown(&batch, "day"), ["1970-01-01", "1970-01-02", "1970-01-03"]);
    let wrong = plan([("day", Action::Annotate(AnnotateAs::String))]);
    let error =
        rewriter(wrong).rewrite(&source, "test", Vec::new(), None).expect_err("INT32 is no text");
    assert_eq!(error.kind(), ErrorKind::Held);
}

#[test]
fn a_column_set_to_null_keeps_its_type() {
    let source = file(
        &[("n", numbers(0..10)), ("t", texts(&[Some("x"); 10])), ("m", numbers(0..10))],
        WriterProperties::default(),
    );
    let (out, report) = rewritten(&source, plan([("n", Action::SetNull), ("t", Action::SetNull)]));
    let batch = rows(&out);
    assert_eq!(batch.schema().field(0).data_type(), rows(&source).schema().field(0).data_type());
    assert_eq!((batch.column(0).null_count(), batch.column(1).null_count()), (10, 10));
    assert_eq!(batch.column(2).null_count(), 0);
    assert_eq!(report.columns[0].nulls, Some(10));
}

#[test]
fn tokens_join_across_columns_and_types() {
    let text = texts(&[Some("42"), None, Some("-7"), Some(""), Some("42")]);
    let properties = [true, false]
        .map(|dictionary| WriterProperties::builder().set_dictionary_enabled(dictionary).build());
    for properties in properties {
        let source = file(
            &[
                ("text", text.clone()),
                ("long", numbers([42, 1, -7, 0, 42])),
                ("int", Arc::new(Int32Array::from(vec![42, 1, -7, 0, 42]))),
                ("unsigned", Arc::new(UInt32Array::from(vec![42, 1, u32::MAX, 0, 42]))),
            ],
            properties,
        );
        let tokenise = || Action::Tokenise { domain: "account".into() };
        let names = ["text", "long", "int", "unsigned"];
        let (out, report) = rewritten(&source, plan(names.map(|name| (name, tokenise()))));
        let batch = rows(&out);
        let [text, long, int, unsigned] = names.map(|name| shown(&batch, name));
        assert_eq!(text[0], key().token("account", b"42"));
        assert_eq!((&text[0], &text[1], &text[4]), (&long[0], &"∅".to_owned(), &int[0]));
        assert_eq!(text[2], long[2]);
        assert_eq!(text[3], key().token("account", b""));
        assert_eq!(unsigned[2], key().token("account", b"4294967295"));
        assert!(text.iter().filter(|it| *it != "∅").all(|it| it.len() == TOKEN_LENGTH));
        let distinct: BTreeSet<_> = long.iter().collect();
        assert_eq!(distinct.len(), 4);
        assert!(report.columns.iter().all(|it| it.min.is_none()), "tokens have no bounds");
        let strings = batch.column(1).as_any().downcast_ref::<StringArray>();
        assert!(strings.is_some(), "tokens are text");
    }
    let source = file(&[("text", text)], WriterProperties::default());
    let plan = plan([("text", Action::Tokenise { domain: String::new() })]);
    let keyless = Rewriter::new(plan).expect("a plan");
    let error = keyless.rewrite(&source, "test", Vec::new(), None).expect_err("no key");
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn plans_that_do_not_match_the_file_are_refused() {
    let source = rich();
    for (column, action) in [
        ("missing", Action::Drop),
        ("list", Action::SetNull),
        ("list", Action::Tokenise { domain: String::new() }),
        ("id", retype(TargetType::Date)),
    ] {
        let plan = plan([(column, action.clone())]);
        let error =
            rewriter(plan).rewrite(&source, "test", Vec::new(), None).expect_err("does not suit");
        assert_eq!(error.kind(), ErrorKind::Held, "{column}: {action:?}");
        assert_eq!(error.context(), format!("test, column `{column}`"));
    }
    let all = ["id", "word", "list", "last"].map(|name| (name, Action::Drop));
    let error =
        rewriter(plan(all)).rewrite(&source, "test", Vec::new(), None).expect_err("nothing left");
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn the_columns_of_the_output_follow_from_the_footer() {
    let source = rich();
    let plan = plan([("id", Action::Drop), ("word", retype(TargetType::Date))]);
    let footer = futures::executor::block_on(landbridge_parquet::Footer::read(
        &source,
        source.len() as u64,
        "test",
    ));
    let footer = footer.expect("a footer");
    let columns = rewriter(plan.clone()).columns(&footer, "test").expect("columns");
    let (out, _) = rewritten(&source, plan);
    let out_footer = futures::executor::block_on(landbridge_parquet::Footer::read(
        &out,
        out.len() as u64,
        "test",
    ));
    assert_eq!(columns, out_footer.expect("a footer").columns());
    let reader = SerializedFileReader::new(out).expect("a file");
    assert_eq!(
        reader.metadata().file_metadata().key_value_metadata(),
        None,
        "ARROW:schema would lie now"
    );
}
