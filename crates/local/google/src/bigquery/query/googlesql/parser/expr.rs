//! Expressions by precedence of operators.

use super::{Parser, Result, SqlError, Tok};
use crate::bigquery::query::googlesql::ast::{Call, Expr, Is};
use crate::bigquery::query::googlesql::types::Type;

/// Binary operators by precedence, and the functions that implement them.
fn binary_operator(op: &str) -> Option<(u8, &'static str)> {
    Some(match op {
        "=" => (3, "$eq"),
        "<" => (3, "$lt"),
        "<=" => (3, "$le"),
        ">" => (3, "$gt"),
        ">=" => (3, "$ge"),
        "!=" | "<>" => (3, "$ne"),
        "|" => (4, "$bit_or"),
        "^" => (5, "$bit_xor"),
        "&" => (6, "$bit_and"),
        "<<" => (7, "$shift_left"),
        ">>" => (7, "$shift_right"),
        "+" => (8, "$add"),
        "-" => (8, "$subtract"),
        "*" => (9, "$multiply"),
        "/" => (9, "$divide"),
        "||" => (9, "$concat"),
        _ => return None,
    })
}

/// The precedence of comparisons, which cannot follow each other.
const COMPARISON: u8 = 3;

pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Call(Box::new(Call { name: name.to_owned(), args, ..Call::default() }))
}

