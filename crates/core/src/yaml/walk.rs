//! Checks nodes against a JSON Schema, as far as `schemars` generates one.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    diagnostic::{KeyPath, LocatedViolation, Position, Violation},
    format,
    nearest::{nearest, suggestion},
    node::{Entry, Node, NodeKind},
};

/// The result of a walk.
pub(super) struct Walked {
    /// The value without unknown and invalid parts; `None` if it cannot be used at all.
    /// Complete only if there are no violations.
    pub(super) value: Option<Value>,
    /// The violations of the schema.
    pub(super) violations: Vec<LocatedViolation>,
    /// The position of each value.
    pub(super) positions: HashMap<KeyPath, Position>,
}

/// Checks the root node of a file against a root schema.
pub(super) fn walk(schema: &Value, node: &Node) -> Walked {
    let mut walker = Walker { root: schema, violations: Vec::new(), positions: HashMap::new() };
    walker.positions.insert(KeyPath::root(), Position::START);
    let value = walker.node(schema, node, &KeyPath::root(), Position::START);
    Walked { value, violations: walker.violations, positions: walker.positions }
}

struct Walker<'a> {
    root: &'a Value,
    violations: Vec<LocatedViolation>,
    positions: HashMap<KeyPath, Position>,
}

impl<'a> Walker<'a> {
    fn report(&mut self, at: Position, violation: Violation) {
        self.violations.push(LocatedViolation { at, violation });
    }

    /// Follows `$ref`, and for an optional value (`anyOf` with null) takes the branch
    /// that is not null. The flag is whether null is allowed.
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

    /// `parent` is the position of the value's key; keys missing in a mapping are
    /// reported there.
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
        // A schema without a type accepts any value.
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
                ("a list", Some("write it in brackets, for example `[a, b]`"))
            }
            ("array", _) => ("a list", None),
            ("integer", NodeKind::Scalar { text, .. }) if text.starts_with('0') => {
                ("a whole number", Some("remove the leading zero"))
            }
            ("integer", _) => ("a whole number", None),
            ("boolean", _) => ("`true` or `false`", None),
            (_, NodeKind::Scalar { value, .. }) if !value.is_null() => {
                ("text", Some("put it in quotes"))
            }
            _ => ("text", None),
        };
        let subject = subject(path);
        let message = format!("{subject} must be {expected}, but is {}", node.description());
        let mut violation = Violation::new(path.clone(), message);
        violation.help = help.map(str::to_owned);
        self.report(node.at, violation);
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
        let mut violation = Violation::new(path.clone(), message);
        violation.help = suggestion(text, allowed);
        self.report(node.at, violation);
        None
    }

    fn text(&mut self, schema: &Value, text: &str, at: Position, path: &KeyPath) {
        let format = schema["format"].as_str().and_then(format::named);
        if let Some(mismatch) = format.and_then(|format| format.check(text)) {
            let message = format!("{}: {}", subject(path), mismatch.message);
            let mut violation = Violation::new(path.clone(), message);
            violation.help = mismatch.help;
            self.report(at, violation);
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
        self.report(at, Violation::new(path.clone(), message));
        match schema["minimum"].as_i64() {
            // Only one value is allowed, so no other rule depends on it.
            Some(only) if min == max => Some(only.into()),
            // A value outside the range may not fit the Rust type either.
            _ => None,
        }
    }

    fn list(&mut self, schema: &'a Value, items: &[Node], path: &KeyPath) -> Option<Value> {
        let mut kept = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = path.index(index);
            self.positions.insert(path.clone(), item.at);
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
        static NO_PROPERTIES: std::sync::LazyLock<Map<String, Value>> =
            std::sync::LazyLock::new(Map::new);
        let known: &'a Map<String, Value> =
            schema["properties"].as_object().unwrap_or(&NO_PROPERTIES);
        let mut first: HashMap<&str, Position> = HashMap::new();
        let mut kept = Map::new();
        // An invalid value of a struct field leaves the struct incomplete; the entries of a
        // map are independent of each other.
        let mut incomplete = false;

        for entry in entries {
            if let Some(before) = first.insert(entry.key.as_str(), entry.at) {
                let message = format!("duplicate key `{}`{}", entry.key, inside(path));
                let help = format!("remove it, or the one on line {}", before.line);
                self.report(entry.at, Violation::new(path.key(&entry.key), message).help(help));
                continue;
            }
            let Some((key, schema)) = self.entry_schema(schema, known, entries, entry, path) else {
                continue;
            };
            let path = path.key(key);
            let at = match &entry.value.kind {
                NodeKind::Scalar { .. } => entry.value.at,
                _ => entry.at,
            };
            self.positions.insert(path.clone(), at);
            match self.node(schema, &entry.value, &path, entry.at) {
                Some(value) => {
                    kept.insert(key.to_owned(), value);
                }
                None if known.contains_key(key) => {
                    incomplete = true;
                    kept.insert(key.to_owned(), Value::Null);
                }
                None => {}
            }
        }

        let min = schema["minProperties"].as_u64().unwrap_or(0);
        if (entries.len() as u64) < min {
            let message = format!("{} must not be empty", subject(path));
            self.report(parent, Violation::new(path.clone(), message));
        }
        for required in schema["required"].as_array().into_iter().flatten() {
            let Some(required) = required.as_str() else {
                continue;
            };
            if !kept.contains_key(required) {
                incomplete = true;
                let message = format!("key `{required}` is missing{}", inside(path));
                self.report(parent, Violation::new(path.key(required), message));
            }
        }
        (!incomplete).then_some(Value::Object(kept))
    }

    /// The key and schema that apply to an entry of a mapping: those of a struct field, of the
    /// field that was probably meant (to find further violations in its value), or of any map
    /// entry. `None` if the key is unknown and nothing similar is missing.
    fn entry_schema<'e>(
        &mut self,
        schema: &'a Value,
        known: &'a Map<String, Value>,
        entries: &[Entry],
        entry: &'e Entry,
        path: &KeyPath,
    ) -> Option<(&'e str, &'a Value)>
    where
        'a: 'e,
    {
        if let Some((key, schema)) = known.get_key_value(&entry.key) {
            return Some((key.as_str(), schema));
        }
        let Some(others) = schema.get("additionalProperties").filter(|s| s.is_object()) else {
            let meant = self.unknown_key(known, entries, entry, path)?;
            let (key, schema) = known.get_key_value(meant)?;
            return Some((key.as_str(), schema));
        };
        let format = schema["propertyNames"]["format"].as_str().and_then(format::named);
        if let Some(mismatch) = format.and_then(|format| format.check(&entry.key)) {
            let message = format!("key{}: {}", inside(path), mismatch.message);
            let mut violation = Violation::new(path.key(&entry.key), message);
            violation.help = mismatch.help;
            self.report(entry.at, violation);
        }
        Some((entry.key.as_str(), others))
    }

    /// Reports an unknown key and returns the known key that was probably meant, if the
    /// mapping does not contain it yet.
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
        let mut violation = Violation::new(path.key(&entry.key), message);
        violation.help = match meant {
            Some(meant) => Some(format!("did you mean `{meant}`?")),
            None => suggestion(&entry.key, &known),
        };
        self.report(entry.at, violation);
        meant
    }
}

/// The values that the schema of an enum allows: `enum`, or `oneOf` if the variants
/// have descriptions.
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
