//! Writing rows to a table: the dispositions of load and query jobs (`writeDisposition`,
//! `createDisposition` and `schemaUpdateOptions` of the BigQuery v2 API).

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::BigQuery;
use super::catalog::Table;
use super::ingestion::{other_partitions, placed, split_decorator};
use super::names::TableName;
use super::rows::TableRows;
use super::schema::{Field, FieldMode, is_same_name};
use super::tables::check_table_id;
use crate::access::Principal;
use crate::error::GoogleError;
use crate::turned::is_turned;

/// `writeDisposition`: what happens to the rows of an existing table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteDisposition {
    Empty,
    Append,
    Truncate,
    TruncateData,
}

impl WriteDisposition {
    /// Parses a value. The default is that of the kind of job.
    pub(super) fn parse(name: Option<&str>, default: Self) -> Result<Self, GoogleError> {
        Ok(match name {
            None => default,
            Some("WRITE_EMPTY") => Self::Empty,
            Some("WRITE_APPEND") => Self::Append,
            Some("WRITE_TRUNCATE") => Self::Truncate,
            Some("WRITE_TRUNCATE_DATA") => Self::TruncateData,
            Some(other) => {
                return Err(GoogleError::invalid(format!(
                    "Invalid value for writeDisposition: {other} is not a valid value"
                )));
            }
        })
    }
}

/// The table to which a job writes, and how.
#[derive(Clone, Debug)]
pub(super) struct WriteTarget {
    pub(super) name: TableName,
    /// The partition that the destination names by a decorator.
    pub(super) partition: Option<Date>,
    /// The schema of the job. A query job has that of its result.
    pub(super) schema: Vec<Field>,
    pub(super) disposition: WriteDisposition,
    pub(super) may_create_table: bool,
    pub(super) add_fields: bool,
    pub(super) relax_fields: bool,
    /// The properties of a table that the job creates or replaces.
    pub(super) properties: Map<String, Value>,
}

impl WriteTarget {
    /// Parses `destinationTable`, `writeDisposition`, `createDisposition` and `schemaUpdateOptions` of
    /// a job's configuration. The schema and the properties are left empty.
    pub(super) fn parse(
        configuration: &Value,
        project: &str,
        default: WriteDisposition,
    ) -> Result<Self, GoogleError> {
        let text =
            |key: &str| configuration.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
        let reference = configuration.get("destinationTable").unwrap_or(&Value::Null);
        let may_create_table = match text("createDisposition") {
            None | Some("CREATE_IF_NEEDED") => true,
            Some("CREATE_NEVER") => false,
            Some(other) => {
                return Err(GoogleError::invalid(format!(
                    "Invalid value for createDisposition: {other} is not a valid value"
                )));
            }
        };
        let (mut add_fields, mut relax_fields) = (false, false);
        let updates = configuration.get("schemaUpdateOptions").and_then(Value::as_array);
        for update in updates.into_iter().flatten() {
            match update.as_str().unwrap_or_default() {
                "ALLOW_FIELD_ADDITION" => add_fields = true,
                "ALLOW_FIELD_RELAXATION" => relax_fields = true,
                other => {
                    return Err(GoogleError::invalid(format!(
                        "Invalid value for schemaUpdateOptions: {other} is not a valid value"
                    )));
                }
            }
        }
        let mut name = TableName::parse(reference, project)?;
        let (table, partition) = split_decorator(&name.table)?;
        name.table = table.to_owned();
        Ok(Self {
            name,
            partition,
            schema: Vec::new(),
            disposition: WriteDisposition::parse(text("writeDisposition"), default)?,
            may_create_table,
            add_fields,
            relax_fields,
            properties: Map::new(),
        })
    }

    /// Whether the job replaces the schema. WRITE_TRUNCATE of one partition does not: it needs
    /// `schemaUpdateOptions` for a change (BigQuery v2 discovery document,
    /// `JobConfigurationLoad.schemaUpdateOptions`).
    pub(super) fn replaces_schema(&self) -> bool {
        self.disposition == WriteDisposition::Truncate && self.partition.is_none()
    }

