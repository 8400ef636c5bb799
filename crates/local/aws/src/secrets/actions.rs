//! The actions of Secrets Manager: GetSecretValue, CreateSecret, PutSecretValue, DescribeSecret.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::error::SecretsError;
use super::parameters::Parameters;
use super::store::{CURRENT, Secret, SecretStore, SecretValue, SecretVersion, name_in_arn};
use crate::account::Account;

/// The characters of a name other than letters and digits. AWS documentation, CreateSecret.
const NAME_CHARACTERS: &str = "/_+=.@-";

/// Secrets Manager of an account.
pub(crate) struct Secrets {
    pub(super) account: Arc<Account>,
    store: Mutex<SecretStore>,
}

impl Secrets {
    pub(crate) fn new(account: Arc<Account>) -> Self {
        Self { account, store: Mutex::default() }
    }

    fn store(&self) -> MutexGuard<'_, SecretStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Denies every caller access to a secret, or allows it again.
    pub(crate) fn set_denied(&self, name: &str, denied: bool) {
        self.store().set_denied(name, denied);
    }

    /// Creates a secret without an API call, by its name or its complete ARN. An existing secret
    /// gets a new version.
    pub(crate) fn put_secret(&self, id: &str, text: &str) {
        let now = self.account.now();
        let mut store = self.store();
        let known = store.name_of(id).to_owned();
        let (name, arn) = match name_in_arn(&known) {
            Some(name) if known.starts_with("arn:") => (name.to_owned(), known.clone()),
            _ => (known.clone(), self.arn(&known)),
        };
        let secret = match store.get_mut(&name) {
            Ok(secret) => secret,
            Err(_) => store.insert(Secret::new(name, arn, now)),
        };
        let version_id = derived_version_id(&format!("{}/{}", secret.arn, secret.versions.len()));
        let stages = BTreeSet::from([CURRENT.to_owned()]);
        let value = SecretValue::Text(text.to_owned());
        if secret.put_version(version_id, value, stages, now).is_err() {
            tracing::debug!(secret = secret.name, "this version of the secret exists already");
        }
    }

    /// Performs the action of one request.
    pub(super) fn perform(&self, action: &str, parameters: &Json) -> Result<Json, SecretsError> {
        let parameters = Parameters::new(parameters)?;
        match action {
            "GetSecretValue" => get_secret_value(&self.store(), action, parameters),
            "DescribeSecret" => describe_secret(&self.store(), action, parameters),
            "CreateSecret" => self.create_secret(action, parameters),
            "PutSecretValue" => self.put_secret_value(action, parameters),
            _ => Err(SecretsError::unknown_action()),
        }
    }

    fn create_secret(
        &self,
        action: &str,
        parameters: Parameters<'_>,
    ) -> Result<Json, SecretsError> {
        let now = self.account.now();
        let mut store = self.store();
        let name = parameters.required_text("Name")?;
        let valid = |c: char| c.is_ascii_alphanumeric() || NAME_CHARACTERS.contains(c);
        if name.len() > 512 || !name.chars().all(valid) {
            return Err(SecretsError::invalid_parameter(
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of \
                 the following: -/_+=.@!",
            ));
        }
        if store.is_denied(name) {
            return Err(SecretsError::access_denied(action, name));
        }
        let (id, value) = (parameters.version_id()?, parameters.value()?);
        if let Ok(existing) = store.get(name) {
            // A repetition of the same request, whose response was lost, succeeds.
            let same = |version: &&SecretVersion| {
                version.id == id && Some(&version.value) == value.as_ref()
            };
            return match existing.versions.iter().find(same) {
                Some(version) => Ok(identify(existing, Some(version))),
                None => Err(SecretsError::already_exists(name)),
            };
        }
        let mut secret = Secret::new(name.to_owned(), self.arn(name), now);
        secret.description = parameters.text("Description")?.unwrap_or_default().to_owned();
        secret.kms_key = parameters.text("KmsKeyId")?.map(str::to_owned);
        if let Some(value) = value {
            secret.put_version(id, value, BTreeSet::from([CURRENT.to_owned()]), now)?;
        }
        let secret = store.insert(secret);
        Ok(identify(secret, secret.versions.first()))
    }

