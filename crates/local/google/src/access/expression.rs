//! Expressions of IAM conditions and of workload identity providers, in the part of the Common Expression
//! Language that these servers evaluate (IAM's documentation, "Configure Workload Identity Federation with AWS
//! or Azure", attribute mappings and conditions; "Attribute reference for IAM Conditions", functions).
//!
//! Evaluated: texts, names such as `assertion.arn` and `resource.name`, `==`, `!=`, `&&`, `||`, `!`, parentheses,
//! and the functions `startsWith`, `endsWith`, `contains` and `extract`. Anything else is refused by name
//! when the expression is set, so no condition is taken for one that holds.

use std::collections::BTreeMap;

/// The values of names, such as `assertion.arn`.
pub(crate) type Names = BTreeMap<String, String>;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    Text(String),
    Name(String),
    Not(Box<Expression>),
    Both(Box<Expression>, Box<Expression>),
    Either(Box<Expression>, Box<Expression>),
    /// `==`, or `!=` if the last field is true.
    Equal(Box<Expression>, Box<Expression>, bool),
    Call(Box<Expression>, Function, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    StartsWith,
    EndsWith,
    Contains,
    Extract,
}

impl Function {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "startsWith" => Self::StartsWith,
            "endsWith" => Self::EndsWith,
            "contains" => Self::Contains,
            "extract" => Self::Extract,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Bool(bool),
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// Quotes the place from which on it cannot be read.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text };
        let expression = parser.either();
        parser.skip_space();
        match expression {
            Some(expression) if parser.rest.is_empty() => Ok(expression),
            _ => Err(format!("this server does not evaluate `{}`", parser.rest)),
        }
    }

    /// Whether it holds; `false` if it is no condition or uses an unknown name.
    pub(crate) fn holds(&self, names: &Names) -> bool {
        self.value(names) == Some(Value::Bool(true))
    }

    /// Its text; `None` if it has none or uses an unknown name.
    pub(crate) fn text(&self, names: &Names) -> Option<String> {
        match self.value(names)? {
            Value::Text(text) => Some(text),
            Value::Bool(_) => None,
        }
    }

    fn bool(&self, names: &Names) -> Option<bool> {
        match self.value(names)? {
            Value::Bool(it) => Some(it),
            Value::Text(_) => None,
        }
    }

    fn value(&self, names: &Names) -> Option<Value> {
        Some(match self {
            Self::Text(text) => Value::Text(text.clone()),
            Self::Name(name) => Value::Text(names.get(name)?.clone()),
            Self::Not(it) => Value::Bool(!it.bool(names)?),
            Self::Both(one, two) => Value::Bool(one.bool(names)? && two.bool(names)?),
            Self::Either(one, two) => Value::Bool(one.bool(names)? || two.bool(names)?),
            Self::Equal(one, two, negated) => {
                Value::Bool((one.value(names)? == two.value(names)?) != *negated)
            }
            Self::Call(subject, function, argument) => {
                let (subject, argument) = (subject.text(names)?, argument.text(names)?);
                match function {
                    Function::StartsWith => Value::Bool(subject.starts_with(&argument)),
                    Function::EndsWith => Value::Bool(subject.ends_with(&argument)),
                    Function::Contains => Value::Bool(subject.contains(&argument)),
                    Function::Extract => Value::Text(extract(&subject, &argument)),
                }
            }
        })
    }
}

