use expect_test::{Expect, expect};

use super::*;
use crate::config;

fn config() -> Config {
    let text = include_str!("../../../../terraform/examples/complete/landbridge.yaml");
    config::parse("landbridge.yaml", text).expect("the example is valid")
}

/// `size` GiB of which `change` percent change in a day.
fn workload(size: f64, change: f64) -> Workload {
    Workload {
        database_gib: size,
        parquet_gib_per_day: size * 0.15,
        change_percent_per_day: change,
        transferred_gib_per_day: None,
        tables: Some(10_000.0),
        files_per_day: None,
        table_gib: None,
        ga4_gib_per_day: None,
        history_gib: None,
    }
}

fn compared(workload: &Workload, every: Freshness) -> Handover {
    let (prices, ways) = (Prices::shipped().expect("prices"), Ways::shipped().expect("ways"));
    let config = config();
    compare(&prices, &ways, &config, &config.source.region, workload, Need { every })
        .expect("Seoul")
}

fn check(found: &Handover, expected: &Expect) {
    let mut text = format!("{:?} {}\n", found.verdict.advice, found.verdict.way);
    for way in &found.ways {
        text += &format!("{:<22}{:>10.2} to {:>9.2}", way.id, way.month.low, way.month.high);
        text += &format!(
            "  once {:.0} to {:.0}, unfit: {}\n",
            way.once.low,
            way.once.high,
            way.unfit.len()
        );
    }
    if let Some(Range { low, high }) = found.datastream_is_cheaper_below_percent {
        text += &format!("Datastream is cheaper below {low:.3} to {high:.3} % a day\n");
    }
    expected.assert_eq(&text);
}

const TEN_TB: f64 = 10.0 * 1024.0;

