//! The options of a load job: the format of its files, and how their columns are read.

use serde_json::Value;

use crate::bigquery::schema::{check_field_name, is_flexible};
use crate::bigquery::settings::int64;
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
    pub(super) fn parse(name: Option<&str>) -> Result<Self, GoogleError> {
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
    pub(super) fn parse(name: Option<&str>, format: SourceFormat) -> Result<Self, GoogleError> {
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

/// How a load job converts Parquet columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct ParquetOptions {
    /// `columnNameCharacterMap`.
    pub(super) names: ColumnNameMap,
    /// `decimalTargetTypes`: whether a DECIMAL may become NUMERIC, BIGNUMERIC or STRING.
    pub(super) numeric: bool,
    pub(super) bignumeric: bool,
    pub(super) string: bool,
    /// `parquetOptions.enableListInference`: whether a LIST becomes a REPEATED column.
    pub(super) list_inference: bool,
    /// `ignoreUnknownValues`: whether columns that the table lacks are ignored.
    pub(super) ignore_unknown: bool,
}

impl ParquetOptions {
    /// Reads the options from the configuration of a load job.
    pub(super) fn parse(load: &Value, names: ColumnNameMap) -> Self {
        let targets = string_list(load, "decimalTargetTypes");
        let allows = |name: &str, default| {
            if targets.is_empty() { default } else { targets.iter().any(|it| it == name) }
        };
        let is_set = |path: &str| load.pointer(path).and_then(Value::as_bool) == Some(true);
        Self {
            names,
            numeric: allows("NUMERIC", true),
            bignumeric: allows("BIGNUMERIC", false),
            string: allows("STRING", false),
            list_inference: is_set("/parquetOptions/enableListInference"),
            ignore_unknown: is_set("/ignoreUnknownValues"),
        }
    }
}

/// The options of a load of CSV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CsvOptions {
    pub(super) delimiter: char,
    pub(super) quote: Option<char>,
    pub(super) skip_rows: usize,
    pub(super) null_marker: String,
    pub(super) quoted_newlines: bool,
    pub(super) jagged_rows: bool,
    pub(super) ignore_unknown: bool,
}

impl CsvOptions {
    /// Reads the options from the configuration of a load job.
    ///
    /// # Errors
    /// 400 for a delimiter or quote of more than one character, and for an encoding other than UTF-8.
    pub(super) fn parse(load: &Value) -> Result<Self, GoogleError> {
        let text = |key: &str| load.get(key).and_then(Value::as_str);
        let is_set = |key: &str| load.get(key).and_then(Value::as_bool) == Some(true);
        let invalid = |key: &str| GoogleError::invalid(format!("Invalid value for: {key}"));
        let one = |key: &str, text: &str| {
            let mut chars = text.chars();
            chars.next().filter(|_| chars.next().is_none()).ok_or_else(|| invalid(key))
        };
        if !matches!(text("encoding"), None | Some("" | "UTF-8")) {
            return Err(GoogleError::invalid(
                "The local warehouse loads CSV in the encoding UTF-8 only; BigQuery knows others.",
            ));
        }
        let delimiter = match text("fieldDelimiter") {
            None | Some("") => ',',
            Some("\\t" | "tab") => '\t',
            Some(text) => one("fieldDelimiter", text)?,
        };
        let quote = match text("quote") {
            None => Some('"'),
            Some("") => None,
            Some(text) => Some(one("quote", text)?),
        };
        let skip_rows = load.get("skipLeadingRows").and_then(int64).unwrap_or_default();
        Ok(Self {
            delimiter,
            quote,
            skip_rows: usize::try_from(skip_rows).map_err(|_| invalid("skipLeadingRows"))?,
            null_marker: text("nullMarker").unwrap_or_default().to_owned(),
            quoted_newlines: is_set("allowQuotedNewlines"),
            jagged_rows: is_set("allowJaggedRows"),
            ignore_unknown: is_set("ignoreUnknownValues"),
        })
    }
}

/// The strings of an array in a configuration.
pub(super) fn string_list(load: &Value, key: &str) -> Vec<String> {
    let values = load.get(key).and_then(Value::as_array).into_iter().flatten();
    values.filter_map(|it| it.as_str().map(str::to_owned)).collect()
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
}
