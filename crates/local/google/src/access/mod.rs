//! Access control: principals, roles, policy tags and data policies.
//!
//! Roles and permissions follow Google's IAM documentation, limited to those that the servers
//! check. Column-level security follows BigQuery's documentation of policy tags and data
//! policies: the check walks from the column's tag towards the root of the taxonomy, and the
//! first level at which the caller has a role decides.
//!
//! | module | what |
//! |---|---|
//! | `role` | roles and the permissions in them |
//! | `member` | members of IAM policies |
//! | `control` | policies that calls of the control plane set |
//! | `plane` | APIs, custom roles, pools and accounts that such calls made |
//! | `expression` | conditions of bindings, and of workload identity providers |
//! | `bucket_policy` | the IAM policy of a bucket: bindings, members, conditions |
//! | `policies` | IAM policies of all other resources |

mod bucket_policy;
mod control;
pub(crate) mod expression;
mod member;
pub(crate) mod plane;
pub(crate) mod policies;
mod role;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use serde_json::Value;

use crate::error::GoogleError;
use crate::masking::MaskingRule;
use crate::turned::is_turned;
use bucket_policy::BucketPolicy;
pub(crate) use role::OVERRIDE_TIME_TRAVEL_RESTRICTIONS;
pub use role::Role;

/// As a masked reader: every authenticated caller.
pub const ALL_AUTHENTICATED_USERS: &str = "allAuthenticatedUsers";

/// The roles of a principal. Built by chaining.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    project: BTreeSet<Role>,
    datasets: BTreeMap<String, BTreeSet<Role>>,
    /// Become bindings of the buckets' policies when the grants are given to a principal.
    buckets: BTreeMap<String, BTreeSet<Role>>,
    fine_grained_tags: BTreeSet<String>,
    masked_tags: BTreeSet<String>,
    /// The principal has them as a member of groups, so policies do not name it.
    through_groups: bool,
}

impl Grants {
    /// No roles.
    pub fn none() -> Self {
        Self::default()
    }

    /// Administrator of BigQuery and Cloud Storage, without access to tagged columns.
    pub fn owner() -> Self {
        Self::none().project_role(Role::BigQueryAdmin).project_role(Role::StorageAdmin)
    }

    /// Adds a role on the project.
    #[must_use]
    pub fn project_role(mut self, role: Role) -> Self {
        self.project.insert(role);
        self
    }

    /// Adds a role on one dataset.
    #[must_use]
    pub fn dataset_role(mut self, dataset: impl Into<String>, role: Role) -> Self {
        self.datasets.entry(dataset.into()).or_default().insert(role);
        self
    }

    /// Adds a role on one bucket: a binding of the bucket's policy. It applies until somebody sets
    /// a policy without it.
    #[must_use]
    pub fn bucket_role(mut self, bucket: impl Into<String>, role: Role) -> Self {
        self.buckets.entry(bucket.into()).or_default().insert(role);
        self
    }

    /// Adds the Fine-Grained Reader role on a policy tag (its resource name): the principal reads
    /// plain values.
    #[must_use]
    pub fn fine_grained_reader(mut self, tag: impl Into<String>) -> Self {
        self.fine_grained_tags.insert(tag.into());
        self
    }

    /// Says that the principal stands for the members of groups: it has the rights of the groups, and
    /// IAM policies name the groups, not the principal.
    #[must_use]
    pub fn through_groups(mut self) -> Self {
        self.through_groups = true;
        self
    }

    /// Adds the Masked Reader role on every data policy of a policy tag (its resource name).
    #[must_use]
    pub fn masked_reader(mut self, tag: impl Into<String>) -> Self {
        self.masked_tags.insert(tag.into());
        self
    }
}

/// A policy tag of a taxonomy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTag {
    /// `projects/P/locations/L/taxonomies/T/policyTags/ID`.
    pub name: String,
    /// The display name, such as `pii_email`.
    pub display_name: String,
    /// The resource name of the parent tag, if any.
    pub parent: Option<String>,
}

