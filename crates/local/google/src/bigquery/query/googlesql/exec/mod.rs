//! Execution: every operator passes its rows on to the next one.

mod aggregate;
mod columns;
mod join;
mod limits;
mod lookup;
mod set_operations;
mod sort;
mod window;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use jiff::Timestamp;

use super::error::{Result, SqlError};
use super::eval::Env;
use super::plan::{Expr, Node};
use super::types::Type;
use super::value::{Row, Value};

pub(crate) use columns::to_batch;
pub use limits::QueryLimits;
pub(crate) use limits::{Charge, Usage};
pub(super) use sort::sort_rows;

/// The rows of a table: batches with the columns `columns`, in this order.
#[derive(Debug, Default)]
pub(crate) struct TableData {
    pub(crate) columns: Vec<usize>,
    pub(crate) types: Vec<Type>,
    pub(crate) batches: Vec<RecordBatch>,
}

/// One execution of a query.
pub(crate) struct Run<'a> {
    pub(crate) now: Timestamp,
    pub(crate) tables: &'a [TableData],
    pub(crate) usage: Usage,
    /// The rows of the last step of each recursive query.
    recursive: RefCell<HashMap<usize, Arc<Vec<Row>>>>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(now: Timestamp, tables: &'a [TableData], limits: QueryLimits) -> Self {
        Self { now, tables, usage: Usage::new(limits), recursive: RefCell::default() }
    }
}

/// Whether the receiver of rows wants more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    Stop,
}

pub(crate) type Sink<'s> = &'s mut dyn FnMut(Row) -> Result<Flow>;
pub(crate) type Outer<'e> = Option<&'e Env<'e>>;

/// The environment of a row of an operator.
fn env<'a>(row: &'a [Value], outer: Outer<'a>) -> Env<'a> {
    Env { row, outer }
}

/// All rows of an operator, and their memory, which is free when the charge is dropped.
pub(crate) fn collect<'r>(
    node: &Node,
    cx: &'r Run<'_>,
    outer: Outer<'_>,
) -> Result<(Vec<Row>, Charge<'r>)> {
    let mut rows = Vec::new();
    let mut charge = cx.usage.charge();
    run(node, cx, outer, &mut |row| {
        charge.add(&row)?;
        rows.push(row);
        Ok(Flow::Continue)
    })?;
    Ok((rows, charge))
}

