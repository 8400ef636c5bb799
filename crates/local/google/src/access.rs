//! Who may do what, and who sees which column how.
//!
//! Roles and permissions are those of Google's IAM documentation, cut down to what
//! the two servers ask for. Column security follows BigQuery's documentation of
//! policy tags and data policies: the tag tree is climbed from the column's tag
//! upwards, and the first level at which the caller holds a role decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use crate::error::GoogleError;
use crate::masking::MaskingRule;

/// As a masked reader: everybody who is authenticated at all.
pub const ALL_AUTHENTICATED_USERS: &str = "allAuthenticatedUsers";

/// A role of Google's IAM, by its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `roles/bigquery.admin`
    BigQueryAdmin,
    /// `roles/bigquery.dataOwner`: the only data role that may attach policy tags.
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
    /// `roles/storage.objectCreator`: may write a new object, not replace one.
    ObjectCreator,
    /// `roles/storage.objectViewer`
    ObjectViewer,
    /// `roles/storage.legacyBucketReader`: sees the bucket and its listing, reads no object.
    LegacyBucketReader,
}

impl Role {
    /// Whether the role carries a permission such as `bigquery.tables.getData`.
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

/// What a principal was granted. Built by chaining.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    project: BTreeSet<Role>,
    datasets: BTreeMap<String, BTreeSet<Role>>,
    buckets: BTreeMap<String, BTreeSet<Role>>,
    fine_grained: BTreeSet<String>,
    masked: BTreeSet<String>,
}

impl Grants {
    /// No role at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every role on the whole project, except reading tagged columns.
    pub fn owner() -> Self {
        Self::none().project_role(Role::BigQueryAdmin).project_role(Role::StorageAdmin)
    }

    /// Adds a role on the whole project.
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

    /// Makes it a Fine-Grained Reader of a policy tag (by resource name): plain values.
    #[must_use]
    pub fn fine_grained_reader(mut self, tag: impl Into<String>) -> Self {
        self.fine_grained.insert(tag.into());
        self
    }

    /// Makes it a Masked Reader of every data policy of a policy tag (by resource name).
    #[must_use]
    pub fn masked_reader(mut self, tag: impl Into<String>) -> Self {
        self.masked.insert(tag.into());
        self
    }
}

/// A policy tag of a taxonomy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTag {
    /// `projects/P/locations/L/taxonomies/T/policyTags/ID`.
    pub name: String,
    /// What a person reads, such as `pii_email`.
    pub display_name: String,
    /// The resource name of the tag above it, if any.
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

/// Where a tag lives, from its resource name.
pub(crate) fn location_of(tag: &str) -> Option<&str> {
    tag.split('/').skip_while(|part| *part != "locations").nth(1)
}

/// Somebody who calls.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub(crate) email: String,
    grants: Grants,
}

impl Principal {
    /// Who calls when a server was told to ask nobody: an owner who still reads no tagged column.
    pub(crate) fn anonymous() -> Self {
        Self { email: "anonymous@local".to_owned(), grants: Grants::owner() }
    }
}

/// How a caller sees a tagged column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnAccess {
    Plain,
    Masked(MaskingRule),
    Denied,
}

/// Everything about access, behind one lock.
#[derive(Default)]
pub(crate) struct AccessControl {
    principals: BTreeMap<String, Principal>,
    /// What was granted to the members of a principal set of a workload identity pool.
    sets: BTreeMap<String, Grants>,
    /// By token: who was federated, and until when by the machine's clock.
    federated: BTreeMap<String, (Principal, SystemTime)>,
    tags: BTreeMap<String, PolicyTag>,
    taxonomies: BTreeMap<String, String>,
    /// Tag → rule → who is bound to the data policy as masked reader.
    policies: BTreeMap<String, BTreeMap<MaskingRule, BTreeSet<String>>>,
    denied_buckets: BTreeSet<String>,
    denied_datasets: BTreeSet<String>,
}

impl AccessControl {
    pub(crate) fn add_principal(&mut self, token: &str, email: &str, grants: Grants) {
        self.principals.insert(token.to_owned(), Principal { email: email.to_owned(), grants });
    }

