//! Violations of a file's rules, and diagnostics that show them with their position.

use std::fmt;

/// A position in a file. Lines and columns count from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The start of a file.
    pub const START: Position = Position { line: 1, column: 1 };
}

/// The path from the root of a file to one of its values, displayed as
/// `pii.classes.email.readers[0]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyPath(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Segment {
    Key(String),
    Index(usize),
}

impl KeyPath {
    /// The root of the file.
    pub fn root() -> Self {
        Self::default()
    }

    /// A key of the file's outermost mapping.
    pub fn of(key: impl Into<String>) -> Self {
        Self::root().key(key)
    }

    /// A key of the mapping at this path.
    pub fn key(&self, key: impl Into<String>) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Key(key.into()));
        path
    }

    /// The item at `index` (from 0) of the list at this path.
    pub fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Index(index));
        path
    }

    /// The path of the containing mapping or list; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, parents) = self.0.split_last()?;
        Some(Self(parents.to_vec()))
    }

    /// The last key of the path; `None` for the root and for list items.
    pub fn last_key(&self) -> Option<&str> {
        match self.0.last()? {
            Segment::Key(key) => Some(key),
            Segment::Index(_) => None,
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    // Keys of `tables` contain a dot.
                    if key.contains('.') || key.is_empty() {
                        write!(f, "\"{key}\"")?;
                    } else {
                        f.write_str(key)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A rule that a value violates, without its position in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the value.
    pub path: KeyPath,
    /// What is wrong: a sentence without a full stop.
    pub message: String,
    /// How to correct it.
    pub help: Option<String>,
}

impl Violation {
    /// A violation without help text.
    pub fn new(path: KeyPath, message: impl Into<String>) -> Self {
        Self { path, message: message.into(), help: None }
    }

    /// Adds a help text.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// A violation and its position in the file that is being parsed.
#[derive(Debug)]
pub(super) struct LocatedViolation {
    pub(super) at: Position,
    pub(super) violation: Violation,
}

impl LocatedViolation {
    pub(super) fn in_file(self, file: &str) -> Diagnostic {
        Diagnostic {
            file: file.to_owned(),
            line: self.at.line,
            column: self.at.column,
            path: self.violation.path.to_string(),
            message: self.violation.message,
            help: self.violation.help,
        }
    }
}

/// An error in a file, displayed as
/// `landbridge.yaml:12:3: unknown key `zoen` in `schedule`; did you mean `zone`?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file name given by the caller.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The path of the value, for example `schedule.zone`; empty for the root.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// How to correct it.
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diagnostic { file, line, column, message, .. } = self;
        write!(f, "{file}:{line}:{column}: {message}")?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// All errors in one file, in the order of its lines. Displayed one per line, followed
/// by their number. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    all: Vec<Diagnostic>,
}

impl Diagnostics {
    pub(crate) fn new(file: &str, mut all: Vec<Diagnostic>) -> Self {
        all.sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
        Self { file: file.to_owned(), all }
    }

    /// The diagnostics, sorted by line.
    pub fn all(&self) -> &[Diagnostic] {
        &self.all
    }

    /// The file name given by the caller.
    pub fn file(&self) -> &str {
        &self.file
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.all {
            writeln!(f, "{diagnostic}")?;
        }
        match self.all.len() {
            1 => write!(f, "1 error in {}", self.file),
            count => write!(f, "{count} errors in {}", self.file),
        }
    }
}

impl std::error::Error for Diagnostics {}
