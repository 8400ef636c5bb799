//! How the local Google finds out who signed a federated request: it forwards the signed
//! `GetCallerIdentity` request to AWS, as Google does. Here AWS is the local AWS or another
//! emulation.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use landbridge_local_aws::LocalAws;
use landbridge_local_google::{
    AwsCaller, CallerIdentityLookup, CallerIdentityResult, SignedAwsRequest,
};

use crate::error::LocalError;

/// The timeout of a request to another emulation.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Forwards requests to the local AWS, without HTTP.
pub(crate) fn local_aws(aws: &LocalAws) -> CallerIdentityLookup {
    let aws = aws.clone();
    Arc::new(move |(parts, body): SignedAwsRequest<'_>| {
        let result = aws
            .caller_identity(parts, body)
            .map(|caller| AwsCaller { account: caller.account, arn: caller.arn })
            .map_err(|error| (error.code.to_owned(), error.message));
        async move { result }.boxed()
    })
}

/// Forwards requests to another emulation at `http://HOST:PORT`, unchanged and with the `Host`
/// header of AWS, because they are signed.
///
/// # Errors
/// [`LocalError::Config`] if `url` does not have this form.
pub(crate) fn other_aws(url: &str) -> Result<CallerIdentityLookup, LocalError> {
    let base = url.trim_end_matches('/').to_owned();
    let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
    let client = client.ok().filter(|_| base.starts_with("http://"));
    let client = client.ok_or_else(|| {
        LocalError::Config(format!("`{url}` is not a valid address of an AWS emulation; it must look like http://127.0.0.1:5000"))
    })?;
    Ok(Arc::new(move |(parts, body): SignedAwsRequest<'_>| {
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let request = client
            .request(parts.method.clone(), format!("{base}{path}"))
            .headers(parts.headers.clone())
            .body(body.to_vec())
            .send();
        async move {
            let unavailable =
                |_| ("ServiceUnavailable".to_owned(), "AWS does not respond".to_owned());
            let response = request.await.map_err(unavailable)?;
            parse_response(&response.text().await.map_err(unavailable)?)
        }
        .boxed()
    }))
}

/// Parses the XML of a `GetCallerIdentity` response or of an error (AWS Security Token Service API
/// Reference).
fn parse_response(xml: &str) -> CallerIdentityResult {
    let text = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim().to_owned())
    };
    match (text("Account"), text("Arn")) {
        (Some(account), Some(arn)) => Ok(AwsCaller { account, arn }),
        _ => Err((
            text("Code").unwrap_or_else(|| "InternalFailure".to_owned()),
            text("Message").unwrap_or_else(|| "not a response of GetCallerIdentity".to_owned()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_and_errors_are_parsed() {
        let good = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::1:assumed-role/r/s</Arn>\
                    <UserId>A:s</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
        let caller = parse_response(good).expect("a caller");
        assert_eq!(
            (caller.account.as_str(), caller.arn.as_str()),
            ("1", "arn:aws:sts::1:assumed-role/r/s")
        );
        let refused = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>It does not.</Message></Error></ErrorResponse>";
        assert_eq!(
            parse_response(refused),
            Err(("SignatureDoesNotMatch".into(), "It does not.".into()))
        );
        assert_eq!(
            parse_response("<html>").map_err(|(code, _)| code),
            Err("InternalFailure".into())
        );
    }

    #[test]
    fn only_http_addresses_are_accepted() {
        assert!(other_aws("127.0.0.1:5000").is_err());
        assert!(other_aws("http://127.0.0.1:5000/").is_ok());
    }
}
