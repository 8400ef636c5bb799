//! Signs a `GetCallerIdentity` request that proves the AWS role. Landbridge does not send it: Google
//! forwards it to AWS and accepts the identity that AWS returns.
//! Source: Google's documentation, "Configure Workload Identity Federation with AWS or Azure".

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use landbridge_core::{Error, ErrorKind, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// The header that binds a signature to one provider, so that it cannot be used for another.
const TARGET_RESOURCE: &str = "x-goog-cloud-target-resource";

/// AWS credentials, and the region in which they are used.
#[derive(Clone)]
pub struct AwsKeys {
    /// The access key id.
    pub access_key: String,
    /// The secret access key, which signs.
    pub secret_key: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
    /// The region whose STS endpoint the request names.
    pub region: String,
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsKeys({}, {}, …)", self.access_key, self.region)
    }
}

/// The source of the AWS credentials.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// The environment variables that Lambda sets, read for every exchange. No metadata service is
    /// called.
    Environment,
    /// Fixed credentials.
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
    Error::new(
        ErrorKind::Config,
        "an environment variable with the AWS role's credentials is not set",
        name,
    )
}

/// Signs the request at time `now` and returns it as URL-encoded JSON: the subject token.
pub(super) fn sign_identity_request(
    url: &str,
    audience: &str,
    keys: &AwsKeys,
    now: SystemTime,
) -> Result<String> {
    let failed = || {
        Error::new(
            ErrorKind::Config,
            "the GetCallerIdentity request of the AWS role cannot be signed",
            audience,
        )
    };
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
    let given = [("host", host), (TARGET_RESOURCE, audience)];
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
