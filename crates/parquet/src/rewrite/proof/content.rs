//! Whether a copied column has the bytes of an earlier day, whose figures hold then.
//!
//! Bytes pass once, and whether they changed is known at their end. So the footer decides first: if it
//! declares another length, number of values or bounds than on the earlier day, the chunk is decoded while it
//! passes. If it declares the same, only a digest is computed. Where the digest differs nevertheless, the
//! chunk is read once more.

use std::collections::BTreeMap;
use std::io::Read;

use landbridge_core::proof::farm::fingerprint;
use landbridge_core::proof::{ColumnProof, Content};
use parquet::file::reader::ChunkReader;
use sha2::{Digest, Sha256};

use super::super::input::Input;
use super::super::report::ColumnReport;
use super::super::schema::{ColumnTask, OutputLayout};
use super::super::source;
use super::merge::merged;
use super::plan::ProofPlan;
use super::{KeptProof, ProvenColumn};

/// The SHA-256 of a chunk.
pub(in super::super) type ChunkDigest = [u8; 32];

/// The bytes that are read at once when a chunk is read again.
const READ_BYTES: usize = 256 * 1024;

/// The contents of the copied columns of one file, by the index of the column.
#[derive(Default)]
pub(in super::super) struct Contents(BTreeMap<usize, KeptContent>);

struct KeptContent {
    column: ProvenColumn,
    /// The leaf in the source.
    leaf: usize,
    declared: u64,
    digest: Sha256,
    /// Earlier figures, if the footer declares the same.
    known: Option<ColumnProof>,
}

impl Contents {
    /// The contents of the columns that are copied from these row groups. Empty if the plan does not ask for
    /// them.
    pub(super) fn new<R: ChunkReader>(
        plan: &ProofPlan,
        columns: &[Option<ProvenColumn>],
        layout: &OutputLayout,
        input: &Input<'_, R>,
        groups: &[usize],
    ) -> Self {
        if !plan.contents {
            return Self::default();
        }
        let kept = layout.columns.iter().zip(columns).enumerate().filter_map(|(index, it)| {
            let (column, proven) = (it.0, it.1.clone()?);
            if !matches!(column.task, ColumnTask::Copy) {
                return None;
            }
            let leaf = column.leaves.start;
            let declared = declared(input, &proven, leaf, groups)?;
            let mut digest = Sha256::new();
            digest.update(&declared);
            let declared = fingerprint(&declared);
            let known = plan.known.get(&column.name).copied();
            let known = known.filter(|it| it.content.is_some_and(|it| it.declared == declared));
            Some((index, KeptContent { column: proven, leaf, declared, digest, known }))
        });
        Self(kept.collect())
    }

    /// Whether a digest of this column's chunks is needed.
    pub(in super::super) fn has(&self, column: usize) -> bool {
        self.0.contains_key(&column)
    }

    /// Whether this column is not decoded while it passes.
    pub(in super::super) fn is_known(&self, column: usize) -> bool {
        self.0.get(&column).is_some_and(|it| it.known.is_some())
    }

    pub(super) fn any_known(&self) -> bool {
        self.0.values().any(|it| it.known.is_some())
    }

    /// Adds the digest of the column's next chunk. Without it, the column's content is unknown.
    pub(in super::super) fn add(&mut self, column: usize, digest: Option<ChunkDigest>) {
        if let (Some(content), Some(digest)) = (self.0.get_mut(&column), digest) {
            content.digest.update(digest);
        }
    }

    /// Completes the figures of the columns: earlier ones where the bytes are the same, otherwise the figures of
    /// the chunks, which are read once more.
    pub(in super::super) fn finish<R: ChunkReader>(
        self,
        input: &Input<'_, R>,
        groups: &[usize],
        columns: &mut [ColumnReport],
    ) {
        for (index, kept) in self.0 {
            let sha = kept.digest.finalize();
            let mut digest = [0; 16];
            digest.copy_from_slice(&sha[..16]);
            let content = Content { declared: kept.declared, digest };
            let proof = &mut columns[index].proof;
            if let Some(known) = kept.known {
                *proof = match known.content == Some(content) {
                    true => Some(known),
                    false => read_again(input, kept.column, kept.leaf, groups),
                };
            }
            if let Some(proof) = proof {
                proof.content = Some(content);
            }
        }
    }
}

/// What the footer says of a column, and how its values are read: with the same bytes and the same of this,
/// the figures are the same. `None` for a malformed file.
fn declared<R: ChunkReader>(
    input: &Input<'_, R>,
    column: &ProvenColumn,
    leaf: usize,
    groups: &[usize],
) -> Option<Vec<u8>> {
    let mut text = format!("{:?} {:?}", column.leaf, column.mask);
    for group in groups {
        let chunk = input.chunk(*group, leaf).ok()?;
        // Everything but offsets, which depend on other columns.
        text += &format!(
            "\n{} {} {} {} {:?} {:?}",
            input.rows(*group).ok()?,
            chunk.num_values(),
            chunk.compressed_size(),
            chunk.uncompressed_size(),
            chunk.compression_codec(),
            chunk.statistics(),
        );
    }
    Some(text.into_bytes())
}

/// The figures of a column that has passed already. `None` if they cannot be computed.
fn read_again<R: ChunkReader>(
    input: &Input<'_, R>,
    column: ProvenColumn,
    leaf: usize,
    groups: &[usize],
) -> Option<ColumnProof> {
    let mut all = column.empty();
    let mut buffer = vec![0; READ_BYTES];
    for group in groups {
        let mut kept =
            KeptProof::new(input, *group, leaf, Some(column.chunk(None)), false).ok().flatten()?;
        let (start, length) = source::range(input.chunk(*group, leaf).ok()?, input.footer).ok()?;
        let mut bytes = input.source.get_read(start).ok()?.take(length);
        loop {
            match bytes.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => kept.pass(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        all = merged(all, kept.finish().0);
    }
    all
}
