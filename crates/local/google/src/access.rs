//! Access control: principals, roles, policy tags and data policies.
//!
//! Roles and permissions follow Google's IAM documentation, limited to those that the servers
//! check. Column-level security follows BigQuery's documentation of policy tags and data
//! policies: the check walks from the column's tag towards the root of the taxonomy, and the
//! first level at which the caller has a role decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use crate::error::GoogleError;
use crate::masking::MaskingRule;

/// As a masked reader: every authenticated caller.
pub const ALL_AUTHENTICATED_USERS: &str = "allAuthenticatedUsers";

/// A role of Google's IAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `roles/bigquery.admin`
    BigQueryAdmin,
    /// `roles/bigquery.dataOwner`: the only data role that may set policy tags.
    DataOwner,
    /// `roles/bigquery.dataEditor`
    DataEditor,
    /// `roles/bigquery.dataViewer`
    DataViewer,
    /// `roles/bigquery.metadataViewer`
    MetadataViewer,
    /// `roles/bigquery.jobUser`
    JobUser,
    /// `roles/storage.admin`
    StorageAdmin,
    /// `roles/storage.objectAdmin`
    ObjectAdmin,
    /// `roles/storage.objectCreator`: may create objects, but not replace them.
    ObjectCreator,
    /// `roles/storage.objectViewer`
    ObjectViewer,
    /// `roles/storage.legacyBucketReader`: may read the bucket's metadata and list its objects,
    /// but not read them.
    LegacyBucketReader,
}

impl Role {
    /// Whether the role includes a permission such as `bigquery.tables.getData`.
    fn allows(self, permission: &str) -> bool {
        let metadata = ["bigquery.datasets.get", "bigquery.tables.get", "bigquery.tables.list"];
        let edit = [
            "bigquery.datasets.create",
            "bigquery.tables.create",
            "bigquery.tables.update",
            "bigquery.tables.updateData",
            "bigquery.tables.delete",
        ];
        match self {
            Self::BigQueryAdmin => permission.starts_with("bigquery."),
            Self::DataOwner => {
                permission.starts_with("bigquery.tables.")
                    || permission.starts_with("bigquery.datasets.")
            }
            Self::DataEditor => {
                metadata.contains(&permission)
                    || edit.contains(&permission)
                    || permission == "bigquery.tables.getData"
            }
            Self::DataViewer => {
                metadata.contains(&permission) || permission == "bigquery.tables.getData"
            }
            Self::MetadataViewer => metadata.contains(&permission),
            Self::JobUser => permission == "bigquery.jobs.create",
            Self::StorageAdmin => permission.starts_with("storage."),
            Self::ObjectAdmin => permission.starts_with("storage.objects."),
            Self::ObjectCreator => permission == "storage.objects.create",
            Self::ObjectViewer => {
                ["storage.objects.get", "storage.objects.list"].contains(&permission)
            }
            Self::LegacyBucketReader => {
                ["storage.buckets.get", "storage.objects.list"].contains(&permission)
            }
        }
    }
}

/// The roles of a principal. Built by chaining.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    project: BTreeSet<Role>,
    datasets: BTreeMap<String, BTreeSet<Role>>,
    buckets: BTreeMap<String, BTreeSet<Role>>,
    fine_grained_tags: BTreeSet<String>,
    masked_tags: BTreeSet<String>,
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

    /// Adds a role on one bucket.
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
    grants: Grants,
}

impl Principal {
    /// The caller without a token on servers that allow this: an owner without access to tagged
    /// columns.
    pub(crate) fn anonymous() -> Self {
        Self { email: "anonymous@local".to_owned(), grants: Grants::owner() }
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
    /// Tag → rule → masked readers of the data policy.
    data_policies: BTreeMap<String, BTreeMap<MaskingRule, BTreeSet<String>>>,
    denied_buckets: BTreeSet<String>,
    denied_datasets: BTreeSet<String>,
    /// Counts the changes of what a principal may read.
    changes: u64,
}

impl AccessControl {
    /// Counts a change. Called for every access to change something, also if nothing changes.
    pub(crate) fn count_change(&mut self) {
        self.changes += 1;
    }

    /// How many changes there were.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    pub(crate) fn add_principal(&mut self, token: &str, email: &str, grants: Grants) {
        self.principals.insert(token.to_owned(), Principal { email: email.to_owned(), grants });
    }

    pub(crate) fn grant_principal_set(&mut self, set: &str, grants: Grants) {
        self.principal_sets.insert(set.to_owned(), grants);
    }

    /// Adds an access token for the member of a principal set. The member keeps the grants that
    /// the set has now; a set without grants gives its members no permissions.
    pub(crate) fn add_federated_token(
        &mut self,
        token: &str,
        member: &str,
        set: &str,
        expires_at: SystemTime,
    ) {
        let grants = self.principal_sets.get(set).cloned().unwrap_or_default();
        let now = SystemTime::now();
        self.federated_tokens.retain(|_, (_, expires_at)| *expires_at > now);
        let principal = Principal { email: member.to_owned(), grants };
        self.federated_tokens.insert(token.to_owned(), (principal, expires_at));
    }

    pub(crate) fn add_policy_tag(&mut self, tag: PolicyTag) {
        self.tags.insert(tag.name.clone(), tag);
    }

    pub(crate) fn set_taxonomy_display_name(&mut self, name: &str, display_name: &str) {
        self.taxonomies.insert(name.to_owned(), display_name.to_owned());
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
    }

