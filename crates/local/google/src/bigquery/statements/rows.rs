//! Changes of a table's rows: coercion to the types of its columns, replaced cells, removed rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array,
};
use arrow::compute::{cast, concat, concat_batches, filter_record_batch, interleave};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};

use crate::bigquery::rows::TableRows;
use crate::bigquery::schema::{Field, FieldMode, FieldType, arrow_schema, is_same_name};
use crate::error::GoogleError;

/// Whether a value of one type can be stored in a column of another (GoogleSQL reference, "Conversion
/// rules", coercion).
pub(super) fn is_assignable(from: &Field, to: &Field) -> bool {
    use FieldType::{Bignumeric, Float, Integer, Numeric, Record};
    if (from.mode == FieldMode::Repeated) != (to.mode == FieldMode::Repeated) {
        return false;
    }
    match (from.field_type, to.field_type) {
        (Record, Record) => {
            from.fields.len() == to.fields.len()
                && from.fields.iter().zip(&to.fields).all(|(from, to)| is_assignable(from, to))
        }
        (one, other) if one == other => true,
        (Integer, Numeric | Bignumeric | Float) | (Numeric, Bignumeric | Float) => true,
        (Bignumeric, Float) => true,
        _ => false,
    }
}

/// # Errors
/// 400 unless values of `from` can be stored in the column `to`.
pub(super) fn check_assignable(from: &Field, to: &Field) -> Result<(), GoogleError> {
    if is_assignable(from, to) {
        return Ok(());
    }
    let (given, wanted) = (super::sql_type_name(from), super::sql_type_name(to));
    Err(GoogleError::invalid_query(format!(
        "Value has type {given} which cannot be inserted into column {}, which has type {wanted}",
        to.name
    )))
}

/// A batch with the columns of `to`, found by name; a column that the batch does not have is NULL.
pub(super) fn conformed(
    batch: &RecordBatch,
    from: &[Field],
    to: &[Field],
) -> Result<RecordBatch, GoogleError> {
    let columns = (to.iter())
        .map(|field| match from.iter().position(|it| is_same_name(&it.name, &field.name)) {
            Some(at) => assigned(batch.column(at), field),
            None => Ok(new_null_array(field.arrow_field().data_type(), batch.num_rows())),
        })
        .collect::<Result<Vec<_>, _>>()?;
    batch_of(&arrow_schema(to), columns, batch.num_rows())
}

/// A column of values as a column of a table.
pub(super) fn assigned(column: &ArrayRef, to: &Field) -> Result<ArrayRef, GoogleError> {
    let wanted = to.arrow_field().data_type().clone();
    let column = converted(column, &wanted).map_err(|_| {
        GoogleError::invalid_query(format!(
            "Query failed: a value does not fit column {} of type {}.",
            to.name,
            super::sql_type_name(to)
        ))
    })?;
    if to.mode == FieldMode::Required && column.null_count() > 0 {
        return Err(GoogleError::invalid_query(format!(
            "Required field {} cannot be null",
            to.name
        )));
    }
    check_length(&column, to)?;
    Ok(column)
}

/// STRING(n) and BYTES(n): "Parameterized data types".
fn check_length(column: &ArrayRef, field: &Field) -> Result<(), GoogleError> {
    let limit = field.properties.get("maxLength").and_then(crate::bigquery::settings::int64);
    let Some(limit) = limit.and_then(|it| usize::try_from(it).ok()) else { return Ok(()) };
    let longest = match column.data_type() {
        DataType::Utf8 => {
            column.as_string::<i32>().iter().flatten().map(|it| it.chars().count()).max()
        }
        DataType::Binary => column.as_binary::<i32>().iter().flatten().map(<[u8]>::len).max(),
        _ => None,
    };
    match longest {
        Some(length) if length > limit => Err(GoogleError::invalid_query(format!(
            "Query failed: a value of column {} is longer than its type {}({limit}) allows.",
            field.name,
            field.field_type.name()
        ))),
        _ => Ok(()),
    }
}

