//! One output file: copied chunks as bytes, converted chunks through a writer, a new footer.

use std::io::{Read, Write};

use landbridge_core::rewrite::Compression;
use landbridge_core::{Error, ErrorKind, Result};
use parquet::basic::ColumnOrder;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnChunkMetaDataBuilder, FileMetaData, ParquetMetaData,
    ParquetMetaDataWriter, RowGroupMetaData, SortingColumn,
};
use parquet::file::reader::ChunkReader;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::column::{self, Tally, Work};
use super::error::RewriteError;
use super::indexes::{self, Indexes};
use super::pages::Pages;
use super::report::{ColumnReport, RewriteReport};
use super::schema::{Column, Layout, Task};
use super::source;
use super::values::Stored;
use super::whole_file;
use super::write::{ChunkWriter, Packer, Page, Texture};
use crate::Footer;

/// What is read and written at once where bytes are copied: few calls, and it stays in the
/// second cache on its way.
pub(super) const COPY: usize = 256 * 1024;
/// The largest dictionary that is read, as a part of the largest page.
const DICTIONARY_PART: usize = 4;

/// A source with all that is known of it.
pub(super) struct Input<'a, R> {
    pub(super) source: &'a R,
    pub(super) name: &'a str,
    pub(super) footer: &'a Footer,
    /// The largest page of a converted column, in bytes.
    pub(super) page_limit: usize,
}

impl<R: ChunkReader> Input<'_, R> {
    fn chunk(&self, group: usize, leaf: usize) -> Result<&ColumnChunkMetaData, RewriteError> {
        let chunk = self.footer.metadata.row_group(group).columns().get(leaf);
        chunk.ok_or(RewriteError::Page("a row group has fewer columns than the schema"))
    }

    fn rows(&self, group: usize) -> Result<usize, RewriteError> {
        usize::try_from(self.footer.metadata.row_group(group).num_rows())
            .map_err(|_| RewriteError::Page("a row group has an impossible number of rows"))
    }

    fn open(
        &self,
        group: usize,
        leaf: usize,
        stored: Stored,
        optional: bool,
    ) -> Result<column::Source<R::T>, RewriteError> {
        let chunk = self.chunk(group, leaf)?;
        if chunk.column_type() != stored.physical() {
            return Err(RewriteError::Page("a column has another type than the schema says"));
        }
        let (start, length) = source::range(chunk, self.footer)?;
        let pages = Pages::new(
            self.source.get_read(start)?,
            length,
            chunk.compression_codec(),
            self.page_limit,
        );
        column::Source::open(
            pages,
            optional,
            stored,
            self.rows(group)?,
            self.page_limit / DICTIONARY_PART,
        )
    }

    /// Counts the misfits of one column in all row groups, and writes nothing.
    pub(super) fn scan(&self, column: &Column) -> Result<ColumnReport> {
        let mut report = column.report();
        if let Task::Convert { work, stored, optional } = &column.task {
            for group in 0..self.footer.metadata.num_row_groups() {
                let mut tally = Tally::default();
                self.open(group, column.leaves.start, *stored, *optional)
                    .and_then(|source| {
                        column::convert(source, work, None, &mut Page::default(), &mut tally)
                    })
                    .map_err(|trouble| trouble.at(|| self.place(&column.name)))?;
                report.count(&tally);
                report.add_nulls(Some(tally.nulls + tally.misfits.iter().sum::<u64>()));
            }
        }
        Ok(report)
    }

    fn place(&self, column: &str) -> String {
        format!("{}, column `{column}`", self.name)
    }
}

