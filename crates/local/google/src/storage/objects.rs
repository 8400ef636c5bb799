//! Calls on one object or on a bucket's list of them.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use landbridge_local_wire as wire;
use serde_json::{Value, json};

use super::store::{Conditions, NewObject, Object, no_object, writable};
use super::{Storage, conditions, no_such_call, upload};
use crate::error::GoogleError;
use crate::web::{Call, json, no_content, respond};

/// The largest page of a listing, as in Google's documentation.
const PAGE: usize = 1000;

impl Storage {
    /// Calls below `/storage/v1/b/BUCKET/o`.
    pub(super) fn objects(
        &self,
        call: &Call,
        bucket: &str,
        path: &[&str],
    ) -> Result<wire::Response, GoogleError> {
        let copy = ["copyTo", "rewriteTo"];
        match (call.method.as_str(), path) {
            ("GET", []) => self.list(call, bucket),
            ("POST", [from, verb, "b", to_bucket, "o", to]) if copy.contains(verb) => {
                self.copy(call, (bucket, from), (to_bucket, to), *verb == "rewriteTo")
            }
            ("POST", [to, "compose"]) => self.compose(call, bucket, to),
            ("GET", name) if call.query("alt") == Some("media") => {
                self.download(call, bucket, &name.join("/"))
            }
            ("GET", name) => {
                self.may(call, bucket, "storage.objects.get")?;
                let object = self.wanted(call, bucket, &name.join("/"))?;
                Ok(json(200, &object.resource(&call.origin())))
            }
            ("PATCH" | "PUT", name) => {
                self.may(call, bucket, "storage.objects.update")?;
                let (name, conditions) = (name.join("/"), conditions(call)?);
                let object = self.store.patch(bucket, &name, conditions, &call.json()?)?;
                Ok(json(200, &object.resource(&call.origin())))
            }
            ("DELETE", name) => {
                self.may(call, bucket, "storage.objects.delete")?;
                let (name, generation) = (name.join("/"), call.number("generation")?);
                self.store.delete(bucket, &name, conditions(call)?, generation)?;
                Ok(no_content())
            }
            _ => Err(no_such_call()),
        }
    }

    /// The object that a reading call is about, if it meets the call's conditions.
    fn wanted(&self, call: &Call, bucket: &str, name: &str) -> Result<Arc<Object>, GoogleError> {
        let generation = call.number("generation")?;
        let object = self
            .store
            .get(bucket, name)?
            .filter(|it| generation.is_none_or(|want| want == it.generation))
            .ok_or_else(|| no_object(bucket, name))?;
        let all = conditions(call)?;
        let unchanged = Conditions {
            not_generation: all.not_generation,
            not_metageneration: all.not_metageneration,
            ..Conditions::default()
        };
        unchanged
            .check(Some(&object))
            .map_err(|_| GoogleError::new(304, "notModified", "Not Modified"))?;
        all.check(Some(&object))?;
        Ok(object)
    }

    /// The bytes of an object, or a range of them.
    pub(super) fn download(
        &self,
        call: &Call,
        bucket: &str,
        name: &str,
    ) -> Result<wire::Response, GoogleError> {
        self.may(call, bucket, "storage.objects.get")?;
        let object = self.wanted(call, bucket, name)?;
        let generation = object.generation.to_string();
        let metageneration = object.metageneration.to_string();
        let (size, etag) = (object.size.to_string(), object.etag());
        let hash = format!("crc32c={},md5={}", object.crc32c_text(), object.md5_text());
        let mut headers = vec![
            ("x-goog-generation", generation.as_str()),
            ("x-goog-metageneration", metageneration.as_str()),
            ("x-goog-stored-content-length", size.as_str()),
            (
                "x-goog-stored-content-encoding",
                object.text("contentEncoding").unwrap_or("identity"),
            ),
            ("x-goog-storage-class", object.text("storageClass").unwrap_or("STANDARD")),
            ("x-goog-hash", hash.as_str()),
            ("content-type", object.text("contentType").unwrap_or("application/octet-stream")),
            ("etag", etag.as_str()),
            ("accept-ranges", "bytes"),
        ];
        for (header, property) in [
            ("content-encoding", "contentEncoding"),
            ("content-language", "contentLanguage"),
            ("content-disposition", "contentDisposition"),
            ("cache-control", "cacheControl"),
        ] {
            if let Some(value) = object.text(property) {
                headers.push((header, value));
            }
        }
        let range = call.header("range").and_then(|text| range(text, object.size));
        match range {
            None => Ok(respond(200, &headers, object.read()?)),
            Some(None) => {
                let all = format!("bytes */{}", object.size);
                Ok(respond(416, &[("content-range", &all)], ""))
            }
            Some(Some((start, end))) => {
                let text = format!("bytes {start}-{}/{}", end - 1, object.size);
                headers.push(("content-range", &text));
                Ok(respond(206, &headers, read(&object, start, end)?))
            }
        }
    }

