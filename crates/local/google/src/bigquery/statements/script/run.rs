//! The statements of a script: conditions, loops, exceptions and dynamic SQL.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::transaction::Transaction;
use super::{Execute, Leave, Loop, LoopKind, Node, is_query, unknown};
use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::bigquery::job::QueryResult;
use crate::bigquery::query::QuerySpec;
use crate::bigquery::query::parameters::Parameter;
use crate::bigquery::schema::{Field, FieldMode, FieldType};
use crate::bigquery::statements::tokens::{Cursor, tokenize};
use crate::bigquery::statements::{StatementResult, sql_type_name, text_literal};
use crate::bigquery::temporary::TemporaryTables;
use crate::error::GoogleError;

/// The name of the variable with the message of the error that a block handles.
pub(super) const ERROR_MESSAGE: &str = "_error_message";
/// The name of the variable with the number of rows that the last statement changed.
pub(super) const ROW_COUNT: &str = "_row_count";
/// No script may run more turns of its loops. BigQuery's limit is one of time.
const MOST_TURNS: usize = 100_000;

/// A running script.
pub(super) struct Script<'a> {
    server: &'a BigQuery,
    pub(super) caller: &'a Principal,
    /// What its statements have in common; its text is that of the script.
    pub(super) spec: QuerySpec,
    /// By name in lower case: the type, and the value as an expression.
    pub(super) variables: BTreeMap<String, (Field, String)>,
    /// The error that the block around handles.
    error: Option<GoogleError>,
    turns: usize,
    /// The open transaction. If the script ends with it, its changes are gone.
    transaction: Option<Transaction>,
    pub(super) children: Vec<(String, StatementResult)>,
}

/// How a list of statements ended: `None` at its end.
type End = Option<Leave>;

impl<'a> Script<'a> {
    pub(super) fn new(server: &'a BigQuery, caller: &'a Principal, spec: QuerySpec) -> Self {
        let temporary = Some(TemporaryTables::new());
        Self {
            server,
            caller,
            spec: QuerySpec { temporary, ..spec },
            variables: BTreeMap::new(),
            error: None,
            turns: 0,
            transaction: None,
            children: Vec::new(),
        }
    }

    /// Runs the script. Its temporary tables are gone afterwards, whether it fails or not.
    pub(super) async fn run_all(&mut self, nodes: &[Node]) -> Result<(), GoogleError> {
        let end = self.run(nodes).await;
        if let Some(temporary) = &self.spec.temporary {
            self.server.drop_temporary(temporary);
        }
        match end? {
            Some(Leave::Break | Leave::Continue) => {
                Err(GoogleError::invalid_query("BREAK and CONTINUE need a loop around them"))
            }
            _ => Ok(()),
        }
    }

    fn run<'b>(&'b mut self, nodes: &'b [Node]) -> BoxFuture<'b, Result<End, GoogleError>> {
        async move {
            for node in nodes {
                if let Some(leave) = self.node(node).await? {
                    return Ok(Some(leave));
                }
            }
            Ok(None)
        }
        .boxed()
    }

    async fn node(&mut self, node: &Node) -> Result<End, GoogleError> {
        match node {
            Node::Declare { names, field, default } => {
                self.declare(names, field.as_ref(), default.as_deref()).await?;
            }
            Node::Set { names, value } => self.set(names, value).await?,
            Node::Block { body, exception } => {
                return self.block(body, exception.as_deref()).await;
            }
            Node::If { branches, otherwise } => {
                for (condition, branch) in branches {
                    if self.is_true(condition).await? {
                        return self.run(branch).await;
                    }
                }
                return self.run(otherwise).await;
            }
            Node::Loop(it) => return self.run_loop(it).await,
            Node::Leave(leave) => return Ok(Some(*leave)),
            Node::Raise { message } => return Err(self.raised(message.as_deref()).await?),
            Node::Assert { condition } => {
                if !self.is_true(condition).await? {
                    return Err(GoogleError::invalid_query("Assertion failed"));
                }
            }
            Node::Execute(execute) => self.execute(execute).await?,
            Node::Function(function) => self.spec.functions.push(function.clone()),
            Node::Statement(sql) => {
                let spec = self.bound(sql)?;
                let done = self.run_single(&spec).await?;
                self.add_child(sql.clone(), &spec, done);
            }
            Node::Begin if self.transaction.is_some() => {
                return Err(GoogleError::invalid_query(
                    "A transaction is already in progress; end it with COMMIT TRANSACTION or ROLLBACK TRANSACTION",
                ));
            }
            Node::Begin => self.transaction = Some(Transaction::begin(self.server)),
            Node::Commit => self.end_transaction()?.commit(self.server)?,
            Node::Rollback => drop(self.end_transaction()?),
        }
        Ok(None)
    }

