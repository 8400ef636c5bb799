//! BYTES: encodings and code points.
//!
//! Semantics: GoogleSQL reference, "String functions".

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::strings::as_bytes;
use super::{Context, Function, Result, SqlError, array, int, mismatch, strict, text};
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("TO_HEX", "BYTES -> STRING", |_, args| {
        let hex: String = as_bytes(args, 0)?.iter().map(|it| format!("{it:02x}")).collect();
        Ok(Value::text(hex))
    }),
    strict("FROM_HEX", "STRING -> BYTES", |_, args| {
        from_hex(text(args, 0)?)
            .map(Value::bytes)
            .ok_or_else(|| SqlError::failed("a text is not hexadecimal"))
    }),
    strict("TO_BASE64", "BYTES -> STRING", |_, args| {
        Ok(Value::text(STANDARD.encode(as_bytes(args, 0)?)))
    }),
    strict("FROM_BASE64", "STRING -> BYTES", |_, args| {
        let lenient = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        let plain: String = text(args, 0)?.chars().filter(|it| !it.is_ascii_whitespace()).collect();
        let decoded = GeneralPurpose::new(&ALPHABET, lenient).decode(plain);
        decoded.map(Value::bytes).map_err(|_| SqlError::failed("a text is not base64"))
    }),
    strict("TO_BASE32", "BYTES -> STRING", |_, args| {
        Ok(Value::text(to_base32(as_bytes(args, 0)?)))
    }),
    strict("FROM_BASE32", "STRING -> BYTES", |_, args| {
        from_base32(text(args, 0)?)
            .map(Value::bytes)
            .ok_or_else(|| SqlError::failed("a text is not base32"))
    }),
    strict("TO_CODE_POINTS", "STRING -> ARRAY<INT64> | BYTES -> ARRAY<INT64>", |_, args| {
        Ok(Value::array(match &args[0] {
            Value::Text(it) => it.chars().map(|it| Value::Int(i64::from(u32::from(it)))).collect(),
            Value::Bytes(it) => it.iter().map(|it| Value::Int(i64::from(*it))).collect(),
            _ => return Err(mismatch()),
        }))
    }),
    strict("CODE_POINTS_TO_STRING", "ARRAY<INT64> -> STRING", code_points_to_string),
    strict("CODE_POINTS_TO_BYTES", "ARRAY<INT64> -> BYTES", |_, args| {
        let items = array(args, 0)?;
        if items.iter().any(Value::is_null) {
            return Ok(Value::Null);
        }
        let byte = |at: usize| {
            let byte = u8::try_from(int(items, at)?);
            byte.map_err(|_| SqlError::failed("a code point is not a byte"))
        };
        Ok(Value::bytes((0..items.len()).map(byte).collect::<Result<Vec<_>>>()?))
    }),
    strict("ASCII", "STRING -> INT64 | BYTES -> INT64", |_, args| {
        match as_bytes(args, 0)?.first() {
            None => Ok(Value::Int(0)),
            Some(byte) if byte.is_ascii() || matches!(args[0], Value::Bytes(_)) => {
                Ok(Value::Int(i64::from(*byte)))
            }
            Some(_) => Err(SqlError::failed("ASCII of a character that is not ASCII")),
        }
    }),
    strict("UNICODE", "STRING -> INT64", |_, args| {
        Ok(Value::Int(text(args, 0)?.chars().next().map_or(0, |it| i64::from(u32::from(it)))))
    }),
    strict("CHR", "INT64 -> STRING", |_, args| match int(args, 0)? {
        0 => Ok(Value::text("")),
        code => character(code).map(|it| Value::text(it.to_string())),
    }),
    strict("SAFE_CONVERT_BYTES_TO_STRING", "BYTES -> STRING", |_, args| {
        Ok(Value::text(replace_invalid(as_bytes(args, 0)?)))
    }),
];

/// Text with U+FFFD for each invalid byte.
fn replace_invalid(mut bytes: &[u8]) -> String {
    let mut out = String::new();
    loop {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                out.push_str(text);
                return out;
            }
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                out.push_str(&String::from_utf8_lossy(valid));
                out.push('\u{fffd}');
                bytes = &rest[1..];
            }
        }
    }
}

fn character(code: i64) -> Result<char> {
    let code = u32::try_from(code).ok().and_then(char::from_u32);
    code.ok_or_else(|| SqlError::failed("a code point is invalid"))
}

fn code_points_to_string(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let items = array(args, 0)?;
    if items.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    let mut out = String::new();
    for at in 0..items.len() {
        out.push(character(int(items, at)?)?);
    }
    Ok(Value::text(out))
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
    (0..padded.len() / 2)
        .map(|at| u8::from_str_radix(&padded[2 * at..2 * at + 2], 16).ok())
        .collect()
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn to_base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut bits = [0_u8; 5];
        bits[..chunk.len()].copy_from_slice(chunk);
        let value = bits.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let used = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let digit = (value >> (35 - 5 * at) & 31) as usize;
            out.push(if at < used { char::from(BASE32[digit]) } else { '=' });
        }
    }
    out
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(8) {
        return None;
    }
    let mut out = Vec::new();
    let (mut value, mut bits) = (0_u32, 0);
    for digit in digits.bytes() {
        let digit = BASE32.iter().position(|it| *it == digit)?;
        value = (value << 5 | u32::try_from(digit).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((value >> bits & 0xff) as u8);
        }
    }
    Some(out)
}
