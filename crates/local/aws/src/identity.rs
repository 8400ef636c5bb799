//! Who signs requests, and how AWS's Security Token Service answers who that was.

use std::fmt;

use http::request::Parts;

use crate::options::AwsOptions;
use crate::shared::Shared;
use crate::signature::{self, Unsigned};

/// Somebody who signs requests: a user with a long-lived key, or a role's session.
#[derive(Clone)]
pub struct Identity {
    /// The access key, `AKIA…` or `ASIA…`.
    pub access_key: String,
    /// What requests are signed with.
    pub secret_key: String,
    /// What must come along with the keys of a role's session.
    pub session_token: Option<String>,
    /// Such as `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`.
    pub arn: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, {}, …)", self.access_key, self.arn)
    }
}

impl Identity {
    /// The account's own user, who has the key of the options.
    pub(crate) fn of_account(options: &AwsOptions) -> Self {
        Self {
            access_key: options.access_key.clone(),
            secret_key: options.secret_key.clone(),
            session_token: None,
            arn: format!("arn:aws:iam::{}:user/local", options.account),
        }
    }
}

/// What `GetCallerIdentity` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account's twelve digits.
    pub account: String,
    /// Who signed.
    pub arn: String,
}

/// How `GetCallerIdentity` refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentityError {
    /// AWS's code, such as `SignatureDoesNotMatch`.
    pub code: &'static str,
    /// AWS's words.
    pub message: String,
}

/// Who signed a `GetCallerIdentity` request. It needs no right: whoever can sign may ask.
/// AWS documentation: GetCallerIdentity, and the service's common errors.
pub(crate) fn caller(
    shared: &Shared,
    parts: &Parts,
    body: &[u8],
) -> Result<CallerIdentity, CallerIdentityError> {
    let refused = |code, message: &str| CallerIdentityError { code, message: message.to_owned() };
    let query = parts.uri.query().unwrap_or_default();
    if !query.split('&').any(|pair| pair == "Action=GetCallerIdentity") {
        return Err(refused("InvalidAction", "Could not find operation"));
    }
    let identity = signature::verify(shared, "sts", parts, body).map_err(|why| match why {
        Unsigned::Missing => {
            refused("MissingAuthenticationToken", "Request is missing Authentication Token")
        }
        Unsigned::Incomplete(message) => refused("IncompleteSignature", &message),
        Unsigned::UnknownKey => refused(
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        Unsigned::Wrong(message) => refused("SignatureDoesNotMatch", &message),
    })?;
    let account = identity.arn.split(':').nth(4).unwrap_or_default().to_owned();
    Ok(CallerIdentity { account, arn: identity.arn })
}
