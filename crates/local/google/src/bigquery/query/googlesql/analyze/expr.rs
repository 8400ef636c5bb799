//! Expressions.

use std::sync::OnceLock;

use super::scope::Scope;
use super::typed::{Literal, supertype};
use super::{Analyzer, OutColumn, Relation, Typed};
use crate::bigquery::query::googlesql::ast::{Expr as Ast, Query};
use crate::bigquery::query::googlesql::casts::cast;
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::functions;
use crate::bigquery::query::googlesql::numeric::{BIG_SCALE, NUMERIC_SCALE, fits_scale};
use crate::bigquery::query::googlesql::plan::{
    CallExpr, CastExpr, Expr, Node, Subquery, SubqueryKind,
};
use crate::bigquery::query::googlesql::signature::choose;
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

impl Analyzer<'_> {
    pub(super) fn expr(&self, expr: &Ast, scope: &Scope<'_>) -> Result<Typed> {
        if let Some(key) = self.as_key(expr, scope) {
            return Ok(key);
        }
        match expr {
            Ast::Null
            | Ast::Bool(_)
            | Ast::Int(_)
            | Ast::Float(..)
            | Ast::Text(_)
            | Ast::Bytes(_)
            | Ast::Typed(..) => literal(expr),
            Ast::Path(path) => self.path(path, scope),
            Ast::Field(value, name) => {
                let value = self.expr(value, scope)?;
                self.field(value, name)
            }
            Ast::Param(name) => self.parameter(name),
            Ast::Positional(at) => self.positional(*at),
            Ast::Call(call) => self.call(call, scope),
            Ast::And(..)
            | Ast::Or(..)
            | Ast::Is { .. }
            | Ast::DistinctFrom { .. }
            | Ast::InList { .. }
            | Ast::InQuery { .. }
            | Ast::InArray { .. }
            | Ast::LikeList { .. }
            | Ast::LikeArray { .. } => self.condition(expr, scope),
            Ast::Case { operand, whens, otherwise } => {
                self.case(operand.as_deref(), whens, otherwise.as_deref(), scope)
            }
            Ast::Cast { value, to, safe, format, zone } => {
                if let Some(format) = format {
                    return self.cast_format(value, to, *safe, (format, zone.as_deref()), scope);
                }
                self.cast(value, to, *safe, zone.as_deref(), scope)
            }
            Ast::Extract { part, value, zone } => self.extract(part, value, zone.as_deref(), scope),
            Ast::Interval { value, part, to } => self.interval(value, part, to.as_deref(), scope),
            Ast::Array { element, items } => self.array(element.as_ref(), items, scope),
            Ast::ArrayQuery(query) => self.array_query(query, scope),
            Ast::Struct { fields, items, tuple } => {
                self.structure(fields.as_deref(), items, *tuple, scope)
            }
            Ast::Exists(query) => {
                let relation = self.query(query, Some(scope))?;
                Ok(Typed::new(subquery_expr(SubqueryKind::Exists, relation.node), Type::Bool))
            }
            Ast::Scalar(query) => {
                let column = self.subquery(query, scope)?;
                Ok(Typed::new(subquery_expr(SubqueryKind::Scalar, column.node), column.typed.ty))
            }
            Ast::Index { value, kind, index } => self.index(value, kind, index, scope),
            Ast::Star => Err(SqlError::invalid("Syntax error: Unexpected \"*\"")),
            Ast::Lambda { .. } => Err(SqlError::invalid(
                "A lambda can only be the second argument of ARRAY_FILTER and ARRAY_TRANSFORM",
            )),
        }
    }

    /// After GROUP BY, an expression that is a key.
    fn as_key(&self, expr: &Ast, scope: &Scope<'_>) -> Option<Typed> {
        let group = scope.group?;
        let composed = !matches!(
            expr,
            Ast::Null
                | Ast::Bool(_)
                | Ast::Int(_)
                | Ast::Float(..)
                | Ast::Text(_)
                | Ast::Bytes(_)
                | Ast::Path(_)
        );
        if !composed || group.borrow().keys.is_empty() {
            return None;
        }
        let input = self.expr(expr, &scope.input()).ok()?;
        let group = group.borrow();
        let at = group.keys.iter().position(|(it, _)| *it == input.expr)?;
        Some(Typed::new(Expr::column(at), group.keys[at].1.clone()))
    }

    pub(super) fn parameter(&self, name: &str) -> Result<Typed> {
        let found = self.parameters.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        let found = found
            .ok_or_else(|| SqlError::invalid(format!("Query parameter '{name}' not found")))?;
        Ok(Typed::constant(found.value.clone(), found.of.clone()))
    }

    fn positional(&self, at: usize) -> Result<Typed> {
        let found = self.parameters.get(at).filter(|it| it.name.is_empty());
        let found = found.ok_or_else(|| SqlError::invalid("Query parameter ? not found"))?;
        Ok(Typed::constant(found.value.clone(), found.of.clone()))
    }

    fn array_query(&self, query: &Query, scope: &Scope<'_>) -> Result<Typed> {
        let column = self.subquery(query, scope)?;
        if matches!(column.typed.ty, Type::Array(_)) {
            return Err(SqlError::invalid("Cannot use array subquery with column of type ARRAY"));
        }
        let of = Type::array(column.typed.ty);
        Ok(Typed::new(subquery_expr(SubqueryKind::Array, column.node), of))
    }

    /// Calls a function with arguments that are analysed already.
    pub(super) fn apply(&self, name: &str, args: Vec<Typed>) -> Result<Typed> {
        let function = functions::find(name).ok_or_else(|| unknown_function(name))?;
        let Some(found) = choose(function.signatures, &args) else {
            let types: Vec<_> = args.iter().map(|it| it.ty.to_string()).collect();
            return Err(SqlError::invalid(format!(
                "No matching signature for {} for argument types: {}",
                display_name(name),
                types.join(", ")
            )));
        };
        check_kinds(name, &found.args)?;
        check_words(function, &found.args, &args)?;
        let args = args.into_iter().zip(&found.args).map(|(arg, to)| Ok(arg.coerce(to)?.expr));
        let args = args.collect::<Result<Vec<_>>>()?;
        let result = found.result.clone();
        let call =
            CallExpr { function, args, types: found.args, result: found.result, safe: false };
        Ok(Typed::new(Expr::Call(Box::new(call)), result))
    }

    /// A subquery with one column.
    pub(super) fn subquery(&self, query: &Query, scope: &Scope<'_>) -> Result<SubqueryColumn> {
        let Relation { node, mut columns, .. } = self.query(query, Some(scope))?;
        match (columns.pop(), columns.is_empty()) {
            (Some(OutColumn { typed, .. }), true) => Ok(SubqueryColumn { node, typed }),
            _ => Err(SqlError::invalid(
                "A scalar, array or IN subquery cannot have more than one column unless it uses \
                 SELECT AS STRUCT",
            )),
        }
    }

    fn case(
        &self,
        operand: Option<&Ast>,
        whens: &[(Ast, Ast)],
        otherwise: Option<&Ast>,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let operand = operand.map(|it| self.expr(it, scope)).transpose()?;
        let mut tests = Vec::new();
        let mut results = Vec::new();
        for (when, then) in whens {
            tests.push(match &operand {
                None => self.boolean(when, scope, "condition of CASE")?,
                Some(operand) => {
                    let when = self.expr(when, scope)?;
                    self.apply("$eq", vec![operand.clone(), when])?.expr
                }
            });
            results.push(self.expr(then, scope)?);
        }
        results.push(otherwise.map_or(Ok(Typed::null()), |it| self.expr(it, scope))?);
        self.choose_by(tests, results)
    }

    /// The result of the first test that is TRUE, otherwise the last one.
    pub(super) fn choose_by(&self, tests: Vec<Expr>, results: Vec<Typed>) -> Result<Typed> {
        let of = common_type(&results)?;
        let results =
            results.into_iter().map(|it| Ok(it.coerce(&of)?.expr)).collect::<Result<Vec<_>>>()?;
        let mut results = results;
        let otherwise = Box::new(results.pop().unwrap_or(Expr::Literal(Value::Null)));
        let whens = tests.into_iter().zip(results).collect();
        Ok(Typed::new(Expr::Case { whens, otherwise }, of))
    }

    fn array(&self, element: Option<&Type>, items: &[Ast], scope: &Scope<'_>) -> Result<Typed> {
        let items = items.iter().map(|it| self.expr(it, scope)).collect::<Result<Vec<_>>>()?;
        let of = match element {
            Some(element) => element.clone(),
            None if items.is_empty() => {
                let expr = Expr::Array(Vec::new());
                let ty = Type::array(Type::Int64);
                return Ok(Typed { literal: Literal::EmptyArray, ..Typed::new(expr, ty) });
            }
            None => common_type(&items)?,
        };
        if matches!(of, Type::Array(_)) {
            return Err(SqlError::invalid("Cannot construct array with element type ARRAY"));
        }
        let is_literal = element.is_none()
            && items.iter().all(|it| matches!(it.literal, Literal::Yes | Literal::Null));
        let items = items.into_iter().map(|it| Ok(it.coerce(&of)?.expr)).collect::<Result<_>>()?;
        let literal = if is_literal { Literal::Yes } else { Literal::No };
        Ok(Typed { literal, ..Typed::new(Expr::Array(items), Type::array(of)) })
    }

    fn structure(
        &self,
        fields: Option<&[(String, Type)]>,
        items: &[(Ast, Option<String>)],
        tuple: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        if fields.is_some_and(|it| it.len() != items.len()) {
            return Err(SqlError::invalid("A STRUCT has another number of values than its type"));
        }
        let mut exprs = Vec::new();
        let mut types = Vec::new();
        for (at, (item, alias)) in items.iter().enumerate() {
            let value = self.expr(item, scope)?;
            let (name, of) = match fields {
                Some(fields) => fields[at].clone(),
                // `(a, b)` has fields without names, `STRUCT(a, b)` has the names of the columns.
                None if tuple => (String::new(), value.ty.clone()),
                None => (alias.clone().unwrap_or_else(|| implied_name(item)), value.ty.clone()),
            };
            if alias.is_some() && fields.is_some() {
                return Err(SqlError::invalid("A STRUCT with a type cannot have AS"));
            }
            let expr = value.coerce(&of)?.expr;
            exprs.push(if fields.is_some() { pinned(expr, &of) } else { expr });
            types.push((name, of));
        }
        Ok(Typed::new(Expr::Struct(exprs), Type::structure(types)))
    }

    fn index(&self, value: &Ast, kind: &str, index: &Ast, scope: &Scope<'_>) -> Result<Typed> {
        let value = self.expr(value, scope)?;
        let index = self.expr(index, scope)?;
        match &value.ty {
            Type::Array(_) => {
                let kind = if kind.is_empty() { "OFFSET" } else { kind };
                let kind = Typed::constant(Value::text(kind), Type::String);
                self.apply("$element", vec![value, index, kind])
            }
            Type::Json if kind.is_empty() && index.ty == Type::String => {
                self.apply("$json_field", vec![value, index])
            }
            Type::Json if kind.is_empty() => self.apply("$json_element", vec![value, index]),
            Type::Struct(fields) if matches!(kind, "OFFSET" | "ORDINAL" | "") => {
                let Expr::Literal(Value::Int(at)) = index.expr else {
                    return Err(SqlError::invalid("A field of a STRUCT needs a constant index"));
                };
                let at = usize::try_from(at - i64::from(kind == "ORDINAL")).ok();
                let at = at.filter(|it| *it < fields.len());
                let at =
                    at.ok_or_else(|| SqlError::invalid("A STRUCT has no field with this index"))?;
                let of = fields[at].1.clone();
                Ok(Typed::new(Expr::Field(Box::new(value.expr), at), of))
            }
            of => Err(SqlError::invalid(format!("Element access is not supported on type {of}"))),
        }
    }
}

