//! The text format of a token key, as stored in a secret or a file: `landbridge-token-key-v1:` and 32
//! to 64 bytes in base64, with padding, on one line. That of a proof key is the same with
//! `landbridge-proof-key-v1:`.
//!
//! The prefix prevents another secret from being used as a key. With a wrong key, every token would
//! change, and joins between yesterday's and today's tables would silently find no rows.

use base64::{Engine, engine::general_purpose::STANDARD};
use landbridge_core::{Error, ErrorKind, Result};

use super::proof::ProofKey;
use super::token::{MIN_KEY_BYTES, TokenKey};

/// The prefix of a proof key's text format.
pub const PROOF_KEY_PREFIX: &str = "landbridge-proof-key-v1:";
/// The prefix of a token key's text format.
pub const TOKEN_KEY_PREFIX: &str = "landbridge-token-key-v1:";
/// The maximum length of a key in bytes: SHA-256's block. HMAC would hash a longer key.
pub const MAX_KEY_BYTES: usize = 64;

impl TokenKey {
    /// Parses the text format, without surrounding white space. `location` is the name of the secret or
    /// the file, for error messages. No error message contains any part of the key.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if `text` is not in the text format.
    pub fn parse(text: &[u8], location: &str) -> Result<Self> {
        let wrong = |what| Error::new(ErrorKind::Config, what, location);
        let bytes = decoded(TOKEN_KEY_PREFIX, text).map_err(|fault| match fault {
            Fault::Prefix => wrong("a token key does not begin with `landbridge-token-key-v1:`"),
            Fault::Base64 => wrong("a token key is not base64 after `landbridge-token-key-v1:`"),
            Fault::Length => wrong("a token key has fewer than 32 or more than 64 bytes"),
        })?;
        Self::new(&bytes)
    }

    /// The text format of a key. `secret` must be random.
    pub fn encode(secret: &[u8; MIN_KEY_BYTES]) -> String {
        format!("{TOKEN_KEY_PREFIX}{}", STANDARD.encode(secret))
    }
}

impl ProofKey {
    /// Parses the text format, as [`TokenKey::parse`], and derives the key of a source from it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if `text` is not in the text format.
    pub fn parse(text: &[u8], location: &str, source: &str) -> Result<Self> {
        let wrong = |what| Error::new(ErrorKind::Config, what, location);
        let bytes = decoded(PROOF_KEY_PREFIX, text).map_err(|fault| match fault {
            Fault::Prefix => wrong("a proof key does not begin with `landbridge-proof-key-v1:`"),
            Fault::Base64 => wrong("a proof key is not base64 after `landbridge-proof-key-v1:`"),
            Fault::Length => wrong("a proof key has fewer than 32 or more than 64 bytes"),
        })?;
        Ok(Self::new(&bytes, source))
    }

    /// The text format of a key. `secret` must be random.
    pub fn encode(secret: &[u8; MIN_KEY_BYTES]) -> String {
        format!("{PROOF_KEY_PREFIX}{}", STANDARD.encode(secret))
    }
}

enum Fault {
    Prefix,
    Base64,
    Length,
}

fn decoded(prefix: &str, text: &[u8]) -> std::result::Result<Vec<u8>, Fault> {
    let encoded = text.trim_ascii().strip_prefix(prefix.as_bytes()).ok_or(Fault::Prefix)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| Fault::Base64)?;
    match (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&bytes.len()) {
        true => Ok(bytes),
        false => Err(Fault::Length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_key_can_be_parsed() {
        let secret = std::array::from_fn(|at| at as u8);
        let written = TokenKey::encode(&secret);
        // Deployed secrets contain this format, so it must stay readable.
        assert_eq!(written, "landbridge-token-key-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        let token = |key: Result<TokenKey>| key.expect("a key").token("account", b"123-45");
        assert_eq!(token(TokenKey::parse(written.as_bytes(), "")), token(TokenKey::new(&secret)));
        let spaced = format!(" {written}\r\n");
        assert_eq!(token(TokenKey::parse(spaced.as_bytes(), "")), token(TokenKey::new(&secret)));
    }

    /// A token key is no proof key, so the wrong secret is refused.
    #[test]
    fn the_two_keys_cannot_be_exchanged() {
        let secret = std::array::from_fn(|at| at as u8);
        let proof = ProofKey::encode(&secret);
        assert_eq!(proof, "landbridge-proof-key-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        assert!(ProofKey::parse(format!("{proof}\n").as_bytes(), "", "shop").is_ok());
        let error = TokenKey::parse(proof.as_bytes(), "a/secret").expect_err("a proof key");
        assert_eq!(error.what(), "a token key does not begin with `landbridge-token-key-v1:`");
        let token = TokenKey::encode(&secret);
        let error = ProofKey::parse(token.as_bytes(), "a/secret", "shop").expect_err("a token key");
        assert_eq!(error.what(), "a proof key does not begin with `landbridge-proof-key-v1:`");
        assert!(!error.sentence().contains(&token[24..]), "{error}");
    }

    #[test]
    fn errors_do_not_quote_an_invalid_key() {
        let short = format!("{TOKEN_KEY_PREFIX}{}", STANDARD.encode([7; 31]));
        let long = format!("{TOKEN_KEY_PREFIX}{}", STANDARD.encode([7; 65]));
        for (written, expected) in [
            (
                "{\"username\":\"sesame\"}",
                "a token key does not begin with `landbridge-token-key-v1:`",
            ),
            ("", "a token key does not begin with `landbridge-token-key-v1:`"),
            (
                "landbridge-token-key-v1:sesame!",
                "a token key is not base64 after `landbridge-token-key-v1:`",
            ),
            (&short, "a token key has fewer than 32 or more than 64 bytes"),
            (&long, "a token key has fewer than 32 or more than 64 bytes"),
        ] {
            let error = TokenKey::parse(written.as_bytes(), "a/secret").expect_err("no key");
            assert_eq!((error.kind(), error.what()), (ErrorKind::Config, expected));
            assert_eq!(error.context(), "a/secret");
            assert!(!error.sentence().contains("sesame"), "{error}");
        }
    }
}
