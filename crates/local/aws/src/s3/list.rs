//! One page of a listing: prefix, delimiter, and where the page before ended.

use std::collections::BTreeMap;
use std::ops::Bound;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// At the first key.
    Nothing,
    /// After this key.
    Key(String),
    /// After every key under this common prefix.
    Group(String),
}

impl After {
    /// The continuation token that says so. Clients must treat it as opaque.
    pub(crate) fn token(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Key(key) => format!("k{}", hex::encode(key)),
            Self::Group(group) => format!("g{}", hex::encode(group)),
        }
    }

    /// Reads a token of [`token`](Self::token); `None` when we never gave it out.
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let text = |hexed: &str| String::from_utf8(hex::decode(hexed).ok()?).ok();
        if let Some(rest) = token.strip_prefix('k') {
            return text(rest).map(Self::Key);
        }
        token.strip_prefix('g').and_then(text).map(Self::Group)
    }
}

/// One page, objects and common prefixes counted together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) objects: Vec<(String, T)>,
    pub(crate) prefixes: Vec<String>,
    /// Where the next page begins, when there is one.
    pub(crate) next: Option<After>,
}

/// Lists at most `max` objects and common prefixes.
pub(crate) fn page<T: Clone>(
    objects: &BTreeMap<String, T>,
    prefix: &str,
    delimiter: Option<&str>,
    after: &After,
    max: usize,
) -> Page<T> {
    let mut page = Page { objects: Vec::new(), prefixes: Vec::new(), next: None };
    if max == 0 {
        return page;
    }
    let begin = match after {
        After::Key(key) if key.as_str() >= prefix => Bound::Excluded(key.as_str()),
        After::Group(group) if group.as_str() >= prefix => Bound::Included(group.as_str()),
        _ => Bound::Included(prefix),
    };
    let mut last = After::Nothing;
    for (key, value) in objects.range::<str, _>((begin, Bound::Unbounded)) {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        if matches!(after, After::Group(group) if key.starts_with(group.as_str())) {
            continue;
        }
        let group = delimiter
            .filter(|delimiter| !delimiter.is_empty())
            .and_then(|delimiter| rest.find(delimiter).map(|at| at + delimiter.len()))
            .map(|end| &key[..prefix.len() + end]);
        if group.is_some() && group == page.prefixes.last().map(String::as_str) {
            continue;
        }
        if page.objects.len() + page.prefixes.len() == max {
            page.next = Some(last);
            return page;
        }
        if let Some(group) = group {
            page.prefixes.push(group.to_owned());
            last = After::Group(group.to_owned());
        } else {
            page.objects.push((key.clone(), value.clone()));
            last = After::Key(key.clone());
        }
    }
    page
}

/// What `encoding-type=url` leaves as it is.
const URL: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');

/// A key as `encoding-type=url` asks for it.
pub(crate) fn url_encode(text: &str) -> String {
    utf8_percent_encode(text, URL).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 8] =
        ["a", "a b/한글=1", "dir/1", "dir/2", "dir/sub/1", "dir/sub/2", "dir0", "z/last"];

    fn walk(prefix: &str, delimiter: Option<&str>, max: usize) -> Vec<Vec<String>> {
        let objects: BTreeMap<String, ()> = KEYS.iter().map(|key| ((*key).into(), ())).collect();
        let mut after = After::Nothing;
        let mut pages = Vec::new();
        loop {
            let page = page(&objects, prefix, delimiter, &after, max);
            let mut names: Vec<_> = page.objects.into_iter().map(|(key, ())| key).collect();
            names.extend(page.prefixes.into_iter().map(|group| format!("[{group}]")));
            pages.push(names);
            let Some(next) = page.next else { return pages };
            assert_eq!(After::parse(&next.token()), Some(next.clone()));
            after = next;
        }
    }

    #[test]
    fn pages() {
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
            assert_eq!(walk(prefix, delimiter, max), expected, "{prefix:?} {delimiter:?} {max}");
        }
    }

    #[test]
    fn tokens_of_others_are_refused() {
        assert_eq!(After::parse("x00"), None);
        assert_eq!(After::parse("kzz"), None);
        assert_eq!(After::parse(""), None);
    }
}
