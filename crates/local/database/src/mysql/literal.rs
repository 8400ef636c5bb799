//! Rows of an image as the values of an INSERT.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use crate::error::DatabaseError;
use crate::text;

/// Bytes of one INSERT, about: enough that its parsing does not count.
const BYTES_PER_INSERT: usize = 1_000_000;

/// A column that is inserted.
pub(super) struct Inserted {
    /// Where it stands in the batch.
    pub(super) at: usize,
    /// Where the server's words stand for those of its times that Arrow has no value for.
    pub(super) aside: Option<usize>,
    /// Whether its bytes are text: CHAR, which the export writes as bytes.
    pub(super) is_text: bool,
    /// Whether it is an ENUM.
    pub(super) is_enum: bool,
}

/// A statement, and how many of its cells an ENUM takes with a warning: the empty text stands
/// for whatever was no word of it.
pub(super) struct Insert {
    pub(super) sql: Vec<u8>,
    pub(super) blanks: usize,
}

/// The batch as statements that begin with `head`, for a session whose character set is
/// UTF-8, whose time zone is UTC and whose SQL mode escapes with backslashes.
///
/// # Errors
/// [`DatabaseError::Value`] when a column is of a type that no image of MySQL holds.
pub(super) fn inserts(
    head: &str,
    columns: &[Inserted],
    batch: &RecordBatch,
) -> Result<Vec<Insert>, DatabaseError> {
    let mut inserts = Vec::new();
    let mut insert = Insert { sql: Vec::new(), blanks: 0 };
    for row in 0..batch.num_rows() {
        insert.sql.extend(if insert.sql.is_empty() { head.as_bytes() } else { b"," });
        insert.sql.push(b'(');
        for (place, column) in columns.iter().enumerate() {
            if place > 0 {
                insert.sql.push(b',');
            }
            cell(&mut insert, column, batch, row)?;
        }
        insert.sql.push(b')');
        if insert.sql.len() >= BYTES_PER_INSERT {
            inserts.push(std::mem::replace(&mut insert, Insert { sql: Vec::new(), blanks: 0 }));
        }
    }
    if !insert.sql.is_empty() {
        inserts.push(insert);
    }
    Ok(inserts)
}

fn cell(
    insert: &mut Insert,
    column: &Inserted,
    batch: &RecordBatch,
    row: usize,
) -> Result<(), DatabaseError> {
    let out = &mut insert.sql;
    let array = batch.column(column.at).as_ref();
    if array.is_null(row) {
        let words = column.aside.map(|at| batch.column(at).as_string::<i32>());
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
        // With an exponent: digits alone would be a DECIMAL, which ends at 65.
        DataType::Float64 => format!("{:e}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Utf8 => {
            let text = array.as_string::<i32>().value(row);
            insert.blanks += usize::from(column.is_enum && text.is_empty());
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
            let Some(time) = text::time(micros) else {
                return Err(unexpected(batch, column, row, "time of the years 1 to 9999"));
            };
            format!("'{}'", time.strftime("%Y-%m-%d %H:%M:%S.%6f"))
        }
        _ => return Err(unexpected(batch, column, row, "type that MySQL images hold")),
    };
    out.extend(text.bytes());
    Ok(())
}

fn unexpected(batch: &RecordBatch, column: &Inserted, row: usize, expected: &str) -> DatabaseError {
    let column = batch.schema_ref().field(column.at).name().clone();
    DatabaseError::Value { column, row, expected: expected.to_owned() }
}

/// A string (MySQL documentation, "String Literals"). Bytes that are no UTF-8 may stand in it
/// after `_binary`.
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
