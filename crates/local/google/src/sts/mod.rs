//! The token exchange of Google's Security Token Service for workload identity federation with
//! AWS: `POST /v1/token` takes a signed `GetCallerIdentity` request and returns an access token.
//!
//! Follows Google's documentation ("Method: token" of the Security Token Service API, "Configure
//! Workload Identity Federation with AWS or Azure"), RFC 8693 for the form and RFC 6749 for
//! errors.
//!
//! | module | what |
//! |---|---|
//! | here | [`AwsProvider`], the token exchange and its response |
//! | `provider` | a provider of the control plane: its mapping and condition decide |
//! | `subject_token` | the serialized AWS request and its validation |
//! | `token_error` | errors in OAuth's form |

mod provider;
mod subject_token;
mod token_error;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::access::AccessControl;
use crate::error::GoogleError;
use crate::turned::is_turned;
use crate::web::{ApiResult, Call, json_response, parse_form};
use subject_token::parse_subject_token;
use token_error::TokenError;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const AWS_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";
/// The maximum length of `google.subject` (Google's documentation of attribute mappings).
const MAX_SUBJECT_BYTES: usize = 127;

/// The lifetime of a token if the claim `sts-token-lifetime` is turned around.
const SHORT_LIFETIME: Duration = Duration::from_secs(60);

/// A workload identity pool with one provider that trusts an AWS account. `google.subject` and
/// `attribute.aws_role` are mapped from the name of the assumed role.
#[derive(Clone, Debug)]
pub struct AwsProvider {
    /// The project's number.
    pub project_number: u64,
    /// The pool's id.
    pub pool: String,
    /// The provider's id.
    pub provider: String,
    /// The trusted account: twelve digits.
    pub account: String,
    /// The attribute condition: only sessions of these roles may exchange tokens.
    pub roles: BTreeSet<String>,
}

impl AwsProvider {
    /// Google's rule for the ids of pools and providers: 4 to 32 lower-case letters, digits and
    /// hyphens; the prefix `gcp-` is reserved (IAM v1 REST reference, `workloadIdentityPools`).
    ///
    /// # Errors
    /// Names the id that breaks the rule.
    pub fn check_ids(&self) -> Result<(), String> {
        let is_valid = |id: &str| {
            (4..=32).contains(&id.len())
                && id.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
                && !id.starts_with("gcp-")
        };
        match [&self.pool, &self.provider].into_iter().find(|id| !is_valid(id)) {
            None => Ok(()),
            Some(id) => {
                Err(format!("`{id}` is not the id of a workload identity pool or provider"))
            }
        }
    }

    fn pool_name(&self) -> String {
        let Self { project_number, pool, .. } = self;
        format!("projects/{project_number}/locations/global/workloadIdentityPools/{pool}")
    }

    /// The provider's full resource name: the audience of an exchange.
    pub fn audience(&self) -> String {
        format!("//iam.googleapis.com/{}/providers/{}", self.pool_name(), self.provider)
    }

    /// The principal set of all sessions of a role, for use with grants.
    pub fn principal_set(&self, role: &str) -> String {
        format!("principalSet://iam.googleapis.com/{}/attribute.aws_role/{role}", self.pool_name())
    }

    fn principal(&self, subject: &str) -> String {
        format!("principal://iam.googleapis.com/{}/subject/{subject}", self.pool_name())
    }
}

/// The signer of a request, as AWS reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCaller {
    /// The account's twelve digits.
    pub account: String,
    /// The ARN of the user or of the role's session.
    pub arn: String,
}

