//! The columns of a table as they have landed, from the claims in the ledger.

use std::collections::BTreeMap;

use landbridge_core::config::Config;
use landbridge_core::contract::{TableContract, default_table_name};
use landbridge_core::names::column_name;
use landbridge_core::retype::{Landed, LandedColumns, landed_columns};
use landbridge_core::types::ColumnType;
use landbridge_ledger::Ledger;

use crate::failure::Result;
use crate::requests::read_claims;

/// A source table as it has landed.
pub(super) struct LandedTable {
    /// The BigQuery table, if it is known.
    pub(super) name: Option<String>,
    /// Whether a day of it has landed.
    pub(super) has_landed: bool,
    pub(super) columns: LandedColumns,
}

impl LandedTable {
    /// The column whose type was given with `--landed`, under the name that the contract gives it.
    pub(super) fn given(
        (source_table, column): (&str, &str),
        table: &TableContract,
        ty: ColumnType,
        config: &Config,
    ) -> Self {
        let set = table.columns.get(column).and_then(|entry| entry.name.as_ref());
        let name = column_name(set.map_or(column, String::as_str), config.warehouse.column_names);
        let landed = Landed { name, ty, stays_text: false };
        // Without `table:`, the name depends on whether the schema is the database, as in MySQL.
        let (schema, short) = source_table.split_once('.').unwrap_or(("", source_table));
        let [in_postgres, in_mysql] =
            ["", schema].map(|database| default_table_name(database, schema, short));
        let default = (in_postgres == in_mysql).then_some(in_postgres);
        Self {
            name: table.table.clone().or(default),
            has_landed: true,
            columns: BTreeMap::from([(column.to_owned(), landed)]),
        }
    }
}

/// Reads the claims of all tables, because a claim is named after the BigQuery table.
///
/// # Errors
/// `Refused` without credentials; any ledger error.
pub(super) async fn read(
    config: &Config,
    source_table: &str,
    table: &TableContract,
) -> Result<LandedTable> {
    let aws = crate::aws::clients(&config.source.region, config.source.kind).await?;
    let claims = read_claims(&Ledger::for_operator(aws.s3.clone(), config)).await?;
    let rows = claims.into_iter().filter_map(|(name, claim)| {
        let rows = claim.loading.or(claim.loaded)?;
        (rows.source_table == source_table).then_some((name, rows))
    });
    // After `table:` changed, several BigQuery tables have rows of the source table.
    let newest =
        rows.max_by_key(|(name, rows)| (table.table.as_ref() == Some(name), rows.newest_day()));
    Ok(match newest {
        None => LandedTable { name: None, has_landed: false, columns: LandedColumns::new() },
        Some((name, rows)) => LandedTable {
            name: Some(name),
            has_landed: true,
            columns: landed_columns(&rows, table),
        },
    })
}
