//! Rewrite plans for Parquet files: the action for each column, and the reasons why a value
//! may not fit its new type.
//!
//! This module contains only data. The crate `landbridge-parquet` reads and writes files
//! according to it.
//!
//! | module | contents |
//! |---|---|
//! | here | [`RewritePlan`], [`Action`], [`TargetType`] |
//! | `misfit` | [`Misfit`]: why a value does not fit |
//! | `stats`, `bound` | [`ColumnStats`]: statistics of a rewritten column |

mod bound;
mod misfit;
mod stats;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use bound::Bound;
pub use misfit::Misfit;
pub use stats::ColumnStats;

use crate::{
    Error, ErrorKind, Result,
    yaml::{self, Diagnostics, Document, format},
};

/// The default limit for the share of misfits among the non-NULL values of a column, above
/// which a table is held: one in a thousand.
pub const MAX_MISFIT_SHARE: f64 = 0.001;

/// What happens to each top-level column of a Parquet file, by its exact name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RewritePlan {
    /// Actions by column. A column that the file does not contain is an error.
    pub columns: BTreeMap<String, Action>,
    /// What happens to all other columns: `keep` or `drop`.
    pub others: OtherColumns,
    /// What happens to misfits (values that do not fit their new type), unless a column
    /// sets its own rule.
    pub on_misfit: OnMisfit,
    /// Maximum share of misfits among the non-NULL values of a column, from 0 to 1. Above it,
    /// no output is delivered. 1 disables the check.
    #[schemars(schema_with = "share")]
    pub max_misfit_share: f64,
    /// Whether a column that the file declares REQUIRED becomes OPTIONAL. A BigQuery load job
    /// refuses a REQUIRED column where the table's is NULLABLE.
    pub relax_required: bool,
    /// Compression of rewritten columns. Copied columns keep theirs, unless `recompress` is set.
    pub compression: Compression,
    /// Copied columns are compressed again by Zstandard where that makes them smaller by enough. Needs
    /// `compression: zstd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recompress: Option<Recompress>,
    /// New names by source column, for columns of any type; the data is copied. All other keys of the
    /// plan use the names of the source. Two columns of the output cannot have the same name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
}

/// Has no `type`, because the YAML parser accepts fractions only for values without one.
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
            relax_required: false,
            compression: Compression::default(),
            recompress: None,
            rename: BTreeMap::new(),
        }
    }
}

/// When copied columns are compressed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recompress {
    /// The bytes that must be saved per byte of decompressed content, from 0 to 1: what compressing a byte costs, relative
    /// to sending one. A hundredth of a column's bytes must be saved in any case.
    #[schemars(schema_with = "share")]
    pub min_saving: f64,
}

/// What happens to a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Copies the bytes.
    Keep,
    /// Copies the bytes and changes their annotation in the footer.
    Annotate(AnnotateAs),
    /// Converts text to another type.
    Retype {
        /// The new type.
        to: TargetType,
        /// What happens to misfits of this column; the default is the rule of the plan.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_misfit: Option<OnMisfit>,
    },
    /// Removes the column from the output.
    Drop,
    /// Replaces every value with a keyed token; equal values have equal tokens.
    Tokenise {
        /// Domain of the tokens: the same value has different tokens in different
        /// domains, so they cannot be joined.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        domain: String,
    },
    /// Keeps the column and sets every value to NULL.
    SetNull,
}

/// What happens to columns that the plan does not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtherColumns {
    /// Copies them.
    #[default]
    Keep,
    /// Removes them from the output.
    Drop,
}

/// What happens to misfits: values that do not fit the new type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnMisfit {
    /// The value becomes NULL and is counted by reason.
    #[default]
    SetNull,
    /// The entire column stays text.
    KeepText,
}

/// Compression codecs for rewritten columns. BigQuery supports all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Zstandard, level 1: about as fast as Snappy, with much smaller output.
    #[default]
    Zstd,
    /// Snappy.
    Snappy,
    /// LZ4 blocks without a frame.
    Lz4Raw,
    /// No compression.
    None,
}

/// A new annotation for a column whose data is not changed. Only annotations that keep the
/// order of values, so that statistics stay valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnnotateAs {
    /// Bytes that are UTF-8 text: a MySQL CHAR.
    String,
    /// Bytes that are JSON text.
    Json,
    /// Bytes without an annotation.
    Bytes,
    /// INT64: microseconds since 1970 in UTC.
    Timestamp,
    /// INT64: microseconds since 1970-01-01 00:00:00 of a clock without a zone.
    LocalTimestamp,
    /// INT64: microseconds since midnight.
    Time,
    /// INT32: days since 1970.
    Date,
}

