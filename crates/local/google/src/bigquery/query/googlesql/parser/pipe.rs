//! Pipe syntax: `FROM table |> WHERE … |> AGGREGATE … GROUP BY … |> SELECT …`.
//!
//! Semantics: GoogleSQL reference, "Pipe query syntax". Each operator becomes a query around what
//! stands before it; WITH, TABLESAMPLE, CALL and others are refused.

use super::{Parser, Result, SqlError};
use crate::bigquery::query::googlesql::analyze::has_aggregate;
use crate::bigquery::query::googlesql::ast::{
    Expr, From, GroupBy, OrderItem, Query, Select, SelectItem, SetExpr,
};

/// What stands before an operator.
enum Input {
    /// Tables with their aliases, and a condition on them.
    Open {
        from: From,
        filter: Option<Expr>,
    },
    Closed(Query),
}

fn star() -> SelectItem {
    SelectItem::Star { of: None, except: Vec::new(), replace: Vec::new(), rename: Vec::new() }
}

fn query_of(select: Select) -> Query {
    Query { body: SetExpr::Select(Box::new(select)), ..Query::default() }
}

impl Input {
    fn into_from(self) -> Result<From> {
        Ok(match self {
            Self::Open { from, filter: None } => from,
            other => {
                // A single table keeps its name; names of several tables are lost in the subquery.
                let alias = match &other {
                    Self::Open { from: From::Table { table, alias, .. }, .. } => {
                        alias.clone().or_else(|| table.path.last().cloned())
                    }
                    Self::Open { from: From::Query { alias, .. }, .. } => alias.clone(),
                    _ => None,
                };
                From::Query { query: Box::new(other.into_query()), alias }
            }
        })
    }

    /// A SELECT without items that reads the input.
    fn into_select(self) -> Select {
        let (from, filter) = match self {
            Self::Open { from, filter } => (from, filter),
            Self::Closed(query) => (From::Query { query: Box::new(query), alias: None }, None),
        };
        Select { from: Some(from), filter, ..Select::default() }
    }

    fn into_query(self) -> Query {
        match self {
            Self::Closed(query) => query,
            open @ Self::Open { .. } => {
                query_of(Select { items: vec![star()], ..open.into_select() })
            }
        }
    }
}

