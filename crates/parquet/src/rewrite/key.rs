//! How the key of tokens is written down: the value of a secret, or a file.
//!
//! `landbridge-token-key-v1:` and 32 to 64 bytes in base64, with padding, on one line. The
//! beginning is there so that no other secret is taken for a key: every token would change,
//! and the joins of yesterday's tables with today's would find nothing, in silence.

use base64::{Engine, engine::general_purpose::STANDARD};
use landbridge_core::{Error, ErrorKind, Result};

use super::token::{MIN_KEY_BYTES, TokenKey};

/// How the written form of a key begins.
pub const TOKEN_KEY_PREFIX: &str = "landbridge-token-key-v1:";
/// The longest key that is taken, in bytes: SHA-256's block. HMAC would hash a longer one.
pub const MAX_KEY_BYTES: usize = 64;

impl TokenKey {
    /// The key that is written so; white space around it does not count. `place` (a secret's
    /// name, a file's) is what errors name; none repeats any of the key.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it is not the written form of a key.
    pub fn parse(written: &[u8], place: &str) -> Result<Self> {
        let wrong = |what| Error::new(ErrorKind::Config, what, place);
        let encoded = written
            .trim_ascii()
            .strip_prefix(TOKEN_KEY_PREFIX.as_bytes())
            .ok_or_else(|| wrong("a token key does not begin with `landbridge-token-key-v1:`"))?;
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| wrong("a token key is not base64 after `landbridge-token-key-v1:`"))?;
        if !(MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&bytes.len()) {
            return Err(wrong("a token key has fewer than 32 or more than 64 bytes"));
        }
        Self::new(&bytes)
    }

    /// The written form of a key of these bytes, which must be random.
    pub fn encode(secret: &[u8; MIN_KEY_BYTES]) -> String {
        format!("{TOKEN_KEY_PREFIX}{}", STANDARD.encode(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let secret = std::array::from_fn(|at| at as u8);
        let written = TokenKey::encode(&secret);
        // Written down here, since secrets out there hold it: it must be readable for ever.
        assert_eq!(written, "landbridge-token-key-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        let token = |key: Result<TokenKey>| key.expect("a key").token("account", b"123-45");
        assert_eq!(token(TokenKey::parse(written.as_bytes(), "")), token(TokenKey::new(&secret)));
        let spaced = format!(" {written}\r\n");
        assert_eq!(token(TokenKey::parse(spaced.as_bytes(), "")), token(TokenKey::new(&secret)));
    }

    #[test]
    fn anything_else_is_refused_without_being_repeated() {
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