/// The type to which text is converted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetType {
    /// `YYYY-MM-DD`, for the years 1 to 9999.
    Date,
    /// `YYYY-MM-DD HH:MM:SS[.ffffff][zone]` in microseconds, UTC; text without a zone is
    /// interpreted as UTC. Also converts INT64 TIMESTAMP of any unit and INT96, whose numbers are taken
    /// as UTC.
    Timestamp,
    /// As `timestamp`, but a value without a zone is the local time of this IANA zone. Also converts
    /// INT64 TIMESTAMP of any unit (with or without UTC) and INT96, which are taken as local times. A
    /// local time that a change of the clock skips or repeats gets the offset before the change: a
    /// skipped one moves on by the gap, a repeated one is the first of the two (RFC 5545, section
    /// 3.3.5). Both are counted.
    #[schemars(schema_with = "format::time_zone")]
    TimestampIn(String),
    /// `YYYY-MM-DD HH:MM:SS[.ffffff]` in microseconds, of a clock without a zone. A value with a zone
    /// does not fit. Also converts INT64 TIMESTAMP of any unit and INT96; the date and time stay as
    /// they are.
    Datetime,
    /// `HH:MM:SS[.ffffff]` within one day, in microseconds.
    Time,
    /// A decimal that fits BigQuery's NUMERIC: at most 29 digits before the point and 9 after.
    Numeric(Decimal),
    /// A decimal that fits BigQuery's BIGNUMERIC: at most 38 digits before the point and 38 after.
    Bignumeric(Decimal),
    /// A 64-bit whole number.
    Int64,
    /// A double. `NaN` and `Infinity` are valid values, not misfits.
    Float64,
    /// `t`, `f`, `true`, `false`, `1`, `0`.
    Bool,
    /// A bit string `0101…` as big-endian bytes, padded with zeros on the left like MySQL's
    /// BIT.
    Bytes,
    /// Text that must be valid UTF-8. Only allowed in a list.
    Text,
    /// A one-dimensional PostgreSQL array `{…}` whose elements are not lists. Empty and NULL
    /// arrays are equal in the output, as in BigQuery.
    List(Box<TargetType>),
    /// The same without the NULLs in the arrays, which are counted. Otherwise, an array with a NULL
    /// is a misfit, because BigQuery cannot store it.
    ListWithoutNulls(Box<TargetType>),
    /// The JSON text of a PostgreSQL array of any number of dimensions: `[1,null,[2]]`.
    ArrayJson(JsonElement),
}

/// How the elements of an array are written in JSON text. NULL is `null`; an element that is not of
/// this kind, such as `NaN`, is a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JsonElement {
    /// As numbers.
    Number,
    /// `t` and `f` as `true` and `false`.
    Bool,
    /// As strings.
    Text,
}

/// Digits of a decimal type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decimal {
    /// Total number of digits.
    pub precision: u8,
    /// Digits after the decimal point.
    pub scale: u8,
}

impl Action {
    /// The action as shown in receipts and commands, for example `retype to TIMESTAMP`; empty for
    /// `keep`.
    pub fn describe(&self) -> String {
        match self {
            Self::Keep => String::new(),
            Self::Annotate(to) => format!("annotate {}", to.sql_name()),
            Self::Retype { to, on_misfit } => {
                let zone = to.zone().map(|zone| format!(" in {zone}")).unwrap_or_default();
                let or = match on_misfit {
                    Some(OnMisfit::KeepText) => ", or keep text",
                    None | Some(OnMisfit::SetNull) => "",
                };
                format!("retype to {}{zone}{or}", to.describe())
            }
            Self::Drop => "drop".to_owned(),
            Self::Tokenise { domain } if domain.is_empty() => "tokenise".to_owned(),
            Self::Tokenise { domain } => format!("tokenise in `{domain}`"),
            Self::SetNull => "set NULL".to_owned(),
        }
    }
}

impl AnnotateAs {
    /// The type in GoogleSQL.
    fn sql_name(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Json => "JSON",
            Self::Bytes => "BYTES",
            Self::Timestamp => "TIMESTAMP",
            Self::LocalTimestamp => "DATETIME",
            Self::Time => "TIME",
            Self::Date => "DATE",
        }
    }
}

