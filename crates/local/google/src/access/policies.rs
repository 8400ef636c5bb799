//! IAM policies of resources other than buckets: what the calls `getIamPolicy` and the access list of a
//! dataset show, and bindings that are set on a resource itself.
//!
//! A policy contains the grants of each principal, and the bindings of [`AccessControl::bind`]. Principals
//! that stand for members of a group are not in it, because Google shows the group.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{AccessControl, Grants, Principal, Role, member};
use crate::masking::MaskingRule;
use crate::turned::is_turned;

/// The role of a reader of plain values.
pub(super) const FINE_GRAINED_READER: &str = "roles/datacatalog.categoryFineGrainedReader";
/// The role of a reader of masks.
pub(crate) const MASKED_READER: &str = "roles/bigquerydatapolicy.maskedReader";

/// A role, and a member who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyBinding {
    pub(crate) role: String,
    pub(crate) member: String,
    /// The resource `Expr`. A binding with a condition gives nothing here: conditions are evaluated in the
    /// policies of buckets alone.
    pub(crate) condition: Option<Value>,
}

impl PolicyBinding {
    pub(crate) fn new(role: &str, member: &str) -> Self {
        Self { role: role.to_owned(), member: member.to_owned(), condition: None }
    }
}

/// The member that names a principal.
fn member_of(email: &str) -> String {
    if email.contains("://") || email.contains(':') || !email.contains('@') {
        return email.to_owned();
    }
    let kind = if email.ends_with(".gserviceaccount.com") { "serviceAccount" } else { "user" };
    format!("{kind}:{email}")
}

/// The name of a role in a policy. A custom role is named by its permissions.
pub(crate) fn role_name(role: Role, project: &str) -> String {
    match role {
        Role::Custom(permissions) => {
            let digest = Sha256::digest(permissions.join(" "));
            let id: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            format!("projects/{project}/roles/custom_{id}")
        }
        role => role.name().to_owned(),
    }
}

impl AccessControl {
    /// Adds a binding to the policy of a resource: `projects/P`, a folder, an organisation, `datasets/D`,
    /// `datasets/D/tables/T`, a taxonomy or a policy tag.
    pub(crate) fn bind(&mut self, resource: &str, role: &str, member: &str) {
        let bindings = self.bindings.entry(resource.to_owned()).or_default();
        let binding = PolicyBinding::new(role, member);
        if !bindings.contains(&binding) {
            bindings.push(binding);
        }
    }

    /// Replaces the bindings that the access list of a dataset gives.
    pub(crate) fn set_dataset_access(&mut self, dataset: &str, bindings: Vec<PolicyBinding>) {
        self.dataset_access.insert(dataset.to_owned(), bindings);
    }

    pub(crate) fn set_ancestors(&mut self, ancestors: Vec<String>) {
        self.ancestors = ancestors;
    }

    pub(crate) fn ancestors(&self) -> &[String] {
        &self.ancestors
    }

    /// Refuses everyone the policy of a resource, or allows it again.
    pub(crate) fn set_policy_denied(&mut self, resource: &str, denied: bool) {
        super::toggle(&mut self.denied_policies, resource, denied);
    }

    pub(crate) fn is_policy_denied(&self, resource: &str) -> bool {
        self.denied_policies.contains(resource)
    }

    /// The grants that policies show, with the members who have them.
    fn shown(&self) -> impl Iterator<Item = (String, &Grants)> {
        let people = self.principals.values().map(|it| (member_of(&it.email), &it.grants));
        let sets = self.principal_sets.iter().map(|(set, grants)| (set.clone(), grants));
        people.chain(sets).filter(|(_, grants)| !grants.through_groups)
    }

    /// The bindings of a resource's policy. `project` is the only project.
    pub(crate) fn policy(&self, resource: &str, project: &str) -> Vec<PolicyBinding> {
        let mut all: Vec<PolicyBinding> = self.bindings.get(resource).cloned().unwrap_or_default();
        for (member, grants) in self.shown() {
            let mut add = |role: &str| all.push(PolicyBinding::new(role, &member));
            if resource == format!("projects/{project}") {
                grants.project.iter().for_each(|role| add(&role_name(*role, project)));
            } else if let Some(dataset) = resource.strip_prefix("datasets/") {
                let roles = grants.datasets.get(dataset).into_iter().flatten();
                roles.for_each(|role| add(&role_name(*role, project)));
            } else if grants.fine_grained_tags.contains(resource) {
                add(FINE_GRAINED_READER);
            }
        }
        all
    }

    /// The bindings of the data policy of a tag with a rule.
    pub(crate) fn mask_policy(&self, tag: &str, rule: MaskingRule) -> Vec<PolicyBinding> {
        let readers = self.data_policies.get(tag).and_then(|it| it.get(&rule));
        let mut members: BTreeSet<String> =
            readers.into_iter().flatten().map(|it| member_of(it)).collect();
        let shown = self.shown().filter(|(_, grants)| grants.masked_tags.contains(tag));
        members.extend(shown.map(|(member, _)| member));
        members.iter().map(|member| PolicyBinding::new(MASKED_READER, member)).collect()
    }

