//! The object store: metadata of buckets and objects in memory, object bytes in files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use landbridge_local_wire::Clock;
use md5::Digest;
use serde_json::{Map, Value, json};

use crate::error::GoogleError;
use crate::turned::is_turned;

/// One generation of an object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) bucket: String,
    pub(crate) name: String,
    pub(crate) generation: i64,
    pub(crate) metageneration: i64,
    pub(crate) size: u64,
    pub(crate) crc32c: u32,
    pub(crate) md5: [u8; 16],
    /// The properties that the writer set, such as `contentType` and `metadata`, with the names
    /// of the object resource.
    pub(crate) properties: Map<String, Value>,
    created: Timestamp,
    updated: Timestamp,
    pub(crate) file: PathBuf,
}

impl Object {
    /// A text property that the writer set.
    pub(crate) fn text_property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).and_then(Value::as_str)
    }

    pub(crate) fn crc32c_base64(&self) -> String {
        STANDARD.encode(self.crc32c.to_be_bytes())
    }

    pub(crate) fn md5_base64(&self) -> String {
        STANDARD.encode(self.md5)
    }

    pub(crate) fn etag(&self) -> String {
        STANDARD.encode(format!("{}/{}", self.generation, self.metageneration))
    }

    /// Reads all bytes.
    pub(crate) fn read(&self) -> Result<Bytes, GoogleError> {
        fs::read(&self.file)
            .map(Bytes::from)
            .map_err(|_| GoogleError::backend_error("The object's bytes could not be read."))
    }

    /// Reads the bytes from `start` up to, but not including, `end`.
    pub(crate) fn read_range(&self, start: u64, end: u64) -> Result<Vec<u8>, GoogleError> {
        let read = || {
            let mut file = fs::File::open(&self.file)?;
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.take(end - start).read_to_end(&mut bytes)?;
            Ok::<_, io::Error>(bytes)
        };
        read().map_err(|_| GoogleError::backend_error("The object's bytes could not be read."))
    }

    /// The object resource of the JSON API.
    pub(crate) fn resource(&self, origin: &str) -> Value {
        let (bucket, generation) = (&self.bucket, self.generation);
        let encoded =
            percent_encoding::utf8_percent_encode(&self.name, percent_encoding::NON_ALPHANUMERIC);
        let link = format!("{origin}/storage/v1/b/{bucket}/o/{encoded}");
        let mut resource = json!({
            "kind": "storage#object",
            "id": format!("{bucket}/{}/{generation}", self.name),
            "selfLink": link,
            "mediaLink": format!("{origin}/download/storage/v1/b/{bucket}/o/{encoded}?generation={generation}&alt=media"),
            "name": self.name,
            "bucket": bucket,
            "generation": generation.to_string(),
            "metageneration": self.metageneration.to_string(),
            "contentType": "application/octet-stream",
            "storageClass": "STANDARD",
            "size": self.size.to_string(),
            "md5Hash": self.md5_base64(),
            "crc32c": if is_turned("gcs-crc32c") { "AAAAAA==".to_owned() } else { self.crc32c_base64() },
            "etag": self.etag(),
            "timeCreated": self.created.to_string(),
            "updated": self.updated.to_string(),
            "timeStorageClassUpdated": self.created.to_string(),
            "timeFinalized": self.created.to_string(),
        });
        if let Some(target) = resource.as_object_mut() {
            for (key, value) in &self.properties {
                target.insert(key.clone(), value.clone());
            }
        }
        resource
    }
}

/// The properties of an object resource that a writer may set; the server sets all others.
const WRITABLE_PROPERTIES: [&str; 8] = [
    "contentType",
    "contentEncoding",
    "contentDisposition",
    "contentLanguage",
    "cacheControl",
    "metadata",
    "storageClass",
    "customTime",
];

