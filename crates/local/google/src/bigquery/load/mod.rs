//! Load jobs: read files from Cloud Storage and replace or append a table's rows atomically.
//!
//! Follows Google's documentation of `JobConfigurationLoad`, and users' reports where it is
//! silent. WRITE_TRUNCATE replaces the schema, so policy tags and descriptions are lost;
//! WRITE_TRUNCATE_DATA replaces only the rows.
//!
//! | module | what |
//! |---|---|
//! | `spec`, `options` | the configuration of a load job |
//! | `parquet` | Parquet files, read without type coercion |
//! | `ndjson` | newline-delimited JSON files |
//! | `csv` | CSV files |
//! | `external` | tables of one query over Parquet files |

mod csv;
mod external;
mod ndjson;
mod options;
mod parquet;
mod spec;

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use serde_json::{Value, json};

use super::BigQuery;
use super::catalog::Table;
use super::rows::TableRows;
use super::schema::{Field, find_field};
use super::tables::check_layout;
use super::write::check_required;
use crate::access::{AccessControl, Principal};
use crate::error::GoogleError;
use crate::storage::store::Object;
use crate::turned::is_turned;
pub(super) use external::ExternalTable;
use options::SourceFormat;
pub(super) use spec::LoadSpec;

impl BigQuery {
    /// Runs a load job and returns its `statistics`. On an error the table stays unchanged.
    pub(super) fn load(&self, caller: &Principal, spec: &LoadSpec) -> Result<Value, GoogleError> {
        let target = &spec.target;
        let name = &target.name;
        let (location, existing) = {
            let catalog = self.catalog();
            let dataset = catalog.dataset(&name.project, &name.dataset)?;
            (dataset.location.clone(), dataset.tables.get(&name.table).cloned())
        };
        self.check_target(caller, target, existing.as_ref())?;
        let files = self.source_files(caller, spec)?;
        let (fields, fields_before) = resolve_fields(spec, existing.as_ref(), &files)?;
        self.check_tags(caller, name, &location, &fields_before, &fields)?;
        check_layout(&fields, &Value::Object(target.properties.clone()))?;
        check_order(spec, &files)?;
        let mut batches = Vec::new();
        for file in &files {
            let read = match read_file(spec, file, &fields) {
                Err(error) if is_turned("load-atomic") => {
                    self.commit(target, existing.is_some(), fields, TableRows::new(batches))?;
                    return Err(error);
                }
                read => read?,
            };
            for batch in read {
                check_required(&fields, &batch)?;
                batches.push(batch);
            }
        }
        let rows = TableRows::new(batches);
        if rows.row_count == 0 && is_turned("load-zero-rows") {
            return Err(GoogleError::invalid("The files have no rows."));
        }
        let reported =
            rows.row_count + u64::from(rows.row_count > 0 && is_turned("job-rows-reported"));
        let statistics = json!({"load": {
            "inputFiles": files.len().to_string(),
            "inputFileBytes": files.iter().map(Source::size).sum::<u64>().to_string(),
            "outputRows": reported.to_string(),
            "outputBytes": rows.logical_bytes.to_string(),
            "badRecords": "0",
        }});
        self.commit(target, existing.is_some(), fields, rows)?;
        Ok(statistics)
    }

    /// The objects that the job's URIs match, each once. The matches of a URI are sorted by name.
    fn source_files(
        &self,
        caller: &Principal,
        spec: &LoadSpec,
    ) -> Result<Vec<Source>, GoogleError> {
        if let Some(bytes) = &spec.upload {
            return Ok(vec![Source::Upload(bytes.clone())]);
        }
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
                            && !(is_turned("load-objects-per-job")
                                && object.name[prefix.len()..].contains('/'))
                    } else {
                        object.name == name
                    }
                })
                .collect();
            if found.is_empty() {
                return Err(uri_not_found());
            }
            // A set-up by Rust code may leave this right out.
            let see = "storage.buckets.get";
            let may_see = |access: &AccessControl| {
                !access.plane.began_empty() || access.allows_on_bucket(caller, bucket, see)
            };
            if !self.with_access(may_see) {
                return Err(access_denied(see));
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
        Ok(files.into_iter().map(Source::Object).collect())
    }
}

