//! Compares a table in its database with the loaded rows, cell by cell.
//!
//! The database's side is read over its plain text protocol, each cell as the server prints it,
//! not over the path that the snapshot uses. Both sides are converted to one notation per type,
//! so that 1.50 and 1.5 are the same decimal.

use std::fmt::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The type of a loaded column, which decides how its cells are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CellKind {
    Text,
    Integer,
    Float,
    Bool,
    Bytes,
    Decimal,
    Timestamp,
}

/// Rows of a table, each as one line, in any order.
pub(crate) struct Rows {
    table: String,
    columns: Vec<(String, CellKind)>,
    lines: Vec<String>,
}

impl Rows {
    /// The loaded rows: the rows of a warehouse table, columns in the order of `names`.
    pub(crate) fn loaded(table: &str, batches: &[RecordBatch], names: &[String]) -> Rows {
        let Some(first) = batches.first() else {
            return Rows { table: table.to_owned(), columns: Vec::new(), lines: Vec::new() };
        };
        let schema = first.schema();
        assert_eq!(schema.fields().len(), names.len(), "columns of {table}");
        let kind = |name: &String| {
            let field = schema.field_with_name(name);
            (
                name.clone(),
                cell_kind(field.unwrap_or_else(|_| panic!("no column {name}")).data_type()),
            )
        };
        let columns: Vec<(String, CellKind)> = names.iter().map(kind).collect();
        let mut lines = Vec::new();
        for batch in batches {
            let cells = columns.iter().map(|(name, kind)| {
                loaded_cells(batch.column_by_name(name).expect("a column"), *kind)
            });
            let mut cells: Vec<_> = cells.map(Vec::into_iter).collect();
            lines.extend((0..batch.num_rows()).map(|_| {
                let mut line = String::new();
                for column in &mut cells {
                    push_cell(&mut line, column.next().expect("a cell").as_deref());
                }
                line
            }));
        }
        Rows { table: table.to_owned(), columns, lines }
    }

    /// The same columns without rows; the caller adds those of the source.
    pub(crate) fn empty_like(other: &Rows) -> Rows {
        Rows { table: other.table.clone(), columns: other.columns.clone(), lines: Vec::new() }
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The number of cells in all rows.
    pub(crate) fn cells(&self) -> usize {
        self.lines.len() * self.columns.len()
    }

    /// Adds a row as a server printed it: text in UTF-8, binary cells unchanged.
    pub(crate) fn add<'a>(&mut self, cells: impl IntoIterator<Item = Option<&'a [u8]>>) {
        let mut line = String::new();
        for ((name, kind), cell) in self.columns.iter().zip(cells) {
            let cell = cell.and_then(|cell| match kind {
                CellKind::Bytes => Some(hex(cell)),
                _ => {
                    let text = std::str::from_utf8(cell);
                    notation(*kind, text.unwrap_or_else(|_| panic!("{name} is no text")))
                }
            });
            push_cell(&mut line, cell.as_deref());
        }
        self.lines.push(line);
    }

    /// Asserts that both sides have the same rows, each as often. Prints the first different cell;
    /// the data is fictitious, so it may be printed.
    pub(crate) fn assert_same(mut self, mut loaded: Rows) {
        let table = &self.table;
        assert_eq!(self.lines.len(), loaded.lines.len(), "rows of {table}");
        self.lines.sort_unstable();
        loaded.lines.sort_unstable();
        for (source, loaded) in self.lines.iter().zip(&loaded.lines) {
            if source == loaded {
                continue;
            }
            for ((name, _), (source, loaded)) in
                self.columns.iter().zip(cells(source).zip(cells(loaded)))
            {
                assert_eq!(source, loaded, "{table}.{name}");
            }
            panic!("{table}: {source} is not {loaded}");
        }
    }
}

fn cell_kind(loaded: &DataType) -> CellKind {
    match loaded {
        DataType::Utf8 => CellKind::Text,
        DataType::Int64 => CellKind::Integer,
        DataType::Float64 => CellKind::Float,
        DataType::Boolean => CellKind::Bool,
        DataType::Binary => CellKind::Bytes,
        DataType::Decimal128(..) | DataType::Decimal256(..) => CellKind::Decimal,
        DataType::Timestamp(..) => CellKind::Timestamp,
        other => panic!("these tests load no column as {other}"),
    }
}

fn loaded_cells(column: &dyn Array, kind: CellKind) -> Vec<Option<String>> {
    fn text<T>(
        cells: impl Iterator<Item = Option<T>>,
        print: impl Fn(T) -> String,
    ) -> Vec<Option<String>> {
        cells.map(|cell| cell.map(&print)).collect()
    }
    match kind {
        CellKind::Text => text(column.as_string::<i32>().iter(), str::to_owned),
        CellKind::Integer => text(column.as_primitive::<Int64Type>().iter(), |it| it.to_string()),
        CellKind::Float => {
            text(column.as_primitive::<Float64Type>().iter(), |it| format!("{it:?}"))
        }
        CellKind::Bool => text(column.as_boolean().iter(), |it| it.to_string()),
        CellKind::Bytes => text(column.as_binary::<i32>().iter(), hex),
        CellKind::Timestamp => {
            text(column.as_primitive::<TimestampMicrosecondType>().iter(), |it| it.to_string())
        }
        CellKind::Decimal => {
            let options = FormatOptions::default();
            let printer = ArrayFormatter::try_new(column, &options).expect("a printer");
            let cell = |row: usize| {
                column
                    .is_valid(row)
                    .then(|| without_trailing_zeros(&printer.value(row).to_string()).to_owned())
            };
            (0..column.len()).map(cell).collect()
        }
    }
}

/// A source cell in the notation of the loaded type; `None` where the export itself writes
/// NULL.
fn notation(kind: CellKind, cell: &str) -> Option<String> {
    Some(match kind {
        CellKind::Text | CellKind::Bytes => cell.to_owned(),
        // MySQL prints the year 0 in four digits, and zeros before a ZEROFILL.
        CellKind::Integer => cell.parse::<i64>().expect("an integer").to_string(),
        CellKind::Float => format!("{:?}", cell.parse::<f64>().expect("a number")),
        CellKind::Bool => matches!(cell, "t" | "1").to_string(),
        CellKind::Decimal => without_trailing_zeros(cell).to_owned(),
        // MySQL's zero dates.
        CellKind::Timestamp if cell.get(5..7) == Some("00") || cell.get(8..10) == Some("00") => {
            return None;
        }
        CellKind::Timestamp => {
            let time: jiff::civil::DateTime = cell.parse().expect("a time");
            let since = time.duration_since(jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0));
            since.as_micros().to_string()
        }
    })
}

/// A decimal without trailing zeros.
fn without_trailing_zeros(decimal: &str) -> &str {
    if !decimal.contains('.') {
        return decimal;
    }
    decimal.trim_end_matches('0').trim_end_matches('.')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("memory");
        text
    })
}

/// Adds a cell with its length, so that no two different rows give the same line.
fn push_cell(line: &mut String, cell: Option<&str>) {
    match cell {
        Some(cell) => write!(line, "{}:{cell},", cell.len()).expect("memory"),
        None => line.push_str("-,"),
    }
}

/// The cells of a line.
fn cells(mut line: &str) -> impl Iterator<Item = Option<&str>> {
    std::iter::from_fn(move || {
        if let Some(rest) = line.strip_prefix("-,") {
            line = rest;
            return Some(None);
        }
        let (length, rest) = line.split_once(':')?;
        let length: usize = length.parse().expect("a length");
        line = &rest[length + 1..];
        Some(Some(&rest[..length]))
    })
}
