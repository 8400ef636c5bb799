//! Typed expressions and their conversions.

use std::sync::Arc;

use crate::bigquery::query::googlesql::casts::{cast, float_text};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::plan::{CastExpr, Expr};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

/// An expression with its type.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) expr: Expr,
    pub(crate) ty: Type,
    pub(crate) literal: Literal,
    /// How a FLOAT64 is written in the statement.
    pub(crate) image: Option<Arc<str>>,
}

/// Whether an expression is written in the statement, which allows more conversions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    No,
    Yes,
    /// NULL without a type.
    Null,
    /// `[]` without a type.
    EmptyArray,
}

impl Typed {
    pub(crate) fn new(expr: Expr, ty: Type) -> Self {
        Self { expr, ty, literal: Literal::No, image: None }
    }

    pub(crate) fn constant(value: Value, ty: Type) -> Self {
        Self { literal: Literal::Yes, ..Self::new(Expr::Literal(value), ty) }
    }

    pub(crate) fn null() -> Self {
        Self { literal: Literal::Null, ..Self::new(Expr::Literal(Value::Null), Type::Int64) }
    }

    pub(crate) fn without_literal(self) -> Self {
        Self { literal: Literal::No, ..self }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.literal == Literal::Null
    }

    /// The distance of the implicit conversion; `None` if there is none.
    pub(crate) fn coercion(&self, to: &Type) -> Option<u32> {
        use Type::{BigNumeric, Bytes, Date, Datetime, Float64, Numeric, String, Time, Timestamp};
        match self.literal {
            Literal::Null => return Some(0),
            Literal::EmptyArray if matches!(to, Type::Array(_)) => return Some(0),
            _ => {}
        }
        if let (Some(fields), Type::Struct(to)) = (self.struct_fields(), to)
            && fields.len() == to.len()
        {
            // The literals in a STRUCT are converted like those outside.
            return fields.iter().zip(to.iter()).map(|(it, (_, to))| it.coercion(to)).sum();
        }
        if let Some(distance) = self.ty.coercion(to) {
            return Some(distance);
        }
        if self.literal != Literal::Yes {
            return None;
        }
        match (&self.ty, to) {
            (String, Date | Time | Datetime | Timestamp) => Some(4),
            (String, Bytes) => Some(6),
            (Float64, Numeric | BigNumeric) => Some(4),
            (Type::Array(from), Type::Array(to)) => {
                let items = match &self.expr {
                    Expr::Array(items) => items,
                    _ => return None,
                };
                let item = |it: &Expr| Typed {
                    expr: it.clone(),
                    ty: from.as_ref().clone(),
                    literal: match it {
                        Expr::Literal(Value::Null) => Literal::Null,
                        Expr::Literal(_) => Literal::Yes,
                        _ => Literal::No,
                    },
                    image: None,
                };
                items
                    .iter()
                    .map(|it| item(it).coercion(to))
                    .try_fold(4, |sum: u32, it| Some(sum.max(it?)))
            }
            _ => None,
        }
    }

    /// The fields of a STRUCT that is written in the statement.
    fn struct_fields(&self) -> Option<Vec<Self>> {
        let (Expr::Struct(items), Type::Struct(fields)) = (&self.expr, &self.ty) else {
            return None;
        };
        let field = |(expr, (_, ty)): (&Expr, &(String, Type))| Self {
            expr: expr.clone(),
            ty: ty.clone(),
            literal: match expr {
                Expr::Literal(Value::Null) => Literal::Null,
                Expr::Literal(_) => Literal::Yes,
                _ => Literal::No,
            },
            image: None,
        };
        Some(items.iter().zip(fields.iter()).map(field).collect())
    }

