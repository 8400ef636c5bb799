//! Maps source types to Parquet columns and BigQuery types.
//!
//! A load job does not convert types (BigQuery documentation, "Loading Parquet data"), so the
//! Parquet column determines the BigQuery type. The source type from the manifest determines
//! what the values mean, and so what the transfer must change.

mod exported;
mod load_mapping;
mod naive;
mod natural;
mod readable;
mod source_name;
mod stored_time;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use exported::exported_column;
pub use load_mapping::{FooterFix, LoadMapping, load_mapping};
pub use naive::{NaiveTimes, TimeRules, has_own_zone, is_naive_column, is_naive_time};
pub use natural::natural_type;
pub use readable::{TextForm, export_forms, text_form};
pub use source_name::{
    SOURCE_TYPES, array_element, catalogue_name, is_array, is_extension_type, is_same_source_type,
    misspelt,
};
pub use stored_time::{StoredTime, TimeUnit, stored_time};

/// A BigQuery column type, by its GoogleSQL name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum BigQueryType {
    /// Text.
    String,
    /// Bytes.
    Bytes,
    /// 64-bit integer.
    Int64,
    /// Double precision.
    Float64,
    /// Decimal with 29 integer and 9 fractional digits.
    Numeric,
    /// Decimal with 38 integer and 38 fractional digits.
    BigNumeric,
    /// True or false.
    Bool,
    /// Calendar date.
    Date,
    /// Time of day.
    Time,
    /// Date and time without a time zone.
    DateTime,
    /// Instant, in microseconds.
    Timestamp,
    /// JSON document.
    Json,
}

impl BigQueryType {
    /// All types, in the order of their declaration.
    pub const ALL: [Self; 12] = [
        Self::String,
        Self::Bytes,
        Self::Int64,
        Self::Float64,
        Self::Numeric,
        Self::BigNumeric,
        Self::Bool,
        Self::Date,
        Self::Time,
        Self::DateTime,
        Self::Timestamp,
        Self::Json,
    ];

    /// The GoogleSQL name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Int64 => "INT64",
            Self::Float64 => "FLOAT64",
            Self::Numeric => "NUMERIC",
            Self::BigNumeric => "BIGNUMERIC",
            Self::Bool => "BOOL",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::DateTime => "DATETIME",
            Self::Timestamp => "TIMESTAMP",
            Self::Json => "JSON",
        }
    }
}

impl fmt::Display for BigQueryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for BigQueryType {
    type Err = String;

    /// Parses GoogleSQL names and the legacy names of the API (`INTEGER`, `FLOAT`, `BOOLEAN`).
    fn from_str(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        let name = match upper.as_str() {
            "INTEGER" => "INT64",
            "FLOAT" => "FLOAT64",
            "BOOLEAN" => "BOOL",
            "DECIMAL" => "NUMERIC",
            "BIGDECIMAL" => "BIGNUMERIC",
            other => other,
        };
        Self::ALL
            .into_iter()
            .find(|known| known.name() == name)
            .ok_or_else(|| format!("`{text}` is not a BigQuery type that Landbridge supports"))
    }
}

/// Type and mode of a BigQuery column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnType {
    /// The type of the values.
    pub ty: BigQueryType,
    /// Whether the column is an array.
    pub repeated: bool,
}

impl ColumnType {
    /// A single, nullable value of type `ty`.
    pub const fn scalar(ty: BigQueryType) -> Self {
        Self { ty, repeated: false }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.repeated { write!(f, "ARRAY<{}>", self.ty) } else { self.ty.fmt(f) }
    }
}

/// The database engine, as far as its exports differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL and Aurora PostgreSQL.
    Postgres,
    /// MySQL, MariaDB and Aurora MySQL.
    Mysql,
}

impl Engine {
    /// The name that people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL or MariaDB",
        }
    }

    /// The engine for an engine name of the RDS API, such as `aurora-postgresql` or `mariadb`.
    pub fn from_rds(name: &str) -> Option<Self> {
        if name.contains("postgres") {
            Some(Self::Postgres)
        } else if name.contains("mysql") || name.contains("mariadb") || name == "aurora" {
            Some(Self::Mysql)
        } else {
            None
        }
    }
}

/// A column in a Parquet footer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParquetColumn {
    /// Name of the top-level column.
    pub name: String,
    /// The physical type.
    pub physical: Physical,
    /// The annotation: what the values mean.
    pub annotation: Annotation,
}

/// Parquet's primitive types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Physical {
    /// BOOLEAN
    Boolean,
    /// INT32
    Int32,
    /// INT64
    Int64,
    /// INT96
    Int96,
    /// FLOAT
    Float,
    /// DOUBLE
    Double,
    /// BYTE_ARRAY
    ByteArray,
    /// FIXED_LEN_BYTE_ARRAY of so many bytes
    Fixed(i32),
    /// A list, map or struct, which is not a primitive type
    Nested,
}

/// Parquet's annotations (logical types), as far as they affect the BigQuery type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Annotation {
    /// None.
    None,
    /// STRING (or the older UTF8)
    String,
    /// ENUM
    Enum,
    /// JSON
    Json,
    /// INT(bits, signed)
    Int {
        /// 8, 16, 32 or 64
        bits: u8,
        /// signed or not
        signed: bool,
    },
    /// DECIMAL(precision, scale)
    Decimal {
        /// total number of digits
        precision: u32,
        /// digits after the decimal point
        scale: u32,
    },
    /// DATE
    Date,
    /// TIME in microseconds
    TimeMicros,
    /// TIMESTAMP in milliseconds
    TimestampMillis,
    /// TIMESTAMP in microseconds
    TimestampMicros,
    /// TIMESTAMP in nanoseconds
    TimestampNanos,
    /// TIMESTAMP in milliseconds with `isAdjustedToUTC=false`: a date and a time without a zone
    LocalTimestampMillis,
    /// The same in microseconds
    LocalTimestampMicros,
    /// The same in nanoseconds
    LocalTimestampNanos,
    /// Any other annotation, which load jobs do not interpret
    Other,
}

impl fmt::Display for ParquetColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.annotation {
            Annotation::None => write!(f, "{:?}", self.physical),
            annotation => write!(f, "{:?} ({annotation:?})", self.physical),
        }
    }
}

/// A column in the manifest of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalColumn {
    /// Its name.
    pub name: String,
    /// The source type, such as `timestamp without time zone` or `bigint unsigned`.
    pub original_type: String,
    /// Total number of digits, for numeric types; 0 if unknown.
    #[serde(default)]
    pub precision: u32,
    /// Digits after the decimal point, if the manifest contains them.
    #[serde(default)]
    pub scale: Option<u32>,
    /// The Parquet type that the manifest announces, such as `binary (UTF8)`.
    #[serde(default)]
    pub expected_exported: String,
}
