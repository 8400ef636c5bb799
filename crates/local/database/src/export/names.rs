//! Names of an export: which tables it takes, and what they are called in paths
//! and manifests.

use crate::error::DatabaseError;
use crate::export::ExportSpec;
use crate::snapshot::{DatabaseSnapshot, Table};
use landbridge_source::EngineFamily;

/// Characters of a column's name that make the export skip its table (AWS documentation).
const REFUSED_IN_COLUMNS: &[char] = &[',', ';', '{', '}', '(', ')', '=', ' ', '\t', '\n'];

/// Why the export skips this table, if it does.
pub(super) fn skip_reason(table: &Table) -> Option<String> {
    if let Some(reason) = &table.skip_reason {
        return Some(reason.clone());
    }
    if table.name.contains('/') {
        return Some("its name holds a slash".to_owned());
    }
    let refused = table.columns.iter().find(|column| column.name.contains(REFUSED_IN_COLUMNS))?;
    // Debug form, so that a tab or a line break in the name stays visible.
    Some(format!(
        "the name of its column {:?} holds one of , ; {{ }} ( ) = space, tab or newline",
        refused.name
    ))
}

/// A name as it stands in a path: `\`, backtick, `"` and space become `_`.
fn in_path(name: &str) -> String {
    name.replace(['\\', '`', '"', ' '], "_")
}

/// The folder of the whole export, without a slash at its end.
pub(super) fn folder(spec: &ExportSpec<'_>) -> String {
    match spec.prefix {
        Some(prefix) if !prefix.is_empty() => {
            format!("{}/{}", prefix.trim_matches('/'), spec.export_id)
        }
        _ => spec.export_id.to_owned(),
    }
}

/// The folder of a table, without a slash at its end.
pub(super) fn table_folder(
    image: &dyn DatabaseSnapshot,
    table: &Table,
    spec: &ExportSpec<'_>,
) -> String {
    let (database, schema, name) =
        (in_path(image.database()), in_path(&table.schema), in_path(&table.name));
    format!("{}/{database}/{schema}.{name}", folder(spec))
}

/// A table's name in the manifests: `database.schema.table`; of MySQL, whose
/// schema is the database, `database.table`.
pub(super) fn target(image: &dyn DatabaseSnapshot, table: &Table, spec: &ExportSpec<'_>) -> String {
    match image.engine().family() {
        EngineFamily::MySql if !spec.quirks.three_part_targets => {
            format!("{}.{}", table.schema, table.name)
        }
        _ => format!("{}.{}.{}", image.database(), table.schema, table.name),
    }
}

fn names(image: &dyn DatabaseSnapshot, table: &Table, part: &str) -> bool {
    let (database, Table { schema, name, .. }) = (image.database(), table);
    part == database
        || part == format!("{database}.{schema}")
        || part == format!("{database}.{schema}.{name}")
        || image.engine().family() == EngineFamily::MySql && part == format!("{schema}.{name}")
}

/// Whether an export of `only` takes this table.
pub(super) fn selected(image: &dyn DatabaseSnapshot, only: &[String], table: &Table) -> bool {
    only.is_empty() || only.iter().any(|part| names(image, table, part))
}

/// Whether every part of `ExportOnly` names something of the image, which RDS
/// checks when the task is started (`InvalidExportOnly`).
///
/// # Errors
/// [`DatabaseError::UnknownExportOnly`] names the first part that names nothing.
pub fn check_export_only(
    image: &dyn DatabaseSnapshot,
    only: &[String],
) -> Result<(), DatabaseError> {
    for part in only {
        if part != image.database() && !image.tables().iter().any(|table| names(image, table, part))
        {
            return Err(DatabaseError::UnknownExportOnly { name: part.clone() });
        }
    }
    Ok(())
}
