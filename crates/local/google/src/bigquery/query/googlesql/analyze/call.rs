//! Function calls: conditional functions, aggregates and the functions of the allow-list.

use super::expr::{common_type, unknown_function};
use super::json::{CHANGES, json_of_parts, left_out};
use super::scope::Scope;
use super::typed::{Literal, cast_expr};
use super::{Analyzer, Typed};
use crate::bigquery::query::googlesql::aggregates;
use crate::bigquery::query::googlesql::ast::{Call, Expr as Ast, OrderItem};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::functions;
use crate::bigquery::query::googlesql::plan::{AggregateCall, CallExpr, Expr, SortKey};
use crate::bigquery::query::googlesql::signature::choose;
use crate::bigquery::query::googlesql::special_calls::CONDITIONAL;
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;
use crate::bigquery::query::googlesql::window_functions;

/// Arguments that may have names, in their order.
const NAMED: [(&str, &[&str]); 8] = [
    ("JSON_STRIP_NULLS", &["JSON_EXPR", "JSON_PATH", "INCLUDE_ARRAYS", "REMOVE_EMPTY"]),
    ("JSON_KEYS", &["JSON_EXPR", "MAX_DEPTH", "MODE"]),
    ("FLOAT64_ARRAY", &["JSON_EXPR", "WIDE_NUMBER_MODE"]),
    ("PARSE_JSON", &["JSON_STRING_EXPR", "WIDE_NUMBER_MODE"]),
    ("TO_JSON", &["VALUE", "STRINGIFY_WIDE_NUMBERS"]),
    ("FLOAT64", &["JSON_EXPR", "WIDE_NUMBER_MODE"]),
    ("EDIT_DISTANCE", &["VALUE1", "VALUE2", "MAX_DISTANCE"]),
    ("MAKE_INTERVAL", &["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"]),
];

/// How many arguments may be without a name.
const NAMED_ONLY: [(&str, usize); 7] = [
    ("PARSE_JSON", 1),
    ("TO_JSON", 1),
    ("FLOAT64", 1),
    ("FLOAT64_ARRAY", 1),
    ("EDIT_DISTANCE", 2),
    ("JSON_KEYS", 2),
    ("JSON_STRIP_NULLS", 2),
];

/// Operators whose operands cannot be the word NULL: `x = NULL` is always a mistake, and BigQuery
/// refuses it.
const WITHOUT_NULL: [(&str, &str); 19] = [
    ("$eq", "="),
    ("$ne", "!="),
    ("$lt", "<"),
    ("$le", "<="),
    ("$gt", ">"),
    ("$ge", ">="),
    ("$add", "+"),
    ("$subtract", "-"),
    ("$multiply", "*"),
    ("$divide", "/"),
    ("$concat", "||"),
    ("$like", "LIKE"),
    ("$not", "NOT"),
    ("$minus", "-"),
    ("$plus", "+"),
    ("$bit_and", "&"),
    ("$bit_or", "|"),
    ("$bit_xor", "^"),
    ("$bit_not", "~"),
];

/// Whether an expression calls an aggregate function of this query.
pub(crate) fn has_aggregate(expr: &Ast) -> bool {
    if let Ast::Call(call) = expr
        && call.over.is_none()
        && aggregates::find(&call.name).is_some()
    {
        return true;
    }
    let mut found = false;
    expr.for_each_part(&mut |part| found |= has_aggregate(part));
    found
}

