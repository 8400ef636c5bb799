//! The Parquet column that an export writes for a source type. Needed only if there is no
//! Parquet file, because the export of an empty table may consist of `_SUCCESS` alone.
//!
//! Source: Amazon RDS User Guide, "Data conversion when exporting to an Amazon
//! S3 bucket", for MySQL/MariaDB and for PostgreSQL.

use super::{Annotation, Engine, OriginalColumn, ParquetColumn, Physical};

/// The Parquet column that an export of `engine` writes for `original`.
pub fn exported_column(engine: Engine, original: &OriginalColumn) -> ParquetColumn {
    // The manifest has the base type of a domain, but the export writes it as text.
    if original.expected_exported.eq_ignore_ascii_case("binary (UTF8)") {
        let name = original.name.clone();
        return ParquetColumn {
            name,
            physical: Physical::ByteArray,
            annotation: Annotation::String,
        };
    }
    let declared = original.original_type.trim().to_ascii_lowercase();
    let (physical, annotation) = match engine {
        Engine::Mysql => mysql(&declared, original),
        Engine::Postgres => postgres(&declared),
    };
    ParquetColumn { name: original.name.clone(), physical, annotation }
}

fn postgres(declared: &str) -> (Physical, Annotation) {
    match declared {
        "bigint" | "bigserial" | "int8" => (Physical::Int64, Annotation::None),
        "integer" | "serial" | "int4" | "int" => (Physical::Int32, Annotation::None),
        "smallint" | "smallserial" | "int2" => {
            (Physical::Int32, Annotation::Int { bits: 16, signed: true })
        }
        "real" | "float4" => (Physical::Float, Annotation::None),
        "double precision" | "float8" => (Physical::Double, Annotation::None),
        "boolean" | "bool" => (Physical::Boolean, Annotation::None),
        "bytea" => (Physical::ByteArray, Annotation::None),
        _ => (Physical::ByteArray, Annotation::String),
    }
}

fn mysql(declared: &str, original: &OriginalColumn) -> (Physical, Annotation) {
    let base = declared.split('(').next().unwrap_or_default().trim();
    let unsigned = declared.contains("unsigned");
    match base.trim_end_matches(" unsigned").trim() {
        "tinyint" if unsigned => (Physical::Int32, Annotation::Int { bits: 16, signed: true }),
        "mediumint" | "int" | "integer" if unsigned => (Physical::Int64, Annotation::None),
        "bigint" if unsigned => {
            (Physical::Fixed(9), Annotation::Decimal { precision: 20, scale: 0 })
        }
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "year" => {
            (Physical::Int32, Annotation::None)
        }
        "bigint" => (Physical::Int64, Annotation::None),
        "decimal" | "numeric" => decimal(declared, original),
        "float" | "double" => (Physical::Double, Annotation::None),
        "datetime" | "timestamp" => (Physical::Int64, Annotation::TimestampMicros),
        "char" | "bit" | "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob"
        | "longblob" | "geometry" | "point" | "linestring" | "polygon" | "multipoint"
        | "multilinestring" | "multipolygon" | "geometrycollection" | "geomcollection" => {
            (Physical::ByteArray, Annotation::None)
        }
        _ => (Physical::ByteArray, Annotation::String),
    }
}

fn decimal(declared: &str, original: &OriginalColumn) -> (Physical, Annotation) {
    let inside: Vec<u32> = declared
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(inside, _)| inside.split(',').filter_map(|part| part.trim().parse().ok()).collect())
        .unwrap_or_default();
    // "If D is omitted, the default is 0. If M is omitted, the default is 10." (MySQL Reference Manual, "DECIMAL Data
    // Type Characteristics")
    let precision =
        inside.first().copied().or(Some(original.precision).filter(|p| *p > 0)).unwrap_or(10);
    let scale = inside.get(1).copied().or(original.scale).unwrap_or(0);
    let annotation = Annotation::Decimal { precision, scale };
    match precision {
        0..=9 => (Physical::Int32, annotation),
        10..=18 => (Physical::Int64, annotation),
        19..=38 => (Physical::Fixed(decimal_bytes(precision)), annotation),
        _ => (Physical::ByteArray, Annotation::String),
    }
}

/// The smallest number of bytes for decimals of `precision` digits in two's complement.
pub(super) fn decimal_bytes(precision: u32) -> i32 {
    // digits × log2(10) + 1 sign bit, rounded up to bytes
    let bits = f64::from(precision) * std::f64::consts::LOG2_10 + 1.0;
    #[allow(clippy::cast_possible_truncation)] // at most 17 for 38 digits
    let bytes = (bits / 8.0).ceil() as i32;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_take_the_fewest_bytes() {
        for (precision, bytes) in [(9, 4), (18, 8), (19, 9), (20, 9), (38, 16)] {
            assert_eq!(decimal_bytes(precision), bytes, "{precision}");
        }
    }

    #[test]
    fn mysql_unsigned_and_char() {
        let column = |ty: &str| {
            let original = OriginalColumn {
                name: "c".into(),
                original_type: ty.into(),
                ..OriginalColumn::default()
            };
            let column = exported_column(Engine::Mysql, &original);
            (column.physical, column.annotation)
        };
        assert_eq!(
            column("bigint unsigned"),
            (Physical::Fixed(9), Annotation::Decimal { precision: 20, scale: 0 })
        );
        assert_eq!(
            column("bigint(20) unsigned"),
            (Physical::Fixed(9), Annotation::Decimal { precision: 20, scale: 0 })
        );
        assert_eq!(column("char(3)"), (Physical::ByteArray, Annotation::None));
        assert_eq!(
            column("decimal(12,2)"),
            (Physical::Int64, Annotation::Decimal { precision: 12, scale: 2 })
        );
        assert_eq!(column("decimal(40,2)"), (Physical::ByteArray, Annotation::String));
    }

    #[test]
    fn a_mysql_decimal_has_its_declared_digits_or_those_of_the_manifest_or_the_default() {
        let column = |ty: &str, precision: u32, scale: Option<u32>| {
            let original = OriginalColumn {
                original_type: ty.into(),
                precision,
                scale,
                ..OriginalColumn::default()
            };
            exported_column(Engine::Mysql, &original).annotation
        };
        for (ty, in_manifest, want) in [
            ("decimal", (0, None), (10, 0)),
            ("numeric", (0, None), (10, 0)),
            ("decimal unsigned", (0, None), (10, 0)),
            ("decimal(12)", (0, None), (12, 0)),
            ("decimal(12) unsigned", (0, None), (12, 0)),
            ("decimal", (12, Some(2)), (12, 2)),
            ("decimal", (12, None), (12, 0)),
            ("decimal(12,2)", (10, Some(0)), (12, 2)),
        ] {
            let (precision, scale) = want;
            let found = column(ty, in_manifest.0, in_manifest.1);
            assert_eq!(found, Annotation::Decimal { precision, scale }, "{ty} {in_manifest:?}");
        }
    }
}
