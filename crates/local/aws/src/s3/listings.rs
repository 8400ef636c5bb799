//! The operations that list the objects of a bucket.

use s3s::dto;
use s3s::{S3Result, s3_error};

use super::page::{Page, PageStart, list_page, url_encode};
use super::protocol::{etag, size_i64, timestamp};
use super::store::{Object, Store};

/// The maximum number of keys in one page. AWS documentation: MaxKeys.
const MAX_KEYS: i32 = 1000;

/// The parameters that both versions of the listing share.
struct ListRequest<'a> {
    bucket: &'a str,
    prefix: &'a str,
    delimiter: Option<&'a str>,
    start: PageStart,
    max_keys: i32,
    /// Whether the names in the response are URL-encoded (`encoding-type=url`).
    url_encoded: bool,
}

/// One page in the types of the protocol.
struct Listing {
    contents: Option<Vec<dto::Object>>,
    common_prefixes: Option<Vec<dto::CommonPrefix>>,
    key_count: i32,
    next: Option<PageStart>,
}

fn list(store: &Store, request: &ListRequest<'_>) -> S3Result<Listing> {
    let ListRequest { bucket, prefix, delimiter, start, max_keys, url_encoded } = request;
    let max = usize::try_from((*max_keys).min(MAX_KEYS))
        .map_err(|_| s3_error!(InvalidArgument, "max-keys must not be negative"))?;
    let Page { objects, prefixes, next } =
        store.with_objects(bucket, |objects| list_page(objects, prefix, *delimiter, start, max))?;
    let hides = store.turned.is("s3-read-after-write");
    let objects: Vec<_> = objects.into_iter().filter(|it| !hides || it.0 != *prefix).collect();
    let key_count = i32::try_from(objects.len() + prefixes.len()).unwrap_or(MAX_KEYS);
    let object = |(key, object): (String, Object)| dto::Object {
        key: Some(encode(key, *url_encoded)),
        size: Some(size_i64(object.size)),
        e_tag: Some(etag(&object)),
        last_modified: Some(timestamp(object.modified)),
        storage_class: Some(dto::ObjectStorageClass::from_static(
            dto::ObjectStorageClass::STANDARD,
        )),
        ..Default::default()
    };
    let common_prefix =
        |prefix: String| dto::CommonPrefix { prefix: Some(encode(prefix, *url_encoded)) };
    Ok(Listing {
        contents: Some(objects.into_iter().map(object).collect()),
        common_prefixes: Some(prefixes.into_iter().map(common_prefix).collect()),
        key_count,
        next,
    })
}

fn encode(name: String, url_encoded: bool) -> String {
    if url_encoded { url_encode(&name) } else { name }
}

fn is_url_encoding(encoding: Option<&dto::EncodingType>) -> bool {
    encoding.is_some_and(|encoding| encoding.as_str() == dto::EncodingType::URL)
}

pub(super) fn list_v2(
    store: &Store,
    input: dto::ListObjectsV2Input,
) -> S3Result<dto::ListObjectsV2Output> {
    let start = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => PageStart::parse_token(token).ok_or_else(|| {
            s3_error!(InvalidArgument, "The continuation token provided is incorrect")
        })?,
        (None, Some(key)) => PageStart::AfterKey(key.clone()),
        (None, None) => PageStart::First,
    };
    let url_encoded = is_url_encoding(input.encoding_type.as_ref());
    let max_keys = input.max_keys.unwrap_or(MAX_KEYS);
    let prefix = input.prefix.unwrap_or_default();
    let request = ListRequest {
        bucket: &input.bucket,
        prefix: &prefix,
        delimiter: input.delimiter.as_deref(),
        start,
        max_keys,
        url_encoded,
    };
    let listing = list(store, &request)?;
    Ok(dto::ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encode(prefix, url_encoded)),
        delimiter: input.delimiter.map(|delimiter| encode(delimiter, url_encoded)),
        start_after: input.start_after.map(|key| encode(key, url_encoded)),
        encoding_type: input.encoding_type,
        max_keys: Some(max_keys.min(MAX_KEYS)),
        key_count: Some(listing.key_count),
        is_truncated: Some(listing.next.is_some()),
        continuation_token: input.continuation_token,
        next_continuation_token: listing.next.map(|next| next.token()),
        contents: listing.contents,
        common_prefixes: listing.common_prefixes,
        ..Default::default()
    })
}

