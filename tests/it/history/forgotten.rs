//! A person is forgotten in histories and tables of former names, and what is not reached is said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use landbridge_local::Principal::Loader;
use landbridge_local_aws::LocalAws;
use landbridge_local_database::MemoryTable;
use landbridge_local_wire::monitor::{Admission, ArrivedCall, CallObserver, Delivery};
use serde_json::{Value, json};

use super::{Nothing, builder, command, day, kept, night, people_table, record, run_night, time};
use crate::support::{SMALL_CONTRACT, TestEnv};

const FORGET: [&str; 5] = ["forget", "public.people", "id=2", "--reason", "ticket 4211"];

fn confirmed() -> Vec<&'static str> {
    [&FORGET[..], &["--yes"]].concat()
}

/// The rows of the person in each table.
async fn rows(env: &TestEnv, tables: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    for table in tables {
        let sql = format!("SELECT COUNTIF(id = 2) FROM shop.{table}");
        all.extend(env.query(Loader, &sql).await.expect("a number").concat());
    }
    all
}

const ONE: [Option<&str>; 4] = [Some("1"), Some("김민준"), Some("minjun@example.com"), None];

/// A table got another name in BigQuery. Nothing writes the former one and its history any more, and rows of a person in them
/// stay until a person deletes these tables: the record says so.
#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_former_name_are_named_until_a_person_deletes_them() {
    let (builder, database) = builder(30);
    let env = builder.build().await;
    night(&env, 0).await;
    let table = "\"public.people\":\n    columns:";
    let renamed = "\"public.people\":\n    table: persons\n    columns:";
    assert!(SMALL_CONTRACT.contains(table));
    env.deploy_contract(&SMALL_CONTRACT.replace(table, renamed));
    database.set_table(people_table(&[ONE])).expect("a table");
    run_night(&env, 1).await;
    let shown = command(&env, &FORGET, 0);
    let parts = [
        format!("the rows of {} in BigQuery's table people, whose columns are closed", day(0)),
        format!("the rows of {} in BigQuery's table people_history, whose columns", day(0)),
    ];
    parts.iter().for_each(|part| assert!(shown.contains(part), "`{part}` is not in: {shown}"));
    let done = command(&env, &confirmed(), 0);
    parts.iter().for_each(|part| assert!(done.contains(part), "`{part}` is not in: {done}"));
    assert_eq!(rows(&env, &["persons", "persons_history"]).await, ["0", "0"], "{done}");
    assert!(done.contains("history of jobs"), "{done}");
    for table in ["people", "people_history"] {
        env.query(Loader, &format!("DROP TABLE shop.{table}")).await.expect("no table");
    }
    let shown = command(&env, &FORGET, 0);
    assert!(!shown.contains("not reached"), "{shown}");
}

/// From the moment at which the load has claimed the history of `people`, its jobs cannot be asked for.
#[derive(Default)]
struct JobsUnknown(AtomicBool);

impl CallObserver for JobsUnknown {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        if call.request.starts_with("PUT") && call.request.contains("history/people_history") {
            self.0.store(true, Ordering::SeqCst);
        }
        let refused = self.0.load(Ordering::SeqCst) && call.request.contains("/jobs/");
        Box::pin(async move { if refused { Admission::Reject(503) } else { Admission::Proceed } })
    }
}

/// The first partition of a history is written, and nothing has proven it yet: no day is recorded as kept, so no condition would be found.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_forgotten_while_the_first_day_of_a_history_may_be_loading() {
    let (builder, database) = builder(30);
    let env = builder.build().await;
    env.cloud.calls().set_observer(Arc::new(JobsUnknown::default()));
    run_night(&env, 0).await;
    assert!(!record(&env, 0, "public.people").await.is_some_and(|it| it.is_kept()));
    let claims = env.ledger("history/people_history").await;
    let claim: Value = serde_json::from_slice(&claims[0].1).expect("JSON");
    assert!(claim["loading"].is_object() && claim["kept"].is_null(), "{claim}");
    database.set_table(people_table(&[ONE])).expect("a table");
    for (function, minutes) in
        [("snapshot", 60), ("export", 70), ("export", 100), ("transfer", 121)]
    {
        assert!(env.tick(function, &time(1, minutes)).await.is_response());
    }
    let refused = command(&env, &confirmed(), 1);
    assert!(refused.contains("may be writing people_history"), "{refused}");
    assert!(env.ledger("forgotten/").await.is_empty());
    env.cloud.calls().set_observer(Arc::new(Nothing));
    assert!(env.tick("load", &time(1, 126)).await.is_response());
    assert!(env.tick("load", &time(1, 131)).await.is_response());
    kept(&env, 0, "public.people").await;
    let done = command(&env, &confirmed(), 0);
    assert_eq!(rows(&env, &["people", "people_history"]).await, ["0", "0"], "{done}");
}

