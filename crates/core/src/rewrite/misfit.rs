//! Reasons why a value does not fit its type.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The reason why a value does not fit the new type of its column. It never contains the value.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Misfit {
    /// `infinity` or `-infinity`, as date, time or decimal.
    Infinite,
    /// `NaN` as decimal.
    NotANumber,
    /// A date with a zero in it, which MySQL allows: `0000-00-00`, `2024-00-10`.
    ZeroDate,
    /// A date that does not exist, such as 30 February.
    NoSuchDate,
    /// A year before 1.
    YearBefore1,
    /// A year after 9999.
    YearBeyond9999,
    /// Outside the range of the type.
    OutOfRange,
    /// More digits after the decimal point than the type allows.
    TooManyFractionDigits,
    /// A time of 24 hours or more.
    BeyondOneDay,
    /// A negative time.
    Negative,
    /// A time of day with a zone, for which BigQuery has no type.
    TimeWithZone,
    /// An array of arrays.
    NestedArray,
    /// An array with a NULL element, which BigQuery cannot store.
    NullElement,
    /// Text in another format.
    Malformed,
}

impl Misfit {
    /// The number of reasons.
    pub const COUNT: usize = 14;
    /// All reasons, in the order of their declaration.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Infinite,
        Self::NotANumber,
        Self::ZeroDate,
        Self::NoSuchDate,
        Self::YearBefore1,
        Self::YearBeyond9999,
        Self::OutOfRange,
        Self::TooManyFractionDigits,
        Self::BeyondOneDay,
        Self::Negative,
        Self::TimeWithZone,
        Self::NestedArray,
        Self::NullElement,
        Self::Malformed,
    ];

    /// The reason in words, for receipts and errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Infinite => "infinity",
            Self::NotANumber => "NaN",
            Self::ZeroDate => "zero date",
            Self::NoSuchDate => "no such date",
            Self::YearBefore1 => "year before 1",
            Self::YearBeyond9999 => "year beyond 9999",
            Self::OutOfRange => "out of range",
            Self::TooManyFractionDigits => "too many digits after the point",
            Self::BeyondOneDay => "24 hours or more",
            Self::Negative => "negative time",
            Self::TimeWithZone => "time with a zone",
            Self::NestedArray => "array of arrays",
            Self::NullElement => "NULL in an array",
            Self::Malformed => "malformed",
        }
    }
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
