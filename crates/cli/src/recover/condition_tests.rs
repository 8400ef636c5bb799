use super::super::columns::Column;
use super::*;

fn chosen() -> Choice {
    let columns = [
        ("id", Kind::Number),
        ("amount", Kind::Number),
        ("note", Kind::Text),
        ("placed", Kind::Time),
        ("paid", Kind::Bool),
        ("photo", Kind::Bytes),
        ("Note", Kind::Text),
    ];
    let kept: Vec<Column> = columns.iter().map(|(name, kind)| Column::test(name, *kind)).collect();
    let left_out = ["email", "Paid"].map(|column| super::super::columns::LeftOut {
        column: column.to_owned(),
        reason: "class email".to_owned(),
    });
    Choice { kept, left_out: left_out.into() }
}

fn row() -> [Cell<'static>; 7] {
    [
        Some(b"12"),
        Some(b"-0012.50"),
        Some(b"50% of it"),
        Some(b"2026-11-21 05:00:00.5+09"),
        Some(b"t"),
        Some(&[1]),
        None,
    ]
}

fn holds(text: &str) -> bool {
    let condition = Condition::parse(text, "public.orders", &chosen());
    let condition = condition.unwrap_or_else(|error| panic!("{text}: {error}"));
    condition.is_true(&row()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn rows_are_chosen_as_sql_chooses_them() {
    for text in [
        "id = 12",
        "12 = id",
        "id IN (1, 2, 12)",
        "id NOT IN (1, 2)",
        "id BETWEEN 12 AND 13",
        "NOT id BETWEEN 13 AND 14",
        "9 < id AND id < 100",
        "amount = -12.5",
        "amount > -12.51 AND amount < 0",
        "amount < -3",
        "note LIKE '50\\% of%'",
        "note LIKE '%it'",
        "note LIKE '50_ % __'",
        "note NOT LIKE '%other%'",
        "note = '50% of it'",
        "placed = '2026-11-20 20:00:00.5'",
        "placed >= '2026-11-20' AND placed < '2026-11-21'",
        "placed < '2026-11-21 05:00:01+09'",
        "paid",
        "paid = TRUE AND NOT paid = FALSE",
        "photo IS NOT NULL",
        "\"Note\" IS NULL",
        "ID = 12 OR id = 13",
        "(id = 1 OR id = 12) AND paid",
    ] {
        assert!(holds(text), "{text}");
    }
    for text in [
        "id <> 12",
        "id = 1.2",
        "NOT paid",
        "amount > 0",
        "note LIKE '50'",
        "note LIKE '_'",
        // Unknown is not true, and neither is its negation.
        "\"Note\" = 'x'",
        "NOT \"Note\" = 'x'",
        "id = NULL",
        "id NOT IN (1, NULL)",
        "\"Note\" NOT LIKE '%x%'",
    ] {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn a_condition_on_a_column_with_a_class_is_refused() {
    let refused = |text: &str| {
        let refused = Condition::parse(text, "public.orders", &chosen());
        refused.err().unwrap_or_else(|| panic!("{text} is accepted")).to_string()
    };
    assert!(refused("email = 'a@example.com'").contains("would show its values"));
    assert!(refused("Email IS NULL").contains("would show its values"));
    assert!(refused("\"Paid\" = TRUE").contains("would show its values"));
    assert!(refused("missing = 1").contains("There are: id, amount"));
    assert!(refused("id = '1e3'").contains("without an exponent"));
    assert!(refused("note = 5").contains("in single quotes"));
    assert!(refused("placed > 'monday'").contains("2026-11-21"));
    assert!(refused("photo = 'x'").contains("IS NULL"));
    assert!(refused("NOTE = 'x'").contains("several columns"));
    for text in [
        "id = 1; DROP TABLE x",
        "id",
        "lower(note) = 'x'",
        "id = (SELECT 1)",
        "id =",
        "1 = 1",
        "note LIKE id",
    ] {
        refused(text);
    }
}

#[test]
fn a_value_that_cannot_be_compared_is_an_error_without_the_value() {
    let condition = Condition::parse("placed > '2026-01-01'", "public.orders", &chosen()).unwrap();
    let mut row = row();
    row[3] = Some(b"secret");
    let message = condition.is_true(&row).unwrap_err().to_string();
    assert!(message.contains("public.orders.placed") && !message.contains("secret"), "{message}");
    row[3] = Some(b"infinity");
    assert!(condition.is_true(&row).unwrap());
}

#[test]
fn nan_and_infinity_are_ordered_as_postgresql_orders_them() {
    let holds = |form: Form, cell: &[u8], text: &str| {
        let mut column = Column::test("amount", Kind::Number);
        column.form = form;
        let chosen = Choice { kept: vec![column], left_out: Vec::new() };
        let condition = Condition::parse(text, "public.orders", &chosen).unwrap();
        condition.is_true(&[Some(cell)]).unwrap()
    };
    for (cell, text, expected) in [
        ("NaN", "amount > 100", true),
        ("NaN", "amount = 'NaN'", true),
        ("NaN", "amount > 'Infinity'", true),
        ("NaN", "amount <= 100", false),
        ("NaN", "NOT amount = 5", true),
        ("Infinity", "amount > 100", true),
        ("inf", "amount = 'infinity'", true),
        ("inf", "amount < 'NaN'", true),
        ("-Infinity", "amount < -100", true),
        ("-inf", "amount BETWEEN '-Infinity' AND 0", true),
        ("7", "amount < 'NaN'", true),
        ("7", "amount > '-Infinity'", true),
        ("7", "amount = 'NaN'", false),
    ] {
        for form in [Form::Float, Form::Text] {
            assert_eq!(holds(form, cell.as_bytes(), text), expected, "{cell} {text}");
        }
    }
}

#[test]
fn blanks_at_the_end_of_a_character_n_mean_nothing_but_in_a_pattern() {
    for (source, text, expected) in [
        ("character", "code = 'AB'", true),
        ("character", "code IN ('x', 'AB      ')", true),
        ("character", "code > 'AA' AND code <= 'AB'", true),
        ("character", "code LIKE 'AB'", false),
        ("character", "code LIKE 'AB%'", true),
        ("character varying", "code = 'AB'", false),
        ("text", "code = 'AB   '", true),
    ] {
        let mut column = Column::test("code", Kind::Text);
        source.clone_into(&mut column.source);
        let chosen = Choice { kept: vec![column], left_out: Vec::new() };
        let condition = Condition::parse(text, "public.orders", &chosen).unwrap();
        assert_eq!(condition.is_true(&[Some(&b"AB   "[..])]).unwrap(), expected, "{source} {text}");
    }
}
