//! INSERT, UPDATE, DELETE and TRUNCATE TABLE (GoogleSQL reference, "Data manipulation language").
//!
//! A statement becomes SELECT statements: they compute which rows change and their new values, as the
//! caller sees them. The changes are then made to the stored rows, so a column that the statement does
//! not name keeps its values, and all columns keep their policy tags. INSERT checks no tag of the
//! columns that it reads masked or writes; UPDATE, DELETE and MERGE need the Fine-Grained Reader role on
//! every tagged column that they read (Google's documentation, "Impact on writes from column-level access
//! control").

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use serde_json::json;

use super::columns::{quoted_name, sql_type_name};
use super::rows::{Changes, Update, assigned, check_assignable, row_numbers, whole_column};
use super::tokens::{Cursor, Kind, is_literal, tokenize};
use super::{Statement, StatementResult, is_query, unknown};
use crate::bigquery::catalog::Table;
use crate::bigquery::ingestion::placed;
use crate::bigquery::job::QueryResult;
use crate::bigquery::names::TableName;
use crate::bigquery::query::QuerySpec;
use crate::bigquery::query::masked_table::MaskedTable;
use crate::bigquery::rows::TableRows;
use crate::bigquery::schema::{Field, FieldMode, FieldType, arrow_schema, is_same_name};
use crate::bigquery::write::check_is_table;
use crate::error::GoogleError;
use crate::turned::is_turned;

/// The dataset of the tables that exist for one statement only.
const OVERLAY: &str = "_statement_";
/// The column with the number of a row.
pub(super) const ROW: &str = "_row_number_";
/// How many rows of VALUES one SELECT statement computes.
const ROWS_PER_SELECT: usize = 100;

/// The table that a statement changes.
pub(super) struct Target {
    pub(super) name: TableName,
    /// The name by which expressions refer to it.
    pub(super) alias: String,
    pub(super) table: Table,
}

impl Target {
    pub(super) fn fields(&self) -> &[Field] {
        &self.table.fields
    }

    /// The index of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize, GoogleError> {
        (self.fields().iter().position(|it| is_same_name(&it.name, name))).ok_or_else(|| {
            GoogleError::invalid_query(format!(
                "Column {name} is not present in table {}",
                self.name
            ))
        })
    }
}

/// `column = expression` items of a SET clause.
pub(super) struct Assignments {
    pub(super) columns: Vec<usize>,
    pub(super) expressions: Vec<String>,
}

/// The error of a statement whose table changed while it ran.
pub(super) fn concurrent_update(name: &TableName) -> GoogleError {
    GoogleError::invalid_query(format!(
        "Could not serialize access to table {name} due to concurrent update"
    ))
}

/// A name for a table of one statement, as SQL writes it.
pub(super) fn overlay_name(table: &str) -> (TableName, String) {
    (TableName::new(OVERLAY, OVERLAY, table), format!("`{OVERLAY}.{OVERLAY}.{table}`"))
}

