//! The configuration of a load job.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::options::{ColumnNameMap, CsvOptions, ParquetOptions, SourceFormat, string_list};
use crate::bigquery::catalog::TABLE_PROPERTIES;
use crate::bigquery::merge_properties;
use crate::bigquery::schema::parse_schema;
use crate::bigquery::write::{WriteDisposition, WriteTarget};
use crate::error::GoogleError;

/// A load job's configuration.
#[derive(Debug)]
pub(in crate::bigquery) struct LoadSpec {
    pub(super) uris: Vec<String>,
    pub(in crate::bigquery) target: WriteTarget,
    pub(super) format: SourceFormat,
    pub(super) parquet: ParquetOptions,
    pub(super) csv: CsvOptions,
    /// The bytes that were sent with the job instead of URIs.
    pub(super) upload: Option<Bytes>,
}

impl LoadSpec {
    /// Parses a configuration. An error here prevents the creation of the job.
    pub(in crate::bigquery) fn parse(
        load: &Value,
        project: &str,
        upload: Option<Bytes>,
    ) -> Result<Self, GoogleError> {
        let text = |key: &str| load.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
        let uris = string_list(load, "sourceUris");
        if upload.is_some() && !uris.is_empty() {
            return Err(GoogleError::invalid("A load job has either sourceUris or uploaded data."));
        }
        if upload.is_none() && uris.is_empty() || uris.len() > 10_000 {
            return Err(GoogleError::new(
                400,
                "required",
                "Load configuration must specify between 1 and 10,000 source URIs.",
            ));
        }
        for uri in &uris {
            check_uri(uri)?;
        }
        let format = SourceFormat::parse(text("sourceFormat"))?;
        let names = ColumnNameMap::parse(text("columnNameCharacterMap"), format)?;
        let has_schema = load.get("schema").is_some_and(|it| !it.is_null());
        let detects = load.get("autodetect").and_then(Value::as_bool) == Some(true);
        if detects && format != SourceFormat::Parquet && !has_schema {
            return Err(GoogleError::invalid(
                "The local warehouse does not detect schemas of CSV and JSON; BigQuery does. Give the \
                 job a schema.",
            ));
        }
        let mut properties = Map::new();
        merge_properties(&mut properties, load, &TABLE_PROPERTIES);
        if let Some(given) = load.get("destinationTableProperties") {
            merge_properties(&mut properties, given, &TABLE_PROPERTIES);
        }
        let target = WriteTarget {
            schema: parse_schema(load.get("schema"))?,
            properties,
            ..WriteTarget::parse(load, project, WriteDisposition::Append)?
        };
        let (parquet, csv) = (ParquetOptions::parse(load, names), CsvOptions::parse(load)?);
        Ok(Self { uris, target, format, parquet, csv, upload })
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
