//! The parser of queries: tokens to a syntax tree.
//!
//! Syntax: GoogleSQL reference, "Query syntax" and "Lexical structure and syntax".

mod call;
mod expr;
mod from;
mod function;
mod pipe;
mod query;

use super::ast::{Expr, Query};
use super::error::{Result, SqlError};
use super::lexer::{Tok, Token, tokenize};
pub(crate) use function::parse_function;

/// How deep expressions and queries may be nested.
const MAX_DEPTH: usize = 200;

/// Words that cannot be a name without backticks (GoogleSQL reference, "Reserved keywords").
const RESERVED: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "ASC",
    "ASSERT_ROWS_MODIFIED",
    "AT",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COLLATE",
    "CONTAINS",
    "CREATE",
    "CROSS",
    "CUBE",
    "CURRENT",
    "DEFAULT",
    "DEFINE",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "ENUM",
    "ESCAPE",
    "EXCEPT",
    "EXCLUDE",
    "EXISTS",
    "EXTRACT",
    "FALSE",
    "FETCH",
    "FOLLOWING",
    "FOR",
    "FROM",
    "FULL",
    "GROUP",
    "GROUPING",
    "GROUPS",
    "HASH",
    "HAVING",
    "IF",
    "IGNORE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOOKUP",
    "MERGE",
    "NATURAL",
    "NEW",
    "NO",
    "NOT",
    "NULL",
    "NULLS",
    "OF",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PRECEDING",
    "PROTO",
    "QUALIFY",
    "RANGE",
    "RECURSIVE",
    "RESPECT",
    "RIGHT",
    "ROLLUP",
    "ROWS",
    "SELECT",
    "SET",
    "SOME",
    "STRUCT",
    "TABLESAMPLE",
    "THEN",
    "TO",
    "TREAT",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "UNNEST",
    "USING",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
];

/// Parses one query. A semicolon may end it.
pub(crate) fn parse_query(sql: &str) -> Result<Query> {
    let mut parser = Parser::new(sql)?;
    let query = parser.query()?;
    parser.eat_op(";");
    parser.end()?;
    Ok(query)
}

/// Parses one expression.
pub(crate) fn parse_expression(sql: &str) -> Result<Expr> {
    let mut parser = Parser::new(sql)?;
    let expr = parser.expr()?;
    parser.end()?;
    Ok(expr)
}

pub(super) struct Parser<'a> {
    sql: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// The number of `?` so far.
    positional: usize,
}

impl<'a> Parser<'a> {
    fn new(sql: &'a str) -> Result<Self> {
        Ok(Self { sql, tokens: tokenize(sql)?, at: 0, depth: 0, positional: 0 })
    }

    fn peek(&self) -> &Tok {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Tok {
        let at = (self.at + ahead).min(self.tokens.len() - 1);
        &self.tokens[at].tok
    }

    fn token(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn advance(&mut self) -> Tok {
        let tok = self.tokens[self.at].tok.clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        tok
    }

    /// The word at a position in upper case; empty if there is none.
    fn word_at(&self, ahead: usize) -> String {
        match self.peek_at(ahead) {
            Tok::Word(word) => word.to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    fn is_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(at, word)| match self.peek_at(at) {
            Tok::Word(it) => it.eq_ignore_ascii_case(word),
            _ => false,
        })
    }

    fn is_word(&self, word: &str) -> bool {
        self.is_words(&[word])
    }

    fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), Tok::Op(it) if *it == op)
    }

    fn is_op_at(&self, ahead: usize, op: &str) -> bool {
        matches!(self.peek_at(ahead), Tok::Op(it) if *it == op)
    }

    fn eat_words(&mut self, words: &[&str]) -> bool {
        let found = self.is_words(words);
        if found {
            self.at += words.len();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        self.eat_words(&[word])
    }

    fn eat_op(&mut self, op: &str) -> bool {
        let found = self.is_op(op);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.unexpected(&format!("keyword {word}"))) }
    }

    fn expect_op(&mut self, op: &str) -> Result<()> {
        if self.eat_op(op) { Ok(()) } else { Err(self.unexpected(&format!("\"{op}\""))) }
    }

    fn end(&self) -> Result<()> {
        if *self.peek() == Tok::End { Ok(()) } else { Err(self.unexpected("end of input")) }
    }

    fn unexpected(&self, wanted: &str) -> SqlError {
        let token = self.token();
        let before = &self.sql[..token.start];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |it| it.chars().count()) + 1;
        let found = match &token.tok {
            Tok::End => "end of script".to_owned(),
            Tok::Text(_) | Tok::Bytes(_) => "a literal".to_owned(),
            _ => format!("\"{}\"", &self.sql[token.start..token.end]),
        };
        let message =
            format!("Syntax error: Expected {wanted} but got {found} at [{line}:{column}]");
        SqlError::invalid(message)
    }

    /// Whether the token at a position can be a name.
    fn is_name_at(&self, ahead: usize) -> bool {
        match self.peek_at(ahead) {
            Tok::Quoted(_) => true,
            Tok::Word(word) => !RESERVED.contains(&word.to_ascii_uppercase().as_str()),
            _ => false,
        }
    }

    fn name(&mut self) -> Result<String> {
        if !self.is_name_at(0) {
            return Err(self.unexpected("identifier"));
        }
        match self.advance() {
            Tok::Word(name) | Tok::Quoted(name) => Ok(name),
            _ => Err(self.unexpected("identifier")),
        }
    }

    /// The name after a dot, where keywords are allowed.
    fn name_after_dot(&mut self) -> Result<String> {
        match self.advance() {
            Tok::Word(name) | Tok::Quoted(name) => Ok(name),
            _ => Err(self.unexpected("identifier")),
        }
    }

    /// `AS alias` or `alias`.
    fn alias(&mut self) -> Result<Option<String>> {
        if self.eat_word("AS") {
            return self.name().map(Some);
        }
        if self.is_name_at(0) { self.name().map(Some) } else { Ok(None) }
    }

    fn names_in_parentheses(&mut self) -> Result<Vec<String>> {
        self.expect_op("(")?;
        let mut names = vec![self.name()?];
        while self.eat_op(",") {
            names.push(self.name()?);
        }
        self.expect_op(")")?;
        Ok(names)
    }

    /// Runs a nested parser unless the statement is nested too deeply.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(SqlError::invalid("The statement is nested too deeply."));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }
}
