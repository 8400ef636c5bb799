use expect_test::{Expect, expect};

use super::*;
use crate::calendar::Day;
use crate::config::{self, Config};

/// The demo's configuration: Seoul on both sides, 48 hourly, 14 daily, 4 weekly snapshots,
/// exports at 01:00, carried from 02:00 to the end of hour 4, one secret.
fn config() -> Config {
    let text = include_str!("../../../../examples/demo/landbridge.yaml");
    config::parse("landbridge.yaml", text).expect("the demo's file is good")
}

/// Hourly snapshots of an instance of 20 GB, 3 GB of Parquet a day.
const WRITE_UP: Workload = Workload {
    database_gib: 20.0,
    parquet_gib_per_day: 3.0,
    change_percent_per_day: Workload::CHANGE_PERCENT_PER_DAY,
    files_per_day: None,
    table_gib: None,
};

fn of(config: &Config, workload: &Workload) -> Estimate {
    let prices = Prices::shipped().expect("the prices are good");
    estimate(&prices, config, &config.source.region, workload).expect("Seoul has prices")
}

fn check(estimate: &Estimate, expected: &Expect) {
    let mut text = String::new();
    for item in &estimate.items {
        text += &format!(
            "{:<16} {:>11.3} x {:<12} {:>7.3} {:>7.3}{}\n",
            item.id,
            item.quantity,
            item.price,
            item.month,
            item.month_without_allowances,
            if item.uncertain { " ?" } else { "" }
        );
    }
    text += &format!("{:.2} {:.2}\n", estimate.month, estimate.month_without_allowances);
    for allowances in [true, false] {
        let (item, percent) = estimate.largest_item(allowances).expect("something costs");
        text += &format!("{} {percent:.0} %\n", item.id);
    }
    expected.assert_eq(&text);
}

