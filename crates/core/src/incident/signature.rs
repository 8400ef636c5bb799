//! The signature of the JSON that a webhook receives: HMAC-SHA256 (RFC 2104) of the time and the body, so
//! that a receiver knows that the message is ours, and when it was sent.

use sha2::{Digest, Sha256};

/// The header with the signature.
pub const HEADER: &str = "landbridge-signature";
/// The header with the message's id: the same for a repeat.
pub const ID_HEADER: &str = "landbridge-message";

/// The block length of SHA-256, in bytes.
const BLOCK: usize = 64;

/// The value of [`HEADER`]: `t=<seconds since 1970>,v1=<hex of HMAC-SHA256(key, "<seconds>.<body>")>`.
pub fn header(key: &[u8], seconds: i64, body: &str) -> String {
    let mac = hmac(key, format!("{seconds}.{body}").as_bytes());
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |byte: u8| block.map(|it| it ^ byte);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 4231, test cases 2 and 6.
    #[test]
    fn the_mac_is_that_of_the_standard() {
        assert_eq!(
            hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(&hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn the_header_covers_time_and_body() {
        let of = |seconds, body| header(b"key", seconds, body);
        assert!(of(1, "{}").starts_with("t=1,v1="));
        assert_ne!(of(1, "{}"), of(2, "{}"));
        assert_ne!(of(1, "{}"), of(1, "{ }"));
    }
}
