//! Tests through the public API. Arrow's writer writes the inputs, and its reader reads the outputs.

mod cut;
mod encodings;
mod hostile;
mod kept;
mod misfits;
mod proof;
mod random;
mod readers;
mod recompress;
mod renamed;
mod required;
mod stored_times;
mod stream;
mod sweep;
mod types;
mod written;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use landbridge_core::rewrite::{Action, RewritePlan, TargetType};
use landbridge_parquet::rewrite::{RewriteReport, Rewriter, TokenKey};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

/// A file with these columns, all nullable.
pub(crate) fn file(columns: &[(&str, ArrayRef)], properties: WriterProperties) -> Bytes {
    let columns = columns.iter().map(|(name, array)| (*name, array.clone(), true));
    file_of(columns, properties)
}

/// A file with these columns, each with its name and whether it is nullable.
pub(crate) fn file_of<'a>(
    columns: impl IntoIterator<Item = (&'a str, ArrayRef, bool)>,
    properties: WriterProperties,
) -> Bytes {
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
    let mut out = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut out, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    out.into()
}

/// All rows of a file.
pub(crate) fn rows(file: &Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("a Parquet file");
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().expect("a reader").map(|it| it.expect("rows")).collect();
    concat_batches(&schema, &batches).expect("one schema")
}

/// A column as text; NULL is `∅`.
pub(crate) fn shown(batch: &RecordBatch, column: &str) -> Vec<String> {
    let options = FormatOptions::new().with_null("∅");
    let array = batch.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    // The formatter does not support zone names.
    let (array, end) = match array.data_type() {
        DataType::Timestamp(unit, Some(zone)) if zone.as_ref() == "UTC" => {
            (cast(array, &DataType::Timestamp(*unit, None)).expect("another zone"), "Z")
        }
        _ => (array.clone(), ""),
    };
    let formatter = ArrayFormatter::try_new(&array, &options).expect("a formatter");
    let value = |row| {
        if array.is_null(row) { "∅".to_owned() } else { format!("{}{end}", formatter.value(row)) }
    };
    (0..array.len()).map(value).collect()
}

pub(crate) fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub(crate) fn numbers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

pub(crate) fn retype(to: TargetType) -> Action {
    Action::Retype { to, on_misfit: None }
}

/// A plan that allows any number of misfits.
pub(crate) fn plan<'a>(columns: impl IntoIterator<Item = (&'a str, Action)>) -> RewritePlan {
    let columns = columns.into_iter().map(|(name, action)| (name.to_owned(), action)).collect();
    RewritePlan { columns, max_misfit_share: 1.0, ..RewritePlan::default() }
}

pub(crate) fn key() -> TokenKey {
    TokenKey::new(b"a key for tests, of 32 bytes or more").expect("long enough")
}

pub(crate) fn rewriter(plan: RewritePlan) -> Rewriter {
    Rewriter::new(plan).expect("a plan").with_key(key())
}

pub(crate) fn rewritten(source: &Bytes, plan: RewritePlan) -> (Bytes, RewriteReport) {
    let mut out = Vec::new();
    let report = rewriter(plan).rewrite(source, "test", &mut out, None).expect("rewritten");
    assert_eq!(report.bytes_written, out.len() as u64);
    (out.into(), report)
}