    /// Whether `caller` has a permission on a dataset and its tables.
    pub(crate) fn allows_on_dataset(
        &self,
        caller: &Principal,
        dataset: &str,
        permission: &str,
    ) -> bool {
        let roles = caller.grants.datasets.get(dataset).into_iter().flatten();
        !self.denied_datasets.contains(dataset)
            && (self.allows_on_project(caller, permission)
                || roles.into_iter().any(|it| it.allows(permission)))
    }

    /// Whether `caller` has a permission on a bucket and its objects.
    pub(crate) fn allows_on_bucket(
        &self,
        caller: &Principal,
        bucket: &str,
        permission: &str,
    ) -> bool {
        let roles = caller.grants.buckets.get(bucket).into_iter().flatten();
        !self.denied_buckets.contains(bucket)
            && (self.allows_on_project(caller, permission)
                || roles.into_iter().any(|it| it.allows(permission)))
    }

    /// Whether a policy tag exists.
    pub(crate) fn has_policy_tag(&self, tag: &str) -> bool {
        self.tags.contains_key(tag)
    }

    /// The display name of a policy tag.
    pub(crate) fn tag_display_name(&self, tag: &str) -> Option<String> {
        self.tags.get(tag).map(|it| it.display_name.clone())
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
        // A taxonomy's access control is enforced once it has a data policy.
        let is_enforced = self.data_policies.keys().any(|it| taxonomy_of(it) == own_tag.taxonomy());
        if !is_enforced {
            return ColumnAccess::Plain;
        }
        let mut current = Some(own_tag);
        // A tag tree has at most five levels (Data Catalog's limit). The limit here ends a cycle.
        for _ in 0..16 {
            let Some(tag) = current else { break };
            if caller.grants.fine_grained_tags.contains(&tag.name) {
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
        data_policies
            .iter()
            .filter(|(_, readers)| {
                caller.grants.masked_tags.contains(tag)
                    || readers.contains(&caller.email)
                    || readers.contains(ALL_AUTHENTICATED_USERS)
            })
            .map(|(rule, _)| *rule)
            .min()
    }
}

fn toggle(set: &mut BTreeSet<String>, name: &str, present: bool) {
    if present {
        set.insert(name.to_owned());
    } else {
        set.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "projects/p/locations/l/taxonomies/t/policyTags/root";
    const LEAF: &str = "projects/p/locations/l/taxonomies/t/policyTags/leaf";

    fn tag_tree() -> AccessControl {
        let mut access = AccessControl::default();
        access.add_policy_tag(PolicyTag {
            name: ROOT.into(),
            display_name: "pii".into(),
            parent: None,
        });
        access.add_policy_tag(PolicyTag {
            name: LEAF.into(),
            display_name: "email".into(),
            parent: Some(ROOT.into()),
        });
        access
    }

    fn add_data_policy(access: &mut AccessControl, tag: &str, rule: MaskingRule, reader: &str) {
        access.set_data_policy(tag, rule, BTreeSet::from([reader.to_owned()]));
    }

    fn principal(grants: Grants) -> Principal {
        Principal { email: "principal@example.com".into(), grants }
    }

    #[test]
    fn a_taxonomy_without_a_data_policy_enforces_nothing() {
        assert_eq!(tag_tree().column_access(&principal(Grants::none()), LEAF), ColumnAccess::Plain);
    }

    #[test]
    fn an_unknown_tag_hides_the_column() {
        assert_eq!(
            tag_tree().column_access(&principal(Grants::none()), "nowhere"),
            ColumnAccess::Denied
        );
    }

    #[test]
    fn the_role_nearest_to_the_column_decides() {
        let reader = "principal@example.com";
        let mut access = tag_tree();
        add_data_policy(&mut access, ROOT, MaskingRule::AlwaysNull, "another@example.com");
        assert_eq!(access.column_access(&principal(Grants::none()), LEAF), ColumnAccess::Denied);
        let root = principal(Grants::none().fine_grained_reader(ROOT));
        assert_eq!(access.column_access(&root, LEAF), ColumnAccess::Plain);
        // A masking rule nearer to the column overrides the role at the root.
        add_data_policy(&mut access, LEAF, MaskingRule::EmailMask, reader);
        assert_eq!(access.column_access(&root, LEAF), ColumnAccess::Masked(MaskingRule::EmailMask));
        // At the same level, plain access overrides masking.
        let both = principal(Grants::none().fine_grained_reader(LEAF));
        assert_eq!(access.column_access(&both, LEAF), ColumnAccess::Plain);
    }

    #[test]
    fn the_rule_with_the_highest_priority_applies() {
        let mut access = tag_tree();
        for rule in [MaskingRule::AlwaysNull, MaskingRule::Default, MaskingRule::Sha256] {
            add_data_policy(&mut access, LEAF, rule, ALL_AUTHENTICATED_USERS);
        }
        let reader = principal(Grants::none());
        assert_eq!(access.column_access(&reader, LEAF), ColumnAccess::Masked(MaskingRule::Sha256));
    }

    #[test]
    fn only_the_data_owner_may_set_tags() {
        let access = tag_tree();
        for (role, is_allowed) in
            [(Role::DataOwner, true), (Role::DataEditor, false), (Role::DataViewer, false)]
        {
            let caller = principal(Grants::none().dataset_role("d", role));
            assert_eq!(
                access.allows_on_dataset(&caller, "d", "bigquery.tables.setCategory"),
                is_allowed
            );
        }
    }
}
