//! The options of `landbridge probe google` for federation. Credentials are read from files in the form of `aws
//! configure export-credentials`, so every way in which AWS's own command gets credentials works.

use std::path::{Path, PathBuf};

use clap::Args;
use landbridge_gcp::federation::{AwsKeys, ExternalAccount};
use landbridge_probe::google::FederationOptions;
use serde::Deserialize;

use crate::failure::{Failure, Result};

/// The region whose AWS STS is named in a signed request if the environment names none.
const DEFAULT_REGION: &str = "us-east-1";

#[derive(Debug, Args)]
pub(super) struct FederationArgs {
    /// Probe federation: the `external_account` JSON of the functions (the variable LANDBRIDGE_GCP_CREDENTIALS of `load`)
    #[arg(long, value_name = "FILE")]
    federation: Option<PathBuf>,
    /// AWS credentials of a role that the provider admits, as `aws configure export-credentials` prints them
    #[arg(long, value_name = "FILE", requires = "federation")]
    admitted: Option<PathBuf>,
    /// The name of that role
    #[arg(long, value_name = "ROLE", requires = "admitted")]
    admitted_role: Option<String>,
    /// AWS credentials of a role that the provider must refuse
    #[arg(long, value_name = "FILE", requires = "federation")]
    other: Option<PathBuf>,
}

/// What `aws configure export-credentials` prints (AWS CLI, format `process`).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exported {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl FederationArgs {
    /// Reads the files.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a file that cannot be read or has another form. No content is shown.
    pub(super) fn read(self) -> Result<Option<FederationOptions>> {
        let Some(file) = self.federation else { return Ok(None) };
        let unusable = |error: String| {
            Failure::Usage(format!(
                "{}: {error}; write the variable LANDBRIDGE_GCP_CREDENTIALS of the function load to this file",
                file.display()
            ))
        };
        let json = serde_json::from_str(&read(&file)?)
            .map_err(|_| unusable("it is not valid JSON".to_owned()))?;
        let account = ExternalAccount::parse(&json).map_err(|error| unusable(error.to_string()))?;
        Ok(Some(FederationOptions {
            account,
            admitted: self.admitted.as_deref().map(keys).transpose()?,
            admitted_role: self.admitted_role,
            other: self.other.as_deref().map(keys).transpose()?,
        }))
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("{}: it cannot be read: {error}", file.display())))
}

/// The credentials of a file.
fn keys(file: &Path) -> Result<AwsKeys> {
    let exported: Exported = serde_json::from_str(&read(file)?).map_err(|_| {
        Failure::Usage(format!(
            "{}: AccessKeyId and SecretAccessKey are missing; give the output of `aws configure \
             export-credentials --profile NAME`",
            file.display()
        ))
    })?;
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Ok(AwsKeys {
        access_key: exported.access_key_id,
        secret_key: exported.secret_access_key,
        session_token: exported.session_token,
        region: given("AWS_REGION")
            .or_else(|| given("AWS_DEFAULT_REGION"))
            .unwrap_or_else(|| DEFAULT_REGION.to_owned()),
    })
}
