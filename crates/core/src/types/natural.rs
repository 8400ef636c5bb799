//! The BigQuery type to propose for a column that the export writes as text.

use super::{BigQueryType, Engine, OriginalColumn, TimeRules, is_naive_time};

/// The BigQuery type that corresponds to the source type. STRING if there is none, or if common
/// values do not fit it: a MySQL TIME may be negative or exceed 24 hours, and PostgreSQL writes
/// `money` in the format of a locale. A date with a time and no zone becomes what `rules` say.
pub fn natural_type(engine: Engine, original: &OriginalColumn, rules: &TimeRules) -> BigQueryType {
    use BigQueryType as Bq;
    let declared = original.original_type.trim().to_ascii_lowercase();
    let base = declared.split('(').next().unwrap_or_default().trim();
    match (engine, base) {
        _ if is_naive_time(engine, &declared) => rules.default_type(),
        (_, "date") => Bq::Date,
        (Engine::Postgres, "timestamp with time zone") => Bq::Timestamp,
        (Engine::Postgres, "time without time zone" | "time") => Bq::Time,
        (_, "numeric" | "decimal") => numeric(original.precision, original.scale),
        // Columns of a PostgreSQL domain are written as text, whatever their base type.
        (Engine::Postgres, "smallint" | "integer" | "bigint") => Bq::Int64,
        (Engine::Postgres, "real" | "double precision") => Bq::Float64,
        (Engine::Postgres, "boolean") => Bq::Bool,
        _ => Bq::String,
    }
}

/// The smallest decimal type for all values; the largest one for a numeric without declared
/// digits, whose values may have any number of digits.
fn numeric(precision: u32, scale: Option<u32>) -> BigQueryType {
    let Some(scale) = scale.filter(|_| precision > 0) else { return BigQueryType::BigNumeric };
    let whole = precision.saturating_sub(scale);
    match (whole, scale) {
        (..=29, ..=9) => BigQueryType::Numeric,
        (..=38, ..=38) => BigQueryType::BigNumeric,
        _ => BigQueryType::String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_types_and_their_bigquery_types() {
        use BigQueryType as Bq;
        let original = |ty: &str, precision, scale| OriginalColumn {
            original_type: ty.to_owned(),
            precision,
            scale,
            ..OriginalColumn::default()
        };
        for (engine, ty, precision, scale, expected) in [
            (Engine::Postgres, "date", 0, None, Bq::Date),
            (Engine::Mysql, "date", 0, None, Bq::Date),
            (Engine::Mysql, "time", 0, None, Bq::String),
            (Engine::Postgres, "time without time zone", 0, None, Bq::Time),
            (Engine::Postgres, "time with time zone", 0, None, Bq::String),
            (Engine::Postgres, "timestamp with time zone", 0, None, Bq::Timestamp),
            (Engine::Postgres, "timestamp without time zone", 0, None, Bq::DateTime),
            (Engine::Mysql, "datetime", 0, None, Bq::DateTime),
            (Engine::Postgres, "numeric", 0, None, Bq::BigNumeric),
            (Engine::Postgres, "numeric", 12, Some(2), Bq::Numeric),
            (Engine::Postgres, "numeric", 38, Some(9), Bq::Numeric),
            (Engine::Postgres, "numeric", 38, Some(2), Bq::BigNumeric),
            (Engine::Postgres, "numeric", 1000, Some(0), Bq::String),
            (Engine::Mysql, "decimal(65,30)", 65, Some(30), Bq::BigNumeric),
            (Engine::Postgres, "integer", 32, Some(0), Bq::Int64),
            (Engine::Postgres, "money", 0, None, Bq::String),
            (Engine::Postgres, "interval", 0, None, Bq::String),
            (Engine::Postgres, "USER-DEFINED", 0, None, Bq::String),
        ] {
            assert_eq!(
                natural_type(engine, &original(ty, precision, scale), &TimeRules::default()),
                expected,
                "{ty}"
            );
        }
    }

    #[test]
    fn a_decimal_without_declared_digits_is_the_largest() {
        for (precision, scale, ty) in [
            (0, None, BigQueryType::BigNumeric),
            (0, Some(2), BigQueryType::BigNumeric),
            (12, None, BigQueryType::BigNumeric),
            (38, Some(9), BigQueryType::Numeric),
            (39, Some(9), BigQueryType::BigNumeric),
            (12, Some(10), BigQueryType::BigNumeric),
            (76, Some(38), BigQueryType::BigNumeric),
            (77, Some(38), BigQueryType::String),
            (40, Some(39), BigQueryType::String),
        ] {
            assert_eq!(numeric(precision, scale), ty, "numeric({precision},{scale:?})");
        }
    }
}
