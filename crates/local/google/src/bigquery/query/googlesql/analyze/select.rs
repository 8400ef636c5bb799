//! SELECT.

use std::cell::RefCell;

use super::call::{has_aggregate, sort_key};
use super::expr::implied_name;
use super::query::ordinal;
use super::scope::{Group, Names, Scope, WINDOW_BASE};
use super::{Analyzer, OutColumn, Relation, Typed};
use crate::bigquery::query::googlesql::ast::{
    Expr as Ast, GroupBy, OrderItem, Select, SelectAs, SelectItem,
};
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::plan::{AggregateNode, Expr, Node, SortKey, WindowCall};
use crate::bigquery::query::googlesql::tables::same_name;
use crate::bigquery::query::googlesql::types::Type;

/// An item of the select list; a star has become several.
struct Item {
    name: String,
    /// Written after AS, or implied by a path.
    source: ItemSource,
}

enum ItemSource {
    Ast(Ast),
    /// A column of FROM.
    Column(Typed),
}

/// An ORDER BY key before the rows are projected.
enum OrderKey {
    /// A column of the select list.
    Output(usize),
    Other(Typed),
}

/// The keys of GROUP BY, each once.
#[derive(Default)]
struct Keys(Vec<(Expr, Type)>);

impl Keys {
    /// The place of a key.
    fn add(&mut self, typed: Typed) -> Result<usize> {
        if !typed.ty.is_groupable() {
            return Err(SqlError::invalid(format!(
                "Grouping by expressions of type {} is not allowed",
                typed.ty
            )));
        }
        Ok(self.0.iter().position(|(it, _)| *it == typed.expr).unwrap_or_else(|| {
            self.0.push((typed.expr, typed.ty));
            self.0.len() - 1
        }))
    }

    /// Refuses what several grouping sets cannot have. Google's engine takes the inner key where the select list
    /// repeats the outer one.
    fn check(&self, sets: usize) -> Result<()> {
        let keys = &self.0;
        let nested = keys.iter().any(|(one, _)| keys.iter().any(|(it, _)| is_within(it, one)));
        let constant = keys.iter().any(|(it, _)| matches!(it, Expr::Literal(_)));
        if sets > 1 && (nested || constant) {
            return Err(SqlError::unknown(
                "grouping sets with a constant, or with a key within another key",
            ));
        }
        Ok(())
    }
}

