//! Parses the manifests of an export: `export_info_*.json` and `export_tables_info_*.json`.
//!
//! AWS does not specify these files, so the parser is tolerant: it ignores the case of keys
//! and unknown keys, accepts numbers as strings, and allows missing sizes. Required values are
//! checked, and errors contain the key of the file.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::types::OriginalColumn;
use crate::{Error, ErrorKind, Result};

/// The kind of a manifest file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestFile {
    /// `export_info_<id>.json`
    Info,
    /// `export_tables_info_<id>_from_<i>_to_<j>.json`
    Tables,
}

impl ManifestFile {
    /// The kind of the manifest with this key; `None` for other objects.
    pub fn from_key(key: &str) -> Option<Self> {
        let name = key.rsplit('/').next().unwrap_or(key);
        if !name.ends_with(".json") {
            None
        } else if name.starts_with("export_tables_info_") {
            Some(Self::Tables)
        } else if name.starts_with("export_info_") {
            Some(Self::Info)
        } else {
            None
        }
    }
}

/// An entry of `perTableStatus`: a table or a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableStatus {
    /// Names joined by dots: `shop.public.orders`, or only a database.
    pub target: String,
    /// `COMPLETE`, `SKIPPED`, …; empty if the manifest has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// The warning of RDS, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The columns of the source, in order; empty if the entry has no `schemaMetadata`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<OriginalColumn>,
}

impl TableStatus {
    /// Whether rows of this target are missing in the export.
    pub fn is_skipped(&self) -> bool {
        !self.status.is_empty() && !self.status.eq_ignore_ascii_case("COMPLETE")
    }
}

/// What the `WarningMessage` of a complete task says beyond the manifests: each skipped table that a manifest names
/// gets a receipt and an alert of its own. `None` if that is all it says. A text of a form that is not known here is
/// returned whole.
///
/// The RDS User Guide ("Exporting DB snapshot data to Amazon S3") shows the three lists of the message, and no entry.
pub fn beyond_manifests(warning: &str, tables: &[TableStatus]) -> Option<String> {
    let Ok(Value::Object(message)) = serde_json::from_str(warning) else {
        return Some(warning.to_owned());
    };
    let skipped: Vec<&TableStatus> = tables.iter().filter(|it| it.is_skipped()).collect();
    let is_said = |entry: &Value| {
        let entry = entry.to_string();
        skipped.iter().any(|it| names(&entry, &it.target))
    };
    let mut left = Map::new();
    for (list, entries) in message {
        let entries = match entries {
            Value::Array(entries) if list.eq_ignore_ascii_case("skippedTables") => {
                Value::Array(entries.into_iter().filter(|it| !is_said(it)).collect())
            }
            other => other,
        };
        let is_empty = entries.as_array().is_some_and(Vec::is_empty) || entries.is_null();
        if !is_empty {
            left.insert(list, entries);
        }
    }
    (!left.is_empty()).then(|| Value::Object(left).to_string())
}

/// Whether a text contains a name that is not a part of a longer one.
fn names(text: &str, name: &str) -> bool {
    let is_part =
        |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || "_$-".contains(it));
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    })
}

/// Parses an `export_tables_info_*.json`. `key` is its object key.
///
/// # Errors
/// [`ErrorKind::Corrupt`] with `key`, if it is not JSON or has no `perTableStatus`.
pub fn parse_tables(key: &str, bytes: &[u8]) -> Result<Vec<TableStatus>> {
    let root = object(key, bytes)?;
    let entries = get(&root, "perTableStatus").and_then(Value::as_array).ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "a manifest of the export has no `perTableStatus`", key)
    })?;
    entries
        .iter()
        .map(|entry| {
            let entry = entry.as_object().ok_or_else(|| {
                Error::new(ErrorKind::Corrupt, "an entry of `perTableStatus` is not an object", key)
            })?;
            let target = text(entry, "target").ok_or_else(|| {
                Error::new(ErrorKind::Corrupt, "an entry of `perTableStatus` has no `target`", key)
            })?;
            Ok(TableStatus {
                target,
                status: text(entry, "status").unwrap_or_default(),
                warning: text(entry, "warningMessage").filter(|warning| !warning.is_empty()),
                columns: columns(entry),
            })
        })
        .collect()
}

/// Parses the required parts of an `export_info_*.json`. `key` is its object key.
///
/// # Errors
/// [`ErrorKind::Corrupt`] with `key`, if it is not JSON.
pub fn parse_info(key: &str, bytes: &[u8]) -> Result<ExportInfo> {
    let root = object(key, bytes)?;
    Ok(ExportInfo {
        status: text(&root, "status").unwrap_or_default(),
        source_arn: text(&root, "sourceArn").unwrap_or_default(),
        exported_gb: get(&root, "totalExportedDataInGB").and_then(number),
    })
}

/// The contents of `export_info_*.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportInfo {
    /// Status of the export task.
    pub status: String,
    /// ARN of the snapshot.
    pub source_arn: String,
    /// Size of the exported data in GB, if the manifest has it.
    pub exported_gb: Option<f64>,
}

