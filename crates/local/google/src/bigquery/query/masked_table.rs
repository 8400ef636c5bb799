//! A table masked for one caller. Columns are masked in the table scan, before a filter, a join or a
//! function can read them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, RecordBatch, RecordBatchOptions, StructArray,
};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::access::{AccessControl, ColumnAccess, Principal};
use crate::bigquery::names::TableName;
use crate::bigquery::rows::TableRows;
use crate::bigquery::schema::{Field, FieldMode, FieldType, arrow_schema};
use crate::error::GoogleError;
use crate::masking::MaskingRule;
use crate::turned::is_turned;

/// How a caller may read one column.
#[derive(Clone, Debug)]
pub(crate) enum ColumnView {
    Plain,
    Masked(MaskingRule),
    /// A RECORD whose members have different views.
    Members(Vec<ColumnView>),
    /// Reading the column fails with this error.
    Denied(GoogleError),
}

impl ColumnView {
    /// How `caller` may read `field`. `path` is the column's full name for the error message.
    fn new(access: &AccessControl, caller: &Principal, field: &Field, path: &str) -> Self {
        if !field.fields.is_empty() {
            let members: Vec<_> = field
                .fields
                .iter()
                .map(|member| Self::new(access, caller, member, &format!("{path}.{}", member.name)))
                .collect();
            // A RECORD is always read as a whole, so one denied member denies the RECORD.
            let denied = members.iter().find(|it| matches!(it, Self::Denied(_)));
            return match denied {
                Some(denied) => denied.clone(),
                None if members.iter().all(|it| matches!(it, Self::Plain)) => Self::Plain,
                None => Self::Members(members),
            };
        }
        let Some(tag) = field.tag() else { return Self::Plain };
        match access.column_access(caller, tag) {
            ColumnAccess::Plain => Self::Plain,
            ColumnAccess::Denied if is_turned("neither-role-refused") => {
                Self::Masked(MaskingRule::AlwaysNull)
            }
            ColumnAccess::Denied => Self::Denied(GoogleError::access_denied(format!(
                "Access denied: User does not have permission to access policy tag \"{}\" on column \
                 {path}.",
                access.tag_label(tag)
            ))),
            ColumnAccess::Masked(rule) => match rule_for(rule, field) {
                Some(rule) => Self::Masked(rule),
                None if is_turned("mask-wrong-type-fails") && field.mode != FieldMode::Repeated => {
                    Self::Masked(MaskingRule::AlwaysNull)
                }
                // The rule does not support the type: BigQuery fails the query.
                None => Self::Denied(GoogleError::invalid(format!(
                    "Data masking rule {} cannot be applied to column {path} of type {}.",
                    rule.name(),
                    field.field_type.name()
                ))),
            },
        }
    }

    fn mask(&self, column: &ArrayRef, salt: &[u8]) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Plain => Ok(column.clone()),
            Self::Masked(rule) => Ok(rule.mask_column(column, salt)),
            Self::Members(views) => {
                if let Some(list) = column.as_list_opt::<i32>() {
                    let values = self.mask(list.values(), salt)?;
                    let (item, offsets) = (list.value_type(), list.offsets().clone());
                    let item = Arc::new(arrow::datatypes::Field::new_list_field(item, true));
                    return Ok(Arc::new(ListArray::try_new(
                        item,
                        offsets,
                        values,
                        list.nulls().cloned(),
                    )?));
                }
                let record = column.as_struct();
                let members = (views.iter().zip(record.columns()))
                    .map(|(view, member)| view.mask(member, salt))
                    .collect::<Result<Vec<_>, ArrowError>>()?;
                let fields = record.fields().clone();
                Ok(Arc::new(StructArray::try_new(fields, members, record.nulls().cloned())?))
            }
            Self::Denied(_) => {
                Err(ArrowError::InvalidArgumentError("a denied column was scanned".to_owned()))
            }
        }
    }
}

/// The rule that masks a column of this type; `None` if the rule does not support it.
fn rule_for(rule: MaskingRule, field: &Field) -> Option<MaskingRule> {
    let is_text = !matches!(field.field_type, FieldType::Json | FieldType::Geography);
    let is_single = field.mode != FieldMode::Repeated;
    match rule {
        // "JSON: NULL" (Data Policy discovery document v1, DEFAULT_MASKING_VALUE).
        MaskingRule::Default if field.field_type == FieldType::Json && is_single => {
            Some(MaskingRule::AlwaysNull)
        }
        MaskingRule::Default | MaskingRule::AlwaysNull => Some(rule),
        // These are stored as text, and are no STRING.
        _ => is_text.then_some(rule),
    }
    .filter(|it| it.supports(field.arrow_field().data_type()))
}

