//! The records of a table's earlier days.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::TableFigures;
use crate::calendar::Day;

/// The days that a comparison looks back: each weekday occurred twice.
pub const HISTORY_DAYS: usize = 14;

/// One published day of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrendDay {
    /// What everyone who reads the ledger may know.
    #[serde(flatten)]
    pub figures: TableFigures,
    /// The record of the plan that the figures are of; part of the context of `sealed`.
    pub record: String,
    /// What only the key opens, by column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sealed: BTreeMap<String, String>,
}

/// The newest published days of a table, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// The days.
    pub days: Vec<TrendDay>,
}

impl Trend {
    /// The record with one more day, or with another record of a day that was done again. Idempotent. A day
    /// that is older than all of a full record is left out.
    #[must_use]
    pub fn with(&self, day: TrendDay) -> Self {
        let mut days = self.days.clone();
        days.retain(|it| it.figures.day != day.figures.day);
        days.push(day);
        days.sort_by_key(|it| it.figures.day);
        let surplus = days.len().saturating_sub(HISTORY_DAYS);
        Self { days: days.split_off(surplus) }
    }

    /// The days that are compared with `day`: earlier ones, at most [`HISTORY_DAYS`] days before.
    pub fn before(&self, day: Day) -> impl Iterator<Item = &TrendDay> {
        let is_near = move |it: &&TrendDay| {
            let age = it.figures.day.date().until(day.date());
            let days = age.map_or(i32::MAX, |span| span.get_days());
            (1..=HISTORY_DAYS as i32).contains(&days)
        };
        self.days.iter().filter(is_near)
    }
}
