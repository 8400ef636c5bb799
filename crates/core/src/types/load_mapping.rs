//! The BigQuery type that a load job creates for a Parquet column.

use serde::{Deserialize, Serialize};

use super::{Annotation, BigQueryType, ParquetColumn, Physical, stored_time};

/// The change to the Parquet footer that a column needs to get the right BigQuery type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FooterFix {
    /// No change.
    None,
    /// Annotate the column as STRING; its data is not changed. RDS exports MySQL CHAR without
    /// an annotation.
    AnnotateString,
}

/// The BigQuery type of a Parquet column, and the footer change that it requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadMapping {
    /// Its BigQuery type.
    #[serde(rename = "type")]
    pub ty: BigQueryType,
    /// The footer change.
    pub fix: FooterFix,
}

/// Text types that an export may write as bytes without an annotation.
/// `bpchar` and `"char"` are PostgreSQL's internal names.
const TEXT_TYPES: [&str; 13] = [
    "char",
    "character",
    "bpchar",
    "\"char\"",
    "varchar",
    "character varying",
    "nchar",
    "nvarchar",
    "tinytext",
    "text",
    "mediumtext",
    "longtext",
    "enum",
];

/// The load mapping of `column`; `source_type` is from the manifest, or empty if unknown.
///
/// # Errors
/// One sentence without the column's name, if no BigQuery type fits.
pub fn load_mapping(column: &ParquetColumn, source_type: &str) -> Result<LoadMapping, String> {
    use BigQueryType as Bq;
    let keep = |ty| Ok(LoadMapping { ty, fix: FooterFix::None });
    if let Some(stored) = stored_time(column)
        && stored.loads_as_timestamp()
    {
        return keep(Bq::Timestamp);
    }
    match (column.physical, column.annotation) {
        (Physical::Boolean, _) => keep(Bq::Bool),
        (
            Physical::Int32 | Physical::Int64 | Physical::Fixed(_) | Physical::ByteArray,
            Annotation::Decimal { precision, scale },
        ) => decimal(precision, scale),
        (Physical::Int32, Annotation::Date) => keep(Bq::Date),
        (Physical::Int64, Annotation::TimeMicros) => keep(Bq::Time),
        (Physical::Int64, Annotation::Int { bits: 64, signed: false }) => {
            Err("an unsigned 64-bit integer does not fit INT64".to_owned())
        }
        (Physical::Int32 | Physical::Int64, Annotation::None | Annotation::Int { .. }) => {
            keep(Bq::Int64)
        }
        (Physical::Float | Physical::Double, _) => keep(Bq::Float64),
        (Physical::ByteArray, Annotation::String) => keep(Bq::String),
        // Without the option `enumAsString`, load jobs create BYTES for ENUM and JSON annotations.
        (Physical::ByteArray, Annotation::Enum | Annotation::Json) => {
            Ok(LoadMapping { ty: Bq::String, fix: FooterFix::AnnotateString })
        }
        (Physical::ByteArray, Annotation::None) if is_text(source_type) => {
            Ok(LoadMapping { ty: Bq::String, fix: FooterFix::AnnotateString })
        }
        (Physical::ByteArray | Physical::Fixed(_), Annotation::None) => keep(Bq::Bytes),
        _ => Err(format!("no BigQuery type fits the Parquet type {column}")),
    }
}

/// The smallest decimal type for all values: NUMERIC has 29 integer and 9 fractional
/// digits, BIGNUMERIC 38 and 38. [BigQuery documentation, "Decimal types"]
fn decimal(precision: u32, scale: u32) -> Result<LoadMapping, String> {
    let integer = precision.saturating_sub(scale);
    let ty = if scale <= 9 && integer <= 29 {
        BigQueryType::Numeric
    } else if scale <= 38 && integer <= 38 {
        BigQueryType::BigNumeric
    } else {
        return Err(format!("DECIMAL({precision},{scale}) does not fit BIGNUMERIC"));
    };
    Ok(LoadMapping { ty, fix: FooterFix::None })
}

