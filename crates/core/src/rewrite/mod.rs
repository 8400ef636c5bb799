//! What happens to each column of a Parquet file on its way: the plan, and the
//! reasons for which a value may not fit the type it should get.
//!
//! Everything here is data. Reading and writing files by it is the business of
//! the crate `landbridge-parquet`.
//!
//! | module | what it holds |
//! |---|---|
//! | here | [`RewritePlan`], [`Action`], [`TargetType`] |
//! | `misfit` | [`Misfit`]: why a value does not fit |
//! | `stats`, `bound` | [`ColumnStats`]: what is known of a column that was carried |

mod bound;
mod misfit;
mod stats;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use bound::Bound;
pub use misfit::Misfit;
pub use stats::ColumnStats;

use crate::{
    Error, ErrorKind, Result,
    yaml::{self, Diagnostics, Document},
};

/// The share of misfits of a column, of its values that are not NULL, beyond which
/// a table is held: one in a thousand.
pub const MAX_MISFIT_SHARE: f64 = 0.001;

/// What happens to each top-level column of a file, by the column's exact name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RewritePlan {
    /// The columns that something happens to. Naming one that the file lacks is an error.
    pub columns: BTreeMap<String, Action>,
    /// What happens to a column that is not named: `keep` or `drop`.
    pub others: OtherColumns,
    /// What a value that does not fit its new type does, where a column says nothing else.
    pub on_misfit: OnMisfit,
    /// The largest share of misfits of a column's values that are not NULL, from 0 to 1;
    /// beyond it nothing is delivered. 1 turns the check off.
    #[schemars(schema_with = "share")]
    pub max_misfit_share: f64,
    /// How rewritten columns are compressed. Copied ones stay as they are.
    pub compression: Compression,
}

/// No type is named, since the reader of YAML takes fractions where none is.
fn share(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "minimum": 0, "maximum": 1 })
}

impl Default for RewritePlan {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            others: OtherColumns::default(),
            on_misfit: OnMisfit::default(),
            max_misfit_share: MAX_MISFIT_SHARE,
            compression: Compression::default(),
        }
    }
}

/// What happens to one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Its bytes are copied.
    Keep,
    /// Its bytes are copied; the footer says something else about them.
    Annotate(AnnotateAs),
    /// Its text is read and written as another type.
    Retype {
        /// The type.
        to: TargetType,
        /// What misfits do in this column; the plan's rule when it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_misfit: Option<OnMisfit>,
    },
    /// It is in no byte of the output.
    Drop,
    /// Every value becomes a keyed token; equal values become equal tokens.
    Tokenise {
        /// Separates tokens that must not be joined: the same value has another token
        /// in another domain.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        domain: String,
    },
    /// The column stays, and every value of it is NULL.
    SetNull,
}

/// What happens to a column that the plan does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtherColumns {
    /// It is copied.
    #[default]
    Keep,
    /// It is dropped.
    Drop,
}

/// What happens to values that do not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMisfit {
    /// The value becomes NULL and is counted by its reason.
    #[default]
    SetNull,
    /// The whole column stays text.
    KeepText,
}

/// The codecs of rewritten columns, all of which BigQuery loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Zstandard, level 1: as fast as Snappy where it matters and much smaller.
    #[default]
    Zstd,
    /// Snappy.
    Snappy,
    /// LZ4 blocks without a frame.
    Lz4Raw,
    /// No compression.
    None,
}

/// What the footer can say of a column with no change to its data. Only changes that
/// leave the order of values as it was, so that statistics stay true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnnotateAs {
    /// Bytes that are UTF-8 text: a MySQL CHAR.
    String,
    /// Bytes that are JSON text.
    Json,
    /// Bytes with no meaning attached.
    Bytes,
    /// INT64: microseconds since 1970 in UTC.
    Timestamp,
    /// INT64: microseconds since midnight.
    Time,
    /// INT32: days since 1970.
    Date,
}

