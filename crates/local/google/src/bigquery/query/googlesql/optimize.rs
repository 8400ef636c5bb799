//! Changes a plan so that it does not make the same rows again and again. The result is the same.
//!
//! - A subquery that uses no column of the queries around it runs once, not once per row.
//! - `WHERE inner.x = outer.y` in a subquery becomes a lookup in an index that is made once.
//! - `FROM a, b WHERE a.x = b.y` becomes a join by a hash table.
//!
//! BigQuery does the same; without it, `WHERE x IN (SELECT …)` over two tables of 30,000 rows takes an hour.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::ast::JoinKind;
use super::plan::{Expr, Join, LookupNode, Node, SharedNode, Subquery, SubqueryKind};
use super::value::Value;

/// Changes a plan. The columns that it reads are known already: [`super::prune`] comes first.
pub(crate) fn optimize(node: &mut Node) {
    Optimizer::default().node(node);
}

#[derive(Default)]
struct Optimizer {
    /// WITH queries that were changed, by their ids.
    shared: HashMap<usize, Arc<SharedNode>>,
}

impl Optimizer {
    fn node(&mut self, node: &mut Node) {
        if let Node::Shared(shared) = node {
            *shared = self.shared(shared);
            return;
        }
        if let Node::Filter { .. } = node {
            join_by_filter(node);
            look_up(node);
        }
        node.for_each_expr_mut(&mut |expr| self.expr(expr));
        node.for_each_input_mut(&mut |input| self.node(input));
    }

    fn shared(&mut self, shared: &Arc<SharedNode>) -> Arc<SharedNode> {
        if let Some(changed) = self.shared.get(&shared.id) {
            return Arc::clone(changed);
        }
        let mut node = shared.node.clone();
        self.node(&mut node);
        let changed = Arc::new(SharedNode {
            id: shared.id,
            node,
            width: shared.width,
            rows: OnceLock::new(),
        });
        self.shared.insert(shared.id, Arc::clone(&changed));
        changed
    }

    fn expr(&mut self, expr: &mut Expr) {
        if let Expr::Subquery(subquery) = expr {
            let Subquery { kind, plan, once, .. } = &mut **subquery;
            *once = !matches!(kind, SubqueryKind::Lambda { .. }) && is_closed(plan, 0);
            self.node(plan);
        }
        expr.for_each_part_mut(&mut |part| self.expr(part));
    }
}

/// Whether a plan uses no column of the queries around it and no rows of a recursive query. `depth` is the
/// number of subqueries between the plan and these queries.
fn is_closed(node: &mut Node, depth: usize) -> bool {
    let mut closed = !matches!(node, Node::RecursiveRows { .. });
    node.for_each_expr_mut(&mut |expr| closed = closed && is_closed_expr(expr, depth));
    node.for_each_input_mut(&mut |input| closed = closed && is_closed(input, depth));
    closed
}

fn is_closed_expr(expr: &mut Expr, depth: usize) -> bool {
    let mut closed = match expr {
        Expr::Column { depth: of, .. } => *of <= depth,
        Expr::Subquery(subquery) => {
            let rows = match subquery.kind {
                SubqueryKind::Lambda { .. } => 2,
                _ => 1,
            };
            is_closed(&mut subquery.plan, depth + rows)
        }
        _ => true,
    };
    expr.for_each_part_mut(&mut |part| closed = closed && is_closed_expr(part, depth));
    closed
}

/// Moves equalities of a filter into the join below it.
fn join_by_filter(node: &mut Node) {
    let Node::Filter { input, predicate } = node else { return };
    let Node::Join(join) = &mut **input else { return };
    if join.kind != JoinKind::Inner {
        return;
    }
    let all = std::mem::replace(predicate, Expr::Literal(Value::Bool(true)));
    let rest = split_equalities(all, join.left_width, &mut join.equal);
    let rest = rest.and_then(|rest| push_left(join, rest));
    match rest {
        Some(rest) => *predicate = rest,
        None => {
            let join = std::mem::replace(&mut **input, Node::One);
            *node = join;
        }
    }
}

/// Moves comparisons of the left side's columns to the left side, if that is a join itself. The rest is returned.
fn push_left(join: &mut Join, predicate: Expr) -> Option<Expr> {
    if !matches!(&join.left, Node::Join(left) if left.kind == JoinKind::Inner) {
        return Some(predicate);
    }
    let width = join.left_width;
    let (left, rest): (Vec<_>, Vec<_>) = conjuncts(predicate).into_iter().partition(|it| {
        let mut columns = Vec::new();
        it.columns(&mut columns);
        is_equality_of_columns(it) && columns.iter().all(|at| *at < width)
    });
    if let Some(predicate) = conjunction(left) {
        let input = Box::new(std::mem::replace(&mut join.left, Node::One));
        join.left = Node::Filter { input, predicate };
        join_by_filter(&mut join.left);
    }
    conjunction(rest)
}