    /// The server on which statements run: that of the open transaction, if there is one.
    pub(super) fn server(&self) -> &BigQuery {
        self.transaction.as_ref().map_or(self.server, |it| &it.server)
    }

    async fn run_single(&self, spec: &QuerySpec) -> Result<StatementResult, GoogleError> {
        if self.transaction.is_some() {
            Transaction::check(&spec.sql)?;
        }
        self.server().run_single(self.caller, spec, None, false).await
    }

    fn end_transaction(&mut self) -> Result<Transaction, GoogleError> {
        let open = self.transaction.take();
        open.ok_or_else(|| GoogleError::invalid_query("There is no transaction in progress"))
    }

    /// Adds the job of a statement. The tables that it reads are in its statistics; the script's own job names none.
    fn add_child(&mut self, sql: String, spec: &QuerySpec, mut done: StatementResult) {
        done.statistics["referencedTables"] = spec.referenced_tables();
        if let Some(count) = done.statistics.get("numDmlAffectedRows").and_then(Value::as_str) {
            let field = Field::new("", FieldType::Integer, FieldMode::Nullable);
            self.variables.insert(ROW_COUNT.to_owned(), (field, count.to_owned()));
        }
        self.children.push((sql, done));
    }

    /// A block: its variables end with it, and its exception handler runs if it fails.
    async fn block(
        &mut self,
        body: &[Node],
        exception: Option<&[Node]>,
    ) -> Result<End, GoogleError> {
        let before: Vec<String> = self.variables.keys().cloned().collect();
        let end = self.run(body).await;
        self.variables.retain(|name, _| before.contains(name) || name.starts_with('_'));
        let (Err(error), Some(handler)) = (&end, exception) else { return end };
        let around = self.error.replace(error.clone());
        let field = Field::new("", FieldType::String, FieldMode::Nullable);
        let message = (field, text_literal(&error.message));
        let message = self.variables.insert(ERROR_MESSAGE.to_owned(), message);
        let handled = self.run(handler).await;
        self.error = around;
        match message {
            Some(message) => drop(self.variables.insert(ERROR_MESSAGE.to_owned(), message)),
            None => drop(self.variables.remove(ERROR_MESSAGE)),
        }
        handled
    }

    async fn run_loop(&mut self, it: &Loop) -> Result<End, GoogleError> {
        if let LoopKind::Rows { variable, query } = &it.kind {
            return self.run_rows(variable, query, &it.body).await;
        }
        loop {
            if let LoopKind::While(condition) = &it.kind
                && !self.is_true(condition).await?
            {
                return Ok(None);
            }
            if let Some(end) = self.turn(&it.body).await? {
                return Ok(end);
            }
            if let LoopKind::Until(condition) = &it.kind
                && self.is_true(condition).await?
            {
                return Ok(None);
            }
        }
    }

