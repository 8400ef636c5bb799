//! New names, and annotations of local times: changes of the footer alone.

use arrow::array::{ListArray, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use landbridge_core::ErrorKind;
use landbridge_core::rewrite::AnnotateAs;
use landbridge_core::types::Annotation;
use landbridge_parquet::Footer;
use parquet::basic::ConvertedType;

use super::readers::{python, read};
use super::*;

fn source() -> Bytes {
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
        (0..50).map(|it| Some(vec![Some(it); 2])),
    );
    file(
        &[
            ("id", numbers(0..50)),
            ("day", texts(&[Some("2026-01-02"); 50])),
            ("list", Arc::new(lists)),
            ("last", numbers(50..100)),
        ],
        WriterProperties::builder().set_max_row_group_row_count(Some(20)).build(),
    )
}

fn renaming(pairs: &[(&str, &str)], plan: RewritePlan) -> RewritePlan {
    let rename = pairs.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    RewritePlan { rename, ..plan }
}

pub(super) fn footer(file: &Bytes) -> Footer {
    let read = Footer::read(file, file.len() as u64, "test");
    futures::executor::block_on(read).expect("a footer")
}

fn names(file: &Bytes) -> Vec<String> {
    rows(file).schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[test]
fn renamed_columns_are_copied() {
    let source = source();
    let new = renaming(&[("id", "번호"), ("list", "a list, of `all`")], plan([]));
    let (out, report) = rewritten(&source, new.clone());
    assert_eq!(names(&out), ["번호", "day", "a list, of `all`", "last"]);
    assert_eq!(report.bytes_decoded, 0);
    let (old, new_rows) = (rows(&source), rows(&out));
    for column in 0..4 {
        assert_eq!(old.column(column), new_rows.column(column), "{column}");
    }
    let report: Vec<_> =
        report.columns.iter().map(|it| (it.name.as_str(), it.renamed_to.as_deref())).collect();
    assert_eq!(
        report,
        [("id", Some("번호")), ("day", None), ("list", Some("a list, of `all`")), ("last", None)]
    );
    let metadata = footer(&out);
    let paths: Vec<_> = metadata.metadata.row_group(2).columns().iter().collect();
    assert_eq!(paths[0].column_path().parts(), ["번호"]);
    assert_eq!(paths[2].column_path().parts()[0], "a list, of `all`");
    let columns = rewriter(new).columns(&footer(&source), "test").expect("columns");
    assert_eq!(columns, metadata.columns());
}

#[test]
fn a_column_can_be_renamed_and_converted() {
    let actions = plan([
        ("day", retype(TargetType::Date)),
        ("id", Action::Tokenise { domain: String::new() }),
        ("last", Action::SetNull),
        ("list", Action::Drop),
    ]);
    // Names can be exchanged, and the name of a dropped column is free.
    let (out, report) = rewritten(
        &source(),
        renaming(&[("day", "last"), ("last", "day"), ("id", "list")], actions),
    );
    assert_eq!(names(&out), ["list", "last", "day"]);
    let batch = rows(&out);
    assert_eq!(shown(&batch, "list")[7], key().token("", b"7"));
    assert_eq!(shown(&batch, "last")[0], "2026-01-02");
    assert_eq!(batch.column(2).null_count(), 50);
    assert_eq!(report.columns[1].name, "day", "the report uses the names of the plan");
}

#[test]
fn names_that_are_not_distinct_and_columns_that_do_not_exist_are_refused() {
    let refused = |pairs: &[(&str, &str)]| {
        rewriter(renaming(pairs, plan([])))
            .rewrite(&source(), "test", Vec::new(), None)
            .expect_err("refused")
    };
    let error = refused(&[("id", "last")]);
    assert_eq!((error.kind(), error.context()), (ErrorKind::Config, "test, column `last`"));
    assert_eq!(refused(&[("id", "x"), ("day", "x")]).kind(), ErrorKind::Config);
    assert_eq!(refused(&[("missing", "x")]).kind(), ErrorKind::Held);
    let empty = Rewriter::new(renaming(&[("id", "")], plan([]))).expect_err("no name");
    assert_eq!(empty.kind(), ErrorKind::Config);
}

/// The converted type of a local time would mean UTC to older readers.
#[test]
fn a_local_timestamp_has_no_converted_type() {
    let micros = [0, 1_000_000, 86_400_000_000];
    let utc = TimestampMicrosecondArray::from(micros.to_vec()).with_timezone("UTC");
    let source = file(
        &[("at", Arc::new(utc)), ("n", numbers(micros)), ("m", numbers(0..3))],
        WriterProperties::default(),
    );
    let actions = ["at", "n"].map(|name| (name, Action::Annotate(AnnotateAs::LocalTimestamp)));
    let (out, report) = rewritten(&source, plan(actions));
    assert_eq!(report.bytes_decoded, 0);
    for name in ["at", "n"] {
        assert_eq!(shown(&rows(&out), name)[2], "1970-01-02T00:00:00", "{name}");
    }
    assert_eq!(
        report.columns[0].max.map(|it| it.to_string()).as_deref(),
        Some("1970-01-02T00:00:00")
    );
    let annotations: Vec<_> = footer(&out).columns().iter().map(|it| it.annotation).collect();
    let local = Annotation::LocalTimestampMicros;
    assert_eq!(annotations, [local, local, Annotation::None]);
    // The `parquet` crate derives a converted type from the logical type, so the bytes are compared:
    // field 6 of the element, TIMESTAMP_MICROS (10), follows field 4, the name.
    let element = |name: &str, end: &[u8]| {
        let text = [&[0x18, name.len() as u8][..], name.as_bytes(), end].concat();
        out.windows(text.len()).any(|it| it == text)
    };
    assert!(!element("at", &[0x25, 0x14]) && !element("n", &[0x25, 0x14]));
    assert!(element("at", &[0x6c]) && element("n", &[0x6c]), "the logical type, field 10, follows");
    // A copied column stays as it is, in either form.
    let (again, _) = rewritten(&out, plan([("m", Action::Drop)]));
    let schema = |file: &Bytes| footer(file).metadata.file_metadata().schema_descr_ptr();
    assert_eq!(schema(&again).column(0).converted_type(), ConvertedType::TIMESTAMP_MICROS);
    let text = [&[0x18, 2][..], b"at", &[0x6c]].concat();
    assert!(again.windows(text.len()).any(|it| it == text));
}

#[test]
fn duckdb_and_pyarrow_read_new_names_and_local_times() {
    let Some(python) = python() else { return };
    let source = source();
    let plan = plan([("last", Action::Annotate(AnnotateAs::LocalTimestamp))]);
    let (out, _) = rewritten(&source, renaming(&[("id", "주문 번호"), ("list", "목록")], plan));
    let (before, after) = (read(&python, &source), read(&python, &out));
    for reader in ["duckdb", "pyarrow"] {
        assert_eq!(after[reader]["주문 번호"], before[reader]["id"], "{reader}");
        assert_eq!(after[reader]["목록"], before[reader]["list"], "{reader}");
        // read.py shows an instant with its zone.
        let first = after[reader]["last"][0].as_str().expect("a time");
        assert!(first.starts_with("1970-01-01T00:00:00.000050"), "{reader}: {first}");
    }
}
