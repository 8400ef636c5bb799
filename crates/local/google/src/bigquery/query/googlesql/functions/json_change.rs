//! JSON that is made or changed: JSON_ARRAY, JSON_OBJECT, JSON_SET, JSON_REMOVE and their like.
//!
//! Semantics: GoogleSQL reference, "JSON functions". Pairs of a path and a value are evaluated from left
//! to right; a pair that does not fit the document changes nothing, an invalid path is an error.

use serde_json::{Map, Value as Json};

use super::json::json;
use super::json_convert::{sorted, to_json};
use super::json_path::{Path, Step, Style};
use super::{Context, Function, Result, SqlError, lenient, strict, text};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    lenient("JSON_ARRAY", "-> JSON | T... -> JSON", |context, args| {
        let items = args.iter().zip(context.types).map(|(it, of)| to_json(it, of, false));
        Ok(Value::json(sorted(Json::Array(items.collect::<Result<_>>()?))))
    }),
    lenient("JSON_OBJECT", "-> JSON | STRING, T -> JSON | ARRAY<STRING>, ARRAY<T> -> JSON", object),
    // The last argument of these three is TRUE unless the call names it.
    lenient("JSON_SET", CHANGES, |context, args| changed(context, args, set)),
    lenient("JSON_ARRAY_APPEND", CHANGES, |context, args| changed(context, args, append)),
    lenient("JSON_ARRAY_INSERT", CHANGES, |context, args| changed(context, args, insert)),
    lenient("JSON_REMOVE", "JSON, STRING, STRING... -> JSON | JSON, STRING -> JSON", |_, args| {
        if args[0].is_null() {
            (1..args.len()).try_for_each(|at| path(args, at).map(drop))?;
            return Ok(Value::Null);
        }
        let mut document = json(args)?.clone();
        for at in 1..args.len() {
            if let Some(path) = path(args, at)? {
                remove(&mut document, &path)?;
            }
        }
        // The removal of a member can change the order of the others.
        Ok(Value::json(sorted(document)))
    }),
    strict("JSON_FLATTEN", "JSON -> ARRAY<JSON>", |_, args| {
        let mut items = Vec::new();
        flatten(json(args)?, &mut items);
        Ok(Value::array(items))
    }),
    strict("JSON_KEYS", "JSON, INT64?, STRING? -> ARRAY<STRING>", keys),
    lenient("JSON_STRIP_NULLS", "JSON, STRING?, BOOL?, BOOL? -> JSON", strip_nulls),
];

/// The signature that the comparison with Google's engine draws from; `changed` takes any number of pairs.
const CHANGES: &str = "JSON, STRING, T -> JSON";

/// No array that a path makes may be longer (GoogleSQL's limit).
const MOST_ITEMS: usize = 1_000_000;

fn invalid_path() -> SqlError {
    SqlError::failed("a JSONPath is invalid")
}

/// The path in an argument; `None` for NULL.
fn path(args: &[Value], at: usize) -> Result<Option<Path>> {
    if args[at].is_null() {
        return Ok(None);
    }
    Path::parse(text(args, at)?, Style::Standard).map(Some).ok_or_else(invalid_path)
}

fn object(context: &Context<'_>, args: &[Value]) -> Result<Value> {
    let mut fields = Map::new();
    // Of equal names, the first one counts.
    let mut add = |name: &Value, value: Json| match name {
        Value::Text(name) => {
            fields.entry(name.to_string()).or_insert(value);
            Ok(())
        }
        _ => Err(SqlError::failed("a name of a JSON object is NULL")),
    };
    if matches!(context.types.first(), Some(Type::Array(_))) {
        let (Value::Array(names), Value::Array(values)) = (&args[0], &args[1]) else {
            return Err(SqlError::failed("an array of JSON_OBJECT is NULL"));
        };
        if names.len() != values.len() {
            return Err(SqlError::failed("the arrays of JSON_OBJECT have different lengths"));
        }
        let of = context.types[1].element().unwrap_or(&Type::Json);
        for (name, value) in names.iter().zip(values.iter()) {
            add(name, to_json(value, of, false)?)?;
        }
    } else {
        for (pair, types) in args.chunks(2).zip(context.types.chunks(2)) {
            add(&pair[0], to_json(&pair[1], &types[1], false)?)?;
        }
    }
    Ok(Value::json(sorted(Json::Object(fields))))
}

