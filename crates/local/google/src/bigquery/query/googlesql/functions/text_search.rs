//! Searching in text: LIKE, STRPOS, INSTR and similar functions.
//!
//! Semantics: GoogleSQL reference, "String functions" and "LIKE operator".

use unicode_normalization::UnicodeNormalization;

use super::strings::{as_bytes, position};
use super::{Context, Function, Result, SqlError, int_or, lenient, mismatch, strict, text};
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("$like", "STRING, STRING -> BOOL | BYTES, BYTES -> BOOL", like),
    // The last argument is whether each test is negated.
    lenient("$like_any", LIKE_ARRAY, |context, args| like_array(context, args, true)),
    lenient("$like_all", LIKE_ARRAY, |context, args| like_array(context, args, false)),
    strict("STARTS_WITH", "STRING, STRING -> BOOL | BYTES, BYTES -> BOOL", |_, args| {
        Ok(Value::Bool(as_bytes(args, 0)?.starts_with(as_bytes(args, 1)?)))
    }),
    strict("ENDS_WITH", "STRING, STRING -> BOOL | BYTES, BYTES -> BOOL", |_, args| {
        Ok(Value::Bool(as_bytes(args, 0)?.ends_with(as_bytes(args, 1)?)))
    }),
    strict("STRPOS", "STRING, STRING -> INT64 | BYTES, BYTES -> INT64", |_, args| {
        instr(args[0].clone(), &args[1], 1, 1)
    }),
    strict(
        "INSTR",
        "STRING, STRING, INT64?, INT64? -> INT64 | BYTES, BYTES, INT64?, INT64? -> INT64",
        |_, args| instr(args[0].clone(), &args[1], position(args, 2)?, int_or(args, 3, 1)?),
    ),
    strict("CONTAINS_SUBSTR", "STRING, STRING -> BOOL", |_, args| {
        let fold =
            |it: &str| it.nfkc().collect::<String>().to_lowercase().nfkc().collect::<String>();
        Ok(Value::Bool(fold(text(args, 0)?).contains(&fold(text(args, 1)?))))
    }),
    strict("SOUNDEX", "STRING -> STRING", |_, args| Ok(Value::text(soundex(text(args, 0)?)))),
    strict(
        "EDIT_DISTANCE",
        "STRING, STRING, INT64? -> INT64 | BYTES, BYTES, INT64? -> INT64",
        edit_distance,
    ),
];

fn like(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let wrong = || SqlError::failed("a LIKE pattern ends with a backslash");
    match (&args[0], &args[1]) {
        (Value::Text(value), Value::Text(pattern)) => {
            let value: Vec<u32> = value.chars().map(u32::from).collect();
            let pattern: Vec<u32> = pattern.chars().map(u32::from).collect();
            like_match(&value, &pattern).map(Value::Bool).ok_or_else(wrong)
        }
        _ => {
            let value: Vec<u32> = as_bytes(args, 0)?.iter().map(|it| u32::from(*it)).collect();
            let pattern: Vec<u32> = as_bytes(args, 1)?.iter().map(|it| u32::from(*it)).collect();
            like_match(&value, &pattern).map(Value::Bool).ok_or_else(wrong)
        }
    }
}

const LIKE_ARRAY: &str = "STRING, ARRAY<STRING>, BOOL -> BOOL | BYTES, ARRAY<BYTES>, BOOL -> BOOL";

/// LIKE with any or all patterns of an array; NULL if a test that decides is NULL.
fn like_array(context: &Context<'_>, args: &[Value], any: bool) -> Result<Value> {
    let negated = args[2].is_true();
    let Value::Array(patterns) = &args[1] else { return Ok(Value::Bool(!any)) };
    let mut result = Value::Bool(!any);
    for pattern in patterns.iter() {
        if args[0].is_null() || pattern.is_null() {
            result = Value::Null;
            continue;
        }
        let fits = like(context, &[args[0].clone(), pattern.clone()])?.is_true() != negated;
        if fits == any {
            return Ok(Value::Bool(any));
        }
    }
    Ok(result)
}

/// A part of a LIKE pattern.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Any,
    One,
    Exactly(u32),
}

