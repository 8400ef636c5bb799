//! Secrets of AWS Secrets Manager.

use std::fmt;

use aws_sdk_secretsmanager::Client;
use landbridge_core::{Created, Error, ErrorKind, Result};
use zeroize::Zeroizing;

use crate::error::{code, failed};

/// The Secrets Manager client.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: Client,
}

/// The value of a secret. It prints nothing of itself, and its memory is
/// overwritten when it goes; copies that the SDK made on the way are not.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A secret of these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes: the text of a `SecretString`, or a `SecretBinary` decoded.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secrets {
    /// A client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The current version of a secret, by its name or ARN.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such secret or it has no current version,
    /// [`ErrorKind::Denied`] when the caller may not read it or use its KMS key,
    /// [`ErrorKind::Conflict`] when it is scheduled for deletion; others of Secrets Manager.
    pub async fn get(&self, id: &str) -> Result<Secret> {
        let answer = self.client.get_secret_value().secret_id(id).send().await;
        let answer = answer.map_err(|error| failed("a secret cannot be read", id, error))?;
        match (answer.secret_string, answer.secret_binary) {
            (Some(text), _) => Ok(Secret::new(text.into_bytes())),
            (None, Some(bytes)) => Ok(Secret::new(bytes.into_inner())),
            (None, None) => Err(Error::new(ErrorKind::Corrupt, "a secret has no value", id)),
        }
    }

    /// Makes a secret of text that must not exist yet. `false`: there is one of that name, and
    /// it is untouched. The SDK gives every attempt of one call the same request token, so that
    /// a repetition after a lost answer finds its own secret and is `true`.
    ///
    /// # Errors
    /// Those of Secrets Manager; [`ErrorKind::Rejected`] when `value` is not UTF-8.
    pub async fn create(&self, name: &str, description: &str, value: &Secret) -> Result<Created> {
        let Ok(text) = std::str::from_utf8(value.bytes()) else {
            return Err(Error::new(ErrorKind::Rejected, "a secret to be made is not text", name));
        };
        let call = self.client.create_secret().name(name).description(description);
        match call.secret_string(text).send().await {
            Ok(_) => Ok(Created::New),
            Err(error) if code(&error) == "ResourceExistsException" => Ok(Created::AlreadyExists),
            Err(error) => Err(failed("a secret cannot be made", name, error)),
        }
    }

    /// Gives a secret that was made without a value its first one. `false`: it has one, and is
    /// untouched. Two callers at once may both write; the later value stays.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn put_first_value(&self, name: &str, value: &Secret) -> Result<Created> {
        match self.get(name).await {
            Ok(_) => return Ok(Created::AlreadyExists),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let Ok(text) = std::str::from_utf8(value.bytes()) else {
            return Err(Error::new(ErrorKind::Rejected, "a secret to be filled is not text", name));
        };
        let call = self.client.put_secret_value().secret_id(name).secret_string(text);
        call.send().await.map_err(|error| failed("a secret cannot be filled", name, error))?;
        Ok(Created::New)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", Some(Secret::new(b"hidden".to_vec()))), "Some(Secret(…))");
    }
}
