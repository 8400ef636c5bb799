//! The rules for times without a zone: where a zone can be set, and where DATETIME is possible.

use super::{ColumnContract, TableContract};
use crate::{
    config::Config,
    types::{BigQueryType, Engine, NaiveTimes, has_own_zone, is_naive_time},
    yaml::{KeyPath, Violation},
};

/// Adds the violations of a table's columns.
pub(super) fn check(
    table: &TableContract,
    config: &Config,
    path: &KeyPath,
    problems: &mut Vec<Violation>,
) {
    for (name, column) in &table.columns {
        let path = path.key("columns").key(name);
        problems.extend(zone(name, column, &path));
        problems.extend(datetime(name, column, config, &path));
    }
}

/// A zone is possible where values without one become TIMESTAMP.
fn zone(name: &str, column: &ColumnContract, path: &KeyPath) -> Option<Violation> {
    column.zone.as_ref()?;
    let path = path.key("zone");
    if has_own_zone(&column.source) {
        let what = format!(
            "column `{name}` has a `zone`, but every value of the type `{}` has its own",
            column.source
        );
        return Some(Violation::new(path, what).help("remove `zone`"));
    }
    if column.bigquery_type != BigQueryType::Timestamp {
        let what = format!(
            "column `{name}` has a `zone`, but it is {}: only a TIMESTAMP is an instant",
            column.column_type()
        );
        return Some(Violation::new(path, what).help("write `type: TIMESTAMP`, or remove `zone`"));
    }
    None
}

/// DATETIME is possible for values without a zone, unless the configuration avoids it.
fn datetime(
    name: &str,
    column: &ColumnContract,
    config: &Config,
    path: &KeyPath,
) -> Option<Violation> {
    if column.bigquery_type != BigQueryType::DateTime {
        return None;
    }
    let path = path.key("type");
    let naive =
        [Engine::Mysql, Engine::Postgres].iter().any(|it| is_naive_time(*it, &column.source));
    if naive && config.warehouse.naive_times == NaiveTimes::Timestamp {
        let what = format!(
            "column `{name}` is DATETIME, but `warehouse.naive_times` of landbridge.yaml is `timestamp`"
        );
        return Some(
            Violation::new(path, what)
                .help("write `type: TIMESTAMP`, or set `naive_times: datetime`"),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::config::{self, Config};
    use crate::contract;

    fn config(change: (&str, &str)) -> Config {
        let text = include_str!("../../../../examples/demo/landbridge.yaml");
        config::parse(config::FILE_NAME, &text.replace(change.0, change.1)).expect("it is valid")
    }

    fn check(config: &Config, columns: &str, expect: Expect) {
        let text = format!(
            "version: 1\ntables:\n  public.visits:\n    zone: Asia/Seoul\n    columns:\n{columns}"
        );
        let found = match contract::parse(contract::FILE_NAME, &text, config) {
            Ok(_) => "good".to_owned(),
            Err(errors) => errors.to_string(),
        };
        expect.assert_eq(&found);
    }

    #[test]
    fn a_zone_is_possible_where_values_without_one_become_instants() {
        let config = config(("", ""));
        check(
            &config,
            "      at: { source: timestamp without time zone, type: TIMESTAMP, class: none, zone: Europe/Paris }
      wall: { source: timestamp without time zone, type: DATETIME, class: none }
      typed: { source: text, type: TIMESTAMP, class: none, zone: UTC }
",
            expect!["good"],
        );
        check(
            &config,
            "      a: { source: timestamp without time zone, type: TIMESTAMP, class: none, zone: Asia/Soul }
      b: { source: timestamp without time zone, type: DATETIME, class: none, zone: Asia/Seoul }
      c: { source: timestamp with time zone, type: TIMESTAMP, class: none, zone: Asia/Seoul }
      d: { source: date, type: DATE, class: none, zone: Asia/Seoul }
",
            expect![[r#"
                contract.yaml:6:85: `tables."public.visits".columns.a.zone`: `Asia/Soul` is not a time zone; did you mean `Asia/Seoul`?
                contract.yaml:7:84: column `b` has a `zone`, but it is DATETIME: only a TIMESTAMP is an instant; write `type: TIMESTAMP`, or remove `zone`
                contract.yaml:8:82: column `c` has a `zone`, but every value of the type `timestamp with time zone` has its own; remove `zone`
                contract.yaml:9:57: column `d` has a `zone`, but it is DATE: only a TIMESTAMP is an instant; write `type: TIMESTAMP`, or remove `zone`
                4 errors in contract.yaml"#]],
        );
    }

    #[test]
    fn datetime_is_refused_where_the_configuration_avoids_it() {
        let config = config(("  dataset:", "  naive_times: timestamp\n  dataset:"));
        check(
            &config,
            "      at: { source: timestamp without time zone, type: DATETIME, class: none }\n",
            expect![[r#"
                contract.yaml:6:56: column `at` is DATETIME, but `warehouse.naive_times` of landbridge.yaml is `timestamp`; write `type: TIMESTAMP`, or set `naive_times: datetime`
                1 error in contract.yaml"#]],
        );
    }
}
