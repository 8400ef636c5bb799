//! Statements of GoogleSQL: which kind a text is, and what each kind does besides returning rows.
//!
//! The texts of queries and expressions inside a statement run as SELECT statements (`query`), with the
//! permissions, masks and row access policies of the caller. This module changes the catalog.
//!
//! | module | what |
//! |---|---|
//! | `tokens` | tokens, and a cursor over them |
//! | `columns`, `options` | column definitions, and `OPTIONS (…)` |
//! | `create`, `view`, `alter`, `drop` | data definition |
//! | `dml`, `merge`, `rows` | data manipulation, and the changes of rows |
//! | `destination` | a query's result as a table |
//! | `script` | several statements, variables and conditions |

mod alter;
mod columns;
mod create;
mod destination;
mod dml;
mod drop;
mod merge;
mod options;
mod rows;
mod script;
mod tokens;
mod view;

use std::collections::HashSet;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::BigQuery;
use super::job::QueryResult;
use super::names::TableName;
use super::query::QuerySpec;
use super::row_access::PolicyStatement;
use super::schema::Field;
use super::write::WriteTarget;
use crate::access::Principal;
use crate::error::GoogleError;
use crate::turned::is_turned;
pub(in crate::bigquery) use columns::{quoted_name, sql_type_name};
pub(in crate::bigquery) use options::text_literal;
use tokens::{Cursor, tokenize};
pub(in crate::bigquery) use view::NewView;

/// What a statement did.
#[derive(Clone, Debug)]
pub(crate) struct StatementResult {
    /// The rows. A statement that is no query has none.
    pub(crate) result: Arc<QueryResult>,
    /// `statementType` of the job's statistics.
    pub(crate) statement_type: &'static str,
    /// Statistics of the statement, in the form of `statistics.query`.
    pub(crate) statistics: Value,
    /// The table to which the rows were written.
    pub(crate) destination: Option<TableName>,
    /// The statements of a script, with their texts.
    pub(crate) children: Vec<(String, StatementResult)>,
}

impl StatementResult {
    fn query(result: QueryResult) -> Self {
        Self {
            result: Arc::new(result),
            statement_type: "SELECT",
            statistics: json!({}),
            destination: None,
            children: Vec::new(),
        }
    }

    /// A statement that returns no rows.
    fn done(statement_type: &'static str, statistics: Value) -> Self {
        Self { statement_type, statistics, ..Self::query(QueryResult::default()) }
    }

    /// A data definition statement (`ddlOperationPerformed` of the API).
    fn definition(statement_type: &'static str, operation: &str, target: &TableName) -> Self {
        let statistics = json!({
            "ddlOperationPerformed": operation, "ddlTargetTable": target.reference(),
        });
        Self::done(statement_type, statistics)
    }

    /// Whether the statement returns rows.
    pub(crate) fn returns_rows(&self) -> bool {
        match self.statement_type {
            "SCRIPT" => self.children.last().is_some_and(|(_, it)| it.returns_rows()),
            other => other == "SELECT",
        }
    }
}

/// A statement that the local warehouse does not know.
pub(super) fn unknown(what: &str) -> GoogleError {
    GoogleError::invalid_query(format!("The local warehouse does not know {what}; BigQuery does."))
}

/// The text of the single query in a view's definition, without comments and semicolons around it.
///
/// # Errors
/// 400 for another statement.
pub(in crate::bigquery) fn query_text(sql: &str) -> Result<String, GoogleError> {
    let tokens = tokenize(sql)?;
    let mut cursor = Cursor::new(sql, &tokens);
    if !is_query(&cursor) {
        return Err(cursor.unexpected("a query"));
    }
    let text = cursor.text_until(|it| it.is_next(&[";"])).to_owned();
    while cursor.accepts(&[";"]) {}
    cursor.expect_end()?;
    Ok(text)
}

fn is_query(cursor: &Cursor<'_>) -> bool {
    ["SELECT", "WITH", "(", "FROM"].iter().any(|it| cursor.is_next(&[it]))
}

impl BigQuery {
    /// Runs a statement, or a script, as `caller`. A dry run only checks it and the caller's
    /// permissions. The rows of a query are written to `target`, if there is one.
    pub(in crate::bigquery) async fn run_statement(
        &self,
        caller: &Principal,
        spec: &QuerySpec,
        target: Option<&WriteTarget>,
        dry_run: bool,
    ) -> Result<StatementResult, GoogleError> {
        let spec = &script::take_functions(spec)?;
        let tokens = tokenize(&spec.sql)?;
        let cursor = Cursor::new(&spec.sql, &tokens);
        if script::is_script(&cursor) {
            if target.is_some() {
                return Err(GoogleError::invalid(
                    "configuration.query.destinationTable cannot be set for scripts",
                ));
            }
            return self.run_script(caller, spec, dry_run).await;
        }
        self.run_single(caller, spec, target, dry_run).await
    }

    /// Runs a statement, or a script, without parameters, and returns its rows.
    pub(crate) async fn run_plain(
        &self,
        caller: &Principal,
        sql: &str,
    ) -> Result<Arc<QueryResult>, GoogleError> {
        self.catalog().expire_tables(self.clock.now());
        Ok(self.run_statement(caller, &QuerySpec::plain(sql), None, false).await?.result)
    }