/// `ListObjectVersions` of a bucket that was never versioned: the current version of each object,
/// with the id `null`. The emulator keeps no older versions and no delete markers.
pub(super) fn list_versions(
    store: &Store,
    input: dto::ListObjectVersionsInput,
) -> S3Result<dto::ListObjectVersionsOutput> {
    let start = input.key_marker.clone().map_or(PageStart::First, PageStart::AfterKey);
    let max_keys = input.max_keys.unwrap_or(MAX_KEYS);
    let prefix = input.prefix.unwrap_or_default();
    let request = ListRequest {
        bucket: &input.bucket,
        prefix: &prefix,
        delimiter: input.delimiter.as_deref(),
        start,
        max_keys,
        url_encoded: is_url_encoding(input.encoding_type.as_ref()),
    };
    let listing = list(store, &request)?;
    let version = |object: dto::Object| dto::ObjectVersion {
        key: object.key,
        version_id: Some("null".to_owned()),
        is_latest: Some(true),
        size: object.size,
        e_tag: object.e_tag,
        last_modified: object.last_modified,
        ..Default::default()
    };
    let contents = listing.contents.unwrap_or_default();
    let next_key = listing.next.as_ref().and(contents.last()).and_then(|last| last.key.clone());
    Ok(dto::ListObjectVersionsOutput {
        name: Some(input.bucket),
        is_truncated: Some(listing.next.is_some()),
        next_version_id_marker: next_key.is_some().then(|| "null".to_owned()),
        next_key_marker: next_key,
        versions: Some(contents.into_iter().map(version).collect()),
        common_prefixes: listing.common_prefixes,
        delimiter: input.delimiter,
        prefix: Some(prefix),
        encoding_type: input.encoding_type,
        key_marker: input.key_marker,
        max_keys: Some(max_keys.min(MAX_KEYS)),
        ..Default::default()
    })
}

pub(super) fn list_v1(
    store: &Store,
    input: dto::ListObjectsInput,
) -> S3Result<dto::ListObjectsOutput> {
    // A marker that is a common prefix stands for all keys under it.
    let start = match (&input.marker, &input.delimiter) {
        (None, _) => PageStart::First,
        (Some(marker), Some(delimiter)) if marker.ends_with(delimiter.as_str()) => {
            PageStart::AfterPrefix(marker.clone())
        }
        (Some(marker), _) => PageStart::AfterKey(marker.clone()),
    };
    let url_encoded = is_url_encoding(input.encoding_type.as_ref());
    let max_keys = input.max_keys.unwrap_or(MAX_KEYS);
    let prefix = input.prefix.unwrap_or_default();
    let request = ListRequest {
        bucket: &input.bucket,
        prefix: &prefix,
        delimiter: input.delimiter.as_deref(),
        start,
        max_keys,
        url_encoded,
    };
    let listing = list(store, &request)?;
    let is_truncated = Some(listing.next.is_some());
    let next_marker = match listing.next {
        Some(PageStart::AfterKey(key) | PageStart::AfterPrefix(key)) => {
            Some(encode(key, url_encoded))
        }
        Some(PageStart::First) | None => None,
    };
    Ok(dto::ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encode(prefix, url_encoded)),
        delimiter: input.delimiter.map(|delimiter| encode(delimiter, url_encoded)),
        marker: Some(encode(input.marker.unwrap_or_default(), url_encoded)),
        encoding_type: input.encoding_type,
        max_keys: Some(max_keys.min(MAX_KEYS)),
        is_truncated,
        next_marker,
        contents: listing.contents,
        common_prefixes: listing.common_prefixes,
        ..Default::default()
    })
}
