//! Sets one key of a mapping in a YAML file. All other bytes of the file stay, comments among them.

use super::node::{self, Entry, Node, NodeKind};
use super::{KeyPath, Position};

/// A file after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The complete text.
    pub text: String,
    /// The line of the mapping that was changed, from 1.
    pub line: usize,
}

/// Sets `key` of the mapping at `path` to the scalar `value`, which is written as it is. A key that exists
/// gets the new value; a new one becomes the first of the mapping. `None` if the text is not valid YAML,
/// has no mapping at the path, or the key has a value that is not a single line of text.
pub fn set_key(text: &str, path: &KeyPath, key: &str, value: &str) -> Option<Edited> {
    let root = node::parse(text).ok()?;
    let entries = find(&root, path)?;
    let NodeKind::Map(inner) = &entries.value.kind else { return None };
    let line = entries.at.line;
    if let Some(entry) = inner.iter().find(|entry| entry.key == key) {
        let from = offset(text, entry.value.at)?;
        let NodeKind::Scalar { text: old, .. } = &entry.value.kind else { return None };
        let to = from + raw_length(&text[from..], old)?;
        return Some(Edited { text: format!("{}{value}{}", &text[..from], &text[to..]), line });
    }
    let start = offset(text, entries.value.at)?;
    let added = format!("{key}: {value}");
    if text[start..].starts_with('{') {
        let (before, after) = text.split_at(start + 1);
        let space = if after.starts_with(char::is_whitespace) { ["", " "] } else { [" ", ""] };
        let text = format!("{before}{}{added},{}{after}", space[1], space[0]);
        return Some(Edited { text, line });
    }
    let first = inner.first()?;
    let at = offset(text, first.at)?;
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = &text[line_start..at];
    if !indent.chars().all(|c| c == ' ') {
        return None;
    }
    let rest = text[at..].split_once('\n').map_or("", |(line, _)| line);
    let end = if rest.ends_with('\r') { "\r\n" } else { "\n" };
    let (before, after) = text.split_at(at);
    Some(Edited { text: format!("{before}{added}{end}{indent}{after}"), line })
}

/// The keys of the mapping at `path`, in the order of the file. `None` if the text is not valid YAML or has
/// no mapping there.
pub fn keys(text: &str, path: &KeyPath) -> Option<Vec<String>> {
    let root = node::parse(text).ok()?;
    let NodeKind::Map(entries) = &find(&root, path)?.value.kind else { return None };
    Some(entries.iter().map(|entry| entry.key.clone()).collect())
}

/// The entry at a path of keys.
fn find<'a>(root: &'a Node, path: &KeyPath) -> Option<&'a Entry> {
    let mut keys = Vec::new();
    let mut at = path.clone();
    while let Some(parent) = at.parent() {
        keys.push(at.last_key()?.to_owned());
        at = parent;
    }
    let mut entry: Option<&Entry> = None;
    for key in keys.iter().rev() {
        let NodeKind::Map(entries) = entry.map_or(&root.kind, |it| &it.value.kind) else {
            return None;
        };
        entry = Some(entries.iter().find(|it| it.key == *key)?);
    }
    entry
}

/// The byte offset of a position, whose column counts characters.
fn offset(text: &str, at: Position) -> Option<usize> {
    let start = match at.line {
        1 => 0,
        line => text.match_indices('\n').nth(line - 2)?.0 + 1,
    };
    let line = &text[start..];
    let within = line.char_indices().map(|(at, _)| at).chain([line.len()]).nth(at.column - 1)?;
    Some(start + within)
}

