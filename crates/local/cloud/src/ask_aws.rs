//! Whom the local Google asks who signed a request: Google passes the signed `GetCallerIdentity`
//! on to AWS and believes its answer. Here that is the local AWS, or another emulation.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use landbridge_local_aws::LocalAws;
use landbridge_local_google::{
    AwsCaller, CallerIdentityLookup, CallerIdentityResult, SignedAwsRequest,
};

use crate::error::LocalError;

/// How long the other emulation may think. It answers from memory.
const PATIENCE: Duration = Duration::from_secs(20);

/// The local AWS, without HTTP in between.
pub(crate) fn local(aws: &LocalAws) -> CallerIdentityLookup {
    let aws = aws.clone();
    Arc::new(move |(parts, body): SignedAwsRequest<'_>| {
        let answer = aws
            .caller_identity(parts, body)
            .map(|caller| AwsCaller { account: caller.account, arn: caller.arn })
            .map_err(|refused| (refused.code.to_owned(), refused.message));
        async move { answer }.boxed()
    })
}

/// Another emulation at `http://HOST:PORT`: the request goes there as it was signed, with the
/// `Host` of AWS.
///
/// # Errors
/// [`LocalError::Config`] when it is no such address.
pub(crate) fn elsewhere(url: &str) -> Result<CallerIdentityLookup, LocalError> {
    let base = url.trim_end_matches('/').to_owned();
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
    let client = client.ok().filter(|_| base.starts_with("http://"));
    let client = client.ok_or_else(|| {
        LocalError::Config(format!("`{url}` is no address of an AWS such as http://127.0.0.1:5000"))
    })?;
    Ok(Arc::new(move |(parts, body): SignedAwsRequest<'_>| {
        let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let request = client
            .request(parts.method.clone(), format!("{base}{path}"))
            .headers(parts.headers.clone())
            .body(body.to_vec())
            .send();
        async move {
            let silent = |_| ("ServiceUnavailable".to_owned(), "AWS does not answer".to_owned());
            answer(&request.await.map_err(silent)?.text().await.map_err(silent)?)
        }
        .boxed()
    }))
}

/// Reads the XML of `GetCallerIdentity` or of an error (AWS Security Token Service API Reference).
fn answer(xml: &str) -> CallerIdentityResult {
    let text = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim().to_owned())
    };
    match (text("Account"), text("Arn")) {
        (Some(account), Some(arn)) => Ok(AwsCaller { account, arn }),
        _ => Err((
            text("Code").unwrap_or_else(|| "InternalFailure".to_owned()),
            text("Message").unwrap_or_else(|| "no answer of GetCallerIdentity".to_owned()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_refusals_are_read() {
        let good = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::1:assumed-role/r/s</Arn>\
                    <UserId>A:s</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
        let caller = answer(good).expect("a caller");
        assert_eq!(
            (caller.account.as_str(), caller.arn.as_str()),
            ("1", "arn:aws:sts::1:assumed-role/r/s")
        );
        let refused = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>It does not.</Message></Error></ErrorResponse>";
        assert_eq!(answer(refused), Err(("SignatureDoesNotMatch".into(), "It does not.".into())));
        assert_eq!(answer("<html>").map_err(|(code, _)| code), Err("InternalFailure".into()));
    }

    #[test]
    fn only_an_address_is_one() {
        assert!(elsewhere("127.0.0.1:5000").is_err());
        assert!(elsewhere("http://127.0.0.1:5000/").is_ok());
    }
}
