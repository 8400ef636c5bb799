//! Dataset calls.

use serde_json::{Map, Value, json};

use super::catalog::Dataset;
use super::versions::check_window;
use super::{BigQuery, check_etag, check_labels, list_response, merge_properties, settings};
use crate::access::Principal;
use crate::error::GoogleError;
use crate::web::{ApiResult, Call, json_response, no_content_response};

/// The properties of a dataset resource that a caller may set.
const DATASET_PROPERTIES: [&str; 9] = [
    "description",
    "friendlyName",
    "labels",
    "defaultTableExpirationMs",
    "access",
    "maxTimeTravelHours",
    "defaultCollation",
    "defaultEncryptionConfiguration",
    "storageBillingModel",
];

impl BigQuery {
    /// Sets properties of a dataset; null removes one. The access list stays as it is.
    pub(crate) fn change_dataset(&self, id: &str, body: &Value) -> Result<(), GoogleError> {
        settings::DATASET.check(body)?;
        let mut catalog = self.catalog();
        let dataset = catalog.dataset_mut(&self.project, id)?;
        merge_properties(&mut dataset.properties, body, &DATASET_PROPERTIES);
        check_window(&mut dataset.properties)?;
        check_labels(&dataset.properties)
    }

    pub(super) fn handle_datasets(&self, caller: &Principal, call: &Call) -> ApiResult {
        match call.method.as_str() {
            "GET" => {
                let visible: Vec<Value> = (self.catalog().datasets.iter())
                    .filter(|(id, _)| !super::names::is_temporary(id))
                    .filter(|(id, _)| {
                        self.with_access(|it| {
                            it.allows_on_dataset(caller, id, "bigquery.datasets.get")
                        })
                    })
                    .map(|(id, dataset)| dataset.resource(&self.project, id))
                    .collect();
                list_response(call, json!({"kind": "bigquery#datasetList"}), "datasets", visible)
            }
            "POST" => {
                self.authorize_on_project(caller, "bigquery.datasets.create")?;
                let body = call.json_body()?;
                let id = body
                    .pointer("/datasetReference/datasetId")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                super::temporary::check_not_temporary(id)?;
                self.check_access_list(body.get("access"))?;
                let location = body.get("location").and_then(Value::as_str);
                self.create_dataset(
                    id,
                    location.unwrap_or(&self.location),
                    settable_properties(&body)?,
                )?;
                self.apply_access_list(id, body.get("access"));
                self.dataset_response(id)
            }
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }

    /// The resource of a dataset, with its complete access list.
    fn dataset_response(&self, id: &str) -> ApiResult {
        let resource = self.catalog().dataset(&self.project, id)?.resource(&self.project, id);
        Ok(json_response(200, &self.with_access_list(id, resource)))
    }

    pub(crate) fn create_dataset(
        &self,
        id: &str,
        location: &str,
        properties: Map<String, Value>,
    ) -> Result<(), GoogleError> {
        let is_valid = (1..=1024).contains(&id.len())
            && id.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        if !is_valid {
            return Err(GoogleError::invalid(format!(
                "Invalid dataset ID \"{id}\". Dataset IDs must be alphanumeric (plus underscores) \
                 and must be at most 1024 characters long."
            )));
        }
        let mut catalog = self.catalog();
        if catalog.datasets.contains_key(id) {
            let message = format!("Already Exists: Dataset {}:{id}", self.project);
            return Err(GoogleError::duplicate(message));
        }
        catalog
            .datasets
            .insert(id.to_owned(), Dataset::new(location, properties, self.clock.now()));
        Ok(())
    }

    pub(super) fn handle_dataset(&self, caller: &Principal, call: &Call, id: &str) -> ApiResult {
        match call.method.as_str() {
            "GET" => {
                self.authorize_on_dataset(caller, id, "bigquery.datasets.get")?;
                self.dataset_response(id)
            }
            method @ ("PATCH" | "PUT") => {
                self.authorize_on_dataset(caller, id, "bigquery.datasets.update")?;
                let body = call.json_body()?;
                settings::DATASET.check(&body)?;
                self.check_access_list(body.get("access"))?;
                let mut catalog = self.catalog();
                let dataset = catalog.dataset_mut(&self.project, id)?;
                check_etag(call, &dataset.etag())?;
                let mut properties =
                    if method == "PUT" { Map::new() } else { dataset.properties.clone() };
                merge_properties(&mut properties, &body, &DATASET_PROPERTIES);
                check_window(&mut properties)?;
                check_labels(&properties)?;
                let now = self.clock.now();
                // Rows that left the window before do not come back with a longer one, and rows
                // that a shorter one excludes are gone.
                dataset.expire_rows(now);
                dataset.properties = properties;
                dataset.expire_rows(now);
                dataset.mark_modified(now);
                let access = dataset.properties.get("access").cloned();
                drop(catalog);
                self.apply_access_list(id, access.as_ref());
                self.dataset_response(id)
            }
            "DELETE" => {
                self.authorize_on_dataset(caller, id, "bigquery.datasets.delete")?;
                let mut catalog = self.catalog();
                let dataset = catalog.dataset(&self.project, id)?;
                if !dataset.tables.is_empty() && !call.bool_param("deleteContents") {
                    return Err(GoogleError::new(
                        400,
                        "resourceInUse",
                        format!("Dataset {}:{id} is still in use", self.project),
                    ));
                }
                catalog.datasets.remove(id);
                Ok(no_content_response())
            }
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }
}

fn settable_properties(body: &Value) -> Result<Map<String, Value>, GoogleError> {
    settings::DATASET.check(body)?;
    let mut properties = Map::new();
    merge_properties(&mut properties, body, &DATASET_PROPERTIES);
    check_window(&mut properties)?;
    check_labels(&properties)?;
    Ok(properties)
}