impl Analyzer<'_> {
    pub(super) fn call(&self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        if call.over.is_some() {
            return self.window_call(call, scope);
        }
        if let Some(aggregate) = aggregates::find(&call.name) {
            let Some(group) = scope.group else {
                return Err(SqlError::invalid(format!(
                    "Aggregate function {} not allowed here",
                    call.name
                )));
            };
            let _ = aggregate;
            let found = self.aggregate_call(call, &scope.input(), Some(&group.borrow().keys))?;
            let result = found.result.clone();
            let mut group = group.borrow_mut();
            let at = group.calls.iter().position(|it| *it == found).unwrap_or_else(|| {
                group.calls.push(found);
                group.calls.len() - 1
            });
            return Ok(Typed::new(Expr::column(group.keys.len() + at), result));
        }
        if window_functions::find(&call.name).is_some() {
            return Err(SqlError::invalid(format!("Function {} needs an OVER clause", call.name)));
        }
        let plain = !call.distinct
            && call.ignore_nulls.is_none()
            && call.order_by.is_empty()
            && call.limit.is_none()
            && call.having.is_none();
        if !plain {
            return Err(SqlError::invalid(format!(
                "DISTINCT, ORDER BY, LIMIT and similar clauses are not allowed in {}",
                call.name
            )));
        }
        if call.name == "SESSION_USER" && call.args.is_empty() && !call.safe {
            return Ok(self.parameter(super::SESSION_USER)?.without_literal());
        }
        if call.args.iter().any(|it| matches!(it, Ast::Lambda { .. })) {
            return self.lambda_call(call, scope);
        }
        if let Some(function) = self.user_function(call) {
            return self.user_call(function, call, scope);
        }
        let mut typed = match self.conditional(call, scope)? {
            Some(typed) if call.safe => {
                let _ = typed;
                return Err(SqlError::invalid(format!(
                    "Function {} does not support SAFE",
                    call.name
                )));
            }
            Some(typed) => typed,
            None => self.plain_call(call, scope)?,
        };
        if call.safe {
            match &mut typed.expr {
                Expr::Call(call) => call.safe = true,
                _ => return Err(SqlError::unknown(format!("SAFE.{}", call.name))),
            }
        }
        Ok(typed)
    }

    fn plain_call(&self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let function = functions::find(&call.name)
            .filter(|it| !it.name.starts_with('$') || call.name.starts_with('$'));
        let function = function.ok_or_else(|| unknown_function(&call.name))?;
        let operator = WITHOUT_NULL.iter().find(|(it, _)| *it == call.name);
        if let Some((_, operator)) = operator.filter(|_| call.args.contains(&Ast::Null)) {
            return Err(SqlError::invalid(format!(
                "Operands of {operator} cannot be literal NULL"
            )));
        }
        if NAMED_ONLY.iter().any(|(it, most)| *it == call.name && call.args.len() > *most) {
            return Err(SqlError::invalid(format!(
                "No matching signature for function {}: an argument needs its name",
                call.name
            )));
        }
        let mut args = self.arguments(call, scope)?;
        if let Some((_, flag)) = CHANGES.iter().find(|(it, _)| *it == call.name) {
            return self.json_change(function, call, flag, args, scope);
        }
        self.named_arguments(call, &mut args, scope)?;
        match call.name.as_str() {
            "FORMAT" => return self.format(function, args),
            "JSON_ARRAY" | "JSON_OBJECT" => return json_of_parts(function, args),
            "CONCAT" | "$concat" => args = as_texts(args),
            // ERROR has no value, so it has any type: `IF(x, 'a', ERROR('b'))`.
            "ERROR" => {
                let error = self.apply(&call.name, args)?;
                return Ok(Typed { literal: Literal::Null, ..error });
            }
            _ => {}
        }
        if call.name == "TO_JSON_STRING" || call.name == "TO_JSON" {
            // An untyped NULL or array keeps its own type.
            if let Some(first) = args.first_mut() {
                *first = first.clone().without_literal();
            }
        }
        self.apply(&call.name, args)
    }

    fn named_arguments(&self, call: &Call, args: &mut Vec<Typed>, scope: &Scope<'_>) -> Result<()> {
        for (name, value) in &call.named {
            let names = NAMED.iter().find(|(it, _)| *it == call.name).map(|(_, names)| *names);
            let at = names.and_then(|it| it.iter().position(|it| it == name));
            let Some(at) = at else {
                return Err(SqlError::unknown(format!("the argument {name} of {}", call.name)));
            };
            while args.len() < at {
                args.push(left_out(&call.name, args.len()));
            }
            let value = self.expr(value, scope)?;
            if args.len() == at {
                args.push(value);
            } else {
                args[at] = value;
            }
        }
        Ok(())
    }

    fn format(&self, function: &'static functions::Function, args: Vec<Typed>) -> Result<Typed> {
        if !args.first().is_some_and(|it| it.ty == Type::String || it.is_null()) {
            return Err(SqlError::invalid("FORMAT needs a STRING as its first argument"));
        }
        let types: Vec<Type> = args.iter().map(|it| it.ty.clone()).collect();
        let args = args.into_iter().map(|it| it.expr).collect();
        let call = CallExpr { function, args, types, result: Type::String, safe: false };
        Ok(Typed::new(Expr::Call(Box::new(call)), Type::String))
    }

    /// Functions that evaluate only some of their arguments.
    fn conditional(&self, call: &Call, scope: &Scope<'_>) -> Result<Option<Typed>> {
        let wrong =
            || SqlError::invalid(format!("No matching signature for function {}", call.name));
        match (call.name.as_str(), call.args.as_slice()) {
            ("IF", [test, yes, no]) => {
                let test = self.boolean(test, scope, "condition of IF")?;
                let results = vec![self.expr(yes, scope)?, self.expr(no, scope)?];
                self.choose_by(vec![test], results).map(Some)
            }
            ("COALESCE", args) if !args.is_empty() => self.coalesce(args, scope).map(Some),
            ("IFNULL", args @ [_, _]) => self.coalesce(args, scope).map(Some),
            ("NULLIF", [value, null]) => {
                let (value, null) = (self.expr(value, scope)?, self.expr(null, scope)?);
                let of = common_type(&[value.clone(), null.clone()])?;
                let value = value.coerce(&of)?;
                let test = self.apply("$eq", vec![value.clone(), null])?;
                let null = Typed::constant(Value::Null, of);
                self.choose_by(vec![test.expr], vec![null, value]).map(Some)
            }
            (name, _) if CONDITIONAL.iter().any(|(it, _)| *it == name) => Err(wrong()),
            _ => Ok(None),
        }
    }

    fn coalesce(&self, args: &[Ast], scope: &Scope<'_>) -> Result<Typed> {
        let args = args.iter().map(|it| self.expr(it, scope)).collect::<Result<Vec<_>>>()?;
        let of = common_type(&args)?;
        let args = args.into_iter().map(|it| Ok(it.coerce(&of)?.expr)).collect::<Result<_>>()?;
        Ok(Typed::new(Expr::Coalesce(args), of))
    }

    /// An aggregate function over the rows of `scope`. `keys` are the keys of GROUP BY.
    pub(super) fn aggregate_call(
        &self,
        call: &Call,
        scope: &Scope<'_>,
        keys: Option<&[(Expr, Type)]>,
    ) -> Result<AggregateCall> {
        let name = match call.args.as_slice() {
            [Ast::Star] if call.name == "COUNT" && !call.distinct => "$count_star",
            [] if call.name == "COUNT" => return Err(SqlError::invalid("COUNT needs an argument")),
            _ => &call.name,
        };
        let function = aggregates::find(name).ok_or_else(|| unknown_function(name))?;
        if call.safe || !call.named.is_empty() {
            return Err(SqlError::unknown(format!("SAFE or named arguments for {name}")));
        }
        let args = self.aggregate_args(name, call, scope)?;
        let mut grouping = None;
        if name == "GROUPING" {
            let keys = keys.unwrap_or_default();
            let key = args.first().and_then(|arg| keys.iter().position(|(it, _)| *it == arg.expr));
            grouping =
                Some(key.ok_or_else(|| SqlError::invalid("GROUPING needs a key of GROUP BY"))?);
        }
        let found = match choose(function.signatures, &args) {
            Some(found) => (found.args, found.result),
            None => top_signature(name, &args).ok_or_else(|| {
                let types: Vec<_> = args.iter().map(|it| it.ty.to_string()).collect();
                SqlError::invalid(format!(
                    "No matching signature for aggregate function {name} for argument types: {}",
                    types.join(", ")
                ))
            })?,
        };
        let (types, result) = found;
        check_aggregate(call, name, &types)?;
        let exprs = args.into_iter().zip(&types).map(|(arg, to)| Ok(arg.coerce(to)?.expr));
        let exprs = exprs.collect::<Result<Vec<_>>>()?;
        let having = match &call.having {
            Some((max, expr)) => Some((*max, self.expr(expr, scope)?.expr)),
            None => None,
        };
        let limit = call.limit.as_deref().map(|it| self.aggregate_limit(it, scope)).transpose()?;
        Ok(AggregateCall {
            function,
            order: self.sort_keys(&call.order_by, scope)?,
            args: exprs,
            types,
            result,
            distinct: call.distinct,
            ignore_nulls: call.ignore_nulls == Some(true),
            limit,
            having,
            filter: None,
            grouping,
        })
    }

    fn aggregate_args(&self, name: &str, call: &Call, scope: &Scope<'_>) -> Result<Vec<Typed>> {
        if name == "$count_star" {
            return Ok(Vec::new());
        }
        let mut args =
            call.args.iter().map(|it| self.expr(it, scope)).collect::<Result<Vec<_>>>()?;
        if name == "APPROX_QUANTILES" {
            if args.len() != 2 {
                return Err(SqlError::invalid("APPROX_QUANTILES needs two arguments"));
            }
            if call.ignore_nulls == Some(false) {
                args.push(Typed::constant(Value::Bool(true), Type::Bool));
            }
        }
        Ok(args)
    }

    fn aggregate_limit(&self, limit: &Ast, scope: &Scope<'_>) -> Result<usize> {
        match self.expr(limit, scope)?.expr {
            Expr::Literal(Value::Int(limit)) if limit >= 0 => {
                Ok(usize::try_from(limit).unwrap_or(usize::MAX))
            }
            _ => Err(SqlError::invalid("LIMIT in an aggregate function needs a number")),
        }
    }

    /// ORDER BY. NULL is the smallest value unless the statement says otherwise.
    pub(super) fn sort_keys(&self, items: &[OrderItem], scope: &Scope<'_>) -> Result<Vec<SortKey>> {
        let key = |item: &OrderItem| {
            let typed = self.expr(&item.expr, scope)?;
            sort_key(typed, item)
        };
        items.iter().map(key).collect()
    }
}

