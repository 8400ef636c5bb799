//! FROM: tables, subqueries, arrays and joins.

use super::scope::{NamedColumn, Names, RangeVariable, Scope};
use super::typed::{cast_expr, common_type_of};
use super::{Analyzer, Relation, Typed, With};
use crate::bigquery::query::googlesql::ast::{Expr as Ast, From, JoinKind, TableRef};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::optimize;
use crate::bigquery::query::googlesql::plan::{Expr, Join, Node};
use crate::bigquery::query::googlesql::tables::{implicit_alias, same_name};
use crate::bigquery::query::googlesql::types::Type;

/// The rows of a FROM clause and their names.
pub(super) type Source = (Node, Names);

impl Analyzer<'_> {
    pub(super) fn from(&self, from: &From, parent: Option<&Scope<'_>>) -> Result<Source> {
        match from {
            From::Table { table, alias, offset, with_offset } => {
                match self.array_path(table, &Names::default(), parent) {
                    Some(array) => {
                        let alias = alias.clone().unwrap_or_else(|| implicit_alias(&table.path));
                        let names = Names::default();
                        let source = (Node::One, names);
                        self.unnest(
                            source,
                            &array,
                            Some(&alias),
                            (*with_offset, offset.as_deref()),
                            parent,
                            false,
                        )
                    }
                    None if *with_offset => Err(SqlError::invalid("WITH OFFSET needs an array")),
                    None => self.table(table, alias.as_deref()),
                }
            }
            From::Unnest { array, alias, offset, with_offset } => {
                let source = (Node::One, Names::default());
                self.unnest(
                    source,
                    array,
                    alias.as_deref(),
                    (*with_offset, offset.as_deref()),
                    parent,
                    false,
                )
            }
            From::Query { query, alias } => {
                let relation = self.query(query, parent)?;
                Ok(named(relation, alias.as_deref()))
            }
            From::Join { kind, left, right, on, using } => {
                let left = self.from(left, parent)?;
                self.join(*kind, left, right, on.as_ref(), using, parent)
            }
            From::Pivot { input, pivot, alias } => {
                let input = self.from(input, parent)?;
                self.pivot(input, pivot, alias.as_deref(), parent)
            }
            From::Unpivot { input, unpivot, alias } => {
                let input = self.from(input, parent)?;
                self.unpivot(input, unpivot, alias.as_deref())
            }
        }
    }

    /// A table's name that is an array of another table, such as `t.items`.
    fn array_path(
        &self,
        table: &TableRef,
        left: &Names,
        parent: Option<&Scope<'_>>,
    ) -> Option<Ast> {
        let first = table.path.first()?;
        let known = left.has_range(first) || parent.is_some_and(|it| it.has_range(first));
        (table.path.len() > 1 && known).then(|| Ast::Path(table.path.clone()))
    }

    fn table(&self, table: &TableRef, alias: Option<&str>) -> Result<Source> {
        let implicit = implicit_alias(&table.path);
        let alias = alias.unwrap_or(&implicit);
        if let [name] = table.path.as_slice() {
            let with = self.with.borrow();
            if let Some((_, found)) = with.iter().rev().find(|(it, _)| same_name(it, name)) {
                return Ok(with_rows(found, alias));
            }
        }
        let at = self.tables.iter().position(|it| it.name == *table).ok_or_else(|| {
            SqlError::invalid(format!("Table not found: {}", table.path.join(".")))
        })?;
        let columns = &self.tables[at].columns;
        let node = Node::Scan { table: at, width: columns.len() };
        let mut names = names_of(columns, alias, false);
        names.hidden = names.columns.split_off(columns.len() - self.tables[at].hidden);
        Ok((node, names))
    }

    fn join(
        &self,
        kind: JoinKind,
        (left, left_names): Source,
        right: &From,
        on: Option<&Ast>,
        using: &[String],
        parent: Option<&Scope<'_>>,
    ) -> Result<Source> {
        let array = match right {
            From::Unnest { array, alias, offset, with_offset } => {
                Some((array.clone(), alias.clone(), *with_offset, offset.clone()))
            }
            From::Table { table, alias, offset, with_offset } => {
                self.array_path(table, &left_names, parent).map(|array| {
                    let implicit = implicit_alias(&table.path);
                    (array, Some(alias.clone().unwrap_or(implicit)), *with_offset, offset.clone())
                })
            }
            _ => None,
        };
        let lateral = matches!(kind, JoinKind::Cross | JoinKind::Inner | JoinKind::Left);
        if let Some((array, alias, with_offset, offset)) = array
            && lateral
            && using.is_empty()
        {
            let keep = kind == JoinKind::Left;
            let offset = (with_offset, offset.as_deref());
            let (mut node, names) =
                self.unnest((left, left_names), &array, alias.as_deref(), offset, parent, keep)?;
            if let Some(condition) = on {
                let scope = Scope::new(names.clone(), parent);
                let condition = self.boolean(condition, &scope, "JOIN ON clause")?;
                if let Node::Unnest { on, .. } = &mut node {
                    *on = Some(condition);
                }
            }
            return Ok((node, names));
        }
        let (right, mut right_names) = self.from(right, parent)?;
        let (left_width, right_width) = (left_names.width, right_names.width);
        let mut equal = Vec::new();
        let mut condition = None;
        let mut names;
        if using.is_empty() {
            right_names.shift(left_width);
            names = joined(left_names, right_names);
            if let Some(on) = on {
                let scope = Scope::new(names.clone(), parent);
                let on = self.boolean(on, &scope, "JOIN ON clause")?;
                condition = optimize::split_equalities(on, left_width, &mut equal);
            } else if kind != JoinKind::Cross {
                return Err(SqlError::invalid("Syntax error: A join needs ON or USING"));
            }
        } else {
            names = self.using(kind, left_names, right_names, using, &mut equal)?;
        }
        names.width = left_width + right_width;
        let kind = if kind == JoinKind::Cross { JoinKind::Inner } else { kind };
        let join = Join { kind, left, right, left_width, right_width, equal, on: condition };
        Ok((Node::Join(Box::new(join)), names))
    }

    /// USING: each of its columns appears once.
    fn using(
        &self,
        kind: JoinKind,
        left: Names,
        mut right: Names,
        using: &[String],
        equal: &mut Vec<(Expr, Expr)>,
    ) -> Result<Names> {
        let column = |names: &Names, name: &str, side: &str| {
            let mut found = names.columns.iter().filter(|it| same_name(&it.name, name));
            match (found.next(), found.next()) {
                (Some(column), None) => Ok(column.clone()),
                (Some(_), Some(_)) => {
                    Err(SqlError::invalid(format!("Column {name} in USING is ambiguous")))
                }
                _ => Err(SqlError::invalid(format!(
                    "Column {name} in USING clause not found on {side} side of join"
                ))),
            }
        };
        let mut merged = Vec::new();
        let pairs = using
            .iter()
            .map(|name| Ok((column(&left, name, "left")?, column(&right, name, "right")?)));
        let pairs = pairs.collect::<Result<Vec<_>>>()?;
        right.shift(left.width);
        for (name, (a, b)) in using.iter().zip(pairs) {
            let of = common_type_of(&a.ty, &b.ty).filter(Type::is_comparable).ok_or_else(|| {
                SqlError::invalid(format!("Column {name} in USING has incompatible types"))
            })?;
            let (left_key, right_key) =
                (cast_expr(a.expr.clone(), &a.ty, &of), cast_expr(b.expr.clone(), &b.ty, &of));
            equal.push((left_key.clone(), right_key.clone()));
            let mut moved = b.expr;
            moved.shift(left.width);
            let expr = match kind {
                JoinKind::Full => Expr::Coalesce(vec![left_key, cast_expr(moved, &b.ty, &of)]),
                JoinKind::Right => moved.clone(),
                _ => a.expr.clone(),
            };
            let ty = match kind {
                JoinKind::Full => of,
                JoinKind::Right => b.ty.clone(),
                _ => a.ty.clone(),
            };
            merged.push(NamedColumn { name: a.name.clone(), ty, expr });
        }
        let is_merged = |it: &NamedColumn| using.iter().any(|name| same_name(name, &it.name));
        let mut names = joined(left, right);
        names.columns.retain(|it| !is_merged(it));
        names.columns.splice(0..0, merged);
        Ok(names)
    }

    /// The rows of `source` with each element of an array that they contain.
    fn unnest(
        &self,
        (input, mut names): Source,
        array: &Ast,
        alias: Option<&str>,
        (with_offset, offset): (bool, Option<&str>),
        parent: Option<&Scope<'_>>,
        outer: bool,
    ) -> Result<Source> {
        let width = names.width;
        let scope = Scope::new(names.clone(), parent);
        let array = self.expr(array, &scope)?;
        let Type::Array(element) = array.ty.clone() else {
            return Err(SqlError::invalid(format!(
                "Values referenced in UNNEST must be arrays, not {}",
                array.ty
            )));
        };
        let value = Expr::column(width);
        let alias = alias.unwrap_or_default().to_owned();
        let columns = value_columns(&alias, &value, &element);
        names.columns.extend(columns.iter().cloned());
        if !alias.is_empty() {
            let value = Some((value, element.as_ref().clone()));
            names.ranges.push(RangeVariable {
                alias,
                columns: struct_columns(&columns, &element),
                value,
            });
        }
        if with_offset {
            let name = offset.unwrap_or("offset").to_owned();
            let expr = Expr::column(width + 1);
            let column = NamedColumn { name: name.clone(), ty: Type::Int64, expr: expr.clone() };
            names.columns.push(column);
            let value = Some((expr, Type::Int64));
            names.ranges.push(RangeVariable { alias: name, columns: Vec::new(), value });
        }
        names.width = width + 2;
        let node = Node::Unnest { input: Box::new(input), array: array.expr, outer, on: None };
        Ok((node, names))
    }
}

