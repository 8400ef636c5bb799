//! The IAM policy of a bucket: who has which role on it and its objects.
//!
//! Follows the resource `Policy` of Cloud Storage's JSON API (discovery document `storage:v1`,
//! methods `buckets.getIamPolicy` and `buckets.setIamPolicy`) and IAM's documentation of policy
//! versions. A new bucket has the bindings that Google gives a bucket with uniform bucket-level
//! access: the basic roles of the project read its objects ("IAM roles for Cloud Storage", basic
//! roles; a policy as Google created it is, for example, in alphagov/govuk-s3-mirror).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::expression::{Expression, Names};
use super::{Principal, Role, member};
use crate::error::GoogleError;

/// The version of policies whose bindings have conditions.
const CONDITIONS_VERSION: i64 = 3;

/// The bindings of one bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct BucketPolicy {
    bindings: Vec<Binding>,
    /// The project whose basic roles are members `projectViewer:…` and so on.
    project: String,
    changes: u64,
}

#[derive(Clone, Debug)]
struct Binding {
    role: Role,
    members: BTreeSet<String>,
    condition: Option<Condition>,
}

impl BucketPolicy {
    /// Adds the bindings of a new bucket with uniform bucket-level access.
    pub(super) fn add_defaults(&mut self, project: &str) {
        project.clone_into(&mut self.project);
        for (role, groups) in [
            (Role::LegacyBucketOwner, &["projectEditor", "projectOwner"][..]),
            (Role::LegacyBucketReader, &["projectViewer"]),
            (Role::LegacyObjectOwner, &["projectEditor", "projectOwner"]),
            (Role::LegacyObjectReader, &["projectViewer"]),
        ] {
            for group in groups {
                self.add_member(role, &format!("{group}:{project}"));
            }
        }
    }

    pub(super) fn add_member(&mut self, role: Role, member: &str) {
        self.changes += 1;
        let plain = self.bindings.iter_mut().find(|it| it.role == role && it.condition.is_none());
        match plain {
            Some(binding) => {
                binding.members.insert(member.to_owned());
            }
            None => self.bindings.push(Binding {
                role,
                members: BTreeSet::from([member.to_owned()]),
                condition: None,
            }),
        }
    }

    pub(super) fn remove_member(&mut self, member: &str) {
        for binding in &mut self.bindings {
            if binding.members.remove(member) {
                self.changes += 1;
            }
        }
        self.bindings.retain(|it| !it.members.is_empty());
    }

    /// Whether a binding gives `caller` a permission on a resource
    /// (`projects/_/buckets/B` or `projects/_/buckets/B/objects/O`).
    pub(super) fn allows(&self, caller: &Principal, resource: &str, permission: &str) -> bool {
        self.bindings.iter().any(|binding| {
            binding.role.allows(permission)
                && binding.condition.as_ref().is_none_or(|it| it.holds(resource))
                && binding.members.iter().any(|it| member::includes(it, caller, &self.project))
        })
    }

    fn etag(&self) -> String {
        STANDARD.encode(self.changes.to_be_bytes())
    }

    /// The policy in the form of the JSON API. Bindings with conditions are shown as such only if
    /// the caller requests version 3; otherwise the role's name gets a suffix and the condition is
    /// left out (IAM's documentation of policy versions).
    pub(super) fn resource(&self, bucket: &str, requested_version: i64) -> Value {
        let shows_conditions = requested_version >= CONDITIONS_VERSION;
        let has_conditions = self.bindings.iter().any(|it| it.condition.is_some());
        let bindings = self.bindings.iter().map(|it| it.resource(shows_conditions));
        json!({
            "kind": "storage#policy",
            "resourceId": format!("projects/_/buckets/{bucket}"),
            "version": if has_conditions && shows_conditions { CONDITIONS_VERSION } else { 1 },
            "etag": self.etag(),
            "bindings": bindings.collect::<Vec<_>>(),
        })
    }

    /// Replaces all bindings by those of a policy.
    pub(super) fn replace(&mut self, policy: &Value) -> Result<(), GoogleError> {
        let etag = policy.get("etag").and_then(Value::as_str).filter(|it| !it.is_empty());
        if etag.is_some_and(|it| it != self.etag()) {
            return Err(GoogleError::condition_not_met());
        }
        let version = policy.get("version").and_then(Value::as_i64).unwrap_or(1);
        let bindings = policy.get("bindings").and_then(Value::as_array);
        let bindings: Vec<Binding> =
            bindings.into_iter().flatten().map(Binding::parse).collect::<Result<_, _>>()?;
        if version < CONDITIONS_VERSION && bindings.iter().any(|it| it.condition.is_some()) {
            return Err(GoogleError::invalid(
                "A policy with conditional bindings must have version 3.",
            ));
        }
        self.bindings = bindings;
        self.changes += 1;
        Ok(())
    }
}

impl Binding {
    fn parse(value: &Value) -> Result<Self, GoogleError> {
        let name = value.get("role").and_then(Value::as_str).unwrap_or_default();
        let role = Role::for_bucket(name).ok_or_else(|| {
            GoogleError::invalid(format!("Role {name} is not supported for this resource."))
        })?;
        let members = value.get("members").and_then(Value::as_array).into_iter().flatten();
        let members = members.filter_map(Value::as_str).map(str::to_owned);
        let condition = value.get("condition").filter(|it| !it.is_null());
        Ok(Self {
            role,
            members: members.collect(),
            condition: condition.map(Condition::parse).transpose()?,
        })
    }

    fn resource(&self, shows_conditions: bool) -> Value {
        match &self.condition {
            Some(condition) if shows_conditions => json!({
                "role": self.role.name(), "members": self.members, "condition": condition.resource,
            }),
            Some(condition) => json!({
                "role": format!("{}_withcond_{}", self.role.name(), condition.digest()),
                "members": self.members,
            }),
            None => json!({"role": self.role.name(), "members": self.members}),
        }
    }
}

/// A condition on the name of a resource. Other names have no value here, so a condition on one does not hold.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    resource: Value,
    expression: Expression,
}

impl Condition {
    /// Parses the resource `Expr` (`{title, description, expression}`).
    pub(super) fn parse(resource: &Value) -> Result<Self, GoogleError> {
        let text = resource.get("expression").and_then(Value::as_str).unwrap_or_default();
        let expression = Expression::parse(text).map_err(|error| {
            GoogleError::invalid(format!("The condition {text} is not supported: {error}."))
        })?;
        Ok(Self { resource: resource.clone(), expression })
    }

    /// Whether it holds for a resource (`projects/_/buckets/B/objects/O`).
    pub(super) fn holds(&self, resource: &str) -> bool {
        let names = Names::from([("resource.name".to_owned(), resource.to_owned())]);
        self.expression.holds(&names)
    }

    fn digest(&self) -> String {
        let hash = Sha256::digest(self.resource.to_string());
        hash.iter().take(10).map(|byte| format!("{byte:02x}")).collect()
    }
}
