//! Text: case, parts, padding, splitting.
//!
//! Semantics: GoogleSQL reference, "String functions". Positions and lengths of STRING are in
//! characters, those of BYTES in bytes.

use num_bigint::BigInt;
use unicode_normalization::UnicodeNormalization;

use super::{
    Context, Function, Result, SqlError, array, int, int_or, lenient, mismatch, strict, text,
};
use crate::bigquery::query::googlesql::numeric::{
    BIG_SCALE, NUMERIC_SCALE, Rounding, bignumeric_from_big, numeric_from_big, power_of_ten,
    round_units, to_big,
};
use crate::bigquery::query::googlesql::value::Value;

/// No result may be longer (BigQuery's limit for a cell).
const MAX_LENGTH: usize = 10 << 20;

pub(super) const FUNCTIONS: &[Function] = &[
    strict("CONCAT", "STRING... -> STRING | BYTES... -> BYTES", concat),
    strict(
        "$concat",
        "STRING, STRING -> STRING | BYTES, BYTES -> BYTES | ARRAY<T>, ARRAY<T> -> ARRAY<T>",
        concat,
    ),
    strict("LENGTH", "STRING -> INT64 | BYTES -> INT64", |_, args| length(args)),
    strict("CHAR_LENGTH", "STRING -> INT64", |_, args| length(args)),
    strict("CHARACTER_LENGTH", "STRING -> INT64", |_, args| length(args)),
    strict("BYTE_LENGTH", "STRING -> INT64 | BYTES -> INT64", |_, args| byte_length(args)),
    strict("OCTET_LENGTH", "STRING -> INT64 | BYTES -> INT64", |_, args| byte_length(args)),
    strict("LOWER", "STRING -> STRING | BYTES -> BYTES", |_, args| match &args[0] {
        Value::Text(it) => Ok(Value::text(it.to_lowercase())),
        Value::Bytes(it) => Ok(Value::bytes(it.to_ascii_lowercase())),
        _ => Err(mismatch()),
    }),
    strict("UPPER", "STRING -> STRING | BYTES -> BYTES", |_, args| match &args[0] {
        Value::Text(it) => Ok(Value::text(it.to_uppercase())),
        Value::Bytes(it) => Ok(Value::bytes(it.to_ascii_uppercase())),
        _ => Err(mismatch()),
    }),
    // CAST to a type with a length or a precision: the value, and the numbers in parentheses.
    strict(
        "$limited",
        "STRING, INT64 -> STRING | BYTES, INT64 -> BYTES | NUMERIC, INT64, INT64? -> NUMERIC | \
         BIGNUMERIC, INT64, INT64? -> BIGNUMERIC",
        limited,
    ),
    strict("INITCAP", "STRING, STRING? -> STRING", init_cap),
    strict("TRIM", TRIM, |_, args| trim(args, true, true)),
    strict("LTRIM", TRIM, |_, args| trim(args, true, false)),
    strict("RTRIM", TRIM, |_, args| trim(args, false, true)),
    strict("SUBSTR", SUBSTR, |_, args| substr(args)),
    strict("SUBSTRING", SUBSTR, |_, args| substr(args)),
    strict("LEFT", "STRING, INT64 -> STRING | BYTES, INT64 -> BYTES", |_, args| end(args, true)),
    strict("RIGHT", "STRING, INT64 -> STRING | BYTES, INT64 -> BYTES", |_, args| end(args, false)),
    strict("REPLACE", "STRING, STRING, STRING -> STRING | BYTES, BYTES, BYTES -> BYTES", replace),
    strict("REVERSE", "STRING -> STRING | BYTES -> BYTES", |_, args| match &args[0] {
        Value::Text(it) => Ok(Value::text(it.chars().rev().collect::<String>())),
        Value::Bytes(it) => Ok(Value::bytes(it.iter().rev().copied().collect::<Vec<_>>())),
        _ => Err(mismatch()),
    }),
    strict("REPEAT", "STRING, INT64 -> STRING | BYTES, INT64 -> BYTES", repeat),
    strict("LPAD", PAD, |_, args| pad(args, true)),
    strict("RPAD", PAD, |_, args| pad(args, false)),
    strict("SPLIT", "STRING, STRING? -> ARRAY<STRING> | BYTES, BYTES -> ARRAY<BYTES>", split),
    strict(
        "TRANSLATE",
        "STRING, STRING, STRING -> STRING | BYTES, BYTES, BYTES -> BYTES",
        translate,
    ),
    strict("NORMALIZE", "STRING, PART? -> STRING", |_, args| {
        let form = if args.len() > 1 { text(args, 1)? } else { "NFC" };
        normalize(text(args, 0)?, form).map(Value::text)
    }),
    strict("NORMALIZE_AND_CASEFOLD", "STRING, PART? -> STRING", |_, args| {
        let form = if args.len() > 1 { text(args, 1)? } else { "NFC" };
        // Lower case is the folded form of all but a few letters, which are expanded here.
        let folded = text(args, 0)?.to_lowercase().replace('ß', "ss").replace('ς', "σ");
        normalize(&folded, form).map(Value::text)
    }),
    lenient(
        "ARRAY_TO_STRING",
        "ARRAY<STRING>, STRING, STRING? -> STRING | ARRAY<BYTES>, BYTES, BYTES? -> BYTES",
        array_to_string,
    ),
];