/// Writes one file of these row groups. `judge` sees the report before the footer is written,
/// so that what it refuses is no Parquet file.
pub(super) fn write<R: ChunkReader, W: Write + Send>(
    input: &Input<'_, R>,
    layout: &Layout,
    groups: &[usize],
    compression: Compression,
    sink: W,
    judge: impl FnOnce(&RewriteReport) -> Result<()>,
) -> Result<RewriteReport> {
    let at = |trouble: RewriteError| trouble.at(|| input.name.to_owned());
    let count = input.footer.metadata.num_row_groups();
    if groups.iter().any(|group| *group >= count) {
        return Err(Error::new(
            ErrorKind::Rejected,
            "a file does not have so many row groups",
            input.name,
        ));
    }
    if !layout.changed && groups.iter().copied().eq(0..count) {
        return whole_file::copy(input, layout, sink).map_err(at);
    }
    let mut output = Output {
        input,
        layout,
        packer: Packer::new(compression),
        page: Page::default(),
        sink: TrackedWrite::new(sink),
        buffer: Vec::new(),
        report: RewriteReport {
            columns: layout.columns.iter().map(Column::report).collect(),
            ..RewriteReport::default()
        },
    };
    output.sink.write_all(b"PAR1").map_err(|error| at(error.into()))?;
    let mut written = Vec::with_capacity(groups.len());
    for (ordinal, group) in groups.iter().enumerate() {
        written.push(output.row_group(*group, ordinal)?);
    }
    judge(&output.report)?;
    output.finish(groups, written).map_err(at)
}

struct Output<'a, R, W: Write> {
    input: &'a Input<'a, R>,
    layout: &'a Layout,
    packer: Packer,
    /// The page that is written next; its buffers serve all chunks.
    page: Page,
    sink: TrackedWrite<W>,
    buffer: Vec<u8>,
    report: RewriteReport,
}

/// Bytes of the source that go over in one piece.
#[derive(Default)]
struct Piece {
    start: u64,
    length: u64,
}