/// A constant whose type is written, as in `STRUCT<a FLOAT64>(NULL)`: it is not converted like a literal.
fn pinned(expr: Expr, of: &Type) -> Expr {
    if !matches!(expr, Expr::Literal(_)) {
        return expr;
    }
    let (from, to) = (of.clone(), of.clone());
    Expr::Cast(Box::new(CastExpr { value: expr, from, to, safe: false, zone: None }))
}

pub(super) struct SubqueryColumn {
    pub(super) node: Node,
    pub(super) typed: Typed,
}

pub(super) fn subquery_expr(kind: SubqueryKind, plan: Node) -> Expr {
    let answer = OnceLock::new();
    Expr::Subquery(Box::new(Subquery { kind, plan, once: false, answer }))
}

/// The name that a column gets from its expression.
pub(super) fn implied_name(expr: &Ast) -> String {
    match expr {
        Ast::Path(path) => path.last().cloned().unwrap_or_default(),
        Ast::Field(_, name) => name.clone(),
        _ => String::new(),
    }
}

pub(super) fn common_type(items: &[Typed]) -> Result<Type> {
    supertype(items).ok_or_else(|| {
        let types: Vec<_> = items.iter().map(|it| it.ty.to_string()).collect();
        SqlError::invalid(format!("Expressions have no common type: {}", types.join(", ")))
    })
}

