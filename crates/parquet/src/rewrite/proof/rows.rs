//! The fingerprint of whole rows, from the hashes of columns that pass one after the other.

use std::cell::RefCell;
use std::rc::Rc;

use landbridge_core::proof::Figures;
use landbridge_core::proof::rows::{PLACES, RowColumn, RowPlan, RowProof, RowSet, part, row_hash};

/// The rows of one row group, to which its columns are added in any order, one after the other.
#[derive(Clone)]
pub(in super::super) struct GroupRows(Rc<RefCell<Rows>>);

struct Rows {
    /// `None`: what the mask of a column shows is unknown.
    sets: Vec<Option<(RowSet, u64)>>,
    /// For each set, the numbers of each row.
    numbers: Vec<Vec<u64>>,
    count: usize,
    blocks: usize,
    /// Columns that are not added yet.
    left: usize,
    /// Whether a column cannot be added.
    failed: bool,
    proofs: Vec<(RowSet, RowProof)>,
}

impl GroupRows {
    /// The rows of a group. They take no memory before the first column is added, and after the last one.
    /// `None` if they take more than `memory` bytes.
    pub(in super::super) fn new(plan: &RowPlan, count: usize, memory: usize) -> Option<Self> {
        let sets: Vec<_> =
            plan.sets().into_iter().map(|set| Some((set, plan.digest(set)))).collect();
        let (blocks, left) = (plan.len().div_ceil(PLACES), plan.len());
        let bytes = count.checked_mul(blocks * sets.len() * size_of::<u64>())?;
        (left > 0 && bytes <= memory).then(|| {
            Self(Rc::new(RefCell::new(Rows {
                sets,
                numbers: Vec::new(),
                count,
                blocks,
                left,
                failed: false,
                proofs: Vec::new(),
            })))
        })
    }

    /// The place for a column's hashes.
    pub(super) fn column(&self, place: usize, column: RowColumn) -> RowPart {
        RowPart { rows: self.clone(), place, column, at: 0, ended: false }
    }

    /// Adds a column without a value.
    pub(in super::super) fn add_nulls(&self) {
        self.0.borrow_mut().end_column();
    }

    /// The fingerprints if all columns were added, otherwise none.
    pub(in super::super) fn finish(&self) -> Vec<(RowSet, RowProof)> {
        std::mem::take(&mut self.0.borrow_mut().proofs)
    }
}

impl Rows {
    fn fail(&mut self) {
        self.failed = true;
        self.numbers = Vec::new();
    }

    fn end_column(&mut self) {
        self.left = self.left.saturating_sub(1);
        if self.left > 0 || self.failed {
            return;
        }
        let (numbers, mut text) = (std::mem::take(&mut self.numbers), Vec::new());
        for (at, set) in self.sets.iter().enumerate() {
            let Some((set, columns)) = *set else { continue };
            let mut figures = Figures::none(None);
            match numbers.get(at) {
                Some(numbers) => {
                    let rows = numbers.chunks_exact(self.blocks);
                    rows.for_each(|row| figures.add(row_hash(row.iter().copied(), &mut text)));
                }
                // No column has a value.
                None => {
                    let hash = row_hash(std::iter::repeat_n(0, self.blocks), &mut text);
                    figures.add_times(hash, self.count as u64);
                }
            }
            self.proofs.push((set, RowProof { columns, figures }));
        }
    }
}

/// One column of a row group, whose values come in batches in the order of rows. Dropped before its end, it
/// leaves the group without fingerprints.
pub(super) struct RowPart {
    rows: GroupRows,
    place: usize,
    column: RowColumn,
    /// The row of the next value.
    at: usize,
    ended: bool,
}

impl RowPart {
    /// Adds the next rows: whether each has a value, and the hashes of the values, and of what the mask
    /// shows of them. `None` if these do not fit the group.
    pub(super) fn add(
        &mut self,
        present: impl ExactSizeIterator<Item = bool>,
        hashes: &[u64],
        masked: Option<&[u64]>,
    ) -> Option<()> {
        let mut rows = self.rows.0.borrow_mut();
        let Rows { sets, numbers, count, blocks, failed, .. } = &mut *rows;
        let end = self.at + present.len();
        if *failed || end > *count {
            return None;
        }
        if numbers.is_empty() {
            *numbers = vec![vec![0; *count * *blocks]; sets.len()];
        }
        let block = self.place / PLACES;
        let with_value: Vec<usize> =
            (self.at..end).zip(present).filter(|(_, is)| *is).map(|(row, _)| row).collect();
        for (place, numbers) in sets.iter_mut().zip(numbers) {
            let hashes = match (*place, self.column) {
                (Some((RowSet::Shown, _)), RowColumn::Masked(_)) => match masked {
                    Some(masked) => masked,
                    None => {
                        *place = None;
                        continue;
                    }
                },
                (Some((set, _)), column) if set.has(column) => hashes,
                _ => continue,
            };
            if hashes.len() != with_value.len() {
                return None;
            }
            for (row, hash) in with_value.iter().zip(hashes) {
                *numbers.get_mut(row * *blocks + block)? ^= part(*hash, self.place);
            }
        }
        self.at = end;
        Some(())
    }

    /// The column has ended.
    pub(super) fn end(mut self) {
        let mut rows = self.rows.0.borrow_mut();
        self.ended = self.at == rows.count;
        if self.ended {
            rows.end_column();
        }
    }
}

impl Drop for RowPart {
    fn drop(&mut self) {
        if !self.ended {
            self.rows.0.borrow_mut().fail();
        }
    }
}
