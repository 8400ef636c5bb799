//! Rewriting from ranged reads into a channel.

use std::sync::Mutex;

use landbridge_core::{Error, ErrorKind, Result};
use landbridge_parquet::RangeReader;
use landbridge_parquet::rewrite::stream::{self, StreamSettings};

use super::*;

/// Bytes that record the ranged reads.
#[derive(Clone)]
struct Counted {
    bytes: Bytes,
    asked: Arc<Mutex<Vec<(u64, u64)>>>,
    fail_at: Option<usize>,
}

impl RangeReader for Counted {
    async fn read(&self, start: u64, length: u64) -> Result<Bytes> {
        let count = {
            let mut asked = self.asked.lock().expect("no panic");
            asked.push((start, length));
            asked.len()
        };
        if self.fail_at == Some(count) {
            return Err(Error::new(ErrorKind::Throttled, "slow down", "bucket"));
        }
        self.bytes.read(start, length).await
    }
}

fn source() -> Counted {
    let days: Vec<_> =
        (0..20_000).map(|row| format!("20{:02}-01-{:02}", row % 90 + 10, row % 28 + 1)).collect();
    let days: Vec<_> = days.iter().map(|day| Some(day.as_str())).collect();
    let columns = [("a", numbers(0..20_000)), ("day", texts(&days)), ("b", numbers(0..20_000))];
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(3000)).build();
    Counted { bytes: file(&columns, properties), asked: Arc::default(), fail_at: None }
}

fn day_plan() -> RewritePlan {
    plan([("day", retype(TargetType::Date))])
}

fn settings() -> StreamSettings {
    StreamSettings { window_bytes: 60_000, chunk_bytes: 5000, queued_chunks: 2 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_the_same_bytes_as_a_file() {
    let source = source();
    let (expected, report) = rewritten(&source.bytes, day_plan());
    let length = source.bytes.len() as u64;
    let mut stream =
        stream::rewrite(rewriter(day_plan()), source.clone(), length, "test", None, settings());
    let mut out = Vec::new();
    while let Some(bytes) = stream.bytes.recv().await {
        out.extend_from_slice(&bytes);
    }
    assert_eq!(stream.report().await.expect("rewritten"), report);
    assert_eq!(Bytes::from(out), expected);
    let asked = source.asked.lock().expect("no panic");
    let chunks = 7 * 3;
    assert!(asked.len() < chunks, "{} requests for {chunks} chunks", asked.len());
    assert!(
        asked.iter().all(|(start, length)| *start < source.bytes.len() as u64 && *length <= 65_536)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_source_is_returned_unchanged() {
    for fail_at in 1..6 {
        let source = Counted { fail_at: Some(fail_at), ..source() };
        let length = source.bytes.len() as u64;
        let mut stream =
            stream::rewrite(rewriter(day_plan()), source, length, "test", None, settings());
        let mut out = Vec::new();
        while let Some(bytes) = stream.bytes.recv().await {
            out.extend_from_slice(&bytes);
        }
        let error = stream.report().await.expect_err("the source failed");
        assert_eq!((error.kind(), error.context()), (ErrorKind::Throttled, "bucket"), "{fail_at}");
        assert!(!out.ends_with(b"PAR1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_receiver_stops_the_reads() {
    let source = source();
    let length = source.bytes.len() as u64;
    let mut stream =
        stream::rewrite(rewriter(day_plan()), source, length, "test", None, settings());
    stream.bytes.recv().await.expect("a first message");
    let error = stream.report().await.expect_err("the receiver was dropped");
    assert_eq!(
        (error.kind(), error.what()),
        (ErrorKind::Transient, "the receiver of a rewrite was dropped")
    );
}