/// A value that is written in the statement.
fn literal(expr: &Ast) -> Result<Typed> {
    Ok(match expr {
        Ast::Bool(it) => Typed::constant(Value::Bool(*it), Type::Bool),
        Ast::Int(it) => Typed::constant(Value::Int(*it), Type::Int64),
        Ast::Float(it, text) => {
            Typed { image: Some(text.clone()), ..Typed::constant(Value::Float(*it), Type::Float64) }
        }
        Ast::Text(it) => Typed::constant(Value::text(it), Type::String),
        Ast::Bytes(it) => Typed::constant(Value::bytes(it), Type::Bytes),
        Ast::Typed(of, text) => return typed_literal(of, text),
        _ => Typed::null(),
    })
}

fn typed_literal(of: &Type, text: &str) -> Result<Typed> {
    if *of == Type::Json {
        let text = Typed::constant(Value::text(text), Type::String);
        let function =
            functions::find("PARSE_JSON").ok_or_else(|| unknown_function("PARSE_JSON"))?;
        let context = functions::Context {
            now: jiff::Timestamp::UNIX_EPOCH,
            types: &[Type::String],
            result: &Type::Json,
        };
        let Expr::Literal(value) = text.expr else { return Err(unknown_function("JSON")) };
        let json = (function.eval)(&context, &[value]);
        let json = json.map_err(|_| SqlError::invalid("Invalid JSON literal"))?;
        return Ok(Typed::constant(json, Type::Json).without_literal());
    }
    let scale = match of {
        Type::Numeric => Some(NUMERIC_SCALE),
        Type::BigNumeric => Some(BIG_SCALE),
        _ => None,
    };
    // A literal is not rounded.
    if scale.is_some_and(|it| !fits_scale(text, it)) {
        return Err(SqlError::invalid(format!("Invalid {of} literal")));
    }
    let value = cast(&Value::text(text), &Type::String, of, None);
    let value = value.map_err(|_| SqlError::invalid(format!("Invalid {of} literal")))?;
    Ok(Typed::constant(value, of.clone()).without_literal())
}

