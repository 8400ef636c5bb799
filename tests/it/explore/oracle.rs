//! The oracle sees what it must see: without these tests, histories without a violation would
//! prove nothing.

use landbridge_tests::explore::canary::SourceType::{Bigint, Text};
use landbridge_tests::explore::history::on_large_stack;
use landbridge_tests::explore::oracle::Place;
use landbridge_tests::explore::terms::{Class, ColumnTerms, Edit, TableTerms, Terms};
use landbridge_tests::explore::world::{Source, Stage, World};

const PEOPLE: &str = "public.people";

/// Runs a day with a column `account` of this class, and then `change`. Returns the violations.
fn violations(class: Class, change: impl AsyncFnOnce(&mut World) + Send) -> Vec<String> {
    on_large_stack(|| violations_here(class, change))
}

fn violations_here(class: Class, change: impl AsyncFnOnce(&mut World)) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let columns = [("id", Bigint, Class::None), ("account", Text, class)];
    let mut source = Source::default();
    let types = columns.iter().map(|(name, ty, _)| ((*name).to_owned(), *ty));
    source.tables.insert(PEOPLE.to_owned(), types.collect());
    let columns = columns.map(|(name, ty, class)| (name.to_owned(), ColumnTerms::new(ty, class)));
    let table = TableTerms { columns: columns.into(), ..TableTerms::default() };
    let terms = Terms { tables: [(PEOPLE.to_owned(), table)].into(), ..Terms::default() };
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut world = World::start(&source, &terms, &Place::ALL, false).await;
        world.export(false).await;
        for stage in [Stage::Transfer, Stage::Load, Stage::Load] {
            world.invoke(stage, 0, 0, landbridge_tests::explore::gate::Stop::Never).await;
        }
        world.gate.check_event();
        assert!(world.oracle().result().is_empty(), "{:?}", world.oracle().result());
        change(&mut world).await;
        world.gate.check_event();
        let violations = world.oracle().result();
        violations.into_iter().map(|violation| violation.what).collect()
    })
}

/// The oracle learns of a contract in force that the product does not know.
async fn pretend(world: &mut World, edit: Edit) {
    let mut terms = world.terms();
    terms.apply(&edit);
    let mut oracle = world.oracle();
    oracle.deploy(terms);
    oracle.pass_completed(1);
}

fn account(class: Class) -> Edit {
    Edit::Class(PEOPLE.to_owned(), "account".to_owned(), class)
}

#[test]
fn it_sees_plain_masked_and_hashed_values() {
    for (before, now, expected) in [
        (Class::None, Class::Nothing, "the stranger reads plain values of public.people.account"),
        (Class::None, Class::Tail, "the analyst reads plain values of public.people.account"),
        (
            Class::Tail,
            Class::Nothing,
            "the analyst reads the last characters of public.people.account",
        ),
        (Class::Hashed, Class::Tail, "the analyst reads unsalted hashes of public.people.account"),
        (Class::Tail, Class::Unclassified, "the reader of personal data reads plain values"),
    ] {
        let found = violations(before, async |world| pretend(world, account(now)).await);
        assert!(found.iter().any(|it| it.starts_with(expected)), "{before:?} {now:?}: {found:?}");
    }
    let found = violations(Class::Tail, async |world| pretend(world, account(Class::None)).await);
    assert_eq!(found, [""; 0], "a looser class is never violated");
}

#[test]
fn it_sees_former_rows() {
    let found = violations(Class::None, async |world| {
        world.next_day(1);
        world.export(false).await;
        for stage in [Stage::Transfer, Stage::Load] {
            world.invoke(stage, 0, 0, landbridge_tests::explore::gate::Stop::Never).await;
        }
        pretend(world, account(Class::Nothing)).await;
    });
    assert!(found.iter().any(|it| it.contains("account, by time travel")), "{found:?}");
}

#[test]
fn it_sees_a_column_that_the_daily_judgement_closes() {
    for (class, expected) in [(Class::None, true), (Class::Tail, false)] {
        let found = violations(class, async |world| world.oracle().find(PEOPLE, "account"));
        let reads =
            |it: &String| it.starts_with("the stranger reads plain values of public.people");
        assert_eq!(found.iter().any(reads), expected, "{class:?}: {found:?}");
    }
}

/// After a pin it looks at what another contract opens: the pin of a contract that is not in force any more, values that
/// look personal of a column that had a class.
#[test]
fn it_sees_values_that_look_personal_after_a_pin_and_after_a_class() {
    let pin = |pinned| Edit::Pinned(PEOPLE.to_owned(), "account".to_owned(), pinned);
    for (edits, expected) in [
        (vec![pin(true)], false),
        (vec![pin(true), pin(false)], false),
        (vec![account(Class::Nothing), account(Class::None)], true),
    ] {
        let found = violations(Class::None, async |world| {
            world.oracle().find(PEOPLE, "account");
            for (number, edit) in (1..).zip(&edits) {
                let mut terms =
                    world.oracle().deployments.last().expect("a contract").terms.clone();
                terms.apply(edit);
                let mut oracle = world.oracle();
                oracle.deploy(terms);
                oracle.pass_completed(number);
            }
        });
        let reads =
            |it: &String| it.starts_with("the stranger reads plain values of public.people");
        assert_eq!(found.iter().any(reads), expected, "{edits:?}: {found:?}");
    }
}

#[test]
fn it_sees_objects_and_records() {
    let found = violations(Class::Tail, async |world| {
        world.open_landing_bucket();
        world.oracle().landing_written();
        world.put_cells_into_the_ledger().await;
    });
    for expected in [
        "the project viewer reads plain values of public.people.account (text) in gs://shop-landing/",
        "the operator reads a value of public.people.account (text) in ledger/shop/a-record.json",
    ] {
        assert!(found.iter().any(|it| it.starts_with(expected)), "{expected}: {found:?}");
    }
}
