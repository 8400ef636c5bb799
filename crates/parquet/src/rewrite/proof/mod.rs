//! Computes the figures of columns while they pass: of converted columns from the values that are
//! written, of copied ones by decoding their pages beside the copy.
//!
//! | module | responsibility |
//! |---|---|
//! | here | which columns of a file have figures |
//! | `plan` | [`ProofPlan`]: which figures, and the mask of each column |
//! | `merge` | figures of several chunks or files together |
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
pub(super) mod chunk;
mod content;
mod hashes;
mod kept;
mod leaf;
mod mask;
pub(super) mod merge;
pub(super) mod plan;
mod rows;
mod seal;
mod texts;

use std::collections::BTreeMap;

use landbridge_core::proof::rows::{RowColumn, RowPlan, RowProof, RowSet};
use parquet::file::reader::ChunkReader;
use parquet::schema::types::SchemaDescPtr;

pub use audit::AuditKey;
pub use plan::ProofPlan;
pub use seal::ProofKey;

pub(super) use chunk::{ChunkProof, ProvenColumn};
pub(super) use content::{ChunkDigest, Contents};
pub(super) use kept::KeptProof;
pub(super) use merge::merged_rows;
pub(super) use rows::GroupRows;

use super::input::Input;
use super::schema::{ColumnTask, OutputColumn, OutputLayout};
use leaf::Leaf;

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
