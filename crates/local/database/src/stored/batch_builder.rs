//! Builds batches from rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Decimal128Builder, Float32Builder, Float64Builder,
    Int16Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::SchemaRef;

use crate::error::DatabaseError;
use crate::snapshot::Table;
use crate::types::ParquetType;

/// Maximum number of rows of a batch.
const ROWS_PER_BATCH: usize = 8_192;
/// A batch is complete when its rows took this many bytes on the wire.
const BYTES_PER_BATCH: usize = 8_000_000;

/// The cells of one column.
pub(crate) enum ColumnBuilder {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    /// With precision and scale.
    Decimal(Decimal128Builder, u8, i8),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Micros(TimestampMicrosecondBuilder),
}

impl ColumnBuilder {
    fn new(parquet_type: ParquetType) -> Result<ColumnBuilder, DatabaseError> {
        Ok(match parquet_type {
            ParquetType::Boolean => ColumnBuilder::Boolean(BooleanBuilder::new()),
            ParquetType::Int16 => ColumnBuilder::Int16(Int16Builder::new()),
            ParquetType::Int32 => ColumnBuilder::Int32(Int32Builder::new()),
            ParquetType::Int64 => ColumnBuilder::Int64(Int64Builder::new()),
            ParquetType::Float => ColumnBuilder::Float(Float32Builder::new()),
            ParquetType::Double => ColumnBuilder::Double(Float64Builder::new()),
            ParquetType::Decimal { precision, scale } => ColumnBuilder::Decimal(
                Decimal128Builder::new().with_precision_and_scale(precision, scale)?,
                precision,
                scale,
            ),
            ParquetType::Text => ColumnBuilder::Text(StringBuilder::new()),
            ParquetType::Bytes => ColumnBuilder::Bytes(BinaryBuilder::new()),
            ParquetType::TimestampMicros => {
                ColumnBuilder::Micros(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
        })
    }

    /// Adds a NULL.
    pub(crate) fn push_null(&mut self) {
        match self {
            ColumnBuilder::Boolean(builder) => builder.append_null(),
            ColumnBuilder::Int16(builder) => builder.append_null(),
            ColumnBuilder::Int32(builder) => builder.append_null(),
            ColumnBuilder::Int64(builder) => builder.append_null(),
            ColumnBuilder::Float(builder) => builder.append_null(),
            ColumnBuilder::Double(builder) => builder.append_null(),
            ColumnBuilder::Decimal(builder, ..) => builder.append_null(),
            ColumnBuilder::Text(builder) => builder.append_null(),
            ColumnBuilder::Bytes(builder) => builder.append_null(),
            ColumnBuilder::Micros(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Boolean(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int16(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int32(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int64(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Float(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Double(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Decimal(builder, ..) => Arc::new(builder.finish()),
            ColumnBuilder::Text(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Bytes(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Micros(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Rows of a table, kept column by column until they are enough for a batch.
pub(crate) struct BatchBuilder {
    schema: SchemaRef,
    cells: Vec<ColumnBuilder>,
    rows: usize,
    bytes: usize,
}

impl BatchBuilder {
    /// An empty builder for rows of this table.
    ///
    /// # Errors
    /// When Arrow does not support the precision of a decimal, which no type of a source has.
    pub(crate) fn new(table: &Table) -> Result<BatchBuilder, DatabaseError> {
        let cells = table
            .columns
            .iter()
            .map(|column| ColumnBuilder::new(column.source_type.parquet_type()));
        Ok(BatchBuilder {
            schema: table.arrow_schema(),
            cells: cells.collect::<Result<_, _>>()?,
            rows: 0,
            bytes: 0,
        })
    }

    /// The columns. Add one cell to each, then call [`BatchBuilder::finish_row`].
    pub(crate) fn columns(&mut self) -> &mut [ColumnBuilder] {
        &mut self.cells
    }

    /// Completes a row whose cells took this many bytes on the wire.
    pub(crate) fn finish_row(&mut self, bytes: usize) {
        self.rows += 1;
        self.bytes += bytes;
    }

    /// Number of rows since the last batch.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the batch has its maximum size.
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= ROWS_PER_BATCH || self.bytes >= BYTES_PER_BATCH
    }

    /// Takes the rows as a batch and empties the builder.
    ///
    /// # Errors
    /// When a column has more or fewer cells than the others.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, DatabaseError> {
        let columns = self.cells.iter_mut().map(ColumnBuilder::finish).collect();
        (self.rows, self.bytes) = (0, 0);
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}
