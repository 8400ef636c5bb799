//! Copies rows of a SELECT into a chunk of the snapshot.

use std::path::Path;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use super::catalogue::TableQuery;
use crate::error::DatabaseError;
use crate::stored::{BatchBuilder, ChunkWriter, ColumnBuilder};
use crate::text_cells;

/// Why a table could not be copied: reading from the server failed, or decoding or writing did.
pub(super) enum CopyError {
    Read(mysql_async::Error),
    Write(DatabaseError),
}

impl From<mysql_async::Error> for CopyError {
    fn from(error: mysql_async::Error) -> CopyError {
        CopyError::Read(error)
    }
}

impl From<DatabaseError> for CopyError {
    fn from(error: DatabaseError) -> CopyError {
        CopyError::Write(error)
    }
}

/// Copies the table into a new file at `path` and returns the number of rows.
pub(super) async fn to_file(
    conn: &mut Conn,
    query: &TableQuery,
    path: &Path,
) -> Result<u64, CopyError> {
    let stored = query.stored_table()?;
    let mut chunk = ChunkWriter::create(path, &stored.arrow_schema())?;
    let mut builder = BatchBuilder::new(&stored)?;
    let mut number = 0;
    let mut result = conn.query_iter(query.select.as_str()).await?;
    while let Some(row) = result.next().await? {
        push_row(&row, number, query, &mut builder)?;
        number += 1;
        if builder.is_full() {
            chunk.write(builder.finish()?).await?;
        }
    }
    if builder.rows() > 0 {
        chunk.write(builder.finish()?).await?;
    }
    chunk.close().await?;
    Ok(number)
}

fn push_row(
    row: &Row,
    number: u64,
    query: &TableQuery,
    builder: &mut BatchBuilder,
) -> Result<(), DatabaseError> {
    let mut bytes = 0;
    let (columns, zero_dates) = builder.columns().split_at_mut(query.table.columns.len());
    let mut zero_dates = zero_dates.iter_mut();
    for (index, cells) in columns.iter_mut().enumerate() {
        if matches!(cells, ColumnBuilder::Micros(_))
            && let Some(ColumnBuilder::Text(zero_date_cells)) = zero_dates.next()
        {
            zero_date_cells.append_option(zero_date(row.as_ref(index)));
        }
        let pushed = match row.as_ref(index) {
            Some(Value::NULL) => {
                cells.push_null();
                Some(())
            }
            Some(Value::Bytes(cell)) => {
                bytes += cell.len();
                push(cells, cell)
            }
            // The text protocol has no other kind of value.
            _ => None,
        };
        if pushed.is_none() {
            let column = &query.table.columns[index];
            return Err(DatabaseError::Value {
                column: column.name.clone(),
                row: usize::try_from(number).unwrap_or(usize::MAX),
                expected: column.original_type.clone(),
            });
        }
    }
    builder.finish_row(bytes);
    Ok(())
}

/// The text of a zero date.
fn zero_date(cell: Option<&Value>) -> Option<&str> {
    let Some(Value::Bytes(cell)) = cell else { return None };
    std::str::from_utf8(cell).ok().filter(|cell| text_cells::is_zero_date(cell))
}

/// Adds a cell as the server prints it. `None` when it is not valid for the column's type.
fn push(cells: &mut ColumnBuilder, cell: &[u8]) -> Option<()> {
    if let ColumnBuilder::Bytes(builder) = cells {
        builder.append_value(cell);
        return Some(());
    }
    let cell = std::str::from_utf8(cell).ok()?;
    match cells {
        ColumnBuilder::Int16(builder) => builder.append_value(cell.parse().ok()?),
        ColumnBuilder::Int32(builder) => builder.append_value(cell.parse().ok()?),
        ColumnBuilder::Int64(builder) => builder.append_value(cell.parse().ok()?),
        ColumnBuilder::Double(builder) => builder.append_value(cell.parse().ok()?),
        ColumnBuilder::Decimal(builder, precision, scale) => {
            builder.append_value(text_cells::decimal(cell, *precision, *scale)?);
        }
        ColumnBuilder::Text(builder) => builder.append_value(cell),
        ColumnBuilder::Micros(builder) if text_cells::is_zero_date(cell) => builder.append_null(),
        ColumnBuilder::Micros(builder) => builder.append_value(text_cells::micros(cell)?),
        // No type of MySQL is exported as a boolean or a 32-bit float.
        ColumnBuilder::Boolean(_) | ColumnBuilder::Float(_) | ColumnBuilder::Bytes(_) => {
            return None;
        }
    }
    Some(())
}
