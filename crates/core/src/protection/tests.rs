//! Which class the columns of a table have.

use super::*;
use crate::contract::Others;
use crate::rewrite::{OnMisfit, TargetType};
use crate::types::{Annotation, ParquetColumn, Physical};

const LATER: &str = "2026-11-28T17:10:00Z";

fn rows(source_table: &str, columns: &[(&str, ColumnRows)]) -> TableRows {
    let columns = columns.iter().map(|(name, rows)| ((*name).to_owned(), rows.clone()));
    TableRows {
        source_table: source_table.to_owned(),
        default_table: source_table.replace("public.", ""),
        columns: Some(columns.collect()),
        ..TableRows::unknown()
    }
}

fn text() -> ColumnRows {
    ColumnRows {
        landed_name: String::new(),
        contract_key: None,
        source: "text".to_owned(),
        ty: BigQueryType::String,
        repeated: false,
        transform: None,
        token_domain: None,
        zone: None,
        stays_text: false,
        looks_like: None,
        not_judged: None,
        class: None,
    }
}

fn tokens() -> ColumnRows {
    ColumnRows { transform: Some(Transform::Tokenise), ..text() }
}

fn named(class: &str, transform: Option<Transform>) -> ColumnContract {
    ColumnContract { transform, ..ColumnContract::new("text", BigQueryType::String, class) }
}

fn contract(table: Option<&str>, column: ColumnContract) -> Contract {
    let table = TableContract {
        table: table.map(str::to_owned),
        columns: [("c".to_owned(), column)].into(),
        ..TableContract::default()
    };
    Contract {
        version: 1,
        others: Others::Unclassified,
        tables: [("public.t".to_owned(), table)].into(),
    }
}

/// The class of column `c` of table `t`.
fn class(current: &[&TableRows], former: &[&TableRows], contract: &Contract) -> ClassNow {
    let until: Timestamp = LATER.parse().unwrap();
    let readable = ReadableRows {
        current: current.to_vec(),
        former: former.iter().map(|rows| (*rows, until)).collect(),
    };
    readable.class_now("t", "c", contract)
}

