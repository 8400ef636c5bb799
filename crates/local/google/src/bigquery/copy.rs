//! Copy jobs: `configuration.copy` of `jobs.insert`, as `bq cp` and clients send it.
//!
//! A copy has the source's schema with its policy tags, so its caller must have the Fine-Grained Reader
//! role on them (Google's documentation, "Impact on writes from column-level access control").

use serde_json::{Map, Value, json};

use super::BigQuery;
use super::catalog::Table;
use super::names::TableName;
use super::query::masked_table::MaskedTable;
use super::rows::TableRows;
use super::schema::Field;
use super::statements::unknown;
use super::write::{WriteDisposition, WriteTarget, check_is_table};
use crate::access::Principal;
use crate::error::GoogleError;

/// What a copy job does.
pub(super) struct CopySpec {
    source: TableName,
    target: WriteTarget,
}

impl CopySpec {
    /// Parses the configuration of a copy job.
    ///
    /// # Errors
    /// 400 for several sources, snapshots and restores.
    pub(super) fn parse(copy: &Value, project: &str) -> Result<Self, GoogleError> {
        let several = copy.get("sourceTables").and_then(Value::as_array);
        let source = match (several.map(Vec::as_slice), copy.get("sourceTable")) {
            (Some([only]), None) | (None | Some([]), Some(only)) => only,
            (Some([_, ..]), _) => return Err(unknown("copy jobs with several source tables")),
            _ => return Err(GoogleError::invalid("A copy job needs a source table.")),
        };
        match copy.get("operationType").and_then(Value::as_str) {
            None | Some("" | "OPERATION_TYPE_UNSPECIFIED" | "COPY" | "CLONE") => {}
            Some(other) => return Err(unknown(&format!("copy jobs of the type {other}"))),
        }
        let target = WriteTarget::parse(copy, project, WriteDisposition::Empty)?;
        Ok(Self { source: TableName::parse(source, project)?, target })
    }
}

impl BigQuery {
    /// Runs a copy job and returns its statistics.
    pub(super) fn copy(&self, caller: &Principal, spec: &CopySpec) -> Result<Value, GoogleError> {
        let source = self.copied_table(caller, &spec.source)?;
        let layout =
            ["timePartitioning", "rangePartitioning", "clustering", "description", "labels"];
        let properties: Map<String, Value> = (source.properties.iter())
            .filter(|(key, _)| layout.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let target =
            WriteTarget { schema: source.fields.clone(), properties, ..spec.target.clone() };
        let existing = {
            let catalog = self.catalog();
            let dataset = catalog.dataset(&target.name.project, &target.name.dataset)?;
            dataset.tables.get(&target.name.table).cloned()
        };
        self.check_target(caller, &target, existing.as_ref())?;
        let replaces = target.disposition == WriteDisposition::Truncate;
        let fields = match &existing {
            Some(table) if !replaces => {
                if !is_same_shape(&table.fields, &source.fields) {
                    return Err(GoogleError::invalid(format!(
                        "Provided Schema does not match Table {}.",
                        target.name
                    )));
                }
                table.fields.clone()
            }
            _ => source.fields.clone(),
        };
        let rows = TableRows::clone(&source.rows);
        let (count, bytes) = (rows.row_count.to_string(), rows.logical_bytes.to_string());
        self.commit(&target, existing.is_some(), fields, rows)?;
        Ok(json!({"copy": {"copiedRows": count, "copiedLogicalBytes": bytes}}))
    }

    /// A table whose rows and tags are copied.
    ///
    /// # Errors
    /// 403 unless the caller may read the table and is Fine-Grained Reader of all its tags, 400 for views
    /// and for tables with row access policies.
    pub(super) fn copied_table(
        &self,
        caller: &Principal,
        name: &TableName,
    ) -> Result<Table, GoogleError> {
        self.authorize_on_table(caller, name, "bigquery.tables.get")?;
        self.authorize_on_table(caller, name, "bigquery.tables.getData")?;
        let table = self.catalog().table(name)?.clone();
        check_is_table(&table, name)?;
        if table.row_access.has_policies() {
            return Err(unknown("copies of tables with row access policies"));
        }
        let (fields, rows) = (table.fields.clone(), table.rows.clone());
        let masked =
            self.with_access(|it| MaskedTable::new(it, caller, name, fields, rows, Vec::new()));
        (0..table.fields.len()).try_for_each(|column| masked.check_plain(column))?;
        Ok(table)
    }
}

/// Whether two tables have the same columns in the same order, whatever their tags and descriptions.
fn is_same_shape(one: &[Field], other: &[Field]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(a, b)| {
            super::schema::is_same_name(&a.name, &b.name)
                && (a.field_type, a.mode) == (b.field_type, b.mode)
                && is_same_shape(&a.fields, &b.fields)
        })
}
