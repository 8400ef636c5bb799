//! Queries: WITH, SELECT, set operations.

use super::{Parser, Result, SqlError, Tok};
use crate::bigquery::query::googlesql::ast::{
    ByName, Expr, GroupBy, Kept, OrderItem, Query, Select, SelectAs, SelectItem, SetExpr, SetOp,
    Window,
};

/// A set operation without its operands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SetOperator {
    op: SetOp,
    all: bool,
    names: Option<ByName>,
}

impl SetOperator {
    pub(super) fn of(&self, left: SetExpr, right: SetExpr) -> SetExpr {
        let Self { op, all, names } = self.clone();
        SetExpr::Op { op, all, names, left: Box::new(left), right: Box::new(right) }
    }
}

impl Parser<'_> {
    pub(super) fn query(&mut self) -> Result<Query> {
        self.nested(Self::query_inner)
    }

    fn query_inner(&mut self) -> Result<Query> {
        let mut query = Query::default();
        if self.eat_word("WITH") {
            query.recursive = self.eat_word("RECURSIVE");
            loop {
                let name = self.name()?;
                self.expect_word("AS")?;
                self.expect_op("(")?;
                let body = self.query()?;
                self.expect_op(")")?;
                query.with.push((name, body));
                if !self.eat_op(",") {
                    break;
                }
            }
        }
        if self.is_word("FROM") {
            let piped = self.leading_from()?;
            return Ok(Query { recursive: query.recursive, with: query.with, ..piped });
        }
        query.body = self.set_expr()?;
        query.order_by = self.order_by()?;
        if self.eat_word("LIMIT") {
            query.limit = Some(self.expr()?);
            if self.eat_word("OFFSET") {
                query.offset = Some(self.expr()?);
            }
        }
        if self.is_op("|>") {
            let (recursive, with) = (query.recursive, std::mem::take(&mut query.with));
            let piped = self.pipes(query)?;
            return Ok(Query { recursive, with, ..piped });
        }
        Ok(query)
    }

    /// Set operations. Different operations in a row need parentheses.
    fn set_expr(&mut self) -> Result<SetExpr> {
        let mut left = self.set_operand()?;
        let mut first: Option<SetOperator> = None;
        while let Some(operator) = self.set_operator()? {
            if first.as_ref().is_some_and(|it| *it != operator) {
                return Err(SqlError::invalid(
                    "Syntax error: Different set operations cannot be used in the same query \
                     without using parentheses for grouping",
                ));
            }
            first = Some(operator.clone());
            let right = self.set_operand()?;
            left = operator.of(left, right);
        }
        Ok(left)
    }

    /// `[FULL | LEFT | INNER] UNION ALL [BY NAME …]` and its like; `None` if there is no such operator.
    pub(super) fn set_operator(&mut self) -> Result<Option<SetOperator>> {
        let words = [self.word_at(0), self.word_at(1), self.word_at(2)];
        let is_operator = |it: &String| matches!(it.as_str(), "UNION" | "INTERSECT" | "EXCEPT");
        let Some(before) = words.iter().position(is_operator) else { return Ok(None) };
        let mode = match words.each_ref().map(String::as_str) {
            _ if before == 0 => None,
            ["INNER", ..] if before == 1 => Some(Kept::Common),
            ["FULL", ..] if before == 1 => Some(Kept::All),
            ["LEFT", ..] if before == 1 => Some(Kept::Left),
            ["OUTER", ..] if before == 1 => Some(Kept::All),
            ["FULL", "OUTER", _] => Some(Kept::All),
            ["LEFT", "OUTER", _] => Some(Kept::Left),
            _ => return Ok(None),
        };
        let op = match words[before].as_str() {
            "UNION" => SetOp::Union,
            "INTERSECT" => SetOp::Intersect,
            _ => SetOp::Except,
        };
        self.at += before + 1;
        let all = self.eat_word("ALL");
        if !all {
            self.expect_word("DISTINCT")?;
        }
        let strict = self.eat_word("STRICT");
        let (by_name, otherwise) = if !strict && self.eat_words(&["BY", "NAME"]) {
            ("ON", Kept::Same)
        } else if self.eat_word("CORRESPONDING") {
            ("BY", if strict { Kept::Same } else { Kept::Common })
        } else if mode.is_some() || strict {
            return Err(self.unexpected("keywords BY NAME"));
        } else {
            return Ok(Some(SetOperator { op, all, names: None }));
        };
        let columns =
            if self.eat_word(by_name) { Some(self.names_in_parentheses()?) } else { None };
        let names = Some(ByName { kept: mode.unwrap_or(otherwise), columns });
        Ok(Some(SetOperator { op, all, names }))
    }

    fn set_operand(&mut self) -> Result<SetExpr> {
        if self.eat_op("(") {
            let query = self.query()?;
            self.expect_op(")")?;
            return Ok(SetExpr::Query(Box::new(query)));
        }
        self.select().map(|it| SetExpr::Select(Box::new(it)))
    }

    fn select(&mut self) -> Result<Select> {
        self.expect_word("SELECT")?;
        if self.is_words(&["WITH", "DIFFERENTIAL_PRIVACY"])
            || self.is_words(&["WITH", "AGGREGATION_THRESHOLD"])
        {
            return Err(SqlError::unknown("SELECT WITH privacy options"));
        }
        let mut select = Select::default();
        if !self.eat_word("ALL") {
            select.distinct = self.eat_word("DISTINCT");
        }
        if self.eat_words(&["AS", "STRUCT"]) {
            select.kind = SelectAs::Struct;
        } else if self.eat_words(&["AS", "VALUE"]) {
            select.kind = SelectAs::Value;
        }
        loop {
            select.items.push(self.select_item()?);
            // A comma may follow the last item.
            if !self.eat_op(",") || self.ends_select_list() {
                break;
            }
        }
        if self.eat_word("FROM") {
            select.from = Some(self.from()?);
        }
        if self.eat_word("WHERE") {
            select.filter = Some(self.expr()?);
        }
        if self.eat_words(&["GROUP", "BY"]) {
            select.group_by = self.group_by()?;
        }
        if self.eat_word("HAVING") {
            select.having = Some(self.expr()?);
        }
        if self.eat_word("QUALIFY") {
            select.qualify = Some(self.expr()?);
        }
        if self.eat_word("WINDOW") {
            loop {
                let name = self.name()?;
                self.expect_word("AS")?;
                let window = match self.is_op("(") {
                    true => self.window()?,
                    false => Window { base: Some(self.name()?), ..Window::default() },
                };
                select.windows.push((name, window));
                if !self.eat_op(",") {
                    break;
                }
            }
        }
        Ok(select)
    }

    fn ends_select_list(&self) -> bool {
        let ends =
            ["FROM", "UNION", "INTERSECT", "EXCEPT", "ORDER", "LIMIT", "WHERE", "GROUP", "WINDOW"];
        ends.iter().any(|it| self.is_word(it))
            || matches!(self.peek(), Tok::End | Tok::Op(")" | ";" | "|>"))
    }

    pub(super) fn select_item(&mut self) -> Result<SelectItem> {
        if self.eat_op("*") {
            return self.star(None);
        }
        let expr = self.expr()?;
        if self.is_op(".") && self.is_op_at(1, "*") {
            self.advance();
            self.advance();
            return self.star(Some(expr));
        }
        let alias = self.alias()?;
        Ok(SelectItem::Expr { expr, alias })
    }

    fn star(&mut self, of: Option<Expr>) -> Result<SelectItem> {
        let mut except = Vec::new();
        let mut replace = Vec::new();
        if self.is_word("EXCEPT") && self.is_op_at(1, "(") {
            self.advance();
            except = self.names_in_parentheses()?;
        }
        if self.is_word("REPLACE") && self.is_op_at(1, "(") {
            self.advance();
            self.advance();
            loop {
                let expr = self.expr()?;
                self.eat_word("AS");
                replace.push((expr, self.name()?));
                if !self.eat_op(",") {
                    break;
                }
            }
            self.expect_op(")")?;
        }
        Ok(SelectItem::Star { of, except, replace, rename: Vec::new() })
    }

    fn group_by(&mut self) -> Result<GroupBy> {
        if self.eat_word("ALL") {
            return Ok(GroupBy::All);
        }
        let mut keys = Vec::new();
        // The grouping sets of each item; all combinations of them are made.
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        loop {
            let item_sets = self.group_item(&mut keys)?;
            let combined = sets.iter().flat_map(|one| {
                item_sets.iter().map(move |other| one.iter().chain(other).copied().collect())
            });
            sets = combined.collect();
            if !self.eat_op(",") {
                break;
            }
        }
        Ok(GroupBy::Sets { keys, sets })
    }

    fn group_item(&mut self, keys: &mut Vec<Expr>) -> Result<Vec<Vec<usize>>> {
        if self.eat_word("ROLLUP") {
            let groups = self.key_groups(keys)?;
            return Ok((0..=groups.len()).rev().map(|length| groups[..length].concat()).collect());
        }
        if self.eat_word("CUBE") {
            let groups = self.key_groups(keys)?;
            if groups.len() > 12 {
                return Err(SqlError::invalid("CUBE has too many expressions"));
            }
            let chosen = |mask: usize| {
                let taken = groups.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0);
                taken.flat_map(|(_, it)| it.clone()).collect()
            };
            return Ok((0..1_usize << groups.len()).rev().map(chosen).collect());
        }
        if self.eat_words(&["GROUPING", "SETS"]) {
            self.expect_op("(")?;
            let mut sets = Vec::new();
            loop {
                if self.is_word("ROLLUP") || self.is_word("CUBE") {
                    sets.extend(self.group_item(keys)?);
                } else {
                    sets.push(self.key_group(keys)?);
                }
                if !self.eat_op(",") {
                    break;
                }
            }
            self.expect_op(")")?;
            return Ok(sets);
        }
        if self.is_op("(") && self.is_op_at(1, ")") {
            self.advance();
            self.advance();
            return Ok(vec![Vec::new()]);
        }
        let expr = self.expr()?;
        Ok(vec![vec![add_key(keys, expr)]])
    }

    fn key_groups(&mut self, keys: &mut Vec<Expr>) -> Result<Vec<Vec<usize>>> {
        self.expect_op("(")?;
        let mut groups = Vec::new();
        loop {
            groups.push(self.key_group(keys)?);
            if !self.eat_op(",") {
                break;
            }
        }
        self.expect_op(")")?;
        Ok(groups)
    }

    /// One expression, or several in parentheses.
    fn key_group(&mut self, keys: &mut Vec<Expr>) -> Result<Vec<usize>> {
        if self.is_op("(") && self.is_op_at(1, ")") {
            self.advance();
            self.advance();
            return Ok(Vec::new());
        }
        match self.expr()? {
            Expr::Struct { fields: None, items, tuple: true } => {
                Ok(items.into_iter().map(|(it, _)| add_key(keys, it)).collect())
            }
            expr => Ok(vec![add_key(keys, expr)]),
        }
    }

    pub(super) fn order_by(&mut self) -> Result<Vec<OrderItem>> {
        let mut items = Vec::new();
        if !self.eat_words(&["ORDER", "BY"]) {
            return Ok(items);
        }
        loop {
            let expr = self.expr()?;
            if self.is_word("COLLATE") {
                return Err(SqlError::unknown("collation"));
            }
            let descending = !self.eat_word("ASC") && self.eat_word("DESC");
            let nulls_first = if self.eat_words(&["NULLS", "FIRST"]) {
                Some(true)
            } else if self.eat_words(&["NULLS", "LAST"]) {
                Some(false)
            } else {
                None
            };
            items.push(OrderItem { expr, descending, nulls_first });
            if !self.eat_op(",") {
                return Ok(items);
            }
        }
    }
}

fn add_key(keys: &mut Vec<Expr>, expr: Expr) -> usize {
    keys.iter().position(|it| *it == expr).unwrap_or_else(|| {
        keys.push(expr);
        keys.len() - 1
    })
}