#[test]
fn a_class_applies_only_to_rows_that_the_contract_describes() {
    let plain = rows("public.t", &[("c", text())]);
    let made = rows("public.t", &[("c", tokens())]);
    let nulls = ColumnRows { transform: Some(Transform::SetNull), ..text() };
    let nulls = rows("public.t", &[("c", nulls)]);
    let absent = rows("public.t", &[]);
    let other = rows("public.other", &[("c", text())]);
    let number = ColumnRows { source: "integer".into(), ty: BigQueryType::Int64, ..text() };
    let number = rows("public.t", &[("c", number)]);
    let in_domain = ColumnRows { token_domain: Some("cards".into()), ..tokens() };
    let in_domain = rows("public.t", &[("c", in_domain)]);
    let of_varchar = ColumnRows { source: "character varying".into(), ..text() };
    let of_varchar = rows("public.t", &[("c", of_varchar)]);
    let no_manifest = rows("public.t", &[("c", ColumnRows { source: String::new(), ..text() })]);
    let unknown = TableRows::unknown();

    let keep = contract(None, named("email", None));
    let tokenise = contract(None, named("none", Some(Transform::Tokenise)));
    let set_null = contract(None, named("none", Some(Transform::SetNull)));
    let drop = contract(None, named("none", Some(Transform::Drop)));
    let elsewhere = contract(Some("u"), named("none", None));
    let empty = Contract { version: 1, others: Others::Unclassified, tables: BTreeMap::new() };
    let cases: [(&str, &[&TableRows], &Contract, &str); 20] = [
        ("plain rows, plain contract", &[&plain], &keep, "email"),
        ("plain rows, a contract for tokens", &[&plain], &tokenise, "unclassified"),
        ("plain rows, a contract for NULLs", &[&plain], &set_null, "unclassified"),
        ("plain rows, a contract that drops", &[&plain], &drop, "unclassified"),
        ("tokens, a contract for tokens", &[&made], &tokenise, "none"),
        ("tokens, plain contract", &[&made], &keep, "unclassified"),
        ("tokens of another domain", &[&in_domain], &tokenise, "unclassified"),
        ("tokens that may be replaced by plain rows", &[&made, &plain], &tokenise, "unclassified"),
        ("plain rows that may be replaced by tokens", &[&plain, &made], &keep, "unclassified"),
        ("NULLs, a contract for NULLs", &[&nulls], &set_null, "none"),
        ("NULLs hide nothing", &[&nulls], &keep, "email"),
        ("NULLs that may be replaced by plain rows", &[&nulls, &plain], &keep, "email"),
        ("an absent column", &[&absent], &keep, "email"),
        ("an absent column of a contract that drops it", &[&absent], &drop, "unclassified"),
        ("another source table", &[&other], &keep, "unclassified"),
        ("another source type", &[&number], &keep, "unclassified"),
        ("another source type of the same BigQuery type", &[&of_varchar], &keep, "unclassified"),
        ("a source type that is not in the manifest", &[&no_manifest], &keep, "email"),
        ("a contract that loads the table elsewhere", &[&plain], &elsewhere, "unclassified"),
        ("a contract without the table", &[&plain], &empty, "unclassified"),
    ];
    for (what, current, contract, expected) in cases {
        let actual = class(current, &[], contract);
        assert_eq!((actual.class.as_str(), actual.waits_until), (expected, None), "{what}");
    }
    assert_eq!(class(&[&unknown], &[], &keep).class, "unclassified");
    let upper = rows("public.t", &[("C", text())]);
    assert_eq!(class(&[&upper], &[], &keep).class, "unclassified", "another source column");
    let both = rows("public.t", &[("C", text()), ("c", text())]);
    assert_eq!(class(&[&both], &[], &keep).class, "unclassified", "one of two columns");
    assert_eq!(class(&[], &[], &keep).class, "unclassified", "nothing is recorded");
}

/// Two source columns, one open and one with personal data, of which one has the BigQuery name
/// `c` now and the other had it before.
#[test]
fn a_name_that_moves_to_another_source_column_opens_nothing() {
    let as_c = |source: &str| {
        let rows_of = ColumnRows { landed_name: "c".into(), ..text() };
        rows("public.t", &[(source, rows_of)])
    };
    let (open, personal) = (as_c("open"), as_c("personal"));
    let entry = |class: &str, name: &str| {
        let named = named(class, None);
        ColumnContract { name: Some(name.to_owned()), ..named }
    };
    let mut now = contract(None, named("none", None));
    let columns = &mut now.tables.get_mut("public.t").unwrap().columns;
    *columns =
        [("open".to_owned(), entry("none", "c")), ("personal".to_owned(), entry("email", "d"))]
            .into();
    let until = Some(LATER.parse().unwrap());
    let closed = |waits_until| ClassNow { class: "unclassified".into(), waits_until };
    // What can be read counts, not where the contract will load it.
    assert_eq!(class(&[&personal], &[], &now).class, "email");
    assert_eq!(class(&[&open], &[], &now).class, "none");
    for both in [[&personal, &open], [&open, &personal]] {
        assert_eq!(class(&both, &[], &now).class, "email", "rows that may be replaced");
    }
    assert_eq!(class(&[&open], &[&personal], &now), closed(until), "time travel");
    assert_eq!(class(&[&personal], &[&open], &now).class, "email");
    // Two classes with different readers.
    let columns = &mut now.tables.get_mut("public.t").unwrap().columns;
    columns.get_mut("open").unwrap().class = "phone".to_owned();
    assert_eq!(class(&[&personal, &open], &[], &now), closed(None));
    // The name that a column left: NULL in the rows, and in the former ones personal data.
    let gone = rows("public.t", &[]);
    columns_are(&mut now, &[("personal", entry("email", "d"))]);
    assert_eq!(class(&[&gone], &[&personal], &now), closed(None));
    // Another column of the contract will land under it.
    columns_are(&mut now, &[("personal", entry("email", "d")), ("new", entry("none", "c"))]);
    assert_eq!(class(&[&gone], &[&personal], &now), closed(until));
    assert_eq!(class(&[&gone], &[], &now).class, "none");
}

