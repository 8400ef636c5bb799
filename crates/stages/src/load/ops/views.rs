//! The views of the dataset. The load stage writes them, because it creates the tables that they name. Creating a
//! view asks for the right to read these tables (Google's documentation, "Create logical views", section "Required
//! permissions"); the load has it on this dataset alone, whose rows it wrote itself.

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::ops::OpsTable;
use landbridge_core::ops::views::{digest, ops_views};
use landbridge_ledger::records::{OpsRecord, WrittenViews};

use super::append::ensure_table;
use super::{OPS_LABEL, update};
use crate::Context;
use crate::view_writer::ViewWriter;

/// Writes the views, after the tables that they name: if their texts changed, and once a day in any case. Idempotent.
///
/// # Errors
/// Any error of the ledger or BigQuery; [`landbridge_core::ErrorKind::Denied`] without `bigquery.tables.getData`.
pub(super) async fn write(context: &Context, record: &OpsRecord, today: Day) -> Result<()> {
    let dataset = context.config.warehouse.ops_dataset.as_str();
    let views = ops_views(&context.config.warehouse.project, dataset);
    let wanted = WrittenViews { digest: digest(&views), day: today };
    let is_done = |it: &WrittenViews| it.digest == wanted.digest && it.day >= today;
    if record.views.as_ref().is_some_and(is_done) {
        return Ok(());
    }
    for table in OpsTable::ALL {
        ensure_table(context, table).await?;
    }
    let number = context.deployment.number;
    let writer = ViewWriter { bigquery: &context.gcp.bigquery, dataset, label: OPS_LABEL, number };
    for view in &views {
        writer.write(view).await?;
    }
    update(&context.ledger.source(), |record| record.views = Some(wanted.clone())).await
}
