//! What a contract allows, what decides about files, and how its text is written.

use super::*;

fn column(json: serde_json::Value) -> ColumnContract {
    serde_json::from_value(json).expect("a column")
}

#[test]
fn bounds_need_class_none_and_no_transform() {
    use serde_json::json;
    for (class, transform, bounds, allowed) in [
        ("none", None, true, true),
        ("none", None, false, false),
        ("email", None, true, false),
        ("none", Some("tokenise"), true, false),
        ("none", Some("set_null"), true, false),
    ] {
        let column = column(json!({
            "source": "date", "type": "DATE", "class": class, "transform": transform, "bounds": bounds,
        }));
        let case = (class, transform, bounds);
        assert_eq!(column.allows_bounds(), allowed, "{case:?}");
        let columns = BTreeMap::from([("day".to_owned(), column)]);
        let table = TableContract { columns, ..TableContract::default() };
        assert_eq!(TableContract::allows_bounds(Some(&table), "day"), allowed, "{case:?}");
        assert!(!TableContract::allows_bounds(Some(&table), "other"));
        assert!(!TableContract::allows_bounds(None, "day"));
    }
}

/// A table is transferred again if its fingerprint changes, so exactly what the files depend on changes it.
#[test]
fn a_fingerprint_is_of_what_decides_about_the_files() {
    use serde_json::json;
    let of = |key: &str, value: serde_json::Value| {
        let mut entry =
            json!({ "source": "ARRAY", "type": "INT64", "mode": "REPEATED", "class": "none" });
        if !key.is_empty() {
            entry[key] = value;
        }
        let columns = BTreeMap::from([("a".to_owned(), column(entry))]);
        let table = TableContract { columns, ..TableContract::default() };
        TableContract::transfer_fingerprint(Some(&table), &TimeRules::default())
    };
    let plain = of("", json!(null));
    for (key, value) in [
        ("class", json!("email")),
        ("bounds", json!(true)),
        ("description", json!("…")),
        // The default, spelled out.
        ("array_nulls", json!("drop")),
    ] {
        assert_eq!(of(key, value), plain, "{key}");
    }
    for (key, value) in [
        ("name", json!("b")),
        ("source", json!("integer[]")),
        ("type", json!("STRING")),
        ("mode", json!("NULLABLE")),
        ("transform", json!("drop")),
        ("token_domain", json!("d")),
        ("on_misfit", json!("keep_text")),
        ("array_nulls", json!("hold")),
        ("zone", json!("Asia/Seoul")),
    ] {
        assert_ne!(of(key, value), plain, "{key}");
    }
    let seoul = TimeRules { zone: Some("Asia/Seoul".to_owned()), ..TimeRules::default() };
    let none = TableContract::transfer_fingerprint(None, &TimeRules::default());
    assert_ne!(TableContract::transfer_fingerprint(None, &seoul), none);
    let empty = TableContract::default();
    assert_eq!(TableContract::transfer_fingerprint(Some(&empty), &TimeRules::default()), none);
    // A rule for NULLs in arrays is none of a column of single values.
    assert_ne!(none, plain);
    let single = |nulls: serde_json::Value| {
        let entry =
            json!({ "source": "text", "type": "STRING", "class": "none", "array_nulls": nulls });
        let columns = BTreeMap::from([("a".to_owned(), column(entry))]);
        let table = TableContract { columns, ..TableContract::default() };
        TableContract::transfer_fingerprint(Some(&table), &TimeRules::default())
    };
    assert_eq!(single(json!("hold")), single(json!(null)));
}

#[test]
fn a_table_has_its_own_rules_or_those_of_the_files() {
    let mut config = demo_config();
    config.source.zone = Some("Asia/Seoul".to_owned());
    let table = TableContract { zone: Some("Europe/Paris".to_owned()), ..TableContract::default() };
    let zone = |table: Option<&TableContract>| TimeRules::of(&config, table).zone;
    assert_eq!(zone(Some(&table)).as_deref(), Some("Europe/Paris"));
    assert_eq!(zone(Some(&TableContract::default())).as_deref(), Some("Asia/Seoul"));
    assert_eq!(zone(None).as_deref(), Some("Asia/Seoul"));
    assert_eq!(TimeRules::of(&config, None).naive_times, config.warehouse.naive_times);
    let own = TableContract { others: Some(Others::Hold), ..TableContract::default() };
    let contract = Contract {
        others: Others::Drop,
        tables: [("a.own".to_owned(), own), ("a.plain".to_owned(), table)].into(),
        ..Contract::of_no_table()
    };
    let rules = ["a.own", "a.plain", "a.unknown"].map(|it| contract.others_of(it));
    assert_eq!(rules, [Others::Hold, Others::Drop, Others::Drop]);
    assert_eq!(Contract::of_no_table().others_of("a.own"), Others::Unclassified);
}