/// Passes rows on until the receiver stops.
fn emit(rows: impl IntoIterator<Item = Row>, sink: Sink<'_>) -> Result<Flow> {
    for row in rows {
        if sink(row)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

fn eval_all(exprs: &[Expr], cx: &Run<'_>, env: &Env<'_>) -> Result<Row> {
    exprs.iter().map(|it| it.eval(cx, env)).collect()
}

/// Makes the rows of an operator and passes them to `sink`.
pub(crate) fn run(node: &Node, cx: &Run<'_>, outer: Outer<'_>, sink: Sink<'_>) -> Result<Flow> {
    match node {
        Node::One => sink(Vec::new()),
        Node::Scan { table, width } => columns::scan(&cx.tables[*table], *width, cx, sink),
        Node::Filter { input, predicate } => run(input, cx, outer, &mut |row| {
            if predicate.eval(cx, &env(&row, outer))?.is_true() {
                sink(row)
            } else {
                Ok(Flow::Continue)
            }
        }),
        Node::Project { input, exprs } => {
            run(input, cx, outer, &mut |row| sink(eval_all(exprs, cx, &env(&row, outer))?))
        }
        Node::Join(join) => join::run(join, cx, outer, sink),
        Node::Lookup(lookup) => lookup::run(lookup, cx, outer, sink),
        Node::Unnest { input, array, outer: keep, on } => run(input, cx, outer, &mut |row| {
            let items = array.eval(cx, &env(&row, outer))?;
            unnest(row, &items, *keep, on.as_ref(), cx, outer, sink)
        }),
        Node::Unpivot { input, rows, skip_nulls } => run(input, cx, outer, &mut |row| {
            for exprs in rows {
                let made = eval_all(exprs, cx, &env(&row, outer))?;
                let skipped = skip_nulls
                    .as_ref()
                    .is_some_and(|range| made[range.clone()].iter().all(Value::is_null));
                if !skipped && sink(made)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
            Ok(Flow::Continue)
        }),
        Node::Aggregate(node) => aggregate::run(node, cx, outer, sink),
        Node::Window { input, calls } => {
            let (rows, _charge) = collect(input, cx, outer)?;
            emit(window::run(rows, calls, cx, outer)?, sink)
        }
        Node::Sort { input, keys } => {
            let (rows, _charge) = collect(input, cx, outer)?;
            emit(sort_rows(rows, keys, cx, outer)?, sink)
        }
        Node::Limit { input, limit, offset } => {
            run_limit(input, limit.as_ref(), offset.as_ref(), cx, outer, sink)
        }
        Node::Distinct(input) => set_operations::distinct(input, cx, outer, sink),
        Node::SetOp { op, all, left, right } => {
            set_operations::run(*op, *all, (left, right), cx, outer, sink)
        }
        Node::Shared(shared) => {
            let rows = match shared.rows.get() {
                Some(rows) => rows.clone(),
                None => {
                    let (rows, charge) = collect(&shared.node, cx, None)?;
                    charge.keep();
                    let rows = Arc::new(rows);
                    shared.rows.get_or_init(|| rows).clone()
                }
            };
            emit(rows.iter().cloned(), sink)
        }
        Node::RecursiveRows { id, .. } => {
            let rows = cx.recursive.borrow().get(id).cloned().unwrap_or_default();
            emit(rows.iter().cloned(), sink)
        }
        Node::Recursive { id, all, base, step } => {
            set_operations::recursive(*id, *all, (base, step), cx, outer, sink)
        }
    }
}

fn unnest(
    row: Row,
    items: &Value,
    keep: bool,
    on: Option<&Expr>,
    cx: &Run<'_>,
    outer: Outer<'_>,
    sink: Sink<'_>,
) -> Result<Flow> {
    let mut found = false;
    if let Value::Array(items) = items {
        for (at, item) in items.iter().enumerate() {
            cx.usage.count_row()?;
            let mut joined = row.clone();
            joined.push(item.clone());
            joined.push(Value::Int(i64::try_from(at).unwrap_or(i64::MAX)));
            if let Some(on) = on
                && !on.eval(cx, &env(&joined, outer))?.is_true()
            {
                continue;
            }
            found = true;
            if sink(joined)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
    if keep && !found {
        let mut joined = row;
        joined.extend([Value::Null, Value::Null]);
        return sink(joined);
    }
    Ok(Flow::Continue)
}

fn run_limit(
    input: &Node,
    limit: Option<&Expr>,
    offset: Option<&Expr>,
    cx: &Run<'_>,
    outer: Outer<'_>,
    sink: Sink<'_>,
) -> Result<Flow> {
    let number = |expr: Option<&Expr>, missing: i64| -> Result<i64> {
        let value = match expr {
            Some(expr) => expr.eval(cx, &env(&[], outer))?,
            None => return Ok(missing),
        };
        match value {
            Value::Int(value) if value >= 0 => Ok(value),
            _ => Err(SqlError::invalid("LIMIT and OFFSET need a number that is not negative")),
        }
    };
    let (mut skip, mut left) = (number(offset, 0)?, number(limit, i64::MAX)?);
    if left == 0 {
        return Ok(Flow::Continue);
    }
    let mut stopped = Flow::Continue;
    run(input, cx, outer, &mut |row| {
        if skip > 0 {
            skip -= 1;
            return Ok(Flow::Continue);
        }
        left -= 1;
        stopped = sink(row)?;
        Ok(if left == 0 { Flow::Stop } else { stopped })
    })?;
    // An input that ends because of the limit does not end the query.
    Ok(stopped)
}
