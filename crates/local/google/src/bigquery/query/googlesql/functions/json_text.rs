//! Reading JSON texts. A number keeps the digits with which it is written, because the functions of
//! JSON texts return them.
//!
//! Semantics: RFC 8259; of two equal names in an object, the first one counts (GoogleSQL reference,
//! "JSON functions").

use serde_json::{Map, Number, Value as Json};

/// Objects and arrays within each other, at most.
const MAX_DEPTH: usize = 500;

/// A JSON text in its parts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Document {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    Array(Vec<Document>),
    Object(Vec<(String, Document)>),
}

impl Document {
    /// `None` if the text is no JSON.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text, depth: 0 };
        let document = reader.value()?;
        reader.skip_blank();
        reader.rest.is_empty().then_some(document)
    }

    /// The member of an object.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(it, _)| it == name).map(|(_, it)| it),
            _ => None,
        }
    }

    /// The element of an array.
    pub(super) fn element(&self, at: usize) -> Option<&Self> {
        match self {
            Self::Array(items) => items.get(at),
            _ => None,
        }
    }

    /// The JSON value, with names in order. `None` if a number is outside the range of FLOAT64, or,
    /// if `exact`, loses digits.
    pub(super) fn to_json(&self, exact: bool) -> Option<Json> {
        Some(match self {
            Self::Null => Json::Null,
            Self::Bool(it) => Json::Bool(*it),
            Self::Number(text) => Json::Number(number(text, exact)?),
            Self::Text(it) => Json::String(it.clone()),
            Self::Array(items) => {
                Json::Array(items.iter().map(|it| it.to_json(exact)).collect::<Option<_>>()?)
            }
            Self::Object(fields) => {
                let mut sorted: Vec<&(String, Self)> = fields.iter().collect();
                // The sort is stable: the first of equal names stays the first.
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                sorted.dedup_by(|later, earlier| later.0 == earlier.0);
                let fields = sorted.into_iter();
                let fields = fields.map(|(name, it)| Some((name.clone(), it.to_json(exact)?)));
                Json::Object(fields.collect::<Option<Map<_, _>>>()?)
            }
        })
    }

    /// The text, compact or with a line for each item.
    pub(super) fn text(&self, pretty: bool) -> String {
        let mut out = String::new();
        self.write(pretty, 1, &mut out);
        out
    }

    fn write(&self, pretty: bool, depth: usize, out: &mut String) {
        let new_line = |depth: usize, out: &mut String| {
            if pretty {
                out.push('\n');
                out.push_str(&"  ".repeat(depth));
            }
        };
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
            Self::Number(it) => out.push_str(it),
            Self::Text(it) => out.push_str(&quoted(it)),
            Self::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    new_line(depth, out);
                    item.write(pretty, depth + 1, out);
                }
                if !items.is_empty() {
                    new_line(depth - 1, out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (at, (name, item)) in fields.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    new_line(depth, out);
                    out.push_str(&quoted(name));
                    out.push_str(if pretty { ": " } else { ":" });
                    item.write(pretty, depth + 1, out);
                }
                if !fields.is_empty() {
                    new_line(depth - 1, out);
                }
                out.push('}');
            }
        }
    }
}

fn number(text: &str, exact: bool) -> Option<Number> {
    if let Ok(whole) = text.parse::<i64>() {
        // `-0` is the float.
        return if text == "-0" { Number::from_f64(-0.0) } else { Some(Number::from(whole)) };
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Some(Number::from(whole));
    }
    let float: f64 = text.parse().ok().filter(|it: &f64| it.is_finite())?;
    if exact && !same_number(text, float) {
        return None;
    }
    Number::from_f64(float)
}

/// Whether a float, written with as many digits as the text has, is the number of the text.
fn same_number(text: &str, float: f64) -> bool {
    let (digits, exponent) = normalized(text);
    if digits.is_empty() {
        return float == 0.0;
    }
    if digits.len() > 17 {
        return false;
    }
    let written = format!("{:.*e}", digits.len() - 1, float);
    normalized(&written) == (digits, exponent)
}

