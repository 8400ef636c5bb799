//! Writes one output file: copies chunks as bytes, writes converted chunks, and writes a new footer.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use landbridge_core::rewrite::RewritePlan;
use landbridge_core::{Error, ErrorKind, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnChunkMetaDataBuilder, FileMetaData, ParquetMetaData,
    ParquetMetaDataWriter, RowGroupMetaData, SortingColumn,
};
use parquet::file::reader::ChunkReader;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::column::{self, ChunkSource, Conversion, ConversionCounts};
use super::copy::{CopyRange, LongerChunk};
use super::error::RewriteError;
use super::indexes::{self, PageIndexes};
use super::input::Input;
use super::page_buffer::PageBuffer;
use super::prepend::Prepender;
use super::proof::{ChunkProof, FileProof, GroupRows, KeptProof, ProvenColumn, merged_rows};
use super::relax::{self, RelaxedOutput};
use super::report::RewriteReport;
use super::schema::{ColumnTask, OutputColumn, OutputLayout};
use super::write::{ChunkWriter, PageCompressor, PageContent};
use super::{footer_out, recompress, source, whole_file};
use crate::thrift::PageLocation;

/// How many locations of pages of relaxed columns are kept for the page indexes of a file: 6 MiB. Columns beyond
/// that have no page index.
const MAX_LOCATIONS: usize = 262_144;

/// Writes one file of these row groups. `check` receives the report before the footer is written: if
/// it fails, the output is not a readable Parquet file.
pub(super) fn write<R: ChunkReader, W: Write + Send>(
    input: &Input<'_, R>,
    layout: &OutputLayout,
    groups: &[usize],
    plan: &RewritePlan,
    sink: W,
    check: impl FnOnce(&RewriteReport) -> Result<()>,
) -> Result<RewriteReport> {
    let in_file = |error: RewriteError| error.into_error(|| input.name.to_owned());
    let count = input.footer.metadata.num_row_groups();
    if groups.iter().any(|group| *group >= count) {
        return Err(Error::new(
            ErrorKind::Rejected,
            "a requested row group does not exist in the file",
            input.name,
        ));
    }
    let recompress = Recompressing::new(input, layout, plan, groups);
    if !layout.changed && recompress.is_none() && groups.iter().copied().eq(0..count) {
        return whole_file::copy(input, layout, sink).map_err(in_file);
    }
    // Row groups without rows are left out. Writers put offsets into them that are no offsets.
    let has_rows = |group: &usize| input.footer.metadata.row_group(*group).num_rows() > 0;
    let groups: Vec<usize> = groups.iter().copied().filter(has_rows).collect();
    let proof = FileProof::new(input, layout, &groups);
    let mut report = RewriteReport {
        columns: layout.columns.iter().map(OutputColumn::report).collect(),
        row_proofs: proof.no_rows(),
        ..RewriteReport::default()
    };
    for (column, proven) in report.columns.iter_mut().zip(&proof.columns) {
        column.proof = proven.as_ref().and_then(ProvenColumn::empty);
    }
    let mut output = OutputFile {
        input,
        layout,
        proof,
        group_rows: None,
        compressor: PageCompressor::new(plan.compression, recompress.as_ref().map(|it| it.level)),
        recompress,
        page: PageBuffer::default(),
        sink: TrackedWrite::new(sink),
        copy_buffer: Vec::new(),
        prepender: Prepender::default(),
        relaxed_pages: BTreeMap::new(),
        report,
    };
    output.sink.write_all(b"PAR1").map_err(|error| in_file(error.into()))?;
    let mut written = Vec::with_capacity(groups.len());
    for (ordinal, group) in groups.iter().enumerate() {
        written.push(output.write_row_group(*group, ordinal)?);
    }
    let contents = std::mem::take(&mut output.proof.contents);
    contents.finish(input, &groups, &mut output.report.columns);
    check(&output.report)?;
    output.finish(&groups, written).map_err(in_file)
}

struct OutputFile<'a, R, W: Write> {
    input: &'a Input<'a, R>,
    layout: &'a OutputLayout,
    proof: FileProof,
    /// The rows of the group that is being written, if they get a fingerprint.
    group_rows: Option<GroupRows>,
    compressor: PageCompressor,
    /// The page that is being filled; all chunks share its buffers.
    page: PageBuffer,
    sink: TrackedWrite<W>,
    copy_buffer: Vec<u8>,
    prepender: Prepender,
    /// The data pages of relaxed columns, by row group and leaf of the source.
    relaxed_pages: BTreeMap<(usize, usize), Vec<PageLocation>>,
    /// The chunks that are compressed again, if any.
    recompress: Option<Recompressing>,
    report: RewriteReport,
}

