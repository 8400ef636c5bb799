//! The `INFORMATION_SCHEMA` views that an audit of policy tags needs: `TABLES`, `COLUMNS` and
//! `COLUMN_FIELD_PATHS`.

use std::collections::BTreeMap;

use arrow::json::ReaderBuilder;
use serde_json::{Value, json};

use super::masked_table::MaskedTable;
use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::bigquery::catalog::{Table, TableRows};
use crate::bigquery::schema::{Field, FieldMode, FieldType, arrow_schema, leaf_fields};
use crate::error::GoogleError;

impl BigQuery {
    /// A view of a dataset.
    ///
    /// # Errors
    /// 403 unless `caller` may read the dataset's tables, 404 for an unknown dataset or view.
    pub(super) fn information_schema(
        &self,
        caller: &Principal,
        dataset: &str,
        view: &str,
    ) -> Result<MaskedTable, GoogleError> {
        if !self.with_access(|it| it.allows_on_dataset(caller, dataset, "bigquery.tables.get")) {
            let name = format!("{}:{dataset}.INFORMATION_SCHEMA.{view}", self.project);
            return Err(GoogleError::access_denied(format!(
                "Access Denied: Table {name}: User does not have permission to query table {name}, \
                 or perhaps it does not exist."
            )));
        }
        let catalog = self.catalog();
        let tables = &catalog.dataset(&self.project, dataset)?.tables;
        let new_row = |table: &str| json!({"table_catalog": self.project, "table_schema": dataset, "table_name": table});
        let (view_fields, rows) = match view.to_ascii_uppercase().as_str() {
            "TABLES" => tables_view(tables, new_row),
            "COLUMNS" => columns_view(tables, new_row),
            "COLUMN_FIELD_PATHS" => column_field_paths_view(tables, new_row),
            _ => {
                return Err(GoogleError::not_found(format!(
                    "Not found: Table {}:{dataset}.INFORMATION_SCHEMA.{view}",
                    self.project
                )));
            }
        };
        let mut fields = ["table_catalog", "table_schema", "table_name"].map(text_field).to_vec();
        fields.extend(view_fields);
        let internal_error =
            |_| GoogleError::new(500, "internalError", "The view could not be built.");
        let mut decoder = ReaderBuilder::new(arrow_schema(&fields))
            .with_batch_size(rows.len().max(1))
            .build_decoder()
            .map_err(internal_error)?;
        decoder.serialize(&rows).map_err(internal_error)?;
        let batches = decoder.flush().map_err(internal_error)?.into_iter().collect();
        Ok(MaskedTable::unmasked(fields, TableRows::new(batches)))
    }
}

/// A view's own fields and its rows.
type View = (Vec<Field>, Vec<Value>);

fn tables_view(tables: &BTreeMap<String, Table>, new_row: impl Fn(&str) -> Value) -> View {
    let mut rows = Vec::new();
    for name in tables.keys() {
        let mut row = new_row(name);
        row["table_type"] = json!("BASE TABLE");
        rows.push(row);
    }
    (vec![text_field("table_type")], rows)
}

fn columns_view(tables: &BTreeMap<String, Table>, new_row: impl Fn(&str) -> Value) -> View {
    let fields = vec![
        text_field("column_name"),
        Field::new("ordinal_position", FieldType::Integer, FieldMode::Nullable),
        text_field("is_nullable"),
        text_field("data_type"),
    ];
    let mut rows = Vec::new();
    for (name, table) in tables {
        for (at, field) in table.fields.iter().enumerate() {
            let mut row = new_row(name);
            row["column_name"] = json!(field.name);
            row["ordinal_position"] = json!(at + 1);
            row["is_nullable"] =
                json!(if field.mode == FieldMode::Required { "NO" } else { "YES" });
            row["data_type"] = json!(sql_type(field));
            rows.push(row);
        }
    }
    (fields, rows)
}

fn column_field_paths_view(
    tables: &BTreeMap<String, Table>,
    new_row: impl Fn(&str) -> Value,
) -> View {
    let mut fields =
        ["column_name", "field_path", "data_type", "description"].map(text_field).to_vec();
    fields.push(Field::new("policy_tags", FieldType::String, FieldMode::Repeated));
    let mut rows = Vec::new();
    for (name, table) in tables {
        for (path, field) in leaf_fields(&table.fields) {
            let mut row = new_row(name);
            row["column_name"] = json!(path.split('.').next());
            row["field_path"] = json!(path);
            row["data_type"] = json!(sql_type(field));
            row["description"] =
                field.resource().get("description").cloned().unwrap_or(Value::Null);
            row["policy_tags"] = json!(field.tag().into_iter().collect::<Vec<_>>());
            rows.push(row);
        }
    }
    (fields, rows)
}

fn text_field(name: &str) -> Field {
    Field::new(name, FieldType::String, FieldMode::Nullable)
}

/// The GoogleSQL name of a field's type.
fn sql_type(field: &Field) -> String {
    let base = match field.field_type {
        FieldType::Integer => "INT64".to_owned(),
        FieldType::Float => "FLOAT64".to_owned(),
        FieldType::Boolean => "BOOL".to_owned(),
        FieldType::Record => {
            let members: Vec<_> =
                field.fields.iter().map(|it| format!("{} {}", it.name, sql_type(it))).collect();
            format!("STRUCT<{}>", members.join(", "))
        }
        other => other.name().to_owned(),
    };
    if field.mode == FieldMode::Repeated { format!("ARRAY<{base}>") } else { base }
}