/// A signed AWS request and its body.
pub type SignedAwsRequest<'a> = (&'a http::request::Parts, &'a [u8]);
/// The response of AWS to `GetCallerIdentity`: the signer, or AWS's error code and message.
pub type CallerIdentityResult = Result<AwsCaller, (String, String)>;
/// Forwards a signed `GetCallerIdentity` request to AWS.
pub type CallerIdentityLookup =
    Arc<dyn Fn(SignedAwsRequest<'_>) -> BoxFuture<'static, CallerIdentityResult> + Send + Sync>;

/// The token service. Clones share its state.
#[derive(Clone)]
pub(crate) struct Sts {
    pub(crate) access: Arc<RwLock<AccessControl>>,
    pub(crate) token_lifetime: Duration,
    pub(crate) trusted_provider: Arc<RwLock<Option<AwsProvider>>>,
    /// Forwards a signed request to AWS.
    pub(crate) lookup: Arc<RwLock<Option<CallerIdentityLookup>>>,
}

impl Sts {
    /// Handles one call.
    pub(crate) async fn handle(&self, call: &Call) -> ApiResult {
        if call.method != http::Method::POST || call.path() != ["v1", "token"] {
            return Err(GoogleError::not_found("Not Found"));
        }
        Ok(match self.exchange(call).await {
            Ok(token) => {
                let lifetime = match is_turned("sts-token-lifetime") {
                    true => SHORT_LIFETIME,
                    false => self.token_lifetime,
                };
                json_response(
                    200,
                    &json!({
                        "access_token": token,
                        "issued_token_type": ACCESS_TOKEN,
                        "token_type": "Bearer",
                        "expires_in": lifetime.as_secs(),
                    }),
                )
            }
            Err(error) => {
                tracing::debug!(error = error.code, "token exchange rejected");
                json_response(400, &error.body())
            }
        })
    }

    async fn exchange(&self, call: &Call) -> Result<String, TokenError> {
        let form = parse_form(&String::from_utf8_lossy(&call.body));
        let parameter = |name: &str| {
            form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
        };
        for (name, required) in [
            ("grant_type", GRANT_TYPE),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token_type", AWS_REQUEST),
        ] {
            if parameter(name) != required {
                return Err(TokenError::invalid_request(format!("Invalid value for \"{name}\".")));
            }
        }
        if parameter("scope").is_empty() {
            return Err(TokenError::invalid_request("Missing required parameter: scope"));
        }
        let audience = parameter("audience");
        let trust = self.trust(audience)?;
        let (parts, body) = parse_subject_token(parameter("subject_token"), audience)?;
        let lookup = self.lookup.read().unwrap_or_else(PoisonError::into_inner).clone();
        let lookup = lookup.ok_or_else(TokenError::unknown_audience)?;
        let caller = lookup((&parts, &body))
            .await
            .map_err(|(code, message)| TokenError::rejected_by_aws(&code, &message))?;
        if is_turned("sts-aws-request") {
            return Err(TokenError::invalid_format());
        }
        let (member, sets) = match &trust {
            Trust::Roles(provider) => {
                let role = authorize_role(provider, &caller)?;
                (provider.principal(role), BTreeSet::from([provider.principal_set(role)]))
            }
            Trust::Provider(provider) => provider.admit(&caller)?,
        };
        let sets = if is_turned("sts-role-mapping") { BTreeSet::new() } else { sets };

        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| TokenError::internal())?;
        let token = format!("ya29.d.{}", hex(&Sha256::digest(bytes)));
        self.access.write().unwrap_or_else(PoisonError::into_inner).add_federated_token(
            &token,
            &member,
            sets,
            SystemTime::now() + self.token_lifetime,
        );
        Ok(token)
    }

    /// Whom an audience names: the provider that a set-up trusts, or one that the control plane made.
    fn trust(&self, audience: &str) -> Result<Trust, TokenError> {
        let trusted = self.trusted_provider.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(provider) = trusted.filter(|it| it.audience() == audience) {
            return Ok(Trust::Roles(provider));
        }
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
        if !access.plane.is_enabled("sts.googleapis.com") {
            return Err(TokenError::service_disabled());
        }
        let name = audience.strip_prefix("//iam.googleapis.com/").unwrap_or_default();
        let provider = provider::Provider::find(&access.plane, name);
        provider.map(Trust::Provider).ok_or_else(TokenError::unknown_audience)
    }
}

/// What decides who gets a token.
enum Trust {
    Roles(AwsProvider),
    Provider(provider::Provider),
}

/// The caller's role, if the provider accepts it: the caller must be a session of one of the
/// provider's roles in the provider's account.
fn authorize_role<'a>(
    provider: &AwsProvider,
    caller: &'a AwsCaller,
) -> Result<&'a str, TokenError> {
    if caller.account != provider.account {
        return Err(TokenError::invalid_grant(
            "The AWS account of the credential is not the provider's.",
        ));
    }
    let role = caller.arn.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').next());
    // The ARN of a user contains no role, so the mapped subject is empty.
    let role = role.filter(|role| !role.is_empty()).ok_or_else(TokenError::empty_subject)?;
    if role.len() > MAX_SUBJECT_BYTES {
        return Err(TokenError::invalid_grant(
            "The size of mapped attribute google.subject exceeds the 127 bytes limit.",
        ));
    }
    if !provider.roles.contains(role) {
        return Err(TokenError::condition_not_met());
    }
    Ok(role)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
