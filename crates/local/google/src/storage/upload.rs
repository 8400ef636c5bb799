//! Object uploads: one plain body, one multipart body, or a resumable session. Follows Google's
//! "Upload objects" documentation and tolerates the habits of other clients.

use http::Method;
use landbridge_local_wire as wire;
use serde_json::{Value, json};

use super::multipart::{boundary, split_parts};
use super::resumable::ChunkOutcome;
use super::store::{NewObject, writable_properties};
use super::{Storage, preconditions, unknown_call};
use crate::error::GoogleError;
use crate::turned::is_turned;
use crate::web::{ApiResult, Call, json_response, response_with};

impl Storage {
    /// Handles the calls on `/upload/storage/v1/b/BUCKET/o`.
    pub(super) fn handle_upload(&self, call: &Call, bucket: &str) -> ApiResult {
        // A session's address is its own credential: its creator was authorized.
        if let Some(id) = call.query_param("upload_id") {
            return match call.method {
                Method::PUT | Method::POST => self.upload_chunk(call, id),
                Method::DELETE => Err(self.sessions.cancel(id)),
                _ => Err(unknown_call()),
            };
        }
        if call.method != Method::POST {
            return Err(unknown_call());
        }
        self.authenticate(call)?;
        match call.query_param("uploadType") {
            Some("media") => self.upload_media(call, bucket),
            Some("multipart") => self.upload_multipart(call, bucket),
            Some("resumable") => self.open_session(call, bucket),
            _ => Err(GoogleError::invalid("Upload type not supported.")),
        }
    }

    /// `uploadType=media`: the body is the object.
    fn upload_media(&self, call: &Call, bucket: &str) -> ApiResult {
        let mut metadata = json!({});
        set_default_content_type(&mut metadata, call.header("content-type"));
        let new_object = self.new_object(call, bucket, &metadata)?;
        let object = self.store.put(new_object, &call.body)?;
        Ok(json_response(200, &object.resource(&call.origin())))
    }

    /// `uploadType=multipart`: a JSON part with the metadata, then the object's bytes.
    fn upload_multipart(&self, call: &Call, bucket: &str) -> ApiResult {
        let malformed = || GoogleError::new(400, "badContent", "Malformed multipart body.");
        let boundary = call.header("content-type").and_then(boundary).ok_or_else(malformed)?;
        let (first, second) = split_parts(&call.body, &boundary).ok_or_else(malformed)?;
        let mut metadata: Value = serde_json::from_slice(&first.body).map_err(|_| malformed())?;
        set_default_content_type(&mut metadata, second.content_type.as_deref());
        let new_object = self.new_object(call, bucket, &metadata)?;
        let object = self.store.put(new_object, &second.body)?;
        Ok(json_response(200, &object.resource(&call.origin())))
    }

    /// `uploadType=resumable`: opens a session and returns its address.
    fn open_session(&self, call: &Call, bucket: &str) -> ApiResult {
        let mut metadata = call.json_body()?;
        set_default_content_type(&mut metadata, call.header("x-upload-content-type"));
        let new_object = self.new_object(call, bucket, &metadata)?;
        // Report a refusal that is certain before the client sends any bytes.
        let existing = self.store.get(bucket, &new_object.name)?;
        new_object.check(existing.as_deref())?;
        if is_turned("gcs-upload-whole") {
            self.store.put(self.new_object(call, bucket, &metadata)?, b"")?;
        }
        let id = self.sessions.open(new_object);
        let prefix = if call.path().first() == Some(&"resumable") { "/resumable" } else { "" };
        let location = format!(
            "{}{prefix}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={id}",
            call.origin()
        );
        Ok(response_with(200, &[("location", &location), ("x-guploader-uploadid", &id)], ""))
    }

    /// The object that a call uploads, if the caller may create it.
    fn new_object(
        &self,
        call: &Call,
        bucket: &str,
        metadata: &Value,
    ) -> Result<NewObject, GoogleError> {
        let text = |key: &str| metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        let name = call
            .query_param("name")
            .map(str::to_owned)
            .or_else(|| text("name"))
            .ok_or_else(|| GoogleError::new(400, "required", "Required parameter: name"))?;
        self.authorize_object(call, (bucket, &name), "storage.objects.create")?;
        let (crc32c, md5) = announced_checksums(call);
        Ok(NewObject {
            bucket: bucket.to_owned(),
            may_replace: self.may_replace(call, bucket, &name)?,
            name,
            properties: writable_properties(metadata),
            preconditions: preconditions(call)?,
            crc32c: text("crc32c").or(crc32c),
            md5: text("md5Hash").or(md5),
        })
    }

    /// Whether the caller may replace an object.
    pub(super) fn may_replace(
        &self,
        call: &Call,
        bucket: &str,
        name: &str,
    ) -> Result<bool, GoogleError> {
        let caller = self.authenticate(call)?;
        Ok(self.is_allowed(&caller, bucket, name, "storage.objects.delete"))
    }

    /// Receives a chunk of a session; the last one creates the object.
    fn upload_chunk(&self, call: &Call, id: &str) -> ApiResult {
        let resource = match self.sessions.receive(call, id)? {
            ChunkOutcome::Incomplete(stored) => return Ok(incomplete_response(call, stored)),
            ChunkOutcome::Completed(resource) => resource,
            ChunkOutcome::Received(mut new_object, bytes) => {
                let (crc32c, md5) = announced_checksums(call);
                new_object.crc32c = new_object.crc32c.or(crc32c);
                new_object.md5 = new_object.md5.or(md5);
                let created = self.store.put(new_object, &bytes);
                let resource = created.map(|object| object.resource(&call.origin()));
                self.sessions.complete(id, resource.as_ref().ok());
                resource?
            }
        };
        Ok(json_response(200, &resource))
    }
}

/// Asks the client of a resumable upload for the bytes after the first `stored`.
fn incomplete_response(call: &Call, stored: usize) -> wire::Response {
    let range = format!("bytes=0-{}", stored.saturating_sub(1));
    let mut headers = Vec::new();
    if stored > 0 {
        headers.push(("range", range.as_str()));
    }
    // Some HTTP libraries treat a 308 as a redirect; their clients request a 200 instead.
    let status = if call.header("x-guploader-no-308").is_some() {
        headers.push(("x-http-status-code-override", "308"));
        200
    } else {
        308
    };
    response_with(status, &headers, "")
}

fn set_default_content_type(metadata: &mut Value, content_type: Option<&str>) {
    if let Some(content_type) = content_type
        && metadata.get("contentType").is_none()
    {
        metadata["contentType"] = json!(content_type);
    }
}

/// The CRC32C and the MD5 in `x-goog-hash` headers (`crc32c=…,md5=…`), base64-encoded.
fn announced_checksums(call: &Call) -> (Option<String>, Option<String>) {
    let mut checksums = (None, None);
    for value in call.headers.get_all("x-goog-hash") {
        for part in value.to_str().unwrap_or_default().split(',') {
            match part.trim().split_once('=') {
                Some(("crc32c", text)) => checksums.0 = Some(text.to_owned()),
                Some(("md5", text)) => checksums.1 = Some(text.to_owned()),
                _ => {}
            }
        }
    }
    checksums
}
