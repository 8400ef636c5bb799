//! Two calls of AWS KMS, without its SDK: to sign with an asymmetric key, and to read its public key. (AWS KMS API
//! reference, `Sign` and `GetPublicKey`: JSON protocol 1.1, target `TrentService`.)
//!
//! Both change nothing, so an answer that is lost costs nothing. Nothing here retries: the next tick signs what is not signed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landbridge_core::chain::ALGORITHM;
use landbridge_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::service::Service;
use crate::signed;

/// The limit of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// A signature, and the key that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The ARN of the key, also if it was named by its alias.
    pub key: String,
    /// The signature, DER in base64.
    pub signature: String,
}

/// Signs a message of at most 4096 bytes with a P-256 key, given by its ARN or the ARN of its alias. KMS computes the
/// SHA-256 of the message. `AWS_ENDPOINT_URL_KMS` and `AWS_ENDPOINT_URL` replace the endpoint.
///
/// # Errors
/// [`ErrorKind::Denied`] without credentials or `kms:Sign` on the key, [`ErrorKind::NotFound`] if the key does not
/// exist, [`ErrorKind::Config`] if it is another kind of key or disabled, [`ErrorKind::Transient`] if KMS does not
/// answer.
pub async fn sign(region: &str, key: &str, message: &str) -> Result<Signed> {
    const WHAT: &str = "a day cannot be signed";
    let body = json!({
        "KeyId": key,
        "Message": STANDARD.encode(message),
        "MessageType": "RAW",
        "SigningAlgorithm": ALGORITHM,
    });
    let answer = call(WHAT, region, key, "Sign", &body).await?;
    let field = |name| text(&answer, name).ok_or_else(|| unknown_form(WHAT, key));
    Ok(Signed { key: field("KeyId")?, signature: field("Signature")? })
}

/// The public key of a signing key: DER of its SubjectPublicKeyInfo, in base64.
///
/// # Errors
/// As [`sign`], with `kms:GetPublicKey`.
pub async fn public_key(region: &str, key: &str) -> Result<String> {
    const WHAT: &str = "the public key of the days' signatures cannot be read";
    let answer = call(WHAT, region, key, "GetPublicKey", &json!({ "KeyId": key })).await?;
    let encoded = text(&answer, "PublicKey");
    encoded.filter(|it| STANDARD.decode(it).is_ok()).ok_or_else(|| unknown_form(WHAT, key))
}

async fn call(
    what: &'static str,
    region: &str,
    key: &str,
    action: &str,
    body: &Value,
) -> Result<Value> {
    let target = format!("TrentService.{action}");
    let request = signed::Request {
        service: Service::Kms,
        region,
        method: "POST",
        path: "/",
        headers: &[("content-type", CONTENT_TYPE), ("x-amz-target", target.as_str())],
        body: body.to_string(),
    };
    let failed =
        |kind, error: reqwest::Error| Error::new(kind, what, key).caused_by(error.without_url());
    let sent = request.build(what, key, TIMEOUT).await?.send().await;
    let response = sent.map_err(|error| failed(ErrorKind::Transient, error))?;
    let status = response.status();
    let answer: Value =
        response.json().await.map_err(|error| failed(ErrorKind::Transient, error))?;
    if status.is_success() {
        return Ok(answer);
    }
    let code = text(&answer, "__type").unwrap_or_default();
    // `com.amazonaws.kms#NotFoundException` in some answers.
    let code = code.rsplit('#').next().unwrap_or_default();
    Err(Error::new(kind(status.as_u16(), code), what, format!("{key} ({code})")))
}

/// The kind of a refusal (AWS KMS API reference, "Errors" of `Sign` and "Common Errors").
fn kind(status: u16, code: &str) -> ErrorKind {
    match code {
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignatureException" => ErrorKind::Denied,
        "NotFoundException" | "InvalidArnException" => ErrorKind::NotFound,
        "DisabledException"
        | "InvalidKeyUsageException"
        | "KMSInvalidStateException"
        | "UnsupportedOperationException"
        | "ValidationException" => ErrorKind::Config,
        "ThrottlingException" | "LimitExceededException" => ErrorKind::Throttled,
        _ if status >= 500 => ErrorKind::Transient,
        _ => ErrorKind::Rejected,
    }
}

fn text(answer: &Value, name: &str) -> Option<String> {
    answer.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn unknown_form(what: &'static str, key: &str) -> Error {
    Error::new(ErrorKind::Rejected, what, format!("{key}: an answer of an unknown form"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_kinds() {
        for (status, code, expected) in [
            (400, "AccessDeniedException", ErrorKind::Denied),
            (400, "NotFoundException", ErrorKind::NotFound),
            (400, "KMSInvalidStateException", ErrorKind::Config),
            (400, "ThrottlingException", ErrorKind::Throttled),
            (500, "KMSInternalException", ErrorKind::Transient),
            (503, "", ErrorKind::Transient),
            (400, "SomethingNew", ErrorKind::Rejected),
        ] {
            assert_eq!(kind(status, code), expected, "{code}");
        }
    }
}
