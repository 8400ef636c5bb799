//! What changes between the comparison of a day and the merge of its changes: the configuration, the contract, the table, the
//! load that holds it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::BoxFuture;
use landbridge_local::Principal::PiiReader;
use landbridge_local_database::MemoryDatabase;
use landbridge_local_wire::monitor::{Admission, ArrivedCall, CallObserver, Delivery};
use landbridge_local_wire::{CallFault, CallFaultKind};
use tokio::sync::Notify;

use super::{
    CONTRACT, EXPORTED, KEYED, Loader, NIGHT, Orders, SKIP, assert_rows, day, receipt, start,
    ticks, time,
};
use crate::support::{TestEnv, at};

/// The functions keep going, and nothing happens at calls.
struct Nothing;

impl CallObserver for Nothing {}

/// Night 0, and night 1 until the changes are compared, sent and measured.
async fn compared(orders: &mut Orders) -> (TestEnv, Arc<MemoryDatabase>) {
    let (env, database) = start(orders, SKIP, KEYED).await;
    ticks(&env, 0, &NIGHT).await;
    orders.refresh();
    database.set_table(orders.table()).expect("a table");
    ticks(&env, 1, &NIGHT[..=EXPORTED]).await;
    assert_eq!(env.ledger(&format!("{}/deltas/", day(1))).await.len(), 1, "{}", env.log_output());
    (env, database)
}

fn config(env: &TestEnv) -> String {
    let variables = env.operator_variables();
    std::fs::read_to_string(Path::new(&variables["LANDBRIDGE_CONFIG"])).expect("a file")
}

/// Why all rows of the table were transferred on day 1.
async fn why(env: &TestEnv) -> String {
    let carried = env.ledger(&format!("{}/carried/", day(1))).await;
    carried.iter().map(|(_, it)| String::from_utf8_lossy(it).into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_delta_is_taken_away_gets_all_rows() {
    let without = "tables: {}\n";
    let history =
        "tables:\n  public.orders: { delta: { key: [o_orderkey] }, history: { days: 3 } }\n";
    for other in [without, history] {
        let mut orders = Orders::generate();
        let (env, _) = compared(&mut orders).await;
        env.deploy_config(&config(&env).replace(KEYED, other));
        for (function, minutes) in &NIGHT[EXPORTED + 1..] {
            assert!(env.tick(function, &time(1, *minutes)).await.is_response());
        }
        assert_eq!(receipt(&env, 1).await.delta, None);
        assert_rows(&env, &orders, other).await;
        let why = why(&env).await;
        assert!(why.contains("not wanted any more"), "{why}");
    }
}

/// By the new key, the changed row of one order is another order. Nothing that is counted would show it.
#[tokio::test(flavor = "multi_thread")]
async fn changes_by_another_key_are_not_merged() {
    let mut orders = Orders::generate();
    let keys: Vec<i64> = orders.rows.keys().take(2).copied().collect();
    let set = |orders: &mut Orders, key: i64, customer: &str| {
        orders.rows.get_mut(&key).expect("a row")[1] = Some(customer.to_owned());
    };
    set(&mut orders, keys[0], "1000001");
    set(&mut orders, keys[1], "1000002");
    let (env, database) = start(&orders, SKIP, KEYED).await;
    ticks(&env, 0, &NIGHT).await;
    set(&mut orders, keys[0], "1000002");
    database.set_table(orders.table()).expect("a table");
    ticks(&env, 1, &NIGHT[..=EXPORTED]).await;
    assert_eq!(env.ledger(&format!("{}/deltas/", day(1))).await.len(), 1, "{}", env.log_output());
    env.deploy_config(&config(&env).replace("[o_orderkey]", "[o_custkey]"));
    ticks(&env, 1, &NIGHT[EXPORTED + 1..]).await;
    assert_eq!(receipt(&env, 1).await.delta, None);
    assert_rows(&env, &orders, "another key").await;
    let why = why(&env).await;
    assert!(why.contains("its key was another one"), "{why}");
}

/// After the record of the changes is written, no call of the tick succeeds.
#[derive(Default)]
struct EndsAfterComparison(AtomicBool);

impl CallObserver for EndsAfterComparison {
    fn before(&self, _: ArrivedCall) -> BoxFuture<'static, Admission> {
        let ended = self.0.load(Ordering::SeqCst);
        Box::pin(async move { if ended { Admission::Reject(503) } else { Admission::Proceed } })
    }

    fn after(&self, call: ArrivedCall, _: u16) -> BoxFuture<'static, Delivery> {
        if call.request.starts_with("PUT") && call.request.contains("/deltas/") {
            self.0.store(true, Ordering::SeqCst);
        }
        Box::pin(async { Delivery::Send })
    }
}

