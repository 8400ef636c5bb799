//! Tokens: they replace values that must not leave AWS, but must still be usable in joins.
//!
//! A token is `tok1_` and the first 16 bytes of
//! `HMAC-SHA-256(HMAC-SHA-256(key, "landbridge/token/1" ‖ 0 ‖ domain), value)`
//! in base64url without padding: 27 characters. The value of a text is its bytes.
//! An integer is tokenised as its decimal digits, so that a number and its text form join.
//!
//! With 128 bits, the probability that two of a billion values have the same token is about 10⁻²¹.
//! Without the key, a value cannot be found by trying all values of a small set, such as telephone
//! numbers. With the key it is possible, so the key is a secret.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use landbridge_core::rewrite::Misfit;
use landbridge_core::{Error, ErrorKind, Result};
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

use super::convert::Convert;

/// The prefix of every token, which contains the version of the format.
pub const PREFIX: &[u8; 5] = b"tok1_";
/// The length of every token, in bytes.
pub const LENGTH: usize = PREFIX.len() + 22;
/// The minimum length of a key in bytes: the output length of the hash.
pub const MIN_KEY_BYTES: usize = 32;
/// The block length of SHA-256 in bytes; HMAC pads its key to it.
const BLOCK: usize = 64;
/// The length of the message length at the end of the padding, in bytes.
const LENGTH_BYTES: usize = 8;
/// The initial state of SHA-256 (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The secret key for tokens. Its `Debug` output does not contain the key.
#[derive(Clone)]
pub struct TokenKey(Hmac);

impl TokenKey {
    /// A key of these bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if there are fewer than [`MIN_KEY_BYTES`].
    pub fn new(secret: &[u8]) -> Result<Self> {
        if secret.len() < MIN_KEY_BYTES {
            return Err(Error::new(ErrorKind::Config, "a token key has fewer than 32 bytes", ""));
        }
        Ok(Self(Hmac::new(secret)))
    }

