//! CREATE SCHEMA, CREATE TABLE and CREATE VIEW (GoogleSQL reference, "Data definition language").

use serde_json::{Map, Value, json};

use super::columns::parse_columns;
use super::destination::{rows_with_fields, table_fields};
use super::options::{Options, set_description, set_property};
use super::tokens::Cursor;
use super::{Statement, StatementResult, unknown};
use crate::bigquery::catalog::Table;
use crate::bigquery::check_labels;
use crate::bigquery::job::QueryResult;
use crate::bigquery::names::TableName;
use crate::bigquery::rows::TableRows;
use crate::bigquery::schema::{Field, FieldType};
use crate::bigquery::tables::{check_layout, check_table_id};
use crate::bigquery::versions::check_window;
use crate::error::GoogleError;

/// Options of a table that this server carries out or stores.
const TABLE_OPTIONS: [&str; 7] = [
    "description",
    "friendly_name",
    "labels",
    "expiration_timestamp",
    "partition_expiration_days",
    "require_partition_filter",
    "kms_key_name",
];
/// Options of a dataset.
const SCHEMA_OPTIONS: [&str; 6] = [
    "description",
    "friendly_name",
    "labels",
    "location",
    "default_table_expiration_days",
    "max_time_travel_hours",
];
const DAY_MILLIS: f64 = 86_400_000.0;

/// The words between CREATE and the name.
pub(super) struct Creation {
    pub(super) or_replace: bool,
    pub(super) unless_exists: bool,
}

/// What a CREATE TABLE statement asks for, besides its name.
#[derive(Default)]
struct Definition {
    columns: Option<Vec<Field>>,
    properties: Map<String, Value>,
    query: Option<String>,
    /// The table after LIKE, COPY or CLONE, and whether its rows are copied.
    source: Option<(TableName, bool)>,
}

