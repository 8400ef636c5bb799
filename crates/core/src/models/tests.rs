use expect_test::expect;

use super::sources_yaml;
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
