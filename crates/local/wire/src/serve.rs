//! The accept loop of one server, on loopback.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::calls::{Call, Calls, FaultKind};

/// Any error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;
/// A request as it arrives, its body still streaming.
pub type Request = http::Request<Incoming>;
/// An answer.
pub type Response = http::Response<Body>;

/// Something that answers requests. It cannot fail: every failure is an answer of its protocol.
pub trait Service: Send + Sync + 'static {
    /// Acts on a request and answers it.
    fn call(&self, request: Request) -> BoxFuture<'static, Response>;
}

/// A body that is already whole.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body of no bytes.
pub fn empty() -> Body {
    Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A running server; it stops accepting when dropped.
pub struct Server {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why a connection is closed without an answer.
#[derive(Debug)]
struct AnswerLost;

impl std::fmt::Display for AnswerLost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer was dropped by an injected fault")
    }
}

impl std::error::Error for AnswerLost {}

/// Serves `service` on `127.0.0.1:port` (0: any free port) until the [`Server`] is dropped.
///
/// # Errors
/// When the port cannot be bound.
pub async fn serve(
    name: &'static str,
    port: u16,
    service: Arc<dyn Service>,
    calls: Calls,
) -> std::io::Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let addr = listener.local_addr()?;
    let task = tokio::spawn(accept(name, listener, service, calls));
    Ok(Server { addr, task })
}

async fn accept(
    name: &'static str,
    listener: TcpListener,
    service: Arc<dyn Service>,
    calls: Calls,
) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(server = name, %error, "accept failed");
                continue;
            }
        };
        // Small answers must not wait for Nagle's algorithm.
        let _ = stream.set_nodelay(true);
        let (service, calls) = (service.clone(), calls.clone());
        tokio::spawn(async move {
            let handler =
                service_fn(|request| answer(name, service.clone(), calls.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), handler);
            if let Err(error) = connection.await {
                tracing::trace!(server = name, %error, "connection ended");
            }
        });
    }
}

async fn answer(
    name: &'static str,
    service: Arc<dyn Service>,
    calls: Calls,
    request: Request,
) -> Result<Response, AnswerLost> {
    let what = format!("{} {}", request.method(), request.uri().path());
    let ticket = calls.begin();
    if let Some(FaultKind::Refuse(status)) = ticket.fault {
        let mut response = Response::new(empty());
        *response.status_mut() =
            http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::SERVICE_UNAVAILABLE);
        return Ok(response);
    }
    // A caller that hangs up must not cancel an effect half way: clouds don't.
    let response = match tokio::spawn(async move { service.call(request).await }).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(server = name, call = what, %error, "server panicked");
            return Err(AnswerLost);
        }
    };
    calls.end(Call { server: name, what, status: response.status().as_u16() });
    match ticket.fault {
        Some(FaultKind::KillAfter) => {
            calls.kill();
            Err(AnswerLost)
        }
        Some(FaultKind::DropAnswer) => Err(AnswerLost),
        Some(FaultKind::Refuse(_)) | None => Ok(response),
    }
}
