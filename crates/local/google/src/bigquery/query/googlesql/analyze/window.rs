//! Calls with OVER.

use super::expr::unknown_function;
use super::scope::{Scope, WINDOW_BASE};
use super::typed::supertype;
use super::{Analyzer, Typed};
use crate::bigquery::query::googlesql::aggregates;
use crate::bigquery::query::googlesql::ast::{Bound, Call, Expr as Ast, Window};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::plan::{Expr, WindowCall, WindowKind};
use crate::bigquery::query::googlesql::tables::same_name;
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;
use crate::bigquery::query::googlesql::window_functions::{self, WindowFunction};

impl Analyzer<'_> {
    pub(super) fn window_call(&self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let (Some(windows), Some(over)) = (scope.windows, &call.over) else {
            return Err(SqlError::invalid("Window functions are not allowed here"));
        };
        let window = resolve_window(over, scope)?;
        let inner = Scope { windows: None, ..scope.clone() };
        let order = self.sort_keys(&window.order_by, &inner)?;
        let (kind, result, has_frame) = self.window_kind(call, &inner, order.is_empty())?;
        if window.frame.is_some() && !has_frame {
            return Err(SqlError::invalid(format!(
                "Window framing clause is not allowed for {}",
                call.name
            )));
        }
        let mut partition = Vec::new();
        for key in &window.partition_by {
            let key = self.expr(key, &inner)?;
            if !key.ty.is_groupable() || key.ty == Type::Float64 {
                return Err(SqlError::invalid(format!(
                    "Partitioning by expressions of type {} is not allowed",
                    key.ty
                )));
            }
            partition.push(key.expr);
        }
        let (rows, start, end) = match &window.frame {
            Some(frame) => {
                let key_type = match window.order_by.as_slice() {
                    [only] => Some(self.expr(&only.expr, &inner)?.ty),
                    _ => None,
                };
                let of = if frame.rows { Some(Type::Int64) } else { key_type };
                check_bounds(&frame.start, &frame.end)?;
                let bound = |it| self.bound(it, of.as_ref(), &inner);
                (frame.rows, bound(&frame.start)?, bound(&frame.end)?)
            }
            None if order.is_empty() => {
                (true, Bound::UnboundedPreceding, Bound::UnboundedFollowing)
            }
            None => (false, Bound::UnboundedPreceding, Bound::CurrentRow),
        };
        let found = WindowCall { kind, partition, order, rows, start, end };
        let mut windows = windows.borrow_mut();
        let at = windows.iter().position(|it| *it == found).unwrap_or_else(|| {
            windows.push(found);
            windows.len() - 1
        });
        Ok(Typed::new(Expr::column(WINDOW_BASE + at), result))
    }

    /// The function, its result and whether it has a frame.
    fn window_kind(
        &self,
        call: &Call,
        scope: &Scope<'_>,
        no_order: bool,
    ) -> Result<(WindowKind, Type, bool)> {
        if aggregates::find(&call.name).is_some() && call.name != "GROUPING" {
            if call.distinct && !no_order {
                return Err(SqlError::invalid("DISTINCT is not allowed with ORDER BY in a window"));
            }
            let found = self.aggregate_call(call, scope, None)?;
            if !found.order.is_empty() || found.limit.is_some() {
                return Err(SqlError::invalid("ORDER BY and LIMIT are not allowed with OVER"));
            }
            let result = found.result.clone();
            return Ok((WindowKind::Aggregate(Box::new(found)), result, true));
        }
        let function =
            window_functions::find(&call.name).ok_or_else(|| unknown_function(&call.name))?;
        if function.needs_order() && no_order {
            return Err(SqlError::invalid(format!(
                "Window ORDER BY is required for function {}",
                call.name
            )));
        }
        if matches!(function, WindowFunction::PercentileCont | WindowFunction::PercentileDisc)
            && !no_order
        {
            return Err(SqlError::invalid(format!(
                "Window ORDER BY is not allowed for function {}",
                call.name
            )));
        }
        if call.safe || call.distinct || !call.order_by.is_empty() || call.limit.is_some() {
            return Err(SqlError::invalid(format!("A clause is not allowed in {}", call.name)));
        }
        let args = call.args.iter().map(|it| self.expr(it, scope)).collect::<Result<Vec<_>>>()?;
        let (args, result) = window_arguments(function, args).ok_or_else(|| {
            SqlError::invalid(format!("No matching signature for function {}", call.name))
        })??;
        // PERCENTILE_CONT and PERCENTILE_DISC ignore NULL by default.
        let ignore_nulls = call.ignore_nulls.unwrap_or(matches!(
            function,
            WindowFunction::PercentileCont | WindowFunction::PercentileDisc
        ));
        Ok((WindowKind::Function { function, args, ignore_nulls }, result, function.has_frame()))
    }

    fn bound(
        &self,
        bound: &Bound<Ast>,
        of: Option<&Type>,
        scope: &Scope<'_>,
    ) -> Result<Bound<Expr>> {
        let distance = |it: &Ast| {
            let of = of
                .ok_or_else(|| SqlError::invalid("RANGE with a distance needs one ORDER BY key"))?;
            if !of.is_numeric() || *of == Type::BigNumeric {
                return Err(SqlError::unknown(format!("RANGE with a distance over {of}")));
            }
            Ok(Box::new(self.expr(it, scope)?.coerce(of)?.expr))
        };
        Ok(match bound {
            Bound::UnboundedPreceding => Bound::UnboundedPreceding,
            Bound::UnboundedFollowing => Bound::UnboundedFollowing,
            Bound::CurrentRow => Bound::CurrentRow,
            Bound::Preceding(it) => Bound::Preceding(distance(it)?),
            Bound::Following(it) => Bound::Following(distance(it)?),
        })
    }
}

