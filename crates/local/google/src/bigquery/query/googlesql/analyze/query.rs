//! Queries: WITH, set operations, ORDER BY and LIMIT around them.

use std::sync::{Arc, OnceLock};

use super::call::sort_key;
use super::scope::{NamedColumn, Names, Scope};
use super::typed::cast_expr;
use super::{Analyzer, OutColumn, Relation, Typed, With, supertype};
use crate::bigquery::query::googlesql::ast::{
    ByName, Expr as Ast, Kept, OrderItem, Query, SetExpr, SetOp,
};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::plan::{Expr, Node, SharedNode};
use crate::bigquery::query::googlesql::types::Type;

impl Analyzer<'_> {
    pub(super) fn query(&self, query: &Query, parent: Option<&Scope<'_>>) -> Result<Relation> {
        let with = self.with.borrow().len();
        for (name, body) in &query.with {
            let found = self.with_query(name, body, query.recursive)?;
            self.with.borrow_mut().push((name.clone(), found));
        }
        let relation = self.query_body(query, parent);
        self.with.borrow_mut().truncate(with);
        relation
    }

    fn query_body(&self, query: &Query, parent: Option<&Scope<'_>>) -> Result<Relation> {
        let mut relation = match &query.body {
            SetExpr::Select(select) => self.select(select, &query.order_by, parent)?,
            body => {
                let relation = self.set_expr(body, parent)?;
                self.order_rows(relation, &query.order_by, parent)?
            }
        };
        if query.limit.is_some() || query.offset.is_some() {
            let scope = Scope::new(Names::default(), None);
            let number = |expr: &Option<Ast>| -> Result<Option<Expr>> {
                let Some(expr) = expr else { return Ok(None) };
                Ok(Some(self.expr(expr, &scope)?.coerce(&Type::Int64)?.expr))
            };
            let (limit, offset) = (number(&query.limit)?, number(&query.offset)?);
            relation.node = Node::Limit { input: Box::new(relation.node), limit, offset };
        }
        Ok(relation)
    }

    fn with_query(&self, name: &str, body: &Query, recursive: bool) -> Result<With> {
        let refers = recursive && refers_to(body, name);
        let relation =
            if refers { self.recursive_query(name, body)? } else { self.query(body, None)? };
        let columns: Vec<_> =
            relation.columns.into_iter().map(|it| (it.name, it.typed.ty)).collect();
        let width = columns.len();
        let node =
            SharedNode { id: self.new_id(), node: relation.node, width, rows: OnceLock::new() };
        Ok(With::Shared { node: Arc::new(node), columns, value_table: relation.value_table })
    }

    /// `base UNION [ALL] step`, whose step reads the rows of the step before.
    fn recursive_query(&self, name: &str, body: &Query) -> Result<Relation> {
        let SetExpr::Op { op: SetOp::Union, all, names: None, left, right } = &body.body else {
            return Err(SqlError::invalid(format!(
                "Recursive reference to {name} needs UNION ALL or UNION DISTINCT"
            )));
        };
        if !body.with.is_empty() || !body.order_by.is_empty() || body.limit.is_some() {
            return Err(SqlError::unknown("WITH, ORDER BY and LIMIT in a recursive query"));
        }
        if super::super::tables::mentions(right, name) > 1 {
            return Err(SqlError::invalid(format!(
                "Multiple recursive references to table {name} are not allowed"
            )));
        }
        let base = self.set_expr(left, None)?;
        let id = self.new_id();
        let columns: Vec<_> =
            base.columns.iter().map(|it| (it.name.clone(), it.typed.ty.clone())).collect();
        let with = self.with.borrow().len();
        let recursive = With::Recursive { id, columns: columns.clone() };
        self.with.borrow_mut().push((name.to_owned(), recursive));
        let step = self.set_expr(right, None);
        self.with.borrow_mut().truncate(with);
        let step = step?;
        if step.columns.len() != columns.len() {
            return Err(SqlError::invalid(
                "The parts of a recursive query have different numbers of columns",
            ));
        }
        let casts = step.columns.iter().zip(&columns).enumerate().map(|(at, (column, (_, to)))| {
            let typed = Typed { expr: Expr::column(at), ..column.typed.clone() };
            convert(typed, to)
        });
        let exprs = casts.collect::<Result<Vec<_>>>()?;
        let step = Node::Project { input: Box::new(step.node), exprs };
        let node =
            Node::Recursive { id, all: *all, base: Box::new(base.node), step: Box::new(step) };
        Ok(Relation { node, columns: base.columns, value_table: false })
    }

    fn set_expr(&self, body: &SetExpr, parent: Option<&Scope<'_>>) -> Result<Relation> {
        match body {
            SetExpr::Select(select) => self.select(select, &[], parent),
            SetExpr::Query(query) => self.query(query, parent),
            SetExpr::Op { op, all, names, left, right } => {
                let left = self.set_expr(left, parent)?;
                let right = self.set_expr(right, parent)?;
                set_operation((*op, *all, names.as_ref()), left, right)
            }
        }
    }

    /// ORDER BY after a set operation or a query in parentheses.
    fn order_rows(
        &self,
        relation: Relation,
        order_by: &[OrderItem],
        parent: Option<&Scope<'_>>,
    ) -> Result<Relation> {
        if order_by.is_empty() {
            return Ok(relation);
        }
        let columns = relation.columns.iter().enumerate().map(|(at, it)| NamedColumn {
            name: it.name.clone(),
            ty: it.typed.ty.clone(),
            expr: Expr::column(at),
        });
        let names =
            Names { columns: columns.collect(), width: relation.columns.len(), ..Names::default() };
        let scope = Scope::new(names, parent);
        let mut keys = Vec::new();
        for item in order_by {
            let typed = match ordinal(&item.expr, relation.columns.len())? {
                Some(at) => Typed { expr: Expr::column(at), ..relation.columns[at].typed.clone() },
                None => self.expr(&item.expr, &scope)?,
            };
            keys.push(sort_key(typed, item)?);
        }
        Ok(Relation { node: Node::Sort { input: Box::new(relation.node), keys }, ..relation })
    }
}