/// The columns of a value: the fields of a struct, or the value under the alias.
fn value_columns(alias: &str, value: &Expr, of: &Type) -> Vec<NamedColumn> {
    match of {
        Type::Struct(fields) => {
            let field = |(at, (name, ty)): (usize, &(String, Type))| NamedColumn {
                name: name.clone(),
                ty: ty.clone(),
                expr: Expr::Field(Box::new(value.clone()), at),
            };
            fields.iter().enumerate().map(field).collect()
        }
        of => vec![NamedColumn { name: alias.to_owned(), ty: of.clone(), expr: value.clone() }],
    }
}

/// `alias.field` exists for structs only.
fn struct_columns(columns: &[NamedColumn], of: &Type) -> Vec<NamedColumn> {
    if matches!(of, Type::Struct(_)) { columns.to_vec() } else { Vec::new() }
}

fn names_of(columns: &[(String, Type)], alias: &str, value_table: bool) -> Names {
    if let (true, [(_, of)]) = (value_table, columns) {
        let value = Expr::column(0);
        let columns = value_columns(alias, &value, of);
        let range = RangeVariable {
            alias: alias.to_owned(),
            columns: struct_columns(&columns, of),
            value: Some((value, of.clone())),
        };
        return Names { columns, hidden: Vec::new(), ranges: vec![range], width: 1 };
    }
    let column = |(at, (name, ty)): (usize, &(String, Type))| NamedColumn {
        name: name.clone(),
        ty: ty.clone(),
        expr: Expr::column(at),
    };
    let named: Vec<_> = columns.iter().enumerate().map(column).collect();
    let range = RangeVariable { alias: alias.to_owned(), columns: named.clone(), value: None };
    let ranges = if alias.is_empty() { Vec::new() } else { vec![range] };
    Names { columns: named, hidden: Vec::new(), ranges, width: columns.len() }
}

/// A subquery under its alias.
pub(super) fn named(relation: Relation, alias: Option<&str>) -> Source {
    let columns: Vec<_> = relation.columns.into_iter().map(|it| (it.name, it.typed.ty)).collect();
    let names = names_of(&columns, alias.unwrap_or_default(), relation.value_table);
    (relation.node, names)
}

fn with_rows(with: &With, alias: &str) -> Source {
    match with {
        With::Shared { node, columns, value_table } => {
            (Node::Shared(node.clone()), names_of(columns, alias, *value_table))
        }
        With::Recursive { id, columns } => {
            let node = Node::RecursiveRows { id: *id, width: columns.len() };
            (node, names_of(columns, alias, false))
        }
    }
}

/// The names of both sides; the right side's names are shifted already.
fn joined(mut left: Names, right: Names) -> Names {
    left.width += right.width;
    left.columns.extend(right.columns);
    left.hidden.extend(right.hidden);
    left.ranges.extend(right.ranges);
    left
}

/// A column of a source with its type, for PIVOT.
pub(super) fn as_typed(column: &NamedColumn) -> Typed {
    Typed::new(column.expr.clone(), column.ty.clone())
}
