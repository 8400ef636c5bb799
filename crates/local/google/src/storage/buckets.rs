//! Bucket calls.

use serde_json::{Map, Value, json};

use super::{Storage, unknown_call};
use crate::error::GoogleError;
use crate::web::{ApiResult, Call, json_response, no_content_response};

/// The properties of a bucket resource that a caller may set.
const BUCKET_PROPERTIES: [&str; 7] = [
    "labels",
    "storageClass",
    "lifecycle",
    "iamConfiguration",
    "softDeletePolicy",
    "versioning",
    "encryption",
];

impl Storage {
    /// Handles the calls below `/storage/v1/b`, except those on objects.
    pub(super) fn handle_buckets(&self, call: &Call, path: &[&str]) -> ApiResult {
        let origin = call.origin();
        match (call.method.as_str(), path) {
            ("GET", []) => {
                self.authorize(call, "", "storage.buckets.list")?;
                let prefix = call.query_param("prefix").unwrap_or_default();
                let items = (self.store.bucket_names().iter())
                    .filter(|name| name.starts_with(prefix))
                    .map(|name| self.store.bucket_resource(name, &origin))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(json_response(200, &json!({"kind": "storage#buckets", "items": items})))
            }
            ("POST", []) => self.insert_bucket(call),
            ("GET", [bucket]) => {
                self.authorize(call, bucket, "storage.buckets.get")?;
                Ok(json_response(200, &self.store.bucket_resource(bucket, &origin)?))
            }
            ("PATCH", [bucket]) => {
                self.authorize(call, bucket, "storage.buckets.update")?;
                let properties = settable(&call.json_body()?);
                self.store.change_bucket(bucket, properties)?;
                Ok(json_response(200, &self.store.bucket_resource(bucket, &origin)?))
            }
            ("DELETE", [bucket]) => {
                self.authorize(call, bucket, "storage.buckets.delete")?;
                self.store.delete_bucket(bucket)?;
                self.access_mut().remove_bucket(bucket);
                Ok(no_content_response())
            }
            ("GET", [bucket, "iam"]) => {
                self.authorize(call, bucket, "storage.buckets.getIamPolicy")?;
                let requested_version = call.int_param("optionsRequestedPolicyVersion")?;
                Ok(json_response(200, &self.bucket_policy(bucket, requested_version.unwrap_or(1))?))
            }
            ("PUT", [bucket, "iam"]) => {
                self.authorize(call, bucket, "storage.buckets.setIamPolicy")?;
                self.set_bucket_policy(bucket, &call.json_body()?)?;
                Ok(json_response(200, &self.bucket_policy(bucket, i64::MAX)?))
            }
            // No call makes a managed folder here.
            ("GET", [bucket, "managedFolders"]) => {
                self.authorize(call, bucket, "storage.managedFolders.list")?;
                self.store.bucket_location(bucket)?;
                Ok(json_response(200, &json!({"kind": "storage#managedFolders"})))
            }
            ("GET", [bucket, "iam", "testPermissions"]) => self.test_permissions(call, bucket),
            // gcloud reads the layout first. Permission to list objects is sufficient.
            ("GET", [bucket, "storageLayout"]) => {
                self.authorize(call, bucket, "storage.objects.list")?;
                Ok(json_response(
                    200,
                    &json!({
                        "kind": "storage#storageLayout",
                        "bucket": bucket,
                        "location": self.store.bucket_location(bucket)?,
                        "locationType": "region",
                        "hierarchicalNamespace": {"enabled": false},
                    }),
                ))
            }
            _ => Err(unknown_call()),
        }
    }

    fn insert_bucket(&self, call: &Call) -> ApiResult {
        let body = call.json_body()?;
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
        if !is_valid_bucket_name(name) {
            return Err(GoogleError::invalid(format!("Invalid bucket name: '{name}'")));
        }
        self.authorize(call, name, "storage.buckets.create")?;
        let location = body.get("location").and_then(Value::as_str);
        let properties = settable(&body);
        self.create_bucket(name, location.unwrap_or(&self.location), properties)?;
        Ok(json_response(200, &self.store.bucket_resource(name, &call.origin())?))
    }

    /// Creates a bucket with uniform bucket-level access and Google's default policy.
    ///
    /// # Errors
    /// 409 for an existing bucket.
    pub(crate) fn create_bucket(
        &self,
        name: &str,
        location: &str,
        properties: Map<String, Value>,
    ) -> Result<(), GoogleError> {
        self.store.create_bucket(name, location, properties)?;
        self.access_mut().add_bucket(name, &self.project);
        Ok(())
    }

    /// Sets properties of a bucket; null removes one.
    ///
    /// # Errors
    /// 404 without the bucket.
    pub(crate) fn set_bucket_properties(
        &self,
        bucket: &str,
        properties: &Value,
    ) -> Result<(), GoogleError> {
        self.store.change_bucket(bucket, settable(properties))
    }

    /// The policy of a bucket, with conditions if version 3 is requested.
    ///
    /// # Errors
    /// 404 without the bucket.
    pub(crate) fn bucket_policy(
        &self,
        bucket: &str,
        requested_version: i64,
    ) -> Result<Value, GoogleError> {
        self.store.bucket_location(bucket)?;
        Ok(self.with_access(|access| access.bucket_policy(bucket, requested_version)))
    }

    /// Replaces the policy of a bucket.
    ///
    /// # Errors
    /// 400 for an invalid policy, 404 without the bucket, 412 for an outdated etag.
    pub(crate) fn set_bucket_policy(
        &self,
        bucket: &str,
        policy: &Value,
    ) -> Result<(), GoogleError> {
        self.store.bucket_location(bucket)?;
        self.access_mut().set_bucket_policy(bucket, policy)
    }

    /// `buckets.testIamPermissions`: returns which of the given permissions the caller has.
    fn test_permissions(&self, call: &Call, bucket: &str) -> ApiResult {
        let caller = self.authenticate(call)?;
        self.store.bucket_location(bucket)?;
        let permissions = call.query_params("permissions");
        let granted: Vec<&str> = self.with_access(|access| {
            permissions.filter(|it| access.allows_on_bucket(&caller, bucket, it)).collect()
        });
        Ok(json_response(
            200,
            &json!({"kind": "storage#testIamPermissionsResponse", "permissions": granted}),
        ))
    }
}

/// The properties of a body that a caller may set; null for one to remove.
fn settable(body: &Value) -> Map<String, Value> {
    let given = BUCKET_PROPERTIES.into_iter().filter_map(|key| Some((key, body.get(key)?)));
    given.map(|(key, value)| (key.to_owned(), value.clone())).collect()
}

/// Google's naming rules without the reserved words: 3 to 222 lower-case letters, digits, `-`,
/// `_` and `.`, with a letter or a digit at both ends.
fn is_valid_bucket_name(name: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (3..=222).contains(&name.len())
        && is_edge(name.chars().next())
        && is_edge(name.chars().last())
        && name.chars().all(|c| is_edge(Some(c)) || "-_.".contains(c))
}
