//! Expressions that are true or false: AND, OR, IS, IN, LIKE ANY.

use super::expr::subquery_expr;
use super::scope::Scope;
use super::typed::{cast_expr, supertype};
use super::{Analyzer, Typed};
use crate::bigquery::query::googlesql::ast::{Expr as Ast, Is, Query};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::plan::{Expr, Node, SubqueryKind};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

impl Analyzer<'_> {
    /// A test, of the kinds that [`Self::expr`] gives it.
    pub(super) fn condition(&self, expr: &Ast, scope: &Scope<'_>) -> Result<Typed> {
        match expr {
            Ast::And(a, b) | Ast::Or(a, b) => {
                let a = Box::new(self.boolean(a, scope, "operands of AND and OR")?);
                let b = Box::new(self.boolean(b, scope, "operands of AND and OR")?);
                let is_and = matches!(expr, Ast::And(..));
                Ok(Typed::new(if is_and { Expr::And(a, b) } else { Expr::Or(a, b) }, Type::Bool))
            }
            Ast::Is { value, what, not } => {
                let name = match what {
                    Is::Null => "$is_null",
                    Is::True => "$is_true",
                    Is::False => "$is_false",
                };
                let test = self.apply(name, vec![self.expr(value, scope)?])?;
                self.negate_if(*not, test)
            }
            Ast::DistinctFrom { left, right, not } => {
                let args = vec![self.expr(left, scope)?, self.expr(right, scope)?];
                let test = self.apply("$is_distinct", args)?;
                self.negate_if(*not, test)
            }
            Ast::InList { value, list, not } => self.in_list(value, list, *not, scope),
            Ast::InQuery { value, query, not } => self.in_query(value, query, *not, scope),
            Ast::InArray { value, array, not } => {
                let args = vec![self.expr(value, scope)?, self.expr(array, scope)?];
                let test = self.apply("$in_array", args)?;
                self.negate_if(*not, test)
            }
            Ast::LikeList { value, patterns, all, not } => {
                self.like_list(value, patterns, (*all, *not), scope)
            }
            Ast::LikeArray { value, patterns, all, not } => {
                let name = if *all { "$like_all" } else { "$like_any" };
                let args = vec![self.expr(value, scope)?, self.expr(patterns, scope)?];
                self.apply(
                    name,
                    [args, vec![Typed::constant(Value::Bool(*not), Type::Bool)]].concat(),
                )
            }
            other => Ok(Typed::new(self.boolean(other, scope, "condition")?, Type::Bool)),
        }
    }

    /// An expression of the type BOOL.
    pub(super) fn boolean(&self, expr: &Ast, scope: &Scope<'_>, what: &str) -> Result<Expr> {
        let typed = self.expr(expr, scope)?;
        if typed.is_null() || typed.ty == Type::Bool {
            return Ok(typed.expr);
        }
        Err(SqlError::invalid(format!("The {what} must be BOOL, not {}", typed.ty)))
    }

    fn negate_if(&self, not: bool, test: Typed) -> Result<Typed> {
        if not { self.apply("$not", vec![test]) } else { Ok(test) }
    }

    /// `LIKE ANY (…)` and `LIKE ALL (…)`.
    fn like_list(
        &self,
        value: &Ast,
        patterns: &[Ast],
        (all, not): (bool, bool),
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let value = self.expr(value, scope)?;
        let mut tests = Vec::new();
        for pattern in patterns {
            let pattern = self.expr(pattern, scope)?;
            let test = self.apply("$like", vec![value.clone(), pattern])?;
            // NOT LIKE ANY: any of them does not fit.
            tests.push(self.negate_if(not, test)?.expr);
        }
        let joined = tests.into_iter().reduce(|a, b| match all {
            true => Expr::And(Box::new(a), Box::new(b)),
            false => Expr::Or(Box::new(a), Box::new(b)),
        });
        let joined = joined.ok_or_else(|| SqlError::invalid("LIKE ANY needs a pattern"))?;
        Ok(Typed::new(joined, Type::Bool))
    }

    fn in_list(&self, value: &Ast, list: &[Ast], not: bool, scope: &Scope<'_>) -> Result<Typed> {
        let mut items = vec![self.expr(value, scope)?];
        for item in list {
            items.push(self.expr(item, scope)?);
        }
        let of = supertype(&items).filter(Type::is_comparable);
        let of = of.ok_or_else(|| SqlError::invalid("No matching signature for operator IN"))?;
        let items =
            items.into_iter().map(|it| Ok(it.coerce(&of)?.expr)).collect::<Result<Vec<_>>>()?;
        let mut items = items.into_iter();
        let value = items.next().unwrap_or(Expr::Literal(Value::Null));
        let test = Typed::new(Expr::InList(Box::new(value), items.collect()), Type::Bool);
        self.negate_if(not, test)
    }

    fn in_query(&self, value: &Ast, query: &Query, not: bool, scope: &Scope<'_>) -> Result<Typed> {
        let value = self.expr(value, scope)?;
        let column = self.subquery(query, scope)?;
        let of = supertype(&[value.clone(), column.typed.clone().without_literal()]);
        let of = of.filter(Type::is_comparable);
        let of =
            of.ok_or_else(|| SqlError::invalid("Cannot execute IN subquery with these types"))?;
        let value = value.coerce(&of)?.expr;
        let mut node = column.node;
        if column.typed.ty != of {
            let exprs = vec![cast_expr(Expr::column(0), &column.typed.ty, &of)];
            node = Node::Project { input: Box::new(node), exprs };
        }
        let test = Typed::new(subquery_expr(SubqueryKind::In(value), node), Type::Bool);
        self.negate_if(not, test)
    }
}
