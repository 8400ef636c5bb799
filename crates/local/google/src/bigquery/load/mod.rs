//! Load jobs: read files from Cloud Storage and replace or append a table's rows atomically.
//!
//! Follows Google's documentation of `JobConfigurationLoad`, and users' reports where it is
//! silent. WRITE_TRUNCATE replaces the schema, so policy tags and descriptions are lost;
//! WRITE_TRUNCATE_DATA replaces only the rows.
//!
//! | module | what |
//! |---|---|
//! | `spec` | the configuration of a load job |
//! | `parquet` | Parquet files, read without type coercion |
//! | `ndjson` | newline-delimited JSON files |

mod ndjson;
mod parquet;
mod spec;

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use serde_json::{Value, json};

use super::BigQuery;
use super::catalog::{Table, TableName, TableRows};
use super::schema::{Field, FieldMode, find_field, is_same_name};
use super::tables::{check_layout, check_table_id};
use crate::access::{AccessControl, Principal};
use crate::error::GoogleError;
use crate::storage::store::Object;
pub(super) use spec::LoadSpec;
use spec::{SourceFormat, WriteDisposition};

impl BigQuery {
    /// Runs a load job and returns its `statistics`. On an error the table stays unchanged.
    pub(super) fn load(&self, caller: &Principal, spec: &LoadSpec) -> Result<Value, GoogleError> {
        let name = &spec.destination;
        let (location, existing) = {
            let catalog = self.catalog();
            let dataset = catalog.dataset(&name.project, &name.dataset)?;
            (dataset.location.clone(), dataset.tables.get(&name.table).cloned())
        };
        self.check_destination(caller, spec, existing.as_ref())?;
        let files = self.source_files(caller, spec)?;
        let (fields, fields_before) = resolve_fields(spec, existing.as_ref(), &files)?;
        self.check_tags(caller, name, &location, &fields_before, &fields)?;
        check_layout(&fields, &Value::Object(spec.properties.clone()))?;
        let mut batches = Vec::new();
        for file in &files {
            for batch in read_file(spec, file, &fields)? {
                check_required(&fields, &batch)?;
                batches.push(batch);
            }
        }
        let rows = TableRows::new(batches);
        let statistics = json!({"load": {
            "inputFiles": files.len().to_string(),
            "inputFileBytes": files.iter().map(|it| it.size).sum::<u64>().to_string(),
            "outputRows": rows.row_count.to_string(),
            "outputBytes": rows.logical_bytes.to_string(),
            "badRecords": "0",
        }});
        self.commit(spec, existing.is_some(), fields, rows)?;
        Ok(statistics)
    }

    /// Checks that the caller may load into the destination, and that the job's dispositions
    /// allow it.
    fn check_destination(
        &self,
        caller: &Principal,
        spec: &LoadSpec,
        existing: Option<&Table>,
    ) -> Result<(), GoogleError> {
        let name = &spec.destination;
        let Some(table) = existing else {
            self.authorize_on_table(caller, name, "bigquery.tables.create")?;
            check_table_id(&name.table)?;
            if !spec.may_create_table || spec.disposition == WriteDisposition::TruncateData {
                return Err(name.not_found());
            }
            return Ok(());
        };
        self.authorize_on_table(caller, name, "bigquery.tables.updateData")?;
        check_write_empty(spec.disposition, table, name)
    }

    /// Writes the fields and rows to the table in one step.
    fn commit(
        &self,
        spec: &LoadSpec,
        existed: bool,
        fields: Vec<Field>,
        mut rows: TableRows,
    ) -> Result<(), GoogleError> {
        let (name, now) = (&spec.destination, self.clock.now());
        let mut catalog = self.catalog();
        let changes = catalog.changes.clone();
        let dataset = catalog.dataset_mut(&name.project, &name.dataset)?;
        let (window, tables) = (dataset.time_travel(), &mut dataset.tables);
        let Some(table) = tables.get_mut(&name.table) else {
            if existed {
                return Err(name.not_found());
            }
            let mut table = Table::new(fields, spec.properties.clone(), now, &changes);
            table.rows = Arc::new(rows);
            tables.insert(name.table.clone(), table);
            return Ok(());
        };
        check_write_empty(spec.disposition, table, name)?;
        let fields = match spec.disposition {
            WriteDisposition::Truncate => {
                // The job replaces the schema, and with it tags, descriptions and row access
                // policies.
                table.row_access.clear();
                table.mark_row_access_changed();
                let layout = ["timePartitioning", "rangePartitioning", "clustering", "labels"];
                table.properties.retain(|key, _| layout.contains(&key.as_str()));
                table.properties.extend(spec.properties.clone());
                fields
            }
            WriteDisposition::Append | WriteDisposition::Empty => {
                let mut batches = table.rows.batches.clone();
                batches.append(&mut rows.batches);
                rows = TableRows::new(batches);
                with_new_columns(&table.fields, fields)
            }
            WriteDisposition::TruncateData => with_new_columns(&table.fields, fields),
        };
        table.replace_rows(fields, rows, now, window);
        Ok(())
    }

