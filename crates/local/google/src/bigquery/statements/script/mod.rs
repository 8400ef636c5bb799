//! Scripts: several statements, variables, conditions and loops (GoogleSQL reference, "Procedural
//! language").
//!
//! Procedures and labels are refused by name before any statement runs. A variable becomes
//! a parameter of each statement that names it.
//!
//! | module | what |
//! |---|---|
//! | `parse` | the text of a script as a tree |
//! | `run` | the statements of a tree, loops, exceptions and dynamic SQL |
//! | `transaction` | BEGIN, COMMIT and ROLLBACK TRANSACTION |
//! | `variables` | the values of variables, and their places in a statement |

mod parse;
mod run;
mod transaction;
mod variables;

use serde_json::json;

use super::tokens::{Cursor, tokenize};
use super::{StatementResult, is_query, unknown};
use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::bigquery::query::QuerySpec;
use crate::bigquery::query::googlesql::UserFunction;
use crate::bigquery::schema::Field;
use crate::error::GoogleError;
use parse::parse_block;
use run::Script;

/// A statement of a script.
enum Node {
    Declare {
        names: Vec<String>,
        field: Option<Field>,
        default: Option<String>,
    },
    Set {
        names: Vec<String>,
        value: String,
    },
    If {
        branches: Vec<(String, Vec<Node>)>,
        otherwise: Vec<Node>,
    },
    Block {
        body: Vec<Node>,
        exception: Option<Vec<Node>>,
    },
    Loop(Loop),
    Leave(Leave),
    Raise {
        message: Option<String>,
    },
    Assert {
        condition: String,
    },
    Execute(Execute),
    /// BEGIN TRANSACTION
    Begin,
    Commit,
    Rollback,
    Function(UserFunction),
    Statement(String),
}

/// A loop: its body runs again as long as the condition of its kind says so.
struct Loop {
    kind: LoopKind,
    body: Vec<Node>,
}

enum LoopKind {
    /// LOOP: until BREAK.
    Endless,
    While(String),
    /// REPEAT: the condition is tested behind the body.
    Until(String),
    /// FOR: a variable, and the query whose rows it takes.
    Rows {
        variable: String,
        query: String,
    },
}

/// A statement that ends a loop, one turn of it or the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    Break,
    Continue,
    Return,
}

/// EXECUTE IMMEDIATE.
struct Execute {
    sql: String,
    into: Vec<String>,
    /// Expressions and the names of the parameters that they become.
    using: Vec<(String, Option<String>)>,
}

/// The words with which a statement begins that exists in scripts only.
const SCRIPT_WORDS: [&str; 14] = [
    "DECLARE", "SET", "BEGIN", "IF", "ASSERT", "WHILE", "LOOP", "REPEAT", "FOR", "CASE", "EXECUTE",
    "RAISE", "COMMIT", "ROLLBACK",
];

/// Whether a text is a script: it has several statements, or one that exists in scripts only.
pub(super) fn is_script(cursor: &Cursor<'_>) -> bool {
    if SCRIPT_WORDS.iter().any(|it| cursor.is_next(&[it])) {
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
        let mut script = Script::new(self, caller, spec.clone());
        if !dry_run {
            script.run_all(&nodes).await?;
        }
        let children = script.children;
        let result = children.last().map(|(_, it)| it.result.clone()).unwrap_or_default();
        let done = StatementResult::done("SCRIPT", json!({}));
        Ok(StatementResult { result, children, ..done })
    }
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
            ("BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN SELECT 2; END;", 1),
            ("BEGIN TRANSACTION; SELECT 1; COMMIT TRANSACTION; BEGIN; ROLLBACK", 5),
            (
                "FOR r IN (SELECT 1 AS a) DO SELECT r.a; END FOR; REPEAT SELECT 1; UNTIL TRUE END REPEAT",
                2,
            ),
            ("EXECUTE IMMEDIATE CONCAT('SELECT ', '@a') INTO x, y USING 1 AS a, 2", 1),
            (
                "IF x > 1 THEN SELECT 1; ELSEIF x = 1 THEN SELECT 2; ELSE SELECT 3; END IF; SELECT 4",
                2,
            ),
        ] {
            assert_eq!(parse(sql), Ok(want), "{sql}");
        }
        for (sql, part) in [
            ("SELECT 1; CALL p()", "CALL"),
            ("WHILE TRUE DO SELECT 1;", "END WHILE"),
            ("IF TRUE THEN SELECT 1;", "END IF"),
            ("BEGIN SELECT 1; EXCEPTION SELECT 2; END;", "WHEN ERROR THEN"),
        ] {
            let refused = parse(sql).expect_err(sql);
            assert!(refused.contains(part), "{sql}: {refused}");
        }
    }
}
