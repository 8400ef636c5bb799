//! The predefined masking rules of BigQuery's data policies, applied to whole columns.
//!
//! Follows Google's documentation of data masking. A column is masked before anything else
//! reads it, so filters and joins compare masked values. Which caller gets which rule is decided by
//! `access`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Date32Array, Int32Array, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::turned::is_turned;

/// A predefined masking rule. The order is BigQuery's priority: if several rules apply to a
/// caller, the first one is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MaskingRule {
    /// `RANDOM_HASH`: a hash with a different salt for each query.
    RandomHash,
    /// `SHA256`: deterministic and unsalted; base64 for STRING, raw for BYTES.
    Sha256,
    /// `EMAIL_MASK`: `XXXXX@domain`; a value that is not an e-mail address becomes its SHA-256.
    EmailMask,
    /// `LAST_FOUR_CHARACTERS`: `XXXXX` and the last four characters; a value of at most four
    /// characters becomes its SHA-256.
    LastFourCharacters,
    /// `FIRST_FOUR_CHARACTERS`: the first four characters and `XXXXX`; a value of at most four
    /// characters becomes its SHA-256.
    FirstFourCharacters,
    /// `DATE_YEAR_MASK`: 1 January of the year, UTC.
    DateYearMask,
    /// `DEFAULT_MASKING_VALUE`: the type's default value, also in place of NULL.
    Default,
    /// `ALWAYS_NULL`: NULL.
    AlwaysNull,
}

impl MaskingRule {
    /// All rules in priority order.
    pub const ALL: [Self; 8] = [
        Self::RandomHash,
        Self::Sha256,
        Self::EmailMask,
        Self::LastFourCharacters,
        Self::FirstFourCharacters,
        Self::DateYearMask,
        Self::Default,
        Self::AlwaysNull,
    ];

    /// Google's name of the rule (`predefinedExpression` of the Data Policy API).
    pub fn name(self) -> &'static str {
        match self {
            Self::RandomHash => "RANDOM_HASH",
            Self::Sha256 => "SHA256",
            Self::EmailMask => "EMAIL_MASK",
            Self::LastFourCharacters => "LAST_FOUR_CHARACTERS",
            Self::FirstFourCharacters => "FIRST_FOUR_CHARACTERS",
            Self::DateYearMask => "DATE_YEAR_MASK",
            Self::Default => "DEFAULT_MASKING_VALUE",
            Self::AlwaysNull => "ALWAYS_NULL",
        }
    }

    /// The rule with a name of Google's, or `None`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// Whether the rule can mask a column of this type. The documentation names an array only for
    /// the default value and for NULL.
    pub(crate) fn supports(self, data_type: &DataType) -> bool {
        match self {
            Self::Default | Self::AlwaysNull => {
                let is_refused = is_turned("mask-arrays") && matches!(data_type, DataType::List(_));
                !is_refused && !matches!(element_type(data_type), DataType::Struct(_))
            }
            Self::RandomHash | Self::Sha256 => {
                matches!(data_type, DataType::Utf8 | DataType::Binary)
            }
            Self::EmailMask | Self::LastFourCharacters | Self::FirstFourCharacters => {
                matches!(data_type, DataType::Utf8)
            }
            Self::DateYearMask => {
                matches!(
                    data_type,
                    DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _)
                )
            }
        }
    }

    /// The masked column, with the same type and length. Only `RANDOM_HASH` uses `salt`. A query
    /// that needs a rule which does not support the type fails before this; the values are NULL.
    pub(crate) fn mask_column(self, column: &ArrayRef, salt: &[u8]) -> ArrayRef {
        if !self.supports(column.data_type()) || self == Self::AlwaysNull {
            return new_null_array(column.data_type(), column.len());
        }
        if self == Self::Default {
            return default_values(column.data_type(), column.len());
        }
        match column.data_type() {
            DataType::Utf8 => {
                let masked = column
                    .as_string::<i32>()
                    .iter()
                    .map(|it| it.map(|it| self.mask_text(it, salt)));
                Arc::new(masked.collect::<StringArray>())
            }
            DataType::Binary => {
                let salt = if self == Self::RandomHash { salt } else { &[] };
                let masked =
                    column.as_binary::<i32>().iter().map(|it| it.map(|it| sha256(it, salt)));
                Arc::new(masked.collect::<BinaryArray>())
            }
            DataType::Date32 => {
                let days = column.as_primitive::<Date32Type>().iter();
                Arc::new(days.map(|it| it.map(first_day_of_year)).collect::<Date32Array>())
            }
            DataType::Timestamp(_, zone) => {
                let micros = column.as_primitive::<TimestampMicrosecondType>().iter();
                let masked: TimestampMicrosecondArray = micros
                    .map(|it| {
                        it.map(|at| {
                            let day = i32::try_from(at.div_euclid(DAY_MICROS)).unwrap_or(0);
                            i64::from(first_day_of_year(day)) * DAY_MICROS
                        })
                    })
                    .collect();
                Arc::new(masked.with_timezone_opt(zone.clone()))
            }
            _ => new_null_array(column.data_type(), column.len()),
        }
    }

    fn mask_text(self, value: &str, salt: &[u8]) -> String {
        let hashed = |salt: &[u8]| STANDARD.encode(sha256(value.as_bytes(), salt));
        match self {
            Self::RandomHash => hashed(salt),
            Self::EmailMask => match email_domain(value) {
                Some(_) if is_turned("mask-rules") => hashed(&[]),
                Some(domain) => format!("XXXXX@{domain}"),
                None => hashed(&[]),
            },
            Self::LastFourCharacters => match value.char_indices().rev().nth(3) {
                Some((at, _)) if at > 0 => format!("XXXXX{}", &value[at..]),
                _ => hashed(&[]),
            },
            Self::FirstFourCharacters => match value.char_indices().nth(4) {
                Some((at, _)) => format!("{}XXXXX", &value[..at]),
                None => hashed(&[]),
            },
            _ => hashed(&[]),
        }
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

fn element_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::List(field) => field.data_type(),
        other => other,
    }
}

