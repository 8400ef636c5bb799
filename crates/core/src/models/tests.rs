use expect_test::expect;

use super::{dashboard_links, lookml, sources_yaml};
use crate::{config, contract};

const CONFIG: &str = include_str!("../../../../examples/demo/landbridge.yaml");
const CONTRACT: &str = include_str!("../../../../examples/demo/contract.yaml");

fn demo(contract: &str) -> String {
    let config = config::parse("landbridge.yaml", CONFIG).expect("a valid configuration");
    let contract = contract::parse("contract.yaml", contract, &config).expect("a valid contract");
    sources_yaml(&config, &contract)
}

/// The file of the repository, rewritten by `UPDATE_MODELS=1`.
#[test]
fn the_sources_of_the_demos_models_are_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/dbt/models/staging/sources.yml");
    let current = demo(CONTRACT);
    if std::env::var_os("UPDATE_MODELS").is_some() {
        std::fs::write(path, &current).expect("the sources can be written");
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == current,
        "models/dbt/models/staging/sources.yml is not current; run `UPDATE_MODELS=1 cargo test -p landbridge-core sources`"
    );
}

/// The part of one table, without the header and the receipts.
fn table(contract: &str) -> String {
    let text = demo(contract);
    let (_, table) = text.split_once("    tables:\n").expect("the tables");
    let (table, _) = table.split_once("\n  - name: landbridge_ops").expect("the receipts");
    // `expect!` compares text without its common indentation.
    let lines = table.lines().map(|line| line.strip_prefix("      ").expect("an indented line"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_source_says_class_mask_and_transform_and_leaves_dropped_columns_out() {
    let text = table(
        "version: 1
tables:
  \"shop.Kunden Liste\":
    description: \"Kept {{ by }} people: all\"
    columns:
      id: { source: bigint, type: INT64, class: none }
      e-mail: { source: varchar, type: STRING, class: email }
      tags: { source: text, type: STRING, class: unclassified }
      account: { source: varchar, type: STRING, class: none, transform: tokenise }
      secret: { source: varchar, type: STRING, class: none, transform: drop }
",
    );
    expect![[r#"
              - name: "Kunden Liste"
                description: "Kept { { by }} people: all"
                config:
                  meta: { source_table: "shop.Kunden Liste" }
                  loaded_at_query: >
                    SELECT MAX(snapshot_at) FROM `shop-analytics`.`landbridge_ops`.`receipts`
                    WHERE source = 'shop' AND source_table = 'shop.Kunden Liste' AND state = 'published'
                  freshness:
                    warn_after: { count: 27, period: hour }
                    error_after: { count: 51, period: hour }
                columns:
                  - name: account
                    data_type: string
                    config: { meta: { class: none, transform: tokenise } }
                  - name: "e-mail"
                    data_type: string
                    config: { meta: { class: email, mask: EMAIL_MASK } }
                  - name: id
                    data_type: int64
                    config: { meta: { class: none } }
                  - name: tags
                    data_type: string
                    config: { meta: { class: unclassified, mask: ALWAYS_NULL } }
    "#]].assert_eq(&text);
}

#[test]
fn a_dashboard_link_names_report_project_dataset_and_table() {
    let config = config::parse("landbridge.yaml", CONFIG).expect("a valid configuration");
    let links = dashboard_links(&config, "shop models");
    let tables: Vec<_> = links.iter().map(|link| (link.report, link.table)).collect();
    expect![[r#"
        [
            (
                "business report",
                "bookings_daily",
            ),
            (
                "business report",
                "payouts_daily",
            ),
            (
                "business report",
                "user_journey",
            ),
            (
                "data health",
                "data_health",
            ),
        ]
    "#]]
    .assert_debug_eq(&tables);
    expect!["https://lookerstudio.google.com/reporting/create?c.mode=edit&r.reportName=shop%20business%20report%3A%20bookings_daily&ds.connector=bigQuery&ds.datasourceName=bookings_daily&ds.type=TABLE&ds.projectId=shop-analytics&ds.billingProjectId=shop-analytics&ds.datasetId=shop%20models&ds.tableId=bookings_daily"].assert_eq(&links[0].url);
}

#[test]
fn lookml_has_a_type_for_each_column_and_says_what_is_masked() {
    let config = config::parse("landbridge.yaml", CONFIG).expect("a valid configuration");
    let contract = contract::parse(
        "contract.yaml",
        "version: 1
tables:
  public.people:
    columns:
      id: { source: bigint, type: INT64, class: none }
      Count: { source: boolean, type: BOOL, class: none, description: \"a \\\"flag\\\"\" }
      e-mail: { source: character varying, type: STRING, class: email, description: work address }
      born: { source: date, type: DATE, class: birth }
      seen_at: { source: timestamp with time zone, type: TIMESTAMP, class: none }
      \"이름\": { source: text, type: STRING, class: name }
      tags: { source: ARRAY, type: STRING, mode: REPEATED, class: none }
      secret: { source: text, type: STRING, class: none, transform: drop }
",
        &config,
    )
    .expect("a valid contract");
    let text = lookml(&config, &contract);
    let (_, views) = text.split_once("\n\n").expect("a header");
    expect![[r#"
        view: people {
          sql_table_name: `shop-analytics.shop.people` ;;

          dimension: count_2 {
            type: yesno
            description: "a \"flag\""
            sql: ${TABLE}.`Count` ;;
          }

          dimension_group: born {
            type: time
            datatype: date
            timeframes: [raw, date, week, month, quarter, year]
            convert_tz: no
            description: "Class birth, mask DATE_YEAR_MASK: filters, joins and counts use the masked value"
            sql: ${TABLE}.`born` ;;
          }

          dimension: e_mail {
            type: string
            description: "work address. Class email, mask EMAIL_MASK: filters, joins and counts use the masked value"
            sql: ${TABLE}.`e-mail` ;;
          }

          dimension: id {
            type: number
            primary_key: yes
            sql: ${TABLE}.`id` ;;
          }

          dimension_group: seen_at {
            type: time
            datatype: timestamp
            timeframes: [raw, time, date, week, month, quarter, year]
            sql: ${TABLE}.`seen_at` ;;
          }

          dimension: tags {
            type: string
            sql: TO_JSON_STRING(${TABLE}.`tags`) ;;
          }

          dimension: column {
            type: string
            description: "Class name, mask DEFAULT_MASKING_VALUE: filters, joins and counts use the masked value"
            sql: ${TABLE}.`이름` ;;
          }

          measure: count {
            type: count
          }
        }
    "#]].assert_eq(views);
}
