//! `INFORMATION_SCHEMA` views and `__TABLES__` (Google's documentation, "Introduction to
//! INFORMATION_SCHEMA" and the pages of each view). A view has the columns that say something about these
//! servers, so a query that names another column is refused.

use arrow::json::ReaderBuilder;
use serde_json::{Map, Value, json};

use super::masked_table::MaskedTable;
use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::bigquery::catalog::{Catalog, Dataset, Table};
use crate::bigquery::names::TableName;
use crate::bigquery::rows::TableRows;
use crate::bigquery::schema::{Field, FieldMode, FieldType, arrow_schema};
use crate::bigquery::settings::int64;
use crate::bigquery::statements::{quoted_name, sql_type_name, text_literal};
use crate::error::GoogleError;

/// A view's own fields and its rows.
type View = (Vec<Field>, Vec<Value>);

/// The tables that a view describes: dataset, id, table.
type Described<'a> = (&'a str, &'a str, &'a Table);

impl BigQuery {
    /// A view of a dataset or, with an empty dataset or a region (`region-us`), of the project.
    ///
    /// # Errors
    /// 403 unless `caller` may read the dataset's tables, 404 for an unknown dataset or view.
    pub(super) fn information_schema(
        &self,
        caller: &Principal,
        dataset: &str,
        view: &str,
    ) -> Result<MaskedTable, GoogleError> {
        let may_list = |id: &str| {
            !crate::bigquery::names::is_temporary(id)
                && self.with_access(|it| it.allows_on_dataset(caller, id, "bigquery.tables.get"))
        };
        let of_project = dataset.is_empty() || dataset.to_lowercase().starts_with("region-");
        let name = format!("{}:{dataset}.INFORMATION_SCHEMA.{view}", self.project);
        if !of_project && !may_list(dataset) {
            return Err(GoogleError::access_denied(format!(
                "Access Denied: Table {name}: User does not have permission to query table {name}, \
                 or perhaps it does not exist."
            )));
        }
        let catalog = self.catalog();
        let view = view.to_ascii_uppercase();
        let rows_of = |rows: View| table_of(rows.0, &rows.1);
        if view == "SCHEMATA" || view == "SCHEMATA_OPTIONS" {
            let visible: Vec<(&String, &Dataset)> =
                catalog.datasets.iter().filter(|(id, _)| may_list(id)).collect();
            return rows_of(match view.as_str() {
                "SCHEMATA" => schemata_view(&self.project, &visible),
                _ => schemata_options_view(&self.project, &visible),
            });
        }
        let described: Vec<Described<'_>> = if of_project {
            described(&catalog, &may_list)
        } else {
            let tables = &catalog.dataset(&self.project, dataset)?.tables;
            tables.iter().map(|(id, table)| (dataset, id.as_str(), table)).collect()
        };
        let new_row = |it: &Described<'_>| json!({"table_catalog": self.project, "table_schema": it.0, "table_name": it.1});
        let (view_fields, rows) = match view.as_str() {
            "TABLES" => tables_view(&described, new_row, &self.project),
            "COLUMNS" => columns_view(&described, new_row),
            "COLUMN_FIELD_PATHS" => column_field_paths_view(&described, new_row),
            "VIEWS" => views_view(&described, new_row),
            "TABLE_OPTIONS" => table_options_view(&described, new_row),
            "PARTITIONS" if of_project => {
                return Err(GoogleError::invalid(
                    "INFORMATION_SCHEMA.PARTITIONS must be qualified with a dataset.",
                ));
            }
            "PARTITIONS" => partitions_view(&described, new_row)?,
            // There are no materialized views here.
            "MATERIALIZED_VIEWS" => (vec![text_field("last_refresh_time")], Vec::new()),
            _ => {
                return Err(GoogleError::not_found(format!(
                    "Not found: Table {name}. The local warehouse knows the views TABLES, COLUMNS, \
                     COLUMN_FIELD_PATHS, VIEWS, TABLE_OPTIONS, PARTITIONS, MATERIALIZED_VIEWS, SCHEMATA \
                     and SCHEMATA_OPTIONS."
                )));
            }
        };
        let mut fields = ["table_catalog", "table_schema", "table_name"].map(text_field).to_vec();
        fields.extend(view_fields);
        table_of(fields, &rows)
    }

    /// `dataset.__TABLES__`: one row per table or view.
    pub(super) fn meta_tables(
        &self,
        caller: &Principal,
        name: &TableName,
    ) -> Result<MaskedTable, GoogleError> {
        self.authorize_read(caller, name, None)?;
        let catalog = self.catalog();
        let dataset = catalog.dataset(&name.project, &name.dataset)?;
        let fields = vec![
            text_field("project_id"),
            text_field("dataset_id"),
            text_field("table_id"),
            number_field("creation_time"),
            number_field("last_modified_time"),
            number_field("row_count"),
            number_field("size_bytes"),
            number_field("type"),
        ];
        let rows: Vec<Value> = (dataset.tables.iter())
            .map(|(id, table)| {
                json!({
                    "project_id": name.project,
                    "dataset_id": name.dataset,
                    "table_id": id,
                    "creation_time": table.created().as_millisecond(),
                    "last_modified_time": table.modified().as_millisecond(),
                    "row_count": table.rows.row_count,
                    "size_bytes": table.rows.logical_bytes,
                    "type": if table.view.is_some() { 2 } else { 1 },
                })
            })
            .collect();
        table_of(fields, &rows)
    }
}

