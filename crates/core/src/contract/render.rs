//! Writes the contract as YAML: sorted, one column per line, so that a change of
//! one column is a one-line diff. A proposal has the columns in the order of their table.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{ColumnContract, Contract, Mode, Others};
use crate::rewrite::OnMisfit;
use crate::yaml::{Edited, KeyPath, keys, set_key};

const HEADER: &str = "\
# Every column that users may read in BigQuery, with its type and class.
# class: one of `pii.classes` in landbridge.yaml, `none` (readable by everyone
# with access to the dataset) or `unclassified` (NULL for everyone). Columns
";

/// The end of the header: what happens to other columns.
const fn header_of(others: Others) -> &'static str {
    match others {
        Others::Unclassified => "# that this file does not name are `unclassified`.\n",
        Others::Hold => "# that this file does not name hold their table.\n",
        Others::Drop => "# that this file does not name stay in AWS.\n",
    }
}

/// The columns of tables in an order other than that of their names, by `schema.table`.
pub type ColumnOrder = BTreeMap<String, Vec<String>>;

/// The columns of each table in the order in which the text of a contract has them; empty if the text
/// is not valid YAML.
pub fn column_order(text: &str) -> ColumnOrder {
    let tables = KeyPath::of("tables");
    let columns = |table: String| {
        let columns = keys(text, &tables.key(&table).key("columns"))?;
        Some((table, columns))
    };
    keys(text, &tables).into_iter().flatten().filter_map(columns).collect()
}

impl Contract {
    /// The contract as YAML, which [`super::parse`] reads back to the same value.
    /// Equal contracts render as equal text. Comments of the original file are lost.
    pub fn render(&self) -> String {
        self.render_in_order(&ColumnOrder::new())
    }

    /// As [`Self::render`], with the columns in this order, and after them those that it does not
    /// name.
    pub fn render_in_order(&self, order: &ColumnOrder) -> String {
        let mut out = format!("{HEADER}{}", header_of(self.others));
        // Writing to a String cannot fail.
        let _ = self.write(&mut out, order);
        out
    }

    fn write(&self, out: &mut String, order: &ColumnOrder) -> std::fmt::Result {
        writeln!(out, "version: {}", self.version)?;
        if !self.others.is_unclassified() {
            writeln!(out, "others: {}", self.others.name())?;
        }
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
            for (key, names) in [("owners", &table.owners), ("consumers", &table.consumers)] {
                if !names.is_empty() {
                    let names: Vec<String> = names.iter().map(|it| scalar(it)).collect();
                    writeln!(out, "    {key}: [{}]", names.join(", "))?;
                }
            }
            if table.time_travel_forbidden {
                writeln!(out, "    time_travel_forbidden: true")?;
            }
            if let Some(zone) = &table.zone {
                writeln!(out, "    zone: {}", scalar(zone))?;
            }
            if let Some(others) = table.others {
                writeln!(out, "    others: {}", others.name())?;
            }
            if table.columns.is_empty() {
                writeln!(out, "    columns: {{}}")?;
                continue;
            }
            writeln!(out, "    columns:")?;
            let order = order.get(name).map_or(&[][..], Vec::as_slice);
            let place = |column: &String| order.iter().position(|it| it == column);
            let mut columns: Vec<(&String, &ColumnContract)> = table.columns.iter().collect();
            columns.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
            for (name, column) in columns {
                writeln!(out, "      {}: {}", scalar(name), flow(column))?;
            }
        }
        Ok(())
    }
}

/// The text of a contract in which `column` of `table` has this `name:`; everything else of the file
/// stays. `None` if the text has no such column, or its entry cannot be edited safely.
pub fn set_column_name(text: &str, table: &str, column: &str, name: &str) -> Option<Edited> {
    let path = KeyPath::of("tables").key(table).key("columns").key(column);
    set_key(text, &path, "name", &scalar(name))
}

/// The line of a column: `name: { source: text, type: STRING, class: name }`.
pub(super) fn column_line(name: &str, column: &ColumnContract) -> String {
    format!("{}: {}", scalar(name), flow(column))
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
    if let Some(is_one) = column.resident_number {
        flow.push_str(if is_one { ", resident_number: true" } else { ", resident_number: false" });
    }
    if let Some(basis) = &column.legal_basis {
        flow.push_str(", legal_basis: ");
        flow.push_str(&scalar(basis));
    }
    if column.pinned {
        flow.push_str(", pinned: true");
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
