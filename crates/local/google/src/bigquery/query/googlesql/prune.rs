//! Which columns of the tables a query reads.
//!
//! A column of a subquery that nothing uses is not read, such as the other columns of
//! `SELECT a FROM (SELECT * FROM t)`.

use std::collections::{BTreeSet, HashMap};

use super::ast::SetOp;
use super::plan::{
    AggregateCall, Expr, Join, Node, SharedNode, Subquery, SubqueryKind, WindowCall, WindowKind,
};

type Columns = BTreeSet<usize>;

/// For each table, the columns that are read.
pub(crate) fn columns_read(node: &Node, tables: usize) -> Vec<Columns> {
    let mut pruner = Pruner { tables: vec![Columns::new(); tables], shared: HashMap::new() };
    let all = (0..node.width()).collect();
    pruner.node(node, &all, &mut Vec::new());
    pruner.tables
}

struct Pruner {
    tables: Vec<Columns>,
    /// The columns of WITH queries that are read so far.
    shared: HashMap<usize, Columns>,
}

impl Pruner {
    /// Notes what a node reads to make the `wanted` columns. `outer` are the columns that are read
    /// of the rows around, the innermost last.
    fn node(&mut self, node: &Node, wanted: &Columns, outer: &mut Vec<Columns>) {
        match node {
            Node::One | Node::RecursiveRows { .. } => {}
            Node::Scan { table, .. } => self.tables[*table].extend(wanted),
            Node::Filter { input, predicate } => {
                let mut needed = wanted.clone();
                self.expr(predicate, &mut needed, outer);
                self.node(input, &needed, outer);
            }
            Node::Project { input, exprs } => {
                // An expression is evaluated even if nothing uses its result.
                let read = |(at, expr): &(usize, &Expr)| wanted.contains(at) || !is_plain(expr);
                let mut needed = Columns::new();
                let read = exprs.iter().enumerate().filter(read);
                read.for_each(|(_, expr)| self.expr(expr, &mut needed, outer));
                self.node(input, &needed, outer);
            }
            Node::Join(join) => self.join(join, wanted, outer),
            // `optimize` makes them later.
            Node::Lookup(lookup) => self.all(&lookup.input, outer),
            Node::Unnest { .. } | Node::Unpivot { .. } => self.expanded(node, wanted, outer),
            Node::Aggregate(aggregate) => {
                let mut needed = Columns::new();
                aggregate.keys.iter().for_each(|it| self.expr(it, &mut needed, outer));
                aggregate.calls.iter().for_each(|it| self.aggregate(it, &mut needed, outer));
                self.node(&aggregate.input, &needed, outer);
            }
            Node::Window { input, calls } => {
                let width = input.width();
                let mut needed: Columns = wanted.iter().copied().filter(|it| *it < width).collect();
                calls.iter().for_each(|call| self.window(call, &mut needed, outer));
                self.node(input, &needed, outer);
            }
            Node::Sort { input, keys } => {
                let mut needed = wanted.clone();
                keys.iter().for_each(|it| self.expr(&it.expr, &mut needed, outer));
                self.node(input, &needed, outer);
            }
            Node::Limit { input, limit, offset } => {
                let mut nothing = Columns::new();
                limit.iter().chain(offset).for_each(|it| self.expr(it, &mut nothing, outer));
                self.node(input, wanted, outer);
            }
            Node::Distinct(input) => self.all(input, outer),
            Node::SetOp { op: SetOp::Union, all: true, left, right } => {
                self.node(left, wanted, outer);
                self.node(right, wanted, outer);
            }
            Node::SetOp { left: one, right: other, .. }
            | Node::Recursive { base: one, step: other, .. } => {
                self.all(one, outer);
                self.all(other, outer);
            }
            Node::Shared(shared) => self.shared(shared, wanted),
        }
    }

    /// A node that makes several rows of one.
    fn expanded(&mut self, node: &Node, wanted: &Columns, outer: &mut Vec<Columns>) {
        match node {
            Node::Unnest { input, array, on, .. } => {
                let mut needed = wanted.clone();
                if let Some(on) = on {
                    self.expr(on, &mut needed, outer);
                }
                needed.retain(|it| *it < input.width());
                self.expr(array, &mut needed, outer);
                self.node(input, &needed, outer);
            }
            Node::Unpivot { input, rows, .. } => {
                let mut needed = Columns::new();
                for (at, expr) in rows.iter().flat_map(|it| it.iter().enumerate()) {
                    if wanted.contains(&at) || skipped(node, at) || !is_plain(expr) {
                        self.expr(expr, &mut needed, outer);
                    }
                }
                self.node(input, &needed, outer);
            }
            _ => {}
        }
    }

