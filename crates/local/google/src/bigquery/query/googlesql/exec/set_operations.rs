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
    let mut charge = cx.usage.charge();
    run_node(input, cx, outer, &mut |row| {
        if seen.insert(Key(row.clone())) {
            charge.add(&row)?;
            sink(row)
        } else {
            Ok(Flow::Continue)
        }
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
        let mut charge = cx.usage.charge();
        for side in [left, right] {
            let flow = run_node(side, cx, outer, &mut |row| {
                if !all {
                    if !seen.insert(Key(row.clone())) {
                        return Ok(Flow::Continue);
                    }
                    charge.add(&row)?;
                }
                sink(row)
            })?;
            if flow == Flow::Stop {
                return Ok(flow);
            }
        }
        return Ok(Flow::Continue);
    }
    let mut counts: HashMap<Key, usize> = HashMap::new();
    let (rows, _charge) = collect(right, cx, outer)?;
    for row in rows {
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
    let mut seen_rows = cx.usage.charge();
    let (mut rows, mut charge) = collect(base, cx, outer)?;
    for number in 0..=MAX_STEPS {
        if !all {
            rows.retain(|row| seen.insert(Key(row.clone())));
            rows.iter().try_for_each(|row| seen_rows.add(row))?;
        }
        // The step runs at least once: it may read other rows than the step before.
        if rows.is_empty() && number > 0 {
            cx.recursive.borrow_mut().remove(&id);
            return Ok(Flow::Continue);
        }
        for row in &rows {
            cx.usage.count_row()?;
            if sink(row.clone())? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        cx.recursive.borrow_mut().insert(id, Arc::new(rows));
        let (next, next_charge) = collect(step, cx, outer)?;
        rows = next;
        // The rows of the step before are free only now.
        drop(std::mem::replace(&mut charge, next_charge));
    }
    Err(SqlError::failed("a recursive query did not end within 500 iterations"))
}