/// How an operator or function is called in a message.
fn display_name(name: &str) -> String {
    let operator = match name {
        "$eq" => "=",
        "$ne" => "!=",
        "$lt" => "<",
        "$le" => "<=",
        "$gt" => ">",
        "$ge" => ">=",
        "$add" => "+",
        "$subtract" | "$minus" => "-",
        "$multiply" => "*",
        "$divide" => "/",
        "$concat" => "||",
        "$not" => "NOT",
        "$like" => "LIKE",
        "$between" => "BETWEEN",
        _ => return format!("function {}", name.trim_start_matches('$').to_uppercase()),
    };
    format!("operator {operator}")
}

pub(super) fn unknown_function(name: &str) -> SqlError {
    SqlError::unknown(format!("the function {name}"))
}

/// Whether the date parts and other words of a call belong to the function: tried on sample
/// values, because a NULL or an empty table must not hide a mistake.
fn check_words(function: &functions::Function, types: &[Type], args: &[Typed]) -> Result<()> {
    if function.name == "ROUND" && args.len() == 3 {
        let mode = match &args[2].expr {
            Expr::Literal(Value::Text(mode)) => mode.as_ref(),
            _ => "",
        };
        if args[0].is_null() || !matches!(mode, "ROUND_HALF_AWAY_FROM_ZERO" | "ROUND_HALF_EVEN") {
            return Err(SqlError::invalid("ROUND needs a rounding mode as its third argument"));
        }
    }
    let array = match function.name {
        "ARRAY_CONCAT" => args.iter().find(|it| it.is_null()),
        "$in_array" | "RANGE_BUCKET" => args.get(1).filter(|it| it.is_null()),
        _ => None,
    };
    if array.is_some() {
        let name = display_name(function.name);
        return Err(SqlError::invalid(format!("{name} needs an array, not NULL")));
    }
    // NULL in the first place has no type, so the part belongs to any.
    let untyped = args.first().is_some_and(Typed::is_null);
    if untyped || !function.strict || !function.signatures.contains("PART") {
        return Ok(());
    }
    let sample = |(of, arg): (&Type, &Typed)| match (of, &arg.expr) {
        (Type::String, Expr::Literal(Value::Text(word))) => Some(Value::text(word)),
        (Type::String, _) => Some(Value::text("UTC")),
        (Type::Int64, _) => Some(Value::Int(1)),
        (Type::Date, _) => Some(Value::Date(0)),
        (Type::Time, _) => Some(Value::Time(0)),
        (Type::Datetime, _) => Some(Value::Datetime(0)),
        (Type::Timestamp, _) => Some(Value::Timestamp(0)),
        (Type::Interval, _) => Some(Value::Interval(Box::default())),
        _ => None,
    };
    let samples: Option<Vec<_>> = types.iter().zip(args).map(sample).collect();
    let Some(samples) = samples else { return Ok(()) };
    let now = jiff::Timestamp::UNIX_EPOCH;
    let context = functions::Context { now, types, result: &Type::String };
    match (function.eval)(&context, &samples) {
        Err(error @ (SqlError::Invalid(_) | SqlError::Unknown(_))) => Err(error),
        _ => Ok(()),
    }
}

/// Comparisons need types that can be compared.
fn check_kinds(name: &str, types: &[Type]) -> Result<()> {
    let fits = match name {
        "$eq" | "$ne" | "$in_array" | "$is_distinct" => types[0].is_comparable(),
        "$lt" | "$le" | "$gt" | "$ge" | "$between" | "GREATEST" | "LEAST" | "RANGE_BUCKET" => {
            types[0].is_orderable()
        }
        "ARRAY_IS_DISTINCT" => types[0].is_groupable(),
        "ARRAY_INCLUDES" => types[1].is_comparable(),
        _ => true,
    };
    if fits {
        return Ok(());
    }
    let what = display_name(name);
    Err(SqlError::invalid(format!("{what} is not defined for arguments of type {}", types[0])))
}
