//! A table masked for one caller. Columns are masked in the table scan, before a filter, a join or a
//! function can read them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, StructArray,
};
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::plan_err;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::access::{AccessControl, ColumnAccess, Principal};
use crate::bigquery::catalog::{TableName, TableRows};
use crate::bigquery::schema::{Field, arrow_schema};
use crate::error::GoogleError;
use crate::masking::MaskingRule;

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
            ColumnAccess::Denied => Self::Denied(GoogleError::access_denied(format!(
                "Access denied: User does not have permission to access policy tag \"{}\" on column \
                 {path}.",
                access.tag_label(tag)
            ))),
            // The rule does not support the type: BigQuery fails the query.
            ColumnAccess::Masked(rule) if !rule.supports(field.arrow_field().data_type()) => {
                Self::Denied(GoogleError::invalid(format!(
                    "Data masking rule {} cannot be applied to column {path} of type {}.",
                    rule.name(),
                    field.field_type.name()
                )))
            }
            ColumnAccess::Masked(rule) => Self::Masked(rule),
        }
    }

    fn mask(&self, column: &ArrayRef, salt: &[u8]) -> Result<ArrayRef> {
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
                    .collect::<Result<Vec<_>>>()?;
                let fields = record.fields().clone();
                Ok(Arc::new(StructArray::try_new(fields, members, record.nulls().cloned())?))
            }
            Self::Denied(_) => plan_err!("a denied column was scanned"),
        }
    }
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
        Self { fields, views, rows, schema, salt }
    }

    /// A table without masking, such as a view of `INFORMATION_SCHEMA`.
    pub(crate) fn unmasked(fields: Vec<Field>, rows: TableRows) -> Self {
        let views = vec![ColumnView::Plain; fields.len()];
        let schema = arrow_schema(&fields);
        Self { fields, views, rows: Arc::new(rows), schema, salt: Vec::new() }
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

    /// Checks that the caller may read a column, plain or masked.
    pub(crate) fn check_readable(&self, column: usize) -> std::result::Result<(), GoogleError> {
        match self.views.get(column) {
            Some(ColumnView::Denied(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The rows of the given columns, masked.
    pub(crate) fn masked_batches(&self, columns: &[usize]) -> Result<Vec<RecordBatch>> {
        let schema: SchemaRef = Arc::new(Schema::new(
            columns.iter().map(|at| self.schema.field(*at).clone()).collect::<Vec<_>>(),
        ));
        self.rows
            .batches_with_schema(&schema)
            .into_iter()
            .map(|batch| {
                let masked = (columns.iter().zip(batch.columns()))
                    .map(|(at, column)| self.views[*at].mask(column, &self.salt))
                    .collect::<Result<Vec<_>>>()?;
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                Ok(RecordBatch::try_new_with_options(schema.clone(), masked, &options)?)
            })
            .collect()
    }
}

#[async_trait]
impl TableProvider for MaskedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.fields.len()).collect();
        let columns = projection.unwrap_or(&all);
        let batches = self.masked_batches(columns)?;
        let schema = Arc::new(self.schema.project(columns)?);
        Ok(MemorySourceConfig::try_new_exec(&[batches], schema, None)?)
    }
}
