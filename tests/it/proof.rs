//! `proof`: the figures that a transfer records, what they reveal, and `landbridge verify`, which compares them
//! with BigQuery.

mod engine;
mod export;
mod secrecy;
mod signed;
pub(crate) mod source;

pub(crate) use engine::assert_googles_engine_agrees;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Output;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::civil::date;
use landbridge_core::calendar::Day;
use landbridge_core::config::KeptColumns;
use landbridge_core::proof::Figures;
use landbridge_core::proof::farm::fingerprint;
use landbridge_core::receipt::ProofWay;
use landbridge_local::Principal::{self, Analyst, Loader, PiiReader, Stranger};
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::command::{landbridge, output_text};
use crate::support::{SMALL_CONTRACT, TestEnv, TestEnvBuilder, small_database};

/// The types of the sources that land as each BigQuery type.
const KINDS: &str = r#"  "public.kinds":
    columns:
      id: { source: bigint, type: INT64, class: none }
      kinds: { source: boolean, type: BOOL, class: none }
      ratio: { source: double precision, type: FLOAT64, class: none }
      single: { source: real, type: FLOAT64, class: none }
      price: { source: numeric, type: NUMERIC, class: none }
      exact: { source: numeric, type: BIGNUMERIC, class: none }
      words: { source: text, type: STRING, class: none }
      raw: { source: bytea, type: BYTES, class: none }
      day: { source: date, type: DATE, class: none }
      clock: { source: time without time zone, type: TIME, class: none }
      local: { source: timestamp without time zone, type: DATETIME, class: none }
      instant: { source: timestamp with time zone, type: TIMESTAMP, class: none }
      document: { source: jsonb, type: STRING, class: none }
      numbers: { source: "integer[]", type: INT64, mode: REPEATED, class: none }
      tags: { source: "text[]", type: STRING, mode: REPEATED, class: none }
      days: { source: "date[]", type: DATE, mode: REPEATED, class: none }
      born: { source: date, type: DATE, class: birth }
      contact: { source: text, type: STRING, class: email }
      secret: { source: text, type: STRING, class: phone }
"#;

/// One row per length of `words`, so that every branch of the hash is used; NULLs and special values.
fn kinds() -> MemoryTable {
    let columns = [
        ("id", "bigint not null"),
        // The name of the table, which means the whole row in a query without an alias.
        ("kinds", "boolean"),
        ("ratio", "double precision"),
        ("single", "real"),
        ("price", "numeric(12,2)"),
        ("exact", "numeric(50,20)"),
        ("words", "text"),
        ("raw", "bytea"),
        ("day", "date"),
        ("clock", "time without time zone"),
        ("local", "timestamp without time zone"),
        ("instant", "timestamp with time zone"),
        ("document", "jsonb"),
        ("numbers", "integer[]"),
        ("tags", "text[]"),
        ("days", "date[]"),
        ("born", "date"),
        ("contact", "text"),
        ("secret", "text"),
    ];
    let ratios =
        ["0", "-0", "0.1", "1e300", "-5e-324", "NaN", "Infinity", "-Infinity", "123456.789"];
    let table = columns
        .iter()
        .fold(MemoryTable::new("public", "kinds"), |table, (name, ty)| table.column(name, ty));
    table.rows((0..300_usize).map(|n| {
        let cells = vec![
            n.to_string(),
            (n % 3 == 0).to_string(),
            ratios[n % ratios.len()].to_owned(),
            format!("{}.25", n as i64 - 100),
            format!("{}.{:02}", n as i64 * 7 - 900, n % 100),
            format!("{}.00000000000000000{:03}", n as i64 * 1_000_003, n),
            "가나다abc".chars().cycle().take(n).collect(),
            format!("\\x{:02x}00ff", n % 256),
            format!("{:04}-0{}-1{}", 1 + n * 33, n % 9 + 1, n % 10),
            format!("0{}:00:{:02}.{:06}", n % 10, n % 60, n * 3001),
            format!("{:04}-01-02 03:04:05.{:06}", 1900 + n, n * 3001),
            format!("{:04}-01-02 03:04:05.{:06}+09", 1900 + n, n * 3001),
            format!("{{\"n\": {n}}}"),
            format!("{{{n},-1}}"),
            if n % 4 == 0 { "{}".to_owned() } else { format!("{{a,\"b {n}\",\"\"}}") },
            "{2026-11-21,1969-12-31}".to_owned(),
            format!("{:04}-0{}-11", 1950 + n % 60, n % 9 + 1),
            if n % 10 == 0 { "no address".to_owned() } else { format!("p{n}@example.com") },
            format!("010-{n:04}"),
        ];
        let is_null = |at: usize| at > 0 && (n + at).is_multiple_of(11);
        let cells = cells.into_iter().enumerate();
        cells.map(|(at, cell)| (!is_null(at)).then_some(cell)).collect::<Vec<_>>()
    }))
}