/// `None` if the pattern is invalid.
fn like_match(value: &[u32], pattern: &[u32]) -> Option<bool> {
    let mut parts = Vec::new();
    let mut units = pattern.iter();
    while let Some(unit) = units.next() {
        parts.push(match char::from_u32(*unit) {
            Some('%') => Part::Any,
            Some('_') => Part::One,
            Some('\\') => Part::Exactly(*units.next()?),
            _ => Part::Exactly(*unit),
        });
    }
    let (mut at, mut part) = (0, 0);
    // Where to continue if the text after the last `%` does not fit.
    let mut retry: Option<(usize, usize)> = None;
    while at < value.len() {
        match parts.get(part) {
            Some(Part::Any) => {
                retry = Some((at, part));
                part += 1;
                continue;
            }
            Some(Part::One) => {
                at += 1;
                part += 1;
                continue;
            }
            Some(Part::Exactly(unit)) if *unit == value[at] => {
                at += 1;
                part += 1;
                continue;
            }
            _ => {}
        }
        let Some((from, any)) = retry else { return Some(false) };
        retry = Some((from + 1, any));
        (at, part) = (from + 1, any + 1);
    }
    Some(parts[part..].iter().all(|it| *it == Part::Any))
}

fn instr(value: Value, what: &Value, start: i64, occurrence: i64) -> Result<Value> {
    if start == 0 || occurrence <= 0 {
        return Err(SqlError::failed(
            "INSTR needs a position other than 0 and a positive occurrence",
        ));
    }
    let (units, wanted): (Vec<u32>, Vec<u32>) = match (&value, what) {
        (Value::Text(value), Value::Text(what)) => {
            (value.chars().map(u32::from).collect(), what.chars().map(u32::from).collect())
        }
        (Value::Bytes(value), Value::Bytes(what)) => (
            value.iter().map(|it| u32::from(*it)).collect(),
            what.iter().map(|it| u32::from(*it)).collect(),
        ),
        _ => return Err(mismatch()),
    };
    let total = i64::try_from(units.len()).unwrap_or(i64::MAX);
    let fits = |at: i64| {
        let at = usize::try_from(at).ok()?;
        units.get(at..at.checked_add(wanted.len())?).filter(|it| **it == wanted)
    };
    let mut seen = 0;
    let mut at = match start {
        1.. => start - 1,
        // An empty text is found behind the last character as well.
        _ if wanted.is_empty() => total.saturating_add(start + 1),
        _ => total.saturating_add(start),
    };
    while (0..=total).contains(&at) {
        if fits(at).is_some() {
            seen += 1;
            if seen == occurrence {
                return Ok(Value::Int(at + 1));
            }
        }
        at += if start > 0 { 1 } else { -1 };
    }
    Ok(Value::Int(0))
}

fn soundex(value: &str) -> String {
    let code = |it: char| match it.to_ascii_uppercase() {
        'B' | 'F' | 'P' | 'V' => Some('1'),
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => Some('2'),
        'D' | 'T' => Some('3'),
        'L' => Some('4'),
        'M' | 'N' => Some('5'),
        'R' => Some('6'),
        _ => None,
    };
    let mut letters = value.chars().filter(char::is_ascii_alphabetic);
    let Some(first) = letters.next() else { return String::new() };
    let mut out = String::from(first);
    let mut last = code(first);
    for letter in letters {
        let current = code(letter);
        if let Some(digit) = current
            && current != last
        {
            out.push(digit);
        }
        // Letters without a code do not separate letters of one code.
        last = current.or(last);
        if out.len() == 4 {
            break;
        }
    }
    format!("{out:0<4}")
}

fn edit_distance(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let units = |at: usize| -> Result<Vec<u32>> {
        Ok(match &args[at] {
            Value::Text(it) => it.chars().map(u32::from).collect(),
            Value::Bytes(it) => it.iter().map(|it| u32::from(*it)).collect(),
            _ => return Err(mismatch()),
        })
    };
    let (a, b) = (units(0)?, units(1)?);
    let limit = if args.len() > 2 { Some(super::int(args, 2)?) } else { None };
    if limit.is_some_and(|it| it < 0) {
        return Err(SqlError::failed("max_distance of EDIT_DISTANCE is negative"));
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, unit) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (other_at, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(unit != other);
            diagonal = row[other_at + 1];
            row[other_at + 1] = replaced.min(diagonal + 1).min(row[other_at] + 1);
        }
    }
    let distance = i64::try_from(row[b.len()]).unwrap_or(i64::MAX);
    Ok(Value::Int(limit.map_or(distance, |it| distance.min(it))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_has_wildcards_and_escapes() {
        let units = |it: &str| it.chars().map(u32::from).collect::<Vec<_>>();
        for (value, pattern, want) in [
            ("abc", "a%", Some(true)),
            ("abc", "_b_", Some(true)),
            ("abc", "%c%", Some(true)),
            ("abc", "a", Some(false)),
            ("a%c", r"a\%c", Some(true)),
            ("abc", r"a\%c", Some(false)),
            ("", "%", Some(true)),
            ("abcabd", "%ab_", Some(true)),
            ("a", r"a\", None),
        ] {
            assert_eq!(like_match(&units(value), &units(pattern)), want, "{value} {pattern}");
        }
    }
}
