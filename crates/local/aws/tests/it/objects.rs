//! S3: content, ranges, conditions, multipart uploads, listings.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier,
};

use crate::account::{Account, BUCKET, error_of};

/// Keys that are difficult to encode.
const KEYS: [&str; 7] = [
    "plain",
    "with space/and=equals/part-00000.gz.parquet",
    "한글/주문.parquet",
    "trailing/",
    "plus+and%25percent&amp",
    "shop/public.orders/1/_SUCCESS",
    "a//b/./c",
];

async fn put(account: &Account, key: &str, body: impl Into<ByteStream>) -> String {
    let put = account.s3.put_object().bucket(BUCKET).key(key).body(body.into()).send().await;
    put.expect("it is put").e_tag.expect("an ETag")
}

/// Content that can exceed what the store keeps in memory.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn keys_with_special_characters_are_stored() {
    let account = Account::start().await;
    for key in KEYS {
        put(&account, key, key.as_bytes().to_vec()).await;
        let got = account.s3.get_object().bucket(BUCKET).key(key).send().await.expect(key);
        let bytes = got.body.collect().await.expect("a body").into_bytes();
        assert_eq!(bytes, key.as_bytes(), "{key}");
        let head = account.s3.head_object().bucket(BUCKET).key(key).send().await.expect(key);
        assert_eq!(head.content_length(), Some(key.len() as i64), "{key}");
    }
    let mut sorted = KEYS.to_vec();
    sorted.sort_unstable();
    let listed = account.s3.list_objects_v2().bucket(BUCKET).send().await.expect("a listing");
    let names: Vec<_> = listed.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(names, sorted);
}

#[tokio::test]
async fn ranges_are_read() {
    let account = Account::start().await;
    for len in [1_000, 700_000] {
        let bytes = content(len);
        put(&account, "data", bytes.clone()).await;
        let cases = [
            ("bytes=0-9", 0..10),
            ("bytes=10-", 10..len),
            ("bytes=-8", len - 8..len),
            ("bytes=900-99999999", 900..len),
            ("bytes=-99999999", 0..len),
        ];
        for (range, expected) in cases {
            let got = account.s3.get_object().bucket(BUCKET).key("data").range(range);
            let got = got.send().await.expect(range);
            let expected_header = format!("bytes {}-{}/{len}", expected.start, expected.end - 1);
            assert_eq!(got.content_range(), Some(expected_header.as_str()));
            let body = got.body.collect().await.expect("a body").into_bytes();
            assert_eq!(body, bytes[expected], "{range} of {len}");
        }
        let beyond = account.s3.get_object().bucket(BUCKET).key("data");
        let beyond = beyond.range(format!("bytes={len}-")).send().await;
        assert_eq!(error_of(beyond), "416 InvalidRange");
        // Without a range, the SDK verifies the checksum that it stored with the object.
        let got = account.s3.get_object().bucket(BUCKET).key("data").send().await.expect("it");
        assert!(got.checksum_crc32().is_some());
        assert_eq!(got.body.collect().await.expect("a body").into_bytes(), bytes);
    }
}

#[tokio::test]
async fn one_of_many_conditional_writers_succeeds() {
    let account = Account::start().await;
    let write = |n: usize| {
        let call = account.s3.put_object().bucket(BUCKET).key("ledger/claim").if_none_match("*");
        call.body(format!("writer {n}").into_bytes().into()).send()
    };
    let results = futures::future::join_all((0..16).map(write)).await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 15));
    for refused in lost {
        assert_eq!(error_of(refused), "412 PreconditionFailed");
    }

    // Compare and swap: with the same ETag, one of many succeeds again.
    let head = account.s3.head_object().bucket(BUCKET).key("ledger/claim").send().await;
    let etag = head.expect("it exists").e_tag.expect("an ETag");
    let swap = |n: usize| {
        let call = account.s3.put_object().bucket(BUCKET).key("ledger/claim").if_match(&etag);
        call.body(format!("swapped by {n}").into_bytes().into()).send()
    };
    let results = futures::future::join_all((0..16).map(swap)).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_eq!(error_of(refused), "412 PreconditionFailed");
    }

    let missing =
        account.s3.put_object().bucket(BUCKET).key("missing").if_match(&etag).send().await;
    assert_eq!(error_of(missing), "404 NoSuchKey");
    let same = account.s3.get_object().bucket(BUCKET).key("ledger/claim").if_match(&etag);
    assert_eq!(error_of(same.send().await), "412 PreconditionFailed");
    let stale = account.s3.delete_object().bucket(BUCKET).key("ledger/claim").if_match(&etag);
    assert_eq!(error_of(stale.send().await), "412 PreconditionFailed");
}

