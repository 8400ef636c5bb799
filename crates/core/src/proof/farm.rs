//! `farmhash::Fingerprint64`, which GoogleSQL has as FARM_FINGERPRINT.
//!
//! Source: Google's FarmHash, `farmhashna::Hash64` (<https://github.com/google/farmhash>), which is
//! declared stable for all time. The crates that implement it have had no release for years, so it is
//! here; a test compares it with Google's published results.

use std::mem::swap;

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;
const SEED: u64 = 81;

/// The fingerprint of some bytes. GoogleSQL returns the same bits as INT64.
#[inline]
pub fn fingerprint(bytes: &[u8]) -> u64 {
    match bytes.len() {
        0..=16 => up_to_16(bytes),
        17..=32 => up_to_32(bytes),
        33..=64 => up_to_64(bytes),
        _ => longer(bytes),
    }
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[inline]
fn half_word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

#[inline]
const fn shift_mix(value: u64) -> u64 {
    value ^ (value >> 47)
}

#[inline]
const fn mix(u: u64, v: u64, mul: u64) -> u64 {
    let a = shift_mix((u ^ v).wrapping_mul(mul));
    shift_mix((v ^ a).wrapping_mul(mul)).wrapping_mul(mul)
}

#[inline]
const fn multiplier(length: usize) -> u64 {
    K2.wrapping_add((length as u64).wrapping_mul(2))
}

#[inline]
fn up_to_16(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    if length >= 8 {
        return of_8_to_16(word(bytes, 0), word(bytes, length - 8), length);
    }
    if length >= 4 {
        return of_4_to_7(half_word(bytes, 0), half_word(bytes, length - 4), length);
    }
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return K2 };
    of_1_to_3(*first, bytes[length >> 1], *last, length)
}

/// The fingerprint of 8 to 16 bytes, from the first word and the last, which overlap.
#[inline]
pub(super) const fn of_8_to_16(first: u64, last: u64, length: usize) -> u64 {
    let mul = multiplier(length);
    let a = first.wrapping_add(K2);
    let c = last.rotate_right(37).wrapping_mul(mul).wrapping_add(a);
    let d = a.rotate_right(25).wrapping_add(last).wrapping_mul(mul);
    mix(c, d, mul)
}

/// The fingerprint of 4 to 7 bytes, from the first four and the last four.
#[inline]
pub(super) const fn of_4_to_7(first: u32, last: u32, length: usize) -> u64 {
    let first = (length as u64).wrapping_add((first as u64) << 3);
    mix(first, last as u64, multiplier(length))
}

/// The fingerprint of 1 to 3 bytes.
#[inline]
pub(super) const fn of_1_to_3(first: u8, middle: u8, last: u8, length: usize) -> u64 {
    let y = first as u64 + ((middle as u64) << 8);
    let z = length as u64 + ((last as u64) << 2);
    shift_mix(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
}

fn up_to_32(bytes: &[u8]) -> u64 {
    let end = bytes.len();
    let words = [word(bytes, 0), word(bytes, 8), word(bytes, end - 16), word(bytes, end - 8)];
    of_17_to_32(words, end)
}

/// The fingerprint of 17 to 32 bytes, from the first two words and the last two.
#[inline]
pub(super) const fn of_17_to_32(words: [u64; 4], length: usize) -> u64 {
    let [first, second, third, fourth] = words;
    let mul = multiplier(length);
    let a = first.wrapping_mul(K1);
    let c = fourth.wrapping_mul(mul);
    let d = third.wrapping_mul(K2);
    mix(sum_of_rotated(a, second, c, d), first_rotated(a, second, c), mul)
}

fn up_to_64(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let mul = multiplier(length);
    let a = word(bytes, 0).wrapping_mul(K2);
    let b = word(bytes, 8);
    let c = word(bytes, length - 8).wrapping_mul(mul);
    let d = word(bytes, length - 16).wrapping_mul(K2);
    let y = sum_of_rotated(a, b, c, d);
    let z = mix(y, first_rotated(a, b, c), mul);
    let e = word(bytes, 16).wrapping_mul(mul);
    let f = word(bytes, 24);
    let g = y.wrapping_add(word(bytes, length - 32)).wrapping_mul(mul);
    let h = z.wrapping_add(word(bytes, length - 24)).wrapping_mul(mul);
    let second = e.wrapping_add(f.wrapping_add(a).rotate_right(18)).wrapping_add(g);
    mix(sum_of_rotated(e, f, g, h), second, mul)
}

#[inline]
const fn sum_of_rotated(a: u64, b: u64, c: u64, d: u64) -> u64 {
    a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d)
}

#[inline]
const fn first_rotated(a: u64, b: u64, c: u64) -> u64 {
    a.wrapping_add(b.wrapping_add(K2).rotate_right(18)).wrapping_add(c)
}

/// The state between blocks of 64 bytes.
struct State {
    x: u64,
    y: u64,
    z: u64,
    v: (u64, u64),
    w: (u64, u64),
}

