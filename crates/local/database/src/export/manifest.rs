//! Writes the two kinds of JSON manifest.
//!
//! AWS does not document their keys; these are the ones in published reports about real exports.
//! What varies in those reports varies here as well, by a hash of the table's name: some numbers
//! are strings, some keys have another letter case, and empty sizes may be missing.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{ExportOutcome, ExportSpec, ExportedTable, ObjectSink, names};
use crate::error::DatabaseError;
use crate::pseudo_random;
use crate::snapshot::{Column, DatabaseSnapshot, Table};
use landbridge_source::EngineFamily;

/// Bytes as GB (10⁹ bytes), as RDS counts.
pub(super) fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

/// Whether the entry of this table shows the variation, as one in `n` tables does.
fn varies(variation: &str, table: &Table, n: u64) -> bool {
    pseudo_random::number(&[variation, &table.schema, &table.name]).is_multiple_of(n)
}

fn number(value: impl Into<Value>, as_string: bool) -> Value {
    match value.into() {
        Value::Number(number) if as_string => Value::String(number.to_string()),
        value => value,
    }
}

/// Entries of the server's own databases, which have nothing to export: a target and a warning, no
/// metadata. Only an export without `ExportOnly` has them.
pub(super) fn database_entries(
    snapshot: &dyn DatabaseSnapshot,
    spec: &ExportSpec<'_>,
) -> Vec<Value> {
    if !spec.only.is_empty() {
        return Vec::new();
    }
    let own: &[&str] = match snapshot.engine().family() {
        EngineFamily::Postgres => &["postgres", "template1"],
        EngineFamily::MySql => &["sys"],
    };
    own.iter()
        .filter(|database| **database != snapshot.database())
        .map(|database| {
            let warning = format!("The database {database} has no tables that can be exported.");
            json!({"target": database, "warningMessage": warning})
        })
        .collect()
}

/// The entry of a skipped table.
pub(super) fn skipped_entry(
    snapshot: &dyn DatabaseSnapshot,
    table: &Table,
    warning: &str,
    spec: &ExportSpec<'_>,
) -> Value {
    json!({"target": names::target(snapshot, table, spec), "status": "SKIPPED", "warningMessage": warning})
}

/// The entry of an exported table.
pub(super) fn table_entry(
    snapshot: &dyn DatabaseSnapshot,
    table: &Table,
    written: &ExportedTable,
    spec: &ExportSpec<'_>,
) -> Value {
    let strings = varies("strings", table, 3);
    let mut entry = Map::new();
    entry.insert("target".into(), names::target(snapshot, table, spec).into());
    entry.insert("status".into(), "COMPLETE".into());
    if !varies("no size", table, 4) {
        entry.insert("sizeGB".into(), number(gigabytes(written.bytes), strings));
    }
    let statistics = if varies("case", table, 3) { "TableStatistics" } else { "tableStatistics" };
    let times = json!({
        "extractionStartTime": spec.started.to_string(),
        "extractionEndTime": spec.ended.to_string(),
    });
    entry.insert(statistics.into(), times);
    let mappings =
        table.columns.iter().map(|column| mapping(column, table, spec)).collect::<Vec<_>>();
    entry.insert("schemaMetadata".into(), json!({"originalTypeMappings": mappings}));
    Value::Object(entry)
}

fn mapping(column: &Column, table: &Table, spec: &ExportSpec<'_>) -> Value {
    let strings = varies("strings", table, 3);
    let mut mapping = Map::new();
    mapping.insert("columnName".into(), column.name.clone().into());
    mapping.insert("originalType".into(), column.original_type.clone().into());
    mapping.insert(
        "expectedExportedType".into(),
        column.source_type.parquet_type().manifest_type().into(),
    );
    let sizes = [
        ("originalCharMaxLength", column.char_max_length),
        ("originalNumPrecision", column.num_precision),
        ("originalDateTimePrecision", column.datetime_precision),
    ];
    // Most exports write an unknown size as 0; some leave the key out.
    let leave_out = spec.quirks.no_sizes
        || varies("sizes", table, 3) && sizes.iter().all(|(_, size)| size.is_none());
    if !leave_out {
        for (key, size) in sizes {
            mapping.insert(key.into(), number(size.unwrap_or(0), strings));
        }
    }
    Value::Object(mapping)
}

/// Writes the manifests of the tables, then `export_info`.
pub(super) async fn write(
    spec: &ExportSpec<'_>,
    sink: &dyn ObjectSink,
    entries: Vec<Value>,
    outcome: &ExportOutcome,
) -> Result<(), DatabaseError> {
    let (folder, id) = (names::folder(spec), spec.export_id);
    for (index, chunk) in entries.chunks(spec.quirks.tables_per_manifest.max(1)).enumerate() {
        let first = index * spec.quirks.tables_per_manifest.max(1) + 1;
        let last = first + chunk.len() - 1;
        let mut bytes = Bytes::from(json!({"perTableStatus": chunk}).to_string());
        if spec.quirks.truncated_manifest && index == 0 {
            bytes.truncate(bytes.len() / 2);
        }
        put(sink, format!("{folder}/export_tables_info_{id}_from_{first}_to_{last}.json"), bytes)
            .await?;
    }
    let info = json!({
        "exportTaskIdentifier": id,
        "status": "COMPLETE",
        "percentProgress": 100,
        "exportOnly": spec.only,
        "sourceArn": spec.source_arn,
        "s3Bucket": spec.bucket,
        "s3Prefix": spec.prefix.unwrap_or(""),
        "exportedFilesPath": folder,
        "iamRoleArn": spec.role_arn,
        "kmsKeyId": spec.kms_key,
        "taskStartTime": spec.started.to_string(),
        "taskEndTime": spec.ended.to_string(),
        "totalExportedDataInGB": outcome.total_gb,
    });
    put(sink, format!("{folder}/export_info_{id}.json"), Bytes::from(info.to_string())).await
}

async fn put(sink: &dyn ObjectSink, key: String, bytes: Bytes) -> Result<(), DatabaseError> {
    let path = key.clone();
    sink.put(key, bytes).await.map_err(|source| DatabaseError::Io {
        action: "write the object",
        path,
        source,
    })
}
