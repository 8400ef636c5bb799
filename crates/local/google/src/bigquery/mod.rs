//! BigQuery's v2 REST API: which call does what.
//!
//! | module | what |
//! |---|---|
//! | `catalog` | datasets, tables and jobs in memory |
//! | `schema` | columns: names, types, modes, policy tags, and what may change |
//! | `datasets`, `tables` | their calls |
//! | `jobs` | jobs and query results |
//! | `load` | load jobs: dispositions, files, all or nothing |
//! | `parquet`, `ndjson` | the two file formats, typed without coercion |

mod authorization;
pub(crate) mod catalog;
mod datasets;
mod job;
mod jobs;
mod load;
mod queries;
pub(crate) mod query;
mod schema;
mod tables;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use landbridge_local_wire::Clock;
use serde_json::{Map, Value, json};

use crate::access::{AccessControl, Principal};
use crate::error::GoogleError;
use crate::storage::store::ObjectStore;
use crate::web::{ApiResult, Call, json_response};
use catalog::{Catalog, TableName};

/// What a table's name ends with in a call that asks for rights.
const TEST_PERMISSIONS: &str = ":testIamPermissions";

/// The BigQuery server. Clones share its state.
#[derive(Clone)]
pub(crate) struct BigQuery {
    pub(crate) catalog: Arc<Mutex<Catalog>>,
    pub(crate) access: Arc<RwLock<AccessControl>>,
    pub(crate) store: ObjectStore,
    pub(crate) clock: Clock,
    pub(crate) project: String,
    pub(crate) location: String,
    pub(crate) allow_anonymous: bool,
    /// How many times jobs.get still answers RUNNING for a job that has finished.
    pub(crate) extra_running_polls: u32,
    pub(crate) metadata_update_limit: Option<usize>,
}

impl BigQuery {
    /// Answers one call. Paths start with `/bigquery/v2` or go without it.
    pub(crate) async fn handle(&self, call: Call) -> ApiResult {
        let caller = self.authenticate(&call)?;
        let path = call.path();
        let path = match path.as_slice() {
            ["bigquery", "v2", rest @ ..] => rest,
            rest => rest,
        };
        match (call.method.as_str(), path) {
            ("GET", ["projects"]) => Ok(json_response(
                200,
                &json!({
                    "kind": "bigquery#projectList",
                    "projects": [{
                        "kind": "bigquery#project",
                        "id": self.project,
                        "projectReference": {"projectId": self.project},
                        "friendlyName": self.project,
                    }],
                    "totalItems": 1,
                }),
            )),
            (_, ["projects", project, ..]) if *project != self.project => {
                Err(GoogleError::not_found(format!("Not found: Project {project}")))
            }
            ("POST", ["projects", _, "queries"]) => self.query(&caller, &call).await,
            ("GET", ["projects", _, "queries", id]) => self.query_results(&caller, &call, id),
            ("POST", ["projects", _, "jobs"]) => self.insert_job(&caller, &call).await,
            ("GET", ["projects", _, "jobs"]) => self.list_jobs(&caller, &call),
            ("GET", ["projects", _, "jobs", id]) => self.get_job(&caller, &call, id),
            ("POST", ["projects", _, "jobs", id, "cancel"]) => self.cancel_job(&caller, &call, id),
            ("DELETE", ["projects", _, "jobs", id, "delete"]) => self.delete_job(&caller, id),
            (_, ["projects", _, "datasets"]) => self.handle_datasets(&caller, &call),
            (_, ["projects", _, "datasets", id]) => self.handle_dataset(&caller, &call, id),
            (_, ["projects", _, "datasets", id, "tables"]) => {
                self.handle_tables(&caller, &call, id)
            }
            ("POST", ["projects", _, "datasets", id, "tables", table])
                if table.ends_with(TEST_PERMISSIONS) =>
            {
                let table = table.trim_end_matches(TEST_PERMISSIONS);
                self.test_permissions(&caller, &call, &TableName::new(&self.project, id, table))
            }
            // Data Catalog's own call, served here as well: taxonomies belong to BigQuery.
            ("GET", ["v1", tag @ ..]) if tag.contains(&"policyTags") => {
                self.policy_tag(&tag.join("/"))
            }
            (_, ["projects", _, "datasets", id, "tables", table]) => {
                let name = TableName::new(&self.project, id, table);
                self.handle_table(&caller, &call, &name)
            }
            ("GET", ["projects", _, "datasets", id, "tables", table, "data"]) => {
                let name = TableName::new(&self.project, id, table);
                self.list_table_data(&caller, &call, &name).await
            }
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }

    fn authenticate(&self, call: &Call) -> Result<Principal, GoogleError> {
        match call.bearer_token() {
            None if self.allow_anonymous => Ok(Principal::anonymous()),
            None => Err(GoogleError::unauthenticated()),
            Some(token) => self.with_access(|access| access.authenticate(token)),
        }
    }

    pub(crate) fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn with_access<T>(&self, ask: impl FnOnce(&AccessControl) -> T) -> T {
        ask(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The entries of one page, by `maxResults` and `pageToken` (an offset), and the next token.
fn paginate<T>(call: &Call, all: Vec<T>) -> Result<(Vec<T>, Option<String>), GoogleError> {
    let start = call.int_param("pageToken")?.unwrap_or(0).max(0) as usize;
    let limit = call.int_param("maxResults")?.map_or(1000, |it| it.max(1) as usize);
    let next = (start + limit < all.len()).then(|| (start + limit).to_string());
    Ok((all.into_iter().skip(start).take(limit).collect(), next))
}

/// The `If-Match` condition of a changing call.
fn check_etag(call: &Call, etag: &str) -> Result<(), GoogleError> {
    match call.header("if-match") {
        Some(want) if want != "*" && want != etag => {
            Err(GoogleError::new(412, "conditionNotMet", "Precondition check failed."))
        }
        _ => Ok(()),
    }
}

/// Takes over the properties of `body` that may be set; null removes one, maps merge (a label
/// of null goes away).
fn merge_properties(target: &mut Map<String, Value>, body: &Value, settable: &[&str]) {
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