impl TargetType {
    /// The type in GoogleSQL, including its digits.
    pub fn sql_name(&self) -> String {
        match self {
            Self::Date => "DATE".to_owned(),
            Self::Timestamp | Self::TimestampIn(_) => "TIMESTAMP".to_owned(),
            Self::Datetime => "DATETIME".to_owned(),
            Self::Time => "TIME".to_owned(),
            Self::Numeric(of) => format!("NUMERIC({}, {})", of.precision, of.scale),
            Self::Bignumeric(of) => format!("BIGNUMERIC({}, {})", of.precision, of.scale),
            Self::Int64 => "INT64".to_owned(),
            Self::Float64 => "FLOAT64".to_owned(),
            Self::Bool => "BOOL".to_owned(),
            Self::Bytes => "BYTES".to_owned(),
            Self::Text => "STRING".to_owned(),
            Self::List(of) | Self::ListWithoutNulls(of) => format!("ARRAY<{}>", of.sql_name()),
            Self::ArrayJson(_) => "STRING".to_owned(),
        }
    }

    /// The type of the elements of a list.
    pub fn element(&self) -> Option<&Self> {
        match self {
            Self::List(of) | Self::ListWithoutNulls(of) => Some(of),
            _ => None,
        }
    }

    /// The type as shown in receipts and commands.
    fn describe(&self) -> String {
        let name = self.sql_name();
        match self {
            Self::ListWithoutNulls(_) => format!("{name} without NULLs"),
            Self::ArrayJson(_) => format!("{name}, arrays as JSON"),
            _ => name,
        }
    }

    /// The zone of local times, also of those in a list.
    pub fn zone(&self) -> Option<&str> {
        match self {
            Self::TimestampIn(zone) => Some(zone),
            _ => self.element()?.zone(),
        }
    }

    /// Checks that the type is valid.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with `column`.
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
            Self::TimestampIn(zone) if TimeZone::get(zone).is_err() => {
                wrong("`timestamp_in` needs an IANA time zone, for example `Asia/Seoul`")
            }
            Self::Text => wrong(
                "`text` is only allowed in a list, for example `{ list: text }`; write `keep` to keep text",
            ),
            Self::List(of) | Self::ListWithoutNulls(of) => match of.as_ref() {
                Self::List(_) | Self::ListWithoutNulls(_) | Self::ArrayJson(_) => {
                    wrong("a list of lists is not supported")
                }
                Self::Text => Ok(()),
                of => of.validate(column),
            },
            _ => Ok(()),
        }
    }
}

impl RewritePlan {
    /// Parses a plan from YAML. `file` is the name shown in diagnostics.
    ///
    /// # Errors
    /// All diagnostics at once, each with its line and column.
    pub fn from_yaml(text: &str, file: &str) -> Result<Document<Self>, Diagnostics> {
        yaml::parse(file, text)
    }

    /// Checks the plan without a file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with the name of the column.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.max_misfit_share) {
            return Err(Error::new(
                ErrorKind::Config,
                "`max_misfit_share` must be from 0 to 1",
                "",
            ));
        }
        let recompress = self.recompress.unwrap_or_default();
        if !(0.0..=1.0).contains(&recompress.min_saving) {
            let what = "`recompress.min_saving` must be from 0 to 1";
            return Err(Error::new(ErrorKind::Config, what, ""));
        }
        if self.recompress.is_some() && self.compression != Compression::Zstd {
            let what = "`recompress` needs `compression: zstd`";
            return Err(Error::new(ErrorKind::Config, what, ""));
        }
        for (name, action) in &self.columns {
            if let Action::Retype { to, .. } = action {
                to.validate(name)?;
            }
        }
        if let Some(column) =
            self.rename.iter().find_map(|(from, to)| to.is_empty().then_some(from))
        {
            return Err(Error::new(
                ErrorKind::Config,
                "a new name of a column is empty",
                format!("column `{column}`"),
            ));
        }
        Ok(())
    }

    /// The name of a source column in the output.
    pub fn output_name<'a>(&'a self, column: &'a str) -> &'a str {
        self.rename.get(column).map_or(column, String::as_str)
    }

    /// What happens to the column.
    pub fn action(&self, column: &str) -> Action {
        self.columns.get(column).cloned().unwrap_or(match self.others {
            OtherColumns::Keep => Action::Keep,
            OtherColumns::Drop => Action::Drop,
        })
    }
}
