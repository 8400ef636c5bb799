//! Ways in which a new contract, or another name, could open a column whose values were not judged: each keeps the
//! column closed until its values were found harmless, or a person pins it.

use super::*;

/// An orders table with this contract of the memo.
async fn with_memo(database: &MemoryDatabase, memo: &str) -> TestEnv {
    start(Arc::new(database.clone()), &of_memo(memo), EMAIL).await
}

/// The contract in which the memo has these properties, and the other columns are of class `none`.
fn of_memo(memo: &str) -> String {
    contract("public", "text", "").replace(
        "source: text, type: STRING, class: none }\n      state",
        &format!("{memo} }}\n      state"),
    )
}

fn database(memo: impl Fn(i64) -> String) -> MemoryDatabase {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    database.set_table(memory_table(memo)).expect("a table");
    database
}

fn resident_number(n: i64) -> String {
    format!("9001{:02}{SECRET}", 10 + n % 18)
}

fn harmless(n: i64) -> String {
    format!("order {n} was packed")
}

/// How many memos these readers see.
async fn seen(env: &TestEnv, table: &str) -> [String; 2] {
    let sql = format!("SELECT COUNT(memo) FROM shop.{table}");
    let mut all = Vec::new();
    for reader in [Analyst, PiiReader] {
        all.push(env.query(reader, &sql).await.expect("an answer").concat().concat());
    }
    all.try_into().expect("two readers")
}

const NONE: &str = "source: text, type: STRING, class: none";
const PHONE: &str = "source: text, type: STRING, class: phone";
const CLOSED: [&str; 2] = ["0", "0"];
const OPEN: [&str; 2] = ["60", "60"];

/// A contract that calls a column `none` is in force within minutes, before the next load judges anything: what was
/// found when the rows were carried counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_class_that_becomes_none_opens_no_values_that_look_personal() {
    let env = with_memo(&database(resident_number), PHONE).await;
    let leaks = Watch::of(&env);
    env.run_night(0).await;
    assert_eq!(seen(&env, "orders").await, ["0", "60"]);
    env.deploy_contract(&of_memo(NONE));
    env.tick("protect", "2026-11-21T01:10:00Z").await;
    assert_eq!(seen(&env, "orders").await, CLOSED);
    // It is said at once, and not again by the next load.
    let said = |function: &str| {
        let alerts = env.alerts(function).into_iter().map(|alert| alert.to_string());
        alerts.filter(|alert| alert.contains("look personal")).collect::<Vec<_>>()
    };
    assert_eq!(said("protect").len(), 1, "{:#?}", said("protect"));
    assert!(said("protect")[0].contains("shop.orders: memo"), "{:#?}", said("protect"));
    env.run_night(1).await;
    assert_eq!(seen(&env, "orders").await, CLOSED);
    assert_eq!((said("load").len(), incidents(&env).await), (0, vec!["open".to_owned()]));
    let receipts = env.receipts("2026-11-22").await;
    let notes = receipts.values().flat_map(|receipt| &receipt.notes);
    assert_eq!(notes.filter(|note| note.code == NoteCode::LooksPersonal).count(), 1);
    assert_eq!(*leaks.lock().unwrap(), Vec::<String>::new());
    assert_no_value_written(&env).await;
    env.deploy_contract(&of_memo(&format!("{NONE}, pinned: true")));
    env.tick("protect", "2026-11-22T01:10:00Z").await;
    assert_eq!(seen(&env, "orders").await, OPEN);
}

/// Harmless values of a column that had a class open as soon as the contract says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn harmless_values_of_a_class_open_within_minutes() {
    let env = with_memo(&database(harmless), PHONE).await;
    env.run_night(0).await;
    env.deploy_contract(&of_memo(NONE));
    env.tick("protect", "2026-11-21T01:10:00Z").await;
    assert_eq!(seen(&env, "orders").await, OPEN);
}

/// The pin was what opened the column.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_that_is_taken_back_closes_values_that_look_personal() {
    let env = with_memo(&database(resident_number), &format!("{NONE}, pinned: true")).await;
    env.run_night(0).await;
    assert_eq!(seen(&env, "orders").await, OPEN);
    env.deploy_contract(&of_memo(NONE));
    env.tick("protect", "2026-11-21T01:10:00Z").await;
    assert_eq!(seen(&env, "orders").await, CLOSED);
}

/// The values looked personal, a class hid them, and an older contract is deployed again on a day whose sample looks
/// harmless.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_contract_opens_no_column_that_looked_personal_under_it() {
    let database = database(resident_number);
    let env = with_memo(&database, NONE).await;
    env.run_night(0).await;
    assert_eq!(seen(&env, "orders").await, CLOSED);
    env.deploy_contract(&of_memo(PHONE));
    database.set_table(memory_table(harmless)).expect("a table");
    env.run_night(1).await;
    env.deploy_contract(&of_memo(NONE));
    // Time travel does not reach the suspected rows any more.
    env.tick("protect", "2026-12-01T01:10:00Z").await;
    assert_eq!(seen(&env, "orders").await, CLOSED);
}

/// The earlier rows have tokens, which say nothing of the values, and no sample of the values can be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_no_verdict_on_the_values_that_replace_them() {
    let tokens = "source: text, type: STRING, class: none, transform: tokenise";
    let database = database(harmless);
    let env = with_memo(&database, tokens).await;
    env.run_night(0).await;
    assert_eq!(seen(&env, "orders").await, OPEN, "tokens");
    env.deploy_contract(&of_memo(NONE));
    database.set_table(unreadable_table(&[])).expect("a table");
    env.run_night(1).await;
    assert_eq!(seen(&env, "orders").await, CLOSED);
    let receipts = env.receipts("2026-11-22").await;
    let notes = receipts.values().flat_map(|receipt| &receipt.notes);
    let notes: Vec<String> = notes.map(ToString::to_string).collect();
    assert!(notes.iter().any(|note| note.contains("have never been judged")), "{notes:#?}");
}

/// The rows of the new BigQuery table come from a source table that was suspected under its earlier name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspicion_survives_another_name_of_the_table_in_bigquery() {
    let database = database(resident_number);
    let env = with_memo(&database, NONE).await;
    env.run_night(0).await;
    assert_eq!(seen(&env, "orders").await, CLOSED);
    let named = of_memo(NONE).replace("    columns:", "    table: sales\n    columns:");
    env.deploy_contract(&named);
    database.set_table(memory_table(harmless)).expect("a table");
    env.run_night(1).await;
    assert_eq!(seen(&env, "sales").await, CLOSED);
    env.deploy_contract(&named.replace(NONE, &format!("{NONE}, pinned: true")));
    env.tick("protect", "2026-11-22T01:10:00Z").await;
    assert_eq!(seen(&env, "sales").await[0], "60");
}

/// Numbers that are written as text, with `on_misfit: keep_text`: one text among them, and the whole column is text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_stays_text_because_it_is_no_number_is_judged() {
    let database = database(|n| if n % 2 == 0 { n.to_string() } else { resident_number(n) });
    let memo = "source: text, type: INT64, on_misfit: keep_text, class: none";
    let env = with_memo(&database, memo).await;
    let leaks = Watch::of(&env);
    env.run_night(0).await;
    assert_eq!(seen(&env, "orders").await, CLOSED);
    assert_eq!(*leaks.lock().unwrap(), Vec::<String>::new());
}