#[test]
fn text_keeps_its_order_and_a_name_is_set_in_it() {
    let text = "version: 1
tables:
  shop.b:
    columns:
      z: { source: bigint, type: INT64, class: none }  # first
      a: { source: text, type: STRING, class: none }
  shop.a:
    columns:
      y: { source: bigint, type: INT64, class: none }
";
    let order = column_order(text);
    let expected: ColumnOrder = [
        ("shop.a".to_owned(), vec!["y".to_owned()]),
        ("shop.b".to_owned(), vec!["z".to_owned(), "a".to_owned()]),
    ]
    .into();
    assert_eq!(order, expected);
    assert_eq!(column_order("tables: ["), ColumnOrder::new());
    let contract = parse(FILE_NAME, text, &demo_config()).expect("valid");
    let rendered = contract.render_in_order(&order);
    assert_eq!(column_order(&rendered), order);
    let at = |part: &str| rendered.find(part).expect("in the text");
    // One empty line between two tables, and none before the first.
    assert!(at("}\n\n  \"shop.b\":\n") > at("tables:\n  \"shop.a\":\n"));
    assert!(at("z: {") < at("a: {"), "{rendered}");
    let edited = set_column_name(text, "shop.b", "z", "no").expect("one line to change");
    assert!(edited.text.contains(r#"name: "no""#) && edited.text.contains("# first"), "{edited:?}");
    assert_eq!(
        parse(FILE_NAME, &edited.text, &demo_config()).expect("valid").tables["shop.b"].columns["z"].name,
        Some("no".to_owned())
    );
    assert!(set_column_name(text, "shop.b", "none", "no").is_none());
}

#[test]
fn transforms_that_are_not_possible() {
    check(
        r#"version: 1
tables:
  public.t:
    columns:
      a: { source: "text[]", type: STRING, mode: REPEATED, class: none, transform: tokenise }
      b: { source: text, type: INT64, class: none, transform: tokenise }
      c: { source: text, type: STRING, class: none, token_domain: d }
      d: { source: "integer[]", type: INT64, mode: REPEATED, class: none, on_misfit: keep_text }
      e: { source: date, type: DATE, class: none, array_nulls: text }
      f: { source: date, type: DATE, class: none, on_misfit: keep_text }
      g: { source: "integer[]", type: INT64, mode: REPEATED, class: none, on_misfit: set_null, array_nulls: hold }
      h: { source: text, type: STRING, class: none, transform: tokenise, token_domain: d }
  public.gone:
    columns:
      a: { source: text, type: STRING, class: none, transform: drop }
      b: { source: text, type: STRING, class: none, transform: set_null }
  public.left:
    columns:
      a: { source: text, type: STRING, class: none, transform: drop }
      b: { source: text, type: STRING, class: none, transform: tokenise }
  .t:
    columns: { a: { source: text, type: STRING, class: none } }
  public.:
    columns: { a: { source: text, type: STRING, class: none } }
"#,
        expect![[r#"
            contract.yaml:5:36: column `a` is tokenised, but its type is not a single STRING; tokens are text: write `type: STRING` and remove `mode`
            contract.yaml:6:32: column `b` is tokenised, but its type is not a single STRING; tokens are text: write `type: STRING` and remove `mode`
            contract.yaml:7:67: column `c` has a `token_domain` but is not tokenised; add `transform: tokenise`, or remove `token_domain`
            contract.yaml:8:86: `on_misfit: keep_text` is not possible for the array column `d`; remove `on_misfit`, and write `array_nulls: text`
            contract.yaml:9:64: column `e` has `array_nulls: text` but is no array; add `mode: REPEATED`, or remove `array_nulls`
            contract.yaml:14:5: every column of the table is dropped or set to NULL; to keep the table in AWS, list only the other tables in `export.only` of landbridge.yaml; otherwise remove `transform` from a column
            contract.yaml:21:3: `.t` is not the name of a source table; write `schema.table` (PostgreSQL) or `database.table` (MySQL)
            contract.yaml:23:3: `public.` is not the name of a source table; write `schema.table` (PostgreSQL) or `database.table` (MySQL)
            8 errors in contract.yaml"#]],
    );
}

#[test]
fn scalars_are_quoted_where_a_reader_of_yaml_would_not_take_text() {
    let name = |name: &str| {
        let mut contract = Contract::of_no_table();
        let column = ColumnContract::new("text", BigQueryType::String, "none");
        let table = TableContract {
            columns: [(name.to_owned(), column)].into(),
            ..TableContract::default()
        };
        contract.tables.insert("a.b".to_owned(), table);
        let line = contract.render().lines().find_map(|line| {
            Some(
                line.strip_prefix("      ")?
                    .strip_suffix(": { source: text, type: STRING, class: none }")?
                    .to_owned(),
            )
        });
        line.expect("a line of the column")
    };
    for bare in ["a", "_x", "a b", "a-b", "a/b", "a(b)", "A1"] {
        assert_eq!(name(bare), bare);
    }
    for quoted in ["", "1", "-a", " a", "a ", "yes", "No", "NULL", "y", "a:b", "a#b", "값", "a.b"]
    {
        assert_eq!(name(quoted), serde_json::Value::from(quoted).to_string());
    }
}
