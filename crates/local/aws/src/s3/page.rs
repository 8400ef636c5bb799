//! One page of a listing, by prefix, delimiter and the end of the previous page.

use std::collections::BTreeMap;
use std::ops::Bound;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Where a page starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PageStart {
    /// At the first key.
    First,
    /// After this key.
    AfterKey(String),
    /// After all keys under this common prefix.
    AfterPrefix(String),
}

impl PageStart {
    /// The continuation token. Clients treat it as opaque.
    pub(super) fn token(&self) -> String {
        match self {
            Self::First => String::new(),
            Self::AfterKey(key) => format!("k{}", hex::encode(key)),
            Self::AfterPrefix(prefix) => format!("g{}", hex::encode(prefix)),
        }
    }

    /// Parses a token of [`token`](Self::token); `None` when it is not one.
    pub(super) fn parse_token(token: &str) -> Option<Self> {
        let decode = |text: &str| String::from_utf8(hex::decode(text).ok()?).ok();
        match token.split_at_checked(1)? {
            ("k", key) => decode(key).map(Self::AfterKey),
            ("g", prefix) => decode(prefix).map(Self::AfterPrefix),
            _ => None,
        }
    }
}

/// One page of objects and common prefixes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page<T> {
    pub(super) objects: Vec<(String, T)>,
    pub(super) prefixes: Vec<String>,
    /// Where the next page starts, when there is one.
    pub(super) next: Option<PageStart>,
}

/// Lists at most `max` objects and common prefixes, counted together.
pub(super) fn list_page<T: Clone>(
    objects: &BTreeMap<String, T>,
    prefix: &str,
    delimiter: Option<&str>,
    start: &PageStart,
    max: usize,
) -> Page<T> {
    let mut page = Page { objects: Vec::new(), prefixes: Vec::new(), next: None };
    if max == 0 {
        return page;
    }
    let lower_bound = match start {
        PageStart::AfterKey(key) if key.as_str() >= prefix => Bound::Excluded(key.as_str()),
        PageStart::AfterPrefix(skipped) if skipped.as_str() >= prefix => {
            Bound::Included(skipped.as_str())
        }
        _ => Bound::Included(prefix),
    };
    let mut last = PageStart::First;
    for (key, value) in objects.range::<str, _>((lower_bound, Bound::Unbounded)) {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        if matches!(start, PageStart::AfterPrefix(skipped) if key.starts_with(skipped.as_str())) {
            continue;
        }
        let common_prefix = delimiter
            .filter(|delimiter| !delimiter.is_empty())
            .and_then(|delimiter| rest.find(delimiter).map(|at| at + delimiter.len()))
            .map(|end| &key[..prefix.len() + end]);
        if common_prefix.is_some() && common_prefix == page.prefixes.last().map(String::as_str) {
            continue;
        }
        if page.objects.len() + page.prefixes.len() == max {
            page.next = Some(last);
            return page;
        }
        if let Some(common_prefix) = common_prefix {
            page.prefixes.push(common_prefix.to_owned());
            last = PageStart::AfterPrefix(common_prefix.to_owned());
        } else {
            page.objects.push((key.clone(), value.clone()));
            last = PageStart::AfterKey(key.clone());
        }
    }
    page
}

/// The characters that `encoding-type=url` encodes.
const URL_ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');

/// Encodes a key for `encoding-type=url`.
pub(super) fn url_encode(text: &str) -> String {
    utf8_percent_encode(text, URL_ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 8] =
        ["a", "a b/한글=1", "dir/1", "dir/2", "dir/sub/1", "dir/sub/2", "dir0", "z/last"];

    fn list_all(prefix: &str, delimiter: Option<&str>, max: usize) -> Vec<Vec<String>> {
        let objects: BTreeMap<String, ()> = KEYS.iter().map(|key| ((*key).into(), ())).collect();
        let mut start = PageStart::First;
        let mut pages = Vec::new();
        loop {
            let page = list_page(&objects, prefix, delimiter, &start, max);
            let mut names: Vec<_> = page.objects.into_iter().map(|(key, ())| key).collect();
            names.extend(page.prefixes.into_iter().map(|prefix| format!("[{prefix}]")));
            pages.push(names);
            let Some(next) = page.next else { return pages };
            assert_eq!(PageStart::parse_token(&next.token()), Some(next.clone()));
            start = next;
        }
    }

    #[test]
    fn pages_contain_all_keys_in_order() {
        type Case<'a> = (&'a str, Option<&'a str>, usize, &'a [&'a [&'a str]]);
        let cases: [Case<'_>; 7] = [
            ("", None, 100, &[&KEYS]),
            ("", None, 5, &[&KEYS[..5], &KEYS[5..]]),
            ("", None, 8, &[&KEYS]),
            ("dir/", None, 2, &[&["dir/1", "dir/2"], &["dir/sub/1", "dir/sub/2"]]),
            ("", Some("/"), 2, &[&["a", "[a b/]"], &["dir0", "[dir/]"], &["[z/]"]]),
            ("dir/", Some("/"), 1, &[&["dir/1"], &["dir/2"], &["[dir/sub/]"]]),
            ("nothing", Some("/"), 1, &[&[]]),
        ];
        for (prefix, delimiter, max, expected) in cases {
            assert_eq!(
                list_all(prefix, delimiter, max),
                expected,
                "{prefix:?} {delimiter:?} {max}"
            );
        }
    }

    #[test]
    fn foreign_tokens_are_refused() {
        assert_eq!(PageStart::parse_token("x00"), None);
        assert_eq!(PageStart::parse_token("kzz"), None);
        assert_eq!(PageStart::parse_token(""), None);
    }
}
