//! One table's plan.

mod planned;
mod resolve;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::manifest::TableStatus;
use crate::names::columns::LandedColumns;
use crate::plan::objects::ObjectMeta;

#[test]
fn each_part_of_a_split_file_becomes_an_object() {
    let file = |key: &str, rows: &[u64]| DataFile {
        object: ObjectMeta { key: key.to_owned(), etag: "e".to_owned(), bytes: 9 },
        rows: rows.iter().sum(),
        columns: Arc::default(),
        parts: rows
            .iter()
            .enumerate()
            .map(|(at, rows)| FilePart { row_groups: at * 2..at * 2 + 2, rows: *rows })
            .collect(),
    };
    let files = [file("a", &[5, 6, 7]), file("b", &[8])];
    let input = TableInput {
        source_table: "public.t",
        table: "t",
        default_table: "t",
        engine: Engine::Postgres,
        status: &TableStatus {
            target: "shop.public.t".to_owned(),
            status: String::new(),
            warning: None,
            columns: Vec::new(),
        },
        files: &files,
        contract: None,
        others: Others::Unclassified,
        landed: &LandedColumns::new(),
        dropped: &BTreeSet::new(),
        column_names: ColumnNames::Flexible,
        times: &TimeRules::default(),
        landed_types: &BTreeMap::new(),
        prefix: "p",
        max_load_uris: MAX_LOAD_URIS,
    };
    let items = items(&input, Vec::new(), "p");
    let actual: Vec<_> = items
        .iter()
        .map(|item| (item.object.as_str(), item.rows, item.row_groups.clone()))
        .collect();
    assert_eq!(
        actual,
        [
            ("p/00000.parquet", 5, Some(0..2)),
            ("p/00001.parquet", 6, Some(2..4)),
            ("p/00002.parquet", 7, Some(4..6)),
            ("p/00003.parquet", 8, None),
        ]
    );
}

/// A load job of so many objects names them by a wildcard. An earlier plan of the same columns may
/// have left more objects, for example with another `cut_above_mib`.
#[test]
fn two_plans_of_a_table_that_needs_a_wildcard_share_no_folder() {
    let folder = |files: usize| {
        let file = |number: usize| DataFile {
            object: ObjectMeta { key: number.to_string(), etag: "e".to_owned(), bytes: 9 },
            rows: 1,
            columns: Vec::new().into(),
            parts: Vec::new(),
        };
        let files: Vec<DataFile> = (0..files).map(file).collect();
        let status = TableStatus {
            target: "shop.public.t".to_owned(),
            status: String::new(),
            warning: None,
            columns: Vec::new(),
        };
        let input = TableInput {
            source_table: "public.t",
            table: "t",
            default_table: "t",
            engine: Engine::Postgres,
            status: &status,
            files: &files,
            contract: None,
            others: Others::Unclassified,
            landed: &LandedColumns::new(),
            dropped: &BTreeSet::new(),
            column_names: ColumnNames::Flexible,
            times: &TimeRules::default(),
            landed_types: &BTreeMap::new(),
            prefix: "p",
            max_load_uris: MAX_LOAD_URIS,
        };
        let items = items(&input, Vec::new(), "p/0");
        let folders: BTreeSet<String> = items
            .iter()
            .filter_map(|item| Some(item.object.rsplit_once('/')?.0.to_owned()))
            .collect();
        assert_eq!(folders.len(), 1, "{folders:?}");
        folders.into_iter().next().expect("a folder")
    };
    assert_eq!((folder(2), folder(MAX_LOAD_URIS)), ("p/0".to_owned(), "p/0".to_owned()));
    let (large, larger) = (folder(MAX_LOAD_URIS + 1), folder(MAX_LOAD_URIS + 2));
    assert_ne!(large, larger);
    assert_eq!(large, folder(MAX_LOAD_URIS + 1));
    assert!(large.starts_with("p/0-"), "{large}");
}

