//! Audits: what is unusual about a table of today, compared with its earlier days and with what is declared.
//! Pure rules; the transfer stage fetches the figures and records the verdicts, the load stage acts on them.
//!
//! | module | contents |
//! |---|---|
//! | here | [`audit`], [`Check`], [`Verdict`] |
//! | [`figures`] | what is known of a table on a day; [`Hidden`] figures, which only sealed records have |
//! | `rows` | the number of rows, and tables that do not change any more |
//! | `columns` | NULLs and damaged text |
//! | `keys` | unique keys and their range |
//! | `numbers` | sums and bounds |
//! | `declared` | freshness, references, sets of values |
//! | `history` | the records of earlier days |
//! | `unreadable` | what a key that cannot be read means for a table |
//! | `names` | whether the tables and columns of `audits` are in the contract |
//!
//! A verdict's text contains names and counts and never a value, a sum or a bound. Counts of rows and of NULLs are
//! in every receipt; of anything else, the text says only that it is unusual.

mod columns;
mod declared;
pub mod figures;
mod history;
mod keys;
mod names;
mod numbers;
mod rows;
#[cfg(test)]
mod tests;
mod unreadable;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use figures::{ColumnFigures, Hidden, TableFigures};
pub use history::{HISTORY_DAYS, Trend, TrendDay};
pub use names::{audits_notes, audits_violations};
pub use unreadable::{WithoutKey, without_key};

use crate::config::TableAudits;

/// The days that a comparison needs. A week, so that each weekday occurred.
pub const MIN_DAYS: usize = 7;

/// One kind of comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The number of rows.
    Rows,
    /// A table that does not change any more.
    Unchanged,
    /// Repeated or missing values of a key.
    Keys,
    /// The range of a key.
    KeyRange,
    /// The share of NULLs.
    Nulls,
    /// Sums and bounds.
    Numbers,
    /// The newest row.
    Freshness,
    /// References to other tables.
    References,
    /// Sets of values.
    Values,
    /// Damaged text.
    Encoding,
}

impl Check {
    /// All checks. A table with several findings is reported under the first of them.
    pub const ALL: [Self; 10] = [
        Self::Rows,
        Self::Unchanged,
        Self::Keys,
        Self::KeyRange,
        Self::Nulls,
        Self::Numbers,
        Self::Freshness,
        Self::References,
        Self::Values,
        Self::Encoding,
    ];

    /// The name in `landbridge.yaml` and in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Unchanged => "unchanged",
            Self::Keys => "keys",
            Self::KeyRange => "key_range",
            Self::Nulls => "nulls",
            Self::Numbers => "numbers",
            Self::Freshness => "freshness",
            Self::References => "references",
            Self::Values => "values",
            Self::Encoding => "encoding",
        }
    }

    /// Whether the check compares figures that are recorded sealed: without the token key, it cannot be made.
    pub const fn compares_sealed(self) -> bool {
        match self {
            Self::Unchanged
            | Self::Keys
            | Self::KeyRange
            | Self::Numbers
            | Self::Freshness
            | Self::References => true,
            Self::Rows | Self::Nulls | Self::Values | Self::Encoding => false,
        }
    }

    /// What a finding means, as a sentence without names: alerts of one cause have the same text.
    pub const fn finding(self) -> &'static str {
        match self {
            Self::Rows => "a table has an unusual number of rows",
            Self::Unchanged => "a table that changed every day is the same as the day before",
            Self::Keys => "the key of a table is not unique",
            Self::KeyRange => "the range of a table's key is unusual",
            Self::Nulls => "a column has more NULLs than on earlier days",
            Self::Numbers => "the numbers of a column are unlike earlier days",
            Self::Freshness => "the newest row of a table does not fit the time of the snapshot",
            Self::References => "a column refers to rows that do not exist",
            Self::Values => "a column has values that are not among the declared ones",
            Self::Encoding => "a column has more damaged text than on earlier days",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something is unusual.
    Found,
    /// Nothing is unusual.
    Passed,
    /// There are not enough earlier days yet.
    Waits,
    /// The figures do not show it; the text says why.
    NotVisible,
    /// The figures would show it, and could not be read when the audit was made. At level `block`, the table is held.
    NotKnown,
}

