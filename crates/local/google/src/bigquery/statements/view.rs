//! CREATE VIEW, and new views in the catalog (GoogleSQL reference, "Data definition language").

use serde_json::{Map, Value};

use super::create::Creation;
use super::destination::table_fields;
use super::options::{Options, set_property};
use super::tokens::{Cursor, Kind};
use super::{Statement, StatementResult, query_text};
use crate::access::Principal;
use crate::bigquery::catalog::{Table, View};
use crate::bigquery::names::TableName;
use crate::bigquery::query::QuerySpec;
use crate::bigquery::schema::Field;
use crate::bigquery::tables::check_table_id;
use crate::bigquery::{BigQuery, check_labels};
use crate::error::GoogleError;
use crate::turned::is_turned;

/// Options of a view.
const VIEW_OPTIONS: [&str; 4] = ["description", "friendly_name", "labels", "expiration_timestamp"];
impl Statement<'_> {
    pub(super) async fn create_view(
        &self,
        cursor: &mut Cursor<'_>,
        creation: &Creation,
    ) -> Result<StatementResult, GoogleError> {
        let name = self.table_name(&cursor.path()?)?;
        let columns = if cursor.is_next(&["("]) { Some(view_columns(cursor)?) } else { None };
        let options = Options::parse(cursor)?;
        options.check_known(&VIEW_OPTIONS)?;
        let mut properties = Map::new();
        self.set_table_options(&mut properties, &options).await?;
        cursor.expect(&["AS"])?;
        if !self.spec.parameters.is_empty() && has_parameter(cursor) {
            return Err(GoogleError::invalid_query(
                "Query parameters cannot be used inside SQL view definitions",
            ));
        }
        let query = cursor.text_until(|it| it.is_next(&[";"])).to_owned();
        self.expect_end(cursor)?;
        let exists = self.authorize_creation(&name, creation)?;
        if exists && creation.unless_exists {
            return Ok(StatementResult::definition("CREATE_VIEW", "SKIP", &name));
        }
        let names = columns.as_ref().map(|it| it.iter().map(|(name, _)| name.clone()).collect());
        let mut view = self.server.new_view(self.caller, &name, &query, names).await?;
        for (field, (_, description)) in view.fields.iter_mut().zip(columns.iter().flatten()) {
            set_property(&mut field.properties, "description", description.clone());
        }
        view.properties = properties;
        check_labels(&view.properties)?;
        if !self.dry_run {
            self.server.put_view(&name, view, creation.or_replace)?;
        }
        let operation = if exists { "REPLACE" } else { "CREATE" };
        Ok(StatementResult::definition("CREATE_VIEW", operation, &name))
    }
}

fn has_parameter(cursor: &Cursor<'_>) -> bool {
    let mut rest = cursor.clone();
    while let Some(token) = rest.next() {
        if token.kind == Kind::Parameter {
            return true;
        }
    }
    false
}

/// The column list of a view: names with descriptions.
fn view_columns(cursor: &mut Cursor<'_>) -> Result<Vec<(String, Option<Value>)>, GoogleError> {
    let mut inner = cursor.parenthesised()?;
    let mut columns = Vec::new();
    loop {
        let name = inner.name()?;
        let options = Options::parse(&mut inner)?;
        options.check_known(&["description"])?;
        columns.push((name, options.text("description")?));
        if !inner.accepts(&[","]) {
            inner.expect_end()?;
            return Ok(columns);
        }
    }
}

/// A new view before it is put in the catalog: its description, schema and query.
pub(in crate::bigquery) struct NewView {
    pub(in crate::bigquery) fields: Vec<Field>,
    pub(in crate::bigquery) properties: Map<String, Value>,
    pub(in crate::bigquery) view: View,
}

impl BigQuery {
    /// Checks the query of a view as `caller`, who needs the rights to run it, and computes its schema.
    ///
    /// # Errors
    /// The errors of the query; 400 for two columns of one name.
    pub(in crate::bigquery) async fn new_view(
        &self,
        caller: &Principal,
        name: &TableName,
        query: &str,
        columns: Option<Vec<String>>,
    ) -> Result<NewView, GoogleError> {
        check_table_id(&name.table)?;
        let spec = QuerySpec {
            view_depth: 1,
            plain_only: is_turned("view-create-needs-get-data"),
            ..QuerySpec::plain(&query_text(query)?)
        };
        let mut result = self.run_query(caller, &spec, true).await?;
        if let Some(columns) = &columns {
            if columns.len() != result.fields.len() {
                return Err(GoogleError::invalid_query(format!(
                    "The number of columns in the column definition list does not match the number \
                     of columns produced by the query of view {name}: {} and {}",
                    columns.len(),
                    result.fields.len()
                )));
            }
            for (field, column) in result.fields.iter_mut().zip(columns) {
                field.name.clone_from(column);
            }
        }
        let fields = table_fields(&result.fields, &name.to_string())?;
        let view = View { query: query.to_owned(), columns };
        Ok(NewView { fields, properties: Map::new(), view })
    }

    /// Puts a view in the catalog.
    ///
    /// # Errors
    /// 409 for an existing table or view that must not be replaced, 400 for a table in its place.
    pub(in crate::bigquery) fn put_view(
        &self,
        name: &TableName,
        new: NewView,
        may_replace: bool,
    ) -> Result<(), GoogleError> {
        let now = self.clock.now();
        let mut catalog = self.catalog();
        let changes = catalog.changes.clone();
        let dataset = catalog.dataset_mut(&name.project, &name.dataset)?;
        let properties = dataset.with_default_expiration(new.properties, now);
        match dataset.tables.get_mut(&name.table) {
            Some(_) if !may_replace => {
                Err(GoogleError::duplicate(format!("Already Exists: Table {name}")))
            }
            Some(table) if table.view.is_none() => Err(GoogleError::invalid_query(format!(
                "{name} is a table. CREATE OR REPLACE VIEW replaces views only; drop the table first."
            ))),
            Some(view) => {
                view.fields = new.fields;
                view.properties = properties;
                view.view = Some(new.view);
                view.mark_modified(now);
                catalog.revoke_view(name, now);
                Ok(())
            }
            None => {
                let mut view = Table::new(new.fields, properties, now, &changes);
                view.view = Some(new.view);
                dataset.tables.insert(name.table.clone(), view);
                // Of a view of this name that was deleted.
                catalog.revoke_view(name, now);
                Ok(())
            }
        }
    }
}
