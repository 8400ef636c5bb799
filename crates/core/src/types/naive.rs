//! Dates with a time and no zone: MySQL's DATETIME, and `timestamp without time zone` of PostgreSQL.
//!
//! The value is what a clock on a wall shows. BigQuery's type for it is DATETIME, which a load job
//! creates from a Parquet TIMESTAMP in microseconds with `isAdjustedToUTC=false`: Google's Python
//! client writes such files since version 3.0 (googleapis/python-bigquery #895, #985, #1061). Google's
//! documentation of Parquet loads does not mention it, so [`NaiveTimes::Timestamp`] avoids it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BigQueryType, Engine, ParquetColumn, stored_time};

/// What a date with a time and no zone becomes in BigQuery, unless the contract says otherwise or a
/// zone is set for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NaiveTimes {
    /// DATETIME: the same date and time as in the source.
    #[default]
    Datetime,
    /// TIMESTAMP, as if the time was in UTC.
    Timestamp,
}

/// How dates with a time and no zone are loaded into one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TimeRules {
    /// `warehouse.naive_times`.
    pub naive_times: NaiveTimes,
    /// The zone of the table, otherwise that of the source. Values without a zone are local times in
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl TimeRules {
    /// The BigQuery type of a date with a time and no zone that the contract does not name.
    pub fn default_type(&self) -> BigQueryType {
        match (self.naive_times, &self.zone) {
            (NaiveTimes::Datetime, None) => BigQueryType::DateTime,
            (NaiveTimes::Timestamp, _) | (_, Some(_)) => BigQueryType::Timestamp,
        }
    }
}

/// Whether the values of a source type are dates with a time and no zone. MySQL's `timestamp` is an
/// instant, that of PostgreSQL is not.
pub fn is_naive_time(engine: Engine, source_type: &str) -> bool {
    matches!(
        (engine, base(source_type).as_str()),
        (Engine::Mysql, "datetime")
            | (Engine::Postgres, "timestamp" | "timestamp without time zone")
    )
}

/// Whether a column of an export counts time and has no zone. Only exports of MySQL are known to count
/// it; PostgreSQL's times are text, and `timestamp without time zone` is naive in any form. If the
/// manifest does not contain the source type, the annotation of the file decides.
pub fn is_naive_column(column: &ParquetColumn, source_type: &str) -> bool {
    let Some(stored) = stored_time(column) else { return false };
    let is_naive = is_naive_time(Engine::Mysql, source_type)
        || base(source_type) == "timestamp without time zone";
    is_naive || (source_type.is_empty() && stored.is_local)
}

/// Whether every value of a source type contains its own zone.
pub fn has_own_zone(source_type: &str) -> bool {
    matches!(
        base(source_type).as_str(),
        "timestamp with time zone" | "timestamptz" | "time with time zone" | "timetz"
    )
}

/// The type without digits of the fraction: `datetime(6)`, `timestamp(3) without time zone`.
fn base(source_type: &str) -> String {
    let lower = source_type.trim().to_ascii_lowercase();
    match (lower.split_once('('), lower.split_once(')')) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_without_a_zone_are_naive() {
        for (engine, source, naive) in [
            (Engine::Mysql, "datetime", true),
            (Engine::Mysql, "DATETIME(6)", true),
            (Engine::Mysql, "timestamp", false),
            (Engine::Mysql, "date", false),
            (Engine::Postgres, "timestamp without time zone", true),
            (Engine::Postgres, "timestamp(3) without time zone", true),
            (Engine::Postgres, "timestamp", true),
            (Engine::Postgres, "timestamp with time zone", false),
            (Engine::Postgres, "time without time zone", false),
        ] {
            assert_eq!(is_naive_time(engine, source), naive, "{source}");
        }
        assert!(has_own_zone("timestamp(6) with time zone") && !has_own_zone("timestamp"));
    }

    #[test]
    fn a_zone_makes_instants() {
        let rules = |naive_times, zone: Option<&str>| TimeRules {
            naive_times,
            zone: zone.map(str::to_owned),
        };
        for (rules, expected) in [
            (rules(NaiveTimes::Datetime, None), BigQueryType::DateTime),
            (rules(NaiveTimes::Timestamp, None), BigQueryType::Timestamp),
            (rules(NaiveTimes::Datetime, Some("Asia/Seoul")), BigQueryType::Timestamp),
            (rules(NaiveTimes::Timestamp, Some("Asia/Seoul")), BigQueryType::Timestamp),
        ] {
            assert_eq!(rules.default_type(), expected, "{rules:?}");
        }
    }
}