#[tokio::test]
async fn a_reader_keeps_the_version_with_which_it_started() {
    let account = Account::start().await;
    let (old, new) = (content(900_000), vec![7_u8; 900_000]);
    put(&account, "data", old.clone()).await;
    let reading = account.s3.get_object().bucket(BUCKET).key("data").send().await.expect("it");
    put(&account, "data", new).await;
    account.aws.delete_object(BUCKET, "data").await;
    assert_eq!(reading.body.collect().await.expect("a body").into_bytes(), old);
}

#[tokio::test]
async fn multipart_uploads() {
    let account = Account::start().await;
    let s3 = &account.s3;
    let parts = [content(5 * 1024 * 1024), content(5 * 1024 * 1024 + 1), b"the end".to_vec()];
    let begun = s3.create_multipart_upload().bucket(BUCKET).key("big").send().await;
    let upload = begun.expect("it begins").upload_id.expect("an id");
    let mut done = Vec::new();
    for (number, part) in (1..).zip(&parts) {
        let call = s3.upload_part().bucket(BUCKET).key("big").upload_id(&upload);
        let call = call.part_number(number).body(part.clone().into());
        let etag = call.send().await.expect("a part").e_tag.expect("an ETag");
        done.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let complete = |parts: Vec<CompletedPart>| {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let call = s3.complete_multipart_upload().bucket(BUCKET).key("big").upload_id(&upload);
        call.multipart_upload(parts)
    };
    let reversed = done.iter().rev().cloned().collect();
    assert_eq!(error_of(complete(reversed).send().await), "400 InvalidPartOrder");
    let small_first = vec![done[2].clone(), CompletedPart::builder().part_number(4).build()];
    assert_eq!(error_of(complete(small_first).send().await), "400 InvalidPart");
    put(&account, "big", b"existing".to_vec()).await;
    let blocked = complete(done.clone()).if_none_match("*").send().await;
    assert_eq!(error_of(blocked), "412 PreconditionFailed");
    let listed = s3.list_parts().bucket(BUCKET).key("big").upload_id(&upload).send().await;
    assert_eq!(listed.expect("parts").parts().len(), 3);
    let made = complete(done.clone()).send().await.expect("the object is complete");
    assert!(made.e_tag().is_some_and(|etag| etag.ends_with("-3\"")), "{made:?}");
    assert_eq!(error_of(complete(done).send().await), "404 NoSuchUpload");
    let got = s3.get_object().bucket(BUCKET).key("big").send().await.expect("it exists");
    assert_eq!(got.body.collect().await.expect("a body").into_bytes(), parts.concat());

    let begun = s3.create_multipart_upload().bucket(BUCKET).key("other").send().await;
    let upload = begun.expect("it begins").upload_id.expect("an id");
    let copied = s3.upload_part_copy().bucket(BUCKET).key("other").upload_id(&upload);
    let copied = copied.part_number(1).copy_source(format!("{BUCKET}/big"));
    copied.copy_source_range("bytes=0-99").send().await.expect("a copied part");
    let uploads = s3.list_multipart_uploads().bucket(BUCKET).send().await.expect("uploads");
    assert_eq!(uploads.uploads().len(), 1);
    let abort = s3.abort_multipart_upload().bucket(BUCKET).key("other").upload_id(&upload);
    abort.clone().send().await.expect("it is aborted");
    assert_eq!(error_of(abort.send().await), "404 NoSuchUpload");
}

#[tokio::test]
async fn listings_page_in_order() {
    let account = Account::start().await;
    for n in 0..25 {
        account.aws.put_object(BUCKET, &format!("t/{n:02}/a b"), "x".into()).await.expect("put");
        account.aws.put_object(BUCKET, &format!("t/{n:02}/c"), "y".into()).await.expect("put");
    }
    account.aws.put_object(BUCKET, "t", "z".into()).await.expect("put");
    let pages = account.s3.list_objects_v2().bucket(BUCKET).prefix("t/").max_keys(20);
    let pages = pages.into_paginator().send().collect::<Result<Vec<_>, _>>().await.expect("pages");
    let sizes: Vec<_> = pages.iter().map(|page| page.contents().len()).collect();
    assert_eq!(sizes, [20, 20, 10]);
    let keys: Vec<_> =
        pages.iter().flat_map(|page| page.contents()).filter_map(|it| it.key()).collect();
    assert!(keys.is_sorted() && keys[0] == "t/00/a b", "{keys:?}");

    let groups =
        account.s3.list_objects_v2().bucket(BUCKET).prefix("t/").delimiter("/").max_keys(10);
    let pages = groups.into_paginator().send().collect::<Result<Vec<_>, _>>().await.expect("pages");
    let groups = pages.iter().flat_map(|page| page.common_prefixes()).filter_map(|it| it.prefix());
    assert_eq!(
        groups.collect::<Vec<_>>(),
        (0..25).map(|n| format!("t/{n:02}/")).collect::<Vec<_>>()
    );

    let after = account.s3.list_objects_v2().bucket(BUCKET).start_after("t/23/c").send().await;
    assert_eq!(after.expect("a listing").key_count(), Some(2));
    let encoded = account.s3.list_objects_v2().bucket(BUCKET).prefix("t/00");
    let encoded = encoded.encoding_type(aws_sdk_s3::types::EncodingType::Url).send().await;
    assert_eq!(encoded.expect("a listing").contents()[0].key(), Some("t/00/a%20b"));
    let old = account.s3.list_objects().bucket(BUCKET).delimiter("/").max_keys(1).send().await;
    let old = old.expect("a listing");
    assert_eq!((old.contents().len(), old.next_marker()), (1, Some("t")));
    let old = account.s3.list_objects().bucket(BUCKET).delimiter("/").marker("t/").send().await;
    assert!(old.expect("a listing").common_prefixes().is_empty());
    let wrong = account.s3.list_objects_v2().bucket(BUCKET).continuation_token("x").send().await;
    assert_eq!(error_of(wrong), "400 InvalidArgument");
}

#[tokio::test]
async fn objects_are_copied_and_deleted_and_buckets_created() {
    let account = Account::start().await;
    let s3 = &account.s3;
    let call = s3.put_object().bucket(BUCKET).key("a b").body(b"abc".to_vec().into());
    let call = call.content_type("text/plain").metadata("day", "2026-01-01");
    let etag = call.send().await.expect("it is put").e_tag.expect("an ETag");
    assert_eq!(etag, "\"900150983cd24fb0d6963f7d28e17f72\"");
    let copy = s3.copy_object().bucket(BUCKET).key("copy").copy_source(format!("{BUCKET}/a%20b"));
    copy.send().await.expect("it is copied");
    let head = s3.head_object().bucket(BUCKET).key("copy").send().await.expect("it exists");
    assert_eq!(head.content_type(), Some("text/plain"));
    assert_eq!(
        head.metadata().and_then(|it| it.get("day")).map(String::as_str),
        Some("2026-01-01")
    );
    assert_eq!(head.e_tag(), Some(etag.as_str()));

    let ids = ["copy", "a b", "never there"]
        .map(|key| ObjectIdentifier::builder().key(key).build().expect("an identifier"));
    let delete = Delete::builder().set_objects(Some(ids.to_vec())).build().expect("a list");
    let deleted = s3.delete_objects().bucket(BUCKET).delete(delete).send().await.expect("gone");
    assert_eq!(deleted.deleted().len(), 3);
    assert!(account.aws.list_objects(BUCKET, "").await.is_empty());
    s3.delete_object().bucket(BUCKET).key("never there").send().await.expect("no error");

    let get = s3.get_object().bucket(BUCKET).key("a b").send().await;
    assert!(get.as_ref().is_err_and(|error| {
        error.as_service_error().is_some_and(|error| error.is_no_such_key())
    }));
    assert_eq!(error_of(get), "404 NoSuchKey");
    let head = s3.head_object().bucket(BUCKET).key("a b").send().await;
    assert_eq!(error_of(head), "404 NotFound");
    let nowhere = s3.put_object().bucket("nowhere").key("k").body(b"x".to_vec().into());
    assert_eq!(error_of(nowhere.send().await), "404 NoSuchBucket");
    let nowhere = s3.list_objects_v2().bucket("nowhere").send().await;
    assert_eq!(error_of(nowhere), "404 NoSuchBucket");
    assert_eq!(error_of(s3.head_bucket().bucket("nowhere").send().await), "404 NotFound");

    s3.create_bucket().bucket("second").send().await.expect("a bucket");
    let again = s3.create_bucket().bucket("second").send().await;
    assert_eq!(error_of(again), "409 BucketAlreadyOwnedByYou");
    let buckets = s3.list_buckets().send().await.expect("buckets");
    let names: Vec<_> = buckets.buckets().iter().filter_map(|bucket| bucket.name()).collect();
    assert_eq!(names, [BUCKET, "second"]);
    account.aws.put_object("second", "k", "v".into()).await.expect("put");
    let full = s3.delete_bucket().bucket("second").send().await;
    assert_eq!(error_of(full), "409 BucketNotEmpty");
}

#[tokio::test]
async fn a_denied_bucket_refuses_everything() {
    let account = Account::start().await;
    put(&account, "k", b"v".to_vec()).await;
    account.aws.create_bucket("open").await;
    account.aws.deny_bucket(BUCKET, "no policy allows it");
    let get = account.s3.get_object().bucket(BUCKET).key("k").send().await;
    assert_eq!(error_of(get), "403 AccessDenied");
    let list = account.s3.list_objects_v2().bucket(BUCKET).send().await;
    assert_eq!(error_of(list), "403 AccessDenied");
    let copy = account.s3.copy_object().bucket("open").key("k").copy_source(format!("{BUCKET}/k"));
    assert_eq!(error_of(copy.send().await), "403 AccessDenied");
    account.aws.allow_bucket(BUCKET);
    account.s3.get_object().bucket(BUCKET).key("k").send().await.expect("access is allowed again");
}

#[tokio::test]
async fn checksums_are_verified() {
    let account = Account::start().await;
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let call = account.s3.put_object().bucket(BUCKET).key("k").body(content(100_000).into());
        call.checksum_algorithm(algorithm.clone())
            .send()
            .await
            .unwrap_or_else(|_| panic!("{}", algorithm.as_str()));
    }
    let wrong = account.s3.put_object().bucket(BUCKET).key("k").body(b"abc".to_vec().into());
    assert_eq!(error_of(wrong.checksum_crc32("AAAAAA==").send().await), "400 BadDigest");
    let wrong = account.s3.put_object().bucket(BUCKET).key("k").body(b"abc".to_vec().into());
    let wrong = wrong.content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await;
    assert_eq!(error_of(wrong), "400 BadDigest");
}

#[tokio::test]
async fn a_bucket_without_versioning_has_one_version_of_each_object() {
    let account = Account::start().await;
    for n in 0..25 {
        put(&account, &format!("t/{n:02}"), ByteStream::from_static(b"old")).await;
        put(&account, &format!("t/{n:02}"), ByteStream::from_static(b"new")).await;
    }
    let mut keys = Vec::new();
    let mut marker = None;
    loop {
        let call = account.s3.list_object_versions().bucket(BUCKET).prefix("t/").max_keys(10);
        let page = call.set_key_marker(marker).send().await.expect("versions");
        assert!(page.delete_markers().is_empty());
        for version in page.versions() {
            assert_eq!((version.version_id(), version.is_latest()), (Some("null"), Some(true)));
            keys.push(version.key().expect("a key").to_owned());
        }
        if page.is_truncated() != Some(true) {
            break;
        }
        marker = page.next_key_marker().map(str::to_owned);
    }
    assert_eq!(keys, (0..25).map(|n| format!("t/{n:02}")).collect::<Vec<_>>());
}
