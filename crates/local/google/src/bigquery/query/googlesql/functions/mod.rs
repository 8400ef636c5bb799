//! The functions that the local warehouse knows: the allow-list.
//!
//! A function that is not in one of these tables is refused. Each table names the signatures in a
//! small language: `STRING, INT64? -> STRING | BYTES, INT64? -> BYTES`. `?` is optional, `...` may be
//! repeated, `T` is any one type.

mod arrays;
mod buckets;
mod bytes;
mod cast_elements;
mod cast_format;
mod cast_parse;
mod comparison;
mod dates;
mod farm;
mod format;
mod hashes;
mod intervals;
mod json;
mod json_change;
mod json_convert;
mod json_path;
mod json_text;
mod math;
mod net;
mod number_format;
mod numbers;
mod regex;
mod sketch;
mod strings;
mod text_search;
mod time_format;
mod time_parse;
mod times;

use jiff::Timestamp;

use super::error::{Result, SqlError, mismatch};
use super::types::Type;
use super::value::Value;

pub(crate) use json_convert::{json_text, parse_json_cell};
pub(crate) use numbers::{add, zero};
pub(crate) use sketch::Sketch;

/// A function of the allow-list.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) signatures: &'static str,
    /// NULL if an argument is NULL.
    pub(crate) strict: bool,
    pub(crate) eval: Eval,
}

type Eval = fn(&Context<'_>, &[Value]) -> Result<Value>;

/// What a function may know apart from its arguments.
pub(crate) struct Context<'a> {
    /// The time of the query.
    pub(crate) now: Timestamp,
    /// The types of the arguments.
    pub(crate) types: &'a [Type],
    pub(crate) result: &'a Type,
}

const fn strict(name: &'static str, signatures: &'static str, eval: Eval) -> Function {
    Function { name, signatures, strict: true, eval }
}

/// A function that handles NULL itself.
const fn lenient(name: &'static str, signatures: &'static str, eval: Eval) -> Function {
    Function { name, signatures, strict: false, eval }
}

/// The tables with the headings under which the documentation lists them.
pub(crate) static TABLES: [(&str, &[Function]); 21] = [
    ("arrays", arrays::FUNCTIONS),
    ("dates", buckets::FUNCTIONS),
    ("bytes and code points", bytes::FUNCTIONS),
    ("comparisons", comparison::FUNCTIONS),
    ("dates", dates::FUNCTIONS),
    ("text", format::FUNCTIONS),
    ("hashes", hashes::FUNCTIONS),
    ("intervals", intervals::FUNCTIONS),
    ("JSON", json::FUNCTIONS),
    ("JSON", json_change::FUNCTIONS),
    ("numbers", math::FUNCTIONS),
    ("internet addresses", net::FUNCTIONS),
    ("numbers", numbers::FUNCTIONS),
    ("text", regex::FUNCTIONS),
    ("sketches", sketch::FUNCTIONS),
    ("text", strings::FUNCTIONS),
    ("text", cast_format::FUNCTIONS),
    ("text", text_search::FUNCTIONS),
    ("dates", time_format::FUNCTIONS),
    ("dates", time_parse::FUNCTIONS),
    ("dates", times::FUNCTIONS),
];

/// All functions and operators.
pub(crate) fn all() -> impl Iterator<Item = &'static Function> {
    TABLES.iter().flat_map(|(_, it)| it.iter())
}

/// A function by its name in upper case.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    all().find(|it| it.name == name)
}

fn int(args: &[Value], at: usize) -> Result<i64> {
    match args.get(at) {
        Some(Value::Int(value)) => Ok(*value),
        _ => Err(mismatch()),
    }
}

fn float(args: &[Value], at: usize) -> Result<f64> {
    match args.get(at) {
        Some(Value::Float(value)) => Ok(*value),
        _ => Err(mismatch()),
    }
}

fn text(args: &[Value], at: usize) -> Result<&str> {
    match args.get(at) {
        Some(Value::Text(value)) => Ok(value),
        _ => Err(mismatch()),
    }
}

fn boolean(args: &[Value], at: usize) -> Result<bool> {
    match args.get(at) {
        Some(Value::Bool(value)) => Ok(*value),
        _ => Err(mismatch()),
    }
}

fn array(args: &[Value], at: usize) -> Result<&[Value]> {
    match args.get(at) {
        Some(Value::Array(value)) => Ok(value),
        _ => Err(mismatch()),
    }
}

/// An optional INT64; NULL is not possible in a strict function.
fn int_or(args: &[Value], at: usize, default: i64) -> Result<i64> {
    if at < args.len() { int(args, at) } else { Ok(default) }
}
