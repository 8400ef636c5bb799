//! A contract that hides more is in force five minutes after its deployment, at any hour: while the
//! functions load tables, and when no load is due until the next night.

use landbridge_local::Principal::{Analyst, PiiReader, Stranger};
use serde_json::Value;

use crate::support::{SMALL_CONTRACT, TestEnv, TestEnvBuilder, Ticks};

/// 03:10 and 03:15 in Seoul on the second day. The tables of that day are loaded from 02:00 on.
const AT_NIGHT: [&str; 2] = ["2026-11-21T18:10:00Z", "2026-11-21T18:15:00Z"];
/// 10:10 and 10:15 in Seoul. The last tick of the load was at 04:55.
const BY_DAY: [&str; 2] = ["2026-11-22T01:10:00Z", "2026-11-22T01:15:00Z"];

const PLACED_AT: &str =
    "placed_at: { source: timestamp with time zone, type: TIMESTAMP, class: none }";
const WEIGHT: &str = "weight: { source: double precision, type: FLOAT64, class: none }";

/// The contract with another class of a column.
fn with_class(contract: &str, line: &str, class: &str) -> String {
    assert!(contract.contains(line), "{line}");
    contract.replace(line, &line.replace("class: none", &format!("class: {class}")))
}

/// The number of different `placed_at`, and the sum of `weight`, as the analyst sees them.
async fn seen_by_analyst(env: &TestEnv) -> [String; 2] {
    let sql = "SELECT COUNT(DISTINCT placed_at), SUM(weight) FROM shop.orders";
    let rows = env.query(Analyst, sql).await.expect("an answer");
    rows.concat().try_into().expect("two cells")
}

/// The record of the newest contract.
async fn recorded(env: &TestEnv) -> Value {
    let record = env.ledger("contract.json").await.remove(0).1;
    serde_json::from_slice(&record).expect("JSON")
}

/// Runs the schedules until `at`, deploys the contract, and runs them until five minutes later.
/// Returns what the analyst saw at the deployment, one minute before the end, and at the end.
async fn deploy(env: &TestEnv, contract: &str, [at, later]: [&str; 2]) -> [[String; 2]; 3] {
    let failed = env.run_until(at).await;
    assert!(failed.is_empty(), "{failed:#?}");
    let before = seen_by_analyst(env).await;
    env.deploy_contract(contract);
    // 18:10 → 18:14:59, before the tick of the next five minutes.
    let last = format!("{}4:59Z", &at[..at.len() - 5]);
    assert!(env.run_until(&last).await.is_empty());
    let between = seen_by_analyst(env).await;
    assert_ne!(recorded(env).await["recorded_at"], later, "no pass has run yet");
    assert!(env.run_until(later).await.is_empty());
    let record = recorded(env).await;
    assert_eq!((&record["recorded_at"], &record["applied"]), (&later.into(), &true.into()));
    [before, between, seen_by_analyst(env).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stricter_class_is_in_force_at_0315_and_at_1015() {
    let mut builder = TestEnvBuilder::small();
    builder.ticks = Ticks::Every;
    let env = builder.build().await;
    let failed = env.run_day(0).await;
    assert!(failed.is_empty(), "{failed:#?}");
    let plain = ["20".to_owned(), "1250.0".to_owned()];

    // 1 January of one year instead of twenty days.
    let night = with_class(SMALL_CONTRACT, PLACED_AT, "birth");
    let masked_at = ["1".to_owned(), "1250.0".to_owned()];
    let seen = deploy(&env, &night, AT_NIGHT).await;
    assert_eq!(seen, [plain.clone(), plain, masked_at.clone()]);

    let day = with_class(&night, WEIGHT, "unclassified");
    let all_masked = ["1".to_owned(), "NULL".to_owned()];
    let seen = deploy(&env, &day, BY_DAY).await;
    assert_eq!(seen, [masked_at.clone(), masked_at, all_masked.clone()]);

    // Other people: the readers of `birth` see plain values, a user without rights is refused, and
    // nobody sees `weight`.
    let placed = "SELECT COUNT(DISTINCT placed_at) FROM shop.orders";
    assert_eq!(env.query(PiiReader, placed).await.expect("an answer"), [["20"]]);
    assert!(env.query(Stranger, placed).await.is_err());
    let weight = "SELECT SUM(weight) FROM shop.orders";
    for who in [PiiReader, Stranger] {
        assert_eq!(env.query(who, weight).await.expect("an answer"), [["NULL"]]);
    }

    // The next load keeps both classes.
    let failed = env.run_day(2).await;
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(seen_by_analyst(&env).await, all_masked);
}