/// The day is planned again when the contract changes or a table has a problem, also after some of
/// its tables were loaded.
#[test]
fn a_plan_is_the_same_after_its_rows_have_landed() {
    use crate::types::{Annotation, NaiveTimes, OriginalColumn, Physical};
    let (physical, annotation) = (Physical::Int64, Annotation::TimestampMicros);
    let column = |name: &str| ParquetColumn { name: name.to_owned(), physical, annotation };
    let original = |name: &str| OriginalColumn {
        name: name.to_owned(),
        original_type: "datetime".to_owned(),
        ..OriginalColumn::default()
    };
    let names = ["at", "At", "값(원)"];
    let file = DataFile {
        object: ObjectMeta { key: "a".to_owned(), etag: "e".to_owned(), bytes: 9 },
        rows: 1,
        columns: names.map(column).into(),
        parts: Vec::new(),
    };
    let status = TableStatus {
        target: "shop.shop.t".to_owned(),
        status: String::new(),
        warning: None,
        columns: names.map(original).into(),
    };
    let plan = |times: &TimeRules, landed: &LandedColumns, types: &BTreeMap<_, _>| {
        plan_table(&TableInput {
            source_table: "shop.t",
            table: "t",
            default_table: "t",
            engine: Engine::Mysql,
            status: &status,
            files: std::slice::from_ref(&file),
            contract: None,
            others: Others::Unclassified,
            landed,
            dropped: &BTreeSet::new(),
            column_names: ColumnNames::Flexible,
            times,
            landed_types: types,
            prefix: "p",
            max_load_uris: MAX_LOAD_URIS,
        })
    };
    let plain = TimeRules::default();
    let first = plan(&plain, &LandedColumns::new(), &BTreeMap::new());
    let landed = first.columns.iter().map(|it| {
        let (name, key) = (it.name().to_owned(), it.contract_key.clone());
        (it.parquet.name.clone(), LandedColumn { name, key })
    });
    let landed: LandedColumns = landed.collect();
    let types = |ty| names.map(|name| (name.to_owned(), ty)).into_iter().collect();
    assert_eq!(plan(&plain, &landed, &types(BigQueryType::DateTime)), first);
    // A type that landed under another rule stays.
    let kept = plan(&plain, &landed, &types(BigQueryType::Timestamp));
    assert_eq!(kept.columns[0].landed_type, Some(BigQueryType::Timestamp));
    assert_eq!(kept.columns[0].action, Action::Keep);
    // No other column records a type: one that the contract names, and one that is no time.
    assert_eq!(kept.columns.iter().filter(|it| it.landed_type.is_some()).count(), 3);
    let number = OriginalColumn { original_type: "timestamp".to_owned(), ..original("at") };
    let instant = TableStatus { columns: vec![number], ..status.clone() };
    let named = contract::ColumnContract::new("datetime", BigQueryType::DateTime, "none");
    let named = contract::TableContract {
        columns: [("at".to_owned(), named)].into(),
        ..contract::TableContract::default()
    };
    for (status, contract) in [(&instant, None), (&status, Some(&named))] {
        let plan = plan_table(&TableInput {
            max_load_uris: MAX_LOAD_URIS,
            source_table: "shop.t",
            table: "t",
            default_table: "t",
            engine: Engine::Mysql,
            status,
            files: std::slice::from_ref(&file),
            contract,
            others: Others::Unclassified,
            landed: &landed,
            dropped: &BTreeSet::new(),
            column_names: ColumnNames::Flexible,
            times: &plain,
            landed_types: &[("at".to_owned(), BigQueryType::Timestamp)].into(),
            prefix: "p",
        });
        assert_eq!(plan.columns[0].landed_type, None, "{contract:?}");
    }
    let utc = TimeRules { naive_times: NaiveTimes::Timestamp, zone: None };
    assert_eq!(plan(&utc, &landed, &types(BigQueryType::Timestamp)).columns[0].landed_type, None);
}
