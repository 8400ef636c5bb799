//! What `contract check` finds, and the formats in which it is printed.

use clap::ValueEnum;
use landbridge_core::contract::review::ClassReaders;
use serde::Serialize;

/// The output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people
    #[default]
    Text,
    /// JSON for programs
    Json,
    /// A SARIF 2.1.0 log, for code scanning
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

/// Whether a person must decide something before the change is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Error,
    Warning,
}

/// One finding; its fields are the keys of `--output json`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What kind of change: `new-column`.
    pub(super) rule: &'static str,
    pub(super) file: String,
    pub(super) line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<String>,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) proposal: Option<String>,
    pub(super) readers: Vec<ClassReaders>,
}

/// The rule of statements that cannot be read.
pub(super) const UNREAD: (&str, &str) =
    ("unread-statement", "A statement may change a table, and cannot be read.");

/// The result; its fields are the keys of `--output json`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// Tables that were compared with the contract.
    pub(super) tables: usize,
    /// Their columns.
    pub(super) columns: usize,
    /// Tables and columns that no export contains, each with the reason.
    pub(super) left_out: Vec<String>,
    /// Files that were not read, each with the reason.
    pub(super) not_read: Vec<String>,
}

impl Checked {
    pub(super) fn errors(&self) -> usize {
        self.findings.iter().filter(|it| it.level == Level::Error).count()
    }
}
