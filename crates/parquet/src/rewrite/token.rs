//! Tokens: what a value becomes that may not leave, but must still join.
//!
//! A token is `tok1_` and the first 16 bytes of
//! `HMAC-SHA-256(HMAC-SHA-256(key, "landbridge/token/1" ‖ 0 ‖ domain), value)`
//! in base64url without padding: 27 characters. The value is the text's bytes; whole
//! numbers are taken as their decimal digits, so that a number and its text join.
//!
//! 128 bits: among a billion values two meet by chance with a probability of about 10⁻²¹.
//! Without the key, trying all values of a small set (telephone numbers) leads nowhere;
//! whoever has the key can do that, so it is a secret.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use landbridge_core::{Error, Kind, Result};
use sha2::{Digest, Sha256};

/// How a token begins: the version of its format.
pub const PREFIX: &[u8; 5] = b"tok1_";
/// The length of every token, in bytes.
pub const LENGTH: usize = PREFIX.len() + 22;
/// The shortest key that is taken, in bytes: as strong as the hash.
pub const SHORTEST_KEY: usize = 32;
/// SHA-256's block, by which HMAC pads its key.
const BLOCK: usize = 64;

/// A secret from which tokens are made. It prints nothing of itself.
#[derive(Clone)]
pub struct Key(Hmac);

impl Key {
    /// A key of these bytes.
    ///
    /// # Errors
    /// [`Kind::Config`] when there are fewer than [`SHORTEST_KEY`].
    pub fn new(secret: &[u8]) -> Result<Self> {
        if secret.len() < SHORTEST_KEY {
            return Err(Error::new(Kind::Config, "a token key has fewer than 32 bytes", ""));
        }
        Ok(Self(Hmac::new(secret)))
    }

    /// What makes the tokens of one domain.
    pub(super) fn domain(&self, domain: &str) -> Tokens {
        Tokens(Hmac::new(&self.0.of(&[b"landbridge/token/1\0", domain.as_bytes()])))
    }

    /// The token of one value, as [`Rewriter`](super::Rewriter) writes it.
    pub fn token(&self, domain: &str, value: &[u8]) -> String {
        String::from_utf8_lossy(&self.domain(domain).token(value)).into_owned()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Makes the tokens of one domain.
#[derive(Clone)]
pub(super) struct Tokens(Hmac);

impl Tokens {
    /// The token of a value.
    pub(super) fn token(&self, value: &[u8]) -> [u8; LENGTH] {
        let mac = self.0.of(&[value]);
        let mut token = [0; LENGTH];
        token[..PREFIX.len()].copy_from_slice(PREFIX);
        // 16 bytes are 22 characters, which is what is left.
        let _ = URL_SAFE_NO_PAD.encode_slice(&mac[..16], &mut token[PREFIX.len()..]);
        token
    }
}

/// HMAC-SHA-256 (RFC 2104) whose two key blocks are hashed once, not once per value.
#[derive(Clone)]
struct Hmac {
    inner: Sha256,
    outer: Sha256,
}

impl Hmac {
    fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        if key.len() > BLOCK {
            block[..32].copy_from_slice(&Sha256::digest(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let padded = |pad: u8| Sha256::new().chain_update(block.map(|byte| byte ^ pad));
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        for part in parts {
            inner.update(part);
        }
        self.outer.clone().chain_update(inner.finalize()).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The test cases 1, 2 and 6 of RFC 4231.
    #[test]
    fn hmac_is_as_the_rfc_says() {
        for (key, data, expected) in [
            (
                [0x0b; 20].to_vec(),
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                [0xaa; 131].to_vec(),
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex(&Hmac::new(&key).of(&[data])), expected);
        }
    }

    #[test]
    fn tokens_are_short_and_keyed() {
        let key = Key::new(&[7; 32]).expect("long enough");
        let token = key.token("account", b"123-45");
        assert_eq!(token.len(), LENGTH);
        assert!(token.starts_with("tok1_"));
        assert_eq!(token, key.token("account", b"123-45"), "the same value, the same token");
        assert_ne!(token, key.token("account", b"123-46"));
        assert_ne!(token, key.token("", b"123-45"), "another domain");
        let other = Key::new(&[8; 32]).expect("long enough");
        assert_ne!(token, other.token("account", b"123-45"), "another key");
        assert_eq!(Key::new(&[7; 31]).expect_err("too short").kind(), Kind::Config);
        assert!(!format!("{key:?}").contains('7'));
    }
}
