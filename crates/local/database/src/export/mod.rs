//! The writer of a snapshot export's objects.
//!
//! ```text
//! [prefix/]<id>/<database>/<schema>.<table>/<batch>/part-<NNNNN>-<uuid>-c000.gz.parquet
//! [prefix/]<id>/<database>/<schema>.<table>/<batch>/_SUCCESS
//! [prefix/]<id>/export_tables_info_<id>_from_<i>_to_<j>.json
//! [prefix/]<id>/export_info_<id>.json
//! ```
//!
//! Everything is a function of the image and the [`ExportSpec`]: the same export
//! writes the same keys and the same bytes. What real exports do at times only
//! (gaps in the part numbers, numbers as strings, fields that are missing) is
//! chosen by a hash of the names, so that it occurs and never flickers.

mod files;
mod manifest;
mod names;
mod sink;
mod table;

use jiff::Timestamp;

use crate::error::DatabaseError;
use crate::snapshot::DatabaseSnapshot;

pub use names::check_export_only;
pub use sink::{MemorySink, ObjectSink};
pub use table::ExportedTable;

/// What `StartExportTask` was told, and when the task ran.
#[derive(Clone, Debug)]
pub struct ExportSpec<'a> {
    /// The task's identifier, and the folder's name.
    pub export_id: &'a str,
    /// `S3Prefix`, without slashes at its ends.
    pub prefix: Option<&'a str>,
    /// `S3BucketName`; only named in the manifest.
    pub bucket: &'a str,
    /// The snapshot's ARN.
    pub source_arn: &'a str,
    /// `IamRoleArn`.
    pub role_arn: &'a str,
    /// `KmsKeyId`.
    pub kms_key: &'a str,
    /// `ExportOnly`: database, database.schema or database.schema.table (of
    /// MySQL also database.table). Empty means everything.
    pub only: &'a [String],
    /// `TaskStartTime`.
    pub started: Timestamp,
    /// `TaskEndTime`.
    pub ended: Timestamp,
    /// Oddities that a test asks for.
    pub quirks: ExportQuirks,
}

/// In which form an empty table arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyTableForm {
    /// One or the other, by a hash of the table's name.
    #[default]
    ByHash,
    /// A Parquet file without rows.
    ZeroRowFile,
    /// Nothing but `_SUCCESS`.
    SuccessMarkerOnly,
}

/// Oddities and damages that a test can ask for. The default asks for none but
/// those that every export has.
#[derive(Clone, Debug)]
pub struct ExportQuirks {
    /// Rows of a Parquet file, at most.
    pub rows_per_part: usize,
    /// Rows of a row group, at most.
    pub rows_per_group: usize,
    /// Tables that one `export_tables_info` file names.
    pub tables_per_manifest: usize,
    /// The form of empty tables.
    pub empty: EmptyTableForm,
    /// No batch folders, as in older exports.
    pub no_batch_folder: bool,
    /// Timestamps are not marked as adjusted to UTC.
    pub local_timestamps: bool,
    /// The three size fields are missing from every manifest entry.
    pub no_sizes: bool,
    /// MySQL's targets read `database.database.table` in the manifests instead
    /// of `database.table`; which of the two is real is not confirmed.
    pub three_part_targets: bool,
    /// The first `export_tables_info` is cut in its middle.
    pub truncated_manifest: bool,
    /// The last Parquet file of this table (`schema.table`) is cut in its middle.
    pub truncated_file: Option<String>,
    /// This table (`schema.table`) gets one more file, of one row and another schema.
    pub mismatched_file: Option<String>,
}

impl Default for ExportQuirks {
    fn default() -> ExportQuirks {
        ExportQuirks {
            rows_per_part: 60_000,
            rows_per_group: 20_000,
            tables_per_manifest: 5,
            empty: EmptyTableForm::ByHash,
            no_batch_folder: false,
            local_timestamps: false,
            no_sizes: false,
            three_part_targets: false,
            truncated_manifest: false,
            truncated_file: None,
            mismatched_file: None,
        }
    }
}

/// What an export wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportOutcome {
    /// Extracted data in GB (10⁹ bytes), fractional.
    pub total_gb: f64,
    /// One sentence per skipped table; joined they are the task's `WarningMessage`.
    pub warnings: Vec<String>,
    /// The tables that were written, in order.
    pub tables: Vec<ExportedTable>,
}

/// Writes the export of `image` that `spec` describes into `sink`.
///
/// Tables first, each with its `_SUCCESS` after its files, then the tables'
/// manifests, `export_info` last. Skipped tables are named in the warnings and
/// have no objects. Repeating it overwrites the same keys with the same bytes;
/// dropping the future leaves what was written so far, as a cancelled export
/// does. Files are encoded on all cores and memory is bounded by one file a
/// core; that runs on blocking threads, so the call needs a Tokio runtime.
///
/// # Errors
/// [`DatabaseError::UnknownExportOnly`] before anything is written when `only` names
/// nothing of the image; later when the image cannot be read or the sink fails.
pub async fn export(
    image: &dyn DatabaseSnapshot,
    spec: &ExportSpec<'_>,
    sink: &dyn ObjectSink,
) -> Result<ExportOutcome, DatabaseError> {
    check_export_only(image, spec.only)?;
    let mut tables = Vec::new();
    let mut entries = manifest::database_entries(image, spec);
    let mut warnings = Vec::new();
    for table in image.tables().iter().filter(|table| names::selected(image, spec.only, table)) {
        if let Some(reason) = names::skip_reason(table) {
            let warning =
                format!("table {} was skipped: {reason}", names::target(image, table, spec));
            tracing::debug!(
                export = spec.export_id,
                schema = table.schema,
                table = table.name,
                "table skipped"
            );
            entries.push(manifest::skipped_entry(image, table, &warning, spec));
            warnings.push(warning);
            continue;
        }
        let written = table::write(image, table, spec, sink).await?;
        entries.push(manifest::table_entry(image, table, &written, spec));
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
