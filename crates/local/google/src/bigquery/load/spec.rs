//! The configuration of a load job.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::csv::CsvOptions;
use super::parquet::ParquetOptions;
use super::string_list;
use crate::bigquery::catalog::TABLE_PROPERTIES;
use crate::bigquery::merge_properties;
use crate::bigquery::schema::{check_field_name, is_flexible, parse_schema};
use crate::bigquery::write::{WriteDisposition, WriteTarget};
use crate::error::GoogleError;
use crate::turned::is_turned;

/// `sourceFormat`, as far as this server supports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SourceFormat {
    Parquet,
    Json,
    Csv,
}

impl SourceFormat {
    fn parse(name: Option<&str>) -> Result<Self, GoogleError> {
        match name.unwrap_or("CSV") {
            "PARQUET" => Ok(Self::Parquet),
            "NEWLINE_DELIMITED_JSON" => Ok(Self::Json),
            "CSV" => Ok(Self::Csv),
            other => Err(GoogleError::invalid(format!(
                "Source format {other} is not supported by this server."
            ))),
        }
    }
}

/// `columnNameCharacterMap`: which column names of a file are loaded (BigQuery v2 discovery document).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnNameMap {
    /// Flexible names; other names are refused. The default.
    Strict,
    /// Letters, digits and `_`; other characters, except periods, become `_`.
    V1,
    /// Flexible names; other characters, except periods, become `_`.
    V2,
}

impl ColumnNameMap {
    fn parse(name: Option<&str>, format: SourceFormat) -> Result<Self, GoogleError> {
        // "Using this option with unsupported load formats will result in an error."
        if name.is_some() && format != SourceFormat::Parquet {
            return Err(GoogleError::invalid(
                "Column name character map is only supported for CSV and Parquet loads.",
            ));
        }
        Ok(match name {
            None | Some("STRICT" | "COLUMN_NAME_CHARACTER_MAP_UNSPECIFIED") => Self::Strict,
            Some("V1") => Self::V1,
            Some("V2") => Self::V2,
            Some(other) => {
                return Err(GoogleError::invalid(format!(
                    "Invalid value for column_name_character_map: {other} is not a valid value"
                )));
            }
        })
    }

    /// The column's name in the table.
    pub(super) fn column(self, name: &str) -> Result<String, GoogleError> {
        let plain = |c: char| c == '_' || c.is_ascii_alphanumeric();
        let replaced = |is_kept: fn(char) -> bool| -> String {
            name.chars().map(|c| if is_kept(c) || c == '.' { c } else { '_' }).collect()
        };
        let mapped = match self {
            Self::Strict if is_turned("load-flexible-names") => replaced(is_flexible),
            Self::Strict => name.to_owned(),
            Self::V2 => replaced(is_flexible),
            Self::V1 => replaced(plain),
        };
        let mapped = match self {
            Self::V1 if mapped.starts_with(|c: char| c.is_ascii_digit()) => format!("_{mapped}"),
            _ => mapped,
        };
        check_field_name(&mapped)?;
        Ok(mapped)
    }
}

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
    fn a_file_with_flexible_column_names_needs_a_map_that_allows_them() {
        let column = |map, name| {
            let map = ColumnNameMap::parse(map, SourceFormat::Parquet).expect("a map");
            map.column(name).ok()
        };
        for (map, name, want) in [
            (None, "이름", Some("이름")),
            (Some("STRICT"), "the column", Some("the column")),
            (Some("STRICT"), "값(원)", None),
            (Some("V2"), "값(원)", Some("값_원_")),
            (Some("V2"), "a.b", None),
            (Some("V1"), "이름", Some("__")),
            (Some("V1"), "1st", Some("_1st")),
        ] {
            assert_eq!(column(map, name).as_deref(), want, "{map:?} {name}");
        }
        assert!(ColumnNameMap::parse(Some("V3"), SourceFormat::Parquet).is_err());
        assert!(ColumnNameMap::parse(Some("V2"), SourceFormat::Json).is_err());
    }

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
