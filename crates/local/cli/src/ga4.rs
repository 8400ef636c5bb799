//! Writes the sample's GA4 export as Google does: by load jobs into a dataset of the warehouse, each daily
//! table again until it no longer changes.

use landbridge_core::config::WarehouseConfig;
use landbridge_local::Principal;
use landbridge_local_database::SampleDatabase;
use landbridge_local_database::sample::GA4_SCHEMA;
use serde_json::Value;

use crate::bigquery::{BigQuery, TableLoad, Warehouse};
use crate::failure::{Failure, Result};

/// Writes what Google writes on a day of the business, and deletes the intraday table of the day before.
/// Without `warehouse.ga4` there is no export.
///
/// # Errors
/// Any answer of the warehouse except that the intraday table does not exist.
pub(crate) async fn export(
    config: &WarehouseConfig,
    warehouse: Warehouse,
    sample: &SampleDatabase,
    day: u64,
) -> Result {
    let Some(ga4) = &config.ga4 else { return Ok(()) };
    let warehouse = BigQuery::new(warehouse)?;
    let dataset = ga4.dataset();
    let fields: Value = serde_json::from_str(GA4_SCHEMA)
        .map_err(|error| Failure::Failed(format!("the schema of the GA4 export: {error}")))?;
    for table in sample.ga4_tables(day) {
        let load = TableLoad {
            dataset: &dataset,
            table: &table.name,
            fields: &fields,
            json_lines: &table.json_lines,
        };
        warehouse.load(Principal::Ga4Export, &load).await?;
    }
    let old = format!("DROP TABLE IF EXISTS `{dataset}`.`{}`", sample.ga4_deleted_table(day));
    warehouse.query(Principal::Ga4Export, &old).await?;
    Ok(())
}
