//! A query's result as the rows of a table (`destinationTable` of a query job, CREATE TABLE AS SELECT).
//!
//! The table gets the values that the caller of the query sees. It gets no policy tags: BigQuery copies
//! none to a query's result. An existing table keeps its own, unless WRITE_TRUNCATE replaces its schema.

use super::{Statement, StatementResult};
use crate::bigquery::job::QueryResult;
use crate::bigquery::rows::TableRows;
use crate::bigquery::schema::{Field, FieldMode, FieldType, find_field};
use crate::bigquery::statements::rows::conformed;
use crate::bigquery::tables::check_layout;
use crate::bigquery::write::{WriteDisposition, WriteTarget, check_required};
use crate::error::GoogleError;

impl Statement<'_> {
    /// Runs a query and writes its rows to a table.
    pub(super) async fn write_result(
        &self,
        target: &WriteTarget,
        sql: String,
    ) -> Result<StatementResult, GoogleError> {
        let server = self.server;
        let existing = {
            let catalog = server.catalog();
            let dataset = catalog.dataset(&target.name.project, &target.name.dataset)?;
            dataset.tables.get(&target.name.table).cloned()
        };
        server.check_target(self.caller, target, existing.as_ref())?;
        let result = self.rows_of(sql).await?;
        let target = WriteTarget {
            schema: table_fields(&result.fields, &target.name.to_string())?,
            ..target.clone()
        };
        let before = existing.as_ref().map_or(&[][..], |it| &it.fields);
        let fields = if target.disposition == WriteDisposition::Truncate || before.is_empty() {
            target.schema.clone()
        } else {
            target.merge_fields(before)?
        };
        check_layout(&fields, &serde_json::Value::Object(target.properties.clone()))?;
        if !self.dry_run {
            let rows = rows_with_fields(&result, &fields)?;
            server.commit(&target, existing.is_some(), fields, rows)?;
        }
        Ok(StatementResult { destination: Some(target.name), ..StatementResult::query(result) })
    }
}

/// The fields of a new table with a query's result.
///
/// # Errors
/// 400 for two columns of one name.
pub(super) fn table_fields(fields: &[Field], table: &str) -> Result<Vec<Field>, GoogleError> {
    for (at, field) in fields.iter().enumerate() {
        if find_field(&fields[..at], &field.name).is_some() {
            return Err(GoogleError::invalid_query(format!(
                "Duplicate column names in the result are not supported when a destination table is \
                 present. Found duplicate(s): {} ({table})",
                field.name
            )));
        }
        if has_interval(field) {
            return Err(super::unknown(&format!(
                "tables with the type INTERVAL (column {})",
                field.name
            )));
        }
        crate::bigquery::schema::check_field_name(&field.name)?;
    }
    Ok(fields.iter().map(untagged).collect())
}

fn has_interval(field: &Field) -> bool {
    field.field_type == FieldType::Interval || field.fields.iter().any(has_interval)
}

/// A field without policy tags.
fn untagged(field: &Field) -> Field {
    Field {
        tags: None,
        mode: if field.mode == FieldMode::Repeated { field.mode } else { FieldMode::Nullable },
        fields: field.fields.iter().map(untagged).collect(),
        ..field.clone()
    }
}

/// The rows of a result as rows of a table with these fields. Columns are found by name.
pub(super) fn rows_with_fields(
    result: &QueryResult,
    fields: &[Field],
) -> Result<TableRows, GoogleError> {
    let mut batches = Vec::new();
    for batch in &result.batches {
        let batch = conformed(batch, &result.fields, fields)?;
        check_required(fields, &batch)?;
        batches.push(batch);
    }
    Ok(TableRows::new(batches))
}
