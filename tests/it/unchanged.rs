//! `transfer.unchanged: skip`: a table whose export has the same content as on an earlier day keeps its rows, and
//! nothing is transferred or loaded; in every case of doubt it is transferred and loaded as on every day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landbridge_core::receipt::{NoteCode, Receipt, ReceiptState};
use landbridge_local::Principal::{Analyst, Loader, PiiReader};
use landbridge_local_database::{MemoryDatabase, MemoryTable};
use landbridge_local_wire::{CallFault, CallFaultKind};
use serde_json::Value;

use crate::command::{landbridge, output_text};
use crate::crash::OPEN;
use crate::support::{MIDNIGHT, SMALL_CONTRACT, TestEnv, TestEnvBuilder, at, small_database};

/// The ticks of a night, in minutes after midnight in Seoul.
const NIGHT: [(&str, i64); 10] = [
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
];
/// The first ticks of [`NIGHT`], after which the export is complete.
const EXPORTED: usize = 4;
/// What the readers of all tables see.
const ROWS: [&str; 3] = [
    "SELECT id, name, email FROM shop.people ORDER BY id",
    "SELECT * FROM shop.orders ORDER BY id",
    "SELECT * FROM shop.nothing",
];

fn builder(more: &str) -> (TestEnvBuilder, Arc<MemoryDatabase>) {
    let mut builder = TestEnvBuilder::small();
    builder.retries = Some(0);
    let database = Arc::new(small_database());
    builder.source = database.clone();
    let more = if more.is_empty() { "  full_every: 365\n" } else { more };
    let transfer = format!("transfer:\n  unchanged: skip\n{more}");
    builder.config = builder.config.replacen("transfer:\n", &transfer, 1);
    (builder, database)
}

/// A day is published, and the source stays as it is.
async fn published(more: &str) -> (TestEnv, Arc<MemoryDatabase>) {
    let (builder, database) = builder(more);
    let env = builder.build().await;
    night(&env, 0).await;
    assert_eq!(unchanged(&env, 0).await, tables([None; 3]));
    (env, database)
}

async fn night(env: &TestEnv, n: i64) {
    ticks(env, n, &NIGHT).await;
}

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

/// The day that is `n` days after the first.
fn day(n: i64) -> String {
    (jiff::civil::date(2026, 11, 21) + jiff::Span::new().days(n)).to_string()
}

/// Since when each table of a published day is unchanged.
async fn unchanged(env: &TestEnv, n: i64) -> Vec<(&'static str, Option<String>)> {
    let receipts = env.receipts(&day(n)).await;
    ["nothing", "orders", "people"]
        .map(|name| {
            let receipt = receipts.get(&format!("public.{name}"));
            let receipt =
                receipt.unwrap_or_else(|| panic!("{name} of day {n}: {}", env.log_output()));
            assert_eq!(receipt.state, ReceiptState::Published, "{receipt:?}");
            assert!(receipt.columns.iter().all(|it| it.tag_read_back), "{receipt:?}");
            (name, receipt.unchanged_since.map(|day| day.to_string()))
        })
        .to_vec()
}

/// `nothing`, `orders` and `people`, each unchanged since that day.
fn tables(since: [Option<i64>; 3]) -> Vec<(&'static str, Option<String>)> {
    ["nothing", "orders", "people"].into_iter().zip(since.map(|it| it.map(day))).collect()
}

async fn seen(env: &TestEnv) -> Vec<Result<Vec<Vec<String>>, String>> {
    let mut seen = Vec::new();
    for (who, sql) in ROWS.iter().flat_map(|sql| [(Analyst, sql), (PiiReader, sql)]) {
        seen.push(env.query(who, sql).await);
    }
    seen
}

fn objects_of(env: &TestEnv, n: i64) -> BTreeSet<String> {
    let names = env.landing_objects().into_keys();
    names.filter(|it| it.contains(&format!("/{}/", day(n))) && it.ends_with(".parquet")).collect()
}

