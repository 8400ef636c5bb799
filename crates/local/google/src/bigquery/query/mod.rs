//! Queries: runs GoogleSQL over tables that are masked for the caller.
//!
//! | module | what |
//! |---|---|
//! | `googlesql` | the engine: from a query's text to rows |
//! | `sql` | the tables that a query names |
//! | `parameters` | query parameters |
//! | `sources` | the tables, views and wildcard tables from which a query reads |
//! | `masked_table` | a table masked for one caller |
//! | `time_travel` | `FOR SYSTEM_TIME AS OF` |
//! | `information_schema` | `INFORMATION_SCHEMA` views |
//! | `partitions` | the rows of the view PARTITIONS |
//! | `cells` | query results in the REST API's form |

pub(crate) mod cells;
pub(crate) mod googlesql;
mod information_schema;
pub(crate) mod masked_table;
pub(crate) mod parameters;
mod partitions;
mod sources;
mod sql;
mod time_travel;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use arrow::error::ArrowError;
use jiff::Timestamp;
use serde_json::Value;

pub use googlesql::QueryLimits;

use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::bigquery::job::QueryResult;
use crate::bigquery::load::ExternalTable;
use crate::bigquery::names::TableName;
use crate::bigquery::schema::Field;
use crate::bigquery::tables::LATE_TAGS;
use crate::error::GoogleError;
use crate::turned::is_turned;
use masked_table::MaskedTable;
use parameters::Parameter;
use sql::TableSource;

/// A query with its default dataset and parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct QuerySpec {
    pub(crate) sql: String,
    pub(crate) default_dataset: Option<(String, String)>,
    pub(crate) parameters: Vec<Parameter>,
    /// Functions that the statement or script defines.
    pub(crate) functions: Vec<googlesql::UserFunction>,
    /// Tables that exist for this query only. They are found before tables of the catalog.
    pub(crate) overlays: Vec<(TableName, Arc<MaskedTable>)>,
    /// Tables over files that exist for this query only, by their one-part names.
    pub(in crate::bigquery) external: Arc<Vec<ExternalTable>>,
    /// Whether the query may read only what the caller may read without a mask.
    pub(crate) plain_only: bool,
    /// The view whose query this is.
    pub(crate) through: Option<TableName>,
    /// The temporary tables of the script to which the query belongs.
    pub(crate) temporary: Option<crate::bigquery::temporary::TemporaryTables>,
    /// How many views lie between the caller's query and this one.
    pub(crate) view_depth: usize,
    /// The tables and views that the query and its views read, once it has run.
    pub(crate) referenced: Arc<std::sync::Mutex<std::collections::BTreeSet<TableName>>>,
}

impl QuerySpec {
    /// A query without a default dataset or parameters.
    pub(crate) fn plain(sql: &str) -> Self {
        Self { sql: sql.to_owned(), ..Self::default() }
    }

    /// "Referenced tables for the job" (BigQuery v2, `JobStatistics2`).
    pub(crate) fn referenced_tables(&self) -> Value {
        let tables = self.referenced.lock().unwrap_or_else(PoisonError::into_inner);
        tables.iter().map(TableName::reference).collect()
    }

    /// Another query with the same default dataset, parameters and tables.
    pub(crate) fn with_sql(&self, sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), ..self.clone() }
    }

    /// The table over files that a name means, if there is one.
    fn external_table(&self, name: &googlesql::TableRef) -> Option<&ExternalTable> {
        let [only] = name.path.as_slice() else { return None };
        self.external.iter().find(|it| it.name == *only && name.as_of.is_none())
    }

    /// Parses a query request or the configuration of a query job.
    pub(crate) fn parse(body: &Value, project: &str) -> Result<Self, GoogleError> {
        let sql = body.get("query").and_then(Value::as_str).filter(|it| !it.is_empty());
        let sql = sql.ok_or_else(|| {
            GoogleError::new(400, "required", "Required parameter is missing: query")
        })?;
        // Google's default is legacy SQL, but every client sends `false`.
        if body.get("useLegacySql").and_then(Value::as_bool) == Some(true) {
            return Err(GoogleError::invalid("Legacy SQL is not supported by this server."));
        }
        let default = body.get("defaultDataset");
        let text = |key: &str| default.and_then(|it| it.get(key)).and_then(Value::as_str);
        let default_dataset = text("datasetId")
            .map(|dataset| (text("projectId").unwrap_or(project).to_owned(), dataset.to_owned()));
        Ok(Self {
            sql: sql.to_owned(),
            default_dataset,
            parameters: Parameter::parse_all(body)?,
            external: Arc::new(ExternalTable::parse_all(body, project)?),
            ..Self::default()
        })
    }
}

