//! Reads and validates the parameters of a request to Secrets Manager.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value as Json};

use super::error::SecretsError;
use super::store::{CURRENT, SecretValue};

/// The maximum size of a value. AWS documentation, quotas of Secrets Manager.
const MAX_VALUE_BYTES: usize = 65_536;

/// The parameters of a request.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a>(&'a Map<String, Json>);

impl<'a> Parameters<'a> {
    pub(super) fn new(body: &'a Json) -> Result<Self, SecretsError> {
        body.as_object().map(Self).ok_or_else(SecretsError::serialization)
    }

    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, SecretsError> {
        match self.0.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(SecretsError::serialization()),
        }
    }

    pub(super) fn required_text(self, name: &str) -> Result<&'a str, SecretsError> {
        let given = self.text(name)?.filter(|text| !text.is_empty());
        given.ok_or_else(|| {
            SecretsError::invalid_parameter(format!("You must provide a value for {name}."))
        })
    }

    /// The id of a new version, which is the `ClientRequestToken`. The SDKs generate one.
    pub(super) fn version_id(self) -> Result<String, SecretsError> {
        let token = self.text("ClientRequestToken")?;
        token.filter(|token| (32..=64).contains(&token.len())).map(str::to_owned).ok_or_else(|| {
            SecretsError::invalid_parameter(
                "You must provide a ClientRequestToken of 32 to 64 characters.",
            )
        })
    }

    /// `VersionStages`: the staging labels of a new version, `AWSCURRENT` by default.
    pub(super) fn version_stages(self) -> Result<BTreeSet<String>, SecretsError> {
        match self.0.get("VersionStages") {
            None | Some(Json::Null) => Ok(BTreeSet::from([CURRENT.to_owned()])),
            Some(list) => serde_json::from_value(list.clone())
                .ok()
                .filter(|stages: &BTreeSet<String>| !stages.is_empty())
                .ok_or_else(|| {
                    SecretsError::invalid_parameter("VersionStages is not a list of labels.")
                }),
        }
    }

    /// The value of `SecretString` or `SecretBinary`.
    pub(super) fn value(self) -> Result<Option<SecretValue>, SecretsError> {
        let value = match (self.text("SecretString")?, self.text("SecretBinary")?) {
            (Some(_), Some(_)) => {
                return Err(SecretsError::invalid_parameter(
                    "You can't specify both a binary secret value and a string secret value in the \
                     same secret.",
                ));
            }
            (Some(text), None) => SecretValue::Text(text.to_owned()),
            (None, Some(base64)) if STANDARD.decode(base64).is_ok() => {
                SecretValue::Binary(base64.to_owned())
            }
            (None, Some(_)) => return Err(SecretsError::serialization()),
            (None, None) => return Ok(None),
        };
        match &value {
            SecretValue::Text(text) | SecretValue::Binary(text) if text.len() > MAX_VALUE_BYTES => {
                Err(SecretsError::invalid_parameter(
                    "The secret's value is longer than 65536 bytes.",
                ))
            }
            _ => Ok(Some(value)),
        }
    }
}
