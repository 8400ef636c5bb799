//! Arrays of PostgreSQL: the type of their elements, NULLs in them, several dimensions.

use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use landbridge_core::receipt::{NoteCode, Receipt, ReceiptState};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};

use crate::support::{TestEnv, TestEnvBuilder};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";

const CONTRACT: &str = r#"version: 1
tables:
  "public.t":
    columns:
      id: { source: bigint, type: INT64, class: none }
      numbers: { source: "integer[]", type: INT64, mode: REPEATED, class: none }
      words: { source: "text[]", type: STRING, mode: REPEATED, class: none, array_nulls: text }
      counts: { source: "bigint[]", type: INT64, mode: REPEATED, class: none, array_nulls: text }
      days: { source: "date[]", type: DATE, mode: REPEATED, class: none, array_nulls: hold }
      matrix: { source: "integer[][]", type: STRING, class: none }
      as_text: { source: ARRAY, type: STRING, class: none }
      flag: { source: bit, type: BOOL, class: none }
"#;

/// Two rows; `days` are those of the first.
fn table(days: &str) -> MemoryTable {
    MemoryTable::new("public", "t")
        .column("id", "bigint")
        .column("numbers", "integer[]")
        .column("words", "text[]")
        .column("counts", "bigint[]")
        .column("days", "date[]")
        .column("matrix", "integer[]")
        .column("as_text", "integer[]")
        .column("flag", "bit(1)")
        .row(
            [
                "1",
                "{1,NULL,-3,NULL}",
                r#"{a,NULL,"b \"c\"",가}"#,
                "{7,8}",
                days,
                "{{1,2},{3,NULL}}",
                "{4,NULL}",
                "1",
            ]
            .map(Some),
        )
        .row([Some("2"), Some("{}"), Some("{x}"), None, None, None, None, Some("0")])
}

/// The cells of a column of `shop.t` in the warehouse, with its type.
fn cells(env: &TestEnv, name: &str) -> Vec<String> {
    let resource = env.cloud.google().table_resource("shop", "t").expect("a table");
    let fields = resource["schema"]["fields"].as_array().cloned().unwrap_or_default();
    let field = fields.iter().find(|field| field["name"] == name).expect(name);
    let mode = field["mode"].as_str().unwrap_or_default();
    let mut cells = vec![format!("{} {mode}", field["type"].as_str().unwrap_or_default())];
    for batch in env.cloud.google().table_batches("shop", "t").expect("rows") {
        let column = batch.column_by_name(name).expect(name);
        let text = ArrayFormatter::try_new(column, &FormatOptions::default()).expect(name);
        cells.extend((0..batch.num_rows()).map(|row| text.value(row).to_string()));
    }
    cells
}

fn has_note(receipt: &Receipt, code: NoteCode, column: &str, text: &str) -> bool {
    receipt.notes.iter().any(|note| {
        note.code == code
            && note.column.as_deref() == Some(column)
            && note.to_string().contains(text)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn arrays_land_with_the_type_of_their_elements_and_nulls_by_the_rule() {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    database.set_table(table("{2026-11-21,2026-11-22}")).expect("a table");
    let mut builder = TestEnvBuilder::small();
    builder.contract = CONTRACT.to_owned();
    builder.source = Arc::new(database.clone());
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    let receipt = env.receipts(FIRST).await.remove("public.t").expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Published, "{receipt:#?}");
    for (column, expected) in [
        ("numbers", ["INTEGER REPEATED", "[1, -3]", "[]"]),
        ("words", ["STRING NULLABLE", r#"["a",null,"b \"c\"","가"]"#, r#"["x"]"#]),
        ("counts", ["INTEGER REPEATED", "[7, 8]", "[]"]),
        ("days", ["DATE REPEATED", "[2026-11-21, 2026-11-22]", "[]"]),
        ("matrix", ["STRING NULLABLE", "[[1,2],[3,null]]", ""]),
        ("as_text", ["STRING NULLABLE", "{4,NULL}", ""]),
        ("flag", ["BOOLEAN NULLABLE", "true", "false"]),
    ] {
        assert_eq!(cells(&env, column), expected, "{column}");
    }
    let dropped = "2 × NULL in an array left out";
    assert!(has_note(&receipt, NoteCode::ArrayNullsDropped, "numbers", dropped), "{receipt:#?}");
    let stays =
        "stays STRING, with its arrays as JSON: not all its values can be read as ARRAY<STRING>";
    assert!(has_note(&receipt, NoteCode::ColumnStaysText, "words", stays), "{receipt:#?}");
    assert!(receipt.columns.iter().all(|column| column.misfits.is_empty()), "{receipt:#?}");

    database.set_table(table("{2026-11-21,NULL}")).expect("a table");
    assert!(env.run_day(1).await.is_empty());
    let receipt = env.receipts(SECOND).await.remove("public.t").expect("a receipt");
    assert_eq!(receipt.state, ReceiptState::Held);
    let problem = receipt.problem.expect("a problem").to_string();
    assert!(problem.contains("column `days`: 1 of 1 arrays; correct them"), "{problem}");
    assert!(problem.ends_with("; the table keeps its rows of 2026-11-21"), "{problem}");
    assert_eq!(cells(&env, "days")[1], "[2026-11-21, 2026-11-22]");
}
