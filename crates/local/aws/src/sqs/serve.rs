//! The HTTP side of SQS: JSON protocol 1.0.

use std::sync::Arc;

use futures::future::BoxFuture;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use landbridge_local_wire as wire;
use serde_json::{Value, json};

use super::actions::Sqs;
use super::error::SqsError;
use crate::signature;

/// The prefix of `X-Amz-Target`; the action follows it.
const TARGET_PREFIX: &str = "AmazonSQS.";
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// SQS as an HTTP service.
pub(crate) struct SqsServer(pub(crate) Arc<Sqs>);

impl wire::Service for SqsServer {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let sqs = self.0.clone();
        Box::pin(async move { respond(process(&sqs, request).await) })
    }
}

async fn process(sqs: &Sqs, request: wire::Request) -> Result<Value, SqsError> {
    let (parts, body) = request.into_parts();
    let broken = || SqsError::plain("SerializationException", "The request's body is not JSON.");
    let body = body.collect().await.map_err(|_| broken())?.to_bytes();
    signature::verify(&sqs.account, "sqs", &parts, &body)?;
    let parameters: Value = serde_json::from_slice(&body).map_err(|_| broken())?;
    let header = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok());
    let action = header("x-amz-target").and_then(|target| target.strip_prefix(TARGET_PREFIX));
    let host = header("host").unwrap_or("localhost");
    sqs.perform(action.unwrap_or_default(), &parameters, host)
}

fn respond(result: Result<Value, SqsError>) -> wire::Response {
    let (status, body) = match &result {
        Ok(body) => (StatusCode::OK, body.to_string()),
        Err(SqsError { code, message, status, .. }) => {
            tracing::debug!(code, "sqs refused a request");
            let body = json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": message });
            (*status, body.to_string())
        }
    };
    let mut response = wire::Response::new(wire::full_body(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, CONTENT_TYPE);
    if let Err(error) = result
        && let Ok(code) = HeaderValue::from_str(&format!("{};Sender", error.query_code))
    {
        headers.insert("x-amzn-query-error", code);
    }
    response
}