fn described<'a>(catalog: &'a Catalog, may_list: &dyn Fn(&str) -> bool) -> Vec<Described<'a>> {
    (catalog.datasets.iter().filter(|(id, _)| may_list(id)))
        .flat_map(|(dataset, it)| {
            it.tables.iter().map(move |(id, table)| (dataset.as_str(), id.as_str(), table))
        })
        .collect()
}

fn table_of(fields: Vec<Field>, rows: &[Value]) -> Result<MaskedTable, GoogleError> {
    let internal_error = |_| GoogleError::new(500, "internalError", "The view could not be built.");
    let mut decoder = ReaderBuilder::new(arrow_schema(&fields))
        .with_batch_size(rows.len().max(1))
        .build_decoder()
        .map_err(internal_error)?;
    decoder.serialize(rows).map_err(internal_error)?;
    let batches = decoder.flush().map_err(internal_error)?.into_iter().collect();
    Ok(MaskedTable::unmasked(fields, TableRows::new(batches)))
}

fn schemata_view(project: &str, datasets: &[(&String, &Dataset)]) -> View {
    let fields = vec![
        text_field("catalog_name"),
        text_field("schema_name"),
        time_field("creation_time"),
        time_field("last_modified_time"),
        text_field("location"),
        text_field("ddl"),
    ];
    let rows = (datasets.iter())
        .map(|(id, dataset)| {
            let (created, modified) = dataset.times();
            json!({
                "catalog_name": project,
                "schema_name": id,
                "creation_time": created.to_string(),
                "last_modified_time": modified.to_string(),
                "location": dataset.location,
                "ddl": format!("CREATE SCHEMA `{project}.{id}`\nOPTIONS(\n  location={}\n);",
                    text_literal(&dataset.location)),
            })
        })
        .collect();
    (fields, rows)
}

fn schemata_options_view(project: &str, datasets: &[(&String, &Dataset)]) -> View {
    let fields = ["catalog_name", "schema_name", "option_name", "option_type", "option_value"]
        .map(text_field);
    let mut rows = Vec::new();
    for (id, dataset) in datasets {
        for (name, ty, value) in options(&dataset.properties) {
            rows.push(json!({
                "catalog_name": project, "schema_name": id, "option_name": name, "option_type": ty,
                "option_value": value,
            }));
        }
    }
    (fields.to_vec(), rows)
}

