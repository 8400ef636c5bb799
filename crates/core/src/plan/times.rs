//! Decides what happens to dates with a time: which become DATETIME, and which TIMESTAMP of an instant.
//!
//! A zone is that of the column's contract, otherwise of the table, otherwise of the source. It
//! applies to values without a zone of their own that become TIMESTAMP. A contract with the type
//! DATETIME keeps the time of the wall clock, whatever the zone.

use crate::contract::ColumnContract;
use crate::plan::SourceColumn;
use crate::rewrite::{Action, AnnotateAs, TargetType};
use crate::types::{Annotation, BigQueryType, Physical, TimeRules, has_own_zone, is_naive_micros};

/// The plan of a column of microseconds, as MySQL's DATETIME and TIMESTAMP are exported; `None` for
/// any other column.
///
/// A column that the contract does not name keeps the type that it has landed with, because BigQuery
/// cannot change the type of a column, and a table whose types differ would be held.
pub(super) fn plan_micros(
    column: &SourceColumn,
    named: Option<&ColumnContract>,
    rules: &TimeRules,
) -> Option<(Action, BigQueryType)> {
    let is_local = match (column.parquet.physical, column.parquet.annotation) {
        (Physical::Int64, Annotation::TimestampMicros) => false,
        (Physical::Int64, Annotation::LocalTimestampMicros) => true,
        _ => return None,
    };
    let is_naive = is_naive_micros(&column.parquet, &column.source);
    let is_time =
        |ty: &BigQueryType| matches!(ty, BigQueryType::DateTime | BigQueryType::Timestamp);
    let ty = match named {
        _ if !is_naive => BigQueryType::Timestamp,
        Some(named) => Some(named.bigquery_type).filter(is_time).unwrap_or(rules.default_type()),
        None => column.landed_type.filter(is_time).unwrap_or(rules.default_type()),
    };
    let own_zone = named.and_then(|named| named.zone.as_ref());
    let zone = own_zone.or(rules.zone.as_ref().filter(|_| is_naive));
    let action = match (ty, zone) {
        (BigQueryType::Timestamp, Some(zone)) => {
            Action::Retype { to: TargetType::TimestampIn(zone.clone()), on_misfit: None }
        }
        (BigQueryType::Timestamp, None) if is_local => Action::Annotate(AnnotateAs::Timestamp),
        (BigQueryType::DateTime, _) if !is_local => Action::Annotate(AnnotateAs::LocalTimestamp),
        _ => Action::Keep,
    };
    Some((action, ty))
}

