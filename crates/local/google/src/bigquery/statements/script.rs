//! Scripts: several statements, variables and conditions (GoogleSQL reference, "Procedural language").
//!
//! DECLARE, SET, BEGIN … END, IF and ASSERT are known; loops, exceptions, transactions and dynamic SQL are
//! refused by name before any statement runs. A variable becomes a parameter of each statement that names
//! it.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;

use super::columns::parse_type;
use super::rows::check_assignable;
use super::tokens::{Cursor, Kind, Token, tokenize};
use super::{StatementResult, is_query, sql_type_name, unknown};
use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::bigquery::job::QueryResult;
use crate::bigquery::query::QuerySpec;
use crate::bigquery::query::googlesql::UserFunction;
use crate::bigquery::query::parameters::Parameter;
use crate::bigquery::schema::{Field, FieldMode, find_field};
use crate::error::GoogleError;

/// The prefix of the parameter that a variable becomes.
const VARIABLE: &str = "_variable_";

/// A statement of a script.
enum Node {
    Declare { names: Vec<String>, field: Option<Field>, default: Option<String> },
    Set { names: Vec<String>, value: String },
    If { branches: Vec<(String, Vec<Node>)>, otherwise: Vec<Node> },
    Block(Vec<Node>),
    Assert { condition: String },
    Function(UserFunction),
    Statement(String),
}

/// Whether a text is a script: it has several statements, or one that exists in scripts only.
pub(super) fn is_script(cursor: &Cursor<'_>) -> bool {
    if ["DECLARE", "SET", "BEGIN", "IF", "ASSERT"].iter().any(|it| cursor.is_next(&[it])) {
        return true;
    }
    let mut rest = cursor.clone();
    rest.text_until(|it| it.is_next(&[";"]));
    while rest.accepts(&[";"]) {}
    !rest.is_at_end()
}

/// Whether a CREATE TEMP FUNCTION statement is next.
fn is_function(cursor: &Cursor<'_>) -> bool {
    let mut next = cursor.clone();
    if !next.accepts(&["CREATE"]) {
        return false;
    }
    next.accepts(&["OR", "REPLACE"]);
    ["TEMP", "TEMPORARY"].iter().any(|it| next.is_next(&[it, "FUNCTION"]))
}

/// Takes the definitions of functions that a statement begins with, as BigQuery does: they do not make
/// it a script.
pub(super) fn take_functions(spec: &QuerySpec) -> Result<QuerySpec, GoogleError> {
    let mut spec = spec.clone();
    loop {
        let tokens = tokenize(&spec.sql)?;
        let mut cursor = Cursor::new(&spec.sql, &tokens);
        if !is_function(&cursor) {
            return Ok(spec);
        }
        spec.functions.push(UserFunction::parse(cursor.text_until(|it| it.is_next(&[";"])))?);
        while cursor.accepts(&[";"]) {}
        if cursor.is_at_end() {
            return Err(GoogleError::invalid_query(
                "CREATE TEMPORARY FUNCTION statements must be followed by an actual query.",
            ));
        }
        spec.sql = cursor.rest().to_owned();
    }
}

impl BigQuery {
    /// Runs a script. A dry run only checks its syntax.
    pub(super) async fn run_script(
        &self,
        caller: &Principal,
        spec: &QuerySpec,
        dry_run: bool,
    ) -> Result<StatementResult, GoogleError> {
        let tokens = tokenize(&spec.sql)?;
        let mut cursor = Cursor::new(&spec.sql, &tokens);
        let nodes = parse_block(&mut cursor)?;
        cursor.expect_end()?;
        let mut script = Script {
            server: self,
            caller,
            spec: spec.clone(),
            variables: BTreeMap::new(),
            children: Vec::new(),
        };
        if !dry_run {
            script.run(&nodes).await?;
        }
        let children = script.children;
        let result = children.last().map(|(_, it)| it.result.clone()).unwrap_or_default();
        let done = StatementResult::done("SCRIPT", json!({}));
        Ok(StatementResult { result, children, ..done })
    }
}

/// Parses statements up to END, ELSE, ELSEIF or the end of the script.
fn parse_block(cursor: &mut Cursor<'_>) -> Result<Vec<Node>, GoogleError> {
    let mut nodes = Vec::new();
    loop {
        while cursor.accepts(&[";"]) {}
        let ends = ["END", "ELSE", "ELSEIF", "EXCEPTION"];
        if cursor.is_at_end() || ends.iter().any(|it| cursor.is_next(&[it])) {
            return Ok(nodes);
        }
        nodes.push(parse_node(cursor)?);
        if !cursor.is_at_end() {
            cursor.expect(&[";"])?;
        }
    }
}

