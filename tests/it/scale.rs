//! Many tables: a tick's calls follow what is open, a tick ends when its time ends and the next one goes on,
//! and the load jobs of all tables run at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use landbridge_core::receipt::ReceiptState;
use landbridge_local::InvocationOutcome;
use landbridge_local_database::{Engine, MemoryDatabase, MemoryTable};

use crate::support::{TestEnv, TestEnvBuilder};

const DAY: &str = "2026-11-21";
const TRANSFER: &str = "2026-11-20T17:05:00Z";

/// `tables` tables of one row, none of which is a partition of another.
fn database(tables: usize) -> MemoryDatabase {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    for number in 0..tables {
        let table = MemoryTable::new("public", &format!("t{number:03}"))
            .column("id", "bigint not null")
            .column("email", "character varying(120)")
            .row([Some("1"), Some("ada@example.org")]);
        database.set_table(table).expect("a table");
    }
    database
}

fn contract(tables: usize) -> String {
    let table = |number| {
        format!(
            "  \"public.t{number:03}\":\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n      \
             email: {{ source: character varying, type: STRING, class: email }}\n"
        )
    };
    format!("version: 1\ntables:\n{}", (0..tables).map(table).collect::<String>())
}

fn builder(tables: usize) -> TestEnvBuilder {
    let mut builder = TestEnvBuilder::demo(Arc::new(database(tables)));
    builder.config = builder.config.replacen("  views: { dataset: shop_views }\n", "", 1);
    builder.contract = contract(tables);
    builder
}

/// Exports the day: what precedes the first tick of the transfer.
async fn export(env: &TestEnv) {
    for (stage, time) in [
        ("snapshot", "2026-11-20T16:00:00Z"),
        ("export", "2026-11-20T16:10:00Z"),
        ("export", "2026-11-20T16:40:00Z"),
    ] {
        let outcome = env.tick(stage, time).await;
        assert!(outcome.is_response(), "{stage}: {outcome:?}");
    }
}

/// Progress and message of a tick.
fn response(outcome: &InvocationOutcome) -> (&str, &str) {
    let InvocationOutcome::Response(value) = outcome else { panic!("{outcome:?}") };
    (value["progress"].as_str().unwrap(), value["message"].as_str().unwrap())
}