impl BigQuery {
    /// Runs a SELECT statement as `caller`. A dry run only plans it and checks the caller's permissions.
    pub(crate) async fn run_query(
        &self,
        caller: &Principal,
        spec: &QuerySpec,
        dry_run: bool,
    ) -> Result<QueryResult, GoogleError> {
        let now = self.clock.now();
        let query = googlesql::parse(&spec.sql)?;
        let salt = next_salt();
        let (mut tables, mut bound) = (Vec::new(), Vec::new());
        for name in googlesql::table_refs(&query) {
            let table = match spec.external_table(&name) {
                Some(external) => Arc::new(self.external_table(caller, external)?),
                None => {
                    let source = self.table_source(spec, &name)?;
                    self.source_table(caller, spec, &source, &salt, dry_run).await?
                }
            };
            bound.push(googlesql::BoundTable::new(name, &table.fields, table.hidden_columns()));
            tables.push(table);
        }
        let mut parameters = bound_parameters(&spec.parameters, now)?;
        parameters.push(googlesql::Parameter::session_user(&caller.email));
        let query = googlesql::BoundQuery::new(&query, &bound, &parameters, &spec.functions)?;
        let mut bytes_processed = 0;
        for (table, columns) in tables.iter().zip(&query.columns_read) {
            for column in columns {
                if spec.plain_only && !is_turned("dml-needs-plain-rights") {
                    table.check_plain(*column)?;
                } else {
                    table.check_readable(*column)?;
                }
                bytes_processed += table.bytes_of(*column);
            }
            bytes_processed += table.bytes_behind();
        }
        let fields = query.fields.clone();
        if dry_run {
            return Ok(QueryResult { fields, batches: Vec::new(), bytes_processed });
        }
        let mut data = Vec::new();
        for (table, columns) in tables.iter().zip(&query.columns_read) {
            let columns: Vec<usize> = columns.iter().copied().collect();
            let plain = is_turned("mask-before-everything") && spec.sql.contains(" WHERE ");
            let batches = match plain {
                true => table.plain_batches(&columns),
                false => table.masked_batches(&columns),
            };
            let batches = batches.map_err(execution_error)?;
            data.push(googlesql::TableData::new(&table.fields, columns, batches));
        }
        let limits = self.query_limits;
        let run = tokio::task::spawn_blocking(move || query.run(&data, now, limits)).await;
        let rows = run.map_err(|_| {
            GoogleError::new(500, "internalError", "The query's thread could not run.")
        })??;
        Ok(QueryResult { fields, batches: vec![rows], bytes_processed })
    }

    /// What a name in a FROM clause refers to.
    fn table_source(
        &self,
        spec: &QuerySpec,
        name: &googlesql::TableRef,
    ) -> Result<TableSource, GoogleError> {
        let temporary = spec.temporary.as_ref();
        match temporary.and_then(|it| it.find(&name.path, &self.project)) {
            Some(table) => Ok(TableSource::Table { name: table, as_of: name.as_of.clone() }),
            None => TableSource::resolve(name, &self.project, spec.default_dataset.as_ref()),
        }
    }

    /// A table masked for `caller`, who may read its dataset.
    ///
    /// # Errors
    /// 404 for an unknown table.
    fn masked_table(
        &self,
        caller: &Principal,
        name: &TableName,
        salt: &[u8],
    ) -> Result<MaskedTable, GoogleError> {
        let (fields, rows) = {
            let catalog = self.catalog();
            let table = catalog.table(name).map_err(|error| self.in_location(error))?;
            let late = table.properties.contains_key(LATE_TAGS);
            let fields = table.stored_fields();
            let fields = if late { without_tags(&fields) } else { fields };
            let hidden = fields.len() - table.fields.len();
            ((fields, hidden), table.row_access.rows_for(caller, &table.rows))
        };
        let (fields, hidden) = fields;
        let masked =
            self.with_access(|it| MaskedTable::new(it, caller, name, fields, rows, salt.to_vec()));
        Ok(masked.with_hidden_columns(hidden))
    }

