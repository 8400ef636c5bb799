//! Types of GoogleSQL and which of them is converted implicitly.
//!
//! Semantics: GoogleSQL reference, "Conversion rules".

use std::fmt;
use std::sync::Arc;

use crate::bigquery::schema::{Field, FieldMode, FieldType};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int64,
    Float64,
    Numeric,
    BigNumeric,
    String,
    Bytes,
    Date,
    Time,
    Datetime,
    Timestamp,
    Interval,
    Json,
    Geography,
    Array(Arc<Type>),
    /// Names may be empty.
    Struct(Arc<Vec<(String, Type)>>),
}

impl Type {
    pub(crate) fn array(element: Self) -> Self {
        Self::Array(Arc::new(element))
    }

    pub(crate) fn structure(fields: Vec<(String, Self)>) -> Self {
        Self::Struct(Arc::new(fields))
    }

    pub(crate) fn is_numeric(&self) -> bool {
        matches!(self, Self::Int64 | Self::Float64 | Self::Numeric | Self::BigNumeric)
    }

    pub(crate) fn element(&self) -> Option<&Self> {
        match self {
            Self::Array(element) => Some(element),
            _ => None,
        }
    }

    pub(crate) fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// A type without parameters by its name in upper case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "BOOL" | "BOOLEAN" => Self::Bool,
            "INT64" | "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BYTEINT" => {
                Self::Int64
            }
            "FLOAT64" => Self::Float64,
            "NUMERIC" | "DECIMAL" => Self::Numeric,
            "BIGNUMERIC" | "BIGDECIMAL" => Self::BigNumeric,
            "STRING" => Self::String,
            "BYTES" => Self::Bytes,
            "DATE" => Self::Date,
            "TIME" => Self::Time,
            "DATETIME" => Self::Datetime,
            "TIMESTAMP" => Self::Timestamp,
            "INTERVAL" => Self::Interval,
            "JSON" => Self::Json,
            "GEOGRAPHY" => Self::Geography,
            _ => return None,
        })
    }

    /// Whether values of the type can be keys of GROUP BY and DISTINCT.
    pub(crate) fn is_groupable(&self) -> bool {
        match self {
            Self::Json | Self::Geography => false,
            Self::Array(element) => element.is_groupable(),
            Self::Struct(fields) => fields.iter().all(|(_, it)| it.is_groupable()),
            _ => true,
        }
    }

    /// Whether the type has an order.
    pub(crate) fn is_orderable(&self) -> bool {
        !matches!(self, Self::Json | Self::Geography | Self::Array(_) | Self::Struct(_))
    }

    /// Whether `=` compares two values of the type.
    pub(crate) fn is_comparable(&self) -> bool {
        match self {
            Self::Json | Self::Geography => false,
            Self::Array(element) => element.is_comparable(),
            Self::Struct(fields) => fields.iter().all(|(_, it)| it.is_comparable()),
            _ => true,
        }
    }

    /// The distance of the implicit conversion of any expression of this type; `None` if there is
    /// none.
    pub(crate) fn coercion(&self, to: &Self) -> Option<u32> {
        use Type::{BigNumeric, Date, Datetime, Float64, Int64, Numeric, Struct, Timestamp};
        if self == to {
            return Some(0);
        }
        match (self, to) {
            // FLOAT64 is the nearest of INT64: `1 / 3` and `ROUND(3)` are FLOAT64.
            (Int64, Float64) | (Numeric, BigNumeric) => Some(1),
            (Int64, Numeric) | (Numeric, Float64) => Some(2),
            (Int64, BigNumeric) | (BigNumeric, Float64) => Some(3),
            (Date, Datetime) => Some(1),
            (Date, Timestamp) => Some(2),
            (Struct(from), Struct(to)) if from.len() == to.len() => {
                let distances = from.iter().zip(to.iter()).map(|((_, a), (_, b))| a.coercion(b));
                distances.sum()
            }
            (Self::Array(from), Self::Array(to)) if same_shape(from, to) => Some(0),
            _ => None,
        }
    }

    /// The type of a column.
    pub(crate) fn of_field(field: &Field) -> Self {
        let base = match field.field_type {
            FieldType::String => Self::String,
            FieldType::Bytes => Self::Bytes,
            FieldType::Integer => Self::Int64,
            FieldType::Float => Self::Float64,
            FieldType::Boolean => Self::Bool,
            FieldType::Timestamp => Self::Timestamp,
            FieldType::Date => Self::Date,
            FieldType::Time => Self::Time,
            FieldType::Datetime => Self::Datetime,
            FieldType::Numeric => Self::Numeric,
            FieldType::Bignumeric => Self::BigNumeric,
            FieldType::Json => Self::Json,
            FieldType::Geography => Self::Geography,
            FieldType::Interval => Self::Interval,
            FieldType::Record => Self::structure(
                field.fields.iter().map(|it| (it.name.clone(), Self::of_field(it))).collect(),
            ),
        };
        if field.mode == FieldMode::Repeated { Self::array(base) } else { base }
    }

    /// The column of a result; `None` for an array of arrays.
    pub(crate) fn to_field(&self, name: &str) -> Option<Field> {
        let field_type = match self {
            Self::Bool => FieldType::Boolean,
            Self::Int64 => FieldType::Integer,
            Self::Float64 => FieldType::Float,
            Self::Numeric => FieldType::Numeric,
            Self::BigNumeric => FieldType::Bignumeric,
            Self::String => FieldType::String,
            Self::Bytes => FieldType::Bytes,
            Self::Date => FieldType::Date,
            Self::Time => FieldType::Time,
            Self::Datetime => FieldType::Datetime,
            Self::Timestamp => FieldType::Timestamp,
            Self::Json => FieldType::Json,
            Self::Geography => FieldType::Geography,
            Self::Interval => FieldType::Interval,
            Self::Array(element) => {
                let field = element.to_field(name)?;
                let nested = field.mode == FieldMode::Repeated;
                return (!nested).then_some(Field { mode: FieldMode::Repeated, ..field });
            }
            Self::Struct(fields) => {
                let members = fields.iter().enumerate().map(|(at, (name, it))| {
                    let unnamed = format!("_field_{}", at + 1);
                    it.to_field(if name.is_empty() { &unnamed } else { name })
                });
                return Some(Field {
                    fields: members.collect::<Option<_>>()?,
                    ..Field::new(name, FieldType::Record, FieldMode::Nullable)
                });
            }
        };
        Some(Field::new(name, field_type, FieldMode::Nullable))
    }
}

/// Whether two types differ only in the names of fields.
fn same_shape(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Struct(a), Type::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|((_, a), (_, b))| same_shape(a, b))
        }
        (Type::Array(a), Type::Array(b)) => same_shape(a, b),
        (a, b) => a == b,
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Bool => "BOOL",
            Self::Int64 => "INT64",
            Self::Float64 => "FLOAT64",
            Self::Numeric => "NUMERIC",
            Self::BigNumeric => "BIGNUMERIC",
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::Datetime => "DATETIME",
            Self::Timestamp => "TIMESTAMP",
            Self::Interval => "INTERVAL",
            Self::Json => "JSON",
            Self::Geography => "GEOGRAPHY",
            Self::Array(element) => return write!(f, "ARRAY<{element}>"),
            Self::Struct(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, it)| match name.as_str() {
                        "" => it.to_string(),
                        name => format!("{name} {it}"),
                    })
                    .collect();
                return write!(f, "STRUCT<{}>", fields.join(", "));
            }
        };
        f.write_str(name)
    }
}
