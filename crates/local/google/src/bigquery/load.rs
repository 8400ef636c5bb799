//! Load jobs, all or nothing: what a disposition does to rows, schema and policy tags.
//!
//! From Google's documentation of `JobConfigurationLoad`, and users' reports for what it
//! leaves open. A plain WRITE_TRUNCATE replaces the schema, so policy tags and
//! descriptions go; WRITE_TRUNCATE_DATA replaces the rows only.

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use serde_json::{Map, Value, json};

use super::catalog::{Rows, TABLE_EXTRA, Table, TableName, check_required};
use super::datasets::merge;
use super::schema::{Field, Mode, find, parse_schema};
use super::tables::{check_layout, check_table_id};
use super::{BigQuery, ndjson, parquet};
use crate::access::Principal;
use crate::error::GoogleError;
use crate::storage::store::Object;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disposition {
    Empty,
    Append,
    Truncate,
    TruncateData,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileFormat {
    Parquet,
    Json,
}

/// Which BigQuery types a decimal may become, and how lists are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileOptions {
    pub(super) numeric: bool,
    pub(super) bignumeric: bool,
    pub(super) string: bool,
    pub(super) list_inference: bool,
    pub(super) ignore_unknown: bool,
}

/// A load job's configuration.
pub(super) struct LoadSpec {
    uris: Vec<String>,
    destination: TableName,
    schema: Vec<Field>,
    format: FileFormat,
    disposition: Disposition,
    create: bool,
    add_fields: bool,
    relax_fields: bool,
    options: FileOptions,
    extra: Map<String, Value>,
}

impl LoadSpec {
    /// Reads a configuration. What is wrong here is refused before a job exists.
    pub(super) fn parse(load: &Value, project: &str) -> Result<Self, GoogleError> {
        let text = |key: &str| load.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
        let list = |key: &str| -> Vec<String> {
            let all = load.get(key).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(|it| it.as_str().map(str::to_owned)).collect()
        };
        let uris = list("sourceUris");
        if uris.is_empty() || uris.len() > 10_000 {
            return Err(GoogleError::new(
                400,
                "required",
                "Load configuration must specify between 1 and 10,000 source URIs.",
            ));
        }
        for uri in &uris {
            check_uri(uri)?;
        }
        let format = match text("sourceFormat").unwrap_or("CSV") {
            "PARQUET" => FileFormat::Parquet,
            "NEWLINE_DELIMITED_JSON" => FileFormat::Json,
            other => {
                return Err(GoogleError::invalid(format!(
                    "Source format {other} is not supported by this server."
                )));
            }
        };
        let disposition = match text("writeDisposition").unwrap_or("WRITE_APPEND") {
            "WRITE_EMPTY" => Disposition::Empty,
            "WRITE_APPEND" => Disposition::Append,
            "WRITE_TRUNCATE" => Disposition::Truncate,
            "WRITE_TRUNCATE_DATA" => Disposition::TruncateData,
            other => {
                return Err(GoogleError::invalid(format!(
                    "Invalid value for: {other} is not a valid value"
                )));
            }
        };
        let decimals = list("decimalTargetTypes");
        let wants = |name: &str, default| {
            if decimals.is_empty() { default } else { decimals.iter().any(|it| it == name) }
        };
        let updates = list("schemaUpdateOptions");
        let reference = load.get("destinationTable").unwrap_or(&Value::Null);
        let mut extra = Map::new();
        merge(&mut extra, load, &TABLE_EXTRA);
        if let Some(properties) = load.get("destinationTableProperties") {
            merge(&mut extra, properties, &TABLE_EXTRA);
        }
        Ok(Self {
            uris,
            destination: TableName::parse(reference, project)?,
            schema: parse_schema(load.get("schema"))?,
            format,
            disposition,
            create: text("createDisposition") != Some("CREATE_NEVER"),
            add_fields: updates.iter().any(|it| it == "ALLOW_FIELD_ADDITION"),
            relax_fields: updates.iter().any(|it| it == "ALLOW_FIELD_RELAXATION"),
            options: FileOptions {
                numeric: wants("NUMERIC", true),
                bignumeric: wants("BIGNUMERIC", false),
                string: wants("STRING", false),
                list_inference: load
                    .pointer("/parquetOptions/enableListInference")
                    .and_then(Value::as_bool)
                    == Some(true),
                ignore_unknown: load.get("ignoreUnknownValues").and_then(Value::as_bool)
                    == Some(true),
            },
            extra,
        })
    }