/// A tick, and how many calls it makes.
async fn counted(env: &TestEnv, stage: &str, time: &str) -> (InvocationOutcome, usize) {
    env.cloud.calls().clear_fault();
    let outcome = env.tick(stage, time).await;
    (outcome, env.cloud.calls().count())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_idle_ticks_of_a_published_day_make_a_handful_of_calls() {
    const TABLES: usize = 60;
    let env = builder(TABLES).build().await;
    export(&env).await;
    for stage in ["transfer", "load"] {
        let outcome = env.tick(stage, TRANSFER).await;
        assert_eq!(response(&outcome).0, "done", "{stage}: {outcome:?}");
    }
    // The first one adds the receipts of the tick before to the index.
    env.tick("load", "2026-11-20T17:10:00Z").await;
    for (stage, at_most) in [("transfer", 8), ("load", 12)] {
        let (outcome, calls) = counted(&env, stage, "2026-11-20T17:15:00Z").await;
        assert_eq!(response(&outcome).0, "done", "{stage}: {outcome:?}");
        assert!(calls <= at_most, "{stage}: {calls} calls for {TABLES} tables");
    }
    // A contract that asks for another transfer applies from the next day: nothing is planned again.
    env.deploy_contract(&contract(TABLES).replace(
        "email: { source: character varying, type: STRING, class: email }",
        "email: { source: character varying, type: STRING, class: email, transform: tokenise }",
    ));
    let (outcome, calls) = counted(&env, "transfer", "2026-11-20T17:20:00Z").await;
    assert_eq!(response(&outcome).0, "done", "{outcome:?}");
    assert!(calls <= 12, "{calls} calls after a change of the contract");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_is_only_an_index() {
    let env = builder(6).build().await;
    export(&env).await;
    for stage in ["transfer", "load", "load"] {
        let outcome = env.tick(stage, TRANSFER).await;
        assert!(outcome.is_response(), "{outcome:?}");
    }
    let before = env.end_state(DAY).await;
    let bucket = env.cloud.config().export.bucket.clone();
    let folder = format!("ledger/shop/{DAY}");
    // A receipt is deleted by hand, and the index still has it: the table is published again.
    let aws = env.cloud.aws();
    aws.delete_object(&bucket, &format!("{folder}/receipts/t003.json")).await;
    env.tick("load", "2026-11-20T17:10:00Z").await;
    assert_eq!(env.receipts(DAY).await["public.t003"].state, ReceiptState::Published);
    // Then the whole folder but what was exported.
    for object in aws.list_objects(&bucket, &format!("{folder}/")).await {
        aws.delete_object(&bucket, &object.key).await;
    }
    for (stage, time) in [
        ("export", "2026-11-20T17:15:00Z"),
        ("transfer", "2026-11-20T17:15:00Z"),
        ("load", "2026-11-20T17:15:00Z"),
        ("load", "2026-11-20T17:20:00Z"),
    ] {
        let outcome = env.tick(stage, time).await;
        assert!(outcome.is_response(), "{stage}: {outcome:?}");
    }
    let after = env.end_state(DAY).await;
    let rows = |state: &std::collections::BTreeMap<String, String>| {
        let rows = state.iter().filter(|(name, _)| name.starts_with("rows of "));
        rows.map(|(name, rows)| (name.clone(), rows.clone())).collect::<Vec<_>>()
    };
    assert_eq!(rows(&before), rows(&after));
    assert_eq!(env.receipts(DAY).await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_ends_with_its_tick_and_the_next_tick_goes_on() {
    const TABLES: usize = 40;
    let undisturbed = builder(TABLES).build().await;
    export(&undisturbed).await;
    undisturbed.tick("transfer", TRANSFER).await;
    undisturbed.tick("load", TRANSFER).await;

    let mut builder = builder(TABLES);
    builder.config = builder.config.replace("concurrency: 4", "concurrency: 1");
    let env = builder.build().await;
    export(&env).await;
    // Two seconds, less the quarter in which nothing is begun: the function reserves five.
    env.cloud.functions().set_timeout(Duration::from_secs(7));
    env.cloud.calls().set_latency(Duration::from_millis(40));
    let mut messages = Vec::new();
    for _ in 0..60 {
        let started = Instant::now();
        let outcome = env.tick("transfer", TRANSFER).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        let (progress, message) = response(&outcome);
        if progress == "done" || message.contains("objects transferred") {
            break;
        }
        assert_eq!(progress, "partial", "{message}");
        messages.push(message.to_owned());
    }
    assert!(messages.len() >= 2, "the day was planned at once: {messages:?}");
    assert!(messages[0].contains(" of 40 tables are "), "{messages:?}");
    let planned = |message: &&String| message.contains("planned");
    assert!(messages.iter().any(|message| planned(&message)), "{messages:?}");
    assert_eq!(env.ledger(&format!("{DAY}/plan.json")).await.len(), 1, "{messages:?}");

    env.cloud.calls().set_latency(Duration::ZERO);
    env.cloud.functions().set_timeout(Duration::from_secs(300));
    for stage in ["transfer", "load", "load"] {
        let outcome = env.tick(stage, "2026-11-20T17:10:00Z").await;
        assert!(outcome.is_response(), "{outcome:?}");
    }
    let plans = |env: &TestEnv| env.landing_objects().into_keys().collect::<Vec<_>>();
    assert_eq!(plans(&env), plans(&undisturbed));
    let rows = async |env: &TestEnv| {
        let receipts = env.receipts(DAY).await.into_values();
        receipts.map(|it| (it.source_table, it.state, it.rows_table)).collect::<Vec<_>>()
    };
    assert_eq!(rows(&env).await, rows(&undisturbed).await);
    assert_eq!(env.receipts(DAY).await.len(), TABLES);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_jobs_of_all_tables_run_at_once() {
    const TABLES: usize = 30;
    let mut builder = builder(TABLES);
    builder.config = builder.config.replace("max_attempts: 4", "max_attempts: 4\n  concurrency: 2");
    let env = builder.build().await;
    export(&env).await;
    // A tick that waits a moment for its jobs: proving needs twenty seconds, and the function five.
    env.cloud.functions().set_timeout(Duration::from_secs(28));
    assert_eq!(response(&env.tick("transfer", TRANSFER).await).0, "done");
    let google = env.cloud.google();
    for _ in 0..TABLES {
        google.hold_next_job();
    }
    let outcome = env.tick("load", TRANSFER).await;
    assert_eq!(response(&outcome), ("partial", "30 of 30 tables of 2026-11-21 are open"));
    let jobs = google.held_jobs();
    assert_eq!(jobs.len(), TABLES, "all jobs are inserted, though two tables are at work at once");
    assert!(env.receipts(DAY).await.is_empty());
    for job in jobs {
        google.release_job(&job).await.expect("a job that was held");
    }
    let outcome = env.tick("load", "2026-11-20T17:10:00Z").await;
    assert_eq!(response(&outcome).0, "done", "{outcome:?}");
    let receipts = env.receipts(DAY).await;
    assert_eq!(receipts.len(), TABLES);
    assert!(receipts.values().all(|it| it.state == ReceiptState::Published), "{receipts:#?}");
    // Each table was loaded by the job that was inserted first.
    assert_eq!(google.job_ids().iter().filter(|id| id.contains("-t0")).count(), TABLES);
    assert!(env.exposed_columns(&[]).iter().all(|column| column.ends_with(".id")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protection_pass_ends_with_its_tick_and_the_next_one_goes_on() {
    const TABLES: usize = 30;
    let mut builder = builder(TABLES);
    builder.config = builder.config.replace("max_attempts: 4", "max_attempts: 4\n  concurrency: 1");
    let env = builder.build().await;
    export(&env).await;
    for stage in ["transfer", "load"] {
        let outcome = env.tick(stage, TRANSFER).await;
        assert_eq!(response(&outcome).0, "done", "{stage}: {outcome:?}");
    }
    assert_eq!(env.receipts(DAY).await.len(), TABLES);
    env.deploy_contract(&contract(TABLES).replace("class: email", "class: name"));
    env.cloud.calls().set_latency(Duration::from_millis(30));
    // A second for the pass: the function reserves five seconds.
    env.cloud.functions().set_timeout(Duration::from_secs(6));
    let tags = |column: &str| {
        let tag = |table: String| {
            let resource = env.cloud.google().table_resource("shop", &table).expect("a table");
            let fields = resource["schema"]["fields"].as_array().expect("columns").clone();
            let field = fields.into_iter().find(|field| field["name"] == column).expect("a column");
            field["policyTags"]["names"][0].as_str().unwrap_or_default().to_owned()
        };
        env.cloud.google().table_ids("shop").into_iter().map(tag).collect::<Vec<_>>()
    };
    let name = env.cloud.policy_tags()["name"].clone();
    let mut partial = 0;
    for minute in 15..60 {
        let time = format!("2026-11-20T17:{minute}:00Z");
        let outcome = env.tick("protect", &time).await;
        let (progress, message) = response(&outcome);
        if progress != "partial" {
            break;
        }
        assert!(message.contains("is not in force yet: "), "{message}");
        partial += 1;
    }
    assert!(partial >= 1, "the pass was finished in one tick");
    assert!(tags("email").iter().all(|tag| *tag == name), "{:?}", tags("email"));
}
