//! Writes the objects of a snapshot export.
//!
//! ```text
//! [prefix/]<id>/<database>/<schema>.<table>/<batch>/part-<NNNNN>-<uuid>-c000.gz.parquet
//! [prefix/]<id>/<database>/<schema>.<table>/<batch>/_SUCCESS
//! [prefix/]<id>/export_tables_info_<id>_from_<i>_to_<j>.json
//! [prefix/]<id>/export_info_<id>.json
//! ```
//!
//! The objects depend only on the snapshot and the [`ExportSpec`]: a repeated export writes the
//! same keys and the same bytes. Variations that only some real exports show (gaps in the part
//! numbers, numbers as strings, missing fields) are chosen by a hash of the names, so that they
//! occur and are reproducible.

mod files;
mod manifest;
mod names;
mod odd;
mod sink;
mod table;

use jiff::Timestamp;

use crate::error::DatabaseError;
use crate::snapshot::DatabaseSnapshot;

pub use names::check_export_only;
pub use odd::OddFile;
pub use sink::{MemorySink, ObjectSink};
pub use table::ExportedTable;

/// The parameters of `StartExportTask`, and the times of the task.
#[derive(Clone, Debug)]
pub struct ExportSpec<'a> {
    /// The task's identifier, and the folder's name.
    pub export_id: &'a str,
    /// `S3Prefix`, without leading and trailing slashes.
    pub prefix: Option<&'a str>,
    /// `S3BucketName`, which appears only in the manifest.
    pub bucket: &'a str,
    /// The snapshot's ARN.
    pub source_arn: &'a str,
    /// `IamRoleArn`.
    pub role_arn: &'a str,
    /// `KmsKeyId`.
    pub kms_key: &'a str,
    /// `ExportOnly`: database, database.schema or database.schema.table (for MySQL also
    /// database.table). Empty means everything.
    pub only: &'a [String],
    /// `TaskStartTime`.
    pub started: Timestamp,
    /// `TaskEndTime`.
    pub ended: Timestamp,
    /// Variations and damage that a test requests.
    pub quirks: ExportQuirks,
}

/// How an export represents an empty table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyTableForm {
    /// One of the two, chosen by a hash of the table's name.
    #[default]
    ByHash,
    /// A Parquet file without rows.
    ZeroRowFile,
    /// Only `_SUCCESS`.
    SuccessMarkerOnly,
}

/// How an export stores dates with a time that are not text. The RDS User Guide names microseconds,
/// and does not say whether they are marked as adjusted to UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampForm {
    /// Microseconds, marked as UTC.
    #[default]
    Micros,
    /// Milliseconds, marked as UTC. Smaller fractions are lost.
    Millis,
    /// Microseconds, not marked as UTC.
    LocalMicros,
    /// Milliseconds, not marked as UTC. Smaller fractions are lost.
    LocalMillis,
    /// Nanoseconds, not marked as UTC.
    LocalNanos,
}

/// Variations and damage that a test can request. The default has only the variations of every
/// export.
#[derive(Clone, Debug)]
pub struct ExportQuirks {
    /// Maximum number of rows of a Parquet file.
    pub rows_per_part: usize,
    /// Maximum number of rows of a row group.
    pub rows_per_group: usize,
    /// Number of tables in one `export_tables_info` file.
    pub tables_per_manifest: usize,
    /// How empty tables are represented.
    pub empty: EmptyTableForm,
    /// No batch folders, as in older exports.
    pub no_batch_folder: bool,
    /// How the files store dates with a time that are not text.
    pub timestamps: TimestampForm,
    /// Leave the three size fields out of every manifest entry.
    pub no_sizes: bool,
    /// Targets of MySQL in the manifests are `database.database.table` instead of
    /// `database.table`. Which of the two real exports write is not confirmed.
    pub three_part_targets: bool,
    /// The first `export_tables_info` is truncated to half its size.
    pub truncated_manifest: bool,
    /// The last Parquet file of this table (`schema.table`) is truncated to half its size.
    pub truncated_file: Option<String>,
    /// This table (`schema.table`) gets one more file, with one row and another schema.
    pub mismatched_file: Option<String>,
    /// What the files have beside their rows.
    pub odd_file: Option<OddFile>,
    /// The writer that the files name; `None`: the local cloud.
    pub created_by: Option<&'static str>,
}

impl Default for ExportQuirks {
    fn default() -> ExportQuirks {
        ExportQuirks {
            rows_per_part: 60_000,
            rows_per_group: 20_000,
            tables_per_manifest: 5,
            empty: EmptyTableForm::ByHash,
            no_batch_folder: false,
            timestamps: TimestampForm::default(),
            no_sizes: false,
            three_part_targets: false,
            truncated_manifest: false,
            truncated_file: None,
            mismatched_file: None,
            odd_file: None,
            created_by: None,
        }
    }
}

/// What an export wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportOutcome {
    /// Extracted data in GB (10⁹ bytes), fractional.
    pub total_gb: f64,
    /// One sentence for each skipped table; joined, they are the task's `WarningMessage`.
    pub warnings: Vec<String>,
    /// The exported tables, in order.
    pub tables: Vec<ExportedTable>,
}

/// Writes the export of `snapshot` that `spec` describes into `sink`.
///
/// The order is: the files of each table followed by its `_SUCCESS`, the manifests of the tables,
/// `export_info`. Skipped tables are named in the warnings and have no objects. A repetition
/// overwrites the same keys with the same bytes. Dropping the future leaves the objects written so
/// far, as a cancelled export does. Files are encoded on all cores, on blocking threads of the Tokio
/// runtime; memory is bounded by one file for each core.
///
/// # Errors
/// [`DatabaseError::UnknownExportOnly`], before anything is written, when a part of `only` matches
/// nothing in the snapshot. Later, when the snapshot cannot be read or the sink fails.
pub async fn export(
    snapshot: &dyn DatabaseSnapshot,
    spec: &ExportSpec<'_>,
    sink: &dyn ObjectSink,
) -> Result<ExportOutcome, DatabaseError> {
    check_export_only(snapshot, spec.only)?;
    let mut tables = Vec::new();
    let mut entries = manifest::database_entries(snapshot, spec);
    let mut warnings = Vec::new();
    for table in
        snapshot.tables().iter().filter(|table| names::selected(snapshot, spec.only, table))
    {
        if let Some(reason) = names::skip_reason(table) {
            let warning =
                format!("table {} was skipped: {reason}", names::target(snapshot, table, spec));
            tracing::debug!(
                export = spec.export_id,
                schema = table.schema,
                table = table.name,
                "table skipped"
            );
            entries.push(manifest::skipped_entry(snapshot, table, &warning, spec));
            warnings.push(warning);
            continue;
        }
        let written = table::write(snapshot, table, spec, sink).await?;
        entries.push(manifest::table_entry(snapshot, table, &written, spec));
        tables.push(written);
    }
    let bytes: u64 = tables.iter().map(|table| table.bytes).sum();
    let outcome = ExportOutcome { total_gb: manifest::gigabytes(bytes), warnings, tables };
    manifest::write(spec, sink, entries, &outcome).await?;
    tracing::debug!(
        export = spec.export_id,
        tables = outcome.tables.len(),
        bytes,
        "export written"
    );
    Ok(outcome)
}
