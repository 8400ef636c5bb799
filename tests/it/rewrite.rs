//! Columns that are something else when they arrive: text read as types, tokens, columns that
//! stay behind; values that do not fit, and what becomes of their tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use bytes::Bytes;
use landbridge_core::receipt::{Note, NoteCode, Receipt, ReceiptState};
use landbridge_core::rewrite::Misfit;
use landbridge_local::LogLine;
use landbridge_local::Principal::{Analyst, PiiReader};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};
use landbridge_parquet::rewrite::TokenKey;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{CARD, INTERNAL, Recipe, TOKEN_KEY, World};

mod key;

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";
const THIRD: &str = "2026-11-23";

fn column(receipt: &Receipt, name: &str) -> landbridge_core::receipt::ReceiptColumn {
    let column = receipt.columns.iter().find(|column| column.name == name);
    column.unwrap_or_else(|| panic!("no column {name} in {receipt:#?}")).clone()
}

/// A world of one table `t` with an id and the columns of `declared`, in whose rows `None` is NULL.
fn table(declared: &[(&str, &str)], rows: &[&[Option<&str>]]) -> MemoryTable {
    let mut table = MemoryTable::new("public", "t").column("id", "bigint");
    for (name, ty) in declared {
        table = table.column(name, ty);
    }
    for (id, row) in rows.iter().enumerate() {
        let id = (id + 1).to_string();
        table = table.row([Some(id.as_str())].into_iter().chain(row.iter().copied()));
    }
    table
}

/// A database of that table, to be changed later, and a recipe over it. `columns` is the
/// contract's part, a line per column.
fn recipe(table: MemoryTable, columns: &str) -> (MemoryDatabase, Recipe) {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    database.set_table(table).expect("a table");
    let mut recipe = Recipe::small();
    recipe.contract = contract(columns);
    recipe.source = Arc::new(database.clone());
    (database, recipe)
}

fn contract(columns: &str) -> String {
    let lines: String = columns.lines().map(|line| format!("      {}\n", line.trim())).collect();
    format!(
        "version: 1\ntables:\n  \"public.t\":\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n{lines}"
    )
}

