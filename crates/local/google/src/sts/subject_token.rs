//! The subject token for AWS: a signed request as URL-encoded JSON.
//!
//! A request is forwarded to AWS only if it is a `GetCallerIdentity` request and was made for this
//! provider. The form of the token follows Google's documentation, "Create a credential
//! configuration".

use bytes::Bytes;
use http::request::Parts;
use serde_json::Value;

use super::token_error::TokenError;
use crate::web::decode_form_value;

/// The header with the provider for which a request was made.
const TARGET_HEADER: &str = "x-goog-cloud-target-resource";
/// The headers that a request must have.
const REQUIRED_HEADERS: [&str; 4] = ["authorization", "host", "x-amz-date", TARGET_HEADER];

/// Parses the request in a subject token.
///
/// # Errors
/// `invalid_grant` if it is not a `GetCallerIdentity` request for `audience`.
pub(super) fn parse_subject_token(
    token: &str,
    audience: &str,
) -> Result<(Parts, Bytes), TokenError> {
    let request_json: Value = serde_json::from_str(&decode_form_value(token))
        .map_err(|_| TokenError::invalid_format())?;
    let text = |name: &str| request_json.get(name).and_then(Value::as_str);
    let url = text("url").ok_or_else(TokenError::invalid_format)?;
    let uri: http::Uri = url.parse().map_err(|_| TokenError::invalid_format())?;
    if !is_get_caller_identity(&uri) || text("method") != Some("POST") {
        return Err(TokenError::invalid_format());
    }
    let host = uri.host().unwrap_or_default().to_owned();

    let mut request = http::Request::builder().method("POST").uri(uri);
    for header in request_json.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| header.get(name).and_then(Value::as_str);
        let (Some(key), Some(value)) = (part("key"), part("value")) else {
            return Err(TokenError::invalid_format());
        };
        request = request.header(key, value);
    }
    let body = Bytes::from(text("body").unwrap_or_default().to_owned());
    let (parts, ()) = request.body(()).map_err(|_| TokenError::invalid_format())?.into_parts();

    let header = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok());
    if REQUIRED_HEADERS.iter().any(|name| header(name).is_none()) || header("host") != Some(&host) {
        return Err(TokenError::invalid_format());
    }
    // Google recommends, but does not require, that the signature covers this header, and
    // Google's own Python client leaves it out. Where it is signed, AWS detects a change.
    let target = header(TARGET_HEADER).unwrap_or_default();
    if target.strip_prefix("https:").unwrap_or(target) != audience {
        return Err(TokenError::invalid_grant(format!(
            "The value of the header {TARGET_HEADER} is not the audience of the request."
        )));
    }
    Ok((parts, body))
}

/// Whether the URI is exactly `GetCallerIdentity` of the global or a regional AWS STS endpoint.
fn is_get_caller_identity(uri: &http::Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let region = host.strip_prefix("sts.").and_then(|rest| rest.strip_suffix("amazonaws.com"));
    let is_aws_sts = region.is_some_and(|region| {
        region.is_empty()
            || region.strip_suffix('.').is_some_and(|region| {
                !region.is_empty() && region.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            })
    });
    let mut query: Vec<_> = uri.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    is_aws_sts
        && uri.scheme_str() == Some("https")
        && uri.path() == "/"
        && query == ["Action=GetCallerIdentity", "Version=2011-06-15"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_get_caller_identity_is_accepted() {
        let query = "Action=GetCallerIdentity&Version=2011-06-15";
        for (url, is_accepted) in [
            (format!("https://sts.amazonaws.com?{query}"), true),
            (format!("https://sts.ap-northeast-2.amazonaws.com/?{query}"), true),
            (format!("http://sts.ap-northeast-2.amazonaws.com/?{query}"), false),
            (format!("https://sts.ap-northeast-2.amazonaws.com/other?{query}"), false),
            (format!("https://sts.evil.com/amazonaws.com?{query}"), false),
            (format!("https://sts.evil.example.amazonaws.com?{query}"), false),
            (format!("https://stsamazonaws.com?{query}"), false),
            (format!("https://iam.amazonaws.com?{query}"), false),
            ("https://sts.amazonaws.com?Action=AssumeRole&Version=2011-06-15".to_owned(), false),
            (format!("https://sts.amazonaws.com?{query}&RoleArn=x"), false),
        ] {
            let uri: http::Uri = url.parse().expect("a URI");
            assert_eq!(is_get_caller_identity(&uri), is_accepted, "{url}");
        }
    }
}