/// By hand, a month of 730 h being 30.4167 days:
/// - export 20 GiB x 30.4167 x 0.010 = 6.083
/// - snapshots: the oldest is 4 weeks old, so 20 GiB x (1 + 5 % x 28) = 48 GiB, of which the
///   database's own 20 are free: 28 x 0.095 = 2.66
/// - egress 3 GiB x 30.4167 = 91.25, within the 100 free ones; else x 0.126 = 11.498
/// - files 3 x 1024 / 5 MiB = 614.4, so 615 a day; starts 72 + 4 h x 6 + 2 x 3 h x 12 = 168 a day
/// - S3: 21 GiB x 0.025 = 0.525; writes (615 x 2 + 168 x 3) x 30.4167 = 52,742.5, x 0.0045 a
///   thousand = 0.237; reads (615 x 6 + 168 x 20) x 30.4167 = 214,437.5, x 0.00035 = 0.075
/// - KMS: key 1.00, uses 615 x 6 x 30.4167 = 112,237.5, x 0.03 a ten thousand = 0.337
/// - Cloud Storage: 21 GiB x 0.023 = 0.483; writes 615 x 30.4167 = 18,706, x 0.005 = 0.094
/// - 13 alarms, 10 free: 0.30; a secret: 0.40; BigQuery 9 GiB, 10 free, else 0.18
#[test]
fn the_month_of_the_write_up() {
    let estimate = of(&config(), &WRITE_UP);
    check(
        &estimate,
        &expect![[r#"
        egress                91.250 x 0.126          0.000  11.498
        export               608.333 x 0.01           6.083   6.083
        snapshots             48.000 x 0.095          2.660   2.660
        alarms                13.000 x 0.1            0.300   1.300 ?
        kms-key                1.000 x 1              1.000   1.000
        metrics                3.000 x 0.3            0.000   0.900 ?
        s3-storage            21.000 x 0.025          0.525   0.525
        landing-storage       21.000 x 0.023          0.483   0.483
        secret                 1.000 x 0.4            0.400   0.400 ?
        kms-uses              11.224 x 0.03           0.337   0.337
        s3-writes             52.742 x 0.0045         0.237   0.237
        tables                 9.000 x 0.02           0.000   0.180
        landing-writes        18.706 x 0.005          0.094   0.094 ?
        s3-reads             214.438 x 0.00035        0.075   0.075
        lambda-time         4150.050 x 0.0000133334   0.000   0.055 ?
        logs                   0.015 x 0.76           0.000   0.011
        secret-reads           0.110 x 0.05           0.005   0.005 ?
        scheduler              0.005 x 1              0.000   0.005 ?
        lambda-starts          0.005 x 0.2            0.000   0.001 ?
        alert-mails            0.030 x 0.02           0.000   0.001 ?
        failures-queue         0.000 x 0.4            0.000   0.000 ?
        12.20 25.85
        export 50 %
        egress 44 %
    "#]],
    );
}

#[test]
fn what_is_measured_counts_instead_of_what_is_assumed() {
    let usual = of(&config(), &WRITE_UP);
    let cost = |estimate: &Estimate, id: &str| {
        estimate.items.iter().find(|item| item.id == id).expect("an item").month_without_allowances
    };
    let cases: [(&str, &str, Workload, f64); 5] = [
        (
            "a database that never changes has one copy",
            "snapshots",
            Workload { change_percent_per_day: 0.0, ..WRITE_UP },
            0.0,
        ),
        (
            "twice the storage",
            "export",
            Workload { database_gib: 40.0, ..WRITE_UP },
            2.0 * cost(&usual, "export"),
        ),
        (
            "twice the Parquet",
            "egress",
            Workload { parquet_gib_per_day: 6.0, ..WRITE_UP },
            2.0 * cost(&usual, "egress"),
        ),
        (
            "one huge file",
            "landing-writes",
            Workload { files_per_day: Some(1.0), ..WRITE_UP },
            730.0 / 24.0 / 1e3 * 0.005,
        ),
        ("large tables", "tables", Workload { table_gib: Some(100.0), ..WRITE_UP }, 2.0),
    ];
    for (why, id, workload, expected) in cases {
        let got = cost(&of(&config(), &workload), id);
        assert!((got - expected).abs() < 1e-9, "{why}: {got} is not {expected}");
    }
    // Allowances are used up by much: beyond 100 GiB every further one is paid.
    let much = of(&config(), &Workload { parquet_gib_per_day: 6.0, ..WRITE_UP });
    let egress = much.items.iter().find(|item| item.id == "egress").expect("an item");
    assert!((egress.month - (182.5 - 100.0) * 0.126).abs() < 1e-9, "{}", egress.month);
}

#[test]
fn the_ladder_and_the_secret_of_the_configuration_count() {
    let mut config = config();
    config.snapshots.weekly = 1;
    config.transfer.token_key = None;
    let estimate = of(&config, &WRITE_UP);
    let find = |id: &str| estimate.items.iter().find(|item| item.id == id).expect("an item");
    // 14 daily ones are the oldest now: 20 x 5 % x 14 = 14 GiB above the free ones.
    assert!((find("snapshots").month - 14.0 * 0.095).abs() < 1e-9);
    assert!(find("secret").month_without_allowances.abs() < 1e-9);
}

#[test]
fn a_place_without_prices_is_told() {
    let (prices, config) = (Prices::shipped().expect("good"), config());
    let error = estimate(&prices, &config, "eu-west-1", &WRITE_UP).expect_err("no prices");
    assert_eq!(
        error.to_string(),
        "there are no prices of a region: eu-west-1; there are those of ap-northeast-2, us-east-1"
    );
    // Another location of GooglePrices has prices that are marked.
    assert!(prices.google("europe-west4").expect("others").storage_gib_month.uncertain);
    assert!(!prices.google("ASIA-NORTHEAST3").expect("Seoul").storage_gib_month.uncertain);
    assert!(Prices::parse("mine.json", "{}").is_err());
}

#[test]
fn a_day_is_charged_by_what_was_carried() {
    let prices = Prices::shipped().expect("good");
    let aws = prices.aws("ap-northeast-2").expect("Seoul");
    let day = Day::new(jiff::civil::date(2026, 11, 21));
    let actual = DayUsage {
        day,
        tables: 2,
        files: 4,
        exported_bytes: 2 << 30,
        transferred_bytes: Some(1 << 30),
        rows: 9,
        load_ms: 10,
    };
    let cost = actual.clone().cost(aws, Some(20.0));
    assert!((cost.egress_usd - 0.126).abs() < 1e-9);
    assert!((cost.export_usd.expect("known") - 0.2).abs() < 1e-9);
    // Where the ledger does not tell what was carried, what was exported counts.
    let unknown = DayUsage { transferred_bytes: None, ..actual }.cost(aws, None);
    assert!((unknown.egress_usd - 0.252).abs() < 1e-9);
    assert_eq!(unknown.export_usd, None);
}