    pub(crate) fn grant_principal_set(&mut self, set: &str, grants: Grants) {
        self.sets.insert(set.to_owned(), grants);
    }

    /// Lets the member of a principal set call with a token for a while. Nothing was granted to
    /// a set that nobody named: its members are known and may do nothing.
    pub(crate) fn add_federated_token(
        &mut self,
        token: &str,
        member: &str,
        set: &str,
        until: SystemTime,
    ) {
        let grants = self.sets.get(set).cloned().unwrap_or_default();
        let now = SystemTime::now();
        self.federated.retain(|_, (_, until)| *until > now);
        let principal = Principal { email: member.to_owned(), grants };
        self.federated.insert(token.to_owned(), (principal, until));
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
        self.policies.entry(tag.to_owned()).or_default().insert(rule, readers);
    }

    pub(crate) fn add_fine_grained_reader(&mut self, tag: &str, email: &str) {
        for principal in self.principals.values_mut().filter(|it| it.email == email) {
            principal.grants.fine_grained.insert(tag.to_owned());
        }
    }

    pub(crate) fn set_bucket_denied(&mut self, bucket: &str, denied: bool) {
        toggle(&mut self.denied_buckets, bucket, denied);
    }

    pub(crate) fn set_dataset_denied(&mut self, dataset: &str, denied: bool) {
        toggle(&mut self.denied_datasets, dataset, denied);
    }

    /// The principal behind a bearer token.
    pub(crate) fn authenticate(&self, token: &str) -> Result<Principal, GoogleError> {
        if let Some(principal) = self.principals.get(token) {
            return Ok(principal.clone());
        }
        match self.federated.get(token) {
            Some((principal, until)) if *until > SystemTime::now() => Ok(principal.clone()),
            _ => Err(GoogleError::unauthenticated()),
        }
    }

    /// The principal with an e-mail address, or else with that token.
    pub(crate) fn find(&self, email_or_token: &str) -> Result<Principal, GoogleError> {
        match self.principals.values().find(|it| it.email == email_or_token) {
            Some(principal) => Ok(principal.clone()),
            None => self.authenticate(email_or_token),
        }
    }

    /// Whether `caller` may do something on the project itself.
    pub(crate) fn allows_on_project(&self, caller: &Principal, permission: &str) -> bool {
        caller.grants.project.iter().any(|role| role.allows(permission))
    }

    /// Whether `caller` may do something with a dataset and its tables.
    pub(crate) fn allows_on_dataset(
        &self,
        caller: &Principal,
        dataset: &str,
        permission: &str,
    ) -> bool {
        let here = caller.grants.datasets.get(dataset).into_iter().flatten();
        !self.denied_datasets.contains(dataset)
            && (self.allows_on_project(caller, permission)
                || here.into_iter().any(|it| it.allows(permission)))
    }

    /// Whether `caller` may do something with a bucket and its objects.
    pub(crate) fn allows_on_bucket(
        &self,
        caller: &Principal,
        bucket: &str,
        permission: &str,
    ) -> bool {
        let here = caller.grants.buckets.get(bucket).into_iter().flatten();
        !self.denied_buckets.contains(bucket)
            && (self.allows_on_project(caller, permission)
                || here.into_iter().any(|it| it.allows(permission)))
    }

