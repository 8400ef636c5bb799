//! A table as one caller sees it: masked columns are masked where they are scanned, before
//! a filter, a join or a function can look at them.

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

use crate::access::{Access, Principal, Sight};
use crate::bigquery::catalog::{Rows, TableName};
use crate::bigquery::schema::{Field, arrow_schema};
use crate::error::GoogleError;
use crate::masking::MaskingRule;

/// How a caller sees one column.
#[derive(Clone, Debug)]
pub(crate) enum View {
    Plain,
    Masked(MaskingRule),
    /// A RECORD whose members are seen each in their own way.
    Members(Vec<View>),
    /// The refusal that reading it comes to.
    Refused(GoogleError),
}

impl View {
    /// How `who` sees `field`. `path` is the column's full name for the refusal.
    fn of(access: &Access, who: &Principal, field: &Field, path: &str) -> Self {
        if !field.fields.is_empty() {
            let members: Vec<_> = field
                .fields
                .iter()
                .map(|member| Self::of(access, who, member, &format!("{path}.{}", member.name)))
                .collect();
            // A RECORD is read whole here, so that one refused member refuses it.
            let refused = members.iter().find(|it| matches!(it, Self::Refused(_)));
            return match refused {
                Some(refused) => refused.clone(),
                None if members.iter().all(|it| matches!(it, Self::Plain)) => Self::Plain,
                None => Self::Members(members),
            };
        }
        let Some(tag) = field.tag() else { return Self::Plain };
        match access.sight(who, tag) {
            Sight::Plain => Self::Plain,
            Sight::Denied => Self::Refused(GoogleError::access_denied(format!(
                "Access denied: User does not have permission to access policy tag \"{}\" on column \
                 {path}.",
                access.label(tag)
            ))),
            // What the rule cannot mask must not be shown: BigQuery fails the query.
            Sight::Masked(rule) if !rule.fits(field.arrow().data_type()) => {
                Self::Refused(GoogleError::invalid(format!(
                    "Data masking rule {} cannot be applied to column {path} of type {}.",
                    rule.name(),
                    field.kind.name()
                )))
            }
            Sight::Masked(rule) => Self::Masked(rule),
        }
    }

    fn apply(&self, column: &ArrayRef, salt: &[u8]) -> Result<ArrayRef> {
        match self {
            Self::Plain => Ok(column.clone()),
            Self::Masked(rule) => Ok(rule.apply(column, salt)),
            Self::Members(views) => {
                if let Some(list) = column.as_list_opt::<i32>() {
                    let values = self.apply(list.values(), salt)?;
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
                    .map(|(view, member)| view.apply(member, salt))
                    .collect::<Result<Vec<_>>>()?;
                let fields = record.fields().clone();
                Ok(Arc::new(StructArray::try_new(fields, members, record.nulls().cloned())?))
            }
            Self::Refused(_) => plan_err!("a refused column was scanned"),
        }
    }
}

/// One version of a table, in one caller's view.
#[derive(Debug)]
pub(crate) struct MaskedTable {
    pub(crate) fields: Vec<Field>,
    views: Vec<View>,
    rows: Arc<Rows>,
    schema: SchemaRef,
    /// Of `RANDOM_HASH`, one for each query.
    salt: Vec<u8>,
}

impl MaskedTable {
    pub(crate) fn new(
        access: &Access,
        who: &Principal,
        name: &TableName,
        fields: Vec<Field>,
        rows: Arc<Rows>,
        salt: Vec<u8>,
    ) -> Self {
        let path = format!("{}.{}.{}", name.project, name.dataset, name.table);
        let views = fields
            .iter()
            .map(|field| View::of(access, who, field, &format!("{path}.{}", field.name)))
            .collect();
        let schema = arrow_schema(&fields);
        Self { fields, views, rows, schema, salt }
    }

    /// A table that everybody sees whole, such as a view of the catalogue.
    pub(crate) fn open(fields: Vec<Field>, rows: Rows) -> Self {
        let views = vec![View::Plain; fields.len()];
        let schema = arrow_schema(&fields);
        Self { fields, views, rows: Arc::new(rows), schema, salt: Vec::new() }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.rows.bytes
    }

    /// Whether the caller may read a column at all.
    pub(crate) fn check(&self, column: usize) -> std::result::Result<(), GoogleError> {
        match self.views.get(column) {
            Some(View::Refused(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The rows of some columns, masked.
    pub(crate) fn read(&self, columns: &[usize]) -> Result<Vec<RecordBatch>> {
        let schema: SchemaRef = Arc::new(Schema::new(
            columns.iter().map(|at| self.schema.field(*at).clone()).collect::<Vec<_>>(),
        ));
        self.rows
            .shaped(&schema)
            .into_iter()
            .map(|batch| {
                let masked = (columns.iter().zip(batch.columns()))
                    .map(|(at, column)| self.views[*at].apply(column, &self.salt))
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
        let batches = self.read(columns)?;
        let schema = Arc::new(self.schema.project(columns)?);
        Ok(MemorySourceConfig::try_new_exec(&[batches], schema, None)?)
    }
}
