//! A snapshot whose rows are in files: each table is one or more chunks, each an Arrow stream.
//!
//! The format is Arrow because each row is written once and read once or twice: only LZ4 reduces
//! the size, and the export's writer takes the batches as they are read.

mod batch_builder;
mod chunk;

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use arrow_ipc::reader::StreamReader;

use crate::copy_jobs::CopiedChunk;
use crate::error::DatabaseError;
use crate::snapshot::{Batches, DatabaseSnapshot, Table};
use landbridge_source::Engine;

pub(crate) use batch_builder::{BatchBuilder, ColumnBuilder};
pub(crate) use chunk::ChunkWriter;

/// Size of the read buffer in bytes.
const READ_BUFFER: usize = 1_000_000;

/// A snapshot whose rows are in files.
pub(crate) struct StoredSnapshot {
    engine: Engine,
    database: String,
    tables: Vec<Table>,
    /// (schema, table) → the files of its chunks, in the order of the rows. Skipped tables are
    /// absent.
    chunks: HashMap<(String, String), Vec<PathBuf>>,
}

impl StoredSnapshot {
    /// A snapshot of these tables. Every table that is not skipped has at least one chunk, also
    /// when it is empty; this sets its number of rows.
    pub(crate) fn new(
        engine: Engine,
        database: String,
        mut tables: Vec<Table>,
        copied: Vec<CopiedChunk>,
    ) -> StoredSnapshot {
        let mut chunks = HashMap::new();
        for copied in copied {
            let table = &mut tables[copied.table];
            table.rows = Some(table.rows.unwrap_or(0) + copied.rows);
            let name = (table.schema.clone(), table.name.clone());
            chunks.entry(name).or_insert_with(Vec::new).push(copied.path);
        }
        StoredSnapshot { engine, database, tables, chunks }
    }
}

impl DatabaseSnapshot for StoredSnapshot {
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

impl StoredSnapshot {
    /// As [`DatabaseSnapshot::read`], including the columns that the files contain after the
    /// table's own columns.
    ///
    /// # Errors
    /// When the snapshot has no such table.
    pub(crate) fn read_all(&self, table: &Table) -> Result<Batches, DatabaseError> {
        self.batches(table, None)
    }

    /// The batches of a table: these columns, or all.
    fn batches(
        &self,
        table: &Table,
        columns: Option<Vec<usize>>,
    ) -> Result<Batches, DatabaseError> {
        let chunks =
            self.chunks.get(&(table.schema.clone(), table.name.clone())).ok_or_else(|| {
                DatabaseError::UnknownTable {
                    schema: table.schema.clone(),
                    table: table.name.clone(),
                }
            })?;
        let open = move |path: PathBuf| match read(&path, columns.clone()) {
            Ok(batches) => batches,
            Err(error) => Box::new(std::iter::once(Err(error))),
        };
        Ok(Box::new(chunks.clone().into_iter().flat_map(open)))
    }
}

fn read(path: &PathBuf, columns: Option<Vec<usize>>) -> Result<Batches, DatabaseError> {
    let io =
        |source| DatabaseError::Io { action: "open", path: path.display().to_string(), source };
    let file = BufReader::with_capacity(READ_BUFFER, File::open(path).map_err(io)?);
    let reader = StreamReader::try_new(file, columns)?;
    Ok(Box::new(reader.map(|batch| batch.map_err(DatabaseError::from))))
}
