//! GoogleSQL: an engine for queries that gives BigQuery's answer or says no.
//!
//! A statement becomes tokens (`lexer`), a syntax tree (`parser`, `ast`), a plan with types
//! (`analyze`, `plan`) and rows (`exec`, `eval`). A function, type or piece of syntax that the tables
//! and matches of these modules do not name is refused; nothing is passed through.
//!
//! | module | what |
//! |---|---|
//! | `types`, `value`, `numeric`, `interval` | types and values |
//! | `functions`, `aggregates`, `window_functions` | the allow-list |
//! | `special_calls` | functions that the analysis turns into expressions of their own |
//! | `calendar` | days, times and zones |
//! | `signature`, `casts` | conversions |
//! | `prune` | the columns that a query reads, for access control |
//! | `optimize` | subqueries that run once, indexes and hash joins |
//!
//! The semantics follow the GoogleSQL reference
//! (<https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax>).

mod aggregates;
mod analyze;
mod ast;
mod calendar;
mod casts;
#[cfg(test)]
mod catalogue;
mod error;
mod eval;
mod exec;
mod functions;
mod interval;
mod lexer;
mod numeric;
mod optimize;
mod parser;
mod plan;
mod prune;
mod signature;
mod special_calls;
mod tables;
#[cfg(test)]
mod tests;
mod types;
mod user_function;
mod value;
mod window_functions;

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use jiff::Timestamp;

use crate::bigquery::schema::Field;
use crate::error::GoogleError;
use crate::turned;

pub(crate) use analyze::{BoundTable, Parameter};
pub(crate) use ast::{Query, TableRef};
pub use exec::QueryLimits;
pub(crate) use exec::TableData;
pub(crate) use parser::parse_query;
pub(crate) use tables::table_refs;
pub(crate) use user_function::UserFunction;

/// The stack of the thread that analyses and runs a query: deep expressions need it.
const STACK_BYTES: usize = 256 << 20;

/// A query whose names and types are known.
pub(crate) struct BoundQuery {
    plan: plan::Node,
    /// The columns of the result.
    pub(crate) fields: Vec<Field>,
    /// For each table, the columns that the query reads.
    pub(crate) columns_read: Vec<BTreeSet<usize>>,
}

impl BoundTable {
    /// A table with its columns, of which `*` leaves out the last `hidden` ones.
    pub(crate) fn new(name: TableRef, fields: &[Field], hidden: usize) -> Self {
        let columns =
            fields.iter().map(|it| (it.name.clone(), types::Type::of_field(it))).collect();
        Self { name, columns, hidden }
    }
}

impl TableData {
    /// Batches with the columns of these indices.
    pub(crate) fn new(fields: &[Field], columns: Vec<usize>, batches: Vec<RecordBatch>) -> Self {
        let types = columns.iter().map(|at| types::Type::of_field(&fields[*at])).collect();
        Self { columns, types, batches }
    }
}

impl Parameter {
    /// A parameter whose value is a constant expression.
    ///
    /// # Errors
    /// The expression is not constant or has no value.
    pub(crate) fn new(name: Option<&str>, sql: &str, now: Timestamp) -> Result<Self, GoogleError> {
        on_large_stack(|| {
            let (of, value) = analyze::constant(&parser::parse_expression(sql)?, now)?;
            Ok(Self { name: name.unwrap_or_default().to_owned(), of, value })
        })
    }
}

impl Parameter {
    /// What SESSION_USER returns.
    pub(crate) fn session_user(email: &str) -> Self {
        let value = value::Value::text(email);
        Self { name: analyze::SESSION_USER.to_owned(), of: types::Type::String, value }
    }
}

impl BoundQuery {
    /// Finds the types of a query over tables. `tables` has an entry for each of [`table_refs`].
    ///
    /// # Errors
    /// The query is wrong, or contains what this engine does not know.
    pub(crate) fn new(
        query: &Query,
        tables: &[BoundTable],
        parameters: &[Parameter],
        functions: &[UserFunction],
    ) -> Result<Self, GoogleError> {
        on_large_stack(|| {
            let mut analyzed = analyze::analyze(query, tables, parameters, functions)?;
            let columns_read = prune::columns_read(&analyzed.node, tables.len());
            optimize::optimize(&mut analyzed.node);
            Ok(Self { plan: analyzed.node, fields: analyzed.fields, columns_read })
        })
    }

    /// Runs the query. `tables` has the columns that it reads.
    ///
    /// # Errors
    /// A value has no result, such as a division by zero; or the query exceeds `limits`.
    pub(crate) fn run(
        &self,
        tables: &[TableData],
        now: Timestamp,
        limits: QueryLimits,
    ) -> Result<RecordBatch, GoogleError> {
        on_large_stack(|| {
            let run = exec::Run::new(now, tables, limits);
            let (rows, _charge) = exec::collect(&self.plan, &run, None)?;
            exec::to_batch(&self.fields, &rows)
        })
    }
}

/// The calendar time of microseconds since 1970.
///
/// # Errors
/// The time is outside the calendar.
pub(crate) fn civil_time(micros: i64) -> Result<jiff::civil::DateTime, GoogleError> {
    calendar::civil(micros).map_err(GoogleError::from)
}

/// Decimal text of a BIGNUMERIC.
pub(crate) fn bignumeric_text(value: arrow::datatypes::i256) -> String {
    numeric::format_units(&numeric::to_big(value), numeric::BIG_SCALE)
}

impl UserFunction {
    /// Parses one CREATE TEMP FUNCTION statement.
    ///
    /// # Errors
    /// The definition is wrong, or contains what this engine does not know.
    pub(crate) fn parse(sql: &str) -> Result<Self, GoogleError> {
        on_large_stack(|| parser::parse_function(sql))
    }
}

/// Parses a query.
pub(crate) fn parse(sql: &str) -> Result<Query, GoogleError> {
    on_large_stack(|| parse_query(sql))
}

/// Runs a function on a thread with a large stack.
fn on_large_stack<T: Send>(
    run: impl FnOnce() -> error::Result<T> + Send,
) -> Result<T, GoogleError> {
    let internal = || GoogleError::new(500, "internalError", "The query's thread could not run.");
    let turned = turned::current();
    let run = || turned::within(turned, run);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run);
        let thread = thread.map_err(|_| internal())?;
        thread.join().map_err(|_| internal())?.map_err(GoogleError::from)
    })
}
