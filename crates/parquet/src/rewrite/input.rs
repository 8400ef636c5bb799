//! A source file with its footer, and the byte copy that engine and whole-file copy share.

use std::io::{Read, Write};

use landbridge_core::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;

use super::column::{self, ChunkSource, ConversionCounts};
use super::error::RewriteError;
use super::page_buffer::PageBuffer;
use super::pages::PageReader;
use super::proof::plan::ProofPlan;
use super::report::ColumnReport;
use super::schema::{ColumnTask, OutputColumn};
use super::source;
use super::values::SourceType;
use super::walk::MAX_UNDECLARED_BYTES;
use crate::Footer;

/// Bytes that are read and written at once when bytes are copied: large enough for few calls, and
/// small enough for the L2 cache.
const COPY_BYTES: usize = 256 * 1024;
/// The largest dictionary that is read is the largest page divided by this.
const DICTIONARY_LIMIT_DIVISOR: usize = 4;

/// A source file with its footer.
pub(super) struct Input<'a, R> {
    pub(super) source: &'a R,
    pub(super) name: &'a str,
    pub(super) footer: &'a Footer,
    /// The largest page of a converted column, in bytes.
    pub(super) page_limit: usize,
    /// Which figures are computed, if any.
    pub(super) proof: Option<&'a ProofPlan>,
}

impl<R: ChunkReader> Input<'_, R> {
    /// The metadata of the chunk of one leaf column.
    pub(super) fn chunk(
        &self,
        group: usize,
        leaf: usize,
    ) -> Result<&ColumnChunkMetaData, RewriteError> {
        let chunk = self.footer.metadata.row_group(group).columns().get(leaf);
        chunk.ok_or(RewriteError::Malformed("a row group has fewer columns than the schema"))
    }

    /// The number of rows of a row group.
    pub(super) fn rows(&self, group: usize) -> Result<usize, RewriteError> {
        usize::try_from(self.footer.metadata.row_group(group).num_rows())
            .map_err(|_| RewriteError::Malformed("a row group has an impossible number of rows"))
    }

    /// The pages of the chunk of one leaf column.
    pub(super) fn pages(
        &self,
        group: usize,
        leaf: usize,
    ) -> Result<PageReader<R::T>, RewriteError> {
        self.pages_through(group, leaf, |bytes| bytes)
    }

    /// The pages of the chunk of one leaf column, whose bytes are read through `wrap`.
    pub(super) fn pages_through<T: Read>(
        &self,
        group: usize,
        leaf: usize,
        wrap: impl FnOnce(R::T) -> T,
    ) -> Result<PageReader<T>, RewriteError> {
        let chunk = self.chunk(group, leaf)?;
        let (start, length) = source::range(chunk, self.footer)?;
        let codec = chunk.compression_codec();
        let undeclared = MAX_UNDECLARED_BYTES.min(self.footer.start - start - length);
        let source = self.source.get_read(start)?;
        Ok(PageReader::new(wrap(source), length, undeclared, codec, self.page_limit))
    }

    /// How many bytes a chunk that is declared to end at offset `end` can have after it: up to the next
    /// chunk, the end of the data, or [`MAX_UNDECLARED_BYTES`].
    pub(super) fn undeclared_bytes(&self, end: u64) -> u64 {
        let chunks = self.footer.metadata.row_groups().iter().flat_map(|group| group.columns());
        let starts = chunks.filter_map(|chunk| Some(source::range(chunk, self.footer).ok()?.0));
        let next = starts.filter(|start| *start >= end).min().unwrap_or(self.footer.start);
        next.min(self.footer.start).saturating_sub(end).min(MAX_UNDECLARED_BYTES)
    }

    /// Opens the chunk of one leaf column for conversion.
    pub(super) fn open_chunk(
        &self,
        group: usize,
        leaf: usize,
        source_type: SourceType,
        optional: bool,
    ) -> Result<ChunkSource<R::T>, RewriteError> {
        if self.chunk(group, leaf)?.column_type() != source_type.physical() {
            return Err(RewriteError::Malformed("a column has another type than the schema says"));
        }
        let pages = self.pages(group, leaf)?;
        let dictionary_limit = self.page_limit / DICTIONARY_LIMIT_DIVISOR;
        ChunkSource::open(pages, optional, source_type, self.rows(group)?, dictionary_limit)
    }

    /// Counts the misfits of one column in all row groups, and writes nothing.
    pub(super) fn scan(&self, column: &OutputColumn) -> Result<ColumnReport> {
        let mut report = column.report();
        if let ColumnTask::Convert { conversion, source_type, optional } = &column.task {
            let groups = 0..self.footer.metadata.num_row_groups();
            for group in groups.filter(|group| self.rows(*group).is_ok_and(|rows| rows > 0)) {
                let mut counts = ConversionCounts::default();
                self.open_chunk(group, column.leaves.start, *source_type, *optional)
                    .and_then(|chunk| {
                        let mut page = PageBuffer::default();
                        column::convert(chunk, conversion, None, &mut page, &mut counts)
                    })
                    .map_err(|error| error.into_error(|| self.location(&column.name)))?;
                report.add_counts(&counts);
                report.add_nulls(Some(counts.nulls_and_misfits()));
            }
        }
        Ok(report)
    }

    /// File and column, for error messages.
    pub(super) fn location(&self, column: &str) -> String {
        format!("{}, column `{column}`", self.name)
    }
}

/// Copies `length` bytes through `buffer`, and shows each part to `examine` before it is written. If
/// `source` ends early, the error is `ends_early`.
pub(super) fn copy_bytes(
    mut source: impl Read,
    sink: &mut impl Write,
    length: u64,
    buffer: &mut Vec<u8>,
    ends_early: &'static str,
    mut examine: impl FnMut(&[u8]) -> Result<(), RewriteError>,
) -> Result<(), RewriteError> {
    let mut remaining = length;
    buffer.resize(COPY_BYTES, 0);
    while remaining > 0 {
        let max = usize::try_from(remaining).map_or(COPY_BYTES, |left| left.min(COPY_BYTES));
        match source.read(&mut buffer[..max]) {
            Ok(0) => return Err(RewriteError::Malformed(ends_early)),
            Ok(count) => {
                examine(&buffer[..count])?;
                sink.write_all(&buffer[..count])?;
                remaining -= count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
