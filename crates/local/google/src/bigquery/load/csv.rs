//! Reads CSV files (`JobConfigurationLoad` of the BigQuery v2 API, and Google's documentation "Loading CSV
//! data from Cloud Storage"). Errors name the row and never contain a value.

use arrow::array::RecordBatch;
use serde_json::{Map, Value};

use super::ndjson;
use super::options::CsvOptions;
use crate::bigquery::schema::{Field, FieldMode, FieldType};
use crate::error::GoogleError;

/// Reads the rows of a file into the table's fields.
pub(super) fn read(
    bytes: &[u8],
    uri: &str,
    options: &CsvOptions,
    fields: &[Field],
) -> Result<Vec<RecordBatch>, GoogleError> {
    let error = |what: String| {
        GoogleError::invalid(format!("Error while reading data, error message: {what} File: {uri}"))
    };
    for field in fields {
        if field.mode == FieldMode::Repeated || field.field_type == FieldType::Record {
            return Err(error(format!(
                "CSV cannot be loaded into the nested column {}.",
                field.name
            )));
        }
    }
    let text =
        std::str::from_utf8(bytes).map_err(|_| error("Bad character (not UTF-8).".to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows = Vec::new();
    for (number, cells) in records(text, options).map_err(error)?.into_iter().enumerate() {
        let number = number + 1;
        if number <= options.skip_rows || cells == [Cell::default()] {
            continue;
        }
        let too_few = cells.len() < fields.len() && !options.jagged_rows;
        if too_few || cells.len() > fields.len() && !options.ignore_unknown {
            return Err(error(format!(
                "Row {number} has {} columns, but the table has {}.",
                cells.len(),
                fields.len()
            )));
        }
        let row = (fields.iter().zip(cells))
            .map(|(field, cell)| {
                let value = value_of(cell, field, options).ok_or_else(|| {
                    error(format!("Could not parse column {} in row {number}.", field.name))
                })?;
                Ok((field.name.clone(), value))
            })
            .collect::<Result<Map<_, _>, GoogleError>>()?;
        rows.push((format!("row {number}"), row));
    }
    ndjson::convert_rows(rows, uri, false, fields)
}

/// A cell, and whether it was quoted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cell {
    text: String,
    quoted: bool,
}

/// The value of a cell. "The default value of `nullMarker` is the empty string. If you set this property to
/// a custom value, BigQuery throws an error if an empty string is present for all data types except for
/// STRING and BYTE."
fn value_of(cell: Cell, field: &Field, options: &CsvOptions) -> Option<Value> {
    let is_text = matches!(field.field_type, FieldType::String | FieldType::Bytes);
    let is_null = cell.text == options.null_marker
        && !cell.quoted
        && !(is_text && options.null_marker.is_empty());
    if is_null || (cell.text.is_empty() && !is_text && options.null_marker.is_empty()) {
        return Some(Value::Null);
    }
    if field.field_type == FieldType::Json {
        return serde_json::from_str(&cell.text).ok();
    }
    if cell.text.is_empty() && !is_text {
        return None;
    }
    Some(Value::String(cell.text))
}

/// The records of a text, as RFC 4180 has them.
fn records(text: &str, options: &CsvOptions) -> Result<Vec<Vec<Cell>>, String> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), Cell::default());
    let mut chars = text.chars().peekable();
    let mut in_quotes = false;
    let unclosed = |row: usize| format!("Missing close quote character in row {row}.");
    while let Some(c) = chars.next() {
        if in_quotes {
            if Some(c) != options.quote {
                if (c == '\n' || c == '\r') && !options.quoted_newlines {
                    return Err(unclosed(records.len() + 1));
                }
                cell.text.push(c);
            } else if chars.peek() == Some(&c) {
                chars.next();
                cell.text.push(c);
            } else {
                in_quotes = false;
            }
        } else if Some(c) == options.quote && cell.text.is_empty() && !cell.quoted {
            (in_quotes, cell.quoted) = (true, true);
        } else if c == options.delimiter {
            record.push(std::mem::take(&mut cell));
        } else if c == '\n' || c == '\r' {
            if c == '\r' && chars.peek() == Some(&'\n') {
                chars.next();
            }
            record.push(std::mem::take(&mut cell));
            records.push(std::mem::take(&mut record));
        } else if cell.quoted {
            let row = records.len() + 1;
            return Err(format!(
                "Data between close quote character and field separator in row {row}."
            ));
        } else {
            cell.text.push(c);
        }
    }
    if in_quotes {
        return Err(unclosed(records.len() + 1));
    }
    if !record.is_empty() || cell != Cell::default() {
        record.push(cell);
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(text: &str, load: Value) -> Result<Vec<Vec<String>>, String> {
        let options = CsvOptions::parse(&load).expect("options");
        let records = records(text, &options)?;
        Ok(records.into_iter().map(|it| it.into_iter().map(|it| it.text).collect()).collect())
    }

    #[test]
    fn records_are_split() {
        let rows = |rows: &[&[&str]]| -> Vec<Vec<String>> {
            rows.iter().map(|it| it.iter().map(|it| (*it).to_owned()).collect()).collect()
        };
        let quoted = "a,\"b,\"\"c\"\"\"\r\n,\n";
        assert_eq!(texts(quoted, json!({})), Ok(rows(&[&["a", "b,\"c\""], &["", ""]])));
        let tabs = json!({"fieldDelimiter": "\t", "quote": ""});
        assert_eq!(texts("a\t\"b\n", tabs), Ok(rows(&[&["a", "\"b"]])));
        let lines = json!({"allowQuotedNewlines": true});
        assert_eq!(texts("\"a\nb\",c", lines), Ok(rows(&[&["a\nb", "c"]])));
        for wrong in ["\"a\nb\"", "\"a", "\"a\"b"] {
            assert!(texts(wrong, json!({})).is_err(), "{wrong}");
        }
    }
}
