//! DROP TABLE, DROP VIEW and DROP SCHEMA.

use serde_json::json;

use super::tokens::Cursor;
use super::{Statement, StatementResult, unknown};
use crate::error::GoogleError;

impl Statement<'_> {
    pub(super) fn drop(&self, cursor: &mut Cursor<'_>) -> Result<StatementResult, GoogleError> {
        let what = cursor.peek_text().to_ascii_uppercase();
        let statement_type = match what.as_str() {
            "TABLE" => "DROP_TABLE",
            "VIEW" => "DROP_VIEW",
            "SCHEMA" => "DROP_SCHEMA",
            _ => return Err(unknown(&format!("the statement DROP {what}"))),
        };
        cursor.next();
        if cursor.is_next(&["FUNCTION"]) {
            return Err(unknown("the statement DROP TABLE FUNCTION"));
        }
        let if_exists = cursor.accepts(&["IF", "EXISTS"]);
        let path = cursor.path()?;
        if what == "SCHEMA" {
            return self.drop_schema(cursor, &path, if_exists);
        }
        self.expect_end(cursor)?;
        let name = self.table_name(&path)?;
        self.server.authorize_on_table(self.caller, &name, "bigquery.tables.delete")?;
        let mut catalog = self.server.catalog();
        let found = catalog.table(&name).map(|it| it.view.is_some());
        let operation = match found {
            Err(error) if error.status == 404 && if_exists => "SKIP",
            Err(error) => return Err(error),
            Ok(is_view) if is_view != (what == "VIEW") => {
                let kind = if is_view { "VIEW" } else { "TABLE" };
                return Err(GoogleError::invalid_query(format!(
                    "Cannot drop {name} which has type {kind}. Use DROP {kind} instead."
                )));
            }
            Ok(_) => {
                if !self.dry_run {
                    if let Some(temporary) = &self.spec.temporary {
                        temporary.forget(&name);
                    }
                    let dataset = catalog.dataset_mut(&name.project, &name.dataset)?;
                    dataset.tables.remove(&name.table);
                }
                "DROP"
            }
        };
        Ok(StatementResult::definition(statement_type, operation, &name))
    }

    fn drop_schema(
        &self,
        cursor: &mut Cursor<'_>,
        path: &[String],
        if_exists: bool,
    ) -> Result<StatementResult, GoogleError> {
        let cascade = cursor.accepts(&["CASCADE"]);
        cursor.accepts(&["RESTRICT"]);
        self.expect_end(cursor)?;
        let (server, id) = (self.server, self.dataset_name(path)?);
        server.authorize_on_dataset(self.caller, &id, "bigquery.datasets.delete")?;
        let mut catalog = server.catalog();
        let operation = match catalog.dataset(&server.project, &id) {
            Err(error) if error.status == 404 && if_exists => "SKIP",
            Err(error) => return Err(error),
            Ok(dataset) if !dataset.tables.is_empty() && !cascade => {
                return Err(GoogleError::new(
                    400,
                    "resourceInUse",
                    format!("Dataset {}:{id} is still in use", server.project),
                ));
            }
            Ok(_) => {
                if !self.dry_run {
                    catalog.datasets.remove(&id);
                }
                "DROP"
            }
        };
        Ok(StatementResult::done(
            "DROP_SCHEMA",
            json!({
                "ddlOperationPerformed": operation,
                "ddlTargetDataset": {"projectId": server.project, "datasetId": id},
            }),
        ))
    }
}