/// A value and whether it is an array of the statement, whose elements are taken one by one.
struct New {
    json: Json,
    spread: bool,
    flag: bool,
}

type Change = fn(&mut Json, &[Step], New) -> Result<()>;

fn changed(context: &Context<'_>, args: &[Value], change: Change) -> Result<Value> {
    let Some((flag, pairs)) = args.split_last() else { return Err(super::mismatch()) };
    if args[0].is_null() {
        (1..pairs.len()).step_by(2).try_for_each(|at| path(args, at).map(drop))?;
        return Ok(Value::Null);
    }
    let mut document = json(args)?.clone();
    for at in (1..pairs.len()).step_by(2) {
        // Every path is checked, also where nothing changes.
        let Some(path) = path(args, at)? else { continue };
        let Value::Bool(flag) = flag else { continue };
        let of = &context.types[at + 1];
        let json = sorted(to_json(&args[at + 1], of, false)?);
        let spread = *flag && matches!(of, Type::Array(_));
        change(&mut document, path.steps(), New { json, spread, flag: *flag })?;
    }
    Ok(Value::json(sorted(document)))
}

/// The value at the end of a path that does not exist.
fn built(steps: &[Step], value: Json) -> Result<Json> {
    let mut value = value;
    for step in steps.iter().rev() {
        value = match step {
            Step::Name(name) => Json::Object([(name.clone(), value)].into_iter().collect()),
            Step::Index(index) => {
                let mut items = Vec::new();
                pad(&mut items, *index)?;
                items.push(value);
                Json::Array(items)
            }
        };
    }
    Ok(value)
}

fn pad(items: &mut Vec<Json>, length: usize) -> Result<()> {
    if length >= MOST_ITEMS {
        return Err(SqlError::failed("a JSON array would have too many elements"));
    }
    if items.len() < length {
        items.resize(length, Json::Null);
    }
    Ok(())
}

/// The part that a path names, if it exists.
fn part<'a>(document: &'a mut Json, steps: &[Step]) -> Option<&'a mut Json> {
    steps.iter().try_fold(document, |at, step| match (step, at) {
        (Step::Name(name), Json::Object(fields)) => fields.get_mut(name),
        (Step::Index(index), Json::Array(items)) => items.get_mut(*index),
        _ => None,
    })
}