impl PolicyTag {
    /// The taxonomy's resource name: the part before `/policyTags/`.
    fn taxonomy(&self) -> &str {
        taxonomy_of(&self.name)
    }
}

fn taxonomy_of(tag: &str) -> &str {
    tag.split_once("/policyTags/").map_or(tag, |(taxonomy, _)| taxonomy)
}

/// The location in a policy tag's resource name.
pub(crate) fn location_of(tag: &str) -> Option<&str> {
    tag.split('/').skip_while(|part| *part != "locations").nth(1)
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) email: String,
    /// The principal sets to which a federated caller belongs.
    sets: BTreeSet<String>,
    /// The addresses of the groups to which a person belongs.
    groups: BTreeSet<String>,
    grants: Grants,
}

impl Principal {
    /// Whether a member of an IAM policy, such as `group:analysts@example.com`, includes the caller.
    pub(crate) fn is_member(&self, member: &str) -> bool {
        member::includes(member, self, "")
    }

    fn new(email: &str, grants: Grants) -> Self {
        let (sets, groups) = (BTreeSet::new(), BTreeSet::new());
        Self { email: email.to_owned(), sets, groups, grants }
    }

    /// The caller without a token on servers that allow this: an owner without access to tagged
    /// columns.
    pub(crate) fn anonymous() -> Self {
        Self::new("anonymous@local", Grants::owner())
    }
}

/// How a caller may read a tagged column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnAccess {
    Plain,
    Masked(MaskingRule),
    Denied,
}

/// All principals, policy tags and data policies, behind one lock.
#[derive(Default)]
pub(crate) struct AccessControl {
    /// By bearer token.
    principals: BTreeMap<String, Principal>,
    /// Grants to the members of principal sets of a workload identity pool.
    principal_sets: BTreeMap<String, Grants>,
    /// By access token: the federated principal, and the expiry by the machine's clock.
    federated_tokens: BTreeMap<String, (Principal, SystemTime)>,
    tags: BTreeMap<String, PolicyTag>,
    /// Display names by resource name.
    taxonomies: BTreeMap<String, String>,
    /// Taxonomies without FINE_GRAINED_ACCESS_CONTROL in their activated policy types.
    inactive_taxonomies: BTreeSet<String>,
    /// Tag → rule → masked readers of the data policy.
    data_policies: BTreeMap<String, BTreeMap<MaskingRule, BTreeSet<String>>>,
    bucket_policies: BTreeMap<String, BucketPolicy>,
    /// The project's id.
    project: String,
    /// Bindings that were set on resources themselves, by resource.
    bindings: BTreeMap<String, Vec<policies::PolicyBinding>>,
    /// What the access lists of datasets give.
    dataset_access: BTreeMap<String, Vec<policies::PolicyBinding>>,
    /// Folders and the organisation above the project.
    ancestors: Vec<String>,
    /// Resources whose policies no caller may read.
    denied_policies: BTreeSet<String>,
    denied_buckets: BTreeSet<String>,
    denied_datasets: BTreeSet<String>,
    /// What calls of the control plane have set.
    controlled: control::Controlled,
    /// What else they have made.
    pub(crate) plane: plane::Plane,
    /// Counts the changes of what a principal may read.
    changes: u64,
}

impl AccessControl {
    /// No principals and no policies.
    pub(crate) fn new(project: &str) -> Self {
        Self { project: project.to_owned(), ..Self::default() }
    }

    /// Counts a change. Called for every access to change something, also if nothing changes.
    pub(crate) fn count_change(&mut self) {
        self.changes += 1;
    }

