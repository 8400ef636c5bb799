//! Values while a query runs: equality, order and keys.
//!
//! Semantics: GoogleSQL reference, "Data types": floating point semantics, sort order of NULL and
//! NaN, grouping.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::i256;

use super::interval::Interval;

/// A value. Its type is known from the expression; NULL has any type.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Units of 10⁻⁹.
    Numeric(i128),
    /// Units of 10⁻³⁸.
    BigNumeric(Box<i256>),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01 00:00:00 on a calendar without zones.
    Datetime(i64),
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    Timestamp(i64),
    Interval(Box<Interval>),
    Json(Arc<serde_json::Value>),
    Array(Arc<[Value]>),
    Struct(Arc<[Value]>),
}

pub(crate) type Row = Vec<Value>;

impl Value {
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bytes(Arc::from(bytes.as_ref()))
    }

    pub(crate) fn json(json: serde_json::Value) -> Self {
        Self::Json(Arc::new(json))
    }

    pub(crate) fn array(values: Vec<Self>) -> Self {
        Self::Array(values.into())
    }

    pub(crate) fn big(value: i256) -> Self {
        Self::BigNumeric(Box::new(value))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether the value is TRUE, not FALSE or NULL.
    pub(crate) fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// `=`: `None` if the result is NULL.
    pub(crate) fn sql_eq(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Null, _) | (_, Self::Null) => None,
            (Self::Float(a), Self::Float(b)) => Some(a == b),
            (Self::Struct(a), Self::Struct(b)) | (Self::Array(a), Self::Array(b)) => {
                if a.len() != b.len() {
                    return Some(false);
                }
                let mut result = Some(true);
                for (a, b) in a.iter().zip(b.iter()) {
                    match a.sql_eq(b) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => result = None,
                    }
                }
                result
            }
            (a, b) => Some(a.order(b) == Ordering::Equal),
        }
    }

    /// The order of `<`; `None` if a NaN is compared. Both values must not be NULL.
    pub(crate) fn sql_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (a, b) => Some(a.order(b)),
        }
    }

    /// The order of ORDER BY: NULL, then NaN, then the others.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b))
            | (Self::Time(a), Self::Time(b))
            | (Self::Datetime(a), Self::Datetime(b))
            | (Self::Timestamp(a), Self::Timestamp(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => match (a.is_nan(), b.is_nan()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            },
            (Self::Numeric(a), Self::Numeric(b)) => a.cmp(b),
            (Self::BigNumeric(a), Self::BigNumeric(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Bytes(a), Self::Bytes(b)) => a.cmp(b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Interval(a), Self::Interval(b)) => a.total_micros().cmp(&b.total_micros()),
            (Self::Array(a), Self::Array(b)) | (Self::Struct(a), Self::Struct(b)) => {
                let unequal = a.iter().zip(b.iter()).map(|(a, b)| a.order(b));
                let first = unequal.into_iter().find(|it| *it != Ordering::Equal);
                first.unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (Self::Json(a), Self::Json(b)) => a.to_string().cmp(&b.to_string()),
            // The analyser converts both sides to one type.
            _ => Ordering::Equal,
        }
    }

    fn hash_key<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Null => 0_u8.hash(state),
            Self::Bool(it) => it.hash(state),
            Self::Int(it) | Self::Time(it) | Self::Datetime(it) | Self::Timestamp(it) => {
                it.hash(state);
            }
            // 0 and -0 are equal, and so are all NaN.
            Self::Float(it) if it.is_nan() => f64::NAN.to_bits().hash(state),
            Self::Float(it) => (it + 0.0).to_bits().hash(state),
            Self::Numeric(it) => it.hash(state),
            Self::BigNumeric(it) => it.to_be_bytes().hash(state),
            Self::Text(it) => it.hash(state),
            Self::Bytes(it) => it.hash(state),
            Self::Date(it) => it.hash(state),
            Self::Interval(it) => it.total_micros().hash(state),
            Self::Json(it) => it.to_string().hash(state),
            Self::Array(items) | Self::Struct(items) => {
                items.len().hash(state);
                items.iter().for_each(|it| it.hash_key(state));
            }
        }
    }
}

/// Values as a key of a group: NULL equals NULL, NaN equals NaN.
#[derive(Clone, Debug)]
pub(crate) struct Key(pub(crate) Vec<Value>);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(a, b)| a.order(b) == Ordering::Equal)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|it| it.hash_key(state));
    }
}

/// Structural equality of constants, for comparing expressions.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.order(other) == Ordering::Equal
    }
}
