//! A contract from a database's catalogue.

use jiff::Timestamp;
use landbridge_core::contract::{ProposedColumn, ProposedTable};
use landbridge_core::types::{self, Original};
use landbridge_local_image::{Flavour, Postgres, Source, Table};

use crate::failure::{Failure, Result};

/// What a database holds, as far as a contract is concerned.
pub(crate) struct Catalogue {
    /// Its tables, each column with the type it lands as.
    pub(crate) tables: Vec<ProposedTable>,
    /// Tables and columns that cannot land, each with the reason.
    pub(crate) left_out: Vec<String>,
}

/// Connects to a real database.
pub(crate) async fn connect(url: &str) -> Result<Postgres> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        // The address itself is not repeated: it may hold a password.
        return Err(Failure::Usage(
            "a source is written postgres://user:password@host:port/database; other databases \
             are not read yet"
                .to_owned(),
        ));
    }
    Ok(Postgres::connect(url).await?)
}

/// Reads the catalogue of a database.
///
/// It is taken from an image, the one thing that surely shows what an export would,
/// and thrown away.
pub(crate) async fn catalogue(source: &Postgres) -> Result<Catalogue> {
    let dir = tempfile::tempdir().map_err(|error| {
        Failure::Failed(format!("cannot make a directory for the image of the database: {error}"))
    })?;
    let image = source.capture(Timestamp::UNIX_EPOCH, dir.path()).await?;
    Ok(of_tables(source.engine().flavour(), image.tables()))
}

fn of_tables(flavour: Flavour, tables: &[Table]) -> Catalogue {
    let mut found = Catalogue { tables: Vec::new(), left_out: Vec::new() };
    for table in tables {
        let name = format!("{}.{}", table.schema, table.name);
        if let Some(reason) = &table.skipped {
            found.left_out.push(format!("{name}: {reason}"));
        } else if let Some(parent) = &table.partition_of {
            found.left_out.push(format!("{name}: a partition, carried with {parent}"));
        } else {
            let columns = columns(flavour, table, &name, &mut found.left_out);
            found.tables.push(ProposedTable {
                schema: table.schema.clone(),
                name: table.name.clone(),
                columns,
            });
        }
    }
    // A contract cannot hold a table without columns, nor could BigQuery.
    found.tables.retain(|table| !table.columns.is_empty());
    found
}

fn columns(
    flavour: Flavour,
    table: &Table,
    name: &str,
    left_out: &mut Vec<String>,
) -> Vec<ProposedColumn> {
    let engine = match flavour {
        Flavour::Postgres => types::Engine::Postgres,
        Flavour::MySql => types::Engine::Mysql,
    };
    let mut columns = Vec::new();
    for column in &table.columns {
        let original = Original {
            name: column.name.clone(),
            original_type: column.original_type.clone(),
            precision: column.num_precision.unwrap_or(0),
            scale: column.num_scale,
            expected_exported: String::new(),
        };
        match types::landing(&types::exported(engine, &original), &column.original_type) {
            Ok(landing) => columns.push(ProposedColumn {
                name: column.name.clone(),
                source_type: column.original_type.clone(),
                bigquery_type: landing.ty,
            }),
            Err(reason) => left_out.push(format!("{name}.{}: {reason}", column.name)),
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use landbridge_local_image::Column;

    use super::*;

    #[test]
    fn partitions_and_skipped_tables_are_left_out_with_a_reason() {
        let column = |name| Column::declared(Flavour::Postgres, name, "bigint").unwrap();
        let mut part = Table::new("public", "sales_2026", vec![column("id")]);
        part.partition_of = Some("sales".to_owned());
        let mut scratch = Table::new("public", "scratch", vec![column("id")]);
        scratch.skipped = Some("it is unlogged".to_owned());
        let whole = Table::new("public", "sales", vec![column("id")]);
        let found = of_tables(Flavour::Postgres, &[part, scratch, whole]);
        let names: Vec<&str> = found.tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["sales"]);
        assert_eq!(
            found.left_out,
            [
                "public.sales_2026: a partition, carried with sales",
                "public.scratch: it is unlogged"
            ]
        );
    }
}
