//! ALTER TABLE, ALTER VIEW and ALTER SCHEMA.

use serde_json::{Value, json};

use super::columns::parse_column;
use super::create::schema_properties;
use super::options::{Options, set_description};
use super::tokens::Cursor;
use super::{Statement, StatementResult, unknown};
use crate::bigquery::catalog::Table;
use crate::bigquery::check_labels;
use crate::bigquery::names::TableName;
use crate::bigquery::schema::{Field, FieldMode, check_field_name, find_field, is_same_name};
use crate::bigquery::tables::{check_layout, check_table_id};
use crate::error::GoogleError;

impl Statement<'_> {
    pub(super) async fn alter(
        &self,
        cursor: &mut Cursor<'_>,
    ) -> Result<StatementResult, GoogleError> {
        let what = cursor.peek_text().to_ascii_uppercase();
        if !["TABLE", "VIEW", "SCHEMA"].contains(&what.as_str()) {
            return Err(unknown(&format!("the statement ALTER {what}")));
        }
        cursor.next();
        let if_exists = cursor.accepts(&["IF", "EXISTS"]);
        let path = cursor.path()?;
        if what == "SCHEMA" {
            return self.alter_schema(cursor, &path, if_exists);
        }
        let statement_type = if what == "VIEW" { "ALTER_VIEW" } else { "ALTER_TABLE" };
        let name = self.table_name(&path)?;
        self.server.authorize_on_table(self.caller, &name, "bigquery.tables.update")?;
        let found = self.server.catalog().table(&name).cloned();
        let before = match found {
            Err(error) if error.status == 404 && if_exists => {
                return Ok(StatementResult::definition(statement_type, "SKIP", &name));
            }
            other => other?,
        };
        if before.view.is_some() != (what == "VIEW") {
            return Err(GoogleError::invalid_query(format!(
                "ALTER {what} cannot change {name}, which is a {}.",
                if before.view.is_some() { "view" } else { "table" }
            )));
        }
        if cursor.accepts(&["RENAME", "TO"]) {
            let new = cursor.name()?;
            self.expect_end(cursor)?;
            self.rename_table(&name, new)?;
            return Ok(StatementResult::definition(statement_type, "ALTER", &name));
        }
        let mut table = before.clone();
        if cursor.accepts(&["SET"]) {
            let options = Options::parse(cursor)?;
            self.set_options(&mut table, &options).await?;
        } else {
            loop {
                self.change_column(cursor, &mut table)?;
                if !cursor.accepts(&[","]) {
                    break;
                }
            }
        }
        self.expect_end(cursor)?;
        check_labels(&table.properties)?;
        check_layout(&table.fields, &Value::Object(table.properties.clone()))?;
        if !self.dry_run {
            self.put_changed(&name, &before, table)?;
        }
        Ok(StatementResult::definition(statement_type, "ALTER", &name))
    }

    async fn set_options(&self, table: &mut Table, options: &Options) -> Result<(), GoogleError> {
        options.check_known(&[
            "description",
            "friendly_name",
            "labels",
            "expiration_timestamp",
            "partition_expiration_days",
            "require_partition_filter",
            "kms_key_name",
        ])?;
        self.set_table_options(&mut table.properties, options).await
    }

    /// Stores a changed table, unless it was changed in the meantime.
    fn put_changed(
        &self,
        name: &TableName,
        before: &Table,
        mut changed: Table,
    ) -> Result<(), GoogleError> {
        let now = self.server.clock.now();
        let limit = self.server.metadata_update_limit;
        let mut catalog = self.server.catalog();
        let table = catalog.table_mut(name)?;
        if table.version() != before.version() {
            return Err(super::dml::concurrent_update(name));
        }
        table.count_metadata_update(limit, name)?;
        std::mem::swap(&mut table.fields, &mut changed.fields);
        std::mem::swap(&mut table.properties, &mut changed.properties);
        std::mem::swap(&mut table.rows, &mut changed.rows);
        table.mark_modified(now);
        Ok(())
    }

    fn rename_table(&self, name: &TableName, new: String) -> Result<(), GoogleError> {
        check_table_id(&new)?;
        for permission in ["bigquery.tables.create", "bigquery.tables.updateData"] {
            self.server.authorize_on_table(self.caller, name, permission)?;
        }
        let mut catalog = self.server.catalog();
        let dataset = catalog.dataset_mut(&name.project, &name.dataset)?;
        if dataset.tables.contains_key(&new) {
            let new = TableName::new(&name.project, &name.dataset, &new);
            return Err(GoogleError::duplicate(format!("Already Exists: Table {new}")));
        }
        if !self.dry_run
            && let Some(table) = dataset.tables.remove(&name.table)
        {
            dataset.tables.insert(new, table);
        }
        Ok(())
    }

    /// ADD COLUMN, DROP COLUMN, RENAME COLUMN and ALTER COLUMN.
    fn change_column(&self, cursor: &mut Cursor<'_>, table: &mut Table) -> Result<(), GoogleError> {
        if cursor.accepts(&["ADD", "COLUMN"]) {
            let unless_exists = cursor.accepts(&["IF", "NOT", "EXISTS"]);
            let field = parse_column(cursor)?;
            if find_field(&table.fields, &field.name).is_some() {
                if unless_exists {
                    return Ok(());
                }
                return Err(GoogleError::invalid_query(format!(
                    "Column already exists: {}",
                    field.name
                )));
            }
            if field.mode == FieldMode::Required {
                return Err(GoogleError::invalid_query(format!(
                    "Cannot add required columns to an existing table: {}",
                    field.name
                )));
            }
            table.fields.push(field);
            return Ok(());
        }
        if cursor.accepts(&["DROP", "COLUMN"]) {
            let if_exists = cursor.accepts(&["IF", "EXISTS"]);
            let column = cursor.name()?;
            return drop_column(table, &column, if_exists);
        }
        if cursor.accepts(&["RENAME", "COLUMN"]) {
            let if_exists = cursor.accepts(&["IF", "EXISTS"]);
            let column = cursor.name()?;
            cursor.expect(&["TO"])?;
            let new = cursor.name()?;
            return rename_column(table, &column, &new, if_exists);
        }
        if cursor.accepts(&["ALTER", "COLUMN"]) {
            let if_exists = cursor.accepts(&["IF", "EXISTS"]);
            let column = cursor.name()?;
            return alter_column(cursor, table, &column, if_exists);
        }
        let rest = cursor.clone().rest().split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        Err(unknown(&format!("the change ALTER TABLE … {rest}")))
    }

    fn alter_schema(
        &self,
        cursor: &mut Cursor<'_>,
        path: &[String],
        if_exists: bool,
    ) -> Result<StatementResult, GoogleError> {
        let (server, id) = (self.server, self.dataset_name(path)?);
        server.authorize_on_dataset(self.caller, &id, "bigquery.datasets.update")?;
        cursor.expect(&["SET"])?;
        let options = Options::parse(cursor)?;
        self.expect_end(cursor)?;
        let now = server.clock.now();
        let mut catalog = server.catalog();
        let operation = match catalog.dataset_mut(&server.project, &id) {
            Err(error) if error.status == 404 && if_exists => "SKIP",
            Err(error) => return Err(error),
            Ok(dataset) => {
                let properties = schema_properties(&options, dataset.properties.clone())?;
                if !self.dry_run {
                    dataset.expire_rows(now);
                    dataset.properties = properties;
                    dataset.expire_rows(now);
                    dataset.mark_modified(now);
                }
                "ALTER"
            }
        };
        Ok(StatementResult::done(
            "ALTER_SCHEMA",
            json!({
                "ddlOperationPerformed": operation,
                "ddlTargetDataset": {"projectId": server.project, "datasetId": id},
            }),
        ))
    }
}

