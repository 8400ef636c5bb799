//! What is known of the tables now: their columns and tags in BigQuery, their rows in the ledger.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::calendar::Day;
use landbridge_core::ids::short_hash;
use landbridge_core::protection::TableRows;
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::views::{
    FRESHNESS, FreshTable, View, ViewContext, ViewTable, freshness_view, table_view,
};
use landbridge_core::{Error, Result};
use landbridge_ledger::records::{self, CLAIMS, CONTRACT, HISTORY, RECEIPTS};

use super::AT_ONCE;
use crate::Context;

/// The days whose receipts say how a table's newest day ended: today and yesterday.
const NEWEST_DAYS: usize = 2;

fn newest_days(day: Day) -> impl Iterator<Item = Day> {
    std::iter::successors(Some(day), |day| day.before()).take(NEWEST_DAYS)
}

/// A digest of everything from which views are made, except the tags: those follow the record of the
/// newest contract, and are compared once a day. Five calls, however many tables there are.
pub(super) async fn digest(context: &Context, day: Day) -> Result<String> {
    let source = context.ledger.source();
    let deployment = &context.deployment;
    let contract = source.value(&CONTRACT).await?;
    let applied = contract.map(|it| (it.number, it.applied, it.checked_on));
    let mut parts = vec![
        format!("{} {}", deployment.number, deployment.digest),
        format!("{applied:?}"),
        source.versions(CLAIMS).await?,
    ];
    if context.config.histories().next().is_some() {
        parts.push(source.versions(HISTORY).await?);
    }
    for day in newest_days(day) {
        parts.push(context.ledger(day).versions(RECEIPTS).await?);
    }
    Ok(short_hash(&parts.join("\n")))
}

/// Every view that should exist now: one per table of the source, and `_freshness`.
pub(super) async fn wanted_views(
    context: &Context,
    view_context: &ViewContext<'_>,
    day: Day,
) -> Result<Vec<View>> {
    let warehouse = &context.config.warehouse;
    let bigquery = &context.gcp.bigquery;
    let tables = bigquery.tables_of(&warehouse.dataset, &context.config.source.name).await?;
    let mut newest = newest_receipts(context, day).await?;
    let read: Vec<(Option<View>, Option<FreshTable>)> = futures::stream::iter(tables)
        .map(|table| {
            let newest = newest.remove(&table);
            async move { read_table(context, view_context, table, newest).await }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let (mut views, mut fresh): (Vec<View>, Vec<FreshTable>) = (Vec::new(), Vec::new());
    for (view, table) in read {
        // The freshness of all tables is worth more than the view of a table with its name.
        match view {
            Some(view) if view.name.eq_ignore_ascii_case(FRESHNESS) => {
                tracing::warn!(
                    table = view.name,
                    "a table has the name of the freshness view, so it has no view"
                );
            }
            view => views.extend(view),
        }
        fresh.extend(table);
    }
    // Tables that were never loaded.
    let without_rows = [ReceiptState::Held, ReceiptState::Missing];
    let never = newest.into_iter().filter(|(_, receipt)| without_rows.contains(&receipt.state));
    fresh.extend(never.map(|(name, receipt)| FreshTable {
        name,
        day: None,
        snapshot_at: None,
        published_at: None,
        rows: None,
        newest: Some((receipt.day, receipt.state)),
    }));
    views.push(freshness_view(&fresh));
    views.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(views)
}

/// The newest receipt of each table, by its name in BigQuery.
async fn newest_receipts(context: &Context, day: Day) -> Result<BTreeMap<String, Receipt>> {
    let mut newest = BTreeMap::new();
    for day in newest_days(day) {
        let receipts: Vec<Receipt> = context.ledger(day).read_all(RECEIPTS).await?;
        for receipt in receipts.into_iter().filter(|it| !it.table.is_empty()) {
            newest.entry(receipt.table.clone()).or_insert(receipt);
        }
    }
    Ok(newest)
}

async fn read_table(
    context: &Context,
    view_context: &ViewContext<'_>,
    name: String,
    newest: Option<Receipt>,
) -> Result<(Option<View>, Option<FreshTable>)> {
    let dataset = &context.config.warehouse.dataset;
    let live = context.gcp.bigquery.table(dataset, &name).await?;
    if let Some(live) = live.as_ref().filter(|live| live.day_partitions.is_some()) {
        let claim = context.ledger.source().value(&records::history_claim(&name)).await?;
        let newest = claim.and_then(|claim| claim.kept.of_day(claim.kept.days().pop()?));
        let (columns, rows) = (&live.live.columns, newest.as_ref());
        let table = ViewTable { name: &name, columns, rows, keeps_days: true };
        // How old the rows are is said of the table itself.
        return Ok((table_view(view_context, &table), None));
    }
    let claim = context.ledger.source().value(&records::claim(&name)).await?;
    let rows = claim.as_ref().and_then(|claim| claim.loaded.as_ref());
    let view = live.as_ref().and_then(|live| {
        let columns = &live.live.columns;
        table_view(view_context, &ViewTable { name: &name, columns, rows, keeps_days: false })
    });
    let loaded_day = rows.and_then(TableRows::newest_day);
    let receipt = match (loaded_day, &newest) {
        (Some(day), Some(newest)) if newest.day == day => Some(newest.clone()),
        (Some(day), _) => context.ledger(day).value(&records::receipt(&name)).await?,
        (None, _) => None,
    };
    let receipt = receipt.filter(|receipt| receipt.state == ReceiptState::Published);
    let fresh = FreshTable {
        name,
        day: loaded_day,
        snapshot_at: receipt.as_ref().and_then(|receipt| receipt.snapshot_at),
        published_at: receipt.as_ref().map(|receipt| receipt.recorded_at),
        rows: receipt.as_ref().and_then(|receipt| receipt.rows_table),
        newest: newest.map(|receipt| (receipt.day, receipt.state)),
    };
    Ok::<_, Error>((view, Some(fresh)))
}
