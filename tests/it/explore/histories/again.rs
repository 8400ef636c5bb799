//! Histories in which a day is done again.

use super::*;

/// Two tables exchange their names, and the day is done again.
#[test]
fn two_tables_exchange_their_names_and_the_day_is_done_again() {
    let history = start(&[
        ("public.items", &[("id", Bigint, Class::None)]),
        (ORDERS, &[("id", Bigint, Class::Nothing)]),
    ]);
    check(
        history,
        [
            day(),
            deploy(Edit::Swap("public.items".to_owned(), ORDERS.to_owned())),
            vec![Event::Redo { days_back: 0, objects: true }],
            day(),
        ],
    );
}

/// An object of the former contract has the name of one of the new contract, because the redo of a
/// day begins with revision 1 again. The transfer of the former contract records it after the redo.
#[test]
fn a_transfer_of_a_former_contract_goes_on_after_the_day_is_done_again() {
    let ledger = |n| At { calls: Calls::Ledger, n };
    let tables: &[(&str, Columns<'_>)] =
        &[(ORDERS, &[("account", Text, Class::Tail)]), (PEOPLE, &[("id", Bigint, Class::None)])];
    let tokens = Event::Deploy(vec![
        Edit::Transform(ORDERS.to_owned(), "account".to_owned(), Some(Transform::Tokenise)),
        class(ORDERS, "account", Class::Hashed),
    ]);
    let events = vec![
        Event::Export { fails: false },
        stopped(Stage::Transfer, Stop::CrashLate(ledger(5))),
        tokens,
        Event::Run {
            stage: Stage::Transfer,
            days_back: 0,
            contracts_back: 2,
            stop: Stop::PauseBefore(ledger(2)),
        },
        Event::Redo { days_back: 0, objects: false },
        Event::Export { fails: false },
        stopped(Stage::Transfer, Stop::CrashAfter(ledger(7))),
        Event::Resume { which: 0, stop: Stop::Never },
        Event::tick(Stage::Load),
    ];
    check(start(tables), [events]);
}

/// A load of the new contract has read the records of its objects. The day is done again, and a
/// transfer that still has the former contract writes objects with plain values. Then the load goes
/// on and inserts its job: it must not read those objects.
#[test]
fn a_load_goes_on_after_the_day_is_done_again_under_the_former_contract() {
    let ledger = |n| At { calls: Calls::Ledger, n };
    let tables: &[(&str, Columns<'_>)] =
        &[(PEOPLE, &[("account", Text, Class::Tail), ("id", Bigint, Class::None)])];
    for n in 1..=8 {
        let events = vec![
            Event::Deploy(vec![
                class(PEOPLE, "account", Class::None),
                Edit::Transform(PEOPLE.to_owned(), "account".to_owned(), Some(Transform::SetNull)),
            ]),
            Event::Export { fails: false },
            Event::tick(Stage::Transfer),
            stopped(Stage::Load, Stop::PauseAfter(ledger(n))),
            Event::Redo { days_back: 0, objects: true },
            Event::Export { fails: false },
            Event::Run {
                stage: Stage::Transfer,
                days_back: 0,
                contracts_back: 1,
                stop: Stop::Never,
            },
            Event::Resume { which: 0, stop: Stop::Never },
        ];
        check(start(tables), [events, day()]);
    }
}

/// A load stops; an operator requests the day again, and it is loaded again; then the first load goes on.
/// It must not bring its rows back.
#[test]
fn a_load_that_began_before_a_request_does_not_replace_the_rows_of_the_request() {
    let tables: &[(&str, Columns<'_>)] =
        &[(PEOPLE, &[("account", Text, Class::Tail), ("id", Bigint, Class::None)])];
    let calls = [(Calls::Ledger, 4), (Calls::Claim, 5), (Calls::Warehouse, 3)];
    for at in calls.into_iter().flat_map(|(calls, n)| (1..=n).map(move |n| At { calls, n })) {
        for export in [false, true] {
            let events = [
                vec![
                    Event::Export { fails: false },
                    Event::tick(Stage::Transfer),
                    stopped(Stage::Load, Stop::PauseAfter(at)),
                    Event::Request { days_back: 0, export },
                ],
                day(),
                vec![Event::tick(Stage::Load), Event::Resume { which: 0, stop: Stop::Never }],
                vec![Event::tick(Stage::Load)],
            ];
            let history = History { events: events.concat(), ..start(tables) };
            let outcome = run(&history, &Options::default());
            assert_eq!(outcome.violations, [], "{history}");
            assert_eq!(outcome.redos.values().collect::<Vec<_>>(), [&1], "{history}");
        }
    }
}
