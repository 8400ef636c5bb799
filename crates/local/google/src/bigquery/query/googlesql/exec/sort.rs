//! ORDER BY.

use std::cmp::Ordering;

use super::{Outer, Run, env};
use crate::bigquery::query::googlesql::error::Result;
use crate::bigquery::query::googlesql::plan::SortKey;
use crate::bigquery::query::googlesql::value::{Row, Value};

/// The order of two lists of key values.
pub(super) fn compare_keys(keys: &[SortKey], a: &[Value], b: &[Value]) -> Ordering {
    for ((key, a), b) in keys.iter().zip(a).zip(b) {
        let order = match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if key.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if key.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if key.descending => b.order(a),
            (false, false) => a.order(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Sorts rows; equal ones keep their order.
pub(in super::super) fn sort_rows(
    rows: Vec<Row>,
    keys: &[SortKey],
    cx: &Run<'_>,
    outer: Outer<'_>,
) -> Result<Vec<Row>> {
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows {
        let values = keys.iter().map(|it| it.expr.eval(cx, &env(&row, outer)));
        keyed.push((values.collect::<Result<Vec<_>>>()?, row));
    }
    keyed.sort_by(|a, b| compare_keys(keys, &a.0, &b.0));
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}