/// The workload of docs/costs.md. Datastream processes 20 GiB x 5 % x 30.4167 x 2 = 60.8 GiB at 2.00, or five times.
#[test]
fn a_small_database_stays() {
    let found = compared(&Workload { tables: Some(20.0), ..workload(20.0, 5.0) }, Freshness::Day);
    check(
        &found,
        &expect![[r#"
            Landbridge landbridge
            landbridge                 11.34 to     11.34  once 0 to 0, unfit: 0
            data-transfer-service       7.61 to      7.61  once 0 to 0, unfit: 0
            datastream                121.67 to    304.17  once 0 to 0, unfit: 0
            zero-etl-lakehouse          0.08 to      0.08  once 0 to 0, unfit: 0
            dms                       167.90 to    167.90  once 0 to 0, unfit: 0
            Datastream is cheaper below 0.144 to 0.365 % a day
        "#]],
    );
    assert!((found.export_usd_per_day - 0.20).abs() < 1e-9);
}

/// 10,240 GiB x 1 % x 30.4167 = 3,114.7 GiB of changes; Datastream processes 6,229.3: 2,500 x 2.00 + 2,500 x 1.50 + 1,229.3 x
/// 1.20 = 10,225.2, or 15,573.3: 5,000 + 3,750 + 6,000 + 5,573.3 x 0.80 = 19,208.7. The changes leave AWS for (3,114.7 - 100) x
/// 0.126 = 379.8; 4,608 GiB in BigQuery for 91.96. The export is 102.40 a day.
#[test]
fn ten_terabytes_at_one_percent() {
    let found = compared(&workload(TEN_TB, 1.0), Freshness::Day);
    check(
        &found,
        &expect![[r#"
            PerhapsCheaper zero-etl-lakehouse
            landbridge               9912.73 to   9912.73  once 0 to 0, unfit: 0
            data-transfer-service    9350.55 to   9350.55  once 0 to 0, unfit: 0
            datastream              10697.01 to  19680.47  once 4054 to 9584, unfit: 0
            zero-etl-lakehouse         38.40 to   5912.52  once 0 to 0, unfit: 0
            dms                       639.71 to    639.71  once 181 to 181, unfit: 0
            Datastream is cheaper below 0.362 to 0.897 % a day
        "#]],
    );
    assert!((found.export_usd_per_day - 102.4).abs() < 1e-9);
}

#[test]
fn ten_terabytes_that_hardly_change_are_cheaper_with_datastream() {
    let found = compared(&workload(TEN_TB, 0.05), Freshness::Day);
    check(
        &found,
        &expect![[r#"
            Cheaper datastream
            landbridge               9653.96 to   9653.96  once 0 to 0, unfit: 0
            data-transfer-service    9350.55 to   9350.55  once 0 to 0, unfit: 0
            datastream                721.92 to   1656.32  once 4054 to 9584, unfit: 0
            zero-etl-lakehouse         38.40 to   5912.52  once 0 to 0, unfit: 0
            dms                       266.88 to    266.88  once 181 to 181, unfit: 0
            Datastream is cheaper below 0.362 to 0.897 % a day
        "#]],
    );
    assert!(
        found.verdict.text.contains("Not included: BigQuery's compute"),
        "{}",
        found.verdict.text
    );
}

/// The advice turns where the break-even says: Datastream's upper estimate must save a fifth.
#[test]
fn the_advice_changes_near_the_break_even() {
    let even = compared(&workload(TEN_TB, 1.0), Freshness::Day);
    let even = even.datastream_is_cheaper_below_percent.expect("there is one");
    assert!(even.low < even.high, "{even:?}");
    let of = |percent| compared(&workload(TEN_TB, percent), Freshness::Day).verdict;
    assert_eq!(of(even.low * 0.7).way, "datastream");
    assert_eq!(of(even.low * 0.7).advice, Advice::Cheaper);
    assert_ne!(of(even.high * 1.1).way, "datastream");
    // At the break-even both cost the same.
    let at = compared(&workload(TEN_TB, even.low), Freshness::Day);
    let month = |id: &str| at.ways.iter().find(|it| it.id == id).expect("the way").month.high;
    assert!((month("datastream") - month("landbridge")).abs() < 0.01);
}

#[test]
fn rows_that_must_be_minutes_old_are_not_for_landbridge() {
    let found = compared(&workload(20.0, 5.0), Freshness::Minutes);
    assert_eq!((found.verdict.advice, found.verdict.way.as_str()), (Advice::Other, "datastream"));
    assert!(found.verdict.text.starts_with("Not Landbridge: its rows are up to a day old"));
    // An export cannot be fresher either.
    let unfit: Vec<&str> =
        found.ways.iter().filter(|it| !it.unfit.is_empty()).map(|it| it.id.as_str()).collect();
    assert_eq!(unfit, ["landbridge", "data-transfer-service"]);
    // More tables than a stream takes.
    let many = Workload { tables: Some(10_001.0), ..workload(20.0, 5.0) };
    let found = compared(&many, Freshness::Minutes);
    assert_ne!(found.verdict.way, "datastream");
    assert_eq!(found.verdict.advice, Advice::Other);
}

#[test]
fn a_unit_has_the_price_of_its_tier() {
    let ways = Ways::shipped().expect("valid");
    let cdc = &ways.prices.datastream_cdc_gib;
    for (gib, usd) in
        [(0.0, 0.0), (1.0, 2.0), (2_500.0, 5_000.0), (3_000.0, 5_750.0), (12_000.0, 16_350.0)]
    {
        assert!((cdc.cost(gib) - usd).abs() < 1e-9, "{gib}");
    }
    assert!(ways.prices.datastream_backfill_gib.cost(500.0).abs() < 1e-9);
}

/// A reader must be able to check the list: a property has a source, or says that it has none.
#[test]
fn every_property_has_a_source_or_is_not_confirmed() {
    let ways = Ways::shipped().expect("valid");
    assert_eq!(ways.ways[0].id, "landbridge");
    for way in &ways.ways {
        assert!(!way.lacks.is_empty(), "{}", way.id);
        for lack in &way.lacks {
            assert!(lack.uncertain || !lack.source.is_empty(), "{}", lack.what);
        }
    }
    for price in [
        &ways.prices.datastream_cdc_gib,
        &ways.prices.datastream_backfill_gib,
        &ways.prices.dms_hour,
    ] {
        assert!(price.source.contains("https://"), "{price:?}");
    }
}
