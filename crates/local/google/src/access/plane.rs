//! What calls of the control plane have made besides tags, data policies, datasets and buckets: enabled APIs,
//! custom roles, workload identity pools and their providers, service accounts, and resources that these
//! servers only keep (log buckets, sinks, alert policies, connections, repositories).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::policies::PolicyBinding;
use super::{AccessControl, Principal, Role};
use crate::turned::is_turned;

/// The state of the project that belongs to no other part.
#[derive(Default)]
pub(crate) struct Plane {
    /// The enabled APIs, such as `sts.googleapis.com`. `None`: all, as in a project that a test sets up.
    pub(crate) services: Option<BTreeSet<String>>,
    /// Resources by their names, as their API shows them.
    pub(crate) resources: BTreeMap<String, Value>,
    /// Results of long-running operations by name.
    pub(crate) operations: BTreeMap<String, Value>,
    /// How often the policy of a resource changed: its etag.
    pub(crate) policy_changes: BTreeMap<String, u64>,
    /// Descriptions of taxonomies and tags.
    pub(crate) descriptions: BTreeMap<String, String>,
    /// Whether setting a tag needs a right on its taxonomy, also in a project that did not begin empty.
    pub(crate) checks_taxonomies: bool,
}

impl Plane {
    /// Whether an API is enabled.
    pub(crate) fn is_enabled(&self, service: &str) -> bool {
        self.services.as_ref().is_none_or(|it| it.contains(service))
    }

    /// Whether the project was empty at first, so that each right in it came by a call. Then these servers also check what
    /// a set-up by Rust code leaves out.
    pub(crate) fn began_empty(&self) -> bool {
        self.services.is_some()
    }

    /// A resource that exists and is not deleted.
    pub(crate) fn live(&self, name: &str) -> Option<&Value> {
        self.resources.get(name).filter(|it| !is_deleted(it))
    }
}

/// Whether a resource is deleted, and can be undeleted: `deleted` of a role, `state` of a pool or a provider
/// (discovery document `iam.v1`).
pub(crate) fn is_deleted(resource: &Value) -> bool {
    resource.get("deleted").and_then(Value::as_bool).unwrap_or_default()
        || resource.get("state").and_then(Value::as_str) == Some("DELETED")
}

impl AccessControl {
    /// Whether a role with a name that policies contain includes a permission. A custom role has the
    /// permissions that the control plane gave it, and none once it is deleted.
    pub(super) fn role_allows(&self, name: &str, permission: &str) -> bool {
        if name.starts_with("roles/") {
            return Role::named_allows(name, permission);
        }
        let permissions = self.plane.live(name).and_then(|it| it.get("includedPermissions"));
        let permissions = permissions.and_then(Value::as_array);
        permissions.into_iter().flatten().any(|it| it.as_str() == Some(permission))
    }

    /// Whether a policy may name a role: one that Google has, or a custom role that exists.
    pub(crate) fn has_role(&self, name: &str) -> bool {
        !name.starts_with("projects/")
            || self.plane.live(name).is_some()
            || self.role_permissions(name, &self.project).is_some()
    }

    /// Whether a policy may name a member: a service account of this project must exist, in a project that
    /// began empty.
    pub(crate) fn has_member(&self, member: &str) -> bool {
        let Some(email) = member.strip_prefix("serviceAccount:") else { return true };
        let ours = format!("@{}.iam.gserviceaccount.com", self.project);
        !self.plane.began_empty()
            || !email.ends_with(&ours)
            || self
                .plane
                .live(&format!("projects/{}/serviceAccounts/{email}", self.project))
                .is_some()
    }

    /// Whether `caller` has a permission on a resource of the control plane, such as a taxonomy or a service
    /// account: by a binding on it, or on the project.
    pub(crate) fn allows_on(&self, caller: &Principal, resource: &str, permission: &str) -> bool {
        let is_turned = is_turned("federated-principals-everywhere")
            && resource.contains("/taxonomies/")
            && !caller.sets.is_empty();
        self.allows_on_project(caller, permission)
            || !is_turned
                && self.is_bound(caller, resource, |role| self.role_allows(role, permission))
    }

    /// Forgets the policy of a resource that is deleted.
    pub(crate) fn forget_policy(&mut self, resource: &str) {
        self.bindings.remove(resource);
    }

    /// The bindings of a resource's policy, with the grants that a set-up gave.
    pub(crate) fn own_policy(&self, resource: &str) -> Vec<PolicyBinding> {
        self.policy(resource, &self.project)
    }

    /// Replaces the bindings of a resource's policy.
    pub(crate) fn set_bindings(&mut self, resource: &str, bindings: Vec<PolicyBinding>) {
        self.bindings.insert(resource.to_owned(), bindings);
    }

    /// Makes the principal of a token a member of groups.
    pub(crate) fn join_groups(&mut self, token: &str, groups: BTreeSet<String>) {
        if let Some(principal) = self.principals.get_mut(token) {
            principal.groups = groups;
        }
    }
}
