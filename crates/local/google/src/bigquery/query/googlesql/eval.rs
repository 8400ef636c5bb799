//! Evaluation of expressions.

use super::casts::cast;
use super::error::{Result, SqlError};
use super::exec::{self, Flow};
use super::functions::Context;
use super::plan::{Answer, CallExpr, Expr, Members, Node, Subquery, SubqueryKind};
use super::value::{Key, Value};

/// The current row, and the rows of the queries around it.
#[derive(Clone, Copy)]
pub(crate) struct Env<'a> {
    pub(crate) row: &'a [Value],
    pub(crate) outer: Option<&'a Env<'a>>,
}

impl Expr {
    pub(crate) fn eval(&self, run: &exec::Run<'_>, env: &Env<'_>) -> Result<Value> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Column { depth, index } => column(env, *depth, *index),
            Self::Call(call) => eval_call(call, run, env),
            Self::And(a, b) => eval_and(a.eval(run, env)?, || b.eval(run, env)),
            Self::Or(a, b) => match a.eval(run, env)? {
                Value::Bool(true) => Ok(Value::Bool(true)),
                Value::Bool(false) => b.eval(run, env),
                _ => match b.eval(run, env)? {
                    Value::Bool(true) => Ok(Value::Bool(true)),
                    _ => Ok(Value::Null),
                },
            },
            Self::Case { whens, otherwise } => {
                for (when, then) in whens {
                    if when.eval(run, env)?.is_true() {
                        return then.eval(run, env);
                    }
                }
                otherwise.eval(run, env)
            }
            Self::Coalesce(items) => {
                for item in items {
                    let value = item.eval(run, env)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Ok(Value::Null)
            }
            Self::Cast(it) => {
                let value = it.value.eval(run, env)?;
                let zone = it.zone.as_ref().map(|zone| zone.eval(run, env)).transpose()?;
                match cast(&value, &it.from, &it.to, zone.as_ref()) {
                    Err(SqlError::Failed(_)) if it.safe => Ok(Value::Null),
                    result => result,
                }
            }
            Self::Array(items) => {
                let items = items.iter().map(|it| it.eval(run, env)).collect::<Result<Vec<_>>>()?;
                Ok(Value::array(items))
            }
            Self::Struct(items) => {
                let items = items.iter().map(|it| it.eval(run, env)).collect::<Result<Vec<_>>>()?;
                Ok(Value::Struct(items.into()))
            }
            Self::Field(value, index) => match value.eval(run, env)? {
                Value::Struct(fields) => Ok(fields[*index].clone()),
                _ => Ok(Value::Null),
            },
            Self::InList(value, list) => {
                let value = value.eval(run, env)?;
                let mut result = Some(false);
                for item in list {
                    match value.sql_eq(&item.eval(run, env)?) {
                        Some(true) => return Ok(Value::Bool(true)),
                        Some(false) => {}
                        None => result = None,
                    }
                }
                Ok(result.map_or(Value::Null, Value::Bool))
            }
            Self::Subquery(subquery) => eval_subquery(subquery, run, env),
        }
    }
}

fn column(env: &Env<'_>, depth: usize, index: usize) -> Result<Value> {
    let mut env = env;
    for _ in 0..depth {
        env = env.outer.ok_or_else(|| SqlError::failed("a column has no row"))?;
    }
    env.row.get(index).cloned().ok_or_else(|| SqlError::failed("a column is missing"))
}

fn eval_and(left: Value, right: impl FnOnce() -> Result<Value>) -> Result<Value> {
    match left {
        Value::Bool(false) => Ok(Value::Bool(false)),
        Value::Bool(true) => right(),
        _ => match right()? {
            Value::Bool(false) => Ok(Value::Bool(false)),
            _ => Ok(Value::Null),
        },
    }
}

fn eval_call(call: &CallExpr, run: &exec::Run<'_>, env: &Env<'_>) -> Result<Value> {
    let mut args = Vec::with_capacity(call.args.len());
    for arg in &call.args {
        args.push(arg.eval(run, env)?);
    }
    if call.function.strict && args.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    let context = Context { now: run.now, types: &call.types, result: &call.result };
    match (call.function.eval)(&context, &args) {
        Err(SqlError::Failed(_)) if call.safe => Ok(Value::Null),
        result => result,
    }
}

fn eval_subquery(subquery: &Subquery, run: &exec::Run<'_>, env: &Env<'_>) -> Result<Value> {
    if !subquery.once {
        return match &subquery.kind {
            SubqueryKind::In(value) => {
                let value = value.eval(run, env)?;
                is_in_rows(&value, &subquery.plan, run, env)
            }
            kind => value_of(kind, &subquery.plan, run, env),
        };
    }
    let answer = match subquery.answer.get() {
        Some(answer) => answer,
        None => {
            let made = match &subquery.kind {
                SubqueryKind::In(_) => Answer::Members(members(&subquery.plan, run, env)?),
                kind => Answer::Value(value_of(kind, &subquery.plan, run, env)?),
            };
            subquery.answer.get_or_init(|| made)
        }
    };
    match (answer, &subquery.kind) {
        (Answer::Members(members), SubqueryKind::In(value)) => {
            Ok(members.contains(value.eval(run, env)?))
        }
        (Answer::Value(value), _) => Ok(value.clone()),
        (Answer::Members(_), _) => Err(SqlError::failed("a subquery has another answer")),
    }
}

