//! Columns that are changed by the transfer: text converted to types, tokens, dropped columns;
//! values that do not fit, and their effect on the table.

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

use crate::support::{CARD, INTERNAL, TOKEN_KEY, TestEnv, TestEnvBuilder};

mod key;

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";
const THIRD: &str = "2026-11-23";

fn column(receipt: &Receipt, name: &str) -> landbridge_core::receipt::ReceiptColumn {
    let column = receipt.columns.iter().find(|column| column.name == name);
    column.unwrap_or_else(|| panic!("no column {name} in {receipt:#?}")).clone()
}

/// A table `t` with an id and the columns of `declared`; `None` in a row is NULL.
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

/// A database with that table, which the test may change later, and the settings of a local cloud
/// for it. `columns` is the table's part of the contract, one line per column.
fn builder_for(table: MemoryTable, columns: &str) -> (MemoryDatabase, TestEnvBuilder) {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    database.set_table(table).expect("a table");
    let mut builder = TestEnvBuilder::small();
    builder.contract = contract(columns);
    builder.source = Arc::new(database.clone());
    (database, builder)
}

fn contract(columns: &str) -> String {
    let lines: String = columns.lines().map(|line| format!("      {}\n", line.trim())).collect();
    format!(
        "version: 1\ntables:\n  \"public.t\":\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n{lines}"
    )
}

/// All strings and numbers of a Parquet file as text, decompressed and decoded.
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
                // CHAR without an annotation is read as binary.
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

/// Whether an object contains a text, in its raw bytes or in its cells.
fn object_contains(name: &str, bytes: &Bytes, text: &str) -> bool {
    let raw = bytes.windows(text.len()).any(|window| window == text.as_bytes());
    raw || name.ends_with(".parquet") && cells(bytes).iter().any(|cell| cell.contains(text))
}

