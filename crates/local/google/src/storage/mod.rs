//! Cloud Storage's JSON API: which call does what.
//!
//! | module | what |
//! |---|---|
//! | `store` | buckets, objects, generations, conditions, checksums |
//! | `upload` | plain, multipart and resumable uploads |
//! | `objects` | reading, listing, copying, composing and deleting objects |

mod objects;
pub(crate) mod store;
mod upload;

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use http::Method;
use landbridge_local_wire as wire;
use serde_json::{Map, Value, json};

use crate::access::{Access, Principal};
use crate::error::GoogleError;
use crate::web::{Call, json, no_content, respond};
use store::{Conditions, Store};
use upload::Progress;

/// The Cloud Storage server. Clones share its state.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) store: Store,
    pub(crate) access: Arc<RwLock<Access>>,
    pub(crate) location: String,
    pub(crate) anonymous: bool,
    /// Where it is served, once that is known.
    pub(crate) url: Arc<OnceLock<String>>,
}

impl Storage {
    /// Answers one call.
    pub(crate) fn answer(&self, mut call: Call) -> Result<wire::Response, GoogleError> {
        call.base = self.url.get().cloned();
        let call = &call;
        let path = call.path();
        let method = &call.method;
        // gcloud puts `/resumable` before the upload path; downloads have a host or a path of
        // their own.
        let path = match path.as_slice() {
            ["resumable", rest @ ..] => rest,
            rest => rest,
        };
        match path {
            ["upload", "storage", "v1", "b", bucket, "o"] => self.upload(call, bucket),
            ["download", "storage", "v1", "b", bucket, "o", name @ ..]
                if *method == Method::GET =>
            {
                self.download(call, bucket, &name.join("/"))
            }
            ["storage", "v1", "b", rest @ ..] => self.buckets(call, rest),
            ["storage", "v1", "projects", project, "serviceAccount"] if *method == Method::GET => {
                Ok(json(
                    200,
                    &json!({
                        "kind": "storage#serviceAccount",
                        "email_address": format!("service-1@gs-project-accounts.{project}.example.com"),
                    }),
                ))
            }
            _ => Err(no_such_call()),
        }
    }

