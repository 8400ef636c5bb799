//! Writes the body of a request to a blob and verifies its checksums.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use s3s::checksum::ChecksumHasher;
use s3s::dto::{self, ChecksumAlgorithm, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};

use super::blob::FinishedBlob;
use super::store::Store;

/// The checksums that a client sends with a body.
pub(super) struct ClaimedChecksums {
    /// The checksums in headers before the body.
    pub(super) checksum: dto::Checksum,
    /// The algorithm announced by `x-amz-sdk-checksum-algorithm`.
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    /// The MD5, in base64.
    pub(super) md5: Option<String>,
    /// The checksums in trailers after the body.
    pub(super) trailers: Option<TrailingHeaders>,
    /// The value of `x-amz-trailer`, which announces the trailers.
    pub(super) announced_trailer: String,
}

/// The checksums of a request with a body: `PutObject` or `UploadPart`.
macro_rules! claimed_checksums {
    ($request:ident) => {
        $crate::s3::body::ClaimedChecksums {
            announced_trailer: $crate::s3::body::announced_trailer(&$request.headers),
            trailers: $request.trailing_headers,
            checksum: $crate::s3::protocol::with_checksums!(Checksum, $request.input),
            algorithm: $request.input.checksum_algorithm,
            md5: $request.input.content_md5,
        }
    };
}

pub(super) use claimed_checksums;

/// The value of `x-amz-trailer`.
pub(super) fn announced_trailer(headers: &http::HeaderMap) -> String {
    let value = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// Writes a body to a blob. Returns the blob and the checksums that the request asked for.
/// Fails with `BadDigest` when a claimed checksum differs.
pub(super) async fn receive_body(
    store: &Store,
    body: Option<StreamingBlob>,
    mut claimed: ClaimedChecksums,
) -> S3Result<(FinishedBlob, dto::Checksum)> {
    let mut hasher = hasher(&claimed);
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
    let trailers = claimed.trailers.take().and_then(|trailers| trailers.take());
    for (name, claimed, computed) in [
        ("crc32", &mut claimed.checksum.checksum_crc32, &computed.checksum_crc32),
        ("crc32c", &mut claimed.checksum.checksum_crc32c, &computed.checksum_crc32c),
        ("crc64nvme", &mut claimed.checksum.checksum_crc64nvme, &computed.checksum_crc64nvme),
        ("sha1", &mut claimed.checksum.checksum_sha1, &computed.checksum_sha1),
        ("sha256", &mut claimed.checksum.checksum_sha256, &computed.checksum_sha256),
    ] {
        let name = format!("x-amz-checksum-{name}");
        let trailer = trailers.as_ref().and_then(|trailers| trailers.get(&name));
        if let Some(value) = trailer.and_then(|value| value.to_str().ok()) {
            *claimed = Some(value.to_owned());
        }
        if claimed.is_some() && claimed != computed && !store.turned.is("s3-put-whole") {
            return Err(s3_error!(BadDigest, "The checksum given does not match the body."));
        }
    }
    if claimed.md5.is_some_and(|md5| md5 != STANDARD.encode(finished.md5)) {
        return Err(s3_error!(BadDigest, "The Content-MD5 given does not match the body."));
    }
    Ok((finished, computed))
}

/// The error for a body that ends early or has wrong chunk signatures.
fn body_error(error: Box<dyn std::error::Error + Send + Sync>) -> S3Error {
    let mut s3_error = S3Error::new(S3ErrorCode::IncompleteBody);
    s3_error.set_message("The body ended early or was not signed as announced.");
    s3_error.set_source(error);
    s3_error
}

/// Computes the checksums that the client sends or announces; without any, the one that S3 adds.
fn hasher(claimed: &ClaimedChecksums) -> ChecksumHasher {
    let given = &claimed.checksum;
    let requested = |given: &Option<String>, name: &str| {
        given.is_some()
            || claimed.algorithm.as_ref().is_some_and(|algorithm| algorithm.as_str() == name)
            || claimed.announced_trailer.eq_ignore_ascii_case(&format!("x-amz-checksum-{name}"))
    };
    let mut hasher = ChecksumHasher::default();
    if requested(&given.checksum_crc32, ChecksumAlgorithm::CRC32) {
        hasher.crc32 = Some(Default::default());
    }
    if requested(&given.checksum_crc32c, ChecksumAlgorithm::CRC32C) {
        hasher.crc32c = Some(Default::default());
    }
    if requested(&given.checksum_crc64nvme, ChecksumAlgorithm::CRC64NVME) {
        hasher.crc64nvme = Some(Default::default());
    }
    if requested(&given.checksum_sha1, ChecksumAlgorithm::SHA1) {
        hasher.sha1 = Some(Default::default());
    }
    if requested(&given.checksum_sha256, ChecksumAlgorithm::SHA256) {
        hasher.sha256 = Some(Default::default());
    }
    let has_any = hasher.crc32.is_some()
        || hasher.crc32c.is_some()
        || hasher.crc64nvme.is_some()
        || hasher.sha1.is_some()
        || hasher.sha256.is_some();
    if !has_any {
        // S3 adds it to an object that is written without a checksum.
        hasher.crc64nvme = Some(Default::default());
    }
    hasher
}
