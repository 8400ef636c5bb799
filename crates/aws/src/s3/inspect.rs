//! A bucket itself, looked at and not touched.

use landbridge_core::{Error, ErrorKind, Result};

use super::S3;
use crate::error::{code, failed, status};

impl S3 {
    /// The region of a bucket, or `None` when there is no such bucket. A bucket of another region
    /// than the client's is found as well: S3 redirects, and says where to.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] when the bucket is somebody else's or `s3:ListBucket` is missing.
    pub async fn bucket_region(&self, bucket: &str) -> Result<Option<String>> {
        match self.client.head_bucket().bucket(bucket).send().await {
            Ok(answer) => answer.bucket_region().map(str::to_owned).map(Some).ok_or_else(|| {
                Error::new(ErrorKind::Rejected, "S3 does not say where a bucket is", bucket)
            }),
            Err(error) if status(&error) == 404 => Ok(None),
            Err(error) => {
                let elsewhere = error
                    .raw_response()
                    .filter(|answer| answer.status().as_u16() == 301)
                    .and_then(|answer| answer.headers().get("x-amz-bucket-region"))
                    .map(str::to_owned);
                match elsewhere {
                    Some(region) => Ok(Some(region)),
                    None => Err(failed("a bucket cannot be looked at", bucket, error)),
                }
            }
        }
    }

    /// What new objects of a bucket are encrypted with if nobody says otherwise, such as
    /// `aws:kms`; `None` when with nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `s3:GetEncryptionConfiguration`.
    pub async fn bucket_encryption(&self, bucket: &str) -> Result<Option<String>> {
        match self.client.get_bucket_encryption().bucket(bucket).send().await {
            Ok(answer) => Ok(answer
                .server_side_encryption_configuration()
                .and_then(|it| it.rules().first())
                .and_then(|rule| rule.apply_server_side_encryption_by_default())
                .map(|by_default| by_default.sse_algorithm().as_str().to_owned())),
            Err(error) if code(&error) == "ServerSideEncryptionConfigurationNotFoundError" => {
                Ok(None)
            }
            Err(error) => Err(failed("a bucket's encryption cannot be read", bucket, error)),
        }
    }

    /// Whether all four public access blocks of a bucket are on.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `s3:GetBucketPublicAccessBlock`.
    pub async fn blocks_public_access(&self, bucket: &str) -> Result<bool> {
        match self.client.get_public_access_block().bucket(bucket).send().await {
            Ok(answer) => Ok(answer.public_access_block_configuration().is_some_and(|it| {
                [
                    it.block_public_acls(),
                    it.block_public_policy(),
                    it.ignore_public_acls(),
                    it.restrict_public_buckets(),
                ]
                .iter()
                .all(|block| *block == Some(true))
            })),
            Err(error) if code(&error) == "NoSuchPublicAccessBlockConfiguration" => Ok(false),
            Err(error) => Err(failed("a bucket's public access cannot be read", bucket, error)),
        }
    }
}