impl Analyzer<'_> {
    pub(super) fn select(
        &self,
        select: &Select,
        order_by: &[OrderItem],
        parent: Option<&Scope<'_>>,
    ) -> Result<Relation> {
        let (mut node, names) = match &select.from {
            Some(from) => self.from(from, parent)?,
            None => (Node::One, Names::default()),
        };
        let width = names.width;
        let input = Scope { named_windows: &select.windows, ..Scope::new(names, parent) };
        if let Some(filter) = &select.filter {
            let predicate = self.boolean(filter, &input, "WHERE clause")?;
            node = Node::Filter { input: Box::new(node), predicate };
        }
        let items = self.items(select, &input)?;
        let aliases = aliases(&items);
        let grouped = is_grouped(select, &items, order_by);
        let group = RefCell::new(Group::default());
        let mut sets = vec![Vec::new()];
        if grouped {
            sets = self.group_keys(select, &items, &aliases, &input, &group)?;
        }
        let windows = RefCell::new(Vec::new());
        let plain =
            Scope { group: grouped.then_some(&group), windows: Some(&windows), ..input.clone() };
        let columns = self.item_columns(&items, &plain)?;
        let with_aliases = Scope { aliases: &aliases, ..plain.clone() };
        let no_windows = Scope { windows: None, ..with_aliases.clone() };
        let having = select.having.as_ref();
        let having = having.map(|it| self.boolean(it, &no_windows, "HAVING clause")).transpose()?;
        if having.is_some() && !grouped {
            return Err(SqlError::invalid("The HAVING clause requires GROUP BY or aggregation"));
        }
        let qualify = select.qualify.as_ref();
        let qualify =
            qualify.map(|it| self.boolean(it, &with_aliases, "QUALIFY clause")).transpose()?;
        let order = self.order_keys(order_by, &columns, &with_aliases, select)?;
        let group = group.into_inner();
        let mut base_width = width;
        if grouped {
            base_width = group.keys.len() + group.calls.len();
            let keys = group.keys.into_iter().map(|(expr, _)| expr).collect();
            node = Node::Aggregate(Box::new(AggregateNode {
                input: node,
                keys,
                sets,
                calls: group.calls,
            }));
        }
        if let Some(predicate) = having {
            node = Node::Filter { input: Box::new(node), predicate };
        }
        let calls: Vec<WindowCall> = windows.into_inner();
        if qualify.is_some() && calls.is_empty() {
            return Err(SqlError::invalid("The QUALIFY clause requires a window function"));
        }
        if !calls.is_empty() {
            node = Node::Window { input: Box::new(node), calls };
        }
        if let Some(mut predicate) = qualify {
            place_windows(&mut predicate, base_width);
            node = Node::Filter { input: Box::new(node), predicate };
        }
        finish(node, columns, order, order_by, select, base_width)
    }

    /// The items; stars become the columns that they stand for.
    fn items(&self, select: &Select, scope: &Scope<'_>) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        for item in &select.items {
            match item {
                SelectItem::Expr { expr, alias } => items.push(Item {
                    name: alias.clone().unwrap_or_else(|| implied_name(expr)),
                    source: ItemSource::Ast(expr.clone()),
                }),
                SelectItem::Star { of, except, replace, rename } => {
                    let first = items.len();
                    self.star(of.as_ref(), except, replace, scope, &mut items)?;
                    rename_columns(&mut items[first..], rename)?;
                }
            }
        }
        if items.is_empty() {
            return Err(SqlError::invalid("SELECT list is empty"));
        }
        Ok(items)
    }

    fn star(
        &self,
        of: Option<&Ast>,
        except: &[String],
        replace: &[(Ast, String)],
        scope: &Scope<'_>,
        items: &mut Vec<Item>,
    ) -> Result<()> {
        let mut columns: Vec<(String, Typed)> = match of {
            None => {
                if scope.names.width == 0 {
                    return Err(SqlError::invalid("SELECT * must have a FROM clause"));
                }
                let columns = scope.names.columns.iter();
                columns
                    .map(|it| (it.name.clone(), Typed::new(it.expr.clone(), it.ty.clone())))
                    .collect()
            }
            Some(of) => self.star_of(of, scope)?,
        };
        for name in except {
            let before = columns.len();
            columns.retain(|(it, _)| !same_name(it, name));
            if columns.len() == before {
                return Err(SqlError::invalid(format!(
                    "Column {name} in SELECT * EXCEPT list does not exist"
                )));
            }
        }
        for (name, typed) in columns {
            let replaced = replace.iter().find(|(_, it)| same_name(it, &name));
            items.push(match replaced {
                Some((expr, name)) => {
                    Item { name: name.clone(), source: ItemSource::Ast(expr.clone()) }
                }
                None => Item { name, source: ItemSource::Column(typed) },
            });
        }
        for (_, name) in replace {
            if !items.iter().any(|it| same_name(&it.name, name)) {
                return Err(SqlError::invalid(format!(
                    "Column {name} in SELECT * REPLACE list does not exist"
                )));
            }
        }
        Ok(())
    }

    /// The columns of `table.*` or `struct.*`.
    fn star_of(&self, of: &Ast, scope: &Scope<'_>) -> Result<Vec<(String, Typed)>> {
        if let Ast::Path(path) = of
            && let [name] = path.as_slice()
            && let Some(range) = scope.names.ranges.iter().find(|it| same_name(&it.alias, name))
            && (range.value.is_none() || !range.columns.is_empty())
        {
            let hidden = |expr: &Expr| scope.names.hidden.iter().any(|it| it.expr == *expr);
            let columns = range.columns.iter().filter(|it| !hidden(&it.expr));
            return Ok(columns
                .map(|it| (it.name.clone(), Typed::new(it.expr.clone(), it.ty.clone())))
                .collect());
        }
        let value = self.expr(of, scope)?;
        let Type::Struct(fields) = value.ty.clone() else {
            return Err(SqlError::invalid(format!(
                "Dot-star is not supported for type {}",
                value.ty
            )));
        };
        let field = |(at, (name, of)): (usize, &(String, Type))| {
            (name.clone(), Typed::new(Expr::Field(Box::new(value.expr.clone()), at), of.clone()))
        };
        Ok(fields.iter().enumerate().map(field).collect())
    }

    /// Puts the keys into `group` and returns the grouping sets.
    fn group_keys(
        &self,
        select: &Select,
        items: &[Item],
        aliases: &[(String, Ast)],
        input: &Scope<'_>,
        group: &RefCell<Group>,
    ) -> Result<Vec<Vec<usize>>> {
        let mut keys = Keys::default();
        let sets = match &select.group_by {
            GroupBy::None => vec![Vec::new()],
            GroupBy::All => vec![self.all_keys(items, input, &mut keys)?],
            GroupBy::Sets { keys: expressions, sets } => {
                let with_aliases = Scope { aliases, ..input.clone() };
                let mut places = Vec::new();
                for expr in expressions {
                    let typed = match ordinal(expr, items.len())? {
                        Some(at) => self.item_key(&items[at], input)?,
                        None => self.expr(expr, &with_aliases)?,
                    };
                    places.push(keys.add(typed)?);
                }
                let place = |set: &Vec<usize>| {
                    let mut placed: Vec<usize> = set.iter().map(|it| places[*it]).collect();
                    placed.sort_unstable();
                    placed.dedup();
                    placed
                };
                sets.iter().map(place).collect()
            }
        };
        keys.check(sets.len())?;
        group.borrow_mut().keys = keys.0;
        Ok(sets)
    }

    /// GROUP BY ALL: the items that are neither constant nor computed of groups or windows.
    fn all_keys(&self, items: &[Item], input: &Scope<'_>, keys: &mut Keys) -> Result<Vec<usize>> {
        let mut set = Vec::new();
        for item in items {
            let is_key = match &item.source {
                ItemSource::Column(_) => true,
                ItemSource::Ast(expr) => {
                    let constant = matches!(
                        expr,
                        Ast::Int(_) | Ast::Text(_) | Ast::Null | Ast::Bool(_) | Ast::Float(..)
                    );
                    !has_aggregate(expr) && !has_window(expr) && !constant
                }
            };
            if is_key {
                set.push(keys.add(self.item_key(item, input)?)?);
            }
        }
        Ok(set)
    }

    /// An item of the select list as a key.
    fn item_key(&self, item: &Item, input: &Scope<'_>) -> Result<Typed> {
        match &item.source {
            ItemSource::Ast(expr) if has_aggregate(expr) => {
                Err(SqlError::invalid("An aggregate function is not allowed in GROUP BY"))
            }
            ItemSource::Ast(expr) => self.expr(expr, input),
            ItemSource::Column(typed) => Ok(typed.clone()),
        }
    }

    fn item_columns(&self, items: &[Item], scope: &Scope<'_>) -> Result<Vec<OutColumn>> {
        let mut columns = Vec::new();
        for item in items {
            let typed = match &item.source {
                ItemSource::Ast(expr) => self.expr(expr, scope)?,
                ItemSource::Column(typed) => match scope.group {
                    None => typed.clone(),
                    Some(group) => {
                        let group = group.borrow();
                        let key = group.keys.iter().position(|(it, _)| *it == typed.expr);
                        let key = key.ok_or_else(|| {
                            SqlError::invalid(format!(
                                "SELECT list expression references column {} which is neither \
                                 grouped nor aggregated",
                                item.name
                            ))
                        })?;
                        Typed::new(Expr::column(key), typed.ty.clone())
                    }
                },
            };
            columns.push(OutColumn { name: item.name.clone(), typed });
        }
        Ok(columns)
    }

    fn order_keys(
        &self,
        order_by: &[OrderItem],
        columns: &[OutColumn],
        scope: &Scope<'_>,
        select: &Select,
    ) -> Result<Vec<OrderKey>> {
        let mut keys = Vec::new();
        for item in order_by {
            if let Some(at) = ordinal(&item.expr, columns.len())? {
                keys.push(OrderKey::Output(at));
                continue;
            }
            if let Ast::Path(path) = &item.expr
                && let [name] = path.as_slice()
            {
                let mut found =
                    columns.iter().enumerate().filter(|(_, it)| same_name(&it.name, name));
                if let Some((at, first)) = found.next() {
                    if found.any(|(_, it)| it.typed.expr != first.typed.expr) {
                        return Err(SqlError::invalid(format!("Column name {name} is ambiguous")));
                    }
                    keys.push(OrderKey::Output(at));
                    continue;
                }
            }
            let typed = self.expr(&item.expr, scope)?;
            match columns.iter().position(|it| it.typed.expr == typed.expr) {
                Some(at) => keys.push(OrderKey::Output(at)),
                None if select.distinct => {
                    return Err(SqlError::invalid(
                        "ORDER BY clause expression references a column which is not visible after \
                         SELECT DISTINCT",
                    ));
                }
                None => keys.push(OrderKey::Other(typed)),
            }
        }
        Ok(keys)
    }
}

