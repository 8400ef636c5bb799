//! Who sees what by one contract and by another.

use super::*;
use crate::contract::compare::{Direction, Side, compare};

/// The changes between two contracts of one table, as lines.
fn shown(before: &str, after: &str, config_after: &Config) -> String {
    let contract = |columns: &str| {
        let text = format!(
            "version: 1\ntables:\n  public.t:\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n{columns}"
        );
        crate::yaml::parse::<Contract>(FILE_NAME, &text).expect("a contract").into_value()
    };
    let (before, after, config) = (contract(before), contract(after), demo_config());
    let changes = compare(
        Side { contract: &before, config: &config },
        Side { contract: &after, config: config_after },
    );
    let mut shown = String::new();
    for it in changes {
        let when = if it.with_next_load { ", with the next load" } else { "" };
        shown.push_str(&format!("{:?} {}{when}\n", it.direction, it.column));
        for sight in it.sights {
            let who = match sight.members.as_slice() {
                [] => "others".to_owned(),
                members => members.join(", "),
            };
            shown.push_str(&format!("  {who}: {} → {}\n", sight.before, sight.after));
        }
        for sight in it.meanwhile {
            let who = sight.members.join(", ");
            shown.push_str(&format!("  for a time, {who}: {} → {}\n", sight.before, sight.after));
        }
    }
    shown
}

fn line(name: &str, rest: &str) -> String {
    format!("      {name}: {{ source: text, type: STRING, {rest} }}\n")
}

#[test]
fn what_opens_comes_first() {
    let config = demo_config();
    let before = line("a", "class: none")
        + &line("b", "class: email")
        + &line("c", "class: account, transform: drop")
        + &line("d", "class: phone")
        + &line("e", "class: email")
        + &line("f", "class: none, transform: tokenise")
        + &line("g", "class: none");
    let after = line("a", "class: email")
        + &line("b", "class: none")
        + &line("c", "class: account, transform: tokenise")
        + &line("d", "class: account")
        + &line("f", "class: none")
        + &line("g", "class: none")
        + &line("h", "class: email");
    expect![[r#"
        Opens b
          group:analysts@example.com: masked (EMAIL_MASK) → plain values
          others: nothing → plain values
        Opens c, with the next load
          group:pii-readers@example.com: nothing → tokens
        Opens f, with the next load
          others: tokens → plain values
        Opens h
          group:analysts@example.com: nothing → masked (EMAIL_MASK)
          group:pii-readers@example.com: nothing → plain values
        Closes a
          group:analysts@example.com: plain values → masked (EMAIL_MASK)
          others: plain values → nothing
        Closes e
          group:analysts@example.com: masked (EMAIL_MASK) → nothing
          group:pii-readers@example.com: plain values → nothing
        Same d
    "#]]
    .assert_eq(&shown(&before, &after, &config));
}

#[test]
fn readers_of_the_configuration_decide_as_well() {
    let mut config = demo_config();
    let class = config.pii.classes.get_mut("email").expect("a class");
    class.readers.push("user:new@example.com".to_owned());
    class.masked_readers.clear();
    let columns = line("b", "class: email") + &line("d", "class: phone");
    expect![[r#"
        Opens b
          group:analysts@example.com: masked (EMAIL_MASK) → nothing
          user:new@example.com: nothing → plain values
        Opens id
          user:new@example.com: nothing → plain values
    "#]]
    .assert_eq(&shown(&columns, &columns, &config));
    assert_eq!(shown(&columns, &columns, &demo_config()), "");
    // Another mask may show more.
    let mut config = demo_config();
    let class = config.pii.classes.get_mut("email").expect("a class");
    class.mask = config::Mask::LastFourCharacters;
    assert!(shown(&columns, &columns, &config).starts_with(&format!("{:?} b", Direction::Opens)));
}

/// All members of all classes are readers of the dataset: a new one reads what is of class `none`.
#[test]
fn a_new_member_of_any_class_reads_the_columns_without_a_class() {
    let mut config = demo_config();
    let class = config.pii.classes.get_mut("phone").expect("a class");
    class.masked_readers.push("group:new@example.com".to_owned());
    let columns = line("d", "class: phone") + &line("f", "class: none, transform: tokenise");
    expect![[r#"
        Opens f
          group:new@example.com: nothing → tokens
        Opens id
          group:new@example.com: nothing → plain values
    "#]]
    .assert_eq(&shown(&columns, &columns, &config));
}

#[test]
fn what_is_seen_between_the_change_of_the_readers_and_of_the_tag() {
    // The column leaves the class in the change that opens the class to others.
    let mut config = demo_config();
    let class = config.pii.classes.get_mut("email").expect("a class");
    class.readers.push("group:analysts@example.com".to_owned());
    let (before, after) = (line("b", "class: email"), line("b", "class: account"));
    expect![[r#"
        Opens b
          group:analysts@example.com: masked (EMAIL_MASK) → nothing
          for a time, group:analysts@example.com: masked (EMAIL_MASK) → plain values
    "#]]
    .assert_eq(&shown(&before, &after, &config));
    // In another order: the column joins the class in the change that takes a reader out of it.
    let mut config = demo_config();
    config.pii.classes.get_mut("email").expect("a class").masked_readers.clear();
    let (before, after) = (line("b", "class: account"), line("b", "class: email"));
    expect![[r#"
        Opens b
          for a time, group:analysts@example.com: nothing → masked (EMAIL_MASK)
    "#]]
    .assert_eq(&shown(&before, &after, &config));
}

/// Values that look personal close a column of class `none` until it is pinned: the pin opens it.
#[test]
fn a_pin_may_open_a_column_that_is_closed_for_its_values() {
    let config = demo_config();
    let (judged, pinned) = (line("g", "class: none"), line("g", "class: none, pinned: true"));
    assert_eq!(shown(&judged, &pinned, &config), "Opens g\n");
    assert_eq!(shown(&pinned, &judged, &config), "Same g\n");
    assert_eq!(shown(&pinned, &pinned, &config), "");
}

/// Terraform does not apply readers and mask of a class with an existing policy tag.
#[test]
fn another_policy_tag_may_open_a_column() {
    let mut config = demo_config();
    let class = config.pii.classes.get_mut("email").expect("a class");
    class.policy_tag = Some("projects/p/locations/l/taxonomies/1/policyTags/2".to_owned());
    let columns = line("b", "class: email");
    assert_eq!(shown(&columns, &columns, &config), "Opens b\n");
}
