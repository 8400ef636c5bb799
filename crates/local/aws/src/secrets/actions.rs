//! The actions: GetSecretValue, CreateSecret, PutSecretValue, DescribeSecret.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::refusal::Refusal;
use super::store::{CURRENT, Held, SecretsState, Value, Version, name_in_arn};
use crate::options::AwsOptions;
use crate::shared::Shared;

/// What a value may hold at most. AWS documentation, quotas of Secrets Manager.
const LARGEST: usize = 65_536;
/// Characters of names besides letters and digits. AWS documentation, CreateSecret.
const IN_NAMES: &str = "/_+=.@-";

/// Acts on one request.
pub(super) fn act(shared: &Shared, action: &str, said: &Json) -> Result<Json, Refusal> {
    let said = Said(said.as_object().ok_or_else(Refusal::serialization)?);
    let now = shared.clock.now();
    let mut state = shared.secrets();
    match action {
        "GetSecretValue" => get(&state, action, said),
        "DescribeSecret" => describe(&state, action, said),
        "CreateSecret" => create(&mut state, &shared.options, action, said, now),
        "PutSecretValue" => put(&mut state, action, said, now),
        _ => Err(Refusal::unknown_action()),
    }
}

/// A secret from inside; one that is there gets a new version.
pub(crate) fn add(shared: &Shared, id: &str, text: &str) {
    let now = shared.clock.now();
    let mut state = shared.secrets();
    let known = state.name_of(id).to_owned();
    let (name, arn) = match (name_in_arn(&known), known.starts_with("arn:")) {
        (Some(name), true) => (name.to_owned(), known.clone()),
        _ => (known.clone(), arn(&shared.options, &known)),
    };
    let secret = match state.get_mut(&name) {
        Ok(secret) => secret,
        Err(_) => state.insert(new(name, arn, now)),
    };
    let version = token_of(&format!("{}/{}", secret.arn, secret.versions.len()));
    let stages = BTreeSet::from([CURRENT.to_owned()]);
    if secret.put(version, Value::Text(text.to_owned()), stages, now).is_err() {
        tracing::debug!(secret = secret.name, "the version is there already");
    }
}

fn get(state: &SecretsState, action: &str, said: Said<'_>) -> Result<Json, Refusal> {
    let secret = permitted(state, action, said.required("SecretId")?)?;
    let version = secret.version(said.text("VersionId")?, said.text("VersionStage")?)?;
    let mut answer = named(secret, Some(version));
    answer["CreatedDate"] = seconds(version.created);
    match &version.value {
        Value::Text(text) => answer["SecretString"] = json!(text),
        Value::Binary(base64) => answer["SecretBinary"] = json!(base64),
    }
    Ok(answer)
}

fn describe(state: &SecretsState, action: &str, said: Said<'_>) -> Result<Json, Refusal> {
    let secret = permitted(state, action, said.required("SecretId")?)?;
    // A version without a stage is deprecated and not listed.
    let staged = secret.versions.iter().filter(|it| !it.stages.is_empty());
    let stages: Map<String, Json> = staged.map(|it| (it.id.clone(), json!(it.stages))).collect();
    let mut answer = named(secret, None);
    answer["Description"] = json!(secret.description);
    answer["CreatedDate"] = seconds(secret.created);
    answer["LastChangedDate"] = seconds(secret.changed);
    answer["VersionIdsToStages"] = stages.into();
    if let Some(key) = &secret.kms_key {
        answer["KmsKeyId"] = json!(key);
    }
    Ok(answer)
}

fn create(
    state: &mut SecretsState,
    options: &AwsOptions,
    action: &str,
    said: Said<'_>,
    now: Timestamp,
) -> Result<Json, Refusal> {
    let name = said.required("Name")?;
    let good = |c: char| c.is_ascii_alphanumeric() || IN_NAMES.contains(c);
    if name.len() > 512 || !name.chars().all(good) {
        return Err(Refusal::parameter(
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
             following: -/_+=.@!",
        ));
    }
    if state.is_denied(name) {
        return Err(Refusal::denied(action, name));
    }
    let (id, value) = (said.version()?, said.value()?);
    if let Ok(there) = state.get(name) {
        // The same call again, its answer lost: no news.
        let again =
            there.versions.iter().find(|it| it.id == id && Some(&it.value) == value.as_ref());
        return again
            .map(|version| named(there, Some(version)))
            .ok_or_else(|| Refusal::exists(name));
    }
    let mut secret = new(name.to_owned(), arn(options, name), now);
    secret.description = said.text("Description")?.unwrap_or_default().to_owned();
    secret.kms_key = said.text("KmsKeyId")?.map(str::to_owned);
    if let Some(value) = value {
        secret.put(id, value, BTreeSet::from([CURRENT.to_owned()]), now)?;
    }
    let secret = state.insert(secret);
    Ok(named(secret, secret.versions.first()))
}

