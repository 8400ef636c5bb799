//! One table of cases per rule, and undisturbed weeks of drawn tables, in which no rule may find anything.

mod quiet;

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::date;
use jiff::tz::TimeZone;

use super::*;
use crate::calendar::Day;
use crate::config::Freshness;
use crate::proof::Total;
use crate::rewrite::Bound;

/// A Friday; the days of the history are before it.
pub(super) fn today() -> Day {
    Day::new(date(2026, 11, 27))
}

pub(super) fn days_ago(days: i64) -> Day {
    Day::new(today().date() - days.days())
}

fn figures(day: Day, rows: u64, columns: &[(&str, ColumnFigures)]) -> TableFigures {
    let columns = columns.iter().map(|(name, it)| ((*name).to_owned(), it.clone()));
    TableFigures { day, rows, content: None, columns: columns.collect() }
}

/// A column without NULLs with these bounds.
fn whole(min: i64, max: i64) -> ColumnFigures {
    let hidden =
        Hidden { min: Some(Bound::Integer(min)), max: Some(Bound::Integer(max)), total: None };
    ColumnFigures { nulls: Some(0), hidden: Some(hidden), ..ColumnFigures::default() }
}

/// The history of the `count` days before today.
fn history(count: i64, of: impl Fn(i64) -> TableFigures) -> Vec<TableFigures> {
    (1..=count).rev().map(of).collect()
}

/// The verdicts of one check, as text.
fn verdicts(
    check: Check,
    today: &TableFigures,
    history: &[TableFigures],
    declared: Option<&TableAudits>,
) -> Vec<String> {
    let parents: BTreeMap<_, _> =
        [("public.people.id".to_owned(), Some(whole(1, 100))), ("public.late.id".to_owned(), None)]
            .into();
    let audited = Audited {
        today,
        history,
        declared,
        parents: &parents,
        text: &BTreeSet::from(["note".to_owned()]),
        snapshot_at: Some("2026-11-26T16:00:00Z".parse().unwrap()),
        zone: &TimeZone::get("Asia/Seoul").unwrap(),
        unsealed: None,
    };
    let of_check = audit(&audited).into_iter().filter(|it| it.check == check);
    of_check.map(|it| format!("{:?}: {it}", it.outcome)).collect()
}

fn found(
    check: Check,
    today: &TableFigures,
    history: &[TableFigures],
    declared: Option<&TableAudits>,
) -> bool {
    verdicts(check, today, history, declared).iter().any(|it| it.starts_with("Found"))
}

