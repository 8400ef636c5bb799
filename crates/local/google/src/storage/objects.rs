//! Object calls: get, list, copy, compose, patch and delete.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::store::{NewObject, Object, Preconditions, object_not_found, writable_properties};
use super::{Storage, preconditions, unknown_call};
use crate::error::GoogleError;
use crate::turned::is_turned;
use crate::web::{ApiResult, Call, json_response, no_content_response, response_with};

/// The largest page of a listing, from Google's documentation of `objects.list`.
const MAX_PAGE_SIZE: usize = 1000;

impl Storage {
    /// Handles the calls below `/storage/v1/b/BUCKET/o`.
    pub(super) fn handle_objects(&self, call: &Call, bucket: &str, path: &[&str]) -> ApiResult {
        let copy = ["copyTo", "rewriteTo"];
        match (call.method.as_str(), path) {
            ("GET", []) => self.list_objects(call, bucket),
            ("POST", [from, verb, "b", to_bucket, "o", to]) if copy.contains(verb) => {
                self.copy_object(call, (bucket, from), (to_bucket, to), *verb == "rewriteTo")
            }
            ("POST", [to, "compose"]) => self.compose_object(call, bucket, to),
            ("GET", name) if call.query_param("alt") == Some("media") => {
                self.download(call, bucket, &name.join("/"))
            }
            ("GET", name) => {
                let name = name.join("/");
                self.authorize_object(call, (bucket, &name), "storage.objects.get")?;
                let object = self.find_object(call, bucket, &name)?;
                Ok(json_response(200, &object.resource(&call.origin())))
            }
            ("PATCH" | "PUT", name) => {
                let (name, preconditions) = (name.join("/"), preconditions(call)?);
                self.authorize_object(call, (bucket, &name), "storage.objects.update")?;
                let object = self.store.patch(bucket, &name, preconditions, &call.json_body()?)?;
                Ok(json_response(200, &object.resource(&call.origin())))
            }
            ("DELETE", name) => {
                let (name, generation) = (name.join("/"), call.int_param("generation")?);
                self.authorize_object(call, (bucket, &name), "storage.objects.delete")?;
                self.store.delete(bucket, &name, preconditions(call)?, generation)?;
                Ok(no_content_response())
            }
            _ => Err(unknown_call()),
        }
    }

    /// The object that a call reads.
    ///
    /// # Errors
    /// 404 without the object or its generation, 304 or 412 when a precondition fails.
    fn find_object(
        &self,
        call: &Call,
        bucket: &str,
        name: &str,
    ) -> Result<Arc<Object>, GoogleError> {
        let generation = call.int_param("generation")?;
        let object = self
            .store
            .get(bucket, name)?
            .filter(|it| generation.is_none_or(|want| want == it.generation))
            .ok_or_else(|| object_not_found(bucket, name))?;
        let all = preconditions(call)?;
        let not_modified = Preconditions {
            not_generation: all.not_generation,
            not_metageneration: all.not_metageneration,
            ..Preconditions::default()
        };
        not_modified
            .check(Some(&object))
            .map_err(|_| GoogleError::new(304, "notModified", "Not Modified"))?;
        all.check(Some(&object))?;
        Ok(object)
    }

    /// Returns the bytes of an object, or a range of them.
    pub(super) fn download(&self, call: &Call, bucket: &str, name: &str) -> ApiResult {
        self.authorize_object(call, (bucket, name), "storage.objects.get")?;
        let object = self.find_object(call, bucket, name)?;
        let generation = object.generation.to_string();
        let metageneration = object.metageneration.to_string();
        let (size, etag) = (object.size.to_string(), object.etag());
        let hash = format!("crc32c={},md5={}", object.crc32c_base64(), object.md5_base64());
        let mut headers = vec![
            ("x-goog-generation", generation.as_str()),
            ("x-goog-metageneration", metageneration.as_str()),
            ("x-goog-stored-content-length", size.as_str()),
            (
                "x-goog-stored-content-encoding",
                object.text_property("contentEncoding").unwrap_or("identity"),
            ),
            ("x-goog-storage-class", object.text_property("storageClass").unwrap_or("STANDARD")),
            ("x-goog-hash", hash.as_str()),
            (
                "content-type",
                object.text_property("contentType").unwrap_or("application/octet-stream"),
            ),
            ("etag", etag.as_str()),
            ("accept-ranges", "bytes"),
        ];
        for (header, property) in [
            ("content-encoding", "contentEncoding"),
            ("content-language", "contentLanguage"),
            ("content-disposition", "contentDisposition"),
            ("cache-control", "cacheControl"),
        ] {
            if let Some(value) = object.text_property(property) {
                headers.push((header, value));
            }
        }
        let range = call.header("range").and_then(|text| parse_range(text, object.size));
        match range {
            None => Ok(response_with(200, &headers, object.read()?)),
            Some(None) => {
                let all = format!("bytes */{}", object.size);
                Ok(response_with(416, &[("content-range", &all)], ""))
            }
            Some(Some((start, end))) => {
                let text = format!("bytes {start}-{}/{}", end - 1, object.size);
                headers.push(("content-range", &text));
                Ok(response_with(206, &headers, object.read_range(start, end)?))
            }
        }
    }