/// Gives columns of `*` new names, all at once: `RENAME a AS b, b AS a` swaps them.
fn rename_columns(items: &mut [Item], rename: &[(String, String)]) -> Result<()> {
    let mut renamed = Vec::new();
    for (from, to) in rename {
        let mut found = items.iter().enumerate().filter(|(_, it)| same_name(&it.name, from));
        match (found.next(), found.next()) {
            (Some((at, _)), None) if !renamed.iter().any(|(it, _)| *it == at) => {
                renamed.push((at, to.clone()));
            }
            (None, _) => {
                return Err(SqlError::invalid(format!("Column {from} of RENAME does not exist")));
            }
            _ => return Err(SqlError::invalid(format!("Column {from} of RENAME is ambiguous"))),
        }
    }
    for (at, name) in renamed {
        items[at].name = name;
    }
    Ok(())
}

/// The names that HAVING, QUALIFY, GROUP BY and ORDER BY can use.
fn aliases(items: &[Item]) -> Vec<(String, Ast)> {
    let alias = |item: &Item| match &item.source {
        // `a AS a` and `a` add nothing.
        ItemSource::Ast(Ast::Path(path)) if path.len() == 1 && same_name(&path[0], &item.name) => {
            None
        }
        ItemSource::Ast(expr) if !item.name.is_empty() => Some((item.name.clone(), expr.clone())),
        _ => None,
    };
    items.iter().filter_map(alias).collect()
}