/// One version of a table, masked for one caller.
#[derive(Debug)]
pub(crate) struct MaskedTable {
    pub(crate) fields: Vec<Field>,
    views: Vec<ColumnView>,
    rows: Arc<TableRows>,
    schema: SchemaRef,
    /// The salt of `RANDOM_HASH`, different for each query.
    salt: Vec<u8>,
    /// The last columns that `SELECT *` leaves out.
    hidden_columns: usize,
    /// The bytes that were read to make these rows, if they are not a table's own.
    bytes_behind: Option<u64>,
}

impl MaskedTable {
    pub(crate) fn new(
        access: &AccessControl,
        caller: &Principal,
        name: &TableName,
        fields: Vec<Field>,
        rows: Arc<TableRows>,
        salt: Vec<u8>,
    ) -> Self {
        let path = format!("{}.{}.{}", name.project, name.dataset, name.table);
        let views = fields
            .iter()
            .map(|field| ColumnView::new(access, caller, field, &format!("{path}.{}", field.name)))
            .collect();
        let schema = arrow_schema(&fields);
        Self { fields, views, rows, schema, salt, hidden_columns: 0, bytes_behind: None }
    }

    /// A table without masking, such as a view of `INFORMATION_SCHEMA`.
    pub(crate) fn unmasked(fields: Vec<Field>, rows: TableRows) -> Self {
        let views = vec![ColumnView::Plain; fields.len()];
        let schema = arrow_schema(&fields);
        Self {
            fields,
            views,
            rows: Arc::new(rows),
            schema,
            salt: Vec::new(),
            hidden_columns: 0,
            bytes_behind: None,
        }
    }

    /// The same table, in which every column can be read, for a claim that is turned around.
    pub(super) fn all_plain(self) -> Self {
        Self { views: vec![ColumnView::Plain; self.fields.len()], ..self }
    }

    /// The same table with its last columns left out of `SELECT *`.
    pub(crate) fn with_hidden_columns(self, hidden_columns: usize) -> Self {
        Self { hidden_columns, ..self }
    }

    /// How many of the last columns `SELECT *` leaves out.
    pub(crate) fn hidden_columns(&self) -> usize {
        self.hidden_columns
    }

    /// The same table, of which a query counts `bytes` as read, whichever columns it reads.
    pub(super) fn with_bytes_behind(self, bytes: u64) -> Self {
        Self { bytes_behind: Some(bytes), ..self }
    }

    /// The same table, in which reading these columns fails.
    pub(super) fn with_refused(mut self, columns: &[(String, GoogleError)]) -> Self {
        for (name, error) in columns {
            let at = self.fields.iter().position(|it| it.name.eq_ignore_ascii_case(name));
            if let Some(view) = at.and_then(|at| self.views.get_mut(at)) {
                *view = ColumnView::Denied(error.clone());
            }
        }
        self
    }

    /// The same table with a column of row numbers behind its own, which `SELECT *` leaves out.
    pub(crate) fn numbered(self, row_number: &str) -> Result<Self, GoogleError> {
        let mut next = 0_i64;
        let mut columns_of = |batch: RecordBatch| {
            let end = next + i64::try_from(batch.num_rows()).unwrap_or(i64::MAX);
            let numbers = Arc::new(arrow::array::Int64Array::from_iter_values(next..end));
            next = end;
            let mut columns: Vec<(String, ArrayRef, bool)> = (batch.schema().fields().iter())
                .zip(batch.columns())
                .map(|(field, column)| (field.name().clone(), column.clone(), true))
                .collect();
            columns.push((row_number.to_owned(), numbers, true));
            RecordBatch::try_from_iter_with_nullable(columns)
        };
        let batches: Vec<RecordBatch> = (self.rows.batches_with_schema(&self.schema).into_iter())
            .map(&mut columns_of)
            .collect::<Result<_, _>>()
            .map_err(|_| {
                GoogleError::new(500, "internalError", "The table's rows could not be numbered.")
            })?;
        let Self { mut fields, mut views, hidden_columns, .. } = self;
        views.push(ColumnView::Plain);
        fields.push(Field::new(row_number, FieldType::Integer, FieldMode::Nullable));
        let (schema, rows) = (arrow_schema(&fields), Arc::new(TableRows::new(batches)));
        Ok(Self {
            fields,
            views,
            rows,
            schema,
            hidden_columns: hidden_columns + 1,
            salt: self.salt,
            bytes_behind: None,
        })
    }

