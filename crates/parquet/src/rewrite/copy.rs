//! Copies ranges of the source, and checks that each chunk in them ends where its pages end.

use std::io::{Read, Write};

use landbridge_core::proof::ColumnProof;

use super::error::RewriteError;
use super::input::copy_bytes;
use super::proof::{ChunkDigest, KeptProof};
use super::walk::PageWalk;

/// A range of the source that is copied at once: chunks without a gap between them.
#[derive(Default)]
pub(super) struct CopyRange {
    pub(super) start: u64,
    pub(super) length: u64,
    chunks: Vec<PassingChunk>,
}

/// A chunk of a range.
struct PassingChunk {
    length: u64,
    walk: PageWalk,
    /// The index of its column, and of its leaf in the output.
    column: usize,
    leaf: usize,
    /// Computes the figures of its values, if its column has any.
    proof: Option<Box<KeptProof>>,
}

impl PassingChunk {
    fn pass(&mut self, bytes: &[u8]) -> Result<(), RewriteError> {
        self.walk.pass(bytes)?;
        if let Some(proof) = &mut self.proof {
            proof.pass(bytes);
        }
        Ok(())
    }
}

/// A chunk that is longer than declared.
pub(super) struct LongerChunk {
    /// Its leaf in the output.
    pub(super) leaf: usize,
    pub(super) undeclared_bytes: u64,
}

const ENDS_ELSEWHERE: RewriteError =
    RewriteError::Malformed("its pages do not end where the footer says");
const ENDS_EARLY: &str = "the file ends within a column";

impl CopyRange {
    pub(super) fn end(&self) -> u64 {
        self.start + self.length
    }

    /// Adds a chunk of this many bytes and values, which begins where the range ends.
    pub(super) fn add(
        &mut self,
        length: u64,
        values: i64,
        column: usize,
        leaf: usize,
        proof: Option<Box<KeptProof>>,
    ) {
        self.length += length;
        self.chunks.push(PassingChunk { length, walk: PageWalk::new(values), column, leaf, proof });
    }

    /// The figures and the digests of the chunks that were copied, each with the index of its column.
    pub(super) fn into_proofs(
        self,
    ) -> impl Iterator<Item = (usize, (Option<ColumnProof>, Option<ChunkDigest>))> {
        self.chunks.into_iter().map(|chunk| {
            (chunk.column, chunk.proof.map(|proof| proof.finish()).unwrap_or_default())
        })
    }

    /// Copies the range from `source` and examines the pages. If the last chunk is longer than declared
    /// by at most `room` bytes, these are copied too. An error comes with the index of its column.
    pub(super) fn copy(
        &mut self,
        mut source: impl Read,
        sink: &mut impl Write,
        buffer: &mut Vec<u8>,
        room: impl FnOnce() -> u64,
    ) -> Result<Option<LongerChunk>, (usize, RewriteError)> {
        let (mut index, mut passed) = (0, 0);
        let count = self.chunks.len();
        let chunks = &mut self.chunks;
        let copied = copy_bytes(&mut source, sink, self.length, buffer, ENDS_EARLY, |mut bytes| {
            while let Some(chunk) = chunks.get_mut(index).filter(|_| !bytes.is_empty()) {
                let left = usize::try_from(chunk.length - passed).unwrap_or(usize::MAX);
                let (now, rest) = bytes.split_at(left.min(bytes.len()));
                chunk.pass(now)?;
                bytes = rest;
                passed += now.len() as u64;
                if passed == chunk.length {
                    if !chunk.walk.is_complete() && index + 1 < count {
                        return Err(ENDS_ELSEWHERE);
                    }
                    if let Some(proof) = chunk.proof.as_mut().filter(|_| index + 1 < count) {
                        proof.end();
                    }
                    (index, passed) = (index + 1, 0);
                }
            }
            Ok(())
        });
        let Some(last) = self.chunks.last_mut() else { return Ok(None) };
        let column = last.column;
        if let Err(error) = copied {
            return Err((self.chunks.get(index).map_or(column, |chunk| chunk.column), error));
        }
        if last.walk.is_complete() {
            return Ok(None);
        }
        let room = room();
        let mut undeclared_bytes = 0;
        while !last.walk.is_complete() {
            let now = last.walk.needs();
            if now > room.saturating_sub(undeclared_bytes) {
                return Err((column, ENDS_ELSEWHERE));
            }
            copy_bytes(&mut source, sink, now, buffer, ENDS_EARLY, |bytes| last.pass(bytes))
                .map_err(|error| (column, error))?;
            undeclared_bytes += now;
        }
        Ok(Some(LongerChunk { leaf: last.leaf, undeclared_bytes }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::walk::page;
    use super::*;

    /// Gives a number of bytes at a time, so that chunks and reads do not end together.
    struct Steps<'a>(&'a [u8], usize);

    impl Read for Steps<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(out.len());
            self.0.read(&mut out[..count])
        }
    }

    /// Three chunks of seven values, of which the footer declares `values`.
    fn copy(values: [i64; 3], step: usize) -> Result<Vec<u8>, usize> {
        let chunk = [page(3, 40), page(4, 20)].concat();
        let mut range = CopyRange::default();
        for (column, values) in values.into_iter().enumerate() {
            range.add(chunk.len() as u64, values, column, column, None);
        }
        let (source, mut sink) = (chunk.repeat(3), Vec::new());
        let copied = range.copy(Steps(&source, step), &mut sink, &mut Vec::new(), || 0);
        match copied {
            Ok(longer) => {
                assert!(longer.is_none() && sink == source, "{step}");
                Ok(sink)
            }
            Err((column, _)) => Err(column),
        }
    }

    #[test]
    fn each_chunk_of_a_range_is_followed_however_the_bytes_arrive() {
        for step in 1..300 {
            assert!(copy([7; 3], step).is_ok(), "{step}");
            assert_eq!(copy([8, 7, 7], step), Err(0), "{step}");
            assert_eq!(copy([7, 8, 7], step), Err(1), "{step}");
            assert_eq!(copy([7, 7, 8], step), Err(2), "{step}");
        }
    }
}