/// The field of a column.
fn column_mut<'a>(table: &'a mut Table, column: &str) -> Result<&'a mut Field, GoogleError> {
    (table.fields.iter_mut().find(|it| is_same_name(&it.name, column)))
        .ok_or_else(|| GoogleError::invalid_query(format!("Column not found: {column}")))
}

fn drop_column(table: &mut Table, column: &str, if_exists: bool) -> Result<(), GoogleError> {
    if find_field(&table.fields, column).is_none() && if_exists {
        return Ok(());
    }
    let name = column_mut(table, column)?.name.clone();
    if table.fields.len() == 1 {
        return Err(GoogleError::invalid_query("ALTER TABLE cannot drop all columns of a table"));
    }
    table.fields.retain(|it| it.name != name);
    // Otherwise a column of the same name that is added later would show the values.
    let batches = table.rows.batches_with_schema(&table.schema());
    table.rows = std::sync::Arc::new(crate::bigquery::rows::TableRows::new(batches));
    Ok(())
}

fn rename_column(
    table: &mut Table,
    column: &str,
    new: &str,
    if_exists: bool,
) -> Result<(), GoogleError> {
    if find_field(&table.fields, column).is_none() && if_exists {
        return Ok(());
    }
    check_field_name(new)?;
    if find_field(&table.fields, new).is_some_and(|it| !is_same_name(&it.name, column)) {
        return Err(GoogleError::invalid_query(format!("Column already exists: {new}")));
    }
    let name = column_mut(table, column)?.name.clone();
    let layout = Value::Object(table.properties.clone());
    for path in ["/timePartitioning/field", "/rangePartitioning/field"] {
        if layout.pointer(path).and_then(Value::as_str) == Some(&name) {
            return Err(GoogleError::invalid_query(format!(
                "Column {name} partitions the table and cannot be renamed."
            )));
        }
    }
    let batches = table.rows.batches_with_schema(&table.schema());
    column_mut(table, column)?.name = new.to_owned();
    let schema = table.schema();
    let batches = (batches.into_iter())
        .filter_map(|it| {
            let options =
                arrow::array::RecordBatchOptions::new().with_row_count(Some(it.num_rows()));
            arrow::array::RecordBatch::try_new_with_options(
                schema.clone(),
                it.columns().to_vec(),
                &options,
            )
            .ok()
        })
        .collect();
    table.rows = std::sync::Arc::new(crate::bigquery::rows::TableRows::new(batches));
    Ok(())
}

fn alter_column(
    cursor: &mut Cursor<'_>,
    table: &mut Table,
    column: &str,
    if_exists: bool,
) -> Result<(), GoogleError> {
    if find_field(&table.fields, column).is_none() && if_exists {
        cursor.text_until(|it| it.is_next(&[","]) || it.is_next(&[";"]));
        return Ok(());
    }
    let field = column_mut(table, column)?;
    if cursor.accepts(&["SET", "OPTIONS"]) {
        let options = Options::parse_list(cursor)?;
        options.check_known(&["description"])?;
        return set_description(&mut field.properties, &options);
    }
    if cursor.accepts(&["DROP", "NOT", "NULL"]) {
        if field.mode == FieldMode::Required {
            field.mode = FieldMode::Nullable;
        }
        return Ok(());
    }
    if cursor.accepts(&["SET", "DEFAULT"]) {
        let text = cursor.text_until(|it| it.is_next(&[","]) || it.is_next(&[";"]));
        field.properties.insert("defaultValueExpression".to_owned(), json!(text));
        return Ok(());
    }
    if cursor.accepts(&["DROP", "DEFAULT"]) {
        field.properties.remove("defaultValueExpression");
        return Ok(());
    }
    Err(unknown("this change of ALTER COLUMN"))
}
