//! The three ways of uploading: one plain body, one multipart body, and resumable
//! sessions. Protocols by Google's "Upload objects" documentation, plus the habits
//! of clients that are not Google's own.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::store::{Conditions, NewObject, Store, writable};
use crate::error::GoogleError;
use crate::web::Call;

/// A resumable upload that was begun.
pub(crate) struct Session {
    new: Option<NewObject>,
    received: Vec<u8>,
    /// The object resource, once the upload is complete: later queries repeat it.
    done: Option<Value>,
}

/// Chunks other than the last are kept in multiples of this many bytes.
const QUANTUM: usize = 256 * 1024;

/// What a resumable PUT comes to.
pub(crate) enum Progress {
    /// This many bytes are kept; send on.
    Incomplete(usize),
    /// The object is there: its resource.
    Done(Value),
}

/// The writer's checksums in an `x-goog-hash` header (`crc32c=…,md5=…`).
fn hashes(call: &Call) -> (Option<String>, Option<String>) {
    let mut found = (None, None);
    for value in call.headers.get_all("x-goog-hash") {
        for part in value.to_str().unwrap_or_default().split(',') {
            match part.trim().split_once('=') {
                Some(("crc32c", text)) => found.0 = Some(text.to_owned()),
                Some(("md5", text)) => found.1 = Some(text.to_owned()),
                _ => {}
            }
        }
    }
    found
}

fn new_object(
    call: &Call,
    bucket: &str,
    metadata: &Value,
    conditions: Conditions,
    may_replace: bool,
) -> Result<NewObject, GoogleError> {
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).map(str::to_owned);
    let name = call
        .query("name")
        .map(str::to_owned)
        .or_else(|| text("name"))
        .ok_or_else(|| GoogleError::new(400, "required", "Required parameter: name"))?;
    let (crc32c, md5) = hashes(call);
    Ok(NewObject {
        bucket: bucket.to_owned(),
        name,
        said: writable(metadata),
        conditions,
        crc32c: text("crc32c").or(crc32c),
        md5: text("md5Hash").or(md5),
        may_replace,
    })
}

/// `uploadType=media`: the body is the object.
pub(crate) fn media(
    store: &Store,
    call: &Call,
    bucket: &str,
    conditions: Conditions,
    may_replace: bool,
) -> Result<Value, GoogleError> {
    let mut metadata = json!({});
    if let Some(content_type) = call.header("content-type") {
        metadata["contentType"] = json!(content_type);
    }
    let new = new_object(call, bucket, &metadata, conditions, may_replace)?;
    Ok(store.put(new, &call.body)?.resource(&call.origin()))
}

/// `uploadType=multipart`: a JSON part about the object, then its bytes.
pub(crate) fn multipart(
    store: &Store,
    call: &Call,
    bucket: &str,
    conditions: Conditions,
    may_replace: bool,
) -> Result<Value, GoogleError> {
    let bad = || GoogleError::new(400, "badContent", "Malformed multipart body.");
    let boundary = call.header("content-type").and_then(boundary).ok_or_else(bad)?;
    let (first, second) = split(&call.body, &boundary).ok_or_else(bad)?;
    let mut metadata: Value = serde_json::from_slice(&first.body).map_err(|_| bad())?;
    if metadata.get("contentType").is_none()
        && let Some(content_type) = second.content_type
    {
        metadata["contentType"] = json!(content_type);
    }
    let new = new_object(call, bucket, &metadata, conditions, may_replace)?;
    Ok(store.put(new, &second.body)?.resource(&call.origin()))
}

/// `uploadType=resumable`: opens a session; the answer is its id.
pub(crate) fn begin(
    store: &Store,
    call: &Call,
    bucket: &str,
    conditions: Conditions,
    may_replace: bool,
) -> Result<String, GoogleError> {
    let mut metadata = call.json()?;
    if metadata.get("contentType").is_none()
        && let Some(content_type) = call.header("x-upload-content-type")
    {
        metadata["contentType"] = json!(content_type);
    }
    let new = new_object(call, bucket, &metadata, conditions, may_replace)?;
    // A condition that already fails is told before a single byte is sent.
    conditions.check(store.get(bucket, &new.name)?.as_deref())?;
    let mut state = store.state();
    state.next_session += 1;
    let id = format!("session-{}", state.next_session);
    state.sessions.insert(id.clone(), Session { new: Some(new), received: Vec::new(), done: None });
    Ok(id)
}

