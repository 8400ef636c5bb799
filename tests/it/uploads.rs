//! Interrupted uploads: what Cloud Storage stores is what was sent, and what is not heals without a
//! person. The interruptions are those of scenario 7, "resumable uploads handle complex retries", of
//! Google's conformance tests for clients (googleapis/conformance-tests, storage/v1/retry_tests.json).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use google_cloud_storage::streaming_source::StreamingSource;
use landbridge_core::ErrorKind;
use landbridge_core::receipt::ReceiptState;
use landbridge_gcp::credentials::static_token;
use landbridge_gcp::storage::{Storage, Upload};
use landbridge_local::Principal;
use landbridge_local_google::UploadInterruption;
use landbridge_local_wire::{Admission, ArrivedCall, CallObserver, Delivery};

use crate::federation::gcp_clients;
use crate::support::{TestEnv, TestEnvBuilder};

const BUCKET: &str = "shop-landing";
const KIB: usize = 1024;

/// A source of pieces of one length, as an engine produces them.
pub(crate) struct Pieces(std::vec::IntoIter<Bytes>);

impl Pieces {
    pub(crate) fn of(content: &Bytes, length: usize) -> Self {
        let starts = (0..content.len()).step_by(length);
        let pieces = starts.map(|start| content.slice(start..content.len().min(start + length)));
        Self(pieces.collect::<Vec<_>>().into_iter())
    }
}

impl StreamingSource for Pieces {
    type Error = Infallible;

    async fn next(&mut self) -> Option<Result<Bytes, Infallible>> {
        self.0.next().map(Ok)
    }
}

async fn storage(env: &TestEnv) -> Storage {
    gcp_clients(env, static_token(Principal::Loader.token())).await.storage
}

/// Content in which no two stretches are equal.
pub(crate) fn content(length: usize) -> Bytes {
    (0_u32..).flat_map(u32::to_be_bytes).take(length).collect::<Vec<u8>>().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_upload_stores_what_was_sent() {
    let env = TestEnvBuilder::small().build().await;
    let storage = storage(&env).await;
    let content = content(17 * 1024 * KIB + 77);
    let after = |kib: usize| UploadInterruption { after: kib * KIB, status: 503 };
    let timeout = UploadInterruption { after: 0, status: 408 };
    let unavailable = after(0);
    let cases: [(&str, &[UploadInterruption]); 6] = [
        ("503", &[unavailable]),
        ("408", &[timeout]),
        ("503-after-256K", &[after(256)]),
        (
            "503-after-8192K-then-408",
            &[after(8192), UploadInterruption { after: 8192 * KIB, ..timeout }],
        ),
        ("503-after-768K", &[after(768)]),
        ("503-twice-in-one-part", &[after(8192 + 256), after(8192 + 1024)]),
    ];
    for piece in [512 * KIB, 400 * KIB, 1000] {
        for (name, interruptions) in cases {
            for interruption in interruptions {
                env.cloud.google().interrupt_upload(*interruption);
            }
            let object = format!("{name}/{piece}");
            let result = storage.create(BUCKET, &object, Pieces::of(&content, piece)).await;
            let stored = match result.unwrap_or_else(|error| panic!("{object}: {error}")) {
                Upload::New(stored) => stored,
                Upload::AlreadyExists => panic!("{object}: it existed"),
            };
            assert_eq!(stored.crc32c, Some(crc32c::crc32c(&content)), "{object}");
            assert!(
                env.cloud.google().read_object(BUCKET, &object).as_ref() == Some(&content),
                "{object}"
            );
        }
    }
}

/// What happens to the first call whose request begins with `request`.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It has no effect, and this is its answer.
    Status(u16),
    /// It has no effect, and the connection closes.
    Unanswered,
    /// It has its effect, and the connection closes.
    LostAnswer,
}

/// Lets every call pass.
struct NothingFails;

impl CallObserver for NothingFails {}

