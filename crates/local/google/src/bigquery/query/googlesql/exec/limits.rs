//! How much one query may hold in memory, and how many rows it may make.
//!
//! BigQuery spreads a query over many machines; this engine runs on the machine of a person, where a cross
//! join of two large tables would use all memory. So a query ends at a limit, with an error that names it.

use std::cell::Cell;

use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::value::Value;

/// The limits of one query. Both are of this engine, not of BigQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// Bytes that the rows of a query may use in memory at one time, as the engine estimates them.
    pub memory_bytes: usize,
    /// Rows that scans, joins, UNNEST and recursive steps of a query may make altogether. A subquery that reads a
    /// table again for each row counts its rows again.
    pub rows: u64,
}

impl Default for QueryLimits {
    /// 2 GiB and 200 million rows: some minutes of work.
    fn default() -> Self {
        Self { memory_bytes: 2 << 30, rows: 200_000_000 }
    }
}

/// What a query uses so far.
#[derive(Debug)]
pub(crate) struct Usage {
    limits: QueryLimits,
    memory: Cell<usize>,
    rows: Cell<u64>,
}

impl Usage {
    pub(crate) fn new(limits: QueryLimits) -> Self {
        Self { limits, memory: Cell::new(0), rows: Cell::new(0) }
    }

    /// Counts a row that a scan, a join, UNNEST or a recursive step made.
    ///
    /// # Errors
    /// The query has made more rows than its limit.
    pub(super) fn count_row(&self) -> Result<()> {
        let rows = self.rows.get() + 1;
        self.rows.set(rows);
        if rows <= self.limits.rows {
            return Ok(());
        }
        Err(SqlError::over_limit(format!(
            "{} rows of tables, joins and UNNEST in one query",
            self.limits.rows
        )))
    }

    /// Memory of rows that are kept. It is free again when the charge is dropped.
    pub(crate) fn charge(&self) -> Charge<'_> {
        Charge { usage: self, bytes: 0 }
    }

    fn take(&self, bytes: usize) -> Result<()> {
        let memory = self.memory.get() + bytes;
        self.memory.set(memory);
        if memory <= self.limits.memory_bytes {
            return Ok(());
        }
        let mib = self.limits.memory_bytes >> 20;
        Err(SqlError::over_limit(format!("{mib} MiB of rows in one query")))
    }
}

/// The memory of some rows.
#[derive(Debug)]
pub(crate) struct Charge<'u> {
    usage: &'u Usage,
    bytes: usize,
}

impl Charge<'_> {
    /// Adds a row.
    ///
    /// # Errors
    /// The query uses more memory than its limit.
    pub(crate) fn add(&mut self, row: &[Value]) -> Result<()> {
        let bytes = bytes_of(row);
        self.bytes += bytes;
        self.usage.take(bytes)
    }

    /// Leaves the memory charged until the query ends.
    pub(crate) fn keep(mut self) {
        self.bytes = 0;
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.usage.memory.set(self.usage.memory.get() - self.bytes);
    }
}

/// An estimate of the bytes of a row. What several rows share counts once: where it was made.
fn bytes_of(row: &[Value]) -> usize {
    size_of::<Vec<Value>>() + row.iter().map(|it| size_of::<Value>() + heap_of(it)).sum::<usize>()
}

fn heap_of(value: &Value) -> usize {
    use std::sync::Arc;
    match value {
        Value::Text(it) if Arc::strong_count(it) == 1 => it.len(),
        Value::Bytes(it) if Arc::strong_count(it) == 1 => it.len(),
        Value::Json(it) if Arc::strong_count(it) == 1 => json_bytes(it),
        Value::Array(it) | Value::Struct(it) if Arc::strong_count(it) == 1 => bytes_of(it),
        _ => 0,
    }
}

fn json_bytes(value: &serde_json::Value) -> usize {
    size_of::<serde_json::Value>()
        + match value {
            serde_json::Value::String(text) => text.len(),
            serde_json::Value::Array(items) => items.iter().map(json_bytes).sum(),
            serde_json::Value::Object(map) => {
                map.iter().map(|(key, it)| key.len() + json_bytes(it)).sum()
            }
            _ => 0,
        }
}