    /// Runs one statement.
    pub(super) fn run_single<'a>(
        &'a self,
        caller: &'a Principal,
        spec: &'a QuerySpec,
        target: Option<&'a WriteTarget>,
        dry_run: bool,
    ) -> BoxFuture<'a, Result<StatementResult, GoogleError>> {
        async move {
            let tokens = tokenize(&spec.sql)?;
            let mut cursor = Cursor::new(&spec.sql, &tokens);
            let statement = Statement { server: self, caller, spec, dry_run };
            if !is_query(&cursor) {
                if target.is_some() {
                    return Err(GoogleError::invalid(
                        "Cannot set destination table in jobs with DML or DDL statements",
                    ));
                }
                if let Some(policy) = PolicyStatement::parse(&spec.sql)? {
                    let result = self.run_policy_statement(caller, spec, policy, dry_run)?;
                    return Ok(StatementResult {
                        statement_type: "ROW_ACCESS_POLICY",
                        ..StatementResult::query(result)
                    });
                }
                return statement.run(&mut cursor).await;
            }
            let sql = cursor.text_until(|it| it.is_next(&[";"])).to_owned();
            while cursor.accepts(&[";"]) {}
            cursor.expect_end()?;
            match target {
                Some(target) => statement.write_result(target, sql).await,
                None => {
                    let mut result = self.run_query(caller, &spec.with_sql(sql), dry_run).await?;
                    number_equal_names(&mut result.fields);
                    Ok(StatementResult::query(result))
                }
            }
        }
        .boxed()
    }
}

/// Columns of one name, such as `id` and `id_1`. Only the result of a query that writes no table can
/// have them.
fn number_equal_names(fields: &mut [Field]) {
    let mut taken: HashSet<String> = HashSet::new();
    for field in fields {
        let mut name = field.name.clone();
        let mut number = 0;
        while !taken.insert(name.to_ascii_lowercase()) {
            number += 1;
            name = format!("{}_{number}", field.name);
        }
        field.name = name;
    }
}

/// A statement that is about to run.
struct Statement<'a> {
    server: &'a BigQuery,
    caller: &'a Principal,
    spec: &'a QuerySpec,
    dry_run: bool,
}

impl Statement<'_> {
    /// Runs a statement that is no query.
    async fn run(&self, cursor: &mut Cursor<'_>) -> Result<StatementResult, GoogleError> {
        let word = cursor.peek_text().to_ascii_uppercase();
        let begin = cursor.clone();
        cursor.next();
        match word.as_str() {
            "CREATE" => self.create(cursor).await,
            "DROP" => self.drop(cursor),
            "ALTER" => self.alter(cursor).await,
            "INSERT" => self.insert(cursor).await,
            "UPDATE" => self.update(cursor).await,
            "DELETE" => self.delete(cursor).await,
            "MERGE" => self.merge(cursor).await,
            "TRUNCATE" => self.truncate(cursor),
            "EXECUTE" | "CALL" | "LOOP" | "WHILE" | "REPEAT" | "FOR" | "CASE" | "RAISE"
            | "RETURN" | "BREAK" | "LEAVE" | "CONTINUE" | "ITERATE" | "COMMIT" | "ROLLBACK"
            | "EXPORT" | "LOAD" | "GRANT" | "REVOKE" | "UNDROP" | "EXPLAIN" | "DESCRIBE" => {
                Err(unknown(&format!("the statement {word}")))
            }
            "DECLARE" | "SET" | "BEGIN" | "IF" | "ASSERT" => {
                Err(begin.unexpected("a statement outside a script"))
            }
            _ => Err(begin.unexpected("a statement")),
        }
    }

    /// The table of a path.
    ///
    /// # Errors
    /// 400 for a table without a dataset where there is no default dataset, 404 for another project.
    fn table_name(&self, path: &[String]) -> Result<TableName, GoogleError> {
        let temporary = self.spec.temporary.as_ref();
        if let Some(name) = temporary.and_then(|it| it.find(path, &self.server.project)) {
            return Ok(name);
        }
        let name = match (path, &self.spec.default_dataset) {
            ([project, dataset, table], _) => TableName::new(project, dataset, table),
            ([dataset, table], _) => TableName::new(&self.server.project, dataset, table),
            ([table], Some((project, dataset))) => TableName::new(project, dataset, table),
            ([table], None) => {
                return Err(GoogleError::invalid(format!(
                    "Table \"{table}\" must be qualified with a dataset (e.g. dataset.table)."
                )));
            }
            _ => {
                return Err(GoogleError::invalid_query(format!(
                    "Invalid table name: {}",
                    path.join(".")
                )));
            }
        };
        self.check_project(&name.project)?;
        Ok(name)
    }

    /// The dataset of a path.
    fn dataset_name(&self, path: &[String]) -> Result<String, GoogleError> {
        match path {
            [dataset] => Ok(dataset.clone()),
            [project, dataset] => {
                self.check_project(project)?;
                Ok(dataset.clone())
            }
            _ => {
                Err(GoogleError::invalid_query(format!("Invalid dataset name: {}", path.join("."))))
            }
        }
    }

    fn check_project(&self, project: &str) -> Result<(), GoogleError> {
        if project == self.server.project {
            return Ok(());
        }
        Err(GoogleError::not_found(format!("Not found: Project {project}")))
    }

    /// Runs a query as the statement's caller.
    async fn rows_of(&self, sql: String) -> Result<QueryResult, GoogleError> {
        let mut spec = self.spec.with_sql(sql);
        spec.plain_only |= is_turned("result-without-tags");
        self.server.run_query(self.caller, &spec, self.dry_run).await
    }

    /// Ends a statement: there may be semicolons, and nothing else.
    fn expect_end(&self, cursor: &mut Cursor<'_>) -> Result<(), GoogleError> {
        while cursor.accepts(&[";"]) {}
        cursor.expect_end()
    }
}
