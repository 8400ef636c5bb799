//! The control plane of the project, as Terraform's provider calls it: enabled APIs, custom roles, workload
//! identity pools, service accounts, policies, and what these servers only keep. Taxonomies, tags and data
//! policies are in `control_plane`, datasets in `datasets`, buckets in `storage`. All of it is served beside
//! BigQuery, because this emulation has one project.
//!
//! Sources: Google's discovery documents `serviceusage.v1`, `cloudresourcemanager.v1`, `iam.v1`, `logging.v2`,
//! `monitoring.v3`, `bigqueryconnection.v1`, `dataform.v1`; the provider's source, revision
//! e03b7622a26cf4e878f90bdccaca6aa3d03a7999 of hashicorp/terraform-provider-google, for what it sends.
//!
//! | module | what |
//! |---|---|
//! | here | which API a call belongs to, and whether it is enabled |
//! | `services` | Service Usage, and the project itself |
//! | `resources` | resources by name: create, get, list, patch, delete, undelete |
//! | `kinds` | the kinds of such resources, and their rules |
//! | `policies` | `getIamPolicy` and `setIamPolicy` with etags |

mod kinds;
mod policies;
mod resources;
mod services;

use super::BigQuery;
use crate::PROJECT_NUMBER;
use crate::access::Principal;
use crate::error::GoogleError;
use crate::web::{ApiResult, Call};

/// The API to which a call on the server of BigQuery belongs, by its path.
fn service_of(path: &[&str]) -> &'static str {
    let contains = |name: &str| path.iter().any(|it| it.split(':').next() == Some(name));
    match path {
        ["v1", "projects", _] | ["v3", "organizations" | "folders", ..] | ["v3", "projects", _] => {
            "cloudresourcemanager.googleapis.com"
        }
        ["v1", "operations", ..] => "serviceusage.googleapis.com",
        ["v1", "projects", _, it, ..] if it.split(':').next() == Some("services") => {
            "serviceusage.googleapis.com"
        }
        ["v1", .., it] if it.ends_with(":generateAccessToken") => "iamcredentials.googleapis.com",
        ["v1", ..] if contains("taxonomies") => "datacatalog.googleapis.com",
        ["v1", ..] if contains("dataPolicies") => "bigquerydatapolicy.googleapis.com",
        ["v1", ..] if contains("connections") => "bigqueryconnection.googleapis.com",
        ["v1", ..] if contains("repositories") => "dataform.googleapis.com",
        ["v1", ..] => "iam.googleapis.com",
        ["v2", "projects", _, "policies", ..] => "orgpolicy.googleapis.com",
        ["v2", ..] => "logging.googleapis.com",
        ["v3", ..] => "monitoring.googleapis.com",
        _ => "bigquery.googleapis.com",
    }
}

impl BigQuery {
    /// Refuses a call of an API that the project has not enabled.
    pub(super) fn check_enabled(&self, call: &Call) -> Result<(), GoogleError> {
        let service = service_of(&call.path());
        let disabled = self.project_settings().disabled_services.contains(service);
        match !disabled && self.with_access(|access| access.plane.is_enabled(service)) {
            true => Ok(()),
            false => Err(GoogleError::service_disabled(service)),
        }
    }

    /// Handles a call of the control plane; `None` if the path belongs to none of its parts.
    pub(super) fn plane_api(&self, caller: &Principal, call: &Call) -> Option<ApiResult> {
        (self.services_api(caller, call))
            .or_else(|| self.iam_policy_api(caller, call))
            .or_else(|| self.resources_api(caller, call))
    }

    /// The name of a resource as these servers keep it: pools have the number of the project, everything
    /// else its id. `-` stands for the project of a service account.
    fn kept_name(&self, segments: &[&str]) -> String {
        let number = PROJECT_NUMBER.to_string();
        let mut segments = segments.to_vec();
        if segments.first() == Some(&"projects") && segments.len() > 1 {
            let is_ours = [self.project.as_str(), &number, "-"].contains(&segments[1]);
            let is_pool = segments.contains(&"workloadIdentityPools");
            if is_ours {
                segments[1] = if is_pool { &number } else { &self.project };
            }
        }
        segments.join("/")
    }

    /// Refuses a caller without a permission on a resource.
    fn authorize_on(
        &self,
        caller: &Principal,
        resource: &str,
        permission: &str,
    ) -> Result<(), GoogleError> {
        if self.with_access(|access| access.allows_on(caller, resource, permission)) {
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
}