#[test]
fn rows_are_compared_with_weekdays_and_with_the_day_before() {
    let growing = |ago: i64| 1_000 + 10 * (14 - u64::try_from(ago).unwrap());
    // Saturday and Sunday have a third.
    let weekly = |ago: i64| {
        let weekend = days_ago(ago).date().weekday().to_monday_one_offset() > 5;
        if weekend { 3_000 } else { 9_000 }
    };
    type Rows<'a> = &'a dyn Fn(i64) -> u64;
    let cases: &[(&str, Rows<'_>, i64, u64, bool)] = &[
        ("as before", &|_| 1_000, 14, 1_000, false),
        ("halved", &|_| 1_000, 14, 500, true),
        ("halved, first week", &|_| 1_000, 7, 500, true),
        ("halved, six days known", &|_| 1_000, 6, 500, false),
        ("doubled", &|_| 1_000, 14, 2_000, true),
        ("a fifth more", &|_| 1_000, 14, 1_200, false),
        ("a tenth less", &|_| 1_000, 14, 900, false),
        ("three tenths less", &|_| 1_000, 14, 700, true),
        ("few rows", &|_| 150, 14, 75, false),
        ("growing goes on", &growing, 14, 1_150, false),
        ("growing halves", &growing, 14, 570, true),
        ("a Friday like Fridays", &weekly, 14, 9_100, false),
        ("a Friday like a Saturday", &weekly, 14, 3_000, true),
        ("emptied", &|_| 1_000, 14, 0, true),
        ("a small table emptied", &|_| 12, 14, 0, true),
        ("was empty before", &|ago| if ago == 3 { 0 } else { 12 }, 14, 0, false),
    ];
    for (name, rows, days, now, expected) in cases {
        let history = history(*days, |ago| figures(days_ago(ago), rows(ago), &[]));
        let now = figures(today(), *now, &[]);
        let verdicts = verdicts(Check::Rows, &now, &history, None);
        assert_eq!(found(Check::Rows, &now, &history, None), *expected, "{name}: {verdicts:?}");
    }
}

#[test]
fn a_gap_in_the_history_is_no_finding() {
    let history = history(14, |ago| figures(days_ago(ago + 20), 1_000, &[]));
    assert!(!found(Check::Rows, &figures(today(), 1_050, &[]), &history, None));
    assert!(found(Check::Rows, &figures(today(), 400, &[]), &history, None));
}

#[test]
fn a_busy_table_that_stands_still_is_a_finding() {
    let with = |ago: i64, content: &str| TableFigures {
        content: Some(content.to_owned()),
        ..figures(days_ago(ago), 10, &[])
    };
    let busy = history(14, |ago| with(ago, &ago.to_string()));
    let resting = history(14, |ago| with(ago, &(ago / 2).to_string()));
    for (name, history, content, expected) in [
        ("changed", &busy, "0", false),
        ("as yesterday", &busy, "1", true),
        ("as the day before yesterday", &busy, "2", false),
        ("rests often", &resting, "0", false),
    ] {
        let now = with(0, content);
        assert_eq!(found(Check::Unchanged, &now, history, None), expected, "{name}");
    }
    let unknown = figures(today(), 10, &[]);
    let text = verdicts(Check::Unchanged, &unknown, &busy, None);
    assert_eq!(text, ["NotVisible: the content of a day is not known"]);
}

#[test]
fn nulls_are_compared_with_their_share() {
    let with = |ago: i64, rows: u64, nulls: u64| {
        let column = ColumnFigures { nulls: Some(nulls), ..ColumnFigures::default() };
        figures(days_ago(ago), rows, &[("email", column)])
    };
    for (name, before, rows, now, expected) in [
        ("none, none", 0, 1_000, 0, false),
        ("none, a few", 0, 1_000, 10, false),
        ("none, one in fifty", 0, 1_000, 20, true),
        ("none, too few rows", 0, 100, 19, false),
        ("a tenth, a tenth", 100, 1_000, 105, false),
        ("a tenth, a seventh", 100, 1_000, 145, false),
        ("a tenth, a fifth", 100, 1_000, 200, true),
        ("all", 1_000, 1_000, 1_000, false),
        ("a tenth, none", 100, 1_000, 0, false),
    ] {
        let history = history(14, |ago| with(ago, 1_000, before));
        let now = with(0, rows, now);
        assert_eq!(found(Check::Nulls, &now, &history, None), expected, "{name}");
    }
    let history = history(14, |ago| with(ago, 1_000, 0));
    let text = verdicts(Check::Nulls, &with(0, 1_000, 250), &history, None);
    assert_eq!(
        text,
        [
            "Found: column `email`: 25.0 % of its rows are NULL, at most 0.0 % were on 14 earlier days"
        ]
    );
}

#[test]
fn a_key_is_unique_as_far_as_its_bounds_show() {
    let declared = TableAudits { key: Some("id".to_owned()), ..TableAudits::default() };
    let with = |ago: i64, rows: u64, min: i64, max: i64| {
        figures(days_ago(ago), rows, &[("id", whole(min, max))])
    };
    for (name, now, is_declared, expected) in [
        ("dense", with(0, 100, 1, 100), true, "Passed: column `id`: "),
        (
            "doubled",
            with(0, 200, 1, 100),
            true,
            "Found: column `id`: values of the key are there more than once: there are more rows than whole numbers from the smallest to the largest key",
        ),
        (
            "sparse",
            with(0, 200, 1, 1_000),
            true,
            "NotVisible: column `id`: the key has gaps, so the bounds do not show repeated values that fit into them",
        ),
        (
            "all numbers of 64 bits",
            with(0, 200, i64::MIN, i64::MAX),
            true,
            "NotVisible: column `id`: the key has gaps, so the bounds do not show repeated values that fit into them",
        ),
        // Not declared: only against a week of days.
        ("not declared, no history", with(0, 200, 1, 100), false, "Passed: column `id`: "),
    ] {
        let declared = is_declared.then_some(&declared);
        assert_eq!(verdicts(Check::Keys, &now, &[], declared), [expected], "{name}");
    }
    let unique = history(7, |ago| with(ago, 100, 1, 100));
    let repeated = history(7, |ago| with(ago, 100, 1, 50));
    assert!(found(Check::Keys, &with(0, 200, 1, 100), &unique, None));
    assert!(!found(Check::Keys, &with(0, 200, 1, 100), &repeated, None), "a habit");
    let nulls = ColumnFigures { nulls: Some(3), ..whole(1, 100) };
    let nulls = figures(today(), 100, &[("id", nulls)]);
    assert_eq!(
        verdicts(Check::Keys, &nulls, &[], Some(&declared)),
        ["Found: column `id`: 3 NULLs in the key"]
    );
    assert!(found(Check::Keys, &nulls, &unique, None));
}

#[test]
fn a_reset_and_a_hole_are_seen_in_the_range_of_a_key() {
    let with = |ago: i64, rows: u64, min: i64, max: i64| {
        figures(days_ago(ago), rows, &[("id", whole(min, max))])
    };
    let growing = history(14, |ago| {
        let max = 10_000 - ago * 10;
        with(ago, max.unsigned_abs(), 1, max)
    });
    let cleaned =
        history(14, |ago| with(ago, if ago % 2 == 0 { 9_000 } else { 10_000 }, 1, 20_000));
    for (name, now, history, expected) in [
        ("grows", with(0, 10_000, 1, 10_000), &growing, false),
        ("begins again", with(0, 300, 1, 300), &growing, true),
        ("the last hundred are deleted", with(0, 9_890, 1, 9_890), &growing, false),
        ("a tenth is missing", with(0, 9_000, 1, 10_000), &growing, true),
        ("the first tenth is deleted", with(0, 9_000, 1_001, 10_000), &growing, false),
        ("a tenth is missing as often", with(0, 9_000, 1, 20_000), &cleaned, false),
        ("half is missing", with(0, 5_000, 1, 20_000), &cleaned, true),
    ] {
        assert_eq!(found(Check::KeyRange, &now, history, None), expected, "{name}");
    }
}

fn amounts(ago: i64, rows: u64, units: i128, min: i128, max: i128) -> TableFigures {
    let hidden = Hidden {
        min: Some(Bound::Decimal(min, 2)),
        max: Some(Bound::Decimal(max, 2)),
        total: Some(Total { units, scale: 2 }),
    };
    let column = ColumnFigures { nulls: Some(0), hidden: Some(hidden), ..ColumnFigures::default() };
    figures(days_ago(ago), rows, &[("amount", column)])
}

#[test]
fn sums_are_compared_as_means() {
    let history =
        history(14, |ago| amounts(ago, 1_000, 2_500_037 + 11 * i128::from(ago), 99, 99_901));
    for (name, now, expected) in [
        ("as before", amounts(0, 1_000, 2_600_033, 99, 99_901), None),
        (
            "the other sign",
            amounts(0, 1_000, -2_600_033, -99_901, -99),
            Some("the mean of its values has another sign than on every earlier day"),
        ),
        ("twice as many rows", amounts(0, 2_000, 5_100_033, 99, 99_901), None),
        (
            "times 100",
            amounts(0, 1_000, 250_003_700, 9_900, 9_990_100),
            Some("the mean of its values is far above earlier days"),
        ),
        (
            "a hundredth",
            amounts(0, 1_000, 25_003, 1, 999),
            Some("the mean of its values is far below earlier days"),
        ),
        (
            "cut",
            amounts(0, 1_000, 2_450_000, 0, 99_900),
            Some(
                "its smallest and its largest value have no digit after the point, unlike on every earlier day",
            ),
        ),
        ("a whole sum by chance", amounts(0, 1_000, 2_450_000, 99, 99_901), None),
        ("few values", amounts(0, 49, 250_003_700, 9_900, 9_990_100), None),
    ] {
        let text = verdicts(Check::Numbers, &now, &history, None);
        let expected = expected.map_or_else(
            || "Passed: ".to_owned(),
            |text| format!("Found: column `amount`: {text}"),
        );
        assert_eq!(text, [expected], "{name}");
    }
}

#[test]
fn bounds_are_compared_where_no_sum_is_known() {
    let with =
        |ago: i64, min: i64, max: i64| figures(days_ago(ago), 1_000, &[("price", whole(min, max))]);
    let known = history(14, |ago| with(ago, 100, 90_000 + ago));
    for (name, now, expected) in [
        ("as before", with(0, 90, 99_000), false),
        ("one large value", with(0, 100, 9_000_000), false),
        ("times 100", with(0, 10_000, 9_000_000), true),
        ("a hundredth", with(0, 1, 900), true),
    ] {
        assert_eq!(found(Check::Numbers, &now, &known, None), expected, "{name}");
    }
    let dates = |ago: i64, min: i32, max: i32| {
        let hidden =
            Hidden { min: Some(Bound::Date(min)), max: Some(Bound::Date(max)), total: None };
        let column =
            ColumnFigures { nulls: Some(0), hidden: Some(hidden), ..ColumnFigures::default() };
        figures(days_ago(ago), 5, &[("until", column)])
    };
    // 2000-01-01 to 9999-12-31.
    let known = history(14, |ago| dates(ago, 10_957, 2_932_896));
    for (name, now, expected) in [
        ("as before", dates(0, 10_957, 2_932_896), false),
        ("9999 became 1816", dates(0, -56_000, 20_000), true),
        ("no end is open", dates(0, 10_957, 20_000), true),
    ] {
        assert_eq!(found(Check::Numbers, &now, &known, None), expected, "{name}");
    }
}

/// The snapshot is of 2026-11-27 01:00 in Seoul.
#[test]
fn the_newest_row_fits_the_snapshot() {
    let of = |bound: Bound| {
        let hidden = Hidden { min: Some(bound), max: Some(bound), total: None };
        let column =
            ColumnFigures { nulls: Some(0), hidden: Some(hidden), ..ColumnFigures::default() };
        figures(today(), 10, &[("placed_at", column)])
    };
    let at = |text: &str| Bound::Timestamp(text.parse::<Timestamp>().unwrap().as_microsecond());
    let local = |text: &str| match at(text) {
        Bound::Timestamp(micros) => Bound::Datetime(micros),
        other => other,
    };
    let day = |text: &str| {
        let date: jiff::civil::Date = text.parse().unwrap();
        Bound::Date(date.since(jiff::civil::date(1970, 1, 1)).unwrap().get_days())
    };
    for (bound, expected) in [
        (at("2026-11-26T15:59:00Z"), "Passed: column `placed_at`: "),
        (at("2026-11-26T10:00:00Z"), "Passed: column `placed_at`: "),
        (
            at("2026-11-26T07:00:00Z"),
            "Found: column `placed_at`: no row of the 8 hours before the snapshot",
        ),
        (
            at("2026-11-27T01:00:00Z"),
            "Found: column `placed_at`: a row is more than an hour newer than the snapshot",
        ),
        // Local times of Seoul, nine hours ahead.
        (local("2026-11-27T00:59:00Z"), "Passed: column `placed_at`: "),
        (
            local("2026-11-26T15:59:00Z"),
            "Found: column `placed_at`: no row of the 8 hours before the snapshot",
        ),
        (day("2026-11-27"), "Passed: column `placed_at`: "),
        (day("2026-11-26"), "Found: column `placed_at`: no row of the 8 hours before the snapshot"),
        (Bound::Integer(7), "NotVisible: column `placed_at`: the files have no bounds of it"),
    ] {
        let fresh = Freshness { column: "placed_at".to_owned(), max_age_hours: 8, zone: None };
        let declared = TableAudits { fresh: Some(fresh), ..TableAudits::default() };
        let text = verdicts(Check::Freshness, &of(bound), &[], Some(&declared));
        assert_eq!(text, [expected], "{bound:?}");
    }
}

#[test]
fn references_and_sets_of_values_are_certain_where_they_are_found() {
    let references = [("person".to_owned(), "public.people.id".to_owned())].into();
    let values = [("state".to_owned(), vec!["new".to_owned()])].into();
    let declared = TableAudits { references, values, ..TableAudits::default() };
    let state = |unlisted| ColumnFigures { unlisted, ..ColumnFigures::default() };
    for (person, unlisted, expected) in [
        (whole(1, 100), Some(0), ["Passed: column `person`: ", "Passed: column `state`: "]),
        (
            whole(1, 101),
            Some(3),
            [
                "Found: column `person`: values are outside of `public.people.id`, so their rows do not exist",
                "Found: column `state`: 3 values are not among the declared ones",
            ],
        ),
        (
            ColumnFigures::default(),
            None,
            [
                "NotVisible: column `person`: the files have no bounds of it",
                "NotVisible: column `state`: its values could not be read: it is no text, or its encoding is not known",
            ],
        ),
    ] {
        let now = figures(today(), 10, &[("person", person), ("state", state(unlisted))]);
        let mut text = verdicts(Check::References, &now, &[], Some(&declared));
        text.extend(verdicts(Check::Values, &now, &[], Some(&declared)));
        assert_eq!(text, expected);
    }
}

#[test]
fn damaged_text_is_compared_with_earlier_days() {
    let with = |ago: i64, damaged: Option<u64>| {
        let column = ColumnFigures { damaged, ..ColumnFigures::default() };
        figures(days_ago(ago), 1_000, &[("note", column)])
    };
    let clean = history(14, |ago| with(ago, Some(0)));
    // Read on one day of seven.
    let weekly = history(14, |ago| with(ago, (ago % 7 == 0).then_some(4)));
    for (name, now, history, expected) in [
        ("clean", Some(0), &clean, false),
        ("nine", Some(9), &clean, false),
        ("ten", Some(10), &clean, true),
        ("as many", Some(8), &weekly, false),
        ("more", Some(10), &weekly, true),
        ("not read", None, &weekly, false),
    ] {
        assert_eq!(found(Check::Encoding, &with(0, now), history, None), expected, "{name}");
    }
}

#[test]
fn hidden_figures_survive_their_bytes_and_are_not_printed() {
    for bound in [
        None,
        Some(Bound::Integer(i64::MIN)),
        Some(Bound::Double(-0.0)),
        Some(Bound::Double(f64::INFINITY)),
        Some(Bound::Bool(true)),
        Some(Bound::Date(-719_162)),
        Some(Bound::Timestamp(-1)),
        Some(Bound::Datetime(1)),
        Some(Bound::Time(0)),
        Some(Bound::Decimal(i128::MIN, 38)),
    ] {
        let total = Some(Total { units: -1, scale: 9 });
        for hidden in [
            Hidden { min: bound, max: bound, total },
            Hidden { min: None, max: bound, total: None },
        ] {
            assert_eq!(Hidden::from_bytes(&hidden.to_bytes()), Some(hidden), "{bound:?}");
            assert_eq!(format!("{hidden:?}"), "Hidden(…)");
        }
    }
    assert_eq!(Hidden::from_bytes(&[0; 3]), None);
    assert_eq!(Hidden::from_bytes(&[9; Hidden::BYTES]), None, "no kind of bound");
}

#[test]
fn parts_of_a_column_are_merged() {
    let part = |min: i64, max: i64, units: Option<i128>| Hidden {
        min: Some(Bound::Integer(min)),
        max: Some(Bound::Integer(max)),
        total: units.map(|units| Total { units, scale: 0 }),
    };
    let both = part(1, 5, Some(9)).merged(part(-3, 4, Some(-2)));
    assert_eq!(both, part(-3, 5, Some(7)));
    assert_eq!(both.merged(part(0, 0, None)).total, None, "what one part does not say is unknown");
    assert!(both.merged(Hidden::default()).is_empty());
}

#[test]
fn a_trend_keeps_two_weeks_and_one_record_per_day() {
    let day = |ago: i64, rows: u64| TrendDay {
        figures: figures(days_ago(ago), rows, &[]),
        record: "t".to_owned(),
        sealed: BTreeMap::new(),
    };
    let mut trend = Trend::default();
    for ago in (1..=20).rev() {
        trend = trend.with(day(ago, 1));
    }
    assert_eq!(trend.days.len(), HISTORY_DAYS);
    assert_eq!(trend.days.first().map(|it| it.figures.day), Some(days_ago(14)));
    let again = trend.with(day(3, 7));
    assert_eq!(again.days.len(), HISTORY_DAYS);
    assert_eq!(again.with(day(3, 7)), again, "idempotent");
    assert_eq!(again.with(day(30, 1)), again, "an old day does not push out a newer one");
    assert_eq!(again.before(days_ago(3)).count(), 11, "only earlier days");
    assert_eq!(again.before(days_ago(-20)).count(), 0, "too long ago");
}

#[test]
fn figures_that_cannot_be_read_now_are_not_known() {
    let column = || ColumnFigures { nulls: Some(0), ..ColumnFigures::default() };
    let names = ["amount", "id", "person_id", "placed_at"];
    let columns: Vec<(&str, ColumnFigures)> = names.iter().map(|it| (*it, column())).collect();
    let earlier = |ago: i64| {
        let of = |name: &str| if name == "placed_at" { column() } else { whole(1, 200) };
        let columns: Vec<_> = names.iter().map(|it| (*it, of(it))).collect();
        TableFigures { content: Some(ago.to_string()), ..figures(days_ago(ago), 200, &columns) }
    };
    let declared = TableAudits {
        key: Some("id".to_owned()),
        fresh: Some(Freshness { column: "placed_at".to_owned(), max_age_hours: 8, zone: None }),
        references: [("person_id".to_owned(), "public.people.id".to_owned())].into(),
        ..TableAudits::default()
    };
    let outcomes = |unsealed| {
        let audited = Audited {
            today: &figures(today(), 200, &columns),
            history: &history(14, earlier),
            declared: Some(&declared),
            parents: &[("public.people.id".to_owned(), Some(whole(1, 100)))].into(),
            text: &BTreeSet::new(),
            snapshot_at: Some("2026-11-26T16:00:00Z".parse().unwrap()),
            zone: &TimeZone::UTC,
            unsealed,
        };
        let verdicts = audit(&audited).into_iter();
        verdicts.map(|it| (it.check, it.outcome)).collect::<BTreeMap<Check, Outcome>>()
    };
    for (unsealed, expected) in [
        (Unsealed::Unreadable, Outcome::NotKnown),
        (Unsealed::NotRecorded, Outcome::NotKnown),
        (Unsealed::NoKey, Outcome::NotVisible),
    ] {
        for (check, outcome) in outcomes(Some(unsealed)) {
            // Exactly the checks that the rule of an unreadable key is about.
            let expected = if check.compares_sealed() { expected } else { Outcome::Passed };
            assert_eq!(outcome, expected, "{check}, {unsealed:?}");
        }
    }
    assert_eq!(outcomes(Some(Unsealed::Unreadable)).len(), 8);
}

#[test]
fn a_reference_to_a_table_that_is_not_there_yet_is_not_known() {
    let of = |parent: &str| TableAudits {
        references: [("person_id".to_owned(), parent.to_owned())].into(),
        ..TableAudits::default()
    };
    let day = figures(today(), 9, &[("person_id", whole(1, 9))]);
    let said = |parent| verdicts(Check::References, &day, &[], Some(&of(parent))).concat();
    assert_eq!(
        said("public.late.id"),
        "NotKnown: column `person_id`: the figures of `public.late.id` are not known yet"
    );
    assert_eq!(
        said("public.gone.id"),
        "NotVisible: column `person_id`: no table of the day has `public.gone.id`"
    );
}