/// The writable properties of a resource. Null values are left out.
pub(crate) fn writable_properties(resource: &Value) -> Map<String, Value> {
    let all = resource.as_object().cloned().unwrap_or_default();
    all.into_iter()
        .filter(|(key, value)| WRITABLE_PROPERTIES.contains(&key.as_str()) && !value.is_null())
        .collect()
}

/// Preconditions on the existing object: `ifGenerationMatch`, `ifGenerationNotMatch`,
/// `ifMetagenerationMatch` and `ifMetagenerationNotMatch`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Preconditions {
    pub(crate) generation: Option<i64>,
    pub(crate) not_generation: Option<i64>,
    pub(crate) metageneration: Option<i64>,
    pub(crate) not_metageneration: Option<i64>,
}

impl Preconditions {
    /// Checks the preconditions against the existing object. A missing object has generation 0.
    pub(crate) fn check(&self, existing: Option<&Object>) -> Result<(), GoogleError> {
        if is_turned("gcs-create-if-absent") {
            return Ok(());
        }
        let generation = existing.map_or(0, |it| it.generation);
        let metageneration = existing.map_or(0, |it| it.metageneration);
        let holds = self.generation.is_none_or(|want| want == generation)
            && self.not_generation.is_none_or(|unwanted| unwanted != generation)
            && self.metageneration.is_none_or(|want| want == metageneration)
            && self.not_metageneration.is_none_or(|unwanted| unwanted != metageneration);
        match holds {
            true => Ok(()),
            false if is_turned("gcs-create-refused-412-or-403") => {
                Err(GoogleError::duplicate("The object exists."))
            }
            false => Err(GoogleError::condition_not_met()),
        }
    }
}

/// The metadata of an object that a writer creates.
pub(crate) struct NewObject {
    pub(crate) bucket: String,
    pub(crate) name: String,
    pub(crate) properties: Map<String, Value>,
    pub(crate) preconditions: Preconditions,
    /// Checksums that the writer announced, base64-encoded as in the object resource.
    pub(crate) crc32c: Option<String>,
    pub(crate) md5: Option<String>,
    /// Whether the writer may replace an existing object (permission `storage.objects.delete`).
    pub(crate) may_replace: bool,
}

impl NewObject {
    /// Checks that the object may be written over the existing one. A caller who may not replace
    /// it gets 403 even if a precondition forbids the replacement too: users report 403 and 412
    /// (getsentry/objectstore #502, google-github-actions/upload-cloud-storage #388), and 403 is
    /// harder for a client.
    pub(crate) fn check(&self, existing: Option<&Object>) -> Result<(), GoogleError> {
        if existing.is_some() && !self.may_replace {
            return Err(GoogleError::new(
                403,
                "forbidden",
                "The caller does not have storage.objects.delete access to the Google Cloud \
                 Storage object.",
            ));
        }
        self.preconditions.check(existing)
    }
}

struct Bucket {
    created: Timestamp,
    location: String,
    properties: Map<String, Value>,
    objects: BTreeMap<String, Arc<Object>>,
}

#[derive(Default)]
struct StoreState {
    buckets: BTreeMap<String, Bucket>,
    last_generation: i64,
}

/// All buckets and their objects. Clones share them.
#[derive(Clone)]
pub(crate) struct ObjectStore {
    /// The directory of the objects' bytes: one file for each generation.
    dir: PathBuf,
    clock: Clock,
    state: Arc<Mutex<StoreState>>,
}