    /// The columns that an existing table will have: its own, with what the job may change.
    fn merged(&self, table: &[Field]) -> Result<Vec<Field>, GoogleError> {
        let name = &self.destination;
        let refuse = |what: String| {
            Err(GoogleError::invalid(format!(
                "Provided Schema does not match Table {name}. {what}"
            )))
        };
        let mut fields = table.to_vec();
        for new in &self.schema {
            let Some(at) = fields.iter().position(|it| it.name.eq_ignore_ascii_case(&new.name))
            else {
                if !self.add_fields {
                    return refuse(format!("Cannot add fields (field: {})", new.name));
                }
                if new.mode == Mode::Required {
                    return refuse(format!(
                        "Cannot add required fields to an existing schema. (field: {})",
                        new.name
                    ));
                }
                fields.push(new.clone());
                continue;
            };
            let old = &mut fields[at];
            if old.kind != new.kind {
                let (from, to) = (old.kind.name(), new.kind.name());
                return refuse(format!("Field {} has changed type from {from} to {to}", old.name));
            }
            match (old.mode, new.mode) {
                (before, after) if before == after => {}
                (Mode::Required, Mode::Nullable) if self.relax_fields => old.mode = Mode::Nullable,
                (before, after) => {
                    let (from, to) = (before.name(), after.name());
                    return refuse(format!(
                        "Field {} has changed mode from {from} to {to}",
                        old.name
                    ));
                }
            }
        }
        Ok(fields)
    }
}

/// `gs://BUCKET/NAME` with at most one `*`, which stands in the name; no `//` in the name.
fn check_uri(uri: &str) -> Result<(), GoogleError> {
    let parts = uri.strip_prefix("gs://").and_then(|rest| rest.split_once('/'));
    let Some((bucket, name)) =
        parts.filter(|(bucket, name)| !bucket.is_empty() && !name.is_empty())
    else {
        return Err(GoogleError::invalid(format!(
            "Source URI is not a Google Cloud Storage location: {uri}"
        )));
    };
    if bucket.contains('*') || name.matches('*').count() > 1 {
        return Err(GoogleError::invalid(format!(
            "Source URI must have at most one wildcard, and none in its bucket's name: {uri}"
        )));
    }
    if name.contains("//") || name.starts_with('/') {
        return Err(GoogleError::invalid(format!(
            "Source URI must not hold consecutive slashes after its bucket: {uri}"
        )));
    }
    Ok(())
}

impl BigQuery {
    /// Runs a load job. Returns its `statistics`; an error leaves the table as it was.
    pub(super) fn load(&self, who: &Principal, spec: &LoadSpec) -> Result<Value, GoogleError> {
        let name = &spec.destination;
        let (location, before) = {
            let catalog = self.catalog();
            let dataset = catalog.dataset(&name.project, &name.dataset)?;
            (dataset.location.clone(), dataset.tables.get(&name.table).cloned())
        };
        let permission = match &before {
            Some(_) => "bigquery.tables.updateData",
            None => "bigquery.tables.create",
        };
        self.may_on_table(who, name, permission)?;
        if before.is_none() {
            check_table_id(&name.table)?;
            if !spec.create || spec.disposition == Disposition::TruncateData {
                return Err(name.not_found());
            }
        }
        if let Some(table) = &before {
            check_empty(spec.disposition, table, name)?;
        }
        let files = self.source_files(who, spec)?;
        // A table that has no columns yet takes those of the job or of its files.
        let kept = before
            .as_ref()
            .filter(|table| spec.disposition != Disposition::Truncate && !table.fields.is_empty());
        let fields = match kept {
            Some(table) => spec.merged(&table.fields)?,
            None if !spec.schema.is_empty() => spec.schema.clone(),
            None => derived(spec, &files)?,
        };
        let tags_before = before.as_ref().map_or(&[][..], |table| &table.fields);
        // Losing tags by a plain truncation asks no right: that is the danger of it.
        let tagged_before: Vec<Field> = match kept {
            Some(_) => tags_before.to_vec(),
            None => (tags_before.iter())
                .filter(|old| find(&fields, &old.name).is_some_and(|new| new.tag() == old.tag()))
                .cloned()
                .collect(),
        };
        self.check_tags(who, name, &location, &tagged_before, &fields)?;
        check_layout(&fields, &Value::Object(spec.extra.clone()))?;
        let mut batches = Vec::new();
        for file in &files {
            for batch in read(spec, file, &fields)? {
                check_required(&fields, &batch)?;
                batches.push(batch);
            }
        }
        let rows = Rows::new(batches);
        let statistics = json!({"load": {
            "inputFiles": files.len().to_string(),
            "inputFileBytes": files.iter().map(|it| it.size).sum::<u64>().to_string(),
            "outputRows": rows.rows.to_string(),
            "outputBytes": rows.bytes.to_string(),
            "badRecords": "0",
        }});
        self.commit(spec, before.is_some(), fields, rows)?;
        Ok(statistics)
    }

