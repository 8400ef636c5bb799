//! The types of source databases, and what a snapshot export writes for each.
//!
//! [`SourceType::parquet_type`] implements the two tables of the AWS documentation, "Data conversion
//! when exporting to an Amazon S3 bucket for Amazon RDS": one for MySQL and MariaDB, one for
//! PostgreSQL.

use arrow::datatypes::{DataType, TimeUnit};

use crate::error::DatabaseError;
use landbridge_source::EngineFamily;

/// The type of a column in exported Parquet files: a primitive type and its annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParquetType {
    /// `BOOLEAN`.
    Boolean,
    /// `INT32` annotated `INT(16,true)`.
    Int16,
    /// `INT32`, no annotation.
    Int32,
    /// `INT64`, no annotation.
    Int64,
    /// `FLOAT`.
    Float,
    /// `DOUBLE`.
    Double,
    /// `DECIMAL(precision, scale)`, stored as `INT32` up to 9 digits, as `INT64` up to 18, else as
    /// the shortest sufficient `FIXED_LEN_BYTE_ARRAY`.
    Decimal {
        /// Number of digits, at most 38.
        precision: u8,
        /// Digits after the decimal point.
        scale: i8,
    },
    /// `BYTE_ARRAY` annotated `STRING`.
    Text,
    /// `BYTE_ARRAY`, no annotation.
    Bytes,
    /// `INT64` annotated `TIMESTAMP_MICROS`.
    TimestampMicros,
}

impl ParquetType {
    /// The Arrow type that the `parquet` crate writes as this type.
    pub fn arrow(self) -> DataType {
        match self {
            ParquetType::Boolean => DataType::Boolean,
            ParquetType::Int16 => DataType::Int16,
            ParquetType::Int32 => DataType::Int32,
            ParquetType::Int64 => DataType::Int64,
            ParquetType::Float => DataType::Float32,
            ParquetType::Double => DataType::Float64,
            ParquetType::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            ParquetType::Text => DataType::Utf8,
            ParquetType::Bytes => DataType::Binary,
            // Spark marks every timestamp as adjusted to UTC. Whether the real export does is
            // not confirmed; `ExportQuirks::timestamps` switches the mark off.
            ParquetType::TimestampMicros => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
        }
    }

    /// `expectedExportedType` in the manifest. The values for decimals and 16-bit integers are
    /// derived from the pattern of those seen in real manifests.
    pub fn manifest_type(self) -> String {
        match self {
            ParquetType::Boolean => "boolean".to_owned(),
            ParquetType::Int16 => "int32 (INT_16)".to_owned(),
            ParquetType::Int32 => "int32".to_owned(),
            ParquetType::Int64 => "int64".to_owned(),
            ParquetType::Float => "float".to_owned(),
            ParquetType::Double => "double".to_owned(),
            ParquetType::Decimal { precision, scale } => {
                let primitive = match precision {
                    0..=9 => "int32",
                    10..=18 => "int64",
                    _ => "fixed_len_byte_array",
                };
                format!("{primitive} (DECIMAL({precision},{scale}))")
            }
            ParquetType::Text => "binary (UTF8)".to_owned(),
            ParquetType::Bytes => "binary".to_owned(),
            ParquetType::TimestampMicros => "int64 (TIMESTAMP_MICRO)".to_owned(),
        }
    }
}

/// A type of a source database, parsed from its declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceType {
    family: EngineFamily,
    /// The type's name with aliases resolved: `character varying`, `bigint`.
    base: String,
    /// Length, or precision and scale.
    args: Vec<u32>,
    unsigned: bool,
    array: bool,
    /// Whether it is a domain over `base`, which an export of PostgreSQL writes as text.
    domain: bool,
}

/// The type names of MySQL and MariaDB.
const MYSQL_NAMES: &[&str] = &[
    "tinyint",
    "smallint",
    "mediumint",
    "int",
    "bigint",
    "year",
    "decimal",
    "float",
    "double",
    "char",
    "varchar",
    "tinytext",
    "text",
    "mediumtext",
    "longtext",
    "enum",
    "set",
    "json",
    "bit",
    "binary",
    "varbinary",
    "tinyblob",
    "blob",
    "mediumblob",
    "longblob",
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
    "date",
    "time",
    "datetime",
    "timestamp",
    // Types of MariaDB that the documentation of exports does not mention.
    "uuid",
    "inet4",
    "inet6",
];

/// The built-in types of PostgreSQL; every other type is USER-DEFINED.
const POSTGRES_NAMES: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "boolean",
    "bytea",
    "numeric",
    "money",
    "date",
    "time without time zone",
    "time with time zone",
    "interval",
    "timestamp without time zone",
    "timestamp with time zone",
    "uuid",
    "json",
    "jsonb",
    "xml",
    "bit",
    "bit varying",
    "cidr",
    "inet",
    "macaddr",
    "macaddr8",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "tsmultirange",
    "tstzmultirange",
    "datemultirange",
    "character",
    "character varying",
    "text",
    "name",
    "\"char\"",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "pg_lsn",
    "tsvector",
    "tsquery",
    "oid",
    "xid",
    "regclass",
    "jsonpath",
];

