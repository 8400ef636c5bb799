//! A request's body, written to a blob while its checksums are verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use s3s::checksum::ChecksumHasher;
use s3s::dto::{self, ChecksumAlgorithm, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};

use super::blob::Finished;
use super::store::Store;

/// What a client claims about a body, in headers. Trailers add to it.
pub(crate) struct Claims {
    /// Checksums given before the body.
    pub(crate) checksum: dto::Checksum,
    /// The algorithm announced by `x-amz-sdk-checksum-algorithm`.
    pub(crate) algorithm: Option<ChecksumAlgorithm>,
    /// Base64 of the MD5.
    pub(crate) md5: Option<String>,
    /// Checksums given after the body.
    pub(crate) trailers: Option<TrailingHeaders>,
    /// The value of `x-amz-trailer`, which announces them.
    pub(crate) announced: String,
}

/// Writes the body away; fails with `BadDigest` when a claim isn't met.
pub(crate) async fn receive(
    store: &Store,
    body: Option<StreamingBlob>,
    mut claims: Claims,
) -> S3Result<(Finished, dto::Checksum)> {
    let mut hasher = hasher(&claims);
    let mut writer = store.blobs().writer();
    if let Some(mut body) = body {
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(body_error)?;
            hasher.update(&bytes);
            writer.write(&bytes).await.map_err(S3Error::internal_error)?;
        }
    }
    let finished = writer.finish().await.map_err(S3Error::internal_error)?;
    let computed = hasher.finalize();
    let trailers = claims.trailers.take().and_then(|trailers| trailers.take());
    for (name, claimed) in [
        ("x-amz-checksum-crc32", &mut claims.checksum.checksum_crc32),
        ("x-amz-checksum-crc32c", &mut claims.checksum.checksum_crc32c),
        ("x-amz-checksum-crc64nvme", &mut claims.checksum.checksum_crc64nvme),
        ("x-amz-checksum-sha1", &mut claims.checksum.checksum_sha1),
        ("x-amz-checksum-sha256", &mut claims.checksum.checksum_sha256),
    ] {
        let trailer = trailers.as_ref().and_then(|trailers| trailers.get(name));
        if let Some(value) = trailer.and_then(|value| value.to_str().ok()) {
            *claimed = Some(value.to_owned());
        }
    }
    for (claimed, computed) in [
        (&claims.checksum.checksum_crc32, &computed.checksum_crc32),
        (&claims.checksum.checksum_crc32c, &computed.checksum_crc32c),
        (&claims.checksum.checksum_crc64nvme, &computed.checksum_crc64nvme),
        (&claims.checksum.checksum_sha1, &computed.checksum_sha1),
        (&claims.checksum.checksum_sha256, &computed.checksum_sha256),
    ] {
        if claimed.is_some() && claimed != computed {
            return Err(s3_error!(BadDigest, "The checksum given does not match the body."));
        }
    }
    if let Some(md5) = &claims.md5
        && *md5 != STANDARD.encode(finished.md5)
    {
        return Err(s3_error!(BadDigest, "The Content-MD5 given does not match the body."));
    }
    Ok((finished, computed))
}

/// A body that breaks off or whose chunk signatures are wrong.
fn body_error(error: Box<dyn std::error::Error + Send + Sync>) -> S3Error {
    let mut refused = S3Error::new(S3ErrorCode::IncompleteBody);
    refused.set_message("The body ended early or was not signed as announced.");
    refused.set_source(error);
    refused
}

fn hasher(claims: &Claims) -> ChecksumHasher {
    let given = &claims.checksum;
    let wanted = |present: bool, name: &str| {
        present
            || claims.algorithm.as_ref().is_some_and(|algorithm| algorithm.as_str() == name)
            || claims.announced.eq_ignore_ascii_case(&format!("x-amz-checksum-{name}"))
    };
    let mut hasher = ChecksumHasher::default();
    if wanted(given.checksum_crc32.is_some(), ChecksumAlgorithm::CRC32) {
        hasher.crc32 = Some(Default::default());
    }
    if wanted(given.checksum_crc32c.is_some(), ChecksumAlgorithm::CRC32C) {
        hasher.crc32c = Some(Default::default());
    }
    if wanted(given.checksum_crc64nvme.is_some(), ChecksumAlgorithm::CRC64NVME) {
        hasher.crc64nvme = Some(Default::default());
    }
    if wanted(given.checksum_sha1.is_some(), ChecksumAlgorithm::SHA1) {
        hasher.sha1 = Some(Default::default());
    }
    if wanted(given.checksum_sha256.is_some(), ChecksumAlgorithm::SHA256) {
        hasher.sha256 = Some(Default::default());
    }
    hasher
}
