//! An image kept as one Parquet file per table.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::ImageError;
use crate::image::{Batches, Engine, Image, Table};

/// Rows that are in memory at a time while a file is read.
const ROWS_PER_BATCH: usize = 8_192;

/// An image whose rows are in Parquet files; reading streams from them.
pub(crate) struct Stored {
    pub(crate) engine: Engine,
    pub(crate) database: String,
    pub(crate) tables: Vec<Table>,
    /// (schema, table) → its file. A skipped table has none.
    pub(crate) files: HashMap<(String, String), PathBuf>,
}

impl Image for Stored {
    fn engine(&self) -> &Engine {
        &self.engine
    }

    fn database(&self) -> &str {
        &self.database
    }

    fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn read(&self, table: &Table) -> Result<Batches, ImageError> {
        let path =
            self.files.get(&(table.schema.clone(), table.name.clone())).ok_or_else(|| {
                ImageError::UnknownTable { schema: table.schema.clone(), table: table.name.clone() }
            })?;
        let file = File::open(path).map_err(|source| ImageError::Io {
            doing: "open",
            path: path.display().to_string(),
            source,
        })?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)?
            .with_batch_size(ROWS_PER_BATCH)
            .build()?;
        Ok(Box::new(reader.map(|batch| batch.map_err(ImageError::from))))
    }
}