/// What stands in `subject` at the place of `{…}` in the template: the text after the first occurrence of what
/// precedes the braces, up to the next occurrence of what follows them. Empty if the template does not match
/// ("Attribute reference for IAM Conditions", function `extract`).
fn extract(subject: &str, template: &str) -> String {
    let Some((before, rest)) = template.split_once('{') else { return String::new() };
    let Some((_, after)) = rest.split_once('}') else { return String::new() };
    let Some((_, found)) = subject.split_once(before) else { return String::new() };
    match after {
        "" => found.to_owned(),
        after => found.split_once(after).map_or_else(String::new, |(it, _)| it.to_owned()),
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, symbol: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn either(&mut self) -> Option<Expression> {
        let mut one = self.both()?;
        while self.take("||") {
            one = Expression::Either(Box::new(one), Box::new(self.both()?));
        }
        Some(one)
    }

    fn both(&mut self) -> Option<Expression> {
        let mut one = self.comparison()?;
        while self.take("&&") {
            one = Expression::Both(Box::new(one), Box::new(self.comparison()?));
        }
        Some(one)
    }

    fn comparison(&mut self) -> Option<Expression> {
        let one = self.call()?;
        let negated = match (self.take("=="), self.rest.starts_with("!=")) {
            (true, _) => false,
            (false, true) => self.take("!="),
            (false, false) => return Some(one),
        };
        Some(Expression::Equal(Box::new(one), Box::new(self.call()?), negated))
    }

    fn call(&mut self) -> Option<Expression> {
        if self.take("!") {
            return Some(Expression::Not(Box::new(self.call()?)));
        }
        let mut subject = self.primary()?;
        while self.take(".") {
            let function = Function::parse(&self.word()?)?;
            if !self.take("(") {
                return None;
            }
            let argument = self.either()?;
            if !self.take(")") {
                return None;
            }
            subject = Expression::Call(Box::new(subject), function, Box::new(argument));
        }
        Some(subject)
    }

    fn primary(&mut self) -> Option<Expression> {
        if self.take("(") {
            let inner = self.either()?;
            return self.take(")").then_some(inner);
        }
        self.skip_space();
        if let Some(quote) = self.rest.chars().next().filter(|it| "'\"".contains(*it)) {
            let (text, rest) = self.rest[1..].split_once(quote)?;
            // A text with an escape would need more than this parser.
            if text.contains('\\') {
                return None;
            }
            self.rest = rest;
            return Some(Expression::Text(text.to_owned()));
        }
        let (space, name) = (self.word()?, self.take("."));
        let known = ["assertion", "attribute", "google", "resource"];
        (name && known.contains(&space.as_str()))
            .then(|| self.word())
            .flatten()
            .map(|name| Expression::Name(format!("{space}.{name}")))
    }

    fn word(&mut self) -> Option<String> {
        self.skip_space();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let starts = word.chars().next().is_some_and(|c| !c.is_ascii_digit());
        starts.then(|| {
            self.rest = rest;
            word.to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sts::123456789012:assumed-role/landbridge-shop-load/session";

    fn names() -> Names {
        Names::from([("assertion.arn".to_owned(), ARN.to_owned())])
    }

    #[test]
    fn the_mapping_of_the_module_is_the_name_of_the_role() {
        let mapping = Expression::parse("assertion.arn.extract('assumed-role/{role}/')");
        let role = mapping.expect("an expression").text(&names());
        assert_eq!(role.as_deref(), Some("landbridge-shop-load"));
    }

    #[test]
    fn conditions_hold_or_not() {
        for (text, holds) in [
            (
                "assertion.arn.startsWith('arn:aws:sts::123456789012:assumed-role/landbridge-shop-load/')",
                true,
            ),
            (
                "assertion.arn.startsWith('arn:aws:sts::123456789012:assumed-role/landbridge-shop/')",
                false,
            ),
            ("assertion.arn.startsWith('x') || assertion.arn.endsWith('/session')", true),
            ("assertion.arn.startsWith('arn') && !assertion.arn.contains('user')", true),
            ("(assertion.arn.contains('a') || assertion.arn == 'b') && assertion.arn != 'c'", true),
            ("assertion.arn.extract('role/{x}/') == \"landbridge-shop-load\"", true),
            ("assertion.account == '123456789012'", false),
            ("assertion.arn", false),
        ] {
            let expression = Expression::parse(text).expect(text);
            assert_eq!(expression.holds(&names()), holds, "{text}");
        }
    }

    #[test]
    fn what_is_not_evaluated_is_refused() {
        for text in [
            "",
            "assertion.arn.matches('x')",
            "has(assertion.arn)",
            "assertion.arn.startsWith('a\\'b')",
            "assertion.arn.startsWith('a'",
            "assertion.arn ==",
            "1 == 1",
            "request.time < timestamp('2026-01-01T00:00:00Z')",
            "assertion.arn == 'a' trailing",
        ] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn extract_follows_the_documented_rules() {
        for (subject, template, found) in [
            ("a/b/c", "a/{x}/", "b"),
            ("a/b/c", "a/{x}", "b/c"),
            ("a/b/c", "{x}/c", "a/b"),
            ("a/b/c", "z/{x}/", ""),
            ("a/b/c", "c/{x}/", ""),
            ("a/b/c", "a/b", ""),
        ] {
            assert_eq!(extract(subject, template), found, "{template}");
        }
    }
}
