//! The variables of a script: their values, and their places in a statement.

use std::sync::Arc;

use super::run::{ERROR_MESSAGE, ROW_COUNT, Script};
use super::{is_query, unknown};
use crate::bigquery::job::QueryResult;
use crate::bigquery::query::QuerySpec;
use crate::bigquery::query::parameters::Parameter;
use crate::bigquery::schema::{Field, FieldMode, FieldType, find_field};
use crate::bigquery::statements::rows::check_assignable;
use crate::bigquery::statements::sql_type_name;
use crate::bigquery::statements::tokens::{Cursor, Kind, Token, tokenize};
use crate::error::GoogleError;

/// The prefix of the parameter that a variable becomes.
const VARIABLE: &str = "_variable_";

/// System variables, the variables with their values and how many tokens their names have.
const VARIABLES_OF_SYSTEM: [(&str, &str, usize); 2] =
    [("@@error.message", ERROR_MESSAGE, 3), ("@@row_count", ROW_COUNT, 1)];

/// The system variable that begins at a token. `text` returns the text of a token.
fn system_variable(text: &impl Fn(usize) -> String, at: usize) -> Option<String> {
    let name = text(at);
    if !name.starts_with("@@") {
        return None;
    }
    Some(if text(at + 1) == "." { format!("{name}.{}", text(at + 2)) } else { name })
}

impl Script<'_> {
    /// A statement with the variables that it names as parameters.
    pub(super) fn bound(&self, sql: &str) -> Result<QuerySpec, GoogleError> {
        let (sql, used) = self.with_parameters(sql)?;
        let mut spec = self.spec.with_sql(sql);
        // Each statement is a job of its own.
        spec.referenced = Arc::default();
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
        let text_of = |token: Option<&Token>| token.map_or("", |it| &sql[it.start..it.end]);
        let text = |at: usize| text_of(tokens.get(at)).to_lowercase();
        let (mut result, mut used, mut copied) = (String::new(), Vec::new(), 0);
        for (at, token) in tokens.iter().enumerate() {
            let name = text_of(Some(token)).trim_matches('`').to_lowercase();
            let is_name = matches!(token.kind, Kind::Word | Kind::Quoted);
            let before = text_of(at.checked_sub(1).and_then(|it| tokens.get(it)));
            let after = text_of(tokens.get(at + 1));
            if let Some(system) = system_variable(&text, at) {
                let Some(variable) = VARIABLES_OF_SYSTEM.iter().find(|(it, ..)| *it == system)
                else {
                    return Err(unknown(&format!("the system variable {system}")));
                };
                result.push_str(&sql[copied..token.start]);
                result.push_str(&format!("@{VARIABLE}{}", variable.1));
                copied = tokens[at + variable.2 - 1].end;
                used.push(variable.1.to_owned());
                continue;
            }
            let Some((field, _)) = self.variables.get(&name).filter(|_| is_name) else { continue };
            // `name.part` is a column of a table, unless the variable has parts.
            let is_whole = after != "." || field.field_type == FieldType::Record;
            if before == "." || before.eq_ignore_ascii_case("AS") || after == "(" || !is_whole {
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
        let catalog = self.server().catalog();
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

    pub(super) async fn declare(
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

    pub(super) async fn set(&mut self, names: &[String], value: &str) -> Result<(), GoogleError> {
        let sql = if names.len() == 1 && !is_struct_query(value)? {
            format!("SELECT ({value})")
        } else {
            struct_query(value)?
        };
        let result = self.rows_of(&sql).await?;
        self.take_row(names, &result)
    }

    /// Sets variables to the columns of a query's only row.
    pub(super) fn take_row(
        &mut self,
        names: &[String],
        result: &QueryResult,
    ) -> Result<(), GoogleError> {
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
            let value = value_of(Some(result), at, &field)?;
            self.variables.insert(key, (field, value));
        }
        Ok(())
    }
}

/// Column `at` of the first row as an expression of a variable's type; NULL without a row.
pub(super) fn value_of(
    result: Option<&QueryResult>,
    at: usize,
    to: &Field,
) -> Result<String, GoogleError> {
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
