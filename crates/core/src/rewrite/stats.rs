//! Statistics of a transferred column, collected without an additional scan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Bound, Misfit};

/// Statistics of a column, of one file or several files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnStats {
    /// Number of NULLs; `None` if the source file does not contain it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<u64>,
    /// Number of non-NULL values in the source; known only for decoded columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<u64>,
    /// Number of misfits by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub misfits: BTreeMap<Misfit, u64>,
    /// Number of NULLs that were left out of arrays.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped_nulls: u64,
    /// Local times that a change of the clock skips; they moved on by the gap.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped_times: u64,
    /// Local times that a change of the clock repeats; each is taken as the first of the two.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeated_times: u64,
    /// Values of a text column that are not UTF-8 or contain U+FFFD; `None` if its values were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<u64>,
    /// Values outside of the set that `audits` declares; `None` without a set, or if its values were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<u64>,
    /// Whether all files so far have bounds; one without makes both bounds unknown.
    pub bounded: bool,
    /// The minimum, for numbers, dates and times. Like the maximum, it is a cell value: it may be
    /// written down only as [`Self::without_bounds`] says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Bound>,
    /// The maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Bound>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Default for ColumnStats {
    /// The statistics of zero rows.
    fn default() -> Self {
        Self {
            nulls: Some(0),
            values: None,
            misfits: BTreeMap::new(),
            dropped_nulls: 0,
            skipped_times: 0,
            repeated_times: 0,
            damaged: Some(0),
            unlisted: Some(0),
            bounded: true,
            min: None,
            max: None,
        }
    }
}

impl ColumnStats {
    /// The same statistics without a cell value, for a column whose contract does not
    /// [allow its bounds](crate::contract::ColumnContract::allows_bounds). Merged with other
    /// statistics, it makes their bounds unknown.
    #[must_use]
    pub fn without_bounds(self) -> Self {
        Self { bounded: false, min: None, max: None, ..self }
    }

    /// Adds the statistics of another file of the same column.
    pub fn merge(&mut self, other: &Self) {
        self.nulls = self.nulls.zip(other.nulls).map(|(a, b)| a + b);
        self.values = match (self.values, other.values) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        for (reason, count) in &other.misfits {
            *self.misfits.entry(*reason).or_default() += count;
        }
        self.dropped_nulls += other.dropped_nulls;
        self.skipped_times += other.skipped_times;
        self.repeated_times += other.repeated_times;
        self.damaged = self.damaged.zip(other.damaged).map(|(a, b)| a + b);
        self.unlisted = self.unlisted.zip(other.unlisted).map(|(a, b)| a + b);
        self.bounded &= other.bounded;
        let pick = |a: Option<Bound>, b: Option<Bound>, larger: bool| match (a, b) {
            (Some(a), Some(b)) => Some(if b.is_above(a) == larger { b } else { a }),
            (a, b) => a.or(b),
        };
        (self.min, self.max) = match self.bounded {
            true => (pick(self.min, other.min, false), pick(self.max, other.max, true)),
            false => (None, None),
        };
    }

    /// Number of misfits.
    pub fn misfit_count(&self) -> u64 {
        self.misfits.values().sum()
    }

    /// Whether the share of misfits among the values exceeds `share` (from 0 to 1).
    pub fn misfits_exceed(&self, share: f64) -> bool {
        let misfits = self.misfit_count();
        // Both are far below 2^53, so the conversion is exact.
        misfits as f64 > share * self.values.unwrap_or(0) as f64
    }

    /// `2 × NaN, 1 × infinity of 4000 values`; empty without misfits.
    pub fn describe_misfits(&self) -> String {
        if self.misfits.is_empty() {
            return String::new();
        }
        let reasons: Vec<String> =
            self.misfits.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
        format!("{} of {} values", reasons.join(", "), self.values.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let part = |values, nan: u64, min, max| ColumnStats {
            nulls: Some(nan),
            values: Some(values),
            misfits: (nan > 0).then_some((Misfit::NotANumber, nan)).into_iter().collect(),
            min: Some(Bound::Integer(min)),
            max: Some(Bound::Integer(max)),
            ..ColumnStats::default()
        };
        let mut all = ColumnStats::default();
        all.merge(&part(1000, 1, 5, 9));
        all.merge(&part(1000, 0, -3, 7));
        assert_eq!((all.min, all.max), (Some(Bound::Integer(-3)), Some(Bound::Integer(9))));
        assert_eq!(all.describe_misfits(), "1 × NaN of 2000 values");
        assert!(!all.misfits_exceed(0.001), "one in two thousand is half of what is allowed");
        assert!(all.misfits_exceed(0.0004));
        all.merge(&part(1, 0, 0, 0).without_bounds());
        all.merge(&part(1, 0, 0, 0));
        assert_eq!((all.min, all.max), (None, None), "what one part does not say is unknown");
    }

    #[test]
    fn every_count_is_the_sum_of_the_parts() {
        let part = ColumnStats {
            nulls: Some(3),
            values: Some(500),
            misfits: [(Misfit::NotANumber, 2), (Misfit::Infinite, 1)].into(),
            dropped_nulls: 5,
            skipped_times: 7,
            repeated_times: 11,
            ..ColumnStats::default()
        };
        let mut all = part.clone();
        all.merge(&part);
        let doubled = ColumnStats {
            nulls: Some(6),
            values: Some(1000),
            misfits: [(Misfit::NotANumber, 4), (Misfit::Infinite, 2)].into(),
            dropped_nulls: 10,
            skipped_times: 14,
            repeated_times: 22,
            ..ColumnStats::default()
        };
        assert_eq!((&all, all.misfit_count()), (&doubled, 6));
        // Six of a thousand are not more than six of a thousand.
        assert!(!all.misfits_exceed(0.006) && all.misfits_exceed(0.0059));
        assert!(!ColumnStats::default().misfits_exceed(0.0), "no value, no misfit");
        all.merge(&ColumnStats { nulls: None, ..part });
        assert_eq!(all.nulls, None, "what one part does not say is unknown");
        let stored = serde_json::to_value(&doubled).expect("JSON");
        assert_eq!(serde_json::from_value::<ColumnStats>(stored).expect("statistics"), doubled);
        let absent = ["dropped_nulls", "skipped_times", "repeated_times"];
        let stored = serde_json::to_value(ColumnStats::default()).expect("JSON");
        assert!(absent.iter().all(|it| stored.get(it).is_none()), "{stored}");
    }
}
