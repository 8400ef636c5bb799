//! S3's conditional writes, on which the ledger depends: one test suite for every
//! server that claims to support them.

use bytes::Bytes;
use futures::future::join_all;
use landbridge_aws::S3;
use landbridge_aws::s3::ConditionalWrite;
use landbridge_core::ErrorKind;
use landbridge_core::plan::objects::ObjectMeta;
use landbridge_local_aws::{AwsOptions, LocalAws};
use landbridge_local_wire::{CallMonitor, Clock, serve};

use crate::sdk::Account;

/// Which of S3's guarantees a server gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guarantees {
    /// Of concurrent writers, exactly one wins.
    pub(crate) atomic: bool,
}

/// The test suite. `bucket` must exist and be empty.
pub(crate) async fn conditional_writes(s3: &S3, bucket: &str, guarantees: Guarantees) {
    let missing = s3.get(bucket, "ledger/day.json").await.expect("an answer");
    assert!(missing.is_none());

    // An object is created once; a losing writer changes nothing.
    assert!(create(s3, bucket, "ledger/day.json", "first").await);
    assert!(!create(s3, bucket, "ledger/day.json", "second").await);
    let (body, first) = read(s3, bucket, "ledger/day.json").await;
    assert_eq!(body, "first");

    // A replacement succeeds only for the version that was read.
    assert!(replace(s3, bucket, "ledger/day.json", &first, "third").await);
    assert!(!replace(s3, bucket, "ledger/day.json", &first, "fourth").await);
    let (body, third) = read(s3, bucket, "ledger/day.json").await;
    assert_eq!(body, "third");
    assert_ne!(first, third);

    // The same bytes can be written again. Whether their ETag stays depends on the encryption of the
    // bucket (with SSE-KMS it is no digest of the content), and nothing relies on it.
    assert!(replace(s3, bucket, "ledger/day.json", &third, "third").await);
    let (body, third) = read(s3, bucket, "ledger/day.json").await;
    assert_eq!(body, "third");
    // A replacement never creates an object.
    assert!(!replace(s3, bucket, "ledger/none.json", &third, "new").await);
    assert!(s3.get(bucket, "ledger/none.json").await.expect("an answer").is_none());

    // A ranged read returns the listed version or fails.
    let listed = s3.list(bucket, "ledger/").await.expect("a listing");
    let [object] = &listed[..] else { panic!("one object, not {listed:?}") };
    assert_eq!(
        (object.key.as_str(), object.etag.as_str(), object.bytes),
        ("ledger/day.json", third.as_str(), 5)
    );
    assert_eq!(s3.range(bucket, object, 1, 3).await.expect("a range"), "hir");
    let stale = ObjectMeta { etag: first, ..object.clone() };
    assert_eq!(
        s3.range(bucket, &stale, 1, 3).await.expect_err("a refusal").kind(),
        ErrorKind::Conflict
    );

    // A missing bucket is not reported as a lost race.
    let nowhere = s3.create("no-such-bucket", "key", Bytes::new()).await;
    assert_eq!(nowhere.expect_err("a refusal").kind(), ErrorKind::NotFound);
    let nowhere = s3.replace("no-such-bucket", "key", &third, Bytes::new()).await;
    assert_eq!(nowhere.expect_err("a refusal").kind(), ErrorKind::NotFound);

    if guarantees.atomic {
        let writers = (0..12)
            .map(|n| async move { create(s3, bucket, "claims/new", &format!("writer {n}")).await });
        assert_eq!(count_winners(join_all(writers).await), 1);
        let (_, etag) = read(s3, bucket, "claims/new").await;
        let etag = &etag;
        let writers = (0..12).map(|n| async move {
            replace(s3, bucket, "claims/new", etag, &format!("again {n}")).await
        });
        assert_eq!(count_winners(join_all(writers).await), 1);
    }
}

fn count_winners(writers: Vec<bool>) -> usize {
    writers.into_iter().filter(|won| *won).count()
}

async fn create(s3: &S3, bucket: &str, key: &str, body: &str) -> bool {
    let result = s3.create(bucket, key, Bytes::copy_from_slice(body.as_bytes())).await;
    matches!(result.expect("an answer"), ConditionalWrite::Written { .. })
}

async fn replace(s3: &S3, bucket: &str, key: &str, etag: &str, body: &str) -> bool {
    let result = s3.replace(bucket, key, etag, Bytes::copy_from_slice(body.as_bytes())).await;
    matches!(result.expect("an answer"), ConditionalWrite::Written { .. })
}

async fn read(s3: &S3, bucket: &str, key: &str) -> (String, String) {
    let (body, etag) = s3.get(bucket, key).await.expect("an answer").expect("an object");
    (String::from_utf8(body.to_vec()).expect("text"), etag)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_s3_keeps_every_promise() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let options = AwsOptions { data_dir: dir.path().to_owned(), ..AwsOptions::default() };
    let (key, secret) = (options.access_key.clone(), options.secret_key.clone());
    let clock = Clock::new("2026-01-01T16:00:00Z".parse().expect("a time"));
    let aws = LocalAws::new(options, clock).await.expect("an account");
    aws.create_bucket("ledgers").await;
    let server =
        serve("s3", 0, aws.s3_service(), CallMonitor::default()).await.expect("a free port");
    let account =
        Account { rds: "", s3: &server.url(), secrets: "", sqs: "", key: &key, secret: &secret };
    conditional_writes(&S3::new(account.s3()), "ledgers", Guarantees { atomic: true }).await;
}