impl State {
    /// Mixes one block in. `by` and `weight` differ for the last one.
    #[inline]
    fn add(&mut self, block: &[u8], by: u64, weight: u64) {
        let Self { x, y, z, v, w } = self;
        let sum = x.wrapping_add(*y).wrapping_add(v.0).wrapping_add(word(block, 8));
        *x = sum.rotate_right(37).wrapping_mul(by);
        let sum = y.wrapping_add(v.1).wrapping_add(word(block, 48));
        *y = sum.rotate_right(42).wrapping_mul(by);
        *x ^= w.1.wrapping_mul(weight);
        *y = y.wrapping_add(v.0.wrapping_mul(weight)).wrapping_add(word(block, 40));
        *z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(by);
        *v = weak(&block[..32], v.1.wrapping_mul(by), x.wrapping_add(w.0));
        *w = weak(&block[32..], z.wrapping_add(w.1), y.wrapping_add(word(block, 16)));
        swap(z, x);
    }
}

fn weak(bytes: &[u8], a: u64, b: u64) -> (u64, u64) {
    let last = word(bytes, 24);
    let a = a.wrapping_add(word(bytes, 0));
    let b = b.wrapping_add(a).wrapping_add(last).rotate_right(21);
    let sum = a.wrapping_add(word(bytes, 8)).wrapping_add(word(bytes, 16));
    (sum.wrapping_add(last), b.wrapping_add(sum.rotate_right(44)).wrapping_add(a))
}

fn longer(bytes: &[u8]) -> u64 {
    let y = SEED.wrapping_mul(K1).wrapping_add(113);
    let mut state = State {
        x: SEED.wrapping_mul(K2).wrapping_add(word(bytes, 0)),
        y,
        z: shift_mix(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2),
        v: (0, 0),
        w: (0, 0),
    };
    let rest = (bytes.len() - 1) & 63;
    let blocks = (bytes.len() - 1) / 64;
    for block in bytes.chunks_exact(64).take(blocks) {
        state.add(block, K1, 1);
    }
    let mul = K1.wrapping_add((state.z & 0xff) << 1);
    state.w.0 = state.w.0.wrapping_add(rest as u64);
    state.v.0 = state.v.0.wrapping_add(state.w.0);
    state.w.0 = state.w.0.wrapping_add(state.v.0);
    state.add(&bytes[bytes.len() - 64..], mul, 9);
    let State { x, y, z, v, w } = state;
    let first = mix(v.0, w.0, mul).wrapping_add(shift_mix(y).wrapping_mul(K0)).wrapping_add(z);
    mix(first, mix(v.1, w.1, mul).wrapping_add(x), mul)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Google's documentation of FARM_FINGERPRINT.
    #[test]
    fn google_documents_these_fingerprints() {
        for (text, expected) in [
            ("1footrue", -1_541_654_101_129_638_711),
            ("2applefalse", 2_794_438_866_806_483_259),
            ("3true", -4_880_158_226_897_771_312_i64),
        ] {
            assert_eq!(fingerprint(text.as_bytes()).cast_signed(), expected, "{text}");
        }
    }

    /// Results of Google's engine (`zetasql` 0.1.5 from PyPI):
    /// `FARM_FINGERPRINT(SUBSTR(REPEAT('abcdefghijklmnopqrstuvwxyz0123456789-', 20), 1, n))`.
    #[test]
    fn googles_engine_returns_these_fingerprints() {
        let text = "abcdefghijklmnopqrstuvwxyz0123456789-".repeat(20);
        for (length, expected) in [
            (0, -7_286_425_919_675_154_353),
            (1, -5_528_939_962_900_187_677),
            (3, 2_640_714_258_260_161_385),
            (4, 1_897_425_971_756_105_985),
            (7, 4_341_691_227_789_030_229),
            (8, -78_300_442_537_744_119),
            (16, 6_080_716_761_534_418_621),
            (17, -7_052_348_088_954_416_216),
            (24, -7_120_367_177_115_365_641),
            (32, 934_449_955_909_727_258),
            (33, -820_024_252_881_666_549),
            (48, 1_547_301_328_813_999_827),
            (64, 6_906_075_040_944_059_516),
            (65, 6_388_146_780_701_525_905),
            (127, 7_087_279_277_653_129_579),
            (128, -1_947_571_688_595_461_808),
            (129, 3_720_371_625_867_149_243),
            (192, 746_460_713_431_713_099),
            (200, 4_295_499_148_262_740_679),
            (256, 5_999_351_654_176_324_752),
            (500, 7_118_427_108_994_950_447),
            (640, 2_679_656_169_687_727_494),
        ] {
            let fingerprint = fingerprint(&text.as_bytes()[..length]).cast_signed();
            assert_eq!(fingerprint, expected, "{length}");
        }
    }

    /// Every length takes one of the branches; equal prefixes must not give equal fingerprints.
    #[test]
    fn every_length_has_its_own_fingerprint() {
        let bytes: Vec<u8> = (0..600_u32).map(|at| (at * 7 % 251) as u8).collect();
        let all: std::collections::BTreeSet<u64> =
            (0..bytes.len()).map(|length| fingerprint(&bytes[..length])).collect();
        assert_eq!(all.len(), bytes.len());
    }
}
