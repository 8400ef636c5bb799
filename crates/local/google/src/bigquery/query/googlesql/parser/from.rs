//! FROM: tables, UNNEST, joins, PIVOT and UNPIVOT.

use super::{Parser, Result, SqlError, Tok};
use crate::bigquery::query::googlesql::ast::{Expr, From, JoinKind, Pivot, TableRef, Unpivot};

impl Parser<'_> {
    /// Comma-separated tables with their joins.
    pub(super) fn from(&mut self) -> Result<From> {
        let mut left = self.joins()?;
        while self.eat_op(",") {
            let right = self.table()?;
            left = cross(left, right);
            left = self.joins_of(left)?;
        }
        Ok(left)
    }

    fn joins(&mut self) -> Result<From> {
        let left = self.table()?;
        self.joins_of(left)
    }

    pub(super) fn joins_of(&mut self, mut left: From) -> Result<From> {
        loop {
            // `FROM t LEFT UNION ALL BY NAME …` is no join.
            if self.starts_set_operation() {
                return Ok(left);
            }
            let kind = match self.word_at(0).as_str() {
                "CROSS" => JoinKind::Cross,
                "JOIN" | "INNER" => JoinKind::Inner,
                "LEFT" => JoinKind::Left,
                "RIGHT" => JoinKind::Right,
                "FULL" => JoinKind::Full,
                "NATURAL" => return Err(SqlError::unknown("NATURAL JOIN")),
                _ => return Ok(left),
            };
            if !self.eat_word("JOIN") {
                self.advance();
                self.eat_word("OUTER");
                self.expect_word("JOIN")?;
            }
            let right = self.table()?;
            let mut on = None;
            let mut using = Vec::new();
            if kind != JoinKind::Cross {
                if self.eat_word("ON") {
                    on = Some(self.expr()?);
                } else if self.eat_word("USING") {
                    using = self.names_in_parentheses()?;
                } else if !matches!(kind, JoinKind::Inner | JoinKind::Left)
                    || !matches!(right, From::Unnest { .. } | From::Table { .. })
                {
                    return Err(self.unexpected("keyword ON or keyword USING"));
                }
            }
            left = From::Join { kind, left: Box::new(left), right: Box::new(right), on, using };
        }
    }

    fn table(&mut self) -> Result<From> {
        let table = self.nested(Self::table_inner)?;
        self.pivots(table)
    }

    fn table_inner(&mut self) -> Result<From> {
        if self.is_word("UNNEST") {
            return self.unnest();
        }
        if self.eat_op("(") {
            let is_query = self.is_word("SELECT") || self.is_word("WITH") || self.is_op("(");
            if is_query {
                let start = self.at;
                // `((SELECT …) JOIN …)` starts like a query.
                match self.query().and_then(|query| self.expect_op(")").map(|()| query)) {
                    Ok(query) => {
                        let alias = self.table_alias()?;
                        return Ok(From::Query { query: Box::new(query), alias });
                    }
                    Err(error) if !matches!(self.tokens[start].tok, Tok::Op("(")) => {
                        return Err(error);
                    }
                    Err(_) => self.at = start,
                }
            }
            let inner = self.from()?;
            self.expect_op(")")?;
            return Ok(inner);
        }
        let path = self.table_path()?;
        if self.is_op("(") {
            let name = path.join(".");
            return Err(SqlError::unknown(format!("the table function {name}")));
        }
        let alias = self.table_alias()?;
        let as_of = self.system_time()?;
        if self.is_word("TABLESAMPLE") {
            return Err(SqlError::unknown("TABLESAMPLE, whose rows are not defined"));
        }
        let (with_offset, offset) = self.with_offset()?;
        Ok(From::Table { table: TableRef { path, as_of }, alias, offset, with_offset })
    }

    /// An alias; the clauses that may follow a table are not one.
    fn table_alias(&mut self) -> Result<Option<String>> {
        let clause = match self.word_at(0).as_str() {
            "PIVOT" | "UNPIVOT" => {
                self.is_op_at(1, "(") || matches!(self.word_at(1).as_str(), "INCLUDE" | "EXCLUDE")
            }
            "MATCH_RECOGNIZE" => self.is_op_at(1, "("),
            _ => false,
        };
        if clause { Ok(None) } else { self.alias() }
    }

    /// The text after FOR SYSTEM_TIME AS OF.
    fn system_time(&mut self) -> Result<Option<String>> {
        if !self.eat_words(&["FOR", "SYSTEM_TIME", "AS", "OF"])
            && !self.eat_words(&["FOR", "SYSTEM", "TIME", "AS", "OF"])
        {
            return Ok(None);
        }
        let start = self.token().start;
        self.expr()?;
        let end = self.tokens[self.at - 1].end;
        Ok(Some(self.sql[start..end].to_owned()))
    }

    fn with_offset(&mut self) -> Result<(bool, Option<String>)> {
        if !self.eat_words(&["WITH", "OFFSET"]) {
            return Ok((false, None));
        }
        Ok((true, self.table_alias()?))
    }

    fn unnest(&mut self) -> Result<From> {
        self.expect_word("UNNEST")?;
        self.expect_op("(")?;
        let array = self.expr()?;
        if self.is_op(",") {
            return Err(SqlError::unknown("UNNEST of several arrays"));
        }
        self.expect_op(")")?;
        let alias = self.table_alias()?;
        let (with_offset, offset) = self.with_offset()?;
        Ok(From::Unnest { array, alias, offset, with_offset })
    }

    /// The parts of a table's name. A project may contain hyphens, and backticks may contain dots.
    fn table_path(&mut self) -> Result<Vec<String>> {
        let mut path = Vec::new();
        let mut part = self.path_part(true)?;
        loop {
            path.extend(part);
            if !self.is_op(".") || self.is_op_at(1, "*") {
                break;
            }
            self.advance();
            part = self.path_part(false)?;
        }
        if self.is_op(".") || self.is_op("*") && self.token().start == self.tokens[self.at - 1].end
        {
            return Err(SqlError::invalid("Syntax error: A name with * must be in backticks."));
        }
        Ok(path)
    }

    fn path_part(&mut self, first: bool) -> Result<Vec<String>> {
        if let Tok::Quoted(name) = self.peek() {
            let parts = name.split('.').map(str::to_owned).collect();
            self.advance();
            return Ok(parts);
        }
        let start = self.token().start;
        let mut name = if first { self.name()? } else { self.name_after_dot()? };
        // Hyphens belong to the name if no blank is around them.
        while self.is_op("-") && self.token().start == self.tokens[self.at - 1].end {
            let next = &self.tokens[self.at + 1];
            if next.start != self.token().end || !matches!(next.tok, Tok::Word(_) | Tok::Int(_)) {
                break;
            }
            self.advance();
            self.advance();
            name = self.sql[start..self.tokens[self.at - 1].end].to_owned();
        }
        Ok(vec![name])
    }

    pub(super) fn pivots(&mut self, mut table: From) -> Result<From> {
        loop {
            if self.is_word("PIVOT") && self.is_op_at(1, "(") {
                self.advance();
                let pivot = Box::new(self.pivot()?);
                let alias = self.table_alias()?;
                table = From::Pivot { input: Box::new(table), pivot, alias };
            } else if self.is_word("UNPIVOT") {
                self.advance();
                let unpivot = Box::new(self.unpivot()?);
                let alias = self.table_alias()?;
                table = From::Unpivot { input: Box::new(table), unpivot, alias };
            } else if self.is_word("TABLESAMPLE") {
                return Err(SqlError::unknown("TABLESAMPLE, whose rows are not defined"));
            } else if self.is_word("MATCH_RECOGNIZE") {
                return Err(SqlError::unknown("MATCH_RECOGNIZE"));
            } else {
                return Ok(table);
            }
        }
    }

    fn pivot(&mut self) -> Result<Pivot> {
        self.expect_op("(")?;
        let mut aggregates = Vec::new();
        loop {
            let call = self.expr()?;
            aggregates.push((call, self.alias()?));
            if !self.eat_op(",") {
                break;
            }
        }
        self.expect_word("FOR")?;
        let input = self.operand()?;
        self.expect_word("IN")?;
        self.expect_op("(")?;
        let mut values = Vec::new();
        loop {
            let value = self.expr()?;
            values.push((value, self.alias()?));
            if !self.eat_op(",") {
                break;
            }
        }
        self.expect_op(")")?;
        self.expect_op(")")?;
        Ok(Pivot { aggregates, input, values })
    }

    fn unpivot(&mut self) -> Result<Unpivot> {
        let include_nulls = self.eat_words(&["INCLUDE", "NULLS"]);
        if !include_nulls {
            self.eat_words(&["EXCLUDE", "NULLS"]);
        }
        self.expect_op("(")?;
        let values = self.name_or_names()?;
        self.expect_word("FOR")?;
        let name = self.name()?;
        self.expect_word("IN")?;
        self.expect_op("(")?;
        let mut columns = Vec::new();
        loop {
            let names = self.name_or_names()?;
            let label = if self.eat_word("AS") || matches!(self.peek(), Tok::Text(_) | Tok::Int(_))
            {
                Some(self.operand()?)
            } else {
                None
            };
            columns.push((names, label));
            if !self.eat_op(",") {
                break;
            }
        }
        self.expect_op(")")?;
        self.expect_op(")")?;
        Ok(Unpivot { include_nulls, values, name, columns })
    }

    fn name_or_names(&mut self) -> Result<Vec<String>> {
        if self.is_op("(") { self.names_in_parentheses() } else { Ok(vec![self.name()?]) }
    }

    /// An expression without operators.
    pub(super) fn operand(&mut self) -> Result<Expr> {
        self.unary()
    }
}

fn cross(left: From, right: From) -> From {
    From::Join {
        kind: JoinKind::Cross,
        left: Box::new(left),
        right: Box::new(right),
        on: None,
        using: Vec::new(),
    }
}