impl<R: ChunkReader, W: Write + Send> Output<'_, R, W> {
    fn row_group(&mut self, group: usize, ordinal: usize) -> Result<RowGroupMetaData> {
        let input = self.input;
        let begin = self.sink.bytes_written();
        let mut chunks = Vec::with_capacity(self.layout.schema.num_columns());
        let mut piece = Piece::default();
        for (place, column) in self.layout.columns.iter().enumerate() {
            self.column(group, place, column, &mut piece, &mut chunks)
                .map_err(|trouble| trouble.at(|| input.place(&column.name)))?;
        }
        let at = |trouble: RewriteError| trouble.at(|| input.name.to_owned());
        self.copy(&mut piece).map_err(at)?;
        self.blooms(group, &mut chunks).map_err(at)?;
        let old = input.footer.metadata.row_group(group);
        self.report.rows += old.num_rows().unsigned_abs();
        self.report.row_groups += 1;
        let size =
            chunks.iter().map(ColumnChunkMetaData::uncompressed_size).fold(0, i64::saturating_add);
        let mut builder = RowGroupMetaData::builder(self.layout.schema.clone())
            .set_column_metadata(chunks)
            .set_total_byte_size(size)
            .set_num_rows(old.num_rows())
            .set_sorting_columns(self.sorting(old))
            .set_file_offset(begin as i64);
        if let Ok(ordinal) = i16::try_from(ordinal) {
            builder = builder.set_ordinal(ordinal);
        }
        builder.build().map_err(|error| at(error.into()))
    }

    fn column(
        &mut self,
        group: usize,
        place: usize,
        column: &Column,
        piece: &mut Piece,
        chunks: &mut Vec<ColumnChunkMetaData>,
    ) -> Result<(), RewriteError> {
        let rows = self.input.rows(group)?;
        match &column.task {
            Task::Copy => {
                for (leaf, out) in column.leaves.clone().zip(column.first..) {
                    let chunk = self.input.chunk(group, leaf)?;
                    let (start, length) = source::range(chunk, self.input.footer)?;
                    if piece.start + piece.length != start {
                        self.copy(piece)?;
                        piece.start = start;
                    }
                    let to = self.sink.bytes_written() as u64 + piece.length;
                    piece.length += length;
                    let descriptor = self.layout.schema.column(out);
                    let moved = moved(chunk, descriptor, to as i64 - start as i64).build()?;
                    let report = &mut self.report.columns[place];
                    if column.leaves.len() == 1 {
                        let nulls =
                            chunk.statistics().and_then(|statistics| statistics.null_count_opt());
                        report.add_nulls(nulls);
                        report.add_bounds(&moved);
                    }
                    self.report.bytes_copied += length;
                    chunks.push(moved);
                }
            }
            Task::Convert { work, stored, optional } => {
                self.copy(piece)?;
                let source = self.input.open(group, column.leaves.start, *stored, *optional)?;
                let mut tally = Tally::default();
                let mut page = std::mem::take(&mut self.page);
                let texture = match work {
                    Work::Tokenise(_) => Texture::Tokens,
                    Work::Retype(_) => Texture::Any,
                };
                let mut writer = self.writer(column.first, texture);
                column::convert(source, work, Some(&mut writer), &mut page, &mut tally)?;
                let chunk = writer.close(&mut page)?;
                self.page = page;
                let report = &mut self.report.columns[place];
                report.count(&tally);
                report.add_nulls(Some(nulls(work, &tally)));
                if let Work::Retype(_) = work {
                    report.add_bounds(&chunk);
                }
                self.report.bytes_decoded += tally.read;
                self.report.bytes_inflated += tally.inflated;
                chunks.push(chunk);
            }
            Task::Null => {
                self.copy(piece)?;
                let mut page = std::mem::take(&mut self.page);
                let mut writer = self.writer(column.first, Texture::Any);
                column::nulls(&mut writer, &mut page, rows)?;
                chunks.push(writer.close(&mut page)?);
                self.page = page;
                self.report.columns[place].add_nulls(Some(rows as u64));
            }
        }
        Ok(())
    }

    /// A writer of one leaf whose pages go out as soon as they are full.
    fn writer(&mut self, leaf: usize, texture: Texture) -> ChunkWriter<'_> {
        let begin = self.sink.bytes_written() as u64;
        let pages = Box::new(SerializedPageWriter::new(&mut self.sink));
        let column = self.layout.schema.column(leaf);
        ChunkWriter::new(pages, &mut self.packer, column, texture, begin)
    }

    /// Copies a piece, which is empty afterwards.
    fn copy(&mut self, piece: &mut Piece) -> Result<(), RewriteError> {
        let Piece { start, length } = std::mem::take(piece);
        if length == 0 {
            return Ok(());
        }
        let mut read = self.input.source.get_read(start)?;
        let mut left = length;
        self.buffer.resize(COPY, 0);
        while left > 0 {
            let most = usize::try_from(left).map_or(COPY, |left| left.min(COPY));
            match read.read(&mut self.buffer[..most]) {
                Ok(0) => return Err(RewriteError::Page("the file ends within a column")),
                Ok(count) => {
                    self.sink.write_all(&self.buffer[..count])?;
                    left -= count as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The copied columns of a row group, as leaves of source and output.
    fn copied(&self) -> impl Iterator<Item = (usize, usize)> + use<'_, R, W> {
        let copied = self.layout.columns.iter().filter(|column| matches!(column.task, Task::Copy));
        copied.flat_map(|column| column.leaves.clone().zip(column.first..))
    }

    fn blooms(
        &mut self,
        group: usize,
        chunks: &mut [ColumnChunkMetaData],
    ) -> Result<(), RewriteError> {
        let pairs: Vec<_> = self.copied().collect();
        for (leaf, out) in pairs {
            let old = self.input.chunk(group, leaf)?;
            if let Some(bytes) = indexes::bloom(self.input.source, old, self.input.footer)? {
                let offset = self.sink.bytes_written() as i64;
                self.sink.write_all(&bytes)?;
                chunks[out] = chunks[out]
                    .clone()
                    .into_builder()
                    .set_bloom_filter_offset(Some(offset))
                    .set_bloom_filter_length(i32::try_from(bytes.len()).ok())
                    .build()?;
            }
        }
        Ok(())
    }

    /// By what the rows are still sorted: the leading columns that went over unchanged.
    fn sorting(&self, group: &RowGroupMetaData) -> Option<Vec<SortingColumn>> {
        let leaves: Vec<_> = self.copied().collect();
        let moved = |column: &SortingColumn| {
            let (_, out) =
                leaves.iter().find(|(leaf, _)| i32::try_from(*leaf) == Ok(column.column_idx))?;
            Some(SortingColumn { column_idx: i32::try_from(*out).ok()?, ..*column })
        };
        let sorting: Vec<_> = group.sorting_columns()?.iter().map_while(moved).collect();
        (!sorting.is_empty()).then_some(sorting)
    }

    fn finish(
        mut self,
        groups: &[usize],
        mut written: Vec<RowGroupMetaData>,
    ) -> Result<RewriteReport, RewriteError> {
        self.page_indexes(groups, &mut written)?;
        let old = self.input.footer.metadata.file_metadata();
        let orders = self.layout.schema.columns().iter().map(|column| {
            ColumnOrder::TYPE_DEFINED_ORDER(ColumnOrder::sort_order_for_type(
                column.logical_type_ref(),
                column.converted_type(),
                column.physical_type(),
            ))
        });
        let orders = old.column_orders().map(|_| orders.collect());
        // What writers keep beside the schema mostly describes it, with the names of dropped
        // columns among it; so none of it outlives a change. The writer's own name does: by it,
        // readers know which statistics not to trust.
        let beside = old.key_value_metadata().filter(|_| !self.layout.changed).cloned();
        let file = FileMetaData::new(
            old.version(),
            written.iter().map(RowGroupMetaData::num_rows).sum(),
            old.created_by().map(str::to_owned),
            beside,
            self.layout.schema.clone(),
            orders,
        );
        let metadata = ParquetMetaData::new(file, written);
        let mut footer = Vec::new();
        ParquetMetaDataWriter::new(&mut footer, &metadata).finish()?;
        self.sink.write_all(&footer)?;
        self.sink.flush()?;
        self.report.bytes_written = self.sink.bytes_written() as u64;
        Ok(self.report)
    }

    fn page_indexes(
        &mut self,
        groups: &[usize],
        written: &mut [RowGroupMetaData],
    ) -> Result<(), RewriteError> {
        let indexes = Indexes::read(self.input.source, self.input.footer, self.layout, groups)?;
        let pairs: Vec<_> = self.copied().collect();
        for (group, new) in groups.iter().zip(written) {
            for (leaf, out) in &pairs {
                let old = self.input.chunk(*group, *leaf)?;
                let chunk = &mut new.columns_mut()[*out];
                let by = chunk.data_page_offset() - old.data_page_offset();
                let (column, offset) = indexes.moved(old, self.input.footer, by);
                let mut builder = chunk.clone().into_builder();
                if let Some(bytes) = column {
                    builder = builder
                        .set_column_index_offset(Some(self.sink.bytes_written() as i64))
                        .set_column_index_length(i32::try_from(bytes.len()).ok());
                    self.sink.write_all(&bytes)?;
                }
                if let Some(bytes) = offset {
                    builder = builder
                        .set_offset_index_offset(Some(self.sink.bytes_written() as i64))
                        .set_offset_index_length(i32::try_from(bytes.len()).ok());
                    self.sink.write_all(&bytes)?;
                }
                *chunk = builder.build()?;
            }
        }
        Ok(())
    }
}

/// NULLs of the output. An array that is NULL is empty there.
fn nulls(work: &Work, tally: &Tally) -> u64 {
    match work {
        Work::Retype(landbridge_core::rewrite::TargetType::List(_)) => 0,
        _ => tally.nulls + tally.misfits.iter().sum::<u64>(),
    }
}

/// The same chunk, `by` bytes further on.
fn moved(
    chunk: &ColumnChunkMetaData,
    descriptor: ColumnDescPtr,
    by: i64,
) -> ColumnChunkMetaDataBuilder {
    let to = |offset: i64| offset.saturating_add(by);
    let dictionary =
        chunk.dictionary_page_offset().filter(|it| *it > 0 && *it < chunk.data_page_offset());
    let mut builder = ColumnChunkMetaData::builder(descriptor)
        .set_compression_codec(chunk.compression_codec())
        .set_encodings_mask(*chunk.encodings_mask())
        .set_total_compressed_size(chunk.compressed_size())
        .set_total_uncompressed_size(chunk.uncompressed_size())
        .set_num_values(chunk.num_values())
        .set_data_page_offset(to(chunk.data_page_offset()))
        .set_dictionary_page_offset(dictionary.map(to))
        .set_unencoded_byte_array_data_bytes(chunk.unencoded_byte_array_data_bytes())
        .set_repetition_level_histogram(chunk.repetition_level_histogram().cloned())
        .set_definition_level_histogram(chunk.definition_level_histogram().cloned());
    if let Some(statistics) = chunk.statistics() {
        builder = builder.set_statistics(statistics.clone());
    }
    if let Some(geo) = chunk.geo_statistics() {
        builder = builder.set_geo_statistics(Box::new(geo.clone()));
    }
    if let Some(stats) = chunk.page_encoding_stats() {
        builder = builder.set_page_encoding_stats(stats.clone());
    }
    builder
}
