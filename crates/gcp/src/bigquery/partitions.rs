//! Partitions by day: how long they are kept, and how many rows one has.

use jiff::SignedDuration;
use landbridge_core::calendar::Day;
use landbridge_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::{BigQuery, Patched, TableInfo};

/// Partitions by the day on which rows arrive, or that a load job names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayPartitions {
    /// How long after the beginning of its day, in UTC, BigQuery deletes a partition; `None`: never.
    pub expiration: Option<SignedDuration>,
}

impl BigQuery {
    /// Sets how many days the partitions of the table that was read as `live` are kept. BigQuery deletes older
    /// ones at once. Refused if the table has changed since.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.tables.update`; any other BigQuery error.
    pub async fn keep_partitions(
        &self,
        dataset: &str,
        table: &str,
        live: &TableInfo,
        days: u32,
    ) -> Result<Patched> {
        let body = json!({ "timePartitioning": day_partitioning(days) });
        let patched =
            self.patched("a table cannot be changed", dataset, table, &live.etag, &body).await?;
        Ok(Patched::of(patched.as_ref()))
    }

    /// The number of rows of the partition of a day, by the metadata of the table: the view PARTITIONS needs
    /// `bigquery.tables.get` and `bigquery.tables.list`, and reads no row. A query of it is billed as 10 MB. `request`
    /// is as in [`Self::query_row`].
    ///
    /// # Errors
    /// Any BigQuery error.
    pub async fn partition_rows(
        &self,
        dataset: &str,
        table: &str,
        day: Day,
        request: &str,
    ) -> Result<u64> {
        let name = format!("{}${}", self.table_path(dataset, table), day.compact());
        let view = format!("`{}.{dataset}`.INFORMATION_SCHEMA.PARTITIONS", self.project);
        let quoted = table.replace('\\', "\\\\").replace('\'', "\\'");
        let sql = format!(
            "SELECT IFNULL(SUM(total_rows), 0) AS row_count FROM {view} WHERE table_name = '{quoted}' AND partition_id = '{}'",
            day.compact()
        );
        let row = self.query_row(&name, &sql, request).await?;
        let rows = row.get("row_count").cloned().flatten().and_then(|rows| rows.parse().ok());
        rows.ok_or_else(|| {
            let what = "BigQuery did not return the row count of a partition";
            Error::new(ErrorKind::Rejected, what, name)
        })
    }
}

/// Partitions by the day that a load job names, each kept for so many days.
pub(super) fn day_partitioning(days: u32) -> Value {
    let hours = SignedDuration::from_hours(24 * i64::from(days));
    json!({"type": "DAY", "expirationMs": hours.as_millis().to_string()})
}

/// The partitions of a table; `None` if it has none, or others: by a column, or of another length.
pub(super) fn day_partitions(resource: &Value) -> Option<DayPartitions> {
    let layout = resource.get("timePartitioning").filter(|it| !it.is_null())?;
    let is_by_day = layout.get("type").and_then(Value::as_str) == Some("DAY");
    if !is_by_day || layout.get("field").is_some_and(|it| !it.is_null()) {
        return None;
    }
    let millis = layout.get("expirationMs").and_then(Value::as_str).and_then(|it| it.parse().ok());
    Some(DayPartitions { expiration: millis.map(SignedDuration::from_millis) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_partitions_by_the_day_of_arrival_count() {
        let of = |layout: Value| day_partitions(&json!({ "timePartitioning": layout }));
        let days = |expiration| Some(DayPartitions { expiration });
        assert_eq!(of(day_partitioning(2)), days(Some(SignedDuration::from_hours(48))));
        assert_eq!(of(json!({"type": "DAY"})), days(None));
        assert_eq!(of(json!({"type": "DAY", "field": "at"})), None);
        assert_eq!(of(json!({"type": "HOUR"})), None);
        assert_eq!(of(Value::Null), None);
    }
}
