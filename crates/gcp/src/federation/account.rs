//! Validates the `external_account` configuration of an AWS provider. It contains no secret, but it
//! decides which server receives the signed request, so it is validated strictly.

use std::time::SystemTime;

use landbridge_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::Value;

use super::subject::{self, AwsKeys};

/// The subject token type of a signed AWS request.
pub(super) const AWS_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";
/// The URL of the signed request, as in Google's documentation, with the placeholder `{region}`.
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
    credential_source: CredentialSource,
    service_account_impersonation_url: Option<String>,
}

#[derive(Deserialize)]
struct CredentialSource {
    regional_cred_verification_url: Option<String>,
}

impl ExternalAccount {
    /// Whether a configuration is for AWS, and not for a file, a program or another provider.
    pub fn is_aws(json: &Value) -> bool {
        json["credential_source"]["environment_id"].as_str().is_some_and(|it| it.starts_with("aws"))
    }

    /// Parses a configuration. Its metadata service URLs are not used: the AWS credentials come from
    /// the environment.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it is not an AWS configuration of version 1, impersonates a service
    /// account, or has a URL that belongs to neither Google nor AWS and is not on loopback.
    pub fn parse(json: &Value) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(ErrorKind::Config, "the external account cannot be used", what.to_owned())
        };
        let file = File::deserialize(json).map_err(|_| {
            wrong("audience, subject_token_type, token_url or credential_source is missing")
        })?;
        let version = json["credential_source"]["environment_id"].as_str();
        if version != Some("aws1") || file.subject_token_type != AWS_REQUEST {
            return Err(wrong(
                "environment_id is not aws1, or subject_token_type is not the one of AWS",
            ));
        }
        if file.service_account_impersonation_url.is_some() {
            return Err(wrong(
                "service_account_impersonation_url names a service account; remove it, and grant the \
                 roles directly to the AWS roles",
            ));
        }
        if !file.audience.starts_with("//iam.googleapis.com/projects/") {
            return Err(wrong("audience does not name a provider of a workload identity pool"));
        }
        if !is_google_url(&file.token_url) {
            return Err(wrong("token_url is neither a Google URL nor on http://127.0.0.1"));
        }
        let source = file.credential_source.regional_cred_verification_url;
        let verification_url = source.unwrap_or_else(|| VERIFICATION_URL.to_owned());
        // Only a GetCallerIdentity request is ever signed.
        if verification_url != VERIFICATION_URL {
            return Err(wrong(
                "regional_cred_verification_url is not the GetCallerIdentity URL of AWS STS",
            ));
        }
        Ok(Self { audience: file.audience, token_url: file.token_url, verification_url })
    }

    /// The provider's full resource name.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The subject token: a `GetCallerIdentity` request that is signed with these keys at time `now`,
    /// encoded as Google requires. It is as sensitive as a password for 15 minutes.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the request cannot be signed.
    pub fn subject_token(&self, keys: &AwsKeys, now: SystemTime) -> Result<String> {
        let url = self.verification_url(&keys.region);
        subject::sign_identity_request(&url, &self.audience, keys, now)
    }

    pub(super) fn token_url(&self) -> &str {
        &self.token_url
    }

    /// The URL of the signed request.
    fn verification_url(&self, region: &str) -> String {
        self.verification_url.replace("{region}", region)
    }
}

/// Whether a URL is an HTTPS URL of a Google API, or on this machine.
fn is_google_url(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    // A user name before the host could be mistaken for the host.
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
    fn only_valid_configurations_are_accepted() {
        assert!(ExternalAccount::is_aws(&account()));
        assert!(!ExternalAccount::is_aws(&json!({ "credential_source": { "file": "/token" } })));
        let read = ExternalAccount::parse(&account()).expect("a valid configuration");
        assert_eq!(
            read.verification_url("eu-west-1"),
            "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
        );
        for (pointer, value, reason) in [
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
            ("/credential_source", json!(null), "missing"),
        ] {
            let mut changed = account();
            *changed.pointer_mut(pointer).expect("a place") = value.clone();
            match ExternalAccount::parse(&changed) {
                Ok(_) => assert_eq!(reason, "", "{pointer} {value}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Config);
                    assert!(
                        !reason.is_empty() && error.context().contains(reason),
                        "{value}: {error}"
                    );
                }
            }
        }
        let mut impersonating = account();
        impersonating["service_account_impersonation_url"] =
            json!("https://iamcredentials.googleapis.com/…");
        assert!(
            ExternalAccount::parse(&impersonating)
                .expect_err("refused")
                .context()
                .contains("service account")
        );
    }
}