/// What is known of chunks that are compressed again.
struct Recompressing {
    level: i32,
    min_saving: f64,
    /// The leaves of the source that stay as they are, because that did not pay.
    left: BTreeSet<usize>,
    /// Chunks by row group and leaf of the source, with the places of their pages if these are known.
    done: BTreeMap<(usize, usize), Option<Vec<PageLocation>>>,
}

impl Recompressing {
    /// `None` if the plan does not ask for it, or no chunk can become smaller.
    fn new<R: ChunkReader>(
        input: &Input<'_, R>,
        layout: &OutputLayout,
        plan: &RewritePlan,
        groups: &[usize],
    ) -> Option<Self> {
        let min_saving = plan.recompress.as_ref()?.min_saving;
        let chunks = groups.iter().flat_map(|group| {
            let leaves = layout.columns.iter().flat_map(|column| column.leaves.clone());
            leaves.filter_map(|leaf| input.chunk(*group, leaf).ok())
        });
        let is_candidate = layout.changed || chunks.clone().any(recompress::is_candidate);
        let bytes = chunks.map(|chunk| chunk.compressed_size().unsigned_abs()).sum();
        is_candidate.then(|| Self {
            level: recompress::level(bytes),
            min_saving,
            left: BTreeSet::new(),
            done: BTreeMap::new(),
        })
    }
}

