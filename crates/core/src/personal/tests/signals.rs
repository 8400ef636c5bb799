//! Signs that say something together: each case changes one sign of the first.

use super::{
    super::{Kind, names::Names, signals},
    *,
};

/// What the signs say of a column with so many values, which `value` makes of their numbers.
fn weigh(
    table: &str,
    source_type: &str,
    count: u32,
    value: impl Fn(u32) -> String,
) -> Option<Finding> {
    let mut evidence = Evidence::default();
    (0..count).for_each(|number| evidence.observe(&value(number)));
    let bigquery_type = bigquery_type(source_type);
    let subject =
        Subject { table, column: "qzxv", source_type, bigquery_type, rows: Rows::Unknown };
    signals::weigh(&Names::of(subject), &evidence).map(|verdict| verdict.finding)
}

/// Words that mean nothing, each another one.
fn word(number: u32) -> String {
    let letter =
        |at: u32| char::from(b'b' + u8::try_from((number / 20_u32.pow(at)) % 20).expect("small"));
    format!("{}o{}a{}u", letter(0), letter(1), letter(2))
}

#[test]
fn one_sign_can_decide() {
    let health = Some(Finding::Personal(Kind::Health));
    assert_eq!(weigh("patients", "varchar", 100, word), health);
    assert_eq!(weigh("patients", "varchar", 100, |number| word(number % 2)), health, "two values");
    assert_eq!(weigh("patients", "varchar", 5, word), None, "few values");
    assert_eq!(weigh("shelves", "varchar", 100, |number| word(number % 6)), None, "no person");
    let days = |number: u32| format!("2024-{:02}-{:02}", number % 12 + 1, number % 28 + 1);
    assert_eq!(weigh("patients", "date", 100, days), None, "dates");
    let links = |number: u32| format!("https://example.com/{}", word(number));
    assert_eq!(weigh("patients", "varchar", 100, links), None, "links");
    assert_eq!(
        weigh("patients", "integer", 100, |number| (number * 7).to_string()),
        None,
        "numbers"
    );
}
