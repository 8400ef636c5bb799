//! Secrets, their versions and stages, and what a new version does to the stages.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::refusal::Refusal;

/// The stage of the version that is read when nobody says which.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The stage of the version that was current before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// What Secrets Manager puts after a name in its ARN: a hyphen and six characters.
const SUFFIX: usize = 7;

/// A value: text, or bytes in base64 as they came.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Binary(String),
}

/// One version of a secret.
pub(super) struct Version {
    pub(super) id: String,
    pub(super) value: Value,
    pub(super) created: Timestamp,
    pub(super) stages: BTreeSet<String>,
}

/// A secret.
pub(super) struct Held {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: String,
    pub(super) kms_key: Option<String>,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) versions: Vec<Version>,
}

/// All secrets of the account by name, and who is kept out.
#[derive(Default)]
pub(crate) struct SecretsState {
    secrets: BTreeMap<String, Held>,
    denied: BTreeSet<String>,
}

impl SecretsState {
    /// Keeps everybody out of a secret, or lets them in again.
    pub(crate) fn deny(&mut self, name: &str, denied: bool) {
        if denied {
            self.denied.insert(name.to_owned());
        } else {
            self.denied.remove(name);
        }
    }

    pub(super) fn is_denied(&self, name: &str) -> bool {
        self.denied.contains(name)
    }

    /// The name behind a name, a whole ARN, or an ARN without its six characters.
    pub(super) fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        if !id.starts_with("arn:") {
            return id;
        }
        let mut all = self.secrets.values();
        let found = all.find(|it| {
            it.arn == id || it.arn.get(..it.arn.len().saturating_sub(SUFFIX)) == Some(id)
        });
        found.map_or(id, |it| it.name.as_str())
    }

    /// A secret by name or ARN.
    pub(super) fn get(&self, id: &str) -> Result<&Held, Refusal> {
        self.secrets.get(self.name_of(id)).ok_or_else(Refusal::not_found)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Result<&mut Held, Refusal> {
        let name = self.name_of(id).to_owned();
        self.secrets.get_mut(&name).ok_or_else(Refusal::not_found)
    }

    pub(super) fn insert(&mut self, secret: Held) -> &mut Held {
        let name = secret.name.clone();
        self.secrets.entry(name).or_insert(secret)
    }
}

impl Held {
    /// The version with this id, this stage, or both; none of the two: the current one.
    pub(super) fn version(
        &self,
        id: Option<&str>,
        stage: Option<&str>,
    ) -> Result<&Version, Refusal> {
        let wanted = if id.is_none() { Some(stage.unwrap_or(CURRENT)) } else { stage };
        let found = self.versions.iter().find(|it| {
            id.is_none_or(|id| it.id == id) && wanted.is_none_or(|stage| it.stages.contains(stage))
        });
        found.ok_or_else(|| match (id, wanted) {
            (Some(id), _) => Refusal::no_version(&format!("VersionId: {id}")),
            (None, stage) => {
                Refusal::no_version(&format!("staging label: {}", stage.unwrap_or(CURRENT)))
            }
        })
    }

    /// Adds a version and moves the stages to it. The same id with the same value again changes
    /// nothing; with another value it is refused.
    pub(super) fn put(
        &mut self,
        id: String,
        value: Value,
        stages: BTreeSet<String>,
        now: Timestamp,
    ) -> Result<&Version, Refusal> {
        if let Some(at) = self.versions.iter().position(|it| it.id == id) {
            return if self.versions[at].value == value {
                Ok(&self.versions[at])
            } else {
                Err(Refusal::other_value())
            };
        }
        let current_moves = stages.contains(CURRENT);
        let was_current = self.versions.iter().position(|it| it.stages.contains(CURRENT));
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
        self.versions.push(Version { id, value, created: now, stages });
        Ok(&self.versions[self.versions.len() - 1])
    }
}

/// The name within an ARN that is whole: what follows `secret:`, without the six characters.
pub(super) fn name_in_arn(arn: &str) -> Option<&str> {
    let name = arn.split_once(":secret:")?.1;
    name.get(..name.len().checked_sub(SUFFIX)?)
}
