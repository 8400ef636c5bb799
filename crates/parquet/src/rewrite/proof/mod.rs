//! Computes the figures of columns while they pass: of converted columns from the values that are
//! written, of copied ones by decoding their pages beside the copy.
//!
//! | module | responsibility |
//! |---|---|
//! | here | [`ProofPlan`]: which columns, and the mask of each |
//! | `leaf` | how a stored value becomes its canonical text |
//! | `mask` | what a mask shows of a value |
//! | `chunk` | the figures of one column chunk |
//! | `kept` | decodes the pages of a copied chunk |
//! | `seal` | seals figures for the ledger |
//! | `texts` | counts damaged and unexpected text, for audits |
//! | `audit` | seals the figures that audits compare between days |
//!
//! A column whose figures cannot be computed has none, and is transferred all the same: proof never stops a
//! transfer.

mod audit;
mod chunk;
mod kept;
mod leaf;
mod mask;
mod seal;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landbridge_core::config::Mask;
use landbridge_core::proof::ColumnProof;
use parquet::schema::types::SchemaDescPtr;

pub use audit::AuditKey;
pub use seal::ProofKey;

pub(super) use chunk::ChunkProof;
pub(super) use kept::KeptProof;

use super::schema::{ColumnTask, OutputColumn};
use leaf::Leaf;

/// The largest page of a copied column that is decoded for its figures, in bytes. Writers make pages of
/// 1 MiB. A column with a larger one has no figures. Four buffers of this size are in memory at most.
const MAX_PAGE_BYTES: usize = 2 << 20;

/// Which figures are computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProofPlan {
    /// Whether copied columns are decoded too. Those that are converted always have figures.
    pub kept: bool,
    /// The masks of columns, by their names in the source. A column without one has only plain figures.
    pub masks: BTreeMap<String, Mask>,
    /// The declared sets of values, by names in the source. These columns have figures on every day.
    pub values: BTreeMap<String, Arc<BTreeSet<String>>>,
    /// Whether only the columns of [`Self::values`] have figures.
    pub only_values: bool,
}

impl ProofPlan {
    /// The empty figures of a column of the output; `None` if it gets none.
    pub(super) fn of_column(
        &self,
        column: &OutputColumn,
        schema: &SchemaDescPtr,
    ) -> Option<ChunkProof> {
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
        let leaf = Leaf::of(&schema.column(column.first))?;
        Some(ChunkProof::new(leaf, self.masks.get(&column.name).copied(), values.cloned()))
    }
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
