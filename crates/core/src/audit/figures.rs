//! What is known of a table on one day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::proof::Total;
use crate::rewrite::Bound;

/// What is known of a table on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableFigures {
    /// The day.
    pub day: Day,
    /// Its rows.
    pub rows: u64,
    /// A keyed digest of the content of its objects: equal for equal content, and says nothing else. `None`
    /// without a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Its columns, by their names in the source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnFigures>,
}

/// What is known of a column on one day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnFigures {
    /// NULLs, if they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<u64>,
    /// Values that are not UTF-8 or contain U+FFFD, if its text was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<u64>,
    /// Values outside of the declared set, if there is one and its text was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<u64>,
    /// What only a sealed record may contain.
    #[serde(skip)]
    pub hidden: Option<Hidden>,
}

/// Figures that say something about values. They are recorded sealed only, see
/// `landbridge_parquet::rewrite::AuditKey`, whatever the class of the column is: the record stays, and the class may
/// change.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Hidden {
    /// The smallest value.
    pub min: Option<Bound>,
    /// The largest value.
    pub max: Option<Bound>,
    /// The exact sum.
    pub total: Option<Total>,
}

/// Without values: a figure must not reach a log by accident.
impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// The bytes of a bound: its kind, its scale, its value.
const BOUND_BYTES: usize = 18;

impl Hidden {
    /// The length of [`Self::to_bytes`].
    pub const BYTES: usize = 3 * BOUND_BYTES;

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the figures of another part of the column. `None` of either is unknown of both.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let pick = |a: Option<Bound>, b: Option<Bound>, larger: bool| {
            let (a, b) = a.zip(b)?;
            Some(if b.is_above(a) == larger { b } else { a })
        };
        let total = self.total.zip(other.total).and_then(|(a, b)| {
            let units = a.units.checked_add(b.units).filter(|_| a.scale == b.scale)?;
            Some(Total { units, ..a })
        });
        Self { min: pick(self.min, other.min, false), max: pick(self.max, other.max, true), total }
    }

    /// The figures in a fixed number of bytes.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let total = self.total.map(|it| Bound::Decimal(it.units, it.scale));
        let parts = bytes.chunks_mut(BOUND_BYTES);
        for (part, bound) in parts.zip([self.min, self.max, total]) {
            if let Some(bound) = bound {
                let (kind, scale, value) = stored(bound);
                (part[0], part[1]) = (kind, scale);
                part[2..].copy_from_slice(&value.to_be_bytes());
            }
        }
        bytes
    }

    /// The figures of [`Self::to_bytes`]; `None` if they are of another form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != Self::BYTES {
            return None;
        }
        let mut parts = bytes.chunks(BOUND_BYTES).map(|part| {
            let value = i128::from_be_bytes(*part[2..].first_chunk()?);
            read(part[0], part[1], value)
        });
        let (min, max, total) = (parts.next()??, parts.next()??, parts.next()??);
        let total = match total {
            None => None,
            Some(Bound::Decimal(units, scale)) => Some(Total { units, scale }),
            Some(_) => return None,
        };
        Some(Self { min, max, total })
    }
}

/// The kind, the scale and the value of a bound, as stored. The numbers of kinds never change.
fn stored(bound: Bound) -> (u8, u8, i128) {
    match bound {
        Bound::Integer(it) => (1, 0, it.into()),
        Bound::Double(it) => (2, 0, it.to_bits().into()),
        Bound::Bool(it) => (3, 0, it.into()),
        Bound::Date(it) => (4, 0, it.into()),
        Bound::Timestamp(it) => (5, 0, it.into()),
        Bound::Datetime(it) => (6, 0, it.into()),
        Bound::Time(it) => (7, 0, it.into()),
        Bound::Decimal(it, scale) => (8, scale, it),
    }
}

/// The inner `None`: no bound is stored. The outer one: the bytes are no bound.
fn read(kind: u8, scale: u8, value: i128) -> Option<Option<Bound>> {
    let whole = || i64::try_from(value).ok();
    Some(Some(match kind {
        0 => return Some(None),
        1 => Bound::Integer(whole()?),
        2 => Bound::Double(f64::from_bits(u64::try_from(value).ok()?)),
        3 => Bound::Bool(value != 0),
        4 => Bound::Date(i32::try_from(value).ok()?),
        5 => Bound::Timestamp(whole()?),
        6 => Bound::Datetime(whole()?),
        7 => Bound::Time(whole()?),
        8 => Bound::Decimal(value, scale),
        _ => return None,
    }))
}

impl TableFigures {
    /// Values of a column that are not NULL.
    pub fn values(&self, column: &str) -> Option<u64> {
        self.rows.checked_sub(self.columns.get(column)?.nulls?)
    }

    /// The share of NULLs of a column, from 0 to 1.
    pub fn null_share(&self, column: &str) -> Option<f64> {
        let nulls = self.columns.get(column)?.nulls?;
        (self.rows > 0).then(|| nulls as f64 / self.rows as f64)
    }

    /// The hidden figures of a column.
    pub fn hidden(&self, column: &str) -> Option<&Hidden> {
        self.columns.get(column)?.hidden.as_ref()
    }

    /// The bounds of a column of whole numbers.
    pub(super) fn range(&self, column: &str) -> Option<(i64, i64)> {
        match self.hidden(column)? {
            Hidden { min: Some(Bound::Integer(min)), max: Some(Bound::Integer(max)), .. } => {
                Some((*min, *max))
            }
            _ => None,
        }
    }
}
