//! Decides what happens to dates with a time: which become DATETIME, and which TIMESTAMP of an instant.
//!
//! A zone is that of the column's contract, otherwise of the table, otherwise of the source. It
//! applies to values without a zone of their own that become TIMESTAMP. A contract with the type
//! DATETIME keeps the time of the wall clock, whatever the zone.

use crate::contract::ColumnContract;
use crate::plan::SourceColumn;
use crate::rewrite::{Action, AnnotateAs, TargetType};
use crate::types::{BigQueryType, TimeRules, TimeUnit, has_own_zone, is_naive_column, stored_time};

/// The plan of a column that counts time, as MySQL's DATETIME and TIMESTAMP are exported; `None` for
/// any other column.
///
/// A column that BigQuery reads as its type is copied, with another annotation if necessary. Every other
/// unit is converted to microseconds.
///
/// A column that the contract does not name keeps the type that it has landed with, because BigQuery
/// cannot change the type of a column, and a table whose types differ would be held.
pub(super) fn plan_stored_time(
    column: &SourceColumn,
    named: Option<&ColumnContract>,
    rules: &TimeRules,
) -> Option<(Action, BigQueryType)> {
    let stored = stored_time(&column.parquet)?;
    let is_naive = is_naive_column(&column.parquet, &column.source);
    let is_time =
        |ty: &BigQueryType| matches!(ty, BigQueryType::DateTime | BigQueryType::Timestamp);
    let ty = match named {
        _ if !is_naive => BigQueryType::Timestamp,
        Some(named) => Some(named.bigquery_type).filter(is_time).unwrap_or(rules.default_type()),
        None => column.landed_type.filter(is_time).unwrap_or(rules.default_type()),
    };
    let own_zone = named.and_then(|named| named.zone.as_ref());
    let zone = own_zone.or(rules.zone.as_ref().filter(|_| is_naive));
    let retype = |to| Action::Retype { to, on_misfit: None };
    let action = match (ty, zone, stored.unit) {
        (BigQueryType::DateTime, _, TimeUnit::Micros) if stored.is_local => Action::Keep,
        (BigQueryType::DateTime, _, TimeUnit::Micros) => {
            Action::Annotate(AnnotateAs::LocalTimestamp)
        }
        (BigQueryType::DateTime, _, _) => retype(TargetType::Datetime),
        (_, Some(zone), _) => retype(TargetType::TimestampIn(zone.clone())),
        (_, None, _) if stored.loads_as_timestamp() => Action::Keep,
        (_, None, TimeUnit::Micros) => Action::Annotate(AnnotateAs::Timestamp),
        (_, None, _) => retype(TargetType::Timestamp),
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
    use crate::types::{Annotation, NaiveTimes, ParquetColumn, Physical};

    fn exported(source: &str) -> SourceColumn {
        let (physical, annotation) = match source {
            "datetime" | "timestamp" => (Physical::Int64, Annotation::TimestampMicros),
            "local datetime" | "local timestamp" | "local " => {
                (Physical::Int64, Annotation::LocalTimestampMicros)
            }
            "ms datetime" => (Physical::Int64, Annotation::TimestampMillis),
            "local ms datetime" | "local ms " => {
                (Physical::Int64, Annotation::LocalTimestampMillis)
            }
            "local ns datetime" => (Physical::Int64, Annotation::LocalTimestampNanos),
            "ns timestamp" => (Physical::Int64, Annotation::TimestampNanos),
            "INT96 datetime" | "INT96 timestamp" | "INT96 " => (Physical::Int96, Annotation::None),
            _ => (Physical::ByteArray, Annotation::String),
        };
        let parquet = ParquetColumn { name: "at".into(), physical, annotation };
        SourceColumn::new(parquet, manifest_type(source))
    }

    /// The source type without the words for the form in the file.
    fn manifest_type(source: &str) -> &str {
        let forms = ["local ", "ms ", "ns ", "INT96 "];
        forms.iter().fold(source, |rest, form| rest.strip_prefix(form).unwrap_or(rest))
    }

    fn named(source: &str, ty: BigQueryType, zone: Option<&str>) -> ColumnContract {
        ColumnContract {
            zone: zone.map(str::to_owned),
            ..ColumnContract::new(manifest_type(source), ty, "none")
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
            ("ms datetime", None, None, &plain),
            ("ms datetime", Some(Timestamp), None, &plain),
            ("local ms datetime", None, None, &plain),
            ("local ms datetime", None, None, &utc),
            ("local ms datetime", None, None, &seoul),
            ("local ms ", None, None, &plain),
            ("local ns datetime", None, None, &plain),
            ("ns timestamp", None, None, &plain),
            ("INT96 datetime", None, None, &plain),
            ("INT96 datetime", None, None, &seoul),
            ("INT96 timestamp", None, None, &seoul),
            ("INT96 ", None, None, &seoul),
            ("INT96 ", Some(Timestamp), Some("Asia/Seoul"), &plain),
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
            ms datetime                 | –                       | Datetime            | DATETIME  | retype to DATETIME
            ms datetime                 | TIMESTAMP               | Datetime            | TIMESTAMP |
            local ms datetime           | –                       | Datetime            | DATETIME  | retype to DATETIME
            local ms datetime           | –                       | Timestamp           | TIMESTAMP | retype to TIMESTAMP
            local ms datetime           | –                       | Datetime Asia/Seoul | TIMESTAMP | retype to TIMESTAMP in Asia/Seoul
            local ms                    | –                       | Datetime            | DATETIME  | retype to DATETIME
            local ns datetime           | –                       | Datetime            | DATETIME  | retype to DATETIME
            ns timestamp                | –                       | Datetime            | TIMESTAMP | retype to TIMESTAMP
            INT96 datetime              | –                       | Datetime            | DATETIME  | retype to DATETIME
            INT96 datetime              | –                       | Datetime Asia/Seoul | TIMESTAMP | retype to TIMESTAMP in Asia/Seoul
            INT96 timestamp             | –                       | Datetime Asia/Seoul | TIMESTAMP |
            INT96                       | –                       | Datetime Asia/Seoul | TIMESTAMP |
            INT96                       | TIMESTAMP Asia/Seoul    | Datetime            | TIMESTAMP | retype to TIMESTAMP in Asia/Seoul
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
