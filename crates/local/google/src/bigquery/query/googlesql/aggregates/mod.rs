//! Aggregate functions of the allow-list.
//!
//! Semantics: GoogleSQL reference, "Aggregate functions", "Statistical aggregate functions" and
//! "Approximate aggregate functions". The approximate functions are exact here.

mod collected;
mod running;

use super::error::Result;
use super::types::Type;
use super::value::Value;

/// An aggregate function. See `functions` for the language of signatures.
#[derive(Debug)]
pub(crate) struct Aggregate {
    pub(crate) name: &'static str,
    pub(crate) signatures: &'static str,
    pub(crate) nulls: Nulls,
    pub(crate) make: fn(&Init<'_>) -> Box<dyn Accumulator>,
}

impl PartialEq for Aggregate {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What happens to rows whose first argument is NULL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Nulls {
    Skipped,
    /// Kept, unless the call says IGNORE NULLS.
    Kept,
}

/// What an accumulator knows at its start.
pub(crate) struct Init<'a> {
    pub(crate) types: &'a [Type],
}

pub(crate) trait Accumulator {
    /// Takes a row's arguments.
    fn add(&mut self, args: &[Value]) -> Result<()>;

    /// Whether the arguments are kept until the result, so that they need memory.
    fn keeps_rows(&self) -> bool {
        false
    }

    /// The result of the rows so far.
    fn result(&self) -> Result<Value>;
}

const fn skipping(
    name: &'static str,
    signatures: &'static str,
    make: fn(&Init<'_>) -> Box<dyn Accumulator>,
) -> Aggregate {
    Aggregate { name, signatures, nulls: Nulls::Skipped, make }
}

const fn keeping(
    name: &'static str,
    signatures: &'static str,
    make: fn(&Init<'_>) -> Box<dyn Accumulator>,
) -> Aggregate {
    Aggregate { name, signatures, nulls: Nulls::Kept, make }
}

/// All aggregate functions.
pub(crate) fn all() -> impl Iterator<Item = &'static Aggregate> {
    running::AGGREGATES.iter().chain(collected::AGGREGATES)
}

/// An aggregate function by its name in upper case.
pub(crate) fn find(name: &str) -> Option<&'static Aggregate> {
    all().find(|it| it.name == name)
}
