//! Calls on datasets.

use landbridge_local_wire as wire;
use serde_json::{Map, Value, json};

use super::catalog::Dataset;
use super::{BigQuery, check_etag, page};
use crate::access::Principal;
use crate::error::GoogleError;
use crate::web::{Call, json as answer, no_content};

/// What of a dataset resource the caller may set.
const EXTRA: [&str; 7] = [
    "description",
    "friendlyName",
    "labels",
    "defaultTableExpirationMs",
    "access",
    "maxTimeTravelHours",
    "defaultCollation",
];

impl BigQuery {
    pub(super) fn datasets(
        &self,
        who: &Principal,
        call: &Call,
    ) -> Result<wire::Response, GoogleError> {
        match call.method.as_str() {
            "GET" => {
                let visible: Vec<Value> = (self.catalog().datasets.iter())
                    .filter(|(id, _)| {
                        self.read_access(|it| it.on_dataset(who, id, "bigquery.datasets.get"))
                    })
                    .map(|(id, dataset)| dataset.resource(&self.project, id))
                    .collect();
                let (datasets, next) = page(call, visible)?;
                let mut body = json!({"kind": "bigquery#datasetList", "datasets": datasets});
                if let Some(next) = next {
                    body["nextPageToken"] = json!(next);
                }
                Ok(answer(200, &body))
            }
            "POST" => {
                self.may_on_project(who, "bigquery.datasets.create")?;
                let body = call.json()?;
                let id = body
                    .pointer("/datasetReference/datasetId")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let location = body.get("location").and_then(Value::as_str);
                self.create_dataset(id, location.unwrap_or(&self.location), extra(&body))?;
                Ok(answer(
                    200,
                    &self.catalog().dataset(&self.project, id)?.resource(&self.project, id),
                ))
            }
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }

    pub(crate) fn create_dataset(
        &self,
        id: &str,
        location: &str,
        extra: Map<String, Value>,
    ) -> Result<(), GoogleError> {
        let good = (1..=1024).contains(&id.len())
            && id.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        if !good {
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
        catalog.datasets.insert(id.to_owned(), Dataset::new(location, extra, self.clock.now()));
        Ok(())
    }

    pub(super) fn one_dataset(
        &self,
        who: &Principal,
        call: &Call,
        id: &str,
    ) -> Result<wire::Response, GoogleError> {
        match call.method.as_str() {
            "GET" => {
                self.may_on_dataset(who, id, "bigquery.datasets.get")?;
                let catalog = self.catalog();
                Ok(answer(200, &catalog.dataset(&self.project, id)?.resource(&self.project, id)))
            }
            method @ ("PATCH" | "PUT") => {
                self.may_on_dataset(who, id, "bigquery.datasets.update")?;
                let body = call.json()?;
                let mut catalog = self.catalog();
                let dataset = catalog.dataset_mut(&self.project, id)?;
                check_etag(call, &dataset.etag())?;
                if method == "PUT" {
                    dataset.extra.clear();
                }
                merge(&mut dataset.extra, &body, &EXTRA);
                dataset.touch(self.clock.now());
                Ok(answer(200, &dataset.resource(&self.project, id)))
            }
            "DELETE" => {
                self.may_on_dataset(who, id, "bigquery.datasets.delete")?;
                let mut catalog = self.catalog();
                let dataset = catalog.dataset(&self.project, id)?;
                if !dataset.tables.is_empty() && !call.flag("deleteContents") {
                    return Err(GoogleError::new(
                        400,
                        "resourceInUse",
                        format!("Dataset {}:{id} is still in use", self.project),
                    ));
                }
                catalog.datasets.remove(id);
                Ok(no_content())
            }
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }
}

fn extra(body: &Value) -> Map<String, Value> {
    let mut extra = Map::new();
    merge(&mut extra, body, &EXTRA);
    extra
}

/// Takes over the properties of `body` that may be set; null removes one, maps merge (a label
/// of null goes away).
pub(super) fn merge(target: &mut Map<String, Value>, body: &Value, settable: &[&str]) {
    for (key, value) in body.as_object().into_iter().flatten() {
        if !settable.contains(&key.as_str()) {
            continue;
        }
        if value.is_null() {
            target.remove(key);
        } else if key == "labels"
            && let (Some(old), Some(new)) =
                (target.get_mut(key).and_then(Value::as_object_mut), value.as_object())
        {
            old.extend(new.clone());
            old.retain(|_, it| !it.is_null());
        } else {
            target.insert(key.clone(), value.clone());
        }
    }
}
