//! Regular expressions. BigQuery's are RE2; the crate `regex` has the same syntax but for a few
//! details, which are refused or translated here.
//!
//! Semantics: GoogleSQL reference, "String functions"; syntax: <https://github.com/google/re2/wiki/Syntax>.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::bytes::{Captures, Regex};

use super::strings::as_bytes;
use super::{Context, Function, Result, SqlError, int_or, strict};
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("REGEXP_CONTAINS", "STRING, STRING -> BOOL | BYTES, BYTES -> BOOL", |_, args| {
        with_regex(args, |regex| Ok(Value::Bool(regex.is_match(as_bytes(args, 0)?))))
    }),
    strict("REGEXP_EXTRACT", EXTRACT, |_, args| extract(args)),
    strict("REGEXP_SUBSTR", EXTRACT, |_, args| extract(args)),
    strict(
        "REGEXP_EXTRACT_ALL",
        "STRING, STRING -> ARRAY<STRING> | BYTES, BYTES -> ARRAY<BYTES>",
        extract_all,
    ),
    strict(
        "REGEXP_REPLACE",
        "STRING, STRING, STRING -> STRING | BYTES, BYTES, BYTES -> BYTES",
        replace,
    ),
    strict(
        "REGEXP_INSTR",
        "STRING, STRING, INT64?, INT64?, INT64? -> INT64 | \
         BYTES, BYTES, INT64?, INT64?, INT64? -> INT64",
        instr,
    ),
];

const EXTRACT: &str =
    "STRING, STRING, INT64?, INT64? -> STRING | BYTES, BYTES, INT64?, INT64? -> BYTES";
/// Compiled expressions of a thread. A query has few.
const CACHED: usize = 100;

thread_local! {
    static CACHE: RefCell<HashMap<(String, bool), Regex>> = RefCell::new(HashMap::new());
}

/// Runs `use_regex` with the expression in the second argument.
fn with_regex<T>(args: &[Value], use_regex: impl FnOnce(&Regex) -> Result<T>) -> Result<T> {
    let unicode = matches!(args[1], Value::Text(_));
    let pattern = String::from_utf8(as_bytes(args, 1)?.to_vec())
        .map_err(|_| SqlError::unknown("regular expressions of BYTES that are not UTF-8"))?;
    let key = (pattern, unicode);
    let cached = CACHE.with_borrow(|cache| cache.get(&key).cloned());
    let regex = match cached {
        Some(regex) => regex,
        None => {
            let regex = compile(&key.0, unicode)?;
            CACHE.with_borrow_mut(|cache| {
                if cache.len() >= CACHED {
                    cache.clear();
                }
                cache.insert(key, regex.clone());
            });
            regex
        }
    };
    use_regex(&regex)
}

fn compile(pattern: &str, unicode: bool) -> Result<Regex> {
    let invalid = || SqlError::failed("a regular expression is invalid");
    let translated = translate(pattern).ok_or_else(invalid)?;
    let regex = regex::bytes::RegexBuilder::new(&translated).unicode(unicode).octal(false).build();
    regex.map_err(|_| invalid())
}