impl SourceType {
    /// Parses a declaration as in `CREATE TABLE`: `decimal(12,2) unsigned`, `varchar(80)`,
    /// `timestamp(3) with time zone`, `text[]`.
    ///
    /// # Errors
    /// [`DatabaseError::UnknownType`] when MySQL has no such type or the parentheses contain
    /// anything but numbers. PostgreSQL's types are open: an unknown name is taken for a
    /// user-defined type.
    pub fn parse(family: EngineFamily, declared: &str) -> Result<SourceType, DatabaseError> {
        let unknown =
            || DatabaseError::UnknownType { declared: declared.to_owned(), engine: family.name() };
        let text = declared.trim().to_ascii_lowercase();
        let (text, array) = match text.find('[') {
            Some(at) => (text[..at].to_owned(), true),
            None => (text, false),
        };
        let (outside, inside) = match (text.find('('), text.rfind(')')) {
            (Some(open), Some(close)) if open < close => {
                (format!("{} {}", &text[..open], &text[close + 1..]), &text[open + 1..close])
            }
            (None, None) => (text.clone(), ""),
            _ => return Err(unknown()),
        };
        let mut words: Vec<&str> = outside.split_whitespace().collect();
        let unsigned = words.contains(&"unsigned") || words.contains(&"zerofill");
        words.retain(|word| !matches!(*word, "unsigned" | "signed" | "zerofill"));
        let base = canonical(family, &words.join(" "));
        // The parentheses of ENUM and SET contain text, not numbers.
        let args = if inside.is_empty() || matches!(base.as_str(), "enum" | "set") {
            Vec::new()
        } else {
            let args: Result<Vec<u32>, _> =
                inside.split(',').map(|arg| arg.trim().parse()).collect();
            match (args, family) {
                (Ok(args), _) => args,
                // PostgreSQL's types are open: numeric(5,-2), geometry(Point,4326).
                (Err(_), EngineFamily::Postgres) => Vec::new(),
                (Err(_), EngineFamily::MySql) => return Err(unknown()),
            }
        };
        if family == EngineFamily::MySql && (array || !MYSQL_NAMES.contains(&base.as_str())) {
            return Err(unknown());
        }
        Ok(SourceType { family, base, args, unsigned, array, domain: false })
    }

    /// A PostgreSQL domain over this type, which an export writes as text.
    #[must_use]
    pub fn in_domain(mut self) -> SourceType {
        self.domain = true;
        self
    }

    /// What an export writes for this type.
    pub fn parquet_type(&self) -> ParquetType {
        match self.family {
            EngineFamily::MySql => self.mysql(),
            EngineFamily::Postgres => self.postgres(),
        }
    }

    fn mysql(&self) -> ParquetType {
        match (self.base.as_str(), self.unsigned) {
            ("tinyint", true) => ParquetType::Int16,
            ("tinyint" | "smallint" | "mediumint" | "int", false)
            | ("smallint", true)
            | ("year", _) => ParquetType::Int32,
            ("mediumint" | "int", true) | ("bigint", false) => ParquetType::Int64,
            ("bigint", true) => ParquetType::Decimal { precision: 20, scale: 0 },
            ("decimal", _) => self.decimal(),
            ("float" | "double", _) => ParquetType::Double,
            (
                "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set"
                | "json" | "uuid" | "inet4" | "inet6",
                _,
            ) => ParquetType::Text,
            ("date" | "time", _) => ParquetType::Text,
            ("datetime" | "timestamp", _) => ParquetType::TimestampMicros,
            // CHAR, BIT, BINARY, VARBINARY, the BLOB family and every geometry.
            // CHAR is not a mistake: the real export writes it without an annotation.
            _ => ParquetType::Bytes,
        }
    }

    fn decimal(&self) -> ParquetType {
        let precision = self.args.first().copied().unwrap_or(10);
        let scale = self.args.get(1).copied().unwrap_or(0);
        match (u8::try_from(precision), i8::try_from(scale)) {
            (Ok(precision), Ok(scale)) if precision <= 38 => {
                ParquetType::Decimal { precision, scale }
            }
            _ => ParquetType::Text,
        }
    }

    fn postgres(&self) -> ParquetType {
        if self.array || self.domain {
            return ParquetType::Text;
        }
        match self.base.as_str() {
            "bigint" => ParquetType::Int64,
            "integer" => ParquetType::Int32,
            "smallint" => ParquetType::Int16,
            "real" => ParquetType::Float,
            "double precision" => ParquetType::Double,
            "boolean" => ParquetType::Boolean,
            "bytea" => ParquetType::Bytes,
            _ => ParquetType::Text,
        }
    }

