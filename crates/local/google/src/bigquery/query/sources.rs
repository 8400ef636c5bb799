//! The tables from which a query reads: tables, views, wildcard tables and `INFORMATION_SCHEMA`, each
//! as its caller sees it.
//!
//! A view runs with the rights of its reader: the reader needs a right on the tables behind it, unless
//! the view, or its dataset, is authorized on their dataset (Google's documentation, "Introduction to
//! views" and "Authorized views"). Policy tags and row access policies always apply to the reader.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::error::ArrowError;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::masked_table::MaskedTable;
use super::sql::TableSource;
use super::{QuerySpec, execution_error};
use crate::access::{AccessControl, Principal};
use crate::bigquery::BigQuery;
use crate::bigquery::catalog::{Table, View};
use crate::bigquery::names::TableName;
use crate::bigquery::rows::TableRows;
use crate::bigquery::schema::{Field, FieldMode, FieldType, find_field};
use crate::bigquery::statements::{query_text, quoted_name};
use crate::error::GoogleError;
use crate::turned::is_turned;

/// How many views may lie behind a view (Google's quotas, "Maximum nested view levels").
const MAX_NESTED_VIEWS: usize = 16;
/// The pseudo-column of a wildcard table.
const TABLE_SUFFIX: &str = "_TABLE_SUFFIX";

impl BigQuery {
    /// The table of a name in a FROM clause, masked for `caller`.
    ///
    /// # Errors
    /// 403 unless `caller` may read it, 404 if it does not exist, 400 for time travel where there is none.
    pub(super) fn source_table<'a>(
        &'a self,
        caller: &'a Principal,
        spec: &'a QuerySpec,
        source: &'a TableSource,
        salt: &'a [u8],
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Arc<MaskedTable>, GoogleError>> {
        async move {
            let (name, as_of) = match source {
                TableSource::InformationSchema { dataset, view } => {
                    return self.information_schema(caller, dataset, view).map(Arc::new);
                }
                TableSource::Table { name, as_of } => (name, as_of),
            };
            if let Some((_, table)) = spec.overlays.iter().find(|(it, _)| it == name) {
                return Ok(table.clone());
            }
            if name.table.eq_ignore_ascii_case("__TABLES__") {
                self.refuse_time_travel(name, as_of.as_deref())?;
                return self.meta_tables(caller, name).map(Arc::new);
            }
            self.authorize_read(caller, name, spec.through.as_ref())?;
            spec.referenced
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .insert(name.clone());
            if name.table.ends_with('*') {
                self.refuse_time_travel(name, as_of.as_deref())?;
                return self.wildcard_table(caller, name, salt).map(Arc::new);
            }
            let view = self.catalog().table(name).ok().and_then(|it| it.view.clone());
            if let Some(view) = view {
                self.refuse_time_travel(name, as_of.as_deref())?;
                return self.view_table(caller, spec, name, &view, dry_run).await.map(Arc::new);
            }
            match as_of {
                None if spec.through.is_some() && is_turned("view-tags-of-reader") => {
                    self.masked_table(caller, name, salt).map(|it| Arc::new(it.all_plain()))
                }
                None => self.masked_table(caller, name, salt).map(Arc::new),
                Some(at) => {
                    let at = self.instant(at, &spec.parameters).await?;
                    self.masked_table_as_of(caller, name, at, salt).map(Arc::new)
                }
            }
        }
        .boxed()
    }

    fn refuse_time_travel(&self, name: &TableName, as_of: Option<&str>) -> Result<(), GoogleError> {
        match as_of {
            None => Ok(()),
            Some(_) => Err(GoogleError::invalid(format!(
                "The local warehouse knows FOR SYSTEM_TIME AS OF for tables only; {name} is a view \
                 or a wildcard table."
            ))),
        }
    }

