//! Numbers that look random and are the same in every run.

use sha2::{Digest, Sha256};

/// One step of splitmix64 over `seed` and `salt`. Cheap enough to be called for every cell.
pub(crate) fn mix(seed: u64, salt: u64) -> u64 {
    let mut z = seed.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        // The length distinguishes ["ab", "c"] from ["a", "bc"].
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

/// A number derived from the parts, for choices that must not change between runs.
pub(crate) fn number(parts: &[&str]) -> u64 {
    let bytes = digest(parts);
    bytes[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// An identifier derived from the parts that looks like a random (version 4) UUID.
pub(crate) fn uuid(parts: &[&str]) -> String {
    let mut bytes = digest(parts);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes[..16].iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 0x0f] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}
