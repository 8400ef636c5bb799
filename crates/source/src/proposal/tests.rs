use expect_test::expect;
use landbridge_core::config;
use landbridge_core::contract::{self, Contract};

use super::*;
use crate::catalogue::Storage;

fn demo_config() -> Config {
    let text = include_str!("../../../../examples/demo/landbridge.yaml");
    config::parse(config::FILE_NAME, text).unwrap()
}

fn empty_contract() -> Contract {
    Contract::propose(&[], &demo_config())
}

fn table(schema: &str, name: &str, columns: &[(&str, &str)]) -> Table {
    let column = |(name, data_type): &(&str, &str)| Column::new(name, data_type);
    Table {
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(column).collect(),
        partition_of: None,
        skip_reason: None,
        storage: Storage::Postgres { partitioned: false, blocks: 1 },
    }
}

/// The proposal as it is printed. It must be valid unchanged.
fn rendered(tables: &[Table], base: Contract) -> String {
    let config = demo_config();
    let proposal =
        propose_for_tables(EngineFamily::Postgres, "shop", tables, base, &Samples::new(), &config)
            .unwrap();
    let text = proposal.render(ColumnOrder::new());
    let read = contract::parse(contract::FILE_NAME, &text, &config);
    assert_eq!(read.expect("a valid contract"), proposal.contract);
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let left_out = proposal.left_out.iter().map(|left_out| format!("left out: {left_out}"));
    lines.map(str::to_owned).chain(left_out).map(|line| line + "\n").collect()
}

