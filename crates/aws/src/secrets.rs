//! Reads and creates secrets of AWS Secrets Manager.

use std::fmt;

use aws_sdk_secretsmanager::Client;
use landbridge_core::{Created, Error, ErrorKind, Result};
use zeroize::Zeroizing;

use crate::error::{created, failed};

/// The Secrets Manager client.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: Client,
}

/// The value of a secret. Its `Debug` output does not contain the value, and its memory is
/// overwritten on drop. Copies that the SDK made are not overwritten.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A secret with this value.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The value: the text of a `SecretString`, or a decoded `SecretBinary`.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value as text, as Secrets Manager stores it.
    fn text(&self, name: &str) -> Result<&str> {
        std::str::from_utf8(&self.0).map_err(|_| {
            Error::new(ErrorKind::Rejected, "the value of a new secret is not UTF-8", name)
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secrets {
    /// Wraps an SDK client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The current version of a secret. `id` is its name or ARN.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the secret does not exist or has no current version,
    /// [`ErrorKind::Denied`] if the caller may not read it or use its KMS key,
    /// [`ErrorKind::Conflict`] if it is scheduled for deletion; any other Secrets Manager error.
    pub async fn get(&self, id: &str) -> Result<Secret> {
        let response = self.client.get_secret_value().secret_id(id).send().await;
        let response = response.map_err(|error| failed("a secret cannot be read", id, error))?;
        match (response.secret_string, response.secret_binary) {
            (Some(text), _) => Ok(Secret::new(text.into_bytes())),
            (None, Some(bytes)) => Ok(Secret::new(bytes.into_inner())),
            (None, None) => Err(Error::new(ErrorKind::Corrupt, "a secret has no value", id)),
        }
    }

    /// The version that was current before the last rotation; `None` if there is none.
    ///
    /// # Errors
    /// As [`Self::get`], without [`ErrorKind::NotFound`].
    pub async fn get_previous(&self, id: &str) -> Result<Option<Secret>> {
        let call = self.client.get_secret_value().secret_id(id).version_stage("AWSPREVIOUS");
        let response = match call.send().await {
            Ok(response) => response,
            Err(error) => {
                let error = failed("a secret cannot be read", id, error);
                return if error.kind() == ErrorKind::NotFound { Ok(None) } else { Err(error) };
            }
        };
        let bytes = response.secret_string.map(String::into_bytes);
        Ok(bytes.or(response.secret_binary.map(|it| it.into_inner())).map(Secret::new))
    }

    /// Creates a secret with a text value; an existing secret of that name is not changed.
    /// The SDK sends the same request token with every attempt of one call, so that a retry after
    /// a lost response returns [`Created::New`].
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if `value` is not UTF-8; any Secrets Manager error.
    pub async fn create(&self, name: &str, description: &str, value: &Secret) -> Result<Created> {
        let call = self.client.create_secret().name(name).description(description);
        let result = call.secret_string(value.text(name)?).send().await;
        created(result, "ResourceExistsException", "a secret cannot be created", name)
    }

    /// Sets the value of a secret that was created without one; an existing value is not changed.
    /// Of two concurrent callers, both may write, and the later value stays.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn put_first_value(&self, name: &str, value: &Secret) -> Result<Created> {
        match self.get(name).await {
            Ok(_) => return Ok(Created::AlreadyExists),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let call = self.client.put_secret_value().secret_id(name);
        let result = call.secret_string(value.text(name)?).send().await;
        result.map_err(|error| failed("the value of a secret cannot be set", name, error))?;
        Ok(Created::New)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_contain_the_value() {
        assert_eq!(format!("{:?}", Some(Secret::new(b"hidden".to_vec()))), "Some(Secret(…))");
    }
}