    /// Checks that `caller` may query a table, if `through` is given: through this view.
    pub(super) fn authorize_read(
        &self,
        caller: &Principal,
        name: &TableName,
        through: Option<&TableName>,
    ) -> Result<(), GoogleError> {
        let may_read = |access: &AccessControl| {
            let table = (name.dataset.as_str(), name.table.as_str());
            access.allows_on_table(caller, table, "bigquery.tables.getData")
        };
        let is_own = name.project == self.project;
        if is_own && self.with_access(may_read) {
            return Ok(());
        }
        if let Some(view) = through
            && is_own
            && let Ok(dataset) = self.catalog().dataset(&self.project, &name.dataset)
            && authorizes(dataset.properties.get("access"), view)
        {
            return Ok(());
        }
        Err(GoogleError::access_denied(format!(
            "Access Denied: Table {name}: User does not have permission to query table {name}, or \
             perhaps it does not exist."
        )))
    }

    /// The rows of a view for its reader.
    async fn view_table(
        &self,
        caller: &Principal,
        spec: &QuerySpec,
        name: &TableName,
        view: &View,
        dry_run: bool,
    ) -> Result<MaskedTable, GoogleError> {
        if spec.view_depth >= MAX_NESTED_VIEWS {
            return Err(GoogleError::invalid(format!(
                "View {name} has more than {MAX_NESTED_VIEWS} levels of views behind it."
            )));
        }
        let query = query_text(&view.query)?;
        let inner = |sql: String| QuerySpec {
            through: Some(name.clone()),
            plain_only: spec.plain_only,
            view_depth: spec.view_depth + 1,
            referenced: spec.referenced.clone(),
            ..QuerySpec::plain(&sql)
        };
        let error = match self.run_query(caller, &inner(query.clone()), dry_run).await {
            Ok(result) => {
                let bytes = result.bytes_processed;
                let fields = renamed(result.fields, view.columns.as_deref())?;
                let table = MaskedTable::unmasked(fields, TableRows::new(result.batches));
                return Ok(table.with_bytes_behind(bytes));
            }
            // A renamed column cannot be selected by the name that the reader knows.
            Err(error) if error.status != 403 || view.columns.is_some() => return Err(error),
            Err(error) if is_turned("view-only-read-columns") => return Err(error),
            Err(error) => error,
        };
        // Some column is refused. A query may still read the others, as it may of a table.
        let fields = self.catalog().table(name)?.fields.clone();
        let mut refused = Vec::new();
        let mut readable = Vec::new();
        for field in &fields {
            let column = quoted_name(&field.name);
            let probe = inner(format!("SELECT {column} FROM (\n{query}\n)"));
            match self.run_query(caller, &probe, true).await {
                Ok(_) => readable.push(column),
                Err(error) => refused.push((field.name.clone(), error)),
            }
        }
        if readable.is_empty() {
            return Err(error);
        }
        let select = format!("SELECT {} FROM (\n{query}\n)", readable.join(", "));
        let result = self.run_query(caller, &inner(select), dry_run).await?;
        let fields = (fields.into_iter())
            .map(|it| find_field(&result.fields, &it.name).cloned().unwrap_or(it))
            .collect();
        let table = MaskedTable::unmasked(fields, TableRows::new(result.batches));
        Ok(table.with_bytes_behind(result.bytes_processed).with_refused(&refused))
    }