fn columns_are(contract: &mut Contract, columns: &[(&str, ColumnContract)]) {
    let columns = columns.iter().map(|(key, entry)| ((*key).to_owned(), entry.clone()));
    contract.tables.get_mut("public.t").unwrap().columns = columns.collect();
}

#[test]
fn rows_are_described_by_the_entry_that_named_them() {
    let by_key = ColumnRows { contract_key: Some("c".into()), ..text() };
    let renamed = rows("public.t", &[("C", by_key)]);
    assert_eq!(class(&[&renamed], &[], &contract(None, named("email", None))).class, "email");
    // The contract follows the source: its exact name counts.
    let mut now = contract(None, named("none", None));
    columns_are(&mut now, &[("C", named("email", None)), ("c", named("none", None))]);
    assert_eq!(class(&[&renamed], &[], &now).class, "email");
    columns_are(&mut now, &[("Ć", named("none", None))]);
    assert_eq!(class(&[&renamed], &[], &now).class, "unclassified");
}

#[test]
fn a_class_waits_for_the_end_of_time_travel() {
    let plain = rows("public.t", &[("c", text())]);
    let made = rows("public.t", &[("c", tokens())]);
    let tokenise = contract(None, named("none", Some(Transform::Tokenise)));
    let until = Some(LATER.parse().unwrap());
    let waits = class(&[&made], &[&plain], &tokenise);
    assert_eq!(waits, ClassNow { class: "unclassified".into(), waits_until: until });
    assert_eq!(class(&[&made], &[&made], &tokenise).class, "none");
    let unknown = TableRows::unknown();
    assert_eq!(class(&[&made], &[&unknown], &tokenise).waits_until, until);
    let closed = contract(None, named("unclassified", Some(Transform::Tokenise)));
    assert_eq!(class(&[&made], &[&plain], &closed).waits_until, None);
}

#[test]
fn text_because_of_a_misfit_is_described_by_a_contract_that_allows_it() {
    let date = ColumnContract {
        bigquery_type: BigQueryType::Date,
        on_misfit: Some(OnMisfit::KeepText),
        ..named("birth", None)
    };
    assert!(ColumnRows { stays_text: true, ..text() }.is_described_by(&date));
    assert!(!text().is_described_by(&date), "text that was not expected");
}

/// A zone says what the values mean and hides nothing. A type that follows from it closes the
/// column like any other.
#[test]
fn another_zone_describes_the_same_rows_and_another_type_does_not() {
    let local = ColumnRows {
        source: "datetime".into(),
        ty: BigQueryType::Timestamp,
        zone: Some("Asia/Seoul".into()),
        ..text()
    };
    let contract = |ty| ColumnContract::new("datetime", ty, "none");
    assert!(local.is_described_by(&contract(BigQueryType::Timestamp)));
    assert!(!local.is_described_by(&contract(BigQueryType::DateTime)));
}

#[test]
fn former_rows_are_readable_for_the_window() {
    let former = FormerRows { replaced_at: LATER.parse().unwrap(), rows: TableRows::unknown() };
    assert_eq!(former.readable_until(48).to_string(), "2026-11-30T17:10:00Z");
}

fn source(name: &str, source: &str, action: Action) -> SourceColumn {
    let parquet = ParquetColumn {
        name: name.to_owned(),
        physical: Physical::ByteArray,
        annotation: Annotation::String,
    };
    SourceColumn { action, ..SourceColumn::new(parquet, source) }
}