    fn join(&mut self, join: &Join, wanted: &Columns, outer: &mut Vec<Columns>) {
        let mut needed = wanted.clone();
        if let Some(on) = &join.on {
            self.expr(on, &mut needed, outer);
        }
        let width = join.left_width;
        let mut left: Columns = needed.iter().copied().filter(|it| *it < width).collect();
        let mut right: Columns =
            needed.iter().filter(|it| **it >= width).map(|it| it - width).collect();
        for (a, b) in &join.equal {
            self.expr(a, &mut left, outer);
            self.expr(b, &mut right, outer);
        }
        self.node(&join.left, &left, outer);
        self.node(&join.right, &right, outer);
    }

    /// A WITH query, which several places can read: each column that one of them wants is read.
    fn shared(&mut self, shared: &SharedNode, wanted: &Columns) {
        let known = self.shared.contains_key(&shared.id);
        let so_far = self.shared.entry(shared.id).or_default();
        let before = so_far.len();
        so_far.extend(wanted);
        if !known || so_far.len() > before {
            let columns = so_far.clone();
            self.node(&shared.node, &columns, &mut Vec::new());
        }
    }

    fn all(&mut self, node: &Node, outer: &mut Vec<Columns>) {
        let all = (0..node.width()).collect();
        self.node(node, &all, outer);
    }

    fn window(&mut self, call: &WindowCall, needed: &mut Columns, outer: &mut Vec<Columns>) {
        call.partition.iter().for_each(|it| self.expr(it, needed, outer));
        call.order.iter().for_each(|it| self.expr(&it.expr, needed, outer));
        let bounds = call.start.expr().into_iter().chain(call.end.expr());
        bounds.for_each(|it| self.expr(it, needed, outer));
        match &call.kind {
            WindowKind::Aggregate(call) => self.aggregate(call, needed, outer),
            WindowKind::Function { args, .. } => {
                args.iter().for_each(|it| self.expr(it, needed, outer));
            }
        }
    }

    fn aggregate(&mut self, call: &AggregateCall, needed: &mut Columns, outer: &mut Vec<Columns>) {
        call.args.iter().for_each(|it| self.expr(it, needed, outer));
        call.order.iter().for_each(|it| self.expr(&it.expr, needed, outer));
        call.filter.iter().for_each(|it| self.expr(it, needed, outer));
        call.having.iter().for_each(|(_, it)| self.expr(it, needed, outer));
    }

    /// Adds columns of the current row to `needed`, columns of outer rows to `outer`.
    fn expr(&mut self, expr: &Expr, needed: &mut Columns, outer: &mut Vec<Columns>) {
        match expr {
            Expr::Column { depth: 0, index } => {
                needed.insert(*index);
            }
            Expr::Column { depth, index } => {
                let around = outer.len().checked_sub(*depth).and_then(|at| outer.get_mut(at));
                if let Some(around) = around {
                    around.insert(*index);
                }
            }
            Expr::Subquery(subquery) => self.subquery(subquery, needed, outer),
            _ => {}
        }
        let mut parts = Vec::new();
        expr.for_each_part(&mut |part| parts.push(part.clone()));
        for part in &parts {
            self.expr(part, needed, outer);
        }
    }

    fn subquery(&mut self, subquery: &Subquery, needed: &mut Columns, outer: &mut Vec<Columns>) {
        outer.push(std::mem::take(needed));
        let is_lambda = matches!(subquery.kind, SubqueryKind::Lambda { .. });
        if is_lambda {
            // The row of the element stands between.
            outer.push(Columns::new());
        }
        let wanted = match subquery.kind {
            SubqueryKind::Exists => Columns::new(),
            _ => (0..subquery.plan.width()).collect(),
        };
        self.node(&subquery.plan, &wanted, outer);
        if is_lambda {
            outer.pop();
        }
        *needed = outer.pop().unwrap_or_default();
    }
}

/// A column or a field of one, whose evaluation cannot fail.
fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::Column { .. } | Expr::Literal(_) => true,
        Expr::Field(value, _) => is_plain(value),
        _ => false,
    }
}

/// Whether rows with NULL in a column are left out.
fn skipped(node: &Node, at: usize) -> bool {
    matches!(node, Node::Unpivot { skip_nulls: Some(range), .. } if range.contains(&at))
}