    fn put_secret_value(
        &self,
        action: &str,
        parameters: Parameters<'_>,
    ) -> Result<Json, SecretsError> {
        let now = self.account.now();
        let mut store = self.store();
        let secret_id = parameters.required_text("SecretId")?;
        authorized_secret(&store, action, secret_id)?;
        let value = parameters.value()?.ok_or_else(|| {
            SecretsError::invalid_request("You must provide either SecretString or SecretBinary.")
        })?;
        let stages = parameters.version_stages()?;
        let secret = store.get_mut(secret_id)?;
        let version_id = parameters.version_id()?;
        secret.put_version(version_id.clone(), value, stages, now)?;
        let version = secret.versions.iter().find(|version| version.id == version_id);
        Ok(identify(secret, version))
    }

    /// The ARN of a secret. AWS appends six random characters; here they derive from the name.
    fn arn(&self, name: &str) -> String {
        let suffix = hex::encode(Sha256::digest(name));
        let (region, account) = (&self.account.options.region, &self.account.options.account);
        format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}-{}", &suffix[..6])
    }
}

fn get_secret_value(
    store: &SecretStore,
    action: &str,
    parameters: Parameters<'_>,
) -> Result<Json, SecretsError> {
    let secret = authorized_secret(store, action, parameters.required_text("SecretId")?)?;
    let version =
        secret.find_version(parameters.text("VersionId")?, parameters.text("VersionStage")?)?;
    let mut response = identify(secret, Some(version));
    response["CreatedDate"] = epoch_seconds(version.created);
    match &version.value {
        SecretValue::Text(text) => response["SecretString"] = json!(text),
        SecretValue::Binary(base64) => response["SecretBinary"] = json!(base64),
    }
    Ok(response)
}

fn describe_secret(
    store: &SecretStore,
    action: &str,
    parameters: Parameters<'_>,
) -> Result<Json, SecretsError> {
    let secret = authorized_secret(store, action, parameters.required_text("SecretId")?)?;
    // A version without a staging label is deprecated and not listed.
    let staged = secret.versions.iter().filter(|version| !version.stages.is_empty());
    let stages: Map<String, Json> =
        staged.map(|version| (version.id.clone(), json!(version.stages))).collect();
    let mut response = identify(secret, None);
    response["Description"] = json!(secret.description);
    response["CreatedDate"] = epoch_seconds(secret.created);
    response["LastChangedDate"] = epoch_seconds(secret.changed);
    response["VersionIdsToStages"] = stages.into();
    if let Some(key) = &secret.kms_key {
        response["KmsKeyId"] = json!(key);
    }
    Ok(response)
}

/// The secret, unless access is denied. A denied caller does not learn whether it exists.
fn authorized_secret<'a>(
    store: &'a SecretStore,
    action: &str,
    id: &str,
) -> Result<&'a Secret, SecretsError> {
    if store.is_denied(store.name_of(id)) {
        return Err(SecretsError::access_denied(action, id));
    }
    store.get(id)
}

/// The fields that every response starts with.
fn identify(secret: &Secret, version: Option<&SecretVersion>) -> Json {
    let mut response = json!({ "ARN": secret.arn, "Name": secret.name });
    if let Some(version) = version {
        response["VersionId"] = json!(version.id);
        response["VersionStages"] = json!(version.stages);
    }
    response
}

/// A version id in the format that the SDKs generate, derived from `text`.
fn derived_version_id(text: &str) -> String {
    let hash = hex::encode(Sha256::digest(text));
    let (a, b, c, d, e) = (&hash[..8], &hash[8..12], &hash[12..15], &hash[15..18], &hash[18..30]);
    format!("{a}-{b}-4{c}-8{d}-{e}")
}

/// A time in the format of the protocol: seconds since the epoch, as a number.
fn epoch_seconds(at: Timestamp) -> Json {
    json!(at.as_second())
}