fn parse_node(cursor: &mut Cursor<'_>) -> Result<Node, GoogleError> {
    let text = |cursor: &mut Cursor<'_>| cursor.text_until(|it| it.is_next(&[";"])).to_owned();
    if cursor.is_next(&["BEGIN", "TRANSACTION"]) || cursor.is_next(&["BEGIN", ";"]) {
        return Err(unknown("transactions"));
    }
    if cursor.accepts(&["BEGIN"]) {
        let block = parse_block(cursor)?;
        if cursor.is_next(&["EXCEPTION"]) {
            return Err(unknown("the clause EXCEPTION"));
        }
        cursor.expect(&["END"])?;
        return Ok(Node::Block(block));
    }
    if cursor.accepts(&["DECLARE"]) {
        return parse_declare(cursor);
    }
    if cursor.accepts(&["SET"]) {
        let names = if cursor.is_next(&["("]) {
            super::columns::parse_names(cursor)?
        } else {
            vec![cursor.name()?]
        };
        cursor.expect(&["="])?;
        return Ok(Node::Set { names, value: text(cursor) });
    }
    if cursor.accepts(&["IF"]) {
        return parse_if(cursor);
    }
    if is_function(cursor) {
        return Ok(Node::Function(UserFunction::parse(&text(cursor))?));
    }
    if cursor.accepts(&["ASSERT"]) {
        let condition = cursor.text_until(|it| it.is_next(&[";"]) || it.is_next(&["AS"]));
        let condition = condition.to_owned();
        text(cursor);
        return Ok(Node::Assert { condition });
    }
    let known = ["CREATE", "DROP", "ALTER", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"];
    if !is_query(cursor) && !known.iter().any(|it| cursor.is_next(&[it])) {
        let word = cursor.peek_text().to_uppercase();
        return Err(unknown(&format!("the statement {word} in a script")));
    }
    Ok(Node::Statement(text(cursor)))
}

fn parse_declare(cursor: &mut Cursor<'_>) -> Result<Node, GoogleError> {
    let mut names = vec![cursor.name()?];
    while cursor.accepts(&[","]) {
        names.push(cursor.name()?);
    }
    let field = if cursor.is_next(&["DEFAULT"]) { None } else { Some(parse_type(cursor)?) };
    let default =
        cursor.accepts(&["DEFAULT"]).then(|| cursor.text_until(|it| it.is_next(&[";"])).to_owned());
    if field.is_none() && default.is_none() {
        return Err(cursor.unexpected("a type or DEFAULT"));
    }
    Ok(Node::Declare { names, field, default })
}

fn parse_if(cursor: &mut Cursor<'_>) -> Result<Node, GoogleError> {
    let mut branches = Vec::new();
    loop {
        let condition = cursor.text_until(|it| it.is_next(&["THEN"])).to_owned();
        cursor.expect(&["THEN"])?;
        branches.push((condition, parse_block(cursor)?));
        if !cursor.accepts(&["ELSEIF"]) {
            break;
        }
    }
    let otherwise = if cursor.accepts(&["ELSE"]) { parse_block(cursor)? } else { Vec::new() };
    cursor.expect(&["END", "IF"])?;
    Ok(Node::If { branches, otherwise })
}

/// A running script.
struct Script<'a> {
    server: &'a BigQuery,
    caller: &'a Principal,
    /// What its statements have in common; its text is that of the script.
    spec: QuerySpec,
    /// By name in lower case: the type, and the value as an expression.
    variables: BTreeMap<String, (Field, String)>,
    children: Vec<(String, StatementResult)>,
}