    /// How many changes there were.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    pub(crate) fn add_principal(&mut self, token: &str, email: &str, mut grants: Grants) {
        self.bind_buckets(&format!("user:{email}"), &mut grants);
        self.principals.insert(token.to_owned(), Principal::new(email, grants));
    }

    pub(crate) fn grant_principal_set(&mut self, set: &str, mut grants: Grants) {
        self.bind_buckets(set, &mut grants);
        self.principal_sets.insert(set.to_owned(), grants);
    }

    /// Makes the grants on buckets bindings of the buckets' policies. Bindings that `member` had
    /// before are removed.
    fn bind_buckets(&mut self, member: &str, grants: &mut Grants) {
        self.bucket_policies.values_mut().for_each(|it| it.remove_member(member));
        for (bucket, roles) in std::mem::take(&mut grants.buckets) {
            let policy = self.bucket_policies.entry(bucket).or_default();
            roles.into_iter().for_each(|role| policy.add_member(role, member));
        }
    }

    /// Adds an access token for the member of principal sets. The member keeps the grants that
    /// a set has now, except those on buckets, which are in the buckets' policies. Sets without
    /// grants give their members only the permissions of policies that name them.
    pub(crate) fn add_federated_token(
        &mut self,
        token: &str,
        member: &str,
        sets: BTreeSet<String>,
        expires_at: SystemTime,
    ) {
        let grants = sets.iter().find_map(|set| self.principal_sets.get(set)).cloned();
        let now = SystemTime::now();
        self.federated_tokens.retain(|_, (_, expires_at)| *expires_at > now);
        let principal = Principal { sets, ..Principal::new(member, grants.unwrap_or_default()) };
        self.federated_tokens.insert(token.to_owned(), (principal, expires_at));
    }

    pub(crate) fn add_policy_tag(&mut self, tag: PolicyTag) {
        self.tags.insert(tag.name.clone(), tag);
    }

    pub(crate) fn set_taxonomy_display_name(&mut self, name: &str, display_name: &str) {
        self.taxonomies.insert(name.to_owned(), display_name.to_owned());
    }

    /// Sets whether a taxonomy has FINE_GRAINED_ACCESS_CONTROL in its activated policy types.
    pub(crate) fn set_activated(&mut self, taxonomy: &str, activated: bool) {
        toggle(&mut self.inactive_taxonomies, taxonomy, !activated);
    }

    /// Whether it has.
    pub(crate) fn is_activated(&self, taxonomy: &str) -> bool {
        !self.inactive_taxonomies.contains(taxonomy)
    }

    pub(crate) fn set_data_policy(
        &mut self,
        tag: &str,
        rule: MaskingRule,
        readers: BTreeSet<String>,
    ) {
        self.data_policies.entry(tag.to_owned()).or_default().insert(rule, readers);
    }

    pub(crate) fn add_fine_grained_reader(&mut self, tag: &str, email: &str) {
        for principal in self.principals.values_mut().filter(|it| it.email == email) {
            principal.grants.fine_grained_tags.insert(tag.to_owned());
        }
    }

    pub(crate) fn set_bucket_denied(&mut self, bucket: &str, denied: bool) {
        toggle(&mut self.denied_buckets, bucket, denied);
    }

    pub(crate) fn set_dataset_denied(&mut self, dataset: &str, denied: bool) {
        toggle(&mut self.denied_datasets, dataset, denied);
    }

    /// The principal of a bearer token.
    ///
    /// # Errors
    /// 401 for an unknown or expired token.
    pub(crate) fn authenticate(&self, token: &str) -> Result<Principal, GoogleError> {
        if let Some(principal) = self.principals.get(token) {
            return Ok(principal.clone());
        }
        match self.federated_tokens.get(token) {
            Some((principal, expires_at)) if *expires_at > SystemTime::now() => {
                Ok(principal.clone())
            }
            _ => Err(GoogleError::unauthenticated()),
        }
    }

    /// The principal with an e-mail address, or else with a bearer token.
    pub(crate) fn find_principal(&self, email_or_token: &str) -> Result<Principal, GoogleError> {
        match self.principals.values().find(|it| it.email == email_or_token) {
            Some(principal) => Ok(principal.clone()),
            None => self.authenticate(email_or_token),
        }
    }

    /// Whether `caller` has a permission on the project.
    pub(crate) fn allows_on_project(&self, caller: &Principal, permission: &str) -> bool {
        caller.grants.project.iter().any(|role| role.allows(permission))
            || self.is_bound_above(caller, |role| self.role_allows(role, permission))
    }

    /// Whether `caller` has a permission on a dataset and its tables.
    pub(crate) fn allows_on_dataset(
        &self,
        caller: &Principal,
        dataset: &str,
        permission: &str,
    ) -> bool {
        // Only the script that made the dataset knows its name.
        if crate::bigquery::names::is_temporary(dataset) {
            return true;
        }
        let roles = caller.grants.datasets.get(dataset).into_iter().flatten();
        !self.denied_datasets.contains(dataset)
            && (self.allows_on_project(caller, permission)
                || roles.into_iter().any(|it| it.allows(permission))
                || self.is_bound(caller, &format!("datasets/{dataset}"), |role| {
                    self.role_allows(role, permission)
                }))
    }

    /// Whether `caller` has a permission on a bucket.
    pub(crate) fn allows_on_bucket(
        &self,
        caller: &Principal,
        bucket: &str,
        permission: &str,
    ) -> bool {
        self.allows_on_resource(caller, bucket, &format!("projects/_/buckets/{bucket}"), permission)
    }

    /// Whether `caller` has a permission on an object, which need not exist.
    pub(crate) fn allows_on_object(
        &self,
        caller: &Principal,
        bucket: &str,
        object: &str,
        permission: &str,
    ) -> bool {
        let resource = format!("projects/_/buckets/{bucket}/objects/{object}");
        self.allows_on_resource(caller, bucket, &resource, permission)
    }

    fn allows_on_resource(
        &self,
        caller: &Principal,
        bucket: &str,
        resource: &str,
        permission: &str,
    ) -> bool {
        let policy = self.bucket_policies.get(bucket);
        !self.denied_buckets.contains(bucket)
            && (self.allows_on_project(caller, permission)
                || policy.is_some_and(|it| it.allows(caller, resource, permission)))
    }

    /// Gives a new bucket of `project` Google's default bindings.
    pub(crate) fn add_bucket(&mut self, bucket: &str, project: &str) {
        self.bucket_policies.entry(bucket.to_owned()).or_default().add_defaults(project);
    }

    pub(crate) fn remove_bucket(&mut self, bucket: &str) {
        self.bucket_policies.remove(bucket);
    }

    /// The policy of a bucket in the form of the JSON API.
    pub(crate) fn bucket_policy(&self, bucket: &str, requested_version: i64) -> Value {
        let none = BucketPolicy::default();
        self.bucket_policies.get(bucket).unwrap_or(&none).resource(bucket, requested_version)
    }

    /// Replaces the policy of a bucket.
    ///
    /// # Errors
    /// 400 for an invalid policy, 412 if it has the etag of another policy.
    pub(crate) fn set_bucket_policy(
        &mut self,
        bucket: &str,
        policy: &Value,
    ) -> Result<(), GoogleError> {
        self.bucket_policies.entry(bucket.to_owned()).or_default().replace(policy)
    }

    /// Whether a policy tag exists.
    pub(crate) fn has_policy_tag(&self, tag: &str) -> bool {
        self.tags.contains_key(tag)
    }

    /// The display name of a taxonomy that was given one.
    pub(crate) fn taxonomy_display_name(&self, taxonomy: &str) -> Option<String> {
        self.taxonomies.get(taxonomy).cloned()
    }

    /// The tags below `parent` (`projects/P/locations/L`) that have masks, once for each mask.
    pub(crate) fn masks_below(&self, parent: &str) -> Vec<(String, &'static str)> {
        let below = |tag: &&String| tag.strip_prefix(parent).is_some_and(|it| it.starts_with('/'));
        let tags = self.data_policies.keys().filter(below);
        tags.flat_map(|tag| self.data_policies[tag].keys().map(|rule| (tag.clone(), rule.name())))
            .collect()
    }

    /// `TAXONOMY : TAG`, the form in which BigQuery's errors name a tag.
    pub(crate) fn tag_label(&self, tag: &str) -> String {
        let taxonomy = taxonomy_of(tag);
        let taxonomy_name = self
            .taxonomies
            .get(taxonomy)
            .map_or_else(|| taxonomy.rsplit('/').next().unwrap_or_default(), String::as_str);
        let name = self.tags.get(tag).map_or_else(
            || tag.rsplit('/').next().unwrap_or_default(),
            |it| it.display_name.as_str(),
        );
        format!("{taxonomy_name} : {name}")
    }

    /// How `caller` may read a column with this tag. An unknown tag denies access.
    pub(crate) fn column_access(&self, caller: &Principal, tag: &str) -> ColumnAccess {
        let Some(own_tag) = self.tags.get(tag) else { return ColumnAccess::Denied };
        // A taxonomy's access control is enforced if it is activated, or once it has a data policy.
        let taxonomy = own_tag.taxonomy();
        let is_enforced = self.is_activated(taxonomy)
            || self.data_policies.keys().any(|it| taxonomy_of(it) == taxonomy)
                && !is_turned("taxonomy-enforced-by-policy");
        if !is_enforced {
            return ColumnAccess::Plain;
        }
        let mut current = Some(own_tag);
        // A tag tree has at most five levels (Data Catalog's limit). The limit here ends a cycle.
        for _ in 0..16 {
            let Some(tag) = current else { break };
            let is_fine_grained = |role: &str| role == policies::FINE_GRAINED_READER;
            if caller.grants.fine_grained_tags.contains(&tag.name)
                || self.is_bound(caller, &tag.name, is_fine_grained)
                || self.is_bound(caller, taxonomy, is_fine_grained)
                || self.is_bound_above(caller, is_fine_grained)
            {
                return ColumnAccess::Plain;
            }
            if let Some(rule) = self.masking_rule_at(caller, &tag.name) {
                return ColumnAccess::Masked(rule);
            }
            current = tag.parent.as_ref().and_then(|parent| self.tags.get(parent));
        }
        ColumnAccess::Denied
    }

    /// The rule of highest priority among the data policies of one tag on which `caller` is a
    /// masked reader.
    fn masking_rule_at(&self, caller: &Principal, tag: &str) -> Option<MaskingRule> {
        let data_policies = self.data_policies.get(tag)?;
        let reads_another = |tags: &BTreeMap<String, BTreeMap<MaskingRule, BTreeSet<String>>>| {
            let mut readers = tags.values().flat_map(BTreeMap::values).flatten();
            readers.any(|it| *it == caller.email || member::includes(it, caller, &self.project))
        };
        if is_turned("masked-reader-on-policy") && reads_another(&self.data_policies) {
            return data_policies.keys().next().copied();
        }
        data_policies
            .iter()
            .filter(|(_, readers)| {
                caller.grants.masked_tags.contains(tag)
                    || readers.contains(&caller.email)
                    || readers.iter().any(|it| member::includes(it, caller, &self.project))
                    || self.is_bound_above(caller, |role| role == policies::MASKED_READER)
            })
            .map(|(rule, _)| *rule)
            .min()
    }
}

/// Refuses a condition that these servers do not evaluate.
pub(crate) fn check_condition(condition: &Value) -> Result<(), GoogleError> {
    bucket_policy::Condition::parse(condition).map(|_| ())
}

fn toggle(set: &mut BTreeSet<String>, name: &str, present: bool) {
    if present {
        set.insert(name.to_owned());
    } else {
        set.remove(name);
    }
}

#[cfg(test)]
mod tests;