/// One call that meets a fault.
struct FirstCall {
    request: &'static str,
    fault: Fault,
    met: AtomicUsize,
}

impl FirstCall {
    fn is_this(&self, call: &ArrivedCall) -> bool {
        call.request.starts_with(self.request) && self.met.fetch_add(1, Ordering::SeqCst) == 0
    }
}

impl CallObserver for FirstCall {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let admission = match self.fault {
            Fault::Status(status) if self.is_this(&call) => Admission::Reject(status),
            Fault::Unanswered if self.is_this(&call) => Admission::Drop,
            _ => Admission::Proceed,
        };
        async move { admission }.boxed()
    }

    fn after(&self, call: ArrivedCall, _: u16) -> BoxFuture<'static, Delivery> {
        let lost = matches!(self.fault, Fault::LostAnswer) && self.is_this(&call);
        async move { if lost { Delivery::Drop } else { Delivery::Send } }.boxed()
    }
}

/// The temporary faults of the conformance tests, at each call that an upload makes: its start, a part, and
/// the metadata of an object that exists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_fault_at_any_call_the_object_is_right_or_absent_and_then_heals() {
    let env = TestEnvBuilder::small().build().await;
    let storage = storage(&env).await;
    let (small, large) = (content(64 * KIB), content(8 * 1024 * KIB + 77));
    let faults = [408, 429, 500, 502, 503, 504].map(Fault::Status);
    for fault in faults.into_iter().chain([Fault::Unanswered, Fault::LostAnswer]) {
        for (request, content) in [
            ("POST /upload/", &large),
            ("PUT /upload/", &small),
            ("PUT /upload/", &large),
            ("GET /storage/", &small),
        ] {
            let call = Arc::new(FirstCall { request, fault, met: AtomicUsize::new(0) });
            env.cloud.calls().set_observer(call.clone());
            let at = format!("{fault:?} at {request}, {} bytes", content.len());
            let object = at.replace(['/', ' '], "-");
            let send = || storage.create(BUCKET, &object, Pieces::of(content, 100 * KIB));
            match send().await {
                Ok(Upload::New(stored)) => {
                    assert_eq!(stored.crc32c, Some(crc32c::crc32c(content)), "{at}");
                }
                // A connection that ends with a part of the content ends the upload. An answer that comes
                // before the whole part was sent may end it too.
                Err(error) if error.kind() == ErrorKind::Transient => {
                    assert!(request.starts_with("PUT"), "{at}: {error}");
                    let stored = env.cloud.google().read_object(BUCKET, &object);
                    assert!(stored.is_none_or(|it| it == *content), "{at}: another content");
                    // The next tick.
                    let _ = send().await.unwrap_or_else(|error| panic!("{at}: {error}"));
                }
                other => panic!("{at}: {other:?}"),
            }
            let stored = storage.metadata(BUCKET, &object).await;
            let stored = stored.unwrap_or_else(|error| panic!("{at}: {error}")).expect("an object");
            assert_eq!(stored.crc32c, Some(crc32c::crc32c(content)), "{at}");
            assert!(call.met.load(Ordering::SeqCst) > 0, "{at}: the fault happened");
            assert!(
                env.cloud.google().read_object(BUCKET, &object).as_ref() == Some(content),
                "{at}"
            );
        }
    }
}

/// Puts another content at the name of the object of `people` as often as `times`, each time that a
/// tick has planned where it goes.
async fn spoil(env: &TestEnv, times: usize) -> Vec<String> {
    let mut spoilt: Vec<String> = Vec::new();
    for n in 0..times {
        let plan = env.ledger("2026-11-21/plan/people.json").await;
        let (_, plan) = plan.first().expect("a plan");
        let plan: serde_json::Value = serde_json::from_slice(plan).expect("JSON");
        assert_eq!(
            plan["revision"].as_u64().unwrap_or(1),
            n as u64 + 1,
            "each wrong object leads to one revision"
        );
        let name = plan["items"][0]["object"].as_str().expect("a name").to_owned();
        env.cloud.google().put_object(BUCKET, &name, b"another content").expect("put");
        spoilt.push(name);
        let outcome = env.tick("transfer", &format!("2026-11-20T17:{:02}:00Z", 10 + n)).await;
        assert!(outcome.is_response(), "{outcome:?}");
    }
    spoilt
}

