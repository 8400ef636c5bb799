//! The signature of the JSON that a webhook receives: HMAC-SHA256 (RFC 2104) of the time and the body, so
//! that a receiver knows that the message is ours, and when it was sent.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header with the signature.
pub const HEADER: &str = "landbridge-signature";
/// The header with the message's id: the same for a repeat.
pub const ID_HEADER: &str = "landbridge-message";

/// The value of [`HEADER`]: `t=<seconds since 1970>,v1=<hex of HMAC-SHA256(key, "<seconds>.<body>")>`.
pub fn header(key: &[u8], seconds: i64, body: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("a key of any length"));
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python's `hmac.new(key, b"1796000000.{}", "sha256").hexdigest()`, with a short key, and with one that is longer
    /// than a block of the hash.
    #[test]
    fn the_mac_is_that_of_another_implementation() {
        for (key, expected) in [
            (b"Jefe".to_vec(), "d6aa55d7abf4e274a6a29bb2e30a22a26566c8515a422e1b9869e58b9d8785f7"),
            (vec![0xaa; 131], "074cbe3a33d10b90b948430f9e81995f1dfb67530e4f7a33fa6b2e54a5552b25"),
        ] {
            assert_eq!(header(&key, 1_796_000_000, "{}"), format!("t=1796000000,v1={expected}"));
        }
    }

    #[test]
    fn the_header_covers_time_and_body() {
        let of = |seconds, body| header(b"key", seconds, body);
        assert!(of(1, "{}").starts_with("t=1,v1="));
        assert_ne!(of(1, "{}"), of(2, "{}"));
        assert_ne!(of(1, "{}"), of(1, "{ }"));
    }
}
