//! The tables that a query names.

use super::ast::{Expr, From, GroupBy, Query, Select, SelectItem, SetExpr, TableRef, Window};

/// The tables of a query, each once. Names of WITH queries and arrays of other tables are left out.
pub(crate) fn table_refs(query: &Query) -> Vec<TableRef> {
    let mut finder = Finder::default();
    finder.query(query);
    finder.found
}

/// The tables that the subqueries of an expression name.
pub(crate) fn tables_in(expr: &Expr) -> Vec<TableRef> {
    let mut finder = Finder::default();
    finder.expr(expr);
    finder.found
}

/// How often a part of a query reads a table of this name.
pub(crate) fn mentions(body: &SetExpr, name: &str) -> usize {
    let mut finder = Finder { counted: Some((name.to_owned(), 0)), ..Finder::default() };
    finder.set_expr(body);
    finder.counted.map_or(0, |(_, count)| count)
}

/// Whether two names are the same: case is ignored.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || one.to_lowercase() == other.to_lowercase()
}

/// The last part of a table's name, which is its alias if there is no other.
pub(crate) fn implicit_alias(path: &[String]) -> String {
    path.last().cloned().unwrap_or_default()
}

#[derive(Default)]
struct Finder {
    found: Vec<TableRef>,
    with: Vec<String>,
    aliases: Vec<String>,
    /// A name, and how often it was found.
    counted: Option<(String, usize)>,
}

impl Finder {
    fn query(&mut self, query: &Query) {
        let (with, aliases) = (self.with.len(), self.aliases.len());
        if query.recursive {
            self.with.extend(query.with.iter().map(|(name, _)| name.clone()));
        }
        for (name, body) in &query.with {
            self.query(body);
            self.with.push(name.clone());
        }
        self.set_expr(&query.body);
        query.order_by.iter().for_each(|it| self.expr(&it.expr));
        query.limit.iter().chain(&query.offset).for_each(|it| self.expr(it));
        self.with.truncate(with);
        self.aliases.truncate(aliases);
    }

    fn set_expr(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::Op { left, right, .. } => {
                self.set_expr(left);
                self.set_expr(right);
            }
        }
    }

    fn select(&mut self, select: &Select) {
        if let Some(from) = &select.from {
            self.from(from);
        }
        for item in &select.items {
            match item {
                SelectItem::Expr { expr, .. } => self.expr(expr),
                SelectItem::Star { of, replace, .. } => {
                    of.iter().for_each(|it| self.expr(it));
                    replace.iter().for_each(|(it, _)| self.expr(it));
                }
            }
        }
        select
            .filter
            .iter()
            .chain(&select.having)
            .chain(&select.qualify)
            .for_each(|it| self.expr(it));
        if let GroupBy::Sets { keys, .. } = &select.group_by {
            keys.iter().for_each(|it| self.expr(it));
        }
        select.windows.iter().for_each(|(_, it)| self.window(it));
    }

    fn from(&mut self, from: &From) {
        match from {
            From::Table { table, alias, .. } => {
                let first = table.path.first().map_or("", String::as_str);
                let known = |names: &[String]| names.iter().any(|it| same_name(it, first));
                let is_with = table.path.len() == 1 && known(&self.with);
                let is_array = table.path.len() > 1 && known(&self.aliases);
                if let Some((name, count)) = &mut self.counted
                    && !is_with
                    && table.path.len() == 1
                    && same_name(name, first)
                {
                    *count += 1;
                }
                if !is_with && !is_array && !self.found.contains(table) {
                    self.found.push(table.clone());
                }
                self.aliases.push(alias.clone().unwrap_or_else(|| implicit_alias(&table.path)));
            }
            From::Unnest { array, alias, .. } => {
                self.expr(array);
                self.aliases.extend(alias.clone());
            }
            From::Query { query, alias } => {
                self.query(query);
                self.aliases.extend(alias.clone());
            }
            From::Join { left, right, on, .. } => {
                self.from(left);
                self.from(right);
                on.iter().for_each(|it| self.expr(it));
            }
            From::Pivot { input, pivot, alias } => {
                self.from(input);
                pivot.aggregates.iter().chain(&pivot.values).for_each(|(it, _)| self.expr(it));
                self.expr(&pivot.input);
                self.aliases.extend(alias.clone());
            }
            From::Unpivot { input, alias, .. } => {
                self.from(input);
                self.aliases.extend(alias.clone());
            }
        }
    }

    fn window(&mut self, window: &Window) {
        window.partition_by.iter().for_each(|it| self.expr(it));
        window.order_by.iter().for_each(|it| self.expr(&it.expr));
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::InQuery { query, .. }
            | Expr::ArrayQuery(query)
            | Expr::Exists(query)
            | Expr::Scalar(query) => self.query(query),
            _ => {}
        }
        expr.for_each_part(&mut |part| self.expr(part));
    }
}

impl Expr {
    /// Calls `visit` for the direct parts, apart from subqueries.
    pub(crate) fn for_each_part(&self, visit: &mut dyn FnMut(&Expr)) {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(..) | Self::Text(_) => {}
            Self::Bytes(_) | Self::Typed(..) | Self::Path(_) | Self::Param(_) => {}
            Self::Positional(_) | Self::ArrayQuery(_) | Self::Exists(_) | Self::Scalar(_) => {}
            Self::Star => {}
            Self::Field(value, _) | Self::Is { value, .. } | Self::InQuery { value, .. } => {
                visit(value)
            }
            Self::Lambda { body, .. } => visit(body),
            Self::Interval { value, .. } => visit(value),
            Self::Call(call) => {
                call.args.iter().for_each(&mut *visit);
                call.named.iter().for_each(|(_, it)| visit(it));
                call.having.iter().for_each(|(_, it)| visit(it));
                call.order_by.iter().for_each(|it| visit(&it.expr));
                if let Some(window) = &call.over {
                    window.partition_by.iter().for_each(&mut *visit);
                    window.order_by.iter().for_each(|it| visit(&it.expr));
                }
            }
            Self::And(a, b) | Self::Or(a, b) => {
                visit(a);
                visit(b);
            }
            Self::DistinctFrom { left, right, .. } => {
                visit(left);
                visit(right);
            }
            Self::LikeArray { value, patterns, .. } => {
                visit(value);
                visit(patterns);
            }
            Self::InList { value, list, .. } | Self::LikeList { value, patterns: list, .. } => {
                visit(value);
                list.iter().for_each(visit);
            }
            Self::InArray { value, array, .. } => {
                visit(value);
                visit(array);
            }
            Self::Case { operand, whens, otherwise } => {
                operand.iter().for_each(|it| visit(it));
                for (when, then) in whens {
                    visit(when);
                    visit(then);
                }
                otherwise.iter().for_each(|it| visit(it));
            }
            Self::Cast { value, format, zone, .. } => {
                visit(value);
                format.iter().chain(zone).for_each(|it| visit(it));
            }
            Self::Extract { value, zone, .. } => {
                visit(value);
                zone.iter().for_each(|it| visit(it));
            }
            Self::Array { items, .. } => items.iter().for_each(visit),
            Self::Struct { items, .. } => items.iter().for_each(|(it, _)| visit(it)),
            Self::Index { value, index, .. } => {
                visit(value);
                visit(index);
            }
        }
    }
}