/// A comparison that cannot fail, so that it may be evaluated for more rows than before.
fn is_equality_of_columns(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(call) if call.function.name == "$eq"
        && call.args.iter().all(|it| matches!(it, Expr::Column { depth: 0, .. })))
}

/// Makes an index of the rows of a filter that compares them with columns of the queries around.
fn look_up(node: &mut Node) {
    let Node::Filter { input, predicate } = node else { return };
    if matches!(**input, Node::One) || !is_closed(input, 0) {
        return;
    }
    let all = std::mem::replace(predicate, Expr::Literal(Value::Bool(true)));
    let (mut keys, mut wanted, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for conjunct in conjuncts(all) {
        match sides(&conjunct) {
            Some((inner, outer)) => {
                keys.push(inner);
                wanted.push(outer);
            }
            None => rest.push(conjunct),
        }
    }
    let rest = conjunction(rest);
    if keys.is_empty() {
        if let Some(rest) = rest {
            *predicate = rest;
        }
        return;
    }
    let input = std::mem::replace(&mut **input, Node::One);
    *node =
        Node::Lookup(Box::new(LookupNode { input, keys, wanted, rest, index: OnceLock::new() }));
}

/// The two sides of an equality between the filter's row and the rows around it.
fn sides(expr: &Expr) -> Option<(Expr, Expr)> {
    let Expr::Call(call) = expr else { return None };
    if call.function.name != "$eq" || call.args.iter().any(Expr::has_subquery) {
        return None;
    }
    let side = |expr: &Expr| {
        let mut depths = BTreeSet::new();
        depths_of(expr, &mut depths);
        if depths.len() == 1 && depths.contains(&0) {
            Some(true)
        } else if !depths.is_empty() && !depths.contains(&0) {
            Some(false)
        } else {
            None
        }
    };
    let (a, b) = (&call.args[0], &call.args[1]);
    match (side(a), side(b)) {
        (Some(true), Some(false)) => Some((a.clone(), b.clone())),
        (Some(false), Some(true)) => Some((b.clone(), a.clone())),
        _ => None,
    }
}

fn depths_of(expr: &Expr, found: &mut BTreeSet<usize>) {
    if let Expr::Column { depth, .. } = expr {
        found.insert(*depth);
    }
    expr.for_each_part(&mut |part| depths_of(part, found));
}

fn conjuncts(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::And(a, b) => [conjuncts(*a), conjuncts(*b)].concat(),
        other => vec![other],
    }
}

fn conjunction(conjuncts: Vec<Expr>) -> Option<Expr> {
    conjuncts.into_iter().reduce(|a, b| Expr::And(Box::new(a), Box::new(b)))
}

/// Takes equalities between both sides of a join out of a condition; the rest is returned.
pub(crate) fn split_equalities(
    on: Expr,
    left_width: usize,
    equal: &mut Vec<(Expr, Expr)>,
) -> Option<Expr> {
    let mut rest = Vec::new();
    for conjunct in conjuncts(on) {
        match equality(&conjunct, left_width) {
            Some(pair) => equal.push(pair),
            None => rest.push(conjunct),
        }
    }
    conjunction(rest)
}

fn equality(expr: &Expr, left_width: usize) -> Option<(Expr, Expr)> {
    let Expr::Call(call) = expr else { return None };
    if call.function.name != "$eq" || call.args.iter().any(Expr::has_subquery) {
        return None;
    }
    let side = |expr: &Expr| {
        let mut columns = Vec::new();
        expr.columns(&mut columns);
        let sides: BTreeSet<bool> = columns.iter().map(|it| *it < left_width).collect();
        if sides.len() == 1 { sides.first().copied() } else { None }
    };
    let (a, b) = (call.args[0].clone(), call.args[1].clone());
    let (left, mut right) = match (side(&a), side(&b)) {
        (Some(true), Some(false)) => (a, b),
        (Some(false), Some(true)) => (b, a),
        _ => return None,
    };
    unshift(&mut right, left_width);
    Some((left, right))
}

fn unshift(expr: &mut Expr, by: usize) {
    if let Expr::Column { depth: 0, index } = expr {
        *index -= by;
    }
    expr.for_each_part_mut(&mut |part| unshift(part, by));
}
