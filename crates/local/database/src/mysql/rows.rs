//! Rows from a SELECT into a piece of the image.

use std::path::Path;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use super::catalogue::TableQuery;
use crate::error::DatabaseError;
use crate::stored::{Cells, Gathered, Piece};
use crate::text;

/// What can break while a table is copied.
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

/// Copies the table into a new file at `path` and says how many rows it has.
pub(super) async fn to_file(
    conn: &mut Conn,
    query: &TableQuery,
    path: &Path,
) -> Result<u64, CopyError> {
    let stored = query.stored_table()?;
    let mut piece = Piece::create(path, &stored.arrow_schema())?;
    let mut gathered = Gathered::new(&stored)?;
    let mut number = 0;
    let mut result = conn.query_iter(query.select.as_str()).await?;
    while let Some(row) = result.next().await? {
        take(&row, number, query, &mut gathered)?;
        number += 1;
        if gathered.full() {
            piece.write(gathered.finish()?).await?;
        }
    }
    if gathered.rows() > 0 {
        piece.write(gathered.finish()?).await?;
    }
    piece.close().await?;
    Ok(number)
}

fn take(
    row: &Row,
    number: u64,
    query: &TableQuery,
    gathered: &mut Gathered,
) -> Result<(), DatabaseError> {
    let mut bytes = 0;
    let (columns, asides) = gathered.columns().split_at_mut(query.table.columns.len());
    let mut asides = asides.iter_mut();
    for (index, cells) in columns.iter_mut().enumerate() {
        if matches!(cells, Cells::Micros(_))
            && let Some(Cells::Text(aside)) = asides.next()
        {
            aside.append_option(zero(row.as_ref(index)));
        }
        let taken = match row.as_ref(index) {
            Some(Value::NULL) => {
                cells.push_null();
                Some(())
            }
            Some(Value::Bytes(cell)) => {
                bytes += cell.len();
                push(cells, cell)
            }
            // The text protocol has no other.
            _ => None,
        };
        if taken.is_none() {
            let column = &query.table.columns[index];
            return Err(DatabaseError::Value {
                column: column.name.clone(),
                row: usize::try_from(number).unwrap_or(usize::MAX),
                expected: column.original_type.clone(),
            });
        }
    }
    gathered.row_done(bytes);
    Ok(())
}

/// The words of a time that is none.
fn zero(cell: Option<&Value>) -> Option<&str> {
    let Some(Value::Bytes(cell)) = cell else { return None };
    std::str::from_utf8(cell).ok().filter(|cell| text::zero(cell))
}

/// Adds a cell as the server prints it; `None` when it is not of the column's type.
fn push(cells: &mut Cells, cell: &[u8]) -> Option<()> {
    if let Cells::Bytes(builder) = cells {
        builder.append_value(cell);
        return Some(());
    }
    let cell = std::str::from_utf8(cell).ok()?;
    match cells {
        Cells::Int16(builder) => builder.append_value(cell.parse().ok()?),
        Cells::Int32(builder) => builder.append_value(cell.parse().ok()?),
        Cells::Int64(builder) => builder.append_value(cell.parse().ok()?),
        Cells::Double(builder) => builder.append_value(cell.parse().ok()?),
        Cells::Decimal(builder, precision, scale) => {
            builder.append_value(text::decimal(cell, *precision, *scale)?);
        }
        Cells::Text(builder) => builder.append_value(cell),
        Cells::Micros(builder) if text::zero(cell) => builder.append_null(),
        Cells::Micros(builder) => builder.append_value(text::micros(cell)?),
        // MySQL has no type that is exported as these.
        Cells::Boolean(_) | Cells::Float(_) | Cells::Bytes(_) => return None,
    }
    Some(())
}
