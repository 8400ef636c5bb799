//! Files that people write, read with care: every fault is told at once, each
//! with its line and with what was probably meant.
//!
//! A file is parsed into nodes that remember their place, walked against the
//! JSON Schema of the Rust type it should become, deserialised, and then
//! checked by the type's own rules. A later step runs on whatever survived the
//! earlier ones, so that one misspelt key doesn't hide a wrong region.
//!
//! | module | what it does |
//! |---|---|
//! | here | [`parse`], [`parse_checked`], [`schema_of`] |
//! | `fault` | [`Diagnostic`], [`Diagnostics`], [`Violation`], [`KeyPath`] |
//! | `node` | text → nodes with places |
//! | `walk` | nodes against a schema |
//! | [`format`] | the shapes of single values: identifiers that a cloud restricts |
//! | `nearest` | what was probably meant |

mod fault;
pub(crate) mod format;
mod nearest;
mod node;
mod walk;

#[cfg(test)]
mod tests;

pub use fault::{Diagnostic, Diagnostics, KeyPath, Position, Violation};
pub use nearest::nearest;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use node::Node;

/// A file that was read: its value, and where each part of it stands.
#[derive(Clone, Debug)]
pub struct Document<T> {
    value: T,
    places: Places,
}

impl<T> Document<T> {
    /// What the file says.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// What the file says, without the places.
    pub fn into_value(self) -> T {
        self.value
    }

    /// The problem as a fault of this file, with the line of its path, or of
    /// the nearest parent that the file writes out.
    pub fn fault(&self, problem: Violation) -> Diagnostic {
        self.places.fault(problem)
    }
}

/// Reads `text` as a `T`. `file` is only used to name the file in faults.
///
/// # Errors
/// Every departure from the schema of `T`, sorted by line.
pub fn parse<T: DeserializeOwned + JsonSchema>(
    file: &str,
    text: &str,
) -> Result<Document<T>, Diagnostics> {
    let read = read::<T>(file, text);
    match read.value {
        Some(value) if read.faults.is_empty() => Ok(Document { value, places: read.places }),
        _ => Err(Diagnostics::new(file, read.faults)),
    }
}

/// Reads `text` as a `T` and checks it by `check`, which sees the value also
/// when the schema found lesser faults (an unknown key, a malformed
/// identifier): what it says is reported along with them.
///
/// # Errors
/// Every fault of both kinds, sorted by line.
pub fn parse_checked<T: DeserializeOwned + JsonSchema>(
    file: &str,
    text: &str,
    check: impl FnOnce(&T) -> Vec<Violation>,
) -> Result<T, Diagnostics> {
    let mut read = read::<T>(file, text);
    if let Some(value) = &read.value {
        let problems = check(value);
        read.faults.extend(problems.into_iter().map(|problem| read.places.fault(problem)));
    }
    match read.value {
        Some(value) if read.faults.is_empty() => Ok(value),
        _ => Err(Diagnostics::new(file, read.faults)),
    }
}

/// The departures of a value made in code from its own schema: the rules on
/// single values, as [`parse`] applies them to a file.
pub fn violations_of<T: Serialize + JsonSchema>(value: &T) -> Vec<Violation> {
    match serde_json::to_value(value) {
        Ok(json) => {
            let node = Node::from_json(&json);
            let walked = walk::walk(&schema_of::<T>(), &node);
            walked.found.into_iter().map(|found| found.problem).collect()
        }
        Err(error) => vec![Violation::new(KeyPath::root(), error.to_string())],
    }
}

/// The JSON Schema (draft 2020-12) of a type.
pub fn schema_of<T: JsonSchema>() -> Value {
    schemars::generate::SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

/// The text of a schema file: pretty, with a newline at its end.
pub fn schema_text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

struct Read<T> {
    /// What could be made of the file; with faults present it is only good
    /// for finding more of them.
    value: Option<T>,
    faults: Vec<Diagnostic>,
    places: Places,
}

fn read<T: DeserializeOwned + JsonSchema>(file: &str, text: &str) -> Read<T> {
    let mut places = Places { file: file.to_owned(), of: HashMap::new() };
    let node = match node::parse(text) {
        Ok(node) => node,
        Err(found) => {
            let faults = found.into_iter().map(|found| found.in_file(file)).collect();
            return Read { value: None, faults, places };
        }
    };
    let walked = walk::walk(&schema_of::<T>(), &node);
    places.of = walked.places;
    let mut faults: Vec<Diagnostic> =
        walked.found.into_iter().map(|found| found.in_file(file)).collect();
    let value = match walked.value.map(serde_json::from_value::<T>) {
        Some(Ok(value)) => Some(value),
        // The schema lets nothing through that the type refuses; should the
        // two ever part, this still ends in a sentence.
        Some(Err(error)) if faults.is_empty() => {
            faults.push(places.fault(Violation::new(KeyPath::root(), error.to_string())));
            None
        }
        None if faults.is_empty() => {
            faults.push(places.fault(Violation::new(KeyPath::root(), "the file cannot be read")));
            None
        }
        _ => None,
    };
    Read { value, faults, places }
}

#[derive(Clone, Debug)]
struct Places {
    file: String,
    of: HashMap<KeyPath, Position>,
}

impl Places {
    fn fault(&self, problem: Violation) -> Diagnostic {
        let mut path = problem.path.clone();
        let at = loop {
            if let Some(at) = self.of.get(&path) {
                break *at;
            }
            match path.parent() {
                Some(parent) => path = parent,
                None => break Position::START,
            }
        };
        fault::LocatedViolation { at, problem }.in_file(&self.file)
    }
}
