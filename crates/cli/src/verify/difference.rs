//! The rows in which the source, or the export, and BigQuery differ, and how.

use std::collections::BTreeMap;

use landbridge_core::proof::source::Against;
use serde::Serialize;

/// The rows in which source and BigQuery differ.
#[derive(Debug)]
pub(super) enum Named {
    /// No row differs, or none was searched.
    Nothing,
    /// The first ones, and whether there are more.
    Rows(Vec<NamedRow>, bool),
    /// Rows cannot be named.
    NotPossible(&'static str),
    /// The source could not be read again.
    Failed(String),
}

/// A row that differs.
#[derive(Debug, Serialize)]
pub(super) struct NamedRow {
    /// The values of its key, whose class is `none`.
    pub(super) key: BTreeMap<String, Option<String>>,
    #[serde(flatten)]
    pub(super) difference: Difference,
}

/// How it differs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "difference")]
pub(super) enum Difference {
    /// BigQuery does not have it.
    Missing,
    /// The source does not have it.
    Added,
    /// It is there more or less often.
    Repeated { source: usize, bigquery: usize },
    /// Columns of the class `none` have other values.
    Values { columns: Vec<String> },
}

impl NamedRow {
    /// For people.
    pub(super) fn text(&self, against: Against) -> String {
        let part = |(name, value): (&String, &Option<String>)| {
            format!("{name} = {}", value.as_deref().unwrap_or("NULL"))
        };
        let key: Vec<String> = self.key.iter().map(part).collect();
        let difference = match &self.difference {
            Difference::Missing => "is not in BigQuery".to_owned(),
            Difference::Added => format!("is not in the {against}"),
            Difference::Repeated { source, bigquery } => {
                format!("is {source} times in the {against} and {bigquery} times in BigQuery")
            }
            Difference::Values { columns } => format!("differs in {}", columns.join(", ")),
        };
        format!("row {}: {difference}", key.join(", "))
    }
}