fn tables_view(
    tables: &[Described<'_>],
    new_row: impl Fn(&Described<'_>) -> Value,
    project: &str,
) -> View {
    let fields = vec![
        text_field("table_type"),
        text_field("is_insertable_into"),
        text_field("is_typed"),
        time_field("creation_time"),
        text_field("ddl"),
    ];
    let mut rows = Vec::new();
    for it @ (dataset, id, table) in tables {
        let mut row = new_row(it);
        let is_view = table.view.is_some();
        row["table_type"] = json!(if is_view { "VIEW" } else { "BASE TABLE" });
        row["is_insertable_into"] = json!(if is_view { "NO" } else { "YES" });
        row["is_typed"] = json!("NO");
        row["creation_time"] = json!(table.created().to_string());
        row["ddl"] = json!(ddl(&format!("{project}.{dataset}.{id}"), table));
        rows.push(row);
    }
    (fields, rows)
}

/// The statement that creates a table or a view without its rows and options.
fn ddl(name: &str, table: &Table) -> String {
    if let Some(view) = &table.view {
        return format!("CREATE VIEW `{name}`\nAS {};", view.query);
    }
    let columns: Vec<String> = (table.fields.iter())
        .map(|it| {
            let required = if it.mode == FieldMode::Required { " NOT NULL" } else { "" };
            format!("  {} {}{required}", quoted_name(&it.name), sql_type_name(it))
        })
        .collect();
    format!("CREATE TABLE `{name}`\n(\n{}\n);", columns.join(",\n"))
}

fn partitions_view(
    tables: &[Described<'_>],
    new_row: impl Fn(&Described<'_>) -> Value,
) -> Result<View, GoogleError> {
    let fields = vec![
        text_field("partition_id"),
        number_field("total_rows"),
        number_field("total_logical_bytes"),
        time_field("last_modified_time"),
    ];
    let mut rows = Vec::new();
    for it @ (_, _, table) in tables.iter().filter(|(_, _, table)| table.view.is_none()) {
        for (id, count, bytes) in super::partitions::partitions(table)? {
            let mut row = new_row(it);
            row["partition_id"] = json!(id);
            row["total_rows"] = json!(count);
            row["total_logical_bytes"] = json!(bytes);
            row["last_modified_time"] = json!(table.modified().to_string());
            rows.push(row);
        }
    }
    Ok((fields, rows))
}

fn columns_view(tables: &[Described<'_>], new_row: impl Fn(&Described<'_>) -> Value) -> View {
    let fields = vec![
        text_field("column_name"),
        number_field("ordinal_position"),
        text_field("is_nullable"),
        text_field("data_type"),
        text_field("is_generated"),
        text_field("is_hidden"),
        text_field("is_system_defined"),
        text_field("is_partitioning_column"),
        number_field("clustering_ordinal_position"),
        text_field("column_default"),
    ];
    let mut rows = Vec::new();
    for it @ (_, _, table) in tables {
        let layout = Value::Object(table.properties.clone());
        let partition = ["/timePartitioning/field", "/rangePartitioning/field"];
        let partition = partition.iter().find_map(|it| layout.pointer(it)).and_then(Value::as_str);
        let clustering = layout.pointer("/clustering/fields").and_then(Value::as_array);
        for (at, field) in table.fields.iter().enumerate() {
            let mut row = new_row(it);
            let is_partition = partition.is_some_and(|it| it.eq_ignore_ascii_case(&field.name));
            let clustered = clustering.and_then(|it| {
                it.iter().position(|it| {
                    it.as_str().is_some_and(|it| it.eq_ignore_ascii_case(&field.name))
                })
            });
            row["column_name"] = json!(field.name);
            row["ordinal_position"] = json!(at + 1);
            row["is_nullable"] =
                json!(if field.mode == FieldMode::Required { "NO" } else { "YES" });
            row["data_type"] = json!(sql_type_name(field));
            row["is_generated"] = json!("NEVER");
            row["is_hidden"] = json!("NO");
            row["is_system_defined"] = json!("NO");
            row["is_partitioning_column"] = json!(if is_partition { "YES" } else { "NO" });
            row["clustering_ordinal_position"] = json!(clustered.map(|it| it + 1));
            let default = field.properties.get("defaultValueExpression");
            row["column_default"] = default.cloned().unwrap_or_else(|| json!("NULL"));
            rows.push(row);
        }
    }
    (fields, rows)
}

fn column_field_paths_view(
    tables: &[Described<'_>],
    new_row: impl Fn(&Described<'_>) -> Value,
) -> View {
    let mut fields =
        ["column_name", "field_path", "data_type", "description"].map(text_field).to_vec();
    fields.push(Field::new("policy_tags", FieldType::String, FieldMode::Repeated));
    let mut rows = Vec::new();
    for it @ (_, _, table) in tables {
        for column in &table.fields {
            for (path, field) in field_paths(column) {
                let mut row = new_row(it);
                row["column_name"] = json!(column.name);
                row["field_path"] = json!(path);
                row["data_type"] = json!(sql_type_name(field));
                row["description"] =
                    field.properties.get("description").cloned().unwrap_or(Value::Null);
                row["policy_tags"] = json!(field.tag().into_iter().collect::<Vec<_>>());
                rows.push(row);
            }
        }
    }
    (fields, rows)
}

/// A column and all members in it, with their paths.
fn field_paths(field: &Field) -> Vec<(String, &Field)> {
    let mut found = vec![(field.name.clone(), field)];
    for member in &field.fields {
        let below = field_paths(member);
        found.extend(below.into_iter().map(|(path, it)| (format!("{}.{path}", field.name), it)));
    }
    found
}

fn views_view(tables: &[Described<'_>], new_row: impl Fn(&Described<'_>) -> Value) -> View {
    let fields = ["view_definition", "check_option", "use_standard_sql"].map(text_field).to_vec();
    let mut rows = Vec::new();
    for it @ (_, _, table) in tables {
        let Some(view) = &table.view else { continue };
        let mut row = new_row(it);
        row["view_definition"] = json!(view.query);
        row["use_standard_sql"] = json!("YES");
        rows.push(row);
    }
    (fields, rows)
}

fn table_options_view(tables: &[Described<'_>], new_row: impl Fn(&Described<'_>) -> Value) -> View {
    let fields = ["option_name", "option_type", "option_value"].map(text_field).to_vec();
    let mut rows = Vec::new();
    for it @ (_, _, table) in tables {
        for (name, ty, value) in options(&table.properties) {
            let mut row = new_row(it);
            (row["option_name"], row["option_type"]) = (json!(name), json!(ty));
            row["option_value"] = json!(value);
            rows.push(row);
        }
    }
    (fields, rows)
}

/// The options of a table or dataset: name, type, and value as SQL.
fn options(properties: &Map<String, Value>) -> Vec<(&'static str, &'static str, String)> {
    let mut found = Vec::new();
    for (key, name) in [("description", "description"), ("friendlyName", "friendly_name")] {
        if let Some(text) = properties.get(key).and_then(Value::as_str) {
            found.push((
                name,
                "STRING",
                format!(
                    "\"{}\"",
                    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
                ),
            ));
        }
    }
    if let Some(labels) = properties.get("labels").and_then(Value::as_object)
        && !labels.is_empty()
    {
        let pairs: Vec<String> = (labels.iter())
            .map(|(key, value)| {
                format!("STRUCT(\"{key}\", \"{}\")", value.as_str().unwrap_or_default())
            })
            .collect();
        found.push(("labels", "ARRAY<STRUCT<STRING, STRING>>", format!("[{}]", pairs.join(", "))));
    }
    let millis = properties.get("expirationTime").and_then(int64);
    if let Some(time) = millis.and_then(|it| jiff::Timestamp::from_millisecond(it).ok()) {
        found.push(("expiration_timestamp", "TIMESTAMP", format!("TIMESTAMP \"{time}\"")));
    }
    if properties.get("requirePartitionFilter").and_then(Value::as_bool) == Some(true) {
        found.push(("require_partition_filter", "BOOL", "true".to_owned()));
    }
    found
}

fn text_field(name: &str) -> Field {
    Field::new(name, FieldType::String, FieldMode::Nullable)
}

fn number_field(name: &str) -> Field {
    Field::new(name, FieldType::Integer, FieldMode::Nullable)
}

fn time_field(name: &str) -> Field {
    Field::new(name, FieldType::Timestamp, FieldMode::Nullable)
}