impl Statement<'_> {
    pub(super) async fn create(
        &self,
        cursor: &mut Cursor<'_>,
    ) -> Result<StatementResult, GoogleError> {
        let or_replace = cursor.accepts(&["OR", "REPLACE"]);
        let is_temporary = cursor.accepts(&["TEMP"]) || cursor.accepts(&["TEMPORARY"]);
        if is_temporary && !cursor.is_next(&["TABLE"]) {
            return Err(unknown(&format!("CREATE TEMP {}", cursor.peek_text().to_uppercase())));
        }
        let what = cursor.peek_text().to_ascii_uppercase();
        if !["SCHEMA", "TABLE", "VIEW"].contains(&what.as_str()) {
            return Err(unknown(&format!("the statement CREATE {what}")));
        }
        cursor.next();
        if cursor.is_next(&["FUNCTION"]) {
            return Err(unknown("the statement CREATE TABLE FUNCTION"));
        }
        let unless_exists = cursor.accepts(&["IF", "NOT", "EXISTS"]);
        if or_replace && unless_exists {
            return Err(GoogleError::invalid_query(
                "CREATE cannot have both OR REPLACE and IF NOT EXISTS",
            ));
        }
        if is_temporary {
            self.take_temporary_name(&mut cursor.clone())?;
        }
        let creation = Creation { or_replace, unless_exists };
        match what.as_str() {
            "SCHEMA" => self.create_schema(cursor, &creation).await,
            "TABLE" => self.create_table(cursor, &creation).await,
            _ => self.create_view(cursor, &creation).await,
        }
    }

    /// From here on, the name of the table means a temporary table of the script.
    fn take_temporary_name(&self, cursor: &mut Cursor<'_>) -> Result<(), GoogleError> {
        let path = cursor.path()?;
        let name = match path.as_slice() {
            [table] => table,
            [session, table] if session.eq_ignore_ascii_case("_SESSION") => table,
            _ => {
                return Err(GoogleError::invalid_query(format!(
                    "The temporary table {} cannot be in a dataset",
                    path.join(".")
                )));
            }
        };
        let Some(temporary) = &self.spec.temporary else {
            return Err(GoogleError::invalid_query(
                "Use of CREATE TEMPORARY TABLE requires a script or session",
            ));
        };
        self.server.take_temporary_name(temporary, name)
    }

    async fn create_schema(
        &self,
        cursor: &mut Cursor<'_>,
        creation: &Creation,
    ) -> Result<StatementResult, GoogleError> {
        if creation.or_replace {
            return Err(GoogleError::invalid_query("CREATE OR REPLACE SCHEMA does not exist"));
        }
        let id = self.dataset_name(&cursor.path()?)?;
        crate::bigquery::temporary::check_not_temporary(&id)?;
        let options = Options::parse(cursor)?;
        self.expect_end(cursor)?;
        let properties = schema_properties(&options, Map::new())?;
        let location = options.text("location")?.unwrap_or_default();
        let server = self.server;
        server.authorize_on_project(self.caller, "bigquery.datasets.create")?;
        let exists = server.catalog().datasets.contains_key(&id);
        let mut operation = "CREATE";
        if exists && creation.unless_exists {
            operation = "SKIP";
        } else if !self.dry_run || exists {
            let location = location.as_str().unwrap_or(&server.location);
            server.create_dataset(&id, location, properties)?;
        }
        Ok(StatementResult::done(
            "CREATE_SCHEMA",
            json!({
                "ddlOperationPerformed": operation,
                "ddlTargetDataset": {"projectId": server.project, "datasetId": id},
            }),
        ))
    }

    async fn create_table(
        &self,
        cursor: &mut Cursor<'_>,
        creation: &Creation,
    ) -> Result<StatementResult, GoogleError> {
        let name = self.table_name(&cursor.path()?)?;
        check_table_id(&name.table)?;
        let definition = self.table_definition(cursor).await?;
        self.expect_end(cursor)?;
        let statement_type =
            if definition.query.is_some() { "CREATE_TABLE_AS_SELECT" } else { "CREATE_TABLE" };
        let exists = self.authorize_creation(&name, creation)?;
        if exists && creation.unless_exists {
            return Ok(StatementResult::definition(statement_type, "SKIP", &name));
        }
        let (fields, properties, rows) = self.contents(&name, definition).await?;
        let location =
            self.server.catalog().dataset(&name.project, &name.dataset)?.location.clone();
        self.server.check_tags(self.caller, &name, &location, &[], &fields)?;
        check_layout(&fields, &Value::Object(properties.clone()))?;
        check_labels(&properties)?;
        if !self.dry_run {
            self.put_table(&name, creation, fields, properties, rows)?;
        }
        let operation = if exists { "REPLACE" } else { "CREATE" };
        Ok(StatementResult {
            destination: Some(name.clone()),
            ..StatementResult::definition(statement_type, operation, &name)
        })
    }

    /// Checks the permissions to create a table or view. Returns whether there is one with this name.
    pub(super) fn authorize_creation(
        &self,
        name: &TableName,
        creation: &Creation,
    ) -> Result<bool, GoogleError> {
        let server = self.server;
        server.authorize_on_table(self.caller, name, "bigquery.tables.create")?;
        let exists = {
            let catalog = server.catalog();
            catalog.dataset(&name.project, &name.dataset)?.tables.contains_key(&name.table)
        };
        if exists && creation.or_replace {
            for permission in ["bigquery.tables.update", "bigquery.tables.updateData"] {
                server.authorize_on_table(self.caller, name, permission)?;
            }
        } else if exists && !creation.unless_exists {
            return Err(GoogleError::duplicate(format!("Already Exists: Table {name}")));
        }
        Ok(exists)
    }

    async fn table_definition(&self, cursor: &mut Cursor<'_>) -> Result<Definition, GoogleError> {
        let mut definition = Definition::default();
        if cursor.is_next(&["("]) {
            definition.columns = Some(parse_columns(&mut cursor.parenthesised()?)?);
        }
        for (word, with_rows) in [("LIKE", false), ("COPY", true), ("CLONE", true)] {
            if cursor.accepts(&[word]) {
                definition.source = Some((self.table_name(&cursor.path()?)?, with_rows));
            }
        }
        if cursor.accepts(&["DEFAULT"]) || cursor.is_next(&["COLLATE"]) {
            return Err(unknown("collation"));
        }
        if cursor.accepts(&["PARTITION", "BY"]) {
            let ends = ["CLUSTER", "OPTIONS", "AS", ";"];
            let text = cursor.text_until(|it| ends.iter().any(|end| it.is_next(&[end])));
            let (key, value) = partitioning(text)?;
            definition.properties.insert(key.to_owned(), value);
        }
        if cursor.accepts(&["CLUSTER", "BY"]) {
            let mut fields = vec![cursor.name()?];
            while cursor.accepts(&[","]) {
                fields.push(cursor.name()?);
            }
            definition.properties.insert("clustering".to_owned(), json!({ "fields": fields }));
        }
        if cursor.is_next(&["WITH", "CONNECTION"]) {
            return Err(unknown("tables with a connection"));
        }
        let options = Options::parse(cursor)?;
        options.check_known(&TABLE_OPTIONS)?;
        self.set_table_options(&mut definition.properties, &options).await?;
        if cursor.accepts(&["AS"]) {
            definition.query = Some(cursor.text_until(|it| it.is_next(&[";"])).to_owned());
        }
        if definition.source.is_some()
            && (definition.query.is_some() || definition.columns.is_some())
        {
            return Err(cursor.unexpected("either a query or LIKE, COPY or CLONE"));
        }
        Ok(definition)
    }

    /// Sets the properties of a table or view that the options name.
    pub(super) async fn set_table_options(
        &self,
        properties: &mut Map<String, Value>,
        options: &Options,
    ) -> Result<(), GoogleError> {
        set_description(properties, options)?;
        set_property(properties, "friendlyName", options.text("friendly_name")?);
        set_property(properties, "labels", options.labels()?);
        let filter = options.boolean("require_partition_filter")?;
        set_property(properties, "requirePartitionFilter", filter);
        if let Some(days) = options.number("partition_expiration_days")? {
            let Some(partitioning) = properties.get_mut("timePartitioning") else {
                return Err(GoogleError::invalid_query(
                    "Option partition_expiration_days needs a time-partitioned table.",
                ));
            };
            partitioning["expirationMs"] =
                days.map_or(Value::Null, |it| json!(((it * DAY_MILLIS) as i64).to_string()));
        }
        if let Some(key) = options.text("kms_key_name")? {
            let key = if key.is_null() { key } else { json!({ "kmsKeyName": key }) };
            set_property(properties, "encryptionConfiguration", Some(key));
        }
        if let Some(expiration) = options.expression("expiration_timestamp") {
            let millis = match expiration {
                None => Value::Null,
                Some(expression) => json!(self.instant_of(expression).await?),
            };
            set_property(properties, "expirationTime", Some(millis));
        }
        Ok(())
    }

    /// The milliseconds since 1970 of a constant TIMESTAMP, as the API has them.
    async fn instant_of(&self, expression: &str) -> Result<String, GoogleError> {
        let sql = format!("SELECT {expression}");
        let spec = self.spec.with_sql(sql);
        let result = self.server.run_query(self.caller, &spec, false).await?;
        let micros = (result.fields.first().filter(|it| it.field_type == FieldType::Timestamp))
            .and_then(|_| result.first_text(0))
            .and_then(|it| it.parse::<i64>().ok());
        micros.map(|it| (it / 1_000).to_string()).ok_or_else(|| {
            GoogleError::invalid_query("Option expiration_timestamp must be a TIMESTAMP.")
        })
    }

    /// The fields, properties and rows of a new table.
    async fn contents(
        &self,
        name: &TableName,
        definition: Definition,
    ) -> Result<(Vec<Field>, Map<String, Value>, TableRows), GoogleError> {
        let Definition { columns, mut properties, query, source } = definition;
        if let Some((source, with_rows)) = source {
            let table = self.source_of_copy(&source, with_rows)?;
            let mut all = table.properties.clone();
            all.append(&mut properties);
            let rows = if with_rows { TableRows::clone(&table.rows) } else { TableRows::default() };
            return Ok((table.fields, all, rows));
        }
        let Some(query) = query else {
            let columns = columns.ok_or_else(|| {
                GoogleError::invalid_query("CREATE TABLE needs columns, a query, LIKE or COPY")
            })?;
            return Ok((columns, properties, TableRows::default()));
        };
        let mut result = self.rows_of(query).await?;
        let fields = match columns {
            None => table_fields(&result.fields, &name.to_string())?,
            Some(columns) => {
                named_as(&mut result, &columns)?;
                columns
            }
        };
        let rows = rows_with_fields(&result, &fields)?;
        Ok((fields, properties, rows))
    }

    /// The table of a LIKE, COPY or CLONE clause. A copy keeps policy tags, so its reader must have the
    /// Fine-Grained Reader role on them (Google's documentation, "Impact on writes from column-level
    /// access control", "Copying data").
    fn source_of_copy(&self, name: &TableName, with_rows: bool) -> Result<Table, GoogleError> {
        let server = self.server;
        if with_rows {
            return server.copied_table(self.caller, name);
        }
        server.authorize_on_table(self.caller, name, "bigquery.tables.get")?;
        let table = server.catalog().table(name)?.clone();
        crate::bigquery::write::check_is_table(&table, name)?;
        Ok(table)
    }

    /// Puts a new table in the catalog, or replaces one. A replaced table keeps its former rows for time
    /// travel and, like a load with WRITE_TRUNCATE, loses its policy tags and row access policies.
    fn put_table(
        &self,
        name: &TableName,
        creation: &Creation,
        fields: Vec<Field>,
        properties: Map<String, Value>,
        rows: TableRows,
    ) -> Result<(), GoogleError> {
        let now = self.server.clock.now();
        let mut catalog = self.server.catalog();
        let changes = catalog.changes.clone();
        let dataset = catalog.dataset_mut(&name.project, &name.dataset)?;
        let properties = dataset.with_default_expiration(properties, now);
        let window = dataset.time_travel();
        if let Some(table) = dataset.tables.get_mut(&name.table).filter(|it| it.view.is_none()) {
            if !creation.or_replace {
                return Err(GoogleError::duplicate(format!("Already Exists: Table {name}")));
            }
            table.row_access.clear();
            table.mark_row_access_changed();
            table.properties = properties;
            table.replace_rows(fields, rows, now, window);
            return Ok(());
        }
        let mut table = Table::new(fields, properties, now, &changes);
        table.rows = std::sync::Arc::new(rows);
        dataset.tables.insert(name.table.clone(), table);
        Ok(())
    }
}