fn object(key: &str, bytes: &[u8]) -> Result<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Error::new(
            ErrorKind::Corrupt,
            "a manifest of the export is not a JSON object",
            key,
        )),
        Err(error) => {
            // The message of serde_json may contain values, so only the position is used.
            let at = format!("{key}, line {} column {}", error.line(), error.column());
            Err(if error.is_eof() {
                Error::new(ErrorKind::Corrupt, "a manifest of the export is cut short", at)
            } else {
                Error::new(ErrorKind::Corrupt, "a manifest of the export is not JSON", at)
            })
        }
    }
}

fn get<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

fn text(map: &Map<String, Value>, key: &str) -> Option<String> {
    get(map, key).and_then(Value::as_str).map(str::to_owned)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn count(map: &Map<String, Value>, key: &str) -> Option<u32> {
    let value = number(get(map, key)?)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked just before
    (0.0..=f64::from(u32::MAX)).contains(&value).then_some(value as u32)
}

fn columns(entry: &Map<String, Value>) -> Vec<OriginalColumn> {
    get(entry, "schemaMetadata")
        .and_then(Value::as_object)
        .and_then(|schema| get(schema, "originalTypeMappings"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|mapping| {
            let mapping = mapping.as_object()?;
            Some(OriginalColumn {
                name: text(mapping, "columnName")?,
                original_type: text(mapping, "originalType").unwrap_or_default(),
                precision: count(mapping, "originalNumPrecision").unwrap_or(0),
                scale: count(mapping, "originalNumScale"),
                expected_exported: text(mapping, "expectedExportedType").unwrap_or_default(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &[u8] = br#"{"PerTableStatus":[
      {"target":"shop.public.orders","status":"COMPLETE","sizeGB":"0.1","tableStatistics":{},"new":1,
       "schemaMetadata":{"originalTypeMappings":[
         {"columnName":"created_at","originalType":"timestamp without time zone",
          "expectedExportedType":"binary (UTF8)","originalCharMaxLength":0,
          "originalNumPrecision":"12","originalDateTimePrecision":6}]}},
      {"target":"postgres","warningMessage":"skipped some"}]}"#;

    #[test]
    fn parses_manifests_of_exports() {
        let tables = parse_tables("k", TABLES).unwrap();
        assert_eq!(tables.len(), 2);
        assert_eq!(tables[0].columns[0].original_type, "timestamp without time zone");
        assert_eq!(tables[0].columns[0].precision, 12);
        assert_eq!(tables[1].warning.as_deref(), Some("skipped some"));
        assert!(!tables[1].is_skipped());
    }

    #[test]
    fn the_error_of_a_truncated_manifest_has_its_key_and_no_content() {
        let error = parse_tables("exports/x/export_tables_info_x.json", &TABLES[..90]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(
            error.to_string(),
            "a manifest of the export is cut short: exports/x/export_tables_info_x.json, line 2 column 70"
        );
    }

    #[test]
    fn kinds_of_manifest_files() {
        assert_eq!(ManifestFile::from_key("p/x/export_info_x.json"), Some(ManifestFile::Info));
        assert_eq!(
            ManifestFile::from_key("p/x/export_tables_info_x_from_1_to_3.json"),
            Some(ManifestFile::Tables)
        );
        assert_eq!(ManifestFile::from_key("p/x/shop/public.orders/1/_SUCCESS"), None);
    }

    #[test]
    fn rows_are_missing_if_the_status_is_not_complete() {
        for (status, skipped) in [
            ("", false),
            ("COMPLETE", false),
            ("complete", false),
            ("SKIPPED", true),
            ("FAILED", true),
        ] {
            let (target, status) = ("shop.public.t".to_owned(), status.to_owned());
            let status = TableStatus { target, status, warning: None, columns: Vec::new() };
            assert_eq!(status.is_skipped(), skipped, "{}", status.status);
        }
    }

    #[test]
    fn a_warning_is_said_only_as_far_as_the_manifests_do_not() {
        let tables = |names: &[(&str, &str)]| -> Vec<TableStatus> {
            let status = |(target, status): &(&str, &str)| TableStatus {
                target: (*target).to_owned(),
                status: (*status).to_owned(),
                warning: None,
                columns: Vec::new(),
            };
            names.iter().map(status).collect()
        };
        let both = tables(&[("shop.public.a", "SKIPPED"), ("shop.public.b", "COMPLETE")]);
        let skipped = |entries: &str| {
            format!(r#"{{"skippedTables":[{entries}],"skippedObjectives":[],"general":[]}}"#)
        };
        let a = r#"{"reason":"table shop.public.a is too large"}"#;
        let b = r#"{"reason":"shop.public.b"}"#;
        let longer = r#"{"reason":"shop.public.a_b"}"#;
        let said = |warning: &str| beyond_manifests(warning, &both);
        assert_eq!(said(&skipped(a)), None);
        for (entries, left) in
            [(b.to_owned(), b), (format!("{a},{b}"), b), (longer.to_owned(), longer)]
        {
            let left = format!(r#"{{"skippedTables":[{left}]}}"#);
            assert_eq!(said(&skipped(&entries)), Some(left), "{entries}");
        }
        let general = r#"{"skippedTables":[],"general":["shop.public.a"]}"#;
        assert_eq!(said(general), Some(r#"{"general":["shop.public.a"]}"#.to_owned()));
        assert_eq!(said("some tables"), Some("some tables".to_owned()));
    }
}
