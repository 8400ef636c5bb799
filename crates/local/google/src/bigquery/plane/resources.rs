//! Resources by name: create, get, list, patch, delete and undelete.

use serde_json::{Map, Value, json};

use super::kinds::{Id, Kind};
use crate::access::Principal;
use crate::access::plane::is_deleted;
use crate::bigquery::BigQuery;
use crate::error::GoogleError;
use crate::web::{ApiResult, Call, json_response};

/// The end of the last segment of a call that undeletes a resource.
const UNDELETE: &str = ":undelete";
/// The end of the last segment of a creation whose answer is an operation (Logging v2, `buckets.createAsync`).
const CREATE_ASYNC: &str = ":createAsync";

impl BigQuery {
    pub(super) fn resources_api(&self, caller: &Principal, call: &Call) -> Option<ApiResult> {
        let path = call.path();
        let (version, rest) = path.split_first()?;
        let method = call.method.as_str();
        if let Some(last) = rest.last().and_then(|it| it.strip_suffix(CREATE_ASYNC)) {
            let kind = Kind::of(version, last)?;
            let name = self.kept_name(rest);
            let name = name.trim_end_matches(CREATE_ASYNC).to_owned();
            let created = self.create_resource(caller, call, kind, &name);
            return Some(created.map(|_| {
                let operation = self.start_operation(&format!("{name}/operations"), json!({}));
                json_response(200, &operation)
            }));
        }
        if let Some(kind) = rest.last().and_then(|it| Kind::of(version, it)) {
            let name = self.kept_name(rest);
            return match method {
                "POST" => Some(self.create_resource(caller, call, kind, &name)),
                "GET" => Some(self.list_resources(caller, kind, &name)),
                _ => None,
            };
        }
        let kind = rest.iter().nth_back(1).and_then(|it| Kind::of(version, it))?;
        let name = self.kept_name(rest);
        match method {
            // Roles that a set-up by Rust code made are in no list.
            "GET" if kind.collection == "roles" && !self.knows(&name) => None,
            "GET" => Some(self.get_resource(caller, kind, &name)),
            "PATCH" | "PUT" => Some(self.patch_resource(caller, call, kind, &name)),
            "DELETE" => Some(self.delete_resource(caller, kind, &name)),
            "POST" => {
                let name = name.strip_suffix(UNDELETE)?.to_owned();
                Some(self.undelete_resource(caller, kind, &name))
            }
            _ => None,
        }
    }

    /// Keeps a resource that a set-up by Rust code made, as if a call had created it.
    ///
    /// # Errors
    /// 400 for an id or values that the API refuses, 404 for a kind that these servers do not keep.
    pub(crate) fn keep_resource(&self, name: &str, given: &Value) -> Result<(), GoogleError> {
        let mut segments = name.rsplit('/');
        let (id, collection) = (segments.next(), segments.next());
        let kind = collection.and_then(|it| Kind::of("v1", it)).ok_or_else(|| not_found(name))?;
        let id = id.unwrap_or_default();
        kind.check_id(id)?;
        let mut resource = given.as_object().cloned().unwrap_or_default();
        resource.extend(kind.computed(name, id, 0));
        let resource = Value::Object(resource);
        kind.check(&resource)?;
        self.access_mut().plane.resources.insert(name.to_owned(), resource);
        Ok(())
    }

    fn knows(&self, name: &str) -> bool {
        self.with_access(|it| it.plane.began_empty() || it.plane.resources.contains_key(name))
    }

    fn create_resource(
        &self,
        caller: &Principal,
        call: &Call,
        kind: &Kind,
        collection: &str,
    ) -> ApiResult {
        self.authorize_on_kind(caller, collection, kind, "create")?;
        let body = call.json_body()?;
        let number = self.access_mut().next_id();
        let id = match kind.id {
            Id::Query(parameter) => call.query_param(parameter).unwrap_or_default().to_owned(),
            Id::Body(field) => text(&body, field).to_owned(),
            Id::Number => number.to_string(),
        };
        kind.check_id(&id)?;
        let mut name = format!("{collection}/{id}");
        if kind.collection == "serviceAccounts" {
            name = format!("{name}@{}.iam.gserviceaccount.com", self.project);
        }
        let given = if kind.body.is_empty() { Some(&body) } else { body.get(kind.body) };
        let mut resource = given.and_then(Value::as_object).cloned().unwrap_or_default();
        resource.extend(kind.computed(&name, &id, number));
        let resource = Value::Object(resource);
        kind.check(&resource)?;
        let mut access = self.access_mut();
        let parent = collection.rsplit_once('/').map_or("", |(parent, _)| parent);
        if kind.collection == "providers" && access.plane.live(parent).is_none() {
            return Err(not_found(parent));
        }
        // Also a deleted one: its id is taken until it is gone.
        if access.plane.resources.contains_key(&name) {
            let message = format!("Requested entity already exists: {name}");
            return Err(GoogleError::new(409, "alreadyExists", message));
        }
        access.plane.resources.insert(name.clone(), resource.clone());
        drop(access);
        Ok(self.changed(kind, &name, resource))
    }

    fn get_resource(&self, caller: &Principal, kind: &Kind, name: &str) -> ApiResult {
        self.authorize_on_kind(caller, name, kind, "get")?;
        let resource = self.with_access(|access| access.plane.resources.get(name).cloned());
        Ok(json_response(200, &resource.ok_or_else(|| not_found(name))?))
    }

