//! `--where`: a condition on the columns of a table, in the part of SQL that needs no database.
//!
//! As in SQL, a comparison with NULL is unknown, and only rows for which the condition is true are chosen. Numbers are
//! compared by value, whatever their type; NaN and infinity as PostgreSQL orders them (documentation, "Numeric Types"), and no other
//! engine has them. Text is compared by its bytes, as PostgreSQL does with the collation "C", and a `character(n)` of PostgreSQL
//! without the blanks at its end ("Character Types").

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use landbridge_parquet::cells::Cell;
use sqlparser::ast::{BinaryOperator, Expr, InTarget, UnaryOperator, Value as SqlValue};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::columns::{Choice, Kind};
use super::value::{self, Form, micros_of};
use crate::failure::{Failure, Result};

const WHAT_IS_POSSIBLE: &str = "possible are comparisons of a column with a number, a text, TRUE or FALSE, joined with AND, OR, NOT, and IN, BETWEEN, LIKE, IS NULL; for more, write all rows and choose them in the new table";

/// A condition.
#[derive(Debug)]
pub(super) struct Condition {
    test: Test,
    source_table: String,
    /// The names of the columns, for messages.
    names: Vec<String>,
}

#[derive(Debug)]
enum Test {
    All(Box<Test>, Box<Test>),
    Any(Box<Test>, Box<Test>),
    Not(Box<Test>),
    IsNull(usize),
    IsTrue(usize),
    Compare(usize, Form, Operator, Literal),
    Like(usize, Vec<char>),
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A constant of the condition, of the kind of its column.
#[derive(Clone, Debug)]
enum Literal {
    Null,
    Bool(bool),
    Number(Number),
    /// Microseconds since 1970-01-01.
    Time(i64),
    Text(String),
    /// Without blanks at its end, for a column that is padded with them.
    Padded(String),
}

/// A number that is compared by value: without an exponent, as its digits.
#[derive(Clone, Debug)]
struct Number {
    text: String,
    double: f64,
    rank: Rank,
}

/// The order of numbers that have no digits, and of all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    NegativeInfinity,
    Finite,
    Infinity,
    /// Greater than all numbers, and equal to itself.
    NaN,
}

impl Rank {
    /// The rank of a number as a server or an export writes it.
    fn of(text: &str) -> Self {
        let is = |names: [&str; 2]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
        if is(["-infinity", "-inf"]) {
            Self::NegativeInfinity
        } else if is(["infinity", "inf"]) {
            Self::Infinity
        } else if text.eq_ignore_ascii_case("nan") {
            Self::NaN
        } else {
            Self::Finite
        }
    }
}

/// The value of a cell cannot be compared.
struct Incomparable;

impl Condition {
    /// Reads a condition on the chosen columns of a table.
    ///
    /// # Errors
    /// `Usage` if it is no SQL condition of the part that is possible, or names a column that is not written: a
    /// condition on a column that the operator may not see would show its values.
    pub(super) fn parse(text: &str, source_table: &str, chosen: &Choice) -> Result<Self> {
        let usage = |why: String| Failure::Usage(format!("--where: {why}"));
        let dialect = GenericDialect {};
        let mut parser = Parser::new(&dialect)
            .try_with_sql(text)
            .map_err(|error| usage(format!("{error}; {WHAT_IS_POSSIBLE}")))?;
        let expression = parser.parse_expr().map_err(|error| usage(error.to_string()))?;
        if parser.peek_token_ref().token != Token::EOF {
            return Err(usage(format!("something follows the condition; {WHAT_IS_POSSIBLE}")));
        }
        let test = Compiler { chosen }.test(&expression).map_err(usage)?;
        let names = chosen.kept.iter().map(|column| column.name.clone()).collect();
        Ok(Self { test, source_table: source_table.to_owned(), names })
    }

    /// Whether the condition is true for a row.
    ///
    /// # Errors
    /// `Failed` if a cell cannot be compared with the condition's constant.
    pub(super) fn is_true(&self, cells: &[Cell<'_>]) -> Result<bool> {
        self.test.eval(cells).map(|result| result == Some(true)).map_err(|at| {
            let name = self.names.get(at).map_or("", String::as_str);
            Failure::Failed(format!(
                "--where: a value of {}.{name} cannot be compared with the constant; write all rows and choose them in the new table",
                self.source_table
            ))
        })
    }
}

struct Compiler<'a> {
    chosen: &'a Choice,
}

