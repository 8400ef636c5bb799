//! The subject token of AWS: a signed request, as URL-encoded JSON. It is passed on to AWS only
//! when it can do nothing there but ask who signed it, and was signed for this provider.
//! Google's documentation, "Create a credential configuration", the form of the token.

use bytes::Bytes;
use http::request::Parts;
use serde_json::Value;

use super::token_error::TokenError;
use crate::web::decode_form_value;

/// The header that names the provider which a request was made for.
const TARGET: &str = "x-goog-cloud-target-resource";
/// Headers without which it cannot be passed on.
const NEEDED: [&str; 4] = ["authorization", "host", "x-amz-date", TARGET];

/// The request that a subject token holds.
pub(super) fn parse(token: &str, audience: &str) -> Result<(Parts, Bytes), TokenError> {
    let properties: Value =
        serde_json::from_str(&decode_form_value(token)).map_err(|_| TokenError::format())?;
    let text = |name: &str| properties.get(name).and_then(Value::as_str);
    let url = text("url").ok_or_else(TokenError::format)?;
    let uri: http::Uri = url.parse().map_err(|_| TokenError::format())?;
    if !asks_who_signed(&uri) || text("method") != Some("POST") {
        return Err(TokenError::format());
    }
    let host = uri.host().unwrap_or_default().to_owned();

    let mut request = http::Request::builder().method("POST").uri(uri);
    for header in properties.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| header.get(name).and_then(Value::as_str);
        let (Some(key), Some(value)) = (part("key"), part("value")) else {
            return Err(TokenError::format());
        };
        request = request.header(key, value);
    }
    let body = Bytes::from(text("body").unwrap_or_default().to_owned());
    let (parts, ()) = request.body(()).map_err(|_| TokenError::format())?.into_parts();

    let header = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok());
    if NEEDED.iter().any(|name| header(name).is_none()) || header("host") != Some(&host) {
        return Err(TokenError::format());
    }
    // Whether it is signed, Google leaves to the client ("recommended"), and Google's own Python
    // client leaves it out. Where it is signed, AWS refuses one that was changed.
    let target = header(TARGET).unwrap_or_default();
    if target.strip_prefix("https:").unwrap_or(target) != audience {
        return Err(TokenError::grant(format!(
            "The value of the header {TARGET} is not the audience of the request."
        )));
    }
    Ok((parts, body))
}

/// Whether it is `GetCallerIdentity` of AWS, global or of a region, and nothing besides.
fn asks_who_signed(uri: &http::Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let region = host.strip_prefix("sts.").and_then(|rest| rest.strip_suffix("amazonaws.com"));
    let of_aws = region.is_some_and(|region| {
        region.is_empty()
            || region.strip_suffix('.').is_some_and(|region| {
                !region.is_empty() && region.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            })
    });
    let mut query: Vec<_> = uri.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    of_aws
        && uri.scheme_str() == Some("https")
        && uri.path() == "/"
        && query == ["Action=GetCallerIdentity", "Version=2011-06-15"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_question_who_signed_is_passed_on() {
        let query = "Action=GetCallerIdentity&Version=2011-06-15";
        for (url, passes) in [
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
            assert_eq!(asks_who_signed(&uri), passes, "{url}");
        }
    }
}
