//! `landbridge_ops`: what the tables and views say of a day, that every row is there once, and that a day never
//! depends on them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use landbridge_core::incident::{Cause, Event, Incident, IncidentState, Life, Member};
use landbridge_core::receipt::ReceiptState;
use landbridge_local::Principal::{Analyst, Loader, Stranger};
use landbridge_local_wire::{CallFault, CallFaultKind};
use serde_json::{Value, json};

use crate::python;
use crate::support::{TestEnv, TestEnvBuilder, at, root, small_database};

const VIEWS: [&str; 3] = ["table_health", "freshness", "row_trend"];
const TABLES: [&str; 4] = ["receipts", "columns", "audits", "incidents"];

/// The rows of a query as JSON, sorted.
async fn rows(env: &TestEnv, sql: &str) -> Vec<Value> {
    let sql = format!("SELECT TO_JSON_STRING(t) FROM ({sql}) AS t");
    let rows = env.query(Analyst, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut rows: Vec<String> = rows.concat();
    rows.sort();
    rows.iter().map(|row| serde_json::from_str(row).expect("JSON")).collect()
}

async fn text(env: &TestEnv, sql: &str) -> String {
    let rows = env.query(Analyst, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>().join("\n")
}

async fn change(env: &TestEnv, sql: &str) {
    env.query(Loader, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// One day without the ticks that have nothing to do.
async fn day(env: &TestEnv, date: &str) {
    for (function, hour) in [
        ("snapshot", "16:00"),
        ("export", "16:10"),
        ("export", "16:40"),
        ("transfer", "17:01"),
        ("load", "17:06"),
        ("load", "17:11"),
    ] {
        let outcome = env.tick(function, &format!("{date}T{hour}:00Z")).await;
        assert!(outcome.is_response(), "{function}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_day_is_in_every_table_once() {
    let mut builder = TestEnvBuilder::small();
    builder.config += "proof: { key: landbridge/shop/proof-key, kept: always }\n";
    let env = builder.build().await;
    day(&env, "2026-11-20").await;
    let people = text(
        &env,
        "SELECT column_name, class, transform, proof, row_count, null_count, misfit_count, tag_read_back \
         FROM landbridge_ops.columns WHERE table_name = 'people' ORDER BY column_name",
    )
    .await;
    assert_eq!(
        people,
        "email email copy through_mask 3 0 0 true\n\
         id none copy plain 3 0 0 true\n\
         name name copy readers 3 1 0 true\n\
         secret unclassified copy readers 3 1 0 true"
    );
    let card = "SELECT transform, class FROM landbridge_ops.columns WHERE column_name = 'card'";
    assert_eq!(text(&env, card).await, "tokenise none");
    let dropped = "SELECT COUNT(*) FROM landbridge_ops.columns WHERE column_name = 'internal'";
    assert_eq!(text(&env, dropped).await, "0", "a column that stays in AWS");
    let checks = "SELECT check_name, outcome, level FROM landbridge_ops.audits \
                  WHERE table_name = 'people' AND check_name IN ('deadline', 'rows') ORDER BY 1";
    assert_eq!(text(&env, checks).await, "deadline passed NULL\nrows waits warn");
    let twice = "SELECT COUNT(*) FROM (SELECT 1 FROM landbridge_ops.audits \
                 GROUP BY table_name, check_name, column_name, outcome HAVING COUNT(*) > 1) AS t";
    assert_eq!(text(&env, twice).await, "0");
    // Whoever may query the dataset may query the views.
    for view in VIEWS {
        let sql = format!("SELECT table_name FROM landbridge_ops.{view} ORDER BY 1");
        let tables = env.query(Stranger, &sql).await;
        assert_eq!(
            tables.map(|it| it.concat()),
            Ok(["nothing", "orders", "people"].map(str::to_owned).to_vec()),
            "{view}"
        );
    }
    let fresh = "SELECT as_of_day, published_hours_late, hours_late FROM landbridge_ops.freshness WHERE table_name = 'orders'";
    assert_eq!(text(&env, fresh).await, "2026-11-21 0 0");
    // 04:00 of the next day and two hours.
    env.cloud.clock().advance_to(at("2026-11-21T21:30:00Z"));
    assert_eq!(text(&env, fresh).await, "2026-11-21 0 2");
}

/// A person deletes one view, changes another and puts an own one in the place of the third: the first tick of the next
/// day writes the first two again, leaves the third and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_second_day_are_added_and_a_changed_view_is_written_again() {
    let env = TestEnvBuilder::small().build().await;
    day(&env, "2026-11-20").await;
    change(&env, "DROP VIEW landbridge_ops.row_trend").await;
    change(&env, "ALTER VIEW landbridge_ops.freshness SET OPTIONS (description = 'changed')").await;
    change(&env, "DROP VIEW landbridge_ops.table_health").await;
    change(&env, "CREATE VIEW landbridge_ops.table_health AS SELECT 'ours' AS whose").await;
    day(&env, "2026-11-21").await;
    let days = "SELECT day, COUNT(*) FROM landbridge_ops.columns GROUP BY day ORDER BY day";
    assert_eq!(text(&env, days).await, "2026-11-21 12\n2026-11-22 12");
    let ours = "SELECT whose FROM landbridge_ops.table_health";
    assert_eq!(text(&env, ours).await, "ours", "a person's view is not touched");
    let notices: Vec<String> = env.alerts("load").iter().map(ToString::to_string).collect();
    let about = notices.iter().filter(|it| it.contains("ops dataset is not written"));
    let about: Vec<&String> = about.collect();
    assert!(about.len() == 1 && about[0].contains("landbridge_ops.table_health"), "{notices:#?}");
    change(&env, "DROP VIEW landbridge_ops.table_health").await;
    env.tick("load", "2026-11-21T17:16:00Z").await;
    let described = |name| env.cloud.google().table_resource("landbridge_ops", name).expect(name);
    assert!(described("freshness")["description"].as_str().unwrap().starts_with("One row"));
    assert!(described("row_trend")["schema"].to_string().contains("Mean of the 30"));
    assert_eq!(text(&env, "SELECT COUNT(*) FROM landbridge_ops.table_health").await, "3");
}

/// A table that refuses rows holds nothing back: the day is published, one notice says it, and the rows of this
/// day and of the day before follow when the cause is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_does_not_wait_for_its_columns() {
    let env = TestEnvBuilder::small().build().await;
    change(&env, "CREATE TABLE landbridge_ops.columns (other INT64)").await;
    day(&env, "2026-11-20").await;
    let receipts = env.receipts("2026-11-21").await;
    assert!(receipts.values().filter(|it| it.state == ReceiptState::Published).count() == 3);
    let record = env.ledger("2026-11-21/day.json").await;
    let record: Value = serde_json::from_slice(&record[0].1).unwrap();
    assert_eq!(record["published"], true);
    let alerts: Vec<String> = env.alerts("load").iter().map(ToString::to_string).collect();
    let about: Vec<&String> =
        alerts.iter().filter(|it| it.contains("ops dataset is not written")).collect();
    assert!(about.len() == 1 && about[0].contains("landbridge_ops.columns"), "{alerts:#?}");
    assert!(about[0].contains(r#""kind":"Notice""#), "{about:#?}");
    change(&env, "DROP TABLE landbridge_ops.columns").await;
    day(&env, "2026-11-21").await;
    let days = "SELECT day, COUNT(*) FROM landbridge_ops.columns GROUP BY day ORDER BY day";
    assert_eq!(text(&env, days).await, "2026-11-21 12\n2026-11-22 12");
    let waiting = env.ledger("ops.json").await;
    let waiting: Value = serde_json::from_slice(&waiting[0].1).unwrap();
    assert_eq!(waiting["waiting"], json!({}));
}

/// Rows that could not be written for two weeks are given up: that is said, also if each error was one that passes by itself.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_given_up_are_named() {
    let env = TestEnvBuilder::small().build().await;
    let first = jiff::civil::date(2026, 11, 1);
    let days = (0..14).map(|n| ((first + jiff::Span::new().days(n)).to_string(), json!([1])));
    let waiting: serde_json::Map<String, Value> = days.collect();
    let record = Bytes::from(json!({ "waiting": waiting }).to_string());
    let put = env.cloud.aws().put_object("shop-exports", "ledger/shop/ops.json", record).await;
    put.expect("a record");
    day(&env, "2026-11-20").await;
    let alerts: Vec<String> = env.alerts("load").iter().map(ToString::to_string).collect();
    let about: Vec<&String> = alerts.iter().filter(|it| it.contains("given up")).collect();
    assert!(about.len() == 1 && about[0].contains("2026-11-01"), "{alerts:#?}");
}

fn incident(number: u32, changes: usize, life: Life) -> Incident {
    let time = at("2026-11-20T17:12:00Z");
    let member = Member {
        name: "orders".to_owned(),
        context: String::new(),
        action: String::new(),
        day: "2026-11-21".parse().unwrap(),
        at: time,
        redo: 0,
        rows_of: None,
        table: "orders".to_owned(),
        notice: None,
        ended_at: None,
    };
    Incident {
        number,
        cause: Cause { kind: "Held".to_owned(), what: "a table is held".to_owned() },
        day: "2026-11-21".parse().unwrap(),
        opened_at: time,
        life,
        members: [("orders".to_owned(), member)].into(),
        events: (0..changes).map(|n| Event { at: time, text: n.to_string() }).collect(),
        late: None,
        threads: Default::default(),
        effect: String::new(),
        command: String::new(),
    }
}

async fn put(env: &TestEnv, name: &str, value: &impl serde::Serialize) {
    let bucket = env.cloud.config().export.bucket.clone();
    let bytes = Bytes::from(serde_json::to_vec(value).unwrap());
    let key = format!("ledger/shop/{name}");
    env.cloud.aws().put_object(&bucket, &key, bytes).await.expect("an object");
}

async fn put_state(env: &TestEnv, incidents: &[Incident]) {
    let state = IncidentState {
        newest: incidents.iter().map(|it| it.number).max().unwrap_or(0),
        incidents: incidents.iter().map(|it| (it.number, it.clone())).collect(),
        ..IncidentState::default()
    };
    put(env, "incidents.json", &state).await;
}

/// A clock for the ticks of one test.
struct Ticks(Timestamp);

impl Ticks {
    fn next(&mut self) -> String {
        self.0 += SignedDuration::from_mins(1);
        self.0.to_string()
    }
}

/// An incident changes, and then one call of the tick of the load breaks: the process dies after it took effect, or
/// its answer is lost. For every call, the next tick leaves one row per change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_an_incident_is_one_row_whatever_call_breaks() {
    let mut builder = TestEnvBuilder::small();
    builder.config += "alerts:\n  email: { topic: \"arn:aws:sns:ap-northeast-2:123456789012:landbridge-shop-alerts\" }\n";
    let env = builder.build().await;
    day(&env, "2026-11-20").await;
    let mut ticks = Ticks(at("2026-11-20T17:30:00Z"));
    put_state(&env, &[incident(1, 1, Life::Open)]).await;
    env.cloud.calls().clear_fault();
    env.tick("load", &ticks.next()).await;
    let calls = env.cloud.calls().count();
    assert!(calls > 15, "{calls} calls");
    let mut changes = 1;
    let sql = "SELECT COUNT(*), COUNT(DISTINCT changes) FROM landbridge_ops.incidents";
    for call_number in 1..=calls {
        for kind in [CallFaultKind::KillCaller, CallFaultKind::DropResponse] {
            changes += 1;
            put_state(&env, &[incident(1, changes, Life::Open)]).await;
            env.cloud.calls().inject_fault(CallFault { call_number, kind });
            env.cloud.clock().advance_to(at(&ticks.next()));
            let _ = env.cloud.tick("load", env.cloud.clock().now()).await;
            assert!(env.cloud.calls().fault_fired(), "call {call_number}");
            env.cloud.calls().clear_fault();
            env.tick("load", &ticks.next()).await;
            let wanted = format!("{changes} {changes}");
            assert_eq!(text(&env, sql).await, wanted, "call {call_number} of {calls}, {kind:?}");
        }
    }
    // Two ticks at once.
    put_state(&env, &[incident(1, changes + 1, Life::Open)]).await;
    let now = env.cloud.clock().now();
    let (one, other) = tokio::join!(env.cloud.tick("load", now), env.cloud.tick("load", now));
    assert!(one.is_ok() && other.is_ok());
    env.tick("load", &ticks.next()).await;
    assert_eq!(text(&env, sql).await, format!("{0} {0}", changes + 1));
    println!("{calls} calls, each broken in two ways");
}

/// Incidents that opened and ended while no tick of the load looked, and their end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_ended_is_found_in_its_own_record() {
    let mut builder = TestEnvBuilder::small();
    builder.config += "alerts:\n  email: { topic: \"arn:aws:sns:ap-northeast-2:123456789012:landbridge-shop-alerts\" }\n";
    let env = builder.build().await;
    let mut ticks = Ticks(at("2026-11-20T17:30:00Z"));
    let ended = Life::Resolved { at: at("2026-11-20T17:20:00Z") };
    put(&env, "incidents/00001.json", &incident(1, 2, ended.clone())).await;
    put_state(&env, &[incident(2, 1, Life::Open), incident(3, 1, ended.clone())]).await;
    env.tick("load", &ticks.next()).await;
    let sql = "SELECT incident, state, ended_at IS NULL FROM landbridge_ops.incidents ORDER BY incident, recorded_at";
    let first = "1 resolved false\n2 open true\n3 resolved false";
    assert_eq!(text(&env, sql).await, first);
    // The second ends and moves to its own record; a fourth opens.
    put(&env, "incidents/00002.json", &incident(2, 2, ended)).await;
    put_state(&env, &[incident(4, 1, Life::Open)]).await;
    for _ in 0..2 {
        env.tick("load", &ticks.next()).await;
    }
    let second = "1 resolved false\n2 open true\n2 resolved false\n3 resolved false\n4 open true";
    assert_eq!(text(&env, sql).await, second);
    let open = "SELECT ARRAY_TO_STRING(open_tables, ','), cause FROM landbridge_ops.incidents WHERE incident = 4";
    assert_eq!(text(&env, open).await, "orders a table is held");
}

/// A source with three weeks of days: a table that is held now, one that is gone, one that was never published.
async fn add_other_source(env: &TestEnv) {
    let receipts = "INSERT INTO landbridge_ops.receipts (source, day, source_table, table_name, state, rows_table, problem, notes, snapshot_at, recorded_at)";
    let day = "DATE_ADD(DATE '2026-11-01', INTERVAL n DAY)";
    let time = format!("TIMESTAMP_ADD(TIMESTAMP({day}), INTERVAL 2 HOUR)");
    for sql in [
        format!(
            "{receipts} SELECT 'other', {day}, name, SUBSTR(name, 8), 'published', 100 + n * n, CAST(NULL AS STRING), '[]', {time}, {time} FROM UNNEST(GENERATE_ARRAY(0, 19)) AS n CROSS JOIN UNNEST(['public.t', 'public.gone']) AS name"
        ),
        format!("{receipts} SELECT 'other', {day}, 'public.t', 't', 'held', CAST(NULL AS INT64), 'Held: it shrank', '[]', {time}, {time} FROM UNNEST([20]) AS n"),
        format!("{receipts} SELECT 'other', {day}, 'public.gone', '', 'missing', CAST(NULL AS INT64), CAST(NULL AS STRING), '[{{\"code\":\"table_gone\",\"text\":\"it is gone\"}}]', {time}, {time} FROM UNNEST([20]) AS n"),
        format!("{receipts} SELECT 'other', {day}, 'public.new', 'new', 'held', CAST(NULL AS INT64), 'Held: no type', '[]', {time}, {time} FROM UNNEST([20]) AS n"),
        format!("{receipts} SELECT 'other', {day}, 'public.part', '', 'skipped', CAST(NULL AS INT64), CAST(NULL AS STRING), '[{{\"code\":\"partition\",\"text\":\"a partition\"}}]', {time}, {time} FROM UNNEST([20]) AS n"),
        format!(
            "INSERT INTO landbridge_ops.audits (source, day, source_table, table_name, redo, check_name, outcome, state, due_at, recorded_at) SELECT 'other', {day}, 'public.t', 't', 0, 'deadline', IF(n < 18, 'passed', 'found'), 'published', TIMESTAMP_SUB({time}, INTERVAL IF(n < 18, 0, 3) HOUR), {time} FROM UNNEST(GENERATE_ARRAY(0, 19)) AS n"
        ),
        "INSERT INTO landbridge_ops.incidents (source, incident, state, kind, cause, is_notice, day, opened_at, tables, open_tables, changes, recorded_at) \
         VALUES ('other', 1, 'open', 'Held', 'rows are lost', FALSE, DATE '2026-11-20', TIMESTAMP '2026-11-20 03:00:00Z', ['t', 'gone'], ['t', 'gone'], 1, TIMESTAMP '2026-11-20 03:00:00Z'), \
         ('other', 1, 'open', 'Held', 'rows are lost', FALSE, DATE '2026-11-20', TIMESTAMP '2026-11-20 03:00:00Z', ['t', 'gone'], ['t'], 2, TIMESTAMP '2026-11-20 04:00:00Z'), \
         ('other', 2, 'open', 'Held', 'a type changed', FALSE, DATE '2026-11-20', TIMESTAMP '2026-11-20 03:00:00Z', ['public.new', 't'], ['public.new', 't'], 1, TIMESTAMP '2026-11-20 03:00:00Z'), \
         ('other', 3, 'resolved', 'Held', 'it is over', FALSE, DATE '2026-11-20', TIMESTAMP '2026-11-20 03:00:00Z', ['t'], ['t'], 2, TIMESTAMP '2026-11-20 03:00:00Z'), \
         ('other', 4, 'open', 'Notice', 'a warning', TRUE, DATE '2026-11-20', TIMESTAMP '2026-11-20 03:00:00Z', ['t'], ['t'], 1, TIMESTAMP '2026-11-20 03:00:00Z')".to_owned(),
        "INSERT INTO landbridge_ops.columns (source, day, table_name, column_name, class, transform, recorded_at) \
         VALUES ('other', DATE '2026-11-19', 't', 'mail', 'none', 'copy', TIMESTAMP '2026-11-19 03:00:00Z'), \
         ('other', DATE '2026-11-20', 't', 'mail', 'email', 'copy', TIMESTAMP '2026-11-20 03:00:00Z')".to_owned(),
    ] {
        change(env, &sql).await;
    }
}

/// The time at which views and queries are asked, in both engines.
const NOW: &str = "TIMESTAMP '2026-11-22 05:30:00Z'";

fn asked_at(sql: &str) -> String {
    sql.replace("CURRENT_TIMESTAMP()", NOW).replace("CURRENT_DATE()", "DATE '2026-11-22'")
}

/// The queries of docs/ops.md.
fn documented() -> Vec<String> {
    let page = std::fs::read_to_string(root().join("docs/ops.md")).expect("the page");
    let blocks = page.split("```sql\n").skip(1);
    blocks.map(|it| it.split("```").next().expect("its end").trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_views_say_what_is_wrong_and_do_so_in_googles_engine() {
    let mut builder = TestEnvBuilder::small();
    builder.source = Arc::new(small_database());
    let env = builder.build().await;
    day(&env, "2026-11-20").await;
    add_other_source(&env).await;
    let health = "SELECT source_table, last_published_day, status, row_count, usual_row_count, change_percent, reason, open_incidents, incident_causes \
                  FROM landbridge_ops.table_health WHERE source = 'other' ORDER BY 1";
    assert_eq!(
        text(&env, health).await,
        "public.gone 2026-11-20 missing 461 232.5 98.3 it is gone 0 NULL\n\
         public.new NULL held NULL NULL NULL Held: no type 1 a type changed\n\
         public.t 2026-11-20 held 461 232.5 98.3 Held: it shrank 2 rows are lost; a type changed"
    );
    let trend = "SELECT row_count, row_change, mean_14, mean_30, days_30 FROM landbridge_ops.row_trend \
                 WHERE source_table = 'public.t' AND day IN (DATE '2026-11-01', DATE '2026-11-20') ORDER BY day";
    assert_eq!(text(&env, trend).await, "100 NULL 100.0 100.0 1\n461 37 272.5 223.5 20");
    let queries = documented();
    assert_eq!(queries.len(), 3);
    let answers = [
        "gone missing 2026-11-20 98.3 0 it is gone\nnew held NULL NULL 1 Held: no type\nt held 2026-11-20 98.3 2 Held: it shrank",
        "t 2",
        "t mail 2026-11-20 none, copy email, copy",
    ];
    let mut asked = Vec::new();
    for (sql, answer) in queries.iter().zip(answers) {
        let sql = asked_at(sql);
        assert_eq!(text(&env, &sql).await, answer, "{sql}");
        asked.push(json!({"sql": sql, "rows": rows(&env, &sql).await}));
    }
    compare_with_googles_engine(&env, asked).await;
}

async fn compare_with_googles_engine(env: &TestEnv, queries: Vec<Value>) {
    let google = env.cloud.google();
    let (mut tables, mut views) = (serde_json::Map::new(), serde_json::Map::new());
    for table in TABLES {
        let resource = google.table_resource("landbridge_ops", table).expect(table);
        let rows = rows(env, &format!("SELECT * FROM landbridge_ops.{table}")).await;
        let table = format!("shop-analytics.landbridge_ops.{table}");
        tables.insert(table, json!({"fields": resource["schema"]["fields"], "rows": rows}));
    }
    for view in VIEWS {
        let resource = google.table_resource("landbridge_ops", view).expect(view);
        let query = asked_at(resource["view"]["query"].as_str().expect("a query"));
        let rows = rows(env, &query).await;
        let fields = &resource["schema"]["fields"];
        views.insert(view.to_owned(), json!({"query": query, "fields": fields, "rows": rows}));
    }
    let test = "the views of landbridge_ops, in Google's GoogleSQL engine";
    let Some(python) = python::installed_dbt(test) else { return };
    let dir = tempfile::TempDir::new().expect("a directory");
    let file = dir.path().join("ops.json");
    let text = json!({"tables": tables, "views": views, "queries": queries}).to_string();
    std::fs::write(&file, text).expect("a file");
    let mut command = python::pytest(&python, "models", &["test_ops.py"]);
    command.env("LANDBRIDGE_OPS", &file);
    python::assert_pytest_passes(test, command, Duration::from_secs(300)).await;
}
