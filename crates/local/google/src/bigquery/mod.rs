//! The BigQuery server: routes the calls of the v2 REST API.
//!
//! | module | what |
//! |---|---|
//! | `authorization` | permission checks |
//! | `catalog` | datasets, tables and jobs in memory |
//! | `names`, `rows` | names of tables; the rows of a table |
//! | `row_access` | row access policies |
//! | `versions` | time travel: the former rows of a table |
//! | `schema` | fields: names, types, modes, policy tags, and permitted changes |
//! | `ingestion` | ingestion-time partitions |
//! | `datasets`, `tables`, `views` | dataset, table and view calls |
//! | `jobs` | job calls and the execution of jobs |
//! | `job` | a job's state and the result of a query |
//! | `queries` | `jobs.query`, `jobs.getQueryResults` and dry runs |
//! | `load` | load jobs and their file formats |
//! | `uploads` | jobs whose data is uploaded with them |
//! | `control_plane` | taxonomies, data policies and tokens of accounts, as a caller changes them |
//! | `plane` | APIs, custom roles, workload identity pools, accounts and policies, as Terraform changes them |
//! | `project` | APIs of a project beside BigQuery |
//! | `policies` | IAM policies and roles |
//! | `settings` | which settings of a request have an effect |
//! | `write` | the dispositions with which jobs write to tables |
//! | `query` | SQL over tables that are masked for the caller |
//! | `statements` | statements that are no query, and scripts |

mod authorization;
pub(crate) mod catalog;
mod control_plane;
mod copy;
mod datasets;
mod discovery;
mod ingestion;
mod job;
mod jobs;
mod load;
pub(crate) mod names;
mod plane;
mod policies;
pub(crate) mod project;
mod queries;
pub(crate) mod query;
mod row_access;
pub(crate) mod rows;
pub(crate) mod schema;
mod settings;
pub(crate) mod statements;
mod tables;
mod temporary;
mod uploads;
pub(crate) mod versions;
mod views;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use landbridge_local_wire::Clock;
use serde_json::{Map, Value, json};

use crate::access::{AccessControl, Principal};
use crate::error::GoogleError;
use crate::storage::store::ObjectStore;
use crate::web::{ApiResult, Call, json_response};
use catalog::Catalog;
use names::TableName;
use project::ProjectSettings;
pub use query::QueryLimits;

/// The suffix of a table's name in a `tables.testIamPermissions` call.
const TEST_PERMISSIONS: &str = ":testIamPermissions";

/// The BigQuery server. Clones share its state.
#[derive(Clone)]
pub(crate) struct BigQuery {
    pub(crate) catalog: Arc<Mutex<Catalog>>,
    pub(crate) access: Arc<RwLock<AccessControl>>,
    pub(crate) settings: Arc<Mutex<ProjectSettings>>,
    pub(crate) store: ObjectStore,
    pub(crate) clock: Clock,
    pub(crate) project: String,
    pub(crate) location: String,
    pub(crate) allow_anonymous: bool,
    /// How many responses of `jobs.get` report RUNNING after a job has finished.
    pub(crate) extra_running_polls: u32,
    pub(crate) metadata_update_limit: Option<usize>,
    /// Where a query ends with an error.
    pub(crate) query_limits: QueryLimits,
}

impl BigQuery {
    /// Handles one call. The prefix `/bigquery/v2` of the path is optional.
    pub(crate) async fn handle(&self, call: Call) -> ApiResult {
        // The description of the API is public, at Google as well.
        let described = [
            &["discovery", "v1", "apis", "bigquery", "v2", "rest"][..],
            &["$discovery", "rest"][..],
        ];
        if call.method == "GET" && described.contains(&call.path().as_slice()) {
            return Ok(json_response(200, &discovery::document(&call.origin())));
        }
        let caller = self.authenticate(&call)?;
        self.check_enabled(&call)?;
        self.catalog().expire_tables(self.clock.now());
        let beside = self.plane_api(&caller, &call).or_else(|| self.policy_api(&caller, &call));
        if let Some(result) = beside.or_else(|| self.project_api(&caller, &call)) {
            return result;
        }
        if let Some(result) = self.control_plane(&caller, &call) {
            return result;
        }
        let path = call.path();
        if let ["upload", "bigquery", "v2", "projects", project, "jobs"] = path.as_slice()
            && *project == self.project
        {
            return self.upload(&caller, &call).await;
        }
        let path = match path.as_slice() {
            ["bigquery", "v2", rest @ ..] => rest,
            rest => rest,
        };
        self.route(&caller, &call, path).await
    }

