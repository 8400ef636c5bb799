//! `GetCallerIdentity` of AWS's Security Token Service: who signed a request.

use http::request::Parts;

use crate::account::Account;
use crate::signature::{self, SignatureError};

/// The response of `GetCallerIdentity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The twelve digits of the account.
    pub account: String,
    /// The ARN of the identity that signed the request.
    pub arn: String,
}

/// The error response of `GetCallerIdentity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentityError {
    /// The AWS error code, for example `SignatureDoesNotMatch`.
    pub code: &'static str,
    /// The AWS error message.
    pub message: String,
}

/// Verifies the signature of a `GetCallerIdentity` request and returns the signer. The action
/// needs no permission: every identity may call it.
/// AWS documentation: GetCallerIdentity, and the service's common errors.
pub(crate) fn caller_identity(
    account: &Account,
    parts: &Parts,
    body: &[u8],
) -> Result<CallerIdentity, CallerIdentityError> {
    let refused = |code, message: &str| CallerIdentityError { code, message: message.to_owned() };
    let query = parts.uri.query().unwrap_or_default();
    if !query.split('&').any(|pair| pair == "Action=GetCallerIdentity") {
        return Err(refused("InvalidAction", "Could not find operation"));
    }
    let identity = signature::verify(account, "sts", parts, body).map_err(|error| match error {
        SignatureError::Missing => {
            refused("MissingAuthenticationToken", "Request is missing Authentication Token")
        }
        SignatureError::Incomplete(message) => refused("IncompleteSignature", &message),
        SignatureError::UnknownKey => refused(
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        SignatureError::Mismatch(message) => refused("SignatureDoesNotMatch", &message),
    })?;
    let account = identity.arn.split(':').nth(4).unwrap_or_default().to_owned();
    Ok(CallerIdentity { account, arn: identity.arn })
}
