//! Copies a file that the plan does not change: all bytes, including the footer.

use std::io::Write;

use parquet::file::reader::ChunkReader;

use super::error::RewriteError;
use super::input::{Input, copy_bytes};
use super::report::RewriteReport;
use super::schema::{OutputColumn, OutputLayout};

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
    let ends_early = "the file is shorter than its declared length";
    copy_bytes(input.source.get_read(0)?, &mut sink, length, &mut Vec::new(), ends_early, |_| {
        Ok(())
    })?;
    sink.flush()?;
    Ok(report)
}
