//! Histories that once ended with a readable value. Each must end without a violation.

use std::collections::BTreeMap;

use landbridge_tests::explore::canary::SourceType::{self, Bigint, Date, Naive, Text, Varchar};
use landbridge_tests::explore::gate::{At, Calls, Stop};
use landbridge_tests::explore::history::{Options, SourceEdit};
use landbridge_tests::explore::oracle::Place;
use landbridge_tests::explore::terms::{
    Class, ColumnTerms, Edit, TableTerms, Terms, Time, Transform,
};
use landbridge_tests::explore::world::{Source, Stage};
use landbridge_tests::explore::{Event, History, run};

mod again;
mod judged;

const PEOPLE: &str = "public.people";
const ORDERS: &str = "public.orders";

type Columns<'a> = &'a [(&'a str, SourceType, Class)];

/// A source and a contract that speaks of all its columns.
fn start(tables: &[(&str, Columns<'_>)]) -> History {
    let mut source = Source::default();
    let mut terms = Terms::default();
    for (table, columns) in tables {
        let types = columns.iter().map(|(name, ty, _)| ((*name).to_owned(), *ty));
        source.tables.insert((*table).to_owned(), types.collect());
        let columns = columns
            .iter()
            .map(|(name, ty, class)| ((*name).to_owned(), ColumnTerms::new(*ty, *class)));
        let columns: BTreeMap<String, ColumnTerms> = columns.collect();
        terms.tables.insert((*table).to_owned(), TableTerms { columns, ..TableTerms::default() });
    }
    History { source, terms, events: Vec::new() }
}

fn people(class: Class) -> History {
    start(&[(PEOPLE, &[("id", Bigint, Class::None), ("account", Text, class)])])
}

/// A whole day that nothing disturbs.
fn day() -> Vec<Event> {
    vec![
        Event::Export { fails: false },
        Event::tick(Stage::Transfer),
        Event::tick(Stage::Load),
        Event::tick(Stage::Load),
    ]
}

/// The protection pass of a new contract, and the five minutes after which it is in force.
fn in_force() -> Vec<Event> {
    vec![Event::tick(Stage::Protect), Event::Minutes(6)]
}

fn deploy(edit: Edit) -> Vec<Event> {
    vec![Event::Deploy(vec![edit])]
}

fn class(table: &str, column: &str, class: Class) -> Edit {
    Edit::Class(table.to_owned(), column.to_owned(), class)
}

fn column(table: &str, column: &str, terms: ColumnTerms) -> Edit {
    Edit::Column(table.to_owned(), column.to_owned(), terms)
}

/// Runs the history; the oracle looks at tables.
fn check(history: History, events: impl IntoIterator<Item = Vec<Event>>) {
    check_places(history, events, &[Place::Table]);
}

fn check_places(
    mut history: History,
    events: impl IntoIterator<Item = Vec<Event>>,
    places: &[Place],
) {
    history.events = events.into_iter().flatten().collect();
    run_clean(&history, &options(places));
}

fn options(places: &[Place]) -> Options {
    let trace = std::env::var_os("TRACE").is_some();
    Options { places: places.to_vec(), trace, ..Options::default() }
}

/// Runs the history, which must end without a violation.
fn run_clean(history: &History, options: &Options) {
    let outcome = run(history, options);
    for line in &outcome.trace {
        println!("{line}");
    }
    println!(
        "{} calls, {} checks, {} versions of rows",
        outcome.calls, outcome.checks, outcome.versions
    );
    let looks_at_tables = options.places.contains(&Place::Table);
    assert!(outcome.versions > 0 || !looks_at_tables, "nothing was loaded");
    let violations: Vec<String> =
        outcome.violations.iter().map(|violation| format!("  - {violation}\n")).collect();
    assert!(
        violations.is_empty(),
        "{} violations:\n{}\nhistory:\n{history}",
        violations.len(),
        violations.concat()
    );
}

#[test]
fn an_undisturbed_day() {
    check(people(Class::Tail), [day(), vec![Event::Days(1)], day()]);
}

/// BigQuery's discovery document says that a schema without `policyTags` removes the tag, users report
/// that it keeps it: a patch of one column opens no other under either.
#[test]
fn a_patch_of_one_column_opens_no_other_under_either_reading_of_the_documentation() {
    let columns =
        [("id", Bigint, Class::None), ("account", Text, Class::Tail), ("born", Date, Class::None)];
    let stricter = class(PEOPLE, "born", Class::Nothing);
    let (new, terms) = ("phone".to_owned(), ColumnTerms::new(Text, Class::Unclassified));
    let added = Event::Source(SourceEdit::Column(PEOPLE.to_owned(), new, Text));
    let events = [
        day(),
        deploy(stricter),
        in_force(),
        vec![Event::Days(1), added],
        day(),
        deploy(column(PEOPLE, "phone", terms)),
        in_force(),
    ];
    let mut history = start(&[(PEOPLE, &columns)]);
    history.events = events.into_iter().flatten().collect();
    for clears_omitted_tags in [false, true] {
        let options = Options { clears_omitted_tags, ..options(&[Place::Table]) };
        run_clean(&history, &options);
    }
}

/// Yesterday's rows are plain and masked; today's contract speaks of other rows.
fn new_terms_for_account(from: History, to: Edit) {
    check(
        from,
        [day(), vec![Event::Days(1)], deploy(to), in_force(), day(), vec![Event::Minutes(6)]],
    );
}

#[test]
fn a_classed_column_becomes_tokens() {
    let token = ColumnTerms::new(Text, Class::None).transformed(Transform::Tokenise);
    new_terms_for_account(people(Class::Tail), column(PEOPLE, "account", token));
}

#[test]
fn a_classed_column_becomes_tokens_and_the_load_is_refused() {
    let token = ColumnTerms::new(Text, Class::None).transformed(Transform::Tokenise);
    check(
        people(Class::Tail),
        [
            day(),
            vec![Event::Days(1)],
            deploy(column(PEOPLE, "account", token)),
            in_force(),
            vec![Event::FailJob("invalid")],
            day(),
            vec![Event::Minutes(30)],
        ],
    );
}

#[test]
fn a_classed_column_becomes_null() {
    let null = ColumnTerms::new(Text, Class::None).transformed(Transform::SetNull);
    new_terms_for_account(people(Class::Nothing), column(PEOPLE, "account", null));
}

#[test]
fn a_classed_column_has_another_type_in_the_source() {
    let mut events = vec![day(), vec![Event::Days(1)]];
    events.push(vec![Event::Source(SourceEdit::Column(
        PEOPLE.to_owned(),
        "account".to_owned(),
        Varchar,
    ))]);
    events.push(deploy(column(PEOPLE, "account", ColumnTerms::new(Varchar, Class::None))));
    events.extend([in_force(), day(), vec![Event::Minutes(6)]]);
    check(people(Class::Tail), events);
}

/// Two tables, each with a column `account` of another class.
fn people_and_orders() -> History {
    start(&[
        (PEOPLE, &[("id", Bigint, Class::None), ("account", Text, Class::Nothing)]),
        (ORDERS, &[("id", Bigint, Class::None), ("account", Text, Class::None)]),
    ])
}

#[test]
fn two_tables_exchange_their_names() {
    let swap = Edit::Swap(PEOPLE.to_owned(), ORDERS.to_owned());
    new_terms_for_account(people_and_orders(), swap);
}

#[test]
fn a_stricter_class_reaches_a_table_that_is_published_today() {
    let stricter = class(PEOPLE, "account", Class::Nothing);
    check(
        people(Class::None),
        [day(), deploy(stricter), in_force(), vec![Event::tick(Stage::Load), Event::Minutes(1)]],
    );
}

#[test]
fn a_stricter_class_reaches_a_held_table() {
    let stricter = class(PEOPLE, "account", Class::Nothing);
    let broken = SourceEdit::Break(Some(PEOPLE.to_owned()));
    check(
        people(Class::None),
        [
            day(),
            vec![Event::Days(1), Event::Source(broken)],
            deploy(stricter),
            in_force(),
            day(),
            vec![Event::Minutes(6)],
        ],
    );
}

#[test]
fn a_stricter_class_reaches_a_skipped_table() {
    let stricter = class(PEOPLE, "account", Class::Nothing);
    let skipped = SourceEdit::Skip(PEOPLE.to_owned(), true);
    check(
        people_and_orders(),
        [
            deploy(class(PEOPLE, "account", Class::None)),
            day(),
            vec![Event::Days(1), Event::Source(skipped)],
            deploy(stricter),
            in_force(),
            day(),
            vec![Event::Minutes(6)],
        ],
    );
}

#[test]
fn a_stricter_class_reaches_a_table_that_is_gone_from_the_source() {
    let stricter = class(PEOPLE, "account", Class::Nothing);
    check(
        people_and_orders(),
        [
            deploy(class(PEOPLE, "account", Class::None)),
            day(),
            vec![Event::Days(1), Event::Source(SourceEdit::RemoveTable(PEOPLE.to_owned()))],
            deploy(stricter),
            in_force(),
            day(),
            vec![Event::Minutes(6)],
        ],
    );
}

#[test]
fn a_stricter_class_reaches_the_old_table_of_a_new_name() {
    let rename = Edit::Rename(PEOPLE.to_owned(), Some("persons".to_owned()));
    check(
        people(Class::None),
        [
            day(),
            vec![
                Event::Days(1),
                Event::Deploy(vec![class(PEOPLE, "account", Class::Nothing), rename]),
            ],
            in_force(),
            day(),
            vec![Event::Minutes(6)],
        ],
    );
}

#[test]
fn a_day_is_done_again_with_a_new_transform() {
    let token = ColumnTerms::new(Text, Class::None).transformed(Transform::Tokenise);
    check(
        people(Class::Tail),
        [
            day(),
            deploy(column(PEOPLE, "account", token)),
            in_force(),
            vec![
                Event::Redo { days_back: 0, objects: true },
                // The export is found by its name.
                Event::Export { fails: false },
                Event::tick(Stage::Transfer),
                Event::tick(Stage::Load),
                Event::tick(Stage::Load),
                Event::Minutes(6),
            ],
        ],
    );
}

#[test]
fn the_ledger_holds_no_bound_of_a_classed_column() {
    let columns: Columns<'_> = &[
        ("id", Bigint, Class::None),
        ("born", Date, Class::Nothing),
        ("code", Bigint, Class::Unclassified),
    ];
    check_places(start(&[(PEOPLE, columns)]), [day()], &[Place::Ledger, Place::Receipts]);
}

#[test]
fn the_project_viewer_cannot_read_the_landing_bucket() {
    check_places(people(Class::Tail), [day()], &[Place::Landing]);
}

fn stopped(stage: Stage, stop: Stop) -> Event {
    Event::Run { stage, days_back: 0, contracts_back: 0, stop }
}

/// A load under a contract that leaves the column open stops at a change of BigQuery; a contract
/// that hides the column is deployed and in force; the load goes on.
fn a_load_goes_on_after_a_stricter_contract(stop: Stop) {
    check(
        people(Class::None),
        [
            vec![
                Event::Export { fails: false },
                Event::tick(Stage::Transfer),
                stopped(Stage::Load, stop),
            ],
            deploy(class(PEOPLE, "account", Class::Nothing)),
            in_force(),
            vec![
                Event::Resume { which: 0, stop: Stop::Never },
                Event::LateCall,
                Event::tick(Stage::Load),
                Event::Minutes(6),
            ],
        ],
    );
}

const fn change(n: usize) -> At {
    At { calls: Calls::Warehouse, n }
}

#[test]
fn a_load_of_a_former_contract_goes_on_before_its_table_exists() {
    a_load_goes_on_after_a_stricter_contract(Stop::PauseBefore(change(1)));
}

#[test]
fn a_load_of_a_former_contract_goes_on_before_its_job() {
    a_load_goes_on_after_a_stricter_contract(Stop::PauseBefore(change(2)));
}

#[test]
fn a_job_of_a_dead_load_of_a_former_contract_arrives_late() {
    a_load_goes_on_after_a_stricter_contract(Stop::CrashLate(change(2)));
}

/// The table is open, and a load under this contract is about to patch it for a new column. A
/// contract that hides the column is in force, and a load under it closes the table. The patch of
/// the former contract arrives.
#[test]
fn a_patch_of_a_former_contract_arrives_after_the_pass() {
    let note = SourceEdit::Column(PEOPLE.to_owned(), "note".to_owned(), Text);
    check(
        people(Class::None),
        [
            day(),
            vec![Event::Days(1), Event::Source(note)],
            deploy(column(PEOPLE, "note", ColumnTerms::new(Text, Class::None))),
            vec![
                Event::Export { fails: false },
                Event::tick(Stage::Transfer),
                stopped(Stage::Load, Stop::PauseBefore(change(1))),
            ],
            deploy(class(PEOPLE, "account", Class::Nothing)),
            in_force(),
            vec![
                Event::tick(Stage::Load),
                Event::Resume { which: 0, stop: Stop::Never },
                Event::Minutes(6),
            ],
        ],
    );
}

/// PostgreSQL has `account` and `"Account"` as two columns; BigQuery ignores the case of letters. The
/// contract speaks of the first, and the source has both.
#[test]
fn a_column_beside_another_that_differs_in_case_only_is_another_column() {
    let both = SourceEdit::Column(PEOPLE.to_owned(), "Account".to_owned(), Text);
    check(
        people(Class::None),
        [
            day(),
            vec![Event::Days(1), Event::Source(both)],
            day(),
            vec![Event::tick(Stage::Protect), Event::Minutes(6)],
            vec![Event::Days(1)],
            day(),
        ],
    );
}

/// The column is renamed in letter case, and the contract, which speaks of its former name, hides
/// more, and then the contract follows the source.
#[test]
fn a_column_renamed_in_letter_case_follows_the_contract() {
    let to = |edit: SourceEdit| Event::Source(edit);
    let (people_table, account) = (PEOPLE.to_owned(), "account".to_owned());
    check(
        people(Class::None),
        [
            day(),
            vec![
                Event::Days(1),
                to(SourceEdit::Column(people_table.clone(), "Account".to_owned(), Text)),
                to(SourceEdit::RemoveColumn(people_table, account)),
            ],
            day(),
            in_force(),
            deploy(class(PEOPLE, "account", Class::Tail)),
            in_force(),
            vec![Event::Days(1)],
            day(),
            deploy(column(PEOPLE, "Account", ColumnTerms::new(Text, Class::Nothing))),
            in_force(),
            vec![Event::Days(1)],
            day(),
        ],
    );
}

/// A pass stops at a table; a load records a newer contract; the pass goes on and leaves the other
/// tables alone. It must not report that its contract is in force.
#[test]
fn a_pass_that_a_newer_contract_overtakes_is_not_complete() {
    let tables: &[(&str, Columns<'_>)] = &[
        (ORDERS, &[("account", Text, Class::Nothing)]),
        (PEOPLE, &[("code", Bigint, Class::Nothing)]),
    ];
    let calls = [Calls::Table, Calls::Claim];
    for at in calls.into_iter().flat_map(|calls| (1..=4).map(move |n| At { calls, n })) {
        let events = vec![
            Event::Export { fails: false },
            Event::tick(Stage::Transfer),
            Event::Deploy(vec![class(ORDERS, "account", Class::Tail)]),
            Event::tick(Stage::Load),
            Event::Days(1),
            Event::Source(SourceEdit::RemoveTable(ORDERS.to_owned())),
            Event::Export { fails: false },
            Event::tick(Stage::Transfer),
            Event::Rollback(2),
            Event::Deploy(vec![class(PEOPLE, "code", Class::None)]),
            Event::Run {
                stage: Stage::Protect,
                days_back: 0,
                contracts_back: 1,
                stop: Stop::PauseAfter(at),
            },
            Event::tick(Stage::Load),
            Event::Resume { which: 0, stop: Stop::Never },
        ];
        check(start(tables), [events]);
    }
}

/// A time that landed as DATETIME becomes TIMESTAMP: the table is held, and the column gets another name.
/// The load that adds it stops at each of its changes of BigQuery, and goes on or arrives late.
#[test]
fn a_column_of_another_type_lands_beside_the_old_one_and_is_never_open() {
    let tables: &[(&str, Columns<'_>)] =
        &[(PEOPLE, &[("id", Bigint, Class::None), ("at", Naive, Class::Nothing)])];
    let (people, at) = (|| PEOPLE.to_owned(), || "at".to_owned());
    for n in 1..=4 {
        for stop in [Stop::PauseAfter(change(n)), Stop::CrashLate(change(n))] {
            let beside = vec![
                Event::tick(Stage::Transfer),
                stopped(Stage::Load, stop),
                Event::tick(Stage::Protect),
                Event::Resume { which: 0, stop: Stop::Never },
                Event::LateCall,
                Event::tick(Stage::Load),
                Event::Minutes(6),
            ];
            check(
                start(tables),
                [
                    day(),
                    vec![Event::Days(1)],
                    deploy(Edit::Time(people(), at(), Time::Instant)),
                    in_force(),
                    day(),
                    deploy(Edit::Name(people(), at(), Some("at_timestamp"))),
                    in_force(),
                    beside,
                ],
            );
        }
    }
}

/// Two columns of different classes exchange their names, and exchange them again.
#[test]
fn two_columns_exchange_their_names() {
    let tables: &[(&str, Columns<'_>)] =
        &[(PEOPLE, &[("account", Text, Class::Nothing), ("note", Text, Class::None)])];
    let swap = || deploy(Edit::SwapColumns(PEOPLE.to_owned(), "account", "note"));
    let next = || vec![Event::Days(1)];
    check(
        start(tables),
        [day(), next(), swap(), in_force(), day(), next(), swap(), in_force(), day(), in_force()],
    );
}

/// A load stops at any of its calls for a table and goes on after the next day was loaded, whose column has
/// another source type: the contract does not describe the rows that are there now. (Drawn with the
/// seed 14931.)
#[test]
fn a_load_goes_on_after_the_next_day_was_loaded() {
    let table = |n| At { calls: Calls::Table, n };
    for n in 1..=7 {
        for stop in [Stop::PauseBefore(table(n)), Stop::PauseAfter(table(n))] {
            let events = vec![
                Event::Export { fails: false },
                Event::tick(Stage::Transfer),
                stopped(Stage::Load, stop),
                Event::Days(1),
                Event::Source(SourceEdit::Column(ORDERS.to_owned(), "account".to_owned(), Varchar)),
                Event::Export { fails: false },
                Event::tick(Stage::Transfer),
                Event::tick(Stage::Load),
                Event::Resume { which: 0, stop: Stop::Never },
                Event::tick(Stage::Load),
                Event::Minutes(6),
            ];
            check(start(&[(ORDERS, &[("account", Text, Class::None)])]), [events]);
        }
    }
}
