//! Parses YAML files that people write, and reports all errors at once, each with
//! its line and a suggestion.
//!
//! A file is parsed into nodes that keep their positions, checked against the JSON
//! Schema of the Rust type, deserialised, and then validated by the rules of that
//! type. Each step runs on what the previous steps accepted, so a misspelt key does
//! not hide a wrong region.
//!
//! | module | contents |
//! |---|---|
//! | here | [`parse`], [`parse_checked`], [`schema_of`] |
//! | `diagnostic` | [`Diagnostic`], [`Diagnostics`], [`Violation`], [`KeyPath`] |
//! | `edit` | [`set_key`]: changes one key and keeps the rest of the file; [`keys`]: their order |
//! | `layers` | a file with several layers over it, which keep their positions |
//! | `node` | parses text into nodes with positions |
//! | `walk` | checks nodes against a schema |
//! | [`format`] | formats of single values: identifiers that AWS or Google Cloud restricts |
//! | `nearest` | suggestions for misspelt words |

mod diagnostic;
mod edit;
pub(crate) mod format;
pub(crate) mod layers;
mod nearest;
mod node;
mod walk;

#[cfg(test)]
mod tests;

pub use diagnostic::{Diagnostic, Diagnostics, KeyPath, Position, Violation};
pub use edit::{Edited, keys, set_key};
pub use nearest::nearest;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use node::Node;

/// The value of a parsed file, with the position of each part of it.
#[derive(Clone, Debug)]
pub struct Document<T> {
    value: T,
    positions: Positions,
}

impl<T> Document<T> {
    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The value, without the positions.
    pub fn into_value(self) -> T {
        self.value
    }

    /// The value, to complete what no file says.
    pub(crate) fn value_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The violation with its position in this file: that of its path, or of the
    /// nearest parent that is in the file.
    pub fn diagnostic(&self, violation: Violation) -> Diagnostic {
        self.positions.diagnostic(violation)
    }
}

/// Parses `text` as a `T`. `file` is the name shown in diagnostics.
///
/// # Errors
/// All violations of the schema of `T`, sorted by line.
pub fn parse<T: DeserializeOwned + JsonSchema>(
    file: &str,
    text: &str,
) -> Result<Document<T>, Diagnostics> {
    let read = read::<T>(file, text);
    match read.value {
        Some(value) if read.diagnostics.is_empty() => {
            Ok(Document { value, positions: read.positions })
        }
        _ => Err(Diagnostics::new(file, read.diagnostics)),
    }
}

/// Parses `text` as a `T` and validates it with `check`. If the schema check found
/// only minor errors (an unknown key, a malformed identifier), `check` still runs,
/// and its violations are reported with them.
///
/// # Errors
/// All violations of the schema and of `check`, sorted by line.
pub fn parse_checked<T: DeserializeOwned + JsonSchema>(
    file: &str,
    text: &str,
    check: impl FnOnce(&T) -> Vec<Violation>,
) -> Result<T, Diagnostics> {
    let mut read = read::<T>(file, text);
    if let Some(value) = &read.value {
        let violations = check(value);
        read.diagnostics
            .extend(violations.into_iter().map(|violation| read.positions.diagnostic(violation)));
    }
    match read.value {
        Some(value) if read.diagnostics.is_empty() => Ok(value),
        _ => Err(Diagnostics::new(file, read.diagnostics)),
    }
}

/// The schema violations of a value built in code; the same rules on single values
/// that [`parse`] applies to a file.
pub fn violations_of<T: Serialize + JsonSchema>(value: &T) -> Vec<Violation> {
    match serde_json::to_value(value) {
        Ok(json) => {
            let node = Node::from_json(&json);
            let walked = walk::walk(&schema_of::<T>(), &node);
            walked.violations.into_iter().map(|violation| violation.violation).collect()
        }
        Err(error) => vec![Violation::new(KeyPath::root(), error.to_string())],
    }
}

/// The JSON Schema (draft 2020-12) of a type.
pub fn schema_of<T: JsonSchema>() -> Value {
    schemars::generate::SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

/// The text of a schema file: indented, with a trailing newline.
pub fn schema_text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

struct Read<T> {
    /// The value, if one could be deserialised. If there are diagnostics, it may only
    /// be used to find more of them.
    value: Option<T>,
    diagnostics: Vec<Diagnostic>,
    positions: Positions,
}

fn read<T: DeserializeOwned + JsonSchema>(file: &str, text: &str) -> Read<T> {
    match node::parse(text) {
        Ok(node) => read_node(file, &node),
        Err(violations) => {
            let diagnostics =
                violations.into_iter().map(|violation| violation.in_file(file)).collect();
            Read { value: None, diagnostics, positions: Positions::of(file) }
        }
    }
}

/// The value of a parsed file.
fn read_node<T: DeserializeOwned + JsonSchema>(file: &str, node: &Node) -> Read<T> {
    let mut positions = Positions::of(file);
    let walked = walk::walk(&schema_of::<T>(), node);
    positions.by_path = walked.positions;
    let mut diagnostics: Vec<Diagnostic> =
        walked.violations.into_iter().map(|violation| violation.in_file(file)).collect();
    let value = match walked.value.map(serde_json::from_value::<T>) {
        Some(Ok(value)) => Some(value),
        // The schema accepts nothing that the type refuses; if they ever differ, the
        // caller still gets a diagnostic.
        Some(Err(error)) if diagnostics.is_empty() => {
            diagnostics
                .push(positions.diagnostic(Violation::new(KeyPath::root(), error.to_string())));
            None
        }
        None if diagnostics.is_empty() => {
            diagnostics.push(
                positions.diagnostic(Violation::new(KeyPath::root(), "the file cannot be parsed")),
            );
            None
        }
        _ => None,
    };
    Read { value, diagnostics, positions }
}

#[derive(Clone, Debug)]
struct Positions {
    file: String,
    by_path: HashMap<KeyPath, Position>,
}

impl Positions {
    fn diagnostic(&self, violation: Violation) -> Diagnostic {
        let mut path = violation.path.clone();
        let at = loop {
            if let Some(at) = self.by_path.get(&path) {
                break *at;
            }
            match path.parent() {
                Some(parent) => path = parent,
                None => break Position::START,
            }
        };
        diagnostic::LocatedViolation { at, violation }.in_file(&self.file)
    }
}