pub(super) fn sort_key(typed: Typed, item: &OrderItem) -> Result<SortKey> {
    if !typed.ty.is_orderable() {
        return Err(SqlError::invalid(format!(
            "ORDER BY does not support expressions of type {}",
            typed.ty
        )));
    }
    Ok(SortKey {
        expr: typed.expr,
        descending: item.descending,
        nulls_first: item.nulls_first.unwrap_or(!item.descending),
    })
}

/// Arguments of CONCAT: `CONCAT('Summer', ' ', 1923)` is a text. With BYTES and arrays, nothing is
/// converted.
fn as_texts(args: Vec<Typed>) -> Vec<Typed> {
    use Type::{BigNumeric, Bool, Date, Datetime, Float64, Int64, Numeric, Time, Timestamp};
    let has_text = |it: &Typed| {
        let of = &it.ty;
        let simple = matches!(of, Bool | Int64 | Float64 | Numeric | BigNumeric | Type::String);
        simple || matches!(of, Date | Time | Datetime | Timestamp) || it.is_null()
    };
    if !args.iter().all(has_text) {
        return args;
    }
    let text = |it: Typed| match it.is_null() || it.ty == Type::String {
        true => it,
        false => Typed::new(cast_expr(it.expr, &it.ty, &Type::String), Type::String),
    };
    args.into_iter().map(text).collect()
}

