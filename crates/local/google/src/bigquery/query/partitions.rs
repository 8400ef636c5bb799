//! `INFORMATION_SCHEMA.PARTITIONS`: the partitions of tables with their numbers of rows.
//!
//! The id of a partition is that of its time (`20260131`, `2026013123`, `202601`, `2026`) or the start of
//! its range. Rows with NULL are in `__NULL__`, numbers outside the ranges in `__UNPARTITIONED__`. A table
//! without partitions has one row whose id is NULL (Google's documentation, "PARTITIONS view").

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use serde_json::Value;

use super::googlesql::civil_time;
use crate::bigquery::catalog::Table;
use crate::bigquery::ingestion::PARTITION_DATE;
use crate::bigquery::rows::TableRows;
use crate::bigquery::statements::unknown;
use crate::error::GoogleError;

/// A partition: its id, its rows and their logical bytes.
pub(super) type Partition = (Option<String>, u64, u64);

/// The partitions of a table, in the order of their ids.
///
/// # Errors
/// 400 for partitions that this server does not know.
pub(super) fn partitions(table: &Table) -> Result<Vec<Partition>, GoogleError> {
    let whole = || (None, table.rows.row_count, table.rows.logical_bytes);
    let time = table.properties.get("timePartitioning").filter(|it| !it.is_null());
    let range = table.properties.get("rangePartitioning").filter(|it| !it.is_null());
    let Some(layout) = time.or(range) else { return Ok(vec![whole()]) };
    let column = layout.get("field").and_then(Value::as_str).unwrap_or(PARTITION_DATE);
    let stored = table.stored_fields();
    let Some(field) = stored.iter().find(|it| it.name.eq_ignore_ascii_case(column)) else {
        return Ok(vec![whole()]);
    };
    let mut parts: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
    for batch in &table.rows.batches {
        let Some(column) = batch.column_by_name(&field.name) else { continue };
        let ids = ids(column, layout)?;
        let mut names: Vec<&String> = ids.iter().collect();
        names.sort();
        names.dedup();
        for name in names {
            let mask: BooleanArray = ids.iter().map(|it| Some(it == name)).collect();
            let rows = filter_record_batch(batch, &mask)
                .map_err(|_| GoogleError::new(500, "internalError", "Rows could not be read."))?;
            parts.entry(name.clone()).or_default().push(rows);
        }
    }
    let part = |(id, batches): (String, Vec<RecordBatch>)| {
        let rows = TableRows::new(batches);
        (Some(id), rows.row_count, rows.logical_bytes)
    };
    Ok(parts.into_iter().map(part).collect())
}

/// The id of the partition of each row.
fn ids(column: &ArrayRef, layout: &Value) -> Result<Vec<String>, GoogleError> {
    let micros: Vec<Option<i64>> = match column.data_type() {
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>();
            days.iter().map(|it| it.map(|it| i64::from(it) * 86_400_000_000)).collect()
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            column.as_primitive::<TimestampMicrosecondType>().iter().collect()
        }
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            return Ok(numbers.iter().map(|it| range_id(it, layout)).collect());
        }
        _ => return Err(unknown("INFORMATION_SCHEMA.PARTITIONS of a table with these partitions")),
    };
    let kind = layout.get("type").and_then(Value::as_str).unwrap_or("DAY");
    let id = |it: &Option<i64>| match it {
        None => Ok("__NULL__".to_owned()),
        Some(micros) => {
            let at = civil_time(*micros)?;
            let (year, month, day) = (at.year(), at.month(), at.day());
            Ok(match kind {
                "HOUR" => format!("{year:04}{month:02}{day:02}{:02}", at.hour()),
                "MONTH" => format!("{year:04}{month:02}"),
                "YEAR" => format!("{year:04}"),
                _ => format!("{year:04}{month:02}{day:02}"),
            })
        }
    };
    micros.iter().map(id).collect()
}

fn range_id(number: Option<i64>, layout: &Value) -> String {
    let bound = |key: &str| {
        let value = layout.pointer(&format!("/range/{key}"));
        value.and_then(|it| it.as_i64().or_else(|| it.as_str()?.parse().ok()))
    };
    match (number, bound("start"), bound("end"), bound("interval")) {
        (None, ..) => "__NULL__".to_owned(),
        (Some(it), Some(start), Some(end), Some(width))
            if (start..end).contains(&it) && width > 0 =>
        {
            (start + (it - start) / width * width).to_string()
        }
        _ => "__UNPARTITIONED__".to_owned(),
    }
}
