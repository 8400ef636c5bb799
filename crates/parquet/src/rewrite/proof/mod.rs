//! Computes the figures of columns while they pass: of converted columns from the values that are
//! written, of copied ones by decoding their pages beside the copy.
//!
//! | module | responsibility |
//! |---|---|
//! | here | [`ProofPlan`]: which columns, and the mask of each |
//! | `leaf` | how a stored value becomes its canonical text |
//! | `mask` | what a mask shows of a value |
//! | `hashes` | the hashes of many values |
//! | `chunk` | the figures of one column chunk |
//! | `kept` | decodes the pages of a copied chunk |
//! | `content` | whether a copied chunk has the bytes of an earlier day |
//! | `rows` | the fingerprint of whole rows |
//! | `seal` | seals figures for the ledger |
//! | `texts` | counts damaged and unexpected text, for audits |
//! | `audit` | seals the figures that audits compare between days |
//!
//! A column whose figures cannot be computed has none, and is transferred all the same: proof never stops a
//! transfer.

mod audit;
mod chunk;
mod content;
mod hashes;
mod kept;
mod leaf;
mod mask;
mod rows;
mod seal;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landbridge_core::config::Mask;
use landbridge_core::proof::ColumnProof;
use landbridge_core::proof::rows::{RowColumn, RowPlan, RowProof, RowSet};
use parquet::file::reader::ChunkReader;
use parquet::schema::types::SchemaDescPtr;

pub use audit::AuditKey;
pub use seal::ProofKey;

pub(super) use chunk::{ChunkProof, ProvenColumn};
pub(super) use content::{ChunkDigest, Contents};
pub(super) use kept::KeptProof;
pub(super) use rows::GroupRows;

use super::input::Input;
use super::schema::{ColumnTask, OutputColumn, OutputLayout};
use leaf::Leaf;

/// The largest page of a copied column that is decoded for its figures, in bytes. Writers make pages of
/// 1 MiB. A column with a larger one has no figures. Four buffers of this size are in memory at most.
const MAX_PAGE_BYTES: usize = 2 << 20;

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

/// What is computed of one file.
pub(super) struct FileProof {
    /// The columns of the output; `None` for one that has no figures.
    pub(super) columns: Vec<Option<ProvenColumn>>,
    /// The columns of the fingerprint of rows, if each of them has figures.
    rows: Option<RowPlan>,
    row_memory: usize,
    pub(super) contents: Contents,
}

impl FileProof {
    /// Of the row groups of a file.
    pub(super) fn new<R: ChunkReader>(
        input: &Input<'_, R>,
        layout: &OutputLayout,
        groups: &[usize],
    ) -> Self {
        let plan = input.proof;
        let rows = plan.filter(|plan| plan.kept).map(|plan| plan.rows(layout));
        let columns: Vec<_> = layout
            .columns
            .iter()
            .map(|column| plan?.of_column(column, &layout.schema, rows.as_ref()))
            .collect();
        let contents = plan.map(|plan| Contents::new(plan, &columns, layout, input, groups));
        let contents = contents.unwrap_or_default();
        let complete = columns.iter().all(Option::is_some) && !contents.any_known();
        let row_memory = plan.map_or(0, |plan| plan.row_memory);
        Self { columns, rows: rows.filter(|_| complete), row_memory, contents }
    }

    /// Computes the figures of a chunk of this column while it passes, if it gets any then.
    pub(super) fn chunk(&self, column: usize, rows: Option<&GroupRows>) -> Option<ChunkProof> {
        let proven = self.columns[column].as_ref().filter(|_| !self.contents.is_known(column))?;
        Some(proven.chunk(rows))
    }

    /// The rows of a group, if they get a fingerprint.
    pub(super) fn group_rows(&self, count: usize) -> Option<GroupRows> {
        GroupRows::new(self.rows.as_ref()?, count, self.row_memory)
    }

    /// The fingerprints of no rows.
    pub(super) fn no_rows(&self) -> BTreeMap<RowSet, RowProof> {
        let rows = self.rows.iter().flat_map(|plan| {
            plan.sets().into_iter().map(|set| {
                let figures = landbridge_core::proof::Figures::none(None);
                (set, RowProof { columns: plan.digest(set), figures })
            })
        });
        rows.collect()
    }
}

impl ProofPlan {
    /// How the columns of the output take part in the fingerprint of rows.
    fn rows(&self, layout: &OutputLayout) -> RowPlan {
        RowPlan::new(layout.columns.iter().map(|column| {
            let name = &column.name;
            let part = match self.masks.get(name) {
                _ if self.open.contains(name) => RowColumn::Open,
                Some(mask) => RowColumn::Masked(*mask),
                None => RowColumn::Hidden,
            };
            (name.clone(), part)
        }))
    }

    /// A column of the output; `None` if it gets no figures.
    fn of_column(
        &self,
        column: &OutputColumn,
        schema: &SchemaDescPtr,
        rows: Option<&RowPlan>,
    ) -> Option<ProvenColumn> {
        let values = self.values.get(&column.name);
        if self.only_values && values.is_none() {
            return None;
        }
        match column.task {
            ColumnTask::Copy if values.is_some() => {}
            ColumnTask::Convert { .. } | ColumnTask::Null => {}
            ColumnTask::Copy if self.kept => {}
            // Columns that become OPTIONAL are copied page by page. Exports of RDS have none.
            ColumnTask::Copy | ColumnTask::Relax => return None,
        }
        if column.leaves.len() != 1 {
            return None;
        }
        Some(ProvenColumn {
            leaf: Leaf::of(&schema.column(column.first))?,
            mask: self.masks.get(&column.name).copied(),
            values: values.cloned(),
            place: rows.and_then(|rows| rows.place(&column.name)),
        })
    }
}

/// The fingerprints of rows so far, with more rows. A set that one side does not have is unknown.
pub(super) fn merged_rows(
    so_far: &BTreeMap<RowSet, RowProof>,
    more: &BTreeMap<RowSet, RowProof>,
) -> BTreeMap<RowSet, RowProof> {
    let sets = so_far.iter().filter_map(|(set, it)| Some((*set, it.merged(more.get(set)?)?)));
    sets.collect()
}

/// The figures of a column so far, with one more chunk.
pub(super) fn merged(
    so_far: Option<ColumnProof>,
    chunk: Option<ColumnProof>,
) -> Option<ColumnProof> {
    let (mut all, chunk) = so_far.zip(chunk)?;
    all.merge(&chunk);
    Some(all)
}

/// The largest page that is decoded for figures.
pub(super) fn page_limit(configured: usize) -> usize {
    configured.min(MAX_PAGE_BYTES)
}
