//! Every table and column lands, under a name of its own, and keeps its class whatever it is called.

use std::sync::Arc;

use landbridge_core::receipt::{NoteCode, Receipt, ReceiptState};
use landbridge_local::Principal::{Analyst, PiiReader};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};

use crate::support::{TestEnv, TestEnvBuilder};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";
const THIRD: &str = "2026-11-23";

const CONTRACT: &str = r#"version: 1
tables:
  "public.고객":
    columns:
      "번호": { source: bigint, type: INT64, class: none }
      "이름": { source: text, type: STRING, class: name }
      "전화.집": { source: text, type: STRING, class: phone }
      "주민.번호": { source: text, type: STRING, class: none, transform: drop }
      phone: { source: text, type: STRING, class: phone }
  "public.people":
    columns:
      id: { source: bigint, type: INT64, class: none }
      email: { source: text, type: STRING, class: email }
"#;

/// A row of `고객`, with the columns `Phone` and, if it is still there, `phone`.
fn customers(both: bool) -> MemoryTable {
    let table = MemoryTable::new("public", "고객")
        .column("번호", "bigint not null")
        .column("이름", "text")
        .column("전화.집", "text")
        .column("주민.번호", "text")
        .column("Phone", "text");
    let cells = ["1", "김민준", "02-1", "900101-1", "upper", "010-1"].map(Some);
    match both {
        true => table.column("phone", "text").row(cells),
        false => table.row(cells[..5].iter().copied()),
    }
}

fn people(email: &str) -> MemoryTable {
    let people = MemoryTable::new("public", "people").column("id", "bigint").column(email, "text");
    people.row([Some("1"), Some("minjun@example.com")])
}

fn one_row(name: &str) -> MemoryTable {
    MemoryTable::new("public", name).column("id", "bigint").row([Some("1")])
}

async fn start() -> (TestEnv, MemoryDatabase) {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let tables =
        [customers(true), people("email"), one_row("Order-Lines"), one_row("p q"), one_row("p_q")];
    for table in tables {
        database.set_table(table).unwrap();
    }
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database.clone());
    builder.contract = CONTRACT.to_owned();
    (builder.build().await, database)
}

/// `source table → table state` of each receipt.
async fn landed(env: &TestEnv, day: &str) -> Vec<String> {
    let receipts = env.receipts(day).await;
    let line = |(source_table, receipt): (&String, &Receipt)| {
        format!("{source_table} → {} {}", receipt.table, receipt.state.name())
    };
    receipts.iter().map(line).collect()
}

/// `source column → column (class)` of a receipt, of those whose name differs.
fn renamed(receipt: &Receipt) -> Vec<String> {
    let columns = receipt.columns.iter().filter(|column| column.source_column.is_some());
    columns
        .map(|column| format!("{} → {} ({})", column.source_column(), column.name, column.class))
        .collect()
}

async fn rows(env: &TestEnv, sql: &str) -> [Vec<Vec<String>>; 2] {
    let ask = |who| async move { env.query(who, sql).await.expect("an answer") };
    [ask(Analyst).await, ask(PiiReader).await]
}

