//! Calls on tables.

use std::sync::Arc;

use landbridge_local_wire as wire;
use serde_json::{Map, Value, json};

use super::catalog::{TABLE_EXTRA, Table, TableName};
use super::datasets::merge;
use super::schema::{Field, find, parse_schema, patched};
use super::{BigQuery, check_etag, page};
use crate::access::Principal;
use crate::error::GoogleError;
use crate::query::values::{Format, row};
use crate::web::{Call, json as answer, no_content};

impl BigQuery {
    pub(super) fn tables(
        &self,
        who: &Principal,
        call: &Call,
        dataset: &str,
    ) -> Result<wire::Response, GoogleError> {
        match call.method.as_str() {
            "GET" => {
                self.may_on_dataset(who, dataset, "bigquery.tables.list")?;
                let all: Vec<Value> =
                    (self.catalog().dataset(&self.project, dataset)?.tables.iter())
                        .map(|(id, table)| {
                            table.list_entry(&TableName::new(&self.project, dataset, id))
                        })
                        .collect();
                let total = all.len();
                let (tables, next) = page(call, all)?;
                let mut body =
                    json!({"kind": "bigquery#tableList", "tables": tables, "totalItems": total});
                if let Some(next) = next {
                    body["nextPageToken"] = json!(next);
                }
                Ok(answer(200, &body))
            }
            "POST" => self.insert_table(who, call, dataset),
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }

    fn insert_table(
        &self,
        who: &Principal,
        call: &Call,
        dataset: &str,
    ) -> Result<wire::Response, GoogleError> {
        self.may_on_dataset(who, dataset, "bigquery.tables.create")?;
        let body = call.json()?;
        let reference = body.get("tableReference").unwrap_or(&Value::Null);
        let id = reference.get("tableId").and_then(Value::as_str).unwrap_or_default();
        check_table_id(id)?;
        let name = TableName::new(&self.project, dataset, id);
        if body.get("view").is_some_and(|it| !it.is_null()) {
            return Err(GoogleError::invalid("Views are not supported by this server."));
        }
        let fields = parse_schema(body.get("schema"))?;
        let location = self.catalog().dataset(&self.project, dataset)?.location.clone();
        self.check_tags(who, &name, &location, &[], &fields)?;
        check_layout(&fields, &body)?;
        let mut extra = Map::new();
        merge(&mut extra, &body, &TABLE_EXTRA);
        let mut catalog = self.catalog();
        let tables = &mut catalog.dataset_mut(&self.project, dataset)?.tables;
        if tables.contains_key(id) {
            return Err(GoogleError::duplicate(format!("Already Exists: Table {name}")));
        }
        let table = Table::new(fields, extra, self.clock.now());
        let resource = table.resource(&name, &location);
        tables.insert(id.to_owned(), table);
        Ok(answer(200, &resource))
    }

    pub(super) fn one_table(
        &self,
        who: &Principal,
        call: &Call,
        name: &TableName,
    ) -> Result<wire::Response, GoogleError> {
        match call.method.as_str() {
            "GET" => {
                self.may_on_table(who, name, "bigquery.tables.get")?;
                let catalog = self.catalog();
                let location = &catalog.dataset(&name.project, &name.dataset)?.location;
                Ok(answer(200, &catalog.table(name)?.resource(name, location)))
            }
            "PATCH" => self.change_table(who, call, name, false),
            "PUT" => self.change_table(who, call, name, true),
            "DELETE" => {
                self.may_on_table(who, name, "bigquery.tables.delete")?;
                let mut catalog = self.catalog();
                let tables = &mut catalog.dataset_mut(&name.project, &name.dataset)?.tables;
                tables.remove(&name.table).ok_or_else(|| name.not_found())?;
                Ok(no_content())
            }
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }

    /// tables.testIamPermissions: which of the named permissions the caller has.
    pub(super) fn test_permissions(
        &self,
        who: &Principal,
        call: &Call,
        name: &TableName,
    ) -> Result<wire::Response, GoogleError> {
        self.catalog().table(name)?;
        let body = call.json()?;
        let asked = body.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
        let has = |it: &&Value| {
            let permission = it.as_str().unwrap_or_default();
            self.read_access(|access| access.on_dataset(who, &name.dataset, permission))
        };
        let granted: Vec<&Value> = asked.iter().filter(has).collect();
        Ok(answer(200, &json!({ "permissions": granted })))
    }

    /// tables.patch and tables.update: the latter drops the properties that are not named, but
    /// for silence about policy tags both leave them alone.
    fn change_table(
        &self,
        who: &Principal,
        call: &Call,
        name: &TableName,
        whole: bool,
    ) -> Result<wire::Response, GoogleError> {
        self.may_on_table(who, name, "bigquery.tables.update")?;
        let body = call.json()?;
        let new = match body.get("schema") {
            None | Some(Value::Null) => None,
            Some(schema) => Some(parse_schema(Some(schema))?),
        };
        let mut catalog = self.catalog();
        let location = catalog.dataset(&name.project, &name.dataset)?.location.clone();
        let table = catalog.table_mut(name)?;
        check_etag(call, &table.etag())?;
        let fields = match new {
            Some(new) => patched(&table.fields, new, &name.to_string())?,
            None => table.fields.clone(),
        };
        self.check_tags(who, name, &location, &table.fields, &fields)?;
        let mut extra = if whole { Map::new() } else { table.extra.clone() };
        merge(&mut extra, &body, &TABLE_EXTRA);
        check_layout(&fields, &Value::Object(extra.clone()))?;
        table.count_update(self.metadata_update_limit, name)?;
        table.fields = fields;
        table.extra = extra;
        table.touch(self.clock.now());
        Ok(answer(200, &table.resource(name, &location)))
    }

    /// tabledata.list: the rows as they are kept, each column as the caller may see it.
    pub(super) async fn table_data(
        &self,
        who: &Principal,
        call: &Call,
        name: &TableName,
    ) -> Result<wire::Response, GoogleError> {
        let format = Format { int64_timestamps: call.flag("formatOptions.useInt64Timestamp") };
        // The destination of a query job is an anonymous table that holds its result.
        let result = match name.dataset.strip_prefix(super::jobs::ANONYMOUS_DATASET) {
            Some(_) => self.result_table(who, &name.table)?,
            None => Arc::new(self.read_table(who, name, call.query("selectedFields"))?),
        };
        let start = match call.number("pageToken")? {
            Some(token) => token.max(0) as usize,
            None => call.number("startIndex")?.unwrap_or(0).max(0) as usize,
        };
        let limit =
            call.number("maxResults")?.map_or(super::jobs::PAGE_ROWS, |it| it.max(0) as usize);
        let rows: Vec<Value> = result
            .slice(start, limit)
            .map(|(batch, at)| row(&result.fields, batch, at, format))
            .collect();
        let end = start + rows.len();
        let mut body = json!({
            "kind": "bigquery#tableDataList",
            "etag": format!("\"{start}-{end}\""),
            "totalRows": result.total().to_string(),
            "rows": rows,
        });
        if end < result.total() && !rows_is_empty(&body) {
            body["pageToken"] = json!(end.to_string());
        }
        Ok(answer(200, &body))
    }
}

fn rows_is_empty(body: &Value) -> bool {
    body.get("rows").and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// BigQuery's rule for table ids, without the rarer Unicode classes.
pub(super) fn check_table_id(id: &str) -> Result<(), GoogleError> {
    let good = (1..=1024).contains(&id.len())
        && id.chars().all(|c| c.is_alphanumeric() || "_- ".contains(c));
    if good {
        return Ok(());
    }
    Err(GoogleError::invalid(format!(
        "Invalid table ID \"{id}\". Table IDs must be alphanumeric (plus underscores, dashes and \
         spaces) and must be at most 1024 characters long."
    )))
}

/// Partitioning and clustering columns must exist, and may carry no policy tag: masking on
/// them is not supported.
pub(super) fn check_layout(fields: &[Field], extra: &Value) -> Result<(), GoogleError> {
    let partition = ["/timePartitioning/field", "/rangePartitioning/field"];
    let partition = partition.iter().filter_map(|it| extra.pointer(it)).filter_map(Value::as_str);
    let clustering = extra.pointer("/clustering/fields").and_then(Value::as_array);
    let clustering = clustering.into_iter().flatten().filter_map(Value::as_str);
    for column in partition.chain(clustering) {
        let field = find(fields, column).ok_or_else(|| {
            GoogleError::invalid(format!(
                "The field specified for partitioning or clustering cannot be found in the schema: \
                 {column}"
            ))
        })?;
        if field.tag().is_some() {
            return Err(GoogleError::invalid(format!(
                "Column {column} is used for partitioning or clustering and cannot have a policy tag."
            )));
        }
    }
    Ok(())
}