fn put(
    state: &mut SecretsState,
    action: &str,
    said: Said<'_>,
    now: Timestamp,
) -> Result<Json, Refusal> {
    let id = said.required("SecretId")?;
    permitted(state, action, id)?;
    let value = said
        .value()?
        .ok_or_else(|| Refusal::request("You must provide either SecretString or SecretBinary."))?;
    let stages = match said.0.get("VersionStages") {
        None | Some(Json::Null) => BTreeSet::from([CURRENT.to_owned()]),
        Some(list) => serde_json::from_value(list.clone())
            .ok()
            .filter(|stages: &BTreeSet<String>| !stages.is_empty())
            .ok_or_else(|| Refusal::parameter("VersionStages is not a list of labels."))?,
    };
    let secret = state.get_mut(id)?;
    let version = secret.put(said.version()?, value, stages, now)?.id.clone();
    let version = secret.versions.iter().find(|it| it.id == version);
    Ok(named(secret, version))
}

/// The secret, unless the caller is kept out. Who is kept out is not told whether it exists.
fn permitted<'a>(state: &'a SecretsState, action: &str, id: &str) -> Result<&'a Held, Refusal> {
    let name = state.name_of(id);
    if state.is_denied(name) {
        return Err(Refusal::denied(action, id));
    }
    state.get(id)
}

/// What every answer begins with.
fn named(secret: &Held, version: Option<&Version>) -> Json {
    let mut answer = json!({ "ARN": secret.arn, "Name": secret.name });
    if let Some(version) = version {
        answer["VersionId"] = json!(version.id);
        answer["VersionStages"] = json!(version.stages);
    }
    answer
}

fn new(name: String, arn: String, now: Timestamp) -> Held {
    Held {
        name,
        arn,
        description: String::new(),
        kms_key: None,
        created: now,
        changed: now,
        versions: Vec::new(),
    }
}

/// The ARN, its six characters made from the name instead of drawn.
fn arn(options: &AwsOptions, name: &str) -> String {
    let suffix = hex::encode(Sha256::digest(name));
    format!(
        "arn:aws:secretsmanager:{}:{}:secret:{name}-{}",
        options.region,
        options.account,
        &suffix[..6]
    )
}

/// An id of the shape that SDKs send, made from text.
fn token_of(text: &str) -> String {
    let hash = hex::encode(Sha256::digest(text));
    format!(
        "{}-{}-4{}-8{}-{}",
        &hash[..8],
        &hash[8..12],
        &hash[12..15],
        &hash[15..18],
        &hash[18..30]
    )
}

/// A time as the protocol writes it: seconds, as a number.
fn seconds(at: Timestamp) -> Json {
    json!(at.as_second())
}

/// The parameters of a request.
#[derive(Clone, Copy)]
struct Said<'a>(&'a Map<String, Json>);

impl<'a> Said<'a> {
    fn text(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.0.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::serialization()),
        }
    }

    fn required(self, name: &str) -> Result<&'a str, Refusal> {
        let given = self.text(name)?.filter(|text| !text.is_empty());
        given.ok_or_else(|| Refusal::parameter(format!("You must provide a value for {name}.")))
    }

    /// The id of a new version: the SDKs draw one and send it.
    fn version(self) -> Result<String, Refusal> {
        let token = self.text("ClientRequestToken")?;
        token.filter(|token| (32..=64).contains(&token.len())).map(str::to_owned).ok_or_else(|| {
            Refusal::parameter("You must provide a ClientRequestToken of 32 to 64 characters.")
        })
    }

    fn value(self) -> Result<Option<Value>, Refusal> {
        let value = match (self.text("SecretString")?, self.text("SecretBinary")?) {
            (Some(_), Some(_)) => {
                return Err(Refusal::parameter(
                    "You can't specify both a binary secret value and a string secret value in the \
                     same secret.",
                ));
            }
            (Some(text), None) => Value::Text(text.to_owned()),
            (None, Some(base64)) if STANDARD.decode(base64).is_ok() => {
                Value::Binary(base64.to_owned())
            }
            (None, Some(_)) => return Err(Refusal::serialization()),
            (None, None) => return Ok(None),
        };
        match &value {
            Value::Text(text) | Value::Binary(text) if text.len() > LARGEST => {
                Err(Refusal::parameter("The secret's value is longer than 65536 bytes."))
            }
            _ => Ok(Some(value)),
        }
    }
}