    fn list(&self, call: &Call, bucket: &str) -> Result<wire::Response, GoogleError> {
        self.may(call, bucket, "storage.objects.list")?;
        let prefix = call.query("prefix").unwrap_or_default();
        let delimiter = call.query("delimiter").filter(|it| !it.is_empty());
        let limit = call.number("maxResults")?.map_or(PAGE, |it| it.clamp(1, 1000) as usize);
        let after = match call.query("pageToken") {
            Some(token) => Some(page_start(token)?),
            None => None,
        };
        let (start, end) = (call.query("startOffset"), call.query("endOffset"));
        let (mut items, mut prefixes) = (Vec::new(), Vec::<String>::new());
        let mut last = None;
        let mut more = false;
        for object in self.store.list(bucket, prefix)? {
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
        Ok(json(200, &body))
    }

    fn copy(
        &self,
        call: &Call,
        (from_bucket, from): (&str, &str),
        (to_bucket, to): (&str, &str),
        rewrite: bool,
    ) -> Result<wire::Response, GoogleError> {
        self.may(call, from_bucket, "storage.objects.get")?;
        let who = self.may(call, to_bucket, "storage.objects.create")?;
        let source =
            self.store.get(from_bucket, from)?.ok_or_else(|| no_object(from_bucket, from))?;
        let new = NewObject {
            bucket: to_bucket.to_owned(),
            name: to.to_owned(),
            said: upload::said_of_copy(&call.json()?, &source.said),
            conditions: conditions(call)?,
            crc32c: None,
            md5: None,
            may_replace: self.allowed(&who, to_bucket, "storage.objects.delete"),
        };
        let made = self.store.put(new, &source.read()?)?;
        let resource = made.resource(&call.origin());
        if !rewrite {
            return Ok(json(200, &resource));
        }
        Ok(json(
            200,
            &json!({
                "kind": "storage#rewriteResponse",
                "totalBytesRewritten": made.size.to_string(),
                "objectSize": made.size.to_string(),
                "done": true,
                "resource": resource,
            }),
        ))
    }

    fn compose(&self, call: &Call, bucket: &str, to: &str) -> Result<wire::Response, GoogleError> {
        let who = self.may(call, bucket, "storage.objects.create")?;
        let body = call.json()?;
        let sources = body.get("sourceObjects").and_then(Value::as_array).cloned();
        let sources = sources.filter(|it| (1..=32).contains(&it.len())).ok_or_else(|| {
            GoogleError::invalid("The number of source components must be between 1 and 32.")
        })?;
        let mut bytes = Vec::new();
        for source in &sources {
            let name = source.get("name").and_then(Value::as_str).unwrap_or_default();
            let object = self.store.get(bucket, name)?.ok_or_else(|| no_object(bucket, name))?;
            bytes.extend_from_slice(&object.read()?);
        }
        let new = NewObject {
            bucket: bucket.to_owned(),
            name: to.to_owned(),
            said: writable(body.get("destination").unwrap_or(&Value::Null)),
            conditions: conditions(call)?,
            crc32c: None,
            md5: None,
            may_replace: self.allowed(&who, bucket, "storage.objects.delete"),
        };
        Ok(json(200, &self.store.put(new, &bytes)?.resource(&call.origin())))
    }
}

fn page_start(token: &str) -> Result<String, GoogleError> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| GoogleError::invalid("Invalid argument: pageToken"))
}

/// A `Range` header against an object's size: `None` if it is not one that we serve (then the
/// whole object is sent), `Some(None)` if it lies outside.
fn range(text: &str, size: u64) -> Option<Option<(u64, u64)>> {
    let (start, end) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (start, end) {
        ("", tail) => (size.saturating_sub(tail.parse().ok()?), size),
        (start, "") => (start.parse().ok()?, size),
        (start, end) => (start.parse().ok()?, end.parse::<u64>().ok()?.saturating_add(1).min(size)),
    };
    Some((start < end).then_some((start, end)))
}

fn read(object: &Object, start: u64, end: u64) -> Result<Vec<u8>, GoogleError> {
    let read = || {
        let mut file = std::fs::File::open(&object.file)?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(end - start).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    read().map_err(|_| GoogleError::backend("The object's bytes could not be read."))
}
