//! Calls that read IAM policies and roles: Resource Manager (`getIamPolicy` of version 3, `getAncestry`), BigQuery
//! (`tables.getIamPolicy`) and IAM (`roles.get`). They are served beside BigQuery, because this emulation has one
//! project. Sources: Google's discovery documents `cloudresourcemanager.v1` and `.v3`, `iam.v1`. Policies of
//! other resources are in `plane`.

use serde_json::{Value, json};

use super::BigQuery;
use super::names::TableName;
use crate::access::Principal;
use crate::access::policies::{
    PolicyBinding, access_entry, basic_role, bindings_of_access, policy_resource,
};
use crate::error::GoogleError;
use crate::web::{ApiResult, Call, json_response};

/// The end of the last segment of a call for a policy.
const GET_POLICY: &str = ":getIamPolicy";
/// The end of the last segment of a call for the ancestors of a project.
const GET_ANCESTRY: &str = ":getAncestry";

impl BigQuery {
    /// Handles a call of one of these APIs; `None` if the path belongs to none of them.
    pub(super) fn policy_api(&self, caller: &Principal, call: &Call) -> Option<ApiResult> {
        let path = call.path();
        let resource = |version: &str| {
            let name = path.strip_prefix(&[version][..])?.join("/");
            Some(name.strip_suffix(GET_POLICY)?.to_owned())
        };
        match (call.method.as_str(), path.as_slice()) {
            ("POST", ["v3", kind, _]) => {
                let permission = format!("resourcemanager.{kind}.getIamPolicy");
                Some(self.iam_policy(caller, &resource("v3")?, &permission))
            }
            ("POST", ["v1", "projects", project]) => {
                let project = project.strip_suffix(GET_ANCESTRY)?;
                Some(self.ancestry(caller, project))
            }
            ("POST", ["v2", "entries:list"]) => Some(self.log_entries(caller, call)),
            ("GET", ["v1", "projects", _, "roles", _] | ["v1", "roles", _]) => {
                Some(self.role(caller, &path[1..].join("/")))
            }
            ("POST", [.., "projects", _, "datasets", dataset, "tables", table]) => {
                let name = TableName::new(&self.project, dataset, table.strip_suffix(GET_POLICY)?);
                Some(self.table_policy(caller, &name))
            }
            _ => None,
        }
    }

    fn require(
        &self,
        caller: &Principal,
        resource: &str,
        permission: &str,
    ) -> Result<(), GoogleError> {
        let allowed = self.with_access(|access| {
            access.allows_on_project(caller, permission) && !access.is_policy_denied(resource)
        });
        if allowed {
            return Ok(());
        }
        Err(GoogleError::new(
            403,
            "forbidden",
            format!(
                "Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
            ),
        ))
    }

    fn iam_policy(&self, caller: &Principal, resource: &str, permission: &str) -> ApiResult {
        self.require(caller, resource, permission)?;
        let bindings = self.with_access(|access| access.policy(resource, &self.project));
        Ok(json_response(200, &policy_resource(&bindings)))
    }

    fn table_policy(&self, caller: &Principal, name: &TableName) -> ApiResult {
        self.authorize_on_table(caller, name, "bigquery.tables.getIamPolicy")?;
        self.catalog().table(name)?;
        let resource = format!("datasets/{}/tables/{}", name.dataset, name.table);
        let bindings = self.with_access(|access| access.policy(&resource, &self.project));
        Ok(json_response(200, &policy_resource(&bindings)))
    }

    fn ancestry(&self, caller: &Principal, project: &str) -> ApiResult {
        self.require(caller, &format!("projects/{project}"), "resourcemanager.projects.get")?;
        let above = self.with_access(|access| access.ancestors().to_vec());
        let ancestors: Vec<Value> = [format!("projects/{project}")]
            .iter()
            .chain(&above)
            .filter_map(|name| name.split_once('/'))
            .map(|(kind, id)| json!({"resourceId": {"type": kind.trim_end_matches('s'), "id": id}}))
            .collect();
        Ok(json_response(200, &json!({ "ancestor": ancestors })))
    }

    /// `entries.list` of the Logging API (`logging.v2`): of the filter, only the times have an effect.
    fn log_entries(&self, caller: &Principal, call: &Call) -> ApiResult {
        let body = call.json_body()?;
        let place = body.pointer("/resourceNames/0").and_then(Value::as_str).unwrap_or_default();
        self.require(caller, place, "logging.privateLogEntries.list")?;
        if place != format!("projects/{}", self.project) {
            return Err(GoogleError::not_found(format!("Not found: {place}")));
        }
        let filter = body.get("filter").and_then(Value::as_str).unwrap_or_default();
        let bound = |operator: &str| {
            let text = filter.split_once(&format!("timestamp{operator}\""))?.1;
            text.split('"').next().map(str::to_owned)
        };
        let (from, until) = (bound(">="), bound("<"));
        let settings = self.project_settings();
        let in_time = |entry: &&Value| {
            let at = entry.get("timestamp").and_then(Value::as_str).unwrap_or_default();
            from.as_deref().is_none_or(|it| at >= it) && until.as_deref().is_none_or(|it| at < it)
        };
        let entries: Vec<&Value> = settings.log_entries.iter().filter(in_time).collect();
        Ok(json_response(200, &json!({ "entries": entries })))
    }

    fn role(&self, caller: &Principal, name: &str) -> ApiResult {
        self.require(caller, name, "iam.roles.get")?;
        let permissions = self.with_access(|access| access.role_permissions(name, &self.project));
        let permissions =
            permissions.ok_or_else(|| GoogleError::not_found(format!("Not found: role {name}")))?;
        Ok(json_response(200, &json!({"name": name, "includedPermissions": permissions})))
    }

    /// The access list of a dataset: the entries that were set, and the entries of all grants on it.
    pub(super) fn with_access_list(&self, id: &str, mut resource: Value) -> Value {
        let bindings =
            self.with_access(|access| access.policy(&format!("datasets/{id}"), &self.project));
        let mut entries =
            resource.get("access").and_then(Value::as_array).cloned().unwrap_or_default();
        for entry in &mut entries {
            if let Some(role) = entry.get("role").and_then(Value::as_str) {
                entry["role"] = Value::from(basic_role(role));
            }
        }
        for binding in &bindings {
            let entry = access_entry(binding, &self.project);
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        resource["access"] = Value::Array(entries);
        resource
    }

    /// Refuses an access list that names a role or an account that does not exist.
    pub(super) fn check_access_list(&self, entries: Option<&Value>) -> Result<(), GoogleError> {
        let bindings = entries.map(|it| bindings_of_access(it, &self.project)).unwrap_or_default();
        let wrong = self.with_access(|access| {
            let is_wrong =
                |it: &PolicyBinding| !access.has_role(&it.role) || !access.has_member(&it.member);
            bindings.into_iter().find(is_wrong)
        });
        match wrong {
            None => Ok(()),
            Some(it) => Err(GoogleError::invalid(format!(
                "The access entry of role {} and member {} names one that does not exist.",
                it.role, it.member
            ))),
        }
    }

    /// Gives the members of a dataset's access list their rights.
    pub(super) fn apply_access_list(&self, id: &str, entries: Option<&Value>) {
        let bindings = entries.map(|it| bindings_of_access(it, &self.project)).unwrap_or_default();
        let mut access = self.access.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        access.count_change();
        access.set_dataset_access(id, bindings);
    }
}
