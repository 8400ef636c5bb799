//! An image kept in files: each table one or more pieces, each piece an Arrow stream.
//!
//! Arrow, because a row is written once and read once or twice: nothing is encoded for
//! size but the blocks of LZ4, and what is read back is what the export's writer takes.

mod gathered;
mod piece;

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use arrow_ipc::reader::StreamReader;

use crate::error::DatabaseError;
use crate::jobs::Copied;
use crate::snapshot::{Batches, DatabaseSnapshot, Table};
use landbridge_source::Engine;

pub(crate) use gathered::{Cells, Gathered};
pub(crate) use piece::Piece;

/// Bytes that are read from a file at once.
const READ_AHEAD: usize = 1_000_000;

/// An image whose rows are in files; reading streams from them.
pub(crate) struct Stored {
    engine: Engine,
    database: String,
    tables: Vec<Table>,
    /// (schema, table) → its pieces, in the order of their rows. A skipped table has none.
    pieces: HashMap<(String, String), Vec<PathBuf>>,
}

impl Stored {
    /// The image of these tables, with the rows that were copied of them. Tables that are
    /// not skipped have their rows counted and can be read, be it that they are empty.
    pub(crate) fn of(
        engine: Engine,
        database: String,
        mut tables: Vec<Table>,
        copied: Vec<Copied>,
    ) -> Stored {
        let mut pieces = HashMap::new();
        for copied in copied {
            let table = &mut tables[copied.table];
            table.rows = Some(table.rows.unwrap_or(0) + copied.rows);
            let name = (table.schema.clone(), table.name.clone());
            pieces.entry(name).or_insert_with(Vec::new).push(copied.path);
        }
        Stored { engine, database, tables, pieces }
    }
}

impl DatabaseSnapshot for Stored {
    fn engine(&self) -> &Engine {
        &self.engine
    }

    fn database(&self) -> &str {
        &self.database
    }

    fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn read(&self, table: &Table) -> Result<Batches, DatabaseError> {
        self.batches(table, Some((0..table.columns.len()).collect()))
    }
}

impl Stored {
    /// As [`DatabaseSnapshot::read`], with what the pieces hold behind the table's own columns.
    ///
    /// # Errors
    /// When the image holds no such table.
    pub(crate) fn read_all(&self, table: &Table) -> Result<Batches, DatabaseError> {
        self.batches(table, None)
    }

    /// These columns of a table's pieces, or all.
    fn batches(
        &self,
        table: &Table,
        columns: Option<Vec<usize>>,
    ) -> Result<Batches, DatabaseError> {
        let pieces =
            self.pieces.get(&(table.schema.clone(), table.name.clone())).ok_or_else(|| {
                DatabaseError::UnknownTable {
                    schema: table.schema.clone(),
                    table: table.name.clone(),
                }
            })?;
        let open = move |path: PathBuf| match read(&path, columns.clone()) {
            Ok(batches) => batches,
            Err(error) => Box::new(std::iter::once(Err(error))),
        };
        Ok(Box::new(pieces.clone().into_iter().flat_map(open)))
    }
}

fn read(path: &PathBuf, columns: Option<Vec<usize>>) -> Result<Batches, DatabaseError> {
    let io = |source| DatabaseError::Io { doing: "open", path: path.display().to_string(), source };
    let file = BufReader::with_capacity(READ_AHEAD, File::open(path).map_err(io)?);
    let reader = StreamReader::try_new(file, columns)?;
    Ok(Box::new(reader.map(|batch| batch.map_err(DatabaseError::from))))
}