    fn list_resources(&self, caller: &Principal, kind: &Kind, collection: &str) -> ApiResult {
        self.authorize_on_kind(caller, collection, kind, "list")?;
        let is_in = |name: &str| {
            let id = name.strip_prefix(collection).and_then(|it| it.strip_prefix('/'));
            id.is_some_and(|id| !id.contains('/'))
        };
        let all: Vec<Value> = self.with_access(|access| {
            let all =
                access.plane.resources.iter().filter(|(name, it)| is_in(name) && !is_deleted(it));
            all.map(|(_, it)| it.clone()).collect()
        });
        let key = match kind.collection {
            "serviceAccounts" => "accounts",
            "providers" => "workloadIdentityPoolProviders",
            it => it,
        };
        Ok(json_response(200, &json!({ key: all })))
    }

    /// Replaces the fields of the mask, or without a mask the fields of the body.
    fn patch_resource(
        &self,
        caller: &Principal,
        call: &Call,
        kind: &Kind,
        name: &str,
    ) -> ApiResult {
        self.authorize_on_kind(caller, name, kind, "update")?;
        let body = call.json_body()?;
        let mask = call.query_param("updateMask").unwrap_or_else(|| text(&body, "updateMask"));
        let given = match kind.collection {
            "serviceAccounts" => body.get("serviceAccount").cloned().unwrap_or_default(),
            _ => body.clone(),
        };
        let given = given.as_object().cloned().unwrap_or_default();
        let fields: Vec<String> = match mask {
            "" => given.keys().cloned().collect(),
            mask => {
                mask.split(',').map(|it| camel_case(it.split('.').next().unwrap_or(it))).collect()
            }
        };
        let mut access = self.access_mut();
        let Some(old) = access.plane.live(name) else { return Err(not_found(name)) };
        let mut resource = old.as_object().cloned().unwrap_or_default();
        for field in fields.iter().filter(|it| !OUTPUT_ONLY.contains(&it.as_str())) {
            set_or_remove(&mut resource, field, given.get(field));
        }
        let resource = Value::Object(resource);
        kind.check(&resource)?;
        access.plane.resources.insert(name.to_owned(), resource.clone());
        drop(access);
        Ok(self.changed(kind, name, resource))
    }

    fn delete_resource(&self, caller: &Principal, kind: &Kind, name: &str) -> ApiResult {
        self.authorize_on_kind(caller, name, kind, "delete")?;
        let mut access = self.access_mut();
        if access.plane.live(name).is_none() {
            return Err(not_found(name));
        }
        let answer = match kind.deleted {
            Some((mark, value)) => {
                let resource = access.plane.resources.entry(name.to_owned()).or_default();
                resource[mark] = value();
                resource.clone()
            }
            None => {
                access.plane.resources.remove(name);
                access.forget_policy(name);
                json!({})
            }
        };
        drop(access);
        Ok(self.changed(kind, name, answer))
    }

    fn undelete_resource(&self, caller: &Principal, kind: &Kind, name: &str) -> ApiResult {
        self.authorize_on_kind(caller, name, kind, "undelete")?;
        let Some((mark, _)) = kind.deleted else { return Err(not_found(name)) };
        let mut access = self.access_mut();
        let resource = access.plane.resources.get_mut(name).ok_or_else(|| not_found(name))?;
        if !is_deleted(resource) {
            let message = format!("{name} is not deleted.");
            return Err(GoogleError::new(400, "failedPrecondition", message));
        }
        resource[mark] = if mark == "state" { json!("ACTIVE") } else { json!(false) };
        let resource = resource.clone();
        drop(access);
        Ok(self.changed(kind, name, resource))
    }

    /// The answer to a change: the resource, or an operation.
    fn changed(&self, kind: &Kind, name: &str, resource: Value) -> landbridge_local_wire::Response {
        match kind.operation {
            true => {
                let operation = self.start_operation(&format!("{name}/operations"), resource);
                json_response(200, &operation)
            }
            false => json_response(200, &resource),
        }
    }

    fn authorize_on_kind(
        &self,
        caller: &Principal,
        name: &str,
        kind: &Kind,
        verb: &str,
    ) -> Result<(), GoogleError> {
        self.authorize_on(caller, name, &format!("{}.{verb}", kind.permissions))
    }
}

/// Fields that no caller sets.
const OUTPUT_ONLY: [&str; 7] =
    ["name", "state", "etag", "email", "uniqueId", "writerIdentity", "lifecycleState"];

fn set_or_remove(resource: &mut Map<String, Value>, field: &str, value: Option<&Value>) {
    match value.filter(|it| !it.is_null()) {
        Some(value) => resource.insert(field.to_owned(), value.clone()),
        None => resource.remove(field),
    };
}

/// `retention_days` → `retentionDays`: a mask may have either form (protobuf's JSON mapping, FieldMask).
fn camel_case(field: &str) -> String {
    let mut parts = field.split('_');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (first, rest) = part.split_at(part.len().min(1));
        name.push_str(&first.to_uppercase());
        name.push_str(rest);
    }
    name
}

fn not_found(name: &str) -> GoogleError {
    GoogleError::not_found(format!("Requested entity was not found: {name}"))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