    /// One turn of a loop. `Some` ends the loop.
    async fn turn(&mut self, body: &[Node]) -> Result<Option<End>, GoogleError> {
        self.turns += 1;
        if self.turns > MOST_TURNS {
            return Err(GoogleError::invalid_query(format!(
                "The local warehouse ends a script after {MOST_TURNS} turns of its loops; does a loop \
                 have no end?"
            )));
        }
        Ok(match self.run(body).await? {
            None | Some(Leave::Continue) => None,
            Some(Leave::Break) => Some(None),
            Some(Leave::Return) => Some(Some(Leave::Return)),
        })
    }

    /// FOR: the variable is a STRUCT with a row of the query.
    async fn run_rows(
        &mut self,
        variable: &str,
        query: &str,
        body: &[Node],
    ) -> Result<End, GoogleError> {
        let key = variable.to_lowercase();
        if self.variables.contains_key(&key) {
            return Err(GoogleError::invalid_query(format!(
                "Variable '{variable}' redeclaration is not allowed"
            )));
        }
        let rows = self.rows_of(query).await?;
        let field = Field {
            fields: rows.fields.clone(),
            ..Field::new("", FieldType::Record, FieldMode::Nullable)
        };
        let mut end = None;
        for row in 0..rows.row_count() {
            let value = rows.row_literal(row, &sql_type_name(&field));
            self.variables.insert(key.clone(), (field.clone(), value));
            if let Some(found) = self.turn(body).await? {
                end = found;
                break;
            }
        }
        self.variables.remove(&key);
        Ok(end)
    }

    /// The error of RAISE: with a message, or the one that the block around handles.
    async fn raised(&mut self, message: Option<&str>) -> Result<GoogleError, GoogleError> {
        let Some(message) = message else {
            return self.error.clone().ok_or_else(|| {
                GoogleError::invalid_query("RAISE without a message needs an exception handler")
            });
        };
        let result = self.rows_of(&format!("SELECT CAST(({message}) AS STRING)")).await?;
        let text = result.first_text(0);
        Ok(GoogleError::invalid_query(text.unwrap_or_else(|| "RAISE with a NULL message".into())))
    }

    /// EXECUTE IMMEDIATE: the statement sees no variables, only its own parameters.
    async fn execute(&mut self, execute: &Execute) -> Result<(), GoogleError> {
        let text = self.rows_of(&format!("SELECT ({})", execute.sql)).await?;
        let is_text = text.fields.first().is_some_and(|it| it.field_type == FieldType::String);
        let sql = text.first_text(0).filter(|_| is_text).ok_or_else(|| {
            GoogleError::invalid_query("EXECUTE IMMEDIATE needs a STRING with a statement")
        })?;
        let tokens = tokenize(&sql)?;
        let cursor = Cursor::new(&sql, &tokens);
        if super::is_script(&cursor) {
            return Err(unknown("scripts in EXECUTE IMMEDIATE"));
        }
        let is_query = is_query(&cursor);
        let mut spec = self.spec.with_sql(sql.clone());
        spec.referenced = Arc::default();
        spec.parameters = Vec::new();
        for (value, name) in &execute.using {
            let result = self.rows_of(&format!("SELECT ({value})")).await?;
            let sql = super::variables::value_of(Some(&result), 0, &result.fields[0])?;
            spec.parameters.push(Parameter { name: name.clone(), sql });
        }
        let done = self.run_single(&spec).await?;
        if !execute.into.is_empty() {
            if !is_query {
                return Err(GoogleError::invalid_query("INTO of EXECUTE IMMEDIATE needs a query"));
            }
            self.take_row(&execute.into, &done.result)?;
        }
        self.add_child(sql, &spec, done);
        Ok(())
    }

    pub(super) async fn rows_of(&self, sql: &str) -> Result<QueryResult, GoogleError> {
        let spec = self.bound(sql)?;
        self.server().run_query(self.caller, &spec, false).await
    }

    async fn is_true(&self, condition: &str) -> Result<bool, GoogleError> {
        let result = self.rows_of(&format!("SELECT ({condition})")).await?;
        Ok(result.first_text(0).as_deref() == Some("true"))
    }
}
