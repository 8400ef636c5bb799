//! Divides a table's rows into Parquet files of bounded size and encodes them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, GzipLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::error::DatabaseError;
use crate::export::{ExportQuirks, OddFile, TimestampForm};
use crate::snapshot::Batches;

/// A file gets no more rows once its rows take this many bytes in memory. Real files are mostly
/// 1–10 MB, compressed (AWS documentation).
const BYTES_PER_PART: usize = 16_000_000;

/// GZIP level of the files: the fastest, because readers do not depend on the level and a first
/// run should be quick. With level 2 an export takes 1.6 times as long and 0.74 of the bytes.
const GZIP_LEVEL: u32 = 1;

/// The writer that a file names.
const CREATED_BY: &str = "landbridge local cloud, in the layout of an RDS snapshot export";

/// One encoded Parquet file.
pub(super) struct Part {
    pub(super) bytes: Bytes,
    pub(super) rows: u64,
}

/// The format of a table's files.
#[derive(Clone)]
pub(super) struct FileFormat {
    schema: SchemaRef,
    rows_per_group: usize,
    created_by: &'static str,
    odd: Option<OddFile>,
}

/// Divides a table's batches into the rows of one file each.
pub(super) struct FileSplitter {
    batches: Batches,
    /// Rows that did not fit into the last file.
    rest: Option<RecordBatch>,
    rows_per_part: usize,
}

impl FileSplitter {
    pub(super) fn new(batches: Batches, quirks: &ExportQuirks) -> FileSplitter {
        FileSplitter { batches, rest: None, rows_per_part: quirks.rows_per_part.max(1) }
    }

    /// The next batch that has rows.
    fn take(&mut self) -> Result<Option<RecordBatch>, DatabaseError> {
        if let Some(rest) = self.rest.take() {
            return Ok(Some(rest));
        }
        loop {
            match self.batches.next() {
                None => return Ok(None),
                Some(batch) => {
                    let batch = batch?;
                    if batch.num_rows() > 0 {
                        return Ok(Some(batch));
                    }
                }
            }
        }
    }

    /// The rows of the next file; `None` after the last row.
    pub(super) fn next_file(&mut self) -> Result<Option<Vec<RecordBatch>>, DatabaseError> {
        let (mut file_rows, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows < self.rows_per_part && bytes < BYTES_PER_PART {
            let Some(batch) = self.take()? else { break };
            let fits = batch.num_rows().min(self.rows_per_part - rows);
            if fits < batch.num_rows() {
                self.rest = Some(batch.slice(fits, batch.num_rows() - fits));
            }
            let head = batch.slice(0, fits);
            rows += fits;
            bytes += size(&head)?;
            file_rows.push(head);
        }
        Ok((!file_rows.is_empty()).then_some(file_rows))
    }
}

/// Bytes that the rows of a batch take in memory.
fn size(batch: &RecordBatch) -> Result<usize, DatabaseError> {
    let sizes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size());
    Ok(sizes.sum::<Result<usize, _>>()?)
}

impl FileFormat {
    pub(super) fn new(schema: SchemaRef, quirks: &ExportQuirks) -> FileFormat {
        let schema = with_timestamps(&schema, quirks.timestamps);
        FileFormat {
            schema,
            rows_per_group: quirks.rows_per_group,
            created_by: quirks.created_by.unwrap_or(CREATED_BY),
            odd: quirks.odd_file,
        }
    }

    /// Encodes a file with these rows; there may be none.
    pub(super) fn encode(&self, batches: &[RecordBatch]) -> Result<Part, DatabaseError> {
        let properties = properties(self.rows_per_group, self.created_by)?;
        let mut writer = writer(self.schema.clone(), properties.clone())?;
        for batch in batches {
            writer.write(&self.fitted(batch)?)?;
        }
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let bytes = writer.into_inner()?;
        let bytes = match self.odd {
            Some(odd) => odd.of(bytes, properties)?,
            None => Bytes::from(bytes),
        };
        Ok(Part { bytes, rows })
    }

    /// The batch with the file's schema, which may differ from the snapshot's schema only in the
    /// unit and the time zone of timestamps.
    fn fitted(&self, batch: &RecordBatch) -> Result<RecordBatch, DatabaseError> {
        let fitted = batch.columns().iter().zip(self.schema.fields()).map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(column.clone());
            }
            Ok(arrow::compute::cast(column, field.data_type())?)
        });
        let columns = fitted.collect::<Result<Vec<ArrayRef>, DatabaseError>>()?;
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

/// A file of one row with a schema that no table has.
pub(super) fn mismatched_part() -> Result<Part, DatabaseError> {
    let schema = Arc::new(Schema::new(vec![Field::new("unexpected", DataType::Int64, true)]));
    let mut writer = writer(schema.clone(), properties(1, CREATED_BY)?)?;
    writer.write(&RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![1]))])?)?;
    Ok(Part { bytes: Bytes::from(writer.into_inner()?), rows: 1 })
}

fn properties(rows_per_group: usize, created_by: &str) -> Result<WriterProperties, ParquetError> {
    Ok(WriterProperties::builder()
        .set_compression(Compression::GZIP(GzipLevel::try_new(GZIP_LEVEL)?))
        .set_max_row_group_row_count(Some(rows_per_group.max(1)))
        .set_created_by(created_by.to_owned())
        .build())
}

fn writer(
    schema: SchemaRef,
    properties: WriterProperties,
) -> Result<ArrowWriter<Vec<u8>>, ParquetError> {
    // Spark writes the real files: use its root name, and leave out the Arrow schema, so that
    // readers depend on the Parquet annotations alone.
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_schema_root("spark_schema".to_owned())
        .with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(Vec::new(), schema, options)
}

/// The schema with timestamps of this form.
fn with_timestamps(schema: &SchemaRef, form: TimestampForm) -> SchemaRef {
    let (unit, is_local) = match form {
        TimestampForm::Micros => return schema.clone(),
        TimestampForm::Millis => (TimeUnit::Millisecond, false),
        TimestampForm::LocalMicros => (TimeUnit::Microsecond, true),
        TimestampForm::LocalMillis => (TimeUnit::Millisecond, true),
        TimestampForm::LocalNanos => (TimeUnit::Nanosecond, true),
    };
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            let zone = (!is_local).then(|| zone.clone());
            Field::new(field.name(), DataType::Timestamp(unit, zone), true)
        }
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
