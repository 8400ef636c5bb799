//! The query that reads the rows of a table.

use landbridge_source::EngineFamily;
use landbridge_source::catalogue::{self, Storage, quote_name};

use crate::error::DatabaseError;
use crate::snapshot::{Column, Table};
use crate::types::ParquetType;

/// A table and the query that reads its rows.
pub(super) struct TableQuery {
    pub(super) table: Table,
    /// `SELECT … FROM …` with one result column for each column of the table.
    pub(super) select: String,
    /// Size of the rows in bytes, as the storage engine estimates it.
    pub(super) bytes: u64,
    /// Whether the storage engine supports transactions.
    pub(super) transactional: bool,
    /// Indexes of the columns that are exported as timestamps. Their zero dates have no Arrow
    /// value, see [`TableQuery::stored_table`].
    pub(super) timestamps: Vec<usize>,
}

impl TableQuery {
    /// # Errors
    /// [`DatabaseError::UnknownType`] when a column's type is not a known type of MySQL.
    pub(super) fn new(source: &catalogue::Table) -> Result<TableQuery, DatabaseError> {
        let columns = source.columns.iter().map(declared).collect::<Result<Vec<_>, _>>()?;
        let is_timestamp = |(index, column): (usize, &Column)| {
            (column.source_type.parquet_type() == ParquetType::TimestampMicros).then_some(index)
        };
        let timestamps = columns.iter().enumerate().filter_map(is_timestamp).collect();
        let cells: Vec<String> = source.columns.iter().map(select).collect();
        let (schema, name) = (quote_name('`', &source.schema), quote_name('`', &source.name));
        let select = format!("SELECT {} FROM {schema}.{name}", cells.join(", "));
        let (bytes, transactional) = match source.storage {
            Storage::MySql { bytes, transactional } => (bytes, transactional),
            Storage::Postgres { .. } => (0, true),
        };
        let table = Table::new(&source.schema, &source.name, columns);
        Ok(TableQuery { table, select, bytes, transactional, timestamps })
    }

    /// The table's name.
    pub(super) fn name(&self) -> &str {
        &self.table.name
    }

    /// The table as the snapshot's files contain it: after its own columns, one text column for
    /// each of [`TableQuery::timestamps`], with the server's text of a zero date, whose timestamp
    /// is NULL. An export does not contain these columns.
    pub(super) fn stored_table(&self) -> Result<Table, DatabaseError> {
        let mut table = self.table.clone();
        for index in &self.timestamps {
            let name = format!("{} as printed", self.table.columns[*index].name);
            table.columns.push(Column::declared(EngineFamily::MySql, &name, "text")?);
        }
        Ok(table)
    }
}

fn declared(source: &catalogue::Column) -> Result<Column, DatabaseError> {
    let mut column = Column::declared(EngineFamily::MySql, &source.name, &source.declaration)?;
    column.nullable = source.nullable;
    column.char_max_length = source.char_max_length;
    column.num_precision = source.numeric_precision;
    column.num_scale = source.numeric_scale;
    column.datetime_precision = source.datetime_precision;
    Ok(column)
}

/// The expression in the SELECT. A FLOAT is read as the DOUBLE of the same value, because the
/// server prints only six digits of a FLOAT.
fn select(column: &catalogue::Column) -> String {
    let name = quote_name('`', &column.name);
    let is_float = column.data_type.split(' ').next() == Some("float");
    if is_float { format!("{name} + 0e0") } else { name }
}