/// The digits of a number without zeros at both ends, and the exponent of the first of them.
fn normalized(text: &str) -> (String, i64) {
    let text = text.trim_start_matches('-');
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse().unwrap_or(0)),
        None => (text, 0_i64),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let first = exponent + whole.len() as i64 - zeros as i64;
    (digits.trim_matches('0').to_owned(), first)
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn skip_blank(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_blank();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<Document> {
        self.skip_blank();
        if self.depth > MAX_DEPTH {
            return None;
        }
        for (word, document) in [
            ("null", Document::Null),
            ("true", Document::Bool(true)),
            ("false", Document::Bool(false)),
        ] {
            if self.eat(word) {
                return Some(document);
            }
        }
        match self.rest.as_bytes().first()? {
            b'"' => self.string().map(Document::Text),
            b'[' => self.nested(Self::array),
            b'{' => self.nested(Self::object),
            _ => self.number(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Document>) -> Option<Document> {
        self.depth += 1;
        let document = read(self);
        self.depth -= 1;
        document
    }

    fn array(&mut self) -> Option<Document> {
        self.eat("[");
        let mut items = Vec::new();
        if self.eat("]") {
            return Some(Document::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.eat("]") {
                return Some(Document::Array(items));
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn object(&mut self) -> Option<Document> {
        self.eat("{");
        let mut fields = Vec::new();
        if self.eat("}") {
            return Some(Document::Object(fields));
        }
        loop {
            self.skip_blank();
            let name = self.string()?;
            if !self.eat(":") {
                return None;
            }
            fields.push((name, self.value()?));
            if self.eat("}") {
                return Some(Document::Object(fields));
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    /// A string in quotes, whose escapes serde_json reads.
    fn string(&mut self) -> Option<String> {
        let mut escaped = false;
        let end = self.rest.strip_prefix('"')?.bytes().position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        })?;
        let (quoted, rest) = self.rest.split_at(end + 2);
        self.rest = rest;
        serde_json::from_str(quoted).ok()
    }

    fn number(&mut self) -> Option<Document> {
        let end = self.rest.find(|it: char| !(it.is_ascii_digit() || "+-.eE".contains(it)));
        let (text, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let mut bytes = text.strip_prefix('-').unwrap_or(text).bytes().peekable();
        let mut digits = |least: usize| {
            let mut found = 0;
            while bytes.next_if(u8::is_ascii_digit).is_some() {
                found += 1;
            }
            (found >= least).then_some(())
        };
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        if unsigned.len() > 1
            && unsigned.starts_with('0')
            && unsigned.as_bytes()[1].is_ascii_digit()
        {
            return None;
        }
        digits(1)?;
        if bytes.next_if_eq(&b'.').is_some() {
            let before = bytes.len();
            while bytes.next_if(u8::is_ascii_digit).is_some() {}
            if bytes.len() == before {
                return None;
            }
        }
        if bytes.next_if(|it| matches!(it, b'e' | b'E')).is_some() {
            bytes.next_if(|it| matches!(it, b'+' | b'-'));
            let before = bytes.len();
            while bytes.next_if(u8::is_ascii_digit).is_some() {}
            if bytes.len() == before {
                return None;
            }
        }
        if bytes.next().is_some() {
            return None;
        }
        self.rest = rest;
        Some(Document::Number(text.to_owned()))
    }
}

/// A text in quotes, with what JSON escapes.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_the_digits_of_its_numbers() {
        for (text, want) in [
            (r#" { "a" : 1.50 , "b":[1e3,-0.0] } "#, Some(r#"{"a":1.50,"b":[1e3,-0.0]}"#)),
            (r#"{"a":1,"a":2}"#, Some(r#"{"a":1,"a":2}"#)),
            (r#""é\n\u00e9""#, Some(r#""é\né""#)),
            ("1e400", Some("1e400")),
            ("01", None),
            ("1.", None),
            (".5", None),
            ("1e", None),
            ("[1,]", None),
            ("{\"a\" 1}", None),
            ("\"a", None),
            ("", None),
            ("nul", None),
            ("1 2", None),
        ] {
            let found = Document::parse(text).map(|it| it.text(false));
            assert_eq!(found.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn the_type_json_has_the_first_of_equal_names_and_numbers_within_the_range() {
        let json = |text: &str, exact| Document::parse(text).and_then(|it| it.to_json(exact));
        assert_eq!(json(r#"{"b":1,"a":2,"b":3}"#, true), Some(serde_json::json!({"a": 2, "b": 1})));
        assert_eq!(json("1e400", false), None);
        assert_eq!(json("0.1234567890123456789", true), None);
        assert!(json("0.1234567890123456789", false).is_some());
        for exact in ["1.10", "0.1", "1e2", "18446744073709551615", "-0.0", "123456.7890"] {
            assert!(json(exact, true).is_some(), "{exact}");
        }
        assert_eq!(json("18446744073709551617", true), None);
    }

    #[test]
    fn deep_documents_are_refused() {
        assert_eq!(Document::parse(&"[".repeat(100_000)), None);
    }
}