/// Converts a column to a type. Members of a STRUCT are found by position.
fn converted(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    if column.data_type() == to {
        return Ok(column.clone());
    }
    match (column.data_type(), to) {
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let record = column.as_struct();
            let members = (record.columns().iter().zip(fields))
                .map(|(member, field)| converted(member, field.data_type()))
                .collect::<Result<Vec<_>, _>>()?;
            let nulls = record.nulls().cloned();
            Ok(Arc::new(arrow::array::StructArray::try_new(fields.clone(), members, nulls)?))
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = column.as_list::<i32>();
            let values = converted(list.values(), item.data_type())?;
            Ok(Arc::new(arrow::array::ListArray::try_new(
                item.clone(),
                list.offsets().clone(),
                values,
                list.nulls().cloned(),
            )?))
        }
        _ => {
            let result = cast(column, to)?;
            // A cast of the engine turns a number outside the range into NULL.
            if result.null_count() > column.null_count() {
                return Err(arrow::error::ArrowError::CastError("out of range".to_owned()));
            }
            Ok(result)
        }
    }
}

fn batch_of(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, GoogleError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(internal_error)
}

fn internal_error<T>(_: T) -> GoogleError {
    GoogleError::new(500, "internalError", "The table's rows could not be changed.")
}

/// New values of some cells: `values[i]` is the new column `columns[i]`, of which row `n` belongs to
/// row `rows[n]` of the table.
#[derive(Clone)]
pub(super) struct Update {
    pub(super) columns: Vec<usize>,
    pub(super) rows: Vec<usize>,
    pub(super) values: Vec<ArrayRef>,
}

/// What a statement changes. Rows are numbered from 0, in the order of the table's batches.
#[derive(Clone, Default)]
pub(super) struct Changes {
    pub(super) updates: Vec<Update>,
    pub(super) deleted: BTreeSet<usize>,
    pub(super) inserted: Vec<RecordBatch>,
}

impl Changes {
    pub(super) fn updated_count(&self) -> usize {
        self.updates.iter().map(|it| it.rows.len()).sum()
    }

    pub(super) fn inserted_count(&self) -> usize {
        self.inserted.iter().map(RecordBatch::num_rows).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deleted.is_empty() && self.updated_count() == 0 && self.inserted_count() == 0
    }

    /// The rows after the changes.
    pub(super) fn apply(
        &self,
        rows: &TableRows,
        fields: &[Field],
    ) -> Result<TableRows, GoogleError> {
        let schema = arrow_schema(fields);
        if self.deleted.is_empty() && self.updates.is_empty() {
            let mut batches = rows.batches.clone();
            batches.extend(self.inserted.iter().filter(|it| it.num_rows() > 0).cloned());
            return Ok(TableRows::new(batches));
        }
        let batches = rows.batches_with_schema(&schema);
        let mut all = concat_batches(&schema, &batches).map_err(internal_error)?;
        for update in &self.updates {
            all = updated(&all, update)?;
        }
        if !self.deleted.is_empty() {
            let keep: BooleanArray =
                (0..all.num_rows()).map(|row| Some(!self.deleted.contains(&row))).collect();
            all = filter_record_batch(&all, &keep).map_err(internal_error)?;
        }
        let mut batches = vec![all];
        batches.extend(self.inserted.iter().cloned());
        batches.retain(|it| it.num_rows() > 0);
        Ok(TableRows::new(batches))
    }
}

fn updated(batch: &RecordBatch, update: &Update) -> Result<RecordBatch, GoogleError> {
    let mut sources: Vec<(usize, usize)> = (0..batch.num_rows()).map(|row| (0, row)).collect();
    for (at, row) in update.rows.iter().enumerate() {
        *sources.get_mut(*row).ok_or_else(|| internal_error(()))? = (1, at);
    }
    let mut columns = batch.columns().to_vec();
    for (at, values) in update.columns.iter().zip(&update.values) {
        let pair: [&dyn Array; 2] = [columns[*at].as_ref(), values.as_ref()];
        columns[*at] = interleave(&pair, &sources).map_err(internal_error)?;
    }
    batch_of(&batch.schema(), columns, batch.num_rows())
}

/// Column `at` of all batches as one array.
pub(super) fn whole_column(
    batches: &[RecordBatch],
    at: usize,
    ty: &DataType,
) -> Result<ArrayRef, GoogleError> {
    let columns: Vec<&dyn Array> = batches.iter().map(|it| it.column(at).as_ref()).collect();
    if columns.is_empty() {
        return Ok(new_null_array(ty, 0));
    }
    concat(&columns).map_err(internal_error)
}

/// The row numbers in column `at`. NULL is no row.
pub(super) fn row_numbers(batches: &[RecordBatch], at: usize) -> Result<Vec<usize>, GoogleError> {
    let column = whole_column(batches, at, &DataType::Int64)?;
    let numbers = column.as_primitive_opt::<Int64Type>().ok_or_else(|| internal_error(()))?;
    Ok(numbers.iter().flatten().filter_map(|it| usize::try_from(it).ok()).collect())
}