fn is_text(source_type: &str) -> bool {
    let base = source_type.split('(').next().unwrap_or_default().trim().to_ascii_lowercase();
    TEXT_TYPES.contains(&base.as_str())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn mappings() {
        use Annotation as A;
        use Physical as P;
        let rows = [
            (P::Boolean, A::None, "boolean"),
            (P::Int32, A::None, "int"),
            (P::Int32, A::Int { bits: 16, signed: true }, "tinyint unsigned"),
            (P::Int64, A::None, "int unsigned"),
            (P::Int64, A::Int { bits: 64, signed: false }, "?"),
            (P::Fixed(9), A::Decimal { precision: 20, scale: 0 }, "bigint unsigned"),
            (P::Int32, A::Decimal { precision: 9, scale: 2 }, "decimal(9,2)"),
            (P::Fixed(16), A::Decimal { precision: 38, scale: 9 }, "decimal(38,9)"),
            (P::Fixed(16), A::Decimal { precision: 38, scale: 10 }, "decimal(38,10)"),
            (P::Fixed(16), A::Decimal { precision: 38, scale: 0 }, "decimal(38,0)"),
            (P::ByteArray, A::String, "decimal(65,30)"),
            (P::ByteArray, A::None, "char"),
            (P::ByteArray, A::None, "CHAR(3)"),
            (P::ByteArray, A::None, "binary"),
            (P::ByteArray, A::None, ""),
            (P::ByteArray, A::Enum, "enum"),
            (P::Int64, A::TimestampMicros, "datetime"),
            (P::Int64, A::TimestampMillis, "milliseconds"),
            (P::Int96, A::None, "INT96"),
            (P::Int64, A::TimestampNanos, "timestamp in nanoseconds"),
            (P::Int64, A::LocalTimestampMicros, "local microseconds"),
            (P::Int64, A::Other, "time in nanoseconds"),
            (P::Float, A::None, "real"),
            (P::Nested, A::None, "ARRAY"),
            (P::Int32, A::Date, "date"),
            (P::Int64, A::TimeMicros, "time"),
            (P::ByteArray, A::Decimal { precision: 76, scale: 38 }, "decimal(76,38)"),
            (P::ByteArray, A::Decimal { precision: 77, scale: 38 }, "decimal(77,38)"),
            (P::ByteArray, A::Decimal { precision: 40, scale: 39 }, "decimal(40,39)"),
        ];
        let mut table = String::new();
        for (physical, annotation, source) in rows {
            let column = ParquetColumn { name: "c".into(), physical, annotation };
            let landed = match load_mapping(&column, source) {
                Ok(LoadMapping { ty, fix: FooterFix::None }) => ty.to_string(),
                Ok(LoadMapping { ty, fix }) => format!("{ty} ({fix:?})"),
                Err(why) => format!("refused: {why}"),
            };
            table.push_str(&format!("{source:<24} | {landed}\n"));
        }
        expect![[r#"
            boolean                  | BOOL
            int                      | INT64
            tinyint unsigned         | INT64
            int unsigned             | INT64
            ?                        | refused: an unsigned 64-bit integer does not fit INT64
            bigint unsigned          | NUMERIC
            decimal(9,2)             | NUMERIC
            decimal(38,9)            | NUMERIC
            decimal(38,10)           | BIGNUMERIC
            decimal(38,0)            | BIGNUMERIC
            decimal(65,30)           | STRING
            char                     | STRING (AnnotateString)
            CHAR(3)                  | STRING (AnnotateString)
            binary                   | BYTES
                                     | BYTES
            enum                     | STRING (AnnotateString)
            datetime                 | TIMESTAMP
            milliseconds             | TIMESTAMP
            INT96                    | TIMESTAMP
            timestamp in nanoseconds | refused: no BigQuery type fits the Parquet type Int64 (TimestampNanos)
            local microseconds       | refused: no BigQuery type fits the Parquet type Int64 (LocalTimestampMicros)
            time in nanoseconds      | refused: no BigQuery type fits the Parquet type Int64 (Other)
            real                     | FLOAT64
            ARRAY                    | refused: no BigQuery type fits the Parquet type Nested
            date                     | DATE
            time                     | TIME
            decimal(76,38)           | BIGNUMERIC
            decimal(77,38)           | refused: DECIMAL(77,38) does not fit BIGNUMERIC
            decimal(40,39)           | refused: DECIMAL(40,39) does not fit BIGNUMERIC
        "#]]
        .assert_eq(&table);
    }
}