fn builder(proof: &str) -> TestEnvBuilder {
    let mut builder = TestEnvBuilder::small();
    let database = small_database();
    database.set_table(kinds()).expect("a table");
    builder.source = Arc::new(database);
    builder.contract = format!("{SMALL_CONTRACT}{KINDS}");
    builder.config += proof;
    builder
}

async fn published(proof: &str) -> TestEnv {
    let env = builder(proof).build().await;
    assert!(env.run_day(0).await.is_empty(), "{}", env.log_output());
    env
}

/// Runs `landbridge verify` as this person, at the time of the cloud.
fn verify(env: &TestEnv, who: Principal, args: &[&str]) -> Output {
    let mut variables = env.operator_variables();
    variables.insert("LANDBRIDGE_GCP_TOKEN".into(), who.token().to_owned());
    landbridge(&variables, &[&["verify"], args].concat())
}

/// Asserts that everyone who sees the plain values of these tables finds all columns and rows equal.
pub(crate) fn assert_verified(env: &TestEnv, tables: &[&str]) {
    let tables = tables.iter().flat_map(|table| ["--table", table]);
    let args: Vec<&str> = ["--yes", "--output", "json"].into_iter().chain(tables).collect();
    let output = verify(env, PiiReader, &args);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    for table in report["tables"].as_array().expect("tables") {
        assert_eq!(table["state"], "equal", "{table}");
        assert_eq!(table["row_verdict"], "equal", "{table}");
        for column in table["columns"].as_array().expect("columns") {
            assert_eq!(column["verdict"], "plain", "{}: {column}", table["table"]);
        }
    }
}