/// The load jobs of the three tables.
fn load_jobs(env: &TestEnv) -> usize {
    let is_load = |id: &&String| ["nothing", "orders", "people"].iter().any(|it| id.contains(it));
    env.cloud.google().job_ids().iter().filter(is_load).count()
}

/// The table `orders` with one other value.
fn other_orders(weight: &str) -> MemoryTable {
    let table = MemoryTable::new("public", "orders")
        .column("id", "bigint not null")
        .column("person_id", "bigint")
        .column("paid", "boolean")
        .column("weight", "double precision")
        .column("placed_at", "timestamp with time zone")
        .column("card", "character varying(30)")
        .column("internal", "text");
    table.rows((0..50_i64).map(|n| {
        vec![
            Some(n.to_string()),
            Some((n % 3 + 1).to_string()),
            Some((n % 2 == 0).to_string()),
            Some(if n == 7 { weight.to_owned() } else { format!("{n}.5") }),
            Some(format!("2026-11-{:02} 08:15:00.25+09", n % 20 + 1)),
            Some(format!("4000-1234-5678-{:04}", n % 7)),
            (n % 2 == 0).then(|| "not for analysts at all".to_owned()),
        ]
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_table_is_neither_transferred_nor_loaded_and_its_receipt_says_since_when() {
    let (env, database) = published("").await;
    let (rows, jobs) = (seen(&env).await, load_jobs(&env));
    assert_eq!(jobs, 3);
    let first = env.receipts(&day(0)).await;
    assert!(!objects_of(&env, 0).is_empty());

    night(&env, 1).await;
    assert_eq!(unchanged(&env, 1).await, tables([Some(0); 3]), "{}", env.log_output());
    assert_eq!((objects_of(&env, 1), load_jobs(&env)), (BTreeSet::new(), jobs));
    assert!(env.ledger(&format!("{}/items/", day(1))).await.is_empty());
    assert_eq!(seen(&env).await, rows);
    let second = env.receipts(&day(1)).await;
    for (name, receipt) in &second {
        let earlier = &first[name];
        assert_eq!((receipt.files, receipt.bytes, &receipt.job), (0, 0, &None), "{receipt:?}");
        assert_eq!(receipt.rows_table, earlier.rows_table);
        assert_eq!(receipt.columns, earlier.columns);
        let note = receipt.notes.iter().find(|it| it.code == NoteCode::Unchanged);
        let note = note.expect("a note").to_string();
        assert!(note.starts_with("unchanged since 2026-11-21: the export"), "{note}");
    }
    let resource = env.cloud.google().table_resource("shop", "people").expect("a table");
    let description = resource["description"].as_str().expect("a description");
    assert!(description.contains("as of 2026-11-22, unchanged since 2026-11-21;"), "{description}");
    assert_day_is_told(&env).await;

    // Only what changed is transferred, and a digest of no content is recorded.
    database.set_table(other_orders("70.25")).expect("a table");
    night(&env, 2).await;
    assert_eq!(unchanged(&env, 2).await, tables([Some(0), None, Some(0)]));
    assert!(
        objects_of(&env, 2).iter().all(|it| it.contains("/orders/")),
        "{:?}",
        objects_of(&env, 2)
    );
    let weight = env.query(Analyst, "SELECT weight FROM shop.orders WHERE id = 7").await;
    assert_eq!(weight, Ok(vec![vec!["70.25".to_owned()]]));
    night(&env, 3).await;
    assert_eq!(unchanged(&env, 3).await, tables([Some(0), Some(2), Some(0)]));
    env.assert_no_cell_logged("");
}

/// What a person and a query find of the second day.
async fn assert_day_is_told(env: &TestEnv) {
    let sql = "SELECT source_table, state, files, rows_table, notes LIKE '%unchanged since 2026-11-21%' FROM landbridge_ops.receipts WHERE day = DATE '2026-11-22' ORDER BY 1";
    let rows = env.query(Analyst, sql).await.expect("rows");
    let rows: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
    let expected = [
        "public.nothing published 0 0 true",
        "public.orders published 0 50 true",
        "public.people published 0 3 true",
    ];
    assert_eq!(rows, expected);
    let run = |args: &[&str]| {
        let output = landbridge(&env.operator_variables(), args);
        (output.status.code(), output_text(&output))
    };
    let (code, text) = run(&["receipt", &day(1), "--table", "public.orders"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("unchanged since 2026-11-21"), "{text}");
    for args in [&["status"][..], &["days"]] {
        let (code, text) = run(args);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains(&day(1)), "{text}");
    }
}

/// What is done to the deployment before a night.
enum Deed {
    /// A statement of a person with the rights of the functions.
    Sql(&'static str),
    Contract(String),
    /// An operator requests the day before again.
    Redo,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_transferred_when_anything_but_its_content_differs() {
    let (env, _) = published("").await;
    let rows = seen(&env).await;
    let masked = SMALL_CONTRACT.replace(
        "person_id: { source: bigint, type: INT64, class: none }",
        "person_id: { source: bigint, type: INT64, class: name }",
    );
    assert_ne!(masked, SMALL_CONTRACT);
    let deeds = [
        // The same value again: the rows are the same, and the writer is another one.
        Deed::Sql("UPDATE shop.orders SET weight = weight WHERE id = 3"),
        Deed::Sql("UPDATE shop.orders SET weight = 99 WHERE id = 3"),
        Deed::Sql("DELETE FROM shop.orders WHERE id = 3"),
        Deed::Sql("DROP TABLE shop.orders"),
        Deed::Contract(masked),
        Deed::Contract(SMALL_CONTRACT.to_owned()),
        Deed::Redo,
    ];
    let mut n = 1;
    for deed in deeds {
        env.cloud.clock().advance_to(at(&time(n, 10)));
        let is_contract = matches!(deed, Deed::Contract(_));
        let mut since = None;
        match deed {
            Deed::Sql(sql) => {
                env.query(Loader, sql).await.expect("a change");
            }
            Deed::Contract(text) => env.deploy_contract(&text),
            Deed::Redo => {
                let args = ["redo", &day(n - 1), "--table", "public.orders", "--yes"];
                let output = landbridge(&env.operator_variables(), &args);
                assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
                ticks(&env, n, &[("transfer", 15), ("load", 20), ("transfer", 22), ("load", 25)])
                    .await;
                let redone = &env.receipts(&day(n - 1)).await["public.orders"];
                assert_eq!((redone.redo, redone.unchanged_since), (1, None), "{redone:?}");
                // Its rows are of the day that was done again.
                since = Some(day(n - 1));
            }
        }
        night(&env, n).await;
        let found = unchanged(&env, n).await;
        assert_eq!(found[1], ("orders", since), "day {n}: {}", env.log_output());
        if !is_contract {
            assert!(found[0].1.is_some() && found[2].1.is_some(), "{found:?}");
        }
        // Before the day after, nothing is done.
        n += 1;
        night(&env, n).await;
        let found = unchanged(&env, n).await;
        if !is_contract {
            assert!(found.iter().all(|it| it.1.is_some()), "{found:?}: {}", env.log_output());
            assert_eq!(seen(&env).await, rows, "day {n}");
        }
        n += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_loaded_every_so_many_days_and_rows_in_another_order_are_other_content() {
    let (env, database) = published("  full_every: 2\n").await;
    let mut found = Vec::new();
    for n in 1..=4 {
        night(&env, n).await;
        found.push(unchanged(&env, n).await[2].1.clone());
    }
    assert_eq!(found, [None, Some(day(1)), None, Some(day(3))]);
    let rows = seen(&env).await;
    night(&env, 5).await;
    database.set_table(people(false)).expect("a table");
    night(&env, 6).await;
    let found = unchanged(&env, 6).await;
    assert_eq!((&found[0].1, &found[2].1), (&Some(day(5)), &None), "{found:?}");
    assert_eq!(seen(&env).await, rows);
}

/// With `proof`, the figures of the columns and of the rows say that other files have the same rows.
#[tokio::test(flavor = "multi_thread")]
async fn with_proof_a_table_whose_rows_are_in_another_order_is_unchanged() {
    let (mut builder, database) = builder("");
    builder.config += "proof:\n  key: landbridge/shop/proof-key\n  kept: always\n";
    let env = builder.build().await;
    night(&env, 0).await;
    let rows = seen(&env).await;
    database.set_table(people(false)).expect("a table");
    night(&env, 1).await;
    assert_eq!(unchanged(&env, 1).await, tables([Some(0); 3]), "{}", env.log_output());
    let note = &env.receipts(&day(1)).await["public.people"].notes;
    let note = note.iter().find(|it| it.code == NoteCode::Unchanged).expect("a note").to_string();
    assert!(note.contains("other files"), "{note}");
    assert_eq!(seen(&env).await, rows);
    assert!(objects_of(&env, 1).is_empty());
    // The files of the second day are compared by their bytes again.
    night(&env, 2).await;
    assert_eq!(unchanged(&env, 2).await, tables([Some(0); 3]));
    // Two rows exchange a value: the values of each column are the same.
    database.set_table(people(true)).expect("a table");
    night(&env, 3).await;
    assert_eq!(unchanged(&env, 3).await, tables([Some(0), Some(0), None]));
    let name = env.query(PiiReader, "SELECT name FROM shop.people WHERE id = 1").await;
    assert_eq!(name, Ok(vec![vec!["Ada Example".to_owned()]]));
    env.assert_no_cell_logged("");
}

/// The table `people` in another order; two of its rows exchange their names.
fn people(exchanged: bool) -> MemoryTable {
    let (first, second) = ("김민준", "Ada Example");
    let (first, second) = if exchanged { (second, first) } else { (first, second) };
    MemoryTable::new("public", "people")
        .column("id", "bigint not null")
        .column("name", "character varying(80)")
        .column("email", "character varying(120)")
        .column("secret", "text")
        .row([Some("3"), None, Some("no address"), Some("also not")])
        .row([Some("2"), Some(second), Some("ada@example.org"), None])
        .row([Some("1"), Some(first), Some("minjun@example.com"), Some("hidden words")])
}

/// A stranger writes the table after the transfer compared it and before the load publishes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_written_between_comparison_and_publication_is_transferred() {
    let (env, _) = published("").await;
    let rows = seen(&env).await;
    ticks(&env, 1, &NIGHT[..=EXPORTED]).await;
    assert_eq!(env.ledger(&format!("{}/unchanged/", day(1))).await.len(), 3);
    env.cloud.clock().advance_to(at(&time(1, 122)));
    env.query(Loader, "UPDATE shop.orders SET weight = 1 WHERE id = 3").await.expect("a change");
    ticks(&env, 1, &NIGHT[EXPORTED + 1..]).await;
    let found = unchanged(&env, 1).await;
    assert_eq!(found, tables([Some(0), None, Some(0)]));
    assert_eq!(seen(&env).await, rows);
    let carried = env.ledger(&format!("{}/carried/", day(1))).await;
    assert_eq!(carried.len(), 1);
    let why: Value = serde_json::from_slice(&carried[0].1).expect("JSON");
    assert!(why["why"].as_str().expect("a reason").contains("other than Landbridge"), "{why}");
}

/// The export of the earlier day has expired.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_files_of_the_earlier_day_a_table_is_transferred() {
    let (env, _) = published("").await;
    let (rows, jobs) = (seen(&env).await, load_jobs(&env));
    let bucket = &env.cloud.config().export.bucket;
    for object in env.cloud.aws().list_objects(bucket, "exports/").await {
        if object.key.contains("people") && object.key.ends_with(".parquet") {
            assert!(env.cloud.aws().delete_object(bucket, &object.key).await);
        }
    }
    night(&env, 1).await;
    let found = unchanged(&env, 1).await;
    assert_eq!((&found[1].1, &found[2].1), (&Some(day(0)), &None), "{found:?}");
    assert_eq!((seen(&env).await, load_jobs(&env)), (rows, jobs + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ticks_at_once_publish_each_table_once() {
    let (env, _) = published("").await;
    let (rows, jobs) = (seen(&env).await, load_jobs(&env));
    ticks(&env, 1, &NIGHT[..EXPORTED]).await;
    for (function, minutes) in &NIGHT[EXPORTED..] {
        let time = time(1, *minutes);
        let (one, other) = tokio::join!(env.tick(function, &time), env.tick(function, &time));
        assert!(one.is_response() && other.is_response(), "{one:?} {other:?}");
        assert_eq!(env.exposed_columns(&OPEN), [""; 0]);
    }
    unchanged(&env, 1).await;
    assert_eq!(seen(&env).await, rows);
    // A load that saw the other one's patch has the table transferred.
    assert!(load_jobs(&env) <= jobs + 3);
}

/// The process dies at a call of an unchanged day, or the answer is lost; the ticks go on. Every night is another
/// call.
#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_day_survives_a_crash_at_any_call() {
    let (env, _) = published("").await;
    let rows = seen(&env).await;
    ticks(&env, 1, &NIGHT[..EXPORTED]).await;
    env.cloud.calls().clear_fault();
    ticks(&env, 1, &NIGHT[EXPORTED..EXPORTED + 2]).await;
    let calls = env.cloud.calls().count();
    assert_eq!(unchanged(&env, 1).await, tables([Some(0); 3]));

    let step = (calls / 12).max(1);
    let (mut n, mut kept) = (2, 0);
    let kinds = [CallFaultKind::KillCaller, CallFaultKind::DropResponse].into_iter().cycle();
    for (number, kind) in (1..=calls).step_by(step).zip(kinds) {
        ticks(&env, n, &NIGHT[..EXPORTED]).await;
        env.cloud.calls().inject_fault(CallFault { call_number: number, kind });
        for (function, minutes) in &NIGHT[EXPORTED..] {
            env.tick(function, &time(n, *minutes)).await;
            assert_eq!(env.exposed_columns(&OPEN), [""; 0], "call {number}, {kind:?}");
        }
        assert!(env.cloud.calls().fault_fired(), "call {number}");
        env.cloud.calls().clear_fault();
        let found = unchanged(&env, n).await;
        kept += found.iter().filter(|it| it.1.is_some()).count();
        assert_eq!(seen(&env).await, rows, "call {number}, {kind:?}");
        n += 1;
    }
    // A crash may cost a table's load, and most crashes do not.
    println!("{calls} calls; {kept} of {} tables kept their rows", 3 * (n - 2));
    assert!(kept as i64 > 2 * (n - 2), "{kept} of {}", 3 * (n - 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_day_is_verified_by_the_figures_of_the_day_that_was_loaded() {
    let (mut builder, _) = builder("");
    builder.config += "proof:\n  key: landbridge/shop/proof-key\n  kept: always\n";
    let env = builder.build().await;
    night(&env, 0).await;
    night(&env, 1).await;
    assert_eq!(unchanged(&env, 1).await, tables([Some(0); 3]));
    let verify = |day: &str| {
        let mut variables = env.operator_variables();
        variables.insert("LANDBRIDGE_GCP_TOKEN".into(), PiiReader.token().to_owned());
        let output = landbridge(&variables, &["verify", "--day", day, "--yes", "--output", "json"]);
        (output.status.code(), output_text(&output))
    };
    for n in [0, 1] {
        let (code, text) = verify(&day(n));
        assert!(text.contains("\"equal\""), "{text}");
        assert!(matches!(code, Some(0 | 4)), "{code:?} {text}");
        assert!(!text.contains("it has the rows of"), "{text}");
    }
    let (_, text) = verify(&day(2));
    assert!(text.contains("it has the rows of 2026-11-21"), "{text}");
    let receipts: BTreeMap<String, Receipt> = env.receipts(&day(1)).await;
    assert!(receipts["public.orders"].columns.iter().all(|it| it.proof.is_some()));
}

/// Of twenty tables of some hundred KB each, one changes: what the two days call and carry.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_with_one_changed_table_calls_and_carries_a_fraction() {
    const TABLES: usize = 20;
    let table = |number: usize, shift: usize| {
        let table = MemoryTable::new("public", &format!("t{number:02}"))
            .column("id", "bigint not null")
            .column("note", "text");
        // Digits that do not compress to nothing.
        let digits =
            move |row: usize| (row * 7_919 + shift).wrapping_mul(2_654_435_761) % 1_000_003;
        table.rows((0..10_000).map(move |row| {
            vec![Some(row.to_string()), Some(format!("{:06}-{:06}", digits(row), digits(row + 5)))]
        }))
    };
    let (mut builder, _) = builder("");
    let database =
        Arc::new(MemoryDatabase::new(landbridge_local_database::Engine::postgres("16.4"), "shop"));
    for number in 0..TABLES {
        database.set_table(table(number, 1)).expect("a table");
    }
    builder.source = database.clone();
    let tables = (0..TABLES).map(|it| {
        format!("  \"public.t{it:02}\":\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n      note: {{ source: text, type: STRING, class: none, pinned: true }}\n")
    });
    builder.contract = format!("version: 1\ntables:\n{}", tables.collect::<String>());
    let env = builder.build().await;
    let mut days = Vec::new();
    for n in 0..2 {
        if n == 1 {
            database.set_table(table(3, 2)).expect("a table");
        }
        for (function, minutes) in &NIGHT[..EXPORTED] {
            env.tick(function, &time(n, *minutes)).await;
        }
        env.cloud.calls().clear_fault();
        env.cloud.calls().start_recording();
        for (function, minutes) in &NIGHT[EXPORTED..] {
            env.tick(function, &time(n, *minutes)).await;
        }
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for call in env.cloud.calls().recorded_calls() {
            let method = call.request.split(' ').next().unwrap_or_default().to_owned();
            *calls.entry(format!("{} {method}", call.server)).or_default() += 1;
        }
        let receipts = env.receipts(&day(n)).await;
        let carried: u64 = receipts.values().map(|it| it.bytes).sum();
        let mut compared = 0;
        for (_, record) in env.ledger(&format!("{}/unchanged/", day(n))).await {
            let record: Value = serde_json::from_slice(&record).expect("JSON");
            compared += record["bytes"].as_u64().expect("bytes");
        }
        println!("{}: {carried} bytes carried, {compared} compared twice: {calls:?}", day(n));
        days.push((carried, compared, objects_of(&env, n).len(), calls));
    }
    let [(all, none, objects, before), (one, rest, changed, after)] =
        <[_; 2]>::try_from(days).expect("two days");
    assert_eq!((none, objects, changed), (0, TABLES, 1));
    // The changed table has another length.
    assert!(all.abs_diff(one + rest) < 1_000, "every table is carried or compared");
    assert!(one * 15 < all, "{one} of {all}");
    let of = |calls: &BTreeMap<String, usize>, name: &str| calls.get(name).copied().unwrap_or(0);
    assert!(of(&after, "storage POST") * 5 < of(&before, "storage POST"), "{before:?} {after:?}");
    assert!(of(&after, "bigquery POST") * 2 < of(&before, "bigquery POST"), "{before:?} {after:?}");
}