    fn buckets(&self, call: &Call, path: &[&str]) -> Result<wire::Response, GoogleError> {
        let origin = call.origin();
        match (call.method.as_str(), path) {
            ("GET", []) => {
                self.may(call, "", "storage.buckets.list")?;
                let prefix = call.query("prefix").unwrap_or_default();
                let items = (self.store.bucket_names().iter())
                    .filter(|name| name.starts_with(prefix))
                    .map(|name| self.store.bucket_resource(name, &origin))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(json(200, &json!({"kind": "storage#buckets", "items": items})))
            }
            ("POST", []) => {
                let body = call.json()?;
                let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
                if !good_bucket_name(name) {
                    return Err(GoogleError::invalid(format!("Invalid bucket name: '{name}'")));
                }
                self.may(call, name, "storage.buckets.create")?;
                let location = body.get("location").and_then(Value::as_str);
                let mut said = Map::new();
                for key in ["labels", "storageClass", "lifecycle", "iamConfiguration"] {
                    if let Some(value) = body.get(key) {
                        said.insert(key.to_owned(), value.clone());
                    }
                }
                self.store.create_bucket(name, location.unwrap_or(&self.location), said)?;
                Ok(json(200, &self.store.bucket_resource(name, &origin)?))
            }
            ("GET", [bucket]) => {
                self.may(call, bucket, "storage.buckets.get")?;
                Ok(json(200, &self.store.bucket_resource(bucket, &origin)?))
            }
            ("DELETE", [bucket]) => {
                self.may(call, bucket, "storage.buckets.delete")?;
                self.store.delete_bucket(bucket)?;
                Ok(no_content())
            }
            // gcloud asks for the layout first; whoever may list objects may see it.
            ("GET", [bucket, "storageLayout"]) => {
                self.may(call, bucket, "storage.objects.list")?;
                Ok(json(
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
            (_, [bucket, "o", name @ ..]) => self.objects(call, bucket, name),
            _ => Err(no_such_call()),
        }
    }

    fn upload(&self, call: &Call, bucket: &str) -> Result<wire::Response, GoogleError> {
        // A session's address is its own credential: whoever opened it was authorised then.
        if let Some(id) = call.query("upload_id") {
            return match call.method {
                Method::PUT | Method::POST => progress(call, upload::put(&self.store, call, id)?),
                Method::DELETE => Err(upload::cancel(&self.store, id)),
                _ => Err(no_such_call()),
            };
        }
        if call.method != Method::POST {
            return Err(no_such_call());
        }
        let who = self.may(call, bucket, "storage.objects.create")?;
        let may_replace = self.allowed(&who, bucket, "storage.objects.delete");
        let conditions = conditions(call)?;
        let resource = match call.query("uploadType") {
            Some("media") => upload::media(&self.store, call, bucket, conditions, may_replace)?,
            Some("multipart") => {
                upload::multipart(&self.store, call, bucket, conditions, may_replace)?
            }
            Some("resumable") => {
                let id = upload::begin(&self.store, call, bucket, conditions, may_replace)?;
                let prefix = if call.segments.first().is_some_and(|it| it == "resumable") {
                    "/resumable"
                } else {
                    ""
                };
                let location = format!(
                    "{}{prefix}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={id}",
                    call.origin()
                );
                return Ok(respond(
                    200,
                    &[("location", &location), ("x-guploader-uploadid", &id)],
                    "",
                ));
            }
            _ => return Err(GoogleError::invalid("Upload type not supported.")),
        };
        Ok(json(200, &resource))
    }

    /// Who calls, provided that they may do this.
    pub(crate) fn may(
        &self,
        call: &Call,
        bucket: &str,
        permission: &str,
    ) -> Result<Principal, GoogleError> {
        let who = match call.token() {
            None if self.anonymous => Principal::anonymous(),
            None => return Err(GoogleError::unauthenticated()),
            Some(token) => self.read_access(|access| access.authenticate(token))?,
        };
        if self.allowed(&who, bucket, permission) {
            Ok(who)
        } else {
            Err(GoogleError::new(
                403,
                "forbidden",
                format!(
                    "{} does not have {permission} access to the Google Cloud Storage bucket \
                     {bucket}. Permission '{permission}' denied on resource (or it may not exist).",
                    who.email
                ),
            ))
        }
    }

    fn allowed(&self, who: &Principal, bucket: &str, permission: &str) -> bool {
        self.read_access(|access| access.on_bucket(who, bucket, permission))
    }

    fn read_access<T>(&self, ask: impl FnOnce(&Access) -> T) -> T {
        ask(&self.access.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn progress(call: &Call, progress: Progress) -> Result<wire::Response, GoogleError> {
    match progress {
        Progress::Done(resource) => Ok(json(200, &resource)),
        Progress::Incomplete(kept) => {
            let range = format!("bytes=0-{}", kept.saturating_sub(1));
            let mut headers = Vec::new();
            if kept > 0 {
                headers.push(("range", range.as_str()));
            }
            // Some HTTP libraries take a 308 for a redirect; their clients ask for a 200.
            let status = if call.header("x-guploader-no-308").is_some() {
                headers.push(("x-http-status-code-override", "308"));
                200
            } else {
                308
            };
            Ok(respond(status, &headers, ""))
        }
    }
}

/// The conditions in a call's query.
pub(crate) fn conditions(call: &Call) -> Result<Conditions, GoogleError> {
    Ok(Conditions {
        generation: call.number("ifGenerationMatch")?,
        not_generation: call.number("ifGenerationNotMatch")?,
        metageneration: call.number("ifMetagenerationMatch")?,
        not_metageneration: call.number("ifMetagenerationNotMatch")?,
    })
}

pub(crate) fn no_such_call() -> GoogleError {
    GoogleError::not_found("Not Found")
}

/// Google's naming rules, but for the reserved words: 3 to 222 of lower-case letters, digits,
/// `-`, `_` and `.`, with a letter or digit at both ends.
fn good_bucket_name(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (3..=222).contains(&name.len())
        && edge(name.chars().next())
        && edge(name.chars().last())
        && name.chars().all(|c| edge(Some(c)) || "-_.".contains(c))
}
