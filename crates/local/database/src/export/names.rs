//! Which tables an export contains, and their names in object keys and manifests.

use crate::error::DatabaseError;
use crate::export::ExportSpec;
use crate::snapshot::{DatabaseSnapshot, Table};
use landbridge_source::EngineFamily;

/// Characters of a column name that make an export skip the table (AWS documentation).
const FORBIDDEN_IN_COLUMNS: &[char] = &[',', ';', '{', '}', '(', ')', '=', ' ', '\t', '\n'];

/// Why an export skips this table; `None` when it does not.
pub(super) fn skip_reason(table: &Table) -> Option<String> {
    if let Some(reason) = &table.skip_reason {
        return Some(reason.clone());
    }
    if table.name.contains('/') {
        return Some("its name contains a slash".to_owned());
    }
    let refused = table.columns.iter().find(|column| column.name.contains(FORBIDDEN_IN_COLUMNS))?;
    // Debug format, so that a tab or a line break in the name is visible.
    Some(format!(
        "the name of its column {:?} contains one of , ; {{ }} ( ) = space, tab or newline",
        refused.name
    ))
}

/// A name in an object key: `\`, backtick, `"` and space become `_`.
fn in_path(name: &str) -> String {
    name.replace(['\\', '`', '"', ' '], "_")
}

/// The folder of the export, without a trailing slash.
pub(super) fn folder(spec: &ExportSpec<'_>) -> String {
    match spec.prefix {
        Some(prefix) if !prefix.is_empty() => {
            format!("{}/{}", prefix.trim_matches('/'), spec.export_id)
        }
        _ => spec.export_id.to_owned(),
    }
}

/// The folder of a table, without a trailing slash.
pub(super) fn table_folder(
    snapshot: &dyn DatabaseSnapshot,
    table: &Table,
    spec: &ExportSpec<'_>,
) -> String {
    let (database, schema, name) =
        (in_path(snapshot.database()), in_path(&table.schema), in_path(&table.name));
    format!("{}/{database}/{schema}.{name}", folder(spec))
}

/// A table's name in the manifests: `database.schema.table`, or `database.table` for MySQL, where
/// the schema is the database.
pub(super) fn target(
    snapshot: &dyn DatabaseSnapshot,
    table: &Table,
    spec: &ExportSpec<'_>,
) -> String {
    match snapshot.engine().family() {
        EngineFamily::MySql if !spec.quirks.three_part_targets => {
            format!("{}.{}", table.schema, table.name)
        }
        _ => format!("{}.{}.{}", snapshot.database(), table.schema, table.name),
    }
}

fn part_matches(snapshot: &dyn DatabaseSnapshot, table: &Table, part: &str) -> bool {
    let (database, Table { schema, name, .. }) = (snapshot.database(), table);
    part == database
        || part == format!("{database}.{schema}")
        || part == format!("{database}.{schema}.{name}")
        || snapshot.engine().family() == EngineFamily::MySql && part == format!("{schema}.{name}")
}

/// Whether an export with this `ExportOnly` contains the table.
pub(super) fn selected(snapshot: &dyn DatabaseSnapshot, only: &[String], table: &Table) -> bool {
    only.is_empty() || only.iter().any(|part| part_matches(snapshot, table, part))
}

/// Checks that every part of `ExportOnly` matches something in the snapshot. RDS checks this when
/// the task is started (`InvalidExportOnly`).
///
/// # Errors
/// [`DatabaseError::UnsupportedExportOnly`] for a name with other characters than RDS supports,
/// [`DatabaseError::UnknownExportOnly`] with the first part that matches nothing.
pub fn check_export_only(
    snapshot: &dyn DatabaseSnapshot,
    only: &[String],
) -> Result<(), DatabaseError> {
    for part in only {
        // "If a database, schema, or table has characters in its name other than the following,
        // partial export isn't supported." (Amazon RDS User Guide, export limitations)
        if !part.chars().all(|c| c.is_ascii_alphanumeric() || "_$.".contains(c)) {
            return Err(DatabaseError::UnsupportedExportOnly { name: part.clone() });
        }
        if part != snapshot.database()
            && !snapshot.tables().iter().any(|table| part_matches(snapshot, table, part))
        {
            return Err(DatabaseError::UnknownExportOnly { name: part.clone() });
        }
    }
    Ok(())
}
