//! The days of the sample database.

use std::collections::BTreeMap;

use expect_test::expect;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use landbridge_local_database::{DatabaseSnapshot, ExportQuirks, SampleDatabase, SourceDatabase};

use crate::support::{cells, run, table};

const FIRST: Date = date(2026, 3, 1);

type Row = Vec<Option<String>>;

fn day(day: u64) -> std::sync::Arc<dyn DatabaseSnapshot> {
    SampleDatabase::new(FIRST, 0.01).on_day(day)
}

fn by_id(snapshot: &dyn DatabaseSnapshot, name: &str) -> BTreeMap<String, Row> {
    let key = |row: Row| (row[0].clone().unwrap(), row);
    cells(snapshot, table(snapshot, name)).into_iter().map(key).collect()
}

#[tokio::test]
async fn days_begin_at_midnight_in_seoul() {
    let travel = SampleDatabase::new(FIRST, 0.01);
    let day = |at: &str| travel.day(at.parse::<Timestamp>().unwrap());
    assert_eq!(day("2026-02-20T00:00:00Z"), 0, "before the first day");
    assert_eq!(day("2026-03-01T14:59:59Z"), 0);
    assert_eq!(day("2026-03-01T15:00:00Z"), 1);
    let at = "2026-03-02T16:00:00Z".parse().unwrap();
    let snapshot = travel.capture(at, std::path::Path::new("/nonexistent")).await.unwrap();
    assert!(
        table(snapshot.as_ref(), "creators")
            .columns
            .iter()
            .any(|column| column.name == "passport_no")
    );
}

