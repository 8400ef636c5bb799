//! An object of S3 as the source of the rewriting engine.

use bytes::Bytes;
use landbridge_aws::S3;
use landbridge_core::Result;
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_parquet::RangeReader;

/// An S3 object that is read in ranges, in the version that was listed.
#[derive(Clone, Debug)]
pub(super) struct S3Object {
    pub(super) s3: S3,
    pub(super) bucket: String,
    pub(super) object: ObjectMeta,
}

impl RangeReader for S3Object {
    async fn read(&self, start: u64, length: u64) -> Result<Bytes> {
        self.s3.range(&self.bucket, &self.object, start, length).await
    }
}
