//! Views: reading, creating, changing and deleting those that Landbridge made.
//!
//! A view is created without a schema, because BigQuery computes it from the query; the descriptions
//! of its columns are set afterwards (the Terraform provider for Google does the same in
//! `resource_bigquery_table.go`: "BigQuery does not support setting schema on view creation").

use landbridge_core::ids::LABEL_SOURCE;
use landbridge_core::names::is_same;
use landbridge_core::views::{View, ViewColumn};
use landbridge_core::{Created, Result};
use reqwest::Method;
use serde_json::{Value, json};

use super::rest::RestCall;
use super::tables::{LABEL_CONTRACT, label};
use super::{BigQuery, Patched};

/// A table or view of the dataset of views, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewInfo {
    /// Whether it is a view.
    pub is_view: bool,
    /// The value of the label `landbridge_source`; `None` if Landbridge did not create it.
    pub source_label: Option<String>,
    /// The number of the deployment that wrote it last; 0 if there is none.
    pub contract: i64,
    /// Its version, for conditional changes.
    pub etag: String,
    query: String,
    description: String,
    fields: Vec<Value>,
}

impl ViewInfo {
    /// Whether `view` has the same query and description.
    pub fn has_text_of(&self, view: &View) -> bool {
        self.query == view.query && self.description == view.description
    }

    /// The fields of the schema with the descriptions of these columns; `None` if they have them.
    fn described_fields(&self, columns: &[ViewColumn]) -> Option<Vec<Value>> {
        let mut fields = self.fields.clone();
        for field in &mut fields {
            let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
            if let Some(column) = columns.iter().find(|column| is_same(&column.name, name)) {
                field["description"] = json!(column.description);
            }
        }
        (fields != self.fields).then_some(fields)
    }

    /// Whether the columns have these descriptions.
    pub fn describes(&self, columns: &[ViewColumn]) -> bool {
        self.described_fields(columns).is_none()
    }
}

impl BigQuery {
    /// Describes a view, or what has its name; `None` if nothing has.
    ///
    /// # Errors
    /// [`landbridge_core::ErrorKind::NotFound`] if the dataset does not exist,
    /// [`landbridge_core::ErrorKind::Denied`] without `bigquery.tables.get`; any other BigQuery error.
    pub async fn view(&self, dataset: &str, name: &str) -> Result<Option<ViewInfo>> {
        let resource = self.table_resource(dataset, name, "a view cannot be read").await?;
        Ok(resource.as_ref().map(view_info))
    }

    /// Creates a view with its labels. Idempotent: what exists under its name is not changed.
    ///
    /// # Errors
    /// [`landbridge_core::ErrorKind::Denied`] without `bigquery.tables.create` on the dataset and
    /// `bigquery.tables.getData` on the tables that the query names; any other BigQuery error.
    pub async fn create_view(
        &self,
        dataset: &str,
        view: &View,
        source: &str,
        contract: i64,
    ) -> Result<Created> {
        let body = json!({
            "tableReference": {"projectId": self.project, "datasetId": dataset, "tableId": view.name},
            "view": {"query": view.query, "useLegacySql": false},
            "description": view.description,
            "labels": {LABEL_SOURCE: source, LABEL_CONTRACT: contract.to_string()},
        });
        self.insert_table("a view cannot be created", dataset, &view.name, &body).await
    }

    /// Changes query, description and label of the view that was read as `live`. Refused if it has
    /// changed since. BigQuery computes the schema again, so callers then read the view back.
    ///
    /// # Errors
    /// As [`Self::create_view`], with `bigquery.tables.update`.
    pub async fn patch_view(
        &self,
        dataset: &str,
        live: &ViewInfo,
        view: &View,
        contract: i64,
    ) -> Result<Patched> {
        let body = json!({
            "view": {"query": view.query, "useLegacySql": false},
            "description": view.description,
            "labels": {LABEL_CONTRACT: contract.to_string()},
        });
        self.patch_live_view(dataset, &view.name, live, &body).await
    }

    /// Sets the descriptions of the columns of the view that was read as `live`. Refused if it has
    /// changed since.
    ///
    /// # Errors
    /// Any BigQuery error.
    pub async fn describe_view(
        &self,
        dataset: &str,
        live: &ViewInfo,
        view: &View,
    ) -> Result<Patched> {
        let Some(fields) = live.described_fields(&view.columns) else { return Ok(Patched::Yes) };
        let body = json!({"schema": {"fields": fields}});
        self.patch_live_view(dataset, &view.name, live, &body).await
    }

    async fn patch_live_view(
        &self,
        dataset: &str,
        name: &str,
        live: &ViewInfo,
        body: &Value,
    ) -> Result<Patched> {
        let patched =
            self.patched("a view cannot be changed", dataset, name, &live.etag, body).await?;
        Ok(Patched::of(patched.as_ref()))
    }

    /// Deletes a view. The caller has read it and found that it is a view of ours. Idempotent.
    ///
    /// # Errors
    /// [`landbridge_core::ErrorKind::Denied`] without `bigquery.tables.delete`; any other BigQuery
    /// error.
    pub async fn delete_view(&self, dataset: &str, name: &str) -> Result<()> {
        let call = RestCall {
            what: "a view cannot be deleted",
            context: self.table_path(dataset, name),
            method: Method::DELETE,
            path: self.table_url(dataset, name),
            body: None,
            if_match: None,
        };
        match self.rest.send(&call).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.status == 404 => Ok(()),
            Err(refusal) => Err(refusal.error),
        }
    }
}

fn view_info(resource: &Value) -> ViewInfo {
    let text = |pointer: &str| {
        resource.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let fields = resource.pointer("/schema/fields").and_then(Value::as_array);
    ViewInfo {
        is_view: text("/type") == "VIEW",
        source_label: label(resource, LABEL_SOURCE).map(str::to_owned),
        contract: label(resource, LABEL_CONTRACT).and_then(|it| it.parse().ok()).unwrap_or(0),
        etag: text("/etag"),
        query: text("/view/query"),
        description: text("/description"),
        fields: fields.cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_descriptions_that_differ_are_set_and_the_rest_of_a_field_stays() {
        let live = view_info(&json!({
            "type": "VIEW",
            "labels": {"landbridge_source": "shop", "landbridge_contract": "7"},
            "schema": {"fields": [
                {"name": "id", "type": "INTEGER", "mode": "NULLABLE", "description": "key"},
                {"name": "Terms", "type": "JSON"},
            ]},
        }));
        assert_eq!((live.contract, live.source_label.as_deref()), (7, Some("shop")));
        let column = |name: &str, text: &str| ViewColumn {
            name: name.to_owned(),
            description: text.to_owned(),
        };
        assert!(live.describes(&[column("id", "key")]));
        let fields = live.described_fields(&[column("id", "key"), column("terms", "parsed")]);
        let expected = json!([
            {"name": "id", "type": "INTEGER", "mode": "NULLABLE", "description": "key"},
            {"name": "Terms", "type": "JSON", "description": "parsed"},
        ]);
        assert_eq!(fields.map(Value::from), Some(expected));
    }
}
