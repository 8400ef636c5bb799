//! `OPTIONS (name = value, …)` of statements (GoogleSQL reference, "Data definition language").

use serde_json::{Map, Value, json};

use super::tokens::{Cursor, Kind, is_literal};
use crate::error::GoogleError;

/// The options of a statement: names in lower case, and the texts of their values.
#[derive(Debug, Default)]
pub(super) struct Options(Vec<(String, String)>);

impl Options {
    /// Parses `OPTIONS (…)` if it comes next.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, GoogleError> {
        if !cursor.accepts(&["OPTIONS"]) {
            return Ok(Self::default());
        }
        Self::parse_list(cursor)
    }

    /// Parses the parentheses behind OPTIONS.
    pub(super) fn parse_list(cursor: &mut Cursor<'_>) -> Result<Self, GoogleError> {
        let mut options = Self::default();
        let mut inner = cursor.parenthesised()?;
        while !inner.is_at_end() {
            let name = inner.name()?.to_ascii_lowercase();
            inner.expect(&["="])?;
            let value = inner.text_until(|it| it.is_next(&[","])).to_owned();
            options.0.push((name, value));
            if !inner.accepts(&[","]) {
                break;
            }
        }
        inner.expect_end()?;
        Ok(options)
    }

    /// # Errors
    /// 400 for an option that is not in `known`.
    pub(super) fn check_known(&self, known: &[&str]) -> Result<(), GoogleError> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(GoogleError::invalid_query(format!(
                "The local warehouse does not know the option {name} here. It knows: {}.",
                known.join(", ")
            ))),
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// The text of an option's value, unless the value is NULL. `Some(None)` is NULL.
    pub(super) fn expression(&self, name: &str) -> Option<Option<&str>> {
        self.value(name).map(|it| Some(it).filter(|it| !it.eq_ignore_ascii_case("NULL")))
    }

    /// The value of a STRING option; NULL removes the property.
    pub(super) fn text(&self, name: &str) -> Result<Option<Value>, GoogleError> {
        match self.expression(name) {
            None => Ok(None),
            Some(None) => Ok(Some(Value::Null)),
            Some(Some(text)) => literal_text(text)
                .map(|it| Some(json!(it)))
                .ok_or_else(|| invalid_value(name, "a STRING literal")),
        }
    }

    /// The value of a BOOL option.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<Value>, GoogleError> {
        match self.expression(name).map(|it| it.map(str::to_ascii_lowercase)) {
            None => Ok(None),
            Some(None) => Ok(Some(Value::Null)),
            Some(Some(it)) if it == "true" => Ok(Some(json!(true))),
            Some(Some(it)) if it == "false" => Ok(Some(json!(false))),
            Some(Some(_)) => Err(invalid_value(name, "TRUE or FALSE")),
        }
    }

    /// The value of a numeric option.
    pub(super) fn number(&self, name: &str) -> Result<Option<Option<f64>>, GoogleError> {
        match self.expression(name) {
            None => Ok(None),
            Some(None) => Ok(Some(None)),
            Some(Some(text)) => (text.parse().ok().filter(|it: &f64| it.is_finite()))
                .map(|it| Some(Some(it)))
                .ok_or_else(|| invalid_value(name, "a number")),
        }
    }

    /// The value of `labels`: an array of pairs. The API has an object.
    pub(super) fn labels(&self) -> Result<Option<Value>, GoogleError> {
        let invalid = || invalid_value("labels", "an array such as [(\"team\", \"sales\")]");
        let Some(text) = self.expression("labels") else { return Ok(None) };
        let Some(text) = text else { return Ok(Some(Value::Null)) };
        let tokens = super::tokens::tokenize(text)?;
        let mut cursor = Cursor::new(text, &tokens);
        cursor.expect(&["["])?;
        let mut labels = Map::new();
        while !cursor.accepts(&["]"]) {
            cursor.accepts(&["STRUCT"]);
            let mut pair = cursor.parenthesised()?;
            let [key, value] = pair.list()[..] else { return Err(invalid()) };
            let (key, value) = literal_text(key).zip(literal_text(value)).ok_or_else(invalid)?;
            labels.insert(key, json!(value));
            cursor.accepts(&[","]);
        }
        cursor.expect_end()?;
        Ok(Some(Value::Object(labels)))
    }
}

