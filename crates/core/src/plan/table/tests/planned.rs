//! What a plan contains of the export, and what holds a table.

use expect_test::{Expect, expect};

use super::*;
use crate::contract::TableContract;
use crate::types::{Annotation, OriginalColumn, Physical};

fn file(key: &str, rows: u64, columns: &[&str]) -> DataFile {
    let column = |name: &&str| ParquetColumn {
        name: (*name).to_owned(),
        physical: Physical::ByteArray,
        annotation: Annotation::String,
    };
    DataFile {
        object: ObjectMeta {
            key: key.to_owned(),
            etag: format!("etag of {key}"),
            bytes: 10 * rows,
        },
        rows,
        columns: columns.iter().map(column).collect(),
        parts: Vec::new(),
    }
}

struct Case<'a> {
    files: &'a [DataFile],
    original: &'a [&'a str],
    contract: Option<TableContract>,
    default_table: &'a str,
}

impl Case<'_> {
    fn plan(&self) -> TablePlan {
        let original = |name: &&str| OriginalColumn {
            name: (*name).to_owned(),
            original_type: "numeric".to_owned(),
            precision: 12,
            scale: Some(2),
            ..OriginalColumn::default()
        };
        plan_table(&TableInput {
            max_load_uris: crate::plan::table::MAX_LOAD_URIS,
            source_table: "public.t",
            table: "t",
            default_table: self.default_table,
            engine: Engine::Postgres,
            status: &TableStatus {
                target: "shop.public.t".to_owned(),
                status: String::new(),
                warning: None,
                columns: self.original.iter().map(original).collect(),
            },
            files: self.files,
            contract: self.contract.as_ref(),
            others: Others::Unclassified,
            landed: &LandedColumns::new(),
            dropped: &BTreeSet::new(),
            column_names: ColumnNames::Flexible,
            times: &TimeRules::default(),
            landed_types: &BTreeMap::new(),
            prefix: "shop/2026-11-21/t",
        })
    }

    #[track_caller]
    fn check(&self, expected: Expect) {
        let plan = self.plan();
        let folder = format!("shop/2026-11-21/t/{}", plan.digest());
        let mut lines = format!("{} rows, {} bytes\n", plan.rows, plan.bytes);
        for SourceColumn { parquet, source, precision, scale, action, .. } in &plan.columns {
            let action = action.describe();
            let scale = scale.map_or("-".to_owned(), |scale| scale.to_string());
            lines.push_str(&format!("{} {source}({precision},{scale}) {action}\n", parquet.name));
        }
        for item in &plan.items {
            let name = item.object.strip_prefix(&folder).expect("in the folder of the plan");
            let from = match &item.from {
                ItemSource::Object { key, etag, bytes } => format!("{key}, {etag}, {bytes} bytes"),
                ItemSource::NoRows { columns } => format!("no object, {} columns", columns.len()),
            };
            lines.push_str(&format!("{} …{name}: {from}, {} rows\n", item.number, item.rows));
        }
        if let Some(problem) = &plan.problem {
            lines.push_str(&format!("{}: {}: {}\n", problem.kind, problem.what, problem.context));
        }
        if plan.listing.is_empty() {
            lines.push_str("no listing\n");
        }
        expected.assert_eq(&lines);
    }
}

#[test]
fn rows_bytes_and_digits_are_of_the_export() {
    let files = [file("a", 3, &["x", "y"]), file("b", 4, &["x", "y"])];
    let case = Case { files: &files, original: &["y"], contract: None, default_table: "t" };
    case.check(expect![[r#"
        7 rows, 70 bytes
        x (0,-) 
        y numeric(12,2) 
        0 …/00000.parquet: a, etag of a, 30 bytes, 3 rows
        1 …/00001.parquet: b, etag of b, 40 bytes, 4 rows
    "#]]);
    assert_eq!((case.plan().default_table.as_str(), case.plan().default_table()), ("", "t"));
    let renamed = Case { default_table: "public_t", ..case }.plan();
    assert_eq!((renamed.default_table.as_str(), renamed.default_table()), ("public_t", "public_t"));
}

#[test]
fn a_table_without_a_file_needs_the_columns_of_the_manifest() {
    let case = Case { files: &[], original: &["x", "y"], contract: None, default_table: "t" };
    case.check(expect![[r#"
        0 rows, 0 bytes
        x numeric(12,2) 
        y numeric(12,2) 
        0 …/00000.parquet: no object, 2 columns, 0 rows
    "#]]);
    Case { original: &[], ..case }.check(expect![[r#"
        0 rows, 0 bytes
        Corrupt: the export contains neither a file nor column definitions for a table: public.t
        no listing
    "#]]);
}

#[test]
fn files_with_different_columns_hold_the_table() {
    let files = [file("a", 3, &["x"]), file("b", 4, &["x"]), file("c", 5, &["x", "y"])];
    let case = Case { files: &files, original: &[], contract: None, default_table: "t" };
    case.check(expect![[r#"
        12 rows, 120 bytes
        Corrupt: a Parquet file has another schema than the other files of its table: c differs from a
        no listing
    "#]]);
}

#[test]
fn a_table_of_which_no_column_is_in_a_file_is_held() {
    let contract = |second: Option<Transform>| {
        let text = |transform| contract::ColumnContract {
            transform,
            ..contract::ColumnContract::new("text", BigQueryType::String, "none")
        };
        let columns = [("x", Some(Transform::Drop)), ("y", second)];
        let columns = columns.map(|(name, transform)| (name.to_owned(), text(transform)));
        TableContract { columns: columns.into(), ..TableContract::default() }
    };
    let files = [file("a", 3, &["x", "y"])];
    let of = |second| Case {
        files: &files,
        original: &[],
        contract: Some(contract(second)),
        default_table: "t",
    };
    of(Some(Transform::SetNull)).check(expect![[r#"
        3 rows, 30 bytes
        x (0,-) drop
        y (0,-) set NULL
        Config: every column of a table is dropped or set to NULL; exclude the table from the export instead (`export.only`): public.t
    "#]]);
    of(None).check(expect![[r#"
        3 rows, 30 bytes
        x (0,-) drop
        y (0,-) 
        0 …/00000.parquet: a, etag of a, 30 bytes, 3 rows
    "#]]);
}
