//! The contract as a document of the Open Data Contract Standard, and back.

use serde_json::json;

use super::*;
use crate::contract::odcs;

#[test]
fn what_is_exported_is_imported_without_a_loss() {
    let config = demo_config();
    let full = "version: 1
others: drop
tables:
  public.t:
    table: people
    description: \"People: all\"
    zone: Asia/Seoul
    others: hold
    time_travel_forbidden: true
    owners: [payments, \"#sales\"]
    consumers: [the weekly report]
    columns:
      id: { source: bigint, type: INT64, class: none, bounds: true }
      a: { name: b, source: text, type: STRING, class: email, description: the address }
      n: { source: \"integer[]\", type: INT64, mode: REPEATED, class: none, array_nulls: text }
      t: { source: timestamp without time zone, type: TIMESTAMP, class: none, zone: Europe/Paris }
      rrn: { source: text, type: STRING, class: national_id, legal_basis: 소득세법 제145조 }
      x: { source: text, type: STRING, class: none, transform: tokenise, token_domain: account }
      y: { source: text, type: STRING, class: none, transform: drop, resident_number: false }
      d: { source: date, type: DATE, class: none, on_misfit: keep_text }
";
    for text in [full, DEMO] {
        let contract = parse(FILE_NAME, text, &config).expect("a valid contract");
        let document = odcs::export(&contract, &config, "1.2.0");
        let imported = odcs::import(&document, &config).expect("a contract");
        assert_eq!(imported.lost, Vec::<String>::new());
        assert_eq!(imported.contract, contract);
    }
}

#[test]
fn what_another_tool_says_is_kept_or_named() {
    let document = json!({
        "apiVersion": "v3.0.2", "kind": "DataContract", "id": "x", "version": "1", "status": "draft",
        "team": [], "customProperties": [{ "property": "owner", "value": "a" }],
        "schema": [{
            "name": "members", "tags": ["a"],
            "properties": [
                { "name": "id", "logicalType": "integer", "physicalType": "bigint", "primaryKey": true, "classification": "none" },
                { "name": "email", "logicalType": "string", "physicalType": "varchar(320)", "classification": "email" },
                { "name": "secret", "logicalType": "string", "physicalType": "text", "classification": "restricted" },
            ],
        }],
    });
    let config = demo_config();
    let imported = odcs::import(&document, &config).expect("a contract");
    expect![[r##"
        # Every column that users may read in BigQuery, with its type and class.
        # class: one of `pii.classes` in landbridge.yaml, `none` (readable by everyone
        # with access to the dataset) or `unclassified` (NULL for everyone). Columns
        # that this file does not name are `unclassified`.
        version: 1
        tables:
          "public.members":
            columns:
              email: { source: character varying, type: STRING, class: email }
              id: { source: bigint, type: INT64, class: none }
              secret: { source: text, type: STRING, class: unclassified }
    "##]]
    .assert_eq(&imported.contract.render());
    expect![[r#"
        the document: `team`
        the document: custom property `owner`
        table `members`: no schema is named, `public` is assumed
        table `public.members`: `tags`
        column `id` of `public.members`: `primaryKey`
        column `id` of `public.members`: `type: INT64` is assumed from `logicalType: integer`
        column `id` of `public.members`: `source: bigint` is assumed from `physicalType`
        column `email` of `public.members`: `type: STRING` is assumed from `logicalType: string`
        column `email` of `public.members`: `source: character varying` is assumed from `physicalType`
        column `secret` of `public.members`: `type: STRING` is assumed from `logicalType: string`
        column `secret` of `public.members`: `source: text` is assumed from `physicalType`
        column `secret` of `public.members`: `classification: restricted` is no class of landbridge.yaml, so it is `unclassified`"#]].assert_eq(&imported.lost.join("\n"));
    assert_eq!(imported.contract.validate(&config), []);
    let refused = json!({
        "apiVersion": "v2.2.2", "kind": "Other",
        "schema": [{ "name": "a.b", "properties": [
            { "name": "c", "logicalType": "string", "physicalType": "nonsense", "classification": "none" },
            { "name": "d", "logicalType": "nothing", "physicalType": "nonsense" },
            { "name": "e", "logicalType": "string", "physicalType": "text", "customProperties": [
                { "property": "landbridgeTransform", "value": "hide" }] },
        ] }],
    });
    let faults = odcs::import(&refused, &config).expect_err("no contract");
    expect![[r#"
        `kind` is not `DataContract`
        `apiVersion` is `v2.2.2`, and only v3 is known
        column `c` of `a.b`: neither `landbridgeSource` nor `physicalType` names its type in the source
        column `d` of `a.b`: its `logicalType` is `nothing`, and `physicalType` is no type of BigQuery
        column `e` of `a.b`: unknown variant `hide`, expected one of `drop`, `set_null`, `tokenise`"#]].assert_eq(&faults.join("\n"));
}
