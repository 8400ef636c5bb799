//! Text → nodes that remember their place.
//!
//! Plain scalars are resolved by YAML 1.2's core schema. Anchors, aliases and
//! tags are refused: the file is read by several programs, and these are what
//! they read differently.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use serde_json::{Number, Value};

use super::fault::{KeyPath, LocatedViolation, Position, Violation};

/// Deeper than any file of ours, and shallow enough for recursion.
const MAX_DEPTH: usize = 32;

/// A value of a file and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) kind: NodeKind,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum NodeKind {
    /// A scalar: what it resolves to, and how it was written.
    Scalar { value: Value, text: String },
    /// A list.
    List(Vec<Node>),
    /// A mapping, as written: in order, with duplicates.
    Map(Vec<Entry>),
}

/// A key of a mapping and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) value: Node,
}

impl Node {
    /// A value made in code, which has no place.
    pub(super) fn from_json(value: &Value) -> Self {
        let kind = match value {
            Value::Array(items) => NodeKind::List(items.iter().map(Self::from_json).collect()),
            Value::Object(entries) => NodeKind::Map(
                entries
                    .iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        at: Position::START,
                        value: Self::from_json(value),
                    })
                    .collect(),
            ),
            Value::String(text) => NodeKind::Scalar { value: value.clone(), text: text.clone() },
            other => NodeKind::Scalar { value: other.clone(), text: other.to_string() },
        };
        Self { at: Position::START, kind }
    }

    /// The value without its places; of duplicate keys the last.
    pub(super) fn to_json(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar { value, .. } => value.clone(),
            NodeKind::List(items) => items.iter().map(Self::to_json).collect(),
            NodeKind::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
            }
        }
    }

    /// Whether nothing is written.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { value: Value::Null, .. })
    }

    /// What the node is, in words.
    pub(super) fn what(&self) -> &'static str {
        match &self.kind {
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
            NodeKind::Scalar { value, .. } => match value {
                Value::Null => "nothing",
                Value::Bool(_) => "true or false",
                Value::Number(number) if number.is_f64() => "a fraction",
                Value::Number(_) => "a number",
                _ => "text",
            },
        }
    }
}

/// A collection that is still open.
enum Open {
    List(Position, Vec<Node>),
    Map(Position, Vec<Entry>, Option<(String, Position)>),
}

/// Parses the one document of a file.
pub(super) fn parse(text: &str) -> Result<Node, Vec<LocatedViolation>> {
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut root: Option<Node> = None;
    let mut documents = 0;
    let mut complain = |at: Position, message: &str| {
        found.push(LocatedViolation { at, problem: Violation::new(KeyPath::root(), message) });
    };

    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let message = format!("not valid YAML: {}", error.info());
                complain(position(error.marker()), &message);
                return Err(found);
            }
        };
        let at = position(&span.start);
        let tagged = match &event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(anchor, tag)
            | Event::MappingStart(anchor, tag) => *anchor > 0 || tag.is_some(),
            _ => false,
        };
        if tagged {
            complain(at, "anchors (`&…`) and tags (`!…`) are not supported");
        }
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents == 2 {
                    complain(at, "a second document (`---`) begins here; only one is read");
                    return Err(found);
                }
            }
            Event::Alias(_) => {
                complain(at, "aliases (`*…`) are not supported; write the value out");
                close(&mut open, &mut root, scalar(at, "", ScalarStyle::Plain));
            }
            Event::Scalar(text, style, ..) => {
                if let Some(Open::Map(_, _, key @ None)) = open.last_mut() {
                    *key = Some((text.into_owned(), at));
                } else {
                    close(&mut open, &mut root, scalar(at, &text, style));
                }
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if let Some(Open::Map(_, _, None)) = open.last() {
                    complain(at, "a key must be a single word or quoted text");
                    return Err(found);
                }
                if open.len() == MAX_DEPTH {
                    complain(at, "nested too deeply");
                    return Err(found);
                }
                open.push(match event {
                    Event::SequenceStart(..) => Open::List(at, Vec::new()),
                    _ => Open::Map(at, Vec::new(), None),
                });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match open.pop() {
                    Some(Open::List(at, items)) => Node { at, kind: NodeKind::List(items) },
                    Some(Open::Map(at, entries, _)) => Node { at, kind: NodeKind::Map(entries) },
                    None => continue,
                };
                close(&mut open, &mut root, node);
            }
            _ => {}
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    Ok(root.unwrap_or_else(|| scalar(Position::START, "", ScalarStyle::Plain)))
}

/// Puts a finished node into the collection that contains it.
fn close(open: &mut [Open], root: &mut Option<Node>, node: Node) {
    match open.last_mut() {
        None => *root = Some(node),
        Some(Open::List(_, items)) => items.push(node),
        Some(Open::Map(_, entries, key)) => {
            if let Some((key, at)) = key.take() {
                entries.push(Entry { key, at, value: node });
            }
        }
    }
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}

fn scalar(at: Position, text: &str, style: ScalarStyle) -> Node {
    let value = match style {
        ScalarStyle::Plain => resolve(text),
        _ => Value::String(text.to_owned()),
    };
    Node { at, kind: NodeKind::Scalar { value, text: text.to_owned() } }
}

/// What a plain scalar means (YAML 1.2.2, section 10.3.2, without octal and
/// hexadecimal numbers, which stay text and so are refused as numbers).
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit());
    // `010` is eight to some readers and ten to others: no number here.
    let is_ambiguous =
        digits.len() > 1 && digits.bytes().all(|b| b.is_ascii_digit()) && digits.starts_with('0');
    if is_number && !is_ambiguous {
        if let Ok(integer) = text.parse::<i64>() {
            return Value::Number(integer.into());
        }
        if let Some(number) = text.parse::<f64>().ok().and_then(Number::from_f64) {
            return Value::Number(number);
        }
    }
    Value::String(text.to_owned())
}