/// Whether an expression is a part of another one.
fn is_within(part: &Expr, whole: &Expr) -> bool {
    let mut found = false;
    whole.for_each_part(&mut |it| found |= it == part || is_within(part, it));
    found
}

fn has_window(expr: &Ast) -> bool {
    let mut found = matches!(expr, Ast::Call(call) if call.over.is_some());
    expr.for_each_part(&mut |part| found |= has_window(part));
    found
}

fn is_grouped(select: &Select, items: &[Item], order_by: &[OrderItem]) -> bool {
    let in_item = |it: &Item| matches!(&it.source, ItemSource::Ast(expr) if has_aggregate(expr));
    select.group_by != GroupBy::None
        || items.iter().any(in_item)
        || select.having.iter().chain(&select.qualify).any(has_aggregate)
        || order_by.iter().any(|it| has_aggregate(&it.expr))
}

/// Gives results of window functions their places behind the other columns.
fn place_windows(expr: &mut Expr, width: usize) {
    if let Expr::Column { depth: 0, index } = expr
        && *index >= WINDOW_BASE
    {
        *index = *index - WINDOW_BASE + width;
    }
    expr.for_each_part_mut(&mut |part| place_windows(part, width));
}

/// Projection, DISTINCT, ORDER BY and AS STRUCT.
fn finish(
    node: Node,
    mut columns: Vec<OutColumn>,
    order: Vec<OrderKey>,
    order_by: &[OrderItem],
    select: &Select,
    base_width: usize,
) -> Result<Relation> {
    let mut exprs: Vec<Expr> = columns.iter().map(|it| it.typed.expr.clone()).collect();
    if select.distinct
        && let Some(column) = columns.iter().find(|it| !it.typed.ty.is_groupable())
    {
        return Err(SqlError::invalid(format!(
            "Column {} of type {} cannot be used in SELECT DISTINCT",
            column.name, column.typed.ty
        )));
    }
    let visible = exprs.len();
    let mut keys: Vec<SortKey> = Vec::new();
    for (key, item) in order.into_iter().zip(order_by) {
        let typed = match key {
            OrderKey::Output(at) => Typed { expr: Expr::column(at), ..columns[at].typed.clone() },
            OrderKey::Other(typed) => {
                exprs.push(typed.expr.clone());
                Typed { expr: Expr::column(exprs.len() - 1), ..typed }
            }
        };
        keys.push(sort_key(typed, item)?);
    }
    exprs.iter_mut().for_each(|it| place_windows(it, base_width));
    let hidden = exprs.len() > visible;
    let mut node = Node::Project { input: Box::new(node), exprs };
    if select.distinct {
        node = Node::Distinct(Box::new(node));
    }
    if !keys.is_empty() {
        node = Node::Sort { input: Box::new(node), keys };
    }
    let own = || (0..visible).map(Expr::column);
    let value_table = select.kind != SelectAs::Row;
    match select.kind {
        SelectAs::Row if hidden => {
            node = Node::Project { input: Box::new(node), exprs: own().collect() };
        }
        SelectAs::Row => {}
        SelectAs::Value if visible != 1 => {
            return Err(SqlError::invalid("SELECT AS VALUE query must have exactly one column"));
        }
        SelectAs::Value => {
            node = Node::Project { input: Box::new(node), exprs: own().collect() };
            columns[0].name.clear();
        }
        SelectAs::Struct => {
            let fields = columns.iter().map(|it| (it.name.clone(), it.typed.ty.clone())).collect();
            let exprs = vec![Expr::Struct(own().collect())];
            node = Node::Project { input: Box::new(node), exprs };
            let typed = Typed::new(Expr::column(0), Type::structure(fields));
            columns = vec![OutColumn { name: String::new(), typed }];
        }
    }
    Ok(Relation { node, columns, value_table })
}