/// Gives the columns of a result the names and types of a column list.
fn named_as(result: &mut QueryResult, columns: &[Field]) -> Result<(), GoogleError> {
    if result.fields.len() != columns.len() {
        return Err(GoogleError::invalid_query(format!(
            "Number of columns in the column definition list does not match the number of columns \
             produced by the query: {} and {}",
            columns.len(),
            result.fields.len()
        )));
    }
    for (given, wanted) in result.fields.iter_mut().zip(columns) {
        super::rows::check_assignable(given, wanted)?;
        given.name.clone_from(&wanted.name);
    }
    Ok(())
}

/// The properties of a dataset that the options name.
pub(super) fn schema_properties(
    options: &Options,
    mut properties: Map<String, Value>,
) -> Result<Map<String, Value>, GoogleError> {
    options.check_known(&SCHEMA_OPTIONS)?;
    set_description(&mut properties, options)?;
    set_property(&mut properties, "friendlyName", options.text("friendly_name")?);
    set_property(&mut properties, "labels", options.labels()?);
    if let Some(days) = options.number("default_table_expiration_days")? {
        let millis = days.map_or(Value::Null, |it| json!(((it * DAY_MILLIS) as i64).to_string()));
        set_property(&mut properties, "defaultTableExpirationMs", Some(millis));
    }
    if let Some(hours) = options.number("max_time_travel_hours")? {
        let hours = hours.map_or(Value::Null, |it| json!((it as i64).to_string()));
        set_property(&mut properties, "maxTimeTravelHours", Some(hours));
    }
    check_window(&mut properties)?;
    check_labels(&properties)?;
    Ok(properties)
}

