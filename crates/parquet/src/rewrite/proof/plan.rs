//! Which figures are computed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landbridge_core::config::Mask;
use landbridge_core::proof::ColumnProof;

/// Which figures are computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofPlan {
    /// Whether copied columns are decoded too, and rows get fingerprints. Converted columns always have
    /// figures.
    pub kept: bool,
    /// The masks of columns, by their names in the source. A column without one has only plain figures.
    pub masks: BTreeMap<String, Mask>,
    /// The columns that every reader sees, by their names in the source.
    pub open: BTreeSet<String>,
    /// The declared sets of values, by names in the source. These columns have figures on every day.
    pub values: BTreeMap<String, Arc<BTreeSet<String>>>,
    /// Whether only the columns of [`Self::values`] have figures.
    pub only_values: bool,
    /// Whether figures of copied columns get the [content](landbridge_core::proof::Content) that they are of.
    pub contents: bool,
    /// Figures of copied columns of an earlier day, with contents, by their names in the source. They are
    /// taken over where the bytes are the same, and then rows have no fingerprints.
    pub known: BTreeMap<String, ColumnProof>,
    /// The memory of the rows of a group, in bytes, at least 8 per row. A larger group has no fingerprint.
    pub row_memory: usize,
}

impl Default for ProofPlan {
    fn default() -> Self {
        Self {
            kept: false,
            masks: BTreeMap::new(),
            open: BTreeSet::new(),
            values: BTreeMap::new(),
            only_values: false,
            contents: false,
            known: BTreeMap::new(),
            row_memory: 16 << 20,
        }
    }
}