/// The type to which text becomes TIMESTAMP or DATETIME; `None` if it cannot.
pub(super) fn text_target(
    source: &str,
    named: &ColumnContract,
    rules: &TimeRules,
) -> Option<TargetType> {
    let own = has_own_zone(source);
    match named.bigquery_type {
        // Which of the two clocks, that of the writer or that of the session, is not known.
        BigQueryType::DateTime => (!own).then_some(TargetType::Datetime),
        BigQueryType::Timestamp => {
            let zone = named.zone.as_ref().or(rules.zone.as_ref()).filter(|_| !own);
            Some(zone.map_or(TargetType::Timestamp, |zone| TargetType::TimestampIn(zone.clone())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::plan::columns::plan_column;
    use crate::types::{NaiveTimes, ParquetColumn};

    fn exported(source: &str) -> SourceColumn {
        let (physical, annotation) = match source {
            "datetime" | "timestamp" => (Physical::Int64, Annotation::TimestampMicros),
            "local datetime" | "local timestamp" | "local " => {
                (Physical::Int64, Annotation::LocalTimestampMicros)
            }
            _ => (Physical::ByteArray, Annotation::String),
        };
        let parquet = ParquetColumn { name: "at".into(), physical, annotation };
        SourceColumn::new(parquet, source.trim_start_matches("local "))
    }

    fn named(source: &str, ty: BigQueryType, zone: Option<&str>) -> ColumnContract {
        ColumnContract {
            zone: zone.map(str::to_owned),
            ..ColumnContract::new(source.trim_start_matches("local "), ty, "none")
        }
    }

    fn planned(column: &SourceColumn, named: Option<&ColumnContract>, rules: &TimeRules) -> String {
        match plan_column(column, named, rules) {
            Ok(plan) => {
                let ty = plan.column_type.expect("a type");
                format!("{ty:<9} | {}", plan.action.describe()).trim_end().to_owned()
            }
            Err(why) => why,
        }
    }

    #[test]
    fn wall_clock_or_instant_by_source_type_contract_and_zone() {
        use BigQueryType::{DateTime, Timestamp};
        let rules = |naive_times, zone: &str| TimeRules {
            naive_times,
            zone: (!zone.is_empty()).then(|| zone.to_owned()),
        };
        let plain = rules(NaiveTimes::Datetime, "");
        let utc = rules(NaiveTimes::Timestamp, "");
        let seoul = rules(NaiveTimes::Datetime, "Asia/Seoul");
        let naive = "timestamp without time zone";
        let aware = "timestamp with time zone";
        let rows = [
            ("datetime", None, None, &plain),
            ("datetime", None, None, &utc),
            ("datetime", None, None, &seoul),
            ("datetime", Some(DateTime), None, &plain),
            ("datetime", Some(DateTime), None, &seoul),
            ("datetime", Some(Timestamp), None, &plain),
            ("datetime", Some(Timestamp), None, &seoul),
            ("datetime", Some(Timestamp), Some("Europe/Paris"), &seoul),
            ("local datetime", None, None, &plain),
            ("local datetime", Some(Timestamp), None, &plain),
            ("timestamp", None, None, &seoul),
            ("timestamp", Some(Timestamp), None, &seoul),
            ("timestamp", Some(Timestamp), Some("Asia/Seoul"), &plain),
            ("timestamp", Some(DateTime), None, &plain),
            ("local timestamp", Some(Timestamp), None, &plain),
            ("local ", None, None, &plain),
            (naive, None, None, &seoul),
            (naive, Some(DateTime), None, &plain),
            (naive, Some(DateTime), None, &seoul),
            (naive, Some(Timestamp), None, &plain),
            (naive, Some(Timestamp), None, &seoul),
            (aware, Some(Timestamp), None, &seoul),
            (aware, Some(DateTime), None, &plain),
            ("text", Some(Timestamp), Some("Asia/Seoul"), &plain),
        ];
        let mut table = String::new();
        for (source, ty, zone, rules) in rows {
            let named = ty.map(|ty| named(source, ty, zone));
            let result = planned(&exported(source), named.as_ref(), rules);
            let contract = named.map_or("–".to_owned(), |named| {
                format!("{} {}", named.bigquery_type, zone.unwrap_or_default())
            });
            let given = format!("{:?} {}", rules.naive_times, rules.zone.as_deref().unwrap_or(""));
            table.push_str(&format!("{source:<27} | {contract:<23} | {given:<19} | {result}\n"));
        }
        expect![[r#"
            datetime                    | –                       | Datetime            | DATETIME  | annotate DATETIME
            datetime                    | –                       | Timestamp           | TIMESTAMP |
            datetime                    | –                       | Datetime Asia/Seoul | TIMESTAMP | retype to TIMESTAMP in Asia/Seoul
            datetime                    | DATETIME                | Datetime            | DATETIME  | annotate DATETIME
            datetime                    | DATETIME                | Datetime Asia/Seoul | DATETIME  | annotate DATETIME
            datetime                    | TIMESTAMP               | Datetime            | TIMESTAMP |
            datetime                    | TIMESTAMP               | Datetime Asia/Seoul | TIMESTAMP | retype to TIMESTAMP in Asia/Seoul
            datetime                    | TIMESTAMP Europe/Paris  | Datetime Asia/Seoul | TIMESTAMP | retype to TIMESTAMP in Europe/Paris
            local datetime              | –                       | Datetime            | DATETIME  |
            local datetime              | TIMESTAMP               | Datetime            | TIMESTAMP | annotate TIMESTAMP
            timestamp                   | –                       | Datetime Asia/Seoul | TIMESTAMP |
            timestamp                   | TIMESTAMP               | Datetime Asia/Seoul | TIMESTAMP |
            timestamp                   | TIMESTAMP Asia/Seoul    | Datetime            | TIMESTAMP | retype to TIMESTAMP in Asia/Seoul
            timestamp                   | DATETIME                | Datetime            | TIMESTAMP |
            local timestamp             | TIMESTAMP               | Datetime            | TIMESTAMP | annotate TIMESTAMP
            local                       | –                       | Datetime            | DATETIME  |
            timestamp without time zone | –                       | Datetime Asia/Seoul | STRING    |
            timestamp without time zone | DATETIME                | Datetime            | DATETIME  | retype to DATETIME
            timestamp without time zone | DATETIME                | Datetime Asia/Seoul | DATETIME  | retype to DATETIME
            timestamp without time zone | TIMESTAMP               | Datetime            | TIMESTAMP | retype to TIMESTAMP
            timestamp without time zone | TIMESTAMP               | Datetime Asia/Seoul | TIMESTAMP | retype to TIMESTAMP in Asia/Seoul
            timestamp with time zone    | TIMESTAMP               | Datetime Asia/Seoul | TIMESTAMP | retype to TIMESTAMP
            timestamp with time zone    | DATETIME                | Datetime            | STRING    |
            text                        | TIMESTAMP Asia/Seoul    | Datetime            | TIMESTAMP | retype to TIMESTAMP in Asia/Seoul
        "#]].assert_eq(&table);
    }

    /// BigQuery cannot change the type of a column, and a held table would lose the day.
    #[test]
    fn a_column_without_a_contract_keeps_the_type_that_it_landed_with() {
        let seoul = TimeRules { zone: Some("Asia/Seoul".to_owned()), ..TimeRules::default() };
        let landed = |ty| SourceColumn { landed_type: Some(ty), ..exported("datetime") };
        let cases = [
            (BigQueryType::Timestamp, TimeRules::default(), "TIMESTAMP |"),
            (
                BigQueryType::Timestamp,
                seoul.clone(),
                "TIMESTAMP | retype to TIMESTAMP in Asia/Seoul",
            ),
            (BigQueryType::DateTime, seoul, "DATETIME  | annotate DATETIME"),
        ];
        for (ty, rules, expected) in cases {
            assert_eq!(planned(&landed(ty), None, &rules), expected);
        }
    }
}
