//! How the content of an upload is given to the client library, so that what it stores is what was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use google_cloud_gax::error::Error;
use google_cloud_gax::retry_policy::RetryPolicy;
use google_cloud_gax::retry_result::RetryResult;
use google_cloud_gax::retry_state::RetryState;
use google_cloud_gax::throttle_result::ThrottleResult;
use google_cloud_storage::streaming_source::StreamingSource;

/// Cloud Storage keeps a part of an interrupted upload in multiples of this many bytes (Cloud Storage
/// documentation, "Resumable uploads").
const UPLOAD_QUANTUM: usize = 256 * 1024;

/// Repeats what another policy repeats, except calls that got no answer after the first piece of the
/// content was taken.
///
/// If a connection ends while it carries a part, the client (google-cloud-storage 1.21.0,
/// `PerformUpload::buffered_resumable_attempt`) does not note the error: the `?` after `builder.send`
/// leaves out `InProgressUpload::handle_error`. The next attempt then asks nothing, drops the part, and
/// sends the following content in its place: the object is complete for Cloud Storage and lacks the
/// part. Its checksum shows that, but then it exists. So such an upload ends with the error, nothing is
/// stored, and the next tick sends the content again. An answer with a status is handled correctly.
#[derive(Debug)]
pub(crate) struct UploadRetry<P> {
    policy: P,
    taken: Arc<AtomicBool>,
}

impl<P> UploadRetry<P> {
    /// `taken`: whether a piece of the content has been taken.
    pub(crate) fn new(policy: P, taken: Arc<AtomicBool>) -> Self {
        Self { policy, taken }
    }
}

impl<P: RetryPolicy> RetryPolicy for UploadRetry<P> {
    fn on_error(&self, state: &RetryState, error: Error) -> RetryResult {
        if error.http_status_code().is_none() && self.taken.load(Ordering::SeqCst) {
            return RetryResult::Permanent(error);
        }
        self.policy.on_error(state, error)
    }

    fn on_throttle(&self, state: &RetryState, error: Error) -> ThrottleResult {
        self.policy.on_throttle(state, error)
    }

    fn remaining_time(&self, state: &RetryState) -> Option<Duration> {
        self.policy.remaining_time(state)
    }
}

/// A source in pieces of exactly [`UPLOAD_QUANTUM`] bytes; only the last one is smaller.
///
/// When Cloud Storage has kept a part of a request, the client sends the rest again. The client
/// (google-cloud-storage 1.21.0, `InProgressUpload::handle_partial`) sends wrong bytes if the part
/// ends within a piece of the source: it keeps the first bytes of the piece's end instead of all of
/// them. A part that ends between two pieces is resent correctly, and Cloud Storage keeps multiples of
/// the quantum only.
///
/// The size of the source is hidden: the client buffers uploads of unknown size, which bounds memory.
pub(crate) struct AlignedSource<S> {
    source: S,
    pending: BytesMut,
    taken: Arc<AtomicBool>,
}

impl<S> AlignedSource<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { source, pending: BytesMut::new(), taken: Arc::default() }
    }

    /// Whether a piece has been taken.
    pub(crate) fn taken(&self) -> Arc<AtomicBool> {
        self.taken.clone()
    }
}

impl<S: StreamingSource + Send + Sync> StreamingSource for AlignedSource<S> {
    type Error = S::Error;

    async fn next(&mut self) -> Option<Result<Bytes, Self::Error>> {
        self.taken.store(true, Ordering::SeqCst);
        while self.pending.len() < UPLOAD_QUANTUM {
            match self.source.next().await {
                Some(Ok(chunk)) => self.pending.extend_from_slice(&chunk),
                Some(Err(error)) => return Some(Err(error)),
                None if self.pending.is_empty() => return None,
                None => return Some(Ok(self.pending.split().freeze())),
            }
        }
        Some(Ok(self.pending.split_to(UPLOAD_QUANTUM).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source of pieces of the given lengths; each byte is the number of its piece.
    struct Pieces(std::vec::IntoIter<usize>, u8);

    impl StreamingSource for Pieces {
        type Error = std::convert::Infallible;

        async fn next(&mut self) -> Option<Result<Bytes, Self::Error>> {
            self.1 = self.1.wrapping_add(1);
            self.0.next().map(|length| Ok(Bytes::from(vec![self.1; length])))
        }
    }

    #[tokio::test]
    async fn an_upload_is_sent_in_pieces_that_cloud_storage_keeps_or_drops_completely() {
        for lengths in
            [vec![], vec![1], vec![262_144], vec![700_000, 0, 1, 300_000], vec![100; 6000]]
        {
            let numbers = (0..=u8::MAX).cycle().skip(1);
            let sent: Vec<u8> = numbers
                .zip(&lengths)
                .flat_map(|(number, length)| std::iter::repeat_n(number, *length))
                .collect();
            let mut source = AlignedSource::new(Pieces(lengths.clone().into_iter(), 0));
            let mut received = Vec::new();
            while let Some(piece) = source.next().await {
                let piece = piece.expect("a piece");
                assert_eq!(received.len() % UPLOAD_QUANTUM, 0, "only the last piece is smaller");
                received.extend_from_slice(&piece);
            }
            assert!(received == sent, "{lengths:?}");
        }
    }
}
