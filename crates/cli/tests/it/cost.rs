//! `landbridge cost`: the text of the estimate, and the errors of wrong options.

use expect_test::expect;

use crate::{landbridge, repository};

const EXAMPLE: [&str; 3] = ["cost", "--config", "terraform/examples/complete/landbridge.yaml"];

fn cost(more: &[&str]) -> String {
    landbridge(&repository(), &[&EXAMPLE, more].concat()).all()
}

/// The workload of docs/costs.md: hourly snapshots of a 20 GB instance, 3 GB of Parquet a day. The
/// numbers are computed by hand in the test of the model in `landbridge-core`.
#[test]
fn the_estimate_of_the_documented_workload() {
    expect![[r#"
        exit code 0
        out | Cost of a month in USD, AWS ap-northeast-2 to Google Cloud asia-northeast3, prices of 2026-11
        out | Database: 20 GiB, 5 % changed per day; 3 GiB of Parquet per day
        out |
        out | item                                    quantity  unit                 free         price     month  without free
        out | ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
        out | transfer from AWS to Google Cloud          91.25  GiB                   100         0.126      0.00         11.50
        out | RDS export of the day's snapshot          608.33  GiB                                0.01      6.08          6.08
        out | RDS storage of snapshots                      48  GiB-month              20         0.095      2.66          2.66
        out | CloudWatch metrics from logs                   4  metric-month           10           0.3  ?   0.00          1.20
        out | KMS, key                                       1  key-month                             1      1.00          1.00
        out | CloudWatch alarms                              7  alarm-month            10           0.1  ?   0.00          0.70
        out | S3 storage of exports, 7 days                 21  GiB-month                         0.025      0.53          0.53
        out | Secrets Manager, secrets                       1  secret-month                        0.4  ?   0.40          0.40
        out | S3 writes and listings                     65.82  1,000 requests                   0.0045      0.30          0.30
        out | Cloud Storage of Parquet files, 3 days         9  GiB-month                         0.023      0.21          0.21
        out | BigQuery storage (loads are free)              9  GiB-month              10          0.02      0.00          0.18
        out | Lambda memory and time                  7,948.83  GiB-second        400,000  0.0000133334  ?   0.00          0.11
        out | Cloud Storage writes                       18.71  1,000 writes                      0.005  ?   0.09          0.09
        out | S3 reads                                  202.39  1,000 requests                  0.00035      0.07          0.07
        out | CloudWatch Logs                             0.05  GiB                     5          0.76      0.00          0.04
        out | EventBridge Scheduler                       0.02  million starts         14             1  ?   0.00          0.02
        out | KMS, requests                               0.36  10,000 requests         2          0.03      0.00          0.01
        out | Secrets Manager, reads                      0.11  10,000 reads                       0.05  ?   0.01          0.01
        out | Lambda starts                               0.02  million starts          1           0.2  ?   0.00         <0.01
        out | SNS mails of alarms                         0.03  1,000 mails             1          0.02  ?   0.00         <0.01
        out | SQS queues                                 <0.01  million requests        1           0.4  ?   0.00         <0.01
        out | total                                                                                         11.34         25.10
        out |
        out | ? not confirmed
        out |
        out | With free allowances, the largest item is RDS export of the day's snapshot: 6.08 USD a month, 54 %. It grows with the size of the database's storage; exporting fewer tables does not lower it.
        out | Without free allowances, the largest item is transfer from AWS to Google Cloud: 11.50 USD a month, 46 %. It grows with the Parquet of a day; dropped columns and tables lower it.
    "#]].assert_eq(&cost(&["--database-gib", "20", "--parquet-gib-per-day", "3"]));
}

/// What this version costs beside the one before bucket keys, one alarm for all functions and three days of landed
/// files, whose estimate is in `data/cost-before.json`.
#[test]
fn an_earlier_estimate_is_shown_beside_the_present_one() {
    let compare = ["--compare", "crates/cli/tests/it/data/cost-before.json"];
    let text =
        cost(&[&["--database-gib", "20", "--parquet-gib-per-day", "3"][..], &compare].concat());
    let (_, compared) = text.split_once("What changed").expect("the comparison");
    expect![[r#"
         since the earlier estimate, whose prices are of 2026-11, in USD a month
        out |
        out | item                                    before    now  difference  without free: before    now  difference
        out | ──────────────────────────────────────────────────────────────────────────────────────────────────────────
        out | CloudWatch alarms                         0.80   0.00       -0.80                  1.80   0.70       -1.10
        out | KMS, requests                             0.34   0.00       -0.34                  0.34   0.01       -0.33
        out | CloudWatch metrics from logs              0.00   0.00        0.00                  0.90   1.20       +0.30
        out | Cloud Storage of Parquet files, 3 days    0.48   0.21       -0.28                  0.48   0.21       -0.28
        out | S3 reads                                  0.09   0.07       -0.02                  0.09   0.07       -0.02
        out | total                                    12.78  11.34       -1.43                 26.52  25.10       -1.42
    "#]].assert_eq(compared);
    let error =
        cost(&["--database-gib", "20", "--parquet-gib-per-day", "3", "--compare", "README.md"]);
    expect![[r#"
        exit code 2
        err | error: the file is not an estimate: README.md (expected value at line 1 column 1); write one with `landbridge cost … --output json > before.json`
    "#]].assert_eq(&error);
}

#[test]
fn errors_name_the_missing_or_wrong_option() {
    expect![[r#"
        exit code 2
        err | error: sizes are missing: give --database-gib and --parquet-gib-per-day, or let past days supply them with --actual DAY..DAY
    "#]].assert_eq(&cost(&[]));
    expect![[r#"
        exit code 2
        err | error: sizes are missing: give --database-gib, or let past days supply them with --actual DAY..DAY
    "#]].assert_eq(&cost(&["--parquet-gib-per-day", "3"]));
    expect![[r#"
        exit code 2
        err | error: invalid value 'many' for '--database-gib <GIB>': must be a number from 0 to 1000000000
        err |
        err | For more information, try '--help'.
    "#]]
    .assert_eq(&cost(&["--database-gib", "many"]));
    let sizes = ["--database-gib", "20", "--parquet-gib-per-day", "3"];
    expect![[r#"
        exit code 2
        err | error: the price list does not contain the region: eu-west-1; it contains ap-northeast-2, us-east-1; use --prices FILE with a file in the form of crates/core/src/cost/prices.json
    "#]].assert_eq(&cost(&[&sizes[..], &["--region", "eu-west-1"]].concat()));
    expect![[r#"
        exit code 2
        err | error: the price list is not valid: README.md (expected value at line 1 column 1); use --prices FILE with a file in the form of crates/core/src/cost/prices.json
    "#]].assert_eq(&cost(&[&sizes[..], &["--prices", "README.md"]].concat()));
    expect![[r#"
        exit code 2
        err | error: invalid value '2026-11-02..2026-11-01' for '--actual <DAY[..DAY]>': the last day is before the first day
        err |
        err | For more information, try '--help'.
    "#]].assert_eq(&cost(&["--actual", "2026-11-02..2026-11-01"]));
}
