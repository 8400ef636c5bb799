//! Past days are filled from kept exports, and nothing else changes.

use landbridge_core::receipt::ReceiptState;
use landbridge_local::Principal::{Analyst, Loader};
use serde_json::Value;

use super::{builder, command, day, kept, night, people_table, run_night, time};
use crate::command::{landbridge, output_text};
use crate::support::TestEnv;

/// `day state why` of the plan of a backfill of five days of `people`.
fn backfill(env: &TestEnv, args: &[&str]) -> Vec<String> {
    let (from, to) = (day(0), day(4));
    let all = ["backfill", "--table", "people", "--from", &from, "--to", &to, "--output", "json"];
    let output = landbridge(&env.operator_variables(), &[&all, args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let days = plan["days"].as_array().expect("days").iter();
    days.map(|it| format!("{} {} {}", text(&it["day"]), text(&it["state"]), text(&it["why"])))
        .collect()
}

/// Past days come from the exports that are kept, under today's contract; the table and the receipts of those days
/// stay as they are.
#[tokio::test(flavor = "multi_thread")]
async fn past_days_are_filled_from_kept_exports_and_what_cannot_be_filled_is_listed() {
    let (mut builder, database) = builder(30);
    let with_history = builder.config.clone();
    builder.config = with_history.split("\ntables:").next().expect("a configuration").to_owned();
    let env = builder.build().await;
    let row = |id: &'static str| [Some(id), Some("김민준"), Some("minjun@example.com"), None];
    let ids = ["1", "2", "3", "4", "5"];
    for n in 0..4 {
        let rows: Vec<_> = ids[..=n].iter().map(|id| row(id)).collect();
        database.set_table(people_table(&rows)).expect("a table");
        run_night(&env, n as i64).await;
    }
    let receipt = env.receipts(&day(0)).await.remove("public.people").expect("a receipt");
    for object in env.landing_objects().into_keys() {
        env.cloud.google().delete_object("shop-landing", &object);
    }
    let exports = crate::google::object_keys(&env, "exports/", ".parquet").await;
    let gone =
        exports.iter().filter(|key| key.contains("20261122") && key.contains("public.people"));
    for key in gone {
        assert!(env.cloud.aws().delete_object("shop-exports", key).await, "{key}");
    }
    env.deploy_config(&with_history);
    database.set_table(people_table(&ids.map(row))).expect("a table");
    night(&env, 4).await;
    kept(&env, 4, "public.people").await;
    let refused = format!("{} refused files of its export in s3://shop-exports/", day(1));
    let planned = backfill(&env, &["--dry-run"]);
    assert_eq!(planned.len(), 5, "{planned:#?}");
    assert!(planned[1].starts_with(&refused), "{planned:#?}");
    let fills = [0, 2, 3].map(|n| planned[n].clone());
    assert_eq!(fills, [0, 2, 3].map(|n| format!("{} fill ", day(n))), "{planned:#?}");
    assert_eq!(planned[4], format!("{} kept ", day(4)));
    assert!(env.ledger("redo/").await.is_empty());
    let text = command(
        &env,
        &["backfill", "--table", "public.people", "--from", &day(0), "--to", &day(4), "--dry-run"],
        0,
    );
    assert!(text.contains("3 days to fill") && text.contains("USD"), "{text}");
    let requested = backfill(&env, &["--yes"]);
    assert_eq!(requested[0], format!("{} requested ", day(0)), "{requested:#?}");
    assert_eq!(backfill(&env, &["--yes"])[0], format!("{} requested ", day(0)));
    for minutes in [300, 306, 312, 318] {
        for function in ["transfer", "load"] {
            assert!(env.tick(function, &time(4, minutes)).await.is_response());
        }
    }
    assert_eq!(
        backfill(&env, &["--dry-run"])[0],
        format!("{} kept ", day(0)),
        "{}",
        env.log_output()
    );
    let sql = "SELECT CAST(_PARTITIONDATE AS STRING), COUNT(*), COUNT(DISTINCT id) FROM shop.people_history GROUP BY 1 ORDER BY 1";
    let rows = |n: i64| vec![day(n), (n + 1).to_string(), (n + 1).to_string()];
    assert_eq!(env.query(Analyst, sql).await, Ok([0, 2, 3, 4].map(rows).to_vec()));
    let emails = "SELECT DISTINCT email FROM shop.people_history";
    assert_eq!(env.query(Analyst, emails).await.expect("masks").concat(), ["XXXXX@example.com"]);
    // The table and what its day says of it.
    let sql = "SELECT COUNT(*) FROM shop.people";
    assert_eq!(env.query(Analyst, sql).await.expect("rows").concat(), ["5"]);
    let after = env.receipts(&day(0)).await.remove("public.people").expect("a receipt");
    assert_eq!(
        (after.state, after.rows_table, &after.job),
        (receipt.state, receipt.rows_table, &receipt.job)
    );
    let text = command(&env, &["receipt", &day(0), "--table", "people"], 0);
    assert!(text.contains("2026-11-21 is kept in people_history, 1 rows"), "{text}");
    let wrong = ["backfill", "--table", "nothing", "--from", "2026-11-21", "--to", "2026-11-22"];
    let text = command(&env, &wrong, 2);
    assert!(
        text.contains("keeps no history of `nothing`, only of public.orders, public.people"),
        "{text}"
    );
}

/// A backfill wants rows in the history alone. A day that an audit holds would be published on the way: it is refused, and a request
/// that was written all the same accepts nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_publishes_no_rows_that_an_audit_blocks() {
    let (mut builder, database) = builder(30);
    builder.config +=
        "\naudits:\n  tables:\n    public.people: { key: id, levels: { keys: block } }\n";
    let env = builder.build().await;
    night(&env, 0).await;
    let row = [Some("7"), Some("김민준"), Some("minjun@example.com"), None];
    database.set_table(people_table(&[row, row])).expect("a table");
    run_night(&env, 1).await;
    let held = env.receipts(&day(1)).await.remove("public.people").expect("a receipt");
    assert_eq!(held.state, ReceiptState::Held, "{held:?}");
    let (from, to) = (day(0), day(1));
    let range = ["backfill", "--table", "public.people", "--from", &from, "--to", &to];
    let shown = command(&env, &[&range[..], &["--dry-run"]].concat(), 0);
    let why = format!("landbridge redo {to} --table public.people");
    assert!(shown.contains(&why), "`{why}` is not in: {shown}");
    // What an earlier version would have written.
    let request = serde_json::json!({
        "number": 1, "tables": ["public.people"], "accept_audits": true, "backfill": true,
        "requested_at": time(1, 200),
    });
    let key = format!("ledger/shop/redo/{to}/001.json");
    let put = env.cloud.aws().put_object("shop-exports", &key, request.to_string().into()).await;
    put.expect("a request");
    for minutes in [300, 306, 312, 318] {
        for function in ["transfer", "load"] {
            assert!(env.tick(function, &time(1, minutes)).await.is_response());
        }
    }
    let sql = "SELECT STRING_AGG(CAST(id AS STRING), ' ' ORDER BY id) FROM shop.people";
    assert_eq!(env.query(Loader, sql).await.expect("rows").concat(), ["1 2 3"]);
    let held = env.receipts(&to).await.remove("public.people").expect("a receipt");
    assert_eq!((held.state, held.redo), (ReceiptState::Held, 1), "{held:?}");
}

/// A person deleted the history's table. Days that were filled are filled again if the operator says so.
#[tokio::test(flavor = "multi_thread")]
async fn days_of_a_deleted_history_are_filled_again() {
    let (builder, _) = builder(30);
    let env = builder.build().await;
    night(&env, 0).await;
    env.query(Loader, "DROP TABLE shop.people_history").await.expect("no table");
    night(&env, 1).await;
    let first = day(0);
    let range = ["backfill", "--table", "people", "--from", &first, "--to", &first];
    let shown = |args: &[&str]| command(&env, &[&range[..], args].concat(), 0);
    assert!(shown(&["--dry-run"]).contains("0 days to fill"));
    assert!(shown(&["--dry-run", "--again"]).contains("1 day to fill"));
    command(&env, &[&range[..], &["--again", "--yes"]].concat(), 0);
    for minutes in [300, 306, 312, 318] {
        for function in ["transfer", "load"] {
            assert!(env.tick(function, &time(1, minutes)).await.is_response());
        }
    }
    let sql = "SELECT CAST(_PARTITIONDATE AS STRING), COUNT(*) FROM shop.people_history GROUP BY 1 ORDER BY 1";
    let days = [0, 1].map(|n| vec![day(n), "3".to_owned()]).to_vec();
    assert_eq!(env.query(Analyst, sql).await, Ok(days), "{}", env.log_output());
}
