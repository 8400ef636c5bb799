//! AWS clients for a command.

use landbridge_aws::{Aws, client};
use landbridge_core::config::SourceKind;

use crate::failure::{Failure, Result};

/// What gives a terminal credentials. The command reads the environment and profiles with keys or roles, but not the cache
/// of `aws sso login`, which would take two more SDKs. AWS's own command prints what it finds there (AWS CLI reference,
/// `configure export-credentials`).
pub(crate) const SIGN_IN: &str = "set AWS_PROFILE, or, after `aws sso login`, run `eval \"$(aws configure export-credentials --format env)\"`";

/// Clients with the credentials of the caller's environment.
///
/// # Errors
/// [`Failure::Refused`] when the environment has no usable credentials.
pub(crate) async fn clients(region: &str, kind: SourceKind) -> Result<Aws> {
    if client::credentials(region).await.is_err() {
        return Err(Failure::Refused(format!(
            "No AWS credentials found in this terminal: {SIGN_IN}."
        )));
    }
    Ok(Aws::from_env(region, kind).await)
}