impl Script<'_> {
    fn run<'b>(&'b mut self, nodes: &'b [Node]) -> BoxFuture<'b, Result<(), GoogleError>> {
        async move {
            for node in nodes {
                match node {
                    Node::Declare { names, field, default } => {
                        self.declare(names, field.as_ref(), default.as_deref()).await?;
                    }
                    Node::Set { names, value } => self.set(names, value).await?,
                    Node::Block(block) => self.run(block).await?,
                    Node::If { branches, otherwise } => {
                        let mut chosen = otherwise;
                        for (condition, branch) in branches {
                            if self.is_true(condition).await? {
                                chosen = branch;
                                break;
                            }
                        }
                        self.run(chosen).await?;
                    }
                    Node::Assert { condition } => {
                        if !self.is_true(condition).await? {
                            return Err(GoogleError::invalid_query("Assertion failed"));
                        }
                    }
                    Node::Function(function) => self.spec.functions.push(function.clone()),
                    Node::Statement(sql) => {
                        let spec = self.bound(sql)?;
                        let done = self.server.run_single(self.caller, &spec, None, false).await?;
                        self.children.push((sql.clone(), done));
                    }
                }
            }
            Ok(())
        }
        .boxed()
    }

    /// A statement with the variables that it names as parameters.
    fn bound(&self, sql: &str) -> Result<QuerySpec, GoogleError> {
        let (sql, used) = self.with_parameters(sql)?;
        let mut spec = self.spec.with_sql(sql);
        for name in used {
            if let Some((_, value)) = self.variables.get(&name) {
                let name = Some(format!("{VARIABLE}{name}"));
                spec.parameters.push(Parameter { name, sql: value.clone() });
            }
        }
        Ok(spec)
    }

    /// Replaces the names of variables by parameters. Returns the names that were found.
    fn with_parameters(&self, sql: &str) -> Result<(String, Vec<String>), GoogleError> {
        let tokens = tokenize(sql)?;
        let text = |token: Option<&Token>| token.map_or("", |it| &sql[it.start..it.end]);
        let (mut result, mut used, mut copied) = (String::new(), Vec::new(), 0);
        for (at, token) in tokens.iter().enumerate() {
            let name = text(Some(token)).trim_matches('`').to_lowercase();
            let is_name = matches!(token.kind, Kind::Word | Kind::Quoted);
            let before = text(at.checked_sub(1).and_then(|it| tokens.get(it)));
            let after = text(tokens.get(at + 1));
            let is_part =
                before == "." || before.eq_ignore_ascii_case("AS") || ["(", "."].contains(&after);
            if !is_name || is_part || !self.variables.contains_key(&name) {
                continue;
            }
            self.check_not_a_column(&name, sql, &tokens)?;
            result.push_str(&sql[copied..token.start]);
            result.push_str(&format!("@{VARIABLE}{name}"));
            copied = token.end;
            used.push(name);
        }
        result.push_str(&sql[copied..]);
        used.sort();
        used.dedup();
        Ok((result, used))
    }

    /// A column hides a variable of its name. Which names are columns depends on the place in the query,
    /// so such a variable is refused.
    fn check_not_a_column(
        &self,
        name: &str,
        sql: &str,
        tokens: &[Token],
    ) -> Result<(), GoogleError> {
        let catalog = self.server.catalog();
        let is_named = |table: &str| {
            tokens.iter().any(|it| {
                let word = sql[it.start..it.end].trim_matches('`');
                word.rsplit('.').next() == Some(table)
            })
        };
        for dataset in catalog.datasets.values() {
            for (id, table) in &dataset.tables {
                if find_field(&table.fields, name).is_some() && is_named(id) {
                    return Err(GoogleError::invalid_query(format!(
                        "The local warehouse cannot distinguish the variable {name} from the column \
                         of table {id}; BigQuery takes the column. Rename the variable."
                    )));
                }
            }
        }
        Ok(())
    }

    async fn rows_of(&self, sql: &str) -> Result<QueryResult, GoogleError> {
        let spec = self.bound(sql)?;
        self.server.run_query(self.caller, &spec, false).await
    }

    async fn is_true(&self, condition: &str) -> Result<bool, GoogleError> {
        let result = self.rows_of(&format!("SELECT ({condition})")).await?;
        Ok(result.first_text(0).as_deref() == Some("true"))
    }

    async fn declare(
        &mut self,
        names: &[String],
        field: Option<&Field>,
        default: Option<&str>,
    ) -> Result<(), GoogleError> {
        let result = match default {
            Some(default) => Some(self.rows_of(&format!("SELECT ({default})")).await?),
            None => None,
        };
        for name in names {
            let key = name.to_lowercase();
            if self.variables.contains_key(&key) {
                return Err(GoogleError::invalid_query(format!(
                    "Variable '{name}' redeclaration is not allowed"
                )));
            }
            let given = result.as_ref().map(|it| it.fields[0].clone());
            let field = field.cloned().or(given).unwrap_or_else(|| {
                Field::new("", crate::bigquery::schema::FieldType::Integer, FieldMode::Nullable)
            });
            let value = value_of(result.as_ref(), 0, &field)?;
            self.variables.insert(key, (field, value));
        }
        Ok(())
    }

    async fn set(&mut self, names: &[String], value: &str) -> Result<(), GoogleError> {
        let sql = if names.len() == 1 && !is_struct_query(value)? {
            format!("SELECT ({value})")
        } else {
            struct_query(value)?
        };
        let result = self.rows_of(&sql).await?;
        if result.fields.len() != names.len() {
            return Err(GoogleError::invalid_query(format!(
                "SET names {} variables, but its value has {} fields",
                names.len(),
                result.fields.len()
            )));
        }
        if result.row_count() > 1 {
            return Err(GoogleError::invalid_query(
                "Scalar subquery produced more than one element",
            ));
        }
        for (at, name) in names.iter().enumerate() {
            let key = name.to_lowercase();
            let Some((field, _)) = self.variables.get(&key) else {
                return Err(GoogleError::invalid_query(format!("Undeclared variable: {name}")));
            };
            let field = field.clone();
            let value = value_of(Some(&result), at, &field)?;
            self.variables.insert(key, (field, value));
        }
        Ok(())
    }
}