    /// One version of a table's rows, masked for `caller` with the tags as they are now.
    ///
    /// # Errors
    /// 403 unless `caller` may read the dataset, 404 for an unknown table or version.
    pub(crate) fn masked_version(
        &self,
        caller: &Principal,
        name: &TableName,
        number: u64,
    ) -> Result<MaskedTable, GoogleError> {
        self.authorize_read(caller, name, None)?;
        let now = self.clock.now();
        let (version, rows) = {
            let mut catalog = self.catalog();
            let table = catalog.table_in_window(name, now)?;
            let version = table.version_with_number(number).ok_or_else(|| {
                GoogleError::not_found(format!("Not found: version {number} of table {name}"))
            })?;
            if version.replaced_at.is_some() {
                self.authorize_time_travel(caller, name, table)?;
            }
            let rows = table.row_access.rows_for(caller, &version.rows);
            (version, rows)
        };
        Ok(self.with_access(|it| {
            MaskedTable::new(it, caller, name, version.fields, rows, next_salt())
        }))
    }

    /// The error of a query for a table that was not found.
    fn in_location(&self, error: GoogleError) -> GoogleError {
        let message = format!("{} was not found in location {}", error.message, self.location);
        GoogleError { message, ..error }
    }

    /// The rows of a table masked for `caller`: all columns, or the `selected` ones (comma-separated
    /// names).
    pub(crate) fn read_table(
        &self,
        caller: &Principal,
        name: &TableName,
        selected: Option<&str>,
    ) -> Result<QueryResult, GoogleError> {
        self.authorize_read(caller, name, None)?;
        if self.catalog().table(name).is_ok_and(|it| it.view.is_some()) {
            return Err(GoogleError::invalid("Cannot list a table of type VIEW."));
        }
        let table = self.masked_table(caller, name, &next_salt())?;
        let selected_names: Option<Vec<&str>> =
            selected.map(|it| it.split(',').map(str::trim).collect());
        let columns: Vec<usize> = (0..table.fields.len())
            .filter(|at| {
                let name = &table.fields[*at].name;
                selected_names
                    .as_ref()
                    .is_none_or(|it| it.iter().any(|selected| selected.eq_ignore_ascii_case(name)))
            })
            .collect();
        // Masked access is not enough (Google's documentation, "Introduction to data masking",
        // compatibility with tabledata.list).
        for column in &columns {
            match is_turned("masked-reader-needs-plain-access") {
                true => table.check_readable(*column)?,
                false => table.check_plain(*column)?,
            }
        }
        Ok(QueryResult {
            fields: columns.iter().map(|at| table.fields[*at].clone()).collect(),
            batches: table.masked_batches(&columns).map_err(execution_error)?,
            bytes_processed: table.logical_bytes(),
        })
    }
}

/// The fields without their tags.
fn without_tags(fields: &[Field]) -> Vec<Field> {
    fields.iter().map(|it| Field { tags: None, ..it.clone() }).collect()
}

/// A different salt for each query. It is predictable, which is sufficient for a local server.
fn next_salt() -> Vec<u8> {
    static QUERIES: AtomicU64 = AtomicU64::new(0);
    QUERIES.fetch_add(1, Ordering::Relaxed).to_be_bytes().to_vec()
}

/// The parameters with their values.
fn bound_parameters(
    parameters: &[Parameter],
    now: Timestamp,
) -> Result<Vec<googlesql::Parameter>, GoogleError> {
    let bind = |it: &Parameter| googlesql::Parameter::new(it.name.as_deref(), &it.sql, now);
    parameters.iter().map(bind).collect()
}

/// An error of masking. Its message may quote a cell, so it is left out.
fn execution_error(_: ArrowError) -> GoogleError {
    GoogleError::new(500, "internalError", "The rows of a table could not be read.")
}
