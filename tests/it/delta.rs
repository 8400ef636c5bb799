//! Delta days: only the rows of a table that changed leave AWS, and the table has the same rows as after a full day; in
//! every case of doubt, all rows are transferred.

mod meanwhile;

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_core::receipt::{NoteCode, Receipt, ReceiptState};
use landbridge_local::Principal::{Analyst, Loader, PiiReader};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};
use landbridge_local_wire::{CallFault, CallFaultKind};
use tpchgen::csv::OrderCsv;
use tpchgen::generators::OrderGenerator;

use crate::command::{landbridge, output_text};
use crate::support::{MIDNIGHT, TestEnv, TestEnvBuilder, at};

/// The ticks of a night, in minutes after midnight in Seoul.
const NIGHT: [(&str, i64); 11] = [
    ("protect", 30),
    ("snapshot", 60),
    ("export", 70),
    ("export", 100),
    ("transfer", 121),
    ("load", 126),
    ("transfer", 131),
    ("load", 136),
    ("transfer", 141),
    ("load", 146),
    ("load", 151),
];
/// The first ticks of [`NIGHT`], after which the export is complete.
const EXPORTED: usize = 4;
/// The columns that the contract makes readable.
const OPEN: [&str; 7] = [
    "orders.o_orderkey",
    "orders.o_custkey",
    "orders.o_orderstatus",
    "orders.o_totalprice",
    "orders.o_orderdate",
    "orders.o_shippriority",
    "orders.o_comment",
];
const CONTRACT: &str = r#"version: 1
tables:
  "public.orders":
    columns:
      o_orderkey: { source: bigint, type: INT64, class: none }
      o_custkey: { source: bigint, type: INT64, class: none }
      o_orderstatus: { source: text, type: STRING, class: none, pinned: true }
      o_totalprice: { source: numeric, type: NUMERIC, class: none }
      o_orderdate: { source: date, type: DATE, class: none }
      o_orderpriority: { source: text, type: STRING, class: none, transform: drop }
      o_clerk: { source: text, type: STRING, class: name }
      o_shippriority: { source: integer, type: INT64, class: none }
      o_comment: { source: text, type: STRING, class: none, transform: tokenise }
"#;
/// A thousandth of TPC-H's official size has 1,500 orders.
const SCALE: f64 = 0.004;

/// The table `orders` of TPC-H, and the stream that refreshes it (TPC-H 2.27: RF1 adds a thousandth of the orders, RF2 deletes as
/// many; here, five times as many are changed as well).
#[derive(Clone)]
struct Orders {
    rows: BTreeMap<i64, Vec<Option<String>>>,
    /// Orders that are not in the table yet.
    new: Vec<(i64, Vec<Option<String>>)>,
    day: i64,
}

impl Orders {
    fn generate() -> Self {
        let lines = OrderGenerator::new(SCALE, 1, 1);
        let mut rows: Vec<(i64, Vec<Option<String>>)> = lines
            .iter()
            .map(|order| {
                let line = OrderCsv::new(order).to_string();
                let cells: Vec<String> =
                    line.splitn(9, ',').map(|it| it.trim_matches('"').to_owned()).collect();
                (cells[0].parse().expect("a key"), cells.into_iter().map(Some).collect())
            })
            .collect();
        let new = rows.split_off(rows.len() * 9 / 10);
        Self { rows: rows.into_iter().collect(), new, day: 0 }
    }

    /// Refreshes the table. Returns how many rows differ, and their bytes as text.
    fn refresh(&mut self) -> (usize, usize) {
        self.day += 1;
        let count = self.rows.len() / 1_000 + 1;
        let step = self.rows.len() / (6 * count);
        let start = usize::try_from(self.day).expect("small");
        let keys: Vec<i64> =
            self.rows.keys().skip(start).step_by(step).take(6 * count).copied().collect();
        let text = |row: &[Option<String>]| row.iter().flatten().map(String::len).sum::<usize>();
        let mut bytes = 0;
        for (place, key) in keys.iter().enumerate() {
            if place % 6 == 0 {
                let gone = self.rows.remove(key).expect("a row");
                bytes += text(&gone);
                continue;
            }
            let row = self.rows.get_mut(key).expect("a row");
            row[3] = Some(format!("{}.{:02}", 1_000 + self.day * 7, place % 100));
            row[6] = (place % 2 == 0).then(|| format!("Clerk#{:09}", self.day));
            bytes += text(row);
        }
        let new = self.new.split_off(self.new.len().saturating_sub(count));
        bytes += new.iter().map(|(_, row)| text(row)).sum::<usize>();
        let added = new.len();
        self.rows.extend(new);
        (keys.len() + added, bytes)
    }

