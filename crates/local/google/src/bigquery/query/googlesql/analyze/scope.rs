//! Scopes: which names an expression can use.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Analyzer, Typed};
use crate::bigquery::query::googlesql::ast;
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::functions;
use crate::bigquery::query::googlesql::plan::{AggregateCall, CallExpr, Expr, WindowCall};
use crate::bigquery::query::googlesql::tables::same_name;
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;
use crate::turned::is_turned;

/// A column that has a name.
#[derive(Clone, Debug)]
pub(super) struct NamedColumn {
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) expr: Expr,
}

/// An alias of a table.
#[derive(Clone, Debug)]
pub(super) struct RangeVariable {
    pub(super) alias: String,
    pub(super) columns: Vec<NamedColumn>,
    /// The value itself, of a table of values.
    pub(super) value: Option<(Expr, Type)>,
}

/// The names of a FROM clause, over a row of `width` values.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// What `*` stands for.
    pub(super) columns: Vec<NamedColumn>,
    /// Columns that have a name but are not part of `*`.
    pub(super) hidden: Vec<NamedColumn>,
    pub(super) ranges: Vec<RangeVariable>,
    pub(super) width: usize,
}

impl Names {
    /// Moves all columns to the right.
    pub(super) fn shift(&mut self, by: usize) {
        let ranges = self.ranges.iter_mut().flat_map(|it| &mut it.columns);
        for column in self.columns.iter_mut().chain(&mut self.hidden).chain(ranges) {
            column.expr.shift(by);
        }
        for (value, _) in self.ranges.iter_mut().filter_map(|it| it.value.as_mut()) {
            value.shift(by);
        }
    }

    pub(super) fn has_range(&self, name: &str) -> bool {
        self.ranges.iter().any(|it| same_name(&it.alias, name))
    }
}

/// The keys and aggregate functions of a SELECT.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) keys: Vec<(Expr, Type)>,
    pub(super) calls: Vec<AggregateCall>,
}

/// Columns from this index on are results of window functions.
pub(super) const WINDOW_BASE: usize = 1 << 40;

/// What an expression can refer to.
#[derive(Clone)]
pub(super) struct Scope<'s> {
    pub(super) names: Rc<Names>,
    pub(super) parent: Option<&'s Scope<'s>>,
    /// After GROUP BY: only keys and aggregate functions can be used.
    pub(super) group: Option<&'s RefCell<Group>>,
    /// Where window functions are allowed.
    pub(super) windows: Option<&'s RefCell<Vec<WindowCall>>>,
    pub(super) named_windows: &'s [(String, ast::Window)],
    /// Aliases of the select list.
    pub(super) aliases: &'s [(String, ast::Expr)],
}

impl<'s> Scope<'s> {
    pub(super) fn new(names: Names, parent: Option<&'s Scope<'s>>) -> Self {
        Self {
            names: Rc::new(names),
            parent,
            group: None,
            windows: None,
            named_windows: &[],
            aliases: &[],
        }
    }

    /// The scope before GROUP BY and without window functions.
    pub(super) fn input(&self) -> Scope<'s> {
        Scope { group: None, windows: None, aliases: &[], ..self.clone() }
    }

    /// Whether a name is the alias of a table here or in a query around.
    pub(super) fn has_range(&self, name: &str) -> bool {
        self.names.has_range(name) || self.parent.is_some_and(|it| it.has_range(name))
    }
}

/// Makes an expression refer to a row `by` queries further out.
pub(super) fn deepen(expr: &mut Expr, by: usize) {
    if let Expr::Column { depth, .. } = expr {
        *depth += by;
    }
    expr.for_each_part_mut(&mut |part| deepen(part, by));
}