    /// Converts the expression implicitly.
    pub(crate) fn coerce(self, to: &Type) -> Result<Self> {
        if self.ty == *to && self.literal != Literal::EmptyArray {
            return Ok(Self {
                literal: if self.is_null() { Literal::No } else { self.literal },
                ..self
            });
        }
        if self.coercion(to).is_none() {
            return Err(SqlError::invalid(format!(
                "An expression of type {} is not {to}",
                self.ty
            )));
        }
        if let (Some(fields), Type::Struct(types)) = (self.struct_fields(), to) {
            let fields =
                fields.into_iter().zip(types.iter()).map(|(it, (_, to))| Ok(it.coerce(to)?.expr));
            return Ok(Self::new(Expr::Struct(fields.collect::<Result<_>>()?), to.clone()));
        }
        if let (Expr::Literal(value), Literal::Yes | Literal::Null) = (&self.expr, self.literal) {
            // The digits of the statement, not the digits of the nearest float.
            let written = match (value, to) {
                (Value::Float(it), Type::Numeric | Type::BigNumeric) if it.is_finite() => {
                    Some(self.image.as_deref().map_or_else(|| float_text(*it), str::to_owned))
                }
                _ => None,
            };
            let value = match written {
                Some(text) => cast(&Value::text(text), &Type::String, to, None),
                None => cast(value, &self.ty, to, None),
            };
            let value = value.map_err(|error| match error {
                SqlError::Failed(message) => SqlError::Invalid(message),
                other => other,
            })?;
            return Ok(Self::constant(value, to.clone()));
        }
        if let (Expr::Array(items), Type::Array(element), Type::Array(from)) =
            (&self.expr, to, &self.ty)
        {
            let items = items.iter().map(|it| cast_expr(it.clone(), from, element)).collect();
            return Ok(Self::new(Expr::Array(items), to.clone()));
        }
        let expr = cast_expr(self.expr, &self.ty, to);
        Ok(Self::new(expr, to.clone()))
    }
}

pub(super) fn cast_expr(value: Expr, from: &Type, to: &Type) -> Expr {
    if from == to {
        return value;
    }
    if let Expr::Literal(constant) = &value
        && let Ok(converted) = cast(constant, from, to, None)
    {
        return Expr::Literal(converted);
    }
    Expr::Cast(Box::new(CastExpr {
        value,
        from: from.clone(),
        to: to.clone(),
        safe: false,
        zone: None,
    }))
}

/// The type to which all expressions can be converted.
pub(crate) fn supertype(items: &[Typed]) -> Option<Type> {
    if let Some(found) = struct_supertype(items) {
        return Some(found);
    }
    let mut found: Option<Type> = None;
    let untyped = |it: &&Typed| matches!(it.literal, Literal::Null | Literal::EmptyArray);
    // Literals follow the other expressions.
    for literal in [Literal::No, Literal::Yes] {
        for item in items.iter().filter(|it| it.literal == literal) {
            found = Some(match &found {
                None => item.ty.clone(),
                Some(so_far) if item.coercion(so_far).is_some() => so_far.clone(),
                Some(so_far) => match common(so_far, &item.ty) {
                    Some(common) => common,
                    // A text can follow a later literal, as in `['2026-01-01', DATE …]`.
                    None if literal == Literal::Yes
                        && items.iter().all(|it| it.coercion(&item.ty).is_some()) =>
                    {
                        item.ty.clone()
                    }
                    None => return None,
                },
            });
        }
    }
    if found.is_none() {
        found = items
            .iter()
            .filter(untyped)
            .map(|it| it.ty.clone())
            .find(|it| matches!(it, Type::Array(_)));
    }
    let found = found.unwrap_or(Type::Int64);
    items.iter().all(|it| it.coercion(&found).is_some()).then_some(found)
}

/// The type of STRUCTs that are all written in the statement: that of their fields.
fn struct_supertype(items: &[Typed]) -> Option<Type> {
    let Type::Struct(names) = &items.first()?.ty else { return None };
    let mut columns: Vec<Vec<Typed>> = vec![Vec::new(); names.len()];
    for item in items.iter().filter(|it| !it.is_null()) {
        let fields = item.struct_fields().filter(|it| it.len() == names.len())?;
        columns.iter_mut().zip(fields).for_each(|(column, field)| column.push(field));
    }
    let fields = names
        .iter()
        .zip(&columns)
        .map(|((name, _), column)| Some((name.clone(), supertype(column)?)));
    Some(Type::structure(fields.collect::<Option<_>>()?))
}

fn common(a: &Type, b: &Type) -> Option<Type> {
    if a.coercion(b).is_some() {
        return Some(b.clone());
    }
    if b.coercion(a).is_some() {
        return Some(a.clone());
    }
    match (a, b) {
        (Type::Struct(a), Type::Struct(b)) if a.len() == b.len() => {
            let fields = a.iter().zip(b.iter());
            let fields = fields.map(|((name, a), (_, b))| Some((name.clone(), common(a, b)?)));
            Some(Type::structure(fields.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// The type to which values of both types can be converted.
pub(super) fn common_type_of(a: &Type, b: &Type) -> Option<Type> {
    common(a, b)
}