    /// Whether a policy tag exists.
    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.tags.contains_key(tag)
    }

    /// The display name of a policy tag.
    pub(crate) fn tag_display_name(&self, tag: &str) -> Option<String> {
        self.tags.get(tag).map(|it| it.display_name.clone())
    }

    /// `TAXONOMY : TAG`, as BigQuery's refusal names a tag.
    pub(crate) fn tag_label(&self, tag: &str) -> String {
        let taxonomy = taxonomy_of(tag);
        let shown = self
            .taxonomies
            .get(taxonomy)
            .map_or_else(|| taxonomy.rsplit('/').next().unwrap_or_default(), String::as_str);
        let name = self.tags.get(tag).map_or_else(
            || tag.rsplit('/').next().unwrap_or_default(),
            |it| it.display_name.as_str(),
        );
        format!("{shown} : {name}")
    }

    /// How `caller` sees a column with this tag. A tag that is not there hides the column.
    pub(crate) fn column_access(&self, caller: &Principal, tag: &str) -> ColumnAccess {
        let Some(first) = self.tags.get(tag) else { return ColumnAccess::Denied };
        // Access control of a taxonomy is enforced from its first data policy on.
        let enforced = self.policies.keys().any(|it| taxonomy_of(it) == first.taxonomy());
        if !enforced {
            return ColumnAccess::Plain;
        }
        let mut level = Some(first);
        // A tree of tags is at most five deep (Data Catalog's limit); a loop must still end.
        for _ in 0..16 {
            let Some(tag) = level else { break };
            if caller.grants.fine_grained.contains(&tag.name) {
                return ColumnAccess::Plain;
            }
            if let Some(rule) = self.masking_rule_at(caller, &tag.name) {
                return ColumnAccess::Masked(rule);
            }
            level = tag.parent.as_ref().and_then(|parent| self.tags.get(parent));
        }
        ColumnAccess::Denied
    }

    /// The strongest rule that `caller` is a masked reader of, at one level of the tree.
    fn masking_rule_at(&self, caller: &Principal, tag: &str) -> Option<MaskingRule> {
        let policies = self.policies.get(tag)?;
        policies
            .iter()
            .filter(|(_, readers)| {
                caller.grants.masked.contains(tag)
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

    fn tree() -> AccessControl {
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

    fn policy(access: &mut AccessControl, tag: &str, rule: MaskingRule, reader: &str) {
        access.set_data_policy(tag, rule, BTreeSet::from([reader.to_owned()]));
    }

    fn somebody(grants: Grants) -> Principal {
        Principal { email: "somebody@example.com".into(), grants }
    }

    #[test]
    fn a_taxonomy_without_a_data_policy_enforces_nothing() {
        assert_eq!(tree().column_access(&somebody(Grants::none()), LEAF), ColumnAccess::Plain);
    }

    #[test]
    fn an_unknown_tag_hides_the_column() {
        assert_eq!(
            tree().column_access(&somebody(Grants::none()), "nowhere"),
            ColumnAccess::Denied
        );
    }

    #[test]
    fn the_first_role_on_the_way_up_wins() {
        let me = "somebody@example.com";
        let mut access = tree();
        policy(&mut access, ROOT, MaskingRule::AlwaysNull, "another@example.com");
        assert_eq!(access.column_access(&somebody(Grants::none()), LEAF), ColumnAccess::Denied);
        let root = somebody(Grants::none().fine_grained_reader(ROOT));
        assert_eq!(access.column_access(&root, LEAF), ColumnAccess::Plain);
        // A mask nearer to the column hides it from the reader of the whole tree.
        policy(&mut access, LEAF, MaskingRule::EmailMask, me);
        assert_eq!(access.column_access(&root, LEAF), ColumnAccess::Masked(MaskingRule::EmailMask));
        // At one level, plain wins over masked.
        let both = somebody(Grants::none().fine_grained_reader(LEAF));
        assert_eq!(access.column_access(&both, LEAF), ColumnAccess::Plain);
    }

    #[test]
    fn of_several_rules_the_first_by_priority_wins() {
        let mut access = tree();
        for rule in [MaskingRule::AlwaysNull, MaskingRule::Default, MaskingRule::Sha256] {
            policy(&mut access, LEAF, rule, ALL_AUTHENTICATED_USERS);
        }
        let anybody = somebody(Grants::none());
        assert_eq!(access.column_access(&anybody, LEAF), ColumnAccess::Masked(MaskingRule::Sha256));
    }

    #[test]
    fn only_the_data_owner_attaches_tags() {
        let access = tree();
        for (role, may) in
            [(Role::DataOwner, true), (Role::DataEditor, false), (Role::DataViewer, false)]
        {
            let caller = somebody(Grants::none().dataset_role("d", role));
            assert_eq!(access.allows_on_dataset(&caller, "d", "bigquery.tables.setCategory"), may);
        }
    }
}
