//! Nodes against a JSON Schema, as far as `schemars` writes one.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    fault::{KeyPath, LocatedViolation, Position, Violation},
    format,
    nearest::{nearest, suggestion},
    node::{Entry, Node, NodeKind},
};

/// What a walk found.
pub(super) struct Walked {
    /// The value without what is unknown or broken; `None` when nothing could
    /// be made of it. Only to be trusted when nothing was found.
    pub(super) value: Option<Value>,
    /// What is wrong.
    pub(super) found: Vec<LocatedViolation>,
    /// Where each value stands.
    pub(super) places: HashMap<KeyPath, Position>,
}

/// Walks a file's root node against a root schema.
pub(super) fn walk(schema: &Value, node: &Node) -> Walked {
    let mut walker = Walker { root: schema, found: Vec::new(), places: HashMap::new() };
    walker.places.insert(KeyPath::root(), Position::START);
    let value = walker.node(schema, node, &KeyPath::root(), Position::START);
    Walked { value, found: walker.found, places: walker.places }
}

struct Walker<'a> {
    root: &'a Value,
    found: Vec<LocatedViolation>,
    places: HashMap<KeyPath, Position>,
}

impl<'a> Walker<'a> {
    fn complain(&mut self, at: Position, problem: Violation) {
        self.found.push(LocatedViolation { at, problem });
    }

    /// Follows `$ref`, and for an optional value (`anyOf` with null) takes the
    /// branch that says something. The flag tells whether null will do.
    fn resolve(&self, mut schema: &'a Value) -> (&'a Value, bool) {
        let mut or_null = false;
        loop {
            if let Some(pointer) = schema["$ref"].as_str() {
                let target = self.root.pointer(pointer.trim_start_matches('#'));
                schema = target.unwrap_or(&Value::Null);
            } else if let Some(branches) = schema["anyOf"].as_array()
                && let Some(branch) = branches.iter().find(|branch| branch["type"] != "null")
            {
                or_null |= branches.len() > 1;
                schema = branch;
            } else {
                let types = schema["type"].as_array();
                or_null |= types.is_some_and(|types| types.iter().any(|name| name == "null"));
                return (schema, or_null);
            }
        }
    }

    /// `parent` is where the value's key stands: what is missing inside of a
    /// mapping is reported there.
    fn node(
        &mut self,
        schema: &'a Value,
        node: &Node,
        path: &KeyPath,
        parent: Position,
    ) -> Option<Value> {
        let (schema, or_null) = self.resolve(schema);
        if or_null && node.is_null() {
            return Some(Value::Null);
        }
        if let Some(allowed) = allowed(schema) {
            return self.one_of(&allowed, node, path);
        }
        let wanted = match &schema["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).find(|t| *t != "null"),
            one => one.as_str(),
        };
        // A schema that says nothing of the type takes anything.
        let Some(wanted) = wanted else {
            return Some(node.to_json());
        };
        match (&node.kind, wanted) {
            (NodeKind::Map(entries), "object") => self.map(schema, entries, path, parent),
            (NodeKind::List(items), "array") => self.list(schema, items, path),
            (NodeKind::Scalar { value, text }, "string") if value.is_string() => {
                self.text(schema, text, node.at, path);
                Some(value.clone())
            }
            (NodeKind::Scalar { value, .. }, "integer") if value.is_i64() => {
                self.range(schema, value, node.at, path)
            }
            (NodeKind::Scalar { value, .. }, "boolean") if value.is_boolean() => {
                Some(value.clone())
            }
            _ => {
                self.wrong_type(wanted, node, path);
                None
            }
        }
    }

