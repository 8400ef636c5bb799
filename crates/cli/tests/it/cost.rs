//! `landbridge cost`: the estimate as a person reads it, and wrong questions.

use expect_test::expect;

use crate::{landbridge, repository};

const DEMO: [&str; 3] = ["cost", "--config", "examples/demo/landbridge.yaml"];

fn cost(more: &[&str]) -> String {
    landbridge(&repository(), &[&DEMO, more].concat()).all()
}

/// Hourly snapshots of an instance of 20 GB, 3 GB of Parquet a day. The numbers are computed by
/// hand beside the model's own test.
#[test]
fn the_workload_of_the_write_up() {
    expect![[r#""#]].assert_eq(&cost(&["--database-gib", "20", "--parquet-gib-per-day", "3"]));
}

#[test]
fn questions_that_cannot_be_answered_say_what_is_missing() {
    expect![[r#""#]].assert_eq(&cost(&[]));
    expect![[r#""#]].assert_eq(&cost(&["--parquet-gib-per-day", "3"]));
    expect![[r#""#]].assert_eq(&cost(&["--database-gib", "-1"]));
    let sizes = ["--database-gib", "20", "--parquet-gib-per-day", "3"];
    expect![[r#""#]].assert_eq(&cost(&[&sizes[..], &["--region", "eu-west-1"]].concat()));
    expect![[r#""#]].assert_eq(&cost(&[&sizes[..], &["--prices", "README.md"]].concat()));
    expect![[r#""#]].assert_eq(&cost(&["--actual", "2026-11-02..2026-11-01"]));
}