/// Once the command has written its record, a load that was already running claims the history.
struct LateLoad {
    aws: LocalAws,
    claim: Bytes,
}

const CLAIM: &str = "ledger/shop/history/people_history.json";

impl CallObserver for LateLoad {
    fn after(&self, call: ArrivedCall, _: u16) -> BoxFuture<'static, Delivery> {
        let (aws, claim) = (self.aws.clone(), self.claim.clone());
        let is_begin = call.request.starts_with("PUT") && call.request.contains("/forgotten/");
        Box::pin(async move {
            if is_begin {
                aws.put_object("shop-exports", CLAIM, claim).await.expect("a claim");
            }
            Delivery::Send
        })
    }
}

/// The record has no end while rows may come back: the command counts once more after everything is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_began_before_the_record_keeps_it_open() {
    let (builder, database) = builder(30);
    let env = builder.build().await;
    night(&env, 0).await;
    database.set_table(people_table(&[ONE])).expect("a table");
    night(&env, 1).await;
    // Nothing is left to delete, so only the last count looks at the history after the record was written.
    command(&env, &confirmed(), 0);
    let quiet = env.ledger("history/people_history").await[0].1.clone();
    let main = env.ledger("claims/people").await;
    let main: Value = serde_json::from_slice(&main[0].1).expect("JSON");
    let mut claim: Value = serde_json::from_slice(&quiet).expect("JSON");
    claim["loading"] = main["loaded"].clone();
    let (aws, claim) = (env.cloud.aws().clone(), Bytes::from(claim.to_string()));
    env.cloud.calls().set_observer(Arc::new(LateLoad { aws, claim }));
    let refused = command(&env, &confirmed(), 1);
    assert!(refused.contains("may be writing people_history"), "{refused}");
    let records = env.ledger("forgotten/").await;
    let record: Value = serde_json::from_slice(&records[1].1).expect("JSON");
    assert!(record["finished_at"].is_null(), "{record}");
    env.cloud.calls().set_observer(Arc::new(Nothing));
    let put = env.cloud.aws().put_object("shop-exports", CLAIM, quiet).await;
    put.expect("the claim");
    command(&env, &confirmed(), 0);
    assert_eq!(rows(&env, &["people", "people_history"]).await, ["0", "0"]);
}

/// PostgreSQL's partitions are exported beside the table, with its rows once more. Their files are not deleted, and are named.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_partitions_are_named() {
    let (builder, database) = builder(30);
    let env = builder.build().await;
    let partition = |rows: &[[Option<&str>; 4]]| {
        let table = MemoryTable::new("public", "people_2026")
            .column("id", "bigint not null")
            .column("name", "character varying(80)")
            .column("email", "character varying(120)")
            .column("secret", "text");
        rows.iter().fold(table, |table, row| table.row(*row))
    };
    let two = [Some("2"), Some("Ada Example"), Some("ada@example.org"), None];
    for (n, rows) in [(0, &[ONE, two][..]), (1, &[ONE])] {
        database.set_table(people_table(rows)).expect("a table");
        database.set_table(partition(rows)).expect("a partition");
        run_night(&env, n).await;
    }
    let done = command(&env, &confirmed(), 0);
    assert!(done.contains("files of the table's partitions in older exports"), "{done}");
}

/// On an earlier day, the column of the key stayed in AWS: rows of the person are there without it.
#[tokio::test(flavor = "multi_thread")]
async fn days_without_the_column_are_named() {
    let (builder, database) = builder(30);
    let env = builder.build().await;
    let id = "id: { source: bigint, type: INT64, class: none }\n      name";
    let dropped = "id: { source: bigint, type: INT64, class: none, transform: drop }\n      name";
    assert!(SMALL_CONTRACT.contains(id));
    env.deploy_contract(&SMALL_CONTRACT.replace(id, dropped));
    night(&env, 0).await;
    env.deploy_contract(SMALL_CONTRACT);
    database.set_table(people_table(&[ONE])).expect("a table");
    run_night(&env, 1).await;
    kept(&env, 1, "public.people").await;
    let done = command(&env, &confirmed(), 0);
    let named = format!(
        "the rows of {} in BigQuery's table people_history, where the column is missing",
        day(0)
    );
    assert!(done.contains(&named), "{done}");
}

