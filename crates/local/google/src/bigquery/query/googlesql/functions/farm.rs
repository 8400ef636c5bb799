//! `farmhash::Fingerprint64`, which FARM_FINGERPRINT returns as INT64.
//!
//! Source: Google's FarmHash, `farmhashna::Hash64` (<https://github.com/google/farmhash>).

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

fn fetch64(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn fetch32(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u64::from(u32::from_le_bytes(word))
}

fn shift_mix(value: u64) -> u64 {
    value ^ value >> 47
}

fn hash_16(u: u64, v: u64, mul: u64) -> u64 {
    let a = shift_mix((u ^ v).wrapping_mul(mul));
    shift_mix((v ^ a).wrapping_mul(mul)).wrapping_mul(mul)
}

fn short(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let mul = K2.wrapping_add(length as u64 * 2);
    if length >= 8 {
        let a = fetch64(bytes, 0).wrapping_add(K2);
        let b = fetch64(bytes, length - 8);
        let c = b.rotate_right(37).wrapping_mul(mul).wrapping_add(a);
        let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(mul);
        return hash_16(c, d, mul);
    }
    if length >= 4 {
        let a = fetch32(bytes, 0);
        return hash_16((length as u64).wrapping_add(a << 3), fetch32(bytes, length - 4), mul);
    }
    if length > 0 {
        let (a, b, c) = (bytes[0], bytes[length >> 1], bytes[length - 1]);
        let y = u64::from(a).wrapping_add(u64::from(b) << 8);
        let z = (length as u64).wrapping_add(u64::from(c) << 2);
        return shift_mix(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2);
    }
    K2
}

fn middle(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let mul = K2.wrapping_add(length as u64 * 2);
    if length <= 32 {
        let a = fetch64(bytes, 0).wrapping_mul(K1);
        let b = fetch64(bytes, 8);
        let c = fetch64(bytes, length - 8).wrapping_mul(mul);
        let d = fetch64(bytes, length - 16).wrapping_mul(K2);
        let u = a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
        let v = a.wrapping_add(b.wrapping_add(K2).rotate_right(18)).wrapping_add(c);
        return hash_16(u, v, mul);
    }
    let a = fetch64(bytes, 0).wrapping_mul(K2);
    let b = fetch64(bytes, 8);
    let c = fetch64(bytes, length - 8).wrapping_mul(mul);
    let d = fetch64(bytes, length - 16).wrapping_mul(K2);
    let y = a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let v = a.wrapping_add(b.wrapping_add(K2).rotate_right(18)).wrapping_add(c);
    let z = hash_16(y, v, mul);
    let e = fetch64(bytes, 16).wrapping_mul(mul);
    let f = fetch64(bytes, 24);
    let g = y.wrapping_add(fetch64(bytes, length - 32)).wrapping_mul(mul);
    let h = z.wrapping_add(fetch64(bytes, length - 24)).wrapping_mul(mul);
    let u = e.wrapping_add(f).rotate_right(43).wrapping_add(g.rotate_right(30)).wrapping_add(h);
    let v = e.wrapping_add(f.wrapping_add(a).rotate_right(18)).wrapping_add(g);
    hash_16(u, v, mul)
}

fn weak(bytes: &[u8], at: usize, mut a: u64, mut b: u64) -> (u64, u64) {
    let (w, x) = (fetch64(bytes, at), fetch64(bytes, at + 8));
    let (y, z) = (fetch64(bytes, at + 16), fetch64(bytes, at + 24));
    a = a.wrapping_add(w);
    b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let c = a;
    a = a.wrapping_add(x).wrapping_add(y);
    b = b.wrapping_add(a.rotate_right(44));
    (a.wrapping_add(z), b.wrapping_add(c))
}

/// The fingerprint of bytes.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    match length {
        0..=16 => return short(bytes),
        17..=64 => return middle(bytes),
        _ => {}
    }
    let seed = 81_u64;
    let mut x = seed;
    let mut y = seed.wrapping_mul(K1).wrapping_add(113);
    let mut z = shift_mix(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let (mut v, mut w) = ((0_u64, 0_u64), (0_u64, 0_u64));
    x = x.wrapping_mul(K2).wrapping_add(fetch64(bytes, 0));
    let end = (length - 1) / 64 * 64;
    let last = end + ((length - 1) & 63) - 63;
    let mut at = 0;
    loop {
        let sum = x.wrapping_add(y).wrapping_add(v.0).wrapping_add(fetch64(bytes, at + 8));
        x = sum.rotate_right(37).wrapping_mul(K1);
        let sum = y.wrapping_add(v.1).wrapping_add(fetch64(bytes, at + 48));
        y = sum.rotate_right(42).wrapping_mul(K1);
        x ^= w.1;
        y = y.wrapping_add(v.0).wrapping_add(fetch64(bytes, at + 40));
        z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(K1);
        v = weak(bytes, at, v.1.wrapping_mul(K1), x.wrapping_add(w.0));
        w = weak(bytes, at + 32, z.wrapping_add(w.1), y.wrapping_add(fetch64(bytes, at + 16)));
        std::mem::swap(&mut z, &mut x);
        at += 64;
        if at == end {
            break;
        }
    }
    let mul = K1.wrapping_add((z & 0xff) << 1);
    w.0 = w.0.wrapping_add(((length - 1) & 63) as u64);
    v.0 = v.0.wrapping_add(w.0);
    w.0 = w.0.wrapping_add(v.0);
    let sum = x.wrapping_add(y).wrapping_add(v.0).wrapping_add(fetch64(bytes, last + 8));
    x = sum.rotate_right(37).wrapping_mul(mul);
    let sum = y.wrapping_add(v.1).wrapping_add(fetch64(bytes, last + 48));
    y = sum.rotate_right(42).wrapping_mul(mul);
    x ^= w.1.wrapping_mul(9);
    y = y.wrapping_add(v.0.wrapping_mul(9)).wrapping_add(fetch64(bytes, last + 40));
    z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(mul);
    v = weak(bytes, last, v.1.wrapping_mul(mul), x.wrapping_add(w.0));
    w = weak(bytes, last + 32, z.wrapping_add(w.1), y.wrapping_add(fetch64(bytes, last + 16)));
    std::mem::swap(&mut z, &mut x);
    let first = hash_16(v.0, w.0, mul).wrapping_add(shift_mix(y).wrapping_mul(K0)).wrapping_add(z);
    hash_16(first, hash_16(v.1, w.1, mul).wrapping_add(x), mul)
}