    /// The table, in another order on every day.
    fn table(&self) -> MemoryTable {
        let mut rows: Vec<(&i64, &Vec<Option<String>>)> = self.rows.iter().collect();
        let salt = self.day.unsigned_abs() + 1;
        rows.sort_by_key(|(key, _)| {
            key.unsigned_abs().wrapping_mul(salt * 2_654_435_761) % 1_000_003
        });
        let rows: Vec<Vec<Option<String>>> = rows.into_iter().map(|(_, row)| row.clone()).collect();
        let table = MemoryTable::new("public", "orders")
            .column("o_orderkey", "bigint not null")
            .column("o_custkey", "bigint not null")
            .column("o_orderstatus", "text not null")
            .column("o_totalprice", "numeric(15,2)")
            .column("o_orderdate", "date not null")
            .column("o_orderpriority", "text")
            .column("o_clerk", "text")
            .column("o_shippriority", "integer not null")
            .column("o_comment", "text");
        table.rows(rows)
    }
}

async fn start(orders: &Orders, transfer: &str, more: &str) -> (TestEnv, Arc<MemoryDatabase>) {
    let mut builder = TestEnvBuilder::small();
    builder.retries = Some(0);
    let database = Arc::new(MemoryDatabase::new(Engine::postgres("16.4"), "shop"));
    database.set_table(orders.table()).expect("a table");
    builder.source = database.clone();
    builder.contract = CONTRACT.to_owned();
    let transfer = format!("transfer:\n{transfer}");
    builder.config = builder.config.replacen("transfer:\n", &transfer, 1) + more;
    (builder.build().await, database)
}

const SKIP: &str = "  unchanged: skip\n  full_every: 365\n";
const KEYED: &str = "tables:\n  public.orders: { delta: { key: [o_orderkey] } }\n";

async fn ticks(env: &TestEnv, n: i64, ticks: &[(&str, i64)]) {
    for (function, minutes) in ticks {
        let outcome = env.tick(function, &time(n, *minutes)).await;
        assert!(outcome.is_response(), "{function} of day {n}: {outcome:?}");
        assert_eq!(env.exposed_columns(&OPEN), [""; 0], "{function} of day {n}");
    }
}

fn time(n: i64, minutes: i64) -> String {
    (at(MIDNIGHT) + jiff::SignedDuration::from_mins(n * 24 * 60 + minutes)).to_string()
}

fn day(n: i64) -> String {
    (jiff::civil::date(2026, 11, 21) + jiff::Span::new().days(n)).to_string()
}

async fn receipt(env: &TestEnv, n: i64) -> Receipt {
    let receipts = env.receipts(&day(n)).await;
    let receipt = receipts.get("public.orders");
    let receipt = receipt.unwrap_or_else(|| panic!("day {n}: {}", env.log_output())).clone();
    assert_eq!(receipt.state, ReceiptState::Published, "{receipt:?}");
    assert!(receipt.columns.iter().all(|it| it.tag_read_back), "{receipt:?}");
    receipt
}

/// All rows, as a person who may read every class sees them.
async fn rows(env: &TestEnv) -> Vec<Vec<String>> {
    let sql = "SELECT * FROM shop.orders ORDER BY o_orderkey";
    env.query(PiiReader, sql).await.expect("rows")
}

