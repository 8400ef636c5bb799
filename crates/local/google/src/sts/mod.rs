//! Google's Security Token Service, as far as workload identity federation with AWS needs it:
//! `POST /v1/token` takes a signed `GetCallerIdentity` request and gives an access token.
//! Google's documentation: "Method: token" of the Security Token Service API, "Configure
//! Workload Identity Federation with AWS or Azure"; RFC 8693 for the form, RFC 6749 for errors.
//!
//! | module | what |
//! |---|---|
//! | here | [`AwsProvider`], the exchange, the token's answer |
//! | `subject` | the serialized request, and what of it must be as agreed |
//! | `refusal` | errors as OAuth words them |

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
use crate::web::{ApiResult, Call, json_response, parse_form};
use token_error::TokenError;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const AWS_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";
/// Google's documentation, attribute mappings: what `google.subject` may hold.
const LONGEST_SUBJECT: usize = 127;

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
    /// The account that is trusted.
    pub account: String,
    /// The attribute condition: only sessions of these roles.
    pub roles: BTreeSet<String>,
}

impl AwsProvider {
    fn pool(&self) -> String {
        let Self { project_number, pool, .. } = self;
        format!("projects/{project_number}/locations/global/workloadIdentityPools/{pool}")
    }

    /// The provider's full resource name: the audience of an exchange.
    pub fn audience(&self) -> String {
        format!("//iam.googleapis.com/{}/providers/{}", self.pool(), self.provider)
    }

    /// What grants to the sessions of a role are given to.
    pub fn principal_set(&self, role: &str) -> String {
        format!("principalSet://iam.googleapis.com/{}/attribute.aws_role/{role}", self.pool())
    }

    fn principal(&self, subject: &str) -> String {
        format!("principal://iam.googleapis.com/{}/subject/{subject}", self.pool())
    }
}

/// Who AWS says that signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCaller {
    /// The account's twelve digits.
    pub account: String,
    /// The ARN of the user or of the role's session.
    pub arn: String,
}

/// The request to AWS, and its body.
pub type SignedAwsRequest<'a> = (&'a http::request::Parts, &'a [u8]);
/// What AWS answers: who signed, or its code and words.
pub type CallerIdentityResult = Result<AwsCaller, (String, String)>;
/// Passes a request on to AWS.
pub type CallerIdentityLookup =
    Arc<dyn Fn(SignedAwsRequest<'_>) -> BoxFuture<'static, CallerIdentityResult> + Send + Sync>;

/// The token service. Clones share its state.
#[derive(Clone)]
pub(crate) struct Sts {
    pub(crate) access: Arc<RwLock<AccessControl>>,
    pub(crate) lifetime: Duration,
    pub(crate) trusted: Arc<RwLock<Option<(AwsProvider, CallerIdentityLookup)>>>,
}

impl Sts {
    /// Answers one call.
    pub(crate) async fn handle(&self, call: &Call) -> ApiResult {
        if call.method != http::Method::POST || call.path() != ["v1", "token"] {
            return Err(GoogleError::not_found("Not Found"));
        }
        Ok(match self.exchange(call).await {
            Ok(token) => json_response(
                200,
                &json!({
                    "access_token": token,
                    "issued_token_type": ACCESS_TOKEN,
                    "token_type": "Bearer",
                    "expires_in": self.lifetime.as_secs(),
                }),
            ),
            Err(refusal) => {
                tracing::debug!(error = refusal.error, "token service refused");
                json_response(400, &refusal.body())
            }
        })
    }

    async fn exchange(&self, call: &Call) -> Result<String, TokenError> {
        let form = parse_form(&String::from_utf8_lossy(&call.body));
        let properties = |name: &str| {
            form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
        };
        for (name, wanted) in [
            ("grant_type", GRANT_TYPE),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token_type", AWS_REQUEST),
        ] {
            if properties(name) != wanted {
                return Err(TokenError::request(format!("Invalid value for \"{name}\".")));
            }
        }
        if properties("scope").is_empty() {
            return Err(TokenError::request("Missing required parameter: scope"));
        }
        let trusted = self.trusted.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (provider, ask) = trusted
            .filter(|(provider, _)| provider.audience() == properties("audience"))
            .ok_or_else(TokenError::unknown_audience)?;
        let (parts, body) =
            subject_token::parse(properties("subject_token"), &provider.audience())?;
        let caller =
            ask((&parts, &body)).await.map_err(|(code, words)| TokenError::aws(&code, &words))?;
        let role = admitted(&provider, &caller)?;

        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| TokenError::internal())?;
        let token = format!("ya29.d.{}", hex(&Sha256::digest(bytes)));
        self.access.write().unwrap_or_else(PoisonError::into_inner).add_federated_token(
            &token,
            &provider.principal(role),
            &provider.principal_set(role),
            SystemTime::now() + self.lifetime,
        );
        Ok(token)
    }
}

/// The role of a caller that the provider lets in: of its account, in a role's session, of a
/// role that its condition names.
fn admitted<'a>(provider: &AwsProvider, caller: &'a AwsCaller) -> Result<&'a str, TokenError> {
    if caller.account != provider.account {
        return Err(TokenError::grant("The AWS account of the credential is not the provider's."));
    }
    let role = caller.arn.split_once(":assumed-role/").and_then(|(_, rest)| rest.split('/').next());
    // `extract` finds nothing in the ARN of a user: the mapped subject is empty.
    let role = role.filter(|role| !role.is_empty()).ok_or_else(TokenError::no_subject)?;
    if role.len() > LONGEST_SUBJECT {
        return Err(TokenError::grant(
            "The size of mapped attribute google.subject exceeds the 127 bytes limit.",
        ));
    }
    if !provider.roles.contains(role) {
        return Err(TokenError::condition());
    }
    Ok(role)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