/// The objects are measured by another deployment than the one that compared: the record of the rows would say that those which stay were
/// made by it too.
#[tokio::test(flavor = "multi_thread")]
async fn changes_that_another_deployment_compared_are_not_merged() {
    let mut orders = Orders::generate();
    let (env, database) = start(&orders, SKIP, KEYED).await;
    ticks(&env, 0, &NIGHT).await;
    orders.refresh();
    database.set_table(orders.table()).expect("a table");
    ticks(&env, 1, &NIGHT[..EXPORTED]).await;
    env.cloud.calls().set_observer(Arc::new(EndsAfterComparison::default()));
    let _ = env.tick("transfer", &time(1, 121)).await;
    env.cloud.calls().set_observer(Arc::new(Nothing));
    assert_eq!(env.ledger(&format!("{}/deltas/", day(1))).await.len(), 1, "{}", env.log_output());
    let open = "o_shippriority: { source: integer, type: INT64, class: none }";
    assert!(CONTRACT.contains(open));
    env.deploy_contract(&CONTRACT.replace(open, &open.replace("none", "name")));
    ticks(&env, 1, &NIGHT[EXPORTED + 1..]).await;
    assert_eq!(receipt(&env, 1).await.delta, None);
    assert_rows(&env, &orders, "another deployment").await;
    let why = why(&env).await;
    assert!(why.contains("version of Landbridge changed meanwhile"), "{why}");
}

/// A tick of the load dies between its claim and the statement, and a person writes the table before the next tick. Neither rows nor
/// bytes show it.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_written_after_its_claim_gets_all_rows() {
    let mut orders = Orders::generate();
    let (env, database) = compared(&mut orders).await;
    env.cloud.calls().start_recording();
    env.cloud.calls().clear_fault();
    ticks(&env, 1, &NIGHT[EXPORTED + 1..EXPORTED + 2]).await;
    let calls = env.cloud.calls().recorded_calls();
    let place = |found: &dyn Fn(&str) -> bool| calls.iter().position(|it| found(&it.request));
    let claim =
        place(&|it| it.starts_with("PUT") && it.contains("claims/orders")).expect("a claim");
    let is_job = |at: &usize| {
        calls[*at].request.starts_with("POST") && calls[*at].request.ends_with("/jobs")
    };
    // The estimate is before the claim.
    let merge = (claim..calls.len()).find(is_job);
    let merge = merge.expect("a statement");
    assert!(receipt(&env, 1).await.delta.is_some(), "{}", env.log_output());
    ticks(&env, 1, &NIGHT[EXPORTED + 2..]).await;
    let (mut n, mut full) = (2, 0);
    // Calls are numbered from 1, and the one that is disturbed takes effect: none is the statement itself.
    for number in claim + 2..=merge {
        orders.refresh();
        database.set_table(orders.table()).expect("a table");
        ticks(&env, n, &NIGHT[..=EXPORTED]).await;
        env.cloud
            .calls()
            .inject_fault(CallFault { call_number: number, kind: CallFaultKind::KillCaller });
        env.tick("load", &time(n, 126)).await;
        env.cloud.calls().clear_fault();
        env.cloud.clock().advance_to(at(&time(n, 127)));
        let sql = "UPDATE shop.orders SET o_shippriority = 7 WHERE o_custkey < 90";
        env.query(Loader, sql).await.expect("a change");
        ticks(&env, n, &NIGHT[EXPORTED + 2..]).await;
        full += u32::from(receipt(&env, n).await.delta.is_none());
        let sql = "SELECT COUNTIF(o_shippriority = 7) FROM shop.orders";
        let found = env.query(PiiReader, sql).await.expect("a number").concat();
        assert_eq!(found, ["0"], "call {number}: {}", calls[number - 1].request);
        assert_rows(&env, &orders, "all rows").await;
        n += 1;
    }
    println!("{full} of {} days transferred all rows", n - 2);
}