impl Compiler<'_> {
    fn test(&self, expression: &Expr) -> Result<Test, String> {
        let both = |left, right| {
            Ok::<_, String>((Box::new(self.test(left)?), Box::new(self.test(right)?)))
        };
        let not = |test: Test, is_not: bool| if is_not { Test::Not(Box::new(test)) } else { test };
        match expression {
            Expr::Nested(inner) => self.test(inner),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(not(self.test(expr)?, true)),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                let (left, right) = both(left, right)?;
                Ok(Test::All(left, right))
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                let (left, right) = both(left, right)?;
                Ok(Test::Any(left, right))
            }
            Expr::BinaryOp { left, op, right } => self.comparison(left, op, right),
            Expr::IsNull(column) => Ok(Test::IsNull(self.column(column)?)),
            Expr::IsNotNull(column) => Ok(not(Test::IsNull(self.column(column)?), true)),
            Expr::In { expr, target: InTarget::List(list), negated, global: false } => {
                let at = self.column(expr)?;
                let mut any: Option<Test> = None;
                for constant in list {
                    let test = self.compared(at, Operator::Equal, constant)?;
                    any = Some(match any {
                        None => test,
                        Some(other) => Test::Any(Box::new(other), Box::new(test)),
                    });
                }
                let any = any.ok_or_else(|| "IN needs a list".to_owned())?;
                Ok(not(any, *negated))
            }
            Expr::Between { expr, negated, low, high } => {
                let at = self.column(expr)?;
                let low = self.compared(at, Operator::GreaterOrEqual, low)?;
                let high = self.compared(at, Operator::LessOrEqual, high)?;
                Ok(not(Test::All(Box::new(low), Box::new(high)), *negated))
            }
            Expr::Like { expr, negated, pattern, escape_char: None, any: false, .. } => {
                let at = self.column(expr)?;
                match (self.chosen.kept[at].kind, self.literal(at, pattern)?) {
                    (Kind::Text, Literal::Text(text)) => {
                        Ok(not(Test::Like(at, text.chars().collect()), *negated))
                    }
                    _ => Err("LIKE needs a column of text and a pattern".to_owned()),
                }
            }
            Expr::Identifier(_) => {
                let at = self.column(expression)?;
                match self.chosen.kept[at].kind {
                    Kind::Bool => Ok(Test::IsTrue(at)),
                    _ => Err(format!("`{expression}` is no condition; {WHAT_IS_POSSIBLE}")),
                }
            }
            _ => Err(format!("this is not possible here; {WHAT_IS_POSSIBLE}")),
        }
    }

    fn comparison(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Test, String> {
        let operator = match op {
            BinaryOperator::Eq => Operator::Equal,
            BinaryOperator::NotEq => Operator::NotEqual,
            BinaryOperator::Lt => Operator::Less,
            BinaryOperator::LtEq => Operator::LessOrEqual,
            BinaryOperator::Gt => Operator::Greater,
            BinaryOperator::GtEq => Operator::GreaterOrEqual,
            _ => return Err(format!("the operator {op} is not possible here; {WHAT_IS_POSSIBLE}")),
        };
        match (left, right) {
            (Expr::Identifier(_), constant) => {
                self.compared(self.column(left)?, operator, constant)
            }
            (constant, Expr::Identifier(_)) => {
                self.compared(self.column(right)?, operator.turned(), constant)
            }
            _ => Err(format!("one side of {op} must be a column; {WHAT_IS_POSSIBLE}")),
        }
    }

    /// A comparison of a column with a constant.
    fn compared(&self, at: usize, operator: Operator, constant: &Expr) -> Result<Test, String> {
        let column = &self.chosen.kept[at];
        let literal = match self.literal(at, constant)? {
            Literal::Text(text) if column.is_padded() => {
                Literal::Padded(text.trim_end_matches(' ').to_owned())
            }
            literal => literal,
        };
        Ok(Test::Compare(at, column.form, operator, literal))
    }

    /// The place of a column. A name in other letter case is the same column, unless there are two.
    fn column(&self, expression: &Expr) -> Result<usize, String> {
        let Expr::Identifier(name) = expression else {
            return Err(format!("a column is expected; {WHAT_IS_POSSIBLE}"));
        };
        let name = &name.value;
        let lower = name.to_lowercase();
        if let Some(at) = self.chosen.place(name) {
            return Ok(at);
        }
        let (kept, left_out) = (&self.chosen.kept, &self.chosen.left_out);
        // In PostgreSQL, `Note` can be left out beside `note`.
        let exact = left_out.iter().find(|it| it.column == *name);
        let mut alike = kept.iter().enumerate().filter(|(_, it)| it.name.to_lowercase() == lower);
        match (alike.next(), alike.next()) {
            _ if exact.is_some() => {}
            (Some((at, _)), None) => return Ok(at),
            (Some(_), Some(_)) => {
                return Err(format!(
                    "the table has several columns `{name}`; write the name as it is in the source, in double quotes"
                ));
            }
            (None, _) => {}
        }
        let alike = || left_out.iter().find(|it| it.column.to_lowercase() == lower);
        Err(match exact.or_else(alike) {
            Some(it) => format!(
                "the column `{}` is not read: {}. A condition on it would show its values; --plain --reason TEXT reads columns that have a class",
                it.column, it.reason
            ),
            None => format!(
                "there is no column `{name}`. There are: {}",
                kept.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
            ),
        })
    }

    /// A constant, as values of the column are compared.
    fn literal(&self, at: usize, expression: &Expr) -> Result<Literal, String> {
        let column = &self.chosen.kept[at];
        let (text, is_number) = match expression {
            Expr::Value(value) => match &value.value {
                SqlValue::Null => return Ok(Literal::Null),
                SqlValue::Boolean(value) if column.kind == Kind::Bool => {
                    return Ok(Literal::Bool(*value));
                }
                SqlValue::Number(text, _) => (text.clone(), true),
                SqlValue::SingleQuotedString(text) => (text.clone(), false),
                _ => {
                    return Err(format!(
                        "the constant is of a form that is not possible; {WHAT_IS_POSSIBLE}"
                    ));
                }
            },
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
                Expr::Value(value) => match &value.value {
                    SqlValue::Number(text, _) => (format!("-{text}"), true),
                    _ => return Err("a number is expected after the minus".to_owned()),
                },
                _ => return Err("a number is expected after the minus".to_owned()),
            },
            _ => return Err(format!("a constant is expected; {WHAT_IS_POSSIBLE}")),
        };
        let name = &column.name;
        match column.kind {
            Kind::Number => Number::parse(&text)
                .map(Literal::Number)
                .ok_or_else(|| format!("`{name}` has numbers; write a number without an exponent")),
            Kind::Time => time(&text).map(Literal::Time).ok_or_else(|| {
                format!("`{name}` has dates or times; write '2026-11-21' or '2026-11-21 05:00:00'")
            }),
            Kind::Text if is_number => {
                Err(format!("`{name}` has text; write the constant in single quotes"))
            }
            Kind::Text => Ok(Literal::Text(text)),
            Kind::Bool => Err(format!("`{name}` is TRUE or FALSE; compare it with one of these")),
            Kind::Bytes => {
                Err(format!("`{name}` has bytes, which can only be tested with IS NULL"))
            }
        }
    }
}

