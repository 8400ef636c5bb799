//! Parses YAML text into nodes with positions.
//!
//! Plain scalars are resolved by the core schema of YAML 1.2. Anchors, aliases and
//! tags are refused, because the programs that read these files treat them
//! differently.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use serde_json::{Number, Value};

use super::diagnostic::{KeyPath, LocatedViolation, Position, Violation};

/// Deeper than any file of Landbridge, and shallow enough for recursion.
const MAX_DEPTH: usize = 32;

/// A value of a file and its position.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) kind: NodeKind,
}

/// The value of a node.
#[derive(Clone, Debug)]
pub(super) enum NodeKind {
    /// A scalar: its resolved value and its text.
    Scalar { value: Value, text: String },
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order of the file, including duplicate keys.
    Map(Vec<Entry>),
}

/// A key of a mapping and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) value: Node,
}

impl Node {
    /// The node of a value built in code, which has no position.
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

    /// The value without positions; of duplicate keys the last wins.
    pub(super) fn to_json(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar { value, .. } => value.clone(),
            NodeKind::List(items) => items.iter().map(Self::to_json).collect(),
            NodeKind::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
            }
        }
    }

    /// Whether the value is empty or null.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { value: Value::Null, .. })
    }

    /// The kind of value, for messages.
    pub(super) fn description(&self) -> &'static str {
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

/// A collection whose end has not been parsed yet.
enum Open {
    List(Position, Vec<Node>),
    Map(Position, Vec<Entry>, Option<(String, Position)>),
}

/// Parses a file that contains one YAML document.
pub(super) fn parse(text: &str) -> Result<Node, Vec<LocatedViolation>> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => builder.add(event, position(&span.start)),
            Err(error) => {
                let message = format!("not valid YAML: {}", error.info());
                builder.report(position(error.marker()), &message);
                Err(Fatal)
            }
        };
        if step.is_err() {
            return Err(builder.violations);
        }
    }
    if !builder.violations.is_empty() {
        return Err(builder.violations);
    }
    Ok(builder.root.unwrap_or_else(|| scalar(Position::START, "", ScalarStyle::Plain)))
}

/// A violation after which parsing cannot continue.
struct Fatal;

/// Builds the tree of nodes from the events of the YAML parser.
#[derive(Default)]
struct Builder {
    violations: Vec<LocatedViolation>,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Builder {
    fn report(&mut self, at: Position, message: &str) {
        let violation = Violation::new(KeyPath::root(), message);
        self.violations.push(LocatedViolation { at, violation });
    }

    fn add(&mut self, event: Event<'_>, at: Position) -> Result<(), Fatal> {
        if let Event::Scalar(_, _, anchor, tag)
        | Event::SequenceStart(anchor, tag)
        | Event::MappingStart(anchor, tag) = &event
            && (*anchor > 0 || tag.is_some())
        {
            self.report(at, "anchors (`&…`) and tags (`!…`) are not supported");
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents == 2 {
                    self.report(
                        at,
                        "a second document (`---`) starts here; write only one document per file",
                    );
                    return Err(Fatal);
                }
            }
            Event::Alias(_) => {
                self.report(at, "aliases (`*…`) are not supported; write out the value");
                self.close(scalar(at, "", ScalarStyle::Plain));
            }
            Event::Scalar(text, style, ..) => {
                if let Some(Open::Map(_, _, key @ None)) = self.open.last_mut() {
                    *key = Some((text.into_owned(), at));
                } else {
                    self.close(scalar(at, &text, style));
                }
            }
            Event::SequenceStart(..) => self.open(at, Open::List(at, Vec::new()))?,
            Event::MappingStart(..) => self.open(at, Open::Map(at, Vec::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(at, items)) => self.close(Node { at, kind: NodeKind::List(items) }),
                Some(Open::Map(at, entries, _)) => {
                    self.close(Node { at, kind: NodeKind::Map(entries) });
                }
                None => {}
            },
            _ => {}
        }
        Ok(())
    }

    /// Starts a collection.
    fn open(&mut self, at: Position, collection: Open) -> Result<(), Fatal> {
        if let Some(Open::Map(_, _, None)) = self.open.last() {
            self.report(at, "a key must be a single word or quoted text");
            return Err(Fatal);
        }
        if self.open.len() == MAX_DEPTH {
            self.report(at, "nested too deeply");
            return Err(Fatal);
        }
        self.open.push(collection);
        Ok(())
    }

    /// Adds a finished node to the collection that contains it.
    fn close(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => {
                if let Some((key, at)) = key.take() {
                    entries.push(Entry { key, at, value: node });
                }
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

/// Resolves a plain scalar (YAML 1.2.2, section 10.3.2). Octal and hexadecimal numbers
/// are not supported: they stay text and so are refused where a number is required.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit());
    // `010` is eight to some readers and ten to others, so it is not a number.
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
