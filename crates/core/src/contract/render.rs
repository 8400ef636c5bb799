//! Writes the contract as YAML: sorted, one column per line, so that a change of
//! one column is a one-line diff.

use std::fmt::Write;

use super::{ColumnContract, Contract, Mode};
use crate::rewrite::OnMisfit;

const HEADER: &str = "\
# Every column that users may read in BigQuery, with its type and class.
# class: one of `pii.classes` in landbridge.yaml, `none` (readable by everyone
# with access to the dataset) or `unclassified` (NULL for everyone). Columns
# that this file does not name are `unclassified`.
";

impl Contract {
    /// The contract as YAML, which [`super::parse`] reads back to the same value.
    /// Equal contracts render as equal text. Comments of the original file are lost.
    pub fn render(&self) -> String {
        let mut out = String::from(HEADER);
        // Writing to a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "version: {}", self.version)?;
        if self.tables.is_empty() {
            return writeln!(out, "tables: {{}}");
        }
        writeln!(out, "tables:")?;
        for (index, (name, table)) in self.tables.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            writeln!(out, "  {}:", scalar(name))?;
            if let Some(table) = &table.table {
                writeln!(out, "    table: {}", scalar(table))?;
            }
            if let Some(description) = &table.description {
                writeln!(out, "    description: {}", scalar(description))?;
            }
            if table.time_travel_forbidden {
                writeln!(out, "    time_travel_forbidden: true")?;
            }
            if let Some(zone) = &table.zone {
                writeln!(out, "    zone: {}", scalar(zone))?;
            }
            if table.columns.is_empty() {
                writeln!(out, "    columns: {{}}")?;
                continue;
            }
            writeln!(out, "    columns:")?;
            for (name, column) in &table.columns {
                writeln!(out, "      {}: {}", scalar(name), flow(column))?;
            }
        }
        Ok(())
    }
}

fn flow(column: &ColumnContract) -> String {
    let mut flow = "{ ".to_owned();
    if let Some(name) = &column.name {
        flow.push_str("name: ");
        flow.push_str(&scalar(name));
        flow.push_str(", ");
    }
    flow.push_str(&format!("source: {}, type: {}", scalar(&column.source), column.bigquery_type));
    if column.mode == Mode::Repeated {
        flow.push_str(", mode: REPEATED");
    }
    flow.push_str(", class: ");
    flow.push_str(&scalar(&column.class));
    if let Some(transform) = column.transform {
        flow.push_str(", transform: ");
        flow.push_str(transform.name());
    }
    if let Some(domain) = &column.token_domain {
        flow.push_str(", token_domain: ");
        flow.push_str(&scalar(domain));
    }
    match column.on_misfit {
        Some(OnMisfit::SetNull) => flow.push_str(", on_misfit: set_null"),
        Some(OnMisfit::KeepText) => flow.push_str(", on_misfit: keep_text"),
        None => {}
    }
    if let Some(rule) = column.array_nulls {
        flow.push_str(", array_nulls: ");
        flow.push_str(rule.name());
    }
    if let Some(zone) = &column.zone {
        flow.push_str(", zone: ");
        flow.push_str(&scalar(zone));
    }
    if column.bounds {
        flow.push_str(", bounds: true");
    }
    if let Some(description) = &column.description {
        flow.push_str(", description: ");
        flow.push_str(&scalar(description));
    }
    flow.push_str(" }");
    flow
}

/// Text as a YAML scalar: plain if every YAML reader takes it as text, otherwise
/// double-quoted, where JSON escapes are valid YAML.
fn scalar(text: &str) -> String {
    /// Words that YAML 1.1 readers do not take as text.
    const NOT_TEXT: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !text.ends_with(' ')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | '-' | '/' | '(' | ')'))
        && !NOT_TEXT.contains(&text.to_ascii_lowercase().as_str());
    if bare { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
