//! The contract, applied to a planned table: its columns, its notes, or why it is not loaded.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::contract::TableContract;
use crate::types::{Annotation, OriginalColumn, Physical};

/// A table that is planned by one contract and resolved by another, or by the same.
struct Case<'a> {
    engine: Engine,
    /// Name and source type of the exported columns. A `struct` is a column that has no BigQuery type.
    export: &'a [(&'a str, &'a str)],
    planned: (Option<TableContract>, Others),
    now: (Option<TableContract>, Others),
    landed: LandedColumns,
    /// The columns of which a value is a misfit.
    text: &'a [&'a str],
}

fn contract(columns: Value) -> TableContract {
    serde_json::from_value(json!({ "columns": columns })).unwrap()
}

impl<'a> Case<'a> {
    /// Planned and resolved by the same contract.
    fn of(export: &'a [(&'a str, &'a str)], columns: Value) -> Self {
        let rule = (Some(contract(columns)), Others::Unclassified);
        let landed = LandedColumns::new();
        let engine = Engine::Postgres;
        Self { engine, export, planned: rule.clone(), now: rule, landed, text: &[] }
    }

    fn later(self, columns: Value) -> Self {
        Self { now: (Some(contract(columns)), self.now.1), ..self }
    }

    fn plan(&self) -> TablePlan {
        let original = |(name, source): &(&str, &str)| OriginalColumn {
            name: (*name).to_owned(),
            original_type: (*source).to_owned(),
            ..OriginalColumn::default()
        };
        let columns: Vec<_> = self.export.iter().map(original).collect();
        let exported = |column| {
            let (column, source): (ParquetColumn, _) = column;
            let (physical, annotation) = (Physical::Nested, Annotation::None);
            if source == "struct" {
                ParquetColumn { physical, annotation, ..column }
            } else {
                column
            }
        };
        let exported = columns.iter().map(|column| {
            exported((exported_column(self.engine, column), column.original_type.as_str()))
        });
        let file = DataFile {
            object: ObjectMeta { key: "k".to_owned(), etag: "e".to_owned(), bytes: 9 },
            rows: 1,
            columns: exported.collect(),
            parts: Vec::new(),
        };
        plan_table(&TableInput {
            max_load_uris: crate::plan::table::MAX_LOAD_URIS,
            source_table: "public.users",
            table: "users",
            default_table: "users",
            engine: self.engine,
            status: &TableStatus {
                target: "shop.public.users".to_owned(),
                status: String::new(),
                warning: Some("some rows are large".to_owned()),
                columns,
            },
            files: &[file],
            contract: self.planned.0.as_ref(),
            others: self.planned.1,
            landed: &self.landed,
            dropped: &BTreeSet::new(),
            column_names: ColumnNames::Flexible,
            times: &TimeRules::default(),
            landed_types: &BTreeMap::new(),
            prefix: "p",
        })
    }

    #[track_caller]
    fn check(&self, expected: Expect) {
        let (contract, others) = (self.now.0.as_ref(), self.now.1);
        let text = self.text.iter().map(|it| (*it).to_owned()).collect();
        let (names, times) = (ColumnNames::Flexible, TimeRules::default());
        let shown = match resolve_table(&self.plan(), contract, others, &text, names, &times) {
            Ok(resolved) => shown(&resolved),
            Err(error) => format!("{}: {error}\n", error.kind().name()),
        };
        expected.assert_eq(&shown);
    }
}

/// A line per column, then one per note except for the warning of the export, which every plan has.
fn shown(resolved: &ResolvedTable) -> String {
    let mut lines = String::new();
    for column in &resolved.columns {
        let DesiredColumn { name, source_column, class, .. } = column;
        let ty = ColumnType { ty: column.ty, repeated: column.repeated };
        let from =
            if source_column == name { String::new() } else { format!(" ({source_column})") };
        let mut line = format!("{name}{from}: {ty}, {class}");
        for (is, what) in [(column.in_source, "export"), (column.in_contract, "contract")] {
            if !is {
                line.push_str(&format!(", not in the {what}"));
            }
        }
        if let Some(description) = &column.description {
            line.push_str(&format!(", “{description}”"));
        }
        lines.push_str(&line);
        lines.push('\n');
    }
    let (warning, notes) = resolved.notes.split_first().expect("the warning of the export");
    assert_eq!(
        (warning.code, warning.to_string().as_str()),
        (NoteCode::ExportWarning, "some rows are large")
    );
    for note in notes {
        lines.push_str(&format!(
            "{:?} {}: {note}\n",
            note.code,
            note.column.as_deref().unwrap_or("-")
        ));
    }
    lines
}

