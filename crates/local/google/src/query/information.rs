//! `INFORMATION_SCHEMA` views, as far as somebody who audits policy tags needs them.

use arrow::json::ReaderBuilder;
use serde_json::{Value, json};

use super::provider::MaskedTable;
use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::bigquery::catalog::Rows;
use crate::bigquery::schema::{Field, Kind, Mode, arrow_schema, leaves};
use crate::error::GoogleError;

impl BigQuery {
    /// A view of a dataset, with the rows that `who` may see.
    pub(super) fn information(
        &self,
        who: &Principal,
        dataset: &str,
        view: &str,
    ) -> Result<MaskedTable, GoogleError> {
        if !self.read_access(|it| it.on_dataset(who, dataset, "bigquery.tables.get")) {
            let name = format!("{}:{dataset}.INFORMATION_SCHEMA.{view}", self.project);
            return Err(GoogleError::access_denied(format!(
                "Access Denied: Table {name}: User does not have permission to query table {name}, \
                 or perhaps it does not exist."
            )));
        }
        let catalog = self.catalog();
        let tables = &catalog.dataset(&self.project, dataset)?.tables;
        let mut rows = Vec::new();
        let text = |name: &str| Field::new(name, Kind::String, Mode::Nullable);
        let mut fields = vec![text("table_catalog"), text("table_schema"), text("table_name")];
        let start = |table: &str| json!({"table_catalog": self.project, "table_schema": dataset, "table_name": table});
        match view.to_ascii_uppercase().as_str() {
            "TABLES" => {
                fields.push(text("table_type"));
                for name in tables.keys() {
                    let mut row = start(name);
                    row["table_type"] = json!("BASE TABLE");
                    rows.push(row);
                }
            }
            "COLUMNS" => {
                fields.push(text("column_name"));
                fields.push(Field::new("ordinal_position", Kind::Integer, Mode::Nullable));
                fields.extend([text("is_nullable"), text("data_type")]);
                for (name, table) in tables {
                    for (at, field) in table.fields.iter().enumerate() {
                        let mut row = start(name);
                        row["column_name"] = json!(field.name);
                        row["ordinal_position"] = json!(at + 1);
                        row["is_nullable"] =
                            json!(if field.mode == Mode::Required { "NO" } else { "YES" });
                        row["data_type"] = json!(sql_type(field));
                        rows.push(row);
                    }
                }
            }
            "COLUMN_FIELD_PATHS" => {
                fields.extend([text("column_name"), text("field_path"), text("data_type")]);
                fields.push(text("description"));
                fields.push(Field::new("policy_tags", Kind::String, Mode::Repeated));
                for (name, table) in tables {
                    for (path, field) in leaves(&table.fields) {
                        let mut row = start(name);
                        row["column_name"] = json!(path.split('.').next());
                        row["field_path"] = json!(path);
                        row["data_type"] = json!(sql_type(field));
                        row["description"] =
                            field.resource().get("description").cloned().unwrap_or(Value::Null);
                        row["policy_tags"] = json!(field.tag().into_iter().collect::<Vec<_>>());
                        rows.push(row);
                    }
                }
            }
            _ => {
                return Err(GoogleError::not_found(format!(
                    "Not found: Table {}:{dataset}.INFORMATION_SCHEMA.{view}",
                    self.project
                )));
            }
        }
        let broken = |_| GoogleError::new(500, "internalError", "The view could not be built.");
        let mut decoder = ReaderBuilder::new(arrow_schema(&fields))
            .with_batch_size(rows.len().max(1))
            .build_decoder()
            .map_err(broken)?;
        decoder.serialize(&rows).map_err(broken)?;
        let batches = decoder.flush().map_err(broken)?.into_iter().collect();
        Ok(MaskedTable::open(fields, Rows::new(batches)))
    }
}

/// A type as GoogleSQL writes it.
fn sql_type(field: &Field) -> String {
    let one = match field.kind {
        Kind::Integer => "INT64".to_owned(),
        Kind::Float => "FLOAT64".to_owned(),
        Kind::Boolean => "BOOL".to_owned(),
        Kind::Record => {
            let members: Vec<_> =
                field.fields.iter().map(|it| format!("{} {}", it.name, sql_type(it))).collect();
            format!("STRUCT<{}>", members.join(", "))
        }
        other => other.name().to_owned(),
    };
    if field.mode == Mode::Repeated { format!("ARRAY<{one}>") } else { one }
}
