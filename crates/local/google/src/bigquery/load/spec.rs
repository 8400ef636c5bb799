//! The configuration of a load job.

use serde_json::{Map, Value};

use super::parquet::ParquetOptions;
use super::string_list;
use crate::bigquery::catalog::{TABLE_PROPERTIES, TableName};
use crate::bigquery::merge_properties;
use crate::bigquery::schema::{Field, FieldMode, parse_schema};
use crate::error::GoogleError;

/// `writeDisposition`: what happens to the rows of an existing table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteDisposition {
    Empty,
    Append,
    Truncate,
    TruncateData,
}

/// `sourceFormat`, as far as this server supports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SourceFormat {
    Parquet,
    Json,
}

impl WriteDisposition {
    fn parse(name: Option<&str>) -> Result<Self, GoogleError> {
        Ok(match name.unwrap_or("WRITE_APPEND") {
            "WRITE_EMPTY" => Self::Empty,
            "WRITE_APPEND" => Self::Append,
            "WRITE_TRUNCATE" => Self::Truncate,
            "WRITE_TRUNCATE_DATA" => Self::TruncateData,
            other => {
                return Err(GoogleError::invalid(format!(
                    "Invalid value for: {other} is not a valid value"
                )));
            }
        })
    }
}

impl SourceFormat {
    fn parse(name: Option<&str>) -> Result<Self, GoogleError> {
        match name.unwrap_or("CSV") {
            "PARQUET" => Ok(Self::Parquet),
            "NEWLINE_DELIMITED_JSON" => Ok(Self::Json),
            other => Err(GoogleError::invalid(format!(
                "Source format {other} is not supported by this server."
            ))),
        }
    }
}

/// A load job's configuration.
pub(in crate::bigquery) struct LoadSpec {
    pub(super) uris: Vec<String>,
    pub(in crate::bigquery) destination: TableName,
    pub(in crate::bigquery) schema: Vec<Field>,
    pub(super) format: SourceFormat,
    pub(super) disposition: WriteDisposition,
    pub(super) may_create_table: bool,
    pub(super) add_fields: bool,
    pub(super) relax_fields: bool,
    pub(super) parquet: ParquetOptions,
    pub(super) properties: Map<String, Value>,
}

impl LoadSpec {
    /// Parses a configuration. An error here prevents the creation of the job.
    pub(in crate::bigquery) fn parse(load: &Value, project: &str) -> Result<Self, GoogleError> {
        let text = |key: &str| load.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
        let uris = string_list(load, "sourceUris");
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
        let updates = string_list(load, "schemaUpdateOptions");
        let reference = load.get("destinationTable").unwrap_or(&Value::Null);
        let mut properties = Map::new();
        merge_properties(&mut properties, load, &TABLE_PROPERTIES);
        if let Some(given) = load.get("destinationTableProperties") {
            merge_properties(&mut properties, given, &TABLE_PROPERTIES);
        }
        Ok(Self {
            uris,
            destination: TableName::parse(reference, project)?,
            schema: parse_schema(load.get("schema"))?,
            format: SourceFormat::parse(text("sourceFormat"))?,
            disposition: WriteDisposition::parse(text("writeDisposition"))?,
            may_create_table: text("createDisposition") != Some("CREATE_NEVER"),
            add_fields: updates.iter().any(|it| it == "ALLOW_FIELD_ADDITION"),
            relax_fields: updates.iter().any(|it| it == "ALLOW_FIELD_RELAXATION"),
            parquet: ParquetOptions::parse(load),
            properties,
        })
    }

    /// The fields of an existing table after the job: its own with the permitted schema updates. They
    /// keep their policy tags, whatever the job's schema says: WRITE_TRUNCATE_DATA keeps the schema
    /// with its column policies (documentation of `writeDisposition`).
    pub(super) fn merge_fields(&self, table: &[Field]) -> Result<Vec<Field>, GoogleError> {
        let name = &self.destination;
        let schema_mismatch = |what: String| {
            Err(GoogleError::invalid(format!(
                "Provided Schema does not match Table {name}. {what}"
            )))
        };
        let mut fields = table.to_vec();
        for new in &self.schema {
            let Some(at) = fields.iter().position(|it| it.name.eq_ignore_ascii_case(&new.name))
            else {
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

/// Checks for `gs://BUCKET/NAME` with at most one `*`, which must be in the name, and no `//` in
/// the name.
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
            "Source URI must not contain consecutive slashes after its bucket: {uri}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_uris_are_rejected() {
        for (uri, is_valid) in [
            ("gs://b/o.parquet", true),
            ("gs://b/d/*.parquet", true),
            ("gs://b/d/*/x*.parquet", false),
            ("gs://b*/o", false),
            ("gs://b/d//o", false),
            ("gs://b//o", false),
            ("gs://b", false),
            ("s3://b/o", false),
        ] {
            assert_eq!(check_uri(uri).is_ok(), is_valid, "{uri}");
        }
    }
}
