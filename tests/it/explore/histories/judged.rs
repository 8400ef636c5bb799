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
