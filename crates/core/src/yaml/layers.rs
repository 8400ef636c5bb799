//! A file whose values are complete only with one of several layers over them, as `databases` in
//! `landbridge.yaml`.
//!
//! Every value keeps its position in the file, whichever layer it comes from, so a diagnostic about a
//! combined file shows the line that a person must change.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::diagnostic::{Diagnostic, Diagnostics, KeyPath, LocatedViolation, Position, Violation};
use super::node::{self, Entry, Node, NodeKind};
use super::{Document, Positions, Read, read_node};

/// A parsed file, before it is checked against a schema.
pub(crate) struct Tree {
    file: String,
    root: Node,
}

/// One layer: an entry of the mapping that contains all of them.
pub(crate) struct Layer<'a> {
    /// Its key.
    pub(crate) name: &'a str,
    entry: &'a Entry,
}

impl Tree {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// It is not YAML, or uses what these files do not support.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Self, Diagnostics> {
        let located = |all: Vec<LocatedViolation>| {
            Diagnostics::new(file, all.into_iter().map(|it| it.in_file(file)).collect())
        };
        let root = node::parse(text).map_err(located)?;
        Ok(Self { file: file.to_owned(), root })
    }

    /// Whether the file's outermost mapping has this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        entries(&self.root).iter().find(|entry| entry.key == key)
    }

    /// The layers below `key`, in the order of the file, each name once.
    ///
    /// # Errors
    /// `key` is no mapping of mappings, has no entry, or has one twice.
    pub(crate) fn layers(&self, key: &str) -> Result<Vec<Layer<'_>>, Vec<Diagnostic>> {
        let Some(outer) = self.entry(key) else { return Ok(Vec::new()) };
        let path = KeyPath::of(key);
        let mut faults = Vec::new();
        let mut first: BTreeMap<&str, &Entry> = BTreeMap::new();
        let mut layers = Vec::new();
        if entries(&outer.value).is_empty() {
            let violation = Violation::new(
                path.clone(),
                format!("`{key}` must be a mapping with at least one name"),
            );
            faults.push(self.at(outer, violation));
        }
        for entry in entries(&outer.value) {
            let path = path.key(&entry.key);
            if let Some(before) = first.insert(&entry.key, entry) {
                let violation =
                    Violation::new(path, format!("duplicate key `{}` in `{key}`", entry.key))
                        .help(format!("remove it, or the one on line {}", before.at.line));
                faults.push(self.at(entry, violation));
                continue;
            }
            if !entry.value.is_null() && !matches!(entry.value.kind, NodeKind::Map(_)) {
                let message = format!(
                    "`{path}` must be a mapping of keys, but is {}",
                    entry.value.description()
                );
                faults.push(self.at(entry, Violation::new(path, message)));
            }
            layers.push(Layer { name: &entry.key, entry });
        }
        if faults.is_empty() { Ok(layers) } else { Err(faults) }
    }

    /// The value with one layer over it, and what is wrong in it. A key of a section in the layer replaces
    /// the same key of the section in the file; a key that is no mapping replaces the file's. `outer` (the
    /// layers themselves) and the keys in `own` are no part of the value.
    pub(crate) fn with_layer<T: DeserializeOwned + JsonSchema>(
        &self,
        layer: &Layer<'_>,
        outer: &str,
        own: &[&str],
        check: impl FnOnce(&T) -> Vec<Violation>,
    ) -> Result<Document<T>, Vec<Diagnostic>> {
        let over: Vec<&Entry> = entries(&layer.entry.value)
            .iter()
            .filter(|it| !own.contains(&it.key.as_str()))
            .collect();
        let base = entries(&self.root).iter().filter(|it| it.key != outer);
        let mut combined: Vec<Entry> = base.map(|it| overlaid(it, &over)).collect();
        let is_new = |it: &&&Entry| combined.iter().all(|base| base.key != it.key);
        let new: Vec<Entry> = over.iter().filter(is_new).map(|it| (*it).clone()).collect();
        combined.extend(new);
        let root = Node { at: self.root.at, kind: NodeKind::Map(combined) };
        let Read { value, mut diagnostics, positions } = read_node::<T>(&self.file, &root);
        if let Some(value) = &value {
            diagnostics.extend(check(value).into_iter().map(|it| positions.diagnostic(it)));
        }
        match value {
            Some(value) if diagnostics.is_empty() => Ok(Document { value, positions }),
            _ => Err(diagnostics),
        }
    }

    /// A violation at the key of a layer.
    pub(crate) fn at_layer(&self, layer: &Layer<'_>, violation: Violation) -> Diagnostic {
        self.at(layer.entry, violation)
    }

    /// A violation at a key of a layer, or at a key of one of its sections.
    pub(crate) fn in_layer(
        &self,
        layer: &Layer<'_>,
        path: [&str; 2],
        violation: Violation,
    ) -> Diagnostic {
        let [section, key] = path;
        let of = |node: &'_ Node, key: &str| {
            entries(node).iter().find(|it| it.key == key).map(|it| it.at)
        };
        let inner = entries(&layer.entry.value).iter().find(|it| it.key == section);
        let at = inner.and_then(|it| of(&it.value, key)).or(inner.map(|it| it.at));
        LocatedViolation { at: at.unwrap_or(layer.entry.at), violation }.in_file(&self.file)
    }

    /// A violation at a key of the file's outermost mapping, or at the start of a file without it.
    pub(crate) fn at_key(&self, key: &str, violation: Violation) -> Diagnostic {
        let at = self.entry(key).map_or(Position::START, |it| it.at);
        LocatedViolation { at, violation }.in_file(&self.file)
    }

    /// The text of a key in a section of the file.
    pub(crate) fn text_at(&self, section: &str, key: &str) -> Option<&str> {
        text_of(entries(&self.entry(section)?.value), key)
    }

    fn at(&self, entry: &Entry, violation: Violation) -> Diagnostic {
        LocatedViolation { at: entry.at, violation }.in_file(&self.file)
    }
}