/// What a load records before its first row: the class of every column rests on it.
#[test]
fn the_rows_of_a_plan_say_where_they_come_from_and_what_was_done_to_each_column() {
    let to = TargetType::TimestampIn("Asia/Seoul".to_owned());
    let tokenise = |domain: &str| Action::Tokenise { domain: domain.to_owned() };
    let plan = TablePlan {
        source_table: "public.people".to_owned(),
        table: "people_2".to_owned(),
        default_table: "people".to_owned(),
        revision: 1,
        redo: 3,
        export_redo: 0,
        columns: vec![
            source("kept", "text", Action::Keep),
            source("gone", "text", Action::Drop),
            source("empty", "text", Action::SetNull),
            source("account", "text", tokenise("cards")),
            source("plain_token", "text", tokenise("")),
            source("at", "datetime", Action::Retype { to, on_misfit: Some(OnMisfit::KeepText) }),
            SourceColumn {
                landed_name: "phone_2".to_owned(),
                contract_key: Some("phone".to_owned()),
                ..source("Phone", "varchar", Action::Keep)
            },
        ],
        items: Vec::new(),
        rows: 0,
        bytes: 0,
        listing: String::new(),
        problem: None,
        notes: Vec::new(),
    };
    let day: Day = "2026-11-21".parse().unwrap();
    let types = |name: &str| match name {
        "at" => Some(ColumnType::scalar(BigQueryType::Timestamp)),
        "kept" => Some(ColumnType { repeated: true, ..ColumnType::scalar(BigQueryType::Int64) }),
        _ => None,
    };
    let found = TableRows::of_plan(&plan, day, types, |name| name == "empty");
    let expected = [
        ("kept", ColumnRows { ty: BigQueryType::Int64, repeated: true, ..text() }),
        ("empty", ColumnRows { transform: Some(Transform::SetNull), stays_text: true, ..text() }),
        ("account", ColumnRows { token_domain: Some("cards".to_owned()), ..tokens() }),
        ("plain_token", tokens()),
        (
            "at",
            ColumnRows {
                source: "datetime".to_owned(),
                ty: BigQueryType::Timestamp,
                zone: Some("Asia/Seoul".to_owned()),
                ..text()
            },
        ),
        (
            "Phone",
            ColumnRows {
                landed_name: "phone_2".to_owned(),
                contract_key: Some("phone".to_owned()),
                source: "varchar".to_owned(),
                ..text()
            },
        ),
    ];
    assert_eq!(
        found,
        TableRows {
            day: Some(day),
            dropped: ["gone".to_owned()].into(),
            default_table: "people".to_owned(),
            redo: 3,
            ..rows("public.people", &expected)
        }
    );
    let landed = found.landed_columns();
    assert_eq!(landed["kept"], LandedColumn { name: "kept".to_owned(), key: None });
    let phone = LandedColumn { name: "phone_2".to_owned(), key: Some("phone".to_owned()) };
    assert_eq!((landed.len(), &landed["Phone"]), (6, &phone));
}

#[test]
fn unclassified_hides_most_and_none_nothing() {
    assert!(class_rank("none") < class_rank("email"));
    assert_eq!(class_rank("email"), class_rank("account"));
    assert!(class_rank("account") < class_rank("unclassified"));
}

