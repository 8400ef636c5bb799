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

pub(crate) mod catalog;
mod datasets;
pub(crate) mod jobs;
mod load;
mod ndjson;
mod parquet;
pub(crate) mod schema;
mod tables;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use landbridge_local_wire::{self as wire, Clock};
use serde_json::json;

use crate::access::{Access, Principal, location_of};
use crate::error::GoogleError;
use crate::storage::store::Store;
use crate::web::{Call, json as answer_json};
use catalog::{Catalog, TableName};
use schema::{Field, leaves};

/// What a table's name ends with in a call that asks for rights.
const TEST_PERMISSIONS: &str = ":testIamPermissions";

/// The BigQuery server. Clones share its state.
#[derive(Clone)]
pub(crate) struct BigQuery {
    pub(crate) catalog: Arc<Mutex<Catalog>>,
    pub(crate) access: Arc<RwLock<Access>>,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) project: String,
    pub(crate) location: String,
    pub(crate) anonymous: bool,
    /// How many times jobs.get still answers RUNNING for a job that has finished.
    pub(crate) job_polls: u32,
    pub(crate) metadata_update_limit: Option<usize>,
}

impl BigQuery {
    /// Answers one call. Paths start with `/bigquery/v2` or go without it.
    pub(crate) async fn answer(&self, call: Call) -> Result<wire::Response, GoogleError> {
        let who = self.who(&call)?;
        let path = call.path();
        let path = match path.as_slice() {
            ["bigquery", "v2", rest @ ..] => rest,
            rest => rest,
        };
        match (call.method.as_str(), path) {
            ("GET", ["projects"]) => Ok(answer_json(
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
            ("POST", ["projects", _, "queries"]) => self.query(&who, &call).await,
            ("GET", ["projects", _, "queries", id]) => self.query_results(&who, &call, id),
            ("POST", ["projects", _, "jobs"]) => self.insert_job(&who, &call).await,
            ("GET", ["projects", _, "jobs"]) => self.list_jobs(&who, &call),
            ("GET", ["projects", _, "jobs", id]) => self.get_job(&who, &call, id),
            ("POST", ["projects", _, "jobs", id, "cancel"]) => self.cancel_job(&who, &call, id),
            ("DELETE", ["projects", _, "jobs", id, "delete"]) => self.delete_job(&who, id),
            (_, ["projects", _, "datasets"]) => self.datasets(&who, &call),
            (_, ["projects", _, "datasets", id]) => self.one_dataset(&who, &call, id),
            (_, ["projects", _, "datasets", id, "tables"]) => self.tables(&who, &call, id),
            ("POST", ["projects", _, "datasets", id, "tables", table])
                if table.ends_with(TEST_PERMISSIONS) =>
            {
                let table = table.trim_end_matches(TEST_PERMISSIONS);
                self.test_permissions(&who, &call, &TableName::new(&self.project, id, table))
            }
            // Data Catalog's own call, served here as well: taxonomies belong to BigQuery.
            ("GET", ["v1", tag @ ..]) if tag.contains(&"policyTags") => {
                self.policy_tag(&tag.join("/"))
            }
            (_, ["projects", _, "datasets", id, "tables", table]) => {
                let name = TableName::new(&self.project, id, table);
                self.one_table(&who, &call, &name)
            }
            ("GET", ["projects", _, "datasets", id, "tables", table, "data"]) => {
                let name = TableName::new(&self.project, id, table);
                self.table_data(&who, &call, &name).await
            }
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }

    fn who(&self, call: &Call) -> Result<Principal, GoogleError> {
        match call.token() {
            None if self.anonymous => Ok(Principal::anonymous()),
            None => Err(GoogleError::unauthenticated()),
            Some(token) => self.read_access(|access| access.authenticate(token)),
        }
    }

    pub(crate) fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read_access<T>(&self, ask: impl FnOnce(&Access) -> T) -> T {
        ask(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn may_on_project(
        &self,
        who: &Principal,
        permission: &str,
    ) -> Result<(), GoogleError> {
        if self.read_access(|access| access.on_project(who, permission)) {
            return Ok(());
        }
        let project = &self.project;
        Err(GoogleError::access_denied(format!(
            "Access Denied: Project {project}: User does not have {permission} permission in \
             project {project}."
        )))
    }

    fn may_on_dataset(
        &self,
        who: &Principal,
        dataset: &str,
        permission: &str,
    ) -> Result<(), GoogleError> {
        if self.read_access(|access| access.on_dataset(who, dataset, permission)) {
            return Ok(());
        }
        let name = format!("{}:{dataset}", self.project);
        Err(GoogleError::access_denied(format!(
            "Access Denied: Dataset {name}: Permission {permission} denied on dataset {name} (or it \
             may not exist)."
        )))
    }

    fn may_on_table(
        &self,
        who: &Principal,
        name: &TableName,
        permission: &str,
    ) -> Result<(), GoogleError> {
        if self.read_access(|access| access.on_dataset(who, &name.dataset, permission)) {
            return Ok(());
        }
        Err(GoogleError::access_denied(format!(
            "Access Denied: Table {name}: Permission {permission} denied on table {name} (or it may \
             not exist)."
        )))
    }

    fn policy_tag(&self, name: &str) -> Result<wire::Response, GoogleError> {
        self.read_access(|access| access.tag_name(name))
            .map(|shown| answer_json(200, &json!({"name": name, "displayName": shown})))
            .ok_or_else(|| GoogleError::not_found(format!("Not found: policy tag {name}")))
    }

    /// Whether the policy tags of `fields` may be set: the caller needs `setCategory`, and each
    /// tag must exist in the table's location. Tags that `before` has already need nothing.
    fn check_tags(
        &self,
        who: &Principal,
        name: &TableName,
        location: &str,
        before: &[Field],
        fields: &[Field],
    ) -> Result<(), GoogleError> {
        let old: Vec<_> = leaves(before).into_iter().map(|(path, it)| (path, it.tag())).collect();
        for (path, field) in leaves(fields) {
            let was = old.iter().find(|(it, _)| *it == path).and_then(|(_, tag)| *tag);
            if field.tag() == was {
                continue;
            }
            self.may_on_table(who, name, "bigquery.tables.setCategory")?;
            let Some(tag) = field.tag() else { continue };
            if !self.read_access(|access| access.has_tag(tag)) {
                return Err(GoogleError::invalid(format!("Policy tag {tag} does not exist.")));
            }
            if location_of(tag).is_some_and(|it| !it.eq_ignore_ascii_case(location)) {
                return Err(GoogleError::invalid(format!(
                    "Policy tag {tag} is not in the location {location} of table {name}."
                )));
            }
        }
        Ok(())
    }
}

/// The entries of one page, by `maxResults` and `pageToken` (an offset), and the next token.
fn page<T>(call: &Call, all: Vec<T>) -> Result<(Vec<T>, Option<String>), GoogleError> {
    let start = call.number("pageToken")?.unwrap_or(0).max(0) as usize;
    let limit = call.number("maxResults")?.map_or(1000, |it| it.max(1) as usize);
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