    /// Puts the rows into the table, in one step.
    fn commit(
        &self,
        spec: &LoadSpec,
        existed: bool,
        fields: Vec<Field>,
        mut rows: Rows,
    ) -> Result<(), GoogleError> {
        let (name, now) = (&spec.destination, self.clock.now());
        let mut catalog = self.catalog();
        let tables = &mut catalog.dataset_mut(&name.project, &name.dataset)?.tables;
        let Some(table) = tables.get_mut(&name.table) else {
            if existed {
                return Err(name.not_found());
            }
            let mut table = Table::new(fields, spec.extra.clone(), now);
            table.rows = Arc::new(rows);
            tables.insert(name.table.clone(), table);
            return Ok(());
        };
        check_empty(spec.disposition, table, name)?;
        match spec.disposition {
            Disposition::Truncate => {
                // The table is the job's now: schema, tags and descriptions are replaced.
                let layout = ["timePartitioning", "rangePartitioning", "clustering", "labels"];
                table.extra.retain(|key, _| layout.contains(&key.as_str()));
                table.extra.extend(spec.extra.clone());
                table.fields = fields;
            }
            Disposition::Append | Disposition::Empty => {
                let mut batches = table.rows.batches.clone();
                batches.append(&mut rows.batches);
                rows = Rows::new(batches);
                add_columns(table, fields);
            }
            Disposition::TruncateData => add_columns(table, fields),
        }
        table.rows = Arc::new(rows);
        table.touch(now);
        Ok(())
    }

    /// The objects that the job's URIs name, in the order of their names, each once.
    fn source_files(
        &self,
        who: &Principal,
        spec: &LoadSpec,
    ) -> Result<Vec<Arc<Object>>, GoogleError> {
        let mut files: Vec<Arc<Object>> = Vec::new();
        for uri in &spec.uris {
            let (bucket, name) =
                uri.strip_prefix("gs://").and_then(|rest| rest.split_once('/')).unwrap_or_default();
            let missing = || GoogleError::not_found(format!("Not found: URI {uri}"));
            for permission in ["storage.objects.get", "storage.objects.list"] {
                if !self.read_access(|access| access.on_bucket(who, bucket, permission)) {
                    return Err(GoogleError::access_denied(format!(
                        "Access Denied: File {uri}: {} does not have {permission} access to the \
                         Google Cloud Storage object.",
                        who.email
                    )));
                }
            }
            let (prefix, suffix) = name.split_once('*').unwrap_or((name, ""));
            let wild = name.contains('*');
            let found: Vec<_> = (self.store.list(bucket, prefix).map_err(|_| missing())?)
                .into_iter()
                .filter(|object| {
                    if wild {
                        object.name.len() >= prefix.len() + suffix.len()
                            && object.name.ends_with(suffix)
                    } else {
                        object.name == name
                    }
                })
                .collect();
            if found.is_empty() {
                return Err(missing());
            }
            for object in found {
                if !files.iter().any(|it| it.bucket == object.bucket && it.name == object.name) {
                    files.push(object);
                }
            }
        }
        Ok(files)
    }
}

/// WRITE_EMPTY loads into an empty table only.
fn check_empty(
    disposition: Disposition,
    table: &Table,
    name: &TableName,
) -> Result<(), GoogleError> {
    if disposition == Disposition::Empty && table.rows.rows > 0 {
        return Err(GoogleError::duplicate(format!("Already Exists: Table {name}")));
    }
    Ok(())
}

/// Adds the columns that a job brought, and relaxes the modes it relaxed. What somebody else
/// changed meanwhile, tags above all, stays.
fn add_columns(table: &mut Table, fields: Vec<Field>) {
    for field in fields {
        match table.fields.iter_mut().find(|it| it.name.eq_ignore_ascii_case(&field.name)) {
            Some(old) => old.mode = field.mode,
            None => table.fields.push(field),
        }
    }
}

/// The schema of the files themselves: BigQuery takes the alphabetically last one's.
fn derived(spec: &LoadSpec, files: &[Arc<Object>]) -> Result<Vec<Field>, GoogleError> {
    let last = files.iter().max_by(|a, b| a.name.cmp(&b.name));
    match (spec.format, last) {
        (FileFormat::Parquet, Some(file)) => parquet::derive(open(file)?, &uri(file), spec.options),
        _ => Err(GoogleError::invalid("No schema specified on job or table.")),
    }
}

fn read(spec: &LoadSpec, file: &Object, fields: &[Field]) -> Result<Vec<RecordBatch>, GoogleError> {
    match spec.format {
        FileFormat::Parquet => parquet::read(open(file)?, &uri(file), spec.options, fields),
        FileFormat::Json => {
            ndjson::read(&file.read()?, &uri(file), spec.options.ignore_unknown, fields)
        }
    }
}

fn open(file: &Object) -> Result<File, GoogleError> {
    File::open(&file.file)
        .map_err(|_| GoogleError::not_found(format!("Not found: URI {}", uri(file))))
}

fn uri(file: &Object) -> String {
    format!("gs://{}/{}", file.bucket, file.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_that_cannot_be_loaded() {
        for (uri, good) in [
            ("gs://b/o.parquet", true),
            ("gs://b/d/*.parquet", true),
            ("gs://b/d/*/x*.parquet", false),
            ("gs://b*/o", false),
            ("gs://b/d//o", false),
            ("gs://b//o", false),
            ("gs://b", false),
            ("s3://b/o", false),
        ] {
            assert_eq!(check_uri(uri).is_ok(), good, "{uri}");
        }
    }
}
