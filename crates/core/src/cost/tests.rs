use expect_test::{Expect, expect};

use super::*;
use crate::calendar::Day;
use crate::config::{self, Config};

/// The example of Terraform: Seoul in both clouds; 48 hourly, 14 daily and 4 weekly snapshots;
/// export at 01:00, transfer from 02:00 to the end of hour 4; one secret; a KMS key that Terraform creates.
fn config() -> Config {
    let text = include_str!("../../../../terraform/examples/complete/landbridge.yaml");
    config::parse("landbridge.yaml", text).expect("the example is valid")
}

/// An instance of 20 GiB with 3 GiB of Parquet per day.
const TYPICAL: Workload = Workload {
    database_gib: 20.0,
    parquet_gib_per_day: 3.0,
    change_percent_per_day: Workload::CHANGE_PERCENT_PER_DAY,
    transferred_gib_per_day: None,
    tables: None,
    files_per_day: None,
    table_gib: None,
    ga4_gib_per_day: None,
    history_gib: None,
};

fn estimate_for(config: &Config, workload: &Workload) -> Estimate {
    let prices = Prices::shipped().expect("the price list is valid");
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

/// 144 starts a day x 30.4167 = 4,380; listings 144 x 3 x 30.4167 = 13,140, x 0.0045 a thousand = 0.06.
#[test]
fn views_cost_cents() {
    let mut without_views = config();
    without_views.warehouse.views = None;
    let [without, with] = [without_views, config()].map(|it| estimate_for(&it, &TYPICAL).month);
    assert!((0.05..0.08).contains(&(with - without)), "{without} {with}");
}

/// 0.5 GiB a day, copied four times: 0.5 x 4 x 30.4167 = 60.83 GiB x 0.08 = 4.87; a year of it is
/// 182.5 GiB x 0.02 = 3.65. An export in the warehouse's location is not copied.
#[test]
fn an_export_of_ga4_elsewhere_is_copied() {
    let mut config = config();
    let workload = Workload { ga4_gib_per_day: Some(0.5), ..TYPICAL };
    let here = estimate_for(&config, &workload);
    assert_eq!(here, Estimate { workload, ..estimate_for(&config, &TYPICAL) });
    config.warehouse.ga4.as_mut().expect("the demo has an export").location = Some("US".to_owned());
    let copied = estimate_for(&config, &workload);
    let cost = |id: &str| copied.items.iter().find(|it| it.id == id).expect("the item").month;
    assert!((cost("ga4-copy") - 4.8667).abs() < 1e-3, "{}", cost("ga4-copy"));
    assert!((cost("ga4-storage") - 3.65).abs() < 1e-9, "{}", cost("ga4-storage"));
    let unknown = estimate_for(&config, &TYPICAL);
    let copy = Ga4Copy { from: "US".to_owned(), usd_per_gib: 0.08, included: false };
    assert_eq!(unknown.ga4_copy, Some(copy));
    assert!((unknown.month - here.month).abs() < 1e-9);
}

/// 10 GiB a day: 90 days x 10 x 0.02 = 18.00; 275 older days x 10 x 0.01 = 27.50.
#[test]
fn past_days_cost_a_copy_each_and_half_after_ninety_days() {
    let mut config = config();
    let workload = Workload { history_gib: Some(10.0), ..TYPICAL };
    let without = estimate_for(&config, &workload);
    assert_eq!(without, Estimate { workload, ..estimate_for(&config, &TYPICAL) });
    for (days, active, long_term) in
        [(7, 1.4, 0.0), (30, 6.0, 0.0), (90, 18.0, 0.0), (365, 18.0, 27.5)]
    {
        let history = Some(crate::config::HistoryConfig { days });
        config.tables.insert(
            "public.orders".to_owned(),
            crate::config::TableConfig { history, delta: None },
        );
        let found = estimate_for(&config, &workload);
        let cost = |id: &str| found.items.iter().find(|it| it.id == id).expect("the item").month;
        assert!((cost("history") - active).abs() < 1e-9, "{days}: {}", cost("history"));
        let found = cost("history-long-term");
        assert!((found - long_term).abs() < 1e-9, "{days}: {found}");
    }
}

/// Computed manually; a month has 730 h, or 30.4167 days:
/// - export 20 GiB x 30.4167 x 0.010 = 6.083
/// - snapshots: the oldest is 4 weeks old, so 20 GiB x (1 + 5 % x 28) = 48 GiB, of which 20, the
///   size of the database, are free: 28 x 0.095 = 2.66
/// - egress 3 GiB x 30.4167 = 91.25, within the 100 free GiB; otherwise x 0.126 = 11.498
/// - files 3 x 1024 / 5 MiB = 614.4, so 615 a day; starts 72 + 4 h x 6 + 2 x 3 h x 12 = 168 a day,
///   24 h x 12 = 288 of protect and 24 h x 6 = 144 of views; 600 x 30.4167 = 18,250 a month
/// - S3: 21 GiB x 0.025 = 0.525; writes and listings (615 x 2 + 20 x 7 + 168 x 2 + 26 + 144 x 3) x 30.4167 = 65,822,
///   x 0.0045 a thousand = 0.296; reads (615 x 6 + 20 x 27 + 168 x 5 + 288 x 4 + 144 x 3) x 30.4167 = 202,393,
///   x 0.00035 = 0.071
/// - Lambda: 7,948.83 GiB-seconds, of which (36 + 3 x 1024 / 50) x 1769 / 1024 x 30.4167 are of transfer, and 288 x 0.125 x 30.4167 = 1,095 of protect, and 144 x 0.125 x 30.4167 = 547.5 of views
/// - KMS: key 1.00, uses (24 + 36 + 60) x 30.4167 = 3,650, of which 20,000 are free, otherwise x 0.03 a ten thousand = 0.011
/// - Cloud Storage: 9 GiB x 0.023 = 0.207; writes 615 x 30.4167 = 18,706, x 0.005 = 0.094
/// - 7 alarms, 10 free: otherwise 0.70; 4 metrics, 10 free, otherwise 1.20; a secret: 0.40; BigQuery 9 GiB, 10 free,
///   otherwise 0.18
#[test]
fn a_month_of_the_demo_costs_what_was_computed_manually() {
    let estimate = estimate_for(&config(), &TYPICAL);
    check(
        &estimate,
        &expect![[r#"
            egress                91.250 x 0.126          0.000  11.498
            export               608.333 x 0.01           6.083   6.083
            snapshots             48.000 x 0.095          2.660   2.660
            metrics                4.000 x 0.3            0.000   1.200 ?
            kms-key                1.000 x 1              1.000   1.000
            alarms                 7.000 x 0.1            0.000   0.700 ?
            s3-storage            21.000 x 0.025          0.525   0.525
            secret                 1.000 x 0.4            0.400   0.400 ?
            s3-writes             65.822 x 0.0045         0.296   0.296
            landing-storage        9.000 x 0.023          0.207   0.207
            tables                 9.000 x 0.02           0.000   0.180
            lambda-time         7948.830 x 0.0000133334   0.000   0.106 ?
            landing-writes        18.706 x 0.005          0.094   0.094 ?
            s3-reads             202.393 x 0.00035        0.071   0.071
            logs                   0.052 x 0.76           0.000   0.040
            scheduler              0.018 x 1              0.000   0.018 ?
            kms-uses               0.365 x 0.03           0.000   0.011
            secret-reads           0.110 x 0.05           0.005   0.005 ?
            lambda-starts          0.018 x 0.2            0.000   0.004 ?
            alert-mails            0.030 x 0.02           0.000   0.001 ?
            failures-queue         0.000 x 0.4            0.000   0.000 ?
            11.34 25.10
            export 54 %
            egress 46 %
        "#]],
    );
}

#[test]
fn measured_quantities_replace_assumptions() {
    let typical = estimate_for(&config(), &TYPICAL);
    let cost = |estimate: &Estimate, id: &str| {
        estimate
            .items
            .iter()
            .find(|item| item.id == id)
            .expect("the item exists")
            .month_without_allowances
    };
    let cases: [(&str, &str, Workload, f64); 5] = [
        (
            "a database that never changes is stored once",
            "snapshots",
            Workload { change_percent_per_day: 0.0, ..TYPICAL },
            0.0,
        ),
        (
            "twice the storage",
            "export",
            Workload { database_gib: 40.0, ..TYPICAL },
            2.0 * cost(&typical, "export"),
        ),
        (
            "twice the Parquet",
            "egress",
            Workload { parquet_gib_per_day: 6.0, ..TYPICAL },
            2.0 * cost(&typical, "egress"),
        ),
        (
            "one huge file",
            "landing-writes",
            Workload { files_per_day: Some(1.0), ..TYPICAL },
            730.0 / 24.0 / 1e3 * 0.005,
        ),
        ("large tables", "tables", Workload { table_gib: Some(100.0), ..TYPICAL }, 2.0),
    ];
    for (why, id, workload, expected) in cases {
        let got = cost(&estimate_for(&config(), &workload), id);
        assert!((got - expected).abs() < 1e-9, "{why}: {got} is not {expected}");
    }
    // The allowance is 100 GiB; each further GiB is charged.
    let large = estimate_for(&config(), &Workload { parquet_gib_per_day: 6.0, ..TYPICAL });
    let egress = large.items.iter().find(|item| item.id == "egress").expect("the item exists");
    let sent = 182.5;
    assert!((egress.month - (sent - 100.0) * 0.126).abs() < 1e-9, "{}", egress.month);
}

#[test]
fn the_configured_ladder_and_secret_determine_the_cost() {
    let mut config = config();
    config.snapshots.weekly = 1;
    config.transfer.token_key = None;
    let estimate = estimate_for(&config, &TYPICAL);
    let find =
        |id: &str| estimate.items.iter().find(|item| item.id == id).expect("the item exists");
    // The oldest snapshot is now 14 days old: 20 x 5 % x 14 = 14 GiB beyond the free ones.
    assert!((find("snapshots").month - 14.0 * 0.095).abs() < 1e-9);
    assert!(find("secret").month_without_allowances.abs() < 1e-9);
    let one = self::config();
    let mut two = self::config();
    two.proof = Some(crate::config::ProofConfig {
        key: "a/key".to_owned(),
        kept: Default::default(),
        sign: Some("arn:aws:kms:us-east-1:123456789012:alias/receipts".to_owned()),
    });
    let of = |config, id: &str| {
        let items = estimate_for(config, &TYPICAL).items;
        items.iter().find(|item| item.id == id).map(|item| item.month_without_allowances)
    };
    for id in ["secret", "kms-key"] {
        assert_eq!(of(&two, id), of(&one, id).map(|it| it * 2.0), "{id}");
    }
    // A key that exists without Landbridge is not charged to it.
    let mut existing = self::config();
    existing.export.kms_key =
        "arn:aws:kms:ap-northeast-2:123456789012:key/1234abcd-12ab".to_owned();
    assert_eq!(of(&existing, "kms-key"), Some(0.0));
}

/// Compressing again costs processor time, which is free up to the allowance, and saves bytes.
#[test]
fn fewer_bytes_leave_for_more_processor_time() {
    let mut auto = config();
    auto.transfer.recompress = crate::config::Recompression::Auto;
    let [off, auto] = [config(), auto].map(|it| estimate_for(&it, &TYPICAL));
    let of = |estimate: &Estimate, id: &str| {
        let found = estimate.items.iter().find(|item| item.id == id).expect("the item");
        found.month_without_allowances
    };
    assert!((of(&off, "egress") - 91.25 * 0.126).abs() < 1e-9);
    assert!((of(&auto, "egress") - 91.25 * 0.87 * 0.126).abs() < 1e-9);
    let processor = of(&auto, "lambda-time") - of(&off, "lambda-time");
    assert!((0.2..0.3).contains(&processor), "{processor}");
    assert!(auto.month < off.month);
    assert!(auto.month_without_allowances < off.month_without_allowances - 1.0);
}

/// Tables whose files do not cross cost no transfer and no storage in Cloud Storage, but RDS exports them.
#[test]
fn what_does_not_cross_is_not_charged_for() {
    let less = Workload { transferred_gib_per_day: Some(0.5), ..TYPICAL };
    let [all, less] = [TYPICAL, less].map(|it| estimate_for(&config(), &it));
    let of = |estimate: &Estimate, id: &str| {
        let found = estimate.items.iter().find(|item| item.id == id).expect("the item");
        found.month_without_allowances
    };
    for id in ["egress", "landing-storage"] {
        assert!((of(&less, id) - of(&all, id) / 6.0).abs() < 1e-9, "{id}");
    }
    for id in ["export", "s3-storage", "s3-writes"] {
        assert!((of(&less, id) - of(&all, id)).abs() < 1e-9, "{id}");
    }
}

/// An earlier estimate of another version: an item that there is no more, and one that is new.
#[test]
fn an_earlier_estimate_is_compared_by_item() {
    let now = estimate_for(&config(), &TYPICAL);
    let earlier = r#"{"estimate": {"prices_as_of": "2026-10", "month": 7.5, "month_without_allowances": 9.0, "items": [
        {"id": "export", "what": "export", "month": 6.083, "month_without_allowances": 6.083, "new": true},
        {"id": "gone", "what": "a queue", "month": 1.0, "month_without_allowances": 2.0},
        {"id": "alarms", "what": "alarms", "month": 0.8, "month_without_allowances": 1.8}]}}"#;
    let compared = EarlierEstimate::parse("before.json", earlier).expect("valid").compare(&now);
    let of = |id: &str| compared.changes.iter().find(|it| it.id == id);
    assert_eq!(of("export"), None, "it costs the same");
    let gone = of("gone").expect("it was charged");
    assert_eq!((gone.before, gone.now, gone.now_without_allowances), (1.0, 0.0, 0.0));
    let alarms = of("alarms").expect("it changed");
    assert_eq!((alarms.before, alarms.now), (0.8, 0.0));
    assert_eq!(alarms.what, "CloudWatch alarms", "the present name");
    assert_eq!(of("egress").map(|it| it.before), Some(0.0));
    let total = compared.changes.last().expect("the total");
    assert_eq!((total.id.as_str(), total.before), ("total", 7.5));
    assert!((total.now - now.month).abs() < 1e-9);
    assert_eq!(compared.changes[0].id, "egress", "the largest difference is first");
    let error = EarlierEstimate::parse("README.md", "# no").expect_err("not an estimate");
    assert!(error.to_string().starts_with("the file is not an estimate: README.md"), "{error}");
}