const TRIM: &str = "STRING, STRING? -> STRING | BYTES, BYTES -> BYTES";
const SUBSTR: &str = "STRING, INT64, INT64? -> STRING | BYTES, INT64, INT64? -> BYTES";
const PAD: &str = "STRING, INT64, STRING? -> STRING | BYTES, INT64, BYTES? -> BYTES";

fn too_long() -> SqlError {
    SqlError::failed("the result is longer than 10 MiB")
}

fn concat(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    match &args[0] {
        Value::Text(_) => {
            let mut out = String::new();
            for at in 0..args.len() {
                out.push_str(text(args, at)?);
            }
            Ok(Value::text(out))
        }
        Value::Bytes(_) => {
            let mut out = Vec::new();
            for at in 0..args.len() {
                out.extend_from_slice(as_bytes(args, at)?);
            }
            Ok(Value::bytes(out))
        }
        _ => Ok(Value::array([array(args, 0)?, array(args, 1)?].concat())),
    }
}

pub(super) fn as_bytes(args: &[Value], at: usize) -> Result<&[u8]> {
    match args.get(at) {
        Some(Value::Bytes(it)) => Ok(it),
        Some(Value::Text(it)) => Ok(it.as_bytes()),
        _ => Err(mismatch()),
    }
}

fn count(length: usize) -> Value {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

fn length(args: &[Value]) -> Result<Value> {
    match &args[0] {
        Value::Text(it) => Ok(count(it.chars().count())),
        Value::Bytes(it) => Ok(count(it.len())),
        _ => Err(mismatch()),
    }
}

fn byte_length(args: &[Value]) -> Result<Value> {
    as_bytes(args, 0).map(|it| count(it.len()))
}

/// A text that is too long is an error; a decimal is rounded to its scale, and an error if it has more
/// whole digits than precision and scale allow (GoogleSQL reference, "Parameterized data types").
fn limited(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let limit = int(args, 1)?;
    let too_long = || SqlError::failed("a value is too long for the length of its type");
    let fits = |length: usize| i64::try_from(length).is_ok_and(|it| it <= limit);
    let (units, scale) = match &args[0] {
        Value::Text(it) if fits(it.chars().count()) => return Ok(args[0].clone()),
        Value::Bytes(it) if fits(it.len()) => return Ok(args[0].clone()),
        Value::Numeric(it) => (BigInt::from(*it), NUMERIC_SCALE),
        Value::BigNumeric(it) => (to_big(**it), BIG_SCALE),
        _ => return Err(too_long()),
    };
    let places = int_or(args, 2, 0)?;
    let whole = limit - places;
    if limit < 1 || places < 0 || places > i64::from(scale) || whole < 0 {
        return Err(SqlError::invalid(
            "The precision and scale of a type are outside their ranges",
        ));
    }
    let rounded = round_units(&units, scale, places, Rounding::HalfAway);
    let most = power_of_ten(scale + u32::try_from(whole).unwrap_or(u32::MAX).min(100));
    if rounded.magnitude() >= most.magnitude() {
        return Err(SqlError::failed("a number has more digits than the precision of its type"));
    }
    match &args[0] {
        Value::Numeric(_) => Ok(Value::Numeric(numeric_from_big(&rounded)?)),
        _ => Ok(Value::big(bignumeric_from_big(&rounded)?)),
    }
}

fn init_cap(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let delimiters = match args.len() {
        1 => " \t\n\u{b}\u{c}\r[](){}/|<>!?@\"^#$&~_,.:;*%+-",
        _ => text(args, 1)?,
    };
    let mut out = String::new();
    let mut start = true;
    for char in text(args, 0)?.chars() {
        if delimiters.contains(char) {
            out.push(char);
        } else if start {
            out.push(only_or(char.to_uppercase(), char));
        } else {
            out.push(only_or(char.to_lowercase(), char));
        }
        start = delimiters.contains(char);
    }
    Ok(Value::text(out))
}

/// INITCAP changes a letter only into one other letter: `ß` stays as it is.
fn only_or(mut changed: impl Iterator<Item = char>, unchanged: char) -> char {
    match (changed.next(), changed.next()) {
        (Some(only), None) => only,
        _ => unchanged,
    }
}

fn trim(args: &[Value], left: bool, right: bool) -> Result<Value> {
    match &args[0] {
        Value::Text(value) => {
            let set = if args.len() > 1 { Some(text(args, 1)?) } else { None };
            let test = |it: char| set.map_or_else(|| it.is_whitespace(), |set| set.contains(it));
            let mut value: &str = value;
            if left {
                value = value.trim_start_matches(test);
            }
            if right {
                value = value.trim_end_matches(test);
            }
            Ok(Value::text(value))
        }
        Value::Bytes(value) => {
            let set = as_bytes(args, 1)?;
            let outside = |it: &u8| !set.contains(it);
            let start = if left { value.iter().position(outside) } else { Some(0) };
            let Some(start) = start else { return Ok(Value::bytes([])) };
            let end = if right {
                value.iter().rposition(outside).map_or(0, |it| it + 1)
            } else {
                value.len()
            };
            Ok(Value::bytes(&value[start.min(end)..end]))
        }
        _ => Err(mismatch()),
    }
}

/// The range of positions from `start`, which counts from 1, or from the end if it is negative.
fn substring_range(
    total: usize,
    start: i64,
    length: Option<i64>,
) -> Result<std::ops::Range<usize>> {
    let total = i64::try_from(total).unwrap_or(i64::MAX);
    let first = match start {
        0 => 0,
        it if it > 0 => (it - 1).min(total),
        it => it.saturating_add(total).max(0),
    };
    let length = length.unwrap_or(i64::MAX);
    if length < 0 {
        return Err(SqlError::failed("the length of a substring is negative"));
    }
    let last = first.saturating_add(length).min(total);
    Ok(usize::try_from(first).unwrap_or(0)..usize::try_from(last).unwrap_or(0))
}

fn substr(args: &[Value]) -> Result<Value> {
    let length = if args.len() > 2 { Some(int(args, 2)?) } else { None };
    let start = int(args, 1)?;
    match &args[0] {
        Value::Text(it) => {
            let range = substring_range(it.chars().count(), start, length)?;
            let taken: String = it.chars().skip(range.start).take(range.len()).collect();
            Ok(Value::text(taken))
        }
        Value::Bytes(it) => Ok(Value::bytes(&it[substring_range(it.len(), start, length)?])),
        _ => Err(mismatch()),
    }
}

fn end(args: &[Value], left: bool) -> Result<Value> {
    let wanted = usize::try_from(int(args, 1)?)
        .map_err(|_| SqlError::failed("LEFT and RIGHT need a length that is not negative"))?;
    match &args[0] {
        Value::Text(it) => {
            let total = it.chars().count();
            let skip = if left { 0 } else { total.saturating_sub(wanted) };
            Ok(Value::text(it.chars().skip(skip).take(wanted).collect::<String>()))
        }
        Value::Bytes(it) => {
            let wanted = wanted.min(it.len());
            Ok(Value::bytes(if left { &it[..wanted] } else { &it[it.len() - wanted..] }))
        }
        _ => Err(mismatch()),
    }
}

fn replace(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    if let Value::Text(value) = &args[0] {
        let (from, to) = (text(args, 1)?, text(args, 2)?);
        return Ok(Value::text(if from.is_empty() {
            value.to_string()
        } else {
            value.replace(from, to)
        }));
    }
    let (mut rest, from, to) = (as_bytes(args, 0)?, as_bytes(args, 1)?, as_bytes(args, 2)?);
    if from.is_empty() {
        return Ok(args[0].clone());
    }
    let mut out = Vec::new();
    while let Some(at) = find_bytes(rest, from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    Ok(Value::bytes(out))
}

pub(super) fn find_bytes(within: &[u8], what: &[u8]) -> Option<usize> {
    if what.is_empty() {
        return Some(0);
    }
    within.windows(what.len()).position(|it| it == what)
}

fn repeat(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let times = usize::try_from(int(args, 1)?)
        .map_err(|_| SqlError::failed("REPEAT needs a number that is not negative"))?;
    let value = as_bytes(args, 0)?;
    if value.len().saturating_mul(times) > MAX_LENGTH {
        return Err(too_long());
    }
    match &args[0] {
        Value::Text(it) => Ok(Value::text(it.repeat(times))),
        _ => Ok(Value::bytes(value.repeat(times))),
    }
}

fn pad(args: &[Value], left: bool) -> Result<Value> {
    let length = usize::try_from(int(args, 1)?)
        .map_err(|_| SqlError::failed("LPAD and RPAD need a length that is not negative"))?;
    if length > MAX_LENGTH {
        return Err(too_long());
    }
    match &args[0] {
        Value::Text(value) => {
            let pattern = if args.len() > 2 { text(args, 2)? } else { " " };
            let chars: Vec<char> = value.chars().collect();
            let padding = padding(&pattern.chars().collect::<Vec<_>>(), chars.len(), length)?;
            let parts = [chars[..chars.len().min(length)].to_vec(), padding];
            let ordered: Vec<char> =
                if left { [&*parts[1], &*parts[0]].concat() } else { parts.concat() };
            Ok(Value::text(ordered.into_iter().collect::<String>()))
        }
        Value::Bytes(value) => {
            let pattern = if args.len() > 2 { as_bytes(args, 2)? } else { b" " };
            let padding = padding(pattern, value.len(), length)?;
            let kept = &value[..value.len().min(length)];
            Ok(Value::bytes(if left {
                [&padding, kept].concat()
            } else {
                [kept, &padding].concat()
            }))
        }
        _ => Err(mismatch()),
    }
}

fn padding<T: Copy>(pattern: &[T], have: usize, want: usize) -> Result<Vec<T>> {
    if pattern.is_empty() {
        return Err(SqlError::failed("LPAD and RPAD need a pattern that is not empty"));
    }
    Ok(pattern.iter().copied().cycle().take(want.saturating_sub(have)).collect())
}

fn split(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    if let Value::Text(value) = &args[0] {
        let delimiter = if args.len() > 1 { text(args, 1)? } else { "," };
        let parts: Vec<Value> = match (value.is_empty(), delimiter.is_empty()) {
            (true, _) => vec![Value::text("")],
            (_, true) => value.chars().map(|it| Value::text(it.to_string())).collect(),
            _ => value.split(delimiter).map(Value::text).collect(),
        };
        return Ok(Value::array(parts));
    }
    let (mut rest, delimiter) = (as_bytes(args, 0)?, as_bytes(args, 1)?);
    let mut parts = Vec::new();
    if delimiter.is_empty() && !rest.is_empty() {
        return Ok(Value::array(rest.iter().map(|it| Value::bytes([*it])).collect()));
    }
    while let Some(at) = find_bytes(rest, delimiter).filter(|_| !delimiter.is_empty()) {
        parts.push(Value::bytes(&rest[..at]));
        rest = &rest[at + delimiter.len()..];
    }
    parts.push(Value::bytes(rest));
    Ok(Value::array(parts))
}

fn translate(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let duplicate = || SqlError::failed("TRANSLATE has a source character twice");
    if let Value::Text(value) = &args[0] {
        let from: Vec<char> = text(args, 1)?.chars().collect();
        let to: Vec<char> = text(args, 2)?.chars().collect();
        if (1..from.len()).any(|at| from[..at].contains(&from[at])) {
            return Err(duplicate());
        }
        let replaced =
            value.chars().filter_map(|it| match from.iter().position(|from| *from == it) {
                Some(at) => to.get(at).copied(),
                None => Some(it),
            });
        return Ok(Value::text(replaced.collect::<String>()));
    }
    let (value, from, to) = (as_bytes(args, 0)?, as_bytes(args, 1)?, as_bytes(args, 2)?);
    if (1..from.len()).any(|at| from[..at].contains(&from[at])) {
        return Err(duplicate());
    }
    let replaced = value.iter().filter_map(|it| match from.iter().position(|from| from == it) {
        Some(at) => to.get(at).copied(),
        None => Some(*it),
    });
    Ok(Value::bytes(replaced.collect::<Vec<_>>()))
}

fn normalize(value: &str, form: &str) -> Result<String> {
    Ok(match form {
        "NFC" => value.nfc().collect(),
        "NFD" => value.nfd().collect(),
        "NFKC" => value.nfkc().collect(),
        "NFKD" => value.nfkd().collect(),
        _ => return Err(SqlError::invalid(format!("{form} is not a normalization mode"))),
    })
}

fn array_to_string(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    if args.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    let mut parts = Vec::new();
    for (at, item) in array(args, 0)?.iter().enumerate() {
        match item {
            Value::Null if args.len() > 2 => parts.push(as_bytes(args, 2)?),
            Value::Null => {}
            _ => parts.push(as_bytes(array(args, 0)?, at)?),
        }
    }
    let joined = parts.join(as_bytes(args, 1)?);
    match &args[1] {
        Value::Text(_) => Ok(Value::text(String::from_utf8(joined).map_err(|_| mismatch())?)),
        _ => Ok(Value::bytes(joined)),
    }
}

/// An optional position for functions that search.
pub(super) fn position(args: &[Value], at: usize) -> Result<i64> {
    int_or(args, at, 1)
}
