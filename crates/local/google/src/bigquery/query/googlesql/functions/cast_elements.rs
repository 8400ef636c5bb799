//! The elements of a format of CAST.
//!
//! Source: GoogleSQL reference, "Format clause for CAST".

use super::{Result, SqlError};

/// What a format consists of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Element {
    /// An element of the table, in upper case, and as it is written.
    Named(&'static str, String),
    /// `FF1` … `FF9`.
    Fraction(usize),
    Literal(String),
    Blank,
}

/// The elements, the longer ones first.
const NAMES: [&str; 27] = [
    "SSSSS", "Y,YYY", "YYYY", "RRRR", "HH24", "HH12", "A.M.", "P.M.", "MONTH", "YYY", "MON", "DDD",
    "DAY", "TZH", "TZM", "YY", "RR", "MM", "DD", "DY", "HH", "MI", "SS", "AM", "PM", "Y", "D",
];

/// Reads a format.
pub(super) fn elements(format: &str) -> Result<Vec<Element>> {
    let invalid =
        || SqlError::failed("a format of CAST has an element that GoogleSQL does not know");
    let mut found = Vec::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let upper = rest.to_ascii_uppercase();
        if let Some(name) = NAMES.iter().find(|it| upper.starts_with(**it)) {
            found.push(Element::Named(name, rest[..name.len()].to_owned()));
            rest = &rest[name.len()..];
        } else if upper.starts_with("FF") {
            let digits = rest[2..].chars().next().and_then(|it| it.to_digit(10));
            let digits = digits.filter(|it| *it > 0).ok_or_else(invalid)?;
            found.push(Element::Fraction(digits as usize));
            rest = &rest[3..];
        } else if first == ' ' {
            found.push(Element::Blank);
            rest = &rest[1..];
        } else if "-./,';:".contains(first) {
            found.push(Element::Literal(first.to_string()));
            rest = &rest[1..];
        } else if first == '"' {
            let (literal, length) = quoted(&rest[1..]).ok_or_else(invalid)?;
            found.push(Element::Literal(literal));
            rest = &rest[1 + length..];
        } else {
            return Err(invalid());
        }
    }
    Ok(found)
}

/// A text up to its closing quote, and the length of both.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, next)) = chars.next() {
        match next {
            '"' => return Some((out, at + 1)),
            '\\' => out.push(chars.next().map(|(_, it)| it).filter(|it| "\"\\".contains(*it))?),
            other => out.push(other),
        }
    }
    None
}
