//! Copies the page indexes and bloom filters of copied columns.

use bytes::Bytes;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;

use super::error::RewriteError;
use super::schema::{ColumnTask, OutputLayout};
use crate::{Footer, thrift};

/// The largest region of page indexes that is copied, in bytes. The page indexes of a file are
/// adjacent. Without them, readers are slightly slower; results do not change.
const MAX_INDEX_BYTES: u64 = 16 * 1024 * 1024;
/// The largest bloom filter that is copied, in bytes.
const MAX_BLOOM_BYTES: u64 = 4 * 1024 * 1024;

/// The page indexes of the copied columns, read at once.
pub(super) struct PageIndexes {
    start: u64,
    bytes: Bytes,
}

impl PageIndexes {
    /// Reads them; empty if the file has none or they are too large.
    pub(super) fn read<R: ChunkReader>(
        source: &R,
        footer: &Footer,
        layout: &OutputLayout,
        groups: &[usize],
    ) -> Result<Self, RewriteError> {
        let mut region: Option<(u64, u64)> = None;
        for group in groups {
            let group = footer.metadata.row_group(*group);
            for column in
                layout.columns.iter().filter(|column| matches!(column.task, ColumnTask::Copy))
            {
                for chunk in &group.columns()[column.leaves.clone()] {
                    for (start, end) in index_ranges(chunk, footer).into_iter().flatten() {
                        let (from, to) = region.unwrap_or((start, end));
                        region = Some((from.min(start), to.max(end)));
                    }
                }
            }
        }
        let (start, end) = region.unwrap_or((0, 0));
        if end - start > MAX_INDEX_BYTES {
            return Ok(Self { start: 0, bytes: Bytes::new() });
        }
        let length = usize::try_from(end - start).map_err(|_| RewriteError::PageTooLarge)?;
        let bytes = if length == 0 { Bytes::new() } else { source.get_bytes(start, length)? };
        Ok(Self { start, bytes })
    }

    /// The column index of a chunk, and its offset index with offsets moved by `by` bytes. An index that
    /// cannot be read is left out.
    pub(super) fn relocated(
        &self,
        chunk: &ColumnChunkMetaData,
        footer: &Footer,
        by: i64,
    ) -> (Option<Bytes>, Option<Vec<u8>>) {
        let [column, offset] = index_ranges(chunk, footer).map(|range| {
            let (start, end) = range?;
            let from = usize::try_from(start.checked_sub(self.start)?).ok()?;
            let to = from.checked_add(usize::try_from(end - start).ok()?)?;
            (to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
        });
        let offset = offset.and_then(|bytes| thrift::relocated_offset_index(&bytes, by).ok());
        // Without an offset index, readers cannot use a column index.
        (column.filter(|_| offset.is_some()), offset)
    }
}

/// The ranges of the column index and the offset index of a chunk.
fn index_ranges(chunk: &ColumnChunkMetaData, footer: &Footer) -> [Option<(u64, u64)>; 2] {
    let column = (chunk.column_index_offset(), chunk.column_index_length());
    let offset = (chunk.offset_index_offset(), chunk.offset_index_length());
    [column, offset].map(|(start, length)| data_range(start?, length?.into(), footer))
}

/// The bloom filter of a chunk, if its offset and length are known.
pub(super) fn bloom_filter<R: ChunkReader>(
    source: &R,
    chunk: &ColumnChunkMetaData,
    footer: &Footer,
) -> Result<Option<Bytes>, RewriteError> {
    let (Some(start), Some(length)) = (chunk.bloom_filter_offset(), chunk.bloom_filter_length())
    else {
        return Ok(None);
    };
    match data_range(start, length.into(), footer) {
        Some((start, end)) if end - start <= MAX_BLOOM_BYTES => {
            let length = usize::try_from(end - start).map_err(|_| RewriteError::PageTooLarge)?;
            Ok(Some(source.get_bytes(start, length)?))
        }
        _ => Ok(None),
    }
}

fn data_range(start: i64, length: i64, footer: &Footer) -> Option<(u64, u64)> {
    let (start, length) = (u64::try_from(start).ok()?, u64::try_from(length).ok()?);
    let end = start.checked_add(length)?;
    (start >= 4 && length > 0 && end <= footer.start).then_some((start, end))
}