fn sha256(value: &[u8], salt: &[u8]) -> Vec<u8> {
    Sha256::new().chain_update(salt).chain_update(value).finalize().to_vec()
}

/// The domain of a value that looks like an e-mail address.
fn email_domain(value: &str) -> Option<&str> {
    let (local, domain) = value.split_once('@')?;
    let is_plain =
        |text: &str| !text.is_empty() && !text.contains(|c: char| c == '@' || c.is_whitespace());
    (is_plain(local) && is_plain(domain)).then_some(domain)
}

/// 1 January of the year of `days`. Both are days since 1970-01-01.
fn first_day_of_year(days: i32) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    let first = epoch
        .checked_add(jiff::Span::new().days(days))
        .and_then(|day| jiff::civil::Date::new(day.year(), 1, 1))
        .and_then(|first| epoch.until(first));
    first.map_or(0, |span| span.get_days())
}

/// A column with the type's default value in every row.
fn default_values(data_type: &DataType, len: usize) -> ArrayRef {
    match data_type {
        DataType::Utf8 if is_turned("mask-default-values") => {
            Arc::new(StringArray::from(vec!["?"; len]))
        }
        DataType::Utf8 => Arc::new(StringArray::from(vec![""; len])),
        DataType::Binary => Arc::new(BinaryArray::from(vec![&b""[..]; len])),
        // BigQuery shows a REPEATED column without values as an empty list.
        DataType::List(_) => new_null_array(data_type, len),
        other => {
            let zero: ArrayRef = Arc::new(Int32Array::from(vec![0; len]));
            cast_zeros(&zero, other)
        }
    }
}

/// Converts zeros to a type: the number 0, 1970-01-01, midnight or FALSE.
fn cast_zeros(zero: &ArrayRef, to: &DataType) -> ArrayRef {
    let wide = match to {
        DataType::Timestamp(..) | DataType::Time64(_) => {
            arrow::compute::cast(zero, &DataType::Int64).unwrap_or_else(|_| zero.clone())
        }
        _ => zero.clone(),
    };
    arrow::compute::cast(&wide, to).unwrap_or_else(|_| new_null_array(to, zero.len()))
}