impl Parser<'_> {
    /// A query that starts with FROM.
    pub(super) fn leading_from(&mut self) -> Result<Query> {
        self.expect_word("FROM")?;
        let from = self.from()?;
        self.pipe_operators(Input::Open { from, filter: None })
    }

    /// The operators after a query.
    pub(super) fn pipes(&mut self, query: Query) -> Result<Query> {
        if !self.is_op("|>") {
            return Ok(query);
        }
        self.pipe_operators(Input::Closed(query))
    }

    fn pipe_operators(&mut self, mut input: Input) -> Result<Query> {
        while self.eat_op("|>") {
            input = self.pipe_operator(input)?;
        }
        Ok(input.into_query())
    }

    fn pipe_operator(&mut self, input: Input) -> Result<Input> {
        let word = self.word_at(0);
        match word.as_str() {
            "WHERE" => self.pipe_where(input),
            "SELECT" | "EXTEND" => self.pipe_select(&word, input),
            "AGGREGATE" => self.pipe_aggregate(input),
            "SET" | "DROP" | "RENAME" => self.pipe_star(&word, input),
            "DISTINCT" => {
                self.advance();
                let select = Select { distinct: true, items: vec![star()], ..input.into_select() };
                Ok(Input::Closed(query_of(select)))
            }
            "ORDER" | "LIMIT" => self.pipe_order(input),
            "AS" => {
                self.advance();
                let alias = Some(self.name()?);
                let query = Box::new(input.into_query());
                Ok(Input::Open { from: From::Query { query, alias }, filter: None })
            }
            _ if self.starts_set_operation() => self.pipe_set_operation(input),
            "JOIN" | "INNER" | "LEFT" | "RIGHT" | "FULL" | "CROSS" => {
                let left = input.into_from()?;
                let from = self.joins_of(left)?;
                Ok(Input::Open { from, filter: None })
            }
            "PIVOT" | "UNPIVOT" => {
                let from = self.pivots(input.into_from()?)?;
                Ok(Input::Open { from, filter: None })
            }
            _ => Err(SqlError::unknown(format!("the pipe operator {word}"))),
        }
    }

    fn pipe_where(&mut self, input: Input) -> Result<Input> {
        self.advance();
        let condition = self.expr()?;
        let Select { from, filter, .. } = input.into_select();
        let filter = match filter {
            Some(filter) => Expr::And(Box::new(filter), Box::new(condition)),
            None => condition,
        };
        let from = from.ok_or_else(|| self.unexpected("a table"))?;
        Ok(Input::Open { from, filter: Some(filter) })
    }

    /// `SELECT` and `EXTEND`, as `word` says.
    fn pipe_select(&mut self, word: &str, input: Input) -> Result<Input> {
        self.advance();
        let mut select = input.into_select();
        select.distinct = word == "SELECT" && self.eat_word("DISTINCT");
        if word == "EXTEND" {
            select.items.push(star());
        }
        loop {
            let item = self.select_item()?;
            if matches!(&item, SelectItem::Expr { expr, .. } if has_aggregate(expr)) {
                return Err(SqlError::invalid(format!(
                    "Aggregate functions are not allowed in pipe {word}; use AGGREGATE"
                )));
            }
            select.items.push(item);
            if !self.eat_op(",") || self.ends_pipe() {
                return Ok(Input::Closed(query_of(select)));
            }
        }
    }

    /// `SET`, `DROP` and `RENAME`, as `word` says: all columns of the input with changes.
    fn pipe_star(&mut self, word: &str, input: Input) -> Result<Input> {
        self.advance();
        let (mut except, mut replace, mut rename) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let name = self.name()?;
            match word {
                "SET" => {
                    self.expect_op("=")?;
                    replace.push((self.expr()?, name));
                }
                "DROP" => except.push(name),
                _ => {
                    self.eat_word("AS");
                    rename.push((name, self.name()?));
                }
            }
            if !self.eat_op(",") || self.ends_pipe() {
                let items = vec![SelectItem::Star { of: None, except, replace, rename }];
                return Ok(Input::Closed(query_of(Select { items, ..input.into_select() })));
            }
        }
    }

    /// Whether UNION and its like follow, which may have FULL, LEFT or INNER before them.
    pub(super) fn starts_set_operation(&self) -> bool {
        (0..3).any(|at| matches!(self.word_at(at).as_str(), "UNION" | "INTERSECT" | "EXCEPT"))
            && (0..3)
                .map(|at| self.word_at(at))
                .take_while(|it| !matches!(it.as_str(), "UNION" | "INTERSECT" | "EXCEPT"))
                .all(|it| matches!(it.as_str(), "FULL" | "LEFT" | "INNER" | "OUTER"))
    }

    /// Whether a list ends here, behind a comma.
    fn ends_pipe(&self) -> bool {
        self.is_op("|>") || self.is_op(")") || self.is_op(";")
    }

    /// `AGGREGATE calls GROUP BY keys`: the result has the keys, then the calls.
    fn pipe_aggregate(&mut self, input: Input) -> Result<Input> {
        self.advance();
        let mut calls = Vec::new();
        let starts_keys = |it: &Self| {
            it.is_words(&["GROUP", "BY"]) || it.is_words(&["GROUP", "AND", "ORDER", "BY"])
        };
        while !starts_keys(self) && !self.ends_pipe() {
            calls.push(self.select_item()?);
            if !self.eat_op(",") {
                break;
            }
        }
        let mut keys = Vec::new();
        let mut items = Vec::new();
        let ordered = self.eat_words(&["GROUP", "AND", "ORDER", "BY"]);
        let mut order_by = Vec::new();
        if ordered || self.eat_words(&["GROUP", "BY"]) {
            if ["ROLLUP", "CUBE", "GROUPING", "ALL"].iter().any(|it| self.is_word(it)) {
                return Err(SqlError::unknown("grouping sets in pipe syntax"));
            }
            loop {
                let item = self.select_item()?;
                if let SelectItem::Expr { expr, .. } = &item {
                    keys.push(expr.clone());
                }
                items.push(item);
                let descending = self.is_word("DESC");
                if descending || self.is_word("ASC") {
                    if !ordered {
                        return Err(SqlError::unknown("GROUP BY with an order in pipe syntax"));
                    }
                    self.advance();
                }
                if ordered {
                    // The keys are the first columns of the result.
                    let place = i64::try_from(items.len()).unwrap_or(i64::MAX);
                    order_by.push(OrderItem {
                        expr: Expr::Int(place),
                        descending,
                        nulls_first: None,
                    });
                }
                if !self.eat_op(",") || self.ends_pipe() {
                    break;
                }
            }
        }
        items.append(&mut calls);
        let sets = vec![(0..keys.len()).collect()];
        let group_by = if keys.is_empty() { GroupBy::None } else { GroupBy::Sets { keys, sets } };
        let query = query_of(Select { items, group_by, ..input.into_select() });
        Ok(Input::Closed(Query { order_by, ..query }))
    }

    fn pipe_order(&mut self, input: Input) -> Result<Input> {
        let mut query = query_of(Select { items: vec![star()], ..input.into_select() });
        query.order_by = self.order_by()?;
        if self.eat_word("LIMIT") {
            query.limit = Some(self.expr()?);
            if self.eat_word("OFFSET") {
                query.offset = Some(self.expr()?);
            }
        }
        Ok(Input::Closed(query))
    }

    fn pipe_set_operation(&mut self, input: Input) -> Result<Input> {
        let operator = self.set_operator()?.ok_or_else(|| self.unexpected("set operator"))?;
        let mut left = SetExpr::Query(Box::new(input.into_query()));
        loop {
            self.expect_op("(")?;
            let right = SetExpr::Query(Box::new(self.query()?));
            self.expect_op(")")?;
            left = operator.of(left, right);
            if !self.eat_op(",") {
                break;
            }
        }
        Ok(Input::Closed(Query { body: left, ..Query::default() }))
    }
}