    /// A call of BigQuery itself, by the path below the prefix.
    async fn route(&self, caller: &Principal, call: &Call, path: &[&str]) -> ApiResult {
        match (call.method.as_str(), path) {
            ("GET", ["projects"]) => Ok(json_response(200, &self.project_list())),
            (_, ["projects", project, ..]) if *project != self.project => {
                Err(GoogleError::not_found(format!("Not found: Project {project}")))
            }
            ("POST", ["projects", _, "queries"]) => self.query(caller, call).await,
            ("GET", ["projects", _, "queries", id]) => self.query_results(caller, call, id),
            ("POST", ["projects", _, "jobs"]) => self.insert_job(caller, call).await,
            ("GET", ["projects", _, "jobs"]) => self.list_jobs(caller, call),
            ("GET", ["projects", _, "jobs", id]) => self.get_job(caller, call, id),
            ("POST", ["projects", _, "jobs", id, "cancel"]) => self.cancel_job(caller, call, id),
            ("DELETE", ["projects", _, "jobs", id, "delete"]) => self.delete_job(caller, id),
            (_, ["projects", _, "datasets"]) => self.handle_datasets(caller, call),
            (_, ["projects", _, "datasets", id]) => self.handle_dataset(caller, call, id),
            (_, ["projects", _, "datasets", id, "tables"]) => {
                self.handle_tables(caller, call, id).await
            }
            ("GET", ["projects", _, "datasets", id, "routines"]) => {
                self.list_routines(caller, call, id)
            }
            ("POST", ["projects", _, "datasets", id, "tables", table])
                if table.ends_with(TEST_PERMISSIONS) =>
            {
                let table = table.trim_end_matches(TEST_PERMISSIONS);
                self.test_permissions(caller, call, &TableName::new(&self.project, id, table))
            }
            // A call of the Data Catalog API. It is served here because taxonomies belong to BigQuery.
            ("GET", ["v1", tag @ ..]) if tag.contains(&"policyTags") => {
                self.policy_tag(&tag.join("/"))
            }
            (_, ["projects", _, "datasets", id, "tables", table]) => {
                let name = TableName::new(&self.project, id, table);
                self.handle_table(caller, call, &name).await
            }
            (_, ["projects", _, "datasets", id, "tables", table, policies, rest @ ..])
                if policies.starts_with("rowAccessPolicies") =>
            {
                let name = TableName::new(&self.project, id, table);
                self.handle_row_policies(caller, call, &name, rest)
            }
            ("GET", ["projects", _, "datasets", id, "tables", table, "data"]) => {
                let name = TableName::new(&self.project, id, table);
                self.list_table_data(caller, call, &name).await
            }
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }

    fn project_list(&self) -> Value {
        json!({
            "kind": "bigquery#projectList",
            "projects": [{
                "kind": "bigquery#project",
                "id": self.project,
                "projectReference": {"projectId": self.project},
                "friendlyName": self.project,
            }],
            "totalItems": 1,
        })
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

    pub(crate) fn project_settings(&self) -> MutexGuard<'_, ProjectSettings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn access_mut(&self) -> std::sync::RwLockWriteGuard<'_, AccessControl> {
        let mut access = self.access.write().unwrap_or_else(PoisonError::into_inner);
        access.count_change();
        access
    }

    pub(crate) fn with_access<T>(&self, read: impl FnOnce(&AccessControl) -> T) -> T {
        read(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The largest page of a list call, with or without `maxResults`. Google names no number for a call
/// without it ("the maximum number of results to return in a single response page"); clients must
/// follow `nextPageToken` in any case.
const PAGE_ITEMS: usize = 50;

/// The token of the page that begins at an item. Clients may not rely on its form, so it has characters that
/// change if a client does not encode them in a URL.
fn page_token(start: usize) -> String {
    format!("{start}+/=")
}

/// The first item of the page that `pageToken` names.
///
/// # Errors
/// The token is not one of [`page_token`].
fn page_start(call: &Call) -> Result<Option<usize>, GoogleError> {
    let Some(token) = call.query_param("pageToken") else { return Ok(None) };
    let start = token.strip_suffix("+/=").and_then(|start| start.parse().ok());
    start.map(Some).ok_or_else(|| GoogleError::invalid("Invalid page token"))
}

/// The response to a list call: the page of `items` that `maxResults` and `pageToken` select, as `body[key]`.
fn list_response(call: &Call, mut body: Value, key: &str, items: Vec<Value>) -> ApiResult {
    let start = page_start(call)?.unwrap_or(0);
    let limit = call.int_param("maxResults")?.map_or(PAGE_ITEMS, |it| it.max(1) as usize);
    let limit = limit.min(PAGE_ITEMS);
    if start + limit < items.len() {
        body["nextPageToken"] = json!(page_token(start + limit));
    }
    body[key] = items.into_iter().skip(start).take(limit).collect();
    Ok(json_response(200, &body))
}

/// Checks the `If-Match` precondition of a call that changes a resource.
fn check_etag(call: &Call, etag: &str) -> Result<(), GoogleError> {
    match call.header("if-match") {
        Some(want) if want != "*" && want != etag => {
            Err(GoogleError::new(412, "conditionNotMet", "Precondition check failed."))
        }
        _ => Ok(()),
    }
}

/// The limits of labels: their number, and the characters of a key and a value.
const MAX_LABELS: usize = 64;
const MAX_LABEL_CHARS: usize = 63;

/// Checks the labels of a resource ("Requirements for labels" in Google's documentation).
fn check_labels(properties: &Map<String, Value>) -> Result<(), GoogleError> {
    let Some(labels) = properties.get("labels").and_then(Value::as_object) else { return Ok(()) };
    let is_allowed = |c: char| {
        (c.is_alphabetic() && !c.is_uppercase()) || c.is_numeric() || c == '_' || c == '-'
    };
    let is_text =
        |text: &str| text.chars().count() <= MAX_LABEL_CHARS && text.chars().all(is_allowed);
    if labels.len() > MAX_LABELS {
        return Err(GoogleError::invalid("A resource can have at most 64 labels."));
    }
    for (key, value) in labels {
        let starts_with_letter = key.chars().next().is_some_and(char::is_alphabetic);
        if !starts_with_letter || !is_text(key) || !value.as_str().is_some_and(is_text) {
            return Err(GoogleError::invalid(format!(
                "Label {key} is not valid: keys and values can contain only lowercase letters, \
                 numeric characters, underscores and dashes, at most 63, and a key starts with a \
                 letter."
            )));
        }
    }
    Ok(())
}

/// Copies the settable properties of `body` to `target`. A null removes a property. Labels are
/// merged; a null removes a label.
fn merge_properties(target: &mut Map<String, Value>, body: &Value, settable: &[&str]) {
    for (key, value) in body.as_object().into_iter().flatten() {
        if !settable.contains(&key.as_str()) {
            continue;
        }
        if value.is_null() {
            target.remove(key);
        } else if let ("labels", Some(new)) = (key.as_str(), value.as_object()) {
            let labels = target.entry(key.clone()).or_insert_with(|| json!({}));
            if let Some(labels) = labels.as_object_mut() {
                labels.extend(new.clone());
                labels.retain(|_, it| !it.is_null());
            }
        } else {
            target.insert(key.clone(), value.clone());
        }
    }
}
