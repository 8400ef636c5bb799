//! `--help` of the local cloud's commands, and invalid options.

use expect_test::expect;

use crate::{landbridge, repository};

#[test]
fn help_of_query() {
    expect![[r#"
        exit code 0
        out | Query the warehouse of the running local cloud
        out |
        out | Usage: landbridge query [OPTIONS] --as <USER> [SQL]
        out |
        out | Arguments:
        out |   [SQL]
        out |           The query, in GoogleSQL; without it, or with `-`, it is read from standard input
        out |
        out | Options:
        out |       --as <USER>
        out |           The user that runs the query; see below
        out |
        out |       --file <FILE>
        out |           A file with the query
        out |
        out |       --output <OUTPUT>
        out |           The output format
        out |
        out |           Possible values:
        out |           - text: A table
        out |           - json: One object with `columns` and `rows`; a row is an object, numbers and booleans are
        out |             no texts
        out |           - csv:  RFC 4180 lines with a header; NULL is an empty field, an empty string is ""
        out |
        out |           [default: text]
        out |
        out |       --data-dir <DIR>
        out |           The data directory of `landbridge local up`
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
        out |   landbridge query --as analyst --file report.sql
        out |   echo 'SELECT 1' | landbridge query --as analyst
        out |
        out | Users:
        out |   analyst         sees masked values of every class; unclassified columns are NULL
        out |   pii-reader      sees the plain values of every class; unclassified columns are NULL
        out |   stranger        may read the dataset, but a query of a tagged column is refused
        out |   loader          the functions' account: writes all tables, cannot read tagged columns
        out |   models          the account of analysts' models: sees masks, writes the dataset of the models
        out |   ga4-export      Google's account that writes the GA4 export
        out |   project-viewer  has the basic role Viewer on the project: may not read the datasets
        out |   reviewer        reads policies, the list of jobs and records of access: may not read the datasets
        out |
        out | A table name without a dataset refers to `warehouse.dataset`. If BigQuery refuses the query, the
        out | exit code is 3.
    "#]].assert_eq(&landbridge(&repository(), &["query", "--help"]).all());
}

#[test]
fn every_command_has_examples() {
    for command in [&["demo"][..], &["local", "up"], &["query"], &["models", "run"]] {
        let run = landbridge(&repository(), &[command, &["--help"]].concat());
        assert_eq!(run.code, Some(0), "{command:?}");
        let example = format!("\n  landbridge {}", command.join(" "));
        assert!(run.out.contains("\nExamples:\n"), "{command:?}");
        assert!(run.out.contains(&example), "{command:?}");
    }
}

#[test]
fn an_unknown_user_is_an_error_that_lists_all_users() {
    expect![[r#"
        exit code 2
        err | error: invalid value 'boss' for '--as <USER>': must be one of loader, analyst, pii-reader, stranger, models, ga4-export, project-viewer, reviewer
        err |
        err | For more information, try '--help'.
    "#]]
        .assert_eq(&landbridge(&repository(), &["query", "--as", "boss", "SELECT 1"]).all());
}
