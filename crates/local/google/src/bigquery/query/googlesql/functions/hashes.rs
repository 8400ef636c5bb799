//! Hash functions. All but FARM_FINGERPRINT return BYTES.
//!
//! Semantics: GoogleSQL reference, "Hash functions".

use sha2::Digest;

use super::farm::fingerprint;
use super::strings::as_bytes;
use super::{Function, strict};
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("MD5", BYTES, |_, args| {
        Ok(Value::bytes(<md5::Md5 as md5::Digest>::digest(as_bytes(args, 0)?)))
    }),
    strict("SHA1", BYTES, |_, args| {
        Ok(Value::bytes(<sha1::Sha1 as sha1::Digest>::digest(as_bytes(args, 0)?)))
    }),
    strict("SHA256", BYTES, |_, args| Ok(Value::bytes(sha2::Sha256::digest(as_bytes(args, 0)?)))),
    strict("SHA512", BYTES, |_, args| Ok(Value::bytes(sha2::Sha512::digest(as_bytes(args, 0)?)))),
    strict("FARM_FINGERPRINT", "STRING -> INT64 | BYTES -> INT64", |_, args| {
        Ok(Value::Int(fingerprint(as_bytes(args, 0)?) as i64))
    }),
];

const BYTES: &str = "STRING -> BYTES | BYTES -> BYTES";