    /// The objects that the job's URIs match, each once. The matches of a URI are sorted by name.
    fn source_files(
        &self,
        caller: &Principal,
        spec: &LoadSpec,
    ) -> Result<Vec<Arc<Object>>, GoogleError> {
        let mut files: Vec<Arc<Object>> = Vec::new();
        for uri in &spec.uris {
            let (bucket, name) =
                uri.strip_prefix("gs://").and_then(|rest| rest.split_once('/')).unwrap_or_default();
            let uri_not_found = || GoogleError::not_found(format!("Not found: URI {uri}"));
            let access_denied = |permission: &str| {
                GoogleError::access_denied(format!(
                    "Access Denied: File {uri}: {} does not have {permission} access to the \
                     Google Cloud Storage object.",
                    caller.email
                ))
            };
            let list = "storage.objects.list";
            if !self.with_access(|access| access.allows_on_bucket(caller, bucket, list)) {
                return Err(access_denied(list));
            }
            let (prefix, suffix) = name.split_once('*').unwrap_or((name, ""));
            let is_wildcard = name.contains('*');
            let found: Vec<_> = (self.store.list(bucket, prefix).map_err(|_| uri_not_found())?)
                .into_iter()
                .filter(|object| {
                    if is_wildcard {
                        object.name.len() >= prefix.len() + suffix.len()
                            && object.name.ends_with(suffix)
                    } else {
                        object.name == name
                    }
                })
                .collect();
            if found.is_empty() {
                return Err(uri_not_found());
            }
            let get = "storage.objects.get";
            for object in found {
                let may_read = |access: &AccessControl| {
                    access.allows_on_object(caller, bucket, &object.name, get)
                };
                if !self.with_access(may_read) {
                    return Err(access_denied(get));
                }
                if !files.iter().any(|it| it.bucket == object.bucket && it.name == object.name) {
                    files.push(object);
                }
            }
        }
        Ok(files)
    }
}

/// The table's fields after the job, and the fields whose policy tags the job may keep without
/// a permission.
fn resolve_fields(
    spec: &LoadSpec,
    existing: Option<&Table>,
    files: &[Arc<Object>],
) -> Result<(Vec<Field>, Vec<Field>), GoogleError> {
    let fields_before = existing.map_or(&[][..], |table| &table.fields);
    // WRITE_TRUNCATE replaces the schema. A table without columns gets those of the job or of
    // its files.
    if spec.disposition != WriteDisposition::Truncate && !fields_before.is_empty() {
        return Ok((spec.merge_fields(fields_before)?, fields_before.to_vec()));
    }
    let fields = match spec.schema.as_slice() {
        [] => infer_fields(spec, files)?,
        schema => schema.to_vec(),
    };
    // Removing tags with WRITE_TRUNCATE requires no permission, as in BigQuery. This makes it
    // dangerous.
    let unchanged = (fields_before.iter())
        .filter(|old| find_field(&fields, &old.name).is_some_and(|new| new.tag() == old.tag()))
        .cloned()
        .collect();
    Ok((fields, unchanged))
}

/// The strings of an array in a configuration.
fn string_list(load: &Value, key: &str) -> Vec<String> {
    let values = load.get(key).and_then(Value::as_array).into_iter().flatten();
    values.filter_map(|it| it.as_str().map(str::to_owned)).collect()
}

/// Rejects rows with a NULL in a REQUIRED column.
fn check_required(fields: &[Field], batch: &RecordBatch) -> Result<(), GoogleError> {
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

/// Infers the fields from the files. BigQuery uses the alphabetically last file.
fn infer_fields(spec: &LoadSpec, files: &[Arc<Object>]) -> Result<Vec<Field>, GoogleError> {
    let last = files.iter().max_by(|a, b| a.name.cmp(&b.name));
    match (spec.format, last) {
        (SourceFormat::Parquet, Some(file)) => {
            parquet::infer_fields(open_file(file)?, &file_uri(file), spec.parquet)
        }
        _ => Err(GoogleError::invalid("No schema specified on job or table.")),
    }
}

fn read_file(
    spec: &LoadSpec,
    file: &Object,
    fields: &[Field],
) -> Result<Vec<RecordBatch>, GoogleError> {
    match spec.format {
        SourceFormat::Parquet => {
            parquet::read(open_file(file)?, &file_uri(file), spec.parquet, fields)
        }
        SourceFormat::Json => {
            ndjson::read(&file.read()?, &file_uri(file), spec.parquet.ignore_unknown, fields)
        }
    }
}

fn open_file(file: &Object) -> Result<File, GoogleError> {
    File::open(&file.file)
        .map_err(|_| GoogleError::not_found(format!("Not found: URI {}", file_uri(file))))
}

fn file_uri(file: &Object) -> String {
    format!("gs://{}/{}", file.bucket, file.name)
}
