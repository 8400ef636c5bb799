//! NET functions for host names and addresses.
//!
//! Semantics: GoogleSQL reference, "Net functions". NET.PUBLIC_SUFFIX and NET.REG_DOMAIN need a list
//! of suffixes and are refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::strings::as_bytes;
use super::{Function, Result, SqlError, int, strict, text};
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("NET.HOST", "STRING -> STRING", |_, args| {
        Ok(host(text(args, 0)?).map_or(Value::Null, Value::text))
    }),
    strict("NET.IP_FROM_STRING", "STRING -> BYTES", |_, args| {
        ip_from_text(text(args, 0)?).map(Value::bytes).ok_or_else(invalid)
    }),
    strict("NET.SAFE_IP_FROM_STRING", "STRING -> BYTES", |_, args| {
        Ok(ip_from_text(text(args, 0)?).map_or(Value::Null, Value::bytes))
    }),
    strict("NET.IP_TO_STRING", "BYTES -> STRING", |_, args| {
        ip_from_bytes(as_bytes(args, 0)?).map(|it| Value::text(it.to_string()))
    }),
    strict("NET.IPV4_FROM_INT64", "INT64 -> BYTES", |_, args| {
        let value = int(args, 0)?;
        let low = u32::try_from(value).or_else(|_| i32::try_from(value).map(|it| it as u32));
        low.map(|it| Value::bytes(it.to_be_bytes())).map_err(|_| invalid())
    }),
    strict("NET.IPV4_TO_INT64", "BYTES -> INT64", |_, args| {
        let bytes: [u8; 4] = as_bytes(args, 0)?.try_into().map_err(|_| invalid())?;
        Ok(Value::Int(i64::from(u32::from_be_bytes(bytes))))
    }),
    strict("NET.IP_NET_MASK", "INT64, INT64 -> BYTES", |_, args| {
        let (length, prefix) = (int(args, 0)?, int(args, 1)?);
        if !matches!(length, 4 | 16) || !(0..=length * 8).contains(&prefix) {
            return Err(invalid());
        }
        let bits =
            |at: i64| (0..8).fold(0_u8, |byte, bit| byte << 1 | u8::from(at * 8 + bit < prefix));
        Ok(Value::bytes((0..length).map(bits).collect::<Vec<_>>()))
    }),
    strict("NET.IP_TRUNC", "BYTES, INT64 -> BYTES", |_, args| {
        let (bytes, prefix) = (as_bytes(args, 0)?, int(args, 1)?);
        let length = i64::try_from(bytes.len()).unwrap_or(0);
        if !matches!(length, 4 | 16) || !(0..=length * 8).contains(&prefix) {
            return Err(invalid());
        }
        let kept = bytes.iter().zip(0_i64..).map(|(byte, at)| {
            let mask = (0..8).fold(0_u8, |mask, bit| mask << 1 | u8::from(at * 8 + bit < prefix));
            byte & mask
        });
        Ok(Value::bytes(kept.collect::<Vec<_>>()))
    }),
];

fn invalid() -> SqlError {
    SqlError::failed("an IP address is invalid")
}

fn ip_from_text(text: &str) -> Option<Vec<u8>> {
    match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(it) => Some(it.octets().to_vec()),
        IpAddr::V6(it) => Some(it.octets().to_vec()),
    }
}

fn ip_from_bytes(bytes: &[u8]) -> Result<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(bytes).map(|it| Ipv6Addr::from(it).into()).map_err(|_| invalid())
}

/// The host of a URL.
fn host(url: &str) -> Option<String> {
    let url = url.trim();
    let after_scheme = match url.find("//") {
        Some(at) if url[..at].is_empty() || url[..at].ends_with(':') => &url[at + 2..],
        // Without `//` there is no scheme: the host of `mailto:a@b.c` is `b.c`.
        _ => url,
    };
    let end = after_scheme.find(['/', '?', '#', '\\']).unwrap_or(after_scheme.len());
    let authority = &after_scheme[..end];
    let host = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
    let host = match host.strip_prefix('[') {
        Some(six) => &host[..six.find(']')? + 2],
        None => host.split(':').next().unwrap_or(host),
    };
    (!host.is_empty()).then(|| host.to_owned())
}
