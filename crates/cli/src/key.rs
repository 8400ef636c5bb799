//! `landbridge key create`: creates the token key and the proof key in Secrets Manager.

use clap::{Args, Subcommand};
use landbridge_aws::Secret;
use landbridge_aws::Secrets;
use landbridge_cli_support::args::{ConfigArgs, Output, OutputArgs};
use landbridge_core::config::Config;
use landbridge_parquet::rewrite::{MIN_KEY_BYTES, ProofKey, TokenKey};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::{files, render};

/// The descriptions of the secrets in Secrets Manager.
const TOKEN_KEY: &str = "Landbridge token key. With another key, every token changes.";
const PROOF_KEY: &str =
    "Landbridge proof key. Opens the figures of columns in the ledger; landbridge verify reads it.";

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    Create(KeyCreateArgs),
}

/// Create the token key and the proof key, 32 random bytes each, in the secrets `transfer.token_key` and
/// `proof.key` if they have none
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge key create
  landbridge key create --config examples/demo/landbridge.yaml

A key is never shown. An existing key is validated and kept, so the command can be repeated. Keep the
token key: with another one, every token changes and no longer matches the old tokens in joins.

Credentials come from the environment, as for any AWS client. For the local cloud:
  . .landbridge/local.env")]
pub(crate) struct KeyCreateArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The result, without the keys; its fields are the keys of `--output json`. `secret` is the token key if
/// there is one.
#[derive(Serialize)]
struct KeyResult {
    secret: String,
    region: String,
    created: bool,
    /// The proof key, if there is one beside the token key.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<OneKey>,
}

#[derive(Serialize)]
struct OneKey {
    secret: String,
    created: bool,
}

/// Runs the command.
pub(crate) async fn create(args: KeyCreateArgs) -> Result {
    let path = files::config_path(args.config.config.as_deref());
    let config = args.config.read()?;
    let (token, proof) = (&config.transfer.token_key, config.proof.as_ref().map(|it| &it.key));
    if token.is_none() && proof.is_none() {
        return Err(Failure::Usage(format!(
            "{} names no secret for the token key; add `token_key: landbridge/{}/token-key` to `transfer`",
            path.display(),
            config.source.name
        )));
    }
    let secrets = crate::aws::clients(&config.source.region, config.source.kind).await?.secrets;
    let mut keys = Vec::new();
    if let Some(secret) = token {
        let created = create_one(&secrets, secret, TOKEN_KEY, TokenKey::encode).await?;
        // Read the key back as the transfer does, to prove that it is valid.
        TokenKey::parse(secrets.get(secret).await?.bytes(), secret)?;
        keys.push(OneKey { secret: secret.clone(), created });
    }
    if let Some(secret) = proof {
        let created = create_one(&secrets, secret, PROOF_KEY, ProofKey::encode).await?;
        ProofKey::parse(secrets.get(secret).await?.bytes(), secret, &config.source.name)?;
        keys.push(OneKey { secret: secret.clone(), created });
    }
    print(&args, &config, keys)
}

/// Creates a key if there is none. Returns whether it did.
async fn create_one(
    secrets: &Secrets,
    secret: &str,
    description: &str,
    encode: fn(&[u8; MIN_KEY_BYTES]) -> String,
) -> Result<bool> {
    // A secret's ARN ends with random characters that AWS chooses, so it names an existing secret.
    if secret.starts_with("arn:") {
        return Ok(false);
    }
    let mut bytes = [0; MIN_KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::Failed(format!("cannot get random bytes from the operating system: {error}"))
    })?;
    let key = Secret::new(encode(&bytes).into_bytes());
    // Terraform creates the secret without a value, so that its state never contains the key.
    Ok(secrets.create(secret, description, &key).await?.is_new()
        || secrets.put_first_value(secret, &key).await?.is_new())
}

fn print(args: &KeyCreateArgs, config: &Config, keys: Vec<OneKey>) -> Result {
    let region = &config.source.region;
    if args.output.format == Output::Text {
        for OneKey { secret, created } in keys {
            render::print(&match created {
                true => format!(
                    "created the secret {secret} in {region}, with a key of {MIN_KEY_BYTES} random bytes"
                ),
                false => format!(
                    "the secret {secret} in {region} already contains a valid key; nothing was changed"
                ),
            })?;
        }
        return Ok(());
    }
    let mut keys = keys.into_iter();
    let Some(OneKey { secret, created }) = keys.next() else { return Ok(()) };
    render::json(&KeyResult { secret, region: region.clone(), created, proof: keys.next() })
}
