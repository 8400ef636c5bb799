//! `getIamPolicy` and `setIamPolicy` of the project, taxonomies, tags, data policies, service accounts and
//! connections. A policy has an etag; a policy with the etag of an earlier state is refused (IAM's documentation,
//! "Understanding allow policies", etag).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::access::policies::{MASKED_READER, PolicyBinding};
use crate::access::{AccessControl, Principal};
use crate::bigquery::BigQuery;
use crate::error::GoogleError;
use crate::turned::is_turned;
use crate::web::{ApiResult, Call, json_response};

/// The permission that a call asks for, without `getIamPolicy` or `setIamPolicy`, by the collection of the resource.
fn permissions_of(collection: &str) -> Option<&'static str> {
    Some(match collection {
        "projects" => "resourcemanager.projects",
        "taxonomies" => "datacatalog.taxonomies",
        "policyTags" => "datacatalog.categories",
        "dataPolicies" => "bigquery.dataPolicies",
        "serviceAccounts" => "iam.serviceAccounts",
        "connections" => "bigquery.connections",
        _ => return None,
    })
}

impl BigQuery {
    pub(super) fn iam_policy_api(&self, caller: &Principal, call: &Call) -> Option<ApiResult> {
        let path = call.path();
        if call.method != http::Method::POST || path.first() != Some(&"v1") {
            return None;
        }
        let name = self.kept_name(&path[1..]);
        let (name, verb) = name.rsplit_once(':')?;
        let collection = name.rsplit('/').nth(1)?;
        let permissions = permissions_of(collection)?;
        let allowed = match verb {
            "getIamPolicy" | "setIamPolicy" => {
                self.authorize_policy(caller, name, &format!("{permissions}.{verb}"))
            }
            _ => return None,
        };
        Some(allowed.and_then(|()| self.check_exists(name, collection)).and_then(|()| {
            if verb == "setIamPolicy" {
                self.set_policy(name, collection, &call.json_body()?)?;
            }
            Ok(json_response(200, &self.shown_policy(name)))
        }))
    }

    fn authorize_policy(
        &self,
        caller: &Principal,
        name: &str,
        permission: &str,
    ) -> Result<(), GoogleError> {
        if self.with_access(|access| access.is_policy_denied(name)) {
            let message = format!("Permission '{permission}' denied on resource '{name}'.");
            return Err(GoogleError::new(403, "forbidden", message));
        }
        self.authorize_on(caller, name, permission)
    }

    fn check_exists(&self, name: &str, collection: &str) -> Result<(), GoogleError> {
        let exists = self.with_access(|access| match collection {
            "policyTags" => access.has_policy_tag(name),
            "taxonomies" => access.has_taxonomy(name),
            "dataPolicies" => access.data_policy(name).is_some(),
            "serviceAccounts" | "connections" => access.plane.live(name).is_some(),
            _ => name == format!("projects/{}", self.project),
        });
        match exists {
            true => Ok(()),
            false => Err(GoogleError::not_found(format!("Not found: {name}"))),
        }
    }

    fn shown_policy(&self, name: &str) -> Value {
        self.with_access(|access| {
            let bindings = access.bindings_of(name);
            let mut policy = crate::access::policies::policy_resource(&bindings);
            policy["etag"] = json!(access.policy_etag(name));
            policy
        })
    }

    fn set_policy(&self, name: &str, collection: &str, body: &Value) -> Result<(), GoogleError> {
        let policy = body.get("policy").cloned().unwrap_or_default();
        let mut access = self.access_mut();
        let etag = policy.get("etag").and_then(Value::as_str).filter(|it| !it.is_empty());
        let is_checked = !is_turned("policy-etag-conflict");
        if is_checked && etag.is_some_and(|it| it != access.policy_etag(name)) {
            return Err(GoogleError::new(
                409,
                "aborted",
                "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
            ));
        }
        let mut bindings = parse_bindings(&access, &policy)?;
        if collection == "dataPolicies" && bindings.iter().any(|it| it.role != MASKED_READER) {
            let message =
                format!("This server knows {MASKED_READER} on a data policy, and no other role.");
            return Err(GoogleError::invalid(message));
        }
        // A change that takes time: the former members still have their roles.
        if is_turned("policy-change-delay") {
            bindings.extend(access.bindings_of(name));
        }
        access.replace_bindings(name, bindings);
        Ok(())
    }
}

fn parse_bindings(
    access: &AccessControl,
    policy: &Value,
) -> Result<Vec<PolicyBinding>, GoogleError> {
    let mut all = Vec::new();
    for binding in policy.get("bindings").and_then(Value::as_array).into_iter().flatten() {
        let role = binding.get("role").and_then(Value::as_str).unwrap_or_default();
        if !access.has_role(role) {
            let message = format!("Role ({role}) does not exist in the resource's hierarchy.");
            return Err(GoogleError::invalid(message));
        }
        let condition = binding.get("condition").filter(|it| !it.is_null());
        if let Some(condition) = condition {
            crate::access::check_condition(condition)?;
        }
        let members = binding.get("members").and_then(Value::as_array).into_iter().flatten();
        for member in members.filter_map(Value::as_str).collect::<BTreeSet<_>>() {
            if !access.has_member(member) {
                let account = member.trim_start_matches("serviceAccount:");
                let message = format!("Service account {account} does not exist.");
                return Err(GoogleError::invalid(message));
            }
            let condition = condition.cloned();
            all.push(PolicyBinding { condition, ..PolicyBinding::new(role, member) });
        }
    }
    Ok(all)
}

impl AccessControl {
    fn policy_etag(&self, name: &str) -> String {
        let changes = self.plane.policy_changes.get(name).copied().unwrap_or_default();
        STANDARD.encode((changes + 1).to_be_bytes())
    }

    fn bindings_of(&self, name: &str) -> Vec<PolicyBinding> {
        match self.data_policy(name) {
            Some((tag, rule)) => self.mask_policy(&tag, rule),
            None => self.own_policy(name),
        }
    }

    fn replace_bindings(&mut self, name: &str, bindings: Vec<PolicyBinding>) {
        *self.plane.policy_changes.entry(name.to_owned()).or_default() += 1;
        match self.data_policy(name) {
            Some((tag, rule)) => {
                let readers = bindings.into_iter().map(|it| it.member).collect();
                self.set_data_policy(&tag, rule, readers);
            }
            None => self.set_bindings(name, bindings),
        }
    }
}
