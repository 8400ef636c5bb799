//! The kinds of resources that the control plane keeps by name, and the rules of each.

use serde_json::{Map, Value, json};

use crate::access::expression::Expression;
use crate::error::GoogleError;

/// Where the id of a new resource is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Id {
    /// A parameter of the query.
    Query(&'static str),
    /// A field of the body.
    Body(&'static str),
    /// The server gives a number.
    Number,
}

/// The field that marks a deleted resource, and its value.
type DeletedMark = (&'static str, fn() -> Value);

/// One kind.
#[derive(Debug)]
pub(super) struct Kind {
    /// The version of its API, and the segment before its ids.
    pub(super) version: &'static str,
    pub(super) collection: &'static str,
    /// The beginning of its permissions.
    pub(super) permissions: &'static str,
    pub(super) id: Id,
    /// The field of the body with the resource; empty if the body is the resource.
    pub(super) body: &'static str,
    /// Whether a change is a long-running operation.
    pub(super) operation: bool,
    /// What marks a deleted resource that can be undeleted; `None`: it is gone.
    pub(super) deleted: Option<DeletedMark>,
    /// Whether an id has the form that the API asks for.
    is_id: fn(&str) -> bool,
}

fn any_id(id: &str) -> bool {
    (1..=100).contains(&id.len())
        && id.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it))
}

/// IAM v1, `roles.create`: 3 to 64 characters (the provider's `ValidateIAMCustomRoleID`).
fn role_id(id: &str) -> bool {
    (3..=64).contains(&id.len())
        && id.bytes().all(|it| it.is_ascii_alphanumeric() || b"_.".contains(&it))
}

/// IAM v1, `workloadIdentityPools.create`: 4 to 32 characters, no prefix `gcp-`.
fn pool_id(id: &str) -> bool {
    (4..=32).contains(&id.len())
        && id.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        && !id.starts_with("gcp-")
}

/// IAM v1, `serviceAccounts.create`: 6 to 30 characters, a letter first.
fn account_id(id: &str) -> bool {
    (6..=30).contains(&id.len())
        && id.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        && id.starts_with(|it: char| it.is_ascii_lowercase())
        && !id.ends_with('-')
}

fn state_deleted() -> Value {
    json!("DELETED")
}

fn flag_deleted() -> Value {
    json!(true)
}

const PLAIN: Kind = Kind {
    version: "v1",
    collection: "",
    permissions: "",
    id: Id::Number,
    body: "",
    operation: false,
    deleted: None,
    is_id: any_id,
};

/// All kinds.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        collection: "roles",
        permissions: "iam.roles",
        id: Id::Body("roleId"),
        body: "role",
        deleted: Some(("deleted", flag_deleted)),
        is_id: role_id,
        ..PLAIN
    },
    Kind {
        collection: "workloadIdentityPools",
        permissions: "iam.workloadIdentityPools",
        id: Id::Query("workloadIdentityPoolId"),
        operation: true,
        deleted: Some(("state", state_deleted)),
        is_id: pool_id,
        ..PLAIN
    },
    Kind {
        collection: "providers",
        permissions: "iam.workloadIdentityPoolProviders",
        id: Id::Query("workloadIdentityPoolProviderId"),
        operation: true,
        deleted: Some(("state", state_deleted)),
        is_id: pool_id,
        ..PLAIN
    },
    Kind {
        collection: "serviceAccounts",
        permissions: "iam.serviceAccounts",
        id: Id::Body("accountId"),
        body: "serviceAccount",
        is_id: account_id,
        ..PLAIN
    },
    Kind {
        version: "v2",
        collection: "buckets",
        permissions: "logging.buckets",
        id: Id::Query("bucketId"),
        ..PLAIN
    },
    Kind {
        version: "v2",
        collection: "sinks",
        permissions: "logging.sinks",
        id: Id::Body("name"),
        ..PLAIN
    },
    Kind {
        version: "v3",
        collection: "alertPolicies",
        permissions: "monitoring.alertPolicies",
        ..PLAIN
    },
    Kind {
        collection: "connections",
        permissions: "bigquery.connections",
        id: Id::Query("connectionId"),
        ..PLAIN
    },
    Kind {
        collection: "repositories",
        permissions: "dataform.repositories",
        id: Id::Query("repositoryId"),
        ..PLAIN
    },
];

impl Kind {
    pub(super) fn of(version: &str, collection: &str) -> Option<&'static Self> {
        KINDS.iter().find(|it| (it.version, it.collection) == (version, collection))
    }

    /// Refuses an id that the API does not accept.
    pub(super) fn check_id(&self, id: &str) -> Result<(), GoogleError> {
        match (self.is_id)(id) {
            true => Ok(()),
            false => {
                Err(GoogleError::invalid(format!("Invalid id in {}: `{id}`.", self.collection)))
            }
        }
    }

    /// The fields that the server sets in a new resource with this name.
    pub(super) fn computed(&self, name: &str, id: &str, number: u64) -> Map<String, Value> {
        let project = name.split('/').nth(1).unwrap_or_default();
        let fields = match self.collection {
            "roles" => json!({"name": name, "etag": "BwYIABCg0tE="}),
            "workloadIdentityPools" | "providers" => json!({"name": name, "state": "ACTIVE"}),
            "serviceAccounts" => json!({
                "name": name,
                "projectId": project,
                "uniqueId": format!("1{number:020}"),
                "email": name.rsplit('/').next(),
            }),
            "buckets" => json!({"name": name, "lifecycleState": "ACTIVE"}),
            // A sink is named by its id alone (Logging v2, `LogSink`).
            "sinks" => json!({
                "name": id,
                "writerIdentity":
                    format!("serviceAccount:service-{number}@gcp-sa-logging.iam.gserviceaccount.com"),
            }),
            "connections" => json!({"name": name, "cloudResource": {"serviceAccountId":
                format!("bqcx-{number}@gcp-sa-bigquery-condel.iam.gserviceaccount.com")}}),
            _ => json!({ "name": name }),
        };
        fields.as_object().cloned().unwrap_or_default()
    }

    /// Refuses a resource whose values the API refuses.
    pub(super) fn check(&self, resource: &Value) -> Result<(), GoogleError> {
        match self.collection {
            "providers" => check_provider(resource),
            "roles" => check_role(resource),
            _ => Ok(()),
        }
    }
}

fn check_role(role: &Value) -> Result<(), GoogleError> {
    let permissions = role.get("includedPermissions").and_then(Value::as_array);
    let is_permission = |it: &Value| it.as_str().is_some_and(|it| it.matches('.').count() == 2);
    match permissions.into_iter().flatten().find(|it| !is_permission(it)) {
        None => Ok(()),
        Some(wrong) => Err(GoogleError::invalid(format!("Permission {wrong} is not valid."))),
    }
}

/// A provider must map `google.subject`, and its mapping and condition must be expressions (IAM v1,
/// `WorkloadIdentityPoolProvider`).
fn check_provider(provider: &Value) -> Result<(), GoogleError> {
    let mapping = provider.get("attributeMapping").and_then(Value::as_object);
    let mapping = mapping.cloned().unwrap_or_default();
    if !mapping.contains_key("google.subject") {
        return Err(GoogleError::invalid("Attribute mapping must map google.subject."));
    }
    let condition = provider.get("attributeCondition").into_iter();
    for text in mapping.values().chain(condition).filter_map(Value::as_str) {
        Expression::parse(text).map_err(|error| {
            GoogleError::invalid(format!("Invalid attribute mapping or condition: {error}."))
        })?;
    }
    Ok(())
}