#[test]
fn partitions_and_skipped_tables_are_left_out_with_a_reason() {
    let mut partition = table("public", "sales_2026", &[("id", "bigint")]);
    partition.partition_of = Some("sales".to_owned());
    let mut scratch = table("public", "scratch", &[("id", "bigint")]);
    scratch.skip_reason = Some("it is unlogged".to_owned());
    let parent = table("public", "sales", &[("id", "bigint")]);
    expect![[r#"
        version: 1
        tables:
          "public.sales":
            columns:
              id: { source: bigint, type: INT64, class: none }
        left out: public.sales_2026: a partition, transferred with sales
        left out: public.scratch: it is unlogged
    "#]]
    .assert_eq(&rendered(&[partition, scratch, parent], empty_contract()));
}

#[test]
fn columns_that_bigquery_does_not_accept_get_another_name() {
    let columns = [
        ("id", "bigint"),
        ("계좌번호", "text"),
        ("1st", "text"),
        ("_TABLE_x", "text"),
        ("Email", "text"),
        ("email", "text"),
    ];
    let only = table("public", "only", &[("이름", "text")]);
    expect![[r#"
        version: 1
        tables:
          "public.only":
            columns:
              "이름": { source: text, type: STRING, class: name }
          "public.people":
            columns:
              id: { source: bigint, type: INT64, class: none }
              "계좌번호": { source: text, type: STRING, class: account, transform: tokenise, token_domain: account }
              "1st": { source: text, type: STRING, class: sensitive }
              _TABLE_x: { name: c_TABLE_x, source: text, type: STRING, class: unclassified }
              Email: { name: Email_969ccbd3, source: text, type: STRING, class: email }
              email: { source: text, type: STRING, class: email }
    "#]]
    .assert_eq(&rendered(&[table("public", "people", &columns), only], empty_contract()));
}

/// In the contract, such a table would promise rows that no export contains.
#[test]
fn a_table_that_rds_does_not_export_is_left_out() {
    let of = |name, column| table("public", name, &[("id", "bigint"), (column, "text")]);
    let tables =
        [of("spaced", "the column"), of("won", "값(원)"), of("a/b", "c"), of("fine", "a.b-c#d")];
    expect![[r#"
        version: 1
        tables:
          "public.fine":
            columns:
              id: { source: bigint, type: INT64, class: none }
              "a.b-c#d": { name: "a_b-c#d", source: text, type: STRING, class: unclassified }
        left out: public.spaced: RDS does not export it, because the name of its column "the column" contains one of `, ; { } ( ) =`, a space, a tab or a line break; rename the column in the source
        left out: public.won: RDS does not export it, because the name of its column "값(원)" contains one of `, ; { } ( ) =`, a space, a tab or a line break; rename the column in the source
        left out: public.a/b: RDS does not export it, because its name contains `/`; rename it in the source
    "#]].assert_eq(&rendered(&tables, empty_contract()));
}

/// A person compares the contract with the definition of the table.
#[test]
fn columns_are_in_the_order_of_the_table() {
    let config = demo_config();
    let orders =
        table("public", "orders", &[("id", "bigint"), ("created", "date"), ("amount", "numeric")]);
    let propose = |tables: &[Table], base| {
        propose_for_tables(EngineFamily::Postgres, "shop", tables, base, &Samples::new(), &config)
            .unwrap()
    };
    let columns = |text: &str| {
        let columns = text.lines().filter(|line| line.starts_with("      "));
        let names = columns.filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned()));
        names.collect::<Vec<_>>().join(" ")
    };
    let first = propose(std::slice::from_ref(&orders), empty_contract());
    let text = first.render(ColumnOrder::new());
    assert_eq!(columns(&text), "id created amount");
    // The file's own order comes first, and a column that is gone keeps its place.
    let file = text.replace("id:", "zip:").replace("created:", "id:");
    let base = contract::parse(
        contract::FILE_NAME,
        &file.replace("source: date, type: DATE", "source: bigint, type: INT64"),
        &config,
    )
    .unwrap();
    let second = propose(std::slice::from_ref(&orders), base);
    let text = second.render(contract::column_order(&file));
    assert_eq!(columns(&text), "zip id amount created");
}

#[test]
fn a_domain_is_proposed_with_the_type_of_its_base() {
    let mut points = table("public", "points", &[("id", "integer"), ("score", "integer")]);
    points.columns[1].is_domain = true;
    expect![[r#"
        version: 1
        tables:
          "public.points":
            columns:
              id: { source: integer, type: INT64, class: none }
              score: { source: integer, type: INT64, class: unclassified }
    "#]]
    .assert_eq(&rendered(&[points], empty_contract()));
}

#[test]
fn arrays_are_proposed_with_the_type_of_their_elements() {
    let array = |name: &str, declaration: &str, array_dimensions| Column {
        declaration: declaration.to_owned(),
        array_dimensions,
        ..Column::new(name, "ARRAY")
    };
    let mut sizes =
        table("public", "sizes", &[("id", "bigint"), ("flag", "bit"), ("flags", "bit")]);
    sizes.columns[1].declaration = "bit(1)".to_owned();
    sizes.columns[2].declaration = "bit(8)".to_owned();
    sizes.columns.extend([
        array("amounts", "numeric(12,2)[]", 1),
        array("boxes", "box[]", 1),
        array("created", "timestamp(3) with time zone[]", 1),
        array("days", "date[]", 0),
        array("exact", "numeric[]", 1),
        array("flags_of", "boolean[]", 1),
        array("keys", "uuid[]", 1),
        array("matrix", "integer[]", 2),
        array("moods", "sales.\"mood, or\"[]", 1),
        array("numbers", "bigint[]", 1),
        array("ratios", "double precision[]", 1),
        array("tags", "character varying(40)[]", 1),
    ]);
    expect![[r#"
        version: 1
        tables:
          "public.sizes":
            columns:
              id: { source: bigint, type: INT64, class: none }
              flag: { source: bit, type: BOOL, class: none }
              flags: { source: bit, type: STRING, class: none }
              amounts: { source: "numeric[]", type: NUMERIC, mode: REPEATED, class: unclassified }
              boxes: { source: "box[]", type: STRING, class: unclassified }
              created: { source: "timestamp with time zone[]", type: TIMESTAMP, mode: REPEATED, class: unclassified }
              days: { source: "date[]", type: DATE, mode: REPEATED, class: unclassified }
              exact: { source: "numeric[]", type: BIGNUMERIC, mode: REPEATED, class: unclassified }
              flags_of: { source: "boolean[]", type: BOOL, mode: REPEATED, class: unclassified }
              keys: { source: "uuid[]", type: STRING, mode: REPEATED, class: unclassified }
              matrix: { source: "integer[][]", type: STRING, class: unclassified }
              moods: { source: "USER-DEFINED[]", type: STRING, mode: REPEATED, class: unclassified }
              numbers: { source: "bigint[]", type: INT64, mode: REPEATED, class: unclassified }
              ratios: { source: "double precision[]", type: FLOAT64, mode: REPEATED, class: unclassified }
              tags: { source: "character varying[]", type: STRING, mode: REPEATED, class: none }
    "#]].assert_eq(&rendered(&[sizes], empty_contract()));
}

#[test]
fn tables_of_the_same_name_get_different_names() {
    let of = |schema, name| table(schema, name, &[("id", "bigint")]);
    expect![[r#"
        version: 1
        tables:
          "public.Base":
            columns:
              id: { source: bigint, type: INT64, class: none }
          "public.base":
            table: base_61c5a45d
            columns:
              id: { source: bigint, type: INT64, class: none }
          "public.고객 표":
            columns:
              id: { source: bigint, type: INT64, class: none }
          "public.한글 표":
            columns:
              id: { source: bigint, type: INT64, class: none }
          "sales.base":
            columns:
              id: { source: bigint, type: INT64, class: none }
          "shop.base":
            table: base_ddabdc33
            columns:
              id: { source: bigint, type: INT64, class: none }
    "#]]
    .assert_eq(&rendered(
        &[
            of("public", "Base"),
            of("public", "base"),
            of("public", "고객 표"),
            of("public", "한글 표"),
            of("shop", "base"),
            of("sales", "base"),
        ],
        empty_contract(),
    ));
}

#[test]
fn without_a_public_schema_names_differ_as_the_check_derives_them() {
    let of = |schema, name| table(schema, name, &[("id", "bigint")]);
    expect![[r#"
        version: 1
        tables:
          "a.users":
            columns:
              id: { source: bigint, type: INT64, class: none }
          "b.links":
            columns:
              id: { source: bigint, type: INT64, class: none }
          "b.users":
            table: b__users
            columns:
              id: { source: bigint, type: INT64, class: none }
    "#]]
    .assert_eq(&rendered(
        &[of("a", "users"), of("b", "users"), of("b", "links")],
        empty_contract(),
    ));
}

#[test]
fn extending_a_contract_keeps_its_columns() {
    let text = "version: 1\ntables:\n  public.old:\n    table: base\n    columns:\n      \
                EMAIL: { source: text, type: STRING, class: email }\n";
    let base = contract::parse(contract::FILE_NAME, text, &demo_config()).unwrap();
    let old = table("public", "old", &[("id", "bigint"), ("email", "text")]);
    expect![[r#"
        version: 1
        tables:
          "public.base":
            table: base_61c5a45d
            columns:
              id: { source: bigint, type: INT64, class: none }
          "public.old":
            table: base
            columns:
              id: { source: bigint, type: INT64, class: none }
              EMAIL: { source: text, type: STRING, class: email }
        left out: public.old.email: the contract names it `EMAIL`; write the name as the source does
    "#]]
    .assert_eq(&rendered(&[old, table("public", "base", &[("id", "bigint")])], base));
}

#[test]
fn a_database_without_tables_is_an_error() {
    let mut scratch = table("public", "scratch", &[("id", "bigint")]);
    scratch.skip_reason = Some("it is unlogged".to_owned());
    for (tables, message) in [
        (vec![], "the database `shop` has no tables that can be transferred"),
        (
            vec![scratch],
            "the database `shop` has no tables that can be transferred: public.scratch: it is unlogged",
        ),
    ] {
        let config = demo_config();
        let error = propose_for_tables(
            EngineFamily::Postgres,
            "shop",
            &tables,
            empty_contract(),
            &Samples::new(),
            &config,
        );
        let error = error.expect_err("nothing to propose");
        assert_eq!(error.to_string(), message);
    }
}
