//! The query that reads the rows of a table.

use landbridge_source::EngineFamily;
use landbridge_source::catalogue::{self, Storage, quote_name};

use super::wire::Wire;
use crate::error::DatabaseError;
use crate::snapshot::{Column, Table};

/// A table and the query that reads its rows.
pub(super) struct TableQuery {
    pub(super) table: Table,
    /// `SELECT … FROM …` with one result column for each column of the table.
    pub(super) select: String,
    /// The wire format of each result column.
    pub(super) wires: Vec<Wire>,
    /// Blocks of the table's file when it can be read by ranges of blocks, else 0.
    pub(super) blocks: u64,
}

impl TableQuery {
    /// # Errors
    /// None for PostgreSQL, whose types are open; see [`Column::declared`].
    pub(super) fn new(source: &catalogue::Table) -> Result<TableQuery, DatabaseError> {
        let mut table = Table::new(&source.schema, &source.name, Vec::new());
        let mut cells = Vec::with_capacity(source.columns.len());
        let mut wires = Vec::with_capacity(source.columns.len());
        for column in &source.columns {
            let (cell, wire) = select(column);
            cells.push(cell);
            wires.push(wire);
            table.columns.push(declared(column)?);
        }
        table.partition_of.clone_from(&source.partition_of);
        table.skip_reason.clone_from(&source.skip_reason);
        let (only, blocks) = match source.storage {
            Storage::Postgres { partitioned: true, blocks } => ("", blocks),
            Storage::Postgres { partitioned: false, blocks } => ("ONLY ", blocks),
            Storage::MySql { .. } => ("", 0),
        };
        let (schema, name) = (quote_name('"', &source.schema), quote_name('"', &source.name));
        // With ONLY, rows of a table that inherits from this one are not read twice.
        let select = format!("SELECT {} FROM {only}{schema}.{name}", cells.join(", "));
        Ok(TableQuery { table, select, wires, blocks })
    }
}

fn declared(source: &catalogue::Column) -> Result<Column, DatabaseError> {
    // A user-defined type may have any name, including `integer`, or a name with parentheses: only
    // built-in types are parsed from their declaration.
    let declaration = match source.data_type.as_str() {
        "USER-DEFINED" => "user-defined",
        "ARRAY" => "text[]",
        _ => &source.declaration,
    };
    let mut column = Column::declared(EngineFamily::Postgres, &source.name, declaration)?;
    if source.is_domain {
        column.source_type = column.source_type.in_domain();
    }
    column.nullable = source.nullable;
    column.original_type.clone_from(&source.data_type);
    Ok(column)
}

/// The expression in the SELECT, and the wire format of its cells. Types that COPY sends in a form
/// known to [`wire`](super::wire) stay as they are; every other type is converted to the text that
/// PostgreSQL prints. CHAR(n) stays, because its cast to text would lose the padding.
fn select(column: &catalogue::Column) -> (String, Wire) {
    let name = quote_name('"', &column.name);
    if column.is_domain || column.data_type == "inet" {
        // A cast of INET, CHAR, BOOLEAN or a domain over them to text differs from what the type
        // prints (INET gets /32); format() does not. IS DISTINCT FROM, because a composite value
        // whose fields are all NULL satisfies IS NULL without being NULL.
        let text = format!("CASE WHEN {name} IS DISTINCT FROM NULL THEN format('%s', {name}) END");
        return (text, Wire::Plain);
    }
    let wire = match column.data_type.as_str() {
        "smallint" | "integer" | "bigint" | "real" | "double precision" | "boolean" | "bytea"
        | "text" | "character varying" | "character" | "name" | "json" => Wire::Plain,
        "jsonb" => Wire::Jsonb,
        "numeric" => Wire::Numeric,
        "date" => Wire::Date,
        "time without time zone" => Wire::Time,
        "timestamp without time zone" => Wire::Timestamp,
        "timestamp with time zone" => Wire::TimestampTz,
        "uuid" => Wire::Uuid,
        _ if column.is_enum => Wire::Plain,
        _ => return (format!("{name}::text"), Wire::Plain),
    };
    (name, wire)
}
