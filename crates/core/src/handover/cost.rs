//! The items of each way. What Landbridge's estimate has too (export, transfer out of AWS, storage) is taken from it,
//! so that the ways differ only in what they do differently.

use serde::Serialize;

use super::data::{TieredPrice, Way};
use super::{Base, Need, Range, WayCost};
use crate::Result;
use crate::cost::workload::DAYS_A_MONTH;
use crate::cost::{CostItem, Estimate, Workload};

/// Hours of a month, as AWS counts.
const HOURS_A_MONTH: f64 = 730.0;

/// One billed item of a way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WayItem {
    /// A short, stable identifier for programs.
    pub id: &'static str,
    /// Description of the item.
    pub what: String,
    /// US dollars a month.
    pub month: Range,
    /// US dollars once, for the first copy.
    pub once: Range,
    /// Where the price is from.
    pub source: String,
    /// Whether the price is not confirmed.
    pub uncertain: bool,
}

/// What a way costs.
pub(super) fn of(base: &Base<'_>, way: &Way, estimate: &Estimate, need: Need) -> Result<WayCost> {
    let items = match way.id.as_str() {
        "landbridge" => estimate.items.iter().map(|it| taken(it, it.month)).collect(),
        "data-transfer-service" => data_transfer_service(base, estimate)?,
        "datastream" => datastream(base, estimate)?,
        "zero-etl-lakehouse" => lakehouse(base, estimate)?,
        _ => dms(base, estimate)?,
    };
    let mut unfit = Vec::new();
    if way.freshest > need.every {
        unfit.push("its rows are up to a day old".to_owned());
    }
    let tables = estimate.workload.tables;
    if let (Some(most), Some(tables)) = (way.max_tables, tables)
        && tables > most
    {
        unfit.push(format!("one stream has at most {most} tables, and there are {tables}"));
    }
    Ok(WayCost {
        id: way.id.clone(),
        name: way.name.clone(),
        freshest: way.freshest,
        month: items.iter().map(|it| it.month).sum(),
        once: items.iter().map(|it| it.once).sum(),
        items,
        not_included: way.not_included.clone(),
        complete: way.complete,
        lacks: way.lacks.clone(),
        unfit,
    })
}

/// An item of Landbridge's estimate.
fn taken(item: &CostItem, usd: f64) -> WayItem {
    WayItem {
        id: item.id,
        what: item.what.to_owned(),
        month: Range::of(usd),
        once: Range::of(0.0),
        source: "prices.json".to_owned(),
        uncertain: item.uncertain,
    }
}

/// Those items of the estimate that a way has too.
fn shared(estimate: &Estimate, ids: &[&str]) -> Vec<WayItem> {
    let items = estimate.items.iter().filter(|it| ids.contains(&it.id));
    items.map(|it| taken(it, it.month)).collect()
}

/// The transfer out of AWS of `gib` a month, after the free allowance.
fn egress(base: &Base<'_>, what: &str, gib: Range, once_gib: f64) -> Result<WayItem> {
    let price = base.prices.aws(base.region)?.egress_gib;
    let cost = |gib: f64| (gib - price.free).max(0.0) * price.usd;
    Ok(WayItem {
        id: "egress",
        what: what.to_owned(),
        month: Range { low: cost(gib.low), high: cost(gib.high) },
        once: Range::of(cost(once_gib)),
        source: "prices.json".to_owned(),
        uncertain: price.uncertain,
    })
}

/// Changed bytes of a month, in GiB.
fn changed_gib(workload: &Workload) -> f64 {
    workload.database_gib * workload.change_percent_per_day / 100.0 * DAYS_A_MONTH
}

/// All rows, uncompressed, in GiB: as the estimate counts them in BigQuery.
fn rows_gib(estimate: &Estimate) -> f64 {
    estimate.items.iter().find(|it| it.id == "tables").map_or(0.0, |it| it.quantity)
}

/// Every day the whole export leaves AWS; the service itself is free (Google Cloud, BigQuery Data Transfer Service
/// pricing).
fn data_transfer_service(base: &Base<'_>, estimate: &Estimate) -> Result<Vec<WayItem>> {
    let mut items = shared(estimate, &["export", "kms-key", "s3-storage", "tables"]);
    let gib = estimate.workload.parquet_gib_per_day * DAYS_A_MONTH;
    items.push(egress(base, "transfer of every day's files", Range::of(gib), 0.0)?);
    Ok(items)
}

/// Datastream: changes by the processed byte, all rows once.
pub(super) fn datastream(base: &Base<'_>, estimate: &Estimate) -> Result<Vec<WayItem>> {
    let (prices, factor) = (&base.ways.prices, &base.ways.processed_per_changed_byte);
    let (changed, rows) = (changed_gib(&estimate.workload), rows_gib(estimate));
    let range = |price: &TieredPrice, gib: f64| Range {
        low: price.cost(gib * factor.low),
        high: price.cost(gib * factor.high),
    };
    let (cdc, backfill) = (&prices.datastream_cdc_gib, &prices.datastream_backfill_gib);
    let mut items = shared(estimate, &["tables"]);
    items.push(WayItem {
        id: "datastream-changes",
        what: "Datastream, changes".to_owned(),
        month: range(cdc, changed),
        once: Range::of(0.0),
        source: cdc.source.clone(),
        uncertain: cdc.uncertain,
    });
    items.push(WayItem {
        id: "datastream-backfill",
        what: "Datastream, all rows once".to_owned(),
        month: Range::of(0.0),
        once: range(backfill, rows),
        source: backfill.source.clone(),
        uncertain: backfill.uncertain,
    });
    items.push(egress(base, "transfer of the changes out of AWS", Range::of(changed), rows)?);
    Ok(items)
}

/// A copy in Iceberg that queries read across: nothing leaves without a query; all of it once a day is the upper bound.
fn lakehouse(base: &Base<'_>, estimate: &Estimate) -> Result<Vec<WayItem>> {
    let parquet = estimate.workload.parquet_gib_per_day;
    let storage = base.prices.aws(base.region)?.s3_gib_month;
    let read = Range { low: 0.0, high: parquet * DAYS_A_MONTH };
    let copy = WayItem {
        id: "iceberg-storage",
        what: "S3 storage of the copy".to_owned(),
        month: Range::of(parquet * storage.usd),
        once: Range::of(0.0),
        source: "prices.json".to_owned(),
        uncertain: storage.uncertain,
    };
    Ok(vec![copy, egress(base, "transfer of what queries read", read, 0.0)?])
}

/// A replication instance round the clock, and the transfer of the changes.
fn dms(base: &Base<'_>, estimate: &Estimate) -> Result<Vec<WayItem>> {
    let hour = &base.ways.prices.dms_hour;
    let mut items = shared(estimate, &["tables"]);
    items.push(WayItem {
        id: "dms",
        what: "DMS, one replication instance".to_owned(),
        month: Range::of(hour.cost(HOURS_A_MONTH)),
        once: Range::of(0.0),
        source: hour.source.clone(),
        uncertain: hour.uncertain,
    });
    let changed = Range::of(changed_gib(&estimate.workload));
    let all = estimate.workload.parquet_gib_per_day;
    items.push(egress(base, "transfer of the changes out of AWS", changed, all)?);
    Ok(items)
}
