//! The claim of a table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use landbridge_core::calendar::Day;
use landbridge_core::protection::{
    FormerRows, KeptRows, MAX_TIME_TRAVEL_HOURS, ReadableRows, TableRows,
};
use landbridge_core::types::BigQueryType;
use landbridge_core::unchanged::TableMark;
use serde::{Deserialize, Serialize};

/// What the rows of a table are, and which day may write them.
///
/// It is replaced with `If-Match` only. A load job is recorded in [`Self::loading`] before it is
/// inserted, so the claim names every set of rows that the table can contain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The newest day that may write the table.
    pub day: Day,
    /// Counts the contents for which the table was claimed, from 1; part of the load job's id.
    pub sequence: u32,
    /// The rows in the table, as the last proof found them; `None` if it has none.
    #[serde(default)]
    pub loaded: Option<TableRows>,
    /// The rows that a load job may be writing.
    #[serde(default)]
    pub loading: Option<TableRows>,
    /// Replaced rows that time travel may still reach, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerRows>,
    /// The table as Landbridge last wrote it. Only if BigQuery still reports the same, nothing else has
    /// written the table since. `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<TableMark>,
    /// Of a history table: the table whose days it keeps. Its rows are [`Self::kept`], not [`Self::loaded`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_of: Option<String>,
    /// The rows of the days that a history table keeps, one partition each.
    #[serde(default, skip_serializing_if = "KeptRows::is_empty")]
    pub kept: KeptRows,
}

impl Claim {
    /// Whether the claim describes the rows of a table that has this number of a load and so many rows: not if the claim, or the
    /// table, is an earlier version that was put back.
    ///
    /// A load writes its sequence into the claim before it labels the table, and labels the table before it writes rows. So a table
    /// whose load is finished has the claim's number; one with rows and a smaller number is a copy from before, or has lost its label.
    pub fn describes(&self, number: u32, rows: u64) -> bool {
        let is_newer = number < self.sequence && (self.loading.is_some() || rows == 0);
        number == self.sequence || is_newer
    }

    /// The rows that can be read at `now`, if the dataset's time-travel window is `hours` long.
    pub fn readable(&self, now: Timestamp, hours: u32) -> ReadableRows<'_> {
        let former = self.former.iter().map(|it| (&it.rows, it.readable_until(hours)));
        ReadableRows {
            current: self
                .loaded
                .iter()
                .chain(&self.loading)
                .chain(self.kept.descriptions())
                .collect(),
            former: former.filter(|(_, until)| *until > now).collect(),
        }
    }

    /// The rows of the load became the rows of the table at `at`.
    pub fn replace_rows(&mut self, new: TableRows, at: Timestamp) {
        self.mark = None;
        let former = match self.history_of {
            None => self.loaded.replace(new),
            Some(_) => self.kept.insert(new),
        };
        if let Some(rows) = former {
            self.former.insert(0, FormerRows { replaced_at: at, rows });
        }
        self.former.retain(|it| it.readable_until(MAX_TIME_TRAVEL_HOURS) > at);
    }

    /// The BigQuery table that the contract names for these rows: of the history table `table`, the table
    /// whose days it keeps.
    pub fn contract_table<'a>(&'a self, table: &'a str) -> &'a str {
        self.history_of.as_deref().unwrap_or(table)
    }

    /// The rows that a job may be writing; without one, the rows that the table has: of a history table, the rows of
    /// `partition`.
    pub fn newest_rows(&self, partition: Option<Day>) -> Option<Cow<'_, TableRows>> {
        if let Some(rows) = &self.loading {
            return Some(Cow::Borrowed(rows));
        }
        match partition {
            None => self.loaded.as_ref().map(Cow::Borrowed),
            Some(day) => self.kept.of_day(day).map(Cow::Owned),
        }
    }

    /// The days whose partitions are gone at `now` become former rows as of `seen_at`, when that was seen: time
    /// travel reaches them from then on, however long BigQuery has taken, and whenever the expiration of the
    /// table was changed.
    pub fn retire_expired(
        &mut self,
        expiration: Option<SignedDuration>,
        now: Timestamp,
        seen_at: Timestamp,
    ) {
        let Some(expiration) = expiration else { return };
        for rows in self.kept.take_expired(expiration, now) {
            self.former.insert(0, FormerRows { replaced_at: seen_at, rows });
        }
    }

    /// The BigQuery type with which each column has landed, by the newest rows that contain it.
    pub fn landed_types(&self) -> BTreeMap<String, BigQueryType> {
        let rows = self.loading.iter().chain(&self.loaded);
        let rows = rows.chain(self.former.iter().map(|former| &former.rows));
        let mut types = BTreeMap::new();
        for (name, column) in rows.filter_map(|rows| rows.columns.as_ref()).flatten() {
            types.entry(name.clone()).or_insert(column.ty);
        }
        types
    }

    /// The BigQuery columns that stay text. They do on later days as well, because BigQuery cannot
    /// change the type of a column.
    pub fn text_columns(&self) -> BTreeSet<String> {
        let rows = self.loaded.iter().chain(&self.loading);
        let columns = rows.filter_map(|rows| rows.columns.as_ref()).flatten();
        let text = columns.filter(|(_, column)| column.stays_text);
        text.map(|(source, column)| column.name(source).to_owned()).collect()
    }
}