/// RE2's `\d`, `\w`, `\s` and `\b` are ASCII; `\C`, `\Q…\E` and `\z` differ in writing. `None` for
/// syntax that RE2 refuses.
fn translate(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut in_class = 0_usize;
    while let Some(next) = chars.next() {
        match next {
            '\\' => {
                let escape = chars.next()?;
                match (escape, in_class > 0) {
                    ('d', true) => out.push_str("0-9"),
                    ('w', true) => out.push_str("0-9A-Za-z_"),
                    ('s', true) => out.push_str(r"\t\n\x0C\r "),
                    ('d', false) => out.push_str("[0-9]"),
                    ('w', false) => out.push_str("[0-9A-Za-z_]"),
                    ('s', false) => out.push_str(r"[\t\n\x0C\r ]"),
                    ('D', _) => out.push_str("[^0-9]"),
                    ('W', _) => out.push_str("[^0-9A-Za-z_]"),
                    ('S', _) => out.push_str(r"[^\t\n\x0C\r ]"),
                    ('b', false) => out.push_str(r"(?-u:\b)"),
                    ('B', false) => out.push_str(r"(?-u:\B)"),
                    ('Q', _) => {
                        let rest: String = chars.by_ref().collect();
                        let (literal, after) = rest.split_once("\\E").unwrap_or((&rest, ""));
                        out.push_str(&regex::escape(literal));
                        out.push_str(&translate(after)?);
                        return Some(out);
                    }
                    ('A' | 'z' | 'a' | 'f' | 't' | 'n' | 'r' | 'v' | 'x' | 'p' | 'P', _) => {
                        out.push('\\');
                        out.push(escape);
                    }
                    ('0'..='9' | 'C', _) => return None,
                    (it, _) if it.is_ascii_alphabetic() => return None,
                    (it, _) => out.push_str(&regex::escape(&it.to_string())),
                }
            }
            '[' if in_class == 0 => {
                in_class = 1;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str(r"\]");
                }
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                in_class += 1;
            }
            // Within a class, these have no meaning in RE2.
            '[' | '&' | '~' if in_class > 0 => {
                out.push('\\');
                out.push(next);
            }
            ']' if in_class > 0 => {
                in_class -= 1;
                out.push(']');
            }
            '-' if in_class > 0 && chars.peek() == Some(&'-') => out.push_str(r"\-"),
            // `x` (ignoring blanks) is not a flag of RE2.
            _ => out.push(next),
        }
    }
    Some(out)
}

fn like_input(args: &[Value], bytes: &[u8]) -> Value {
    match args[0] {
        Value::Text(_) => Value::text(String::from_utf8_lossy(bytes)),
        _ => Value::bytes(bytes),
    }
}

/// The byte at which a position of characters or bytes lies; `None` behind the end.
fn byte_position(args: &[Value], position: i64) -> Result<Option<usize>> {
    if position <= 0 {
        return Err(SqlError::failed("a position must be positive"));
    }
    let skip = usize::try_from(position - 1).unwrap_or(usize::MAX);
    Ok(match &args[0] {
        Value::Text(it) => {
            let starts = it.char_indices().map(|(at, _)| at).chain([it.len()]);
            starts.into_iter().nth(skip)
        }
        _ => Some(skip).filter(|it| as_bytes(args, 0).is_ok_and(|bytes| *it <= bytes.len())),
    })
}

fn check_groups(regex: &Regex) -> Result<()> {
    if regex.captures_len() > 2 {
        return Err(SqlError::failed("a regular expression has more than one capturing group"));
    }
    Ok(())
}

/// The group if there is one, otherwise the whole match.
fn group<'a>(regex: &Regex, captures: &Captures<'a>) -> Option<regex::bytes::Match<'a>> {
    captures.get(usize::from(regex.captures_len() > 1))
}

/// The matches in a part of the first argument. Within a character, there is no empty match.
fn matches<'r, 'a: 'r>(
    regex: &'r Regex,
    args: &[Value],
    input: &'a [u8],
) -> impl Iterator<Item = Captures<'a>> + use<'r, 'a> {
    let is_text = matches!(args[0], Value::Text(_));
    // The bytes 0x80 to 0xbf continue a character.
    let inside = move |at: usize| is_text && input.get(at).is_some_and(|it| it & 0xc0 == 0x80);
    regex.captures_iter(input).filter(move |it| !it.get(0).is_some_and(|it| inside(it.start())))
}

/// The matches that can be extracted: the search ends at the end of the input, and does not find an
/// empty text there once more.
fn extractable<'r, 'a: 'r>(
    regex: &'r Regex,
    args: &[Value],
    input: &'a [u8],
) -> impl Iterator<Item = Captures<'a>> + use<'r, 'a> {
    let is_text = matches!(args[0], Value::Text(_));
    let mut start = 0;
    matches(regex, args, input).take_while(move |captures| {
        let Some(whole) = captures.get(0) else { return false };
        let searched = start == 0 || start < input.len();
        start = whole.end();
        if whole.is_empty() {
            // The next search starts behind the next character.
            let continues = |it: &u8| is_text && it & 0xc0 == 0x80;
            start += 1;
            start += input.iter().skip(start).take_while(|it| continues(it)).count();
        }
        searched
    })
}

