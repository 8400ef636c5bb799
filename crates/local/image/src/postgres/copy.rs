//! A table's rows, from `COPY … TO STDOUT (FORMAT binary)` into a Parquet file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int16Builder,
    Int32Builder, Int64Builder, RecordBatch, StringBuilder,
};
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use tokio_postgres::Client;
use tokio_postgres::binary_copy::{BinaryCopyOutRow, BinaryCopyOutStream};
use tokio_postgres::types::Type;

use super::catalogue::Found;
use crate::error::ImageError;
use crate::image::Column;
use crate::types::Physical;

/// Rows that are gathered before they go to the file.
const ROWS_PER_BATCH: usize = 8_192;
/// Bytes of text and binary cells that are gathered before they go to the file.
const BYTES_PER_BATCH: usize = 8_000_000;
/// Rows of a row group of the image's file: what a writer holds in memory.
const ROWS_PER_GROUP: usize = 65_536;
/// Encoded bytes at which a row group is closed before it has all its rows.
const BYTES_PER_GROUP: usize = 32_000_000;

/// What can break while a table is copied.
pub(super) enum CopyError {
    Database(tokio_postgres::Error),
    Image(ImageError),
}

impl CopyError {
    pub(super) fn into_image(
        self,
        database: impl Fn(tokio_postgres::Error) -> ImageError,
    ) -> ImageError {
        match self {
            CopyError::Database(error) => database(error),
            CopyError::Image(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for CopyError {
    fn from(error: tokio_postgres::Error) -> CopyError {
        CopyError::Database(error)
    }
}

impl From<ImageError> for CopyError {
    fn from(error: ImageError) -> CopyError {
        CopyError::Image(error)
    }
}

/// Copies the table into a new file at `path` and says how many rows it has.
pub(super) async fn to_file(client: &Client, found: &Found, path: &Path) -> Result<u64, CopyError> {
    let schema = found.table.arrow_schema();
    let io = |source| ImageError::Io { doing: "create", path: path.display().to_string(), source };
    let file = File::create(path).map_err(io)?;
    let mut writer = Some(writer(file, schema.clone())?);
    let types: Vec<Type> = found.table.columns.iter().map(wire_type).collect();
    let copy =
        client.copy_out(&format!("COPY ({}) TO STDOUT (FORMAT binary)", found.select)).await?;
    let mut stream = Box::pin(BinaryCopyOutStream::new(copy, &types));
    let mut gathered = Gathered::new(&found.table.columns);
    let mut rows = 0;
    loop {
        let row = stream.next().await.transpose()?;
        if let Some(row) = &row {
            gathered.push(row)?;
            rows += 1;
        }
        if gathered.full() || row.is_none() && gathered.rows > 0 {
            let batch = gathered.finish(&schema)?;
            writer = write(writer, batch).await?;
        }
        if row.is_none() {
            break;
        }
    }
    if let Some(writer) = writer {
        close(writer).await?;
    }
    Ok(rows)
}

/// Encodes a batch on a blocking thread. The writer travels there and back.
async fn write(
    writer: Option<ArrowWriter<File>>,
    batch: RecordBatch,
) -> Result<Option<ArrowWriter<File>>, ImageError> {
    let Some(mut writer) = writer else { return Ok(None) };
    let written = tokio::task::spawn_blocking(move || {
        writer.write(&batch)?;
        if writer.in_progress_size() > BYTES_PER_GROUP {
            writer.flush()?;
        }
        Ok::<_, ParquetError>(writer)
    });
    Ok(Some(written.await??))
}

async fn close(writer: ArrowWriter<File>) -> Result<(), ImageError> {
    tokio::task::spawn_blocking(move || writer.close()).await??;
    Ok(())
}

fn writer(file: File, schema: SchemaRef) -> Result<ArrowWriter<File>, ImageError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .build();
    Ok(ArrowWriter::try_new(file, schema, Some(properties))?)
}

fn wire_type(column: &Column) -> Type {
    match column.source_type.physical() {
        Physical::Boolean => Type::BOOL,
        Physical::Int16 => Type::INT2,
        Physical::Int32 => Type::INT4,
        Physical::Int64 => Type::INT8,
        Physical::Float => Type::FLOAT4,
        Physical::Double => Type::FLOAT8,
        Physical::Bytes => Type::BYTEA,
        // PostgreSQL's export has no other: all the rest is text.
        Physical::Text | Physical::Decimal { .. } | Physical::TimestampMicros => Type::TEXT,
    }
}

enum Cells {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    Bytes(BinaryBuilder),
    Text(StringBuilder),
}

/// Rows on their way to a batch.
struct Gathered {
    cells: Vec<Cells>,
    rows: usize,
    bytes: usize,
}

impl Gathered {
    fn new(columns: &[Column]) -> Gathered {
        let cells = columns.iter().map(|column| match column.source_type.physical() {
            Physical::Boolean => Cells::Boolean(BooleanBuilder::new()),
            Physical::Int16 => Cells::Int16(Int16Builder::new()),
            Physical::Int32 => Cells::Int32(Int32Builder::new()),
            Physical::Int64 => Cells::Int64(Int64Builder::new()),
            Physical::Float => Cells::Float(Float32Builder::new()),
            Physical::Double => Cells::Double(Float64Builder::new()),
            Physical::Bytes => Cells::Bytes(BinaryBuilder::new()),
            Physical::Text | Physical::Decimal { .. } | Physical::TimestampMicros => {
                Cells::Text(StringBuilder::new())
            }
        });
        Gathered { cells: cells.collect(), rows: 0, bytes: 0 }
    }

    fn full(&self) -> bool {
        self.rows >= ROWS_PER_BATCH || self.bytes >= BYTES_PER_BATCH
    }

    fn push(&mut self, row: &BinaryCopyOutRow) -> Result<(), tokio_postgres::Error> {
        for (index, cells) in self.cells.iter_mut().enumerate() {
            match cells {
                Cells::Boolean(builder) => builder.append_option(row.try_get(index)?),
                Cells::Int16(builder) => builder.append_option(row.try_get(index)?),
                Cells::Int32(builder) => builder.append_option(row.try_get(index)?),
                Cells::Int64(builder) => builder.append_option(row.try_get(index)?),
                Cells::Float(builder) => builder.append_option(row.try_get(index)?),
                Cells::Double(builder) => builder.append_option(row.try_get(index)?),
                Cells::Bytes(builder) => {
                    let cell: Option<&[u8]> = row.try_get(index)?;
                    self.bytes += cell.map_or(0, <[u8]>::len);
                    builder.append_option(cell);
                }
                Cells::Text(builder) => {
                    let cell: Option<&str> = row.try_get(index)?;
                    self.bytes += cell.map_or(0, str::len);
                    builder.append_option(cell);
                }
            }
        }
        self.rows += 1;
        Ok(())
    }

    fn finish(&mut self, schema: &SchemaRef) -> Result<RecordBatch, ImageError> {
        let columns = self.cells.iter_mut().map(|cells| match cells {
            Cells::Boolean(builder) => Arc::new(builder.finish()) as ArrayRef,
            Cells::Int16(builder) => Arc::new(builder.finish()),
            Cells::Int32(builder) => Arc::new(builder.finish()),
            Cells::Int64(builder) => Arc::new(builder.finish()),
            Cells::Float(builder) => Arc::new(builder.finish()),
            Cells::Double(builder) => Arc::new(builder.finish()),
            Cells::Bytes(builder) => Arc::new(builder.finish()),
            Cells::Text(builder) => Arc::new(builder.finish()),
        });
        let batch = RecordBatch::try_new(schema.clone(), columns.collect())?;
        (self.rows, self.bytes) = (0, 0);
        Ok(batch)
    }
}
