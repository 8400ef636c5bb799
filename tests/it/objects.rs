//! Tables of many objects: what a load job reads, and how many round trips the transfer makes.
//!
//! The ticks run in this process: the objects that a load job can name are a setting of their context, and a
//! table of more than 10,000 objects would take minutes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use landbridge_core::contract;
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::redo::RedoRequest;
use landbridge_ledger::records;
use landbridge_local_database::{Engine, ExportQuirks, MemoryDatabase, MemoryTable};
use landbridge_local_google::{Grants, Role};
use landbridge_stages::deployment::Deployment;
use landbridge_stages::{Context, Tick, TickOutcome, load, transfer};
use landbridge_tests::explore::history::on_large_stack;

use crate::support::{TestEnv, TestEnvBuilder, at};

const DAY: &str = "2026-11-21";
const TOKEN: &str = "token-of-this-test";
const CONTRACT: &str = r#"version: 1
tables:
  "public.events":
    columns:
      id: { source: bigint, type: INT64, class: none }
      at: { source: timestamp with time zone, type: TIMESTAMP, class: none }
"#;
/// Rows of the table.
const ROWS: usize = 55;

/// Runs a test on a large stack: without optimisation, the futures of a tick are large.
fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send) {
    on_large_stack(|| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(test());
    });
}

/// A local cloud whose source has one table, exported in files of `rows_per_part` rows, and a context for
/// ticks in this process.
async fn exported(contract: &str, rows_per_part: usize) -> (TestEnv, Context) {
    let database = MemoryDatabase::new(Engine::postgres("16.4"), "shop");
    let events = MemoryTable::new("public", "events")
        .column("id", "bigint not null")
        .column("at", "timestamp with time zone")
        .rows((0..ROWS).map(|n| {
            vec![Some(n.to_string()), Some(format!("2026-11-{:02} 08:15:00+09", n % 20 + 1))]
        }));
    database.set_table(events).expect("a table");
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(database);
    builder.config = builder.config.replace("  concurrency: 1", "  concurrency: 4");
    builder.contract = contract.to_owned();
    let env = builder.build().await;
    let quirks = ExportQuirks { rows_per_part, ..ExportQuirks::default() };
    env.cloud.aws().set_export_quirks(quirks);
    for (stage, time) in [
        ("snapshot", "2026-11-20T16:00:00Z"),
        ("export", "2026-11-20T16:10:00Z"),
        ("export", "2026-11-20T16:40:00Z"),
    ] {
        let outcome = env.tick(stage, time).await;
        assert!(outcome.is_response(), "{stage}: {outcome:?}");
    }
    let config = env.cloud.config().clone();
    let (warehouse, bucket) = (&config.warehouse, &config.transfer.bucket);
    let grants = Grants::none()
        .project_role(Role::JobUser)
        .dataset_role(&warehouse.dataset, Role::DataOwner)
        .dataset_role(&warehouse.ops_dataset, Role::DataOwner)
        .bucket_role(bucket, Role::ObjectAdmin)
        .bucket_role(bucket, Role::LegacyBucketReader);
    env.cloud.google().add_principal(TOKEN, "functions@example.com", grants);
    let mut context = landbridge_tests::context::context(&env.cloud, &config, TOKEN).await;
    context.contract = contract::parse(contract::FILE_NAME, contract, &config).expect("a contract");
    context.deployment = Deployment::new(1, &config, &context.contract, env.cloud.policy_tags());
    (env, context)
}

fn tick(env: &TestEnv, time: &str) -> Tick {
    env.cloud.clock().advance_to(at(time));
    Tick::new(at(time), Duration::from_secs(120))
}

async fn transfer_and_load(env: &TestEnv, context: &Context, hour: u32) -> TickOutcome {
    let time = |minute: u32| format!("2026-11-20T{hour}:{minute:02}:00Z");
    transfer::tick(context, tick(env, &time(5))).await.expect("a transfer");
    load::tick(context, tick(env, &time(10))).await.expect("a load");
    load::tick(context, tick(env, &time(15))).await.expect("the end of the day")
}

fn parquet_objects(env: &TestEnv) -> Vec<String> {
    env.landing_objects().into_keys().filter(|name| name.ends_with(".parquet")).collect()
}

async fn receipt(env: &TestEnv) -> Receipt {
    env.receipts(DAY).await.remove("public.events").expect("a receipt")
}

async fn rows(env: &TestEnv) -> Vec<Vec<String>> {
    let sql = "SELECT COUNT(*), COUNT(DISTINCT id) FROM shop.events";
    env.query(landbridge_local::Principal::Analyst, sql).await.expect("rows")
}

/// A table of more objects than a load job can name is loaded by one name with a wildcard. Objects of other
/// plans lie where earlier versions put them, and beside the folder: none is read.
#[test]
fn exactly_the_planned_objects_of_a_large_table_are_loaded() {
    run(loads_exactly_the_planned_objects);
}

