//! `landbridge key create`: creates the token key in Secrets Manager.

use clap::{Args, Subcommand};
use landbridge_aws::Secret;
use landbridge_cli_support::args::{ConfigArgs, Output, OutputArgs};
use landbridge_parquet::rewrite::{MIN_KEY_BYTES, TokenKey};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::{files, render};

/// The description of the secret in Secrets Manager.
const DESCRIPTION: &str = "Landbridge token key. With another key, every token changes.";

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    Create(KeyCreateArgs),
}

/// Create the token key, 32 random bytes, in the secret `transfer.token_key` if it has none
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge key create
  landbridge key create --config examples/demo/landbridge.yaml

The key is never shown. An existing key is validated and kept, so the command can be repeated. Keep
the secret: with another key, every token changes and no longer matches the old tokens in joins.

Credentials come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env")]
pub(crate) struct KeyCreateArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The result, without the key; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct KeyResult {
    secret: String,
    region: String,
    created: bool,
}

/// Runs the command.
pub(crate) async fn create(args: KeyCreateArgs) -> Result {
    let path = files::config_path(args.config.config.as_deref());
    let config = files::config(&path)?;
    let secret = config.transfer.token_key.ok_or_else(|| {
        Failure::Usage(format!(
            "{} names no secret for the token key; add `token_key: landbridge/{}/token-key` to `transfer`",
            path.display(),
            config.source.name
        ))
    })?;
    let region = config.source.region;
    let secrets = crate::aws::clients(&region, config.source.kind).await?.secrets;
    // A secret's ARN ends with random characters that AWS chooses, so it names an existing secret.
    let created = if secret.starts_with("arn:") {
        false
    } else {
        let mut bytes = [0; MIN_KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| {
            Failure::Failed(format!("cannot get random bytes from the operating system: {error}"))
        })?;
        let key = Secret::new(TokenKey::encode(&bytes).into_bytes());
        // Terraform creates the secret without a value, so that its state never contains the key.
        secrets.create(&secret, DESCRIPTION, &key).await?.is_new()
            || secrets.put_first_value(&secret, &key).await?.is_new()
    };
    // Read the key back as the transfer does, to prove that it is valid.
    TokenKey::parse(secrets.get(&secret).await?.bytes(), &secret)?;
    let result = KeyResult { secret, region, created };
    match args.output.format {
        Output::Json => render::json(&result),
        Output::Text if result.created => render::print(&format!(
            "created the secret {} in {}, with a key of {MIN_KEY_BYTES} random bytes",
            result.secret, result.region
        )),
        Output::Text => render::print(&format!(
            "the secret {} in {} already contains a valid key; nothing was changed",
            result.secret, result.region
        )),
    }
}