fn invalid_value(name: &str, want: &str) -> GoogleError {
    GoogleError::invalid_query(format!("The value of option {name} must be {want}."))
}

/// Sets or removes the description that the options name.
pub(super) fn set_description(
    properties: &mut Map<String, Value>,
    options: &Options,
) -> Result<(), GoogleError> {
    set_property(properties, "description", options.text("description")?);
    Ok(())
}

/// Sets a property; NULL removes it.
pub(super) fn set_property(properties: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        None => {}
        Some(Value::Null) => drop(properties.remove(key)),
        Some(value) => drop(properties.insert(key.to_owned(), value)),
    }
}

/// The text of a STRING literal ("Lexical structure and syntax", "String and bytes literals").
pub(super) fn literal_text(literal: &str) -> Option<String> {
    if !is_literal(literal, Kind::Text) {
        return None;
    }
    let prefix = literal.bytes().take_while(u8::is_ascii_alphabetic).count();
    let is_raw = match literal[..prefix].to_ascii_lowercase().as_str() {
        "" => false,
        "r" => true,
        _ => return None,
    };
    let body = &literal[prefix..];
    let triple = ["'''", "\"\"\""].iter().any(|it| body.starts_with(it) && body.len() >= 6);
    let quote = if triple { 3 } else { 1 };
    let body = &body[quote..body.len() - quote];
    if is_raw { Some(body.to_owned()) } else { unescape(body) }
}

fn unescape(body: &str) -> Option<String> {
    let mut text = String::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let code = |chars: &mut std::str::Chars<'_>, digits: usize, radix: u32, first: &str| {
            let more: String = chars.by_ref().take(digits).collect();
            let code = format!("{first}{more}");
            (more.chars().count() == digits)
                .then(|| u32::from_str_radix(&code, radix).ok().and_then(char::from_u32))
                .flatten()
        };
        text.push(match chars.next()? {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            same @ ('\\' | '?' | '"' | '\'' | '`') => same,
            'x' | 'X' => code(&mut chars, 2, 16, "")?,
            'u' => code(&mut chars, 4, 16, "")?,
            'U' => code(&mut chars, 8, 16, "")?,
            digit @ '0'..='3' => code(&mut chars, 2, 8, &digit.to_string())?,
            _ => return None,
        });
    }
    Some(text)
}

/// A text as a STRING literal.
pub(in crate::bigquery) fn text_literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for c in text.chars() {
        match c {
            '\\' => literal.push_str("\\\\"),
            '\'' => literal.push_str("\\'"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\0' => literal.push_str("\\x00"),
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenize;
    use super::*;

    #[test]
    fn literals_are_read_and_written() {
        for (literal, want) in [
            ("'a'", Some("a")),
            ("\"it's\"", Some("it's")),
            (r"'a\'b\n\x41\u00e9\101'", Some("a'b\nAéA")),
            (r"r'\d'", Some(r"\d")),
            ("'''a\n'b'''", Some("a\n'b")),
            ("b'a'", None),
            (r"'\q'", None),
            ("1", None),
            ("'a' || 'b'", None),
        ] {
            assert_eq!(literal_text(literal).as_deref(), want, "{literal}");
        }
        for text in ["", "a'b", "\\", "line\nend", "한글\0"] {
            assert_eq!(literal_text(&text_literal(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn options_are_read() {
        let sql = "OPTIONS(description = 'a, b', labels=[('k', \"v\"), STRUCT('x', '')], \
                   expiration_timestamp = NULL, require_partition_filter=true)";
        let tokens = tokenize(sql).expect("tokens");
        let options = Options::parse(&mut Cursor::new(sql, &tokens)).expect("options");
        assert_eq!(options.text("description"), Ok(Some(json!("a, b"))));
        assert_eq!(options.labels(), Ok(Some(json!({"k": "v", "x": ""}))));
        assert_eq!(options.expression("expiration_timestamp"), Some(None));
        assert_eq!(options.boolean("require_partition_filter"), Ok(Some(json!(true))));
        assert!(options.check_known(&["description", "labels"]).is_err());
    }
}
