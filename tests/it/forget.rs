//! `landbridge forget`: the rows of a person are removed from kept exports and BigQuery, and do not come back silently.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use landbridge_local::Principal::Loader;
use landbridge_local_wire::{CallFault, CallFaultKind};
use serde_json::Value;

use crate::command::{command, landbridge, output_text};
use crate::google::object_keys;
use crate::proof::source::{ALWAYS, postgres};
use crate::support::{TestEnv, at};

const FIRST: &str = "2026-11-21";
const SECOND: &str = "2026-11-22";

fn run(env: &TestEnv, args: &[&str]) -> Output {
    landbridge(&env.operator_variables(), args)
}

/// Runs the command, asserts its exit code and the parts of its output, and that the output has no value of the rows.
fn forget(env: &TestEnv, args: &[&str], code: i32, parts: &[&str]) -> String {
    let output =
        run(env, &[&["forget", "public.orders"], args, &["--reason", "ticket 4211"]].concat());
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
    for value in ["4242", "note 77", "p77@", "4000-77"] {
        assert!(!text.contains(value), "`{value}` is in: {text}");
    }
    text
}

/// The objects in Cloud Storage.
fn landed(env: &TestEnv) -> Vec<String> {
    let bucket = &env.cloud.config().transfer.bucket;
    env.cloud.google().list_objects(bucket, "").into_iter().map(|it| it.name).collect()
}

/// The records of all days that have sealed figures.
async fn sealed_figures(env: &TestEnv) -> Vec<String> {
    let mut found = Vec::new();
    for (key, bytes) in env.ledger("").await {
        let record: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let places = ["/proof", "/row_proofs", "/audit", "/figures/sealed"];
        let sealed = places.iter().filter_map(|it| record.pointer(it)?.as_object());
        if sealed.into_iter().any(|it| !it.is_empty()) {
            found.push(key);
        }
    }
    found
}

