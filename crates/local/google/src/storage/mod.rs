//! The Cloud Storage server: routes JSON API calls and checks permissions on buckets.
//!
//! | module | what |
//! |---|---|
//! | `buckets` | bucket calls |
//! | `objects` | object calls: get, list, copy, compose, patch, delete |
//! | `upload` | object uploads: media, multipart and resumable |
//! | `multipart` | parser for `multipart/related` bodies |
//! | `resumable` | sessions of resumable uploads |
//! | `store` | buckets and objects: generations, preconditions, checksums |

mod buckets;
pub(crate) mod multipart;
mod objects;
pub(crate) mod resumable;
pub(crate) mod store;
mod upload;

use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockWriteGuard};

use http::Method;
use serde_json::json;

use crate::access::{AccessControl, Principal};
use crate::error::GoogleError;
use crate::web::{ApiResult, Call, json_response};
pub use resumable::UploadInterruption;
use resumable::UploadSessions;
use store::{ObjectStore, Preconditions};

/// The Cloud Storage server. Clones share its state.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) store: ObjectStore,
    access: Arc<RwLock<AccessControl>>,
    sessions: UploadSessions,
    /// The location of buckets that are created without one.
    location: String,
    project: String,
    allow_anonymous: bool,
    /// The server's own address, once it is known.
    url: Arc<OnceLock<String>>,
}

impl Storage {
    pub(crate) fn new(
        store: ObjectStore,
        access: Arc<RwLock<AccessControl>>,
        location: String,
        project: String,
        allow_anonymous: bool,
    ) -> Self {
        let (sessions, url) = (UploadSessions::default(), Arc::default());
        Self { store, access, sessions, location, project, allow_anonymous, url }
    }

    /// Sets the server's own address. Only the first call has an effect.
    pub(crate) fn set_url(&self, url: &str) {
        let _ = self.url.set(url.trim_end_matches('/').to_owned());
    }

    /// Makes one request of a resumable upload fail.
    pub(crate) fn interrupt_upload(&self, interruption: UploadInterruption) {
        self.sessions.interrupt(interruption);
    }

    /// Handles one call.
    pub(crate) fn handle(&self, mut call: Call) -> ApiResult {
        call.server_url = self.url.get().cloned();
        let call = &call;
        let service = "storage.googleapis.com";
        if !self.with_access(|access| access.plane.is_enabled(service)) {
            return Err(GoogleError::service_disabled(service));
        }
        let path = call.path();
        // gcloud puts `/resumable` in front of the upload path.
        let path = match path.as_slice() {
            ["resumable", rest @ ..] => rest,
            rest => rest,
        };
        match path {
            ["upload", "storage", "v1", "b", bucket, "o"] => self.handle_upload(call, bucket),
            ["download", "storage", "v1", "b", bucket, "o", name @ ..]
                if call.method == Method::GET =>
            {
                self.download(call, bucket, &name.join("/"))
            }
            ["storage", "v1", "b", bucket, "o", name @ ..] => {
                self.handle_objects(call, bucket, name)
            }
            ["storage", "v1", "b", rest @ ..] => self.handle_buckets(call, rest),
            ["storage", "v1", "projects", project, "serviceAccount"]
                if call.method == Method::GET =>
            {
                Ok(json_response(
                    200,
                    &json!({
                        "kind": "storage#serviceAccount",
                        "email_address": format!("service-1@gs-project-accounts.{project}.example.com"),
                    }),
                ))
            }
            _ => Err(unknown_call()),
        }
    }

    fn authenticate(&self, call: &Call) -> Result<Principal, GoogleError> {
        match call.bearer_token() {
            None if self.allow_anonymous => Ok(Principal::anonymous()),
            None => Err(GoogleError::unauthenticated()),
            Some(token) => self.with_access(|access| access.authenticate(token)),
        }
    }

    /// Returns the caller if it has `permission` on `bucket`.
    ///
    /// # Errors
    /// 401 without a valid token, 403 without the permission.
    fn authorize(
        &self,
        call: &Call,
        bucket: &str,
        permission: &str,
    ) -> Result<Principal, GoogleError> {
        let caller = self.authenticate(call)?;
        if self.with_access(|access| access.allows_on_bucket(&caller, bucket, permission)) {
            return Ok(caller);
        }
        Err(forbidden(&caller, permission, &format!("bucket {bucket}")))
    }

    /// Checks that the caller has `permission` on an object, which need not exist.
    ///
    /// # Errors
    /// 401 without a valid token, 403 without the permission.
    fn authorize_object(
        &self,
        call: &Call,
        (bucket, object): (&str, &str),
        permission: &str,
    ) -> Result<(), GoogleError> {
        let caller = self.authenticate(call)?;
        if self.is_allowed(&caller, bucket, object, permission) {
            return Ok(());
        }
        Err(forbidden(&caller, permission, &format!("object {bucket}/{object}")))
    }

    fn is_allowed(&self, caller: &Principal, bucket: &str, object: &str, permission: &str) -> bool {
        self.with_access(|access| access.allows_on_object(caller, bucket, object, permission))
    }

    /// The access rules, to change them.
    fn access_mut(&self) -> RwLockWriteGuard<'_, AccessControl> {
        let mut access = self.access.write().unwrap_or_else(PoisonError::into_inner);
        access.count_change();
        access
    }

    fn with_access<T>(&self, read: impl FnOnce(&AccessControl) -> T) -> T {
        read(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn forbidden(caller: &Principal, permission: &str, what: &str) -> GoogleError {
    GoogleError::new(
        403,
        "forbidden",
        format!(
            "{} does not have {permission} access to the Google Cloud Storage {what}. Permission \
             '{permission}' denied on resource (or it may not exist).",
            caller.email
        ),
    )
}

/// The preconditions in a call's query.
fn preconditions(call: &Call) -> Result<Preconditions, GoogleError> {
    Ok(Preconditions {
        generation: call.int_param("ifGenerationMatch")?,
        not_generation: call.int_param("ifGenerationNotMatch")?,
        metageneration: call.int_param("ifMetagenerationMatch")?,
        not_metageneration: call.int_param("ifMetagenerationNotMatch")?,
    })
}

fn unknown_call() -> GoogleError {
    GoogleError::not_found("Not Found")
}