fn check_bounds(start: &Bound<Ast>, end: &Bound<Ast>) -> Result<()> {
    let place = |it: &Bound<Ast>| match it {
        Bound::UnboundedPreceding => 0,
        Bound::Preceding(_) => 1,
        Bound::CurrentRow => 2,
        Bound::Following(_) => 3,
        Bound::UnboundedFollowing => 4,
    };
    if place(start) > place(end) || place(start) == 4 || place(end) == 0 {
        return Err(SqlError::invalid("A window frame ends before it starts"));
    }
    Ok(())
}

/// The window with what its named base says.
fn resolve_window(window: &Window, scope: &Scope<'_>) -> Result<Window> {
    let Some(base) = &window.base else { return Ok(window.clone()) };
    let found = scope.named_windows.iter().find(|(name, _)| same_name(name, base));
    let (_, found) =
        found.ok_or_else(|| SqlError::invalid(format!("Unrecognized window alias {base}")))?;
    let mut resolved = resolve_window(found, scope)?;
    let conflict = |what: &str| Err(SqlError::invalid(format!("Window {base} already has {what}")));
    if !window.partition_by.is_empty() {
        return conflict("PARTITION BY or comes before it");
    }
    if !window.order_by.is_empty() {
        if !resolved.order_by.is_empty() {
            return conflict("ORDER BY");
        }
        resolved.order_by.clone_from(&window.order_by);
    }
    if window.frame.is_some() {
        if resolved.frame.is_some() {
            return conflict("a frame");
        }
        resolved.frame.clone_from(&window.frame);
    }
    Ok(resolved)
}

/// The converted arguments and the result. `None` if the number of arguments is wrong.
fn window_arguments(
    function: WindowFunction,
    args: Vec<Typed>,
) -> Option<Result<(Vec<Expr>, Type)>> {
    use WindowFunction as F;
    let first = args.first().map(|it| it.ty.clone());
    let (wanted, result): (Vec<Type>, Type) = match (function, args.len()) {
        (F::RowNumber | F::Rank | F::DenseRank, 0) => (vec![], Type::Int64),
        (F::PercentRank | F::CumeDist, 0) => (vec![], Type::Float64),
        (F::Ntile, 1) if matches!(args[0].expr, Expr::Literal(Value::Int(..1))) => {
            return Some(Err(SqlError::invalid("The argument to NTILE must be at least 1")));
        }
        (F::Ntile, 1) => (vec![Type::Int64], Type::Int64),
        (F::FirstValue | F::LastValue, 1) => (vec![first.clone()?], first?),
        (F::NthValue, 2) => (vec![first.clone()?, Type::Int64], first?),
        (F::Lag | F::Lead, 1) => (vec![first.clone()?], first?),
        (F::Lag | F::Lead, 2) => (vec![first.clone()?, Type::Int64], first?),
        (F::Lag | F::Lead, 3) => {
            let of = supertype(&[args[0].clone(), args[2].clone()])?;
            (vec![of.clone(), Type::Int64, of.clone()], of)
        }
        (F::PercentileCont, 2) => {
            // With a percentile of a decimal type, the result is exact and has that type.
            if matches!(args[1].ty, Type::Numeric | Type::BigNumeric) {
                return Some(Err(SqlError::unknown("PERCENTILE_CONT of decimals")));
            }
            (vec![Type::Float64, Type::Float64], Type::Float64)
        }
        (F::PercentileDisc, 2) if matches!(args[1].ty, Type::Numeric | Type::BigNumeric) => {
            return Some(Err(SqlError::unknown("PERCENTILE_DISC with a decimal percentile")));
        }
        (F::PercentileDisc, 2) => {
            (vec![first.clone().filter(Type::is_orderable)?, Type::Float64], first?)
        }
        _ => return None,
    };
    let args = args.into_iter().zip(&wanted).map(|(arg, to)| Ok(arg.coerce(to)?.expr));
    Some(args.collect::<Result<Vec<_>>>().map(|args| (args, result)))
}
