//! A file to which nothing happens: all its bytes as they are, the footer among them.

use std::io::{Read, Write};

use parquet::file::reader::ChunkReader;

use super::engine::{COPY, Input};
use super::error::RewriteError;
use super::report::RewriteReport;
use super::schema::{Column, Layout};

/// Copies the whole source. The report is the footer's.
pub(super) fn copy<R: ChunkReader, W: Write>(
    input: &Input<'_, R>,
    layout: &Layout,
    mut sink: W,
) -> Result<RewriteReport, RewriteError> {
    let metadata = &input.footer.metadata;
    let mut report = RewriteReport {
        rows: input.footer.rows(),
        row_groups: metadata.num_row_groups(),
        columns: layout.columns.iter().map(Column::report).collect(),
        ..RewriteReport::default()
    };
    for group in metadata.row_groups() {
        for (place, column) in layout.columns.iter().enumerate() {
            for chunk in group.columns().get(column.leaves.clone()).unwrap_or_default() {
                report.bytes_copied += chunk.compressed_size().unsigned_abs();
                if column.leaves.len() == 1 {
                    let statistics = chunk.statistics();
                    let told = &mut report.columns[place];
                    told.add_nulls(statistics.and_then(|statistics| statistics.null_count_opt()));
                    told.add_bounds(chunk);
                }
            }
        }
    }
    let mut read = input.source.get_read(0)?;
    let mut left = input.source.len();
    let mut buffer = vec![0; COPY];
    while left > 0 {
        let most = usize::try_from(left).map_or(COPY, |left| left.min(COPY));
        match read.read(&mut buffer[..most]) {
            Ok(0) => return Err(RewriteError::Page("the file is shorter than it said")),
            Ok(count) => {
                sink.write_all(&buffer[..count])?;
                left -= count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    sink.flush()?;
    report.bytes_written = input.source.len();
    Ok(report)
}
