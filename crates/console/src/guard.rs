//! Who may ask: the token, the `Host` and `Origin` headers, and the headers of every answer.
//!
//! A page on another site can make a browser send requests to this server. `Host` is compared with the names that this
//! server has, so a name of that site that resolves to this machine (DNS rebinding) is refused; a POST needs an `Origin`
//! that is this server; the cookie is `SameSite=Strict`.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The name of the cookie with the digest of the token.
pub(crate) const COOKIE_NAME: &str = "landbridge_console";

/// What a browser may do with a page: load this server's style sheet, script and pictures, and send a form to it.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Who may ask.
#[derive(Clone)]
pub struct Access {
    /// Names of this server, in lower case, without a port.
    hosts: Vec<String>,
    /// Whether `Host` may be any address: a name that is an address cannot be made to resolve to another one.
    any_address: bool,
    /// The digest of the token, if one is needed.
    token: Option<[u8; 32]>,
}

impl Access {
    /// Access from this machine: `localhost` and the loopback addresses.
    pub fn local() -> Self {
        let hosts = vec!["localhost".to_owned()];
        Self { hosts, any_address: false, token: None }
    }

    /// The same, and by any address of this machine and by these names.
    #[must_use]
    pub fn from_network(mut self, names: &[String]) -> Self {
        self.any_address = true;
        self.hosts.extend(names.iter().map(|it| it.to_ascii_lowercase()));
        self
    }

    /// The same with a token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(digest(token));
        self
    }

    /// Whether a token is needed.
    pub fn needs_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether `Host` names this server.
    pub(crate) fn is_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = one(headers, &HOST) else { return false };
        let name = without_port(host).to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        let is_ours = |it: IpAddr| self.any_address || it.is_loopback();
        self.hosts.contains(&name) || address.parse().is_ok_and(is_ours)
    }

    /// Whether a request that changes or asks something comes from a page of this server. A browser sends `Origin` with
    /// every POST (Fetch standard, "append a request Origin header").
    pub(crate) fn is_own_origin(headers: &HeaderMap) -> bool {
        let (Some(host), Some(origin)) = (one(headers, &HOST), one(headers, &ORIGIN)) else {
            return false;
        };
        let place = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        place.is_some_and(|place| place.eq_ignore_ascii_case(host))
    }

    /// Whether the request has the token: in `Authorization: Bearer`, or as the cookie.
    pub(crate) fn is_known(&self, headers: &HeaderMap) -> bool {
        let Some(expected) = &self.token else { return true };
        let bearer = one(headers, &AUTHORIZATION).and_then(|it| it.strip_prefix("Bearer "));
        if bearer.is_some_and(|it| equal(&digest(it.trim()), expected)) {
            return true;
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
        let mut values =
            cookies.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
        let wanted = hex::encode(cookie(expected));
        values
            .any(|(name, value)| name == COOKIE_NAME && equal(value.as_bytes(), wanted.as_bytes()))
    }

    /// The cookie for a person who has this token; `None` if it is wrong.
    pub(crate) fn cookie_for(&self, token: &str) -> Option<String> {
        let expected = self.token.as_ref()?;
        let value = hex::encode(cookie(expected));
        equal(&digest(token), expected)
            .then(|| format!("{COOKIE_NAME}={value}; HttpOnly; SameSite=Strict; Path=/"))
    }
}

/// The only value of a header; two different ones are none.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.chars().all(|c| c.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// What the cookie contains: not the token, and nothing from which it could be computed.
fn cookie(token: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"landbridge console cookie\n");
    hash.update(token);
    hash.finalize().into()
}

fn equal(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// The headers of every answer.
pub(crate) fn headers() -> [(HeaderName, HeaderValue); 6] {
    use axum::http::header as name;
    [
        (name::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (name::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // With `no-referrer`, browsers send `Origin: null` with a form (Fetch standard, "append a request Origin header").
        (name::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (name::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let value = |it: &str| HeaderValue::from_str(it).expect("a value");
        let mut headers = HeaderMap::new();
        for (name, text) in pairs {
            headers.append(HeaderName::from_static(name), value(text));
        }
        headers
    }

    #[test]
    fn only_names_of_this_server_are_hosts() {
        let local = Access::local();
        let wide = Access::local().from_network(&["Console.example.org".to_owned()]);
        for (host, is_local, is_wide) in [
            ("127.0.0.1:8765", true, true),
            ("localhost", true, true),
            ("LOCALHOST:1", true, true),
            ("[::1]:8765", true, true),
            ("127.0.0.2:8765", true, true),
            ("10.0.0.7:8765", false, true),
            ("[fd00::1]:80", false, true),
            ("console.example.org:8765", false, true),
            ("evil.example:8765", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("", false, false),
        ] {
            let of = headers(&[("host", host)]);
            assert_eq!((local.is_host(&of), wide.is_host(&of)), (is_local, is_wide), "{host}");
        }
        assert!(!local.is_host(&HeaderMap::new()));
        assert!(!local.is_host(&headers(&[("host", "localhost"), ("host", "evil.example")])));
    }

    #[test]
    fn a_post_needs_the_origin_of_this_server() {
        for (origin, is_own) in [
            ("http://localhost:8765", true),
            ("http://localhost:8766", false),
            ("http://evil.example", false),
            ("null", false),
        ] {
            let of = headers(&[("host", "localhost:8765"), ("origin", origin)]);
            assert_eq!(Access::is_own_origin(&of), is_own, "{origin}");
        }
        assert!(!Access::is_own_origin(&headers(&[("host", "localhost:8765")])));
    }

    #[test]
    fn a_token_opens_by_header_and_by_cookie_and_nothing_else_does() {
        let access = Access::local().with_token("s3cret");
        assert!(!access.is_known(&HeaderMap::new()));
        assert!(access.is_known(&headers(&[("authorization", "Bearer s3cret")])));
        assert!(!access.is_known(&headers(&[("authorization", "Bearer s3cre")])));
        assert_eq!(access.cookie_for("wrong"), None);
        let cookie = access.cookie_for("s3cret").expect("a cookie");
        assert!(
            !cookie.contains("s3cret") && cookie.contains("HttpOnly; SameSite=Strict"),
            "{cookie}"
        );
        let pair = cookie.split(';').next().expect("a pair");
        assert!(access.is_known(&headers(&[("cookie", &format!("a=b; {pair}"))])));
        assert!(!access.is_known(&headers(&[("cookie", &format!("{COOKIE_NAME}=s3cret"))])));
        let other = Access::local().with_token("other");
        assert!(!other.is_known(&headers(&[("cookie", pair)])));
        assert!(Access::local().is_known(&HeaderMap::new()));
    }
}