impl Test {
    /// `None`: unknown. The error is the place of a column whose value cannot be compared.
    fn eval(&self, cells: &[Cell<'_>]) -> Result<Option<bool>, usize> {
        let cell = |at: usize| cells.get(at).copied().flatten();
        Ok(match self {
            Self::All(left, right) => match (left.eval(cells)?, right.eval(cells)?) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Any(left, right) => match (left.eval(cells)?, right.eval(cells)?) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(inner) => inner.eval(cells)?.map(|result| !result),
            Self::IsNull(at) => Some(cell(*at).is_none()),
            Self::IsTrue(at) => cell(*at).map(|cell| cell == b"t"),
            Self::Compare(at, form, operator, literal) => match cell(*at) {
                None => None,
                Some(cell) => {
                    let order = compare(*form, cell, literal).map_err(|Incomparable| *at)?;
                    order.map(|order| operator.holds(order))
                }
            },
            Self::Like(at, pattern) => match cell(*at) {
                None => None,
                Some(cell) => {
                    let text = value::text(Form::Text, cell).ok_or(*at)?;
                    Some(is_like(&text.chars().collect::<Vec<_>>(), pattern))
                }
            },
        })
    }
}

impl Operator {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    /// The operator with its sides exchanged.
    fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

/// The order of a cell and a constant; `None` if it is unknown, as of NULL.
fn compare(form: Form, cell: &[u8], literal: &Literal) -> Result<Option<Ordering>, Incomparable> {
    let text = value::text(form, cell).ok_or(Incomparable)?;
    Ok(match literal {
        Literal::Null => None,
        Literal::Bool(value) => Some((text == "t").cmp(value)),
        Literal::Number(number) => {
            let rank = Rank::of(text);
            let order = match (rank, number.rank) {
                (Rank::Finite, Rank::Finite) if form == Form::Float => {
                    text.parse::<f64>().map_err(|_| Incomparable)?.partial_cmp(&number.double)
                }
                (Rank::Finite, Rank::Finite) => order_of_digits(text, &number.text),
                (one, other) => Some(one.cmp(&other)),
            };
            Some(order.ok_or(Incomparable)?)
        }
        Literal::Time(constant) => match text {
            "infinity" => Some(Ordering::Greater),
            "-infinity" => Some(Ordering::Less),
            text => Some(time(text).ok_or(Incomparable)?.cmp(constant)),
        },
        Literal::Text(constant) => Some(text.cmp(constant.as_str())),
        Literal::Padded(constant) => Some(text.trim_end_matches(' ').cmp(constant.as_str())),
    })
}

/// `2026-11-21`, `2026-11-21 05:00:00`, with a fraction, with an offset such as `+09`. Without an offset: UTC.
fn time(text: &str) -> Option<i64> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.as_microsecond());
    }
    let local: DateTime = match text.parse::<DateTime>() {
        Ok(local) => local,
        Err(_) => text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight()),
    };
    micros_of(local)
}