    /// An identifier that distinguishes this key from others and reveals nothing else: 16 hexadecimal
    /// digits of `HMAC-SHA-256(key, "landbridge/key-id/1")`. It may be recorded and shown.
    pub fn id(&self) -> String {
        self.0.mac(b"landbridge/key-id/1")[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// HMAC-SHA-256 of a message under this key.
    pub(super) fn mac(&self, message: &[u8]) -> [u8; 32] {
        self.0.mac(message)
    }

    /// The token generator of one domain.
    pub(super) fn domain(&self, domain: &str) -> Tokens {
        let domain = [b"landbridge/token/1\0", domain.as_bytes()].concat();
        Tokens(Hmac::new(&self.0.mac(&domain)))
    }

    /// The token of one value, as [`Rewriter`](super::Rewriter) writes it.
    pub fn token(&self, domain: &str, value: &[u8]) -> String {
        String::from_utf8_lossy(&self.domain(domain).token(value)).into_owned()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

/// Generates the tokens of one domain.
#[derive(Clone)]
pub(super) struct Tokens(Hmac);

impl Tokens {
    /// The token of a value.
    fn token(&self, value: &[u8]) -> [u8; LENGTH] {
        let mut token = [0; LENGTH];
        token[..PREFIX.len()].copy_from_slice(PREFIX);
        encode_hash(&self.0.mac(value), &mut token[PREFIX.len()..]);
        token
    }
}

/// Writes the encoded hash of a token.
fn encode_hash(hash: &[u8; 32], token: &mut [u8]) {
    // 16 bytes are encoded as 22 letters, which is the length of the slice.
    let _ = URL_SAFE_NO_PAD.encode_slice(&hash[..16], token);
}

/// The number of tokens that are finished in one batch.
const BATCH: usize = 16;

/// Converts values to tokens in PLAIN, each with a length prefix, in batches: a processor with hash
/// instructions computes several hashes at once if no other work is between them.
pub(super) struct Tokenise<'a> {
    tokens: &'a Tokens,
    /// The inner hash of each value, and the end of its token in the output.
    pending: Vec<([u8; 32], usize)>,
}

impl<'a> Tokenise<'a> {
    pub(super) fn new(tokens: &'a Tokens) -> Self {
        Self { tokens, pending: Vec::with_capacity(BATCH) }
    }
}

impl Convert for Tokenise<'_> {
    fn convert(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
        let mut value = [0; 4 + LENGTH];
        value[..4].copy_from_slice(&(LENGTH as u32).to_le_bytes());
        value[4..4 + PREFIX.len()].copy_from_slice(PREFIX);
        out.extend_from_slice(&value);
        self.pending.push((self.tokens.0.inner(text), out.len()));
        if self.pending.len() == BATCH {
            self.flush(out);
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut [u8]) {
        for (hash, _) in &mut self.pending {
            *hash = self.tokens.0.outer(hash);
        }
        for (hash, end) in self.pending.drain(..) {
            encode_hash(&hash, &mut out[end + PREFIX.len() - LENGTH..end]);
        }
    }
}

/// HMAC-SHA-256 (RFC 2104). Contains the SHA-256 states after the inner and the outer key block, so
/// that these are hashed once and not once per value.
#[derive(Clone)]
pub(super) struct Hmac {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Hmac {
    pub(super) fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        if key.len() > BLOCK {
            block[..32].copy_from_slice(&Sha256::digest(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let padded = |pad: u8| {
            let mut state = INITIAL;
            compress256(&mut state, &[block.map(|byte| byte ^ pad)]);
            state
        };
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    pub(super) fn mac(&self, message: &[u8]) -> [u8; 32] {
        self.outer(&self.inner(message))
    }

    fn inner(&self, message: &[u8]) -> [u8; 32] {
        bytes(finish_hash(self.inner, message))
    }

    fn outer(&self, inner: &[u8; 32]) -> [u8; 32] {
        bytes(finish_hash(self.outer, inner))
    }
}

/// The final SHA-256 state after `message`. `state` is the state after the key block.
fn finish_hash(mut state: [u32; 8], message: &[u8]) -> [u32; 8] {
    let (blocks, rest) = message.as_chunks::<BLOCK>();
    if !blocks.is_empty() {
        compress256(&mut state, blocks);
    }
    // The padding: a bit, zeros, and the total length in bits, in one or two blocks.
    let mut end = [0; BLOCK];
    end[..rest.len()].copy_from_slice(rest);
    end[rest.len()] = 0x80;
    if rest.len() + 1 + LENGTH_BYTES > BLOCK {
        compress256(&mut state, &[end]);
        end = [0; BLOCK];
    }
    let bits = (BLOCK as u64 + message.len() as u64) * 8;
    end[BLOCK - LENGTH_BYTES..].copy_from_slice(&bits.to_be_bytes());
    compress256(&mut state, &[end]);
    state
}

fn bytes(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *chunk = word.to_be_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The test cases 1, 2, 6 and 7 of RFC 4231.
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
            (
                [0xaa; 131].to_vec(),
                b"This is a test using a larger than block-size key and a larger than block-size \
                  data. The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(hex(&Hmac::new(&key).mac(data)), expected);
        }
    }

    /// Compares with the `sha2` crate at every length around the block boundaries.
    #[test]
    fn padding_is_correct_at_every_length() {
        let key = [0x36; BLOCK];
        let (message, state) = ([9; 200], Hmac::new(&[0; BLOCK]).inner);
        for length in 0..message.len() {
            let expected = Sha256::new().chain_update(key).chain_update(&message[..length]);
            assert_eq!(bytes(finish_hash(state, &message[..length]))[..], expected.finalize()[..]);
        }
    }

    #[test]
    fn batched_tokens_equal_single_tokens() {
        let tokens = TokenKey::new(&[7; 32]).expect("long enough").domain("account");
        let values: Vec<_> = (0..3 * BATCH + 5).map(|it| it.to_string().repeat(it)).collect();
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        let mut tokenise = Tokenise::new(&tokens);
        for value in &values {
            tokenise.convert(value.as_bytes(), &mut together).expect("anything fits");
            alone.extend((LENGTH as u32).to_le_bytes());
            alone.extend(tokens.token(value.as_bytes()));
        }
        tokenise.flush(&mut together);
        assert_eq!(together, alone);
    }

    #[test]
    fn tokens_are_short_and_keyed() {
        let key = TokenKey::new(&[7; 32]).expect("long enough");
        let token = key.token("account", b"123-45");
        assert_eq!(token.len(), LENGTH);
        assert!(token.starts_with("tok1_"));
        assert_eq!(token, key.token("account", b"123-45"), "the same value, the same token");
        assert_ne!(token, key.token("account", b"123-46"));
        assert_ne!(token, key.token("", b"123-45"), "another domain");
        let other = TokenKey::new(&[8; 32]).expect("long enough");
        assert_ne!(token, other.token("account", b"123-45"), "another key");
        assert_eq!(TokenKey::new(&[7; 31]).expect_err("too short").kind(), ErrorKind::Config);
        assert!(!format!("{key:?}").contains('7'));
    }
}