/// The signatures whose result is an array of values and their weights.
fn top_signature(name: &str, args: &[Typed]) -> Option<(Vec<Type>, Type)> {
    let (weight_name, weight) = match (name, args) {
        ("APPROX_TOP_COUNT", [_, number]) if number.ty == Type::Int64 => ("count", None),
        ("APPROX_TOP_SUM", [_, weight, number]) if number.ty == Type::Int64 => {
            ("sum", Some(weight.ty.clone()).filter(Type::is_numeric))
        }
        _ => return None,
    };
    let mut types = vec![args[0].ty.clone()];
    types.extend(weight.clone());
    types.push(Type::Int64);
    let fields = vec![
        ("value".to_owned(), args[0].ty.clone()),
        (weight_name.to_owned(), weight.unwrap_or(Type::Int64)),
    ];
    (types.len() == args.len()).then(|| (types, Type::array(Type::structure(fields))))
}

fn check_aggregate(call: &Call, name: &str, types: &[Type]) -> Result<()> {
    let invalid = |what: &str| Err(SqlError::invalid(format!("Aggregate function {name} {what}")));
    let first = types.first();
    if call.distinct && first.is_none_or(|it| !it.is_groupable()) {
        return invalid("cannot use DISTINCT with this argument");
    }
    let ordered = matches!(name, "MIN" | "MAX" | "APPROX_QUANTILES");
    if ordered && first.is_some_and(|it| !it.is_orderable()) {
        return invalid("needs a type that has an order");
    }
    let counted = matches!(name, "APPROX_COUNT_DISTINCT" | "APPROX_TOP_COUNT" | "APPROX_TOP_SUM");
    if counted && first.is_some_and(|it| !it.is_groupable()) {
        return invalid("needs a type that can be grouped");
    }
    if name == "ARRAY_AGG" && matches!(first, Some(Type::Array(_))) {
        return invalid("does not support arrays");
    }
    let takes_order = matches!(name, "ARRAY_AGG" | "STRING_AGG" | "ARRAY_CONCAT_AGG");
    if (!call.order_by.is_empty() || call.limit.is_some()) && !takes_order {
        return invalid("does not support ORDER BY and LIMIT");
    }
    if call.ignore_nulls.is_some()
        && !matches!(name, "ARRAY_AGG" | "ANY_VALUE" | "APPROX_QUANTILES")
    {
        return invalid("does not support IGNORE NULLS or RESPECT NULLS");
    }
    if call.distinct
        && !call.order_by.is_empty()
        && call.args.first() != call.order_by.first().map(|it| &it.expr)
    {
        return invalid("with DISTINCT can only be ordered by its argument");
    }
    Ok(())
}
