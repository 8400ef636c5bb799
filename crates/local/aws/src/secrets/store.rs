//! Secrets with their versions and staging labels, and how a new version moves the labels.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::error::SecretsError;

/// The staging label of the version that is read by default.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The staging label of the version that was current before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// The length of what Secrets Manager appends to the name in an ARN: a hyphen and six characters.
const ARN_SUFFIX: usize = 7;

/// A value: text, or bytes in base64 as the client sent them.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum SecretValue {
    Text(String),
    Binary(String),
}

/// One version of a secret.
pub(super) struct SecretVersion {
    pub(super) id: String,
    pub(super) value: SecretValue,
    pub(super) created: Timestamp,
    pub(super) stages: BTreeSet<String>,
}

/// A secret.
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: String,
    pub(super) kms_key: Option<String>,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) versions: Vec<SecretVersion>,
}

/// All secrets of the account by name, and the names to which access is denied.
#[derive(Default)]
pub(super) struct SecretStore {
    secrets: BTreeMap<String, Secret>,
    denied: BTreeSet<String>,
}

impl SecretStore {
    /// Denies every caller access to a secret, or allows it again.
    pub(super) fn set_denied(&mut self, name: &str, denied: bool) {
        if denied {
            self.denied.insert(name.to_owned());
        } else {
            self.denied.remove(name);
        }
    }

    pub(super) fn is_denied(&self, name: &str) -> bool {
        self.denied.contains(name)
    }

    /// The name of the secret with this name, complete ARN, or ARN without its six characters; `id`
    /// itself when there is none.
    pub(super) fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        if !id.starts_with("arn:") {
            return id;
        }
        let found = self.secrets.values().find(|secret| {
            let arn = &secret.arn;
            arn == id || arn.get(..arn.len().saturating_sub(ARN_SUFFIX)) == Some(id)
        });
        found.map_or(id, |secret| secret.name.as_str())
    }

    /// A secret by name or ARN.
    pub(super) fn get(&self, id: &str) -> Result<&Secret, SecretsError> {
        self.secrets.get(self.name_of(id)).ok_or_else(SecretsError::not_found)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Result<&mut Secret, SecretsError> {
        let name = self.name_of(id).to_owned();
        self.secrets.get_mut(&name).ok_or_else(SecretsError::not_found)
    }

    pub(super) fn insert(&mut self, secret: Secret) -> &mut Secret {
        let name = secret.name.clone();
        self.secrets.entry(name).or_insert(secret)
    }
}

impl Secret {
    /// A secret without a version.
    pub(super) fn new(name: String, arn: String, now: Timestamp) -> Self {
        Self {
            name,
            arn,
            description: String::new(),
            kms_key: None,
            created: now,
            changed: now,
            versions: Vec::new(),
        }
    }

    /// The version with this id, this staging label, or both; by default the current version.
    pub(super) fn find_version(
        &self,
        id: Option<&str>,
        stage: Option<&str>,
    ) -> Result<&SecretVersion, SecretsError> {
        let wanted = if id.is_none() { Some(stage.unwrap_or(CURRENT)) } else { stage };
        let found = self.versions.iter().find(|version| {
            id.is_none_or(|id| version.id == id)
                && wanted.is_none_or(|stage| version.stages.contains(stage))
        });
        found.ok_or_else(|| match (id, wanted) {
            (Some(id), _) => SecretsError::version_not_found(&format!("VersionId: {id}")),
            (None, stage) => SecretsError::version_not_found(&format!(
                "staging label: {}",
                stage.unwrap_or(CURRENT)
            )),
        })
    }

    /// Adds a version and moves the staging labels to it. Idempotent: an existing id with the same
    /// value changes nothing; with another value it is an error.
    pub(super) fn put_version(
        &mut self,
        id: String,
        value: SecretValue,
        stages: BTreeSet<String>,
        now: Timestamp,
    ) -> Result<&SecretVersion, SecretsError> {
        if let Some(at) = self.versions.iter().position(|version| version.id == id) {
            return if self.versions[at].value == value {
                Ok(&self.versions[at])
            } else {
                Err(SecretsError::token_reused())
            };
        }
        let current_moves = stages.contains(CURRENT);
        let was_current = self.versions.iter().position(|version| version.stages.contains(CURRENT));
        for version in &mut self.versions {
            version.stages.retain(|stage| !stages.contains(stage));
            if current_moves {
                version.stages.remove(PREVIOUS);
            }
        }
        if let Some(at) = was_current
            && current_moves
        {
            self.versions[at].stages.insert(PREVIOUS.to_owned());
        }
        self.changed = now;
        self.versions.push(SecretVersion { id, value, created: now, stages });
        Ok(&self.versions[self.versions.len() - 1])
    }
}

/// The name in a complete ARN: the part after `secret:`, without the hyphen and six characters.
pub(super) fn name_in_arn(arn: &str) -> Option<&str> {
    let name = arn.split_once(":secret:")?.1;
    name.get(..name.len().checked_sub(ARN_SUFFIX)?)
}