impl Statement<'_> {
    /// The table with a name, whose rows the caller may change.
    fn open_target(&self, path: &[String], alias: Option<String>) -> Result<Target, GoogleError> {
        let name = self.table_name(path)?;
        self.server.authorize_on_table(self.caller, &name, "bigquery.tables.updateData")?;
        let table = self.server.catalog().table(&name)?.clone();
        check_is_table(&table, &name)?;
        let alias = alias.unwrap_or_else(|| name.table.clone());
        Ok(Target { name, alias, table })
    }

    /// Parses the table of UPDATE, DELETE or MERGE and its alias. `ends` are the words behind it.
    pub(super) fn target(
        &self,
        cursor: &mut Cursor<'_>,
        ends: &[&str],
    ) -> Result<Target, GoogleError> {
        let path = cursor.path()?;
        let alias = alias(cursor, ends)?;
        self.open_target(&path, alias)
    }

    /// A query that reads the target's rows with their numbers. It may only read columns that the caller
    /// may read plainly.
    ///
    /// # Errors
    /// 403 without `bigquery.tables.getData` on the target: the statement reads the table to find its rows.
    pub(super) fn change_spec(&self, target: &Target) -> Result<QuerySpec, GoogleError> {
        self.server.authorize_on_table(self.caller, &target.name, "bigquery.tables.getData")?;
        let rows = target.table.row_access.rows_for(self.caller, &target.table.rows);
        let masked = self.server.with_access(|access| {
            let fields = target.table.stored_fields();
            let hidden = fields.len() - target.fields().len();
            MaskedTable::new(access, self.caller, &target.name, fields, rows, Vec::new())
                .with_hidden_columns(hidden)
        });
        let mut spec = self.spec.clone();
        spec.plain_only = true;
        spec.overlays.push((overlay_name("target").0, Arc::new(masked.numbered(ROW)?)));
        Ok(spec)
    }

    pub(super) async fn run_change(
        &self,
        spec: &QuerySpec,
        sql: String,
    ) -> Result<QueryResult, GoogleError> {
        self.server.run_query(self.caller, &spec.with_sql(sql), self.dry_run).await
    }

    pub(super) async fn insert(
        &self,
        cursor: &mut Cursor<'_>,
    ) -> Result<StatementResult, GoogleError> {
        cursor.accepts(&["INTO"]);
        let target = self.target(cursor, &["VALUES", "SELECT", "WITH", "FROM"])?;
        let columns = self.insert_columns(cursor, &target)?;
        let mut inserted = Vec::new();
        if cursor.accepts(&["VALUES"]) {
            let rows = values_rows(cursor, &target, &columns)?;
            self.expect_end(cursor)?;
            for rows in rows.chunks(ROWS_PER_SELECT) {
                let result = self.rows_of(rows.join("\nUNION ALL ")).await?;
                inserted.extend(self.insertable(&target, &columns, &result).await?);
            }
        } else {
            if !is_query(cursor) {
                return Err(cursor.unexpected("VALUES or a query"));
            }
            let query = cursor.text_until(|it| it.is_next(&[";"])).to_owned();
            self.expect_end(cursor)?;
            let result = self.rows_of(query).await?;
            inserted = self.insertable(&target, &columns, &result).await?;
        }
        let changes = Changes { inserted, ..Changes::default() };
        self.finish("INSERT", &target, &changes)
    }

    /// The columns of an INSERT: those in parentheses, or all.
    fn insert_columns(
        &self,
        cursor: &mut Cursor<'_>,
        target: &Target,
    ) -> Result<Vec<usize>, GoogleError> {
        let starts_query = |cursor: &Cursor<'_>| {
            let mut inner = cursor.clone();
            inner.next();
            is_query(&inner)
        };
        if !cursor.is_next(&["("]) || starts_query(cursor) {
            return Ok((0..target.fields().len()).collect());
        }
        let names = super::columns::parse_names(cursor)?;
        column_indices(target, &names)
    }

    /// The rows of a result as rows of the target. Columns that the statement does not name get their
    /// default values.
    pub(super) async fn insertable(
        &self,
        target: &Target,
        columns: &[usize],
        result: &QueryResult,
    ) -> Result<Vec<RecordBatch>, GoogleError> {
        if result.fields.len() != columns.len() {
            return Err(GoogleError::invalid_query(format!(
                "Inserted row has wrong column count; Has {}, expected {}",
                result.fields.len(),
                columns.len()
            )));
        }
        for (field, at) in result.fields.iter().zip(columns) {
            check_assignable(field, &target.fields()[*at])?;
        }
        let mut others = Vec::new();
        for (at, field) in target.fields().iter().enumerate() {
            if columns.contains(&at) || default_expression(field).is_none() {
                continue;
            }
            let value = self.rows_of(format!("SELECT {}", default_value(field))).await?;
            check_assignable(&value.fields[0], field)?;
            others.push((at, value));
        }
        let schema = arrow_schema(target.fields());
        let mut batches = Vec::new();
        for batch in &result.batches {
            let mut made = Vec::with_capacity(target.fields().len());
            for (at, field) in target.fields().iter().enumerate() {
                let given = columns.iter().position(|it| *it == at);
                let column = match given {
                    Some(given) => batch.column(given).clone(),
                    None if others.iter().any(|(it, _)| *it == at) => {
                        repeated(&others, at, batch.num_rows())?
                    }
                    None => new_null_array(field.arrow_field().data_type(), batch.num_rows()),
                };
                made.push(assigned(&column, field)?);
            }
            let batch = RecordBatch::try_new(schema.clone(), made).map_err(|_| {
                GoogleError::new(500, "internalError", "The rows cannot be stored.")
            })?;
            batches.push(batch);
        }
        Ok(batches)
    }

    pub(super) async fn update(
        &self,
        cursor: &mut Cursor<'_>,
    ) -> Result<StatementResult, GoogleError> {
        let target = self.target(cursor, &["SET"])?;
        cursor.expect(&["SET"])?;
        let set = assignments(cursor, &target, &|it| {
            it.is_clause("FROM") || it.is_clause("WHERE") || it.is_next(&[";"])
        })?;
        let mut from = format!("{} AS {}", overlay_name("target").1, quoted_name(&target.alias));
        if cursor.accepts(&["FROM"]) {
            from = format!("{from}, {}", cursor.text_until(|it| it.is_clause("WHERE")));
        }
        let condition = self.condition(cursor, "UPDATE")?;
        let spec = self.change_spec(&target)?;
        let sql = select_rows(&target, &set.expressions, &from, &condition);
        let result = self.run_change(&spec, sql).await?;
        let update = updated_rows(&target, &set, &result)?;
        check_unique(&[&update.rows])?;
        let changes = Changes { updates: vec![update], ..Changes::default() };
        self.finish("UPDATE", &target, &changes)
    }

    pub(super) async fn delete(
        &self,
        cursor: &mut Cursor<'_>,
    ) -> Result<StatementResult, GoogleError> {
        cursor.accepts(&["FROM"]);
        let target = self.target(cursor, &["WHERE"])?;
        let condition = self.condition(cursor, "DELETE")?;
        let from = format!("{} AS {}", overlay_name("target").1, quoted_name(&target.alias));
        let spec = self.change_spec(&target)?;
        // If the claim is turned around, a DELETE reads every column.
        let read: Vec<String> = match is_turned("delete-reads-its-condition") {
            true => target.fields().iter().map(|it| quoted_name(&it.name)).collect(),
            false => Vec::new(),
        };
        let result = self.run_change(&spec, select_rows(&target, &read, &from, &condition)).await?;
        let deleted = row_numbers(&result.batches, 0)?.into_iter().collect();
        let changes = Changes { deleted, ..Changes::default() };
        self.finish("DELETE", &target, &changes)
    }

    /// The condition after WHERE, which ends the statement.
    fn condition(&self, cursor: &mut Cursor<'_>, statement: &str) -> Result<String, GoogleError> {
        if !cursor.accepts(&["WHERE"]) {
            return Err(GoogleError::invalid_query(format!(
                "{statement} must have a WHERE clause"
            )));
        }
        let condition = cursor.text_until(|it| it.is_next(&[";"])).to_owned();
        self.expect_end(cursor)?;
        Ok(condition)
    }

    pub(super) fn truncate(&self, cursor: &mut Cursor<'_>) -> Result<StatementResult, GoogleError> {
        cursor.expect(&["TABLE"])?;
        let path = cursor.path()?;
        self.expect_end(cursor)?;
        let target = self.open_target(&path, None)?;
        let visible = target.table.row_access.rows_for(self.caller, &target.table.rows);
        if visible.row_count != target.table.rows.row_count {
            return Err(GoogleError::access_denied(format!(
                "Access Denied: Table {}: TRUNCATE TABLE needs access to all rows, and row access \
                 policies hide some from this user.",
                target.name
            )));
        }
        let rows = usize::try_from(target.table.rows.row_count).unwrap_or(usize::MAX);
        let changes = Changes { deleted: (0..rows).collect(), ..Changes::default() };
        self.finish("TRUNCATE_TABLE", &target, &changes)
    }

    /// Makes the changes, and returns the statement's result.
    pub(super) fn finish(
        &self,
        statement_type: &'static str,
        target: &Target,
        changes: &Changes,
    ) -> Result<StatementResult, GoogleError> {
        let counts = [changes.inserted_count(), changes.updated_count(), changes.deleted.len()];
        if !self.dry_run && !changes.is_empty() {
            let now = self.server.clock.now();
            let inserted = TableRows::new(changes.inserted.clone());
            let inserted = placed(inserted, &target.table.properties, None, now)?.batches;
            let changes = Changes { inserted, ..changes.clone() };
            let rows = changes.apply(&target.table.rows, &target.table.stored_fields())?;
            self.put_rows(target, rows)?;
        }
        let [inserted, updated, deleted] = counts;
        Ok(StatementResult::done(
            statement_type,
            json!({
                "numDmlAffectedRows": counts.iter().sum::<usize>().to_string(),
                "dmlStats": {
                    "insertedRowCount": inserted.to_string(),
                    "updatedRowCount": updated.to_string(),
                    "deletedRowCount": deleted.to_string(),
                },
            }),
        ))
    }

    fn put_rows(&self, target: &Target, rows: TableRows) -> Result<(), GoogleError> {
        let now = self.server.clock.now();
        let mut catalog = self.server.catalog();
        let window = catalog.dataset(&target.name.project, &target.name.dataset)?.time_travel();
        let table = catalog.table_mut(&target.name)?;
        let is_same = table.rows_number == target.table.rows_number
            && table.fields.len() == target.fields().len();
        if !is_same {
            return Err(concurrent_update(&target.name));
        }
        // The fields as they are now: another caller may have changed their tags.
        let fields = table.fields.clone();
        table.replace_rows(fields, rows, now, window);
        Ok(())
    }
}