/// Whether the table has the rows of the source, in the columns that land as they are.
async fn assert_rows(env: &TestEnv, orders: &Orders, what: &str) {
    let sql = "SELECT CAST(o_orderkey AS STRING), CAST(o_totalprice AS STRING), IFNULL(o_clerk, '-') FROM shop.orders ORDER BY o_orderkey";
    let found = env.query(PiiReader, sql).await.expect("rows");
    let number = |text: &str| text.parse::<f64>().expect("a number").to_string();
    let found: Vec<[String; 3]> =
        found.into_iter().map(|row| [row[0].clone(), number(&row[1]), row[2].clone()]).collect();
    let expected: Vec<[String; 3]> = orders
        .rows
        .iter()
        .map(|(key, row)| {
            let cell = |at: usize| row[at].clone().unwrap_or_else(|| "-".to_owned());
            [key.to_string(), number(&cell(3)), cell(6)]
        })
        .collect();
    let different = found.iter().zip(&expected).find(|(one, other)| one != other);
    assert_eq!(different, None, "{what}");
    assert_eq!(found.len(), expected.len(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_days_of_changes_the_rows_are_those_of_full_days() {
    let mut orders = Orders::generate();
    let (env, database) = start(&orders, "  unchanged: skip\n  full_every: 6\n", KEYED).await;
    let (full, other) = start(&orders, "", "").await;
    for n in 0..10 {
        let (differ, bytes) = if n == 0 { (0, 0) } else { orders.refresh() };
        database.set_table(orders.table()).expect("a table");
        other.set_table(orders.table()).expect("a table");
        ticks(&env, n, &NIGHT).await;
        ticks(&full, n, &NIGHT).await;
        assert_eq!(rows(&env).await, rows(&full).await, "day {n}: {}", env.log_output());
        let (receipt, of_full) = (receipt(&env, n).await, receipt(&full, n).await);
        assert_eq!(receipt.rows_table, of_full.rows_table);
        assert_eq!(receipt.rows_table, Some(orders.rows.len() as u64));
        // What is said of columns is said of all rows.
        assert_eq!(receipt.columns, of_full.columns, "day {n}");
        let Some(delta) = receipt.delta else {
            assert!(n == 0 || n == 5, "day {n}: {}", env.log_output());
            continue;
        };
        assert!(n != 0 && n != 5, "a full day every six days");
        let found = delta.new + delta.changed + delta.deleted;
        assert_eq!((delta.since.to_string(), found), (day(n - 1), differ as u64));
        println!(
            "day {n}: {differ} rows differ, {bytes} bytes of text; {} bytes left AWS instead of {}",
            delta.bytes, delta.full_bytes
        );
        assert!(delta.bytes <= 3 * bytes as u64, "{} of {bytes}", delta.bytes);
        assert_eq!(receipt.bytes_sent, Some(delta.bytes));
        assert_eq!(Some(delta.full_bytes), of_full.bytes_sent, "what is measured is what is sent");
        let note = receipt.notes.iter().find(|it| it.code == NoteCode::Delta).expect("a note");
        assert!(note.to_string().starts_with(&format!("delta since {}", day(n - 1))), "{note}");
        let sent: u64 = env
            .landing_objects()
            .into_iter()
            .filter(|(name, _)| {
                name.contains(&format!("/{}/", day(n))) && name.ends_with(".parquet")
            })
            .map(|(_, bytes)| bytes.len() as u64)
            .sum();
        assert_eq!(sent, delta.bytes, "nothing else left AWS");
    }
    let args = ["receipt", &day(9), "--table", "public.orders"];
    let output = landbridge(&env.operator_variables(), &args);
    let text = output_text(&output);
    assert!(output.status.success() && text.contains("delta since 2026-11-29"), "{text}");
    let masked =
        env.query(Analyst, "SELECT COUNT(o_clerk), COUNT(o_comment) FROM shop.orders").await;
    assert!(masked.is_ok(), "{masked:?}");
    env.assert_no_cell_logged("");
}

/// What is done before a night in which all rows are transferred.
enum Deed {
    Sql(&'static str),
    Contract(String),
    /// The file of the earlier day is gone.
    NoFiles,
    /// A key that is no key.
    Twice,
}

#[tokio::test(flavor = "multi_thread")]
async fn in_every_doubt_all_rows_are_transferred() {
    let mut orders = Orders::generate();
    let (env, database) = start(&orders, SKIP, KEYED).await;
    ticks(&env, 0, &NIGHT).await;
    let hidden = CONTRACT.replace(
        "o_orderkey: { source: bigint, type: INT64, class: none }",
        "o_orderkey: { source: bigint, type: INT64, class: name }",
    );
    let deeds = [
        Deed::Sql("UPDATE shop.orders SET o_shippriority = o_shippriority WHERE o_custkey < 9"),
        Deed::Sql("DELETE FROM shop.orders WHERE o_custkey < 9"),
        Deed::NoFiles,
        Deed::Contract(hidden),
        Deed::Contract(CONTRACT.to_owned()),
        Deed::Twice,
    ];
    let mut n = 0;
    for deed in deeds {
        n += 1;
        env.cloud.clock().advance_to(at(&time(n, 10)));
        orders.refresh();
        let mut source = orders.clone();
        match &deed {
            Deed::Sql(sql) => {
                env.query(Loader, sql).await.expect("a change");
            }
            Deed::Contract(text) => env.deploy_contract(text),
            Deed::NoFiles => {
                let bucket = &env.cloud.config().export.bucket;
                for object in env.cloud.aws().list_objects(bucket, "exports/").await {
                    if object.key.ends_with(".parquet") {
                        assert!(env.cloud.aws().delete_object(bucket, &object.key).await);
                    }
                }
            }
            Deed::Twice => {
                let (key, row) = source.rows.first_key_value().expect("a row");
                let (key, mut row) = (*key, row.clone());
                row[6] = None;
                source.rows.insert(-1, row);
                assert!(key > 0);
            }
        }
        database.set_table(source.table()).expect("a table");
        for (function, minutes) in &NIGHT {
            let outcome = env.tick(function, &time(n, *minutes)).await;
            assert!(outcome.is_response(), "{outcome:?}");
        }
        let receipt = receipt(&env, n).await;
        assert_eq!(receipt.delta, None, "day {n}: {}", env.log_output());
        assert_eq!(receipt.rows_table, Some(source.rows.len() as u64));
        if matches!(deed, Deed::Twice) {
            break;
        }
        if !matches!(deed, Deed::Contract(_)) {
            assert_rows(&env, &orders, &format!("day {n}")).await;
            // The next day is a delta again.
            n += 1;
            orders.refresh();
            database.set_table(orders.table()).expect("a table");
            ticks(&env, n, &NIGHT).await;
            assert!(self::receipt(&env, n).await.delta.is_some(), "day {n}: {}", env.log_output());
            assert_rows(&env, &orders, &format!("day {n}")).await;
        }
    }
}

/// A person writes the table between the comparison and the merge.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_written_after_the_comparison_gets_all_rows() {
    let mut orders = Orders::generate();
    let (env, database) = start(&orders, SKIP, KEYED).await;
    ticks(&env, 0, &NIGHT).await;
    orders.refresh();
    database.set_table(orders.table()).expect("a table");
    ticks(&env, 1, &NIGHT[..=EXPORTED]).await;
    assert_eq!(env.ledger(&format!("{}/deltas/", day(1))).await.len(), 1, "{}", env.log_output());
    env.cloud.clock().advance_to(at(&time(1, 122)));
    env.query(Loader, "UPDATE shop.orders SET o_clerk = 'x' WHERE o_custkey < 90")
        .await
        .expect("a change");
    ticks(&env, 1, &NIGHT[EXPORTED + 1..]).await;
    assert_eq!(receipt(&env, 1).await.delta, None);
    assert_rows(&env, &orders, "all rows").await;
    let carried = env.ledger(&format!("{}/carried/", day(1))).await;
    assert!(
        carried.iter().all(|(_, it)| String::from_utf8_lossy(it).contains("other than")),
        "{carried:?}"
    );
}

/// The same rows in other files and another order are unchanged: no figure of a proof is needed to see it.
#[tokio::test(flavor = "multi_thread")]
async fn rows_in_another_order_are_no_changes() {
    let mut orders = Orders::generate();
    let (env, database) = start(&orders, SKIP, KEYED).await;
    ticks(&env, 0, &NIGHT).await;
    orders.day = 5;
    // A column that stays in AWS does not count.
    orders.rows.values_mut().for_each(|row| row[5] = Some("9-OTHER".to_owned()));
    database.set_table(orders.table()).expect("a table");
    ticks(&env, 1, &NIGHT).await;
    let receipt = receipt(&env, 1).await;
    assert_eq!(
        receipt.unchanged_since.map(|it| it.to_string()),
        Some(day(0)),
        "{}",
        env.log_output()
    );
    assert!(receipt.notes.iter().any(|it| it.to_string().contains("by its key and values")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ticks_at_once_merge_the_changes_once() {
    let mut orders = Orders::generate();
    let (env, database) = start(&orders, SKIP, KEYED).await;
    ticks(&env, 0, &NIGHT).await;
    for n in 1..=2 {
        orders.refresh();
        database.set_table(orders.table()).expect("a table");
        ticks(&env, n, &NIGHT[..EXPORTED]).await;
        for (function, minutes) in &NIGHT[EXPORTED..] {
            let time = time(n, *minutes);
            let (one, other) = tokio::join!(env.tick(function, &time), env.tick(function, &time));
            assert!(one.is_response() && other.is_response(), "{one:?} {other:?}");
            assert_eq!(env.exposed_columns(&OPEN), [""; 0]);
        }
        receipt(&env, n).await;
        assert_rows(&env, &orders, &format!("day {n}")).await;
    }
}

/// The process dies at a call of a delta day, or the answer is lost; the ticks go on. Every night is another call.
#[tokio::test(flavor = "multi_thread")]
async fn a_delta_day_survives_a_crash_at_any_call() {
    let mut orders = Orders::generate();
    let (env, database) = start(&orders, "  unchanged: skip\n  full_every: 365\n", KEYED).await;
    ticks(&env, 0, &NIGHT).await;
    orders.refresh();
    database.set_table(orders.table()).expect("a table");
    ticks(&env, 1, &NIGHT[..EXPORTED]).await;
    env.cloud.calls().clear_fault();
    ticks(&env, 1, &NIGHT[EXPORTED..EXPORTED + 2]).await;
    let calls = env.cloud.calls().count();
    assert!(receipt(&env, 1).await.delta.is_some(), "{}", env.log_output());

    let samples: usize =
        std::env::var("LANDBRIDGE_DELTA_CRASHES").ok().and_then(|it| it.parse().ok()).unwrap_or(12);
    let step = (calls / samples).max(1);
    let (mut n, mut merged) = (2, 0);
    let kinds = [CallFaultKind::KillCaller, CallFaultKind::DropResponse];
    // All calls are disturbed in both ways, samples in one.
    let disturbed: Vec<_> = match samples < calls {
        true => (1..=calls).step_by(step).zip(kinds.into_iter().cycle()).collect(),
        false => (1..=calls).flat_map(|number| kinds.map(|kind| (number, kind))).collect(),
    };
    for (number, kind) in disturbed {
        orders.refresh();
        database.set_table(orders.table()).expect("a table");
        ticks(&env, n, &NIGHT[..EXPORTED]).await;
        env.cloud.calls().inject_fault(CallFault { call_number: number, kind });
        for (function, minutes) in &NIGHT[EXPORTED..] {
            env.tick(function, &time(n, *minutes)).await;
            assert_eq!(env.exposed_columns(&OPEN), [""; 0], "call {number}, {kind:?}");
        }
        env.cloud.calls().clear_fault();
        merged += u32::from(receipt(&env, n).await.delta.is_some());
        assert_rows(&env, &orders, &format!("call {number}, {kind:?}")).await;
        n += 1;
    }
    println!("{calls} calls; {merged} of {} days merged their changes", n - 2);
    assert!(i64::from(merged) * 2 > n - 2, "{merged} of {}", n - 2);
}

/// `landbridge verify` compares all rows with the figures of the day, which speak of all rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_delta_day_is_verified_completely() {
    let mut orders = Orders::generate();
    let proof = format!("{KEYED}proof:\n  key: landbridge/shop/proof-key\n  kept: always\n");
    let (env, database) = start(&orders, SKIP, &proof).await;
    ticks(&env, 0, &NIGHT).await;
    orders.refresh();
    database.set_table(orders.table()).expect("a table");
    ticks(&env, 1, &NIGHT).await;
    assert!(receipt(&env, 1).await.delta.is_some(), "{}", env.log_output());
    let verify = || {
        let mut variables = env.operator_variables();
        variables.insert("LANDBRIDGE_GCP_TOKEN".into(), PiiReader.token().to_owned());
        let args = ["verify", "--day", &day(1), "--yes", "--output", "json"];
        let output = landbridge(&variables, &args);
        (output.status.code(), output_text(&output))
    };
    let (code, text) = verify();
    assert!(code == Some(0) && text.contains("\"equal\""), "{code:?} {text}");
    env.query(Loader, "UPDATE shop.orders SET o_shippriority = 7 WHERE o_custkey < 90")
        .await
        .expect("a change");
    let (code, text) = verify();
    assert!(code != Some(0) && text.contains("\"differs\""), "{code:?} {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_one_is_refused_by_check() {
    let orders = Orders::generate();
    for (transfer, more, part) in [
        ("", KEYED, "`transfer.unchanged` is `carry`"),
        (
            SKIP,
            "tables:\n  public.orders: { delta: { key: [o_orderkey] }, history: { days: 9 } }\n",
            "a day of its history needs all rows",
        ),
        (SKIP, "tables:\n  public.orders: { delta: { key: [o_clerk] } }\n", "it has a class"),
        (SKIP, "tables:\n  public.orders: { delta: { key: [o_comment] } }\n", "changed on the way"),
        (SKIP, "tables:\n  public.orders: { delta: { key: [o_total] } }\n", "does not name it"),
        (SKIP, "tables:\n  public.orders: { delta: { key: [o_orderdate] } }\n", "INT64 nor STRING"),
    ] {
        let (env, _) = start(&orders, transfer, more).await;
        let output = landbridge(&env.operator_variables(), &["check"]);
        let text = output_text(&output);
        assert!(!output.status.success() && text.contains(part), "{part}: {text}");
        // A night still loads the table.
        if part.contains("history") || part.contains("class") {
            for (function, minutes) in &NIGHT {
                let outcome = env.tick(function, &time(0, *minutes)).await;
                assert!(outcome.is_response(), "{function}: {outcome:?}");
            }
            assert_eq!(receipt(&env, 0).await.delta, None);
        }
    }
}