async fn loads_exactly_the_planned_objects() {
    let (env, mut context) = exported(CONTRACT, 10).await;
    context.max_load_uris = 3;
    transfer::tick(&context, tick(&env, "2026-11-20T17:05:00Z")).await.expect("a transfer");
    let planned = parquet_objects(&env);
    assert_eq!(planned.len(), 6, "{planned:?}");
    let folder = planned[0].rsplit_once('/').expect("a folder").0.to_owned();
    let google = env.cloud.google();
    let bucket = context.config.transfer.bucket.clone();
    let copy = |name: &str| {
        let bytes = google.read_object(&bucket, &planned[0]).expect("an object");
        google.put_object(&bucket, name, &bytes).expect("a copy");
    };
    // `-` separates the digest of the objects from the name that an earlier version gave to the folder.
    let (table, name) = folder.rsplit_once('/').expect("the table's folder");
    let former = format!("{table}/{}", name.split('-').next().unwrap_or(name));
    for name in [&former, &format!("{former}-00000000"), &format!("{folder}-r3")] {
        copy(&format!("{name}/00007.parquet"));
    }
    transfer_and_load(&env, &context, 18).await;
    let loaded = receipt(&env).await;
    assert_eq!(loaded.state, ReceiptState::Published, "{:?}", loaded.problem);
    assert_eq!((loaded.rows_loaded, loaded.rows_table), (Some(55), Some(55)));
    assert_eq!(rows(&env).await, [["55", "55"]]);

    // Another plan of the same day: its objects lie beside the former ones.
    let day = DAY.parse().expect("a day");
    let request = RedoRequest {
        number: 1,
        tables: None,
        export: false,
        accept_audits: false,
        backfill: false,
        requested_at: at("2026-11-20T19:00:00Z"),
    };
    let written = context.ledger.source().create(&records::redo(day, 1), &request).await;
    written.expect("a request");
    transfer_and_load(&env, &context, 19).await;
    let again = receipt(&env).await;
    assert_eq!((again.state, again.redo), (ReceiptState::Published, 1), "{:?}", again.problem);
    assert_eq!(rows(&env).await, [["55", "55"]]);
    assert_eq!(parquet_objects(&env).len(), 6 + 3 + 6);
}

/// The wildcard is in use: what another program writes into the folder itself is read, and the rows do not add
/// up. The table is held, and is not published with rows that the plan does not have.
#[test]
fn an_object_that_is_not_of_the_plan_in_the_folder_of_a_large_table_holds_it() {
    run(holds_a_table_with_another_object);
}

async fn holds_a_table_with_another_object() {
    let (env, mut context) = exported(CONTRACT, 10).await;
    context.max_load_uris = 3;
    transfer::tick(&context, tick(&env, "2026-11-20T17:05:00Z")).await.expect("a transfer");
    let planned = parquet_objects(&env);
    let folder = planned[0].rsplit_once('/').expect("a folder").0;
    let (google, bucket) = (env.cloud.google(), &context.config.transfer.bucket);
    let bytes = google.read_object(bucket, &planned[0]).expect("an object");
    google.put_object(bucket, &format!("{folder}/00007.parquet"), &bytes).expect("a copy");
    transfer_and_load(&env, &context, 18).await;
    let held = receipt(&env).await;
    assert_eq!(held.state, ReceiptState::Held);
    let problem = held.problem.expect("a problem").to_string();
    assert!(problem.contains("55 planned, 65 loaded"), "{problem}");
}

/// What was counted in the objects of a table before their transfer is read many records at a time.
#[test]
fn the_records_of_scans_are_read_at_the_same_time() {
    run(reads_scans_at_the_same_time);
}

async fn reads_scans_at_the_same_time() {
    const LATENCY: Duration = Duration::from_millis(100);
    let contract = CONTRACT.replace("type: TIMESTAMP,", "type: TIMESTAMP, on_misfit: keep_text,");
    let (env, context) = exported(&contract, 1).await;
    transfer::tick(&context, tick(&env, "2026-11-20T17:05:00Z")).await.expect("a transfer");
    assert_eq!(env.ledger(&format!("{DAY}/scans/")).await.len(), ROWS);
    // A tick ended after it had counted all objects, and before it recorded what follows from them.
    let bucket = &context.config.export.bucket;
    let decision = env.ledger(&format!("{DAY}/text-columns/")).await;
    let item = env.ledger(&format!("{DAY}/items/")).await;
    for (key, _) in decision.iter().chain(item.first()) {
        assert!(env.cloud.aws().delete_object(bucket, key).await);
    }
    let next = tick(&env, "2026-11-20T17:10:00Z");
    env.cloud.calls().set_latency(LATENCY);
    env.cloud.calls().start_recording();
    let begun = Instant::now();
    let outcome = transfer::tick(&context, next).await.expect("a transfer");
    let elapsed = begun.elapsed();
    env.cloud.calls().set_latency(Duration::ZERO);
    let calls = env.cloud.calls().recorded_calls();
    let scans = calls.iter().filter(|call| format!("{call:?}").contains("/scans/")).count();
    println!("{scans} of {} calls read scans, in {elapsed:?}", calls.len());
    assert_eq!(scans, ROWS, "{}", outcome.message);
    assert_eq!(env.ledger(&format!("{DAY}/items/")).await.len(), ROWS);
    // One after the other, the scans alone would take this long.
    assert!(elapsed < LATENCY * u32::try_from(ROWS).expect("few rows"), "{elapsed:?}");
}