/// What `none` was said of are not these values, until a person pins it or gives them a class.
#[test]
fn values_that_look_personal_are_described_by_a_pin_or_a_class() {
    let suspected = |name: &str| LooksPersonal {
        kind: name.to_owned(),
        reason: "90 % of 100 sampled values look like phone numbers".to_owned(),
        day: "2026-11-22".parse().unwrap(),
    };
    let looks = ColumnRows { looks_like: Some(suspected("phone numbers")), ..text() };
    let (clean, personal) = (rows("public.t", &[("c", text())]), rows("public.t", &[("c", looks)]));
    let none = contract(None, named("none", None));
    let pinned = contract(None, ColumnContract { pinned: true, ..named("none", None) });
    let classed = contract(None, named("phone", None));
    let of = |current: &[&TableRows], former: &[&TableRows], contract: &Contract| {
        class(current, former, contract).class
    };
    // While the job may be writing, and afterwards; time travel still reaches the former rows.
    assert_eq!(of(&[&clean, &personal], &[], &none), "unclassified");
    assert_eq!(of(&[&personal], &[&clean], &none), "unclassified");
    assert_eq!(of(&[&clean], &[&personal], &none), "unclassified");
    assert_eq!(of(&[&personal], &[&clean], &pinned), "none");
    assert_eq!(of(&[&personal], &[], &classed), "phone");

    // The next day's rows look harmless: the column stays closed under each contract that says `none`, also after
    // another one hid it, or did not name it. Only a pin ends that.
    let unnamed = Contract::of_no_table();
    for (contract, said, kept) in
        [(&none, 1, true), (&classed, 0, true), (&unnamed, 0, true), (&pinned, 0, false)]
    {
        let mut next = clean.clone();
        next.keep_verdicts([&personal], contract);
        assert_eq!(next.suspected(contract).count(), said);
        assert_eq!(next.columns.as_ref().unwrap()["c"].looks_like.is_some(), kept);
        assert_eq!(of(&[&next], &[], &none), if kept { "unclassified" } else { "none" });
    }
    // Tokens in between say nothing of the values.
    let (mut made, mut next) = (rows("public.t", &[("c", tokens())]), clean.clone());
    made.keep_verdicts([&personal], &contract(None, named("none", Some(Transform::Tokenise))));
    next.keep_verdicts([&made, &personal], &none);
    assert_eq!(of(&[&next], &[], &none), "unclassified");

    // A column that was left out on a day, or whose newest rows are unknown, stays closed; a newer harmless
    // day, which can follow a pin only, does not.
    let (without, unknown) = (rows("public.t", &[("d", text())]), TableRows::unknown());
    for (earlier, kept) in
        [([&without, &personal], 1), ([&unknown, &personal], 1), ([&clean, &personal], 0)]
    {
        let mut next = clean.clone();
        next.keep_verdicts(earlier, &none);
        assert_eq!(next.suspected(&none).count(), kept);
    }
}

/// The values are the same under another name, so the suspicion lasts, until a person pins the new name.
#[test]
fn a_suspicion_survives_a_new_name_of_the_column_or_of_its_table() {
    let looks_like = LooksPersonal {
        kind: "phone numbers".to_owned(),
        reason: "90 % of 100 sampled values look like phone numbers".to_owned(),
        day: "2026-11-22".parse().unwrap(),
    };
    let looks = || ColumnRows { looks_like: Some(looks_like.clone()), ..text() };
    let personal = rows("public.t", &[("c", looks()), ("d", text())]);
    let number = || ColumnRows { ty: BigQueryType::Int64, ..text() };
    let under = |table: &str, columns: &[(&str, ColumnRows)], pinned: bool| {
        let entry = |(name, _): &(&str, ColumnRows)| {
            ((*name).to_owned(), ColumnContract { pinned, ..named("none", None) })
        };
        let columns_named = columns.iter().map(entry).collect();
        let mut contract = Contract::of_no_table();
        let entry = TableContract { columns: columns_named, ..TableContract::default() };
        contract.tables.insert(table.to_owned(), entry);
        let mut next = rows(table, columns);
        next.keep_verdicts([&personal], &contract);
        let suspected = next.suspected(&contract).map(|(name, _)| name.to_owned());
        suspected.collect::<Vec<_>>()
    };
    let (c, d) = (("c", text()), ("d", text()));
    // The table has another name in the source, and lands where it landed.
    assert_eq!(under("public.T", &[c.clone(), d.clone()], false), ["c"]);
    assert_eq!(under("public.other", &[c, d.clone()], false), ["c"]);
    // The column has another letter case, or another name.
    assert_eq!(under("public.t", &[("C", text()), d.clone()], false), ["C"]);
    assert_eq!(under("public.t", &[("memo", text()), d.clone()], false), ["memo"]);
    assert_eq!(under("public.t", &[("memo", text()), d.clone()], true), [""; 0]);
    // A number is not the text, and beside the suspected column a new column is another one.
    assert_eq!(under("public.t", &[("total", number()), d.clone()], false), [""; 0]);
    assert_eq!(under("public.t", &[("c", text()), d, ("memo", text())], false), ["c"]);
}

