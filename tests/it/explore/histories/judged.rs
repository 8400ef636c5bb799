//! Histories in which the values of a column that everyone may read begin to look personal.

use super::*;

fn looks_personal(personal: bool) -> Vec<Event> {
    let edit = SourceEdit::Personal(PEOPLE.to_owned(), "account".to_owned(), personal);
    vec![Event::Days(1), Event::Source(edit)]
}

fn pin(pinned: bool) -> Vec<Event> {
    deploy(Edit::Pinned(PEOPLE.to_owned(), "account".to_owned(), pinned))
}

/// The values look personal on one day. The column stays closed on later ones, until it is pinned.
#[test]
fn values_that_begin_to_look_personal_are_closed_until_they_are_pinned() {
    check(
        people(Class::None),
        [
            day(),
            looks_personal(true),
            day(),
            looks_personal(false),
            day(),
            in_force(),
            vec![Event::Days(1)],
            day(),
            pin(true),
            in_force(),
            looks_personal(true),
            day(),
        ],
    );
}

/// The load that brings such values stops at each of its changes, or its call arrives late; a pass and another load
/// run meanwhile.
#[test]
fn a_load_of_values_that_look_personal_stops_anywhere() {
    let claim = |n| At { calls: Calls::Claim, n };
    for stop in [
        Stop::PauseAfter(change(1)),
        Stop::CrashLate(change(1)),
        Stop::CrashLate(change(2)),
        Stop::PauseAfter(change(3)),
        Stop::CrashAfter(claim(1)),
        Stop::LoseResponse(claim(2)),
        Stop::CrashAfter(claim(3)),
    ] {
        let rest = vec![
            Event::tick(Stage::Protect),
            Event::Resume { which: 0, stop: Stop::Never },
            Event::LateCall,
            Event::tick(Stage::Load),
        ];
        check(
            people(Class::None),
            [
                day(),
                looks_personal(true),
                vec![
                    Event::Export { fails: false },
                    Event::tick(Stage::Transfer),
                    stopped(Stage::Load, stop),
                ],
                rest.clone(),
                looks_personal(false),
                vec![
                    Event::Export { fails: false },
                    Event::tick(Stage::Transfer),
                    stopped(Stage::Load, stop),
                ],
                rest,
            ],
        );
    }
}

/// The class of the column opens within minutes, or does not, whatever the pass and the load of the day do meanwhile.
#[test]
fn a_class_that_becomes_none_opens_no_values_that_look_personal() {
    for (before, stop) in [
        (Class::Nothing, Stop::Never),
        (Class::Unclassified, Stop::CrashAfter(change(1))),
        (Class::Tail, Stop::PauseAfter(change(1))),
        (Class::Hashed, Stop::LoseResponse(change(1))),
        (Class::Nothing, Stop::CrashLate(change(1))),
    ] {
        let rest = [Event::Resume { which: 0, stop: Stop::Never }, Event::LateCall];
        check(
            people(before),
            [
                day(),
                looks_personal(true),
                vec![Event::Export { fails: false }, Event::tick(Stage::Transfer)],
                deploy(class(PEOPLE, "account", Class::None)),
                vec![stopped(Stage::Load, stop), stopped(Stage::Protect, stop)],
                rest.to_vec(),
                vec![Event::tick(Stage::Load), Event::tick(Stage::Load)],
                in_force(),
                looks_personal(false),
                day(),
                deploy(class(PEOPLE, "account", before)),
                in_force(),
                vec![Event::Rollback(1)],
                in_force(),
            ],
        );
    }
}

/// A pin opens its own column, as long as it stands.
#[test]
fn a_pin_opens_its_own_column_as_long_as_it_stands() {
    let columns =
        [("id", Bigint, Class::None), ("account", Text, Class::None), ("memo", Text, Class::None)];
    let edit = SourceEdit::Personal(PEOPLE.to_owned(), "memo".to_owned(), true);
    check(
        start(&[(PEOPLE, &columns)]),
        [
            day(),
            looks_personal(true),
            vec![Event::Source(edit)],
            day(),
            pin(true),
            in_force(),
            vec![Event::Days(1)],
            day(),
            pin(false),
            in_force(),
        ],
    );
}

/// The table gets another name in BigQuery, and exchanges it with another table.
#[test]
fn a_suspicion_survives_another_name_of_the_table_in_bigquery() {
    let rename = Edit::Rename(PEOPLE.to_owned(), Some("persons".to_owned()));
    let columns: Columns<'_> = &[("id", Bigint, Class::None), ("account", Text, Class::None)];
    let swap = Edit::Swap(PEOPLE.to_owned(), ORDERS.to_owned());
    for edits in [vec![rename.clone()], vec![swap.clone()], vec![rename, swap]] {
        let deployed = |edit| [deploy(edit), looks_personal(false), day(), in_force()].concat();
        let renamed = edits.into_iter().flat_map(deployed).collect();
        check(
            start(&[(PEOPLE, columns), (ORDERS, columns)]),
            [day(), looks_personal(true), day(), renamed],
        );
    }
}
