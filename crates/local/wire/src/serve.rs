//! An HTTP server on loopback: the accept loop, and the passage of each request through the
//! [`CallMonitor`].

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

use crate::monitor::{Admission, Call, CallFaultKind, CallMonitor, Delivery};

/// Any error while a body is read or written.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of a response.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;
/// A request whose body has not been read yet.
pub type Request = http::Request<Incoming>;
/// A response.
pub type Response = http::Response<Body>;

/// A handler of requests. It cannot fail: it reports every failure as a response of its protocol.
pub trait Service: Send + Sync + 'static {
    /// Processes a request and returns the response.
    fn call(&self, request: Request) -> BoxFuture<'static, Response>;
}

/// A body with these bytes.
pub fn full_body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body without bytes.
pub fn empty_body() -> Body {
    Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A running server. It stops accepting connections when dropped.
pub struct Server {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// The address on which it listens.
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

/// Closes a connection without a response.
#[derive(Debug)]
struct ResponseDropped;

impl std::fmt::Display for ResponseDropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the response was dropped by an injected fault")
    }
}

impl std::error::Error for ResponseDropped {}

/// Serves `service` on `127.0.0.1:port` (0: any free port) until the [`Server`] is dropped.
/// `name` identifies the server in logs and in the recorded [`Call`]s.
///
/// # Errors
/// The I/O error of binding the port.
pub async fn serve(
    name: &'static str,
    port: u16,
    service: Arc<dyn Service>,
    monitor: CallMonitor,
) -> std::io::Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let addr = listener.local_addr()?;
    let task = tokio::spawn(accept(name, listener, service, monitor));
    Ok(Server { addr, task })
}

async fn accept(
    name: &'static str,
    listener: TcpListener,
    service: Arc<dyn Service>,
    monitor: CallMonitor,
) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(server = name, %error, "accept failed");
                continue;
            }
        };
        // Nagle's algorithm would delay small responses.
        let _ = stream.set_nodelay(true);
        let (service, monitor) = (service.clone(), monitor.clone());
        tokio::spawn(async move {
            let handler =
                service_fn(|request| respond(name, service.clone(), monitor.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), handler);
            if let Err(error) = connection.await {
                tracing::trace!(server = name, %error, "connection ended");
            }
        });
    }
}

async fn respond(
    name: &'static str,
    service: Arc<dyn Service>,
    monitor: CallMonitor,
    request: Request,
) -> Result<Response, ResponseDropped> {
    let call = format!("{} {}", request.method(), request.uri().path());
    let fault = monitor.begin_call();
    if let Some(CallFaultKind::Reject(status)) = fault {
        return Ok(rejection(status));
    }
    // A task of its own: as in a real cloud, a caller that disconnects does not cancel the call.
    let processed = tokio::spawn(process(name, service, monitor.clone(), request, call.clone()));
    let response = match processed.await {
        Ok(response) => response?,
        Err(error) => {
            tracing::error!(server = name, call, %error, "server panicked");
            return Err(ResponseDropped);
        }
    };
    let latency = monitor.latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match fault {
        Some(CallFaultKind::KillCaller) => {
            monitor.kill_caller();
            Err(ResponseDropped)
        }
        Some(CallFaultKind::DropResponse) => Err(ResponseDropped),
        Some(CallFaultKind::Reject(_)) | None => Ok(response),
    }
}

/// Processes a call, with the observer before and after it.
async fn process(
    name: &'static str,
    service: Arc<dyn Service>,
    monitor: CallMonitor,
    request: Request,
    call: String,
) -> Result<Response, ResponseDropped> {
    let observed = monitor.observe(name, &call, request.headers());
    if let Some((observer, arrived)) = &observed {
        match observer.before(arrived.clone()).await {
            Admission::Proceed => {}
            Admission::Reject(status) => return Ok(rejection(status)),
            Admission::Drop => return Err(ResponseDropped),
        }
    }
    let response = service.call(request).await;
    let status = response.status().as_u16();
    monitor.end_call(Call { server: name, request: call, status });
    if let Some((observer, arrived)) = observed
        && observer.after(arrived, status).await == Delivery::Drop
    {
        return Err(ResponseDropped);
    }
    Ok(response)
}

/// A response without effect.
fn rejection(status: u16) -> Response {
    let mut response = Response::new(empty_body());
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::SERVICE_UNAVAILABLE);
    response
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    struct Empty;

    impl Service for Empty {
        fn call(&self, _: Request) -> BoxFuture<'static, Response> {
            async { Response::new(empty_body()) }.boxed()
        }
    }

    async fn call(server: &Server) -> Duration {
        let started = Instant::now();
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        started.elapsed()
    }

    #[tokio::test]
    async fn every_response_is_delayed_by_the_latency_and_calls_wait_at_the_same_time() {
        let monitor = CallMonitor::default();
        let server = serve("test", 0, Arc::new(Empty), monitor.clone()).await.unwrap();
        let latency = Duration::from_millis(300);
        assert!(call(&server).await < latency, "no latency unless it is set");
        monitor.set_latency(latency);
        let started = Instant::now();
        let (one, other) = tokio::join!(call(&server), call(&server));
        assert!(one >= latency && other >= latency, "{one:?}, {other:?}");
        assert!(started.elapsed() < 2 * latency, "{:?}", started.elapsed());
        monitor.set_latency(Duration::ZERO);
        assert!(call(&server).await < latency);
    }
}
