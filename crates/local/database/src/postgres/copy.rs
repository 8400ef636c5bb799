//! Copies rows from `COPY … TO STDOUT (FORMAT binary)` into a chunk of the snapshot.

use std::path::Path;
use std::pin::pin;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use tokio_postgres::Client;

use super::catalogue::TableQuery;
use super::wire;
use crate::error::DatabaseError;
use crate::stored::{BatchBuilder, ChunkWriter};

/// The signature of a binary COPY (PostgreSQL documentation, "COPY", "Binary Format").
const MAGIC: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Why a table could not be copied: reading from the server failed, or decoding or writing did.
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

/// Copies the rows of the table that satisfy `condition` (all, when it is empty) into a new file at
/// `path` and returns their number. Memory is bounded by one batch and the connection's buffer.
pub(super) async fn to_file(
    client: &Client,
    query: &TableQuery,
    condition: &str,
    path: &Path,
) -> Result<u64, CopyError> {
    let mut chunk = ChunkWriter::create(path, &query.table.arrow_schema())?;
    let mut builder = BatchBuilder::new(&query.table)?;
    let mut rows = Rows { query, header_seen: false, number: 0, scratch: Vec::new() };
    let copy = format!("COPY ({}{condition}) TO STDOUT (FORMAT binary)", query.select);
    let mut stream = pin!(client.copy_out(&copy).await?);
    while let Some(message) = stream.next().await {
        rows.take(message?, &mut builder)?;
        if builder.is_full() {
            chunk.write(builder.finish()?).await?;
        }
    }
    if builder.rows() > 0 {
        chunk.write(builder.finish()?).await?;
    }
    chunk.close().await?;
    Ok(rows.number)
}

/// Decodes the rows of the stream.
struct Rows<'a> {
    query: &'a TableQuery,
    header_seen: bool,
    number: u64,
    scratch: Vec<u8>,
}

impl Rows<'_> {
    /// Decodes a message of the server, which contains complete rows. The first message begins with
    /// the header.
    fn take(&mut self, message: Bytes, builder: &mut BatchBuilder) -> Result<(), DatabaseError> {
        let mut rest: &[u8] = &message;
        if !self.header_seen {
            // After the signature: 32 bits of flags, then the header extension with its length.
            let header = rest.strip_prefix(MAGIC).and_then(|rest| rest.get(4..));
            let (length, after) =
                header.and_then(|it| it.split_first_chunk()).ok_or_else(malformed)?;
            rest = after.get(u32::from_be_bytes(*length) as usize..).ok_or_else(malformed)?;
            self.header_seen = true;
        }
        while rest.has_remaining() {
            // -1 instead of a number of cells marks the end.
            match rest.try_get_i16().map_err(|_| malformed())? {
                -1 => return Ok(()),
                count if usize::try_from(count) == Ok(self.query.wires.len()) => {
                    self.row(&mut rest, builder)?;
                }
                _ => return Err(malformed()),
            }
        }
        Ok(())
    }

    fn row(&mut self, rest: &mut &[u8], builder: &mut BatchBuilder) -> Result<(), DatabaseError> {
        let before = rest.len();
        for (index, cells) in builder.columns().iter_mut().enumerate() {
            let length = rest.try_get_i32().map_err(|_| malformed())?;
            // -1 is NULL.
            let Ok(length) = usize::try_from(length) else {
                cells.push_null();
                continue;
            };
            let (cell, after) = rest.split_at_checked(length).ok_or_else(malformed)?;
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
        builder.finish_row(before - rest.len());
        self.number += 1;
        Ok(())
    }
}

fn malformed() -> DatabaseError {
    DatabaseError::Protocol { what: "the COPY of the source database" }
}
