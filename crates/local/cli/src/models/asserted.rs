//! Runs the tests of a package and shows what they found: numbers, no rows.

use std::fmt::Write;

use landbridge_cli_support::assertions::Assertion;
use landbridge_cli_support::render::counted;
use landbridge_local::Principal;
use serde::Serialize;
use serde_json::Value;

use crate::bigquery::{BigQuery, QueryError};

/// An assertion that was run.
#[derive(Debug, Serialize)]
pub(super) struct Asserted {
    assertion: String,
    outcome: Outcome,
    /// The failures, as the assertion counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<i64>,
    /// Why it could not be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What an assertion says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Pass,
    Warn,
    Fail,
    /// It could not be run, which counts as a failure.
    Error,
}

/// Runs every assertion, as the account of the models.
///
/// # Errors
/// The warehouse does not respond.
pub(super) async fn run(
    warehouse: &BigQuery,
    assertions: &[Assertion],
) -> Result<Vec<Asserted>, QueryError> {
    let mut all = Vec::new();
    for assertion in assertions {
        let name = assertion.name.clone();
        all.push(match warehouse.query(Principal::Models, &statement(assertion)).await {
            Ok(rows) => {
                let row = rows.rows.first().map_or(&[][..], Vec::as_slice);
                let flag = |at: usize| row.get(at) == Some(&Value::Bool(true));
                let outcome = match (flag(1), flag(2)) {
                    (true, _) => Outcome::Fail,
                    (false, true) => Outcome::Warn,
                    (false, false) => Outcome::Pass,
                };
                let failures = row.first().and_then(Value::as_i64);
                Asserted { assertion: name, outcome, failures, error: None }
            }
            Err(error @ QueryError::Unreachable(_)) => return Err(error),
            Err(error) => {
                let error = Some(error.to_string());
                Asserted { assertion: name, outcome: Outcome::Error, failures: None, error }
            }
        });
    }
    Ok(all)
}

/// Counts the rows of an assertion, and compares the count. The query may end with a comment.
fn statement(assertion: &Assertion) -> String {
    let rule = &assertion.rule;
    let count = &rule.count;
    let flag = |condition: &Option<String>| {
        condition.as_ref().map_or_else(|| "FALSE".to_owned(), |it| format!("{count} {it}"))
    };
    let (fails, warns) = (flag(&rule.fails_if), flag(&rule.warns_if));
    let sql = &assertion.sql;
    format!("SELECT {count} AS failures, {fails} AS fails, {warns} AS warns\nFROM (\n{sql}\n)")
}

/// How many assertions failed or could not be run.
pub(super) fn failed(all: &[Asserted]) -> usize {
    all.iter().filter(|it| matches!(it.outcome, Outcome::Fail | Outcome::Error)).count()
}

/// One line that counts, and one for each assertion that did not pass.
pub(super) fn text(all: &[Asserted]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let passed = all.iter().filter(|it| it.outcome == Outcome::Pass).count();
    let mut text = format!("\n{} run, {passed} passed\n", counted(all.len(), "assertion"));
    for Asserted { assertion, outcome, failures, error } in all {
        let found = match (outcome, failures, error) {
            (Outcome::Pass, ..) => continue,
            (_, _, Some(error)) => format!("error: {error}"),
            (Outcome::Warn, failures, _) => format!("warning: {} failures", failures.unwrap_or(0)),
            (_, failures, _) => format!("failed: {} failures", failures.unwrap_or(0)),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {assertion}: {found}");
    }
    text
}
