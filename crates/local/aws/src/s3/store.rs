//! Buckets and objects. Every change is one step under one lock, conditions
//! included, so two writers with the same `If-None-Match: *` can't both win.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use landbridge_local_wire::Clock;
use s3s::dto;

use super::blob::{Blob, Blobs, Finished};

/// Why the store refused. The protocol's codes are chosen where requests are answered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Refusal {
    #[error("the bucket does not exist")]
    NoSuchBucket,
    #[error("the key does not exist")]
    NoSuchKey,
    #[error("the upload does not exist")]
    NoSuchUpload,
    #[error("the bucket exists already")]
    BucketExists,
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    #[error("a condition of the request does not hold")]
    PreconditionFailed,
}

/// What must hold of the object under a key for a change to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing.
    Always,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match: *`
    Present,
    /// `If-Match: "etag"`
    Tag(String),
}

/// What a client said about an object besides its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) metadata: Option<HashMap<String, String>>,
}

/// One version of an object.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) blob: Arc<Blob>,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified: Timestamp,
    pub(crate) attributes: Attributes,
    pub(crate) checksum: dto::Checksum,
}

/// An object as tests and `local up` see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectView {
    /// The key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// The ETag, without quotes.
    pub etag: String,
    /// Virtual time of the last write.
    pub modified: Timestamp,
}

struct Bucket {
    created: Timestamp,
    objects: BTreeMap<String, Entry>,
    denied: Option<String>,
    /// Whether its public access blocks and its encryption were taken away.
    exposed: bool,
}

/// A multipart upload that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) attributes: Attributes,
    pub(crate) initiated: Timestamp,
    pub(crate) parts: BTreeMap<i32, Entry>,
}

#[derive(Default)]
struct State {
    buckets: BTreeMap<String, Bucket>,
    uploads: BTreeMap<String, Upload>,
    uploads_begun: u64,
}

impl State {
    fn bucket(&self, name: &str) -> Result<&Bucket, Refusal> {
        self.buckets.get(name).ok_or(Refusal::NoSuchBucket)
    }

    fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, Refusal> {
        self.buckets.get_mut(name).ok_or(Refusal::NoSuchBucket)
    }
}

/// All buckets of the account.
pub(crate) struct Store {
    blobs: Blobs,
    clock: Clock,
    state: Mutex<State>,
}

impl Store {
    /// Keeps large objects under `dir`, which must exist.
    pub(crate) fn new(dir: &Path, clock: Clock) -> Self {
        Self { blobs: Blobs::new(dir), clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Virtual time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Where new bytes go.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// An object put in one piece, as of now.
    pub(crate) fn entry(
        &self,
        finished: Finished,
        attributes: Attributes,
        checksum: dto::Checksum,
    ) -> Entry {
        Entry {
            blob: finished.blob,
            size: finished.size,
            etag: hex::encode(finished.md5),
            modified: self.clock.now(),
            attributes,
            checksum,
        }
    }

    pub(crate) fn create_bucket(&self, name: &str) -> Result<(), Refusal> {
        let created = self.clock.now();
        let mut state = self.state();
        if state.buckets.contains_key(name) {
            return Err(Refusal::BucketExists);
        }
        let bucket = Bucket { created, objects: BTreeMap::new(), denied: None, exposed: false };
        state.buckets.insert(name.to_owned(), bucket);
        Ok(())
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        if !state.bucket(name)?.objects.is_empty() {
            return Err(Refusal::BucketNotEmpty);
        }
        state.buckets.remove(name);
        Ok(())
    }

    /// Removes a bucket with all it holds; no client can do that, a test can.
    pub(crate) fn remove_bucket(&self, name: &str) {
        let mut state = self.state();
        state.buckets.remove(name);
        state.uploads.retain(|_, upload| upload.bucket != name);
    }

    pub(crate) fn has_bucket(&self, name: &str) -> Result<(), Refusal> {
        self.state().bucket(name).map(|_| ())
    }

    pub(crate) fn buckets(&self) -> Vec<(String, Timestamp)> {
        self.state().buckets.iter().map(|(name, bucket)| (name.clone(), bucket.created)).collect()
    }

    /// Refuses every call on a bucket with `message`, or allows them again.
    pub(crate) fn deny(&self, name: &str, message: Option<String>) {
        if let Ok(bucket) = self.state().bucket_mut(name) {
            bucket.denied = message;
        }
    }

    /// Takes a bucket's public access blocks and its encryption away.
    pub(crate) fn expose(&self, name: &str) {
        if let Ok(bucket) = self.state().bucket_mut(name) {
            bucket.exposed = true;
        }
    }

    /// Whether [`expose`](Self::expose) was called on the bucket.
    pub(crate) fn exposed(&self, name: &str) -> Result<bool, Refusal> {
        self.state().bucket(name).map(|bucket| bucket.exposed)
    }

    /// The message to refuse calls on this bucket with.
    pub(crate) fn denied(&self, name: &str) -> Option<String> {
        self.state().bucket(name).ok().and_then(|bucket| bucket.denied.clone())
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> Result<Entry, Refusal> {
        self.state().bucket(bucket)?.objects.get(key).cloned().ok_or(Refusal::NoSuchKey)
    }

    /// Puts `entry` under `key` when `condition` holds at that very moment.
    pub(crate) fn put(
        &self,
        bucket: &str,
        key: &str,
        entry: Entry,
        condition: &Condition,
    ) -> Result<(), Refusal> {
        let mut state = self.state();
        let objects = &mut state.bucket_mut(bucket)?.objects;
        check(objects.get(key), condition)?;
        objects.insert(key.to_owned(), entry);
        Ok(())
    }

    /// Deletes a key; one that isn't there is no error unless the condition needs it.
    pub(crate) fn delete(
        &self,
        bucket: &str,
        key: &str,
        condition: &Condition,
    ) -> Result<(), Refusal> {
        let mut state = self.state();
        let objects = &mut state.bucket_mut(bucket)?.objects;
        check(objects.get(key), condition)?;
        objects.remove(key);
        Ok(())
    }

    /// Looks at a bucket's objects in the order of their keys' UTF-8 bytes, which is S3's.
    pub(crate) fn with_objects<T>(
        &self,
        bucket: &str,
        look: impl FnOnce(&BTreeMap<String, Entry>) -> T,
    ) -> Result<T, Refusal> {
        Ok(look(&self.state().bucket(bucket)?.objects))
    }

    pub(crate) fn begin_upload(
        &self,
        bucket: &str,
        key: &str,
        attributes: Attributes,
    ) -> Result<String, Refusal> {
        let mut state = self.state();
        state.bucket(bucket)?;
        state.uploads_begun += 1;
        let id = format!("upload-{:06}", state.uploads_begun);
        let upload = Upload {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            attributes,
            initiated: self.clock.now(),
            parts: BTreeMap::new(),
        };
        state.uploads.insert(id.clone(), upload);
        Ok(id)
    }

    pub(crate) fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<Upload, Refusal> {
        let state = self.state();
        state.bucket(bucket)?;
        match state.uploads.get(id) {
            Some(upload) if upload.bucket == bucket && upload.key == key => Ok(upload.clone()),
            _ => Err(Refusal::NoSuchUpload),
        }
    }

    pub(crate) fn uploads(&self, bucket: &str) -> Result<Vec<(String, Upload)>, Refusal> {
        let state = self.state();
        state.bucket(bucket)?;
        let of_bucket = state.uploads.iter().filter(|(_, upload)| upload.bucket == bucket);
        Ok(of_bucket.map(|(id, upload)| (id.clone(), upload.clone())).collect())
    }

    /// Puts a part; the same number again replaces it.
    pub(crate) fn put_part(&self, id: &str, number: i32, part: Entry) -> Result<(), Refusal> {
        let mut state = self.state();
        let upload = state.uploads.get_mut(id).ok_or(Refusal::NoSuchUpload)?;
        upload.parts.insert(number, part);
        Ok(())
    }

    /// Turns an upload into an object, or leaves it as it was when the condition fails.
    pub(crate) fn complete_upload(
        &self,
        id: &str,
        entry: Entry,
        condition: &Condition,
    ) -> Result<(), Refusal> {
        let mut state = self.state();
        let upload = state.uploads.get(id).ok_or(Refusal::NoSuchUpload)?;
        let (bucket, key) = (upload.bucket.clone(), upload.key.clone());
        let objects = &mut state.bucket_mut(&bucket)?.objects;
        check(objects.get(&key), condition)?;
        objects.insert(key, entry);
        state.uploads.remove(id);
        Ok(())
    }

    pub(crate) fn abort_upload(&self, id: &str) -> Result<(), Refusal> {
        self.state().uploads.remove(id).map(|_| ()).ok_or(Refusal::NoSuchUpload)
    }

    /// Puts bytes without asking for a condition: exports and tests.
    pub(crate) async fn put_bytes(&self, bucket: &str, key: &str, bytes: &Bytes) -> io::Result<()> {
        let mut writer = self.blobs.writer();
        writer.write(bytes).await?;
        let finished = writer.finish().await?;
        let entry = self.entry(finished, Attributes::default(), dto::Checksum::default());
        self.put(bucket, key, entry, &Condition::Always).map_err(io::Error::other)
    }

    /// The objects under a prefix, in order.
    pub(crate) fn views(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectView>, Refusal> {
        self.with_objects(bucket, |objects| {
            let from = objects.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            let under = from.take_while(|(key, _)| key.starts_with(prefix));
            let view = |(key, entry): (&String, &Entry)| ObjectView {
                key: key.clone(),
                size: entry.size,
                etag: entry.etag.clone(),
                modified: entry.modified,
            };
            under.map(view).collect()
        })
    }
}

/// AWS documentation: `If-Match` on a key that holds nothing is a 404, not a 412.
fn check(live: Option<&Entry>, condition: &Condition) -> Result<(), Refusal> {
    match (condition, live) {
        (Condition::Always, _) | (Condition::Absent, None) | (Condition::Present, Some(_)) => {
            Ok(())
        }
        (Condition::Tag(tag), Some(entry)) if *tag == entry.etag => Ok(()),
        (Condition::Present | Condition::Tag(_), None) => Err(Refusal::NoSuchKey),
        (Condition::Absent | Condition::Tag(_), Some(_)) => Err(Refusal::PreconditionFailed),
    }
}