    /// The same table with only the rows whose numbers are given.
    pub(crate) fn only_rows(&self, numbers: &BTreeSet<usize>) -> Result<Self, GoogleError> {
        let mut next = 0;
        let batches: Vec<RecordBatch> = (self.rows.batches_with_schema(&self.schema).into_iter())
            .map(|batch| {
                let first = next;
                next += batch.num_rows();
                let keep: BooleanArray =
                    (first..next).map(|row| Some(numbers.contains(&row))).collect();
                arrow::compute::filter_record_batch(&batch, &keep)
            })
            .collect::<Result<_, _>>()
            .map_err(|_| {
                GoogleError::new(500, "internalError", "The rows could not be selected.")
            })?;
        Ok(Self {
            fields: self.fields.clone(),
            views: self.views.clone(),
            rows: Arc::new(TableRows::new(batches)),
            schema: self.schema.clone(),
            salt: self.salt.clone(),
            hidden_columns: self.hidden_columns,
            bytes_behind: self.bytes_behind,
        })
    }

    /// Checks that the caller may read a column plainly.
    pub(crate) fn check_plain(&self, column: usize) -> Result<(), GoogleError> {
        match self.views.get(column) {
            Some(ColumnView::Denied(error)) => Err(error.clone()),
            None | Some(ColumnView::Plain) => Ok(()),
            Some(_) => Err(GoogleError::access_denied(format!(
                "Access Denied: User has only masked access to column {}. UPDATE, DELETE, MERGE, \
                 copies, wildcard tables and tabledata.list need the Fine-Grained Reader role on \
                 the columns that they read.",
                self.fields[column].name
            ))),
        }
    }

    /// How the caller may read each column.
    pub(crate) fn views(&self) -> &[ColumnView] {
        &self.views
    }

    pub(crate) fn row_count(&self) -> usize {
        usize::try_from(self.rows.row_count).unwrap_or(usize::MAX)
    }

    pub(crate) fn logical_bytes(&self) -> u64 {
        self.rows.logical_bytes
    }

    /// The logical size of a column's values in bytes; 0 if the table has no rows of its own.
    pub(super) fn bytes_of(&self, column: usize) -> u64 {
        match (self.bytes_behind, self.fields.get(column)) {
            (None, Some(field)) => self.rows.bytes_of(&field.name),
            _ => 0,
        }
    }

    /// The bytes that were read to make these rows; 0 for a table.
    pub(super) fn bytes_behind(&self) -> u64 {
        self.bytes_behind.unwrap_or_default()
    }

    /// Checks that the caller may read a column, plain or masked.
    pub(crate) fn check_readable(&self, column: usize) -> Result<(), GoogleError> {
        match self.views.get(column) {
            Some(ColumnView::Denied(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The rows of the given columns as they are, for a claim that is turned around.
    pub(super) fn plain_batches(&self, columns: &[usize]) -> Result<Vec<RecordBatch>, ArrowError> {
        let schema: SchemaRef = Arc::new(Schema::new(
            columns.iter().map(|at| self.schema.field(*at).clone()).collect::<Vec<_>>(),
        ));
        Ok(self.rows.batches_with_schema(&schema))
    }

    /// The rows of the given columns, masked.
    pub(crate) fn masked_batches(&self, columns: &[usize]) -> Result<Vec<RecordBatch>, ArrowError> {
        let schema: SchemaRef = Arc::new(Schema::new(
            columns.iter().map(|at| self.schema.field(*at).clone()).collect::<Vec<_>>(),
        ));
        self.rows
            .batches_with_schema(&schema)
            .into_iter()
            .map(|batch| {
                let masked = (columns.iter().zip(batch.columns()))
                    .map(|(at, column)| self.views[*at].mask(column, &self.salt))
                    .collect::<Result<Vec<_>, ArrowError>>()?;
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                RecordBatch::try_new_with_options(schema.clone(), masked, &options)
            })
            .collect()
    }
}