async fn rows(env: &TestEnv) -> Vec<Vec<String>> {
    env.query(Loader, "SELECT COUNT(*), COUNTIF(id = 77) FROM shop.orders").await.expect("rows")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_forgotten_and_does_not_come_back_silently() {
    let (_server, client, env) = postgres(ALWAYS).await;
    let files = object_keys(&env, "exports/", ".parquet").await;
    let of_orders =
        |files: &[String]| files.iter().filter(|it| it.contains("public.orders/")).count();
    assert!(of_orders(&files) > 0, "{files:?}");
    // The newest export has the row, in the source or not.
    forget(
        &env,
        &["id=77", "--yes"],
        1,
        &["the newest one, has rows of this key", "Delete them in the source"],
    );
    client.batch_execute("DELETE FROM orders WHERE id = 77").await.expect("a deleted row");
    forget(&env, &["id=77", "--yes"], 1, &["wait for the next export"]);
    assert_eq!(object_keys(&env, "exports/", ".parquet").await, files);
    assert!(env.ledger("forgotten/").await.is_empty());
    env.cloud.skip_until(at("2026-11-21T15:50:00Z"));
    let failed = env.run_until("2026-11-21T19:30:00Z").await;
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(env.receipts(SECOND).await["public.orders"].rows_table, Some(500));
    // The row is in the warehouse again, so that there is something to delete.
    env.query(Loader, "INSERT INTO shop.orders (id, note) VALUES (77, 'note 77')")
        .await
        .expect("a row");
    // What may not be compared, and what is only shown.
    forget(&env, &["email=p77@example.com"], 2, &["has a class"]);
    forget(&env, &["card=4000-77"], 2, &["has a class"]);
    forget(&env, &["amount=4242.5"], 2, &["neither INT64 nor STRING"]);
    forget(&env, &["nothing=4242"], 2, &["There are: id"]);
    forget(&env, &["id=x4242"], 2, &["id cannot be compared"]);
    let shown =
        forget(&env, &["id=77"], 0, &["delete the file", "delete 1 row in BigQuery", "add --yes"]);
    assert!(shown.contains("public.orders/"), "{shown}");
    assert!(env.ledger("forgotten/").await.is_empty());
    assert_eq!(rows(&env).await, [["501", "1"]]);
    let sealed = sealed_figures(&env).await;
    let of_first = |name: &&String| name.contains("/2026-11-21/") && name.contains("/orders@");
    assert!(sealed.iter().any(|it| of_first(&it)), "{sealed:#?}");
    assert!(shown.contains("remove the sealed figures"), "{shown}");
    // What the command removes from S3.
    let mut kept = Vec::new();
    let of_orders = files.iter().filter(|it| it.contains("public.orders/"));
    for key in of_orders.chain(sealed.iter().filter(of_first)) {
        let bytes = env.cloud.aws().read_object("shop-exports", key).await.expect("a read");
        kept.push((key.clone(), bytes.expect("a file")));
    }
    // A day that is done again reads its export.
    let request = "ledger/shop/redo/2026-11-21/1.json";
    let put = env.cloud.aws().put_object("shop-exports", request, Bytes::from_static(b"{}")).await;
    put.expect("a request");
    forget(&env, &["id=77", "--yes"], 1, &["2026-11-21 is being done again"]);
    assert!(env.cloud.aws().delete_object("shop-exports", request).await);
    // A later revision of the plan, and the changes of a day, have folders of their own; other tables have similar ones.
    let bucket = &env.cloud.config().transfer.bucket;
    let of_table =
        landed(&env).into_iter().find(|it| it.contains("/2026-11-21/") && it.contains("/orders/"));
    let of_table = of_table.expect("an object");
    for folder in ["orders-r2", "orders-delta-s1", "orders-r2-delta-s13", "orders_r2", "orders-r2x"]
    {
        let name = of_table.replace("/orders/", &format!("/{folder}/"));
        env.cloud.google().put_object(bucket, &name, b"rows").expect("an object");
    }
    let landed = landed(&env);
    let of_orders = ["/orders/", "/orders-r2/", "/orders-delta-s1/", "/orders-r2-delta-s13/"];
    let is_old = |name: &&String| {
        name.contains("/2026-11-21/") && of_orders.iter().any(|folder| name.contains(folder))
    };
    assert!(landed.iter().filter(is_old).count() > of_orders.len() - 1, "{landed:#?}");
    assert!(shown.contains("of the table in Cloud Storage, of days before"), "{shown}");
    // Two at once, and again: one record, and everything is removed once.
    let variables = env.operator_variables();
    let both = ["forget", "public.orders", "id=77", "--reason", "ticket 4211", "--yes"];
    std::thread::scope(|scope| {
        let other = scope.spawn(|| landbridge(&variables, &both));
        let one = landbridge(&variables, &both);
        let outputs = [one, other.join().expect("an output")];
        let succeeded = outputs.iter().any(|it| it.status.success());
        assert!(succeeded, "{}", output_text(&outputs[0]));
    });
    let args = ["id=77", "--yes", "--output", "json"];
    let text = forget(&env, &args, 0, &[]);
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert!(report["finished_at"].is_string(), "{report}");
    assert_eq!(rows(&env).await, [["500", "0"]]);
    let left = object_keys(&env, "exports/", ".parquet").await;
    kept.retain(|(key, _)| !left.contains(key));
    let expected: Vec<String> = sealed.iter().filter(|it| !of_first(it)).cloned().collect();
    // Figures of other tables, and of the newest day, stay.
    assert!(expected.iter().any(|it| it.contains("/2026-11-22/") && it.contains("/orders@")));
    assert!(expected.iter().any(|it| it.contains("/2026-11-21/")), "{expected:#?}");
    assert_eq!(sealed_figures(&env).await, expected);
    let gone: Vec<&String> = files.iter().filter(|it| !left.contains(it)).collect();
    assert!(!gone.is_empty() && gone.iter().all(|it| it.contains("public.orders/")), "{gone:?}");
    let expected: Vec<String> = landed.into_iter().filter(|it| !is_old(&it)).collect();
    assert!(expected.iter().any(|it| it.contains("/2026-11-22/") && it.contains("/orders/")));
    assert!(expected.iter().any(|it| it.contains("/2026-11-21/")), "{expected:#?}");
    assert_eq!(self::landed(&env), expected);
    // The records: no value, what was removed, what remains.
    let records = env.ledger("forgotten/").await;
    let first = String::from_utf8_lossy(&records[0].1).into_owned();
    for part in [
        "\"key_hash\"",
        "ticket 4211",
        "RDS snapshot",
        "time travel",
        "fail-safe",
        gone[0].as_str(),
    ] {
        assert!(first.contains(part), "`{part}` is not in: {first}");
    }
    for (_, record) in &records {
        let record: Value = serde_json::from_slice(record).expect("JSON");
        assert!(record["finished_at"].is_string(), "{record}");
        assert_eq!(record["key_hash"].as_str().map(str::len), Some(64), "{record}");
        assert_eq!(record["absent_on"], SECOND);
    }
    killed_at_many_calls(&env, &kept).await;
    comes_back(&env);
    // The row is back in the source, and in an export that no day has planned yet.
    client
        .batch_execute("INSERT INTO orders (id, note) VALUES (77, 'note 77')")
        .await
        .expect("a row");
    env.cloud.skip_until(at("2026-11-22T15:50:00Z"));
    let failed = env.run_until("2026-11-22T16:40:00Z").await;
    assert!(failed.is_empty(), "{failed:#?}");
    let files = object_keys(&env, "exports/", ".parquet").await;
    forget(&env, &["id=77", "--yes"], 1, &["the export of 2026-11-23 is on its way"]);
    assert_eq!(object_keys(&env, "exports/", ".parquet").await, files);
}

/// The command is killed after its n-th call took effect, for many n. The next command of the same key goes on, and nothing is left.
async fn killed_at_many_calls(env: &TestEnv, kept: &[(String, Bytes)]) {
    let (pid, calls) = (Arc::new(AtomicU32::new(0)), env.cloud.calls());
    let victim = pid.clone();
    calls.on_kill(move || {
        let pid = victim.load(Ordering::SeqCst).to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().expect("kill").success());
    });
    let args = ["forget", "public.orders", "id=77", "--reason", "ticket 4211", "--yes"];
    let prepare = async || {
        for (key, bytes) in kept {
            let put = env.cloud.aws().put_object("shop-exports", key, bytes.clone()).await;
            put.expect("the file is there again");
        }
        let insert = "INSERT INTO shop.orders (id, note) VALUES (77, 'note 77')";
        env.query(Loader, insert).await.expect("a row");
    };
    let before = sealed_figures(env).await;
    prepare().await;
    assert_ne!(sealed_figures(env).await, before);
    calls.clear_fault();
    assert!(run(env, &args).status.success());
    let count = calls.count();
    assert!(count > 15, "{count}");
    let mut killed = 0;
    for number in (1..=count).step_by((count / 12).max(1)) {
        prepare().await;
        calls.inject_fault(CallFault { call_number: number, kind: CallFaultKind::KillCaller });
        let mut child = command(&env.operator_variables())
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command starts");
        pid.store(child.id(), Ordering::SeqCst);
        killed += usize::from(!child.wait().expect("an end").success());
        calls.clear_fault();
        let output = run(env, &args);
        assert!(output.status.success(), "call {number} of {count}: {}", output_text(&output));
        assert_eq!(rows(env).await, [["500", "0"]], "call {number} of {count}");
        let left = object_keys(env, "exports/", ".parquet").await;
        assert!(kept.iter().all(|(key, _)| !left.contains(key)), "call {number} of {count}");
        assert_eq!(sealed_figures(env).await, before, "call {number} of {count}");
        for (name, record) in env.ledger("forgotten/").await {
            let record: Value = serde_json::from_slice(&record).expect("JSON");
            assert!(
                record["finished_at"].is_string(),
                "call {number} of {count}, {name}: {record}"
            );
        }
    }
    assert!(killed > 5, "{killed}");
}

/// What would bring the row back is refused, or says so.
fn comes_back(env: &TestEnv) {
    let output = run(env, &["redo", FIRST, "--table", "public.orders", "--yes"]);
    let text = output_text(&output);
    assert!(output.status.code() == Some(1) && text.contains("forgotten/00000001.json"), "{text}");
    let output = run(env, &["restore", "--from-receipt", FIRST, "--as", "shop-old", "--dry-run"]);
    let text = output_text(&output);
    assert!(output.status.success() && text.contains("forgotten/00000001.json"), "{text}");
    // The day after it has no such rows.
    let output = run(env, &["restore", "--from-receipt", SECOND, "--as", "shop-new", "--dry-run"]);
    let text = output_text(&output);
    assert!(output.status.success() && !text.contains("forgotten/"), "{text}");
    let output =
        run(env, &["recover", "public.orders", "--at", FIRST, "--to", "/tmp/landbridge-none.sql"]);
    let text = output_text(&output);
    assert!(text.contains("forgotten/00000001.json") && text.contains("no longer in S3"), "{text}");
}
