//! Rows on their way to a batch.

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

/// Rows that are gathered before they go to the file.
const ROWS_PER_BATCH: usize = 8_192;
/// Bytes of text and binary cells that are gathered before they go to the file.
const BYTES_PER_BATCH: usize = 8_000_000;

/// The cells of one column.
pub(crate) enum Cells {
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

impl Cells {
    fn new(parquet_type: ParquetType) -> Result<Cells, DatabaseError> {
        Ok(match parquet_type {
            ParquetType::Boolean => Cells::Boolean(BooleanBuilder::new()),
            ParquetType::Int16 => Cells::Int16(Int16Builder::new()),
            ParquetType::Int32 => Cells::Int32(Int32Builder::new()),
            ParquetType::Int64 => Cells::Int64(Int64Builder::new()),
            ParquetType::Float => Cells::Float(Float32Builder::new()),
            ParquetType::Double => Cells::Double(Float64Builder::new()),
            ParquetType::Decimal { precision, scale } => Cells::Decimal(
                Decimal128Builder::new().with_precision_and_scale(precision, scale)?,
                precision,
                scale,
            ),
            ParquetType::Text => Cells::Text(StringBuilder::new()),
            ParquetType::Bytes => Cells::Bytes(BinaryBuilder::new()),
            ParquetType::TimestampMicros => {
                Cells::Micros(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
        })
    }

    /// Adds a NULL.
    pub(crate) fn push_null(&mut self) {
        match self {
            Cells::Boolean(builder) => builder.append_null(),
            Cells::Int16(builder) => builder.append_null(),
            Cells::Int32(builder) => builder.append_null(),
            Cells::Int64(builder) => builder.append_null(),
            Cells::Float(builder) => builder.append_null(),
            Cells::Double(builder) => builder.append_null(),
            Cells::Decimal(builder, ..) => builder.append_null(),
            Cells::Text(builder) => builder.append_null(),
            Cells::Bytes(builder) => builder.append_null(),
            Cells::Micros(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Cells::Boolean(builder) => Arc::new(builder.finish()),
            Cells::Int16(builder) => Arc::new(builder.finish()),
            Cells::Int32(builder) => Arc::new(builder.finish()),
            Cells::Int64(builder) => Arc::new(builder.finish()),
            Cells::Float(builder) => Arc::new(builder.finish()),
            Cells::Double(builder) => Arc::new(builder.finish()),
            Cells::Decimal(builder, ..) => Arc::new(builder.finish()),
            Cells::Text(builder) => Arc::new(builder.finish()),
            Cells::Bytes(builder) => Arc::new(builder.finish()),
            Cells::Micros(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Rows of a table, column by column, until they are enough for a batch.
pub(crate) struct Gathered {
    schema: SchemaRef,
    cells: Vec<Cells>,
    rows: usize,
    bytes: usize,
}

impl Gathered {
    /// Nothing yet of this table's rows.
    ///
    /// # Errors
    /// When a decimal has a precision that Arrow does not know; no type has.
    pub(crate) fn new(table: &Table) -> Result<Gathered, DatabaseError> {
        let cells =
            table.columns.iter().map(|column| Cells::new(column.source_type.parquet_type()));
        Ok(Gathered {
            schema: table.arrow_schema(),
            cells: cells.collect::<Result<_, _>>()?,
            rows: 0,
            bytes: 0,
        })
    }

    /// The columns, each of which must get one cell before [`Gathered::row_done`].
    pub(crate) fn columns(&mut self) -> &mut [Cells] {
        &mut self.cells
    }

    /// Counts a row whose cells took so many bytes on the wire.
    pub(crate) fn row_done(&mut self, bytes: usize) {
        self.rows += 1;
        self.bytes += bytes;
    }

    /// Rows gathered since the last batch.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether it is time for a batch.
    pub(crate) fn full(&self) -> bool {
        self.rows >= ROWS_PER_BATCH || self.bytes >= BYTES_PER_BATCH
    }

    /// The batch of all rows gathered; the next one begins empty.
    ///
    /// # Errors
    /// When a column got more or fewer cells than the others.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, DatabaseError> {
        let columns = self.cells.iter_mut().map(Cells::finish).collect();
        (self.rows, self.bytes) = (0, 0);
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}
