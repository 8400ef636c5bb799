//! Buckets, objects and multipart uploads.
//!
//! A change and its condition are one step under one lock, so only one of two writers with
//! `If-None-Match: *` succeeds.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use landbridge_local_wire::Clock;
use s3s::checksum::ChecksumHasher;
use s3s::dto;

use super::blob::{Blob, BlobDirectory, FinishedBlob};
use crate::turned::Turned;

/// Why the store refused an operation. The module `protocol` maps it to an S3 error.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum StoreError {
    #[error("the bucket does not exist")]
    NoSuchBucket,
    #[error("the key does not exist")]
    NoSuchKey,
    #[error("the upload does not exist")]
    NoSuchUpload,
    #[error("the bucket already exists")]
    BucketExists,
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    #[error("a condition of the request does not hold")]
    PreconditionFailed,
}

/// What must be true of the current object under a key for a change to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Unconditional.
    Always,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match: *`
    Present,
    /// `If-Match: "etag"`
    ETagMatches(String),
}

/// The metadata that a client sets on an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) metadata: Option<HashMap<String, String>>,
}

/// An object. Replacing it does not affect readers of the old one.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) blob: Arc<Blob>,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) modified: Timestamp,
    pub(crate) attributes: Attributes,
    pub(crate) checksum: dto::Checksum,
    /// The key that its writer named. It is reported, and nothing is encrypted.
    pub(crate) kms_key: Option<String>,
}

/// The public view of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectView {
    /// The key.
    pub key: String,
    /// The size in bytes.
    pub size: u64,
    /// The ETag, without quotes.
    pub etag: String,
    /// The virtual time of the last write.
    pub modified: Timestamp,
}

struct Bucket {
    created: Timestamp,
    objects: BTreeMap<String, Object>,
    /// The prefix of the keys on which every call is refused, and the message. An empty prefix refuses
    /// the calls on the bucket as well.
    denial: Option<(String, String)>,
    /// Whether the bucket has neither public access blocks nor encryption.
    exposed: bool,
}

/// A multipart upload in progress.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) attributes: Attributes,
    pub(crate) initiated: Timestamp,
    pub(crate) parts: BTreeMap<i32, Object>,
}

#[derive(Default)]
struct StoreState {
    buckets: BTreeMap<String, Bucket>,
    uploads: BTreeMap<String, Upload>,
    upload_count: u64,
}

impl StoreState {
    fn bucket(&self, name: &str) -> Result<&Bucket, StoreError> {
        self.buckets.get(name).ok_or(StoreError::NoSuchBucket)
    }

    fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, StoreError> {
        self.buckets.get_mut(name).ok_or(StoreError::NoSuchBucket)
    }
}

/// All buckets of the account.
pub(crate) struct Store {
    blobs: BlobDirectory,
    clock: Clock,
    pub(super) turned: Turned,
    state: Mutex<StoreState>,
}

impl Store {
    /// Keeps large objects in `dir`, which must exist.
    pub(crate) fn new(dir: &Path, clock: Clock, turned: Turned) -> Self {
        Self { blobs: BlobDirectory::new(dir), clock, turned, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, StoreState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current virtual time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Creates the blobs of new objects.
    pub(crate) fn blobs(&self) -> &BlobDirectory {
        &self.blobs
    }

    /// An object with the bytes of one blob, modified now.
    pub(crate) fn object(
        &self,
        finished: FinishedBlob,
        attributes: Attributes,
        checksum: dto::Checksum,
    ) -> Object {
        Object {
            blob: finished.blob,
            size: finished.size,
            etag: hex::encode(finished.md5),
            modified: self.clock.now(),
            attributes,
            checksum,
            kms_key: None,
        }
    }

    pub(crate) fn create_bucket(&self, name: &str) -> Result<(), StoreError> {
        let created = self.clock.now();
        let mut state = self.state();
        if state.buckets.contains_key(name) {
            return Err(StoreError::BucketExists);
        }
        let bucket = Bucket { created, objects: BTreeMap::new(), denial: None, exposed: false };
        state.buckets.insert(name.to_owned(), bucket);
        Ok(())
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), StoreError> {
        let mut state = self.state();
        if !state.bucket(name)?.objects.is_empty() {
            return Err(StoreError::BucketNotEmpty);
        }
        state.buckets.remove(name);
        Ok(())
    }

    /// Removes a bucket with all its objects and uploads. The S3 API has no such operation.
    pub(crate) fn remove_bucket(&self, name: &str) {
        let mut state = self.state();
        state.buckets.remove(name);
        state.uploads.retain(|_, upload| upload.bucket != name);
    }

    /// Checks that a bucket exists.
    pub(crate) fn check_bucket(&self, name: &str) -> Result<(), StoreError> {
        self.state().bucket(name).map(|_| ())
    }

    pub(crate) fn buckets(&self) -> Vec<(String, Timestamp)> {
        self.state().buckets.iter().map(|(name, bucket)| (name.clone(), bucket.created)).collect()
    }

    /// Refuses every call on the keys of a bucket with this prefix; `None` allows them again.
    pub(crate) fn set_denial(&self, name: &str, denial: Option<(String, String)>) {
        if let Ok(bucket) = self.state().bucket_mut(name) {
            bucket.denial = denial;
        }
    }

    /// Removes the public access blocks and the encryption of a bucket.
    pub(crate) fn expose(&self, name: &str) {
        if let Ok(bucket) = self.state().bucket_mut(name) {
            bucket.exposed = true;
        }
    }

    /// Whether [`expose`](Self::expose) was called on the bucket.
    pub(crate) fn is_exposed(&self, name: &str) -> Result<bool, StoreError> {
        self.state().bucket(name).map(|bucket| bucket.exposed)
    }

    /// The message with which a call on this bucket, or on this key of it, is refused.
    pub(crate) fn denial(&self, name: &str, key: Option<&str>) -> Option<String> {
        let state = self.state();
        let (prefix, message) = state.bucket(name).ok()?.denial.as_ref()?;
        key.unwrap_or_default().starts_with(prefix.as_str()).then(|| message.clone())
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        self.state().bucket(bucket)?.objects.get(key).cloned().ok_or(StoreError::NoSuchKey)
    }

    /// Stores `object` under `key` if `condition` holds at the time of the write.
    pub(crate) fn put(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
        condition: &Condition,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let objects = &mut state.bucket_mut(bucket)?.objects;
        let ignored = match condition {
            Condition::Absent => self.turned.is("s3-create-if-none-match"),
            Condition::ETagMatches(_) => self.turned.is("s3-replace-if-match"),
            Condition::Always | Condition::Present => false,
        };
        if !ignored {
            check_condition(objects.get(key), condition)?;
        }
        objects.insert(key.to_owned(), object);
        Ok(())
    }

    /// Deletes a key. A missing key is an error only if the condition requires an object.
    pub(crate) fn delete(
        &self,
        bucket: &str,
        key: &str,
        condition: &Condition,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let objects = &mut state.bucket_mut(bucket)?.objects;
        check_condition(objects.get(key), condition)?;
        objects.remove(key);
        Ok(())
    }

    /// Passes a bucket's objects to `read`, ordered by the UTF-8 bytes of the key as in S3.
    pub(crate) fn with_objects<T>(
        &self,
        bucket: &str,
        read: impl FnOnce(&BTreeMap<String, Object>) -> T,
    ) -> Result<T, StoreError> {
        Ok(read(&self.state().bucket(bucket)?.objects))
    }

    pub(crate) fn create_upload(
        &self,
        bucket: &str,
        key: &str,
        attributes: Attributes,
    ) -> Result<String, StoreError> {
        let mut state = self.state();
        state.bucket(bucket)?;
        state.upload_count += 1;
        let id = format!("upload-{:06}", state.upload_count);
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

    pub(crate) fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<Upload, StoreError> {
        let state = self.state();
        state.bucket(bucket)?;
        match state.uploads.get(id) {
            Some(upload) if upload.bucket == bucket && upload.key == key => Ok(upload.clone()),
            _ => Err(StoreError::NoSuchUpload),
        }
    }

    pub(crate) fn uploads(&self, bucket: &str) -> Result<Vec<(String, Upload)>, StoreError> {
        let state = self.state();
        state.bucket(bucket)?;
        let of_bucket = state.uploads.iter().filter(|(_, upload)| upload.bucket == bucket);
        Ok(of_bucket.map(|(id, upload)| (id.clone(), upload.clone())).collect())
    }

    /// Stores a part, or replaces the part with the same number.
    pub(crate) fn put_part(&self, id: &str, number: i32, part: Object) -> Result<(), StoreError> {
        let mut state = self.state();
        let upload = state.uploads.get_mut(id).ok_or(StoreError::NoSuchUpload)?;
        upload.parts.insert(number, part);
        Ok(())
    }

    /// Turns an upload into an object. The upload stays if the condition does not hold.
    pub(crate) fn complete_upload(
        &self,
        id: &str,
        object: Object,
        condition: &Condition,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let upload = state.uploads.get(id).ok_or(StoreError::NoSuchUpload)?;
        let (bucket, key) = (upload.bucket.clone(), upload.key.clone());
        let objects = &mut state.bucket_mut(&bucket)?.objects;
        check_condition(objects.get(&key), condition)?;
        objects.insert(key, object);
        state.uploads.remove(id);
        Ok(())
    }

    pub(crate) fn abort_upload(&self, id: &str) -> Result<(), StoreError> {
        self.state().uploads.remove(id).map(|_| ()).ok_or(StoreError::NoSuchUpload)
    }

    /// Stores bytes unconditionally, without the API: for exports and tests.
    pub(crate) async fn put_bytes(&self, bucket: &str, key: &str, bytes: &Bytes) -> io::Result<()> {
        self.put_bytes_at(bucket, key, bytes, (self.clock.now(), None)).await
    }

    /// Stores an object that was written at an instant, with a key of KMS.
    pub(crate) async fn put_bytes_at(
        &self,
        bucket: &str,
        key: &str,
        bytes: &Bytes,
        (modified, kms_key): (Timestamp, Option<&str>),
    ) -> io::Result<()> {
        let mut writer = self.blobs.writer();
        writer.write(bytes).await?;
        let finished = writer.finish().await?;
        let mut hasher =
            ChecksumHasher { crc64nvme: Some(Default::default()), ..Default::default() };
        hasher.update(bytes);
        let object = self.object(finished, Attributes::default(), hasher.finalize());
        let object = Object { modified, kms_key: kms_key.map(str::to_owned), ..object };
        self.put(bucket, key, object, &Condition::Always).map_err(io::Error::other)
    }

    /// Removes the checksums of the objects under a prefix.
    pub(crate) fn forget_checksums(&self, bucket: &str, prefix: &str) {
        let mut state = self.state();
        let Ok(bucket) = state.bucket_mut(bucket) else { return };
        let of_prefix = bucket.objects.iter_mut().filter(|(key, _)| key.starts_with(prefix));
        of_prefix.for_each(|(_, object)| object.checksum = dto::Checksum::default());
    }

    /// The objects under a prefix, in the order of their keys.
    pub(crate) fn views(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectView>, StoreError> {
        self.with_objects(bucket, |objects| {
            let from = objects.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            let under = from.take_while(|(key, _)| key.starts_with(prefix));
            let view = |(key, object): (&String, &Object)| ObjectView {
                key: key.clone(),
                size: object.size,
                etag: object.etag.clone(),
                modified: object.modified,
            };
            under.map(view).collect()
        })
    }
}

/// AWS documentation: `If-Match` on a key without an object is a 404, not a 412.
fn check_condition(current: Option<&Object>, condition: &Condition) -> Result<(), StoreError> {
    match (condition, current) {
        (Condition::Always, _) | (Condition::Absent, None) | (Condition::Present, Some(_)) => {
            Ok(())
        }
        (Condition::ETagMatches(etag), Some(object)) if *etag == object.etag => Ok(()),
        (Condition::Present | Condition::ETagMatches(_), None) => Err(StoreError::NoSuchKey),
        (Condition::Absent | Condition::ETagMatches(_), Some(_)) => {
            Err(StoreError::PreconditionFailed)
        }
    }
}
