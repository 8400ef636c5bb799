//! Read-only checks of a bucket's settings.

use landbridge_core::{Error, ErrorKind, Result};

use super::S3;
use crate::error::{failed, found, status};

/// How a bucket encrypts new objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketEncryption {
    /// The default algorithm, for example `AES256` or `aws:kms`.
    pub algorithm: String,
    /// Whether objects that are encrypted with a KMS key use a bucket key, also if their writer names the key: S3
    /// then asks KMS once in a while and not at every request (Amazon S3 User Guide, "Configuring an S3 Bucket
    /// Key at the object level").
    pub bucket_key: bool,
}

impl S3 {
    /// The region of a bucket, or `None` if the bucket does not exist. The bucket may be in another
    /// region than the client: S3 then answers with a redirect that names the region.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] if the bucket belongs to another account or `s3:ListBucket` is
    /// missing; any other S3 error.
    pub async fn bucket_region(&self, bucket: &str) -> Result<Option<String>> {
        match self.client.head_bucket().bucket(bucket).send().await {
            Ok(response) => match response.bucket_region() {
                Some(region) => Ok(Some(region.to_owned())),
                None => Err(Error::new(
                    ErrorKind::Rejected,
                    "S3 did not return the region of a bucket",
                    bucket,
                )),
            },
            Err(error) if status(&error) == 404 => Ok(None),
            Err(error) => {
                let redirect = error
                    .raw_response()
                    .filter(|response| response.status().as_u16() == 301)
                    .and_then(|response| response.headers().get("x-amz-bucket-region"))
                    .map(str::to_owned);
                match redirect {
                    Some(region) => Ok(Some(region)),
                    None => Err(failed("a bucket cannot be inspected", bucket, error)),
                }
            }
        }
    }

    /// Whether an object that a key of KMS encrypts uses a bucket key; `None` if no key of KMS encrypts it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the object does not exist, [`ErrorKind::Denied`] without `s3:GetObject`; any other S3
    /// error.
    pub async fn uses_bucket_key(&self, bucket: &str, key: &str) -> Result<Option<bool>> {
        let response = self.client.head_object().bucket(bucket).key(key).send().await;
        let what = "the encryption of an object cannot be read";
        let response = response.map_err(|error| failed(what, bucket, error))?;
        let is_kms = response.ssekms_key_id().is_some();
        Ok(is_kms.then(|| response.bucket_key_enabled() == Some(true)))
    }

    /// The default encryption of new objects in a bucket; `None` if the bucket has none.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `s3:GetEncryptionConfiguration`; any other S3 error.
    pub async fn bucket_encryption(&self, bucket: &str) -> Result<Option<BucketEncryption>> {
        let result = self.client.get_bucket_encryption().bucket(bucket).send().await;
        let not_configured = "ServerSideEncryptionConfigurationNotFoundError";
        let what = "a bucket's encryption cannot be read";
        let response = found(result, not_configured, what, bucket)?;
        let rule = response
            .as_ref()
            .and_then(|response| response.server_side_encryption_configuration())
            .and_then(|configuration| configuration.rules().first());
        Ok(rule.and_then(|rule| {
            let default = rule.apply_server_side_encryption_by_default()?;
            Some(BucketEncryption {
                algorithm: default.sse_algorithm().as_str().to_owned(),
                bucket_key: rule.bucket_key_enabled() == Some(true),
            })
        }))
    }

    /// Whether all four public access blocks of a bucket are on.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `s3:GetBucketPublicAccessBlock`; any other S3 error.
    pub async fn blocks_public_access(&self, bucket: &str) -> Result<bool> {
        let result = self.client.get_public_access_block().bucket(bucket).send().await;
        let not_configured = "NoSuchPublicAccessBlockConfiguration";
        let what = "a bucket's public access block cannot be read";
        let response = found(result, not_configured, what, bucket)?;
        let configuration =
            response.as_ref().and_then(|response| response.public_access_block_configuration());
        Ok(configuration.is_some_and(|configuration| {
            [
                configuration.block_public_acls(),
                configuration.block_public_policy(),
                configuration.ignore_public_acls(),
                configuration.restrict_public_buckets(),
            ]
            .iter()
            .all(|block| *block == Some(true))
        }))
    }
}