/// The column that a number in ORDER BY or GROUP BY stands for.
pub(super) fn ordinal(expr: &Ast, columns: usize) -> Result<Option<usize>> {
    let Ast::Int(number) = expr else { return Ok(None) };
    let at =
        usize::try_from(*number).ok().and_then(|it| it.checked_sub(1)).filter(|it| *it < columns);
    at.map(Some).ok_or_else(|| {
        SqlError::invalid(format!(
            "ORDER BY or GROUP BY is out of SELECT column number range: {number}"
        ))
    })
}

fn convert(typed: Typed, to: &Type) -> Result<Expr> {
    if typed.ty == *to {
        return Ok(typed.expr);
    }
    if typed.coercion(to).is_none() {
        return Err(SqlError::invalid(format!(
            "A column of a set operation has incompatible types: {}, {to}",
            typed.ty
        )));
    }
    Ok(cast_expr(typed.expr, &typed.ty, to))
}

/// The columns of a set operation: where each one is on the left and on the right, and its name.
type Pairs = Vec<(Option<usize>, Option<usize>, String)>;

fn pairs_by_position(left: &Relation, right: &Relation) -> Result<Pairs> {
    if left.columns.len() != right.columns.len() {
        return Err(SqlError::invalid(format!(
            "Queries in a set operation have mismatched column count; one has {} columns, another \
             {}",
            left.columns.len(),
            right.columns.len()
        )));
    }
    let names = left.columns.iter().enumerate();
    Ok(names.map(|(at, it)| (Some(at), Some(at), it.name.clone())).collect())
}