/// The columns of the table in PostgreSQL, without its id.
const DECLARED: [(&str, &str); 10] = [
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
/// Its rows. No BigQuery type can represent the values of the last one.
const ROWS: [&[Option<&str>]; 4] = [
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
/// Its columns in the contract.
const CONTRACT: &str = "day: { source: date, type: DATE, class: none, bounds: true }
        at: { source: timestamp without time zone, type: DATETIME, class: none }
        at_zone: { source: timestamp with time zone, type: TIMESTAMP, class: none }
        hour: { source: time without time zone, type: TIME, class: none }
        amount: { source: numeric, type: NUMERIC, class: none }
        huge: { source: numeric, type: BIGNUMERIC, class: none }
        flags: { source: bit, type: BYTES, class: none }
        tags: { source: ARRAY, type: STRING, mode: REPEATED, class: none }
        numbers: { source: ARRAY, type: INT64, mode: REPEATED, class: none }
        note: { source: text, type: STRING, class: none }";
/// NULL in the answer of a query.
const NULL: &str = "NULL";
/// The rows in BigQuery. A NULL in an array is left out, the other elements stay.
const LANDED: [[&str; 11]; 4] = [
    [
        "1",
        "2026-11-21",
        "2026-11-21T23:59:59.999999",
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
        "0001-01-01T00:00:00",
        "1970-01-01 05:30:00 UTC",
        "00:00:00",
        "0",
        "-0.00000000000000000000000000000000000001",
        "AAA=",
        "[]",
        "[]",
        NULL,
    ],
    ["3", NULL, NULL, NULL, NULL, NULL, NULL, NULL, "[]", "[]", NULL],
    ["4", NULL, NULL, NULL, NULL, NULL, NULL, NULL, r#"[{"v":"a"}]"#, "[]", "infinity"],
];

#[tokio::test(flavor = "multi_thread")]
async fn text_is_loaded_as_the_types_of_the_contract() {
    let (_, mut builder) = builder_for(table(&DECLARED, &ROWS), CONTRACT);
    builder.config = builder.config.replace("max_misfit_percent: 0.1", "max_misfit_percent: 50");
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published, "{receipt:#?}");

    // The columns have BigQuery types, which its functions accept.
    let sql = "SELECT id, day, `at`, at_zone, hour, amount, huge, flags, tags, numbers, note FROM shop.t ORDER BY id";
    assert_eq!(env.query(Analyst, sql).await.unwrap(), LANDED);
    let types = env.cloud.google().table_resource("shop", "t").unwrap();
    let field = |name: &str| {
        let fields = types["schema"]["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).unwrap().clone()
    };
    assert_eq!(
        (&field("tags")["type"], &field("tags")["mode"]),
        (&"STRING".into(), &"REPEATED".into())
    );
    assert_eq!(field("huge")["type"], "BIGNUMERIC");
    let sums = "SELECT SUM(amount), MAX(day), COUNT(*) FROM shop.t WHERE `at` > DATETIME '2026-01-01 00:00:00'";
    assert_eq!(env.query(Analyst, sums).await.unwrap(), [["-1234567890.12", "2026-11-21", "1"]]);

    each_misfit_is_counted_by_its_reason(&receipt);
    let day = column(&receipt, "day");
    assert_eq!((day.nulls, day.min.as_deref()), (Some(2), Some("0001-01-01")));
    assert_eq!(column(&receipt, "note").action, "");
    assert_eq!(column(&receipt, "note").nulls, Some(2));
}

fn each_misfit_is_counted_by_its_reason(receipt: &Receipt) {
    for (name, misfit) in [
        ("day", Misfit::Infinite),
        ("at", Misfit::YearBeyond9999),
        ("at_zone", Misfit::YearBefore1),
        ("hour", Misfit::BeyondOneDay),
        ("amount", Misfit::NotANumber),
        ("huge", Misfit::OutOfRange),
        ("numbers", Misfit::NestedArray),
    ] {
        let reported = column(receipt, name);
        assert_eq!(reported.misfits, BTreeMap::from([(misfit, 1)]), "{name}");
        assert!(reported.action.starts_with("retype to "), "{name}: {}", reported.action);
        let noted = receipt.notes.iter().any(|note| {
            note.code == NoteCode::ValuesSetToNull
                && note.column.as_deref() == Some(name)
                && note.to_string().contains(&misfit.to_string())
        });
        assert!(noted, "{name}: {:?}", receipt.notes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_and_tokenised_values_are_in_no_byte_of_cloud_storage() {
    let env = TestEnvBuilder::small().build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts(FIRST).await.remove("public.orders").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published, "{receipt:#?}");

    let objects = env.landing_objects();
    assert!(objects.len() >= 3, "{:?}", objects.keys());
    for (name, bytes) in &objects {
        for text in [CARD, INTERNAL] {
            assert!(!object_contains(name, bytes, text), "`{text}` is in {name}");
        }
        // The dropped column's name is absent, too.
        let schema = name.ends_with(".parquet").then(|| {
            let file = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
            file.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
        });
        assert!(!schema.is_some_and(|names| names.contains(&"internal".to_owned())), "{name}");
    }
    // Proof that the search works: it finds the values that may leave, although they are
    // compressed.
    let found = |text: &str| objects.iter().any(|(name, bytes)| object_contains(name, bytes, text));
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
    let fields = env.cloud.google().table_resource("shop", "orders").unwrap()["schema"].to_string();
    assert!(!fields.contains("internal"), "{fields}");

    // Equal values have equal tokens: seven card numbers give seven tokens.
    let counts = "SELECT COUNT(*), COUNT(DISTINCT card) FROM shop.orders";
    assert_eq!(env.query(Analyst, counts).await.unwrap(), [["50", "7"]]);
    env.assert_no_cell_logged(&format!("{:?}", env.receipts(FIRST).await));
    // The key is nowhere.
    let key = TOKEN_KEY.rsplit_once(':').unwrap().1;
    assert!(!env.log_output().contains(key));
    for (name, bytes) in env.ledger("").await {
        assert!(!String::from_utf8_lossy(&bytes).contains(key), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_set_to_null_leaves_no_value_and_stays_in_the_table() {
    let rows: [&[Option<&str>]; 2] = [&[Some("a secret place")], &[None]];
    let (_, builder) = builder_for(
        table(&[("address", "text")], &rows),
        "address: { source: text, type: STRING, class: none, transform: set_null }",
    );
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(
        (receipt.state, column(&receipt, "address").action.as_str()),
        (ReceiptState::Published, "set NULL")
    );
    for (name, bytes) in env.landing_objects() {
        assert!(!object_contains(&name, &bytes, "a secret place"), "{name}");
    }
    let rows = env.query(PiiReader, "SELECT id, address FROM shop.t ORDER BY id").await.unwrap();
    assert_eq!(rows, [["1", "NULL"], ["2", "NULL"]]);
}

/// 1,000 dates, of which `bad` are infinite.
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
async fn more_misfits_than_the_limit_hold_the_table_until_the_operator_decides() {
    let (database, builder) = builder_for(dates(0), DAY);
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    // The limit is one in a thousand.
    database.set_table(dates(1)).unwrap();
    assert!(env.run_day(1).await.is_empty());
    let receipt = env.receipts(SECOND).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published);
    assert_eq!(column(&receipt, "day").misfits, BTreeMap::from([(Misfit::Infinite, 1)]));

    database.set_table(dates(2)).unwrap();
    assert!(env.run_day(2).await.is_empty(), "a held table fails no tick");
    let receipt = env.receipts(THIRD).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Held);
    let problem = receipt.problem.unwrap().to_string();
    assert!(
        problem.contains("too many values do not fit")
            && problem.contains("column `day`: 2 × infinity of 1000 values")
            && problem.contains("its type cannot become STRING")
            && problem.ends_with("; the table keeps its rows of 2026-11-22"),
        "{problem}"
    );
    let nulls = "SELECT COUNTIF(day IS NULL) FROM shop.t";
    assert_eq!(env.query(Analyst, nulls).await.unwrap(), [["1"]], "yesterday's rows");
    let alerts = env.alerts("load").into_iter().filter(|it| it.to_string().contains("do not fit"));
    assert_eq!(alerts.count(), 1, "reported once");

    // The operator decides that two are acceptable: the same day is published.
    let config = env.dir.path().join("landbridge.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("max_misfit_percent: 0.1", "max_misfit_percent: 0.2"))
        .unwrap();
    env.cloud.kill_all();
    assert!(env.tick("load", "2026-11-22T20:30:00Z").await.is_response());
    assert_eq!(env.receipts(THIRD).await["public.t"].state, ReceiptState::Published);
    assert_eq!(env.query(Analyst, nulls).await.unwrap(), [["2"]]);
}

/// The type of a column of `shop.t` in the warehouse.
fn type_of(env: &TestEnv, name: &str) -> String {
    let table = env.cloud.google().table_resource("shop", "t").expect("a table");
    let fields = table["schema"]["fields"].as_array().cloned().unwrap_or_default();
    let field = fields.iter().find(|field| field["name"] == name);
    field.expect("the column")["type"].as_str().unwrap_or_default().to_owned()
}

const DAY_OR_TEXT: &str = "day: { source: date, type: DATE, class: none, on_misfit: keep_text }";

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_keeps_its_text_stays_text() {
    let (database, builder) = builder_for(dates(1), DAY_OR_TEXT);
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published, "{receipt:#?}");
    assert_eq!(type_of(&env, "day"), "STRING");
    let texts = "SELECT COUNT(day), COUNTIF(day = 'infinity') FROM shop.t";
    assert_eq!(env.query(Analyst, texts).await.unwrap(), [["1000", "1"]], "no text is lost");
    let stays_text = |note: &Note| {
        note.code == NoteCode::ColumnStaysText && note.column.as_deref() == Some("day")
    };
    assert!(receipt.notes.iter().any(stays_text), "{receipt:#?}");
    // BigQuery cannot change the column back to DATE, so it stays text although all values are
    // dates now.
    database.set_table(dates(0)).unwrap();
    assert!(env.run_day(1).await.is_empty());
    assert_eq!(env.receipts(SECOND).await["public.t"].state, ReceiptState::Published);
    assert_eq!(env.query(Analyst, texts).await.unwrap(), [["1000", "0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_date_column_cannot_keep_its_text() {
    let (database, builder) = builder_for(dates(0), DAY_OR_TEXT);
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    assert_eq!(type_of(&env, "day"), "DATE");
    database.set_table(dates(1)).unwrap();
    assert!(env.run_day(1).await.is_empty());
    let receipt = env.receipts(SECOND).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Held);
    let problem = receipt.problem.unwrap().to_string();
    assert!(problem.contains("t.day is DATE in BigQuery and would become STRING"), "{problem}");
    // The next day without such a value is published as usual.
    database.set_table(dates(0)).unwrap();
    assert!(env.run_day(2).await.is_empty());
    assert_eq!(env.receipts(THIRD).await["public.t"].state, ReceiptState::Published);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_changed_during_the_day_transfers_the_table_again() {
    let (_, builder) = builder_for(dates(500), DAY);
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Held);
    // On the first day there is no data that could stay, and the column can still become text.
    let problem = receipt.problem.unwrap().to_string();
    assert!(problem.contains("`on_misfit: keep_text` for the column"), "{problem}");
    assert!(problem.ends_with("; no day of this table is loaded yet"), "{problem}");
    env.deploy_contract(&contract(DAY_OR_TEXT));
    // The load waits for the transfer, which applies the new contract.
    assert!(env.tick("load", "2026-11-20T20:30:00Z").await.is_response());
    assert_eq!(env.receipts(FIRST).await["public.t"].state, ReceiptState::Held);
    for stage in ["transfer", "load"] {
        let outcome = env.tick(stage, "2026-11-20T20:40:00Z").await;
        assert!(outcome.is_response(), "{stage}: {outcome:?}");
    }
    assert_eq!(env.receipts(FIRST).await["public.t"].state, ReceiptState::Published);
    assert_eq!(type_of(&env, "day"), "STRING");
    let names: Vec<String> =
        env.landing_objects().into_keys().filter(|it| it.contains("/t/")).collect();
    assert!(names.iter().any(|name| name.ends_with("-r2/00000.parquet")), "{names:?}");
    // A change after the day is published takes effect the next day.
    env.deploy_contract(&contract(DAY));
    for stage in ["transfer", "load"] {
        assert!(env.tick(stage, "2026-11-20T20:50:00Z").await.is_response(), "{stage}");
    }
    assert_eq!(env.landing_objects().keys().filter(|it| it.contains("/t/r3/")).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_source_type_is_never_reinterpreted() {
    let (database, builder) = builder_for(dates(0), DAY);
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let rows: [&[Option<&str>]; 1] = [&[Some("2026-11-21")]];
    database.set_table(table(&[("day", "text")], &rows)).unwrap();
    assert!(env.run_day(1).await.is_empty());
    let receipt = env.receipts(SECOND).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Held);
    let problem = receipt.problem.unwrap().to_string();
    let types = "t.day: contract.yaml says DATE of the source type `date`, and the export's `text` lands as STRING";
    assert!(problem.contains(types), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_key_no_tokenised_table_is_transferred() {
    let env = TestEnvBuilder::small().build().await;
    env.cloud.aws().deny_secret("landbridge/shop/token-key", true);
    let failed = env.run_day(0).await;
    assert!(
        failed.iter().any(|(stage, outcome)| {
            stage == "transfer" && format!("{outcome:?}").contains("landbridge/shop/token-key")
        }),
        "{failed:#?}"
    );
    assert!(
        !env.landing_objects().keys().any(|name| name.contains("/orders/")),
        "no object of the table"
    );
    env.cloud.aws().deny_secret("landbridge/shop/token-key", false);
    for stage in ["transfer", "load"] {
        assert!(env.tick(stage, "2026-11-20T20:40:00Z").await.is_response(), "{stage}");
    }
    assert_eq!(env.receipts(FIRST).await["public.orders"].state, ReceiptState::Published);
}

/// A file of 48 rows in three row groups of 16 MiB, as an export writes large tables.
fn large_file() -> Bytes {
    use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
    let mut bytes = Vec::new();
    let batch = |group: i64| {
        let ids = group * 16..(group + 1) * 16;
        // Incompressible: the test needs the size.
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
async fn a_large_file_is_split_at_its_row_groups() {
    let small = MemoryTable::new("public", "t")
        .column("id", "bigint")
        .column("day", "date")
        .column("photo", "bytea")
        .row([Some("0"), Some("2026-10-01"), Some("\\x00")]);
    let (_, mut builder) = builder_for(
        small,
        "day: { source: date, type: DATE, class: none, bounds: true }
        photo: { source: bytea, type: BYTES, class: none }",
    );
    builder.config =
        builder.config.replace("memory_mib: 128", "memory_mib: 128\n  cut_above_mib: 32");
    let env = builder.build().await;
    // The export is complete; the transfer has not read it yet.
    assert!(env.run_until("2026-11-20T16:50:00Z").await.is_empty());
    let aws = env.cloud.aws();
    let objects = aws.list_objects("shop-exports", "exports/").await;
    let file = objects.iter().find(|object| object.key.ends_with(".parquet")).expect("a file");
    let large = large_file();
    aws.put_object("shop-exports", &file.key, large.clone()).await.unwrap();
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(
        (receipt.state, receipt.files, receipt.rows_table),
        (ReceiptState::Published, 3, Some(48))
    );
    // Each part is a complete file; together they contain the rows of the source file.
    let mut ids = Vec::new();
    for (name, bytes) in env.landing_objects().iter().filter(|(name, _)| name.ends_with(".parquet"))
    {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).expect(name);
        assert_eq!(reader.metadata().file_metadata().num_rows(), 16, "{name}");
        assert_eq!(reader.schema().field(1).data_type(), &DataType::Date32, "{name}");
        ids.extend(cells(bytes).into_iter().filter_map(|cell| cell.parse::<i64>().ok()).take(16));
    }
    assert_eq!(ids, (0..48).collect::<Vec<_>>());
    let day = column(&receipt, "day");
    assert_eq!((day.min.as_deref(), day.max.as_deref()), (Some("2026-10-01"), Some("2026-10-28")));
    let rows = "SELECT COUNT(DISTINCT id), COUNT(photo) FROM shop.t";
    assert_eq!(env.query(Analyst, rows).await.unwrap(), [["48", "48"]]);
    // The peak memory of the complete process, which must not depend on the file's size.
    let log = env.cloud.logs("transfer").unwrap();
    let peak = log.iter().filter_map(LogLine::peak_memory_mib).max().expect("a report");
    println!("the transfer had {peak} MiB at most");
    assert!(peak <= 128, "{peak} MiB");
}