    /// The fields of an existing table after the job: its own with the permitted schema updates. They
    /// keep their policy tags, whatever the job's schema says: WRITE_TRUNCATE_DATA keeps the schema
    /// with its column policies (documentation of `writeDisposition`).
    pub(super) fn merge_fields(&self, table: &[Field]) -> Result<Vec<Field>, GoogleError> {
        let name = &self.name;
        let schema_mismatch = |what: String| {
            let begins = match is_turned("job-error-messages") {
                true => "The schema is another than that of the table",
                false => "Provided Schema does not match Table",
            };
            Err(GoogleError::invalid(format!("{begins} {name}. {what}")))
        };
        let mut fields = table.to_vec();
        for new in &self.schema {
            let Some(at) = fields.iter().position(|it| is_same_name(&it.name, &new.name)) else {
                if !self.add_fields {
                    return schema_mismatch(format!("Cannot add fields (field: {})", new.name));
                }
                if new.mode == FieldMode::Required {
                    return schema_mismatch(format!(
                        "Cannot add required fields to an existing schema. (field: {})",
                        new.name
                    ));
                }
                fields.push(new.clone());
                continue;
            };
            let old = &mut fields[at];
            if old.field_type != new.field_type {
                let (from, to) = (old.field_type.name(), new.field_type.name());
                return schema_mismatch(format!(
                    "Field {} has changed type from {from} to {to}",
                    old.name
                ));
            }
            match (old.mode, new.mode) {
                (before, after) if before == after => {}
                (FieldMode::Required, FieldMode::Nullable) if self.relax_fields => {
                    old.mode = FieldMode::Nullable
                }
                (before, after) => {
                    let (from, to) = (before.name(), after.name());
                    return schema_mismatch(format!(
                        "Field {} has changed mode from {from} to {to}",
                        old.name
                    ));
                }
            }
        }
        Ok(fields)
    }
}

impl BigQuery {
    /// Checks that the caller may write to the target, and that the job's dispositions allow it.
    pub(super) fn check_target(
        &self,
        caller: &Principal,
        target: &WriteTarget,
        existing: Option<&Table>,
    ) -> Result<(), GoogleError> {
        let name = &target.name;
        let Some(table) = existing else {
            self.authorize_on_table(caller, name, "bigquery.tables.create")?;
            check_table_id(&name.table)?;
            if !target.may_create_table || target.disposition == WriteDisposition::TruncateData {
                return Err(name.not_found());
            }
            return Ok(());
        };
        self.authorize_on_table(caller, name, "bigquery.tables.updateData")?;
        if is_turned("load-no-fine-grained-reader")
            && target.disposition == WriteDisposition::TruncateData
            && table.fields.iter().any(|it| it.tag().is_some())
        {
            return Err(GoogleError::access_denied("Access Denied: the table has policy tags."));
        }
        check_is_table(table, name)?;
        check_write_empty(target.disposition, table, name)
    }

    /// Writes the fields and rows to the table in one step.
    pub(super) fn commit(
        &self,
        target: &WriteTarget,
        existed: bool,
        fields: Vec<Field>,
        mut rows: TableRows,
    ) -> Result<(), GoogleError> {
        let (name, now) = (&target.name, self.clock.now());
        let mut catalog = self.catalog();
        let changes = catalog.changes.clone();
        let dataset = catalog.dataset_mut(&name.project, &name.dataset)?;
        let window = dataset.time_travel();
        if !dataset.tables.contains_key(&name.table) {
            if existed {
                return Err(name.not_found());
            }
            let properties = dataset.with_default_expiration(target.properties.clone(), now);
            let rows = placed(rows, &properties, target.partition, now)?;
            let mut table = Table::new(fields, properties, now, &changes);
            table.rows = Arc::new(rows);
            dataset.tables.insert(name.table.clone(), table);
            return Ok(());
        }
        let table = dataset.tables.get_mut(&name.table).ok_or_else(|| name.not_found())?;
        check_is_table(table, name)?;
        check_write_empty(target.disposition, table, name)?;
        rows = placed(rows, &table.properties, target.partition, now)?;
        rows = beside_other_partitions(target, table, rows)?;
        let fields = match target.disposition {
            WriteDisposition::Truncate if target.replaces_schema() => {
                // The job replaces the schema, and with it tags, descriptions and row access
                // policies.
                table.row_access.clear();
                table.mark_row_access_changed();
                let layout = ["timePartitioning", "rangePartitioning", "clustering", "labels"];
                table.properties.retain(|key, _| layout.contains(&key.as_str()));
                table.properties.extend(target.properties.clone());
                fields
            }
            WriteDisposition::Append | WriteDisposition::Empty => {
                let mut batches = table.rows.batches.clone();
                batches.append(&mut rows.batches);
                rows = TableRows::new(batches);
                with_new_columns(&table.fields, fields)
            }
            WriteDisposition::Truncate | WriteDisposition::TruncateData => {
                if is_turned("load-truncate-data-keeps-row-access") {
                    table.row_access.clear();
                }
                with_new_columns(&table.fields, fields)
            }
        };
        let fields = turned_fields(target, &table.fields, fields);
        table.replace_rows(fields, rows, now, window);
        Ok(())
    }
}