impl Analyzer<'_> {
    /// Resolves `a.b.c`.
    pub(super) fn path(&self, path: &[String], scope: &Scope<'_>) -> Result<Typed> {
        if let Some((_, aliased)) = scope.aliases.iter().find(|(name, _)| same_name(name, &path[0]))
        {
            let plain = Scope { aliases: &[], ..scope.clone() };
            let mut value = self.expr(aliased, &plain)?;
            for name in &path[1..] {
                value = self.field(value, name)?;
            }
            return Ok(value);
        }
        let mut at = Some(scope);
        let mut depth = 0;
        while let Some(scope) = at {
            if let Some((base, rest)) = find(path, &scope.names)? {
                let mut found = self.steps(base, rest, scope)?;
                deepen(&mut found.expr, depth);
                return Ok(found);
            }
            at = scope.parent;
            depth += 1;
        }
        Err(SqlError::invalid(format!("Unrecognized name: {}", path[0])))
    }

    /// Takes the fields of a value. After GROUP BY, the value or a field must be a key.
    fn steps(&self, base: Typed, rest: &[String], scope: &Scope<'_>) -> Result<Typed> {
        let Some(group) = scope.group else {
            return rest.iter().try_fold(base, |value, name| self.field(value, name));
        };
        let mut value = base;
        let mut is_key = false;
        for at in 0..=rest.len() {
            if !is_key {
                let group = group.borrow();
                if let Some(key) = group.keys.iter().position(|(it, _)| *it == value.expr) {
                    value = Typed::new(Expr::column(key), group.keys[key].1.clone());
                    is_key = true;
                }
            }
            if let Some(name) = rest.get(at) {
                value = self.field(value, name)?;
            }
        }
        if is_key {
            return Ok(value);
        }
        Err(SqlError::invalid(
            "An expression references a column which is neither grouped nor aggregated",
        ))
    }

    /// `value.name`.
    pub(super) fn field(&self, value: Typed, name: &str) -> Result<Typed> {
        match &value.ty {
            Type::Struct(fields) => {
                let mut found =
                    fields.iter().enumerate().filter(|(_, (it, _))| same_name(it, name));
                let Some((at, (_, of))) = found.next() else {
                    return Err(SqlError::invalid(format!(
                        "Field name {name} does not exist in {}",
                        value.ty
                    )));
                };
                if found.next().is_some() {
                    return Err(SqlError::invalid(format!("Field name {name} is ambiguous")));
                }
                Ok(Typed::new(Expr::Field(Box::new(value.expr), at), of.clone()))
            }
            Type::Json => {
                let function = functions::find("$json_field")
                    .ok_or_else(|| SqlError::unknown("JSON fields"))?;
                let args = vec![value.expr, Expr::Literal(Value::text(name))];
                let types = vec![Type::Json, Type::String];
                let call = CallExpr { function, args, types, result: Type::Json, safe: false };
                Ok(Typed::new(Expr::Call(Box::new(call)), Type::Json))
            }
            of => Err(SqlError::invalid(format!(
                "Cannot access field {name} on a value with type {of}"
            ))),
        }
    }
}

/// The table or column that a path starts with, and the rest of the path. A table comes first: a name
/// alone that is the alias of a table is its whole row, also if a column has the name.
fn find<'p>(path: &'p [String], names: &Names) -> Result<Option<(Typed, &'p [String])>> {
    let ambiguous = |name: &str| SqlError::invalid(format!("Column name {name} is ambiguous"));
    let is_column = is_turned("column-named-as-its-table")
        && only(&names.columns, &path[0]).is_ok_and(|it| it.is_some());
    let mut ranges = names.ranges.iter().filter(|_| !is_column || path.len() > 1);
    if let Some(range) = ranges.find(|it| same_name(&it.alias, &path[0])) {
        if let Some(second) = path.get(1) {
            if let Some(column) = only(&range.columns, second).map_err(|()| ambiguous(second))? {
                let found = Typed::new(column.expr.clone(), column.ty.clone());
                return Ok(Some((found, &path[2..])));
            }
            if range.value.is_none() {
                let message = format!("Name {second} not found inside {}", path[0]);
                return Err(SqlError::invalid(message));
            }
        }
        return Ok(Some((range.row(), &path[1..])));
    }
    let visible: Vec<NamedColumn> = names.columns.iter().chain(&names.hidden).cloned().collect();
    let column = only(&visible, &path[0]).map_err(|()| ambiguous(&path[0]))?;
    Ok(column.map(|it| (Typed::new(it.expr.clone(), it.ty.clone()), &path[1..])))
}

impl RangeVariable {
    /// The whole row: the value itself of a table of values, otherwise a STRUCT of the columns.
    fn row(&self) -> Typed {
        if let Some((expr, of)) = &self.value {
            return Typed::new(expr.clone(), of.clone());
        }
        let fields = self.columns.iter().map(|it| (it.name.clone(), it.ty.clone())).collect();
        let exprs = self.columns.iter().map(|it| it.expr.clone()).collect();
        Typed::new(Expr::Struct(exprs), Type::structure(fields))
    }
}

/// The only column with a name. An error means that there are several.
fn only<'c>(
    columns: &'c [NamedColumn],
    name: &str,
) -> std::result::Result<Option<&'c NamedColumn>, ()> {
    let mut found = columns.iter().filter(|it| same_name(&it.name, name));
    let Some(first) = found.next() else { return Ok(None) };
    if found.any(|it| it.expr != first.expr) { Err(()) } else { Ok(Some(first)) }
}