impl Number {
    fn parse(text: &str) -> Option<Self> {
        let rank = Rank::of(text);
        if rank == Rank::Finite {
            digits(text)?;
        }
        Some(Self { text: text.to_owned(), double: text.parse().ok()?, rank })
    }
}

/// Sign, digits before the point without leading zeros, digits after it without trailing zeros.
fn digits(text: &str) -> Option<(bool, &str, &str)> {
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    Some((is_negative, whole.trim_start_matches('0'), fraction.trim_end_matches('0')))
}

/// The order of two numbers by their digits; `None` if one is no number.
fn order_of_digits(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = (digits(one)?, digits(other)?);
    let is_zero =
        |(_, whole, fraction): (bool, &str, &str)| whole.is_empty() && fraction.is_empty();
    let sign = |it| {
        if is_zero(it) {
            0
        } else if it.0 {
            -1
        } else {
            1
        }
    };
    let magnitude = one
        .1
        .len()
        .cmp(&other.1.len())
        .then_with(|| one.1.cmp(other.1))
        .then_with(|| one.2.cmp(other.2));
    Some(sign(one).cmp(&sign(other)).then(match sign(one) {
        -1 => magnitude.reverse(),
        0 => Ordering::Equal,
        _ => magnitude,
    }))
}

/// Whether a text has the pattern: `%` is any text, `_` one character, `\` takes the next one as it is.
fn is_like(text: &[char], pattern: &[char]) -> bool {
    let (mut at, mut of) = (0, 0);
    // Where the last `%` was, and how far the text was then.
    let mut last: Option<(usize, usize)> = None;
    while at < text.len() {
        let (wanted, width) = match pattern.get(of) {
            Some('\\') if of + 1 < pattern.len() => (Some(pattern[of + 1]), 2),
            Some('%') => {
                last = Some((of, at));
                of += 1;
                continue;
            }
            Some('_') => (None, 1),
            Some(other) => (Some(*other), 1),
            None => (Some('\0'), 0),
        };
        if width > 0 && wanted.is_none_or(|wanted| wanted == text[at]) {
            (at, of) = (at + 1, of + width);
            continue;
        }
        let Some((percent, begin)) = last else { return false };
        last = Some((percent, begin + 1));
        (at, of) = (begin + 1, percent + 1);
    }
    pattern[of.min(pattern.len())..].iter().all(|it| *it == '%')
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
