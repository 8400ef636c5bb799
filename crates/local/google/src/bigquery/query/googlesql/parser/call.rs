//! Expressions that start with a word: keywords with a syntax of their own, typed literals, function
//! calls and window specifications.

use super::{Parser, RESERVED, Result, SqlError, Tok};
use crate::bigquery::query::googlesql::ast::{Bound, Call, Expr, Frame, Window};
use crate::bigquery::query::googlesql::types::Type;

impl Parser<'_> {
    pub(super) fn word_primary(&mut self, word: &str) -> Result<Expr> {
        match word {
            "NULL" | "TRUE" | "FALSE" => {
                self.advance();
                return Ok(match word {
                    "NULL" => Expr::Null,
                    word => Expr::Bool(word == "TRUE"),
                });
            }
            "CASE" => return self.case(),
            "CAST" | "SAFE_CAST" if self.is_op_at(1, "(") => return self.cast(word == "SAFE_CAST"),
            "EXTRACT" => return self.extract(),
            "INTERVAL" => return self.interval(),
            "ARRAY" => return self.array(),
            "STRUCT" => return self.structure(),
            "EXISTS" => {
                self.advance();
                self.expect_op("(")?;
                let query = Box::new(self.query()?);
                self.expect_op(")")?;
                return Ok(Expr::Exists(query));
            }
            "NEW" => return Err(SqlError::unknown("protocol buffers")),
            "RANGE" => return Err(SqlError::unknown("the type RANGE")),
            "WITH" => return Err(SqlError::unknown("WITH expressions")),
            "IF" | "LEFT" | "RIGHT" | "GROUPING" | "CONTAINS" if self.is_op_at(1, "(") => {
                self.advance();
                return self.call(word.to_owned());
            }
            _ if RESERVED.contains(&word) => return Err(self.unexpected("expression")),
            _ => {}
        }
        if let Some(literal) = self.typed_literal(word)? {
            return Ok(literal);
        }
        let name = self.name()?;
        if self.is_op("(") {
            return self.call(name);
        }
        let without_parentheses =
            ["CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_DATETIME", "CURRENT_TIME"];
        if without_parentheses.contains(&word) && !self.is_op(".") {
            let name = word.to_owned();
            return Ok(Expr::Call(Box::new(Call { name, ..Call::default() })));
        }
        Ok(Expr::Path(vec![name]))
    }

    /// `DATE '…'` and its like.
    fn typed_literal(&mut self, word: &str) -> Result<Option<Expr>> {
        let Tok::Text(text) = self.peek_at(1).clone() else { return Ok(None) };
        use Type::{BigNumeric, Date, Datetime, Json, Numeric, Time, Timestamp};
        let of = Type::named(word).filter(|it| {
            matches!(it, BigNumeric | Date | Datetime | Json | Numeric | Time | Timestamp)
        });
        let Some(of) = of else { return Ok(None) };
        self.advance();
        self.advance();
        Ok(Some(Expr::Typed(of, text)))
    }

    fn case(&mut self) -> Result<Expr> {
        self.advance();
        let operand = if self.is_word("WHEN") { None } else { Some(Box::new(self.expr()?)) };
        let mut whens = Vec::new();
        while self.eat_word("WHEN") {
            let when = self.expr()?;
            self.expect_word("THEN")?;
            whens.push((when, self.expr()?));
        }
        if whens.is_empty() {
            return Err(self.unexpected("keyword WHEN"));
        }
        let otherwise = if self.eat_word("ELSE") { Some(Box::new(self.expr()?)) } else { None };
        self.expect_word("END")?;
        Ok(Expr::Case { operand, whens, otherwise })
    }

    fn cast(&mut self, safe: bool) -> Result<Expr> {
        self.advance();
        self.expect_op("(")?;
        let value = Box::new(self.expr()?);
        self.expect_word("AS")?;
        let (to, limits) = self.limited_type()?;
        let mut format = None;
        let mut zone = None;
        if self.eat_word("FORMAT") {
            format = Some(Box::new(self.expr()?));
            if self.eat_words(&["AT", "TIME", "ZONE"]) {
                zone = Some(Box::new(self.expr()?));
            }
        }
        self.expect_op(")")?;
        let cast = Expr::Cast { value, to, safe, format, zone };
        if limits.is_empty() {
            return Ok(cast);
        }
        if safe {
            // Google's engine and the reference disagree about a value that is too long.
            return Err(SqlError::unknown("SAFE_CAST to a type with a length or precision"));
        }
        let args = std::iter::once(cast).chain(limits.into_iter().map(Expr::Int)).collect();
        let name = "$limited".to_owned();
        Ok(Expr::Call(Box::new(Call { name, args, ..Call::default() })))
    }

    /// A type, perhaps with a length or a precision, such as `STRING(10)` and `NUMERIC(10, 2)`.
    fn limited_type(&mut self) -> Result<(Type, Vec<i64>)> {
        let of = Type::named(&self.word_at(0)).filter(|it| {
            matches!(it, Type::String | Type::Bytes | Type::Numeric | Type::BigNumeric)
        });
        let Some(of) = of.filter(|_| self.is_op_at(1, "(")) else {
            return Ok((self.data_type()?, Vec::new()));
        };
        self.advance();
        self.advance();
        let mut limits = Vec::new();
        loop {
            match self.advance() {
                Tok::Int(text) => limits.push(text.parse().map_err(|_| self.unexpected("number"))?),
                Tok::Word(word) if word.eq_ignore_ascii_case("MAX") => {
                    return Err(SqlError::unknown("the length MAX of a type"));
                }
                _ => return Err(self.unexpected("number")),
            }
            if !self.eat_op(",") {
                break;
            }
        }
        self.expect_op(")")?;
        Ok((of, limits))
    }

    fn extract(&mut self) -> Result<Expr> {
        self.advance();
        self.expect_op("(")?;
        let part = self.date_part()?;
        self.expect_word("FROM")?;
        let value = Box::new(self.expr()?);
        let zone = if self.eat_words(&["AT", "TIME", "ZONE"]) {
            Some(Box::new(self.expr()?))
        } else {
            None
        };
        self.expect_op(")")?;
        Ok(Expr::Extract { part, value, zone })
    }

    /// `DAY` or `WEEK(MONDAY)`, in upper case.
    fn date_part(&mut self) -> Result<String> {
        let part = self.name()?.to_ascii_uppercase();
        if part == "WEEK" && self.eat_op("(") {
            let day = self.name()?.to_ascii_uppercase();
            self.expect_op(")")?;
            return Ok(format!("WEEK({day})"));
        }
        Ok(part)
    }

    fn interval(&mut self) -> Result<Expr> {
        self.advance();
        let value = Box::new(self.expr()?);
        let part = self.date_part()?;
        let to = if self.eat_word("TO") { Some(self.date_part()?) } else { None };
        Ok(Expr::Interval { value, part, to })
    }

    fn array(&mut self) -> Result<Expr> {
        self.advance();
        if self.eat_op("(") {
            let query = Box::new(self.query()?);
            self.expect_op(")")?;
            return Ok(Expr::ArrayQuery(query));
        }
        let element = if self.eat_op("<") {
            let element = self.data_type()?;
            self.close_type()?;
            Some(element)
        } else {
            None
        };
        self.expect_op("[")?;
        self.array_items(element)
    }

    fn structure(&mut self) -> Result<Expr> {
        self.advance();
        let fields = if self.is_op("<") {
            match self.struct_type()? {
                Type::Struct(fields) => Some(fields.to_vec()),
                _ => None,
            }
        } else {
            None
        };
        self.expect_op("(")?;
        let mut items = Vec::new();
        if !self.eat_op(")") {
            loop {
                let item = self.expr()?;
                let alias = if self.eat_word("AS") { Some(self.name()?) } else { None };
                items.push((item, alias));
                if !self.eat_op(",") {
                    break;
                }
            }
            self.expect_op(")")?;
        }
        Ok(Expr::Struct { fields, items, tuple: false })
    }

    pub(super) fn data_type(&mut self) -> Result<Type> {
        self.nested(Self::data_type_inner)
    }

    fn data_type_inner(&mut self) -> Result<Type> {
        if self.is_word("ARRAY") {
            self.advance();
            self.expect_op("<")?;
            let element = self.data_type()?;
            self.close_type()?;
            if matches!(element, Type::Array(_)) {
                return Err(SqlError::invalid("Arrays of arrays are not supported"));
            }
            return Ok(Type::array(element));
        }
        if self.is_word("STRUCT") {
            self.advance();
            return self.struct_type();
        }
        let name = match self.advance() {
            Tok::Word(name) | Tok::Quoted(name) => name,
            _ => return Err(self.unexpected("type")),
        };
        let upper = name.to_ascii_uppercase();
        if upper == "RANGE" {
            return Err(SqlError::unknown("the type RANGE"));
        }
        let of = Type::named(&upper);
        let of = of.ok_or_else(|| SqlError::invalid(format!("Type not found: {name}")))?;
        if self.is_op("(") {
            return Err(SqlError::unknown(format!(
                "casts to types with parameters such as {upper}(…)"
            )));
        }
        if self.is_word("COLLATE") {
            return Err(SqlError::unknown("collation"));
        }
        Ok(of)
    }

    /// `<name type, …>` after STRUCT.
    fn struct_type(&mut self) -> Result<Type> {
        self.expect_op("<")?;
        let mut fields = Vec::new();
        if self.close_type_if() {
            return Ok(Type::structure(fields));
        }
        loop {
            let named = matches!(self.peek_at(1), Tok::Word(_) | Tok::Quoted(_));
            let name = if named { self.name()? } else { String::new() };
            fields.push((name, self.data_type()?));
            if !self.eat_op(",") {
                break;
            }
        }
        self.close_type()?;
        Ok(Type::structure(fields))
    }

    fn close_type_if(&mut self) -> bool {
        if self.is_op(">>") {
            // The second `>` closes the outer type.
            self.tokens[self.at].tok = Tok::Op(">");
            return true;
        }
        self.eat_op(">")
    }

    fn close_type(&mut self) -> Result<()> {
        if self.close_type_if() { Ok(()) } else { Err(self.unexpected("\">\"")) }
    }

    /// The arguments of a function call and what follows them.
    pub(super) fn call(&mut self, name: String) -> Result<Expr> {
        let mut name = name.to_ascii_uppercase();
        let safe = name.starts_with("SAFE.");
        if safe {
            name.drain(..5);
        }
        let mut call = Call { name, safe, ..Call::default() };
        self.expect_op("(")?;
        if !self.eat_op(")") {
            self.call_arguments(&mut call)?;
            self.expect_op(")")?;
        }
        for (words, ignore) in [(["IGNORE", "NULLS"], true), (["RESPECT", "NULLS"], false)] {
            if self.is_words(&words) {
                self.at += 2;
                call.ignore_nulls = Some(ignore);
            }
        }
        if self.eat_word("OVER") {
            call.over = Some(if self.is_op("(") {
                self.window()?
            } else {
                Window { base: Some(self.name()?), ..Window::default() }
            });
        }
        Ok(Expr::Call(Box::new(call)))
    }

    fn call_arguments(&mut self, call: &mut Call) -> Result<()> {
        call.distinct = self.eat_word("DISTINCT");
        let query_argument = self.is_word("SELECT") || self.is_word("WITH");
        if query_argument {
            return Err(self.unexpected("expression"));
        }
        loop {
            if self.is_op("*") && matches!(self.peek_at(1), Tok::Op(")")) {
                self.advance();
                call.args.push(Expr::Star);
            } else if self.is_name_at(0) && self.is_op_at(1, "=>") {
                let name = self.name()?.to_ascii_uppercase();
                self.advance();
                call.named.push((name, self.expr()?));
            } else {
                let arg = self.expr()?;
                if self.eat_op("->") {
                    let body = Box::new(self.expr()?);
                    call.args.push(Expr::Lambda { parameters: lambda_parameters(arg)?, body });
                    if !self.eat_op(",") {
                        break;
                    }
                    continue;
                }
                if self.is_word("AS") {
                    return Err(SqlError::unknown(format!("AS in a call of {}", call.name)));
                }
                call.args.push(arg);
            }
            if !self.eat_op(",") {
                break;
            }
        }
        if self.eat_words(&["IGNORE", "NULLS"]) {
            call.ignore_nulls = Some(true);
        } else if self.eat_words(&["RESPECT", "NULLS"]) {
            call.ignore_nulls = Some(false);
        }
        if self.eat_word("HAVING") {
            let max = self.eat_word("MAX");
            if !max {
                self.expect_word("MIN")?;
            }
            call.having = Some((max, Box::new(self.expr()?)));
        }
        if self.is_word("WHERE") || self.is_words(&["GROUP", "BY"]) {
            return Err(SqlError::unknown("filters and grouping within an aggregate function"));
        }
        call.order_by = self.order_by()?;
        if self.eat_word("LIMIT") {
            call.limit = Some(Box::new(self.expr()?));
        }
        Ok(())
    }

    /// A window specification in parentheses.
    pub(super) fn window(&mut self) -> Result<Window> {
        self.expect_op("(")?;
        let mut window = Window::default();
        if self.is_name_at(0) {
            window.base = Some(self.name()?);
        }
        if self.eat_words(&["PARTITION", "BY"]) {
            window.partition_by.push(self.expr()?);
            while self.eat_op(",") {
                window.partition_by.push(self.expr()?);
            }
        }
        window.order_by = self.order_by()?;
        if self.is_word("ROWS") || self.is_word("RANGE") {
            let rows = self.is_word("ROWS");
            self.advance();
            window.frame = Some(if self.eat_word("BETWEEN") {
                let start = self.bound()?;
                self.expect_word("AND")?;
                Frame { rows, start, end: self.bound()? }
            } else {
                Frame { rows, start: self.bound()?, end: Bound::CurrentRow }
            });
        }
        self.expect_op(")")?;
        Ok(window)
    }

    fn bound(&mut self) -> Result<Bound<Expr>> {
        if self.eat_words(&["CURRENT", "ROW"]) {
            return Ok(Bound::CurrentRow);
        }
        if self.eat_words(&["UNBOUNDED", "PRECEDING"]) {
            return Ok(Bound::UnboundedPreceding);
        }
        if self.eat_words(&["UNBOUNDED", "FOLLOWING"]) {
            return Ok(Bound::UnboundedFollowing);
        }
        let distance = Box::new(self.expr()?);
        if self.eat_word("PRECEDING") {
            return Ok(Bound::Preceding(distance));
        }
        self.expect_word("FOLLOWING")?;
        Ok(Bound::Following(distance))
    }
}

/// The names before `->`: `e` or `(e, i)`.
fn lambda_parameters(expr: Expr) -> Result<Vec<String>> {
    let names = match expr {
        Expr::Struct { items, tuple: true, .. } => items.into_iter().map(|(it, _)| it).collect(),
        other => vec![other],
    };
    let names = names.into_iter().map(|it| match it {
        Expr::Path(mut path) if path.len() == 1 => Ok(path.remove(0)),
        _ => Err(SqlError::invalid("Syntax error: Expecting names before \"->\"")),
    });
    names.collect()
}
