//! DISTINCT, UNION, INTERSECT, EXCEPT and recursive queries.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Flow, Outer, Run, Sink, collect, run as run_node};
use crate::bigquery::query::googlesql::ast::SetOp;
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::plan::Node;
use crate::bigquery::query::googlesql::value::Key;

/// BigQuery's limit.
const MAX_STEPS: usize = 500;

pub(super) fn distinct(
    input: &Node,
    cx: &Run<'_>,
    outer: Outer<'_>,
    sink: Sink<'_>,
) -> Result<Flow> {
    let mut seen = HashSet::new();
    run_node(input, cx, outer, &mut |row| {
        if seen.insert(Key(row.clone())) { sink(row) } else { Ok(Flow::Continue) }
    })
}

pub(super) fn run(
    op: SetOp,
    all: bool,
    (left, right): (&Node, &Node),
    cx: &Run<'_>,
    outer: Outer<'_>,
    sink: Sink<'_>,
) -> Result<Flow> {
    if op == SetOp::Union {
        let mut seen = HashSet::new();
        for side in [left, right] {
            let flow = run_node(side, cx, outer, &mut |row| {
                if all || seen.insert(Key(row.clone())) { sink(row) } else { Ok(Flow::Continue) }
            })?;
            if flow == Flow::Stop {
                return Ok(flow);
            }
        }
        return Ok(Flow::Continue);
    }
    let mut counts: HashMap<Key, usize> = HashMap::new();
    for row in collect(right, cx, outer)? {
        *counts.entry(Key(row)).or_default() += 1;
    }
    let mut seen = HashSet::new();
    run_node(left, cx, outer, &mut |row| {
        let key = Key(row.clone());
        let mut found = counts.contains_key(&key);
        if all {
            found = false;
            if let Some(count) = counts.get_mut(&key).filter(|it| **it > 0) {
                *count -= 1;
                found = true;
            }
        }
        let wanted = found == (op == SetOp::Intersect);
        if wanted && (all || seen.insert(key)) { sink(row) } else { Ok(Flow::Continue) }
    })
}

/// Runs the step on the rows of the step before until there are none.
pub(super) fn recursive(
    id: usize,
    all: bool,
    (base, step): (&Node, &Node),
    cx: &Run<'_>,
    outer: Outer<'_>,
    sink: Sink<'_>,
) -> Result<Flow> {
    let mut seen = HashSet::new();
    let mut rows = collect(base, cx, outer)?;
    for number in 0..=MAX_STEPS {
        if !all {
            rows.retain(|row| seen.insert(Key(row.clone())));
        }
        // The step runs at least once: it may read other rows than the step before.
        if rows.is_empty() && number > 0 {
            cx.recursive.borrow_mut().remove(&id);
            return Ok(Flow::Continue);
        }
        for row in &rows {
            if sink(row.clone())? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        cx.recursive.borrow_mut().insert(id, Arc::new(rows));
        rows = collect(step, cx, outer)?;
    }
    Err(SqlError::failed("a recursive query did not end within 500 iterations"))
}