#[test]
fn columns_have_the_types_and_classes_of_the_contract() {
    let export = [
        ("id", "bigint"),
        ("email", "text"),
        ("amount", "numeric"),
        ("tags", "ARRAY"),
        ("rrn", "text"),
        ("phone", "text"),
        ("memo", "date"),
    ];
    let columns = json!({
        "id": { "source": "bigint", "type": "INT64", "class": "none" },
        "email": { "source": "text", "type": "STRING", "class": "email", "description": "where to write" },
        "amount": { "source": "numeric", "type": "NUMERIC", "class": "none", "name": "price" },
        "tags": { "source": "integer[]", "type": "INT64", "mode": "REPEATED", "class": "none" },
        "rrn": { "source": "text", "type": "STRING", "class": "id", "transform": "drop" },
        "phone": { "source": "text", "type": "STRING", "class": "phone", "transform": "tokenise" },
        "memo": { "source": "date", "type": "DATE", "class": "none", "transform": "set_null" },
    });
    Case::of(&export, columns).check(expect![[r#"
        id: INT64, none
        email: STRING, email, “where to write”
        price (amount): NUMERIC, none
        tags: ARRAY<INT64>, none
        phone: STRING, phone
        memo: DATE, none
    "#]]);
}

#[test]
fn without_a_contract_every_column_is_unclassified() {
    let export = [("id", "bigint"), ("at", "timestamp without time zone")];
    let rule = (None, Others::Unclassified);
    Case { planned: rule.clone(), now: rule, ..Case::of(&export, json!({})) }.check(expect![[r#"
        id: INT64, unclassified, not in the contract
        at: STRING, unclassified, not in the contract
        TableNotInContract -: the contract does not contain this table: every column is masked for everyone
    "#]]);
}

#[test]
fn a_column_that_the_contract_does_not_name_is_unclassified_or_stays_in_aws() {
    let export = [("id", "bigint"), ("phone", "text"), ("Phone", "text")];
    let columns = json!({
        "id": { "source": "bigint", "type": "INT64", "class": "none" },
        "phone": { "source": "text", "type": "STRING", "class": "phone" },
    });
    let case = Case::of(&export, columns);
    case.check(expect![[r#"
        id: INT64, none
        phone: STRING, phone
        Phone_63dceb88 (Phone): STRING, unclassified, not in the contract
        NameDiffers Phone: column `Phone` is loaded as `Phone_63dceb88`, because BigQuery does not take its name, or another column has it; `name:` in contract.yaml sets another
        ColumnNotInContract Phone: column `Phone` is not in the contract: it is masked for everyone until contract.yaml contains it; it has `phone`, which is another column
    "#]]);
    let drop = (case.now.0.clone(), Others::Drop);
    let planned = drop.clone();
    Case { planned, now: drop.clone(), landed: LandedColumns::new(), ..case }.check(expect![[r#"
        id: INT64, none
        phone: STRING, phone
        ColumnStaysInAws Phone: column `Phone` is not in the contract and stays in AWS, because of `others: drop`
    "#]]);
    // The rule changed after the day was planned, to `drop` and from `drop`.
    let plain = (drop.0.clone(), Others::Unclassified);
    for (planned, now) in [(plain.clone(), drop.clone()), (drop, plain)] {
        let case = Case { planned, now, ..Case::of(&export, json!({})) };
        case.check(expect![[r#"
            Transient: the contract changed after the day was planned; the next tick of the transfer stage transfers the table again: users.Phone
        "#]]);
    }
}

/// A column with resident registration numbers that was added on a Friday has no legal basis yet.
#[test]
fn a_new_column_with_resident_numbers_stays_in_aws_until_the_contract_names_it() {
    let export =
        [("id", "bigint"), ("mbr_rrno", "character varying"), ("resident_count", "bigint")];
    let id = json!({ "source": "bigint", "type": "INT64", "class": "none" });
    let unnamed = Case::of(&export, json!({ "id": id }));
    let stays = expect![[r#"
        id: INT64, none
        resident_count: INT64, unclassified, not in the contract
        ColumnStaysInAws mbr_rrno: column `mbr_rrno` is not in the contract and stays in AWS, because its name says that it contains resident registration numbers; name it in contract.yaml with `transform: drop`, with `legal_basis`, or with `resident_number: false`
        ColumnNotInContract resident_count: column `resident_count` is not in the contract: it is masked for everyone until contract.yaml contains it
    "#]];
    unnamed.check(stays);
    // The basis is named after the day was planned: the table is transferred again.
    let named = json!({
        "id": id,
        "mbr_rrno": {
            "source": "character varying", "type": "STRING", "class": "unclassified",
            "legal_basis": "소득세법 제145조", "description": "of the payee",
        },
    });
    Case::of(&export, json!({ "id": id })).later(named.clone()).check(expect![[r#"
        Transient: the contract changed after the day was planned; the next tick of the transfer stage transfers the table again: users.mbr_rrno
    "#]]);
    let case = Case::of(&export, named);
    let resolved = resolve_table(
        &case.plan(),
        case.now.0.as_ref(),
        Others::Unclassified,
        &BTreeSet::new(),
        ColumnNames::default(),
        &TimeRules::default(),
    );
    let resolved = resolved.expect("the table can be loaded");
    let described = resolved.columns.iter().find(|it| it.name == "mbr_rrno");
    let description = described.and_then(|it| it.description.as_deref());
    assert_eq!(description, Some("of the payee\nLegal basis: 소득세법 제145조"));
}

#[test]
fn another_transform_or_name_in_the_contract_makes_another_plan() {
    let export = [("a", "text")];
    let plain = json!({ "a": { "source": "text", "type": "STRING", "class": "none" } });
    let again = || {
        expect![[r#"
            Transient: the contract changed after the day was planned; the next tick of the transfer stage transfers the table again: users.a
        "#]]
    };
    for (property, value) in [("transform", "drop"), ("transform", "tokenise"), ("name", "b")] {
        let mut changed = plain.clone();
        changed["a"][property] = value.into();
        Case::of(&export, plain.clone()).later(changed.clone()).check(again());
        Case::of(&export, changed).later(plain.clone()).check(again());
    }
    // A class and a description are no part of the plan.
    let mut class = plain.clone();
    class["a"]["class"] = "email".into();
    Case::of(&export, plain).later(class).check(expect![[r#"
        a: STRING, email
    "#]]);
}

#[test]
fn a_misfit_keeps_a_column_text() {
    let export = [("day", "date"), ("tags", "ARRAY"), ("other", "date")];
    let columns = json!({
        "day": { "source": "date", "type": "DATE", "class": "none", "on_misfit": "keep_text" },
        "tags": { "source": "integer[]", "type": "INT64", "mode": "REPEATED", "class": "none", "array_nulls": "text" },
        "other": { "source": "date", "type": "DATE", "class": "none", "on_misfit": "keep_text" },
    });
    Case { text: &["day", "tags"], ..Case::of(&export, columns) }.check(expect![[r#"
        day: STRING, none
        tags: STRING, none
        other: DATE, none
        ColumnStaysText day: column `day` stays STRING: not all its values can be read as DATE
        ColumnStaysText tags: column `tags` stays STRING, with its arrays as JSON: not all its values can be read as ARRAY<INT64>
    "#]]);
}

#[test]
fn another_type_in_the_export_than_in_the_contract_holds_the_table() {
    let case = |source, named: Value| Case::of(source, json!({ "a": named }));
    let number = |source: &str| json!({ "source": source, "type": "INT64", "class": "none" });
    case(&[("a", "boolean")], number("boolean")).check(expect![[r#"
        Held: the export has another type of a column than contract.yaml, so the table is not loaded: users.a: contract.yaml says INT64, and the export's `boolean` lands as BOOL; write `type: BOOL`
    "#]]);
    case(&[("a", "text")], number("bigint")).check(expect![[r#"
        Held: the export has another type of a column than contract.yaml, so the table is not loaded: users.a: contract.yaml says INT64 of the source type `bigint`, and the export's `text` lands as STRING; write `source: text` and a type that it can have
    "#]]);
    case(&[("a", "")], number("bigint")).check(expect![[r#"
        a: INT64, none
    "#]]);
    case(&[("a", "struct")], number("struct")).check(expect![[r#"
        Held: a column cannot be loaded: users.a: no BigQuery type fits the Parquet type Nested
    "#]]);
}

#[test]
fn a_column_of_the_contract_that_the_export_lacks_is_null() {
    let export = [("id", "bigint"), ("taken", "text")];
    let columns = json!({
        "id": { "source": "bigint", "type": "INT64", "class": "none" },
        "at": { "source": "date", "type": "DATE", "class": "birth", "description": "of birth", "name": "born" },
        "tags": { "source": "integer[]", "type": "INT64", "mode": "REPEATED", "class": "none" },
        // No column of BigQuery: a dropped one, and one whose name another column has.
        "rrn": { "source": "text", "type": "STRING", "class": "id", "transform": "drop" },
        "former": { "source": "text", "type": "STRING", "class": "none", "name": "TAKEN" },
    });
    let case = Case::of(&export, columns.clone());
    case.check(expect![[r#"
        id: INT64, none
        taken: STRING, unclassified, not in the contract
        born (at): DATE, birth, not in the export, “of birth”
        tags: ARRAY<INT64>, none, not in the export
        ColumnNotInContract taken: column `taken` is not in the contract: it is masked for everyone until contract.yaml contains it
        ColumnNotInExport at: column `at` is in the contract and not in today's export: it is NULL
        ColumnNotInExport tags: column `tags` is in the contract and not in today's export: it is NULL
    "#]]);
    // The plan is made of the export alone, so an entry that comes later changes only the columns.
    let only_id = json!({ "id": columns["id"] });
    Case::of(&export, only_id).later(columns).check(expect![[r#"
        id: INT64, none
        taken: STRING, unclassified, not in the contract
        born (at): DATE, birth, not in the export, “of birth”
        tags: ARRAY<INT64>, none, not in the export
        ColumnNotInContract taken: column `taken` is not in the contract: it is masked for everyone until contract.yaml contains it
        ColumnNotInExport at: column `at` is in the contract and not in today's export: it is NULL
        ColumnNotInExport tags: column `tags` is in the contract and not in today's export: it is NULL
    "#]]);
}

#[test]
fn notes_say_which_columns_have_another_name() {
    let export = [("Phone", "text"), ("값(원)", "text"), ("나이(만)", "text")];
    let text = json!({ "source": "text", "type": "STRING", "class": "none" });
    let mut named = text.clone();
    named["name"] = "age".into();
    let columns = json!({ "phone": text, "값(원)": text, "나이(만)": named });
    let mysql = |columns| Case { engine: Engine::Mysql, ..Case::of(&export, columns) };
    mysql(columns).check(expect![[r#"
        phone (Phone): STRING, none
        값_원 (값(원)): STRING, none
        age (나이(만)): STRING, none
        LetterCaseDiffers Phone: column `Phone` is described by `phone` of contract.yaml: BigQuery ignores letter case
        NameDiffers 값(원): column `값(원)` is loaded as `값_원`, because BigQuery does not take its name, or another column has it; `name:` in contract.yaml sets another
    "#]]);
}

/// `Phone` landed beside a `phone` that is gone since, so it keeps the name that it got then. The name
/// that its entry would give it is free now, and is no column that the export lacks.
#[test]
fn a_column_that_keeps_its_second_name_is_in_the_export() {
    let landed = LandedColumn { name: "Phone_63dceb88".to_owned(), key: Some("Phone".to_owned()) };
    let columns = json!({ "Phone": { "source": "text", "type": "STRING", "class": "none" } });
    let landed = LandedColumns::from([("Phone".to_owned(), landed)]);
    Case { landed, ..Case::of(&[("Phone", "text")], columns) }.check(expect![[r#"
        Phone_63dceb88 (Phone): STRING, none
        NameDiffers Phone: column `Phone` is loaded as `Phone_63dceb88`, because BigQuery does not take its name, or another column has it; `name:` in contract.yaml sets another
    "#]]);
}
