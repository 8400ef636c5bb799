//! Table calls.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::catalog::{TABLE_PROPERTIES, Table};
use super::names::ANONYMOUS_DATASET;
use super::names::TableName;
use super::query::cells::{CellFormat, row_json};
use super::schema::{Field, OmittedTags, find_field, parse_schema, patched_fields};
use super::{BigQuery, check_etag, check_labels, list_response, merge_properties, settings};
use crate::access::Principal;
use crate::error::GoogleError;
use crate::turned::is_turned;
use crate::web::{ApiResult, Call, json_response, no_content_response};

/// The property of a table whose tags are not in force, if the claim `tag-in-force-at-once` is turned.
pub(super) const LATE_TAGS: &str = "late tags";

impl BigQuery {
    pub(super) async fn handle_tables(
        &self,
        caller: &Principal,
        call: &Call,
        dataset: &str,
    ) -> ApiResult {
        match call.method.as_str() {
            "GET" => {
                self.authorize_on_dataset(caller, dataset, "bigquery.tables.list")?;
                let entries: Vec<Value> =
                    (self.catalog().dataset(&self.project, dataset)?.tables.iter())
                        .map(|(id, table)| {
                            table.list_entry(&TableName::new(&self.project, dataset, id))
                        })
                        .collect();
                let body = json!({"kind": "bigquery#tableList", "totalItems": entries.len()});
                list_response(call, body, "tables", entries)
            }
            "POST" => self.insert_table(caller, call, dataset).await,
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }

    /// The routines of a dataset: none, because CREATE FUNCTION and CREATE PROCEDURE are refused. dbt asks
    /// for them with the tables, and takes a refusal as an empty dataset.
    pub(super) fn list_routines(
        &self,
        caller: &Principal,
        call: &Call,
        dataset: &str,
    ) -> ApiResult {
        self.authorize_on_dataset(caller, dataset, "bigquery.routines.list")?;
        self.catalog().dataset(&self.project, dataset)?;
        list_response(call, json!({}), "routines", Vec::new())
    }

    async fn insert_table(&self, caller: &Principal, call: &Call, dataset: &str) -> ApiResult {
        self.authorize_on_dataset(caller, dataset, "bigquery.tables.create")?;
        let body = call.json_body()?;
        let reference = body.get("tableReference").unwrap_or(&Value::Null);
        let id = reference.get("tableId").and_then(Value::as_str).unwrap_or_default();
        check_table_id(id)?;
        let name = TableName::new(&self.project, dataset, id);
        settings::TABLE.check(&body)?;
        if let Some(view) = body.get("view").filter(|it| !it.is_null()) {
            return self.insert_view(caller, &name, &body, view).await;
        }
        let fields = parse_schema(body.get("schema"))?;
        let location = self.catalog().dataset(&self.project, dataset)?.location.clone();
        self.check_tags(caller, &name, &location, &[], &fields)?;
        check_layout(&fields, &body)?;
        let mut properties = Map::new();
        merge_properties(&mut properties, &body, &TABLE_PROPERTIES);
        check_labels(&properties)?;
        let mut catalog = self.catalog();
        let (changes, now) = (catalog.changes.clone(), self.clock.now());
        let dataset = catalog.dataset_mut(&self.project, dataset)?;
        let taken = |it: &String| it.eq_ignore_ascii_case(id);
        let is_taken = is_turned("table-names-case-sensitive") && dataset.tables.keys().any(taken);
        if is_taken || dataset.tables.contains_key(id) {
            return Err(GoogleError::duplicate(format!("Already Exists: Table {name}")));
        }
        let properties = dataset.with_default_expiration(properties, now);
        let table = Table::new(fields, properties, now, &changes);
        let resource = table.resource(&name, &location);
        dataset.tables.insert(id.to_owned(), table);
        Ok(json_response(200, &resource))
    }

    pub(super) async fn handle_table(
        &self,
        caller: &Principal,
        call: &Call,
        name: &TableName,
    ) -> ApiResult {
        match call.method.as_str() {
            "GET" if name.dataset == ANONYMOUS_DATASET => self.anonymous_table(caller, name),
            "GET" => {
                self.authorize_on_table(caller, name, "bigquery.tables.get")?;
                let catalog = self.catalog();
                let location = &catalog.dataset(&name.project, &name.dataset)?.location;
                let mut resource = catalog.table(name)?.resource(name, location);
                if is_turned("table-read-own-write")
                    && let Some(resource) = resource.as_object_mut()
                {
                    resource.remove("labels");
                }
                if is_turned("tag-name-with-number")
                    && let Some(schema) = resource.get_mut("schema")
                {
                    name_tags(schema, &self.project, "-");
                }
                if catalog.numbers_in_tags
                    && let Some(schema) = resource.get_mut("schema")
                {
                    name_tags(schema, &self.project, &crate::PROJECT_NUMBER.to_string());
                }
                Ok(json_response(200, &resource))
            }
            "PATCH" => self.change_table(caller, call, name, false).await,
            "PUT" => self.change_table(caller, call, name, true).await,
            "DELETE" => {
                self.authorize_on_table(caller, name, "bigquery.tables.delete")?;
                let mut catalog = self.catalog();
                let tables = &mut catalog.dataset_mut(&name.project, &name.dataset)?.tables;
                tables.remove(&name.table).ok_or_else(|| name.not_found())?;
                Ok(no_content_response())
            }
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }

    /// `tables.testIamPermissions`: returns which of the given permissions the caller has.
    pub(super) fn test_permissions(
        &self,
        caller: &Principal,
        call: &Call,
        name: &TableName,
    ) -> ApiResult {
        self.catalog().table(name)?;
        let body = call.json_body()?;
        let requested =
            body.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
        let is_granted = |it: &&Value| {
            let permission = it.as_str().unwrap_or_default();
            self.with_access(|access| access.allows_on_dataset(caller, &name.dataset, permission))
        };
        let granted: Vec<&Value> = requested.iter().filter(is_granted).collect();
        Ok(json_response(200, &json!({ "permissions": granted })))
    }

    /// `tables.patch` and, with `replace`, `tables.update`, which removes properties that the body
    /// does not contain. Both keep the policy tags of fields without `policyTags`, unless
    /// [`LocalGoogle::clear_omitted_tags`](crate::LocalGoogle::clear_omitted_tags) says otherwise.
    async fn change_table(
        &self,
        caller: &Principal,
        call: &Call,
        name: &TableName,
        replace: bool,
    ) -> ApiResult {
        self.authorize_on_table(caller, name, "bigquery.tables.update")?;
        let body = call.json_body()?;
        settings::TABLE.check(&body)?;
        let old = self.catalog().table(name)?.clone();
        if old.view.is_some() {
            return self.change_view(caller, call, name, &body, old, replace).await;
        }
        if body.get("view").is_some_and(|it| !it.is_null()) {
            return Err(GoogleError::invalid(format!("{name} is a table, not a view.")));
        }
        let new = match body.get("schema") {
            None | Some(Value::Null) => None,
            Some(schema) => {
                let mut fields = parse_schema(Some(schema))?;
                tags_by_project_id(&mut fields, &self.project);
                if !is_turned("tag-needs-set-category") {
                    self.authorize_named_tags(caller, name, &fields)?;
                }
                Some(fields)
            }
        };
        let mut catalog = self.catalog();
        let location = catalog.dataset(&name.project, &name.dataset)?.location.clone();
        let omitted = match catalog.clears_omitted_tags {
            true => OmittedTags::Cleared,
            false => OmittedTags::Kept,
        };
        let table = catalog.table_mut(name)?;
        if !is_turned("patch-if-match") {
            check_etag(call, &table.etag())?;
        }
        let fields = match new {
            Some(new) => patched_fields(&table.fields, new, omitted, &name.to_string())?,
            None if is_turned("patch-description-alone") => untagged(&table.fields),
            None => table.fields.clone(),
        };
        self.check_tags(caller, name, &location, &table.fields, &fields)?;
        let mut properties = if replace { Map::new() } else { table.properties.clone() };
        merge_properties(&mut properties, &body, &TABLE_PROPERTIES);
        check_labels(&properties)?;
        check_layout(&fields, &Value::Object(properties.clone()))?;
        table.count_metadata_update(self.metadata_update_limit, name)?;
        if is_turned("tag-in-force-at-once")
            && fields.iter().any(|it| it.tag().is_some())
            && table.fields.iter().all(|it| it.tag().is_none())
        {
            properties.insert(LATE_TAGS.to_owned(), json!(true));
        }
        if is_turned("patch-adds-tagged-column") && fields.len() > table.fields.len() {
            properties.insert(LATE_TAGS.to_owned(), json!(true));
        }
        table.fields = fields;
        table.properties = properties;
        let before = table.modified();
        let stays = is_turned("table-modified-by-every-write");
        table.mark_modified(if stays { before } else { self.clock.now() });
        let mut resource = table.resource(name, &location);
        if is_turned("patch-returns-the-table") {
            resource["lastModifiedTime"] = json!(before.as_millisecond().to_string());
        }
        Ok(json_response(200, &resource))
    }

    /// `tabledata.list`: the rows of a table, masked for the caller.
    pub(super) async fn list_table_data(
        &self,
        caller: &Principal,
        call: &Call,
        name: &TableName,
    ) -> ApiResult {
        let format =
            CellFormat { int64_timestamps: call.bool_param("formatOptions.useInt64Timestamp") };
        // An anonymous table contains the result of a query job.
        let result = match name.dataset.strip_prefix(ANONYMOUS_DATASET) {
            Some(_) => {
                let job = self.anonymous_job(caller, &name.table)?;
                job.result.clone().ok_or_else(|| name.not_found())?
            }
            None => Arc::new(self.read_table(caller, name, call.query_param("selectedFields"))?),
        };
        let start = match super::page_start(call)? {
            Some(start) => start,
            None => call.int_param("startIndex")?.unwrap_or(0).max(0) as usize,
        };
        let limit =
            call.int_param("maxResults")?.map_or(super::job::PAGE_ROWS, |it| it.max(0) as usize);
        let rows: Vec<Value> = result
            .slice(start, limit)
            .map(|(batch, at)| row_json(&result.fields, batch, at, format))
            .collect();
        let end = start + rows.len();
        let mut body = json!({
            "kind": "bigquery#tableDataList",
            "etag": format!("\"{start}-{end}\""),
            "totalRows": result.row_count().to_string(),
            "rows": rows,
        });
        if end < result.row_count() && !has_no_rows(&body) {
            body["pageToken"] = json!(super::page_token(end));
        }
        Ok(json_response(200, &body))
    }
}

/// Replaces the project's id by another name of it in the policy tags of a schema or a field.
fn name_tags(of: &mut Value, project: &str, by: &str) {
    if let Some(Value::String(tag)) = of.pointer_mut("/policyTags/names/0")
        && let Some(rest) = tag.strip_prefix(&format!("projects/{project}/"))
    {
        *tag = format!("projects/{by}/{rest}");
    }
    let fields = of.get_mut("fields").and_then(Value::as_array_mut);
    fields.into_iter().flatten().for_each(|field| name_tags(field, project, by));
}

/// Replaces the project's number by its id in policy tags: both name the same tag.
fn tags_by_project_id(fields: &mut [Field], project: &str) {
    let number = format!("projects/{}/", crate::PROJECT_NUMBER);
    for field in fields {
        for tag in field.tags.iter_mut().flatten() {
            if let Some(rest) = tag.strip_prefix(&number) {
                *tag = format!("projects/{project}/{rest}");
            }
        }
        tags_by_project_id(&mut field.fields, project);
    }
}

fn has_no_rows(body: &Value) -> bool {
    body.get("rows").and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// Checks BigQuery's rule for table ids (BigQuery v2 discovery document, `TableReference.tableId`).
pub(super) fn check_table_id(id: &str) -> Result<(), GoogleError> {
    use GeneralCategoryGroup::{Letter, Mark, Number};
    let allowed = |c: char| {
        matches!(c.general_category_group(), Letter | Mark | Number)
            || matches!(
                c.general_category(),
                GeneralCategory::ConnectorPunctuation
                    | GeneralCategory::DashPunctuation
                    | GeneralCategory::SpaceSeparator
            )
    };
    let is_valid = (1..=1024).contains(&id.len()) && id.chars().all(allowed);
    if is_valid {
        return Ok(());
    }
    Err(GoogleError::invalid(format!(
        "Invalid table ID \"{id}\". Table IDs must be alphanumeric (plus underscores, dashes and \
         spaces) and must be at most 1024 characters long."
    )))
}

/// Checks that partitioning and clustering columns exist and have no policy tag: BigQuery does not
/// support masking of such columns.
pub(super) fn check_layout(fields: &[Field], properties: &Value) -> Result<(), GoogleError> {
    let partition = ["/timePartitioning/field", "/rangePartitioning/field"];
    let partition =
        partition.iter().filter_map(|it| properties.pointer(it)).filter_map(Value::as_str);
    let clustering = properties.pointer("/clustering/fields").and_then(Value::as_array);
    let clustering = clustering.into_iter().flatten().filter_map(Value::as_str);
    for column in partition.chain(clustering) {
        let field = find_field(fields, column).ok_or_else(|| {
            GoogleError::invalid(format!(
                "The field specified for partitioning or clustering cannot be found in the schema: \
                 {column}"
            ))
        })?;
        if field.tag().is_some() && !is_turned("mask-not-on-partitions") {
            return Err(GoogleError::invalid(format!(
                "Column {column} is used for partitioning or clustering and cannot have a policy tag."
            )));
        }
    }
    Ok(())
}

/// The fields without their tags.
fn untagged(fields: &[Field]) -> Vec<Field> {
    fields.iter().map(|it| Field { tags: None, ..it.clone() }).collect()
}
