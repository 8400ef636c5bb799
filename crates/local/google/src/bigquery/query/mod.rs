//! Queries: runs BigQuery's SQL in an embedded engine (DataFusion) over tables that are masked for
//! the caller.
//!
//! | module | what |
//! |---|---|
//! | `sql` | translation of BigQuery's dialect to the engine's |
//! | `functions` | translation of functions, types and operators |
//! | `own_functions` | functions that the engine has for a part of BigQuery's types only |
//! | `parameters` | query parameters |
//! | `sources` | the tables, views and wildcard tables from which a query reads |
//! | `masked_table` | a table masked for one caller |
//! | `time_travel` | `FOR SYSTEM_TIME AS OF` |
//! | `information_schema` | `INFORMATION_SCHEMA` views |
//! | `cells` | query results in the REST API's form |

pub(crate) mod cells;
mod functions;
mod information_schema;
pub(crate) mod masked_table;
mod own_functions;
pub(crate) mod parameters;
mod sources;
mod sql;
mod time_travel;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::{Optimizer, OptimizerContext};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use serde_json::Value;

use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::bigquery::catalog::TableName;
use crate::bigquery::job::QueryResult;
use crate::error::GoogleError;
use masked_table::MaskedTable;
use parameters::Parameter;
use sql::Statement;

/// A query with its default dataset and parameters.
#[derive(Clone, Debug, Default)]
pub(crate) struct QuerySpec {
    pub(crate) sql: String,
    pub(crate) default_dataset: Option<(String, String)>,
    pub(crate) parameters: Vec<Parameter>,
    /// Tables that exist for this query only. They are found before those of the catalog.
    pub(crate) overlays: Vec<(TableName, Arc<MaskedTable>)>,
    /// Whether the query may read only what the caller may read without a mask.
    pub(crate) plain_only: bool,
    /// The view whose query this is.
    pub(crate) through: Option<TableName>,
    /// How many views lie between the caller's query and this one.
    pub(crate) view_depth: usize,
}

impl QuerySpec {
    /// A query without a default dataset or parameters.
    pub(crate) fn plain(sql: &str) -> Self {
        Self { sql: sql.to_owned(), ..Self::default() }
    }

    /// Another query with the same default dataset, parameters and tables.
    pub(crate) fn with_sql(&self, sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), ..self.clone() }
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
        let mut statement = Statement::parse(&spec.sql)?;
        let sources = statement.resolve_tables(&self.project, spec.default_dataset.as_ref())?;
        let salt = next_salt();
        let mut tables = Vec::new();
        for source in &sources {
            tables.push(self.source_table(caller, spec, source, &salt, dry_run).await?);
        }
        statement.rewrite(&tables, &spec.parameters, self.clock.now())?;
        let state = session_state()?;
        let context = SessionContext::new_with_state(state);
        for (at, table) in tables.iter().enumerate() {
            context.register_table(sql::table_alias(at), table.clone()).map_err(planning_error)?;
        }
        functions::register_division(&context);
        own_functions::register(&context);
        let state = context.state();
        let plan = state.statement_to_plan(statement.into_inner()).await.map_err(planning_error)?;
        let columns_read = find_columns_read(&state, &plan)?;
        let mut bytes_processed = 0;
        for (at, table) in tables.iter().enumerate() {
            for column in (0..table.fields.len()).filter(|it| columns_read.contains(&(at, *it))) {
                if spec.plain_only {
                    table.check_plain(column)?;
                } else {
                    table.check_readable(column)?;
                }
                bytes_processed += table.bytes_of(column);
            }
            bytes_processed += table.bytes_behind();
        }
        let fields = cells::result_fields(plan.schema().as_arrow())?;
        if dry_run {
            return Ok(QueryResult { fields, batches: Vec::new(), bytes_processed });
        }
        let engine_batches =
            DataFrame::new(state, plan).collect().await.map_err(execution_error)?;
        let batches = engine_batches
            .iter()
            .map(|batch| cells::normalize_batch(&fields, batch))
            .collect::<Result<_, _>>()?;
        Ok(QueryResult { fields, batches, bytes_processed })
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
            (table.fields.clone(), table.row_access.rows_for(caller, &table.rows))
        };
        Ok(self.with_access(|it| MaskedTable::new(it, caller, name, fields, rows, salt.to_vec())))
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
        for column in &columns {
            table.check_readable(*column)?;
        }
        Ok(QueryResult {
            fields: columns.iter().map(|at| table.fields[*at].clone()).collect(),
            batches: table.masked_batches(&columns).map_err(execution_error)?,
            bytes_processed: table.logical_bytes(),
        })
    }
}