    fn wrong_type(&mut self, wanted: &str, node: &Node, path: &KeyPath) {
        let (expected, help) = match (wanted, &node.kind) {
            ("object", _) => ("a mapping of keys", None),
            ("array", NodeKind::Scalar { value, .. }) if !value.is_null() => {
                ("a list", Some("write it in brackets: `[…]`"))
            }
            ("array", _) => ("a list", None),
            ("integer", NodeKind::Scalar { text, .. }) if text.starts_with('0') => {
                ("a whole number", Some("leave out the leading zero"))
            }
            ("integer", _) => ("a whole number", None),
            ("boolean", _) => ("`true` or `false`", None),
            (_, NodeKind::Scalar { value, .. }) if !value.is_null() => {
                ("text", Some("put it in quotes"))
            }
            _ => ("text", None),
        };
        let subject = subject(path);
        let message = format!("{subject} must be {expected}, but is {}", node.what());
        let mut problem = Violation::new(path.clone(), message);
        problem.help = help.map(str::to_owned);
        self.complain(node.at, problem);
    }

    fn one_of(&mut self, allowed: &[&'a str], node: &Node, path: &KeyPath) -> Option<Value> {
        let NodeKind::Scalar { value, text } = &node.kind else {
            self.wrong_type("string", node, path);
            return None;
        };
        if value.is_string() && allowed.contains(&text.as_str()) {
            return Some(value.clone());
        }
        if value.is_null() {
            self.wrong_type("string", node, path);
            return None;
        }
        let message = format!("{} cannot be {}", subject(path), format::quoted(text));
        let mut problem = Violation::new(path.clone(), message);
        problem.help = suggestion(text, allowed);
        self.complain(node.at, problem);
        None
    }

    fn text(&mut self, schema: &Value, text: &str, at: Position, path: &KeyPath) {
        let format = schema["format"].as_str().and_then(format::named);
        if let Some(complaint) = format.and_then(|format| format.check(text)) {
            let message = format!("{}: {}", subject(path), complaint.message);
            let mut problem = Violation::new(path.clone(), message);
            problem.help = complaint.help;
            self.complain(at, problem);
        }
    }

    fn range(
        &mut self,
        schema: &Value,
        value: &Value,
        at: Position,
        path: &KeyPath,
    ) -> Option<Value> {
        let number = value.as_i64()?;
        let min = schema["minimum"].as_f64();
        let max = schema["maximum"].as_f64();
        let below = min.is_some_and(|min| (number as f64) < min);
        let above = max.is_some_and(|max| (number as f64) > max);
        if !below && !above {
            return Some(value.clone());
        }
        let wanted = match (min, max) {
            (Some(min), Some(max)) if min == max => format!("{min}"),
            (Some(min), Some(max)) => format!("from {min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (_, Some(max)) => format!("at most {max}"),
            (None, None) => return Some(value.clone()),
        };
        let message = format!("{} must be {wanted}, but is {number}", subject(path));
        self.complain(at, Violation::new(path.clone(), message));
        match schema["minimum"].as_i64() {
            // With only one value to choose from, no other rule depends on it.
            Some(only) if min == max => Some(only.into()),
            // Out of the stated range it may be out of the Rust type's as well.
            _ => None,
        }
    }

    fn list(&mut self, schema: &'a Value, items: &[Node], path: &KeyPath) -> Option<Value> {
        let mut kept = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = path.index(index);
            self.places.insert(path.clone(), item.at);
            kept.extend(self.node(&schema["items"], item, &path, item.at));
        }
        Some(Value::Array(kept))
    }

    fn map(
        &mut self,
        schema: &'a Value,
        entries: &[Entry],
        path: &KeyPath,
        parent: Position,
    ) -> Option<Value> {
        static NOTHING: std::sync::LazyLock<Map<String, Value>> =
            std::sync::LazyLock::new(Map::new);
        let known: &'a Map<String, Value> = schema["properties"].as_object().unwrap_or(&NOTHING);
        let others = schema.get("additionalProperties").filter(|s| s.is_object());
        let names = schema["propertyNames"]["format"].as_str().and_then(format::named);
        let mut first: HashMap<&str, Position> = HashMap::new();
        let mut kept = Map::new();
        // A value of a struct's field that is broken leaves the struct without
        // it; an entry of a map is independent of the others.
        let mut broken = false;

        for entry in entries {
            if let Some(before) = first.insert(entry.key.as_str(), entry.at) {
                let message = format!("duplicate key `{}`{}", entry.key, inside(path));
                let help = format!("it stands on line {} already", before.line);
                self.complain(entry.at, Violation::new(path.key(&entry.key), message).help(help));
                continue;
            }
            let (key, schema) = match (known.get_key_value(&entry.key), others) {
                (Some((key, schema)), _) => (key.as_str(), schema),
                (None, Some(schema)) => {
                    if let Some(complaint) = names.and_then(|names| names.check(&entry.key)) {
                        let message = format!("key{}: {}", inside(path), complaint.message);
                        let mut problem = Violation::new(path.key(&entry.key), message);
                        problem.help = complaint.help;
                        self.complain(entry.at, problem);
                    }
                    (entry.key.as_str(), schema)
                }
                (None, None) => {
                    let Some(meant) = self.unknown_key(known, entries, entry, path) else {
                        continue;
                    };
                    // Read as what was meant, to find what else is wrong.
                    match known.get_key_value(meant) {
                        Some((key, schema)) => (key.as_str(), schema),
                        None => continue,
                    }
                }
            };
            let path = path.key(key);
            let at = match &entry.value.kind {
                NodeKind::Scalar { .. } => entry.value.at,
                _ => entry.at,
            };
            self.places.insert(path.clone(), at);
            match self.node(schema, &entry.value, &path, entry.at) {
                Some(value) => {
                    kept.insert(key.to_owned(), value);
                }
                None if known.contains_key(key) => {
                    broken = true;
                    kept.insert(key.to_owned(), Value::Null);
                }
                None => {}
            }
        }

        let least = schema["minProperties"].as_u64().unwrap_or(0);
        if (entries.len() as u64) < least {
            let message = format!("{} must not be empty", subject(path));
            self.complain(parent, Violation::new(path.clone(), message));
        }
        for required in schema["required"].as_array().into_iter().flatten() {
            let Some(required) = required.as_str() else {
                continue;
            };
            if !kept.contains_key(required) {
                broken = true;
                let message = format!("key `{required}` is missing{}", inside(path));
                self.complain(parent, Violation::new(path.key(required), message));
            }
        }
        (!broken).then_some(Value::Object(kept))
    }

    /// Complains of the key and returns the known key that was probably
    /// meant, if the mapping doesn't have it already.
    fn unknown_key(
        &mut self,
        known: &'a Map<String, Value>,
        entries: &[Entry],
        entry: &Entry,
        path: &KeyPath,
    ) -> Option<&'a str> {
        let candidates: Vec<&'a str> = known
            .keys()
            .map(String::as_str)
            .filter(|key| entries.iter().all(|entry| entry.key != *key))
            .collect();
        let meant = nearest(&entry.key, candidates.iter().copied());
        let known: Vec<&str> = known.keys().map(String::as_str).collect();
        let message = format!("unknown key `{}`{}", entry.key, inside(path));
        let mut problem = Violation::new(path.key(&entry.key), message);
        problem.help = match meant {
            Some(meant) => Some(format!("did you mean `{meant}`?")),
            None => suggestion(&entry.key, &known),
        };
        self.complain(entry.at, problem);
        meant
    }
}

/// The values that a schema of an enum allows: `enum`, or `oneOf` of them when
/// the variants have descriptions.
fn allowed(schema: &Value) -> Option<Vec<&str>> {
    if let Some(values) = schema["enum"].as_array() {
        return Some(values.iter().filter_map(Value::as_str).collect());
    }
    let branches = schema["oneOf"].as_array()?;
    let mut all = Vec::new();
    for branch in branches {
        if let Some(value) = branch["const"].as_str() {
            all.push(value);
        } else {
            all.extend(allowed(branch)?);
        }
    }
    Some(all)
}

fn subject(path: &KeyPath) -> String {
    if *path == KeyPath::root() { "the file".to_owned() } else { format!("`{path}`") }
}

fn inside(path: &KeyPath) -> String {
    if *path == KeyPath::root() { String::new() } else { format!(" in `{path}`") }
}
