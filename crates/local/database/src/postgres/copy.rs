//! Rows from `COPY … TO STDOUT (FORMAT binary)` into a piece of the image.

use std::path::Path;
use std::pin::pin;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use tokio_postgres::Client;

use super::catalogue::TableQuery;
use super::wire;
use crate::error::DatabaseError;
use crate::stored::{Gathered, Piece};

/// What a binary COPY begins with (PostgreSQL documentation, "COPY", binary format).
const MAGIC: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// What can break while a table is copied.
pub(super) enum CopyError {
    Read(tokio_postgres::Error),
    Write(DatabaseError),
}

impl From<tokio_postgres::Error> for CopyError {
    fn from(error: tokio_postgres::Error) -> CopyError {
        CopyError::Read(error)
    }
}

impl From<DatabaseError> for CopyError {
    fn from(error: DatabaseError) -> CopyError {
        CopyError::Write(error)
    }
}

/// Copies those rows of the table for which `condition` holds (all, when it is empty) into a
/// new file at `path` and says how many they are. In memory are a batch and what the
/// connection has read ahead.
pub(super) async fn to_file(
    client: &Client,
    query: &TableQuery,
    condition: &str,
    path: &Path,
) -> Result<u64, CopyError> {
    let mut piece = Piece::create(path, &query.table.arrow_schema())?;
    let mut gathered = Gathered::new(&query.table)?;
    let mut rows = Rows { query, header_seen: false, number: 0, scratch: Vec::new() };
    let copy = format!("COPY ({}{condition}) TO STDOUT (FORMAT binary)", query.select);
    let mut stream = pin!(client.copy_out(&copy).await?);
    while let Some(message) = stream.next().await {
        rows.take(message?, &mut gathered)?;
        if gathered.full() {
            piece.write(gathered.finish()?).await?;
        }
    }
    if gathered.rows() > 0 {
        piece.write(gathered.finish()?).await?;
    }
    piece.close().await?;
    Ok(rows.number)
}

/// The stream's rows, read one after the other.
struct Rows<'a> {
    query: &'a TableQuery,
    header_seen: bool,
    number: u64,
    scratch: Vec<u8>,
}

impl Rows<'_> {
    /// Takes a message of the server: whole rows, the header before the first one.
    fn take(&mut self, message: Bytes, gathered: &mut Gathered) -> Result<(), DatabaseError> {
        let mut rest: &[u8] = &message;
        if !self.header_seen {
            // After the magic: 32 bits of flags, and an extension with its length.
            let header = rest.strip_prefix(MAGIC).and_then(|rest| rest.get(4..));
            let (length, after) =
                header.and_then(|it| it.split_first_chunk()).ok_or_else(broken)?;
            rest = after.get(u32::from_be_bytes(*length) as usize..).ok_or_else(broken)?;
            self.header_seen = true;
        }
        while rest.has_remaining() {
            // After the last row comes -1 in place of a number of cells.
            match rest.try_get_i16().map_err(|_| broken())? {
                -1 => return Ok(()),
                count if usize::try_from(count) == Ok(self.query.wires.len()) => {
                    self.row(&mut rest, gathered)?;
                }
                _ => return Err(broken()),
            }
        }
        Ok(())
    }

    fn row(&mut self, rest: &mut &[u8], gathered: &mut Gathered) -> Result<(), DatabaseError> {
        let before = rest.len();
        for (index, cells) in gathered.columns().iter_mut().enumerate() {
            let length = rest.try_get_i32().map_err(|_| broken())?;
            // -1 is NULL.
            let Ok(length) = usize::try_from(length) else {
                cells.push_null();
                continue;
            };
            let (cell, after) = rest.split_at_checked(length).ok_or_else(broken)?;
            *rest = after;
            if wire::push(cells, self.query.wires[index], cell, &mut self.scratch).is_none() {
                let column = &self.query.table.columns[index];
                return Err(DatabaseError::Value {
                    column: column.name.clone(),
                    row: usize::try_from(self.number).unwrap_or(usize::MAX),
                    expected: column.original_type.clone(),
                });
            }
        }
        gathered.row_done(before - rest.len());
        self.number += 1;
        Ok(())
    }
}

fn broken() -> DatabaseError {
    DatabaseError::Broken { what: "the COPY of the source database" }
}
