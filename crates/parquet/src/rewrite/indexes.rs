//! Copies the page indexes and bloom filters of copied columns.

use bytes::Bytes;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;

use super::error::RewriteError;
use super::schema::OutputLayout;
use crate::thrift::PageLocation;
use crate::{Footer, thrift};

/// The largest region of page indexes that is copied, in bytes. The page indexes of a file are
/// adjacent. Without them, readers are slightly slower; results do not change.
const MAX_INDEX_BYTES: u64 = 16 * 1024 * 1024;
/// The largest bloom filter that is copied, in bytes.
const MAX_BLOOM_BYTES: u64 = 4 * 1024 * 1024;
/// `ColumnIndex.repetition_level_histograms` and `.definition_level_histograms`, in parquet.thrift. A column that
/// becomes OPTIONAL has one definition level more, and may have no histogram of two levels.
const LEVEL_HISTOGRAMS: [i16; 2] = [6, 7];
/// More bytes than the header of a bloom filter has.
const MAX_BLOOM_HEADER_BYTES: i64 = 64;

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
            for column in layout.columns.iter().filter(|column| column.task.keeps_values()) {
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
        let [column, offset] = self.of(chunk, footer);
        let offset = offset.and_then(|bytes| thrift::relocated_offset_index(&bytes, by).ok());
        // Without an offset index, readers cannot use a column index.
        (column.filter(|_| offset.is_some()), offset)
    }

    /// As [`Self::relocated`], for a REQUIRED column that became OPTIONAL and has these pages.
    pub(super) fn relaxed(
        &self,
        chunk: &ColumnChunkMetaData,
        footer: &Footer,
        pages: &[PageLocation],
    ) -> (Option<Bytes>, Option<Vec<u8>>) {
        let [column, offset] = self.of(chunk, footer);
        let offset = offset.and_then(|bytes| thrift::offset_index_with(&bytes, pages).ok());
        let column = column
            .filter(|_| offset.is_some())
            .and_then(|bytes| thrift::without_fields(&bytes, &LEVEL_HISTOGRAMS).ok());
        (column.map(Bytes::from), offset)
    }

    /// As [`Self::relocated`], for a chunk whose pages are at these places.
    pub(super) fn moved(
        &self,
        chunk: &ColumnChunkMetaData,
        footer: &Footer,
        pages: &[PageLocation],
    ) -> (Option<Bytes>, Option<Vec<u8>>) {
        let [column, offset] = self.of(chunk, footer);
        let offset = offset.and_then(|bytes| thrift::moved_offset_index(&bytes, pages).ok());
        (column.filter(|_| offset.is_some()), offset)
    }

    /// The bytes of the column index and the offset index of a chunk.
    fn of(&self, chunk: &ColumnChunkMetaData, footer: &Footer) -> [Option<Bytes>; 2] {
        index_ranges(chunk, footer).map(|range| {
            let (start, end) = range?;
            let from = usize::try_from(start.checked_sub(self.start)?).ok()?;
            let to = from.checked_add(usize::try_from(end - start).ok()?)?;
            (to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
        })
    }
}

/// The ranges of the column index and the offset index of a chunk.
fn index_ranges(chunk: &ColumnChunkMetaData, footer: &Footer) -> [Option<(u64, u64)>; 2] {
    let column = (chunk.column_index_offset(), chunk.column_index_length());
    let offset = (chunk.offset_index_offset(), chunk.offset_index_length());
    [column, offset].map(|(start, length)| data_range(start?, length?.into(), footer))
}

/// The bloom filter of a chunk, with its header.
pub(super) fn bloom_filter<R: ChunkReader>(
    source: &R,
    chunk: &ColumnChunkMetaData,
    footer: &Footer,
) -> Result<Option<Bytes>, RewriteError> {
    let Some(start) = chunk.bloom_filter_offset() else { return Ok(None) };
    let length = match chunk.bloom_filter_length() {
        Some(length) => Some(length.into()),
        // Writers before parquet-format 2.10 state no length, but the filter's header has its size.
        None => undeclared_length(source, start, footer)?,
    };
    match length.and_then(|length| data_range(start, length, footer)) {
        Some((start, end)) if end - start <= MAX_BLOOM_BYTES => {
            let length = usize::try_from(end - start).map_err(|_| RewriteError::PageTooLarge)?;
            Ok(Some(source.get_bytes(start, length)?))
        }
        _ => Ok(None),
    }
}

/// The length of the bloom filter at this offset, by its header; `None` if that is not readable.
fn undeclared_length<R: ChunkReader>(
    source: &R,
    start: i64,
    footer: &Footer,
) -> Result<Option<i64>, RewriteError> {
    let available = i64::try_from(footer.start).unwrap_or(i64::MAX).saturating_sub(start);
    let Some((from, to)) = data_range(start, available.min(MAX_BLOOM_HEADER_BYTES), footer) else {
        return Ok(None);
    };
    let length = usize::try_from(to - from).map_err(|_| RewriteError::PageTooLarge)?;
    let header = source.get_bytes(from, length)?;
    Ok(thrift::bloom_filter_length(&header).ok())
}

fn data_range(start: i64, length: i64, footer: &Footer) -> Option<(u64, u64)> {
    let (start, length) = (u64::try_from(start).ok()?, u64::try_from(length).ok()?);
    let end = start.checked_add(length)?;
    (start >= 4 && length > 0 && end <= footer.start).then_some((start, end))
}
