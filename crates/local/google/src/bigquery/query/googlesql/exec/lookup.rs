//! Rows of a subquery's table that equal something of the query around it.

use std::sync::Arc;

use super::{Flow, Outer, Run, Sink, collect, env, eval_all, join};
use crate::bigquery::query::googlesql::error::Result;
use crate::bigquery::query::googlesql::plan::{Index, LookupNode};
use crate::bigquery::query::googlesql::value::Key;

pub(super) fn run(
    node: &LookupNode,
    cx: &Run<'_>,
    outer: Outer<'_>,
    sink: Sink<'_>,
) -> Result<Flow> {
    let index = match node.index.get() {
        Some(index) => index,
        None => {
            let (rows, charge) = collect(&node.input, cx, None)?;
            charge.keep();
            let by_key = join::index_of(&rows, &node.keys, cx, None)?;
            node.index.get_or_init(|| Arc::new(Index { rows, by_key }))
        }
    };
    let key = Key(eval_all(&node.wanted, cx, &env(&[], outer))?);
    for at in index.by_key.get(&key).into_iter().flatten() {
        cx.usage.count_row()?;
        let row = &index.rows[*at];
        if let Some(rest) = &node.rest
            && !rest.eval(cx, &env(row, outer))?.is_true()
        {
            continue;
        }
        if sink(row.clone())? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}