#[test]
fn each_day_adds_updates_and_deletes() {
    let mut text = String::new();
    for today in 0..3 {
        let (now, next) = (day(today), day(today + 1));
        for table in now.tables() {
            let (now, next) = (by_id(now.as_ref(), &table.name), by_id(next.as_ref(), &table.name));
            assert_eq!(table.rows, Some(now.len() as u64), "{}", table.name);
            let width = now.values().next().map_or(0, Vec::len);
            let updated = now
                .iter()
                .filter(|(id, row)| next.get(*id).is_some_and(|next| next[..width] != row[..]));
            let deleted = now.keys().filter(|id| !next.contains_key(*id)).count();
            let added = next.keys().filter(|id| !now.contains_key(*id)).count();
            let (name, rows, updated) = (&table.name, now.len(), updated.count());
            text.push_str(&format!(
                "day {today} {name}: {rows} rows, then +{added} ~{updated} -{deleted}\n"
            ));
        }
    }
    expect![[r#"
        day 0 bookings: 300 rows, then +5 ~2 -1
        day 0 clicks: 2200 rows, then +37 ~0 -2
        day 0 coupons: 16 rows, then +0 ~0 -16
        day 0 creators: 60 rows, then +1 ~1 -1
        day 0 links: 240 rows, then +4 ~2 -1
        day 0 partners: 12 rows, then +1 ~0 -1
        day 0 payouts: 180 rows, then +3 ~2 -1
        day 1 bookings: 304 rows, then +5 ~2 -1
        day 1 clicks: 2235 rows, then +37 ~0 -2
        day 1 coupons: 0 rows, then +0 ~0 -0
        day 1 creators: 60 rows, then +1 ~1 -0
        day 1 links: 243 rows, then +4 ~2 -1
        day 1 partners: 12 rows, then +1 ~0 -0
        day 1 payouts: 182 rows, then +3 ~2 -0
        day 2 bookings: 308 rows, then +5 ~3 -0
        day 2 clicks: 2270 rows, then +37 ~0 -1
        day 2 coupons: 0 rows, then +0 ~0 -0
        day 2 creators: 61 rows, then +1 ~1 -0
        day 2 links: 246 rows, then +4 ~2 -0
        day 2 partners: 13 rows, then +1 ~0 -0
        day 2 payouts: 185 rows, then +3 ~1 -0
    "#]]
    .assert_eq(&text);
}

/// Deletions are rare: this needs a larger scale.
#[test]
fn rows_are_deleted_from_every_table_but_coupons() {
    let travel = SampleDatabase::new(FIRST, 0.2);
    for name in ["creators", "links", "clicks", "bookings", "payouts"] {
        let (before, after) = (travel.on_day(1), travel.on_day(2));
        let ids = |snapshot: &dyn DatabaseSnapshot| -> std::collections::BTreeSet<i64> {
            use arrow::array::AsArray;
            use arrow::datatypes::Int64Type;
            let batches = snapshot.read(table(snapshot, name)).unwrap().map(Result::unwrap);
            let all = batches
                .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec());
            all.collect()
        };
        let (before, after) = (ids(before.as_ref()), ids(after.as_ref()));
        assert!(before.difference(&after).count() > 0, "{name}");
    }
}

#[test]
fn the_same_day_is_the_same_rows() {
    let (one, other) = (day(2), day(2));
    for table in one.tables() {
        assert_eq!(cells(one.as_ref(), table), cells(other.as_ref(), table), "{}", table.name);
    }
}

#[test]
fn one_row_of_each_table() {
    let snapshot = SampleDatabase::new(FIRST, 0.01).on_day(2);
    let coupons = SampleDatabase::new(FIRST, 0.01).on_day(0);
    let mut text = String::new();
    for table in coupons.tables() {
        let snapshot = if table.name == "coupons" { &coupons } else { &snapshot };
        let table = crate::support::table(snapshot.as_ref(), &table.name);
        text.push_str(&format!("{}\n", table.name));
        let row = cells(snapshot.as_ref(), table).swap_remove(2);
        for (column, cell) in table.columns.iter().zip(row) {
            text.push_str(&format!(
                "  {} {}: {}\n",
                column.name,
                column.original_type,
                cell.as_deref().unwrap_or("NULL")
            ));
        }
    }
    expect![[r#"
        bookings
          id bigint: 3
          link_id bigint: 146
          partner_id integer: 6
          traveller_name character varying: 최서연
          traveller_email character varying: seoyeon.choi3@example.com
          check_in date: 2025-12-01
          nights smallint: 12
          amount numeric: 1742.17
          currency character: USD
          exchange_rate double precision: 1385.25
          status USER-DEFINED: cancelled
          booked_at timestamp with time zone: 2025-12-01 02:14:39+00
        clicks
          id bigint: 3
          link_id bigint: 171
          clicked_at timestamp without time zone: 2025-12-01 12:53:52
          ip inet: 198.51.100.88
          device smallint: 0
          country character: KR
        coupons
          id integer: 3
          code character varying: TRIP67885096
          partner_id integer: 12
          percent smallint: 35
          valid_until date: 2026-10-04
        creators
          id bigint: 3
          name character varying: 신지유
          name_en character varying: Jiyu Shin
          email character varying: jiyu.shin3@mail.example
          phone character varying: 010-0018-4644
          birth_date date: 1999-02-18
          bank_code character: 999
          account_no character varying: 999-892958-82-716
          tier USER-DEFINED: silver
          commission_rate numeric: 0.1458
          active boolean: true
          created_at timestamp with time zone: 2025-12-04 13:12:10+00
          updated_at timestamp with time zone: 2026-03-01 14:35:15+00
          passport_no character varying: Z91033804
        links
          id bigint: 3
          creator_id bigint: 4
          partner_id integer: 12
          code uuid: 18f9f0de-8f40-4f79-ac74-10d8faaad0b4
          title text: 파리 호텔 / Paris (수정)
          url text: https://go.example/l/0000003
          created_at timestamp with time zone: 2025-12-01 07:53:24+00
        partners
          id integer: 3
          name text: 오사카 렌터카 3
          country character: US
          contact_name character varying: 김선우
          contact_email character varying: sunwoo.kim3@example.net
          site text: https://partner3.example/
          tags ARRAY: {car,"Osaka"}
          terms jsonb: {"days": 43, "place": "오사카"}
          created_at timestamp with time zone: 2025-12-16 06:22:46+00
        payouts
          id bigint: 3
          creator_id bigint: 36
          month date: 2025-12-01
          amount numeric: 45.15
          currency character: EUR
          account_no character varying: 999-053058-75-895
          paid_at timestamp with time zone: 2026-03-01 07:35:38+00
    "#]]
    .assert_eq(&text);
}

/// The full sample database, as the demo transfers it.
#[tokio::test]
async fn a_day_at_full_size() {
    let snapshot = SampleDatabase::new(FIRST, 1.0).on_day(0);
    let began = std::time::Instant::now();
    let exported = run(snapshot.as_ref(), ExportQuirks::default()).await;
    let rows: u64 = exported.outcome.tables.iter().map(|table| table.rows).sum();
    println!("{rows} rows, {:.4} GB, {:?}", exported.outcome.total_gb, began.elapsed());
    assert_eq!(rows, snapshot.tables().iter().filter_map(|table| table.rows).sum::<u64>());
    assert_eq!(rows, 300_000);
    let clicks = exported.outcome.tables.iter().find(|table| table.name == "clicks").unwrap();
    assert!(clicks.files >= 3, "a big table has several files");
}