/// A `Content-Range` of an upload.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    /// First byte of the body; `None` for a question about progress.
    start: Option<usize>,
    /// The object's size, when it is known.
    total: Option<usize>,
}

fn content_range(call: &Call) -> Result<Range, GoogleError> {
    let Some(text) = call.header("content-range") else {
        return Ok(Range { start: Some(0), total: Some(call.body.len()) });
    };
    parse_range(text, call.body.len())
        .ok_or_else(|| GoogleError::invalid("Failed to parse Content-Range header."))
}

fn parse_range(text: &str, body: usize) -> Option<Range> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let total = match total {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    if range == "*" {
        return Some(Range { start: None, total });
    }
    let (start, end) = range.split_once('-')?;
    let (start, end): (usize, usize) = (start.parse().ok()?, end.parse().ok()?);
    (end.checked_sub(start)?.checked_add(1)? == body).then_some(Range { start: Some(start), total })
}

/// A PUT to a session: bytes, or a question about how many arrived.
pub(crate) fn put(store: &Store, call: &Call, id: &str) -> Result<Progress, GoogleError> {
    let range = content_range(call)?;
    let gone = || GoogleError::new(404, "notFound", "No such resumable upload.");
    let mut state = store.state();
    let session = state.sessions.get_mut(id).ok_or_else(gone)?;
    if let Some(done) = &session.done {
        return Ok(Progress::Done(done.clone()));
    }
    let mut body = call.body.clone();
    if let Some(start) = range.start {
        let kept = session.received.len();
        if start > kept {
            return Err(GoogleError::invalid(format!(
                "Invalid request. According to the Content-Range header, the upload offset is \
                 {start} byte(s), which exceeds already uploaded size of {kept} byte(s)."
            )));
        }
        // What was sent before and kept is skipped.
        body = body.slice((kept - start).min(body.len())..);
    }
    let kept = session.received.len();
    let last = range.total.is_some_and(|total| kept + body.len() >= total);
    if range.total.is_some_and(|total| kept + body.len() > total) {
        return Err(GoogleError::invalid("Invalid request. More bytes than announced were sent."));
    }
    if !last {
        let whole = (kept + body.len()) / QUANTUM * QUANTUM;
        body.truncate(whole.saturating_sub(kept));
        session.received.extend_from_slice(&body);
        return Ok(Progress::Incomplete(session.received.len()));
    }
    session.received.extend_from_slice(&body);
    let received = std::mem::take(&mut session.received);
    let mut new = session.new.take().ok_or_else(gone)?;
    let (crc32c, md5) = hashes(call);
    new.crc32c = new.crc32c.or(crc32c);
    new.md5 = new.md5.or(md5);
    // The lock must be free while the object is made; a session that fails here is over.
    drop(state);
    let made = store.put(new, &received).map(|object| object.resource(&call.origin()));
    let mut state = store.state();
    match made {
        Ok(resource) => {
            if let Some(session) = state.sessions.get_mut(id) {
                session.done = Some(resource.clone());
            }
            Ok(Progress::Done(resource))
        }
        Err(error) => {
            state.sessions.remove(id);
            Err(error)
        }
    }
}

/// DELETE of a session: Google answers 499 to a cancelled upload.
pub(crate) fn cancel(store: &Store, id: &str) -> GoogleError {
    match store.state().sessions.remove(id) {
        Some(_) => GoogleError::new(499, "cancelled", "Client Closed Request"),
        None => GoogleError::not_found("No such resumable upload."),
    }
}

struct Part {
    content_type: Option<String>,
    body: Bytes,
}