/// The rows after a job that replaces one partition: its new rows, and the rows of the others.
fn beside_other_partitions(
    target: &WriteTarget,
    table: &Table,
    mut rows: TableRows,
) -> Result<TableRows, GoogleError> {
    let replaces_rows =
        matches!(target.disposition, WriteDisposition::Truncate | WriteDisposition::TruncateData);
    let Some(partition) = target.partition.filter(|_| replaces_rows) else { return Ok(rows) };
    if is_turned("load-truncate-data-one-partition") {
        return Ok(rows);
    }
    let mut batches = other_partitions(&table.rows, partition)?;
    batches.append(&mut rows.batches);
    Ok(TableRows::new(batches))
}

/// The fields after a job, if a claim of what becomes of them is turned around.
fn turned_fields(target: &WriteTarget, before: &[Field], mut fields: Vec<Field>) -> Vec<Field> {
    let disposition = target.disposition;
    let truncates_data = disposition == WriteDisposition::TruncateData;
    for field in &mut fields {
        if truncates_data && is_turned("load-truncate-data-keeps-schema") {
            field.properties.remove("description");
        }
        if truncates_data && is_turned("load-truncate-data-keeps-tags") {
            field.tags = None;
        }
        if !target.schema.is_empty() && is_turned("load-schema-without-tags") {
            field.tags = None;
        }
        if disposition == WriteDisposition::Truncate && is_turned("load-truncate-drops-tags") {
            let before = before.iter().find(|it| is_same_name(&it.name, &field.name));
            field.tags = before.and_then(|it| it.tags.clone());
        }
    }
    fields
}

/// # Errors
/// 400 for a view: it has no rows of its own.
pub(super) fn check_is_table(table: &Table, name: &TableName) -> Result<(), GoogleError> {
    if table.view.is_none() {
        return Ok(());
    }
    Err(GoogleError::invalid(format!(
        "{name} is not allowed for this operation because it is currently a VIEW."
    )))
}

/// Rejects rows with a NULL in a REQUIRED column.
pub(super) fn check_required(fields: &[Field], batch: &RecordBatch) -> Result<(), GoogleError> {
    for (field, column) in fields.iter().zip(batch.columns()) {
        if field.mode == FieldMode::Required && column.null_count() > 0 {
            return Err(GoogleError::invalid(format!(
                "Error while reading data, error message: Required field {} cannot be null",
                field.name
            )));
        }
    }
    Ok(())
}

/// WRITE_EMPTY requires an empty table.
fn check_write_empty(
    disposition: WriteDisposition,
    table: &Table,
    name: &TableName,
) -> Result<(), GoogleError> {
    if disposition == WriteDisposition::Empty && table.rows.row_count > 0 {
        return Err(GoogleError::duplicate(format!("Already Exists: Table {name}")));
    }
    Ok(())
}

/// The table's fields with the job's new columns and relaxed modes. Keeps concurrent changes of
/// other callers, such as policy tags.
fn with_new_columns(table: &[Field], job: Vec<Field>) -> Vec<Field> {
    let mut fields = table.to_vec();
    for field in job {
        match fields.iter_mut().find(|it| is_same_name(&it.name, &field.name)) {
            Some(old) => old.mode = field.mode,
            None => fields.push(field),
        }
    }
    fields
}