    /// All tables whose names begin with the text before `*`, with the schema of the table that was
    /// created last (Google's documentation, "Query multiple tables using a wildcard table").
    fn wildcard_table(
        &self,
        caller: &Principal,
        name: &TableName,
        salt: &[u8],
    ) -> Result<MaskedTable, GoogleError> {
        let prefix = name.table.trim_end_matches('*');
        let tables: Vec<(String, Table)> = {
            let catalog = self.catalog();
            let dataset = catalog.dataset(&name.project, &name.dataset)?;
            let matching = dataset.tables.iter().filter(|(id, _)| id.starts_with(prefix));
            matching.map(|(id, table)| (id.clone(), table.clone())).collect()
        };
        if let Some((id, _)) = tables.iter().find(|(_, table)| table.view.is_some()) {
            return Err(GoogleError::invalid(format!(
                "Views cannot be queried through prefix. First view {}:{}.{id}.",
                name.project, name.dataset
            )));
        }
        let Some((_, newest)) = tables.iter().max_by_key(|(_, table)| table.created()) else {
            return Err(GoogleError::not_found(format!("{name} does not match any table.")));
        };
        let fields = newest.fields.clone();
        let (mut refused, mut batches, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (id, table) in &tables {
            let own = TableName::new(&name.project, &name.dataset, id);
            let rows = table.row_access.rows_for(caller, &table.rows);
            bytes += rows.logical_bytes;
            let table_fields = table.fields.clone();
            let masked = self.with_access(|it| {
                MaskedTable::new(it, caller, &own, table_fields, rows, salt.to_vec())
            });
            let mut columns = Vec::new();
            for field in &fields {
                let Some(at) =
                    masked.fields.iter().position(|it| it.name.eq_ignore_ascii_case(&field.name))
                else {
                    continue;
                };
                let found = &masked.fields[at];
                if (found.field_type, found.mode == FieldMode::Repeated)
                    != (field.field_type, field.mode == FieldMode::Repeated)
                {
                    return Err(GoogleError::invalid(format!(
                        "Cannot read field '{}' of type {} as {} in table {own}",
                        field.name,
                        found.field_type.name(),
                        field.field_type.name()
                    )));
                }
                // Masked access is not enough (Google's documentation, "Introduction to data
                // masking": "Full access is required to all the referenced columns on all of the
                // tables matching the wildcard query").
                match masked.check_plain(at) {
                    Ok(()) => columns.push(at),
                    Err(error) => refused.push((field.name.clone(), error)),
                }
            }
            let suffix = &id[prefix.len()..];
            for batch in masked.masked_batches(&columns).map_err(execution_error)? {
                batches.push(with_suffix(&batch, &fields, suffix).map_err(execution_error)?);
            }
        }
        let mut fields = fields;
        fields.push(Field::new(TABLE_SUFFIX, FieldType::String, FieldMode::Nullable));
        let table = MaskedTable::unmasked(fields, TableRows::new(batches));
        Ok(table.with_bytes_behind(bytes).with_refused(&refused).with_hidden_columns(1))
    }
}

/// A batch with the suffix column behind it, and its columns named as in `fields`.
fn with_suffix(
    batch: &RecordBatch,
    fields: &[Field],
    suffix: &str,
) -> Result<RecordBatch, ArrowError> {
    let mut columns: Vec<(String, ArrayRef, bool)> = (batch.schema().fields().iter())
        .zip(batch.columns())
        .map(|(field, column)| {
            let name = find_field(fields, field.name()).map_or(field.name(), |it| &it.name);
            (name.clone(), column.clone(), true)
        })
        .collect();
    let suffixes: ArrayRef = Arc::new(StringArray::from(vec![suffix; batch.num_rows()]));
    columns.push((TABLE_SUFFIX.to_owned(), suffixes, true));
    RecordBatch::try_from_iter_with_nullable(columns)
}

/// The fields with other names.
fn renamed(mut fields: Vec<Field>, names: Option<&[String]>) -> Result<Vec<Field>, GoogleError> {
    let Some(names) = names else { return Ok(fields) };
    if names.len() != fields.len() {
        return Err(GoogleError::invalid_query(format!(
            "The view has {} column names, but its query has {} columns.",
            names.len(),
            fields.len()
        )));
    }
    for (field, name) in fields.iter_mut().zip(names) {
        field.name.clone_from(name);
    }
    Ok(fields)
}

/// Whether the access list of a dataset authorizes a view: the view itself, or the views of its
/// dataset (`DatasetAccessEntry` with `targetTypes`).
fn authorizes(access: Option<&Value>, view: &TableName) -> bool {
    let entries = access.and_then(Value::as_array).into_iter().flatten();
    let is = |value: Option<&Value>, want: &str| value.and_then(Value::as_str) == Some(want);
    entries.into_iter().any(|entry| {
        let of_view = |reference: &Value| {
            is(reference.get("projectId"), &view.project)
                && is(reference.get("datasetId"), &view.dataset)
        };
        let by_view = entry.get("view").is_some_and(|it| view.is_reference(it));
        let by_dataset = entry.get("dataset").is_some_and(|it| {
            let targets = it.get("targetTypes").and_then(Value::as_array);
            it.get("dataset").is_some_and(of_view)
                && targets.into_iter().flatten().any(|it| it.as_str() == Some("VIEWS"))
        });
        by_view || by_dataset
    })
}
