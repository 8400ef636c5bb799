use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::contract::Others;
use crate::names::ColumnNames;
use crate::plan::table::resolve_table;
use crate::types::{Annotation, ParquetColumn, Physical, TimeRules};

/// The columns of a delta of a table with `id`, `note` and `born`, where one thing is changed.
fn found(
    key: &[&str],
    change: fn(&mut TablePlan, &mut serde_json::Value),
) -> Result<DeltaColumns, &'static str> {
    let mut contract = json!({ "columns": {
        "id": { "source": "bigint", "type": "INT64", "class": "none" },
        "note": { "source": "text", "type": "STRING", "class": "name" },
        "born": { "source": "date", "type": "DATE", "class": "none", "name": "day" },
    }});
    let mut plan: TablePlan = serde_json::from_value(json!({
        "source_table": "public.t", "table": "t", "columns": [], "rows": 7, "bytes": 0,
        "notes": [], "items": [],
    }))
    .unwrap();
    let exported = [
        ("id", Physical::Int64, Annotation::None, "bigint"),
        ("note", Physical::ByteArray, Annotation::String, "text"),
        ("born", Physical::Int32, Annotation::Date, "date"),
    ];
    for (name, physical, annotation, source) in exported {
        let parquet = ParquetColumn { name: name.to_owned(), physical, annotation };
        plan.columns.push(SourceColumn::new(parquet, source));
    }
    plan.columns[2].landed_name = "day".to_owned();
    change(&mut plan, &mut contract);
    let contract: TableContract = serde_json::from_value(contract).unwrap();
    let (others, text) = (Others::Unclassified, BTreeSet::new());
    let (names, times) = (ColumnNames::default(), TimeRules::default());
    let resolved = resolve_table(&plan, Some(&contract), others, &text, names, &times);
    let resolved = resolved.unwrap_or_else(|error| panic!("{error:?}"));
    let key: Vec<String> = key.iter().map(|it| (*it).to_owned()).collect();
    columns(&plan, Some(&contract), &resolved, &key)
}

#[test]
fn only_a_key_that_everyone_may_read_finds_a_row() {
    type Change = fn(&mut TablePlan, &mut serde_json::Value);
    let same: Change = |_, _| {};
    let names = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let all = Ok(DeltaColumns { key: names(&["id"]), all: names(&["id", "note", "day"]) });
    assert_eq!(found(&["id"], same), all);
    let cases: [(&[&str], Change, &str); 9] = [
        (&["id"], |_, contract| contract["columns"]["id"]["class"] = json!("name"), "has a class"),
        (&["note"], same, "has a class"),
        (&["born"], same, "neither INT64 nor STRING"),
        (&["other"], same, "not in the export"),
        (&[], same, "has no column"),
        (
            &["id"],
            |_, contract| {
                contract["columns"].as_object_mut().unwrap().remove("id");
            },
            "not in the contract",
        ),
        (
            &["id"],
            |plan, contract| {
                contract["columns"]["note"] = json!({
                    "source": "text", "type": "STRING", "class": "none", "transform": "tokenise",
                });
                plan.columns[1].action = Action::Tokenise { domain: String::new() };
                plan.columns[0].landed_name = "landbridge_deleted".to_owned();
                contract["columns"]["id"]["name"] = json!("landbridge_deleted");
            },
            "the name of a column",
        ),
        (
            &["note"],
            |plan, contract| {
                contract["columns"]["note"] = json!({
                    "source": "text", "type": "STRING", "class": "none", "transform": "tokenise",
                });
                plan.columns[1].action = Action::Tokenise { domain: String::new() };
            },
            "changed on the way",
        ),
        (
            &["id"],
            |plan, contract| {
                plan.columns[1].landed_name = "이름".to_owned();
                contract["columns"]["note"]["name"] = json!("이름");
            },
            "the name of a column",
        ),
    ];
    for (key, change, why) in cases {
        let found = found(key, change);
        assert!(found.as_ref().is_err_and(|it| it.contains(why)), "{why}: {found:?}");
    }
}

#[test]
fn a_statement_must_cost_less_than_the_way_out() {
    const GIB: u64 = 1 << 30;
    let seoul = |scanned, delta, full| is_cheaper("ap-northeast-2", scanned, delta, full);
    // 10 dollars for a TiB against some 0.13 for a GiB.
    assert!(seoul(10 * GIB, 0, GIB));
    assert!(!seoul(20 * GIB, 0, GIB));
    assert!(!seoul(0, GIB, GIB) && seoul(0, GIB - 1, GIB));
    assert!(!seoul(0, 0, 0));
    assert!(!is_cheaper("mars-north-1", 0, 0, GIB));
}
