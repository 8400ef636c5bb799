//! The fingerprint of whole rows: it sees cells that two rows exchanged, which no figure of a column does.
//!
//! Of a row, each column's hash is rotated by the column's place and combined by XOR, 64 columns to a
//! number, so that a transfer that reads column after column needs one number per row and not all cells.
//! The hash of a row is that of its numbers, as text: it depends on which cells are in one row. The
//! figures of the hashes of all rows do not depend on the order of rows.
//!
//! A reader sees some columns only through a mask, so there are up to three fingerprints: see [`RowSet`].

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Figures;
use super::farm::fingerprint;
use crate::config::Mask;

/// The columns whose hashes one number combines: as many as a number has bits, so that no two are rotated
/// alike and equal cells of two columns do not cancel.
pub const PLACES: usize = 64;

/// How a column takes part in the fingerprints of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowColumn {
    /// Its class is `none`: every reader sees its values.
    Open,
    /// The mask of its class shows something of a value.
    Masked(Mask),
    /// The mask of its class shows nothing.
    Hidden,
}

/// The columns of a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowSet {
    /// Columns of the class `none`, which every reader sees.
    Open,
    /// What a masked reader sees: these, and what the masks of the others show.
    Shown,
    /// The values of all columns.
    All,
}

impl RowSet {
    /// All sets, with the fewest columns first.
    pub const ALL: [Self; 3] = [Self::Open, Self::Shown, Self::All];

    /// The name in a record's context.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Shown => "shown",
            Self::All => "all",
        }
    }

    /// Whether a column is in the set.
    pub const fn has(self, column: RowColumn) -> bool {
        match self {
            Self::Open => matches!(column, RowColumn::Open),
            Self::Shown => !matches!(column, RowColumn::Hidden),
            Self::All => true,
        }
    }
}

/// The columns of a table by their names in the source: transfer and `landbridge verify` make the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowPlan {
    columns: BTreeMap<String, RowColumn>,
}

impl RowPlan {
    /// A plan of these columns.
    pub fn new(columns: impl IntoIterator<Item = (String, RowColumn)>) -> Self {
        Self { columns: columns.into_iter().collect() }
    }

    /// The sets that have a fingerprint. A set that has the same columns as a smaller one has none.
    pub fn sets(&self) -> Vec<RowSet> {
        let is = |wanted: fn(RowColumn) -> bool| self.columns.values().any(|it| wanted(*it));
        let masked = is(|it| matches!(it, RowColumn::Masked(_)));
        let mut sets = Vec::new();
        if is(|it| it == RowColumn::Open) {
            sets.push(RowSet::Open);
        }
        if masked {
            sets.push(RowSet::Shown);
        }
        if masked || is(|it| it == RowColumn::Hidden) {
            sets.push(RowSet::All);
        }
        sets
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is no column.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The place of a column, and how it takes part.
    pub fn place(&self, column: &str) -> Option<(usize, RowColumn)> {
        let place = self.columns.keys().position(|it| it == column)?;
        Some((place, *self.columns.get(column)?))
    }

    /// Names the columns of a set and how each takes part: two fingerprints are comparable only if theirs are
    /// equal.
    pub fn digest(&self, set: RowSet) -> u64 {
        let mut text = format!("{}\n{}", set.name(), self.columns.len().div_ceil(PLACES));
        for (place, (name, column)) in self.columns.iter().enumerate() {
            if set.has(*column) {
                let mask = match (set, column) {
                    (RowSet::Shown, RowColumn::Masked(mask)) => mask.to_string(),
                    _ => String::new(),
                };
                // Writing into text cannot fail.
                let _ = write!(text, "\n{place}:{}:{name}:{mask}", name.len());
            }
        }
        fingerprint(text.as_bytes())
    }
}

/// The part of a column in the number of a row.
#[inline]
pub const fn part(hash: u64, place: usize) -> u64 {
    hash.rotate_left((place % PLACES) as u32)
}

/// The hash of a row of these numbers: one for each [`PLACES`] columns.
#[inline]
pub fn row_hash(numbers: impl IntoIterator<Item = u64>, text: &mut Vec<u8>) -> u64 {
    text.clear();
    for number in numbers {
        if !text.is_empty() {
            text.push(b':');
        }
        super::text::integer(number.cast_signed(), text);
    }
    fingerprint(text)
}

/// The fingerprint of the rows of one set of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowProof {
    /// Which columns: see [`RowPlan::digest`].
    pub columns: u64,
    /// The figures of the hashes of the rows.
    pub figures: Figures,
}

