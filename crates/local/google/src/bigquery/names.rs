//! Names of tables, and of the datasets that the server keeps for itself.

use serde_json::{Value, json};

use crate::error::GoogleError;

/// The dataset in which query results appear as tables.
pub(super) const ANONYMOUS_DATASET: &str = "_anonymous";
/// The prefix of the dataset with the temporary tables of a script. The API refuses to create one.
pub(super) const TEMPORARY_PREFIX: &str = "_script_";

/// Whether a dataset holds temporary tables.
pub(crate) fn is_temporary(dataset: &str) -> bool {
    dataset.starts_with(TEMPORARY_PREFIX)
}

/// A table's name, displayed as `PROJECT:DATASET.TABLE` like in BigQuery's messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableName {
    pub(crate) project: String,
    pub(crate) dataset: String,
    pub(crate) table: String,
}

impl TableName {
    pub(crate) fn new(project: &str, dataset: &str, table: &str) -> Self {
        Self { project: project.into(), dataset: dataset.into(), table: table.into() }
    }

    /// Parses a `tableReference`. `project` is the default project.
    pub(crate) fn parse(reference: &Value, project: &str) -> Result<Self, GoogleError> {
        let text =
            |key: &str| reference.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
        let missing = |key: &str| {
            GoogleError::new(400, "required", format!("Required parameter is missing: {key}"))
        };
        Ok(Self::new(
            text("projectId").unwrap_or(project),
            text("datasetId").ok_or_else(|| missing("datasetId"))?,
            text("tableId").ok_or_else(|| missing("tableId"))?,
        ))
    }

    pub(crate) fn reference(&self) -> Value {
        json!({"projectId": self.project, "datasetId": self.dataset, "tableId": self.table})
    }

    /// Whether a `tableReference` names this table.
    pub(crate) fn is_reference(&self, reference: &Value) -> bool {
        let is = |key: &str, want: &str| reference.get(key).and_then(Value::as_str) == Some(want);
        is("projectId", &self.project)
            && is("datasetId", &self.dataset)
            && is("tableId", &self.table)
    }

    pub(crate) fn not_found(&self) -> GoogleError {
        GoogleError::not_found(format!("Not found: Table {self}"))
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}.{}", self.project, self.dataset, self.table)
    }
}
