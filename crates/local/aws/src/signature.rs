//! Verification of Signature Version 4: builds the canonical request from what arrived, signs it
//! with the secret key of the identity and compares the signatures.
//! AWS documentation: Create a signed AWS API request.

use std::time::SystemTime;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::request::Parts;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::identity::Identity;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SESSION_TOKEN_HEADER: &str = "x-amz-security-token";
/// The accepted difference between the time of a request and the machine's clock. This is real
/// time, not virtual time: the SDKs sign with the machine's clock.
const MAX_SKEW_SECONDS: i64 = 15 * 60;

/// Why a request is not accepted as signed. Each protocol has its own codes for these cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignatureError {
    /// The request has no signature.
    Missing,
    /// The signature lacks a part; the message names it.
    Incomplete(String),
    /// No identity has this access key, or the session token does not belong to it.
    UnknownKey,
    /// The signature is not valid for this request at this time.
    Mismatch(String),
}

/// The fields of the `Authorization` header.
struct Authorization<'a> {
    access_key: &'a str,
    /// For example `20260101/ap-northeast-2/rds/aws4_request`.
    scope: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let fields = header.strip_prefix(ALGORITHM)?;
        let field = |name: &str| {
            let mut fields = fields.split(',');
            fields.find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let (access_key, scope) = field("Credential")?.split_once('/')?;
        Some(Self {
            access_key,
            scope,
            signed_headers: field("SignedHeaders")?.split(';').collect(),
            signature: field("Signature")?,
        })
    }
}

/// Verifies that an identity of the account signed this request to `service` (for example `rds`)
/// within the last 15 minutes. Returns the identity.
pub(crate) fn verify(
    account: &Account,
    service: &str,
    parts: &Parts,
    body: &[u8],
) -> Result<Identity, SignatureError> {
    verify_in(account, (service, &account.options.region), parts, body)
}

/// The same for a service that takes signatures of this region.
pub(crate) fn verify_in(
    account: &Account,
    (service, region): (&str, &str),
    parts: &Parts,
    body: &[u8],
) -> Result<Identity, SignatureError> {
    let header = header_value(parts, "authorization").ok_or(SignatureError::Missing)?;
    let authorization =
        Authorization::parse(&header).ok_or_else(|| incomplete("a valid Authorization header"))?;
    let date =
        header_value(parts, "x-amz-date").ok_or_else(|| incomplete("an X-Amz-Date header"))?;
    let signed_at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &date)
        .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC))
        .map_err(|_| incomplete("a valid X-Amz-Date header"))?
        .timestamp();
    let signed = |name| authorization.signed_headers.contains(&name);
    let identity = account
        .identities
        .find(authorization.access_key)
        // Temporary keys are valid with their session token only, which must be signed too.
        .filter(|identity| {
            identity.session_token.is_none()
                || identity.session_token == header_value(parts, SESSION_TOKEN_HEADER)
                    && signed(SESSION_TOKEN_HEADER)
        })
        .ok_or(SignatureError::UnknownKey)?;
    let scope = format!("{}/{region}/{service}/aws4_request", date.get(..8).unwrap_or_default());
    if authorization.scope != scope {
        return Err(SignatureError::Mismatch(format!(
            "Credential should be scoped to {scope}, not {}.",
            authorization.scope
        )));
    }
    if Timestamp::now().duration_since(signed_at).as_secs().abs() > MAX_SKEW_SECONDS {
        return Err(SignatureError::Mismatch(format!(
            "Signature expired or not yet current: {date}"
        )));
    }
    if !signed("host") {
        return Err(SignatureError::Mismatch(
            "'Host' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        ));
    }
    let canonical = canonical_request(parts, &authorization.signed_headers, body);
    let to_sign =
        format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let signed_at = SystemTime::from(signed_at);
    let key = generate_signing_key(&identity.secret_key, signed_at, region, service);
    if calculate_signature(key, to_sign.as_bytes()) != authorization.signature {
        return Err(SignatureError::Mismatch(
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method."
                .to_owned(),
        ));
    }
    Ok(identity)
}

fn incomplete(missing: &str) -> SignatureError {
    SignatureError::Incomplete(format!("The request signature lacks {missing}."))
}

/// All values of a header, joined as the canonical request requires.
fn header_value(parts: &Parts, name: &str) -> Option<String> {
    let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let values: Vec<_> =
        values.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn canonical_request(parts: &Parts, signed_headers: &[&str], body: &[u8]) -> String {
    let mut query: Vec<_> = parts.uri.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    let mut text = format!("{}\n{}\n{}\n", parts.method, parts.uri.path(), query.join("&"));
    for name in signed_headers {
        text.push_str(&format!("{name}:{}\n", header_value(parts, name).unwrap_or_default()));
    }
    let body_hash = hex::encode(Sha256::digest(body));
    text.push_str(&format!("\n{}\n{body_hash}", signed_headers.join(";")));
    text
}
