//! `--help` of the local cloud's commands.

use expect_test::expect;

use crate::{landbridge, repository};

#[test]
fn of_query() {
    expect![[r#"
        exit code 0
        out | Ask the warehouse of the running local cloud
        out |
        out | Usage: landbridge query [OPTIONS] --as <WHO> <SQL>
        out |
        out | Arguments:
        out |   <SQL>
        out |           GoogleSQL
        out |
        out | Options:
        out |       --as <WHO>
        out |           As whom
        out |
        out |       --output <OUTPUT>
        out |           How the rows are shown
        out |
        out |           Possible values:
        out |           - text: A table
        out |           - json: One object with `columns` and `rows`
        out |           - csv:  Lines as of RFC 4180, with a header; NULL is nothing between the commas
        out |
        out |           [default: text]
        out |
        out |       --data-dir <DIR>
        out |           Where `landbridge local up` keeps its data
        out |
        out |           [default: .landbridge]
        out |
        out |   -h, --help
        out |           Print help (see a summary with '-h')
        out |
        out | Examples:
        out |   landbridge query --as analyst 'SELECT name, email FROM creators ORDER BY id LIMIT 3'
        out |   landbridge query --as pii-reader 'SELECT name, email FROM creators ORDER BY id LIMIT 3'
        out |   landbridge query --as stranger 'SELECT id, tier, active FROM creators LIMIT 3'
        out |   landbridge query --as analyst --output csv 'SELECT * FROM landbridge_ops.receipts'
        out |
        out | Who there is:
        out |   analyst     sees every class of personal data masked
        out |   pii-reader  sees every class plain, but no unclassified column
        out |   stranger    may read the dataset, but no tagged column in any form
        out |   loader      the functions themselves: write everything, read nothing that is tagged
        out |
        out | Tables without a dataset are those of `warehouse.dataset`. A refusal ends with exit code 3.
    "#]].assert_eq(&landbridge(&repository(), &["query", "--help"]).all());
}

#[test]
fn every_command_has_examples() {
    for command in [&["demo"][..], &["local", "up"], &["query"]] {
        let run = landbridge(&repository(), &[command, &["--help"]].concat());
        assert_eq!(run.code, Some(0), "{command:?}");
        let example = format!("\n  landbridge {}", command.join(" "));
        assert!(run.out.contains("\nExamples:\n"), "{command:?}");
        assert!(run.out.contains(&example), "{command:?}");
    }
}

#[test]
fn a_wrong_value_says_which_are_right() {
    expect![[r#"
        exit code 2
        err | error: invalid value 'boss' for '--as <WHO>': nobody of that name: loader, analyst, pii-reader, stranger
        err |
        err | For more information, try '--help'.
    "#]]
        .assert_eq(&landbridge(&repository(), &["query", "--as", "boss", "SELECT 1"]).all());
}
