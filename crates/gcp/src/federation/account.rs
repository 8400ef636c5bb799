//! The `external_account` configuration of AWS. It holds no secret, and yet decides who gets to
//! see a signed request, so it is checked like one that does.

use std::time::SystemTime;

use landbridge_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::Value;

use super::subject::{self, AwsKeys};

/// The type of subject token that a signed AWS request is.
pub(super) const AWS_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";
/// Where the signed request is meant to go. Google's documentation has `{region}` in it.
const VERIFICATION_URL: &str =
    "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15";

/// A provider of a workload identity pool that trusts AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAccount {
    audience: String,
    token_url: String,
    verification_url: String,
}

#[derive(Deserialize)]
struct File {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: Source,
    service_account_impersonation_url: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    regional_cred_verification_url: Option<String>,
}

impl ExternalAccount {
    /// Whether a configuration is of AWS, and not of a file, a program or another provider.
    pub fn is_aws(json: &Value) -> bool {
        json["credential_source"]["environment_id"].as_str().is_some_and(|it| it.starts_with("aws"))
    }

    /// Reads a configuration. Addresses of metadata services in it are not used: the keys come
    /// from the environment.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for one that is not of AWS in its first version, that goes through a
    /// service account, or whose addresses are neither Google's or AWS's nor on loopback.
    pub fn parse(json: &Value) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(ErrorKind::Config, "the external account cannot be used", what.to_owned())
        };
        let file = File::deserialize(json).map_err(|_| {
            wrong("it lacks audience, subject_token_type, token_url or credential_source")
        })?;
        let version = json["credential_source"]["environment_id"].as_str();
        if version != Some("aws1") || file.subject_token_type != AWS_REQUEST {
            return Err(wrong("environment_id is not aws1, or subject_token_type not AWS's"));
        }
        if file.service_account_impersonation_url.is_some() {
            return Err(wrong(
                "it names a service account; grant the rights to the roles themselves, and leave \
                 service_account_impersonation_url out",
            ));
        }
        if !file.audience.starts_with("//iam.googleapis.com/projects/") {
            return Err(wrong("its audience is no provider of a workload identity pool"));
        }
        if !is_googles(&file.token_url) {
            return Err(wrong("its token_url is neither Google's nor on http://127.0.0.1"));
        }
        let source = file.credential_source.regional_cred_verification_url;
        let verification_url = source.unwrap_or_else(|| VERIFICATION_URL.to_owned());
        // What is signed is an answer to "who are you" and nothing else.
        if verification_url != VERIFICATION_URL {
            return Err(wrong("its regional_cred_verification_url is not the one of AWS's STS"));
        }
        Ok(Self { audience: file.audience, token_url: file.token_url, verification_url })
    }

    /// The provider's full resource name.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// What is exchanged: a request to AWS that these keys signed as of `now`, in the form that
    /// Google wants. It is as good as a password for a quarter of an hour.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it cannot be signed.
    pub fn subject_token(&self, keys: &AwsKeys, now: SystemTime) -> Result<String> {
        let url = self.verification_url(&keys.region);
        subject::sign_identity_request(&url, &self.audience, keys, now)
    }

    pub(super) fn token_url(&self) -> &str {
        &self.token_url
    }

    /// Where the signed request is meant to go.
    fn verification_url(&self, region: &str) -> String {
        self.verification_url.replace("{region}", region)
    }
}

/// Whether an address is of Google's APIs by TLS, or on this machine.
fn is_googles(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    // No user's name before the host, which could be taken for one.
    let plain = uri.authority().is_some_and(|it| !it.as_str().contains('@'));
    match uri.scheme_str() {
        Some("https") => plain && host.ends_with(".googleapis.com"),
        Some("http") => plain && host == "127.0.0.1",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn account() -> Value {
        json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws",
            "subject_token_type": AWS_REQUEST,
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {
                "environment_id": "aws1",
                "region_url": "http://169.254.169.254/latest/meta-data/placement/availability-zone",
                "regional_cred_verification_url": VERIFICATION_URL,
            },
        })
    }

    #[test]
    fn what_is_accepted_and_what_is_not() {
        assert!(ExternalAccount::is_aws(&account()));
        assert!(!ExternalAccount::is_aws(&json!({ "credential_source": { "file": "/token" } })));
        let read = ExternalAccount::parse(&account()).expect("a sound one");
        assert_eq!(
            read.verification_url("eu-west-1"),
            "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
        );
        for (pointer, value, told) in [
            ("/token_url", json!("http://127.0.0.1:9006/v1/token"), ""),
            ("/token_url", json!("https://sts.googleapis.com.evil.example/v1/token"), "token_url"),
            ("/token_url", json!("https://sts.example/v1/token?.googleapis.com"), "token_url"),
            ("/token_url", json!("http://sts.googleapis.com/v1/token"), "token_url"),
            ("/token_url", json!("http://127.0.0.1:80@sts.example/"), "token_url"),
            ("/audience", json!("https://example.com"), "audience"),
            ("/credential_source/environment_id", json!("aws2"), "environment_id"),
            (
                "/credential_source/regional_cred_verification_url",
                json!("https://sts.{region}.amazonaws.com?Action=AssumeRole"),
                "regional_cred_verification_url",
            ),
            ("/credential_source", json!(null), "lacks"),
        ] {
            let mut changed = account();
            *changed.pointer_mut(pointer).expect("a place") = value.clone();
            match ExternalAccount::parse(&changed) {
                Ok(_) => assert_eq!(told, "", "{pointer} {value}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Config);
                    assert!(!told.is_empty() && error.context().contains(told), "{value}: {error}");
                }
            }
        }
        let mut through = account();
        through["service_account_impersonation_url"] =
            json!("https://iamcredentials.googleapis.com/…");
        assert!(
            ExternalAccount::parse(&through)
                .expect_err("refused")
                .context()
                .contains("service account")
        );
    }
}
