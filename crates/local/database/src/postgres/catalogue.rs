//! What the source's catalogue says of its tables.

use tokio_postgres::Client;
use tokio_postgres::types::Oid;

use super::wire::Wire;
use crate::error::DatabaseError;
use crate::snapshot::{Column, EngineFamily, Table};

/// A table, and how its rows are asked for.
pub(super) struct Found {
    pub(super) table: Table,
    /// `SELECT … FROM …` that gives one column per column of the table.
    pub(super) select: String,
    /// How each column travels.
    pub(super) wires: Vec<Wire>,
    /// Blocks of its file where it can be read by ranges of them, else 0.
    pub(super) blocks: u64,
}

/// Ordinary and partitioned tables of all schemas but the system's, temporary
/// ones among them. Old-style inheritance is read with ONLY, so no row shows in
/// two tables; declarative partitions show in their parent as well, as in an
/// export.
const TABLES: &str = "
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind = 'p' AS partitioned,
           CASE WHEN p.relnamespace = c.relnamespace THEN p.relname::text
                ELSE pn.nspname || '.' || p.relname END AS partition_of,
           CASE WHEN c.relpersistence = 'u' THEN 'it is unlogged'
                WHEN c.relpersistence = 't' THEN 'it is temporary'
                WHEN NOT has_schema_privilege(n.oid, 'USAGE') OR NOT has_table_privilege(c.oid, 'SELECT')
                     OR row_security_active(c.oid) THEN 'the master user may not read it'
           END AS skipped,
           -- Access methods of extensions may number their rows otherwise.
           CASE WHEN c.relkind = 'r' AND am.amname = 'heap'
                THEN coalesce(pg_relation_size(c.oid) / current_setting('block_size')::bigint, 0)
                ELSE 0 END AS blocks
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_am am ON am.oid = c.relam
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
    LEFT JOIN pg_class p ON p.oid = i.inhparent
    LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE c.relkind IN ('r', 'p')
      AND n.nspname <> 'information_schema'
      AND (n.nspname !~ '^pg_' OR c.relpersistence = 't')
    ORDER BY n.nspname, c.relname";

/// The columns as `information_schema.columns` prints them, from the catalogues
/// beneath it, which also show tables that this user may not read.
const COLUMNS: &str = "
    SELECT a.attrelid, a.attname::text, NOT a.attnotnull AS nullable,
           t.typtype = 'd' AS domain,
           format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END,
                       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) AS declared,
           CASE WHEN b.typelem <> 0 AND b.typlen = -1 THEN 'ARRAY'
                WHEN bn.nspname = 'pg_catalog' THEN format_type(b.oid, NULL)
                ELSE 'USER-DEFINED' END AS data_type,
           t.typtype = 'e' AS enumeration
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    JOIN pg_namespace bn ON bn.oid = b.typnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY($1)
    ORDER BY a.attrelid, a.attnum";

/// All tables of the database, in the order of their names.
pub(super) async fn tables(
    client: &Client,
) -> Result<Result<Vec<Found>, DatabaseError>, tokio_postgres::Error> {
    let tables = client.query(TABLES, &[]).await?;
    let oids: Vec<Oid> = tables.iter().map(|row| row.get(0)).collect();
    let columns = client.query(COLUMNS, &[&oids]).await?;
    let column = |row: &tokio_postgres::Row| {
        let declared = Declared {
            declared: row.get(4),
            data_type: row.get(5),
            domain: row.get(3),
            enumeration: row.get(6),
        };
        (row.get::<_, Oid>(0), row.get::<_, String>(1), row.get::<_, bool>(2), declared)
    };
    let columns: Vec<_> = columns.iter().map(column).collect();
    let build = |row: &tokio_postgres::Row| {
        let oid: Oid = row.get(0);
        let (schema, name): (&str, &str) = (row.get(1), row.get(2));
        let own: Vec<_> = columns.iter().filter(|column| column.0 == oid).collect();
        let mut table = Table::new(schema, name, Vec::with_capacity(own.len()));
        let mut cells = Vec::with_capacity(own.len());
        let mut wires = Vec::with_capacity(own.len());
        for (_, name, nullable, declared) in own {
            let mut column = declared.column(name)?;
            column.nullable = *nullable;
            let (cell, wire) = declared.select(name);
            cells.push(cell);
            wires.push(wire);
            table.columns.push(column);
        }
        table.partition_of = row.get(4);
        table.skip_reason = row.get(5);
        if table.columns.is_empty() && table.skip_reason.is_none() {
            table.skip_reason = Some("it has no columns".to_owned());
        }
        let only = if row.get(3) { "" } else { "ONLY " };
        let select =
            format!("SELECT {} FROM {only}{}.{}", cells.join(", "), quoted(schema), quoted(name));
        let blocks: i64 = row.get(6);
        Ok(Found { table, select, wires, blocks: u64::try_from(blocks).unwrap_or(0) })
    };
    Ok(tables.iter().map(build).collect())
}

struct Declared {
    /// `numeric(12,2)`, `text[]`, `shop.order_status`.
    declared: String,
    /// As `information_schema` prints it.
    data_type: String,
    domain: bool,
    enumeration: bool,
}

impl Declared {
    fn column(&self, name: &str) -> Result<Column, DatabaseError> {
        // A user's own type may be called anything, `integer` among it, or hold
        // parentheses: only the catalogue's types are read from their name.
        let declared = match self.data_type.as_str() {
            "USER-DEFINED" => "user-defined",
            "ARRAY" => "text[]",
            _ => &self.declared,
        };
        let mut column = Column::declared(EngineFamily::Postgres, name, declared)?;
        if self.domain {
            column.source_type = column.source_type.in_domain();
        }
        column.original_type.clone_from(&self.data_type);
        Ok(column)
    }

    /// What stands in the SELECT, and how its cells travel: types that COPY sends in a form
    /// which [`wire`](super::wire) knows stay, every other becomes the text that PostgreSQL
    /// itself prints. CHAR(n) stays, for its cast to text would lose its padding.
    fn select(&self, name: &str) -> (String, Wire) {
        let name = quoted(name);
        if self.domain || self.data_type == "inet" {
            // Casts of INET (which adds /32), CHAR and BOOLEAN to text are not
            // what the type prints, nor are those of their domains; format() is.
            // DISTINCT, for a composite of NULLs IS NULL without being NULL.
            let text =
                format!("CASE WHEN {name} IS DISTINCT FROM NULL THEN format('%s', {name}) END");
            return (text, Wire::Plain);
        }
        let wire = match self.data_type.as_str() {
            "smallint" | "integer" | "bigint" | "real" | "double precision" | "boolean"
            | "bytea" | "text" | "character varying" | "character" | "name" | "json" => Wire::Plain,
            "jsonb" => Wire::Jsonb,
            "numeric" => Wire::Numeric,
            "date" => Wire::Date,
            "time without time zone" => Wire::Time,
            "timestamp without time zone" => Wire::Timestamp,
            "timestamp with time zone" => Wire::TimestampTz,
            "uuid" => Wire::Uuid,
            _ if self.enumeration => Wire::Plain,
            _ => return (format!("{name}::text"), Wire::Plain),
        };
        (name, wire)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
