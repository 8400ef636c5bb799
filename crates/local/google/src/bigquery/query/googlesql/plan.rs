//! What the analyser makes of a query: typed expressions over rows, and the operators that make rows.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::aggregates::Aggregate;
use super::ast::{Bound, JoinKind, SetOp};
use super::functions::Function;
use super::types::Type;
use super::value::{Key, Row, Value};
use super::window_functions::WindowFunction;

/// An expression over a row and the rows of the queries around it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Literal(Value),
    /// `depth` 0 is the current row, 1 the row of the query around it, and so on.
    Column {
        depth: usize,
        index: usize,
    },
    Call(Box<CallExpr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Case {
        whens: Vec<(Expr, Expr)>,
        otherwise: Box<Expr>,
    },
    Coalesce(Vec<Expr>),
    Cast(Box<CastExpr>),
    Array(Vec<Expr>),
    Struct(Vec<Expr>),
    Field(Box<Expr>, usize),
    InList(Box<Expr>, Vec<Expr>),
    Subquery(Box<Subquery>),
}

#[derive(Clone, Debug)]
pub(crate) struct CallExpr {
    pub(crate) function: &'static Function,
    pub(crate) args: Vec<Expr>,
    pub(crate) types: Vec<Type>,
    pub(crate) result: Type,
    /// `SAFE.`: NULL instead of an error of the function itself.
    pub(crate) safe: bool,
}

impl PartialEq for CallExpr {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.function, other.function)
            && self.safe == other.safe
            && self.args == other.args
            && self.result == other.result
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CastExpr {
    pub(crate) value: Expr,
    pub(crate) from: Type,
    pub(crate) to: Type,
    pub(crate) safe: bool,
    /// The time zone between texts and instants.
    pub(crate) zone: Option<Expr>,
}

#[derive(Clone, Debug)]
pub(crate) struct Subquery {
    pub(crate) kind: SubqueryKind,
    pub(crate) plan: Node,
    /// The plan uses no row around it: it runs once.
    pub(crate) once: bool,
    /// What it gave when it ran.
    pub(crate) answer: OnceLock<Answer>,
}

/// What a subquery that runs once gave.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Value(Value),
    /// The values of `IN (SELECT …)`.
    Members(Members),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    /// Values that equal themselves.
    pub(crate) keys: HashSet<Key>,
    /// NULL, NaN and structs with them.
    pub(crate) others: Vec<Value>,
}

/// Two subqueries are not compared: an expression with one is no key of GROUP BY.
impl PartialEq for Subquery {
    /// Two subqueries of one text have one plan: `GROUP BY alias` finds the key by it. A plan has no
    /// other order or equality, so its description is compared.
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

#[derive(Clone, Debug)]
pub(crate) enum SubqueryKind {
    Scalar,
    Array,
    Exists,
    In(Expr),
    /// A lambda over an array. The plan makes one row with one value; around its row is the row of an
    /// element and its offset.
    Lambda {
        array: Expr,
        /// The element is kept if the value is TRUE; otherwise the value replaces it.
        filter: bool,
    },
}

/// An operator that makes rows.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// One row without columns.
    One,
    /// All columns of a table.
    Scan {
        table: usize,
        width: usize,
    },
    Filter {
        input: Box<Node>,
        predicate: Expr,
    },
    Project {
        input: Box<Node>,
        exprs: Vec<Expr>,
    },
    Join(Box<Join>),
    /// The rows of a filter inside a subquery, by an index.
    Lookup(Box<LookupNode>),
    /// Each row with each element of an array, and its offset.
    Unnest {
        input: Box<Node>,
        array: Expr,
        outer: bool,
        on: Option<Expr>,
    },
    /// Each row becomes one row per list of expressions.
    Unpivot {
        input: Box<Node>,
        rows: Vec<Vec<Expr>>,
        skip_nulls: Option<std::ops::Range<usize>>,
    },
    Aggregate(Box<AggregateNode>),
    Window {
        input: Box<Node>,
        calls: Vec<WindowCall>,
    },
    Sort {
        input: Box<Node>,
        keys: Vec<SortKey>,
    },
    Limit {
        input: Box<Node>,
        limit: Option<Expr>,
        offset: Option<Expr>,
    },
    Distinct(Box<Node>),
    SetOp {
        op: SetOp,
        all: bool,
        left: Box<Node>,
        right: Box<Node>,
    },
    Shared(Arc<SharedNode>),
    /// The rows of the last step of the recursive query with this number.
    RecursiveRows {
        id: usize,
        width: usize,
    },
    Recursive {
        id: usize,
        all: bool,
        base: Box<Node>,
        step: Box<Node>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) kind: JoinKind,
    pub(crate) left: Node,
    pub(crate) right: Node,
    pub(crate) left_width: usize,
    pub(crate) right_width: usize,
    /// Expressions of the left row and of the right row that must be equal.
    pub(crate) equal: Vec<(Expr, Expr)>,
    /// A condition on the joined row.
    pub(crate) on: Option<Expr>,
}

