//! `--help`: the first thing that is read.

use expect_test::expect;

use crate::{landbridge, repository};

#[test]
fn of_the_command() {
    expect![[r#"
        exit code 0
        out | Carries a database from RDS to BigQuery every day, with its personal data masked
        out |
        out | New here? Run `landbridge demo`: three days pass on this machine, nothing else needed.
        out |
        out | Usage: landbridge <COMMAND>
        out |
        out | Commands:
        out |   demo       Run days on this machine: snapshot, export, transfer, load, masked query
        out |   local      The cloud on this machine
        out |   query      Ask the warehouse of the running local cloud
        out |   check      Check landbridge.yaml and contract.yaml, and tell all their faults at once
        out |   contract   What each column is, and who may read it
        out |   schema     Print the JSON Schema of a file, for editors
        out |   receipt    Show the receipts of a day, from the ledger in S3
        out |   key        The key that tokens are made with
        out |   snapshots  List restore points: age, size, what made them, whether pinned
        out |   pin        Keep a snapshot: thinning leaves it alone until it is unpinned
        out |   unpin      Let a snapshot be thinned again
        out |   restore    Restore the database under a new name, with all of its settings
        out |   drill      Restore the newest snapshot to a throw-away database, check it, time it, delete it
        out |   status     Where things stand: last day, restore points, measured recovery time, held tables
        out |   init       Write a first landbridge.yaml and a main.tf that deploys it, from answers and the AWS
        out |              account
        out |   doctor     Check both clouds end to end, before and after they are made; changes nothing
        out |   cost       Estimate what a month costs, item by item, and what dominates it
        out |   parquet    Parquet files by themselves, without a cloud
        out |   help       Print this message or the help of the given subcommand(s)
        out |
        out | Options:
        out |   -h, --help     Print help
        out |   -V, --version  Print version
        out |
        out | Exit codes:
        out |   0    done
        out |   1    the thing asked for failed
        out |   2    wrong usage, or a file that is not as it should be
        out |   3    refused: somebody lacks a right
        out |   4    done, but not whole: a restored database does not answer, or a setting could not be set
        out |   130  interrupted
    "#]]
    .assert_eq(&landbridge(&repository(), &["--help"]).all());
}

#[test]
fn every_command_has_examples() {
    let commands: [&[&str]; 9] = [
        &["check"],
        &["contract", "show"],
        &["contract", "propose"],
        &["schema"],
        &["receipt"],
        &["key", "create"],
        &["init"],
        &["doctor"],
        &["cost"],
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
fn nothing_asked_for_is_wrong_usage() {
    let run = landbridge(&repository(), &[]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("Usage: landbridge <COMMAND>"), "{}", run.err);
}