/// What a check says of a table, or of one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The check.
    pub check: Check,
    /// The column by its name in the source, if the verdict is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// For people. Contains no value of a cell, no sum and no bound.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl Verdict {
    fn new(check: Check, outcome: Outcome, text: impl Into<String>) -> Self {
        Self { check, column: None, outcome, text: text.into() }
    }

    fn found(check: Check, text: impl Into<String>) -> Self {
        Self::new(check, Outcome::Found, text)
    }

    fn passed(check: Check) -> Self {
        Self::new(check, Outcome::Passed, "")
    }

    fn waits(check: Check, days: usize) -> Self {
        Self::new(check, Outcome::Waits, format!("{days} of {MIN_DAYS} earlier days are known"))
    }

    fn not_visible(check: Check, text: impl Into<String>) -> Self {
        Self::new(check, Outcome::NotVisible, text)
    }

    fn not_known(check: Check, text: impl Into<String>) -> Self {
        Self::new(check, Outcome::NotKnown, text)
    }

    fn unsealed(check: Check, why: Unsealed) -> Self {
        match why {
            Unsealed::NoKey => Self::not_visible(check, why.text()),
            Unsealed::Unreadable | Unsealed::NotRecorded => Self::not_known(check, why.text()),
        }
    }

    fn of(self, column: &str) -> Self {
        Self { column: Some(column.to_owned()), ..self }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(f, "column `{column}`: ")?;
        }
        f.write_str(&self.text)
    }
}

/// Why no hidden figures are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsealed {
    /// `transfer.token_key` is not set.
    NoKey,
    /// The key cannot be read now.
    Unreadable,
    /// The key could not be read when an object was transferred.
    NotRecorded,
}

impl Unsealed {
    /// The reason, for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoKey => "`transfer.token_key` is not set, so bounds and sums cannot be kept",
            Self::Unreadable => "the token key could not be read",
            Self::NotRecorded => {
                "the token key could not be read when the objects were transferred"
            }
        }
    }
}

/// What an audit compares a table with.
pub struct Audited<'a> {
    /// The figures of today.
    pub today: &'a TableFigures,
    /// The figures of earlier days, the oldest first: published ones only.
    pub history: &'a [TableFigures],
    /// What is declared.
    pub declared: Option<&'a TableAudits>,
    /// The figures of the columns that the table refers to, by `schema.table.column`; `None` if they are not known
    /// yet. Columns that no table of the day has are not in it.
    pub parents: &'a BTreeMap<String, Option<ColumnFigures>>,
    /// The columns that are text.
    pub text: &'a BTreeSet<String>,
    /// When the snapshot was taken.
    pub snapshot_at: Option<Timestamp>,
    /// The zone of times without one.
    pub zone: &'a TimeZone,
    /// Why no hidden figures are known, if they are not.
    pub unsealed: Option<Unsealed>,
}

/// The verdicts of all checks, in the order of [`Check::ALL`].
pub fn audit(it: &Audited<'_>) -> Vec<Verdict> {
    let mut verdicts = rows::rows(it);
    verdicts.extend(rows::unchanged(it));
    if it.today.rows == 0 {
        // An empty table has no value that could be unusual.
        return verdicts;
    }
    verdicts.extend(keys::keys(it));
    verdicts.extend(keys::key_range(it));
    verdicts.extend(columns::nulls(it));
    verdicts.extend(numbers::numbers(it));
    verdicts.extend(declared::freshness(it));
    verdicts.extend(declared::references(it));
    verdicts.extend(declared::values(it));
    verdicts.extend(columns::encoding(it));
    verdicts
}

impl Audited<'_> {
    /// The column of the key, and whether it is declared.
    fn key(&self) -> Option<(&str, bool)> {
        match self.declared.and_then(|declared| declared.key.as_deref()) {
            Some(key) => Some((key, true)),
            None => self.today.columns.contains_key("id").then_some(("id", false)),
        }
    }

    /// The verdict of a check if the hidden figures of a column are not known.
    fn without_figures(&self, check: Check, column: &str) -> Verdict {
        match (self.today.columns.get(column), self.unsealed) {
            (None, _) => Verdict::not_visible(check, "the table has no such column"),
            (Some(_), Some(why)) => Verdict::unsealed(check, why),
            (Some(_), None) => Verdict::not_visible(check, "the files have no bounds of it"),
        }
    }
}

/// The median of numbers; 0 of none.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => 0.0,
        n if n % 2 == 1 => numbers[n / 2],
        n => f64::midpoint(numbers[n / 2 - 1], numbers[n / 2]),
    }
}

/// The standard deviation of numbers, or [`spread`] if that is larger.
fn deviation(numbers: &[f64]) -> f64 {
    let count = numbers.len().max(1) as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let variance = numbers.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / count;
    variance.sqrt().max(spread(numbers))
}

/// How far numbers usually are from their median: the median distance, scaled to the standard deviation of a normal
/// distribution. Single outliers do not change it.
fn spread(numbers: &[f64]) -> f64 {
    let middle = median(numbers.to_vec());
    1.4826 * median(numbers.iter().map(|it| (it - middle).abs()).collect())
}