/// The property that a PARTITION BY expression sets.
fn partitioning(text: &str) -> Result<(&'static str, Value), GoogleError> {
    let not_known = || {
        GoogleError::invalid_query(format!(
            "PARTITION BY expression must be DATE(<timestamp_column>), DATE(<datetime_column>), \
             DATE_TRUNC(<date_column>, MONTH/YEAR), DATETIME_TRUNC or TIMESTAMP_TRUNC(<column>, \
             DAY/HOUR/MONTH/YEAR), a DATE column, or RANGE_BUCKET(<int64_column>, \
             GENERATE_ARRAY(<start>, <end>, <interval>)); found {text}"
        ))
    };
    let tokens = super::tokens::tokenize(text)?;
    let mut cursor = Cursor::new(text, &tokens);
    let word = cursor.name()?;
    let time = |field: Option<String>, part: &str| {
        let mut value = json!({"type": part.to_ascii_uppercase()});
        if let Some(field) = field {
            value["field"] = json!(field);
        }
        ("timePartitioning", value)
    };
    if cursor.is_at_end() {
        let is_ingestion = word.eq_ignore_ascii_case("_PARTITIONDATE");
        return Ok(time(Some(word).filter(|_| !is_ingestion), "DAY"));
    }
    let mut inner = cursor.parenthesised().map_err(|_| not_known())?;
    cursor.expect_end().map_err(|_| not_known())?;
    let column = inner.name()?;
    match word.to_ascii_uppercase().as_str() {
        "DATE" if inner.is_at_end() => Ok(time(Some(column), "DAY")),
        "DATE_TRUNC" | "DATETIME_TRUNC" | "TIMESTAMP_TRUNC" => {
            inner.expect(&[","])?;
            let part = inner.name()?.to_ascii_uppercase();
            let known = ["HOUR", "DAY", "MONTH", "YEAR"].contains(&part.as_str());
            if !known || !inner.is_at_end() {
                return Err(not_known());
            }
            let is_ingestion = column.eq_ignore_ascii_case("_PARTITIONTIME");
            Ok(time(Some(column).filter(|_| !is_ingestion), &part))
        }
        "RANGE_BUCKET" => {
            inner.expect(&[",", "GENERATE_ARRAY"])?;
            let mut range = inner.parenthesised()?;
            let numbers: Vec<String> =
                range.list().into_iter().map(|it| it.replace(' ', "")).collect();
            let [start, end, interval] = numbers.as_slice() else { return Err(not_known()) };
            if numbers.iter().any(|it| it.parse::<i64>().is_err()) {
                return Err(not_known());
            }
            let range = json!({"start": start, "end": end, "interval": interval});
            Ok(("rangePartitioning", json!({"field": column, "range": range})))
        }
        _ => Err(not_known()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitioning_expressions_become_properties() {
        for (text, want) in [
            ("day", json!({"timePartitioning": {"type": "DAY", "field": "day"}})),
            ("DATE(at)", json!({"timePartitioning": {"type": "DAY", "field": "at"}})),
            ("_PARTITIONDATE", json!({"timePartitioning": {"type": "DAY"}})),
            (
                "timestamp_trunc(`at`, hour)",
                json!({"timePartitioning": {"type": "HOUR", "field": "at"}}),
            ),
            (
                "RANGE_BUCKET(id, GENERATE_ARRAY(0, 100, 10))",
                json!({"rangePartitioning": {"field": "id", "range": {"start": "0", "end": "100", "interval": "10"}}}),
            ),
        ] {
            let (key, value) = partitioning(text).expect(text);
            assert_eq!(json!({ key: value }), want, "{text}");
        }
        for text in ["id + 1", "DATE_TRUNC(day, WEEK)", "DATE(a, b)", "RANGE_BUCKET(id, [1, 2])"] {
            assert!(partitioning(text).is_err(), "{text}");
        }
    }
}
