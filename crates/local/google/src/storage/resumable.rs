//! Resumable uploads: open sessions, and the `Content-Range` header of their chunks.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::store::NewObject;
use crate::error::GoogleError;
use crate::turned::is_turned;
use crate::web::Call;

/// All chunks but the last are stored in multiples of this many bytes.
const CHUNK_QUANTUM: usize = 256 * 1024;

/// The sessions of all resumable uploads. Clones share them.
#[derive(Clone, Default)]
pub(super) struct UploadSessions(Arc<Mutex<SessionTable>>);

#[derive(Default)]
struct SessionTable {
    sessions: HashMap<String, UploadSession>,
    last_id: u64,
    interruptions: VecDeque<UploadInterruption>,
}

/// A failure of a request that carries bytes of a resumable upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadInterruption {
    /// The failure happens in the request with which the upload passes this many bytes. Bytes up to
    /// here are kept. 0 is the first request, and nothing of it is kept.
    pub after: usize,
    /// The HTTP status of the answer.
    pub status: u16,
}

struct UploadSession {
    /// Taken when the last chunk arrives.
    new_object: Option<NewObject>,
    received: Vec<u8>,
    /// The object resource once the upload is complete: later requests get it again.
    resource: Option<Value>,
}

/// The state of a session after a chunk.
pub(super) enum ChunkOutcome {
    /// This many bytes are stored; the client must send the rest.
    Incomplete(usize),
    /// All bytes have arrived: create this object, then call [`UploadSessions::complete`].
    Received(NewObject, Vec<u8>),
    /// The object was created before: its resource.
    Completed(Value),
}

impl UploadSessions {
    fn lock(&self) -> MutexGuard<'_, SessionTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session and returns its id.
    pub(super) fn open(&self, new_object: NewObject) -> String {
        let mut table = self.lock();
        table.last_id += 1;
        let id = format!("session-{}", table.last_id);
        let session =
            UploadSession { new_object: Some(new_object), received: Vec::new(), resource: None };
        table.sessions.insert(id.clone(), session);
        id
    }

    /// Adds a failure; each happens once, in this order.
    pub(super) fn interrupt(&self, interruption: UploadInterruption) {
        self.lock().interruptions.push_back(interruption);
    }

    /// Stores the chunk in a call's body. A call without bytes asks for the progress.
    pub(super) fn receive(&self, call: &Call, id: &str) -> Result<ChunkOutcome, GoogleError> {
        let range = content_range(call)?;
        let mut table = self.lock();
        let interruption = table.interruptions.front().copied();
        let session = table.sessions.get_mut(id).ok_or_else(session_not_found)?;
        if let Some(resource) = &session.resource {
            return Ok(ChunkOutcome::Completed(resource.clone()));
        }
        let stored = session.received.len();
        let mut chunk = call.body.clone();
        if let Some(start) = range.start {
            if start > stored {
                return Err(GoogleError::invalid(format!(
                    "Invalid request. According to the Content-Range header, the upload offset is \
                     {start} byte(s), which exceeds already uploaded size of {stored} byte(s)."
                )));
            }
            // Skip the bytes that are stored already.
            chunk = chunk.slice((stored - start).min(chunk.len())..);
        }
        let end = stored + chunk.len();
        if let Some(UploadInterruption { after, status }) = interruption
            && range.start.is_some()
            && stored <= after
            && after < end
        {
            session.received.extend_from_slice(&chunk[..after - stored]);
            table.interruptions.pop_front();
            return Err(GoogleError::new(status, "backendError", "The upload was interrupted."));
        }
        if range.total.is_some_and(|total| end > total) {
            return Err(GoogleError::invalid(
                "Invalid request. More bytes than announced were sent.",
            ));
        }
        if range.total != Some(end) {
            let whole_quanta = end / CHUNK_QUANTUM * CHUNK_QUANTUM;
            if !is_turned("gcs-resumable-quantum") {
                chunk.truncate(whole_quanta.saturating_sub(stored));
            }
            session.received.extend_from_slice(&chunk);
            return Ok(ChunkOutcome::Incomplete(session.received.len()));
        }
        session.received.extend_from_slice(&chunk);
        let new_object = session.new_object.take().ok_or_else(session_not_found)?;
        Ok(ChunkOutcome::Received(new_object, std::mem::take(&mut session.received)))
    }

    /// Records the resource of the created object. Without one, the session ends.
    pub(super) fn complete(&self, id: &str, resource: Option<&Value>) {
        let mut table = self.lock();
        match resource {
            Some(resource) => {
                if let Some(session) = table.sessions.get_mut(id) {
                    session.resource = Some(resource.clone());
                }
            }
            None => {
                table.sessions.remove(id);
            }
        }
    }

    /// Cancels a session. Google answers 499 to a cancelled upload.
    pub(super) fn cancel(&self, id: &str) -> GoogleError {
        match self.lock().sessions.remove(id) {
            Some(_) => GoogleError::new(499, "cancelled", "Client Closed Request"),
            None => session_not_found(),
        }
    }
}

fn session_not_found() -> GoogleError {
    GoogleError::not_found("No such resumable upload.")
}

/// A parsed `Content-Range` header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    /// Offset of the body's first byte; `None` when the client asks for the progress.
    pub(crate) start: Option<usize>,
    /// The object's size, if the client knows it.
    pub(crate) total: Option<usize>,
}

/// The call's range. Without the header, the body is the whole object.
pub(crate) fn content_range(call: &Call) -> Result<ContentRange, GoogleError> {
    let Some(text) = call.header("content-range") else {
        return Ok(ContentRange { start: Some(0), total: Some(call.body.len()) });
    };
    parse_content_range(text, call.body.len())
        .ok_or_else(|| GoogleError::invalid("Failed to parse Content-Range header."))
}

fn parse_content_range(text: &str, body_len: usize) -> Option<ContentRange> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let total = match total {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    if range == "*" {
        return Some(ContentRange { start: None, total });
    }
    let (start, end) = range.split_once('-')?;
    let (start, end): (usize, usize) = (start.parse().ok()?, end.parse().ok()?);
    let len = end.checked_sub(start)?.checked_add(1)?;
    (len == body_len).then_some(ContentRange { start: Some(start), total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_parsed() {
        let range = |start, total| Some(ContentRange { start, total });
        for (text, body_len, want) in [
            ("bytes 0-9/100", 10, range(Some(0), Some(100))),
            ("bytes 10-19/*", 10, range(Some(10), None)),
            ("bytes */*", 0, range(None, None)),
            ("bytes */100", 0, range(None, Some(100))),
            ("bytes 0-9/100", 9, None),
            ("0-9/100", 10, None),
        ] {
            assert_eq!(parse_content_range(text, body_len), want, "{text}");
        }
    }
}
