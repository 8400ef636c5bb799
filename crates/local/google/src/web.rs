//! HTTP requests and responses of all servers.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use landbridge_local_wire as wire;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::error::GoogleError;

/// A response, or the error that becomes one.
pub(crate) type ApiResult = Result<wire::Response, GoogleError>;

/// A request with its complete body. The path is split at slashes *before* decoding, because an
/// object's name may contain an encoded slash.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) segments: Vec<String>,
    query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The server's own address (`http://HOST:PORT`), if known.
    pub(crate) server_url: Option<String>,
}

impl Call {
    async fn read(request: wire::Request) -> Result<Self, GoogleError> {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|_| GoogleError::new(400, "badRequest", "The request's body ended early."))?
            .to_bytes();
        let segments = head
            .uri
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .map(percent_decode)
            .collect();
        let query = head.uri.query().unwrap_or_default();
        Ok(Self {
            method: head.method,
            segments,
            query: parse_form(query),
            headers: head.headers,
            body,
            server_url: None,
        })
    }

    /// The decoded path segments, for matching.
    pub(crate) fn path(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The first value of a query parameter.
    pub(crate) fn query_param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter.
    pub(crate) fn query_params<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter that must be an integer.
    pub(crate) fn int_param(&self, name: &str) -> Result<Option<i64>, GoogleError> {
        self.query_param(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    GoogleError::invalid(format!("Invalid value for: {name} is not a valid value"))
                })
            })
            .transpose()
    }

    /// Whether a query parameter is `true`. Ignores case: Google's Python client sends `True`.
    pub(crate) fn bool_param(&self, name: &str) -> bool {
        self.query_param(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The bearer token, if any.
    pub(crate) fn bearer_token(&self) -> Option<&str> {
        let value = self.header("authorization")?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The body as JSON; an empty body is an empty object.
    pub(crate) fn json_body(&self) -> Result<Value, GoogleError> {
        if self.body.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&self.body)
            .map_err(|_| GoogleError::new(400, "parseError", "Parse Error: the body is not JSON."))
    }

    /// `http://HOST:PORT` of this server, as the caller addressed it. Google's Rust client omits
    /// the port in its `Host` header; the server's own address is used then.
    pub(crate) fn origin(&self) -> String {
        let host = self.header("host").unwrap_or("127.0.0.1");
        match &self.server_url {
            Some(server_url) if !host.contains(':') => server_url.clone(),
            _ => format!("http://{host}"),
        }
    }
}

fn percent_decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Decodes a form value: `+` is a space.
pub(crate) fn decode_form_value(text: &str) -> String {
    percent_decode(&text.replace('+', " "))
}

/// The name-value pairs of a query or a form.
pub(crate) fn parse_form(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_form_value(key), decode_form_value(value))
        })
        .collect()
}

/// Handles one call.
type HandlerFn = dyn Fn(Call) -> BoxFuture<'static, ApiResult> + Send + Sync;

/// A service that calls one function and converts its errors to responses.
pub(crate) struct Handler(Arc<HandlerFn>);

impl Handler {
    /// A service that responds with the result of `handle`.
    pub(crate) fn service<F>(handle: F) -> Arc<dyn wire::Service>
    where
        F: Fn(Call) -> BoxFuture<'static, ApiResult> + Send + Sync + 'static,
    {
        Arc::new(Self(Arc::new(handle)))
    }
}

impl wire::Service for Handler {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let handle = self.0.clone();
        Box::pin(async move {
            let result = match Call::read(request).await {
                Ok(call) => handle(call).await,
                Err(error) => Err(error),
            };
            result.unwrap_or_else(|error| error_response(&error))
        })
    }
}

/// A response with a JSON body.
pub(crate) fn json_response(status: u16, body: &Value) -> wire::Response {
    response_with(status, &[("content-type", "application/json; charset=UTF-8")], body.to_string())
}

/// A response without a body.
pub(crate) fn no_content_response() -> wire::Response {
    response_with(204, &[], Bytes::new())
}

/// The response to a failed call.
pub(crate) fn error_response(error: &GoogleError) -> wire::Response {
    if error.status == 304 {
        return response_with(304, &[], Bytes::new());
    }
    let mut response = json_response(error.status, &error.body());
    if error.status == 401 {
        response.headers_mut().insert(
            "www-authenticate",
            http::HeaderValue::from_static("Bearer realm=\"https://accounts.google.com/\""),
        );
    }
    response
}

/// A response with a status, headers and a body. Headers that are invalid in HTTP are left out.
pub(crate) fn response_with(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> wire::Response {
    let body = body.into();
    let mut response = wire::Response::new(if body.is_empty() {
        wire::empty_body()
    } else {
        wire::full_body(body)
    });
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::try_from(*name), http::HeaderValue::try_from(*value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