impl<R: ChunkReader, W: Write + Send> OutputFile<'_, R, W> {
    fn write_row_group(&mut self, group: usize, ordinal: usize) -> Result<RowGroupMetaData> {
        let input = self.input;
        let begin = self.sink.bytes_written();
        let mut chunks = Vec::with_capacity(self.layout.schema.num_columns());
        let mut pending = CopyRange::default();
        self.group_rows = input.rows(group).ok().and_then(|rows| self.proof.group_rows(rows));
        for (index, column) in self.layout.columns.iter().enumerate() {
            self.write_column(group, index, column, &mut pending, &mut chunks)
                .map_err(|error| error.into_error(|| input.location(&column.name)))?;
        }
        let in_file = |error: RewriteError| error.into_error(|| input.name.to_owned());
        self.copy(&mut pending, &mut chunks).map_err(in_file)?;
        let rows = self.group_rows.take().map(|rows| rows.finish().into_iter().collect());
        self.report.row_proofs = merged_rows(&self.report.row_proofs, &rows.unwrap_or_default());
        self.copy_bloom_filters(group, &mut chunks).map_err(in_file)?;
        let old = input.footer.metadata.row_group(group);
        self.report.rows += old.num_rows().unsigned_abs();
        self.report.row_groups += 1;
        let size =
            chunks.iter().map(ColumnChunkMetaData::uncompressed_size).fold(0, i64::saturating_add);
        let mut builder = RowGroupMetaData::builder(self.layout.schema.clone())
            .set_column_metadata(chunks)
            .set_total_byte_size(size)
            .set_num_rows(old.num_rows())
            .set_sorting_columns(self.sorting_columns(old))
            .set_file_offset(begin as i64);
        if let Ok(ordinal) = i16::try_from(ordinal) {
            builder = builder.set_ordinal(ordinal);
        }
        builder.build().map_err(|error| in_file(error.into()))
    }

    fn write_column(
        &mut self,
        group: usize,
        column_index: usize,
        column: &OutputColumn,
        pending: &mut CopyRange,
        chunks: &mut Vec<ColumnChunkMetaData>,
    ) -> Result<(), RewriteError> {
        match &column.task {
            ColumnTask::Copy => {
                for (leaf, out) in column.leaves.clone().zip(column.first..) {
                    if !self.recompress_chunk(group, column_index, (leaf, out), pending, chunks)? {
                        self.copy_chunk(group, column_index, leaf, out, pending, chunks)?;
                    }
                }
            }
            ColumnTask::Relax => {
                self.copy(pending, chunks)?;
                chunks.push(self.relax_chunk(group, column_index, column)?);
            }
            ColumnTask::Convert { conversion, source_type, optional } => {
                self.copy(pending, chunks)?;
                let source =
                    self.input.open_chunk(group, column.leaves.start, *source_type, *optional)?;
                chunks.push(self.convert_chunk(column_index, column.first, source, conversion)?);
            }
            ColumnTask::Null => {
                self.copy(pending, chunks)?;
                let rows = self.input.rows(group)?;
                let mut page = std::mem::take(&mut self.page);
                // It has no value, so its figures stay empty.
                let mut writer = self.chunk_writer(column.first, PageContent::Arbitrary, None);
                column::write_nulls(&mut writer, &mut page, rows)?;
                chunks.push(writer.close(&mut page)?.0);
                self.page = page;
                self.report.columns[column_index].add_nulls(Some(rows as u64));
                if let Some(rows) = &self.group_rows {
                    rows.add_nulls();
                }
            }
        }
        Ok(())
    }

    /// Adds a chunk to the range that is copied next, and its metadata to `chunks`.
    fn copy_chunk(
        &mut self,
        group: usize,
        column_index: usize,
        leaf: usize,
        output_leaf: usize,
        pending: &mut CopyRange,
        chunks: &mut Vec<ColumnChunkMetaData>,
    ) -> Result<(), RewriteError> {
        let chunk = self.input.chunk(group, leaf)?;
        let (start, length) = source::range(chunk, self.input.footer)?;
        if pending.end() != start {
            self.copy(pending, chunks)?;
            pending.start = start;
        }
        let offset = self.sink.bytes_written() as u64 + pending.length;
        let proof = self.chunk_proof(column_index);
        let needs_digest = self.proof.contents.has(column_index);
        let proof = KeptProof::new(self.input, group, leaf, proof, needs_digest)?;
        pending.add(length, chunk.num_values(), column_index, output_leaf, proof);
        let descriptor = self.layout.schema.column(output_leaf);
        let copied = relocated(chunk, descriptor, offset as i64 - start as i64).build()?;
        self.add_copied_statistics(column_index, chunk, &copied);
        self.report.bytes_copied += length;
        chunks.push(copied);
        Ok(())
    }

    /// Compresses a chunk again, if that pays, and adds its metadata to `chunks`. Returns whether it did.
    fn recompress_chunk(
        &mut self,
        group: usize,
        column_index: usize,
        (leaf, output_leaf): (usize, usize),
        pending: &mut CopyRange,
        chunks: &mut Vec<ColumnChunkMetaData>,
    ) -> Result<bool, RewriteError> {
        let old = self.input.chunk(group, leaf)?;
        let Some(recompress) = &mut self.recompress else { return Ok(false) };
        if !recompress::is_candidate(old) || recompress.left.contains(&leaf) {
            return Ok(false);
        }
        let (min_saving, kept) = (recompress.min_saving, recompress.done.values().flatten());
        let max_locations = MAX_LOCATIONS.saturating_sub(kept.map(Vec::len).sum());
        // A source that is read in windows goes forwards only without being read twice.
        self.copy(pending, chunks)?;
        let mut source = self.input.pages_through(group, leaf, recompress::Tee::new)?;
        let sample = match recompress::sample(&mut source, old, &mut self.compressor, min_saving) {
            Ok(sample) => sample,
            Err(error @ (RewriteError::Io(_) | RewriteError::Parquet(_))) => return Err(error),
            // A copy needs to understand less of it.
            Err(_) => None,
        };
        let Some(sample) = sample else {
            self.recompress.as_mut().map(|it| it.left.insert(leaf));
            return Ok(false);
        };
        let proof = self.chunk_proof(column_index);
        let needs_digest = self.proof.contents.has(column_index);
        source.input_mut().pass_on(KeptProof::new(self.input, group, leaf, proof, needs_digest)?);
        let (start, length) = source::range(old, self.input.footer)?;
        let by = self.sink.bytes_written() as i64 - start as i64;
        let metadata = relocated(old, self.layout.schema.column(output_leaf), by);
        let out = recompress::Output {
            sink: &mut self.sink,
            compressor: &mut self.compressor,
            max_locations,
        };
        let chunk = recompress::write(sample, &mut source, metadata, old, out)?;
        if let Some(proof) = source.input_mut().take_proof() {
            let (figures, digest) = proof.finish();
            self.report.columns[column_index].add_proof(figures);
            self.proof.contents.add(column_index, digest);
        }
        self.add_copied_statistics(column_index, old, &chunk.metadata);
        self.report.recompressed_from += length;
        self.report.recompressed_to += chunk.metadata.compressed_size().unsigned_abs();
        self.recompress.as_mut().map(|it| it.done.insert((group, leaf), chunk.pages));
        chunks.push(chunk.metadata);
        Ok(true)
    }

    /// Adds what the footer says of a chunk whose values are copied.
    fn add_copied_statistics(
        &mut self,
        column_index: usize,
        old: &ColumnChunkMetaData,
        new: &ColumnChunkMetaData,
    ) {
        if self.layout.columns[column_index].leaves.len() == 1 {
            let report = &mut self.report.columns[column_index];
            report.add_nulls(old.statistics().and_then(|statistics| statistics.null_count_opt()));
            report.add_bounds(new);
        }
    }

    fn relax_chunk(
        &mut self,
        group: usize,
        column_index: usize,
        column: &OutputColumn,
    ) -> Result<ColumnChunkMetaData, RewriteError> {
        let old = self.input.chunk(group, column.leaves.start)?;
        let mut source = self.input.pages(group, column.leaves.start)?;
        let kept: usize = self.relaxed_pages.values().map(Vec::len).sum();
        let out = RelaxedOutput {
            sink: &mut self.sink,
            compressor: &mut self.compressor,
            prepender: &mut self.prepender,
            column: self.layout.schema.column(column.first),
            max_locations: MAX_LOCATIONS.saturating_sub(kept),
        };
        let chunk = relax::copy(&mut source, old, self.input.rows(group)?, out)?;
        if let Some(pages) = chunk.pages {
            self.relaxed_pages.insert((group, column.leaves.start), pages);
        }
        let report = &mut self.report.columns[column_index];
        report.add_nulls(Some(0));
        report.add_bounds(&chunk.metadata);
        self.report.bytes_copied += chunk.bytes_copied;
        if source.bytes_inflated > 0 {
            self.report.bytes_decoded += source.bytes_read;
            self.report.bytes_inflated += source.bytes_inflated;
        }
        Ok(chunk.metadata)
    }

    fn convert_chunk(
        &mut self,
        column_index: usize,
        output_leaf: usize,
        source: ChunkSource<R::T>,
        conversion: &Conversion,
    ) -> Result<ColumnChunkMetaData, RewriteError> {
        let mut counts = ConversionCounts::default();
        let mut page = std::mem::take(&mut self.page);
        let content = match conversion {
            Conversion::Tokenise(_) => PageContent::Tokens,
            Conversion::Retype(_) | Conversion::LocalTimes { .. } | Conversion::Micros(_) => {
                PageContent::Arbitrary
            }
        };
        let proof = self.chunk_proof(column_index);
        let mut writer = self.chunk_writer(output_leaf, content, proof);
        column::convert(source, conversion, Some(&mut writer), &mut page, &mut counts)?;
        let (chunk, proof) = writer.close(&mut page)?;
        self.page = page;
        let report = &mut self.report.columns[column_index];
        report.add_proof(proof);
        report.add_counts(&counts);
        report.add_nulls(Some(output_nulls(conversion, &counts)));
        if let Conversion::Retype(_) = conversion {
            report.add_bounds(&chunk);
        }
        self.report.bytes_decoded += counts.bytes_read;
        self.report.bytes_inflated += counts.bytes_inflated;
        Ok(chunk)
    }

    /// Computes the figures of a chunk of this column, if it gets any.
    fn chunk_proof(&self, column: usize) -> Option<ChunkProof> {
        self.proof.chunk(column, self.group_rows.as_ref())
    }

    /// A writer for one leaf column; it writes each page when the page is full.
    fn chunk_writer(
        &mut self,
        leaf: usize,
        content: PageContent,
        proof: Option<ChunkProof>,
    ) -> ChunkWriter<'_> {
        let begin = self.sink.bytes_written() as u64;
        let pages = Box::new(SerializedPageWriter::new(&mut self.sink));
        let column = self.layout.schema.column(leaf);
        ChunkWriter::new(pages, &mut self.compressor, column, content, begin, proof)
    }

    /// Copies the pending range and clears it. If a chunk is longer than declared, its metadata in
    /// `chunks` is corrected.
    fn copy(
        &mut self,
        pending: &mut CopyRange,
        chunks: &mut [ColumnChunkMetaData],
    ) -> Result<(), RewriteError> {
        let (input, layout) = (self.input, self.layout);
        let mut range = std::mem::take(pending);
        let source = input.source.get_read(range.start)?;
        let end = range.end();
        let longer = range
            .copy(source, &mut self.sink, &mut self.copy_buffer, || input.undeclared_bytes(end))
            .map_err(|(column, error)| {
                let location = || input.location(&layout.columns[column].name);
                io::Error::other(error.into_error(location))
            })?;
        for (column, (proof, digest)) in range.into_proofs() {
            self.report.columns[column].add_proof(proof);
            self.proof.contents.add(column, digest);
        }
        if let Some(LongerChunk { leaf, undeclared_bytes }) = longer {
            let grown = |size: i64| size.saturating_add_unsigned(undeclared_bytes);
            let chunk = chunks[leaf].clone();
            let (compressed, uncompressed) = (chunk.compressed_size(), chunk.uncompressed_size());
            chunks[leaf] = chunk
                .into_builder()
                .set_total_compressed_size(grown(compressed))
                .set_total_uncompressed_size(grown(uncompressed))
                .build()?;
            self.report.bytes_copied += undeclared_bytes;
        }
        Ok(())
    }

    /// The leaves of the columns whose values are copied: the index in the source and in the output.
    fn copied_leaves(&self) -> impl Iterator<Item = (usize, usize)> + use<'_, R, W> {
        let copied = self.layout.columns.iter().filter(|column| column.task.keeps_values());
        copied.flat_map(|column| column.leaves.clone().zip(column.first..))
    }

    fn copy_bloom_filters(
        &mut self,
        group: usize,
        chunks: &mut [ColumnChunkMetaData],
    ) -> Result<(), RewriteError> {
        let pairs: Vec<_> = self.copied_leaves().collect();
        for (leaf, out) in pairs {
            let old = self.input.chunk(group, leaf)?;
            if let Some(bytes) = indexes::bloom_filter(self.input.source, old, self.input.footer)? {
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

    /// The columns by which the rows are still sorted: the leading ones that are copied.
    fn sorting_columns(&self, group: &RowGroupMetaData) -> Option<Vec<SortingColumn>> {
        let leaves: Vec<_> = self.copied_leaves().collect();
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
        self.copy_page_indexes(groups, &mut written)?;
        let old = self.input.footer.metadata.file_metadata();
        // Other writers' key-value metadata mostly describes the schema and can contain the names of
        // dropped columns, so a changed file has none of it. The writer's name stays, because
        // readers use it to decide which statistics to trust.
        let key_values = old.key_value_metadata().filter(|_| !self.layout.changed).cloned();
        let file = FileMetaData::new(
            old.version(),
            written.iter().map(RowGroupMetaData::num_rows).sum(),
            old.created_by().map(str::to_owned),
            key_values,
            self.layout.schema.clone(),
            None,
        );
        let metadata = ParquetMetaData::new(file, written);
        let mut written = Vec::new();
        ParquetMetaDataWriter::new(&mut written, &metadata).finish()?;
        let footer = footer_out::restored(&written, &self.input.footer.raw, self.layout)?;
        // Parts of the source's footer are copied as bytes, which a reader can refuse in their new place.
        let thrift = footer.get(..footer.len().saturating_sub(8)).unwrap_or_default();
        if crate::footer::decode(thrift).is_err() {
            return Err(RewriteError::Malformed("its footer has a part that cannot be copied"));
        }
        self.sink.write_all(&footer)?;
        self.sink.flush()?;
        self.report.bytes_written = self.sink.bytes_written() as u64;
        Ok(self.report)
    }

    fn copy_page_indexes(
        &mut self,
        groups: &[usize],
        written: &mut [RowGroupMetaData],
    ) -> Result<(), RewriteError> {
        let indexes = PageIndexes::read(self.input.source, self.input.footer, self.layout, groups)?;
        let pairs: Vec<_> = self.copied_leaves().collect();
        for (group, new) in groups.iter().zip(written) {
            for (leaf, out) in &pairs {
                let old = self.input.chunk(*group, *leaf)?;
                let chunk = &mut new.columns_mut()[*out];
                let by = chunk.data_page_offset() - old.data_page_offset();
                let footer = self.input.footer;
                let is_relaxed =
                    old.column_descr().max_def_level() < chunk.column_descr().max_def_level();
                let key = (*group, *leaf);
                let recompressed = self.recompress.as_ref().and_then(|it| it.done.get(&key));
                let (column, offset) = match (self.relaxed_pages.get(&key), recompressed) {
                    (Some(pages), _) => indexes.relaxed(old, footer, pages),
                    (None, Some(Some(pages))) => indexes.moved(old, footer, pages),
                    // The places of its pages are not known.
                    (None, Some(None)) => continue,
                    // Its pages are not those of the source.
                    (None, None) if is_relaxed => continue,
                    (None, None) => indexes.relocated(old, footer, by),
                };
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

/// The NULLs of the output. A NULL array is empty in the output.
fn output_nulls(conversion: &Conversion, counts: &ConversionCounts) -> u64 {
    match conversion {
        list if list.is_list() => 0,
        _ => counts.nulls_and_misfits(),
    }
}

/// The metadata of the same chunk, `by` bytes further on.
fn relocated(
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
