//! APIs of a project that only `landbridge doctor` calls: Service Usage (`services:batchGet`), Data Policy
//! (`dataPolicies`), Data Catalog (`taxonomies`) and Organization Policy (`getEffectivePolicy`). They are
//! served beside BigQuery, because this emulation has one project. Sources: Google's discovery documents
//! `serviceusage.v1`, `bigquerydatapolicy.v1`, `datacatalog.v1` and `orgpolicy.v2`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::BigQuery;
use crate::access::Principal;
use crate::error::GoogleError;
use crate::web::{ApiResult, Call, json_response};

/// The end of the last segment of a request for an effective policy.
const EFFECTIVE_POLICY: &str = ":getEffectivePolicy";

/// The settings of the project and its organisation. By default all APIs are enabled, and no policy
/// restricts anything.
#[derive(Debug, Default)]
pub(crate) struct ProjectSettings {
    /// APIs that are not enabled, such as `sts.googleapis.com`.
    pub(crate) disabled_services: BTreeSet<String>,
    /// Entries of the project's log, which a test adds: these servers write none.
    pub(crate) log_entries: Vec<Value>,
    /// The rules of organisation policies by constraint.
    pub(crate) organisation_policies: BTreeMap<String, Value>,
}

impl BigQuery {
    /// Handles a call of one of these APIs; `None` if the path belongs to none of them.
    pub(super) fn project_api(&self, caller: &Principal, call: &Call) -> Option<ApiResult> {
        let path = call.path();
        Some(match (call.method.as_str(), path.as_slice()) {
            ("GET", ["v1", "projects", project, "services:batchGet"]) => {
                self.services(caller, call, project)
            }
            ("GET", ["v1", "projects", project, "locations", location, "dataPolicies"]) => {
                self.data_policies(caller, project, location)
            }
            ("GET", ["v1", taxonomy @ ..])
                if taxonomy.len() == 6 && taxonomy[4] == "taxonomies" =>
            {
                self.taxonomy(&taxonomy.join("/"))
            }
            ("GET", ["v2", "projects", project, "policies", constraint])
                if constraint.ends_with(EFFECTIVE_POLICY) =>
            {
                self.effective_policy(
                    caller,
                    project,
                    constraint.trim_end_matches(EFFECTIVE_POLICY),
                )
            }
            _ => return None,
        })
    }

    /// Refuses a call for another project, or without `permission` on the project.
    fn authorize_project_api(
        &self,
        caller: &Principal,
        project: &str,
        permission: &str,
    ) -> Result<(), GoogleError> {
        let allowed = self.with_access(|access| access.allows_on_project(caller, permission));
        if project == self.project && allowed {
            return Ok(());
        }
        Err(GoogleError::new(
            403,
            "forbidden",
            format!(
                "Permission '{permission}' denied on resource '//cloudresourcemanager.googleapis.com/projects/{project}' (or it may not exist)."
            ),
        ))
    }

    fn services(&self, caller: &Principal, call: &Call, project: &str) -> ApiResult {
        self.authorize_project_api(caller, project, "serviceusage.services.get")?;
        let settings = self.project_settings();
        let services: Vec<Value> = call
            .query_params("names")
            .map(|name| {
                let service = name.rsplit('/').next().unwrap_or_default();
                let disabled = settings.disabled_services.contains(service)
                    || !self.with_access(|access| access.plane.is_enabled(service));
                json!({
                    "name": name,
                    "parent": format!("projects/{project}"),
                    "config": {"name": service},
                    "state": if disabled { "DISABLED" } else { "ENABLED" },
                })
            })
            .collect();
        Ok(json_response(200, &json!({ "services": services })))
    }

    pub(super) fn taxonomy(&self, name: &str) -> ApiResult {
        let shown = self.with_access(|access| access.taxonomy_display_name(name));
        let Some(shown) = shown else {
            return Err(GoogleError::not_found(format!("Not found: taxonomy {name}")));
        };
        let enforced = self.with_access(|access| access.is_activated(name));
        let description = self.with_access(|it| it.plane.descriptions.get(name).cloned());
        let mut taxonomy = json!({"name": name, "displayName": shown});
        if let Some(description) = description.filter(|it| !it.is_empty()) {
            taxonomy["description"] = json!(description);
        }
        if enforced {
            taxonomy["activatedPolicyTypes"] = json!(["FINE_GRAINED_ACCESS_CONTROL"]);
        }
        Ok(json_response(200, &taxonomy))
    }

    fn data_policies(&self, caller: &Principal, project: &str, location: &str) -> ApiResult {
        self.authorize_project_api(caller, project, "bigquery.dataPolicies.list")?;
        let parent = format!("projects/{project}/locations/{location}");
        let policies = self.with_access(|access| access.masks_below(&parent));
        let named = self.with_access(|access| access.named_data_policies());
        let id_of = |number: usize, tag: &str, mask: &str| {
            let known =
                named.iter().find(|(_, its_tag, its_mask)| its_tag == tag && *its_mask == mask);
            known.map_or_else(|| format!("policy_{number}"), |(id, ..)| id.clone())
        };
        let policies: Vec<Value> = (1..)
            .zip(policies)
            .map(|(number, (tag, mask))| {
                let id = id_of(number, &tag, mask);
                json!({
                    "name": format!("{parent}/dataPolicies/{id}"),
                    "dataPolicyId": id,
                    "policyTag": tag,
                    "dataPolicyType": "DATA_MASKING_POLICY",
                    "dataMaskingPolicy": {"predefinedExpression": mask},
                })
            })
            .collect();
        Ok(json_response(200, &json!({ "dataPolicies": policies })))
    }

    fn effective_policy(&self, caller: &Principal, project: &str, constraint: &str) -> ApiResult {
        self.authorize_project_api(caller, project, "orgpolicy.policy.get")?;
        let settings = self.project_settings();
        let unrestricted = json!([{"allowAll": true}]);
        let rules = settings.organisation_policies.get(constraint).unwrap_or(&unrestricted);
        let policy = json!({
            "name": format!("projects/{project}/policies/{constraint}"),
            "spec": {"rules": rules},
        });
        Ok(json_response(200, &policy))
    }
}
