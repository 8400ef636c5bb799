//! Names and values that mislead: each was judged wrong by a rule that looked right.

use super::super::{Evidence, Finding, Kind, Rows, Subject, Verdict, judge};
use super::bigquery_type;

/// The verdict on a column with a hundred values, which `value` makes of their numbers.
fn verdict(table: &str, column: &str, source_type: &str, value: impl Fn(u32) -> String) -> Verdict {
    let mut evidence = Evidence::default();
    (0..100).for_each(|number| evidence.observe(&value(number)));
    let bigquery_type = bigquery_type(source_type);
    let rows = Rows::Unknown;
    let subject = Subject { table, column, source_type, bigquery_type, rows };
    judge(subject, Some(&evidence))
}

fn pick(values: &'static [&'static str]) -> impl Fn(u32) -> String {
    move |number| values[number as usize % values.len()].to_owned()
}

#[test]
fn a_scenario_code_with_the_digits_of_a_card_is_no_card() {
    // 16 digits, and one in ten has the check digit of a card.
    let codes = |number: u32| format!("41110000{number:08}");
    let found = verdict("load_tests", "scenario_code", "varchar", codes);
    assert_ne!(found.finding, Finding::Personal(Kind::Card), "{}", found.reason);
}

#[test]
fn a_year_is_no_verification_code_of_a_card() {
    let years = |number: u32| (2000 + number % 26).to_string();
    for column in ["cvv_year", "year", "model_year"] {
        let found = verdict("card_products", column, "smallint", years);
        assert_eq!(found.finding, Finding::Harmless, "{column}: {}", found.reason);
    }
}

#[test]
fn whether_an_address_is_verified_is_not_the_address() {
    let found = verdict("users", "email_verified", "boolean", pick(&["t", "f"]));
    assert_eq!(found.finding, Finding::Harmless, "{}", found.reason);
}

#[test]
fn a_consent_to_mails_is_not_the_address() {
    let found = verdict("member", "email_yn", "char", pick(&["Y", "N"]));
    assert_eq!(found.finding, Finding::Harmless, "{}", found.reason);
}

#[test]
fn the_name_of_a_product_is_no_persons() {
    let products = pick(&["Oak Table", "Desk Lamp", "Wool Hat", "Mug", "하진 원목 책상", "이불"]);
    let found = verdict("products", "name", "varchar", products);
    assert_eq!(found.finding, Finding::Harmless, "{}", found.reason);
}

#[test]
fn the_name_of_a_table_is_no_persons() {
    let tables = pick(&["customers", "addresses", "phone_numbers", "members", "emails"]);
    let found = verdict("schema_changes", "table_name", "varchar", tables);
    assert_eq!(found.finding, Finding::Harmless, "{}", found.reason);
}

#[test]
fn a_browser_is_no_person() {
    let browsers = pick(&["Safari", "Chrome", "Edge", "Firefox", "Samsung Internet"]);
    for column in ["browser", "browser_name"] {
        let found = verdict("page_views", column, "varchar", &browsers);
        assert_eq!(found.finding, Finding::Harmless, "{column}: {}", found.reason);
    }
}

#[test]
fn the_telephone_of_a_branch_is_no_persons_and_a_mobile_number_there_is() {
    let lines = |number: u32| format!("02-{}-{:04}", 500 + number, number * 7);
    let found = verdict("매장정보", "매장전화", "varchar", lines);
    assert_eq!(found.finding, Finding::Harmless, "{}", found.reason);
    let mobiles = |number: u32| format!("010-{}-{:04}", 5000 + number, number * 7);
    let found = verdict("매장정보", "매장전화", "varchar", mobiles);
    assert_eq!(found.finding, Finding::Personal(Kind::Phone), "{}", found.reason);
}

#[test]
fn the_hash_of_a_thing_is_no_secret_and_that_of_a_password_is() {
    let hashes = |number: u32| format!("{:064x}", u128::from(number + 7) * 0x9e37_79b9_7f4a_7c15);
    let found = verdict("container_images", "image_digest", "varchar", hashes);
    assert_eq!(found.finding, Finding::Harmless, "{}", found.reason);
    let found = verdict("members", "password_hash", "varchar", hashes);
    assert_eq!(found.finding, Finding::Personal(Kind::Secret), "{}", found.reason);
}

#[test]
fn members_of_a_query_string_are_found() {
    let queries = pick(&["userNm=김민준&hpNo=01023456789", "page=2&size=20"]);
    let found = verdict("web_log", "param_cn", "text", queries);
    assert!(matches!(found.finding, Finding::Personal(_)), "{}", found.reason);
    let plain = pick(&["page=2&size=20", "sort=asc", "tab=3"]);
    let found = verdict("web_log", "param_cn", "text", plain);
    assert!(!matches!(found.finding, Finding::Personal(_)), "{}", found.reason);
}

#[test]
fn a_measure_of_a_person_must_earn_its_harmlessness() {
    let numbers = |number: u32| (300 + number * 5).to_string();
    for (table, column) in
        [("loan_applications", "cb_scr"), ("student_terms", "rawmark"), ("회원권", "체지방률")]
    {
        let found = verdict(table, column, "numeric", numbers);
        assert_ne!(found.finding, Finding::Harmless, "{table}.{column}: {}", found.reason);
    }
    let found = verdict("loan_applications", "page_count", "integer", numbers);
    assert_eq!(found.finding, Finding::Harmless, "{}", found.reason);
}

#[test]
fn a_rate_is_no_position() {
    let rates = |number: u32| format!("{}.{:05}", number, number * 131);
    let found = verdict("deliveries_daily", "acceptance_rate", "numeric", rates);
    assert_ne!(found.finding, Finding::Personal(Kind::Position), "{}", found.reason);
}

/// The address of a picture leads to it.
#[test]
fn the_address_of_a_picture_of_a_person_is_personal_and_that_of_a_product_is_not() {
    let paths = |number: u32| format!("uploads/{number}.jpg");
    let found = verdict("members", "profile_picture_url", "varchar", paths);
    assert_eq!(found.finding, Finding::Personal(Kind::Sensitive), "{}", found.reason);
    let found = verdict("products", "product_image_url", "varchar", paths);
    assert_eq!(found.finding, Finding::Harmless, "{}", found.reason);
}
