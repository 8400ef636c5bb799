//! AWS clients for a command.

use landbridge_aws::{Aws, client};
use landbridge_core::config::SourceKind;

use crate::failure::{Failure, Result};

/// Clients with the credentials of the caller's environment.
///
/// # Errors
/// [`Failure::Refused`] when the environment has no usable credentials.
pub(crate) async fn clients(region: &str, kind: SourceKind) -> Result<Aws> {
    if client::credentials(region).await.is_err() {
        return Err(Failure::Refused(
            "No AWS credentials found in this terminal. Run `aws sso login`, or set AWS_PROFILE."
                .to_owned(),
        ));
    }
    Ok(Aws::from_env(region, kind).await)
}