/// The value of any subquery but IN.
fn value_of(kind: &SubqueryKind, plan: &Node, run: &exec::Run<'_>, env: &Env<'_>) -> Result<Value> {
    match kind {
        SubqueryKind::Exists => {
            let mut found = false;
            exec::run(plan, run, Some(env), &mut |_| {
                found = true;
                Ok(Flow::Stop)
            })?;
            Ok(Value::Bool(found))
        }
        SubqueryKind::Scalar => {
            let mut rows = Vec::new();
            exec::run(plan, run, Some(env), &mut |row| {
                rows.push(row);
                Ok(if rows.len() > 1 { Flow::Stop } else { Flow::Continue })
            })?;
            if rows.len() > 1 {
                return Err(SqlError::failed("Scalar subquery produced more than one element"));
            }
            Ok(rows.pop().and_then(|mut row| row.pop()).unwrap_or(Value::Null))
        }
        SubqueryKind::Array => {
            let mut items = Vec::new();
            let mut charge = run.usage.charge();
            exec::run(plan, run, Some(env), &mut |mut row| {
                charge.add(&row)?;
                items.extend(row.pop());
                Ok(Flow::Continue)
            })?;
            Ok(Value::array(items))
        }
        SubqueryKind::Lambda { array, filter } => {
            let Value::Array(items) = array.eval(run, env)? else { return Ok(Value::Null) };
            eval_lambda(&items, *filter, plan, run, env)
        }
        SubqueryKind::In(_) => Err(SqlError::failed("IN has no value of its own")),
    }
}

/// `value IN (SELECT …)` for a subquery whose rows differ with the row around it.
fn is_in_rows(value: &Value, plan: &Node, run: &exec::Run<'_>, env: &Env<'_>) -> Result<Value> {
    let mut result = Some(false);
    exec::run(plan, run, Some(env), &mut |row| {
        match row.first().and_then(|it| value.sql_eq(it)) {
            Some(true) => {
                result = Some(true);
                return Ok(Flow::Stop);
            }
            Some(false) => {}
            None => result = None,
        }
        Ok(Flow::Continue)
    })?;
    Ok(result.map_or(Value::Null, Value::Bool))
}

/// The values of a subquery of IN.
fn members(plan: &Node, run: &exec::Run<'_>, env: &Env<'_>) -> Result<Members> {
    let mut members = Members::default();
    let mut charge = run.usage.charge();
    exec::run(plan, run, Some(env), &mut |mut row| {
        charge.add(&row)?;
        match row.pop() {
            Some(value) if value.sql_eq(&value) == Some(true) => {
                members.keys.insert(Key(vec![value]));
            }
            other => members.others.extend(other),
        }
        Ok(Flow::Continue)
    })?;
    charge.keep();
    Ok(members)
}

impl Members {
    /// Whether a value is one of them: NULL if a comparison with NULL decides.
    fn contains(&self, value: Value) -> Value {
        if value.is_null() {
            let is_empty = self.keys.is_empty() && self.others.is_empty();
            return if is_empty { Value::Bool(false) } else { Value::Null };
        }
        let equals_itself = value.sql_eq(&value) == Some(true);
        let key = Key(vec![value]);
        if equals_itself && self.keys.contains(&key) {
            return Value::Bool(true);
        }
        let mut result = Some(false);
        let keys = self.keys.iter().filter(|_| !equals_itself).flat_map(|it| &it.0);
        for member in self.others.iter().chain(keys) {
            match key.0[0].sql_eq(member) {
                Some(true) => return Value::Bool(true),
                Some(false) => {}
                None => result = None,
            }
        }
        result.map_or(Value::Null, Value::Bool)
    }
}

/// Evaluates a lambda for each element.
fn eval_lambda(
    items: &[Value],
    filter: bool,
    plan: &Node,
    run: &exec::Run<'_>,
    env: &Env<'_>,
) -> Result<Value> {
    let mut made = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let row = [item.clone(), Value::Int(i64::try_from(at).unwrap_or(i64::MAX))];
        let around = Env { row: &row, outer: Some(env) };
        let mut result = Value::Null;
        exec::run(plan, run, Some(&around), &mut |mut row| {
            result = row.pop().unwrap_or(Value::Null);
            Ok(Flow::Stop)
        })?;
        match filter {
            true if result.is_true() => made.push(item.clone()),
            true => {}
            false => made.push(result),
        }
    }
    Ok(Value::array(made))
}
