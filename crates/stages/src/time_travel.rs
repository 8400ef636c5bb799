//! How long former rows of a table can be read.

use landbridge_core::Result;
use landbridge_core::contract::TableContract;
use landbridge_core::plan::Problem;

use crate::{Context, Tick, alert};

/// The time-travel window of a table, in hours; 0 if nobody can read its former rows.
///
/// BigQuery refuses time travel on a table that has, or has had, a row access policy. Landbridge
/// creates none: that needs the right to read the rows (`bigquery.tables.getData`; BigQuery REST
/// reference, `rowAccessPolicies.insert`), which no function uses. If the contract says
/// that a person has created one, it is looked for here; as long as it does not exist, the window
/// is that of the dataset, and a notice says so.
///
/// # Errors
/// Any BigQuery or ledger error.
pub(crate) async fn window_hours(
    context: &Context,
    table: &str,
    contract: Option<&TableContract>,
    dataset_hours: u32,
    tick: Tick,
) -> Result<u32> {
    if !contract.is_some_and(|contract| contract.time_travel_forbidden) {
        return Ok(dataset_hours);
    }
    let dataset = &context.config.warehouse.dataset;
    if context.gcp.bigquery.has_row_filter_true(dataset, table).await? {
        return Ok(0);
    }
    let problem = Problem::notice(
        "the contract says that time travel on a table is forbidden, but the table has no row access policy with the filter TRUE",
        format!("{dataset}.{table}"),
        "run `landbridge check`: it prints the statement that creates the policy; until then, looser classes wait for the end of the time-travel window",
    );
    let day = context.calendar.day_of(tick.now);
    alert::notice(&context.ledger.source(), &problem, &problem.context, day).await?;
    Ok(dataset_hours)
}