/// A local cloud on which the day is planned, and the objects of `people` are not transferred.
async fn planned_day() -> TestEnv {
    let env = TestEnvBuilder { retries: Some(0), ..TestEnvBuilder::small() }.build().await;
    assert!(env.run_until("2026-11-20T16:58:00Z").await.is_empty());
    // The tick plans the day, and cannot store an object.
    env.cloud.google().set_bucket_denied(BUCKET, true);
    assert!(!env.tick("transfer", "2026-11-20T17:05:00Z").await.is_response());
    env.cloud.google().set_bucket_denied(BUCKET, false);
    env
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_with_other_content_is_replaced_under_another_name_and_reported_once() {
    let env = planned_day().await;
    let spoilt = spoil(&env, 2).await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts("2026-11-21").await.remove("public.people").expect("a receipt");
    assert_eq!(
        (receipt.state, receipt.rows_table),
        (ReceiptState::Published, Some(receipt.rows_planned))
    );
    for name in &spoilt {
        let object = env.cloud.google().read_object(BUCKET, name);
        assert_eq!(object.as_deref(), Some(b"another content".as_slice()), "{name} is not touched");
    }
    let alerts = env.alerts("transfer");
    let alerts: Vec<String> = alerts.iter().map(ToString::to_string).collect();
    let reported: Vec<_> = alerts.iter().filter(|it| it.contains("different content")).collect();
    assert_eq!(reported.len(), 1, "{alerts:#?}");
    assert!(reported[0].contains(&spoilt[0]), "{reported:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_whose_objects_are_wrong_again_and_again_is_held() {
    let env = planned_day().await;
    spoil(&env, 5).await;
    env.run_day(0).await;
    let receipts = env.receipts("2026-11-21").await;
    assert_eq!(receipts["public.people"].state, ReceiptState::Held);
    let others = receipts.iter().filter(|(name, _)| *name != "public.people");
    for (name, receipt) in others {
        assert_eq!(receipt.state, ReceiptState::Published, "{name}");
    }
}

/// Closes the connection of every request that would write the plan of `people`.
struct PlanIsNotWritten;

impl CallObserver for PlanIsNotWritten {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let request = &call.request;
        let drop = request.starts_with("PUT ") && request.contains("/plan/people.json");
        async move { if drop { Admission::Drop } else { Admission::Proceed } }.boxed()
    }
}

/// After the renewal, no tick meets the wrong object again. An alert that came later would be lost with
/// a process that ends in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_object_is_reported_before_its_table_is_planned_again() {
    let env = planned_day().await;
    let plan = env.ledger("2026-11-21/plan/people.json").await;
    let plan: serde_json::Value = serde_json::from_slice(&plan[0].1).expect("JSON");
    let name = plan["items"][0]["object"].as_str().expect("a name").to_owned();
    env.cloud.google().put_object(BUCKET, &name, b"another content").expect("put");

    env.cloud.calls().set_observer(Arc::new(PlanIsNotWritten));
    let outcome = env.tick("transfer", "2026-11-20T17:10:00Z").await;
    assert!(!outcome.is_response(), "the plan cannot be written: {outcome:?}");
    env.cloud.kill_all();
    let reported = || {
        let alerts = env.alerts("transfer").into_iter().map(|it| it.to_string());
        alerts.filter(|it| it.contains("different content") && it.contains(&name)).count()
    };
    assert_eq!(reported(), 1, "before the renewal");

    env.cloud.calls().set_observer(Arc::new(NothingFails));
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts("2026-11-21").await.remove("public.people").expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Published);
    assert_eq!(reported(), 1, "once");
}