/// The alias of a table, unless one of the `ends` comes next.
pub(super) fn alias(cursor: &mut Cursor<'_>, ends: &[&str]) -> Result<Option<String>, GoogleError> {
    if cursor.accepts(&["AS"]) {
        return cursor.name().map(Some);
    }
    let is_name = cursor.peek().is_some_and(|it| matches!(it.kind, Kind::Word | Kind::Quoted));
    let ends = ends.iter().any(|it| cursor.is_next(&[it]));
    if is_name && !ends { cursor.name().map(Some) } else { Ok(None) }
}

pub(super) fn column_indices(target: &Target, names: &[String]) -> Result<Vec<usize>, GoogleError> {
    let columns: Vec<usize> =
        names.iter().map(|name| target.column(name)).collect::<Result<_, _>>()?;
    check_once(target, &columns)?;
    Ok(columns)
}

fn check_once(target: &Target, columns: &[usize]) -> Result<(), GoogleError> {
    let mut seen = BTreeSet::new();
    match columns.iter().find(|it| !seen.insert(**it)) {
        None => Ok(()),
        Some(twice) => Err(GoogleError::invalid_query(format!(
            "Column {} is written more than once",
            target.fields()[*twice].name
        ))),
    }
}

/// The SELECT statements of the rows behind VALUES.
fn values_rows(
    cursor: &mut Cursor<'_>,
    target: &Target,
    columns: &[usize],
) -> Result<Vec<String>, GoogleError> {
    let mut rows = Vec::new();
    loop {
        let values = cursor.parenthesised()?.list();
        rows.push(values_select(target, columns, &values)?);
        if !cursor.accepts(&[","]) {
            return Ok(rows);
        }
    }
}