/// Column `at` of the first row as an expression of a variable's type; NULL without a row.
fn value_of(result: Option<&QueryResult>, at: usize, to: &Field) -> Result<String, GoogleError> {
    let ty = sql_type_name(to);
    let value = result.and_then(|it| it.first_literal(at));
    let (Some(result), Some(value)) = (result, value) else {
        return Ok(format!("CAST(NULL AS {ty})"));
    };
    let from = &result.fields[at];
    check_assignable(from, &Field { name: "of the variable".to_owned(), ..to.clone() })?;
    Ok(if sql_type_name(from) == ty { value } else { format!("CAST({value} AS {ty})") })
}

fn is_struct_query(value: &str) -> Result<bool, GoogleError> {
    let tokens = tokenize(value)?;
    let cursor = Cursor::new(value, &tokens);
    Ok(cursor.is_next(&["(", "SELECT", "AS", "STRUCT"]))
}

/// `(SELECT AS STRUCT a, b …)` or `(a, b)` as a query with one column per variable.
fn struct_query(value: &str) -> Result<String, GoogleError> {
    let tokens = tokenize(value)?;
    let mut cursor = Cursor::new(value, &tokens);
    cursor.accepts(&["STRUCT"]);
    let mut inner = cursor.parenthesised()?;
    cursor.expect_end()?;
    if inner.accepts(&["SELECT", "AS", "STRUCT"]) {
        return Ok(format!("SELECT {}", inner.rest()));
    }
    if is_query(&inner) {
        return Err(unknown("SET of several variables by a query without SELECT AS STRUCT"));
    }
    let items: Vec<String> =
        inner.list().into_iter().enumerate().map(|(at, it)| format!("({it}) AS v{at}")).collect();
    Ok(format!("SELECT {}", items.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(sql: &str) -> Result<usize, String> {
        let tokens = tokenize(sql).map_err(|it| it.message)?;
        let mut cursor = Cursor::new(sql, &tokens);
        let nodes = parse_block(&mut cursor).map_err(|it| it.message)?;
        cursor.expect_end().map_err(|it| it.message)?;
        Ok(nodes.len())
    }

    #[test]
    fn scripts_are_parsed() {
        for (sql, want) in [
            ("SELECT 1; SELECT 2;", 2),
            ("DECLARE a, b INT64 DEFAULT 1; SET a = 2; SET (a, b) = (1, 2)", 3),
            ("BEGIN SELECT CASE WHEN TRUE THEN 1 END; SELECT 2; END;", 1),
            (
                "IF x > 1 THEN SELECT 1; ELSEIF x = 1 THEN SELECT 2; ELSE SELECT 3; END IF; SELECT 4",
                2,
            ),
        ] {
            assert_eq!(parse(sql), Ok(want), "{sql}");
        }
        for (sql, part) in [
            ("BEGIN TRANSACTION; COMMIT TRANSACTION;", "transactions"),
            ("BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN SELECT 2; END;", "EXCEPTION"),
            ("SELECT 1; WHILE TRUE DO SELECT 1; END WHILE;", "WHILE"),
            ("SELECT 1; EXECUTE IMMEDIATE 'SELECT 1'", "EXECUTE"),
            ("IF TRUE THEN SELECT 1;", "END IF"),
        ] {
            let refused = parse(sql).expect_err(sql);
            assert!(refused.contains(part), "{sql}: {refused}");
        }
    }
}
