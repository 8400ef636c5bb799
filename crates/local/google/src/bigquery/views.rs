//! Calls that create and change views.

use serde_json::{Map, Value, json};

use super::catalog::{TABLE_PROPERTIES, Table};
use super::names::TableName;
use super::schema::{Field, find_field, parse_schema};
use super::statements::NewView;
use super::{BigQuery, check_etag, check_labels, merge_properties, settings};
use crate::access::Principal;
use crate::error::GoogleError;
use crate::turned::is_turned;
use crate::web::{ApiResult, Call, json_response};

/// Properties of tables that a view cannot have.
const TABLE_ONLY: [&str; 4] =
    ["timePartitioning", "rangePartitioning", "clustering", "requirePartitionFilter"];

impl BigQuery {
    /// `tables.insert` with a `view`. The caller needs the rights to run its query.
    pub(super) async fn insert_view(
        &self,
        caller: &Principal,
        name: &TableName,
        body: &Value,
        view: &Value,
    ) -> ApiResult {
        let mut new = self.new_view(caller, name, view_query(view)?, None).await?;
        new.properties = view_properties(Map::new(), body)?;
        describe(&mut new.fields, body)?;
        self.put_view(name, new, false)?;
        self.view_resource(name)
    }

    /// `tables.patch` and `tables.update` of a view. A column keeps its description, unless the body has
    /// another one.
    pub(super) async fn change_view(
        &self,
        caller: &Principal,
        call: &Call,
        name: &TableName,
        body: &Value,
        old: Table,
        replace: bool,
    ) -> ApiResult {
        check_etag(call, &old.etag())?;
        let query = match body.get("view").filter(|it| !it.is_null()) {
            Some(view) => Some(view_query(view)?.to_owned()),
            None => None,
        };
        let (mut fields, view) = match (query, &old.view) {
            (Some(query), _) => {
                let NewView { mut fields, view, .. } =
                    self.new_view(caller, name, &query, None).await?;
                keep_descriptions(&mut fields, &old.fields);
                (fields, Some(view))
            }
            (None, view) => (old.fields.clone(), view.clone()),
        };
        describe(&mut fields, body)?;
        let before = if replace { Map::new() } else { old.properties.clone() };
        let properties = view_properties(before, body)?;
        {
            let (now, limit) = (self.clock.now(), self.metadata_update_limit);
            let mut catalog = self.catalog();
            let table = catalog.table_mut(name)?;
            // The view may have changed while its query was checked.
            if table.version() != old.version() {
                return Err(GoogleError::condition_not_met());
            }
            table.count_metadata_update(limit, name)?;
            (table.fields, table.properties, table.view) = (fields, properties, view);
            table.mark_modified(now);
            catalog.revoke_view(name, now);
        }
        self.view_resource(name)
    }

    fn view_resource(&self, name: &TableName) -> ApiResult {
        let catalog = self.catalog();
        let location = &catalog.dataset(&name.project, &name.dataset)?.location;
        Ok(json_response(200, &catalog.table(name)?.resource(name, location)))
    }
}

/// The query of a `ViewDefinition`.
fn view_query(view: &Value) -> Result<&str, GoogleError> {
    settings::VIEW.check(view)?;
    // Google's default is legacy SQL, but clients send `false`.
    if view.get("useLegacySql").and_then(Value::as_bool) != Some(false) {
        return Err(GoogleError::invalid(
            "The local warehouse does not know views in legacy SQL. Set view.useLegacySql to false.",
        ));
    }
    view.get("query").and_then(Value::as_str).ok_or_else(|| {
        GoogleError::new(400, "required", "Required parameter is missing: view.query")
    })
}

fn view_properties(
    mut properties: Map<String, Value>,
    body: &Value,
) -> Result<Map<String, Value>, GoogleError> {
    for key in TABLE_ONLY {
        if body.get(key).is_some_and(|it| !it.is_null() && *it != json!(false)) {
            return Err(GoogleError::invalid(format!("A view cannot have {key}.")));
        }
    }
    merge_properties(&mut properties, body, &TABLE_PROPERTIES);
    check_labels(&properties)?;
    Ok(properties)
}

fn keep_descriptions(fields: &mut [Field], before: &[Field]) {
    for field in fields {
        let description =
            find_field(before, &field.name).and_then(|it| it.properties.get("description"));
        if let Some(description) = description {
            field.properties.insert("description".to_owned(), description.clone());
        }
    }
}

/// Sets the descriptions in the schema of a request. A view's schema follows from its query: its columns,
/// types and modes cannot be set.
fn describe(fields: &mut [Field], body: &Value) -> Result<(), GoogleError> {
    if is_turned("view-descriptions-stay") {
        return Ok(());
    }
    let Some(schema) = body.get("schema").filter(|it| !it.is_null()) else { return Ok(()) };
    for given in parse_schema(Some(schema))? {
        let field = fields.iter_mut().find(|it| it.name.eq_ignore_ascii_case(&given.name));
        let Some(field) = field.filter(|it| it.field_type == given.field_type) else {
            return Err(GoogleError::invalid(format!(
                "Schema of a view cannot be changed: its query has no column {} of type {}.",
                given.name,
                given.field_type.name()
            )));
        };
        if given.tag().is_some() {
            return Err(GoogleError::invalid(format!(
                "Policy tags cannot be set on a view (column {}). The tags of the tables behind it \
                 apply.",
                given.name
            )));
        }
        if let Some(text) = given.properties.get("description") {
            field.properties.insert("description".to_owned(), text.clone());
        }
    }
    Ok(())
}