    /// The permissions of a role that a grant uses, or that Google defines.
    pub(crate) fn role_permissions(&self, name: &str, project: &str) -> Option<Vec<&'static str>> {
        let everybody = self.principals.values().map(|it| &it.grants);
        let grants = everybody.chain(self.principal_sets.values());
        let mut roles =
            grants.flat_map(|it| it.project.iter().chain(it.datasets.values().flatten()));
        roles.find_map(|role| match role {
            Role::Custom(permissions) if role_name(*role, project) == name => {
                Some(permissions.to_vec())
            }
            _ => None,
        })
    }

    /// Whether a binding on one of `resources` gives `caller` a role that `gives` accepts.
    pub(super) fn is_bound(
        &self,
        caller: &Principal,
        resource: &str,
        gives: impl Fn(&str) -> bool,
    ) -> bool {
        let listed = resource.strip_prefix("datasets/").and_then(|it| self.dataset_access.get(it));
        let bindings = self.bindings.get(resource).into_iter().chain(listed).flatten();
        bindings
            .filter(|it| it.condition.is_none() && gives(&it.role))
            .any(|it| member::includes(&it.member, caller, self.project_id()))
    }

    /// Whether a binding on the project or above it gives `caller` a role that `gives` accepts.
    pub(super) fn is_bound_above(
        &self,
        caller: &Principal,
        gives: impl Fn(&str) -> bool + Copy,
    ) -> bool {
        let project = format!("projects/{}", self.project_id());
        self.is_bound(caller, &project, gives)
            || self.ancestors.iter().any(|it| self.is_bound(caller, it, gives))
    }

    fn project_id(&self) -> &str {
        &self.project
    }

    /// Whether `caller` has a permission on a table, also by a binding on the table itself.
    pub(crate) fn allows_on_table(
        &self,
        caller: &Principal,
        (dataset, table): (&str, &str),
        permission: &str,
    ) -> bool {
        let resource = format!("datasets/{dataset}/tables/{table}");
        self.allows_on_dataset(caller, dataset, permission)
            || self.is_bound(caller, &resource, |role| self.role_allows(role, permission))
    }
}

/// The resource `Policy` of a list of bindings.
pub(crate) fn policy_resource(all: &[PolicyBinding]) -> Value {
    let mut bindings: Vec<(&str, Option<&Value>, BTreeSet<&str>)> = Vec::new();
    for it in all {
        let key = (it.role.as_str(), it.condition.as_ref());
        match bindings.iter_mut().find(|(role, condition, _)| (*role, *condition) == key) {
            Some((_, _, members)) => {
                members.insert(&it.member);
            }
            None => bindings.push((key.0, key.1, BTreeSet::from([it.member.as_str()]))),
        }
    }
    bindings.sort_by_key(|(role, ..)| *role);
    let version = if all.iter().any(|it| it.condition.is_some()) { 3 } else { 1 };
    let resource = |(role, condition, members): (&str, Option<&Value>, BTreeSet<&str>)| {
        let mut binding = json!({"role": role, "members": members});
        if let Some(condition) = condition {
            binding["condition"] = condition.clone();
        }
        binding
    };
    let bindings: Vec<Value> = bindings.into_iter().map(resource).collect();
    json!({"version": version, "etag": "BwYIABCg0tE=", "bindings": bindings})
}

/// The name with which an access list shows a role ("This field will accept any of the above formats, but will return only
/// the legacy format": BigQuery v2 discovery document, `Dataset.access.role`).
pub(crate) fn basic_role(role: &str) -> &str {
    match role {
        role if is_turned("access-list-entries-are-roles") => role,
        "roles/bigquery.dataViewer" => "READER",
        "roles/bigquery.dataEditor" => "WRITER",
        "roles/bigquery.dataOwner" => "OWNER",
        other => other,
    }
}

/// An entry of a dataset's access list (BigQuery v2, `Dataset.access`).
pub(crate) fn access_entry(binding: &PolicyBinding, project: &str) -> Value {
    let mut entry = json!({ "role": basic_role(&binding.role) });
    let (kind, name) = binding.member.split_once(':').unwrap_or(("", &binding.member));
    let (key, value) = match kind {
        "user" | "serviceAccount" => ("userByEmail", name.to_owned()),
        "group" => ("groupByEmail", name.to_owned()),
        "domain" => ("domain", name.to_owned()),
        "projectOwner" if name == project => ("specialGroup", "projectOwners".to_owned()),
        "projectEditor" if name == project => ("specialGroup", "projectWriters".to_owned()),
        "projectViewer" if name == project => ("specialGroup", "projectReaders".to_owned()),
        "" if name == super::ALL_AUTHENTICATED_USERS => ("specialGroup", name.to_owned()),
        _ => ("iamMember", binding.member.clone()),
    };
    entry[key] = json!(value);
    entry
}

/// The bindings that the entries of an access list give. Views, datasets and routines give none.
pub(crate) fn bindings_of_access(entries: &Value, project: &str) -> Vec<PolicyBinding> {
    let binding = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let role = match text("role")? {
            "READER" => "roles/bigquery.dataViewer",
            "WRITER" => "roles/bigquery.dataEditor",
            "OWNER" => "roles/bigquery.dataOwner",
            other => other,
        };
        let member = match text("specialGroup") {
            Some("projectOwners") => format!("projectOwner:{project}"),
            Some("projectWriters") => format!("projectEditor:{project}"),
            Some("projectReaders") => format!("projectViewer:{project}"),
            Some(everyone) => everyone.to_owned(),
            None => (text("userByEmail").map(member_of))
                .or_else(|| text("groupByEmail").map(|it| format!("group:{it}")))
                .or_else(|| text("domain").map(|it| format!("domain:{it}")))
                .or_else(|| text("iamMember").map(str::to_owned))?,
        };
        Some(PolicyBinding::new(role, &member))
    };
    entries.as_array().into_iter().flatten().filter_map(binding).collect()
}
