//! `landbridge handover`: the advice first, the ways, and the errors of wrong options. The amounts are computed by hand
//! in the tests of `landbridge-core`.

use expect_test::expect;

use crate::{landbridge, repository};

fn handover(more: &[&str]) -> String {
    let config = "terraform/examples/complete/landbridge.yaml";
    landbridge(&repository(), &[&["handover", "--config", config], more].concat()).all()
}

/// Who asks before anything is deployed has no landbridge.yaml.
#[test]
fn an_estimate_needs_no_configuration_and_says_whose_it_takes() {
    let dir = tempfile::tempdir().expect("a folder");
    for args in [
        &["handover", "--size", "10TB", "--change", "1%"][..],
        &["cost", "--database-gib", "20", "--parquet-gib-per-day", "3"],
    ] {
        let run = landbridge(dir.path(), args);
        assert_eq!(run.code, Some(0), "{}", run.all());
        assert!(run.err.starts_with("There is no landbridge.yaml here"), "{}", run.all());
        assert!(run.out.contains("USD"), "{}", run.all());
        // What is measured has a configuration.
        let run = landbridge(dir.path(), &[args, &["--actual", "2026-11-01..2026-11-07"]].concat());
        assert!(run.err.contains("landbridge.yaml does not exist"), "{}", run.all());
    }
}

#[test]
fn ten_terabytes_that_hardly_change_are_for_another_way() {
    expect![[r#"
        exit code 0
        out | Datastream into BigQuery costs less: 721.92 to 1656.32 instead of 9653.96 USD a month. Not included: BigQuery's compute for applying the changes, which depends on the staleness that you allow; the way to the database: a VPN, a proxy or an open port with a list of addresses. Take it if you can do without what it lacks.
        out |
        out | Database: 10,240 GiB, 0.05 % changed per day, 1,536 GiB of Parquet per day; AWS ap-northeast-2, prices of 2026-11
        out | RDS charges 102.40 USD a day for the export alone.
        out | Datastream costs less below 0.36 % of change a day, and not above 0.90 %.
        out |
        out | way                                                                                   USD a month             first copy  newest rows  does not fit
        out | ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        out | Landbridge                                                                                9653.96  ?                0.00  a day
        out | BigQuery Data Transfer Service for Amazon S3, after an RDS export                         9350.55                   0.00  a day
        out | Datastream into BigQuery                                                        721.92 to 1656.32  ?  4054.41 to 9584.01  minutes
        out | RDS zero-ETL into Iceberg, read through Google's cross-cloud Lakehouse  38.40 to 5912.52 and more                   0.00  minutes
        out | AWS DMS into S3, and loads of your own                                            266.88 and more  ?              180.94  minutes
        out |
        out | ? not all prices are confirmed
        out |
        out | Landbridge
        out |   - one state a day: changes between two exports are not seen
        out |   - RDS charges the export by the size of the storage, also if little changed
        out |
        out | BigQuery Data Transfer Service for Amazon S3, after an RDS export
        out |   - no column is dropped or turned into tokens before it leaves AWS
        out |   - Google stores an AWS access key and its secret
        out |   - dates, times and decimals of PostgreSQL arrive as text, because the export has them as text
        out |   - no proof that BigQuery has all rows of the database, and a table that RDS left out is not reported
        out |   - masks: whether policy tags stay when a table is overwritten is not documented [?]
        out |   - at most one run in 24 hours [?]
        out |   + not included: what starts the RDS export every day and names its folder to the transfer
        out |
        out | Datastream into BigQuery
        out |   - it reads the live database: logical decoding or binary logs, and a user with replication rights
        out |   - of a PostgreSQL table without a primary key or replica identity, only insertions arrive
        out |   - a stream has at most 10,000 tables
        out |   - some changes of a table are not noticed and can corrupt rows: dropped columns, changed types, reordered columns
        out |   - no tokens: a value leaves AWS as it is, or its column is excluded [?]
        out |   - masks: policy tags of the tables that it writes are yours to set and to check [?]
        out |   - no receipt of a day, and no copy of a whole day to recover from
        out |   + not included: BigQuery's compute for applying the changes, which depends on the staleness that you allow
        out |   + not included: the way to the database: a VPN, a proxy or an open port with a list of addresses
        out |
        out | RDS zero-ETL into Iceberg, read through Google's cross-cloud Lakehouse
        out |   - cross-cloud Lakehouse is a preview
        out |   - masks: policy tags on federated tables are not documented [?]
        out |   - plain values lie in S3, and no column is dropped or turned into tokens [?]
        out |   - engines, versions and regions differ: look up yours, Seoul among them [?]
        out |   + not included: what AWS charges for replicating and compacting the changes
        out |   + not included: what leaves AWS with every query: the range assumes nothing, and all of the Parquet once a day
        out |
        out | AWS DMS into S3, and loads of your own
        out |   - a replication instance that runs round the clock beside the live database
        out |   - loads, merges, masks, proof: all of it is yours
        out |   + not included: the loads and merges, which you write and run
        out |   + not included: BigQuery's compute for merging the changes
    "#]]
        .assert_eq(&handover(&["--size", "10TB", "--tables", "10000", "--change", "0.05%"]));
}

#[test]
fn a_small_database_stays_and_programs_can_read_why() {
    let text = handover(&["--size", "20GB", "--tables", "20", "--change", "5%"]);
    assert!(text.starts_with("exit code 0\nout | Landbridge fits: 11.34 USD a month"), "{text}");
    let json = landbridge(
        &repository(),
        &[
            "handover",
            "--config",
            "terraform/examples/complete/landbridge.yaml",
            "--size",
            "20GB",
            "--output",
            "json",
        ],
    );
    let value: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(value["verdict"]["advice"], "landbridge");
    assert_eq!(value["ways"].as_array().map(Vec::len), Some(5));
    assert_eq!(value["ways"][1]["id"], "data-transfer-service");
}

#[test]
fn errors_name_the_missing_or_wrong_option() {
    expect![[r#"
        exit code 2
        err | error: the size of the database is missing: give --size, for example --size 20GB, or let RDS say it with --actual DAY..DAY
    "#]].assert_eq(&handover(&[]));
    expect![[r#"
        exit code 2
        err | error: invalid value '10' for '--size <SIZE>': `10` must be a size, for example 20GB or 10TB
        err |
        err | For more information, try '--help'.
    "#]].assert_eq(&handover(&["--size", "10"]));
    expect![[r#"
        exit code 2
        err | error: invalid value '101%' for '--change <PERCENT>': `101%` must be a percentage, for example 1%
        err |
        err | For more information, try '--help'.
    "#]].assert_eq(&handover(&["--size", "10TB", "--change", "101%"]));
    expect![[r#"
        exit code 2
        err | error: the price list does not contain the region: eu-west-1; it contains ap-northeast-2, us-east-1; use --prices FILE with a file in the form of crates/core/src/cost/prices.json
    "#]].assert_eq(&handover(&["--size", "10TB", "--region", "eu-west-1"]));
}
