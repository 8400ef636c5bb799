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
    expect![[r#"
        exit code 0
        out | A month, AWS ap-northeast-2 to Google Cloud asia-northeast3, in USD, prices of 2026-11
        out | A database of 20 GiB of which 5 % change a day, 3 GiB of Parquet a day
        out |
        out | what                                    quantity  unit                 free         price     month  free ones used up
        out | ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        out | transfer from AWS to Google Cloud          91.25  GiB                   100         0.126      0.00              11.50
        out | RDS export of the day's snapshot          608.33  GiB                                0.01      6.08               6.08
        out | RDS storage of snapshots                      48  GiB-month              20         0.095      2.66               2.66
        out | CloudWatch alarms                             13  alarm-month            10           0.1  ?   0.30               1.30
        out | KMS, the key                                   1  key-month                             1      1.00               1.00
        out | CloudWatch metrics from logs                   3  metric-month           10           0.3  ?   0.00               0.90
        out | S3 storage of exports, 7 days                 21  GiB-month                         0.025      0.53               0.53
        out | Cloud Storage of Parquet files, 7 days        21  GiB-month                         0.023      0.48               0.48
        out | Secrets Manager, the key of tokens             1  secret-month                        0.4  ?   0.40               0.40
        out | KMS, uses of the key                       11.22  10,000 uses                        0.03      0.34               0.34
        out | S3 writes and listings                     52.74  1,000 requests                   0.0045      0.24               0.24
        out | BigQuery storage (loads are free)              9  GiB-month              10          0.02      0.00               0.18
        out | Cloud Storage writes                       18.71  1,000 writes                      0.005  ?   0.09               0.09
        out | S3 reads                                  214.44  1,000 requests                  0.00035      0.08               0.08
        out | Lambda memory and time                  4,150.05  GiB-second        400,000  0.0000133334  ?   0.00               0.06
        out | CloudWatch Logs                             0.01  GiB                     5          0.76      0.00               0.01
        out | Secrets Manager, reads                      0.11  10,000 reads                       0.05  ?   0.01               0.01
        out | EventBridge Scheduler                       0.01  million starts         14             1  ?   0.00               0.01
        out | Lambda starts                               0.01  million starts          1           0.2  ?   0.00              <0.01
        out | SNS mails of alarms                         0.03  1,000 mails             1          0.02  ?   0.00              <0.01
        out | SQS queue of failures                      <0.01  million requests        1           0.4  ?   0.00              <0.01
        out | total                                                                                         12.20              25.85
        out |
        out | ? not confirmed
        out |
        out | With the account's free allowances, RDS export of the day's snapshot dominates: 6.08 of the month, 50 %; it grows with the size of the database's storage; exporting fewer tables does not lower it.
        out | Once others have used them up, transfer from AWS to Google Cloud dominates: 11.50 of the month, 44 %; it grows with the Parquet of a day; dropped columns and tables lower it.
    "#]].assert_eq(&cost(&["--database-gib", "20", "--parquet-gib-per-day", "3"]));
}

#[test]
fn questions_that_cannot_be_answered_say_what_is_missing() {
    expect![[r#"
        exit code 2
        err | error: sizes are missing: say --database-gib and --parquet-gib-per-day, or have past days looked at with --actual DAY..DAY
    "#]].assert_eq(&cost(&[]));
    expect![[r#"
        exit code 2
        err | error: sizes are missing: say --database-gib, or have past days looked at with --actual DAY..DAY
    "#]].assert_eq(&cost(&["--parquet-gib-per-day", "3"]));
    expect![[r#"
        exit code 2
        err | error: invalid value 'many' for '--database-gib <GIB>': a number from 0 to 1000000000
        err |
        err | For more information, try '--help'.
    "#]]
    .assert_eq(&cost(&["--database-gib", "many"]));
    let sizes = ["--database-gib", "20", "--parquet-gib-per-day", "3"];
    expect![[r#"
        exit code 2
        err | error: the price list does not contain the region: eu-west-1; it contains ap-northeast-2, us-east-1; --prices takes a file of your own, in the form of the shipped one
    "#]].assert_eq(&cost(&[&sizes[..], &["--region", "eu-west-1"]].concat()));
    expect![[r#"
        exit code 2
        err | error: the price list is not valid: README.md (expected value at line 1 column 1); --prices takes a file of your own, in the form of the shipped one
    "#]].assert_eq(&cost(&[&sizes[..], &["--prices", "README.md"]].concat()));
    expect![[r#"
        exit code 2
        err | error: invalid value '2026-11-02..2026-11-01' for '--actual <DAY[..DAY]>': the last day is before the first
        err |
        err | For more information, try '--help'.
    "#]].assert_eq(&cost(&["--actual", "2026-11-02..2026-11-01"]));
}