fn not(expr: Expr) -> Expr {
    call("$not", vec![expr])
}

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Result<Expr> {
        self.nested(Self::disjunction)
    }

    fn disjunction(&mut self) -> Result<Expr> {
        let mut left = self.conjunction()?;
        while self.eat_word("OR") {
            left = Expr::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expr> {
        let mut left = self.negation()?;
        while self.eat_word("AND") {
            left = Expr::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expr> {
        if self.eat_word("NOT") {
            return self.nested(Self::negation).map(not);
        }
        self.operators(COMPARISON)
    }

    /// Binary operators from a precedence on.
    fn operators(&mut self, lowest: u8) -> Result<Expr> {
        let mut left = self.unary()?;
        loop {
            if lowest <= COMPARISON
                && let Some(compared) = self.word_comparison(&left)?
            {
                left = compared;
                if self.is_comparison() {
                    return Err(self.unexpected("end of the comparison"));
                }
                continue;
            }
            let Tok::Op(op) = self.peek() else { return Ok(left) };
            let Some((precedence, name)) = binary_operator(op) else { return Ok(left) };
            if precedence < lowest {
                return Ok(left);
            }
            self.advance();
            let right = self.operators(precedence + 1)?;
            left = call(name, vec![left, right]);
            if precedence == COMPARISON && self.is_comparison() {
                return Err(self.unexpected("end of the comparison"));
            }
        }
    }

    fn is_comparison(&self) -> bool {
        match self.peek() {
            Tok::Op(op) => binary_operator(op).is_some_and(|(it, _)| it == COMPARISON),
            Tok::Word(_) => {
                let at = usize::from(self.is_word("NOT"));
                matches!(self.word_at(at).as_str(), "LIKE" | "IN" | "BETWEEN") || self.is_word("IS")
            }
            _ => false,
        }
    }

    /// IS, IN, LIKE and BETWEEN after `left`.
    fn word_comparison(&mut self, left: &Expr) -> Result<Option<Expr>> {
        if self.eat_word("IS") {
            return self.is_test(left.clone()).map(Some);
        }
        let negated = self.is_word("NOT");
        let word = self.word_at(usize::from(negated));
        if !matches!(word.as_str(), "IN" | "LIKE" | "BETWEEN") {
            return Ok(None);
        }
        self.at += 1 + usize::from(negated);
        let value = Box::new(left.clone());
        match word.as_str() {
            "IN" => self.in_test(value, negated).map(Some),
            "LIKE" => self.like_test(value, negated).map(Some),
            _ => {
                let low = self.operators(COMPARISON + 1)?;
                self.expect_word("AND")?;
                let high = self.operators(COMPARISON + 1)?;
                let between = call("$between", vec![*value, low, high]);
                Ok(Some(if negated { not(between) } else { between }))
            }
        }
    }

    fn is_test(&mut self, value: Expr) -> Result<Expr> {
        let negated = self.eat_word("NOT");
        let value = Box::new(value);
        if self.eat_words(&["DISTINCT", "FROM"]) {
            let right = Box::new(self.operators(COMPARISON + 1)?);
            return Ok(Expr::DistinctFrom { left: value, right, not: negated });
        }
        let what = match self.word_at(0).as_str() {
            "NULL" | "UNKNOWN" => Is::Null,
            "TRUE" => Is::True,
            "FALSE" => Is::False,
            _ => return Err(self.unexpected("NULL, TRUE or FALSE")),
        };
        self.advance();
        Ok(Expr::Is { value, what, not: negated })
    }

    fn in_test(&mut self, value: Box<Expr>, negated: bool) -> Result<Expr> {
        if self.eat_word("UNNEST") {
            self.expect_op("(")?;
            let array = Box::new(self.expr()?);
            self.expect_op(")")?;
            return Ok(Expr::InArray { value, array, not: negated });
        }
        self.expect_op("(")?;
        if self.is_word("SELECT") || self.is_word("WITH") {
            let query = Box::new(self.query()?);
            self.expect_op(")")?;
            return Ok(Expr::InQuery { value, query, not: negated });
        }
        let list = self.exprs_until(")")?;
        Ok(Expr::InList { value, list, not: negated })
    }

    fn like_test(&mut self, value: Box<Expr>, negated: bool) -> Result<Expr> {
        let quantifier = self.word_at(0);
        if matches!(quantifier.as_str(), "ANY" | "SOME" | "ALL") {
            self.advance();
            let all = quantifier == "ALL";
            let unnest = self.eat_word("UNNEST");
            self.expect_op("(")?;
            if unnest || self.starts_query() {
                let patterns = match unnest {
                    true => Box::new(self.expr()?),
                    false => Box::new(Expr::ArrayQuery(Box::new(self.query()?))),
                };
                self.expect_op(")")?;
                return Ok(Expr::LikeArray { value, patterns, all, not: negated });
            }
            let patterns = self.exprs_until(")")?;
            return Ok(Expr::LikeList { value, patterns, all, not: negated });
        }
        let pattern = self.operators(COMPARISON + 1)?;
        if self.is_word("ESCAPE") {
            return Err(SqlError::invalid("Syntax error: Unexpected keyword ESCAPE"));
        }
        let like = call("$like", vec![*value, pattern]);
        Ok(if negated { not(like) } else { like })
    }

    /// Expressions up to a closing operator, which is consumed. There is at least one.
    pub(super) fn exprs_until(&mut self, close: &str) -> Result<Vec<Expr>> {
        let mut exprs = vec![self.expr()?];
        while self.eat_op(",") {
            exprs.push(self.expr()?);
        }
        self.expect_op(close)?;
        Ok(exprs)
    }

    pub(super) fn unary(&mut self) -> Result<Expr> {
        for (op, name) in [("-", "$minus"), ("+", "$plus"), ("~", "$bit_not")] {
            if !self.eat_op(op) {
                continue;
            }
            // The smallest INT64 has no positive counterpart.
            if op == "-" && matches!(self.peek(), Tok::Int(it) if it == "9223372036854775808") {
                self.advance();
                return self.postfix(Expr::Int(i64::MIN));
            }
            let operand = self.nested(Self::unary)?;
            return Ok(match (op, operand) {
                ("-", Expr::Int(value)) if value > 0 => Expr::Int(-value),
                ("-", Expr::Float(value, text)) if !text.starts_with('-') => {
                    Expr::Float(-value, format!("-{text}").into())
                }
                ("-", operand) => call(name, vec![operand]),
                (_, operand) => call(name, vec![operand]),
            });
        }
        let primary = self.primary()?;
        self.postfix(primary)
    }

    /// Fields and elements of a value.
    fn postfix(&mut self, mut value: Expr) -> Result<Expr> {
        loop {
            if self.is_op(".") && !self.is_op_at(1, "*") {
                self.advance();
                let field = self.name_after_dot()?;
                value = match value {
                    Expr::Path(mut path) => {
                        path.push(field);
                        Expr::Path(path)
                    }
                    value => Expr::Field(Box::new(value), field),
                };
                if self.is_op("(")
                    && let Expr::Path(path) = &value
                {
                    value = self.call(path.join("."))?;
                }
            } else if self.eat_op("[") {
                let kind = self.word_at(0);
                let is_kind =
                    matches!(kind.as_str(), "OFFSET" | "ORDINAL" | "SAFE_OFFSET" | "SAFE_ORDINAL");
                let value_box = Box::new(value);
                if is_kind && self.is_op_at(1, "(") {
                    self.at += 2;
                    let index = Box::new(self.expr()?);
                    self.expect_op(")")?;
                    value = Expr::Index { value: value_box, kind, index };
                } else {
                    let index = Box::new(self.expr()?);
                    value = Expr::Index { value: value_box, kind: String::new(), index };
                }
                self.expect_op("]")?;
            } else {
                return Ok(value);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr> {
        match self.peek().clone() {
            Tok::Word(word) => self.word_primary(&word.to_ascii_uppercase()),
            Tok::Quoted(name) => {
                self.advance();
                if self.is_op("(") { self.call(name) } else { Ok(Expr::Path(vec![name])) }
            }
            Tok::Text(text) => {
                self.advance();
                Ok(Expr::Text(text))
            }
            Tok::Bytes(bytes) => {
                self.advance();
                Ok(Expr::Bytes(bytes))
            }
            Tok::Int(text) => {
                self.advance();
                let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
                    Some(digits) => u64::from_str_radix(digits, 16).ok().map(|it| it as i64),
                    None => text.parse().ok(),
                };
                let too_large = || SqlError::invalid(format!("Invalid integer literal: {text}"));
                value.map(Expr::Int).ok_or_else(too_large)
            }
            Tok::Float(text) => {
                self.advance();
                let value = text.parse::<f64>().ok().filter(|it| it.is_finite());
                let invalid =
                    || SqlError::invalid(format!("Invalid floating point literal: {text}"));
                value.map(|it| Expr::Float(it, text.as_str().into())).ok_or_else(invalid)
            }
            Tok::Param(name) => {
                self.advance();
                Ok(Expr::Param(name))
            }
            Tok::SystemVariable(name) => {
                Err(SqlError::unknown(format!("the system variable @@{name}")))
            }
            Tok::Op("?") => {
                self.advance();
                self.positional += 1;
                Ok(Expr::Positional(self.positional - 1))
            }
            Tok::Op("(") => self.parentheses(),
            Tok::Op("[") => {
                self.advance();
                self.array_items(None)
            }
            _ => Err(self.unexpected("expression")),
        }
    }

    fn parentheses(&mut self) -> Result<Expr> {
        self.expect_op("(")?;
        if self.starts_query() {
            let query = Box::new(self.query()?);
            self.expect_op(")")?;
            return Ok(Expr::Scalar(query));
        }
        let first = self.expr()?;
        if self.eat_op(")") {
            return Ok(match first {
                // In parentheses, `a.b` is still a path, but no longer the start of one.
                Expr::Path(path) => Expr::Path(path),
                other => other,
            });
        }
        let mut items = vec![(first, None)];
        while self.eat_op(",") {
            items.push((self.expr()?, None));
        }
        self.expect_op(")")?;
        Ok(Expr::Struct { fields: None, items, tuple: true })
    }

    /// Whether a query follows, perhaps in parentheses.
    pub(super) fn starts_query(&self) -> bool {
        let mut ahead = 0;
        while self.is_op_at(ahead, "(") {
            ahead += 1;
        }
        if !matches!(self.word_at(ahead).as_str(), "SELECT" | "WITH" | "FROM") {
            return false;
        }
        if ahead == 0 {
            return true;
        }
        // `((SELECT 1) + 1)` is an expression, `((SELECT 1) UNION ALL …)` a query.
        let mut depth = 0_usize;
        for at in 0.. {
            match self.peek_at(at) {
                Tok::Op("(") => depth += 1,
                Tok::Op(")") => {
                    depth -= 1;
                    if depth == 0 {
                        let next = self.word_at(at + 1);
                        return matches!(
                            next.as_str(),
                            "UNION" | "INTERSECT" | "EXCEPT" | "ORDER" | "LIMIT"
                        ) || self.is_op_at(at + 1, ")");
                    }
                }
                Tok::End => return false,
                _ => {}
            }
        }
        false
    }

    pub(super) fn array_items(&mut self, element: Option<Type>) -> Result<Expr> {
        if self.eat_op("]") {
            return Ok(Expr::Array { element, items: Vec::new() });
        }
        let items = self.exprs_until("]")?;
        Ok(Expr::Array { element, items })
    }
}
