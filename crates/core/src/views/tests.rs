use expect_test::{Expect, expect};

use super::*;
use crate::receipt::ReceiptState;
use crate::types::BigQueryType;
use crate::{config, contract};

const DEMO: &str = include_str!("../../../../examples/demo/landbridge.yaml");
const CONTRACT: &str = r#"version: 1
tables:
  "public.bookings":
    description: What travellers booked
    columns:
      id: { source: bigint, type: INT64, class: none }
      amount: { source: numeric, type: NUMERIC, class: none }
      commission_rate: { source: numeric, type: NUMERIC, class: none }
      booked_at: { source: timestamp with time zone, type: TIMESTAMP, class: none, description: when it was paid }
      booked_at_local: { source: text, type: STRING, class: none }
      born_at: { source: timestamp with time zone, type: TIMESTAMP, class: birth }
      currency: { source: character, type: STRING, class: none }
      status: { source: USER-DEFINED, type: STRING, class: none }
      email: { source: character varying, type: STRING, class: email }
      contact: { source: jsonb, type: STRING, class: phone }
      terms: { source: json, type: STRING, class: none }
      account_no: { source: jsonb, type: STRING, class: none, transform: tokenise }
      secret: { source: text, type: STRING, class: unclassified }
      "it's a `name`": { source: text, type: STRING, class: none, name: it's }
"#;

fn config() -> config::Config {
    config::parse("landbridge.yaml", DEMO).expect("a valid configuration")
}

/// Tags by class, and the live columns and rows of `bookings` as the contract describes them.
struct Bookings {
    config: config::Config,
    contract: Contract,
    tags: PolicyTags,
    columns: Vec<LiveColumn>,
    rows: TableRows,
}

fn bookings() -> Bookings {
    let config = config();
    let contract = contract::parse("contract.yaml", CONTRACT, &config).expect("a valid contract");
    let tags: PolicyTags =
        config.pii.all().into_keys().map(|name| (name.clone(), format!("tags/{name}"))).collect();
    let mut columns = Vec::new();
    let mut rows = BTreeMap::new();
    for (source, named) in &contract.tables["public.bookings"].columns {
        let name = named.name.clone().unwrap_or_else(|| source.clone());
        columns.push(LiveColumn {
            name: name.clone(),
            ty: match named.bigquery_type {
                BigQueryType::Int64 => "INTEGER".to_owned(),
                other => other.name().to_owned(),
            },
            mode: "NULLABLE".to_owned(),
            policy_tag: named.tagged_class().map(|class| tags[class].clone()),
            description: None,
        });
        let column = ColumnRows {
            landed_name: named.name.clone().unwrap_or_default(),
            contract_key: None,
            source: named.source.clone(),
            ty: named.bigquery_type,
            repeated: false,
            transform: named.transform,
            token_domain: None,
            zone: None,
            stays_text: false,
            looks_like: None,
            not_judged: None,
            class: None,
        };
        rows.insert(source.clone(), column);
    }
    let rows = TableRows {
        day: Some("2026-11-21".parse().expect("a day")),
        source_table: "public.bookings".to_owned(),
        columns: Some(rows),
        ..TableRows::unknown()
    };
    Bookings { config, contract, tags, columns, rows }
}

impl Bookings {
    fn view(&self) -> Option<View> {
        let context = ViewContext::new(&self.config, &self.contract, &self.tags)?;
        let (columns, rows) = (&self.columns, Some(&self.rows));
        table_view(&context, &ViewTable { name: "bookings", columns, rows, keeps_days: false })
    }

    fn tag(&mut self, column: &str, tag: Option<&str>) {
        let found = self.columns.iter_mut().find(|it| it.name == column);
        found.expect("the column").policy_tag = tag.map(str::to_owned);
    }
}

fn check(view: &View, expected: Expect) {
    let columns: String =
        view.columns.iter().map(|it| format!("{}: {}\n", it.name, it.description)).collect();
    expected.assert_eq(&format!("{}\n\n{}\n\n{columns}", view.query, view.description));
}

#[test]
fn the_view_of_a_table_presents_and_describes_its_columns() {
    check(
        &bookings().view().expect("a view"),
        expect![[r#"
            SELECT
              t.`account_no`,
              t.`amount`,
              t.`booked_at`,
              SAFE.DATETIME(t.`booked_at`, 'Asia/Seoul') AS `booked_at_local_2`,
              t.`booked_at_local`,
              t.`born_at`,
              t.`commission_rate`,
              SAFE.PARSE_JSON(t.`contact`, wide_number_mode => 'round') AS `contact`,
              t.`currency`,
              t.`email`,
              t.`id`,
              t.`it's`,
              t.`status`,
              SAFE.PARSE_JSON(t.`terms`, wide_number_mode => 'round') AS `terms`
            FROM `shop-analytics.shop.bookings` AS t

            What travellers booked
            Rows as of 2026-11-21. Local times are in the zone Asia/Seoul.
            View of shop-analytics.shop.bookings: each column shows what you may read of the table. Landbridge writes it and undoes changes.
            Not in this view: secret (unclassified).

            account_no: A token in place of the value: equal values have equal tokens, so it can be counted and joined. Rows as of 2026-11-21.
            amount: An exact amount in the currency of the column currency. Rows as of 2026-11-21.
            booked_at: when it was paid. An instant, shown in UTC. Rows as of 2026-11-21.
            booked_at_local_2: when it was paid. The time of booked_at in Asia/Seoul. Rows as of 2026-11-21.
            booked_at_local: Rows as of 2026-11-21.
            born_at: An instant, shown in UTC. Class birth (DATE_YEAR_MASK): masked readers see 1 January of the year, readers the value, anyone else an error. Rows as of 2026-11-21.
            commission_rate: Rows as of 2026-11-21.
            contact: JSON; NULL where the text is not JSON. Long numbers are rounded: the table has the exact text. Class phone (ALWAYS_NULL): masked readers see NULL, readers the value, anyone else an error. Rows as of 2026-11-21.
            currency: Rows as of 2026-11-21.
            email: Class email (EMAIL_MASK): masked readers see XXXXX and the domain, readers the value, anyone else an error. Rows as of 2026-11-21.
            id: Rows as of 2026-11-21.
            it's: Rows as of 2026-11-21.
            status: One of the values of a fixed list. Rows as of 2026-11-21.
            terms: JSON; NULL where the text is not JSON. Long numbers are rounded: the table has the exact text. Rows as of 2026-11-21.
        "#]],
    );
}

#[test]
fn no_function_over_a_column_can_end_a_query() {
    let view = bookings().view().expect("a view");
    for line in view.query.lines().filter(|line| line.contains('(')) {
        assert!(line.trim_start().starts_with("SAFE."), "{line}");
    }
}

/// What BigQuery enforces now counts, not the contract: a tag is set before or after the contract
/// describes the rows.
#[test]
fn a_column_follows_the_policy_tag_that_it_has_now() {
    let mut bookings = bookings();
    bookings.tag("email", Some("tags/unclassified"));
    bookings.tag("amount", Some("tags/phone"));
    bookings.tag("currency", Some("projects/other/tag"));
    let view = bookings.view().expect("a view");
    assert!(!view.query.contains("`email`") && !view.query.contains("`currency`"));
    let amount = view.columns.iter().find(|it| it.name == "amount").expect("it is shown");
    assert!(amount.description.contains("Class phone (ALWAYS_NULL)"), "{}", amount.description);
    let hidden = "Not in this view: currency (another policy tag), email (unclassified), secret (unclassified).";
    assert!(view.description.contains(hidden), "{}", view.description);
}

#[test]
fn rows_of_which_nothing_is_recorded_are_shown_as_they_are() {
    let mut bookings = bookings();
    bookings.rows = TableRows::unknown();
    let view = bookings.view().expect("a view");
    assert!(!view.query.contains("PARSE_JSON"));
    assert!(view.description.starts_with("The day of these rows is not recorded."));
    for column in &mut bookings.columns {
        column.policy_tag = Some("tags/unclassified".to_owned());
    }
    assert_eq!(bookings.view(), None, "a view needs a column");
}

#[test]
fn without_the_section_there_is_no_context() {
    let mut bookings = bookings();
    bookings.config.warehouse.views = None;
    assert_eq!(bookings.view(), None);
    assert_eq!(bookings.config.functions(), config::FUNCTIONS);
}

#[test]
fn freshness_has_a_row_per_table() {
    let table = |name: &str, held: bool| FreshTable {
        name: name.to_owned(),
        day: Some("2026-11-20".parse().expect("a day")),
        snapshot_at: Some("2026-11-19T16:00:03Z".parse().expect("a time")),
        published_at: Some("2026-11-19T17:25:00Z".parse().expect("a time")),
        rows: Some(1_200),
        newest: held.then(|| ("2026-11-21".parse().expect("a day"), ReceiptState::Held)),
    };
    let unknown = FreshTable {
        day: None,
        snapshot_at: None,
        published_at: None,
        rows: None,
        ..table("it's", false)
    };
    check(
        &freshness_view(&[table("orders", true), unknown, table("bookings", false)]),
        expect![[r#"
            SELECT table_name, day, snapshot_at, published_at, row_count, state, state_day
            FROM (
              SELECT CAST('bookings' AS STRING) AS table_name, CAST('2026-11-20' AS DATE) AS day, CAST('2026-11-19 16:00:03+00:00' AS TIMESTAMP) AS snapshot_at, CAST('2026-11-19 17:25:00+00:00' AS TIMESTAMP) AS published_at, CAST(1200 AS INT64) AS row_count, CAST(NULL AS STRING) AS state, CAST(NULL AS DATE) AS state_day
              UNION ALL
              SELECT CAST('it\'s' AS STRING) AS table_name, CAST(NULL AS DATE) AS day, CAST(NULL AS TIMESTAMP) AS snapshot_at, CAST(NULL AS TIMESTAMP) AS published_at, CAST(NULL AS INT64) AS row_count, CAST(NULL AS STRING) AS state, CAST(NULL AS DATE) AS state_day
              UNION ALL
              SELECT CAST('orders' AS STRING) AS table_name, CAST('2026-11-20' AS DATE) AS day, CAST('2026-11-19 16:00:03+00:00' AS TIMESTAMP) AS snapshot_at, CAST('2026-11-19 17:25:00+00:00' AS TIMESTAMP) AS published_at, CAST(1200 AS INT64) AS row_count, CAST('held' AS STRING) AS state, CAST('2026-11-21' AS DATE) AS state_day
            )

            How fresh each table is: the day of its rows, and how its newest day ended. Landbridge writes it after each load.

            table_name: The table, and its view.
            day: The day of the rows that are there.
            snapshot_at: When the snapshot was taken that the rows come from.
            published_at: When the rows were proven.
            row_count: The number of rows.
            state: How the newest day of the table ended: published, held, missing, skipped or superseded.
            state_day: The newest day. If it is later than `day`, the table keeps the rows of `day`.
        "#]],
    );
    assert!(freshness_view(&[]).query.ends_with("LIMIT 0\n)"));
}

#[test]
fn the_view_of_a_history_begins_with_the_day() {
    let mut bookings = bookings();
    let history = |bookings: &Bookings| {
        let context =
            ViewContext::new(&bookings.config, &bookings.contract, &bookings.tags).unwrap();
        let (columns, rows) = (&bookings.columns, Some(&bookings.rows));
        let table = ViewTable { name: "bookings_history", columns, rows, keeps_days: true };
        table_view(&context, &table).unwrap()
    };
    let view = history(&bookings);
    assert!(view.query.starts_with("SELECT\n  t._PARTITIONDATE AS `day`,\n"), "{}", view.query);
    assert_eq!(view.columns[0].name, "day");
    assert!(view.description.contains("Rows as of each day, up to 2026-11-21."));
    let mut day = bookings.columns[0].clone();
    day.name = "Day".to_owned();
    bookings.columns.push(day);
    assert_eq!(history(&bookings).columns[0].name, "_day");
}
