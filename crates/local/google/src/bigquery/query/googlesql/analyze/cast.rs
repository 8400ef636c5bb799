//! CAST.

use super::scope::Scope;
use super::{Analyzer, Typed};
use crate::bigquery::query::googlesql::ast::Expr as Ast;
use crate::bigquery::query::googlesql::casts::{can_cast, cast};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::plan::{CastExpr, Expr};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

impl Analyzer<'_> {
    pub(super) fn cast(
        &self,
        value: &Ast,
        to: &Type,
        safe: bool,
        zone: Option<&Ast>,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let value = self.expr(value, scope)?;
        if !value.is_null() && !can_cast(&value.ty, to) && value.coercion(to).is_none() {
            return Err(SqlError::invalid(format!("Invalid cast from {} to {to}", value.ty)));
        }
        let zone = match zone {
            Some(zone) => {
                let pair = (&value.ty, to);
                if !matches!(
                    pair,
                    (Type::String, Type::Timestamp) | (Type::Timestamp, Type::String)
                ) {
                    return Err(SqlError::invalid(
                        "AT TIME ZONE needs a cast between STRING and TIMESTAMP",
                    ));
                }
                Some(self.expr(zone, scope)?.coerce(&Type::String)?.expr)
            }
            None => None,
        };
        // A number that is written in the statement keeps its digits.
        let decimal = matches!(to, Type::Numeric | Type::BigNumeric);
        if let (Some(image), true) = (&value.image, decimal) {
            let text = Value::text(image);
            let converted = cast(&text, &Type::String, to, None);
            return match converted {
                Ok(it) => Ok(Typed::constant(it, to.clone()).without_literal()),
                Err(_) if safe => Ok(Typed::constant(Value::Null, to.clone()).without_literal()),
                Err(error) => Err(error),
            };
        }
        let from = if value.is_null() { to.clone() } else { value.ty };
        let cast = CastExpr { value: value.expr, from, to: to.clone(), safe, zone };
        Ok(Typed::new(Expr::Cast(Box::new(cast)), to.clone()))
    }

    /// CAST with FORMAT, and perhaps AT TIME ZONE.
    pub(super) fn cast_format(
        &self,
        value: &Ast,
        to: &Type,
        safe: bool,
        (format, zone): (&Ast, Option<&Ast>),
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let value = self.expr(value, scope)?;
        let name = match (&value.ty, to) {
            // NULL without a type is an INT64.
            (from, Type::String) if from.is_numeric() => {
                if zone.is_some() {
                    return Err(SqlError::invalid("AT TIME ZONE is not allowed for a number"));
                }
                "$cast_to_number_text"
            }
            (_, Type::String) => "$cast_to_text",
            (Type::String, Type::Date) => "$cast_to_date",
            (Type::String, Type::Time) => "$cast_to_time",
            (Type::String, Type::Datetime) => "$cast_to_datetime",
            (Type::String, Type::Timestamp) => "$cast_to_timestamp",
            (Type::String, Type::Bytes) => "$cast_to_bytes",
            (from, to) => {
                return Err(SqlError::invalid(format!(
                    "FORMAT is not allowed for a cast from {from} to {to}"
                )));
            }
        };
        let mut args = vec![value, self.expr(format, scope)?];
        if let Some(zone) = zone {
            args.push(self.expr(zone, scope)?);
        }
        let mut typed = self.apply(name, args)?;
        if let (Expr::Call(call), true) = (&mut typed.expr, safe) {
            call.safe = true;
        }
        Ok(typed)
    }
}