/// No sample can be read: a column that was readable stays so, and one that nothing is known of stays closed.
#[test]
fn values_that_cannot_be_judged_keep_the_verdict_of_earlier_rows() {
    let day = |day: u8| format!("2026-11-{day}").parse::<Day>().unwrap();
    let unread = |on| {
        let not_judged = Some(NotJudged { since: day(on), never_before: true });
        rows("public.t", &[("c", ColumnRows { not_judged, ..text() })])
    };
    let (none, judged) = (contract(None, named("none", None)), rows("public.t", &[("c", text())]));
    let pinned = contract(None, ColumnContract { pinned: true, ..named("none", None) });
    let classed = contract(None, named("phone", None));
    let found = |rows: &TableRows| rows.not_judged(&none).next().map(|(_, it)| it);
    let known = |since| Some(NotJudged { since: day(since), never_before: false });
    let unknown = |since| Some(NotJudged { since: day(since), never_before: true });

    let (mut second, mut third, mut first) = (unread(22), unread(23), unread(21));
    second.keep_verdicts([&judged], &none);
    assert_eq!(found(&second), known(22));
    assert_eq!(class(&[&judged, &second], &[], &none).class, "none");
    third.keep_verdicts([&second], &none);
    assert_eq!(found(&third), known(22), "since the first of the days");

    first.keep_verdicts([&TableRows::unknown()], &none);
    assert_eq!(found(&first), unknown(21));
    let mut next = unread(22);
    next.keep_verdicts([&first], &none);
    assert_eq!(found(&next), unknown(21), "a second day says no more");
    for (contract, expected) in [(&none, "unclassified"), (&pinned, "none"), (&classed, "phone")] {
        assert_eq!(class(&[&next], &[], contract).class, expected);
    }
    assert_eq!((next.not_judged(&pinned).count(), next.not_judged(&classed).count()), (0, 0));
    assert!(unknown(21).is_some_and(|it| it.needs_a_person(day(21))));
    for (on, expected) in [(22, false), (23, false), (24, true), (28, true)] {
        assert_eq!(known(22).is_some_and(|it| it.needs_a_person(day(on))), expected, "{on}");
    }
    // Tokens are no verdict on the values that replace them.
    let mut after_tokens = unread(22);
    after_tokens.keep_verdicts([&rows("public.t", &[("c", tokens())])], &none);
    assert_eq!(found(&after_tokens), unknown(22));

    // Judged at last.
    let mut later = judged.clone();
    later.keep_verdicts([&next], &none);
    assert_eq!((found(&later), class(&[&later], &[], &none).class.as_str()), (None, "none"));

    // What looked personal stays so, and is said once.
    let looks_like = LooksPersonal {
        kind: "phone numbers".to_owned(),
        reason: "90 % of 100 sampled values look like phone numbers".to_owned(),
        day: day(21),
    };
    let personal = ColumnRows { looks_like: Some(looks_like), ..text() };
    let mut next = unread(22);
    next.keep_verdicts([&rows("public.t", &[("c", personal)])], &none);
    assert_eq!((next.suspected(&none).count(), next.not_judged(&none).count()), (1, 0));
    assert_eq!(class(&[&next], &[], &none).class, "unclassified");
}
