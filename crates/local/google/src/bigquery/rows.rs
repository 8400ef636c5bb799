//! The rows of a table in memory.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};

use super::ingestion::is_pseudo;

/// The rows of one version of a table. Batches may lack columns that were added later.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableRows {
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) row_count: u64,
    pub(crate) logical_bytes: u64,
}

impl TableRows {
    pub(crate) fn new(batches: Vec<RecordBatch>) -> Self {
        let row_count = batches.iter().map(|it| it.num_rows() as u64).sum();
        let bytes = |batch: &RecordBatch| -> u64 {
            let schema = batch.schema();
            let own = schema.fields().iter().zip(batch.columns());
            own.filter(|(field, _)| !is_pseudo(field.name())).map(|(_, it)| column_bytes(it)).sum()
        };
        let logical_bytes = batches.iter().map(bytes).sum();
        Self { batches, row_count, logical_bytes }
    }

    /// The logical size of a column in bytes.
    pub(crate) fn bytes_of(&self, column: &str) -> u64 {
        self.batches.iter().filter_map(|it| it.column_by_name(column)).map(column_bytes).sum()
    }

    /// The batches with the columns of `schema`, matched by name. A missing column is all NULL.
    pub(crate) fn batches_with_schema(&self, schema: &SchemaRef) -> Vec<RecordBatch> {
        let shape = |batch: &RecordBatch| {
            let columns = schema
                .fields()
                .iter()
                .map(|field| match batch.column_by_name(field.name()) {
                    Some(column) if column.data_type() == field.data_type() => column.clone(),
                    Some(column) => conform_column(column, field.data_type()),
                    None => new_null_array(field.data_type(), batch.num_rows()),
                })
                .collect();
            let options =
                arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        };
        self.batches.iter().filter_map(|batch| shape(batch).ok()).collect()
    }
}

/// Converts a column to a type. Members that were added to a RECORD are NULL.
fn conform_column(column: &ArrayRef, to: &DataType) -> ArrayRef {
    if let (Some(old), DataType::Struct(fields)) = (column.as_struct_opt(), to) {
        let members = fields
            .iter()
            .map(|field| match old.column_by_name(field.name()) {
                Some(member) if member.data_type() == field.data_type() => member.clone(),
                Some(member) => conform_column(member, field.data_type()),
                None => new_null_array(field.data_type(), old.len()),
            })
            .collect();
        return Arc::new(arrow::array::StructArray::new(
            fields.clone(),
            members,
            old.nulls().cloned(),
        ));
    }
    arrow::compute::cast(column, to).unwrap_or_else(|_| new_null_array(to, column.len()))
}

/// The logical size of a column in bytes (BigQuery's documentation, "Data type sizes").
fn column_bytes(column: &ArrayRef) -> u64 {
    let present = (column.len() - column.null_count()) as u64;
    match column.data_type() {
        DataType::Utf8 => {
            column.as_string::<i32>().iter().flatten().map(|it| 2 + it.len() as u64).sum()
        }
        DataType::Binary => {
            column.as_binary::<i32>().iter().flatten().map(|it| 2 + it.len() as u64).sum()
        }
        DataType::Boolean => present,
        DataType::Decimal128(..) => 16 * present,
        DataType::Decimal256(..) => 32 * present,
        DataType::List(_) => column_bytes(column.as_list::<i32>().values()),
        DataType::Struct(_) => column.as_struct().columns().iter().map(column_bytes).sum(),
        _ => 8 * present,
    }
}