fn boundary(content_type: &str) -> Option<String> {
    let value = content_type.split(';').map(str::trim).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("boundary").then_some(value.trim())
    })?;
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// The two parts of a `multipart/related` body. Lines may end in LF alone, and a part may have
/// no headers; the bytes of the second part are not touched.
fn split(body: &Bytes, boundary: &str) -> Option<(Part, Part)> {
    let mark = format!("--{boundary}");
    let open = find(body, mark.as_bytes(), 0)?;
    let line_end = find(body, b"\n", open)?;
    let crlf = line_end > 0 && body[line_end - 1] == b'\r';
    let delimiter = if crlf { format!("\r\n{mark}") } else { format!("\n{mark}") };
    let middle = find(body, delimiter.as_bytes(), line_end)?;
    let second = find(body, b"\n", middle + delimiter.len())? + 1;
    // The closing delimiter is the last one: the object's own bytes may look like another.
    let close = format!("{delimiter}--");
    let end = rfind(body, close.as_bytes()).filter(|end| *end + 2 >= second)?;
    Some((
        part(body.slice(line_end + 1..middle.max(line_end + 1)))?,
        part(body.slice(second..end.max(second)))?,
    ))
}

fn part(bytes: Bytes) -> Option<Part> {
    let mut at = 0;
    let mut content_type = None;
    loop {
        let Some(end) = find(&bytes, b"\n", at) else {
            // The headers end with the part: there is no body.
            return Some(Part { content_type, body: Bytes::new() });
        };
        let line = std::str::from_utf8(&bytes[at..end]).ok()?.trim_end_matches('\r');
        at = end + 1;
        if line.is_empty() {
            return Some(Part { content_type, body: bytes.slice(at..) });
        }
        if let Some((name, value)) = line.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-type")
        {
            content_type = Some(value.trim().to_owned());
        }
    }
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(what.len()).position(|it| it == what).map(|at| at + from)
}

fn rfind(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|it| it == what)
}

/// The writable properties of a copy: those given, or those of the source.
pub(crate) fn said_of_copy(given: &Value, source: &Map<String, Value>) -> Map<String, Value> {
    let given = writable(given);
    if given.is_empty() { source.clone() } else { given }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipart_bodies_of_many_clients() {
        let crlf = "--b\r\nContent-Type: application/json\r\n\r\n{\"name\":\"x\"}\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\n--bye\r\n\r\n--b--\r\n";
        let lf = "--b\nContent-Type: application/json\n\n{\"name\":\"x\"}\n--b\nContent-Type: text/plain\n\nhello\n--bye\r\n\n--b--";
        let no_type = "--b\r\nContent-Type: application/json\r\n\r\n{\"name\":\"x\"}\r\n--b\r\n\r\nhello\n--bye\r\n\r\n--b--";
        for (body, content_type) in
            [(crlf, Some("text/plain")), (lf, Some("text/plain")), (no_type, None)]
        {
            let (first, second) = split(&Bytes::from(body), "b").expect("two parts");
            assert_eq!(first.body, "{\"name\":\"x\"}");
            assert_eq!(second.body, "hello\n--bye\r\n");
            assert_eq!(second.content_type.as_deref(), content_type);
        }
        let empty = "--b\r\n\r\n{}\r\n--b\r\n\r\n\r\n--b--\r\n";
        let (_, second) = split(&Bytes::from(empty), "b").expect("two parts");
        assert!(second.body.is_empty());
        assert!(split(&Bytes::from("--b\r\n\r\n{}\r\n"), "b").is_none(), "cut short");
    }

    #[test]
    fn content_ranges() {
        let at = |start, total| Some(Range { start, total });
        for (text, body, want) in [
            ("bytes 0-9/100", 10, at(Some(0), Some(100))),
            ("bytes 10-19/*", 10, at(Some(10), None)),
            ("bytes */*", 0, at(None, None)),
            ("bytes */100", 0, at(None, Some(100))),
            ("bytes 0-9/100", 9, None),
            ("0-9/100", 10, None),
        ] {
            assert_eq!(parse_range(text, body), want, "{text}");
        }
    }
}