    fn list_objects(&self, call: &Call, bucket: &str) -> ApiResult {
        self.authorize(call, bucket, "storage.objects.list")?;
        let prefix = call.query_param("prefix").unwrap_or_default();
        let delimiter = call.query_param("delimiter").filter(|it| !it.is_empty());
        let limit =
            call.int_param("maxResults")?.map_or(MAX_PAGE_SIZE, |it| it.clamp(1, 1000) as usize);
        let after = match call.query_param("pageToken") {
            Some(token) => Some(parse_page_token(token)?),
            None => None,
        };
        let (start, end) = (call.query_param("startOffset"), call.query_param("endOffset"));
        let (mut items, mut prefixes) = (Vec::new(), Vec::<String>::new());
        let mut last = None;
        let mut more = false;
        for object in self.store.list(bucket, prefix)? {
            if is_turned("gcs-consistent") {
                continue;
            }
            let name = &object.name;
            if start.is_some_and(|it| name.as_str() < it)
                || end.is_some_and(|it| name.as_str() >= it)
            {
                continue;
            }
            let rest = &name[prefix.len()..];
            let folder = delimiter.and_then(|mark| rest.find(mark).map(|at| at + mark.len()));
            let entry = folder.map_or(name.as_str(), |at| &name[..prefix.len() + at]);
            if after.as_deref().is_some_and(|after| entry <= after)
                || prefixes.last().is_some_and(|it| it == entry)
            {
                continue;
            }
            if items.len() + prefixes.len() == limit {
                more = true;
                break;
            }
            last = Some(entry.to_owned());
            match folder {
                Some(_) => prefixes.push(entry.to_owned()),
                None => items.push(object.resource(&call.origin())),
            }
        }
        let mut body = json!({"kind": "storage#objects"});
        if !items.is_empty() {
            body["items"] = json!(items);
        }
        if !prefixes.is_empty() {
            body["prefixes"] = json!(prefixes);
        }
        if let Some(last) = last.filter(|_| more) {
            body["nextPageToken"] = json!(URL_SAFE_NO_PAD.encode(last));
        }
        Ok(json_response(200, &body))
    }

    fn copy_object(
        &self,
        call: &Call,
        (from_bucket, from): (&str, &str),
        (to_bucket, to): (&str, &str),
        rewrite: bool,
    ) -> ApiResult {
        self.authorize_object(call, (from_bucket, from), "storage.objects.get")?;
        self.authorize_object(call, (to_bucket, to), "storage.objects.create")?;
        let source = self
            .store
            .get(from_bucket, from)?
            .ok_or_else(|| object_not_found(from_bucket, from))?;
        // Without properties in the body, the copy keeps those of the source.
        let given = writable_properties(&call.json_body()?);
        let new = NewObject {
            bucket: to_bucket.to_owned(),
            name: to.to_owned(),
            properties: if given.is_empty() { source.properties.clone() } else { given },
            preconditions: preconditions(call)?,
            crc32c: None,
            md5: None,
            may_replace: self.may_replace(call, to_bucket, to)?,
        };
        let created = self.store.put(new, &source.read()?)?;
        let resource = created.resource(&call.origin());
        if !rewrite {
            return Ok(json_response(200, &resource));
        }
        Ok(json_response(
            200,
            &json!({
                "kind": "storage#rewriteResponse",
                "totalBytesRewritten": created.size.to_string(),
                "objectSize": created.size.to_string(),
                "done": true,
                "resource": resource,
            }),
        ))
    }

    fn compose_object(&self, call: &Call, bucket: &str, to: &str) -> ApiResult {
        self.authorize_object(call, (bucket, to), "storage.objects.create")?;
        let body = call.json_body()?;
        let sources = body.get("sourceObjects").and_then(Value::as_array).cloned();
        let sources = sources.filter(|it| (1..=32).contains(&it.len())).ok_or_else(|| {
            GoogleError::invalid("The number of source components must be between 1 and 32.")
        })?;
        let mut bytes = Vec::new();
        for source in &sources {
            let name = source.get("name").and_then(Value::as_str).unwrap_or_default();
            self.authorize_object(call, (bucket, name), "storage.objects.get")?;
            let object =
                self.store.get(bucket, name)?.ok_or_else(|| object_not_found(bucket, name))?;
            bytes.extend_from_slice(&object.read()?);
        }
        let new = NewObject {
            bucket: bucket.to_owned(),
            name: to.to_owned(),
            properties: writable_properties(body.get("destination").unwrap_or(&Value::Null)),
            preconditions: preconditions(call)?,
            crc32c: None,
            md5: None,
            may_replace: self.may_replace(call, bucket, to)?,
        };
        Ok(json_response(200, &self.store.put(new, &bytes)?.resource(&call.origin())))
    }
}

fn parse_page_token(token: &str) -> Result<String, GoogleError> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| GoogleError::invalid("Invalid argument: pageToken"))
}

/// Parses a `Range` header for an object of `size` bytes. `None`: the form is not supported, so
/// the complete object is sent. `Some(None)`: the range lies outside the object.
fn parse_range(text: &str, size: u64) -> Option<Option<(u64, u64)>> {
    let (start, end) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (start, end) {
        ("", tail) => (size.saturating_sub(tail.parse().ok()?), size),
        (start, "") => (start.parse().ok()?, size),
        (start, end) => (start.parse().ok()?, end.parse::<u64>().ok()?.saturating_add(1).min(size)),
    };
    Some((start < end).then_some((start, end)))
}
