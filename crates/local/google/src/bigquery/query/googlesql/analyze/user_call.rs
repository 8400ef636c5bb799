//! Calls of functions that the statement defines.

use super::scope::{NamedColumn, Names, Scope};
use super::{Analyzer, Typed};
use crate::bigquery::query::googlesql::ast::{Call, Expr as Ast};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::user_function::{MAX_CALLS, UserFunction, is_volatile};

impl Analyzer<'_> {
    /// The function of the statement that a call names.
    pub(super) fn user_function(&self, call: &Call) -> Option<&UserFunction> {
        // The last definition counts: CREATE OR REPLACE.
        self.functions.iter().rev().find(|it| it.name == call.name)
    }

    /// The body of the function with the arguments as its parameters. The body sees no other name, and its
    /// row is that of the call: an argument means the same there.
    pub(super) fn user_call(
        &self,
        function: &UserFunction,
        call: &Call,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let name = &call.name;
        if call.safe || !call.named.is_empty() {
            return Err(SqlError::unknown(format!("SAFE or named arguments for {name}")));
        }
        if call.args.len() != function.parameters.len() {
            return Err(SqlError::invalid(format!(
                "Number of arguments does not match for function {name}: {} instead of {}",
                call.args.len(),
                function.parameters.len()
            )));
        }
        // An argument is computed once in BigQuery, and here wherever the body names it.
        if call.args.iter().any(is_volatile) {
            return Err(SqlError::unknown(format!("random arguments of {name}")));
        }
        let mut columns = Vec::new();
        for ((parameter, to), arg) in function.parameters.iter().zip(&call.args) {
            let mut arg = self.expr(arg, scope)?;
            if let Some(to) = to {
                arg = arg.coerce(to)?;
            }
            if arg.expr.has_subquery() && has_query(&function.body) {
                return Err(SqlError::unknown(format!(
                    "a subquery as an argument of {name}, whose body has one too"
                )));
            }
            columns.push(NamedColumn { name: parameter.clone(), ty: arg.ty, expr: arg.expr });
        }
        if self.calls.get() >= MAX_CALLS {
            return Err(SqlError::invalid(format!("Calls of {name} are nested too deeply.")));
        }
        self.calls.set(self.calls.get() + 1);
        let names = Names { columns, ..Names::default() };
        let body = self.expr(&function.body, &Scope::new(names, None));
        self.calls.set(self.calls.get() - 1);
        let body = body?;
        let result = match &function.returns {
            Some(to) => body.coerce(to)?,
            None => body,
        };
        Ok(result.without_literal())
    }
}

/// Whether an expression has a subquery.
fn has_query(expr: &Ast) -> bool {
    let mut found = matches!(
        expr,
        Ast::InQuery { .. }
            | Ast::ArrayQuery(_)
            | Ast::Exists(_)
            | Ast::Scalar(_)
            | Ast::Lambda { .. }
    );
    expr.for_each_part(&mut |part| found |= has_query(part));
    found
}