fn set(document: &mut Json, steps: &[Step], new: New) -> Result<()> {
    let mut at = document;
    for (number, step) in steps.iter().enumerate() {
        let rest = &steps[number + 1..];
        at = match (step, at) {
            (Step::Name(name), Json::Object(fields)) => {
                if !fields.contains_key(name) {
                    if new.flag {
                        fields.insert(name.clone(), built(rest, new.json)?);
                    }
                    return Ok(());
                }
                match fields.get_mut(name) {
                    Some(next) => next,
                    None => return Ok(()),
                }
            }
            (Step::Index(index), Json::Array(items)) => {
                if *index >= items.len() {
                    if new.flag {
                        pad(items, *index)?;
                        items.push(built(rest, new.json)?);
                    }
                    return Ok(());
                }
                &mut items[*index]
            }
            (_, at @ Json::Null) => {
                if new.flag {
                    *at = built(&steps[number..], new.json)?;
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
    }
    *at = new.json;
    Ok(())
}

fn items_of(new: New) -> Vec<Json> {
    match new.json {
        Json::Array(items) if new.spread => items,
        // A NULL array has no elements.
        Json::Null if new.spread => Vec::new(),
        other => vec![other],
    }
}

fn append(document: &mut Json, steps: &[Step], new: New) -> Result<()> {
    match part(document, steps) {
        Some(Json::Array(items)) => items.extend(items_of(new)),
        Some(null @ Json::Null) => *null = Json::Array(items_of(new)),
        _ => {}
    }
    Ok(())
}

fn insert(document: &mut Json, steps: &[Step], new: New) -> Result<()> {
    let Some((Step::Index(index), before)) = steps.split_last() else { return Ok(()) };
    match part(document, before) {
        Some(Json::Array(items)) => {
            pad(items, *index)?;
            items.splice(*index..*index, items_of(new));
        }
        Some(null @ Json::Null) => {
            let mut items = Vec::new();
            pad(&mut items, *index)?;
            items.extend(items_of(new));
            *null = Json::Array(items);
        }
        _ => {}
    }
    Ok(())
}

fn remove(document: &mut Json, path: &Path) -> Result<()> {
    let Some((last, before)) = path.steps().split_last() else { return Err(invalid_path()) };
    match (part(document, before), last) {
        (Some(Json::Object(fields)), Step::Name(name)) => drop(fields.remove(name)),
        (Some(Json::Array(items)), Step::Index(index)) if *index < items.len() => {
            items.remove(*index);
        }
        _ => {}
    }
    Ok(())
}

fn flatten(json: &Json, found: &mut Vec<Value>) {
    match json {
        Json::Array(items) => items.iter().for_each(|it| flatten(it, found)),
        other => found.push(Value::json(other.clone())),
    }
}

/// How JSON_KEYS looks into arrays.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Strict,
    /// Arrays that are not within each other.
    Lax,
    Recursive,
}

fn keys(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    let depth = super::int_or(args, 1, i64::MAX)?;
    if depth < 1 {
        return Err(SqlError::failed("max_depth must be positive"));
    }
    let mode = if args.len() > 2 { text(args, 2)?.to_ascii_lowercase() } else { "strict".into() };
    let mode = match mode.as_str() {
        "strict" => Mode::Strict,
        "lax" => Mode::Lax,
        "lax recursive" | "recursive lax" => Mode::Recursive,
        _ => return Err(SqlError::failed("the mode of JSON_KEYS is invalid")),
    };
    let mut found = std::collections::BTreeSet::new();
    collect_keys(json(args)?, "", depth, mode, false, &mut found);
    Ok(Value::array(found.iter().map(Value::text).collect()))
}

fn collect_keys(
    json: &Json,
    prefix: &str,
    depth: i64,
    mode: Mode,
    in_array: bool,
    found: &mut std::collections::BTreeSet<String>,
) {
    match json {
        Json::Object(fields) if depth > 0 => {
            for (name, value) in fields {
                let name = if !name.contains(['.', '"']) {
                    name.clone()
                } else {
                    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
                };
                let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                collect_keys(value, &key, depth - 1, mode, false, found);
                found.insert(key);
            }
        }
        Json::Array(items) if mode == Mode::Recursive || mode == Mode::Lax && !in_array => {
            items.iter().for_each(|it| collect_keys(it, prefix, depth, mode, true, found));
        }
        _ => {}
    }
}

/// Which nulls JSON_STRIP_NULLS removes.
#[derive(Clone, Copy)]
struct Strip {
    arrays: bool,
    empty: bool,
}

fn strip_nulls(_: &Context<'_>, args: &[Value]) -> Result<Value> {
    if args[0].is_null() || args[1..].iter().any(Value::is_null) {
        return Ok(args[0].clone());
    }
    let flag = |at: usize, default: bool| match args.get(at) {
        Some(Value::Bool(it)) => *it,
        _ => default,
    };
    let strip = Strip { arrays: flag(2, true), empty: flag(3, false) };
    let mut document = json(args)?.clone();
    let steps = match args.len() {
        1 => None,
        _ => path(args, 1)?,
    };
    let steps = steps.as_ref().map_or(&[] as &[Step], Path::steps);
    if let Some(part) = part(&mut document, steps) {
        *part = stripped(part, strip).unwrap_or(Json::Null);
    }
    Ok(Value::json(document))
}

fn stripped(json: &Json, strip: Strip) -> Option<Json> {
    match json {
        Json::Null => None,
        Json::Object(fields) => {
            let kept: Map<_, _> = fields
                .iter()
                .filter_map(|(name, it)| Some((name.clone(), stripped(it, strip)?)))
                .collect();
            (!strip.empty || !kept.is_empty()).then_some(Json::Object(kept))
        }
        Json::Array(items) if strip.arrays => {
            let kept: Vec<_> = items.iter().filter_map(|it| stripped(it, strip)).collect();
            (!strip.empty || !kept.is_empty()).then_some(Json::Array(kept))
        }
        Json::Array(items) => {
            let kept = items.iter().map(|it| match (stripped(it, strip), it) {
                (Some(kept), _) => kept,
                // An element stays in its place.
                (None, Json::Object(_)) => Json::Object(Map::new()),
                (None, _) => Json::Null,
            });
            Some(Json::Array(kept.collect()))
        }
        other => Some(other.clone()),
    }
}