impl ObjectStore {
    pub(crate) fn new(dir: PathBuf, clock: Clock) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir, clock, state: Arc::default() })
    }

    fn state(&self) -> MutexGuard<'_, StoreState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn create_bucket(
        &self,
        name: &str,
        location: &str,
        properties: Map<String, Value>,
    ) -> Result<(), GoogleError> {
        let mut state = self.state();
        if state.buckets.contains_key(name) {
            return Err(GoogleError::new(
                409,
                "conflict",
                "Your previous request to create the named bucket succeeded and you already own it.",
            ));
        }
        let bucket = Bucket {
            created: self.clock.now(),
            location: location.to_uppercase(),
            properties,
            objects: BTreeMap::new(),
        };
        state.buckets.insert(name.to_owned(), bucket);
        Ok(())
    }

    /// Replaces properties of a bucket; null removes one.
    pub(crate) fn change_bucket(
        &self,
        name: &str,
        properties: Map<String, Value>,
    ) -> Result<(), GoogleError> {
        let mut state = self.state();
        let bucket = state.buckets.get_mut(name).ok_or_else(bucket_not_found)?;
        bucket.properties.extend(properties);
        bucket.properties.retain(|_, it| !it.is_null());
        Ok(())
    }

    pub(crate) fn delete_bucket(&self, name: &str) -> Result<(), GoogleError> {
        let mut state = self.state();
        let bucket = state.buckets.get(name).ok_or_else(bucket_not_found)?;
        if !bucket.objects.is_empty() {
            return Err(GoogleError::new(
                409,
                "conflict",
                "The bucket you tried to delete is not empty.",
            ));
        }
        state.buckets.remove(name);
        Ok(())
    }

    pub(crate) fn bucket_names(&self) -> Vec<String> {
        self.state().buckets.keys().cloned().collect()
    }

    pub(crate) fn bucket_location(&self, name: &str) -> Result<String, GoogleError> {
        let state = self.state();
        state.buckets.get(name).map(|it| it.location.clone()).ok_or_else(bucket_not_found)
    }

    pub(crate) fn bucket_resource(&self, name: &str, origin: &str) -> Result<Value, GoogleError> {
        let state = self.state();
        let bucket = state.buckets.get(name).ok_or_else(bucket_not_found)?;
        let mut resource = json!({
            "kind": "storage#bucket",
            "id": name,
            "name": name,
            "selfLink": format!("{origin}/storage/v1/b/{name}"),
            "projectNumber": crate::PROJECT_NUMBER.to_string(),
            "metageneration": "1",
            "location": bucket.location,
            "locationType": "region",
            "storageClass": "STANDARD",
            "etag": "CAE=",
            "timeCreated": bucket.created.to_string(),
            "updated": bucket.created.to_string(),
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": true},
                "publicAccessPrevention": "enforced",
            },
        });
        if let Some(target) = resource.as_object_mut() {
            target.extend(bucket.properties.clone());
        }
        Ok(resource)
    }

    pub(crate) fn get(&self, bucket: &str, name: &str) -> Result<Option<Arc<Object>>, GoogleError> {
        let state = self.state();
        let bucket = state.buckets.get(bucket).ok_or_else(bucket_not_found)?;
        Ok(bucket.objects.get(name).cloned())
    }

    /// The objects of a bucket whose names start with `prefix`, sorted by name.
    pub(crate) fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Arc<Object>>, GoogleError> {
        let state = self.state();
        let bucket = state.buckets.get(bucket).ok_or_else(bucket_not_found)?;
        Ok(bucket
            .objects
            .range(prefix.to_owned()..)
            .take_while(|(name, _)| name.starts_with(prefix))
            .map(|(_, object)| object.clone())
            .collect())
    }

    /// Creates a new generation of an object from `bytes`. On an error nothing changes.
    ///
    /// # Errors
    /// 400 for a wrong checksum or name, 403 when the writer may not replace the object, 404
    /// without the bucket, 412 when a precondition fails, 503 when the file cannot be written.
    pub(crate) fn put(&self, new: NewObject, bytes: &[u8]) -> Result<Arc<Object>, GoogleError> {
        let crc32c = crc32c::crc32c(bytes);
        let md5: [u8; 16] = md5::Md5::digest(bytes).into();
        check_checksum("CRC32C", new.crc32c.as_deref(), &STANDARD.encode(crc32c.to_be_bytes()))?;
        check_checksum("MD5", new.md5.as_deref(), &STANDARD.encode(md5))?;
        if new.name.is_empty() || new.name.len() > 1024 {
            return Err(GoogleError::invalid("Invalid argument: the object's name."));
        }
        let mut state = self.state();
        let now = self.clock.now();
        let generation = now.as_microsecond().max(state.last_generation + 1);
        let bucket = state.buckets.get_mut(&new.bucket).ok_or_else(bucket_not_found)?;
        let before = bucket.objects.get(&new.name).cloned();
        new.check(before.as_deref())?;
        let file = self.dir.join(generation.to_string());
        fs::write(&file, bytes)
            .map_err(|_| GoogleError::backend_error("The object's bytes could not be written."))?;
        let object = Arc::new(Object {
            bucket: new.bucket,
            name: new.name.clone(),
            generation,
            metageneration: 1,
            size: bytes.len() as u64,
            crc32c,
            md5,
            properties: new.properties,
            created: now,
            updated: now,
            file,
        });
        bucket.objects.insert(new.name, object.clone());
        state.last_generation = generation;
        if let Some(before) = before {
            // Readers that have the old file open can continue to read it.
            let _ = fs::remove_file(&before.file);
        }
        Ok(object)
    }

    /// Changes an object's properties. Its bytes and generation stay the same.
    pub(crate) fn patch(
        &self,
        bucket: &str,
        name: &str,
        preconditions: Preconditions,
        change: &Value,
    ) -> Result<Arc<Object>, GoogleError> {
        let mut state = self.state();
        let now = self.clock.now();
        let bucket_state = state.buckets.get_mut(bucket).ok_or_else(bucket_not_found)?;
        let slot =
            bucket_state.objects.get_mut(name).ok_or_else(|| object_not_found(bucket, name))?;
        preconditions.check(Some(slot))?;
        let mut object = Object::clone(slot);
        for (key, value) in change.as_object().into_iter().flatten() {
            if value.is_null() {
                object.properties.remove(key);
            } else if let (Some(old), Some(new)) =
                (object.properties.get_mut(key).and_then(Value::as_object_mut), value.as_object())
            {
                old.extend(new.clone());
                old.retain(|_, it| !it.is_null());
            } else if WRITABLE_PROPERTIES.contains(&key.as_str()) {
                object.properties.insert(key.clone(), value.clone());
            }
        }
        object.metageneration += 1;
        object.updated = now;
        *slot = Arc::new(object);
        Ok(slot.clone())
    }

    pub(crate) fn delete(
        &self,
        bucket: &str,
        name: &str,
        preconditions: Preconditions,
        generation: Option<i64>,
    ) -> Result<(), GoogleError> {
        let mut state = self.state();
        let bucket_state = state.buckets.get_mut(bucket).ok_or_else(bucket_not_found)?;
        let object = bucket_state.objects.get(name).cloned();
        let object = object
            .filter(|it| generation.is_none_or(|want| want == it.generation))
            .ok_or_else(|| object_not_found(bucket, name))?;
        preconditions.check(Some(&object))?;
        bucket_state.objects.remove(name);
        let _ = fs::remove_file(&object.file);
        Ok(())
    }
}

pub(crate) fn bucket_not_found() -> GoogleError {
    GoogleError::not_found("The specified bucket does not exist.")
}

pub(crate) fn object_not_found(bucket: &str, name: &str) -> GoogleError {
    GoogleError::not_found(format!("No such object: {bucket}/{name}"))
}

fn check_checksum(what: &str, announced: Option<&str>, computed: &str) -> Result<(), GoogleError> {
    match announced {
        Some(announced) if announced != computed => Err(GoogleError::invalid(format!(
            "Provided {what} \"{announced}\" doesn't match calculated {what} \"{computed}\"."
        ))),
        _ => Ok(()),
    }
}
