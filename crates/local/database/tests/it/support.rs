//! Shared by the tests: exports into memory, and functions to inspect them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use jiff::Timestamp;
use landbridge_local_database::{
    DatabaseError, DatabaseSnapshot, ExportOutcome, ExportQuirks, ExportSpec, MemorySink,
    SourceDatabase, Table, export,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

/// An export in memory.
pub(crate) struct Exported {
    pub(crate) objects: BTreeMap<String, Bytes>,
    pub(crate) outcome: ExportOutcome,
}

pub(crate) fn spec(quirks: ExportQuirks) -> ExportSpec<'static> {
    ExportSpec {
        export_id: "day-1",
        prefix: Some("exports"),
        bucket: "bucket",
        source_arn: "arn:aws:rds:ap-northeast-2:123456789012:snapshot:shop-1",
        role_arn: "arn:aws:iam::123456789012:role/export",
        kms_key: "arn:aws:kms:ap-northeast-2:123456789012:key/1",
        only: &[],
        started: "2026-03-01T16:00:00Z".parse().unwrap(),
        ended: "2026-03-01T16:20:00Z".parse().unwrap(),
        quirks,
    }
}

pub(crate) async fn snapshot(source: &dyn SourceDatabase) -> Arc<dyn DatabaseSnapshot> {
    source.capture(Timestamp::UNIX_EPOCH, Path::new("/nonexistent")).await.unwrap()
}

pub(crate) async fn try_run(
    snapshot: &dyn DatabaseSnapshot,
    spec: &ExportSpec<'_>,
) -> Result<Exported, DatabaseError> {
    let sink = MemorySink::default();
    let outcome = export(snapshot, spec, &sink).await?;
    Ok(Exported { objects: sink.objects(), outcome })
}

pub(crate) async fn run(snapshot: &dyn DatabaseSnapshot, quirks: ExportQuirks) -> Exported {
    try_run(snapshot, &spec(quirks)).await.unwrap()
}

impl Exported {
    /// The keys, one in each line, with each UUID replaced by `U`.
    pub(crate) fn keys(&self) -> String {
        let plain = |key: &String| match (key.find("-c000"), key.find("/part-")) {
            (Some(end), Some(start)) => {
                let uuid = &key[start + 12..end];
                assert_eq!(uuid.len(), 36, "{key}");
                format!("{}U{}\n", &key[..start + 12], &key[end..])
            }
            _ => format!("{key}\n"),
        };
        self.objects.keys().map(plain).collect()
    }

    /// The Parquet files under a folder, in order.
    pub(crate) fn files(&self, folder: &str) -> Vec<Bytes> {
        let wanted = |key: &str| key.starts_with(folder) && key.ends_with(".gz.parquet");
        self.objects.iter().filter(|(key, _)| wanted(key)).map(|(_, bytes)| bytes.clone()).collect()
    }

    /// The rows of the Parquet files in a folder.
    pub(crate) fn rows(&self, folder: &str) -> RecordBatch {
        let readers = self
            .files(folder)
            .into_iter()
            .map(|file| ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap());
        let batches: Vec<RecordBatch> = readers.flatten().map(Result::unwrap).collect();
        concat_batches(&batches[0].schema(), &batches).unwrap()
    }

    /// All entries of the tables' manifests.
    pub(crate) fn entries(&self) -> Vec<Value> {
        let manifests = self.objects.iter().filter(|(key, _)| key.contains("/export_tables_info_"));
        let parsed = manifests.map(|(_, bytes)| serde_json::from_slice::<Value>(bytes).unwrap());
        parsed.flat_map(|manifest| manifest["perTableStatus"].as_array().unwrap().clone()).collect()
    }
}

/// All rows of a table of a snapshot, each cell printed, NULL as `None`.
pub(crate) fn cells(snapshot: &dyn DatabaseSnapshot, table: &Table) -> Vec<Vec<Option<String>>> {
    let batches = snapshot.read(table).unwrap().map(Result::unwrap);
    batches.flat_map(|batch| printed(&batch)).collect()
}

/// The cells of a batch, row by row.
pub(crate) fn printed(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let options = FormatOptions::default();
    // Remove the time zone: formatting a named zone needs a time zone database.
    let zoneless = |column: &ArrayRef| match column.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(times) => Arc::new(times.clone().with_timezone_opt(None::<Arc<str>>)) as ArrayRef,
        None => column.clone(),
    };
    let arrays: Vec<ArrayRef> = batch.columns().iter().map(zoneless).collect();
    let columns: Vec<_> = arrays
        .iter()
        .map(|array| (array, ArrayFormatter::try_new(array, &options).unwrap()))
        .collect();
    let row = |index: usize| {
        let cells = columns.iter().map(|(column, printer)| {
            column.is_valid(index).then(|| printer.value(index).to_string())
        });
        cells.collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

pub(crate) fn table<'a>(snapshot: &'a dyn DatabaseSnapshot, name: &str) -> &'a Table {
    snapshot.tables().iter().find(|table| table.name == name).unwrap()
}
