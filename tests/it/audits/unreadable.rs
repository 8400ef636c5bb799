//! What is not known for a moment is not final: a key that cannot be read, a table that another refers to. A check of
//! level `block` without its figures holds the table, and says why; the next tick that has them goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const TOKEN_KEY: &str = "landbridge/shop/token-key";
const NOT_READ: &str =
    "the token key cannot be read, so audits that may block a table cannot be made";
const NOT_MADE: &str = "an audit that may block a table cannot be made";

/// Secrets Manager is not available while `fails`; so are the records of objects of `people` while `people_fail`.
#[derive(Default)]
struct Fails {
    secrets: AtomicBool,
    people: AtomicBool,
}

impl CallObserver for Fails {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let is_people = call.request.starts_with("PUT ") && call.request.contains("/items/people");
        let fails = self.secrets.load(Ordering::SeqCst) && call.server == "secrets"
            || self.people.load(Ordering::SeqCst) && is_people;
        let admission = if fails { Admission::Reject(503) } else { Admission::Proceed };
        async move { admission }.boxed()
    }
}

/// Levels of `people` under which no check needs the key.
const OFF: &str = "{ levels: { unchanged: off, keys: off, key_range: off, numbers: off } }";

async fn exported(audits: &str) -> (TestEnv, Arc<Fails>) {
    let (env, _database) = start(&format!("audits:\n  tables:\n{audits}")).await;
    let fails = Arc::new(Fails::default());
    env.cloud.calls().set_observer(fails.clone());
    for (function, hour) in [("snapshot", "16:00"), ("export", "16:10"), ("export", "16:40")] {
        assert!(env.tick(function, &format!("2026-11-20T{hour}:00Z")).await.is_response());
    }
    (env, fails)
}

/// The state of a table, and its problem, after a tick of `transfer` and one of `load`.
async fn after(env: &TestEnv, hour: &str, table: &str) -> (Option<ReceiptState>, String) {
    for function in ["transfer", "load"] {
        // It may fail: that is what is disturbed.
        env.tick(function, &format!("2026-11-20T{hour}:00Z")).await;
    }
    let receipt = env.receipts("2026-11-21").await.remove(table);
    let problem = receipt.as_ref().and_then(|it| it.problem.as_ref()).map(ToString::to_string);
    (receipt.map(|it| it.state), problem.unwrap_or_default())
}

async fn audit_of(env: &TestEnv, table: &str) -> String {
    let records = env.ledger(&format!("2026-11-21/audits/{table}@")).await;
    records.first().map(|it| String::from_utf8_lossy(&it.1).into_owned()).unwrap_or_default()
}

/// The key fails for a moment, while objects are transferred: the table would be published without its audit, which
/// finds that the key of the table is not unique.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_fails_for_a_moment_is_waited_for() {
    let (env, fails) = exported("    public.orders: { key: person_id }\n").await;
    fails.secrets.store(true, Ordering::SeqCst);
    for table in ["public.orders", "public.people"] {
        assert_eq!(after(&env, "17:01", table).await.0, None, "{}", env.log_output());
    }
    assert!(env.ledger("2026-11-21/items/").await.is_empty(), "no object without its figures");
    fails.secrets.store(false, Ordering::SeqCst);
    let (state, problem) = after(&env, "17:06", "public.orders").await;
    assert_eq!(state, Some(ReceiptState::Held));
    assert!(problem.contains("the key of a table is not unique"), "{problem}");
    assert_eq!(after(&env, "17:11", "public.people").await.0, Some(ReceiptState::Published));
    assert!(env.alerts("transfer").iter().all(|it| !it.to_string().contains("key")), "no message");
}

/// The same between the transfer of the objects and the audit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_waits_for_a_key_that_fails_for_a_moment() {
    let audits = format!(
        "    public.orders: {{ key: person_id, references: {{ person_id: public.people.id }} }}\n    public.people: {OFF}\n"
    );
    let (env, fails) = exported(&audits).await;
    fails.people.store(true, Ordering::SeqCst);
    assert_eq!(after(&env, "17:01", "public.orders").await.0, None, "it waits for people");
    assert!(!env.ledger("2026-11-21/items/orders").await.is_empty(), "its objects are there");
    fails.people.store(false, Ordering::SeqCst);
    fails.secrets.store(true, Ordering::SeqCst);
    assert_eq!(after(&env, "17:06", "public.orders").await.0, None, "{}", env.log_output());
    assert_eq!(audit_of(&env, "orders").await, "", "no verdict is final");
    assert_eq!(after(&env, "17:11", "public.people").await.0, Some(ReceiptState::Published));
    fails.secrets.store(false, Ordering::SeqCst);
    let (_, problem) = after(&env, "17:16", "public.orders").await;
    assert!(problem.contains("the key of a table is not unique"), "{problem}");
}

