//! Creating or patching the table, with the policy tags of its columns, before any data.

use landbridge_core::diff::{SchemaChange, TableColumn};
use landbridge_core::{Created, Error, ErrorKind, Result};
use landbridge_gcp::bigquery::TableInfo;

use super::TableLoad;

impl TableLoad<'_> {
    /// Creates or patches the table, and reads the tags back before any row is loaded.
    pub(super) async fn prepare_schema(
        &self,
        change: &SchemaChange,
        description: Option<&str>,
    ) -> Result<()> {
        let dataset = &self.context.config.warehouse.dataset;
        let table = &self.table.table;
        let bigquery = &self.context.gcp.bigquery;
        match change {
            SchemaChange::Unchanged(_) => return Ok(()),
            SchemaChange::Create(columns) => {
                let source = &self.context.config.source.name;
                let created =
                    bigquery.create_table(dataset, table, columns, source, description).await?;
                if created == Created::AlreadyExists {
                    // The next tick compares the table that now exists.
                    return Err(Error::new(
                        ErrorKind::Transient,
                        "a table was created by someone else at the same time",
                        self.name(),
                    ));
                }
            }
            SchemaChange::Patch { columns, .. } => {
                bigquery.patch_table(dataset, table, columns).await?
            }
        }
        match column_with_wrong_tag(&self.read_back().await?, change.columns()) {
            None => Ok(()),
            Some(column) => Err(Error::new(
                ErrorKind::Rejected,
                "BigQuery did not keep a policy tag that was set, so no data is loaded",
                format!("{}.{column}", self.name()),
            )),
        }
    }

    /// The table as it is now.
    pub(super) async fn read_back(&self) -> Result<TableInfo> {
        let dataset = &self.context.config.warehouse.dataset;
        self.context.gcp.bigquery.table(dataset, &self.table.table).await?.ok_or_else(|| {
            Error::new(ErrorKind::Transient, "a table was deleted during its load", self.name())
        })
    }
}

/// The first column that does not have its tag, or, if the contract does not contain it, has none.
pub(super) fn column_with_wrong_tag(state: &TableInfo, columns: &[TableColumn]) -> Option<String> {
    let live = &state.live.columns;
    let wrong = columns.iter().find(|column| {
        let live = live.iter().find(|live| live.name.eq_ignore_ascii_case(&column.name));
        live.is_none_or(|live| live.policy_tag != column.policy_tag)
    });
    let known = |name: &str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    wrong.map(|column| column.name.clone()).or_else(|| {
        let untagged = live.iter().find(|it| !known(&it.name) && it.policy_tag.is_none());
        untagged.map(|it| it.name.clone())
    })
}