/// The first question for a job is not answered before `go`.
struct Late {
    go: Arc<Notify>,
    asked: Arc<Notify>,
    is_first: AtomicBool,
}

impl CallObserver for Late {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let asks = call.request.starts_with("GET") && call.request.contains("/jobs/");
        let is_late = asks && self.is_first.swap(false, Ordering::SeqCst);
        let (go, asked) = (self.go.clone(), self.asked.clone());
        Box::pin(async move {
            if is_late {
                asked.notify_one();
                go.notified().await;
            }
            Admission::Proceed
        })
    }
}

/// Another tick finds an object of the changes gone and has all rows transferred and loaded, while the first one still asks for its job.
#[tokio::test(flavor = "multi_thread")]
async fn an_overtaken_tick_neither_holds_the_table_nor_raises_an_alert() {
    let mut orders = Orders::generate();
    let (env, _) = compared(&mut orders).await;
    let (go, asked) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let late = Late { go: go.clone(), asked: asked.clone(), is_first: AtomicBool::new(true) };
    env.cloud.calls().set_observer(Arc::new(late));
    let others = async {
        asked.notified().await;
        for (name, _) in env.landing_objects() {
            if name.contains("changes-") && name.contains(&day(1)) {
                assert!(
                    env.cloud.google().delete_object(&env.cloud.config().transfer.bucket, &name)
                );
            }
        }
        for (function, minutes) in [("load", 127), ("transfer", 131), ("load", 136), ("load", 141)]
        {
            assert!(env.tick(function, &time(1, minutes)).await.is_response());
        }
        go.notify_one();
    };
    let first_time = time(1, 126);
    let (first, ()) = tokio::join!(env.tick("load", &first_time), others);
    assert!(first.is_response(), "{first:?}");
    assert_eq!(receipt(&env, 1).await.delta, None);
    assert_rows(&env, &orders, "all rows").await;
    assert!(env.ledger(&format!("{}/alerts/", day(1))).await.is_empty(), "{}", env.log_output());
    assert!(env.alerts("load").is_empty(), "{:?}", env.alerts("load"));
}

/// The estimate, which is the first job of a tick, is allowed, and the statement is refused, as by a quota of queries.
#[derive(Default)]
struct Refused(AtomicUsize);

impl CallObserver for Refused {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let is_job = call.request.starts_with("POST") && call.request.ends_with("/jobs");
        let refused = is_job && self.0.fetch_add(1, Ordering::SeqCst) == 1;
        Box::pin(async move { if refused { Admission::Reject(400) } else { Admission::Proceed } })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_refused_is_replaced_by_all_rows() {
    let mut orders = Orders::generate();
    let (env, _) = compared(&mut orders).await;
    env.cloud.calls().set_observer(Arc::new(Refused::default()));
    ticks(&env, 1, &NIGHT[EXPORTED + 1..]).await;
    assert_eq!(receipt(&env, 1).await.delta, None);
    assert_rows(&env, &orders, "all rows").await;
    assert!(env.ledger(&format!("{}/alerts/", day(1))).await.is_empty());
    let why = why(&env).await;
    assert!(why.contains("refuses to merge"), "{why}");
}