/// The number of bytes that a scalar takes at the start of `text`, with its quotes.
fn raw_length(text: &str, value: &str) -> Option<usize> {
    match text.chars().next()? {
        '"' => {
            let mut escaped = false;
            let inner = text.char_indices().skip(1).find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            inner.map(|(at, _)| at + 1)
        }
        '\'' => {
            let mut rest = 1;
            loop {
                let quote = rest + text[rest..].find('\'')?;
                if !text[quote + 1..].starts_with('\'') {
                    return Some(quote + 1);
                }
                rest = quote + 2;
            }
        }
        _ => text.starts_with(value).then_some(value.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str, value: &str) -> Option<String> {
        let path = KeyPath::of("tables").key("public.orders").key("columns").key("at");
        let edited = set_key(text, &path, "name", value)?;
        let shown = text.lines().nth(edited.line - 1).unwrap();
        assert!(shown.trim_start().trim_start_matches(['"', '\'']).starts_with("at"), "{shown}");
        Some(edited.text)
    }

    /// The text with `columns` as the columns of `public.orders`.
    fn file(columns: &str) -> String {
        format!("# 고객 \ntables: # ours\n  \"public.orders\":\n    columns:\n{columns}")
    }

    #[test]
    fn everything_else_of_the_file_stays() {
        for (before, after) in [
            (
                "      id: { type: INT64 } # 번호\n      at: { type: DATE } # when\n",
                "      id: { type: INT64 } # 번호\n      at: { name: day, type: DATE } # when\n",
            ),
            ("      at: {type: DATE}", "      at: {name: day, type: DATE}"),
            (
                "      at: { # when\n        type: DATE }\n",
                "      at: { name: day, # when\n        type: DATE }\n",
            ),
            (
                "      '가': { type: DATE }\n      at:\n        # the type\n        type: DATE\n      b: { x: y }\n",
                "      '가': { type: DATE }\n      at:\n        # the type\n        name: day\n        type: DATE\n      b: { x: y }\n",
            ),
            (
                "      at: { type: DATE, name: old, class: none }\n",
                "      at: { type: DATE, name: day, class: none }\n",
            ),
            (
                "      at: { name: \"o\\\"ld\", type: DATE } # name: old\n",
                "      at: { name: day, type: DATE } # name: old\n",
            ),
            ("      at:\n        name: 'it''s'\n", "      at:\n        name: day\n"),
            ("      \"at\": { type: DATE }\r\n", "      \"at\": { name: day, type: DATE }\r\n"),
            (
                "      at:\r\n        type: DATE\r\n",
                "      at:\r\n        name: day\r\n        type: DATE\r\n",
            ),
        ] {
            assert_eq!(set(&file(before), "day"), Some(file(after)), "{before}");
        }
    }

    #[test]
    fn what_cannot_be_edited_safely_is_not() {
        for columns in [
            "      id: { type: INT64 }\n",
            "      at: DATE\n",
            "      at: { name: [a], type: DATE }\n",
            "      at: { name: a\n        b, type: DATE }\n",
            "      at: { type: DATE\n",
        ] {
            assert_eq!(set(&file(columns), "day"), None, "{columns}");
        }
    }

    #[test]
    fn the_length_of_a_scalar_in_the_text() {
        for (text, value, length) in [
            (r#""a" }"#, "a", Some(3)),
            (r#""a\"b" }"#, "a\"b", Some(6)),
            (r#""a\\" }"#, r"a\", Some(5)),
            (r#""a"#, "a", None),
            ("'a' }", "a", Some(3)),
            ("'a''b' }", "a'b", Some(6)),
            ("'''' }", "'", Some(4)),
            ("'a", "a", None),
            ("a }", "a", Some(1)),
            ("b }", "a", None),
            ("", "", None),
        ] {
            assert_eq!(raw_length(text, value), length, "{text}");
        }
        let keys_of = |path: KeyPath| keys("b: { z: 1, a: 2 }\na: 3\n", &path);
        assert_eq!(keys_of(KeyPath::of("b")), Some(vec!["z".to_owned(), "a".to_owned()]));
        assert_eq!((keys_of(KeyPath::of("a")), keys_of(KeyPath::of("c"))), (None, None));
    }
}