/// Without `proof` no record says of which key it is. A second person must not end the record of the first.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_hash_each_command_has_a_record_of_its_own() {
    let (builder, database) = builder(30);
    let env = builder.build().await;
    night(&env, 0).await;
    database.set_table(people_table(&[ONE])).expect("a table");
    night(&env, 1).await;
    command(&env, &confirmed(), 0);
    let records = env.ledger("forgotten/").await;
    let mut open: Value = serde_json::from_slice(&records[0].1).expect("JSON");
    assert!(open["key_hash"].is_null() && open["finished_at"].is_string(), "{open}");
    // As if it had been interrupted.
    open.as_object_mut().expect("an object").remove("finished_at");
    let put = env.cloud.aws();
    let put = put.put_object(
        "shop-exports",
        "ledger/shop/forgotten/00000001.json",
        open.to_string().into(),
    );
    put.await.expect("a record");
    command(&env, &["forget", "public.people", "id=3", "--reason", "ticket 4211", "--yes"], 0);
    let records = env.ledger("forgotten/").await;
    let ends = records.iter().map(|(_, it)| serde_json::from_slice::<Value>(it).expect("JSON"));
    let ends: Vec<bool> = ends.map(|it| it["finished_at"].is_string()).collect();
    assert_eq!(ends, [false, true]);
}

/// A day that was exported and never planned: its first plan would be made of the files that are left.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_was_never_planned_is_not_done_after_rows_were_forgotten() {
    let (builder, _) = builder(30);
    let env = builder.build().await;
    for (function, minutes) in [("snapshot", 60), ("export", 70), ("export", 100)] {
        assert!(env.tick(function, &time(0, minutes)).await.is_response());
    }
    let record = json!({
        "number": 1, "source_table": "public.people", "column": "id", "reason": "ticket 4211",
        "begun_at": time(1, 300), "absent_on": day(1), "finished_at": time(1, 300),
    });
    let aws = env.cloud.aws();
    let key = "ledger/shop/forgotten/00000001.json";
    aws.put_object("shop-exports", key, record.to_string().into()).await.expect("a record");
    for more in [&["--yes"][..], &["--export", "--yes"]] {
        let refused = command(&env, &[&["redo", &day(0)], more].concat(), 1);
        assert!(refused.contains("was never planned") && refused.contains("00000001"), "{refused}");
    }
    assert!(env.ledger("redo/").await.is_empty());
}

/// While the load claims the history of `people`, rows of the table are forgotten.
struct ForgottenMeanwhile {
    aws: LocalAws,
    record: Bytes,
}

impl CallObserver for ForgottenMeanwhile {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let (aws, record) = (self.aws.clone(), self.record.clone());
        let is_claim =
            call.request.starts_with("PUT") && call.request.contains("history/people_history");
        Box::pin(async move {
            if is_claim {
                let key = "ledger/shop/forgotten/00000001.json";
                aws.put_object("shop-exports", key, record).await.expect("a record");
            }
            Admission::Proceed
        })
    }
}

/// The load read what is forgotten before the command wrote its record, and claims the history after the command's last
/// count: only the load can see it.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_claims_after_the_last_count_keeps_no_day_from_before() {
    let (builder, database) = builder(30);
    let env = builder.build().await;
    let record_of_a_person = json!({
        "number": 1, "source_table": "public.people", "column": "id", "reason": "ticket 4211",
        "begun_at": time(0, 125), "absent_on": day(1), "finished_at": time(0, 126),
    });
    let (aws, bytes) = (env.cloud.aws().clone(), Bytes::from(record_of_a_person.to_string()));
    env.cloud.calls().set_observer(Arc::new(ForgottenMeanwhile { aws, record: bytes }));
    run_night(&env, 0).await;
    env.cloud.calls().set_observer(Arc::new(Nothing));
    assert_eq!(env.ledger("forgotten/").await.len(), 1, "the load claimed the history");
    assert!(!record(&env, 0, "public.people").await.is_some_and(|it| it.is_kept()));
    let claims = env.ledger("history/people_history").await;
    let claim: Value = serde_json::from_slice(&claims[0].1).expect("JSON");
    assert!(claim["loading"].is_null() && claim["kept"].is_null(), "{claim}");
    database.set_table(people_table(&[ONE])).expect("a table");
    night(&env, 1).await;
    kept(&env, 1, "public.people").await;
    assert_eq!(rows(&env, &["people_history"]).await, ["0"]);
}