    /// The type as `information_schema` and the manifest of an export print it.
    pub fn original_type(&self) -> String {
        match self.family {
            EngineFamily::MySql if self.unsigned => format!("{} unsigned", self.base),
            EngineFamily::MySql => self.base.clone(),
            EngineFamily::Postgres if self.array => "ARRAY".to_owned(),
            EngineFamily::Postgres if POSTGRES_NAMES.contains(&self.base.as_str()) => {
                self.base.clone()
            }
            EngineFamily::Postgres => "USER-DEFINED".to_owned(),
        }
    }

    /// Whether it is an integer type. RDS can split a table by such a column to read it in parallel.
    pub fn is_integer(&self) -> bool {
        !self.array
            && matches!(
                self.base.as_str(),
                "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint"
            )
    }

    /// `CHARACTER_MAXIMUM_LENGTH` in the catalogue.
    pub fn char_max_length(&self) -> Option<u32> {
        if self.array {
            return None;
        }
        match self.base.as_str() {
            "char" | "varchar" | "character" | "character varying" | "binary" | "varbinary" => {
                let default =
                    matches!(self.base.as_str(), "char" | "character" | "binary").then_some(1);
                self.args.first().copied().or(default)
            }
            "tinytext" | "tinyblob" => Some(255),
            "text" | "blob" if self.family == EngineFamily::MySql => Some(65_535),
            _ => None,
        }
    }

    /// `NUMERIC_PRECISION` and `NUMERIC_SCALE` in the catalogue. The precision of integers is in bits
    /// (PostgreSQL) or digits (MySQL).
    pub fn numeric_precision(&self) -> (Option<u32>, Option<u32>) {
        if self.array {
            return (None, None);
        }
        let precision = match (self.family, self.base.as_str()) {
            (_, "numeric") => {
                return (self.args.first().copied(), self.args.first().map(|_| self.scale()));
            }
            (_, "decimal") => {
                return (Some(self.args.first().copied().unwrap_or(10)), Some(self.scale()));
            }
            (EngineFamily::Postgres, "smallint") => 16,
            (EngineFamily::Postgres, "integer") => 32,
            (EngineFamily::Postgres, "bigint") => 64,
            (EngineFamily::Postgres, "real") => return (Some(24), None),
            (EngineFamily::Postgres, "double precision") => return (Some(53), None),
            (EngineFamily::MySql, "tinyint") => 3,
            (EngineFamily::MySql, "smallint") => 5,
            (EngineFamily::MySql, "mediumint") => 7,
            (EngineFamily::MySql, "int") => 10,
            (EngineFamily::MySql, "bigint") => 19 + u32::from(self.unsigned),
            (EngineFamily::MySql, "float") => return (Some(12), None),
            (EngineFamily::MySql, "double") => return (Some(22), None),
            (EngineFamily::MySql, "bit") => {
                return (Some(self.args.first().copied().unwrap_or(1)), None);
            }
            _ => return (None, None),
        };
        (Some(precision), Some(0))
    }

    fn scale(&self) -> u32 {
        self.args.get(1).copied().unwrap_or(0)
    }

    /// `DATETIME_PRECISION` in the catalogue: digits of the fraction of a second.
    pub fn datetime_precision(&self) -> Option<u32> {
        let default = match (self.family, self.base.as_str()) {
            (EngineFamily::MySql, "datetime" | "timestamp" | "time") => 0,
            (EngineFamily::Postgres, "date") => return Some(0),
            (EngineFamily::Postgres, base) if base.starts_with("time") || base == "interval" => 6,
            _ => return None,
        };
        (!self.array).then(|| self.args.first().copied().unwrap_or(default))
    }
}

/// The name in the engine's catalogue for an alias.
fn canonical(family: EngineFamily, name: &str) -> String {
    let canonical = match (family, name) {
        (EngineFamily::MySql, "integer") => "int",
        (EngineFamily::MySql, "bool" | "boolean") => "tinyint",
        (EngineFamily::MySql, "numeric" | "dec" | "fixed") => "decimal",
        (EngineFamily::MySql, "double precision" | "real") => "double",
        (EngineFamily::MySql, "character") => "char",
        (EngineFamily::Postgres, "int" | "int4" | "serial") => "integer",
        (EngineFamily::Postgres, "int2" | "smallserial") => "smallint",
        (EngineFamily::Postgres, "int8" | "bigserial") => "bigint",
        (EngineFamily::Postgres, "float4") => "real",
        (EngineFamily::Postgres, "float8" | "float") => "double precision",
        (EngineFamily::Postgres, "bool") => "boolean",
        (EngineFamily::Postgres, "decimal") => "numeric",
        (EngineFamily::Postgres, "varchar") => "character varying",
        (EngineFamily::Postgres, "char" | "bpchar") => "character",
        (EngineFamily::Postgres, "varbit") => "bit varying",
        (EngineFamily::Postgres, "timestamp") => "timestamp without time zone",
        (EngineFamily::Postgres, "timestamptz") => "timestamp with time zone",
        (EngineFamily::Postgres, "time") => "time without time zone",
        (EngineFamily::Postgres, "timetz") => "time with time zone",
        _ => name,
    };
    canonical.to_owned()
}