fn extract(args: &[Value]) -> Result<Value> {
    let (position, occurrence) = (int_or(args, 2, 1)?, int_or(args, 3, 1)?);
    with_regex(args, |regex| {
        check_groups(regex)?;
        let start = byte_position(args, position)?;
        if occurrence <= 0 {
            return Err(SqlError::failed("an occurrence must be positive"));
        }
        let Some(start) = start else { return Ok(Value::Null) };
        let input = &as_bytes(args, 0)?[start..];
        let wanted = usize::try_from(occurrence - 1).unwrap_or(usize::MAX);
        let captures = extractable(regex, args, input).nth(wanted);
        let found = captures.and_then(|it| group(regex, &it));
        Ok(found.map_or(Value::Null, |it| like_input(args, it.as_bytes())))
    })
}

fn extract_all(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    with_regex(args, |regex| {
        check_groups(regex)?;
        let found = extractable(regex, args, as_bytes(args, 0)?).map(|it| {
            // A group that took no part is an empty text.
            like_input(args, group(regex, &it).map_or(b"", |it| it.as_bytes()))
        });
        Ok(Value::array(found.collect()))
    })
}

fn replace(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let template = as_bytes(args, 2)?;
    with_regex(args, |regex| {
        let mut out = Vec::new();
        let input = as_bytes(args, 0)?;
        let mut last = 0;
        for captures in matches(regex, args, input) {
            let Some(whole) = captures.get(0) else { continue };
            out.extend_from_slice(&input[last..whole.start()]);
            expand(template, &captures, &mut out)?;
            last = whole.end();
        }
        out.extend_from_slice(&input[last..]);
        // A wrong template is an error even without a match.
        if let Some(captures) = regex.captures(b"") {
            expand(template, &captures, &mut Vec::new())?;
        }
        check_template(template, regex)?;
        Ok(like_input(args, &out))
    })
}

fn check_template(template: &[u8], regex: &Regex) -> Result<()> {
    let mut bytes = template.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            continue;
        }
        match bytes.next() {
            Some(b'\\') => {}
            Some(digit @ b'0'..=b'9') if usize::from(digit - b'0') < regex.captures_len() => {}
            _ => return Err(SqlError::failed("the replacement of REGEXP_REPLACE is invalid")),
        }
    }
    Ok(())
}

/// `\1` is a group, `\\` a backslash.
fn expand(template: &[u8], captures: &Captures<'_>, out: &mut Vec<u8>) -> Result<()> {
    let mut bytes = template.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        match bytes.next() {
            Some(b'\\') => out.push(b'\\'),
            Some(digit @ b'0'..=b'9') => {
                let group = captures.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map_or(b"", |it| it.as_bytes()));
            }
            _ => return Err(SqlError::failed("the replacement of REGEXP_REPLACE is invalid")),
        }
    }
    Ok(())
}

fn instr(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let (position, occurrence) = (int_or(args, 2, 1)?, int_or(args, 3, 1)?);
    let after = int_or(args, 4, 0)?;
    with_regex(args, |regex| {
        check_groups(regex)?;
        if occurrence <= 0 || !(0..=1).contains(&after) {
            return Err(SqlError::failed("REGEXP_INSTR has an argument outside its range"));
        }
        let Some(start) = byte_position(args, position)? else { return Ok(Value::Int(0)) };
        let input = as_bytes(args, 0)?;
        let wanted = usize::try_from(occurrence - 1).unwrap_or(usize::MAX);
        let captures = matches(regex, args, &input[start..]).nth(wanted);
        if captures.as_ref().and_then(|it| it.get(0)).is_some_and(|it| it.is_empty()) {
            return Err(SqlError::unknown("REGEXP_INSTR where the pattern matches an empty text"));
        }
        let Some(found) = captures.and_then(|it| group(regex, &it)) else {
            return Ok(Value::Int(0));
        };
        let at = start + if after == 1 { found.end() } else { found.start() };
        let before = match &args[0] {
            Value::Text(it) => it[..at].chars().count(),
            _ => at,
        };
        Ok(Value::Int(i64::try_from(before).unwrap_or(i64::MAX) + 1))
    })
}
