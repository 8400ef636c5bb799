//! Page indexes and bloom filters of copied columns go with them.

use bytes::Bytes;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;

use super::error::RewriteError;
use super::schema::{Layout, Task};
use super::thrift;
use crate::Footer;

/// The page indexes of a file lie together; beyond this many bytes they are left out, which
/// costs readers a little and nobody a result.
const LARGEST_REGION: u64 = 16 * 1024 * 1024;
/// A bloom filter beyond this is left out.
const LARGEST_BLOOM: u64 = 4 * 1024 * 1024;

/// The page indexes of the row groups that are copied, read at once.
pub(super) struct Indexes {
    start: u64,
    bytes: Bytes,
}

impl Indexes {
    /// Reads them; nothing when there are none, or too much of them.
    pub(super) fn read<R: ChunkReader>(
        source: &R,
        footer: &Footer,
        layout: &Layout,
        groups: &[usize],
    ) -> Result<Self, RewriteError> {
        let mut region: Option<(u64, u64)> = None;
        for group in groups {
            let group = footer.metadata.row_group(*group);
            for column in layout.columns.iter().filter(|column| matches!(column.task, Task::Copy)) {
                for chunk in &group.columns()[column.leaves.clone()] {
                    for (start, end) in places(chunk, footer).into_iter().flatten() {
                        let (from, to) = region.unwrap_or((start, end));
                        region = Some((from.min(start), to.max(end)));
                    }
                }
            }
        }
        let (start, end) = region.unwrap_or((0, 0));
        if end - start > LARGEST_REGION {
            return Ok(Self { start: 0, bytes: Bytes::new() });
        }
        let length = usize::try_from(end - start).map_err(|_| RewriteError::PageTooLarge)?;
        let bytes = if length == 0 { Bytes::new() } else { source.get_bytes(start, length)? };
        Ok(Self { start, bytes })
    }

    /// The column index of a chunk as it is, and its offset index moved by `by` bytes. An index
    /// that cannot be read is left out.
    pub(super) fn moved(
        &self,
        chunk: &ColumnChunkMetaData,
        footer: &Footer,
        by: i64,
    ) -> (Option<Bytes>, Option<Vec<u8>>) {
        let [column, offset] = places(chunk, footer).map(|place| {
            let (start, end) = place?;
            let from = usize::try_from(start.checked_sub(self.start)?).ok()?;
            let to = from.checked_add(usize::try_from(end - start).ok()?)?;
            (to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
        });
        let offset = offset.and_then(|bytes| thrift::moved_offset_index(&bytes, by).ok());
        // A column index is of no use where the pages cannot be found.
        (column.filter(|_| offset.is_some()), offset)
    }
}

/// Where the column index and the offset index of a chunk lie.
fn places(chunk: &ColumnChunkMetaData, footer: &Footer) -> [Option<(u64, u64)>; 2] {
    let column = (chunk.column_index_offset(), chunk.column_index_length());
    let offset = (chunk.offset_index_offset(), chunk.offset_index_length());
    [column, offset].map(|(start, length)| within(start?, length?.into(), footer))
}

/// The bloom filter of a chunk, when its place and length are known.
pub(super) fn bloom<R: ChunkReader>(
    source: &R,
    chunk: &ColumnChunkMetaData,
    footer: &Footer,
) -> Result<Option<Bytes>, RewriteError> {
    let (Some(start), Some(length)) = (chunk.bloom_filter_offset(), chunk.bloom_filter_length())
    else {
        return Ok(None);
    };
    match within(start, length.into(), footer) {
        Some((start, end)) if end - start <= LARGEST_BLOOM => {
            let length = usize::try_from(end - start).map_err(|_| RewriteError::PageTooLarge)?;
            Ok(Some(source.get_bytes(start, length)?))
        }
        _ => Ok(None),
    }
}

fn within(start: i64, length: i64, footer: &Footer) -> Option<(u64, u64)> {
    let (start, length) = (u64::try_from(start).ok()?, u64::try_from(length).ok()?);
    let end = start.checked_add(length)?;
    (start >= 4 && length > 0 && end <= footer.start).then_some((start, end))
}
