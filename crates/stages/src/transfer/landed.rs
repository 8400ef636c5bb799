//! What has landed so far: the names and types that tables and columns have, from the claims of the tables.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};
use landbridge_core::Result;
use landbridge_core::names::columns::LandedColumns;
use landbridge_core::names::tables::{LandedTable, LandedTables};
use landbridge_core::types::BigQueryType;
use landbridge_ledger::SourceLedger;
use landbridge_ledger::records::{self, CLAIMS};

/// Claims read at once: they are small, and latency dominates.
const AT_ONCE: usize = 32;

/// The names of everything that has landed.
#[derive(Default)]
pub(super) struct Landed {
    /// The source table of each BigQuery table.
    pub(super) tables: LandedTables,
    /// The columns of each BigQuery table.
    columns: BTreeMap<String, LandedColumns>,
    /// The types of these columns, by BigQuery table and source column.
    types: BTreeMap<String, BTreeMap<String, BigQueryType>>,
    /// The columns that stayed in AWS, by BigQuery table.
    dropped: BTreeMap<String, BTreeSet<String>>,
}

impl Landed {
    /// Reads the claims of all tables of the source.
    ///
    /// # Errors
    /// Any ledger error.
    pub(super) async fn read(ledger: &SourceLedger) -> Result<Self> {
        let names = ledger.names(CLAIMS).await?.into_keys();
        let mut claims = futures::stream::iter(names)
            .map(|table| async move {
                let claim = ledger.value(&records::claim(&table)).await?;
                Result::Ok(claim.map(|claim| (table, claim)))
            })
            .buffered(AT_ONCE);
        let mut landed = Self::default();
        // One by one: a claim says more of its table than is kept here.
        while let Some(claim) = claims.try_next().await? {
            let Some((table, claim)) = claim else { continue };
            let Some(rows) = claim.loading.as_ref().or(claim.loaded.as_ref()) else { continue };
            let source_table = rows.source_table.clone();
            landed
                .tables
                .insert(table.clone(), LandedTable { source_table, day: rows.newest_day() });
            landed.columns.insert(table.clone(), rows.landed_columns());
            landed.dropped.insert(table.clone(), rows.dropped.clone());
            landed.types.insert(table, claim.landed_types());
        }
        drop(claims);
        Ok(landed)
    }

    /// Whether `table` has the rows of the source table.
    fn is_own(&self, table: &str, source_table: &str) -> bool {
        self.tables.get(table).is_some_and(|it| it.source_table == source_table)
    }

    /// What the columns of a source table were called when they landed in `table`.
    pub(super) fn columns(&self, table: &str, source_table: &str) -> LandedColumns {
        let columns = self.columns.get(table).filter(|_| self.is_own(table, source_table));
        columns.cloned().unwrap_or_default()
    }

    /// The columns of a source table that stayed in AWS when it landed in `table`.
    pub(super) fn dropped(&self, table: &str, source_table: &str) -> BTreeSet<String> {
        let dropped = self.dropped.get(table).filter(|_| self.is_own(table, source_table));
        dropped.cloned().unwrap_or_default()
    }

    /// The BigQuery types of the columns of a source table, as they landed in `table`.
    pub(super) fn types(&self, table: &str, source_table: &str) -> BTreeMap<String, BigQueryType> {
        let types = self.types.get(table).filter(|_| self.is_own(table, source_table));
        types.cloned().unwrap_or_default()
    }
}
