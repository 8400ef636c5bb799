//! The HTTP side of Secrets Manager.

use std::sync::Arc;

use futures::future::BoxFuture;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use landbridge_local_wire as wire;
use serde_json::{Value, json};

use super::actions::Secrets;
use super::error::SecretsError;
use crate::signature;

/// The prefix of `X-Amz-Target`; the action follows it.
const TARGET_PREFIX: &str = "secretsmanager.";
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// Secrets Manager as an HTTP service.
pub(crate) struct SecretsServer(pub(crate) Arc<Secrets>);

impl wire::Service for SecretsServer {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let secrets = self.0.clone();
        Box::pin(async move { respond(process(&secrets, request).await) })
    }
}

async fn process(secrets: &Secrets, request: wire::Request) -> Result<Value, SecretsError> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| SecretsError::serialization())?.to_bytes();
    signature::verify(&secrets.account, "secretsmanager", &parts, &body)?;
    let parameters = serde_json::from_slice(&body).map_err(|_| SecretsError::serialization())?;
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let action = target.and_then(|target| target.strip_prefix(TARGET_PREFIX)).unwrap_or_default();
    secrets.perform(action, &parameters)
}

fn respond(result: Result<Value, SecretsError>) -> wire::Response {
    let (status, body) = match &result {
        Ok(body) => (StatusCode::OK, body.to_string()),
        Err(error) => {
            tracing::debug!(code = error.code, "secrets manager refused a request");
            let body = json!({ "__type": error.code, "Message": error.message });
            (StatusCode::BAD_REQUEST, body.to_string())
        }
    };
    let mut response = wire::Response::new(wire::full_body(body));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, CONTENT_TYPE);
    if let Err(error) = result {
        let code = HeaderValue::from_static(error.code);
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}
