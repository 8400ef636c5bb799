//! The versions of objects in a versioned bucket: to remove data that a newer version of the object
//! no longer contains.

use bytes::Bytes;
use landbridge_core::Result;

use super::{S3, incomplete, uri};
use crate::error::{failed, found};

/// One version of an object, or one delete marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersion {
    /// The key of the object.
    pub key: String,
    /// The id of the version; `null` for an object from before the bucket was versioned.
    pub id: String,
    /// Whether a read without a version id finds this version.
    pub is_latest: bool,
    /// Whether it has no content, but marks that the object was deleted.
    pub is_delete_marker: bool,
}

impl S3 {
    /// All versions and delete markers of the objects whose key begins with `prefix`, ordered by
    /// key. A bucket that was never versioned has one version of each object.
    ///
    /// # Errors
    /// [`Denied`](landbridge_core::ErrorKind::Denied) without `s3:ListBucketVersions`; any other S3
    /// error.
    pub async fn versions(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectVersion>> {
        let mut all = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let call = self.client.list_object_versions().bucket(bucket).prefix(prefix);
            let call = call.set_key_marker(key_marker).set_version_id_marker(id_marker);
            let page = call.send().await.map_err(|error| {
                failed("the versions of objects cannot be listed", uri(bucket, prefix), error)
            })?;
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            all.extend(page.versions().iter().map(|version| ObjectVersion {
                key: text(version.key()),
                id: text(version.version_id()),
                is_latest: version.is_latest().unwrap_or(false),
                is_delete_marker: false,
            }));
            all.extend(page.delete_markers().iter().map(|marker| ObjectVersion {
                key: text(marker.key()),
                id: text(marker.version_id()),
                is_latest: marker.is_latest().unwrap_or(false),
                is_delete_marker: true,
            }));
            if !page.is_truncated().unwrap_or(false) {
                break;
            }
            key_marker = page.next_key_marker().map(str::to_owned);
            id_marker = page.next_version_id_marker().map(str::to_owned);
        }
        all.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(all)
    }

    /// Reads one version of a small object into memory; `None` if it does not exist any more.
    ///
    /// # Errors
    /// [`Denied`](landbridge_core::ErrorKind::Denied) without `s3:GetObjectVersion`; any other S3
    /// error.
    pub async fn get_version(&self, bucket: &str, key: &str, id: &str) -> Result<Option<Bytes>> {
        let result = self.client.get_object().bucket(bucket).key(key).version_id(id).send().await;
        let what = "a version of an object cannot be read";
        let object = found(result, "NoSuchVersion", what, uri(bucket, key))?;
        let Some(object) = object else { return Ok(None) };
        let body = object.body.collect().await.map_err(|_| incomplete(bucket, key))?;
        Ok(Some(body.into_bytes()))
    }

    /// Deletes one version of an object, or one delete marker, for good. Idempotent: a version that
    /// does not exist is no error.
    ///
    /// # Errors
    /// [`Denied`](landbridge_core::ErrorKind::Denied) without `s3:DeleteObjectVersion`, or if the
    /// version is locked; any other S3 error.
    pub async fn delete_version(&self, bucket: &str, key: &str, id: &str) -> Result<()> {
        let call = self.client.delete_object().bucket(bucket).key(key).version_id(id);
        let what = "a version of an object cannot be deleted";
        found(call.send().await, "NoSuchVersion", what, uri(bucket, key))?;
        Ok(())
    }
}
