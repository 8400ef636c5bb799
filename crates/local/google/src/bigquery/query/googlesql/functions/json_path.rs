//! JSONPath: `$.name`, `$['name']`, `$[0]`.
//!
//! Semantics: GoogleSQL reference, "JSONPath format".

use serde_json::Value;

use super::json_text::Document;

/// How a path quotes names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Style {
    /// `$."name"`: JSON_VALUE and JSON_QUERY.
    Standard,
    /// `$['name']`: JSON_EXTRACT and JSON_EXTRACT_SCALAR.
    Legacy,
}

pub(super) enum Step {
    Name(String),
    Index(usize),
}

pub(super) struct Path(Vec<Step>);

impl Path {
    /// `None` if the text is not a path.
    pub(super) fn parse(text: &str, style: Style) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let step;
            if let Some(after) = rest.strip_prefix('.') {
                (step, rest) = match (style, after.strip_prefix('"')) {
                    (Style::Standard, Some(quoted)) => read_quoted(quoted, '"')?,
                    _ => {
                        let end = after.find(['.', '[']).unwrap_or(after.len());
                        let (name, rest) = after.split_at(end);
                        (name.to_owned(), rest)
                    }
                };
                let quoted = style == Style::Standard && after.starts_with('"');
                if step.is_empty() || !quoted && !step.chars().all(is_plain) {
                    return None;
                }
                steps.push(Step::Name(step));
                continue;
            }
            let after = rest.strip_prefix('[')?;
            if let Some(quoted) = after.strip_prefix('\'').filter(|_| style == Style::Legacy) {
                let (name, after) = read_quoted(quoted, '\'')?;
                steps.push(Step::Name(name));
                rest = after.trim_start().strip_prefix(']')?;
                continue;
            }
            let (index, after) = after.split_once(']')?;
            let index = index.trim();
            // A name in brackets without quotes is a name in the legacy style.
            match index.parse::<i64>() {
                // There is no element before the first one.
                Ok(index) => steps.push(Step::Index(usize::try_from(index).unwrap_or(usize::MAX))),
                Err(_) if style == Style::Legacy && is_word(index) => {
                    steps.push(Step::Name(index.to_owned()));
                }
                Err(_) => return None,
            }
            rest = after;
        }
        Some(Self(steps))
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    pub(super) fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(document, |at, step| match (step, at) {
            (Step::Name(name), Value::Object(fields)) => fields.get(name),
            (Step::Index(index), Value::Array(items)) => items.get(*index),
            // `$.0` is an element as well.
            (Step::Index(index), Value::Object(fields)) => fields.get(&index.to_string()),
            (Step::Name(name), Value::Array(items)) => items.get(name.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

/// A character of a name without quotes.
fn is_plain(char: char) -> bool {
    char.is_alphanumeric() || " \t\n\r-_:".contains(char)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_alphanumeric() || "-_".contains(it))
}

impl Path {
    pub(super) fn find_in<'a>(&self, document: &'a Document) -> Option<&'a Document> {
        self.0.iter().try_fold(document, |at, step| match step {
            // `$.0` is an element as well.
            Step::Name(name) => at.member(name).or_else(|| at.element(name.parse::<usize>().ok()?)),
            Step::Index(index) => at.element(*index).or_else(|| at.member(&index.to_string())),
        })
    }
}

fn read_quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, next)) = chars.next() {
        if next == quote {
            return Some((name, &text[at + 1..]));
        }
        if next == '\\' {
            name.push(chars.next()?.1);
        } else {
            name.push(next);
        }
    }
    None
}