/// Asserts that a table differs, and returns what `verify` says.
pub(crate) fn assert_differs(env: &TestEnv, table: &str) -> String {
    let output = verify(env, PiiReader, &["--yes", "--table", table]);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

/// The verdicts of `verify`, by `table.column`, and the exit code.
fn verdicts(env: &TestEnv, who: Principal) -> (BTreeMap<String, String>, Option<i32>, String) {
    let output = verify(env, who, &["--yes", "--output", "json"]);
    let text = output_text(&output);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut verdicts = BTreeMap::new();
    for table in report["tables"].as_array().expect("tables") {
        for column in table["columns"].as_array().into_iter().flatten() {
            let name = format!("{}.{}", table["table"].as_str().expect("a name"), column["column"]);
            verdicts.insert(name.replace('"', ""), column["verdict"].to_string().replace('"', ""));
        }
    }
    (verdicts, output.status.code(), text)
}

fn of<'a>(verdicts: &'a BTreeMap<String, String>, verdict: &str) -> Vec<&'a str> {
    verdicts.iter().filter(|(_, it)| *it == verdict).map(|(name, _)| name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undisturbed_day_is_proven_as_far_as_each_reader_sees() {
    let env = published("proof: { key: landbridge/shop/proof-key, kept: always }\n").await;
    let masked = ["kinds.born", "kinds.contact", "people.email"];
    // The receipt says how each column can be proven.
    let receipts = env.receipts("2026-11-21").await;
    let ways = |table: &str| -> BTreeMap<&str, Option<ProofWay>> {
        let columns = receipts[table].columns.iter();
        columns.map(|column| (column.name.as_str(), column.proof)).collect()
    };
    let kinds = ways("public.kinds");
    assert_eq!(kinds["born"], Some(ProofWay::ThroughMask), "{kinds:?}");
    assert_eq!(kinds["secret"], Some(ProofWay::Readers), "{kinds:?}");
    assert_eq!(kinds["ratio"], Some(ProofWay::Plain), "{kinds:?}");
    let (seen, code, text) = verdicts(&env, Analyst);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(of(&seen, "through_mask"), masked, "{text}");
    let hidden = ["kinds.secret", "people.name", "people.secret"];
    let unproven: Vec<_> =
        seen.iter().filter(|(_, it)| it.starts_with('{')).map(|(name, _)| name.as_str()).collect();
    // The mask of `name` shows something in some configurations; the others show nothing.
    assert!(unproven.iter().all(|name| hidden.contains(name)), "{text}");
    assert_eq!(of(&seen, "plain").len() + masked.len() + unproven.len(), seen.len(), "{text}");
    assert!(of(&seen, "plain").len() >= 24, "{text}");
    // A person with the right to plain values proves more; `unclassified` stays hidden.
    let (seen, code, text) = verdicts(&env, PiiReader);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(of(&seen, "through_mask"), [""; 0], "{text}");
    assert_eq!(of(&seen, "{not_provable:hidden}"), ["people.secret"], "{text}");
    // Of what a person may not query, nothing can be said; everything else is compared.
    let (seen, code, text) = verdicts(&env, Stranger);
    assert_eq!(code, Some(0), "{text}");
    assert!(of(&seen, "{not_provable:denied}").contains(&"kinds.contact"), "{text}");
    assert!(of(&seen, "plain").contains(&"kinds.ratio"), "{text}");
    env.assert_no_cell_logged(&text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_in_bigquery_is_named() {
    let env = published("proof: { key: landbridge/shop/proof-key, kept: always }\n").await;
    let change = async |sql: &str| env.query(Loader, sql).await.expect("a changed table");
    let check = |parts: &[&str]| {
        let output = verify(&env, Analyst, &["--yes", "--table", "orders"]);
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
    };
    change("UPDATE shop.orders SET weight = 7.25 WHERE id = 7").await;
    check(&["table `orders`, column `weight` differs: other values"]);
    change("UPDATE shop.orders SET weight = 7.5 WHERE id = 7").await;
    let restored = verify(&env, Analyst, &["--yes"]);
    assert_eq!(restored.status.code(), Some(0), "{}", output_text(&restored));
    // A pair of equal changes, which an XOR does not see.
    change("UPDATE shop.orders SET person_id = 9 WHERE id IN (0, 3)").await;
    check(&["table `orders`, column `person_id` differs: another sum"]);
    change("UPDATE shop.orders SET person_id = 1 WHERE id IN (0, 3)").await;
    change("UPDATE shop.orders SET paid = NULL WHERE id = 2").await;
    check(&["column `paid` differs: another number of values"]);
    change("UPDATE shop.orders SET paid = TRUE WHERE id = 2").await;
    // Cells that two rows exchanged are in the column as before: only the fingerprint of rows sees it.
    change("UPDATE shop.orders SET weight = 7.5 WHERE id = 8").await;
    change("UPDATE shop.orders SET weight = 8.5 WHERE id = 7").await;
    check(&["table `orders`: the rows differ: each column has its values, but not in the rows"]);
    change("UPDATE shop.orders SET weight = 7.5 WHERE id = 7").await;
    change("UPDATE shop.orders SET weight = 8.5 WHERE id = 8").await;
    let restored = verify(&env, Analyst, &["--yes"]);
    assert_eq!(restored.status.code(), Some(0), "{}", output_text(&restored));
    // A row too many, and one too few.
    change("INSERT INTO shop.orders SELECT * FROM shop.orders WHERE id = 3").await;
    check(&["table `orders` has 51 rows, and 50 were transferred; first column"]);
    change("DELETE FROM shop.orders WHERE id IN (3, 4)").await;
    check(&["table `orders` has 48 rows, and 50 were transferred"]);
}

/// Cells with a class that two rows exchanged: who sees them plainly sees it, who sees what the mask shows
/// sees it as far as the mask does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exchanged_cells_with_a_class_are_seen_as_far_as_the_reader_sees() {
    let env = published("proof: { key: landbridge/shop/proof-key, kept: always }\n").await;
    let rows = |who| {
        let output = verify(&env, who, &["--yes", "--output", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let tables = report["tables"].as_array().expect("tables").iter();
        let verdicts =
            tables.map(|it| (it["table"].as_str().map(str::to_owned), it["row_verdict"].clone()));
        verdicts
            .map(|(name, it)| (name.expect("a name"), it.to_string()))
            .collect::<BTreeMap<_, _>>()
    };
    let (masked, plain, denied) = (rows(Analyst), rows(PiiReader), rows(Stranger));
    assert_eq!(masked["orders"], "\"equal\"", "no column has a class");
    assert_eq!(masked["kinds"], "\"through_mask\"", "{masked:?}");
    assert_eq!(plain["kinds"], "\"equal\"", "{plain:?}");
    assert_eq!(denied["kinds"], "\"equal_open\"", "{denied:?}");
    // `contact` of 300 rows is masked as `XXXXX@example.com`, so rows that exchange it look the same.
    let exchange = "UPDATE shop.kinds SET contact = IF(id = 1, 'p2@example.com', 'p1@example.com') WHERE id IN (1, 2)";
    env.query(Loader, exchange).await.expect("a changed table");
    let (masked, plain) = (rows(Analyst), rows(PiiReader));
    assert_eq!(masked["kinds"], "\"through_mask\"", "{masked:?}");
    assert_eq!(plain["kinds"], "\"differs\"", "{plain:?}");
}

/// A table of which a reader sees nothing is not called equal, and does not hide what is proven of the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_whose_masks_show_nothing_is_not_provable() {
    let mut builder = builder("proof: { key: landbridge/shop/proof-key, kept: always }\n");
    builder.contract += "  \"public.hidden\":\n    columns:\n      secret: { source: text, type: STRING, class: phone }\n";
    let database = small_database();
    database.set_table(kinds()).expect("a table");
    let hidden = MemoryTable::new("public", "hidden").column("secret", "text");
    database.set_table(hidden.row([Some("010-1")]).row([Some("010-2")])).expect("a table");
    builder.source = Arc::new(database);
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty(), "{}", env.log_output());
    let alone = ["--yes", "--table", "hidden"];
    let check = |who, args: &[&str], code: i32, parts: &[&str]| {
        let output = verify(&env, who, args);
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
        text
    };
    let nothing = "0 of 1 table equal, 1 not provable";
    check(Analyst, &alone, 4, &[nothing, "nothing is proven of 1 table"]);
    let json = check(Analyst, &[&alone[..], &["--output", "json"]].concat(), 4, &[]);
    assert!(json.contains("\"state\": \"not_provable\""), "{json}");
    check(Analyst, &["--yes"], 4, &["4 of 5 tables equal, 1 not provable; ", "not provable"]);
    check(PiiReader, &alone, 0, &["1 of 1 table equal"]);
    // A difference is named although nothing else is provable.
    env.query(Loader, "DELETE FROM shop.hidden WHERE TRUE").await.expect("a change");
    check(Analyst, &alone, 1, &["table `hidden` has 0 rows, and 2 were transferred"]);
    // A table that a person deleted does not stop the others.
    env.query(Loader, "DROP TABLE shop.hidden").await.expect("a change");
    check(
        Analyst,
        &["--yes"],
        4,
        &["hidden: not compared: it does not exist", "4 of 5 tables equal"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_cannot_be_compared_are_named_with_the_reason() {
    // Without figures of copied columns, the converted ones are still proven.
    let env = published("proof: { key: landbridge/shop/proof-key, kept: never }\n").await;
    let (seen, code, text) = verdicts(&env, Analyst);
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("no figures were recorded on 2026-11-21"), "{text}");
    assert!(of(&seen, "{not_provable:not_recorded}").contains(&"orders.weight"), "{text}");
    assert!(of(&seen, "plain").contains(&"orders.placed_at"), "{text}");
    let receipt = &env.receipts("2026-11-21").await["public.orders"];
    let way = |name: &str| receipt.columns.iter().find(|it| it.name == name)?.proof;
    assert_eq!(way("weight"), Some(ProofWay::NotProvable));
    assert_eq!(way("placed_at"), Some(ProofWay::Plain));
    // The table has the rows of another day than the one that is asked for.
    let other = verify(&env, Analyst, &["--day", "2026-11-20", "--table", "orders", "--yes"]);
    let text = output_text(&other);
    assert_eq!(other.status.code(), Some(4), "{text}");
    assert!(text.contains("it has the rows of 2026-11-21, not of 2026-11-20"), "{text}");
    // Nothing is run without a person's consent.
    let asked = verify(&env, Analyst, &["--table", "orders"]);
    let text = output_text(&asked);
    assert_eq!(asked.status.code(), Some(0), "{text}");
    assert!(text.contains("BigQuery will process"), "{text}");
    assert!(text.contains("Nothing was compared: add --yes"), "{text}");
    let unknown = verify(&env, Analyst, &["--table", "nowhere", "--yes"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", output_text(&unknown));
}

const PROOF_KEY: &str = "landbridge/shop/proof-key";

/// The proof key is a key of its own: it is enough for `verify`, it can be rotated, and without it the day is
/// published without figures.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proof_key_opens_figures_and_makes_no_tokens() {
    let env = published("proof: { key: landbridge/shop/proof-key, kept: always }\n").await;
    let aws = env.cloud.aws();
    let check = |code: i32, parts: &[&str]| {
        let output = verify(&env, Analyst, &["--yes", "--table", "orders"]);
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
    };
    // The person who verifies has no right to the token key.
    aws.deny_secret("landbridge/shop/token-key", true);
    check(0, &["1 of 1 table equal"]);
    aws.deny_secret("landbridge/shop/token-key", false);
    aws.deny_secret(PROOF_KEY, true);
    check(3, &[PROOF_KEY]);
    // A day without the key has no figures and is published.
    assert!(env.run_day(1).await.is_empty(), "{}", env.log_output());
    let warnings = env.log_output();
    assert!(warnings.contains("objects are transferred without the figures"), "{warnings}");
    assert!(warnings.contains(PROOF_KEY), "{warnings}");
    aws.deny_secret(PROOF_KEY, false);
    check(4, &["no figures were recorded on 2026-11-22", "the proof key could not be read"]);
    assert!(env.run_day(2).await.is_empty());
    check(0, &["2026-11-23"]);
    // After a rotation, the key before it opens the figures; after two, none does.
    let key = |byte: u8| format!("landbridge-proof-key-v1:{}", STANDARD.encode([byte; 32]));
    aws.put_secret(PROOF_KEY, &key(1));
    check(0, &["1 of 1 table equal"]);
    aws.put_secret(PROOF_KEY, &key(2));
    check(4, &["the figures of 2026-11-23 were sealed with another proof key"]);
    // A secret that is no proof key is named, and is not printed.
    aws.put_secret(PROOF_KEY, "hidden words");
    let output = verify(&env, Analyst, &["--yes"]);
    let text = output_text(&output);
    assert_ne!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("a proof key does not begin with") && text.contains(PROOF_KEY), "{text}");
    assert!(!text.contains("hidden words"), "{text}");
}

/// With `kept: changed`, a copied column that has the bytes of the day before keeps its figures, and a changed one
/// gets new ones, as all do after a rotation of the key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_of_unchanged_columns_are_taken_over() {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let things = |name: &str, changed: i64| {
        MemoryTable::new("public", name)
            .column("id", "integer")
            .column("note", "text")
            .column("at", "timestamp with time zone")
            .rows((0..500_i64).map(|n| {
                let note = format!("note {}", if n == changed { 7000 } else { n });
                vec![Some(n.to_string()), Some(note), Some("2026-11-21 00:00:00+00".to_owned())]
            }))
    };
    // Tables whose day of the week is not the second day, on which one of them changes.
    let second = Day::new(date(2026, 11, 22));
    let decoded = |name: &str| KeptColumns::Weekly.are_decoded(second, &format!("public.{name}"));
    let mut names = (0..).map(|n| format!("things{n}")).filter(|name| !decoded(name));
    let (still, moved) = (&names.next().expect("a name"), &names.next().expect("a name"));
    for name in [still, moved] {
        database.set_table(things(name, -1)).expect("a table");
    }
    let database = Arc::new(database);
    let mut builder = TestEnvBuilder::small();
    builder.source = database.clone();
    builder.config += "proof: { key: landbridge/shop/proof-key, kept: changed }\n";
    let columns = "      id: { source: integer, type: INT64, class: none }
      note: { source: text, type: STRING, class: none }
      at: { source: timestamp with time zone, type: TIMESTAMP, class: none }";
    builder.contract = format!(
        "version: 1\ntables:\n  \"public.{still}\":\n    columns:\n{columns}\n  \"public.{moved}\":\n    columns:\n{columns}\n"
    );
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty(), "{}", env.log_output());
    let check = |day: &str, code: i32, parts: &[&str]| {
        let output = verify(&env, PiiReader, &["--yes", "--day", day]);
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
        text
    };
    let rows_are = |expected: &str| {
        let output = verify(&env, PiiReader, &["--yes", "--output", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        for table in report["tables"].as_array().expect("tables") {
            assert_eq!(table["row_verdict"], expected, "{table}");
        }
    };
    check("2026-11-21", 0, &["2 of 2 tables equal"]);
    rows_are("equal");
    database.set_table(things(moved, 33)).expect("a table");
    assert!(env.run_day(1).await.is_empty(), "{}", env.log_output());
    check("2026-11-22", 0, &["2 of 2 tables equal"]);
    // A column that was taken over was not decoded.
    rows_are("not_provable");
    // Taken over or not: a changed cell is named.
    for (table, id) in [(still, 5), (moved, 33)] {
        let sql = format!("UPDATE shop.{table} SET note = 'other' WHERE id = {id}");
        env.query(Loader, &sql).await.expect("a changed table");
    }
    let differ = [format!("{moved}.note: differs"), format!("{still}.note: differs")];
    let text = check("2026-11-22", 1, &differ.each_ref().map(String::as_str));
    assert!(!text.contains("not provable: no figures"), "{text}");
    // Another key opens no earlier figures: all are computed again.
    let key = format!("landbridge-proof-key-v1:{}", STANDARD.encode([9; 32]));
    env.cloud.aws().put_secret(PROOF_KEY, &key);
    assert!(env.run_day(2).await.is_empty(), "{}", env.log_output());
    check("2026-11-23", 0, &["2 of 2 tables equal"]);
    rows_are("equal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_proof_nothing_is_recorded() {
    let env = published("").await;
    for folder in ["items", "receipts"] {
        for (name, bytes) in env.ledger(&format!("2026-11-21/{folder}/")).await {
            assert!(!String::from_utf8_lossy(&bytes).contains("proof"), "{name}");
        }
    }
    let refused = verify(&env, Analyst, &["--yes"]);
    let text = output_text(&refused);
    assert_eq!(refused.status.code(), Some(2), "{text}");
    assert!(text.contains("landbridge.yaml has no `proof`"), "{text}");
}

/// BigQuery has one set of rows per table: the newest day replaces the rows of the day before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_was_loaded_again_is_compared_with_its_own_day() {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let things = |count: i64| {
        MemoryTable::new("public", "nothing")
            .column("id", "integer")
            .column("note", "text")
            .rows((0..count).map(|n| vec![Some(n.to_string()), Some(format!("note {n}"))]))
    };
    database.set_table(things(10)).expect("a table");
    let database = Arc::new(database);
    let mut builder = TestEnvBuilder::small();
    builder.source = database.clone();
    builder.config += "proof: { key: landbridge/shop/proof-key, kept: always }\n";
    let env = builder.build().await;
    assert!(env.run_day(0).await.is_empty());
    database.set_table(things(20)).expect("a table");
    assert!(env.run_day(1).await.is_empty());
    let second = verify(&env, Analyst, &["--yes"]);
    let text = output_text(&second);
    assert_eq!(second.status.code(), Some(0), "{text}");
    assert!(text.contains("2026-11-22"), "{text}");
    let first = verify(&env, Analyst, &["--day", "2026-11-21", "--yes"]);
    let text = output_text(&first);
    assert_eq!(first.status.code(), Some(4), "{text}");
    assert!(text.contains("it has the rows of 2026-11-22, not of 2026-11-21"), "{text}");
}
