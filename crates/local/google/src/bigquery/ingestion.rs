//! Ingestion-time partitions: the day of each row, which no column of the table shows (Google's
//! documentation, "Introduction to partitioned tables", section "Ingestion time partitioning").
//!
//! A job writes to the partition that the decorator of its destination names (`table$20261121`), or to that
//! of the day on which it runs. The rows keep their day in two pseudo-columns behind their own columns,
//! `_PARTITIONTIME` and `_PARTITIONDATE`. A partition is dropped when its day and the `expirationMs` of the
//! table have passed; time travel reaches its rows for the window of the dataset. Only partitions by day.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Date32Type};
use arrow::record_batch::RecordBatchOptions;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::catalog::Table;
use super::rows::TableRows;
use super::schema::{Field, FieldMode, FieldType};
use super::settings::int64;
use super::statements::unknown;
use super::versions::Window;
use crate::error::GoogleError;

/// The pseudo-column with the time at which the partition begins.
pub(super) const PARTITION_TIME: &str = "_PARTITIONTIME";
/// The pseudo-column with the day of the partition.
pub(super) const PARTITION_DATE: &str = "_PARTITIONDATE";

/// Whether tables with these properties are partitioned by the time at which rows arrive.
pub(super) fn is_by_ingestion(properties: &Map<String, Value>) -> bool {
    let layout = properties.get("timePartitioning").filter(|it| !it.is_null());
    layout.is_some_and(|it| it.get("field").is_none_or(Value::is_null))
}

/// The pseudo-columns as fields; none for other tables.
pub(super) fn pseudo_fields(properties: &Map<String, Value>) -> Vec<Field> {
    if !is_by_ingestion(properties) {
        return Vec::new();
    }
    vec![
        Field::new(PARTITION_TIME, FieldType::Timestamp, FieldMode::Nullable),
        Field::new(PARTITION_DATE, FieldType::Date, FieldMode::Nullable),
    ]
}

/// Whether a stored column is a pseudo-column, which counts as no byte of the table.
pub(super) fn is_pseudo(column: &str) -> bool {
    column == PARTITION_TIME || column == PARTITION_DATE
}

/// The table and the partition that a destination names.
///
/// # Errors
/// 400 for a decorator that is no day.
pub(super) fn split_decorator(table: &str) -> Result<(&str, Option<Date>), GoogleError> {
    let Some((table, id)) = table.split_once('$') else { return Ok((table, None)) };
    let day = (id.len() == 8).then(|| Date::strptime("%Y%m%d", id).ok()).flatten();
    match day {
        Some(day) => Ok((table, Some(day))),
        None => Err(unknown("partition decorators of other forms than table$YYYYMMDD")),
    }
}

/// Rows with the day of their partition, if the table has such partitions.
///
/// # Errors
/// 400 for a partition of a table without any.
pub(super) fn placed(
    rows: TableRows,
    properties: &Map<String, Value>,
    partition: Option<Date>,
    now: Timestamp,
) -> Result<TableRows, GoogleError> {
    if !is_by_ingestion(properties) {
        return match partition {
            None => Ok(rows),
            Some(_) => Err(GoogleError::invalid(
                "The destination has a partition decorator, but the table is not partitioned by \
                 ingestion time; this server knows no other.",
            )),
        };
    }
    let layout = properties.get("timePartitioning").and_then(|it| it.get("type"));
    if layout.and_then(Value::as_str).is_some_and(|it| it != "DAY") {
        return Err(unknown("ingestion-time partitions of other lengths than a day"));
    }
    let day = partition.unwrap_or_else(|| now.to_zoned(jiff::tz::TimeZone::UTC).date());
    let fields = pseudo_fields(properties);
    let batches = rows.batches.into_iter().map(|batch| with_day(&batch, day, &fields));
    Ok(TableRows::new(batches.collect::<Result<_, _>>()?))
}

/// Days since 1970.
fn days_since_epoch(day: Date) -> i32 {
    date(1970, 1, 1).until(day).map_or(0, |it| it.get_days())
}

