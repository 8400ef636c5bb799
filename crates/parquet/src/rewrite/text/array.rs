//! Parses PostgreSQL arrays: `{1,2}`, `{"a b",NULL}`, `[0:1]={1,2}`.
//!
//! The form is that of PostgreSQL's `array_out`: elements with special characters are quoted, quotes
//! and backslashes in them are escaped with a backslash, and an unquoted `NULL` is NULL.

use landbridge_core::rewrite::Misfit;

/// Calls `each` with every element of a one-dimensional array, and with `None` for a NULL. `scratch` is
/// a buffer for elements with escapes.
pub(in crate::rewrite) fn elements(
    text: &[u8],
    scratch: &mut Vec<u8>,
    mut each: impl FnMut(Option<&[u8]>) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    let mut rest = body(text, 1)?;
    if rest.is_empty() {
        return Ok(());
    }
    loop {
        match rest {
            [b'{', ..] => return Err(Misfit::NestedArray),
            [b'"', quoted @ ..] => {
                rest = quoted_element(quoted, scratch, &mut |element| each(Some(element)))?;
            }
            _ => {
                let length = rest
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'"' | b'\\' | b'{' | b'}'))
                    .unwrap_or(rest.len());
                let (element, after) = rest.split_at(length);
                if element.is_empty() {
                    return Err(Misfit::Malformed);
                }
                if element.eq_ignore_ascii_case(b"NULL") {
                    each(None)?;
                } else {
                    each(Some(element))?;
                }
                rest = after;
            }
        }
        match rest {
            [] => return Ok(()),
            [b',', after @ ..] if !after.is_empty() => rest = after,
            _ => return Err(Misfit::Malformed),
        }
    }
}

/// The text between the outer braces of an array that has at most so many dimensions.
pub(super) fn body(text: &[u8], max_dimensions: usize) -> Result<&[u8], Misfit> {
    let text = match text {
        // PostgreSQL prints bounds that do not start at 1; BigQuery has no bounds.
        [b'[', ..] => {
            let equals = text.iter().position(|byte| *byte == b'=').ok_or(Misfit::Malformed)?;
            if text[..equals].iter().filter(|byte| **byte == b'[').count() > max_dimensions {
                return Err(Misfit::NestedArray);
            }
            let form = |byte: &u8| byte.is_ascii_digit() || b"[]:-+".contains(byte);
            if !text[..equals].iter().all(form) {
                return Err(Misfit::Malformed);
            }
            &text[equals + 1..]
        }
        _ => text,
    };
    match text {
        [b'{', body @ .., b'}'] => Ok(body),
        _ => Err(Misfit::Malformed),
    }
}

/// Parses an element after its opening quote; returns the text after its closing quote.
pub(super) fn quoted_element<'a>(
    text: &'a [u8],
    scratch: &mut Vec<u8>,
    each: &mut impl FnMut(&[u8]) -> Result<(), Misfit>,
) -> Result<&'a [u8], Misfit> {
    let special = |text: &[u8]| text.iter().position(|byte| matches!(byte, b'"' | b'\\'));
    let first = special(text).ok_or(Misfit::Malformed)?;
    if text[first] == b'"' {
        each(&text[..first])?;
        return Ok(&text[first + 1..]);
    }
    scratch.clear();
    let mut rest = text;
    loop {
        let place = special(rest).ok_or(Misfit::Malformed)?;
        scratch.extend_from_slice(&rest[..place]);
        if rest[place] == b'"' {
            each(scratch)?;
            return Ok(&rest[place + 1..]);
        }
        let escaped = rest.get(place + 1).ok_or(Misfit::Malformed)?;
        scratch.push(*escaped);
        rest = &rest[place + 2..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays() {
        let read = |text: &str| {
            let mut found = Vec::new();
            let mut scratch = Vec::new();
            let each = |element: Option<&[u8]>| {
                let element = element.ok_or(Misfit::NullElement)?;
                found.push(String::from_utf8_lossy(element).into_owned());
                Ok(())
            };
            elements(text.as_bytes(), &mut scratch, each).map(|()| found)
        };
        let list = |items: &[&str]| Ok(items.iter().map(|&item| item.to_owned()).collect());
        for (text, expected) in [
            ("{}", list(&[])),
            ("{1}", list(&["1"])),
            ("{1,-2,3}", list(&["1", "-2", "3"])),
            (r#"{"a b",c}"#, list(&["a b", "c"])),
            (r#"{""}"#, list(&[""])),
            (r#"{"NULL"}"#, list(&["NULL"])),
            (r#"{"a\"b","c\\d","{,}"}"#, list(&["a\"b", "c\\d", "{,}"])),
            ("[0:2]={1,2,3}", list(&["1", "2", "3"])),
            ("[-1:0]={1,2}", list(&["1", "2"])),
            ("{a b}", list(&["a b"])),
            ("{NULL}", Err(Misfit::NullElement)),
            ("{1,null}", Err(Misfit::NullElement)),
            ("{{1,2},{3,4}}", Err(Misfit::NestedArray)),
            ("[0:1][0:1]={{1,2},{3,4}}", Err(Misfit::NestedArray)),
            ("", Err(Misfit::Malformed)),
            ("{", Err(Misfit::Malformed)),
            ("{1", Err(Misfit::Malformed)),
            ("{1,}", Err(Misfit::Malformed)),
            ("{,1}", Err(Misfit::Malformed)),
            ("{1}}", Err(Misfit::Malformed)),
            (r#"{"a}"#, Err(Misfit::Malformed)),
            (r#"{"a"b}"#, Err(Misfit::Malformed)),
            (r#"{"a\"#, Err(Misfit::Malformed)),
            ("[x]={1}", Err(Misfit::Malformed)),
            ("1,2", Err(Misfit::Malformed)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