#[test]
fn a_region_without_prices_is_an_error_and_an_unknown_location_has_uncertain_prices() {
    let (prices, config) = (Prices::shipped().expect("the price list is valid"), config());
    let error = estimate(&prices, &config, "eu-west-1", &TYPICAL).expect_err("no prices");
    assert_eq!(
        error.to_string(),
        "the price list does not contain the region: eu-west-1; it contains ap-northeast-2, us-east-1"
    );
    // The prices of other Google Cloud locations are marked as uncertain.
    assert!(
        prices
            .google("europe-west4")
            .expect("prices of all other locations")
            .storage_gib_month
            .uncertain
    );
    assert!(!prices.google("ASIA-NORTHEAST3").expect("Seoul").storage_gib_month.uncertain);
    assert!(Prices::parse("mine.json", "{}").is_err());
}

#[test]
fn the_cost_of_a_day_follows_from_the_transferred_bytes() {
    let prices = Prices::shipped().expect("the price list is valid");
    let aws = prices.aws("ap-northeast-2").expect("Seoul");
    let day = Day::new(jiff::civil::date(2026, 11, 21));
    let usage = DayUsage {
        day,
        tables: 2,
        files: 4,
        exported_bytes: 2 << 30,
        transferred_bytes: Some(1 << 30),
        rows: 9,
        load_ms: 10,
    };
    let cost = usage.clone().cost(aws, Some(20.0));
    assert!((cost.egress_usd - 0.126).abs() < 1e-9);
    assert!((cost.export_usd.expect("known") - 0.2).abs() < 1e-9);
    // If the ledger no longer has the transferred bytes, the exported bytes are used.
    let unknown = DayUsage { transferred_bytes: None, ..usage }.cost(aws, None);
    assert!((unknown.egress_usd - 0.252).abs() < 1e-9);
    assert_eq!(unknown.export_usd, None);
}
