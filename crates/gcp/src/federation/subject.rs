//! The proof of a role: a `GetCallerIdentity` request that is signed and not sent. Google sends
//! it on to AWS and believes what AWS answers.
//! Google's documentation, "Configure Workload Identity Federation with AWS or Azure".

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use landbridge_core::{Error, ErrorKind, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// The header that binds a signature to one provider: nobody else can use it for another.
const TARGET: &str = "x-goog-cloud-target-resource";

/// Keys of AWS, and the region that they are used in.
#[derive(Clone)]
pub struct AwsKeys {
    /// The access key.
    pub access_key: String,
    /// What is signed with.
    pub secret_key: String,
    /// What temporary keys come with.
    pub session_token: Option<String>,
    /// Whose STS is named.
    pub region: String,
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsKeys({}, {}, …)", self.access_key, self.region)
    }
}

/// Where the keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// The variables by which Lambda hands them out, read anew for every exchange. No metadata
    /// service is asked.
    Environment,
    /// These.
    Fixed(AwsKeys),
}

impl KeySource {
    pub(super) fn keys(&self) -> Result<AwsKeys> {
        if let Self::Fixed(keys) = self {
            return Ok(keys.clone());
        }
        let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let needed = |name: &'static str| given(name).ok_or_else(|| missing(name));
        Ok(AwsKeys {
            access_key: needed("AWS_ACCESS_KEY_ID")?,
            secret_key: needed("AWS_SECRET_ACCESS_KEY")?,
            session_token: given("AWS_SESSION_TOKEN"),
            region: given("AWS_REGION")
                .or_else(|| given("AWS_DEFAULT_REGION"))
                .ok_or_else(|| missing("AWS_REGION"))?,
        })
    }
}

fn missing(name: &'static str) -> Error {
    Error::new(ErrorKind::Config, "a variable with the AWS role's credentials is not set", name)
}

/// The subject token: the request with its signature as of `now`, as URL-encoded JSON.
pub(super) fn sign_identity_request(
    url: &str,
    audience: &str,
    keys: &AwsKeys,
    now: SystemTime,
) -> Result<String> {
    let failed =
        || Error::new(ErrorKind::Config, "a request cannot be signed for the AWS role", audience);
    let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?']).next());
    let host = host.unwrap_or_default();
    let credentials = Credentials::new(
        &keys.access_key,
        &keys.secret_key,
        keys.session_token.clone(),
        None,
        "landbridge",
    );
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&keys.region)
        .name("sts")
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| failed())?
        .into();
    let given = [("host", host), (TARGET, audience)];
    let request = SignableRequest::new("POST", url, given.into_iter(), SignableBody::Bytes(&[]))
        .map_err(|_| failed())?;
    let (instructions, _) = sign(request, &params).map_err(|_| failed())?.into_parts();
    let headers: Vec<_> = given
        .into_iter()
        .chain(instructions.headers())
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    let token = json!({ "url": url, "method": "POST", "headers": headers, "body": "" });
    Ok(utf8_percent_encode(&token.to_string(), NON_ALPHANUMERIC).to_string())
}
