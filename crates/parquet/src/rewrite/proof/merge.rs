//! The figures of several chunks or files together.

use std::collections::BTreeMap;

use landbridge_core::proof::ColumnProof;
use landbridge_core::proof::rows::{RowProof, RowSet};

/// The fingerprints of rows so far, with more rows. A set that one side does not have is unknown.
pub(in super::super) fn merged_rows(
    so_far: &BTreeMap<RowSet, RowProof>,
    more: &BTreeMap<RowSet, RowProof>,
) -> BTreeMap<RowSet, RowProof> {
    let sets = so_far.iter().filter_map(|(set, it)| Some((*set, it.merged(more.get(set)?)?)));
    sets.collect()
}

/// The figures of a column so far, with one more chunk.
pub(in super::super) fn merged(
    so_far: Option<ColumnProof>,
    chunk: Option<ColumnProof>,
) -> Option<ColumnProof> {
    let (mut all, chunk) = so_far.zip(chunk)?;
    all.merge(&chunk);
    Some(all)
}