impl RowProof {
    /// Adds the fingerprint of other rows. `None` if it has other columns.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Option<Self> {
        if self.columns != other.columns {
            return None;
        }
        self.figures.merge(&other.figures);
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(columns: &[(&str, RowColumn)]) -> RowPlan {
        RowPlan::new(columns.iter().map(|(name, column)| ((*name).to_owned(), *column)))
    }

    const EMAIL: RowColumn = RowColumn::Masked(Mask::EmailMask);

    #[test]
    fn a_set_with_the_columns_of_another_has_no_fingerprint() {
        use RowColumn::{Hidden, Open};
        assert_eq!(plan(&[("a", Open), ("b", Open)]).sets(), [RowSet::Open]);
        assert_eq!(plan(&[("a", Open), ("b", Hidden)]).sets(), [RowSet::Open, RowSet::All]);
        assert_eq!(plan(&[("a", Open), ("b", EMAIL)]).sets(), RowSet::ALL);
        assert_eq!(plan(&[("b", Hidden)]).sets(), [RowSet::All]);
        assert_eq!(plan(&[]).sets(), []);
    }

    #[test]
    fn the_digest_names_columns_places_and_masks() {
        use RowColumn::{Hidden, Open};
        let of = |columns: &[(&str, RowColumn)], set| plan(columns).digest(set);
        let base = [("a", Open), ("b", EMAIL)];
        assert_eq!(of(&base, RowSet::All), of(&[("a", Open), ("b", Hidden)], RowSet::All));
        let other = RowColumn::Masked(Mask::Sha256);
        assert_ne!(of(&base, RowSet::Shown), of(&[("a", Open), ("b", other)], RowSet::Shown));
        assert_ne!(of(&base, RowSet::Open), of(&[("a", Open), ("b", Open)], RowSet::Open));
        // Another place is another rotation.
        assert_ne!(of(&base, RowSet::Open), of(&[("a", Open), ("_", EMAIL)], RowSet::Open));
        assert_ne!(of(&base, RowSet::Open), of(&base, RowSet::Shown));
    }

    fn table(rows: &[[&str; 2]]) -> Figures {
        let mut figures = Figures::none(None);
        for cells in rows {
            let cells = cells.iter().enumerate();
            let number =
                cells.fold(0, |sum, (place, it)| sum ^ part(fingerprint(it.as_bytes()), place));
            figures.add(row_hash([number], &mut Vec::new()));
        }
        figures
    }

    #[test]
    fn exchanged_cells_are_seen_and_the_order_of_rows_is_not() {
        let rows = table(&[["1", "a"], ["2", "b"]]);
        assert_eq!(rows, table(&[["2", "b"], ["1", "a"]]));
        assert_ne!(rows, table(&[["1", "b"], ["2", "a"]]));
        // Two columns with equal cells do not cancel.
        assert_ne!(table(&[["1", "1"]]), table(&[["2", "2"]]));
        // Nor do two columns exchange theirs.
        assert_ne!(table(&[["1", "2"]]), table(&[["2", "1"]]));
    }

    #[test]
    fn only_the_same_columns_add_up() {
        let a = RowProof { columns: 1, figures: table(&[["1", "a"]]) };
        let b = RowProof { figures: table(&[["2", "b"]]), ..a };
        let both = a.merged(&b).map(|it| it.figures);
        assert_eq!(both, Some(table(&[["1", "a"], ["2", "b"]])));
        assert_eq!(a.merged(&RowProof { columns: 2, ..b }), None);
    }
}