fn with_day(batch: &RecordBatch, day: Date, pseudo: &[Field]) -> Result<RecordBatch, GoogleError> {
    let rows = batch.num_rows();
    let days: ArrayRef = Arc::new(Date32Array::from(vec![days_since_epoch(day); rows]));
    let mut fields: Vec<_> = (batch.schema().fields().iter())
        .filter(|it| !is_pseudo(it.name()))
        .map(|it| it.as_ref().clone())
        .collect();
    let mut columns: Vec<ArrayRef> = (batch.schema().fields().iter().zip(batch.columns()))
        .filter(|(field, _)| !is_pseudo(field.name()))
        .map(|(_, column)| column.clone())
        .collect();
    for field in pseudo {
        let field = field.arrow_field();
        columns.push(cast(&days, field.data_type()).map_err(internal)?);
        fields.push(field);
    }
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(internal)
}

fn internal<T>(_: T) -> GoogleError {
    GoogleError::new(500, "internalError", "The rows of a partition could not be stored.")
}

/// The rows whose day is kept.
///
/// # Errors
/// 500 if the rows cannot be filtered.
pub(super) fn only_days(
    rows: &TableRows,
    keep: impl Fn(i32) -> bool,
) -> Result<Vec<RecordBatch>, GoogleError> {
    let mut kept = Vec::new();
    for batch in &rows.batches {
        let Some(days) = days_of(batch) else {
            kept.push(batch.clone());
            continue;
        };
        let mask: BooleanArray = days.into_iter().map(|it| Some(it.is_none_or(&keep))).collect();
        let batch = filter_record_batch(batch, &mask).map_err(internal)?;
        if batch.num_rows() > 0 {
            kept.push(batch);
        }
    }
    Ok(kept)
}

fn days_of(batch: &RecordBatch) -> Option<Vec<Option<i32>>> {
    let column = batch.column_by_name(PARTITION_DATE)?;
    (*column.data_type() == DataType::Date32)
        .then(|| column.as_primitive::<Date32Type>().iter().collect())
}

/// The rows of all partitions but one.
///
/// # Errors
/// As [`only_days`].
pub(super) fn other_partitions(
    rows: &TableRows,
    partition: Date,
) -> Result<Vec<RecordBatch>, GoogleError> {
    let partition = days_since_epoch(partition);
    only_days(rows, |day| day != partition)
}

impl Table {
    /// The fields of the stored rows: the fields of the schema, then the pseudo-columns.
    pub(super) fn stored_fields(&self) -> Vec<Field> {
        let mut fields = self.fields.clone();
        fields.extend(pseudo_fields(&self.properties));
        fields
    }

    /// Drops the partitions whose time has passed, each at its own instant.
    pub(super) fn expire_partitions(&mut self, now: Timestamp, window: Window) {
        let layout = self.properties.get("timePartitioning").filter(|it| !it.is_null());
        let millis = layout.and_then(|it| it.get("expirationMs")).and_then(int64);
        let Some(millis) = millis.filter(|_| is_by_ingestion(&self.properties)) else { return };
        let ends = |day: i32| {
            let begins = SignedDuration::from_hours(24 * i64::from(day));
            let end = Timestamp::UNIX_EPOCH.checked_add(begins).ok();
            end.and_then(|it| it.checked_add(SignedDuration::from_millis(millis)).ok())
        };
        let days = self.rows.batches.iter().filter_map(days_of).flatten().flatten();
        let mut days: Vec<i32> = days.collect();
        days.sort_unstable();
        days.dedup();
        for day in days {
            let Some(end) = ends(day).filter(|it| *it <= now) else { continue };
            let Ok(rows) = only_days(&self.rows, |it| it != day) else { continue };
            let at = end.max(self.rows_since);
            self.replace_rows(self.fields.clone(), TableRows::new(rows), at, window);
        }
        self.expire_rows(now, window);
    }
}
