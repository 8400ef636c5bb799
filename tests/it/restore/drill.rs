//! Receipts, drills, status, pins.

use super::rows::{client, database_url, source_rows, start_with_postgres};
use super::*;

/// The test creates the contract's tables, so their types are known.
pub(super) const CONTRACT: &str = "version: 1\ntables:\n  public.people:\n    columns:\n      id: { source: bigint, \
     type: INT64, class: none }\n      name: { source: text, type: STRING, class: name }\n  \
     public.orders:\n    columns:\n      id: { source: bigint, type: INT64, class: none }\n      \
     person: { source: bigint, type: INT64, class: none }\n";
const TABLES: &str = "
    CREATE TABLE people (id bigint, name text);
    CREATE TABLE orders (id bigint, person bigint);
    INSERT INTO people SELECT n, 'person ' || n FROM generate_series(1, 120) n;
    INSERT INTO orders SELECT n, n % 120 FROM generate_series(1, 1000) n";
pub(super) const DAY: &str = "2026-11-22";
pub(super) const JSON: [&str; 3] = ["--yes", "--output", "json"];

/// A real database with one published day: 22 November, exported at one o'clock.
async fn start_with_published_day()
-> (landbridge_local_database::TestPostgres, tokio_postgres::Client, TestEnv) {
    let (server, shop, env) = start_with_postgres(TABLES, Some(CONTRACT.to_owned())).await;
    env.cloud.skip_until(at("2026-11-21T15:50:00Z"));
    let failed = env.run_until("2026-11-21T17:30:00Z").await;
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(env.receipts(DAY).await.len(), 2);
    (server, shop, env)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_names_its_snapshot_and_can_be_restored() {
    let (_server, shop, env) = start_with_published_day().await;
    shop.batch_execute("DELETE FROM people WHERE id > 7")
        .await
        .expect("a later change of the source");
    snapshot(&env, "2026-11-21T18:00:00Z").await;
    let receipt = run(&env, &["receipt", DAY]).await;
    let id = "landbridge-shop-20261121t1600z";
    assert!(receipt.out.contains(&format!("from {id} of 2026-11-22 01:00 KST")), "{}", receipt.out);
    let args = [&["restore", "--from-receipt", DAY, "--as", "shop-restored"][..], &JSON].concat();
    let output = run(&env, &args).await.json();
    assert_eq!(output["plan"]["origin"]["snapshot"], id);
    let restored = client(&database_url(&output["outcome"])).await;
    let rows = source_rows(&restored, "people").await;
    assert_eq!(rows.len() as u64, env.receipts(DAY).await["public.people"].rows_footer);
}

/// Runs a drill with a database URL whose host and port do not exist.
async fn drill(env: &TestEnv, args: &[&str]) -> CommandOutput {
    let args = [&["drill"][..], args, &JSON].concat();
    let mut command = command(env, &args);
    command.env("SHOP_URL", "postgres://landbridge@nowhere:1/shop");
    finish_command(env, command).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_is_checked_and_timed_and_cleans_up() {
    let (_server, shop, env) = start_with_published_day().await;
    let none = run(&env, &["status"]).await;
    assert!(none.out.contains("not measured"), "{}", none.out);
    let count = ["--database-url-env", "SHOP_URL"];
    let good = drill(&env, &count).await.json();
    assert_eq!(good["drill"]["good"], true, "{good:#}");
    assert_eq!((&good["drill"]["tables"], &good["drill"]["day"]), (&2.into(), &DAY.into()));
    let aws = env.cloud.aws();
    assert!(
        aws.describe_database(DatabaseKind::Instance, "shop-prod-drill").is_none(),
        "the drill's database is deleted"
    );
    assert_eq!(env.ledger("drills/").await.len(), 1);

    // With the day's own snapshot, a single missing row is detected.
    let id = good["drill"]["snapshot"].as_str().expect("a snapshot");
    assert_eq!(id, "landbridge-shop-20261121t1700z");
    let exact = drill(&env, &[&count[..], &["--from-receipt", DAY]].concat()).await.json();
    assert_eq!(exact["drill"]["good"], true, "{exact:#}");
    // A newer snapshot may have fewer rows, but not only a fraction of them.
    shop.batch_execute("DELETE FROM orders WHERE id > 10").await.expect("an accident");
    snapshot(&env, "2026-11-21T20:00:00Z").await;
    let bad = drill(&env, &count).await;
    bad.assert_fails(1, &["the drill failed", "public.orders: 1,000 in the receipt, 10"]);
    assert!(
        aws.describe_database(DatabaseKind::Instance, "shop-prod-drill").is_none(),
        "the drill's database is deleted"
    );

    let status = run(&env, &["status", "--output", "json"]).await.json();
    assert_eq!(status["last_day"]["day"], DAY);
    assert_eq!(status["last_day"]["published"], true);
    assert_eq!(status["drills"].as_array().map(Vec::len), Some(3));
    let text = run(&env, &["status"]).await.out;
    for part in
        ["recovery time", "measured", "in the last 2 good drills", "the newest drill failed"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_databases_with_the_tag_of_a_drill_are_deleted() {
    let env = start_env().await;
    let aws = env.cloud.aws();
    let sdk = sdk(&env);
    let call =
        sdk.create_db_instance().db_instance_identifier("shop-prod-drill").engine("postgres");
    call.db_instance_class("db.t4g.micro").send().await.expect("another owner's database");
    drill(&env, &["--without-rows"])
        .await
        .assert_fails(1, &["does not carry the tag", "left alone"]);
    assert!(aws.describe_database(DatabaseKind::Instance, "shop-prod-drill").is_some());
    drill(&env, &["--clean-up"]).await.assert_fails(1, &["left alone"]);
    assert!(aws.describe_database(DatabaseKind::Instance, "shop-prod-drill").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_drill_is_cleaned_up() {
    let env = start_env().await;
    let aws = env.cloud.aws();
    aws.update_settings(DatabaseKind::Instance, SOURCE, |it| it.deletion_protection = true);
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    let exists = || aws.describe_database(DatabaseKind::Instance, "shop-prod-drill").is_some();
    // Ctrl-C: the drill deletes its database, and says what to do if it is killed meanwhile.
    let args = ["drill", "--without-rows", "--yes"];
    let child = signal_when(&env, &args, "-INT", exists).await;
    let output = while_time_passes(&env, child.wait_with_output()).await.expect("an end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("landbridge drill --clean-up") && !exists(), "{said}");
    kill_drill(&env).await;
    // Another drill does not delete it: it may belong to another operator.
    let second = drill(&env, &["--without-rows"]).await;
    second.assert_fails(1, &["shop-prod-drill exists since", "landbridge drill --clean-up"]);
    assert!(exists());
    let cleaned = run(&env, &["drill", "--clean-up"]).await;
    assert_eq!(cleaned.code, 0, "{}", cleaned.err);
    assert!(!exists());
    assert!(env.ledger("drills/").await.is_empty(), "no drill was recorded");
    assert_eq!(drill(&env, &["--without-rows"]).await.json()["drill"]["tables"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_snapshot_is_not_pruned() {
    let mut builder = TestEnvBuilder::small();
    builder.start = at(NOON);
    for (most, least) in
        [("hourly: 48", "hourly: 2"), ("daily: 14", "daily: 1"), ("weekly: 4", "weekly: 1")]
    {
        builder.config = builder.config.replace(most, least);
    }
    let env = builder.build().await;
    // The first hour of a day is kept longer in any case.
    snapshot(&env, "2026-11-21T04:00:00Z").await;
    let pinned = snapshot(&env, "2026-11-21T05:00:00Z").await;
    let pruned = snapshot(&env, "2026-11-21T06:00:00Z").await;
    let pin = run(&env, &["pin", &pinned, "--why", "before the migration"]).await;
    assert_eq!(pin.code, 0, "{}", pin.err);
    for hour in 7..12 {
        snapshot(&env, &format!("2026-11-21T{hour:02}:00:00Z")).await;
    }
    let list = run(&env, &["snapshots"]).await.out;
    let line = list.lines().find(|line| line.contains(&pinned)).expect("the pinned snapshot");
    assert!(line.contains("before the migration") && line.contains("landbridge"), "{list}");
    assert!(line.contains("6 h") && line.contains("14:00 KST"), "{list}");
    assert!(!list.contains(&pruned), "{list}");
    assert!(list.contains("1 pinned"), "{list}");

    assert_eq!(run(&env, &["unpin", &pinned]).await.code, 0);
    snapshot(&env, "2026-11-21T12:00:00Z").await;
    let list = run(&env, &["snapshots", "--output", "json"]).await.json();
    let names: Vec<&str> =
        list.as_array().unwrap().iter().map(|it| it["snapshot"].as_str().unwrap()).collect();
    assert!(!names.contains(&pinned.as_str()), "{names:?}");
}
