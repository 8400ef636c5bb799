//! A database whose tables are defined in code, for tests.

mod samples;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::error::DatabaseError;
use crate::snapshot::{Batches, Column, DatabaseSnapshot, SourceDatabase, Table};
use crate::text_cells;
use landbridge_source::{Engine, EngineFamily};

/// A table of a [`MemoryDatabase`], built column by column and row by row.
#[derive(Clone, Debug)]
pub struct MemoryTable {
    schema: String,
    name: String,
    columns: Vec<(String, String, bool)>,
    rows: Vec<Vec<Option<String>>>,
    batches: Vec<RecordBatch>,
    partition_of: Option<String>,
    skip_reason: Option<String>,
}

impl MemoryTable {
    /// A table without columns. For MySQL the schema is the database.
    pub fn new(schema: &str, name: &str) -> MemoryTable {
        MemoryTable {
            schema: schema.to_owned(),
            name: name.to_owned(),
            columns: Vec::new(),
            rows: Vec::new(),
            batches: Vec::new(),
            partition_of: None,
            skip_reason: None,
        }
    }

    /// Adds a column, declared as in `CREATE TABLE`, optionally with `not null` at the end.
    #[must_use]
    pub fn column(mut self, name: &str, declared: &str) -> MemoryTable {
        let (declared, nullable) = match declared.strip_suffix(" not null") {
            Some(declared) => (declared, false),
            None => (declared, true),
        };
        self.columns.push((name.to_owned(), declared.to_owned(), nullable));
        self
    }

    /// Adds a row. Each cell is text as the engine prints it (see [`text_cells::array`]) or `None`
    /// for NULL.
    #[must_use]
    pub fn row<'a>(mut self, cells: impl IntoIterator<Item = Option<&'a str>>) -> MemoryTable {
        self.rows.push(cells.into_iter().map(|cell| cell.map(str::to_owned)).collect());
        self
    }

    /// Adds several rows.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = Vec<Option<String>>>) -> MemoryTable {
        self.rows.extend(rows);
        self
    }

    /// Adds rows as an Arrow batch with the types of the columns. They follow the rows given as
    /// text.
    #[must_use]
    pub fn batch(mut self, batch: RecordBatch) -> MemoryTable {
        self.batches.push(batch);
        self
    }

    /// Makes it a partition of `parent`. Its rows must be added to `parent` as well.
    #[must_use]
    pub fn partition_of(mut self, parent: &str) -> MemoryTable {
        self.partition_of = Some(parent.to_owned());
        self
    }

    /// Makes an export skip the table, for example because it is unlogged.
    #[must_use]
    pub fn skipped(mut self, reason: &str) -> MemoryTable {
        self.skip_reason = Some(reason.to_owned());
        self
    }

    fn build(self, family: EngineFamily) -> Result<StoredTable, DatabaseError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (name, declared, nullable) in &self.columns {
            let mut column = Column::declared(family, name, declared)?;
            column.nullable = *nullable;
            columns.push(column);
        }
        let mut table = Table::new(&self.schema, &self.name, columns);
        let schema = table.arrow_schema();
        let mut batches = Vec::new();
        if !self.rows.is_empty() {
            for (number, row) in self.rows.iter().enumerate() {
                if row.len() != table.columns.len() {
                    return Err(DatabaseError::Value {
                        column: format!("{}.{}", self.schema, self.name),
                        row: number,
                        expected: format!("row of {} cells", table.columns.len()),
                    });
                }
            }
            let arrays = table.columns.iter().enumerate().map(|(index, column)| {
                text_cells::array(column, self.rows.iter().map(|row| row[index].as_deref()))
            });
            let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
            batches.push(RecordBatch::try_new(schema.clone(), arrays)?);
        }
        for batch in self.batches {
            batches.push(RecordBatch::try_new(schema.clone(), batch.columns().to_vec())?);
        }
        table.rows = Some(batches.iter().map(|batch| batch.num_rows() as u64).sum());
        table.partition_of = self.partition_of;
        table.skip_reason = self.skip_reason;
        Ok(StoredTable { table, batches })
    }
}

#[derive(Clone)]
struct StoredTable {
    table: Table,
    batches: Vec<RecordBatch>,
}

/// A database whose tables are defined in code. Clones share the tables, so that a test can keep one
/// and change the database between two captures.
#[derive(Clone)]
pub struct MemoryDatabase {
    engine: Engine,
    database: String,
    tables: Arc<Mutex<Vec<StoredTable>>>,
}

impl MemoryDatabase {
    /// A database without tables.
    pub fn new(engine: Engine, database: &str) -> MemoryDatabase {
        MemoryDatabase { engine, database: database.to_owned(), tables: Arc::default() }
    }

    /// Adds the table, or replaces the one of the same name. Existing snapshots do not change.
    ///
    /// # Errors
    /// When a type is unknown or a cell is not valid for its column.
    pub fn set_table(&self, table: MemoryTable) -> Result<(), DatabaseError> {
        let stored = table.build(self.engine.family())?;
        let mut tables = self.lock();
        let same = |other: &&mut StoredTable| {
            other.table.schema == stored.table.schema && other.table.name == stored.table.name
        };
        match tables.iter_mut().find(same) {
            Some(place) => *place = stored,
            None => tables.push(stored),
        }
        Ok(())
    }

    /// Removes the table. Returns whether it existed.
    pub fn remove_table(&self, schema: &str, name: &str) -> bool {
        let mut tables = self.lock();
        let before = tables.len();
        tables.retain(|stored| stored.table.schema != schema || stored.table.name != name);
        tables.len() < before
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StoredTable>> {
        // Every change under the lock is a single assignment, so that a panic elsewhere leaves
        // the tables consistent.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SourceDatabase for MemoryDatabase {
    fn engine(&self) -> Engine {
        self.engine.clone()
    }

    fn capture<'a>(
        &'a self,
        _at: Timestamp,
        _dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>> {
        Box::pin(async move {
            let stored = self.lock().clone();
            let (tables, batches) =
                stored.into_iter().map(|stored| (stored.table, stored.batches)).unzip();
            let snapshot = MemorySnapshot {
                engine: self.engine.clone(),
                database: self.database.clone(),
                tables,
                batches,
            };
            Ok(Arc::new(snapshot) as Arc<dyn DatabaseSnapshot>)
        })
    }
}

struct MemorySnapshot {
    engine: Engine,
    database: String,
    tables: Vec<Table>,
    batches: Vec<Vec<RecordBatch>>,
}

impl DatabaseSnapshot for MemorySnapshot {
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
        let same = |other: &Table| other.schema == table.schema && other.name == table.name;
        let index = self.tables.iter().position(same).ok_or_else(|| {
            DatabaseError::UnknownTable { schema: table.schema.clone(), table: table.name.clone() }
        })?;
        Ok(Box::new(self.batches[index].clone().into_iter().map(Ok)))
    }
}
