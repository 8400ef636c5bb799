//! `landbridge key create`: the key that tokens are made with, in Secrets Manager.

use clap::{Args, Subcommand};
use landbridge_aws::Secret;
use landbridge_cli_support::args::{ConfigArgs, Output, OutputArgs};
use landbridge_parquet::rewrite::{MIN_KEY_BYTES, TokenKey};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::{files, render};

/// What people read beside the secret.
const DESCRIPTION: &str = "The key of Landbridge's tokens. With another one every token changes.";

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    Create(KeyCreateArgs),
}

/// Make the secret `transfer.token_key` in Secrets Manager, if there is none: 32 random bytes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge key create
  landbridge key create --config examples/demo/landbridge.yaml

The key is never shown. One that is there already is looked at and left alone, so the command can be
repeated. Keep the secret: with another key, every token changes and old ones join no longer.

Credentials come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env")]
pub(crate) struct KeyCreateArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Whether a key was made. The key itself is nowhere in it.
#[derive(Serialize)]
struct Done {
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
            "{} names no secret for the key; add `token_key: landbridge/{}/token-key` to `transfer`",
            path.display(),
            config.source.name
        ))
    })?;
    let region = config.source.region;
    let secrets = crate::aws::clients(&region, config.source.kind).await?.secrets;
    // An ARN ends with characters that AWS draws: it names a secret that is there.
    let created = if secret.starts_with("arn:") {
        false
    } else {
        let mut bytes = [0; MIN_KEY_BYTES];
        getrandom::fill(&mut bytes)
            .map_err(|error| Failure::Failed(format!("no random bytes can be had: {error}")))?;
        let key = Secret::new(TokenKey::encode(&bytes).into_bytes());
        // Terraform makes the secret without a value, so that its state never holds one.
        secrets.create(&secret, DESCRIPTION, &key).await?.is_new()
            || secrets.put_first_value(&secret, &key).await?.is_new()
    };
    // Read back as the transfer will, so that what is there is known to serve.
    TokenKey::parse(secrets.get(&secret).await?.bytes(), &secret)?;
    let done = Done { secret, region, created };
    match args.output.format {
        Output::Json => render::json(&done),
        Output::Text if done.created => render::print(&format!(
            "the secret {} is made in {}, with a key of {MIN_KEY_BYTES} random bytes",
            done.secret, done.region
        )),
        Output::Text => render::print(&format!(
            "the secret {} is there already in {} and holds a key; nothing is changed",
            done.secret, done.region
        )),
    }
}
