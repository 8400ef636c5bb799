//! Source type → Parquet column → BigQuery type.
//!
//! A load job coerces nothing (BigQuery documentation, "Loading Parquet data"),
//! so what lands is decided by what the Parquet column *is*; the manifest's
//! original type decides what it *means* and what must be mended on the way.

mod exported;
mod load_mapping;
mod natural;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use exported::exported_column;
pub use load_mapping::{FooterFix, LoadMapping, load_mapping};
pub use natural::natural_type;

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
    /// 29 integer digits, 9 fractional.
    Numeric,
    /// 38 integer digits, 38 fractional.
    BigNumeric,
    /// True or false.
    Bool,
    /// Calendar date.
    Date,
    /// Time of day.
    Time,
    /// Date and time with no zone.
    DateTime,
    /// Instant, in microseconds.
    Timestamp,
    /// JSON document.
    Json,
}

impl BigQueryType {
    /// Every type, in the order of the documentation here.
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

    /// Reads GoogleSQL names and the API's older ones (`INTEGER`, `FLOAT`, `BOOLEAN`).
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
            .ok_or_else(|| format!("`{text}` is not a BigQuery type that Landbridge loads"))
    }
}

/// Type and mode of a column in BigQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnType {
    /// The type of its values.
    pub ty: BigQueryType,
    /// Whether it is an array of them.
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

/// The database engine, as far as exports differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL and Aurora PostgreSQL.
    Postgres,
    /// MySQL, MariaDB and Aurora MySQL.
    Mysql,
}

impl Engine {
    /// From the RDS API's engine name, such as `aurora-postgresql` or `mariadb`.
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

/// A column as a Parquet footer describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParquetColumn {
    /// Its name (top level).
    pub name: String,
    /// What is stored.
    pub physical: Physical,
    /// What it stands for.
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
    /// A list, map or struct: not a primitive at all
    Nested,
}

/// Parquet's annotations, as far as they change what lands.
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
        /// digits in all
        precision: u32,
        /// digits after the point
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
    /// Anything else, which no load accepts as what it means
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

/// A column as the manifest of an export describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalColumn {
    /// Its name.
    pub name: String,
    /// The source's own type, such as `timestamp without time zone` or `bigint unsigned`.
    pub original_type: String,
    /// Digits in all, where the type has them; 0 is unknown.
    #[serde(default)]
    pub precision: u32,
    /// Digits after the point, where the manifest says so.
    #[serde(default)]
    pub scale: Option<u32>,
    /// What the export says it writes, such as `binary (UTF8)`.
    #[serde(default)]
    pub expected_exported: String,
}
