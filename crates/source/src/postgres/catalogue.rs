//! Catalogue queries of PostgreSQL.

use tokio_postgres::types::Oid;
use tokio_postgres::{Client, Error, Row};

use crate::catalogue::{Column, Storage, Table};

/// Ordinary and partitioned tables of all schemas but the system's, including temporary ones.
/// Declarative partitions are listed as well as their parent, as in an export.
const TABLES: &str = "
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind = 'p' AS partitioned,
           CASE WHEN p.relnamespace = c.relnamespace THEN p.relname::text
                ELSE pn.nspname || '.' || p.relname END AS partition_of,
           CASE WHEN c.relpersistence = 'u' THEN 'it is unlogged'
                WHEN c.relpersistence = 't' THEN 'it is temporary'
                WHEN NOT has_schema_privilege(n.oid, 'USAGE') OR NOT has_table_privilege(c.oid, 'SELECT')
                     OR row_security_active(c.oid) THEN 'the master user may not read it'
           END AS skip_reason,
           -- Access methods of extensions may number their rows differently.
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

/// The columns as `information_schema.columns` prints them, but from the system catalogues, which
/// also list tables that the user may not read.
const COLUMNS: &str = "
    SELECT a.attrelid, a.attname::text, NOT a.attnotnull AS nullable,
           t.typtype = 'd' AS is_domain,
           format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END,
                       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END) AS declaration,
           CASE WHEN b.typelem <> 0 AND b.typlen = -1 THEN 'ARRAY'
                WHEN bn.nspname = 'pg_catalog' THEN format_type(b.oid, NULL)
                ELSE 'USER-DEFINED' END AS data_type,
           t.typtype = 'e' AS is_enum,
           (CASE WHEN t.typtype = 'd' THEN t.typndims ELSE a.attndims END)::int AS dimensions
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    JOIN pg_namespace bn ON bn.oid = b.typnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY($1)
    ORDER BY a.attrelid, a.attnum";

/// All tables of the client's database, in the order of their names. Within a transaction, this
/// lists what the transaction sees.
///
/// # Errors
/// When the server refuses a query or the connection breaks.
pub async fn list_tables(client: &Client) -> Result<Vec<Table>, Error> {
    let tables = client.query(TABLES, &[]).await?;
    let oids: Vec<Oid> = tables.iter().map(|row| row.get(0)).collect();
    let columns = client.query(COLUMNS, &[&oids]).await?;
    let build = |row: &Row| {
        let oid: Oid = row.get(0);
        let own = columns.iter().filter(|column| column.get::<_, Oid>(0) == oid);
        let blocks: i64 = row.get(6);
        let mut table = Table {
            schema: row.get(1),
            name: row.get(2),
            columns: own.map(column).collect(),
            partition_of: row.get(4),
            skip_reason: row.get(5),
            storage: Storage::Postgres {
                partitioned: row.get(3),
                blocks: u64::try_from(blocks).unwrap_or(0),
            },
        };
        if table.columns.is_empty() && table.skip_reason.is_none() {
            table.skip_reason = Some("it has no columns".to_owned());
        }
        table
    };
    Ok(tables.iter().map(build).collect())
}

fn column(row: &Row) -> Column {
    let (name, data_type): (&str, &str) = (row.get(1), row.get(5));
    let declaration: String = row.get(4);
    let size = if data_type == "numeric" { size(&declaration) } else { None };
    Column {
        nullable: row.get(2),
        is_domain: row.get(3),
        is_enum: row.get(6),
        array_dimensions: u32::try_from(row.get::<_, i32>(7)).unwrap_or(0),
        numeric_precision: size.map(|(precision, _)| precision),
        numeric_scale: size.map(|(_, scale)| scale),
        declaration,
        ..Column::new(name, data_type)
    }
}

/// `numeric(12,2)` → precision 12, scale 2. A negative scale, which PostgreSQL 15 and later
/// accept, is not read: the column then counts as a `numeric` without a size.
pub(crate) fn size(declaration: &str) -> Option<(u32, u32)> {
    let (_, size) = declaration.strip_suffix(')')?.split_once('(')?;
    let (precision, scale) = size.split_once(',')?;
    Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_about_rights_is_the_constant() {
        assert!(TABLES.contains(&format!("'{}'", crate::catalogue::NOT_READABLE)));
    }

    #[test]
    fn the_size_of_a_numeric_is_read_from_its_declaration() {
        for (declaration, expected) in [
            ("numeric(12,2)", Some((12, 2))),
            ("numeric(1000,0)", Some((1000, 0))),
            ("numeric(5,-2)", None),
            ("numeric", None),
        ] {
            assert_eq!(size(declaration), expected, "{declaration}");
        }
    }
}