/// `SELECT value AS c0, …` for one row of VALUES.
pub(super) fn values_select(
    target: &Target,
    columns: &[usize],
    values: &[&str],
) -> Result<String, GoogleError> {
    if values.len() != columns.len() {
        return Err(GoogleError::invalid_query(format!(
            "Inserted row has wrong column count; Has {}, expected {}",
            values.len(),
            columns.len()
        )));
    }
    let values: Vec<String> = (values.iter().zip(columns).enumerate())
        .map(|(at, (value, column))| {
            format!("{} AS c{at}", value_of(value, &target.fields()[*column]))
        })
        .collect();
    Ok(format!("SELECT {}", values.join(", ")))
}

/// The items of a SET clause.
pub(super) fn assignments(
    cursor: &mut Cursor<'_>,
    target: &Target,
    ends: &dyn Fn(&Cursor<'_>) -> bool,
) -> Result<Assignments, GoogleError> {
    let (mut columns, mut expressions) = (Vec::new(), Vec::new());
    loop {
        let path = cursor.path()?;
        let column = match path.as_slice() {
            [column] => column,
            [alias, column] if is_same_name(alias, &target.alias) => column,
            _ => return Err(unknown("UPDATE of a field of a STRUCT")),
        };
        let at = target.column(column)?;
        cursor.expect(&["="])?;
        let value = cursor.text_until(|it| it.is_next(&[","]) || ends(it));
        columns.push(at);
        expressions.push(value_of(value, &target.fields()[at]));
        if !cursor.accepts(&[","]) {
            break;
        }
    }
    check_once(target, &columns)?;
    Ok(Assignments { columns, expressions })
}

/// An expression as the value of a column. A literal is coerced to the column's type (GoogleSQL
/// reference, "Conversion rules", literal coercion).
fn value_of(text: &str, field: &Field) -> String {
    let ty = sql_type_name(field);
    let number = text.strip_prefix('-').unwrap_or(text).trim();
    let is_time = matches!(
        field.field_type,
        FieldType::Date | FieldType::Time | FieldType::Datetime | FieldType::Timestamp
    );
    let is_decimal = matches!(field.field_type, FieldType::Numeric | FieldType::Bignumeric);
    let is_scalar = field.mode != FieldMode::Repeated;
    if text.eq_ignore_ascii_case("NULL") {
        format!("CAST(NULL AS {ty})")
    } else if text.eq_ignore_ascii_case("DEFAULT") {
        default_value(field)
    } else if is_scalar && is_time && is_literal(text, Kind::Text) {
        format!("CAST({text} AS {ty})")
    } else if is_scalar && is_decimal && is_literal(number, Kind::Number) {
        format!("CAST('{}' AS {ty})", text.replace(char::is_whitespace, ""))
    } else if !is_scalar && tokenize(text).is_ok_and(|it| it.len() == 2) && text.starts_with('[') {
        format!("{ty}[]")
    } else {
        format!("({text})")
    }
}

/// The expression of a column's default value, unless it is NULL.
fn default_expression(field: &Field) -> Option<&str> {
    let text =
        field.properties.get("defaultValueExpression").and_then(serde_json::Value::as_str)?;
    Some(text).filter(|it| !it.eq_ignore_ascii_case("NULL"))
}

/// The default value of a column, or NULL.
fn default_value(field: &Field) -> String {
    let ty = sql_type_name(field);
    match default_expression(field) {
        Some(expression) => format!("CAST(({expression}) AS {ty})"),
        _ if field.mode == FieldMode::Repeated => format!("{ty}[]"),
        _ => format!("CAST(NULL AS {ty})"),
    }
}

/// A one-row column repeated for `rows` rows.
fn repeated(
    others: &[(usize, QueryResult)],
    at: usize,
    rows: usize,
) -> Result<arrow::array::ArrayRef, GoogleError> {
    let internal = || GoogleError::new(500, "internalError", "A default value is missing.");
    let (_, value) = others.iter().find(|(it, _)| *it == at).ok_or_else(internal)?;
    let batch = value.batches.iter().find(|it| it.num_rows() > 0).ok_or_else(internal)?;
    let indices = arrow::array::UInt64Array::from(vec![0; rows]);
    arrow::compute::take(batch.column(0), &indices, None).map_err(|_| internal())
}

/// The SELECT statement of the numbers of rows and the new values of their cells.
pub(super) fn select_rows(
    target: &Target,
    expressions: &[String],
    from: &str,
    condition: &str,
) -> String {
    let mut items = vec![format!("{}.{ROW} AS {ROW}", quoted_name(&target.alias))];
    items.extend(expressions.iter().enumerate().map(|(at, it)| format!("{it} AS v{at}")));
    format!("SELECT {} FROM {from} WHERE {condition}", items.join(", "))
}

/// The update that a result of [`select_rows`] describes.
pub(super) fn updated_rows(
    target: &Target,
    set: &Assignments,
    result: &QueryResult,
) -> Result<Update, GoogleError> {
    let mut values = Vec::new();
    for (at, column) in set.columns.iter().enumerate() {
        let (given, field) = (&result.fields[at + 1], &target.fields()[*column]);
        check_assignable(given, field)?;
        let ty = given.arrow_field().data_type().clone();
        values.push(assigned(&whole_column(&result.batches, at + 1, &ty)?, field)?);
    }
    let rows = row_numbers(&result.batches, 0)?;
    Ok(Update { columns: set.columns.clone(), rows, values })
}

/// # Errors
/// 400 if a row of the table appears twice.
pub(super) fn check_unique(rows: &[&Vec<usize>]) -> Result<(), GoogleError> {
    let mut seen = BTreeSet::new();
    if rows.iter().flat_map(|it| it.iter()).all(|row| seen.insert(*row)) {
        return Ok(());
    }
    Err(GoogleError::invalid_query(
        "UPDATE/MERGE must match at most one source row for each target row",
    ))
}