/// The type that text becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetType {
    /// `YYYY-MM-DD`, of the years 1 to 9999.
    Date,
    /// `YYYY-MM-DD HH:MM:SS[.ffffff][zone]` in microseconds of UTC; text without a zone is
    /// taken as UTC.
    Timestamp,
    /// `HH:MM:SS[.ffffff]` within one day, in microseconds.
    Time,
    /// A decimal that fits BigQuery's NUMERIC: at most 29 digits before the point and 9 after.
    Numeric(Decimal),
    /// A decimal that fits BigQuery's BIGNUMERIC: at most 38 digits before the point and 38 after.
    Bignumeric(Decimal),
    /// A 64-bit whole number.
    Int64,
    /// A double. `NaN` and `Infinity` are values of it, and no misfits.
    Float64,
    /// `t`, `f`, `true`, `false`, `1`, `0`.
    Bool,
    /// A bit string `0101…` as big-endian bytes, filled up with zeros on the left as MySQL's
    /// BIT is.
    Bytes,
    /// Text, checked to be UTF-8. Only of use within a list.
    Text,
    /// A one-dimensional PostgreSQL array `{…}` of elements that are no lists. Empty and NULL
    /// arrays are the same thing afterwards, as in BigQuery.
    List(Box<TargetType>),
}

/// Digits of a decimal type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decimal {
    /// All digits.
    pub precision: u8,
    /// Digits after the point.
    pub scale: u8,
}

impl Action {
    /// The action as receipts and commands show it: `retype to TIMESTAMP`; empty for `keep`.
    pub fn describe(&self) -> String {
        match self {
            Self::Keep => String::new(),
            Self::Annotate(to) => format!("annotate {}", format!("{to:?}").to_ascii_uppercase()),
            Self::Retype { to, on_misfit: None | Some(OnMisfit::SetNull) } => {
                format!("retype to {}", to.sql_name())
            }
            Self::Retype { to, on_misfit: Some(OnMisfit::KeepText) } => {
                format!("retype to {}, or keep text", to.sql_name())
            }
            Self::Drop => "drop".to_owned(),
            Self::Tokenise { domain } if domain.is_empty() => "tokenise".to_owned(),
            Self::Tokenise { domain } => format!("tokenise in `{domain}`"),
            Self::SetNull => "set NULL".to_owned(),
        }
    }
}

impl TargetType {
    /// The type as it is written in GoogleSQL, digits included.
    pub fn sql_name(&self) -> String {
        match self {
            Self::Date => "DATE".to_owned(),
            Self::Timestamp => "TIMESTAMP".to_owned(),
            Self::Time => "TIME".to_owned(),
            Self::Numeric(of) => format!("NUMERIC({}, {})", of.precision, of.scale),
            Self::Bignumeric(of) => format!("BIGNUMERIC({}, {})", of.precision, of.scale),
            Self::Int64 => "INT64".to_owned(),
            Self::Float64 => "FLOAT64".to_owned(),
            Self::Bool => "BOOL".to_owned(),
            Self::Bytes => "BYTES".to_owned(),
            Self::Text => "STRING".to_owned(),
            Self::List(of) => format!("ARRAY<{}>", of.sql_name()),
        }
    }

    /// Whether the type can exist.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], naming `column`.
    pub fn validate(&self, column: &str) -> Result<()> {
        let wrong = |what| Err(Error::new(ErrorKind::Config, what, format!("column `{column}`")));
        let fits = |it: &Decimal, before: u8, after: u8| {
            it.precision >= 1
                && it.scale <= after
                && it.scale <= it.precision
                && it.precision - it.scale <= before
        };
        match self {
            Self::Numeric(it) if !fits(it, 29, 9) => {
                wrong("a NUMERIC has at most 29 digits before the point and 9 after it")
            }
            Self::Bignumeric(it) if !fits(it, 38, 38) => {
                wrong("a BIGNUMERIC has at most 38 digits before the point and 38 after it")
            }
            Self::Text => wrong("text stays text: name `text` only within a list"),
            Self::List(of) => match of.as_ref() {
                Self::List(_) => wrong("a list of lists cannot be written"),
                Self::Text => Ok(()),
                of => of.validate(column),
            },
            _ => Ok(()),
        }
    }
}

impl RewritePlan {
    /// Reads a plan from YAML; `file` is its name for faults.
    ///
    /// # Errors
    /// All faults of the text at once, with their lines.
    pub fn from_yaml(text: &str, file: &str) -> Result<Document<Self>, Diagnostics> {
        yaml::parse(file, text)
    }

    /// Whether the plan makes sense by itself.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], naming the column.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.max_misfit_share) {
            return Err(Error::new(ErrorKind::Config, "a share of misfits is between 0 and 1", ""));
        }
        for (name, action) in &self.columns {
            if let Action::Retype { to, .. } = action {
                to.validate(name)?;
            }
        }
        Ok(())
    }

    /// What happens to the column.
    pub fn action(&self, column: &str) -> Action {
        self.columns.get(column).cloned().unwrap_or(match self.others {
            OtherColumns::Keep => Action::Keep,
            OtherColumns::Drop => Action::Drop,
        })
    }
}
