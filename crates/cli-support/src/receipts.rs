//! Receipts of a day: where they are stored, how they are parsed and shown as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use landbridge_core::calendar::Day;
use landbridge_core::config::{CLASS_NONE, Config};
use landbridge_core::receipt::{NoteCode, Receipt, ReceiptState};

use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::render::{self, grouped, left, right};

/// The key prefix of a day's receipts in the export bucket.
pub fn prefix(config: &Config, day: Day) -> String {
    format!("{}/{}/{day}/receipts/", config.ledger.prefix, config.source.name)
}

/// Parses one receipt. `place` is only used in the error message.
///
/// # Errors
/// [`Failure::Failed`] with the place and the position of the fault.
pub fn parse(bytes: &[u8], place: &str) -> Result<Receipt> {
    serde_json::from_slice(bytes).map_err(|error| {
        Failure::Failed(format!(
            "cannot parse the receipt {place}, line {} column {}; another version of Landbridge \
             wrote it, or it was edited by hand",
            error.line(),
            error.column()
        ))
    })
}

/// Sorts receipts by table.
pub fn sorted(mut receipts: Vec<Receipt>) -> Vec<Receipt> {
    receipts.sort_by(|a, b| a.source_table.cmp(&b.source_table));
    receipts
}

/// A day's receipts as one table.
pub fn summary(receipts: &[Receipt], indent: usize) -> String {
    let columns = [
        left("table"),
        left("state"),
        right("rows in files"),
        right("planned"),
        right("loaded"),
        right("in table"),
        right("tags"),
        left("columns by class"),
        right("notes"),
    ];
    let rows = receipts.iter().map(|receipt| {
        vec![
            if receipt.table.is_empty() { &receipt.source_table } else { &receipt.table }.clone(),
            receipt.state.name().to_owned(),
            grouped(receipt.rows_footer),
            grouped(receipt.rows_planned),
            count(receipt.rows_loaded),
            count(receipt.rows_table),
            tags(receipt),
            classes_of(receipt.columns.iter().map(|column| column.class.as_str())),
            (receipt.notes.len() + usize::from(receipt.problem.is_some())).to_string(),
        ]
    });
    render::table(&columns, rows.collect(), indent)
}

/// The notes and problems of a day, one line each. New tables share one line, because on the first
/// day every table is new.
pub fn notes(receipts: &[Receipt], indent: usize, paint: Paint) -> String {
    let space = " ".repeat(indent);
    let mut text = String::new();
    for receipt in receipts {
        let name = if receipt.table.is_empty() { &receipt.source_table } else { &receipt.table };
        if let Some(problem) = &receipt.problem {
            let state = match receipt.state {
                ReceiptState::Held => paint.red(receipt.state.name()),
                _ => paint.yellow(receipt.state.name()),
            };
            let _ = writeln!(text, "{space}{state} {name}: {problem}");
        }
        for note in receipt.notes.iter().filter(|note| note.code != NoteCode::TableCreated) {
            let _ = writeln!(text, "{space}{} {name}: {note}", paint.yellow("note"));
        }
    }
    let created = receipts
        .iter()
        .filter(|receipt| receipt.notes.iter().any(|note| note.code == NoteCode::TableCreated));
    let created: Vec<&str> = created.map(|receipt| receipt.table.as_str()).collect();
    if !created.is_empty() {
        let _ = writeln!(text, "{space}note new tables in the warehouse: {}", created.join(", "));
    }
    text
}

/// `3/3`: the number of policy tags that were read back, and the number of columns that need one.
fn tags(receipt: &Receipt) -> String {
    let tagged = || receipt.columns.iter().filter(|column| column.class != CLASS_NONE);
    let read_back = tagged().filter(|column| column.tag_read_back).count();
    format!("{read_back}/{}", tagged().count())
}

/// A count, or `–` when it is unknown.
pub fn count(rows: Option<u64>) -> String {
    rows.map_or_else(|| "–".to_owned(), grouped)
}

/// `1 email, 2 name, 7 none`: the number of columns of each class, with `none` last; `–` without
/// columns.
pub fn classes_of<'a>(classes: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for class in classes {
        *counts.entry(class).or_default() += 1;
    }
    let none = counts.remove(CLASS_NONE);
    let mut parts: Vec<String> =
        counts.iter().map(|(class, count)| format!("{count} {class}")).collect();
    parts.extend(none.map(|count| format!("{count} {CLASS_NONE}")));
    if parts.is_empty() { "–".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_counted_with_none_at_the_end() {
        let cases: [(&[&str], &str); 3] = [
            (&[], "–"),
            (&["none"], "1 none"),
            (&["phone", "none", "email", "none", "phone"], "1 email, 2 phone, 2 none"),
        ];
        for (classes, text) in cases {
            assert_eq!(classes_of(classes.iter().copied()), text);
        }
    }
}
