//! One request to Secrets Manager, from the wire and back.

use std::sync::Arc;

use futures::future::BoxFuture;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use landbridge_local_wire as wire;
use serde_json::{Value, json};

use super::actions;
use super::refusal::Refusal;
use crate::shared::Shared;
use crate::signature;

/// What `X-Amz-Target` begins with.
const TARGET: &str = "secretsmanager.";
const CONTENT: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// Secrets Manager as the wire serves it.
pub(crate) struct SecretsServer(pub(crate) Arc<Shared>);

impl wire::Service for SecretsServer {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let shared = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await else {
                return answer(Err(Refusal::serialization()));
            };
            let body = body.to_bytes();
            let target = parts.headers.get("x-amz-target").and_then(|it| it.to_str().ok());
            let action = target.and_then(|it| it.strip_prefix(TARGET)).unwrap_or_default();
            answer(
                signature::verify(&shared, "secretsmanager", &parts, &body)
                    .map_err(Refusal::from)
                    .and_then(|_| {
                        serde_json::from_slice(&body).map_err(|_| Refusal::serialization())
                    })
                    .and_then(|said| actions::act(&shared, action, &said)),
            )
        })
    }
}

fn answer(result: Result<Value, Refusal>) -> wire::Response {
    let (status, body) = match &result {
        Ok(body) => (StatusCode::OK, body.to_string()),
        Err(refusal) => {
            tracing::debug!(code = refusal.code, "secrets manager refused");
            let body = json!({ "__type": refusal.code, "Message": refusal.message });
            (StatusCode::BAD_REQUEST, body.to_string())
        }
    };
    let mut response = wire::Response::new(wire::full_body(body));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, CONTENT);
    if let Err(refusal) = result
        && let Ok(code) = HeaderValue::from_str(refusal.code)
    {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}
