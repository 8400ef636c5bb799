//! Calls of functions of JSON whose arguments have any number and any type.

use super::scope::Scope;
use super::{Analyzer, Typed};
use crate::bigquery::query::googlesql::ast::Call;
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::functions::Function;
use crate::bigquery::query::googlesql::plan::{CallExpr, Expr};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

/// Functions of a document, then pairs of a path and a value, and the name of their last argument.
pub(super) const CHANGES: [(&str, &str); 3] = [
    ("JSON_SET", "CREATE_IF_MISSING"),
    ("JSON_ARRAY_APPEND", "APPEND_EACH_ELEMENT"),
    ("JSON_ARRAY_INSERT", "INSERT_EACH_ELEMENT"),
];

/// The value of an argument that is left out before a named one.
pub(super) fn left_out(function: &str, at: usize) -> Typed {
    match (function, at) {
        ("JSON_STRIP_NULLS", 1) => Typed::constant(Value::text("$"), Type::String),
        ("JSON_STRIP_NULLS", _) => Typed::constant(Value::Bool(true), Type::Bool),
        ("JSON_KEYS", _) => Typed::constant(Value::Int(i64::MAX), Type::Int64),
        _ => Typed::constant(Value::Int(0), Type::Int64),
    }
}

fn wrong(function: &Function) -> SqlError {
    SqlError::invalid(format!("No matching signature for function {}", function.name))
}

/// A call whose arguments keep their types.
fn call_of(function: &'static Function, args: Vec<Typed>) -> Typed {
    let types: Vec<Type> = args.iter().map(|it| it.ty.clone()).collect();
    let args = args.into_iter().map(|it| it.expr).collect();
    let call = CallExpr { function, args, types, result: Type::Json, safe: false };
    Typed::new(Expr::Call(Box::new(call)), Type::Json)
}

/// JSON_ARRAY and JSON_OBJECT.
pub(super) fn json_of_parts(function: &'static Function, mut args: Vec<Typed>) -> Result<Typed> {
    if function.name == "JSON_OBJECT" {
        let of_arrays = matches!(args.first(), Some(first) if matches!(first.ty, Type::Array(_)));
        if of_arrays {
            let texts = Type::array(Type::String);
            if args.len() != 2 || !matches!(args[1].ty, Type::Array(_)) {
                return Err(wrong(function));
            }
            args[0] = args[0].clone().coerce(&texts).map_err(|_| wrong(function))?;
        } else if args.len() % 2 == 1 {
            return Err(wrong(function));
        } else {
            for at in (0..args.len()).step_by(2) {
                args[at] = args[at].clone().coerce(&Type::String).map_err(|_| wrong(function))?;
            }
        }
    }
    Ok(call_of(function, args))
}

impl Analyzer<'_> {
    /// A call of one of [`CHANGES`]: its last argument has a name and is TRUE if it is left out.
    pub(super) fn json_change(
        &self,
        function: &'static Function,
        call: &Call,
        flag: &str,
        mut args: Vec<Typed>,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        if args.len() < 3 || args.len().is_multiple_of(2) {
            return Err(wrong(function));
        }
        args[0] = args[0].clone().coerce(&Type::Json).map_err(|_| wrong(function))?;
        for at in (1..args.len()).step_by(2) {
            args[at] = args[at].clone().coerce(&Type::String).map_err(|_| wrong(function))?;
        }
        args.push(match call.named.as_slice() {
            [] => Typed::constant(Value::Bool(true), Type::Bool),
            [(name, value)] if name == flag => {
                self.expr(value, scope)?.coerce(&Type::Bool).map_err(|_| wrong(function))?
            }
            _ => return Err(wrong(function)),
        });
        Ok(call_of(function, args))
    }
}