/// A different salt for each query. It is predictable, which is sufficient for a local server.
fn next_salt() -> Vec<u8> {
    static QUERIES: AtomicU64 = AtomicU64::new(0);
    QUERIES.fetch_add(1, Ordering::Relaxed).to_be_bytes().to_vec()
}

fn session_state() -> Result<SessionState, GoogleError> {
    let mut config = SessionConfig::new().with_target_partitions(2).with_information_schema(false);
    let options = config.options_mut();
    // Column names already have the tables' spelling, so they must not be changed to lower case.
    for (key, value) in [
        ("datafusion.sql_parser.enable_ident_normalization", "false"),
        ("datafusion.sql_parser.map_string_types_to_utf8view", "false"),
        // BigQuery sorts NULL before all values.
        ("datafusion.sql_parser.default_null_ordering", "nulls_min"),
        ("datafusion.sql_parser.dialect", "bigquery"),
        // TIMESTAMP is an instant.
        ("datafusion.execution.time_zone", "+00:00"),
    ] {
        options.set(key, value).map_err(planning_error)?;
    }
    Ok(SessionStateBuilder::new().with_config(config).with_default_features().build())
}

/// The columns that a query reads, as (table, column) indices. They are the columns that the final
/// plan scans and those that the statement needs before other optimizations, so that `LIMIT 0` gives
/// no access to a column. Of `SELECT *` in a subquery only the columns that are used count.
fn find_columns_read(
    state: &SessionState,
    plan: &LogicalPlan,
) -> Result<BTreeSet<(usize, usize)>, GoogleError> {
    let mut columns_read = BTreeSet::new();
    add_scanned_columns(&state.optimize(plan).map_err(planning_error)?, &mut columns_read)?;
    if !has_correlated_subquery(plan)? {
        let analyzed = state
            .analyzer()
            .execute_and_check(plan.clone(), state.config_options(), |_, _| {})
            .map_err(planning_error)?;
        let pruned = Optimizer::with_rules(vec![Arc::new(OptimizeProjections::new())])
            .optimize(analyzed, &OptimizerContext::new(), |_, _| {})
            .map_err(planning_error)?;
        add_scanned_columns(&pruned, &mut columns_read)?;
    }
    Ok(columns_read)
}

fn add_scanned_columns(
    plan: &LogicalPlan,
    columns_read: &mut BTreeSet<(usize, usize)>,
) -> Result<(), GoogleError> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(at) = sql::table_of_alias(scan.table_name.table())
        {
            let all = 0..scan.source.schema().fields().len();
            let columns = scan.projection.clone().unwrap_or_else(|| all.collect());
            columns_read.extend(columns.into_iter().map(|column| (at, column)));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map(|_| ())
    .map_err(planning_error)
}

/// Whether a subquery refers to columns of an outer query. Only the complete optimizer can prune the
/// columns of such a query.
fn has_correlated_subquery(plan: &LogicalPlan) -> Result<bool, GoogleError> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                found |= matches!(part, Expr::OuterReferenceColumn(..));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(planning_error)?;
    Ok(found)
}

/// An error of parsing or planning. Its message can only contain parts of the statement and names.
fn planning_error(error: DataFusionError) -> GoogleError {
    let text = error.strip_backtrace();
    let first = text.lines().next().unwrap_or_default();
    GoogleError::invalid_query(format!("Query could not be planned: {first}"))
}

/// An error of execution. The engine's message may quote a cell, so it is left out.
fn execution_error(error: DataFusionError) -> GoogleError {
    let what = match error.find_root() {
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            arrow::error::ArrowError::DivideByZero => "division by zero",
            arrow::error::ArrowError::CastError(_) | arrow::error::ArrowError::ParseError(_) => {
                "a value could not be converted to the requested type"
            }
            arrow::error::ArrowError::ArithmeticOverflow(_) => "a number is too large for its type",
            _ => "the engine stopped",
        },
        DataFusionError::ResourcesExhausted(_) => "resources exceeded",
        _ => "the engine stopped",
    };
    GoogleError::invalid_query(format!("Query failed: {what}."))
}
