//! Signature Version 4, verified: the canonical request is put together from
//! what arrived and signed again with the account's secret.
//! AWS documentation: Create a signed AWS API request.

use std::time::SystemTime;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::request::Parts;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::identity::Identity;
use crate::shared::Shared;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The header of a session token.
const TOKEN: &str = "x-amz-security-token";
/// How far a request's own time may be off the machine's (seconds). It is real time,
/// not virtual: the SDKs sign by the machine's clock.
const SKEW: i64 = 15 * 60;

/// Why a request is not taken for the account's. Each protocol has its own words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// There is no signature.
    Missing,
    /// The signature lacks something.
    Incomplete(String),
    /// Nobody has this access key.
    UnknownKey,
    /// It is not the signature of this request, now.
    Wrong(String),
}

/// What the `Authorization` header says.
struct Authorization<'a> {
    access_key: &'a str,
    /// `20260101/ap-northeast-2/rds/aws4_request`
    scope: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

fn parse(header: &str) -> Option<Authorization<'_>> {
    let fields = header.strip_prefix(ALGORITHM)?;
    let field = |name: &str| {
        let mut fields = fields.split(',');
        fields.find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let (access_key, scope) = field("Credential")?.split_once('/')?;
    Some(Authorization {
        access_key,
        scope,
        signed: field("SignedHeaders")?.split(';').collect(),
        signature: field("Signature")?,
    })
}

/// Who of the account signed this request to a service (`rds`), just now by the machine's clock.
pub(crate) fn verify(
    shared: &Shared,
    service: &str,
    parts: &Parts,
    body: &[u8],
) -> Result<Identity, Unsigned> {
    let region = &shared.options.region;
    let now = Timestamp::now();
    let Some(header) = header(parts, "authorization") else {
        return Err(Unsigned::Missing);
    };
    let incomplete =
        |what: &str| Unsigned::Incomplete(format!("The request signature lacks {what}."));
    let wrong = |message: &str| Unsigned::Wrong(message.to_owned());
    let given = parse(&header).ok_or_else(|| incomplete("a valid Authorization header"))?;
    let date =
        self::header(parts, "x-amz-date").ok_or_else(|| incomplete("an X-Amz-Date header"))?;
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &date)
        .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC))
        .map_err(|_| incomplete("a valid X-Amz-Date header"))?
        .timestamp();
    let identity = shared.identity(given.access_key).ok_or(Unsigned::UnknownKey)?;
    // Temporary keys count only with their session token, and that must be signed too.
    if identity.session_token.is_some()
        && (identity.session_token != self::header(parts, TOKEN) || !given.signed.contains(&TOKEN))
    {
        return Err(Unsigned::UnknownKey);
    }
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{region}/{service}/aws4_request");
    if given.scope != scope {
        return Err(wrong(&format!(
            "Credential should be scoped to {scope}, not {}.",
            given.scope
        )));
    }
    if now.duration_since(at).as_secs().abs() > SKEW {
        return Err(wrong(&format!("Signature expired or not yet current: {date}")));
    }
    if !given.signed.contains(&"host") {
        return Err(wrong("'Host' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let canonical = canonical(parts, &given.signed, body);
    let to_sign =
        format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let key = generate_signing_key(&identity.secret_key, SystemTime::from(at), region, service);
    if calculate_signature(key, to_sign.as_bytes()) != given.signature {
        return Err(wrong(
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method.",
        ));
    }
    Ok(identity)
}

/// All values of a header, joined as the signature wants them.
fn header(parts: &Parts, name: &str) -> Option<String> {
    let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let values: Vec<_> =
        values.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn canonical(parts: &Parts, signed: &[&str], body: &[u8]) -> String {
    let mut query: Vec<_> = parts.uri.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    let mut text = format!("{}\n{}\n{}\n", parts.method, parts.uri.path(), query.join("&"));
    for name in signed {
        text.push_str(&format!("{name}:{}\n", header(parts, name).unwrap_or_default()));
    }
    text.push_str(&format!("\n{}\n{}", signed.join(";"), hex::encode(Sha256::digest(body))));
    text
}
