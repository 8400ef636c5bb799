//! `landbridge demo` of the sample database.

use crate::{landbridge, repository};

/// The times and the numbers of visible values are measured by the demo, which asks the tables.
#[test]
fn the_demo_shows_that_a_deployed_contract_is_in_force_five_minutes_later() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("demo");
    let data = data.to_str().expect("a path");
    let before = std::fs::read_to_string(repository().join("examples/demo/contract.yaml"));
    let run =
        landbridge(&repository(), &["demo", "--days", "1", "--scale", "0.02", "--data-dir", data]);
    assert_eq!(run.code, Some(0), "{}", run.all());
    for (deployed, column, in_force) in
        [("03:10", "commission_rate", "03:15"), ("10:10", "bank_code", "10:15")]
    {
        let line = format!(
            "  {deployed} deployed: class of creators.{column} none → account; in force at {in_force}\n  \
             values visible before and after: analyst 120 → 0, pii-reader 120 → 120, stranger 120 → refused\n"
        );
        assert!(run.out.contains(&line), "no {line:?} in {}", run.all());
    }
    let after = std::fs::read_to_string(repository().join("examples/demo/contract.yaml"));
    assert_eq!(after.expect("the contract"), before.expect("the contract"));
}

/// On the second day, a table is held for half an hour: one message when it begins, one when it is over.
#[test]
fn the_demo_shows_an_incident_that_opens_and_is_resolved() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("demo");
    let data = data.to_str().expect("a path");
    let run =
        landbridge(&repository(), &["demo", "--days", "2", "--scale", "0.02", "--data-dir", data]);
    assert_eq!(run.code, Some(0), "{}", run.all());
    let messages: Vec<&str> = run.out.lines().filter(|it| it.starts_with("  e-mail  ")).collect();
    let about: Vec<&&str> = messages.iter().filter(|it| it.contains("was not created")).collect();
    let [opened, resolved] = about[..] else { panic!("{messages:#?}\n{}", run.all()) };
    assert!(!opened.contains("is resolved") && resolved.contains("is resolved: "), "{messages:#?}");
    let line = messages.last().expect("a line");
    assert!(line.contains("tables published by 02:"), "{line}");
}
