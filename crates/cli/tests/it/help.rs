//! `--help` of the operator's command.

use expect_test::expect;

use crate::{landbridge, repository};

#[test]
fn help_of_the_command() {
    expect![[r#"
        exit code 0
        out | Transfer an RDS database to BigQuery every day, with personal data masked
        out |
        out | New here? Run `landbridge demo`: it simulates three days on this machine, without a cloud account.
        out |
        out | Usage: landbridge <COMMAND>
        out |
        out | Commands:
        out |   demo         Simulate days on this machine: snapshot, export, transfer, load, masked query
        out |   local        Run an emulated cloud on this machine
        out |   query        Query the warehouse of the running local cloud
        out |   check        Check landbridge.yaml and contract.yaml and list all errors
        out |   contract     Show, propose or check the contract: the type and class of every column
        out |   retype       Load a column whose type changed beside the column that BigQuery has
        out |   schema       Print the JSON Schema of a file, for editors
        out |   receipt      Show the receipts of a day, from the ledger in S3
        out |   days         Show how each day ended, one line per day, the newest first
        out |   incident     List incidents, or show one: its cause, what it means for readers, the command to run
        out |   redo         Do a day again: transfer and load its tables from the same export, or from another
        out |                one
        out |   backfill     Fill the history of a table with past days, from the exports that are kept
        out |   verify       Prove that BigQuery has the values that were transferred, column by column
        out |   key          Create the key for tokens
        out |   ledger       Remove recorded values of columns from the ledger
        out |   snapshots    List restore points: point-in-time recovery, and snapshots with age, size and creator
        out |   pin          Pin a snapshot: retention keeps it until it is unpinned
        out |   unpin        Unpin a snapshot: retention may delete it again
        out |   restore      Restore the database under a new name, with all of its settings
        out |   recover      Write the rows of one table, as a day's export has them, into a file or a new table
        out |   forget       Remove the rows of one key from kept exports and BigQuery, and list what remains
        out |                until when
        out |   drill        Restore the newest snapshot to a temporary database, check it, time it, delete it
        out |   status       Show the last days and their tables, open incidents and redo requests, restore points
        out |                and the measured recovery time
        out |   console      Show the bridge in a browser: today's crossing, tables × days, incidents, restore
        out |                points, cost
        out |   init         Write a first landbridge.yaml and a main.tf that deploys it, from answers and the AWS
        out |                account
        out |   doctor       Check the files and both clouds, before or after `terraform apply`; changes nothing
        out |   access       Show who sees which class in plain, masked, or not at all, and who sees more than
        out |                landbridge.yaml says
        out |   consumers    Show who and which dashboards read each table and column
        out |   probe        Show on real accounts what Landbridge assumes of the clouds
        out |   cost         Estimate what a month costs, item by item, and name the largest item
        out |   handover     Compare a month of Landbridge with other ways to BigQuery, and say first when another
        out |                one is better
        out |   dashboard    Print links that create reports in Data Studio (formerly Looker Studio), or LookML
        out |                views
        out |   models       Generate files for analysts' models, and check what the models show
        out |   parquet      Rewrite a Parquet file, without a cloud
        out |   completions  Print a script that completes commands and options in a shell
        out |   man          Write the manual pages, one for each command
        out |   help         Print this message or the help of the given subcommand(s)
        out |
        out | Options:
        out |   -h, --help     Print help
        out |   -V, --version  Print version
        out |
        out | Exit codes:
        out |   0    success
        out |   1    the command failed
        out |   2    invalid usage, or an invalid file
        out |   3    refused: a permission is missing
        out |   4    partial success: a restored database does not respond, or a setting or record was not changed
        out |   130  interrupted
    "#]]
    .assert_eq(&landbridge(&repository(), &["--help"]).all());
}

#[test]
fn every_command_has_examples() {
    let commands: [&[&str]; 18] = [
        &["check"],
        &["contract", "show"],
        &["contract", "propose"],
        &["models", "sources"],
        &["dashboard"],
        &["models", "check"],
        &["schema"],
        &["receipt"],
        &["redo"],
        &["verify"],
        &["key", "create"],
        &["ledger", "remove-bounds"],
        &["retype"],
        &["init"],
        &["doctor"],
        &["cost"],
        &["completions"],
        &["man"],
    ];
    for command in commands {
        let run = landbridge(&repository(), &[command, &["--help"]].concat());
        assert_eq!(run.code, Some(0), "{command:?}");
        let example = format!("\n  landbridge {}", command.join(" "));
        assert!(run.out.contains("\nExamples:\n"), "{command:?}");
        assert!(run.out.contains(&example), "{command:?}");
    }
}

#[test]
fn no_command_is_invalid_usage() {
    let run = landbridge(&repository(), &[]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("Usage: landbridge <COMMAND>"), "{}", run.err);
}
