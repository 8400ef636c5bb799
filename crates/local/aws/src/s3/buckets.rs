//! The operations on buckets.

use s3s::dto;
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::protocol::timestamp;
use super::store::Store;

pub(super) fn create(
    store: &Store,
    input: &dto::CreateBucketInput,
) -> S3Result<dto::CreateBucketOutput> {
    store.create_bucket(&input.bucket)?;
    Ok(dto::CreateBucketOutput { location: Some(format!("/{}", input.bucket)) })
}

/// `GetBucketEncryption`: S3's own key, and a bucket key for objects of another one, unless the bucket is exposed.
pub(super) fn encryption(
    store: &Store,
    input: &dto::GetBucketEncryptionInput,
) -> S3Result<dto::GetBucketEncryptionOutput> {
    if store.is_exposed(&input.bucket)? {
        let code = "ServerSideEncryptionConfigurationNotFoundError";
        let mut error = S3Error::with_message(
            S3ErrorCode::Custom(code.into()),
            "The server side encryption configuration was not found",
        );
        error.set_status_code(http::StatusCode::NOT_FOUND);
        return Err(error);
    }
    let by_default = dto::ServerSideEncryptionByDefault {
        kms_master_key_id: None,
        sse_algorithm: dto::ServerSideEncryption::from_static("AES256"),
    };
    let rule = dto::ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(by_default),
        bucket_key_enabled: Some(true),
    };
    let configuration = dto::ServerSideEncryptionConfiguration { rules: vec![rule] };
    Ok(dto::GetBucketEncryptionOutput { server_side_encryption_configuration: Some(configuration) })
}

/// `GetPublicAccessBlock`: all four blocks are on, unless the bucket is exposed.
pub(super) fn public_access_block(
    store: &Store,
    input: &dto::GetPublicAccessBlockInput,
) -> S3Result<dto::GetPublicAccessBlockOutput> {
    let blocked = Some(!store.is_exposed(&input.bucket)?);
    let configuration = dto::PublicAccessBlockConfiguration {
        block_public_acls: blocked,
        block_public_policy: blocked,
        ignore_public_acls: blocked,
        restrict_public_buckets: blocked,
    };
    Ok(dto::GetPublicAccessBlockOutput { public_access_block_configuration: Some(configuration) })
}

pub(super) fn list(store: &Store) -> dto::ListBucketsOutput {
    let bucket = |(name, created)| dto::Bucket {
        name: Some(name),
        creation_date: Some(timestamp(created)),
        bucket_region: None,
    };
    let buckets = Some(store.buckets().into_iter().map(bucket).collect());
    dto::ListBucketsOutput { buckets, ..Default::default() }
}