/// Access to the key is denied: a table that an audit may block is held with the reason, any other is published, and
/// a notice says that its checks were not made. When the key can be read, the day goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_key_holds_what_an_audit_may_block() {
    let (env, _) = exported("    public.orders: { key: id }\n").await;
    env.cloud.aws().deny_secret(TOKEN_KEY, true);
    let (state, problem) = after(&env, "17:01", "public.orders").await;
    assert_eq!(state, Some(ReceiptState::Held), "{}", env.log_output());
    let accept = "landbridge redo 2026-11-21 --table public.orders --accept-audits";
    for part in [NOT_READ, TOKEN_KEY, accept] {
        assert!(problem.contains(part), "`{part}` is not in: {problem}");
    }
    assert_eq!(after(&env, "17:06", "public.people").await.0, Some(ReceiptState::Published));
    let verdicts = audit_of(&env, "people").await;
    assert!(verdicts.contains("not_known"), "{verdicts}");
    let said = |function: &str, text: &str| {
        env.alerts(function).iter().filter(|it| it.to_string().contains(text)).count()
    };
    let notice = "tables are audited without the bounds and sums of their columns";
    assert_eq!(said("transfer", notice), 1, "one notice, although two ticks met it");
    assert_eq!(said("load", NOT_READ), 1);
    assert!(env.query(Analyst, ROWS).await.is_err(), "no row of orders is loaded");
    env.cloud.aws().deny_secret(TOKEN_KEY, false);
    let (state, problem) = after(&env, "17:11", "public.orders").await;
    assert_eq!(state, Some(ReceiptState::Published), "{problem}");
}

/// The key fails until after the deadline: the same. An operator may publish the table without the audits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_fails_until_the_deadline_holds_what_an_audit_may_block() {
    let (env, fails) = exported("    public.orders: { key: id }\n").await;
    fails.secrets.store(true, Ordering::SeqCst);
    assert_eq!(after(&env, "18:55", "public.people").await.0, None);
    assert_eq!(after(&env, "19:01", "public.people").await.0, Some(ReceiptState::Published));
    let (state, problem) = after(&env, "19:06", "public.orders").await;
    assert_eq!(state, Some(ReceiptState::Held));
    assert!(problem.contains(NOT_READ), "{problem}");
    let args = ["redo", "2026-11-21", "--table", "orders", "--accept-audits", "--yes"];
    let accepted = command(&env, &args);
    assert!(accepted.status.success(), "{}", output_text(&accepted));
    let (state, problem) = after(&env, "19:11", "public.orders").await;
    assert_eq!(state, Some(ReceiptState::Published), "{problem}");
    let receipt = env.receipts("2026-11-21").await.remove("public.orders").expect("a receipt");
    let note = receipt.notes.iter().find(|it| it.code == NoteCode::AuditFinding).expect("a note");
    assert!(note.to_string().contains("accepted by an operator"), "{note}");
    assert_eq!(env.query(Analyst, ROWS).await.unwrap(), [["50"]]);
}

/// A reference of level `block` to a table that is late: the table is held until the other one is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_reference_holds_the_table_until_the_other_is_there() {
    let audits = "    public.orders: { references: { person_id: public.people.id }, levels: { references: block } }\n";
    let (env, fails) = exported(audits).await;
    fails.people.store(true, Ordering::SeqCst);
    assert_eq!(after(&env, "17:01", "public.orders").await.0, None);
    let (state, problem) = after(&env, "19:01", "public.orders").await;
    assert_eq!(state, Some(ReceiptState::Held));
    assert!(problem.contains(NOT_MADE) && problem.contains("public.people.id"), "{problem}");
    fails.people.store(false, Ordering::SeqCst);
    after(&env, "19:06", "public.orders").await;
    let (state, problem) = after(&env, "19:11", "public.orders").await;
    assert_eq!(state, Some(ReceiptState::Published), "{problem}");
}

/// A table was audited as one that only warns, without the key; then `block` is deployed, before it is loaded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_that_is_not_known_does_not_pass_a_level_that_is_deployed_later() {
    let (env, _) = exported("    public.orders: { key: id, levels: { keys: warn } }\n").await;
    env.cloud.aws().deny_secret(TOKEN_KEY, true);
    assert!(env.tick("transfer", "2026-11-20T17:01:00Z").await.is_response());
    assert!(audit_of(&env, "orders").await.contains("not_known"));
    env.cloud.aws().deny_secret(TOKEN_KEY, false);
    let config = std::fs::read_to_string(env.dir.path().join("landbridge.yaml")).unwrap();
    env.deploy_config(&config.replace("keys: warn", "keys: block"));
    let (state, problem) = after(&env, "17:06", "public.orders").await;
    assert_eq!(state, Some(ReceiptState::Held));
    assert!(problem.contains(NOT_MADE), "{problem}");
    let redo = command(&env, &["redo", "2026-11-21", "--table", "orders", "--yes"]);
    assert!(redo.status.success(), "{}", output_text(&redo));
    let (state, problem) = after(&env, "17:11", "public.orders").await;
    assert_eq!(state, Some(ReceiptState::Published), "{problem}");
}

/// The record of a table's earlier days is damaged: the table is published, and a person is asked once to delete it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_earlier_days_are_said_once() {
    let (env, _) = exported("    public.orders: { key: id }\n").await;
    let aws = env.cloud.aws();
    let key = "ledger/shop/trends/orders.json";
    aws.put_object("shop-exports", key, "{".into()).await.expect("S3");
    assert_eq!(after(&env, "17:01", "public.orders").await.0, Some(ReceiptState::Published));
    let text = "the earlier days of a table cannot be read";
    let said = || env.alerts("transfer").iter().filter(|it| it.to_string().contains(text)).count();
    assert_eq!(said(), 1, "{}", env.log_output());
    assert!(env.log_output().contains("trends/orders.json"));
    day(&env, "2026-11-21").await;
    assert_eq!(said(), 1, "once");
    assert!(aws.delete_object("shop-exports", key).await);
    day(&env, "2026-11-22").await;
    let trend = env.ledger("trends/orders.json").await;
    assert!(String::from_utf8_lossy(&trend[0].1).contains("2026-11-23"));
}
