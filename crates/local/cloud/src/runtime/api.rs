//! The Runtime API (version 2018-06-01) as one process sees it.
//!
//! Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use landbridge_local_wire::{Request, Response, Service, full_body};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

/// Lambda refuses larger answers of a function (6 MB; AWS Lambda quotas).
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// Work for a process.
pub(super) struct Invocation {
    /// The request id that the function sees, and that its answer names.
    pub(super) id: String,
    /// The event.
    pub(super) payload: Bytes,
    /// When the function must be done: milliseconds of the epoch, of the machine's own clock.
    pub(super) deadline_ms: i64,
    /// The function's ARN.
    pub(super) arn: String,
}

/// What a process made of it.
#[derive(Debug)]
pub(super) enum Answer {
    /// The function's return value.
    Response(Value),
    /// The function failed; the process lives on.
    Error(Failure),
    /// The process could not even start; it must not be used again.
    InitError(Failure),
}

/// An error as a function reports it.
#[derive(Debug)]
pub(super) struct Failure {
    /// `errorType`.
    pub(super) kind: String,
    /// `errorMessage`.
    pub(super) message: String,
}

#[derive(Default)]
struct State {
    waiting: Option<Invocation>,
    open: Option<(String, oneshot::Sender<Answer>)>,
    /// Counts polls: a process that polls again has given up its older poll.
    polls: u64,
    closed: bool,
}

/// The server's side of one process. Clones share it.
#[derive(Clone, Default)]
pub(super) struct RuntimeApi(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
    first_poll: OnceLock<Instant>,
}

impl RuntimeApi {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands work to the process; the receiver gets its answer, or an error when the
    /// process will never give one.
    pub(super) fn submit(&self, invocation: Invocation) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        state.open = Some((invocation.id.clone(), sender));
        state.waiting = Some(invocation);
        drop(state);
        self.0.changed.notify_waiters();
        receiver
    }

    /// When the process asked for work for the first time.
    pub(super) fn first_poll(&self) -> Option<Instant> {
        self.0.first_poll.get().copied()
    }

    /// Ends every poll: the process is gone.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.open = None;
        state.waiting = None;
        drop(state);
        self.0.changed.notify_waiters();
    }

    async fn next(&self) -> Response {
        self.0.first_poll.get_or_init(Instant::now);
        let mine = {
            let mut state = self.state();
            state.polls += 1;
            state.polls
        };
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that a change in between is not missed.
            changed.as_mut().enable();
            {
                let mut state = self.state();
                if state.closed || state.polls != mine {
                    return fault(StatusCode::GONE, "Runtime.Superseded", "this poll was given up");
                }
                if let Some(invocation) = state.waiting.take() {
                    return event(invocation);
                }
            }
            changed.await;
        }
    }

    fn finish(&self, id: &str, answer: Answer) -> Response {
        let mut state = self.state();
        match state.open.take() {
            Some((open, sender)) if open == id => {
                // The invoker may have given up (timeout): its loss.
                let _ = sender.send(answer);
                accepted()
            }
            other => {
                state.open = other;
                fault(StatusCode::BAD_REQUEST, "InvalidRequestID", "no such invocation is open")
            }
        }
    }

    fn fail_to_start(&self, failure: Failure) -> Response {
        let mut state = self.state();
        state.waiting = None;
        if let Some((_, sender)) = state.open.take() {
            let _ = sender.send(Answer::InitError(failure));
        }
        accepted()
    }

    async fn route(self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let Some(path) = parts.uri.path().strip_prefix("/2018-06-01/runtime/") else {
            return fault(StatusCode::NOT_FOUND, "NotFound", "not a path of the Runtime API");
        };
        let path: Vec<&str> = path.split('/').collect();
        if parts.method == Method::GET && path == ["invocation", "next"] {
            return self.next().await;
        }
        if parts.method != Method::POST {
            return fault(StatusCode::NOT_FOUND, "NotFound", "not a path of the Runtime API");
        }
        let Ok(body) = Limited::new(body, MAX_ANSWER_BYTES).collect().await else {
            return fault(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "an answer has at most 6 MB",
            );
        };
        let body = body.to_bytes();
        match path[..] {
            ["invocation", id, "response"] => match serde_json::from_slice(&body) {
                Ok(value) => self.finish(id, Answer::Response(value)),
                Err(_) => {
                    let failure = Failure {
                        kind: "Runtime.InvalidResponse".into(),
                        message: "the function's answer is not JSON".into(),
                    };
                    self.finish(id, Answer::Error(failure))
                }
            },
            ["invocation", id, "error"] => {
                self.finish(id, Answer::Error(failure(&parts.headers, &body)))
            }
            ["init", "error"] => self.fail_to_start(failure(&parts.headers, &body)),
            _ => fault(StatusCode::NOT_FOUND, "NotFound", "not a path of the Runtime API"),
        }
    }
}

impl Service for RuntimeApi {
    fn call(&self, request: Request) -> BoxFuture<'static, Response> {
        Box::pin(self.clone().route(request))
    }
}

fn event(invocation: Invocation) -> Response {
    let mut response = answer(StatusCode::OK, invocation.payload);
    let headers = response.headers_mut();
    let trace = format!("Root=1-{:08x}-{:024x};Sampled=0", invocation.deadline_ms / 1000, 0);
    for (name, value) in [
        ("lambda-runtime-aws-request-id", invocation.id),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.arn),
        ("lambda-runtime-trace-id", trace),
    ] {
        // All of them are made by us from ASCII; one that is not is better left out than fatal.
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    response
}

fn failure(headers: &HeaderMap, body: &[u8]) -> Failure {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let header = || {
        let value = headers.get("lambda-runtime-function-error-type")?;
        value.to_str().ok().map(str::to_owned)
    };
    Failure {
        kind: text("errorType").or_else(header).unwrap_or_else(|| "Unknown".into()),
        message: text("errorMessage").unwrap_or_default(),
    }
}

fn accepted() -> Response {
    answer(StatusCode::ACCEPTED, Bytes::from_static(br#"{"status":"OK"}"#))
}

fn fault(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "errorType": kind, "errorMessage": message });
    answer(status, body.to_string().into())
}

fn answer(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(full_body(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
