//! Functions that a statement defines for itself: `CREATE TEMP FUNCTION name(x INT64) AS (x + 1)`.
//!
//! Source: GoogleSQL reference, "CREATE FUNCTION statement" and "User-defined functions". A call is
//! analysed as its body, in which only the parameters are names. Functions in JavaScript or Python,
//! aggregate functions, functions that read tables and functions that stay in a dataset are refused.

use super::ast::Expr;
use super::error::{Result, SqlError};
use super::special_calls::{CONDITIONAL, WITH_LAMBDA};
use super::tables::tables_in;
use super::types::Type;
use super::{aggregates, functions, window_functions};

/// How deep calls of such functions may be nested.
pub(super) const MAX_CALLS: usize = 50;

/// A function of one statement or script.
#[derive(Clone, Debug)]
pub(crate) struct UserFunction {
    /// In upper case.
    pub(super) name: String,
    /// Names and types; `None` for ANY TYPE.
    pub(super) parameters: Vec<(String, Option<Type>)>,
    pub(super) returns: Option<Type>,
    pub(super) body: Expr,
}

impl UserFunction {
    /// Checks what a definition says.
    pub(super) fn check(self) -> Result<Self> {
        let name = &self.name;
        let is_known = functions::find(name).is_some()
            || aggregates::find(name).is_some()
            || window_functions::find(name).is_some()
            || CONDITIONAL.iter().any(|(it, _)| it == name)
            || WITH_LAMBDA.iter().any(|it| it == name);
        if is_known {
            return Err(SqlError::unknown(format!(
                "a function with the name {name} of a built-in one"
            )));
        }
        for (at, (parameter, _)) in self.parameters.iter().enumerate() {
            let is_taken = |(it, _): &(String, _)| it.eq_ignore_ascii_case(parameter);
            if self.parameters[..at].iter().any(is_taken) {
                return Err(SqlError::invalid(format!("Duplicate argument name {parameter}")));
            }
        }
        if let Some(table) = tables_in(&self.body).first() {
            let path = table.path.join(".");
            return Err(SqlError::unknown(format!(
                "functions that read tables ({name} reads {path})"
            )));
        }
        Ok(self)
    }
}

/// Whether a call in the expression has another result each time.
pub(super) fn is_volatile(expr: &Expr) -> bool {
    let mut found =
        matches!(expr, Expr::Call(call) if ["RAND", "GENERATE_UUID"].contains(&call.name.as_str()));
    expr.for_each_part(&mut |part| found |= is_volatile(part));
    found
}
