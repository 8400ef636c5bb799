//! Joins: by a hash table where the condition has equalities, otherwise by comparing all pairs.

use std::collections::HashMap;

use super::{Flow, Outer, Run, Sink, collect, env, eval_all};
use crate::bigquery::query::googlesql::ast::JoinKind;
use crate::bigquery::query::googlesql::error::Result;
use crate::bigquery::query::googlesql::plan::{Expr, Join};
use crate::bigquery::query::googlesql::value::{Key, Row, Value};

pub(super) fn run(join: &Join, cx: &Run<'_>, outer: Outer<'_>, sink: Sink<'_>) -> Result<Flow> {
    let (right, _charge) = collect(&join.right, cx, outer)?;
    let (left_keys, right_keys): (Vec<Expr>, Vec<Expr>) = join.equal.iter().cloned().unzip();
    let index = if left_keys.is_empty() {
        None
    } else {
        let index = index_of(&right, &right_keys, cx, outer)?;
        Some(index)
    };
    let all: Vec<usize> = (0..right.len()).collect();
    let mut matched = vec![false; right.len()];
    let keeps_left = matches!(join.kind, JoinKind::Left | JoinKind::Full);
    let flow = super::run(&join.left, cx, outer, &mut |row| {
        let candidates = match &index {
            None => all.as_slice(),
            Some(index) => {
                let key = Key(eval_all(&left_keys, cx, &env(&row, outer))?);
                index.get(&key).map_or(&[][..], Vec::as_slice)
            }
        };
        let mut found = false;
        for at in candidates {
            // Pairs that the condition leaves out cost time as well.
            cx.usage.count_row()?;
            let joined: Row = row.iter().chain(&right[*at]).cloned().collect();
            if let Some(on) = &join.on
                && !on.eval(cx, &env(&joined, outer))?.is_true()
            {
                continue;
            }
            found = true;
            matched[*at] = true;
            if sink(joined)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        if keeps_left && !found {
            let mut joined = row;
            joined.resize(join.left_width + join.right_width, Value::Null);
            return sink(joined);
        }
        Ok(Flow::Continue)
    })?;
    if flow == Flow::Stop || !matches!(join.kind, JoinKind::Right | JoinKind::Full) {
        return Ok(flow);
    }
    for (row, matched) in right.into_iter().zip(matched) {
        if !matched {
            let mut joined = vec![Value::Null; join.left_width];
            joined.extend(row);
            if sink(joined)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
    Ok(Flow::Continue)
}

/// Where the rows of each key are.
pub(super) fn index_of(
    rows: &[Row],
    keys: &[Expr],
    cx: &Run<'_>,
    outer: Outer<'_>,
) -> Result<HashMap<Key, Vec<usize>>> {
    let mut index: HashMap<Key, Vec<usize>> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        let key = eval_all(keys, cx, &env(row, outer))?;
        // NULL and NaN equal nothing.
        if key.iter().all(|it| it.sql_eq(it) == Some(true)) {
            index.entry(Key(key)).or_default().push(at);
        }
    }
    Ok(index)
}