/// What a job loads: an object, or the bytes that were sent with the job.
enum Source {
    Object(Arc<Object>),
    Upload(Bytes),
}

impl Source {
    fn uri(&self) -> String {
        match self {
            Self::Object(object) => format!("gs://{}/{}", object.bucket, object.name),
            Self::Upload(_) => "the uploaded file".to_owned(),
        }
    }

    fn size(&self) -> u64 {
        match self {
            Self::Object(object) => object.size,
            Self::Upload(bytes) => bytes.len() as u64,
        }
    }

    fn read(&self) -> Result<Bytes, GoogleError> {
        match self {
            Self::Object(object) => object.read(),
            Self::Upload(bytes) => Ok(bytes.clone()),
        }
    }

    /// The file of an object. Parquet is read from a file.
    fn open(&self) -> Result<File, GoogleError> {
        match self {
            Self::Object(object) => File::open(&object.file)
                .map_err(|_| GoogleError::not_found(format!("Not found: URI {}", self.uri()))),
            Self::Upload(_) => Err(GoogleError::invalid(
                "The local warehouse does not load uploaded Parquet; BigQuery does. Write the file to \
                 Cloud Storage and load it from there.",
            )),
        }
    }
}

/// The table's fields after the job, and the fields whose policy tags the job may keep without
/// a permission.
fn resolve_fields(
    spec: &LoadSpec,
    existing: Option<&Table>,
    files: &[Source],
) -> Result<(Vec<Field>, Vec<Field>), GoogleError> {
    let fields_before = existing.map_or(&[][..], |table| &table.fields);
    // WRITE_TRUNCATE replaces the schema. A table without columns gets those of the job or of
    // its files.
    if !spec.target.replaces_schema() && !fields_before.is_empty() {
        return Ok((spec.target.merge_fields(fields_before)?, fields_before.to_vec()));
    }
    let fields = match spec.target.schema.as_slice() {
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

/// Infers the fields from the files. BigQuery uses the alphabetically last file.
fn infer_fields(spec: &LoadSpec, files: &[Source]) -> Result<Vec<Field>, GoogleError> {
    let last = files.iter().max_by_key(|it| it.uri());
    match (spec.format, last) {
        (SourceFormat::Parquet, Some(file)) => {
            parquet::infer_fields(file.open()?, &file.uri(), spec.parquet)
        }
        _ => Err(GoogleError::invalid("No schema specified on job or table.")),
    }
}

/// Refuses Parquet files of a wildcard that have other columns, or the same in other positions (Google's documentation,
/// "Loading Parquet data from Cloud Storage", limitations).
fn check_order(spec: &LoadSpec, files: &[Source]) -> Result<(), GoogleError> {
    let is_wildcard = spec.uris.iter().any(|it| it.contains('*'));
    let [first, others @ ..] = files else { return Ok(()) };
    if !is_wildcard || spec.format != SourceFormat::Parquet || is_turned("load-same-column-order") {
        return Ok(());
    }
    let columns = parquet::column_names(first.open()?, &first.uri())?;
    for file in others {
        if parquet::column_names(file.open()?, &file.uri())? != columns {
            return Err(GoogleError::invalid(format!(
                "Error while reading data, error message: the files of a wildcard have other columns, or the same ones in \
                 other positions. File: {}",
                file.uri()
            )));
        }
    }
    Ok(())
}

fn read_file(
    spec: &LoadSpec,
    file: &Source,
    fields: &[Field],
) -> Result<Vec<RecordBatch>, GoogleError> {
    match spec.format {
        SourceFormat::Parquet => parquet::read(file.open()?, &file.uri(), spec.parquet, fields),
        SourceFormat::Json => {
            ndjson::read(&file.read()?, &file.uri(), spec.parquet.ignore_unknown, fields)
        }
        SourceFormat::Csv => csv::read(&file.read()?, &file.uri(), &spec.csv, fields),
    }
}