/// The columns of the warehouse that everyone may read.
const OPEN: [&str; 3] = ["고객.번호", "people.id", "people.nothing"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_and_column_lands_under_a_name_of_its_own_and_keeps_its_class() {
    let (env, database) = start().await;
    let failed = env.run_day(0).await;
    assert!(failed.is_empty(), "{failed:#?}");
    // Two tables share a folder of the export: they alone are held.
    assert_eq!(
        landed(&env, FIRST).await,
        [
            "public.Order-Lines → Order-Lines published",
            "public.p q → p q held",
            "public.p_q → p_q held",
            "public.people → people published",
            "public.고객 → 고객 published",
        ]
    );
    let receipt = env.receipts(FIRST).await.remove("public.고객").unwrap();
    let upper = receipt.columns.iter().find(|column| column.source_column() == "Phone").unwrap();
    let upper = upper.name.clone();
    assert_eq!(
        renamed(&receipt),
        ["전화.집 → 전화_집 (phone)".to_owned(), format!("Phone → {upper} (unclassified)")]
    );
    assert_eq!(receipt.dropped_columns, ["주민.번호"]);
    assert!(
        env.landing_objects()
            .values()
            .all(|bytes| { !bytes.windows(8).any(|window| window == b"900101-1") })
    );
    let sql = format!("SELECT `번호`, `이름`, `전화_집`, phone, `{upper}` FROM shop.`고객`");
    let [analyst, reader] = rows(&env, &sql).await;
    assert_eq!(analyst, [["1", "", "NULL", "NULL", "NULL"]]);
    assert_eq!(reader, [["1", "김민준", "02-1", "010-1", "NULL"]]);
    assert!(env.exposed_columns(&OPEN).is_empty(), "{:?}", env.exposed_columns(&OPEN));

    // The second day: newcomers that want a name, a column renamed in letter case, one by `name:`.
    for table in [one_row("주문"), one_row("PEOPLE"), people("Email")] {
        database.set_table(table).unwrap();
    }
    // One of them wants the name of a table that the contract does not contain.
    let taken = r#"  "public.주문":
    table: order-lines
    columns:
      id: { source: bigint, type: INT64, class: none }
"#;
    let contract =
        CONTRACT.replace(r#""이름": { source"#, r#""이름": { name: customer_name, source"#);
    env.deploy_contract(&(contract + taken));
    assert!(env.run_until("2026-11-21T16:59:00Z").await.is_empty());
    // Until the rows are there, the column has the class of the rows that are.
    let [analyst, reader] = rows(&env, "SELECT `이름` FROM shop.`고객`").await;
    assert_eq!((analyst, reader), (vec![vec![String::new()]], vec![vec!["김민준".to_owned()]]));
    let failed = env.run_day(1).await;
    assert!(failed.is_empty(), "{failed:#?}");
    let second = landed(&env, SECOND).await;
    let newcomer = env.receipts(SECOND).await.remove("public.PEOPLE").unwrap();
    assert!(newcomer.table.starts_with("PEOPLE_"), "{}", newcomer.table);
    assert!(newcomer.notes.iter().any(|note| note.code == NoteCode::NameDiffers));
    for line in [
        "public.people → people published",
        "public.고객 → 고객 published",
        "public.Order-Lines → Order-Lines published",
    ] {
        assert!(second.contains(&line.to_owned()), "{second:?}");
    }
    let masked = env.receipts(SECOND).await.remove("public.주문").unwrap();
    assert_eq!(masked.state, ReceiptState::Published);
    let note = masked.notes.iter().find(|note| note.code == NoteCode::NameDiffers).unwrap();
    assert_eq!(
        note.to_string(),
        format!(
            "the table is loaded as `{}` and is masked for everyone, because another table has the name `order-lines`; set another `table:` in contract.yaml",
            masked.table
        )
    );
    assert_eq!(masked.columns[0].class, "unclassified");
    let sql = "SELECT `이름`, customer_name FROM shop.`고객`";
    let [analyst, reader] = rows(&env, sql).await;
    // The old column is NULL and closed: time travel reaches the names that it had.
    assert_eq!(analyst, [["NULL", ""]]);
    assert_eq!(reader, [["NULL", "김민준"]]);
    let receipt = env.receipts(SECOND).await.remove("public.people").unwrap();
    let codes: Vec<NoteCode> = receipt.notes.iter().map(|note| note.code).collect();
    assert_eq!(codes, [NoteCode::LetterCaseDiffers], "{:?}", receipt.notes);
    let [analyst, reader] = rows(&env, "SELECT email FROM shop.people").await;
    assert_eq!(analyst, [["XXXXX@example.com"]]);
    assert_eq!(reader, [["minjun@example.com"]]);
    assert!(env.exposed_columns(&OPEN).is_empty(), "{:?}", env.exposed_columns(&OPEN));

    // The third day: what kept its name from a newcomer is gone; the newcomer does not take it.
    // `Phone` has been another column than `phone`, and is not it when `phone` is gone.
    assert!(database.remove_table("public", "people"));
    database.set_table(customers(false)).unwrap();
    let failed = env.run_day(2).await;
    assert!(failed.is_empty(), "{failed:#?}");
    let receipts = env.receipts(THIRD).await;
    assert_eq!(receipts["public.PEOPLE"].table, newcomer.table);
    assert_eq!(receipts["public.PEOPLE"].state, ReceiptState::Published);
    let sql = format!("SELECT phone, `{upper}` FROM shop.`고객`");
    let [analyst, reader] = rows(&env, &sql).await;
    assert_eq!((&analyst, &reader), (&vec![vec!["NULL".to_owned(); 2]], &analyst));
}
