//! `verify --against export`: the Parquet files that RDS wrote, of real PostgreSQL and MariaDB.

use bytes::Bytes;

use super::source::{ALWAYS, mariadb, postgres};
use super::*;

/// Asserts the exit code and that the output contains each part and no cell, and returns it.
fn check(env: &TestEnv, args: &[&str], code: i32, parts: &[&str]) -> String {
    let mut variables = env.operator_variables();
    variables.insert("LANDBRIDGE_GCP_TOKEN".into(), Analyst.token().to_owned());
    let command = ["verify", "--yes", "--against", "export"];
    let output = landbridge(&variables, &[&command, args].concat());
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not in: {text}"));
    for cell in ["note 7", "line 7", "@example.com", "another note"] {
        assert!(!text.contains(cell), "`{cell}` is in: {text}");
    }
    text
}

const SAME: [&str; 5] = [
    "4 of 4 tables equal",
    "orders: the export has the same values in 7 of 8 columns",
    "orders: not compared with the export: the transfer replaces the values: card",
    "entries: the export has the same values in 3 of 3 columns",
    "members: rows are not compared by a key and cannot be named: landbridge.yaml declares no key",
];

/// The object of the export that the first item of a table was made from: its key, ETag and length.
async fn object(env: &TestEnv, day: &str, table: &str) -> Value {
    let plans = env.ledger(&format!("{day}/plan/{table}.json")).await;
    let plan: Value = serde_json::from_slice(&plans[0].1).expect("a plan");
    plan["items"][0]["from"]["object"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_export_proves_the_day_while_the_source_goes_on() {
    let (_server, client, env) = postgres(ALWAYS).await;
    check(&env, &[], 0, &SAME);
    let json = check(&env, &["--output", "json"], 0, &["\"against\": \"export\""]);
    assert!(json.contains("\"source\": \"equal\""), "{json}");
    let source = "UPDATE orders SET amount = amount + 1 WHERE id = 9; DELETE FROM entries WHERE orders_id = 7";
    client.batch_execute(source).await.expect("the source goes on");
    check(&env, &[], 0, &SAME);
    let change = async |sql: &str| env.query(Loader, sql).await.expect("a changed table");
    change("UPDATE shop.orders SET note = 'another note' WHERE id = 77").await;
    let parts = [
        "table `orders`, column `note` differs: other values",
        "orders: row id = 77: differs in note\n",
    ];
    let orders = ["--table", "orders"];
    check(&env, &orders, 1, &parts);
    change("UPDATE shop.orders SET note = 'note 77' WHERE id = 77").await;
    change("DELETE FROM shop.orders WHERE id = 5").await;
    check(&env, &orders, 1, &["orders: row id = 5: is not in BigQuery\n"]);
    let url = ["--database-url-env", "SHOP_URL"];
    check(&env, &url, 2, &["--database-url-env belongs to --against source"]);
    // The next day. Its plan names the file of the day before: the files have other values than were transferred.
    let failed = env.run_until("2026-11-21T17:50:00Z").await;
    assert!(failed.is_empty(), "{failed:#?}");
    check(&env, &orders, 0, &["1 of 1 table equal"]);
    let (old, new) =
        (object(&env, "2026-11-21", "orders").await, object(&env, "2026-11-22", "orders").await);
    let (bucket, aws) = (env.cloud.config().export.bucket.clone(), env.cloud.aws());
    let plan = "ledger/shop/2026-11-22/plan/orders.json";
    let recorded = aws.read_object(&bucket, plan).await.expect("a plan").expect("it exists");
    let mut other: Value = serde_json::from_slice(&recorded).expect("JSON");
    other["items"][0]["from"]["object"] = old;
    let other = serde_json::to_vec(&other).expect("JSON");
    aws.put_object(&bucket, plan, other.into()).await.expect("another plan");
    let parts = [
        "and the export differs: table `orders`, column `amount`: the export has other values",
        "orders: row id = 9: differs in amount\n",
        "landbridge redo 2026-11-22",
    ];
    check(&env, &orders, 1, &parts);
    aws.put_object(&bucket, plan, recorded).await.expect("the plan");
    // A file that was replaced, and one that expired.
    let key = new["key"].as_str().expect("a key");
    let file = aws.read_object(&bucket, key).await.expect("a file").expect("it exists");
    aws.put_object(&bucket, key, Bytes::from_static(b"something else")).await.expect("a file");
    check(&env, &orders, 4, &["orders: an object "]);
    assert!(aws.delete_object(&bucket, key).await);
    check(&env, &orders, 4, &["orders: the export of 2026-11-22 is no longer in S3"]);
    aws.put_object(&bucket, key, file.slice(..file.len() - 9)).await.expect("a file");
    check(&env, &orders, 4, &["orders: "]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadbs_export_is_compared_alike() {
    let (_server, _client, env) = mariadb().await;
    check(&env, &[], 0, &SAME);
    env.query(Loader, "UPDATE shop.orders SET ratio = 7.25 WHERE id = 7").await.expect("a change");
    let parts = ["column `ratio` differs: other values", "orders: row id = 7: differs in ratio\n"];
    check(&env, &["--table", "orders"], 1, &parts);
}