/// Every string and number of a Parquet file as text, decompressed and decoded.
fn cells(bytes: &Bytes) -> Vec<String> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).expect("a Parquet file");
    let mut cells = Vec::new();
    for batch in reader.build().expect("a reader") {
        for column in batch.expect("rows").columns() {
            let column = match column.data_type() {
                DataType::List(_) => column.as_list::<i32>().values().clone(),
                _ => column.clone(),
            };
            let text = match column.data_type() {
                // CHAR without an annotation would hide here.
                DataType::Binary => {
                    let bytes = column.as_binary::<i32>().iter().flatten();
                    cells.extend(bytes.map(|it| String::from_utf8_lossy(it).into_owned()));
                    continue;
                }
                _ => arrow::compute::cast(&column, &DataType::Utf8).expect("text"),
            };
            cells.extend(text.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
    }
    cells
}

/// Whether a text is anywhere in an object: in its bytes as they are, or in its cells.
fn holds(name: &str, bytes: &Bytes, text: &str) -> bool {
    let raw = bytes.windows(text.len()).any(|window| window == text.as_bytes());
    raw || name.ends_with(".parquet") && cells(bytes).iter().any(|cell| cell.contains(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn text_lands_as_the_types_that_it_means() {
    let declared = [
        ("day", "date"),
        ("at", "timestamp without time zone"),
        ("at_zone", "timestamp with time zone"),
        ("hour", "time without time zone"),
        ("amount", "numeric(12,2)"),
        ("huge", "numeric"),
        ("flags", "bit(12)"),
        ("tags", "text[]"),
        ("numbers", "integer[]"),
        ("note", "text"),
    ];
    let rows: [&[Option<&str>]; 4] = [
        &[
            Some("2026-11-21"),
            Some("2026-11-21 23:59:59.999999"),
            Some("2026-11-21 08:15:00.25+09"),
            Some("23:59:59.5"),
            Some("-1234567890.12"),
            Some("12345678901234567890123456789012345678.5"),
            Some("010110100101"),
            Some("{plain,\"with, comma\",\"qu\\\"ote\",한글}"),
            Some("{1,-2,3}"),
            Some("2026-11-21"),
        ],
        &[
            Some("0001-01-01"),
            Some("0001-01-01 00:00:00"),
            Some("1970-01-01 00:00:00-05:30"),
            Some("00:00:00"),
            Some("0.00"),
            Some("-0.00000000000000000000000000000000000001"),
            Some("000000000000"),
            Some("{}"),
            Some("{}"),
            None,
        ],
        &[None; 10],
        // What no type of BigQuery holds.
        &[
            Some("infinity"),
            Some("10000-01-01 00:00:00"),
            Some("0044-03-15 12:00:00+00 BC"),
            Some("24:00:00"),
            Some("NaN"),
            Some("100000000000000000000000000000000000000"),
            None,
            Some("{a,NULL}"),
            Some("{{1,2},{3,4}}"),
            Some("infinity"),
        ],
    ];
    let (_, mut recipe) = recipe(
        table(&declared, &rows),
        "day: { source: date, type: DATE, class: none }
        at: { source: timestamp without time zone, type: TIMESTAMP, class: none }
        at_zone: { source: timestamp with time zone, type: TIMESTAMP, class: none }
        hour: { source: time without time zone, type: TIME, class: none }
        amount: { source: numeric, type: NUMERIC, class: none }
        huge: { source: numeric, type: BIGNUMERIC, class: none }
        flags: { source: bit, type: BYTES, class: none }
        tags: { source: ARRAY, type: STRING, mode: REPEATED, class: none }
        numbers: { source: ARRAY, type: INT64, mode: REPEATED, class: none }
        note: { source: text, type: STRING, class: none }",
    );
    recipe.config = recipe.config.replace("max_misfit_percent: 0.1", "max_misfit_percent: 50");
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    let receipt = world.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published, "{receipt:#?}");

    // As BigQuery's own types, which its functions take.
    let rows = world
        .query(
            Analyst,
            "SELECT id, day, at, at_zone, hour, amount, huge, flags, tags, numbers, note FROM shop.t ORDER BY id",
        )
        .await
        .unwrap();
    let null = "NULL";
    assert_eq!(
        rows,
        [
            [
                "1",
                "2026-11-21",
                "2026-11-21 23:59:59.999999 UTC",
                "2026-11-20 23:15:00.250000 UTC",
                "23:59:59.500000",
                "-1234567890.12",
                "12345678901234567890123456789012345678.5",
                "BaU=",
                r#"[{"v":"plain"},{"v":"with, comma"},{"v":"qu\"ote"},{"v":"한글"}]"#,
                r#"[{"v":"1"},{"v":"-2"},{"v":"3"}]"#,
                "2026-11-21",
            ],
            [
                "2",
                "0001-01-01",
                "0001-01-01 00:00:00 UTC",
                "1970-01-01 05:30:00 UTC",
                "00:00:00",
                "0",
                "-0.00000000000000000000000000000000000001",
                "AAA=",
                "[]",
                "[]",
                null,
            ],
            ["3", null, null, null, null, null, null, null, "[]", "[]", null],
            ["4", null, null, null, null, null, null, null, "[]", "[]", "infinity"],
        ]
    );
    let types = world.cloud.google().table_resource("shop", "t").unwrap();
    let field = |name: &str| {
        let fields = types["schema"]["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).unwrap().clone()
    };
    assert_eq!(
        (&field("tags")["type"], &field("tags")["mode"]),
        (&"STRING".into(), &"REPEATED".into())
    );
    assert_eq!(field("huge")["type"], "BIGNUMERIC");
    let sums = "SELECT SUM(amount), MAX(day), COUNT(*) FROM shop.t WHERE at > TIMESTAMP '2026-01-01 00:00:00+00'";
    assert_eq!(world.query(Analyst, sums).await.unwrap(), [["-1234567890.12", "2026-11-21", "1"]]);

    // Nothing is silent: each value that did not fit is counted, by its reason.
    for (name, misfit) in [
        ("day", Misfit::Infinite),
        ("at", Misfit::YearBeyond9999),
        ("at_zone", Misfit::YearBefore1),
        ("hour", Misfit::BeyondOneDay),
        ("amount", Misfit::NotANumber),
        ("huge", Misfit::OutOfRange),
        ("tags", Misfit::NullElement),
        ("numbers", Misfit::NestedArray),
    ] {
        let told = column(&receipt, name);
        assert_eq!(told.misfits, BTreeMap::from([(misfit, 1)]), "{name}");
        assert!(told.action.starts_with("retype to "), "{name}: {}", told.action);
        let noted = receipt.notes.iter().any(|note| {
            note.code == NoteCode::ValuesSetToNull
                && note.column.as_deref() == Some(name)
                && note.to_string().contains(&misfit.to_string())
        });
        assert!(noted, "{name}: {:?}", receipt.notes);
    }
    let day = column(&receipt, "day");
    assert_eq!((day.nulls, day.min.as_deref()), (Some(2), Some("0001-01-01")));
    assert_eq!(column(&receipt, "note").action, "");
    assert_eq!(column(&receipt, "note").nulls, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_leave_is_in_no_byte_of_cloud_storage() {
    let world = Recipe::small().build().await;
    assert!(world.night(0).await.is_empty());
    let receipt = world.receipts(FIRST).await.remove("public.orders").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published, "{receipt:#?}");

    let objects = world.landed();
    assert!(objects.len() >= 3, "{:?}", objects.keys());
    for (name, bytes) in &objects {
        for text in [CARD, INTERNAL] {
            assert!(!holds(name, bytes, text), "`{text}` is in {name}");
        }
        // Not even the dropped column's name.
        let schema = name.ends_with(".parquet").then(|| {
            let file = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
            file.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
        });
        assert!(!schema.is_some_and(|names| names.contains(&"internal".to_owned())), "{name}");
    }
    // The search can find: what may leave is there, compressed.
    let found = |text: &str| objects.iter().any(|(name, bytes)| holds(name, bytes, text));
    assert!(found("ada@example.org"));
    assert!(found(
        &TokenKey::parse(TOKEN_KEY.as_bytes(), "")
            .unwrap()
            .token("", format!("{CARD}0003").as_bytes())
    ));

    let card = column(&receipt, "card");
    assert_eq!((card.action.as_str(), card.nulls, card.min), ("tokenise", Some(0), None));
    assert_eq!(receipt.dropped_columns, ["internal"]);
    assert!(receipt.columns.iter().all(|column| column.name != "internal"));
    let fields =
        world.cloud.google().table_resource("shop", "orders").unwrap()["schema"].to_string();
    assert!(!fields.contains("internal"), "{fields}");

    // Equal values have equal tokens: seven cards are seven tokens still.
    let counts = "SELECT COUNT(*), COUNT(DISTINCT card) FROM shop.orders";
    assert_eq!(world.query(Analyst, counts).await.unwrap(), [["50", "7"]]);
    world.assert_no_cell_written(&format!("{:?}", world.receipts(FIRST).await));
    // Nor is the key anywhere.
    let key = TOKEN_KEY.rsplit_once(':').unwrap().1;
    assert!(!world.written().contains(key));
    for (name, bytes) in world.ledger("").await {
        assert!(!String::from_utf8_lossy(&bytes).contains(key), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_emptied_leaves_nothing_and_stays_in_the_table() {
    let rows: [&[Option<&str>]; 2] = [&[Some("a secret place")], &[None]];
    let (_, recipe) = recipe(
        table(&[("address", "text")], &rows),
        "address: { source: text, type: STRING, class: none, transform: set_null }",
    );
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    let receipt = world.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(
        (receipt.state, column(&receipt, "address").action.as_str()),
        (ReceiptState::Published, "set NULL")
    );
    for (name, bytes) in world.landed() {
        assert!(!holds(&name, &bytes, "a secret place"), "{name}");
    }
    let rows = world.query(PiiReader, "SELECT id, address FROM shop.t ORDER BY id").await.unwrap();
    assert_eq!(rows, [["1", "NULL"], ["2", "NULL"]]);
}

/// 1,000 dates, `bad` of which are none.
fn dates(bad: usize) -> MemoryTable {
    let rows = (0..1000).map(|n| {
        let text =
            if n < bad { "infinity".to_owned() } else { format!("2026-11-{:02}", n % 28 + 1) };
        vec![Some(n.to_string()), Some(text)]
    });
    MemoryTable::new("public", "t").column("id", "bigint").column("day", "date").rows(rows)
}

const DAY: &str = "day: { source: date, type: DATE, class: none }";

#[tokio::test(flavor = "multi_thread")]
async fn more_misfits_than_the_limit_hold_the_table_until_somebody_decides() {
    let (database, recipe) = recipe(dates(0), DAY);
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    // One in a thousand is the limit.
    database.set_table(dates(1)).unwrap();
    assert!(world.night(1).await.is_empty());
    let receipt = world.receipts(SECOND).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published);
    assert_eq!(column(&receipt, "day").misfits, BTreeMap::from([(Misfit::Infinite, 1)]));

    database.set_table(dates(2)).unwrap();
    assert!(world.night(2).await.is_empty(), "a held table fails no tick");
    let receipt = world.receipts(THIRD).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Held);
    let problem = receipt.problem.unwrap().to_string();
    assert!(
        problem.contains("too many values do not fit")
            && problem.contains("column `day`: 2 × infinity of 1000 values")
            && problem.contains("on_misfit: keep_text"),
        "{problem}"
    );
    let nulls = "SELECT COUNTIF(day IS NULL) FROM shop.t";
    assert_eq!(world.query(Analyst, nulls).await.unwrap(), [["1"]], "yesterday's rows");
    let told = world.alerts("load").into_iter().filter(|it| it.to_string().contains("do not fit"));
    assert_eq!(told.count(), 1, "once");

    // Somebody decides that two are well: the same day is published.
    let config = world.dir.path().join("landbridge.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("max_misfit_percent: 0.1", "max_misfit_percent: 0.2"))
        .unwrap();
    world.cloud.kill_all();
    assert!(world.tick("load", "2026-11-22T20:30:00Z").await.is_response());
    assert_eq!(world.receipts(THIRD).await["public.t"].state, ReceiptState::Published);
    assert_eq!(world.query(Analyst, nulls).await.unwrap(), [["2"]]);
}

/// The type of a column in the warehouse.
fn type_of(world: &World, name: &str) -> String {
    let table = world.cloud.google().table_resource("shop", "t").expect("a table");
    let fields = table["schema"]["fields"].as_array().cloned().unwrap_or_default();
    let field = fields.iter().find(|field| field["name"] == name);
    field.expect("the column")["type"].as_str().unwrap_or_default().to_owned()
}

const DAY_OR_TEXT: &str = "day: { source: date, type: DATE, class: none, on_misfit: keep_text }";

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_may_keep_its_text_keeps_all_of_it_and_stays_so() {
    let (database, recipe) = recipe(dates(1), DAY_OR_TEXT);
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    let receipt = world.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published, "{receipt:#?}");
    assert_eq!(type_of(&world, "day"), "STRING");
    let texts = "SELECT COUNT(day), COUNTIF(day = 'infinity') FROM shop.t";
    assert_eq!(world.query(Analyst, texts).await.unwrap(), [["1000", "1"]], "nothing is lost");
    let stays_text = |note: &Note| {
        note.code == NoteCode::ColumnStaysText && note.column.as_deref() == Some("day")
    };
    assert!(receipt.notes.iter().any(stays_text), "{receipt:#?}");
    // BigQuery cannot make it a DATE again, so it stays text although all dates are dates now.
    database.set_table(dates(0)).unwrap();
    assert!(world.night(1).await.is_empty());
    assert_eq!(world.receipts(SECOND).await["public.t"].state, ReceiptState::Published);
    assert_eq!(world.query(Analyst, texts).await.unwrap(), [["1000", "0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_a_date_already_cannot_keep_its_text() {
    let (database, recipe) = recipe(dates(0), DAY_OR_TEXT);
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    assert_eq!(type_of(&world, "day"), "DATE");
    database.set_table(dates(1)).unwrap();
    assert!(world.night(1).await.is_empty());
    let receipt = world.receipts(SECOND).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Held);
    let problem = receipt.problem.unwrap().to_string();
    assert!(problem.contains("t.day was DATE and would become STRING"), "{problem}");
    // The next day without one is as ever.
    database.set_table(dates(0)).unwrap();
    assert!(world.night(2).await.is_empty());
    assert_eq!(world.receipts(THIRD).await["public.t"].state, ReceiptState::Published);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_changes_during_the_day_carries_the_table_anew() {
    let (_, recipe) = recipe(dates(500), DAY);
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    assert_eq!(world.receipts(FIRST).await["public.t"].state, ReceiptState::Held);
    world.deploy_contract(&contract(DAY_OR_TEXT));
    // The load waits for the transfer, which knows the new way.
    assert!(world.tick("load", "2026-11-20T20:30:00Z").await.is_response());
    assert_eq!(world.receipts(FIRST).await["public.t"].state, ReceiptState::Held);
    for stage in ["transfer", "load"] {
        let outcome = world.tick(stage, "2026-11-20T20:40:00Z").await;
        assert!(outcome.is_response(), "{stage}: {outcome:?}");
    }
    assert_eq!(world.receipts(FIRST).await["public.t"].state, ReceiptState::Published);
    assert_eq!(type_of(&world, "day"), "STRING");
    let names: Vec<String> = world.landed().into_keys().filter(|it| it.contains("/t/")).collect();
    assert!(names.iter().any(|name| name.ends_with("/t/r2/00000.parquet")), "{names:?}");
    // A change after the day is published counts from tomorrow.
    world.deploy_contract(&contract(DAY));
    for stage in ["transfer", "load"] {
        assert!(world.tick(stage, "2026-11-20T20:50:00Z").await.is_response(), "{stage}");
    }
    assert_eq!(world.landed().keys().filter(|it| it.contains("/t/r3/")).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_type_that_changed_is_never_reinterpreted() {
    let (database, recipe) = recipe(dates(0), DAY);
    let world = recipe.build().await;
    assert!(world.night(0).await.is_empty());
    let rows: [&[Option<&str>]; 1] = [&[Some("2026-11-21")]];
    database.set_table(table(&[("day", "text")], &rows)).unwrap();
    assert!(world.night(1).await.is_empty());
    let receipt = world.receipts(SECOND).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Held);
    let problem = receipt.problem.unwrap().to_string();
    assert!(problem.contains("t.day was DATE and would become STRING"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_nothing_that_needs_it_is_carried() {
    let world = Recipe::small().build().await;
    world.cloud.aws().deny_secret("landbridge/shop/token-key", true);
    let failed = world.night(0).await;
    assert!(
        failed.iter().any(|(stage, outcome)| {
            stage == "transfer" && format!("{outcome:?}").contains("landbridge/shop/token-key")
        }),
        "{failed:#?}"
    );
    assert!(!world.landed().keys().any(|name| name.contains("/orders/")), "nothing of the table");
    world.cloud.aws().deny_secret("landbridge/shop/token-key", false);
    for stage in ["transfer", "load"] {
        assert!(world.tick(stage, "2026-11-20T20:40:00Z").await.is_response(), "{stage}");
    }
    assert_eq!(world.receipts(FIRST).await["public.orders"].state, ReceiptState::Published);
}

/// A file of 48 rows in three row groups of 16 MiB, as an export writes them for large tables.
fn large_file() -> Bytes {
    use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
    let mut bytes = Vec::new();
    let batch = |group: i64| {
        let ids = group * 16..(group + 1) * 16;
        // Nothing that could be compressed: the size is what is looked at.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ group.unsigned_abs();
        let mut noise = || {
            let next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.to_le_bytes()
            };
            std::iter::repeat_with(next).take(128 * 1024).flatten().collect::<Vec<u8>>()
        };
        let blobs: Vec<Vec<u8>> = ids.clone().map(|_| noise()).collect();
        let columns: [(&str, ArrayRef); 3] = [
            ("id", Arc::new(Int64Array::from_iter_values(ids.clone()))),
            (
                "day",
                Arc::new(StringArray::from_iter_values(
                    ids.map(|n| format!("2026-10-{:02}", n % 28 + 1)),
                )),
            ),
            ("photo", Arc::new(BinaryArray::from_iter_values(blobs))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
            .expect("a batch")
    };
    let schema = batch(0).schema();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, schema, None).expect("a writer");
    for group in 0..3 {
        writer.write(&batch(group)).expect("rows");
        writer.flush().expect("a row group");
    }
    writer.close().expect("a footer");
    bytes.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_cut_at_its_row_groups() {
    let small = MemoryTable::new("public", "t")
        .column("id", "bigint")
        .column("day", "date")
        .column("photo", "bytea")
        .row([Some("0"), Some("2026-10-01"), Some("\\x00")]);
    let (_, mut recipe) = recipe(
        small,
        "day: { source: date, type: DATE, class: none }
        photo: { source: bytea, type: BYTES, class: none }",
    );
    recipe.config =
        recipe.config.replace("memory_mib: 128", "memory_mib: 128\n  cut_above_mib: 32");
    let world = recipe.build().await;
    // The export is complete; the transfer has not looked yet.
    assert!(world.run_until("2026-11-20T16:50:00Z").await.is_empty());
    let aws = world.cloud.aws();
    let objects = aws.list_objects("shop-exports", "exports/").await;
    let file = objects.iter().find(|object| object.key.ends_with(".parquet")).expect("a file");
    let large = large_file();
    aws.put_object("shop-exports", &file.key, large.clone()).await.unwrap();
    assert!(world.night(0).await.is_empty());
    let receipt = world.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(
        (receipt.state, receipt.files, receipt.rows_table),
        (ReceiptState::Published, 3, Some(48))
    );
    // Each part is a file by itself; together they are the source.
    let mut ids = Vec::new();
    for (name, bytes) in world.landed().iter().filter(|(name, _)| name.ends_with(".parquet")) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).expect(name);
        assert_eq!(reader.metadata().file_metadata().num_rows(), 16, "{name}");
        assert_eq!(reader.schema().field(1).data_type(), &DataType::Date32, "{name}");
        ids.extend(cells(bytes).into_iter().filter_map(|cell| cell.parse::<i64>().ok()).take(16));
    }
    assert_eq!(ids, (0..48).collect::<Vec<_>>());
    let day = column(&receipt, "day");
    assert_eq!((day.min.as_deref(), day.max.as_deref()), (Some("2026-10-01"), Some("2026-10-28")));
    let rows = "SELECT COUNT(DISTINCT id), COUNT(photo) FROM shop.t";
    assert_eq!(world.query(Analyst, rows).await.unwrap(), [["48", "48"]]);
    // What the whole process had at most, whatever the size of the file.
    let log = world.cloud.logs("transfer").unwrap();
    let peak = log.iter().filter_map(LogLine::peak_memory_mib).max().expect("a report");
    println!("the transfer had {peak} MiB at most");
    assert!(peak <= 128, "{peak} MiB");
}
