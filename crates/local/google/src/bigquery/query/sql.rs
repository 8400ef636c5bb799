//! The tables and views that the names in a query's FROM clauses refer to.

use super::googlesql::TableRef;
use crate::bigquery::names::TableName;
use crate::error::GoogleError;

/// The table or view that a name in a FROM clause refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TableSource {
    Table {
        name: TableName,
        /// The expression after `FOR SYSTEM_TIME AS OF`.
        as_of: Option<String>,
    },
    InformationSchema {
        dataset: String,
        view: String,
    },
}

impl TableSource {
    /// Finds what a name refers to, with the project and dataset that it may leave out.
    ///
    /// # Errors
    /// 400 for a name without a dataset, if there is no default.
    pub(super) fn resolve(
        table: &TableRef,
        project: &str,
        default_dataset: Option<&(String, String)>,
    ) -> Result<Self, GoogleError> {
        let parts: Vec<&str> = table.path.iter().map(String::as_str).collect();
        let as_of = table.as_of.clone();
        let is_information_schema = |part: &str| part.eq_ignore_ascii_case("INFORMATION_SCHEMA");
        match parts.as_slice() {
            [.., dataset, schema, view] if is_information_schema(schema) => {
                Ok(Self::InformationSchema {
                    dataset: (*dataset).to_owned(),
                    view: (*view).to_owned(),
                })
            }
            // Without a dataset, the views of the default dataset, or of the project.
            [schema, view] if is_information_schema(schema) => {
                let default = default_dataset.filter(|_| !view.eq_ignore_ascii_case("SCHEMATA"));
                Ok(Self::InformationSchema {
                    dataset: default.map(|(_, dataset)| dataset.clone()).unwrap_or_default(),
                    view: (*view).to_owned(),
                })
            }
            [project, dataset, table] => {
                Ok(Self::Table { name: TableName::new(project, dataset, table), as_of })
            }
            [dataset, table] => {
                Ok(Self::Table { name: TableName::new(project, dataset, table), as_of })
            }
            [table] => match default_dataset {
                Some((project, dataset)) => {
                    Ok(Self::Table { name: TableName::new(project, dataset, table), as_of })
                }
                None => Err(GoogleError::invalid(format!(
                    "Table \"{table}\" must be qualified with a dataset (e.g. dataset.table)."
                ))),
            },
            other => {
                Err(GoogleError::invalid_query(format!("Invalid table name: {}", other.join("."))))
            }
        }
    }
}
