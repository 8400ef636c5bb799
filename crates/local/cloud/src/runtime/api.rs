//! The Runtime API (version 2018-06-01) of one process.
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

/// The maximum size of a function's response (6 MB; AWS Lambda quotas).
const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

/// An invocation that a process is to handle.
pub(super) struct Invocation {
    /// The request id, which the function receives and its response names.
    pub(super) id: String,
    /// The event.
    pub(super) payload: Bytes,
    /// The deadline in milliseconds since the epoch, by the machine's clock.
    pub(super) deadline_ms: i64,
    /// The function's ARN.
    pub(super) arn: String,
}

/// How a process completed an invocation.
#[derive(Debug)]
pub(super) enum Completion {
    /// The function's return value.
    Response(Value),
    /// The function failed; the process can be used again.
    Error(FunctionError),
    /// The process failed to initialize; it must not be used again.
    InitError(FunctionError),
}

/// An error that a function reported.
#[derive(Debug)]
pub(super) struct FunctionError {
    /// `errorType`.
    pub(super) kind: String,
    /// `errorMessage`.
    pub(super) message: String,
}

#[derive(Default)]
struct ApiState {
    /// The invocation that the next poll returns.
    pending: Option<Invocation>,
    /// The invocation that is not completed: its id, and the channel to the invoker.
    open: Option<(String, oneshot::Sender<Completion>)>,
    /// The number of polls. A new poll supersedes the previous one.
    polls: u64,
    closed: bool,
}

/// The Runtime API of one process. Clones share it.
#[derive(Clone, Default)]
pub(super) struct RuntimeApi(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<ApiState>,
    changed: Notify,
    first_poll: OnceLock<Instant>,
}

impl RuntimeApi {
    fn state(&self) -> MutexGuard<'_, ApiState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes an invocation to the process. The receiver gets the completion, or an error if the
    /// process can no longer complete it.
    pub(super) fn submit(&self, invocation: Invocation) -> oneshot::Receiver<Completion> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        state.open = Some((invocation.id.clone(), sender));
        state.pending = Some(invocation);
        drop(state);
        self.0.changed.notify_waiters();
        receiver
    }

    /// The time of the first poll.
    pub(super) fn first_poll(&self) -> Option<Instant> {
        self.0.first_poll.get().copied()
    }

    /// Ends all polls, after the process has ended.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.open = None;
        state.pending = None;
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// `GET invocation/next`: waits for an invocation and returns it.
    async fn next_invocation(&self) -> Response {
        self.0.first_poll.get_or_init(Instant::now);
        let own_poll = {
            let mut state = self.state();
            state.polls += 1;
            state.polls
        };
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // Registered before the state is read, so that no change is missed.
            changed.as_mut().enable();
            {
                let mut state = self.state();
                if state.closed || state.polls != own_poll {
                    return error_response(
                        StatusCode::GONE,
                        "Runtime.Superseded",
                        "a later poll supersedes this one",
                    );
                }
                if let Some(invocation) = state.pending.take() {
                    return invocation_response(invocation);
                }
            }
            changed.await;
        }
    }

    fn complete(&self, id: &str, completion: Completion) -> Response {
        let mut state = self.state();
        match state.open.take() {
            Some((open, sender)) if open == id => {
                // The invoker may have stopped waiting after a timeout.
                let _ = sender.send(completion);
                accepted()
            }
            other => {
                state.open = other;
                error_response(
                    StatusCode::BAD_REQUEST,
                    "InvalidRequestID",
                    "no such invocation is open",
                )
            }
        }
    }

    fn fail_initialization(&self, error: FunctionError) -> Response {
        let mut state = self.state();
        state.pending = None;
        if let Some((_, sender)) = state.open.take() {
            let _ = sender.send(Completion::InitError(error));
        }
        accepted()
    }

    async fn route(self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let Some(path) = parts.uri.path().strip_prefix("/2018-06-01/runtime/") else {
            return error_response(
                StatusCode::NOT_FOUND,
                "NotFound",
                "not a path of the Runtime API",
            );
        };
        let path: Vec<&str> = path.split('/').collect();
        if parts.method == Method::GET && path == ["invocation", "next"] {
            return self.next_invocation().await;
        }
        if parts.method != Method::POST {
            return error_response(
                StatusCode::NOT_FOUND,
                "NotFound",
                "not a path of the Runtime API",
            );
        }
        let Ok(body) = Limited::new(body, MAX_RESPONSE_BYTES).collect().await else {
            return error_response(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "a response has at most 6 MB",
            );
        };
        let body = body.to_bytes();
        match path[..] {
            ["invocation", id, "response"] => match serde_json::from_slice(&body) {
                Ok(value) => self.complete(id, Completion::Response(value)),
                Err(_) => {
                    let error = FunctionError {
                        kind: "Runtime.InvalidResponse".into(),
                        message: "the function's response is not JSON".into(),
                    };
                    self.complete(id, Completion::Error(error))
                }
            },
            ["invocation", id, "error"] => {
                self.complete(id, Completion::Error(function_error(&parts.headers, &body)))
            }
            ["init", "error"] => self.fail_initialization(function_error(&parts.headers, &body)),
            _ => error_response(StatusCode::NOT_FOUND, "NotFound", "not a path of the Runtime API"),
        }
    }
}

impl Service for RuntimeApi {
    fn call(&self, request: Request) -> BoxFuture<'static, Response> {
        Box::pin(self.clone().route(request))
    }
}

fn invocation_response(invocation: Invocation) -> Response {
    let mut response = respond(StatusCode::OK, invocation.payload);
    let headers = response.headers_mut();
    let trace = format!("Root=1-{:08x}-{:024x};Sampled=0", invocation.deadline_ms / 1000, 0);
    for (name, value) in [
        ("lambda-runtime-aws-request-id", invocation.id),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.arn),
        ("lambda-runtime-trace-id", trace),
    ] {
        // All values are ASCII; an invalid one is omitted rather than failing the invocation.
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    response
}

fn function_error(headers: &HeaderMap, body: &[u8]) -> FunctionError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let header = || {
        let value = headers.get("lambda-runtime-function-error-type")?;
        value.to_str().ok().map(str::to_owned)
    };
    FunctionError {
        kind: text("errorType").or_else(header).unwrap_or_else(|| "Unknown".into()),
        message: text("errorMessage").unwrap_or_default(),
    }
}

fn accepted() -> Response {
    respond(StatusCode::ACCEPTED, Bytes::from_static(br#"{"status":"OK"}"#))
}

fn error_response(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "errorType": kind, "errorMessage": message });
    respond(status, body.to_string().into())
}

fn respond(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(full_body(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
