//! Writes the rows of a snapshot as INSERT statements.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use crate::error::DatabaseError;
use crate::text_cells;

/// Approximate size of an INSERT in bytes: large enough that the cost of each statement does not
/// matter.
const BYTES_PER_INSERT: usize = 1_000_000;

/// A column to insert.
pub(super) struct InsertColumn {
    /// Its index in the batch.
    pub(super) index: usize,
    /// The index of the column with the text of its zero dates, which have no Arrow value.
    pub(super) zero_dates: Option<usize>,
    /// Whether its bytes are text: CHAR, which an export writes as bytes.
    pub(super) is_text: bool,
    /// Whether it is an ENUM.
    pub(super) is_enum: bool,
}

/// A statement, and the number of warnings that it is expected to raise: one for each empty text in
/// an ENUM, which is how MySQL stores a value that is not in the list.
pub(super) struct Insert {
    pub(super) sql: Vec<u8>,
    pub(super) expected_warnings: usize,
}

/// The batch as statements that begin with `head`, for a session with the character set UTF-8, the
/// time zone UTC and an SQL mode that escapes with backslashes.
///
/// # Errors
/// [`DatabaseError::Value`] when a column has a type that no snapshot of MySQL contains.
pub(super) fn inserts(
    head: &str,
    columns: &[InsertColumn],
    batch: &RecordBatch,
) -> Result<Vec<Insert>, DatabaseError> {
    let mut inserts = Vec::new();
    let mut insert = Insert { sql: Vec::new(), expected_warnings: 0 };
    for row in 0..batch.num_rows() {
        insert.sql.extend(if insert.sql.is_empty() { head.as_bytes() } else { b"," });
        insert.sql.push(b'(');
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                insert.sql.push(b',');
            }
            push_cell(&mut insert, column, batch, row)?;
        }
        insert.sql.push(b')');
        if insert.sql.len() >= BYTES_PER_INSERT {
            inserts.push(std::mem::replace(
                &mut insert,
                Insert { sql: Vec::new(), expected_warnings: 0 },
            ));
        }
    }
    if !insert.sql.is_empty() {
        inserts.push(insert);
    }
    Ok(inserts)
}

fn push_cell(
    insert: &mut Insert,
    column: &InsertColumn,
    batch: &RecordBatch,
    row: usize,
) -> Result<(), DatabaseError> {
    let out = &mut insert.sql;
    let array = batch.column(column.index).as_ref();
    if array.is_null(row) {
        let words = column.zero_dates.map(|at| batch.column(at).as_string::<i32>());
        match words.filter(|words| words.is_valid(row)) {
            Some(words) => quote(out, words.value(row).as_bytes()),
            None => out.extend(b"NULL"),
        }
        return Ok(());
    }
    let text = match array.data_type() {
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        // With an exponent: digits alone would be a DECIMAL, which has at most 65 of them.
        DataType::Float64 => format!("{:e}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Utf8 => {
            let text = array.as_string::<i32>().value(row);
            insert.expected_warnings += usize::from(column.is_enum && text.is_empty());
            quote(out, text.as_bytes());
            return Ok(());
        }
        DataType::Binary => {
            if !column.is_text {
                out.extend(b"_binary");
            }
            quote(out, array.as_binary::<i32>().value(row));
            return Ok(());
        }
        DataType::Timestamp(..) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let Some(time) = text_cells::time(micros) else {
                return Err(unexpected_value(
                    batch,
                    column,
                    row,
                    "time between the years 1 and 9999",
                ));
            };
            format!("'{}'", time.strftime("%Y-%m-%d %H:%M:%S.%6f"))
        }
        _ => return Err(unexpected_value(batch, column, row, "type of a MySQL snapshot")),
    };
    out.extend(text.bytes());
    Ok(())
}

fn unexpected_value(
    batch: &RecordBatch,
    column: &InsertColumn,
    row: usize,
    expected: &str,
) -> DatabaseError {
    let column = batch.schema_ref().field(column.index).name().clone();
    DatabaseError::Value { column, row, expected: expected.to_owned() }
}

/// Writes a string (MySQL documentation, "String Literals"). After `_binary` it may contain bytes
/// that are not UTF-8.
fn quote(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'\'');
    for byte in bytes {
        match byte {
            0 => out.extend(b"\\0"),
            b'\'' | b'\\' => out.extend([b'\\', *byte]),
            other => out.push(*other),
        }
    }
    out.push(b'\'');
}
