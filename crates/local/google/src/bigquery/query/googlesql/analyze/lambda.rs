//! ARRAY_FILTER and ARRAY_TRANSFORM.
//!
//! Semantics: GoogleSQL reference, "Lambdas" and "Array functions".

use super::expr::{subquery_expr, unknown_function};
use super::scope::{NamedColumn, Names, Scope};
use super::{Analyzer, Typed};
use crate::bigquery::query::googlesql::ast::{Call, Expr as Ast};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::plan::{Expr, Node, SubqueryKind};
use crate::bigquery::query::googlesql::special_calls::WITH_LAMBDA;
use crate::bigquery::query::googlesql::tables::same_name;
use crate::bigquery::query::googlesql::types::Type;

impl Analyzer<'_> {
    /// A call with a lambda. The lambda sees its parameters, and the names around the call.
    pub(super) fn lambda_call(&self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let name = call.name.as_str();
        if !WITH_LAMBDA.contains(&name) {
            return Err(unknown_function(&format!("{name} with a lambda")));
        }
        if call.safe {
            return Err(SqlError::unknown(format!("SAFE.{name}")));
        }
        let [array, Ast::Lambda { parameters, body }] = call.args.as_slice() else {
            return Err(SqlError::invalid(format!(
                "No matching signature for function {name}: it needs an array and a lambda"
            )));
        };
        let array = self.expr(array, scope)?;
        let element = array.ty.element().filter(|_| !array.is_null()).cloned();
        let element = element.ok_or_else(|| {
            SqlError::invalid(format!("No matching signature for function {name}: no array"))
        })?;
        let names = lambda_names(parameters, &element)?;
        let elements = Scope::new(names, Some(scope));
        let body = self.expr(body, &Scope::new(Names::default(), Some(&elements)))?;
        let filter = name == "ARRAY_FILTER";
        let of = match (filter, &body.ty) {
            (true, Type::Bool) => element,
            (true, _) if body.is_null() => element,
            (true, of) => {
                return Err(SqlError::invalid(format!(
                    "The lambda of ARRAY_FILTER must be BOOL, not {of}"
                )));
            }
            (false, Type::Array(_)) => {
                return Err(SqlError::invalid(
                    "The lambda of ARRAY_TRANSFORM cannot make an ARRAY of ARRAY",
                ));
            }
            (false, of) => of.clone(),
        };
        let plan = Node::Project { input: Box::new(Node::One), exprs: vec![body.expr] };
        let kind = SubqueryKind::Lambda { array: array.expr, filter };
        Ok(Typed::new(subquery_expr(kind, plan), Type::array(of)))
    }
}

/// The element, and perhaps its offset.
fn lambda_names(parameters: &[String], element: &Type) -> Result<Names> {
    let types = [element.clone(), Type::Int64];
    if parameters.is_empty() || parameters.len() > types.len() {
        return Err(SqlError::invalid("A lambda over an array has one or two parameters"));
    }
    if let [one, other] = parameters
        && same_name(one, other)
    {
        return Err(SqlError::invalid(format!("Duplicate lambda argument name {one}")));
    }
    let columns = parameters.iter().zip(types).enumerate().map(|(at, (name, ty))| NamedColumn {
        name: name.clone(),
        ty,
        expr: Expr::column(at),
    });
    Ok(Names { columns: columns.collect(), width: 2, ..Names::default() })
}