impl<'a> Layer<'a> {
    /// The keys of the layer, each with the keys of its mapping, in the order of the file.
    pub(crate) fn keys(&self) -> Vec<(&'a str, Vec<&'a str>)> {
        let inner =
            |entry: &'a Entry| entries(&entry.value).iter().map(|it| it.key.as_str()).collect();
        entries(&self.entry.value).iter().map(|it| (it.key.as_str(), inner(it))).collect()
    }

    /// Whether the layer has this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        entries(&self.entry.value).iter().any(|it| it.key == key)
    }

    /// The text of a key of the layer; `None` if it is missing or no text.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        text_of(entries(&self.entry.value), key)
    }

    /// The text of a key in a section of the layer.
    pub(crate) fn text_in(&self, section: &str, key: &str) -> Option<&'a str> {
        let section = entries(&self.entry.value).iter().find(|it| it.key == section)?;
        text_of(entries(&section.value), key)
    }
}

fn text_of<'a>(entries: &'a [Entry], key: &str) -> Option<&'a str> {
    match &entries.iter().find(|it| it.key == key)?.value.kind {
        NodeKind::Scalar { value, text } if value.is_string() => Some(text),
        _ => None,
    }
}

/// The entries of a mapping; none of another value.
fn entries(node: &Node) -> &[Entry] {
    match &node.kind {
        NodeKind::Map(entries) => entries,
        _ => &[],
    }
}

/// An entry of the file with what the layer says of its key.
fn overlaid(base: &Entry, over: &[&Entry]) -> Entry {
    let Some(layer) = over.iter().find(|it| it.key == base.key) else { return base.clone() };
    let (NodeKind::Map(below), NodeKind::Map(above)) = (&base.value.kind, &layer.value.kind) else {
        return (*layer).clone();
    };
    let kept = below.iter().filter(|it| above.iter().all(|over| over.key != it.key));
    let all = kept.chain(above).cloned().collect();
    Entry {
        key: base.key.clone(),
        at: layer.at,
        value: Node { at: layer.value.at, kind: NodeKind::Map(all) },
    }
}

impl Positions {
    /// The positions of a file without values.
    pub(super) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), by_path: std::collections::HashMap::new() }
    }
}
