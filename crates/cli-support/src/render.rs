//! Output: text, tables and JSON.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use serde::Serialize;

use crate::failure::{Failure, Result};

/// Writes text to standard output, with a newline at the end. A closed pipe (`| head`) is not an error.
pub fn print(text: &str) -> Result {
    let mut out = std::io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(newline.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Failed(format!("cannot write to standard output: {error}"))),
    }
}

/// The JSON of a command that runs once for each of several databases: one document, by the names of the
/// databases. `None`: each value is a document.
static COLLECTED: Mutex<Option<Collected>> = Mutex::new(None);

struct Collected {
    of: String,
    values: serde_json::Map<String, serde_json::Value>,
}

/// From here on, values written by [`json`] belong to the database `name`, and are kept until
/// [`print_collected`].
pub fn collect_of(name: &str) {
    let mut collected = COLLECTED.lock().unwrap_or_else(PoisonError::into_inner);
    let values = collected.take().map(|it| it.values).unwrap_or_default();
    *collected = Some(Collected { of: name.to_owned(), values });
}

/// Keeps a value for a database that has written none, because its command failed.
pub fn add_if_missing(name: &str, value: &serde_json::Value) {
    if let Some(collected) = COLLECTED.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        collected.values.entry(name).or_insert_with(|| value.clone());
    }
}

/// Writes what was kept, as one document; nothing if nothing was.
///
/// # Errors
/// As [`print`].
pub fn print_collected() -> Result {
    let collected = COLLECTED.lock().unwrap_or_else(PoisonError::into_inner).take();
    match collected {
        Some(it) => json(&it.values),
        None => Ok(()),
    }
}

/// Writes a value to standard output as indented JSON.
pub fn json(value: &impl Serialize) -> Result {
    if let Some(collected) = COLLECTED.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        let value = serde_json::to_value(value).map_err(|error| {
            Failure::Failed(format!("cannot write the result as JSON: {error}"))
        })?;
        collected.values.insert(collected.of.clone(), value);
        return Ok(());
    }
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Failed(format!("cannot write the result as JSON: {error}")))?;
    print(&text)
}

/// One column of a table.
pub struct Column {
    title: String,
    right: bool,
}

/// A column of text.
pub fn left(title: &str) -> Column {
    Column { title: title.to_owned(), right: false }
}

/// A column of numbers.
pub fn right(title: &str) -> Column {
    Column { title: title.to_owned(), right: true }
}

/// A table with a line under its header, two spaces between columns and `indent`
/// spaces before each line.
pub fn table(columns: &[Column], rows: Vec<Vec<String>>, indent: usize) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─')));
    table.set_header(columns.iter().map(|column| column.title.clone()).collect::<Vec<_>>());
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)).collect::<Vec<_>>());
    }
    for (number, column) in columns.iter().enumerate() {
        if let Some(drawn) = table.column_mut(number) {
            let last = number + 1 == columns.len();
            drawn.set_padding((0, if last { 0 } else { 2 }));
            if column.right {
                drawn.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let space = " ".repeat(indent);
    table.lines().fold(String::new(), |text, line| text + &space + line.trim_end() + "\n")
}

/// The text with control characters escaped, so that text from a database cannot control the
/// terminal.
pub fn printable(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// At most `most` characters of a text. If it is longer, the last character is an ellipsis.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// `300,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 table`, `7 tables`: a number with a noun, whose plural is formed with `s`.
pub fn counted(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number as u64), if number == 1 { "" } else { "s" })
}

/// `1.2 MB`, in powers of ten.
pub fn bytes(number: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // shown with one digit
    let mut size = number as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if size < 1000.0 {
            break;
        }
        size /= 1000.0;
        unit = larger;
    }
    if unit == "B" { format!("{number} B") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn sizes_have_units() {
        let cases = [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (2_500_000, "2.5 MB")];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn columns_are_aligned_and_control_characters_are_escaped() {
        let rows = vec![
            vec!["김서연".into(), "1".into()],
            vec!["two\nlines\u{1b}[2J".into(), "1,000".into()],
        ];
        expect_test::expect![[r#"
            name                     n
            ──────────────────────────
            김서연                   1
            two\nlines\u{1b}[2J  1,000
        "#]]
        .assert_eq(&table(&[left("name"), right("n")], rows, 0));
        let indented = table(&[left("a")], vec![vec!["b".into()]], 2);
        assert_eq!(indented, "  a\n  ─\n  b\n");
    }
}
