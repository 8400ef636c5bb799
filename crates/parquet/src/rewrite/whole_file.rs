//! Copies a file that the plan does not change: all bytes, including the footer.

use std::io::Write;
use std::ops::Range;

use parquet::file::reader::ChunkReader;

use super::error::RewriteError;
use super::input::{Input, copy_bytes};
use super::proof::{Contents, FileProof, GroupRows, KeptProof, ProvenColumn, merged_rows};
use super::report::RewriteReport;
use super::schema::{OutputColumn, OutputLayout};
use super::source;

/// Copies the whole source. The report comes from the footer.
pub(super) fn copy<R: ChunkReader, W: Write>(
    input: &Input<'_, R>,
    layout: &OutputLayout,
    mut sink: W,
) -> Result<RewriteReport, RewriteError> {
    let metadata = &input.footer.metadata;
    let length = input.source.len();
    let mut report = RewriteReport {
        rows: input.footer.rows(),
        row_groups: metadata.num_row_groups(),
        bytes_written: length,
        columns: layout.columns.iter().map(OutputColumn::report).collect(),
        ..RewriteReport::default()
    };
    for group in metadata.row_groups() {
        for (column, report_of_column) in layout.columns.iter().zip(&mut report.columns) {
            for chunk in group.columns().get(column.leaves.clone()).unwrap_or_default() {
                report.bytes_copied += chunk.compressed_size().unsigned_abs();
                if column.leaves.len() == 1 {
                    let statistics = chunk.statistics();
                    let nulls = statistics.and_then(|statistics| statistics.null_count_opt());
                    report_of_column.add_nulls(nulls);
                    report_of_column.add_bounds(chunk);
                }
            }
        }
    }
    let mut proofs = ProvenChunks::new(input, layout, &mut report)?;
    let ends_early = "the file is shorter than its declared length";
    let source = input.source.get_read(0)?;
    copy_bytes(source, &mut sink, length, &mut Vec::new(), ends_early, |bytes| {
        proofs.pass(bytes);
        Ok(())
    })?;
    sink.flush()?;
    let ProvenChunks { chunks, groups, rows, mut contents, .. } = proofs;
    for chunk in chunks {
        let (figures, digest) = chunk.proof.finish();
        report.columns[chunk.column].add_proof(figures);
        contents.add(chunk.column, digest);
    }
    contents.finish(input, &groups, &mut report.columns);
    for rows in rows {
        let rows = rows.map(|rows| rows.finish().into_iter().collect()).unwrap_or_default();
        report.row_proofs = merged_rows(&report.row_proofs, &rows);
    }
    Ok(report)
}

/// The chunks of which figures are computed, in the order of their bytes.
struct ProvenChunks {
    chunks: Vec<ProvenChunk>,
    /// The rows of each group, if they get a fingerprint.
    rows: Vec<Option<GroupRows>>,
    /// The row groups that have rows.
    groups: Vec<usize>,
    contents: Contents,
    /// How many bytes of the file have passed.
    at: u64,
}

struct ProvenChunk {
    range: Range<u64>,
    column: usize,
    proof: Box<KeptProof>,
}

impl ProvenChunks {
    fn new<R: ChunkReader>(
        input: &Input<'_, R>,
        layout: &OutputLayout,
        report: &mut RewriteReport,
    ) -> Result<Self, RewriteError> {
        let mut chunks = Vec::new();
        // Writers put offsets into a row group without rows that are no offsets.
        let mut groups = Vec::new();
        for group in 0..input.footer.metadata.num_row_groups() {
            if input.rows(group)? > 0 {
                groups.push(group);
            }
        }
        let proof = FileProof::new(input, layout, &groups);
        report.row_proofs = proof.no_rows();
        for (column, proven) in report.columns.iter_mut().zip(&proof.columns) {
            column.proof = proven.as_ref().and_then(ProvenColumn::empty);
        }
        let mut rows = Vec::new();
        for group in groups.iter().copied() {
            let of_group = proof.group_rows(input.rows(group)?);
            for (index, column) in layout.columns.iter().enumerate() {
                let leaf = column.leaves.start;
                let chunk = proof.chunk(index, of_group.as_ref());
                let needs_digest = proof.contents.has(index);
                if let Some(proof) = KeptProof::new(input, group, leaf, chunk, needs_digest)? {
                    let (start, length) = source::range(input.chunk(group, leaf)?, input.footer)?;
                    chunks.push(ProvenChunk { range: start..start + length, column: index, proof });
                }
            }
            rows.push(of_group);
        }
        chunks.sort_by_key(|chunk| chunk.range.start);
        Ok(Self { chunks, rows, groups, contents: proof.contents, at: 0 })
    }

    /// The next bytes of the file.
    fn pass(&mut self, bytes: &[u8]) {
        let from = self.at;
        self.at += bytes.len() as u64;
        let first = self.chunks.partition_point(|chunk| chunk.range.end <= from);
        let passing = self.chunks[first..].iter_mut();
        for chunk in passing.take_while(|chunk| chunk.range.start < self.at) {
            let begin = chunk.range.start.max(from) - from;
            let end = chunk.range.end.min(self.at) - from;
            // Both are within the slice.
            chunk.proof.pass(&bytes[begin as usize..end as usize]);
            if chunk.range.end <= self.at {
                chunk.proof.end();
            }
        }
    }
}
