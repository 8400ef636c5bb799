//! Comparisons, logic and conditional functions.
//!
//! Semantics: GoogleSQL reference, "Operators" and "Conditional expressions".

use std::cmp::Ordering;

use super::{Context, Function, Result, lenient, mismatch, strict, text};
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("$eq", "T, T -> BOOL", |_, args| Ok(eq(args))),
    strict("$ne", "T, T -> BOOL", |_, args| Ok(not(eq(args)))),
    strict("$lt", "T, T -> BOOL", |_, args| Ok(compare(args, Ordering::is_lt))),
    strict("$le", "T, T -> BOOL", |_, args| Ok(compare(args, Ordering::is_le))),
    strict("$gt", "T, T -> BOOL", |_, args| Ok(compare(args, Ordering::is_gt))),
    strict("$ge", "T, T -> BOOL", |_, args| Ok(compare(args, Ordering::is_ge))),
    lenient("$between", "T, T, T -> BOOL", between),
    strict("$not", "BOOL -> BOOL", |_, args| Ok(not(args[0].clone()))),
    lenient("$is_null", "T -> BOOL", |_, args| Ok(Value::Bool(args[0].is_null()))),
    lenient("$is_true", "BOOL -> BOOL", |_, args| Ok(Value::Bool(args[0].is_true()))),
    lenient("$is_false", "BOOL -> BOOL", |_, args| {
        Ok(Value::Bool(matches!(args[0], Value::Bool(false))))
    }),
    lenient("$is_distinct", "T, T -> BOOL", |_, args| {
        Ok(Value::Bool(args[0].order(&args[1]) != Ordering::Equal))
    }),
    lenient("$in_array", "T, ARRAY<T> -> BOOL", in_array),
    strict("GREATEST", "T... -> T", |_, args| Ok(extreme(args, Ordering::Greater))),
    strict("LEAST", "T... -> T", |_, args| Ok(extreme(args, Ordering::Less))),
    strict("ERROR", "STRING -> INT64", |_, args| {
        text(args, 0)?;
        // The text may come from a cell, so it is not repeated.
        Err(super::SqlError::failed("the function ERROR was called"))
    }),
];

fn eq(args: &[Value]) -> Value {
    args[0].sql_eq(&args[1]).map_or(Value::Null, Value::Bool)
}

fn not(value: Value) -> Value {
    match value {
        Value::Bool(it) => Value::Bool(!it),
        other => other,
    }
}

fn compare(args: &[Value], test: fn(Ordering) -> bool) -> Value {
    Value::Bool(args[0].sql_cmp(&args[1]).is_some_and(test))
}

/// `low <= value AND value <= high`.
fn between(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let test = |a: &Value, b: &Value| {
        if a.is_null() || b.is_null() {
            return None;
        }
        Some(a.sql_cmp(b).is_some_and(Ordering::is_le))
    };
    Ok(match (test(&args[1], &args[0]), test(&args[0], &args[2])) {
        (Some(false), _) | (_, Some(false)) => Value::Bool(false),
        (Some(true), Some(true)) => Value::Bool(true),
        _ => Value::Null,
    })
}

fn in_array(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let items = match &args[1] {
        Value::Null => return Ok(Value::Bool(false)),
        Value::Array(items) => items,
        _ => return Err(mismatch()),
    };
    let mut result = Some(false);
    for item in items.iter() {
        match args[0].sql_eq(item) {
            Some(true) => return Ok(Value::Bool(true)),
            Some(false) => {}
            None => result = None,
        }
    }
    Ok(result.map_or(Value::Null, Value::Bool))
}

/// The greatest or least value; NaN if there is one.
fn extreme(args: &[Value], wanted: Ordering) -> Value {
    let nan = args.iter().find(|it| matches!(it, Value::Float(it) if it.is_nan()));
    if let Some(nan) = nan {
        return nan.clone();
    }
    let mut best = &args[0];
    for arg in &args[1..] {
        if arg.order(best) == wanted {
            best = arg;
        }
    }
    best.clone()
}