#[derive(Clone, Debug)]
pub(crate) struct LookupNode {
    /// Uses no row around it.
    pub(crate) input: Node,
    /// Expressions of the input's row, and of the rows around, that must be equal.
    pub(crate) keys: Vec<Expr>,
    pub(crate) wanted: Vec<Expr>,
    /// A condition besides.
    pub(crate) rest: Option<Expr>,
    pub(crate) index: OnceLock<Arc<Index>>,
}

/// Rows, and the places of the rows of each key.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) rows: Vec<Row>,
    pub(crate) by_key: HashMap<Key, Vec<usize>>,
}

#[derive(Clone, Debug)]
pub(crate) struct AggregateNode {
    pub(crate) input: Node,
    pub(crate) keys: Vec<Expr>,
    /// Indices of keys. A key outside the set is NULL.
    pub(crate) sets: Vec<Vec<usize>>,
    pub(crate) calls: Vec<AggregateCall>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AggregateCall {
    pub(crate) function: &'static Aggregate,
    pub(crate) args: Vec<Expr>,
    pub(crate) types: Vec<Type>,
    pub(crate) result: Type,
    pub(crate) distinct: bool,
    pub(crate) ignore_nulls: bool,
    pub(crate) order: Vec<SortKey>,
    pub(crate) limit: Option<usize>,
    pub(crate) having: Option<(bool, Expr)>,
    /// Rows for which this is not TRUE do not count (PIVOT).
    pub(crate) filter: Option<Expr>,
    /// GROUPING: the key that it asks for.
    pub(crate) grouping: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SortKey {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WindowCall {
    pub(crate) kind: WindowKind,
    pub(crate) partition: Vec<Expr>,
    pub(crate) order: Vec<SortKey>,
    pub(crate) rows: bool,
    pub(crate) start: Bound<Expr>,
    pub(crate) end: Bound<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WindowKind {
    Aggregate(Box<AggregateCall>),
    Function { function: WindowFunction, args: Vec<Expr>, ignore_nulls: bool },
}

/// The rows of a WITH query, which are computed once.
#[derive(Debug)]
pub(crate) struct SharedNode {
    pub(crate) id: usize,
    pub(crate) node: Node,
    pub(crate) width: usize,
    pub(crate) rows: OnceLock<Arc<Vec<Row>>>,
}

impl Expr {
    pub(crate) fn column(index: usize) -> Self {
        Self::Column { depth: 0, index }
    }

    /// Calls `visit` for this expression's direct parts. A subquery's plan is not a part.
    pub(crate) fn for_each_part(&self, visit: &mut dyn FnMut(&Expr)) {
        match self {
            Self::Literal(_) | Self::Column { .. } => {}
            Self::Call(call) => call.args.iter().for_each(visit),
            Self::And(a, b) | Self::Or(a, b) => {
                visit(a);
                visit(b);
            }
            Self::Case { whens, otherwise } => {
                for (when, then) in whens {
                    visit(when);
                    visit(then);
                }
                visit(otherwise);
            }
            Self::Coalesce(items) | Self::Array(items) | Self::Struct(items) => {
                items.iter().for_each(visit);
            }
            Self::Cast(cast) => {
                visit(&cast.value);
                cast.zone.iter().for_each(visit);
            }
            Self::Field(value, _) => visit(value),
            Self::InList(value, list) => {
                visit(value);
                list.iter().for_each(visit);
            }
            Self::Subquery(subquery) => {
                if let SubqueryKind::In(value) | SubqueryKind::Lambda { array: value, .. } =
                    &subquery.kind
                {
                    visit(value);
                }
            }
        }
    }

    /// Like [`Expr::for_each_part`], with access to change the parts.
    pub(crate) fn for_each_part_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        match self {
            Self::Literal(_) | Self::Column { .. } => {}
            Self::Call(call) => call.args.iter_mut().for_each(visit),
            Self::And(a, b) | Self::Or(a, b) => {
                visit(a);
                visit(b);
            }
            Self::Case { whens, otherwise } => {
                for (when, then) in whens {
                    visit(when);
                    visit(then);
                }
                visit(otherwise);
            }
            Self::Coalesce(items) | Self::Array(items) | Self::Struct(items) => {
                items.iter_mut().for_each(visit);
            }
            Self::Cast(cast) => {
                visit(&mut cast.value);
                cast.zone.iter_mut().for_each(visit);
            }
            Self::Field(value, _) => visit(value),
            Self::InList(value, list) => {
                visit(value);
                list.iter_mut().for_each(visit);
            }
            Self::Subquery(subquery) => {
                if let SubqueryKind::In(value) | SubqueryKind::Lambda { array: value, .. } =
                    &mut subquery.kind
                {
                    visit(value);
                }
            }
        }
    }

    /// Adds to the indices of all columns of the current row.
    pub(crate) fn shift(&mut self, by: usize) {
        if let Self::Column { depth: 0, index } = self {
            *index += by;
        }
        self.for_each_part_mut(&mut |part| part.shift(by));
    }

    /// The columns of the current row in the expression, apart from subqueries.
    pub(crate) fn columns(&self, found: &mut Vec<usize>) {
        if let Self::Column { depth: 0, index } = self {
            found.push(*index);
        }
        self.for_each_part(&mut |part| part.columns(found));
    }

    pub(crate) fn has_subquery(&self) -> bool {
        let mut found = matches!(self, Self::Subquery(_));
        self.for_each_part(&mut |part| found |= part.has_subquery());
        found
    }
}

impl Node {
    /// The number of columns.
    pub(crate) fn width(&self) -> usize {
        match self {
            Self::One => 0,
            Self::Scan { width, .. } | Self::RecursiveRows { width, .. } => *width,
            Self::Project { exprs, .. } => exprs.len(),
            Self::Join(join) => join.left_width + join.right_width,
            Self::Lookup(lookup) => lookup.input.width(),
            Self::Unnest { input, .. } => input.width() + 2,
            Self::Unpivot { rows, .. } => rows.first().map_or(0, Vec::len),
            Self::Aggregate(node) => node.keys.len() + node.calls.len(),
            Self::Window { input, calls } => input.width() + calls.len(),
            Self::Filter { input, .. } | Self::Sort { input, .. } | Self::Limit { input, .. } => {
                input.width()
            }
            Self::Distinct(input) => input.width(),
            Self::SetOp { left, .. } => left.width(),
            Self::Shared(shared) => shared.width,
            Self::Recursive { base, .. } => base.width(),
        }
    }
}

impl Node {
    /// Calls `visit` for the operators whose rows this one takes. The node of a WITH query is not one.
    pub(crate) fn for_each_input_mut(&mut self, visit: &mut dyn FnMut(&mut Node)) {
        match self {
            Self::One | Self::Scan { .. } | Self::Shared(_) | Self::RecursiveRows { .. } => {}
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::Unnest { input, .. }
            | Self::Unpivot { input, .. }
            | Self::Window { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Distinct(input) => visit(input),
            Self::Lookup(lookup) => visit(&mut lookup.input),
            Self::Aggregate(aggregate) => visit(&mut aggregate.input),
            Self::Join(join) => {
                visit(&mut join.left);
                visit(&mut join.right);
            }
            Self::SetOp { left: a, right: b, .. } | Self::Recursive { base: a, step: b, .. } => {
                visit(a);
                visit(b);
            }
        }
    }

    /// Calls `visit` for the expressions that this operator evaluates itself.
    pub(crate) fn for_each_expr_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        match self {
            Self::One
            | Self::Scan { .. }
            | Self::Shared(_)
            | Self::RecursiveRows { .. }
            | Self::Distinct(_)
            | Self::SetOp { .. }
            | Self::Recursive { .. } => {}
            Self::Filter { predicate, .. } => visit(predicate),
            Self::Project { exprs, .. } => exprs.iter_mut().for_each(visit),
            Self::Unnest { array, on, .. } => {
                visit(array);
                on.iter_mut().for_each(visit);
            }
            Self::Unpivot { rows, .. } => rows.iter_mut().flatten().for_each(visit),
            Self::Window { calls, .. } => {
                calls.iter_mut().for_each(|it| it.for_each_expr_mut(visit))
            }
            Self::Sort { keys, .. } => keys.iter_mut().for_each(|it| visit(&mut it.expr)),
            Self::Limit { limit, offset, .. } => limit.iter_mut().chain(offset).for_each(visit),
            Self::Lookup(it) => {
                it.keys.iter_mut().chain(&mut it.wanted).chain(&mut it.rest).for_each(visit);
            }
            Self::Aggregate(aggregate) => {
                aggregate.keys.iter_mut().for_each(&mut *visit);
                aggregate.calls.iter_mut().for_each(|it| it.for_each_expr_mut(visit));
            }
            Self::Join(join) => {
                for (a, b) in &mut join.equal {
                    visit(a);
                    visit(b);
                }
                join.on.iter_mut().for_each(visit);
            }
        }
    }
}

impl AggregateCall {
    fn for_each_expr_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        self.args.iter_mut().chain(&mut self.filter).for_each(&mut *visit);
        self.order.iter_mut().for_each(|it| visit(&mut it.expr));
        self.having.iter_mut().for_each(|(_, it)| visit(it));
    }
}

impl WindowCall {
    fn for_each_expr_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        self.partition.iter_mut().for_each(&mut *visit);
        self.order.iter_mut().for_each(|it| visit(&mut it.expr));
        for bound in [&mut self.start, &mut self.end] {
            if let Bound::Preceding(it) | Bound::Following(it) = bound {
                visit(it);
            }
        }
        match &mut self.kind {
            WindowKind::Aggregate(call) => call.for_each_expr_mut(visit),
            WindowKind::Function { args, .. } => args.iter_mut().for_each(visit),
        }
    }
}

impl<E> Bound<E> {
    pub(crate) fn expr(&self) -> Option<&E> {
        match self {
            Self::Preceding(it) | Self::Following(it) => Some(it),
            _ => None,
        }
    }
}