/// GoogleSQL reference, "BY NAME or CORRESPONDING".
fn pairs_by_name(left: &Relation, right: &Relation, names: &ByName) -> Result<Pairs> {
    let find = |side: &Relation, name: &str| -> Result<Option<usize>> {
        let mut found =
            side.columns.iter().enumerate().filter(|(_, it)| super::same_name(&it.name, name));
        let first = found.next().map(|(at, _)| at);
        if found.next().is_some() {
            return Err(SqlError::invalid(format!(
                "Column {name} is there twice in a set operation BY NAME"
            )));
        }
        Ok(first)
    };
    let all = || left.columns.iter().chain(&right.columns).map(|it| it.name.clone());
    if all().any(|it| it.is_empty()) {
        return Err(SqlError::invalid("A set operation BY NAME needs a name for every column"));
    }
    let wanted: Vec<String> = names.columns.clone().unwrap_or_else(|| all().collect());
    let missing = |name: &str| {
        SqlError::invalid(format!("Column {name} is not in both queries of a set operation"))
    };
    let mut pairs: Pairs = Vec::new();
    for name in wanted {
        if pairs.iter().any(|(_, _, it)| super::same_name(it, &name)) {
            continue;
        }
        let pair = (find(left, &name)?, find(right, &name)?);
        let kept = match (names.kept, pair) {
            (_, (Some(_), Some(_))) => true,
            (_, (None, None)) | (Kept::Same, _) => return Err(missing(&name)),
            (Kept::Common, _) if names.columns.is_some() => return Err(missing(&name)),
            (Kept::Left, (None, _)) if names.columns.is_some() => return Err(missing(&name)),
            (Kept::Common, _) => false,
            (Kept::Left, (on_left, _)) => on_left.is_some(),
            (Kept::All, _) => true,
        };
        if kept {
            pairs.push((pair.0, pair.1, name));
        }
    }
    let common = pairs.iter().any(|(a, b, _)| a.is_some() && b.is_some());
    if pairs.is_empty() || names.kept == Kept::Left && !common {
        return Err(SqlError::invalid("The queries of a set operation have no column in common"));
    }
    Ok(pairs)
}

fn set_operation(
    (op, all, names): (SetOp, bool, Option<&ByName>),
    left: Relation,
    right: Relation,
) -> Result<Relation> {
    let pairs = match names {
        Some(names) => pairs_by_name(&left, &right, names)?,
        None => pairs_by_position(&left, &right)?,
    };
    if all && op != SetOp::Union {
        return Err(SqlError::invalid("INTERSECT ALL and EXCEPT ALL are not supported"));
    }
    let side = |relation: &Relation, at: Option<usize>| match at {
        Some(at) => Typed { expr: Expr::column(at), ..relation.columns[at].typed.clone() },
        // A column that this side does not have.
        None => Typed::null(),
    };
    let mut columns = Vec::new();
    let (mut left_exprs, mut right_exprs) = (Vec::new(), Vec::new());
    for (at, (on_left, on_right, name)) in pairs.into_iter().enumerate() {
        let (a, b) = (side(&left, on_left), side(&right, on_right));
        let of = supertype(&[a.clone(), b.clone()]).ok_or_else(|| {
            SqlError::invalid(format!(
                "Column {} in a set operation has incompatible types: {}, {}",
                at + 1,
                a.ty,
                b.ty
            ))
        })?;
        if !all && !of.is_groupable() {
            return Err(SqlError::invalid(format!(
                "A set operation cannot compare columns of type {of}"
            )));
        }
        let both_null = a.is_null() && b.is_null();
        let mut typed = Typed::new(Expr::column(at), of.clone());
        if both_null {
            typed.literal = a.literal;
        }
        left_exprs.push(convert(a, &of)?);
        right_exprs.push(convert(b, &of)?);
        columns.push(OutColumn { name, typed });
    }
    let project = |input: Node, exprs| Box::new(Node::Project { input: Box::new(input), exprs });
    let value_table = left.value_table && right.value_table;
    let (left, right) = (project(left.node, left_exprs), project(right.node, right_exprs));
    Ok(Relation { node: Node::SetOp { op, all, left, right }, columns, value_table })
}

/// Whether a query reads a table of this name.
fn refers_to(query: &Query, name: &str) -> bool {
    super::super::tables::table_refs(query)
        .iter()
        .any(|it| matches!(it.path.as_slice(), [only] if super::same_name(only, name)))
}
